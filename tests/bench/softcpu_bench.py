"""The software CPU against QEMU's (TCG, its best settings): the same multiboot guests, the same run."""

import ctypes
import mmap
import os
import statistics
import struct
import subprocess
import time

import linux_guest
from boot_guests import EXIT_PORT, boot_disk, loop_kernel, qemu_boot_disk

ROUNDS = int(os.environ.get("VIVARIUM_BENCH_ROUNDS", "3"))


# mov eax, 12345678h; xor edi, edi
INTEGER_SETUP = bytes.fromhex("b87856341231ff")
# A 32-bit xorshift step (13, 17, 5); if odd add it to EDI; EDI = EDI + 2 * EAX + 3
INTEGER_BODY = bytes.fromhex("89c2c1e20d31d089c2c1ea1131d089c2c1e20531d0a801740201c78d7c4703")
# xor edi, edi: what the next three begin with
CLEAR_EDI = bytes.fromhex("31ff")
# EDI = EDI + the greatest common divisor of ECX and 1071, by division
DIVIDE_BODY = bytes.fromhex("89c8bb2f04000031d2f7f389d889d385db75f401c7")
# EBP:EDI:ESI = EBP:EDI:ESI + (ECX + EBP) * 9E3779B9h: multiplication and carries
CARRY_BODY = bytes.fromhex("8d0429bab979379ef7e201c611d783d500")
# Three numbers made of ECX, sorted by compare and exchange: three branches that nobody foresees
SORT_BODY = bytes.fromhex("89c869c0b979379e89c3c1eb0789c2c1e20531c239d873019339d3730287d339d87301938d3c0731df")
# Switches SSE on; XMM0 to XMM3 = 1.0000001 four times
VECTOR_SETUP = bytes.fromhex("0f20c083e0fb83c8020f22c00f20e00d000600000f22e0b80100803f660f6ec00fc6c000"
                             "0f28c80f28d00f28d8")
# mulps, addps, paddd, pxor, mulps, subps, minps
VECTOR_BODY = bytes.fromhex("0f59c80f58d1660ffeda660fefe30f59d00f5cd00f5dc8")
# push ecx; 2 MiB at 4 MiB: write every dword, then add and XOR pairs of them; pop ecx
WALK_BODY = bytes.fromhex("51" "bb00004000b900000800890b83c3044975f8"
                          "bb00004000b9000008008b0301c233534083c3044975f3" "59")

GUESTS = {  # setup, body, iterations, ratio to QEMU that is aimed at
    "integer": (INTEGER_SETUP, INTEGER_BODY, 300_000_000, 0.4),
    "integer_divide": (CLEAR_EDI, DIVIDE_BODY, 20_000_000, 0.4),
    "integer_carry": (CLEAR_EDI, CARRY_BODY, 150_000_000, 0.4),
    "integer_sort": (CLEAR_EDI, SORT_BODY, 80_000_000, 0.4),
    "vector": (VECTOR_SETUP, VECTOR_BODY, 40_000_000, 0.15),
    "memory_walk": (b"\xbc\0\0\x30\0", WALK_BODY, 200, 0.7),  # mov esp, 3 MiB
}


AIMS = {"boot": 0.7, "fork_exec": 0.7, "page_faults": 0.7}  # of the parts of the Linux guest


def ratios(ours, qemu, aim):
    """The ratio is the median of those of neighbours in time: shared hosts change their speed."""
    ratio = statistics.median(mine / reference for mine, reference in zip(ours, qemu))
    return {"s": statistics.median(ours), "qemu_s": statistics.median(qemu), "ratio": ratio, "aim_ratio": aim}


