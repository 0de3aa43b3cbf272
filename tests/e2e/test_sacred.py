"""The program under watch does, prints, leaves and ends as it would without us."""

import os
import shutil
import subprocess
import tempfile

from watched import BARE, BUILD, HARD, PLUGIN, equal, main, need, run, status, watch

EARLY = os.path.join(BUILD, "tests/e2e/early_user")


def files_in(folder):
    """Names and bytes. The index of git holds times and inode numbers: only its name."""
    files = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, folder)] = "" if name == "index" else file.read()
    return files


def same(command, environment=BARE, given=None):
    """Runs it natively and watched, in folders of their own; everything must be equal."""
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        # One name for both, so that programs which print their folder are equal too.
        work = os.path.join(folder, "work")
        for how in (run, lambda *a, **k: watch(*a, **k)[0]):
            os.mkdir(work)
            options = {"cwd": work, "env": environment}
            if given is not None:
                options.update(input=given, stdin=None)
            result = how(command, **options)
            seen.append((status(result), result.stdout, result.stderr, files_in(work)))
            shutil.rmtree(work)
    for what, watched, alone in zip(("status", "stdout", "stderr", "files"), seen[1], seen[0]):
        equal(watched, alone, f"{' '.join(command[:3])}: {what}")


def hard(title, case, *arguments):
    def test():
        same([HARD, case, *arguments])
    test.__doc__ = title
    return test


def test_sqlite3():
    """sqlite3: output and database file"""
    need("sqlite3")
    same(["/usr/bin/sqlite3", "file.db", "create table t(x); insert into t values (1),(2);"
          "select * from t; select nonsense;"])


def test_git():
    """git: the repository that it makes"""
    need("git")
    same(["/bin/sh", "-c", "git init -q . && echo a >f && git add f && git status --short && "
          "git ls-files -s && git bogus"])


def test_compiler():
    """gcc with its children: the object file"""
    same(["/bin/sh", "-c", "echo 'int main(void) { return 0; }' >m.c && "
          "gcc -c m.c -o m.o && gcc -c missing.c"])


def test_python3():
    """python3: child processes, threads, an exception"""
    same(["/usr/bin/python3", "-c", "import subprocess, threading\n"
          "print(subprocess.run(['/bin/echo', 'child'], capture_output=True).stdout)\n"
          "t = [threading.Thread(target=lambda: [0] * 10**6) for _ in range(9)]\n"
          "[x.start() for x in t]; [x.join() for x in t]\nraise SystemExit(17)"])


def test_standard_input():
    """what is piped in comes in"""
    same(["/usr/bin/sort"], given=b"b\na\nc\n" * 1000)


def test_environment():
    """env prints the same, through a shell and with odd entries too"""
    same(["/usr/bin/env"])
    same(["/usr/bin/env"], {**BARE, "MEMSCOPE_X": "y", "EMPTY": ""})
    same(["/bin/sh", "-c", "env; bash -c env; env -i /usr/bin/env"])
    same([HARD, "env"])
    same(["/usr/bin/env"], {})


def test_empty_preload():
    """an empty LD_PRELOAD is still there, and empty"""
    same(["/usr/bin/env"], {**BARE, "LD_PRELOAD": ""})


test_self = hard("descriptors, threads, handlers and masks are the program's own", "self")
test_fork = hard("children and grandchildren that free inherited blocks", "fork")
test_clone = hard("a child of a raw clone system call", "clone")
test_vfork = hard("vfork with exec and without", "vfork")
test_exec = hard("a program that executes itself five times, after failing to", "exec")
test_popen = hard("popen, system, posix_spawn", "popen")
test_cleared = hard("a child with an environment of its own", "cleared")
test_daemon = hard("a daemon that closes all descriptors", "daemon", "daemon.out")
test_closerange = hard("close_range of all descriptors; the next one is 3", "closerange")
test_errno = hard("errno is kept; impossible sizes and alignments are refused as ever", "errno")
test_double_free = hard("a double free is found by the C library as ever", "doublefree")
test_overrun = hard("a small overrun has no more effect than natively", "overrun")
test_sigaltstack = hard("handlers that allocate on an alternate stack of 8 KiB", "sigaltstack")
test_fibers = hard("coroutines on stacks from the heap that are freed and reused", "fibers")
test_recursion = hard("a recursion of 20,000 frames that allocates in each", "recursion")
test_growth = hard("a main stack of 40 MB, where 8 were allowed at the start", "growth")
test_names = hard("threads renamed thousands of times, from outside too", "names")
test_tls = hard("destructors of thread-specific data that allocate again", "tls")
test_cancel = hard("pthread_cancel of threads in a malloc loop", "cancel")
test_thread_storm = hard("3,000 short threads, a hundred at a time", "storm")
test_fork_storm = hard("200 forked children one after the other", "forkstorm")
test_fork_with_threads = hard("fork while four threads are in the middle of malloc", "forkthreads")
test_dlopen = hard("a C++ plugin opened, run and closed fifty times", "dlopen", PLUGIN)
test_address_space_limit = hard("RLIMIT_AS of 256 MiB, and allocating until it holds", "as")
test_descriptor_limit = hard("RLIMIT_NOFILE=4, set by the program before it executes itself",
                             "nofile")
test_file_size_limit = hard("RLIMIT_FSIZE=0 with threads and children", "fsize")
test_small_stacks = hard("threads with the smallest stack that is allowed", "smallstacks")
test_mlockall = hard("mlockall with threads; little is locked for us", "mlockall")
test_seccomp = hard("a filter that leaves only what malloc needs, and kills", "seccomp")
test_privileges = hard("root that becomes nobody, and its children", "privileges")


def test_bad_free():
    """wrong frees are found by the C library as ever"""
    for which in range(5):
        same([HARD, "badfree", str(which)])


def test_early():
    """malloc in an IFUNC resolver and in the first constructor"""
    same([EARLY])


def test_unsuitable_programs():
    """a static program runs as it is"""
    need("gcc")
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "s.c"), os.path.join(folder, "s")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <stdio.h>\nint main(void) { puts(\"static\"); return 3; }\n")
        subprocess.run(["gcc", "-static", "-o", program, source], check=True)
        same([program])
        _, document = watch([program])
        process = document["processes"][0]
        equal(process["seen"], "none", "seen")
        assert process["seen_because"], "no reason given"


main(globals())
