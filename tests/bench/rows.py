"""What is measured: the rows of the table, from a tight loop to a compiler."""

import os
import shutil
import subprocess

from places import E2E, WORKLOADS
from ways import NATIVE, OURS

SECONDS, NS_PER_OPERATION, WHOLE_RUN = "seconds", "ns per operation", "whole run"

JSON_AND_SORT = """
import json, sys
count = int(sys.argv[1])
things = [{"id": i * 7919 % count, "name": "thing %d" % (i * 104729 % count), "place": [i, i / 3, None],
           "tags": {"first": "a%d" % (i % 97), "second": str(i)}} for i in range(count)]
text = json.dumps(things)
for _ in range(2):
    again = json.loads(text)
    again.sort(key=lambda thing: (thing["tags"]["first"], thing["name"]))
    assert len(json.dumps(again[: count // 2])) < len(text)
"""

CPP = """
#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <ranges>
#include <regex>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>
template <int n> struct key { int value; auto operator<=>(const key &) const = default; };
template <int n> int work(const std::string &text)
{
    std::map<key<n>, std::vector<std::string>> places;
    std::unordered_map<std::string, std::variant<int, double, key<n>>> values;
    std::regex words("[a-z]+" + std::to_string(n));
    for (std::sregex_iterator at(text.begin(), text.end(), words), end; at != end; ++at) {
        places[key<n>{int(at->position())}].push_back(at->str());
        values.emplace(at->str(), key<n>{n});
    }
    auto even = places | std::views::values | std::views::join
                | std::views::filter([](const std::string &s) { return s.size() % 2 == 0; })
                | std::views::transform([](const std::string &s) { return int(s.size()) + n; });
    std::vector<int> sizes;
    std::ranges::copy(even, std::back_inserter(sizes));
    std::ranges::sort(sizes, std::greater<>{});
    std::function<int(int)> add = [&](int v) { return v + (sizes.empty() ? n : sizes.front()); };
    return add(int(values.size()));
}
template <int... n> int all(const std::string &text, std::integer_sequence<int, n...>)
{
    return (0 + ... + work<n>(text));
}
int main(int argc, char **argv)
{
    return all(argv[argc - 1], std::make_integer_sequence<int, COUNT>{});
}
"""


class Row:
    """One workload. `command(scale)` is its command line; `prepare(folder, scale)` makes what it
    needs first. clock: it prints its seconds, or nanoseconds an operation, or the whole run is timed.
    operations(scale): those of one thread. ways(way): whether a way makes sense for it."""

    def __init__(self, name, text, command, clock=SECONDS, environment=None, operations=None,
                 options=(), ways=None, tools=(), prepare=None, server=False):
        self.name, self.text, self.command, self.clock = name, text, command, clock
        self.environment, self.operations = environment or {}, operations
        self.options, self.ways = list(options), ways or (lambda way: True)
        self.tools, self.prepare, self.server = tools, prepare, server

    def missing(self):
        """Why it cannot be run here; None when it can."""
        absent = [tool for tool in self.tools if not shutil.which(tool)]
        return f"{', '.join(absent)} not installed" if absent else None

    def named(self, names):
        return any(self.name == name or self.name.startswith(name + "-") for name in names)


def at_least(least, value):
    return str(max(least, int(value)))


def pairs_row(threads):
    return Row(f"W1-{threads}", "malloc/free pairs, 1,000 live, 64 stacks of 12 frames, "
               f"{threads} thread{'s' if threads > 1 else ''}",
               lambda scale: [WORKLOADS, "pairs", str(threads), str(20 * scale)],
               operations=lambda scale: 20e6 * scale)


def live_row():
    """Less work is fewer times; only below one time fewer blocks, which the caches then hold."""
    def size(scale):
        return max(1, int(5 * scale)), max(1000, int(1e6 * min(1.0, 5 * scale)))
    return Row("W8", "1,000,000 live blocks of 16 to 512 bytes, freed in random order, 5 times",
               lambda scale: [WORKLOADS, "live", *[str(number) for number in size(scale)]],
               operations=lambda scale: size(scale)[0] * size(scale)[1])


