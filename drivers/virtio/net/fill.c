// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive buffers.
 *
 * A buffer is a piece of a page of the pair's pool, and nothing else: the device
 * writes into pages that hold packets only, never where the kernel keeps something of
 * its own (the end of a buffer is where others keep a packet's fragments).  How long
 * it is, is learned where packets may come in several; else it holds the longest
 * packet, in several pages if it must, which are then a buffer of several segments.
 *
 * A buffer of one piece is known by its address, and how large it is the core knows
 * (done.len_in).  One of several has a list of its pages, struct parley_net_big.
 */
#include <linux/io.h>
#include <net/page_pool/helpers.h>
#include "net.h"

/* So much later a ring that could not be filled is tried again. */
#define FILL_AGAIN	(HZ / 20)

/* Pages of a buffer that one packet has to fit into. */
struct parley_net_big {
	void *page[PARLEY_NET_BIG_PAGES];
};

static struct page_pool *parley_net_pool(struct parley_net_pair *pair)
{
	struct parley_net *net = pair->net;
	struct page_pool_params params = {
		.pool_size = parley_drvq_size(pair->rx.queue->vq),
		.nid = dev_to_node(parley_dma_dev(net->pd)),
		.dev = parley_dma_dev(net->pd),
		.napi = &pair->napi,
		.netdev = net->dev,
		.dma_dir = DMA_FROM_DEVICE,
		.max_len = PAGE_SIZE,
	};

	if (pair->rx.mapped)
		params.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV;
	return page_pool_create(&params);
}

/**
 * parley_net_make_pool() - have pages for a receive queue
 * @pair: pair; it has its queues
 *
 * With the DMA API the pool maps a page once and for all.  Otherwise addresses are
 * physical ones, or a window's, and the core sees to them.
 *
 * Return: 0 or an error.
 */
int parley_net_make_pool(struct parley_net_pair *pair)
{
	struct parley_net_rx *rx = &pair->rx;
	struct page_pool *pool;

	rx->mapped = parley_drvq_mem(rx->queue->vq)->ops == &parley_mem_dma;
	pool = parley_net_pool(pair);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	rx->pool = pool;
	ewma_parley_net_len_init(&rx->len);
	return 0;
}

/**
 * parley_net_addr() - where the device finds a piece of a page
 * @rx: receive queue
 * @buf: the piece
 *
 * Return: its address, as the queue's buffers say it.
 */
u64 parley_net_addr(const struct parley_net_rx *rx, void *buf)
{
	if (!rx->mapped)
		return virt_to_phys(buf);
	return page_pool_get_dma_addr(virt_to_head_page(buf)) + offset_in_page(buf);
}

/**
 * parley_net_put_buffer() - a piece of a page goes back to its pool
 * @rx: receive queue
 * @buf: the piece
 * @direct: by the queue's NAPI
 */
void parley_net_put_buffer(struct parley_net_rx *rx, void *buf, bool direct)
{
	page_pool_put_full_page(rx->pool, virt_to_head_page(buf), direct);
}

/**
 * parley_net_big_page() - a page of a buffer of several
 * @cookie: the buffer
 * @i: number of the page
 *
 * Return: its address.
 */
void *parley_net_big_page(void *cookie, unsigned int i)
{
	return ((struct parley_net_big *)cookie)->page[i];
}

/**
 * parley_net_put_big() - a buffer of several pages is not needed any more
 * @rx: receive queue
 * @cookie: the buffer
 * @from: pages before this one went elsewhere
 * @direct: by the queue's NAPI
 */
void parley_net_put_big(struct parley_net_rx *rx, void *cookie, unsigned int from,
			bool direct)
{
	struct parley_net_big *big = cookie;

	for (; from < PARLEY_NET_BIG_PAGES && big->page[from]; from++)
		parley_net_put_buffer(rx, big->page[from], direct);
	kfree(big);
}

static void parley_net_put_cookie(const struct parley_net *net, struct parley_net_rx *rx,
				  void *cookie, bool direct)
{
	if (net->rx_pages > 1)
		parley_net_put_big(rx, cookie, 0, direct);
	else
		parley_net_put_buffer(rx, cookie, direct);
}

/* give_back(): nothing was received into it. */
void parley_net_rx_give_back(struct parley_queue *queue, void *cookie,
			     enum parley_fate fate)
{
	struct parley_net_pair *pair = queue->priv;

	parley_net_put_cookie(pair->net, &pair->rx, cookie, false);
}

/* Mergeable: what packets need, in whole or half pages as a rule. */
static unsigned int parley_net_want(const struct parley_net *net, struct parley_net_rx *rx)
{
	unsigned int hdr = net->hdr_len;

	if (net->rx_len)
		return net->rx_len;
	return clamp(hdr + (unsigned int)ewma_parley_net_len_read(&rx->len),
		     hdr + VLAN_ETH_FRAME_LEN, (unsigned int)PAGE_SIZE);
}

/*
 * Its pages are cleared when they are made, and not again when they are used again: where
 * they are mapped by way of a bounce buffer that copies what is in them to the host, and a
 * device may say that it wrote what it did not.
 */
static void *parley_net_piece(struct parley_net_rx *rx, unsigned int *size)
{
	return page_pool_alloc_va(rx->pool, size, GFP_ATOMIC | __GFP_NOWARN | __GFP_ZERO);
}

static bool parley_net_describe_one(struct parley_net_rx *rx, unsigned int len,
				    struct parley_seg *seg, struct parley_buf *buf)
{
	/* No cache line is shared with another buffer. */
	unsigned int size = ALIGN(len, max(SMP_CACHE_BYTES, ARCH_DMA_MINALIGN));
	void *piece = parley_net_piece(rx, &size);

	if (!piece)
		return false;
	*seg = (struct parley_seg) { parley_net_addr(rx, piece), size };
	buf->cookie = piece;
	return true;
}

static bool parley_net_describe_big(struct parley_net_rx *rx, unsigned int pages,
				    struct parley_seg *segs, struct parley_buf *buf)
{
	struct parley_net_big *big = kzalloc(sizeof(*big), GFP_ATOMIC | __GFP_NOWARN);
	unsigned int i;

	if (!big)
		return false;
	for (i = 0; i < pages; i++) {
		unsigned int size = PAGE_SIZE;

		big->page[i] = parley_net_piece(rx, &size);
		if (!big->page[i]) {
			parley_net_put_big(rx, big, 0, true);
			return false;
		}
		segs[i] = (struct parley_seg) { parley_net_addr(rx, big->page[i]),
						PAGE_SIZE };
	}
	buf->cookie = big;
	return true;
}

/* One buffer, described. */
static bool parley_net_describe(const struct parley_net *net, struct parley_net_rx *rx,
				struct parley_seg *segs, struct parley_buf *buf)
{
	*buf = (struct parley_buf) {
		.segs = segs, .n_in = net->rx_pages,
		.flags = rx->mapped ? PARLEY_BUF_PREMAPPED : 0,
	};
	if (net->rx_pages > 1)
		return parley_net_describe_big(rx, net->rx_pages, segs, buf);
	return parley_net_describe_one(rx, parley_net_want(net, rx), segs, buf);
}

/* At most @max buffers, and fewer if there is no memory for them. */
static unsigned int parley_net_gather(const struct parley_net *net,
				      struct parley_net_rx *rx, struct parley_seg *segs,
				      struct parley_buf *bufs, unsigned int max)
{
	unsigned int n;

	for (n = 0; n < max; n++)
		if (!parley_net_describe(net, rx, segs + n * net->rx_pages, &bufs[n]))
			break;
	return n;
}

/* Some buffers into the ring: how many went in, or -ENOMEM if none could be had. */
static int parley_net_fill_some(const struct parley_net *net, struct parley_net_rx *rx,
				unsigned int max)
{
	struct parley_seg segs[MAX(PARLEY_NET_BATCH, PARLEY_NET_BIG_PAGES)];
	struct parley_buf bufs[PARLEY_NET_BATCH];
	int n, put, i;

	/* The scratch has room for many small ones or for one big one. */
	max = min_t(unsigned int, max, net->rx_pages > 1 ? 1 : PARLEY_NET_BATCH);
	n = parley_net_gather(net, rx, segs, bufs, max);
	if (!n)
		return -ENOMEM;
	put = parley_drvq_put(rx->queue->vq, bufs, n, GFP_ATOMIC | __GFP_NOWARN);
	for (i = max(put, 0); i < n; i++)
		parley_net_put_cookie(net, rx, bufs[i].cookie, true);
	if (put == n && n < max)
		return -ENOMEM;
	return put;
}

/* How many buffers fit still. */
static unsigned int parley_net_room(const struct parley_net *net,
				    const struct parley_net_rx *rx)
{
	unsigned int each = 1;

	if (!parley_has_feature(net->pd, VIRTIO_RING_F_INDIRECT_DESC))
		each = net->rx_pages;
	return parley_drvq_free(rx->queue->vq) / each;
}

/**
 * parley_net_fill() - give the device buffers to receive into
 * @pair: pair, whose NAPI this is
 *
 * Return: false if there was no memory for all of them: it is tried again.
 */
bool parley_net_fill(struct parley_net_pair *pair)
{
	struct parley_net_rx *rx = &pair->rx;
	unsigned int room;
	int put = 0;

	while ((room = parley_net_room(pair->net, rx)) && put >= 0)
		put = parley_net_fill_some(pair->net, rx, room);
	if (parley_drvq_publish(rx->queue->vq))
		parley_drvq_kick(rx->queue->vq);
	if (likely(put != -ENOMEM))
		return true;
	parley_net_count(&rx->stats.sync, &rx->stats.no_buffer);
	mod_timer(&pair->refill, jiffies + FILL_AGAIN);
	return false;
}
