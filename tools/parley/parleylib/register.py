# SPDX-License-Identifier: GPL-2.0-only
"""Tells the scheduling device of a VM which threads its vCPUs are.

QEMU says that by its monitor, and is believed as far as it speaks of itself: a thread has to
be one of the process that the monitor belongs to, and the device has to be one that serves
this very process. So a QEMU in the hands of its guest can name its own threads only, and no
mistake joins a VM to the device of another.

The device is the bridge's, whose processes have no privileges. Its file is borrowed from
them (pidfd_getfd) for the moment of a call, so none lives longer for our sake."""
import contextlib
import ctypes
import errno
import fcntl
import os
import select
import signal
import socket
import struct

from . import qmp
from .common import DONE, Failure, complain, print_json, say
from .loopback import PARLEY_VHOST_GET_ID, READ, WRITE, _io
from .vcpus import PROC, Task, numbers

END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
INTERVAL = 2                    # seconds: nothing tells of a vCPU that is plugged in

# <linux/vhost.h> and <linux/parley_sched.h>
VHOST_VDPA_GET_DEVICE_ID = _io(READ, 0x70, 4)
VHOST_VDPA_GET_CONFIG = _io(READ, 0x73, 8)
VCPU = struct.Struct("=Ii")
PARLEY_SCHED_SET_VCPU = _io(WRITE, 0xC1, VCPU.size)
NODES = 64                      # of a guest, at most
NODE_TABLE = struct.Struct(f"=I{NODES}i")
PARLEY_SCHED_SET_NODES = _io(WRITE, 0xC9, NODE_TABLE.size)
CONFIG = struct.Struct("=IIHHI")        # where, how much; versions, number of vCPUs
SCHED_ID = 0x5053
NODE = "/dev/parley-sched"
FDINFO = "parley-vhost:\tsched "
SYS_PIDFD_GETFD = 438           # on all machines


def pidfd_getfd(pidfd, number):
    """A file of another process, which is ours as well then."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_PIDFD_GETFD, pidfd, number, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd


class Process:
    """One that has files, and whose number stays its own as long as this is open."""

    def __init__(self, pid):
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)

    def close(self):
        os.close(self.pidfd)

    def ended(self):
        return bool(select.select([self.pidfd], [], [], 0)[0])

    @contextlib.contextmanager
    def borrowed(self, number):
        fd = pidfd_getfd(self.pidfd, number)
        try:
            yield fd
        finally:
            os.close(fd)

    def links(self):
        """(number, what it leads to) of each file that is open."""
        for number in numbers(f"{PROC}/{self.pid}/fd"):
            with contextlib.suppress(OSError):
                yield number, os.readlink(f"{PROC}/{self.pid}/fd/{number}")

    def is_device(self, number, link):
        """Is this a scheduling device? A link says what the file's owner has called it,
        and a file system of his answers us when it likes, so the kernel is asked."""
        if link != NODE:
            return False
        try:
            with open(f"{PROC}/{self.pid}/fdinfo/{number}", encoding="ascii",
                      errors="replace") as f:
                return any(line.startswith(FDINFO) for line in f)
        except OSError:
            return False

    def peer(self, number):
        """Which process is at the other end of a socket; 0 for none."""
        with self.borrowed(number) as fd, socket.socket(fileno=os.dup(fd)) as s:
            if s.family != socket.AF_UNIX:
                return 0
            return qmp.CREDENTIALS.unpack(s.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, qmp.CREDENTIALS.size))[0]

    def serves(self, pid, links):
        """Is this process that one, or joined to it by a socket?"""
        if self.pid == pid:
            return True
        for number, link in links:
            if link.startswith("socket:"):
                with contextlib.suppress(OSError):
                    if self.peer(number) == pid:
                        return True
        return False


def number_of(fd):
    """A device's, if this is a scheduling device."""
    word = bytearray(4)
    fcntl.ioctl(fd, VHOST_VDPA_GET_DEVICE_ID, word)
    if struct.unpack("=I", word)[0] != SCHED_ID:
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
    fcntl.ioctl(fd, PARLEY_VHOST_GET_ID, word)
    return struct.unpack("=I", word)[0]


class Device:
    """A scheduling device that serves a VM, in the hands of a process that may be the VM's."""

    def __init__(self, process, number, pid):
        self.process, self.number, self.pid = process, number, pid
        with process.borrowed(number) as fd:
            self.id = number_of(fd)
            config = bytearray(CONFIG.pack(0, CONFIG.size - 8, 0, 0, 0))
            fcntl.ioctl(fd, VHOST_VDPA_GET_CONFIG, config)
        self.vcpus = CONFIG.unpack(config)[4]
        self.known = {}         # vCPU: (thread, its start), as we said it

    def close(self):
        self.process.close()

    def serves(self, pid):
        """Does it still, and this one? QEMU may be another one meanwhile."""
        return self.pid == pid and not self.process.ended()

    @contextlib.contextmanager
    def file(self):
        """It, unless another file has its number meanwhile."""
        with self.process.borrowed(self.number) as fd:
            if number_of(fd) != self.id:
                raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
            yield fd


def device_of(pid):
    """That which serves this process; None if there is none."""
    for other in numbers(PROC):
        try:
            process = Process(other)
        except OSError:
            continue
        found = None
        try:
            found = search(process, pid)
        finally:
            if not found:
                process.close()
        if found:
            return found
    return None


