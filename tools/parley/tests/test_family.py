# SPDX-License-Identifier: GPL-2.0-only
"""The tables of the command against the specification, and messages to bytes."""
import errno
import os
import struct
import unittest
from unittest import mock

import yaml

from parleylib import family, netlink

SPEC = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                    "../../../Documentation/netlink/specs/parley.yaml")


class SpecificationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(SPEC, encoding="utf-8") as f:
            cls.spec = yaml.safe_load(f)

    def test_family(self):
        self.assertEqual(self.spec["name"], family.NAME)
        self.assertEqual([g["name"] for g in self.spec["mcast-groups"]["list"]], [family.GROUP])

    def test_every_command_has_words(self):
        """What a person reads of an error names no command of the family."""
        asked = [c for c in family.COMMANDS if not c.endswith("-ntf")]
        self.assertEqual(sorted(netlink.DOING), sorted(asked))
        for command in asked:
            for code in (errno.EPERM, errno.ENOENT, errno.EINVAL):
                error = mock.Mock(code=code, args=(code, None))
                text = netlink.explain(command, error)
                self.assertRegex(text, "^cannot (show|set|forget|make|change|"
                                       "remove|attach|detach) the ")
                self.assertNotIn(command, text)

    def test_sets(self):
        def kind(attr):
            return attr.get("nested-attributes") or attr.get("enum") or attr["type"]

        said = {s["name"]: tuple((a["name"], kind(a)) for a in s["attributes"])
                for s in self.spec["attribute-sets"]}
        self.assertEqual(said, family.SETS)

    def test_enums_and_numbers(self):
        enums = {d["name"]: tuple(e["name"] for e in d["entries"])
                 for d in self.spec["definitions"] if d["type"] == "enum"}
        self.assertEqual(enums, family.ENUMS)
        for d in self.spec["definitions"]:
            if d["type"] == "const":
                name = d["name"].upper().replace("-", "_")
                self.assertEqual(getattr(family, name), d["value"], name)

    def test_commands(self):
        ops = self.spec["operations"]["list"]
        sets = {o["name"]: o.get("attribute-set") for o in ops}
        for o in ops:
            if "notify" in o:
                sets[o["name"]] = sets[o["notify"]]
        self.assertEqual(sets, family.COMMANDS)
        self.assertEqual(list(sets), list(family.COMMANDS))


class MessageTest(unittest.TestCase):
    def setUp(self):
        self.library = netlink.load()[0]

    def test_bytes(self):
        """A request as the kernel's strict parser wants it."""
        message = netlink.message_class(self.library, "queue")()
        message["cmd"], message["version"] = family.number("limit-set"), 1
        message["attrs"] = netlink.encode(
            "queue", {"dev-id": 3, "index": 1, "limits": {"ops-rate": 1000}})["attrs"]
        message.encode()
        nest = struct.pack("=HHQ", 12, 2, 1000)
        wanted = struct.pack("=BBH", 6, 1, 0) + struct.pack("=HHI", 8, 2, 3) + \
            struct.pack("=HHI", 8, 3, 1) + struct.pack("=HH", 16, 0x8000 | 10) + nest
        self.assertEqual(bytes(message.data)[16:].hex(), wanted.hex())

    def test_there_and_back(self):
        values = {"dev-id": 7, "index": 0, "state": "broken", "lane": "bulk",
                  "moderation": {"max-reqs": 16, "max-us": 50},
                  "stats": {"kicks": 1 << 40, "errors": 2}}
        kind = netlink.message_class(self.library, "queue")
        message = kind()
        message["attrs"] = netlink.encode("queue", values)["attrs"]
        message.encode()
        again = kind(message.data)
        again.decode()
        self.assertEqual(netlink.decode("queue", again), values)

    def test_a_newer_kernel(self):
        """Attributes and values that we do not know are no error."""
        got = netlink.decode("queue", {"attrs": [("dev-id", 1), ("what", 2), ("lane", 9)]})
        self.assertEqual(got, {"dev-id": 1, "lane": "9"})

    def test_names(self):
        self.assertEqual(netlink.dashed({"dev_id": 1, "index": None}), {"dev-id": 1})
        self.assertEqual(netlink.underscored({"a-b": {"c-d": 1}}), {"a_b": {"c_d": 1}})


if __name__ == "__main__":
    unittest.main()
