# SPDX-License-Identifier: GPL-2.0-only
"""A mediated Bluetooth controller: BlueZ's emulator below, the kernel's own Bluetooth and
BlueZ's btmgmt above, and another controller of the emulator's to pair with. Then a program
that keeps no rules."""

import errno
import os
import select
import struct
import sys

from labkit.bluetooth import BREDR, LE, Emulator, Manager, Mediated, Relay, controllers, wait
from labkit.common import LabError
from labkit.report import Report

DISPLAY, YESNO, KEYBOARD, NOTHING = range(4)
KINDS = {BREDR: "BR/EDR", LE: "LE"}

# What, over what, what the guest can do, the other, its settings, who begins, goes well.
PAIRINGS = (
    ("numbers compared", BREDR, YESNO, YESNO, {}, True, True),
    ("numbers compared", BREDR, YESNO, YESNO, {}, False, True),
    ("numbers compared", LE, YESNO, YESNO, {}, True, True),
    ("numbers compared", LE, YESNO, YESNO, {}, False, True),
    ("Just Works, for want of anything here", BREDR, NOTHING, YESNO, {}, True, False),
    ("Just Works, for want of anything here", LE, NOTHING, YESNO, {}, True, False),
    ("Just Works, for want of anything there", BREDR, YESNO, NOTHING, {}, True, False),
    ("Just Works, for want of anything there", LE, YESNO, NOTHING, {}, True, False),
    ("Just Works, asked for by the other", BREDR, YESNO, NOTHING, {}, False, False),
    ("Just Works, asked for by the other", LE, YESNO, NOTHING, {}, False, False),
    ("no Secure Connections there", BREDR, YESNO, YESNO, {"sc": "off"}, True, False),
    ("no Secure Connections there", LE, YESNO, YESNO, {"sc": "off"}, True, False),
)


def pair(guest, other, row):
    """One pairing; whether it was made."""
    _, kind, here, there, settings, guest_begins, _ = row
    guest.prepare(here)
    other.prepare(there, **settings)
    first, second = (guest, other) if guest_begins else (other, guest)
    if kind == LE:
        second.set("advertising", "on")
    made = first.pair(second, kind, here if guest_begins else there)
    for one, another in ((guest, other), (other, guest)):
        one.forget(another)
        one.set("power", "off")
    return made


