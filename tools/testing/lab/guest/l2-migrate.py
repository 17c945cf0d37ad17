# SPDX-License-Identifier: GPL-2.0-only
"""An inner guest is migrated under load from one QEMU to another, and back; see
labkit/migration.py for what is compared."""

import os
import sys

from labkit import disks, migration
from labkit.common import LabError
from labkit.inner import Inner
from labkit.report import Report

MEMORY = 160        # MiB of the guest
SLOTS = {"split": "09.0", "packed": "0a.0"}


def plug_in(back, name):
    """(server, disks) for one QEMU; both have servers of their own."""
    host = disks.server(back, f"{back}-{name}")
    table = [disks.disk_of(host, f"/tmp/{back}-{ring}", slot, 2, ring == "packed")
             for ring, slot in SLOTS.items()]
    return host, table


def migrate(report, back):
    """The whole job with one back end."""
    for ring in SLOTS:
        disks.make_image(f"/tmp/{back}-{ring}", 8)
    host, table = plug_in(back, "here")
    migration.fill(table)
    hosts = [host.start()] if host else []
    guest = Inner(report, f"{back}-here", table, MEMORY).boot()
    guest.run("insert_ours && ours " + " ".join(SLOTS.values()))
    names = [guest.run(f"wait_for 10 disk {slot}; disk {slot}")
             for slot in SLOTS.values()]
    for name in names:
        migration.start_load(guest, name)
    for way in ("there", "back"):
        guest.wait(2)
        host, table = plug_in(back, way)
        hosts += [host.start()] if host else []
        guest = migration.Move(guest, f"{back}-{way}", table).go()
        guest.wait(2)
        guest.check(f"{back}: the guest answers, {way}", "true", 60)
    migration.finish_load(guest, names)
    for disk, name in zip(table, names):
        report.equal(guest.run(f"sum_of {name}", 60), disks.sum_of(disk.image),
                     f"{back}: {disk.ring}: the image holds what the guest sees")
    report.equal(guest.off(), 0, f"{back}: the guest powers off")
    for host in hosts:
        report.equal(host.stop(), 0, "the bridge ends")


def main():
    """With every back end asked for."""
    report = Report()
    for back in os.environ["BACK_ENDS"].split():
        try:
            migrate(report, back)
        except LabError as error:
            report.result(False, f"{back}: migration", error)
    return report.plan()


sys.exit(main())
