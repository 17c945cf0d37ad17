# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: the same reads of the same bytes by every way to hand an
NVMe disk to a guest, all of them disks of one inner guest, and counts what the host
does. Each way has a virtual function of the disk for itself.

Prints one line "# row {...}" for each figure; vfio.py makes tables of them.
"""

import glob
import os
import pathlib
import sys
import uuid

sys.path.append(os.path.join(os.environ["LAB_ROOT"], "tools/testing/bench/host"))
# pylint: disable=wrong-import-position
from counted import Count, difference, load, measure
from labkit import disks, nvme
from labkit.common import LabError
from labkit.inner import Inner, shell, words
from labkit.limits import until
from labkit.report import Report

QUEUES = 4
DEPTHS = (1, 8, 32)
# One at a time takes longest and wanders least: so much less of it.
LESS = 4
# What the inner guest has at which slot, and a function each.
SLOTS = {"mdev": "09.0", "mdev polled": "0a.0", "vfio-pci": "0b.0", "nvme": "0c.0",
         "virtio": "0d.0", "vhost": "0e.0"}
COUNT = Count({"notifications": ("kvm/kvm_mmio", "hist:keys=type if type == 2")})
# Each function is a disk of its own for both kernels, no path to one that all share.
INSERT = ("for file in /lib/??-*.ko; do case $file in *nvme-core.ko) break ;; esac; "
          "name=${file#/lib/??-}; insert ${name%.ko} || break; done; "
          "insmod /lib/??-nvme-core.ko multipath=N && insert_stock")


def mediated(address, kind):
    """QEMU's argument for a mediated device of a type."""
    return f"vfio-pci,sysfsdev={nvme.Mediated(address, str(uuid.uuid4()), kind).folder}"


def whole(address):
    """The same for the whole function, as it is."""
    nvme.bind("vfio-pci", address)
    return f"vfio-pci,host={address}"


def hosts(address):
    """The function as a disk of this machine's, by the kernel's own driver."""
    nvme.bind("nvme", address)
    found = f"{nvme.PCI}/devices/{address}/nvme/nvme*/nvme*n1"
    until(f"a disk of {address}", 60, lambda: glob.glob(found))
    return "/dev/" + os.path.basename(glob.glob(found)[0])


def emulated(path):
    """QEMU's arguments for its own NVMe controller over a disk of this machine's."""
    return ["-blockdev", words({"driver": "host_device", "filename": path,
                                "node-name": "bytes", "cache.direct": "on",
                                "aio": "native"}),
            "-device", words({"driver": "nvme", "serial": "emulated", "drive": "bytes",
                              "max_ioqpairs": QUEUES, "msix_qsize": QUEUES + 1,
                              "addr": f"0x{SLOTS['nvme'][:2]}"})]


def plug_in():
    """(slots by name, disks of labkit.disks, further arguments, the bridge)."""
    at = dict(zip(SLOTS, nvme.Disk().take(len(SLOTS))))
    devices = {"mdev": mediated(at["mdev"], "1"),
               "mdev polled": mediated(at["mdev polled"], "p"),
               "vfio-pci": whole(at["vfio-pci"])}
    more = emulated(hosts(at["nvme"]))
    for name, device in devices.items():
        more += ["-device", f"{device},addr=0x{SLOTS[name][:2]}"]
    bridge = disks.server("bridge")
    some = [disks.disk_of(server, hosts(at[name]), SLOTS[name], QUEUES)
            for name, server in (("virtio", None), ("vhost", bridge))]
    return some, more, bridge.start()


def loads(guest, count):
    """Every row's key, and the arguments of its load."""
    for pair, slot in SLOTS.items():
        name = guest.run(f"wait_for 60 disk {slot}; disk {slot}")
        guest.run(f"echo none >/sys/block/{name}/queue/scheduler; "
                  f"echo 2 >/sys/block/{name}/queue/nomerges")
        for queues in sorted({1, int(os.environ["PROCESSORS"])}):
            for depth in DEPTHS:
                yield ({"pair": pair, "queues": queues, "depth": depth},
                       (name, depth, count // LESS if depth == 1 else count, queues))


def figures(stage, guest, load_of):
    """{what: figure} of one load."""
    _, _, count, jobs = load_of
    if stage == "count":
        return difference(COUNT, guest, *load_of)
    took, _ = load(guest, *load_of)
    # The plugin has the instructions; vfio.py finds them by their order.
    return {"iops": jobs * count / took} if stage == "time" else {"requests": jobs * count}


def symbols():
    """Hand out which code of ours lies where."""
    os.makedirs("/tmp/out")
    shell("mount", "-t", "9p", "-o", "trans=virtio,version=9p2000.L", "bench-out",
          "/tmp/out")
    lines = pathlib.Path("/proc/kallsyms").read_text(encoding="ascii")
    pathlib.Path("/tmp/out/symbols").write_text(lines, encoding="ascii")


def main():
    """One run of one stage."""
    report = Report()
    try:
        if os.environ["STAGE"] == "instructions":
            symbols()
        nvme.patience()
        some, more, bridge = plug_in()
        guest = Inner(report, "inner", some, mem=512, smp=int(os.environ["PROCESSORS"]),
                      more=more).boot()
        guest.run(INSERT, 120)
        rows = list(loads(guest, int(os.environ["COUNT"])))
        measure(report, guest, COUNT, rows, figures)
        report.equal(guest.off(), 0, "the inner guest powers off")
        report.equal(bridge.stop(), 0, "the bridge ends")
    except (LabError, OSError) as error:
        report.result(False, "measured", error)
    return report.plan()


sys.exit(main())
