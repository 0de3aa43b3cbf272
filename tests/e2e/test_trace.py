#!/usr/bin/env python3
"""The trace of real programs: every event in order, nothing lost unsaid, the program left alone.

Uses tests/e2e/trace_client.c as reader, linked with the rooms' archives in $BUILD/lib. Takes about
10 s.
"""
import collections
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time

from watched import (BARE, BUILD, LIMIT_S, MEMSCOPE, ROOT, descendants, end, equal, load, main, run,
                     ticks_of, wait_until, watch)

TRACED = os.path.join(BUILD, "tests/e2e/traced")
PROBE = os.path.join(BUILD, "libmemscope-probe.so")
WORK = tempfile.mkdtemp(prefix="memscope-trace-")
CLIENT = os.path.join(WORK, "trace_client")
MISSING, ALLOCATION, FREE = 0, 1, 2
PATIENT = ["-w", "60000"]  # ms that a full socket holds the program up: a machine may stand still
# enum ms_trace_state
ON, IMPATIENT, LIMIT, CLOSED, QUIET = 1, 2, 3, 5, 7

Event = collections.namedtuple("Event", "time kind address bytes context")


def build():
    rooms = [os.path.join(BUILD, "lib", room + ".a") for room in ("keeper", "wire")]
    subprocess.run(
        [os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-I" + os.path.join(ROOT, "src"),
         "-o", CLIENT, os.path.join(ROOT, "tests/e2e/trace_client.c"), "-Wl,--start-group",
         *rooms, "-Wl,--end-group"], check=True)


class Trace:
    """What one run of the client brought: events by (region, slot, thread, serial), counters."""

    def __init__(self, *command, options=(), **keywords):
        path = os.path.join(WORK, "packets")
        result = run([CLIENT, *options, path, PROBE, *command], **keywords)
        equal(result.returncode, 0, "status of the client")
        self.threads = collections.defaultdict(list)
        self.lost = collections.Counter()
        self.batch_sizes = []
        self.told = [dict(word.split("=") for word in line.split()[1:]) | {"what": line.split()[0]}
                     for line in result.stdout.decode().splitlines() if "=" in line]
        self.output = result.stdout.decode()
        with open(path, "rb") as file:
            self.read(file.read())

    def read(self, packets):
        at = 0
        following = {}
        while at < len(packets):
            length, = struct.unpack_from("=I", packets, at)
            magic, version, _pid, region, slot, thread, serial, count, first, _lost, base = \
                struct.unpack_from("=8I3Q", packets, at + 4)
            equal((magic, version, length), (0x4352544d, 1, 56 + 24 * count), "head of a batch")
            key = (region, slot, thread, serial)
            self.lost[key] += first - following.get(key, 0)
            following[key] = first + count
            self.batch_sizes.append(length)
            for address, word, context, low in struct.iter_unpack(
                    "=QQII", packets[at + 60:at + 4 + length]):
                near = (low - base + 2**31) % 2**32 - 2**31
                if word >> 62 == MISSING:
                    self.lost[key] += 1
                else:
                    self.threads[key].append(
                        Event(base + near, word >> 62, address, word & (1 << 56) - 1, context))
            at += 4 + length

    def of(self, what, **wanted):
        return [found for found in self.told if found["what"] == what and
                all(found[name] == str(value) for name, value in wanted.items())]

    def process(self, slot=0):
        return self.of("process", region=1, slot=slot)[0]

    def count(self):
        return sum(len(events) for events in self.threads.values())


def counters(found):
    return tuple(int(found[name]) for name in ("allocations", "bytes", "frees", "freed_bytes"))


