"""The keeper against real programs: what it tells, and what the program must not notice.

Uses tests/e2e/keeper_client.c as viewer, linked with the rooms' archives in $BUILD/lib.
"""
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import watched

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
WORK = tempfile.mkdtemp(prefix="memscope-keeper-")
CLIENT = os.path.join(WORK, "keeper_client")
IDS_A_REGION = 2048  # as MS_PROCESS_ID
HARMLESS = "libm.so.6"  # stands in for the probe where only its place in LD_PRELOAD matters
tests = []


def process_id(region, slot=0):
    return str(region * IDS_A_REGION + slot)


def test(function):
    tests.append(function)
    return function


def build():
    rooms = [os.path.join(BUILD, "lib", room + ".a") for room in ("keeper", "wire")]
    subprocess.run(
        [os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-I" + os.path.join(ROOT, "src"),
         "-o", CLIENT, os.path.join(ROOT, "tests/e2e/keeper_client.c"), "-Wl,--start-group"]
        + rooms + ["-Wl,--end-group"], check=True)


class Told:
    """What a client wrote about its session."""

    def __init__(self, text):
        self.text = text

    def lines(self, word):
        return [dict(pair.split("=", 1) for pair in line.split()[1:] if "=" in pair)
                for line in self.text.splitlines() if line.split(" ")[0] == word]

    def one(self, word):
        found = self.lines(word)
        assert len(found) == 1, "%d lines of %s in:\n%s" % (len(found), word, self.text)
        return found[0]


def start(*arguments, **options):
    """Runs a client to its end; what it told comes back, the program has stdout and stderr."""
    read, write = os.pipe()
    os.dup2(write, 9, inheritable=True)
    os.close(write)
    passed = (9,) + options.pop("pass_more", ())
    child = subprocess.Popen([CLIENT, "start"] + list(arguments), pass_fds=passed, **options)
    os.close(9)
    with os.fdopen(read) as told:
        text = told.read()
    out, err = child.communicate(timeout=100)
    return Told(text), out, err


def leave(*arguments, **options):
    told, _, _ = start("-l", *arguments, **options)
    return told.one("started")


def join(socket, *arguments, **options):
    done = subprocess.run([CLIENT, "join", socket] + list(arguments), stderr=subprocess.PIPE,
                          stdin=options.pop("stdin", subprocess.DEVNULL), timeout=100, **options)
    return Told(done.stderr.decode())


def alive(pid):
    try:
        with open("/proc/%d/stat" % int(pid)) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while True:
        watched.late()
        over = time.monotonic() >= end
        if condition():
            return True
        if over:
            return False
        time.sleep(0.02)


