"""Every call that the probe passes on was counted: a shim behind it in the same process agrees."""

import os
import subprocess
import tempfile

from counted import NAMED_LIBC, SHIM, SIZELESS, counts_of, shimmed
from watched import (BARE, EXACT, LIMIT_S, MEMSCOPE, SOAK, end, equal, first_process, load, main, need,
                     redis_server, run, sleeps, status, wait_until, watch)

# What the probe itself asks of an unknown allocator, or of libc, before the program's first call:
# of eight sizes two blocks each, one of them grown by 100 and both freed, and one aligned block.
# Of one without malloc_usable_size it asks nothing.
SELF_TEST_SIZES = (16, 31, 53, 86, 136, 211, 323, 491)
SELF_TEST = (3 * len(SELF_TEST_SIZES) + 1, 3 * len(SELF_TEST_SIZES) + 1,
             sum(3 * size + 100 for size in SELF_TEST_SIZES) + 80)
OWN_CALLS = {SHIM: SELF_TEST, SIZELESS: (0, 0, 0), NAMED_LIBC: SELF_TEST}
TAG_BYTES = 16
SQL = ("create table t(a integer primary key, b text);"
       "with recursive n(i) as (select 1 union all select i+1 from n where i<20000) "
       "insert into t select i, printf('row %d', i*i) from n;"
       "create index x on t(b); select count(*), max(b) from t where b like '%7%';")
PYTHON = ("import json; d = {str(i): [i, str(i), (i,)] for i in range(20000)};"
          "print(len(json.loads(json.dumps(d))), len({id(v) % 4099 for v in d.values()}))")
PERL = ("my %h; for my $i (0 .. 50000) { $h{$i} = [$i, 'x' x ($i % 300)]; delete $h{$i - 9} }"
        "print scalar(keys %h), join('', sort map { $_->[0] } values %h) ? 'y' : 'n'")
CODE = b"""
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <ranges>
#include <regex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>
template <int N> struct level { static int sum() { return N + level<N - 1>::sum(); } };
template <> struct level<0> { static int sum() { return 0; } };
int main(int argc, char **argv)
{
    std::map<std::string, std::vector<std::unique_ptr<int>>> m;
    for (int i : std::views::iota(0, argc) | std::views::filter([](int n) { return n % 2 == 0; })) {
        m[argv[i]].push_back(std::make_unique<int>(level<300>::sum()));
    }
    std::unordered_map<std::string, std::regex> u{{"a", std::regex("[a-z]+")}};
    std::jthread([&] { std::cout << m.size() << u.size() << std::endl; });
}
"""


def agree(document, folder, shim, own_calls, tagged):
    """Allocations and deallocations equal; bytes too, but for the tag that a block carries."""
    equal(len(document["processes"]), 1, "processes")
    process = first_process(document)
    totals = process["totals"]
    equal(totals["foreign_frees"], 0, "frees of blocks of unknown origin")
    ours = (totals["allocations"], totals["deallocations"], totals["bytes_allocated"])
    theirs = tuple(all_calls - own for all_calls, own in
                   zip(counts_of(folder, process["pid"]), own_calls))
    equal(ours[:2], theirs[:2], "allocations, deallocations")
    tags, rest = divmod(theirs[2] - ours[2], TAG_BYTES)
    equal(rest, 0, "bytes that no tag explains")
    # Large blocks carry none.
    least, most = (ours[0] // 2, ours[0]) if tagged else (0, 0)
    assert least <= tags <= most, f"{tags} tags for {ours[0]} blocks"
    print(f"# {os.path.basename(shim)}: {ours[0]:,} allocations, {ours[1]:,} deallocations, "
          f"{ours[2]:,} bytes, {tags:,} tags", flush=True)
    return ours


def compare(command, environment=None, shims=(SHIM, SIZELESS, NAMED_LIBC), least=1000,
            prepare=lambda folder: None):
    for shim in shims:
        with tempfile.TemporaryDirectory() as folder:
            prepare(folder)
            result, document = watch(command, cwd=folder,
                                     env=shimmed(shim, folder, environment))
            equal(status(result), 0, f"exit status ({result.stderr[-300:]})")
            ours = agree(document, folder, shim, OWN_CALLS[shim], shim == NAMED_LIBC)
            assert ours[0] >= least, f"only {ours[0]} allocations"


def test_nothing():
    """a shell that does nothing: what the probe asks for itself is known exactly"""
    compare(["/usr/bin/dash", "-c", "exit 0"], least=0)


def test_own_books():
    """the program with all functions of the family and threads"""
    compare([EXACT, "/dev/null", "1", "10", "300"])


def test_cc1plus():
    """cc1plus on a large C++20 source, -O1"""
    need("g++")
    compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], stdout=subprocess.PIPE,
                              check=True).stdout.decode().strip()
    source = subprocess.run(["g++", "-std=c++20", "-E", "-P", "-x", "c++", "-"], input=CODE,
                            env=BARE, stdout=subprocess.PIPE, check=True).stdout

    def prepare(folder):
        with open(os.path.join(folder, "source.ii"), "wb") as file:
            file.write(source)

    compare([compiler, "-quiet", "-std=c++20", "-O1", "-fpreprocessed", "source.ii", "-o",
             "/dev/null"], least=1_000_000, prepare=prepare,
            shims=(SHIM, SIZELESS, NAMED_LIBC) if SOAK else (NAMED_LIBC,))


