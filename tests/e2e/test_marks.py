"""Marks that a program sets by memscope.h: found in every kind of executable, kept, told, and free of
cost where nobody watches."""

import os
import re
import shutil
import signal
import subprocess
import tempfile

from watched import (BARE, BUILD, MEMSCOPE, ROOT, equal, load, main, need, run, status, wait_for_ticks,
                     watch)

MARKS = os.path.join(BUILD, "tests/e2e/marks")
SOURCE = os.path.join(ROOT, "tests/e2e/programs/marks.c")
RING = 4095  # so many the region holds, see docs/architecture.md
FLAGS = ["-I", os.path.join(ROOT, "include"), "-D_GNU_SOURCE", "-O2", "-pthread"]


def texts(document):
    return [mark["text"] for mark in document["marks"]]


def marked(*arguments, program=MARKS):
    """Runs it watched: ends as alone, and all its marks are in order of time."""
    result, document = watch([program, *arguments])
    equal((status(result), result.stdout), (0, b""), " ".join(arguments))
    times = [mark["at_ns"] for mark in document["marks"]]
    equal(times, sorted(times), "order")
    assert all(mark["by_program"] for mark in document["marks"])
    assert all(at <= document["session"]["duration_ns"] for at in times), times
    return document


def at_a_pace(*arguments):
    """Goes on each time when the viewer has looked at what there is."""
    with tempfile.TemporaryDirectory(prefix="memscope-marks-") as folder:
        path, lines = os.path.join(folder, "json"), os.path.join(folder, "lines")
        with subprocess.Popen([MEMSCOPE, "-q", "--json", path, "--json-lines", lines, "--", MARKS, *arguments],
                              env=BARE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as viewer:
            for _ in viewer.stdout:
                wait_for_ticks(lines, 3)
                viewer.stdin.write(b"\n")
                viewer.stdin.flush()
        equal(viewer.returncode, 0, "status")
        return load(path)


def test_places():
    """before main, in threads, in forked children, in texts of any kind: each with who set it"""
    document = marked("threads")
    equal(document["losses"]["marks_missing"], 0, "missing")
    equal(texts(document)[:2], ["before main", "main"], "first marks")
    equal(sorted(texts(document)[2:]), [f"thread {i}" for i in range(8)], "of threads")
    threads = {thread["id"] for thread in document["threads"]}
    by = {mark["text"]: mark["thread_id"] for mark in document["marks"]}
    equal(len({by[f"thread {i}"] for i in range(8)} & threads), 8, "threads that set them")
    equal(by["main"], by["before main"], "main thread")
    document = marked("forks")
    equal(sorted(texts(document)), sorted(["before main", "main", "parent", "parent again"] + 3 * ["child"]),
          "marks of a family")
    children = {mark["process_id"] for mark in document["marks"] if mark["text"] == "child"}
    parents = {mark["process_id"] for mark in document["marks"] if mark["text"] != "child"}
    equal((len(children), len(parents), len(children & parents)), (3, 1, 0), "processes")


def test_texts():
    """at the edge of a page, none, hostile, too long, cut within a character"""
    document = marked("texts")
    euros = "\u20ac" * 55
    shown = texts(document)[2:]
    equal(shown[:3] + shown[4:], ["edge", "", "", "x" * 167, euros, "errno"], "texts")
    assert shown[3].startswith("\x1b[31m<script>\"\\\n") and "\x1b" not in repr(shown[3])[:1], shown[3]


def test_handlers():
    """in a signal handler that interrupts marks: every one is there or counted as missing"""
    document = marked("handlers")
    counts = {text: texts(document).count(text) for text in ("interrupted", "in a handler")}
    missing = document["losses"]["marks_missing"]
    assert 2000 - missing <= counts["interrupted"] <= 2000, counts
    assert counts["in a handler"] > 0 and missing < 50, (counts, missing)


def test_many():
    """10,000 in a row: the newest are kept, the others counted; at a pace that is read, all are there"""
    document = marked("many", "10000", "100000")
    numbers = [int(text.split()[1]) for text in texts(document)[2:] if text.startswith("number")]
    seen = len(document["marks"])
    equal(seen + document["losses"]["marks_missing"], 10002, "seen and missing")
    assert seen >= RING - 5, seen
    tail = [int(text.split()[1]) for text in texts(document)[-4000:]]
    equal(tail, list(range(6000, 10000)), "the newest")
    document = at_a_pace("many", "10000", "2500")
    numbers = [int(text.split()[1]) for text in texts(document)[2:]]
    equal((numbers, document["losses"]["marks_missing"]), (list(range(10000)), 0), "at a pace")


def test_killed():
    """killed by SIGKILL right after: its last words are there"""
    result, document = watch([MARKS, "killed"])
    equal(status(result), 128 + signal.SIGKILL, "status")
    equal(texts(document)[-1], "the last words", "last mark")


def test_recording():
    """recorded, with who set them; report and view --at find them"""
    folder = tempfile.mkdtemp(prefix="memscope-marks-")
    try:
        path, out = os.path.join(folder, "r.memscope"), os.path.join(folder, "r.json")
        live = os.path.join(folder, "live.json")
        result = run([MEMSCOPE, "record", "-q", "-o", path, "--json", live, "--", MARKS, "waits"])
        equal((status(result), result.stderr), (0, b""), "record")
        result = run([MEMSCOPE, "export", path, "--json", out])
        equal(status(result), 0, result.stderr)
        document = load(out)
        equal(document["marks"], load(live)["marks"], "marks of the recording and of the session")
        equal(texts(document), ["before main", "main", "half way"], "texts")
        assert 1.4e9 < document["marks"][2]["at_ns"] - document["marks"][1]["at_ns"]
        assert document["marks"][2]["at_ns"] + 1.4e9 < document["session"]["duration_ns"]
        assert document["marks"][2]["thread_id"] == document["threads"][0]["id"]
        result = run([MEMSCOPE, "report", path])
        equal(status(result), 0, result.stderr)
        assert b"half way" in result.stdout, result.stdout.decode()
        result = run([MEMSCOPE, "export", path, "--at", "half", "--force", "--json", out])
        equal(status(result), 0, result.stderr)
        assert "main" in texts(load(out)), texts(load(out))
    finally:
        shutil.rmtree(folder)


# Compilers, and what they are told; forms of a compiler that is not there are left out.
FORMS = [
    ("gcc", ["-std=gnu99", "-Wall", "-Wextra", "-Werror"], "threads"),
    ("gcc", ["-fno-pie", "-no-pie"], "threads"),
    ("gcc", ["-fPIE", "-no-pie", "-Wl,-z,lazy"], "main"),
    ("gcc", ["-fPIE", "-pie", "-Wl,-z,now", "-Wl,-z,relro", "-fvisibility=hidden"], "main"),
    ("gcc", ["-flto", "-fno-pie", "-no-pie", "-ffunction-sections", "-Wl,--gc-sections"], "main"),
    ("gcc", ["-O0", "-fno-pie", "-no-pie", "-rdynamic"], "main"),
    ("g++", ["-x", "c++", "-std=gnu++11", "-Wall", "-Wextra"], "main"),
    ("clang-14", ["-std=gnu99", "-Wall", "-Wextra"], "main"),
    ("clang-14", ["-fno-pie", "-no-pie", "-flto", "-fuse-ld=lld"], "main"),
]


def test_forms():
    """gcc and clang, C and C++: PIE or not, lazy or now, hidden, LTO, a plugin; static does nothing"""
    folder = tempfile.mkdtemp(prefix="memscope-forms-")
    try:
        program, plugin = os.path.join(folder, "program"), os.path.join(folder, "plugin.so")
        subprocess.run(["g++", *FLAGS, "-x", "c++", "-DPLUGIN", "-shared", "-fPIC", "-fvisibility=hidden",
                        "-o", plugin, SOURCE], check=True)
        for compiler, flags, what in FORMS:
            if not shutil.which(compiler):
                continue
            subprocess.run([compiler, *FLAGS, *flags, SOURCE, "-o", program, "-ldl"], check=True)
            how = " ".join([compiler, *flags])
            equal(run([program, what]).returncode, 0, how)
            equal(texts(marked(what, program=program))[:2], ["before main", "main"], how)
        equal(texts(marked("plugin", plugin, program=program))[2:], ["in a plugin"], "plugin")
        subprocess.run(["gcc", *FLAGS, "-static", SOURCE, "-o", program], check=True,
                       stderr=subprocess.DEVNULL)
        equal((run([program, "threads"]).returncode, run([program, "texts"]).stdout), (0, b""), "static")
    finally:
        shutil.rmtree(folder)


def test_header():
    """the header alone, strict: C99 and C++11 without a warning"""
    for compiler, flags in (("gcc", ["-x", "c", "-std=c99"]), ("g++", ["-x", "c++", "-std=c++11"]),
                            ("clang-14", ["-x", "c", "-std=c99", "-Weverything"])):
        if not shutil.which(compiler):
            continue
        source = b'#include <memscope.h>\nvoid f(void);\nvoid f(void) { memscope_mark("x"); }\n'
        result = subprocess.run(
            [compiler, "-I", os.path.join(ROOT, "include"), "-Wall", "-Wextra", "-pedantic", "-Wconversion",
             "-Wshadow", "-Werror", *flags, "-c", "-o", "/dev/null", "-"], input=source,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        equal((result.returncode, result.stdout), (0, b""), compiler)


def instructions(*arguments):
    result = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *arguments])
    found = re.search(rb"Collected : (\d+)", result.stderr)
    assert found, result.stderr.decode()
    return int(found.group(1))


def test_without_probe():
    """nobody watches: three instructions a call, no more"""
    need("valgrind")
    count = 100000
    more = instructions(MARKS, "branches", str(count), "1") - instructions(MARKS, "branches", str(count), "0")
    assert more <= 4 * count, f"{more / count} instructions a call"


def test_cost():
    """watched: under a microsecond a mark"""
    result, _ = watch([MARKS, "cost"])
    assert float(result.stderr) < 1000, result.stderr


main(globals())
