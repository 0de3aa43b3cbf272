"""Misuse of blocks: counted exactly with both places, changing nothing; nothing found where none is."""

import glob
import os
import signal
import tempfile

from watched import BARE, BUILD, Skip, equal, main, need, run, status, watch

MISUSE = os.path.join(BUILD, "tests/e2e/misuse")
LIBRARY = os.path.join(BUILD, "tests/e2e/misuse_library.so")
ALLOCATORS = {
    "jemalloc": "/usr/lib/*/libjemalloc.so.2",
    "tcmalloc": "/usr/lib/*/libtcmalloc_minimal.so.4",
    "mimalloc": "/usr/lib/*/libmimalloc.so.2",
}
ERRORS = ("double_free", "mismatch", "overrun")


def same(command, *options, environment=BARE):
    """Watched it prints and ends as alone; the report of that."""
    alone = run(command, env=environment)
    result, document = watch(command, *options, env=environment)
    equal((status(result), result.stdout, result.stderr),
          (status(alone), alone.stdout, alone.stderr), " ".join(command[:3]))
    return document


def place(document, site):
    """The innermost function of a site; None: not known."""
    if site is None:
        return None
    stack = next(s for s in document["sites"] if s["id"] == site)["stack"]
    return stack[0]["function"].split("(")[0]


def found(document):
    """{(kind, how, allocated in, released in, thread): count}, for sites of one process."""
    threads = {thread["id"]: thread["name"] for thread in document["threads"]}
    counts = {}
    for misuse in document["misuse"]:
        key = (misuse["kind"], misuse["how"], place(document, misuse["allocated_site_id"]),
               place(document, misuse["released_site_id"]), threads.get(misuse["thread_id"]))
        counts[key] = counts.get(key, 0) + misuse["count"]
    return counts


def errors(document):
    return [misuse for misuse in document["misuse"] if misuse["kind"] in ERRORS]


MISMATCHES = {
    ("new released by free", "by_new", "drop_free", "misuse"): 3 + 29,
    ("new[] released by free", "by_new_array", "drop_free", "misuse"): 5,
    ("malloc released by delete", "by_malloc", "drop_delete", "misuse"): 7,
    ("realloc released by delete[]", "by_realloc", "drop_delete_array", "misuse"): 11,
    ("new released by delete[]", "by_new", "drop_delete_array", "misuse"): 13,
    ("new[] released by delete", "by_new_array", "drop_sized_delete", "misuse"): 17,
    ("new released by realloc", "by_new", "drop_realloc", "misuse"): 19,
    ("malloc released by delete[]", "by_malloc", "drop_delete_array", "misuse"): 23,
    ("new[] released by delete", "by_new_array", "drop_delete", "second"): 31,
}


def check_mismatches(document):
    equal(found(document), {("mismatch", *key): count for key, count in MISMATCHES.items()},
          "mismatches")
    equal({misuse["provenance"] for misuse in document["misuse"]}, {"measured"}, "provenance")
    equal(sum(misuse["bytes"] for misuse in document["misuse"]),
          40 * (3 + 5 + 7 + 11 + 13 + 17 + 19 + 23) + 100000 * (29 + 31), "bytes")
    equal(document["losses"]["misuse_missing"], 0, "misuse_missing")


def test_mismatches():
    """each pair of families that do not belong together, to the block, tagged or not, by thread"""
    check_mismatches(same([MISUSE, "mismatches"]))


def test_other_allocators():
    """the same with other allocators behind"""
    installed = [file for pattern in ALLOCATORS.values() for file in glob.glob(pattern)]
    if not installed:
        raise Skip("no other allocator is installed")
    for file in installed:
        environment = {**BARE, "LD_PRELOAD": file}
        check_mismatches(same([MISUSE, "mismatches"], environment=environment))
        equal(same([MISUSE, "proper"], environment=environment)["misuse"], [], file)


def test_overruns():
    """one byte behind a block, and a whole number: counted where the block is released"""
    expected = {("overrun", None, "by_malloc", "drop_free", "misuse"): 10,
                ("overrun", None, "by_new", "drop_realloc", "misuse"): 10}
    document = same([MISUSE, "overruns"])
    mismatched = {key: count for key, count in found(document).items() if key[0] == "mismatch"}
    equal(found(document), {**expected, **mismatched}, "overruns")
    equal(document["totals"]["foreign_frees"], 0, "their owners are known all the same")


