"""Reports: one document or a set of them, sections, filters, CSV, lines, and of a live program."""

import csv
import io
import json
import os
import subprocess
import tempfile

from watched import BUILD, MEMSCOPE, ROOT, equal, main, run, status, watch_alive

CHECK = os.path.join(ROOT, "tests/unit/check_schema.py")
PROGRAM = ["/usr/bin/python3", "-c", """
import threading, time
keep = []
def work(n):
    for _ in range(6):
        keep.append(bytearray(10000 * n))
        time.sleep(.1)
threads = [threading.Thread(target=work, args=(n + 1,)) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""]
LIMIT = ["env", "--default-signal=XFSZ", "prlimit", "--fsize=2048", "--"]
TOO_LARGE = b"file too large (ulimit -f, or --max-size of a recording)\n"
NAMES = "comprehensive resource_rankings memory lifetime performance boundaries types".split()


def report(*options, program=("/bin/true",)):
    return run([MEMSCOPE, "--plain", "-q", *options, "--", *program])


def valid(*paths):
    done = run(["/usr/bin/python3", CHECK, "--strict", *paths])
    equal(done.stderr.decode(), "", "what the schema says")
    equal(done.returncode, 0, "check of the schema")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def test_json_set():
    """--json-set writes a document for each subject, all valid, and together they are the whole"""
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "p")
        equal(report("--json-set", prefix, program=PROGRAM).returncode, 0, "status")
        paths = [f"{prefix}_{name}.json" for name in NAMES]
        valid(*paths)
        whole, *parts = [load(path) for path in paths]
        equal([part["document"] for part in parts], NAMES[1:], "names")
        equal(set().union(*parts), set(whole), "members of all parts")
        assert whole["lifetime"]["processes"] and whole["rankings"]


def test_sections_and_filter():
    """--sections and --only leave out what they say, say so, and leave the totals alone"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.json")
        report("--json", path, "--sections=all,-sites,-timeline", "--only", "peak_bytes>20000",
               program=PROGRAM)
        valid(path)
        document = load(path)
        assert not {"sites", "hotspots", "timeline"} & set(document), list(document)
        equal(document["sections"]["left_out"], ["timeline", "sites"], "left out")
        equal(document["filters"]["threads"], ["peak_bytes>20000"], "rules")
        shown = len(document["threads"])
        equal(shown + document["filters"]["threads_left_out"], 4, "threads in all")
        assert all(thread["peak_bytes"] > 20000 for thread in document["threads"])
        assert document["totals"]["allocations"] > 0


def test_csv_agrees_with_json():
    """every cell of the threads' table is what JSON has"""
    with tempfile.TemporaryDirectory() as folder:
        as_json, as_csv = os.path.join(folder, "r.json"), os.path.join(folder, "r.csv")
        report("--json", as_json, "--csv", as_csv, program=PROGRAM)
        with open(as_csv, "rb") as file:
            raw = file.read()
        assert raw.count(b"\r\n") == raw.count(b"\n") == 5, raw
        rows = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
        for row, thread in zip(rows, load(as_json)["threads"], strict=True):
            for name, cell in row.items():
                if name in ("efficiency_score", "bottleneck"):
                    continue
                value = thread[name]
                wanted = "" if value is None else json.dumps(value) if not isinstance(
                    value, str) else value
                got = cell if isinstance(value, (str, bool, type(None))) else float(cell)
                equal(got, float(value) if isinstance(got, float) else wanted, name)


def test_csv_tables():
    """all tables are rectangular; a name that is a formula is none in a spreadsheet"""
    for table in "threads processes sites leaks flows types timeline insights".split():
        text = report("--csv", "-", "--table", table).stdout.decode()
        rows = list(csv.reader(io.StringIO(text, newline="")))
        equal({len(row) for row in rows}, {len(rows[0])}, f"cells of {table}")
    rename = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b'=1+1,\"x'); sys.stdin.read()"
    text = watch_alive(["/usr/bin/python3", "-c", rename], "--csv", "-",
                       seen=lambda tick: tick["threads"][0]["name"] == '=1+1,"x')[0].stdout.decode()
    equal(next(csv.DictReader(io.StringIO(text, newline="")))["name"], "'=1+1,\"x", "name")
    done = report("--csv", "-", "--table", "nonsense")
    equal(done.returncode, 2, "status of a table that is none")


