# SPDX-License-Identifier: GPL-2.0-only
"""The KUnit half: loads the suites on the debug kernel and counts."""

import fnmatch

from . import kernels, modules, runner
from .common import LabError
from .scenario import Scenario

SUFFIX = "_kunit"


def run(glob):
    """Run the suites whose module matches @glob; returns an exit code."""
    kernel = kernels.debug()
    built = modules.find(modules.build(kernel))
    suites = sorted(name for name in built if name.endswith(SUFFIX) and
                    (fnmatch.fnmatch(name, glob) or
                     fnmatch.fnmatch(name.removesuffix(SUFFIX), glob)))
    if not suites:
        raise LabError(f"no KUnit module matches {glob!r}: built are "
                       + (", ".join(n for n in sorted(built)
                                    if n.endswith(SUFFIX)) or "none"))
    scenario = Scenario(name="kunit", kernel="debug", timeout=1200,
                        loglevel=7, append="kunit.enable=1",
                        modules=suites)
    total = runner.Total()
    total.run([scenario])
    return total.conclude()
