# SPDX-License-Identifier: GPL-2.0-only
"""Bluetooth without radio: controllers of BlueZ's emulator, the one that stands between,
and BlueZ's program that pairs them. For programs that run in a guest."""

import contextlib
import errno
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import threading
import time

from .common import LabError

CLASS = pathlib.Path("/sys/class/parley_hci")
BLUETOOTH = pathlib.Path("/sys/class/bluetooth")
FRAME = 2048
BREDR, LE = 0, 1
ENDS = r"Paired with|Pairing with .* failed|Pairing failed|Already Paired"


def program(name):
    """One of BlueZ's, which is not installed."""
    return os.path.join(os.environ["LAB_PACKAGES"], "usr/bin", name)


def controllers():
    """Those that the kernel has."""
    return sorted(path.name for path in BLUETOOTH.glob("hci*") if ":" not in path.name)


def wait(what, function, seconds=20):
    """Until @function returns something; returns that."""
    end = time.monotonic() + seconds
    while not (found := function()):
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {seconds} s")
        time.sleep(0.05)
    return found


class Emulator:
    """BlueZ's: controllers that hear each other."""

    def __init__(self, number):
        had = controllers()
        self.process = subprocess.Popen([program("btvirt"), f"-l{number}"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.names = wait("btvirt makes controllers",
                          lambda: len(controllers()) == len(had) + number and
                          [n for n in controllers() if n not in had])

    def stop(self):
        """Its controllers go with it."""
        self.process.kill()
        self.process.wait()


class Mediated:
    """What stands above a controller of the kernel's."""

    def __init__(self, lower):
        self.lower = lower

        def add():
            try:
                self.ask("add")
                return True
            except OSError as error:
                # The kernel looks at a new controller first, and lets it go then.
                if error.errno != errno.EBUSY:
                    raise
                return False
        wait(f"{lower} is free", add)
        self.name = f"parley_{lower}"
        self.node = f"/dev/{self.name}"
        wait(f"{self.node} is there", lambda: os.path.exists(self.node))

    def ask(self, what):
        """Write its name into a file of the class."""
        (CLASS / what).write_text(self.lower, encoding="ascii")

    def read(self, file):
        """A file of its own."""
        return (CLASS / self.name / file).read_text(encoding="ascii")

    def policy(self, text=None):
        """The policy of those that come next."""
        path = CLASS / self.name / "parley_policy" / "hci"
        if text is not None:
            path.write_text(text, encoding="ascii")
        return path.read_text(encoding="ascii")

    def held(self, rule):
        """How often a rule of the policy that is used held."""
        for line in self.read("parley_policy/hci.audit").splitlines():
            if line.endswith(rule):
                return int(line.split()[0])
        raise LabError(f"the audit has no rule {rule!r}")


class Relay:
    """Gives a mediated controller to the kernel's own Bluetooth, as a guest's: packets
    from the one node to the other, whole."""

    def __init__(self, node):
        self.fd = os.open(node, os.O_RDWR)
        self.guest = os.open("/dev/vhci", os.O_RDWR)
        os.write(self.guest, b"\xff\x00")
        # The answer says which one it is; its first commands may be there before.
        while (packet := os.read(self.guest, FRAME))[0] != 0xff:
            os.write(self.fd, packet)
        self.name = f"hci{struct.unpack('<BBH', packet)[2]}"
        self.stopped, self.stopping = os.pipe()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            ready = select.select([self.fd, self.guest, self.stopped], [], [])[0]
            if self.stopped in ready:
                return
            with contextlib.suppress(OSError):
                for one, other in ((self.fd, self.guest), (self.guest, self.fd)):
                    if one in ready:
                        os.write(other, os.read(one, FRAME))

    def stop(self):
        """Both are closed."""
        os.write(self.stopping, b".")
        self.thread.join()
        for fd in (self.fd, self.guest, self.stopped, self.stopping):
            os.close(fd)


class Manager:
    """BlueZ's btmgmt, for one controller, at a terminal: who types there says yes."""

    def __init__(self, name):
        self.name = name
        self.text = ""
        self.said = 0       # of the text, what was answered
        master, slave = pty.openpty()
        self.fd = master
        self.process = subprocess.Popen([program("btmgmt"), "--index", name[3:]],
                                        stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True)
        os.close(slave)

    def listen(self, seconds=0.0):
        """Take what was printed, and say yes if that is asked."""
        while select.select([self.fd], [], [], seconds)[0]:
            self.text += os.read(self.fd, FRAME).decode(errors="replace")
            seconds = 0
        at = self.text.rfind("(yes/no)")
        if at >= self.said:
            self.said = at + 1
            os.write(self.fd, b"yes\n")

    def command(self, line, until, seconds=20, others=()):
        """Type a line; returns the match of @until in what is printed then."""
        start = len(self.text)
        os.write(self.fd, line.encode() + b"\n")
        end = time.monotonic() + seconds
        while True:
            self.listen(0.05)
            for other in others:
                other.listen()
            # What is typed is printed as well.
            found = re.search(until, self.text[start + len(line):])
            if found:
                return found
            if time.monotonic() > end:
                raise LabError(f"{self.name}: {line}: no answer: {self.text[start:][-600:]!r}")

    def set(self, what, value):
        """A setting; returns whether it was done."""
        found = self.command(f"{what} {value}", r"complete, settings: .*|failed with status")
        return not found[0].startswith("failed")

    def address(self):
        """Of the controller."""
        return self.command("info", r"addr ([0-9A-F:]{17})")[1]

    def prepare(self, io, **settings):
        """Powered, with these: the rest as it is best."""
        table = {"power": "off", "le": "on", "bredr": "on", "ssp": "on", "sc": "on",
                 "bondable": "on", "connectable": "on", "advertising": "off"} | settings
        for what, value in table.items():
            if not self.set(what, value):
                raise LabError(f"{self.name}: {what} cannot be {value}")
        self.command(f"io-cap {io}", r"IO Capabilities successfully set")
        # On a slow machine a controller may answer after the kernel's two seconds.
        if not self.set("power", "on") and not self.set("power", "on"):
            raise LabError(f"{self.name} cannot be powered: {self.text[-200:]!r}")

    def pair(self, other, kind, io, seconds=40):
        """With what another Manager has; returns whether that was done."""
        address = other.address()
        found = self.command(f"pair -c {io} -t {kind} {address}", ENDS, seconds, [other])
        return found[0].startswith("Paired")

    def forget(self, other):
        """The links end, and the keys: of one kind, those of the other may be made."""
        address = other.address()
        for kind in (BREDR, LE):
            self.command(f"disconnect -t {kind} {address}", r"isconnect(ed|ing| failed)")
            self.command(f"unpair -t {kind} {address}", r"npair(ed|ing| device)")

    def stop(self):
        """Nobody sits there any more."""
        self.process.kill()
        self.process.wait()
        os.close(self.fd)
