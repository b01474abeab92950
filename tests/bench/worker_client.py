"""A minimal client of the control protocol (vmm/control/README.md): starts a worker and talks to it."""

import array
import json
import os
import socket
import subprocess
import time


class Worker:
    """Spawns `program`, configures it with `config` and the open files it names, by index."""

    def __init__(self, program, config, files, log=subprocess.DEVNULL):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.spawned_ns = time.monotonic_ns()
        self.process = subprocess.Popen(
            [program, "--control-fd", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        theirs.close()
        self.socket = ours
        self.buffer = b""
        self.descriptors = []
        self.events = []
        self.next_id = 1
        self.call("configure", {"config": config}, files)

    def send(self, method, params=None, files=()):
        message = {"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params or {}}
        if files:
            message["fds"] = len(files)
        self.next_id += 1
        line = json.dumps(message).encode() + b"\n"
        if files:
            sent = self.socket.sendmsg(
                [line], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
            line = line[sent:]
        self.socket.sendall(line)
        return message["id"]

    def read_message(self, timeout=60):
        self.socket.settimeout(timeout)
        while b"\n" not in self.buffer:
            data, descriptors, _, _ = socket.recv_fds(self.socket, 65536, 253)
            if not data:
                raise EOFError("the worker went away")
            self.descriptors += descriptors
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, params=None, files=()):
        number = self.send(method, params, files)
        while True:
            message = self.read_message()
            if message.get("id") == number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait_event(self, method, timeout=60):
        deadline = time.monotonic() + timeout
        while True:
            for index, message in enumerate(self.events):
                if message.get("method") == method:
                    return self.events.pop(index)["params"]
            self.events.append(self.read_message(max(0.01, deadline - time.monotonic())))

    def stop(self):
        try:
            self.call("powerOff")
        except (EOFError, OSError, RuntimeError):
            pass
        self.socket.close()
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.process.wait(10)


def resident_bytes(pid, guest_bytes):
    """Resident bytes of a worker without guest RAM (the mapping of `guest_bytes`), video memory and
    scanouts (its memfds)."""
    total = 0
    guests = False
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as smaps:
        for line in smaps:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                first, end = (int(address, 16) for address in words[0].split("-"))
                guests = end - first == guest_bytes or (
                    len(words) > 5 and words[5].startswith("/memfd:"))
            elif words[0] == "Rss:" and not guests:
                total += int(words[1]) * 1024
    return total
