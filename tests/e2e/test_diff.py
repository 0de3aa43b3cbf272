"""memscope-top diff: what changed from one recording to another, and what is only noise."""

import json
import os
import subprocess
import tempfile

import jsonschema

from watched import BARE, BUILD, MEMSCOPE, ROOT, equal, main

CHANGES = os.path.join(BUILD, "tests/e2e/changes")


def record(path, *arguments):
    subprocess.run([MEMSCOPE, "record", "-q", "-o", path, "--", CHANGES, *arguments], env=BARE,
                   check=True, timeout=60)


def diff(*arguments):
    return subprocess.run([MEMSCOPE, "diff", *arguments], env=BARE, capture_output=True, timeout=60,
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
    record(BEFORE, "5", "300", "1000", "500")
    record(AFTER, "5", "300", "1600", "500", "new")
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


def test_wrong_use():
    """a file that is missing or is none: one line, not zero"""
    for arguments, words in (((BEFORE, "/nonexistent"), b"/nonexistent"),
                             ((BEFORE, "/etc/passwd"), b"/etc/passwd"), ((BEFORE,), b"usage")):
        result = diff(*arguments)
        assert result.returncode in (2, 125), result
        assert words in result.stderr and result.stderr.count(b"\n") == 1, result.stderr


main(globals())
