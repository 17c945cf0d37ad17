# SPDX-License-Identifier: GPL-2.0-only
"""The KUnit half: loads the suites on a debug kernel and counts."""

import fnmatch

from . import kernels, modules, runner
from .common import LabError
from .scenario import Scenario

SUFFIX = "_kunit"
# Seconds that the long ones of the suites' modules took once, and the others: only
# to divide them well, nothing else depends on it.
LONG = {"parley_loopback_kunit": 150, "parley_limits_kunit": 90, "parley_core_kunit": 90,
        "parley_net_kunit": 90, "parley_nvme_emu_kunit": 60, "parley_vhost_serve_kunit": 55,
        "parley_vhost_vmm_kunit": 55, "parley_vhost_blk_kunit": 55, "parley_blk_kunit": 40,
        "parley_guest_kunit": 36, "parley_nvme_mdev_kunit": 35}
SHORT = 20
# Modules whose suites want more processors than a guest has as a rule; with the guest
# of their own that they get, nobody else's threads meet in ways that nobody asked for.
PROCESSORS = {"parley_sched_kunit": 4}
# There are more of them than the machine has: one may be away for long.
PATIENT = " watchdog_thresh=60"


def shares(suites, jobs):
    """Divide @suites among @jobs guests, so that they end together: the longest
    that is left goes where there is least so far."""
    found = [[] for _ in range(min(jobs, len(suites)))]

    def seconds(suite):
        return LONG.get(suite, SHORT)

    for suite in sorted(suites, key=lambda name: (-seconds(name), name)):
        min(found, key=lambda share: sum(map(seconds, share))).append(suite)
    return [sorted(share) for share in found]


def stock(suites, built):
    """The kernel's own modules that the modules of @suites need."""
    needed = {name for path in modules.in_order(suites, built)
              for name in modules.depends(path.read_bytes())}
    return sorted(needed - set(built))


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
    guests = [(2, "", share) for share in
              shares([suite for suite in suites if suite not in PROCESSORS], jobs)]
    guests += [(PROCESSORS[suite], PATIENT, [suite]) for suite in suites if suite in PROCESSORS]
    scenarios = [Scenario(name=f"{title}-{number}" if len(guests) > 1 else title,
                          kernel=name, script="kunit.sh", timeout=600, loglevel=7, smp=smp,
                          append="kunit.enable=1 kunit.autorun=1" + more, modules=share,
                          stock_modules=stock(share, built))
                 for number, (smp, more, share) in enumerate(guests, 1)]
    total = runner.Total()
    total.run(scenarios, jobs)
    return total.conclude()
