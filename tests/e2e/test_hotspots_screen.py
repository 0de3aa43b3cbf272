"""Screen 5 in a real terminal: the call tree of a real program, its source lines, the editor."""

import os
import stat
import tempfile

from terminal import Terminal
from watched import BUILD, MEMSCOPE, main, wait_until

DEMO = os.path.join(BUILD, "demo")
EDITOR = """#!/bin/sh
echo "edits $# words: $*" | tr '/' '|'
stty -a | grep -o -e ' icanon'
while read -r line; do echo "typed $line"; done
"""


def editor_in(folder):
    path = os.path.join(folder, "an-editor")
    with open(path, "w", encoding="utf-8") as file:
        file.write(EDITOR)
    os.chmod(path, stat.S_IRWXU)
    return path


def end(terminal):
    terminal.keys("Q")
    terminal.see("the program is still running")
    terminal.keys("k")
    terminal.see("status=")


def line_with(text, word):
    return next(line for line in text.splitlines() if word in line)


def test_tree():
    """callers, callees and flat show the functions of the demo, with lines of its source"""
    with Terminal([MEMSCOPE, "--", DEMO], 120, 40) as terminal:
        terminal.see("image-0")
        terminal.keys("5")
        terminal.see("BOTTOM-UP", "load_picture  demo.c:")
        terminal.keys("/", "load_picture", "Enter", "g", "=")
        terminal.see("- load_picture", "work_on_images  demo.c:")
        terminal.keys("v")
        terminal.see("contrib/demo/demo.c:", "= xmalloc(tile_bytes);")
        terminal.keys("Escape", "t")
        terminal.see("TOP-DOWN", "run_job  demo.c")
        terminal.keys("t")
        terminal.see("FLAT", "SELF")
        share = line_with(terminal.text(), "run_job")
        assert "0B" in share.split(), f"run_job allocates nothing itself: {share}"
        end(terminal)


def test_site_and_focus():
    """Enter opens a call site, which is in focus then; from a thread 5 shows what is its own"""
    with Terminal([MEMSCOPE, "--", DEMO], 120, 40) as terminal:
        terminal.see("image-0")
        terminal.keys("5")
        terminal.see("load_picture  demo.c:")
        terminal.keys("/", "load_picture", "Enter", "g", "Enter")
        terminal.see("5 Hot > Site", "focus: load_picture", "its blocks", "work_on_images",
                     "xmalloc(tile_bytes);")
        terminal.keys("Escape", "Escape", "1")
        terminal.see("1 Over]")
        terminal.keys("/", "ledger", "Enter", "g", "Enter")
        terminal.see("> Focus]")
        terminal.keys("5")
        terminal.see("5 Hot]", "focus: ledger")
        wait_until(lambda: "load_picture" not in terminal.text(), what="the thread's own sites")
        end(terminal)


def test_editor():
    """o runs the editor at the line, with the terminal to itself; ^C and ^Z there end nothing"""
    with tempfile.TemporaryDirectory() as folder:
        # Two words, so that splitting shows; what follows is one argument whatever it holds.
        command = ["env", "-u", "VISUAL", f"EDITOR={editor_in(folder)} -x", MEMSCOPE, "--", DEMO]
        with Terminal(command, 120, 40) as terminal:
            terminal.see("image-0")
            terminal.keys("5")
            terminal.see("load_picture  demo.c:")
            terminal.keys("/", "load_picture", "Enter", "g", "o")
            terminal.see("edits 3 words: -x +", "|contrib|demo|demo.c", "icanon")
            line = line_with(terminal.text(), "edits").split("+")[1].split()[0]
            assert 0 < int(line) < 400, line
            terminal.keys("abc", "Enter")
            terminal.see("typed abc")
            terminal.keys("C-z")  # no shell waits below, so that it goes on at once
            terminal.keys("def", "Enter")
            terminal.see("typed def")
            terminal.keys("C-d")
            terminal.see("BOTTOM-UP", "[LIVE]")
            terminal.keys("o")  # at first what the one before wrote comes into sight again
            wait_until(lambda: terminal.text().count("edits 3 words") == 2, what="the editor again")
            terminal.keys("C-c")
            terminal.see("BOTTOM-UP", "ended with status 130", "[LIVE]")
            end(terminal)


def test_no_editor():
    """an editor that is not there is an error on the screen, and nothing else"""
    command = ["env", "VISUAL=/no/such/editor", MEMSCOPE, "--", DEMO]
    with Terminal(command, 120, 40) as terminal:
        terminal.see("image-0")
        terminal.keys("5")
        terminal.see("load_picture  demo.c:")
        terminal.keys("/", "load_picture", "Enter", "g", "o")
        terminal.see("/no/such/editor", "No such file", "[LIVE]")
        terminal.keys("1")
        terminal.see("image-0")
        end(terminal)


main(globals())
