// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's side; see peer.h.
 */
#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <uapi/linux/virtio_ids.h>
#include "peer.h"

static struct peer *peer_of(struct parley_loopback_queue *lq)
{
	return parley_loopback_priv(lq->lb);
}

static bool peer_packed(const struct parley_loopback_queue *lq)
{
	return parley_loopback_features(lq->lb) & BIT_ULL(VIRTIO_F_RING_PACKED);
}

/* Bytes between memory and the pieces of a chain, from an offset on. */
static u32 peer_copy(const struct parley_iov *iov, unsigned int n, void *buf, u32 len,
		     bool push)
{
	u32 done = 0;

	for (; n && done < len; n--, iov++) {
		u32 part = min_t(size_t, len - done, iov->len);

		if (push)
			memcpy(iov->kern, buf + done, part);
		else
			memcpy(buf + done, iov->kern, part);
		done += part;
	}
	return done;
}

/* Where the next used descriptor goes, for peer_overrun(). */
static void peer_advance(struct peer_queue *q, unsigned int n)
{
	unsigned int slot = q->slot + n;

	if (slot >= q->lq->size) {
		slot -= q->lq->size;
		q->wrap = !q->wrap;
	}
	q->slot = slot;
}

static void peer_complete(struct peer_queue *q, const struct parley_chain *chains,
			  unsigned int nr)
{
	unsigned int i;

	parley_devq_complete(q->lq->vq, chains, nr);
	for (i = 0; i < nr; i++)
		peer_advance(q, chains[i].ndesc);
	if (parley_devq_publish(q->lq->vq))
		parley_loopback_call(q->lq);
}

/* What a header is long, and what is said in it of a hash. */
static u32 peer_hdr_len(const struct peer *p)
{
	return parley_loopback_features(p->lb) & B(HASH_REPORT) ?
	       sizeof(struct virtio_net_hdr_v1_hash) : PEER_HDR;
}

static void peer_say_hash(const struct peer *p, u8 *whole)
{
	if (peer_hdr_len(p) == PEER_HDR)
		return;
	put_unaligned_le32(p->hash, whole + PEER_HDR);
	put_unaligned_le16(p->kind, whole + PEER_HDR + sizeof(p->hash));
}

/* ------------------------------------------------------------ what is sent */

static void peer_keep(struct peer *p, struct parley_loopback_queue *lq,
		      const struct parley_chain *chain)
{
	const u32 hdr_len = peer_hdr_len(p);
	u32 len = chain->len_out - min_t(u32, chain->len_out, hdr_len);
	struct peer_frame *f = kzalloc(struct_size(f, data, len), GFP_KERNEL);
	u8 *whole = kvzalloc(chain->len_out, GFP_KERNEL);

	if (f && whole) {
		peer_copy(chain->iov, chain->n_out, whole, chain->len_out, false);
		memcpy(&f->hdr, whole, min_t(u32, chain->len_out, PEER_HDR));
		memcpy(f->data, whole + hdr_len, len);
		/* Of a hash the guest has nothing to say. */
		if (!memchr_inv(whole + PEER_HDR, 0, hdr_len - PEER_HDR))
			f->len = len;
		f->queue = lq->index / 2;
		scoped_guard(spinlock_bh, &p->lock)
			list_add_tail(&f->node, &p->sent);
	}
	kvfree(whole);
	if (!whole)
		kfree(f);
}

static int peer_take(struct peer_queue *q, struct parley_iov *iov,
		     struct parley_chain *chain)
{
	*chain = (struct parley_chain) { .iov = iov, .max = PEER_SEGS };
	return parley_devq_take(q->lq->vq, chain, 1);
}

static void peer_take_sent(struct peer *p, struct peer_queue *q, struct parley_iov *iov)
{
	struct parley_chain chain;

	while (!READ_ONCE(p->deaf) && peer_take(q, iov, &chain) > 0) {
		peer_keep(p, q->lq, &chain);
		peer_complete(q, &chain, 1);
	}
}

/* -------------------------------------------------------- what it is told */

static void peer_note(struct peer *p, const u8 *cmd, u32 len)
{
	struct peer_told told = { .class = cmd[0], .cmd = cmd[1], .len = len - 2 };

	memcpy(told.data, cmd + 2, min_t(u32, len - 2, PEER_DATA));
	scoped_guard(spinlock_bh, &p->lock)
		p->told[p->nr_told++ % PEER_TOLD] = told;
}

