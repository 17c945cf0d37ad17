# SPDX-License-Identifier: GPL-2.0-only
"""/dev/parley-sched by its own calls, and the front-end of this kernel joined to it."""
import errno
import fcntl
import os
import struct

VIEW = "/sys/kernel/debug/parley_vhost_sched/vms"
F_YIELD, F_HINTS, F_CLOCK, F_COUNT = (1 << n for n in range(4))     # features
NODES = 64


def call(number, size=0):
    return (0x40000000 | size << 16 if size else 0) | 0xAF << 8 | number


SET_OWNER = call(0x01)
JOIN = call(0xB8, 24)
GET_CLOCK, SET_CLOCK = 0x80000000 | call(0xC5, 32) & ~0x40000000, call(0xC6, 32)
SET_NR, SET_VCPU, SET_BUDGET, SET_STEPS = (call(0xC0 + n, 8 if n else 4) for n in range(4))
SET_PMCS = call(0xC8, 20)
SET_NODES = call(0xC9, 4 + 4 * NODES)


def said(fd, number, *values):
    """What a call says: 0, or the name of an error."""
    try:
        fcntl.ioctl(fd, number, struct.pack(f"{len(values)}i", *values) if values else 0)
        return 0
    except OSError as err:
        return errno.errorcode[err.errno]


def device(nr):
    """One of so many vCPUs; 0: that is not said yet."""
    fd = os.open("/dev/parley-sched", os.O_RDWR)
    fcntl.ioctl(fd, SET_OWNER)
    if nr:
        fcntl.ioctl(fd, SET_NR, struct.pack("i", nr))
    return fd


def join(fd, features):
    """Until the descriptor that is returned is closed."""
    loop = os.open("/dev/parley-loopback", os.O_RDWR)
    fcntl.ioctl(loop, JOIN, struct.pack("iIIIQ", fd, 2, 16, 0, features))
    return loop


def view():
    """What the host shows."""
    with open(VIEW, encoding="ascii") as text:
        return text.read()


def forked(function, *args):
    """A process that does that, and ends with what it returns."""
    child = os.fork()
    if not child:
        os._exit(function(*args) or 0)
    return child
