# SPDX-License-Identifier: GPL-2.0-only
"""Parts that only read the text: checkpatch, licence tags, scripts, lengths."""
import os
import re
import statistics
from concurrent.futures import ThreadPoolExecutor

from common import BUILD, JOBS, LINUX, ROOT, c_files, our_files, read, reasons, run

FILE_LIMIT = 700
TAG = "SPDX-License-Identifier: GPL-2.0"
# What the kernel's netlink generator insists on, for what it makes.
NETLINK_TAG = "SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)"
BINARY = ("tools/testing/fuzz/corpus/",)


def excused(finding, source, rules):
    """Does checkpatch.ignore know this type, in this file, on such a line?"""
    m = re.match(r"([^:]+):(\d+): \w+:(\w+):", finding)
    if not m:
        return False
    line = source[min(int(m[2]), len(source)) - 1] if source else ""
    for what, pattern in rules:
        kind, _, path = what.partition("@")
        if kind == m[3] and m[1].startswith(path) and re.search(pattern, line):
            return True
    return False


def checkpatch():
    """checkpatch.pl --strict, but for what checkpatch.ignore explains"""
    rules = [(what, pattern.strip()) for what, _, pattern in
             (what.partition(" ") for what in reasons("checkpatch.ignore"))]
    os.makedirs(BUILD, exist_ok=True)  # it leaves files of its own where it runs

    def one(f):
        code, out = run([os.path.join(LINUX, "scripts/checkpatch.pl"), "--no-tree", "--strict",
                         "--terse", "--show-types", "--no-summary", "--max-line-length=100",
                         "-f", os.path.join(ROOT, f)], 120, cwd=BUILD)
        out = out.replace(ROOT + "/", "")
        found = [l for l in out.splitlines() if re.match(r"\S+:\d+: ", l)]
        source = read(f).splitlines()
        problems = [l for l in found if not excused(l, source, rules)]
        if code and not found:
            problems = [out.strip() or "over its time limit"]
        return f, problems

    with ThreadPoolExecutor(JOBS) as pool:
        yield from pool.map(one, c_files())


def comment_tag(path, line):
    """Does the line hold the tag in the comment style the kernel asks for?"""
    if path.endswith(".c"):
        return line.startswith("// " + TAG)
    if path.endswith((".h", ".S")):
        return line.startswith("/* " + TAG) and line.endswith("*/")
    if path.endswith(".rst"):
        return line.startswith(".. " + TAG)
    return TAG in line


def spdx():
    """every source file says its licence in the first line (second after #!)"""
    for f in our_files():
        name = os.path.basename(f)
        if f.startswith(BINARY):
            continue
        lines = read(f).splitlines()[:2]
        script = bool(lines) and lines[0].startswith("#!")
        if not (script or name in ("Kbuild", "Kconfig", "Makefile") or
                f.endswith((".c", ".h", ".S", ".py", ".sh", ".rst", ".pml"))):
            continue
        line = lines[1] if script and len(lines) > 1 else lines[0] if lines else ""
        if "/netlink_gen." in f or f.endswith("_netlink.h"):
            line = line.replace(NETLINK_TAG, TAG)
        good = comment_tag("" if script else f, line)
        yield f, [] if good else [f"{f}:{1 + script}: no '{TAG}...' in the kernel's style"]


def scripts():
    """shellcheck for shell scripts, compilation for Python"""
    for f in our_files():
        if f.startswith(BINARY):
            continue
        first = read(f).split("\n", 1)[0]
        if re.match(r"#!.*python", first) or f.endswith(".py"):
            try:
                compile(read(f), f, "exec")
                yield f, []
            except SyntaxError as e:
                yield f, [f"{f}:{e.lineno}: {e.msg}"]
        elif re.match(r"#!.*\b(ba|da)?sh\b", first):
            _, out = run(["shellcheck", "-x", "-P", "SCRIPTDIR", "-S", "warning", "-f", "gcc",
                          # Busybox's ash is close enough to dash; sourced names vary.
                          "-e", "SC2187,SC1090,SC1091", f], 60)
            yield f, out.splitlines()


def runnable():
    """what a Makefile runs as a program may be run"""
    called = re.compile(r"(?:^\t[@-]*|[;&|]\s*)(\./|\$\(T\)/)([\w./-]+)", re.MULTILINE)
    for f in our_files():
        if os.path.basename(f) != "Makefile":
            continue
        where = {"./": os.path.dirname(f), "$(T)/": "tools/testing"}
        programs = {os.path.join(where[base], name) for base, name in called.findall(read(f))}
        yield f, [f"{f}: {program} cannot be run" for program in sorted(programs)
                  if not os.access(os.path.join(ROOT, program), os.X_OK)]


def versions():
    """the version is the same wherever it stands"""
    code, out = run(["tools/version", "--check"], 60)
    yield "tools/version", out.splitlines() if code else []


def functions(text):
    """[(name, lines)] by the kernel's habit: a body is between ^{ and ^}"""
    found, start, name = [], None, None
    lines = text.splitlines()
    for n, line in enumerate(lines):
        if line == "{" and start is None:
            start, name = n, "?"
            for above in reversed(lines[max(0, n - 8):n]):
                m = re.match(r"[A-Za-z_].*?(\w+)\(", above)
                if m:
                    name = m[1]
                    break
        elif line == "}" and start is not None:
            found.append((name, n - start + 1))
            start = None
    return found


def comment_share(text):
    code = [l for l in text.splitlines() if l.strip()]
    comments = sum(bool(re.match(r"\s*(/\*|\*|//)", l)) or "/*" in l for l in code)
    return comments / max(1, len(code))


def length():
    """no file above 700 lines; prints the yardsticks for functions and comments"""
    all_functions, texts = [], []
    long = reasons("length.ignore")
    for f in our_files():
        if not f.endswith((".c", ".h", ".py", ".sh", ".pml")):
            continue
        text = read(f)
        lines = text.count("\n")
        if f.endswith((".c", ".h")) and not f.startswith("tools/"):
            texts.append(text)
            all_functions += [(n, name, f) for name, n in functions(text)]
        yield f, [] if lines <= FILE_LIMIT or f in long else [f"{f}: {lines} lines, more than {FILE_LIMIT}"]
    if not all_functions:
        return
    all_functions.sort()
    sizes = [n for n, _, _ in all_functions]
    print(f"  {len(sizes)} functions: median {statistics.median(sizes):.0f} lines, "
          f"95th percentile {sizes[int(len(sizes) * 0.95)]}, longest {sizes[-1]}; "
          f"comments {100 * comment_share(chr(10).join(texts)):.0f} % of the lines")
    for n, name, f in reversed(all_functions[-5:]):
        print(f"  {n:5} {name} in {f}")
