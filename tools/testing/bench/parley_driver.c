// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parley's driver role behind the bench's table, with every check on.
 *
 * Buffers are described once at set-up, as mainline's scatterlists are; what
 * put and reap cost is the core's own work.
 */
#include <assert.h>
#include <parley/virtqueue.h>
#include "bench.h"

struct bench_parley_ring {
	struct parley_drvq *drvq;
	struct parley_buf *bufs;
	bool apart;
	bool armed;
	unsigned long kicks;
	/* cold */
	uint64_t dev[8];	/* stands for the device that does the DMA */
	struct parley_seg *segs;
	char *data;
};

static_assert(sizeof(struct bench_done) == sizeof(struct parley_done));
static_assert(offsetof(struct bench_done, len) ==
	      offsetof(struct parley_done, len));

/* Knobs of the core's user-space environment that only tests turn. */
int parley_user_fail_nth;
uintptr_t parley_user_fault_start, parley_user_fault_end;
bool parley_user_verbose = true;

static bool bench_parley_notify(struct parley_drvq *q, u32 data)
{
	struct bench_parley_ring *ring = parley_drvq_priv(q);

	ring->kicks++;
	return true;
}

static void bench_parley_buffers(struct bench_parley_ring *ring,
				 const struct bench_conf *conf)
{
	unsigned int i, n_out = conf->n_out;

	ring->data = bench_alloc(conf->segs * BENCH_SEG_LEN);
	ring->bufs = bench_alloc(conf->size * sizeof(*ring->bufs));
	ring->segs = bench_alloc(conf->size * conf->segs * sizeof(*ring->segs));
	for (i = 0; i < conf->size * conf->segs; i++) {
		ring->segs[i].addr = (uintptr_t)ring->data +
				     i % conf->segs * BENCH_SEG_LEN;
		ring->segs[i].len = BENCH_SEG_LEN;
	}
	for (i = 0; i < conf->size; i++)
		ring->bufs[i] = (struct parley_buf){
			.segs = &ring->segs[i * conf->segs],
			.cookie = bench_token(i),
			.n_out = n_out,
			.n_in = conf->segs - n_out,
			.flags = conf->memory == BENCH_PREMAPPED ?
				 PARLEY_BUF_PREMAPPED : 0,
		};
}

static u64 bench_parley_features(const struct bench_conf *conf)
{
	u64 features = bench_features(conf);

	if (conf->memory != BENCH_PHYSICAL)
		features |= 1ULL << VIRTIO_F_ACCESS_PLATFORM;
	return features;
}

static void *bench_parley_create(const struct bench_conf *conf)
{
	struct bench_parley_ring *ring = bench_alloc(sizeof(*ring));
	struct parley_drvq_config drv = {
		.name = "bench",
		.size = conf->size,
		.features = bench_parley_features(conf),
		.indirect_segs = conf->indirect ? conf->segs : 0,
		.dev = (struct device *)ring->dev,
		.notify = bench_parley_notify,
		.priv = ring,
	};

	ring->apart = conf->apart;
	bench_parley_buffers(ring, conf);
	ring->drvq = parley_drvq_create(&drv);
	if (IS_ERR(ring->drvq))
		bench_fail("parley_drvq_create");
	parley_drvq_disarm(ring->drvq);
	return ring;
}

static void bench_parley_destroy(void *r)
{
	struct bench_parley_ring *ring = r;

	parley_drvq_destroy(ring->drvq);
	bench_free(ring->segs);
	bench_free(ring->bufs);
	bench_free(ring->data);
	bench_free(ring);
}

static void bench_parley_where(void *r, uint64_t area[3])
{
	struct bench_parley_ring *ring = r;
	struct parley_vq_addr addr;

	parley_drvq_addr(ring->drvq, &addr);
	area[0] = addr.desc;
	area[1] = addr.driver;
	area[2] = addr.device;
}

static noinline void bench_parley_put_many(struct bench_parley_ring *ring,
					   unsigned int slot, unsigned int n)
{
	struct parley_drvq *q = ring->drvq;

	if (unlikely(parley_drvq_put(q, &ring->bufs[slot], n, 0) != (int)n))
		bench_fail("parley: ring full");
	if (parley_drvq_publish(q))
		parley_drvq_kick(q);
}

static void bench_parley_put(void *r, unsigned int slot, unsigned int n)
{
	struct bench_parley_ring *ring = r;

	if (n != 1 || ring->apart)
		bench_parley_put_many(ring, slot, n);
	else if (unlikely(parley_drvq_submit(ring->drvq, &ring->bufs[slot], 0)))
		bench_fail("parley: ring full");
}

static unsigned int bench_parley_reap(void *r, struct bench_done *done,
				      unsigned int max)
{
	struct bench_parley_ring *ring = r;

	if (ring->armed) {
		parley_drvq_disarm(ring->drvq);
		ring->armed = false;
	}
	return parley_drvq_reap(ring->drvq, (struct parley_done *)done, max);
}

static void bench_parley_arm(void *r)
{
	struct bench_parley_ring *ring = r;

	parley_drvq_arm(ring->drvq, 1);
	ring->armed = true;
}

static unsigned long bench_parley_kicks(void *r)
{
	return ((struct bench_parley_ring *)r)->kicks;
}

const struct bench_driver bench_parley_driver = {
	.create = bench_parley_create,
	.destroy = bench_parley_destroy,
	.where = bench_parley_where,
	.put = bench_parley_put,
	.reap = bench_parley_reap,
	.arm = bench_parley_arm,
	.kicks = bench_parley_kicks,
};
