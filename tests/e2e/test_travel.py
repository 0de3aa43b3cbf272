"""Time travel in a real terminal: back and forth of a live program, and the screens of a recording."""

import os
import re
import tempfile
import time

from terminal import Terminal
from watched import BUILD, HARD, MEMSCOPE, equal, main, run, status, ticks_of, wait_until

DEMO = os.path.join(BUILD, "demo")


def head(terminal, word):
    """The figure behind a word in the rows of totals."""
    found = re.search(word + r" +(\S+)", terminal.text())
    return found.group(1) if found else None


def at(terminal):
    """Seconds of the run that the title shows."""
    found = re.search(r"(\d\d):(\d\d):(\d\d)", terminal.text().splitlines()[0])
    assert found, terminal.text()
    hours, minutes, seconds = map(int, found.groups())
    return hours * 3600 + minutes * 60 + seconds


def figures(terminal):
    """What a moment says: totals, and cards without what depends on what was looked at before."""
    lines = terminal.text().splitlines()
    return [re.sub(" +(viewer|events).*", "", line) for line in lines[1:3]] + [
        line for line in lines[4:16] if "allocs" in line or "cpu" in line]


def settled(terminal):
    """The figures of a picture that is drawn whole."""
    shown = figures(terminal)
    while (now := figures(terminal)) != shown:
        shown = now
    return shown


def step_back(terminal):
    """By one tick. Two ticks may look the same; but what is drawn when the help was there and has gone is
    drawn after the step."""
    terminal.keys(",", "?")
    terminal.see("── keys of")
    terminal.keys("Escape")
    wait_until(lambda: "── keys of" not in terminal.text(), what="the end of the help")


def leave(terminal):
    terminal.keys("q")
    terminal.see("detach")
    terminal.keys("k")
    terminal.see("status=")


def test_live():
    """, steps back, the totals of then stand still, ^E is the present again"""
    with Terminal([MEMSCOPE, "--", DEMO], columns=120, rows=30) as terminal:
        terminal.see("[LIVE]")
        wait_until(lambda: at(terminal) >= 3, what="some seconds of the run")
        terminal.keys(*[","] * 12)
        terminal.see("PAST", "ago]", "now", "stopped")
        then, heap, allocations = at(terminal), head(terminal, "heap"), head(terminal, "allocs")
        time.sleep(1.1)
        equal((at(terminal), head(terminal, "heap"), head(terminal, "allocs")),
              (then, heap, allocations), "what is shown of the past")
        terminal.keys("2")
        terminal.see("[2 Rank]", "PAST")
        terminal.keys("K")
        terminal.see("not in the past")
        terminal.keys("C-e")
        terminal.see("[LIVE]")
        wait_until(lambda: at(terminal) > then + 1, what="the present")
        leave(terminal)


def test_marks_and_bar():
    """b sets a mark of when it was pressed, the keys of time lead back to it, Esc to the present"""
    with Terminal([MEMSCOPE, "--", DEMO], columns=120, rows=30) as terminal:
        terminal.see("[LIVE]")
        wait_until(lambda: at(terminal) >= 1, what="a second of the run")
        marked = at(terminal)
        terminal.keys("b")
        terminal.see("set a mark")
        asked = at(terminal)
        wait_until(lambda: at(terminal) >= asked + 3, what="words that take a while")
        terminal.keys("h", "e", "r", "e", "Enter")
        terminal.see("mark set: here")
        terminal.keys("r")
        terminal.see("Esc: back to live")
        terminal.keys("[")
        terminal.see("PAST", "mark: here")
        assert marked - 1 <= at(terminal) <= asked + 1, (at(terminal), marked, asked)
        terminal.keys("Space")
        terminal.see("1x")
        terminal.keys("Escape")
        terminal.see("[LIVE]")
        leave(terminal)


def test_record_key():
    """R records from now on with what is kept of before, and again stops; a file that exists is asked about"""
    # With a trace something comes between any two ticks, so also between the last one and the key.
    with Terminal([MEMSCOPE, "--trace", "--", DEMO], columns=120, rows=30) as terminal:
        terminal.see("[LIVE]")
        path = os.path.join(terminal.folder.name, "there.memscope")
        with open(path, "w", encoding="utf-8") as file:
            file.write("mine")
        wait_until(lambda: at(terminal) >= 1, what="a second of the run")
        terminal.keys("R")
        terminal.see("Enter starts")
        terminal.keys("C-u", *path, "Enter")
        terminal.see("This file exists")
        with open(path, encoding="utf-8") as file:
            equal(file.read(), "mine", "the file before the answer")
        terminal.keys("Enter")
        terminal.see("REC", "so far")
        terminal.keys("Enter")
        wait_until(lambda: "so far" not in terminal.text(), what="the dialog closed")
        terminal.keys("R")
        terminal.see("Enter Stop")
        terminal.keys("Enter")
        terminal.see("[LIVE]", f"recorded: {path}")
        result = run([MEMSCOPE, "verify", path])
        equal(status(result), 0, f"verify: {result.stdout}")
        assert b"ticks 0 to" in result.stdout, "what was before R is not in it"
        leave(terminal)


def test_view():
    """a recording: opens at its end, steps, jumps, plays, and shows what was live at that tick"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.memscope")
        with Terminal([MEMSCOPE, "-o", path, "--", DEMO], columns=120, rows=30) as terminal:
            terminal.see("REC")
            wait_until(lambda: at(terminal) >= 2, what="some seconds of the run")
            terminal.keys(",")
            terminal.see("PAST")
            then, clock = at(terminal), re.search(r"PAST (\d\d:\d\d:\d\d)", terminal.text()).group(1)
            live = settled(terminal)
            terminal.keys("C-e")
            terminal.see("[LIVE]")
            leave(terminal)
            terminal.see("recorded:")
        with Terminal([MEMSCOPE, "view", path], columns=120, rows=30) as terminal:
            terminal.see(" of ", "stopped", "0:00 ")
            wait_until(lambda: "! so far" not in terminal.text(), what="all of it gone through")
            terminal.keys("r", "Home")
            terminal.see("[0:00 of")
            terminal.keys("Space")
            wait_until(lambda: at(terminal) >= 1, what="playing")  # or played to its end
            terminal.keys("Space", "p")
            terminal.see("stopped")
            terminal.keys("End", "Enter")
            # Step back to the tick at which the live screen was looked at.
            for _ in range(600):
                if settled(terminal) == live:
                    break
                step_back(terminal)
            else:
                raise AssertionError(f"never as it was at {then}, {clock}:\n" + "\n".join(live) +
                                     "\nlast:\n" + terminal.text())
            terminal.keys("K")
            terminal.see("this is a recording")
            terminal.keys("q")
            terminal.see("status=0")


def test_at():
    """--at goes to a moment; one that is not there is an error before the screen"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.memscope")
        result = run([MEMSCOPE, "-q", "-o", path, "--", HARD, "sleep", "2000"])
        equal(status(result), 0, f"recording: {result.stderr}")
        lines = os.path.join(folder, "lines")
        equal(status(run([MEMSCOPE, "export", path, "--json-lines", lines])), 0, "ticks of it")
        shown = max(tick["t_ns"] for tick in ticks_of(lines) if tick["t_ns"] <= 1.5e9) // 10**9
        with Terminal([MEMSCOPE, "view", path, "--at", "1.5"], columns=120) as terminal:
            terminal.see(f"[0:0{shown} of ")
        with Terminal([MEMSCOPE, "view", path, "--at", "9m"], columns=120) as terminal:
            terminal.see("beyond its end", "status=2")


main(globals())
