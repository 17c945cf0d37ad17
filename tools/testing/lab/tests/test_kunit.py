# SPDX-License-Identifier: GPL-2.0-only
"""How KUnit suites are divided among guests."""

import unittest

from labkit.kunit import LONG, SHORT, shares

SUITES = ["a", "b", "c", *LONG]


class SharesTest(unittest.TestCase):
    """Each suite once, and no guest with much more than another."""

    def test_every_suite_once(self):
        for jobs in range(1, 9):
            found = shares(SUITES, jobs)
            self.assertEqual(sorted(sum(found, [])), sorted(SUITES), jobs)
            self.assertTrue(all(found), jobs)

    def test_they_end_together(self):
        for jobs in (2, 3, 4):
            seconds = [sum(LONG.get(suite, SHORT) for suite in share)
                       for share in shares(SUITES, jobs)]
            self.assertLess(max(seconds) - min(seconds), 2 * SHORT, jobs)

    def test_one_guest_has_all(self):
        self.assertEqual(shares(["d", "b"], 1), [["b", "d"]])
