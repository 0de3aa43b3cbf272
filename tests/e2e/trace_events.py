"""Checks a file against the rules of the Trace Event Format (JSON object form)."""

PHASES = {"M", "C", "X", "i"}  # those that we write
METADATA = {"process_name", "thread_name"}


def need(condition, what, event):
    if not condition:
        raise AssertionError(f"{what}: {event}")


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check(document):
    """Returns the events by phase. Counters of one name and process must not go back in time."""
    need(isinstance(document.get("traceEvents"), list), "traceEvents is a list", "the file")
    need(document.get("displayTimeUnit") in ("ms", "ns"), "displayTimeUnit", "the file")
    found = {phase: [] for phase in PHASES}
    newest = {}
    named = set()
    for event in document["traceEvents"]:
        phase = event.get("ph")
        need(phase in PHASES, "phase", event)
        need(isinstance(event.get("name"), str) and event["name"], "name", event)
        for key in ("pid", "tid"):
            need(isinstance(event.get(key), int) and 0 <= event[key] < 2**31, key, event)
        found[phase].append(event)
        if phase == "M":
            need(event["name"] in METADATA, "name of metadata", event)
            need(isinstance(event["args"]["name"], str), "args.name", event)
            key = (event["name"], event["pid"], event["tid"])
            need(key not in named, "named twice", event)
            named.add(key)
            continue
        need(number(event.get("ts")) and event["ts"] >= 0, "ts", event)
        if phase == "C":
            need(event["args"] and all(number(v) for v in event["args"].values()), "args", event)
            key = (event["pid"], event["name"])
            need(event["ts"] > newest.get(key, -1), "ts goes on", event)
            newest[key] = event["ts"]
        elif phase == "X":
            need(number(event.get("dur")) and event["dur"] >= 0, "dur", event)
        else:
            need(event.get("s") in ("g", "p", "t"), "scope", event)
    return found
