"""A large program with full debug information: names while it runs, and what they cost.

Takes about 15 s with a program of 13 MB; with SOAK it has more than 100 MB and is watched for a minute.
"""

import os
import random
import re
import shutil
import tempfile
import time

import test_symbols as symbols_test
from terminal import Terminal
from test_symbols import FOLDER, Names, functions_of, tool
from watched import LIMIT_S, MEMSCOPE, SOAK, children_of, equal, main, need, wait_until

OBJECT = os.path.join(FOLDER, "inlined.o")
WORK = tempfile.mkdtemp(prefix="memscope-big-")
COPIES = 70 if SOAK else 6
SECONDS = 60 if SOAK else 6
FIRST_NAME_S = 1 if SOAK else 5  # of the worker's CPU time, as the machine does other tests beside
PICTURE_S = 0.25
NAMES = {"function": r"app::|__detail::|inlined\.cc:", "line": r"inlined\.cc:\d"}

# Says when its first own allocation was, then goes round through all copies, a new one each 20 ms.
MAIN = """
#include <stdio.h>
#include <time.h>
#include <unistd.h>
%s
static int (*const uses[])(int) = {%s};
int main(int argc, char **argv)
{
    if (argc < 2) return 0;
    while (access(argv[1], F_OK) != 0) usleep(1000);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    FILE *file = fopen(argv[2], "w");
    fprintf(file, "%%.6f\\n", (double)now.tv_sec + (double)now.tv_nsec / 1e9);
    fclose(file);
    int sum = 0;
    for (unsigned i = 0;; i++) {
        sum += uses[i %% (sizeof uses / sizeof uses[0])](20);
        usleep(20000);
    }
    return sum;
}
"""


def big_program(copies):
    """One object linked many times under different names: as much debug information as wanted."""
    need("objcopy", "g++")
    objects = []
    symbols = [line.split()[-1] for line in tool("nm", "--defined-only", OBJECT).splitlines()]
    symbols = sorted({symbol for symbol in symbols if symbol.startswith("_Z")})
    renames = os.path.join(WORK, "renames")
    for number in range(copies):
        name = os.path.join(WORK, f"copy{number}.o")
        with open(renames, "w", encoding="ascii") as file:
            file.write("".join(f"{symbol} {symbol}.part.{number}\n" for symbol in symbols))
        tool("objcopy", "--redefine-syms=" + renames, OBJECT, name)
        objects.append(name)
    declared = "\n".join(f'extern int use{n}(int) __asm__("_ZN3app3useEi.part.{n}");' for n in range(copies))
    source = os.path.join(WORK, "main.cc")
    with open(source, "w", encoding="ascii") as file:
        file.write(MAIN % (declared, ", ".join(f"use{n}" for n in range(copies))))
    path = os.path.join(WORK, "program")
    tool("g++", "-g", "-o", path, source, *objects)
    for name in objects:
        os.unlink(name)
    return path


def test_names():
    """first names at once, memory bounded"""
    path = big_program(COPIES)
    draw = random.Random(9)
    functions = functions_of(path)
    addresses = sorted({s + draw.randrange(n)
                        for s, n, _ in (draw.choice(functions) for _ in range(3000 if SOAK else 300))})
    names = Names(path, addresses=addresses)
    print(f"# {os.path.getsize(path) / 1e6:.0f} MB, {len(functions)} functions, {len(addresses)} addresses: "
          f"{names.figures}", flush=True)
    assert names.figures["first_ms"] < 60000, names.figures
    assert names.figures["private_kib"] < 600 << 10, names.figures
    equal(names.modules[path][0], "lines", "names")