/* So many pairs are used, it is told: does the stack send by more? */
static void peer_check_pairs(struct peer *p, const u8 *cmd)
{
	if (cmd[0] != VIRTIO_NET_CTRL_MQ || cmd[1] != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET)
		return;
	/* Before the interface is there nobody sends. */
	if (p->dev && READ_ONCE(p->dev->real_num_tx_queues) > get_unaligned_le16(cmd + 2))
		atomic_inc(&p->early);
}

/* One command of those that it refuses; @obey is how many more it takes still. */
static bool peer_refuses(struct peer *p, u8 class)
{
	if (class != READ_ONCE(p->refuse))
		return false;
	if (!READ_ONCE(p->obey)) {
		if (READ_ONCE(p->once))
			WRITE_ONCE(p->refuse, -1);
		return true;
	}
	WRITE_ONCE(p->obey, p->obey - 1);
	return false;
}

static void peer_obey(struct peer *p, struct peer_queue *q, struct parley_iov *iov)
{
	struct parley_chain chain;
	u8 ack, cmd[2 + PEER_DATA];

	while (!READ_ONCE(p->mute) && peer_take(q, iov, &chain) > 0) {
		peer_copy(chain.iov, chain.n_out, cmd, sizeof(cmd), false);
		ack = peer_refuses(p, cmd[0]) ? VIRTIO_NET_ERR : VIRTIO_NET_OK;
		peer_note(p, cmd, chain.len_out);
		peer_check_pairs(p, cmd);
		chain.written = peer_copy(chain.iov + chain.n_out, chain.n_in, &ack, 1, true);
		peer_complete(q, &chain, 1);
	}
}

/* Deaf it takes nothing that is sent, mute it answers no command. */
static bool peer_ignores(const struct peer *p, const struct parley_loopback_queue *lq)
{
	return lq->index == p->ctrl ? READ_ONCE(p->mute) : READ_ONCE(p->deaf);
}

/* Packets and commands that are there; receive buffers are left alone. */
static void peer_kick(struct parley_loopback_queue *lq)
{
	struct peer *p = peer_of(lq);
	struct peer_queue *q = &p->q[lq->index];
	struct parley_iov *iov;

	guard(mutex)(&q->lock);
	if (!q->lq)
		return;
	iov = kcalloc(PEER_SEGS, sizeof(*iov), GFP_KERNEL);
	if (!iov)
		return;
	do {
		parley_devq_disarm(lq->vq);
		if (lq->index == p->ctrl)
			peer_obey(p, q, iov);
		else if (lq->index % 2)
			peer_take_sent(p, q, iov);
		else
			break;
	} while (!peer_ignores(p, lq) && !parley_devq_arm(lq->vq));
	kfree(iov);
}

/* After it was deaf or mute. */
void peer_serve(struct peer *p)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p->q); i++)
		scoped_guard(mutex, &p->q[i].lock)
			if (p->q[i].lq)
				parley_loopback_kick(p->q[i].lq);
}

/* ------------------------------------------------------- what is received */

#define RECEIVE_MAX	80

struct peer_taken {
	struct parley_chain chains[RECEIVE_MAX];
	struct parley_iov iov[RECEIVE_MAX][PEER_SEGS];
	unsigned int nr;
	u32 room;
};

/* Buffers for @len bytes: of a mergeable ring as many as it takes. */
static int peer_gather(struct peer *p, struct peer_queue *q, struct peer_taken *t, u32 len)
{
	const bool merge = parley_loopback_features(p->lb) & B(MRG_RXBUF);

	while (t->room < len && t->nr < (merge ? RECEIVE_MAX : 1)) {
		if (peer_take(q, t->iov[t->nr], &t->chains[t->nr]) <= 0)
			break;
		t->room += t->chains[t->nr++].len_in;
	}
	if (t->room >= len)
		return 0;
	parley_devq_untake(q->lq->vq, t->chains, t->nr);
	return -ENOSPC;
}

static void peer_spread(struct peer_taken *t, void *whole, u32 len)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++) {
		struct parley_chain *c = &t->chains[i];

		c->written = peer_copy(c->iov + c->n_out, c->n_in, whole, len, true);
		whole += c->written;
		len -= c->written;
	}
}

