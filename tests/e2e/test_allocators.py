"""Allocators that are not the C library's: right figures, or in words why they are not; no crash."""

import glob
import json
import os
import subprocess
import tempfile

from watched import (BARE, BUILD, MEMSCOPE, SOAK, Skip, equal, first_process, main, need, run,
                     status, watch)

E2E = os.path.join(BUILD, "tests/e2e")
PROGRAM = os.path.join(E2E, "allocators")
MODULE = os.path.join(E2E, "sized_free.so")
SEEDS = range(1, 1 + (SOAK or 1))

LIBRARIES = {
    "jemalloc": "/usr/lib/*/libjemalloc.so.2",
    "tcmalloc_minimal": "/usr/lib/*/libtcmalloc_minimal.so.4",
    "tcmalloc": "/usr/lib/*/libtcmalloc.so.4",
    "tcmalloc_debug": "/usr/lib/*/libtcmalloc_minimal_debug.so.4",
    "mimalloc": "/usr/lib/*/libmimalloc.so.2",
    "scudo": "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.scudo_standalone-x86_64.so",
    "efence": "/usr/lib/libefence.so.0",
}
WITH_OWN = ("jemalloc", "tcmalloc_minimal", "mimalloc")
IN_A_TABLE = "owners of blocks are kept in a table: "


def library(name):
    found = sorted(glob.glob(LIBRARIES[name]))
    if not found:
        raise Skip(f"{name} is not installed")
    return found[-1]


def preloading(name):
    return {**BARE, "LD_PRELOAD": library(name)}


def compare(what, *module, program=PROGRAM, environment=None, workers=4):
    """Runs it alone and watched, compares every figure of every worker with its own books."""
    environment = environment or BARE
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "books.json")
            command = [program, path, str(seed), str(workers), what, *module]
            alone = run(command, env=environment)
            equal((status(alone), alone.stderr[-200:]), (0, alone.stderr[-200:]), "alone")
            result, document = watch(command, env=environment)
            equal(status(result), 0, f"exit status ({result.stderr[-300:]})")
            with open(path, encoding="utf-8") as file:
                books = json.load(file)
        threads = {thread["name"]: thread for thread in document["threads"]}
        for name, expected in books.items():
            found = {figure: threads[name][figure] for figure in expected}
            equal(found, expected, f"{name}, seed {seed}")
    return first_process(document)


def seen(process):
    return process["seen"], process["seen_because"]


def test_jemalloc():
    """jemalloc by the user's LD_PRELOAD: one thread and four, C and C++"""
    for workers in (1, 4):
        equal(seen(compare("family", environment=preloading("jemalloc"), workers=workers)),
              ("full", None), "seen")


def test_tcmalloc():
    """tcmalloc, minimal and whole"""
    for name in ("tcmalloc_minimal", "tcmalloc"):
        equal(seen(compare("family", environment=preloading(name))), ("full", None), "seen")


def test_mimalloc():
    """mimalloc"""
    equal(seen(compare("family", environment=preloading("mimalloc"))), ("full", None), "seen")


def test_scudo():
    """scudo, which checks what it is given: nothing is asked that the program did not ask"""
    equal(seen(compare("family", environment=preloading("scudo"))),
          ("full", IN_A_TABLE + "the allocator is none of those that the probe knows"), "seen")


def test_checking_allocators():
    """tcmalloc's debug library and Electric Fence, whose functions call each other"""
    equal(seen(compare("plain", environment=preloading("tcmalloc_debug"))), ("full", None), "seen")
    equal(seen(compare("plain", environment=preloading("efence"))),
          ("full", IN_A_TABLE + "malloc and its kin come from more than one library"), "seen")


def test_own_functions():
    """mallocx, sdallocx, tc_malloc, tc_free_sized, mi_malloc, mi_free_size...: all counted"""
    for name in WITH_OWN:
        equal(seen(compare("own", environment=preloading(name))), ("full", None), name)


def test_linked():
    """the same linked to the allocator"""
    for name in WITH_OWN:
        library(name)
        program = f"{PROGRAM}-{name}"
        equal(seen(compare("own", program=program)), ("full", None), name)


def test_bound_at_start():
    """the same when all symbols are bound before the first call"""
    for name in WITH_OWN:
        compare("own", environment={**preloading(name), "LD_BIND_NOW": "1"})


def test_sized_free_later():
    """a module that comes later and frees the program's blocks by size: no crash, all counted"""
    for name in WITH_OWN:
        for how in ("now", "lazy"):
            equal(seen(compare("family", MODULE, how, environment=preloading(name))),
                  ("full", None), f"{name}, {how}")


def test_sized_free_deepbind():
    """the same with RTLD_DEEPBIND: frees by size are found all the same; said to be partial"""
    for name in WITH_OWN:
        process = compare("family", MODULE, "deep", environment=preloading(name))
        equal(process["seen"], "partial", name)
        assert "RTLD_DEEPBIND" in process["seen_because"], process["seen_because"]


