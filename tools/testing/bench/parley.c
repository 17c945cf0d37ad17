// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parley's core behind the bench's table, both roles with every check on.
 *
 * Buffers and chains are described once at set-up, as mainline's scatterlists
 * are; what put, reap and serve cost is the core's own work.
 */
#include <assert.h>
#include <parley/virtqueue.h>
#include "bench.h"

#define ALIGNED	__attribute__((aligned(BENCH_LINE)))

struct bench_parley_ring {
	/* driver */
	struct parley_drvq *drvq ALIGNED;
	struct parley_buf *bufs;
	bool armed;
	unsigned long kicks;
	/* device */
	struct parley_devq *devq ALIGNED;
	struct parley_chain *chains;
	unsigned long irqs;
	/* neither */
	struct parley_seg *segs ALIGNED;
	struct parley_iov *iovs;
	struct parley_memmap map;
	struct parley_region region;
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
	unsigned int i, j;

	ring->data = bench_alloc(BENCH_SEGS * BENCH_SEG_LEN);
	ring->bufs = bench_alloc(conf->size * sizeof(*ring->bufs));
	ring->segs = bench_alloc(conf->size * BENCH_SEGS * sizeof(*ring->segs));
	for (i = 0; i < conf->size; i++) {
		struct parley_seg *segs = &ring->segs[i * BENCH_SEGS];

		for (j = 0; j < BENCH_SEGS; j++) {
			segs[j].addr = (uintptr_t)ring->data +
				       j * BENCH_SEG_LEN;
			segs[j].len = BENCH_SEG_LEN;
		}
		ring->bufs[i] = (struct parley_buf){
			.segs = segs,
			.cookie = bench_token(i),
			.n_out = conf->indirect ? 1 : 0,
			.n_in = conf->indirect ? 2 : 1,
		};
	}
	/* The driver's memory is all of ours; vringh translates nothing. */
	ring->region = (struct parley_region){
		.start = 0,
		.size = 1ULL << 47,
		.host = 0,
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE,
	};
	ring->map = (struct parley_memmap){ .nr = 1, .regions = &ring->region };
	ring->chains = bench_alloc(BENCH_MAX_BATCH * sizeof(*ring->chains));
	ring->iovs = bench_alloc(BENCH_MAX_BATCH * BENCH_SEGS *
				 sizeof(*ring->iovs));
	for (i = 0; i < BENCH_MAX_BATCH; i++) {
		ring->chains[i].iov = &ring->iovs[i * BENCH_SEGS];
		ring->chains[i].max = BENCH_SEGS;
	}
}

static void *bench_parley_create(const struct bench_conf *conf)
{
	struct bench_parley_ring *ring = bench_alloc(sizeof(*ring));
	struct parley_drvq_config drv = {
		.name = "bench",
		.size = conf->size,
		.features = 1ULL << VIRTIO_F_VERSION_1 |
			    1ULL << VIRTIO_RING_F_EVENT_IDX,
		.indirect_segs = conf->indirect ? BENCH_SEGS : 0,
		.notify = bench_parley_notify,
		.priv = ring,
	};
	struct parley_devq_config dev = {
		.name = "bench",
		.size = conf->size,
		.space = PARLEY_SPACE_KERNEL,
		.map = &ring->map,
	};

	if (conf->packed)
		drv.features |= 1ULL << VIRTIO_F_RING_PACKED;
	if (conf->indirect)
		drv.features |= 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
	bench_parley_buffers(ring, conf);
	ring->drvq = parley_drvq_create(&drv);
	if (IS_ERR(ring->drvq))
		bench_fail("parley_drvq_create");
	parley_drvq_disarm(ring->drvq);
	dev.features = drv.features;
	parley_drvq_addr(ring->drvq, &dev.addr);
	ring->devq = parley_devq_create(&dev);
	if (IS_ERR(ring->devq))
		bench_fail("parley_devq_create");
	parley_devq_disarm(ring->devq);
	return ring;
}

static void bench_parley_destroy(void *r)
{
	struct bench_parley_ring *ring = r;

	parley_devq_destroy(ring->devq);
	parley_drvq_destroy(ring->drvq);
	bench_free(ring->iovs);
	bench_free(ring->chains);
	bench_free(ring->segs);
	bench_free(ring->bufs);
	bench_free(ring->data);
	bench_free(ring);
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

	if (n != 1)
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

static unsigned int bench_parley_serve(void *r, unsigned int max)
{
	struct bench_parley_ring *ring = r;
	int i, n;

	n = parley_devq_take(ring->devq, ring->chains, max);
	if (n <= 0)
		return 0;
	for (i = 0; i < n; i++)
		ring->chains[i].written = BENCH_SEG_LEN;
	if (parley_devq_complete(ring->devq, ring->chains, n))
		bench_fail("parley_devq_complete");
	if (parley_devq_publish(ring->devq))
		ring->irqs++;
	return n;
}

static void bench_parley_listen(void *r)
{
	parley_devq_arm(((struct bench_parley_ring *)r)->devq);
}

static unsigned long bench_parley_kicks(void *r)
{
	return ((struct bench_parley_ring *)r)->kicks;
}

const struct bench_ops bench_parley = {
	.name = "parley",
	.create = bench_parley_create,
	.destroy = bench_parley_destroy,
	.put = bench_parley_put,
	.reap = bench_parley_reap,
	.arm = bench_parley_arm,
	.serve = bench_parley_serve,
	.listen = bench_parley_listen,
	.kicks = bench_parley_kicks,
};
