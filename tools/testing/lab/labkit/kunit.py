# SPDX-License-Identifier: GPL-2.0-only
"""The KUnit half: loads the suites on a debug kernel and counts."""

import fnmatch

from . import kernels, modules, runner
from .common import LabError
from .scenario import Scenario

SUFFIX = "_kunit"


def shares(suites, sizes, jobs):
    """Divide @suites among @jobs guests: the larger a suite's module the longer it
    takes, roughly, so the next one goes where there is least so far."""
    found = [[] for _ in range(min(jobs, len(suites)))]
    for suite in sorted(suites, key=lambda name: (-sizes[name], name)):
        least = min(found, key=lambda share: sum(sizes[name] for name in share))
        least.append(suite)
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
    sizes = {name: built[name].stat().st_size for name in suites}
    title = name.replace("debug", "kunit")
    scenarios = [Scenario(name=f"{title}-{number}" if jobs > 1 else title,
                          kernel=name, script="kunit.sh", timeout=600,
                          loglevel=7, append="kunit.enable=1", modules=share)
                 for number, share in enumerate(shares(suites, sizes, jobs), 1)]
    total = runner.Total()
    total.run(scenarios, jobs)
    return total.conclude()
