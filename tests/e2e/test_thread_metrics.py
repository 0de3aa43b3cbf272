"""What the kernel counts of threads: known amounts of it, and what another tool says of a program.

The threads of programs/amounts.c rest when they have made what they should and are alive until the
viewer has looked at them for long enough, so what is compared is what it read of them then.
"""

import functools
import os
import re
import subprocess
import tempfile

from watched import (BARE, BUILD, LIMIT_S, MEMSCOPE, descendants, equal, exe_of, load, main, need, run,
                     sleeps, wait_for_ticks, wait_until)

SCALE = os.path.join(BUILD, "tests/e2e/scale")
AMOUNTS = os.path.join(BUILD, "tests/e2e/amounts")
SLEEPS, PAGES, WRITES, WRITE_BYTES, READS, READ_BYTES, MOVES = 1000, 5000, 300, 1000, 200, 700, 200
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


@functools.lru_cache(maxsize=None)
def amounts():
    """What the threads say they made, and the document."""
    # Not in /tmp, which may be memory: then nothing is written to storage.
    with tempfile.TemporaryDirectory(prefix="memscope-amounts-", dir=BUILD) as folder:
        report, lines = os.path.join(folder, "json"), os.path.join(folder, "lines")
        with subprocess.Popen([MEMSCOPE, "-q", "--json", report, "--json-lines", lines, "--", AMOUNTS,
                               os.path.join(folder, "written")], env=BARE, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as viewer:
            said = {}
            while "all" not in said:
                name, *pairs = viewer.stdout.readline().decode().split()
                said[name] = {key: int(value) for key, value in (pair.split("=") for pair in pairs)}
            wait_for_ticks(lines, 20)
            at_rest = waits_of(next(pid for pid in descendants(viewer.pid) if exe_of(pid) == AMOUNTS))
            viewer.communicate(timeout=LIMIT_S)
        equal(viewer.returncode, 0, "exit status")
        for name, wait_ns in at_rest.items():
            said.setdefault(name, {})["at_rest_ns"] = wait_ns
        return said, load(report)


def waits_of(pid):
    """For how long each thread waited for a core so far, by the kernel; empty where it does not say."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        path = f"/proc/{pid}/task/{thread}"
        if os.path.exists(path + "/schedstat"):
            with open(path + "/comm", encoding="utf-8") as name, \
                    open(path + "/schedstat", encoding="utf-8") as times:
                found[name.read().rstrip()] = int(times.read().split()[1])
    return found


def thread(name):
    return next(t for t in amounts()[1]["threads"] if t["name"] == name)


def reason(metric):
    return next(m for m in amounts()[1]["metrics"]
                if (m["scope"], m["name"]) == ("thread", metric))["unavailable_because"]


def within(found, low, high, what):
    assert found is not None and low <= found <= high, f"{what}: {found}, not {low} to {high}"


def test_switches():
    """1,000 sleeps are 1,000 voluntary context switches"""
    sleeper, said = thread("sleeper"), amounts()[0]["sleeper"]
    within(said["voluntary"], SLEEPS, SLEEPS + 100, "as it counted itself")
    # One more for each lock that it had to wait for, and for the sleep that it never woke up from;
    # a machine that stands still makes one, too.
    within(sleeper["voluntary_switches"], said["voluntary"], said["voluntary"] + 100, "voluntary")
    equal(sleeper["context_switches"],
          sleeper["voluntary_switches"] + sleeper["involuntary_switches"], "sum of both")
    within(sleeper["involuntary_switches"], said["involuntary"], said["involuntary"] + 100, "forced")


def test_faults():
    """5,000 pages touched are 5,000 page faults"""
    toucher, said = thread("toucher"), amounts()[0]["toucher"]
    within(toucher["minor_faults"], PAGES, PAGES + 100, "minor faults")
    within(toucher["minor_faults"], said["minor"], said["minor"] + 100, "as it counted itself")
    equal(toucher["major_faults"], 0, "major faults")


def test_input_output():
    """calls and bytes of read and write are exact, and so is what reached storage"""
    writer, said = thread("writer"), amounts()[0]["writer"]
    equal([writer[f] for f in ("write_operations", "write_bytes", "read_operations", "read_bytes",
                               "io_operations", "write_storage_bytes")],
          [WRITES, WRITES * WRITE_BYTES, READS + 1, READS * READ_BYTES + said["io_bytes"],
           WRITES + READS + 1, said["storage"]], "I/O of the writer")
    idle = thread("spinner")
    equal([idle[f] for f in ("io_operations", "read_bytes", "write_bytes")], [0, 0, 0],
          "I/O of another thread")


def test_user_and_kernel_time():
    """a loop in user mode and one of system calls: the time that getrusage says of each"""
    for name in ("spinner", "caller"):
        found, said = thread(name), amounts()[0][name]
        for field, own in (("user_ms", "user_us"), ("system_ms", "system_us")):
            within(found[field], said[own] / 1000 - 2 * TICK_MS, said[own] / 1000 + 2 * TICK_MS,
                   f"{field} of {name}")
        # No more than that in one go: a machine that stands still may count as its last step.
        assert found["user_ms"] + found["system_ms"] > 380, f"CPU time of {name}"
    assert thread("caller")["system_ms"] > thread("spinner")["system_ms"] + 50, "kernel time"
    life_s = thread("spinner")["run_time_ms"] / 1000
    within(thread("spinner")["user_percent"], thread("spinner")["user_ms"] / life_s / 10 - 0.1,
           thread("spinner")["user_ms"] / life_s / 10 + 0.1, "user time over its life")


def test_cores():
    """moves between cores, the cores allowed, and the core and node it is on"""
    mover, said = thread("mover"), amounts()[0]["mover"]
    equal([mover["affinity"], mover["cores_allowed"], mover["core"]],
          [str(said["core"]), 1, said["core"]], "where it may run, and does")
    equal(thread("sleeper")["cores_allowed"], said["cores"], "cores that others may use")
    if mover["migrations"] is None:
        assert reason("migrations"), "a reason"
    else:
        moves = MOVES if said["cores"] > 1 else 0
        # Before it chose its first core the kernel may have moved it, too.
        within(mover["migrations"], moves - 2, moves + 50, "migrations")
    nodes = [f for f in os.listdir("/sys/devices/system/node") if re.fullmatch(r"node\d+", f)] \
        if os.path.isdir("/sys/devices/system/node") else []
    if not nodes:
        assert mover["numa_node"] is None and reason("numa_node"), "a reason"
    else:
        core = os.path.join("/sys/devices/system/node", f"node{mover['numa_node']}",
                            f"cpu{said['core']}")
        assert os.path.exists(core), f"node {mover['numa_node']}"


def test_run_queue():
    """two threads on one core wait for it half of the time"""
    for name in ("sharer-a", "sharer-b"):
        found, said = thread(name), amounts()[0].get(name)
        if said is None or found["run_queue_wait_ms"] is None:
            assert reason("run_queue_wait_ms"), "a reason"
            continue
        within(found["run_queue_wait_ms"], said["wait_ns"] / 1e6 - 1, said["at_rest_ns"] / 1e6 + 1,
               "as the kernel told the thread, and us later")
        # Somebody else may want the core, too: then they wait for longer.
        assert said["wait_ns"] > 0.3 * said["run_ns"], said


def test_what_is_missing_has_a_reason():
    """no metric is null without a reason, and counters of the processor say what they lack"""
    document = amounts()[1]
    alive = [t for t in document["threads"] if t["name"] == "mover"]
    for metric in document["metrics"]:
        if metric["scope"] == "thread" and metric["name"] in alive[0]:
            null = all(t[metric["name"]] is None for t in document["threads"])
            equal(metric["unavailable_because"] is not None, null, metric["name"])
    counted = thread("spinner")["cycles"]
    if counted is None:
        assert re.search("virtual|paranoid|seccomp|another user|perf_event_open|counters",
                         reason("cycles")), reason("cycles")
        equal(reason("memory_bytes_per_s"), reason("cycles"), "what is derived from it")
    else:
        assert counted > 0 and thread("spinner")["instructions"] > 0, "counters"


def test_against_another_tool():
    """/usr/bin/time says the same of gzip"""
    need("time", "gzip")
    with tempfile.TemporaryDirectory(prefix="memscope-time-") as folder:
        report, out, lines = (os.path.join(folder, name) for name in ("report", "json", "lines"))
        with subprocess.Popen([MEMSCOPE, "-q", "--json", out, "--json-lines", lines, "--", "/usr/bin/time", "-v",
                               "-o", report, "gzip", "-c"], env=BARE, stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL) as viewer:
            viewer.stdin.write(os.urandom(8_000_000))
            viewer.stdin.flush()
            # It has done its work and waits for more when it is looked at for the last time.
            gzip = next(pid for pid in descendants(viewer.pid) if os.path.basename(exe_of(pid)) == "gzip")
            wait_until(lambda: sleeps(gzip), what="gzip at rest")
            wait_for_ticks(lines, 20)
            viewer.communicate(timeout=LIMIT_S)
        equal(viewer.returncode, 0, "exit status")
        with open(report, encoding="utf-8") as file:
            said = dict(line.strip().rsplit(": ", 1) for line in file if ": " in line)
        found = next(t for t in load(out)["threads"] if t["name"] == "gzip")
    # It says hundredths of seconds, cut off; and its own end is none of what we see of it.
    for field, line in (("user_ms", "User time (seconds)"),
                        ("system_ms", "System time (seconds)")):
        own_ms = 1000 * float(said[line])
        within(found[field], own_ms - 30, own_ms + 30, field)
    faults = int(said["Minor (reclaiming a frame) page faults"])
    within(found["minor_faults"], faults - 100, faults, "minor faults")


def test_many_threads():
    """1,200 threads are read by turns, and the report says how often"""
    with tempfile.TemporaryDirectory(prefix="memscope-many-") as folder:
        out = os.path.join(folder, "json")
        with subprocess.Popen([MEMSCOPE, "-q", "--", SCALE, "alive", "1200"], env=BARE,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as viewer:
            equal(viewer.stdout.readline(), b"ready\n", "what the program says")
            pid = next(pid for pid in descendants(viewer.pid) if exe_of(pid) == SCALE)

            # A tenth of a second, and three turns; a busy machine is slower, and then says less.
            def read_by_turns():
                run([MEMSCOPE, "-q", "-p", str(pid), "--duration", "2.5", "--json", out])
                document = load(out)
                read = [t for t in document["threads"] if t["affinity"] is not None]
                return len(read) >= 1200 and 0 < document["processes"][0]["thread_read_hz"] < 3.4
            wait_until(read_by_turns, what="all threads read, three times a second or less often")
            viewer.communicate(b"\n", timeout=LIMIT_S)


def test_exec_inherits_nothing():
    """a program that another one became by exec has not used the CPU time that was used before"""
    with tempfile.TemporaryDirectory(prefix="memscope-exec-") as folder:
        out, lines = os.path.join(folder, "json"), os.path.join(folder, "lines")
        script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo ready; read line; exec cat"
        with subprocess.Popen([MEMSCOPE, "-q", "--json", out, "--json-lines", lines, "--", "/bin/bash",
                               "-c", script], env=BARE, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as viewer:
            equal(viewer.stdout.readline(), b"ready\n", "what the program says")
            wait_for_ticks(lines)
            viewer.stdin.write(b"\n")
            viewer.stdin.flush()
            is_cat = lambda tick: any(process["name"] == "cat" for process in tick["processes"])
            wait_for_ticks(lines, seen=is_cat)
            wait_for_ticks(lines)
            viewer.communicate(timeout=LIMIT_S)
        equal(viewer.returncode, 0, "exit status")
        document = load(out)
    used = {thread["name"]: thread["user_ms"] + thread["system_ms"]
            for thread in document["threads"]}
    assert used["bash"] > 50, used
    # What it used between the last look at it and exec is not told apart.
    assert used["cat"] < used["bash"] / 2, used
    faults = {thread["name"]: thread["minor_faults"] for thread in document["threads"]}
    assert 0 < faults["cat"] < 2 * faults["bash"], faults


main(globals())
