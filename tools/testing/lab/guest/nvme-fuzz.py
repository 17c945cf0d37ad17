# SPDX-License-Identifier: GPL-2.0-only
"""Give a mediated virtual function to tools/testing/vfio, and see that it comes back."""

import os
import subprocess
import sys

from labkit import nvme
from labkit.common import LabError
from labkit.limits import until
from labkit.report import Report

UUID = "3b7d1c52-9a40-4f6e-8c15-d2e07f94a603"


def main():
    """All of it, on one function."""
    report = Report()
    disk = nvme.Disk()
    try:
        mediated = nvme.Mediated(disk.take()[0], UUID)
        corpus = os.environ["LAB_ROOT"] + "/tools/testing/vfio/corpus"
        chosen = os.environ["episode"]
        done = subprocess.run(
            [os.environ["LAB_BIN"] + "/parley-vfio-fuzz", "-d", mediated.folder, "-c", corpus,
             "-s", os.environ["seed"], "-t", os.environ["seconds"],
             *(["-e", chosen] if chosen else [])],
            check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in done.stdout.splitlines():
            report.note(line)
        report.equal(done.returncode, 0, "a corpus, and at random")
        until("it is taken back", 60, lambda: mediated.state() == "off")
        mediated.remove()
        report.equal(disk.give_back(), disk.name, "the kernel's driver has the disk again")
    except (LabError, OSError) as error:
        report.result(False, "all of it", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
