// SPDX-License-Identifier: GPL-2.0-only
/*
 * Submission, interrupt and polling.
 *
 * A burst of requests is built and put under one hold of the queue's lock,
 * published once, and kicked once, outside the lock: a kick leaves the guest.
 * Completions are reaped in bursts too, and ended outside the lock.
 */
#include "blk.h"

/* ------------------------------------------------------------- submission */

/*
 * The first of @n requests did not go into the ring.  A ring that is full tells
 * the block layer when there is room again: see parley_blk_complete().
 */
static blk_status_t parley_blk_refused(struct parley_blk_queue *bq,
				       const struct parley_queue *q, int err)
{
	parley_qlock_assert_held(&q->lock);
	switch (err) {
	case -ENOSPC:
		/* With nothing in flight nobody would run the queue again. */
		if (parley_drvq_free(q->vq) == parley_drvq_size(q->vq))
			return BLK_STS_IOERR;
		bq->starved = true;
		return BLK_STS_DEV_RESOURCE;
	case -ENOMEM:
		return BLK_STS_RESOURCE;
	case -EIO:
		/* The recovery that follows lets it be put again, or fail. */
		return parley_device_gone(bq->blk->pd) ? BLK_STS_IOERR :
							 BLK_STS_RESOURCE;
	default:
		return BLK_STS_IOERR;
	}
}

static blk_status_t parley_blk_queue_rq(struct blk_mq_hw_ctx *hctx,
					const struct blk_mq_queue_data *bd)
{
	struct parley_blk_queue *bq = hctx->driver_data;
	struct parley_queue *q = bq->q;
	struct request *rq = bd->rq;
	blk_status_t sts;
	bool kick = false;
	int err;

	sts = parley_blk_prepare(bq->blk, rq);
	if (unlikely(sts))
		return sts;
	blk_mq_start_request(rq);

	parley_qlock_lock_irq(&q->lock);
	err = parley_blk_describe(rq, bq->segs, bq->segs_max, bq->bufs);
	if (likely(err > 0))
		err = parley_drvq_put(q->vq, bq->bufs, 1, GFP_ATOMIC);
	if (unlikely(err < 0))
		sts = parley_blk_refused(bq, q, err);
	if (bd->last || unlikely(sts))
		kick = parley_drvq_publish(q->vq);
	parley_qlock_unlock_irq(&q->lock);

	if (kick)
		parley_drvq_kick(q->vq);
	if (unlikely(sts))
		parley_blk_free_ranges(blk_mq_rq_to_pdu(rq));
	return sts;
}

static void parley_blk_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct parley_blk_queue *bq = hctx->driver_data;
	struct parley_queue *q = bq->q;
	bool kick;

	parley_qlock_lock_irq(&q->lock);
	kick = parley_drvq_publish(q->vq);
	parley_qlock_unlock_irq(&q->lock);
	if (kick)
		parley_drvq_kick(q->vq);
}

/* Put what is gathered; what does not go in moves to @back. */
static void parley_blk_put_gathered(struct parley_blk_queue *bq, struct parley_queue *q,
				    unsigned int nr, struct rq_list *back)
{
	int done;

	parley_qlock_assert_held(&q->lock);
	done = parley_drvq_put(q->vq, bq->bufs, nr, GFP_ATOMIC);
	if (likely(done == nr))
		return;
	for (done = max(done, 0); done < nr; done++)
		rq_list_add_tail(back, bq->bufs[done].cookie);
}

/*
 * Put a list of prepared requests, publish once.  The scratch holds as many
 * requests as PARLEY_BLK_BATCH, or as their pieces allow.
 */
static bool parley_blk_put_list(struct parley_blk_queue *bq, struct parley_queue *q,
				struct rq_list *list, struct rq_list *back)
{
	unsigned int nr = 0, used = 0;
	struct request *rq;
	int n;

	parley_qlock_assert_held(&q->lock);
	while ((rq = rq_list_pop(list))) {
		unsigned int need = blk_rq_nr_phys_segments(rq) +
				    PARLEY_BLK_EXTRA_SEGS + 1;

		if (nr && (nr == PARLEY_BLK_BATCH ||
			   used + need > bq->segs_max)) {
			parley_blk_put_gathered(bq, q, nr, back);
			nr = 0;
			used = 0;
		}
		n = parley_blk_describe(rq, bq->segs + used,
					bq->segs_max - used, &bq->bufs[nr]);
		if (unlikely(n < 0)) {
			rq_list_add_tail(back, rq);
			continue;
		}
		used += n;
		nr++;
	}
	if (nr)
		parley_blk_put_gathered(bq, q, nr, back);
	return parley_drvq_publish(q->vq);
}

/* One queue's share of a plugged list, already prepared and started. */
static void parley_blk_submit_list(struct parley_blk_queue *bq, struct parley_queue *q,
				   struct rq_list *list)
{
	struct rq_list back = {};
	struct request *rq;
	bool kick;