class Tests:
    """One emulator with two controllers, the first of which is mediated."""

    def __init__(self, report):
        self.report = report
        self.emulator = Emulator(2)
        self.lower, self.other_name = self.emulator.names
        self.other = Manager(self.other_name)

    def control(self):
        """Without anything in between, whatever is asked for is done."""
        guest = Manager(self.lower)
        for row in PAIRINGS:
            if not row[6] and row[5]:
                self.report.result(pair(guest, self.other, row),
                                   f"without it: {KINDS[row[1]]}, {row[0]}: paired")
        guest.prepare(YESNO)
        self.report.result(guest.set("power", "off") and guest.set("ssp", "off"),
                           "without it: simple pairing can be turned off")
        guest.set("ssp", "on")
        guest.set("power", "off")
        guest.stop()

    def mediated(self):
        """With the policy that there is at first."""
        mediated = Mediated(self.lower)
        relay = Relay(mediated.node)
        guest = Manager(relay.name)
        self.report.equal(mediated.read("state"), "open\n", "a guest has it")
        for row in PAIRINGS:
            begins = "the guest" if row[5] else "the other"
            self.report.equal(pair(guest, self.other, row), row[6],
                              f"{KINDS[row[1]]}, {row[0]}, {begins} begins: "
                              f"{'paired' if row[6] else 'refused'}")
        guest.prepare(YESNO)
        self.report.result(not guest.set("ssp", "off"), "simple pairing stays on")
        self.report.result(not guest.set("sc", "off"), "Secure Connections stay on")
        guest.set("power", "off")
        for rule in ("deny pairing just-works", "deny pairing p-192",
                     "deny pairing le-legacy", "allow pairing numeric-comparison"):
            self.report.result(mediated.held(rule) > 0, f"in the audit: {rule}",
                               mediated.held(rule))
        self.report.equal(mediated.read("counts").split()[1::2][:2], ["0", "0"],
                          "nothing was malformed")
        self.report.note(mediated.read("counts").replace("\n", ", "))
        guest.stop()
        relay.stop()
        return mediated

    def another_policy(self, mediated):
        """The same Just Works passes where a policy says so."""
        text = mediated.policy().replace("deny pairing just-works", "allow pairing just-works")
        mediated.policy(text)
        relay = Relay(mediated.node)
        guest = Manager(relay.name)
        for row in PAIRINGS[4:6]:
            self.report.result(pair(guest, self.other, row),
                               f"a policy permits it: {KINDS[row[1]]}, {row[0]}: paired")
        guest.stop()
        relay.stop()

    # A program that keeps no rules

    def fails(self, what, error, function, *arguments):
        """A test that a call fails with this error."""
        try:
            function(*arguments)
            self.report.result(False, what, "it did not fail")
        except OSError as failed:
            self.report.equal(errno.errorcode[failed.errno], errno.errorcode[error], what)

    def command(self, fd, opcode, parameters=b"", pieces=False):
        """(event, its parameters) that answers a command, written byte by byte or whole."""
        packet = struct.pack("<BHB", 1, opcode, len(parameters)) + parameters
        for piece in ([packet[i:i + 1] for i in range(len(packet))] if pieces else [packet]):
            os.write(fd, piece)
        while select.select([fd], [], [], 10)[0]:
            event = os.read(fd, 300)
            at = {0x0e: 4, 0x0f: 5}.get(event[1])
            if at and struct.unpack_from("<H", event, at)[0] == opcode:
                return event[1], event[3:]
        raise LabError(f"no answer to {opcode:x}")

    def hostile(self, mediated):
        """Nothing that it does reaches further than itself."""
        fd = os.open(mediated.node, os.O_RDWR)
        self.fails("one at a time has it", errno.EBUSY, os.open, mediated.node, os.O_RDWR)
        self.fails("nor is it removed under it", errno.EBUSY, mediated.ask, "remove")
        self.fails("nor has it twice", errno.EEXIST, mediated.ask, "add")
        real = Manager(self.lower)
        self.report.equal(real.command("info", r"addr|status 0x\w+")[0], "status 0x11",
                          "the kernel manages the real one no more")
        real.stop()
        self.report.equal(self.command(fd, 0x0c03, pieces=True)[1][3], 0,
                          "a reset, byte by byte, is done")
        self.report.equal(self.command(fd, 0xfc00, b"firmware"), (0x0f, b"\1\1\0\xfc"),
                          "a vendor's command is unknown")
        self.report.equal(self.command(fd, 0x1804, b"\1")[1][3], 0x0c, "debug mode is refused")
        pin = bytes(range(6)) + b"\4" + b"0000".ljust(16, b"\0")
        self.report.equal(self.command(fd, 0x040d, pin)[1][3:], b"\x18" + pin[:6],
                          "a PIN is refused, in the words of its own answer")
        self.report.equal(mediated.read("state"), "open\n", "and it is served")
        os.write(fd, b"\2\xff\x0f\xff\xff"[:4])
        self.fails("what cannot be a packet ends it", errno.EIO, os.write, fd, b"\xff")
        self.report.equal(mediated.read("state"), "broken\n", "it is not served any longer")
        self.fails("which it hears", errno.EIO, os.read, fd, 10)
        os.close(fd)
        fd = os.open(mediated.node, os.O_RDWR)
        self.report.equal(self.command(fd, 0x1009)[0], 0x0e, "whoever is next is served")
        # More than there is room for, and nobody reads it.
        for _ in range(256):
            os.write(fd, struct.pack("<BHB", 1, 0xfc00, 0))
        self.fails("who does not read is not served any longer", errno.EIO, os.write, fd,
                   struct.pack("<BHB", 1, 0xfc00, 0))
        self.report.equal(len(os.read(fd, 300)), 7, "what was there before, it has")
        os.close(fd)
        self.fails("no policy, no change", errno.EINVAL, mediated.policy,
                   "language hci\nallow vendor all\nend\n")

    def gone(self, mediated):
        """The real one goes while it is in use."""
        fd = os.open(mediated.node, os.O_RDWR)
        self.other.stop()
        self.emulator.stop()
        wait("it is lost", lambda: mediated.read("state") == "lost\n")
        self.report.result(select.select([fd], [], [], 10)[0], "who waits wakes up")
        self.fails("and hears of it", errno.ENODEV, os.read, fd, 10)
        os.close(fd)
        self.fails("nobody can have it any more", errno.ENODEV, os.open, mediated.node,
                   os.O_RDWR)
        mediated.ask("remove")
        self.report.result(not os.path.exists(mediated.node), "it is removed")
        self.report.equal(wait("all are gone", lambda: [] == controllers()), True,
                          "no controller is left")


def main():
    """All of it."""
    report = Report()
    try:
        tests = Tests(report)
        tests.control()
        mediated = tests.mediated()
        tests.another_policy(mediated)
        tests.hostile(mediated)
        tests.gone(mediated)
    except (LabError, OSError) as error:
        report.result(False, "all of it", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
