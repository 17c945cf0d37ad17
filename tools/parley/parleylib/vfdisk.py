# SPDX-License-Identifier: GPL-2.0-only
"""NVMe disks whose functions are given to guests, as sysfs tells of them: physical and
virtual functions, namespaces, mediated devices."""
import contextlib
import errno
import glob
import os
import re
import time
import uuid

from . import guest, move
from . import policies as policies_of
from .common import Failure, read, undoing

MDEV = "/sys/bus/mdev/devices"
BLOCK = "/sys/block"
DEV = "/dev"
PF, VF = "parley_nvme_pf", "parley_nvme_vf"
TYPE = "parley_nvme_vf-"
WAYS = ("write-zeroes", "deallocate-and-verify")
NVME = "0x010802"


def put(path, text):
    """Write to sysfs; a refusal says of what."""
    try:
        move.write(path, f"{text}\n")
    except OSError as e:
        raise Failure(f"{path}: {os.strerror(e.errno)}; dmesg tells why") from e


def within(seconds, finished, what):
    if not move.within(seconds, finished):
        raise Failure(f"{what}: not within {seconds} s; dmesg tells why")


class Function:
    """A PCI function."""

    def __init__(self, address):
        self.address = address
        self.dir = f"{guest.PCI}/devices/{address}"

    @property
    def driver(self):
        return guest.link_name(f"{self.dir}/driver")

    def get(self, name, default=""):
        """A file of ours."""
        return read(f"{self.dir}/parley/{name}", default)

    def put(self, name, text):
        put(f"{self.dir}/parley/{name}", text)

    def unbind(self):
        if self.driver:
            put(f"{self.dir}/driver/unbind", self.address)


class Virtual(Function):
    """A virtual function; @number counts from 1."""

    def __init__(self, address, number):
        super().__init__(address)
        self.number = number

    @property
    def nsid(self):
        words = self.get("namespace").split()
        return int(words[0]) if words else 0

    @property
    def owner(self):
        return self.get("owner", "") or "unknown"

    def mediated(self):
        """UUIDs of its devices."""
        return [name for name in sorted(os.listdir(self.dir)) if is_uuid(name)] \
            if os.path.isdir(self.dir) else []

    def strict(self):
        """What its IOMMU unmaps is unmapped at once: as long as it has no driver."""
        path = f"{self.dir}/iommu_group/type"
        if read(path) not in (None, "DMA"):
            put(path, "DMA")

    @property
    def erasing(self):
        return self.get("erase").startswith("runs")

    def in_use(self):
        """A guest has it, or had it and is not erased yet."""
        return bool(self.mediated()) or self.erasing

    def drive(self, policies):
        """Our driver has it; if it had not, these {type: text} hold from now on."""
        if self.driver == VF:
            return
        self.unbind()
        self.strict()
        with undoing(self.unbind):
            move.move(self, VF)
            if self.driver == VF:
                self.rule(policies)
        if self.driver != VF:
            # And nobody's: the kernel's own would show a tenant's disk to this machine.
            raise Failure(f"{self.address}: {VF} did not take it; dmesg tells why")

    def rule(self, policies):
        """These {type: text} hold for devices that are opened from now on."""
        for kind, text in policies.items():
            policies_of.Parent(self.address, kind).write(text.encode("latin-1"))

    def create(self, kind, tenant):
        """A mediated device of a type, which may be said without the driver's name."""
        types = f"{self.dir}/mdev_supported_types"
        name = TYPE + kind.removeprefix(TYPE)
        if os.path.isdir(types) and name not in os.listdir(types):
            there = (n.removeprefix(TYPE) for n in sorted(os.listdir(types)))
            raise Failure(f"{self.address} has no type {kind}; it has {', '.join(there)}")
        put(f"{types}/{name}/create", tenant)

    def begin_erase(self, way):
        self.put("erase", way)

    def erased(self, seconds=86400):
        """Waits until nothing is left."""
        within(seconds, lambda: not self.erasing, "erasing")
        said = self.get("erase")
        if not said.startswith("done"):
            raise Failure(f"{self.address}: its namespace is not erased: {said}; dmesg tells why")

    def facts(self):
        return {"address": self.address, "number": self.number, "driver": self.driver,
                "state": self.get("state") or None, "namespace": self.nsid or None,
                "owner": self.owner, "erase": self.get("erase") or None,
                "mediated": self.mediated()}


