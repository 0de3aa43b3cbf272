"""Reads the container of recordings as docs/format.md tells it; shares no code with the product.

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
            if version > 1 or features:
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


if __name__ == "__main__":
    print("\n".join(listing(sys.argv[1])))
