#!/usr/bin/env python3
"""Recordings of real programs: every moment looked at is, field by field, what the live model was.

tests/e2e/recording_client.c is a viewer that records and compares with replays of what it recorded
so far, at ticks that chance chooses, and at the end with the file. Takes about 10 s.
"""
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time

from watched import BUILD, ROOT, SOAK, equal, main, need, redis_server, run

PROBE = os.path.join(BUILD, "libmemscope-probe.so")
WORK = tempfile.mkdtemp(prefix="memscope-recording-")
CLIENT = os.path.join(WORK, "recording_client")
LIBRARIES = ["-lncursesw", "-ltinfo", "-ldw", "-lelf", "-lunwind-generic", "-liberty", "-lsensors",
             "-lzstd", "-lz", "-ldl", "-lpthread", "-lm"]

THREADS = """
import json, threading, time
end = time.monotonic() + 2
def work(number):
    while time.monotonic() < end:
        json.loads(json.dumps({str(i): [i] * 20 for i in range(100)}))
        time.sleep(0.01)
rounds = [threading.Thread(target=work, args=(i,), name=f"w{i}") for i in range(8)]
[thread.start() for thread in rounds]
while time.monotonic() < end:
    short = threading.Thread(target=lambda: json.dumps(list(range(1000))))
    short.start()
    short.join()
[thread.join() for thread in rounds]
"""


def build():
    rooms = [os.path.join(BUILD, "lib", room + ".a")
             for room in ("record", "export", "analysis", "collect", "model", "keeper", "wire")]
    cpuid = ["-lcpuid"] if os.uname().machine == "x86_64" else []
    subprocess.run(
        [os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE",
         "-I" + os.path.join(ROOT, "src"), "-o", CLIENT,
         os.path.join(ROOT, "tests/e2e/recording_client.c"), "-Wl,--start-group", *rooms,
         "-Wl,--end-group", *LIBRARIES, *cpuid], check=True)


def record(*command, options=(), least=1, **keywords):
    """The lines that the client told, by their first word; fails when anything differs."""
    path = os.path.join(WORK, "recording.memscope")
    seed = str(time.time_ns() % 100000)
    result = run([CLIENT, "-c", seed, *options, path, PROBE, *command], **keywords)
    text = result.stdout.decode(errors="replace")
    told = {}
    for line in text.splitlines():
        words = line.split()
        if words and "=" in line:
            told[words[0]] = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    bad = [line for line in text.splitlines() if line.startswith(("differs", "finding", "failed"))]
    equal(bad, [], f"seed {seed}, differences")
    equal(result.returncode, 0, f"seed {seed}, status of the client")
    equal(told["file"]["condition"], "whole", "condition of the file")
    equal(told["verified"]["findings"], "0", "findings of verify")
    if int(told["compared"]["count"]) < least:
        raise AssertionError(f"compared {told['compared']['count']} times")
    return told, path


def test_threads():
    """python3: threads that stay, threads that come and go"""
    need("python3")
    for _ in range(max(1, SOAK // 20)):
        record("/usr/bin/python3", "-c", THREADS, options=("-i", "50"), least=3)


def test_sqlite():
    """sqlite3: call sites by the thousand, one thread"""
    need("sqlite3")
    record("/usr/bin/sqlite3", ":memory:",
           "with recursive n(i) as (select 1 union all select i + 1 from n where i < 400000) "
           "select count(distinct printf('%d', i * i)) from n;")


def free_port():
    """Below those that clients get, so that nobody has it by chance in a moment."""
    for port in random.sample(range(15000, 32000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise AssertionError("no free port")


def test_redis():
    """redis-server with redis-benchmark as its neighbour: children, sockets, two allocators"""
    server = redis_server()
    port = str(free_port())
    script = (f"{server} --port {port} --save '' --appendonly no --bind 127.0.0.1 >/dev/null & "
              f"until redis-cli -p {port} ping >/dev/null 2>&1; do sleep 0.1; done; redis-benchmark -p {port} -n 10000 -q -t set,get,lpush >/dev/null; "
              f"redis-cli -p {port} shutdown nosave; wait")
    record("/bin/sh", "-c", script, least=2)


def test_compiler():
    """cc1plus: tens of thousands of call sites in seconds, and the size beside compact JSON"""
    need("g++")
    compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], stdout=subprocess.PIPE,
                              check=True).stdout.decode().strip()
    source = os.path.join(WORK, "source.ii")
    subprocess.run(["g++", "-std=c++20", "-E", "-P", "-x", "c++", "-", "-o", source],
                   input=b"#include <regex>\n", check=True)
    written = os.path.join(WORK, "moment.json")
    told, _path = record(compiler, "-quiet", "-std=c++20", "-fpreprocessed", source,
                         "-o", "/dev/null", options=("-j", written, "-i", "50"))
    if int(told["ticks"]["sites"]) < 10000:
        raise AssertionError(f"only {told['ticks']['sites']} call sites")
    moment = int(told["last_state"]["stored"]) + int(told["last_state"]["names"])
    print(f"# a moment {moment} bytes, JSON {os.path.getsize(written)}; {told['ticks']}")
    if moment * 5 > os.path.getsize(written):
        raise AssertionError(f"a moment takes {moment} bytes, JSON {os.path.getsize(written)}")


if __name__ == "__main__":
    build()
    try:
        main(globals())
    finally:
        shutil.rmtree(WORK)
