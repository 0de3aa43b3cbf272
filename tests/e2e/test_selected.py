"""--threads: exactly those are tracked, and they are exact."""

import json
import os
import tempfile

from watched import EXACT, MEMSCOPE, equal, main, run, status, watch

FIGURES = ("allocations", "deallocations", "bytes_allocated", "bytes_freed", "current_bytes",
           "peak_bytes")


def selected(selection):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "books.json")
        result, document = watch([EXACT, path, "1", "20", "100"], "--threads", selection)
        equal(status(result), 0, "exit status")
        with open(path, encoding="utf-8") as file:
            books = {thread["name"]: thread for thread in json.load(file)["threads"]}
    return books, {thread["name"]: thread for thread in document["threads"]}


def test_glob():
    """a glob: the chosen ones exact, whoever frees their blocks; the others count nothing"""
    books, threads = selected("worker-001?,worker-0042")
    chosen = {f"worker-{n:04}" for n in [*range(10, 20), 42]}
    equal({n for n, t in threads.items() if t["tracked"]} & books.keys(), chosen, "tracked threads")
    for name in chosen:
        for figure in FIGURES:
            equal(threads[name][figure], books[name][figure], f"{name} {figure}")
    for name, thread in threads.items():
        if not thread["tracked"]:
            equal(thread["allocations"] or 0, 0, f"{name}, not tracked, allocations")


def test_ended_short_threads():
    """short threads by name"""
    books, threads = selected("short-000*")
    for name in (f"short-{n:04}" for n in range(10)):
        for figure in FIGURES:
            equal(threads[name][figure], books[name][figure], f"{name} {figure}")


def test_bad_list_is_a_usage_error():
    """a list that cannot be read is refused before anything runs"""
    result = run([MEMSCOPE, "-q", "--threads", "x" * 1000, "--", "/bin/true"])
    equal(status(result), 2, "exit status")
    assert result.stderr.strip(), "nothing said why"


main(globals())
