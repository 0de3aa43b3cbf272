"""Recordings of real programs: record, verify, what goes wrong with the file, and ends of all kinds."""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

from watched import BARE, HARD, MEMSCOPE, alive, children_of, descendants, end, equal, main, run, status, ticks_of, wait_until


def record(folder, command, *options, **keywords):
    path = os.path.join(folder, "r.memscope")
    return path, run([MEMSCOPE, "record", "-o", path, *options, "--", *command], **keywords)


def verify(path):
    return run([MEMSCOPE, "verify", path])


def last_tick(path):
    """Of a recording, closed or not; -1: nothing of it can be read yet."""
    lines = path + ".lines"
    if run([MEMSCOPE, "export", path, "--force", "--json-lines", lines]).returncode != 0:
        return -1
    ticks = ticks_of(lines)
    return ticks[-1]["tick"] if ticks else -1


def recording(folder, *command, options=()):
    """A recorder that runs, its file and the pid of its program."""
    path = os.path.join(folder, "r.memscope")
    recorder = subprocess.Popen([MEMSCOPE, "record", "-o", path, *options, "--", *command], env=BARE,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 1000, what="a recording")
    return recorder, path


def test_status_and_output():
    """status and descriptors are the program's own; the line at the end says where the recording is"""
    with tempfile.TemporaryDirectory() as folder:
        path, result = record(folder, ["sh", "-c", "echo out; echo err >&2; sleep 1; exit 7"])
        equal(status(result), 7, "exit status")
        equal(result.stdout, b"out\n", "stdout")
        assert result.stderr.startswith(b"err\n"), result.stderr
        last = result.stderr.decode().splitlines()[-1]
        assert f"recorded: {path}, " in last and f"memscope-top view {path}" in last, last
        equal(status(verify(path)), 0, "verify")
        _, result = record(folder, [HARD, "signal", "9"], "--force")
        equal(status(result), 137, "exit status by signal")
        equal(status(verify(path)), 0, "verify")


def test_rule():
    """--fail-on holds: status 3, and the recording is whole"""
    with tempfile.TemporaryDirectory() as folder:
        path, result = record(folder, [HARD, "sleep", "300"], "--fail-on", "allocations>0")
        equal(status(result), 3, "exit status")
        equal(status(verify(path)), 0, "verify")


def test_refused_before_the_start():
    """an existing file, a folder, a missing folder: said before the program starts"""
    with tempfile.TemporaryDirectory() as folder:
        ran = os.path.join(folder, "ran")
        there = os.path.join(folder, "there")
        with open(there, "w", encoding="utf-8") as file:
            file.write("mine")
        for path, why in ((there, b"--force"), (folder, b"folder"), ("/nonexistent/x", b"folder")):
            result = run([MEMSCOPE, "record", "-o", path, "--", "touch", ran])
            equal(status(result), 125, path)
            assert why in result.stderr and result.stderr.count(b"\n") == 1, result.stderr
            assert not os.path.exists(ran), f"the program ran with {path}"
        with open(there, encoding="utf-8") as file:
            equal(file.read(), "mine", "the file that was there")
        equal(status(run([MEMSCOPE, "record", "-o", there, "--force", "--", "true"])), 0, "--force")
        equal(status(verify(there)), 0, "what replaced it")


