// SPDX-License-Identifier: GPL-2.0-only
/* What adapters and programs share; of kernel headers only what user space has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include "bench.h"

const struct bench_ops bench_mainline = {
	"mainline", &bench_mainline_driver, &bench_mainline_device,
};

const struct bench_ops bench_parley = {
	"parley", &bench_parley_driver, &bench_parley_device,
};

const struct bench_ops *const bench_all[] = {
	&bench_mainline, &bench_parley, NULL,
};

uint64_t bench_features(const struct bench_conf *conf)
{
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1 |
			    1ULL << VIRTIO_RING_F_EVENT_IDX;

	if (conf->packed)
		features |= 1ULL << VIRTIO_F_RING_PACKED;
	if (conf->indirect)
		features |= 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
	if (conf->in_order)
		features |= 1ULL << VIRTIO_F_IN_ORDER;
	return features;
}

void *bench_alloc(size_t size)
{
	void *p;

	size = (size + BENCH_LINE - 1) & ~(size_t)(BENCH_LINE - 1);
	if (posix_memalign(&p, BENCH_LINE, size))
		bench_fail("out of memory");
	return memset(p, 0, size);
}

void bench_free(void *p)
{
	free(p);
}

void bench_fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}
