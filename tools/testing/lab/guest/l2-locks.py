# SPDX-License-Identifier: GPL-2.0-only
"""Four threads on four processors of an inner guest, which share one of the host's with
a hog, contend for a lock: ours with KVM's help, ours without, and a ticket lock, whose
waiters burn what the holder would need. What is judged are counts, not times."""

import sys

from labkit import locks
from labkit.common import LabError
from labkit.report import Report

MILLISECONDS = 2000
# Of the ticket lock's spins: what our waiters may need at most. They need a thousandth.
OF_TICKET = 0.1


def contend(report, guest, kind, what):
    """One run under the long load; (its row, spins for each acquisition)."""
    row = guest.contend(kind, MILLISECONDS, *locks.LOADS["long"])
    spins = (row["spins"] or row["ours"]["spins"]) / max(row["sum"], 1)
    report.note(f"{what}: {row['sum']} times, {spins:.1f} spins for each: {row}")
    report.result(all(row["each"]), f"{what}: every thread has it", row["each"])
    return row, spins


def helped(report, guest):
    """Waiters yield and halt, and all of that are hypercalls that the host sees; returns
    the spins for each acquisition."""
    row, spins = contend(report, guest, "parley", "with KVM")
    ours = row["ours"]
    report.equal(row["helper"], "kvm", "KVM is found")
    report.result(ours["contended"], "somebody had to wait", ours)
    report.result(ours["halts"] and row["hlt"], "waiters halt", row)
    for what in ("yields", "kicks"):
        report.result(ours[what], f"there are {what}", ours)
        # The kernel has hypercalls of its own.
        report.result(row[what] >= ours[what], f"the host sees the {what}", row)
    report.result(ours["kicks"] <= ours["contended"], "one kick for each wait at most", ours)
    return spins


def alone(report, guest):
    """The same lock where nobody helps: it only spins."""
    guest.anew("hypervisor=none")
    row, spins = contend(report, guest, "parley", "without help")
    report.equal(row["helper"], "none", "nobody is asked")
    for what in ("yields", "halts", "kicks"):
        report.equal(row["ours"][what], 0, f"no {what}")
    return spins


def main():
    """The whole of it."""
    report = Report()
    try:
        locks.switch_on()
        guest = locks.Guest(report, "guest", [], mem=192, smp=4).boot()
        guest.confine([0])
        with locks.hog(0):
            spins = helped(report, guest)
            _, ticket = contend(report, guest, "ticket", "ticket lock")
            without = alone(report, guest)
        report.result(spins < OF_TICKET * ticket, "far fewer spins than of a ticket lock",
                      f"{spins} and {ticket}")
        report.result(spins < OF_TICKET * without, "far fewer than without help",
                      f"{spins} and {without}")
        report.equal(guest.off(), 0, "the inner guest powers off")
    except (LabError, OSError) as error:
        report.result(False, "contended", error)
    return report.plan()


sys.exit(main())
