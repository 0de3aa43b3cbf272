"""Programs under a shim that counts calls of the malloc family and knows nothing of the probe."""

import os
import struct
import subprocess
import tempfile

from watched import BARE, BUILD, LIMIT_S, equal

# The probe has a way of its own for each of these.
SHIM = os.path.join(BUILD, "tests/e2e/count_shim.so")  # some allocator
SIZELESS = os.path.join(BUILD, "tests/e2e/count_shim_sizeless.so")  # no malloc_usable_size
NAMED_LIBC = os.path.join(BUILD, "tests/e2e/libc.so.count_shim")  # by its name libc


def shimmed(shim, folder, environment=None):
    """The environment in which a program writes counts to the folder."""
    environment = dict(BARE if environment is None else environment)
    return {**environment, "LD_PRELOAD": shim, "COUNT_SHIM": os.path.join(folder, "counts")}


def counts_of(folder, pid):
    """Allocations, deallocations, bytes of a process."""
    with open(os.path.join(folder, f"counts.{pid}"), "rb") as file:
        return struct.unpack("3Q", file.read())


def counts_alone(command, environment=None, returncode=0, **options):
    """Counts of the program as it is, without the probe; `returncode` None: any."""
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(command, env=shimmed(SHIM, folder, environment),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
        child.wait(LIMIT_S)
        assert returncode in (None, child.returncode), f"exit status {child.returncode}"
        return counts_of(folder, child.pid)


def agrees_alone(document, command, returncode=0):
    """The first process was counted as the shim counts the same program running alone."""
    totals = document["processes"][0]["totals"]
    allocations, deallocations, requested_bytes = counts_alone(command, returncode=returncode)
    equal((totals["allocations"], totals["deallocations"]), (allocations, deallocations),
          f"{os.path.basename(command[0])} {command[1:]}: allocations, deallocations")
    # The probe has thread-local data, for which libc wants 16 bytes more in the table that it makes
    # for a new thread's stack.
    more = totals["bytes_allocated"] - requested_bytes
    threads = len(document["threads"]) - 1
    assert 0 <= more <= 16 * threads and more % 16 == 0, f"{command}: {more} bytes more, {threads} threads"
