# SPDX-License-Identifier: GPL-2.0-only
"""The first user space of a guest, as small as can be.

It mounts the machine's own root read-only over 9p, puts a tmpfs overlay on
it, and hands over to a script in there: so every tool of the machine works in
the guest, and nothing the guest writes reaches the machine.
"""

import lzma
import pathlib
import shutil

from . import programs
from .common import GUEST, LabError
from .modules import depends

# What must be loaded before the 9p root, where a kernel has it as a module.
EARLY = ("9pnet_virtio", "9p", "overlay")

# What an inner guest has, beside our modules: drivers and programs.
INNER_MODULES = ("crc32c_generic", "ext4", "virtio_blk", "virtio_net")
INNER_PROGRAMS = {"fio": "fio", "mkfs.ext4": "e2fsprogs", "e2fsck": "e2fsprogs",
                  "blkdiscard": "util-linux"}


class Cpio:
    """Writer of the kernel's "newc" archive, see driver-api/early-userspace."""

    def __init__(self, handle):
        self.handle = handle
        self.count = 0

    def _pad(self):
        self.handle.write(b"\0" * (-self.handle.tell() % 4))

    def add(self, name, mode, data=b"", rdev=(0, 0)):
        """Add one entry; @mode holds the file type as in stat."""
        self.count += 1
        encoded = name.encode() + b"\0"
        fields = (self.count, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev,
                  len(encoded), 0)
        self.handle.write(b"070701" + b"".join(b"%08x" % f for f in fields))
        self.handle.write(encoded)
        self._pad()
        self.handle.write(data)
        self._pad()

    def close(self):
        """The archive's end mark."""
        self.add("TRAILER!!!", 0)


def unpacked(path):
    """A module's bytes, as busybox insmod wants them."""
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def module_files(kernel, names):
    """Those of @kernel's modules that are not built in, needed ones first."""
    index = {path.name.split(".")[0].replace("-", "_"): path
             for path in kernel.modules.rglob("*.ko*")}
    order = []

    def visit(name):
        path = index.get(name)
        if path is None or path in order:
            return
        for below in depends(unpacked(path)):
            visit(below)
        order.append(path)

    for name in names:
        visit(name)
    return order


def build_inner(kernel, folder, ours, files, more=()):
    """The whole user space of an inner guest, with our modules at @ours, @more of the
    kernel's than usual, and @files, {path in the guest: file}, beside the usual
    programs."""
    return build(kernel, folder, "init-inner", (*INNER_MODULES, *more), ours,
                 programs.collect(INNER_PROGRAMS) | files)


def folders(names):
    """Every folder that files called @names lie in, outer ones first."""
    found = {parent for name in names for parent in pathlib.Path(name).parents}
    return sorted(str(folder) for folder in found if folder.name)


def build(kernel, folder, init="init", early=EARLY, ours=(), files=None):
    """Make an initramfs for @kernel in @folder; returns its path.

    @init is its first program, one of the guest scripts; @early are modules of
    the kernel and @ours paths of our own, which it finds in /lib by order;
    @files are {path in the guest: file}.
    """
    files = files or {}
    busybox = shutil.which("busybox")
    if not busybox:
        raise LabError("busybox is not installed: apt-get install busybox-static")
    out = folder / f"{init}ramfs.cpio"
    with open(out, "wb") as handle:
        cpio = Cpio(handle)
        top = {"bin", "dev", "proc", "sys", "root", "lib"}
        for name in sorted(top | set(folders(files))):
            cpio.add(name, 0o040755)
        for name, path in files.items():
            cpio.add(name, 0o100755, path.read_bytes())
        cpio.add("dev/console", 0o020600, rdev=(5, 1))
        cpio.add("bin/busybox", 0o100755, pathlib.Path(busybox).read_bytes())
        cpio.add("init", 0o100755, (GUEST / init).read_bytes())
        modules = module_files(kernel, early) + list(ours)
        for number, path in enumerate(modules):
            name = path.name.split(".")[0]
            cpio.add(f"lib/{number:02}-{name}.ko", 0o100644, unpacked(path))
        cpio.close()
    return out
