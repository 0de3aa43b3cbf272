"""Files for other tools: what they say is what the JSON of the same session says."""

import collections
import json
import math
import os
import re
import subprocess
import tempfile
import xml.parsers.expat

import trace_events
from pprof_data import Profile
from watched import BARE, MEMSCOPE, equal, load, main, need, run, status

FORMATS = ("json", "pprof", "folded", "speedscope", "perfetto", "svg", "text")
PYTHON = """
import json, threading, time
kept = []
def work(n):
    for i in range(150):
        kept.append(json.dumps({"a": i, "b": "x" * n}))
        time.sleep(0.001)
threads = [threading.Thread(target=work, args=(100 * n,)) for n in range(1, 4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
SQL = """create table t(a, b);
with recursive n(i) as (values(1) union all select i + 1 from n where i < 3000)
insert into t select i, hex(randomblob(60)) from n;
create index j on t(b); select count(*) from t where b > '8';"""


class Session:
    """One run of a program with everything written."""

    def __init__(self, command, *options, **keywords):
        self.folder = tempfile.TemporaryDirectory(prefix="memscope-tools-")
        self.paths = {name: os.path.join(self.folder.name, name) for name in FORMATS}
        wanted = [word for name in FORMATS for word in ("--" + name, self.paths[name])]
        self.result = run([MEMSCOPE, "-q", *wanted, *options, "--", *command], **keywords)
        self.document = load(self.paths["json"])

    def text(self, name):
        with open(self.paths[name], encoding="utf-8") as file:
            return file.read()


def names_of(site):
    """Of a stack from the innermost out, with what is missing in words, as the tools get it."""
    names = [frame["function"] or nameless(frame) for frame in site["stack"]]
    words = {None: [], "no_stack": [], "no_unwind_information":
             ["(outer frames unknown: no unwind information)"]}
    if not names:
        return ["(no stack)"]
    return names + words.get(site["truncated"], ["(outer frames left out)"])


def nameless(frame):
    return f"{os.path.basename(frame['module'])}+0x{frame['offset']:x}"


def weights(document, figure):
    """{stack from the outermost in: sum} of the call sites of the JSON."""
    sums = collections.Counter()
    for site in document["sites"]:
        amount = figure(site)
        if amount:
            sums[tuple(reversed(names_of(site)))] += amount
    return sums


FIGURES = {
    "alloc_objects": lambda site: site["allocations"],
    "alloc_space": lambda site: site["bytes_allocated"],
    "inuse_objects": lambda site: site["allocations"] - site["deallocations"],
    "inuse_space": lambda site: site["current_bytes"],
    "cpu": lambda site: round(site["work"]["cpu_ms"] * 1e6) if site["work"] else 0,
}


def check_pprof(session):
    """Every stack and every sum; modules with their build ids; the thread of each sample."""
    profile = Profile(session.paths["pprof"])
    equal([name for name, _ in profile.types[:4]], list(FIGURES)[:4], "sample types")
    equal(profile.default_type, "inuse_space", "default sample type")
    for index, (name, _) in enumerate(profile.types[:4]):
        sums = collections.Counter()
        for stack, values, _ in profile.samples:
            if values[index]:
                sums[tuple(function for function, _, _ in reversed(stack))] += values[index]
        equal(sums, weights(session.document, FIGURES[name]), name)
    equal(set(profile.mappings.values()),
          {(module["path"], module["build_id"] or "") for module in session.document["modules"]},
          "mappings")
    roles = {(t["tid"], t["role"]) for t in session.document["threads"]}
    told = {(labels["tid"], labels["role"]) for _, _, labels in profile.samples}
    if not told or not told <= roles:
        raise AssertionError(f"labels {told - roles}")
    return profile


def pprof_tool(session, *options):
    need("go")
    environment = dict(BARE, HOME=session.folder.name, PPROF_TMPDIR=session.folder.name)
    result = subprocess.run(["go", "tool", "pprof", "-symbolize=none", *options,
                             session.paths["pprof"]], env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, check=False)
    equal(result.returncode, 0, "go tool pprof: " + result.stderr.decode())
    return result.stdout.decode()


def check_pprof_tool(session, name):
    """What the real pprof makes of it: flat sums by function."""
    output = pprof_tool(session, "-top", "-unit=bytes", "-nodecount=1000000", "-nodefraction=0",
                        "-edgefraction=0", "-sample_index=" + name)
    found = collections.Counter()
    for line in output.splitlines():
        match = re.match(r" *(\d+)(?:bytes|B)? +\S+% +\S+% +\d+(?:bytes|B)? +\S+% +(.*)$",
                         line)
        if match and int(match[1]):
            found[match[2].removesuffix(" (inline)").removesuffix(" (partial-inline)")] += \
                int(match[1])
    sums = collections.Counter()
    for stack, amount in weights(session.document, FIGURES[name]).items():
        sums[stack[-1]] += amount
    equal(found, sums, f"go tool pprof -top, {name}")


def folded_of(text):
    sums = collections.Counter()
    for line in text.splitlines():
        stack, amount = line.rsplit(" ", 1)
        sums[tuple(stack.split(";"))] += int(amount)
    return sums


def check_folded(session, figure):
    equal(folded_of(session.text("folded")), weights(session.document, figure), "folded stacks")


def check_speedscope(session):
    """The rules of its schema, and each profile is a weight of the JSON."""
    document = json.loads(session.text("speedscope"))
    equal(document["$schema"], "https://www.speedscope.app/file-format-schema.json", "$schema")
    frames = [frame["name"] for frame in document["shared"]["frames"]]
    sums = {}
    for profile in document["profiles"]:
        equal(set(profile), {"type", "name", "unit", "startValue", "endValue", "samples",
                             "weights"}, "keys of a profile")
        equal(profile["type"], "sampled", "type")
        equal(len(profile["samples"]), len(profile["weights"]), "samples and weights")
        equal(sum(profile["weights"]), profile["endValue"] - profile["startValue"], "end")
        here = collections.Counter()
        for stack, amount in zip(profile["samples"], profile["weights"]):
            here[tuple(frames[i] for i in stack)] += amount
        sums[profile["name"].split(":")[0]] = here
    equal(document["profiles"][0]["name"].split(":")[0], "peak", "first profile")
    for name, figure in (("total", "alloc_space"), ("count", "alloc_objects"),
                         ("live", "inuse_space")):
        equal(sums.get(name, collections.Counter()), weights(session.document, FIGURES[figure]),
              name)
    return sums


def check_perfetto(session):
    """Rules of the format; threads with their lives; the counters of the program."""
    found = trace_events.check(json.loads(session.text("perfetto")))
    slices = collections.Counter((e["name"], e["args"]["thread_id"]) for e in found["X"])
    equal(slices, collections.Counter((t["name"], t["id"]) for t in session.document["threads"]),
          "slices")
    pid = session.document["processes"][0]["pid"]
    if not any(e["pid"] == pid and e["cat"] == "rss_bytes" for e in found["C"]):
        raise AssertionError("no counter of resident memory")
    exits = [e for e in found["i"] if e["cat"] == "end" and e["pid"] == pid]
    equal([e["args"]["status"] for e in exits], [0], "exit")


def check_svg(session):
    """Well-formed; nothing in it can run or be fetched."""
    seen = collections.Counter()

    def start(name, attributes):
        seen[name] += 1
        bad = [key for key in attributes if key.startswith("on") or "href" in key]
        equal(bad, [], "attributes of " + name)

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = start
    parser.Parse(session.text("svg"), True)
    equal(set(seen) - {"svg", "title", "style", "rect", "path", "text", "g", "circle"}, set(),
          "elements")
    if seen["g"] == 0 or seen["path"] < 5:
        raise AssertionError(f"an empty picture: {seen}")


def check_text(session):
    """80 columns of plain text with what the JSON says."""
    text = session.text("text")
    for line in text.splitlines():
        if len(line) > 80 or not all(0x20 <= ord(c) < 0x7F for c in line):
            raise AssertionError(f"line {line!r}")
    for heading in ("TOTALS", "THREADS", "CALL SITES", "LEAKS", "INSIGHTS", "WHAT IS MISSING"):
        if f"\n{heading}" not in text:
            raise AssertionError(f"no {heading} in {text}")
    if "exited with status 0" not in text:
        raise AssertionError(text)


def check_all(session):
    equal((status(session.result), session.result.stderr), (0, b""), "exit status and stderr")
    profile = check_pprof(session)
    for name in ("alloc_space", "inuse_objects"):
        check_pprof_tool(session, name)
    check_folded(session, lambda site: site["at_peak_bytes"])
    check_speedscope(session)
    check_perfetto(session)
    check_svg(session)
    check_text(session)
    return profile


def test_python():
    """python3 with threads: pprof, speedscope, folded, Perfetto, SVG and text agree with JSON"""
    session = Session(["/usr/bin/python3", "-c", PYTHON], env=dict(BARE, PYTHONMALLOC="malloc"))
    check_all(session)
    raw = pprof_tool(session, "-raw")
    if "PeriodType: space bytes" not in raw or "thread:[" not in raw:
        raise AssertionError(raw[:500])
    traces = pprof_tool(session, "-traces", "-sample_index=alloc_objects")
    if traces.count("----+----") < 100:
        raise AssertionError(traces[:500])


def test_sqlite():
    """sqlite3: the same; folded stacks by another weight"""
    need("sqlite3")
    session = Session(["sqlite3", ":memory:", SQL], "--weight", "total")
    check_pprof(session)
    check_pprof_tool(session, "alloc_objects")
    check_folded(session, FIGURES["alloc_space"])
    check_svg(session)
    equal(json.loads(session.text("speedscope"))["profiles"][0]["name"].split(":")[0], "total",
          "first profile")


def test_compiler():
    """cc1plus: names of C++ and inlined frames are the same everywhere"""
    compiler = run(["g++", "-print-prog-name=cc1plus"]).stdout.decode().strip()
    source = "#include <utility>\\nstd::pair<int, long> f() { return {1, 2}; }\\n"
    path = tempfile.mktemp(prefix="memscope-tools-", suffix=".cc")
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(source.replace("\\n", "\n"))
        session = Session([compiler, "-quiet", path, "-o", "/dev/null"])
    finally:
        os.unlink(path)
    check_pprof(session)
    check_folded(session, lambda site: site["at_peak_bytes"])


BURN = """
import json, time
def outer(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        json.dumps([list(range(200))] * 20)
outer(1.5)
"""


def near(found, wanted, what):
    """JSON has microseconds, the others nanoseconds: by stack within that."""
    equal(set(found), set(wanted), "stacks of " + what)
    for stack, amount in wanted.items():
        if abs(found[stack] - amount) > 100000:
            raise AssertionError(f"{what}: {found[stack]} ns, expected {amount}, at {stack}")


def test_cpu_time():
    """CPU time by call stack: pprof, speedscope and folded stacks have what JSON has, or none"""
    session = Session(["/usr/bin/python3", "-c", BURN], "--cpu-samples=199", "--weight=cpu")
    profile = Profile(session.paths["pprof"])
    wanted = weights(session.document, FIGURES["cpu"])
    folded = folded_of(session.text("folded"))
    speedscope = json.loads(session.text("speedscope"))["profiles"]
    units = {name: unit for name, unit in profile.types}
    if not wanted:  # then it is told why
        sources = [source for source in session.document["sources"] if source["name"] == "cpu_samples"]
        if "cpu" in units or folded or not any(source["because"] for source in sources):
            raise AssertionError((units, sources))
        return
    equal((units["cpu"], speedscope[0]["unit"]), ("nanoseconds", "nanoseconds"), "units")
    at = [name for name, _ in profile.types].index("cpu")
    sums = collections.Counter()
    for stack, values, labels in profile.samples:
        if values[at]:
            sums[tuple(function for function, _, _ in reversed(stack))] += values[at]
            equal(values[:at], [0] * at, "other values of a sample of CPU time")
    near(sums, wanted, "pprof")
    near(folded, wanted, "folded stacks")
    equal(speedscope[0]["name"].split(":")[0], "cpu", "first profile")
    near({"all": speedscope[0]["endValue"]}, {"all": sum(wanted.values())}, "speedscope")
    threads = sum(thread["user_ms"] + thread["system_ms"] for thread in session.document["threads"])
    share = sum(wanted.values()) / 1e6 / threads
    if not 0.5 < share < 1.5:  # a sample of it, by another way
        raise AssertionError(f"{share} of what the kernel counted")
    kept = pprof_tool(session, "-raw")
    if "cpu/nanoseconds" not in kept:
        raise AssertionError(kept[:300])


def test_sampled():
    """A sampled run says its rate in the profile, and its values are those of the JSON"""
    session = Session(["/usr/bin/python3", "-c", PYTHON], "--sample", "16K",
                      env=dict(BARE, PYTHONMALLOC="malloc"))
    profile = check_pprof(session)
    if not any("sampled 16K" in comment for comment in profile.comments):
        raise AssertionError(profile.comments)
    if "Period: 16384" not in pprof_tool(session, "-raw"):
        raise AssertionError("period")


PEAKS = r"""
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
__attribute__((noinline)) static void *row(size_t bytes) { return memset(malloc(bytes), 1, bytes); }
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static void *work(void *kept[])
{
    pthread_mutex_lock(&one);
    for (int i = 0; i < 300; i++) kept[i] = row(20000);
    for (int i = 0; i < 300; i++) free(kept[i]);
    pthread_mutex_unlock(&one);
    return NULL;
}
static void *begin(void *argument) { void *kept[300]; (void)argument; return work(kept); }
int main(void)
{
    pthread_t threads[10];
    for (int i = 0; i < 10; i++) pthread_create(&threads[i], NULL, begin, NULL);
    for (int i = 0; i < 10; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 300; i++) row(20000);
    return 0;
}
"""


def test_estimates_beside_exact_figures():
    """peaks of ten threads, one after the other, of a sample: no more than the process had is told"""
    with tempfile.TemporaryDirectory() as folder:
        program, recording = os.path.join(folder, "program"), os.path.join(folder, "r")
        subprocess.run(["gcc", "-g", "-O1", "-pthread", "-x", "c", "-o", program, "-"],
                       input=PEAKS.encode(), check=True)
        done = run([MEMSCOPE, "record", "--sample=200K", "-o", recording, "--", program], env=BARE)
        document = json.loads(run([MEMSCOPE, "export", recording, "--json", "-"]).stdout)
        site = max(document["sites"], key=lambda site: site["peak_bytes"])
        totals = document["totals"]
        most = totals["peak_bytes"] + totals["peak_error_bytes"]
        assert site["peak_bytes"] > 2 * most, "the test does not test: one thread at a time"
        equal(site["peak_at_most_bytes"], most, "the most that it can have been")
        for said in (done.stderr.decode(), run([MEMSCOPE, "report", recording]).stdout.decode()):
            told = [line for line in said.splitlines() if "top sites" in line or "1. peak" in line]
            assert len(told) == 1 and "at most " in told[0], told
        # What is live is what 300 of the blocks come to, about: the error says how far about.
        not_freed = document["leaks"]["not_freed"]["totals"]
        equal(not_freed["exact_bytes"], totals["current_bytes"], "exact")
        live = [site for site in document["sites"] if site["current_bytes"] > 0]
        error = 1.96 * math.sqrt(sum(site["current_bytes"]**2 / site["sampled"]["live_samples"]
                                     for site in live))
        assert abs(not_freed["relative_error"] * not_freed["bytes"] - error) < 0.01 * error, not_freed
        assert "+-" in re.search(r"not freed at exit ~.*", done.stderr.decode())[0], done.stderr


def test_only_some_threads():
    """--only leaves the work of other threads out of call stacks"""
    session = Session(["/usr/bin/python3", "-c", PYTHON], "--only", "io_operations<0",
                      env=dict(BARE, PYTHONMALLOC="malloc"))
    equal(session.text("folded"), "", "folded stacks of no thread")
    equal(Profile(session.paths["pprof"]).samples, [], "samples of no thread")
    check_svg(session)
    for name, words in (("svg", "of those with io_operations&#60;0"),
                        ("svg", "of all threads, also of those that are left out above"),
                        ("text", "only those with io_operations<0")):
        if words not in session.text(name):
            raise AssertionError(f"{name} does not say: {words}")


def rules(*texts, command=("/usr/bin/true",), options=()):
    wanted = [word for text in texts for word in ("--fail-on", text)]
    result = run([MEMSCOPE, "-q", *options, *wanted, "--", *command])
    return status(result), result.stderr.decode()


def test_rules():
    """--fail-on: what holds fails with status 3, what cannot be known too, what does not passes"""
    python = ("/usr/bin/python3", "-c", "x = bytearray(5000000)")
    equal(rules("peak_bytes>100M", "processes!=1", command=python), (0, ""), "rules that pass")
    found = rules("peak_bytes>5M", "peak_bytes>100M", command=python)
    equal(found[0], 3, "status")
    match = re.fullmatch(r"memscope-top: --fail-on peak_bytes>5M: is [\d.]+MB \((\d+)\)\n", found[1])
    if not match or int(match[1]) <= 5000000:
        raise AssertionError(found)
    equal(rules("likely_leaks>0", command=python),
          (0, "memscope-top: --fail-on likely_leaks>0: is 0, it did not run long enough for a "
              "likely leak; passed\n"), "rule that passes with a note")
    equal(rules("not_freed_bytes>1T", command=("/usr/bin/sh", "-c", "exit 7")), (7, ""),
          "the program's own status")
    equal(rules("threads>0", command=("/usr/bin/sh", "-c", "exit 7"))[0], 3, "rule over status")
    unknown = rules("peak_bytes>1T", command=python, options=("--off",))
    equal(unknown, (3, "memscope-top: --fail-on peak_bytes>1T: cannot be checked: nothing was "
                       "tracked\n"), "what cannot be checked")
    wrong = rules("peak_byte>1M")
    equal(wrong, (2, "memscope-top: --fail-on: 'peak_byte' is no metric; the nearest metric of a "
                     "session is peak_bytes\n"), "a name that there is not")


if __name__ == "__main__":
    main(globals())
