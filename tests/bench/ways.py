"""How a program can be run: as it is, by memscope-top in each of its modes, by its peers."""

import os
import shutil
import subprocess

from places import MEASURE, MEMSCOPE

OURS, PEER, ALLOCATOR, NATIVE = "memscope-top", "peer", "allocator", "native"


class Way:
    """One column of the table."""

    def __init__(self, name, kind, text, options=(), environment=None, preload=None, by_default=True,
                 rounds_at_most=None):
        self.name, self.kind, self.text = name, kind, text
        self.options, self.environment, self.preload = list(options), environment or {}, preload
        self.by_default = by_default
        # What takes ten times as long is told precisely enough by a few rounds.
        self.rounds_at_most = rounds_at_most

    def command(self, program, folder, more_options=()):
        """The whole command line; `inner` is where a nested measurement is written, or None."""
        if self.kind == OURS:
            return [MEMSCOPE, "-q", *self.options, *more_options, "--", *program], None
        if self.kind == PEER:
            inner = os.path.join(folder, "inner")
            return [*self.options, MEASURE, inner, *program], inner
        return list(program), None

    def environment_for(self, environment):
        """Environment of the run; on top of what the workload asks for."""
        result = {**environment, **self.environment}
        if self.preload:
            result["LD_PRELOAD"] = library(self.preload)
        return result

    def missing(self):
        """Why it cannot be run here; None when it can."""
        if self.kind == OURS:
            return refused(self.options)
        if self.kind == PEER and not shutil.which(self.options[0]):
            return f"{self.options[0]} is not installed"
        if self.preload and not library(self.preload):
            return f"{self.preload} is not installed"
        if "MALLOC_CONF" in self.environment:
            return refused_by_jemalloc(self.environment_for(os.environ))
        return None


def library(name):
    """Path of a shared library as the loader finds it, None when there is none."""
    shown = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, check=True)
    for line in shown.stdout.decode().splitlines():
        if line.split() and line.split()[0] == name:
            return line.split("=>")[1].strip()
    return None


def refused(options):
    result = subprocess.run([MEMSCOPE, "-q", *options, "--", "/bin/true"], check=False,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)
    if result.returncode == 0:
        return None
    if result.returncode == 2:
        return f"memscope-top refuses {' '.join(options)}"
    raise RuntimeError(f"memscope-top {' '.join(options)}: {result.stderr.decode().strip()}")


def refused_by_jemalloc(environment):
    """A jemalloc built without profiling says so on stderr and runs on."""
    result = subprocess.run(["/bin/true"], env=environment, check=True, stderr=subprocess.PIPE)
    words = result.stderr.decode().strip()
    return f"this jemalloc has no profiling ({words.splitlines()[0]})" if words else None


WAYS = [
    Way("native", NATIVE, "the program as it is"),
    Way("exact", OURS, "memscope-top: every event, its whole stack up to 32 frames"),
    Way("count-only", OURS, "memscope-top: every event, no stacks", ["--count-only"]),
    Way("sample", OURS, "memscope-top: exact totals, a stack each 512 KiB on average",
        ["--sample=512K"]),
    Way("trace", OURS, "memscope-top: exact, and every event in order", ["--trace"]),
    Way("auto", OURS, "memscope-top: exact while it is cheap", ["--auto"]),
    Way("heaptrack", PEER, "heaptrack --raw: every event and its stack into a compressed file",
        ["heaptrack", "--raw", "-o", "heaptrack.out"], rounds_at_most=3),
    Way("jemalloc", ALLOCATOR, "jemalloc preloaded, no profiling: another allocator is another "
        "program", preload="libjemalloc.so.2"),
    Way("jemalloc-sampling", ALLOCATOR, "jemalloc preloaded, its heap sampling each 512 KiB on "
        "average (prof:true,lg_prof_sample:19)", preload="libjemalloc.so.2",
        environment={"MALLOC_CONF": "prof:true,lg_prof_sample:19,prof_active:true"}),
    Way("tcmalloc", ALLOCATOR, "tcmalloc (gperftools) preloaded, no profiling",
        preload="libtcmalloc.so.4"),
    Way("tcmalloc-sampling", ALLOCATOR, "tcmalloc preloaded, its heap sampling each 512 KiB on "
        "average (TCMALLOC_SAMPLE_PARAMETER)", preload="libtcmalloc.so.4",
        environment={"TCMALLOC_SAMPLE_PARAMETER": "524288"}),
    Way("tcmalloc-profile", ALLOCATOR, "tcmalloc preloaded, its heap profiler (HEAPPROFILE): every "
        "event and its stack", preload="libtcmalloc.so.4", environment={"HEAPPROFILE": "heap"},
        by_default=False, rounds_at_most=1),
]


def choose(names):
    """The ways that were asked for and can be run here, and why the others cannot."""
    known = {way.name for way in WAYS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no way is called {', '.join(unknown)}; there are: "
                         + ", ".join(way.name for way in WAYS))
    wanted = [way for way in WAYS
              if (way.name in names or way.kind == NATIVE if names else way.by_default)]
    reasons = {way.name: way.missing() for way in wanted}
    return ([way for way in wanted if reasons[way.name] is None],
            {name: reason for name, reason in reasons.items() if reason})
