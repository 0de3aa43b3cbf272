"""The HTML report in a browser: tabs, focus, search, themes, printing, hostile names, no request,
its numbers those of the JSON export, and a large session. tests/html/drive.cjs does it."""

import os
import shutil
import subprocess
import sys
import tempfile

from watched import BUILD, LIMIT_S, MEMSCOPE

HERE = os.path.dirname(os.path.abspath(__file__))
DRIVER = os.path.join(os.path.dirname(HERE), "html", "drive.cjs")
MODULES = os.path.join(BUILD, "tests/html/node_modules")
WORLD = os.path.join(BUILD, "tests/html/world")
PROGRAM = os.path.join(BUILD, "tests/e2e/hostile_names")


# Threads that allocate unequally, so that a rule tells them apart.
UNEQUAL = """
import threading
def work(n):
    kept = ["x" * (i % 700) for i in range(2000 * (n + 1))]
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def memscope(*arguments):
    subprocess.run([MEMSCOPE, *arguments], check=True, timeout=LIMIT_S, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_little_known(folder):
    """A program without the probe; a recording of which the end is cut off; one with a rule; a sample"""
    source = "#include <unistd.h>\nint main(void) { return usleep(300000); }\n"
    subprocess.run(["gcc", "-static", "-x", "c", "-", "-o", folder + "/static"], input=source, text=True, check=True)
    memscope("--plain", "-q", "--html", folder + "/unseen.html", "--", folder + "/static")
    recording, rule = folder + "/unequal.memscope", ["--only", "allocations>1300"]
    memscope("record", "-q", "-o", recording, "--", "/usr/bin/python3", "-c", UNEQUAL)
    memscope("export", recording, "--html", folder + "/only.html", *rule)
    for weight in ["total", "count"]:
        memscope("export", recording, "--folded", f"{folder}/only.{weight}.folded", "--weight", weight, *rule)
    memscope("--plain", "-q", "--sample=4K", "--html", folder + "/sampled.html", "--json", folder + "/sampled.json", "--",
             "env", "PYTHONMALLOC=malloc", "/usr/bin/python3", "-c", UNEQUAL)
    with open(recording, "r+b") as file:
        file.truncate(os.path.getsize(recording) - 100)
    memscope("export", recording, "--html", folder + "/cut.html")


def missing():
    if not shutil.which("node"):
        return "node is missing: apt-get install nodejs"
    if not os.path.exists("/usr/bin/chromium"):
        return "chromium is missing: apt-get install chromium"
    if not os.path.isdir(os.path.join(MODULES, "playwright-core")):
        return "playwright-core is missing: apt-get install npm, then make e2e-programs"
    return None


def main():
    reason = missing()
    if reason:
        print("Bail out! " + reason)
        return 1
    folder = tempfile.mkdtemp(prefix="memscope-html-")
    try:
        # Runs while the large session is being made.
        hostile = os.path.join(folder, "<img src=x onerror=alert('path')>")
        os.mkdir(hostile)
        program = shutil.copy(PROGRAM, os.path.join(hostile, "\"'><script>"))
        real = subprocess.Popen([MEMSCOPE, "--html", folder + "/real.html", "--json", folder + "/real.json", "--", program,
                                 "</script><script>alert('argument')</script>"], stderr=subprocess.PIPE, text=True)
        subprocess.run([MEMSCOPE, "--plain", "-q", "--html", folder + "/small.html", "--json", folder + "/small.json", "--", "sleep", "0.2"],
                       check=True, timeout=LIMIT_S, stderr=subprocess.DEVNULL)
        make_little_known(folder)
        for world in ["hostile", "big"]:
            subprocess.run([WORLD, world, f"{folder}/{world}.html"], check=True)
        error = real.communicate(timeout=LIMIT_S)[1]
        if real.returncode != 0:
            print(f"Bail out! memscope-top ended with {real.returncode}: {error}")
            return 1
        environment = dict(os.environ, NODE_MODULES=MODULES, HOME=folder)
        return subprocess.run(["node", DRIVER, folder], env=environment, check=False, timeout=500).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
