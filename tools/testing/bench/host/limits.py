# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: one inner guest and then four, each under constant
load with a limited disk of ours, and what that disk's counters say it achieved.

Prints one line "# row {...}" for each figure; host.py makes a table of them.
"""

import json
import sys
import time

from labkit.common import LabError
from labkit.inner import shell
from labkit.report import Report
from tenant import Tenant, parley

# After tenant, which says where it is.
from parleylib import netlink

GUESTS = 4
BLOCK = 4096
DEPTH = 8
WINDOWS, WINDOW = 3, 12     # how many, and seconds of each
SETTLE = 4              # seconds until a burst of half a second's is used up
SHARE = 5               # the highest rate asked is this part of the capacity


def limit(tenant, *arguments):
    """parley limit DEVICE ..."""
    parley("limit", tenant.device, *arguments)


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
        limit(tenant, "--off")
        limit(tenant, f"--{unit}", rate * size, f"--{unit}-burst", rate * size // 2)
    tenants[0].guest.wait(SETTLE)
    return [rate * size for rate in rates]


def measure(report, tenants, family):
    """Rows for this many guests."""
    for tenant in tenants:
        limit(tenant, "--off")
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
            tenants.append(Tenant(report, len(tenants), f"/dev/nullb{len(tenants)}"))
            tenants[-1].load(DEPTH)
            tenants[-1].find(family)
            limit(tenants[-1], "--ops", 50)      # the next boots in peace
        measure(report, tenants, family)
    for tenant in tenants:
        limit(tenant, "--off")
        tenant.loaded()
        tenant.off(report)
    return report.plan()


sys.exit(main())
