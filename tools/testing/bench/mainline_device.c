// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mainline's device role behind the bench's table: vringh.c (split), or the
 * trivial device (packed), which is no yardstick. Neither knows of in-order:
 * they complete each request by an entry of its own, as such a ring allows.
 *
 * Busy polling means callbacks off, as vringh's own users do it.
 */
#include <linux/kernel.h>
#include <linux/virtio.h>
#include <linux/vringh.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_config.h>
#include "bench.h"
#include "packed_device.h"

struct mainline_served {
	struct vringh vrh;
	struct vringh_kiov out, in;
	struct kvec out_vec[BENCH_MAX_SEGS], in_vec[BENCH_MAX_SEGS];
	struct packed_device packed;
	unsigned long irqs;
	u32 written;
	bool is_packed;
};

static void *mainline_attach(const struct bench_conf *conf,
			     const u64 area[3])
{
	struct mainline_served *ring = bench_alloc(sizeof(*ring));
	void *at[3] = { (void *)area[0], (void *)area[1], (void *)area[2] };
	u64 features = 1ULL << VIRTIO_F_VERSION_1 |
		       1ULL << VIRTIO_RING_F_EVENT_IDX;

	if (conf->indirect)
		features |= 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
	ring->is_packed = conf->packed;
	ring->written = bench_written(conf);
	if (ring->is_packed) {
		ring->packed = (struct packed_device){
			.desc = at[0], .driver = at[1], .device = at[2],
			.size = conf->size, .wrap = true,
			.written = ring->written,
		};
		packed_device_listen(&ring->packed, false);
		return ring;
	}
	if (vringh_init_kern(&ring->vrh, features, conf->size, true,
			     at[0], at[1], at[2]))
		bench_fail("vringh_init_kern");
	vringh_kiov_init(&ring->out, ring->out_vec, BENCH_MAX_SEGS);
	vringh_kiov_init(&ring->in, ring->in_vec, BENCH_MAX_SEGS);
	vringh_notify_disable_kern(&ring->vrh);
	return ring;
}

static unsigned int mainline_serve_split(struct mainline_served *ring,
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
		err = vringh_complete_kern(&ring->vrh, head, ring->written);
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
	struct mainline_served *ring = r;
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
	struct mainline_served *ring = r;

	if (ring->is_packed)
		packed_device_listen(&ring->packed, true);
	else
		vringh_notify_enable_kern(&ring->vrh);
}

const struct bench_device bench_mainline_device = {
	.create = mainline_attach,
	.destroy = bench_free,
	.serve = mainline_serve,
	.listen = mainline_listen,
};
