# SPDX-License-Identifier: GPL-2.0-only
"""The kernels a guest can boot: Debian's own, and the debug kernel we build.

None is ever installed on the machine: all live in the cache, keyed by version, and
are made once.
"""

import hashlib
import os
import pathlib
import re
import tempfile

from . import stock
from .common import CACHE, LabError, ROOT, locked, run, run_long, say
from .kernel import Kernel

SERIES = "6.12"
DEBUG_CONFIG = ROOT / "tools/testing/kunit/debug.config"


def source():
    """The pristine kernel source in the cache, unpacked on first use."""
    tree = CACHE / f"linux-source-{SERIES}"
    with locked(CACHE / "linux-source.lock"):
        if (tree / "Makefile").exists():
            return tree
        archive = pathlib.Path(f"/usr/src/linux-source-{SERIES}.tar.xz")
        if not archive.exists():
            raise LabError(f"{archive} is missing: "
                           f"apt-get install linux-source-{SERIES}")
        say(f"unpacking {archive} into {tree}")
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            run(["tar", "-xf", archive, "-C", scratch])
            (pathlib.Path(scratch) / tree.name).rename(tree)
    return tree


def wanted_options():
    """The lines of debug.config that mean something."""
    text = DEBUG_CONFIG.read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines()
            if line.strip() and not line.startswith("#")]


def source_version(tree):
    """The version that the top Makefile of a kernel tree declares."""
    text = (tree / "Makefile").read_text(encoding="utf-8")
    fields = (re.search(rf"^{key} *= *(\S*)", text, re.M).group(1)
              for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL"))
    return ".".join(fields)


def configure(tree, out):
    """Write the .config, and refuse one that lost something we asked for."""
    run(["make", "-s", "-C", tree, f"O={out}", "allnoconfig"],
        env=os.environ | {"KCONFIG_ALLCONFIG": str(DEBUG_CONFIG)})
    have = set((out / ".config").read_text(encoding="utf-8").splitlines())
    lost = [line for line in wanted_options() if line not in have]
    if lost:
        raise LabError(f"{DEBUG_CONFIG}: unmet dependencies, the config "
                       "lost: " + ", ".join(lost))


def debug():
    """The kernel with every checker on; built on first use (some minutes)."""
    tree = source()
    text = "\n".join(wanted_options() + [source_version(tree)])
    out = CACHE / f"debug-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    done = out / "parley-complete"
    release = out / "include/config/kernel.release"
    with locked(out.with_suffix(".lock")):
        if not done.exists():
            say(f"building the debug kernel in {out}, once, about 10 minutes")
            out.mkdir(parents=True, exist_ok=True)
            configure(tree, out)
            run_long("debug kernel",
                     ["nice", "-n", "5", "make", "-C", tree, f"O={out}",
                      f"-j{os.cpu_count()}", "vmlinux", "modules"])
            run(["make", "-s", "-C", tree, f"O={out}", "modules_install",
                 f"INSTALL_MOD_PATH={out / 'root'}"])
            done.touch()
    return Kernel("debug", release.read_text(encoding="utf-8").strip(),
                  out / "vmlinux", out / "root", out)


NAMES = {"stock": stock.stock, f"stock-{stock.NEWEST}": stock.stock_newest,
         "debug": debug}


def get(name):
    """The kernel that a scenario means by @name, ready to boot."""
    if name not in NAMES:
        raise LabError(f"no kernel called {name!r}: " + ", ".join(NAMES))
    return NAMES[name]()
