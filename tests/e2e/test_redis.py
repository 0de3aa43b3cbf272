"""redis-server with jemalloc, a load on it: its own used_memory equals our live bytes and waste."""

import collections
import os
import socket
import subprocess
import tempfile

from watched import (BARE, LIMIT_S, MEMSCOPE, end, equal, first_process, load, main, redis_server,
                     wait_until)

SERVER = os.path.basename(os.path.realpath("/usr/bin/redis-check-rdb"))


def ask(path, *words):
    """One command over the Unix socket, the raw answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(path)
        client.sendall(" ".join(words).encode() + b"\r\n")
        answer = b""
        while not answer.endswith(b"\r\n"):
            part = client.recv(65536)
            if not part:
                break
            answer += part
        return answer.decode()


def used_memory(path):
    return int(ask(path, "INFO", "memory").split("used_memory:")[1].split("\r\n")[0])


def innermost(site):
    """The module whose function called malloc, calloc or realloc."""
    return next((os.path.basename(frame["module"] or "") for frame in site["stack"]), None)


def ours(pid, folder):
    """Live requested bytes of redis-server's own calls plus waste, by a viewer that joins."""
    report = os.path.join(folder, "joined.json")
    subprocess.run([MEMSCOPE, "-q", "-p", str(pid), "--duration", "1", "--json", report], env=BARE,
                   check=True, timeout=100, stdin=subprocess.DEVNULL)
    document = load(report)
    os.unlink(report)
    totals = first_process(document)["totals"]
    equal(sum(s["current_bytes"] for s in document["sites"]), totals["current_bytes"],
          "live bytes of all sites")
    modules = collections.Counter()
    for site in document["sites"]:
        modules[innermost(site)] += site["current_bytes"]
    return modules[SERVER], totals["waste_bytes"], modules


def test_redis_under_load():
    """used_memory at rest equals live requested bytes plus waste, within 0.1 %"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "s")
        viewer = subprocess.Popen(
            [MEMSCOPE, "-q", "--", redis_server(), "--port", "0", "--unixsocket", path, "--save", "",
             "--appendonly", "no", "--dir", folder],
            env=BARE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        pid = None
        try:
            wait_until(lambda: os.path.exists(path), what="the socket of redis")
            pid = int(ask(path, "INFO", "server").split("process_id:")[1].split("\r\n")[0])
            subprocess.run(["redis-benchmark", "-s", path, "-t", "set", "-n", "400000", "-P", "16",
                            "-r", "200000", "-d", "1000", "-q"], check=True, timeout=LIMIT_S, env=BARE,
                           stdout=subprocess.DEVNULL)
            # It is at rest when it has as much after our look as before.
            while True:
                before = used_memory(path)
                # redis counts what it asks for itself: not libcrypto's, liblua's and libstdc++'s
                # blocks. Their waste is in our sum and not in redis's, a few thousand bytes.
                live, waste, modules = ours(pid, folder)
                redis = used_memory(path)
                if abs(redis - before) < 10_000:
                    break
            assert redis > 150_000_000, f"only {redis} bytes"
            error = (live + waste - redis) / redis
            print(f"# used_memory {redis:,}, ours {live:,} + {waste:,} waste: {error:+.4%}; "
                  f"{dict(modules)}", flush=True)
            assert abs(error) <= 0.001, f"ours {live} + {waste}, redis {redis}: {error:.4%}"
        finally:
            if pid:
                end(pid)
            end(viewer.pid)
            viewer.wait(100)


main(globals())
