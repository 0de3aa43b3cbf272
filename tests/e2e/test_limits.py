"""Real programs under limits and in sandboxes: they do what they do without us, figures are right or
marked."""

import functools
import os
import resource
import tempfile

from watched import BARE, BUILD, SOAK, MEMSCOPE, equal, load, main, need, run, status, watch

PROGRAMS = os.path.join(BUILD, "tests/e2e")
UNDER, BOX, ENDURING = (os.path.join(PROGRAMS, name) for name in ("under", "box.so", "enduring"))
MB = 1 << 20
SQL = ("create table t(a integer primary key, b text);"
       "with recursive n(i) as (select 1 union all select i+1 from n where i<3000) "
       "insert into t select i, printf('row %d', i*i) from n;"
       "create index x on t(b); select count(*), max(b) from t; select nonsense;")
PYTHON = ("import json; d = {str(i): [i, str(i), (i,)] for i in range(5000)}\n"
          "print(len(json.loads(json.dumps(d)))); raise SystemExit(17)")
COMMANDS = {
    "sqlite3": ["/usr/bin/sqlite3", ":memory:", SQL],
    "python3": ["/usr/bin/python3", "-S", "-c", PYTHON],
    "threads": [ENDURING, "threads", "8"],
    "forks": [ENDURING, "forks", "4"],
}
FIGURES = ("allocations", "deallocations", "bytes_allocated")
# What the program must have left for the probe: its code, first tables and pages of counters.
ROOM = 12 * MB
LOCKED = 3 * MB  # of it what is locked when everything is


def limited(command, limits=(), box="none"):
    return [UNDER, *limits, "--", "/usr/bin/env", "LD_PRELOAD=" + BOX, "BOX=" + box, *command]


def outcome(result):
    return status(result), result.stdout, result.stderr


def observed(command, limits=(), box="none"):
    """What it did, and its processes without those that led to it."""
    result, document = watch(limited(command, limits, box))
    assert document, f"no report: {outcome(result)}"
    processes = [p for p in document["processes"] if not p["replaced_by_exec"]]
    # The starter is a process apart only where the probe did not follow its exec.
    return outcome(result), [p for p in processes if os.path.basename(p["exe"] or "") not in
                             ("under", "env")] or processes, document


def figures(processes):
    return [[process["totals"][figure] for figure in FIGURES] for process in processes]


def marked(document):
    """Why the figures are not whole, as the report says it."""
    losses = document["losses"]
    return ([p["seen_because"] for p in document["processes"] if p["seen"] != "full"] +
            [f"{losses[name]} {name}" for name in ("lost", "owner_unknown") if losses[name]])


def books(stderr):
    """What the enduring threads counted themselves: by name allocations, deallocations, bytes."""
    lines = [line.split() for line in stderr.decode().splitlines() if line.startswith("enduring-")]
    return {line[0]: [int(word) for word in line[1:]] for line in lines}


def exact_or_marked(document, stderr, what):
    """The program's own books: every thread of them equal, unless the report says what it misses."""
    reasons = marked(document)
    # Behind a filter the probe cannot ask for thread ids: what /proc shows stands beside, uncounted.
    seen = {t["name"]: [t[figure] for figure in FIGURES] for t in document["threads"]
            if t["allocations"] is not None}
    for name, own in books(stderr).items():
        if not reasons:
            equal(seen.get(name), own[:3], f"{what}: {name}")
        elif name in seen:
            assert seen[name][0] <= own[0], f"{what}: {name} has {seen[name]}, books {own}"
    return reasons


@functools.lru_cache(maxsize=None)
def natively(name):
    return outcome(run(limited(COMMANDS[name])))


@functools.lru_cache(maxsize=None)
def figures_in(name, box):
    """Without a limit; the box matters for what the program itself allocates."""
    return figures(observed(COMMANDS[name], box=box)[1])


def full_under(limits=(), box="none", commands=tuple(COMMANDS)):
    """Nothing differs from the native run, and the figures are those of a run without limits."""
    need("sqlite3")
    free_box = "hurrynone" if box.startswith("hurry") else "none"
    for name in commands:
        what = f"{name} under {limits} {box}"
        alone = outcome(run(limited(COMMANDS[name], limits, box)))
        equal(alone, natively(name), f"{what}: natively")
        seen, processes, document = observed(COMMANDS[name], limits, box)
        equal(seen, alone, what)
        equal(marked(document), [], what)
        equal(document["losses"]["coarsened"], 0, f"{what}: coarsened")
        equal(figures(processes), figures_in(name, free_box), f"{what}: figures")


def test_enough():
    """generous limits on address space, data and open files: nothing differs, figures are exact"""
    full_under((f"as={4096 * MB}", f"data={2048 * MB}", "nofile=64"))


def test_file_size():
    """RLIMIT_FSIZE=0: nothing differs, figures are exact"""
    full_under(("fsize=0",))


