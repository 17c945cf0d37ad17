# SPDX-License-Identifier: GPL-2.0-only
"""A guest with a Debian of its own on its disk, which boots as any machine does:
an initramfs of a stock generator, udev, systemd. tools/make-home makes it; what
costs time is kept in the cache, keyed by what it is made of."""

import hashlib
import os
import shutil

from .common import BUILD, CACHE, GUEST, LabError, ROOT, TOOLS, locked, need, run, say

DIST = ROOT / "tools/dist"
MAKE = TOOLS / "make-home"
PACKAGES = ("systemd-sysv", "udev", "kmod", "e2fsprogs", "initramfs-tools", "dracut-core",
            "busybox-static", "zstd")
SIZE = "1G"
SCRIPT = """stty raw -echo
. /lab/env
LAB_LIB=/lab/lib.sh LAB_ENV=/lab/env bash /lab/script
echo "@EXIT $?"
sleep 0.05
systemctl poweroff -ff
"""


def as_root(verb, *words):
    """Run make-home, in mounts of its own."""
    sudo = [] if os.geteuid() == 0 else [need("sudo", "sudo"), "-n"]
    run([*sudo, need("unshare", "util-linux"), "--mount", MAKE, verb, *words])


def archive():
    """(suite, mirror) of the machine's own Debian."""
    with open("/etc/os-release", encoding="utf-8") as f:
        words = dict(line.strip().split("=", 1) for line in f if "=" in line)
    suite = words.get("VERSION_CODENAME", "")
    found = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
                 f"Codename: {suite}", "Component: main"]).split()
    if not found:
        raise LabError(f"apt has no source for {suite or 'this Debian'}: see /etc/apt")
    return suite, found[0]


def key_of(*parts):
    """A short name for what these texts, bytes and files say together."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if hasattr(part, "read_bytes") else str(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:12]


def base(kernel):
    """The root file system without anything of ours, made on first use."""
    need("debootstrap", "debootstrap")
    suite, mirror = archive()
    tree = CACHE / f"home-{suite}-{key_of(suite, kernel.release, *PACKAGES)}"
    with locked(tree.with_suffix(".lock")):
        if tree.exists():
            return tree
        say(f"making a small Debian in {tree}, once, about 3 minutes")
        fresh = tree.with_name(tree.name + ".new")
        if fresh.exists():
            as_root("forget", fresh)
        as_root("base", fresh, suite, mirror, ",".join(PACKAGES), kernel.tree, kernel.release)
        fresh.rename(tree)
    return tree


def initramfs(kernel, generator, modules):
    """With our modules and files, by one of the stock generators."""
    below = base(kernel)
    files = sorted(path for path in DIST.iterdir() if path.is_file())
    key = key_of(below.name, generator, MAKE, *files, *modules)
    out = BUILD / f"home-{generator}.cpio"
    stamp = out.with_suffix(".key")
    with locked(out.with_suffix(".lock")):
        if not out.exists() or not stamp.exists() or stamp.read_text() != key:
            say(f"making an initramfs by {generator}")
            as_root("initramfs", below, out, generator, kernel.release, DIST, *modules)
            stamp.write_text(key)
    return out


def make(kernel, folder, scenario, modules):
    """The disk, as the image of the drive "root"; returns the initramfs."""
    initrd = initramfs(kernel, scenario.home, modules)
    lab = folder / "lab"
    lab.mkdir()
    for name, path in (("script", scenario.script_path), ("lib.sh", GUEST / "lib.sh"),
                       ("env", folder / "env")):
        shutil.copy(path, lab / name)
    (lab / "run").write_text(SCRIPT, encoding="utf-8")
    as_root("disk", base(kernel), folder / "root.img", SIZE, kernel.release, DIST, lab, *modules)
    return initrd
