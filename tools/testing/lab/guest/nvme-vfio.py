# SPDX-License-Identifier: GPL-2.0-only
"""What VFIO can be asked of a mediated virtual function, and what a guest that is hostile,
or a VMM, can do to it: by a program that is both."""

import contextlib
import ctypes
import errno
import fcntl
import functools
import glob
import json
import mmap
import os
import random
import re
import select
import signal
import struct
import subprocess
import sys
import threading
import time

from labkit import nvme, tenants, vfio
from labkit.common import LabError, put
from labkit.limits import until
from labkit.report import Report
from labkit.vfio import BAR, BOOL, CONFIG, EVENTFD, MSIX, NONE, PAGE, REQ, TRIGGER

UUID = "c1f0a3d2-27b4-4a1e-9d52-8e6f10b7d901"
CAPABILITY = 0x34
ERRORS = {"transfer": 4, "range": 0x80}     # statuses, without Do Not Retry
SECONDS = 3         # of a race
TRACING = "/sys/kernel/tracing"
PARLEY = f"{os.environ['LAB_ROOT']}/tools/parley/parley"
BELLS = 0x1000      # where doorbells are, and a page of them


class Mapped(vfio.Device):
    """A device whose doorbells are memory of this process."""

    def __init__(self, folder):
        super().__init__(folder)
        self.bells = mmap.mmap(self.fd, PAGE, offset=vfio.offset(BAR) + BELLS)
        self.touched = 0

    def write(self, region, at, data):
        if region != BAR or not BELLS <= at < BELLS + PAGE or len(data) != 4:
            return super().write(region, at, data)
        # At once, as a processor does.
        ctypes.c_uint32.from_buffer(self.bells, at - BELLS).value = int.from_bytes(data, "little")
        self.touched += 1
        return len(data)

    def close(self):
        self.bells.close()
        super().close()


