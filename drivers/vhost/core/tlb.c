// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translations of a device IOMMU, and the questions for more of them.
 *
 * Each ring has its own table, changed and used under vq->mutex, so looking
 * something up takes no lock beside it.  A table is bounded: the translation
 * that came first goes when there is no room, and is asked for again.
 *
 * Misses wait in a bounded list for the VMM to read.  One that finds it full is
 * dropped: the ring looks again with every answer.
 */
#include <kunit/visibility.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vhost_types.h>

#include "memory.h"
#include "tlb.h"

#define MESSAGES_MAX	256	/* misses that nobody has read */
#define TLB_CUTS_MAX	16	/* translations taken away at once that are told apart */

struct vh_message {
	struct list_head entry;
	union {
		struct vhost_msg v1;
		struct vhost_msg_v2 v2;
	};
};

/* ----------------------------------------------------------------- table */

/* The first region that ends at or behind @addr. */
static unsigned int vh_tlb_first(const struct vh_tlb *t, u64 addr)
{
	unsigned int lo = 0, hi = t->map.nr;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;
		const struct parley_region *r = &t->regions[mid];

		if (r->start + (r->size - 1) < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void vh_tlb_remove(struct vh_tlb *t, unsigned int at)
{
	unsigned int rest = --t->map.nr - at;

	memmove(&t->regions[at], &t->regions[at + 1],
		rest * sizeof(*t->regions));
	memmove(&t->age[at], &t->age[at + 1], rest * sizeof(*t->age));
}

static void vh_tlb_evict(struct vh_tlb *t)
{
	unsigned int i, oldest = 0;

	for (i = 1; i < t->map.nr; i++)
		if (t->age[i] < t->age[oldest])
			oldest = i;
	vh_tlb_remove(t, oldest);
}

/* There is no region where this one goes. */
static void vh_tlb_insert(struct vh_tlb *t, const struct parley_region *r, u64 age)
{
	unsigned int at, rest;

	if (t->map.nr == VH_TLB_MAX)
		vh_tlb_evict(t);
	at = vh_tlb_first(t, r->start);
	rest = t->map.nr++ - at;
	memmove(&t->regions[at + 1], &t->regions[at],
		rest * sizeof(*t->regions));
	memmove(&t->age[at + 1], &t->age[at], rest * sizeof(*t->age));
	t->regions[at] = *r;
	t->age[at] = age;
}

/* Would whoever used @old be wrong now?  @r: what is in its place, or NULL. */
static bool vh_tlb_differs(const struct parley_region *old,
			   const struct parley_region *r)
{
	return !r || old->host - old->start != r->host - r->start ||
	       old->perm & ~r->perm;
}

/**
 * vh_tlb_cut() - take addr..last out
 * @t: table
 * @addr: first I/O address
 * @last: last one
 * @r: what comes in its place, or NULL
 *
 * What sticks out on either side stays.  What a translation led to that is another
 * with @r has ended; everything has, if there are too many to tell of each.
 *
 * Context: vq->mutex.
 */
void vh_tlb_cut(struct vh_tlb *t, u64 addr, u64 last, const struct parley_region *r)
{
	unsigned int at, cuts = 0;

	while ((at = vh_tlb_first(t, addr)) < t->map.nr &&
	       t->regions[at].start <= last) {
		struct parley_region old = t->regions[at], part = old;
		u64 end = old.start + (old.size - 1), age = t->age[at];

		if (vh_tlb_differs(&old, r) && ++cuts <= TLB_CUTS_MAX)
			t->ended(t->priv, old.host, old.host + (old.size - 1));
		vh_tlb_remove(t, at);
		if (old.start < addr) {
			part.size = addr - old.start;
			vh_tlb_insert(t, &part, age);
		}
		if (end > last) {
			part.start = last + 1;
			part.size = end - last;
			part.host = old.host + (part.start - old.start);
			vh_tlb_insert(t, &part, age);
		}
	}
	if (cuts > TLB_CUTS_MAX)
		t->ended(t->priv, 0, U64_MAX);
}

/** vh_tlb_set() - a translation comes, in the place of what was there; vq->mutex */
void vh_tlb_set(struct vh_tlb *t, const struct parley_region *r)
{
	vh_tlb_cut(t, r->start, r->start + (r->size - 1), r);
	vh_tlb_insert(t, r, t->clock++);
}

/** vh_tlb_moves() - is something else there than @r?  vq->mutex */
bool vh_tlb_moves(const struct vh_tlb *t, const struct parley_region *r)
{
	u64 last = r->start + (r->size - 1);
	unsigned int at;

	for (at = vh_tlb_first(t, r->start);
	     at < t->map.nr && t->regions[at].start <= last; at++)
		if (vh_tlb_differs(&t->regions[at], r))
			return true;
	return false;
}

/**
 * vh_tlb_forget() - memory of the VMM's goes
 * @t: table of a ring that has nothing in flight
 * @gone: what goes
 * @mem: what there is then
 *
 * Translations to it end unless @mem still shows where they lead.  The VMM is asked
 * again for the rest of them.
 *
 * Context: vq->mutex.
 */
void vh_tlb_forget(struct vh_tlb *t, const struct parley_region *gone,
		   const struct vh_mem *mem)
{
	u64 host = gone->host, last = gone->host + (gone->size - 1);
	unsigned int i;

	for (i = t->map.nr; i--;) {
		const struct parley_region *r = &t->regions[i];

		if (r->host <= last && host <= r->host + (r->size - 1) &&
		    !vh_mem_shows(mem, r->host, r->size))
			vh_tlb_remove(t, i);
	}
}

static const struct parley_region *vh_tlb_find(const struct vh_tlb *t, u64 addr,
					       u32 perm)
{
	unsigned int at = vh_tlb_first(t, addr);
	const struct parley_region *r = &t->regions[at];

	if (at == t->map.nr || addr < r->start || (r->perm & perm) != perm)
		return NULL;
	return r;
}

/* ---------------------------------------------------------------- misses */

static void vh_iotlb_fill(struct vh_message *m, bool v2, u64 addr, u32 perm)
{
	struct vhost_iotlb_msg *msg = v2 ? &m->v2.iotlb : &m->v1.iotlb;

	if (v2)
		m->v2.type = VHOST_IOTLB_MSG_V2;
	else
		m->v1.type = VHOST_IOTLB_MSG;
	msg->type = VHOST_IOTLB_MISS;
	msg->iova = addr;
	msg->perm = (perm & PARLEY_MEM_READ ? VHOST_ACCESS_RO : 0) |
		    (perm & PARLEY_MEM_WRITE ? VHOST_ACCESS_WO : 0);
}

static bool vh_iotlb_asked(const struct vh_iotlb *tlb, const struct vh_message *m)
{
	const struct vh_message *o;

	list_for_each_entry(o, &tlb->messages, entry)
		if (!memcmp(&o->v2, &m->v2, sizeof(m->v2)))
			return true;
	return false;
}

/* Ask the VMM; the same question waits there only once. */
static void vh_iotlb_ask(struct vh_iotlb *tlb, u64 addr, u32 perm)
{
	/* Zeroed: every byte of it goes to user space. */
	struct vh_message *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return;
	vh_iotlb_fill(m, tlb->v2, addr, perm);
	scoped_guard(spinlock, &tlb->lock) {
		if (tlb->nr_messages < MESSAGES_MAX && !vh_iotlb_asked(tlb, m)) {
			list_add_tail(&m->entry, &tlb->messages);
			tlb->nr_messages++;
			m = NULL;
		}
	}
	kfree(m);
	wake_up_interruptible_poll(&tlb->wait, EPOLLIN | EPOLLRDNORM);
}

static int vh_tlb_miss(struct parley_memmap *map, u64 addr, u64 len, u32 perm)
{
	struct vh_tlb *t = container_of(map, struct vh_tlb, map);

	vh_iotlb_ask(t->iotlb, addr, perm);
	return -EAGAIN;
}

/**
 * vh_tlb_pages() - where are the pages of ring memory?
 * @t: table of the ring
 * @iova: I/O address
 * @len: bytes
 * @perm: PARLEY_MEM_*
 * @pages: user address of each page
 *
 * Context: vq->mutex.
 * Return: 0; -EAGAIN if the VMM was asked; -EFAULT for an area that wraps or
 * whose place in its page differs on the two sides.
 */
int vh_tlb_pages(struct vh_tlb *t, u64 iova, u64 len, u32 perm, u64 *pages)
{
	u64 addr = iova, last = iova + (len - 1);
	const struct parley_region *r;

	if (last < iova)
		return -EFAULT;
	for (;;) {
		u64 end = addr | ~PAGE_MASK, host;

		r = vh_tlb_find(t, addr, perm);
		if (!r) {
			vh_iotlb_ask(t->iotlb, addr, perm);
			return -EAGAIN;
		}
		host = r->host + (addr - r->start);
		if (offset_in_page(host) != offset_in_page(addr))
			return -EFAULT;
		*pages++ = host & PAGE_MASK;
		if (end >= last)
			return 0;
		addr = end + 1;
	}
}

/** vh_tlb_alloc() - an empty table, or NULL; the mirror is vh_tlb_free() */
struct vh_tlb *vh_tlb_alloc(struct vh_iotlb *iotlb)
{
	struct vh_tlb *t = kvzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->iotlb = iotlb;
	t->map.miss = vh_tlb_miss;
	t->map.regions = t->regions;
	return t;
}

void vh_tlb_free(struct vh_tlb *t)
{
	kvfree(t);
}

/* ------------------------------------------------------------ for the VMM */

static struct vh_message *vh_iotlb_next(struct vh_iotlb *tlb)
{
	struct vh_message *m;

	spin_lock(&tlb->lock);
	m = list_first_entry_or_null(&tlb->messages, struct vh_message, entry);
	if (m) {
		list_del(&m->entry);
		tlb->nr_messages--;
	}
	spin_unlock(&tlb->lock);
	return m;
}

/**
 * vh_iotlb_read() - the VMM reads one message
 * @tlb: of the device
 * @to: room for one
 * @nonblock: do not wait for one
 *
 * Return: its bytes; 0 without room; -EAGAIN; -ERESTARTSYS; -EBADFD if there is
 * no device IOMMU.
 */
ssize_t vh_iotlb_read(struct vh_iotlb *tlb, struct iov_iter *to, bool nonblock)
{
	size_t size = sizeof(struct vhost_msg), n;
	struct vh_message *m;

	BUILD_BUG_ON(sizeof(m->v1) != sizeof(m->v2));
	if (iov_iter_count(to) < size)
		return 0;
	while (!(m = vh_iotlb_next(tlb))) {
		if (nonblock)
			return -EAGAIN;
		if (!READ_ONCE(tlb->on))
			return -EBADFD;
		if (wait_event_interruptible(tlb->wait,
					     READ_ONCE(tlb->nr_messages) ||
					     !READ_ONCE(tlb->on)))
			return -ERESTARTSYS;
	}
	n = copy_to_iter(&m->v1, size, to);
	kfree(m);
	return n == size ? n : -EFAULT;
}
EXPORT_SYMBOL_IF_KUNIT(vh_iotlb_read);

__poll_t vh_iotlb_poll(struct vh_iotlb *tlb, struct file *file, poll_table *wait)
{
	poll_wait(file, &tlb->wait, wait);
	return READ_ONCE(tlb->nr_messages) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* ---------------------------------------------------------- on and off */

void vh_iotlb_init(struct vh_iotlb *tlb)
{
	spin_lock_init(&tlb->lock);
	INIT_LIST_HEAD(&tlb->messages);
	init_waitqueue_head(&tlb->wait);
}

/** vh_iotlb_switch() - ask the VMM, or do not; nobody's question remains */
void vh_iotlb_switch(struct vh_iotlb *tlb, bool on)
{
	struct vh_message *m;

	WRITE_ONCE(tlb->on, on);
	while ((m = vh_iotlb_next(tlb)))
		kfree(m);
	wake_up_interruptible_all(&tlb->wait);
}
