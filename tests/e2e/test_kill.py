"""Killed at a random instant, the counters are those of the program's own ledger to one event.

The invariants are those of docs/architecture.md, "After kill -9". KILL_SEED repeats a run.
"""

import collections
import os
import random
import signal
import struct
import subprocess
import tempfile
import time

from watched import (BARE, BUILD, MEMSCOPE, SOAK, alive, end, equal, load, main, wait_for_ticks,
                     wait_until)

LEDGER = os.path.join(BUILD, "tests/e2e/ledger")
SEED = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
ROUNDS = max(SOAK, 20)
OTHER_ROUNDS = max(SOAK // 10, 2)
STEADY = 6
LARGEST = 270_000  # bytes of one event

HEAD = struct.Struct("4I")
ENTRY = struct.Struct("16sII12QII24Q")
SUMS = ("allocated_begun", "allocated_done", "freed_begun", "freed_done", "freed_others_begun",
        "freed_others_done")
Entry = collections.namedtuple("Entry", ("name", "pid", "image", "steady", "flow_begun",
                                         "flow_done") + SUMS)
print(f"# KILL_SEED={SEED}", flush=True)


def read_ledger(path):
    """(pid, ready), the entries of threads that said their name."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return (0, 0), []
    if len(data) < HEAD.size:
        return (0, 0), []
    pid, count, _, ready = HEAD.unpack_from(data)
    entries = []
    for index in range(min(count, (len(data) - HEAD.size) // ENTRY.size)):
        words = ENTRY.unpack_from(data, HEAD.size + index * ENTRY.size)
        name, named, owner_pid = words[0].rstrip(b"\0").decode(), words[1], words[2]
        if named:
            pairs = [words[i:i + 2] for i in range(3, 15, 2)]  # events, bytes
            flows = [words[i:i + 2] for i in range(17, 41, 2)]
            entries.append(Entry(name, owner_pid, words[15], words[16], flows[:STEADY],
                                 flows[STEADY:], *pairs))
    return (pid, ready), entries


class Checks:
    """Collects what is wrong with one document, so that a failure shows all of it."""

    def __init__(self):
        self.wrong = []

    def that(self, holds, what):
        if not holds:
            self.wrong.append(what)

    def between(self, least, figure, most, what):
        self.that(least <= figure <= most, f"{what}: {figure}, but {least} to {most} happened")


def check_thread(checks, entry, thread):
    """The thread's own figures lie between what was done and what was begun."""
    for what, events, size in (("allocated", "allocations", "bytes_allocated"),
                               ("freed", "deallocations", "bytes_freed"),
                               ("freed_others", "frees_for_others", "bytes_freed_for_others")):
        begun, done = getattr(entry, what + "_begun"), getattr(entry, what + "_done")
        checks.between(done[0], thread[events], begun[0], f"{entry.name} {events}")
        checks.between(done[1], thread[size], begun[1], f"{entry.name} {size}")
    checks.that(thread["deallocations"] <= thread["allocations"], f"{entry.name}: live blocks < 0")
    checks.that(thread["bytes_freed"] <= thread["bytes_allocated"], f"{entry.name}: live bytes < 0")
    live = thread["bytes_allocated"] - thread["bytes_freed"]
    checks.that(live <= thread["peak_bytes"] + LARGEST, f"{entry.name}: peak below current")


def check_flows(checks, document, steady, threads):
    """What a thread freed for others is the sum of its flows; flows between steady threads."""
    into = collections.Counter()
    pairs = {}
    for flow in document["flows"]:
        into[flow["to_thread"]] += flow["blocks"]
        pairs[flow["from_thread"], flow["to_thread"]] = flow["blocks"]
    for thread in threads.values():
        checks.between(thread["frees_for_others"] - 1, into[thread["id"]],
                       thread["frees_for_others"], f"flows to {thread['name']}")
    for freer in steady:
        for number, (begun, done) in enumerate(zip(freer.flow_begun, freer.flow_done)):
            owner = threads.get(f"t{freer.image}.{number}")
            if owner and number + 1 != freer.steady:
                checks.between(done[0], pairs.get((owner["id"], threads[freer.name]["id"]), 0),
                               begun[0], f"flow {number} to {freer.name}")


def check_sites(checks, document, process, threads):
    """The sites of a process add up to its threads within one event each; so does each steady
    thread, whose sites are its own."""
    of_thread = collections.Counter()
    of_process = collections.Counter()
    figures = ("allocations", "deallocations", "bytes_allocated", "bytes_freed")
    for site in document["sites"]:
        if site["process_id"] != process["id"]:
            continue
        for figure in figures:
            of_process[figure] += site[figure]
            if len(site["thread_ids"]) == 1:
                of_thread[site["thread_ids"][0], figure] += site[figure]
    running = len([t for t in threads if t["process_id"] == process["id"]])
    for figure in figures:
        size = LARGEST if figure.startswith("bytes") else 1
        total = process["totals"][figure]
        # Only threads that were in the middle of an event can differ.
        checks.between(total - running * size, of_process[figure], total + running * size,
                       f"sites of process {process['pid']}: {figure}")
        for thread in threads:
            if thread["name"].startswith("t") and thread["process_id"] == process["id"]:
                # Any thread may have been in the middle of freeing one of its blocks.
                slack = size if figure.endswith("allocated") or figure == "allocations" \
                    else running * size
                checks.between(thread[figure] - slack, of_thread[thread["id"], figure],
                               thread[figure] + slack, f"sites of {thread['name']}: {figure}")


def check(document, path, running=False, least_threads=0):
    """All invariants. `running`: the document was made while the program went on."""
    _, entries = read_ledger(path)
    checks = Checks()
    pids = {process["id"]: process["pid"] for process in document["processes"]}
    threads, twice = {}, []
    for thread in document["threads"]:
        if thread["name"][:1] in "tsc" and "." in thread["name"]:
            # One that ended before it ran at all has no figures, but no name of its own either.
            if thread["allocations"] is None:
                checks.that(False, f"{thread['name']} of process {thread['process_id']} is one "
                                   "of /proc only")
                continue
            twice += [thread["name"]] if thread["name"] in threads else []
            threads[thread["name"]] = thread
    checks.that(not twice, f"names that appear twice: {twice[:5]}")
    for entry in entries:
        thread = threads.get(entry.name)
        if thread is None:
            checks.that(running or entry.allocated_done[0] == 0, f"{entry.name} is missing")
        elif not running:
            equal(pids[thread["process_id"]], entry.pid, f"process of {entry.name}")
            check_thread(checks, entry, thread)
    steady = [e for e in entries if e.steady and e.name in threads]
    if not running:
        check_flows(checks, document, steady, threads)
    for process in document["processes"]:
        own = [t for t in document["threads"]
               if t["process_id"] == process["id"] and t["allocations"] is not None]
        if process["totals"]["allocations"] is None:
            continue
        if not running:
            check_sites(checks, document, process, own)
        for figure in ("allocations", "deallocations", "bytes_allocated", "bytes_freed"):
            total = sum(t[figure] for t in own)
            checks.that(process["totals"][figure] == total,
                        f"process {process['pid']} {figure}: {process['totals'][figure]}, "
                        f"its threads {total}")
        checks.that(process["totals"]["foreign_frees"] == 0, "blocks of unknown origin")
    checks.that(document["losses"]["owner_unknown"] == 0, "owners unknown")
    checks.that(document["losses"]["lost"] == 0, "events lost")
    checks.that(len(steady) >= least_threads, f"only {len(steady)} steady threads were seen")
    if checks.wrong:
        raise AssertionError(f"{len(checks.wrong)} wrong:\n" + "\n".join(checks.wrong[:20]))
    return entries


class Run:
    """The ledger program under a viewer; whatever is left at the end is killed."""

    def __init__(self, seed, *modes):
        self.folder = tempfile.TemporaryDirectory(prefix="memscope-kill-")
        self.path = os.path.join(self.folder.name, "ledger")
        self.json = os.path.join(self.folder.name, "out.json")
        self.viewers = []
        self.keeper = None
        self.start("--json", self.json, "--", LEDGER, self.path, str(seed), *modes)

    def start(self, *arguments):
        # A file: the program has it too, and a pipe would end with the program only.
        with open(os.path.join(self.folder.name, "stderr"), "ab") as said:
            viewer = subprocess.Popen([MEMSCOPE, "-q", *arguments], env=BARE, stderr=said,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.viewers.append(viewer)
        return viewer

    def program(self):
        return read_ledger(self.path)[0][0]

    def wait_ready(self):
        wait_until(lambda: read_ledger(self.path)[0][1], what="the program")
        with open(f"/proc/{self.program()}/stat", encoding="latin-1") as file:
            self.keeper = int(file.read().rpartition(")")[2].split()[1])

    def finish(self, expected_status, viewer=None):
        viewer = viewer or self.viewers[0]
        viewer.wait(100)
        with open(os.path.join(self.folder.name, "stderr"), "rb") as said:
            equal(viewer.returncode, expected_status, f"exit status ({said.read()[-300:]})")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        program = self.program()
        if program and alive(program):
            end(program)
        for viewer in self.viewers:
            if viewer.poll() is None:
                end(viewer.pid)
            viewer.wait(100)
        if self.keeper and alive(self.keeper):
            wait_until(lambda: not alive(self.keeper), what="the end of the keeper")
        self.folder.cleanup()


def one_round(number, *modes):
    """Kills the program at an instant drawn from the seed and checks everything. Its events."""
    chance = random.Random(SEED * 100_003 + number)
    with Run(chance.randrange(1 << 20), *modes) as run:
        if chance.random() < 0.2:  # also while it starts
            program = wait_until(run.program, what="the program")
        else:
            run.wait_ready()
            program = run.program()
        time.sleep(chance.expovariate(8))
        if chance.random() < 0.3:
            os.kill(program, signal.SIGSTOP)
            time.sleep(chance.random() * 0.05)
            if chance.random() < 0.5:
                os.kill(program, signal.SIGCONT)
        os.kill(program, signal.SIGKILL)
        run.finish(137)
        document = load(run.json)
        try:
            entries = check(document, run.path)
        except AssertionError as error:
            raise AssertionError(f"KILL_SEED={SEED} round {number} {modes}: {error}") from None
        return (sum(e.allocated_done[0] + e.freed_done[0] for e in entries), len(entries),
                len(document["processes"]))


def rounds(count, *modes):
    events = threads = processes = 0
    for number in range(count):
        seen = one_round(number, *modes)
        events, threads, processes = events + seen[0], threads + seen[1], processes + seen[2]
    print(f"# {count} kills, {events:,} events of {threads:,} threads in {processes:,} processes",
          flush=True)


def test_killed_program():
    """kill -9 at random instants, threads and short threads at full speed"""
    rounds(ROUNDS)


def test_killed_children():
    """kill -9 of forked children at random instants, then of the program"""
    rounds(OTHER_ROUNDS * 2, "fork")


def test_killed_in_exec():
    """kill -9 of a program that executes itself again and again"""
    rounds(OTHER_ROUNDS * 2, "exec")


def test_abort():
    """abort at a random instant"""
    for number in range(OTHER_ROUNDS):
        chance = random.Random(SEED + number)
        with Run(number + 1, f"abort={chance.randrange(1, 300)}") as run:
            run.finish(128 + signal.SIGABRT)
            check(load(run.json), run.path, least_threads=STEADY)


def test_killed_viewer():
    """kill -9 of the viewer, later of the program: the viewer that joined has it all"""
    for number in range(OTHER_ROUNDS):
        chance = random.Random(SEED + number)
        with Run(number + 1) as run:
            run.wait_ready()
            time.sleep(chance.random() * 0.3)
            end(run.viewers[0].pid)
            time.sleep(chance.random() * 0.3)
            again = run.json + ".again"
            lines = run.json + ".lines"
            joined = run.start("-p", str(run.program()), "--json", again, "--json-lines", lines)
            wait_for_ticks(lines, 1)
            time.sleep(chance.random() * 0.3)
            end(run.program())
            run.finish(137, joined)
            check(load(again), run.path, least_threads=STEADY)


def test_killed_keeper():
    """kill -9 of the keeper: the program runs on, the viewer says so and reports until there"""
    for number in range(OTHER_ROUNDS):
        chance = random.Random(SEED + number)
        with Run(number + 1) as run:
            run.wait_ready()
            time.sleep(0.2 + chance.random() * 0.3)
            end(run.keeper)
            run.finish(125)
            events = lambda: sum(e.allocated_done[0] for e in read_ledger(run.path)[1] if e.steady)
            before = events()
            wait_until(lambda: events() > before + 100, what="the program going on without its keeper")
            assert alive(run.program()), "the program died with the keeper"
            check(load(run.json), run.path, running=True)


main(globals())
