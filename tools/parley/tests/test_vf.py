# SPDX-License-Identifier: GPL-2.0-only
"""Virtual functions, on a sysfs of files whose kernel is the test."""
import json
import os
import unittest
from unittest import mock

from disk import DISK, OTHER, UUID, VfCase
from parleylib import cli, policies, vf, vfcheck, vfdisk, vfrecord
from parleylib.common import Failure, read


class VfTest(VfCase):
    def test_take_refused(self):
        self.kernel.driver(0, "nvme")
        os.makedirs(f"{self.kernel.dir(0)}/nvme/nvme0/nvme0c1n1")
        self.kernel.file(f"{vfdisk.BLOCK}/nvme0n1/dev", "259:0")
        os.makedirs(f"{vfdisk.BLOCK}/nvme0n1/nvme0n1p2/holders/dm-0")
        self.kernel.file(f"{vfdisk.BLOCK}/nvme0n1/nvme0n1p2/partition", "2")
        self.bad("nvme0n1p2 is part of dm-0", "take", DISK)
        os.rmdir(f"{vfdisk.BLOCK}/nvme0n1/nvme0n1p2/holders/dm-0")
        self.bad("dev/nvme0n1: No such file or directory, so who has it", "take", DISK)
        self.kernel.file(f"{vfdisk.DEV}/nvme0n1", "")
        with mock.patch.object(os, "open", side_effect=OSError(16, "busy")):
            self.bad("nvme0n1 is held", "take", DISK)
        self.kernel.file(f"{self.kernel.dir(0)}/sriov_numvfs", "1")
        self.bad("has virtual functions of another driver", "take", DISK)
        self.kernel.file(f"{self.kernel.dir(0)}/sriov_numvfs", "0")
        self.assertEqual(self.kernel.log, [])
        self.kernel.fails = ("to parley_nvme_pf",)
        self.bad("did not take it", "take", DISK)
        self.assertEqual(self.kernel.log[-1], "0: to the kernel")
        self.bad("there is no NVMe disk", "take", "0000:09:00.0")

    def test_pool_birth_death(self):
        self.taken("3", "1Mi")
        # Two namespaces were there, one was made.
        self.assertEqual(self.kernel.sizes, {1: 2048, 2: 2048, 3: 2048})
        self.assertEqual(self.kernel.held, {1: 1, 2: 2, 3: 3})
        self.bad("no function is ready", "birth")
        out = self.good("birth", "--uuid", UUID, "--how", "write-zeroes")
        self.assertIn(f"sysfsdev={vfdisk.MDEV}/{UUID}", out)
        self.assertEqual(self.owners()["1"], UUID)
        self.assertEqual(self.kernel.owners[1], UUID)
        self.bad("has a guest's device", "release")
        self.good("death", UUID, "--keep")
        self.assertEqual(self.owners()["1"], UUID)
        # Another one does not get it, and he does.
        self.good("erase", "0000:01:00.2")
        self.good("birth", "--uuid", OTHER)
        self.assertEqual(self.owners(), {"1": UUID, "2": OTHER})
        self.good("birth", "--uuid", UUID)
        self.good("death", UUID)
        self.assertEqual(self.owners(), {"1": "none", "2": OTHER})
        shown = json.loads(self.good("list", "--json"))[0]
        self.assertEqual([v["owner"] for v in shown["functions"]], ["none", OTHER, "unknown"])
        self.assertIn(OTHER, self.good("show", "0000:01:00.2"))

    def test_format(self):
        """By the controller, while the function has no driver and no namespace."""
        self.taken("2")
        self.good("erase", "--how", "format", "0000:01:00.2")
        self.assertEqual(self.kernel.log[-6:], [
            "2/driver/unbind: 0000:01:00.2", "0/parley/ns_detach: 2 2", "0/parley/ns_format: 2",
            "0/parley/ns_attach: 2 2", "2: to parley_nvme_vf", "2/parley/owner: none"])
        self.assertEqual(self.owners(), {"2": "none"})
        self.kernel.fails = ("0/parley/ns_format",)
        self.bad("ns_format", "erase", "--how", "format", "0000:01:00.2")
        self.assertEqual((self.owners(), self.kernel.held), ({}, {1: 1, 2: 2}))
        self.kernel.fails = ("0/parley/ns_detach",)
        self.bad("ns_detach", "erase", "--how", "format", "0000:01:00.2")
        self.assertEqual(vfdisk.Virtual("0000:01:00.2", 2).driver, vfdisk.VF)

    def test_after_a_boot(self):
        self.taken("2")
        self.good("birth", "--uuid", UUID, "--how", "write-zeroes")
        self.good("death", UUID, "--keep")
        self.kernel.functions(0)
        self.kernel.owners.clear()
        self.taken("2")
        self.assertEqual(self.kernel.owners, {1: UUID})
        self.assertIn("0000:01:00.1", self.good("birth", "--uuid", UUID))

    def test_interrupted_erasing(self):
        """What was to be erased is nobody's only when it was."""
        self.taken("1")
        self.good("birth", "--uuid", UUID, "--how", "write-zeroes")
        self.kernel.fails = ("1/parley/erase",)
        self.bad("erase: Input/output error", "death", UUID)
        self.assertEqual(self.owners(), {})

    def test_on_demand(self):
        self.taken("--on-demand", "2")
        self.assertEqual(self.kernel.held, {})
        self.bad("of which SIZE", "birth")
        self.good("birth", "1Mi", "--uuid", UUID)
        self.assertEqual((self.kernel.held, self.owners()), ({1: 3}, {"3": UUID}))
        self.good("death", UUID, "--keep")
        self.assertEqual(self.kernel.held, {})
        self.good("birth", "--uuid", UUID)
        self.assertEqual(self.kernel.held, {1: 3})
        # A birth that fails leaves nothing.
        for step in ("0/parley/birth", "2: to", "2/parley/erase"):
            self.kernel.fails = (step, "to parley_nvme_vf" if "to" in step else step)
            self.bad("", "birth", "1Mi")
            self.assertEqual(self.kernel.held, {1: 3}, step)
            self.assertEqual(sorted(self.kernel.sizes), [1, 2, 3], step)

    def test_a_namespace_of_somebody_else(self):
        """One that was not made is not looked for: what is there later is not ours."""
        self.taken("--on-demand", "2")
        self.kernel.fails = ("0/parley/ns_create",)
        self.bad("ns_create", "birth", "1Mi")
        self.kernel.fails = ()
        self.kernel.sizes[7] = 2048
        self.kernel.show()
        self.good("birth", "1Mi", "--uuid", UUID)
        self.assertIn(7, self.kernel.sizes)
        self.assertNotIn("0/parley/ns_delete: 7", self.kernel.log)

    def test_a_birth_without_a_device(self):
        """Nobody is told of the tenant, so nothing is his."""
        for way in ((), ("--on-demand",)):
            with self.subTest(way):
                self.setUp()
                self.taken(*way, "2")
                self.kernel.fails = tuple(f"{n}/mdev_supported_types" for n in (1, 2))
                size = ("1Mi",) if way else ()
                self.bad("create", "birth", *size, "--how", "write-zeroes")
                self.assertEqual(set(self.owners().values()) - {"none"}, set())
                self.assertEqual(set(self.kernel.owners.values()), set() if way else {"none"})
                self.assertEqual(self.kernel.held, {} if way else {1: 1, 2: 2})
                self.kernel.fails = ()
                self.good("birth", *size, "--uuid", UUID)

    def test_a_namespace_of_another_size(self):
        """Nobody's, but not as large as is asked for."""
        self.taken("--on-demand", "2")
        self.good("birth", "1Mi", "--uuid", UUID)
        self.good("death", UUID)
        self.good("birth", "2Mi")
        self.assertEqual(self.kernel.sizes[self.kernel.held[1]], 4096)
        self.good("birth", "1Mi")
        self.assertEqual(self.kernel.held, {1: 4, 2: 3})

    def test_crash_in_a_birth(self):
        """Nobody is left to undo it: the next one does."""
        self.taken("--on-demand", "2")
        self.kernel.dies = "0/parley/birth"
        with self.assertRaises(SystemExit):
            self.run_("birth", "1Mi")
        self.assertEqual(sorted(self.kernel.sizes), [1, 2, 3])
        self.kernel.dies = "nowhere"
        self.assertIn("namespace 3 is deleted", self.run_("birth", "1Mi", "--uuid", UUID)[2])
        self.assertEqual(sorted(self.kernel.sizes), [1, 2, 3])
        self.assertIn("0/parley/ns_delete: 3", self.kernel.log)

    def test_death_again(self):
        """What one that failed has left; what it has done is not done again."""
        self.taken("1")
        self.good("birth", "--uuid", UUID, "--how", "write-zeroes")
        self.kernel.fails = ("1/parley/erase",)
        self.bad("parley vf death 0000:01:00.1", "death", UUID)
        self.assertEqual(vfdisk.Virtual("0000:01:00.1", 1).mediated(), [])
        self.kernel.fails = ()
        self.good("death", "0000:01:00.1")
        self.assertEqual(self.owners(), {"1": "none"})
        self.good("birth", "--uuid", OTHER)

    def test_death_on_demand_again(self):
        self.taken("--on-demand", "2")
        self.good("birth", "1Mi", "--uuid", UUID)
        self.kernel.fails = ("0/parley/death",)
        self.bad("parley vf death 0000:01:00.1", "death", UUID)
        self.assertEqual((self.kernel.held, self.owners()), ({1: 3}, {"3": "none"}))
        self.kernel.fails, before = (), len(self.kernel.log)
        self.good("death", "0000:01:00.1")
        self.assertEqual(self.kernel.log[before:], ["0/parley/death: 1 3"])
        self.good("death", "0000:01:00.1")
        self.assertEqual(self.kernel.held, {})

    def test_death_deletes(self):
        """The disk has its room again, and nothing is known of the number."""
        self.taken("--on-demand", "2")
        self.good("birth", "1Mi", "--uuid", UUID)
        self.assertEqual(self.run_("death", UUID, "--keep", "--delete")[0], 2)
        self.good("death", UUID, "--delete")
        self.assertIn("1/parley/erase: write-zeroes", self.kernel.log)
        self.assertEqual((sorted(self.kernel.sizes), self.owners()), ([1, 2], {}))
        self.good("release")
        self.taken("1")
        self.good("birth", "--uuid", UUID, "--how", "write-zeroes")
        self.bad("keeps its namespace", "death", UUID, "--delete")

    def test_beside(self):
        """A guest that moves: his data stay, whichever device he leaves."""
        for left, stays in ((UUID, OTHER), (OTHER, UUID)):
            with self.subTest(left):
                self.setUp()
                self.taken("--on-demand", "3")
                self.good("birth", "1Mi", "--uuid", UUID)
                self.good("birth", "--beside", UUID, "--uuid", OTHER)
                self.assertIn("2/parley/next_tenant: keep", self.kernel.log)
                self.assertEqual((self.kernel.held, self.owners()), ({1: 3, 2: 3}, {"3": UUID}))
                self.bad("has the namespace as well", "death", left, "--delete")
                before = len(self.kernel.log)
                self.assertIn(f"of {stays}", self.good("death", left))
                self.assertNotIn("erase", "".join(self.kernel.log[before:]))
                self.assertEqual((list(self.kernel.held.values()), self.owners()),
                                 ([3], {"3": stays}))
                self.good("death", stays)
                self.assertEqual((self.kernel.held, self.owners()), ({}, {"3": "none"}))

    def test_beside_refused(self):
        self.taken("2")
        self.good("birth", "--uuid", UUID, "--how", "write-zeroes")
        self.bad("has a namespace of its own", "birth", "--beside", UUID)
        self.assertEqual(self.run_("birth", "--beside", "x")[0], 2)
        self.assertEqual(self.run_("birth", "--beside", UUID, "1Mi")[0], 2)
        self.bad("no virtual function or mediated", "birth", "--beside", OTHER)
        self.setUp()
        self.taken("--on-demand", "2")
        self.good("birth", "1Mi", "--uuid", UUID)
        for step in ("0/parley/birth", "to parley_nvme_vf", "2/parley/next_tenant",
                     "2/mdev_supported_types"):
            self.kernel.fails = (step,)
            self.bad("", "birth", "--beside", UUID)
            self.assertEqual((self.kernel.held, self.owners()), ({1: 3}, {"3": UUID}), step)

    def test_a_number_that_comes_again(self):
        """What was nobody's was another namespace."""
        self.taken("3", "1Mi")
        self.good("erase", "0000:01:00.3")
        self.good("release")
        del self.kernel.sizes[3], self.kernel.held[3]
        before = len(self.kernel.log)
        self.taken("3", "1Mi")
        self.assertEqual(self.kernel.held[3], 3)
        self.assertNotIn("3/parley/owner: none", self.kernel.log[before:])

    def test_size_of_blocks(self):
        """Of the format that is asked for, whatever the others have."""
        self.kernel.formats = {0: (512, 8), 1: (4096, 0), 2: (512, 0)}
        self.taken("3", "1M")
        self.assertIn("0/parley/ns_create: 245 1", self.kernel.log)
        self.good("release")
        self.kernel.formats = {0: (512, 8)}
        self.kernel.held.clear()
        self.kernel.driver(0, "nvme")
        self.good("take", DISK)
        self.bad("which formats", "pool", "3", "1")

    def test_no_room(self):
        """A disk as it was delivered."""
        self.kernel.capacity = "2097152 1000"
        self.kernel.driver(0, "nvme")
        self.good("take", DISK)
        self.bad("has 1000 bytes left", "pool", "3", "1Mi")
        disk = vfdisk.find(DISK)
        self.assertEqual(vfcheck.room(disk), "yes")
        self.kernel.sizes, self.kernel.held, self.kernel.capacity = {1: 4096}, {0: 1}, "2097152 0"
        self.kernel.show()
        self.assertEqual(vfcheck.room(disk), "NO")
        self.assertRegex(self.run_("check", DISK)[1], r"room for namespaces +NO +.*ns_delete")
        self.kernel.capacity = "0 0"
        self.kernel.show()
        self.assertEqual(vfcheck.room(disk), "?")

    def test_a_list_that_is_cut(self):
        self.taken("2")
        self.kernel.cut = "more"
        self.bad("more namespaces than attachments can show", "pool", "2")

    def test_strict(self):
        """Whatever it is, but one that is strict already, and one that is not there."""
        self.kernel.driver(0, "nvme")
        self.good("take", DISK)
        kinds = {1: "identity", 2: "DMA-FQ", 3: "DMA"}
        for n, kind in kinds.items():
            self.kernel.file(f"{self.kernel.dir(n)}/iommu_group/type", kind)
        self.good("pool", "3", "1Mi")
        self.assertEqual([line for line in self.kernel.log if "type" in line],
                         ["1/iommu_group/type: DMA", "2/iommu_group/type: DMA"])

    def test_type(self):
        self.taken("1")
        for name in ("1", "q1", "p"):
            os.makedirs(f"{self.kernel.dir(1)}/mdev_supported_types/parley_nvme_vf-{name}")
        self.bad("has no type q9; it has 1, p, q1", "birth", "--type", "q9", "--how",
                 "write-zeroes")
        self.good("birth", "--type", "parley_nvme_vf-q1", "--uuid", UUID)
        self.assertIn(f"1/mdev_supported_types/parley_nvme_vf-q1/create: {UUID}",
                      self.kernel.log)

    def test_policy(self):
        """Remembered, and there whenever a function gets its driver."""
        top = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
        file = f"{top}/policies/nvme-read-only.policy"
        loaded = f"{self.kernel.dir(1)}/parley_policy/1"
        self.taken("--policy", file, "1")
        self.assertIn("language nvme", read(loaded))
        for again in (("erase", "--how", "format", "0000:01:00.1"), ("pool", "1")):
            self.kernel.file(loaded, "")
            self.good(*again)
            self.assertIn("language nvme", read(loaded), again)
        # One that nobody takes is not remembered.
        self.assertEqual(self.run_("pool", "1", "--policy", file, "--type", "q9")[0], 2)
        self.kernel.file(loaded, "")
        self.good("pool", "1", "--policy", "none")
        self.assertEqual(read(loaded), policies.default("nvme").strip())
        self.assertEqual(vfrecord.Record().policies("S1"), {})

    def test_who_gets_no_driver(self):
        """A function that ours does not take is not the kernel's either."""
        self.kernel.driver(0, "nvme")
        self.good("take", DISK)
        self.kernel.fails = ("to parley_nvme_vf",)
        self.bad("did not take it", "pool", "1")
        self.assertNotIn("1: to the kernel", self.kernel.log)

    def test_what_is_measured(self):
        """Not how many namespaces there are, nor how long what was there is erased."""
        costs = []
        for more in (0, 60):
            self.setUp()
            self.kernel.sizes.update({n: 4096 for n in range(10, 10 + more)})
            self.taken("--on-demand", "1")
            self.good("birth", "1Mi", "--uuid", UUID)
            self.good("death", UUID)
            measured = vfrecord.Record().data["measured"]["S1"]
            costs.append({what: sums[:2] for what, sums in measured.items()})
        self.assertEqual(costs[0], costs[1])
        # Made, born, bound; the owner, the device.
        self.assertEqual(costs[0]["birth on demand"], [1, 5])
        self.assertEqual(costs[0]["erase"], [2, 2])
        self.setUp()
        self.taken("1")
        self.good("birth", "--how", "write-zeroes")
        measured = vfrecord.Record().data["measured"]["S1"]
        self.assertEqual((measured["birth"][:2], measured["erase"][:2]), ([1, 2], [1, 1]))

    def test_record(self):
        self.kernel.file(self.record, "{")
        with self.assertRaisesRegex(Failure, "cannot be read"):
            vfrecord.Record()

    def test_plan(self):
        self.taken("2")
        self.assertIn("Not both ways", self.good("plan"))
        measured = {"pool": [24, 96, 240, 2400], "birth": [24, 0, 0, 240],
                    "birth on demand": [24, 120, 480, 1200]}
        with vfrecord.change() as data:
            data["measured"]["S1"] = measured
        self.assertIn("40.0 ms less than on demand", vfcheck.advice(measured))
        self.assertRegex(self.good("plan"), r"on demand: +24|birth +24 +5\.0 +20\.0 +50\.0")
        self.assertEqual(json.loads(self.good("plan", "--json"))["pool"]["commands"], 96)

    def test_check(self):
        code, out, _ = self.run_("check", DISK)
        self.assertEqual(code, 1)
        self.assertRegex(out, r"SR-IOV +yes")
        self.assertRegex(out, r"an IOMMU +NO")
        space = bytearray(256)
        space[0x34], space[0x40], space[0x41], space[0x50] = 0x40, 1, 0x50, 0x11
        self.kernel.file(f"{self.kernel.dir(0)}/config", bytes(space))
        self.assertEqual(vfcheck.msix(vfdisk.find(DISK)), "yes")
        # A list that leads to itself ends.
        space[0x50], space[0x51] = 5, 0x40
        self.kernel.file(f"{self.kernel.dir(0)}/config", bytes(space))
        self.assertEqual(vfcheck.msix(vfdisk.find(DISK)), "NO")

    def test_verbs(self):
        self.assertEqual(set(vf.CALLS), {n for n, (m, _) in cli.VF.items() if m == "vf"})


if __name__ == "__main__":
    unittest.main()
