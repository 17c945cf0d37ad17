// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stopping and starting: suspend, function-level reset, a device that breaks
 * the rules or is gone, requests that take too long.
 *
 * To stop is always the same: no request is submitted any more, the device is
 * reset, and then every request has one of three fates.
 *
 *	completed	The device had said so before the reset: it ends as if
 *			nothing had happened.
 *	kept		(suspend, reset)  Nobody was told anything about it, so
 *			it goes back to the block layer and is put again into
 *			the new queue.  To write or read the same sectors twice
 *			does no harm.
 *	failed		(broken or removed device; writes to zones)  It ends
 *			with an I/O error, because what the device did of it is
 *			unknown and cannot be found out by doing it again.
 *
 * So no request that was acknowledged is lost, and none is acknowledged that
 * the device has not completed.
 */
#include <linux/cleanup.h>
#include "blk.h"

/* How long a zoned device may finish what cannot be done twice. */
#define DRAIN_TIMEOUT	(5 * HZ)
/* How soon to look again for the device lock. */
#define RETRY_DELAY	msecs_to_jiffies(20)

/**
 * parley_blk_fault() - a queue broke: clean up, soon
 * @blk: disk
 *
 * Context: any.
 */
void parley_blk_fault(struct parley_blk *blk)
{
	queue_delayed_work(system_wq, &blk->fault_work, 0);
}

/*
 * May a request be done twice?  Writes to zones may not: the first attempt has
 * perhaps moved the write pointer.
 */
static bool can_repeat(struct parley_blk *blk, struct request *rq)
{
	return !blk->zone_sectors || !op_is_write(req_op(rq));
}

static void fail_request(struct request *rq)
{
	struct parley_blk_req *req = blk_mq_rq_to_pdu(rq);

	req->result = BLK_STS_IOERR;
	blk_mq_complete_request(rq);
}

/* Decide the fate of what is left in a queue that the device no longer uses. */
static void cancel_queue(struct parley_blk_queue *bq, bool fail)
{
	struct parley_queue *q = rcu_dereference_raw(bq->q);
	struct request *rq;

	if (!q)
		return;
	while (parley_blk_reap(bq, NULL))
		;
	for (;;) {
		spin_lock_irq(&q->lock);
		rq = parley_drvq_detach(q->vq);
		spin_unlock_irq(&q->lock);
		if (!rq)
			return;
		if (fail || !can_repeat(bq->blk, rq)) {
			fail_request(rq);
			continue;
		}
		parley_blk_free_ranges(blk_mq_rq_to_pdu(rq));
		blk_mq_requeue_request(rq, false);
	}
}

/* Let a zoned device finish what cannot be repeated, if it does so soon. */
static void drain_and_quiesce(struct request_queue *q)
{
	unsigned int memflags = memalloc_noio_save();

	blk_freeze_queue_start(q);
	blk_mq_freeze_queue_wait_timeout(q, DRAIN_TIMEOUT);
	blk_mq_quiesce_queue(q);
	blk_mq_unfreeze_queue(q, memflags);
}

static void stop(struct parley_blk *blk, bool fail)
{
	unsigned int i;

	lockdep_assert_held(&blk->stop_lock);
	if (blk->stopped)
		return;
	if (blk->zone_sectors && !fail)
		drain_and_quiesce(blk->disk->queue);
	else
		blk_mq_quiesce_queue(blk->disk->queue);
	/* An error means that the device is gone: its memory is ours anyway. */
	parley_device_quiesce(blk->pd);
	for (i = 0; i < blk->nr_queues; i++)
		cancel_queue(&blk->queues[i], fail);
	parley_blk_forget_queues(blk);
	blk->stopped = true;
}

static void let_go(struct parley_blk *blk)
{
	lockdep_assert_held(&blk->stop_lock);
	blk->stopped = false;
	blk_mq_unquiesce_queue(blk->disk->queue);
	blk_mq_kick_requeue_list(blk->disk->queue);
}

static int start(struct parley_blk *blk)
{
	int err;

	lockdep_assert_held(&blk->stop_lock);
	err = parley_blk_make_queues(blk);
	if (err)
		return err;
	WRITE_ONCE(blk->forgotten, false);
	parley_device_ready(blk->pd);
	let_go(blk);
	return 0;
}

