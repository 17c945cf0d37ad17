# SPDX-License-Identifier: GPL-2.0-only
"""Parts that build the modules: warnings, sparse, symbols."""
import glob
import os
import re
import shutil
import subprocess

from common import (BUILD, COPY, JOBS, KERNEL_PART, ROOT, c_files, copy_kernel_part, group,
                    headers, our_files, read, run)

FINDING = re.compile(r"(?P<file>[^\s:]+\.[ch]):\d+(:\d+)?:.*(warning|error):")
# What the compiler and the tracing macros put before a name of ours.
PREFIXES = re.compile(r"^(__tracepoint_|__traceiter_|__probestub_|__SCK__|__SCT__|"
                      r"__bpf_trace_|__pfx_|event_)+")
MODULE_SYMBOLS = ("init_module", "cleanup_module", "__this_module")


def kbuild(*arguments):
    copy_kernel_part()
    return run(["make", "-C", headers(), f"M={COPY}", f"-j{JOBS}", *arguments], 900)


def kconfig():
    """an option is known to Kconfig, kbuild, a Makefile and install.rst; a front-end to takeover"""
    def options(pattern, files):
        return {m for f in files for m in re.findall(pattern, read(f), re.M)}

    ours = our_files()
    offered = options(r"^config (PARLEY_\w+)", [f for f in ours if f.endswith("/Kconfig")])
    exported = options(r"^export CONFIG_(PARLEY_\w+)", ["Kbuild"])
    used = options(r"CONFIG_(PARLEY_\w+)", [f for f in ours if f.startswith("drivers/")])
    yield from options_page()
    yield from front_ends()
    for option in sorted(offered | exported | used):
        problems = [f"{option} is not {what}" for what, known in
                    (("in any Kconfig", offered), ("exported by Kbuild", exported),
                     ("used below drivers/", used)) if option not in known]
        yield option, problems


def kconfig_entries():
    """{option: its text in Kconfig}"""
    texts = [read(f) for f in our_files() if f.endswith("/Kconfig") or f == "Kconfig"]
    return {m[2]: m[0] for text in texts for m in
            re.finditer(r"^(menu)?config (PARLEY\w*)\n(?:.*\n)*?(?=^(menu|source|end|config)|\Z)",
                        text, re.M)}


def options_page():
    """install.rst has every option with what Kconfig says it needs, and its commands
    for a grafted tree turn on all that no help text advises against."""
    page = read("Documentation/install.rst")
    table = dict(re.findall(r"^(PARLEY\w*) +(.*?)(?:  .*)?$", page, re.M))
    chosen = set(re.findall(r"-[em] (PARLEY\w*)", page))
    entries = kconfig_entries()
    for option in sorted(entries):
        text = entries[option]
        needs = re.findall(r"^\tdepends on (.*)$", text, re.M)
        needs = ", ".join(needs).replace(" && ", ", ").replace("PARLEY_", "")
        problems = []
        if option not in table:
            problems.append("is not in the table")
        elif table[option].replace('\\', '') != needs:
            problems.append(f"needs '{needs}' by Kconfig, '{table[option]}' by the table")
        prompt = re.search(r'^\t(tristate|bool) "', text, re.M)
        if prompt and "say N" not in text and option not in chosen:
            problems.append("is not turned on by the commands")
        yield f"install.rst: {option}", problems
    for option in sorted((set(table) | chosen) - set(entries)):
        yield f"install.rst: {option}", ["is no option of ours"]


FRONT_ENDS = "tools/dist/front-ends"
# Folders of drivers/virtio/ that are below the front-ends.
BELOW = ("core", "guest", "transport", "sched")


