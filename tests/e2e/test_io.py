"""I/O as the probe sees it: exact counts, known waits, callers, and programs that know nothing of it."""

import os
import re
import subprocess
import tempfile
import time

from watched import (BARE, BUILD, MEMSCOPE, again, descendants, end, equal, exe_of, load, main, need, redis_server, run, status,
                     wait_until, watch)

PROGRAM = os.path.join(BUILD, "tests/e2e/io_calls")
FOLDER = tempfile.mkdtemp(prefix="memscope-io-")


def watched(*command, options=()):
    """Threads by name; output and status are what they are natively."""
    alone = run([PROGRAM, *command])
    result, document = watch([PROGRAM, *command], *options)
    equal((status(result), result.stderr), (status(alone), alone.stderr), command)
    return result.stdout.decode(), document


def io_of(document, name="io_calls"):
    return [t["io"] for t in document["threads"] if t["name"] == name]


def exact(io, **kinds):
    """Each kind as (calls, bytes, errors, would_block); kinds that are not named had no call."""
    found = {kind: (io[kind]["calls"], io[kind].get("bytes", 0), io[kind]["errors"],
                    io[kind]["would_block"])
             for kind in io if isinstance(io[kind], dict)}
    equal(found, kinds, "calls, bytes, errors, would_block")


def near(found, expected, share, what):
    assert abs(found - expected) <= share * expected, f"{what}: {found}, expected {expected}"


def test_sockets():
    """sockets: calls, bytes, messages, errors, EAGAIN apart; by read and write too"""
    _, document = watched("sockets")
    (io,) = io_of(document)
    exact(io, send=(1215, 109600, 5, 0), receive=(1217, 109600, 0, 7))
    equal((io["send"]["messages"], io["receive"]["messages"]), (1280, 1280), "messages")


def test_tcp():
    """TCP over loopback: connect, accept, 600 KB each way, connections reset"""
    _, document = watched("tcp")
    (io,) = io_of(document)
    exact(io, open=(6, 0, 0, 0), send=(600, 600000, 0, 0), receive=(603, 600000, 3, 0))


def test_files():
    """files: the whole family exact; the time of fsync as the program measured it"""
    synced_ns, document = watched("files", os.path.join(FOLDER, "file"))
    (io,) = io_of(document)
    exact(io, read=(102, 51000, 1, 0), write=(1056, 87480, 0, 0), sync=(5, 0, 0, 0))
    equal(io["sync"]["timed_calls"], 5, "all of them timed")
    near(io["sync"]["wait_ns"], float(synced_ns), 0.1, "time in fsync")


@again
def test_waits():
    """a reader that waits for a slow pipe, alone and among fast reads: time within 10 %"""
    for fast in (0, 100):
        output, document = watched("slow", "40", "4000", str(fast))
        calls, waited_ns = (float(word) for word in output.split())
        reads = [io["read"] for io in io_of(document) if "read" in io]
        equal([(read["calls"], read["bytes"]) for read in reads], [(calls, calls)], "reads")
        near(reads[0]["wait_ns"], waited_ns, 0.1, f"time in reads, {fast} fast ones between")
        near(reads[0]["latency_ns"], waited_ns / calls, 0.1, "mean latency")


def test_fast_calls():
    """calls too fast to time each: a sample, its mean as of all of them"""
    path = os.path.join(FOLDER, "zeros")
    command = ["/usr/bin/dd", "if=/dev/zero", "of=" + path, "bs=1", "count=200000"]
    _, sampled = watch(command)
    _, everything = watch(command, "--io=all")
    for document, least, most in ((sampled, 1000, 150000), (everything, 200000, 200001)):
        (io,) = io_of(document, "dd")
        equal((io["read"]["calls"], io["read"]["bytes"]), (200000, 200000), "reads")
        assert least <= io["read"]["timed_calls"] <= most, io["read"]
        # No more than the life of the thread, whatever was estimated.
        life_ns = document["threads"][0]["run_time_ms"] * 1e6
        waits = sum(io[kind]["wait_ns"] for kind in io if isinstance(io[kind], dict))
        assert 0 < waits <= life_ns * 1.01, (waits, life_ns)


