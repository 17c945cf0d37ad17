# SPDX-License-Identifier: GPL-2.0-only
"""Network cards of inner guests: taps and macvtaps of the outer one by /dev/parley-net,
and somebody there who sends back what he gets."""

import contextlib
import copy
import fcntl
import os
import pathlib
import re
import select
import socketserver
import struct
import threading

from .common import run
from .inner import Inner, shell

DEVICE = "/dev/parley-net"
# Of <linux/if_tun.h>.
TUNSETIFF = 0x400454ca
TAP, NO_PI, VNET_HDR, MULTI_QUEUE = 0x0002, 0x1000, 0x4000, 0x0100

# In the guest: the interface at a PCI address; and bytes sent to the host, compared
# with what comes back.
FUNCTIONS = """
net() { for n in /sys/bus/pci/devices/0000:00:$1/*/net/*; do [ -e $n ] && echo ${n##*/}; done; }
plug() { ip address add 10.0.$2.2/24 dev $(net $1) && ip link set $(net $1) up; }
echoed() { head -c $2 /dev/urandom >/tmp/$1.a && { echo $2; cat /tmp/$1.a; } |
 nc 10.0.$1.1 7 >/tmp/$1.b && cmp /tmp/$1.a /tmp/$1.b; }
carrier() { [ "$(cat /sys/class/net/$(net $1)/carrier)" = $2 ]; }
"""


class Echo(socketserver.ThreadingTCPServer):
    """Sends back as many bytes as the first line of a connection says."""
    allow_reuse_address = True
    daemon_threads = True

    class Handler(socketserver.BaseRequestHandler):
        """One connection; that it is broken off is the guest's affair."""

        def handle(self):
            try:
                line, _, data = self.line().partition(b"\n")
                self.back(int(line or 0) - len(data), data)
            except OSError:
                pass

        def line(self):
            """The first one, and what came with it."""
            data = bytearray()
            while b"\n" not in data and (part := self.request.recv(64)):
                data += part
            return data

        def back(self, left, data):
            """Send @data back, and @left bytes that are to come. Always takes what comes:
            who sends may not read before he has sent."""
            sock = self.request
            sock.setblocking(False)
            while left > 0 or data:
                reads, writes, _ = select.select([sock] if left > 0 else [],
                                                 [sock] if data else [], [])
                if reads:
                    part = sock.recv(min(left, 1 << 16))
                    if not part:
                        return
                    left -= len(part)
                    data += part
                if writes:
                    del data[:sock.send(data)]

    def __init__(self):
        super().__init__(("", 7), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Card:
    """A network card of the guest's, on a tap of ours; @number tells it from others.

    QEMU opens a tap by its name, or gets descriptors if there are several @queues.
    """

    def __init__(self, number, what, packed=False, header=True, queues=1, mergeable=True):
        self.number, self.what = number, what
        self.packed, self.header, self.queues = packed, header, queues
        self.mergeable = mergeable
        self.slot = f"{9 + number:02x}.0"
        self.id = f"n{number}"
        self.mac = f"52:54:00:00:00:0{number}"
        self.name = f"tap{number}"
        self.host = self.make()
        shell("ip", "address", "add", f"10.0.{number}.1/24", "dev", self.host)

    def make(self):
        """What it is plugged in; returns the interface that has the host's address."""
        many = ["multi_queue"] if self.queues > 1 else []
        shell("ip", "tuntap", "add", "dev", self.name, "mode", "tap", "vnet_hdr", *many)
        shell("ip", "link", "set", self.name, "up")
        return self.name

    def open_tap(self):
        """A descriptor for one pair of queues."""
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack(
            "16sH22x", self.name.encode(), TAP | NO_PI | VNET_HDR | MULTI_QUEUE))
        return fd

    def tap(self, fds):
        """What -netdev says of it."""
        if self.queues == 1:
            header = "on" if self.header else "off"
            return f"ifname={self.name},script=no,downscript=no,vnet_hdr={header}"
        taps = [self.open_tap() for _ in range(self.queues)]
        fds += taps
        return f"fds={':'.join(map(str, taps))}"

    def arguments(self, fds):
        """QEMU's; what they name is added to @fds."""
        vhost = [os.open(DEVICE, os.O_RDWR) for _ in range(self.queues)]
        fds += vhost
        several = "s" if self.queues > 1 else ""
        device = (f"virtio-net-pci,netdev={self.id},addr={self.slot},mac={self.mac},"
                  f"romfile=,packed={'on' if self.packed else 'off'},"
                  f"mrg_rxbuf={'on' if self.mergeable else 'off'}")
        if several:
            device += f",mq=on,vectors={2 * self.queues + 2}"
        return ["-netdev", f"tap,id={self.id},vhost=on,{self.tap(fds)},"
                f"vhostfd{several}={':'.join(map(str, vhost))}", "-device", device]


class Macvtap(Card):
    """One on a macvtap, at the other end of a cable between two interfaces."""

    def make(self):
        shell("ip", "link", "add", "near", "type", "veth", "peer", "name", "far")
        shell("ip", "link", "add", "link", "far", "name", "macvtap0", "address", self.mac,
              "type", "macvtap", "mode", "passthru")
        for name in ("near", "far", "macvtap0"):
            shell("ip", "link", "set", name, "up")
        return "near"

    def tap(self, fds):
        number = pathlib.Path("/sys/class/net/macvtap0/ifindex").read_text().strip()
        fds.append(os.open(f"/dev/tap{number}", os.O_RDWR | os.O_NONBLOCK))
        return f"fd={fds[-1]}"


class Bridged(Card):
    """One whose tap is a port of a bridge, so that another QEMU can have another port."""

    def make(self):
        bridge = f"bridge{self.number}"
        if not pathlib.Path("/sys/class/net", bridge).exists():
            shell("ip", "link", "add", bridge, "type", "bridge")
            shell("ip", "link", "set", bridge, "up")
        super().make()
        shell("ip", "link", "set", self.name, "master", bridge)
        return bridge

    def again(self, name):
        """The same card, for another QEMU, on the port called @name."""
        other = copy.copy(self)
        other.name = name
        other.make()
        return other

    def reached_by(self):
        """The port behind which the bridge knows the guest."""
        said = run(["bridge", "fdb", "show", "br", self.host])
        return re.findall(rf"^{self.mac} dev (\S+) master", said, re.M)


@contextlib.contextmanager
def plugged_in(cards):
    """What QEMU is told of @cards, and the descriptors that it inherits."""
    fds = []
    try:
        yield {"more": [word for card in cards for word in card.arguments(fds)],
               "fds": fds}
    finally:
        for fd in fds:
            os.close(fd)


def boot(report, name, cards, ours=False):
    """A guest that has its cards, and addresses on them."""
    with plugged_in(cards) as wires:
        guest = Inner(report, name, [], **wires)
    guest.boot()
    for line in FUNCTIONS.strip().replace(" |\n", " | ").split("\n"):
        guest.run(line)
    if ours:
        guest.run("insert_ours && ours " + " ".join(card.slot for card in cards))
    else:
        guest.run("insert failover net_failover virtio_net")
    for card in cards:
        guest.run(f"wait_for 20 net {card.slot}; plug {card.slot} {card.number}", 60)
    return guest


def start_load(guest, cards, size=100000):
    """Transfers of @size bytes on all cards, again and again."""
    for card in cards:
        guest.run(f"keep load{card.number} echoed {card.number} {size}")
