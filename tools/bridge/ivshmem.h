/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server of ivshmem, as QEMU's ivshmem-doorbell knows them (docs/specs/ivshmem-spec
 * of QEMU), with one client: what the guest and its device share, and how QEMU is
 * given it.
 *
 * QEMU takes all of it once, when it starts, and never again.  So the supervisor
 * keeps it, and the processes that serve the guest come and go.
 */
#ifndef BRIDGE_IVSHMEM_H
#define BRIDGE_IVSHMEM_H

#include <stdint.h>

#define IVSHMEM_QUEUES	64
#define IVSHMEM_VECTORS	(IVSHMEM_QUEUES + 1)
#define IVSHMEM_FDS	(2 * IVSHMEM_VECTORS + 1)

/* Who is who; 0 means to a guest that it may have no interrupts, so it is ours. */
#define IVSHMEM_DEVICE	0
#define IVSHMEM_GUEST	1

/**
 * struct ivshmem - what a guest and its device share
 * @memory: memfd
 * @size: its bytes, a power of two
 * @vectors: of both directions: one for requests, one for each queue
 * @ring: eventfds that the guest rings
 * @call: eventfds that interrupt the guest
 */
struct ivshmem {
	int memory;
	uint64_t size;
	unsigned int vectors;
	int ring[IVSHMEM_VECTORS];
	int call[IVSHMEM_VECTORS];
};

struct ivshmem *ivshmem_new(unsigned int mib, unsigned int queues);
int ivshmem_introduce(const struct ivshmem *iv, int sock);
unsigned int ivshmem_fds(const struct ivshmem *iv, int *out);
void ivshmem_free(struct ivshmem *iv);

#endif
