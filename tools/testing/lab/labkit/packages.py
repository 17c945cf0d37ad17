# SPDX-License-Identifier: GPL-2.0-only
"""Packages of Debian's other suites, unpacked into the cache and never installed."""

import shutil

from .common import CACHE, ROOT, locked, run_long, say

GET = ROOT / "tools/testing/archive-get"
# Where programs come from that guests run and that would be rude to install.
SUITE = "bookworm"


def get(suite, folder, names, depends=False):
    """Unpack packages of @suite below @folder, with what they depend on if told."""
    say(f"fetching {' '.join(names)} of {suite} into {folder}")
    run_long("fetching", [GET, *(["--depends"] if depends else []), suite, folder, *names])


def unpack(suite, name, names, finish=lambda folder: None, depends=False):
    """The folder called @name of the cache with packages of @suite, made on first
    use; @finish does the rest before anybody sees it."""
    folder = CACHE / name
    with locked(CACHE / f"{name}.lock"):
        if folder.exists():
            return folder
        fresh = CACHE / f"{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        get(suite, fresh, names, depends)
        finish(fresh)
        fresh.rename(folder)
    return folder


def own(names, depends=False):
    """The folder with programs for guests, of packages that need nothing the machine
    lacks."""
    return unpack(SUITE, "guest-" + "-".join(names), names, depends=depends)
