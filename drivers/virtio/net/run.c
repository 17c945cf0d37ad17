// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who polls, and when.
 *
 * A pair has one NAPI for both of its queues.  It is enabled while the interface is up
 * and the device not held, and owns the queues then; otherwise they are the model's.
 * The interface goes up and down under RTNL, the model stops and starts the device
 * under its own lock: they meet in parley_net.lock, under which both say what they
 * want (@up, @held), and what follows from it is done.
 *
 * The NAPI of a pair that is not used any more goes on until the interface is down,
 * for the sake of what it has sent.
 *
 * A recovery may stop and start the device until parley_device_close() has returned, also
 * when the interface is unregistered already: what start() does to it has to be nothing
 * then that somebody would have to wait for (see parley_net_uninit()).
 */
#include <linux/rtnetlink.h>
#include "net.h"

/**
 * parley_net_interrupt() - interrupt() of both queues of a pair
 * @queue: one of them
 *
 * Context: hard interrupt.
 */
void parley_net_interrupt(struct parley_queue *queue)
{
	struct parley_net_pair *pair = queue->priv;

	napi_schedule(&pair->napi);
}

/**
 * parley_net_refill() - there was no memory for buffers: try again
 * @timer: of the pair
 *
 * Context: softirq.
 */
void parley_net_refill(struct timer_list *timer)
{
	struct parley_net_pair *pair = container_of(timer, struct parley_net_pair, refill);

	napi_schedule(&pair->napi);
}

/* Not earlier than nothing is left to do, or the queues interrupt their own NAPI. */
static bool parley_net_arm(struct parley_net_pair *pair)
{
	return parley_queue_arm(pair->rx.queue) && parley_net_tx_arm(pair);
}

/**
 * parley_net_poll() - poll() of a pair's NAPI
 * @napi: of the pair
 * @budget: buffers to receive, at most; 0 by netpoll, which only sends (what was sent is
 *	taken back, see parley_net_tx_poll()), and leaves the interrupts as they are
 *
 * Return: buffers received.
 */
int parley_net_poll(struct napi_struct *napi, int budget)
{
	struct parley_net_pair *pair = container_of(napi, struct parley_net_pair, napi);
	int n;

	parley_net_tx_poll(pair, budget);
	if (unlikely(!budget))
		return 0;
	n = parley_queue_poll(pair->rx.queue, budget, pair);
	if (n < budget)
		parley_net_rx_end(&pair->rx);
	parley_net_xdp_flush(pair);
	parley_net_fill(pair);
	if (n == budget)
		return budget;
	if (!parley_net_arm(pair))
		return budget;
	/* After the next line another processor may poll. */
	parley_net_judge(pair);
	if (!napi_complete_done(napi, n)) {
		parley_queue_disarm(pair->rx.queue);
		parley_queue_disarm(pair->tx.queue);
	}
	return n;
}

static void parley_net_pair_run(struct parley_net_pair *pair)
{
	pair->polled = true;
	napi_enable(&pair->napi);
	/* It fills the ring, and arms. */
	local_bh_disable();
	napi_schedule(&pair->napi);
	local_bh_enable();
}

static void parley_net_pair_rest(struct parley_net_pair *pair)
{
	napi_disable(&pair->napi);
	timer_delete_sync(&pair->refill);
	pair->polled = false;
	/* A packet that is dropped goes back to its pool, whose lock may sleep (PREEMPT_RT). */
	local_bh_disable();
	parley_net_rx_end(&pair->rx);
	local_bh_enable();
}

/* Those that are used begin; those that are polled end, used or not. */
static void parley_net_settle(struct parley_net *net)
{
	const bool run = net->up && !net->held;
	unsigned int i;

	lockdep_assert_held(&net->lock);
	for (i = 0; i < net->nr_pairs; i++) {
		struct parley_net_pair *pair = &net->pairs[i];

		if (run && !pair->polled && i < READ_ONCE(net->used))
			parley_net_pair_run(pair);
		else if (!run && pair->polled)
			parley_net_pair_rest(pair);
	}
}

/**
 * parley_net_set_up() - the interface goes up or down
 * @net: interface
 * @up: which
 *
 * Context: may sleep; under RTNL.
 */
void parley_net_set_up(struct parley_net *net, bool up)
{
	guard(mutex)(&net->lock);
	net->up = up;
	parley_net_settle(net);
	/* Those who send without the stack do not know that it is down. */
	if (!up)
		netif_tx_disable(net->dev);
	/* While the device is held nobody sends; start() lets them. */
	if (up && !net->held)
		netif_tx_start_all_queues(net->dev);
}

