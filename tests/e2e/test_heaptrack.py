"""Call sites and hotspots equal to those that heaptrack 1.4 records of the same program.

Differences that are known and checked, all on heaptrack's side:
- its probe needs libstdc++, which allocates a pool for exceptions in every program: one block;
- its printer takes a block for temporary when one of the same size and stack was the last one to be
  allocated; counted block by block, its own recording has our figure;
- its peak holds that pool;
- at the end it lets libc and libstdc++ free what they keep: a pool of the program's own too;
- its printer ends stacks at main;
- libc keeps exit handlers 32 to a block: its handlers move on to whom the next block falls.
What call sites had at the peak is of the last peak that was 1 % above the one before, so a moment
earlier than heaptrack's: it is compared with what heaptrack's data has at that moment.
"""

import collections
import ctypes
import os
import subprocess
import tempfile

from heaptrack_data import COSTS, STACK_KEY, Site, record
from watched import BARE, SOAK, equal, main, need, status, watch

POOL_BYTES = 72704  # of libstdc++
OUTSIDE_MAIN = ("_start", "__libc_start_main_impl", "__libc_start_call_main")
EXIT_HANDLERS_BYTES = 1040  # of libc, for 32 of them
SQL = ("create table t(a integer primary key, b text);"
       "with recursive n(i) as (select 1 union all select i+1 from n where i<{rows}) "
       "insert into t select i, printf('row %d', i*i) from n;"
       "create index x on t(b); select count(*), max(b) from t where b like '%7%';")
CODE = b"""
template <int N, int M> struct level
{
    int values[N + M + 1];
    static int sum() { return N * M + level<N - 1, M>::sum(); }
};
template <int M> struct level<0, M> { static int sum() { return M; } };
template <typename T> struct list { T head; list<T> *rest; int size() { return rest ? 1 : 0; } };
int main() { list<level<9, 9>> l = {}; return level<40, 1>::sum() + level<40, 2>::sum() + l.size(); }
"""


def fixed_addresses():
    ctypes.CDLL(None).personality(0x0040000)  # ADDR_NO_RANDOMIZE


def our_sites(document):
    """{stack: figures}, stacks as heaptrack has them: addresses, inlined functions not apart."""
    sites = collections.defaultdict(Site)
    for row in document["sites"]:
        stack = tuple((os.path.realpath(frame["module"]) if frame["module"] else "",
                       frame["offset"]) for frame in row["stack"] if not frame["inlined"])
        site = sites[stack[:STACK_KEY]]
        site.allocations += row["allocations"]
        site.bytes += row["bytes_allocated"]
        site.live += row["current_bytes"]
        site.temporary += row["temporary"]
        site.peak += row["at_peak_bytes"] or 0
    return sites


def is_pool(stack, site):
    return "libstdc++" in stack[0][0] and (site.allocations, site.bytes) == (1, POOL_BYTES)


def figures_of(site):
    return site.allocations, site.bytes, site.live, site.temporary


def is_explained(stack, ours, theirs):
    """Blocks of exit handlers at another caller, or the program's own pool, freed at the end."""
    if (figures_of(ours), figures_of(theirs)) == ((1, POOL_BYTES, POOL_BYTES, 0),
                                                  (1, POOL_BYTES, 0, 0)):
        return True
    return "libc.so" in stack[0][0] and all(
        site.bytes == site.allocations * EXIT_HANDLERS_BYTES and site.allocations <= 1
        and not site.live for site in (ours, theirs))


def same_sites(recording, sites):
    """All sites. Returns those of both that are equal, and explained bytes that they have more."""
    theirs = {stack: site for stack, site in recording.sites.items() if not is_pool(stack, site)}
    equal(len(recording.sites) - len(theirs), 1, "pools of heaptrack's libstdc++")
    wrong, explained, more_bytes = [], set(), 0
    for stack in theirs.keys() | sites.keys():
        pair = sites.get(stack, Site()), theirs.get(stack, Site())
        if figures_of(pair[0]) == figures_of(pair[1]):
            continue
        if is_explained(stack, *pair):
            explained.add(stack)
            more_bytes += pair[1].bytes - pair[0].bytes
            print(f"# explained: {stack[0]} {figures_of(pair[0])}, heaptrack {figures_of(pair[1])}")
        else:
            wrong.append((stack, figures_of(pair[0]), figures_of(pair[1])))
    assert not wrong, f"{len(wrong)} of {len(sites)} sites differ: {wrong[:3]}"
    assert len(explained) <= 4 and more_bytes in (0, EXIT_HANDLERS_BYTES), (explained, more_bytes)
    return ({stack: site for stack, site in sites.items() if stack not in explained},
            {stack: site for stack, site in theirs.items() if stack not in explained}, more_bytes)


