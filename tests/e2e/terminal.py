"""A real terminal for the end-to-end tests."""

import os
import shlex
import subprocess
import tempfile

from watched import BARE, LIMIT_S, alive, end, late, need, wait_until


MARK = "TESTED_IN"  # in the environment of everything that runs in a terminal: its folder


def marked(folder):
    """The processes that began in this terminal, however far they went from it."""
    mark = f"{MARK}={folder}".encode()
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        found.append(int(name))
            except OSError:
                pass
    return found


class Terminal:
    """A tmux server of its own with one window; with it ends what ran in it, detached or not."""

    def __init__(self, command, columns=120, rows=40):
        need("tmux")
        self.folder = tempfile.TemporaryDirectory()
        self.socket = os.path.join(self.folder.name, "tmux")
        self.environment = {**BARE, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color",
                            MARK: self.folder.name}
        shell = f"cd {shlex.quote(self.folder.name)}; {shlex.join(command)}; echo status=$?; sleep 3000"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  shell)

    def tmux(self, *arguments):
        late()
        return subprocess.run(["tmux", "-S", self.socket, *arguments], env=self.environment,
                              stdout=subprocess.PIPE, check=True, timeout=LIMIT_S).stdout

    def text(self):
        return self.tmux("capture-pane", "-p").decode()

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def see(self, *words, seconds=60):
        try:
            wait_until(lambda: all(word in self.text() for word in words), seconds)
        except AssertionError:
            raise AssertionError(f"{words} are not all in:\n{self.text()}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], env=self.environment,
                       check=False, stderr=subprocess.DEVNULL)
        # A viewer that loses its terminal leaves the program running under its keeper.
        wait_until(self.end_marked, 60, "the end of what ran in the terminal")
        self.folder.cleanup()

    def end_marked(self):
        """Whether nothing is left."""
        left = [pid for pid in marked(self.folder.name) if alive(pid)]
        for pid in left:
            end(pid)
        return not left
