"""What heaptrack recorded: its raw data by call stack, and what its own printer makes of it."""

import collections
import os
import re
import subprocess
import tempfile

from watched import BARE, need, run, status

INTERPRET = "/usr/lib/heaptrack/libexec/heaptrack_interpret"
STACK_KEY = 32  # innermost frames: both tools may have more than the other beyond their limits


class Site:
    """Figures of one call stack. `temporary` as heaptrack counts and block by block."""

    def __init__(self):
        self.allocations = self.bytes = self.live = self.peak = 0
        self.temporary = self.temporary_by_class = 0


class Recording:
    """Events in the order in which heaptrack wrote them."""

    def __init__(self, text):
        self.modules = []
        self.traces = [None]
        self.events = []
        self.sites = collections.defaultdict(Site)
        executable = None
        for line in text.splitlines():
            kind = line[0]
            if kind in "+-":
                self.events.append((kind, [int(word, 16) for word in line.split()[1:]]))
            elif kind == "t":
                address, parent = (int(word, 16) for word in line.split()[1:])
                self.traces.append((self.place(address), parent))
            elif kind == "x":
                executable = line.split(" ", 2)[2]
            elif line == "m 1 -":
                self.modules = []
            elif kind == "m":
                self.add_module(line, executable)
        self.peak = self.count()

    def add_module(self, line, executable):
        _, length, rest = line.split(" ", 2)
        path = rest[:int(length, 16)]
        base, *segments = (int(word, 16) for word in rest[int(length, 16):].split())
        path = executable if path == "x" else path
        self.modules.append((os.path.realpath(path), base,
                             list(zip(segments[::2], segments[1::2]))))

    def place(self, address):
        """Module and the offset in it; heaptrack has the address before the one returned to."""
        for path, base, segments in self.modules:
            for start, length in segments:
                if base + start <= address < base + start + length:
                    return path, address - base
        return "", address

    def stack(self, trace):
        frames = []
        while trace and len(frames) < STACK_KEY:
            place, trace = self.traces[trace]
            frames.append(place)
        return tuple(frames)

    def count(self):
        """Figures of all sites; returns the peak."""
        by_trace = collections.defaultdict(Site)
        blocks = {}
        # heaptrack knows freed blocks by their class, which is (size, stack): another block of the
        # class of the last one looks temporary; so does the first class of all, its "none".
        last = last_class = first_class = None
        live = peak = at_peak = 0
        for number, (kind, words) in enumerate(self.events, 1):
            if kind == "+":
                size, trace, pointer = words
                site = by_trace[trace]
                site.allocations += 1
                site.bytes += size
                site.live += size
                blocks[pointer] = (size, trace)
                live += size
                last, last_class = pointer, (size, trace)
                first_class = first_class or last_class
                if live > peak:
                    peak, at_peak = live, number
            elif words[0] in blocks:
                size, trace = blocks.pop(words[0])
                by_trace[trace].live -= size
                live -= size
                by_trace[trace].temporary += words[0] == last
                by_trace[trace].temporary_by_class += (size, trace) == last_class
                last_class = first_class
        for trace, site in by_trace.items():
            total = self.sites[self.stack(trace)]
            for name, value in vars(site).items():
                setattr(total, name, getattr(total, name) + value)
        for stack, bytes_live in self.live_at(at_peak).items():
            self.sites[stack].peak = bytes_live
        return peak

    def live_at(self, count):
        """{stack: bytes that are live after so many events}."""
        blocks = {}
        for kind, words in self.events[:count]:
            if kind == "+":
                blocks[words[2]] = words[:2]
            else:
                blocks.pop(words[0], None)
        by_trace = collections.Counter()
        for size, trace in blocks.values():
            by_trace[trace] += size
        live = collections.Counter()
        for trace, size in by_trace.items():
            live[self.stack(trace)] += size
        return live

    def moment(self, peak_bytes):
        """Number of the event that first had so much live when there had never been more, or None."""
        blocks = {}
        live = peak = 0
        for number, (kind, words) in enumerate(self.events, 1):
            if kind == "-":
                live -= blocks.pop(words[0], 0)
                continue
            blocks[words[2]] = words[0]
            live += words[0]
            if live > peak:
                peak = live
                if peak == peak_bytes:
                    return number
        return None


COSTS = ("allocations", "temporary", "leaked", "peak")


class Printed:
    """Of each kind of cost: [(functions, outermost first, cost)]."""

    def __init__(self, path):
        self.costs = {}
        for cost in COSTS:
            with tempfile.NamedTemporaryFile() as file:
                result = run(["heaptrack_print", "-f", path, "-a", "0", "-p", "0", "-T", "0",
                              "--disable-builtin-suppressions", "--disable-embedded-suppressions",
                              "-t", "0", "-F", file.name, "--flamegraph-cost-type", cost],
                             env={**BARE, "LC_ALL": "C.UTF-8"})
                assert status(result) == 0, result.stderr[-500:]
                lines = file.read().decode().splitlines()
            self.costs[cost] = [(re.split(";", stack), int(value)) for stack, value in
                                (line.rstrip(";").rsplit(" ", 1) for line in lines)]

    def total(self, cost):
        return sum(value for _, value in self.costs[cost])


def record(command, **options):
    """The program under heaptrack: Recording, Printed."""
    need("heaptrack", "heaptrack_print", "zstd")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data")
        result = run(["heaptrack", "--raw", "-o", path, *command], **options)
        assert status(result) == 0, result.stderr[-500:]
        raw = subprocess.run(["zstd", "-dcq", path + ".raw.zst"], stdout=subprocess.PIPE,
                             check=True).stdout
        recording = Recording(raw.decode())
        interpreted = subprocess.run([INTERPRET], input=raw, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, check=True).stdout
        with open(path + ".zst", "wb") as file:
            subprocess.run(["zstd", "-qc"], input=interpreted, stdout=file, check=True)
        return recording, Printed(path + ".zst")
