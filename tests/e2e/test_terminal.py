"""The whole thing in a real terminal (tmux): keys in, text out, no raw escape of others."""

import os
import shlex
import tempfile
import time

from terminal import Terminal, marked
from watched import BUILD, HARD, MEMSCOPE, alive, equal, exe_of, main, wait_until

DEMO = os.path.join(BUILD, "demo")


def test_demo():
    """cards, focus, help, output, export, filter, resize, quit"""
    with Terminal([MEMSCOPE, "--", DEMO]) as terminal:
        terminal.see("image-0")
        terminal.keys("?")
        terminal.see("elp")
        terminal.keys("Escape")
        terminal.keys("9")
        terminal.see("threads at work in process")
        terminal.keys("1")
        terminal.see("image-0")
        terminal.keys("Enter")
        terminal.see("> Focus]")
        terminal.keys("Escape")
        terminal.see("[1 Over]")
        terminal.keys("/", "ledger", "Enter")
        wait_until(lambda: "ledger-" in terminal.text() and "image-0" not in terminal.text(),
                   what="the filter")
        terminal.keys("/", "C-u", "Enter")
        for columns, rows in ((40, 8), (80, 24), (200, 60)):
            terminal.tmux("resize-window", "-x", str(columns), "-y", str(rows))
            wait_until(lambda: terminal.text().strip(), what=f"something at {columns}x{rows}")
            assert max(map(len, terminal.text().splitlines())) <= columns
        terminal.keys("q")
        terminal.see("detach")
        terminal.keys("k")
        terminal.see("status=")


def test_first_picture():
    """the first picture with the program's name is there within a second"""
    with Terminal([MEMSCOPE, "--", HARD, "sleep", "600000"]) as terminal:
        terminal.see("hard")


def test_program_ended():
    """the screen stays when the program ends, with its status; q leaves with it"""
    with Terminal([MEMSCOPE, "--", HARD, "exit", "42"]) as terminal:
        terminal.see("42")
        terminal.keys("q")
        terminal.see("status=42")


def test_hostile_names():
    """orders to the terminal in thread names and output are shown, never obeyed"""
    with Terminal([MEMSCOPE, "--", HARD, "hostile"]) as terminal:
        terminal.see("hard")
        for key in ("1", "9", "1", "Enter"):
            terminal.keys(key)
            time.sleep(1)
            # -e would show what colours tmux understood; the title is what OSC 0 would change.
            title = terminal.tmux("display-message", "-p", "#{pane_title}").decode()
            assert "owned" not in title and "printed" not in title, f"title: {title}"
            text = wait_until(lambda: terminal.text() if terminal.text().strip() else None,
                              what="a screen that was not cleared by a thread's name")
            bad = [c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160]
            assert not bad, f"control characters {bad!r}"


def test_raw_bytes():
    """what memscope-top sends to a terminal holds no escape sequence of the program's"""
    with tempfile.NamedTemporaryFile() as log:
        with Terminal([MEMSCOPE, "-C", "--", HARD, "hostile"], 100, 30) as terminal:
            terminal.tmux("pipe-pane", f"cat >{shlex.quote(log.name)}")
            terminal.see("hard")
            for key in "91":
                drawn = os.path.getsize(log.name)
                terminal.keys(key)
                wait_until(lambda: os.path.getsize(log.name) > drawn + 200, what="something drawn")
                time.sleep(1)
        raw = log.read()
        for wrong in (b"\033]0;", b"\033[31mred", b"\x9b5m", b"\033[2Jgone"):
            assert wrong not in raw, f"{wrong!r} reached the terminal"


def test_leaves_the_terminal_as_it_was():
    """stty says the same before and after"""
    script = (f"stty -a >before; {shlex.quote(MEMSCOPE)} -- {shlex.quote(HARD)} exit 0; "
              "stty -a >after; cmp before after && echo same-terminal")
    with Terminal(["/bin/sh", "-c", script]) as terminal:
        terminal.see("[EXITED 0]")
        terminal.keys("q")
        terminal.see("same-terminal")


def test_nothing_is_left_running():
    """with the terminal of a test ends what it watched, though the keeper keeps that running"""
    with Terminal([MEMSCOPE, "--", "/usr/bin/sleep", "300"]) as terminal:
        terminal.see("sleep")
        ran = wait_until(lambda: [pid for pid in marked(terminal.folder.name)
                                  if exe_of(pid).endswith("/sleep")], what="the program")
    equal([pid for pid in ran if alive(pid)], [], "left running")


main(globals())