def front_ends():
    """`parley takeover`, at-boot and the hooks of the initramfs know every front-end:
    each module of drivers/virtio/ is in their table, by the type that its alias has."""
    table = {f"parley_{name}": int(number) for number, name in
             re.findall(r"^(\d+) (\w+)$", read(FRONT_ENDS), re.M)}
    for makefile in (f for f in our_files() if re.match(r"drivers/virtio/\w+/Makefile$", f)):
        folder = os.path.dirname(makefile)
        if os.path.basename(folder) in BELOW:
            continue
        aliases = {int(n, 16) for f in c_files(folder + "/") for n in
                   re.findall(r'MODULE_ALIAS_PARLEY\("(\w+)"\)', read(f))}
        for module in re.findall(r"^obj-\S+ \+= (\w+)\.o", read(makefile), re.M):
            number = table.pop(module, None)
            problems = []
            if not aliases:
                problems.append(f"no source of {folder} has a MODULE_ALIAS_PARLEY")
            if number is None:
                row = " ".join([*map(str, sorted(aliases)), module.removeprefix("parley_")])
                problems.append(f"{FRONT_ENDS} has no row for it: {row}")
            elif aliases and number not in aliases:
                problems.append(f"{FRONT_ENDS} has type {number}, its alias {aliases}")
            yield f"front-end {module}", problems
    for module in sorted(table):
        yield f"front-end {module}", [f"{FRONT_ENDS} has it, drivers/virtio/ has not"]


def warnings():
    """W=1 from scratch: no warning in any file, none from modpost"""
    kbuild("clean")
    code, out = kbuild("W=1", "modules")
    for f, problems in group(out, FINDING, c_files(*KERNEL_PART)).items():
        yield f, problems
    modpost = [l for l in out.splitlines() if re.match(r"(WARNING|ERROR): modpost", l)]
    yield "modpost", modpost
    yield "the build", [] if code == 0 else out.strip().splitlines()[-15:]


def sparse():
    """types, address spaces, endianness and lock balance"""
    code, out = kbuild("W=1", "C=2", "modules")
    for f, problems in group(out, FINDING, c_files(*KERNEL_PART)).items():
        yield f, problems
    yield "the build", [] if code == 0 else out.strip().splitlines()[-15:]


# Distribution kernels have no KUnit, but their headers have its header: told
# that there is KUnit as a module, kbuild compiles the suites, and modpost, which
# misses its functions, is content to say so.
WITH_KUNIT = ("CONFIG_KUNIT=m", "KCFLAGS=-DCONFIG_KUNIT_MODULE=1", "KBUILD_MODPOST_WARN=1")
KUNIT_COPY = os.path.join(BUILD, "src-kunit")
# The block layer's bio ends in a flexible array that users of their own bios
# never touch.
HARMLESS = re.compile(r"warning: array of flexible structures")


def sparse_tests():
    """the same for the KUnit suites, which stock kernels leave out"""
    copy_kernel_part(KUNIT_COPY)
    code, out = run(["make", "-C", headers(), f"M={KUNIT_COPY}", f"-j{JOBS}", *WITH_KUNIT,
                     "C=2", "modules"], 1200)
    files = [f for f in c_files("drivers/") if "/tests/" in f]
    for f, problems in group(out, FINDING, files, KUNIT_COPY).items():
        yield f, [p for p in problems if not HARMLESS.search(p)]
    built = {l.split()[-1] for l in out.splitlines() if l.split()[:1] == ["CHECK"]}
    seen = {os.path.relpath(os.path.join(KUNIT_COPY, b), KUNIT_COPY) for b in built}
    yield "the suites are seen", [f"{f} was not looked at" for f in files
                                  if f.endswith("_kunit.c") and f not in seen]
    yield "the build", [] if code == 0 else out.strip().splitlines()[-15:]


