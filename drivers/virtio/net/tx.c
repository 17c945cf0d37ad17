// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: packets become buffers.
 *
 * All of this runs under the lock of the stack's transmit queue: the stack holds it
 * when it sends, and the NAPI takes it to reap.  So a queue that is stopped because its
 * ring is full and one that is woken because it is not cannot miss each other, and
 * need no barrier.
 *
 * A packet's header lies right before its linear part where there is room, which
 * makes the two one segment; otherwise it is in the packet's slot.
 */
#include <linux/io.h>
#include "net.h"

/**
 * parley_net_make_slots() - memory for packets that the device has
 * @tx: transmit queue, which has its ring
 *
 * Return: 0 or -ENOMEM.
 */
int parley_net_make_slots(struct parley_net_tx *tx)
{
	unsigned int i, nr = parley_drvq_size_max(tx->queue->vq);

	/* The device reads headers there: not from vmalloc(). */
	tx->slots = kcalloc(nr, sizeof(*tx->slots), GFP_KERNEL);
	if (!tx->slots)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		tx->slots[i].next = tx->free;
		tx->free = &tx->slots[i];
	}
	return 0;
}

static struct parley_net_slot *parley_net_slot_get(struct parley_net_tx *tx)
{
	struct parley_net_slot *slot = tx->free;

	if (likely(slot))
		tx->free = slot->next;
	return slot;
}

static void parley_net_slot_put(struct parley_net_tx *tx, struct parley_net_slot *slot)
{
	slot->next = tx->free;
	tx->free = slot;
}

/* Is there room for the header before the packet, of the packet's own? */
static bool parley_net_has_room(const struct sk_buff *skb, unsigned int hdr_len)
{
	return skb_headlen(skb) && skb_headroom(skb) >= hdr_len &&
	       !skb_header_cloned(skb) &&
	       IS_ALIGNED((unsigned long)skb->data - hdr_len,
			  __alignof__(struct virtio_net_hdr_v1));
}

/* Header and linear part: segments that this takes. */
static unsigned int parley_net_describe_head(struct parley_net_tx *tx, struct sk_buff *skb,
					     void *hdr, unsigned int hdr_len)
{
	struct parley_seg *segs = tx->segs;

	segs[0] = (struct parley_seg) { virt_to_phys(hdr), hdr_len };
	if (hdr + hdr_len == skb->data) {
		segs[0].len += skb_headlen(skb);
		return 1;
	}
	if (!skb_headlen(skb))
		return 1;
	segs[1] = (struct parley_seg) { virt_to_phys(skb->data), skb_headlen(skb) };
	return 2;
}

static unsigned int parley_net_describe_frags(struct parley_net_tx *tx,
					      const struct skb_shared_info *info,
					      unsigned int n)
{
	unsigned int i;

	for (i = 0; i < info->nr_frags; i++) {
		const skb_frag_t *frag = &info->frags[i];

		if (unlikely(!skb_frag_size(frag)))
			continue;
		tx->segs[n++] = (struct parley_seg) {
			page_to_phys(skb_frag_page(frag)) + skb_frag_off(frag),
			skb_frag_size(frag),
		};
	}
	return n;
}

static int parley_net_put_skb(struct parley_net_tx *tx, struct sk_buff *skb,
			      struct parley_net_slot *slot)
{
	struct parley_buf buf = { .segs = tx->segs, .cookie = slot };
	const unsigned int hdr_len = tx->hdr_len;
	void *hdr = &slot->hdr;
	int err;

	if (parley_net_has_room(skb, hdr_len))
		hdr = skb->data - hdr_len;
	err = parley_net_hdr_make(skb, hdr, hdr_len);
	if (err)
		return err;
	slot->skb = skb;
	slot->is_frame = false;
	buf.n_out = parley_net_describe_head(tx, skb, hdr, hdr_len);
	buf.n_out = parley_net_describe_frags(tx, skb_shinfo(skb), buf.n_out);
	err = parley_drvq_put(tx->queue->vq, &buf, 1, GFP_ATOMIC | __GFP_NOWARN);
	return err < 0 ? err : 0;
}

/* Put a packet; if that fails, the packet is the caller's still, and its slot is free. */
static int parley_net_tx_put(struct parley_net_tx *tx, struct sk_buff *skb)
{
	struct parley_net_slot *slot = parley_net_slot_get(tx);
	int err;

	if (unlikely(!slot))
		return -ENOSPC;
	err = parley_net_put_skb(tx, skb, slot);
	if (unlikely(err))
		parley_net_slot_put(tx, slot);
	return err;
}

static void parley_net_tx_publish(struct parley_net_tx *tx)
{
	if (parley_drvq_publish(tx->queue->vq))
		parley_drvq_kick(tx->queue->vq);
}

