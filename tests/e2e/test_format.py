"""docs/format.md is enough to read recordings: a reader made from it finds what the product finds.

Takes about 6 s. SOAK compares as many damaged files as it says.
"""

import json
import os
import random
import shutil
import tempfile

import recording
from watched import BUILD, MEMSCOPE, SOAK, equal, main, need, run

CLIENT = os.path.join(BUILD, "tests/e2e/blocks_client")
WORK = tempfile.mkdtemp(prefix="memscope-format-")
PATH = os.path.join(WORK, "made.memscope")
OLD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recordings")
# What memscope-top found in recordings/version-1.memscope when it was made: threads and call sites
# of its JSON, allocations and bytes allocated of the program.
VERSION_1 = (20, 1007, 9628, 20026611)
DAMAGED = os.path.join(WORK, "damaged.memscope")


def written(blocks=23, most=3000):
    equal(run([CLIENT, "write", PATH, str(blocks), str(most)]).returncode, 0, "status of write")
    with open(PATH, "rb") as file:
        return file.read()


def listed(path):
    result = run([CLIENT, "list", path])
    return result.returncode, result.stdout.decode().splitlines()


def compare(path, what):
    status, ours = listed(path)
    try:
        equal(recording.listing(path), ours, what)
    except recording.NoRecording:
        equal(status, 1, what + ": status of what is no recording")


def test_whole():
    """An independent reader lists a whole file as we do"""
    need("zstd")
    written()
    compare(PATH, "a whole file")
    equal(len(listed(PATH)[1]), 24, "lines")
    equal(listed(PATH)[1][-1], "closed, 0 bytes lost", "condition")


def test_damaged():
    """Files that are cut, damaged, or have bytes too many or too few"""
    need("zstd")
    data = written(9, 400)
    draw = random.Random(int(os.environ.get("SEED", "6")))
    # All of them lose the footer, so that there is no index to go by.
    for _ in range(SOAK or 60):
        damaged = bytearray(data)
        for _ in range(draw.randrange(4)):
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        place, count = draw.randrange(len(damaged)), draw.choice((0, 1, 50, 500))
        what = draw.choice(("cut", "missing", "more"))
        if what == "cut":
            del damaged[place:]
        elif what == "missing":
            del damaged[place:place + count]
            del damaged[-1:]
        else:
            damaged[place:place] = draw.randbytes(count)
            del damaged[-1:]
        with open(DAMAGED, "wb") as file:
            file.write(damaged)
        compare(DAMAGED, "%s at %d, %d bytes" % (what, place, count))


def test_newer_and_foreign():
    """A newer version, a foreign file and an empty one are refused"""
    data = written(1, 10)
    newer = bytearray(data)
    newer[8] = 3
    newer[28:32] = recording.zlib.crc32(newer[:28]).to_bytes(4, "little")
    for content, words in ((newer, "version 3"), (b"MZ" * 100, "not a recording"), (b"", "empty")):
        with open(DAMAGED, "wb") as file:
            file.write(content)
        status, lines = listed(DAMAGED)
        equal((status, words in lines[0]), (1, True), words)
        compare(DAMAGED, words)


# Threads that stay, come and go; call sites that grow, change and are left alone.
PROGRAM = """
import json, threading, time
end, kept = time.monotonic() + 2.5, []
def work(number):
    while time.monotonic() < end:
        kept.append(json.loads(json.dumps({str(i): [i] * 20 for i in range(10 * number)})))
        time.sleep(0.01)
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
[thread.start() for thread in threads]
while time.monotonic() < end:
    short = threading.Thread(target=lambda: json.dumps(list(range(1000))))
    short.start()
    short.join()
[thread.join() for thread in threads]
"""


def recorded_session():
    path, document = os.path.join(WORK, "session.memscope"), os.path.join(WORK, "session.json")
    for command in (["record", "-q", "-o", path, "--", "/usr/bin/python3", "-c", PROGRAM],
                    ["export", path, "--json", document]):
        result = run([MEMSCOPE, *command])
        equal((result.returncode, result.stderr), (0, b""), command[0])
    with open(document, encoding="utf-8") as file:
        return path, json.load(file)


def by_id(table, things, fields):
    return {number: tuple(table.of(thing, field) for field in fields) for number, thing in things}


def compare_contents(names, session, document):
    table = session.tables[0]["process"]
    equal(by_id(table, session.processes.items(), ("pid", "exe", "totals.allocations", "totals.peak_bytes")),
          {process["id"]: (process["pid"], process["exe"], process["totals"]["allocations"],
                           process["totals"]["peak_bytes"]) for process in document["processes"]},
          "processes")
    table = session.tables[1]["thread"]
    own = by_id(table, session.threads.items(), ("name", "heap.allocations", "heap.bytes_allocated",
                                                 "heap.bytes_freed", "heap.peak_bytes"))
    equal(own, {thread["id"]: (thread["name"], thread["allocations"], thread["bytes_allocated"],
                               thread["bytes_freed"], thread["peak_bytes"])
                for thread in document["threads"]}, "threads")
    table, figures = session.tables[4]["usage"], {}
    for (_, site, _), usage, _ in session.usages:
        of = figures.setdefault(site, [0, 0, 0])
        of[0] += table.of(usage, "allocations")
        of[1] += table.of(usage, "bytes_allocated")
        of[2] += table.of(usage, "bytes_allocated") - table.of(usage, "bytes_freed")
    shown = {site["id"]: site for site in document["sites"]}
    found = dict(session.sites)
    equal(set(shown) - set(found), set(), "call sites that only JSON has")
    for number, site in shown.items():
        equal(figures.get(number, [0, 0, 0]), [site["allocations"], site["bytes_allocated"],
                                               site["current_bytes"]], f"call site {number}")
        equal([function for function, _ in names.functions(number)],
              [frame["function"] or "" for frame in site["stack"]], f"stack of call site {number}")
    return len(own), len(shown)


def test_contents():
    """What an independent reader finds inside: processes, threads, call sites, their figures, stacks"""
    need("zstd", "python3")
    path, document = recorded_session()
    threads, sites = compare_contents(*recording.last_moment(path, False)[:2], document)
    # And tick by tick, from the first state on.
    names, session, blocks = recording.last_moment(path)
    compare_contents(names, session, document)
    if threads < 20 or sites < 200 or blocks < 2:
        raise AssertionError(f"{threads} threads, {sites} call sites, {blocks} blocks of ticks")


def test_version_1():
    """A recording of version 1 of the format opens, and holds what it always held"""
    need("zstd")
    path, document = os.path.join(OLD, "version-1.memscope"), os.path.join(WORK, "old.json")
    result = run([MEMSCOPE, "export", path, "--json", document])
    equal((result.returncode, result.stderr), (0, b""), "export")
    with open(document, encoding="utf-8") as file:
        exported = json.load(file)
    equal(compare_contents(*recording.last_moment(path, False)[:2], exported), VERSION_1[:2],
          "threads and call sites")
    equal((exported["processes"][0]["totals"]["allocations"],
           exported["processes"][0]["totals"]["bytes_allocated"]), VERSION_1[2:], "its totals")
    equal(run([MEMSCOPE, "verify", path]).returncode, 0, "status of verify")


if __name__ == "__main__":
    try:
        main(globals())
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
