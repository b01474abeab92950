#!/usr/bin/env python3
"""Prints Vivarium's benchmarks as JSON: what it measured, the aim, and the ratio against QEMU or a bare
KVM loop measured in the same run. Usage: run.py BUILD_FOLDER [NAME...]"""

import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from boot_guests import (BIOS_CONFIG, BIOS_FILES, EXIT_PORT, KERNEL_BASE, KERNEL_ENTRY, boot_disk,
                         loop_kernel, qemu_boot_disk)
from clone_bench import CloneBench
from disk_bench import DiskBench
from snapshot_bench import SnapshotBench
from softcpu_bench import SoftcpuBench
from worker_client import Worker, resident_bytes

PIO_BODY = b"\xe6\x80"                                   # out 0x80, al
MMIO_BODY = b"\xa1" + struct.pack("<I", 0xFED000F0)      # mov eax, [HPET main counter]


class Bench:
    def __init__(self, build, folder):
        self.build = os.path.abspath(build)
        self.bin = os.path.join(self.build, "bin")
        self.folder = folder

    def path(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def file(self, name):
        return os.path.join(self.folder, name)

    def worker_with(self, config, files, log=subprocess.DEVNULL):
        base = {"id": "00000000-0000-4000-8000-000000000001", "name": "bench",
                "memoryBytes": 256 << 20, "cpuCount": 1, "accelerator": "kvm", "exitDevice": True}
        return Worker(os.path.join(self.bin, "vivarium-vmm"), base | config, files, log)

    def worker(self, config, paths, log=subprocess.DEVNULL):
        files = [os.open(path, mode) for path, mode in paths]
        try:
            return self.worker_with(config, files, log)
        finally:
            for file in files:
                os.close(file)

    def kernel_worker(self, image):
        return self.worker({"kernel": {"kernelFd": 0}, "firmware": {"kind": "none"}},
                           [(image, os.O_RDONLY)])

    def first_instruction(self):
        image = self.path("run.img", loop_kernel(PIO_BODY, 1 << 31))  # lives until it is asked
        times = []
        for _ in range(10):
            worker = self.kernel_worker(image)
            worker.call("start")
            entered = 0
            while entered == 0:
                entered = worker.call("status")["firstInstructionNs"]
            times.append((entered - worker.spawned_ns) / 1e6)
            worker.stop()
        return {"ms": statistics.median(times), "best_ms": min(times), "aim_ms": 15}

    def boot_sector(self):
        disk, config, files = boot_disk(self)
        ours, qemu = [], []
        for _ in range(3):
            worker = self.worker(config, files)
            worker.call("start")
            exiting = worker.wait_event("exiting", 120)
            ours.append((time.monotonic_ns() - worker.spawned_ns) / 1e9)
            assert exiting["guestExitValue"] == 0x10, exiting
            worker.stop()
            start = time.monotonic_ns()
            result = subprocess.run(
                ["qemu-system-x86_64", "-M", "q35", "-accel", "kvm", "-m", "256", "-display", "none",
                 "-nodefaults", *qemu_boot_disk(disk),
                 "-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=4"],
                stderr=subprocess.DEVNULL, timeout=120, check=False)
            qemu.append((time.monotonic_ns() - start) / 1e9)
            assert result.returncode == 33, result
        return {"s": statistics.median(ours), "qemu_s": statistics.median(qemu),
                "ratio": statistics.median(ours) / statistics.median(qemu), "aim_ratio": 1.0}

    def worker_memory(self):
        disk = self.path("idle.img", bytes(1 << 20))
        worker = self.worker(BIOS_CONFIG | {"drives": [
            {"id": "sata0", "kind": "disk", "port": 0, "images": [{"fd": 2}]}]},
            [*BIOS_FILES, (disk, os.O_RDWR)])
        worker.call("subscribe", {"display": True})
        worker.call("start")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            text = worker.call("screenText")
            if "No bootable device" in "\n".join(text["lines"]):
                break
            worker.wait_event("damage")
        resident = resident_bytes(worker.process.pid, 256 << 20)
        worker.stop()
        return {"mib": resident / 2**20, "aim_mib": 12}

    def exit_cost(self, body):
        """Nanoseconds an exit: the slope between two run lengths, alternating with the bare loop. The
        host's own cost wanders by a tenth within seconds, so each round is compared with itself."""
        short, long = 20_000, 220_000
        images = {n: self.path(f"loop{n}.img", loop_kernel(body, n)) for n in (short, long)}
        bare_program = os.path.join(self.build, "bench", "bare_kvm_loop")
        slopes, bare = [], []
        for _ in range(7):
            times = {}
            for count, image in images.items():
                worker = self.kernel_worker(image)
                worker.call("start")
                worker.wait_event("exiting", 120)
                times[count] = time.monotonic_ns()
                times[count] -= worker.spawned_ns
                worker.stop()
            slopes.append((times[long] - times[short]) / (long - short))
            output = subprocess.run([bare_program, images[long], hex(KERNEL_BASE), hex(KERNEL_ENTRY),
                                     hex(EXIT_PORT)], capture_output=True, check=True).stdout
            result = json.loads(output)
            bare.append(result["ns"] / result["exits"])
        ratios = [slope / base for slope, base in zip(slopes, bare)]
        return {"ns": statistics.median(slopes), "bare_ns": statistics.median(bare),
                "ratio": statistics.median(ratios), "ratios": ratios, "aim_ratio": 1.1}

    def pio_exit(self):
        return self.exit_cost(PIO_BODY)

    def mmio_exit(self):
        return self.exit_cost(MMIO_BODY)

    def library_open(self):
        program = os.path.join(self.build, "bench", "library_bench")
        home = os.path.join(self.folder, "library")
        for _ in range(2):
            output = subprocess.run([program, home, "2000"], capture_output=True, check=True).stdout
        return json.loads(output) | {"aim_ms": 100}

    def disk(self):
        return DiskBench(self).run()

    def snapshots(self):
        return SnapshotBench(self).run()

    def linked_clones(self):
        return CloneBench(self).run()

    def softcpu(self):
        return SoftcpuBench(self).run()

    def viv_list(self):
        home = os.path.join(self.folder, "viv-home")
        environment = os.environ | {"VIVARIUM_HOME": home}
        viv = os.path.join(self.bin, "viv")
        for index in range(20):
            subprocess.run([viv, "create", f"machine {index}", "--memory", "64M"], env=environment,
                           check=True, stdout=subprocess.DEVNULL)
        times = []
        for _ in range(10):
            start = time.monotonic_ns()
            subprocess.run([viv, "list", "--json"], env=environment, check=True,
                           stdout=subprocess.DEVNULL)
            times.append((time.monotonic_ns() - start) / 1e6)
        return {"ms": statistics.median(times), "best_ms": min(times), "aim_ms": 30}

    def window(self):
        """Start of the application with 200 machines until its window is mapped, and its memory."""
        home = os.path.join(self.folder, "window-home")
        program = os.path.join(self.build, "bench", "library_bench")
        subprocess.run([program, os.path.join(home, "library"), "200"], check=True,
                       stdout=subprocess.DEVNULL)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "window_start.sh")
        environment = os.environ | {"VIVARIUM_HOME": home}
        output = subprocess.run(["xvfb-run", "-a", "-s", "-screen 0 1920x1080x24", script,
                                 os.path.join(self.bin, "vivarium")],
                                env=environment, capture_output=True, check=True, timeout=120).stdout
        return json.loads(output) | {"aim_ms": 250, "aim_mib": 100}

    def console(self):
        """Frames a second and CPU of the console window, full screen at 1920x1080."""
        output = subprocess.run(["xvfb-run", "-a", "-s", "-screen 0 1920x1080x24",
                                 os.path.join(self.build, "bench", "console_bench")],
                                capture_output=True, check=True, timeout=300).stdout
        return json.loads(output) | {"aim_fps": 60, "aim_idle_cpu_ticks": 0}


BENCHES = ["first_instruction", "boot_sector", "worker_memory", "pio_exit", "mmio_exit",
           "library_open", "viv_list", "disk", "snapshots", "linked_clones", "softcpu", "window", "console"]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(sys.argv[1], folder)
        for name in sys.argv[2:] or BENCHES:
            try:
                results[name] = getattr(bench, name)()
            except (AssertionError, EOFError, OSError, RuntimeError, subprocess.SubprocessError) as error:
                results[name] = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps({name: results[name]}), file=sys.stderr)
    print(json.dumps(results, indent=2))
    sys.exit(any("error" in result for result in results.values()))


if __name__ == "__main__":
    main()
