"""Children, threads and starters of the unusual kinds: as ever, and counted or said why not."""

import os
import signal
import shutil
import subprocess
import tempfile
import time

from counted import agrees_alone
from test_viewer import Watched
from watched import (BARE, BUILD, HARD, MEMSCOPE, alive, equal, first_process, load, main,
                     need, run, status, wait_until, watch)

FAMILY = os.path.join(BUILD, "tests/e2e/family")
NONE = ("exit", "3")  # a case of hard that only ends


def same(command, **options):
    alone = run(command, **options)
    result, document = watch(command, **options)
    equal((status(result), result.stdout, result.stderr),
          (status(alone), alone.stdout, alone.stderr), " ".join(map(str, command[:4])))
    return document


def by_exe(document, name):
    return [p for p in document["processes"] if os.path.basename(p["exe"] or "") == name]


def allocations(processes):
    return sorted(p["totals"]["allocations"] for p in processes)


def exact(*command):
    document = same(list(command))
    agrees_alone(document, list(command))
    return document


def test_vfork_allocates():
    """a vfork child allocates in its parent's memory: the parent's figures have it, exactly"""
    equal(len(exact(FAMILY, "vfork")["processes"]), 1, "processes")


def test_raw_exit():
    """threads that leave by the system call, without clean-up: all figures there"""
    document = exact(FAMILY, "rawexit")
    equal([t["allocations"] for t in document["threads"]].count(1001), 20, "their threads")
    assert all(t["ended"] for t in document["threads"]), "a thread that left is alive"


def test_thread_ids():
    """1,000 threads with one pthread_t: none lost, none taken for another; C11 and old ones too"""
    document = exact(FAMILY, "reuse")
    counted = [t["allocations"] for t in document["threads"] if t["name"] == "family"
               and t["tid"] != first_process(document)["pid"]]
    equal(sorted(counted), sorted(i % 40 for i in range(1000)), "allocations of the threads")
    equal([t["allocations"] for t in exact(FAMILY, "c11")["threads"]].count(500), 20, "C11 threads")
    equal([t["allocations"] for t in exact(FAMILY, "oldcreate")["threads"]].count(500), 1,
          "threads made by the pthread_create of GLIBC_2.2.5")


def test_chroot():
    """chroot and other user: children without any file in reach are counted, nothing is said"""
    document = same([FAMILY, "chroot"])
    equal(allocations(document["processes"])[1:], [1000] * 3, "allocations of the children")
    equal({p["seen"] for p in document["processes"]}, {"full"}, "seen")


def test_pid_namespace():
    """a pid namespace of its own, where all numbers collide: each process counted once"""
    starter = ["/usr/bin/unshare", *([] if os.geteuid() == 0 else ["-r"]), "-pf"]
    if status(run([*starter, "/bin/true"])) != 0:
        print("# no pid namespace here: the processes were started without")
        starter = ["/usr/bin/env"]
    document = same([*starter, HARD, "fork"])
    hard = by_exe(document, "hard")
    equal(len(hard), 11, "processes")
    equal(allocations(hard)[1:], [6000] * 5 + [6001] * 5, "allocations of the children")


def test_inside_ourselves():
    """memscope-top under memscope-top: the inner one reports as ever"""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "inner.json")
        result, outer = watch([MEMSCOPE, "-q", "--json", report, "--", HARD, *NONE])
        equal((status(result), result.stderr), (3, b""), "outcome")
        inner = first_process(load(report))
        equal((inner["seen"], inner["totals"]["allocations"]),
              ("full", first_process(watch([HARD, *NONE])[1])["totals"]["allocations"]), "inner")
        assert len(by_exe(outer, "memscope-top")) >= 2, "viewer and keeper are programs too"


def test_tracers():
    """under strace and gdb the program is counted; what valgrind takes over is said"""
    need("strace", "gdb", "valgrind")
    wanted = first_process(watch([HARD, *NONE])[1])["totals"]["allocations"]
    for command in (["/usr/bin/strace", "-f", "-o", "/dev/null", HARD, *NONE],
                    ["/usr/bin/gdb", "-nx", "-batch", "-ex", "run", "--args", HARD, *NONE]):
        result, document = watch(command)
        equal(status(result), status(run(command)), command[0])
        equal(allocations(by_exe(document, "hard")), [wanted], f"{command[0]}: allocations")
    result, document = watch(["/usr/bin/valgrind", "-q", HARD, *NONE])
    equal((status(result), result.stderr), (3, b""), "valgrind")
    last = document["processes"][-1]
    equal((last["seen"], "did not enter" in last["seen_because"]), ("partial", True), "valgrind")


def compiled(folder, name, *compiler):
    source, program = os.path.join(folder, name + ".c"), os.path.join(folder, name)
    with open(source, "w", encoding="utf-8") as file:
        file.write("#include <stdio.h>\n#include <stdlib.h>\nint main(int argc, char **argv) {\n"
                   "volatile char *p = malloc(10); p[0] = argv[0][0]; printf(\"%d\\n\", p[0] != 0); free((char *)p);\n"
                   "return argc > 1 ? p[1] * 0 + 6 : 5; }\n")
    subprocess.run([*compiler, "-w", "-o", program, source], check=True)
    return program


