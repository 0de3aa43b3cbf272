"""Children forked without exec, and programs that replace themselves by exec: all of them counted."""

import os
import shutil
import tempfile

from watched import BUILD, equal, main, need, status, watch

SLOTS = 1024
WORK = "x=$(printf '%*s' 1000 ''); y=${x// /ab}$i; :"  # forks once more, for $(...)


def forks(count, work):
    need("bash")
    return watch(["/bin/bash", "-c", f"for ((i = 0; i < {count}; i++)); do ( {work} ); done; exit 7"])


def uncounted(document):
    return [process for process in document["processes"]
            if process["seen"] != "full" or not process["totals"]["allocations"]]


def test_subshells():
    """200 subshells and their 200 children: each a process of its own, each counted"""
    result, document = forks(200, WORK)
    equal(status(result), 7, f"exit status {result.stderr}")
    processes = document["processes"]
    equal(len(processes), 401, "processes")
    equal(uncounted(document), [], "processes not counted in full")
    equal(len({process["pid"] for process in processes}), 401, "different pids")
    equal({os.path.basename(process["exe"]) for process in processes}, {"bash"}, "programs")
    parents = {process["id"]: process["parent_id"] for process in processes}
    shell = processes[0]["id"]
    subshells = [own for own, parent in parents.items() if parent == shell]
    equal(len(subshells), 200, "children of the shell")
    equal(sum(parent in subshells for parent in parents.values()), 200, "grandchildren")


def test_more_children_than_places():
    """what finds no place is told, not hidden"""
    result, document = forks(SLOTS + 30, "x=$i; y=$x$x")
    equal(status(result), 7, f"exit status {result.stderr}")
    equal(len(document["processes"]), 1 + SLOTS, "processes")
    equal([process["id"] for process in uncounted(document)], [document["processes"][0]["id"]],
          "processes not counted in full")
    equal(document["processes"][0]["seen_because"],
          "30 forked children were not counted: all places for them are taken", "reason")


def test_little_address_space():
    """RLIMIT_AS: the places are reached all the same, the program fails no more than without us"""
    need("bash")
    script = f"for ((i = 0; i < 100; i++)); do ( {WORK} ); done; exit 7"
    result, document = watch(["/bin/bash", "-c", 'ulimit -v 200000; exec bash -c "$0"', script])
    equal(status(result), 7, f"exit status {result.stderr}")
    equal(len(document["processes"]), 202, "processes")
    equal(uncounted(document), [], "processes not counted in full")


def threads_are_named(document):
    """Threads without a name of their own have that of their program."""
    names = {process["id"]: process["exe"] for process in document["processes"]}
    for thread in document["threads"]:
        program = os.path.basename(names[thread["process_id"]])
        assert program.startswith(thread["name"]), f"thread {thread['name']} of {program}"


def test_exec_chain():
    """bash, python3, bash under one pid: each with its own name, the status of the last"""
    need("bash", "python3")
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "script")
        with open(script, "w", encoding="utf-8") as file:
            file.write("x=$(echo 1); exec python3 -c \""
                       "import os; os.execv('/bin/bash', ['bash', '-c', 'y=$(echo 2); exit 5'])\"\n")
        result, document = watch(["/bin/bash", script])
    equal(status(result), 5, f"exit status {result.stderr}")
    pid = document["processes"][0]["pid"]
    chain = [process for process in document["processes"] if process["pid"] == pid]
    python = os.path.realpath(shutil.which("python3", path="/usr/bin:/bin"))
    equal([process["exe"] for process in chain],
          [os.path.realpath("/bin/bash"), python, os.path.realpath("/bin/bash")], "programs")
    equal([process["replaced_by_exec"] for process in chain], [True, True, False], "replaced")
    equal(chain[-1]["exit_status"], 5, "exit status in JSON")
    equal(uncounted(document), [], "processes not counted in full")
    threads_are_named(document)


def test_slow_exec():
    """exec of a program whose probe starts late: what /proc shows meanwhile is not the shell's"""
    need("bash")
    slow = os.path.join(BUILD, "tests/e2e/slow_start")
    result, document = watch(["/bin/bash", "-c", f"x=$(echo 1); sleep 0.3; exec {slow}"])
    equal(status(result), 5, f"exit status {result.stderr}")
    pid = document["processes"][0]["pid"]
    chain = [process for process in document["processes"] if process["pid"] == pid]
    equal([process["exe"] for process in chain], [os.path.realpath("/bin/bash"), os.path.realpath(slow)],
          "programs")
    equal(uncounted(document), [], "processes not counted in full")
    threads_are_named(document)


main(globals())
