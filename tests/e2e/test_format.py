"""docs/format.md is enough to read recordings: a reader made from it finds what the product finds.

Takes about 2 s. SOAK compares as many damaged files as it says.
"""

import os
import random
import shutil
import tempfile

import recording
from watched import BUILD, SOAK, equal, main, need, run

CLIENT = os.path.join(BUILD, "tests/e2e/blocks_client")
WORK = tempfile.mkdtemp(prefix="memscope-format-")
PATH = os.path.join(WORK, "made.memscope")
DAMAGED = os.path.join(WORK, "damaged.memscope")


def written(blocks=23, most=3000):
    equal(run([CLIENT, "write", PATH, str(blocks), str(most)]).returncode, 0, "status of write")
    with open(PATH, "rb") as file:
        return file.read()


def listed(path):
    result = run([CLIENT, "list", path])
    return result.returncode, result.stdout.decode().splitlines()


def compare(path, what):
    status, ours = listed(path)
    try:
        equal(recording.listing(path), ours, what)
    except recording.NoRecording:
        equal(status, 1, what + ": status of what is no recording")


def test_whole():
    """An independent reader lists a whole file as we do"""
    need("zstd")
    written()
    compare(PATH, "a whole file")
    equal(len(listed(PATH)[1]), 24, "lines")
    equal(listed(PATH)[1][-1], "closed, 0 bytes lost", "condition")


def test_damaged():
    """Files that are cut, damaged, or have bytes too many or too few"""
    need("zstd")
    data = written(9, 400)
    draw = random.Random(int(os.environ.get("SEED", "6")))
    # All of them lose the footer, so that there is no index to go by.
    for _ in range(SOAK or 60):
        damaged = bytearray(data)
        for _ in range(draw.randrange(4)):
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        place, count = draw.randrange(len(damaged)), draw.choice((0, 1, 50, 500))
        what = draw.choice(("cut", "missing", "more"))
        if what == "cut":
            del damaged[place:]
        elif what == "missing":
            del damaged[place:place + count]
            del damaged[-1:]
        else:
            damaged[place:place] = draw.randbytes(count)
            del damaged[-1:]
        with open(DAMAGED, "wb") as file:
            file.write(damaged)
        compare(DAMAGED, "%s at %d, %d bytes" % (what, place, count))


def test_newer_and_foreign():
    """A newer version, a foreign file and an empty one are refused"""
    data = written(1, 10)
    newer = bytearray(data)
    newer[8] = 2
    newer[28:32] = recording.zlib.crc32(newer[:28]).to_bytes(4, "little")
    for content, words in ((newer, "version 2"), (b"MZ" * 100, "no recording"), (b"", "empty")):
        with open(DAMAGED, "wb") as file:
            file.write(content)
        status, lines = listed(DAMAGED)
        equal((status, words in lines[0]), (1, True), words)
        compare(DAMAGED, words)


if __name__ == "__main__":
    try:
        main(globals())
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
