# SPDX-License-Identifier: GPL-2.0-only
"""What Documentation/bridge.rst tells an operator: parley-bridge.service under
systemd, and the domain of that page under libvirt. Its disk, memory and socket
are used as they are written there."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

from labkit import disks
from labkit.common import LabError, children
from labkit.inner import ANSWER, BOOT, CONSOLE, WITHOUT, shell
from labkit.limits import PATIENCE, until
from labkit.report import Report

ROOT = os.environ["LAB_ROOT"]
SYSTEMD = "/lib/systemd/systemd"
NEEDED = [SYSTEMD, "/usr/sbin/libvirtd", "/usr/sbin/virtlogd", "/usr/bin/virsh"]
SYSTEMD_PID = []    # as we see it
LOGS = ["/tmp/systemd.log", "/var/log/libvirt/qemu/vm1.log", "/tmp/console.log"]
TALK = "/tmp/talk.sock"
FIO = ("fio --name=verify --filename=/dev/{disk} --rw=randwrite --bs=4k "
       "--size=4M --iodepth=16 --ioengine=libaio --direct=1 --thread "
       "--verify=crc32c --verify_fatal=1 --randrepeat=0")


def documented(marker):
    """The literal block of the page that holds @marker."""
    with open(f"{ROOT}/Documentation/bridge.rst", encoding="utf-8") as page:
        for block in re.findall(r"::.*\n\n((?:  .*\n|\n)+)", page.read()):
            if marker in block:
                return re.sub("(?m)^  ", "", block)
    raise LabError(f"no block with {marker!r} in bridge.rst")


def systemctl(*words):
    """Ask systemd, from within its container; returns what is printed."""
    return shell("nsenter", "--target", SYSTEMD_PID[0], "--pid", "--mount", "--root",
                 "env", "SYSTEMD_IGNORE_CHROOT=1", "systemctl", *words, seconds=60)


def start_systemd():
    """systemd as the first process of a container that shares our files."""
    os.makedirs("/etc/systemd/system", exist_ok=True)
    with open("/etc/systemd/system/lab.target", "w", encoding="ascii") as unit:
        unit.write("[Unit]\nDescription=Nothing but what is asked for\n")
    shell("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
    with open("/tmp/systemd.log", "wb") as log:
        outer = subprocess.Popen(["unshare", "--pid", "--fork", "--mount-proc",
                                  "--kill-child", SYSTEMD, "--system",
                                  "--unit=lab.target", "--log-target=console"],
                                 env={"container": "lab", "PATH": os.environ["PATH"]},
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    until("systemd", 60, lambda: os.path.exists("/run/systemd/private"))
    SYSTEMD_PID.extend(map(str, children(outer.pid)))
    until("its target", 60, lambda: "active" in systemctl("show", "-P", "ActiveState",
                                                          "lab.target").split())


def make_user():
    """As Debian's libvirt does when it is installed as a service."""
    if subprocess.run(["getent", "passwd", "libvirt-qemu"], check=False,
                      stdout=subprocess.DEVNULL).returncode:
        shell("useradd", "--system", "--user-group", "--groups", "kvm",
              "libvirt-qemu")


def start_libvirt():
    """The daemons, by hand: nothing but ours is asked of systemd."""
    # A /dev of its own for each QEMU cannot be made in the lab's chroot.
    os.makedirs("/etc/libvirt", exist_ok=True)
    with open("/etc/libvirt/qemu.conf", "w", encoding="ascii") as conf:
        conf.write("namespaces = []\n")
    shell("chgrp", "kvm", "/dev/kvm")
    shell("chmod", "660", "/dev/kvm")
    for daemon in ("virtlogd", "libvirtd"):
        shell(daemon, "--daemon")
    until("libvirtd", 60, lambda: os.path.exists("/run/libvirt/libvirt-sock"))


def child(parent, tag, text=None, **attributes):
    """One more element."""
    found = ET.SubElement(parent, tag, attributes)
    found.text = text
    return found


def domain(text):
    """The documented domain, small, with our kernel and a port to talk to."""
    tree = ET.fromstring(text)
    tree.find("memory").text = "256"
    tree.find("memory").set("unit", "MiB")
    tree.find("vcpu").text = "2"
    system = tree.find("os")
    # Where libvirt's user can read them.
    for tag in ("kernel", "initrd"):
        path = f"/tmp/{tag}"
        shutil.copyfile(os.environ[f"LAB_INNER_{tag.upper()}"], path)
        child(system, tag, path)
    child(system, "cmdline", CONSOLE)
    # As labkit.inner has it.
    cpu = child(tree, "cpu", mode="host-passthrough", check="none")
    for feature in WITHOUT:
        child(cpu, "feature", policy="disable", name=feature)
    devices = tree.find("devices")
    serial = child(devices, "serial", type="file")
    child(serial, "source", path=LOGS[2])
    channel = child(devices, "channel", type="unix")
    child(channel, "source", mode="bind", path=TALK)
    child(channel, "target", type="virtio", name="talk")
    child(devices, "memballoon", model="none")
    return ET.tostring(tree, encoding="unicode")


