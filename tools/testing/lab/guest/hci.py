# SPDX-License-Identifier: GPL-2.0-only
"""A mediated Bluetooth controller: BlueZ's emulator below, the kernel's own Bluetooth and
BlueZ's btmgmt above, and another controller of the emulator's to pair with. Then a program
that keeps no rules.

A controller of the emulator's remembers what was said in a pairing over BR/EDR and who
began it, also when it is reset. So each has only one of those, unless it begins them all.
Nor does it advertise a second time, once that was ended.
"""

import contextlib
import dataclasses
import errno
import os
import pathlib
import re
import select
import struct
import sys
import time

from labkit.bluetooth import Emulator, Mediated, Relay, controllers, wait
from labkit.btmgmt import BREDR, DISPLAY, KEYBOARD, LE, NOTHING, YESNO, Manager
from labkit.common import LabError
from labkit.report import Report

LONG = bool(os.environ.get("LONG"))
TRACING = pathlib.Path("/sys/kernel/tracing")
DENIED = TRACING / "events/parley/parley_policy_denied/enable"
DEBUGFS = pathlib.Path("/sys/kernel/debug/bluetooth")
KINDS = {BREDR: "BR/EDR", LE: "LE"}

# Denials: the rule, and which operation the trace has.
JUST_WORKS = ("deny pairing just-works", "set=pairing op=0x0")
P192 = ("deny pairing p-192", "set=pairing op=0x4")
LEGACY = ("deny pairing le-legacy", "set=pairing op=0x5")
SHORT_KEY = ("deny pairing short-key", "set=pairing op=0x6")
DEBUG_KEY = ("deny pairing debug-key", "set=pairing op=0x7")
A_PIN = ("deny link-control pin-code-request-reply", "set=link-control op=0xd")
SSP_OFF = ("deny baseband write-simple-pairing-mode mode=off", "set=baseband op=0x56")
SC_OFF = ("deny baseband write-secure-connections-host-support mode=off",
          "set=baseband op=0x7a")
DEBUG_MODE = ("deny testing write-simple-pairing-debug-mode mode=on", "set=testing op=0x4")


@dataclasses.dataclass
class Pairing:
    """What the two can do, and by what it is denied, if it is."""

    what: str
    kind: int
    here: int = YESNO
    there: int = YESNO
    denied: tuple = ()
    guest_begins: bool = True
    settings: dict = dataclasses.field(default_factory=dict)        # the other's
    own: dict = dataclasses.field(default_factory=dict)             # the guest's
    key: int = 16               # bytes, at most, of the other's
    long: bool = False          # only where there is time

    @property
    def name(self):
        """In a report."""
        begins = "the guest" if self.guest_begins else "the other"
        return f"{KINDS[self.kind]}, {self.what}, {begins} begins"


PAIRINGS = (
    Pairing("numbers compared", BREDR),
    Pairing("numbers compared", LE),
    Pairing("numbers compared", BREDR, guest_begins=False, long=True),
    Pairing("numbers compared", LE, guest_begins=False, long=True),
    Pairing("a number typed here", LE, KEYBOARD, DISPLAY),
    Pairing("a number typed there", LE, DISPLAY, KEYBOARD, long=True),
    Pairing("Just Works, for want of anything here", BREDR, NOTHING, YESNO, JUST_WORKS,
            long=True),
    Pairing("Just Works, for want of anything here", LE, NOTHING, YESNO, JUST_WORKS,
            long=True),
    Pairing("Just Works, for want of anything there", BREDR, YESNO, NOTHING, JUST_WORKS),
    Pairing("Just Works, for want of anything there", LE, YESNO, NOTHING, JUST_WORKS),
    Pairing("Just Works", BREDR, YESNO, NOTHING, JUST_WORKS, guest_begins=False, long=True),
    Pairing("Just Works", LE, YESNO, NOTHING, JUST_WORKS, guest_begins=False),
    Pairing("a PIN", BREDR, denied=A_PIN, settings={"ssp": "off", "sc": "off"}),
    Pairing("no Secure Connections there", BREDR, denied=P192, settings={"sc": "off"}),
    # Linux itself refuses one that both could have compared, and short keys unless one of
    # the two has nothing to compare with.
    Pairing("no Secure Connections there", LE, KEYBOARD, DISPLAY, LEGACY,
            settings={"sc": "off"}),
    Pairing("the debug key there", LE, denied=DEBUG_KEY, settings={"debug_keys": "2"}),
    Pairing("the debug key here", LE, denied=DEBUG_KEY, own={"debug_keys": "2"}, long=True),
    Pairing("a short key there", LE, YESNO, NOTHING, SHORT_KEY, key=7),
)