class Tests:
    """One device, opened again and again."""

    def __init__(self, report, mediated):
        self.report = report
        self.mediated = mediated

    def refused(self, what, error, function, *arguments):
        """A test that a call fails with this error."""
        try:
            function(*arguments)
            self.report.result(False, what, "it did not fail")
        except OSError as failed:
            self.report.equal(errno.errorcode[failed.errno], errno.errorcode[error], what)

    # What VFIO asks

    def questions(self, device):
        """Regions and interrupts, and those that there are none of."""
        flags, regions, irqs = device.ask(vfio.DEVICE_INFO, "4I", 16, 0, 0, 0)[1:]
        self.report.equal((flags & 3, regions, irqs), (3, 9, 5), "a PCI device with a reset")
        sizes = [device.ask(vfio.REGION_INFO, "4I2Q", 32, 0, n, 0, 0, 0)[4] for n in range(9)]
        self.report.equal(sizes, [0x4000, 0, 0, 0, 0, 0, 0, 4096, 0], "its regions")
        counts = [device.ask(vfio.IRQ_INFO, "4I", 16, 0, n, 0)[3]
                  for n in (vfio.INTX, vfio.MSI, MSIX, REQ)]
        self.report.equal(counts[:2] + counts[3:], [1, 0, 1], "its interrupts")
        self.report.result(counts[2] > 1, "it has MSI-X", counts)
        for what, request, form, words in (
                ("a region", vfio.REGION_INFO, "4I2Q", (32, 0, 9, 0, 0, 0)),
                ("a region, asked for too shortly", vfio.REGION_INFO, "4I2Q",
                 (31, 0, 0, 0, 0, 0)),
                ("an interrupt", vfio.IRQ_INFO, "4I", (16, 0, 5, 0)),
                ("errors of the hardware", vfio.IRQ_INFO, "4I", (16, 0, vfio.ERR, 0)),
                ("itself, asked for too shortly", vfio.DEVICE_INFO, "4I", (15, 0, 0, 0))):
            self.refused(f"it does not tell of {what}", errno.EINVAL, device.ask, request, form,
                         *words)
        self.refused("it cannot be mapped", errno.EINVAL, mmap.mmap, device.fd, PAGE)

    def configuration(self, device):
        """Read as a whole, and sized as firmware does."""
        whole = device.read(CONFIG, 0, 4096)
        self.report.equal((len(whole), whole[9:12]), (4096, b"\x02\x08\x01"), "an NVMe controller")
        found, at = [], whole[CAPABILITY]
        while at and len(found) < 9:
            found.append(whole[at])
            at = whole[at + 1]
        self.report.equal(found, [1, 0x11, 0x10], "its capabilities")
        device.word(CONFIG, 0x10, 0xffffffff)
        self.report.equal(device.word(CONFIG, 0x10), 0xffffc004, "its BAR has 16 KiB")
        self.refused("a read behind it", errno.EINVAL, device.read, CONFIG, 4096, 4)
        self.report.equal(len(device.read(CONFIG, 4090, 64)), 6, "a read over its end")
        self.refused("a read behind the registers", errno.EINVAL, device.read, BAR, 0x4000, 1)
        self.refused("a read of another BAR", errno.EINVAL, device.read, 1, 0, 4)
        whole = device.read(BAR, 0, 0x4000)
        self.report.equal([device.read(BAR, n, 1)[0] for n in range(8)], list(whole[:8]),
                          "registers, byte by byte")

    def interrupts(self, device):
        """By eventfds, and told by hand."""
        vectors = device.ask(vfio.IRQ_INFO, "4I", 16, 0, MSIX, 0)[3]
        fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(vectors)]

        def rang():
            return [bool(select.select([fd], [], [], 0)[0]) and bool(os.eventfd_read(fd))
                    for fd in fds]

        device.set_irqs(MSIX, EVENTFD | TRIGGER, 0, vectors, struct.pack(f"{vectors}i", *fds))
        device.set_irqs(MSIX, NONE | TRIGGER, 0, vectors)
        self.report.equal(rang(), [True] * vectors, "all are told")
        device.set_irqs(MSIX, BOOL | TRIGGER, 0, vectors, bytes(n % 2 for n in range(vectors)))
        self.report.equal(rang(), [bool(n % 2) for n in range(vectors)], "some are told")
        self.refused("one among them is none", errno.EINVAL, device.set_irqs, MSIX,
                     EVENTFD | TRIGGER, 0, 2, struct.pack("2i", -1, device.fd))
        device.set_irqs(MSIX, NONE | TRIGGER, 0, 1)
        self.report.equal(rang()[0], True, "that changed nothing")
        device.set_irqs(MSIX, EVENTFD | TRIGGER, 0, 1, struct.pack("i", -1))
        device.set_irqs(MSIX, NONE | TRIGGER, 0, vectors)
        self.report.equal(rang(), [False] + [True] * (vectors - 1), "one is told no more")
        device.set_irqs(MSIX, NONE | TRIGGER, 0, 0)
        device.set_irqs(MSIX, NONE | TRIGGER, 0, vectors)
        self.report.equal(rang(), [False] * vectors, "none is")
        for what, error, words in (
                ("one too many", errno.EINVAL, (MSIX, NONE | TRIGGER, 0, vectors + 1)),
                ("MSI", errno.EINVAL, (vfio.MSI, NONE | TRIGGER, 0, 1)),
                ("two pins", errno.EINVAL, (vfio.INTX, NONE | TRIGGER, 0, 2)),
                ("to mask a pin that nobody uses", errno.EINVAL,
                 (vfio.INTX, NONE | vfio.MASK, 0, 1)),
                ("eventfds without any", errno.EINVAL, (MSIX, EVENTFD | TRIGGER, 0, 1)),
                ("to mask one by an eventfd", errno.ENOTTY,
                 (MSIX, EVENTFD | vfio.MASK, 0, 1, bytes(4)))):
            self.refused(f"{what}: refused", error, device.set_irqs, *words)
        device.set_irqs(MSIX, EVENTFD | TRIGGER, 0, 2, struct.pack("2i", *fds[:2]))
        return fds

    def pin(self, device):
        """For a guest that knows no messages: a level, masked by being told."""
        told, through = (os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2))

        def rang(seconds=10):
            return bool(select.select([told], [], [], seconds)[0]) and bool(os.eventfd_read(told))

        def unmask():
            device.set_irqs(vfio.INTX, NONE | vfio.UNMASK, 0, 1)

        device.set_irqs(vfio.INTX, EVENTFD | TRIGGER, 0, 1, struct.pack("i", told))
        self.refused("a message beside the pin", errno.EINVAL, device.set_irqs, MSIX,
                     EVENTFD | TRIGGER, 0, 1, struct.pack("i", through))
        guest = vfio.Controller(device).start()
        # Told or not: who takes all answers as they come need not be.
        rang(0.2)
        unmask()
        self.report.equal(rang(0.2), False, "and not when all are taken")
        guest.put(guest.io, guest.FLUSH)
        self.report.result(rang(), "it is told of one")
        self.report.equal(device.word(CONFIG, 6, size=2) & 8, 8, "which its status says")
        self.report.equal(rang(0.2), False, "once")
        unmask()
        self.report.result(rang(), "and again as long as it is not taken")
        guest.take(guest.io)
        self.report.equal(device.word(CONFIG, 6, size=2) & 8, 0, "taken, it is lowered")
        device.set_irqs(vfio.INTX, EVENTFD | vfio.UNMASK, 0, 1, struct.pack("i", through))
        for what, hide, show in (
                ("by the command register", lambda: device.word(CONFIG, 4, 0x400, 2),
                 lambda: device.word(CONFIG, 4, 0, 2)),
                ("by the controller", lambda: guest.register(0xc, 2),
                 lambda: guest.register(0x10, 2))):
            os.eventfd_write(through, 1)
            hide()
            guest.put(guest.io, guest.FLUSH)
            self.report.equal(rang(0.3), False, f"masked {what} it is not told")
            show()
            self.report.result(rang(), f"unmasked {what}, and by an eventfd before, it is")
            guest.take(guest.io)
        device.set_irqs(vfio.INTX, NONE | TRIGGER, 0, 0)

    # What a guest does

    def works(self, device, fds):
        """Written, read, told of."""
        guest = vfio.Controller(device).start()
        data = random.randbytes(2 * PAGE)
        guest.memory.data[guest.DATA * PAGE:(guest.DATA + 2) * PAGE] = data
        status = guest.do(guest.io, *guest.transfer(guest.STORE, 64, guest.at(guest.DATA),
                                                    guest.at(guest.DATA + 1), 16))
        self.report.equal(status, 0, "written")
        self.report.result(select.select([fds[1]], [], [], 10)[0], "and told of by its vector")
        status = guest.do(guest.io, *guest.transfer(guest.LOAD, 64, guest.at(16), guest.at(18),
                                                    16))
        back = guest.memory.data[16 * PAGE:17 * PAGE] + guest.memory.data[18 * PAGE:19 * PAGE]
        self.report.equal((status, back == data), (0, True), "read back, to other pages")
        self.report.equal(guest.do(guest.io, guest.FLUSH), 0, "flushed")
        status = guest.do(guest.io, *guest.transfer(guest.LOAD, 1 << 40, guest.at(16)))
        self.report.equal(status & 0xff, ERRORS["range"], "no block behind the last")
        for opcode in (0x80, 0xfc, 0x19, 4):
            status = guest.do(guest.io, opcode, guest.at(16))
            self.report.equal(status & 0xff, 1, f"I/O command {opcode:x} does not exist")
        return guest

    def memory(self, guest):
        """That is not the guest's, or only to be read."""
        device, other = guest.device, 1 << 34
        extra = vfio.Memory(4)
        for what, address in (("none", other), ("the last page", (1 << 64) - PAGE),
                              ("behind the last", guest.at(guest.PAGES))):
            status = guest.do(guest.io, *guest.transfer(guest.LOAD, 0, address))
            self.report.equal(status & 0xff, ERRORS["transfer"], f"memory that is {what}")
        device.map(extra, 0, other, 4 * PAGE, vfio.READ)
        status = guest.do(guest.io, *guest.transfer(guest.STORE, 0, other))
        self.report.equal(status, 0, "what can be read is written to the disk")
        status = guest.do(guest.io, *guest.transfer(guest.LOAD, 0, other))
        self.report.equal(status & 0xff, ERRORS["transfer"], "and not from there")
        device.unmap(other, 4 * PAGE)
        status = guest.do(guest.io, *guest.transfer(guest.STORE, 0, other))
        self.report.equal(status & 0xff, ERRORS["transfer"], "what was taken away is gone")

    def fly(self, guest, address, nr=16):
        """So many reads at once, to the same pages."""
        for n in range(nr):
            guest.put(guest.io, *guest.transfer(guest.LOAD, n * 8, address))

    def land(self, guest, nr=16):
        """Their statuses."""
        return {guest.take(guest.io)[1] & 0xff for _ in range(nr)}

    def leaves(self, guest):
        """Memory is taken away while commands use it; then it is there again."""
        device, other = guest.device, 1 << 35
        extra = vfio.Memory(4)
        seen = set()
        for _ in range(30):
            device.map(extra, 0, other, 4 * PAGE)
            self.fly(guest, other)
            device.unmap(other, 4 * PAGE)
            seen |= self.land(guest)
        self.report.result(seen <= {0, ERRORS["transfer"]}, "taken away while it is used", seen)
        device.map(extra, 0, other, 4 * PAGE)
        self.report.equal(self.land_one(guest, other), 0, "it is there again")
        device.unmap(other, 4 * PAGE)

    def land_one(self, guest, address):
        """The status of a read to there."""
        return guest.do(guest.io, *guest.transfer(guest.LOAD, 0, address)) & 0xff

    def kept(self, guest):
        """Pages are kept until they are taken away, and other memory in their place is what
        is used then."""
        device, iova, block = guest.device, 1 << 37, 512
        before, old, rounds = self.mediated.gate(), [], 3
        data = random.randbytes(PAGE)
        guest.memory.data[guest.DATA * PAGE:(guest.DATA + 1) * PAGE] = data
        self.report.equal(guest.do(guest.io, *guest.transfer(guest.STORE, block,
                                                             guest.at(guest.DATA))), 0,
                          "written, to be read to other memory each time")
        for _ in range(rounds):
            memory = vfio.Memory(1)
            device.map(memory, 0, iova, PAGE)
            seen = {guest.do(guest.io, *guest.transfer(guest.LOAD, block, iova))
                    for _ in range(20)}
            self.report.equal((seen, memory.data[:] == data), ({0}, True),
                              "it is read to there, from the first time on")
            for kept in old:
                self.report.equal(kept.data[:], bytes(PAGE), "and not to where it was before")
            memory.data[:] = bytes(PAGE)
            device.unmap(iova, PAGE)
            old.append(memory)
        after = self.mediated.gate()
        counted = {name: after[name] - before[name] for name in after}
        self.report.result(counted["hits"] >= 19 * rounds and
                           counted["invalidations"] >= rounds, "hits and what was taken away",
                           counted)
        self.report.result(after["pages"] <= guest.PAGES, "no more is kept than is used", after)
        guest.disable()
        self.report.equal(self.mediated.gate()["pages"], 0, "disabled, it keeps nothing")
        guest.start()

    def limited(self, guest):
        """Operations, as many as may be; changed while they wait."""
        def seconds(nr):
            begun = time.monotonic()
            self.fly(guest, guest.at(16), nr)
            self.report.equal(self.land(guest, nr), {0}, f"{nr} reads")
            return time.monotonic() - begun

        seconds(1)
        self.mediated.limit("device ops=20 ops_burst=1")
        took = seconds(11)
        self.report.result(took > 0.45, "20 a second and no more", f"{took:.2f} s for 11")
        self.mediated.limit("device ops=1 ops_burst=1")
        self.fly(guest, guest.at(16), 16)
        self.mediated.limit("device off")
        self.report.equal(self.land(guest, 16), {0}, "the limit is taken off, and they go")
        self.refused("a guarantee of nothing", errno.ENOENT, self.mediated.limit,
                     "device bytes_guaranteed=1000")

    def race(self, guest):
        """A thread takes memory away that the guest uses all the time."""
        device, stop, problems = guest.device, threading.Event(), []
        areas = [(1 << 36) + n * 16 * PAGE for n in range(20)]
        memory = vfio.Memory(2)

        def taker():
            try:
                while not stop.is_set():
                    for iova in areas:
                        device.map(memory, 0, iova, 2 * PAGE)
                        time.sleep(0.002)
                        device.unmap(iova, 2 * PAGE)
            except OSError as error:
                problems.append(error)

        thread = threading.Thread(target=taker)
        thread.start()
        end, rounds, good = time.monotonic() + SECONDS, 0, 0
        while time.monotonic() < end:
            for iova in areas:
                self.fly(guest, iova)
                good += 0 in self.land(guest)
                rounds += 1
        stop.set()
        thread.join(60)
        self.report.result(not problems and not thread.is_alive(),
                           "taken away all the time while it is used", problems)
        self.report.note(f"{rounds} rounds, in {good} of them it was there")

    def resets(self, guest):
        """Of each kind, with commands under way."""
        device = guest.device
        express = 0x60
        for what, reset in (
                ("by its enable bit", guest.disable),
                ("by VFIO", device.reset),
                ("of its function", lambda: device.word(CONFIG, express + 8, 0x8000, 2)),
                ("by its power", lambda: [device.word(CONFIG, 0x44, state, 2)
                                          for state in (3, 0)])):
            self.fly(guest, guest.at(16))
            reset()
            self.report.equal(guest.register(guest.CSTS), 0, f"reset {what}")
            guest.start()
            self.report.equal(self.land_one(guest, guest.at(16)), 0, f"{what}: it works")

    def forgets(self, guest):
        """The function is reset behind the guest's back, while it works."""
        seen = set()
        for _ in range(4):
            self.fly(guest, guest.at(16))
            self.mediated.reset_function()
            seen |= self.land(guest)
        self.report.equal(seen, {0}, "its function is reset: nothing is seen of that")
        self.report.equal(guest.register(guest.CSTS), 1, "it is ready as ever")
        data = random.randbytes(PAGE)
        guest.memory.data[guest.DATA * PAGE:(guest.DATA + 1) * PAGE] = data
        guest.do(guest.io, *guest.transfer(guest.STORE, 128, guest.at(guest.DATA)))
        self.mediated.reset_function()
        guest.do(guest.io, *guest.transfer(guest.LOAD, 128, guest.at(20)))
        self.report.result(guest.memory.data[20 * PAGE:21 * PAGE] == data,
                           "what was written before is read after")
        thread = threading.Thread(target=self.mediated.reset_function)
        self.fly(guest, guest.at(16))
        thread.start()
        guest.disable()
        thread.join(60)
        guest.start()
        self.report.equal(self.land_one(guest, guest.at(16)), 0,
                          "reset together with its controller: it works")

    def faults(self, guest):
        """The guest breaks the rules: it is told, and a reset helps."""
        for what, at, value in (("a doorbell beyond its queue", guest.DOORBELL + 8, 32),
                                ("the largest doorbell", guest.DOORBELL + 8, 0xffffffff)):
            guest.device.write(BAR, at, value.to_bytes(4, "little"))
            end = time.monotonic() + 10
            while not guest.register(guest.CSTS) & 2 and time.monotonic() < end:
                time.sleep(0.01)
            self.report.equal(guest.register(guest.CSTS), 3, f"{what} is a fatal fault")
            guest.disable()
            guest.start()
        for _ in range(2000):
            guest.device.write(BAR, random.randrange(0x4000), random.randbytes(
                random.choice((1, 2, 4, 8))))
        guest.disable()
        guest.start()
        self.report.equal(self.land_one(guest, guest.at(16)), 0, "after writes to anywhere")

    # What it may do

    def policy(self, *words):
        """parley vf policy; what it prints, or why it fails."""
        done = subprocess.run([PARLEY, "vf", "policy", *words], capture_output=True, text=True,
                              check=False)
        return done.stderr if done.returncode else done.stdout

    def counted(self, rule):
        """How often a rule held, by the kernel: the command takes seconds in here."""
        text = nvme.get(f"{self.mediated.parent}/parley_policy/1.audit").split("\nnext\n")[0]
        lines = [line.split(None, 2) for line in text.splitlines()[1:]]
        return next((int(count) for count, _, said in lines if said == rule), None)

    def denied(self, guest):
        """What is dangerous is in the audit and in the trace, and goes no further."""
        nvme.put(f"{TRACING}/events/parley/parley_policy_denied/enable", "1")
        for rule, opcode in (("deny admin format", 0x80), ("deny admin sanitize", 0x84),
                             ("deny admin firmware-commit", 0x10),
                             ("deny admin security-send", 0x81),
                             ("deny admin namespace-management", 0xd),
                             ("deny admin vendor", 0xc1), ("deny admin -", 0x14)):
            before = self.counted(rule)
            status = guest.do(guest.admin, opcode, guest.at(16))
            self.report.equal((status & 0xff, self.counted(rule) - before), (1, 1),
                              f"{rule}: denied, and counted")
        nvme.put(f"{TRACING}/events/parley/parley_policy_denied/enable", "0")
        self.report.result(re.search(r"parley_policy_denied: \S+ set=admin op=0x80 .*"
                                     r"verdict=deny status=0x4001 line=\d",
                                     nvme.get(f"{TRACING}/trace")), "format is in the trace")

    def chosen(self):
        """Another policy holds for who opens the device next."""
        address, files = self.mediated.address, f"{os.path.dirname(PARLEY)}/policies"
        with open(f"{files}/nvme.language", encoding="ascii") as f:
            words = "".join(line for line in f if not line.startswith("#")).strip()
        folder = f"{self.mediated.parent}/parley_policy"
        self.report.result(nvme.get(f"{folder}/language") == words,
                           "kernel and command speak one language")
        self.report.equal({oct(os.stat(f"{folder}/1{what}").st_mode & 0o777)
                           for what in ("", ".audit", ".error")}, {"0o600", "0o400"},
                          "policies are root's")
        with open("/tmp/bad.policy", "w", encoding="ascii") as f:
            f.write("language nvme\nallow admin format\nend\n")
        self.report.equal(self.policy("load", address, "1", "/tmp/bad.policy"),
                          "parley: /tmp/bad.policy: line 2: there is no way to allow that of "
                          "admin\n", "one that allows format is not loaded")
        self.refused("nor does the kernel take it", errno.EINVAL, nvme.put,
                     f"{self.mediated.parent}/parley_policy/1",
                     "language nvme\nallow admin format\nend\n")
        with contextlib.closing(vfio.Device(self.mediated.folder)) as device:
            guest = vfio.Controller(device).start()
            self.policy("load", address, "1", f"{files}/nvme-read-only.policy")
            status = guest.do(guest.io, *guest.transfer(guest.STORE, 0, guest.at(16)))
            self.report.equal(status, 0, "who has it open may still write")
        with contextlib.closing(vfio.Device(self.mediated.folder)) as device:
            guest = vfio.Controller(device).start()
            status = guest.do(guest.io, *guest.transfer(guest.STORE, 0, guest.at(16)))
            self.report.equal(status & 0xff, 0x20, "who opens it next finds it write-protected")
            self.report.equal(self.counted("deny io write scope=own status=write-protected"), 1,
                              "that is counted")
            self.report.equal((self.land_one(guest, guest.at(16)),
                               guest.do(guest.io, guest.FLUSH)), (0, 0), "it reads and flushes")
            status = guest.do(guest.admin, 6, guest.at(20), 0)
            self.report.equal(status & 0xff, 0xb, "there is no namespace 0")
        told = json.loads(self.policy("audit", address, "1", "--json"))
        with open(f"{files}/nvme-read-only.policy", encoding="ascii") as f:
            at = [n for n, line in enumerate(f, 1) if line.startswith("deny io write ")]
        self.report.equal([(e["count"], e["line"]) for e in told[0]["rules"]
                           if e["rule"].startswith("deny io write ")], [(1, at[0])],
                          "the command tells of it, with its line in the file")
        self.policy("load", address, "1", f"{files}/nvme-default.policy")
        self.report.equal(self.policy("show", address, "1").splitlines()[-1], "end",
                          "the default again")

    def rings(self, guest):
        """An eventfd writes a doorbell."""
        device, fd = guest.device, os.eventfd(0, os.EFD_NONBLOCK)
        at = guest.DOORBELL + 8 * guest.io.number
        number = guest.lay(guest.io, guest.FLUSH)
        device.ring_by(at, guest.io.tail, fd)
        os.eventfd_write(fd, 1)
        self.report.equal(guest.take(guest.io), (number, 0), "a doorbell written by an eventfd")
        for what, error, words in (
                ("a second one for it", errno.EEXIST, (at, guest.io.tail, fd)),
                ("one that is none", errno.EINVAL, (at, 77, device.fd)),
                ("one that is closed", errno.EBADF, (at, 77, 999)),
                ("for another register", errno.EINVAL, (guest.CC, 0, fd)),
                ("that is not there, taken away", errno.ENODEV, (at, 77, -1))):
            self.refused(f"{what}: refused", error, device.ring_by, *words)
        device.ring_by(at, guest.io.tail, -1)
        guest.lay(guest.io, guest.FLUSH)
        os.eventfd_write(fd, 1)
        guest.put(guest.io, guest.FLUSH)
        self.report.equal(self.land(guest, 2), {0}, "taken away, it writes nothing")
        # It is told already, and whoever listens to it would hear that.
        os.eventfd_read(fd)
        for value in range(1000):
            device.ring_by(at, value, fd)
        self.refused("one too many: refused", errno.ENOSPC, device.ring_by, at, 1000, fd)

    # What its user does

    def leaves_it(self):
        """Closed with commands under way, by a process that is killed."""
        for way in ("ended", "killed"):
            child = os.fork()
            if not child:
                with contextlib.suppress(LabError, OSError):
                    self.uses(way)
                os._exit(1)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            self.report.equal(code, {"ended": 0, "killed": -signal.SIGKILL}[way],
                              f"its user {way}, with commands under way")
            until("it is taken back", 60, lambda: self.mediated.state() == "off")

    def uses(self, way):
        """In a process of its own, to the end of that."""
        guest = vfio.Controller(vfio.Device(self.mediated.folder)).start()
        self.fly(guest, guest.at(16))
        if way == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)

    def alone(self):
        """Opened without its group."""
        device = vfio.Alone(self.mediated.folder)
        guest = self.works(device, self.interrupts(device))
        self.memory(guest)
        self.leaves(guest)
        device.close()
        self.report.equal(self.mediated.state(), "off", "closed, it is taken back")

    def polled(self):
        """Doorbells that are mapped, and are looked at."""
        device = Mapped(self.mediated.folder)
        flags = device.ask(vfio.REGION_INFO, "4I2Q", 32, 0, BAR, 0, 0, 0)[1]
        self.report.equal(flags & 0xc, 0xc, "polled: its registers can be mapped in part")
        data = bytearray(struct.pack("4I2Q", 64, 0, BAR, 0, 0, 0) + bytes(32))
        fcntl.ioctl(device.fd, vfio.REGION_INFO, data)
        kind, _, _, areas, _, at, size = struct.unpack_from("<2H3I2Q", data, 32)
        self.report.equal((kind, areas, at, size), (1, 1, BELLS, PAGE),
                          "polled: namely its doorbells")
        for what, size, at, flag in (("registers", PAGE, 0, mmap.MAP_SHARED),
                                     ("interrupts", PAGE, 2 * PAGE, mmap.MAP_SHARED),
                                     ("more than the doorbells", 2 * PAGE, BELLS,
                                      mmap.MAP_SHARED),
                                     ("a copy of them", PAGE, BELLS, mmap.MAP_PRIVATE)):
            self.refused(f"polled: {what}: not mapped", errno.EINVAL, functools.partial(
                mmap.mmap, device.fd, size, flag, offset=vfio.offset(BAR) + at))
        names = set()
        for path in glob.glob("/proc/[0-9]*/comm"):
            with contextlib.suppress(OSError):
                names.add(nvme.get(path))
        self.report.result(f"parley_nvme/{UUID.replace('-', '')[:20]}" in names,
                           "polled: the thread has the name of the device")
        guest = vfio.Controller(device).start()
        seen = set()
        for n in range(200):
            # It looks, it sleeps, or it is about to.
            time.sleep(random.choice((0, 0.0001, 0.001, 0.01)))
            seen.add(guest.do(guest.io, *guest.transfer(guest.LOAD, n * 8, guest.at(16))) & 0xff)
        self.report.equal(seen, {0}, "polled: nothing is lost")
        self.report.result(device.touched >= 400, "polled: by doorbells in memory", device.touched)
        self.fly(guest, guest.at(16))
        for at in range(0, PAGE, 4):
            device.write(BAR, BELLS + at, random.randbytes(4))
        guest.disable()
        guest.start()
        self.report.equal(self.land_one(guest, guest.at(16)), 0, "polled: after any writes there")
        device.close()
        self.report.equal(self.mediated.state(), "off", "polled: closed, it is taken back")

    def lazily(self, address):
        """A function whose IOMMU forgets late is not given to anybody."""
        group = f"{nvme.PCI}/devices/{address}/iommu_group/type"
        types = f"{nvme.PCI}/devices/{address}/mdev_supported_types"
        before = nvme.get(group)
        for kind, given in (("DMA-FQ", False), (before, True)):
            nvme.unbind(address)
            put(group, kind)
            nvme.bind("parley_nvme_vf", address)
            self.report.equal(os.path.exists(types), given, f"{kind}: whether it is given away")
        self.mediated = nvme.Mediated(address, UUID)
        # From strict to lazy it may go at any time.
        put(group, "DMA-FQ")
        self.refused("it is not opened any more", errno.EPERM, vfio.Device,
                     self.mediated.folder)
        self.mediated.remove()
        nvme.unbind(address)
        put(group, before)

    def is_asked_to(self, what, argv):
        """Somebody takes the device away, and waits until it is left."""
        device = vfio.Device(self.mediated.folder)
        guest = vfio.Controller(device).start()
        asked = os.eventfd(0, os.EFD_NONBLOCK)
        device.set_irqs(REQ, EVENTFD | TRIGGER, 0, 1, struct.pack("i", asked))
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as taking:
            self.report.result(select.select([asked], [], [], 30)[0], f"{what}: it is asked to")
            self.report.equal(taking.poll(), None, f"{what}: that is waited for")
            self.report.equal(self.land_one(guest, guest.at(16)), 0, f"{what}: it works on")
            self.fly(guest, guest.at(16))
            device.close()
            self.report.equal(taking.wait(60), 0, f"{what}: gone")


