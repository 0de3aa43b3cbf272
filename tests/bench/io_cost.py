#!/usr/bin/python3
"""What a call of read() costs more under memscope-top: one byte of /dev/zero, nanoseconds a call.

   io_cost.py [ROUNDS [CALLS]]

In each round every way runs once; figures are differences to runs of the same round: median, lowest,
highest. A run is the best of 150 stretches of CALLS calls, so that other programs do not count.
"""

import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PROGRAM = os.path.join(BUILD, "tests/bench/io_cost")
WAYS = ("off", "count", "sample", "all")


def run(way, calls):
    watched = [] if way == "native" else [os.path.join(BUILD, "memscope-top"), "-q", "--io=" + way, "--"]
    return float(subprocess.run([*watched, PROGRAM, calls], stdout=subprocess.PIPE, check=True).stdout)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    calls = sys.argv[2] if len(sys.argv) > 2 else "20000"
    found = [{way: run(way, calls) for way in ("native", *WAYS)} for _ in range(rounds)]
    native = [each["native"] for each in found]
    print(f"native {statistics.median(native):.1f} ns ({min(native):.1f}-{max(native):.1f}), {rounds} rounds")
    for base in ("native", "off"):
        for way in WAYS:
            if way != base:
                more = sorted(each[way] - each[base] for each in found)
                print(f"{way:6} - {base:6} {statistics.median(more):+7.1f} ns ({more[0]:+.1f} to {more[-1]:+.1f})")


main()