class Process:
    """What the kernel tells of one of ours."""

    def __init__(self, pid):
        self.pid = pid
        self.most_kib = self.most_private_kib = self.cpu_s = self.waited_s = 0

    def look(self):
        try:
            with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
                told = dict(re.findall(r"^(\w+):\s+(\d+) kB", file.read(), re.M))
            with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
                words = file.read().rpartition(")")[2].split()
            if os.path.exists(f"/proc/{self.pid}/schedstat"):
                with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
                    self.waited_s = int(file.read().split()[1]) / 1e9
        except OSError:
            return
        self.most_kib = max(self.most_kib, int(told.get("VmHWM", 0)))
        self.most_private_kib = max(self.most_private_kib, int(told.get("RssAnon", 0)))
        self.cpu_s = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def __str__(self):
        return (f"{self.cpu_s:.2f} s cpu, {self.most_kib / 1024:.0f} MiB resident at most, "
                f"{self.most_private_kib / 1024:.0f} MiB of that private")


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def viewer_with(start):
    """The viewer and its worker, by the path that only its program has among its words."""
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        words = command_of(pid)
        if words and words[0] == MEMSCOPE.encode() and start.encode() in words:
            for child in children_of(pid):
                if name_of(child) == "memscope-symbol":
                    return pid, child
    return None


def watch(terminal, go, begun):
    """Lets the program begin; returns after how many ms the first names were there and how much CPU time
    of the worker's, the gaps between pictures and between our looks, processes, pictures."""
    pair = []
    wait_until(lambda: pair.append(viewer_with(go)) or pair[-1])
    processes = [Process(pid) for pid in pair[-1]]
    open(go, "w", encoding="ascii").close()
    begin = time.monotonic()
    first, cpu_s = {}, {}
    last_text, last_change, gaps, texts, looks = "", begin, [], [], [begin]
    while time.monotonic() < begin + SECONDS or (len(first) < len(NAMES) and time.monotonic() < begin + LIMIT_S):
        text = terminal.text()
        now = time.monotonic()
        looks.append(now)
        if text != last_text:
            gaps.append(now - last_change)
            last_text, last_change = text, now
            texts.append(text)
        for what, pattern in NAMES.items():
            if what not in first and re.search(pattern, text):
                with open(begun, encoding="ascii") as file:
                    first[what] = round((now - float(file.read())) * 1000)
                cpu_s[what] = processes[1].cpu_s
        for process in processes:
            process.look()
        time.sleep(0.02)
    return first, cpu_s, gaps, [then - before for before, then in zip(looks, looks[1:])], processes, texts


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def test_live_screen():
    """on the live screen: names within a second, pictures at their rate, memory bounded"""
    path = big_program(COPIES)
    go, begun = os.path.join(WORK, "go"), os.path.join(WORK, "begun")
    with Terminal([MEMSCOPE, "--symbol-cache=no", "--", path, go, begun], 120, 40) as terminal:
        terminal.see("program")
        terminal.keys("5", "t", "t")
        terminal.see("FLAT")
        first, cpu_s, gaps, looks, (viewer, worker), texts = watch(terminal, go, begun)
        terminal.keys("Q")
        terminal.see("the program is still running")
        terminal.keys("k")
        terminal.see("status=")
    gaps = gaps[1:]
    print(f"# {os.path.getsize(path) / 1e6:.0f} MB watched for {SECONDS} s: first names after {first} ms; "
          f"{len(gaps) / sum(gaps):.2f} pictures a second, median gap {median(gaps) * 1000:.0f} ms, longest "
          f"{max(gaps) * 1000:.0f} ms; viewer {viewer}; worker {worker}", flush=True)
    print("# " + texts[-1].splitlines()[0], flush=True)
    assert set(first) == set(NAMES) and cpu_s["function"] < FIRST_NAME_S, (first, cpu_s)
    # Later by what the viewer waited for a core, and by how seldom we could look.
    assert median(gaps) < PICTURE_S * 2 + viewer.waited_s / len(gaps) + 2 * median(looks), gaps
    assert viewer.most_private_kib < 100 << 10 and worker.most_private_kib < 600 << 10


if __name__ == "__main__":
    try:
        main(globals())
    finally:
        for folder in WORK, symbols_test.WORK:
            shutil.rmtree(folder, ignore_errors=True)
