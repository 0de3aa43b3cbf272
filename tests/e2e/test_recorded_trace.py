#!/usr/bin/env python3
"""The trace in a recording: every event, in order, with its thread, size and call site; what is
lost is told, and the figures beside it are those without a trace. Takes about 10 s.
"""
import collections
import csv
import json
import os
import statistics
import struct
import tempfile

from watched import BUILD, MEMSCOPE, SOAK, equal, main, run, status

TRACED = os.path.join(BUILD, "tests/e2e/traced")


WHOLE = ("--trace", "--trace-full=wait")  # a machine may stand still


def record(folder, *command, options=WHOLE):
    path = os.path.join(folder, "r.memscope")
    result = run([MEMSCOPE, "record", "--force", *options, "-o", path, "--", TRACED, *command])
    equal(status(result), 0, result.stderr)
    result = run([MEMSCOPE, "verify", path])
    equal(status(result), 0, result.stdout)
    return path


def table(path, name, *options):
    out = path + "." + name + ".csv"
    result = run([MEMSCOPE, "export", path, "--force", "--csv", out, "--table", name, *options])
    equal(status(result), 0, result.stderr)
    with open(out, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file)), result.stderr.decode()


def logs(path):
    """What each thread did, by tid: (kind, address, bytes) in its order."""
    with open(path, "rb") as file:
        data = file.read()
    found, at = {}, 0
    while at < len(data):
        tid, count = struct.unpack_from("=QQ", data, at)
        entries = struct.iter_unpack("=QQQ", data[at + 16:at + 16 + 24 * count])
        found[tid] = [("free" if kind == 2 else "allocation", address, size)
                      for address, size, kind in entries]
        at += 16 + 24 * count
    return found


def test_every_event():
    """four threads that log what they do: the recording has the same, in their order"""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        path = record(folder, "threads", log)
        events, told = table(path, "trace")
        equal(told, "", "nothing is missing")
        threads = {row["id"]: int(row["tid"]) for row in table(path, "threads")[0]}
        sites = {row["id"]: row for row in table(path, "sites")[0]}
        by_thread = collections.defaultdict(list)
        owner = {}
        for event in events:
            kind, address, size = event["kind"], int(event["address"]), int(event["bytes"])
            tid = threads[event["thread_id"]]
            by_thread[tid].append((kind, address, size, event))
            if kind == "allocation":
                equal(event["thread_id"], event["allocated_by_thread_id"], "who allocated")
        for tid, wanted in logs(log).items():
            known = set((kind, address, size) for kind, address, size in wanted)
            seen = [event for event in by_thread[tid] if event[:3] in known]
            # libc allocates for a thread itself, before and after its work.
            equal([event[:3] for event in seen], wanted, f"events of thread {tid}")
            names = collections.Counter(
                "resize" if "resize" in sites[event[3]["site_id"]]["stack"] else
                "make" if "make" in sites[event[3]["site_id"]]["stack"] else "else"
                for event in seen if event[0] == "allocation")
            equal(names["else"], 0, f"call sites of thread {tid}: {names}")
            assert names["make"] and names["resize"], names
        count_as_counters(path, events, sites)
        check_owners(events)
        only, _ = table(path, "trace", "--only", "allocations>1000")
        assert 0 < len(only) < len(events), (len(only), len(events))


def check_owners(events):
    """A free says who allocated, and where, what it frees."""
    live = {}
    others = 0
    for at, event in sorted(enumerate(events), key=lambda pair: (int(pair[1]["t_ns"]), pair[0])):
        what = (event["bytes"], event["allocated_by_thread_id"], event["site_id"])
        if event["kind"] == "allocation":
            live[event["address"]] = what
        else:
            equal(live.pop(event["address"]), what, f"block of {event}")
            others += event["thread_id"] != event["allocated_by_thread_id"]
    assert others > 100, f"{others} blocks of other threads were freed"


