"""Files written by `e` from the live screen, in a real terminal: the view goes on meanwhile, and
whatever ends the writing is told in words and leaves no half file."""

import json
import os
import re
import signal
import threading
import time
import xml.parsers.expat

import trace_events
from pprof_data import Profile
from terminal import Terminal
from watched import BUILD, MEMSCOPE, alive, descendants, equal, exe_of, main, run, wait_until

DEMO = os.path.join(BUILD, "demo")
SCALE = os.path.join(BUILD, "tests/e2e/scale")
# So many call sites that a report takes a while; then something that goes on.
LARGE = ["/bin/sh", "-c", f"{SCALE} stacks 60000 </dev/null >/dev/null; exec {DEMO}"]
ENDINGS = [".json", ".html", ".txt", ".csv", ".pb.gz", ".speedscope.json", ".folded",
           ".perfetto.json", ".svg"]


class Live(Terminal):
    """A live screen that is ready for keys."""

    def __init__(self, program, columns=120):
        super().__init__([MEMSCOPE, "--", *program], columns, rows=30)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def export(self, name):
        self.keys("e", "C-u")
        self.keys("-l", self.path(name))
        self.keys("Enter")

    def figures(self):
        """The rows of totals, which change with every tick of a program that allocates."""
        return self.text().splitlines()[1:3]

    def goes_on(self, times=2):
        """The screen shows other figures so many times more."""
        for _ in range(times):
            before = self.figures()
            wait_until(lambda: self.figures() != before, what="figures that change")

    def below(self):
        """All processes that began in this terminal and are still somebody's child in it."""
        return descendants(int(self.tmux("display-message", "-p", "#{pane_pid}")))

    def writers(self):
        """Those of the viewer that are nice: they write."""
        return [pid for pid in self.below() if exe_of(pid) == MEMSCOPE and nice(pid) == 10]

    def read(self, name):
        if not os.path.exists(self.path(name)):
            return None
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def left(self):
        return {name for name in os.listdir(self.folder.name)} - {"tmux"}


def nice(pid):
    try:
        return os.getpriority(os.PRIO_PROCESS, pid)
    except OSError:
        return None


def leave(terminal, *words):
    terminal.keys("q")
    terminal.see("detach")
    terminal.keys("k")
    terminal.see("status=", *words)


def check(ending, path):
    """Is it whole, and of that format?"""
    with open(path, "rb") as file:
        raw = file.read()
    if ending == ".pb.gz":
        assert Profile(path).samples, "no samples"
        return
    text = raw.decode()
    if ending.endswith(".json"):
        document = json.loads(text)
        if ending == ".json":
            assert document["totals"]["allocations"] > 0, document["totals"]
        elif ending == ".perfetto.json":
            assert trace_events.check(document)["C"], "no counters"
        else:
            assert document["profiles"], "no profiles"
    elif ending == ".svg":
        xml.parsers.expat.ParserCreate().Parse(text, True)
    elif ending == ".html":
        assert text.startswith("<!DOCTYPE html>") and text.rstrip().endswith("</html>"), text[-80:]
    elif ending == ".txt":
        assert "\nTOTALS" in text and "\nWHAT IS MISSING" in text, text
    elif ending == ".csv":
        assert text.startswith("id,process_id,tid,") and text.endswith("\r\n"), text
    else:
        assert all(re.fullmatch(r".+ \d+", line) for line in text.splitlines()), text[:200]


def read_all(path, into):
    with open(path, "rb") as pipe, open(into, "wb") as file:
        file.write(pipe.read())


def test_every_format():
    """each format is written while the view goes on, for as long as its reader keeps it waiting"""
    with Live([DEMO]) as terminal:
        terminal.see("[LIVE]")
        terminal.goes_on(1)
        for ending in ENDINGS:
            pipe, copy = terminal.path("pipe" + ending), terminal.path("copy" + ending)
            os.mkfifo(pipe)
            terminal.export("pipe" + ending)
            terminal.see("writing ", "(x cancels)")
            terminal.goes_on()
            terminal.see("writing ")
            reader = threading.Thread(target=read_all, args=(pipe, copy))
            reader.start()
            terminal.see("Written. Enter or Esc closes.")
            reader.join()
            terminal.keys("Enter")
            check(ending, copy)
            os.unlink(pipe)
        equal([name for name in terminal.left() if "part" in name], [], "left over")
        leave(terminal)


