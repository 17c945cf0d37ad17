# SPDX-License-Identifier: GPL-2.0-only
"""An inner guest that leads the same life again and again, with and without each way of
saving exits, and what its host counts of it, by reason. The life is that of the module
parley_exits_load, whose head says of what it consists."""

import json
import os
import pathlib
import re

from . import disks
from .common import LabError
from .inner import Inner, shell

EVENTS = pathlib.Path("/sys/kernel/tracing/events/kvm")
RUN = "/sys/kernel/debug/parley_exits_load/run"
CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
# From the AMD manual.
REASONS = {0x78: "hlt", 0x7b: "ioio", 0x7c: "msr", 0x60: "intr", 0x64: "vintr",
           0x81: "vmmcall", 0x400: "npf", 0x72: "cpuid"}
# What is written to a processor's own timer and interrupt controller.
MSRS = {0x6e0: "deadline", 0x80b: "eoi", 0x830: "ipi"}
PORTS = {0x608: "pm timer"}
WRITES = {2: "notify"}   # to devices: the kernel's KVM_TRACE_MMIO_WRITE
HISTOGRAMS = {"kvm_exit": ("exit_reason", REASONS), "kvm_msr": ("ecx", MSRS),
              "kvm_pio": ("port", PORTS), "kvm_mmio": ("type", WRITES)}

# An exit takes the emulated host some hundred times what it takes hardware, so a
# millisecond of the guest's life lasts so many of its clock's.
SLOW = int(os.environ.get("SLOW", "1"))
PERIODS, READS, RANGES = 200, 64, 128       # of a round
SECTIONS, INSIDE, OUTSIDE = 40, 3000, 3000
TOLERANCE = 50          # milliseconds that a period may be served late
# The disk's calls are held back for so many requests, but no longer.
HELD, HELD_US = 32, 5000
# A plugged list of requests goes to the driver when one of them has 128 KiB; as each
# range is 4 KiB, requests are kept below that, and one notification is for all of them.
TRIM_MOST = 124 << 10
PLAIN, OURS = "09.0", "0a.0"
# Without a way of saving exits, and with it: what it is for.
WAYS = ("clock", "timers", "reads", "ranges", "locks")
OFF = {"clock": "acpi_pm", "timers": 0, "reads": (PLAIN, 1), "ranges": (PLAIN, 1),
       "locks": 0}
ON = {"clock": "kvm-clock", "timers": TOLERANCE, "reads": (OURS, READS),
      "ranges": (OURS, RANGES), "locks": 1}
# A life's parts, and what saves exits of each.
SAVES = {"timer": ("clock", "timers"), "reads": ("reads",), "ranges": ("ranges",),
         "sections": ("locks",)}
PARTS = tuple(SAVES)
PART = 2        # so much less of a part alone


class Plain(disks.Disk):
    """A disk that is notified of each request, and interrupts for each."""

    def arguments(self):
        found = super().arguments()
        return [*found[:-1], found[-1] + ",event_idx=off"]


class Host:
    """Counts the exits of some threads."""

    def __init__(self, threads):
        mine = " || ".join(f"common_pid == {thread}" for thread in threads)
        for event, (key, _) in HISTOGRAMS.items():
            (EVENTS / event / "trigger").write_text(f"hist:keys={key} if {mine}", "ascii")

    @staticmethod
    def counts():
        """{what: how often}."""
        found = {"exits": 0}
        for event, (key, names) in HISTOGRAMS.items():
            found |= dict.fromkeys(names.values(), 0)
            text = (EVENTS / event / "hist").read_text("ascii")
            for number, hits in re.findall(rf"{key}:\s*(\d+).*hitcount:\s*(\d+)", text):
                if event == "kvm_exit":
                    found["exits"] += int(hits)
                if int(number) in names:
                    found[names[int(number)]] += int(hits)
        return found


def lives(milliseconds):
    """((parts, ways) by name, how long, ways, parts) of each run: the whole with no way of
    saving exits, all ways and each way; then each part alone, and nothing at all. Alone,
    everything but the timer has the clock that costs nothing: what the kernel does for it
    reads one, too."""
    for name, ways in (("none", ()), ("all", WAYS), *((way, (way,)) for way in WAYS)):
        yield ("whole", name), milliseconds, ways, PARTS
    for part, saves in SAVES.items():
        clock = () if part == "timer" else ("clock",)
        found = {"none": (), **{way: (way,) for way in saves}}
        if len(saves) > 1:
            found["all"] = saves
        for name, ways in found.items():
            yield (part, name), milliseconds // PART, (*clock, *ways), (part,)
    # What a guest leaves for when it does nothing, as often as its clock goes.
    for name, ways in (("none", ()), ("clock", ("clock",))):
        yield ("nothing", name), milliseconds // PART, ways, ()


