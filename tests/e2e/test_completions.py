"""Completion in the real shells: what bash, zsh and fish offer for a line that is being typed."""
import os
import shlex
import subprocess
import tempfile

from terminal import Terminal
from watched import MEMSCOPE, ROOT, equal, main, need

FOLDER = os.path.join(ROOT, "completions")


def offered_by_bash(line):
    """As bash calls the function: words split at blanks and at =."""
    words = []
    for word in line.split(" "):
        name, equals, value = word.partition("=")
        words += [name] + ([equals] + ([value] if value else []) if equals else [])
    script = """
source {file}
COMP_WORDS=({words}) COMP_CWORD={at}
compopt() {{ :; }}
_memscope_top
printf '%s\\n' "${{COMPREPLY[@]}}"
""".format(file=shlex.quote(os.path.join(FOLDER, "memscope-top.bash")),
           words=" ".join(shlex.quote(word) for word in words), at=len(words) - 1)
    need("bash")
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True,
                          check=True)
    return done.stdout.split()


def offered_by_fish(line):
    need("fish")
    script = "source {}; complete -C {}".format(
        shlex.quote(os.path.join(FOLDER, "memscope-top.fish")), shlex.quote(line))
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True,
                              check=True, env={**os.environ, "HOME": home})
    return [row.split("\t")[0] for row in done.stdout.splitlines()]


def both(line, expected, foreign=()):
    for offered in (offered_by_bash, offered_by_fish):
        words = offered(line)
        missing = [word for word in expected if word not in words]
        assert not missing, f"{offered.__name__}: {line!r}: no {missing}"
        strange = [word for word in foreign if word in words]
        assert not strange, f"{offered.__name__}: {line!r}: offers {strange}"


def test_commands():
    """our commands, and programs besides"""
    both("memscope-top ver", ["verify"])
    both("memscope-top rec", ["record"], ["report"])
    both("memscope-top sqlite", ["sqlite3"])


def test_options():
    """every option that --help tells of"""
    text = subprocess.run([MEMSCOPE, "--help"], capture_output=True, text=True, check=True).stdout
    known = {word.rstrip(",") for row in text.splitlines() for word in row.split()[:2]
             if row.startswith("  ") and word.startswith("--")}
    assert len(known) > 30, known
    both("memscope-top --", sorted(known))
    both("memscope-top record --max", ["--max-size"], ["--html"])


def test_choices():
    """arguments that are a choice"""
    both("memscope-top --io ", ["off", "count", "sample", "all"], ["sqlite3"])
    both("memscope-top --sort cpu_", ["cpu_percent"])


def test_recordings():
    """recordings for the commands that read them"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.memscope")
        for name in (path, os.path.join(folder, "run.txt")):
            with open(name, "w", encoding="ascii"):
                pass
        equal(offered_by_bash(f"memscope-top view {folder}/"), [path], "bash")
        assert path in offered_by_fish(f"memscope-top view {folder}/")


def test_program():
    """options behind the program are the program's own"""
    both("memscope-top sqlite3 --js", [], ["--json"])
    assert "--json" not in offered_by_bash("memscope-top -- sqlite3 --js")


def test_zsh():
    """zsh, where a key is what shows it"""
    need("zsh")
    with Terminal(["zsh", "-f", "-i"], columns=100) as terminal:
        terminal.keys("-l", f"fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -u -D; clear")
        terminal.keys("Enter")
        terminal.keys("-l", "echo ready-$((1+1))")
        terminal.keys("Enter")
        terminal.see("ready-2")
        terminal.keys("-l", "memscope-top veri")
        terminal.keys("Tab")
        terminal.see("memscope-top verify")
        terminal.keys("C-u")
        terminal.keys("-l", "memscope-top --json-l")
        terminal.keys("Tab")
        terminal.see("--json-lines=")


main(globals())
