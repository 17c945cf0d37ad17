// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a recovery of the device means to a disk, and requests that take too
 * long.
 *
 * The model stops and resets the device; then every request has one of three
 * fates.
 *
 *	completed	The device had said so before the reset: it ends as if
 *			nothing had happened.
 *	repeated	(suspend, reset)  Nobody was told anything about it, so
 *			it goes back to the block layer and is put again.  To
 *			write or read the same sectors twice does no harm.
 *	failed		(broken or removed device; writes to zones)  It ends
 *			with an I/O error, because what the device did of it is
 *			unknown and cannot be found out by doing it again.
 *
 * So no request that was acknowledged is lost, and none is acknowledged that
 * the device has not completed.
 */
#include "blk.h"

/* How long a zoned device may finish what cannot be done twice. */
#define DRAIN_TIMEOUT	(5 * HZ)

/*
 * May a request be done twice?  Writes to zones may not: the first attempt has
 * perhaps moved the write pointer.
 */
static bool parley_blk_can_repeat(struct parley_blk *blk, struct request *rq)
{
	return !blk->zone_sectors || !op_is_write(req_op(rq));
}

/* Let a zoned device finish what cannot be repeated, if it does so soon. */
static void parley_blk_drain(struct request_queue *q)
{
	unsigned int memflags = memalloc_noio_save();

	blk_freeze_queue_start(q);
	blk_mq_freeze_queue_wait_timeout(q, DRAIN_TIMEOUT);
	blk_mq_quiesce_queue(q);
	blk_mq_unfreeze_queue(q, memflags);
}

void parley_blk_stop(struct parley_device *pd)
{
	struct parley_blk *blk = pd->priv;

	if (blk->zone_sectors && parley_device_answers(pd))
		parley_blk_drain(blk->disk->queue);
	else
		blk_mq_quiesce_queue(blk->disk->queue);
}

/* Decide the fate of a request that the device will not complete. */
void parley_blk_give_back(struct parley_queue *q, void *cookie,
			  enum parley_fate fate)
{
	struct parley_blk_queue *bq = q->priv;
	struct request *rq = cookie;
	struct parley_blk_req *req = blk_mq_rq_to_pdu(rq);

	if (fate == PARLEY_REPEAT && parley_blk_can_repeat(bq->blk, rq)) {
		parley_blk_free_ranges(req);
		blk_mq_requeue_request(rq, false);
		return;
	}
	req->result = BLK_STS_IOERR;
	blk_mq_complete_request(rq);
}

/*
 * Have what was put back submitted.  After del_gendisk() there is nothing, and the
 * work would outlive the queue; a reference that it waits for tells them apart.
 */
static void parley_blk_kick_requeued(struct request_queue *q)
{
	if (!percpu_ref_tryget(&q->q_usage_counter))
		return;
	blk_mq_kick_requeue_list(q);
	percpu_ref_put(&q->q_usage_counter);
}

/* Also for a device that is gone: then whatever is submitted fails. */
void parley_blk_start(struct parley_device *pd)
{
	struct parley_blk *blk = pd->priv;
	unsigned int i;

	for (i = 0; i < blk->nr_queues; i++)
		WRITE_ONCE(blk->queues[i].starved, false);
	blk_mq_unquiesce_queue(blk->disk->queue);
	parley_blk_kick_requeued(blk->disk->queue);
}

/**
 * parley_blk_timeout() - the block layer's timer of a request ran out
 * @rq: request
 *
 * A slow host is no error, and a request that the device still owns must not
 * end: its memory may be written any time.  So look for a lost interrupt, for a
 * device that is gone and for one that has forgotten everything, and otherwise
 * say so and wait on.
 *
 * Return: BLK_EH_DONE if it is complete, or BLK_EH_RESET_TIMER.
 */
enum blk_eh_timer_return parley_blk_timeout(struct request *rq)
{
	struct parley_blk_queue *bq = rq->mq_hctx->driver_data;
	struct parley_device *pd = bq->blk->pd;

	parley_queue_poll(bq->q, UINT_MAX, NULL);
	/* What ended here or in a batch is idle already, not only complete. */
	if (blk_mq_rq_state(rq) != MQ_RQ_IN_FLIGHT) {
		dev_warn_ratelimited(&pd->dev,
				     "queue %u: request was complete but its interrupt is missing\n",
				     bq->q->index);
		return BLK_EH_DONE;
	}
	/* If it is not well, it is brought back or given up, with the request. */
	if (parley_device_check(pd))
		dev_warn_ratelimited(&pd->dev,
				     "queue %u: request (tag %d, operation %d) takes longer than %u s, still waiting; if the host is well, reset the device\n",
				     bq->q->index, rq->tag, req_op(rq),
				     rq->timeout / HZ);
	return BLK_EH_RESET_TIMER;
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_timeout);
