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

from terminal import MARK, Terminal, marked
from watched import (BARE, HARD, MEMSCOPE, alive, end, equal, exe_of, first_process, load, main, run,
                     sleeps, status, ticks_of, wait_until)


def parent_of(pid):
    """None: it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return None


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="latin-1") as file:
            return file.read().strip()
    except OSError:
        return ""


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
        environment = {**BARE, MARK: self.folder.name}
        self.master = None
        if terminal:
            self.master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            self.viewer = subprocess.Popen(
                command, stdin=slave, stdout=slave, stderr=slave, env={**environment, "TERM": "xterm"},
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
            os.close(slave)
        else:
            self.viewer = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.program = wait_until(self.find_program, what="the program")

    def find_program(self):
        """Not below the viewer, which may have left it already; its children are the same program."""
        found = [pid for pid in marked(self.folder.name) if exe_of(pid) == HARD]
        return next((pid for pid in found if parent_of(pid) not in found), None)

    def keeper(self):
        return parent_of(self.program)

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


# Writes 20 MB to its terminal each time the file "write" appears, ends with 7 when "stop" does.
WRITER = """
trap 'echo hung up > hangup' HUP
echo $$ > pid
until [ -e stop ]; do
    if [ -e write ]; then
        rm write
        head -c 20000000 /dev/zero | tr '\\0' x
        touch written
    fi
    sleep 0.05
done
exit 7
"""


class Writer:
    """WRITER under a live screen."""

    def __init__(self):
        self.terminal = Terminal([MEMSCOPE, "--", "sh", "-c", WRITER])

    def __enter__(self):
        self.terminal.__enter__()
        self.pid = int(wait_until(lambda: self.read("pid"), what="the program"))
        self.terminal.see("[LIVE]")
        return self

    def __exit__(self, *arguments):
        self.terminal.__exit__(*arguments)

    def path(self, name):
        return os.path.join(self.terminal.folder.name, name)

    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return file.read().strip()
        except FileNotFoundError:
            return ""

    def touch(self, name):
        with open(self.path(name), "w", encoding="utf-8"):
            pass

    def viewer(self):
        """Not a child of it that has not taken its own name yet."""
        found = [pid for pid in marked(self.terminal.folder.name) if name_of(pid) == "memscope-top"]
        return next(pid for pid in found if parent_of(pid) not in found)

    def kill_keeper(self):
        end(parent_of(self.pid))
        self.terminal.see("[LOST]", "the keeper is gone: the program and its figures go on; lost: output, "
                          "exit status, -p, tracking, execs", "keeper lost")

    def check_undisturbed(self):
        """It writes more than any terminal holds, and nobody hung up."""
        self.touch("write")
        wait_until(lambda: os.path.exists(self.path("written")), what="the end of its writing")
        os.unlink(self.path("written"))
        assert alive(self.pid), "the program died"
        equal(self.read("hangup"), "", "SIGHUP to the program")
        wait_until(lambda: sleeps(self.pid), what="a shell that opens nothing")
        folder = f"/proc/{self.pid}/fd"
        links = [os.readlink(f"{folder}/{number}") for number in os.listdir(folder)]
        assert not [link for link in links if "ptmx" in link or "socket" in link], links

    def stop(self):
        self.touch("stop")
        wait_until(lambda: not alive(self.pid), what="the end of the program")
        equal(self.read("hangup"), "", "SIGHUP to the program")


def test_stopped_viewer_does_not_block():
    """SIGSTOP and kill -9 of the live viewer: a program that prints 20 MB ends normally"""
    for blow in (signal.SIGSTOP, signal.SIGKILL):
        with Writer() as writer:
            os.kill(writer.viewer(), blow)
            writer.check_undisturbed()
            writer.stop()


def test_killed_keeper_under_a_screen():
    """kill -9 of the keeper under the live screen: no SIGHUP, nobody waits, and it is said what is left"""
    with Writer() as writer:
        writer.check_undisturbed()
        writer.kill_keeper()
        writer.check_undisturbed()
        writer.terminal.tmux("resize-window", "-x", "100", "-y", "30")
        writer.terminal.keys("M")
        writer.terminal.see("the keeper is gone: tracking can no longer be changed")
        writer.terminal.keys("9")
        writer.terminal.see("ends where the keeper was lost")
        writer.stop()
        writer.terminal.see("[EXITED 7]")
        writer.terminal.keys("M")
        writer.terminal.see("the program has ended: nothing is being tracked")
        writer.terminal.keys("q")
        writer.terminal.see("status=125", "the keeper of the program was lost")


def test_leaving_after_the_keeper():
    """the viewer is left after its keeper was killed: the program has its terminal to its own end"""
    with Writer() as writer:
        writer.kill_keeper()
        writer.terminal.keys("q")
        writer.terminal.see("nothing can attach to it again")
        writer.terminal.keys("d")
        writer.terminal.see("status=125", "the program keeps running")
        writer.check_undisturbed()
        writer.stop()


def test_keeper_and_viewer_killed():
    """kill -9 of the keeper and of the viewer: the same"""
    with Writer() as writer:
        writer.kill_keeper()
        end(writer.viewer())
        writer.terminal.see("status=137")
        writer.check_undisturbed()
        writer.stop()


def test_signal_without_keeper():
    """a signal is sent, and the program ended, without its keeper"""
    with Writer() as writer:
        writer.kill_keeper()
        writer.terminal.keys("q")
        writer.terminal.see("kill it (SIGTERM")
        writer.terminal.keys("k")
        wait_until(lambda: not alive(writer.pid), what="the end of the program")
        writer.terminal.see("status=125")


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


def test_name_of_the_program():
    """a program that a link led to is called as it was started, by launch, join and list"""
    with Terminal(["sh", "-c", f"ln -s $(command -v sleep) called-so; exec {MEMSCOPE} ./called-so 600"],
                  columns=140) as terminal:
        terminal.see("memscope-top  called-so  ", "[LIVE]")
        terminal.keys("q")
        terminal.see("the program is still running")
        terminal.keys("d")
        terminal.see("status=0")
        pid = re.search(r"-p (\d+)", terminal.text()).group(1)
        line = next(line for line in run([MEMSCOPE]).stdout.decode().splitlines()
                    if line.split()[:1] == [pid])
        assert re.search(r"called-so \(/.*sleep\)", line), line
        terminal.tmux("new-window", f"{MEMSCOPE} -p {pid}")
        terminal.see("memscope-top  called-so  ", "[LIVE]")


def test_signal_to_the_viewer():
    """without a screen a signal sent to memscope-top is the program's"""
    with Watched("-q") as watched:
        watched.wait_seen()
        watched.viewer.send_signal(signal.SIGTERM)
        equal(watched.viewer.wait(100), 0, "exit status of a program that ends on SIGTERM")


if __name__ == "__main__":
    main(globals())
