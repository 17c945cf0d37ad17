# SPDX-License-Identifier: GPL-2.0-only
"""A bridge's process, a VMM that speaks to it, and a driver of its disk with a
load, for the tests of vmm.py."""

import array
import atexit
import mmap
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)),
                             "../../testing/lab"))

from labkit.common import children  # noqa: E402
from rings import Packed, Split     # noqa: E402

MEMORY = 64 << 20
USER = 0x100000000          # where the VMM says that its memory is
RINGS = 1 << 20             # rings from here, data from DATA
DATA = 8 << 20
BLOCK = 4096
QUEUES = 2

GET_FEATURES, SET_FEATURES, SET_OWNER = 1, 2, 3
SET_MEM_TABLE, SET_LOG_BASE, SET_NUM, SET_ADDR, SET_BASE, GET_BASE = 5, 6, 8, 9, 10, 11
SET_KICK, SET_CALL, SET_ERR = 12, 13, 14
GET_PROTOCOL, SET_PROTOCOL, GET_QUEUES, ENABLE, BACKEND_FD = 15, 16, 17, 18, 21
GET_CONFIG, GET_INFLIGHT, SET_INFLIGHT = 24, 31, 32
ADD_REG, REM_REG = 37, 38
REPLIES = {GET_FEATURES, SET_LOG_BASE, GET_BASE, GET_PROTOCOL, GET_QUEUES, GET_CONFIG,
           GET_INFLIGHT}

VERSION_1, PACKED, LOG_ALL, PROTOCOL = 1 << 32, 1 << 34, 1 << 26, 1 << 30
READ, WRITE, FLUSH, GET_ID = 0, 1, 4, 8


class Wrong(Exception):
    """Something is not as it should be."""


def expect(condition, what):
    """Or else."""
    if not condition:
        raise Wrong(what)


def dial(path):
    """A connection; a socket has its name a moment before somebody listens."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    for _ in range(100):
        try:
            sock.connect(path)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    else:
        raise Wrong(f"nobody listens on {path}")
    return sock


class Bridge:
    """The process."""

    def __init__(self, program, disks):
        self.command = [program]
        for disk in disks:
            self.command += ["--disk", disk]
        self.sockets = [d.split("socket=")[1].split(",")[0] for d in disks]
        self.process = None
        atexit.register(self.kill)

    def kill(self):
        """Leave nothing behind when a test fails."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def start(self):
        """Start it; ready when it listens."""
        for path in self.sockets:
            if os.path.exists(path):
                os.unlink(path)
        self.process = subprocess.Popen(self.command)
        for path in self.sockets:
            for _ in range(200):
                if os.path.exists(path) or self.process.poll() is not None:
                    break
                time.sleep(0.05)
            expect(os.path.exists(path), f"the bridge does not listen on {path}")
        return self

    def end(self, sig):
        """End it by a signal."""
        self.process.send_signal(sig)
        code = self.process.wait(30)
        expect(code == (0 if sig == signal.SIGTERM else -sig), f"the bridge ended with {code}")

    def servers(self):
        """The processes that serve VMMs."""
        return children(self.process.pid)

    def fds(self):
        """How many file descriptors all of it has open."""
        return sum(len(os.listdir(f"/proc/{pid}/fd"))
                   for pid in [self.process.pid, *self.servers()])


