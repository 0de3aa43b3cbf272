#!/usr/bin/env python3
"""Likely leaks in real programs, and caches that are none.

Leaks are put in by tests/e2e/programs/skip_free.c, at sites that chance chooses, in programs that
work all the while; what it says it did is the truth. Every one must be found within 60 s in which the
program was not held up by others, and nothing else. All run at the same time, at loads that leave the machine room; about 60 s, longer on
a busy machine. With SOAK all programs, with several seeds.
"""
import glob
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time

from watched import (BARE, BUILD, MEMSCOPE, ROOT, SOAK, end, equal, load, main, need,
                     redis_server, run, wait_until, watch)

SKIP_FREE = os.path.join(BUILD, "tests/e2e/skip_free.so")
CACHES = os.path.join(BUILD, "tests/e2e/caches")
WORK = tempfile.mkdtemp(prefix="memscope-leaks-")
FOUND_WITHIN_S = 60
SHORT = ("redis", "sqlite3", "python3", "jq", "curl", "redis-lru", "lru_cache", "sqlite-pages",
         "git-objects", "lru", "intern", "expire", "batches")
PYTHON = "/usr/bin/python3"


def schedstat(pid):
    """Seconds with and without a core."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return [int(word) / 1e9 for word in file.read().split()[:2]]


class Program:
    """A program under memscope-top that works until it is stopped."""

    def __init__(self, name, command, feed=None, exe=None, environment=None, pause=0.02):
        self.name, self.command, self.feed_line, self.pause = name, command, feed, pause
        self.exe = exe or os.path.basename(os.path.realpath(command[0]))
        self.environment = environment or {}
        self.stopping = threading.Event()
        self.looks = []  # time, what schedstat had, for how long it was held up until then

    def there(self):
        if "--git-dir" in self.command and not os.path.exists(os.path.join(WORK, "repository")):
            return False
        return os.path.exists(self.command[0])

    def start(self, seed=None):
        self.folder = tempfile.mkdtemp(prefix=self.name + "-", dir=WORK)
        self.report = os.path.join(self.folder, "report.json")
        self.log = os.path.join(self.folder, "log")
        environment = {**BARE, **self.environment}
        if seed is not None:
            environment.update(LD_PRELOAD=SKIP_FREE, SKIP_FREE_EXE=self.exe,
                               SKIP_FREE_SEED=str(seed),
                               SKIP_FREE_OUT=os.path.join(self.folder, "truth"))
        command = [part.replace("FOLDER", self.folder) for part in self.command]
        self.begin = time.monotonic()
        with open(os.path.join(self.folder, "stdout"), "wb") as stdout, \
                open(os.path.join(self.folder, "stderr"), "wb") as stderr:
            self.viewer = subprocess.Popen(
                [MEMSCOPE, "-q", "--json", self.report, "--debug-log", self.log, "--", *command],
                env=environment, stdin=subprocess.PIPE if self.feed_line else subprocess.DEVNULL,
                stdout=stdout, stderr=stderr, cwd=self.folder)
        self.feeder = threading.Thread(target=self.feed, daemon=True)
        self.feeder.start()
        threading.Thread(target=self.let_go, daemon=True).start()

    def works(self):
        """It is past its start: it answers."""
        return os.path.getsize(os.path.join(self.folder, "stdout")) > 0

    def let_go(self):
        """From here on sites are looked at: not at those of its start."""
        while not self.stopping.is_set() and not self.works():
            time.sleep(0.1)
        with open(os.path.join(self.folder, "truth.go"), "wb"):
            pass

    def feed(self):
        number = 0
        try:
            while not self.stopping.is_set() and self.feed_line:
                self.viewer.stdin.write(self.feed_line(number).encode())
                self.viewer.stdin.flush()
                number += 1
                time.sleep(self.pause)
        except (BrokenPipeError, ValueError):
            pass  # it has ended

    def stop(self):
        """Ends it as it would be ended: the report is of then."""
        self.stopping.set()
        self.stopped = time.monotonic()
        self.viewer.terminate()  # memscope-top passes it on

    def take_report(self):
        """After it was stopped."""
        self.feeder.join(10)
        try:
            self.viewer.wait(100)
        except subprocess.TimeoutExpired:
            end(self.viewer.pid)
            self.viewer.wait()
            with open(self.log, encoding="utf-8", errors="replace") as log:
                started = re.search(r"started pid (\d+)", log.read())
            if started:
                end(int(started.group(1)))
        if self.viewer.stdin:
            try:
                self.viewer.stdin.close()
            except BrokenPipeError:
                pass
        self.document = load(self.report)
        assert self.document, f"{self.name} left no report: {self.folder}"

    def truths(self):
        """The sites that leak: when it began, frames, what was skipped."""
        found = []
        for path in glob.glob(os.path.join(self.folder, "truth.[0-9]*")):
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = [line.split() for line in file.read().split("\n")[:-1]]
            for words in lines:
                if words[0] == "site":
                    found.append({"start": int(words[1]) / 1e9, "every": int(words[2]),
                                  "per_s": int(words[3]), "frames": [], "blocks": 0, "bytes": 0,
                                  "early": False})
                elif words[0] == "frame":
                    found[-1]["frames"].append((os.path.basename(words[2] if len(words) > 2
                                                                 else ""), int(words[1])))
                elif words[0] == "skipped":
                    truth = found[int(words[1])]
                    truth.update(blocks=int(words[2]), bytes=int(words[3]))
                    if int(words[4]) / 1e9 < truth["start"] + 45:
                        truth["early"] = truth["blocks"] >= 128 or truth["bytes"] >= 8000
        return found

    def look(self):
        """Notes for how long it and its viewer were held up: waited for a core, by the kernel."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                started = re.search(r"started pid (\d+)", log.read())
            times = [schedstat(pid) for pid in (int(started.group(1)), self.viewer.pid)]
        except (OSError, AttributeError):
            return  # it has not begun, has ended, or the kernel does not say
        now, held_up_s = time.monotonic(), 0
        if self.looks:
            before, times_before, held_up_s = self.looks[-1]
            held_up_s += sum(max(0, min(now - before - (ran - ran_before), waited - waited_before))
                             for (ran, waited), (ran_before, waited_before) in zip(times, times_before))
        self.looks.append((now, times, held_up_s))

    def had_s(self, begin, end):
        """Seconds from then to then in which nothing was held up."""
        at = lambda moment: max((held_up_s for now, _, held_up_s in self.looks if now <= moment), default=0)
        return end - begin - (at(end) - at(begin))

    def judged(self):
        """(time, site) of every judgement, also of those that were taken back."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return [(float(line.split()[0]), int(line.split("site ")[1].split()[0]))
                    for line in log if "likely leak at site" in line]

    def frames_of(self, site_id):
        """Return addresses, the hooks of the test left out."""
        site = next(s for s in self.document["sites"] if s["id"] == site_id)
        frames = []
        for frame in site["stack"]:
            module = os.path.basename(frame["module"] or "")
            if not frame["inlined"] and module != "skip_free.so":
                frames.append((module, frame["offset"]))
        return frames

    def named(self, site_id):
        site = next(s for s in self.document["sites"] if s["id"] == site_id)
        names = [f["function"] or f"{os.path.basename(f['module'] or '?')}+{f['offset']:#x}"
                 for f in site["stack"] if "skip_free" not in (f["module"] or "")]
        return f"{' < '.join(names[:4])}"

    def told(self, leak):
        return (f"{leak['reason']}, confidence {leak['confidence']}, {leak['live_blocks']} blocks: "
                f"{self.named(leak['site_id'])}")

    def is_of(self, site_id, truth):
        """The site begins with these frames; one that was cut, with some of them."""
        frames = self.frames_of(site_id)
        count = min(len(frames), len(truth["frames"]))
        return count > 0 and frames[:count] == truth["frames"][:count]


class Redis(Program):
    """Fed over its socket."""

    def __init__(self, name, commands, *options, pause=0.02, at_once=0):
        super().__init__(name, [redis_server(), "--port", "0", "--unixsocket", "FOLDER/s",
                                "--save", "", "--appendonly", "no", "--dir", "FOLDER", *options],
                         feed=commands, pause=pause)
        self.answered = False
        self.at_once = at_once  # so many commands as fast as it can

    def works(self):
        return self.answered

    def feed(self):
        path = os.path.join(self.folder, "s")
        wait_until(lambda: os.path.exists(path), 60, what="the socket of redis")
        time.sleep(0.2)
        number = 0
        try:
            while not self.stopping.is_set():
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(20)
                    client.connect(path)
                    for _ in range(50):  # then a new connection
                        number += self.converse(client, self.feed_line(number))
                        time.sleep(self.pause if number > self.at_once else 0)
                        if self.stopping.is_set():
                            break
        except OSError:
            pass  # it has ended

    def converse(self, client, text):
        """Returns how many commands were answered."""
        client.sendall(text.encode() + b"ECHO end-of-batch\r\n")
        answer = b""
        while b"end-of-batch" not in answer[-40:]:
            part = client.recv(1 << 16)
            if not part:
                raise OSError("closed")
            answer = answer[-40:] + part
        self.answered = True
        return text.count("\r\n")


class Curl(Program):
    """One process that asks for thousands of pages, from a server of ours that takes its time."""

    def __init__(self):
        super().__init__("curl", ["/usr/bin/curl", "-s", "-o", "/dev/null",
                                  "http://127.0.0.1:PORT/[1-999999]"])

    def start(self, seed=None):
        import http.server
        page = self
        self.answered = False

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page.answered = True
                time.sleep(0.005)
                body = b"x" * random.randrange(100, 5000)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Set-Cookie", f"k{random.randrange(20)}={random.random()}")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        port = str(self.server.server_address[1])
        self.command = [part.replace("PORT", port) for part in self.command]
        super().start(seed)

    def works(self):
        return self.answered

    def take_report(self):
        super().take_report()
        self.server.shutdown()
        self.server.server_close()


def word(bound):
    return "w" + str(random.randrange(bound))


def redis_work(number):
    """Every type, written, read and deleted over a bounded space of keys."""
    lines = []
    for i in range(12):
        key, value = word(60), "v" * random.randrange(10, 400)
        lines.append([f"SET s{key} {value}", f"APPEND s{key} abc", f"DEL s{key}",
                      f"LPUSH l{key} {value}", f"LTRIM l{key} 0 1", f"DEL l{key}",
                      f"HSET h{key} {word(20)} {value}",
                      f"DEL h{key}", f"ZADD z{key} {i} {word(30)}", f"DEL z{key}",
                      f"EVAL \"return #KEYS[1]..ARGV[1]\" 1 {key} {word(9)}",
                      f"SETEX e{key} 1 {value}", f"SADD m{key} {word(40)}", f"DEL m{key}",
                      f"GET s{key}", f"LRANGE l{key} 0 -1"][random.randrange(16)])
    return "\r\n".join(lines) + "\r\n"


def sqlite_work(number):
    if number == 0:
        return "CREATE TABLE t(k INTEGER PRIMARY KEY, a TEXT, b BLOB); CREATE INDEX i ON t(a);\n"
    key = random.randrange(500)
    return random.choice([
        f"INSERT OR REPLACE INTO t VALUES({key}, '{word(99)}', randomblob(200));\n",
        f"DELETE FROM t WHERE k = {key};\n",
        f"SELECT a, count(*) FROM t WHERE k > {key} GROUP BY a ORDER BY 2 DESC LIMIT 3;\n",
        f"SELECT upper(a) || hex(substr(b, 1, 4)) FROM t WHERE a = '{word(99)}';\n",
        f"WITH r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 50) "
        f"SELECT group_concat(n, ',') FROM r;\n",
        f"BEGIN; UPDATE t SET b = randomblob({random.randrange(300)}) WHERE k < {key}; COMMIT;\n"])


def jq_work(number):
    items = [{"id": i, "name": word(1000), "tags": [word(9)] * 3} for i in range(20)]
    return json.dumps({"n": number, "items": items}) + "\n"


def bc_work(number):
    a, b = random.getrandbits(300), random.getrandbits(150) + 1
    return (f"x = {a} * {b}; y = x / {b}; sqrt({a})\n"
            f"define f(n) {{ return (n * {b % 97}); }}\nf(y)\n")


def awk_work(number):
    return " ".join(word(100000) for _ in range(20)) + "\n"


def git_work(objects):
    return lambda number: random.choice(objects) + "\n"


def git_folder():
    """A packed copy of this repository, and its commits, trees and files; none: no repository."""
    folder = os.path.join(WORK, "repository")
    if not os.path.exists(os.path.join(ROOT, ".git")):
        return folder, []
    if not os.path.exists(folder):
        subprocess.run(["git", "clone", "--quiet", "--bare", "--no-local", ROOT, folder],
                       check=True, timeout=100)
    result = subprocess.run(["git", "-C", folder, "cat-file", "--batch-all-objects",
                             "--batch-check=%(objectname) %(objectsize)"],
                            capture_output=True, text=True, check=True, timeout=100)
    rows = [line.split() for line in result.stdout.splitlines()]
    return folder, [name for name, size in rows if int(size) < 30000]


PYTHON_LEAKY = """
import json, random, re, time
kept = {k: [{str(n): [n * 1000] * 5} for n in range(8)] for k in range(300)}
print("begun", flush=True)
while True:
    for i in range(20):
        k = random.randrange(300)
        kept[k] = json.loads(json.dumps([{str(n): [n * 1000] * 5} for n in range(8)]))
        re.sub(r"[aeiou]", lambda m: m.group().upper(), "some text %d" % k)
        sorted(kept.items(), key=lambda item: str(item[0]))[:3]
    time.sleep(0.03)
