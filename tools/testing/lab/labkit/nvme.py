# SPDX-License-Identifier: GPL-2.0-only
"""Virtual functions of the NVMe disk of the guest that this runs in, as mediated
devices for guests of its own."""

import contextlib
import glob
import os
import re
import struct

from .common import LabError, put
from .limits import until

PCI = "/sys/bus/pci"
TYPE = "mdev_supported_types/parley_nvme_vf-"
CAP_POINTER = 0x34


def get(path):
    """Read one."""
    with open(path, encoding="utf-8") as handle:
        return handle.read().strip()


def driver(address):
    """The driver that a PCI function is bound to, or ""."""
    link = f"{PCI}/devices/{address}/driver"
    return os.path.basename(os.readlink(link)) if os.path.exists(link) else ""


def unbind(address):
    """Take a function from its driver; returns when the driver has let go."""
    if driver(address):
        put(f"{PCI}/devices/{address}/driver/unbind", address)


def bind(name, address):
    """Hand a function to a driver; "": to the kernel's."""
    unbind(address)
    put(f"{PCI}/devices/{address}/driver_override", name or "\n")
    with contextlib.suppress(OSError):
        put(f"{PCI}/drivers_probe", address)
    if name and driver(address) != name:
        raise LabError(f"{name} does not take {address}: see the kernel's log")


def writing(path, text):
    """A command that writes to a file of sysfs, for what makes us leave a device: who
    does that waits for us."""
    return ["sh", "-c", f"echo {text} >{path}"]


@contextlib.contextmanager
def capability(folder, kind, offset):
    """(value, what writes another) of a word in a capability of PCI's, by hand, as setpci
    would."""
    with open(f"{folder}/config", "r+b", buffering=0) as config:
        space = config.read(256)
        at = space[CAP_POINTER]
        while space[at] != kind:
            at = space[at + 1]

        def write(value):
            config.seek(at + offset)
            config.write(struct.pack("<H", value))

        yield struct.unpack_from("<H", space, at + offset)[0], write


def found_by(guest, name):
    """An inner guest loads the stock driver, which finds its disk; returns the guest."""
    guest.run(f"insert_stock && wait_for 60 test -b /dev/{name}", 120)
    return guest


def port(name, slot):
    """QEMU's arguments for a root port that something can be plugged into."""
    return ["-device", f"pcie-root-port,id={name},chassis={slot},addr={slot:#x}"]


def block_device(address):
    """The first namespace of a function that the kernel's driver has, or ""; one that
    several functions have has a name without theirs."""
    for path in glob.glob(f"{PCI}/devices/{address}/nvme/nvme*/nvme*n*"):
        return "/dev/" + re.sub(r"c\d+n", "n", os.path.basename(path))
    return ""


def patience():
    """A guest here is some thirty times slower than on hardware, and so it is looked at for
    so much longer after its last command."""
    put("/sys/module/parley_nvme_emu/parameters/linger_us", "60000")
    put("/sys/module/parley_nvme_emu/parameters/poll_us", "6000")


class Disk:
    """The disk of that serial number, which the kernel's driver has at first, and its
    virtual functions."""

    def __init__(self, serial="data"):
        self.serial = serial
        until(f"an NVMe disk {serial}", 60, lambda: os.path.exists(self.found()))
        self.name = self.found()
        controller = f"/sys/class/nvme/{os.path.basename(self.name)[:-2]}"
        self.pf = os.path.basename(os.path.realpath(f"{controller}/device"))
        self.folder = f"{PCI}/devices/{self.pf}"

    def found(self):
        """The block device of its first namespace where the kernel's driver has it, or ""."""
        # Which of several is called n1 is settled by who is found first.
        for path in glob.glob("/sys/block/nvme*"):
            if not re.fullmatch(r"nvme\d+n\d+", os.path.basename(path)):
                continue    # a path to one that has several
            with contextlib.suppress(OSError):
                if (get(f"{path}/device/serial"), get(f"{path}/nsid")) == (self.serial, "1"):
                    return f"/dev/{os.path.basename(path)}"
        return ""

    def take(self, functions=1, own=()):
        """Make virtual functions of it; returns their addresses, each in our driver.
        They get the namespaces of @own, one each, and nobody else has these."""
        bind("parley_nvme_pf", self.pf)
        put(f"{self.folder}/sriov_drivers_autoprobe", "0")
        put(f"{self.folder}/sriov_numvfs", str(functions))
        put(f"{self.folder}/sriov_drivers_autoprobe", "1")
        for namespace in set(own):
            self.detach(namespace)
        for number, namespace in enumerate(own, 1):
            put(f"{self.folder}/parley/ns_attach", f"{namespace} {number}")
        found = [os.path.basename(os.path.realpath(f"{self.folder}/virtfn{n}"))
                 for n in range(functions)]
        for address in found:
            bind("parley_nvme_vf", address)
        return found

    def detach(self, namespace):
        """From whoever has it."""
        for line in get(f"{self.folder}/parley/attachments").splitlines():
            number, *holders = map(int, line.split())
            for holder in holders if number == namespace else []:
                put(f"{self.folder}/parley/ns_detach", f"{namespace} {holder}")

    def give_back(self, own=()):
        """The kernel's driver has it again, whole: with the namespaces that take() gave
        away."""
        put(f"{self.folder}/sriov_numvfs", "0")
        for namespace in own:
            put(f"{self.folder}/parley/ns_attach", f"{namespace} 0")
        bind("", self.pf)
        until("the disk comes back", 60, lambda: os.path.exists(self.found()))
        return self.found()


