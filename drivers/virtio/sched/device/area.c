// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that we share with the host: buffers that the device keeps, one of each kind.
 *
 * It is memory that both sides see at any time, whatever the transport is, so it is
 * allocated by the queue's own provider and not mapped again when it is put.  The device
 * gives it back when its queue stops, and when its VMM takes memory away; then it is put
 * again, unless the device said that it does not want it.
 *
 * While the device does not have it, nothing is known: no vCPU, and no clock.
 */
#include <linux/jiffies.h>
#include <linux/printk.h>
#include <parley/memory.h>
#include <kunit/visibility.h>

#include "device.h"

#define PSD_AREA_PAUSE	(HZ / 20)

/* Not the device's: what it said last is of no account. */
static void psd_area_clear(struct psd_area *area)
{
	memset(area->reads, 0, area->bytes);
}

/** parley_psd_area_status() - PARLEY_SCHED_AREA_* */
u32 parley_psd_area_status(const struct psd_area *area)
{
	const struct parley_sched_host_header *h = area->reads;

	/* Pairs with the release of the host: the records are there. */
	return le32_to_cpu(virt_load_acquire(&h->status));
}
EXPORT_SYMBOL_IF_KUNIT(parley_psd_area_status);

/**
 * parley_psd_area_put() - give an area to the device, unless it has it
 * @area: it, or an empty one; of a device that is stopped, it is given in start()
 *
 * Context: any but an interrupt that may come upon the queue's lock.
 */
void parley_psd_area_put(struct psd_area *area)
{
	struct parley_seg segs[] = {
		{ area->says_addr, area->bytes }, { area->reads_addr, area->bytes },
	};
	struct parley_buf buf = {
		.segs = segs, .n_out = 1, .n_in = 1, .cookie = area,
		.flags = PARLEY_BUF_PREMAPPED,
	};
	struct parley_queue *queue;
	int err;

	if (!area->psd || area->refused || atomic_cmpxchg(&area->put, 0, 1))
		return;
	queue = area->psd->areas;
	area->put_at = jiffies;
	scoped_guard(parley_qlock_irqsave, &queue->lock)
		err = parley_drvq_submit(queue->vq, &buf, GFP_ATOMIC);
	if (err)
		atomic_set(&area->put, 0);
}

static void psd_area_again(struct work_struct *work)
{
	parley_psd_area_put(container_of(to_delayed_work(work), struct psd_area, again));
}

/* At once, but not again and again. */
static void psd_area_put_again(struct psd_area *area)
{
	bool kept = time_after(jiffies, area->put_at + PSD_AREA_PAUSE);

	schedule_delayed_work(&area->again, kept ? 0 : PSD_AREA_PAUSE);
}

static void psd_area_back(struct psd_area *area)
{
	u32 status = parley_psd_area_status(area);

	psd_area_clear(area);
	atomic_set(&area->put, 0);
	if (status == PARLEY_SCHED_AREA_AGAIN) {
		psd_area_put_again(area);
		return;
	}
	area->refused = true;
	dev_err(&area->psd->pd->dev, "the host does not take our records (%u): no %s is known\n",
		status, area->kind == PARLEY_SCHED_AREA_VCPUS ? "vCPU" : "clock");
}

/* It is ours again: with a reason, which is read once. */
void parley_psd_area_complete(struct parley_queue *queue, const struct parley_done *done,
			      unsigned int nr, void *ctx)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		psd_area_back(done[i].cookie);
}

/* The device was reset; start() puts it again. */
void parley_psd_area_give_back(struct parley_queue *queue, void *cookie, enum parley_fate fate)
{
	struct psd_area *area = cookie;

	psd_area_clear(area);
	atomic_set(&area->put, 0);
}

/**
 * parley_psd_area_init() - memory for an area
 * @area: area
 * @psd: device, whose queues exist
 * @kind: PARLEY_SCHED_AREA_*
 * @nr: records in each piece
 *
 * Return: 0 or -ENOMEM; parley_psd_area_exit() is the mirror in either case.
 */
int parley_psd_area_init(struct psd_area *area, struct psd *psd, u16 kind, u32 nr)
{
	const struct parley_mem *mem = parley_drvq_mem(psd->areas->vq);
	struct parley_sched_guest_header *h;

	INIT_DELAYED_WORK(&area->again, psd_area_again);
	area->psd = psd;
	area->kind = kind;
	area->nr = nr;
	area->bytes = (size_t)(nr + 1) * PARLEY_SCHED_RECORD;
	area->says = parley_mem_alloc(mem, area->bytes, &area->says_addr, GFP_KERNEL);
	area->reads = parley_mem_alloc(mem, area->bytes, &area->reads_addr, GFP_KERNEL);
	if (!area->says || !area->reads)
		return -ENOMEM;
	h = area->says;
	h->version = cpu_to_le16(PARLEY_SCHED_VERSION);
	h->kind = cpu_to_le16(kind);
	h->nr = cpu_to_le32(nr);
	return 0;
}

/**
 * parley_psd_area_exit() - the mirror of parley_psd_area_init()
 * @area: area, which the device has not, with its queues still there; or an empty one
 */
void parley_psd_area_exit(struct psd_area *area)
{
	const struct parley_mem *mem;

	if (!area->psd)
		return;
	mem = parley_drvq_mem(area->psd->areas->vq);
	cancel_delayed_work_sync(&area->again);
	if (area->says)
		parley_mem_free(mem, area->bytes, area->says, area->says_addr);
	if (area->reads)
		parley_mem_free(mem, area->bytes, area->reads, area->reads_addr);
}
