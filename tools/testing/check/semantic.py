# SPDX-License-Identifier: GPL-2.0-only
"""Parts from the kernel's own tool box: semantic patches and kernel-doc."""
import glob
import os
import re
import shutil
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor

from common import (BUILD, COPY, JOBS, LINUX, ROOT, c_files, copy_kernel_part, our_files, read,
                    reasons, run)

RULES = os.path.join(LINUX, "scripts/coccinelle")
RULE_LIMIT = 900  # seconds, many times what the slowest takes: machines may be slow
DOMAINS = "/usr/share/libvirt/schemas/domain.rng"


def runnable(rule):
    """Debian's spatch has no OCaml scripting, and not every rule reports."""
    with open(rule) as f:
        text = f.read()
    return "virtual report" in text and \
        not re.search(r"(initialize|script|finalize):ocaml", text)


def apply_rule(rule):
    with open(rule) as f:
        m = re.search(r"^//[/ ]? *Options:(.*)$", f.read(), re.M)
    options = m[1].split() if m else []
    code, out = run(["spatch", "-D", "report", "--no-show-diff", "--very-quiet",
                     "--cocci-file", rule, *options, "--dir", COPY,
                     "-I", os.path.join(COPY, "include"),
                     "-I", os.path.join(LINUX, "include")], RULE_LIMIT, cwd=COPY)
    name = os.path.relpath(rule, RULES)
    if code is None:
        return name, [f"{name}: over its limit of {RULE_LIMIT} s"]
    ours = [l.replace(COPY + "/", "") for l in out.splitlines()
            if re.match(rf"({re.escape(COPY)}|\.)?\S*\.[ch]:\d+", l) and LINUX not in l]
    if code and not ours:
        return name, [f"{name}: spatch failed: {out.strip()[-300:]}"]
    return name, ours


def coccinelle():
    """the kernel's semantic patches, rule by rule"""
    copy_kernel_part()
    ignored = reasons("coccinelle.ignore")
    rules = [r for r in sorted(glob.glob(os.path.join(RULES, "**/*.cocci"), recursive=True))
             if runnable(r) and os.path.relpath(r, RULES) not in ignored]
    with ThreadPoolExecutor(JOBS) as pool:
        yield from pool.map(apply_rule, rules)


def kernel_doc():
    """every kernel-doc comment is complete and says what is returned"""
    for f in c_files("include/parley/", "drivers/"):
        code, out = run([os.path.join(LINUX, "scripts/kernel-doc"), "-none", "-Werror",
                         "-Wreturn", f], 60)
        yield f, out.strip().splitlines() if code else []


def netlink():
    """the netlink specification follows the kernel's schema, and its C files follow it"""
    code, out = run(["tools/netlink-gen", "--check"], 120)
    yield "tools/netlink-gen", out.splitlines() if code else []


HTML = os.path.join(BUILD, "html")
TREES = os.path.join(BUILD, "html/trees")


def documents():
    """the pages make HTML without a warning, no link leads nowhere, no table is cut up"""
    pages = [f for f in our_files() if f.startswith("Documentation/") and f.endswith(".rst")]
    shutil.rmtree(HTML, ignore_errors=True)
    code, out = run(["sphinx-build", "-q", "-W", "--keep-going", "-n", "-b", "html",
                     "-d", HTML + "/doctrees", "Documentation", HTML], 300)
    said = out.replace(ROOT + "/", "").splitlines()
    run(["sphinx-build", "-q", "-b", "xml", "-d", HTML + "/doctrees", "Documentation", TREES], 300)
    for page in pages:
        problems = [l for l in said if l.startswith(page + ":")]
        html = os.path.join(HTML, os.path.relpath(page, "Documentation")[:-4] + ".html")
        problems += [f"{page}: a dead link to {link}"
                     for link in (dead_links(html) if os.path.exists(html) else ["itself"])]
        tree = os.path.join(TREES, os.path.relpath(page, "Documentation")[:-4] + ".xml")
        problems += [f"{page}: a table has this row, cut up or empty: '{row}'"
                     for row in (cut_rows(tree) if os.path.exists(tree) else ["no XML"])]
        yield page, problems
        said = [l for l in said if not l.startswith(page + ":")]
    yield "sphinx-build", said if code else []
    for page in (f for f in our_files() if f.endswith(".md")):
        links = re.findall(r"\]\(([^)#:]+)\)", read(page))
        yield page, [f"{page}: {link} is not there" for link in links
                     if not os.path.exists(os.path.join(ROOT, os.path.dirname(page), link))]


def cut_rows(tree):
    """Rows that a text of two lines in the first column of a simple table was made of,
    and cells such as "-" or "509." that are lists without an entry."""
    for row in xml.etree.ElementTree.parse(tree).iter("row"):
        texts = [" ".join("".join(cell.itertext()).split()) for cell in row]
        alone = len(texts) > 1 and not any(texts[1:])
        torn = [t for t in texts if t.endswith(",") or t.count("(") != t.count(")")]
        empty = [item for item in row.iter("list_item") if not "".join(item.itertext()).strip()]
        if alone or torn or empty:
            yield " | ".join(texts)


def shown():
    """what frontend.rst shows of C stands so in a source that is compiled"""
    def plain(text):
        return " ".join(text.split())

    tree = [plain(read(f)) for f in c_files("drivers/virtio/", "Documentation/examples/")]
    page = "Documentation/frontend.rst"
    blocks = re.findall(r"::\n\n((?:[ ]+\S.*\n|\n)+)", read(page))
    code = [b for b in blocks if re.search(r"[;{]$", b, re.M)]
    for block in code:
        first = block.strip().splitlines()[0]
        yield f"{page}: {first}", [] if any(plain(block) in text for text in tree) else \
            [f"{page}: the code that begins with '{first}' stands nowhere in the tree"]
    yield page, [] if code else [f"{page} shows no code"]


def dead_links(html):
    """Links of a page to files that do not exist, or to parts that they lack."""
    links = set(re.findall(r'href="([^"]*)"', open_text(html)))
    for link in sorted(links):
        path, _, part = link.partition("#")
        if ":" in path:
            continue
        target = os.path.join(os.path.dirname(html), path) if path else html
        if not os.path.exists(target):
            yield link
        elif part and f'id="{part}"' not in open_text(target):
            yield link


def open_text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def libvirt():
    """every libvirt domain in our pages is one that libvirt's schema knows"""
    if not os.path.exists(DOMAINS):
        print(f"  skipped: there is no {DOMAINS}")
        return
    os.makedirs(BUILD, exist_ok=True)
    path = os.path.join(BUILD, "domain.xml")
    for page in [f for f in our_files() if f.endswith(".rst")]:
        for n, block in enumerate(re.findall(r"code-block:: xml\n\n((?: +.*\n|\n)+)",
                                             read(page)), 1):
            with open(path, "w") as f:
                f.write(block.strip())
            code, out = run(["xmllint", "--noout", "--relaxng", DOMAINS, path], 60)
            yield f"{page}, XML block {n}", \
                out.replace(path + ":", "line ").strip().splitlines() if code != 0 else []
