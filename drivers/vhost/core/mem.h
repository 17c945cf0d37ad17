/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lowest layer of the vhost library: the owner and its memory, pinned, looked up
 * and logged.  Knows of devices and rings that they exist.
 */
#ifndef _PARLEY_VHOST_MEM_H
#define _PARLEY_VHOST_MEM_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vhost.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <parley/virtqueue.h>

struct cgroup_subsys_state;
struct cred;
struct eventfd_ctx;
struct iov_iter;
struct mem_cgroup;
struct parley_vhost;
struct parley_vhost_req;
struct parley_vhost_vq;

#define VH_REGIONS_MAX	509	/* as mainline's default */

/* ------------------------------------------------------------- pin.c */

/**
 * struct vh_area - user memory, pinned for as long as we like and mapped
 * @kern: where it is mapped, byte for byte; NULL if it is not
 * @pages: its pages
 * @uaddrs: user address of each
 * @nr: number of pages, accounted to @mm (RLIMIT_MEMLOCK)
 * @mm: whose
 */
struct vh_area {
	void *kern;
	struct page **pages;
	u64 *uaddrs;
	unsigned int nr;
	struct mm_struct *mm;
};

int vh_area_pin(struct vh_area *area, struct parley_vhost *dev, u64 uaddr, size_t len);
int vh_area_pin_pages(struct vh_area *area, struct parley_vhost *dev, u64 *uaddrs,
		      unsigned int nr, unsigned int off);
void vh_area_unpin(struct vh_area *area);

/* ----------------------------------------------------------- owner.c */

/**
 * struct vh_owner - what the owner is and may; all zero without one that has memory
 * @task: the thread that became the owner, for its limits
 * @cred: its credentials
 * @may_lock: RLIMIT_MEMLOCK does not bind it
 * @io: its I/O control group, or NULL
 * @memory: its memory control group, or NULL
 */
struct vh_owner {
	struct task_struct *task;
	const struct cred *cred;
	bool may_lock;
	struct cgroup_subsys_state *io;
	struct mem_cgroup *memory;
};

/* Under dev->mutex, when dev->mm is set; its mirror when nothing is in flight. */
void vh_owner_take(struct parley_vhost *dev);
void vh_owner_drop(struct parley_vhost *dev);
int vh_owner_lock_pages(struct parley_vhost *dev, unsigned long nr);

/* ---------------------------------------------------------- memory.c */

/**
 * struct vh_mem - a memory table, immutable once made
 * @map: the guest's addresses to the VMM's, for the core
 * @by_host: the same regions sorted by host address, for the dirty log
 * @regions: of @map
 */
struct vh_mem {
	struct parley_memmap map;
	struct parley_region *by_host;
	struct parley_region regions[];
};

struct vh_mem *vh_mem_from_user(const struct vhost_memory __user *arg);
void vh_mem_free(struct vh_mem *mem);
u64 vh_mem_top(const struct vh_mem *mem);	/* one past the last address */
bool vh_mem_shows(const struct vh_mem *mem, u64 host, u64 len);
/* Each region of old that new has not, from *at on; NULL at the end. */
const struct parley_region *vh_mem_next_gone(const struct vh_mem *old,
					     const struct vh_mem *new, unsigned int *at);
/* Calls fn for each guest range behind a host range; aliases more than once. */
int vh_mem_reverse(const struct vh_mem *mem, u64 host, u64 len,
		   int (*fn)(void *arg, u64 guest, u64 len), void *arg);

/* ----------------------------------------------------------- iotlb.c */

/**
 * struct vh_iotlb - translations that the VMM told us of (ACCESS_PLATFORM)
 * @on: in use
 * @v2: messages are of version 2
 * @lock: protects @messages, @nr_messages
 * @messages: misses for the VMM to read, bounded
 * @nr_messages: how many
 * @wait: readers of the device file
 *
 * The translations of a ring are its own (vq->tlb), changed under vq->mutex;
 * each message is applied to every ring.
 */
struct vh_iotlb {
	bool on;
	bool v2;
	spinlock_t lock;
	struct list_head messages;
	unsigned int nr_messages;
	wait_queue_head_t wait;
};

struct vh_tlb;	/* one ring's translations; private to iotlb.c */

void vh_iotlb_init(struct parley_vhost *dev);
void vh_iotlb_release(struct parley_vhost *dev);
int vh_iotlb_enable(struct parley_vhost *dev, bool on);	/* no ring runs */
ssize_t vh_iotlb_read(struct parley_vhost *dev, struct iov_iter *to,
		      bool nonblock);
ssize_t vh_iotlb_write(struct parley_vhost *dev, struct iov_iter *from);
__poll_t vh_iotlb_poll(struct parley_vhost *dev, struct file *file,
		       poll_table *wait);
struct parley_memmap *vh_iotlb_map(struct parley_vhost_vq *vq);
/* Host address of each page of ring memory; -EAGAIN after asking the VMM. */
int vh_iotlb_pages(struct parley_vhost_vq *vq, u64 iova, u64 len, u32 perm,
		   u64 *pages);
/* Translations to @gone end, unless @mem still shows where they lead; vq->mutex. */
void vh_iotlb_forget(struct parley_vhost_vq *vq, const struct parley_region *gone,
		     const struct vh_mem *mem);
void vh_iotlb_free_vq(struct parley_vhost_vq *vq);

/* ------------------------------------------------------------- log.c */

/**
 * struct vh_log - the dirty log: one bit for each 4 KiB of guest memory
 * @base: user address of the bitmap; 0 for none
 * @pages: pages of it pinned so far, by number
 * @nr_pages: how many
 * @ctx: eventfd told of every change; optional
 * @lock: protects the above; taken under vq->mutex
 * @errors: bits that could not be set
 */
struct vh_log {
	u64 base;
	struct xarray pages;
	unsigned int nr_pages;
	struct eventfd_ctx *ctx;
	struct mutex lock;
	u64 errors;
};

void vh_log_init(struct parley_vhost *dev);
void vh_log_release(struct parley_vhost *dev);
bool vh_log_fits(u64 base, const struct vh_mem *mem);
int vh_log_set_base(struct parley_vhost *dev, u64 base);
int vh_log_set_ctx(struct parley_vhost *dev, int fd);
/* Both under vq->mutex, and only if vq->logging. */
void vh_log_req(struct parley_vhost_req *req);
void vh_log_ring(struct parley_vhost_vq *vq);

#endif /* _PARLEY_VHOST_MEM_H */
