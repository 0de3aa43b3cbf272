"""The configuration file, from a keypress to the next start."""

import os
import re
import subprocess
import tempfile

from terminal import Terminal
from watched import BARE, HARD, MEMSCOPE, equal, main

SLEEPER = [HARD, "sleep", "600000"]


def refused(text, *words):
    """A file with this text stops the start, with one line that holds these words."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "config")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run([MEMSCOPE, f"--config={path}", "-q", "--", "true"], env=BARE,
                              capture_output=True, timeout=100, check=False)
    said = done.stderr.decode()
    equal(done.returncode, 2, said)
    equal(said.count("\n"), 1, said)
    assert path in said and all(word in said for word in words), said
    assert "\033" not in said


def test_bad_files():
    """a line that is not valid is named, with what would be; the program is not started"""
    refused("[screen]\nrefresh_s = fast\n", "line 2", "0.1 to 60")
    refused("[screen]\n\033[2J = 1\n", "line 2", "no setting")
    done = subprocess.run([MEMSCOPE, "--config=/nowhere/config", "-q", "--", "true"], env=BARE,
                          capture_output=True, timeout=100, check=False)
    equal(done.returncode, 2, "exit status")
    assert b"/nowhere/config: No such file" in done.stderr


def test_written_by_a_key():
    """F2 changes a threshold, the role follows; W writes it, the next start has it"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "deep", "config")
        command = ["env", f"MEMSCOPE_CONFIG={path}", MEMSCOPE, "--config=" + path, "--", *SLEEPER]
        os.mkdir(os.path.dirname(path))
        with open(path, "w", encoding="utf-8") as file:
            file.write("[screen]\noverview = table\n[thresholds]\nbalanced_allocations = 1e9\n")
        with Terminal(command) as terminal:
            terminal.see("TID", "L    hard")
            terminal.keys("F2", "End", "Up", "Up", "Up", "Up")
            terminal.see("balanced_allocations   1000000000")
            terminal.keys("Enter", "C-u", "0", "Enter")
            terminal.see("balanced_allocations   0")
            terminal.keys("W")
            terminal.see("settings written")
            terminal.keys("Escape")
            terminal.see("B    hard")  # every thread has at least 0 allocations
        with open(path, encoding="utf-8") as file:
            written = file.read()
        equal(re.findall(r"^\w.*", written, re.M),
              ["overview = table", "balanced_allocations = 0"], written)
        assert os.path.exists(path + ".old")
        with Terminal(command) as terminal:
            terminal.see("TID", "B    hard")


main(globals())
