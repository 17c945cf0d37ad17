// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that we share with the host: a buffer that the device keeps.
 *
 * It is memory that both sides see at any time, whatever the transport is, so it is
 * allocated by the queue's own provider and not mapped again when it is put.  The device
 * gives it back when its queue stops, and when its VMM takes memory away; then it is put
 * again, unless the device said that it does not want it.
 *
 * While the device does not have it, no vCPU is known.
 */
#include <linux/printk.h>
#include <parley/memory.h>
#include <kunit/visibility.h>

#include "device.h"

#define PSD_AREA_PAUSE	(HZ / 20)

/* Not the device's: what it said last is of no account. */
static void psd_area_clear(struct psd *psd)
{
	memset(psd->reads, 0, psd->bytes);
}

/** parley_psd_area_status() - PARLEY_SCHED_AREA_* */
u32 parley_psd_area_status(const struct psd *psd)
{
	const struct parley_sched_host_header *h = psd->reads;

	/* Pairs with the release of the host: the records are there. */
	return le32_to_cpu(virt_load_acquire(&h->status));
}
EXPORT_SYMBOL_IF_KUNIT(parley_psd_area_status);

/**
 * parley_psd_area_put() - give the area to the device, unless it has it
 * @psd: device; may be stopped, then it is given in start()
 *
 * Context: any but an interrupt that may come upon the queue's lock.
 */
void parley_psd_area_put(struct psd *psd)
{
	struct parley_seg segs[] = {
		{ psd->says_addr, psd->bytes }, { psd->reads_addr, psd->bytes },
	};
	struct parley_buf buf = {
		.segs = segs, .n_out = 1, .n_in = 1, .cookie = psd,
		.flags = PARLEY_BUF_PREMAPPED,
	};
	int err;

	if (psd->refused || atomic_cmpxchg(&psd->put, 0, 1))
		return;
	scoped_guard(parley_qlock_irqsave, &psd->areas->lock)
		err = parley_drvq_submit(psd->areas->vq, &buf, GFP_ATOMIC);
	if (err)
		atomic_set(&psd->put, 0);
}

static void psd_area_again(struct work_struct *work)
{
	parley_psd_area_put(container_of(to_delayed_work(work), struct psd, again));
}

/* It is ours again: with a reason, which is read once. */
void parley_psd_area_complete(struct parley_queue *queue, const struct parley_done *done,
			      unsigned int nr, void *ctx)
{
	struct psd *psd = done->cookie;
	u32 status = parley_psd_area_status(psd);

	psd_area_clear(psd);
	atomic_set(&psd->put, 0);
	if (status == PARLEY_SCHED_AREA_AGAIN) {
		schedule_delayed_work(&psd->again, PSD_AREA_PAUSE);
		return;
	}
	psd->refused = true;
	dev_err(&psd->pd->dev, "the host does not take our records (%u): no vCPU is known\n",
		status);
}

/* The device was reset; start() puts it again. */
void parley_psd_area_give_back(struct parley_queue *queue, void *cookie, enum parley_fate fate)
{
	struct psd *psd = cookie;

	psd_area_clear(psd);
	atomic_set(&psd->put, 0);
}

/**
 * parley_psd_area_init() - memory for the area
 * @psd: device, whose queues exist
 *
 * Return: 0 or -ENOMEM; parley_psd_area_exit() is the mirror in either case.
 */
int parley_psd_area_init(struct psd *psd)
{
	const struct parley_mem *mem = parley_drvq_mem(psd->areas->vq);
	struct parley_sched_guest_header *h;

	INIT_DELAYED_WORK(&psd->again, psd_area_again);
	psd->bytes = (size_t)(psd->nr + 1) * PARLEY_SCHED_RECORD;
	psd->says = parley_mem_alloc(mem, psd->bytes, &psd->says_addr, GFP_KERNEL);
	psd->reads = parley_mem_alloc(mem, psd->bytes, &psd->reads_addr, GFP_KERNEL);
	if (!psd->says || !psd->reads)
		return -ENOMEM;
	h = psd->says;
	h->version = cpu_to_le16(PARLEY_SCHED_VERSION);
	h->kind = cpu_to_le16(PARLEY_SCHED_AREA_VCPUS);
	h->nr = cpu_to_le32(psd->nr);
	return 0;
}

/**
 * parley_psd_area_exit() - the mirror of parley_psd_area_init()
 * @psd: device, which has nothing of ours, with its queues still there
 */
void parley_psd_area_exit(struct psd *psd)
{
	const struct parley_mem *mem = parley_drvq_mem(psd->areas->vq);

	cancel_delayed_work_sync(&psd->again);
	if (psd->says)
		parley_mem_free(mem, psd->bytes, psd->says, psd->says_addr);
	if (psd->reads)
		parley_mem_free(mem, psd->bytes, psd->reads, psd->reads_addr);
}
