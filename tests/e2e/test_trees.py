"""Trees of processes: each with its own figures, its parent and its end; sums over branches."""

import collections
import glob
import os
import shutil
import struct
import subprocess
import tempfile
import time

from counted import NAMED_LIBC
from watched import BARE, BUILD, MEMSCOPE, SOAK, Skip, descendants, end, equal, exe_of, load, \
    main, need, run, status, wait_until, watch

TREES = os.path.join(BUILD, "tests/e2e/trees")
SUMS = ("allocations", "deallocations", "bytes_allocated", "bytes_freed", "current_bytes")
# Exit status by their argument, which is how many blocks they allocate.
EXECUTED = {"103": 3, "104": 4, "105": 5, "106": 6, "107": 7, "108": 8, "109": 9, "112": 12}


def sums_are_right(document):
    """Branches add up to their processes, roots to the totals, sites and threads to processes."""
    processes = {p["id"]: p for p in document["processes"]}
    above = {p["id"]: p["exec_of"] or p["parent_id"] for p in processes.values()}
    below = collections.defaultdict(list)
    for own, parent in above.items():
        below[parent if parent in processes else None].append(own)

    def added(own, name):
        return (processes[own]["totals"][name] or 0) + sum(added(child, name) for child in below[own])

    for own, process in processes.items():
        for name in SUMS[:4]:
            equal(process["branch"][name], added(own, name), f"{name} of the branch of {own}")
    for name in SUMS:
        equal(document["totals"][name], sum(processes[own]["branch"][name] for own in below[None]),
              f"{name} of all")
    counted = collections.Counter()
    for thread in document["threads"]:
        counted[thread["process_id"]] += thread["allocations"] or 0
    sited = collections.Counter()
    for site in document["sites"]:
        sited[site["process_id"]] += site["allocations"]
    for own, process in processes.items():
        if process["seen"] == "full":
            equal(counted[own], process["totals"]["allocations"], f"threads of {own}")
            equal(sited[own], process["totals"]["allocations"], f"sites of {own}")


def kinds(result):
    for line in result.stdout.decode().splitlines():
        name, *numbers = line.split()
        yield (name, *map(int, numbers))


def arguments_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


def test_the_machine_sleeps():
    """the machine sleeps for 8 hours: who began before and executes something after still belongs to the tree"""
    script = """(until [ -e slept ]; do sleep 0.05; done
                 exec sh -c 'until [ -e end ]; do sleep 0.05; done; echo > done') & echo $!"""
    with tempfile.TemporaryDirectory() as folder:
        slept, json_path = os.path.join(folder, "slept"), os.path.join(folder, "out.json")
        environment = {**BARE, "LD_PRELOAD": os.path.join(BUILD, "tests/e2e/slept.so"), "SLEPT": slept}
        viewer = subprocess.Popen([MEMSCOPE, "-q", "--json", json_path, "--", "sh", "-c", script],
                                  cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE)
        child = int(viewer.stdout.readline())
        try:
            with open(slept, "w", encoding="utf-8"):
                pass
            wait_until(lambda: arguments_of(child).startswith(b"sh\0-c\0until [ -e end"),
                       what="what it executes")
            time.sleep(2)  # in which the keeper looks for those that belong to it
            equal(viewer.poll(), None, "status of the viewer while a process lives")
            with open(os.path.join(folder, "end"), "w", encoding="utf-8"):
                pass
            equal(viewer.wait(100), 0, "exit status")
        finally:
            if viewer.poll() is None or not os.path.exists(os.path.join(folder, "end")):
                end(child)
                viewer.wait(100)
            viewer.stdout.close()
        assert os.path.exists(os.path.join(folder, "done"))
        executed = [p for p in load(json_path)["processes"] if p["pid"] == child and p["exec_of"]]
        equal(len(executed), 1, "processes that it became")


def test_time_namespace():
    """a time namespace whose clock is ahead of its time since boot: who outlives the program is waited for"""
    before = ["/usr/bin/unshare", *([] if os.geteuid() == 0 else ["-r"]), "-T", "--monotonic", "1000000"]
    if status(run([*before, "/bin/true"])) != 0:
        print("# no time namespace here: the processes were started without")
        before = []
    with tempfile.TemporaryDirectory() as folder:
        json_path = os.path.join(folder, "out.json")
        result = run([*before, MEMSCOPE, "-q", "--json", json_path, "--", "sh", "-c",
                      "(sleep 1; echo > done) > log 2>&1 < /dev/null & echo $!"], cwd=folder)
        equal((status(result), result.stderr), (0, b""), "outcome")
        assert os.path.exists(os.path.join(folder, "done")), "the viewer left before the last process"
        pid = int(result.stdout)
        equal([p["seen"] for p in load(json_path)["processes"] if p["pid"] == pid], ["full"], "the child")


