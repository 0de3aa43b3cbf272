"""Programs of a known nature get the role, the bottleneck and the advice that an engineer would give.

alone: it judges shares of time

Each runs at a real-time priority where that is allowed (but for those about too few cores), so that
what else the machine does is not what holds it up; where that held it up all the same, by what the
kernel's schedstat says, that is what has to be said. Takes about 35 s. With SOAK also what needs
more than a minute of past: anomalies, and a forecast that is sure of itself.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time

from watched import (BARE, BUILD, LIMIT_S, MEMSCOPE, SOAK, again, children_of, end, equal, exe_of, load,
                     main, need, redis_server, run, status, wait_until, watch_alive)

NATURE = os.path.join(BUILD, "tests/e2e/natures/nature")
FOLDER = tempfile.mkdtemp(prefix="memscope-natures-", dir=BUILD)  # /tmp may be memory
FIRST = ["/usr/bin/chrt", "-f", "1"] \
    if run(["/usr/bin/chrt", "-f", "1", "/bin/true"]).returncode == 0 else []
NO_LOCKS = "waits for locks are not measured"


class Case:
    """The program's last process and its threads, in a document."""

    def __init__(self, document, exe):
        self.document = document
        self.process = [p for p in document["processes"] if os.path.basename(p["exe"]) == exe][-1]
        self.threads = [t for t in document["threads"]
                        if t["process_id"] == self.process["id"] and not t["merged"]]

    def thread(self, name):
        return next(t for t in self.threads if t["name"] == name)

    def insights(self, kind):
        return [i for i in self.document["insights"]
                if i["kind"] == kind and i["process_id"] == self.process["id"]]


def nature(command, *options, exe=None, first=True):
    """A program of a nature, seen over its whole life, or live with --duration."""
    # Not in pipes: what runs on after a look would hold them open.
    path = os.path.join(FOLDER, "report.json")
    result = subprocess.run([MEMSCOPE, "-q", "--json", path, *options, "--",
                             *(FIRST if first else []), *command], env=BARE, timeout=LIMIT_S,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, check=False)
    assert os.path.exists(path), f"{command}: status {result.returncode}"
    document = load(path)
    os.unlink(path)
    for process in document["processes"] if options else []:
        if not process["replaced_by_exec"] and exe_of(process["pid"]) == process["exe"]:
            end(process["pid"])
    return Case(document, exe or os.path.basename(os.path.realpath(command[0])))


def crowded(judgements):
    """The machine was so full that the program waited for cores: then that is what is right."""
    waiting = judgements["efficiency_parts"]["waiting"]
    return waiting is not None and 1 - waiting >= 0.2 and \
        judgements["resource_shares"]["run_queue"] >= 0.2


def judged(thing, kind, *words):
    """The bottleneck of a thread or a process, and words of its evidence."""
    judgements = thing["judgements"]
    found, evidence = judgements["bottleneck"], judgements["bottleneck_evidence"]
    what = thing.get("name") or thing["exe"]
    if kind != "cores" and found == "cores" and crowded(judgements):
        print(f"# {what}: the machine is full: {evidence}", flush=True)
        return
    equal((found, [word for word in words if word not in evidence]), (kind, []),
          f"bottleneck of {what} ({evidence})")


def role(thread, name):
    cpu_percent = thread["cpu_percent"] or 0  # null: looked at once only, on a machine that stood still
    if name == "cpu_intensive" and cpu_percent < 25 and crowded(thread["judgements"]):
        return # it got no core
    equal(thread["role"], name, f"role of {thread['name']} ({thread['role_reason']})")


def score(thing, low=0, high=100):
    """Efficiency: a number in range with a sentence."""
    judgements = thing["judgements"]
    found = judgements["efficiency_score"]
    assert judgements["efficiency_reason"], "no sentence"
    assert found is not None and low <= found <= high, \
        f"efficiency {found} ({judgements['efficiency_reason']}), expected {low} to {high}"


def mixed_file():
    """Text and noise, of which gzip has some seconds of work."""
    path = os.path.join(FOLDER, "mixed")
    text = b"".join(b"line %d of a text that compresses well\n" % n for n in range(250000))
    with open(path, "wb") as file:
        for _ in range(24 if SOAK else 5):
            file.write(text)
            file.write(os.urandom(8 << 20))
    return path