class Talk:
    """The shell of the guest, see guest/init-inner."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(TALK)
        self.lines = self.sock.makefile("r", encoding="utf-8", errors="replace")
        self.answer(BOOT)

    def answer(self, seconds):
        """(status, output) of what runs."""
        self.sock.settimeout(max(seconds, ANSWER) * PATIENCE)
        printed = []
        for line in self.lines:
            if line.startswith("@DONE "):
                return int(line.split()[1]), "".join(printed)
            printed.append(line)
        raise LabError("the guest went away:\n" + "".join(printed))

    def begin(self, command):
        """Start it."""
        self.sock.sendall(command.encode() + b"\n")

    def run(self, command, seconds=60):
        """Its output; fails if it does."""
        self.begin(command)
        status, text = self.answer(seconds)
        if status:
            raise LabError(f"{command}: status {status}\n{text}")
        return text.strip()


def serve(report):
    """The bridge as a service, with the page's configuration."""
    # What the lab compiled: an emulated processor takes minutes for it.
    shell("make", "-C", f"{ROOT}/tools/bridge", "PREFIX=/usr",
          f"O={os.path.dirname(os.environ['LAB_BRIDGE'])}", "install", seconds=120)
    verify = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
         "/usr/lib/systemd/system/parley-bridge.service"], check=False,
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    report.equal(verify.stdout + verify.stderr, "", "systemd-analyze has no complaint")
    line = next(l for l in documented("# socket, back end").splitlines()
                if l.startswith("disk "))
    path = re.search(r"path=([^,]*)", line)[1]
    os.makedirs("/srv", exist_ok=True)
    image = disks.make_image("/srv/vm1.img", 32)
    os.makedirs("/etc/parley", exist_ok=True)
    with open("/etc/parley/bridge.conf", "w", encoding="ascii") as conf:
        conf.write(line.replace(path, image) + "\n")
    systemctl("daemon-reload")
    systemctl("start", "parley-bridge")
    report.result(True, "systemctl start")
    report.equal(oct(os.stat("/run/parley/vm1.sock").st_mode & 0o777), "0o660",
                 "the socket is there, for its group")
    return image


def state(prop):
    """What systemd knows of the service."""
    return systemctl("show", "-P", prop, "parley-bridge").strip()


def use(report, guest, image):
    """The guest's side, with a restart and a kill under load."""
    queues = guest.run("insert virtio_blk && wait_for 20 test -e /dev/vda && "
                       "ls /sys/block/vda/mq | wc -l")
    report.equal(queues, "2", "a queue for each of the guest's processors")
    bits = guest.run("cat /sys/block/vda/device/features")
    report.equal(bits[34], "1", "packed rings")
    report.result(True, "fio verifies", guest.run(FIO.format(disk="vda"), 120))
    guest.begin("keep load " + FIO.format(disk="vda"))
    guest.answer(30)
    time.sleep(1)
    systemctl("restart", "parley-bridge")
    time.sleep(2)
    pid = state("MainPID")
    systemctl("kill", "-s", "KILL", "parley-bridge")
    until("systemd starts it again", 30, lambda: state("ActiveState") == "active"
          and state("MainPID") not in ("0", pid))
    time.sleep(2)
    systemctl("reload", "parley-bridge")
    # More often than systemd's own patience would last.
    for _ in range(6):
        pid = state("MainPID")
        systemctl("kill", "-s", "KILL", "parley-bridge")
        until("systemd starts it once more", 30, lambda: state("ActiveState") ==
              "active" and state("MainPID") not in ("0", pid))
    rounds = guest.run("kept load 90", 120)
    report.result(int(rounds) > 0, "restarted and killed under load, nothing was lost",
                  rounds)
    report.equal(state("ActiveState"), "active", "the service is up")
    report.equal(guest.run("sum_of vda", 60), disks.sum_of(image),
                 "the image is what the guest sees")


def main():
    """The whole of it."""
    report = Report()
    missing = [path for path in NEEDED if not shutil.which(path)]
    if missing:
        report.count += 1
        print(f"ok {report.count} - libvirt # SKIP not installed: {' '.join(missing)}")
        return report.plan()
    make_user()
    start_systemd()
    image = serve(report)
    start_libvirt()
    with open("/tmp/vm1.xml", "w", encoding="utf-8") as handle:
        handle.write(domain(documented("<domain")))
    report.result(True, "virsh define", shell("virsh", "define", "--validate", "/tmp/vm1.xml",
                                              seconds=120))
    started = subprocess.run(["virsh", "start", "vm1"], check=False, text=True,
                             stdin=subprocess.DEVNULL, capture_output=True)
    if not report.equal(started.stderr, "", "virsh start"):
        return report.plan()
    with open(LOGS[1], encoding="utf-8") as log:
        for line in log:
            if "vhost-user-blk" in line or "memory-backend" in line:
                report.note(line.strip())
    guest = Talk()
    use(report, guest, image)
    guest.begin("@OFF")
    until("the end of the domain", 60,
          lambda: "shut off" in shell("virsh", "domstate", "vm1"))
    report.result(True, "the domain ends")
    systemctl("stop", "parley-bridge")
    report.equal((state("Result"), os.path.exists("/run/parley/vm1.sock")),
                 ("success", False), "systemctl stop ends it, and its socket is gone")
    return report.plan()


try:
    sys.exit(main())
except LabError:
    for name in LOGS:
        if os.path.exists(name):
            with open(name, encoding="utf-8", errors="replace") as said:
                print(f"# {name}:", *said.read().splitlines()[-20:], sep="\n#   ")
    raise
