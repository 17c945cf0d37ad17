/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which of the guest's memory its device wrote.
 */
#ifndef _PARLEY_NVME_MDEV_DIRTY_H
#define _PARLEY_NVME_MDEV_DIRTY_H

#include <linux/mutex.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

struct mem_cgroup;

/* Pages whose marks are in one piece, and how many pieces there are at most: 1 TiB. */
#define PARLEY_MDEV_DIRTY_PAGES		4096u
#define PARLEY_MDEV_DIRTY_CHUNKS	65536

/* Some of one page, or more of all of them, was written. */
typedef void parley_mdev_dirty_fn(void *arg, u64 address, u64 len);

/**
 * struct parley_mdev_dirty - pages that were written
 * @lock: guards the rest
 * @on: somebody wants to know
 * @all: there was no room for a mark: all of them count as written
 * @first: the first page that matters
 * @last: the last one
 * @chunks: marks, by number of the first page
 * @nr: how many of these
 * @most: how many there may be
 * @memcg: whose memory they are, or NULL
 */
struct parley_mdev_dirty {
	struct mutex lock;
	bool on;
	bool all;
	u64 first;
	u64 last;
	struct xarray chunks;
	unsigned int nr;
	unsigned int most;
	struct mem_cgroup *memcg;
};

#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER)
extern const struct vfio_log_ops parley_mdev_log_ops;
#endif
void parley_mdev_dirty_init(struct parley_mdev_dirty *d);
void parley_mdev_dirty_exit(struct parley_mdev_dirty *d);
int parley_mdev_dirty_start(struct parley_mdev_dirty *d, u64 first, u64 last);
void parley_mdev_dirty_stop(struct parley_mdev_dirty *d);
void parley_mdev_dirty_mark(struct parley_mdev_dirty *d, u64 address, size_t len);
void parley_mdev_dirty_wrote(struct parley_mdev_dirty *d, u64 address, size_t len, int err);
int parley_mdev_dirty_report(struct parley_mdev_dirty *d, u64 first, u64 last,
			     parley_mdev_dirty_fn *tell, void *arg);

#endif /* _PARLEY_NVME_MDEV_DIRTY_H */