def check_replay(trace, slot=0):
    """The events of one process give its counters and its live blocks, for threads and contexts."""
    threads = collections.defaultdict(lambda: [0] * 4)
    contexts = collections.defaultdict(lambda: [0] * 4)
    live = {}
    events = [(event.time, at, key[2], event) for key, found in trace.threads.items()
              if key[:2] == (1, slot) for at, event in enumerate(found)]
    for _time, _at, thread, event in sorted(events):
        place = 0 if event.kind == ALLOCATION else 2
        if event.kind == ALLOCATION:
            if event.address in live:
                raise AssertionError(f"{event} of a block that is live")
            live[event.address] = (event.bytes, event.context)
        elif event.context == 0:
            continue
        else:
            equal(live.pop(event.address, None), (event.bytes, event.context), f"block of {event}")
        for sums in (threads[thread], contexts[event.context]):
            sums[place] += 1
            sums[place + 1] += event.bytes
    for found in trace.of("thread", region=1, slot=slot):
        equal(tuple(threads[int(found["index"])]), counters(found), f"events of thread {found}")
    used = [found for found in trace.of("context", region=1, slot=slot) if counters(found)[0]]
    for found in used:
        equal(tuple(contexts[int(found["index"])]), counters(found), f"events of context {found}")
    equal(len(used), len(contexts), "contexts with events")
    equal(sum(size for size, _context in live.values()),
          sum(counters(found)[1] - counters(found)[3] for found in used), "live bytes at the end")


def read_logs(path):
    with open(path, "rb") as file:
        content = file.read()
    logs, at = {}, 0
    while at < len(content):
        tid, count = struct.unpack_from("=QQ", content, at)
        end_at = at + 16 + 24 * count
        logs[tid] = [(kind, address, size) for address, size, kind in
                     struct.iter_unpack("=QQQ", content[at + 16:end_at])]
        at = end_at
    return logs


def test_every_event_of_four_threads_in_the_order_that_each_logged():
    """Four threads that free each other's blocks: their own logs, event by event"""
    path = os.path.join(WORK, "log")
    trace = Trace(TRACED, "threads", path, options=PATIENT)
    equal(sum(trace.lost.values()), 0, "events lost")
    equal(trace.process()["lost"], "0", "events that the probe lost")
    equal(trace.process()["events"], str(trace.count()), "events that the probe sent")
    logs = read_logs(path)
    equal(len(logs), 4, "threads with a log")
    for tid, log in logs.items():
        record, = trace.of("thread", tid=tid)
        events = trace.threads[1, 0, int(record["index"]), int(record["serial"])]
        found = [(event.kind, event.address, event.bytes) for event in events]
        if found != log:
            at = next((i for i, (a, b) in enumerate(zip(found, log)) if a != b), "the end")
            raise AssertionError(f"{len(found)} events, {len(log)} logged; they differ at {at}")
    check_replay(trace)


def test_small_batches_say_the_same():
    """The smallest buffer: more packets, the same events"""
    path = os.path.join(WORK, "log")
    trace = Trace(TRACED, "threads", path, options=["-b", "4096", *PATIENT])
    equal(sum(trace.lost.values()), 0, "events lost")
    equal(trace.process()["state"], str(ON), "state of the trace")
    if max(trace.batch_sizes) > 4096:
        raise AssertionError(f"a batch of {max(trace.batch_sizes)} bytes")
    check_replay(trace)


def test_allocations_in_a_signal_handler():
    """Allocations in a signal handler are in the trace like any other"""
    trace = Trace(TRACED, "handler", options=PATIENT)
    equal(sum(trace.lost.values()), 0, "events lost")
    sizes = collections.Counter(event.bytes for events in trace.threads.values()
                                for event in events if event.kind == ALLOCATION)
    equal(sizes[40], 20000, "allocations of the handler")
    check_replay(trace)


def test_children_that_fork_and_leave_by_exit():
    """A forked child is in the trace with a number of its own, up to its _exit"""
    trace = Trace(TRACED, "fork", options=PATIENT)
    equal(sum(trace.lost.values()), 0, "events lost")
    child = [event for key, events in trace.threads.items() if key[:2] == (1, 1)
             for event in events]
    equal(collections.Counter((event.kind, event.bytes) for event in child),
          {(ALLOCATION, 100): 1000, (FREE, 100): 1000}, "events of the child")
    check_replay(trace)
    check_replay(trace, slot=1)