@again
def test_gzip():
    """gzip of text and noise: CPU, over its life and live"""
    command = ["/usr/bin/gzip", "-c", mixed_file()]
    for options in ((), ("--duration", "0.9")):
        seen = nature(command, *options)
        gzip = seen.threads[0]
        role(gzip, "cpu_intensive")
        judged(gzip, "cpu")
        judged(seen.process, "cpu")
        assert gzip["judgements"]["resource_shares"]["cpu"] > 0.5 or \
            crowded(gzip["judgements"]), gzip["judgements"]
        score(gzip, 0 if crowded(gzip["judgements"]) else 70)
        if options and not crowded(seen.process["judgements"]):
            found = seen.insights("bottleneck")
            assert found and "CPU" in found[0]["what"] and "speed that up" in found[0]["advice"], \
                seen.document["insights"]


HEAVY = """#include <algorithm>
#include <map>
#include <ranges>
#include <string>
#include <vector>
template <int N> struct Deep { std::map<std::string, std::vector<int>> of; Deep<N - 1> next;
    int sum() { int s = 0; for (auto &[k, v] : of) for (int x : v | std::views::filter([](int y) {
    return y % 2 == 0; })) s += x; return s + next.sum(); } };
template <> struct Deep<0> { int sum() { return 0; } };
int main(int n, char **a) { Deep<12> d; return d.sum() + n + (int)a[0][0]; }
"""


@again
def test_compiler():
    """cc1plus on C++20: held up by CPU although it allocates half a million blocks"""
    need("g++")
    source = os.path.join(FOLDER, "heavy.cc")
    with open(source, "w", encoding="utf-8") as file:
        file.write(HEAVY)
    seen = nature(["/usr/bin/g++", "-std=c++20", "-O2", "-c", source, "-o", os.devnull],
                  "--count-only", exe="cc1plus") # no names of call sites are needed here
    compiler = seen.threads[0]
    judged(compiler, "cpu")
    judged(seen.process, "cpu")
    assert compiler["judgements"]["resource_shares"]["memory"] < 0.5, compiler["judgements"]
    # What it keeps counts before what it computes, in the order of roles.
    many = compiler["peak_bytes"] > 18e6 and compiler["allocations"] > 1200
    role(compiler, "memory_intensive" if many else "cpu_intensive")
    judged([p for p in seen.document["processes"] if "g++" in os.path.basename(p["exe"])][-1],
           "idle", NO_LOCKS)


@again
def test_synchronous_writes():
    """dd with oflag=dsync: I/O, over its life and live; sqlite3 that commits one by one, too"""
    need("dd", "sqlite3")
    target = os.path.join(FOLDER, "written")
    command = ["/usr/bin/dd", "if=/dev/zero", f"of={target}", "bs=4k", "oflag=dsync"]
    for options in ((), ("--duration", "1.2")):
        # No count, as nobody knows how fast the disk is: it ends by its own time limit.
        seen = nature(["/usr/bin/timeout", "2", *command], *options, exe="dd")
        dd = seen.threads[0]
        judged(dd, "io", "in calls on files")
        judged(seen.process, "io", "in calls on files")
        shares = dd["judgements"]["resource_shares"]
        assert shares["io"] > 0.75 and shares["network"] == 0, shares
        # A fast disk leaves it on a core a quarter of the time, where the role for CPU comes first,
        # clearly so by a margin of a tenth, and by a share that swings from second to second.
        if dd["io_operations"] > 2200 and dd["cpu_percent"] < 20:
            role(dd, "io_intensive")
        elif dd["io_operations"] > 2200:
            assert dd["role"] in ("io_intensive", "cpu_intensive"), dd["role_reason"]
        score(dd)
        assert dd["judgements"]["efficiency_reason"].startswith("I/O: blocked in calls on files") \
            or crowded(dd["judgements"]) or dd["cpu_percent"] > 20, dd["judgements"]
    seen = nature(["/usr/bin/sqlite3", os.path.join(FOLDER, "database"),
                   "create table t(a); " + "insert into t values(1);" * 300])
    judged(seen.threads[0], "io", "in calls on files")