def test_all_kinds():
    """fork, vfork, posix_spawn, system, popen, env -i, clone, privilege drop, daemon: each its own figures"""
    result, document = watch([TREES, "all"])
    equal((status(result), result.stderr), (7, b""), "outcome")
    sums_are_right(document)
    by_id = {p["id"]: p for p in document["processes"]}
    forked = {p["pid"]: p for p in document["processes"]
              if p["exec_of"] is None and (p["argv"] or ["", ""])[1:2] != ["work"]}
    names = []
    for name, pid, parent, blocks, ended in kinds(result):
        names.append(name)
        process = forked[pid]
        equal((process["seen"], process["totals"]["allocations"]), ("full", blocks), name)
        equal(process["totals"]["current_bytes"] > 0, True, f"{name}: some live")
        equal(by_id[process["parent_id"]]["pid"], parent, f"{name}: parent")
        if ended < 0:  # of a child that was reaped at once only newer kernels tell
            assert process["signal"] in (None, -ended), f"{name}: {process['signal']}"
        elif name != "chain":
            equal(process["exit_status"], ended, f"{name}: status")
    equal(len(names), 9, "said")
    worked = {p["argv"][2]: p for p in document["processes"] if (p["argv"] or [])[1:2] == ["work"]}
    equal({p["totals"]["allocations"] for p in document["processes"]} >= {int(n) for n in EXECUTED},
          True, "allocations of those that were executed")
    for number, process in worked.items():
        equal((process["totals"]["allocations"], process["exit_status"], process["seen"]),
              (int(number), EXECUTED[number], "full"), f"work {number}")
        assert process["parent_id"] in by_id, f"work {number} has no parent"
    links = [p for p in document["processes"] if p["totals"]["allocations"] == 118]
    equal(len(links), 4, "programs under one pid")
    equal(len({p["pid"] for p in links}), 1, "their pid")
    last = next(p for p in links if not p["replaced_by_exec"])
    equal(last["exit_status"], 4, "the last of the chain")
    depth = 0
    while last["exec_of"]:
        last, depth = by_id[last["exec_of"]], depth + 1
    equal((depth, last["branch"]["processes"]), (3, 4), "a chain by exec")


def test_outlives():
    """a child that outlives the program is counted to its end"""
    result, document = watch([TREES, "outlive"])
    equal(status(result), 7, "status")
    sums_are_right(document)
    child = document["processes"][1]
    equal((child["totals"]["allocations"], child["exit_status"]), (319, 19), "the child")
    assert child["duration_ns"] > 250e6, child["duration_ns"]


def test_pipeline():
    """a shell pipeline: every program there, with its own exit status; subshells too"""
    script = ("seq 50000 | sort -r | uniq -c | awk '{s += $1} END {print s; exit 4}' | cat; false; "
              "(x=$(echo a); exit 6); sh -c 'kill -9 $$'; sh -c 'exit 9' & wait; exit 3")
    need("bash", "awk")
    result, document = watch(["/bin/bash", "-c", script])
    equal((status(result), result.stdout), (3, b"50000\n"), "outcome")
    sums_are_right(document)
    found = collections.Counter()
    for process in document["processes"]:
        if not process["replaced_by_exec"]:
            found[os.path.basename(process["exe"]), process["exit_status"], process["signal"]] += 1
    mawk = os.path.basename(os.path.realpath("/usr/bin/awk"))
    dash = os.path.basename(os.path.realpath("/bin/sh"))
    wanted = [("seq", 0, None), ("sort", 0, None), ("uniq", 0, None), (mawk, 4, None),
              ("cat", 0, None), ("bash", 6, None), ("bash", 3, None), (dash, 9, None),
              (dash, None, 9)]
    for one in wanted:
        assert found[one] == 1, f"{one}: {found}"
    equal([p["pid"] for p in document["processes"] if p["seen"] != "full"], [], "not seen in full")


