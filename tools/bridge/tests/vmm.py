#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A VMM and a driver of a disk in one, for parley-bridge on a real kernel.

  vmm.py BRIDGE IMAGE split|packed TEST...    see --list

Starts the bridge on IMAGE (a block device or a file), does what each TEST says,
and exits with 0 if all went well.
"""

import array
import glob
import mmap
import os
import random
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True

from machine import (BLOCK, FLUSH, GET_FEATURES, GET_ID, LOG_ALL, MEMORY,  # noqa: E402
                     PACKED, PROTOCOL, QUEUES, READ, ADD_REG, REM_REG, SET_FEATURES,
                     SET_LOG_BASE, SET_MEM_TABLE, USER, VERSION_1, WRITE, Bridge, Driver,
                     Load, Vmm, Wrong, dial, expect)


def drop_caches():
    """What a file's page cache says must come from the medium."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("1")


# The tests: each gets the bridge's program, the image, and the format.

def served(program, image, packed, options=""):
    """A bridge, a VMM that is connected and running, and its driver."""
    path = f"/tmp/bridge-{os.getpid()}.sock"
    bridge = Bridge(program, [f"socket={path},path={image},queues={QUEUES}{options}"]).start()
    vmm = Vmm(path, packed).connect()
    vmm.start()
    return bridge, vmm, Driver(vmm)


