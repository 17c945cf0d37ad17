# SPDX-License-Identifier: GPL-2.0-only
"""What a host counts while an inner guest works: KVM's trace events, which see
every kick and every interrupt whoever takes or sends it, and the scheduler."""

import collections
import glob
import re

TRACING = "/sys/kernel/tracing"
# What to count: the event, and the histogram of it. A virtio driver notifies
# with a write of two bytes, which KVM traces whether an eventfd takes it or QEMU.
HISTOGRAMS = {
    "exits": ("kvm/kvm_exit", "hist:keys=exit_reason"),
    "kicks": ("kvm/kvm_mmio", "hist:keys=type if len == 2 && type == 2"),
    "interrupts": ("kvm/kvm_msi_set_irq", "hist:keys=data"),
}


def switch_on():
    """Count from now on."""
    for event, histogram in HISTOGRAMS.values():
        with open(f"{TRACING}/events/{event}/trigger", "w",
                  encoding="ascii") as handle:
            handle.write(histogram)


def hits(event):
    """How often @event happened."""
    with open(f"{TRACING}/events/{event}/hist", encoding="ascii") as handle:
        return sum(map(int, re.findall(r"hitcount:\s*(\d+)", handle.read())))


def switches(pid):
    """Context switches of all threads of a process, kernel workers included."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        with open(path, encoding="ascii", errors="replace") as handle:
            total += sum(map(int, re.findall(r"ctxt_switches:\s*(\d+)",
                                             handle.read())))
    return total


def all_switches():
    """Context switches of the whole machine."""
    with open("/proc/stat", encoding="ascii") as handle:
        return int(re.search(r"ctxt (\d+)", handle.read()).group(1))


def snapshot(pids):
    """All counters; subtract an older snapshot from a newer one."""
    found = collections.Counter({name: hits(event)
                                 for name, (event, _) in HISTOGRAMS.items()})
    found["switches"] = sum(switches(pid) for pid in pids)
    return found