def test_no_children():
    """--children=no: the program alone is counted, nothing is put into its children"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        script = "sleep 300; x=$(echo a); exit 5"
        viewer = subprocess.Popen([MEMSCOPE, "-q", "--children=no", "--json", path, "--", "/bin/sh", "-c", script],
                                  env=BARE, stdin=subprocess.DEVNULL)
        sleep = wait_until(lambda: [pid for pid in descendants(viewer.pid)
                                    if os.path.basename(exe_of(pid)) == "sleep"], what="the child")[0]
        with open(f"/proc/{sleep}/maps", encoding="utf-8") as maps:
            text = maps.read()
        with open(f"/proc/{sleep}/environ", encoding="utf-8") as environ:
            text += environ.read()
        assert "memscope" not in text.lower(), text
        end(sleep)
        equal(viewer.wait(100), 5, "status")
        document = load(path)
    equal(len(document["processes"]), 1, "processes")
    equal(document["processes"][0]["seen"], "full", "seen")


def project(folder, sources):
    """A small C project with its Makefile."""
    for number in range(sources):
        with open(os.path.join(folder, f"part{number}.c"), "w", encoding="utf-8") as file:
            file.write("#include <stdio.h>\n#include <string.h>\n#include <stdlib.h>\n")
            file.writelines(f"int f{number}_{i}(int x) {{ char b[64]; snprintf(b, sizeof b, \"%d\", x); "
                            f"return (int)strlen(b) + {i}; }}\n" for i in range(20))
    with open(os.path.join(folder, "main.c"), "w", encoding="utf-8") as file:
        file.write("int main(void) { return 0; }\n")
    objects = " ".join(f"part{number}.o" for number in range(sources))
    with open(os.path.join(folder, "Makefile"), "w", encoding="utf-8") as file:
        file.write(f"all: prog\nprog: main.o {objects}\n\tgcc -o $@ $^\n"
                   "%.o: %.c\n\tgcc -O1 -c -o $@ $<\n")


def programs_of(folder):
    """What an strace of the build executed: names and how many."""
    executed = collections.Counter()
    for path in glob.glob(os.path.join(folder, "strace.*")):
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("execve(") and line.rstrip().endswith("= 0"):
                    executed[os.path.basename(os.path.realpath(line.split('"')[1]))] += 1
    return executed


def build(sources):
    need("make", "gcc", "strace")
    with tempfile.TemporaryDirectory() as folder:
        project(folder, sources)
        shutil.copytree(folder, os.path.join(folder, "again"))
        command = ["/usr/bin/make", "-j2"]
        result = run(["/usr/bin/strace", "-ff", "-qq", "-e", "trace=execve", "-o",
                      os.path.join(folder, "strace"), *command], cwd=os.path.join(folder, "again"), timeout=300)
        equal(status(result), 0, "the build alone")
        wanted = programs_of(folder)
        result, document = watch(command, cwd=folder, timeout=300)
        equal((status(result), result.stderr), (0, b""), "the build")
    return document, wanted


def test_build():
    """make -j2 of a C project: as many cc1, as, collect2 and ld as strace sees, sums right"""
    document, wanted = build(8)
    sums_are_right(document)
    equal([(p["exe"], p["seen_because"]) for p in document["processes"] if p["seen"] != "full"], [], "not in full")
    found = collections.Counter(os.path.basename(p["exe"]) for p in document["processes"]
                                if p["exec_of"] is None or os.path.basename(p["exe"]) != "make")
    for name, count in wanted.items():
        equal(found[name], count, f"processes that ran {name} (of {dict(wanted)})")
    assert wanted["cc1"] == 9 and wanted["collect2"] == 1, wanted
    equal({p["exit_status"] for p in document["processes"] if not p["replaced_by_exec"]}, {0}, "statuses")
    by_id = {p["id"]: p for p in document["processes"]}
    for process in document["processes"]:
        if os.path.basename(process["exe"]) == "cc1":
            assert "gcc" in by_id[process["parent_id"]]["exe"], process
    make = document["processes"][0]
    equal(make["branch"]["processes"], len(by_id), "all of them below make")
    stacks = collections.defaultdict(set)
    for site in document["sites"]:
        exe = os.path.basename(by_id[site["process_id"]]["exe"])
        if exe == "cc1":
            stacks[site["process_id"]].add(tuple((f["module"], f["function"], f["line"]) for f in site["stack"]))
    common = set.intersection(*stacks.values())
    assert len(common) > 100, f"{len(common)} call stacks in all compilers"


def test_large_build():
    """a build of thousands of processes: the oldest merged, none lost, the viewer's memory bounded"""
    if not SOAK:
        print("# only with SOAK: takes minutes")
        return
    document, wanted = build(1200)
    sums_are_right(document)
    merged = [p for p in document["processes"] if p["merged"]]
    assert merged, "nothing was merged"
    found = collections.Counter()
    for process in document["processes"]:
        if not process["replaced_by_exec"]:
            found[os.path.basename(process["exe"])] += process["merged"] or 1
    for name in ("cc1", "collect2"):
        equal(found[name], wanted[name], f"processes that ran {name}")


