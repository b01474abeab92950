"""What guests of the benchmarks start from: firmware, a boot sector, multiboot images."""

import os
import struct

BIOS = "/usr/share/seabios/bios-256k.bin"
VIDEO_ROM = "/usr/share/seabios/vgabios-stdvga.bin"
KERNEL_BASE = 0x100000
KERNEL_ENTRY = KERNEL_BASE + 32
EXIT_PORT = 0xF4
# mov al, 10h; out EXIT_PORT, al; hlt
BOOT_SECTOR = bytes.fromhex("b010e6f4f4ebfd").ljust(510, b"\0") + b"\x55\xaa"

BIOS_CONFIG = {"firmware": {"kind": "bios", "romFd": 0, "videoRomFd": 1}}
BIOS_FILES = [(BIOS, os.O_RDONLY), (VIDEO_ROM, os.O_RDONLY)]


def boot_disk(bench):
    """A disk with that boot sector: its path, and a worker's configuration and files."""
    path = bench.path("boot.img", BOOT_SECTOR + bytes((1 << 20) - 512))
    config = BIOS_CONFIG | {"drives": [
        {"id": "sata0", "kind": "disk", "port": 0, "images": [{"fd": 2}], "bootIndex": 0}]}
    return path, config, [*BIOS_FILES, (path, os.O_RDWR)]


def qemu_boot_disk(path):
    """QEMU's options for that disk."""
    return ["-vga", "std", "-bios", BIOS, "-drive", f"file={path},format=raw,if=none,id=d",
            "-device", "ide-hd,drive=d,bus=ide.0"]


def multiboot_image(code):
    """An image (address fields, multiboot 0.6.96, 3.1.3) that runs `code` in 32-bit mode."""
    flags, magic = 0x00010000, 0x1BADB002
    end = KERNEL_ENTRY + len(code)
    return struct.pack("<8I", magic, flags, -(magic + flags) & 0xFFFFFFFF, KERNEL_BASE, KERNEL_BASE,
                       end, end, KERNEL_ENTRY) + code


def loop_kernel(body, count, setup=b""):
    """A multiboot image that runs `body` `count` times after `setup`, then writes the exit device. Body
    and setup keep ECX."""
    back = len(body) + 1 + 6
    code = setup + b"\xb9" + struct.pack("<I", count) + body + b"\x49\x0f\x85" + struct.pack("<i", -back)
    code += b"\xb8\x10\0\0\0\x66\xba" + struct.pack("<H", EXIT_PORT) + b"\xef\xf4\xeb\xfd"
    return multiboot_image(code)
