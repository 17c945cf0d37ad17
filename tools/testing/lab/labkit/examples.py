# SPDX-License-Identifier: GPL-2.0-only
"""Drivers of the kernel's own that use what is ours: the patches of tools/examples,
applied to copies of what they change, and built as modules beside the kernel."""

import shutil

from . import kernels, modules
from .common import BUILD, ROOT, locked, run, run_long
from .kernel import SERIES

PATCHES = ROOT / "tools/examples"
LOCK = "drivers/block/null_blk"
TORTURE = "kernel/locking"
# What the kernel has to have in it for locktorture, and was not asked for.
SHIM = """// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/sched.h>

long torture_sched_setaffinity(pid_t pid, const struct cpumask *mask);
long torture_sched_setaffinity(pid_t pid, const struct cpumask *mask)
{
	return -EOPNOTSUPP;
}
"""
ROOT_KBUILD = "KBUILD_EXTRA_SYMBOLS := $(KBUILD_EXTMOD)/ours.symvers\n"
# {module: what its Kbuild says}; of null_blk there are two, with the option and without.
KBUILDS = {
    "null_blk_parley": "{name}-y := main.o trace.o zoned.o\n"
                       "ccflags-y += -I$(src) -DCONFIG_BLK_DEV_NULL_BLK_PARLEY_LOCK\n",
    "null_blk_native": "{name}-y := main.o trace.o zoned.o\nccflags-y += -I$(src)\n",
    "parley_locktorture": "{name}-y := locktorture.o torture.o shim.o\n"
                          "ccflags-y += -I$(src) -DCONFIG_LOCK_TORTURE_TEST_PARLEY\n",
}
EXAMPLES = {"null_blk": ("null_blk_parley", "null_blk_native"),
            "locktorture": ("parley_locktorture",)}


def patched(example, tree):
    """Copies of what the patch of that name changes, changed, in @tree."""
    source = kernels.source(SERIES)
    path = PATCHES / f"{example}.patch"
    text = path.read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("--- a/"):
            name = line.removeprefix("--- a/").split("\t")[0]
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, tree / name)
    run(["patch", "-p1", "-s", "-d", tree, "-i", path])


def sources(example, tree, folder):
    """What the module of an example is made of, in @folder."""
    source = kernels.source(SERIES)
    if example == "null_blk":
        shutil.copytree(source / LOCK, folder)
        shutil.copytree(tree / LOCK, folder, dirs_exist_ok=True)
        return
    folder.mkdir()
    shutil.copy2(tree / TORTURE / "locktorture.c", folder)
    shutil.copy2(source / "kernel/torture.c", folder)
    (folder / "rcu").mkdir()
    shutil.copy2(source / "kernel/rcu/rcu.h", folder / "rcu")
    (folder / "shim.c").write_text(SHIM, encoding="ascii")


def build(kernel, example):
    """Build the modules of an example; {name: path}."""
    ours = modules.build(kernel)
    out = BUILD / f"example-{example}-{kernel.name}"
    with locked(out.with_suffix(".lock")):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        shutil.copy2(ours / "Module.symvers", out / "ours.symvers")
        shutil.copytree(ROOT / "include/parley", out / "include/parley")
        patched(example, out / "tree")
        text = ROOT_KBUILD + "subdir-ccflags-y += -I$(KBUILD_EXTMOD)/include\n"
        for name in EXAMPLES[example]:
            sources(example, out / "tree", out / name)
            (out / name / "Makefile").write_text(
                f"obj-m += {name}.o\n" + KBUILDS[name].format(name=name), encoding="ascii")
            text += f"obj-m += {name}/\n"
        (out / "Kbuild").write_text(text, encoding="ascii")
        run_long(f"{example} for {kernel.name}", modules.command(kernel, out))
    return {name: out / name / f"{name}.ko" for name in EXAMPLES[example]}
