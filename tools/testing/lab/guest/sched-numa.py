#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""vCPUs go to the node of the memory that their guest says they use.

One kernel is the host and the guest. As the guest, it has a task on each of its processors,
bound there, whose memory is on the node of the other one: so the kernel's NUMA balancing finds,
and the front-end says. As the host it has two processes for vCPUs, which sleep and may run
anywhere: where they may run then is what is tested.

Prints lines for sched-numa.sh, see verdict.py.
"""
import ctypes
import mmap
import os
import re
import signal
import subprocess
import time

from sched_host import F_HINTS, NODES, SET_NODES, SET_VCPU, device, forked, join, said, view
from verdict import check, emit, until

SET_MEMPOLICY, MPOL_BIND, MPOL_F_NUMA_BALANCING = 238, 2, 1 << 13      # x86_64
SIZE = 16 << 20         # that a task of the guest goes through
BOTH = {0, 1}


def hints():
    """{vCPU: the guest's node that it names, or none}."""
    return {int(vcpu): (int(word, 0) >> 32 & 0xffff) - 1
            for vcpu, word in re.findall(r"vcpu (\d+) .* hints (\w+)", view())}


def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def task(cpu, node):
    """Of the guest: computes on @cpu with memory of @node, for ever."""
    os.sched_setaffinity(0, {cpu})
    mask = ctypes.c_ulong(1 << node)
    if ctypes.CDLL(None, use_errno=True).syscall(
            SET_MEMPOLICY, MPOL_BIND | MPOL_F_NUMA_BALANCING, ctypes.byref(mask), 64):
        return 1
    memory = mmap.mmap(-1, SIZE)
    while True:
        for at in range(0, SIZE, mmap.PAGESIZE):
            memory[at] = 1


def vcpu(cpus):
    """A process that may run on @cpus, and only sleeps."""
    process = subprocess.Popen(["sleep", "1000"])
    os.sched_setaffinity(process.pid, cpus)
    return process


def serve(threads):
    """A device with these as its vCPUs, and the front-end joined to it."""
    fd = device(len(threads))
    for index, process in enumerate(threads):
        check(f"vCPU {index} has a thread", said(fd, SET_VCPU, index, process.pid) == 0)
    return fd, join(fd, F_HINTS)


def nodes(fd, *table):
    """What the call says: 0, or the name of an error."""
    return said(fd, SET_NODES, len(table), *table, *[-1] * (NODES - len(table)))


def where(threads):
    return [os.sched_getaffinity(process.pid) for process in threads]


def places(what, threads, wanted):
    check(what, until(lambda: where(threads) == wanted, 60),
          f"{where(threads)}, wanted {wanted}; {view()}")


def calls(fd):
    check("a node that the host does not have is refused", nodes(fd, 0, 2) == "EINVAL")
    check("so is a number below none", nodes(fd, -2) == "EINVAL")


def follows(fd, threads):
    """A guest whose nodes are the host's, one whose nodes are the other way round."""
    check("the guest names the node of its tasks' memory",
          until(lambda: hints() == {0: 1, 1: 0}, 120), view())
    time.sleep(2)
    check("which moves nobody before its owner says where the nodes are",
          where(threads) == [BOTH, BOTH], where(threads))
    check("the owner says it", nodes(fd, 0, 1) == 0)
    places("each vCPU goes where its memory is", threads, [{1}, {0}])
    check("the owner says that it is the other way round", nodes(fd, 1, 0) == 0)
    places("and they change places", threads, [{0}, {1}])
    check("nothing is known of node 1", nodes(fd, 0) == 0)
    places("so who uses it may run anywhere, as before", threads, [BOTH, {0}])


def bounded(fd, threads):
    """Nobody comes to run where he was not allowed to, and who sets it is obeyed."""
    nodes(fd)
    places("without a table each is where it was", threads, [BOTH, BOTH])
    os.sched_setaffinity(threads[0].pid, {0})
    nodes(fd, 0, 1)
    places("a vCPU moves", threads, [{0}, {0}])
    time.sleep(2)
    check("one that may not run there does not", where(threads) == [{0}, {0}], where(threads))
    os.sched_setaffinity(threads[1].pid, BOTH)
    nodes(fd)
    check("what somebody else has set stays", where(threads) == [{0}, BOTH], where(threads))
    os.sched_setaffinity(threads[0].pid, BOTH)


def vmm(threads, ready):
    fd, loop = serve(threads)
    nodes(fd, 0, 1)
    os.write(ready, b"!")
    time.sleep(1000)
    return loop


def killed(threads):
    read, write = os.pipe()
    child = forked(vmm, threads, write)
    os.read(read, 1)
    places("vCPUs of another process move as well", threads, [{1}, {0}])
    end(child)
    places("and are where they were when it is killed", threads, [BOTH, BOTH])


def main():
    tasks = [forked(task, 0, 1), forked(task, 1, 0)]
    threads = [vcpu(BOTH), vcpu(BOTH)]
    fd, loop = serve(threads)
    calls(fd)
    follows(fd, threads)
    bounded(fd, threads)
    os.close(loop)
    os.close(fd)
    killed(threads)
    for process in threads:
        process.kill()
        process.wait()
    for pid in tasks:
        end(pid)
    emit("end", "")


main()
