"""The disk engine against QEMU's drivers (`qemu-img bench`): the same images, sizes, strides, depth and
cache mode, one after the other in each round, because the host's own speed wanders."""

import json
import os
import resource
import statistics
import subprocess

DISK_BYTES = 256 << 20
STREAM_BYTES = 256 << 10
ROUNDS = 5
# name: (write, bytes of a request, stride, requests); a stride of 0 is random, which qemu-img cannot do
ROWS = {"strided_4k_write": ("write", 4096, 69632, 30000),
        "sequential_write": ("write", STREAM_BYTES, STREAM_BYTES, 4 * DISK_BYTES // STREAM_BYTES),
        "random_4k_write": ("write", 4096, 0, 30000),
        "strided_4k_read": ("read", 4096, 69632, 30000),
        "sequential_read": ("read", STREAM_BYTES, STREAM_BYTES, 4 * DISK_BYTES // STREAM_BYTES),
        "random_4k_read": ("read", 4096, 0, 30000)}
IMAGES = {"raw": ("raw", "full"), "qcow2_new": ("qcow2", "off"), "qcow2_allocated": ("qcow2", "full")}
# What is written first meets an image without clusters, so each of these rows gets a new one.
NEW_ROWS = ["strided_4k_write", "sequential_write", "random_4k_write"]


class DiskBench:
    def __init__(self, bench):
        self.bench = bench
        self.program = os.path.join(bench.build, "bench", "disk_bench")

    def image(self, name):
        """A new image with its caches settled."""
        image_format, preallocation = IMAGES[name]
        path = self.bench.file(f"disk-{name}")
        if os.path.exists(path):
            os.remove(path)
        subprocess.run(["qemu-img", "create", "-q", "-f", image_format, "-o",
                        "preallocation=" + preallocation, path, str(DISK_BYTES)], check=True)
        settle(path)
        if preallocation == "off":
            self.touch_memory()
        return path, image_format

    def touch_memory(self):
        """Fills as many pages of the cache as the image will need and frees them again: a virtual host's
        own host takes free memory away, and gives it back at the first touch, which costs ten times the
        write."""
        path = self.bench.file("touched")
        with open(path, "wb") as file:
            for _ in range(DISK_BYTES * 5 // 4 >> 20):
                file.write(bytes(1 << 20))
        os.remove(path)

    def ours(self, path, image_format, row):
        kind, size, stride, count = row
        output = subprocess.run([self.program, path, image_format, kind, str(size), str(stride), str(count)],
                                capture_output=True, check=True).stdout
        result = json.loads(output)
        return result["seconds"], result["cpu_seconds"]

    @staticmethod
    def theirs(path, image_format, row):
        kind, size, stride, count = row
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        output = subprocess.run(
            ["qemu-img", "bench", "-f", image_format, "-t", "writeback", "-d", "64", "-c", str(count), "-s",
             str(size), "-S", str(stride), *(["-w"] if kind == "write" else []), path],
            capture_output=True, check=True, text=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = float(output.split("completed in ")[1].split()[0])
        return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def written(self, name):
        """An image with every page written once, and cached."""
        image = self.image(name)
        self.theirs(*image, ROWS["sequential_write"])
        settle(image[0])
        return image

    def compare(self, name, row_name):
        """The programs in turn; the medians of the rounds. An allocated qcow2 image is also compared with
        a raw one in our own engine."""
        row = ROWS[row_name]
        amount = row[3] if row[1] == 4096 else row[1] * row[3] / 1e6
        runs = {"ours": self.ours}
        if row[2] != 0:
            runs["qemu"] = self.theirs
        if name == "qcow2_allocated":
            runs["raw"] = self.ours
        rates = {run: [] for run in runs}
        cpu = {run: [] for run in runs}
        images = {}
        if name != "qcow2_new":
            images["ours"] = images["qemu"] = self.written(name)
        if "raw" in runs:
            images["raw"] = self.written("raw")
        for _ in range(ROUNDS):
            for run, function in runs.items():
                image = images.get(run) or self.image(name)
                seconds, cpu_seconds = function(*image, row)
                rates[run].append(amount / seconds)
                cpu[run].append(cpu_seconds / row[3] * 1e6)
                if row[0] == "write":
                    settle(image[0])

        def ratio(run):
            return round(statistics.median(a / b for a, b in zip(rates["ours"], rates[run])), 2)
        result = {"value": round(statistics.median(rates["ours"])),
                  "cpu_us_each": round(statistics.median(cpu["ours"]), 1)}
        if "qemu" in runs:
            result |= {"qemu": round(statistics.median(rates["qemu"])),
                       "qemu_cpu_us_each": round(statistics.median(cpu["qemu"]), 1), "ratio": ratio("qemu")}
        if "raw" in runs:
            result |= {"against_raw": ratio("raw"),
                       "raw_cpu_us_each": round(statistics.median(cpu["raw"]), 1)}
        return result

    def run(self):
        results = {name: {row: self.compare(name, row) for row in ROWS
                          if name != "qcow2_new" or row in NEW_ROWS} for name in IMAGES}
        return results | {"aim_ratio": 1.0, "aim_against_raw": 0.9}


def settle(path):
    """Waits until the file's pages are on the disk: writing them back must not disturb what follows."""
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)