def host_seconds(setup, body, count):
    """Seconds of the loop on the host's own processor, in this process: what no translator is faster than.
    Setup and body mean the same in 64-bit mode and change EAX, EDX, EBX, ESI, EDI and EBP."""
    back = len(body) + 2 + 6
    # push rbx; push rbp; ...; dec ecx; jnz; pop rbp; pop rbx; ret
    code = b"\x53\x55" + setup + b"\xb9" + struct.pack("<I", count) + body + b"\xff\xc9\x0f\x85" + struct.pack(
        "<i", -back) + b"\x5d\x5b\xc3"
    with mmap.mmap(-1, len(code), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as memory:
        memory.write(code)
        place = ctypes.c_char.from_buffer(memory)
        run = ctypes.CFUNCTYPE(None)(ctypes.addressof(place))
        start = time.monotonic_ns()
        run()
        elapsed = time.monotonic_ns() - start
        del place
    return elapsed / 1e9


class SoftcpuBench:
    def __init__(self, bench):
        self.bench = bench

    def ours(self, config, paths):
        """Seconds from the worker's start to the guest's write of the exit device."""
        worker = self.bench.worker({"accelerator": "software"} | config, paths)
        worker.call("start")
        exiting = worker.wait_event("exiting", 300)
        elapsed = time.monotonic_ns() - worker.spawned_ns
        worker.stop()
        assert exiting["guestExitValue"] == 0x10, exiting
        return elapsed / 1e9

    @staticmethod
    def qemu(options, pass_fds=()):
        start = time.monotonic_ns()
        result = subprocess.run(
            ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max",
             "-m", "256", "-display", "none", "-nodefaults",
             "-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=4", *options],
            stderr=subprocess.DEVNULL, timeout=300, check=False, pass_fds=pass_fds)
        assert result.returncode == 33, result
        return (time.monotonic_ns() - start) / 1e9

    def loop(self, name):
        """Seconds of the loop alone: what a run takes beyond one with a single iteration; of integer loops
        also the host's own."""
        setup, body, count, aim = GUESTS[name]
        full = self.bench.path(f"{name}.img", loop_kernel(body, count, setup))
        empty = self.bench.path(f"{name}-1.img", loop_kernel(body, 1, setup))
        config = {"kernel": {"kernelFd": 0}, "firmware": {"kind": "none"}}
        ours, qemu, host = [], [], []
        for _ in range(ROUNDS):
            if name.startswith("integer"):
                host.append(host_seconds(setup, body, count))
            ours.append(self.ours(config, [(full, os.O_RDONLY)]) - self.ours(config, [(empty, os.O_RDONLY)]))
            qemu.append(self.qemu(["-vga", "none", "-kernel", full]) -
                        self.qemu(["-vga", "none", "-kernel", empty]))
        result = ratios(ours, qemu, aim)
        if host:  # the least that is possible
            result["host_s"] = statistics.median(host)
            result["host_ratio"] = statistics.median(mine / reference for mine, reference in zip(host, qemu))
        return result

    def boot_sector(self):
        disk, config, files = boot_disk(self.bench)
        ours, qemu = [], []
        for _ in range(ROUNDS):
            ours.append(self.ours(config, files))
            qemu.append(self.qemu(qemu_boot_disk(disk)))
        return ratios(ours, qemu, 1.0)

    def linux_ours(self, image, initramfs, cpus):
        console = linux_guest.Console()
        log = os.dup(console.input)
        files = [os.open(image, os.O_RDONLY), os.open(initramfs, os.O_RDONLY), log]
        console.restart_clock()
        try:
            worker = self.bench.worker_with(
                {"accelerator": "software", "cpuCount": cpus, "firmware": {"kind": "none"},
                 "kernel": {"kernelFd": 0, "initrdFd": 1, "commandLine": linux_guest.COMMAND_LINE},
                 "serialPorts": [{"port": 0, "kind": "file", "outputFd": 2}]}, files)
        finally:
            for file in files:
                os.close(file)
        worker.call("start")
        exiting = worker.wait_event("exiting", 300)
        worker.stop()
        assert exiting["guestExitValue"] == 0x10, exiting
        return console.finish()

    def linux_qemu(self, image, initramfs, cpus):
        console = linux_guest.Console()
        self.qemu(["-vga", "none", "-smp", str(cpus), "-kernel", image, "-initrd", initramfs, "-append",
                   linux_guest.COMMAND_LINE, "-chardev", f"file,id=c,path=/dev/fd/{console.input}",
                   "-serial", "chardev:c"], (console.input,))
        return console.finish()

    def linux(self):
        """Linux with one vCPU to its shell, and the parts of the work there."""
        image, initramfs = linux_guest.kernel_path(), linux_guest.make_initramfs(self.bench.folder)
        ours, qemu = [], []
        for _ in range(ROUNDS):
            ours.append(self.linux_ours(image, initramfs, 1))
            qemu.append(self.linux_qemu(image, initramfs, 1))
        return {"linux_" + name: ratios([times[name] for times in ours], [times[name] for times in qemu], aim)
                for name, aim in AIMS.items()}

    def two_cpus(self):
        """What two processes get done on two vCPUs, as a multiple of what one gets done."""
        image, initramfs = linux_guest.kernel_path(), linux_guest.make_initramfs(self.bench.folder)
        speedups = []
        for _ in range(ROUNDS):
            times = self.linux_ours(image, initramfs, 2)
            speedups.append(2 * times["one"] / times["two"])
        return {"two_cpus": {"times": statistics.median(speedups), "aim_times": 1.8}}

    def run(self):
        """All, or those named in VIVARIUM_BENCH_SOFTCPU: loops by name, boot_sector, linux, two_cpus."""
        names = os.environ.get("VIVARIUM_BENCH_SOFTCPU", "").split()
        results = {}
        for name in names or [*GUESTS, "boot_sector", "linux", "two_cpus"]:
            try:
                if name in GUESTS:
                    results[name] = self.loop(name)
                elif name == "boot_sector":
                    results[name] = self.boot_sector()
                else:
                    results |= getattr(self, name)()
            except (AssertionError, EOFError, LookupError, OSError, RuntimeError,
                    subprocess.SubprocessError) as error:
                results[name] = {"error": f"{type(error).__name__}: {error}"}  # the others go on
        return results
