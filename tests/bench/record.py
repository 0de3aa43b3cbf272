#!/usr/bin/python3
"""What recordings cost: bytes, time to write and read them, and what recording costs the viewer.

   record.py [--rounds=5] [--only=moments,viewer,large] [--megabytes=1000] [--seconds=10]

Tables in Markdown. Seconds are CPU time (user and system), which other programs on the machine change
little; where the clock counts, both stand there. Figures: median (lowest-highest).
"""

import argparse
import json
import os
import pty
import select
import shutil
import subprocess
import tempfile
import time

from places import BUILD, E2E, MEMSCOPE
from table import figures, one_table

COST = os.path.join(BUILD, "tests/bench/record_cost")
SCALE = os.path.join(E2E, "scale")
CODE = """
#include <map>
#include <ranges>
#include <regex>
#include <string>
#include <variant>
int main() { std::map<std::string, std::regex> all; all["a"] = std::regex("b*"); return (int)all.size(); }
"""
THREADS = """
import json, threading, time
end = time.monotonic() + 10
def work():
    while time.monotonic() < end:
        json.loads(json.dumps({str(i): [i] * 20 for i in range(100)}))
        time.sleep(0.01)
rounds = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in rounds]
while time.monotonic() < end:
    short = threading.Thread(target=lambda: json.dumps(list(range(1000))))
    short.start()
    short.join()
[thread.join() for thread in rounds]
"""


def compiler(folder):
    source = os.path.join(folder, "source.ii")
    subprocess.run(["g++", "-std=c++20", "-E", "-P", "-x", "c++", "-", "-o", source],
                   input=CODE.encode(), check=True)
    path = subprocess.run(["g++", "-print-prog-name=cc1plus"], stdout=subprocess.PIPE, check=True)
    return [path.stdout.decode().strip(), "-quiet", "-std=c++20", "-O1", "-fpreprocessed", source,
            "-o", "/dev/null"]


