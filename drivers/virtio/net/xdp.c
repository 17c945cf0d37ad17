// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP: a program sees packets before the stack does, and says what becomes of them.
 *
 * What it sees is a copy, in pages that the device never reaches: with room before and
 * behind the packet, and with the kernel's own list of fragments there.  So a program
 * judges what the stack will get, whatever the device does meanwhile; and the buffers in
 * the ring are the same with and without a program, which comes and goes by one pointer:
 * no queue stops for it, and none can be found stopped after it.  A packet is in one
 * piece up to PARLEY_NET_XDP_LINEAR bytes, more than any of the usual MTU, from however
 * many buffers it came in; what is left of a longer one is in further pages.
 *
 * All of its pages are of one pool, that of its rxq: who gets the packet may give them
 * back in bulk, and before 6.14 that does not look whose each of them is.  A page that
 * the device can write would come to be one of those that it never reaches.
 *
 * The device is told to hand over finished packets only, because a program would not
 * keep up what a header says of them.  Those under way meanwhile are dropped.
 */
#include <linux/bpf_trace.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <net/page_pool/helpers.h>
#include "net.h"

/* Pages that a queue keeps for packets to come. */
#define POOL_PAGES	256

/**
 * parley_net_xdp_make() - be ready for a program
 * @pair: pair, with its pool of buffers
 *
 * Return: 0 or an error.
 */
int parley_net_xdp_make(struct parley_net_pair *pair)
{
	struct parley_net_xdp *xdp = &pair->rx.xdp;
	struct net_device *dev = pair->net->dev;
	struct page_pool_params params = {
		.pool_size = POOL_PAGES,
		.nid = dev_to_node(parley_dma_dev(pair->net->pd)),
		.dev = parley_dma_dev(pair->net->pd),
		.napi = &pair->napi,
		.netdev = dev,
	};
	struct page_pool *pool = page_pool_create(&params);
	int err;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	xdp->pool = pool;
	err = xdp_rxq_info_reg(&xdp->rxq, dev, pair->index, pair->napi.napi_id);
	return err ? err : xdp_rxq_info_reg_mem_model(&xdp->rxq, MEM_TYPE_PAGE_POOL, pool);
}

/**
 * parley_net_xdp_free() - the mirror of parley_net_xdp_make()
 * @pair: pair, for which that may have failed
 */
void parley_net_xdp_free(struct parley_net_pair *pair)
{
	struct parley_net_xdp *xdp = &pair->rx.xdp;

	if (xdp_rxq_info_is_reg(&xdp->rxq))
		xdp_rxq_info_unreg(&xdp->rxq);
	if (xdp->pool)
		page_pool_destroy(xdp->pool);
}

/* ---------------------------------------------------- a packet, put together */

/**
 * parley_net_xdp_begin() - a packet begins that a program is to see
 * @pair: pair, whose NAPI this is
 *
 * Return: false without memory, which is counted.
 */
bool parley_net_xdp_begin(struct parley_net_pair *pair)
{
	struct parley_net_rx *rx = &pair->rx;
	struct page *page = page_pool_dev_alloc_pages(rx->xdp.pool);

	if (unlikely(!page)) {
		parley_net_count(&rx->stats.sync, &rx->stats.no_memory);
		return false;
	}
	rx->xdp.truesize = 0;
	xdp_init_buff(&rx->xdp.buff, PAGE_SIZE, &rx->xdp.rxq);
	xdp_prepare_buff(&rx->xdp.buff, page_address(page), XDP_PACKET_HEADROOM, 0, true);
	return true;
}

/* One more page of a packet; without memory there is none. */
static skb_frag_t *parley_net_xdp_grow(struct parley_net_xdp *xdp)
{
	struct skb_shared_info *info = xdp_get_shared_info_from_buff(&xdp->buff);
	struct page *page = page_pool_dev_alloc_pages(xdp->pool);
	skb_frag_t *frag;

	/* However many buffers the longest packet came in. */
	static_assert(MAX_SKB_FRAGS * PAGE_SIZE >= PARLEY_NET_LEN_MAX);
	if (unlikely(!page))
		return NULL;
	if (!xdp_buff_has_frags(&xdp->buff)) {
		info->nr_frags = 0;
		info->xdp_frags_size = 0;
		xdp_buff_set_frags_flag(&xdp->buff);
	}
	if (unlikely(page_is_pfmemalloc(page)))
		xdp_buff_set_frag_pfmemalloc(&xdp->buff);
	frag = &info->frags[info->nr_frags++];
	skb_frag_fill_page_desc(frag, page, 0, 0);
	xdp->truesize += PAGE_SIZE;
	return frag;
}