def test_double_frees():
    """a block freed again: the C library ends the program as ever, and both places are known"""
    for what, allocated in (("small", "by_malloc"), ("large", "by_malloc"), ("new", "by_new"),
                            ("realloc", "by_malloc")):
        equal(found(same([MISUSE, "double", what])),
              {("double_free", None, allocated, "drop_again", "misuse"): 1}, what)


def test_killed():
    """counted until kill -9"""
    document = same([MISUSE, "killed"])
    equal(document["processes"][0]["signal"], signal.SIGKILL, "signal")
    equal(found(document), {("mismatch", "new[] released by free", "by_new_array", "drop_free",
                             "misuse"): 1000}, "before it was killed")


def test_forked():
    """parent and child, each its own"""
    document = same([MISUSE, "fork"])
    parent, child = [process["id"] for process in document["processes"]]
    equal({(misuse["process_id"], misuse["how"], misuse["count"]) for misuse in document["misuse"]},
          {(parent, "malloc released by delete", 2), (child, "new[] released by free", 3)},
          "misuse")


def test_without_stacks():
    """without call stacks the counts are the same; of a sample, too"""
    document = same([MISUSE, "mismatches"], "--count-only")
    equal({(misuse["allocated_site_id"], misuse["released_site_id"])
           for misuse in document["misuse"]}, {(None, None)}, "sites")
    for mode in ("--count-only", "--sample=4K"):
        document = same([MISUSE, "mismatches"], mode)
        equal(sum(misuse["count"] for misuse in errors(document)), sum(MISMATCHES.values()),
              "mismatches")


def test_proper():
    """all families as they belong together, at all sizes, in two threads: nothing is found"""
    equal(same([MISUSE, "proper"])["misuse"], [], "misuse")


def test_unseen_blocks():
    """blocks that are allocated uncounted on places of freed ones: no second frees"""
    document = same([MISUSE, "unseen"], "--threads", "counted")
    equal(document["misuse"], [], "misuse")
    equal(document["totals"]["foreign_frees"], 0, "of threads that are not tracked")


def test_inherited_blocks():
    """in a forked child a tag that is overwritten in whole is nobody's, as inherited ones are"""
    document = same([MISUSE, "inherited"])
    equal(found(document), {("overrun", None, "by_malloc", "drop_free", "misuse"): 5}, "misuse")
    equal(document["totals"]["foreign_frees"], 6, "of nobody")


def test_libraries():
    """memory that goes from library to library: about as often as it does, both ways"""
    count = 40000
    document = same([MISUSE, "libraries", LIBRARY, str(count)])
    crossings = found(document)
    equal(set(crossings), {("other_library", None, "library_malloc", "drop_free", "misuse"),
                           ("other_library", None, "by_malloc", "library_free", "misuse")},
          "what the C library allocates is its callers' to free")
    for misuse in document["misuse"]:
        equal(misuse["provenance"], "sampled", "provenance")
        # Some 600 samples: 5 standard deviations are a fifth.
        assert abs(misuse["count"] - count) < count / 4, misuse


def test_real_programs():
    """real programs: none of their frees is wrong"""
    need("sqlite3", "git", "perl", "g++")
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "m.cc")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <map>\n#include <string>\n"
                       "int main() { std::map<std::string, int> m; return m.size(); }\n")
        for command in (
                ["/usr/bin/sqlite3", ":memory:", "create table t(x);"
                 "with recursive n(i) as (select 1 union all select i+1 from n limit 5000) "
                 "insert into t select hex(i) from n; select count(distinct x) from t;"],
                ["/usr/bin/python3", "-c", "import json, re, threading\n"
                 "t = [threading.Thread(target=lambda: json.dumps(list(range(9999))))"
                 " for _ in range(4)]\n[x.start() for x in t]; [x.join() for x in t]"],
                ["/usr/bin/git", "init", "-q", os.path.join(folder, "repository")],
                ["/usr/bin/perl", "-e", "my %h = map { $_ => \"x\" x $_ } 1..2000; print 1"],
                ["/usr/bin/g++", "-O1", "-c", "-o", os.path.join(folder, "m.o"), source]):
            _, document = watch(command)
            equal(errors(document), [], command[0])


main(globals())