class Vmm:
    """Memory, rings, and a connection that can be made again."""

    def __init__(self, path, packed=False):
        self.path, self.packed = path, packed
        self.fd = os.memfd_create("guest")
        os.ftruncate(self.fd, MEMORY)
        self.mem = mmap.mmap(self.fd, MEMORY)
        kind = Packed if packed else Split
        # No multiple of three: packed requests wrap in all positions.
        self.rings = [kind(self.mem, RINGS + i * Split.size, 128) for i in range(QUEUES)]
        self.inflight = None
        self.sock = self.events = None

    # The protocol

    def send(self, request, payload=b"", fds=(), flags=0):
        """A message; returns the payload of its answer and its descriptor."""
        data = struct.pack("<III", request, 1 | flags, len(payload)) + payload
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([data], rights)
        if request not in REPLIES and not flags & 8:
            return b"", None
        head, control, _, _ = self.sock.recvmsg(12, socket.CMSG_SPACE(4))
        expect(len(head) == 12, f"no answer to message {request}")
        got, got_flags, size = struct.unpack("<III", head)
        expect(got == request and got_flags == 5, f"a strange answer to message {request}")
        body = self.sock.recv(size, socket.MSG_WAITALL) if size else b""
        fd = struct.unpack("<i", control[0][2])[0] if control else None
        return body, fd

    def u64(self, request, value=None):
        """A message with a number, or that asks for one."""
        body, _ = self.send(request, b"" if value is None else struct.pack("<Q", value))
        return struct.unpack("<Q", body)[0] if body else None

    def state(self, request, index, num, flags=0):
        """A message about a ring; returns the number in its answer."""
        body, _ = self.send(request, struct.pack("<II", index, num), flags=flags)
        return struct.unpack("<II", body)[1] if len(body) == 8 and request == GET_BASE else None

    def region(self, request, guest, size, user, offset, fd=None):
        """ADD_MEM_REG or REM_MEM_REG, acknowledged."""
        body, _ = self.send(request, struct.pack("<QQQQQ", 0, guest, size, user, offset),
                            [fd] if fd is not None else [], flags=8)
        expect(body == bytes(8), f"message {request} was refused")

    def config(self):
        """The configuration space: 60 bytes."""
        body, _ = self.send(GET_CONFIG, struct.pack("<III", 0, 60, 0) + bytes(60))
        return body[12:]

    def capacity(self):
        """Sectors."""
        return struct.unpack_from("<Q", self.config())[0]

    # The device

    def connect(self):
        """Connect, and do what QEMU does when a device is made."""
        self.sock = dial(self.path)
        offered = self.u64(GET_FEATURES)
        wanted = VERSION_1 | PROTOCOL | (PACKED if self.packed else 0)
        expect(offered & (wanted | LOG_ALL) == wanted | LOG_ALL, f"features {offered:#x}")
        self.u64(SET_PROTOCOL, self.u64(GET_PROTOCOL))
        expect(self.u64(GET_QUEUES) >= QUEUES, "not enough queues")
        self.send(SET_OWNER)
        self.u64(SET_FEATURES, wanted)
        mine, its = socket.socketpair()
        self.send(BACKEND_FD, b"", [its.fileno()])
        its.close()
        self.events = mine
        return self

    def start(self, bases=None, flags=0):
        """Do what QEMU does when the driver is ready."""
        if self.inflight is None:
            body, fd = self.send(GET_INFLIGHT, struct.pack("<QQHHI", 0, 0, QUEUES, 128, 0))
            self.inflight = fd, body
        fd, body = self.inflight
        self.send(SET_INFLIGHT, body, [fd])
        self.region(ADD_REG, 0, MEMORY, USER, 0, self.fd)
        self.start_rings(bases, flags)

    def start_rings(self, bases=None, flags=0):
        """The rings only."""
        for i, ring in enumerate(self.rings):
            self.state(SET_NUM, i, ring.num)
            self.state(SET_BASE, i, bases[i] if bases else ring.first_base())
            self.set_addr(i, flags)
            for request, fd in (SET_KICK, ring.kick), (SET_CALL, ring.call), (SET_ERR, ring.err):
                self.send(request, struct.pack("<Q", i), [fd])
            # Acknowledged, so that we know that it runs.
            body, _ = self.send(ENABLE, struct.pack("<II", i, 1), flags=8)
            expect(body == bytes(8), f"ring {i} does not start")

    def set_addr(self, i, flags=0):
        """Where a ring is, and whether it is logged."""
        ring = self.rings[i]
        body, _ = self.send(SET_ADDR, struct.pack("<IIQQQQ", i, flags, USER + ring.desc,
                                                  USER + ring.device, USER + ring.driver,
                                                  ring.device), flags=8)
        expect(body == bytes(8), f"ring {i} has no addresses")

    def stop(self):
        """Stop the rings; returns where they stopped."""
        bases = []
        for i in range(len(self.rings)):
            self.state(ENABLE, i, 0)
            bases.append(self.state(GET_BASE, i, 0))
        return bases

    def close(self):
        """Let all go."""
        self.sock.close()
        os.close(self.fd)
        for ring in self.rings:
            for fd in (ring.kick, ring.call, ring.err):
                os.close(fd)

    def gone(self):
        """The other side closed the connection, or does so soon."""
        self.sock.settimeout(20)
        try:
            return not self.sock.recv(1)
        except ConnectionResetError:
            return True