/* Its last page, if there is room, or another one. */
static skb_frag_t *parley_net_xdp_last(struct parley_net_xdp *xdp)
{
	struct skb_shared_info *info = xdp_get_shared_info_from_buff(&xdp->buff);

	if (xdp_buff_has_frags(&xdp->buff) &&
	    skb_frag_size(&info->frags[info->nr_frags - 1]) < PAGE_SIZE)
		return &info->frags[info->nr_frags - 1];
	return parley_net_xdp_grow(xdp);
}

/* What does not fit behind its beginning. */
static bool parley_net_xdp_add_frags(struct parley_net_xdp *xdp, const void *data, u32 len)
{
	while (len) {
		skb_frag_t *frag = parley_net_xdp_last(xdp);
		u32 part;

		if (unlikely(!frag))
			return false;
		part = min_t(u32, len, PAGE_SIZE - skb_frag_size(frag));
		memcpy(skb_frag_address(frag) + skb_frag_size(frag), data, part);
		skb_frag_size_add(frag, part);
		xdp_get_shared_info_from_buff(&xdp->buff)->xdp_frags_size += part;
		data += part;
		len -= part;
	}
	return true;
}

/**
 * parley_net_xdp_add() - a piece of a packet that a program is to see
 * @rx: receive queue
 * @data: piece, of which a copy is made
 * @len: bytes of it
 *
 * Return: false without memory, which is counted.
 */
bool parley_net_xdp_add(struct parley_net_rx *rx, const void *data, u32 len)
{
	struct xdp_buff *xdp = &rx->xdp.buff;
	u32 part = 0;

	if (!xdp_buff_has_frags(xdp))
		part = min_t(u32, len, xdp_data_hard_end(xdp) - xdp->data_end);
	memcpy(xdp->data_end, data, part);
	xdp->data_end += part;
	if (likely(part == len) || parley_net_xdp_add_frags(&rx->xdp, data + part, len - part))
		return true;
	parley_net_count(&rx->stats.sync, &rx->stats.no_memory);
	return false;
}

/**
 * parley_net_xdp_drop() - a packet that no program has seen is dropped
 * @rx: receive queue
 */
void parley_net_xdp_drop(struct parley_net_rx *rx)
{
	struct xdp_buff *xdp = &rx->xdp.buff;
	struct skb_shared_info *info = xdp_get_shared_info_from_buff(xdp);
	unsigned int i;

	for (i = 0; xdp_buff_has_frags(xdp) && i < info->nr_frags; i++)
		page_pool_put_full_page(rx->xdp.pool, skb_frag_page(&info->frags[i]), false);
	page_pool_put_full_page(rx->xdp.pool, virt_to_head_page(xdp->data_hard_start), false);
	xdp->data_hard_start = NULL;
}

/* ------------------------------------------------------ what becomes of it */

static void parley_net_xdp_to_skb_frags(struct sk_buff *skb, unsigned int nr, u32 size,
					u32 truesize)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		skb_propagate_pfmemalloc(skb_frag_page(&skb_shinfo(skb)->frags[i]), skb);
	skb_shinfo(skb)->nr_frags = nr;
	skb->len += size;
	skb->data_len += size;
	skb->truesize += truesize;
}

/* The page becomes the packet's memory, and its fragments are where they were. */
static struct sk_buff *parley_net_xdp_to_skb(const struct xdp_buff *xdp, u32 truesize)
{
	const struct skb_shared_info *info = xdp_get_shared_info_from_buff(xdp);
	const unsigned int meta = xdp->data - xdp->data_meta;
	u32 nr = 0, size = 0;
	struct sk_buff *skb;

	if (xdp_buff_has_frags(xdp)) {
		nr = info->nr_frags;
		size = info->xdp_frags_size;
	}
	skb = napi_build_skb(xdp->data_hard_start, xdp->frame_sz);
	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, xdp->data - xdp->data_hard_start);
	skb_put(skb, xdp->data_end - xdp->data);
	if (meta)
		skb_metadata_set(skb, meta);
	parley_net_xdp_to_skb_frags(skb, nr, size, truesize);
	skb_mark_for_recycle(skb);
	return skb;
}

/* Returns false if the packet is the caller's still. */
static bool parley_net_xdp_pass(struct parley_net_pair *pair, struct xdp_buff *xdp)
{
	struct parley_net_rx *rx = &pair->rx;
	struct sk_buff *skb;

	/* It may be all that the program left of it. */
	if (unlikely(xdp->data_end - xdp->data < ETH_HLEN))
		return false;
	skb = parley_net_xdp_to_skb(xdp, rx->xdp.truesize);
	if (unlikely(!skb)) {
		parley_net_count(&rx->stats.sync, &rx->stats.no_memory);
		return false;
	}
	parley_net_hand_over(pair, skb);
	return true;
}

