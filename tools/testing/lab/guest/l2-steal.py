# SPDX-License-Identifier: GPL-2.0-only
"""A guest whose processor is taken away now and then, by a thread of the host's that is
more urgent. What is stolen is known to it; a sender over UDP gives up too early by an
ordinary timer and not by an effective one; TCP undoes what it did for nothing.

All that carries packets is more urgent than the hog, so the network goes on while the
guest does not: it is the guest that is frozen, and not its peer."""

import os
import re
import subprocess
import sys

from labkit.common import LabError
from labkit.inner import Inner, shell
from labkit.report import Report

SHORT = (400, 500)              # milliseconds that the hog runs, and does not
LONG = (1500, 800)              # more than a time-out of TCP's on a slow day
HOG, NETWORK = "50", 60         # priorities
DELAY = 30                      # milliseconds to the guest
RTO = 200                       # of the sender's datagrams
DROP = 16                       # of so many datagrams one is lost
UDP, TCP = 8, 9                 # seconds of each
GUEST, HOST = "10.0.0.2", "10.0.0.1"
COUNTS = "/sys/kernel/debug/parley_steal"


def network():
    """A tap, with some way to the guest."""
    shell("ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "vnet_hdr")
    shell("ip", "address", "add", f"{HOST}/24", "dev", "tap0")
    shell("ip", "link", "set", "tap0", "up")
    shell("tc", "qdisc", "add", "dev", "tap0", "root", "netem", "delay", f"{DELAY}ms")
    return ["-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no,vhost=off",
            "-device", "virtio-net-pci,netdev=n0,addr=9.0,romfile="]


def urgent(guest):
    """QEMU's threads but those that are the guest's processors."""
    processors = {cpu["thread-id"] for cpu in guest.qmp("query-cpus-fast")}
    for name in os.listdir(f"/proc/{guest.vm.process.pid}/task"):
        if int(name) not in processors:
            os.sched_setscheduler(int(name), os.SCHED_FIFO, os.sched_param(NETWORK))


class Hog:
    """Takes the guest's processor away in bursts, as long as one is in it."""

    def __init__(self, burst):
        self.burst = burst
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(["steal", "hog", *map(str, self.burst), HOG])

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def serve(*argv):
    """A program of the host's that the guest talks to."""
    return subprocess.Popen(["chrt", "-f", str(NETWORK), "steal", *map(str, argv)])


def numbers(text):
    """name=number of what a program said."""
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", text)}


def insert(guest, source):
    """Our modules, with stolen time from there."""
    guest.run("rmmod parley_tcp parley_steal 2>/dev/null; true")
    guest.run(f"insmod /lib/??-parley_steal.ko source={source} && insert parley_tcp")
    said = guest.run(f"head -n 1 {COUNTS}/cpus")
    return said.split()[1]


def counted(guest, path):
    """The names and numbers of a file of ours."""
    return {name: int(value) for name, value in
            re.findall(r"(\w+) (\d+)", guest.run(f"cat /sys/kernel/debug/{path}"))}


def stolen(guest):
    """Milliseconds: by /proc/stat and by us."""
    ticks = int(guest.run("grep '^cpu0 ' /proc/stat").split()[8])
    row = guest.run(f"grep '^   0 ' {COUNTS}/cpus").split()
    return 10 * ticks, int(row[2]) // 1000000


def is_known(report, guest):
    """The kernel knows that time is stolen, and so do we, not less."""
    before = stolen(guest)
    with Hog(SHORT):
        guest.wait(2)
        guest.run("n=0; while [ $n -lt 5000 ]; do n=$((n + 1)); done")
    after = stolen(guest)
    kernel, ours = after[0] - before[0], after[1] - before[1]
    report.note(f"stolen: {kernel} ms by /proc/stat, {ours} ms by parley_steal")
    report.result(kernel > 0, "time is stolen from the guest", kernel)
    report.result(abs(ours - kernel) <= max(20, kernel // 10), "which we know as well",
                  f"{ours} of {kernel}")


def sender(report, guest, kind, source):
    """One of them, frozen now and then; returns what it counted."""
    before = stolen(guest)[1]
    with Hog(SHORT):
        text = guest.run(f"steal send {HOST} 7001 {UDP} {RTO} {kind}", 60)
    got = numbers(text)
    lost = got["timeouts"] - got["spurious"]
    report.note(f"udp, {kind}{source}: {stolen(guest)[1] - before} ms stolen, {text.strip()}")
    report.equal(got["answered"], got["datagrams"],
                 f"{kind}{source}: all was answered in the end")
    report.result(lost >= got["answered"] // DROP - 1,
                  f"{kind}{source}: what was lost was sent again", got)
    return got


def udp(report, guest):
    """A retransmission timer, ordinary and effective."""
    peer = serve("serve", 7001, 0, DROP)
    ordinary = sender(report, guest, "ordinary", "")
    report.result(ordinary["spurious"] > 2, "an ordinary timer gives up too early", ordinary)
    for source in ("kvm", "kcpustat"):
        report.equal(insert(guest, source), source, f"stolen time is read from {source}")
        effective = sender(report, guest, "effective", f" by {source}")
        timers = counted(guest, "parley_steal/timers")
        report.note(f"timers, {source}: {timers}")
        report.result(timers["held"] > 0, "an effective one waits", timers)
        report.result(3 * effective["spurious"] <= ordinary["spurious"],
                      "and gives up too early at most a third as often", effective)
    peer.kill()


def flow(report, guest, congestion):
    """A little by TCP, all the time; returns what the kernel counted of it."""
    netstat = "grep '^TcpExt' /proc/net/netstat"

    def count():
        names, values = (line.split()[1:] for line in guest.run(netstat).splitlines())
        return dict(zip(names, map(int, values)))

    before = count()
    with Hog(LONG):
        text = guest.run(f"steal flow {HOST} 7002 {TCP} {congestion}", 60)
    after = count()
    got = {name: after[name] - before[name]
           for name in ("TCPTimeouts", "TCPSpuriousRTOs", "TCPLossUndo")} | numbers(text)
    report.note(f"tcp, {congestion}: {got}")
    return got


def tcp(report, guest):
    """Without what the kernel finds out by itself."""
    peer = serve("sink", 7002)
    insert(guest, "auto")
    for name in ("timestamps", "sack", "frto", "early_retrans"):
        guest.run(f"echo 0 >/proc/sys/net/ipv4/tcp_{name}")
    reno = flow(report, guest, "reno")
    ours = flow(report, guest, "parley")
    counts = counted(guest, "parley_tcp/timeouts")
    report.note(f"tcp: {counts}")
    report.result(reno["TCPTimeouts"] > 0, "stolen time makes TCP time out", reno)
    report.result(counts["undone"] > 0, "which parley undoes", counts)
    report.result(ours["TCPLossUndo"] >= counts["undone"], "as the kernel counts, too", ours)
    report.equal(reno["TCPLossUndo"], 0, "and nobody does for reno")
    peer.kill()


def main():
    """One guest."""
    report = Report()
    try:
        guest = Inner(report, "frozen", [], smp=1, more=network()).boot()
        guest.run("insert failover net_failover virtio_net && "
                  "mount -t debugfs debugfs /sys/kernel/debug")
        guest.run(f"wait_for 20 test -e /sys/class/net/eth0 && "
                  f"ip address add {GUEST}/24 dev eth0 && ip link set eth0 up")
        urgent(guest)
        report.note(f"source: {insert(guest, 'auto')}")
        for line in guest.run("steal abi", 60).splitlines():
            found = re.match(r"(not )?ok \d+ - (.*)", line)
            if found:
                report.result(not found[1], f"device: {found[2]}", line)
        is_known(report, guest)
        udp(report, guest)
        if os.environ.get("TCP"):
            tcp(report, guest)
        guest.run("rmmod parley_tcp parley_steal")
        report.equal(guest.off(), 0, "the guest powers off")
    except (LabError, OSError) as error:
        report.result(False, "a frozen guest", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
