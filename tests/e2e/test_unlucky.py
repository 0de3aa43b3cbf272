"""Recordings on disks that hang or break, with clocks that jump and viewers that are stopped."""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time

from terminal import Terminal
from watched import BARE, BUILD, HARD, MEMSCOPE, descendants, end, equal, exe_of, main, run, status, wait_until

DEMO = os.path.join(BUILD, "demo")
SHIM = os.path.join(BUILD, "tests/e2e/unlucky.so")


class Luck:
    """A folder whose files say what goes wrong, and the environment that says where it is."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.words = [f"LD_PRELOAD={SHIM}", f"UNLUCKY={self.folder.name}"]
        self.environment = {**BARE, **dict(word.split("=", 1) for word in self.words)}

    def is_bad(self, what, text=""):
        path = os.path.join(self.folder.name, what)
        with open(path + "~", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + "~", path)

    def is_good(self, what):
        os.unlink(os.path.join(self.folder.name, what))


def clock(terminal):
    """Of the run, in the title."""
    found = re.search(r"(\d\d):(\d\d):(\d\d)", terminal.text().splitlines()[0])
    assert found, terminal.text()
    hours, minutes, seconds = map(int, found.groups())
    return hours * 3600 + minutes * 60 + seconds


def length(path):
    """Of a recording, in seconds by its ticks."""
    found = re.search(r"ticks (\d+) to (\d+)", run([MEMSCOPE, "verify", path]).stdout.decode())
    assert found
    return (int(found.group(2)) - int(found.group(1))) / 10


@contextlib.contextmanager
def recorder(path, *command, luck=None):
    """`record` of a program that runs, in `luck`; both are gone afterwards."""
    process = subprocess.Popen([MEMSCOPE, "record", "-o", path, "--", *command],
                               env=luck.environment if luck else BARE, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 1000, what="a recording")
        yield process
    finally:
        if process.poll() is None:
            for pid in [process.pid, *descendants(process.pid)]:
                end(pid)
        process.communicate(timeout=100)


def test_a_disk_that_hangs():
    """R stops while the disk hangs: the screen goes on, and says when the file is whole"""
    luck = Luck()
    with Terminal(["env", *luck.words, MEMSCOPE, "--", DEMO], columns=120, rows=30) as terminal:
        path = os.path.join(terminal.folder.name, "slow.memscope")
        terminal.see("[LIVE]")
        terminal.keys("R")
        terminal.see("Enter starts")
        terminal.keys("C-u", *path, "Enter")
        terminal.see("so far")
        terminal.keys("Escape")
        luck.is_bad("hang")
        terminal.keys("R")
        terminal.see("Enter Stop")
        terminal.keys("Enter")
        terminal.see("REC ENDS", "still writing to disk")
        then = clock(terminal)
        wait_until(lambda: clock(terminal) >= then + 2, what="a screen that goes on")
        terminal.keys("R")
        terminal.see("Stopped; still writing")
        terminal.keys("Escape")
        terminal.keys(",")
        terminal.see("PAST")
        terminal.keys("C-e")
        terminal.see("[LIVE]", "REC ENDS")
        luck.is_good("hang")
        terminal.see(f"recorded: {path}")
        assert "REC" not in terminal.text().splitlines()[0], terminal.text()
        equal(status(run([MEMSCOPE, "verify", path])), 0, "verify")
        # Who leaves waits, is told what for, and may give it up.
        again = os.path.join(terminal.folder.name, "again.memscope")
        terminal.keys("R")
        terminal.see("Enter starts")
        terminal.keys("C-u", *again, "Enter")
        terminal.see("so far")
        terminal.keys("Escape")
        luck.is_bad("hang")
        terminal.keys("q")
        terminal.see("detach")
        terminal.keys("k")
        terminal.see(f"waiting for the disk: {again}", "Ctrl-C cancels")
        terminal.keys("C-c")
        terminal.see("cancelled", "what has reached the disk", "status=")
        assert status(run([MEMSCOPE, "verify", again])) in (0, 1), "what is there can be looked at"


def test_a_disk_that_breaks():
    """EIO: said once in words, the program runs on, its status is its own; what was written loads"""
    luck = Luck()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "broken.memscope")
        ran = os.path.join(folder, "ran")
        with recorder(path, "sh", "-c", f"while [ ! -e {folder}/go ]; do sleep 0.1; done; touch {ran}; exit 5",
                      luck=luck) as process:
            luck.is_bad("eio")
            said = process.stderr.readline() + process.stderr.readline()
            assert b"Input/output error" in said and b"the program keeps running" in said, said
            with open(os.path.join(folder, "go"), "w", encoding="utf-8"):
                pass
            _, rest = process.communicate(timeout=100)
            equal(process.returncode, 5, "status")
            assert b"Input/output" not in rest, rest
            assert os.path.exists(ran)
        result = run([MEMSCOPE, "export", path, "--json", os.path.join(folder, "out.json")])
        equal(status(result), 0, result.stderr)


def test_a_calendar_that_jumps():
    """the calendar goes back a day and forward a year: time of a recording is that of a steady clock"""
    luck = Luck()
    luck.is_bad("clock", "0")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "jumps.memscope")
        with recorder(path, HARD, "sleep", "600000", luck=luck) as process:
            for offset in (-86400, 31536000, 0):
                size = os.path.getsize(path)
                luck.is_bad("clock", str(offset))
                wait_until(lambda before=size: os.path.getsize(path) > before, what="more of it")
            process.terminate()
            process.wait(timeout=100)
        equal(status(run([MEMSCOPE, "verify", path])), 0, "verify")
        assert length(path) < 3600, length(path)  # the calendar went by a day and more
        out = os.path.join(folder, "out.json")
        equal(status(run([MEMSCOPE, "export", path, "--json", out])), 0, "export")
        with open(out, encoding="utf-8") as file:
            document = json.load(file)
        assert document["processes"][0]["duration_ns"] < 3600e9, document["processes"][0]["duration_ns"]


def test_a_viewer_that_was_stopped():
    """SIGSTOP of the viewer, then CONT: a gap in the recording, which is whole; the program ran on"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "stopped.memscope")
        beat = os.path.join(folder, "beat")
        with recorder(path, "sh", "-c", f"while true; do echo >> {beat}; sleep 0.1; done") as process:
            wait_until(lambda: os.path.exists(beat), what="the program")
            process.send_signal(signal.SIGSTOP)
            size = os.path.getsize(beat)
            wait_until(lambda: os.path.getsize(beat) > size + 20, what="the program running on")
            process.send_signal(signal.SIGCONT)
            recorded = os.path.getsize(path)
            wait_until(lambda: os.path.getsize(path) > recorded, what="more of it")
            process.terminate()
            process.wait(timeout=100)
        equal(status(run([MEMSCOPE, "verify", path])), 0, "verify")


