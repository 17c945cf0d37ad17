#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Serve a disk of this kernel to this kernel, with /dev/parley-blk.

  vhost-loop.py [options] FILE

FILE is a block device or a regular file. The disk appears as /dev/vdpar* and
stays until standard input ends or says "quit". Each line of standard input is
answered by one line, "ok" or "error ...":

  resize      ask the back end for its size again
  cycle N     close and open everything N times
  quit
"""
import argparse
import fcntl
import os
import struct
import sys

VIRTIO = 0xAF


def ioc(direction, number, size):
    """The number of an ioctl, as <asm-generic/ioctl.h> makes it."""
    return direction << 30 | size << 16 | VIRTIO << 8 | number


WRITE, READ = 1, 2
GET_FEATURES = ioc(READ, 0x00, 8)
SET_OWNER = ioc(0, 0x01, 0)
NEW_WORKER = ioc(READ, 0x08, 4)
ATTACH_WORKER = ioc(WRITE, 0x15, 8)
BUSYLOOP = ioc(WRITE, 0x23, 8)
SET_BACKEND = ioc(WRITE, 0xB0, 32)
UPDATE_SIZE = ioc(0, 0xB1, 0)
JOIN = ioc(WRITE, 0xB8, 24)

BLOCKS = {None: 0, 512: 4, 4096: 8}     # flags of SET_BACKEND
RING_PACKED = 1 << 34
IN_ORDER = 1 << 35
# A log and an IOMMU are for guests that have memory of their own.
NOT_HERE = 1 << 26 | 1 << 33


class Loop:
    """A vhost device with a back end, joined to this kernel."""

    def __init__(self, args):
        mode = os.O_RDONLY if args.read_only else os.O_RDWR
        self.fds = []
        self.open(args.file, mode)
        self.vhost = self.open("/dev/parley-blk", os.O_RDWR)
        fcntl.ioctl(self.vhost, SET_OWNER)
        fcntl.ioctl(self.vhost, SET_BACKEND, struct.pack(
            "=iI20sI", self.fds[0], BLOCKS[args.block_size] | (2 if args.poll else 0),
            args.serial.encode(), 0))
        self.workers(args)
        if args.poll_us:
            for queue in range(args.queues):
                fcntl.ioctl(self.vhost, BUSYLOOP,
                            struct.pack("=II", queue, args.poll_us))
        answer = fcntl.ioctl(self.vhost, GET_FEATURES, bytes(8))
        features = struct.unpack("=Q", answer)[0] & ~NOT_HERE
        if not args.packed:
            features &= ~RING_PACKED
        if not args.in_order:
            features &= ~IN_ORDER
        loop = self.open("/dev/parley-loopback", os.O_RDWR)
        fcntl.ioctl(loop, JOIN, struct.pack(
            "=iIIIQ", self.vhost, args.queues, args.size, 0, features))

    def open(self, path, mode):
        """Open a file that close() will close."""
        fd = os.open(path, mode | os.O_CLOEXEC)
        self.fds.append(fd)
        return fd

    def workers(self, args):
        """A worker for each queue, up to --workers."""
        ids = [struct.unpack("=I", fcntl.ioctl(self.vhost, NEW_WORKER, bytes(4)))[0]
               for _ in range(1, args.workers)]
        for queue in range(args.queues):
            if queue % args.workers:
                fcntl.ioctl(self.vhost, ATTACH_WORKER, struct.pack(
                    "=II", queue, ids[queue % args.workers - 1]))

    def resize(self):
        """Tell the device that its back end has another size."""
        fcntl.ioctl(self.vhost, UPDATE_SIZE)

    def close(self):
        """The front-end's side first."""
        for fd in reversed(self.fds):
            os.close(fd)


def parse():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--queues", type=int, default=1)
    parser.add_argument("--size", type=int, default=256, help="of a ring")
    parser.add_argument("--serial", default="parley-loop")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--poll-us", type=int, default=0,
                        help="the worker's busy polling")
    parser.add_argument("--poll", action="store_true",
                        help="poll the back end for completions")
    parser.add_argument("--block-size", type=int, choices=(512, 4096),
                        help="show logical blocks of this size")
    parser.add_argument("--packed", action="store_true")
    parser.add_argument("--in-order", action="store_true")
    parser.add_argument("--read-only", action="store_true")
    return parser.parse_args()


def main():
    """Obey standard input."""
    args = parse()
    loop = Loop(args)
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        try:
            if words == ["resize"]:
                loop.resize()
            elif words[:1] == ["cycle"]:
                for _ in range(int(words[1])):
                    loop.close()
                    loop = Loop(args)
            elif words == ["quit"]:
                break
            else:
                raise ValueError(f"unknown command {line!r}")
        except (OSError, ValueError) as error:
            print(f"error {error}", flush=True)
        else:
            print("ok", flush=True)
    loop.close()
    print("ok", flush=True)


main()
