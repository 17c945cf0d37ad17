# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel is to the lab."""

import dataclasses
import pathlib
import re

SERIES = "6.12"     # what the distribution gives: the oldest that we serve
NEWEST = "7.3"


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One bootable kernel."""
    name: str               # "stock", "debug"...: what scenarios call it
    release: str            # what uname -r says in the guest
    image: pathlib.Path     # what QEMU's -kernel takes
    tree: pathlib.Path      # folder that holds lib/modules/<release>
    build: pathlib.Path     # what make -C takes to build modules for it
    home: pathlib.Path = pathlib.Path("/")  # the root that make runs in, and sees build in
    shipped: pathlib.Path | None = None     # the bzImage, where the distribution made it

    @property
    def modules(self):
        """The folder with modules.dep and kernel/ in it."""
        return self.tree / "lib/modules" / self.release


def version_key(name):
    """Sort key for kernel releases: numbers as numbers."""
    return [int(n) for n in re.findall(r"\d+", name)]
