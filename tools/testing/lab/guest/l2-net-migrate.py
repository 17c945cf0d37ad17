# SPDX-License-Identifier: GPL-2.0-only
"""An inner guest is migrated in mid-traffic from one QEMU to another, and back: taps of
one bridge, /dev/parley-net behind each. Every byte of every stream comes back, no byte of
memory differs when the other QEMU takes over (labkit/migration.py), and the bridge learns
where the guest is."""

import pathlib
import sys

from labkit import migration
from labkit.cards import Bridged, Echo, boot, plugged_in, start_load
from labkit.common import LabError
from labkit.limits import until
from labkit.report import Report

REFERENCES = pathlib.Path("/sys/module/parley_vhost_net/refcnt")
STREAM = 4 << 20    # bytes of a connection, both ways: so long that a move is in it
ROUNDS = 3          # in which memory is sent at the least


def move(guest, cards, way):
    """(guest, cards) at the other QEMU."""
    report = guest.report
    cards = [card.again(f"{way}{card.number}") for card in cards]
    with plugged_in(cards) as wires:
        moved = migration.Move(guest, way, [], rounds=ROUNDS, **wires)
    guest = moved.go()
    for card in cards:
        until("the bridge learns of it", 60,
              lambda card=card: card.reached_by() == [card.name])
        report.result(True, f"{way}: the bridge knows the way to {card.what}")
    for card in cards:
        guest.check(f"{way}: {card.what}: ping", f"ping -c 3 -W 20 10.0.{card.number}.1", 60)
    return guest, cards


def main():
    """There and back, with each driver."""
    report = Report()
    Echo()
    home = [Bridged(0, "split"), Bridged(1, "packed", packed=True)]
    try:
        for name, ours in (("ours", True), ("mainline", False)):
            guest, cards = boot(report, name, home, ours=ours), home
            start_load(guest, cards, STREAM)
            for way in ("there", "back"):
                guest, cards = move(guest, cards, f"{name[0]}-{way}")
            for card in cards:
                rounds = guest.check(f"{name}: {card.what}: every byte came back",
                                     f"kept load{card.number} 120 || "
                                     "{ cat /proc/net/tcp; false; }", 300)
                report.note(f"{rounds} rounds")
            report.equal(guest.off(), 0, f"{name}: the guest powers off")
    except LabError as error:
        report.result(False, "migration", error)
    report.equal(REFERENCES.read_text().strip(), "0", "no QEMU has a device any more")
    return report.plan()


sys.exit(main())
