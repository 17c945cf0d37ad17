// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mainline behind the bench's table: its virtio_ring.c as the driver, and as
 * the device its vringh.c (split) or the trivial device (packed).
 *
 * The scatterlists are filled in once at set-up; in a kernel the block or net
 * layer pays for them. Busy polling means callbacks off on both ends, as
 * virtio_ring's and vringh's own users do it.
 */
#include <linux/kernel.h>
#include <linux/virtio.h>
#include <linux/vringh.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_config.h>
#include "bench.h"
#include "packed_device.h"

/*
 * tools/virtio's stub allocator: kmalloc() returns the first when it is set,
 * and kfree() leaves alone what lies between the others. Indirect tables are
 * taken from there, so that no allocator is counted: in mainline's favour.
 */
void *__kmalloc_fake, *__kfree_ignore_start, *__kfree_ignore_end;

struct mainline_ring {
	/* driver */
	struct virtqueue *vq __aligned(BENCH_LINE);
	struct scatterlist (*sg)[BENCH_SEGS];
	struct vring_packed_desc (*tables)[BENCH_SEGS];
	bool indirect;
	bool armed;
	unsigned long kicks;
	struct virtio_device vdev;
	/* device */
	struct vringh vrh __aligned(BENCH_LINE);
	struct vringh_kiov out, in;
	struct kvec out_vec[BENCH_SEGS], in_vec[BENCH_SEGS];
	struct packed_device packed;
	unsigned long irqs;
	/* neither */
	bool is_packed __aligned(BENCH_LINE);
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

static void mainline_setup_device(struct mainline_ring *ring, u64 features,
				  unsigned int size)
{
	void *desc = (void *)virtqueue_get_desc_addr(ring->vq);
	void *avail = (void *)virtqueue_get_avail_addr(ring->vq);
	void *used = (void *)virtqueue_get_used_addr(ring->vq);

	if (ring->is_packed) {
		ring->packed = (struct packed_device){
			.desc = desc, .driver = avail, .device = used,
			.size = size, .wrap = true,
		};
		packed_device_listen(&ring->packed, false);
		return;
	}
	if (vringh_init_kern(&ring->vrh, features, size, true,
			     desc, avail, used))
		bench_fail("vringh_init_kern");
	vringh_kiov_init(&ring->out, ring->out_vec, BENCH_SEGS);
	vringh_kiov_init(&ring->in, ring->in_vec, BENCH_SEGS);
	vringh_notify_disable_kern(&ring->vrh);
}

static void *mainline_create(const struct bench_conf *conf)
{
	struct mainline_ring *ring = bench_alloc(sizeof(*ring));
	u64 features = 1ULL << VIRTIO_F_VERSION_1 |
		       1ULL << VIRTIO_RING_F_EVENT_IDX;
	unsigned int i, j;

	if (conf->packed)
		features |= 1ULL << VIRTIO_F_RING_PACKED;
	if (conf->indirect)
		features |= 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
	ring->is_packed = conf->packed;
	ring->indirect = conf->indirect;
	ring->vdev.features = features;
	INIT_LIST_HEAD(&ring->vdev.vqs);
	spin_lock_init(&ring->vdev.vqs_list_lock);
	ring->vq = vring_create_virtqueue(0, conf->size, 4096, &ring->vdev,
					  true, false, false, mainline_notify,
					  mainline_callback, "bench");
	if (!ring->vq)
		bench_fail("vring_create_virtqueue");
	ring->vq->priv = ring;
	virtqueue_disable_cb(ring->vq);

	ring->data = bench_alloc(BENCH_SEGS * BENCH_SEG_LEN);
	ring->sg = bench_alloc(conf->size * sizeof(*ring->sg));
	for (i = 0; i < conf->size; i++)
		for (j = 0; j < BENCH_SEGS; j++)
			sg_init_one(&ring->sg[i][j],
				    ring->data + j * BENCH_SEG_LEN,
				    BENCH_SEG_LEN);
	if (conf->indirect) {
		ring->tables = bench_alloc(conf->size * sizeof(*ring->tables));
		__kfree_ignore_start = ring->tables;
		__kfree_ignore_end = ring->tables + conf->size;
	}
	mainline_setup_device(ring, features, conf->size);
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

static int mainline_put_one(struct mainline_ring *ring, unsigned int slot)
{
	void *token = bench_token(slot);
	struct scatterlist *sg = ring->sg[slot];
	struct scatterlist *sgs[BENCH_SEGS];
	int err;

	if (!ring->indirect)
		return virtqueue_add_inbuf(ring->vq, sg, 1, token, GFP_ATOMIC);
	sgs[0] = &sg[0];
	sgs[1] = &sg[1];
	sgs[2] = &sg[2];
	__kmalloc_fake = ring->tables[slot];
	err = virtqueue_add_sgs(ring->vq, sgs, 1, 2, token, GFP_ATOMIC);
	__kmalloc_fake = NULL;
	return err;
}

static void mainline_put(void *r, unsigned int slot, unsigned int n)
{
	struct mainline_ring *ring = r;
	struct virtqueue *vq = ring->vq;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (unlikely(mainline_put_one(ring, slot + i)))
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

static unsigned int mainline_serve_split(struct mainline_ring *ring,
					 unsigned int max)
{
	unsigned int n;
	int err = 0;
	u16 head;

	for (n = 0; n < max; n++) {
		err = vringh_getdesc_kern(&ring->vrh, &ring->out, &ring->in,
					  &head, GFP_ATOMIC);
		if (err <= 0)
			break;
		err = vringh_complete_kern(&ring->vrh, head, BENCH_SEG_LEN);
		if (err)
			break;
	}
	if (unlikely(err < 0))
		bench_fail("vringh");
	if (n && vringh_need_notify_kern(&ring->vrh) > 0)
		ring->irqs++;
	return n;
}

static unsigned int mainline_serve(void *r, unsigned int max)
{
	struct mainline_ring *ring = r;
	unsigned int n;

	if (!ring->is_packed)
		return mainline_serve_split(ring, max);
	n = packed_device_serve(&ring->packed, max);
	if (n && packed_device_need_irq(&ring->packed))
		ring->irqs++;
	return n;
}

static void mainline_listen(void *r)
{
	struct mainline_ring *ring = r;

	if (ring->is_packed)
		packed_device_listen(&ring->packed, true);
	else
		vringh_notify_enable_kern(&ring->vrh);
}

static unsigned long mainline_kicks(void *r)
{
	return ((struct mainline_ring *)r)->kicks;
}

const struct bench_ops bench_mainline = {
	.name = "mainline",
	.create = mainline_create,
	.destroy = mainline_destroy,
	.put = mainline_put,
	.reap = mainline_reap,
	.arm = mainline_arm,
	.serve = mainline_serve,
	.listen = mainline_listen,
	.kicks = mainline_kicks,
};
