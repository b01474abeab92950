"""Linked clones by `viv clone --linked`, from the program's start to its end: of a machine that is off, whose
disk each clone freezes and gives a new layer, and of a snapshot, where only the clone gets one."""

import os
import statistics
import subprocess
import time

CLONES = 10


class CloneBench:
    def __init__(self, bench):
        self.program = os.path.join(bench.bin, "viv")
        self.environment = os.environ | {"VIVARIUM_HOME": bench.file("clone-home")}

    def viv(self, *arguments):
        """The milliseconds it took."""
        start = time.monotonic_ns()
        subprocess.run([self.program, *arguments], env=self.environment, check=True, stdout=subprocess.DEVNULL)
        return (time.monotonic_ns() - start) / 1e6

    def clones(self, kind, *source):
        times = [self.viv("clone", "one", f"{kind} {number}", "--linked", *source) for number in range(CLONES)]
        return {"ms": statistics.median(times), "best_ms": min(times), "worst_ms": max(times)}

    def run(self):
        self.viv("create", "one", "--memory", "64M", "--disk-size", "20G")
        machine = self.clones("of machine")
        self.viv("snapshot", "take", "one", "base")
        return {"machine": machine, "snapshot": self.clones("of snapshot", "--snapshot", "base"),
                "aim_ms": 100}
