"""Every figure in files for other tools, beside the JSON of the same recording."""

import array
import base64
import collections
import csv
import gzip
import io
import itertools
import json
import math
import os
import re
import subprocess
import tempfile
import xml.etree.ElementTree

import trace_events
from pprof_data import Profile
from watched import BARE, MEMSCOPE, equal, load, main, need, run, status

# Two processes; threads of unequal peaks, one with a hostile name; a peak that is over at the end.
PROGRAM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static void *volatile kept[4000];
static inline __attribute__((always_inline)) void *inner(size_t bytes)
{
    return memset(malloc(bytes), 1, bytes);
}
__attribute__((noinline)) static void *block(size_t bytes)
{
    void *made = inner(bytes);
    __asm__ volatile("");
    return made;
}
void *plain(size_t bytes);
static void *work(void *argument)
{
    static const char *const names[] = {"first", "second", "third\033[2J"};
    const long n = (long)argument;
    static char read_bytes[4096];
    const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    pthread_setname_np(pthread_self(), names[n]);
    for (long i = 0; i < 100; i++) {
        void *freed = block(200);
        free(plain(30));
        if (read(zero, read_bytes, 100 * (size_t)(n + 1)) < 0) {
            abort();
        }
        kept[n * 100 + i] = block(1000 * (size_t)(n + 1));
        if (i % 4 != 0) {
            free(freed);
        }
        usleep(4000);
    }
    close(zero);
    return NULL;
}
__attribute__((noinline)) static void burn(void)
{
    const clock_t end = clock() + CLOCKS_PER_SEC / 4;
    while (clock() < end) {
    }
}
int main(void)
{
    pthread_t threads[3];
    if (fork() == 0) {
        kept[0] = block(70000);
        usleep(250000);
        _exit(0);
    }
    void *large = block(3000000);
    usleep(300000);
    free(large);
    for (long n = 0; n < 3; n++) {
        pthread_create(&threads[n], NULL, work, (void *)n);
    }
    for (int n = 0; n < 3; n++) {
        pthread_join(threads[n], NULL);
    }
    free(kept[5]); /* of the first thread */
    burn();
    kept[3000] = block(50000);
    return wait(NULL) < 0;
}
"""
# Of a library without debug information names are known, lines not.
PLAIN = "#include <stdlib.h>\nvoid *plain(size_t bytes) { void *volatile made = malloc(bytes); return made; }"
FORMATS = ("json", "html", "pprof", "folded", "speedscope", "perfetto", "svg", "text")
UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
# Columns of call sites in HTML, as JSON has them.
COLUMNS = ("current_bytes", "at_peak_bytes", "bytes_allocated", "allocations", "temporary", "waste_bytes")
WORK = ("cpu_ms", "io_calls", "io_bytes", "io_wait_ms")
FIGURES = {"total": "bytes_allocated", "live": "current_bytes", "count": "allocations",
           "peak": "at_peak_bytes"}


class Recorded:
    folder = None

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def make(cls):
        need("gcc")
        cls.folder = tempfile.TemporaryDirectory(prefix="memscope-figures-")
        for source, options in ((PLAIN, ["-shared", "-fPIC", "-o", cls.path("libplain.so"), "-"]),
                                (PROGRAM, ["-g", "-pthread", "-o", cls.path("program"), "-", "-x", "none",
                                           cls.path("libplain.so")])):
            subprocess.run(["gcc", "-O2", "-x", "c", *options], input=source.encode(), check=True)
        done = run([MEMSCOPE, "record", "-q", "--trace", "--trace-full=wait", "--cpu-samples=199", "-o", cls.path("r"), "--", cls.path("program")], env=BARE)
        equal(status(done), 0, done.stderr.decode())


class Exported:
    """All formats of the one recording, written by one command."""

    def __init__(self, name, *options):
        if Recorded.folder is None:
            Recorded.make()
        self.paths = {format: Recorded.path(f"{name}.{format}") for format in FORMATS}
        wanted = [word for format in FORMATS for word in ("--" + format, self.paths[format])]
        equal(status(run([MEMSCOPE, "export", Recorded.path("r"), "--force", *wanted, *options])), 0, "export")
        self.document = load(self.paths["json"])
        self.threads = {thread["id"]: thread for thread in self.document["threads"]}
        self.processes = {process["id"]: process for process in self.document["processes"]}

    def text(self, format):
        with open(self.paths[format], encoding="utf-8") as file:
            return file.read()

    def json(self, format):
        return json.loads(self.text(format))


ALL = {}


def exported(*options):
    if options not in ALL:
        ALL[options] = Exported(str(len(ALL)), *options)
    return ALL[options]


def near(shown, value, what):
    """A figure as people read it: three digits and a unit, perhaps an exact percentage."""
    match = re.fullmatch(r"([\d.]+)([kMG]?)(?:B|ms|%| %)?", shown)
    if not match or abs(float(match[1]) * UNITS[match[2]] - value) > 0.006 * value + (0.51 if "ms" in shown else 0.051):
        raise AssertionError(f"{what}: {shown}, expected {value}")


def safe(name):
    return "".join(c if c.isprintable() else "?" for c in name)


def mine(frame):
    return frame["module"] == Recorded.path("program")


def nameless(frame):
    return f"{os.path.basename(frame['module'])}+0x{frame['offset']:x}"


def test_pprof_places():
    """pprof: function, file, line and address of each frame, inlined ones too; files and what is known of them"""
    session = exported()
    profile, document = Profile(session.paths["pprof"]), session.document
    wanted = set()
    for site in document["sites"]:
        inlined = []
        for frame in site["stack"]:
            name = frame["function"] or nameless(frame)
            inlined.append((name, frame["file"] or "", frame["line"] or 0) if mine(frame) else name)
            if not frame["inlined"] and frame["module"].startswith("/"):  # [vdso] is no file
                wanted.add((frame["module"], frame["offset"], tuple(inlined)))
            inlined = inlined if frame["inlined"] else []
    found = {(mapping[0], address, tuple(line if mapping[0] == Recorded.path("program") else line[0] for line in lines))
             for mapping, address, lines in profile.locations.values() if mapping}
    equal(found, wanted, "locations")
    assert any(len(lines) == 2 and lines[0][0] == "inner" and lines[1][0] == "block" and lines[0][2] != lines[1][2]
               for module, _, lines in found if module == Recorded.path("program")), found
    equal(next(iter(profile.mappings.values()))[0], Recorded.path("program"), "the first file")
    known = {"lines": (1, 1, 1, 1), "symbols": (1, 0, 0, 0)}
    assert (1, 0, 0, 0) in profile.known.values(), profile.known
    equal(profile.known, {module["path"]: known.get(module["names"], (0, 0, 0, 0)) for module in document["modules"]},
          "what is known of files")
    equal((profile.time_ns, profile.duration_ns),
          (document["session"]["start_unix_ns"], document["session"]["duration_ns"]), "time and duration")
    bad = [text for text in profile.strings if not text.isprintable()]
    equal(bad, [], "characters for terminals")


def test_pprof_threads():
    """pprof: what each thread did, by its labels"""
    session = exported()
    sums = collections.defaultdict(collections.Counter)
    for _, values, labels in Profile(session.paths["pprof"]).samples:
        key = (labels["pid"], labels["tid"], labels["thread"], labels["role"])
        sums[key].update(dict(enumerate(values[:4])))  # CPU time: see test_tools
    wanted = {}
    for thread in session.document["threads"]:
        key = (session.processes[thread["process_id"]]["pid"], thread["tid"], safe(thread["name"]), thread["role"])
        wanted[key] = {0: thread["allocations"], 1: thread["bytes_allocated"],
                       2: thread["allocations"] - thread["deallocations"], 3: thread["current_bytes"]}
    equal({key: dict(values) for key, values in sums.items()}, wanted, "threads")


def stacks_of(session, figure):
    """{("NAME PID", outermost function, ...): sum}"""
    sums = collections.Counter()
    for site in session.document["sites"]:
        process = session.processes[site["process_id"]]
        head = f"{os.path.basename(process['argv'][0])} {process['pid']}"
        if site[figure]:
            sums[(head, *(frame["function"] or nameless(frame) for frame in reversed(site["stack"])))] += site[figure]
    return sums


def test_stacks_by_weight():
    """folded stacks and speedscope by each weight: process first, sums, units, files, each thread"""
    for weight, figure in FIGURES.items():
        session = exported("--weight", weight)
        wanted = stacks_of(session, figure)
        folded = collections.Counter()
        for line in session.text("folded").splitlines():
            stack, amount = line.rsplit(" ", 1)
            folded[tuple(stack.split(";"))] += int(amount)
        equal(folded, wanted, "folded stacks by " + weight)
        document = session.json("speedscope")
        frames = document["shared"]["frames"]
        first = document["profiles"][0]
        found = collections.Counter()
        for stack, amount in zip(first["samples"], first["weights"]):
            found[tuple(frames[number]["name"] for number in stack)] += amount
        equal(found, wanted, "speedscope by " + weight)
        equal(first["unit"], "none" if weight == "count" else "bytes", "unit of " + weight)
        files = {frame["name"]: frame.get("file") for frame in frames}
        for site in session.document["sites"]:
            for frame in filter(mine, site["stack"]):
                if frame["function"] in ("inner", "block", "work", "main"):
                    equal(files[frame["function"]], frame["file"], "file of " + frame["function"])
        equal([sum(profile["weights"]) for profile in document["profiles"]],
              [profile["endValue"] for profile in document["profiles"]], "sums")
        threads = {name: profile["endValue"] for profile in document["profiles"]
                   if (name := profile["name"]).startswith(weight + " of ")}
        if weight != "peak":
            equal(threads, {f"{weight} of {thread['name']} ({thread['tid']})": thread[figure]
                            for thread in session.document["threads"] if thread[figure]}, "threads")
        else:
            equal(sum(threads.values()), first["endValue"], "threads")


def test_stacks_of_some_threads():
    """--only: pprof, folded stacks and speedscope have what those threads did, and nothing else"""
    every = exported().document["threads"]
    some = exported("--only", "peak_bytes>150k", "--weight", "total")
    wanted = {thread["tid"]: thread["bytes_allocated"] for thread in every if thread["peak_bytes"] > 150000}
    assert 0 < len(wanted) < len(every), wanted
    found = collections.Counter()
    for _, values, labels in Profile(some.paths["pprof"]).samples:
        found[labels["tid"]] += values[1]
    equal(found, wanted, "pprof")
    folded = sum(int(line.rsplit(" ", 1)[1]) for line in some.text("folded").splitlines())
    profiles = some.json("speedscope")["profiles"]
    equal((folded, profiles[0]["endValue"]), (sum(wanted.values()),) * 2, "folded stacks and speedscope")
    equal(len([profile for profile in profiles if profile["name"].startswith("total of ")]), len(wanted), "threads")


def test_perfetto_lives():
    """Perfetto: begin and length of each thread, its figures; peaks, exits; --only"""
    session = exported()
    events = session.json("perfetto")["traceEvents"]
    lives = {event["args"]["thread_id"]: event for event in events if event["ph"] == "X"}
    equal(set(lives), set(session.threads), "threads")
    for number, thread in session.threads.items():
        life = lives[number]
        for found, wanted in ((life["ts"], thread["start_ns"] / 1e3), (life["dur"], thread["run_time_ms"] * 1e3)):
            assert abs(found - wanted) <= 1, (life, thread["start_ns"], thread["run_time_ms"])
        equal([life["args"][key] for key in ("role", "alert", "peak_bytes", "allocations", "merged", "ended")],
              [thread[key] for key in ("role", "alert", "peak_bytes", "allocations", "merged", "ended")], "figures")
        equal((life["pid"], life["tid"]), (session.processes[thread["process_id"]]["pid"], thread["tid"]), "numbers")
    instants = {(event["cat"], event["pid"]): event for event in events if event["ph"] == "i"}
    for process in session.document["processes"]:
        peak = instants[("peak", process["pid"])]
        equal(({key: peak["args"][key] for key in ("bytes", "error_bytes")}, round(peak["ts"] * 1e3)),
              ({key: process["at_peak"][key] for key in ("bytes", "error_bytes")}, process["at_peak"]["t_ns"]), "peak")
        end = instants[("end", process["pid"])]
        equal(end["args"], {"status": process["exit_status"], "signal": None}, "exit")
        begun_us = (process["start_unix_ns"] - session.document["session"]["start_unix_ns"]) / 1e3
        assert abs(end["ts"] - begun_us - process["duration_ns"] / 1e3) < 1e6, (end, process["duration_ns"])
    some = exported("--only", "peak_bytes>150k")
    lives = {event["args"]["thread_id"] for event in some.json("perfetto")["traceEvents"] if event["ph"] == "X"}
    equal(lives, {number for number, thread in session.threads.items() if thread["peak_bytes"] > 150000}, "--only")
    assert 0 < len(lives) < len(session.threads), lives


def test_perfetto_counters():
    """Perfetto: every point of every counter of processes, threads and the machine, but what stays the same"""
    session = exported()
    events = session.json("perfetto")["traceEvents"]
    found = collections.defaultdict(dict)
    for event in events:
        if event["ph"] == "C":
            found[(event["pid"], event["name"], event["cat"])][round(event["ts"] * 1e3)] = next(iter(event["args"].values()))
    machine = next(event["pid"] for event in events if event["ph"] == "M" and event["args"]["name"] == "the machine")
    timeline, told = session.document["timeline"], 0
    for series in timeline["series"]:
        if "core" in series or "gpu" in series:
            continue
        thread = session.threads.get(series["thread_id"])
        pid = session.processes[series["process_id"]]["pid"] if series["process_id"] else machine
        tracks = [points for (of, name, cat), points in found.items() if of == pid and cat == series["metric"] and
                  name.startswith(f"{safe(thread['name'])} {thread['tid']} ") == (thread is not None)] if thread else \
                 [points for (of, name, cat), points in found.items() if of == pid and cat == series["metric"] and
                  not any(name.startswith(f"{safe(other['name'])} {other['tid']} ") for other in session.threads.values())]
        wanted = {at: value for at, value in zip(timeline["t_ns"], series["values"]) if value is not None}
        if not wanted:
            equal(tracks, [], "a counter of nothing")
            continue
        equal(len(tracks), 1, f"counters of {series['metric']}")
        points, last = tracks[0], None
        assert set(points) <= set(wanted), (series["metric"], points)
        for at, value in wanted.items():
            last = points.get(at, last)
            assert last is not None and abs(last - value) <= 0.001 + 1e-6 * abs(value), (series["metric"], at, last, value)
        if series["values"][-1] is not None:
            assert timeline["t_ns"][-1] in points, f"{series['metric']} does not go to the end"
        told += len(points)
    assert told > 50, told


def test_perfetto_trace():
    """Perfetto: every allocation and free of --trace at its thread and time, as the CSV table has them"""
    session = exported()
    found = collections.Counter()
    for event in session.json("perfetto")["traceEvents"]:
        if event.get("cat") == "trace":
            args = event["args"]
            found[(round(event["ts"] * 1e3), event["name"], event["pid"], event["tid"], event["s"], args["bytes"],
                   args["address"], args["site_id"])] += 1
    done = run([MEMSCOPE, "export", Recorded.path("r"), "--csv", "-", "--table", "trace"])
    wanted = collections.Counter()
    for row in csv.DictReader(io.StringIO(done.stdout.decode(), newline="")):
        pid, tid = session.processes[int(row["process_id"])]["pid"], session.threads[int(row["thread_id"])]["tid"]
        wanted[(int(row["t_ns"]), row["kind"], pid, tid, "t", int(row["bytes"]), int(row["address"]),
                int(row["site_id"]) if row["site_id"] else None)] += 1
    equal(found, wanted, "events")
    assert sum(found.values()) > 1000, found
    names = {event["args"]["allocated_at"] for event in session.json("perfetto")["traceEvents"] if event.get("cat") == "trace"}
    assert any("block" in (name or "") or "inner" in (name or "") for name in names), names


def test_perfetto_end_of_trace():
    """Perfetto: of a longer trace the first 100,000 events, and it says where they end"""
    exported()
    recording = Recorded.path("long")
    done = run([MEMSCOPE, "record", "-q", "--trace", "-o", recording, "--", "/usr/bin/python3", "-c",
                "kept = [str(i) * 40 for i in range(60000)]"], env=dict(BARE, PYTHONMALLOC="malloc"))
    equal(status(done), 0, done.stderr.decode())
    document = json.loads(run([MEMSCOPE, "export", recording, "--perfetto", "-"]).stdout)
    found = [event for event in trace_events.check(document)["i"] if event["cat"] == "trace"]
    equal([len(found), [event["s"] for event in found].count("g")], [100001, 1], "events")
    said = re.fullmatch(r"single events end here: the first 100000 of (\d+) of the trace", found[-1]["name"])
    assert int(said[1]) > 120000 and found[-1]["ts"] >= max(event["ts"] for event in found[:-1]) - 1e6, found[-1]


def test_parts_of_json():
    """JSON: parts that say the same in another way agree: flows, lifetimes, checks of stacks, times"""
    document = exported().document
    sites, processes = {site["id"]: site for site in document["sites"]}, exported().processes
    assert sum(flow["blocks"] for flow in document["flows"]) == 1, document["flows"]
    for totals in document["flow_totals"]:
        flows = [flow for flow in document["flows"] if flow["process_id"] == totals["process_id"]]
        for unit, freed in (("blocks", "deallocations"), ("bytes", "bytes_freed")):
            crossed = sum(flow[unit] for flow in flows if flow["from_thread"] is not None)
            others = sum(flow[unit] for flow in flows if flow["from_thread"] is None)
            own = processes[totals["process_id"]]["totals"][freed] - crossed - others
            equal([totals[name + "_" + unit] for name in ("own", "crossed", "owner_not_told_apart")],
                  [own, crossed, others], unit + " that were freed")
    names = ("allocations", "deallocations", "temporary", "bytes_allocated", "current_bytes")
    lifetime = document["lifetime"]
    equal([[row[name] for name in names] for row in lifetime["processes"]],
          [[processes[row["process_id"]]["totals"][name] for name in names] for row in lifetime["processes"]], "processes")
    for row in lifetime["sites"]:
        equal([row[name] for name in names], [sites[row["site_id"]][name] for name in names], "a call site")
    counts = [row["allocations"] for row in lifetime["sites"]]
    equal(counts, sorted((site["allocations"] for site in sites.values() if site["allocations"]), reverse=True), "order")
    for stacks in [document["stacks"], *(process["stacks"] for process in processes.values())]:
        for share, part in (("proven_share", "proven"), ("rechecked_share", "rechecked")):
            whole = stacks["walked"] + stacks["proven"] if part == "proven" else stacks["proven"]
            assert stacks[share] is None if whole == 0 else abs(stacks[share] - stacks[part] / whole) < 1e-6, stacks
    session = document["session"]
    for process in processes.values():
        threads = [thread for thread in document["threads"] if thread["process_id"] == process["id"]]
        equal(process["totals"]["deallocations"], sum(thread["deallocations"] for thread in threads), "frees")
        assert 0 < process["duration_ns"] <= session["duration_ns"], process["duration_ns"]
        longest = max(thread["run_time_ms"] for thread in threads)
        assert abs(process["duration_ns"] / 1e6 - longest) < 1000, (process["duration_ns"], longest)


SVG = "{http://www.w3.org/2000/svg}"


def boxes_of(picture):
    """(name, figure, share, x, y, width) of each frame of the flame graph."""
    for group in picture.iter(SVG + "g"):
        name, figure, share = group.find(SVG + "title").text.rsplit(", ", 2)
        box = group.find(SVG + "rect").attrib
        yield name, figure, float(share[:-2]), float(box["x"]), float(box["y"]), float(box["width"])


def check_flames(session, figure):
    """Widths are shares, callers stand above what they call, siblings beside each other."""
    picture = xml.etree.ElementTree.fromstring(session.text("svg"))
    total = sum(site[figure] for site in session.document["sites"])
    rows = collections.defaultdict(list)
    for name, shown, share, x, y, width in boxes_of(picture):
        assert abs((width + 0.5) / 952 * 100 - share) < 0.11, (name, width, share)
        if share > 10:  # else its rounding is more than that of the figure
            near(shown, total * share / 100, name)
        rows[y].append((x, x + width, name))
    above = None
    for y in sorted(rows):
        boxes = sorted(rows[y])
        for one, other in itertools.pairwise(boxes):
            assert one[1] <= other[0] + 0.2, (one, other)
        for begin, end, name in boxes if above else ():
            assert any(a <= begin + 0.2 and end <= b + 0.7 for a, b, _ in above), (name, begin, end, above)
        above = boxes
    wanted = collections.Counter()
    for site in session.document["sites"]:
        for name in {frame["function"] for frame in site["stack"] if mine(frame)}:
            wanted[name] += site[figure]
    found = collections.Counter()
    for name, _, share, *_ in boxes_of(picture):
        found[name] += share
    for name in ("block", "work", "main"):
        assert abs(found[name] - 100 * wanted[name] / total) < 0.6, (name, found[name], wanted[name], total)


def check_bars(session):
    """The list of threads: by peak, each with its bar and its role."""
    picture = xml.etree.ElementTree.fromstring(session.text("svg"))
    bars = [rect for rect in picture.iter(SVG + "rect") if rect.get("x") == "234.0" and rect.get("height") == "14.0"]
    texts = [(float(text.get("x")), float(text.get("y")), text.text) for text in picture.iter(SVG + "text")]
    top = sorted(session.document["threads"], key=lambda thread: -thread["peak_bytes"])[:10]
    equal(len(bars), len(top), "bars")
    for bar, thread in zip(bars, top):
        line = [text for x, y, text in sorted(texts) if abs(y - float(bar.get("y")) - 11) < 0.5]
        equal(line[0], safe(thread["name"]), "name")
        shown, role = line[1].split(", ")
        near(shown, thread["peak_bytes"], "peak")
        assert thread["role"].startswith(role[:3]), (role, thread["role"])
        wanted = thread["peak_bytes"] / top[0]["peak_bytes"] * 560
        assert abs(float(bar.get("width")) - wanted) < 0.06, (bar.attrib, wanted)


def line_of(picture, look):
    """Points of a line over time, as (x, y)."""
    path = next(path.get("d") for path in picture.iter(SVG + "path") if path.get("class") == look and "h22" not in path.get("d"))
    return [tuple(map(float, point)) for point in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def summed(timeline, metric):
    rows = [series["values"] for series in timeline["series"]
            if series["metric"] == metric and series["process_id"] and not series["thread_id"]]
    return [sum(value or 0 for value in column) if any(value is not None for value in column) else None
            for column in zip(*rows)]


def check_chart(session):
    """The lines are the sums over processes, by the scale that is written beside them."""
    picture = xml.etree.ElementTree.fromstring(session.text("svg"))
    scale = {float(text.get("y")) - 4: text.text for text in picture.iter(SVG + "text")
             if text.get("class") == "end" and text.get("x") == "82.0"}
    timeline = session.document["timeline"]
    for look, metric, unit in (("live", "current_bytes", "B"), ("rss", "rss_bytes", "B"), ("cpu", "cpu_percent", " %")):
        axis = sorted((y, float(text[:-len(unit)].rstrip("kMG")) * UNITS[text[:-len(unit)].lstrip("0123456789.")])
                      for y, text in scale.items() if text.endswith(unit))
        (top, highest), (bottom, _) = axis[0], axis[-1]
        wanted = [value for value in summed(timeline, metric) if value is not None]
        found = [(bottom - y) / (bottom - top) * highest for _, y in line_of(picture, look)]
        # What ended processes had last is in the sums of the picture for as long as a history is read.
        equal(len(found), len(wanted), f"points of {metric}")
        for one, other in zip(found, wanted):
            assert abs(one - other) <= highest / (bottom - top), (metric, found, wanted)


def test_svg():
    """SVG: flame graph by each weight, threads, lines over time, head; --only"""
    for weight, figure in FIGURES.items():
        check_flames(exported("--weight", weight), figure)
    session = exported()
    check_bars(session)
    check_bars(exported("--only", "peak_bytes>150k"))
    check_chart(session)
    head = re.search(r"sum of the peaks of 2 processes ([\d.]+[kMG]?B), (\d+) threads, ([\d.]+k?) blocks", session.text("svg"))
    totals = session.document["totals"]
    near(head[1], totals["peak_bytes"], "peak")
    near(head[3], totals["allocations"], "blocks")
    equal(int(head[2]), len(session.threads), "threads")


def test_text():
    """the page of text: totals, threads, call sites and what was not freed"""
    session = exported()
    text, totals = session.text("text"), session.document["totals"]
    for label, value in (("Peak", totals["peak_bytes"]), ("Live", totals["current_bytes"]),
                         ("Allocated", totals["bytes_allocated"]), ("Blocks", totals["allocations"]),
                         ("Temporary", 100 * totals["temporary"] / totals["allocations"]),
                         ("Processes", len(session.processes)), ("Threads", len(session.threads)),
                         ("CPU time", sum((p["user_ns"] or 0) + (p["system_ns"] or 0) for p in session.processes.values()) / 1e6),
                         ("not freed", session.document["leaks"]["not_freed"]["totals"]["bytes"])):
        near(re.search(rf"^  {label} +(\S+)", text, re.M)[1], value, label)
    assert "the sum of 2 processes, each at its own time" in text, text
    program = session.document["processes"][0]["at_peak"]
    seconds, peak, within = re.search(r"^  of program +at 00:00:(\d\d) of the session: (\S+), within (\S+)$", text, re.M).groups()
    equal(int(seconds), program["t_ns"] // 10**9, "time of the peak")
    near(peak, program["bytes"], "peak of the program")
    near(within, program["error_bytes"], "its error")
    rows = re.findall(r"^  (\S.{15}) +(\d+) (\w+) +(\w+) +(\S+) +(\S+) +(\S+) +(\S+)$", text.split("THREADS with")[1].split("CALL SITES")[0], re.M)
    equal([int(row[1]) for row in rows], [thread["tid"] for thread in sorted(session.threads.values(), key=lambda t: -t["peak_bytes"])], "threads")
    by_tid = {thread["tid"]: thread for thread in session.threads.values()}
    for name, tid, role, alert, *figures in rows:
        thread = by_tid[int(tid)]
        equal((name.strip(), alert), (safe(thread["name"]), thread["alert"]), "thread")
        for shown, key in zip(figures, ("peak_bytes", "current_bytes", "allocations", "user_ms")):
            if thread[key] is None:
                equal(shown, "n/a", key)
            else:
                near(shown, thread[key], f"{key} of {name}")
    top = sorted((site for site in session.document["sites"]), key=lambda site: -site["peak_bytes"])[:5]
    for site, shown in zip(top, re.findall(r"^  \d\. peak (at most )?(\S+); live (\S+); (\S+) blocks?$", text, re.M), strict=True):
        equal(shown[0] != "", len(site["thread_ids"]) > 1, "a sum of the peaks of threads is an upper bound")
        for figure, key in zip(shown[1:], ("peak_at_most_bytes", "current_bytes", "allocations")):
            near(figure, site[key], key)
    some = exported("--only", "peak_bytes>150k")
    listed = some.text("text").split("THREADS with")[1].split("CALL SITES")[0]
    equal(len(re.findall(r"^  \S.* (?:normal|medium|high) ", listed, re.M)), len(some.document["threads"]), "--only")
    peaks = collections.Counter()
    for row in csv.DictReader(io.StringIO(run([MEMSCOPE, "export", Recorded.path("r"), "--csv", "-", "--table", "sites", "--only", "peak_bytes>150k"]).stdout.decode(), newline="")):
        peaks[int(row["id"])] = int(row["peak_bytes"])
    assert 0 < len(peaks) < len(session.document["sites"]), peaks
    shown = re.findall(r"^  \d\. peak (?:at most )?(\S+); live", some.text("text"), re.M)
    for figure, (_, peak) in zip(shown, peaks.most_common(5), strict=True):
        near(figure, min(peak, session.document["totals"]["peak_bytes"]), "peak of a call site by those threads")
    equal(some.document["filters"]["threads_left_out"], len(session.threads) - len(some.document["threads"]), "left out")


class Page:
    """The blocks of an HTML report."""

    def __init__(self, text):
        blocks = dict(re.findall(r'<script type="[^"]*" id="([a-z-]+)">([^<]*)</script>', text))
        self.raw = {name: gzip.decompress(base64.b64decode(block)) for name, block in blocks.items()}
        self.texts, self.page, self.threads = map(self.json, ("texts", "page", "threads"))

    def json(self, name):
        return json.loads(self.raw[name])

    def numbers(self, name, kind, columns):
        values = array.array(kind, self.raw[name]).tolist()
        return [values[at:at + columns] for at in range(0, len(values), columns)]

    def frames(self):
        """(function, file, line, module, inlined, offset) of each; the first has number 1."""
        return [None] + [(self.texts[function], self.texts[file], line, self.texts[module], bool(inlined), low + (high << 32))
                         for function, file, line, module, _, inlined, low, high in self.numbers("frames", "I", 8)]

    def stacks(self):
        """Of each site its frames from the outermost in."""
        frames, words, stack = self.frames(), [word for word, in self.numbers("stacks", "I", 1)], []
        while words:
            shared, more = words[:2]
            stack = stack[:shared] + [frames[number] for number in words[2:2 + more]]
            words = words[2 + more:]
            yield stack


def test_html_sites():
    """HTML: every frame and every figure of every call site, and what each thread did there"""
    session = exported()
    page, sites = Page(session.text("html")), {site["id"]: site for site in session.document["sites"]}
    ids = [row[0] for row in page.numbers("sites", "I", 5)]
    equal(sorted(ids), sorted(sites), "call sites")
    threads = collections.defaultdict(lambda: [0.0] * 10)
    at_sites = collections.defaultdict(lambda: [0.0] * 10)
    for at, thread, *figures in page.numbers("usages", "d", 15):
        for sums in (threads[int(thread)], at_sites[ids[int(at)]]):
            sums[:] = [one + other for one, other in zip(sums, figures)]
    for number, figures, stack in zip(ids, page.numbers("site-figures", "d", 13), page.stacks(), strict=True):
        site = sites[number]
        wanted = [site[name] for name in COLUMNS] + [site["work"][name] if site["work"] else 0 for name in WORK]
        for name, found, of_threads, value in zip(COLUMNS + WORK, figures, at_sites[number], wanted):
            exact = 0.00051 if name in ("cpu_ms", "io_wait_ms") else 0
            assert abs(found - value) <= exact, (number, name, found, value)
            assert abs(of_threads - found) <= 1e-6, (number, name, of_threads, found)
        equal([(f["function"] or "", f["file"] or "", f["line"] or 0, f["module"] or "", f["inlined"], f["offset"])
               for f in reversed(site["stack"])], stack, "stack")
    for number, thread in session.threads.items():
        equal(threads[number][:6], [thread[name] for name in COLUMNS], f"figures of {thread['name']}")
    assert any(figures[7] > 0 for figures in threads.values()), "no I/O"
    some = exported("--only", "peak_bytes>150k")
    chosen = {thread["id"] for thread in some.document["threads"]}
    page = Page(some.text("html"))
    equal({int(row[1]) for row in page.numbers("usages", "d", 15)}, chosen, "--only")
    for column, name in enumerate(COLUMNS):
        equal(sum(row[column] for row in page.numbers("site-figures", "d", 13)),
              sum(session.threads[number][name] for number in chosen), f"{name} of those threads")


def check_thread_figures(session):
    page = Page(session.text("html"))
    figures = [value for value, in page.numbers("thread-figures", "d", 1)]
    for column, metric in enumerate(page.page["metrics"]):
        for row, thread in enumerate(page.threads):
            thread = session.threads[thread["id"]]
            value = thread["judgements"]["efficiency_score"] if metric["name"] == "efficiency_score" else thread[metric["name"]]
            found = figures[column * len(page.threads) + row]
            equal(math.isnan(found), value is None, f"{metric['name']} of {thread['name']}")
            assert value is None or abs(found - value) <= 0.051, (metric["name"], found, value)


def test_html_series():
    """HTML: every point of every series, at its time; every figure of every thread; the words without script"""
    session = exported()
    page, document = Page(session.text("html")), session.document
    interval_ns = document["session"]["interval_ns"]
    equal(page.page["layer_ns"], [interval_ns, 10**9, 10**10], "layers")
    points, told = [value for value, in page.numbers("points", "f", 1)], 0
    timeline = {(series["metric"], series["thread_id"] or series["process_id"] or 0): series["values"]
                for series in document["timeline"]["series"] if "core" not in series and "gpu" not in series}
    begin = document["timeline"]["t_ns"][0] // interval_ns  # later than 0 where the first look was late
    at, seen = 0, set()
    for of, series, owner, layer, first, count, constant in page.numbers("series", "I", 7):
        values = points[at:at + 1] * count if constant else points[at:at + count]
        at += 1 if constant else count
        assert not (math.isnan(values[0]) or math.isnan(values[-1])), "unknown ends"
        if layer != 0 or series >= 100 or (of == 1 and owner == 0):  # cores; sums over processes
            continue
        key = (page.page["series"][of][series]["name"], owner)
        wanted = timeline[key]
        seen.add(key)
        known = [number for number, value in enumerate(wanted) if value is not None]
        equal((first, first + count - 1), (begin + known[0], begin + known[-1]), f"first and last point of {key}")
        for number, value in enumerate(values, first - begin):
            equal(math.isnan(value), wanted[number] is None, f"point {number} of {key}")
            if not math.isnan(value):
                assert abs(value - wanted[number]) <= 0.001 + 1e-6 * abs(value), (key, number, value)
                told += 1
    equal(at, len(points), "points")
    equal(seen, {key for key, values in timeline.items() if any(value is not None for value in values)}, "series")
    assert told > 50, told
    check_thread_figures(session)
    check_thread_figures(exported("--at", "0.5"))  # some live then
    live, peak, count = re.search(r"live at the end (\S+), peak of each process, in all, (\S+), (\S+) allocations", session.text("html")).groups()
    for shown, name in ((live, "current_bytes"), (peak, "peak_bytes"), (count, "allocations")):
        near(shown, document["totals"][name], name)


main(globals())
