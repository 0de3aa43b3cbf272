"""Reads recordings as docs/format.md tells it; shares no code with the product.

    python3 tests/e2e/recording.py FILE     lists its blocks
"""

import collections
import struct
import subprocess
import sys
import zlib

TYPES = "about names state ticks history seconds coarse output trace marks end".split()
MAGIC = bytes.fromhex("894d53520d0a1a0a")
END = TYPES.index("end")
FOOTER_MAGIC = bytes.fromhex("894d53450d0a1a0a")
SYNC = bytes.fromhex("f54d5342")
RAW_BYTES_MAX = 512 << 20

Header = collections.namedtuple(
    "Header", "id type stored_as features crc stored_bytes raw_bytes number first_tick last_tick"
              " first_ns last_ns")
HEADER = struct.Struct("<QHBBIQQQQQQQ")


class NoRecording(Exception):
    """The reason."""


class Block:
    def __init__(self, at, header, payload):
        self.at, self.header, self.payload = at, header, payload
        self.name = TYPES[header.type]

    def raw(self):
        """The content; None: damaged."""
        if zlib.crc32(self.payload) != self.header.crc or self.header.raw_bytes > RAW_BYTES_MAX:
            return None
        result = subprocess.run(["zstd", "-dcq"], input=self.payload, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=False)
        good = result.returncode == 0 and len(result.stdout) == self.header.raw_bytes
        return result.stdout if good else None