/* Those that go back where they came from, if that pair is in use still. */
static void parley_net_xdp_send_back(struct parley_net_pair *pair)
{
	struct parley_net *net = pair->net;
	struct parley_net_xdp *xdp = &pair->rx.xdp;
	unsigned int i;

	if (!xdp->nr_back)
		return;
	pair = &net->pairs[pair->index % READ_ONCE(net->used)];
	for (i = parley_net_tx_frames(pair, xdp->back, xdp->nr_back, true); i < xdp->nr_back; i++)
		xdp_return_frame_rx_napi(xdp->back[i]);
	xdp->nr_back = 0;
}

static bool parley_net_xdp_back(struct parley_net_pair *pair, struct xdp_buff *buff)
{
	struct parley_net_xdp *xdp = &pair->rx.xdp;
	struct xdp_frame *frame = xdp_convert_buff_to_frame(buff);

	if (unlikely(!frame))
		return false;
	xdp->back[xdp->nr_back++] = frame;
	if (xdp->nr_back == ARRAY_SIZE(xdp->back))
		parley_net_xdp_send_back(pair);
	return true;
}

static bool parley_net_xdp_redirect(struct parley_net_pair *pair, struct xdp_buff *buff,
				    struct bpf_prog *prog)
{
	if (xdp_do_redirect(pair->net->dev, buff, prog))
		return false;
	pair->rx.xdp.redirected = true;
	return true;
}

/* What the program says is done; what cannot be is an error, and the packet is dropped. */
static void parley_net_xdp_obey(struct parley_net_pair *pair, struct xdp_buff *buff,
				struct bpf_prog *prog, u32 act)
{
	struct parley_net_rx_stats *stats = &pair->rx.stats;
	u64_stats_t *count = NULL;
	bool gone = false;

	switch (act) {
	case XDP_PASS:
		gone = parley_net_xdp_pass(pair, buff);
		break;
	case XDP_TX:
		gone = parley_net_xdp_back(pair, buff);
		count = &stats->xdp_tx;
		break;
	case XDP_REDIRECT:
		gone = parley_net_xdp_redirect(pair, buff, prog);
		count = &stats->xdp_redirects;
		break;
	case XDP_DROP:
		xdp_return_buff(buff);
		gone = true;
		count = &stats->xdp_drops;
		break;
	case XDP_ABORTED:
		break;
	default:
		bpf_warn_invalid_xdp_action(pair->net->dev, prog, act);
	}
	if (unlikely(!gone)) {
		if (prog)
			trace_xdp_exception(pair->net->dev, prog, act);
		xdp_return_buff(buff);
		count = &stats->xdp_errors;
	}
	if (count)
		parley_net_count(&stats->sync, count);
}

/* Is it one that a program can see?  The first reason against it is counted. */
static bool parley_net_xdp_may_see(struct parley_net_pair *pair, struct bpf_prog *prog,
				   u32 len)
{
	struct parley_net_rx *rx = &pair->rx;
	u64_stats_t *why = NULL;

	if (parley_net_hdr_check(&rx->hdr, len, parley_net_feature_bits(pair->net)))
		why = &rx->stats.bad_header;
	else if (rx->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM || rx->hdr.gso_type)
		why = &rx->stats.unfinished;
	else if (xdp_buff_has_frags(&rx->xdp.buff) && prog && !prog->aux->xdp_has_frags)
		why = &rx->stats.too_long;
	if (likely(!why))
		return true;
	parley_net_count(&rx->stats.sync, why);
	return false;
}

/**
 * parley_net_xdp_run() - a packet is whole: have the program see it
 * @pair: pair, whose NAPI this is
 *
 * If the program went meanwhile the stack gets the packet.
 */
void parley_net_xdp_run(struct parley_net_pair *pair)
{
	struct bpf_prog *prog = rcu_dereference_bh(pair->net->prog);
	struct parley_net_rx *rx = &pair->rx;
	struct xdp_buff *buff = &rx->xdp.buff;
	const u32 len = xdp_get_buff_len(buff);

	ewma_parley_net_len_add(&rx->len, len);
	if (unlikely(!parley_net_xdp_may_see(pair, prog, len))) {
		parley_net_xdp_drop(rx);
		return;
	}
	u64_stats_update_begin(&rx->stats.sync);
	u64_stats_inc(&rx->stats.packets);
	u64_stats_add(&rx->stats.bytes, len);
	if (prog)
		u64_stats_inc(&rx->stats.xdp_packets);
	u64_stats_update_end(&rx->stats.sync);
	parley_net_xdp_obey(pair, buff, prog, prog ? bpf_prog_run_xdp(prog, buff) : XDP_PASS);
	buff->data_hard_start = NULL;
}

