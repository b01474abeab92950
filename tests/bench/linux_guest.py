"""A Linux guest for benchmarks: Debian's cloud kernel and an initramfs of busybox and one program that
the bench compiles. Parts of its work stand between lines "begin NAME" and "end NAME" on the console."""

import glob
import gzip
import os
import stat
import subprocess
import threading
import time

COMMAND_LINE = "console=ttyS0 quiet panic=-1"
# The shell comes up, says so, and starts the work.
INIT = b"""#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
echo end boot
exec /bench
"""


def kernel_path():
    """VIVARIUM_BENCH_KERNEL, or the newest cloud kernel that is installed (linux-image-cloud-amd64)."""
    named = os.environ.get("VIVARIUM_BENCH_KERNEL")
    found = [named] if named else sorted(glob.glob("/boot/vmlinuz-*-cloud-amd64"))
    if not found:
        raise RuntimeError("install linux-image-cloud-amd64, or name its kernel in VIVARIUM_BENCH_KERNEL")
    return found[-1]


def cpio(files):
    """The "newc" archive (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    archive = b""
    for number, (name, mode, content) in enumerate(files + [("TRAILER!!!", 0, b"")]):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        entry = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        entry += bytes(-len(entry) % 4)
        archive += entry + content + bytes(-len(content) % 4)
    return archive


def make_initramfs(folder):
    """Path of the initramfs, made in `folder`. Needs gcc, glibc's static library and a static busybox."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "linux_bench_init.c")
    program = os.path.join(folder, "linux_bench")
    subprocess.run(["gcc", "-O2", "-static", "-o", program, source], check=True)
    with open(program, "rb") as file:
        bench = file.read()
    with open("/usr/bin/busybox", "rb") as file:
        busybox = file.read()
    executable = stat.S_IFREG | 0o755
    archive = cpio([("bin", stat.S_IFDIR | 0o755, b""), ("bin/busybox", executable, busybox),
                    ("bench", executable, bench), ("init", executable, INIT)])
    path = os.path.join(folder, "linux.initrd")
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(archive)
    return path


class Console:
    """Reads a guest's console from a pipe and notes when its lines came."""

    def __init__(self):
        self.output, self.input = os.pipe()
        self.started = time.monotonic()
        self.times = {}
        self.text = b""
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        line = b""
        while data := os.read(self.output, 1):
            self.text += data
            if data != b"\n":
                line += data
                continue
            self.times.setdefault(line.strip().decode("latin1"), time.monotonic())
            line = b""
        os.close(self.output)

    def restart_clock(self):
        self.started = time.monotonic()

    def finish(self):
        """Seconds of each part; "boot" begins with the clock. Call it when the guest has ended."""
        os.close(self.input)
        self.thread.join(10)
        times = {"begin boot": self.started} | self.times
        return {name[4:]: end - times["begin " + name[4:]] for name, end in times.items()
                if name.startswith("end ")}