def test_unsuitable():
    """static, static-pie, musl, ASan programs, first or as a child: run as ever, reason given"""
    need("gcc", "musl-gcc")
    with tempfile.TemporaryDirectory() as folder:
        for name, *compiler in (("static", "gcc", "-static"), ("pie", "gcc", "-static-pie"),
                                ("musl", "musl-gcc"), ("asan", "gcc", "-fsanitize=address")):
            program = compiled(folder, name, *compiler)
            process = first_process(same([program]))
            assert process["seen"] != "full" and process["seen_because"], f"{name}: {process}"
            same(["/bin/sh", "-c", f"{program}; echo $?"])
        bad = run([MEMSCOPE, "-q", "--", program, "use it after free"])
        assert b"heap-use-after-free" in bad.stderr, bad.stderr
        equal(status(bad), status(run([program, "use it after free"])), "status of a sanitized error")


def test_go_with_c():
    """a Go program with a part in C: its blocks exact at their site; that Go's own are not seen is said"""
    document = same([os.path.join(BUILD, "tests/e2e/with_go")])
    process = first_process(document)
    equal(process["seen"], "partial", "seen")
    assert "runtime.mallocgc" in process["seen_because"], process["seen_because"]
    kept = [s for s in document["sites"] if s["stack"] and s["stack"][0]["function"] == "keep"]
    equal([(s["allocations"], s["deallocations"], s["bytes_allocated"]) for s in kept],
          [(1000, 750, 100000)], "blocks of the part in C")


def test_privileged():
    """set-user-id and file capabilities: runs as ever, and the reason is given before and after"""
    if os.geteuid() != 0:
        print("# not root: no such file can be made; tests/unit/test_keeper_launch.c has the rule")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for name in ("setuid", "capable"):
            program = shutil.copy(HARD, os.path.join(folder, name))
            os.chown(program, 65534, 65534)
            if name == "setuid":
                os.chmod(program, 0o4755)
            else:  # cap_net_raw, permitted and effective, as setcap writes it
                os.setxattr(program, "security.capability",
                            bytes.fromhex("0100000200200000000000000000000000000000"))
            said = run([MEMSCOPE, "doctor", program]).stdout
            process = first_process(same([program, *NONE]))
            assert process["seen"] == "full" or process["seen_because"], f"{name}: {process}"
            assert b"full" in said or b"none" in said, said


def test_stopped_keeper():
    """the keeper is stopped: programs that are executed meanwhile start without waiting long"""
    with Watched("-q", case=("sleep", "300000")) as watched:
        keeper = watched.keeper()
        session = None
        with open(f"/proc/{watched.program}/environ", "rb") as file:
            session = next(entry for entry in file.read().split(b"\0")
                           if entry.startswith(b"MEMSCOPE_TOP_SESSION="))
        probe = os.path.join(BUILD, "libmemscope-probe.so")
        environment = {**BARE, "LD_PRELOAD": probe,
                       "MEMSCOPE_TOP_SESSION": session.split(b"=", 1)[1].decode()}
        os.kill(keeper, signal.SIGSTOP)
        try:
            # Of one that could not run for a while itself nothing is to be said: so one of many.
            def soon():
                begin = time.monotonic()
                result = run([HARD, *NONE], env=environment)
                equal((status(result), result.stderr), (3, b""), "outcome")
                return time.monotonic() - begin < 0.8
            wait_until(soon, what="a program that starts at once")
        finally:
            os.kill(keeper, signal.SIGCONT)
        assert alive(watched.program), "the program ended with its keeper stopped"


def test_gone_session():
    """environment of a session that is over, or of a lie: the program runs untracked, says nothing"""
    probe = os.path.join(BUILD, "libmemscope-probe.so")
    alone = run([HARD, "fork"])
    for more in ({"MEMSCOPE_TOP_SESSION": "/nonexistent/socket"}, {"MEMSCOPE_TOP_FD": "0"},
                 {"MEMSCOPE_TOP_FD": "999999999999"}, {"MEMSCOPE_TOP_SESSION": "x" * 3000},
                 {"MEMSCOPE_TOP_SESSION": "", "MEMSCOPE_TOP_FD": "-1"}, {}):
        result = run([HARD, "fork"], env={**BARE, "LD_PRELOAD": probe, **more})
        equal((status(result), result.stdout, result.stderr),
              (status(alone), alone.stdout, alone.stderr), str(more)[:60])


def test_double_preload():
    """the probe named twice, or by the user as well: counted once"""
    probe = os.path.join(BUILD, "libmemscope-probe.so")
    wanted = first_process(watch([HARD, *NONE])[1])["totals"]["allocations"]
    result, document = watch(["/usr/bin/env", f"LD_PRELOAD={probe}:{probe}", HARD, *NONE])
    equal((status(result), result.stderr), (3, b""), "outcome")
    equal(allocations(by_exe(document, "hard")), [wanted], "allocations")


if __name__ == "__main__":
    main(globals())