/**
 * parley_net_xdp_flush() - nothing more came: what goes elsewhere goes now
 * @pair: pair, whose NAPI this is
 */
void parley_net_xdp_flush(struct parley_net_pair *pair)
{
	struct parley_net_xdp *xdp = &pair->rx.xdp;

	parley_net_xdp_send_back(pair);
	if (!xdp->redirected)
		return;
	xdp_do_flush();
	xdp->redirected = false;
}

/**
 * parley_net_xdp_xmit() - another driver's packets are sent here
 * @dev: interface
 * @nr: how many
 * @frames: the packets
 * @flags: XDP_XMIT_*
 *
 * Context: softirq.
 * Return: how many were taken, the first ones; an error.
 */
int parley_net_xdp_xmit(struct net_device *dev, int nr, struct xdp_frame **frames, u32 flags)
{
	struct parley_net *net = netdev_priv(dev);
	unsigned int i = smp_processor_id() % READ_ONCE(net->used);

	if (unlikely(flags & ~XDP_XMIT_FLAGS_MASK))
		return -EINVAL;
	return parley_net_tx_frames(&net->pairs[i], frames, nr, flags & XDP_XMIT_FLUSH);
}

/* ------------------------------------------------------- comes and goes */

/**
 * parley_net_xdp_fits() - can a program see packets of this size?
 * @net: interface
 * @prog: program, or NULL
 * @mtu: size
 *
 * Return: whether.
 */
bool parley_net_xdp_fits(struct parley_net *net, const struct bpf_prog *prog, int mtu)
{
	return !prog || prog->aux->xdp_has_frags || VLAN_ETH_HLEN + mtu <= PARLEY_NET_XDP_LINEAR;
}

/* Can the device be told to hand over finished packets only, or does so anyway? */
static bool parley_net_can_finish(const struct parley_net *net)
{
	return parley_has_feature(net->pd, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
	       !parley_net_guest_offloads(net, ~(netdev_features_t)0);
}

/**
 * parley_net_xdp_features() - what can be done for programs
 * @net: interface, which has its features
 *
 * Return: NETDEV_XDP_ACT_*.
 */
xdp_features_t parley_net_xdp_features(const struct parley_net *net)
{
	xdp_features_t features = NETDEV_XDP_ACT_NDO_XMIT | NETDEV_XDP_ACT_NDO_XMIT_SG;

	if (parley_net_can_finish(net))
		features |= NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT | NETDEV_XDP_ACT_RX_SG;
	return features;
}

static int parley_net_finish(struct parley_net *net, bool finished)
{
	net->finished = finished;
	netdev_update_features(net->dev);
	if (!finished || !net->offloads)
		return 0;
	net->finished = false;
	netdev_update_features(net->dev);
	return -EREMOTEIO;
}

static int parley_net_set_prog(struct parley_net *net, struct bpf_prog *prog,
			       struct netlink_ext_ack *extack)
{
	struct bpf_prog *old = rtnl_dereference(net->prog);

	if (prog && !parley_net_can_finish(net)) {
		NL_SET_ERR_MSG(extack, "the device cannot be told to finish its packets");
		return -EOPNOTSUPP;
	}
	if (!parley_net_xdp_fits(net, prog, net->dev->mtu)) {
		NL_SET_ERR_MSG(extack, "the MTU is too large for a program without fragments");
		return -EOPNOTSUPP;
	}
	if (prog && !old && parley_net_finish(net, true)) {
		NL_SET_ERR_MSG(extack, "the device does not finish its packets");
		return -EREMOTEIO;
	}
	rcu_assign_pointer(net->prog, prog);
	if (old)
		bpf_prog_put(old);
	if (old && !prog)
		parley_net_finish(net, false);
	return 0;
}

/**
 * parley_net_bpf() - a program comes or goes
 * @dev: interface
 * @bpf: which
 *
 * Context: may sleep; under RTNL.
 * Return: 0 or an error.
 */
int parley_net_bpf(struct net_device *dev, struct netdev_bpf *bpf)
{
	if (bpf->command != XDP_SETUP_PROG)
		return -EINVAL;
	return parley_net_set_prog(netdev_priv(dev), bpf->prog, bpf->extack);
}
