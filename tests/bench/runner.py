"""Runs the workloads in rounds: in each, every way once, so that a slow minute of the machine hits
all of them and a ratio is of two runs next to each other."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

from places import MEASURE
from rows import NS_PER_OPERATION, WHOLE_RUN
from ways import NATIVE, OURS

LIMIT_S = 900


class Failed(Exception):
    """A run that gave no figure; the reason."""


def printed_number(output):
    """A profiler may print lines of its own on the same stdout; the program's is a bare number."""
    for line in output.decode(errors="replace").split("\n"):
        try:
            return float(line)
        except ValueError:
            pass
    raise Failed(f"no figure in its output: {output[:200]}")


@contextlib.contextmanager
def ended(process):
    """Whatever goes wrong, nothing of its process group stays."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def usage(way, outer, inner):
    """CPU seconds and highest resident bytes of the program and of the tool, from `measure`."""
    main = next(line for line in outer if line["program"])
    if way.kind == OURS:
        # The keeper is the program's parent; it outlives the viewer or is reaped by it.
        keeper = next((line for line in outer if line["name"].startswith("memscope-keep")), None)
        if keeper is None:
            raise Failed("the keeper was not seen to end")
        program_cpu = keeper["children_cpu_seconds"]
        everything = sum(line["cpu_seconds"] for line in outer)
        return {"program_cpu_s": program_cpu, "tool_cpu_s": everything - program_cpu,
                "program_rss_bytes": keeper["max_rss_kib"] * 1024,
                "tool_rss_bytes": main["max_rss_kib"] * 1024}
    if inner is not None:
        program = next(line for line in inner if line["program"])
        return {"program_cpu_s": program["cpu_seconds"],
                "tool_cpu_s": max(0, main["cpu_seconds"] - program["cpu_seconds"]),
                "program_rss_bytes": program["max_rss_kib"] * 1024,
                # Of all that the tool started, the program too: told when it is not the program's.
                "tool_rss_bytes": main["max_rss_kib"] * 1024
                if main["max_rss_kib"] > program["max_rss_kib"] else None}
    return {"program_cpu_s": main["cpu_seconds"], "tool_cpu_s": 0.0,
            "program_rss_bytes": main["max_rss_kib"] * 1024, "tool_rss_bytes": 0}


def ask(path, words, answered):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(path)
        client.sendall(words + b"\r\n")
        return client.recv(4096).startswith(answered)


def wait_for_server(path, process):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if ask(path, b"PING", b"+PONG"):
                return
        except OSError:
            pass
        if process.poll() is not None:
            raise Failed(f"the server ended with status {process.returncode}")
        time.sleep(0.02)
    raise Failed("the server did not answer")


class Runner:
    """Runs one row in one folder."""

    def __init__(self, row, scale, folder):
        self.row, self.scale, self.folder = row, scale, folder
        self.environment = {**os.environ, **row.environment}

    def run(self, way, more_options=()):
        """Seconds and usage of one run; raises Failed."""
        options = [*self.row.options, *more_options]
        program = self.server() if self.row.server else self.row.command(self.scale)
        command, inner = way.command(program, self.folder, options)
        outer = os.path.join(self.folder, "outer")
        command = [MEASURE, outer, *command]
        work = self.serve if self.row.server else self.finish
        seconds, status = work(command, way.environment_for(self.environment))
        if status != 0:
            raise Failed(f"status {status} of {' '.join(command)}")
        return {"seconds": seconds, **usage(way, read_lines(outer), inner and read_lines(inner))}

    def start(self, command, environment, stdout):
        """In a process group of its own, so that all of it can be ended."""
        return subprocess.Popen(command, env=environment, cwd=self.folder, stdout=stdout,
                                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                start_new_session=True)

    def finish(self, command, environment):
        start = time.monotonic()
        with self.start(command, environment, subprocess.PIPE) as process, ended(process):
            output = process.communicate(timeout=LIMIT_S)[0]
        wall = time.monotonic() - start
        if process.returncode != 0 or self.row.clock == WHOLE_RUN:
            return wall, process.returncode
        number = printed_number(output)
        if self.row.clock == NS_PER_OPERATION:
            number *= self.row.operations(self.scale) / 1e9
        return number, 0

    def server(self):
        """Debian's redis-tools has the server under another name; the name decides what it is."""
        link = os.path.join(self.folder, "redis-server")
        if not os.path.lexists(link):
            os.symlink("/usr/bin/redis-check-rdb", link)
        return [link, "--port", "0", "--unixsocket", "socket", "--save", "", "--appendonly", "no"]

    def serve(self, command, environment):
        path = os.path.join(self.folder, "socket")
        if os.path.exists(path):
            os.unlink(path)
        with self.start(command, environment, subprocess.DEVNULL) as server, ended(server):
            wait_for_server(path, server)
            start = time.monotonic()
            client = subprocess.run(self.row.command(self.scale), cwd=self.folder, check=False,
                                    timeout=LIMIT_S, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
            wall = time.monotonic() - start
            try:
                ask(path, b"SHUTDOWN NOSAVE", b"")
            except OSError:
                pass
            server.wait(60)
        return wall, client.returncode or server.returncode

    def memory_of_probe(self, way):
        """What only the report tells, from a run that is not timed: writing it takes time."""
        report = os.path.join(self.folder, "report.json")
        if os.path.exists(report):
            os.unlink(report)
        self.run(way, ["--json", report])
        with open(report, encoding="utf-8") as file:
            document = json.load(file)
        return {"probe_bytes": sum(p["probe_bytes"] or 0 for p in document["processes"]),
                "allocations": document["totals"]["allocations"], "sites": len(document["sites"])}


def measure_row(row, ways, rounds, scale, folder):
    """All runs of a row: {way: {"runs": [...], ...}}, or {"failed": reason} for a way."""
    runner = Runner(row, scale, folder)
    if row.prepare:
        row.prepare(folder, scale)
    found = {way.name: {"runs": []} for way in ways if row.ways(way)}
    for number in range(rounds):
        base = None
        for way in ways:
            cell = found.get(way.name)
            if (cell is None or "failed" in cell or number >= (way.rounds_at_most or rounds)):
                continue
            try:
                run = runner.run(way)
                base = run if way.kind == NATIVE else base
                run["ratio"] = run["seconds"] / base["seconds"] if base else None
                # The clock has microseconds; a program that needs less has no ratio.
                run["cpu_ratio"] = (run["program_cpu_s"] / base["program_cpu_s"]
                                    if base and base["program_cpu_s"] > 0 else None)
                cell["runs"].append(run)
            except (Failed, OSError, subprocess.SubprocessError) as reason:
                cell["failed"] = str(reason)
    for way in ways:
        cell = found.get(way.name)
        if way.kind == OURS and cell and "failed" not in cell:
            try:
                cell.update(runner.memory_of_probe(way))
            except (Failed, OSError, ValueError) as reason:
                cell["report_failed"] = str(reason)
    return found