class Mediated:
    """A mediated device, of a function at @address."""

    def __init__(self, address, uuid, kind="1", tenant=False):
        self.address = address
        self.kind = kind
        self.parent = f"{PCI}/devices/{address}"
        self.types = f"{self.parent}/{TYPE}{kind}"
        self.uuid = uuid
        self.folder = f"/sys/bus/mdev/devices/{uuid}"
        put(f"{self.types}/create", uuid)
        if not tenant:
            # What is on the lab's disk is for whoever comes.
            put(f"{self.parent}/parley/next_tenant", "keep")

    def type(self, name):
        """What its type says."""
        return get(f"{self.types}/{name}")

    def state(self):
        """Of the function."""
        return get(f"{self.parent}/parley/state")

    def migration(self):
        """(state, why the last state that came was refused, or "none")."""
        state, refused = get(f"{self.folder}/parley/migration").splitlines()
        return state, refused.split(" ", 1)[1]

    def belongs_to(self, uuid):
        """As root says of the data of its namespace."""
        put(f"{self.parent}/parley/owner", uuid)

    def is_copy_of(self, namespace, serial):
        """As root says of its namespace, for a guest that comes from the original."""
        put(f"{self.parent}/parley/copy_of", f"{namespace} {serial}")

    def reset_function(self):
        """As its administrator does, behind the back of who has the device."""
        put(f"{self.parent}/reset", "1")

    def gate(self):
        """What its memory gate counted."""
        lines = get(f"{self.folder}/parley/gate").splitlines()
        return {name: int(value) for name, value in map(str.split, lines)}

    def limit(self, line):
        """Set limits of it."""
        put(f"{self.folder}/parley/limits", line)

    def owner(self):
        """Whose data its namespace has."""
        return get(f"{self.parent}/parley/owner")

    def erase(self, way):
        """Nobody's from now on; returns what the file says then."""
        put(f"{self.parent}/parley/erase", way)
        until("erased", 60, lambda: not get(f"{self.parent}/parley/erase").startswith("runs"))
        return get(f"{self.parent}/parley/erase")

    def arguments(self, slot="", more=""):
        """QEMU's, behind a root port called @slot if there is to be one."""
        device = f"vfio-pci,id=mdev,sysfsdev={self.folder}{more}"
        if not slot:
            return ["-device", f"{device},addr=0x9"]
        return [*port(slot, 9), "-device", f"{device},bus={slot}"]

    def plug(self, guest, slot):
        """Into a guest that runs, behind its root port @slot; it is called like that."""
        guest.qmp("device_add", driver="vfio-pci", id=f"in-{slot}", bus=slot,
                  sysfsdev=self.folder)

    def remove(self):
        """As its administrator does; returns when its user has left it."""
        put(f"{self.folder}/remove", "1")

    def removing(self):
        """A command that does so."""
        return writing(f"{self.folder}/remove", 1)

    def unbinding(self):
        """A command that takes the function from its driver."""
        return writing(f"{self.parent}/driver/unbind", os.path.basename(self.parent))
