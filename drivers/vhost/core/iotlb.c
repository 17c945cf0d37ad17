// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device IOMMU (VIRTIO_F_ACCESS_PLATFORM): the driver's addresses are I/O
 * addresses, and the VMM, which emulates the IOMMU, knows what is behind them.
 *
 *	ring needs a translation	MISS ------> read() by the VMM
 *	ring waits			UPDATE <---- write(), here for every ring
 *	the guest unmaps		INVALIDATE <- write(): gone when it returns
 *
 * Each ring has its own table, changed and used under vq->mutex, so looking
 * something up takes no lock beside it.  A table is bounded: the translation
 * that came first goes when there is no room, and is asked for again.
 *
 * Misses wait in a bounded list.  One that finds it full is dropped: the ring
 * looks again with every UPDATE.
 *
 * An INVALIDATE takes translations away from requests to come, and returns when
 * those in flight that had one of them are over: a guest that confines a driver
 * of its user space with its IOMMU, and unmaps, may give the page to another
 * process at once.  An UPDATE that says something else than before does the same.
 * If a ring's own pages are hit, the ring is emptied and waits until they are
 * back, see vh_vq_suspend().
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "priv.h"

#define TLB_MAX		2048	/* translations of a ring */
#define MESSAGES_MAX	256	/* misses that nobody has read */
#define TLB_CUTS_MAX	16	/* translations taken away at once that are told apart */

/**
 * struct vh_tlb - translations of a ring
 * @map: for the core; sorted by I/O address, never overlapping
 * @vq: whose
 * @clock: counts insertions
 * @age: of each region, from @clock
 * @regions: of @map
 */
struct vh_tlb {
	struct parley_memmap map;
	struct parley_vhost_vq *vq;
	u64 clock;
	u64 age[TLB_MAX];
	struct parley_region regions[TLB_MAX];
};

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

	if (t->map.nr == TLB_MAX)
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

/*
 * Take addr..last out; what sticks out on either side stays.  Requests in flight
 * with a translation that is another with @r are awaited; all of them, if there
 * are too many translations to look for each.
 */