/* There may be no room for one more packet: the NAPI wakes it. */
static void parley_net_tx_full(struct parley_net_tx *tx, struct netdev_queue *txq)
{
	if (likely(parley_drvq_free(tx->queue->vq) >= tx->need))
		return;
	netif_tx_stop_queue(txq);
	parley_net_count(&tx->stats.sync, &tx->stats.stops);
}

static void parley_net_tx_count(struct parley_net_tx *tx, unsigned int len, bool xdp)
{
	u64_stats_update_begin(&tx->stats.sync);
	u64_stats_inc(&tx->stats.packets);
	u64_stats_add(&tx->stats.bytes, len);
	if (xdp)
		u64_stats_inc(&tx->stats.xdp_packets);
	u64_stats_update_end(&tx->stats.sync);
}

/**
 * parley_net_xmit() - send a packet
 * @skb: packet
 * @dev: interface
 *
 * A packet that cannot be put is dropped.  The queue is stopped before its ring is full, so
 * that it is rarely for want of room: after the queue was woken with the ring as full as it
 * was, by an interface that came up or another queue's new ring.  Then it is stopped again.
 *
 * Context: the stack's, under the lock of the transmit queue.
 * Return: NETDEV_TX_OK.
 */
netdev_tx_t parley_net_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct parley_net *net = netdev_priv(dev);
	struct parley_net_pair *pair = &net->pairs[skb_get_queue_mapping(skb)];
	struct netdev_queue *txq = parley_net_txq(pair);
	struct parley_net_tx *tx = &pair->tx;
	const bool more = netdev_xmit_more();
	const unsigned int len = skb->len;
	bool publish;

	skb_tx_timestamp(skb);
	if (unlikely(parley_net_tx_put(tx, skb))) {
		parley_net_count(&tx->stats.sync, &tx->stats.dropped);
		parley_net_tx_full(tx, txq);
		dev_kfree_skb_any(skb);
		/* Those before it may have waited for this one. */
		publish = !more;
	} else {
		parley_net_tx_count(tx, len, false);
		parley_net_tx_full(tx, txq);
		/* It may be done as soon as it is published. */
		publish = __netdev_tx_sent_queue(txq, len, more);
	}
	if (publish)
		parley_net_tx_publish(tx);
	return NETDEV_TX_OK;
}

static int parley_net_put_frame(struct parley_net_tx *tx, struct xdp_frame *frame,
				struct parley_net_slot *slot)
{
	struct parley_buf buf = { .segs = tx->segs, .cookie = slot, .n_out = 1 };
	const unsigned int hdr_len = tx->hdr_len;
	void *hdr = &slot->hdr;
	int err;

	slot->frame = frame;
	slot->is_frame = true;
	if (frame->headroom >= hdr_len)
		hdr = frame->data - hdr_len;
	memset(hdr, 0, hdr_len);
	tx->segs[0] = (struct parley_seg) { virt_to_phys(hdr), hdr_len };
	if (hdr == &slot->hdr)
		tx->segs[buf.n_out++] = (struct parley_seg) { virt_to_phys(frame->data),
							      frame->len };
	else
		tx->segs[0].len += frame->len;
	if (xdp_frame_has_frags(frame))
		buf.n_out = parley_net_describe_frags(tx,
						      xdp_get_shared_info_from_frame(frame),
						      buf.n_out);
	err = parley_drvq_put(tx->queue->vq, &buf, 1, GFP_ATOMIC | __GFP_NOWARN);
	return err < 0 ? err : 0;
}

static bool parley_net_tx_frame(struct parley_net_tx *tx, struct xdp_frame *frame)
{
	struct parley_net_slot *slot = parley_net_slot_get(tx);

	if (unlikely(!slot))
		return false;
	if (unlikely(parley_net_put_frame(tx, frame, slot))) {
		parley_net_slot_put(tx, slot);
		return false;
	}
	tx->frames++;
	parley_net_tx_count(tx, xdp_get_frame_len(frame), true);
	return true;
}

/**
 * parley_net_tx_frames() - send packets that no stack sends
 * @pair: pair whose transmit queue it shall be, shared with the stack
 * @frames: the packets
 * @nr: how many
 * @publish: no more will come soon
 *
 * They leave the stack's byte limits alone: nobody who sends them waits for these.
 *
 * Context: softirq.
 * Return: how many were taken, the first ones; the others are the caller's still.
 */