"""

PERL_LEAKY = """
my %kept; $| = 1; print "begun\\n";
while (1) {
    for (1 .. 40) {
        my $k = int(rand(300));
        $kept{$k} = [map +{ num => $_, text => "x" x int(rand(50)) }, 1 .. 5];
        my @words = split /,/, join(",", map { $_->{num} . $_->{text} } @{$kept{$k}});
        my $s = sprintf("%s-%d", join("", reverse @words), $k);
        $s =~ s/x+/y/g;
        delete $kept{int(rand(300))};
    }
    select(undef, undef, undef, 0.02);
}
"""

BASH_LEAKY = """
echo begun
while read -r a b c; do
    list=($a $b $c "$a-$b"); text="${list[*]//w/q}"; declare -A map; map[$a]=$text
    case $text in *7*) unset "map[$a]" ;; esac
    printf -v line '%s:%s' "$text" "${#map[@]}"
    [ ${#map[@]} -lt 200 ] || map=()
done
"""


def leaky_programs():
    folder, objects = git_folder()
    return [
        # On a busy machine commands count as slow: their log is to be full at once.
        Redis("redis", redis_work, "--slowlog-max-len", "4"),
        Program("sqlite3", ["/usr/bin/sqlite3", ":memory:"], feed=sqlite_work, pause=0.005),
        Program("python3", [PYTHON, "-c", PYTHON_LEAKY], environment={"PYTHONMALLOC": "malloc"}),
        Program("perl", ["/usr/bin/perl", "-e", PERL_LEAKY]),
        Program("jq", ["/usr/bin/jq", "-c", "[.items[] | {(.name): (.tags | join(\"+\"))}] | add"],
                feed=jq_work),
        # Its cache of delta bases, of 96 MB, would fill all the while.
        Program("git", ["/usr/bin/git", "--git-dir", folder, "-c",
                        "core.deltaBaseCacheLimit=256k", "cat-file", "--batch"],
                feed=git_work(objects), pause=0.005),
        Program("mawk", ["/usr/bin/mawk", "-W", "interactive",
                         'NR == 1 { print "begun"; fflush() } '
                         '{ for (i = 1; i <= NF; i++) { n[$i % 50 "k"] = n[$i % 50 "k"] i; '
                         's = substr($0, i, 40) $i; gsub(/1/, "uu", s); split(s, p, / /); '
                         'if (length(n[$i % 50 "k"]) > 60) delete n[$i % 50 "k"] } }'],
                feed=awk_work),
        Program("bc", ["/usr/bin/bc", "-q"], feed=bc_work),
        Program("bash", ["/usr/bin/bash", "-c", BASH_LEAKY], feed=awk_work, pause=0.01),
        Curl(),
    ]


PYTHON_LRU = """
import functools, random, time
@functools.lru_cache(maxsize=10000)
def answer(key):
    return [key, str(key) * 3]
while True:
    for _ in range(50):
        answer(random.randrange(10**9))
    time.sleep(0.05)
"""

PYTHON_BOUNDED = """
import functools, json, random, time
@functools.cache
def answer(key):
    return {"key": str(key), "text": "t" * (key % 90)}
while True:
    for _ in range(40):
        json.dumps(answer(random.randrange(4000)))
    time.sleep(0.05)
"""

PERL_STEADY = """
my (%kept, @order);
while (1) {
    for (1 .. 40) {
        my $k = rand();
        $kept{$k} = ["x" x int(rand(200))];
        push @order, $k;
        delete $kept{shift(@order)} if @order > 15000;
    }
    select(undef, undef, undef, 0.03);
}
"""


def sqlite_pages(number):
    """20 MB of rows are read at random through a page cache of 8 MB."""
    if number == 0:
        return ("PRAGMA cache_size = -8000; CREATE TABLE t(k INTEGER PRIMARY KEY, b BLOB); "
                "WITH r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 20000) "
                "INSERT INTO t SELECT n, randomblob(1000) FROM r; PRAGMA shrink_memory;\n")
    return "".join(f"SELECT length(b) FROM t WHERE k = {random.randrange(20000)};\n"
                   for _ in range(5))


def redis_fill(number):
    """2,000 keys a second, each new: 20 MB are full after some ten seconds."""
    return "".join(f"SET key:{number + i}:{random.random()} {'v' * 600}\r\n" for i in range(40))


def cache_programs():
    folder, objects = git_folder()
    return [
        Redis("redis-lru", redis_fill, "--maxmemory", "15mb", "--maxmemory-policy",
              "allkeys-lru", at_once=10000),
        Program("lru_cache", [PYTHON, "-c", PYTHON_LRU], environment={"PYTHONMALLOC": "malloc"}),
        Program("functools-cache", [PYTHON, "-c", PYTHON_BOUNDED],
                environment={"PYTHONMALLOC": "malloc"}),
        Program("sqlite-pages", ["/usr/bin/sqlite3", "FOLDER/file"], feed=sqlite_pages, pause=0.01),
        Program("git-objects", ["/usr/bin/git", "--git-dir", folder, "-c",
                                "core.deltaBaseCacheLimit=2m", "cat-file", "--batch"],
                feed=git_work(objects), pause=0.003),
        Program("perl-hash", ["/usr/bin/perl", "-e", PERL_STEADY]),
        *(Program(mode, [CACHES, mode])
          for mode in ("lru", "intern", "zipf", "pool", "expire", "batches", "buffers")),
    ]


class Runs(threading.Thread):
    """Programs that run at the same time, each under a memscope-top of its own."""

    def __init__(self, programs, over, seed=None):
        super().__init__()
        self.programs, self.over, self.seed = programs, over, seed
        self.problem = None
        self.begun = []

    def run(self):
        try:
            for program in self.programs:
                self.begun.append(program)
                program.start(self.seed)
            self.over.wait()
        except Exception as problem:
            self.problem = problem
        for step in (Program.stop, lambda program: program.take_report()):
            for program in self.begun:
                try:
                    step(program)
                except Exception as problem:
                    self.problem = self.problem or problem


def in_use(program):
    """MB that were live after a quarter, two, three and all of the run."""
    series = next(s for s in program.document["timeline"]["series"]
                  if s["metric"] == "current_bytes" and s["thread_id"] is None)
    values = [value for value in series["values"] if value is not None]
    return [round(values[len(values) * part // 4 - 1] / 1e6, 2) for part in (1, 2, 3, 4)]


def wait_for_findings(programs, least_s, most_s):
    """Until each leak was found or had its time; on a busy machine programs begin late."""
    begin = time.monotonic()
    while time.monotonic() < begin + most_s:
        time.sleep(1)
        now = time.monotonic()
        for program in programs:
            if hasattr(program, "log"):
                program.look()
        truths = [program.truths() for program in programs if hasattr(program, "log")]
        found = [len(program.judged()) > 0 for program in programs if hasattr(program, "log")]
        if now > begin + least_s and len(truths) == len(programs) and \
                all(hit or (truth and program.had_s(truth[0]["start"], now) > FOUND_WITHIN_S)
                    for hit, truth, program in zip(found, truths, programs)):
            break


def check_worked(program, wrong):
    """It lived until it was stopped."""
    if program.document["session"]["duration_ns"] < 40e9:
        with open(os.path.join(program.folder, "stderr"), errors="replace") as file:
            wrong.append(f"{program.name}: ended early: {file.read()[-300:]}")


def check_found(program, times, wrong):
    """Every leak that is one by then was judged in time, at its site, and nothing else."""
    truths = program.truths()
    if not truths and program.had_s(program.begin, program.stopped) <= FOUND_WITHIN_S:
        print(f"# {program.name}: held up by others, it has not come to where it leaks", flush=True)
    elif not truths:
        wrong.append(f"{program.name}: nothing was made to leak")
    for truth in truths:
        what = (f"{program.name}: 1 of {truth['every']} blocks of a site that frees "
                f"{truth['per_s']}/s, at the end at least {truth['blocks']} blocks, "
                f"{truth['bytes']} bytes")
        if not truth["early"]:
            print(f"# {what}: less than 128 blocks and 8 kB within 45 s, not asked for", flush=True)
            continue
        found = min((at for at, site in program.judged() if program.is_of(site, truth)), default=None)
        had_s = program.had_s(truth["start"], found or program.stopped)
        if found and had_s <= FOUND_WITHIN_S:
            times.append(found - truth["start"])
            print(f"# {what}: found after {times[-1]:.0f} s", flush=True)
        elif not found and had_s <= FOUND_WITHIN_S:
            print(f"# {what}: held up by others, it had {had_s:.0f} s: not asked for", flush=True)
        else:
            wrong.append(f"{what}: {'found late' if found else 'not found'}: {truth['frames']}")
    for leak in program.document["leaks"]["likely"]:
        if not any(program.is_of(leak["site_id"], truth) for truth in truths):
            wrong.append(f"{program.name}: no leak: {program.told(leak)}")


# New words for ever, ever rarer.
UNDECIDED = ("zipf",)


def check_none(program, wrong):
    """Nothing is a likely leak at the end; what was for a while is told."""
    for_a_while = [f"{at - program.begin:.0f} s: {program.named(site)}"
                   for at, site in program.judged()]
    live = in_use(program)
    print(f"# {program.name}: {live} MB live; judged meanwhile: {for_a_while or 'none'}",
          flush=True)
    said = [f"{program.name}: {program.told(leak)}" for leak in program.document["leaks"]["likely"]]
    if program.name in UNDECIDED:
        print(f"# {program.name}, where either is right: {said}", flush=True)
    elif live[1] < 0.95 * live[3] and program.name != "batches":
        print(f"# {program.name}: not full by half of the time, says nothing: {said}", flush=True)
    else:
        wrong += said
    return len(for_a_while)


def judge(leaky, caches, seconds, seed):
    """Returns the times to the findings, what went wrong, judgements that were taken back."""
    over = threading.Event()
    groups = [Runs(leaky, over, seed), Runs(caches, over)]
    for group in groups:
        group.start()
    try:
        wait_for_findings(leaky, seconds, 130)
    finally:
        over.set()
    for group in groups:
        group.join()
    for group in groups:
        if group.problem:
            raise group.problem
    times, wrong, taken_back = [], [], 0
    for program in leaky:
        check_worked(program, wrong)
        check_found(program, times, wrong)
    for program in caches:
        check_worked(program, wrong)
        taken_back += check_none(program, wrong)
    return times, wrong, taken_back


def test_leaks_and_caches():
    """Leaks put into real programs are found within 60 s at their sites, caches are none"""
    need("sqlite3", "git")
    seeds = [int(seed) for seed in os.environ.get("SEEDS", "").split()] or \
        (list(range(1, 4)) if SOAK else [1])
    all_wrong = []
    for seed in seeds:
        leaky = [p for p in leaky_programs() if SOAK or p.name in SHORT]
        caches = [p for p in cache_programs() if SOAK or p.name in SHORT]
        times, wrong, taken_back = judge([p for p in leaky if p.there()],
                                         [p for p in caches if p.there()],
                                         65 if SOAK else 50, seed)
        print(f"# seed {seed}: {len(times)} leaks found after {statistics.median(times or [0]):.0f} s "
              f"(median), {max(times, default=0):.0f} s (maximum); {len(caches)} caches, judged meanwhile "
              f"{taken_back} times; {len(wrong)} wrong", flush=True)
        all_wrong += [f"seed {seed}: {what}" for what in wrong]
    assert not all_wrong, "\n".join(all_wrong)


def test_suppressions():
    """Rules of a file mark what they fit; a bad rule is said, and nothing is started"""
    rules = os.path.join(WORK, "rules")
    with open(rules, "w", encoding="utf-8") as file:
        file.write("# known\nleak:/python3.*$\n")
    result, document = watch([PYTHON, "-c", "pass"], "--suppressions", rules)
    equal(result.returncode, 0, "status")
    totals = document["leaks"]["not_freed"]["totals"]
    equal(totals["bytes"], document["totals"]["current_bytes"], "bytes not freed")
    assert 0 < totals["suppressed_blocks"] <= totals["blocks"], totals
    for site in document["leaks"]["not_freed"]["sites"]:
        stack = document["sites"][site["site_id"] - 1]["stack"]
        equal(site["suppressed"], any("/python3." in (f["module"] or "") for f in stack),
              f"suppressed, {stack}")
    with open(rules, "a", encoding="utf-8") as file:
        file.write("race:x\n")
    mark = os.path.join(WORK, "started")
    result = run([MEMSCOPE, "--suppressions", rules, "--", "/usr/bin/touch", mark])
    equal(result.returncode, 2, "status")
    equal(result.stderr.decode().count("\n"), 1, "lines")
    assert b"line 3: 'race:x'" in result.stderr, result.stderr
    assert not os.path.exists(mark)


try:
    main(globals())
finally:
    if not os.environ.get("KEEP"):
        shutil.rmtree(WORK, ignore_errors=True)
