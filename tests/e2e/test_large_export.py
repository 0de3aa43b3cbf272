"""Reports of many call sites: none is missing without a word, and memory does not grow with them."""

import csv
import io
import os
import subprocess
import tempfile

from watched import BUILD, MEMSCOPE, equal, load, main, need, run, status

SCALE = os.path.join(BUILD, "tests/e2e/scale")
MIB = 1 << 20
FORMATS = "json html text csv pprof speedscope folded perfetto svg json-lines".split()
# What a report may take besides the model: frames of JSON are kept in 64 MiB, sorted call sites and
# nodes of call trees take some hundred bytes for each site.
KEPT_BYTES, BYTES_A_SITE = 72 * MIB, 600
# What has no room for its stack is counted without it, or without its outer frames.
FULL = ("no_stack", "tables_full")
# A forked child has room for 16,384 pairs of call stack and thread.
FORKED = """
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
enum { STACKS = 20000 };
static void *a(unsigned long path, int depth);
static void *b(unsigned long path, int depth);
static void *volatile kept;
static void *next(unsigned long path, int depth)
{
    return depth == 0 ? malloc(48) : path & 1 ? a(path >> 1, depth - 1) : b(path >> 1, depth - 1);
}
__attribute__((noinline, optimize("no-optimize-sibling-calls")))
static void *a(unsigned long path, int depth) { void *p = next(path, depth); __asm__ volatile(""); return p; }
__attribute__((noinline, optimize("no-optimize-sibling-calls")))
static void *b(unsigned long path, int depth) { void *p = next(path, depth); __asm__ volatile(""); return p; }
int main(void)
{
    int result;
    if (fork() == 0) {
        for (unsigned long i = 0; i < STACKS; i++) {
            kept = a(i, 15);
        }
        return 0;
    }
    wait(&result);
    return result;
}
"""


def record(folder, program):
    path = os.path.join(folder, "r.memscope")
    done = run([MEMSCOPE, "record", "-q", "--force", "-o", path, "--", *program])
    equal(status(done), 0, done.stderr.decode())
    return path


def written(folder, recording, *options):
    """Peak of resident memory while it is written, and the size of the file."""
    path = os.path.join(folder, "out")
    done = run(["/usr/bin/time", "-f", "%M", MEMSCOPE, "export", recording, "--force", *options, path])
    equal(done.returncode, 0, f"status of {options}")
    return int(done.stderr.split()[-1]) * 1024, os.path.getsize(path)


def rows(recording):
    """Of the table of call sites."""
    done = run([MEMSCOPE, "export", recording, "--csv", "-", "--table", "sites"])
    equal(done.returncode, 0, "export")
    return list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))


def test_memory():
    """70,000 call sites, more than 16 bits count: all are there; each format within its memory"""
    with tempfile.TemporaryDirectory() as folder:
        need("time")
        recording = record(folder, [SCALE, "stacks", "70000"])
        sites = rows(recording)
        assert len(sites) > 70000, len(sites)
        equal({row["truncated"] for row in sites} & {"tables_full", "no_stack"}, set(), "truncated")
        model_bytes, _ = written(folder, recording, "--table", "flows", "--csv")
        for name in FORMATS:
            peak_bytes, size = written(folder, recording, "--" + name)
            more_bytes = peak_bytes - model_bytes
            print(f"# {name}: {size / MIB:.1f} MiB, {more_bytes / MIB:.1f} MiB besides the model's "
                  f"{model_bytes / MIB:.1f} MiB")
            assert more_bytes < KEPT_BYTES + BYTES_A_SITE * len(sites), (name, more_bytes)
            if name == "json":
                assert size > 100 * MIB, size
                small_bytes, _ = written(folder, recording, "--sections=processes,threads", "--json")
                assert more_bytes < size / 2 and small_bytes < model_bytes + 8 * MIB, small_bytes


def test_full_table():
    """a table of call stacks that is full is told: losses, CSV, text, an insight; totals stay exact"""
    need("gcc")
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "forked")
        subprocess.run(["gcc", "-x", "c", "-g", "-O1", "-o", program, "-"], input=FORKED.encode(),
                       check=True)
        recording = record(folder, [program])
        path = os.path.join(folder, "r.json")
        equal(run([MEMSCOPE, "export", recording, "--json", path]).returncode, 0, "export")
        document = load(path)
        child = document["processes"][1]
        equal(child["totals"]["allocations"], 20000, "allocations of the child")
        cut = document["losses"]["coarsened"]
        assert 20000 - 16384 <= cut < 20000, document["losses"]
        mine = [site for site in document["sites"] if site["process_id"] == child["id"]]
        full = [site for site in mine if site["truncated"] in FULL]
        equal(sum(site["allocations"] for site in mine), 20000, "allocations of all call sites")
        without = sum(site["allocations"] for site in full)
        equal(cut, without, "events of call sites without their whole stack")
        equal(sorted(row["id"] for row in rows(recording) if row["truncated"] in FULL and int(row["process_id"]) == child["id"]),
              sorted(str(site["id"]) for site in full), "CSV")
        text = run([MEMSCOPE, "report", recording]).stdout.decode()
        assert f"without their whole stack {cut}" in text, text
        assert any(insight["kind"] == "loss" and "with incomplete call stacks" in insight["what"]
                   for insight in document["insights"]), document["insights"]


main(globals())
