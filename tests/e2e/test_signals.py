"""Signals in the middle of allocating."""

import os

from counted import agrees_alone
from watched import BUILD, SOAK, equal, main, run, status, watch

INTERRUPTED = os.path.join(BUILD, "tests/e2e/interrupted")


def test_fork_in_handler():
    """fork in a handler wherever the program is: every child returns from the handler and lives"""
    for _ in range(SOAK or 4):
        result, document = watch([INTERRUPTED, "forks"])
        equal((status(result), result.stdout), (0, b"300 children went on and ended\n"), "outcome")
        equal(len(document["processes"]), 301, "processes")
        for process in document["processes"]:
            equal(process["seen"], "full", "seen")
            assert process["totals"]["allocations"] >= 1000, process["totals"]


def same_and_exact(what):
    alone = run([INTERRUPTED, what])
    result, document = watch([INTERRUPTED, what])
    equal((status(result), result.stdout, result.stderr),
          (status(alone), alone.stdout, alone.stderr), what)
    agrees_alone(document, [INTERRUPTED, what])
    return document


def test_jumps():
    """siglongjmp out of handlers that allocate, from wild pointers too: exact, stacks go on"""
    document = same_and_exact("jumps")
    coarse = document["losses"]["coarsened"]
    equal(coarse, 0, "events without a stack")


def test_timers():
    """four threads under a timer of 100 us: exact, no call fails, nothing is seen of us"""
    same_and_exact("timers")


main(globals())
