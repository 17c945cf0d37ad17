# SPDX-License-Identifier: GPL-2.0-only
"""Disks for inner guests, behind back ends that a word names: "qemu" (QEMU's own
device), "daemon" (qemu-storage-daemon's vhost-user-blk) or "bridge" (ours: the bridge,
and the kernel of the host)."""

import dataclasses
import hashlib
import os
import signal
import subprocess
import time

from .common import LabError, children, need
from .inner import words
from .limits import PATIENCE

MIB = 1 << 20
SOCKETS = "/tmp/lab-disks"


def make_image(path, megabytes):
    """A file of zeroes for a disk; returns @path."""
    with open(path, "wb") as handle:
        handle.truncate(megabytes * MIB)
    return path


def sum_of(path):
    """SHA-256 of a file or a block device, as it is on the medium."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        handle.flush()
        os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while data := handle.read(MIB):
            digest.update(data)
    return digest.hexdigest()


@dataclasses.dataclass
class Disk:
    """One disk of an inner guest: an @image at a PCI @address."""
    image: str
    address: str
    queues: int = 1
    packed: bool = False
    server: object = None       # None for QEMU's own device

    @property
    def ring(self):
        """What people call the format."""
        return "packed" if self.packed else "split"

    def arguments(self):
        """QEMU's, for this disk."""
        name = f"disk{self.address}"
        device = {"id": name, "addr": f"0x{self.address[:2]}",
                  "num-queues": self.queues, "queue-size": 128,
                  "packed": "on" if self.packed else "off"}
        if self.server:
            path = self.server.socket(self)
            return ["-chardev", f"socket,id={name}-c,path={path},reconnect=1",
                    "-device", "vhost-user-blk-pci," +
                    words({"chardev": f"{name}-c"} | device)]
        # A block device takes aio=native at its best, a file in tmpfs too.
        return ["-blockdev", words({
                    "driver": "host_device" if self.image.startswith("/dev/")
                              else "file",
                    "filename": self.image, "node-name": f"{name}-n",
                    "cache.direct": "on", "aio": "native"}),
                "-object", f"iothread,id={name}-t",
                "-device", "virtio-blk-pci," +
                words({"drive": f"{name}-n", "iothread": f"{name}-t"} | device)]


class Server:
    """A process that serves disks on vhost-user sockets."""

    def __init__(self, name="0"):
        self.name = name
        self.disks = []
        self.process = None
        os.makedirs(SOCKETS, exist_ok=True)
        self.log = f"{SOCKETS}/{name}.log"

    def socket(self, disk):
        """Where QEMU finds @disk."""
        return f"{SOCKETS}/{self.name}-{disk.address}"

    def disk(self, image, address, queues=1, packed=False):
        """A disk of this server's; before start()."""
        found = Disk(image, address, queues, packed, self)
        self.disks.append(found)
        return found

    def command(self):
        """The program and its arguments."""
        raise NotImplementedError

    def start(self):
        """Start it and wait for its sockets."""
        for disk in self.disks:
            if os.path.exists(self.socket(disk)):
                os.unlink(self.socket(disk))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(),
                                            stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        until = time.monotonic() + 20 * PATIENCE
        while not all(os.path.exists(self.socket(d)) for d in self.disks):
            if self.process.poll() is not None or time.monotonic() > until:
                raise LabError(f"{self.command()[0]} did not start:\n{self.said()}")
            time.sleep(0.05)
        return self

    def said(self):
        """The end of what it printed."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-20:])

    def pids(self):
        """Its process, and those that it started."""
        return [self.process.pid, *children(self.process.pid)]

    def stop(self):
        """Ask it to end; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            return "none: it did not end"

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()


class Daemon(Server):
    """QEMU's: each disk with an iothread of its own and native AIO, its best."""

    def command(self):
        args = [need("qemu-storage-daemon", "qemu-system-common")]
        for disk in self.disks:
            name = f"disk{disk.address}"
            args += ["--blockdev", words({
                         "driver": "host_device", "filename": disk.image, "node-name": name,
                         "cache.direct": "on", "aio": "native"}),
                     "--object", f"iothread,id={name}-t",
                     "--export", words({
                         "type": "vhost-user-blk", "id": f"{name}-e", "node-name": name,
                         "iothread": f"{name}-t", "writable": "on",
                         "num-queues": disk.queues, "addr.type": "unix",
                         "addr.path": self.socket(disk)})]
        return args


class Bridge(Server):
    """Ours: it hands each disk to the kernel of the host."""

    def __init__(self, name="0", program=None):
        super().__init__(name)
        self.program = program or os.environ["LAB_BRIDGE"]

    def command(self):
        args = [self.program]
        for disk in self.disks:
            args += ["--disk", words({
                "socket": self.socket(disk), "path": disk.image,
                "queues": disk.queues, "workers": disk.queues, "serial": f"disk{disk.address}"})]
        return args


def server(kind, name="0"):
    """What serves the disks of the back end that a word means; None: QEMU."""
    return {"qemu": lambda _: None, "daemon": Daemon, "bridge": Bridge}[kind](name)


def disk_of(host, image, address, queues=1, packed=False):
    """A disk of the server @host, or of QEMU's own if that is None."""
    if host:
        return host.disk(image, address, queues, packed)
    return Disk(image, address, queues, packed)