def chosen(rows):
    """Those for which there is time, so that each advertises once: last, and the other
    before the guest."""
    return sorted((row for row in rows if LONG or not row.long),
                  key=lambda row: (row.kind, row.kind == LE and not row.guest_begins))


def pair(guest, other, row):
    """One pairing; whether it was made, and what btmgmt said."""
    first, second = (guest, other) if row.guest_begins else (other, guest)
    listens = {"advertising": "on" if row.kind == LE else "off"}
    guest.prepare(row.here, **row.own, **(listens if second is guest else {}))
    other.prepare(row.there, **row.settings, **(listens if second is other else {}))
    (DEBUGFS / other.name / "max_key_size").write_text(str(row.key), encoding="ascii")
    said = first.pair(second, row.kind, row.here if row.guest_begins else row.there)
    first.forget(second, row.kind)
    return said.startswith("Paired"), said


class Room:
    """An emulator, and who sits at its controllers: new ones for each pairing over BR/EDR
    but for whoever begins it, and the same two for all others."""

    def __init__(self, rows):
        bredr = [row for row in rows if row.kind == BREDR]
        here = sum(not row.guest_begins for row in bredr)
        # One more than those: another_policy() has it.
        self.emulator = Emulator(3 + here + sum(row.guest_begins for row in bredr))
        self.guest = self.new_guest()
        self.other = Manager(self.emulator.take()).meet()

    def new_guest(self):
        """One more."""
        return Manager(self.emulator.take()).meet()

    def two(self, row):
        """The guest and the other for a pairing."""
        guest, other = self.guest, self.other
        if row.kind == BREDR and row.guest_begins:
            other = Manager(self.emulator.take()).meet()
        elif row.kind == BREDR:
            guest = self.new_guest()
        return guest, other

    def leave(self, *those):
        """Managers who were there for one pairing."""
        for one in those:
            if one not in (self.guest, self.other):
                one.set("power", "off")
                one.stop()

    def pair(self, row):
        """One pairing; whether it was made, and what btmgmt said."""
        guest, other = self.two(row)
        result = pair(guest, other, row)
        self.leave(guest, other)
        return result

    def stop(self):
        """All go."""
        self.guest.stop()
        self.other.stop()
        self.emulator.stop()
        wait("all are gone", lambda: not controllers())


class Guest(Manager):
    """One at a controller above the mediated one; he gives it back when he goes."""

    def __init__(self, mediated):
        self.mediated = mediated
        self.relay = Relay(mediated.node)
        super().__init__(self.relay.name)

    def stop(self):
        super().stop()
        if failed := self.relay.stop():
            raise LabError(f"{self.mediated.name}: nothing passed any more: {failed}")


class MediatedRoom(Room):
    """The same, with the filter between."""

    def new_guest(self):
        return Guest(Mediated(self.emulator.take())).meet()