def image(path, megabytes):
    """A disk's memory: what is discarded of it is given back. All of it is there."""
    with open(path, "wb") as handle:
        for _ in range(megabytes):
            handle.write(b"\xa5" * disks.MIB)
    return path


def blocks(path):
    """What a file takes, in bytes."""
    return os.stat(path).st_blocks * 512


class Guest(Inner):
    """The guest, with a disk for each way of doing I/O."""

    def __init__(self, report, megabytes=128):
        self.servers, found = [], []
        for address, kind in ((PLAIN, Plain), (OURS, disks.Disk)):
            server = disks.server("bridge", f"exits-{address}")
            disk = kind(image(f"/tmp/exits-{address}", megabytes), address, server=server)
            server.disks.append(disk)
            self.servers.append(server.start())
            found.append(disk)
        super().__init__(report, "guest", found, mem=256, smp=2,
                         append="nopvspin clocksource=kvm-clock")
        self.names, self.cpu, self.host = {}, 0, None

    def prepare(self):
        """Its modules and disks; the host counts from now on."""
        self.boot()
        self.run(f"insert_ours && ours {PLAIN} {OURS}")
        self.run("mount -t debugfs none /sys/kernel/debug")
        for address in (PLAIN, OURS):
            self.names[address] = self.run(f"wait_for 20 disk {address}; disk {address}")
            queue = f"/sys/block/{self.names[address]}/queue"
            self.run(f"echo none >{queue}/scheduler; "
                     f"echo {TRIM_MOST} >{queue}/discard_max_bytes")
        moderate(self.servers[1])
        self.host = Host(cpu["thread-id"] for cpu in self.qmp("query-cpus-fast"))
        # Pages that it never had are exits as well.
        for ways in (WAYS, ()):
            self.live(PERIODS, ways)
        return self

    def interrupts(self):
        """{disk: how often it interrupted}."""
        found = {}
        for line in self.run("cat /proc/interrupts").splitlines():
            for address in (PLAIN, OURS):
                if f"0000:00:{address}" in line and "req" in line:
                    found[address] = sum(map(int, re.findall(r" (\d+)(?= )", line)[:2]))
        return found

    def live(self, milliseconds, ways, parts=PARTS):
        """So much of its life, with these ways of saving exits, of these parts; {what:
        figure}."""
        if not parts:
            return self.rest(milliseconds, ways)
        how = {way: (ON if way in ways else OFF)[way] for way in WAYS}
        words = {"rounds": milliseconds // PERIODS, "cpu": self.cpu, "pv": how["locks"],
                 "period": 1000 * SLOW, "tolerance": 1000 * SLOW * how["timers"],
                 "inside": INSIDE, "outside": OUTSIDE}
        if "timer" in parts:
            words["periods"] = PERIODS
        if "reads" in parts:
            address, words["depth"] = how["reads"]
            words |= {"reads": READS, "reader": f"/dev/{self.names[address]}"}
        if "ranges" in parts:
            address, words["batch"] = how["ranges"]
            words |= {"ranges": RANGES, "trimmer": f"/dev/{self.names[address]}"}
        if "sections" in parts:
            words["sections"] = SECTIONS
        self.run(f"echo {how['clock']} >{CLOCK}")
        told = " ".join(f"{key}={value}" for key, value in words.items())
        row = self.counted(f'echo "{told}" >{RUN}')
        said = self.run(f"cat {RUN}")
        return row | {f"did {key}": int(n) for key, n in re.findall(r"(\w+)=(-?\d+)", said)}

    def rest(self, milliseconds, ways):
        """The same of a life in which nothing is done."""
        self.run(f"echo {(ON if 'clock' in ways else OFF)['clock']} >{CLOCK}")
        took = milliseconds * 1000 * SLOW
        return self.counted(f"usleep {took}") | {"did took": took * 1000, "did latest": 0,
                                                 "did err": 0}

    def counted(self, command):
        """Exits by reason, and the disks' interrupts, while it runs a command."""
        calls, before = self.interrupts(), self.host.counts()
        self.run(command, 400)
        row = {what: n - before[what] for what, n in self.host.counts().items()}
        row["interrupts"] = sum(self.interrupts().values()) - sum(calls.values())
        return row

    def finish(self):
        """Power it off; returns what QEMU and the bridges end with."""
        return [self.off(), *(server.stop() for server in self.servers)]


def moderate(server):
    """Have the host hold back the interrupts of this bridge's disk."""
    command = os.path.join(os.environ["LAB_ROOT"], "tools/parley/parley")
    mine = [device["device"] for device in json.loads(shell(command, "status", "--json"))
            if device.get("owner_pid") in server.pids()]
    if len(mine) != 1:
        raise LabError(f"devices of {server.pids()}: {mine}")
    shell(command, "moderation", str(mine[0]), "--requests", str(HELD), "--us",
          str(HELD_US))
