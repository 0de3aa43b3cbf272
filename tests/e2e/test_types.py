"""What programs allocate, by type: as many blocks and bytes of each as they count themselves."""

import json
import os
import subprocess
import tempfile

from watched import BARE, BUILD, Skip, equal, main, need, redis_server, run, status, watch

FIGURES = ("allocations", "bytes_allocated", "current_blocks", "current_bytes")


def program(name):
    path = os.path.join(BUILD, "tests/e2e", name)
    if not os.path.exists(path):
        raise Skip(name + " was not built: its compiler is missing")
    return path


def figures_of(sites):
    blocks = [(s["allocations"], s["bytes_allocated"], s["allocations"] - s["deallocations"],
               s["current_bytes"]) for s in sites]
    return [sum(column) for column in zip(*blocks)] or [0, 0, 0, 0]


def sites_of(document, case):
    """Functions are "case_map()" in C++, "typed_rust::case_map" in Rust."""
    def is_case(frame):
        function = frame["function"] or ""
        return function in (case, case + "()") or function.endswith("::" + case)
    return [s for s in document["sites"] if any(is_case(f) for f in s["stack"])]


def name_of(document, site):
    """Of an unknown type the reason alone stands at the site: its row has it, too."""
    if site["type"]:
        return site["type"]["name"]
    reasons = [t["type"] for t in document["types"]
               if t["unknown_because"] == site["type_unknown_because"]]
    return reasons[0] if len(reasons) == 1 else "unknown"


def check_sums(document):
    """The rows are all there is, and each is the sum of its call sites."""
    for figure in ("allocations", "bytes_allocated", "current_bytes"):
        equal(sum(t[figure] for t in document["types"]), document["totals"][figure],
              f"{figure} of all types")
    by_type = {}
    for site in document["sites"]:
        if site["type"]:
            kind = site["type"]
            key = (kind["name"], kind["family"], kind["language"])
            by_type.setdefault(key, []).append(site)
    rows = {(t["type"], t["family"], t["language"]): t for t in document["types"]
            if t["family"] != "unknown"}
    for key, sites in by_type.items():
        if figures_of(sites)[0]:
            equal([rows[key][f] for f in FIGURES], figures_of(sites), f"row of {key}")
    unknown = [s for s in document["sites"] if not s["type"]]
    assert all(s["type_unknown_because"] for s in unknown), "an unknown type has a reason"


def check_cases(truth, document, also=lambda name: ()):
    for case, (expected, *figures) in truth.items():
        sites = sites_of(document, case)
        names = {name_of(document, s) for s in sites if s["allocations"]}
        if not names <= {expected, *also(expected)}:
            raise AssertionError(f"{case}: {names}, expected {expected}")
        for figure, found, right in zip(FIGURES, figures_of(sites), figures):
            if right is not None:
                equal(found, right, f"{figure} of {case}")


def watched(path, **keywords):
    result, document = watch([path], **keywords)
    equal((status(result), result.stderr), (0, b""), "exit status and stderr")
    return json.loads(result.stdout), document


def test_cpp():
    """C++ with debug information: containers, strings and smart pointers to the byte"""
    truth, document = watched(program("typed"))
    check_cases(truth, document)
    check_sums(document)
    rows = {t["type"]: t for t in document["types"]}
    for name in {expected for expected, *_ in truth.values()}:
        parts = [figures for expected, *figures in truth.values() if expected == name]
        equal([rows[name][f] for f in FIGURES], [sum(column) for column in zip(*parts)],
              f"distribution: {name}")
    equal(rows["std::map<int, Order>"]["provenance"], "derived", "provenance of the map")
    evidence = sites_of(document, "case_map")[0]["type"]["evidence"]
    assert "std::map" in evidence and ":" in evidence.split(" at ")[-1], evidence


def test_rust():
    """Rust: against the books of the program's own allocator"""
    truth, document = watched(program("typed_rust"))

    # Newer compilers leave the type of a plain Box to a function without parameters.
    check_cases(truth, document, lambda name: ("Box<?>",) if name.startswith("Box<") else ())
    check_sums(document)


def test_glib():
    """GLib: lists, strings, tables and objects"""
    truth, document = watched(program("typed_glib"), env={**BARE, "G_SLICE": "always-malloc"})
    check_cases(truth, document)
    check_sums(document)


def test_stripped():
    """without names it is unknown, with the module to blame; nothing is guessed"""
    need("strip")
    with tempfile.TemporaryDirectory(prefix="memscope-types-") as folder:
        path = os.path.join(folder, "bare")
        subprocess.run(["strip", "-o", path, program("typed")], check=True)
        truth, document = watched(path)
        check_sums(document)
        for row in document["types"]:
            assert "Order" not in row["type"], row
        nameless = [t for t in document["types"] if t["type"] == "unknown (no names in bare)"]
        equal(len(nameless), 1, "rows for the stripped program")
        # Strings are made by libstdc++ as well, and its functions have names.
        blocks = [(expected, figures[0]) for expected, *figures in truth.values()]
        least = sum(number for expected, number in blocks if "string" not in expected)
        most = sum(number for _, number in blocks)
        assert least <= nameless[0]["allocations"] <= most, (least, nameless, most)


def test_programs_in_c():
    """python3 and redis: unknown with a reason, and the sums are right"""
    need("python3")
    for command in (["/usr/bin/python3", "-c", "x = [str(i) for i in range(10000)]"],
                    [redis_server(), "--version"]):
        result, document = watch(command)
        equal(status(result), 0, "exit status")
        check_sums(document)
        unknown = [t for t in document["types"] if t["family"] == "unknown"]
        assert unknown and all(t["unknown_because"] for t in unknown), unknown


def test_sampled():
    """what a sample left out has a row of its own"""
    result, document = watch(["/usr/bin/python3", "-c", "x = [str(i) for i in range(100000)]"],
                             "--sample=64K", env={**BARE, "PYTHONMALLOC": "malloc"})
    equal(status(result), 0, "exit status")
    rows = [t for t in document["types"] if t["type"] == "unknown (not sampled)"]
    equal(len(rows), 1, "rows of what was not sampled")
    assert rows[0]["unknown_because"].startswith("left out"), rows
    assert any(t["estimated"] for t in document["types"])


main(globals())
