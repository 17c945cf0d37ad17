# SPDX-License-Identifier: GPL-2.0-only
"""A device of VFIO's in this process, and an NVMe controller driven through it: what a
VMM and its guest do, without a guest."""

import ctypes
import fcntl
import mmap
import os
import struct
import time

from .common import LabError
from .limits import PATIENCE

PAGE = 4096
# Of <linux/vfio.h>: _IO(';', 100 + n).
(SET_IOMMU, SET_CONTAINER, GET_DEVICE, DEVICE_INFO, REGION_INFO, IRQ_INFO, SET_IRQS, RESET,
 MAP, UNMAP) = ((0x3b << 8) + 100 + n for n in (2, 4, 6, 7, 8, 9, 10, 11, 13, 14))
TYPE1V2 = 3
IOEVENTFD, BIND, ATTACH = ((0x3b << 8) + 100 + n for n in (16, 18, 19))
WORD = 4            # the size of what an eventfd writes
# Of <linux/iommufd.h>.
IOAS_ALLOC, IOAS_MAP, IOAS_UNMAP = ((0x3b << 8) + 0x80 + n for n in (1, 5, 6))
FIXED, WRITEABLE, READABLE = 1, 2, 4
BAR, CONFIG, REGIONS = 0, 7, 9
INTX, MSI, MSIX, ERR, REQ = range(5)
READ, WRITE = 1, 2
NONE, BOOL, EVENTFD, MASK, UNMASK, TRIGGER = (1 << n for n in range(6))


def offset(region):
    """Where a region is in the file of the device."""
    return region << 40


class Device:
    """A device at @folder, opened; its memory is empty."""

    def __init__(self, folder):
        group = os.path.basename(os.path.realpath(f"{folder}/iommu_group"))
        self.container = os.open("/dev/vfio/vfio", os.O_RDWR)
        self.group = os.open(f"/dev/vfio/{group}", os.O_RDWR)
        self.fd = -1
        try:
            fcntl.ioctl(self.group, SET_CONTAINER, struct.pack("i", self.container))
            fcntl.ioctl(self.container, SET_IOMMU, TYPE1V2)
            self.fd = fcntl.ioctl(self.group, GET_DEVICE,
                                  bytearray(os.path.basename(folder).encode() + b"\0"))
        except OSError:
            self.close()
            raise

    def close(self):
        """All of it: its user has left it."""
        for fd in (self.fd, self.group, self.container):
            if fd >= 0:
                os.close(fd)

    def ask(self, request, form, *words):
        """What an ioctl with a structure of this form fills in."""
        data = bytearray(struct.pack(form, *words))
        fcntl.ioctl(self.fd, request, data)
        return struct.unpack(form, data)

    def set_irqs(self, index, flags, start, count, data=b""):
        """VFIO_DEVICE_SET_IRQS."""
        fcntl.ioctl(self.fd, SET_IRQS, struct.pack("5I", 20 + len(data), flags, index, start,
                                                   count) + data)

    def ring_by(self, at, value, fd, size=WORD):
        """VFIO_DEVICE_IOEVENTFD: write a doorbell whenever an eventfd is told; -1: not any
        more."""
        fcntl.ioctl(self.fd, IOEVENTFD, struct.pack("2I2Qi4x", 32, size, offset(BAR) + at, value,
                                                    fd))

    def reset(self):
        """VFIO_DEVICE_RESET."""
        fcntl.ioctl(self.fd, RESET)

    def read(self, region, at, size):
        """Some bytes of a region."""
        return os.pread(self.fd, size, offset(region) + at)

    def write(self, region, at, data):
        """The same, written; returns how many."""
        return os.pwrite(self.fd, data, offset(region) + at)

    def word(self, region, at, value=None, size=4):
        """A number there, which is written first if it is given."""
        if value is not None:
            self.write(region, at, value.to_bytes(size, "little"))
        return int.from_bytes(self.read(region, at, size), "little")

    def map(self, memory, at, iova, size, flags=READ | WRITE):
        """Give the device a part of a Memory."""
        fcntl.ioctl(self.container, MAP, struct.pack("2I3Q", 32, flags, memory.address + at,
                                                     iova, size))

    def unmap(self, iova, size):
        """Take it away again."""
        fcntl.ioctl(self.container, UNMAP, struct.pack("2I2Q", 24, 0, iova, size))


class Alone(Device):
    """The same, opened without its group, with memory of iommufd's."""

    def __init__(self, folder):
        # Not the other's: that is the way by the group.
        # pylint: disable=super-init-not-called
        self.iommu = os.open("/dev/iommu", os.O_RDWR)
        self.fd = os.open(f"/dev/vfio/devices/{os.listdir(f'{folder}/vfio-dev')[0]}", os.O_RDWR)
        self.ask(BIND, "IIiI", 16, 0, self.iommu, 0)
        data = bytearray(struct.pack("3I", 12, 0, 0))
        fcntl.ioctl(self.iommu, IOAS_ALLOC, data)
        self.space = struct.unpack("3I", data)[2]
        self.ask(ATTACH, "3I", 12, 0, self.space)

    def close(self):
        for fd in (self.fd, self.iommu):
            os.close(fd)

    def map(self, memory, at, iova, size, flags=READ | WRITE):
        may = FIXED | (READABLE if flags & READ else 0) | (WRITEABLE if flags & WRITE else 0)
        fcntl.ioctl(self.iommu, IOAS_MAP, struct.pack("4I3Q", 40, may, self.space, 0,
                                                      memory.address + at, size, iova))

    def unmap(self, iova, size):
        fcntl.ioctl(self.iommu, IOAS_UNMAP, bytearray(struct.pack("2I2Q", 24, self.space, iova,
                                                                  size)))


