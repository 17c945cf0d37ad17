// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mainline's driver role, virtio_ring.c, behind the bench's table. Built once
 * for each series of the kernel, of which MAINLINE_PREMAPPED_CALL says how
 * buffers that are mapped already are handed in: by calls of their own, or by
 * the mode of a queue.
 *
 * The scatterlists are filled in once at set-up; in a kernel the block or net
 * layer pays for them. Busy polling means callbacks off, as virtio_ring's own
 * users do it.
 */
#include <linux/kernel.h>
#include <linux/virtio.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_config.h>
#include "bench.h"

/*
 * tools/virtio's stub allocator: kmalloc() returns the first when it is set,
 * and kfree() leaves alone what lies between the others. Indirect tables are
 * taken from there, so that no allocator is counted: in mainline's favour.
 */
void *__kmalloc_fake, *__kfree_ignore_start, *__kfree_ignore_end;

/* 7.3 keeps what it has to unmap behind the table. */
#define TABLE_ENTRY	(2 * sizeof(struct vring_desc))

struct mainline_ring {
	struct virtqueue *vq;
	struct scatterlist *sg;
	char *tables;
	unsigned int segs, n_out;
	bool indirect;
	bool premapped;
	bool armed;
	unsigned long kicks;
	/* cold */
	struct virtio_device vdev;
	struct device parent;
	char *data;
};

static bool mainline_notify(struct virtqueue *vq)
{
	struct mainline_ring *ring = vq->priv;

	ring->kicks++;
	return true;
}

static void mainline_callback(struct virtqueue *vq)
{
	bench_fail("mainline: unexpected callback");
}

static u64 mainline_features(const struct bench_conf *conf)
{
	u64 features = bench_features(conf);

	if (conf->memory != BENCH_PHYSICAL)
		features |= 1ULL << VIRTIO_F_ACCESS_PLATFORM;
	return features;
}

static void mainline_buffers(struct mainline_ring *ring,
			     const struct bench_conf *conf)
{
	unsigned int i;

	ring->data = bench_alloc(conf->segs * BENCH_SEG_LEN);
	ring->sg = bench_alloc(conf->size * conf->segs * sizeof(*ring->sg));
	for (i = 0; i < conf->size * conf->segs; i++) {
		struct scatterlist *sg = &ring->sg[i];
		char *data = ring->data + i % conf->segs * BENCH_SEG_LEN;

		sg_init_one(sg, data, BENCH_SEG_LEN);
		sg->dma_address = (uintptr_t)data;
		/* Segments of one direction are one list, as blk and net do it. */
		if ((i + 1) % conf->segs && i % conf->segs + 1 != ring->n_out)
			sg_unmark_end(sg);
	}
	if (ring->indirect) {
		size_t size = conf->size * conf->segs * TABLE_ENTRY;

		ring->tables = bench_alloc(size);
		__kfree_ignore_start = ring->tables;
		__kfree_ignore_end = ring->tables + size;
	}
}

static void *mainline_create(const struct bench_conf *conf)
{
	struct mainline_ring *ring = bench_alloc(sizeof(*ring));

	ring->segs = conf->segs;
	ring->n_out = conf->n_out;
	ring->indirect = conf->indirect && conf->segs > 1;
	ring->premapped = conf->memory == BENCH_PREMAPPED;
	ring->vdev.features = mainline_features(conf);
	ring->vdev.dev.parent = &ring->parent;
	INIT_LIST_HEAD(&ring->vdev.vqs);
	spin_lock_init(&ring->vdev.vqs_list_lock);
	ring->vq = vring_create_virtqueue(0, conf->size, 4096, &ring->vdev,
					  true, false, false, mainline_notify,
					  mainline_callback, "bench");
	if (!ring->vq)
		bench_fail("vring_create_virtqueue");
	ring->vq->priv = ring;
#ifndef MAINLINE_PREMAPPED_CALL
	if (ring->premapped && virtqueue_set_dma_premapped(ring->vq))
		bench_fail("virtqueue_set_dma_premapped");
#endif
	virtqueue_disable_cb(ring->vq);
	mainline_buffers(ring, conf);
	return ring;
}

static void mainline_destroy(void *r)
{
	struct mainline_ring *ring = r;

	vring_del_virtqueue(ring->vq);
	__kfree_ignore_start = NULL;
	__kfree_ignore_end = NULL;
	bench_free(ring->tables);
	bench_free(ring->sg);
	bench_free(ring->data);
	bench_free(ring);
}

static void mainline_where(void *r, u64 area[3])
{
	struct virtqueue *vq = ((struct mainline_ring *)r)->vq;

	area[0] = virtqueue_get_desc_addr(vq);
	area[1] = virtqueue_get_avail_addr(vq);
	area[2] = virtqueue_get_used_addr(vq);
}

/* By the cheapest call that takes such a buffer. */
static inline int mainline_add(const struct mainline_ring *ring,
			       struct scatterlist *sg, void *token)
{
	struct scatterlist *sgs[2];

#ifdef MAINLINE_PREMAPPED_CALL
	if (unlikely(ring->premapped))
		return virtqueue_add_inbuf_premapped(ring->vq, sg, ring->segs,
						     token, NULL, GFP_ATOMIC);
#endif
	if (!ring->n_out)
		return virtqueue_add_inbuf(ring->vq, sg, ring->segs, token,
					   GFP_ATOMIC);
	sgs[0] = sg;
	sgs[1] = sg + 1;
	return virtqueue_add_sgs(ring->vq, sgs, 1, 1, token, GFP_ATOMIC);
}

static inline int mainline_put_one(const struct mainline_ring *ring,
				   struct scatterlist *sg, unsigned int slot)
{
	int err;

	if (!ring->indirect)
		return mainline_add(ring, sg, bench_token(slot));
	__kmalloc_fake = ring->tables + slot * ring->segs * TABLE_ENTRY;
	err = mainline_add(ring, sg, bench_token(slot));
	__kmalloc_fake = NULL;
	return err;
}

static void mainline_put(void *r, unsigned int slot, unsigned int n)
{
	struct mainline_ring *ring = r;
	struct scatterlist *sg = &ring->sg[slot * ring->segs];
	struct virtqueue *vq = ring->vq;
	unsigned int end = slot + n;

	for (; slot < end; slot++, sg += ring->segs)
		if (unlikely(mainline_put_one(ring, sg, slot)))
			bench_fail("mainline: ring full");
	if (virtqueue_kick_prepare(vq))
		virtqueue_notify(vq);
}

static unsigned int mainline_reap(void *r, struct bench_done *done,
				  unsigned int max)
{
	struct mainline_ring *ring = r;
	unsigned int n;

	if (ring->armed) {
		virtqueue_disable_cb(ring->vq);
		ring->armed = false;
	}
	for (n = 0; n < max; n++) {
		done[n].token = virtqueue_get_buf(ring->vq, &done[n].len);
		if (!done[n].token)
			break;
	}
	return n;
}

static void mainline_arm(void *r)
{
	struct mainline_ring *ring = r;

	virtqueue_enable_cb(ring->vq);
	ring->armed = true;
}

static unsigned long mainline_kicks(void *r)
{
	return ((struct mainline_ring *)r)->kicks;
}

const struct bench_driver bench_mainline_driver = {
	.create = mainline_create,
	.destroy = mainline_destroy,
	.where = mainline_where,
	.put = mainline_put,
	.reap = mainline_reap,
	.arm = mainline_arm,
	.kicks = mainline_kicks,
};
