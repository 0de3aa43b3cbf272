"""memscope-top diff: what changed from one recording to another, and what is only noise."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading

import jsonschema

from terminal import Terminal, marked
from watched import BARE, BUILD, LIMIT_S, MEMSCOPE, ROOT, equal, exe_of, main, need, wait_until

CHANGES = os.path.join(BUILD, "tests/e2e/changes")


def record(path, *arguments):
    subprocess.run([MEMSCOPE, "record", "-q", "-o", path, "--", CHANGES, *arguments], env=BARE,
                   check=True, timeout=LIMIT_S)


def diff(*arguments):
    return subprocess.run([MEMSCOPE, "diff", *arguments], env=BARE, capture_output=True, timeout=LIMIT_S,
                          check=False)


def site(document, function):
    rows = [row for row in document["sites"]
            if any(frame["function"] == function for frame in row["stack"])]
    equal(len(rows), 1, f"rows of {function}")
    return rows[0]


FOLDER = tempfile.TemporaryDirectory()
BEFORE = os.path.join(FOLDER.name, "before.memscope")
AFTER = os.path.join(FOLDER.name, "after.memscope")


def test_what_changed():
    """exact changes by call site; what goes up and down by itself is noise"""
    other = threading.Thread(target=record, args=(BEFORE, "5", "300", "1000", "500"))
    other.start()
    record(AFTER, "5", "300", "1600", "500", "new")
    other.join()
    out = os.path.join(FOLDER.name, "diff.json")
    result = diff(BEFORE, AFTER, "--json", out)
    equal(result.returncode, 0, result.stderr)
    with open(out, encoding="utf-8") as file:
        document = json.load(file)
    with open(os.path.join(ROOT, "docs/schema-diff.json"), encoding="utf-8") as file:
        jsonschema.validate(document, json.load(file))
    live = {name: site(document, name)["current_bytes"]
            for name in ("steady", "grown", "fresh", "swing")}
    equal((live["steady"]["before"], live["steady"]["after"]), (300000, 300000), "steady")
    equal(live["steady"]["verdict"], "same", "steady")
    equal((live["grown"]["before"], live["grown"]["after"]), (1000000, 1600000), "grown")
    equal(live["grown"]["verdict"], "grew", "grown")
    equal((live["fresh"]["before"], live["fresh"]["after"]), (0, 200000), "fresh")
    equal(live["fresh"]["verdict"], "new", "fresh")
    equal((live["swing"]["before"], live["swing"]["after"]), (0, 500000), "swing")
    assert live["swing"]["noise"] > 200000, live["swing"]
    equal(live["swing"]["verdict"], "same", "swing")


def test_the_other_way_round():
    """the other way round, as text: it shrank, it is gone"""
    result = diff(AFTER, BEFORE)
    equal(result.returncode, 0, result.stderr)
    rows = [row.split() for row in result.stdout.decode().splitlines()]
    assert ["shrank", "-600.0kB"] in [row[:2] for row in rows] or \
        any(row[:1] == ["shrank"] and "grown" in row for row in rows), result.stdout
    assert any(row[:1] == ["gone"] and "fresh" in row for row in rows), result.stdout
    assert not any("steady" in row for row in rows), result.stdout


def test_nothing_changed():
    """a recording beside itself"""
    result = diff(BEFORE, BEFORE)
    equal(result.returncode, 0, result.stderr)
    assert b"call sites: 0 of" in result.stdout, result.stdout


BUILDS = """
#include <stdlib.h>
#ifdef LATER
__attribute__((noinline)) int moves_all_addresses(int n) { return n > 0 ? n * moves_all_addresses(n - 1) : 1; }
#endif
__attribute__((noinline)) void remember(size_t bytes) { *(volatile char *)malloc(bytes) = 1; }
__attribute__((noinline)) void forget(size_t bytes) { free(malloc(bytes)); }
int main(int argc, char **argv)
{
#ifdef LATER
    moves_all_addresses(argc);
#endif
    for (int i = 0; i < 1000; i++) {
        remember((size_t)atoi(argv[1]));
        forget(500);
    }
    return 0;
}
"""


def test_two_builds():
    """two builds of a program in two folders: call sites by names, and exact up to the end"""
    need("gcc")
    recordings = []
    for name, amount, options in (("old", "100", ["-O1"]), ("new", "400", ["-O2", "-DLATER"])):
        folder = os.path.join(FOLDER.name, name)
        os.mkdir(folder)
        program = os.path.join(folder, "program")
        subprocess.run(["gcc", "-g", "-fno-builtin", *options, "-o", program, "-xc", "-"],
                       input=BUILDS.encode(), check=True)
        recordings.append(os.path.join(folder, "r.memscope"))
        subprocess.run([MEMSCOPE, "record", "-q", "-o", recordings[-1], "--", program, amount], env=BARE,
                       check=True, timeout=LIMIT_S)
    out = os.path.join(FOLDER.name, "builds.json")
    result = diff(*recordings, "--json", out)
    equal(result.returncode, 0, result.stderr)
    with open(out, encoding="utf-8") as file:
        document = json.load(file)
    remember = site(document, "remember")
    equal((remember["current_bytes"]["before"], remember["current_bytes"]["after"],
           remember["current_bytes"]["verdict"]), (100000, 400000, "grew"), "remember")
    forget = site(document, "forget")
    equal((forget["allocations"]["before"], forget["allocations"]["after"],
           forget["allocations"]["verdict"]), (1000, 1000, "same"), "forget")


def test_moments():
    """two moments of one recording: FILE@MOMENT, but a file of that name wins"""
    result = diff(AFTER + "@0", AFTER)
    equal(result.returncode, 0, result.stderr)
    assert result.stdout.decode().startswith(f"before: {AFTER}@0 at 00:00:00\nafter:  {AFTER} at 00:00:"), \
        result.stdout
    same = diff(AFTER + "@end", AFTER + "@100%")
    assert b"call sites: 0 of" in same.stdout and b"allocations since the start" in same.stdout, same
    shutil.copy(BEFORE, AFTER + "@end")
    other = diff(AFTER + "@end", AFTER)
    os.unlink(AFTER + "@end")
    assert b"fresh" in other.stdout, other.stdout
    for moment, words in (("@later", b"not a moment: 'later'"), ("@1h", b"beyond its end")):
        wrong = diff(AFTER + moment, AFTER)
        equal((wrong.returncode, wrong.stderr.count(b"\n")), (2, 1), wrong.stderr)
        assert words in wrong.stderr, wrong.stderr


def test_screen():
    """D: what came after a mark, and since the start"""
    with Terminal([MEMSCOPE, "--", CHANGES, "3", "300", "1000", "500", "late"], columns=110,
                  rows=30) as terminal:
        terminal.see("[LIVE]")
        program = wait_until(lambda: [pid for pid in marked(terminal.folder.name) if exe_of(pid) == CHANGES],
                             what="the program")[0]
        terminal.see("heap 1.")  # its start is over
        terminal.keys("b")
        terminal.see("set a mark")
        terminal.keys("o", "n", "e", "Enter")
        terminal.see("mark set: one")
        os.kill(program, signal.SIGUSR1)
        terminal.keys("D")
        terminal.see("> Diff]", 'since mark 1 of 1 "one"', "same")
        terminal.see("late < main", "+200kB")
        assert any(row.split()[1:2] == ["+200kB"] and "late" in row
                   for row in terminal.text().splitlines()), terminal.text()
        terminal.keys("t")
        terminal.see("changes/changes")
        terminal.keys("[")
        terminal.see("since the start")
        terminal.keys("Escape")
        terminal.see("[1 Over]")


def test_page():
    """a page of HTML without scripts"""
    out = os.path.join(FOLDER.name, "diff.html")
    equal(diff(BEFORE, AFTER, "--html", out).returncode, 0, "status")
    with open(out, encoding="utf-8") as file:
        page = file.read()
    assert "default-src 'none'" in page and "<script" not in page
    assert "fresh" in page and "+600" in page, page[-2000:]
    again = diff(BEFORE, AFTER, "--html", out)
    assert again.returncode == 125 and b"--force" in again.stderr, again
    equal(diff(BEFORE, AFTER, "--html", out, "--force").returncode, 0, "status")


def test_page_of_many_changes():
    """more changes than a page shows: the largest 1,000, and how many more JSON has"""
    after = os.path.join(FOLDER.name, "python.memscope")
    subprocess.run([MEMSCOPE, "record", "-q", "-o", after, "--", "/usr/bin/python3", "-c",
                    "import asyncio, ctypes, decimal, email.mime.text, http.client, sqlite3, unittest, os; os._exit(0)"],
                   env=dict(BARE, PYTHONMALLOC="malloc"), check=True, timeout=60)
    page, out = (os.path.join(FOLDER.name, name) for name in ("many.html", "many.json"))
    equal(diff(BEFORE, after, "--html", page, "--json", out).returncode, 0, "status")
    with open(out, encoding="utf-8") as file:
        document = json.load(file)
    changed = document["sites_changed"]
    equal(changed, sum(row["current_bytes"]["verdict"] != "same" for row in document["sites"]), "changed")
    assert changed > 1000, changed
    with open(page, encoding="utf-8") as file:
        text = file.read()
    equal(text.count("<details>"), 1000, "rows")
    assert f"The 1000 with the largest changes; {changed - 1000} more are left out here" in text


def test_wrong_use():
    """a file that is missing or is none: one line, not zero"""
    for arguments, words in (((BEFORE, "/nonexistent"), b"/nonexistent"),
                             ((BEFORE, "/etc/passwd"), b"/etc/passwd"), ((BEFORE,), b"usage")):
        result = diff(*arguments)
        assert result.returncode in (2, 125), result
        assert words in result.stderr and result.stderr.count(b"\n") == 1, result.stderr


main(globals())