def target(link):
    """Empty: it was closed meanwhile."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""


def touch(path):
    with open(path, "w"):
        pass


def until(path):
    """What a shell does until a test has touched that."""
    return "while [ ! -e %s ]; do sleep 0.1; done" % path


def viewers(socket):
    return join(socket, "-a").one("session")["viewers"]


def ended(pid, seconds=60):
    return wait_until(lambda: not alive(pid), seconds)


@test
def exit_status_and_signal_reach_the_viewer():
    for mode in ([], ["-p"]):
        for script, status, number in (("true", "0", "0"), ("exit 7", "7", "0"),
                                       ("kill -9 $$", "-1", "9"), ("kill -SEGV $$", "-1", "11")):
            told, _, _ = start(*mode, "--", "/bin/sh", "-c", script)
            end = told.one("end")
            assert (end["status"], end["signal"]) == (status, number), told.text
            assert end["id"] == process_id(1) and int(end["have"]) & 3 == 3, told.text
            assert told.one("tree-end") is not None
            assert ended(told.one("started")["keeper"])
            assert not os.path.exists(told.one("started")["socket"])


@test
def exec_failures_have_their_code_and_leave_nothing():
    text = os.path.join(WORK, "text")
    with open(text, "w") as file:
        file.write("no program\n")
    os.chmod(text, 0o755)
    for path, code in (("/nonexistent/x", -2), ("/etc/passwd", -13), (text, -8)):
        for mode in ([], ["-p"]):
            told, _, _ = start(*mode, "--", path)
            assert told.text == "failed %d own=0\n" % code, told.text
    assert not [name for name in os.listdir(FOLDER) if not name.startswith("probe-")]


@test
def final_figures_are_those_of_the_process():
    told, _, _ = start("--", "/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=4096", "count=8000",
                       "status=none")
    end = told.one("end")
    assert 8000 <= int(end["read_calls"]) < 8100, told.text
    assert 8000 <= int(end["write_calls"]) < 8100, told.text
    # a child that was waited for: marked, since the kernel adds it up
    told, _, _ = start("--", "/bin/sh", "-c", "dd if=/dev/zero of=/dev/null bs=50M count=1 "
                       "status=none; true")
    assert int(told.one("end")["have"]) == 7, told.text
    assert int(told.one("end")["faults"]) < 3000, told.text


@test
def inherited_descriptors_give_the_same_bytes():
    script = "printf 'a\\tb\\r\\n'; printf 'err\\n' >&2; test -t 1 || echo pipe; cat"
    native = subprocess.run(["/bin/sh", "-c", script], input=b"in\x00put", stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    read, write = os.pipe()
    os.write(write, b"in\x00put")
    os.close(write)
    _, out, err = start("--", "/bin/sh", "-c", script, stdin=read, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
    os.close(read)
    assert (out, err) == (native.stdout, native.stderr), (out, err, native)


SURROUNDINGS = """
import os
for number in sorted(map(int, os.listdir('/proc/self/fd'))):
    path = '/proc/self/fd/%d' % number
    if os.path.lexists(path) and not os.readlink(path).startswith('socket:'):
        print(number, os.readlink(path))