def test_two_viewers():
    """two that record one program at once, and one that is killed: both files load"""
    with tempfile.TemporaryDirectory() as folder:
        first = os.path.join(folder, "first.memscope")
        second = os.path.join(folder, "second.memscope")
        with recorder(first, HARD, "sleep", "600000") as process:
            pid = wait_until(lambda: [pid for pid in descendants(process.pid)
                                      if exe_of(pid) == os.path.realpath(HARD)],
                             what="the program")[0]
            joined = subprocess.Popen([MEMSCOPE, "record", "-o", second, "-p", str(pid)], env=BARE,
                                      stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            wait_until(lambda: os.path.exists(second) and os.path.getsize(second) > 1000, what="both")
            joined.kill()
            joined.communicate(timeout=100)
            size = os.path.getsize(first)
            wait_until(lambda: os.path.getsize(first) > size, what="the other one goes on")
            process.terminate()
            process.wait(timeout=100)
        equal(status(run([MEMSCOPE, "verify", first])), 0, "the one that was closed")
        assert b"not closed" in run([MEMSCOPE, "verify", second]).stdout
        out = os.path.join(folder, "out.json")
        equal(status(run([MEMSCOPE, "export", second, "--json", out])), 0, "the one that was killed")


def test_programs_that_change():
    """one that ends at once, one that forks and execs a lot: both are recorded to their ends"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.memscope")
        for command, expected in ((["true"], 0), (["false"], 1),
                                  (["sh", "-c", "for i in $(seq 60); do (exec true); done; exec sh -c 'exit 9'"], 9)):
            result = run([MEMSCOPE, "record", "-q", "-o", path, "--force", "--", *command])
            equal(status(result), expected, result.stderr)
            equal(status(run([MEMSCOPE, "verify", path])), 0, f"verify of {command}")
        out = os.path.join(folder, "out.json")
        equal(status(run([MEMSCOPE, "export", path, "--json", out])), 0, "export")
        with open(out, encoding="utf-8") as file:
            document = json.load(file)
        program = [process["pid"] for process in document["processes"]][0]
        ends = [process["exit_status"] for process in document["processes"]
                if process["pid"] == program and not process["replaced_by_exec"]]
        equal(ends, [9], "status of the last program")


main(globals())
