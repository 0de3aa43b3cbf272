"""However a program begins and ends: as ever, and all of it is counted."""

import os
import signal

from counted import agrees_alone
from watched import BUILD, HARD, PLUGIN, equal, first_process, main, run, status, watch

ENDS = os.path.join(BUILD, "tests/e2e/ends")


def same_and_exact(*command):
    """As natively, and counted as a shim counts it that knows nothing of us."""
    alone = run(command)
    result, document = watch(command)
    what = " ".join([os.path.basename(command[0]), *command[1:]])
    equal((status(result), result.stdout, result.stderr),
          (status(alone), alone.stdout, alone.stderr), what)
    equal(len(document["processes"]), 1, f"{what}: processes")
    process = first_process(document)
    equal((process["seen"], document["losses"]["lost"]), ("full", 0), f"{what}: seen, lost")
    agrees_alone(document, list(command), returncode=None)
    return process


def test_early_and_late():
    """preinit_array, first constructor, atexit, last destructor: all that they allocate is counted"""
    process = same_and_exact(ENDS, "return")
    equal(process["exit_status"], 2, "exit status")


def test_exits():
    """exit, _exit, quick_exit, exit_group, exit in a thread, main that leaves before its threads"""
    for how, expected in (("exit", 3), ("_exit", 4), ("quick_exit", 6), ("raw", 7),
                          ("thread_exits", 5), ("pthread_exit", 0)):
        equal(same_and_exact(ENDS, how)["exit_status"], expected, f"{how}: exit status")


def test_deaths():
    """abort, a wild pointer, a stack overflow, SIGKILL, SIGTERM: the last figures are there, exact"""
    for how, number in (("abort", signal.SIGABRT), ("segv", signal.SIGSEGV),
                        ("overflow", signal.SIGSEGV), ("kill", signal.SIGKILL),
                        ("term", signal.SIGTERM)):
        equal(same_and_exact(ENDS, how)["signal"], int(number), f"{how}: signal")


def test_hard_programs():
    """handlers, fibers, recursion, small stacks, late destructors, plugins: every call counted"""
    for case in (["sigaltstack"], ["fibers"], ["recursion"], ["overrun"], ["tls"],
                 ["smallstacks"], ["dlopen", PLUGIN], ["errno"], ["self"]):
        same_and_exact(HARD, *case)


def test_failed_calls():
    """malloc(SIZE_MAX / 2) and its like: refused as ever, counted apart, no bytes"""
    totals = same_and_exact(HARD, "errno")["totals"]
    refused = 3 + (b"aligned_alloc(3): 1" in run([HARD, "errno"]).stdout)  # since glibc 2.38
    equal(totals["failed_calls"], refused, "failed calls")
    assert totals["bytes_allocated"] < 10**6, totals


def test_mappings():
    """mmap and munmap by the program: counted apart, in whole pages"""
    totals = [first_process(watch(["/usr/bin/python3", "-S", "-c",
                                   f"import mmap; m = mmap.mmap(-1, {size}); m.close()"])[1])["totals"]
              for size in (4096, 5 * 10**6)]
    pages = -(-5 * 10**6 // 4096) - 1
    for figure in ("mmap_bytes", "munmap_bytes"):
        equal(totals[1][figure] - totals[0][figure], pages * 4096, figure)


main(globals())