def test_processes_by_exec_trace_too():
    """What the program executes gets the socket with its own region"""
    trace = Trace("/bin/sh", "-c", f"{TRACED} pairs 1000; true", options=PATIENT)
    wanted = [key for key, events in trace.threads.items()
              if sum(event.bytes == 100 and event.kind == FREE for event in events) == 1000]
    equal([key[0] for key in wanted], [2], "region files with 1,000 pairs")


def lost_and_received(trace):
    process = trace.process()
    known = int(process["lost"]) + trace.count()
    counted = sum(counters(found)[0] + counters(found)[2] for found in trace.of("thread", slot=0))
    equal(known, counted, "lost and received, and counted")
    equal(int(process["events"]), trace.count(), "sent and received")
    return int(process["lost"])


def test_nobody_reads():
    """While nobody reads, events are lost, all of them counted, and nothing is held up"""
    trace = Trace(TRACED, "pairs", "500000", options=["-n"])
    if lost_and_received(trace) < 500000:
        raise AssertionError("the socket cannot have held all that")
    equal(trace.process()["state"], str(ON), "state of the trace")


def test_waiting_for_a_reader_has_an_end():
    """A reader that is waited for in vain is waited for once"""
    start = time.monotonic()
    trace = Trace(TRACED, "pairs", "500000", options=["-n", "-w", "300"])
    took = time.monotonic() - start
    # To wait 0.3 s at each of thousands of full buffers would take ten minutes.
    if took < 0.3 or took > LIMIT_S:
        raise AssertionError(f"it took {took:.1f} s")
    lost_and_received(trace)
    equal(trace.process()["state"], str(IMPATIENT), "state of the trace")


def test_a_limit_of_events():
    """The trace ends with exactly as many events as asked for"""
    trace = Trace(TRACED, "pairs", "100000", options=["-l", "12345", *PATIENT])
    equal(trace.count(), 12345, "events received")
    equal((trace.process()["state"], trace.process()["lost"]), (str(LIMIT), "0"), "state, lost")


def test_a_program_that_closes_all_descriptors():
    """All descriptors closed: the trace ends, says so, and counts on"""
    trace = Trace(TRACED, "close")
    equal(trace.process()["state"], str(CLOSED), "state of the trace")
    lost_and_received(trace)


def test_a_program_that_takes_every_number():
    """Another file under the number of the socket gets nothing of ours"""
    trace = Trace(TRACED, "reuse")
    if "through the pipe: -1" not in trace.output:
        raise AssertionError("the program read what it did not write: " + trace.output[:200])
    equal(trace.process()["state"], str(CLOSED), "state of the trace")


def test_no_room_for_a_descriptor():
    """Few descriptors: no trace and the reason, all counted; with 4 of them the program lives"""
    command = ["/bin/sh", "-c", f"ulimit -S -n $0; exec {TRACED} pairs 1000"]
    result, document = watch([*command, "5"], "--trace")
    equal(result.returncode, 0, "status of the program")
    traced = document["processes"][1]
    equal(traced["totals"]["allocations"] >= 1000, True, "counted")
    equal(document["trace"]["because"], "none: the program may open too few files", "reason")
    equal(document["trace"]["lost"] >= 2000, True, "lost")
    result, _document = watch([*command, "4"], "--trace")
    equal(result.returncode, 0, "status of the program with 4 descriptors")


def test_behind_a_seccomp_filter():
    """After a seccomp filter nothing is sent, all is counted, and the program lives"""
    trace = Trace(TRACED, "seccomp")
    equal(trace.output.splitlines()[0], "status 0", "status of the program")
    equal(trace.process()["state"], str(QUIET), "state of the trace")
    if lost_and_received(trace) < 2000:
        raise AssertionError("2,000 events came after the filter")
    if trace.count() < 2000:
        raise AssertionError("2,000 events came before the filter")