/* Where it was written, for who writes there again. */
static void peer_remember(struct peer *p, const struct peer_taken *t)
{
	unsigned int i, s, n = 0;

	for (i = 0; i < t->nr; i++)
		for (s = 0; s < t->chains[i].n_in && n < PEER_PIECES; s++)
			p->last[n++] = t->chains[i].iov[t->chains[i].n_out + s];
	/* Before it is completed, so that who is shown the packet finds all of it. */
	WRITE_ONCE(p->nr_last, n);
}

static int peer_receive_into(struct peer *p, struct peer_queue *q, struct peer_taken *t,
			     u8 *whole, u32 len, const struct peer_lie *lie)
{
	struct virtio_net_hdr_v1 *hdr = (void *)whole;
	int err;

	guard(mutex)(&q->lock);
	if (!q->lq)
		return -ENODEV;
	err = peer_gather(p, q, t, len);
	if (err)
		return err;
	hdr->num_buffers = cpu_to_vr16(lie->num_buffers < 0 ? t->nr : lie->num_buffers);
	peer_spread(t, whole, len);
	peer_remember(p, t);
	if (lie->cut)
		t->chains[0].written = lie->cut;
	peer_complete(q, t->chains, t->nr - min(t->nr, lie->withhold));
	return t->nr;
}

/**
 * peer_receive() - have the guest receive a packet
 * @p: device
 * @pair: of queues
 * @hdr: the header, but for the number of buffers; NULL for one of zeroes
 * @data: packet
 * @len: of it
 * @lie: see there; NULL: none
 *
 * Return: buffers that it took; -ENOSPC if there are not enough; -ENODEV; -ENOMEM.
 */
int peer_receive(struct peer *p, unsigned int pair, const struct virtio_net_hdr_v1 *hdr,
		 const void *data, u32 len, const struct peer_lie *lie)
{
	struct peer_taken *t = kvzalloc(sizeof(*t), GFP_KERNEL);
	const u32 hdr_len = peer_hdr_len(p);
	u8 *whole = kvzalloc(hdr_len + len, GFP_KERNEL);
	int err = -ENOMEM;

	if (t && whole) {
		if (hdr)
			memcpy(whole, hdr, PEER_HDR);
		peer_say_hash(p, whole);
		memcpy(whole + hdr_len, data, len);
		err = peer_receive_into(p, &p->q[2 * pair], t, whole, hdr_len + len,
					lie ?: &PEER_HONEST);
	}
	kvfree(whole);
	kvfree(t);
	return err;
}

/* A used entry that no honest device writes, for the core's device role refuses to. */
static void peer_lie_used(struct peer_queue *q, const struct parley_chain *c, u32 len)
{
	u16 flags = VRING_DESC_F_WRITE;

	if (peer_packed(q->lq)) {
		struct vring_packed_desc *d = (void *)(unsigned long)q->lq->addr.desc;

		d += q->slot;
		if (q->wrap)
			flags |= BIT(VRING_PACKED_DESC_F_AVAIL) |
				 BIT(VRING_PACKED_DESC_F_USED);
		d->id = cpu_to_le16(c->id);
		d->len = cpu_to_le32(len);
		/* Pairs with the driver's read barrier between flags and the rest. */
		smp_wmb();
		WRITE_ONCE(d->flags, cpu_to_le16(flags));
	} else {
		struct vring_used *used = (void *)(unsigned long)q->lq->addr.device;
		u16 idx = vr16_to_cpu(used->idx);
		vring_used_elem_t *e = &used->ring[idx % q->lq->size];

		e->id = cpu_to_vr32(c->id);
		e->len = cpu_to_vr32(len);
		/* Pairs with the driver's read barrier between index and entries. */
		smp_wmb();
		WRITE_ONCE(used->idx, cpu_to_vr16(idx + 1));
	}
}

/* A receive buffer is said to hold a byte more than it can. */
int peer_overrun(struct peer *p, unsigned int pair)
{
	struct peer_queue *q = &p->q[2 * pair];
	struct parley_chain chain;
	struct parley_iov *iov;
	int err = -ENODEV;

	iov = kcalloc(PEER_SEGS, sizeof(*iov), GFP_KERNEL);
	if (!iov)
		return -ENOMEM;
	scoped_guard(mutex, &q->lock) {
		if (q->lq && peer_take(q, iov, &chain) > 0) {
			peer_lie_used(q, &chain, chain.len_in + 1);
			parley_loopback_call(q->lq);
			err = 0;
		}
	}
	kfree(iov);
	return err;
}

