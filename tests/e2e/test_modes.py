"""Mode, depth, rate and selection change while the program runs, and step down by themselves."""

import os
import re
import signal
import subprocess
import tempfile
import time

from terminal import Terminal
from watched import BARE, BUILD, MEMSCOPE, ROOT, alive, end, equal, load, main, run, wait_until

SCHEMA = os.path.join(ROOT, "tests/unit/check_schema.py")
MODES = os.path.join(BUILD, "tests/e2e/modes")


class Running:
    """The program under a quiet viewer that left; everything ends with it."""

    def __init__(self, *options, case="steady"):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "first.json")
        # The program keeps what it inherits open: no pipe that is read to its end.
        subprocess.run([MEMSCOPE, "-q", "--duration", "0.3", "--json", path, *options, "--", MODES,
                        case], env=BARE, check=False, timeout=100, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = load(path)["processes"][0]["pid"]
        self.pids = [self.pid]

    def set(self, *options):
        return run([MEMSCOPE, "set", "-p", str(self.pid), *options])

    def report(self, *options, seconds=0.6):
        self.last = path = os.path.join(self.folder.name, "report.json")
        result = run([MEMSCOPE, "-q", "-p", str(self.pid), "--duration", str(seconds),
                      "--json", path, *options])
        equal(result.returncode, 0, result.stderr)
        report = load(path)
        self.pids += [process["pid"] for process in report["processes"]]
        return report

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in set(self.pids):
            end(pid)
        wait_until(lambda: not any(map(alive, self.pids)), what="the end of the program")
        self.folder.cleanup()


def reported(program, *options, so_that):
    """A report of which that holds: the program may not have run at all during the one before."""
    program.report(*options)
    return wait_until(lambda: (lambda report: so_that(report) and report)(program.report()),
                      what="a report as it should be")


def standing_still(program, figure):
    """Two reports: the program allocates on, by 500 or `figure` itself, and that stays as it is."""
    def both():
        first, second = program.report(), program.report()
        return figure(second) == figure(first) and (
            figure is allocations or allocations(second) > allocations(first) + 500) and second
    return wait_until(both, what="a figure that stands still")


def tracking(report, index=0):
    return report["processes"][index]["tracking"]


def allocations(report):
    return report["totals"]["allocations"]


def at_sites(report):
    return sum(site["allocations"] for site in report["sites"] if site["stack"])


def deepest(report):
    """Of what was allocated since: stacks are told apart by their length."""
    return {len(site["stack"]) for site in report["sites"] if site["allocations"] > 0}


def test_depth():
    """set --depth: stacks are as long from then on, those of before stay"""
    with Running() as program:
        reported(program, so_that=lambda report: 32 in deepest(report))
        result = program.set("--depth", "7")
        equal((result.returncode, result.stderr), (0, b""), "set")
        assert b"depth 7" in result.stdout, result.stdout
        after = reported(program, so_that=lambda report: {7, 32} <= deepest(report))
        equal((tracking(after)["depth"], tracking(after)["changes"]), (7, 1), "tracking")


def test_count_only_and_back():
    """counters only: threads are exact, nothing new at call sites; exact again: it is there"""
    with Running() as program:
        program.set("--count-only")
        before = standing_still(program, at_sites)
        equal(tracking(before)["mode"], "counters", "mode")
        after = reported(program, "--exact",
                         so_that=lambda report: at_sites(report) > at_sites(before) + 500)
        equal(tracking(after)["mode"], "exact", "mode")


def test_off_and_on():
    """off: nothing is counted; on again: it is"""
    with Running("--off") as program:
        first = program.report()
        second = program.report()
        equal(allocations(second), allocations(first), "allocations while off")
        reported(program, "--exact",
                 so_that=lambda report: allocations(report) > allocations(second) + 500)


def test_sampled():
    """set --sample: sampled from then on, at the rate asked for"""
    with Running() as program:
        program.set("--sample=10%")
        report = program.report(seconds=2)
        equal(run(["/usr/bin/python3", SCHEMA, "--strict", program.last]).returncode, 0, "schema")
        equal((tracking(report)["mode"], tracking(report)["sample_interval_allocations"]),
              ("sampled", 10), "mode and rate")
        again = program.report("--sample", "4K")
        equal((tracking(again)["sample_interval_bytes"], tracking(again)["changes"]), (4096, 2),
              "rate in bytes")


def test_selection():
    """set --threads: a thread that is not selected any more is not counted; and back"""
    with Running() as program:
        program.set("--threads=nobody")
        before = standing_still(program, allocations)
        equal(tracking(before)["threads"], "nobody", "threads")
        after = reported(program, "--threads=all",
                         so_that=lambda report: allocations(report) > allocations(before) + 500)
        equal(tracking(after)["threads"], None, "threads")


def test_children():
    """a forked child and what comes by exec have it: those before the change and those after"""
    with Running() as program:
        os.kill(program.pid, signal.SIGUSR1)
        wait_until(lambda: len(program.report()["processes"]) == 2, what="the first child")
        program.set("--depth=9", "--sample=2M")
        os.kill(program.pid, signal.SIGUSR1)
        wait_until(lambda: len(program.report()["processes"]) == 3, what="the second child")
        os.kill(program.pid, signal.SIGUSR2)
        wait_until(lambda: len(program.report()["processes"]) == 4, what="the exec")
        report = program.report()
        for index in range(1, 4):
            found = tracking(report, index)
            equal((found["mode"], found["depth"], found["sample_interval_bytes"]),
                  ("sampled", 9, 2 << 20), f"process {index}")


def test_refused():
    """what cannot be is refused in one line, and nothing changes"""
    with Running() as program:
        for options, status, words in (
                (["--trace"], 125, b"started without --trace"),
                (["--depth", "200"], 2, b"1 to 128"),
                (["--sample", "1M", "--count-only"], 2, b"are mutually exclusive"),
                ([], 2, b"say what to change")):
            result = program.set(*options)
            equal(result.returncode, status, options)
            assert words in result.stderr and result.stderr.count(b"\n") == 1, result.stderr
        equal(tracking(program.report())["changes"], 0, "changes")
        equal(run([MEMSCOPE, "set", "-p", "1", "--depth", "3"]).returncode, 125, "a stranger")


def test_joining_changes_nothing():
    """-p alone, and MEMSCOPE_DEPTH with it, change nothing"""
    with Running("--depth=5") as program:
        path = os.path.join(program.folder.name, "again.json")
        run([MEMSCOPE, "-q", "-p", str(program.pid), "--duration", "0.3", "--json", path],
            env={**BARE, "MEMSCOPE_DEPTH": "64", "MEMSCOPE_COUNT_ONLY": "yes"})
        found = tracking(load(path))
        equal((found["mode"], found["depth"], found["changes"]), ("exact", 5, 0), "tracking")


def test_steps_down():
    """--auto: it steps down when most stacks are new; said, counted, and undone by another wish"""
    viewer = subprocess.Popen([MEMSCOPE, "--plain", "--auto", "--", MODES, "stacks"], env=BARE,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    told = ""
    pid = None
    children = []
    try:
        deadline = time.monotonic() + 60
        while "steps down" not in told and time.monotonic() < deadline:
            told += viewer.stderr.readline()
        found = re.search(r"pid (\d+) steps down: (.*)\n", told)
        assert found, told
        pid = int(found.group(1))
        assert "depth 16" in found.group(2) and "auto:" in found.group(2), found.group(2)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out.json")
            run([MEMSCOPE, "-q", "-p", str(pid), "--duration", "0.3", "--json", path])
            stepped = tracking(load(path))
            os.kill(pid, signal.SIGUSR1)

            def child_has_sites():
                run([MEMSCOPE, "-q", "-p", str(pid), "--duration", "0.3", "--json", path])
                report = load(path)
                for child in report["processes"][1:]:
                    children.append(child["pid"])
                    return sum(site["allocations"] for site in report["sites"]
                               if site["process_id"] == child["id"] and site["stack"]) > 1000
                return False
            wait_until(child_has_sites, what="call sites of a child of one that stepped down")
            run([MEMSCOPE, "-q", "-p", str(pid), "--duration", "0.3", "--json", path, "--depth=2",
                 "--exact"])
            undone = tracking(load(path))
        assert stepped["steps"] >= 1 and stepped["last_steps"], stepped
        assert stepped["depth"] <= 16 and stepped["asked_mode"] == "auto", stepped
        equal((undone["mode"], undone["depth"]), ("exact", 2), "after another wish")
    finally:
        if pid:
            for one in {*children, pid}:
                end(one)
        else:
            viewer.terminate()
        viewer.communicate(timeout=100)


def test_dialog():
    """M on the screen: the settings are shown, applied and said"""
    with Terminal([MEMSCOPE, "--", MODES, "steady"], 100, 30) as terminal:
        terminal.see("modes", "[LIVE]")
        terminal.keys("M")
        terminal.see("what is tracked", "exact, all threads, depth 32")
        terminal.keys("s", "Down", "9", "Enter")
        terminal.see("tracking changed: sampled 512K, depth 9")
        wait_until(lambda: terminal.text().count("sampled 512K, depth 9") == 2,
                   what="the mode in force beside the tabs")
        terminal.keys("M", "G")
        terminal.keys("-l", "tid:x")
        terminal.keys("Enter")
        terminal.see("was not changed: the list of threads is not valid")
        terminal.keys("q")
        terminal.see("the program is still running")
        terminal.keys("k")
        terminal.see("status=")


main(globals())
