# SPDX-License-Identifier: GPL-2.0-only
"""What counts as passed, failed, or a report of the kernel."""

import types
import unittest

from labkit.runner import emulator_failed
from labkit.tap import Tap
from labkit.watch import Watch

REPORTS = """\
[    1.0] Kernel panic - not syncing: Attempted to kill init!
[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000008
[    1.0] BUG: KASAN: slab-out-of-bounds in parley_take+0x10/0x20 [parley_core]
[    1.0] BUG: sleeping function called from invalid context at mm/slab.c:1
[    1.0] kernel BUG at block/blk-mq.c:100!
[    1.0] WARNING: CPU: 1 PID: 12 at kernel/irq/manage.c:1 free_irq+0x1/0x2
[    1.0] WARNING: possible circular locking dependency detected
[    1.0] WARNING: inconsistent lock state
[    1.0] WARNING: suspicious RCU usage
[    1.0] INFO: trying to register non-static key.
[    1.0] INFO: task kworker/0:1:9 blocked for more than 122 seconds.
[    1.0] Oops: general protection fault, probably for non-canonical address
[    1.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
[    1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [insmod:90]
[    1.0] refcount_t: underflow; use-after-free.
[    1.0] list_add corruption. prev->next should be next (0).
[    1.0] irq 10: nobody cared (try booting with the "irqpoll" option)
[    1.0] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
[    1.0] DMA-API: parley_pci 0000:00:03.0: device driver has pending DMA
[    1.0] sysfs: cannot create duplicate filename '/bus/parley'
[    1.0] DMAR: [DMA Write NO_PASID] Request device [01:00.1] fault addr 0x1000 [fault reason 0x05]
[    1.0] nvme 0000:01:00.1: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0002 address=0x1000]
"""

QUIET = """\
[    1.0] DMA-API: preallocated 65536 debug entries
[    1.0] DMA-API: debugging enabled by kernel config
[    1.0] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc.
[    1.0] kmemleak: Kernel memory leak detector initialized
[    1.0] parley_core: loading out-of-tree module taints kernel.
[    1.0] FAULT_INJECTION: forcing a failure.
[    1.0] DMAR: IOMMU enabled
[    1.0] Call Trace:
"""


class WatchTest(unittest.TestCase):
    """The kernel log."""

    def test_every_report_counts(self):
        for line in REPORTS.splitlines():
            self.assertTrue(Watch().feed(line), line)

    def test_ordinary_lines_do_not(self):
        for line in QUIET.splitlines():
            self.assertFalse(Watch().feed(line), line)

    def test_allowed_report_does_not_count(self):
        watch = Watch(allow=[r"at kernel/irq/manage\.c"])
        for line in REPORTS.splitlines():
            watch.feed(line)
        self.assertEqual(len(watch.reports), len(REPORTS.splitlines()) - 1)

    def test_expected_line(self):
        watch = Watch(expect=["queue 3 is broken", "queue 4 is broken"])
        watch.feed("[ 1.0] parley: queue 3 is broken: id 7 was never given")
        self.assertEqual(list(watch.missing), ["queue 4 is broken"])


def tap_of(text):
    """A finished Tap fed with @text."""
    tap = Tap()
    for line in text.splitlines():
        tap.feed(line)
    tap.finish()
    return tap


class TapTest(unittest.TestCase):
    """TAP and KTAP."""

    def test_flat(self):
        tap = tap_of("ok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no\n1..3")
        self.assertEqual((tap.passed, tap.skipped), (1, 1))
        self.assertEqual(tap.failures, ["b"])

    def test_a_parent_is_no_test(self):
        tap = tap_of("KTAP version 1\n1..1\n    1..2\n    ok 1 a\n"
                     "        ok 1 x\n        not ok 2 y\n    not ok 2 b\n"
                     "not ok 1 suite")
        self.assertEqual(tap.passed, 2)
        self.assertEqual(tap.failures, ["suite: b: y"])

    def test_a_parent_that_fails_alone(self):
        tap = tap_of("    ok 1 a\nnot ok 1 suite")
        self.assertEqual((tap.passed, tap.failures), (1, ["suite"]))

    def test_broken_off_inside_a_parent(self):
        self.assertEqual(tap_of("    not ok 1 a").failures, ["a"])

    def test_plan(self):
        self.assertEqual(tap_of("1..2\nok 1").failures,
                         ["planned 2 tests, ran 1"])
        self.assertEqual(tap_of("ok 1\n1..1").failures, [])

    def test_bail_out(self):
        self.assertEqual(len(tap_of("ok 1\nBail out! no disk").failures), 1)

    def test_words_that_only_begin_so(self):
        self.assertEqual(tap_of("okay then\nnot okay").failures, [])


class Again(unittest.TestCase):
    """What is given another try."""

    def test_only_the_emulator(self):
        """A breakpoint that was gone, a fault of QEMU's own, and nothing else."""
        for text, wanted in (("kernel: [ 1.0] Oops: int3: 0000 [#1] SMP", True),
                             ("kernel: [ 1.0] Oops: Oops: 0000 [#1] SMP", False),
                             ("QEMU exited with -11: ", True),
                             ("QEMU exited with 1: no such file", False),
                             ("QEMU exited with -6: assertion failed", False),
                             ("a test failed", False)):
            run = types.SimpleNamespace(failures=["before", text])
            self.assertEqual(bool(emulator_failed(run)), wanted, text)


if __name__ == "__main__":
    unittest.main()
