# SPDX-License-Identifier: GPL-2.0-only
"""A vhost device for this very kernel: its front-end is here as well.

Opens /dev/parley-blk, gives it a back end, joins it to /dev/parley-loopback, and
keeps both open for as long as a command runs, or until it is interrupted.
"""
import contextlib
import errno
import fcntl
import glob
import os
import signal
import struct
import subprocess
import time

from . import units
from .common import Absent, Failure, Usage, print_json, read, say

VHOST = 0xAF


def _io(direction, nr, size):
    return direction << 30 | size << 16 | VHOST << 8 | nr


# <linux/vhost.h> and <linux/parley_vhost.h>
READ, WRITE = 2, 1
VHOST_GET_FEATURES = _io(READ, 0x00, 8)
VHOST_SET_OWNER = _io(0, 0x01, 0)
PARLEY_VHOST_GET_ID = _io(READ, 0xA1, 4)
BACKEND = struct.Struct("=iI20sI")
PARLEY_BLK_SET_BACKEND = _io(WRITE, 0xB0, BACKEND.size)
JOIN = struct.Struct("=iIIIQ")
PARLEY_LOOPBACK_JOIN = _io(WRITE, 0xB8, JOIN.size)

READ_ONLY, POLL = 0x1, 0x2
BLOCKS = {None: 0, 512: 0x4, 4096: 0x8}
LOG_ALL, ACCESS_PLATFORM, RING_PACKED, IN_ORDER = 26, 33, 34, 35
SERIAL_MAX = 20


def open_node(path, module):
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Absent(f"there is no {path}: modprobe {module}, or insmod it from where it "
                     "was built") from None
    except OSError as e:
        raise Failure(f"{path}: {e.strerror}") from None


def call(fd, request, arg, what):
    try:
        return fcntl.ioctl(fd, request, arg)
    except OSError as e:
        hint = "; dmesg tells why" if e.errno == errno.EINVAL else ""
        raise Failure(f"{what}: {e.strerror}{hint}") from None


def offered(fd, ring):
    """What to offer the front-end: everything, but for what only a VMM can use."""
    features = struct.unpack("=Q", call(fd, VHOST_GET_FEATURES, bytes(8), "its features"))[0]
    features &= ~(1 << LOG_ALL | 1 << ACCESS_PLATFORM)
    if ring == "split":
        features &= ~(1 << RING_PACKED)
    elif ring == "packed" and not features >> RING_PACKED & 1:
        raise Failure("the device offers no packed ring; leave --ring out")
    return features


def open_backend(args):
    mode = os.O_RDONLY if args.read_only else os.O_RDWR
    try:
        return os.open(args.backend, mode | os.O_CLOEXEC | (0 if args.buffered else os.O_DIRECT))
    except OSError as e:
        hint = {errno.EINVAL: "; its file system may know no O_DIRECT: try --buffered",
                errno.EACCES: "; try sudo", errno.EROFS: "; try --read-only"}.get(e.errno, "")
        raise Failure(f"{args.backend}: {e.strerror}{hint}") from None


def disk_of(serial):
    for path in glob.glob("/sys/block/vdpar*/serial"):
        if read(path) == serial:
            return path.split("/")[3]
    return None


def wait_for_disk(serial, seconds=10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        disk = disk_of(serial)
        if disk and os.path.exists(f"/dev/{disk}"):
            return disk
        time.sleep(0.05)
    return None


class Loopback:
    """The two open files; closing them takes the device away."""

    def __init__(self, args, serial):
        self.blk = open_node("/dev/parley-blk", "parley_vhost_blk")
        self.loop = open_node("/dev/parley-loopback", "parley_vhost_loopback")
        self.id = struct.unpack("=I", call(self.blk, PARLEY_VHOST_GET_ID, bytes(4),
                                           "its number"))[0]
        call(self.blk, VHOST_SET_OWNER, 0, "becoming its owner")
        backend = open_backend(args)
        flags = ((READ_ONLY if args.read_only else 0) | (POLL if args.poll else 0) |
                 BLOCKS[args.block_size])
        call(self.blk, PARLEY_BLK_SET_BACKEND,
             BACKEND.pack(backend, flags, serial.encode(), 0), f"serving {args.backend}")
        os.close(backend)
        call(self.loop, PARLEY_LOOPBACK_JOIN,
             JOIN.pack(self.blk, args.queues, args.queue_size, 0,
                       offered(self.blk, args.ring)), "joining it to /dev/parley-loopback")

    def close(self):
        """The device first, then what serves it."""
        os.close(self.loop)
        os.close(self.blk)


def hold():
    """Until SIGINT or SIGTERM."""
    signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    signal.sigwait(signals)


def run(command, disk, number):
    """The command, told the disk by its environment; its exit code is ours."""
    environment = {**os.environ, "PARLEY_DEVICE": str(number),
                   "PARLEY_DISK": f"/dev/{disk}" if disk else ""}
    try:
        code = subprocess.run(command, env=environment, check=False).returncode
    except OSError as e:
        raise Failure(f"{command[0]}: {e.strerror}") from None
    return code if code >= 0 else 128 - code


def loopback(args):
    serial = args.serial or f"loopback-{os.getpid()}"
    if len(serial.encode()) > SERIAL_MAX:
        raise Usage(f"--serial: at most {SERIAL_MAX} bytes")
    if not 1 <= args.queue_size <= 32768:
        raise Usage("--queue-size: between 1 and 32768")
    device = Loopback(args, serial)
    with contextlib.closing(device):
        disk = wait_for_disk(serial)
        if not disk and not os.path.isdir("/sys/module/parley_blk"):
            raise Absent("nobody drives the device: modprobe parley_blk")
        if not disk:
            raise Failure("the front-end made no disk of the device; dmesg tells why")
        if args.json:
            print_json({"device": device.id, "disk": disk, "serial": serial}, one_line=True)
        elif not args.command:
            say(f"device {device.id} serves {args.backend} as /dev/{disk}, "
                f"{size_of(disk)}; interrupt to end it")
        if args.command:
            return run(args.command, disk, device.id)
        hold()
    return 0


def size_of(disk):
    return f"{units.show(int(read(f'/sys/block/{disk}/size', '0')) * 512)} bytes"