class Scale:
    """200 threads with 50 call sites each, watched by memscope-top with these options."""

    def __init__(self, mode, *options):
        self.viewer = subprocess.Popen([MEMSCOPE, *options, "--", SCALE, mode, "200", "50"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.viewer.stdout.readline()

    def end(self):
        self.viewer.communicate(b"\n")
        if self.viewer.returncode != 0:
            raise SystemExit(f"record.py: {' '.join(self.viewer.args)}: {self.viewer.returncode}")


def record(path, command, seconds):
    if command is None:
        session = Scale("active", "record", "-q", "--force", "-o", path)
        time.sleep(seconds)
        session.end()
    else:
        subprocess.run([MEMSCOPE, "record", "-q", "--force", "-o", path, "--", *command],
                       check=True, stdin=subprocess.DEVNULL)


def told(*arguments):
    return json.loads(subprocess.run([COST, *arguments], stdout=subprocess.PIPE, check=True).stdout)


def squeezed(path):
    """Bytes of a file behind zstd, as a hint of what JSON has in it."""
    result = subprocess.run(f"zstd -3 -c '{path}' | wc -c", shell=True, stdout=subprocess.PIPE, check=True)
    return int(result.stdout)


def moment_row(name, measured, folder):
    runs = measured["rounds"]
    speeds = [run["json_bytes"] / run["json_nowhere_s"] / 1e6 for run in runs]
    times = [run["plain_s"] / run["moment_s"] for run in runs]
    same_times = [(run["plain_s"] + run["left_out_s"]) / run["moment_s"] for run in runs]
    plain, moment = runs[0]["plain_bytes"], runs[0]["moment_bytes"]
    same = plain + runs[0]["left_out_bytes"]
    zstd = squeezed(os.path.join(folder, "moment.json"))
    return [f"{name}: {measured['threads']:,} threads, {measured['sites']:,} sites, "
            f"{measured['usages']:,} contexts",
            f"{plain / 1e6:,.2f} MB", figures(speeds, 0), f"{zstd / 1e6:,.2f} MB",
            f"{same / 1e6:,.2f} MB", f"{moment / 1e6:,.3f} MB",
            f"1/{plain / moment:,.1f}, 1/{same / moment:,.1f}",
            figures([1000 * run["moment_s"] for run in runs], 1), figures(times, 1), figures(same_times, 1),
            f"{measured['recording_bytes'] / 1e6:,.2f} MB of {measured['seconds']:.0f} s, "
            f"{measured['recording_bytes'] / measured['seconds'] / 1e3:,.1f} kB/s"]


def ticks_row(name, measured):
    count = measured["ticks"]
    return [name, f"{measured['lines_bytes'] / count / 1e3:,.1f} kB", f"{measured['lines_s'] / count * 1e6:,.0f} us",
            f"{measured['record_bytes'] / count / 1e3:,.2f} kB", f"{measured['record_s'] / count * 1e6:,.0f} us",
            f"1/{measured['lines_bytes'] / measured['record_bytes']:,.1f}",
            f"{measured['lines_s'] / measured['record_s']:,.1f}"]


def moments(options, folder):
    rows, of_ticks = [], []
    sessions = (("cc1plus", compiler(folder)), ("python3", ["/usr/bin/python3", "-c", THREADS]),
                ("200 busy threads", None))
    for name, command in sessions:
        path = os.path.join(folder, "session.memscope")
        record(path, command, options.seconds)
        rows.append(moment_row(name, told("moment", path, folder, str(options.rounds)), folder))
        of_ticks.append(ticks_row(name, told("ticks", path, folder)))
    print(one_table(["session", "JSON report", "MB/s of CPU time", "JSON, zstd -3", "JSON of the same content",
                     "the moment recorded", "of the report, of the same content", "ms of CPU time",
                     "times as fast as the report", "as JSON of the same content", "the whole recording"], rows))
    print()
    print(one_table(["every tick", "JSON Lines", "CPU time", "recorded, states and histories too", "CPU time",
                     "of JSON Lines", "times as fast"], of_ticks), flush=True)


def cpu_ns(pid):
    used = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            used += int(file.read().split()[0])
    return used


def share(mode, seconds, *options):
    """Percent of a core."""
    session = Scale(mode, *options)
    time.sleep(3)
    before, began = cpu_ns(session.viewer.pid), time.monotonic()
    time.sleep(seconds)
    used, elapsed = cpu_ns(session.viewer.pid) - before, time.monotonic() - began
    session.end()
    return used / elapsed / 1e7


def viewer(options, folder):
    """The same viewer, one of each pair without a recorder: it has none when nothing is looked back at."""
    rows = []
    path = os.path.join(folder, "viewer.memscope")
    for mode in ("active", "idle"):
        pairs = []
        for _ in range(options.rounds):
            pairs.append((share(mode, options.seconds, "-q"),
                          share(mode, options.seconds, "record", "-q", "--force", "-o", path)))
        rows.append([mode, figures([pair[0] for pair in pairs], 2), figures([pair[1] for pair in pairs], 2),
                     figures([pair[1] - pair[0] for pair in pairs], 2)])
    print(one_table(["200 threads, 10,000 contexts", "viewer alone, % of a core", "recording",
                     "difference in a pair"], rows), flush=True)


def first_screen(path):
    """Until a thread stands on it: seconds by the clock, of CPU, and the most memory so far."""
    began = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", LINES="40", COLUMNS="120")
        os.execv(MEMSCOPE, [MEMSCOPE, "view", path])
    seen = b""
    while b"worker-" not in seen:
        if not select.select([terminal], [], [], 120)[0]:
            raise SystemExit("record.py: view shows nothing")
        seen += os.read(terminal, 65536)
    elapsed, used = time.monotonic() - began, cpu_ns(pid) / 1e9
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        most = next(int(line.split()[1]) / 1e3 for line in file if line.startswith("VmHWM"))
    os.write(terminal, b"q")
    while True:
        try:
            if not os.read(terminal, 65536):
                break
        except OSError:
            break
    os.waitpid(pid, 0)
    return elapsed, used, most


def large(options, folder):
    path = options.large or os.path.join(folder, "large.memscope")
    if not options.large:
        made = told("make", path, str(options.megabytes))
        print(f"made: {made['bytes'] / 1e6:,.0f} MB, {made['ticks']:,} ticks = {made['ticks'] / 36000:.1f} h at "
              f"10 Hz, {made['record_s'] / made['ticks'] * 1e6:.0f} us of CPU time to record a tick, "
              f"{made['dropped']} blocks dropped\n")
    reads = [told("open", path) for _ in range(options.rounds)]
    screens = [first_screen(path) for _ in range(options.rounds)]

    def both(wall, cpu, digits):
        return [figures(wall, digits), figures(cpu, digits)]

    rows = [["first screen of `view`, s", *both([s[0] for s in screens], [s[1] for s in screens], 2)]]
    for what, name in (("open", "opening it, s"), ("end", "going to its end, s"),
                       ("middle", "then to its middle, s")):
        rows.append([name, *both([r[what + "_wall_s"] for r in reads], [r[what + "_s"] for r in reads], 3)])
    rows.append(["`verify`, MB/s", *both([r["bytes"] / r["verify_wall_s"] / 1e6 for r in reads],
                                         [r["bytes"] / r["verify_s"] / 1e6 for r in reads], 0)])
    rows.append(["most memory of `view` until then, MB", figures([s[2] for s in screens], 0), "-"])
    print(one_table([f"{reads[0]['bytes'] / 1e6:,.0f} MB, {reads[0]['ticks']:,} ticks", "by the clock",
                     "CPU time"], rows), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--large", help="a recording to open, instead of making one")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="memscope-bench-record-", dir=os.environ.get("TMPDIR", "/tmp"))
    try:
        for part in (moments, viewer, large):
            if not options.only or part.__name__ in options.only.split(","):
                part(options, folder)
                print(flush=True)
    finally:
        shutil.rmtree(folder)


main()
