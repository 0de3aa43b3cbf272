"""Hotspots: sums of functions and branches equal to what a program noted itself, and to totals."""

import collections
import os

from watched import BARE, BUILD, equal, first_process, main, need, status, watch

FIGURES = ("bytes_allocated", "allocations", "temporary", "current_bytes")
SQL = ("create table t(a integer primary key, b text);"
       "with recursive n(i) as (select 1 union all select i+1 from n where i<20000) "
       "insert into t select i, printf('row %d', i*i) from n;"
       "create index x on t(b); select count(*), max(b) from t where b like '%7%';")


def add(sums, key, figures):
    sums[key] = tuple(map(sum, zip(sums.get(key, (0,) * len(FIGURES)), figures)))


def books_of(text):
    """{path, innermost first: figures} as the program kept them."""
    paths = {}
    for line in text.splitlines():
        names, *figures = line.split()
        add(paths, tuple(reversed(names.split(";"))), map(int, figures))
    return paths


def figures_of(row, kind="inclusive"):
    return tuple(row[kind][name] for name in FIGURES)


def path_of(tree, row):
    """Who allocates, who calls it, ... : names as far as this branch."""
    names = [row["name"]]
    while row["parent"] is not None:
        row = tree[row["parent"]]
        names.append(row["name"])
    return tuple(reversed(names))


def roots_are_all(document):
    hotspots = document["hotspots"]
    for name, total in hotspots["total"]["inclusive"].items():
        if total is not None:
            equal(sum(row["inclusive"][name] for row in hotspots["tree"] if row["parent"] is None),
                  total, f"{name} of all roots")
    children = collections.defaultdict(int)
    for row in hotspots["tree"]:
        children[row["parent"]] += row["inclusive"]["bytes_allocated"]
    for index, row in enumerate(hotspots["tree"]):
        if index in children:
            assert children[index] <= row["inclusive"]["bytes_allocated"], path_of(
                hotspots["tree"], row)


def totals_are_sums(document):
    """Whole runs in exact mode: the tree holds every event of every process."""
    for name in ("allocations", "bytes_allocated", "current_bytes", "temporary", "waste_bytes"):
        equal(document["hotspots"]["total"]["inclusive"][name],
              sum(process["totals"][name] or 0 for process in document["processes"]),
              f"{name} of the tree")


def watched_books():
    result, document = watch([os.path.join(BUILD, "tests/e2e/hotspots")])
    equal(status(result), 0, "exit status")
    return books_of(result.stdout.decode()), document


BOOKS = []


def books():
    if not BOOKS:
        BOOKS.extend(watched_books())
    return BOOKS


def test_functions():
    """Inclusive and self figures of functions, as the program noted them; recursion once"""
    paths, document = books()
    inclusive, own = {}, {}
    for path, figures in paths.items():
        for name in set(path):
            add(inclusive, name, figures)
        add(own, path[0], figures)
    found = {row["name"]: row for row in document["hotspots"]["by_function"]}
    for name, figures in inclusive.items():
        if name in ("main", "worker"):
            continue  # which call what is none of ours too: pthread_create
        equal(figures_of(found[name]), figures, f"inclusive of {name}")
        equal(figures_of(found[name], "self"), own.get(name, (0,) * len(FIGURES)),
              f"self of {name}")
        assert found[name]["file"].endswith("hotspots.c"), found[name]
    equal(figures_of(found["worker"]), inclusive["worker"], "inclusive of worker")
    assert figures_of(found["main"]) >= inclusive["main"], found["main"]
    equal(figures_of(found["main"], "self"), own["main"], "self of main")


def test_branches():
    """Branches of the tree from callers, inlined functions as levels of their own"""
    paths, document = books()
    tree = document["hotspots"]["tree"]
    expected = {}
    for path, figures in paths.items():
        for end in range(1, len(path) + 1):
            add(expected, path[:end], figures)
    found = {path_of(tree, row): figures_of(row) for row in tree}
    for path, figures in expected.items():
        equal(found.get(path), figures, " < ".join(path))
    assert any(path[:3] == ("inner", "middle", "outer") for path in found)
    names = {name for path in paths for name in path}
    for path in found:
        if set(path) <= names:
            assert path in expected, f"nobody called {' < '.join(path)}"


def test_whole():
    """Sums over roots equal the totals"""
    _, document = books()
    roots_are_all(document)
    totals_are_sums(document)


def test_sqlite3():
    """The same of sqlite3"""
    need("sqlite3")
    result, document = watch(["/usr/bin/sqlite3", ":memory:", SQL])
    equal(status(result), 0, "exit status")
    roots_are_all(document)
    totals_are_sums(document)
    functions = {row["name"]: row for row in document["hotspots"]["by_function"]}
    total = document["hotspots"]["total"]["inclusive"]
    assert functions["sqlite3_step"]["inclusive"]["allocations"] > total["allocations"] / 2


def test_python3():
    """The same of python3, with threads; no frame is of the probe's hooks"""
    need("python3")
    result, document = watch(["/usr/bin/python3", "-S", "-c",
                              "import threading\n"
                              "def f(): return [str(i) * 20 for i in range(20000)]\n"
                              "t = [threading.Thread(target=f) for _ in range(3)]\n"
                              "for x in t: x.start()\n"
                              "for x in t: x.join()\n"],
                             env={**BARE, "PYTHONMALLOC": "malloc"})
    equal(status(result), 0, "exit status")
    roots_are_all(document)
    totals_are_sums(document)
    called = [site for site in document["sites"]
              if any("pthread_create" in (frame["function"] or "") for frame in site["stack"])]
    assert called, "the stacks of its threads are allocated below pthread_create"
    # CPU time, on the other hand, is ours where we took it.
    equal([frame["module"] for site in document["sites"] for frame in site["stack"]
           if site["allocations"] > 0 and "libmemscope" in (frame["module"] or "")], [],
          "frames of the probe's own")


def test_sampled():
    """What a sample left out is a row, and the sums are exact all the same"""
    need("sqlite3")
    result, document = watch(["/usr/bin/sqlite3", ":memory:", SQL], "--sample=64K")
    equal(status(result), 0, "exit status")
    roots_are_all(document)
    rows = {row["name"]: row for row in document["hotspots"]["tree"]}
    equal(figures_of(rows["(not sampled)"])[0],
          sum(thread["not_sampled"]["bytes_allocated"] for thread in document["threads"]),
          "bytes that were left out")
    assert any(row["estimated"] for row in rows.values())
    assert first_process(document)["totals"]["allocations"] > 0


main(globals())