static bool peer_is_dirty(const struct parley_chain *c)
{
	unsigned int i;

	for (i = 0; i < c->n_in; i++)
		if (memchr_inv(c->iov[c->n_out + i].kern, 0, c->iov[c->n_out + i].len))
			return true;
	return false;
}

/* Buffers that the guest has given to receive into, and how many have something in them. */
int peer_look_at_buffers(struct peer *p, unsigned int pair, unsigned int *dirty)
{
	struct peer_taken *t = kvzalloc(sizeof(*t), GFP_KERNEL);
	struct peer_queue *q = &p->q[2 * pair];
	int nr;

	if (!t)
		return -ENOMEM;
	*dirty = 0;
	scoped_guard(mutex, &q->lock) {
		while (q->lq && t->nr < PEER_RING &&
		       peer_take(q, t->iov[t->nr], &t->chains[t->nr]) > 0)
			*dirty += peer_is_dirty(&t->chains[t->nr++]);
		if (q->lq)
			parley_devq_untake(q->lq->vq, t->chains, t->nr);
	}
	nr = t->nr;
	kvfree(t);
	return nr;
}

/* ------------------------------------------------------------- the device */

static int peer_queue_start(struct parley_loopback_queue *lq)
{
	struct peer_queue *q = &peer_of(lq)->q[lq->index];

	guard(mutex)(&q->lock);
	q->lq = lq;
	q->slot = 0;
	q->wrap = true;
	return 0;
}

static void peer_queue_stop(struct parley_loopback_queue *lq)
{
	struct peer_queue *q = &peer_of(lq)->q[lq->index];

	guard(mutex)(&q->lock);
	q->lq = NULL;
}

static int peer_reset(struct parley_loopback *lb)
{
	struct peer *p = parley_loopback_priv(lb);

	atomic_inc(&p->resets);
	return 0;
}

static const struct parley_loopback_ops peer_ops = {
	.reset = peer_reset,
	.queue_start = peer_queue_start,
	.queue_stop = peer_queue_stop,
	.kick = peer_kick,
};

/* What @config says by now, and that it is another. */
void peer_set_config(struct peer *p)
{
	parley_loopback_config_update(p->lb, 0, &p->config, sizeof(p->config));
	parley_loopback_config_changed(p->lb);
}

/* How often it was told this, and what it was told last. */
unsigned int peer_times_told(struct peer *p, u8 class, u8 cmd, struct peer_told *last)
{
	unsigned int i, n = 0;

	spin_lock_bh(&p->lock);
	for (i = 0; i < min(p->nr_told, PEER_TOLD); i++) {
		if (p->told[i].class != class || p->told[i].cmd != cmd)
			continue;
		if (last)
			*last = p->told[i];
		n++;
	}
	spin_unlock_bh(&p->lock);
	return n;
}

void peer_forget_told(struct peer *p)
{
	scoped_guard(spinlock_bh, &p->lock)
		p->nr_told = 0;
}

/**
 * peer_create() - make the device
 * @p: zeroed, but for @config
 * @features: on offer
 * @pairs: of queues, at most PEER_PAIRS
 * @ring: descriptors of each queue
 *
 * Return: 0 or an error; whether a front-end took it is another matter.
 */
int peer_create(struct peer *p, u64 features, unsigned int pairs, unsigned int ring)
{
	struct parley_loopback_config cfg = {
		.id = { VIRTIO_ID_NET, 0 },
		.features = features,
		.config = &p->config,
		.config_len = sizeof(p->config),
		.nr_queues = 2 * pairs + 1,
		.queue_size = ring,
		.ops = &peer_ops,
		.priv = p,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p->q); i++)
		mutex_init(&p->q[i].lock);
	spin_lock_init(&p->lock);
	INIT_LIST_HEAD(&p->sent);
	INIT_LIST_HEAD(&p->came);
	p->refuse = -1;
	p->ctrl = 2 * pairs;
	p->lb = parley_loopback_create(&cfg);
	if (IS_ERR(p->lb))
		return PTR_ERR(p->lb);
	p->pd = parley_loopback_device(p->lb);
	return 0;
}

void peer_destroy(struct peer *p)
{
	struct peer_frame *f, *next;

	parley_loopback_destroy(p->lb);
	list_splice_init(&p->came, &p->sent);
	list_for_each_entry_safe(f, next, &p->sent, node)
		kfree(f);
	INIT_LIST_HEAD(&p->sent);
}