def test_descriptors():
    """RLIMIT_NOFILE=5: nothing differs, figures are exact; 4: nothing differs, the reason is said"""
    full_under(("nofile=5",))
    for name, command in COMMANDS.items():
        seen, _, document = observed(command, ("nofile=4",))
        equal(seen, outcome(run(limited(command, ("nofile=4",)))), f"{name}, 4 descriptors")
        assert "descriptor" in str(marked(document)), f"{name}: {marked(document)}"


def test_mlockall():
    """mlockall of all that is and will be: nothing differs, figures are exact"""
    full_under(box="mlockall")
    full_under(box="hurrymlockall")


def test_little_lockable():
    """mlockall with a small RLIMIT_MEMLOCK and no privilege: works as it does without us, exact"""
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    tried = 0
    for name in ("sqlite3", "forks"):
        for megabytes in (5, 6, 7, 8, 64, 400, 2000):
            if hard != resource.RLIM_INFINITY and megabytes * MB > hard:
                break
            less = ("nolock", f"memlock={megabytes * MB - LOCKED}")
            if status(run(limited(COMMANDS[name], less, "mlockall"))) == 123:
                continue  # too little natively
            limits = ("nolock", f"memlock={megabytes * MB}")
            seen, _, document = observed(COMMANDS[name], limits, "mlockall")
            what = f"{name}, {megabytes} MB may be locked"
            equal(seen, outcome(run(limited(COMMANDS[name], limits, "mlockall"))), what)
            equal(exact_or_marked(document, seen[2], what), [], "marks")
            tried += 1
    assert tried, "no limit was tried"


def test_seccomp():
    """seccomp filters that kill, trap or refuse what the probe needed before: exact, threads too"""
    full_under(box="errno", commands=("sqlite3", "python3", "threads"))
    for box in ("kill", "trap"):
        full_under(box=box, commands=("python3", "threads"))
    full_under(box="onlykill", commands=("threads",))


def test_seccomp_early():
    """a filter put in by a constructor before ours: nothing differs, figures are exact"""
    for box in ("hurrykill", "hurryerrno"):
        alone = outcome(run(limited(COMMANDS["threads"], box=box)))
        seen, _, document = observed(COMMANDS["threads"], box=box)
        equal(seen, alone, box)
        equal(exact_or_marked(document, seen[2], box), [], "marks")


def test_seccomp_children():
    """children forked behind a filter run as ever; that they are not counted is said"""
    for box in ("kill", "onlykill"):
        alone = outcome(run(limited(COMMANDS["forks"], box=box)))
        seen, _, document = observed(COMMANDS["forks"], box=box)
        equal(seen, alone, box)
        reasons = marked(document)
        assert reasons and "4 forked children were not counted" in reasons[0], reasons


def least_megabytes(limit, command):
    """The smallest limit under which the program does natively what it does without."""
    wanted = outcome(run(limited(command)))
    low, high = 0, 1024
    while high - low > 1:
        middle = (low + high) // 2
        if outcome(run(limited(command, (f"{limit}={middle * MB}",)))) == wanted:
            high = middle
        else:
            low = middle
    return high


def sweep(limit, name, steps):
    """From what it needs natively upwards: with room for us as ever, with less no worse than 'no
    memory'."""
    command = COMMANDS[name]
    wanted = outcome(run(limited(command)))
    least = least_megabytes(limit, command)
    worst = {}
    for step in steps:
        megabytes = least + step
        seen, _, document = observed(command, (f"{limit}={megabytes * MB}",))
        what = f"{name}, {limit} {megabytes} MB"
        if seen != wanted:
            assert step * MB < ROOM, f"{what} ({least} natively): {seen}, {wanted} without us"
            assert seen[0] < 128, f"{what}: {seen}"
        worst[step] = (seen == wanted, marked(document))
    assert not worst[max(steps)][1], f"{name}: {limit} {least + max(steps)} MB: {worst[max(steps)]}"
    print(f"# {name} needs {limit} {least} MB; with "
          f"{min(s for s in worst if worst[s][0])} MB more it runs under the probe, with "
          f"{min(s for s in worst if not worst[s][1])} MB more it is counted in full", flush=True)


def test_address_space():
    """RLIMIT_AS from the least that works: real programs run, counted in full or with the reason"""
    need("sqlite3")
    sweep("as", "sqlite3", (0, 2, 4, 8, 12, 20, 40, 80, 160) if SOAK else (0, 4, 12, 40, 160))
    sweep("as", "python3", (0, 4, 12, 24, 60, 160) if SOAK else (0, 12, 60, 160))


def test_data():
    """RLIMIT_DATA from the least that works: real programs run, counted in full or with the reason"""
    need("sqlite3")
    sweep("data", "sqlite3", (0, 1, 2, 4, 8, 12, 24) if SOAK else (0, 2, 8, 24))
    sweep("data", "python3", (0, 2, 6, 12, 24) if SOAK else (0, 6, 24))


def endure(limits, mode):
    """Whatever fails: the program endures, its books are right or the report says what is missing."""
    what = f"{mode} under {limits}"
    seen, _, document = observed([ENDURING, mode, "8"], limits)
    equal(seen[:2], (0, b"endured\n"), what)
    return exact_or_marked(document, seen[2], what)


