#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measure the ways to hand an NVMe disk to a guest: our mediated device beside the
whole function, QEMU's own devices and our vhost back end.

usage: vfio.py BUILD-DIRECTORY

A host with KVM and an IOMMU (emulated), stock QEMU in it, one inner guest with all
the disks; vfio/inside.py runs there. Three runs, because counting costs time and the
plugin needs one processor, of the guest as well, which would else wait for itself:
time, counts, instructions. With BRIEF in the environment they are short: whether all
works, no figures.
"""
import collections
import os
import pathlib
import statistics
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab"), str(HERE / "vfio")]

# pylint: disable=wrong-import-position
import parts
from labkit import kernels, modules, scenario
from labkit.common import main_guard
from runs import collect, give_windows, number, say_lost
from tables import VERDICTS, show, summary

BRIEF = bool(os.environ.get("BRIEF"))
STAGES = ("time", "count", "instructions")
ROUNDS = dict.fromkeys(STAGES, 1) if BRIEF else {"time": 3, "count": 2, "instructions": 3}
COUNT = 100 if BRIEF else 800
# Of the disk for each request; without it, a completion would come before the guest
# has gone to sleep, or not.
LATENCY_NS = 100000
PAIRS = {"mdev": "a", "mdev polled": "b", "vfio-pci": "c", "nvme": "d", "virtio": "e",
         "vhost": "f"}
WHOLE, VIRTIO = "vfio-pci", "virtio"
MEDIATED = ("mdev", "mdev polled")
FUNCTIONS = len(PAIRS)
QUEUES = 4
# More of them the emulator loses, now and then.
PROCESSORS = 2
# What is asked of the mediated device.
NO_EXIT = 0.01      # a request: there is always one to begin with
OF_WHOLE, OF_VIRTIO = 0.8, 2
MEDIATION = 600     # instructions of policy and gate
COLUMNS = ("notifications", "exits", "npf", "hlt", "msr", "intr", "interrupts",
           "switches", "host", "guest")


def drive():
    """A disk with a virtual function for each way: every one has all its queues and
    interrupts from the drive, and the same namespace."""
    resources = FUNCTIONS * (QUEUES + 1)
    return {"drive": [{"id": "bytes", "blockdev": "driver=null-co,node-name=bytes,"
                       f"read-zeroes=on,size={1 << 30},latency-ns={LATENCY_NS}"}],
            "device": [
                {"driver": "pcie-root-port", "id": "slot1", "chassis": 1},
                {"driver": "nvme-subsys", "id": "subsys"},
                {"driver": "nvme", "id": "nvme", "bus": "slot1", "serial": "data",
                 "subsys": "subsys", "sriov_max_vfs": FUNCTIONS,
                 "sriov_vq_flexible": resources, "sriov_vi_flexible": resources,
                 "sriov_max_vq_per_vf": QUEUES + 1, "sriov_max_vi_per_vf": QUEUES + 1,
                 "max_ioqpairs": resources + 2, "msix_qsize": resources + 1},
                {"driver": "nvme-ns", "drive": "bytes", "bus": "nvme", "nsid": 1,
                 "shared": True}]}


def describe(build, stage, rounds):
    """The scenario; not a file of the lab, because it judges nothing."""
    single = stage == "instructions"
    plugin = ["-plugin", f"{build}/plugin.so,out={build}/windows,levels=2",
              "-virtfs", f"local,path={build}/out,mount_tag=bench-out,"
                         "security_model=none"]
    return scenario.Scenario(
        name=f"bench-vfio-{stage}", mem="3G", timeout=600, script="two-levels.sh",
        smp=1 if single else PROCESSORS,
        accel="tcg,thread=single" if single else "tcg,thread=multi",
        machine="q35,kernel-irqchip=split",
        append="intel_iommu=on iommu.strict=1 nvme_core.multipath=N",
        stock_modules=["kvm-amd", "nvme", "vfio_iommu_type1", "vfio-pci", "mdev"],
        modules=["parley_nvme_pf", "parley_nvme_mdev", "parley_vhost_blk"],
        inner_stock_modules=["nvme"],
        inner_files={"bin/io": build / "io"},
        env={"INNER": "../../bench/vfio/inside", "STAGE": stage, "ROUNDS": rounds,
             "COUNT": COUNT, "PROCESSORS": 1 if single else PROCESSORS},
        qemu=["-device", "intel-iommu,intremap=on"] + (plugin if single else []),
        **drive())


def count(row, window, where):
    """Give @row what the plugin counted, by parts.Parts @where."""
    requests = row["requests"]
    row |= {"host": window.host / requests, "guest": window.guest / requests}
    row |= {what: {part: n / requests for part, n in where.sums(code).items()}
            for what, code in (("own", window.own), ("reach", window.reach))}


def collected(build, stage):
    """The rows of all rounds of a stage."""
    (build / "out").mkdir(parents=True, exist_ok=True)

    def after(rows, ended):
        if stage != "instructions":
            return
        where = parts.Parts(build / "out/symbols", modules.folder(kernels.get("stock")))
        give_windows(rows, parts.windows(build / "windows"), ended,
                     lambda row, window: count(row, window, where))
    return collect(stage, ROUNDS[stage], lambda n: describe(build, stage, n), after)


def median_of(values):
    """Of numbers, or of each part."""
    if isinstance(values[0], dict):
        return {key: statistics.median(value.get(key, 0) for value in values)
                for key in set().union(*values)}
    return statistics.median(values)


def merged(build):
    """{(pair, queues, depth): {what: median}} of all three runs."""
    data = collections.defaultdict(lambda: collections.defaultdict(list))
    for stage in STAGES:
        for row in collected(build, stage):
            rounds = data[row["pair"], row["queues"], row["depth"]]
            for what in set(row) & {*COLUMNS, "iops", "own", "reach"}:
                rounds[what].append(row[what])
    return {key: {what: median_of(found) for what, found in rounds.items()}
            for key, rounds in data.items()}


def told(text):
    """A paragraph of lines that are not too long."""
    return textwrap.fill(" ".join(text.split()), 92)


def judged(good, text):
    """A verdict, counted."""
    VERDICTS.append(good)
    return "met" if good else f"missed: {text}"


def verdict(key, data):
    """What is asked of a row of ours."""
    pair, queues, depth = key
    if pair not in MEDIATED:
        return "-"
    row = data[key]
    most = 1 + NO_EXIT if depth == 1 and pair == "mdev" else NO_EXIT
    bad = [f"{what} {number(row[what])}" for what in ("notifications", "npf")
           if row[what] > most][:1]
    for other, least in ((WHOLE, OF_WHOLE), (VIRTIO, OF_VIRTIO)):
        part = row["iops"] / data[other, queues, depth]["iops"]
        if part < least:
            bad.append(f"{part:.2f} of {PAIRS[other]}'s IOPS")
    return judged(not bad, ", ".join(bad))


def ways_table(data):
    """One row for each way, number of queues and depth."""
    rows = []
    for key in sorted(data, key=lambda k: (k[1], k[2], PAIRS[k[0]])):
        pair, queues, depth = key
        row = data[key]
        rows.append((f"{PAIRS[pair]} {pair}", queues, depth,
                     *(number(row[c]) if c in row else "-" for c in COLUMNS),
                     *(f"{row['iops'] / data[other, queues, depth]['iops']:.2f}"
                       for other in (WHOLE, VIRTIO)), verdict(key, data)))
    show("What a 4 KiB read costs by each way to hand a disk to a guest", told(
        f"""Per request, one inner guest under KVM in an emulated host; each way has a
        virtual function of one NVMe disk, which takes {LATENCY_NS / 1e6:.1f} ms, and
        {QUEUES} queues; loaded are as many as said, each by a process. (a) our mediated
        device; (b) the same, polled; (c) the whole function by vfio-pci; (d) QEMU's own
        NVMe controller, (e) QEMU's virtio-blk with an iothread, both with native AIO; (f)
        mainline's virtio-blk on /dev/parley-blk through the bridge. Notifications are
        kvm:kvm_mmio's writes, whoever takes them, exits by reason kvm:kvm_exit's (npf: an
        access to a device or to memory), interrupts those that the guest was given,
        switches /proc/stat's; a short run is subtracted from a long one. Host and guest
        are instructions of both (TCG plugin, one processor each, so for one queue),
        user space and idle included. At the end IOPS, as ratios to (c) and (e). Medians
        of {ROUNDS["time"]} rounds over all rows, of counts of {ROUNDS["count"]}. Asked of
        (a) and (b): at depth 8 and more no exit for a notification (at most {NO_EXIT}),
        at depth 1 one at most, of (b) none; {OF_WHOLE} of (c)'s IOPS, {OF_VIRTIO} times
        (e)'s."""),
         ("way", "queues", "depth", *COLUMNS, "of c", "of e", "verdict"), rows)


