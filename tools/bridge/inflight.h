/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What survives us: the in-flight region of the protocol.
 *
 * The VMM keeps the file and hands it back to whoever serves it next.  Its
 * content is ours: the kernel finishes every request before a ring stops, even
 * if this process is killed, so no request needs to be remembered, but where
 * each ring goes on.
 *
 * The file is read and written with system calls.  It is mapped only so that the
 * kernel can be told an address in it: a VMM may truncate it.
 */
#ifndef BRIDGE_INFLIGHT_H
#define BRIDGE_INFLIGHT_H

#include <stdbool.h>
#include <linux/parley_vhost.h>
#include "lent.h"
#include "msg.h"

#define INFLIGHT_MAGIC		0x47444952424c5250ull	/* "PRLBRIDG" */
#define INFLIGHT_VERSION	1

/* In the file, little-endian. */
struct inflight_header {
	__le64 magic;
	__le32 version;
	__le32 nr_queues;
	__le32 queue_size;
	__le32 cache;		/* PARLEY_BLK_CACHE_* */
	__le32 pad[10];
};

/**
 * struct inflight_ring - one ring, in the file, little-endian
 * @kept: written by the kernel while the ring runs, by us while it does not
 * @told: the VMM has been told @kept.base, so it knows better than we do
 * @num: size of the ring that @kept is about
 * @packed: its format
 * @pad: zero
 */
struct inflight_ring {
	struct parley_vhost_kept kept;
	__le32 told;
	__le32 num;
	__le32 packed;
	__le32 pad[3];
};

/**
 * struct inflight - a region in use
 * @fd: its file; -1 for none
 * @offset: where the region starts
 * @lent: its mapping
 * @nr_queues: rings that it has room for
 */
struct inflight {
	int fd;
	uint64_t offset;
	struct lent lent;
	unsigned int nr_queues;
};

enum inflight_answer {
	INFLIGHT_NOTHING,	/* the VMM's value holds */
	INFLIGHT_BASE,		/* go on at this one */
	INFLIGHT_WAIT,		/* somebody still serves the ring */
	INFLIGHT_BROKEN,	/* the guest's driver broke the ring */
};

uint64_t inflight_size(unsigned int nr_queues);
int inflight_create(unsigned int nr_queues, unsigned int queue_size);
const char *inflight_set(struct inflight *in, const struct msg_inflight *m,
			 int fd);
void inflight_drop(struct inflight *in);

enum inflight_answer inflight_ask(const struct inflight *in, unsigned int ring,
				  uint32_t num, bool packed, uint32_t *base);
int inflight_start(const struct inflight *in, unsigned int ring, uint32_t num,
		   bool packed, uint32_t base);
void inflight_told(const struct inflight *in, unsigned int ring);
void *inflight_kept(const struct inflight *in, unsigned int ring);
uint32_t inflight_cache(const struct inflight *in);
int inflight_set_cache(const struct inflight *in, uint32_t cache);

#endif
