# SPDX-License-Identifier: GPL-2.0-only
"""Stock QEMU with taps and /dev/parley-net in the place of /dev/vhost-net: every
byte both ways, with mainline's driver and ours, while links are cut; then QEMU is
killed in mid-traffic, and the module goes."""

import pathlib
import sys

from labkit.cards import Card, Echo, Macvtap, boot, start_load
from labkit.common import LabError
from labkit.inner import shell
from labkit.report import Report

REFERENCES = pathlib.Path("/sys/module/parley_vhost_net/refcnt")
MEGABYTES = 4


def traffic(report, guest, cards):
    """Each card works, and it is the accelerator that does it."""
    for card in cards:
        what = f"{guest.name}: {card.what}"
        guest.check(f"{what}: ping", f"ping -c 3 -W 20 10.0.{card.number}.1", 60)
        guest.check(f"{what}: ping of 9000 bytes",
                    f"ping -c 3 -s 9000 -W 20 10.0.{card.number}.1", 60)
        guest.check(f"{what}: {MEGABYTES} MiB go both ways",
                    f"echoed {card.number} {MEGABYTES << 20}", 120)
    said = [line for line in guest.vm.said if "vhost" in line]
    report.equal(said, [], f"{guest.name}: QEMU has nothing to say about vhost")
    report.result(int(REFERENCES.read_text()) >= len(cards),
                  f"{guest.name}: the accelerator is used")


def links(guest, cards):
    """Links are cut and come back under traffic, which goes on."""
    for _ in range(3):
        for card in cards:
            guest.qmp("set_link", name=card.id, up=False)
        for card in cards:
            guest.run(f"wait_for 20 carrier {card.slot} 0", 60)
        guest.wait(1)
        for card in cards:
            guest.qmp("set_link", name=card.id, up=True)
        for card in cards:
            guest.run(f"wait_for 20 carrier {card.slot} 1", 60)
        guest.wait(2)
    for card in cards:
        guest.check(f"{card.what}: all that was sent came back, though the link was cut",
                    f"kept load{card.number} 90", 120)


def main():
    """One guest with the distribution's driver, and one with ours that is killed."""
    report = Report()
    Echo()
    cards = [Card(0, "split"), Card(1, "packed", packed=True),
             Card(2, "no header", packed=True, header=False),
             Macvtap(3, "macvtap", packed=True),
             Card(4, "two pairs", queues=2, mergeable=False)]
    try:
        guest = boot(report, "mainline", cards)
        traffic(report, guest, cards)
        start_load(guest, cards)
        links(guest, cards)
        report.equal(guest.off(), 0, "the guest powers off")
        guest = boot(report, "ours", cards[:2], ours=True)
        traffic(report, guest, cards[:2])
        start_load(guest, cards[:2])
        guest.wait(3)
        guest.kill()
    except LabError as error:
        report.result(False, "network", error)
    report.equal(REFERENCES.read_text().strip(), "0", "QEMU has gone, and all its devices")
    shell("rmmod", "parley_vhost_net")
    report.result(True, "the module can be removed")
    return report.plan()


sys.exit(main())
