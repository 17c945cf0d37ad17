# SPDX-License-Identifier: GPL-2.0-only
"""Programs of the machine for a guest that has no 9p root: each with the
libraries it needs, as few as can be.

A guest that is migrated cannot have a 9p file system, so its whole user space
is an initramfs. Debian's fio needs 80 MB of libraries, for storage systems no
test of ours talks to; with empty ones in their stead it needs 4 MB, and starts
thirty times sooner under two emulations.
"""

import os
import pathlib
import re
import tempfile

from . import packages
from .common import BIN, LabError, locked, need, run

# Libraries of fio's that its libaio engine calls; all others are stand-ins.
KEPT = re.compile(r"^(libc|libm|libz|libaio|ld-linux.*)\.so")


def libraries(program, folder=""):
    """Paths of the shared libraries that @program is loaded with, of those in @folder
    first."""
    listed = run(["ldd", program], env=os.environ | {"LD_LIBRARY_PATH": str(folder)})
    return [pathlib.Path(path)
            for path in re.findall(r"(?:=> )?(/\S+) \(0x", listed)]


def undefined(program):
    """Every (symbol, version) that @program wants from its libraries."""
    table = run(["objdump", "-T", program])
    # Functions only: the rest are hooks of the compiler's, absent on purpose.
    return re.findall(r" DF +\*UND\*\s+[0-9a-f]+ +\(?([\w.]*)\)? +(\w+)$",
                      table, re.M)


def wanted(program):
    """The libraries @program names, each with the symbol versions it must have:
    without them the loader complains on every start."""
    head = run(["objdump", "-p", program])
    found = {name: [] for name in re.findall(r"NEEDED\s+(\S+)", head)}
    part = head.partition("Version References:")[2]
    name = None
    for line in part.splitlines():
        title = re.match(r"\s+required from (\S+):", line)
        version = re.match(r"\s+0x\S+ 0x\S+ \d+ (\S+)", line)
        if title:
            name = title.group(1)
        elif version and name in found:
            found[name].append(version.group(1))
    return found


def make_stand_in(path, symbols, versions):
    """A library at @path in which every one of @symbols ends the program.

    @symbols maps a version, or "", to names.
    """
    code = "".join(f"void {name}(void) {{ __builtin_trap(); }}\n"
                   for names in symbols.values() for name in names)
    script = "".join(
        f"{version} {{ global: {'; '.join(symbols.get(version, ['none']))}; }};\n"
        for version in versions)
    with tempfile.TemporaryDirectory() as scratch:
        source = pathlib.Path(scratch) / "stand-in.c"
        exports = pathlib.Path(scratch) / "exports"
        source.write_text(code, encoding="utf-8")
        exports.write_text(script, encoding="utf-8")
        run(["gcc", "-shared", "-fPIC", "-nostdlib", "-w",
             f"-Wl,-soname,{path.name}",
             *([f"-Wl,--version-script={exports}"] if versions else []),
             "-o", path, source])


def stand_ins(program, folder):
    """Make the stand-ins for @program in @folder; returns their paths."""
    named = wanted(program)
    owner = {version: name for name, versions in named.items()
             for version in versions}
    absent = [name for name in named if not KEPT.match(name)]
    bare = next(name for name in absent if not named[name])
    symbols = {name: {} for name in named}
    for version, symbol in undefined(program):
        home = owner.get(version, bare)
        symbols[home].setdefault(version, []).append(symbol)
    for name in absent:
        make_stand_in(folder / name, symbols[name], named[name])
    return [folder / name for name in absent]


def small_fio():
    """fio and what it must be loaded with: {path in the guest: file}."""
    fio = need("fio", "fio")
    folder = BIN / "fio-libs"
    stamp = pathlib.Path(fio).stat().st_mtime_ns
    done = folder / f"done-{stamp}"
    with locked(folder.with_suffix(".lock")):
        if not done.exists():
            folder.mkdir(parents=True, exist_ok=True)
            stand_ins(fio, folder)
            done.touch()
    files = {"bin/fio": pathlib.Path(fio)}
    for path in libraries(fio):
        if KEPT.match(path.name):
            files[str(path).lstrip("/")] = path
    for path in folder.glob("*.so.*"):
        files[f"usr/lib/{path.name}"] = path
    return files


def fetched(name, package):
    """{path in the guest: file} for a program of a package that is not to be installed here,
    as it would start services, with those of its libraries that the machine lacks."""
    top = packages.own((package,), depends=True)
    program = next(path for path in top.glob(f"**/*bin/{name}"))
    known = re.findall(r"^\s+(\S+) \(", run([need("ldconfig", "libc-bin"), "-p"]), re.M)
    files = {f"bin/{name}": program}
    with tempfile.TemporaryDirectory() as scratch:
        for path in top.rglob("*.so.*"):
            lacking = pathlib.Path(scratch, path.name)
            if path.name not in known and not lacking.is_symlink():
                lacking.symlink_to(path)
        for path in libraries(program, scratch):
            own = path.is_relative_to(scratch)
            files[f"usr/lib/{path.name}" if own else str(path).lstrip("/")] = path.resolve()
    return files


def collect(names):
    """{path in the guest: file} for programs and all their libraries."""
    files = {}
    for name, package in names.items():
        if name == "fio":
            files |= small_fio()
            continue
        program = need(name, package)
        files[f"bin/{name}"] = pathlib.Path(program)
        for path in libraries(program):
            files[str(path).lstrip("/")] = path
    if not files:
        raise LabError("no programs to collect")
    return files
