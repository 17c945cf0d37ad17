/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translations of a device IOMMU: the table of a ring, and what the VMM is asked.
 * See tlb.c; what the VMM says: iotlb.h.
 */
#ifndef _PARLEY_VHOST_TLB_H
#define _PARLEY_VHOST_TLB_H

#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <parley/virtqueue.h>

struct iov_iter;
struct vh_mem;

/**
 * struct vh_iotlb - the device IOMMU of a device (ACCESS_PLATFORM)
 * @on: in use; changed under dev->mutex, while no ring runs
 * @v2: messages are of version 2
 * @lock: protects @messages, @nr_messages
 * @messages: misses for the VMM to read, bounded
 * @nr_messages: how many
 * @wait: readers of the device file
 *
 * The translations of a ring are its own (vq->tlb); each message is applied to
 * every ring.
 */
struct vh_iotlb {
	bool on;
	bool v2;
	spinlock_t lock;
	struct list_head messages;
	unsigned int nr_messages;
	wait_queue_head_t wait;
};

#define VH_TLB_MAX	2048	/* translations of a ring */

/**
 * struct vh_tlb - translations of a ring, under vq->mutex
 * @map: for the core; sorted by I/O address, never overlapping
 * @iotlb: who is asked for more
 * @ended: what a translation led to is not to be used any more, from @host to @last
 * @priv: for @ended
 * @clock: counts insertions
 * @age: of each region, from @clock
 * @regions: of @map
 */
struct vh_tlb {
	struct parley_memmap map;
	struct vh_iotlb *iotlb;
	void (*ended)(void *priv, u64 host, u64 last);
	void *priv;
	u64 clock;
	u64 age[VH_TLB_MAX];
	struct parley_region regions[VH_TLB_MAX];
};

struct vh_tlb *vh_tlb_alloc(struct vh_iotlb *iotlb);
void vh_tlb_free(struct vh_tlb *t);	/* NULL is fine */
/* Is something else in the place of @r? */
bool vh_tlb_moves(const struct vh_tlb *t, const struct parley_region *r);
void vh_tlb_set(struct vh_tlb *t, const struct parley_region *r);
void vh_tlb_cut(struct vh_tlb *t, u64 addr, u64 last, const struct parley_region *r);
void vh_tlb_forget(struct vh_tlb *t, const struct parley_region *gone,
		   const struct vh_mem *mem);
/* Host address of each page of ring memory; -EAGAIN after asking the VMM. */
int vh_tlb_pages(struct vh_tlb *t, u64 iova, u64 len, u32 perm, u64 *pages);

void vh_iotlb_init(struct vh_iotlb *tlb);
void vh_iotlb_switch(struct vh_iotlb *tlb, bool on);	/* no ring runs */
ssize_t vh_iotlb_read(struct vh_iotlb *tlb, struct iov_iter *to, bool nonblock);
__poll_t vh_iotlb_poll(struct vh_iotlb *tlb, struct file *file, poll_table *wait);

#endif /* _PARLEY_VHOST_TLB_H */
