"""Snapshots, restoring and forks of a 1 GiB guest that has touched 200 MiB, against QEMU's savevm and
loadvm of the same guest in the same run."""

import json
import os
import socket
import statistics
import struct
import subprocess
import time

from boot_guests import multiboot_image

MEMORY_BYTES = 1 << 30
TOUCHED_PAGES = 200 * 256


def touching_kernel():
    """A multiboot image that writes one byte into each of the pages from 2 MiB on, says T on the first
    serial port and then counts in memory for ever."""
    code = b"\xbf\0\0\x20\0\xb9" + struct.pack("<I", TOUCHED_PAGES)  # edi = 2 MiB, ecx = pages
    code += b"\xc6\x07\x01\x81\xc7\0\x10\0\0\x49\x75\xf4"            # [edi] = 1; edi += 4096; loop
    code += b"\xb0T\x66\xba\xf8\x03\xee"                             # out 0x3f8, 'T'
    code += b"\xff\x05\0\0\x20\0\xeb\xf8"                            # inc [2 MiB]; jmp back
    return multiboot_image(code)


class SnapshotBench:
    def __init__(self, bench):
        self.bench = bench
        self.kernel = bench.path("touch.img", touching_kernel())
        self.disk = bench.path("disk.raw", b"\0" * (1 << 20))
        self.chain = [self.disk]

    def new(self, name):
        return os.open(os.path.join(self.bench.folder, name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def config(self, add, chain, serial):
        images = [{"fd": add(os.open(path, os.O_RDWR if path == chain[-1] else os.O_RDONLY)),
                   "format": "raw" if path == self.disk else "qcow2"} for path in chain]
        return {"memoryBytes": MEMORY_BYTES, "firmware": {"kind": "none"},
                "kernel": {"kernelFd": add(os.open(self.kernel, os.O_RDONLY))},
                "serialPorts": [{"port": 0, "kind": "file", "outputFd": add(os.open(serial, os.O_RDWR))}],
                "drives": [{"id": "sata0", "kind": "disk", "port": 0, "images": images}]}

    def worker(self, extra=lambda add: {}):
        serial = self.bench.path(f"serial{time.monotonic_ns()}", b"")
        files = []

        def add(descriptor):
            files.append(descriptor)
            return len(files) - 1
        config = self.config(add, self.chain, serial) | extra(add)
        worker = self.bench.worker_with(config, files)
        for descriptor in files:
            os.close(descriptor)
        worker.call("start")
        return worker, serial

    @staticmethod
    def entered(call, since_ns):
        entered = 0
        while entered == 0:
            entered = call("status")["firstInstructionNs"]
        return (entered - since_ns) / 1e6

    def take(self, worker, number, parents):
        files = [self.new(f"{number}.{kind}") for kind in ("state", "ram", "index", "qcow2")]
        request = {"stateFd": 0, "ramFd": 1, "ramIndexFd": 2, "overlays": [
            {"drive": "sata0", "fd": 3, "backingName": self.chain[-1],
             "backingFormat": "raw" if self.chain[-1] == self.disk else "qcow2"}]}
        if parents:
            request["parentRam"] = {"indexFd": 4, "files": [{"fd": 5 + i} for i in range(len(parents))]}
            files.append(os.open(self.bench.file(f"{parents[0]}.index"), os.O_RDONLY))
            files += [os.open(self.bench.file(f"{parent}.ram"), os.O_RDONLY) for parent in parents]
        start = time.monotonic_ns()
        reply = worker.call("takeSnapshot", request, files)
        reply["totalMs"] = (time.monotonic_ns() - start) / 1e6
        for descriptor in files:
            os.close(descriptor)
        self.chain.append(self.bench.file(f"{number}.qcow2"))
        return reply

    def restore(self, numbers):
        def extra(add):
            restore = {"stateFd": add(os.open(self.bench.file(f"{numbers[0]}.state"), os.O_RDONLY))}
            restore["ram"] = {
                "indexFd": add(os.open(self.bench.file(f"{numbers[0]}.index"), os.O_RDONLY)),
                "files": [{"fd": add(os.open(self.bench.file(f"{number}.ram"), os.O_RDONLY))}
                          for number in numbers]}
            return {"restore": restore}
        worker, _ = self.worker(extra)
        ms = self.entered(worker.call, worker.spawned_ns)
        worker.stop()
        return ms

    def fork(self, worker, round_number):
        """Milliseconds to the clone's first instruction, its private memory, and the parent's pause."""
        files = [self.new(f"fork{round_number}-own.qcow2"), self.new(f"fork{round_number}.qcow2")]

        def add(descriptor):
            files.append(descriptor)
            return len(files) - 1
        ours, theirs = socket.socketpair()
        serial = self.bench.path(f"fork{round_number}-serial", b"")
        config = self.config(add, self.chain, serial)
        config["drives"][0]["images"].append({"fd": 1, "format": "qcow2"})
        layer = {"drive": "sata0", "backingName": self.chain[-1], "backingFormat": "qcow2"}
        clone = {"config": config | {"id": "00000000-0000-4000-8000-000000000002", "name": "clone"},
                 "controlFd": add(theirs.detach()), "overlays": [layer | {"fd": 1}]}
        start = time.monotonic_ns()
        reply = worker.call("fork", {"overlays": [layer | {"fd": 0}], "clones": [clone]}, files)
        for descriptor in files:
            os.close(descriptor)
        stream = ours.makefile("rwb")
        stream.readline()  # hello

        def call(method):
            stream.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode() + b"\n")
            stream.flush()
            while True:
                message = json.loads(stream.readline())
                if message.get("id") == 1:
                    return message["result"]
        ms = self.entered(call, start)
        private = private_bytes(call("status")["pid"])
        call("powerOff")
        while stream.readline():
            pass
        self.chain.append(self.bench.file(f"fork{round_number}-own.qcow2"))
        return ms, private, reply["pausedNs"] / 1e6

    def run(self):
        worker, serial = self.worker()
        wait_for_text(serial)
        first = self.take(worker, 1, [])
        pauses = [first["pausedNs"] / 1e6]
        for number in range(2, 6):
            pauses.append(self.take(worker, number, list(range(number - 1, 0, -1)))["pausedNs"] / 1e6)
        frozen_chain = list(self.chain)
        forks = [self.fork(worker, number) for number in range(5)]
        worker.stop()
        self.chain = frozen_chain
        restores = [self.restore([5, 4, 3, 2, 1]) for _ in range(7)]
        qemu = qemu_times(self.bench, self.kernel)
        return {"pause_ms": statistics.median(pauses), "pause_worst_ms": max(pauses), "pause_aim_ms": 15,
                "first_total_ms": first["totalMs"], "qemu_savevm_ms": qemu["savevm"],
                "ratio": first["totalMs"] / qemu["savevm"],
                "restore_ms": statistics.median(restores), "restore_aim_ms": 50,
                "qemu_loadvm_ms": qemu["loadvm"],
                "fork_ms": statistics.median(f[0] for f in forks), "fork_aim_ms": 30,
                "fork_pause_ms": statistics.median(f[2] for f in forks),
                "fork_private_mib": statistics.median(f[1] for f in forks) / 2**20,
                "fork_private_aim_mib": 3}


def wait_for_text(path):
    while not os.path.getsize(path):
        time.sleep(0.01)


def private_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return 1024 * sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))