def test_reuse():
    """one descriptor that is a file and a socket in turn, by dup2, dup3, close and kin"""
    _, document = watched("reuse")
    (io,) = io_of(document)
    exact(io, write=(100, 1000, 0, 0), send=(100, 2000, 0, 0), receive=(100, 2000, 0, 0))


def test_cancel():
    """pthread_cancel in read, recv, poll, select, epoll_wait: unwound, destructors run, no call is left"""
    output, document = watched("cancel")
    equal(output, "50 cancelled, 100 destroyed\n", "outcome")
    (program,) = [io for io in io_of(document) if "read" in io]
    exact(program, read=(1000, 3000, 0, 0))
    equal([io["in_flight"] for io in io_of(document)], [None] * 51, "calls of threads that are over")


def test_signals():
    """a handler that writes, under a timer of 100 us: all counted, EINTR too, errno untouched"""
    output, document = watched("signals")
    reads, interrupted, handled = (int(word) for word in output.split())
    (io,) = io_of(document)
    exact(io, read=(reads + interrupted, 2 * reads, interrupted, 0),
          write=(handled, 5 * handled, 0, 0))


def test_jumps():
    """siglongjmp out of a read that blocks: later calls are counted as ever"""
    _, document = watched("jumps")
    (io,) = io_of(document)
    exact(io, read=(1000, 4000, 0, 0))


def test_forks():
    """forked children count for themselves; a vfork child that writes is its parent"""
    _, document = watched("forks")
    of = {p["id"]: p for p in document["processes"]}
    program = document["processes"][0]["id"]
    found = sorted((t["io"]["read"]["calls"], t["io"]["read"]["bytes"])
                   for t in document["threads"]
                   if of[t["process_id"]]["parent_id"] == program and t["name"] == "io_calls"
                   and "read" in t["io"])
    equal(found, [(100, 700), (200, 1400), (300, 2100)], "reads of children")
    (parent,) = [t["io"] for t in document["threads"] if t["process_id"] == program]
    exact(parent, read=(50, 450, 0, 0), write=(20, 220, 0, 0))


def test_in_flight():
    """a thread that is in a read is shown in it, and for how long"""
    path = os.path.join(FOLDER, "waits.json")
    with subprocess.Popen([MEMSCOPE, "-q", "--", PROGRAM, "waits", "600"], env=BARE,
                          stdin=subprocess.DEVNULL) as viewer:
        pid = wait_until(lambda: [pid for pid in descendants(viewer.pid) if exe_of(pid) == PROGRAM],
                         what="the program")[0]

        def in_flight_ns():
            run([MEMSCOPE, "-q", "-p", str(pid), "--duration", "0.5", "--json", path])
            document = load(path)
            (io,) = io_of(document)
            if io["in_flight"] is None:
                return None # it starts
            equal(io["in_flight"], "read", "the call")
            assert 0 < io["in_flight_ns"] <= document["session"]["duration_ns"], io
            return io["in_flight_ns"]
        first_ns = wait_until(in_flight_ns, what="the call")
        begin = time.monotonic()
        time.sleep(1)
        then = time.monotonic()
        assert in_flight_ns() - first_ns > (then - begin) * 1e9, "it does not go on"
        end(pid)


def test_switches():
    """--io: off sees nothing and says so, count takes no times, all times every call; --threads"""
    _, document = watched("callers", "100", options=["--io=off"])
    equal([t["io"] for t in document["threads"]], [None, None], "off")
    _, document = watched("callers", "100", options=["--io=count"])
    (io,) = io_of(document, "caller")
    exact(io, write=(150, 251000, 0, 0), send=(25, 7500, 0, 0), receive=(25, 7500, 0, 0))
    equal((io["write"]["timed_calls"], io["write"]["wait_ns"], io["write"]["latency_ns"]),
          (0, None, None), "times")
    _, document = watched("callers", "100", options=["--io=all"])
    (io,) = io_of(document, "caller")
    equal(io["write"]["timed_calls"], 150, "times of all")
    _, document = watched("callers", "100", options=["--threads=caller"])
    equal((io_of(document), len(io_of(document, "caller"))), ([None], 1), "selected")
    equal(status(run([MEMSCOPE, "--io=some", "true"])), 2, "no such way")


