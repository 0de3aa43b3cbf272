"""What recordings and their reports are asked for that cannot be: one line that says why, a status
that is not 0, and nothing of what was there is lost."""

import os
import subprocess
import tempfile

from watched import BARE, MEMSCOPE, equal, load, main, run, status

WRONG_USE, OURS, FOUND = 2, 125, 1
KEPT = "import json, time; kept = [json.dumps({'a': i}) for i in range(500)]; time.sleep(.25)"


def record(path, *options):
    done = run([MEMSCOPE, "record", "-q", "-o", path, *options, "--", "/usr/bin/python3", "-c", KEPT])
    equal(status(done), 0, done.stderr.decode())


class Recorded:
    """A folder with r.memscope; commands run in it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="memscope-wrong-")
        record(self.path("r.memscope"))
        with open(self.path("r.memscope"), "rb") as file:
            self.raw = file.read()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, raw):
        with open(self.path(name), "wb") as file:
            file.write(raw)

    def run(self, *words):
        return run([MEMSCOPE, *words], cwd=self.folder.name)

    def refused(self, wanted, words, *command):
        """One line with these words and that status; the files of the folder are as before."""
        before = self.files()
        done = self.run(*command)
        said = done.stderr.decode()
        what = " ".join(command)
        equal((status(done), said.count("\n"), words in said), (wanted, 1, True), f"{what}: {said}")
        equal(self.files(), before, f"files after {what}")

    def files(self):
        found = {}
        for name in os.listdir(self.folder.name):
            path = self.path(name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found[name] = file.read()
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()


def test_what_is_no_recording():
    """missing, a folder, a pipe, a device, empty, cut, noise: report, verify, export, diff say which"""
    with Recorded() as recorded:
        recorded.write("empty", b"")
        recorded.write("noise", os.urandom(5000))
        recorded.write("cut", recorded.raw[:100])
        os.mkdir(recorded.path("folder"))
        os.mkfifo(recorded.path("pipe"))
        cases = {"missing": "No such file", "folder": "it is a directory",
                 "pipe": "it is not a regular file", "/dev/zero": "it is not a regular file",
                 "empty": "it is empty", "noise": "it is not a recording",
                 "cut": "nothing of it can be read"}
        for name, words in cases.items():
            recorded.refused(OURS, f"{name}: {words}" if name != "cut" else words, "report", name)
            recorded.refused(FOUND if name == "cut" else OURS, words, "verify", name)
            recorded.refused(OURS, words, "export", name, "--json", "new.json")
            recorded.refused(OURS, words, "diff", "r.memscope", name)
        recorded.write("half", recorded.raw[:len(recorded.raw) * 3 // 4])
        done = recorded.run("export", "half", "--text", "half.txt")
        equal(status(done), 0, "status of what can be read of a cut one")
        assert b"half: " in done.stderr, done.stderr


def test_wrong_rules_and_moments():
    """rules, moments and tables that there are not: what there is"""
    with Recorded() as recorded:
        for rule, words in (("", "give RULE"), ("nonsense>1", "is no metric; the nearest"),
                            ("peak_bytes>", "give bytes, as"), ("peak_bytes>1Q", "give bytes, as"),
                            ("peak_bytes>nan", "give bytes"), ("peak_bytes=>1", "is not a rule; give")):
            recorded.refused(WRONG_USE, words, "report", "r.memscope", "--fail-on", rule)
        for moment, words in (("99999999999999999999", "is beyond its end"), ("999h", "beyond its end"),
                              ("-5", "not a moment: '-5'; give end, peak"), ("200%", "give end, peak"),
                              ("", "give TIME"), ("nonsense", "give end, peak")):
            recorded.refused(WRONG_USE, words, "export", "r.memscope", "--at", moment, "--text", "n")
        recorded.refused(WRONG_USE, "insights or trace", "export", "r.memscope", "--csv", "n",
                         "--table", "nonsense")
        recorded.refused(WRONG_USE, "name what to write", "export", "r.memscope")
        done = recorded.run("export", "r.memscope", "--at", "0", "--json", "first.json")
        equal((status(done), done.stderr), (0, b""), "the first moment")
        assert load(recorded.path("first.json"))["session"]["duration_ns"] < 10**9


def test_slips():
    """a mistyped command or option: one line with what was meant, if it is near enough"""
    for status_wanted, line, *words in (
            (127, "veiw: not found in PATH; did you mean the command 'view'?", "veiw", "r.memscope"),
            (127, "exprot: not found in PATH; did you mean the command 'export'?", "exprot"),
            (127, "qqqqqq: not found in PATH", "qqqqqq"),
            (127, "veiw: not found in PATH", "--", "veiw"),
            (WRONG_USE, "--jsno: no such option; did you mean --json?", "--jsno=x", "true"),
            (WRONG_USE, "--json-: is the beginning of --json-set, --json-lines", "--json-", "true"),
            (WRONG_USE, "--plain: takes no value", "--plain=3", "true"),
            (WRONG_USE, "-Z: no such option; see memscope-top --help", "-qZ", "true"),
            (WRONG_USE, "--json: needs a value; see memscope-top --help", "--json")):
        done = run([MEMSCOPE, *words])
        equal((status(done), done.stderr.decode()), (status_wanted, f"memscope-top: {line}\n"),
              " ".join(words))


def test_a_terminal_that_can_draw_nothing():
    """TERM=dumb, or none: one line says that there is no screen, and the program runs"""
    for term in ("dumb", ""):
        master, slave = os.openpty()
        done = subprocess.run([MEMSCOPE, "true"], stdin=subprocess.DEVNULL, stdout=slave,
                              stderr=subprocess.PIPE, env={**os.environ, "TERM": term}, check=False)
        os.close(slave)
        os.close(master)
        equal(done.returncode, 0, "status")
        assert done.stderr.startswith(b"memscope-top: no live screen: TERM is not set, or dumb;"), done


def test_help_of_a_command():
    """COMMAND --help: its own usage and options; --help: all of them"""
    whole = run([MEMSCOPE, "--help"]).stdout.decode()
    for command, its_own, of_others in (("view", "--at TIME", "--depth"), ("set", "--depth N", "--html"),
                                        ("export", "--pprof FILE", "--depth"), ("verify", "", "--at"),
                                        ("record", "--max-size SIZE", "--readonly")):
        done = run([MEMSCOPE, command, "--help"])
        text = done.stdout.decode()
        equal((status(done), done.stderr), (0, b""), command)
        assert text.startswith(f"usage: memscope-top {command} "), text
        assert its_own in text and of_others not in text, text
        assert its_own in whole and of_others in whole, whole


def test_files_that_are_named_twice():
    """two outputs in one file, or in what is read, under whatever name: refused before anything"""
    with Recorded() as recorded:
        os.symlink("r.memscope", recorded.path("link"))
        twice = "give each a file of its own"
        for command in (["export", "r.memscope", "--json", "a", "--html", "./a"],
                        ["export", "r.memscope", "--force", "--json", "a", "--json-lines", "../" +
                         os.path.basename(recorded.folder.name) + "/a"],
                        ["export", "r.memscope", "--json-set", "p", "--json", "p_memory.json"],
                        ["export", "r.memscope", "--json", "-", "--text", "-"],
                        ["record", "-o", "n.memscope", "--json", "n.memscope", "--", "/bin/true"],
                        ["--plain", "--csv", "a", "--svg", "a", "--", "/bin/true"],
                        ["diff", "r.memscope", "r.memscope", "--json", "a", "--text", "a"]):
            recorded.refused(WRONG_USE, twice, *command)
        read = "is the input; choose another output file"
        for command in (["export", "r.memscope", "--force", "--json", "r.memscope"],
                        ["export", "r.memscope", "--force", "--json-lines", "link"],
                        ["report", "link", "--force", "--csv", "r.memscope"],
                        ["diff", "r.memscope", "r.memscope@0", "--force", "--html", "r.memscope"],
                        ["diff", "link@50%", "link", "--force", "--text", "r.memscope"]):
            recorded.refused(WRONG_USE, read, *command)
        recorded.write("there", b"mine")
        for option in ("--json", "--csv", "--json-lines"):
            recorded.refused(OURS, "already exists; --force overwrites it", "export", "r.memscope",
                             option, "there")
        equal(status(recorded.run("export", "r.memscope", "--force", "--json", "there")), 0, "--force")


def test_outputs_that_take_nothing():
    """a device that is full, a folder, no folder, nobody who reads, a closed standard output"""
    with Recorded() as recorded:
        for option in "json html text csv pprof speedscope folded perfetto svg json-lines".split():
            recorded.refused(OURS, "/dev/full: no space left there", "export", "r.memscope",
                             "--" + option, "/dev/full")
            recorded.refused(OURS, "it is a folder", "export", "r.memscope", "--" + option, "/proc")
        recorded.refused(OURS, "there is no such folder", "export", "r.memscope", "--json-set", "no/x")
        for command in (["report", "r.memscope"], ["verify", "r.memscope"], ["--help"], ["--version"],
                        ["diff", "r.memscope", "r.memscope"], ["export", "r.memscope", "--json", "-"]):
            for stream, words in (("/dev/full", "no space left there"), (None, "it is closed")):
                told(recorded, stream, words, command)
        for words in (["report", "r.memscope"], ["export", "r.memscope", "--json-lines", "-"]):
            done = subprocess.run(["/bin/sh", "-c", '"$@" | true', "sh", MEMSCOPE, *words], env=BARE,
                                  cwd=recorded.folder.name, stderr=subprocess.PIPE, check=False)
            assert done.stderr.count(b"\n") <= 1, done.stderr


def told(recorded, stream, words, command):
    """With standard output on a device, or closed."""
    shell = '"$@" >/dev/full' if stream else '"$@" >&-'
    done = run(["/bin/sh", "-c", shell, "sh", MEMSCOPE, *command], cwd=recorded.folder.name)
    said = done.stderr.decode()
    equal((status(done), said.count("\n"), "standard output: " + words in said), (OURS, 1, True),
          f"{command} into {stream or 'nothing'}: {said}")


def test_closed_descriptors():
    """started without any standard stream: the recording is whole, and the program's are as without us"""
    with tempfile.TemporaryDirectory() as folder:
        path, seen = os.path.join(folder, "r.memscope"), os.path.join(folder, "seen")
        program = ["/bin/sh", "-c", f"ls /proc/$$/fd >{seen}"]
        found = []
        for ours in ([], [MEMSCOPE, "record", "-q", "-o", path, "--"]):
            done = run(["/bin/sh", "-c", '"$@" <&- >&- 2>&-', "sh", *ours, *program])
            equal(status(done), 0, "status")
            with open(seen, encoding="utf-8") as file:
                found.append(file.read())
        equal(found[1], found[0], "descriptors of the program")
        equal(run([MEMSCOPE, "verify", path]).returncode, 0, "verify")


main(globals())
