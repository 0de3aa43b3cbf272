"""Every cell of every table of CSV is what the JSON of the same recording says."""

import collections
import csv
import io
import os
import tempfile

from watched import MEMSCOPE, equal, load, main, need, run, status

# Threads that hand blocks on, I/O, a child that ends otherwise, and many short-lived blocks.
PYTHON = """
import json, queue, subprocess, threading, time
kept, handed = [], queue.Queue()
def work(n):
    for i in range(40):
        kept.append(json.dumps({"a": i, "b": "x" * n}))
        handed.put(bytearray(3000 * n))
        open("/proc/self/stat").read()
        time.sleep(0.01)
def take():
    while handed.get() is not None:
        pass
threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 4)]
taker = threading.Thread(target=take, name="taker")
for thread in [*threads, taker]: thread.start()
subprocess.run(["/bin/sh", "-c", "kill -9 $$"])
for thread in threads: thread.join()
handed.put(None)
taker.join()
"""
# A block that malloc gave goes to C++'s delete.
MISUSE = """
import ctypes, time
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
c._ZdlPv.argtypes = [ctypes.c_void_p]
c._ZdlPv(c.malloc(100))
time.sleep(0.3)
"""


def table(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


class Recorded:
    """A recording with its JSON and all tables."""

    def __init__(self, program, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="memscope-csv-")
        self.recording, path = (os.path.join(self.folder.name, name) for name in ("r", "r.json"))
        done = run([MEMSCOPE, "record", "-q", *options, "-o", self.recording, "--", *program],
                   env={"PATH": "/usr/bin:/bin", "PYTHONMALLOC": "malloc"})
        equal(status(done), 0, done.stderr.decode())
        equal(run([MEMSCOPE, "export", self.recording, "--json", path]).returncode, 0, "export")
        self.document = load(path)

    def table(self, name, *options):
        done = run([MEMSCOPE, "export", self.recording, "--csv", "-", "--table", name, *options])
        equal((status(done), done.stderr), (0, b""), name)
        return table(done.stdout.decode())


def cell(value):
    """As a cell has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value if value[:1] in ("=", "+", "-", "@") else value
    return float(value)


def check(name, rows, things, columns):
    """Row by row; `columns`: for each that JSON calls otherwise, where it is there."""
    equal(len(rows), len(things), f"rows of {name}")
    for number, (row, thing) in enumerate(zip(rows, things)):
        for column, found in row.items():
            wanted = cell(columns[column](thing) if column in columns else thing[column])
            equal(float(found) if isinstance(wanted, float) and found else found, wanted,
                  f"{name}, row {number}, {column}")


def of(*path):
    def get(thing):
        for name in path:
            thing = thing[name] if thing is not None else None
        return thing
    return get


def culprit(member):
    """Of the frame that a call site is named by."""
    def get(site):
        if site["culprit"] is None or not site["stack"]:
            return "" if member != "line" else None
        return site["stack"][site["culprit"]][member] or ("" if member != "line" else None)
    return get


def name_of(frame):
    return frame["function"] or f"{os.path.basename(frame['module'] or '?')}+0x{frame['offset']:x}"


def stack(site):
    return ";".join(name_of(frame) for frame in reversed(site["stack"]))


def check_all(recorded):
    document = recorded.document
    threads = {thread["id"]: thread for thread in document["threads"]}
    check("threads", recorded.table("threads"), document["threads"], {
        "efficiency_score": of("judgements", "efficiency_score"),
        "bottleneck": of("judgements", "bottleneck")})
    totals = "allocations deallocations bytes_allocated bytes_freed current_bytes peak_bytes".split()
    check("processes", recorded.table("processes"), document["processes"], {
        "name": lambda process: os.path.basename((process["argv"] or [process["exe"]])[0]),
        **{name: of("totals", name) for name in totals}})
    check("sites", recorded.table("sites"), document["sites"], {
        **{name: culprit(name) for name in ("function", "file", "line", "module")},
        "cpu_ms": of("work", "cpu_ms"), "io_wait_ms": of("work", "io_wait_ms"),
        "truncated": lambda site: site["truncated"] or "", "stack": stack})
    check("flows", recorded.table("flows"), document["flows"], {
        "from_name": lambda flow: threads[flow["from_thread"]]["name"] if flow["from_thread"] else "",
        "to_name": lambda flow: threads[flow["to_thread"]]["name"] if flow["to_thread"] else ""})
    check("types", recorded.table("types"), document["types"], {
        name: lambda row, name=name: row[name] or "" for name in ("language", "element")})
    check("insights", recorded.table("insights"), document["insights"], {})
    check("leaks", recorded.table("leaks"), document["leaks"]["likely"], {})
    check_timeline(recorded.table("timeline"), document["timeline"])


def check_timeline(rows, timeline):
    """A row for each value that is known, series after series."""
    wanted = [(t_ns, series["metric"], series["process_id"], series["thread_id"], series.get("core"),
               series.get("gpu"), value)
              for series in timeline["series"]
              for t_ns, value in zip(timeline["t_ns"], series["values"]) if value is not None]
    found = [tuple(int(row[name]) if row[name] else None for name in ("t_ns",)) + (row["metric"],) +
             tuple(int(row[name]) if row[name] else None
                   for name in ("process_id", "thread_id", "core", "gpu")) + (float(row["value"]),)
             for row in rows]
    equal(len(found), len(wanted), "points")
    for one, other in zip(found, wanted):
        equal(one, other, "point of the timeline")


def test_threads_and_processes():
    """python3 with threads that hand blocks on and a child that is killed, traced: all tables"""
    recorded = Recorded(["/usr/bin/python3", "-c", PYTHON], "--trace", "--trace-full=wait")
    check_all(recorded)
    document = recorded.document
    assert len(document["processes"]) >= 2 and document["flows"] and len(document["threads"]) >= 5
    rows = recorded.table("trace")
    equal(len(rows), document["trace"]["events"], "events of the trace")
    first = document["processes"][0]  # the child was killed before it could send its events
    mine = [row for row in rows if int(row["process_id"]) == first["id"]]
    for kind, count, size in (("allocation", "allocations", "bytes_allocated"),
                              ("free", "deallocations", "bytes_freed")):
        of_kind = [row for row in mine if row["kind"] == kind]
        equal(len(of_kind), first["totals"][count], f"{kind}s of the trace")
        equal(sum(int(row["bytes"]) for row in of_kind), first["totals"][size], f"bytes of {kind}s")
    allocations = [row for row in mine if row["kind"] == "allocation"]
    equal(collections.Counter(int(row["thread_id"]) for row in allocations),
          {thread["id"]: thread["allocations"] for thread in document["threads"]
           if thread["process_id"] == first["id"] and thread["allocations"]}, "of each thread")
    per_site = collections.Counter()
    for row in allocations:
        per_site[int(row["site_id"])] += int(row["bytes"])
    equal(per_site, {site["id"]: site["bytes_allocated"] for site in document["sites"]
                     if site["process_id"] == first["id"] and site["allocations"]},
          "bytes of each call site")
    times = [int(row["t_ns"]) for row in rows]
    assert 0 <= min(times) and max(times) <= document["session"]["duration_ns"], max(times)


def test_insights():
    """a program that frees by another family: what is found in it, too"""
    recorded = Recorded(["/usr/bin/python3", "-c", MISUSE])
    check_all(recorded)
    assert recorded.document["insights"], "nothing was found"


def test_compiler():
    """g++ with its processes and thousands of call sites: all tables"""
    need("g++")
    recorded = Recorded(["/bin/sh", "-c", "echo '#include <utility>\nstd::pair<int, long> f();' | "
                         "g++ -x c++ -c -o /dev/null -"])
    check_all(recorded)
    assert len(recorded.document["processes"]) >= 3 and len(recorded.document["sites"]) > 1000


def test_only_some():
    """--only leaves the same threads in as JSON does, and of call sites what those threads did there"""
    recorded = Recorded(["/usr/bin/python3", "-c", PYTHON])
    path = os.path.join(recorded.folder.name, "some.json")
    run([MEMSCOPE, "export", recorded.recording, "--only", "frees_for_others>0", "--json", path])
    threads = load(path)["threads"]
    assert 0 < len(threads) < len(recorded.document["threads"]), threads
    rows = recorded.table("threads", "--only", "frees_for_others>0")
    equal([row["id"] for row in rows], [str(thread["id"]) for thread in threads], "threads")
    rows = recorded.table("sites", "--only", "frees_for_others>0")
    for figure in ("allocations", "deallocations", "bytes_allocated", "bytes_freed", "temporary"):
        equal(sum(int(row[figure]) for row in rows), sum(thread[figure] for thread in threads),
              f"{figure} at the call sites of those threads")


main(globals())
