# SPDX-License-Identifier: GPL-2.0-only
"""An inner guest with one disk of ours, and what the host knows of it."""

import os
import sys
import time

from labkit import disks
from labkit.common import LabError
from labkit.inner import Inner

sys.path.append(os.path.join(os.environ["LAB_ROOT"], "tools/parley"))
# pylint: disable=wrong-import-position
from parleylib import cli

SLOT = "09.0"
FRAMING = 16 + 1        # header and status of a request, which no limit counts
FOREVER = 10 ** 12      # requests


def parley(*words):
    """What a person would type."""
    if cli.main([str(word) for word in words]):
        raise LabError("parley " + " ".join(str(word) for word in words))


class Tenant:
    """An inner guest, its bridge, and the device of ours behind its disk."""

    def __init__(self, report, number, image):
        self.number = number
        self.server = disks.server("bridge", f"tenant{number}")
        disk = self.server.disk(image, SLOT, packed=True)
        self.server.start()
        self.guest = Inner(report, f"guest {number}", [disk], mem=192,
                           smp=1).boot()
        self.guest.run(f"insert_ours && ours {SLOT}")
        self.name = self.guest.run(f"wait_for 20 disk {SLOT}; disk {SLOT}", 60)
        self.guest.run(f"cd /sys/block/{self.name}/queue; echo none >scheduler; "
                       "echo 2 >nomerges")
        self.device = None

    def load(self, depth):
        """Constant reads from now on."""
        self.guest.run(f"keep load /bin/io /dev/{self.name} read {depth} {FOREVER}")

    def find(self, family):
        """Find out which device its reads reach."""
        mine = [d["id"] for d in family.dump("dev-get")
                if d["owner-pid"] in self.server.pids()]
        if len(mine) != 1:
            raise LabError(f"guest {self.number}: devices {mine}")
        self.device = mine[0]

    def count(self, family):
        """The counters of the only queue, and when that was."""
        before = time.monotonic()
        stats = family.get("queue-get", dev_id=self.device, index=0)["stats"]
        moved = stats["bytes-read"] + stats["bytes-written"]
        return {"at": (before + time.monotonic()) / 2, "ops": stats["requests"],
                "bytes": moved - FRAMING * stats["requests"],
                "throttled": stats["throttled"]}

    def loaded(self):
        """A test that the load came as far as here."""
        self.guest.check(f"guest {self.number}: the load still runs",
                         "! ls /tmp/load.status")

    def unload(self):
        """No more reads."""
        self.guest.run("touch /tmp/load.stop; killall io; wait_for 20 ls /tmp/load.status")

    def off(self, report):
        """The end of the guest and of its bridge."""
        report.equal((self.guest.off(), self.server.stop()), (0, 0),
                     f"guest {self.number} and its bridge end")