def search(process, pid):
    links = list(process.links())
    for number, link in links:
        if process.is_device(number, link) and process.serves(pid, links):
            try:
                return Device(process, number, pid)
            except OSError as e:
                raise Failure(f"the device of process {process.pid}: {e.strerror} (run as "
                              "root; kernel.yama.ptrace_scope=3 forbids it)") from None
    return None


def start_of(pid, tid):
    """When a thread of this process began; Failure if it is none of it."""
    try:
        task = Task(f"{pid}/task/{tid}")
    except OSError:
        task = None
    if not task or task.dead:
        raise Failure(f"thread {tid} is none of process {pid}, which names it; nothing is "
                      "registered")
    return task.start


def set_vcpu(fd, vcpu, tid):
    try:
        fcntl.ioctl(fd, PARLEY_SCHED_SET_VCPU, VCPU.pack(vcpu, tid))
    except OSError as e:
        why = {errno.EBUSY: "it is a vCPU of another device already",
               errno.EPERM: "only who has CAP_SYS_NICE may say that"}.get(e.errno, e.strerror)
        raise Failure(f"thread {tid} as vCPU {vcpu}: {why}") from None


def set_nodes(fd, nodes):
    """On which node of the host the memory of each of the guest's is; none: vCPUs stay."""
    table = NODE_TABLE.pack(len(nodes), *nodes, *[-1] * (NODES - len(nodes)))
    try:
        fcntl.ioctl(fd, PARLEY_SCHED_SET_NODES, table)
    except OSError as e:
        why = "the host does not have all of them" if e.errno == errno.EINVAL else e.strerror
        raise Failure(f"nodes {','.join(map(str, nodes))}: {why}") from None


def settle(device, pid, threads, nodes=()):
    """Make the device know just these; returns what changed, {vCPU: thread or 0}.

    A number of a thread may be another's later. So a thread is looked at before the call and
    after it: if it is the same one of the same process, it was so all the time."""
    wanted = {v: (tid, start_of(pid, tid)) for v, tid in threads.items() if v < device.vcpus}
    changed = {}
    with device.file() as fd:
        if not device.known:    # whatever was said before, by one of us that was killed
            for v in range(device.vcpus):
                set_vcpu(fd, v, 0)
            set_nodes(fd, nodes)
        for v in [v for v, known in device.known.items() if wanted.get(v) != known]:
            set_vcpu(fd, v, 0)
            del device.known[v]
            changed[v] = 0
        for v, (tid, start) in wanted.items():
            if v in device.known:
                continue
            set_vcpu(fd, v, tid)
            device.known[v] = wanted[v]
            changed[v] = tid
            try:
                same = start_of(pid, tid) == start
            except Failure:
                same = False
            if not same:
                set_vcpu(fd, v, 0)
                del device.known[v]
                raise Failure(f"thread {tid}, vCPU {v}, ended meanwhile")
    return changed


class Watch:
    """Looks again and again; what is said twice is said once."""

    def __init__(self, args):
        self.args = args
        self.device = None
        self.told = None

    def tell(self, text, **more):
        if self.args.json:
            print_json({"text": text, **more}, one_line=True)
        else:
            say(f"register: {text}")

    def lose(self):
        if self.device:
            self.device.close()
        self.device = None

    def find(self, pid):
        if self.device and not self.device.serves(pid):
            self.tell(f"device {self.device.id} is gone", device=self.device.id)
            self.lose()
        if not self.device:
            self.device = device_of(pid)
        if not self.device:
            raise Failure(f"no scheduling device serves process {pid}: parley-bridge --sched, "
                          "and ivshmem-doorbell in QEMU")
        return self.device

    def look(self):
        """Returns {vCPU: thread} of what is registered."""
        pid, threads = qmp.vcpus(self.args.qmp)
        device = self.find(pid)
        try:
            changed = settle(device, pid, threads, self.args.nodes or ())
        except OSError as e:
            self.lose()
            raise Failure(f"device {device.id} is gone ({e.strerror})") from None
        for v, tid in sorted(changed.items()):
            self.tell(f"device {device.id}: vCPU {v} is thread {tid} of process {pid}" if tid
                      else f"device {device.id}: vCPU {v} has no thread any more",
                      device=device.id, vcpu=v, thread=tid, process=pid)
        more = sorted(v for v in threads if v >= device.vcpus)
        if more:
            raise Failure(f"device {device.id} is for {device.vcpus} vCPUs, and this VM has "
                          f"more: {more[0]}; see vcpus= of parley-bridge")
        return {v: tid for v, (tid, _) in device.known.items()}

    def try_to_look(self):
        """What fails may go better later: QEMU may come, and vCPUs may."""
        try:
            self.look()
            self.told = None
        except Failure as e:
            if str(e) != self.told:
                complain(e)
            self.told = str(e)

    def until_told(self):
        self.try_to_look()
        while signal.sigtimedwait(END, self.args.interval or INTERVAL) is None:
            self.try_to_look()


def register(args):
    if os.geteuid():
        raise Failure("only root may schedule the threads of others, and borrow files of "
                      "theirs; try sudo")
    watch = Watch(args)
    signal.pthread_sigmask(signal.SIG_BLOCK, END)
    try:
        if args.once:
            watch.look()
        else:
            watch.until_told()
    finally:
        watch.lose()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, END)
    return DONE
