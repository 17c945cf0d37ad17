// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: buffers become packets.
 *
 * A packet begins with its header, in its first buffer (spec 5.1.6.4).  The header is
 * copied once; all that is decided of it is decided of the copy.  The beginning of the
 * packet is copied, too, into the memory of the skb, and where its headers end is
 * found out there: what the device may still be writing to is payload, and payload
 * only.  The rest stays where it is, as fragments.
 *
 * The buffers of a mergeable packet are made visible at once by a device that keeps
 * the rules (5.1.6.4.1).  So a packet whose last buffer is not there when the ring is
 * empty has lost one, and is dropped; the next buffer begins a packet.
 */
#include <linux/etherdevice.h>
#include <net/page_pool/helpers.h>
#include "net.h"

/**
 * parley_net_rx_drop() - what came of a packet is dropped
 * @rx: receive queue
 */
void parley_net_rx_drop(struct parley_net_rx *rx)
{
	kfree_skb(rx->head);
	rx->head = NULL;
	rx->tail = NULL;
	if (parley_net_xdp_has(rx))
		parley_net_xdp_drop(rx);
}

/**
 * parley_net_rx_end() - no more of this packet will come
 * @rx: receive queue, whose ring is empty or which is stopped
 */
void parley_net_rx_end(struct parley_net_rx *rx)
{
	if (likely(!rx->missing))
		return;
	parley_net_count(&rx->stats.sync, &rx->stats.lost);
	parley_net_rx_drop(rx);
	rx->missing = 0;
}

/* What the device wrote is to be seen; the core has done that where it maps. */
static void parley_net_rx_sync(const struct parley_net_rx *rx, void *buf, u32 len)
{
	if (rx->mapped)
		parley_mem_sync_for_cpu(parley_drvq_mem(rx->queue->vq),
					parley_net_addr(rx, buf), len, true);
}

/**
 * parley_net_hand_over() - the stack gets a packet
 * @pair: where it came
 * @skb: it, whole and checked
 */
void parley_net_hand_over(struct parley_net_pair *pair, struct sk_buff *skb)
{
	/* The stack warns of a queue that it does not know, which the device may still use. */
	if (likely(pair->index < READ_ONCE(pair->net->dev->real_num_rx_queues)))
		skb_record_rx_queue(skb, pair->index);
	parley_net_hash(pair->net, skb, &pair->rx.hash_hdr);
	skb->protocol = eth_type_trans(skb, pair->net->dev);
	napi_gro_receive(&pair->napi, skb);
}

/* Whole packet, checked as far as it goes. */
static void parley_net_deliver(struct parley_net_pair *pair)
{
	const u64 features = parley_net_feature_bits(pair->net);
	struct parley_net_rx *rx = &pair->rx;
	struct sk_buff *skb = rx->head;
	unsigned int len = skb->len;

	ewma_parley_net_len_add(&rx->len, len);
	if (unlikely(parley_net_hdr_apply(skb, &rx->hdr, features))) {
		parley_net_count(&rx->stats.sync, &rx->stats.bad_header);
		parley_net_rx_drop(rx);
		return;
	}
	rx->head = NULL;
	rx->tail = NULL;
	u64_stats_update_begin(&rx->stats.sync);
	u64_stats_inc(&rx->stats.packets);
	u64_stats_add(&rx->stats.bytes, len);
	u64_stats_update_end(&rx->stats.sync);
	parley_net_hand_over(pair, skb);
}

/* A piece of the packet, of @truesize bytes of a page, that the packet owns now. */
static void parley_net_add_frag(struct parley_net_rx *rx, void *data, u32 len,
				u32 truesize)
{
	struct sk_buff *skb = rx->tail;

	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, virt_to_head_page(data),
			offset_in_page(data), len, truesize);
	if (skb == rx->head)
		return;
	/* The head counts what hangs on its list. */
	rx->head->len += len;
	rx->head->data_len += len;
	rx->head->truesize += truesize;
}

/* The head is full of fragments: the next ones go into a packet in its list. */
static bool parley_net_add_tail(struct parley_net_pair *pair)
{
	struct parley_net_rx *rx = &pair->rx;
	struct sk_buff *skb = napi_alloc_skb(&pair->napi, 0);

	if (!skb)
		return false;
	skb_mark_for_recycle(skb);
	if (rx->tail == rx->head)
		skb_shinfo(rx->head)->frag_list = skb;
	else
		rx->tail->next = skb;
	rx->head->truesize += skb->truesize;
	rx->tail = skb;
	return true;
}

/* A buffer that continues a packet. */
static void parley_net_rx_more(struct parley_net_pair *pair, void *buf, u32 len, u32 size)
{
	struct parley_net_rx *rx = &pair->rx;
	const bool xdp = parley_net_xdp_has(rx);

	if (unlikely(!rx->head && !xdp))
		goto put;
	/* An empty one is no reason to stop, and no fragment either. */
	if (unlikely(!len))
		goto put;
	rx->got += len;
	if (unlikely(rx->got > PARLEY_NET_LEN_MAX)) {
		parley_net_count(&rx->stats.sync, &rx->stats.too_long);
		goto drop;
	}
	parley_net_rx_sync(rx, buf, len);
	if (xdp) {
		if (likely(parley_net_xdp_add(rx, buf, len)))
			goto put;
		goto drop;
	}
	if (skb_shinfo(rx->tail)->nr_frags == MAX_SKB_FRAGS && !parley_net_add_tail(pair)) {
		parley_net_count(&rx->stats.sync, &rx->stats.no_memory);
		goto drop;
	}
	parley_net_add_frag(rx, buf, len, size);
	return;
drop:
	parley_net_rx_drop(rx);
put:
	parley_net_put_buffer(rx, buf, true);
}

