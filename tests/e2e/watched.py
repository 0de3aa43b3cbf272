"""What the end-to-end tests share: running programs with and without memscope-top, its JSON, TAP."""

import atexit
import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
MEMSCOPE = os.path.join(BUILD, "memscope-top")
HARD = os.path.join(BUILD, "tests/e2e/hard")
EXACT = os.path.join(BUILD, "tests/e2e/exact")
PLUGIN = os.path.join(BUILD, "tests/e2e/plugin.so")
SOAK = int(os.environ.get("SOAK", "0"))
LIMIT_S = 300  # what takes so long hangs; a machine full of neighbours may take minutes
LATE_S = float(os.environ.get("TEST_LATE", "0"))
# One more variable changes how much python3 allocates; so all runs see exactly this.
BARE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent", "PYTHONHASHSEED": "0"}


class Skip(Exception):
    """A tool is missing: the reason."""


def need(*tools):
    for tool in tools:
        if not shutil.which(tool, path="/usr/bin:/bin:/usr/sbin"):
            raise Skip(tool + " is not installed")


@functools.lru_cache(maxsize=None)
def redis_server():
    """A path of redis-server: Debian's redis-tools holds it as a tool, the name decides."""
    need("redis-check-rdb", "redis-cli", "redis-benchmark")
    folder = tempfile.mkdtemp(prefix="memscope-redis-")
    os.chmod(folder, 0o755)
    atexit.register(shutil.rmtree, folder, True)
    path = os.path.join(folder, "redis-server")
    os.symlink("/usr/bin/redis-check-rdb", path)
    return path


def late():
    """With TEST_LATE before whatever a test does to, or wants to know of, what runs beside it."""
    if LATE_S:
        time.sleep(random.uniform(0, LATE_S))


def run(command, **options):
    """The program as it is. Bytes out; never raises for a status."""
    late()
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("env", BARE)
    options.setdefault("timeout", LIMIT_S)
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def watch(command, *options, **keywords):
    """The program under memscope-top, nothing of ours on the terminal. Returns result, document."""
    path = tempfile.mktemp(prefix="memscope-e2e-", suffix=".json")
    try:
        result = run([MEMSCOPE, "-q", "--json", path, *options, "--", *command], **keywords)
        return result, load(path)
    finally:
        if os.path.exists(path):
            os.unlink(path)


def wait_for_ticks(lines, count=15, seen=lambda tick: True):
    """Until the viewer that writes --json-lines has looked so often from now on, and seen that."""
    before = len(ticks_of(lines))
    wait_until(lambda: len(ticks := ticks_of(lines)) >= before + count and seen(ticks[-1]), LIMIT_S,
               "ticks of the viewer")


def watch_alive(command, *options, before=(), ticks=15, seen=lambda tick: True, **keywords):
    """As `watch`, of a program that lives until its standard input ends: that is when the viewer has
    looked at it so often, and seen that."""
    with tempfile.TemporaryDirectory(prefix="memscope-e2e-") as folder:
        path, lines = os.path.join(folder, "json"), os.path.join(folder, "lines")
        keywords.setdefault("env", BARE)
        with subprocess.Popen([*before, MEMSCOPE, "-q", "--json", path, "--json-lines", lines, *options,
                               "--", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **keywords) as viewer:
            try:
                wait_until(lambda: viewer.poll() is not None or ticks_of(lines), LIMIT_S, "the viewer")
                if viewer.poll() is None:
                    wait_for_ticks(lines, ticks, seen)
                stdout, stderr = viewer.communicate(timeout=LIMIT_S)
            finally:
                if viewer.poll() is None:
                    viewer.terminate()
        return subprocess.CompletedProcess(command, viewer.returncode, stdout, stderr), load(path)


def load(path):
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def ticks_of(path):
    """What --json-lines has written so far of ticks; empty: the viewer has not looked yet."""
    late()
    try:
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file.read().split("\n")[1:-1]]
    except OSError:
        return []


def status(result):
    """As a shell would say it."""
    return result.returncode if result.returncode >= 0 else 128 - result.returncode


def first_process(document):
    return document["processes"][0]


def wait_until(condition, seconds=60, what="a condition"):
    """Polls; returns what the condition returned."""
    end = time.monotonic() + seconds
    while True:
        late()
        over = time.monotonic() >= end  # before the last look, as we may stand still ourselves
        value = condition()
        if value:
            return value
        if over:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.05)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def sleeps(pid):
    """Whether all threads of a process wait for something, none of them for a core."""
    try:
        states = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="latin-1") as file:
                states.append(file.read().rpartition(")")[2].split()[0])
        return set(states) == {"S"}
    except OSError:
        return False


def children_of(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                    if int(file.read().rpartition(")")[2].split()[1]) == pid:
                        found.append(int(name))
            except OSError:
                pass
    return found


def descendants(pid):
    found = []
    for child in children_of(pid):
        found += [child, *descendants(child)]
    return found


def exe_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def end(pid):
    """Kills what a test started, by its number."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def again(test, times=6):
    """For a test that judges shares of time: once in one of so many runs is enough, as a neighbour may
    have taken the machine for a while; what is wrong in the product is wrong each time. The pauses
    between become longer, so that what disturbed one run is over in another. TEST_TRIES=1 finds what
    needs it."""
    times = int(os.environ.get("TEST_TRIES", times))

    @functools.wraps(test)
    def tried():
        for left in reversed(range(times)):
            try:
                return test()
            except AssertionError as error:
                if left == 0:
                    raise
                print("# again: " + str(error).replace("\n", "\n# "), flush=True)
                time.sleep(0.5 * 2 ** (times - 1 - left))
    return tried


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: {found!r}, expected {expected!r}")


def main(names):
    """Runs every test_* of the module; TAP on stdout."""
    # So that a test that is ended from outside, too, ends what it started.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    tests = [(name, thing) for name, thing in names.items() if name.startswith("test_")]
    print(f"1..{len(tests)}", flush=True)
    failures = 0
    for number, (name, test) in enumerate(tests, 1):
        title = (test.__doc__ or name).strip().splitlines()[0].rstrip(".")
        try:
            test()
            print(f"ok {number} - {title}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {title} # SKIP {reason}", flush=True)
        except Exception:
            failures += 1
            print(f"not ok {number} - {title}")
            print("# " + traceback.format_exc().rstrip().replace("\n", "\n# "), flush=True)
    sys.exit(1 if failures else 0)
