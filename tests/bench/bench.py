#!/usr/bin/python3
"""Prints what watching costs, against the native run of the same round and against the peers.

By `make bench`, or directly with BUILD= set. What was measured is on stdout as Markdown."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time

import table
from places import GONE
from rows import rows
from runner import measure_row
from ways import choose

THREADS = [1, 2, 4, 8, 16]


def names(text):
    return [name for name in text.split(",") if name]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--scale", type=float, default=1.0, help="amount of work; 0.01: a look "
                        "whether it works")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", type=names, default=[], help="workloads, as W1,W6-1")
    parser.add_argument("--ways", type=names, default=[], help="columns, as exact,heaptrack")
    parser.add_argument("--threads", type=names, default=[], help="of W1, as 1,8; else as many as "
                        "the machine has cores")
    parser.add_argument("--json", metavar="FILE", help="write every single run here")
    parser.add_argument("--compare", nargs=2, metavar=("BEFORE", "AFTER"), help="two such files side "
                        "by side; measures nothing")
    return parser.parse_args()


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((l.split(":")[1].strip() for l in file if l.startswith("model name")), "?")
    return (f"{time.strftime('%Y-%m-%d')}, {model}, {os.cpu_count()} cores, Linux "
            f"{platform.release()}, {' '.join(platform.libc_ver())}")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def measure(options):
    """Everything that was asked for, as a document."""
    threads = [int(n) for n in options.threads] or [n for n in THREADS if n <= (os.cpu_count() or 1)]
    known = rows(threads)
    wanted = [row for row in known if not options.only or row.named(options.only)]
    if options.only and not wanted and "gone" not in options.only:
        raise SystemExit(f"no workload is called {', '.join(options.only)}; there are: "
                         + ", ".join([row.name for row in known] + ["gone"]))
    ways, left_out = choose(options.ways)
    document = {"machine": machine(), "scale": options.scale, "rounds": options.rounds,
                "ways": [{"name": way.name, "text": way.text, "rounds_at_most": way.rounds_at_most}
                         for way in ways],
                "left_out": left_out, "rows": []}
    for row in wanted:
        if row.missing():
            left_out[row.name] = row.missing()
            continue
        print(f"measuring {row.name}: {row.text}", file=sys.stderr, flush=True)
        # The command line of a server's socket must be short enough for its address.
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found = measure_row(row, ways, options.rounds, options.scale, folder)
        if "failed" in found["native"]:
            left_out[row.name] = found["native"]["failed"]
            continue
        operations = row.operations(options.scale) if row.operations else None
        document["rows"].append({"name": row.name, "text": row.text, "operations": operations,
                                 "ways": found})
    return document


def main():
    options = arguments()
    if options.compare:
        print(table.compare(*[load(path) for path in options.compare]))
        return
    gone = not options.only or "gone" in options.only
    document = measure(options)
    if document["rows"] or document["left_out"]:
        print(table.render(document), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
    if gone:
        megabytes = max(1, int(100 * options.scale))
        print(flush=True)
        subprocess.run([sys.executable, GONE, str(megabytes), str(options.rounds)], check=True)


main()
