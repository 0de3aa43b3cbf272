"""Call stacks equal libunwind's on every allocation: real programs, and programs made of traps.

The probe is a build of its own in which libunwind unwinds every counted allocation again
(stacks/judge.c). Nothing is sampled, nothing may differ.
"""

import os
import platform
import struct
import subprocess
import tempfile

from watched import BARE, BUILD, SOAK, Skip, equal, main, need, status, watch

PROBE = os.path.join(BUILD, "tests/e2e/libmemscope-probe-judged.so")
STACKS = os.path.join(BUILD, "tests/e2e/stacks")
REPORT_BYTES = 1 << 20
FIGURES = ("processes", "stacks", "frames", "different", "walked", "unattributed", "coarsened",
           "undecided", "without_cfi", "depth_limited", "interrupted", "wrong_modules",
           "own_allocations", "unavailable", "known", "not_as_known", "log_bytes")
TIMES = max(1, SOAK // 4)
SQL = ("create table t(a integer primary key, b text);"
       "with recursive n(i) as (select 1 union all select i+1 from n where i<5000) "
       "insert into t select i, printf('row %d', i*i) from n;"
       "create index x on t(b); select count(*), max(b) from t where b like '%7%';"
       "with recursive f(a, b) as (values(0, 1) union all select b, a+b from f where b < 1e15) "
       "select group_concat(a, ',') from f;")
PYTHON = """
import ast, collections, json, re, textwrap
d = {str(i): [i, str(i), (i,)] for i in range(3000)}
assert len(json.loads(json.dumps(d, indent=1))) == 3000
tree = ast.parse(textwrap.dedent(open(json.__file__).read()))
words = collections.Counter(re.findall(r"\\w+", ast.dump(tree)))
print(len(words), sum(1 for _ in ast.walk(tree)))
"""
PERL = ("my %h; for my $i (0 .. 12000) { $h{$i} = [$i, 'x' x ($i % 300)]; delete $h{$i - 9} }"
        "print join(',', map { s/1(2|3)/z/r } sort map { $_->[0] } values %h);")
CODE = b"""
#include <map>
#include <memory>
#include <ranges>
#include <string>
#include <vector>
template <int N> struct level { static int sum() { return N + level<N - 1>::sum(); } };
template <> struct level<0> { static int sum() { return 0; } };
int main(int argc, char **argv)
{
    std::map<std::string, std::vector<std::unique_ptr<int>>> m;
    for (int i : std::views::iota(0, argc) | std::views::filter([](int n) { return n % 2 == 0; })) {
        m[argv[i]].push_back(std::make_unique<int>(level<200>::sum()));
    }
    return m.size();
}
"""


def judged(command, environment=None, depth=64, **options):
    """Runs a program with every stack compared. Returns output, figures, document."""
    if platform.machine() != "x86_64":
        raise Skip("the judge is written for x86-64")
    with tempfile.NamedTemporaryFile(prefix="memscope-judge-") as report:
        report.truncate(REPORT_BYTES)
        environment = {**(environment or BARE), "MEMSCOPE_TOP_PROBE": PROBE,
                       "JUDGE_REPORT": report.name}
        result, document = watch(command, "--depth", str(depth), env=environment,
                                 timeout=200 + 10 * SOAK, **options)
        content = report.read()
    found = dict(zip(FIGURES, struct.unpack_from(f"{len(FIGURES)}Q", content)))
    start = 8 * len(FIGURES)
    log = content[start:start + found["log_bytes"]].rstrip(b"\0").decode(errors="replace")
    if found["unavailable"]:
        raise Skip("libunwind.so.8 is not there to judge by")
    equal(status(result), 0, f"exit status ({result.stderr[-300:]})")
    for figure in ("different", "not_as_known", "wrong_modules", "undecided"):
        if found[figure]:
            raise AssertionError(f"{found[figure]} of {found['stacks']} stacks {figure}:\n{log}")
    return result.stdout.decode(), found, document


def without_stack(document):
    return sum(site["allocations"] for site in document["sites"] if not site["stack"])


def all_judged(found, document, least=0):
    """Every allocation of the program had a stack, and every stack was compared."""
    equal(document["totals"]["allocations"] - without_stack(document), found["stacks"],
          "allocations with a stack")
    early = document["totals"]["allocations"] - found["stacks"] - found["own_allocations"]
    assert 0 <= early <= 40, f"{early} allocations without a stack"
    equal(found["unattributed"] + found["coarsened"], 0, "stacks not kept whole")
    assert found["stacks"] >= least, f"only {found['stacks']} stacks"
    print(f"# {found['stacks']:,} stacks of {found['frames'] / found['stacks']:.0f} frames equal, "
          f"{found['stacks'] - found['walked']:,} without a walk", flush=True)


def real(command, least, environment=None, **options):
    _, found, document = judged(command, environment, **options)
    all_judged(found, document, least)
    equal(found["without_cfi"], 0, "stacks cut for want of unwind information")


def trap(name, rounds, everything=True, depth=64):
    """Runs a case of traps; all chains that it played were compared with what it knows."""
    output, found, document = judged([os.path.join(STACKS, "traps"), name, str(rounds * TIMES)],
                                     depth=depth)
    if everything:
        all_judged(found, document)
    equal(found["known"], int(output), "stacks that the program knew")
    return found


def below(document, function):
    """Allocations under any function of that name, whatever its parameters."""
    return sum(site["allocations"] for site in document["sites"]
               if any((frame["function"] or "").split("(")[0] == function
                      for frame in site["stack"]))


def counted(command, depth=64):
    """Each line of output is a function and how many allocations were made below it."""
    output, found, document = judged(command, depth=depth)
    all_judged(found, document)
    for line in output.splitlines():
        function, allocations = line.split()
        equal(below(document, function), int(allocations), f"allocations below {function}")


def test_sqlite3():
    """sqlite3"""
    need("sqlite3")
    real(["/usr/bin/sqlite3", ":memory:", SQL], least=10_000)


def test_cc1plus():
    """cc1plus on a C++20 source, -O1"""
    need("g++")
    compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], stdout=subprocess.PIPE,
                              check=True).stdout.decode().strip()
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "source.ii")
        subprocess.run(["g++", "-std=c++20", "-E", "-P", "-x", "c++", "-", "-o", source],
                       input=CODE, env=BARE, check=True)
        real([compiler, "-quiet", "-std=c++20", "-O1", "-fpreprocessed", source, "-o",
              "/dev/null"], least=300_000)


