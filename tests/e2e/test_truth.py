#!/usr/bin/env python3
"""Reports from a recording are those of the live session: member by member, of real programs.

And what the names of the JSON promise: all that other tools may count on is there. About 15 s; with
SOAK also a program that leaks, until it is judged.
"""

import json
import os
import subprocess
import tempfile

from watched import MEMSCOPE, SOAK, equal, main, need, run, status

THREADS = """
import json, threading, time
end = time.monotonic() + 2.5
keep = []
def work():
    while time.monotonic() < end:
        json.loads(json.dumps({str(i): [i] * 20 for i in range(100)}))
        keep.append(bytearray(5000))
        open("/proc/self/stat").read()
        time.sleep(0.01)
workers = [threading.Thread(target=work, name=f"worker {i}") for i in range(4)]
for thread in workers: thread.start()
while time.monotonic() < end:
    short = threading.Thread(target=lambda: json.dumps(list(range(1000))))
    short.start()
    short.join()
for thread in workers: thread.join()
"""
KIDS = "ls -R /usr/share/doc >/dev/null; python3 -c 'print(1)'; (sleep 0.5; exit 3); sleep 0.3"
SQL = ("with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) "
       "select count(distinct printf('%d', i * i)) from n;")
LEAKY = """
#include <stdlib.h>
#include <unistd.h>
static void *volatile kept;
int main(void)
{
    for (int i = 0; i < 7500; i++) {
        kept = malloc(4000);
        usleep(10000);
    }
    return 0;
}
"""
# The contract: who reads these names today reads them tomorrow.
NAMES = {
    "memscope": "schema version",
    "metrics[]": "name unit provenance error unavailable_because",
    "processes[]": "id parent_id pid exe argv start_unix_ns duration_ns exit_status signal seen"
                   " seen_because totals",
    "processes[].totals": "allocations deallocations bytes_allocated bytes_freed current_bytes"
                          " peak_bytes foreign_frees",
    "threads[]": "id process_id tid name tracked role role_reason alert current_bytes peak_bytes"
                 " allocations deallocations bytes_allocated bytes_freed frees_for_others"
                 " bytes_freed_for_others freed_ratio cpu_percent io_operations ended",
    "sites[]": "id process_id thread_ids stack current_bytes peak_bytes allocations",
    "sites[].stack[]": "function file line module",
    "flows[]": "process_id from_thread to_thread blocks bytes",
    "timeline": "interval_ns t_ns series",
    "timeline.series[]": "metric thread_id values",
    "correlations[]": "x y scope pearson_r n slope intercept",
    "losses": "recorded lost coarsened untracked_reason",
    "totals": "allocations deallocations bytes_allocated bytes_freed current_bytes peak_bytes"
              " foreign_frees",
}


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def differences(ours, theirs, where):
    """Up to a few dozen lines: where, and both values."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in {**ours, **theirs}:
            if name not in ours or name not in theirs:
                yield f"{where}.{name}: only {'live' if name in ours else 'from the recording'}"
            else:
                yield from differences(ours[name], theirs[name], f"{where}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (left, right) in enumerate(zip(ours, theirs)):
            yield from differences(left, right, f"{where}[{index}]")
    elif ours != theirs:
        yield f"{where}: {str(ours)[:80]} live, {str(theirs)[:80]} from the recording"


def both(folder, command, *options, **keywords):
    """The live session's report, checked against that of its recording."""
    live, later, recording = (os.path.join(folder, name) for name in ("a.json", "b.json", "r.memscope"))
    run([MEMSCOPE, "--plain", "-q", "--force", "-o", recording, "--json", live, *options, "--",
         *command], **keywords)
    done = run([MEMSCOPE, "export", recording, "--force", "--json", later], timeout=120)
    equal((status(done), done.stderr), (0, b""), "export")
    document = load(live)
    found = list(differences(document, load(later), ""))
    equal(found[:20], [], f"{len(found)} differences")
    with open(live, "rb") as one, open(later, "rb") as other:
        equal(one.read() == other.read(), True, "the same bytes")
    return document


def each(document, path):
    """The objects at a path such as "sites[].stack[]"."""
    found = [document]
    for name in path.split("."):
        found = [thing[name.removesuffix("[]")] for thing in found]
        if name.endswith("[]"):
            found = [thing for things in found for thing in things]
    return found


def test_threads():
    """threads that stay and come and go: the same bytes; each name of the contract is there"""
    with tempfile.TemporaryDirectory() as folder:
        document = both(folder, ["/usr/bin/python3", "-c", THREADS])
        for path, names in NAMES.items():
            found = each(document, path)
            assert found, f"there is no {path}"
            for thing in found:
                equal([name for name in names.split() if name not in thing], [], f"missing in {path}")
        first = max(document["threads"], key=lambda thread: thread["peak_bytes"])
        assert first["role"] and first["role_reason"] and first["io_operations"] is not None, first
        equal(document["totals"]["allocations"],
              sum(process["totals"]["allocations"] for process in document["processes"]), "totals")
        session = document["session"]  # a point is there from the first tick on
        seconds = (session["duration_ns"] + session["interval_ns"]) // 10**9
        assert all(pair["n"] <= seconds for pair in document["correlations"]
                   if pair["scope"] != "threads"), "more points than whole seconds"


def test_trace():
    """every allocation in order besides: the same bytes"""
    with tempfile.TemporaryDirectory() as folder:
        document = both(folder, ["/usr/bin/python3", "-c", THREADS], "--trace")
        assert document["trace"], document["trace"]


def test_sampled():
    """one allocation in 64 kB, which are estimates with errors: the same bytes"""
    with tempfile.TemporaryDirectory() as folder:
        both(folder, ["/usr/bin/python3", "-c", THREADS], "--sample=64k")


def test_processes():
    """children, one by one and below each other, and how they ended: the same bytes"""
    with tempfile.TemporaryDirectory() as folder:
        document = both(folder, ["/bin/sh", "-c", KIDS])
        assert len(document["processes"]) >= 4, document["processes"]


def test_sqlite():
    """sqlite3, one thread: the same bytes"""
    need("sqlite3")
    with tempfile.TemporaryDirectory() as folder:
        both(folder, ["/usr/bin/sqlite3", ":memory:", SQL])


def test_leaks():
    """a program that leaks: what is not freed, and (SOAK) what is judged from it, are the same bytes"""
    need("gcc")
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "leaky")
        source = LEAKY if SOAK else LEAKY.replace("7500", "150")
        subprocess.run(["gcc", "-x", "c", "-g", "-o", program, "-"], input=source.encode(),
                       check=True)
        document = both(folder, [program], timeout=200)
        assert document["leaks"]["not_freed"]["sites"], document["leaks"]
        assert document["leaks"]["likely"] or not SOAK, document["leaks"]


main(globals())
