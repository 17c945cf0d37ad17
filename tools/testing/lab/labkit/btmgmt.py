# SPDX-License-Identifier: GPL-2.0-only
"""BlueZ's btmgmt at a terminal, and who sits there. For programs that run in a guest."""

import os
import pty
import re
import select
import subprocess
import time

from .bluetooth import FRAME, links, program, wait
from .common import LabError

BREDR, LE = 0, 1
DISPLAY, YESNO, KEYBOARD, NOTHING = range(4)
PIN = "0000"

# As btmgmt prints what it asks for, what it shows, and what became of a command.
ASKED = re.compile(r"User Confirm \d{6} hint|request PIN|Passkey Request")
SHOWN = re.compile(r"Passkey Notify: (\d{6})")
ENDED = r"(?:Paired with|Pairing with \S+ \(.*\) failed|Pairing failed)[^\r\n]*[\r\n]"
DONE = r"complete, settings: ([^\r\n]*)[\r\n]|for hci\d+ failed with status"
INFO = r"(?s:addr ([0-9A-F:]{17}).*?current settings: ([^\r\n]*)[\r\n])|info failed"

# Settings and what they are called in the list of those that are on. Each can be turned on
# when those before it are, and off when those behind it are.
SETTINGS = {"le": "le", "bredr": "br/edr", "ssp": "ssp", "sc": "secure-conn",
            "debug-keys": "debug-keys", "connectable": "connectable", "bondable": "bondable",
            "advertising": "advertising"}
BEST = dict.fromkeys(SETTINGS, "on") | {"debug-keys": "off", "advertising": "off"}


class Manager:
    """One for one controller. He says yes, and types what is asked for, as soon as he can
    see it somewhere."""

    def __init__(self, name):
        self.name = name
        self.text = ""
        self.answered = 0   # so much of the text
        self.on = set()     # settings
        self.io = None
        self.address = None
        self.fd, slave = pty.openpty()
        self.process = subprocess.Popen([program("btmgmt"), "--index", name[3:]],
                                        stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True,
                                        env=os.environ | {"TERM": "dumb"})
        os.close(slave)

    def listen(self):
        """Take what was printed."""
        while select.select([self.fd], [], [], 0)[0]:
            self.text += os.read(self.fd, FRAME).decode(errors="replace")

    def answer(self, everyone):
        """Type what is asked for, if anybody's screen has it by now."""
        asked = ASKED.findall(self.text, self.answered)
        if not asked:
            return
        words = PIN if "PIN" in asked[-1] else "yes"
        if "Passkey" in asked[-1]:
            shown = [number for one in everyone
                     for number in SHOWN.findall(one.text, one.answered)]
            if not shown:
                return
            words = shown[-1]
        self.answered = len(self.text)
        os.write(self.fd, f"{words}\n".encode())

    def command(self, line, until, seconds=30, others=()):
        """Type a line; returns the match of @until in what is printed then."""
        everyone = (self, *others)
        self.listen()
        start = len(self.text)
        os.write(self.fd, line.encode() + b"\n")
        end = time.monotonic() + seconds
        while True:
            select.select([one.fd for one in everyone], [], [], 0.1)
            for one in everyone:
                one.listen()
                one.answer(everyone)
            # What is typed is printed as well.
            found = re.search(until, self.text[start + len(line):])
            if found:
                return found
            if time.monotonic() > end:
                raise LabError(f"{self.name}: {line}: no answer: {self.text[start:][-600:]!r}")

    def known(self):
        """Whether the kernel manages the controller; then its address is known."""
        found = self.command("info", INFO)
        if not found[1]:
            return False
        self.address, settings = found.groups()
        self.on = set(settings.split())
        return True

    def meet(self):
        """Wait until it is managed; returns the manager."""
        wait(f"{self.name} is managed", self.known)
        return self

    def set(self, what, value):
        """A setting; returns whether it was done."""
        found = self.command(f"{what} {value}", DONE)
        if found[1] is None:
            return False
        self.on = set(found[1].split())
        return True

    def turn(self, wanted, value):
        """Of these settings, those that shall be @value and are not."""
        for what in SETTINGS if value == "on" else reversed(SETTINGS):
            if wanted[what] != value or (SETTINGS[what] in self.on) == (value == "on"):
                continue
            if not self.set(what, value):
                raise LabError(f"{self.name}: {what} cannot be {value}: {self.text[-200:]!r}")

    def prepare(self, io, **settings):
        """Powered, with these: the rest as it is best."""
        wanted = BEST | {what.replace("_", "-"): value for what, value in settings.items()}
        self.turn(wanted, "off")
        self.turn(wanted, "on")
        if self.io != io:
            self.command(f"io-cap {io}", r"IO Capabilities successfully set")
            self.io = io
        # On a slow machine a controller may answer after the kernel's two seconds.
        if "powered" not in self.on and not self.set("power", "on") and \
           not self.set("power", "on"):
            raise LabError(f"{self.name} cannot be powered: {self.text[-200:]!r}")
        # The controller hears of this one only when it is powered.
        if wanted["debug-keys"] == "2":
            self.set("debug-keys", 2)

    def pair(self, other, kind, io, seconds=60):
        """With what another one has; returns what became of it, in btmgmt's words."""
        for one in (self, other):
            one.listen()
            one.answered = len(one.text)
        return self.command(f"pair -c {io} -t {kind} {other.address}", ENDED, seconds,
                            [other])[0]

    def forget(self, other, kind):
        """The link ends, and the keys: of one kind, those of the other may be made."""
        self.command(f"disconnect -t {kind} {other.address}", 
                     r" disconnected[\r\n]|Disconnect(?:ing \S+)? failed")
        for one, another in ((self, other), (other, self)):
            for each in (BREDR, LE):
                one.command(f"unpair -t {each} {another.address}",
                            r" unpaired[\r\n]|Unpair(?:ing \S+| device) failed")
        wait("the link is gone", lambda: not links())

    def stop(self):
        """Nobody sits there any more."""
        self.process.kill()
        self.process.wait()
        os.close(self.fd)
