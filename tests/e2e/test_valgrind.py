"""Allocations, frees and bytes equal to "total heap usage" of valgrind, on programs of others."""

import os
import re
import subprocess
import tempfile

from watched import BARE, equal, first_process, main, need, run, status, watch

SQL = ("create table t(a integer primary key, b text);"
       "with recursive n(i) as (select 1 union all select i+1 from n where i<3000) "
       "insert into t select i, printf('row %d', i*i) from n;"
       "create index x on t(b); select count(*), max(b) from t where b like '%7%';")
CODE = b"""
#include <map>
#include <string>
#include <vector>
template <int N> struct level { static int sum() { return N + level<N - 1>::sum(); } };
template <> struct level<0> { static int sum() { return 0; } };
int main() { std::map<std::string, std::vector<int>> m; m["x"].push_back(level<100>::sum());
             return (int)m.size() - 1; }
"""


def heap_usage(command, folder, environment):
    log = os.path.join(folder, "valgrind.log")
    # What the C library frees for valgrind at the end it frees for nobody else.
    result = run(["valgrind", "--run-libc-freeres=no", "--run-cxx-freeres=no",
                  "--log-file=" + log, *command], cwd=folder, env=environment)
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


def compare(command, prepare=lambda folder: None, environment=BARE):
    need("valgrind")
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        expected = heap_usage(command, folder, environment)
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        result, document = watch(command, cwd=folder,
                                 env={**as_under_valgrind(environment), "PWD": folder})
        equal(status(result), 0, f"exit status ({result.stderr[-300:]})")
    equal(len(document["processes"]), 1, "processes")
    totals = first_process(document)["totals"]
    equal((totals["allocations"], totals["deallocations"], totals["bytes_allocated"]), expected,
          "allocations, deallocations, bytes")


def test_sqlite3():
    """sqlite3"""
    need("sqlite3")
    compare(["/usr/bin/sqlite3", ":memory:", SQL])


def test_cc1plus():
    """cc1plus on a file with templates"""
    need("g++")
    compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], stdout=subprocess.PIPE,
                              check=True).stdout.decode().strip()

    def prepare(folder):
        source = subprocess.run(["g++", "-E", "-P", "-x", "c++", "-"], input=CODE, env=BARE,
                                stdout=subprocess.PIPE, check=True).stdout
        with open(os.path.join(folder, "source.ii"), "wb") as file:
            file.write(source)

    compare([compiler, "-quiet", "-O0", "-fpreprocessed", "source.ii", "-o", "out.s"], prepare)


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


def test_python3():
    """python3 with its own allocator off and on"""
    program = "d = {str(i): [i] * 10 for i in range(3000)}; print(sum(len(k) for k in d))"
    compare(["/usr/bin/python3", "-S", "-c", program])
    compare(["/usr/bin/python3", "-S", "-c", program],
            environment={**BARE, "PYTHONMALLOC": "malloc"})


main(globals())