def main():
    """All of it, on one function."""
    report = Report()
    disk = nvme.Disk()
    address = disk.take()[0]
    tests = Tests(report, nvme.Mediated(address, UUID))
    try:
        tests.mediated = tenants.follow_each_other(report, address, tests.mediated)
        device = vfio.Device(tests.mediated.folder)
        report.equal(tests.mediated.state(), "live", "opened, it is handed out")
        tests.questions(device)
        tests.configuration(device)
        guest = tests.works(device, tests.interrupts(device))
        tests.memory(guest)
        tests.leaves(guest)
        tests.kept(guest)
        tests.limited(guest)
        tests.race(guest)
        tests.resets(guest)
        tests.forgets(guest)
        tests.faults(guest)
        tests.rings(guest)
        tests.denied(guest)
        device.close()
        report.equal(tests.mediated.state(), "off", "closed, it is taken back")
        tests.chosen()
        device = vfio.Device(tests.mediated.folder)
        tests.pin(device)
        device.close()
        tests.leaves_it()
        # Debian's kernels of 6.12 have no iommufd.
        if os.path.exists("/dev/iommu"):
            tests.alone()
        tests.is_asked_to("removed", tests.mediated.removing())
        tests.mediated = nvme.Mediated(address, UUID, "p")
        tests.polled()
        tests.is_asked_to("unbound", tests.mediated.unbinding())
        report.result(not os.path.exists(tests.mediated.folder), "the device went with it")
        tests.lazily(address)
        report.equal(disk.give_back(), disk.name, "the kernel's driver has the disk again")
    except (LabError, OSError) as error:
        report.result(False, "all of it", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
