"""Exit statuses, messages for what cannot run, doctor, and the JSON that is left."""

import json
import os
import shutil
import signal
import subprocess
import tempfile

from watched import (BARE, BUILD, HARD, LIMIT_S, MEMSCOPE, ROOT, Skip, equal, first_process, load, main, run,
                     status, watch)


def quiet(*command):
    return run([MEMSCOPE, "-q", "--", *command])


def test_own_status():
    """the program's own exit status"""
    for expected in (0, 1, 2, 42, 125, 255):
        equal(status(quiet(HARD, "exit", str(expected))), expected, "exit status")


def test_signals():
    """128 + N on signal N; JSON and summary name it"""
    for number in (signal.SIGTERM, signal.SIGSEGV, signal.SIGKILL):
        result, document = watch([HARD, "signal", str(int(number))])
        equal(status(result), 128 + number, "exit status")
        equal(first_process(document)["signal"], int(number), "signal in JSON")
    result = run([MEMSCOPE, "--plain", "--", HARD, "signal", "9"])
    assert b"killed by SIGKILL" in result.stderr, result.stderr


def test_cannot_run():
    """127 not found, 126 cannot be run, 2 usage, 125 our own failure; with words on stderr"""
    for command, expected in ((["/nonexistent/program"], 127), (["no-such-program-here"], 127),
                              (["/etc/passwd"], 126), (["/tmp"], 126)):
        result = quiet(*command)
        equal(status(result), expected, f"{command}")
        assert result.stderr.strip() and not result.stdout, "no words"
    for options in (["--bogus"], ["--depth", "0", "--", "/bin/true"], ["--interval", "x", "true"]):
        equal(status(run([MEMSCOPE, *options])), 2, f"{options}")
    result = run([MEMSCOPE, "-q", "--json", "/nonexistent/x.json", "--", "/bin/true"])
    equal(status(result), 125, "JSON that cannot be written")
    equal(status(run([MEMSCOPE, "-p", "999999"])), 125, "nobody to join")


def test_options_stop_at_the_program():
    """options behind the program are the program's"""
    result = run([MEMSCOPE, "-q", "/bin/echo", "--json", "-h"])
    equal(result.stdout, b"--json -h\n", "stdout")


def test_help_and_version():
    """--help, -V, and no argument at all"""
    equal(status(run([MEMSCOPE, "--help"])), 0, "--help")
    assert b"--json" in run([MEMSCOPE, "--help"]).stdout
    assert run([MEMSCOPE, "-V"]).stdout.startswith(b"memscope-top ")
    assert b"memscope-top" in run([MEMSCOPE]).stdout


def test_doctor():
    """doctor says what would be seen, without running it"""
    result = run([MEMSCOPE, "doctor", "/bin/ls"])
    equal(status(result), 0, "exit status")
    assert b"full" in result.stdout, result.stdout
    result = run([MEMSCOPE, "doctor", "/nonexistent"])
    assert status(result) != 0 and result.stdout + result.stderr
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "red\x1b[31m")
        shutil.copy("/bin/ls", program)
        assert b"\x1b" not in run([MEMSCOPE, "doctor", program]).stdout, "a name of a file is not for the terminal"


def test_schema():
    """the JSON follows docs/schema.json, also with hostile names in it"""
    try:
        import jsonschema
    except ImportError as missing:
        raise Skip("python3-jsonschema is not installed") from missing
    with open(os.path.join(ROOT, "docs/schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    for command in ([HARD, "names"], [HARD, "fork"], [HARD, "signal", "9"], [HARD, "storm", "3"]):
        _, document = watch(command)
        jsonschema.validate(document, schema)
    broken = json.loads(json.dumps(document))
    del broken["processes"]
    try:
        jsonschema.validate(broken, schema)
    except jsonschema.ValidationError:
        return
    raise AssertionError("the schema accepts a document without processes")


def test_children():
    """children are in the JSON as a tree; --children=no leaves them out"""
    _, document = watch([HARD, "fork"])
    equal(len(document["processes"]), 11, "processes")
    ids = {process["id"] for process in document["processes"]}
    for process in document["processes"][1:]:
        assert process["parent_id"] in ids, "a child without parent"
        assert process["totals"]["allocations"] > 2000, "a child that counted nothing"
    _, document = watch([HARD, "fork"], "--children=no")
    equal(len(document["processes"]), 1, "processes with --children=no")


def test_no_args():
    """--no-args leaves argv out"""
    _, document = watch([HARD, "exit", "0"])
    equal(first_process(document)["argv"], [HARD, "exit", "0"], "argv")
    _, document = watch([HARD, "exit", "0"], "--no-args")
    equal(first_process(document)["argv"], None, "argv with --no-args")


def test_plain():
    """--plain: figures on stderr, the program's stdout untouched"""
    with subprocess.Popen([MEMSCOPE, "--plain", "--", "/bin/cat"], env=BARE, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as viewer:
        lines = [viewer.stderr.readline() for _ in range(3)]
        stdout, rest = viewer.communicate(b"out\n", timeout=LIMIT_S)
    equal(stdout, b"out\n", "stdout")
    assert all(lines) and b"\033" not in b"".join(lines) + rest, lines


def test_runs_installed():
    """make install DESTDIR: runs from there, finds its probe; uninstall leaves nothing"""
    with tempfile.TemporaryDirectory() as folder:
        make = ["make", "-C", ROOT, "-s", f"BUILD={os.environ.get('BUILD', 'build')}",
                f"DESTDIR={folder}", "prefix=/usr", "DEPS=no"]
        equal(status(run([*make, "install"])), 0, "make install")
        path = os.path.join(folder, "out.json")
        result = run([folder + "/usr/bin/memscope-top", "-q", "--json", path, "--", HARD, "exit",
                      "0"])
        equal(status(result), 0, f"exit status {result.stderr}")
        assert load(path)["totals"]["allocations"] > 50, "nothing counted when installed"
        os.unlink(path)
        equal(status(run([*make, "uninstall"])), 0, "make uninstall")
        left = [f for _, _, files in os.walk(folder) for f in files]
        equal(left, [], "files after uninstall")


main(globals())
