"""Programs under a shim that counts calls of the malloc family and knows nothing of the probe."""

import os
import struct
import subprocess
import tempfile

from watched import BARE, BUILD

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


def counts_alone(command, environment=None, **options):
    """Counts of the program as it is, without the probe."""
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(command, env=shimmed(SHIM, folder, environment),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
        child.wait(60)
        assert child.returncode == 0, f"exit status {child.returncode}"
        return counts_of(folder, child.pid)
