// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moderation that learns.
 *
 * The kernel's library for network devices (lib/dim) measures, over 64 calls at a
 * time, how many completions there are in a millisecond and how many calls, and goes
 * up or down a row of steps: more completions are better, and with as many, fewer
 * calls.  So who waits for each request is left alone, since he gets fewer of them
 * when they are late, and who has many in flight is called less often.
 */
#include <linux/kernel.h>
#include <parley/compat.h>

#include "notify.h"
#include "state.h"

/* Completions of one call, and microseconds; where it begins, a call for each. */
static const struct {
	u16 reqs;
	u16 us;
} steps[NET_DIM_PARAMS_NUM_PROFILES] = {
	{ 0, 0 }, { 4, 8 }, { 8, 16 }, { 16, 32 }, { 32, 64 },
};

#if IS_REACHABLE(CONFIG_DIMLIB)
static void vh_dim_net(struct dim *dim, struct dim_sample sample)
{
	net_dim(dim, &sample);
}

#define VH_DIM	vh_dim_net
#else
#define VH_DIM	NULL
#endif

/* What learns, NULL if the kernel has nothing; tests put their own here. */
void (*vh_dim)(struct dim *dim, struct dim_sample sample) = VH_DIM;
EXPORT_SYMBOL_IF_KUNIT(vh_dim);

static void vh_adapt_apply(struct vh_moderation *m)
{
	WRITE_ONCE(m->max_reqs, steps[m->dim.profile_ix].reqs);
	WRITE_ONCE(m->max_us, steps[m->dim.profile_ix].us);
}

/* It wants another step.  No lock: what it sets is read word by word. */
static void vh_adapt_work(struct work_struct *work)
{
	struct dim *dim = container_of(work, struct dim, work);

	vh_adapt_apply(container_of(dim, struct vh_moderation, dim));
	WRITE_ONCE(dim->state, DIM_START_MEASURE);
}

void vh_adapt_init(struct vh_moderation *m)
{
	INIT_WORK(&m->dim.work, vh_adapt_work);
}

/**
 * vh_adapt_set() - learn, or do not
 * @vq: ring
 * @on: learn from now on, beginning without moderation; else what was learnt stays
 *
 * Context: vq->mutex.
 * Return: 0, or -EOPNOTSUPP if the kernel is built without CONFIG_DIMLIB.
 */
int vh_adapt_set(struct parley_vhost_vq *vq, bool on)
{
	struct vh_moderation *m = &vq->moderation;

	lockdep_assert_held(&vq->mutex);
	if (on && !vh_dim)
		return -EOPNOTSUPP;
	if (on == m->adaptive)
		return 0;
	WRITE_ONCE(m->adaptive, on);
	cancel_work_sync(&m->dim.work);
	if (!on)
		return 0;
	m->done = 0;
	memset(&m->dim, 0, sizeof(m->dim));
	vh_adapt_init(m);
	vh_adapt_apply(m);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vh_adapt_set);

/**
 * vh_adapt() - completions were published
 * @vq: ring whose moderation learns
 * @nr: how many
 * @now: ktime_get() or, in a test, what it says
 *
 * Context: vq->mutex.
 */
void vh_adapt(struct parley_vhost_vq *vq, unsigned int nr, ktime_t now)
{
	struct vh_moderation *m = &vq->moderation;
	struct dim_sample sample = {
		.time = now,
		.event_ctr = vq->stats.calls + READ_ONCE(m->fired),
	};

	lockdep_assert_held(&vq->mutex);
	m->done += nr;
	if (READ_ONCE(m->dim.state) == DIM_MEASURE_IN_PROGRESS &&
	    (u16)(sample.event_ctr - m->dim.start_sample.event_ctr) < DIM_NEVENTS)
		return;
	/* Bytes say nothing of the cost of a call. */
	sample.pkt_ctr = m->done;
	sample.byte_ctr = m->done;
	vh_dim(&m->dim, sample);
}
EXPORT_SYMBOL_IF_KUNIT(vh_adapt);
