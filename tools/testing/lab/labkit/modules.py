# SPDX-License-Identifier: GPL-2.0-only
"""Our modules, built against one kernel without littering the checkout.

kbuild writes objects beside the sources of an external module, so the same
checkout cannot serve two kernels. Each kernel gets a copy of the sources
under build/, refreshed by time stamp so that make rebuilds what changed. make
sees it in the checkout's place, so what `make modules` has built for the very
kernel need not be built again: it begins as a copy of that.
"""

import os
import pathlib
import re
import shutil

from .common import BIN, BUILD, LabError, ROOT, TOOLS, locked, need, run, run_long

SUBTREES = ("include", "drivers")
SOURCES = re.compile(r"\.(c|h|S|config|kunitconfig)$|^(Makefile|Kbuild|Kconfig)$")
PRODUCTS = re.compile(r"\.mod\.c$")
# What kbuild leaves beside them; the kernel of a module is in the module.
OBJECTS = re.compile(r"\.(o|ko|mod|mod\.c|cmd)$|^(Module\.symvers|modules\.order)$")
MADE_FOR = re.compile(rb"\0vermagic=(\S+) ")
# The copy in the checkout's place, then make.
INSTEAD = "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$@\""


def folder(kernel):
    """Where the modules for @kernel are built."""
    return BUILD / f"modules-{kernel.name}"


def source_files(top):
    """Paths, relative to @top, of what kbuild reads."""
    found = {"Kbuild"} if (top / "Kbuild").exists() else set()
    for subtree in SUBTREES:
        for where, _, names in os.walk(top / subtree):
            found |= {os.path.relpath(os.path.join(where, name), top)
                      for name in names
                      if SOURCES.search(name) and not PRODUCTS.search(name)}
    return found


def stale(source, copy):
    """Whether @copy differs from @source by time or size."""
    try:
        old = copy.stat()
    except FileNotFoundError:
        return True
    new = source.stat()
    return (old.st_mtime_ns, old.st_size) != (new.st_mtime_ns, new.st_size)


def sync(top, out):
    """Make the sources in @out those of @top."""
    wanted = source_files(top)
    for name in source_files(out) - wanted:
        (out / name).unlink()
        # An object whose source is gone would be packed again otherwise.
        for product in (out / name).parent.glob("*.ko"):
            product.unlink()
    for name in wanted:
        if stale(top / name, out / name):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(top / name, out / name)


# What make needs beside files: devices, and the stack's limit for objtool.
ENTER = """set -e
root=$1 out=$2
shift 2
for at in dev proc; do
	mount --rbind /$at "$root/$at"
done
mount -t tmpfs tmpfs "$root/tmp"
mkdir "$root/tmp/out"
mount --bind "$out" "$root/tmp/out"
exec chroot "$root" "$@"
"""


def begin(kernel, top, out):
    """Copy what was built in @top, the checkout, to @out, if it is for @kernel and nothing is
    there."""
    built = top / "drivers/virtio/core/parley_core.ko"
    if (out / "Module.symvers").exists() or not built.exists():
        return
    made_for = MADE_FOR.search(built.read_bytes())
    if not made_for or made_for[1].decode() != kernel.release:
        return
    for subtree in (".", *SUBTREES):
        for where, folders, names in os.walk(top / subtree):
            if subtree == ".":
                folders.clear()
            for name in filter(OBJECTS.search, names):
                copy = out / os.path.relpath(os.path.join(where, name), top)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(os.path.join(where, name), copy)


def command(kernel, out, target="modules"):
    """What builds the modules in @out: make, in the root that @kernel wants it in."""
    # The words that `make modules` says, or all would be built again.
    warn = ["W=1"] if kernel.name == "stock" else []
    make = ["make", "-C", kernel.build, f"M={ROOT}", *warn, f"-j{os.cpu_count()}", target]
    enter = [need("unshare", "util-linux"), "--mount"]
    if os.geteuid():
        enter.append("--map-root-user")
    if kernel.home == kernel.home.parent:
        return [*enter, "sh", "-c", INSTEAD, "sh", out, ROOT, *make]
    inside = pathlib.Path("/") / kernel.build.relative_to(kernel.home)
    make[2:4] = inside, "M=/tmp/out"
    return [*enter, "sh", "-c", ENTER, "sh", kernel.home, out, "env", "PATH=/usr/bin",
            *make]


def build(kernel):
    """Build all modules against @kernel; returns the folder they are in."""
    out = folder(kernel)
    out.mkdir(parents=True, exist_ok=True)
    if not kernel.build.exists():
        raise LabError(f"{kernel.build} is missing")
    with locked(out.with_suffix(".lock")):
        begin(kernel, ROOT, out)
        sync(ROOT, out)
        run_long(f"modules for {kernel.name}", command(kernel, out))
    return out


def build_tools():
    """Compile the small programs that guest scripts use, all in one file each: some
    guests have no library."""
    with locked(BIN.with_suffix(".lock")):
        BIN.mkdir(exist_ok=True)
        for source in TOOLS.glob("*.c"):
            program = BIN / source.stem
            if not program.exists() or \
                    program.stat().st_mtime < source.stat().st_mtime:
                run(["gcc", "-O2", "-Wall", "-Wextra", "-static", "-o", program,
                     source])
        for folder in ("vhost", "vfio"):
            run(["make", "-s", "-C", ROOT / "tools/testing" / folder, f"OUT={BIN}"])


def build_bridge():
    """Compile the bridge; returns the program."""
    out = BUILD / "bridge"
    with locked(out.with_suffix(".lock")):
        run(["make", "-s", "-C", ROOT / "tools/bridge", f"O={out}"])
    return out / "parley-bridge"


def find(out):
    """Every module in @out by its name, with the - and _ of names made one."""
    return {path.stem.replace("-", "_"): path for path in out.rglob("*.ko")}


def depends(module):
    """Names of the modules that @module, the bytes of a .ko, needs."""
    hard = re.search(rb"\0depends=([^\0]*)\0", module)
    soft = re.search(rb"\0softdep=pre: ([^\0]*)\0", module)
    names = hard.group(1).decode().split(",") if hard else []
    names += soft.group(1).decode().split() if soft else []
    return [name.replace("-", "_") for name in names if name]


def in_order(names, available):
    """Paths of @names, each preceded by those of our modules it needs."""
    order = []

    def visit(name):
        path = available.get(name.replace("-", "_"))
        if path is None or path in order:
            return
        for below in depends(path.read_bytes()):
            visit(below)
        order.append(path)

    for name in names:
        if name.replace("-", "_") not in available:
            raise LabError(f"no module {name}: built are "
                           + (", ".join(sorted(available)) or "none"))
        visit(name)
    return order
