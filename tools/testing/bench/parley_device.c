// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parley's device role behind the bench's table, with every check on. Rooms
 * for chains are described once at set-up, as vringh's vectors are.
 */
#include <parley/virtqueue.h>
#include "bench.h"

struct bench_parley_served {
	struct parley_devq *devq;
	struct parley_chain *chains;
	u32 written;
	unsigned long irqs;
	/* cold */
	struct parley_iov *iovs;
	struct parley_memmap map;
	struct parley_region region;
};

static void *bench_parley_attach(const struct bench_conf *conf,
				 const uint64_t area[3])
{
	struct bench_parley_served *ring = bench_alloc(sizeof(*ring));
	struct parley_devq_config dev = {
		.name = "bench",
		.size = conf->size,
		.features = bench_features(conf),
		.space = PARLEY_SPACE_KERNEL,
		.map = &ring->map,
		.addr = { area[0], area[1], area[2] },
	};
	unsigned int i;

	/* The driver's memory is all of ours; vringh translates nothing. */
	ring->region = (struct parley_region){
		.start = 0,
		.size = 1ULL << 47,
		.host = 0,
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE,
	};
	ring->map = (struct parley_memmap){ .nr = 1, .regions = &ring->region };
	ring->written = bench_written(conf);
	ring->chains = bench_alloc(BENCH_MAX_BATCH * sizeof(*ring->chains));
	ring->iovs = bench_alloc(BENCH_MAX_BATCH * conf->segs *
				 sizeof(*ring->iovs));
	for (i = 0; i < BENCH_MAX_BATCH; i++) {
		ring->chains[i].iov = &ring->iovs[i * conf->segs];
		ring->chains[i].max = conf->segs;
	}
	ring->devq = parley_devq_create(&dev);
	if (IS_ERR(ring->devq))
		bench_fail("parley_devq_create");
	parley_devq_disarm(ring->devq);
	return ring;
}

static void bench_parley_leave(void *r)
{
	struct bench_parley_served *ring = r;

	parley_devq_destroy(ring->devq);
	bench_free(ring->iovs);
	bench_free(ring->chains);
	bench_free(ring);
}

static unsigned int bench_parley_serve(void *r, unsigned int max)
{
	struct bench_parley_served *ring = r;
	struct parley_chain *c = ring->chains, *end;
	u32 written = ring->written;
	int n;

	n = parley_devq_take(ring->devq, c, max);
	if (n <= 0)
		return 0;
	for (end = c + n; c != end; c++)
		c->written = written;
	if (parley_devq_complete(ring->devq, ring->chains, n))
		bench_fail("parley_devq_complete");
	if (parley_devq_publish(ring->devq))
		ring->irqs++;
	return n;
}

static void bench_parley_listen(void *r)
{
	parley_devq_arm(((struct bench_parley_served *)r)->devq);
}

const struct bench_device bench_parley_device = {
	.create = bench_parley_attach,
	.destroy = bench_parley_leave,
	.serve = bench_parley_serve,
	.listen = bench_parley_listen,
};