HARD = os.path.join(BUILD, "tests/e2e/hard_io")


def hard(*words):
    """Threads by name, and output; the program has the status that it has natively."""
    command = [HARD, *words]
    with open("/dev/zero", "rb") as zero:
        alone = run(command, stdin=zero)
        result, document = watch(command, stdin=zero)
    equal((status(result), result.stderr), (status(alone), alone.stderr), words)
    return result.stdout.decode(), document


def four_calls(io, turns):
    exact(io, read=(turns, 8 * turns, 0, 0), write=(turns, 8 * turns, 0, 0),
          receive=(turns, 3 * turns, 0, 0), send=(turns, 3 * turns, 0, 0))


def test_names_of_others():
    """functions of a program or its libraries that are named as libc's: left alone, registers and all"""
    program = os.path.join(BUILD, "tests/e2e/interposed")
    for command in ([program], ["/bin/sh", "-c", program + "; exit 3"]):
        alone = run(command)
        result, document = watch(command)
        equal((status(result), result.stdout, result.stderr),
              (status(alone), alone.stdout, alone.stderr), command)
        (io,) = io_of(document, "interposed")
        equal((io["write"]["calls"], "open" in io, "poll" in io), (2000, False, False), "its I/O")


def test_strict():
    """seccomp strict mode: read and write go on, also where the time may not be read"""
    _, document = hard("strict")
    (io,) = io_of(document, "hard_io")
    # What the sockets are cannot be asked any more.
    equal((io["read"]["calls"], io["read"]["bytes"], io["write"]["calls"], io["write"]["bytes"]),
          (20000, 110000, 20000, 110000), "calls")
    _, document = hard("no-counter")
    four_calls(io_of(document, "hard_io")[0], 1000)


def test_filter():
    """a filter that kills for the clock or any look at a descriptor: counted, in a new thread too"""
    _, document = hard("filter")
    # The thread may not even ask for its name; who sees it in /proc has it a second time, uncounted.
    thread, program = sorted((t["io"] for t in document["threads"] if t["io"]),
                             key=lambda io: io["read"]["calls"])
    four_calls(program, 1010)
    equal((thread["read"]["calls"], thread["write"]["calls"]), (1000, 1000), "in the thread")
    _, document = hard("no-vdso", HARD, "filter")
    found = [t["io"] for t in document["threads"] if "read" in (t["io"] or {})]
    equal(sorted(io["read"]["calls"] for io in found), [1000, 1010], "without a vDSO")
    assert all(io["read"]["timed_calls"] < 50 for io in found), found


def test_anywhere():
    """asynchronous cancellation and siglongjmp at any instruction of fast reads"""
    output, document = hard("cancelled")
    equal(output, "300 cancelled\n", "outcome")
    four_calls([io for io in io_of(document, "hard_io") if "send" in io][0], 100)
    _, document = hard("jumps")
    named = [frame["function"] for site in document["sites"]
             if site["work"] is not None and site["work"]["io_calls"] > 0
             for frame in site["stack"]]
    assert "reads_after" in named, named


def test_little_room():
    """smallest threads, coroutines on 4 KiB, handlers with one KiB: at most 1.5 KiB of stack"""
    used, document = hard("small")
    assert int(used) <= 1536, used
    (thread,) = [io for io in io_of(document, "hard_io") if "send" in io and io["send"]["calls"] == 100]
    four_calls(thread, 100)


def by_caller(document):
    """Calls, bytes and samples of I/O by the innermost function of call sites."""
    found = {}
    for site in document["sites"]:
        work = site["work"]
        if work is not None and work["io_calls"] > 0:
            caller = site["stack"][0]["function"] if site["stack"] else None
            figures = found.setdefault(caller, [0, 0, 0])
            for i, name in enumerate(("io_calls", "io_bytes", "io_samples")):
                figures[i] += work[name]
    return found


