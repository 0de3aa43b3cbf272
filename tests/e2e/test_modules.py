"""Libraries that come and go, and what the probe is as a library."""

import os
import re
import shutil
import subprocess
import tempfile

from counted import agrees_alone
from watched import BUILD, equal, first_process, main, need, run, status, watch

MODULES = os.path.join(BUILD, "tests/e2e/modules")
PROBE = os.path.join(BUILD, "libmemscope-probe.so")


def same(what, directory="/"):
    alone = run([MODULES, what], cwd=directory)
    result, document = watch([MODULES, what], cwd=directory)
    equal((status(result), result.stdout, result.stderr),
          (status(alone), alone.stdout, alone.stderr), what)
    return document


def exact(what):
    document = same(what)
    agrees_alone(document, [MODULES, what])
    return document


def innermost(document, function):
    """Allocations of the sites whose innermost function it is, and the modules they name."""
    sites = [site for site in document["sites"]
             if site["stack"] and site["stack"][0]["function"] == function]
    return (sum(site["allocations"] for site in sites),
            {os.path.basename(site["stack"][0]["module"] or "") for site in sites})


def test_swap():
    """two libraries in turn at one address: every call under the name of the one that made it"""
    document = exact("swap")
    equal(innermost(document, "alpha"), (20 * 30, {"named_alpha.so"}), "calls by alpha")
    equal(innermost(document, "beta"), (20 * 7, {"named_beta.so"}), "calls by beta")


def test_gone():
    """a library closed at the end: its call sites keep their names"""
    equal(innermost(exact("gone"), "beta"), (5, {"named_beta.so"}), "calls by beta")


def test_namespace():
    """dlmopen: a second C library allocates apart, unseen and undisturbed"""
    same("namespace")


def test_deepbind():
    """RTLD_DEEPBIND: blocks that were allocated past us are freed as ever, and counted as foreign"""
    totals = first_process(same("deepbind"))["totals"]
    equal(totals["foreign_frees"], 1000, "foreign frees")


def test_runpath():
    """dlopen by the program's own RUNPATH works: libc sees the program as its caller"""
    same("runpath")
    with tempfile.TemporaryDirectory() as folder:  # the same where it must not be found
        lost = shutil.copy(MODULES, folder)
        alone, result = run([lost, "runpath"]), watch([lost, "runpath"])[0]
        equal((status(result), result.stdout), (status(alone), alone.stdout), "not found")
        equal(status(alone), 1, "found without its library")


def test_probe_file():
    """the probe needs libc alone, shows hooks alone, has static TLS and the notes of CET"""
    need("readelf")
    dynamic = subprocess.run(["readelf", "-dW", PROBE], stdout=subprocess.PIPE,
                             check=True).stdout.decode()
    needed = re.findall(r"NEEDED\).*\[(.*)\]", dynamic)
    assert set(needed) <= {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, needed
    assert "STATIC_TLS" in dynamic and "NODELETE" in dynamic and "BIND_NOW" in dynamic, dynamic
    symbols = subprocess.run(["readelf", "--dyn-syms", "-W", PROBE], stdout=subprocess.PIPE,
                             check=True).stdout.decode()
    shown = {line.split()[7] for line in symbols.splitlines()
             if len(line.split()) > 7 and line.split()[6].isdigit()}
    assert {"malloc", "free", "_Znwm", "execve", "pthread_create"} <= shown, shown
    strange = [name for name in shown if name.startswith(("ms_", "unw_", "_U", "_Unwind"))]
    equal(strange, [], "names of ours that programs can see")
    if os.uname().machine == "x86_64":
        notes = subprocess.run(["readelf", "-nW", PROBE], stdout=subprocess.PIPE,
                               check=True).stdout.decode()
        assert "IBT" in notes and "SHSTK" in notes, notes


main(globals())
