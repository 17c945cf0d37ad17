// SPDX-License-Identifier: GPL-2.0-only
/* See host.h. */
#include <linux/slab.h>
#include "host.h"

static void host_area(struct host *h, struct parley_loopback_queue *q)
{
	struct parley_sched_host_header *header = h->iov[1].kern;

	header->status = cpu_to_le32(h->answer);
	atomic_inc(&h->areas);
	if (!h->back)
		return;
	h->held.written = sizeof(*header);
	parley_devq_complete(q->vq, &h->held, 1);
}

static void host_request(struct host *h, struct parley_loopback_queue *q)
{
	struct parley_sched_reply *reply = h->waits_iov[1].kern;

	h->last = *(struct parley_sched_request *)h->waits_iov[0].kern;
	atomic_inc(&h->asked);
	if (h->mute)
		return;
	reply->status = cpu_to_le32(h->reply);
	h->waits.written = sizeof(*reply);
	if (h->last.op == cpu_to_le16(PARLEY_SCHED_OP_COUNT)) {
		memcpy(reply, &h->counted, sizeof(h->counted));
		h->waits.written = h->written;
	}
	parley_devq_complete(q->vq, &h->waits, 1);
}

static void host_kick(struct parley_loopback_queue *q)
{
	struct host *h = parley_loopback_priv(q->lb);
	bool area = q->index == PARLEY_SCHED_QUEUE_AREAS;
	struct parley_chain *c = area ? &h->held : &h->waits;

	do {
		for (;;) {
			*c = (struct parley_chain){
				.iov = area ? h->iov : h->waits_iov, .max = PIECES,
			};
			if (parley_devq_take(q->vq, c, 1) != 1)
				break;
			if (area)
				host_area(h, q);
			else
				host_request(h, q);
		}
		if (parley_devq_publish(q->vq))
			parley_loopback_call(q);
	} while (!parley_devq_arm(q->vq));
}

static const struct parley_loopback_ops host_ops = { .kick = host_kick };

static void host_free(void *arg)
{
	struct host *h = arg;

	if (!IS_ERR_OR_NULL(h->lb))
		parley_loopback_destroy(h->lb);
	kfree(h);
}

struct host *host_new(struct kunit *test, u16 min, u16 max, u32 nr)
{
	struct parley_sched_config config = {
		.version_min = cpu_to_le16(min), .version_max = cpu_to_le16(max),
		.nr_vcpus = cpu_to_le32(nr),
	};
	struct parley_loopback_config cfg = {
		.id.device = PARLEY_SCHED_DEVICE_ID,
		.features = ALL,
		.config = &config,
		.config_len = sizeof(config),
		.nr_queues = 2,
		.queue_size = 16,
		.ops = &host_ops,
	};
	struct host *h = kzalloc(sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, host_free, h));
	h->answer = PARLEY_SCHED_AREA_SHARED;
	cfg.priv = h;
	h->lb = parley_loopback_create(&cfg);
	KUNIT_ASSERT_FALSE(test, IS_ERR(h->lb));
	return h;
}

struct host *host_open(struct kunit *test)
{
	struct host *h = host_new(test, 1, 1, VCPUS);

	KUNIT_ASSERT_NOT_NULL_MSG(test, parley_loopback_device(h->lb)->dev.driver,
				  "no driver: is parley_sched_device loaded?");
	KUNIT_ASSERT_TRUE(test, until(atomic_read(&h->areas)));
	return h;
}

void host_close(struct kunit *test, struct host *h)
{
	kunit_release_action(test, host_free, h);
}
