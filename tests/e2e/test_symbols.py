"""Names of code: as addr2line finds them, from stripped files, separate debug files and caches.

Takes about 10 s. SOAK compares 10,000 addresses of each program.
"""

import bisect
import collections
import functools
import http.server
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from watched import BUILD, LIMIT_S, MEMSCOPE, ROOT, SOAK, Skip, equal, main, need, run, watch

FOLDER = os.path.join(BUILD, "tests/e2e/symbols")
CLIENT = os.path.join(FOLDER, "client")
INLINED = os.path.join(FOLDER, "inlined")
WORK = tempfile.mkdtemp(prefix="memscope-symbols-")
ADDRESSES = 10000 if SOAK else 350


def tool_bytes(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if result.returncode != 0:
        raise AssertionError(f"{command}: {result.stderr.decode()}")
    return result.stdout


def tool(*command):
    return tool_bytes(*command).decode(errors="replace")


def functions_of(path):
    """(start, bytes, name) of the functions of a file."""
    found = []
    for line in tool("nm", "-S", "--defined-only", path).splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in "tTwWi" and int(words[1], 16) > 0:
            found.append((int(words[0], 16), int(words[1], 16), words[3]))
    return found


def build_id(path):
    return re.search(r"Build ID: ([0-9a-f]+)", tool("readelf", "-n", path)).group(1)


class Names:
    """What the client prints: frames by address, states of modules, times."""

    def __init__(self, *arguments, addresses, environment=None, status=0):
        text = "\n".join(a if isinstance(a, str) else f"{a:x}" for a in addresses) + "\n"
        result = run([CLIENT, *arguments], input=text.encode(), stdin=None, timeout=280,
                     env=dict(os.environ, **(environment or {})))
        equal(result.returncode, status, "status of the client: " + result.stderr.decode())
        self.frames = blocks(result.stdout.decode(errors="replace"))
        told = result.stderr.decode(errors="replace")
        self.modules = {m[1]: (m[2], m[3]) for m in re.finditer(r"^module (\S+) (\w+): (.*)$", told, re.M)}
        words = re.search(r"^pending .*$", told, re.M).group(0).split()
        self.figures = {words[i]: float(words[i + 1]) for i in range(0, len(words), 2)}

    def function(self, address):
        return self.frames[address][0][0]


def blocks(text):
    """{address: [(function, place), ...]} of what addr2line -a prints."""
    found = {}
    pending = None
    for line in text.splitlines():
        if re.fullmatch(r"0x[0-9a-f]{16}", line):
            frames = found.setdefault(int(line, 16), [])
            pending = None
        elif pending is None:
            pending = line
        else:
            frames.append((pending, re.sub(r" \(discriminator \d+\)$", "", line).replace(":?", ":0")))
            pending = None
    return found


@functools.lru_cache(maxsize=None)
def lines_of(path):
    try:
        with open(path, "rb") as file:
            return file.read().count(b"\n")
    except OSError:
        return 0


def explained(theirs, ours, aliases, around):
    """Why a frame differs although ours is right; None: it is not. `around`: the function, when
    the frame is inlined into it, as addr2line says."""
    (their_function, their_place), (our_function, our_place) = theirs, ours
    their_file, _, their_line = their_place.rpartition(":")
    our_file, _, our_line = our_place.rpartition(":")
    if our_function.endswith("...") and their_function.startswith(our_function[:-3]):
        their_function = our_function
    if their_function != our_function:
        if our_place == "??:0" and re.sub(r"(\.(cold|part|isra|constprop|llvm|lto_priv)(\.\d+)?)+$|( \[clone \.\w+(\.\d+)?\])+$", "",
                                          their_function) == our_function:
            return "suffix of a clone"
        plain = our_function == "operator()" or not re.search(r"\)( const)?$", our_function)
        if their_function == around and their_place == our_place and plain:
            return "inlined function without linkage name: addr2line names the one around it"
        if {their_function, our_function} <= aliases:
            return "several symbols at this address"
        return None
    if their_place == our_place:
        return "name that was cut"
    if our_place == "??:0" and their_line == "0":
        return "no debug information: addr2line names the object file of the symbol table"
    if our_line == their_line and lines_of(their_file) < int(their_line) <= lines_of(our_file):
        return "addr2line names a file that has no such line"
    return None


def compare(path, always=None):
    """
    Addresses at random in random functions, and all in functions whose names hold `always`: equal
    to addr2line, or different for a reason.
    """
    draw = random.Random(7)
    functions = functions_of(path)
    by_start = collections.defaultdict(set)
    addresses = set()
    while len(addresses) < ADDRESSES:
        start, size, _ = draw.choice(functions)
        addresses.add(start + draw.randrange(size))
    for start, size, name in functions:
        if always and always in name:
            addresses.update(range(start, start + size))
    addresses = sorted(addresses)
    names = Names(path, addresses=addresses)
    theirs = blocks(subprocess.run(
        ["addr2line", "-i", "-f", "-C", "-a", "-e", path], check=True, stdout=subprocess.PIPE,
        input="\n".join(f"{a:x}" for a in addresses).encode()).stdout.decode(errors="replace"))
    demangled = tool("nm", "-S", "-C", "--defined-only", path).splitlines()
    for line in demangled:
        words = line.split(None, 3)
        if len(words) == 4:
            by_start[int(words[0], 16)].add(words[3])
    starts = sorted(by_start)
    reasons = collections.Counter()
    levels = 0
    for address in addresses:
        frames, judge = names.frames[address], theirs[address]
        aliases = by_start[starts[bisect.bisect_right(starts, address) - 1]]
        equal(len(frames), len(judge), f"frames at {address:#x} of {path}: {frames} and {judge}")
        levels += len(frames)
        for level, (ours, their) in enumerate(zip(frames, judge)):
            if ours != their:
                around = judge[-1][0] if level < len(judge) - 1 else None
                reason = explained(their, ours, aliases, around)
                if reason is None:
                    raise AssertionError(f"{address:#x} of {path}: {ours}, addr2line says {their}")
                reasons[reason] += 1
    print(f"# {path}: {len(addresses)} addresses, {levels} frames, "
          f"{levels - sum(reasons.values())} equal, {dict(reasons)}", flush=True)
    return names


def test_as_addr2line_own():
    """our own program: functions, inlined ones, files and lines as addr2line -i finds them"""
    need("addr2line", "nm")
    compare(MEMSCOPE)


def test_as_addr2line_cpp():
    """a C++ program full of inlined templates, as addr2line -i finds it"""
    need("addr2line", "nm")
    names = compare(INLINED)
    assert max(len(frames) for frames in names.frames.values()) >= 6


def rust_program():
    compiler = shutil.which("rustc") or (
        os.path.exists("/root/.cargo/bin/rustc") and "/root/.cargo/bin/rustc")
    if not compiler:
        raise Skip("rustc is not installed")
    path = os.path.join(WORK, "crates")
    if not os.path.exists(path):
        tool(compiler, "-g", "-O", "-o", path, os.path.join(ROOT, "tests/e2e/symbols/crates.rs"))
    return path


def test_as_addr2line_rust():
    """a Rust program, as addr2line -i finds it; crates of its functions"""
    need("addr2line", "nm")
    path = rust_program()
    names = compare(path, "boxed")
    assert any([function for function, _ in frames][-2:] == ["crates::boxed_twice",
                                                             "crates::Size::boxed"]
               for frames in names.frames.values()), "inlined into a method of an enumeration"
    result = run([CLIENT, path], env=dict(os.environ, CRATES="yes"), stdin=None,
                 input="\n".join(f"{s:x}" for s, _, _ in functions_of(path)).encode())
    found = collections.Counter(re.findall(r"^crate=(\w+)$", result.stdout.decode(), re.M))
    assert {"crates", "core", "alloc", "std"} <= set(found), found
    for function, crate in re.findall(r"^(\S.*)\n.*\ncrate=(\w*)$", result.stdout.decode(), re.M):
        plain = re.match(r"([a-z_0-9]+)::", function)
        if plain and crate:
            equal(crate, plain.group(1), "crate of " + function)


def stripped(name, *options):
    """A copy without debug information, and that apart as NAME.debug."""
    folder = os.path.join(WORK, name)
    os.makedirs(folder, exist_ok=True)
    path, debug = os.path.join(folder, "program"), os.path.join(folder, "program.debug")
    shutil.copy(INLINED, path)
    tool("objcopy", "--only-keep-debug", path, debug)
    tool("strip", *options, path)
    return path, debug


def some_function(part="app::use"):
    for line in tool("nm", "-C", "-S", "--defined-only", INLINED).splitlines():
        words = line.split(None, 3)
        if len(words) == 4 and words[3].startswith(part):
            return int(words[0], 16) + 20
    raise AssertionError("no " + part)


def expect(names, path, state, advice, address=None, function="app::use(int)", line=None):
    """State and advice of the module, function and perhaps file of an address."""
    address = address or some_function()
    frames = names.frames[address]
    equal(frames[-1][0], function, "function")
    if line is not None:
        equal("inlined.cc:" in frames[-1][1], line, f"line in {frames[-1]}")
    equal(names.modules[path][0], state, "names of the module")
    if advice == "":
        equal(names.modules[path][1], "", "advice")
    else:
        assert advice in names.modules[path][1], names.modules[path]


def test_stripped():
    """what is stripped has the names that are left, and says what to do"""
    path, debug = stripped("bare")
    os.unlink(debug)
    names = Names(path, addresses=[some_function()])
    expect(names, path, "exports", "is stripped", function="??")
    path, debug = stripped("symbols", "-g")
    os.unlink(debug)
    names = Names(path, addresses=[some_function()])
    expect(names, path, "symbols", "built without -g", line=False)
    libc = os.path.realpath("/lib/x86_64-linux-gnu/libc.so.6")
    malloc = [line.split() for line in tool("nm", "-D", libc).splitlines() if " malloc@" in line]
    names = Names(libc, build_id(libc), addresses=[int(malloc[0][0], 16) + 4])
    if names.modules[libc][0] != "lines":
        expect(names, libc, "exports", "no debug information for " + libc + ": install ",
               int(malloc[0][0], 16) + 4, "malloc")
        assert build_id(libc) in names.modules[libc][1] and "--debuginfod" in names.modules[libc][1]


def test_debug_links():
    """debug files are found beside the file, in .debug and by build id; a wrong one is refused"""
    path, debug = stripped("link")
    tool("objcopy", "--add-gnu-debuglink=" + debug, path)
    expect(Names(path, addresses=[some_function()]), path, "lines", "", line=True)
    os.mkdir(os.path.join(os.path.dirname(path), ".debug"))
    inside = os.path.join(os.path.dirname(path), ".debug/program.debug")
    os.rename(debug, inside)
    expect(Names(path, addresses=[some_function()]), path, "lines", "", line=True)
    shutil.copy(os.path.join(BUILD, "memscope-top"), inside)
    expect(Names(path, addresses=[some_function()]), path, "exports", "is stripped", function="??")


def test_debug_links_without_build_id():
    """without a build id the checksum tells whether a debug file belongs"""
    path, debug = stripped("sum")
    for file in path, debug:
        tool("objcopy", "--remove-section=.note.gnu.build-id", file)
    tool("objcopy", "--add-gnu-debuglink=" + debug, path)
    expect(Names(path, addresses=[some_function()]), path, "lines", "", line=True)
    with open(debug, "ab") as file:
        file.write(b"x")
    expect(Names(path, addresses=[some_function()]), path, "exports", "is stripped", function="??")


def test_packed_symbols():
    """a small symbol table that is packed into .gnu_debugdata"""
    need("xz")
    path, debug = stripped("packed")
    small, keep = os.path.join(WORK, "packed/small"), os.path.join(WORK, "packed/keep")
    with open(keep, "w", encoding="ascii") as file:
        file.write("\n".join(name for _, _, name in functions_of(debug)))
    tool("objcopy", "-S", "--remove-section=.comment", "--keep-symbols=" + keep, debug, small)
    tool("xz", "-f", small)
    tool("objcopy", "--add-section", ".gnu_debugdata=" + small + ".xz", path)
    names = Names(path, addresses=[some_function()])
    equal(names.function(some_function()), "app::use(int)", "function")
    equal(names.modules[path][0], "symbols", "names of the module")


def test_shared_debug_files():
    """what dwz moved into a file that several share"""
    need("dwz")
    folder = os.path.join(WORK, "dwz")
    os.makedirs(folder)
    files = [os.path.join(folder, name) for name in ("one", "two")]
    for file in files:
        shutil.copy(INLINED, file)
    tool("dwz", "-m", os.path.join(folder, "shared.debug"), "-M", "shared.debug", *files)
    expect(Names(files[0], addresses=[some_function()]), files[0], "lines", "", line=True)


def test_split_debug_information():
    """lines from .dwo files; one that is a FIFO is not waited for"""
    folder = os.path.join(WORK, "split")
    os.makedirs(folder)
    path, dwo = os.path.join(folder, "program"), os.path.join(folder, "sleeper.dwo")
    tool("gcc", "-g", "-gsplit-dwarf", "-c", "-o", os.path.join(folder, "sleeper.o"),
         os.path.join(ROOT, "tests/e2e/symbols/sleeper.c"))
    tool("gcc", "-o", path, os.path.join(folder, "sleeper.o"))
    address = next(start for start, _, name in functions_of(path) if name == "main")
    for kind in "file", "fifo":
        if kind == "fifo":
            os.unlink(dwo)
            os.mkfifo(dwo)
        names = Names(path, addresses=[address])
        equal(names.function(address), "main", kind + ": function")
        assert "sleeper.c:" in names.frames[address][0][1], names.frames
        assert names.figures["all_ms"] < 60000, names.figures  # else for ever


def test_packed_files():
    """what is no ELF file is not unpacked to see whether it is one inside"""
    need("gzip")
    path = os.path.join(WORK, "image")
    with open(path, "wb") as file:
        file.write(tool_bytes("gzip", "-c", INLINED))
    names = Names(path, addresses=[some_function()])
    equal(names.function(some_function()), "??", "function")
    assert "cannot be read as an ELF file" in names.modules[path][1], names.modules


def needs_root():
    if os.geteuid() != 0:
        raise Skip("chroot needs root")


def test_containers():
    """files and debug files of a container, while it is there and after it has ended"""
    needs_root()
    for kind in "chroot", "mounts":
        root = os.path.join(WORK, "root-" + kind)
        path, debug = stripped("in-" + kind)
        tool("objcopy", "--add-gnu-debuglink=" + debug, path)
        os.makedirs(os.path.join(root, "opt"))
        os.makedirs(os.path.join(root, "usr/lib/debug/srv/app"))
        os.symlink("/srv/app", os.path.join(root, "opt/app"))  # leads out of it unless looked at as inside
        os.makedirs(os.path.join(root, "srv/app"))
        shutil.copy(path, os.path.join(root, "srv/app/program"))
        shutil.copy(debug, os.path.join(root, "usr/lib/debug/srv/app/program.debug"))
        tool("gcc", "-static", "-x", "c", "-o", os.path.join(root, "srv/app/sleeper"),
             os.path.join(ROOT, "tests/e2e/symbols/sleeper.c"))
        command = ["chroot", root, "/srv/app/sleeper"]
        if kind == "mounts":  # gone with the last process of the namespace
            os.renames(os.path.join(root, "usr/lib/debug/srv/app/program.debug"),
                       os.path.join(root, "usr/lib/debug/opt/app/program.debug"))
            command = ["unshare", "-m", "sh", "-c",
                       f"mount -t tmpfs none {root}/opt && mkdir -p {root}/opt/app && "
                       f"cp {root}/srv/app/program {root}/opt/app/ && "
                       f"rm {root}/srv/app/program && exec chroot {root} /srv/app/sleeper"]
            os.unlink(os.path.join(root, "opt/app"))
        sleeper = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            if not sleeper.stdout.readline():
                raise Skip("no permission: " + sleeper.stderr.read().decode())
            inside = "/opt/app/program"
            client = subprocess.Popen([CLIENT, "-p", str(sleeper.pid), inside, build_id(path)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            client.stdin.write(b"wait\n")
            client.stdin.flush()
            equal(client.stdout.readline(), b"waited\n", "the client has seen the module")
        finally:
            sleeper.kill()
            sleeper.wait()
        out, _ = client.communicate(f"{some_function():x}\n".encode(), timeout=LIMIT_S)
        frames = blocks(out.decode())[some_function()]
        equal(frames[-1][0], "app::use(int)", kind + ": function after the end")


def cache_files(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


def many_addresses(count=200):
    draw = random.Random(3)
    functions = functions_of(INLINED)
    return sorted({s + draw.randrange(n) for s, n, _ in (draw.choice(functions) for _ in range(count))})


def test_cache():
    """a second session needs no debug information; a damaged cache is not believed"""
    folder = os.path.join(WORK, "cache/symbols")
    os.mkdir(os.path.dirname(folder))
    path = os.path.join(WORK, "cached")
    shutil.copy(INLINED, path)
    identity = build_id(path)
    addresses = many_addresses()
    whole = Names("-c", folder, path, identity, addresses=addresses)
    file, = cache_files(folder)
    equal(os.path.basename(file), identity, "name of the file")
    equal([os.stat(p).st_mode & 0o777 for p in (file, folder)], [0o600, 0o700], "permissions")
    tool("strip", path)  # same build id, nothing left to read
    cached = Names("-c", folder, path, identity, addresses=addresses)
    equal(cached.frames, whole.frames, "names from the cache")
    equal(cached.modules[path][0], "lines", "names of the module")
    content = open(file, "rb").read()
    damages = {"cut": content[:len(content) // 2], "empty": b"", "foreign": b"\0" * 4096,
               "a bit": content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]}
    for what, damaged in damages.items():
        with open(file, "wb") as out:
            out.write(damaged)
        shutil.copy(INLINED, path)
        again = Names("-c", folder, path, identity, addresses=addresses)
        equal(again.frames, whole.frames, "names with a cache that is damaged: " + what)
        tool("strip", path)
        mended = Names("-c", folder, path, identity, addresses=addresses)
        equal(mended.frames, whole.frames, "names from the cache that was written anew: " + what)
    # One that others may write to is theirs.
    os.chmod(file, 0o622)
    refused = Names("-c", folder, path, identity, addresses=[some_function()])
    equal(refused.function(some_function()), "??", "name from a file that anybody may write")


def test_no_cache():
    """no build id, a folder that cannot be written and a full disk cost the cache only"""
    folder = os.path.join(WORK, "none")
    os.mkdir(folder, 0o700)
    Names("-c", folder, INLINED, addresses=[some_function()])
    equal(os.listdir(folder), [], "without build id")
    for place in "/proc/memscope", "/dev/null/x", os.path.join(WORK, "no/such/place"):
        names = Names("-c", place, INLINED, build_id(INLINED), addresses=[some_function()])
        expect(names, INLINED, "lines", "", line=True)
    if os.path.exists("/dev/full") and os.geteuid() == 0:
        small = os.path.join(WORK, "small")
        os.mkdir(small)
        if run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "none", small]).returncode == 0:
            try:
                names = Names("-c", small, INLINED, build_id(INLINED), addresses=many_addresses())
                again = Names("-c", small, INLINED, build_id(INLINED), addresses=many_addresses())
                equal(again.frames, names.frames, "names with a full disk")
            finally:
                run(["umount", small])


def test_debug_information_turns_up():
    """a module without lines is not nameless for ever because of the cache"""
    folder = os.path.join(WORK, "later")
    path, debug = stripped("turns-up")
    tool("objcopy", "--add-gnu-debuglink=" + debug, path)
    os.rename(debug, debug + ".away")
    names = Names("-c", folder, path, build_id(path), addresses=[some_function()])
    equal(names.modules[path][0], "exports", "names without the debug file")
    os.rename(debug + ".away", debug)
    names = Names("-c", folder, path, build_id(path), addresses=[some_function()])
    expect(names, path, "lines", "", line=True)


class Server(http.server.BaseHTTPRequestHandler):
    """One debug file below /buildid/ID/debuginfo; notes who asked for what."""
    files = {}
    asked = []

    def do_GET(self):
        Server.asked.append(self.path)
        content = Server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def test_debuginfod():
    """debuginfod is asked only when that is wanted, and only for what is missing"""
    path, debug = stripped("remote")
    identity = build_id(path)
    Server.files[f"/buildid/{identity}/debuginfo"] = open(debug, "rb").read()
    os.unlink(debug)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {"DEBUGINFOD_URLS": f"http://127.0.0.1:{server.server_port}/",
                   "DEBUGINFOD_CACHE_PATH": os.path.join(WORK, "debuginfod")}
    try:
        names = Names(path, identity, addresses=[some_function()], environment=environment)
        equal(names.modules[path][0], "exports", "names without --debuginfod")
        equal(Server.asked, [], "requests without --debuginfod")
        names = Names("-d", path, identity, addresses=[some_function()], environment=environment)
        if "libdebuginfod" in names.modules[path][1]:
            raise Skip("libdebuginfod.so.1 is not installed")
        expect(names, path, "lines", "", line=True)
        equal(Server.asked, [f"/buildid/{identity}/debuginfo"], "requests")
        other, other_debug = stripped("remote-not")
        os.unlink(other_debug)
        Server.files.clear()
        environment["DEBUGINFOD_CACHE_PATH"] += "-other"
        names = Names("-d", other, identity, addresses=[some_function()], environment=environment)
        equal(names.modules[other][0], "exports", "names when the server has none")
    finally:
        server.shutdown()
        server.server_close()
    # One that takes the connection and never answers holds up nobody else, and not for ever.
    silent = socket.create_server(("127.0.0.1", 0))
    environment = {"DEBUGINFOD_URLS": f"http://127.0.0.1:{silent.getsockname()[1]}/",
                   "DEBUGINFOD_CACHE_PATH": os.path.join(WORK, "silent"), "DEBUGINFOD_TIMEOUT": "1"}
    names = Names("-d", path, identity, environment=environment,
                  addresses=[some_function()] + [f"{INLINED} {a:x}" for a in many_addresses(20)])
    silent.close()
    equal([names.modules[path][0], names.modules[INLINED][0]], ["exports", "lines"], "names")
    assert names.figures["all_ms"] < 60000, names.figures  # else for ever
    names = Names("-d", path, identity, addresses=[some_function()],
                  environment={"DEBUGINFOD_URLS": ""})
    equal(names.modules[path][0], "exports", "names without a server")


class Trickle(http.server.BaseHTTPRequestHandler):
    """A server that sends a little every second and is never done."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 30))
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 200000)  # more than DEBUGINFOD_TIMEOUT wants
                time.sleep(1)
        except OSError:
            pass

    def log_message(self, *_):
        pass


def debuginfod_limit():
    """one file may take 60 s; meanwhile all that is here has its names"""
    path, debug = stripped("slow")
    os.unlink(debug)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trickle)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {"DEBUGINFOD_URLS": f"http://127.0.0.1:{server.server_port}/",
                   "DEBUGINFOD_CACHE_PATH": os.path.join(WORK, "slow-cache")}
    names = Names("-d", path, build_id(path), environment=environment,
                  addresses=[some_function()] + [f"{INLINED} {a:x}" for a in many_addresses(20)])
    server.shutdown()
    equal([names.modules[path][0], names.modules[INLINED][0]], ["exports", "lines"], "names")
    assert names.figures["functions_ms"] < 5000 and 59000 < names.figures["all_ms"] < 75000, names.figures


if SOAK:
    test_debuginfod_limit = debuginfod_limit


def test_worker_is_killed():
    """a worker that is killed at work costs no name but the one it was at"""
    addresses = many_addresses(400)
    whole = Names(INLINED, addresses=addresses)
    killed = Names("-k", INLINED, addresses=addresses)
    lost = [a for a in addresses if killed.frames[a] != whole.frames[a]]
    assert len(lost) <= 1, f"{len(lost)} names lost"


def test_broken_debug_information():
    """a module whose debug information is damaged costs its own names only"""
    need("readelf")
    sections = {}
    for line in tool("readelf", "-S", "-W", INLINED).splitlines():
        match = re.match(r"\s*\[ *\d+\] (\.debug_\w+)\s+\w+\s+\w+ (\w+) (\w+)", line)
        if match:
            sections[match[1]] = (int(match[2], 16), int(match[3], 16))
    draw = random.Random(5)
    content = open(INLINED, "rb").read()
    paths = []
    for number in range(40 if SOAK else 8):
        damaged = bytearray(content)
        for _ in range(200):
            at, size = draw.choice([s for n, s in sections.items() if n != ".debug_str"])
            damaged[at + draw.randrange(size)] = draw.randrange(256)
        paths.append(os.path.join(WORK, f"broken-{number}"))
        with open(paths[-1], "wb") as out:
            out.write(damaged)
    addresses = many_addresses(60)
    asked = [f"{path} {a:x}" for a in addresses for path in paths]
    whole = Names(INLINED, addresses=addresses)
    for address in addresses:
        asked.append(f"{INLINED} {address:x}")
    names = Names(INLINED, addresses=asked)
    for address in addresses:
        equal(names.frames[address][-len(whole.frames[address]):], whole.frames[address],
              "frames of the whole file beside broken ones")


def test_in_the_report():
    """the report says of each module what names it gives, and of each frame its crate"""
    folder = os.path.join(WORK, "xdg")
    os.mkdir(folder)
    result, document = watch([INLINED], "--symbol-cache=" + folder + "/symbols")
    equal(result.returncode, 0, "status")
    modules = {m["path"]: m for m in document["modules"]}
    equal([modules[INLINED]["names"], modules[INLINED]["advice"], modules[INLINED]["build_id"]],
          ["lines", None, build_id(INLINED)], "the program's module")
    assert all(m["advice"] for m in modules.values() if m["names"] in ("symbols", "exports", "none"))
    assert build_id(INLINED) in os.listdir(folder + "/symbols")
    if shutil.which("rustc") or os.path.exists("/root/.cargo/bin/rustc"):
        _, document = watch([rust_program()])
        crates = {f["crate"] for s in document["sites"] for f in s["stack"]}
        assert {"crates", "alloc", "std"} <= crates, crates


if __name__ == "__main__":
    try:
        main(globals())
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
