"""The software CPU against QEMU's (TCG, its best settings): the same multiboot guests, the same run."""

import statistics
import struct
import subprocess
import time

KERNEL_BASE = 0x100000
KERNEL_ENTRY = KERNEL_BASE + 32
EXIT_PORT = 0xF4


def kernel(setup, body, count):
    """A multiboot image (0.6.96, 3.1.3) that runs `body` `count` times in 32-bit mode after `setup`, then
    writes the exit device. Body and setup keep ECX."""
    back = len(body) + 1 + 6
    code = setup + b"\xb9" + struct.pack("<I", count) + body + b"\x49\x0f\x85" + struct.pack("<i", -back)
    code += b"\xb8\x10\0\0\0\x66\xba" + struct.pack("<H", EXIT_PORT) + b"\xef\xf4\xeb\xfd"
    flags, magic = 0x00010000, 0x1BADB002
    end = KERNEL_ENTRY + len(code)
    return struct.pack("<8I", magic, flags, -(magic + flags) & 0xFFFFFFFF, KERNEL_BASE, KERNEL_BASE,
                       end, end, KERNEL_ENTRY) + code


# mov eax, 12345678h; xor edi, edi
INTEGER_SETUP = bytes.fromhex("b87856341231ff")
# A 32-bit xorshift step (13, 17, 5); if odd add it to EDI; EDI = EDI + 2 * EAX + 3
INTEGER_BODY = bytes.fromhex("89c2c1e20d31d089c2c1ea1131d089c2c1e20531d0a801740201c78d7c4703")
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
    "vector": (VECTOR_SETUP, VECTOR_BODY, 40_000_000, 0.15),
    "memory_walk": (b"\xbc\0\0\x30\0", WALK_BODY, 200, 0.7),  # mov esp, 3 MiB
}


class SoftcpuBench:
    def __init__(self, bench):
        self.bench = bench

    def ours(self, image):
        worker = self.bench.worker({"kernel": {"kernelFd": 0}, "firmware": {"kind": "none"},
                                    "accelerator": "software"}, [(image, 0)])
        worker.call("start")
        start = time.monotonic_ns()
        exiting = worker.wait_event("exiting", 300)
        elapsed = time.monotonic_ns() - start
        worker.stop()
        assert exiting["guestExitValue"] == 0x10, exiting
        return elapsed / 1e9

    @staticmethod
    def qemu(image):
        start = time.monotonic_ns()
        result = subprocess.run(
            ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max",
             "-m", "256", "-display", "none", "-nodefaults", "-vga", "none", "-kernel", image,
             "-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=4"],
            stderr=subprocess.DEVNULL, timeout=300, check=False)
        assert result.returncode == 33, result
        return (time.monotonic_ns() - start) / 1e9

    def measure(self, name):
        """Seconds of the loop alone: what a run takes beyond one with a single iteration."""
        setup, body, count, aim = GUESTS[name]
        full = self.bench.path(f"{name}.img", kernel(setup, body, count))
        empty = self.bench.path(f"{name}-1.img", kernel(setup, body, 1))
        ours, qemu = [], []
        for _ in range(3):
            ours.append(self.ours(full) - self.ours(empty))
            qemu.append(self.qemu(full) - self.qemu(empty))
        seconds, reference = statistics.median(ours), statistics.median(qemu)
        return {"s": seconds, "qemu_s": reference, "ratio": seconds / reference, "aim_ratio": aim}

    def run(self):
        return {name: self.measure(name) for name in GUESTS}
