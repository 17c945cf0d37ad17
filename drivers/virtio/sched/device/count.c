// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host counts of our processors: cycles, instructions and the like, of this guest
 * alone.  Which, is the affair of who runs the guest.
 *
 * One request at a time.  A host that does not answer costs who asks two seconds, and
 * those after him an error, until the device is reset.
 */
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <kunit/visibility.h>
#include <parley/export.h>

#include "device.h"

#define PSD_COUNT_TIMEOUT	(2 * HZ)

static int psd_count_send(struct psd *psd, struct psd_count *c)
{
	struct parley_seg segs[] = {
		{ virt_to_phys(&c->request), sizeof(c->request) },
		{ virt_to_phys(&c->reply), sizeof(c->reply) },
	};
	struct parley_buf buf = { .segs = segs, .n_out = 1, .n_in = 1, .cookie = c };

	int err;

	scoped_guard(parley_qlock_irqsave, &psd->requests->lock)
		err = parley_drvq_submit(psd->requests->vq, &buf, GFP_ATOMIC);
	return err;
}

/* What the device wrote: read once, and checked in the copy. */
static int psd_count_take(const struct psd_count *c, struct parley_sched_counted *out)
{
	if (c->len < sizeof(struct parley_sched_reply))
		return -EIO;
	*out = c->reply;
	if (out->status != cpu_to_le32(PARLEY_SCHED_S_OK))
		return -EOPNOTSUPP;
	if (c->len != sizeof(*out) || le32_to_cpu(out->nr) > PARLEY_SCHED_PMCS)
		return -EPROTO;
	return 0;
}

static int psd_count(struct psd *psd, int cpu, struct parley_sched_counted *out)
{
	struct psd_count *c = psd->count;
	int err;

	if (!parley_has_feature(psd->pd, PARLEY_SCHED_F_COUNT) || cpu >= psd->nr)
		return -EOPNOTSUPP;
	/* An answer that came late is one to a question of before. */
	if (c->away && !try_wait_for_completion(&c->done))
		return -EBUSY;
	c->request = (struct parley_sched_request){
		.op = cpu_to_le16(PARLEY_SCHED_OP_COUNT),
		.target = cpu_to_le32(cpu),
	};
	err = psd_count_send(psd, c);
	c->away = !err && !wait_for_completion_timeout(&c->done, PSD_COUNT_TIMEOUT);
	if (c->away)
		return -ETIMEDOUT;
	return err ?: psd_count_take(c, out);
}

/**
 * parley_psd_count_end() - the request has come back
 * @psd: device
 * @len: bytes that were written; 0 if it was not answered
 *
 * Context: any.
 */
void parley_psd_count_end(struct psd *psd, u32 len)
{
	struct psd_count *c = psd->count;

	c->len = len;
	complete(&c->done);
}

/**
 * parley_sched_count() - what was counted of a processor
 * @cpu: it
 * @out: filled: at most PARLEY_SCHED_PMCS, which may be none
 *
 * Context: sleeps.
 * Return: 0; -ENODEV if there is no device; -EOPNOTSUPP if it does not count; -EBUSY while
 * a request is not answered; -ETIMEDOUT if it was not within two seconds; -EPROTO if the
 * answer makes no sense; -EIO if the device was reset meanwhile; -ENOSPC.
 */
int parley_sched_count(int cpu, struct parley_sched_counted *out)
{
	guard(mutex)(&parley_psd_one_lock);
	return parley_psd_one ? psd_count(parley_psd_one, cpu, out) : -ENODEV;
}
PARLEY_EXPORT(parley_sched_count);

/** parley_psd_count_init() - memory for the request; 0 or -ENOMEM */
int parley_psd_count_init(struct psd *psd)
{
	psd->count = kzalloc(sizeof(*psd->count), GFP_KERNEL);
	if (!psd->count)
		return -ENOMEM;
	init_completion(&psd->count->done);
	return 0;
}

/** parley_psd_count_exit() - the mirror; it is not under way */
void parley_psd_count_exit(struct psd *psd)
{
	kfree(psd->count);
}
