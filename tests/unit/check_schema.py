#!/usr/bin/python3
"""Validates reports against docs/schema.json.

Of a long list the schema sees the two ends and a part of what is between, as thousands of threads
take half a minute; references and sums are checked of all.

usage: check_schema.py [--strict] REPORT...

--strict: a field that the schema does not describe is an error too. Exit status 0 valid, 1 not,
2 usage, 77 the jsonschema module is missing (a test counts that as skipped).
"""

import json
import pathlib
import sys

SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "docs" / "schema.json"
ERRORS_SHOWN = 20
ENDS, STRIDE = 50, 17


def close(schema):
    """Forbids undescribed fields in every object of the schema."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema["additionalProperties"] = False
        for name, part in schema.items():
            if name != "allOf":  # conditions name what they look at only
                close(part)
    elif isinstance(schema, list):
        for part in schema:
            close(part)


def without_doubles(pairs):
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"name {name!r} stands twice in one object")
    return dict(pairs)


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


def problems_of_hotspots(hotspots):
    tree = hotspots["tree"]
    total = hotspots["total"]["inclusive"]
    for index, row in enumerate(tree):
        parent = row["parent"]
        if parent is not None and (parent >= index or tree[parent]["pruned"]):
            yield f"hotspots: parent {parent} of row {index} is no branch before it"
    for name, value in total.items():
        roots = [row["inclusive"][name] for row in tree if row["parent"] is None]
        if value is not None and sum(roots) != value:
            yield f"hotspots: {name} of the roots is {sum(roots)}, in total {value}"


def problems_of_lifetime(lifetime, processes):
    """The classes hold no more than there were, and know of all processes."""
    if processes and {row["process_id"] for row in lifetime["processes"]} != processes:
        yield "lifetime: not the processes that there are"
    for row in lifetime["sites"]:
        if row["provenance"] == "measured" and sum(row["size_classes"] or []) > row["allocations"]:
            yield f"lifetime: more blocks in classes than site {row['site_id']} allocated"


def problems_of_boundaries(report):
    """Nothing crosses more than there is."""
    for row in report["boundaries"]:
        if row["allocated_in"] == row["called_from"]:
            yield f"boundaries: {row['allocated_in']} crosses to itself"
    for name in ("sites", "bytes_allocated"):
        crossed = sum(row[name] for row in report["boundaries"])
        sites = report.get("sites")
        if sites is None:
            continue
        there = len(sites) if name == "sites" else sum(site[name] for site in sites)
        if crossed > there:
            yield f"boundaries: {crossed} {name} of {there}"


def problems_of_types(report):
    """All sites count in some type, and only those of unknown types have no type."""
    for name in ("current_bytes", "bytes_allocated", "allocations"):
        of_sites = sum(site[name] for site in report["sites"])
        of_types = sum(row[name] for row in report["types"])
        left_out = sum(row[name] for row in report["types"]
                       if (row["unknown_because"] or "").startswith("left out of the sample"))
        if of_types - left_out != of_sites:
            yield f"types: {name} adds up to {of_types}, that of sites to {of_sites}"
    for part, reason in (("sites", "type_unknown_because"), ("types", "unknown_because")):
        for entry in report[part]:
            known = entry["type"] is not None and entry.get("family") != "unknown"
            if known != (entry[reason] is None):
                yield f"{part}: type {entry['type']} and reason {entry[reason]} do not agree"


def problems_of_sites(report, threads):
    for site in report["sites"]:
        if threads and not set(site["thread_ids"]) <= threads:
            yield f"site {site['id']}: unknown thread"
        if site["culprit"] is not None and site["culprit"] >= len(site["stack"]):
            yield f"site {site['id']}: culprit beyond its stack"


def problems_of_flows(report, threads):
    for flow in report["flows"]:
        for end in ("from_thread", "to_thread"):
            if threads and flow[end] is not None and flow[end] not in threads:
                yield f"flow: {end} {flow[end]} is unknown"
    for totals in report["flow_totals"]:
        flows = [f for f in report["flows"] if f["process_id"] == totals["process_id"]]
        named = any(p["process_id"] == totals["process_id"] for p in report["flow_patterns"])
        if sum(f["blocks"] for f in flows) != totals["crossed_blocks"]:
            yield f"flow_totals: {totals['crossed_blocks']} is not the sum of the flows"
        if named == (totals["no_pattern_because"] is not None):
            yield "flow_totals: patterns and the reason for none do not agree"
    for pattern in report["flow_patterns"]:
        for node in pattern["nodes"]:
            if threads and node["thread_id"] not in threads:
                yield f"flow_patterns: thread {node['thread_id']} is unknown"


def problems_of_timeline(timeline):
    points = len(timeline["t_ns"])
    for series in timeline["series"]:
        if len(series["values"]) != points:
            yield f"timeline: {series['metric']} has {len(series['values'])} of {points} points"


def problems_of_threads(report):
    rules, left_out = report["filters"]["threads"], report["filters"]["threads_left_out"]
    if left_out and not rules:
        yield "filters: threads left out without a rule"
    for thread in report["threads"]:
        if not thread["tracked"] and thread["current_bytes"] is not None:
            yield f"thread {thread['id']}: heap figures although not tracked"


def problems_beyond_schema(report):
    """References and lengths, which a schema cannot say. What was left out is no problem."""
    processes = {process["id"] for process in report.get("processes", ())}
    # Others than those that are shown may have allocated.
    filtered = report["filters"]["threads_left_out"] > 0
    threads = set() if filtered else {thread["id"] for thread in report.get("threads", ())}
    for part in ("threads", "sites", "flows", "flow_totals", "flow_patterns", "correlations",
                 "boundaries"):
        for entry in report.get(part, ()):
            if processes and entry["process_id"] not in processes:
                yield f"{part}: process_id {entry['process_id']} is unknown"
    for part, check_part in (
        ("sites", lambda: problems_of_sites(report, threads)),
        ("hotspots", lambda: problems_of_hotspots(report["hotspots"])),
        ("types", lambda: problems_of_types(report) if "sites" in report else ()),
        ("lifetime", lambda: problems_of_lifetime(report["lifetime"], processes)),
        ("boundaries", lambda: problems_of_boundaries(report)),
        ("flows", lambda: problems_of_flows(report, threads)),
        ("timeline", lambda: problems_of_timeline(report["timeline"])),
        ("threads", lambda: problems_of_threads(report)),
    ):
        if part in report:
            yield from check_part()
    for metric in report["metrics"]:
        if (metric["provenance"] == "unavailable") != (metric["unavailable_because"] is not None):
            yield f"metric {metric['name']}: unavailable and reason do not agree"


def shortened(report):
    """What stands for the whole before the schema."""
    return {name: part[:ENDS] + part[ENDS:-ENDS:STRIDE] + part[-ENDS:]
            if isinstance(part, list) and len(part) > 4 * ENDS else part
            for name, part in report.items()} if isinstance(report, dict) else report


def check(validator, path):
    try:
        with open(path, encoding="utf-8", errors="strict") as file:
            report = json.load(
                file, object_pairs_hook=without_doubles, parse_constant=no_constant
            )
    except (OSError, ValueError) as error:
        return [str(error)]
    problems = [
        "/".join(map(str, error.absolute_path)) + ": " + error.message[:300]
        for error in validator.iter_errors(shortened(report))
    ]
    return problems or list(problems_beyond_schema(report))


def main(arguments):
    strict = arguments[:1] == ["--strict"]
    paths = arguments[1:] if strict else arguments
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        import jsonschema
    except ImportError:
        print("SKIP: python3-jsonschema is not installed", file=sys.stderr)
        return 77
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    if strict:
        close(schema)
    validator = jsonschema.Draft202012Validator(schema)
    status = 0
    for path in paths:
        problems = check(validator, path)
        for problem in problems[:ERRORS_SHOWN]:
            print(f"{path}: {problem}", file=sys.stderr)
        if problems:
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
