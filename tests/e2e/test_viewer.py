"""Viewer and keeper are stopped, killed, gone and back; the program does not notice."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import tempfile
import termios
import time

from watched import (BARE, HARD, MEMSCOPE, alive, descendants, end, equal, exe_of, first_process,
                     load, main, run, status, ticks_of, wait_until)


class Watched:
    """hard steps under a viewer on a terminal of its own or in --quiet; everything ends with it."""

    def __init__(self, *options, case=("steps",), terminal=False):
        self.folder = tempfile.TemporaryDirectory()
        self.books = os.path.join(self.folder.name, "books")
        self.json = os.path.join(self.folder.name, "out.json")
        arguments = [HARD, *case] + ([self.books] if case == ("steps",) else [])
        self.lines = os.path.join(self.folder.name, "lines")
        command = [MEMSCOPE, *options, "--json", self.json, "--json-lines", self.lines, "--",
                   *arguments]
        self.master = None
        if terminal:
            self.master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            self.viewer = subprocess.Popen(
                command, stdin=slave, stdout=slave, stderr=slave, env={**BARE, "TERM": "xterm"},
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
            os.close(slave)
        else:
            self.viewer = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=BARE,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.program = wait_until(self.find_program, what="the program")

    def find_program(self):
        for pid in descendants(self.viewer.pid):
            if exe_of(pid) == HARD:
                return pid
        return None

    def keeper(self):
        with open(f"/proc/{self.program}/stat", encoding="latin-1") as file:
            return int(file.read().rpartition(")")[2].split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        keeper = self.keeper() if alive(self.program) else None
        for pid in (self.program, self.viewer.pid, keeper):
            if pid and pid > 1:
                end(pid)
        self.viewer.wait(100)
        if self.viewer.stderr:
            self.viewer.stderr.close()
        if self.master is not None:
            os.close(self.master)
        self.folder.cleanup()

    def wait_seen(self):
        """Until the viewer has seen 10 steps of it."""
        wait_until(lambda: any(tick["processes"][0]["allocations"] > 10_000
                               for tick in ticks_of(self.lines)), what="a tick of the viewer")

    def finish_program(self):
        """Asks it to end; returns (steps, children) from its own books."""
        os.kill(self.program, signal.SIGTERM)
        wait_until(lambda: not alive(self.program), what="the end of the program")
        with open(self.books, encoding="utf-8") as file:
            return tuple(int(word) for word in file.read().split())


def check_rejoined(watched):
    """Joins again; after the end the figures since the start are those of the program's books."""
    path, lines = watched.json + ".again", watched.lines + ".again"
    viewer = subprocess.Popen([MEMSCOPE, "-q", "-p", str(watched.program), "--json", path,
                               "--json-lines", lines], env=BARE, stdin=subprocess.DEVNULL)
    wait_until(lambda: len(ticks_of(lines)) > 3, what="ticks of the joined viewer")
    equal(viewer.poll(), None, "the joined viewer's status")
    steps, children = watched.finish_program()
    equal(viewer.wait(100), 0, "exit status of the joined viewer")
    document = load(path)
    process = first_process(document)
    # Its own calls: one block of pointers and 1000 a step; fopen's two at the end; nothing else.
    own = 1 + 1000 * steps
    extra = process["totals"]["allocations"] - own
    assert 0 <= extra <= 4, f"{process['totals']['allocations']} allocations, own {own}"
    equal(process["totals"]["current_bytes"] // 1000 - 800, steps, "kept blocks of 1000 bytes")
    equal(len(document["processes"]), 1 + children, "processes")


def test_killed_viewer():
    """kill -9 of the viewer, children forked meanwhile, -p: totals unbroken"""
    with Watched("-q") as watched:
        watched.wait_seen()
        end(watched.viewer.pid)
        watched.viewer.wait(100)
        time.sleep(1)
        assert alive(watched.program), "the program died with the viewer"
        check_rejoined(watched)


def test_closed_terminal():
    """the terminal of the live viewer closes; the program runs on and can be joined"""
    with Watched(terminal=True) as watched:
        watched.wait_seen()
        os.close(watched.master)
        watched.master = None
        watched.viewer.wait(100)
        assert alive(watched.program), "the program died with the terminal"
        check_rejoined(watched)


def test_stopped_viewer_does_not_block():
    """SIGSTOP and kill -9 of the live viewer: a program that prints 20 MB ends normally"""
    for blow in (signal.SIGSTOP, signal.SIGKILL):
        with Watched(case=("print", "20"), terminal=True) as watched:
            os.kill(watched.viewer.pid, blow)
            wait_until(lambda: not alive(watched.program), 100, "the end of a program that prints")


def test_killed_program():
    """kill -9 of the program: JSON complete, killed by SIGKILL in the summary"""
    with Watched("--plain") as watched:
        watched.wait_seen()
        os.kill(watched.program, signal.SIGKILL)
        _, said = watched.viewer.communicate(timeout=100)
        equal(watched.viewer.returncode, 137, "exit status")
        assert b"killed by SIGKILL" in said, said
        process = first_process(load(watched.json))
        equal(process["signal"], 9, "signal")
        assert process["totals"]["allocations"] > 5000, process["totals"]


def test_killed_keeper():
    """kill -9 of the keeper: the program runs on to its normal end"""
    with Watched("-q") as watched:
        watched.wait_seen()
        end(watched.keeper())
        watched.viewer.wait(100)
        time.sleep(0.3)
        assert alive(watched.program), "the program died with the keeper"
        steps, _ = watched.finish_program()
        assert steps >= 10, steps


def test_duration_detaches():
    """--duration leaves with status 0; the program runs on"""
    with Watched("-q", "--duration", "1") as watched:
        equal(watched.viewer.wait(100), 0, "exit status after detaching")
        assert alive(watched.program), "the program ended with the viewer"
        check_rejoined(watched)


def test_two_viewers():
    """two viewers at once see the same"""
    with Watched("-q") as watched:
        check_rejoined(watched)
        watched.viewer.wait(100)
        first, second = load(watched.json), load(watched.json + ".again")
        equal(first["totals"], second["totals"], "totals")


def test_list_of_joinable():
    """memscope-top alone lists what can be joined"""
    def listed():
        return re.search(rf"\b{watched.program}\b", run([MEMSCOPE]).stdout.decode()) is not None
    with Watched("-q") as watched:
        assert listed()
    wait_until(lambda: not listed(), 60, "the list to forget the program")


def test_signal_to_the_viewer():
    """without a screen a signal sent to memscope-top is the program's"""
    with Watched("-q") as watched:
        watched.wait_seen()
        watched.viewer.send_signal(signal.SIGTERM)
        equal(watched.viewer.wait(100), 0, "exit status of a program that ends on SIGTERM")


if __name__ == "__main__":
    main(globals())