def io(program, image, packed):
    """reads, writes, flush, identity; stop and go on; the size in the
    configuration space"""
    bridge, vmm, driver = served(program, image, packed, ",workers=2,serial=lab disk")
    expect(driver.one(0, GET_ID, length=20) == b"lab disk".ljust(20, b"\0"), "the serial")
    with open(image, "rb") as f:
        expect(vmm.capacity() == f.seek(0, 2) // 512, "the size")
    load = Load(driver)
    for _ in range(3):
        load.rounds(20)
        bases = vmm.stop()
        vmm.start_rings(bases)
        for ring in vmm.rings:
            ring.notify()
    load.finish(image)
    for queue in range(QUEUES):
        driver.one(queue, FLUSH, length=16)
        data = driver.one(queue, READ, load.block(queue, 7))
        expect(struct.unpack_from("<QQ", data) == (7, load.last[queue][7]), "what was read")
    bridge.end(signal.SIGTERM)
    expect(vmm.gone(), "the bridge ended, its connection did not")


def limited(program, image, packed):
    """its limits are those of its configuration, from the first request on"""
    bridge, vmm, driver = served(program, image, packed, ",ops=50,ops-burst=5")
    begun = time.monotonic()
    for _ in range(30):
        driver.one(0, GET_ID, length=20)
    took = time.monotonic() - begun
    expect(took >= 24 / 50, f"30 requests at 50 a second took {took:.2f} s")
    bridge.end(signal.SIGTERM)
    expect(vmm.gone(), "the bridge ended, its connection did not")


def kill(program, image, packed):
    """killed and started again in mid-I/O: all of it, or the process that serves us,
    five times by -9, and twice politely"""
    bridge, vmm, driver = served(program, image, packed)
    load = Load(driver)
    for n, sig in enumerate([signal.SIGKILL] * 5 + [signal.SIGTERM] * 2):
        load.rounds(random.randrange(3, 12))
        if sig == signal.SIGKILL and n % 2 == 0:
            for pid in bridge.servers():
                os.kill(pid, sig)
            expect(vmm.gone(), "its process was killed, the connection did not end")
        if n % 2 or sig == signal.SIGTERM:
            bridge.end(sig)
            bridge.start()
        vmm.connect()
        vmm.start()
        for ring in vmm.rings:
            ring.notify()
    load.rounds(3)
    load.finish(image)
    bridge.end(signal.SIGTERM)
    print(f"# {load.done} writes")


def upgraded(program, image, packed):
    """the bridge ends, the modules are exchanged, and it goes on in mid-I/O"""
    bridge, vmm, driver = served(program, image, packed)
    load = Load(driver)
    for _ in range(2):
        load.rounds(5)
        bridge.end(signal.SIGTERM)
        subprocess.run(os.environ["RELOAD"], shell=True, check=True)
        bridge.start()
        vmm.connect()
        vmm.start()
        for ring in vmm.rings:
            ring.notify()
    load.rounds(3)
    load.finish(image)
    bridge.end(signal.SIGTERM)


def alone(program, image, packed):
    """the process of one disk is killed, and another disk's never notices"""
    bridge, vmm, driver = served(program, image, packed)
    bridge.end(signal.SIGTERM)
    path, name = f"/tmp/bridge-{os.getpid()}-2.sock", "/tmp/alone"
    with open(name, "wb") as f:
        f.truncate(8 << 20)
    bridge.command += ["--disk", f"socket={path},path={name},queues={QUEUES}"]
    bridge.sockets.append(path)
    bridge.start()
    vmm.connect()
    vmm.start()
    mine = bridge.servers()
    load, other = Load(driver), Vmm(path, packed)
    for _ in range(5):
        other.connect()
        other.start()
        load.rounds(3)
        victim, = set(bridge.servers()) - set(mine)
        os.kill(victim, signal.SIGKILL)
        expect(other.gone(), "the killed process left its connection open")
        load.rounds(3)
    expect(bridge.servers() == mine, "the other process is still the same")
    load.finish(image)
    bridge.end(signal.SIGTERM)
    os.unlink(name)


def drained(program, image, packed):
    """SET_MEM_TABLE takes away a region that requests in flight write to: when it
    is acknowledged, they are done. For a back end that takes its time."""
    bridge, vmm, driver = served(program, image, packed)
    far = 1 << 32
    kept = struct.pack("<QQQQ", 0, MEMORY, USER, 0)
    more = struct.pack("<QQQQ", far, MEMORY, USER + far, 0)
    for n in range(3):
        body, _ = vmm.send(SET_MEM_TABLE, struct.pack("<II", 2, 0) + kept + more,
                           [vmm.fd, vmm.fd], flags=8)
        expect(body == bytes(8), "a table of two regions was refused")
        put = [driver.put(0, READ, 8 * i, shift=far) for i in range(4)]
        vmm.rings[0].notify()
        time.sleep(1.5)         # all taken, none completed before 2 s
        early = [s for s in put if vmm.mem[driver.at(0, s) + BLOCK + 16] != 0xff]
        body, _ = vmm.send(SET_MEM_TABLE, struct.pack("<II", 1, 0) + kept, [vmm.fd], flags=8)
        expect(body == bytes(8), "a table of one region was refused")
        late = [s for s in put if vmm.mem[driver.at(0, s) + BLOCK + 16] == 0xff]
        expect(not late, f"{len(late)} requests were still in flight")
        expect(n or not early, "the back end was too fast to show it")
        driver.all(0)
    driver.one(1, WRITE, 0, b"x" * BLOCK)
    bridge.end(signal.SIGTERM)


def ends(bridge):
    """The exit status of a bridge that cannot do what it is told."""
    process = subprocess.run(bridge.command, stdin=subprocess.DEVNULL, timeout=20,
                             stderr=subprocess.PIPE, text=True, check=False)
    return process.returncode, process.stderr


def starts(vmm):
    """Does it get its rings?"""
    try:
        vmm.start()
        return True
    except (Wrong, OSError):
        return False


def twice(program, image, packed):
    """one image is not written by two guests, nor one that the host or a QEMU uses"""
    bridge, vmm, driver = served(program, image, packed)
    driver.one(0, WRITE, 0, b"1" * BLOCK)
    path = f"/tmp/bridge-{os.getpid()}-2.sock"
    other = Bridge(program, [f"socket={path},path={image},queues={QUEUES}"]).start()
    second = Vmm(path, packed).connect()
    expect(not starts(second), "two guests write to one image")
    expect(driver.one(0, READ, 0) == b"1" * BLOCK, "the image")
    # As source and target of a migration: the one stops, the other starts.
    second.sock.close()
    second.connect()
    bases = vmm.stop()
    second.start()
    Driver(second).one(0, WRITE, 0, b"2" * BLOCK)
    second.stop()
    vmm.start_rings(bases)
    expect(driver.one(0, READ, 0) == b"2" * BLOCK, "what the other wrote")
    other.end(signal.SIGTERM)
    bridge.end(signal.SIGTERM)
    flags = os.O_RDWR | (os.O_EXCL if image.startswith("/dev/") else 0)
    fd = os.open(image, flags)      # as a file system of the host's has it
    if image.startswith("/dev/"):
        code, said = ends(other)
        expect(code == 1 and "in use by the host" in said, f"{code}: {said}")
    os.close(fd)


def starved(program, image, packed):
    """no descriptors left: the VMM waits, the bridge sleeps and says so, and goes on"""
    bridge, vmm, _ = served(program, image, packed)
    vmm.sock.close()
    pid = bridge.process.pid
    while bridge.servers():
        time.sleep(0.05)
    top = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd")) + 1
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (top, hard))
    before = cpu(pid)
    vmm.sock = dial(vmm.path)
    expect(not select.select([vmm.sock], [], [], 3)[0], "it is served or sent away")
    expect(cpu(pid) - before < 0.5, "it spins")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    vmm.sock.settimeout(10)
    expect(vmm.u64(GET_FEATURES), "it is served when there is room")
    bridge.end(signal.SIGTERM)


