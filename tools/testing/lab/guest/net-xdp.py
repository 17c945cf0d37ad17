# SPDX-License-Identifier: GPL-2.0-only
"""net-xdp.py INTERFACE VERDICT TIMES SECONDS: attaches a program that always says
VERDICT (drop, pass) to INTERFACE for so long, and takes it off again; so many TIMES.

The program has two instructions and is loaded by bpf(2), for which no library is needed;
a link holds it as long as its file is open.
"""
import ctypes
import os
import socket
import struct
import sys
import time

NR_BPF = 321
PROG_LOAD, LINK_CREATE = 5, 28
TYPE_XDP, ATTACH_XDP, DRIVER_MODE = 6, 37, 4
VERDICTS = {"drop": 1, "pass": 2}

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    attr = ctypes.create_string_buffer(attributes, 128)
    fd = libc.syscall(NR_BPF, command, attr, 128)
    if fd < 0:
        number = ctypes.get_errno()
        sys.exit(f"bpf({command}): {os.strerror(number)}")
    return fd


def load(verdict):
    # mov r0, VERDICT; exit
    text = ctypes.create_string_buffer(struct.pack("=BBhi", 0xb7, 0, 0, verdict) +
                                       struct.pack("=BBhi", 0x95, 0, 0, 0))
    name = ctypes.create_string_buffer(b"GPL")
    return bpf(PROG_LOAD, struct.pack("=IIQQ", TYPE_XDP, 2, ctypes.addressof(text),
                                      ctypes.addressof(name)))


def main():
    name, verdict, times, seconds = sys.argv[1:]
    program = load(VERDICTS[verdict])
    for _ in range(int(times)):
        link = bpf(LINK_CREATE, struct.pack("=IIII", program, socket.if_nametoindex(name),
                                            ATTACH_XDP, DRIVER_MODE))
        time.sleep(float(seconds))
        os.close(link)
        time.sleep(float(seconds))


main()
