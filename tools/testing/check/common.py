# SPDX-License-Identifier: GPL-2.0-only
"""What the parts of `make check` share.

A part is a generator of items: (name, [problem, ...]). An item without a
problem has passed.
"""
import glob
import os
import subprocess

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
CACHE = os.environ.get("PARLEY_CACHE") or os.path.expanduser("~/.cache/parley")
LINUX = os.path.join(CACHE, "linux-source-6.12")
BUILD = os.path.join(ROOT, "build/check")
# The kernel part is checked in a copy, so that neither a build in the tree nor
# this one disturbs the other.
COPY = os.path.join(BUILD, "src")
JOBS = 2
KERNEL_PART = ("Kbuild", "drivers/", "include/")


def our_files():
    """Every file of ours, tracked or new, that is not ignored."""
    out = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True).stdout
    return sorted(f for f in set(out.split("\0"))
                  if f and os.path.isfile(os.path.join(ROOT, f)))


def c_files(*folders):
    return [f for f in our_files() if f.endswith((".c", ".h")) and
            (not folders or f.startswith(folders))]


def read(path):
    with open(os.path.join(ROOT, path), errors="replace") as f:
        return f.read()


def run(command, limit, cwd=ROOT):
    """(exit code or None when over the limit, output and errors together)"""
    # A make above us must not hand its flags down: what the builds say is read.
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")}
    try:
        done = subprocess.run(command, cwd=cwd, timeout=limit, text=True, errors="replace",
                              env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired as e:
        return None, (e.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout


def headers():
    """The kernel headers `make modules` builds against."""
    if os.environ.get("KDIR"):
        return os.environ["KDIR"]
    running = f"/lib/modules/{os.uname().release}/build"
    found = sorted(glob.glob(f"{CACHE}/stock-6.12.*-amd64/usr/src/linux-headers-*-amd64"),
                   reverse=True)
    for path in [running, *found]:
        if os.path.isdir(path):
            return path
    raise SystemExit("check: no kernel headers; run tools/testing/deps.sh")


def reasons(name):
    """A list of exceptions, {what: why}. Nobody gets one without a reason."""
    found = {}
    for line in read(os.path.join("tools/testing/check", name)).splitlines():
        if not line or line.startswith("#"):
            continue
        what, _, why = line.partition("\t# ")
        if not why.strip():
            raise SystemExit(f"check: {name}: '{what.strip()}' has no reason")
        found[what.strip()] = why.strip()
    return found


def copy_kernel_part(copy=COPY, emptied=()):
    """Bring the copy up to date without touching what did not change.

    Files in `emptied` keep nothing but their name.
    """
    wanted = [f for f in our_files() if f.startswith(KERNEL_PART)]
    for f in wanted:
        text, target = "" if f in emptied else read(f), os.path.join(copy, f)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target) or text != read(target):
            with open(target, "w") as out:
                out.write(text)
    for folder, _, names in os.walk(copy):
        for n in names:
            path = os.path.relpath(os.path.join(folder, n), copy)
            if path.endswith((".c", ".h", "Makefile", "Kbuild")) and \
                    not path.endswith(".mod.c") and path not in wanted:
                os.unlink(os.path.join(copy, path))


def group(text, pattern, items, copy=COPY):
    """Sort findings by the item they name: {item: [line, ...]}.

    Lines that match the pattern but name none of our items (a kernel header,
    say) are left out.
    """
    found = {i: [] for i in items}
    for line in text.splitlines():
        m = pattern.match(line)
        if m:
            path = os.path.relpath(os.path.join(copy, m["file"]), copy)
            if path in found and line not in found[path]:
                found[path].append(line.replace(copy + "/", ""))
    return found
