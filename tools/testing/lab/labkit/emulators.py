# SPDX-License-Identifier: GPL-2.0-only
"""The QEMUs that guests run in: the distribution's, which is the proof that a stock
one is enough, and a newer one for what only that can do."""

import re

from . import packages
from .common import LabError, need, run

PROGRAM = "qemu-system-x86_64"
# Where a distribution's own is older: the suite of its backports that has it.
SUITE = "bookworm-backports"
PACKAGES = ("qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios")


def version(program):
    """The first number of a QEMU's version."""
    said = run([program, "--version"])
    match = re.search(r"version (\d+)\.", said)
    if not match:
        raise LabError(f"{program} does not say its version: {said!r}")
    return int(match.group(1))


def command(wanted=""):
    """The begin of a command line: the distribution's QEMU, or one whose version is
    at least @wanted, which is fetched where the distribution's is older."""
    own = need(PROGRAM, "qemu-system-x86")
    if not wanted or version(own) >= int(wanted):
        return [own]
    top = packages.unpack(SUITE, f"qemu-{wanted}", PACKAGES)
    found = top / "usr/bin" / PROGRAM
    if version(found) < int(wanted):
        raise LabError(f"{SUITE} has no QEMU {wanted}: {found} is older")
    return [str(found), "-L", str(top / "usr/share/qemu"),
            "-L", str(top / "usr/share/seabios")]