class Recording:
    """blocks (without `end`), closed, lost_bytes, unknown_blocks, header_damaged."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.blocks, self.lost_bytes, self.unknown_blocks, self.closed = [], 0, 0, False
        self.header_damaged, self.id = False, None
        self._file_header()
        self._blocks()

    def _file_header(self):
        if len(self.data) < 32:
            raise NoRecording("too short")
        magic, version, features, identity, _, crc = struct.unpack_from("<8sIIQII", self.data)
        if magic == MAGIC and crc == zlib.crc32(self.data[:28]):
            if version > 2 or features:
                raise NoRecording("newer: version %d" % version)
            self.id = identity
            return
        self.header_damaged = True
        first = self._header(32)
        if first is None:
            raise NoRecording("no recording")
        self.id = first.id

    def _header(self, at):
        """A whole header at this place, else None."""
        data = self.data[at:at + 80]
        if len(data) < 80 or data[:4] != SYNC or zlib.crc32(data[8:]) != struct.unpack_from(
                "<I", data, 4)[0]:
            return None
        header = Header(*HEADER.unpack_from(data, 8))
        whole = (header.first_tick <= header.last_tick and header.first_ns <= header.last_ns
                 and at + 80 + header.stored_bytes <= len(self.data)
                 and self.id in (None, header.id))
        return header if whole else None

    def _search(self, at):
        while True:
            at = self.data.find(SYNC, at)
            if at < 0:
                return len(self.data)
            if self._header(at):
                return at
            at += 1

    def _is_footer(self, at):
        return len(self.data) - at == 24 and self.data[at + 8:] == struct.pack(
            "<Q", self.id) + FOOTER_MAGIC

    def _blocks(self):
        at, last = 32, None  # last: where the last block begins
        while at < len(self.data):
            found = at
            if self._header(at) is None:
                if last is not None and self._header(last).type == END and self._is_footer(at):
                    self.closed = True
                    break
                found = self._search(32 if last is None else last + 80)
            if found < at:
                if self.blocks and self.blocks[-1].at == last:
                    self.blocks.pop()
                self.lost_bytes += found - last
            else:
                self.lost_bytes += found - at
            if found >= len(self.data):
                break
            header = self._header(found)
            last, at = found, found + 80 + header.stored_bytes
            if header.type > END or header.stored_as != 1 or header.features:
                self.unknown_blocks += 1
            elif header.type != END:
                self.blocks.append(Block(found, header, self.data[found + 80:at]))


def listing(path):
    """As blocks_client lists it."""
    recording = Recording(path)
    lines = []
    for block in recording.blocks:
        header, raw = block.header, block.raw()
        lines.append("%s %d ticks %d-%d ns %d-%d at %d bytes %d/%d %s" % (
            block.name, header.number, header.first_tick, header.last_tick, header.first_ns,
            header.last_ns, block.at, header.stored_bytes, header.raw_bytes,
            "damaged" if raw is None else "%08x" % zlib.crc32(raw)))
    lines.append("%s, %d bytes lost" % ("closed" if recording.closed else "not closed",
                                        recording.lost_bytes))
    return lines


# --- numbers, tables of fields ---

class Bytes:
    """A view that is read from its beginning to its end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def done(self):
        return self.at >= len(self.data)

    def u64(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def i64(self):
        value = self.u64()
        return value >> 1 ^ -(value & 1)

    def bytes(self, count):
        if self.at + count > len(self.data):
            raise EOFError
        self.at += count
        return self.data[self.at - count:self.at]

    def text(self):
        return self.bytes(self.u64()).decode("utf-8", "replace")

    def optional_text(self):
        return self.text() if self.u64() else None

    def ids(self):
        found, last = [], 0
        for _ in range(self.u64()):
            last += self.i64()
            found.append(last)
        return found

    def gaps(self, count, first=0):
        found = []
        for _ in range(count):
            first += self.u64()
            found.append(first)
        return found


class Table:
    """Things of it are lists of the values of all elements; `at` tells where a field begins."""

    BITS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64, "i32": 32, "i64": 64}

    def __init__(self, data):
        view = Bytes(data)
        self.name, self.kinds, self.at = view.text(), [], {}
        for _ in range(view.u64()):
            name, kind, count = view.text(), view.text(), view.u64()
            self.at[name] = len(self.kinds)
            self.kinds += [kind] * count

    def whole(self):
        return ["" if kind == "text" else 0 for kind in self.kinds]

    def change(self, view, thing):
        number = 0
        while True:
            gap = view.u64()
            if gap == 0:
                return thing
            number += gap
            kind = self.kinds[number - 1]
            if kind == "text":
                thing[number - 1] = view.text()
            elif kind in ("f32", "f64"):
                thing[number - 1] = struct.unpack(*(("<f", view.bytes(4)) if kind == "f32"
                                                    else ("<d", view.bytes(8))))[0]
            else:
                bits = self.BITS[kind]
                value = (thing[number - 1] + view.i64()) % (1 << bits)
                signed = kind[0] == "i" and value >> (bits - 1)
                thing[number - 1] = value - (1 << bits) if signed else value

    def read(self, view):
        return self.change(view, self.whole())

    def of(self, thing, field):
        return thing[self.at[field]]

    @staticmethod
    def _value(view, kind):
        if kind == "text":
            return view.text()
        if kind in ("f32", "f64"):
            return view.bytes(int(kind[1:]) // 8)
        return view.i64() if kind[0] == "i" else view.u64()

    def _column(self, view, kind, form, things, at):
        """What of an element stands in its column; False: its values are in the rows."""
        values = [None] * len(things)
        if form == 0:
            values = [self._value(view, kind)] * len(things)
        elif form == 1:
            which = -1
            for _ in range(view.u64()):
                which += view.u64()
                values[which] = self._value(view, kind)
        elif form == 2 and kind == "text":
            values = [view.text() for _ in things]
        elif form == 2 and kind[0] == "f":
            planes = view.bytes(int(kind[1:]) // 8 * len(things))
            values = [planes[i::len(things)] for i in range(len(things))]
        else:
            return False
        for thing, value in zip(things, values):
            if value is not None:
                self._put(thing, at, value)
        return True

    def _put(self, thing, at, value):
        kind = self.kinds[at]
        if kind[0] == "f":
            value = struct.unpack("<f" if kind == "f32" else "<d", value)[0]
        elif kind[0] == "i":
            value = (value + (1 << 63)) % (1 << 64) - (1 << 63)
        thing[at] = value

    def columns(self, view, things):
        """Reads over things that are wholes, 512 at a time."""
        for first in range(0, len(things), 512):
            some, number, rows = things[first:first + 512], 0, []
            while True:
                coded = view.u64()
                if coded == 0:
                    break
                number += coded >> 3
                form = coded & 7
                if not self._column(view, self.kinds[number - 1], form, some, number - 1):
                    rows.append((number - 1, form, view.u64() if form == 4 else 0))
            before = [0] * len(rows)
            for thing in some:
                for column, (at, form, back) in enumerate(rows):
                    value = self._value(view, self.kinds[at]) if form == 2 else view.i64()
                    if form == 3:
                        value += before[column]
                    elif form == 4:
                        value += before[column - back]
                    before[column] = value % (1 << 64)
                    self._put(thing, at, before[column])


def about(raw):
    """Version, program, host, interval and the two starts; {part: {name: Table}}."""
    view = Bytes(raw)
    told = [view.text() for _ in range(3)] + [view.u64() for _ in range(3)]
    parts = {}
    while True:
        part = view.u64()
        if part == 0:
            return told, parts
        tables = parts.setdefault(part - 1, {})
        for _ in range(view.u64()):
            name = view.text()
            tables[name] = Table(view.bytes(view.u64()))


# --- names ---

Frame = collections.namedtuple("Frame", "address offset module module_id function file line crate"
                                        " inlined_into")


class Names:
    """strings, frames, modules by id, stacks: numbers of frames by site id, the innermost first."""

    def __init__(self):
        self.strings, self.frames, self.modules, self.stacks = [""], [], {}, {}
        self.in_order = []

    def string(self, view):
        return self.strings[view.u64()]

    def frame(self, view, before):
        address = (before.address if before else 0) + view.i64()
        bias = (before.address - before.offset if before else 0) + view.i64()
        module, module_id = self.string(view), view.u64()
        function, file, line, crate = self.string(view), self.string(view), view.u64(), self.string(view)
        return Frame(address % (1 << 64), (address - bias) % (1 << 64), module, module_id, function,
                     file, line, crate, view.u64() - 1)

    def read(self, raw):
        view = Bytes(raw)
        sections = {1: self._strings, 2: self._frames, 3: self._renamed, 4: self._modules,
                    5: self._stacks}
        while not view.done():
            sections[view.u64()](view)

    def _strings(self, view):
        if view.u64() != len(self.strings) - 1:
            raise ValueError("strings are missing")
        self.strings += [view.text() for _ in range(view.u64())]

    def _frames(self, view):
        before = None
        if view.u64() != len(self.frames):
            raise ValueError("frames are missing")
        for _ in range(view.u64()):
            before = self.frame(view, before)
            self.frames.append(before)

    def _renamed(self, view):
        number, before = 0, None
        for _ in range(view.u64()):
            number += view.u64()
            before = self.frames[number] = self.frame(view, before)

    def _modules(self, view):
        for _ in range(view.u64()):
            number = view.u64()
            self.modules[number] = (self.string(view), self.string(view), view.u64(), view.u64(),
                                    self.string(view))

    def _stacks(self, view):
        if view.u64() != len(self.in_order):
            raise ValueError("stacks are missing")
        site, count, frame = view.u64(), view.u64(), 0
        for _ in range(count):
            site += view.u64()
            back = view.u64()
            outer = self.in_order[-back][:view.u64()] if back else []
            more = []
            for _ in range(view.u64()):
                frame += view.i64()
                more.append(frame)
            self.in_order.append(outer + more)
            self.stacks[site] = self.in_order[-1][::-1]

    def functions(self, site):
        """[(function, offset in its module)] from the innermost on, inlined ones too."""
        found = []
        for number in self.stacks[site]:
            while number >= 0:
                frame = self.frames[number]
                found.append((frame.function, frame.offset))
                number = frame.inlined_into
        return found


# --- a session at a moment ---

TIMES = ("kernel.often_read_ns", "kernel.stat_read_ns", "kernel.slowly_read_ns",
         "kernel.counters_read_ns")


class Session:
    """processes and threads by id, sites: [(id, figures)], usages: [(thread, site, rate), figures]."""

    def __init__(self, tables):
        self.tables = tables
        self.processes, self.threads, self.alive, self.sites, self.usages = {}, {}, [], [], []

    def moment(self, view, state):
        parts = {0: self._processes, 1: self._threads, 3: self._sites, 4: self._usages}
        while True:
            part = view.u64()
            if part == 0:
                return
            inside = Bytes(view.bytes(view.u64()))
            if part - 1 in parts:
                parts[part - 1](inside, state)
                if not inside.done():
                    raise ValueError("part %d: %d bytes are left" % (part - 1, len(inside.data) - inside.at))

    def state(self, raw):
        """Returns tick and time."""
        view = Bytes(raw)
        when = view.u64(), view.u64()
        self.__init__(self.tables)
        self.moment(view, True)
        return when

    def rows(self, raw, when):
        """Goes on from `when`; returns tick and time of the last row. None: it does not follow."""
        view = Bytes(raw)
        tick, now_ns = view.u64(), view.u64()
        if when is None or tick != when[0]:
            return None
        while not view.done():
            ticks = view.u64()
            if ticks == 0:
                break
            tick, now_ns = tick + ticks, now_ns + view.i64()
            self.moment(view, False)
        return tick, now_ns

    @staticmethod
    def _changes(view, table, things):
        """Yields the ids of those that changed, when their fields are read."""
        number = 0
        while True:
            step = view.i64()
            if step == 0:
                return
            number += step >> 1
            if step & 1:
                things[number] = table.whole()
            table.change(view, things[number])
            yield number, step & 1

    def _past(self, view, tables):
        past = tables["past"].read(view)
        for count in ("count", "sparse_count"):
            sample = tables["sample"].whole()
            for _ in range(tables["past"].of(past, count)):
                tables["sample"].change(view, sample)

    def _processes(self, view, state):
        tables, table = self.tables[0], self.tables[0]["process"]
        for number in view.ids():
            self.processes[number] = None
        for number in view.ids():
            del self.processes[number]
        for _ in self._changes(view, table, self.processes):
            self._apart(view, tables["connection"])
        if state:
            for process in self.processes.values():
                tables["process_rates"].read(view)
                tables["process_inside"].read(view)
                if table.of(process, "end_ns") == 0:
                    self._past(view, tables)

    @staticmethod
    def _apart(view, connection):
        which = view.u64()
        for bit in (1, 2, 4):
            if which & bit:
                view.optional_text()
        if which & 8:
            for _ in range(view.u64()):
                view.optional_text()
        if which & 16:
            for _ in range(view.u64()):
                connection.read(view)  # only to pass over it

    def _threads(self, view, state):
        tables, table = self.tables[1], self.tables[1]["thread"]
        added, ended, merged, gone = (view.ids() for _ in range(4))
        leave = set(ended) | set(gone)
        self.alive = [number for number in self.alive if number not in leave] + added
        for number in gone:
            del self.threads[number]
        for number in added + merged + ended:
            self.threads.setdefault(number, table.whole())
        count = view.u64()
        if state and count == 1:
            table.columns(view, [self.threads[number] for number in added + merged + ended])
        else:
            self._thread_changes(view, table, count)
        if state:
            for _ in self.alive:
                tables["thread_rates"].read(view)
                view.u64()
                self._past(view, tables)

    def _thread_changes(self, view, table, count):
        first = now_ns = 0
        while count != 0:
            first += view.i64()
            which = view.u64()
            now_ns += view.i64()
            for number in self.alive[first:first + count]:
                for bit, field in enumerate(TIMES):
                    if which >> bit & 1:
                        self.threads[number][table.at[field]] = now_ns
            count = view.u64()
        for _ in self._changes(view, table, self.threads):
            pass

    def _sites(self, view, _state):
        table = self.tables[3]["site"]
        gone = set(view.gaps(view.u64()))
        self.sites = [site for site in self.sites if site[0] not in gone]
        known = len(self.sites)
        new = view.gaps(view.u64(), self.sites[-1][0] if self.sites else 0)
        self.sites += [(number, None) for number in new]
        before, at = table.whole(), -1
        while True:
            gap = view.u64()
            if gap == 0:
                return
            at += gap
            number, figures = self.sites[at]
            figures = table.change(view, list(before) if at >= known else figures)
            self.sites[at] = (number, figures)
            if at >= known:
                before = figures

    def _usages(self, view, _state):
        table, extra_table = self.tables[4]["usage"], self.tables[4]["usage extra"]
        anew = view.u64()
        if anew == 2:
            self._usage_columns(view, table, extra_table)
            return
        if anew:
            self.usages = []
        site, went = 0, view.u64()
        for removal in range(went + 1):
            for _ in range(view.u64()):
                thread, rate = view.u64(), 0
                if thread != 0:
                    site += view.i64()
                    rate = view.u64()
                self.usages.append([(thread, site, rate), table.whole(), extra_table.whole()])
            if removal < went:
                position, last = view.u64(), self.usages.pop()
                if position < len(self.usages):
                    self.usages[position] = last
        if anew:
            self._chains(view)
        at = -1
        while True:
            coded = view.u64()
            if coded >> 2 == 0:
                return
            at += coded >> 2
            usage = self.usages[at]
            if coded & 1:
                usage[1:] = [table.whole(), extra_table.whole()]
            table.change(view, usage[1])
            if coded & 2:
                extra_table.change(view, usage[2])

    @staticmethod
    def _chains(view):
        for _ in range(2):
            for _ in range(view.u64()):
                view.ids()

    def _usage_columns(self, view, table, extra_table):
        who = self.tables[4]["usage identity"]
        self.usages = [[who.whole(), table.whole(), extra_table.whole()] for _ in range(view.u64())]
        who.columns(view, [usage[0] for usage in self.usages])
        self._chains(view)
        for first in range(0, len(self.usages), 512):
            some, extras, has = self.usages[first:first + 512], [], False
            table.columns(view, [usage[1] for usage in some])
            at = 0
            while at < len(some):
                run = view.u64()
                extras += some[at:at + run] if has else []
                at, has = at + run, not has
            extra_table.columns(view, [usage[2] for usage in extras])
        for usage in self.usages:
            usage[0] = tuple(usage[0])


def last_moment(path, from_first_state=True):
    """(names, session) at the end; through every tick from the first state on, or the last alone."""
    blocks = Recording(path).blocks
    names, told = Names(), None
    for block in blocks:
        if block.name == "names":
            names.read(block.raw())
        elif block.name == "about" and told is None:
            told = about(block.raw())
    session, when, rows = Session(told[1]), None, 0
    states = [block for block in blocks if block.name == "state"]
    for block in blocks:
        if block.name == "state" and (block is states[-1] or (from_first_state and when is None)):
            if block is states[-1] and from_first_state and when is not None:
                break  # what the ticks led to, not what the state says
            when = session.state(block.raw())
        elif block.name == "ticks" and when is not None:
            rows += 1
            when = session.rows(block.raw(), when)
            if when is None:
                raise ValueError("ticks that follow nothing")
    return names, session, rows


if __name__ == "__main__":
    print("\n".join(listing(sys.argv[1])))
