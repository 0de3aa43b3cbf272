"""Allocations, frees and bytes equal to "total heap usage" of valgrind, on programs of others."""

import ctypes
import os
import re
import subprocess
import tempfile

from counted import counts_alone
from watched import BARE, Skip, equal, first_process, main, need, run, status, watch

SQL = ("create table t(a integer primary key, b text);"
       "with recursive n(i) as (select 1 union all select i+1 from n where i<3000) "
       "insert into t select i, printf('row %d', i*i) from n;"
       "create index x on t(b); select count(*), max(b) from t where b like '%7%';")
# No headers: their noexcept functions are looked up in a hash table of pointers, and when that one
# grows is a matter of addresses.
CODE = b"""
template <int N, int M> struct level
{
    int values[N + M + 1];
    static int sum() { return N * M + level<N - 1, M>::sum(); }
};
template <int M> struct level<0, M> { static int sum() { return M; } };
template <typename T> struct list { T head; list<T> *rest; int size() { return rest ? 1 : 0; } };
int main()
{
    list<level<9, 9>> l = {};
    return level<150, 1>::sum() + level<150, 2>::sum() + level<150, 3>::sum() + l.size();
}
"""


def heap_usage(command, folder, environment, *options):
    log = os.path.join(folder, "valgrind.log")
    # What the C library frees for valgrind at the end it frees for nobody else.
    result = run(["valgrind", "--run-libc-freeres=no", "--run-cxx-freeres=no",
                  "--log-file=" + log, *options, *command], cwd=folder, env=environment)
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    found = re.search(r"total heap usage: ([\d,]+) allocs, ([\d,]+) frees, ([\d,]+) bytes", text)
    assert found, f"valgrind said: {text[-500:]} {result.stderr[-300:]}"
    return tuple(int(group.replace(",", "")) for group in found.groups())


def as_under_valgrind(environment):
    """What a program sees there: valgrind adds variables, and their number and length matter."""
    lines = run(["valgrind", "-q", "/usr/bin/env"], env=environment).stdout.decode().splitlines()
    seen = dict(line.split("=", 1) for line in lines)
    # Its own libraries not, but as many bytes.
    seen["LD_PRELOAX"] = seen.pop("LD_PRELOAD")
    return seen


def both(command, prepare=lambda folder: None, environment=BARE, valgrind=(), preload=None,
         **options):
    """Allocations, deallocations, bytes: as valgrind counts and as we do; and the document."""
    need("valgrind")
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        expected = heap_usage(command, folder, environment, *valgrind)
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        seen = {**as_under_valgrind(environment), "PWD": folder}
        if preload:
            seen["LD_PRELOAD"] = preload.ljust(len(seen.pop("LD_PRELOAX")), ":")
        result, document = watch(command, cwd=folder, env=seen, **options)
        equal(status(result), 0, f"exit status ({result.stderr[-300:]})")
    equal(len(document["processes"]), 1, "processes")
    totals = first_process(document)["totals"]
    found = (totals["allocations"], totals["deallocations"], totals["bytes_allocated"])
    return expected, found, document


def compare(command, *arguments, **options):
    expected, found, _ = both(command, *arguments, **options)
    equal(found, expected, "allocations, deallocations, bytes")


def test_sqlite3():
    """sqlite3"""
    need("sqlite3")
    compare(["/usr/bin/sqlite3", ":memory:", SQL])


def fixed_addresses():
    ctypes.CDLL(None).personality(0x0040000)  # ADDR_NO_RANDOMIZE


# gcc's collector notes its pages in tables that it never frees: one of 4,096 pointers for every
# 16 MiB of addresses in which any lie, one of 256 pointers and two words for every 4 GiB. How many
# is a matter of where the kernel or valgrind puts the pages.
FINE_TABLE = 4096 * 8
COARSE_TABLE = (256 + 2) * 8


def same_but_for_page_tables(found, expected, what):
    tables = found[0] - expected[0]
    coarse, rest = divmod(tables * FINE_TABLE - (found[2] - expected[2]), FINE_TABLE - COARSE_TABLE)
    if rest or abs(coarse) > 1 or abs(tables - coarse) > 3 or found[1] != expected[1]:
        raise AssertionError(f"{what}: {found}, expected {expected}")


def test_cc1plus():
    """cc1plus on a file with templates, but for its collector's tables of addresses"""
    need("g++")
    compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], stdout=subprocess.PIPE,
                              check=True).stdout.decode().strip()

    def prepare(folder):
        with open(os.path.join(folder, "source.ii"), "wb") as file:
            file.write(CODE)

    # Without a seed it takes a random number and allocates room for its digits.
    command = [compiler, "-quiet", "-O0", "-frandom-seed=1", "-fpreprocessed", "source.ii", "-o",
               "/dev/null"]
    expected, found, _ = both(command, prepare, preexec_fn=fixed_addresses)
    same_but_for_page_tables(found, expected, "allocations, deallocations, bytes")
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        alone = [counts_alone(command, cwd=folder) for _ in range(4)]
    for counts in alone[1:]:
        same_but_for_page_tables(counts, alone[0], "two runs without the probe")


def test_git():
    """git log of a small repository"""
    need("git")

    def prepare(folder):
        environment = {**BARE, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
                       "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
                       "GIT_AUTHOR_DATE": "@1700000000 +0000",
                       "GIT_COMMITTER_DATE": "@1700000000 +0000"}
        run(["git", "init", "-q", "."], cwd=folder)
        for number in range(20):
            with open(os.path.join(folder, "file"), "w", encoding="utf-8") as file:
                file.write("line\n" * number)
            run(["git", "add", "file"], cwd=folder, env=environment)
            run(["git", "commit", "-q", "-m", f"change {number}"], cwd=folder, env=environment)

    compare(["/usr/bin/git", "--no-pager", "log", "--stat", "-p"], prepare)


PYTHON = ["/usr/bin/python3", "-S", "-c",
          "d = {str(i): [i] * 10 for i in range(3000)}; print(sum(len(k) for k in d))"]
PYTHON_MALLOC = {**BARE, "PYTHONMALLOC": "malloc"}


def test_python3():
    """python3; with its own allocator off allocations and deallocations"""
    compare(PYTHON)
    expected, found, _ = both(PYTHON, environment=PYTHON_MALLOC)
    equal(found[:2], expected[:2], "allocations, deallocations")


def test_python3_bytes():
    """python3 with its own allocator off: bytes, where addresses have the same number of digits"""
    # It keeps addresses as integers, in 28 bytes up to 2^30 and in 32 beyond. valgrind's heap lies
    # below, unless told; that of an executable at a fixed address too, unless jemalloc maps it.
    library = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
    if not os.path.exists(library):
        raise Skip(library + " is not installed")
    expected, found, document = both(PYTHON, environment=PYTHON_MALLOC, preload=library,
                                     valgrind=["--aspace-minaddr=0x100000000"])
    # libjemalloc needs libstdc++, which keeps a block for exceptions in need.
    pool = [s for s in document["sites"]
            if any("libstdc++" in (f["module"] or "") for f in s["stack"])]
    equal(sum(s["allocations"] for s in pool), 1, "allocations of libstdc++")
    pool_bytes = sum(s["bytes_allocated"] for s in pool)
    equal((found[0] - 1, found[1], found[2] - pool_bytes), expected,
          "allocations, deallocations, bytes")


main(globals())
