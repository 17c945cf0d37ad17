# SPDX-License-Identifier: GPL-2.0-only
"""NVMe disks whose functions are given to guests, as sysfs tells of them: physical and
virtual functions, namespaces, mediated devices, and a record of whose data there are."""
import contextlib
import errno
import glob
import json
import os
import re
import time
import uuid

from . import guest, move
from .common import Failure, read

MDEV = "/sys/bus/mdev/devices"
BLOCK = "/sys/block"
DEV = "/dev"
RECORD = "/var/lib/parley/vf.json"
PF, VF = "parley_nvme_pf", "parley_nvme_vf"
TYPE = "parley_nvme_vf-1"
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

    def bind(self, name):
        """To the driver of this name; "" to the kernel's."""
        move.move(self, name)
        if name and self.driver != name:
            move.move(self, "")
            raise Failure(f"{self.address}: {name} did not take it; dmesg tells why")

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
        if read(path) in ("DMA-FQ", "identity"):
            put(path, "DMA")

    def drive(self):
        if self.driver == VF:
            return
        self.unbind()
        self.strict()
        self.bind(VF)

    def erase(self, way, seconds=86400):
        """Until nothing is left."""
        self.put("erase", way)
        within(seconds, lambda: not self.get("erase").startswith("runs"), "erasing")
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
        self.looked = [0, 0]        # commands and milliseconds of looking at lists

    @property
    def taken(self):
        return self.driver == PF

    def lines(self, name):
        """Words of a list for which the controller is asked."""
        before = self.commands()
        text = self.get(name)
        self.looked = [sum(n) for n in zip(self.looked, self.commands(),
                                           (-n for n in before))]
        return [line.split() for line in text.splitlines()]

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
            if not found and held(f"{DEV}/{disk}"):
                found.add(f"{disk} is held by the kernel or a program")
        return sorted(found)

    def facts(self):
        attached = self.attachments()
        return {"address": self.address, "driver": self.driver, "serial": self.serial,
                "state": self.get("state") or None, "disks": self.disks(),
                "on_demand": self.on_demand,
                "namespaces": [{"namespace": n, "blocks": size[0], "block_size": size[1],
                                "functions": attached.get(n, [])}
                               for n, size in self.namespaces().items()],
                "functions": [v.facts() for v in self.functions()]}


def held(path):
    """Opened exclusively, which also tells of what has no other sign."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL))
    except OSError as e:
        return e.errno == errno.EBUSY
    return False


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


# What outlives a boot: the kernel knows of owners as long as it runs. It lies in a file
# that is replaced as a whole, so a crash leaves what was before or what is after.

class Record:
    """owners: {serial: {namespace: UUID or "none"}}; pending: {serial: [namespaces]}, those
    that there were before one was made; measured: {serial: {what: [times, commands, ms]}}"""

    def __init__(self):
        self.data = {"owners": {}, "pending": {}, "measured": {}}
        text = read(RECORD)
        if text:
            try:
                self.data.update(json.loads(text))
            except ValueError as e:
                raise Failure(f"{RECORD} cannot be read ({e}): look at it, or remove it; then "
                              "nobody's data are known to be his") from e

    def save(self):
        os.makedirs(os.path.dirname(RECORD), exist_ok=True)
        new = f"{RECORD}.new"
        with open(new, "w", encoding="utf-8") as f:
            json.dump(self.data, f, indent=1)
            f.flush()
            os.fsync(f.fileno())
        os.replace(new, RECORD)
        with contextlib.suppress(OSError):
            folder = os.open(os.path.dirname(RECORD), os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(folder)
            os.close(folder)

    def owner(self, serial, nsid):
        return self.data["owners"].get(serial, {}).get(str(nsid), "unknown")

    def say(self, serial, nsid, owner):
        """Whose data are there; "unknown" forgets it."""
        owners = self.data["owners"].setdefault(serial, {})
        owners.pop(str(nsid), None)
        if owner != "unknown":
            owners[str(nsid)] = owner
        self.save()

    def pending(self, serial, namespaces):
        """Before one is made, those that there are; None: it is done."""
        self.data["pending"].pop(serial, None)
        if namespaces is not None:
            self.data["pending"][serial] = sorted(namespaces)
        self.save()

    @contextlib.contextmanager
    def measure(self, disk, what, times=1):
        """Count what is done inside, but not what is looked at."""
        before, start = disk.commands(), time.monotonic()
        disk.looked = [0, 0]
        yield
        sums = self.data["measured"].setdefault(disk.serial, {}).setdefault(what, [0, 0, 0, 0])
        after = disk.commands()
        looked = disk.looked
        for n, more in enumerate((times, after[0] - before[0] - looked[0],
                                  after[1] - before[1] - looked[1],
                                  (time.monotonic() - start) * 1000 - looked[1])):
            sums[n] += more
        self.save()
