"""The program that keeps its own books: every figure of every thread, tolerance 0."""

import collections
import json
import os
import tempfile

from watched import EXACT, equal, first_process, main, run, status, watch

FIGURES = ("allocations", "deallocations", "bytes_allocated", "bytes_freed", "current_bytes",
           "peak_bytes", "frees_for_others", "bytes_freed_for_others", "failed_calls")
# What the C and C++ libraries allocate for a thread that starts others, by the function that does.
OF_THE_LIBRARIES = ("_dl_allocate_tls", "pthread_create", "__pthread_create", "_dl_init",
                    "call_init")


def books_and_document(*arguments, options=()):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "books.json")
        result, document = watch([EXACT, path, *arguments], *options)
        equal((status(result), result.stderr), (0, b""), "exit status and stderr")
        with open(path, encoding="utf-8") as file:
            books = {thread["name"]: thread for thread in json.load(file)["threads"]}
    return books, document


def compare(books, threads, figures=FIGURES):
    wrong = []
    for name, expected in books.items():
        for figure in figures:
            if name not in threads:
                wrong.append(f"{name} is missing")
                break
            if threads[name][figure] != expected[figure]:
                wrong.append(f"{name}.{figure}: {threads[name][figure]}, expected {expected[figure]}")
    if wrong:
        raise AssertionError(f"{len(wrong)} figures differ:\n" + "\n".join(wrong[:20]))


def by_name(document):
    names = collections.Counter(thread["name"] for thread in document["threads"])
    twice = [name for name, count in names.items() if count > 1]
    equal(twice, [], "names that appear twice")
    return {thread["name"]: thread for thread in document["threads"]}


def main_thread(document):
    process = first_process(document)
    return next(t for t in document["threads"]
                if t["process_id"] == process["id"] and t["tid"] == process["pid"])


def test_five_thousand_threads():
    """5,000 threads, the whole family of functions, frees across threads: all figures equal"""
    books, document = books_and_document("1")
    equal(len(books), 5001, "threads in the books")
    compare(books, by_name(document))


def test_other_seeds():
    """other seeds: all figures equal"""
    for seed in ("2", "77", "20261121"):
        books, document = books_and_document(seed, "25", "400")
        compare(books, by_name(document))


def test_main_thread_is_explained():
    """what main allocated is the libraries' work for it, call site by call site"""
    _, document = books_and_document("5", "5", "100")
    thread = main_thread(document)
    sites = [s for s in document["sites"] if thread["id"] in s["thread_ids"]]
    equal(sum(s["allocations"] for s in sites), thread["allocations"], "allocations by site")
    equal(sum(s["bytes_allocated"] for s in sites), thread["bytes_allocated"], "bytes by site")
    for site in sites:
        functions = [frame["function"] or "" for frame in site["stack"]]
        modules = [frame["module"] or "" for frame in site["stack"]]
        if not (any(f.startswith(OF_THE_LIBRARIES) for f in functions)
                or any("libstdc++" in m for m in modules[:2])):
            raise AssertionError(f"not explained: {functions} in {modules}")


def test_exceptions_are_explained():
    """a new that fails is one exception: a block of 136 bytes that libstdc++ takes and frees"""
    books, document = books_and_document("8", "10", "100")
    expected = sum(thread["exceptions"] for thread in books.values())
    assert expected > 1000, f"only {expected} exceptions"
    sites = [s for s in document["sites"]
             if "__cxa_allocate_exception" in (f["function"] for f in s["stack"])]
    for site in sites:
        # Innermost: nothing below it allocated.
        equal(site["stack"][0]["function"], "__cxa_allocate_exception", "innermost function")
        assert "libstdc++" in site["stack"][0]["module"], site["stack"][0]["module"]
        assert any("failing_news" in (f["function"] or "") for f in site["stack"]), site["stack"]
    equal([sum(s[figure] for s in sites) for figure in
           ("allocations", "deallocations", "bytes_allocated", "bytes_freed")],
          [expected, expected, 136 * expected, 136 * expected],
          "allocations, deallocations, bytes of exceptions")


def test_process_totals():
    """the process is the sum of its threads; totals are the sum of the processes"""
    _, document = books_and_document("3", "10", "300")
    process = first_process(document)
    for figure in ("allocations", "deallocations", "bytes_allocated", "bytes_freed",
                   "current_bytes"):
        of_threads = sum(t[figure] for t in document["threads"]
                         if t["process_id"] == process["id"])
        equal(process["totals"][figure], of_threads, f"process {figure}")
        equal(document["totals"][figure],
              sum(p["totals"][figure] for p in document["processes"]), f"totals {figure}")
    highest = max(t["peak_bytes"] for t in document["threads"])
    assert process["totals"]["peak_bytes"] >= highest, "the process peaked below one of its threads"


def test_sites_add_up():
    """the call sites of a worker add up to the worker, and name the functions of the program"""
    books, document = books_and_document("4", "20", "50")
    threads = by_name(document)
    counted = collections.Counter()
    for site in document["sites"]:
        if len(site["thread_ids"]) == 1:
            counted[site["thread_ids"][0]] += site["allocations"]
    shared = [s for s in document["sites"] if len(s["thread_ids"]) > 1]
    total = sum(counted.values()) + sum(s["allocations"] for s in shared)
    equal(total, document["totals"]["allocations"], "allocations of all sites")
    functions = {f["function"] for s in document["sites"] for f in s["stack"] if f["function"]}
    assert any("own_work" in f for f in functions), f"own_work is not among {sorted(functions)[:30]}"
    assert threads.keys() >= books.keys()


def test_repeatable():
    """two runs of one seed give the same figures"""
    figures = []
    for _ in range(2):
        _, document = books_and_document("9", "10", "100")
        figures.append({name: [t[f] for f in FIGURES] for name, t in by_name(document).items()})
    equal(figures[0], figures[1], "figures of two runs")


def test_native_runs_too():
    """the books are the same without us: the program did not behave differently"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "books.json")
        equal(status(run([EXACT, path, "6", "10", "100"])), 0, "exit status")
        with open(path, encoding="utf-8") as file:
            alone = {thread["name"]: thread for thread in json.load(file)["threads"]}
    books, _ = books_and_document("6", "10", "100")
    equal(books, alone, "books")


main(globals())