	parley_qlock_lock_irq(&q->lock);
	kick = parley_blk_put_list(bq, q, list, &back);
	parley_qlock_unlock_irq(&q->lock);
	if (kick)
		parley_drvq_kick(q->vq);
	/* Those that did not fit come again one by one, by queue_rq. */
	while (unlikely((rq = rq_list_pop(&back)))) {
		parley_blk_free_ranges(blk_mq_rq_to_pdu(rq));
		blk_mq_requeue_request(rq, true);
	}
}

static void parley_blk_queue_rqs(struct rq_list *rqlist)
{
	struct rq_list list = {}, rest = {};
	struct parley_blk_queue *bq = NULL;
	struct parley_queue *q = NULL;
	struct request *rq;

	while ((rq = rq_list_pop(rqlist))) {
		struct parley_blk_queue *next = rq->mq_hctx->driver_data;

		if (next != bq) {
			if (!rq_list_empty(&list))
				parley_blk_submit_list(bq, q, &list);
			bq = next;
			q = bq->q;
		}
		if (unlikely(parley_blk_prepare(bq->blk, rq))) {
			rq_list_add_tail(&rest, rq);
			continue;
		}
		blk_mq_start_request(rq);
		rq_list_add_tail(&list, rq);
	}
	if (!rq_list_empty(&list))
		parley_blk_submit_list(bq, q, &list);
	/* The block layer gives these to queue_rq, which says what is wrong. */
	*rqlist = rest;
}

/* ------------------------------------------------------------- completion */

/* The block layer's complete(): on the processor that submitted. */
void parley_blk_end(struct request *rq)
{
	struct parley_blk_req *req = blk_mq_rq_to_pdu(rq);

	parley_blk_free_ranges(req);
	blk_mq_end_request(rq, req->result);
}

static void parley_blk_end_batch(struct io_comp_batch *iob)
{
	struct request *rq;

	rq_list_for_each(&iob->req_list, rq)
		parley_blk_free_ranges(blk_mq_rq_to_pdu(rq));
	blk_mq_end_request_batch(iob);
}

static void parley_blk_complete_one(struct parley_blk *blk,
				    const struct parley_done *done, bool starved,
				    struct io_comp_batch *iob)
{
	struct request *rq = done->cookie;
	struct parley_blk_req *req = blk_mq_rq_to_pdu(rq);

	req->result = parley_blk_judge(blk, req, done->len);
	if (unlikely(req_op(rq) == REQ_OP_ZONE_APPEND && !req->result))
		req->result = parley_blk_judge_append(blk, rq);
	if (blk_mq_complete_request_remote(rq))
		return;
	/*
	 * Only the end of a single request runs a queue that was full, and only
	 * there is an outcome told: a batch ended well, and may hold commands of
	 * our own whatever became of them.
	 */
	if (likely(!starved && !req->result) &&
	    blk_mq_add_to_batch(rq, iob, false, parley_blk_end_batch))
		return;
	parley_blk_end(rq);
}

/* The queue was full: see parley_blk_refused(). */
static bool parley_blk_take_starved(struct parley_blk_queue *bq)
{
	if (likely(!READ_ONCE(bq->starved)))
		return false;
	WRITE_ONCE(bq->starved, false);
	return true;
}

/* @ctx: batch of a poller, which ends it. */
static void parley_blk_complete(struct parley_queue *q,
				const struct parley_done *done, unsigned int nr,
				void *ctx)
{
	struct parley_blk_queue *bq = q->priv;
	DEFINE_IO_COMP_BATCH(own);
	struct io_comp_batch *iob = ctx ?: &own;
	bool starved = parley_blk_take_starved(bq);
	unsigned int i;

	for (i = 0; i < nr; i++)
		parley_blk_complete_one(bq->blk, &done[i], starved, iob);
	if (iob == &own && own.complete)
		own.complete(&own);
}

static int parley_blk_poll(struct blk_mq_hw_ctx *hctx,
			   struct io_comp_batch *iob)
{
	struct parley_blk_queue *bq = hctx->driver_data;

	if (!parley_drvq_pending(bq->q->vq))
		return 0;
	return parley_queue_poll(bq->q, PARLEY_QUEUE_BURST, iob);
}

/* ------------------------------------------------- the block layer's queues */

static int parley_blk_init_hctx(struct blk_mq_hw_ctx *hctx, void *data,
				unsigned int index)
{
	struct parley_blk *blk = data;

	hctx->driver_data = &blk->queues[index];
	return 0;
}

static const struct cpumask *parley_blk_queue_mask(struct parley_blk *blk, unsigned int i)
{
	return parley_queue_affinity(blk->queues[i].q);
}

/*
 * As the interrupts are spread, so that a request ends where it began.  Queues
 * that share an interrupt say nothing about that: their masks overlap.
 */