class Postgres:
    """A server of one's own in a folder, run by a user that is not root."""

    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not found:
            raise Skip("postgresql is not installed")
        self.bin, self.folder, self.data = found[-1], folder, os.path.join(folder, "data")
        self.user = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] \
            if os.geteuid() == 0 else []
        if self.user:
            need("setpriv")
            os.chown(folder, 65534, 65534)
        self.environment = {**BARE, "HOME": folder, "XDG_RUNTIME_DIR": folder}
        self.ask("initdb", "-D", self.data, "-A", "trust", "-U", "test", "-E", "UTF8", "--no-sync")

    def ask(self, program, *arguments):
        result = run([*self.user, os.path.join(self.bin, program), *arguments], cwd=self.folder,
                     env=self.environment)
        assert result.returncode == 0, f"{program}: {result.stderr}"
        return result.stdout

    def command(self):
        return [os.path.join(self.bin, "postgres"), "-D", self.data, "-k", self.folder, "-c",
                "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB"]

    def client(self, program, *arguments):
        return self.ask(program, "-h", self.folder, "-U", "test", *arguments)


def test_postgres():
    """PostgreSQL under pgbench: every backend a process of its own, sums equal to a shim's counts"""
    with tempfile.TemporaryDirectory(prefix="memscope-pg-") as folder:
        server = Postgres(folder)
        report = os.path.join(folder, "report.json")
        own = os.path.join(folder, "bin")
        os.mkdir(own)
        for name in ("memscope-top", "libmemscope-probe.so"):  # where nobody may read
            shutil.copy(os.path.join(BUILD, name), own)
        shim = shutil.copy(NAMED_LIBC, own)
        command = ["/usr/bin/env", f"LD_PRELOAD={shim}", f"COUNT_SHIM={folder}/counts", *server.command()]
        log = open(os.path.join(folder, "log"), "wb")
        viewer = subprocess.Popen([*server.user, os.path.join(own, "memscope-top"), "-q", "--json", report, "--", *command],
                                  env=server.environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: os.path.exists(os.path.join(folder, ".s.PGSQL.5432")), what="the server")
            wait_until(lambda: run([*server.user, os.path.join(server.bin, "pg_isready"), "-h", folder],
                                   env=server.environment).returncode == 0, what="the server")
            server.client("pgbench", "-i", "-q", "postgres")
            server.client("pgbench", "-t", "300", "-c", "4", "-j", "2", "-n", "postgres")
        finally:
            with open(os.path.join(server.data, "postmaster.pid"), encoding="utf-8") as file:
                postmaster = int(file.readline())
            os.kill(postmaster, 2)
            viewer.wait(100)
            log.close()
        equal(viewer.returncode, 0, "status")
        document = load(report)
        with open(os.path.join(folder, f"counts.{postmaster}"), "rb") as file:
            allocations, deallocations, _ = struct.unpack("3Q", file.read())
    sums_are_right(document)
    servers = [p for p in document["processes"] if os.path.basename(p["exe"]) == "postgres"]
    equal([(p["pid"], p["seen_because"]) for p in servers if p["seen"] != "full"], [], "not in full")
    master = next(p for p in servers if p["pid"] == postmaster)
    children = [p for p in servers if p["parent_id"] == master["id"]]
    equal(len(children), len(servers) - 1, "children of the postmaster")
    # initdb -i: one; 4 clients and one that asks for the tables; the rest are the server's own.
    assert len(children) >= 6 + 5, [p["argv"] for p in children]
    assert sum(p["totals"]["allocations"] > 1000 for p in children) >= 5, "backends that worked"
    # An inherited block that a child grows stays what it is: neither allocated nor freed by the child,
    # both for the shim.
    grown = allocations - sum(p["totals"]["allocations"] for p in servers)
    assert 0 <= grown <= 5 * len(children), f"allocations of all: {grown} fewer than {allocations}"
    freed = sum(p["totals"]["deallocations"] + p["totals"]["foreign_frees"] for p in servers)
    equal(freed + grown, deallocations, "deallocations of all, those of inherited blocks with them")
    assert any(p["totals"]["foreign_frees"] > 0 for p in children), "no backend freed what it inherited"
    assert all(p["totals"]["current_bytes"] >= 0 for p in children), "live"


if __name__ == "__main__":
    main(globals())