def count_as_counters(path, events, sites):
    """The events of threads and of call sites are their counters."""
    allocations = collections.Counter()
    frees = collections.Counter()
    at_site = collections.Counter()
    for event in events:
        if event["kind"] == "allocation":
            allocations[int(event["thread_id"])] += 1
            at_site[event["site_id"]] += 1
        else:
            frees[int(event["allocated_by_thread_id"])] += 1
    for thread in table(path, "threads")[0]:
        equal((allocations[int(thread["id"])], frees[int(thread["id"])]),
              (int(thread["allocations"]), int(thread["deallocations"])), f"thread {thread['id']}")
    for site in sites.values():
        equal(at_site[site["id"]], int(site["allocations"]), f"call site {site['id']}")
    process, = table(path, "processes")[0]
    equal(sum(allocations.values()), int(process["allocations"]), "allocations")
    equal(sum(frees.values()), int(process["deallocations"]), "frees")


def test_child():
    """a forked child that is gone at once: its events are its own"""
    with tempfile.TemporaryDirectory() as folder:
        path = record(folder, "fork")
        events, told = table(path, "trace")
        equal(told, "", "nothing is missing")
        processes = {row["id"]: row for row in table(path, "processes")[0]}
        equal(len(processes), 2, "processes")
        counted = collections.Counter(event["process_id"] for event in events
                                      if event["kind"] == "allocation")
        for number, process in processes.items():
            equal(counted[number], int(process["allocations"]), f"process {number}")
        assert all(event["thread_id"] and event["site_id"] for event in events
                   if event["kind"] == "allocation")


def test_many():
    """hundreds of thousands of events: all there, or told; the viewer keeps its pace"""
    with tempfile.TemporaryDirectory() as folder:
        path = record(folder, "pairs", "1000000" if SOAK else "200000", options=WHOLE)
        last = None
        counts = collections.Counter()
        out = path + ".csv"
        result = run([MEMSCOPE, "export", path, "--csv", out, "--table", "trace"])
        equal(status(result), 0, result.stderr)
        with open(out, encoding="utf-8") as file:
            next(file)
            for line in file:
                at, kind = line.split(",", 2)[:2]
                counts[kind] += 1
                assert last is None or int(at) >= last, "times of one thread go on"
                last = int(at)
        process, = table(path, "processes")[0]
        equal(counts["allocation"], int(process["allocations"]), "allocations")
        equal(counts["free"], int(process["deallocations"]), "frees")
        equal(result.stderr, b"", "nothing is missing")
        lines = path + ".jsonl"
        equal(status(run([MEMSCOPE, "export", path, "--json-lines", lines])), 0, "json lines")
        with open(lines, encoding="utf-8") as file:
            ticks = [json.loads(line) for line in file]
        times = [tick["t_ns"] for tick in ticks if "t_ns" in tick]
        # One tick may wait for a core as long as the neighbours want it to.
        usual = statistics.median(b - a for a, b in zip(times, times[1:]))
        assert usual < 1e9, f"a tick took {usual / 1e9} s"


def test_losses_are_told():
    """a trace that ends at its limit, and one that was never asked for: both are said"""
    with tempfile.TemporaryDirectory() as folder:
        path = record(folder, "pairs", "10000", options=(*WHOLE, "--trace-limit", "5000"))
        events, _ = table(path, "trace")
        equal(len(events), 5000, "events")
        path = record(folder, "pairs", "1000", options=())
        events, told = table(path, "trace")
        equal(events, [], "events")
        assert "--trace" in told, told


def test_bounded():
    """--max-size: the trace makes room, the recording goes on to the end, and what is missing is said"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.memscope")
        result = run([MEMSCOPE, "record", *WHOLE, "--max-size", "1M", "-o",
                      path, "--", TRACED, "pairs", "2000000"])
        equal(status(result), 0, result.stderr)
        assert os.path.getsize(path) <= 1 << 20, os.path.getsize(path)
        events, told = table(path, "trace")
        process, = table(path, "processes")[0]
        assert int(process["allocations"]) > 2000000, process
        missing = int(process["allocations"]) + int(process["deallocations"]) - len(events)
        assert missing > 0 and f" {missing} of " in told, (missing, told)


main(globals())