/**
 * parley_net_more_pairs() - more pairs may be used than before
 * @net: interface
 *
 * Context: may sleep; under RTNL.
 */
void parley_net_more_pairs(struct parley_net *net)
{
	guard(mutex)(&net->lock);
	parley_net_settle(net);
}

/**
 * parley_net_stop() - stop() of the model
 * @pd: device
 *
 * Nobody sends nor polls when this returns.  The NAPIs end before the transmit queues
 * are stopped for good, because they wake them.
 *
 * Context: may sleep; under the model's lock.
 */
void parley_net_stop(struct parley_device *pd)
{
	struct parley_net *net = pd->priv;

	guard(mutex)(&net->lock);
	net->held = true;
	netif_device_detach(net->dev);
	parley_net_settle(net);
	netif_tx_disable(net->dev);
}

/*
 * After a reset nothing is in flight, and the stack's byte limits begin anew: what was
 * given back was never told to them.  A queue that had no part in a change of another
 * one's size goes on as it is.
 */
static void parley_net_forget(struct parley_net_pair *pair)
{
	struct parley_net_tx *tx = &pair->tx;

	tx->stuck = false;
	if (!parley_device_gone(pair->net->pd) &&
	    parley_drvq_free(tx->queue->vq) < parley_drvq_size(tx->queue->vq))
		return;
	tx->done_packets = 0;
	tx->done_bytes = 0;
	netdev_tx_reset_queue(parley_net_txq(pair));
}

/**
 * parley_net_start() - start() of the model
 * @pd: device
 *
 * Also for a device that is gone: then what is sent is dropped.
 *
 * Context: may sleep; under the model's lock.
 */
void parley_net_start(struct parley_device *pd)
{
	struct parley_net *net = pd->priv;
	unsigned int i;

	guard(mutex)(&net->lock);
	net->held = false;
	for (i = 0; i < net->nr_pairs; i++)
		parley_net_forget(&net->pairs[i]);
	if (parley_device_gone(pd))
		netif_carrier_off(net->dev);
	parley_net_settle(net);
	netif_device_attach(net->dev);
	/* It was registered meanwhile, and so is attached without this. */
	if (net->up)
		netif_tx_wake_all_queues(net->dev);
	/* What asked meanwhile was told to come again. */
	queue_work(system_freezable_wq, &net->rx_mode);
}

/**
 * parley_net_tx_timeout() - the stack's timer of a transmit queue ran out
 * @dev: interface
 * @txqueue: queue
 *
 * Context: softirq.
 */
void parley_net_tx_timeout(struct net_device *dev, unsigned int txqueue)
{
	struct parley_net *net = netdev_priv(dev);

	queue_work(system_freezable_wq, &net->timeout);
}

/*
 * A queue of which nothing was taken since the last time-out, although the device was
 * kicked again and says that it is well, will not move by itself: begin anew.  One that is
 * not used any more the device need not look at.
 */
static void parley_net_look_after(struct parley_net_pair *pair)
{
	const unsigned int completed = READ_ONCE(pair->tx.completed);
	struct net_device *dev = pair->net->dev;
	struct parley_net_tx *tx = &pair->tx;

	if (!pair->polled || pair->index >= READ_ONCE(pair->net->used) ||
	    !netif_xmit_stopped(parley_net_txq(pair))) {
		tx->stuck = false;
		return;
	}
	if (tx->stuck && tx->seen == completed) {
		netdev_err(dev, "transmit queue %u: the device takes nothing, starting it anew\n",
			   pair->index);
		parley_drvq_break(tx->queue->vq, "nothing is sent");
		return;
	}
	netdev_warn(dev, "transmit queue %u: nothing was sent for %u s, looking and kicking again\n",
		    pair->index, dev->watchdog_timeo / HZ);
	tx->stuck = true;
	tx->seen = completed;
	parley_drvq_kick(tx->queue->vq);
	local_bh_disable();
	napi_schedule(&pair->napi);
	local_bh_enable();
}

/**
 * parley_net_timeout_work() - look after the queues that do not move
 * @work: parley_net.timeout
 *
 * Context: may sleep.
 */
void parley_net_timeout_work(struct work_struct *work)
{
	struct parley_net *net = container_of(work, struct parley_net, timeout);
	unsigned int i;

	/* If it is not well, it is brought back or given up. */
	if (!parley_device_check(net->pd))
		return;
	guard(mutex)(&net->lock);
	for (i = 0; i < net->nr_pairs; i++)
		parley_net_look_after(&net->pairs[i]);
}