print([l for l in open('/proc/self/status') if l.startswith(('Sig', 'Shd', 'Umask'))])
print(open('/proc/self/limits').read())
print(os.getcwd(), os.getpgrp(), os.getsid(0), os.nice(0))
"""


@test
def surroundings_are_as_without_us():
    prepare = (lambda: (signal.signal(signal.SIGHUP, signal.SIG_IGN),
                        signal.signal(signal.SIGPIPE, signal.SIG_IGN),
                        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2}),
                        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 400)),
                        os.umask(0o027)))
    command = ["/usr/bin/python3", "-S", "-E", "-c", SURROUNDINGS]
    more, other = os.pipe()
    options = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                   preexec_fn=prepare, restore_signals=False)
    native = subprocess.Popen(command, pass_fds=(more,), **options).communicate()[0]
    assert b"\n%d pipe:" % more in native and b"SigBlk" in native, native
    for probe in ([], ["-P", HARMLESS]):
        _, out, _ = start(*probe, "--", *command, pass_more=(more,), **options)
        # Numbers of pipes, and of signals that wait for whatever the same user runs.
        strip = lambda text: re.sub(rb"pipe:\[\d+\]", b"pipe", re.sub(rb"SigQ:.t\d+/", b"", text))
        wanted, got = strip(native).splitlines(), strip(out).splitlines()
        assert wanted == got, b"\n".join(wanted + [b"--"] + got).decode()
    os.close(more)
    os.close(other)


@test
def environment_has_our_variables_with_a_probe_only():
    script = "env | grep -E '^(LD_PRELOAD|MEMSCOPE)' | sort; echo end"
    environment = dict(os.environ, LD_PRELOAD="libc.so.6")
    _, out, _ = start("--", "/bin/sh", "-c", script, stdout=subprocess.PIPE, env=environment)
    assert out == b"LD_PRELOAD=libc.so.6\nend\n", out
    told, out, _ = start("-P", HARMLESS, "--", "/bin/sh", "-c", script, stdout=subprocess.PIPE,
                         env=environment)
    socket = told.one("started")["socket"]
    lines = out.decode().splitlines()
    assert lines[0] == "LD_PRELOAD=%s:libc.so.6" % HARMLESS, lines
    assert re.fullmatch(r"MEMSCOPE_TOP_FD=6\d", lines[1]), lines
    assert lines[2:] == ["MEMSCOPE_TOP_SESSION=" + socket, "end"], lines


@test
def terminal_is_a_terminal_with_its_size():
    told, _, _ = start("-p", "--", "/bin/sh", "-c",
                       "test -t 1 && test -t 2 && stty size </dev/tty; ps -o stat= -p $$",
                       stdin=subprocess.DEVNULL)
    text = "".join(line["text"] for line in told.lines("output"))
    assert text.startswith("24<20>80") or "24" in told.text and "80" in told.text, told.text
    assert re.search(r"[SR]N?\+", told.text), told.text  # in the foreground


@test
def tee_is_what_the_program_wrote():
    tee = os.path.join(WORK, "tee")
    start("-p", "-T", tee, "--", "/usr/bin/seq", "1", "200000")
    native = subprocess.run(["/usr/bin/seq", "1", "200000"], stdout=subprocess.PIPE).stdout
    with open(tee, "rb") as file:
        assert file.read() == native


@test
def nobody_watching_does_not_hold_up_the_program():
    started = leave("-p", "--", "/usr/bin/seq", "1", "3000000")
    assert ended(started["program"])
    told = join(started["socket"])
    assert int(told.one("tree-end")["output"]) == 22888896, told.text
    assert told.one("end")["status"] == "0"
    assert ended(started["keeper"])


@test
def stopped_viewer_does_not_hold_up_the_program():
    go = os.path.join(WORK, "go-print")
    started = leave("-p", "--", "/bin/sh", "-c", until(go) + "; seq 1 3000000")
    viewer = subprocess.Popen([CLIENT, "join", started["socket"]], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
    assert wait_until(lambda: viewers(started["socket"]) == "1")
    viewer.send_signal(signal.SIGSTOP)
    touch(go)
    assert ended(started["program"])
    viewer.send_signal(signal.SIGCONT)
    told = Told(viewer.communicate(timeout=100)[1].decode())
    assert int(told.one("tree-end")["output"]) == 22888896, told.text


@test
def killed_viewer_leaves_the_program_and_another_may_come():
    for mode in ([], ["-p"]):
        started = leave(*mode, "--", "/bin/sleep", "300")
        viewer = subprocess.Popen([CLIENT, "join", started["socket"]], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        assert wait_until(lambda: viewers(started["socket"]) == "1")
        asked = join(started["socket"], "-a").one("session")
        assert asked["pid"] == started["program"], asked
        viewer.kill()
        viewer.wait()
        assert wait_until(lambda: viewers(started["socket"]) == "0")
        assert alive(started["program"]) and alive(started["keeper"])
        told = join(started["socket"], "-s", "15")
        assert told.one("end")["signal"] == "15", told.text


@test
def killed_keeper_leaves_an_inheriting_program():
    go = os.path.join(WORK, "go-without-keeper")
    started = leave("--", "/bin/sh", "-c", until(go))
    os.kill(int(started["keeper"]), signal.SIGKILL)
    assert ended(started["keeper"])
    time.sleep(0.3)
    assert alive(started["program"])
    touch(go)
    assert ended(started["program"])


@test
def broken_pipe_ends_the_program_as_ever():
    script = "%s start -- /usr/bin/yes 2>/dev/null | head -3" % CLIENT
    begin = time.monotonic()
    done = subprocess.run(["/bin/sh", "-c", script], stdout=subprocess.PIPE, timeout=100,
                          restore_signals=True)
    assert done.stdout == b"y\ny\ny\n" and time.monotonic() - begin < 60  # else for ever


@test
def closed_terminal_does_not_end_the_program():
    go = os.path.join(WORK, "go-late")
    pid, master = pty.fork()
    if pid == 0:
        os.execv(CLIENT, [CLIENT, "start", "-p", "--", "/bin/sh", "-c", until(go) + "; echo late"])
    text = ""
    while "started " not in text or not text.endswith("\n"):
        text += os.read(master, 300).decode()
    socket = re.search(r"socket=(\S+)", text).group(1)
    program, keeper = (re.search(word + r"=(\d+)", text).group(1) for word in ("program", "keeper"))
    os.close(master)
    os.waitpid(pid, 0)
    time.sleep(0.2)
    assert alive(program) and alive(keeper)
    # The keeper goes when the program has ended and a viewer was there: so before the end.
    viewer = subprocess.Popen([CLIENT, "join", socket], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert wait_until(lambda: viewers(socket) == "1")
    touch(go)
    told = Told(viewer.communicate(timeout=100)[1].decode())
    assert told.one("end")["status"] == "0" and "text=late" in told.text, told.text


@test
def background_child_survives_the_program_and_the_keeper():
    marker = os.path.join(WORK, "survived")
    told, _, _ = start("-p", "--", "/bin/sh", "-c",
                       "sh -c 'trap \"\" TERM; sleep 1; echo yes >%s' </dev/null >/dev/null 2>&1 &"
                       % marker)
    assert told.one("tree-end") is not None
    assert wait_until(lambda: os.path.exists(marker)), "killed by the end of the session"


@test
def stdin_of_the_terminal_takes_input():
    started = leave("-p", "-t", "--", "/bin/sh", "-c", "read line; echo got:$line")
    told = join(started["socket"], stdin=subprocess.Popen(
        ["printf", "hello\\n"], stdout=subprocess.PIPE).stdout)
    assert "got:hello" in told.text, told.text


@test
def first_region_is_sealed_and_read_only_for_viewers():
    told, _, _ = start("-P", HARMLESS, "--", CLIENT, "probe", "s")
    region = told.one("region")
    assert region["first"] == "1" and region["check"] == "0" and region["writable"] == "0"
    assert int(region["seals"]) & 7 == 7, region
    assert region["pid"] == told.one("started")["program"]


@test
def forked_children_are_seen_late_ones_too():
    for steps in ("fs", "F", "sf"):
        told, _, _ = start("-P", HARMLESS, "--", CLIENT, "probe", steps)
        ends = {end["id"]: end["status"] for end in told.lines("end")}
        assert ends.pop(process_id(1)) == "0", told.text
        # Before Linux 6.15 the status of a child that was reaped cannot be known.
        assert ends in ({process_id(1, 1): "0"}, {process_id(1, 1): "-2"}), told.text


@test
def viewer_is_not_taken_for_a_part_of_the_tree():
    started = leave("-P", HARMLESS, "--", CLIENT, "probe", "w")
    joined = [subprocess.Popen([CLIENT, "join", started["socket"]], stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE) for _ in range(2)]
    assert wait_until(lambda: viewers(started["socket"]) == "2")
    os.kill(int(started["program"]), signal.SIGTERM)
    for viewer in joined:
        assert "tree-end" in viewer.communicate(timeout=100)[1].decode()


@test
def executed_programs_get_a_region_of_their_own():
    told, _, _ = start("-P", HARMLESS, "--", CLIENT, "probe", "xse")
    assert [region["id"] for region in told.lines("region")] == [process_id(1), process_id(2)], told.text
    end = told.one("end")
    assert end["id"] == process_id(2) and end["status"] == "3", told.text
    told, _, _ = start("-P", HARMLESS, "--", CLIENT, "probe", "cs")
    assert [end["id"] for end in told.lines("end")] == [process_id(1), process_id(2)], told.text


@test
def child_that_executes_while_its_parent_ends_is_waited_for():
    """Within execve it has no region and no environment: one look in fifteen at it falls there."""
    told, _, _ = start("-P", HARMLESS, "--", CLIENT, "probe", "c" * 300 + "e")
    ends = [(end["id"], end["status"]) for end in told.lines("end")]
    assert "connect-failed" not in told.text and ends[-1] == (process_id(301), "3"), told.text


@test
def regions_of_the_past_are_bounded():
    started = leave("-P", HARMLESS, "--", CLIENT, "probe", "x" * 600 + "ss")
    told = join(started["socket"])
    numbers = sorted({int(region["id"]) // IDS_A_REGION for region in told.lines("region")})
    assert numbers[0] == 1 and numbers[-1] == 601, told.text
    late = leave("-P", HARMLESS, "--", CLIENT, "probe", "x" * 600 + "w")
    assert wait_until(lambda: "id=%s " % process_id(601) in join(late["socket"], "-q").text)
    files = [target("/proc/%s/fd/%s" % (late["keeper"], fd))
             for fd in os.listdir("/proc/%s/fd" % late["keeper"])]
    assert sum("memfd" in name for name in files) == 256, files
    join(late["socket"], "-s", "15")


@test
def keeper_holds_nothing_of_the_viewer():
    started = leave("-p", "--", "/bin/sleep", "300", stdout=subprocess.PIPE)
    folder = "/proc/%s/fd" % started["keeper"]

    def held():
        names = [target(os.path.join(folder, fd)) for fd in os.listdir(folder)]
        return [name for name in names if name.startswith(("pipe:", WORK))]
    assert wait_until(lambda: not held()), held()
    assert os.readlink("/proc/%s/cwd" % started["keeper"]) == "/"

    def wakes_up():
        with open("/proc/%s/status" % started["keeper"]) as status:
            return int(re.search(r"\nvoluntary_ctxt_switches:\s*(\d+)", status.read()).group(1))

    def idle():
        before = wakes_up()
        time.sleep(0.5)
        return wakes_up() - before <= 1
    assert wait_until(idle), "never idle for half a second: %d wake-ups" % wakes_up()
    join(started["socket"], "-s", "15")


@test
def closed_standard_descriptors_stay_closed():
    path = os.path.join(WORK, "closed")
    script = ("for n in 0 1 2; do test -e /proc/$$/fd/$n && open=$open$n; done; "
              "echo open=$open >%s.new; mv %s.new %s" % (path, path, path))
    for mode, wanted in (([], ""), (["-P", HARMLESS], ""), (["-p"], "12"),
                         (["-p", "-t", "-P", HARMLESS], "012")):
        done = subprocess.run(
            ["/bin/sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", CLIENT, "start", "-l"] + mode
            + ["--", "/bin/sh", "-c", script], timeout=100)
        assert done.returncode == 0
        assert wait_until(lambda: os.path.exists(path))
        with open(path) as file:
            assert file.read() == "open=%s\n" % wanted
        os.remove(path)


@test
def few_descriptors_are_enough():
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    told, _, _ = start("-p", "-P", HARMLESS, "--", "/bin/sh", "-c", "ulimit -n", preexec_fn=limit)
    assert "text=24" in told.text, told.text


def main():
    global FOLDER
    os.environ["XDG_RUNTIME_DIR"] = WORK
    FOLDER = os.path.join(WORK, "memscope-top")
    build()
    wanted = sys.argv[1:]
    chosen = [one for one in tests if not wanted or one.__name__ in wanted]
    print("1..%d" % len(chosen))
    failures = 0
    for number, one in enumerate(chosen, 1):
        try:
            one()
            print("ok %d - %s" % (number, one.__name__), flush=True)
        except Exception as error:  # each test stands alone
            failures += 1
            print("not ok %d - %s" % (number, one.__name__))
            for line in ("%s: %s" % (type(error).__name__, error)).splitlines():
                print("# " + line)
            sys.stdout.flush()
    shutil.rmtree(WORK, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
