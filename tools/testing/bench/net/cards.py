# SPDX-License-Identifier: GPL-2.0-only
"""Network cards of an inner guest, each on a tap of the host's: emulated, mainline's pair
and ours. All taps are alike, and so are the offloads of all that are virtio."""

import dataclasses
import fcntl
import os
import struct

from labkit.inner import shell, words

# Of <linux/if_tun.h>.
TUNSETIFF = 0x400454ca
TAP, NO_PI, VNET_HDR, MULTI_QUEUE = 0x0002, 0x1000, 0x4000, 0x0100
FIRST_SLOT = 9
MAINLINE, OURS = "/dev/vhost-net", "/dev/parley-net"


@dataclasses.dataclass
class Card:
    """One card; @back is what serves it, "" being QEMU itself."""
    name: str
    number: int
    back: str = ""
    ours: bool = False          # the driver in the guest
    packed: bool = False
    in_order: bool = False
    model: str = "virtio-net-pci"
    queues: int = 1

    @property
    def slot(self):
        """Where the guest finds it."""
        return f"{FIRST_SLOT + self.number:02x}.0"

    @property
    def tap(self):
        """The host's end."""
        return f"tap{self.number}"

    @property
    def host(self):
        """The host's address there."""
        return f"10.0.{self.number}.1"

    def make(self):
        """The tap, up and with an address."""
        shell("ip", "tuntap", "add", "dev", self.tap, "mode", "tap", "vnet_hdr",
              *(["multi_queue"] if self.queues > 1 else []))
        shell("ip", "address", "add", f"{self.host}/24", "dev", self.tap)
        shell("ip", "link", "set", self.tap, "up")
        return self

    def _open_tap(self):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        flags = TAP | NO_PI | VNET_HDR | (MULTI_QUEUE if self.queues > 1 else 0)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", self.tap.encode(), flags))
        return fd

    def _several(self, what, fds):
        return f"{what}{'s' if self.queues > 1 else ''}={':'.join(map(str, fds))}"

    def arguments(self, fds):
        """QEMU's; the descriptors that they name are added to @fds."""
        taps = [self._open_tap() for _ in range(self.queues)]
        vhost = [os.open(self.back, os.O_RDWR) for _ in range(self.queues)] \
            if self.back else []
        fds += taps + vhost
        back = [self._several("fd", taps), f"vhost={'on' if vhost else 'off'}"]
        if vhost:
            back.append(self._several("vhostfd", vhost))
        device = {"driver": self.model, "netdev": f"n{self.number}", "addr": self.slot,
                  "mac": f"52:54:00:00:00:0{self.number}", "romfile": ""}
        if self.model != "e1000":
            device |= {"packed": "on" if self.packed else "off",
                       "in_order": "on" if self.in_order else "off"}
        if self.queues > 1:
            device |= {"mq": "on", "vectors": 2 * self.queues + 2}
        return ["-netdev", f"tap,id=n{self.number}," + ",".join(back),
                "-device", words(device).replace("driver=", "", 1)]


def cards(queues):
    """One of each kind, mainline's first; with several queues those that are compared."""
    kinds = ({"name": "e1000", "model": "e1000"},
             {"name": "qemu"},
             {"name": "vhost", "back": MAINLINE},
             {"name": "split", "back": OURS, "ours": True},
             {"name": "packed", "back": OURS, "ours": True, "packed": True},
             {"name": "in order", "back": OURS, "ours": True, "packed": True,
              "in_order": True})
    return [Card(number=number, queues=queues, **kind)
            for number, kind in enumerate(kinds) if queues == 1 or "back" in kind]
