"""CPU time by call stack: known shares, stacks equal to a debugger's, and a program that is not disturbed.

alone: it judges shares of time
"""

import ctypes
import json
import math
import os
import re
import subprocess
import tempfile

from watched import BARE, BUILD, MEMSCOPE, ROOT, again, equal, main, need, run, status, watch_alive

BURN = os.path.join(BUILD, "tests/e2e/burn")
BURNS = os.path.join(BUILD, "tests/e2e/burns")
FAST = ("--cpu-samples=199",)


def sampled(command, *options, **keywords):
    """Watches, from before it burns anything; the document, and its hotspots of CPU time by function."""
    result, document = watch_alive(command, *options, ticks=3, **keywords)
    equal(status(result), 0, "status")
    cpu = document["hotspots"]["cpu"]
    return result, document, cpu, {row["name"]: row for row in cpu["by_function"]}


def available(cpu):
    """Where a machine forbids it the reason is told, and there is nothing else to check."""
    if cpu["sampling"]["frequency_hz"] is not None:
        return True
    assert len(cpu["sampling"]["because"]) > 20, cpu["sampling"]
    equal(cpu["total"]["sites"], 0, "sites without samples")
    return False


def within(count, total, share, what):
    """A share of samples, by five standard deviations: chance goes beyond them once in a million."""
    sigma = math.sqrt(total * share * (1 - share))
    assert abs(count - total * share) <= 5 * sigma + 1, (what, count, total, share)


@again
def test_shares_of_two_threads():
    """60, 30 and 10 % in each of two threads, by the stated error."""
    _, document, cpu, _ = sampled([BURN, "shares", "1200"], *FAST)
    if not available(cpu):
        return
    names = {thread["id"]: thread["name"] for thread in document["threads"]}
    by_thread = {}
    for site in document["sites"]:
        for part in (site["work"] or {"threads": ()})["threads"]:
            functions = [frame["function"] for frame in site["stack"]]
            for name in ("hot", "warm", "cool"):
                if name in functions:
                    counts = by_thread.setdefault(names[part["thread_id"]], {})
                    counts[name] = counts.get(name, 0) + part["cpu_samples"]
    equal(sorted(by_thread), ["burn", "burner"], "threads with samples")
    for thread, counts in by_thread.items():
        total = sum(counts.values())
        assert total > 150, (thread, counts)
        within(counts["hot"], total, 0.6, thread)
        within(counts["warm"], total, 0.3, thread)
        within(counts["cool"], total, 0.1, thread)
    # Both began within the first moments; what they burned is known.
    assert 1800 <= cpu["total"]["inclusive"]["cpu_ms"] <= 2500, cpu["total"]
    equal(cpu["total"]["inclusive"]["cpu_samples"], cpu["sampling"]["samples"], "samples in all")
    for figure in ("cpu_ms", "cpu_samples"):
        roots = sum(row["inclusive"][figure] for row in cpu["tree"] if row["parent"] is None)
        assert abs(roots - cpu["total"]["inclusive"][figure]) < 0.01, figure
    outer = next(row for row in cpu["by_function"] if row["name"] == "outer")
    assert outer["self"]["cpu_samples"] <= 2 < outer["inclusive"]["cpu_samples"], outer
    # Memory and CPU time do not mix.
    for row in document["hotspots"]["by_function"]:
        assert row["name"] not in ("hot", "warm", "cool"), row


def word(name):
    """The last word of a function's name, as all tools spell it."""
    previous = None
    while previous != name:
        previous = name
        name = re.sub(r"<[^<>]*>|\([^()]*\)|\{[^{}]*\}", "", name)
    words = [part for part in re.findall(r"~?\w+", name) if part != "const"]
    return words[-1] if words else name