def cpu(pid):
    """Seconds of processor time that a process has had."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def old(program, image, packed):
    """a driver that acknowledges nothing of virtio 1, as old guests and firmware"""
    if packed:
        return
    bridge, vmm, driver = served(program, image, packed)
    bases = vmm.stop()
    vmm.u64(SET_FEATURES, PROTOCOL)
    vmm.start_rings(bases)
    data = os.urandom(BLOCK)
    driver.one(0, WRITE, 0, data)
    expect(driver.one(1, READ, 0) == data, "what was read")
    bridge.end(signal.SIGTERM)


def resize(program, image, packed):
    """a file that grows: SIGHUP, or after a while by itself"""
    name = "/tmp/grows"
    with open(name, "wb") as f:
        f.truncate(8 << 20)
    for options, sig in ("", signal.SIGHUP), (",rescan=1", None):
        bridge, vmm, driver = served(program, name, packed, options)
        before = vmm.capacity()
        with open(name, "r+b") as f:
            f.truncate(before * 512 + (8 << 20))
        if sig:
            bridge.process.send_signal(sig)
        head = vmm.events.recv(12, socket.MSG_WAITALL)
        expect(struct.unpack("<III", head) == (2, 1, 0), "a strange request of the bridge")
        expect(vmm.capacity() == before + (8 << 20) // 512, "the new size")
        driver.one(0, WRITE, before + 8, b"x" * BLOCK)
        bridge.end(signal.SIGTERM)
    os.unlink(name)
    del image


def dirty(program, image, packed):
    """the dirty log covers every page that the device writes"""
    bridge, vmm, driver = served(program, image, packed)
    log = os.memfd_create("log")
    os.ftruncate(log, MEMORY // BLOCK // 8)
    bits = mmap.mmap(log, MEMORY // BLOCK // 8)
    load = Load(driver, 20)
    load.rounds(2)
    vmm.send(SET_LOG_BASE, struct.pack("<QQ", len(bits), 0), [log])
    features = VERSION_1 | PROTOCOL | LOG_ALL | (PACKED if packed else 0)
    vmm.send(SET_FEATURES, struct.pack("<Q", features), flags=8)
    for i in range(QUEUES):
        vmm.set_addr(i, 1)
    for queue in range(QUEUES):
        driver.all(queue)
        load.busy[queue].clear()
    before = bytes(vmm.mem[:])
    ours = set()
    for n in range(60):
        slot = driver.put(n % QUEUES, READ, load.block(n % QUEUES, n % 20))
        at = driver.at(n % QUEUES, slot)
        ours |= {(at + BLOCK) // BLOCK}     # we write the header
        vmm.rings[n % QUEUES].notify()
        driver.all(n % QUEUES)
    after = bytes(vmm.mem[:])
    changed = {p for p in range(MEMORY // BLOCK)
               if before[p * BLOCK:(p + 1) * BLOCK] != after[p * BLOCK:(p + 1) * BLOCK]}
    logged = {p for p in range(MEMORY // BLOCK) if bits[p // 8] >> p % 8 & 1}
    driven = {(r.desc + off) // BLOCK for r in vmm.rings
              for off in (() if packed else range(0, 0x6000, BLOCK))}
    expect(changed, "nothing changed")
    missed = changed - logged - driven
    expect(not missed, f"not logged: {sorted(missed)}")
    expect(len(logged) < 400, f"{len(logged)} pages were logged")
    vmm.send(SET_FEATURES, struct.pack("<Q", features & ~LOG_ALL), flags=8)
    for i in range(QUEUES):
        vmm.set_addr(i, 0)
    bits[:] = bytes(len(bits))
    load.rounds(1)
    load.finish(image)
    expect(not any(bits[:]), "it is still logged")
    bridge.end(signal.SIGTERM)


def slots(program, image, packed):
    """memory comes and goes while rings run"""
    bridge, vmm, driver = served(program, image, packed)
    load = Load(driver, 20)
    data = os.urandom(BLOCK)
    for n in range(1, 6):
        load.rounds(2)
        # The same file again, at another address of the guest's.
        vmm.region(ADD_REG, n << 32, MEMORY, USER + (n << 32), 0, vmm.fd)
        for queue in range(QUEUES):
            driver.all(queue)
            load.busy[queue].clear()
        driver.one(1, WRITE, 4000, data, shift=n << 32)
        expect(driver.one(0, READ, 4000, shift=n << 32) == data, "other memory")
        for queue in range(QUEUES):
            load.fill(queue)
        vmm.region(REM_REG, n << 32, MEMORY, USER + (n << 32), 0)
        load.rounds(2)
    load.finish(image)
    bridge.end(signal.SIGTERM)


def fds_serving(bridge, path):
    """How many descriptors the bridge has while it serves somebody new on @path.
    It takes one after the other: once it answers, all who came before are gone."""
    vmm = Vmm(path)
    vmm.sock = dial(path)
    vmm.u64(GET_FEATURES)
    count = bridge.fds()
    vmm.close()
    return count


def talk_nonsense(path, packed, chance):
    """A connection that says whatever comes to mind."""
    bad = Vmm(path, packed)
    bad.sock = dial(path)
    try:
        for _ in range(chance.randrange(1, 20)):
            request, size = chance.randrange(45), chance.choice([0, 8, 8, 16, 20, 24, 40])
            head = struct.pack("<III", request, 1, size)
            fd = [bad.fd] * chance.randrange(3)
            bad.sock.sendmsg([head + chance.randbytes(size)],
                             [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fd))]
                             if fd else [])
    except (BrokenPipeError, ConnectionResetError):
        pass


def hostile(program, image, packed):
    """a VMM that sends nonsense costs nobody else anything"""
    bridge, vmm, driver = served(program, image, packed)
    other = f"/tmp/bridge-{os.getpid()}-2.sock"
    bridge.end(signal.SIGTERM)
    bridge.command += ["--disk", f"socket={other},path={image},readonly,share"]
    bridge.sockets.append(other)
    bridge.start()
    vmm.connect()
    vmm.start()
    load = Load(driver, 20)
    chance = random.Random(1)
    fds = fds_serving(bridge, other)
    for n in range(60):
        # A process for each: who fails in a row is turned away.
        pid = os.fork()
        if not pid:
            talk_nonsense(other, packed, chance)
            os._exit(0)
        os.waitpid(pid, 0)
        chance = random.Random(n)
        if n % 10 == 0:
            load.rounds(1)
    load.finish(image)
    after = fds_serving(bridge, other)
    expect(after == fds, f"{after} descriptors, not {fds}")
    bridge.end(signal.SIGTERM)


TESTS = {f.__name__: f for f in (io, limited, kill, upgraded, alone, drained, twice, starved, old, resize, dirty,
                                 slots, hostile)}


def main():
    """See above."""
    if sys.argv[1:] == ["--list"]:
        for name, test in TESTS.items():
            print(f"{name:8} {' '.join(test.__doc__.split())}")
        return 0
    program, image, ring, *names = sys.argv[1:]
    drop_caches()
    failed = 0
    for n, name in enumerate(names, 1):
        random.seed(name)
        what = f"{n} - {ring}, {image}: {' '.join(TESTS[name].__doc__.split())}"
        try:
            TESTS[name](program, image, ring == "packed")
            print("ok", what, flush=True)
        except (Wrong, OSError) as error:
            failed += 1
            print(f"# {error}\nnot ok {what}", flush=True)
            for path in glob.glob("/tmp/bridge-*.sock"):
                os.unlink(path)
    print(f"1..{len(names)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
