# SPDX-License-Identifier: GPL-2.0-only
"""Debian's kernels as shipped, unpacked into the cache and never installed.

"stock" is what the distribution gives, with its headers: tools/testing/deps.sh
fetches both. "stock-7.3" is the newest that we serve, from the backports of the
next release. Its headers bring programs that want that release's C library, and its
makefiles that release's compiler, so modules for it are built below a root of its
own: a folder of unpacked packages, where nothing but make and the compiler runs.
"""

from . import packages, unpacked
from .common import CACHE, LabError, ROOT, need, run, run_long
from .kernel import Kernel, NEWEST, SERIES, version_key

NEWEST_SUITE = "trixie-backports"
TOOLS_SUITE = "trixie"
TOOLS = ("gcc-14", "make", "pahole", "libelf1t64", "libssl3t64", "base-files", "bash",
         "dash", "coreutils", "diffutils", "findutils", "grep", "mawk", "sed")


def newest(pattern):
    """The newest of the folders in the cache that @pattern means, or None."""
    found = [path for path in CACHE.glob(pattern) if path.suffix not in (".new", ".lock")]
    return max(found, key=lambda path: version_key(path.name), default=None)


def stock():
    """The distribution's own kernel, fetched on first use."""
    pattern = f"stock-{SERIES}.*"
    if not newest(pattern):
        run_long("fetching", [ROOT / "tools/testing/deps.sh", "kernel"])
    tree = newest(pattern)
    release = tree.name.removeprefix("stock-")
    shipped = tree / f"boot/vmlinuz-{release}"
    return Kernel("stock", release, unpacked.kernel(shipped, tree), tree,
                  tree / f"usr/src/linux-headers-{release}", shipped=shipped)


def newest_release():
    """The release of NEWEST that is in the cache, or else in the archive."""
    cached = newest(f"stock-{NEWEST}.*")
    if cached:
        return cached.name.removeprefix("stock-")
    pattern = rf"^linux-binary-{NEWEST}\.[0-9]+\+deb[0-9]+-amd64$"
    found = run([packages.GET, "--names", NEWEST_SUITE, pattern]).split()
    if not found:
        raise LabError(f"{NEWEST_SUITE} has no package like {pattern}")
    return found[-1].removeprefix("linux-binary-")


def stock_newest():
    """The newest kernel that we serve, fetched on first use, with the root that
    modules for it are built in."""
    release = newest_release()
    version = release.removesuffix("-amd64")

    def finish(tree):
        (tree / "lib").symlink_to("usr/lib")
        run([need("depmod", "kmod"), "-b", tree, release])

    # The packages called linux-image are empty: the kernel is in these two.
    tree = packages.unpack(NEWEST_SUITE, f"stock-{release}",
                           (f"linux-binary-{release}", f"linux-modules-{release}"), finish)

    def add_headers(home):
        packages.get(NEWEST_SUITE, home,
                     (f"linux-headers-{release}", f"linux-headers-{version}-common",
                      f"linux-kbuild-{version}"))
        (home / "usr/bin/awk").symlink_to("mawk")   # else made when it is installed

    home = packages.unpack(TOOLS_SUITE, f"root-{release}", TOOLS, add_headers,
                           depends=True)
    shipped = tree / f"lib/modules/{release}/vmlinuz"
    return Kernel(f"stock-{NEWEST}", release, unpacked.kernel(shipped, tree), tree,
                  home / f"usr/src/linux-headers-{release}", home, shipped)