def debugger_stacks():
    """Of the three places that burn: names from inside out, by gdb."""
    with open(os.path.join(ROOT, "tests/e2e/programs/burns.cc"), encoding="utf-8") as file:
        line = next(number for number, text in enumerate(file, 1) if "end = cpu_ms()" in text)
    steps = [step for _ in range(3) for step in ("-ex", "backtrace", "-ex", "continue")]
    text = run(["gdb", "-nx", "-batch", "-ex", f"break burns.cc:{line}", "-ex", "run",
                *steps, "--args", BURNS, "0"], env=dict(BARE, DEBUGINFOD_URLS="")).stdout
    stacks = []
    for line in text.decode().splitlines():
        found = re.match(r"#(\d+)\s+(?:0x[0-9a-f]+ in )?(.*?) (?:at|from) |#(\d+)\s+(.*)", line)
        if found:
            number = int(found.group(1) or found.group(3))
            if number == 0:
                stacks.append([])
            stacks[-1].append(word(found.group(2) or found.group(4)))
    return [tuple(stack[stack.index("churn"):]) for stack in stacks if "churn" in stack]


@again
def test_stacks_equal_a_debugger_s():
    """Optimised C++: stacks equal to gdb's."""
    need("gdb")
    _, document, cpu, _ = sampled([BURNS, "300"], *FAST)
    if not available(cpu):
        return
    ours = {}
    for site in document["sites"]:
        names = [word(frame["function"] or "?") for frame in site["stack"]]
        if site["work"] and "churn" in names and "main" in names:
            path = tuple(names[names.index("churn"):names.index("main") + 1])
            ours[path] = ours.get(path, 0) + site["work"]["cpu_samples"]
            assert site["truncated"] is None, site
    theirs = set(debugger_stacks())
    equal(len(theirs), 3, f"places that burn: {theirs}")
    total = sum(ours.values())
    equal(set(ours), theirs, "stacks")
    for path in theirs:
        assert ours[path] >= 0.15 * total, (path, ours)


@again
def test_the_outer_part_is_cut_and_said():
    """Deep recursion and code without unwind rules are cut, and it is said."""
    _, document, cpu, rows = sampled([BURN, "deep", "500"], *FAST)
    if not available(cpu):
        return
    works = [site for site in document["sites"] if site["work"]]
    most = max(works, key=lambda site: site["work"]["cpu_samples"])
    equal(most["truncated"], "depth", "deep recursion")
    equal({frame["function"] for frame in most["stack"][1:]}, {"descend"}, "its callers")
    assert rows["descend"]["inclusive"] == cpu["total"]["inclusive"], rows["descend"]
    assert rows["hot"]["self"]["cpu_samples"] >= 10, rows["hot"]

    _, document, cpu, _ = sampled([BURN, "jit", "500"], *FAST)
    works = [site for site in document["sites"] if site["work"]]
    inside = [site for site in works if site["stack"] and site["stack"][0]["module"] is None]
    assert sum(site["work"]["cpu_samples"] for site in inside) >= 10, works
    for site in inside:
        equal((site["truncated"], len(site["stack"])), ("no_unwind_information", 1), "code of none")


@again
def test_kernel_time_is_of_the_caller():
    """Time in the kernel is of who called it."""
    _, _, cpu, rows = sampled([BURN, "kernel", "400"], *FAST)
    if not available(cpu):
        return
    if cpu["sampling"]["kernel_time"]:
        assert rows["reads"]["inclusive"]["cpu_ms"] > 250, rows["reads"]
    else:
        assert "kernel" in cpu["sampling"]["because"], cpu["sampling"]


@again
def test_children_born_later():
    """Processes and threads born later."""
    _, document, cpu, _ = sampled([BURN, "children", "400"], *FAST)
    if not available(cpu):
        return
    samples = {}
    for site in document["sites"]:
        if site["work"]:
            names = {frame["function"] for frame in site["stack"]}
            for name in ("warm", "hot"):
                if name in names:
                    samples.setdefault(site["process_id"], set()).add(name)
    # Forked and counting itself, executed with two threads, forked with a thread.
    equal(len(samples), 3, f"processes with samples: {samples}")
    expected = 400 * (1 + 2 + 1)
    assert 0.7 * expected < cpu["total"]["inclusive"]["cpu_ms"] < 1.05 * expected, cpu["total"]