def examples():
    """the front-ends of the documentation compile against the tree"""
    kbuild("W=1", "modules")
    work = os.path.join(BUILD, "examples")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, "Documentation/examples"), work)
    code, out = run(["make", "-C", headers(), f"M={work}", f"PARLEY={COPY}", "W=1",
                     f"KBUILD_EXTRA_SYMBOLS={COPY}/Module.symvers", "modules"], 300)
    bad = [l for l in out.splitlines()
           if FINDING.match(l) or re.match(r"(WARNING|ERROR): modpost", l)]
    yield "parley_hello, parley_sketch", bad if code == 0 else bad or out.strip().splitlines()[-15:]


def modules():
    kbuild("W=1", "modules")
    return sorted(glob.glob(os.path.join(COPY, "**/*.ko"), recursive=True))


# Beside parley_: what trace points make of our names, and short names that are
# global inside one module of the host side only (drivers/vhost/core/state.h).
OUR_SYMBOLS = ("parley_", "trace_event_fields_parley_", "tp_func_parley_", "vh_", "vhb_",
               "vhn_")


def version():
    return run(["tools/version"], 60)[1].strip()


def info(module, field):
    return subprocess.run(["modinfo", "-F", field, module], check=True,
                          capture_output=True, text=True).stdout.split("\n")[:-1]


def module_problems(module):
    name = os.path.basename(module)
    if not name.startswith("parley_"):
        yield f"{name}: a module of ours is called parley_*"
    if info(module, "license") != ["GPL"]:
        yield f"{name}: licence is not GPL"
    if not info(module, "description"):
        yield f"{name}: no description"
    if "/tests/" not in module or name == "parley_mock.ko":
        if info(module, "version") != [version()]:
            yield f"{name}: no MODULE_VERSION(PARLEY_VERSION)"
    table = subprocess.run(["nm", "--defined-only", "-g", module], check=True,
                           capture_output=True, text=True).stdout
    for line in table.splitlines():
        symbol = line.split()[-1]
        plain = PREFIXES.sub("", symbol)
        # A device table's alias is named for its bus, a section's ends by the linker.
        if plain in MODULE_SYMBOLS or re.match(r"__mod_.*device_table$|__(start|stop)_", plain):
            continue
        if not plain.startswith(OUR_SYMBOLS):
            yield f"{name}: global symbol {symbol} does not start with parley_"


def dkms_problems(built):
    """dkms.conf must install exactly the modules for users: all but the tests."""
    text = read("dkms.conf")
    listed = {}
    for field in ("BUILT_MODULE_NAME", "BUILT_MODULE_LOCATION", "DEST_MODULE_LOCATION"):
        for number, value in re.findall(rf'^{field}\[(\d+)\]="(.*)"$', text, re.M):
            listed.setdefault(number, {})[field] = value
    theirs = {(m.get("BUILT_MODULE_LOCATION"), m.get("BUILT_MODULE_NAME"))
              for m in listed.values() if m.get("DEST_MODULE_LOCATION")}
    ours = {(os.path.relpath(os.path.dirname(m), COPY), os.path.basename(m)[:-3])
            for m in built if "/tests/" not in m}
    for folder, name in sorted(ours - theirs):
        yield f"dkms.conf lacks {name} in {folder}"
    for folder, name in sorted(theirs - ours, key=str):
        yield f"dkms.conf has {name} in {folder}, which is not built"


def symbols():
    """all that we add to the kernel's name space is named and fenced as ours"""
    built = modules()
    yield "dkms.conf", list(dkms_problems(built))
    for module in built:
        yield os.path.basename(module), list(module_problems(module))
    with open(os.path.join(COPY, "Module.symvers")) as f:
        rows = [line.rstrip("\n").split("\t") for line in f]
    for _, symbol, module, kind, space in rows:
        problems = []
        if not symbol.startswith("parley_"):
            problems.append(f"export {symbol} does not start with parley_")
        if space != "PARLEY":
            problems.append(f"export {symbol} is in namespace '{space}'")
        if kind != "EXPORT_SYMBOL_GPL":
            problems.append(f"export {symbol} is {kind}")
        yield f"{os.path.basename(module)}: {symbol}", problems
