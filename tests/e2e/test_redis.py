"""redis-server with jemalloc, a load on it: its own used_memory equals our live bytes and waste."""

import os
import socket
import subprocess
import tempfile
import time

from watched import BARE, MEMSCOPE, end, first_process, load, main, need, wait_until


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
    return int(ask(path, "MEMORY", "STATS").split("total.allocated\r\n:")[1].split("\r\n")[0])


def ours(pid, folder):
    """Live requested bytes plus waste, by a viewer that joins and leaves."""
    report = os.path.join(folder, "joined.json")
    subprocess.run([MEMSCOPE, "-q", "-p", str(pid), "--duration", "1", "--json", report], env=BARE,
                   check=True, timeout=30, stdin=subprocess.DEVNULL)
    totals = first_process(load(report))["totals"]
    os.unlink(report)
    return totals["current_bytes"] + totals["waste_bytes"]


def test_redis_under_load():
    """used_memory at rest grows as live requested bytes plus waste do, within 0.1 %"""
    need("redis-check-rdb", "redis-benchmark")
    with tempfile.TemporaryDirectory() as folder:
        # The server is the same file as this tool; the name decides.
        server = os.path.join(folder, "redis-server")
        os.symlink("/usr/bin/redis-check-rdb", server)
        path = os.path.join(folder, "s")
        viewer = subprocess.Popen(
            [MEMSCOPE, "-q", "--", server, "--port", "0", "--unixsocket", path, "--save", "",
             "--appendonly", "no", "--dir", folder],
            env=BARE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        pid = None
        try:
            wait_until(lambda: os.path.exists(path), what="the socket of redis")
            pid = int(ask(path, "INFO", "server").split("process_id:")[1].split("\r\n")[0])
            time.sleep(1)
            # redis counts what goes through its own layer: not Lua, not libcrypto, not libstdc++.
            # They are there before the load and do nothing during it.
            uncounted = ours(pid, folder) - used_memory(path)
            assert 0 < uncounted < 1_000_000, f"{uncounted} bytes that redis does not count"
            subprocess.run(["redis-benchmark", "-s", path, "-t", "set,lpush", "-n", "100000", "-P",
                            "16", "-r", "20000", "-d", "64", "-q"], check=True, timeout=60,
                           env=BARE, stdout=subprocess.DEVNULL)
            time.sleep(2)
            redis, live = used_memory(path), ours(pid, folder) - uncounted
            error = abs(live - redis) / redis
            assert error <= 0.001, f"ours {live}, redis {redis}: {error:.4%}"
        finally:
            if pid:
                end(pid)
            end(viewer.pid)
            viewer.wait(10)


main(globals())