def test_python3():
    """python3, all of it by malloc"""
    real(["/usr/bin/python3", "-S", "-c", PYTHON], least=100_000,
         environment={**BARE, "PYTHONMALLOC": "malloc"})


def test_rust():
    """a Rust program with threads: ripgrep"""
    need("rg")
    real(["/usr/bin/rg", "--threads", "4", "-c", r"static|\bstruct\s+\w+", "/usr/include"],
         least=5_000)


def test_perl():
    """perl"""
    need("perl")
    real(["/usr/bin/perl", "-e", PERL], least=20_000)


def test_git():
    """git log of a small repository"""
    need("git")
    with tempfile.TemporaryDirectory() as folder:
        script = ("git init -q . && for i in 1 2 3 4 5; do echo line $i >> file; git add file; "
                  "git -c user.name=a -c user.email=a@b commit -q -m $i; done")
        subprocess.run(["sh", "-c", script], cwd=folder, env=BARE, check=True)
        real(["/usr/bin/git", "--no-pager", "log", "--stat", "-p"], least=500, cwd=folder)


def test_compiled():
    """alloca, recursion, siblings, jumps, coroutines: by every kind of compiling and linking"""
    for kind in ("O0", "leafy", "O2", "framed", "O3", "Os", "gaps"):
        counted([os.path.join(STACKS, "compiled-" + kind), str(10 * TIMES)],
                depth=128 if kind == "O2" else 64)


def test_exceptions():
    """exceptions out of destructors and catch blocks, C++20 coroutines"""
    for kind in ("O0", "O2"):
        counted([os.path.join(STACKS, "exceptions-" + kind), str(100 * TIMES)])


def test_chains():
    """random chains of all kinds of frames at one stack pointer, depth 64, 128 and 7"""
    for depth in (64, 128, 7):
        found = trap("scripts", 60_000, depth=depth)
        assert found["walked"] < 0.8 * found["stacks"], "the cache was hardly used"
        assert found["without_cfi"] > 100, "no chain had a frame without unwind information"


def test_fibers():
    """the same on stacks that come and go, with nothing readable outside of them"""
    trap("fibers", 20_000)
    trap("inside", 20_000)
    trap("guarded", 10_000)


def test_signals():
    """the same in signal handlers on an alternate stack, from equal places"""
    trap("signals", 20_000)


def test_threads():
    """the same in threads one after the other and side by side, on stacks that are used again"""
    trap("threads", 30_000)


def test_forks():
    """the same in children forked from anywhere, in handlers and beside threads"""
    trap("forks", 12_000)


def test_plugins():
    """libraries of different frames at equal addresses, and code without unwind information there"""
    trap("plugins", 6_000)


def test_code():
    """code made at run time: cut, never guessed, other code at the same place"""
    trap("code", 10_000)


def test_instructions():
    """a handler that allocates at every instruction of the program and of the probe"""
    # Where the probe itself is interrupted it counts without a stack.
    found = trap("instructions", 2000, everything=False)
    assert found["interrupted"] > 20_000, f"only {found['interrupted']} in handlers"
    print(f"# {found['interrupted']:,} stacks through a signal frame equal", flush=True)


def test_abandoned():
    """hooks that a handler jumps out of, at any instruction"""
    trap("abandoned", 2000)


def test_small_stacks():
    """handlers on alternate stacks of 8 KiB: raised, by a timer, out of a fault"""
    found = trap("small-stacks", 40_000)
    assert found["interrupted"] > 3 * 2000 * TIMES - 10, f"only {found['interrupted']} in handlers"


main(globals())
