# SPDX-License-Identifier: GPL-2.0-only
"""How KUnit suites are divided among guests."""

import unittest

from labkit.kunit import LONG, shares

SUITES = ["a", "b", "c", *LONG]


class SharesTest(unittest.TestCase):
    """Each suite once, and no guest with much more than another."""

    def test_every_suite_once(self):
        for jobs in range(1, 9):
            found = shares(SUITES, jobs)
            self.assertEqual(sorted(sum(found, [])), sorted(SUITES), jobs)
            self.assertTrue(all(found), jobs)

    def test_the_two_longest_apart(self):
        longest = sorted(LONG, key=LONG.get)[-2:]
        for share in shares(SUITES, 2):
            self.assertEqual(len(set(longest) & set(share)), 1)

    def test_one_guest_has_all(self):
        self.assertEqual(shares(["d", "b"], 1), [["b", "d"]])
