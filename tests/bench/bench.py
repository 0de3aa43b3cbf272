#!/usr/bin/python3
"""Prints what watching costs, against the native run of the same round and against heaptrack.

   bench.py [SCALE [ROUNDS]]     SCALE 1: some minutes; 0.01: a look whether it works
"""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
MEMSCOPE = os.path.join(BUILD, "memscope-top")
WORKLOADS = os.path.join(BUILD, "tests/bench/workloads")
E2E = os.path.join(BUILD, "tests/e2e")


def seconds(command, own_clock, environment):
    start = time.monotonic()
    result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wall = time.monotonic() - start
    if not own_clock:
        return wall
    # heaptrack prints lines of its own on the same stdout; the program's is a bare number.
    for line in result.stdout.decode().split("\n"):
        try:
            return float(line)
        except ValueError:
            pass
    raise ValueError(f"no time in {result.stdout[:200]}")


def measure(title, command, rounds, own_clock=True, peers=True):
    ways = {"exact": [MEMSCOPE, "-q", "--"], "counters": [MEMSCOPE, "-q", "--count-only", "--"]}
    if peers and shutil.which("heaptrack"):
        ways["heaptrack"] = ["heaptrack", "--raw", "-o", "heaptrack.out"]
    ratios = {way: [] for way in ways}
    native = []
    for _ in range(rounds):
        native.append(seconds(command, own_clock, os.environ))
        for way, prefix in ways.items():
            ratios[way].append(seconds(prefix + command, own_clock, os.environ) / native[-1])
    cells = [f"{way} {statistics.median(r):.3f} ({min(r):.2f}-{max(r):.2f})"
             for way, r in ratios.items()]
    print(f"{title:28} native {statistics.median(native):.4g}   " + "   ".join(cells), flush=True)


def main():
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((l.split(":")[1].strip() for l in file if l.startswith("model name")), "?")
    print(f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, "
          f"{' '.join(platform.libc_ver())}; {rounds} interleaved rounds, "
          "median of ratios to the native run of the same round (lowest-highest)")
    rows = max(1000, int(1_500_000 * scale))
    sql = (f"with recursive n(i) as (select 1 union all select i+1 from n where i<{rows}) "
           "select count(*), sum(length(printf('%d-%s', i, hex(i)))) from n;")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        measure("W1 pairs, 1 thread", [WORKLOADS, "pairs", "1", str(20 * scale)], rounds)
        measure("W1 pairs, 2 threads", [WORKLOADS, "pairs", "2", str(20 * scale)], rounds)
        measure("W2 across a queue", [WORKLOADS, "queue", str(4 * scale)], rounds)
        measure("W3 sqlite3 :memory:", ["/usr/bin/sqlite3", ":memory:", sql], rounds, False)
        measure("throws of a C++ plugin", [E2E + "/throws", E2E + "/plugin.so",
                                           str(max(100, int(100_000 * scale)))], rounds)
        measure("prints 100 MB", [E2E + "/hard", "print", str(max(1, int(100 * scale)))], rounds,
                False, False)


main()
