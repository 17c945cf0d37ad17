# SPDX-License-Identifier: GPL-2.0-only
"""The virtio PCI devices of this machine, as sysfs tells of them."""
import glob
import os

from .common import Failure, read, table

PCI = "/sys/bus/pci"
OURS = "parley_pci"
STOCK = "virtio-pci"

TYPE_NAMES = {1: "net", 2: "blk", 3: "console", 4: "rng", 5: "balloon", 8: "scsi", 9: "9p",
              16: "gpu", 18: "input", 19: "vsock", 20: "crypto", 23: "iommu", 24: "mem",
              25: "sound", 26: "fs", 27: "pmem"}
HERE = os.path.dirname(os.path.realpath(__file__))


def front_ends():
    """Names of the types that Parley drives, from a table that is installed beside us."""
    table = read(f"{HERE}/front-ends") or read(f"{HERE}/../../dist/front-ends", "")
    return tuple(line.split()[1] for line in table.splitlines() if line[:1].isdigit())


FRONT_ENDS = front_ends()


def link_name(path):
    """What a link of sysfs points to, without the folders; None if there is none."""
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return None


class Device:
    """A PCI function; its facts are read anew each time, since they change."""

    def __init__(self, address):
        self.address = address
        self.dir = f"{PCI}/devices/{address}"

    @property
    def type(self):
        """Modern ids carry the type, transitional ones leave it to the subsystem id.

        None if it is no virtio device.
        """
        if read(f"{self.dir}/vendor") != "0x1af4":
            return None
        number = int(read(f"{self.dir}/device", "0"), 16)
        if not 0x1000 <= number <= 0x107f:
            return None
        if number >= 0x1040:
            number -= 0x1040
        else:
            number = int(read(f"{self.dir}/subsystem_device", "0"), 16)
        return TYPE_NAMES.get(number, str(number))

    @property
    def driver(self):
        return link_name(f"{self.dir}/driver")

    def _bus_devices(self):
        return sorted(glob.glob(f"{self.dir}/parley[0-9]*") +
                      glob.glob(f"{self.dir}/virtio[0-9]*"))

    @property
    def bus_device(self):
        """parleyN or virtioN."""
        return next((os.path.basename(d) for d in self._bus_devices()), None)

    @property
    def front_end(self):
        return next(filter(None, (link_name(f"{d}/driver") for d in self._bus_devices())), None)

    def disks(self):
        """Folders of its block devices in sysfs."""
        return sorted(glob.glob(f"{self.dir}/*/block/*"))

    def facts(self):
        return {"side": "guest", "address": self.address, "type": self.type,
                "driver": self.driver, "device": self.bus_device,
                "front_end": self.front_end,
                "disks": [os.path.basename(d) for d in self.disks()]}


def devices(kind=None):
    """Every virtio PCI device, or those of one type."""
    for path in sorted(glob.glob(f"{PCI}/devices/*")):
        device = Device(os.path.basename(path))
        if device.type and (kind is None or device.type == kind):
            yield device


def full(address):
    """With the domain, which may be left out."""
    return address if address.count(":") >= 2 else f"0000:{address}"


def find(address):
    """The device at an address."""
    name = full(address)
    if "/" in name or not os.path.isdir(f"{PCI}/devices/{name}"):
        raise Failure(f"there is no PCI device {address}; parley status shows those of virtio")
    return Device(name)


def need_type(device):
    """The type of a virtio device."""
    kind = device.type
    if not kind:
        raise Failure(f"{device.address} is no virtio PCI device; parley status shows those")
    return kind


def need_front_end(device):
    """The type of a device that Parley can drive."""
    kind = need_type(device)
    if kind not in FRONT_ENDS:
        raise Failure(f"{device.address} is of type {kind}, and Parley has front-ends for "
                      f"{', '.join(FRONT_ENDS[:-1])} and {FRONT_ENDS[-1]} only")
    return kind


def status_lines(facts):
    """A table; whether a device is taken over at boot is a column if any is."""
    head = ["ADDRESS", "TYPE", "DRIVER", "DEVICE", "FRONT-END"]
    rows = [[d["address"], d["type"], d["driver"] or "-", d["device"] or "-",
             d["front_end"] or "-"] for d in facts]
    if any(d["at_boot"] for d in facts):
        head.append("AT-BOOT")
        rows = [[*row, "taken" if d["at_boot"] else "-"] for row, d in zip(rows, facts)]
    head.append("DISKS")
    return table(head, [[*row, ",".join(d["disks"])] for row, d in zip(rows, facts)])


# Who uses a device: one line for each reason not to pull it away.

def users_of_block(folder):
    """Of a disk or a partition, by its folder in sysfs."""
    name, number = os.path.basename(folder), read(f"{folder}/dev")
    for holder in sorted(glob.glob(f"{folder}/holders/*")):
        yield f"{name} is part of {os.path.basename(holder)}"
    for line in read("/proc/self/mountinfo", "").splitlines():
        words = line.split(" ")
        if words[2] == number:
            yield f"{name} is mounted on {words[4]}"
    # File systems over several devices have a number of their own.
    for line in read("/proc/self/mounts", "").splitlines():
        if line.split(" ")[0] == f"/dev/{name}":
            yield f"{name} is mounted on {line.split(' ')[1]}"
    for line in read("/proc/swaps", "").splitlines():
        if line.split()[0] == f"/dev/{name}":
            yield f"{name} is swap space"


def users_of(device):
    users = set()
    for disk in device.disks():
        users.update(users_of_block(disk))
        for partition in glob.glob(f"{disk}/*/partition"):
            users.update(users_of_block(os.path.dirname(partition)))
    for net in glob.glob(f"{device.dir}/*/net/*"):
        if int(read(f"{net}/flags", "0"), 16) & 1:
            users.add(f"interface {os.path.basename(net)} is up")
    return sorted(users)
