# SPDX-License-Identifier: GPL-2.0-only
"""Moves virtio PCI devices between the kernel's virtio-pci and Parley.

It only writes to sysfs; Documentation/takeover.rst says how to do so by hand.
"""
import os
import time

from . import atboot, guest
from .common import DONE, FAILED, Failure, complain, print_json, say


def within(seconds, condition):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(0.1)
    return True


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def move(device, override):
    """To the driver of this name; "" lets the kernel choose."""
    # A line, as echo writes it: sysfs takes no empty write.
    write(f"{device.dir}/driver_override", f"{override}\n")
    if os.path.exists(f"{device.dir}/driver"):
        write(f"{device.dir}/driver/unbind", device.address)
    try:
        write(f"{guest.PCI}/drivers_probe", device.address)
    except OSError:
        pass    # also when nobody takes it: what counts is looked at next


def modprobe(name):
    return os.spawnlp(os.P_WAIT, "modprobe", "modprobe", "-q", name) == 0


def need_module(name, what):
    """Loaded, or loaded now, or built in (then modprobe is content)."""
    if not os.path.isdir(f"/sys/module/{name}") and not modprobe(name) and \
            not os.path.isdir(f"/sys/module/{name}"):
        raise Failure(f"module {name} ({what}) is not loaded and modprobe does not find it: "
                      "make modules_install, or insmod it from where it was built")


def refuse_used(device, force):
    users = ", ".join(guest.users_of(device))
    if users and not force:
        raise Failure(f"{device.address} is in use: {users}. "
                      "Unmount it, swapoff or stop what is on it, or say --force")
    if users:
        complain(f"{device.address} is in use, going on by force: {users}")


def takeover(device, force):
    """Returns what to tell."""
    kind = guest.need_front_end(device)
    if device.driver == guest.OURS:
        return f"{device.address} is Parley's already"
    need_module(guest.OURS, "the PCI transport")
    need_module(f"parley_{kind}", f"the front-end for {kind}")
    refuse_used(device, force)
    move(device, guest.OURS)
    if device.driver != guest.OURS:
        move(device, "")
        raise Failure(f"{device.address}: {guest.OURS} did not take it, it is with "
                      f"{device.driver} again; dmesg tells why")
    if not within(10, lambda: device.front_end):
        move(device, "")
        raise Failure(f"{device.address}: no front-end took {kind}, it is with "
                      f"{device.driver} again; dmesg tells why")
    return f"{device.address} ({kind}) is driven by {device.front_end} now"


def giveback(device, force):
    kind = guest.need_type(device)
    if device.driver != guest.OURS:
        return f"{device.address} is not Parley's"
    refuse_used(device, force)
    move(device, "")
    if device.driver != guest.STOCK:
        raise Failure(f"{device.address}: {guest.STOCK} did not take it back; is its driver "
                      f"disabled? Parley with claim=1 keeps what is free: echo {guest.STOCK} "
                      f">{device.dir}/driver_override, unbind, and probe again")
    # The stock front-end is a module: udev loads it, or we do.
    if not within(2, lambda: device.front_end):
        modprobe(f"virtio_{kind}")
    if not within(8, lambda: device.front_end):
        complain(f"{device.address} has no front-end; modprobe its stock module")
    return f"{device.address} ({kind}) is driven by {device.front_end} now"


def each(verb, args):
    """All are tried; fails if one did."""
    if args.at_boot:
        return atboot.change(args, verb.__name__)
    chosen = [guest.find(a) for a in args.address]
    if args.all_of_type:
        chosen += guest.devices(args.all_of_type)
    if not chosen:
        of = f" of type {args.all_of_type}" if args.all_of_type else ""
        raise Failure(f"no device{of} to move; see parley status")
    if os.geteuid():
        raise Failure("only root can move devices; try sudo")
    code, results = DONE, []
    for device in chosen:
        result = {"address": device.address, "error": None}
        try:
            result["text"] = verb(device, args.force)
            if not args.json:
                say(result["text"])
        except (Failure, OSError) as e:
            code, result["error"] = FAILED, str(e)
            complain(e)
        results.append({**device.facts(), **result})
    if args.json:
        print_json(results)
    return code