class Tests:
    """All of it."""

    def __init__(self, report):
        self.report = report
        self.began = time.monotonic()

    def section(self, what):
        """For whoever wonders where the time goes."""
        self.report.note(f"{time.monotonic() - self.began:.1f} s: {what}")

    def control(self):
        """Without anything in between, whatever is asked for is done."""
        rows = [row for row in chosen(PAIRINGS) if row.denied]
        if not LONG:
            rows = [row for row in rows
                    if row.guest_begins and row.denied in (JUST_WORKS, A_PIN)]
        room = Room(rows)
        for row in rows:
            made, said = room.pair(row)
            self.report.result(made, f"without it: {row.name}: paired", said)
        room.stop()

    def denial(self, mediated, denied, function, *arguments):
        """That is denied by then, and in the audit and in the trace; what it returned."""
        rule, operation = denied
        before = mediated.held(rule)[0]
        (TRACING / "trace").write_text("", encoding="ascii")
        DENIED.write_text("1", encoding="ascii")
        result = function(*arguments)
        # Some of what btmgmt asks for the kernel does not wait for.
        with contextlib.suppress(LabError):
            wait("it is denied", lambda: mediated.held(rule)[0] > before, 5)
        DENIED.write_text("0", encoding="ascii")
        count, line = mediated.held(rule)
        trace = (TRACING / "trace").read_text(encoding="ascii", errors="replace")
        seen = re.search(rf"parley_policy_denied: {mediated.name} {operation} .*"
                         rf"verdict=deny .*line={line}\n", trace)
        self.report.result(count > before and seen, f"in the audit and the trace: {rule}",
                           f"{before} before, {count} now, in the trace: {bool(seen)}")
        return result

    def mediated(self):
        """With the policy that there is at first."""
        room = MediatedRoom(chosen(PAIRINGS))
        self.report.equal(room.guest.mediated.read("state"), "open\n", "a guest has it")
        for row in chosen(PAIRINGS):
            guest, other = room.two(row)
            if row.denied:
                made, said = self.denial(guest.mediated, row.denied, pair, guest, other, row)
                self.report.result(not made, f"{row.name}: refused", said)
            else:
                made, said = pair(guest, other, row)
                self.report.result(made, f"{row.name}: paired", said)
            room.leave(guest, other)
        guest = room.guest
        guest.prepare(YESNO)
        self.denial(guest.mediated, DEBUG_MODE, guest.set, "debug-keys", 2)
        self.report.equal(guest.mediated.read("counts").split()[1::2][:2], ["0", "0"],
                          "nothing was malformed")
        self.report.note(guest.mediated.read("counts").replace("\n", ", "))
        guest.stop()
        return room

    def another_policy(self, room):
        """The same Just Works passes where a policy says so."""
        mediated = room.guest.mediated
        text = mediated.policy().replace("deny pairing just-works", "allow pairing just-works")
        mediated.policy(text)
        room.guest = Guest(mediated).meet()
        other = Manager(room.emulator.take()).meet()
        row = Pairing("Just Works", LE, YESNO, NOTHING)
        made, said = pair(room.guest, other, row)
        self.report.result(made, f"a policy permits it: {row.name}: paired", said)
        other.stop()
        room.guest.stop()
        return mediated

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
        real = Manager(mediated.lower)
        self.report.result(not real.known(), "the kernel manages the real one no more")
        real.stop()
        self.report.equal(self.command(fd, 0x0c03, pieces=True)[1][3], 0,
                          "a reset, byte by byte, is done")
        self.report.equal(self.command(fd, 0xfc00, b"firmware"), (0x0f, b"\1\1\0\xfc"),
                          "a vendor's command is unknown")
        # The kernel never turns off what is on, so btmgmt cannot.
        for what, denied, opcode, value in (("Simple Pairing stays on", SSP_OFF, 0x0c56, b"\0"),
                                            ("Secure Connections do", SC_OFF, 0x0c7a, b"\0"),
                                            ("debug mode is off", DEBUG_MODE, 0x1804, b"\1")):
            answer = self.denial(mediated, denied, self.command, fd, opcode, value)
            self.report.equal(answer[1][3], 0x0c, what)
        pin = bytes(range(6)) + b"\4" + b"0000".ljust(16, b"\0")
        self.report.equal(self.command(fd, 0x040d, pin)[1][3:], b"\x18" + pin[:6],
                          "a PIN is refused, in the words of its own answer")
        self.report.equal(mediated.read("state"), "open\n", "and it is served")
        os.write(fd, b"\2\xff\x0f\xff")
        self.fails("what cannot be a packet ends it", errno.EIO, os.write, fd, b"\xff")
        self.report.equal(mediated.read("state"), "broken\n", "it is not served any longer")
        self.fails("which it hears", errno.EIO, os.read, fd, 10)
        os.close(fd)
        fd = os.open(mediated.node, os.O_RDWR)
        self.report.equal(self.command(fd, 0x1009)[0], 0x0e, "whoever is next is served")
        # One more than there is room for, and nobody reads it: of that, bytes are taken.
        for _ in range(257):
            os.write(fd, struct.pack("<BHB", 1, 0xfc00, 0))
        self.fails("who does not read is not served any longer", errno.EIO, os.write, fd,
                   struct.pack("<BHB", 1, 0xfc00, 0))
        self.report.equal(len(os.read(fd, 300)), 7, "what was there before, it has")
        os.close(fd)
        self.fails("what must never be is no policy", errno.EINVAL, mediated.policy,
                   "language hci\nallow vendor all\nend\n")

    def gone(self, mediated, room):
        """The real one goes while it is in use."""
        fd = os.open(mediated.node, os.O_RDWR)
        room.other.stop()
        room.emulator.stop()
        wait("it is lost", lambda: mediated.read("state") == "lost\n")
        self.report.result(select.select([fd], [], [], 10)[0], "who waits wakes up")
        self.fails("and hears of it", errno.ENODEV, os.read, fd, 10)
        os.close(fd)
        self.fails("nobody can have it any more", errno.ENODEV, os.open, mediated.node,
                   os.O_RDWR)
        mediated.ask("remove")
        self.report.result(not os.path.exists(mediated.node), "it is removed")
        wait("all are gone", lambda: not controllers())

    def run(self):
        """One after the other."""
        for part in (self.control, self.mediated):
            self.section(part.__name__)
            room = part()
        self.section("another policy")
        mediated = self.another_policy(room)
        self.section("a program that keeps no rules")
        self.hostile(mediated)
        self.gone(mediated, room)
        self.section("the end")


def main():
    """All of it."""
    report = Report()
    try:
        Tests(report).run()
    except (LabError, OSError) as error:
        report.result(False, "all of it", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
