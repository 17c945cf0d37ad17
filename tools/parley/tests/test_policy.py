# SPDX-License-Identifier: GPL-2.0-only
"""Policies: the command finds what the kernel finds, and says it in the same words."""
import ast
import contextlib
import glob
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import unittest
from unittest import mock

from called import run
from parleylib import policies, policy

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
ROOT = os.path.join(TOP, "../..")
# The kernel's own tests: their cases are ours.
KUNIT = os.path.join(ROOT, "drivers/vfio/policy/tests/policy_kunit.c")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
TOKEN = r'"(?:[^"\\]|\\.)*"|[A-Z][A-Z0-9]*'


class C:
    """Strings of a C source."""

    def __init__(self, path):
        with open(path, encoding="ascii") as f:
            self.source = f.read()
        self.macros = {}
        for name, value in re.findall(r'^#define (\w+)\t?\s*((?:"|[A-Z]).*)$', self.source, re.M):
            if re.fullmatch(rf"(?:\s*(?:{TOKEN}))+", value):
                self.macros[name] = self.string(value)

    def string(self, text):
        """Of literals and macros that stand one behind the other."""
        return b"".join(ast.literal_eval("b" + t) if t[0] == '"' else self.macros[t]
                        for t in re.findall(TOKEN, text))

    def between(self, begin, end):
        return self.source.split(begin, 1)[1].split(end, 1)[0]

    def faults(self):
        """(name, text, line, reason) of each row of the table."""
        row = re.compile(rf'{{ ((?:{TOKEN})), ((?:(?:{TOKEN})\s*)*), (\d+),\s*'
                         rf'((?:(?:{TOKEN})\s*)+)}},')
        for name, text, line, reason in row.findall(self.between("faults[] = {", "\n};")):
            yield (self.string(name).decode(), self.string(text), int(line),
                   self.string(reason).decode())


class PolicyTest(unittest.TestCase):
    def setUp(self):
        self.c = C(KUNIT)
        self.language = policy.Language(
            self.c.string(self.c.between("char told[] =", ";\n")).decode())

    def test_faults(self):
        faults = list(self.c.faults())
        rows = len(re.findall(r"^\t{ ", self.c.between("faults[] = {", "\n};"), re.M))
        self.assertEqual((len(faults), rows > 60), (rows, True))
        for name, text, line, reason in faults:
            with self.assertRaises(policy.Wrong, msg=name) as caught:
                policy.Policy(self.language, text)
            self.assertEqual(str(caught.exception), f"line {line}: {reason}", name)

    def test_normal_form(self):
        whole = self.c.string(self.c.between("static const char whole[] =", ";\n"))
        made = policy.Policy(self.language, whole)
        self.assertEqual("".join(f"{line}\n" for line in made.text()).encode(), whole)
        self.assertEqual(made.verdict("mill", 3, 1, "mine"), "emulate")
        self.assertEqual(made.verdict("mill", 3, 1, "yours"), "allow")
        self.assertEqual(made.verdict("mill", 3, 9, "mine"), "deny")
        self.assertEqual(made.verdict("mill", 9, 0, "mine"), "deny")

    def test_source(self):
        """What the kernel is given ends with the end, and has the lines of the file."""
        text = b"# one\nlanguage words\n end # here\n# behind\n\n"
        self.assertEqual(policy.Policy(self.language, text).source,
                         b"# one\nlanguage words\nend\n")
        text = b"language words\ndeny mill break\nend"
        self.assertEqual(policy.Policy(self.language, text).source, text + b"\n")

    def test_bounds(self):
        begin, end = b"language words\n", b"\nend\n"
        policy.Policy(self.language, begin + b"\n" * (policy.TEXT - len(begin + end)) + end)
        rules = [f"deny mill bake size={n // 2} scope={('yours', 'mine')[n % 2]}\n".encode()
                 for n in range(policy.RULES)]
        policy.Policy(self.language, begin + b"".join(rules) + end)
        for text, reason in (
                (b"\n" * (policy.TEXT + 1), "line 0: more than 32768 bytes"),
                (begin + b"".join(rules) + b"allow mill grind\nend\n",
                 f"line {policy.RULES + 2}: more than 512 rules")):
            with self.assertRaisesRegex(policy.Wrong, reason):
                policy.Policy(self.language, text)

    def test_same_bounds(self):
        with open(os.path.join(ROOT, "include/parley/policy.h"), encoding="ascii") as f:
            header = f.read()
        for name in ("TEXT", "LINE", "WORDS", "RULES", "VALUES"):
            self.assertEqual(int(re.search(rf"PARLEY_POLICY_{name}\t+(\d+)", header)[1]),
                             getattr(policy, name), name)
        self.assertIn(f"PARLEY_POLICY_REASON\t{policy.REASON + 1}", header)