def throws(scale):
    return max(100, int(100_000 * scale))


def sqlite_command(scale):
    rows = at_least(1000, 1_500_000 * scale)
    return ["/usr/bin/sqlite3", ":memory:",
            f"with recursive n(i) as (select 1 union all select i+1 from n where i<{rows}) "
            "select count(*), sum(length(printf('%d-%s', i, hex(i)))) from n;"]


def prepare_cpp(folder, scale):
    """The compiler proper gets one preprocessed file: no driver, no assembler, no headers."""
    source = os.path.join(folder, "work.cc")
    with open(source, "w", encoding="ascii") as file:
        file.write(CPP.replace("COUNT", at_least(0, 4 * scale)))
    subprocess.run(["g++", "-std=c++20", "-E", "-o", os.path.join(folder, "work.ii"), source],
                   check=True)


def cpp_command(_scale):
    found = subprocess.run(["g++", "-print-prog-name=cc1plus"], stdout=subprocess.PIPE, check=True)
    return [found.stdout.decode().strip(), "-quiet", "-fpreprocessed", "-O1", "-std=c++20",
            "work.ii", "-o", "/dev/null"]


def redis_row(name, text, requests, more):
    """The server is watched, the time is the client's."""
    return Row(name, text, lambda scale: [
        "redis-benchmark", "-s", "socket", "-t", "set,get,lpush", "-n",
        at_least(1000, requests * scale), "-r", "100000", "-d", "64", "-q", *more],
        server=True, clock=WHOLE_RUN, tools=["redis-benchmark", "redis-check-rdb"])


def rows(threads):
    """All of them; threads: how many W1 is run with."""
    return [
        *[pairs_row(count) for count in threads],
        Row("W2", "one thread allocates, another frees, a queue between",
            lambda scale: [WORKLOADS, "queue", str(4 * scale)], operations=lambda scale: 4e6 * scale),
        Row("W3", "sqlite3 :memory:, 1,500,000 rows", sqlite_command, clock=WHOLE_RUN,
            tools=["sqlite3"]),
        redis_row("W4-pipelined", "redis-server (jemalloc), redis-benchmark -P 16", 300_000,
                  ["-P", "16"]),
        redis_row("W4-single", "redis-server (jemalloc), redis-benchmark without -P", 100_000, []),
        Row("W5", "python3, PYTHONMALLOC=malloc, json and sort",
            lambda scale: ["/usr/bin/python3", "-S", "-c", JSON_AND_SORT, at_least(100, 60_000 * scale)],
            clock=WHOLE_RUN, environment={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}),
        Row("W6", "cc1plus -O1, a preprocessed C++20 file", cpp_command, clock=WHOLE_RUN,
            tools=["g++"], prepare=prepare_cpp),
        Row("W7", "60 rounds of 200 threads, 4,000 pairs each",
            lambda scale: [WORKLOADS, "rounds", at_least(1, 60 * scale), "200", "4000"]),
        live_row(),
        Row("untracked", "nothing tracked: W1, the probe loaded, no thread selected",
            lambda scale: [WORKLOADS, "pairs", "1", str(20 * scale)],
            operations=lambda scale: 20e6 * scale, options=["--threads=nosuchname"],
            ways=lambda way: way.kind in (NATIVE, OURS) and not way.options),
        Row("unselected", "a thread that is not selected, beside one that is and whose blocks it "
            "frees now and then", lambda scale: [WORKLOADS, "beside", str(20 * scale)],
            operations=lambda scale: 20e6 * scale, options=["--threads=watched"],
            ways=lambda way: way.kind in (NATIVE, OURS) and not way.options),
        Row("throws", "C++ plugin that throws past ten destructors",
            lambda scale: [E2E + "/throws", E2E + "/plugin.so", str(throws(scale))],
            clock=NS_PER_OPERATION, operations=throws),
        Row("prints", "prints 100 MB, descriptors inherited",
            lambda scale: [E2E + "/hard", "print", at_least(1, 100 * scale)], clock=WHOLE_RUN,
            ways=lambda way: way.kind in (NATIVE, OURS)),
    ]