@again
def test_nothing_of_the_program_s_own():
    """The program sees no signal, timer or tracer of ours, and its sleeps are not cut short."""
    native = run([BURN, "untouched", "500"]).stdout
    assert b"interrupted 0" in native and b"TracerPid:\t0" in native, native
    result, _, cpu, _ = sampled([BURN, "untouched", "500"], *FAST)
    equal(result.stdout, native, "what it sees")
    if available(cpu):
        assert cpu["total"]["inclusive"]["cpu_ms"] > 250, cpu["total"]


def forbid(error):
    """As a container's seccomp filter: perf_event_open fails with this from now on."""
    number = {"x86_64": 298, "aarch64": 241}[os.uname().machine]

    class Filter(ctypes.Structure):
        _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8),
                    ("value", ctypes.c_uint32)]

    class Program(ctypes.Structure):
        _fields_ = [("count", ctypes.c_uint16), ("filters", ctypes.POINTER(Filter))]

    filters = (Filter * 4)(Filter(0x20, 0, 0, 0), Filter(0x15, 0, 1, number),
                           Filter(0x06, 0, 0, 0x00050000 | error), Filter(0x06, 0, 0, 0x7fff0000))
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(4, filters)

    def before():
        if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(program)) != 0:
            os._exit(99)
    return before


def test_why_there_are_none():
    """Where it is forbidden or off the reason is told."""
    for error, expected in ((1, "not permitted"), (13, "not permitted"), (38, "missing")):
        result, document, cpu, _ = sampled([BURN, "shares", "50"], preexec_fn=forbid(error))
        assert not available(cpu)
        assert expected in cpu["sampling"]["because"], cpu["sampling"]
        assert document["totals"]["allocations"] > 0
        assert all(site["work"] is None for site in document["sites"])
    _, _, cpu, _ = sampled([BURN, "shares", "50"], "--cpu-samples=off")
    assert not available(cpu) and "switched off" in cpu["sampling"]["because"], cpu["sampling"]


@again
def test_as_a_plain_user():
    """As a plain user."""
    need("setpriv")
    if os.getuid() != 0:
        return
    path = tempfile.mkdtemp(prefix="memscope-cpu-")
    os.chown(path, 65534, 65534)
    report = os.path.join(path, "report.json")
    env = dict(BARE, XDG_RUNTIME_DIR=path, HOME=path)
    result = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", MEMSCOPE, "-q",
                  "--json", report, "--", BURN, "shares", "400"], env=env, cwd=path)
    try:
        equal(status(result), 0, f"status: {result.stderr}")
        with open(report, encoding="utf-8") as file:
            cpu = json.load(file)["hotspots"]["cpu"]
        if available(cpu):
            assert cpu["total"]["inclusive"]["cpu_ms"] > 300, cpu["total"]
            with open("/proc/sys/kernel/perf_event_paranoid", encoding="utf-8") as file:
                equal(cpu["sampling"]["kernel_time"], int(file.read()) <= 1, "time in the kernel")
    finally:
        subprocess.run(["rm", "-r", path], check=False)


def top_of(cpu, figure="self"):
    return max(cpu["by_function"], key=lambda row: row[figure]["cpu_samples"])["name"]


@again
def test_real_programs():
    """Python3: where it spends its time."""
    need("python3")
    loop = "import sys, time\nsys.stdin.read()\nend = time.process_time() + 1\nwhile time.process_time() < end:\n" \
           "    t = 0\n    for i in range(20000):\n        t += i\n"
    _, _, cpu, rows = sampled(["/usr/bin/python3", "-c", loop], *FAST)
    if available(cpu):
        equal(top_of(cpu), "_PyEval_EvalFrameDefault", "where python3 spends its time")
        assert rows["_PyEval_EvalFrameDefault"]["inclusive"]["cpu_ms"] > 800
        assert rows["Py_BytesMain"]["inclusive"]["cpu_samples"] > 0.9 * cpu["sampling"]["samples"]


main(globals())
