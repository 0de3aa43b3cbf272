"""The machine: cores, disks, interfaces and identity beside other tools; GPUs by a library that plays one."""

import json
import os
import re
import subprocess
import tempfile
import time

from watched import (BARE, BUILD, LIMIT_S, MEMSCOPE, equal, first_process, load, main, run, status,
                     ticks_of, wait_for_ticks, watch, watch_alive)

MACHINE = ("cores", "frequency", "cpu_identity", "pressure", "disks", "interfaces", "sensors",
           "nvidia_gpu", "drm_gpu")


def sources(document):
    return {row["name"]: row for row in document["sources"]}


def between(found, low, high, what):
    assert found is not None and low <= found <= high, f"{what}: {found}, expected {low} to {high}"


def core_ticks():
    """busy and all ticks of each core"""
    found = {}
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            match = re.match(r"cpu(\d+) (.*)", line)
            if match:
                ticks = [int(word) for word in match.group(2).split()[:8]]
                busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]
                found[int(match.group(1))] = (busy, sum(ticks))
    return found


def moment(lines):
    """What /proc/stat has of cores, and the time of the viewer's last tick then."""
    while True:
        tick = ticks_of(lines)[-1]
        found = core_ticks()
        if ticks_of(lines)[-1]["tick"] <= tick["tick"] + 1:  # else we stood still in between
            return found, tick["t_ns"]


def watch_loop(core):
    """Of a loop on one core: the document, and the share of each core as /proc/stat and as we had it
    meanwhile, over some seconds."""
    with tempfile.TemporaryDirectory(prefix="memscope-cores-") as folder:
        path, lines = os.path.join(folder, "json"), os.path.join(folder, "lines")
        with subprocess.Popen([MEMSCOPE, "-q", "--json", path, "--json-lines", lines, "--", "taskset", "-c",
                               str(core), "sh", "-c", "while :; do :; done"], env=BARE,
                              stdin=subprocess.DEVNULL) as viewer:
            wait_for_ticks(lines, 12)
            before, from_ns = moment(lines)
            wait_for_ticks(lines, 30)
            after, to_ns = moment(lines)
            viewer.terminate()
            equal(viewer.wait(LIMIT_S), 143, "exit status")
        document = load(path)
    shares = {}
    for series in document["timeline"]["series"]:
        if series["metric"] == "core_percent":
            core = series["core"]
            t_ns = document["timeline"]["t_ns"]
            points = [(then - before, value) for before, then, value in zip(t_ns, t_ns[1:], series["values"][1:])
                      if from_ns < then <= to_ns and value is not None]
            busy, total = (then - first for first, then in zip(before[core], after[core]))
            shares[core] = (100 * busy / total, sum(time * value for time, value in points) /
                            sum(time for time, _ in points))
    return document, shares


def test_cores():
    """a loop on one core: that core is busy, every core as /proc/stat has it"""
    core = max(os.sched_getaffinity(0))
    document, shares = watch_loop(core)
    rows = {row["core"]: row for row in document["system"]["per_core"]}
    equal(sorted(shares), sorted(rows), "cores")
    for number, (own, found) in shares.items():
        between(found, own - 20, own + 20, f"core {number} beside /proc/stat")
        row = rows[number]
        parts = sum(row[name] for name in ("user_percent", "system_percent"))
        between(row["busy_percent"], parts - 0.1, parts + 0.1, "busy is user and system")
    mean = sum(row["busy_percent"] for row in rows.values()) / len(rows)
    between(document["system"]["cpu_percent"], mean - 0.1, mean + 0.1, "mean of cores")
    equal(sources(document)["cores"]["condition"], "available", "source of cores")


