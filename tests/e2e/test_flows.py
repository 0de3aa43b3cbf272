"""Who frees whose memory: equal to the books of the program, and the pattern by its name."""

import os
import shutil
import tempfile

from watched import BARE, BUILD, equal, first_process, main, need, redis_server, status, watch

FLOWS = os.path.join(BUILD, "tests/e2e/flows")


def run_flows(how):
    """The books as {(from, to): [blocks, bytes]} without those that a thread freed itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "books")
        result, document = watch([FLOWS, path, how])
        equal((status(result), result.stderr), (0, b""), "exit status and stderr")
        with open(path, encoding="utf-8") as file:
            lines = [line.split() for line in file]
    return {(a, b): [int(blocks), int(size)] for a, b, blocks, size in lines}, document


def flows_by_name(document):
    names = {thread["id"]: thread["name"] for thread in document["threads"]}
    return {(names.get(f["from_thread"]), names[f["to_thread"]]): [f["blocks"], f["bytes"]]
            for f in document["flows"]}


def check_flows(books, document):
    """Every pair that the program knows of; the libraries' own work may add pairs with main."""
    crossing = {pair: sums for pair, sums in books.items() if pair[0] != pair[1]}
    main_name = os.path.basename(FLOWS)
    flows = {pair: sums for pair, sums in flows_by_name(document).items() if main_name not in pair}
    equal(flows, crossing, "flows")
    own = sum(sums[0] for pair, sums in books.items() if pair[0] == pair[1])
    totals = document["flow_totals"][0]
    threads = {thread["name"]: thread for thread in document["threads"]}
    freed_by_main = sum(blocks for (_, to), (blocks, _) in flows_by_name(document).items()
                        if to == main_name)
    equal(totals["own_blocks"] - own,
          threads[main_name]["deallocations"] - sum(
              blocks for (owner, _), (blocks, _) in flows_by_name(document).items()
              if owner == main_name), "blocks that main freed itself")
    equal(totals["crossed_blocks"], sum(s[0] for s in crossing.values()) + freed_by_main
          + sum(blocks for (owner, to), (blocks, _) in flows_by_name(document).items()
                if owner == main_name and to != main_name), "blocks that crossed")


def pattern_of(document, name, nodes):
    """The only pattern, or the report of what was named instead."""
    found = [(p["pattern"], [node["name"] for node in p["nodes"]])
             for p in document["flow_patterns"]]
    equal(found, [(name, nodes)], "patterns")
    pattern = document["flow_patterns"][0]
    equal(document["flow_totals"][0]["no_pattern_because"], None, "reason for no pattern")
    return pattern


def test_queue():
    """a queue between two threads: producer/consumer, 80 % of the blocks"""
    books, document = run_flows("queue")
    check_flows(books, document)
    pattern = pattern_of(document, "producer_consumer", ["producer", "consumer"])
    equal(pattern["blocks"], 16000, "blocks")
    equal("80 %" in pattern["evidence"], True, pattern["evidence"])


def test_pipeline():
    """four stages: a pipeline"""
    books, document = run_flows("pipeline")
    check_flows(books, document)
    pattern = pattern_of(document, "pipeline", ["read", "parse", "sort", "write"])
    equal(pattern["blocks"], 15000, "blocks")


def test_shared_cache():
    """six threads put into one table and evict what they find: a shared cache"""
    books, document = run_flows("cache")
    check_flows(books, document)
    pattern = pattern_of(document, "shared_cache", ["client-*"])
    equal(pattern["nodes"][0]["threads"], 6, "threads")


def test_work_stealing():
    """deques of unequal fill: work stealing, with its balance as the program counted it"""
    books, document = run_flows("steal")
    check_flows(books, document)
    pattern = pattern_of(document, "work_stealing", ["worker-*"])
    workers = sorted({name for pair in books for name in pair})
    allocated = [sum(s[0] for (a, _), s in books.items() if a == name) for name in workers]
    freed = [sum(s[0] for (_, b), s in books.items() if b == name) for name in workers]
    equal(allocated, [6000, 2000, 1000, 1000], "tasks of each")
    for balance, blocks in ((pattern["balance_before"], allocated), (pattern["balance"], freed)):
        expected = sum(blocks) / len(blocks) / max(blocks)
        equal(abs(balance - expected) < 0.002, True, f"balance {balance}, expected {expected}")


