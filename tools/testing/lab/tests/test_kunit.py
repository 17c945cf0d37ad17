# SPDX-License-Identifier: GPL-2.0-only
"""How KUnit suites are divided among guests."""

import unittest

from labkit.kunit import shares

SIZES = {"a": 1, "b": 9, "c": 4, "d": 4, "e": 2}


class SharesTest(unittest.TestCase):
    """Each suite once, and no guest with much more than another."""

    def test_every_suite_once(self):
        for jobs in range(1, 9):
            found = shares(list(SIZES), SIZES, jobs)
            self.assertEqual(sorted(sum(found, [])), sorted(SIZES), jobs)
            self.assertTrue(all(found), jobs)

    def test_the_largest_alone(self):
        self.assertEqual(shares(list(SIZES), SIZES, 2), [["a", "b"], ["c", "d", "e"]])

    def test_one_guest_has_all(self):
        self.assertEqual(shares(["d", "b"], SIZES, 1), [["b", "d"]])
