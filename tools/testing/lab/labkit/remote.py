# SPDX-License-Identifier: GPL-2.0-only
"""A disk that is remote: the kernel's own NVMe target serves it over TCP, here
to the very machine that connects to it."""

import os
import time

from .common import LabError, put
from .inner import shell

TARGET = "/sys/kernel/config/nvmet"
MODULES = ["nvmet-tcp", "nvme-tcp"]     # of the outer guest
# Hosts and target tell each other so seldom that they live that it costs nothing.
ALIVE = 600


def serve(image):
    """Have the target offer @image, a file or a block device, on loopback."""
    if not os.path.isdir(TARGET):
        shell("mount", "-t", "configfs", "configfs", "/sys/kernel/config")
    subsystem = f"{TARGET}/subsystems/lab"
    os.makedirs(f"{subsystem}/namespaces/1")
    put(f"{subsystem}/attr_allow_any_host", "1")
    put(f"{subsystem}/namespaces/1/device_path", image)
    put(f"{subsystem}/namespaces/1/enable", "1")
    port = f"{TARGET}/ports/1"
    os.makedirs(port)
    for name, value in {"trtype": "tcp", "adrfam": "ipv4", "traddr": "127.0.0.1",
                        "trsvcid": "4420"}.items():
        put(f"{port}/addr_{name}", value)
    os.symlink(subsystem, f"{port}/subsystems/lab")


def disk(image):
    """@image over TCP; returns the block device of the host's side. Once only."""
    serve(image)
    fabrics = os.open("/dev/nvme-fabrics", os.O_RDWR)
    os.write(fabrics, b"transport=tcp,traddr=127.0.0.1,trsvcid=4420,nqn=lab,"
             b"nr_io_queues=1,keep_alive_tmo=%d" % ALIVE)
    os.close(fabrics)
    for _ in range(100):
        for name in os.listdir("/sys/block"):
            if name.startswith("nvme") and os.path.exists(f"/dev/{name}"):
                return f"/dev/{name}"
        time.sleep(0.1)
    raise LabError("the remote disk did not come")
