# SPDX-License-Identifier: GPL-2.0-only
"""Parts about the range of kernels that we serve: its ends, and who may know."""
import os
import re
import sys

from build import FINDING, HARMLESS
from common import BUILD, JOBS, KERNEL_PART, ROOT, c_files, copy_kernel_part, group, read, run

sys.path.insert(0, os.path.join(ROOT, "tools/testing/lab"))
from labkit import kernels, modules                  # noqa: E402
from labkit.common import LabError                   # noqa: E402

COMPAT = "include/parley/compat.h"
# Where a kernel's version may be asked for.
KNOW = (COMPAT, "include/parley/export.h", "include/parley/served.h")
NEWEST_COPY = os.path.join(BUILD, "src-newest")


# What the newest kernel still compiles, and complains of when it runs.
OUTDATED = {r"\bsystem_wq\b": "system_percpu_wq", r"\bsystem_unbound_wq\b": "system_dfl_wq",
            r"\balloc_workqueue\((?![^;]*WQ_(PERCPU|UNBOUND))": "WQ_PERCPU or WQ_UNBOUND"}


def compat():
    """a kernel's version is asked for in one place, and nothing is written for old ones"""
    for f in c_files(*KERNEL_PART):
        text = read(f)
        found = [(m, f"belongs into {COMPAT}") for m in
                 re.finditer(r"LINUX_VERSION_CODE|KERNEL_VERSION\(", text) if f not in KNOW]
        found += [(m, f"the newest kernel wants {new}") for old, new in OUTDATED.items()
                  for m in re.finditer(old, text) if f != COMPAT]
        yield f, [f"{f}:{text.count(chr(10), 0, m.start()) + 1}: {m[0]}: {why}"
                  for m, why in found]


def linked():
    """modpost's complaints: only the distribution's kernel has a list of symbols."""
    kernel = kernels.get(f"stock-{kernels.NEWEST}")
    # Objects of another compiler and its header files are no use there.
    run(modules.command(kernel, NEWEST_COPY, "clean"), 300)
    code, out = run(modules.command(kernel, NEWEST_COPY), 2400)
    found = [line for line in out.splitlines() if re.match(r"(WARNING|ERROR): modpost", line)]
    return found or (out.strip().splitlines()[-15:] if code else [])


def newest():
    """W=1 and sparse on the newest kernel, suites and all, with compat.h empty"""
    try:
        tree = kernels.prepared(kernels.NEWEST)
    except LabError as error:
        yield "the kernel's source", str(error).splitlines()
        return
    copy_kernel_part(NEWEST_COPY, emptied=[COMPAT])
    # That kernel is prepared, not built: modpost knows no symbol of it.
    make = ["make", "-C", tree, f"M={NEWEST_COPY}", f"-j{JOBS}", "KBUILD_MODPOST_WARN=1"]
    run([*make, "clean"], 300)
    code, out = run([*make, "W=1", "C=2", "modules"], 2400)
    for f, problems in group(out, FINDING, c_files(*KERNEL_PART), NEWEST_COPY).items():
        yield f, [p for p in problems if not HARMLESS.search(p)]
    objects = [f"{f} was not compiled" for f in c_files("drivers/") if f.endswith("_kunit.c")
               and not os.path.exists(os.path.join(NEWEST_COPY, f[:-2] + ".o"))]
    yield "the suites are compiled", objects
    yield "the build", [] if code == 0 else out.strip().splitlines()[-15:]
    yield "the distribution's kernel has every symbol", linked()


def verdict(version):
    """The errors that a kernel of that version gives, before it can give its own."""
    folder = os.path.join(BUILD, "served/linux")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "version.h"), "w") as f:
        f.write("#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))\n"
                f"#define LINUX_VERSION_CODE KERNEL_VERSION({version.replace('.', ', ')})\n")
    with open(os.path.join(BUILD, "served/unit.c"), "w") as f:
        f.write("#include <linux/no_such_header.h>\n")
    out = run(["gcc", "-fsyntax-only", "-I", os.path.dirname(folder), "-include",
               os.path.join(ROOT, "include/parley/served.h"), f.name], 60)[1]
    return [l for l in out.splitlines() if "error:" in l]


def served():
    """an older kernel is refused with what to do; all that say the range agree"""
    refused = verdict("6.11.250")
    good = len(refused) == 3 and "6.12 to 7.3" in refused[0] and "apt-get" in refused[1]
    yield "6.11", [] if good else refused or ["6.11 is taken"]
    taken = verdict("6.12.0")
    yield "6.12", [] if len(taken) == 1 and "no_such_header" in taken[0] else taken
    pattern = re.search(r'^BUILD_EXCLUSIVE_KERNEL="(.*)"$', read("dkms.conf"), re.M)[1]
    for release, wanted in (("6.1.0-44-amd64", False), ("6.11.9-x", False), ("6.12-rc1", True),
                            ("6.12.117+deb12-amd64", True), ("6.19.1", True), ("7.0.1-x", True),
                            ("7.3.4+deb13-amd64", True), ("7.4.0-amd64", False),
                            ("7.30.1", False), ("8.0.1", False)):
        good = bool(re.search(pattern, release)) == wanted
        yield f"dkms.conf: {release}", [] if good else [f"{pattern} is wrong about {release}"]
        # DKMS of Debian 12 fails where it is to skip, so we do not offer ourselves.
        auto = run(["bash", "-c", ". ./dkms.conf; echo $AUTOINSTALL", "dkms", "autoinstall",
                    "--kernelver", release], 60)[1].strip()
        yield f"autoinstall for {release}", [] if auto == ("yes" if wanted else "") else [auto]
