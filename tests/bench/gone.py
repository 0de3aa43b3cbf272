#!/usr/bin/python3
"""A program that prints 100 MB on the live screen's terminal: how long it takes when its viewer is
stopped, killed, or its terminal closed, as ratio to a run with the viewer alive.

   gone.py [MEGABYTES [ROUNDS]]
"""

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
# Waits until told, prints, and writes down how long that took by its own clock.
PROGRAM = """
import os, sys, time
go, took, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
line = b"x" * 99 + b"\\n"
while not os.path.exists(go):
    time.sleep(0.01)
start = time.monotonic()
for _ in range(megabytes):
    sys.stdout.buffer.write(line * 10000)
sys.stdout.buffer.flush()
open(took + ".new", "w").write(str(time.monotonic() - start))
os.rename(took + ".new", took)
"""


def drain(master, seconds_left):
    """Reads the viewer's screen as a terminal would."""
    if master is None:
        time.sleep(0.02)
    elif select.select([master], [], [], min(0.02, seconds_left))[0]:
        try:
            os.read(master, 65536)
        except OSError:
            time.sleep(0.02)


def one_run(what, megabytes, folder):
    go, took = os.path.join(folder, "go"), os.path.join(folder, "took")
    for path in (go, took):
        if os.path.exists(path):
            os.unlink(path)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    viewer = subprocess.Popen(
        [os.path.join(BUILD, "memscope-top"), "/usr/bin/python3", "-c", PROGRAM, go, took,
         str(megabytes)],
        stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm"},
        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        drain(master, 1)
    if what == "stopped":
        viewer.send_signal(signal.SIGSTOP)
    elif what == "killed":
        viewer.kill()
    elif what == "terminal closed":
        os.close(master)
        master = None
    time.sleep(0.5)
    open(go, "w").close()
    end = time.monotonic() + 120
    while not os.path.exists(took):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: the program did not end")
        drain(master, 1)
    with open(took, encoding="ascii") as file:
        seconds = float(file.read())
    viewer.kill()
    viewer.wait()
    if master is not None:
        os.close(master)
    return seconds


def main():
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    ways = ["stopped", "killed", "terminal closed"]
    ratios = {way: [] for way in ways}
    alive = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            alive.append(one_run("alive", megabytes, folder))
            for way in ways:
                ratios[way].append(one_run(way, megabytes, folder) / alive[-1])
    cells = [f"{way} {statistics.median(r):.3f} ({min(r):.2f}-{max(r):.2f})"
             for way, r in ratios.items()]
    print(f"viewer gone, {megabytes} MB printed    viewer alive {statistics.median(alive):.3g} s   "
          + "   ".join(cells), flush=True)


main()
