"""What a process uses besides its heap, against known amounts, the program's own books, ss and /proc."""

import json
import os
import re
import shutil
import subprocess
import tempfile

from watched import (BARE, BUILD, LIMIT_S, MEMSCOPE, descendants, equal, exe_of, load, main, need, run,
                     status, wait_for_ticks, watch_alive)

PROGRAM = os.path.join(BUILD, "tests/e2e/resources")
PARTS = ["heap", "anonymous", "stacks", "files", "shared", "probe", "kernel", "devices"]
MIB = 1 << 20
# What a C program has of each besides: libraries' variables, the stack of main, code.
BESIDES = {"anonymous": MIB, "stacks": MIB // 4, "shared": 0}


def between(value, low, high, what):
    if not low <= value <= high:
        raise AssertionError(f"{what}: {value}, not between {low} and {high}")


class Looked:
    """One run of the program, looked at from outside while it stayed."""

    def __init__(self):
        need("ss")
        folder = tempfile.mkdtemp(prefix="memscope-resources-")
        path, lines = os.path.join(folder, "report.json"), os.path.join(folder, "lines")
        watcher = subprocess.Popen([MEMSCOPE, "-q", "--json", path, "--json-lines", lines, "--", PROGRAM],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=BARE)
        try:
            said = b"".join(watcher.stdout.readline() for _ in range(3))
            self.truth = json.loads(said)
            self.pid = next(pid for pid in descendants(watcher.pid) if exe_of(pid) == PROGRAM)
            wait_for_ticks(lines, 25)  # whatever was on its way between its sockets has arrived by then
            self.ss = run(["ss", "-tinpHO"]).stdout.decode()
            self.limits = read(f"/proc/{self.pid}/limits")
            self.groups = read(f"/proc/{self.pid}/cgroup")
            self.rss_kib = sum(int(kib) for kib in
                               re.findall(r"^Rss:\s+(\d+)", read(f"/proc/{self.pid}/smaps"), re.M))
            wait_for_ticks(lines, 25)
            watcher.communicate(timeout=LIMIT_S)
            equal(watcher.returncode, 0, "status")
            self.document = load(path)
        finally:
            if watcher.poll() is None:
                watcher.kill()
            shutil.rmtree(folder, True)
        self.resources = self.document["processes"][0]["resources"]
        self.parts = {part["part"]: part for part in self.resources["memory_map"]["parts"]}


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


LOOKED = None


def looked():
    global LOOKED
    if LOOKED is None:
        LOOKED = Looked()
    return LOOKED


def test_memory_parts():
    """every mapping is in one part, and known amounts are in theirs"""
    seen = looked()
    for figure in ("mapped_bytes", "resident_bytes", "proportional_bytes", "private_bytes",
                   "swapped_bytes", "mappings"):
        equal(sum(seen.parts[part][figure] for part in PARTS), seen.parts["all"][figure], figure)
    between(seen.parts["all"]["resident_bytes"], seen.rss_kib * 1024 - MIB,
            seen.rss_kib * 1024 + MIB, "resident in all, against smaps")
    for part, key in (("anonymous", "anonymous"), ("stacks", "stack"), ("shared", "shared")):
        between(seen.parts[part]["resident_bytes"], seen.truth[key],
                seen.truth[key] + BESIDES[part], part)
    equal(seen.parts["devices"]["mappings"], 0, "devices")
    if seen.parts["probe"]["resident_bytes"] < MIB // 4:
        raise AssertionError(f"memory of the probe: {seen.parts['probe']}")


def test_heap_adds_up():
    """resident heap = live + rounding + tags + unexplained, as the allocator itself tells"""
    seen = looked()
    heap, truth = seen.resources["heap"], seen.truth
    equal(heap["resident_bytes"], seen.parts["heap"]["resident_bytes"], "resident heap")
    equal(heap["live_bytes"] + heap["rounding_bytes"] + heap["tags_bytes"]
          + heap["unexplained_bytes"], heap["resident_bytes"], "the sum")
    between(heap["live_bytes"], truth["live"], truth["live"] + 64 * 1024, "live")
    everything = truth["arena"] + truth["mapped"]
    between(heap["resident_bytes"], everything - MIB, everything, "resident, against mallinfo2")
    # What is free in the arenas and the 8 bytes in front of each block are what remains.
    between(heap["unexplained_bytes"], truth["free"] - MIB // 2, truth["free"] + MIB // 2,
            "unexplained, against what mallinfo2 has for free")
    between(heap["fragmentation"], 1 - truth["live"] / everything - 0.01,
            1 - truth["live"] / everything + 0.01, "fragmentation")


def test_foreign_allocator_says_why():
    """the heap of an allocator that is not glibc's is not made up"""
    _, document = watch_alive(["/bin/cat"])
    equal(document["processes"][0]["resources"]["heap_unavailable_because"], None, "glibc's")
    program = os.path.join(BUILD, "tests/e2e/allocators-jemalloc")
    if not os.path.exists(program):
        return # it is not installed
    _, document = watch_alive(["/usr/bin/env", "LD_PRELOAD=libjemalloc.so", "/bin/cat"])
    last = document["processes"][-1]
    equal((last["resources"]["heap"], last["resources"]["heap_unavailable_because"]),
          (None, "memory of this allocator cannot be told from other anonymous memory"),
          f"heap of {last['exe']} with {last['allocator']}")


def test_limits():
    """soft limits are those that the program set"""
    seen = looked()
    limits, truth = seen.resources["limits"], seen.truth
    equal((limits["core_bytes"], limits["files"]), (truth["core"], truth["open_files"]), "set")
    for line, key in (("Max stack size", "stack_bytes"), ("Max address space",
                      "address_space_bytes"), ("Max processes", "processes")):
        soft = re.search(rf"^{line} +(\S+)", seen.limits, re.M).group(1)
        equal(limits[key], None if soft == "unlimited" else int(soft), key)


def test_open_files():
    """descriptors are counted by kind"""
    seen = looked()
    files, truth = seen.resources["open_files"], seen.truth
    equal(files["sockets"], 6, "sockets")
    equal(files["others"], truth["events"], "others")
    between(files["pipes"], truth["pipes"], truth["pipes"] + 3, "pipes") # and its input and output
    between(files["files"], truth["files"], truth["files"] + 4, "files")
    equal(sum(files[kind] for kind in ("files", "sockets", "pipes", "others")), files["all"],
          "all")


def of_ss(text, pid):
    found = {}
    for line in text.splitlines():
        if f"pid={pid}," in line:
            address = line.split()[3]
            found[address] = dict(re.findall(r"(\w+):([\d./]+)", line))
            found[address]["state"] = line.split()[0]
    return found


def test_network():
    """bytes are exact to the byte, and all is as ss has it"""
    seen = looked()
    network, truth = seen.resources["network"], seen.truth
    if network is None: # a kernel without sock_diag: ss has nothing either
        equal(of_ss(seen.ss, seen.pid), {}, "ss")
        return
    both = truth["there"] + truth["back"]
    equal((network["sent_bytes"], network["received_bytes"]), (both, both), "bytes")
    equal((network["established"], network["listening"], network["other_tcp"], network["udp"],
           network["unix"], network["connections_seen"]), (2, 1, 0, 1, 2, 2), "counts")
    rows = {row["local"]: row for row in network["connections"]
            if row["kind"] == "tcp" and row["state"] == "established"}
    told = {key: value for key, value in of_ss(seen.ss, seen.pid).items()
            if value["state"] == "ESTAB"}
    equal(sorted(rows), sorted(told), "established connections")
    for local, row in rows.items():
        ss = told[local]
        equal(row["round_trip_us"], round(float(ss["rtt"].split("/")[0]) * 1000), "rtt")
        equal(row["round_trip_min_us"], round(float(ss["minrtt"]) * 1000), "minrtt")
        equal(row["received_bytes"], int(ss["bytes_received"]), "received")
        equal(row["sent_bytes"], int(ss["bytes_sent"]) - int(ss.get("bytes_retrans", 0)), "sent")
        equal(row["sent_messages"], int(ss["data_segs_out"]), "messages sent")
        equal(row["received_messages"], int(ss["data_segs_in"]), "messages received")
    sizes = sorted((row["sent_bytes"], row["received_bytes"]) for row in rows.values())
    equal(sizes, sorted([(truth["there"], truth["back"]), (truth["back"], truth["there"])]),
          "each way")


def smallest_limit(groups):
    """The effective memory limit by the files of this machine, read here; None: none found."""
    lines = dict(line.split(":", 2)[1:] for line in groups.split() if line.count(":") >= 2)
    for controller, point, name in (("memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                                    ("", "/sys/fs/cgroup", "memory.max")):
        if controller in lines and os.path.exists(point + lines[controller]):
            path, limits = lines[controller].strip("/"), []
            for level in range(len(path.split("/")) + 1):
                file = os.path.join(point, *path.split("/")[:level], name)
                if os.path.exists(file) and read(file).strip() != "max":
                    limits.append(int(read(file)))
            return lines[controller], min((l for l in limits if l < 1 << 62), default=None)
    return None


def test_cgroup():
    """the control group is the one that /proc names, with the smallest limit above it"""
    seen = looked()
    expected = smallest_limit(seen.groups)
    cgroup = seen.resources["cgroup"]
    if expected is None:
        return
    equal((cgroup["path"], cgroup["memory_max_bytes"]), expected, "path and limit")
    if cgroup["memory_bytes"] is not None and cgroup["memory_bytes"] < 60 * MIB:
        raise AssertionError(f"{cgroup['memory_bytes']} bytes used, by this program alone more")


def test_other_network_namespace():
    """connections of another network namespace are unavailable, not none"""
    need("unshare")
    if run(["unshare", "-n", "true"]).returncode != 0:
        return # not allowed here
    result, document = watch_alive(["unshare", "-n", "/bin/cat"])
    equal(status(result), 0, "status")
    resources = document["processes"][-1]["resources"]
    equal(resources["network"], None, "network")
    if resources["open_files"] is None or resources["memory_map"] is None:
        raise AssertionError("the rest is told")


main(globals())
