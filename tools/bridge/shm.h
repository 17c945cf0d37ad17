/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device in shared memory: the guest's driver asks by words there, and we have the
 * kernel do it.  <linux/parley_shm.h> has the layout, Documentation/shm.rst the rules.
 *
 * The guest writes that memory whenever it likes.  A word of its is read once, checked,
 * and then used; nothing that we wrote there is ever read back.
 */
#ifndef BRIDGE_SHM_H
#define BRIDGE_SHM_H

#include <stdbool.h>
#include <linux/parley_shm.h>
#include "conn.h"
#include "ivshmem.h"

#define SHM_QUEUE_SIZE	256

/**
 * struct shm - the device
 * @c: the device, as for a VMM of vhost-user
 * @iv: what the guest shares with us
 * @h: the beginning of the memory, mapped
 * @offered: feature bits
 * @status: as the guest sees it
 * @generation: of the configuration
 * @changes: how often the guest was told to look
 * @done: number of the last request that was carried out
 * @config_len: bytes of the configuration
 * @err: eventfd that the kernel signals when a ring is broken; -1 for none
 * @set: queues that the driver described
 */
struct shm {
	struct conn *c;
	const struct ivshmem *iv;
	struct parley_shm_header *h;
	uint64_t offered;
	uint32_t status;
	uint32_t generation;
	uint32_t changes;
	uint32_t done;
	uint32_t config_len;
	int err;
	bool set[IVSHMEM_QUEUES];
};

const char *shm_open_device(struct shm *s, struct conn *c,
			    const struct ivshmem *iv);
void shm_serve(struct shm *s);
void shm_config_changed(struct shm *s);
void shm_ring_broken(struct shm *s);
void shm_gone(struct shm *s);
void shm_close(struct shm *s);

#endif