static void parley_blk_map_by_interrupt(struct blk_mq_queue_map *map,
					struct parley_blk *blk)
{
	unsigned int i, cpu, weight = 0;

	for (i = 0; i < map->nr_queues; i++) {
		const struct cpumask *mask = parley_blk_queue_mask(blk, i);

		if (!mask)
			return;
		weight += cpumask_weight(mask);
	}
	if (weight > num_possible_cpus())
		return;
	for (i = 0; i < map->nr_queues; i++)
		for_each_cpu(cpu, parley_blk_queue_mask(blk, i))
			map->mq_map[cpu] = map->queue_offset + i;
}

static void parley_blk_map_queues(struct blk_mq_tag_set *set)
{
	struct parley_blk *blk = set->driver_data;
	struct blk_mq_queue_map *map = &set->map[HCTX_TYPE_DEFAULT];

	map->nr_queues = blk->nr_queues - blk->nr_poll;
	map->queue_offset = 0;
	blk_mq_map_queues(map);
	parley_blk_map_by_interrupt(map, blk);
	if (!blk->nr_poll)
		return;
	set->map[HCTX_TYPE_READ].nr_queues = 0;
	map = &set->map[HCTX_TYPE_POLL];
	map->nr_queues = blk->nr_poll;
	map->queue_offset = blk->nr_queues - blk->nr_poll;
	blk_mq_map_queues(map);
}

const struct blk_mq_ops parley_blk_mq_ops = {
	.queue_rq	= parley_blk_queue_rq,
	.queue_rqs	= parley_blk_queue_rqs,
	.commit_rqs	= parley_blk_commit_rqs,
	.complete	= parley_blk_end,
	.poll		= parley_blk_poll,
	.timeout	= parley_blk_timeout,
	.map_queues	= parley_blk_map_queues,
	.init_hctx	= parley_blk_init_hctx,
	.init_request	= parley_blk_init_request,
};

/* ------------------------------------------------------ the device's queues */

/**
 * parley_blk_alloc_queues() - memory for the queues, without any yet
 * @blk: disk; nr_queues and segs_max are set
 *
 * Return: 0 or -ENOMEM.
 */
int parley_blk_alloc_queues(struct parley_blk *blk)
{
	unsigned int i, max;

	/* A full batch of small requests, or the largest one. */
	max = max(blk->segs_max + PARLEY_BLK_EXTRA_SEGS + 1,
		  PARLEY_BLK_BATCH * (PARLEY_BLK_EXTRA_SEGS + 2));
	blk->queues = kcalloc(blk->nr_queues, sizeof(*blk->queues), GFP_KERNEL);
	if (!blk->queues)
		return -ENOMEM;
	for (i = 0; i < blk->nr_queues; i++) {
		struct parley_blk_queue *bq = &blk->queues[i];

		bq->blk = blk;
		bq->segs_max = max;
		bq->segs = kvmalloc_array(max, sizeof(*bq->segs), GFP_KERNEL);
		if (!bq->segs) {
			parley_blk_free_queues(blk);
			return -ENOMEM;
		}
	}
	return 0;
}

void parley_blk_free_queues(struct parley_blk *blk)
{
	unsigned int i;

	for (i = 0; i < blk->nr_queues; i++)
		kvfree(blk->queues[i].segs);
	kfree(blk->queues);
	blk->queues = NULL;
}

/**
 * parley_blk_make_queues() - have the device's queues made
 * @blk: disk; from probe
 *
 * Return: 0 or an error; there are no queues then.
 */
int parley_blk_make_queues(struct parley_blk *blk)
{
	struct parley_device *pd = blk->pd;
	struct parley_queue_spec *specs;
	struct irq_affinity affd = {};
	unsigned int i;
	int err;

	specs = kcalloc(blk->nr_queues, sizeof(*specs), GFP_KERNEL);
	if (!specs)
		return -ENOMEM;
	for (i = 0; i < blk->nr_queues; i++) {
		bool poll = i >= blk->nr_queues - blk->nr_poll;

		specs[i].name = poll ? "poll" : "req";
		specs[i].index = i;
		specs[i].complete = parley_blk_complete;
		specs[i].give_back = parley_blk_give_back;
		specs[i].flags = PARLEY_QUEUE_CONTENDED |
			(poll ? PARLEY_QUEUE_POLLED : 0);
		specs[i].indirect_segs = PARLEY_BLK_EXTRA_SEGS +
			min(blk->segs_max, PARLEY_BLK_READY_SEGS);
	}
	err = parley_device_make_queues(pd, specs, blk->nr_queues, &affd);
	kfree(specs);
	if (err)
		return err;
	for (i = 0; i < blk->nr_queues; i++) {
		blk->queues[i].q = &pd->queues[i];
		pd->queues[i].priv = &blk->queues[i];
	}
	return 0;
}