def test_no_memory():
    """memory runs out at any moment (RLIMIT_AS, RLIMIT_DATA): contents whole, books right or marked"""
    reasons = []
    step = 2 if SOAK else 28
    for mode, most in (("threads", 180), ("forks", 60)):
        for megabytes in range(14, most, step):
            reasons.append(endure((f"as={megabytes * MB}",), mode))
        for kilobytes in range(1500, 16000, 400 if SOAK else 4800):
            reasons.append(endure((f"data={kilobytes << 10}",), mode))
    assert any(reasons) and not all(reasons), f"no sweep: {reasons}"


def inject(call, first, mode):
    """From its call number `first` on the kernel has no memory; strace says so to the program."""
    need("strace")
    command = ["/usr/bin/strace", "-f", "-o", "/dev/null", "-e", "trace=" + call, "-e",
               f"inject={call}:error=ENOMEM:when={first}+", ENDURING, mode, "6"]
    result, document = watch(command)
    equal((status(result), result.stdout), (0, b"endured\n"),
          f"{mode}, {call} fails from number {first} on: {result.stderr[-200:]}")
    return exact_or_marked(document, result.stderr, f"{mode}, {call} fails from {first} on")


def test_refused_pages():
    """every kind of our memory refused, from each call on: the program endures, books right or marked"""
    reasons = []
    for mode in ("threads", "forks"):
        for first in [*range(1, 18), 20, 25] if SOAK else (1, 2, 4, 7, 11, 13, 14, 16):
            reasons.append(inject("madvise", first, mode))
        for first in (35, 50) if not SOAK else range(30, 90):
            reasons.append(inject("mprotect", first, mode))
    for first in (1, 2, 3):
        reasons.append(inject("mremap", first, "forks"))
    assert any(reasons) and not all(reasons), f"nothing was refused: {reasons}"


def memory_cgroup():
    """A new folder of the v1 controller or of v2 with its file of the limit, or None and why not."""
    for root, file in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                       ("/sys/fs/cgroup", "memory.max")):
        folder = os.path.join(root, f"memscope-test-{os.getpid()}")
        try:
            os.mkdir(folder)
        except OSError as error:
            reason = f"{folder}: {error.strerror}"
            continue
        if os.path.exists(os.path.join(folder, file)):
            return folder, file
        os.rmdir(folder)
        reason = f"{root} has no memory controller"
    return None, reason


def in_cgroup(folder, command):
    native = status(run([UNDER, "cgroup=" + folder, "--", *command]))
    seen, _, document = observed(command, ("cgroup=" + folder,))
    return native, seen, document


def test_cgroup():
    """a full memory cgroup ends the program as it does natively, and what was counted stays"""
    folder, file = memory_cgroup()
    if folder is None:
        print(f"# no memory cgroup here ({file}): only RLIMIT_AS and RLIMIT_DATA were tried")
        return
    try:
        for megabytes, dies in ((48, False), (12, True)):
            with open(os.path.join(folder, file), "w", encoding="ascii") as limit:
                limit.write(str(megabytes * MB))
            hungry = ["/usr/bin/python3", "-S", "-c",
                      "print(len([bytearray(10**6) for _ in range(20)]))"]
            native, seen, document = in_cgroup(folder, hungry)
            equal((native, seen[0]), (137, 137) if dies else (0, 0), f"{megabytes} MB")
            process = document["processes"][-1]
            equal(process["signal"], 9 if dies else None, "signal in the report")
            assert process["totals"]["allocations"] > 500, process["totals"]
    finally:
        os.rmdir(folder)


def test_full_shared_memory():
    """a full /dev/shm, and a full disk for the report: the program does not notice"""
    script = ("mount -t tmpfs -o size=4k none /dev/shm && dd if=/dev/zero of=/dev/shm/full bs=4k "
              "2>/dev/null; exec \"$@\"")
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        command = ["/usr/bin/unshare", *([] if os.geteuid() == 0 else ["-r"]), "-m", "/bin/sh", "-c",
                   script, "sh", MEMSCOPE, "-q", "--json", report, "--", *COMMANDS["threads"]]
        possible = status(run([*command[:-7], "/bin/true"])) == 0
        if not possible:
            print("# no mount namespace here: /dev/shm was not filled")
            command = command[command.index(MEMSCOPE):]
        result = run(command)
        equal(outcome(result), outcome(run(COMMANDS["threads"])), "outcome")
        document = load(report)
        equal(marked(document), [], "marks")
        exact_or_marked(document, result.stderr, "full /dev/shm")
    result = run([MEMSCOPE, "-q", "--json", "/dev/full", "--", *COMMANDS["threads"]])
    equal(result.stdout, b"endured\n", "stdout with a report that cannot be written")
    equal(status(result), 125, "exit status with a report that cannot be written")
    assert b"/dev/full" in result.stderr, result.stderr


main(globals())