static void vh_tlb_cut(struct vh_tlb *t, u64 addr, u64 last, const struct parley_region *r)
{
	unsigned int at, cuts = 0;

	while ((at = vh_tlb_first(t, addr)) < t->map.nr &&
	       t->regions[at].start <= last) {
		struct parley_region old = t->regions[at], part = old;
		u64 end = old.start + (old.size - 1), age = t->age[at];

		if (vh_tlb_differs(&old, r) && ++cuts <= TLB_CUTS_MAX)
			vh_reqs_await(t->vq, old.host, old.host + (old.size - 1));
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
		vh_reqs_await(t->vq, 0, U64_MAX);
}

/* See mem.h.  Nothing is in flight.  The VMM is asked again for the rest of it. */
void vh_iotlb_forget(struct parley_vhost_vq *vq, const struct parley_region *gone,
		     const struct vh_mem *mem)
{
	u64 host = gone->host, last = gone->host + (gone->size - 1);
	struct vh_tlb *t = vq->tlb;
	unsigned int i;

	lockdep_assert_held(&vq->mutex);
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
static void vh_iotlb_ask(struct parley_vhost *dev, u64 addr, u32 perm)
{
	struct vh_iotlb *tlb = &dev->iotlb;
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

static int vh_iotlb_miss(struct parley_memmap *map, u64 addr, u64 len, u32 perm)
{
	struct vh_tlb *t = container_of(map, struct vh_tlb, map);

	vh_iotlb_ask(t->vq->dev, addr, perm);
	return -EAGAIN;
}

/**
 * vh_iotlb_pages() - where are the pages of ring memory?
 * @vq: ring, under vq->mutex
 * @iova: I/O address
 * @len: bytes
 * @perm: PARLEY_MEM_*
 * @pages: user address of each page
 *
 * Return: 0; -EAGAIN if the VMM was asked; -EFAULT for an area that wraps or
 * whose place in its page differs on the two sides.
 */
int vh_iotlb_pages(struct parley_vhost_vq *vq, u64 iova, u64 len, u32 perm,
		   u64 *pages)
{
	u64 addr = iova, last = iova + (len - 1);
	const struct parley_region *r;

	lockdep_assert_held(&vq->mutex);
	if (last < iova)
		return -EFAULT;
	for (;;) {
		u64 end = addr | ~PAGE_MASK, host;

		r = vh_tlb_find(vq->tlb, addr, perm);
		if (!r) {
			vh_iotlb_ask(vq->dev, addr, perm);
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

struct parley_memmap *vh_iotlb_map(struct parley_vhost_vq *vq)
{
	return &vq->tlb->map;
}
EXPORT_SYMBOL_IF_KUNIT(vh_iotlb_map);

/* -------------------------------------------------------- the VMM's words */

/* A ring's pages may be elsewhere now: it has to find them again. */
static bool vh_iotlb_moves(const struct parley_vhost_vq *vq,
			   const struct parley_region *r)
{
	u64 last = r->start + (r->size - 1);
	unsigned int at;

	if (!vq->devq || !vh_vq_covers(vq, r->start, last))
		return false;
	for (at = vh_tlb_first(vq->tlb, r->start);
	     at < vq->tlb->map.nr && vq->tlb->regions[at].start <= last; at++) {
		const struct parley_region *o = &vq->tlb->regions[at];

		if (vh_tlb_differs(o, r))
			return true;
	}
	return false;
}

static void vh_iotlb_update(struct parley_vhost_vq *vq,
			    const struct parley_region *r)
{
	bool moves;

	scoped_guard(mutex, &vq->mutex) {
		moves = vh_iotlb_moves(vq, r);
		vh_tlb_cut(vq->tlb, r->start, r->start + (r->size - 1), r);
		vh_tlb_insert(vq->tlb, r, vq->tlb->clock++);
		vh_vq_set_map(vq);
	}
	if (moves)
		vh_vq_suspend(vq);
	else
		vh_vq_queue(vq);
}

static void vh_iotlb_invalidate(struct parley_vhost_vq *vq, u64 addr, u64 last)
{
	bool hit;

	scoped_guard(mutex, &vq->mutex) {
		vh_tlb_cut(vq->tlb, addr, last, NULL);
		vh_vq_set_map(vq);
		hit = vq->devq && vh_vq_covers(vq, addr, last);
	}
	if (hit)
		vh_vq_suspend(vq);
}

static bool vh_iotlb_unused(const struct parley_vhost_vq *vq, const void *arg)
{
	return !vq->nr_awaited;
}

/* What was in flight with a translation that is no more has ended, of all rings. */
static int vh_iotlb_wait(struct parley_vhost *dev)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < dev->drv->max_queues; i++)
		if (READ_ONCE(dev->vqs[i]->nr_awaited))
			err = vh_vq_wait(dev->vqs[i], vh_iotlb_unused, NULL, true);
	return err;
}

/* A translation: some access, to memory of the VMM. */
static int vh_iotlb_region(const struct vhost_iotlb_msg *m,
			   struct parley_region *r)
{
	if (!m->size || m->perm & ~VHOST_ACCESS_RW || !m->perm ||
	    m->iova + (m->size - 1) < m->iova)
		return -EINVAL;
	if (m->uaddr > ULONG_MAX || m->size > ULONG_MAX ||
	    !access_ok((void __user *)(unsigned long)m->uaddr, m->size))
		return -EFAULT;
	*r = (struct parley_region){
		.start = m->iova,
		.size = m->size,
		.host = m->uaddr,
		.perm = (m->perm & VHOST_ACCESS_RO ? PARLEY_MEM_READ : 0) |
			(m->perm & VHOST_ACCESS_WO ? PARLEY_MEM_WRITE : 0),
	};
	return 0;
}

static int vh_iotlb_message(struct parley_vhost *dev,
			    const struct vhost_iotlb_msg *m)
{
	struct parley_region r;
	unsigned int i;
	u64 last;
	int err;

	lockdep_assert_held(&dev->mutex);
	if (!dev->iotlb.on)
		return -EFAULT;
	switch (m->type) {
	case VHOST_IOTLB_UPDATE:
		err = vh_iotlb_region(m, &r);
		for (i = 0; !err && i < dev->drv->max_queues; i++)
			vh_iotlb_update(dev->vqs[i], &r);
		return err ?: vh_iotlb_wait(dev);
	case VHOST_IOTLB_INVALIDATE:
		/* Only 2^64 bytes from 0 on need a size that is not one. */
		last = m->iova + (m->size - 1);
		if (last < m->iova || (!m->size && m->iova))
			return -EINVAL;
		for (i = 0; i < dev->drv->max_queues; i++)
			vh_iotlb_invalidate(dev->vqs[i], m->iova, last);
		return vh_iotlb_wait(dev);
	default:
		return -EINVAL;
	}
}

/**
 * vh_iotlb_write() - the VMM writes one message to the device file
 * @dev: device
 * @from: a struct vhost_msg or struct vhost_msg_v2; its padding may be missing
 *
 * Context: takes dev->mutex; waits for requests in flight that had a translation
 * which goes, and for all if a ring's pages are hit.
 *
 * Return: bytes of the message; -EINVAL for what is none; -EFAULT for one that
 * cannot be obeyed, -EINTR if the caller is being killed; -EPERM.
 */
ssize_t vh_iotlb_write(struct parley_vhost *dev, struct iov_iter *from)
{
	struct vhost_iotlb_msg m;
	u32 head[2];	/* type; a hole, or the number of an address space */
	long err;

	BUILD_BUG_ON(offsetof(struct vhost_msg, iotlb) != sizeof(head));
	BUILD_BUG_ON(offsetof(struct vhost_msg_v2, iotlb) != sizeof(head));
	if (!copy_from_iter_full(head, sizeof(head), from) ||
	    !copy_from_iter_full(&m, sizeof(m), from) ||
	    (head[0] != VHOST_IOTLB_MSG && head[0] != VHOST_IOTLB_MSG_V2))
		return -EINVAL;
	guard(mutex)(&dev->mutex);
	err = vh_dev_check_owner(dev);
	if (err)
		return err;
	err = vh_iotlb_message(dev, &m);
	if (err)
		return err == -EINTR ? err : -EFAULT;
	return head[0] == VHOST_IOTLB_MSG ? sizeof(struct vhost_msg) :
	       sizeof(struct vhost_msg_v2);
}
EXPORT_SYMBOL_IF_KUNIT(vh_iotlb_write);

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
 * @dev: device
 * @to: room for one
 * @nonblock: do not wait for one
 *
 * Return: its bytes; 0 without room; -EAGAIN; -ERESTARTSYS; -EBADFD if there is
 * no device IOMMU.
 */
ssize_t vh_iotlb_read(struct parley_vhost *dev, struct iov_iter *to,
		      bool nonblock)
{
	struct vh_iotlb *tlb = &dev->iotlb;
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

__poll_t vh_iotlb_poll(struct parley_vhost *dev, struct file *file,
		       poll_table *wait)
{
	poll_wait(file, &dev->iotlb.wait, wait);
	return READ_ONCE(dev->iotlb.nr_messages) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* ---------------------------------------------------------- on and off */

void vh_iotlb_init(struct parley_vhost *dev)
{
	spin_lock_init(&dev->iotlb.lock);
	INIT_LIST_HEAD(&dev->iotlb.messages);
	init_waitqueue_head(&dev->iotlb.wait);
}

static int vh_iotlb_alloc_vq(struct parley_vhost_vq *vq)
{
	vq->tlb = kvzalloc(sizeof(*vq->tlb), GFP_KERNEL);
	if (!vq->tlb)
		return -ENOMEM;
	vq->tlb->vq = vq;
	vq->tlb->map.miss = vh_iotlb_miss;
	vq->tlb->map.regions = vq->tlb->regions;
	return 0;
}

void vh_iotlb_free_vq(struct parley_vhost_vq *vq)
{
	kvfree(vq->tlb);
	vq->tlb = NULL;
}

/**
 * vh_iotlb_enable() - the driver accepted a device IOMMU, or did not
 * @dev: device of which no ring runs, under dev->mutex
 * @on: use it; translations of an earlier time are forgotten
 *
 * Return: 0 or -ENOMEM.
 */
int vh_iotlb_enable(struct parley_vhost *dev, bool on)
{
	struct vh_message *m;
	unsigned int i;
	int err = 0;

	lockdep_assert_held(&dev->mutex);
	for (i = 0; i < dev->drv->max_queues; i++) {
		guard(mutex)(&dev->vqs[i]->mutex);
		vh_iotlb_free_vq(dev->vqs[i]);
		if (on && !err)
			err = vh_iotlb_alloc_vq(dev->vqs[i]);
	}
	WRITE_ONCE(dev->iotlb.on, on && !err);
	while ((m = vh_iotlb_next(&dev->iotlb)))
		kfree(m);
	wake_up_interruptible_all(&dev->iotlb.wait);
	return err;
}

void vh_iotlb_release(struct parley_vhost *dev)
{
	vh_iotlb_enable(dev, false);
}