/*
 * The packet's first @len bytes, of a buffer of @size: the headers are copied, the rest
 * is a fragment; a short packet is copied whole.  The caller keeps what this does not
 * take: it says whether the packet owns the buffer.
 */
static bool parley_net_rx_begin(struct parley_net_pair *pair, void *data, u32 len,
				u32 size)
{
	struct parley_net_rx *rx = &pair->rx;
	u32 head = min_t(u32, len, PARLEY_NET_HEAD);
	struct sk_buff *skb;

	rx->got = len;
	if (rcu_access_pointer(pair->net->prog)) {
		if (parley_net_xdp_begin(pair) && !parley_net_xdp_add(rx, data, len))
			parley_net_rx_drop(rx);
		return false;
	}
	skb = napi_alloc_skb(&pair->napi, PARLEY_NET_COPY);
	if (unlikely(!skb)) {
		parley_net_count(&rx->stats.sync, &rx->stats.no_memory);
		return false;
	}
	rx->head = skb;
	rx->tail = skb;
	if (!rx->missing && len <= PARLEY_NET_COPY) {
		skb_put_data(skb, data, len);
		return false;
	}
	skb_mark_for_recycle(skb);
	memcpy(skb->data, data, head);
	head = min(head, eth_get_headlen(pair->net->dev, skb->data, head));
	skb_put(skb, head);
	if (head == len)
		return false;
	parley_net_add_frag(rx, data + head, len - head, size);
	return true;
}

/* How many buffers more the packet has, or less than 0 for a lie. */
static int parley_net_rx_count(const struct parley_net_pair *pair)
{
	const struct parley_net_rx *rx = &pair->rx;
	unsigned int nr;

	if (!pair->net->mergeable)
		return 0;
	nr = vr16_to_cpu(rx->hdr.num_buffers);
	return nr && nr <= parley_drvq_size(rx->queue->vq) ? nr - 1 : -EINVAL;
}

/* A buffer that begins a packet.  @more: of it there are so many pieces more, at least. */
static void parley_net_rx_first(struct parley_net_pair *pair, void *buf, u32 len, u32 size,
				unsigned int more)
{
	const unsigned int hdr_len = pair->net->hdr_len;
	struct parley_net_rx *rx = &pair->rx;
	int missing;

	if (unlikely(len < hdr_len + ETH_HLEN)) {
		parley_net_count(&rx->stats.sync, &rx->stats.runts);
		goto put;
	}
	parley_net_rx_sync(rx, buf, len);
	memcpy(&rx->hash_hdr, buf, hdr_len);
	missing = parley_net_rx_count(pair);
	if (unlikely(missing < 0)) {
		parley_net_count(&rx->stats.sync, &rx->stats.bad_header);
		goto put;
	}
	rx->missing = missing + more;
	if (parley_net_rx_begin(pair, buf + hdr_len, len - hdr_len, size))
		return;
put:
	parley_net_put_buffer(rx, buf, true);
}

/* A piece, which is a buffer or a page of one. */
static void parley_net_rx_piece(struct parley_net_pair *pair, void *buf, u32 len, u32 size,
				unsigned int more)
{
	struct parley_net_rx *rx = &pair->rx;

	if (rx->missing) {
		rx->missing--;
		parley_net_rx_more(pair, buf, len, size);
	} else {
		parley_net_rx_first(pair, buf, len, size, more);
	}
	if (rx->missing)
		return;
	if (rx->head)
		parley_net_deliver(pair);
	else if (parley_net_xdp_has(rx))
		parley_net_xdp_run(pair);
}

/* A buffer of several pages, of which the packet takes the first ones. */
static void parley_net_rx_big(struct parley_net_pair *pair, const struct parley_done *done)
{
	unsigned int i, used = max(1u, DIV_ROUND_UP(done->len, (u32)PAGE_SIZE));
	u32 left = done->len;

	for (i = 0; i < used; i++) {
		u32 len = min_t(u32, left, PAGE_SIZE);

		left -= len;
		parley_net_rx_piece(pair, parley_net_big_page(done->cookie, i), len,
				    PAGE_SIZE, used - 1);
	}
	parley_net_put_big(&pair->rx, done->cookie, used, true);
}

/**
 * parley_net_rx_complete() - complete() of a receive queue
 * @queue: the queue
 * @done: buffers that the device wrote
 * @nr: how many
 * @ctx: the pair, if its NAPI polls; NULL in a recovery, where nobody may take a
 *	packet: it is dropped, as any network may
 */
void parley_net_rx_complete(struct parley_queue *queue, const struct parley_done *done,
			    unsigned int nr, void *ctx)
{
	struct parley_net_pair *pair = queue->priv;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (unlikely(!ctx))
			parley_net_rx_give_back(queue, done[i].cookie, PARLEY_FAIL);
		else if (pair->net->rx_pages > 1)
			parley_net_rx_big(pair, &done[i]);
		else
			parley_net_rx_piece(pair, done[i].cookie, done[i].len,
					    done[i].len_in, 0);
	}
}
