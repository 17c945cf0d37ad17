# SPDX-License-Identifier: GPL-2.0-only
"""What is taken over at each boot: a file of PCI addresses and types, which the
script at-boot of tools/dist reads in the initramfs and in the system."""
import os
import shutil
import subprocess

from . import guest
from .common import DONE, Absent, Failure, print_json, read, say

CONF = "/etc/parley/takeover.conf"
SCRIPT = "/usr/lib/parley/at-boot"
TYPES = ", ".join(guest.FRONT_ENDS)
HEAD = f"""# What Parley takes over at boot, one PCI address or type ({TYPES}) a line.
# `parley takeover --at-boot` adds lines here, `parley giveback --at-boot` removes
# them. After a change by hand: update-initramfs -u, or dracut --force.
"""
# Whichever the distribution has; the initramfs holds a copy of the file.
GENERATORS = (("update-initramfs", "-u", "-k", "all"),
              ("dracut", "--force", "--regenerate-all"))


def words():
    """Those in force, without comments."""
    lines = (line.split() for line in read(CONF, "").splitlines())
    return [line[0] for line in lines if line and not line[0].startswith("#")]


def covers(device):
    return bool({device.address, device.type} & set(words()))


def add(wanted):
    os.makedirs(os.path.dirname(CONF), exist_ok=True)
    new = [w for w in wanted if w not in words()]
    text = read(CONF, HEAD.strip())
    with open(CONF, "w", encoding="utf-8") as f:
        f.write("\n".join([text, *new]) + "\n")
    return new


def remove(unwanted):
    """Lines go, comments stay."""
    missing = [w for w in unwanted if w not in words()]
    if missing:
        raise Failure(f"{CONF} does not name {', '.join(missing)}; it names "
                      f"{', '.join(words()) or 'nothing'}")
    lines = [line for line in read(CONF).splitlines()
             if (line.split() or [""])[0] not in unwanted]
    with open(CONF, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    return unwanted


def rebuild_initramfs():
    """Returns the command that did so, None where there is no such thing."""
    command = next((c for c in GENERATORS if shutil.which(c[0])), None)
    if not command:
        return None
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failure(f"{CONF} is written, but the initramfs is as it was: "
                      f"{' '.join(command)} failed: {done.stdout.strip()}")
    return " ".join(command)


def change(args, verb):
    """takeover --at-boot, giveback --at-boot."""
    taking = verb == "takeover"
    wanted = [guest.full(a) for a in args.address]
    if taking:
        if not os.path.exists(SCRIPT):
            raise Absent(f"{SCRIPT} is not installed: make install (or the package's tools)")
        for address in wanted:
            guest.need_front_end(guest.find(address))
    if args.all_of_type:
        wanted.append(args.all_of_type)
    if not wanted:
        raise Failure("no device named; see parley status")
    if os.geteuid():
        raise Failure("only root can change what happens at boot; try sudo")
    changed = add(wanted) if taking else remove(wanted)
    command = rebuild_initramfs()
    if args.json:
        print_json({"at_boot": words(), "changed": changed, "initramfs": command})
        return DONE
    what = "taken over at each boot" if taking else "left alone at boot"
    say(f"{', '.join(wanted)}: {what} from the next one on")
    if not command:
        say("there is no update-initramfs or dracut here; what the initramfs mounts "
            "has to be taken over in it, see takeover.rst")
    return DONE