def qemu_times(bench, kernel):
    """How long QEMU's savevm and loadvm take, by its own monitor; the guest stands still meanwhile."""
    serial = bench.path("qemu-serial", b"")
    disk = bench.file("qemu.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"], check=True)
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        ["qemu-system-x86_64", "-machine", "q35,accel=kvm", "-m", "1024", "-display", "none", "-kernel",
         kernel, "-serial", f"file:{serial}", "-drive", f"file={disk},format=qcow2,if=ide", "-monitor",
         "none", "-chardev", f"socket,id=q,fd={theirs.fileno()}", "-qmp", "chardev:q"],
        pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    theirs.close()
    stream = ours.makefile("rwb")

    def execute(command, **arguments):
        stream.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        stream.flush()
        while True:
            message = json.loads(stream.readline())
            if "return" in message or "error" in message:
                return message

    def timed(line):
        start = time.monotonic_ns()
        answer = execute("human-monitor-command", **{"command-line": line})
        assert answer.get("return") == "", answer
        return (time.monotonic_ns() - start) / 1e6
    stream.readline()  # greeting
    execute("qmp_capabilities")
    wait_for_text(serial)
    times = {"savevm": timed("savevm one"), "loadvm": timed("loadvm one")}
    execute("quit")
    process.wait(10)
    return times