def test_heaps():
    """mi_heap_malloc is a function that the probe does not know: it says so"""
    process = compare("heap", environment=preloading("mimalloc"))
    equal(process["seen"], "partial", "seen")
    assert "it calls mi_heap_malloc" in process["seen_because"], process["seen_because"]
    equal(process["totals"]["foreign_frees"], 1, "its block is freed by free")


def test_wrong_frees():
    """a double free and frees of wrong pointers end as natively, with the allocator's message"""
    need("gcc")
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "f.c"), os.path.join(folder, "f")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <stdlib.h>\nint main(int c, char **v) {\n"
                       "    char *volatile p = malloc(100);\n"
                       "    if (c == 2) { free(p); free(p); }\n"
                       "    if (c == 3) { free(p + 16); }\n"
                       "    if (c == 4) { free(p); p = realloc(p, 300); }\n    return 7;\n}\n")
        subprocess.run(["gcc", "-w", "-O0", "-o", program, source], check=True)
        for arguments in (["a"], ["a", "b"], ["a", "b", "c"]):
            command, environment = [program, *arguments], preloading("scudo")
            alone, watched = run(command, env=environment), watch(command, env=environment)[0]
            # The address in it differs from run to run.
            messages = [r.stderr.split(b"0x")[0] for r in (alone, watched)]
            equal((status(watched), messages[1]), (status(alone), messages[0]), str(arguments))


def doctor(program):
    lines = run([MEMSCOPE, "doctor", program]).stdout.decode().split("\n")
    return next(line.split("memory is seen", 1)[1].strip() for line in lines
                if "memory is seen" in line)


def test_own_malloc():
    """a malloc in the executable, exported or hidden, and jemalloc linked statically: partial"""
    programs = {"own_malloc": ([], "defines malloc itself"),
                "own_malloc-hidden": ([], "has malloc inside")}
    if os.path.exists(PROGRAM + "-static"):
        programs["allocators-static"] = (["/dev/null", "1", "2", "own"], "defines malloc itself")
    for name, (arguments, reason) in programs.items():
        program = os.path.join(E2E, name)
        said = doctor(program)
        assert said.startswith("partial: ") and "not seen" in said, said
        command = [program, *arguments]
        alone, (result, document) = run(command), watch(command)
        equal((status(result), result.stdout, result.stderr),
              (status(alone), alone.stdout, alone.stderr), name)
        process = first_process(document)
        equal(process["seen"], "partial", name)
        assert reason in process["seen_because"], process["seen_because"]
        assert process["totals"]["mmap_bytes"] > 1_000_000, "its mappings are not counted"
        assert document["losses"]["untracked_reason"], "not said among the losses"


def test_replaced_new():
    """operator new of the program's own, on top of malloc: new[] and nothrow new still end there"""
    result, document = watch([os.path.join(E2E, "replaced_new")])
    equal((status(result), result.stdout), (0, b"done\n"), "status and output")
    process = first_process(document)
    equal(seen(process), ("full", None), "seen")
    sites = [s for s in document["sites"] if any("operator new" in (f["function"] or "")
                                                 for f in s["stack"])]
    kept = [s for s in sites if s["current_bytes"] == 500 + 32]
    equal(len(kept), 1, "sites of the block that is never freed")
    # 1000 strings, moved or copied as the vector grows: never less than their own blocks.
    assert sum(s["allocations"] for s in sites) >= 1001, [s["allocations"] for s in sites]


def test_deepbind_and_namespace():
    """RTLD_DEEPBIND and dlmopen: what goes past is told by the module's name; no crash"""
    for how, word in (("deep", "RTLD_DEEPBIND"), ("space", "dlmopen")):
        command = [os.path.join(E2E, "spaces"), MODULE, how]
        equal(run(command).stdout, b"done\n", "alone")
        result, document = watch(command)
        equal((status(result), result.stdout, result.stderr), (0, b"done\n", b""), how)
        process = first_process(document)
        equal(process["seen"], "partial", how)
        because = process["seen_because"]
        assert because.startswith(MODULE) and word in because, because
        if how == "deep":
            # 1,999 blocks of the module's that the program frees, and 1,921 that it moved for us.
            assert process["totals"]["foreign_frees"] >= 1999, process["totals"]


def test_musl():
    """musl: the verdict comes before the start, and the program runs as it is"""
    need("musl-gcc")
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "m.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <stdio.h>\n#include <stdlib.h>\n"
                       "int main(void) { return puts(malloc(10) ? \"musl\" : \"\") < 0; }\n")
        for flag, reason in (("-O1", "musl"), ("-static", "statically linked")):
            program = os.path.join(folder, "m" + flag)
            subprocess.run(["musl-gcc", flag, "-o", program, source], check=True)
            said = doctor(program)
            assert said.startswith("none: ") and reason in said, said
            result, document = watch([program])
            equal((status(result), result.stdout, result.stderr), (0, b"musl\n", b""), flag)
            equal(first_process(document)["seen"], "none", flag)


main(globals())