@again
def test_loopback():
    """two threads that send a megabyte to and fro: network, although the kernel computes it"""
    for options in ((), ("--duration", "1.2")):
        seen = nature([NATURE, "echo", "1.6", "1000000"], *options)
        for name in ("server", "client"):
            judged(seen.thread(name), "network", "in calls on sockets")
            shares = seen.thread(name)["judgements"]["resource_shares"]
            assert shares["network"] > 0.7 and shares["io"] < 0.1, shares
        judged(seen.process, "network", "in calls on sockets")


@again
def test_redis():
    """redis under load: one by one it is held up by calls on sockets, by long pipelines by CPU"""
    path = os.path.join(FOLDER, "socket")
    viewer = subprocess.Popen(
        [MEMSCOPE, "-q", "--", *FIRST, redis_server(), "--port", "0", "--unixsocket", path,
         "--save", "", "--appendonly", "no", "--dir", FOLDER],
        env=BARE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    pid = None
    try:
        wait_until(lambda: os.path.exists(path), what="the socket of redis")
        pid = int(run(["/usr/bin/redis-cli", "-s", path, "INFO", "server"]).stdout.decode()
                  .split("process_id:")[1].split("\r\n")[0])
        found = {}
        for name, options in (("one by one", ["-t", "ping_mbulk", "-c", "20"]),
                              ("pipelines", ["-t", "lrange_600", "-P", "50", "-c", "4"])):
            load_on = subprocess.Popen(
                ["/usr/bin/redis-benchmark", "-s", path, "-n", "100000000", "-q", *options],
                env=BARE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            report = os.path.join(FOLDER, "redis.json")
            time.sleep(0.5)
            subprocess.run([MEMSCOPE, "-q", "-p", str(pid), "--duration", "1.5", "--json", report],
                           env=BARE, check=True, timeout=100, stdin=subprocess.DEVNULL)
            end(load_on.pid)
            load_on.wait(100)
            document = load(report)
            os.unlink(report)
            found[name] = max((t for t in document["threads"] if not t["ended"]),
                              key=lambda t: t["cpu_percent"] or 0)
        for name, thread in found.items():
            print(f"# {name}: {thread['judgements']['bottleneck']}: "
                  f"{thread['judgements']['bottleneck_evidence']}", flush=True)
        # Who asks has as much to do: how fast it asks decides whether redis waits for it, for its
        # calls, or works. What holds on any machine: calls on sockets are more of it one by one.
        of = {name: thread["judgements"]["resource_shares"] for name, thread in found.items()}
        one = found["one by one"]["judgements"]
        assert one["bottleneck"] in ("network", "idle", "balanced", "cpu", "cores"), one
        assert of["one by one"]["io"] < 0.1, of
        assert of["one by one"]["network"] / of["one by one"]["cpu"] > \
            1.5 * of["pipelines"]["network"] / of["pipelines"]["cpu"], of
        judged(found["pipelines"], "cpu")
    finally:
        if pid:
            end(pid)
        end(viewer.pid)
        viewer.wait(100)


@again
def test_allocator():
    """a loop of malloc and free beside 24 MB: memory"""
    seen = nature([NATURE, "allocator", "1"])
    thread = seen.threads[0]
    role(thread, "memory_intensive")
    live = nature([NATURE, "allocator", "3"], "--duration", "1.2")
    # An allocation counts 100 ns: a core on which it takes twice that has time for other things.
    shares = [found["judgements"]["resource_shares"]["memory"]
              for found in (thread, seen.process, live.process)]
    if min(shares) < 0.6:
        assert min(shares) > 0.15, f"of memory: {shares}"
        for found in (thread, seen.process, live.process):
            assert found["judgements"]["bottleneck"] in ("cpu", "memory", "cores"), found
        return
    judged(thread, "memory", "allocations", "memory management dominates")
    judged(seen.process, "memory")
    judged(live.process, "memory")
    found = [i for i in live.insights("bottleneck") if "memory" in i["what"]]
    assert found and "reuse blocks" in found[0]["advice"] or \
        crowded(live.process["judgements"]), live.document["insights"]


@again
def test_page_faults():
    """fresh pages touched and given back: memory, and the kernel time that it costs is told"""
    seen = nature([NATURE, "faults", "1"])
    # Faults that take ten times as long as on any machine known would not be taken for the cause.
    thread = seen.threads[0]
    if thread["minor_faults"] > 60 * (thread["user_ms"] + thread["system_ms"]):
        judged(thread, "memory", "page faults")
        judged(seen.process, "memory")
    reason = seen.process["judgements"]["efficiency_reason"]
    assert crowded(seen.process["judgements"]) or \
        reason.startswith("CPU use:") and "kernel time" in reason, reason


@again
def test_one_core_for_two():
    """two threads that compute on one core: too few cores, because of their affinity"""
    seen = nature([NATURE, "spinners", "1.5"], first=False)
    for name in ("spinner-a", "spinner-b"):
        judged(seen.thread(name), "cores", "waiting for a core")
        waited = seen.thread(name)["run_queue_wait_ms"]
        assert waited > 400, f"{name} waited {waited} ms for the core"
    judged(seen.process, "cores", "its threads ran on")
    cores = os.sysconf("SC_NPROCESSORS_ONLN")
    live = nature([NATURE, "spinners", "3"], "--duration", "2", first=False)
    judged(live.process, "cores", *([f"its affinity allows 1 of {cores} cores"] if cores > 1 else []))
    found = live.insights("bottleneck")
    assert found and "too few cores" in found[0]["what"] and "more cores" in found[0]["advice"], \
        live.document["insights"]


@again
def test_sleep():
    """sleep: idle, no score, and no insight"""
    for options in ((), ("--duration", "0.8")):
        seen = nature(["/bin/sleep", "1"], *options)
        role(seen.threads[0], "lightweight")
        judged(seen.threads[0], "idle", NO_LOCKS)
        judged(seen.process, "idle", NO_LOCKS)
        equal(seen.insights("bottleneck"), [], "bottlenecks of sleep")


@again
def test_convoy():
    """threads that wait for one mutex: neither idle nor CPU, and said that locks are not measured"""
    seen = nature([NATURE, "convoy", "1"])
    for name in ("waiter-0", "waiter-1", "waiter-2", "waiter-3"):
        thread = seen.thread(name)
        judged(thread, "unknown", "context switches a second", NO_LOCKS)
        equal(thread["judgements"]["resource_shares"]["locks"], None, "share of locks")
        assert thread["role"] != "waiting", "a role by what nobody measured"
    judged(seen.process, "unknown", NO_LOCKS)
    metric = next(m for m in seen.document["metrics"] if m["name"] == "waiting_percent")
    equal((metric["provenance"], metric["unavailable_because"]), ("unavailable", NO_LOCKS),
          "the metric that the role waiting goes by")


@again
def test_python():
    """python3 with three threads and one interpreter lock: CPU, one core's worth"""
    script = ("import threading\ndef f():\n x = 0\n for i in range(9000000): x += i\n"
              "t = [threading.Thread(target=f) for i in range(3)]\n"
              "[x.start() for x in t]\n[x.join() for x in t]\n")
    seen = nature(["/usr/bin/python3", "-c", script])
    judged(seen.process, "cpu")
    cores = seen.process["judgements"]["resource_shares"]["cpu"] * os.sysconf("SC_NPROCESSORS_ONLN")
    assert 0.5 <= cores <= 1.15 or crowded(seen.process["judgements"]), f"{cores} cores"


class Leak:
    """A program that grows until RLIMIT_AS refuses, watched meanwhile; it takes no time of others."""

    def __init__(self):
        self.report = os.path.join(FOLDER, "leak.json")
        self.said = os.path.join(FOLDER, "leak.said")
        watched_s, self.mb_per_s = (110, 0.5) if SOAK else (24, 1)
        more = self.mb_per_s * watched_s * 1.4
        with open(self.said, "wb") as said:
            self.viewer = subprocess.Popen(
                [MEMSCOPE, "-q", "--duration", str(watched_s), "--json", self.report, "--", NATURE,
                 "leak", str(self.mb_per_s), str(more)],
                env=BARE, stdin=subprocess.DEVNULL, stdout=said)

    def moment(self, word):
        with open(self.said, encoding="utf-8") as file:
            for line in file:
                if line.startswith(word):
                    return float(line.split()[1])
        return None


LEAK = Leak()


def test_leak():
    """a leak below RLIMIT_AS: when the limit is reached, within 20 %, and advice"""
    LEAK.viewer.wait(LIMIT_S)
    document = load(LEAK.report)
    looked_s = os.stat(LEAK.report).st_mtime
    refused_s = wait_until(lambda: LEAK.moment("refused"), 90, "the end of the leak")
    limit = next(l for l in document["limits"] if l["limit"] == "address_space")
    left_s = refused_s - looked_s
    print(f"# {left_s:.1f} s were left, said were {limit['seconds_left']:.1f}: {limit['text']}",
          flush=True)
    assert abs(limit["seconds_left"] - left_s) <= 0.2 * left_s + 0.5, limit
    assert limit["grows"] and limit["seconds_left_low"] <= limit["seconds_left"] \
        <= limit["seconds_left_high"], limit
    assert abs(limit["slope_per_s"] / 1e6 - LEAK.mb_per_s) < 0.15 * LEAK.mb_per_s, limit
    found = [i for i in document["insights"] if i["kind"] == "limit" and "RLIMIT_AS" in i["what"]]
    near = limit["used"] / limit["most"] >= 0.85 or limit["confidence"] >= 0.6
    equal(len(found), 1 if near else 0, f"insights about the limit, {limit}")
    assert not found or "leaks" in found[0]["advice"], found
    if SOAK:
        assert limit["confidence"] >= 0.6, limit


def test_rankings():
    """rankings are in order, their ranks and ratios those of an independent sort"""
    seen = nature([NATURE, "convoy", "0.5"])
    of_thread = {t["id"]: t for t in seen.document["threads"]}
    names = {"efficiency_score": lambda t: t["judgements"]["efficiency_score"]}
    for ranking in seen.document["rankings"]:
        get = names.get(ranking["metric"], lambda t: t.get(ranking["metric"]))
        known = {i: get(t) for i, t in of_thread.items() if get(t) is not None}
        equal(ranking["known"], len(known), f"how many have {ranking['metric']}")
        equal(ranking["threads"], len(of_thread), "threads")
        rows = ranking["rows"]
        equal(sorted(row["thread_id"] for row in rows), sorted(known), "who is ranked")
        values = [row["value"] for row in rows]
        equal(values, sorted(values, reverse=True), f"order by {ranking['metric']}")
        mean = sum(values) / len(values) if values else None
        for row in rows:
            equal(row["rank"], 1 + sum(value > row["value"] for value in values), "rank")
            in_role = [other["value"] for other in rows if other["role"] == row["role"]]
            equal(row["rank_in_role"], 1 + sum(v > row["value"] for v in in_role), "rank in role")
            assert abs(row["value"] - known[row["thread_id"]]) <= 1e-3 * abs(row["value"]) + 0.06, \
                f"{ranking['metric']}: {row}, {known[row['thread_id']]}"
            if mean:
                assert abs(row["ratio_to_mean"] - row["value"] / mean) < 1e-6, row
    for thing in seen.document["threads"] + seen.document["processes"]:
        found = thing["judgements"]["efficiency_score"]
        assert found is None or 0 <= found <= 100, thing["judgements"]
        assert thing["judgements"]["efficiency_reason"], "no sentence"


def sources(command, *before, **keywords):
    """Sources by name, of a run in surroundings where something is missing."""
    result, document = watch_alive(command, before=before, **keywords)
    equal(status(result), 0, f"exit status ({result.stderr.decode()})")
    for row in document["sources"]:
        missing = row["condition"] in ("unavailable", "partial")
        assert bool(row["because"]) == missing, row
    return {row["name"]: row for row in document["sources"]}, document


def told(rows, name, *words):
    equal(rows[name]["condition"], "unavailable", name)
    assert any(word in rows[name]["because"] for word in words), rows[name]


def doctor(*before):
    return run([*before, MEMSCOPE, "doctor"]).stdout.decode()


def test_unprivileged():
    """a user without rights sees its own program, and what is missing has a reason"""
    place = tempfile.mkdtemp(prefix="memscope-natures-")
    os.chmod(place, 0o777)
    copied = shutil.copytree(BUILD, os.path.join(place, "build"),
                             ignore=lambda folder, names: [
                                 n for n in names if folder == BUILD and
                                 n not in ("memscope-top", "libmemscope-probe.so")])
    path = os.path.join(place, "report.json")
    try:
        result = run(["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                      os.path.join(copied, "memscope-top"), "-q", "--json", path, "--",
                      "/bin/sh", "-c", "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"])
        equal(status(result), 0, result.stderr.decode())
        document = load(path)
    finally:
        shutil.rmtree(place, True)
    rows = {row["name"]: row for row in document["sources"]}
    for row in rows.values():
        assert bool(row["because"]) == (row["condition"] in ("unavailable", "partial")), row
    equal((rows["probe"]["condition"], rows["probe"]["because"]), ("available", None), "the probe")
    thread = document["threads"][0]
    for name, figure in (("schedstat", "run_queue_wait_ms"), ("thread_io", "io_operations"),
                         ("thread_stat", "user_ms")):
        equal(rows[name]["condition"] == "available", thread[figure] is not None, name)
    assert thread["allocations"] > 0, "the probe"


def test_without_perf():
    """seccomp refuses perf_event_open: counters and samples by it are told, not 0"""
    rows, document = sources(["/bin/cat"], NATURE, "refused", "perf_event_open")
    told(rows, "hardware_counters", "seccomp", "no performance counters")
    for thread in document["threads"]:
        equal([thread["cycles"], thread["instructions"]], [None, None], "counters")
    assert rows["hardware_counters"]["because"] in doctor(NATURE, "refused", "perf_event_open")


def test_without_probe():
    """a static program is seen without the probe: its source says why, and no allocation is a 0"""
    source = os.path.join(FOLDER, "static.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write("#include <unistd.h>\nint main(void) { char c; return read(0, &c, 1) != 0; }\n")
    program = os.path.join(FOLDER, "static")
    if run(["/usr/bin/gcc", "-static", "-o", program, source]).returncode != 0:
        return # no static C library here
    rows, document = sources([program])
    told(rows, "probe", "without the probe", "the probe did not start")
    equal([t["allocations"] for t in document["threads"]],
          [None] * len(document["threads"]), "allocations")


def test_without_network():
    """in a network namespace of its own there is lo alone, and no invented traffic"""
    before = ["/usr/bin/unshare", "-n"]
    if run([*before, "/bin/true"]).returncode != 0:
        return # not allowed here
    _, document = sources(["/bin/cat"], *before)
    names = {row["name"] for row in document["system"]["interfaces"]}
    assert names <= {"lo", "tunl0", "sit0", "gre0", "ip6tnl0"}, names


def test_without_sys():
    """without /sys: what comes from there is unavailable with its reason"""
    before = ["/usr/bin/unshare", "-m", "/bin/sh", "-c",
              'mount -t tmpfs none /sys && exec "$0" "$@"']
    if run([*before, "/bin/true"]).returncode != 0:
        return # not allowed here
    rows, document = sources(["/bin/cat"], *before)
    told(rows, "drm_gpu", "/sys")
    told(rows, "sensors", "sensor")
    told(rows, "numa", "/sys")
    told(rows, "cgroup", "no control group file system")
    equal(document["system"]["gpus"], None, "GPUs")
    text = doctor(*before)
    assert rows["drm_gpu"]["because"] in text, text


def test_changes():
    """what a program does at a moment is an anomaly at that moment, and nothing before"""
    report = os.path.join(FOLDER, "changes.json")
    if not SOAK:
        seen = nature([NATURE, "changes", "2"], "--duration", "3")
        equal(seen.document["anomalies"], [], "anomalies of what has no past to compare with")
        return
    result = run([MEMSCOPE, "-q", "--json", report, "--", NATURE, "changes", "70"],
                 timeout=LIMIT_S)
    document = load(report)
    found = [a for a in document["anomalies"] if a["of"] != "system"]
    start_s = document["session"]["start_unix_ns"] / 1e9
    moments = [(line.split()[0], float(line.split()[1]) - start_s)
               for line in result.stdout.decode().splitlines()]
    for anomaly in found:
        at_s = anomaly["t_ns"] / 1e9
        assert any(abs(at_s - moment) <= 2 for _, moment in moments), \
            f"{anomaly['text']} at {at_s}, changes were {moments}"
    for word, metric in (("computes", "cpu_percent"), ("allocates", "bytes_allocated_per_s")):
        moment = dict(reversed(moments))[word]
        assert any(a["metric"] == metric and abs(a["t_ns"] / 1e9 - moment) <= 2 for a in found), \
            f"no anomaly of {metric} at {moment}: {[(a['text'], a['t_ns'] / 1e9) for a in found]}"


try:
    main(globals())
finally:
    for child in children_of(LEAK.viewer.pid):
        end(child)
    if LEAK.viewer.poll() is None:
        end(LEAK.viewer.pid)
    shutil.rmtree(FOLDER, True)
