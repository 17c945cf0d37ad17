# SPDX-License-Identifier: GPL-2.0-only
"""The parts of the command parley, one noun for each file.

  cli.py       verbs and their options
  common.py    errors, exit codes, output
  units.py     10k, 100M, 4Ki: numbers for people
  guest.py     virtio PCI devices of this machine, and who drives them
  move.py      takeover and giveback
  family.py    the netlink family as tables; no library is needed to read them
  netlink.py   talking to it
  host.py      vhost devices of this machine, and their queues
  settings.py  the rules they follow: limit, moderation, polling, lane
  pool.py      threads that several of them share
  stats.py     what they did
  loopback.py  a vhost device for this very kernel
  vf.py        from an NVMe disk to a guest: the verbs
  vfdisk.py    NVMe disks, their functions and namespaces, and whose data there are
  vfcheck.py   what a disk needs for that, and what it costs
  sched.py     what the host steals of our vCPUs: shown, and governed
  governor.py  which vCPU tasks leave and when they come back: decisions alone
  partition.py vCPUs without tasks, by the kernel's cpusets
  vcpus.py     processors and tasks, as /proc tells of them

guest.py, move.py and sched.py stand on the standard library alone: a guest may have
nothing else.
"""
