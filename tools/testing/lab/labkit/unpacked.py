# SPDX-License-Identifier: GPL-2.0-only
"""The kernel inside a bzImage, so that a guest need not unpack it at each boot.

QEMU starts an ELF kernel that has a note for it (CONFIG_PVH, which Debian sets).
Emulated, the decompressor takes a quarter of a boot, and more in a guest's guest.
"""

import pathlib
import struct
import subprocess

from .common import LabError, locked, need

# Documentation/arch/x86/boot.rst of the kernel: the fields of the boot sector.
SECTOR = 512
SETUP_SECTS, MAGIC, PAYLOAD = 0x1f1, 0x202, 0x248
# What the payload begins with, and who unpacks it; its last four bytes are its size.
PACKERS = {b"\x28\xb5\x2f\xfd": ("zstd", "-dc"), b"\xfd7zXZ": ("xz", "-dc")}


def payload(image):
    """The compressed kernel in the bytes of a bzImage."""
    if image[MAGIC:MAGIC + 4] != b"HdrS":
        raise LabError("no bzImage: it has no header")
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    start = ((image[SETUP_SECTS] or 4) + 1) * SECTOR + offset
    if not length or start + length > len(image):
        raise LabError("no bzImage: its kernel lies beyond its end")
    return image[start:start + length - 4]


def unpack(image):
    """The ELF kernel in the bytes of a bzImage."""
    packed = payload(image)
    for magic, command in PACKERS.items():
        if packed.startswith(magic):
            need(command[0], {"xz": "xz-utils"}.get(command[0], command[0]))
            elf = subprocess.run(command, input=packed, check=True,
                                 stdout=subprocess.PIPE).stdout
            if elf.startswith(b"\x7fELF"):
                return elf
    raise LabError(f"a kernel packed in an unknown way: {packed[:6].hex()}")


def kernel(image, folder):
    """The path of the kernel in @image, unpacked into @folder once."""
    image, out = pathlib.Path(image), folder / "vmlinux-unpacked"
    with locked(out.with_suffix(".lock")):
        if not out.exists():
            part = out.with_suffix(".part")
            part.write_bytes(unpack(image.read_bytes()))
            part.rename(out)
    return out
