# SPDX-License-Identifier: GPL-2.0-only
"""The kernels a guest can boot: Debian's own, and the debug kernels we build.

None is ever installed on the machine: all live in the cache, keyed by version, and
are made once.
"""

import hashlib
import os
import re

from . import stock
from .common import CACHE, LabError, ROOT, locked, run, run_long, say
from .kernel import Kernel, NEWEST, SERIES

SOURCES = {SERIES: "source", NEWEST: "source-7.3"}      # deps.sh's groups
DEPS = ROOT / "tools/testing/deps.sh"
DEBUG_CONFIG = ROOT / "tools/testing/kunit/debug.config"

# KASAN is for our modules and for what they hand their memory to. Where it finds
# nothing of ours it makes the build and every boot longer: there it is off.
NO_KASAN = ("crypto drivers/acpi drivers/acpi/% drivers/input drivers/input/% drivers/net"
            " drivers/pnp drivers/pnp/% drivers/rtc drivers/tty drivers/tty/% lib/crypto"
            " fs/9p fs/ext4 fs/jbd2 fs/netfs fs/notify/% fs/overlayfs net/9p net/ethtool"
            " net/ipv4 net/ipv6 net/sched arch/x86/kvm arch/x86/kvm/%")
# What make reads before any Makefile. The entry that QEMU jumps to runs before
# KASAN's shadow is there, and must not call a memcmp() that looks at it: newer
# compilers do unless they are told.
EVAL = [f"--eval=KASAN_SANITIZE = $(if $(filter {NO_KASAN},$(obj)),n)",
        "--eval=CFLAGS_enlighten.o = -minline-all-stringops"]
# Some minutes of compiling for the few scenarios with a guest in a guest.
NO_KVM = ["CONFIG_KVM="]


def source(series):
    """A pristine kernel source in the cache, fetched and unpacked on first use."""
    tree = CACHE / f"linux-source-{series}"
    if not (tree / "Makefile").exists():
        say(f"unpacking linux-source-{series} into {tree}")
        run([DEPS, SOURCES[series]])
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


def folder(kind, series):
    """Where something is built of a series: keyed by what goes into it."""
    text = "\n".join(wanted_options() + EVAL + [source_version(source(series))])
    return CACHE / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def prepared(series):
    """A folder to compile modules against, as the debug kernel of that series
    would have it, without a kernel to load them into."""
    tree = source(series)
    out = folder("prepared", series)
    done = out / "parley-complete"
    with locked(out.with_suffix(".lock")):
        if not done.exists():
            say(f"preparing linux-{source_version(tree)} in {out}, once")
            out.mkdir(parents=True, exist_ok=True)
            configure(tree, out)
            run(["make", "-s", "-C", tree, f"O={out}", f"-j{os.cpu_count()}",
                 "modules_prepare"])
            done.touch()
    return out


def build(series, out, *what):
    """Make @what of the debug kernel in @out, and install its modules beside it."""
    command = ["make", "-C", source(series), f"O={out}", *EVAL]
    run_long("debug kernel",
             ["nice", "-n", "5", *command, f"-j{os.cpu_count()}", *what])
    run([*command, "-s", "modules_install", f"INSTALL_MOD_PATH={out / 'root'}",
         *(word for word in what if "=" in word)])


def debug(series=SERIES):
    """The kernel with every checker on; built on first use (some minutes)."""
    out = folder("debug", series)
    done = out / "parley-complete"
    release = out / "include/config/kernel.release"
    with locked(out.with_suffix(".lock")):
        if not done.exists():
            say(f"building the debug kernel {series} in {out}, once, about 8 minutes")
            out.mkdir(parents=True, exist_ok=True)
            configure(source(series), out)
            build(series, out, "vmlinux", "modules", *NO_KVM)
            done.touch()
    return Kernel("debug" if series == SERIES else f"debug-{series}",
                  release.read_text(encoding="utf-8").strip(),
                  out / "vmlinux", out / "root", out)


def with_kvm(name):
    """Add KVM's modules to a debug kernel, once."""
    series = NEWEST if name.endswith(NEWEST) else SERIES
    out = folder("debug", series)
    done = out / "parley-kvm"
    with locked(out.with_suffix(".lock")):
        if not done.exists():
            say(f"building KVM for the debug kernel {series}, once")
            build(series, out, "modules")
            done.touch()


NAMES = {"stock": stock.stock, f"stock-{NEWEST}": stock.stock_newest,
         "debug": debug, f"debug-{NEWEST}": lambda: debug(NEWEST)}


def get(name):
    """The kernel that a scenario means by @name, ready to boot."""
    if name not in NAMES:
        raise LabError(f"no kernel called {name!r}: " + ", ".join(NAMES))
    return NAMES[name]()
