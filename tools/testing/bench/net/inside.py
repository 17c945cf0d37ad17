# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: the same traffic through every kind of network card, all of
them cards of one inner guest, and counts what host and guest do for it.

Prints one line "# row {...}" for each figure; net.py makes tables of them.
"""

import os
import pathlib
import re
import subprocess
import sys

sys.path.append(os.path.join(os.environ["LAB_ROOT"], "tools/testing/bench/host"))
# pylint: disable=wrong-import-position
from cards import cards
from counted import Count, measure
from labkit.common import LabError
from labkit.inner import Inner, shell
from labkit.report import Report

STAGE = os.environ["STAGE"]
QUEUES = int(os.environ["QUEUES"])      # of each card, and as many processors
# How much of each: a round trip takes longer than a part of a stream, and only where it
# is timed it takes many to know the slowest of a hundred.
WORKS = {"tcp-send": 4, "tcp-recv": 4, "tcp-rr": 1 if STAGE == "time" else 0.125,
         "udp-send": 1, "udp-recv": 1, "xdp-drop": 1}
# With several queues: those of mainline's pair and ours, under these loads.
SCALED = ("tcp-send", "udp-send", "udp-recv")
# What is a packet: of each piece of work so many.
PACKETS = {"tcp-rr": 2}
LONG = 240      # seconds for a command, as in labkit.inner for a boot
COUNT = Count({"notifications": ("kvm/kvm_mmio", "hist:keys=type if type == 2")})
# Of the guest's shell: the interface at a PCI address, an address for it, and how often
# it has interrupted. The shell takes a line at a time.
FUNCTIONS = (
    "net() { for n in /sys/bus/pci/devices/0000:00:$1/net/* "
    "/sys/bus/pci/devices/0000:00:$1/*/net/*; do [ -e $n ] && echo ${n##*/}; done; }",
    "plug() { ip address add 10.0.$2.2/24 dev $(net $1) && ip link set $(net $1) up; }",
    "lines() { d=/sys/bus/pci/devices/0000:00:$1; ls $d/msi_irqs 2>/dev/null || cat $d/irq; }",
    "irqs() { for i in $(lines $1); do grep \"^ *$i:\" /proc/interrupts; done | awk "
    "'{ for (n = 2; $n ~ /^[0-9]+$/; n++) s += $n } END { print \"# irqs\", s + 0 }'; }")


def boot(report, some):
    """The inner guest, each card with its driver and an address."""
    fds = []
    more = [word for card in some for word in card.make().arguments(fds)]
    guest = Inner(report, "inner", [], mem=512, smp=QUEUES,
                  more=more, fds=fds, append="ipv6.disable=1 nokaslr")
    for fd in fds:
        os.close(fd)
    guest.boot()
    for line in FUNCTIONS:
        guest.run(line)
    guest.run("insert_ours && ours " + " ".join(c.slot for c in some if c.ours), LONG)
    guest.run("insert failover net_failover virtio_net e1000", LONG)
    for card in some:
        guest.run(f"wait_for 20 net {card.slot}; plug {card.slot} {card.number}; "
                  f"ping -c 3 -W 20 {card.host}", LONG)
        report.note(f"{card.name} works")
    return guest


def load(guest, card, work, count, jobs=1):
    """Run the load once; what it said."""
    return guest.run(f"/bin/load {work} {card.host} {count} {jobs} $(net {card.slot})", LONG)


def seconds(said):
    """How long it took."""
    return int(re.search(r"# took (\d+)", said).group(1)) / 1e9


def frames(card):
    """What has crossed the tap so far, however long each was."""
    folder = pathlib.Path(f"/sys/class/net/{card.tap}/statistics")
    return sum(int((folder / f"{way}_packets").read_text(encoding="ascii"))
               for way in ("rx", "tx"))


def difference(guest, card, work, count):
    """{what: per packet}. A short run is subtracted from a long one, so that starting and
    ending the load costs nothing."""
    def now():
        irqs = int(re.search(r"# irqs (\d+)", guest.run(f"irqs {card.slot}")).group(1))
        return COUNT.now() | {"interrupts": irqs, "frames": frames(card)}
    marks = [now()]
    short, long = count // 4, 2 * count
    for length in (short, long):
        load(guest, card, work, length)
        marks.append(now())
    extra = (long - short) * PACKETS.get(work, 1)
    return {what: (marks[2][what] - 2 * marks[1][what] + marks[0][what]) / extra
            for what in marks[0]}


def figures(stage, guest, load_of):
    """{what: figure} of one load."""
    card, work, count, jobs = load_of
    if stage == "count":
        return difference(guest, card, work, count)
    said = load(guest, card, work, count, jobs)
    packets = count * PACKETS.get(work, 1) * jobs
    program = re.search(r"# program (\w+)", said)
    note = {"program": program.group(1)} if program else {}
    if stage in ("instructions", "queues"):
        # The plugin has them; net.py finds them by their order.
        return note | {"packets": packets}
    found = {"rate": packets / seconds(said)}
    times = re.search(r"# p50 (\d+) p99 (\d+) jitter (\d+)", said)
    if times:
        found |= dict(zip(("p50", "p99", "jitter"), map(int, times.groups())))
    return found


def loads(some, count):
    """Every row's key, and the arguments of its load."""
    for work in SCALED if QUEUES > 1 else WORKS:
        for card in some:
            for jobs in sorted({1, QUEUES}):
                # Whole bursts, of a quarter of it as well.
                yield ({"work": work, "card": card.name, "jobs": jobs},
                       (card, work, max(int(count * WORKS[work]) // 256, 1) * 256, jobs))


def symbols(guest):
    """Hand out which code lies where, of the host's kernel and of the guest's modules:
    its kernel is the same, at the same place."""
    os.makedirs("/tmp/out")
    shell("mount", "-t", "9p", "-o", "trans=virtio,version=9p2000.L", "bench-out",
          "/tmp/out")
    lines = pathlib.Path("/proc/kallsyms").read_text(encoding="ascii")
    pathlib.Path("/tmp/out/symbols").write_text(lines, encoding="ascii")
    theirs = guest.run("grep -E '\\[(parley|virtio|net_fail|failover|e1000)' /proc/kallsyms")
    kernel = [line for line in lines.splitlines() if "[" not in line]
    pathlib.Path("/tmp/out/inner-symbols").write_text(
        "\n".join([*kernel, *theirs.splitlines()]) + "\n", encoding="ascii")


def measured(report, some):
    """One run of one stage, with somebody at the other end."""
    guest = boot(report, some)
    said = [line for line in guest.vm.said if "vhost" in line]
    report.equal(said, [], "QEMU has nothing to say about vhost")
    if STAGE in ("instructions", "queues"):
        symbols(guest)
    measure(report, guest, COUNT, list(loads(some, int(os.environ["COUNT"]))), figures)
    report.equal(guest.off(), 0, "the inner guest powers off")


def main():
    """One run of one stage."""
    report = Report()
    with subprocess.Popen([os.environ["BENCH_LOAD"], "serve"],
                          stdout=subprocess.PIPE) as server:
        try:
            server.stdout.readline()
            measured(report, cards(QUEUES))
        except (LabError, OSError) as error:
            report.result(False, "measured", error)
        finally:
            server.kill()
    return report.plan()


sys.exit(main())