def test_cancel():
    """one at a time; a letter of a filter cancels nothing, x cancels, also one that waits for a reader"""
    with Live([DEMO]) as terminal:
        terminal.see("[LIVE]")
        os.mkfifo(terminal.path("pipe.json"))
        terminal.export("pipe.json")
        terminal.see("writing ")
        terminal.keys("Escape")
        terminal.keys("/")
        terminal.keys("x", "y", "x")
        terminal.see("filter: xyx")
        terminal.keys("Escape")
        terminal.goes_on()
        equal(len(terminal.writers()), 1, "processes that write")
        terminal.export("second.svg")
        terminal.see("another export is running; x cancels it")
        terminal.keys("Escape")
        terminal.keys("x")
        terminal.see("not written: ", "cancelled")
        terminal.goes_on()
        equal(terminal.writers(), [], "processes that write")
        equal(terminal.left(), {"pipe.json"}, "left over")
        terminal.export("after.json")
        terminal.see("Written.")
        check(".json", terminal.path("after.json"))
        terminal.keys("Escape")
        leave(terminal)


def in_the_middle(terminal, pid):
    """Has this process begun its file, which has no name before it is whole?"""
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            name = os.readlink(f"/proc/{pid}/fd/{number}")
            if name.startswith(terminal.folder.name) and name.endswith(" (deleted)"):
                return os.stat(f"/proc/{pid}/fd/{number}").st_size > 0
    except OSError:
        pass
    return False


def is_stopped(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def stop_in_the_middle(terminal, pid):
    """Lets it run on a little at a time until it has begun its file. False: it has ended."""
    while nice(pid) == 10 and alive(pid):
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: is_stopped(pid) or not alive(pid), what="a process that is stopped")
        if in_the_middle(terminal, pid):
            return True
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.001)
    return False


def export_and_hold(terminal, name):
    """Stops the process that writes in the middle of its file; where it was too quick, the next one.
    Returns its number."""
    before = terminal.read(name)
    for _ in range(30):
        terminal.export(name)
        if before is not None:
            terminal.see("This file exists. Enter overwrites it")
            terminal.keys("Enter")
        while terminal.read(name) == before:
            for pid in terminal.writers():
                if stop_in_the_middle(terminal, pid):
                    return pid
        terminal.see("Written.", name)
        terminal.keys("Escape")
        wait_until(lambda: "Written." not in terminal.text(), what="a screen without that")
        os.unlink(terminal.path(name))
        if before is not None:
            terminal.write(name, before)
    raise AssertionError(f"{name} was whole each time before it could be stopped")


def test_ends_of_a_large_one():
    """a report of 60,000 call sites: cancelled, killed, and left, it leaves no file; then it is whole"""
    with Live(LARGE, columns=150) as terminal:
        terminal.see("[LIVE]")
        wait_until(lambda: DEMO in map(exe_of, terminal.below()), 60, "the end of the large one")
        terminal.goes_on(1)
        terminal.write("old.json", "mine")
        export_and_hold(terminal, "large.json")
        terminal.goes_on()
        terminal.keys("x")
        terminal.see("not written: ", "cancelled")
        equal((terminal.left(), terminal.writers()), ({"old.json"}, []), "after x")
        terminal.keys("Escape")
        os.kill(export_and_hold(terminal, "old.json"), signal.SIGKILL)
        terminal.see("not written: ", "what wrote it was killed")
        terminal.goes_on()
        equal(terminal.left(), {"old.json"}, "after a kill")
        equal(terminal.read("old.json"), "mine", "what was there")
        terminal.keys("Escape")
        terminal.export("whole.json")
        terminal.see("Written.", seconds=60)
        terminal.keys("Enter")
        check(".json", terminal.path("whole.json"))
        export_and_hold(terminal, "left.json")
        terminal.keys("Escape")
        leave(terminal, "not written: ", "left.json: you quit before it was complete")
        equal(terminal.left(), {"old.json", "whole.json"}, "after leaving")


def test_what_cannot_be_written():
    """no folder, no permission, no space, a folder of that name: told in words, the view goes on"""
    with Live([DEMO]) as terminal:
        terminal.see("[LIVE]")
        full = terminal.path("full")
        os.mkdir(full)
        mounted = run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", full]).returncode == 0
        try:
            os.mkdir(terminal.path("d.json"))
            cases = [("nowhere/x.json", "there is no such folder"), ("d.json", "it is a folder")]
            if mounted:
                cases.append(("full/x.json", "no space left there"))
            if os.geteuid() != 0:
                os.mkdir(terminal.path("closed"), 0o500)
                cases.append(("closed/x.json", "Permission denied"))
            else:  # who may everything still may not write there
                cases.append(("../../proc/x.json", "there is no such folder"))
            for name, words in cases:
                terminal.export(name)
                terminal.see("not written: ", words)
                terminal.goes_on(1)
                terminal.keys("Escape")
            equal(os.listdir(full), [], "left over")
        finally:
            if mounted:
                run(["umount", full])
        leave(terminal)


main(globals())