def test_no_place_for_lines():
    """--json-lines in a folder that is not there: said, and no recording of nothing is left behind"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.memscope")
        result = run([MEMSCOPE, "-q", "-o", path, "--json-lines", "/nonexistent/lines", "--", "sleep", "0.1"])
        equal(status(result), 125, "exit status")
        assert b"/nonexistent/lines" in result.stderr, result.stderr
        assert not os.path.exists(path), "the file of the recording stays"


def test_no_permission():
    """a folder that may not be written to: said before the program starts"""
    with tempfile.TemporaryDirectory() as folder:
        closed = os.path.join(folder, "closed")
        os.mkdir(closed, 0o555)
        os.chmod(folder, 0o755)
        nobody = pwd.getpwnam("nobody").pw_uid
        options = {"user": nobody, "extra_groups": []} if os.getuid() == 0 else {}
        result = run([MEMSCOPE, "record", "-o", os.path.join(closed, "x"), "--", "true"], **options)
        equal(status(result), 125, "exit status")
        assert b"ermission" in result.stderr, result.stderr


def test_program_that_is_not_there():
    """a program that cannot be started leaves no file"""
    with tempfile.TemporaryDirectory() as folder:
        path, result = record(folder, ["/nonexistent/program"])
        equal(status(result), 127, "exit status")
        assert not os.path.exists(path)


def test_name_of_its_own():
    """without -o the file gets a name that says what it is of"""
    with tempfile.TemporaryDirectory() as folder:
        result = run([MEMSCOPE, "record", "--", HARD, "sleep", "200"], cwd=folder)
        equal(status(result), 0, "exit status")
        (name,) = os.listdir(folder)
        assert re.fullmatch(r"memscope-hard-\d+-\d{8}-\d{6}\.memscope", name), name
        equal(status(verify(os.path.join(folder, name))), 0, "verify")


def test_disk_full():
    """a full disk: said once, and the program runs on to its own end"""
    with tempfile.TemporaryDirectory() as folder:
        small = os.path.join(folder, "small")
        os.mkdir(small)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", small],
                                 check=False, stderr=subprocess.DEVNULL).returncode == 0
        try:
            # Without the right to mount a device that is always full says the same, at once.
            path = os.path.join(small, "r") if mounted else "/dev/full"
            ran = os.path.join(folder, "ran")
            result = run([MEMSCOPE, "record", *([] if mounted else ["--force"]), "-o", path, "--",
                          "sh", "-c", f"seq 20000 | sort -R >/dev/null; sleep 2; touch {ran}; exit 5"])
            if mounted:
                assert os.path.exists(ran), "the program did not come to its end"
                equal(status(result), 5, "exit status")
                equal(result.stderr.count(b"no space left"), 1, "said how often")
            else:
                assert status(result) in (5, 125), result
        finally:
            if mounted:
                subprocess.run(["umount", small], check=True)


def test_interrupted():
    """SIGTERM of ours ends the program, too; the recording is whole"""
    with tempfile.TemporaryDirectory() as folder:
        recorder, path = recording(folder, HARD, "sleep", "600000")
        recorder.terminate()
        recorder.communicate(timeout=100)
        equal(recorder.returncode, 143, "exit status")
        equal(status(verify(path)), 0, "verify")


def test_killed():
    """kill -9 of ours: what was recorded loads, up to the last second"""
    with tempfile.TemporaryDirectory() as folder:
        lines = os.path.join(folder, "lines")
        recorder, path = recording(folder, HARD, "sleep", "600000", options=("--json-lines", lines))

        # Of the ticks that there were all but those of the last second are on the disk.
        def on_the_disk():
            ticks = ticks_of(lines)
            kept = last_tick(path)
            return len(ticks) > 30 and kept >= ticks[-1]["tick"] - 20 and kept
        least = wait_until(on_the_disk, what="a recording that keeps up")
        keeper_and_program = descendants(recorder.pid)
        recorder.send_signal(signal.SIGKILL)
        for pid in keeper_and_program:
            end(pid)
        recorder.communicate(timeout=100)
        result = verify(path)
        equal(status(result), 1, "verify finds that it is not closed")
        assert b"not closed" in result.stdout, result.stdout
        exported = os.path.join(folder, "out.json")
        result = run([MEMSCOPE, "export", path, "--json", exported])
        equal(status(result), 0, f"export: {result.stderr}")
        with open(exported, encoding="utf-8") as file:
            kept_ns = json.load(file)["processes"][0]["duration_ns"]
        written_ns = max(tick["t_ns"] for tick in ticks_of(lines) if tick["tick"] <= least)
        assert kept_ns >= written_ns - 10**8, f"{kept_ns} of {written_ns} ns"


def test_joined():
    """record -p joins a program that runs; it runs on afterwards"""
    with tempfile.TemporaryDirectory() as folder:
        watcher = subprocess.Popen([MEMSCOPE, "-q", "--", HARD, "sleep", "600000"], env=BARE,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            pid = wait_until(lambda: program_below(watcher.pid), what="the program")
            path = os.path.join(folder, "j.memscope")
            lines = os.path.join(folder, "lines")
            result = run([MEMSCOPE, "record", "-o", path, "--json-lines", lines, "-p", str(pid),
                          "--duration", "1"])
            equal(status(result), 0, f"exit status: {result.stderr}")
            assert alive(pid)
            equal(status(verify(path)), 0, "verify")
            # What ends looks once more.
            assert last_tick(path) >= ticks_of(lines)[-1]["tick"] > 0, last_tick(path)
        finally:
            watcher.terminate()
            watcher.communicate(timeout=100)


def program_below(pid):
    for child in children_of(pid):
        for program in children_of(child):
            try:
                if os.readlink(f"/proc/{program}/exe") == os.path.realpath(HARD):
                    return program
            except OSError:
                pass
    return None


def test_what_is_no_recording():
    """verify and view say what is wrong with a file"""
    with tempfile.TemporaryDirectory() as folder:
        other = os.path.join(folder, "other")
        shutil.copy("/bin/ls", other)
        for path in (other, os.path.join(folder, "none"), folder):
            result = verify(path)
            equal(status(result), 125, path)
            equal(result.stderr.count(b"\n"), 1, f"lines about {path}: {result.stderr}")
        equal(status(run([MEMSCOPE, "verify"])), 2, "verify without a file")


main(globals())