/**
 * parley_blk_give_up() - fail everything, now and later
 * @blk: disk
 *
 * What is in flight ends with an error; so does whatever is submitted after,
 * because there is no queue.
 *
 * Context: may sleep; under the stop lock.
 */
void parley_blk_give_up(struct parley_blk *blk)
{
	lockdep_assert_held(&blk->stop_lock);
	stop(blk, true);
	let_go(blk);
}

/* Bring a device back whose queue broke; the device lock is held. */
static void start_anew(struct parley_blk *blk)
{
	struct parley_device *pd = blk->pd;
	int err;

	device_lock_assert(&pd->dev);
	parley_device_drop_queues(pd);
	err = parley_device_recover(pd);
	if (!err)
		err = start(blk);
	if (!err) {
		dev_info(&pd->dev, "%s: started anew\n", blk->disk->disk_name);
		return;
	}
	dev_err(&pd->dev, "%s: device cannot be started anew (%d), all requests fail: unbind and bind it\n",
		blk->disk->disk_name, err);
	let_go(blk);
}

/* Is there a queue that serves no requests?  Under the stop lock. */
static bool any_broken(struct parley_blk *blk)
{
	unsigned int i;

	for (i = 0; i < blk->nr_queues; i++) {
		struct parley_queue *q =
			rcu_dereference_raw(blk->queues[i].q);

		if (!q || parley_drvq_broken(q->vq))
			return true;
	}
	return READ_ONCE(blk->forgotten);
}

/*
 * Nobody may wait for the device lock here: its holder may be waiting, in
 * probe() or remove(), for the very requests that are failed here.
 */
void parley_blk_fault_work(struct work_struct *work)
{
	struct parley_blk *blk = container_of(to_delayed_work(work),
					      struct parley_blk, fault_work);
	struct parley_device *pd = blk->pd;

	guard(mutex)(&blk->stop_lock);
	/* A suspend and resume may have been faster. */
	if (!any_broken(blk))
		return;
	/* A device that was reset has dropped its requests: they can be kept. */
	stop(blk, !READ_ONCE(blk->forgotten));
	if (!blk->restartable || parley_device_gone(pd)) {
		let_go(blk);
	} else if (device_trylock(&pd->dev)) {
		start_anew(blk);
		device_unlock(&pd->dev);
	} else {
		queue_delayed_work(system_wq, &blk->fault_work, RETRY_DELAY);
	}
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
	struct parley_blk *blk = bq->blk;
	struct parley_device *pd = blk->pd;

	parley_blk_reap(bq, NULL);
	if (blk_mq_request_completed(rq)) {
		dev_warn_ratelimited(&pd->dev,
				     "queue %u: request was complete but its interrupt is missing\n",
				     rq->mq_hctx->queue_num);
		return BLK_EH_DONE;
	}
	/* If it is gone, the model breaks the queues: parley_blk_fault() follows. */
	if (!parley_device_alive(pd))
		return BLK_EH_RESET_TIMER;
	if (!parley_device_forgot(pd)) {
		dev_warn_ratelimited(&pd->dev,
				     "queue %u: request (tag %d, operation %d) takes longer than %u s, still waiting; if the host is well, reset the device\n",
				     rq->mq_hctx->queue_num, rq->tag,
				     req_op(rq), rq->timeout / HZ);
	} else {
		dev_err(&pd->dev, "queue %u: device has lost its state, starting it anew\n",
			rq->mq_hctx->queue_num);
		WRITE_ONCE(blk->forgotten, true);
		parley_blk_fault(blk);
	}
	return BLK_EH_RESET_TIMER;
}

int parley_blk_freeze(struct parley_device *pd)
{
	struct parley_blk *blk = pd->priv;

	guard(mutex)(&blk->stop_lock);
	stop(blk, false);
	return 0;
}

/**
 * parley_blk_allow_restart() - probe is through
 * @blk: disk
 *
 * From now on nobody who holds the device lock waits for a request.
 */
void parley_blk_allow_restart(struct parley_blk *blk)
{
	guard(mutex)(&blk->stop_lock);
	blk->restartable = true;
	if (any_broken(blk))
		parley_blk_fault(blk);
}

int parley_blk_restore(struct parley_device *pd)
{
	struct parley_blk *blk = pd->priv;

	guard(mutex)(&blk->stop_lock);
	return start(blk);
}