class Physical(Function):
    """A physical function that is, or may become, ours."""

    def __init__(self, address):
        super().__init__(address)
        # Commands, their milliseconds, milliseconds: of looking at lists, and of what is
        # measured by itself.
        self.apart = [0, 0, 0]

    @property
    def taken(self):
        return self.driver == PF

    def bind(self, name):
        """To the driver of this name; "" to the kernel's."""
        move.move(self, name)
        if name and self.driver != name:
            move.move(self, "")
            raise Failure(f"{self.address}: {name} did not take it; dmesg tells why")

    def lines(self, name):
        """Words of a list for which the controller is asked."""
        before = self.spent()
        text = self.get(name)
        self.set_apart([now - then for now, then in zip(self.spent(), before)])
        found = [line.split() for line in text.splitlines()]
        if ["more"] in found:
            raise Failure(f"{self.address} has more namespaces than {name} can show")
        return found

    def spent(self):
        """Commands, their milliseconds, milliseconds: up to now, and without those apart."""
        now = (*self.commands(), time.monotonic() * 1000)
        return [n - apart for n, apart in zip(now, self.apart)]

    def set_apart(self, cost):
        self.apart = [sum(n) for n in zip(self.apart, cost)]

    @property
    def serial(self):
        return self.get("serial") or None

    @property
    def numvfs(self):
        return int(read(f"{self.dir}/sriov_numvfs", "0"))

    def functions(self):
        links = ((int(re.search(r"\d+$", p)[0]), p) for p in glob.glob(f"{self.dir}/virtfn*"))
        return [Virtual(guest.link_name(path), n + 1) for n, path in sorted(links)]

    def namespaces(self):
        """{number: (blocks, bytes of one)}"""
        return {int(w[0]): (int(w[1]), int(w[2])) for w in self.lines("namespaces")}

    def attachments(self):
        """{namespace: [virtual functions]}"""
        return {int(w[0]): [int(n) for n in w[1:]] for w in self.lines("attachments")}

    def capacity(self):
        """Bytes of all namespaces, and those that none has; zeroes, if it does not say."""
        words = (self.lines("capacity") or [["0", "0"]])[0]
        return int(words[0]), int(words[1])

    def format(self):
        """(number, bytes of a block) of the format that a new namespace gets: the first
        without metadata, which no function serves."""
        plain = [(int(w[0]), int(w[1])) for w in self.lines("formats") if w[2] == "0"]
        if not plain:
            raise Failure(f"{self.address} does not say which formats a namespace can have")
        return plain[0]

    def online(self):
        """Numbers of the virtual functions that are."""
        lines = (line.split() for line in self.get("vfs").splitlines())
        return {int(w[0]) for w in lines if w[2] == "online"}

    def commands(self):
        """Admin commands so far, and their milliseconds."""
        words = (self.get("commands") or "0 0").split()
        return int(words[0]), int(words[1]) / 1000

    @property
    def on_demand(self):
        return self.get("on_demand") == "1"

    def make(self, nr, on_demand=False):
        """So many virtual functions, none of them in the hands of the kernel's driver."""
        if self.get("on_demand") != str(int(on_demand)):
            self.put("on_demand", int(on_demand))
        put(f"{self.dir}/sriov_drivers_autoprobe", 0)
        try:
            put(f"{self.dir}/sriov_numvfs", nr)
        finally:
            put(f"{self.dir}/sriov_drivers_autoprobe", 1)

    def disks(self):
        """Names of the kernel's disks on it."""
        found = set()
        for path in glob.glob(f"{self.dir}/nvme/nvme*/nvme*"):
            # A path of several to one disk, nvme0c1n1, has the disk's name without c1.
            name = re.fullmatch(r"(nvme\d+)(?:c\d+)?(n\d+)", os.path.basename(path))
            if name:
                found.add(name[1] + name[2])
        return sorted(found)

    def users(self):
        """Why it must not be taken away, one line for each reason."""
        found = set()
        for disk in self.disks():
            folder = f"{BLOCK}/{disk}"
            for path in [folder, *map(os.path.dirname, glob.glob(f"{folder}/*/partition"))]:
                found.update(guest.users_of_block(path))
        if found:
            return sorted(found)
        try:
            with self.held():
                return []
        except Failure as e:
            return [str(e)]

    @contextlib.contextmanager
    def held(self):
        """By us, as a mount would: nobody begins to use one of its disks meanwhile. This also
        tells of users of whom there is no other sign."""
        with contextlib.ExitStack() as stack:
            for disk in self.disks():
                path = f"{DEV}/{disk}"
                try:
                    fd = os.open(path, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)
                except OSError as e:
                    raise Failure(f"{disk} is held by the kernel or a program"
                                  if e.errno == errno.EBUSY else
                                  f"{path}: {e.strerror}, so who has it cannot be told") from e
                stack.callback(os.close, fd)
            yield

    def facts(self):
        attached = self.attachments()
        return {"address": self.address, "driver": self.driver, "serial": self.serial,
                "state": self.get("state") or None, "disks": self.disks(),
                "on_demand": self.on_demand,
                "namespaces": [{"namespace": n, "blocks": size[0], "block_size": size[1],
                                "functions": attached.get(n, [])}
                               for n, size in self.namespaces().items()],
                "functions": [v.facts() for v in self.functions()]}


def is_uuid(text):
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def disks():
    """Every physical NVMe function."""
    for path in sorted(glob.glob(f"{guest.PCI}/devices/*")):
        if read(f"{path}/class") == NVME and not os.path.exists(f"{path}/physfn"):
            yield Physical(os.path.basename(path))


def find(address):
    """The physical function at an address."""
    name = guest.full(address)
    found = next((d for d in disks() if d.address == name), None)
    if not found:
        raise Failure(f"there is no NVMe disk at {address}; parley vf list shows those")
    return found


def need_taken(address=None):
    """One that is ours; without an address, the only one."""
    found = [find(address)] if address else [d for d in disks() if d.taken]
    if address and not found[0].taken:
        raise Failure(f"{address} is not Parley's: parley vf take {address}")
    if len(found) != 1:
        raise Failure(f"{len(found)} disks are Parley's: say which" if found else
                      "no disk is Parley's: parley vf take ADDRESS")
    return found[0]


def find_function(name):
    """(disk, virtual function) of an address or of the UUID of its device."""
    for disk in disks():
        for function in disk.functions():
            if guest.full(name) == function.address or name in function.mediated():
                return disk, function
    raise Failure(f"there is no virtual function or mediated device {name}; parley vf list "
                  "shows those")


def complete():
    """Addresses of disks and functions, and names of devices."""
    for disk in disks():
        yield disk.address
        for function in disk.functions():
            yield from (function.address, *function.mediated())
