# SPDX-License-Identifier: GPL-2.0-only
"""The KUnit half: loads the suites on a debug kernel and counts."""

import fnmatch

from . import kernels, modules, runner
from .common import LabError
from .scenario import Scenario

SUFFIX = "_kunit"
# Seconds that the long ones of the suites' modules took once, and the others: only
# to divide them well, nothing else depends on it.
LONG = {"parley_loopback_kunit": 385, "parley_core_kunit": 310, "parley_guest_kunit": 110,
        "parley_blk_kunit": 70, "parley_vhost_blk_kunit": 45}
SHORT = 20


def shares(suites, jobs):
    """Divide @suites among @jobs guests, so that they end together: the longest
    that is left goes where there is least so far."""
    found = [[] for _ in range(min(jobs, len(suites)))]

    def seconds(suite):
        return LONG.get(suite, SHORT)

    for suite in sorted(suites, key=lambda name: (-seconds(name), name)):
        min(found, key=lambda share: sum(map(seconds, share))).append(suite)
    return [sorted(share) for share in found]


def run(glob, jobs=1, name="debug"):
    """Run the suites whose module matches @glob on the kernel called @name, in
    @jobs guests at a time; returns an exit code."""
    kernel = kernels.get(name)
    built = modules.find(modules.build(kernel))
    suites = sorted(name for name in built if name.endswith(SUFFIX) and
                    (fnmatch.fnmatch(name, glob) or
                     fnmatch.fnmatch(name.removesuffix(SUFFIX), glob)))
    if not suites:
        raise LabError(f"no KUnit module matches {glob!r}: built are "
                       + (", ".join(n for n in sorted(built)
                                    if n.endswith(SUFFIX)) or "none"))
    title = name.replace("debug", "kunit")
    scenarios = [Scenario(name=f"{title}-{number}" if jobs > 1 else title,
                          kernel=name, script="kunit.sh", timeout=600,
                          loglevel=7, append="kunit.enable=1 kunit.autorun=1", modules=share)
                 for number, share in enumerate(shares(suites, jobs), 1)]
    total = runner.Total()
    total.run(scenarios, jobs)
    return total.conclude()