def test_the_viewer_reads_and_says_it():
    """memscope-top --trace: JSON and line agree with the counters"""
    result, document = watch([TRACED, "threads", "/dev/null"], "--trace")
    equal(result.returncode, 0, "status")
    trace, totals = document["trace"], document["totals"]
    equal((trace["read"], trace["refused"], trace["because"]), (True, 0, None), "trace")
    counted = totals["allocations"] + totals["deallocations"]
    equal(trace["events"] + trace["lost"], counted, "events read and lost, and counted")
    result = run([MEMSCOPE, "--plain", "--trace", "--trace-limit", "1000", "--", TRACED, "pairs",
                  "5000"])
    text = result.stderr.decode()
    if "trace: 1000 events, 0 lost, 24" not in text or "as many events as asked for" not in text:
        raise AssertionError(text)


def test_a_stopped_viewer_stops_nothing():
    """A stopped viewer: the program runs on, what is lost is counted, also with --trace-full=wait"""
    for full in ("count", "wait"):
        path, go, lines = (os.path.join(WORK, name + full) for name in ("json-", "go-", "lines-"))
        watched = subprocess.Popen(
            [MEMSCOPE, "-q", "--trace", "--trace-full", full, "--json", path, "--json-lines", lines, "--",
             "/bin/sh", "-c", f"until [ -e {go} ]; do sleep 0.1; done; exec {TRACED} pairs 500000"], env=BARE,
            stdout=subprocess.PIPE)
        try:
            wait_until(lambda: len(descendants(watched.pid)) > 2, what="the keeper, sh, sleep")
            wait_until(lambda: ticks_of(lines), what="a viewer that reads")
            os.kill(watched.pid, signal.SIGSTOP)
            open(go, "wb").close()
            took_ms = int(watched.stdout.readline())
            os.kill(watched.pid, signal.SIGCONT)
            equal(watched.wait(100), 0, "status")
        finally:
            open(go, "wb").close()
            watched.kill()
        if took_ms > 60000:  # to wait at each of thousands of full buffers takes longer
            raise AssertionError(f"{full}: the program took {took_ms} ms")
        trace = load(path)["trace"]
        if trace["lost"] < 500000 or trace["events"] == 0:
            raise AssertionError(f"{full}: {trace}")
        equal(trace["sent"], trace["events"], "sent and read")


def test_one_viewer_at_a_time_reads():
    """A second viewer says that another one reads, and reads itself when that one is gone"""
    first = subprocess.Popen([MEMSCOPE, "-q", "--trace", "--", TRACED, "tick"], env=BARE,
                             stdout=subprocess.PIPE)
    path = os.path.join(WORK, "json")
    try:
        pid = int(first.stdout.readline())
        join = [MEMSCOPE, "-q", "--trace", "--duration", "1.2", "--json", path, "-p", str(pid)]

        def seen(read, because):
            run(join)
            trace = load(path)["trace"]
            return (trace["read"], trace["because"]) == (read, because) and trace

        # The program runs before its first viewer has asked: who comes too early gets the trace.
        wait_until(lambda: seen(False, "another viewer reads the trace"), what="a viewer without")
        first.kill()
        first.wait()
        trace = wait_until(lambda: seen(True, None), what="a viewer with the trace")
        equal(trace["events"] > 0, True, "events")
    finally:
        end(pid)
        first.kill()


def test_untraced_sessions_have_no_trace():
    """Without --trace there is no socket and no line"""
    result, document = watch(["/bin/sh", "-c", "ls -l /proc/self/fd"])
    equal(document["trace"], None, "trace")
    if b"socket" in result.stdout:
        raise AssertionError(result.stdout)


if __name__ == "__main__":
    build()
    try:
        main(globals())
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