class Memory:
    """Some pages of this process."""

    def __init__(self, pages):
        self.size = pages * PAGE
        self.data = mmap.mmap(-1, self.size)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.data))


class Queue:
    """A pair of queues, at two pages of the memory."""
    DEPTH = 32

    def __init__(self, number, page):
        self.number = number
        self.sq, self.cq = page * PAGE, (page + 1) * PAGE
        self.tail = self.head = 0
        self.phase = 1


class Controller:
    """The emulated controller of a device: memory of 64 pages at @base, the first for
    queues, those from DATA on for data."""
    PAGES, LIST, DATA = 64, 4, 8
    CAP, CC, CSTS, AQA, ASQ, ACQ, DOORBELL = 0, 0x14, 0x1c, 0x24, 0x28, 0x30, 0x1000
    ENABLE = 0x460001
    CREATE_SQ, CREATE_CQ, FLUSH, STORE, LOAD = 1, 5, 0, 1, 2

    def __init__(self, device, base=1 << 32):
        self.device = device
        self.base = base
        self.memory = Memory(self.PAGES)
        device.map(self.memory, 0, base, self.memory.size)
        self.cid = 0
        self.admin = self.io = None

    def at(self, page):
        """The guest's address of a page."""
        return self.base + page * PAGE

    def register(self, at, value=None, size=4):
        """Of the controller."""
        return self.device.word(BAR, at, value, size)

    def enable(self):
        """Returns its status."""
        self.admin = Queue(0, 0)
        self.memory.data[:4 * PAGE] = bytes(4 * PAGE)
        self.register(self.AQA, (Queue.DEPTH - 1) * 0x10001)
        self.register(self.ASQ, self.base + self.admin.sq, 8)
        self.register(self.ACQ, self.base + self.admin.cq, 8)
        self.register(self.CC, self.ENABLE)
        return self.register(self.CSTS)

    def disable(self):
        """Returns its status."""
        self.register(self.CC, 0)
        return self.register(self.CSTS)

    def put(self, queue, opcode, prp1=0, prp2=0, *words):
        """A command; returns its number."""
        cid = self.lay(queue, opcode, prp1, prp2, *words)
        self.device.write(BAR, self.DOORBELL + queue.number * 8,
                          queue.tail.to_bytes(4, "little"))
        return cid

    def lay(self, queue, opcode, prp1=0, prp2=0, *words):
        """The same, without a word to the controller."""
        self.cid = (self.cid + 1) & 0xffff
        words = (*words, *[0] * (6 - len(words)))
        struct.pack_into("<BBHIQQQQ6I", self.memory.data, queue.sq + queue.tail * 64, opcode, 0,
                         self.cid, 1 if queue.number else 0, 0, 0, prp1, prp2, *words)
        queue.tail = (queue.tail + 1) % Queue.DEPTH
        return self.cid

    def take(self, queue, seconds=30):
        """(number, status) of the next answer."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            at = queue.cq + queue.head * 16
            status, = struct.unpack_from("<H", self.memory.data, at + 14)
            if status & 1 == queue.phase:
                break
            if time.monotonic() > end:
                raise LabError(f"no answer in queue {queue.number}: status "
                               f"{self.register(self.CSTS):x}")
            time.sleep(0.001)
        # Only now: it is older than the phase else.
        number, = struct.unpack_from("<H", self.memory.data, at + 12)
        queue.head += 1
        if queue.head == Queue.DEPTH:
            queue.head, queue.phase = 0, queue.phase ^ 1
        self.device.write(BAR, self.DOORBELL + queue.number * 8 + 4,
                          queue.head.to_bytes(4, "little"))
        return number, status >> 1

    def do(self, queue, *command):
        """Its status."""
        number = self.put(queue, *command)
        got, status = self.take(queue)
        if got != number:
            raise LabError(f"an answer to {got}, not to {number}")
        return status

    def start(self):
        """Enabled, and with a pair of queues for I/O that uses vector 1."""
        status = self.enable()
        if status != 1:
            raise LabError(f"it is not ready: {status:x}")
        self.io = Queue(1, 2)
        for opcode, at, flags in ((self.CREATE_CQ, self.io.cq, 1 << 16 | 3),
                                  (self.CREATE_SQ, self.io.sq, 1 << 16 | 1)):
            status = self.do(self.admin, opcode, self.base + at, 0,
                             (Queue.DEPTH - 1) << 16 | 1, flags)
            if status:
                raise LabError(f"it makes no queue: {status:x}")
        return self

    def transfer(self, opcode, block, prp1, prp2=0, blocks=8):
        """The words of a read or a write; blocks are of 512 bytes."""
        return (opcode, prp1, prp2, block & 0xffffffff, block >> 32, blocks - 1)
