"""Memory runs out for a moment, at one allocation after the other: nothing crashes or hangs, and it is said."""

import os
import random
import subprocess
import tempfile

from watched import BARE, BUILD, MEMSCOPE, equal, main, run, status

SHIM = os.path.join(BUILD, "tests/e2e/starved.so")
SOAK = int(os.environ.get("SOAK", "0"))
SECONDS = 120
CHOSEN = random.Random(int(os.environ.get("STARVED_SEED", "1")))


def starved(first, count, command):
    """Status and standard error of a command that gets nothing for so many allocations."""
    environment = {**BARE, "LD_PRELOAD": SHIM, "STARVED": f"{first} {count}"}
    result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=SECONDS, check=False)
    return result.returncode, result.stdout + result.stderr


def firsts(least, most):
    """Short: some, in any part of the way; SOAK: all."""
    if SOAK:
        return range(least, most)
    return [CHOSEN.randrange(least + i * (most - least) // 9, least + (i + 1) * (most - least) // 9)
            for i in range(9)]


# Where the session, its collector and the first process begin: each allocation.
BEGINNING = range(85, 125)


def test_a_recorder_without_memory():
    """the program has its status, or the recorder gives up with a word and lets it run; what is there can be looked at"""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder: # one may still run
        for first, count in [*((first, 1) for first in BEGINNING), *((first, 12) for first in firsts(125, 700))]:
            path = os.path.join(folder, f"{first}.memscope")
            ran = os.path.join(folder, f"{first}.ran")
            children = "for i in 1 2 3; do (exec sh -c 'sleep 0.05'); (sleep 0.05; :); done" if count > 1 else ":"
            result, said = starved(first, count, [MEMSCOPE, "record", "-o", path, "--", "sh", "-c",
                                                  f"{children}; touch {ran}; exit 5"])
            left = result == 0 and b"out of memory" in said
            assert result in (5, 125) or left, (first, result, said)
            assert os.path.exists(ran) or result != 5, (first, result, said)
            assert result == 5 or b"memory" in said or b"temporarily" in said, (first, said)
            if os.path.exists(path) and os.path.getsize(path) > 0:
                seen = status(run([MEMSCOPE, "verify", path]))
                assert seen in (0, 1) or result != 5, (first, seen)


def test_reports_without_memory():
    """a report is whole or not there, and why it is not is said"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sound.memscope")
        equal(status(run([MEMSCOPE, "record", "-q", "-o", path, "--", "sh", "-c", "sleep 0.3"])), 0, "record")
        for kind in ("--json", "--html"):
            for first in firsts(0, 4000):
                out = os.path.join(folder, "out")
                result, said = starved(first, 1, [MEMSCOPE, "export", path, kind, out])
                assert result in (0, 1, 125), (kind, first, result, said)
                equal(os.path.exists(out), result == 0, f"file, {kind} {first}")
                if result == 0:
                    os.unlink(out)
                else:
                    assert said, (kind, first)
                equal(os.listdir(folder), ["sound.memscope"], f"left, {kind} {first}")


main(globals())
