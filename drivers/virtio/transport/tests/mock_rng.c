// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mock entropy device (spec 5.4).  What it gives is no entropy but a known
 * sequence, so that a test can tell whether bytes came from here, in order,
 * and each once.
 */
#include <linux/slab.h>
#include <parley/export.h>
#include <uapi/linux/virtio_ids.h>
#include "mock.h"

#define RNG_QUEUE_SIZE	8
#define RNG_SEGS	8

struct mock_rng {
	u64 given;
};

/**
 * parley_mock_rng_byte() - the sequence
 * @n: position
 *
 * Return: the byte there; never zero, so that untouched memory is seen.
 */
u8 parley_mock_rng_byte(u64 n)
{
	n = (n + 1) * 0x9e3779b97f4a7c15ull;
	return (n >> 56) | 1;
}
PARLEY_EXPORT(parley_mock_rng_byte);

/**
 * parley_mock_rng_given() - how far the sequence is used up
 * @mock: the device
 *
 * Return: bytes given so far.
 */
u64 parley_mock_rng_given(const struct parley_mock *mock)
{
	const struct mock_rng *rng = mock->priv;

	return READ_ONCE(rng->given);
}
PARLEY_EXPORT(parley_mock_rng_given);

static void rng_serve(struct parley_mock *mock, struct parley_mock_req *req)
{
	struct mock_rng *rng = mock->priv;
	/* Catalogue 42: the request says how much, we say how much at most. */
	u32 i, len = min_t(u32, req->chain.len_in, PARLEY_MOCK_RNG_MAX);

	for (i = 0; i < len; i++) {
		u8 byte = parley_mock_rng_byte(rng->given + i);

		parley_mock_push(req, i, &byte, 1);
	}
	WRITE_ONCE(rng->given, rng->given + len);
	req->chain.written = len;
}

static const struct parley_mock_ops rng_ops = {
	.serve = rng_serve,
};

/**
 * parley_mock_rng_create() - make a mock entropy device
 * @features: ring features to offer
 *
 * Return: the mock or an error pointer.
 */
struct parley_mock *parley_mock_rng_create(u64 features)
{
	struct parley_mock_config cfg = {
		.type = VIRTIO_ID_RNG,
		.features = features,
		.nr_queues = 1,
		.queue_size = RNG_QUEUE_SIZE,
		.segs_max = RNG_SEGS,
		.ops = &rng_ops,
	};
	struct mock_rng *rng = kzalloc(sizeof(*rng), GFP_KERNEL);
	struct parley_mock *mock;

	if (!rng)
		return ERR_PTR(-ENOMEM);
	cfg.priv = rng;
	mock = parley_mock_create(&cfg);
	if (IS_ERR(mock))
		kfree(rng);
	return mock;
}
PARLEY_EXPORT(parley_mock_rng_create);

void parley_mock_rng_destroy(struct parley_mock *mock)
{
	struct mock_rng *rng = mock->priv;

	parley_mock_destroy(mock);
	kfree(rng);
}
PARLEY_EXPORT(parley_mock_rng_destroy);
