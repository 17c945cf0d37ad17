# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: one inner guest and then four, each under constant
load with a limited disk of ours, and what that disk's counters say it achieved.

Prints one line "# row {...}" for each figure; host.py makes a table of them.
"""

import json
import os
import sys
import time

from labkit import disks
from labkit.common import LabError
from labkit.inner import Inner, shell
from labkit.report import Report

sys.path.append(os.path.join(os.environ["LAB_ROOT"], "tools/parley"))
# pylint: disable=wrong-import-position
from parleylib import cli, netlink

GUESTS = 4
SLOT = "09.0"
BLOCK = 4096
FRAMING = 16 + 1        # header and status of a request, which no limit counts
DEPTH = 8
WINDOWS, WINDOW = 3, 12     # how many, and seconds of each
SETTLE = 4              # seconds until a burst of half a second's is used up
SHARE = 5               # the highest rate asked is this part of the capacity
FOREVER = 10 ** 12      # requests


class Tenant:
    """An inner guest, its bridge, and the device of ours behind its disk."""

    def __init__(self, report, number):
        self.number = number
        self.server = disks.server("bridge", f"tenant{number}")
        disk = self.server.disk(f"/dev/nullb{number}", SLOT, packed=True)
        self.server.start()
        self.guest = Inner(report, f"guest {number}", [disk], mem=192,
                           smp=1).boot()
        self.guest.run(f"insert_ours && ours {SLOT}")
        self.name = self.guest.run(f"wait_for 20 disk {SLOT}; disk {SLOT}", 60)
        self.guest.run(f"cd /sys/block/{self.name}/queue; echo none >scheduler; "
                       "echo 2 >nomerges")
        self.device = None

    def load(self, family):
        """Constant reads from now on; finds out which device they reach."""
        self.guest.run(f"keep load /bin/io /dev/{self.name} read {DEPTH} {FOREVER}")
        mine = [d["id"] for d in family.dump("dev-get")
                if d["owner-pid"] in self.server.pids()]
        if len(mine) != 1:
            raise LabError(f"guest {self.number}: devices {mine}")
        self.device = mine[0]

    def limit(self, *arguments):
        """What a person would type: parley limit DEVICE ..."""
        words = ["limit", str(self.device), *(str(a) for a in arguments)]
        if cli.main(words):
            raise LabError("parley " + " ".join(words))

    def count(self, family):
        """The counters of the only queue, and when that was."""
        before = time.monotonic()
        stats = family.get("queue-get", dev_id=self.device, index=0)["stats"]
        moved = stats["bytes-read"] + stats["bytes-written"]
        return {"at": (before + time.monotonic()) / 2, "ops": stats["requests"],
                "bytes": moved - FRAMING * stats["requests"],
                "throttled": stats["throttled"]}

    def off(self, report):
        """The end, which tells whether the load came that far."""
        self.guest.check(f"guest {self.number}: the load still runs",
                         "! ls /tmp/load.status")
        report.equal((self.guest.off(), self.server.stop()), (0, 0),
                     f"guest {self.number} and its bridge end")


def window(tenants, family, seconds):
    """[{what: a second}] of the tenants, all in the same time."""
    before = [t.count(family) for t in tenants]
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        tenants[0].guest.wait(left)
        if any(t.guest.vm.ended() for t in tenants):
            raise LabError("an inner guest has gone")
    after = [t.count(family) for t in tenants]
    return [{what: (new[what] - old[what]) / (new["at"] - old["at"])
             for what in old if what != "at"} for old, new in zip(before, after)]


def ask(tenants, rates, unit):
    """Limit @tenants to @rates requests a second, said in @unit, and nothing
    else; returns what was asked. The burst is half a second's: a stop of the
    emulator that is shorter costs nothing."""
    size = BLOCK if unit == "bytes" else 1
    for tenant, rate in zip(tenants, rates):
        tenant.limit("--off")
        tenant.limit(f"--{unit}", rate * size, f"--{unit}-burst", rate * size // 2)
    tenants[0].guest.wait(SETTLE)
    return [rate * size for rate in rates]


def measure(report, tenants, family):
    """Rows for this many guests."""
    for tenant in tenants:
        tenant.limit("--off")
    free = [one["ops"] for one in window(tenants, family, WINDOW)]
    report.note(f"unlimited: {[round(f) for f in free]} requests a second")
    most = min(free) / SHARE
    # Different ones, so that nobody gets another's by mistake.
    rates = [int(most * (10 - n) / 10) for n in range(len(tenants))]
    for unit in ("ops", "bytes"):
        asked = ask(tenants, rates, unit)
        got = [window(tenants, family, WINDOW) for _ in range(WINDOWS)]
        report.result(all(one["throttled"] for run in got for one in run),
                      f"{len(tenants)} guests, {unit}: all wait for their limit")
        for n, _ in enumerate(tenants):
            report.note("row " + json.dumps({
                "round": 0, "guests": len(tenants), "guest": n + 1, "unit": unit,
                "free": free[n] * (BLOCK if unit == "bytes" else 1),
                "asked": asked[n], "windows": [run[n][unit] for run in got]}))


def main():
    """One guest, then all."""
    report = Report()
    # Debian's null_blk completes in a soft interrupt and keeps no data.
    shell("modprobe", "null_blk", f"nr_devices={GUESTS}", "queue_mode=2",
          "hw_queue_depth=256", "bs=512", "gb=1")
    family = netlink.Family()
    tenants = []
    for number in (1, GUESTS):
        while len(tenants) < number:
            tenants.append(Tenant(report, len(tenants)))
            tenants[-1].load(family)
            tenants[-1].limit("--ops", 50)      # the next boots in peace
        measure(report, tenants, family)
    for tenant in tenants:
        tenant.limit("--off")
        tenant.off(report)
    return report.plan()


sys.exit(main())
