# SPDX-License-Identifier: GPL-2.0-only
"""Tells the scheduling device of a VM what its guest's counter shows, and hands the guest's
clock over from one device to another.

What the counter is by the host's, only KVM knows: it adds an offset to each guest's, and may
scale it. A guest whose counter is to be faster than the host's, on a processor that cannot
scale, may have one that is set forward at each entry; then the rate is QEMU's to say."""
import contextlib
import errno
import fcntl
import glob
import os
import struct

from . import qmp
from .common import DONE, Failure, print_json, read, say
from .loopback import READ, WRITE, _io
from .register import device_of

# <linux/parley_sched.h> and <linux/kvm.h>
CLOCK = struct.Struct("=IIQQQ")         # flags, 0, what it shows, the time of day, counter
COUNTER = struct.Struct("=QIIQ")        # ratio, its fraction bits, flags, offset
GET_CLOCK, SET_CLOCK = _io(READ, 0xC5, CLOCK.size), _io(WRITE, 0xC6, CLOCK.size)
SET_COUNTER = _io(WRITE, 0xC7, COUNTER.size)
REALTIME, NOW = 1, 1
KVM_CREATE_VM, KVM_GET_TSC_KHZ = 0xAE01, 0xAEA3
KVM = "/sys/kernel/debug/kvm"
TOLERANCE = "/sys/module/kvm/parameters/tsc_tolerance_ppm"
SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
ONCE = ("tsc", "hyperv_clocksource_tsc_page")
FRACTION = 32                           # bits of a ratio of ours
WORD = 1 << 64


def number(path):
    """What a file of KVM's says; None if there is none."""
    text = read(path)
    return int(text, 0) if text else None


def host_khz():
    """The rate of this machine's counter, as KVM takes it."""
    with contextlib.ExitStack() as stack:
        kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
        stack.callback(os.close, kvm)
        vm = fcntl.ioctl(kvm, KVM_CREATE_VM, 0)
        stack.callback(os.close, vm)
        return fcntl.ioctl(vm, KVM_GET_TSC_KHZ, 0)


def catches_up(khz, host):
    """Without scaling: is it so much faster that KVM sets it forward? Where its own clock is
    made of the counter, it does so once, and the guest has the host's rate from there on."""
    return read(SOURCE) not in ONCE and khz > host * (1000000 + (number(TOLERANCE) or 0)) // 1000000


def counter(pid, hz):
    """The guest's counter by the host's: ratio, its fraction bits, flags, offset."""
    folder = next(iter(glob.glob(f"{KVM}/{pid}-*/vcpu0")), None)
    offset = folder and number(f"{folder}/tsc-offset")
    if offset is None:
        raise Failure(f"{KVM} has no counter of process {pid}: a guest of KVM on x86, and "
                      "debugfs, are needed")
    ratio = number(f"{folder}/tsc-scaling-ratio")
    if ratio is not None:
        bits = number(f"{folder}/tsc-scaling-ratio-frac-bits")
        return ratio, bits, 0, offset % WORD
    khz = hz // 1000
    try:
        host = host_khz()
    except OSError as e:
        raise Failure(f"/dev/kvm: {e.strerror}") from None
    if catches_up(khz, host):
        return (khz << FRACTION) // host, FRACTION, NOW, offset % WORD
    return 1, 0, 0, offset % WORD


def call(fd, what, request, words):
    try:
        return fcntl.ioctl(fd, request, words)
    except OSError as e:
        why = {errno.ENOTTY: "this kernel's device has no clock",
               errno.ERANGE: "it was away for more than a day"}.get(e.errno, e.strerror)
        raise Failure(f"{what}: {why}") from None


def shown(fd):
    """(what the clock shows, the time of day), or None before it has begun."""
    words = bytearray(CLOCK.size)
    try:
        fcntl.ioctl(fd, GET_CLOCK, words)
    except OSError as e:
        if e.errno == errno.ENODATA:
            return None
        raise Failure(f"the clock: {e.strerror}") from None
    _, _, ns, realtime, _ = CLOCK.unpack(words)
    return ns, realtime


def feed(device, pid, hz, handed):
    """Returns what the clock shows then."""
    with device.file() as fd:
        call(fd, "the guest's counter", SET_COUNTER, COUNTER.pack(*counter(pid, hz)))
        if handed:
            call(fd, "the clock", SET_CLOCK, CLOCK.pack(REALTIME, 0, *handed, 0))
        return shown(fd)


def clock(args):
    if os.geteuid():
        raise Failure("only root may borrow files of others, and read KVM's; try sudo")
    pid, hz = qmp.counter(args.qmp)
    device = device_of(pid)
    if not device:
        raise Failure(f"no scheduling device serves process {pid}: parley-bridge --sched, and "
                      "ivshmem-doorbell in QEMU")
    try:
        found = feed(device, pid, hz, args.hand_over)
    except OSError as e:
        raise Failure(f"device {device.id} is gone ({e.strerror})") from None
    finally:
        device.close()
    ns, realtime = found or (None, None)
    if args.json:
        print_json({"device": device.id, "process": pid, "hz": hz, "ns": ns,
                    "realtime_ns": realtime}, one_line=True)
    elif found:
        say(f"device {device.id}: --hand-over {ns}@{realtime}")
    else:
        say(f"device {device.id}: the guest has not begun its clock yet")
    return DONE