class Driver:
    """Requests on the rings of a VMM: each slot has a header, a status and a block
    of data of its own."""

    def __init__(self, vmm):
        self.vmm = vmm
        self.pending = [{} for _ in vmm.rings]

    def at(self, queue, slot):
        """Where the data of a slot is; its header and status are behind it."""
        return DATA + (queue * 64 + slot) * 2 * BLOCK

    def put(self, queue, kind, sector=0, data=None, length=BLOCK, shift=0):
        """Put a request; @shift moves the data's address, for other regions."""
        ring, mem = self.vmm.rings[queue], self.vmm.mem
        slot = ring.free[-1]
        at = self.at(queue, slot)
        if data is not None:
            mem[at:at + length] = data
        struct.pack_into("<IIQ", mem, at + BLOCK, kind, 0, sector)
        mem[at + BLOCK + 16] = 0xff
        ring.put([(at + BLOCK, 16, False), (at + shift, length, kind != WRITE),
                  (at + BLOCK + 16, 1, True)])
        expect(slot not in self.pending[queue], f"slot {slot} is in use")
        self.pending[queue][slot] = sector
        return slot

    def wait(self, queue, seconds=60):
        """Wait for something to be completed: [(slot, sector)], all of it good."""
        ring, until, found = self.vmm.rings[queue], time.monotonic() + seconds, []
        while True:
            for slot in ring.take():
                expect(slot in self.pending[queue],
                       f"queue {queue}: slot {slot} was completed twice")
                status = self.vmm.mem[self.at(queue, slot) + BLOCK + 16]
                expect(status == 0, f"queue {queue}: slot {slot} has status {status}")
                found.append((slot, self.pending[queue].pop(slot)))
            left = until - time.monotonic()
            if found or left <= 0:
                expect(found, f"queue {queue}: {len(self.pending[queue])} requests are lost")
                return found
            if select.select([ring.call], [], [], min(left, 1))[0]:
                os.eventfd_read(ring.call)

    def all(self, queue):
        """Wait for all that is pending."""
        while self.pending[queue]:
            self.wait(queue)

    def one(self, queue, kind, *args, **more):
        """One request from beginning to end; returns its data."""
        slot = self.put(queue, kind, *args, **more)
        self.vmm.rings[queue].notify()
        self.all(queue)
        at = self.at(queue, slot)
        return bytes(self.vmm.mem[at:at + more.get("length", BLOCK)])


class Load:
    """Writes that never rest: each block of a queue is written again and again,
    with a number that grows. A write that is lost leaves an old number behind; one
    that is done again, too late, brings one back."""

    def __init__(self, driver, blocks=40):
        self.driver, self.blocks = driver, blocks
        self.last = [dict.fromkeys(range(blocks), 0) for _ in driver.vmm.rings]
        self.busy = [set() for _ in driver.vmm.rings]
        self.done = 0

    def block(self, queue, number):
        """Sector of a block."""
        return (queue * self.blocks + number) * (BLOCK // 512)

    def fill(self, queue):
        """As many writes as there is room for."""
        ring = self.driver.vmm.rings[queue]
        idle = [b for b in range(self.blocks) if b not in self.busy[queue]]
        random.shuffle(idle)
        while ring.room() and idle:
            number = idle.pop()
            self.last[queue][number] += 1
            data = struct.pack("<QQ", number, self.last[queue][number]) * (BLOCK // 16)
            self.driver.put(queue, WRITE, self.block(queue, number), data)
            self.busy[queue].add(number)
        ring.notify()

    def reap(self, queue):
        """What is done."""
        for _, sector in self.driver.wait(queue):
            self.busy[queue].discard(sector // (BLOCK // 512) - queue * self.blocks)
            self.done += 1

    def rounds(self, n):
        """Keep all rings busy for a while; leaves them busy."""
        for _ in range(n):
            for queue in range(QUEUES):
                self.fill(queue)
            for queue in range(QUEUES):
                self.reap(queue)
        for queue in range(QUEUES):
            self.fill(queue)

    def finish(self, image):
        """All done: the image holds every block's last number."""
        for queue in range(QUEUES):
            self.driver.all(queue)
            self.busy[queue].clear()
        with open(image, "rb") as f:
            for queue in range(QUEUES):
                for number, last in self.last[queue].items():
                    f.seek(self.block(queue, number) * 512)
                    want = struct.pack("<QQ", number, last) * (BLOCK // 16)
                    expect(not last or f.read(BLOCK) == want,
                           f"queue {queue}, block {number}: not as written last")