def top(sites, figure, count=20):
    """The greatest; ties by stack."""
    ranked = sorted(sites, key=lambda stack: (-getattr(sites[stack], figure), stack))
    return [(stack, getattr(sites[stack], figure)) for stack in ranked[:count]]


def same_tops(theirs, sites):
    for figure in ("bytes", "allocations", "temporary", "live"):
        equal(top(sites, figure), top(theirs, figure), f"top sites by {figure}")


def printed_as_recorded(recording, printed):
    """What was read here is what heaptrack itself prints."""
    for cost, name in zip(COSTS, ("allocations", "temporary_by_class", "live", "peak")):
        equal(printed.total(cost), sum(getattr(site, name) for site in recording.sites.values()),
              f"{cost} printed by heaptrack")


def same_peak(recording, document, theirs, sites, more_bytes):
    totals = document["totals"]
    expected = recording.peak - POOL_BYTES - more_bytes
    assert abs(expected - totals["peak_bytes"]) <= totals["peak_error_bytes"], (expected, totals)
    # What sites had is of the moment at which the peak was noted.
    attributed = document["hotspots"]["total"]["inclusive"]["at_peak_bytes"]
    assert attributed >= 0.99 * totals["peak_bytes"] - totals["peak_error_bytes"], totals
    apart = []
    for more in {0, more_bytes}:
        moment = recording.moment(attributed + POOL_BYTES + more)
        if moment is not None:
            live = recording.live_at(moment)
            apart.append(sum(abs(live[stack] - sites[stack].peak) for stack in theirs))
    equal(min(apart, default=None), 0, "bytes at the peak of other sites than in heaptrack's data")


def by_function(printed, cost):
    """Inclusive cost of each function that heaptrack has a name for, recursion once."""
    sums = collections.defaultdict(int)
    for functions, value in printed.costs[cost]:
        for name in {function.partition(" (")[0] for function in functions if function}:
            sums[name] += value
    return sums


def same_functions(printed, document, least):
    """Hotspots by function against the flame graph, where both have a name for it."""
    allocations = by_function(printed, "allocations")
    live = by_function(printed, "leaked")
    compared = 0
    wrong = []
    for row in document["hotspots"]["by_function"]:
        name = row["function"]
        if name is None or name not in allocations or name in OUTSIDE_MAIN:
            continue
        compared += 1
        if (row["inclusive"]["allocations"], row["inclusive"]["current_bytes"]) != (
                allocations[name], live[name]):
            wrong.append((name, row["inclusive"], allocations[name], live[name]))
    assert compared >= least, f"{compared} functions compared"
    return wrong


def both(command, **options):
    recording, printed = record(command, preexec_fn=fixed_addresses, **options)
    result, document = watch(command, "--depth=64", preexec_fn=fixed_addresses, **options)
    equal(status(result), 0, "exit status")
    return recording, printed, document


def compare(command, functions, **options):
    recording, printed, document = both(command, **options)
    sites, theirs, more_bytes = same_sites(recording, our_sites(document))
    same_tops(theirs, sites)
    printed_as_recorded(recording, printed)
    same_peak(recording, document, theirs, sites, more_bytes)
    wrong = same_functions(printed, document, functions)
    assert not wrong, f"{len(wrong)} functions differ: {wrong[:3]}"
    print(f"# {len(sites)} sites, {sum(site.allocations for site in sites.values())} allocations, "
          f"temporary {sum(site.temporary for site in sites.values())}, "
          f"printed by heaptrack {printed.total('temporary')}")


def test_sqlite3():
    """sqlite3: every call site, by address, and functions by name"""
    need("sqlite3")
    compare(["/usr/bin/sqlite3", ":memory:", SQL.format(rows=200000 if SOAK else 3000)], 10)


def test_ripgrep():
    """ripgrep, a Rust program: every call site, by address"""
    need("rg")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "text")
        with open(path, "w", encoding="ascii") as file:
            for number in range(200000 if SOAK else 5000):
                file.write(f"line with needle {number}\nnothing here\n")
        compare(["/usr/bin/rg", "--no-config", "-j1", "-c", "needle [0-9]+7|not.*ing", path], 0)


def test_cc1plus():
    """cc1plus: every call site, by address"""
    need("g++")
    compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], stdout=subprocess.PIPE,
                              check=True).stdout.decode().strip()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "source.ii")
        with open(path, "wb") as file:
            file.write(CODE)
        # heaptrack is a shell's script, and a shell sets PWD.
        compare([compiler, "-quiet", "-O0", "-frandom-seed=1", "-fpreprocessed", path, "-o",
                 "/dev/null"], 10, cwd=folder, env={**BARE, "PWD": folder})


main(globals())
