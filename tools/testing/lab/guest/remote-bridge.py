#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The bridge over a disk whose other end goes away under load: its VMM is killed,
and comes back.

  remote-bridge.py BRIDGE split|packed REMOTE-DISK...   see remote-disk.sh
"""
import os
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = os.environ["LAB_ROOT"]
sys.path[:0] = [os.path.join(ROOT, "tools/bridge/tests"), os.path.join(ROOT, "tools/parley")]

from machine import QUEUES, Bridge, Driver, Load, Vmm, Wrong, expect    # noqa: E402
from parleylib.netlink import Family                                    # noqa: E402

ANSWER = 1          # seconds: netlink
KILL = 2            # the VMM, whatever the disk does
PATIENCE = 10       # of a VMM that connects
RESUME = 20         # until all is as it was, once the other end is back


def ok(what):
    print("ok", what, flush=True)


def remote(*words):
    """What remote-disk.sh prints."""
    return subprocess.run([*sys.argv[3:], *words], stdin=subprocess.DEVNULL, check=True,
                          stdout=subprocess.PIPE, text=True, timeout=60).stdout.strip()


def timed(seconds, what, call, *args, **more):
    """Its result, if it comes in time."""
    start = time.monotonic()
    result = call(*args, **more)
    took = time.monotonic() - start
    print(f"# {what}: {took * 1000:.0f} ms", flush=True)
    expect(took < seconds, f"{what} took {took:.1f} s")
    return result


def in_flight(family, device):
    """(requests, age in ms of the oldest) of the device's first queue."""
    queue = timed(ANSWER, "queue-get", family.get, "queue-get", dev_id=device, index=0)
    return queue["in-flight"], queue.get("oldest-ms", 0)


def dies(vmm):
    """A process that has all that the VMM has, and is killed."""
    pid = os.fork()
    if not pid:
        signal.pause()
        os._exit(0)
    vmm.sock.close()
    vmm.events.close()
    os.kill(pid, signal.SIGKILL)
    timed(KILL, "the VMM is killed", os.waitpid, pid, 0)


def turned_away(vmm):
    """Is who comes too early told so, instead of being kept waiting?"""
    socket.setdefaulttimeout(PATIENCE)
    try:
        vmm.connect()
        vmm.start()
        return False
    except TimeoutError as error:
        raise Wrong("who comes too early is kept waiting") from error
    except (Wrong, OSError) as error:
        print(f"# meanwhile: {error}", flush=True)
        return True
    finally:
        socket.setdefaulttimeout(None)


def main():
    program, fmt = sys.argv[1:3]
    disk = remote("make", "wait")
    path = "/tmp/remote-bridge.sock"
    bridge = Bridge(program, [f"socket={path},path={disk},queues={QUEUES},workers=2"]).start()
    vmm = Vmm(path, fmt == "packed").connect()
    vmm.start()
    load = Load(Driver(vmm))
    load.rounds(10)
    family = Family()
    device = family.dump("dev-get")[0]["id"]
    servers = bridge.servers()
    remote("down")
    # What was in flight until then has ended; of what comes now nothing can.
    for queue in range(QUEUES):
        load.reap(queue)
        load.fill(queue)
    time.sleep(3)
    count, age = in_flight(family, device)
    expect(count and age >= 1500, f"{count} requests wait, the oldest for {age} ms")
    ok(f"{fmt}: netlink answers, and tells that {count} requests wait")
    dies(vmm)
    ok(f"{fmt}: the VMM's own process ends at once")
    time.sleep(1)
    expect(bridge.servers() == servers, "the process with its requests ended before them")
    count, _ = in_flight(family, device)
    expect(count, "its requests are gone")
    expect(turned_away(vmm), "two processes serve one guest")
    ok(f"{fmt}: its requests stay with the bridge, and nobody else gets the disk")
    remote("up")
    start = time.monotonic()
    while set(servers) & set(bridge.servers()):
        expect(time.monotonic() - start < RESUME, "the process that was left does not end")
        time.sleep(0.05)
    print(f"# {time.monotonic() - start:.1f} s after the other end was back it had ended")
    vmm.connect()
    vmm.start()
    for ring in vmm.rings:
        ring.notify()
    load.rounds(5)
    load.finish(disk)
    ok(f"{fmt}: the next one goes on, and all {load.done} writes are there")
    bridge.end(signal.SIGTERM)
    family.close()
    remote("drop")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Wrong, OSError, subprocess.SubprocessError) as problem:
        print(f"not ok {problem}", flush=True)
        sys.exit(1)