class Engine:
    """The kernel's engine, in a process of its own and under sanitizers."""
    SOURCES = ("words", "parse", "build", "load", "show", "tests/words")

    def __init__(self, folder, engine=os.path.join(ROOT, "drivers/vfio/policy")):
        sources = [f"{engine}/{name}.c" for name in self.SOURCES]
        # Of the kernel's headers there are the names only: what is in them is in kernel.h.
        for path in sources + [f"{engine}/policy.h", f"{ROOT}/include/parley/policy.h"]:
            with open(path, encoding="ascii") as f:
                for header in re.findall(r"#include <((?:linux|parley)/\w+\.h)>", f.read()):
                    if header != "parley/policy.h":
                        os.makedirs(os.path.dirname(f"{folder}/{header}"), exist_ok=True)
                        with open(f"{folder}/{header}", "w", encoding="ascii"):
                            pass
        here = os.path.join(TOP, "tests/engine")
        subprocess.run(
            [COMPILER, "-std=gnu11", "-O1", "-Wall", "-Werror", "-fsanitize=address,undefined",
             "-fno-sanitize-recover=all", f"-I{folder}", f"-I{ROOT}/include",
             f"-I{engine}", f"-I{engine}/tests", "-include", f"{here}/kernel.h",
             "-o", f"{folder}/engine", f"{here}/main.c", *sources], check=True)
        self.process = subprocess.Popen([f"{folder}/engine"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def tell(self, text):
        self.process.stdin.write(len(text).to_bytes(4, "little") + text)
        self.process.stdin.flush()
        told = b""
        while not told.endswith(b"\0\n"):
            line = self.process.stdout.readline()
            if not line:
                return f"ended with {self.process.wait()}"
            told += line
        return told[:-2].decode("ascii").rstrip("\n")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Texts:
    """Good texts, bad ones, and all between."""
    WORDS = ("size=small size=large size=huge size=7 size=0x1 scope=mine scope=yours "
             "scope=mine,yours status=closed status=shut").split()
    OPS = ("grind sieve bake burn break swim dive 0 1 2 3 4 32-47 32-40 0x20-0x2f "
           "0-63").split()
    REST = "set depth width 5 7 end language words # x mill deny".split()

    def __init__(self, seeds, seed):
        self.seeds, self.random = seeds, random.Random(seed)

    def altered(self):
        text = bytearray(self.random.choice(self.seeds))
        for _ in range(self.random.randrange(4)):
            at = self.random.randrange(len(text) + 1)
            how = self.random.randrange(3)
            if how == 0:
                text[at:at + 1] = bytes([self.random.randrange(256)])
            elif how == 1:
                del text[at:at + self.random.randrange(1, 4)]
            else:
                other = self.random.choice(self.seeds)
                text[at:at] = other[:self.random.randrange(len(other) + 1)]
        return bytes(text[:policy.TEXT + 9])

    def made(self):
        lines = ["language words"]
        for _ in range(self.random.randrange(5)):
            if self.random.random() < 0.7:
                lines.append(" ".join([self.random.choice(policy.VERDICTS),
                                       self.random.choice(("mill", "pond")),
                                       self.random.choice(self.OPS),
                                       *self.random.sample(self.WORDS, self.random.randrange(3))]))
            else:
                lines.append(" ".join(self.random.choices(self.WORDS + self.REST,
                                                          k=self.random.randrange(11))))
        return "\n".join([*lines, "end"]).encode() + b"\n"

    def __iter__(self):
        while True:
            yield self.altered()
            yield self.made()


@unittest.skipUnless(COMPILER, "no C compiler")
class EngineTest(unittest.TestCase):
    """Two implementations, one answer: whatever the text."""
    CASES = 4000

    def test_same_answers(self):
        c = C(KUNIT)
        language = policy.Language(c.string(c.between("char told[] =", ";\n")).decode())
        seeds = [c.string(c.between("static const char whole[] =", ";\n")),
                 *(text for _, text, _, _ in c.faults())]
        with tempfile.TemporaryDirectory() as folder, \
                contextlib.closing(Engine(folder)) as engine:
            good = 0
            for text in itertools.chain(seeds, itertools.islice(Texts(seeds, 1), self.CASES)):
                try:
                    told = "\n".join(policy.Policy(language, text).text())
                    good += 1
                except policy.Wrong as e:
                    told = str(e)
                self.assertEqual(engine.tell(text), told, text)
            self.assertGreater(good, self.CASES / 20)


class NvmeTest(unittest.TestCase):
    FILES = sorted(glob.glob(os.path.join(policy.HERE, "*.policy")))

    def test_files(self):
        self.assertGreaterEqual(len(self.FILES), 2)
        for path in self.FILES:
            code, out, err = run("vf", "policy", "check", path)
            self.assertEqual((code, err), (0, ""), path)
            self.assertIn("a policy of ", out)

    def test_languages_are_in_normal_form(self):
        """As the kernel tells them, so that the two can be compared."""
        for path in glob.glob(os.path.join(policy.HERE, "*.language")):
            with open(path, encoding="ascii") as f:
                lines = [line for line in f if not line.startswith("#")]
            for line in lines:
                self.assertEqual(line, " ".join(line.split()) + "\n", path)

    def test_tables(self):
        made = subprocess.run([os.path.join(ROOT, "tools/policy-tables"), "--check"],
                              capture_output=True, text=True, check=False)
        self.assertEqual((made.returncode, made.stdout), (0, ""), made.stderr)

    def test_dangerous(self):
        language = policy.installed("nvme")
        for of in language.sets:
            for op in of.ops:
                for verdict in policy.VERDICTS[1:] if op.dangerous else ():
                    text = f"language nvme\n{verdict} {of.name} {op.name}\nend\n"
                    with self.assertRaises(policy.Wrong) as caught:
                        policy.Policy(language, text.encode())
                    self.assertEqual(str(caught.exception), "line 2: there is no way to "
                                     f"{verdict} that of {of.name}")

    def test_reference(self):
        code, out, _ = run("vf", "policy", "reference")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^format +80h +deny +deny +yes$")
        self.assertRegex(out, r"(?m)^write +01h +deny, rewrite +own +rewrite")
        code, out, _ = run("vf", "policy", "reference", "nvme", "--json")
        self.assertEqual(json.loads(out)["io"][0]["operation"], "flush")


class CommandTest(unittest.TestCase):
    """Against a folder that is as the kernel's."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.parent = f"{folder.name}/devices/0000:01:00.1"
        os.makedirs(f"{self.parent}/parley_policy")
        with open(os.path.join(policy.HERE, "nvme.language"), encoding="ascii") as f:
            self.put("language", f.read())
        self.put("1", "language nvme\ndeny admin format\nend\n")
        self.put("1.error", "")
        self.put("1.audit", "used\n" + "3".rjust(20) + "     2 deny admin format\n"
                 + "0".rjust(20) + "     0 deny admin -\nnext\n"
                 + "0".rjust(20) + "     4 deny io vendor\n")
        patch = mock.patch("parleylib.guest.PCI", folder.name)
        patch.start()
        self.addCleanup(patch.stop)

    def put(self, name, text):
        with open(f"{self.parent}/parley_policy/{name}", "w", encoding="ascii") as f:
            f.write(text)

    def test_load(self):
        path = os.path.join(policy.HERE, "nvme-read-only.policy")
        code, out, _ = run("vf", "policy", "load", "01:00.1", "parley_nvme_vf-1", path)
        self.assertEqual(code, 0)
        self.assertIn("devices of type 1 that are opened from now on", out)
        code, out, _ = run("vf", "policy", "show", "0000:01:00.1", "1")
        self.assertIn("\ndeny io write scope=own status=write-protected\n", out)
        with open(path, encoding="ascii") as f:
            self.assertEqual(out, f.read())
        code, out, _ = run("vf", "policy", "show", "01:00.1", "1", "--json")
        self.assertEqual(json.loads(out)["text"][-1], "end")

    def test_wrong_is_not_loaded(self):
        bad = f"{self.parent}/bad"
        with open(bad, "w", encoding="ascii") as f:
            f.write("language nvme\n\nallow admin format\nend\n")
        code, out, err = run("vf", "policy", "load", "01:00.1", "1", bad)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("bad: line 3: there is no way to allow that of admin", err)
        code, _, err = run("vf", "policy", "check", bad)
        self.assertEqual(code, 1)
        self.assertIn("line 3", err)
        code, _, err = run("vf", "policy", "check", f"{bad}.not")
        self.assertEqual(code, 1)
        self.assertIn("No such file", err)

    def test_refused_by_the_kernel(self):
        path = os.path.join(policy.HERE, "nvme-default.policy")
        self.put("1.error", "line 7: no such set: admin\n")
        with mock.patch("parleylib.policies.open", side_effect=OSError(22, "Invalid"),
                        create=True), \
                mock.patch("parleylib.policies.contents", lambda p: open(p, "rb").read()):
            code, _, err = run("vf", "policy", "load", "01:00.1", "1", path)
        self.assertEqual(code, 1)
        self.assertIn("the kernel takes no such policy: line 7: no such set: admin", err)

    def test_audit(self):
        code, out, _ = run("vf", "policy", "audit", "01:00.1", "1")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^ +3 +2  deny admin format$")
        self.assertNotIn("deny admin -", out)
        code, out, _ = run("vf", "policy", "audit", "01:00.1", "1", "--all")
        self.assertRegex(out, r"(?m)^ +0 +-  deny admin -$")
        code, out, _ = run("vf", "policy", "audit", "01:00.1", "1", "--json")
        told = json.loads(out)
        self.assertEqual([p["policy"] for p in told], ["used", "next"])
        self.assertEqual(told[0]["rules"][0],
                         {"count": 3, "line": 2, "rule": "deny admin format"})

    def test_usage(self):
        for words in ((), ("drop",), ("check",), ("load", "01:00.1", "1"),
                      ("show", "01:00.1"), ("show", "01:00.1", "9"), ("reference", "tongues"),
                      ("show", "--all", "01:00.1", "1")):
            code, out, err = run("vf", "policy", *words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertIn("parley", err)
        self.assertEqual(run("vf", "nothing")[0], 2)
        self.assertEqual(run("vf", "policy", "show", "01:00.2", "1")[0], 3)

    def test_complete(self):
        self.assertEqual(policies.complete("parents", ()), ["0000:01:00.1"])
        self.assertEqual(policies.complete("kinds", ("01:00.1",)), ["1"])


class HciTest(unittest.TestCase):
    """A Bluetooth controller, in a folder that is as the kernel's."""
    DEFAULT = os.path.join(policy.HERE, "hci-default.policy")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = f"{folder.name}/parley_hci0/parley_policy"
        os.makedirs(self.folder)
        with open(os.path.join(policy.HERE, "hci.language"), encoding="ascii") as f:
            self.put("language", f.read())
        self.put("hci", "language hci\nallow baseband reset\nend\n")
        self.put("hci.error", "")
        self.put("hci.audit", "used\n" + "2".rjust(20) + "     2 deny pairing just-works\n"
                 + "0".rjust(20) + "     0 deny vendor -\n")
        for patch in (mock.patch.object(policies, "HCI", folder.name),
                      mock.patch("parleylib.guest.PCI", folder.name)):
            patch.start()
            self.addCleanup(patch.stop)

    def put(self, name, text):
        path = f"{self.folder}/{name}"
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def loaded(self):
        with open(f"{self.folder}/hci", encoding="ascii") as f:
            return f.read()

    def test_load_and_show(self):
        for name in ("hci0", "parley_hci0"):
            self.put("hci", "")
            code, out, err = run("vf", "policy", "load", name, self.DEFAULT)
            self.assertEqual((code, err), (0, ""))
            self.assertIn(f"{name}: whoever opens it from now on goes by", out)
            self.assertIn("\ndeny pairing just-works\n", self.loaded())
            self.assertEqual(run("vf", "policy", "show", name)[1], self.loaded())
        # The type may be said.
        self.assertEqual(run("vf", "policy", "load", "hci0", "hci", self.DEFAULT)[0], 0)
        made = json.loads(run("vf", "policy", "show", "hci0", "--json")[1])
        self.assertEqual((made["language"], made["verdicts"]["rewrite"]), ("hci", 1))

    def test_audit(self):
        code, out, _ = run("vf", "policy", "audit", "hci0")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^ +2 +2  deny pairing just-works$")
        self.assertNotIn("deny vendor -", out)
        self.assertIn("deny vendor -", run("vf", "policy", "audit", "--all", "hci0")[1])

    def test_wrong_is_not_loaded(self):
        """Nor is a disk's; and the kernel is not asked."""
        before = self.loaded()
        nvme = os.path.join(policy.HERE, "nvme-default.policy")
        for path, why in (
                (self.put("bad", "language hci\nallow vendor all\nend\n"),
                 "bad: line 2: there is no way to allow that of vendor"),
                (self.put("worse", "language hci\nallow pairing just-works scope=own\nend\n"),
                 "worse: line 2: not understood: scope=own"),
                (nvme, "the first line, and no other, is: language hci")):
            code, out, err = run("vf", "policy", "load", "hci0", path)
            self.assertEqual((code, out), (1, ""), path)
            self.assertIn(why, err)
            self.assertEqual(self.loaded(), before)

    def test_kernel_without_a_word(self):
        """What counts is the language of the controller, and not the command's."""
        with open(f"{self.folder}/language", encoding="ascii") as f:
            self.put("language", f.read().replace("op set-event-mask", "op set-event-masks"))
        self.assertEqual(run("vf", "policy", "check", self.DEFAULT)[0], 0)
        code, _, err = run("vf", "policy", "load", "hci0", self.DEFAULT)
        self.assertEqual(code, 1)
        self.assertIn("no such operation: set-event-mask", err)

    def test_another_writes(self):
        """The error that is there is of a text that was written before."""
        self.put("hci.error", "line 7: no such set: admin\n")
        with mock.patch("parleylib.policies.open", side_effect=OSError(16, "busy"),
                        create=True), \
                mock.patch("parleylib.policies.contents", lambda p: open(p, "rb").read()):
            code, _, err = run("vf", "policy", "load", "hci0", self.DEFAULT)
        self.assertEqual(code, 1)
        self.assertIn("somebody else writes a policy at this moment", err)
        self.assertNotIn("line 7", err)

    def test_not_there(self):
        code, _, err = run("vf", "policy", "show", "hci1")
        self.assertEqual(code, 3)
        self.assertIn("modprobe parley_hci, and echo hci1 >", err)
        for words in (("show",), ("load", "hci0"), ("show", "hci0", "1"), ("show", "01:00.1")):
            self.assertEqual(run("vf", "policy", *words)[0], 2, words)

    def test_dangerous(self):
        """What no policy can permit: vendors' commands, radio tests, the debug key."""
        language = policy.installed("hci")
        for of, op in (("vendor", "all"), ("le", "radio-tests"), ("pairing", "debug-key"),
                       ("testing", "write-simple-pairing-debug-mode mode=on"),
                       ("le", "generate-dhkey-v2 key=debug")):
            with self.assertRaisesRegex(policy.Wrong, "there is no way to allow"):
                policy.Policy(language, f"language hci\nallow {of} {op}\nend\n".encode())
        made = policy.Policy(language, policies.contents(self.DEFAULT))
        self.assertEqual([made.verdict("pairing", n, 0, None) for n in range(8)],
                         ["deny", "allow", "allow", "allow", *["deny"] * 4])

    def test_reference(self):
        code, out, _ = run("vf", "policy", "reference", "hci")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^just-works +00h +deny, allow +deny$")

    def test_complete(self):
        self.assertEqual(policies.complete("parents", ()), ["hci0"])
        self.assertEqual(policies.complete("kinds", ("hci0",)), ["hci"])


if __name__ == "__main__":
    unittest.main()
