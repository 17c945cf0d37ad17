# SPDX-License-Identifier: GPL-2.0-only
"""What the kernels after a guest's first one are started with.

A scenario with "handover" goes from kernel to kernel by kexec in one and the same
machine. The next ones have no 9p root, since nothing but our front-ends may touch a
device there: their user space is an initramfs with our modules, busybox and fio.
"""

from . import initramfs, programs
from .common import BIN, GUEST

INIT = "init-next"
TOOLS = ("next-kernel", "still")
LIBRARY = "handover-lib.sh"


def user_space():
    """{path in the guest: file} of what every kernel but the first one has."""
    files = programs.collect({"fio": "fio"})
    files |= {f"bin/{name}": BIN / name for name in TOOLS}
    return files | {LIBRARY: GUEST / LIBRARY}


def build(kernel, folder, ours):
    """The initramfs of a second kernel, in @folder; returns its path. In it are
    @kernel itself and a smaller one, for a third kernel."""
    files = user_space()
    last = initramfs.build(kernel, folder, INIT, (), ours, files)
    last = last.rename(folder / "last.cpio")
    files |= {"boot/kernel": kernel.shipped, "boot/initrd": last}
    return initramfs.build(kernel, folder, INIT, (), ours, files)


def variables(scenario, kernel, folder, ours):
    """What the script of @scenario needs to start the same kernel again."""
    if not scenario.handover:
        return {}
    return {"LAB_NEXT_KERNEL": str(kernel.shipped),
            "LAB_NEXT_INITRD": str(build(kernel, folder, ours))}