int parley_net_tx_frames(struct parley_net_pair *pair, struct xdp_frame **frames, int nr,
			 bool publish)
{
	struct netdev_queue *txq = parley_net_txq(pair);
	struct parley_net_tx *tx = &pair->tx;
	int n = 0;

	__netif_tx_lock(txq, smp_processor_id());
	/* Full; or not ours, for the interface is down or the device held. */
	if (netif_tx_queue_stopped(txq))
		goto unlock;
	/* Else the stack's timer would see a queue that has not moved for long. */
	txq_trans_cond_update(txq);
	while (n < nr && parley_net_tx_frame(tx, frames[n]))
		n++;
	parley_net_tx_full(tx, txq);
	/* If it is full nobody comes back to publish. */
	if (publish || netif_tx_queue_stopped(txq))
		parley_net_tx_publish(tx);
unlock:
	if (unlikely(n < nr)) {
		u64_stats_update_begin(&tx->stats.sync);
		u64_stats_add(&tx->stats.xdp_dropped, nr - n);
		u64_stats_update_end(&tx->stats.sync);
	}
	__netif_tx_unlock(txq);
	return n;
}

static void parley_net_frame_done(struct parley_net_tx *tx, struct xdp_frame *frame)
{
	tx->frames--;
	xdp_return_frame(frame);
}

/* @budget: of the NAPI, or NULL. */
static void parley_net_tx_done(struct parley_net_tx *tx, struct sk_buff *skb,
			       const int *budget)
{
	tx->done_packets++;
	tx->done_bytes += skb->len;
	if (likely(budget))
		napi_consume_skb(skb, *budget);
	else
		dev_consume_skb_any(skb);
}

/**
 * parley_net_tx_complete() - complete() of a transmit queue
 * @queue: the queue
 * @done: packets that the device is done with
 * @nr: how many
 * @ctx: the budget of the NAPI that polls, by address; NULL in a recovery
 */
void parley_net_tx_complete(struct parley_queue *queue, const struct parley_done *done,
			    unsigned int nr, void *ctx)
{
	struct parley_net_pair *pair = queue->priv;
	struct parley_net_tx *tx = &pair->tx;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct parley_net_slot *slot = done[i].cookie;

		if (slot->is_frame)
			parley_net_frame_done(tx, slot->frame);
		else
			parley_net_tx_done(tx, slot->skb, ctx);
		parley_net_slot_put(tx, slot);
	}
	WRITE_ONCE(tx->completed, tx->completed + nr);
}

/*
 * give_back(): sent or not, nobody knows.  Those above repeat what matters to them, so
 * that nothing is gained by sending it after a reset, late.
 */
void parley_net_tx_give_back(struct parley_queue *queue, void *cookie,
			     enum parley_fate fate)
{
	struct parley_net_pair *pair = queue->priv;
	struct parley_net_tx *tx = &pair->tx;
	struct parley_net_slot *slot = cookie;

	if (slot->is_frame)
		parley_net_frame_done(tx, slot->frame);
	else
		dev_kfree_skb_any(slot->skb);
	parley_net_slot_put(tx, slot);
	guard(preempt)();
	parley_net_count(&tx->stats.sync, &tx->stats.lost);
}

/**
 * parley_net_tx_poll() - take back what was sent
 * @pair: pair, whose NAPI this is
 * @budget: of the NAPI; 0 by netpoll, which may have interrupted whoever holds the lock of
 *	a page pool: then no packet may go back to one, so that nothing is taken back while
 *	there is such a packet in the ring
 */
void parley_net_tx_poll(struct parley_net_pair *pair, int budget)
{
	struct netdev_queue *txq = parley_net_txq(pair);
	struct parley_net_tx *tx = &pair->tx;

	__netif_tx_lock(txq, smp_processor_id());
	if (unlikely(!budget && tx->frames)) {
		__netif_tx_unlock(txq);
		return;
	}
	/* Not more than the ring holds: nothing is put meanwhile. */
	parley_queue_poll(tx->queue, UINT_MAX, &budget);
	netdev_tx_completed_queue(txq, tx->done_packets, tx->done_bytes);
	tx->done_packets = 0;
	tx->done_bytes = 0;
	if (netif_tx_queue_stopped(txq) && parley_drvq_free(tx->queue->vq) >= tx->need)
		netif_tx_wake_queue(txq);
	__netif_tx_unlock(txq);
}

/**
 * parley_net_tx_arm() - be told when more was sent
 * @pair: pair, whose NAPI this is
 *
 * Return: false if that is so already: no interrupt will tell.
 */
bool parley_net_tx_arm(struct parley_net_pair *pair)
{
	struct netdev_queue *txq = parley_net_txq(pair);
	bool armed;

	__netif_tx_lock(txq, smp_processor_id());
	armed = parley_queue_arm(pair->tx.queue);
	__netif_tx_unlock(txq);
	return armed;
}