def test_python3():
    """python3 with its own allocator on and off"""
    compare(["/usr/bin/python3", "-S", "-c", PYTHON])
    compare(["/usr/bin/python3", "-S", "-c", PYTHON],
            environment={**BARE, "PYTHONMALLOC": "malloc"}, least=100_000)


def test_sqlite3():
    """sqlite3"""
    need("sqlite3")
    compare(["/usr/bin/sqlite3", ":memory:", SQL])


def test_git():
    """git log of a small repository"""
    need("git")

    def prepare(folder):
        run(["git", "init", "-q", "."], cwd=folder)
        for number in range(5):
            with open(os.path.join(folder, "file"), "w", encoding="utf-8") as file:
                file.write("line\n" * number)
            run(["git", "add", "file"], cwd=folder)
            run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "c"],
                cwd=folder)

    compare(["/usr/bin/git", "--no-pager", "log", "--stat", "-p"], prepare=prepare, least=500)


def test_perl():
    """perl"""
    need("perl")
    compare(["/usr/bin/perl", "-e", PERL], least=100_000)


def test_redis():
    """redis-server with jemalloc and its threads, under load, shut down"""
    with tempfile.TemporaryDirectory() as folder:
        path, report = os.path.join(folder, "s"), os.path.join(folder, "report.json")
        viewer = subprocess.Popen(
            [MEMSCOPE, "-q", "--json", report, "--", redis_server(), "--port", "0",
             "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", folder,
             "--io-threads", "2", "--io-threads-do-reads", "yes"],
            env=shimmed(SHIM, folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            wait_until(lambda: os.path.exists(path), what="the socket of redis")
            subprocess.run(["redis-benchmark", "-s", path, "-t", "set,lpush,hset", "-n", "20000",
                            "-P", "16", "-r", "5000", "-d", "300", "-q"], check=True, timeout=LIMIT_S,
                           env=BARE, stdout=subprocess.DEVNULL)
            redis = lambda *words: run(["redis-cli", "-s", path, *words]).stdout.decode()
            pid = int(redis("info", "server").split("process_id:")[1].split("\r\n")[0])
            redis("flushall", "async")
            # A thread that the end of the process meets in the middle of a free has counted it on
            # one side only.
            wait_until(lambda: "lazyfree_pending_objects:0" in redis("info", "memory") and sleeps(pid),
                       what="the threads of redis at rest")
            redis("shutdown", "nosave")
            viewer.wait(100)
            # Behind a shim libjemalloc frees with sizes past it: an unknown allocator, no tags.
            ours = agree(load(report), folder, SHIM, OWN_CALLS[SHIM], False)
            assert ours[0] > 60_000, f"only {ours[0]} allocations"
        finally:
            end(viewer.pid)
            viewer.wait(100)


main(globals())
