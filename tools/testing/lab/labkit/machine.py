# SPDX-License-Identifier: GPL-2.0-only
"""Turns a scenario into disk images, a QEMU command line and a guest's
environment."""

import os
import pathlib
import random
import re
import shlex
import shutil
import tempfile

from . import emulators
from .common import BIN, CACHE, GUEST, LabError, ROOT, RUNS, need, run

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
CHUNK = 1 << 20
# Values that are true or false in TOML are on or off for QEMU.
SWITCH = {True: "on", False: "off"}


def run_folder(scenario):
    """Where one run keeps its images and its environment file."""
    return RUNS / re.sub(r"[^\w.,=-]+", "_", scenario.name).strip("_")


def size_of(text):
    """Bytes meant by "64M" and the like."""
    match = re.fullmatch(r"(\d+)([KMG]?)", str(text))
    if not match:
        raise LabError(f"bad size {text!r}")
    return int(match.group(1)) * UNITS[match.group(2)]


def fill(handle, size, pattern):
    """Write @size bytes of @pattern.

    "zero" is a hole; "random" repeats for a given size, so that a test can be
    repeated; "lba" puts into each 8 bytes their own offset, so that a guest
    sees from the data which block they came from.
    """
    if pattern == "zero":
        handle.truncate(size)
    elif pattern == "random":
        source = random.Random(size)
        for _ in range(0, size, CHUNK):
            handle.write(source.randbytes(CHUNK))
        handle.truncate(size)
    elif pattern == "lba":
        for start in range(0, size, CHUNK):
            words = range(start, min(start + CHUNK, size), 8)
            handle.write(b"".join(w.to_bytes(8, "little") for w in words))
    else:
        raise LabError(f"unknown pattern {pattern!r}: zero, random, lba, root or home")


def make_root(path, size, script):
    """An ext4 image with busybox and @script as /sbin/init: a root disk."""
    busybox = need("busybox", "busybox-static")
    with tempfile.TemporaryDirectory() as scratch:
        top = pathlib.Path(scratch)
        for name in ("bin", "sbin", "dev", "proc", "sys", "tmp"):
            (top / name).mkdir()
        shutil.copy(busybox, top / "bin/busybox")
        shutil.copy(script, top / "sbin/init")
        (top / "sbin/init").chmod(0o755)
        run([need("mkfs.ext4", "e2fsprogs"), "-q", "-F", "-d", top, path,
             f"{size >> 10}k"])


def make_image(folder, drive, script):
    """The image file of one [[drive]], made anew for each run."""
    path = folder / f"{drive['id']}.img"
    size = size_of(drive.get("size", "64M"))
    pattern = drive.get("pattern", "zero")
    if pattern == "home":
        return path     # home.make() has made it
    if pattern == "root":
        make_root(path, size, script)
        return path
    with open(path, "wb") as handle:
        fill(handle, size, pattern)
    return path


def option(value):
    """One value as QEMU's option parser takes it."""
    if isinstance(value, bool):
        return SWITCH[value]
    return str(value).replace(",", ",,")


def joined(head, table):
    """head,key=value,... for QEMU."""
    return ",".join([head] + [f"{k}={option(v)}" for k, v in table.items()])


def drive_args(folder, drive, script):
    """-blockdev of one [[drive]].

    "options" adds to the ordinary raw file; "blockdev" is a whole -blockdev
    in its stead, with @IMAGE@ for the file (if "size" asks for one).
    """
    whole = drive.get("blockdev")
    image = None
    if not whole or "size" in drive:
        image = make_image(folder, drive, script)
    if whole:
        return ["-blockdev", whole.replace("@IMAGE@", str(image))]
    table = {"node-name": drive["id"], "file.driver": "file",
             "file.filename": str(image), "discard": "unmap"}
    return ["-blockdev", joined("driver=raw", table | drive.get("options", {}))]


def device_args(device):
    """-device of one [[device]]: every key but "driver" is a property."""
    properties = {k: v for k, v in device.items() if k != "driver"}
    return ["-device", joined(device["driver"], properties)]


# For a host in a guest: a tick that comes by itself, again and again. QEMU 7.2
# clears a flag at every exit of an inner guest without the lock under which other
# threads set its neighbours, so an interrupt is lost now and then. If that was a
# timer's only shot, nothing ever happens again; a periodic one is late by a tick.
HOST_APPEND = "nohz=off highres=off lapic=notscdeadline "


def tsc_khz():
    """How fast the guest's time stamp counter runs: as fast as the machine's."""
    return int(run([BIN / "tsc-khz"]))


def command_line(scenario, kernel, initrd, env, tty, folder):
    """The whole of QEMU's arguments, without the channels to the lab."""
    append = (f"console=ttyS0 panic=-1 oops=panic loglevel={scenario.loglevel} "
              "sysrq_always_enabled tsc=reliable no_timer_check "
              f"tsc_early_khz={tsc_khz()} "
              f"lab.env={env} {HOST_APPEND if scenario.ticks or scenario.inner_modules else ''}"
              f"{scenario.append}")
    if tty == "ttyS0":
        append = append.replace("oops=panic ", "")
    args = [*emulators.command(scenario.emulator),
            "-accel", os.environ.get("LAB_ACCEL", scenario.accel),
            "-machine", scenario.machine,
            "-cpu", os.environ.get("LAB_CPU", scenario.cpu),
            "-smp", scenario.smp, "-m", scenario.mem,
            "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", kernel.image, "-initrd", initrd,
            "-append", append.strip(),
            "-virtfs", "local,path=/,mount_tag=lab-root,security_model=none,"
                       "readonly=on,multidevs=remap"]
    for drive in scenario.drive:
        args += drive_args(folder, drive, scenario.script_path)
    for device in scenario.device:
        args += device_args(device)
    return [str(a) for a in args + scenario.qemu]


def write_env(scenario, kernel, folder, module_paths, tty):
    """The shell variables of a run; returns the file they are in."""
    table = {
        "LAB_NAME": scenario.name,
        "LAB_SCRIPT": str(scenario.script_path),
        "LAB_LIB": str(GUEST / "lib.sh"),
        "LAB_ROOT": str(ROOT),
        "LAB_CACHE": str(CACHE),
        "LAB_RUN": str(folder),
        "LAB_BIN": str(BIN),
        "LAB_TREE": str(kernel.tree),
        "LAB_KERNEL": scenario.kernel,
        "LAB_TTY": tty,
        "LAB_TERM": os.environ.get("TERM", "linux"),
        "LAB_MODULES": " ".join(str(p) for p in module_paths),
        "LAB_STOCK_MODULES": " ".join(scenario.stock_modules),
    }
    table |= {k.upper(): str(v) for k, v in scenario.parameters.items()}
    table |= {k: str(v) for k, v in scenario.env.items()}
    path = folder / "env"
    path.write_text("".join(f"{k}={shlex.quote(v)}\n" for k, v in table.items()),
                    encoding="utf-8")
    return path


def prepare_folder(scenario):
    """An empty folder for a run."""
    folder = run_folder(scenario)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return pathlib.Path(folder)
