/* SPDX-License-Identifier: GPL-2.0-only */
/* The bitmap of the dirty log; see log.c.  What goes into it: dirty.h. */
#ifndef _PARLEY_VHOST_LOG_H
#define _PARLEY_VHOST_LOG_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct eventfd_ctx;
struct vh_mem;
struct vh_owner;

/**
 * struct vh_log - the dirty log: one bit for each 4 KiB of guest memory
 * @base: user address of the bitmap; 0 for none
 * @pages: pages of it pinned so far, by number
 * @nr_pages: how many
 * @ctx: eventfd told of every change; optional
 * @lock: protects @pages, @nr_pages; taken under vq->mutex
 * @errors: bits that could not be set
 *
 * @base and @ctx change under dev->mutex and every vq->mutex.
 */
struct vh_log {
	u64 base;
	struct xarray pages;
	unsigned int nr_pages;
	struct eventfd_ctx *ctx;
	struct mutex lock;
	u64 errors;
};

void vh_log_init(struct vh_log *log);
bool vh_log_fits(u64 base, const struct vh_mem *mem);
/* Both under vq->mutex, only if there is a bitmap. */
int vh_log_guest(struct vh_log *log, struct vh_owner *owner, const struct vh_mem *mem,
		 u64 guest, u64 len);
int vh_log_host(struct vh_log *log, struct vh_owner *owner, const struct vh_mem *mem,
		u64 host, u64 len);
void vh_log_pages_put(struct vh_log *log, const struct vh_owner *owner);

#endif /* _PARLEY_VHOST_LOG_H */