def test_callers():
    """the functions that do the I/O by name: exact when all are looked at, else within the error"""
    count = 40000
    expected = {"writes_little": (count, 10 * count), "writes_much": (count / 2, 2500 * count),
                "receives": (count / 2, 150 * count)}
    _, document = watched("callers", str(count), options=["--io=all"])
    equal(by_caller(document), {name: [calls, size, calls]
                                for name, (calls, size) in expected.items()}, "callers")
    _, document = watched("callers", str(count))
    found = by_caller(document)
    equal(sorted(found), sorted(expected), "callers")
    for name, (calls, size) in expected.items():
        near(found[name][0], calls, 0.25, name)
        near(found[name][1], size, 0.25, name)
        assert 0 < found[name][2] <= found[name][0], found[name]
    _, document = watched("callers", "100", options=["--count-only"])
    equal(by_caller(document), {}, "without call stacks")


def test_real_programs():
    """cat, dd, python3, git, a shell pipeline: as natively, byte by byte"""
    need("git")
    text = os.path.join(FOLDER, "text")
    with open(text, "w", encoding="utf-8") as file:
        file.write("".join(f"line {i}\n" for i in range(20000)))
    for command in (["/bin/cat", text], ["/bin/dd", "if=" + text, "bs=777", "status=none"],
                    ["/usr/bin/git", "hash-object", text], ["/usr/bin/sha256sum", text],
                    ["/usr/bin/python3", "-c", f"print(sum(map(len, open({text!r}))))"],
                    ["/bin/sh", "-c", f"tail -n 5000 {text} | sort -r | gzip -n | gzip -dc | md5sum"]):
        alone = run(command)
        result, document = watch(command)
        equal((status(result), result.stdout, result.stderr),
              (status(alone), alone.stdout, alone.stderr), command)
        assert any(t["io"] for t in document["threads"]), command


def test_strace():
    """sqlite3 on a file: as many reads, writes and fdatasync as strace sees"""
    need("strace", "sqlite3")
    text = ("PRAGMA cache_size=10; CREATE TABLE t(a, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
            "SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO t SELECT i, hex(i) FROM n; "
            "CREATE INDEX x ON t(b); SELECT count(*) FROM t WHERE b > '4';")
    names = ("p?read(?:64)?", "p?write(?:64)?", "fdatasync")
    counts = os.path.join(FOLDER, "counts")
    run(["/usr/bin/strace", "-f", "-y", "-o", counts, "-e", "trace=read,pread64,write,pwrite64,fdatasync",
         "/usr/bin/sqlite3", os.path.join(FOLDER, "alone.db"), text])
    with open(counts, encoding="latin-1") as file:
        lines = file.read()
    # Not those of the loader, and of stdio, which prints the result.
    expected = [len(re.findall(rf"\b{name}\(\d+<(?:{FOLDER}|/dev/urandom)", lines))
                for name in names]
    _, document = watch(["/usr/bin/sqlite3", os.path.join(FOLDER, "watched.db"), text])
    (io,) = io_of(document, "sqlite3")
    equal([io[kind]["calls"] for kind in ("read", "write", "sync")], expected, "calls")
    assert min(expected) > 5, expected


def test_redis():
    """redis-server under load: bytes received and sent as it counts them itself"""
    server = redis_server()
    path = os.path.join(FOLDER, "redis.socket")
    cli = ["/usr/bin/redis-cli", "-s", path]
    report = os.path.join(FOLDER, "redis.json")
    process = subprocess.Popen([MEMSCOPE, "-q", "--json", report, "--", server, "--port", "0",
                                "--unixsocket", path, "--save", "", "--dir", FOLDER], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: run([*cli, "ping"]).stdout == b"PONG\n", what="redis")
        run(["/usr/bin/redis-benchmark", "-s", path, "-n", "20000", "-q", "-t", "set,get"])
        info = run([*cli, "info", "stats"]).stdout.decode()
        counted = [int(re.search(name + r":(\d+)", info).group(1))
                   for name in ("total_net_input_bytes", "total_net_output_bytes")]
        run([*cli, "shutdown", "nosave"])
        process.wait(100)
    finally:
        process.kill()
        process.wait()
    document = load(report)
    server_io = [t["io"] for t in document["threads"] if "receive" in (t["io"] or {})]
    found = [sum(io[kind]["bytes"] for io in server_io if kind in io)
             for kind in ("receive", "send")]
    # Since the question: the answer to it, and the order to shut down.
    for bytes_found, bytes_counted in zip(found, counted):
        assert 0 <= bytes_found - bytes_counted < 8000, (found, counted)


main(globals())