def parts_table(data):
    """What a command costs in each part of our modules."""
    rows = []
    for pair in MEDIATED:
        for depth in sorted(k[2] for k in data if k[:2] == (pair, 1)):
            row = data[pair, 1, depth]
            both = sum(row["reach"].get(part, 0) for part in ("policy", "gate"))
            rows.append((f"{PAIRS[pair]} {pair}", depth,
                         *(f"{row['own'].get(part, 0):.0f}" for part, _ in parts.PARTS),
                         *(f"{row['reach'].get(part, 0):.0f}"
                           for part in ("policy", "gate")), f"{both:.0f}", MEDIATION,
                         judged(both <= MEDIATION, f"{both - MEDIATION:.0f} more")))
    show("Where the host's instructions go in a mediated device", told(
        """The same runs, one queue, instructions per command: what is executed in each
        part of our modules by itself; then policy and gate with all that the kernel does
        on their behalf (locks, look-ups, and whatever interrupts them), and both together.
        The reads use the same buffers again and again, so that each is mapped from the
        second time on, where that is kept. 0: there is no such part, or a caller's code
        has taken it in."""),
         ("way", "depth", *(part for part, _ in parts.PARTS), "policy, all", "gate, all",
          "together", "target", "verdict"), rows)


def main():
    """Print the tables."""
    build = pathlib.Path(sys.argv[1]).resolve()
    data = merged(build)
    ways_table(data)
    parts_table(data)
    say_lost()
    summary()
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main_guard(main))