def test_pool():
    """one thread allocates in advance, four others free half a second later: a pool"""
    books, document = run_flows("pool")
    check_flows(books, document)
    pattern_of(document, "pool", ["refill", "user-*"])


def test_release_and_collector():
    """a thread that frees for another; a thread to which five others send"""
    books, document = run_flows("release")
    check_flows(books, document)
    pattern_of(document, "background_release", ["server", "reaper"])
    books, document = run_flows("collect")
    check_flows(books, document)
    pattern_of(document, "fan_in", ["net-*", "logger"])


def test_no_pattern():
    """threads that keep to themselves, and ones with little to give: nothing is named, and why"""
    books, document = run_flows("own")
    check_flows(books, document)
    equal(document["flow_patterns"], [], "patterns")
    books, document = run_flows("few")
    check_flows(books, document)
    equal(document["flow_patterns"], [], "patterns")
    because = document["flow_totals"][0]["no_pattern_because"]
    equal("patterns are looked for from 100 on" in because, True, because)


def test_more_owners_than_told_apart():
    """40 owners: 32 of them by name, the rest in one sum, nothing twice and nothing lost"""
    books, document = run_flows("owners")
    flows = flows_by_name(document)
    into = {pair[0]: sums for pair, sums in flows.items() if pair[1] == "freer"}
    rest = into.pop(None)
    expected = {pair[0]: sums for pair, sums in books.items()}
    equal(len(into), 32, "owners by name")
    for owner, sums in into.items():
        equal(sums, expected[owner], owner)
    blocks = sum(s[0] for s in into.values()) + rest[0]
    size = sum(s[1] for s in into.values()) + rest[1]
    equal((blocks, size), (400, sum(s[1] for s in books.values())), "all that was freed")
    freer = next(t for t in document["threads"] if t["name"] == "freer")
    equal((freer["frees_for_others"], freer["bytes_freed_for_others"]), (blocks, size), "its books")
    equal(document["flow_totals"][0]["owner_not_told_apart_blocks"], 80, "not told apart")


QUEUE_OF_PYTHON = """
import queue, threading
items = queue.Queue(100)
def produce():
    for i in range(20000):
        items.put(bytes(200 + i % 50))
    items.put(None)
def consume():
    while items.get() is not None:
        pass
threads = [threading.Thread(target=produce), threading.Thread(target=consume)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_queue_of_python():
    """python3, queue.Queue between two threads without names: who takes frees"""
    need("python3")
    result, document = watch(["/usr/bin/python3", "-S", "-c", QUEUE_OF_PYTHON],
                             env={**BARE, "PYTHONMALLOC": "malloc"})
    equal((status(result), result.stderr), (0, b""), "exit status and stderr")
    flow = max(document["flows"], key=lambda f: f["bytes"])
    equal(flow["bytes"] > 20000 * 200, True, "bytes that crossed")
    threads = {t["id"]: t for t in document["threads"]}
    consumer = threads[flow["to_thread"]]
    equal(sum(f["blocks"] for f in document["flows"] if f["to_thread"] == consumer["id"]),
          consumer["frees_for_others"], "frees of the consumer")


def test_redis_frees_in_the_background():
    """redis: keys that are unlinked are freed by its thread for that"""
    script = (f"{redis_server()} --port 0 --unixsocket s --save '' --appendonly no --daemonize no >/dev/null & "
              f"until redis-cli -s s ping >/dev/null 2>&1; do sleep 0.2; done; "
              f"redis-cli -s s eval \"for i = 1, 50000 do redis.call('hset', 'big', "
              f"'field' .. i, string.rep('x', 100)) end\" 0 >/dev/null; "
              f"redis-cli -s s unlink big >/dev/null; "
              f"until redis-cli -s s info memory | grep -q 'lazyfreed_objects:[1-9]'; "
              f"do sleep 0.1; done; "
              f"redis-cli -s s shutdown nosave; wait")
    with tempfile.TemporaryDirectory() as folder:
        result, document = watch([shutil.which("sh"), "-c", script], cwd=folder)
    equal(status(result), 0, "exit status")
    patterns = [p for p in document["flow_patterns"] if p["pattern"] == "background_release"]
    names = [[node["name"] for node in p["nodes"]] for p in patterns]
    equal(any(n[0].startswith("redis-server") and n[1].startswith("bio") for n in names), True,
          f"{[(p['pattern'], p['evidence']) for p in document['flow_patterns']]}")
    equal(first_process(document)["seen"] in ("full", "partial"), True, "the shell is seen")


main(globals())