def test_lines():
    """a header and a line for each tick, valid, through a pipe too; nobody reading holds nothing up"""
    import jsonschema
    with open(os.path.join(ROOT, "docs/schema-lines.json"), encoding="utf-8") as file:
        schema = json.load(file)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "fifo")
        os.mkfifo(path)
        with subprocess.Popen([MEMSCOPE, "--plain", "-q", "--json-lines", path, *PROGRAM]) as ours:
            with open(path, encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
            equal(ours.wait(), 0, "status")
        for line in lines:
            jsonschema.validate(line, schema)
        ticks = [line["tick"] for line in lines[1:]]
        equal(ticks, sorted(set(ticks)), "ticks")
        assert ticks and "memscope" in lines[0], lines
        equal(report("--json-lines", path).returncode, 0, "status without a reader")


def test_failures_are_said():
    """a full disk, a folder that is not there: a line, our status, nothing left over"""
    done = report("--json", "/dev/full")
    equal(status(done), 125, "status")
    assert b"no space left" in done.stderr, done.stderr
    done = report("--csv", "/nonexistent/x.csv")
    assert status(done) == 125 and b"no such folder" in done.stderr, done.stderr
    equal(os.path.exists(os.path.join(BUILD, "x.csv")), False, "left over")


def test_disk_that_is_full():
    """a disk that is full: each format says so, nothing is left over, what was there stays"""
    formats = "json html text csv pprof speedscope folded perfetto svg".split()
    with tempfile.TemporaryDirectory() as folder:
        mounted = run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).returncode == 0
        try:
            there = {name: os.path.join(folder, "there." + name) for name in formats}
            for path in there.values():
                with open(path, "w", encoding="utf-8") as file:
                    file.write("mine")
            if mounted:
                run(["dd", "if=/dev/zero", f"of={folder}/filler", "bs=4k"])
            options = [word for name in formats
                       for word in ("--" + name, there[name] if mounted else "/dev/full")]
            done = report("--force", *options, program=PROGRAM)
            equal(status(done), 125, "status")
            equal(done.stderr.count(b"no space left there\n"), len(formats), done.stderr.decode())
            for path in there.values():
                with open(path, encoding="utf-8") as file:
                    equal(file.read(), "mine", "what was there")
            equal({os.path.join(folder, name) for name in os.listdir(folder)} -
                  {os.path.join(folder, "filler")}, set(there.values()), "left over")
        finally:
            if mounted:
                run(["umount", folder])


def test_file_that_may_not_grow():
    """a limit of file sizes: each format says so, nothing is left over, the program keeps its signals"""
    formats = "json html csv perfetto".split()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as made:
        recording = os.path.join(made, "r")
        equal(status(run([MEMSCOPE, "record", "-q", "-o", recording, "--", *PROGRAM])), 0, "record")
        wanted = [word for name in formats for word in ("--" + name, os.path.join(folder, name))]
        done = run([*LIMIT, MEMSCOPE, "export", recording, "--table=threads", *wanted])
        equal(status(done), 125, "status")
        equal(done.stderr.count(TOO_LARGE), len(formats), done.stderr.decode())
        equal(os.listdir(folder), [], "left over")
    for how in ("default", "ignore"):
        environment = ["env", f"--{how}-signal=XFSZ"]
        shown = ["grep", "^Sig[BI]", "/proc/self/status"]
        watched = run([*environment, MEMSCOPE, "--plain", "-q", "--", *shown])
        equal(watched.stdout, run([*environment, *shown]).stdout, "signals of the program")


def test_lines_of_a_recording_are_whole_or_none():
    """JSON Lines of a recording: on a full disk and without --force what was there stays; else all"""
    with tempfile.TemporaryDirectory() as folder:
        recording, path = os.path.join(folder, "r"), os.path.join(folder, "lines")
        equal(status(run([MEMSCOPE, "record", "-q", "-o", recording, "--", *PROGRAM])), 0, "record")
        with open(path, "w", encoding="utf-8") as file:
            file.write("mine")
        export = [MEMSCOPE, "export", recording, "--json-lines", path]
        for command, said in ((export, b"it already exists; --force overwrites it\n"),
                              ([*LIMIT, *export, "--force"], TOO_LARGE)):
            done = run(command)
            equal(status(done), 125, "status")
            assert done.stderr.endswith(said), done.stderr
            with open(path, encoding="utf-8") as file:
                equal(file.read(), "mine", "what was there")
        equal(sorted(os.listdir(folder)), ["lines", "r"], "left over")
        equal((status(run([*export, "--force"])), status(run([*export[:-1], "-"]))), (0, 0), "status")
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in list(file)[1:]]
        ticks = [line["tick"] for line in lines]
        equal(ticks, sorted(set(ticks)), "ticks")
        document = json.loads(run([MEMSCOPE, "export", recording, "--json", "-"]).stdout)
        begin = document["timeline"]["t_ns"][0] // document["timeline"]["interval_ns"]
        assert ticks[0] in (begin, begin + 1), (ticks[0], begin)  # a late look stands for the one before, too
        equal(lines[-1]["t_ns"], document["session"]["duration_ns"], "time of the last line")


main(globals())