def disk_bytes():
    """bytes written to each whole disk"""
    found = {}
    with open("/proc/diskstats", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if os.path.exists("/sys/block/" + words[2].replace("/", "!")):
                found[words[2]] = int(words[9]) * 512
    return found


def interface_bytes(name):
    with open("/proc/net/dev", encoding="ascii") as file:
        for line in file:
            if line.strip().startswith(name + ":"):
                return int(line.partition(":")[2].split()[0])
    return 0


TRAFFIC = r"""
import os, socket, sys, threading
sys.stdin.readline()
server = socket.create_server(("127.0.0.1", 0))
def serve():
    connection, _ = server.accept()
    while connection.recv(1 << 16):
        pass
thread = threading.Thread(target=serve)
thread.start()
client = socket.create_connection(server.getsockname())
client.sendall(bytes(%d))
client.close()
thread.join()
os.system("dd if=/dev/zero of='%s' bs=1M count=32 conv=fsync 2>/dev/null")
print("done", flush=True)
sys.stdin.readline()
"""


def watch_traffic(folder, script):
    """The traffic between two looks of the viewer at least."""
    path, lines = os.path.join(folder, "json"), os.path.join(folder, "lines")
    with subprocess.Popen([MEMSCOPE, "-q", "--json", path, "--json-lines", lines, "--", "/usr/bin/python3",
                           "-c", script], env=BARE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as viewer:
        wait_for_ticks(lines, 13)
        viewer.stdin.write(b"\n")
        viewer.stdin.flush()
        equal(viewer.stdout.readline(), b"done\n", "what the program says")
        wait_for_ticks(lines, 14)
        viewer.communicate(b"\n", timeout=LIMIT_S)
    equal(viewer.returncode, 0, "exit status")
    return load(path)


def test_traffic():
    """a known amount over the loopback and to a disk: no less, and no more than the kernel has"""
    sent = 20_000_000
    with tempfile.TemporaryDirectory(prefix="memscope-e2e-", dir="/var/tmp") as folder:
        disks, loopback = disk_bytes(), interface_bytes("lo")
        script = TRAFFIC % (sent, os.path.join(folder, "written"))
        document = watch_traffic(folder, script)
        disks_after, loopback_after = disk_bytes(), interface_bytes("lo")
    lo = [row for row in document["system"]["interfaces"] if row["name"] == "lo"][0]
    between(lo["received_bytes"], sent, loopback_after - loopback, "received by lo")
    equal(lo["sent_bytes"], lo["received_bytes"], "lo receives what it sends")
    equal(lo["hardware"], False, "lo is no hardware")
    rows = document["system"]["disks"]
    for row in rows:
        moved = disks_after[row["name"]] - disks[row["name"]]
        between(row["written_bytes"], 0, moved, f"written to {row['name']}")
        if moved > 40 << 20 and not row["stacked"]:
            between(row["written_bytes"], 32 << 20, moved, f"written to {row['name']} by dd")
    if not rows:
        assert sources(document)["disks"]["because"], "no disks, and no reason"
    elif os.stat("/var/tmp").st_dev in [os.makedev(*device_of(row["name"])) for row in rows]:
        between(sum(row["written_bytes"] for row in rows), 32 << 20, 1 << 40, "written by dd")


def device_of(name):
    with open(f"/sys/block/{name.replace('/', '!')}/dev", encoding="ascii") as file:
        return [int(word) for word in file.read().split(":")]


def table_of_lscpu():
    """Empty where it gives up: it needs /sys."""
    result = run(["lscpu", "-B", "-J"])
    rows = json.loads(result.stdout)["lscpu"] if result.returncode == 0 else []
    found = {}
    while rows:
        row = rows.pop()
        found[row["field"].rstrip(":")] = row["data"]
        rows += row.get("children", [])
    return found


def memory_and_loads():
    """As free and uptime have them."""
    lines = run(["free", "-b"]).stdout.decode().split("\n")
    memory, swap = lines[1].split(), lines[2].split()
    text = run(["uptime"]).stdout.decode()
    loads = [float(word) for word in text.rpartition("load average:")[2].split(",")]
    return {"memory_total_bytes": int(memory[1]), "memory_available_bytes": int(memory[6]),
            "swap_total_bytes": int(swap[1]), **dict(zip(("load_1", "load_5", "load_15"), loads))}


def test_identity_and_memory():
    """identity beside lscpu, memory beside free, load beside uptime"""
    before = memory_and_loads()
    result, document = watch_alive(["/bin/cat"])
    after = memory_and_loads()
    equal(status(result), 0, "exit status")
    system, processor, other = document["system"], document["system"]["processor"], table_of_lscpu()
    if "Vendor ID" in other and processor["vendor"] is not None:
        equal(processor["vendor"], other["Vendor ID"], "vendor")
        equal(processor["brand"], other["Model name"], "brand")
        for name, field in (("family", "CPU family"), ("model", "Model"), ("stepping", "Stepping")):
            equal(processor[name], int(other[field]), field)
    equal(processor["logical_cores"], os.sysconf("SC_NPROCESSORS_ONLN"), "cores online")
    if processor["packages"] is not None and "Socket(s)" in other:
        equal(processor["packages"], int(other["Socket(s)"]), "sockets")
        equal(processor["physical_cores"], int(other["Socket(s)"]) * int(other["Core(s) per socket"]),
              "physical cores")
    for field, level, kind in (("L1d", 1, "data"), ("L1i", 1, "instruction"), ("L2", 2, "unified"),
                               ("L3", 3, "unified")):
        told = other.get(field) or other.get(field + " cache")
        if told is not None:
            own = [row for row in processor["caches"] if (row["level"], row["kind"]) == (level, kind)]
            equal(sum(row["bytes"] * row["instances"] for row in own), int(told.split()[0]), field)
    equal((processor["codename"] is None), (processor["codename_unavailable_because"] is not None),
          "a codename, or why there is none")

    equal(system["memory_total_bytes"], before["memory_total_bytes"], "memory")
    equal(system["swap_total_bytes"], before["swap_total_bytes"], "swap")
    # Others use memory and cores meanwhile.
    for name, more in (("memory_available_bytes", max(1 << 30, before["memory_total_bytes"] / 4)),
                       ("load_1", 3), ("load_5", 1), ("load_15", 0.6)):
        between(system[name], min(before[name], after[name]) - more, max(before[name], after[name]) + more, name)
    between(system["tasks"], 2, 10_000_000, "tasks")


def test_reasons():
    """what cannot be had says why, in the report and in doctor, and is no figure"""
    result, document = watch_alive(["/bin/cat"])
    equal(status(result), 0, "exit status")
    told = sources(document)
    for name in MACHINE:
        row = told[name]
        assert row["condition"] != "not_asked" or row["because"], f"{name}: not asked"
        if row["condition"] in ("unavailable", "partial"):
            assert row["because"], f"{name}: no reason"
    if told["sensors"]["condition"] == "unavailable":
        equal(document["system"]["sensors"], [], "sensors")
    if told["nvidia_gpu"]["condition"] == told["drm_gpu"]["condition"] == "unavailable":
        equal(document["system"]["gpus"], None, "GPUs")
    shown = run([MEMSCOPE, "doctor"]).stdout.decode()
    for name in MACHINE:
        lines = [line for line in shown.split("\n") if re.match(rf" +(ok|less) +{name} ", line)]
        equal(len(lines), 1, f"line of {name} in doctor")
        equal("unavailable: " in lines[0], told[name]["condition"] in ("unavailable", "not_asked"), name)


def with_gpu(command, script, **keywords):
    """The program beside a library of NVIDIA's that plays a GPU."""
    environment = dict(BARE, FAKE_NVML=script,
                       LD_LIBRARY_PATH=os.path.abspath(os.path.join(BUILD, "tests/gpu/now")))
    how = watch_alive if keywords else watch
    return how(command, env=environment, **keywords)


def test_gpu():
    """two GPUs: one is lost, the program is among the processes of the other by its pid"""
    with tempfile.TemporaryDirectory(prefix="memscope-e2e-") as folder:
        rows = os.path.join(folder, "rows")
        result, document = with_gpu(["/bin/sh", "-c", f"echo 1 $$ 1048576 40 > {rows}; "
                                     f"echo 1 4194303 5 1 >> {rows}; read line; exit 0"],
                                    f"gpus=2 lost=2 rows={rows}", ticks=24,
                                    seen=lambda tick: tick["processes"][0]["gpu_memory_bytes"])
    equal(status(result), 0, "exit status")
    lost, gpu = document["system"]["gpus"]
    equal(gpu["name"], "NVIDIA Test B", "name")
    equal(gpu["utilization_percent"], 42, "utilization")
    equal(gpu["memory_used_bytes"], 20 << 30, "memory used")
    equal(gpu["stale"], False, "it answers")
    equal((lost["lost"], lost["stale"], lost["utilization_percent"], lost["memory_used_bytes"]),
          (True, True, None, None), "a lost GPU has no figures")
    source = sources(document)["nvidia_gpu"]
    equal(source["condition"], "partial", "source")
    assert "lost" in source["because"], source
    users, program = {row["pid"]: row for row in gpu["processes"]}, first_process(document)
    equal(users[program["pid"]]["process_id"], program["id"], "the program among the users")
    equal(users[program["pid"]]["memory_bytes"], 1048576, "its memory")
    equal(users[4194303]["process_id"], None, "somebody else's process")
    series = {row["metric"]: row["values"] for row in document["timeline"]["series"]
              if row.get("process_id") == program["id"] and row["metric"].startswith("gpu_")}
    if series:
        equal({value for value in series["gpu_memory_bytes"] if value}, {1048576}, "over time")


def test_hang():
    """a driver that never answers: the session ends with the program, and says so"""
    begin = time.monotonic()
    result, document = with_gpu(["/bin/sh", "-c", "sleep 0.5; exit 7"], "hang=init")
    assert time.monotonic() - begin < LIMIT_S, "the end waits for the driver"
    equal(status(result), 7, "exit status")
    equal(document["system"]["gpus"], None, "GPUs")
    equal(sources(document)["nvidia_gpu"]["because"], "no answer yet", "reason")


main(globals())
