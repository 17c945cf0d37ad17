// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a front-end may ask of its queues: to serialise them itself, to poll
 * them, to interrupt them its own way.
 */
#include <linux/io.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>
#include "fake.h"

#define QUEUE_RESET	BIT_ULL(VIRTIO_F_RING_RESET)
#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define EVENT		BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

static struct fake_front *const front = &parley_fake_front;

/* As much of a NAPI as the model can see. */
static struct {
	unsigned int scheduled;
	unsigned int came;
	void *ctx;
} napi;

static void napi_schedule_it(struct parley_queue *queue)
{
	napi.scheduled++;
}

static void napi_complete(struct parley_queue *queue,
			  const struct parley_done *done, unsigned int nr,
			  void *ctx)
{
	napi.came += nr;
	napi.ctx = ctx;
}

static struct parley_queue *napi_queue(struct kunit *test, u64 features,
				       struct fake **fake)
{
	memset(&napi, 0, sizeof(napi));
	front->spec.flags = PARLEY_QUEUE_UNLOCKED;
	front->spec.interrupt = napi_schedule_it;
	front->spec.complete = napi_complete;
	*fake = parley_fake_run(test, features);
	return &(*fake)->v.pd.queues[0];
}

static int napi_put(struct fake *fake)
{
	struct parley_queue *queue = &fake->v.pd.queues[0];
	struct parley_seg seg = { virt_to_phys(fake), sizeof(*fake) };
	struct parley_buf buf = { .segs = &seg, .cookie = fake, .n_out = 1 };

	return parley_drvq_submit(queue->vq, &buf, GFP_ATOMIC);
}

/* The poll() that the comment of parley_queue_arm() shows. */
static unsigned int napi_poll(struct parley_queue *queue, unsigned int budget)
{
	unsigned int n = parley_queue_poll(queue, budget, &napi);

	if (n < budget && !parley_queue_arm(queue))
		return budget;
	return n;
}

static const struct ring_kind {
	const char *name;
	u64 features;
} ring_kinds[] = {
	{ "flags", 0 }, { "event index", EVENT },
};

KUNIT_ARRAY_PARAM_DESC(ring_kind, ring_kinds, name);

static void interrupt_asks_the_owner_to_poll(struct kunit *test)
{
	const struct ring_kind *kind = test->param_value;
	struct fake *fake;
	struct parley_queue *queue = napi_queue(test, kind->features, &fake);

	KUNIT_ASSERT_EQ(test, 0, napi_put(fake));
	KUNIT_ASSERT_EQ(test, 0, napi_put(fake));
	/* Nothing to reap, nobody to call. */
	KUNIT_EXPECT_EQ(test, IRQ_NONE, parley_queue_interrupt(queue));
	KUNIT_EXPECT_EQ(test, 0, napi.scheduled);

	parley_fake_use(fake, 0, 0);
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, parley_queue_interrupt(queue));
	KUNIT_EXPECT_EQ(test, 1, napi.scheduled);
	KUNIT_EXPECT_EQ(test, 0, napi.came);
	KUNIT_EXPECT_FALSE(test, parley_fake_wants_interrupt(fake, 0));
	KUNIT_EXPECT_EQ(test, 1, napi_poll(queue, 64));
	KUNIT_EXPECT_EQ(test, 1, napi.came);
	KUNIT_EXPECT_PTR_EQ(test, (void *)&napi, napi.ctx);
	KUNIT_EXPECT_TRUE(test, parley_fake_wants_interrupt(fake, 0));
}

static void poll_that_used_its_budget_stays_disarmed(struct kunit *test)
{
	const struct ring_kind *kind = test->param_value;
	struct fake *fake;
	struct parley_queue *queue = napi_queue(test, kind->features, &fake);
	unsigned int i;

	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, 0, napi_put(fake));
	parley_fake_use(fake, 0, 0);
	parley_fake_use(fake, 0, 0);
	parley_queue_interrupt(queue);
	KUNIT_EXPECT_EQ(test, 1, napi_poll(queue, 1));
	KUNIT_EXPECT_FALSE(test, parley_fake_wants_interrupt(fake, 0));
	KUNIT_EXPECT_EQ(test, 1, napi_poll(queue, 2));
	KUNIT_EXPECT_TRUE(test, parley_fake_wants_interrupt(fake, 0));
	KUNIT_EXPECT_EQ(test, 2, napi.came);
}

/* As netpoll does, which only sends. */
static void poll_for_nothing_changes_nothing(struct kunit *test)
{
	const struct ring_kind *kind = test->param_value;
	struct fake *fake;
	struct parley_queue *queue = napi_queue(test, kind->features, &fake);

	KUNIT_ASSERT_EQ(test, 0, napi_put(fake));
	KUNIT_EXPECT_EQ(test, 0, napi_poll(queue, 64));
	KUNIT_ASSERT_TRUE(test, parley_fake_wants_interrupt(fake, 0));
	KUNIT_EXPECT_EQ(test, 0, napi_poll(queue, 0));
	KUNIT_EXPECT_TRUE(test, parley_fake_wants_interrupt(fake, 0));
	parley_fake_use(fake, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, napi_poll(queue, 0));
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, parley_queue_interrupt(queue));
}

/* Between the last reap and the arm: no interrupt tells of it. */
static void arm_tells_of_what_came_meanwhile(struct kunit *test)
{
	const struct ring_kind *kind = test->param_value;
	struct fake *fake;
	struct parley_queue *queue = napi_queue(test, kind->features, &fake);

	KUNIT_ASSERT_EQ(test, 0, napi_put(fake));
	KUNIT_EXPECT_EQ(test, 0, parley_queue_poll(queue, 64, &napi));
	parley_fake_use(fake, 0, 0);
	KUNIT_EXPECT_FALSE(test, parley_queue_arm(queue));
	KUNIT_EXPECT_EQ(test, 1, napi_poll(queue, 64));
}

/* Somebody who holds the lock that it does not use is not waited for. */
static void unlocked_queue_takes_no_lock(struct kunit *test)
{
	struct fake *fake;
	struct parley_queue *queue = napi_queue(test, 0, &fake);

	parley_qlock_lock_irq(&queue->lock);
	KUNIT_EXPECT_EQ(test, 0, napi_put(fake));
	parley_fake_use(fake, 0, 0);
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, parley_queue_interrupt(queue));
	KUNIT_EXPECT_EQ(test, 1, napi_poll(queue, 64));
	parley_qlock_unlock_irq(&queue->lock);
}

static void unlocked_queue_is_recovered(struct kunit *test)
{
	struct fake *fake;
	struct parley_queue *queue = napi_queue(test, 0, &fake);

	KUNIT_ASSERT_EQ(test, 0, napi_put(fake));
	KUNIT_ASSERT_EQ(test, 0, napi_put(fake));
	/* The reset finds one completed, which nobody has polled for. */
	parley_fake_use(fake, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 1, napi.came);
	KUNIT_EXPECT_EQ(test, 1, front->repeated);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, napi_put(fake));
	parley_fake_use(fake, 0, 0);
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, parley_queue_interrupt(queue));
	KUNIT_EXPECT_EQ(test, 1, napi_poll(queue, 64));
}

static struct lock_class_key kind_of_queue;

static bool is_of_that_kind(struct parley_qlock *lock)
{
#ifdef CONFIG_LOCKDEP
	return lockdep_match_key(parley_qlock_map(lock), &kind_of_queue);
#else
	return false;
#endif
}

static void lock_is_of_its_kind(struct kunit *test)
{
	struct fake *fake;

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		kunit_skip(test, "needs lockdep");
	front->spec.key = &kind_of_queue;
	fake = parley_fake_run(test, 0);
	KUNIT_EXPECT_TRUE(test, is_of_that_kind(&fake->v.pd.queues[0].lock));
}

static void polled_queue_never_interrupts(struct kunit *test)
{
	const struct ring_kind *kind = test->param_value;
	struct parley_queue *queue;
	struct fake *fake;

	front->spec.flags = PARLEY_QUEUE_POLLED;
	fake = parley_fake_run(test, kind->features);
	queue = &fake->v.pd.queues[0];
	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	parley_fake_use(fake, 0, 0);
	/* A shared interrupt of another queue leaves it alone. */
	KUNIT_EXPECT_EQ(test, IRQ_NONE, parley_device_interrupt(&fake->v));
	KUNIT_EXPECT_EQ(test, 1, parley_queue_poll(queue, UINT_MAX, NULL));
	/* The event index only ever says which the next would be. */
	if (!kind->features)
		KUNIT_EXPECT_FALSE(test, parley_fake_wants_interrupt(fake, 0));
	KUNIT_EXPECT_EQ(test, 1, front->done);
}

/* Interrupts */

static void group_shares_an_interrupt(struct kunit *test)
{
	struct parley_queue *queues;
	struct fake *fake;

	front->nr_queues = 3;
	front->spec.group = 7;
	fake = parley_fake_run(test, 0);
	queues = fake->v.pd.queues;
	KUNIT_EXPECT_EQ(test, 7, queues[0].vector);
	KUNIT_EXPECT_EQ(test, 7, queues[2].vector);
	queues[1].vector = 8;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 1));
	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 2));
	parley_fake_use(fake, 1, 0);
	parley_fake_use(fake, 2, 0);
	/* The queues of a vector, and no others. */
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, parley_vector_interrupt(&fake->v, 7));
	KUNIT_EXPECT_EQ(test, 1, front->done);
	KUNIT_EXPECT_EQ(test, IRQ_NONE, parley_vector_interrupt(&fake->v, 7));
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, parley_vector_interrupt(&fake->v, 8));
	KUNIT_EXPECT_EQ(test, 2, front->done);
}

static void front_end_learns_its_interrupt(struct kunit *test)
{
	struct parley_queue *queue;
	struct fake *fake;

	fake = parley_fake_run(test, 0);
	queue = &fake->v.pd.queues[1];
	KUNIT_EXPECT_EQ(test, FAKE_VECTOR + 1, parley_queue_irq(queue));
	KUNIT_EXPECT_EQ(test, 0, parley_queue_set_affinity(queue, cpumask_of(0)));
	KUNIT_EXPECT_TRUE(test, cpumask_equal(&fake->affinity, cpumask_of(0)));
	queue->spec.flags |= PARLEY_QUEUE_POLLED;
	KUNIT_EXPECT_EQ(test, -ENXIO, parley_queue_irq(queue));
}

/* Resize */

static struct fake *resize_device(struct kunit *test, u64 features)
{
	struct fake *fake = parley_fake_make(test);

	front->spec.size = 16;
	fake->size = 64;
	fake->offered |= features;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_ASSERT_TRUE(test, parley_fake_bound(fake));
	return fake;
}

/* So many buffers of one descriptor fit. */
static unsigned int room(struct fake *fake)
{
	unsigned int n = 0;

	while (n < 1000 && !parley_fake_put(fake, 0))
		n++;
	return n;
}

static const struct ring_kind formats[] = {
	{ "split", QUEUE_RESET }, { "packed", QUEUE_RESET | PACKED },
};

KUNIT_ARRAY_PARAM_DESC(format, formats, name);

static void live_queue_is_resized(struct kunit *test)
{
	static const unsigned int sizes[] = { 64, 1, 32 };
	const struct ring_kind *format = test->param_value;
	struct fake *fake = resize_device(test, format->features);
	struct parley_queue *queue = &fake->v.pd.queues[0];
	unsigned int i, put = 0;

	KUNIT_EXPECT_EQ(test, 16, fake->num[0]);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		put += room(fake);
		KUNIT_EXPECT_EQ(test, 0, parley_queue_resize(queue, sizes[i]));
		KUNIT_EXPECT_EQ(test, sizes[i], fake->num[0]);
		KUNIT_EXPECT_EQ(test, sizes[i], parley_drvq_size(queue->vq));
		/* What was in flight came back; the other queue is as it was. */
		KUNIT_EXPECT_EQ(test, put, front->repeated);
		KUNIT_EXPECT_EQ(test, 16, fake->num[1]);
	}
	KUNIT_EXPECT_EQ(test, 32, room(fake));
	KUNIT_EXPECT_EQ(test, 3, front->stops);
	KUNIT_EXPECT_EQ(test, 3, front->starts);
	KUNIT_EXPECT_EQ(test, 0, front->wrong);
	KUNIT_EXPECT_EQ(test, 0, fake->v.m.faults);

	/* It outlives a reset of the device. */
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, -EAGAIN, parley_queue_resize(queue, 16));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 32, fake->num[0]);
	KUNIT_EXPECT_EQ(test, 32, room(fake));
}

static void what_was_completed_before_a_resize_counts(struct kunit *test)
{
	struct fake *fake = resize_device(test, QUEUE_RESET);

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	parley_fake_use(fake, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, parley_queue_resize(&fake->v.pd.queues[0], 8));
	KUNIT_EXPECT_EQ(test, 1, front->done);
	KUNIT_EXPECT_EQ(test, 1, front->repeated);
}

static void bad_sizes_are_refused(struct kunit *test)
{
	static const unsigned int bad[] = { 0, 3, 128, 65536, UINT_MAX };
	struct fake *fake = resize_device(test, QUEUE_RESET);
	struct parley_queue *queue = &fake->v.pd.queues[0];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, -EINVAL, parley_queue_resize(queue, bad[i]));
	KUNIT_EXPECT_EQ(test, 0, front->stops);
	parley_device_surprise(&fake->v);
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_queue_resize(queue, 8));
}

static void resize_needs_its_feature(struct kunit *test)
{
	struct fake *fake = resize_device(test, 0);

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			parley_queue_resize(&fake->v.pd.queues[0], 8));
}

static bool recovered(struct fake *fake)
{
	return READ_ONCE(front->reapplies);
}

/* What a device does with a queue that it does not let go nobody knows. */
static void failed_resize_starts_the_device_anew(struct kunit *test)
{
	struct fake *fake = resize_device(test, QUEUE_RESET);

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	fake->disable_err = -ETIMEDOUT;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			parley_queue_resize(&fake->v.pd.queues[0], 8));
	KUNIT_EXPECT_TRUE(test, parley_fake_until(recovered, fake));
	flush_work(&fake->v.m.recover_work);
	KUNIT_EXPECT_EQ(test, 1, front->failed);
	KUNIT_EXPECT_EQ(test, PARLEY_LIVE, fake->v.m.phase);
	KUNIT_EXPECT_EQ(test, 16, fake->num[0]);
	KUNIT_EXPECT_EQ(test, 0, front->wrong);
}

/* Kicks */

static int put_early;

static void put_one(struct fake *fake)
{
	put_early = parley_fake_put(fake, 0);
}

static void expect_one_kick_in_time(struct kunit *test, struct fake *fake)
{
	KUNIT_EXPECT_EQ(test, 0, put_early);
	KUNIT_EXPECT_EQ(test, 1, fake->kicks);
	KUNIT_EXPECT_EQ(test, 0, fake->early_kicks);
	KUNIT_EXPECT_FALSE(test, parley_drvq_broken(fake->v.pd.queues[0].vq));
	/* And from here on at once. */
	KUNIT_EXPECT_EQ(test, 0, parley_fake_put(fake, 0));
	KUNIT_EXPECT_EQ(test, 2, fake->kicks);
	KUNIT_EXPECT_EQ(test, 0, fake->early_kicks);
}

/* Whoever asks is not held back by stop(): a reader of entropy, a command. */
static void restarted_device_is_kicked_after_driver_ok(struct kunit *test)
{
	const struct ring_kind *format = test->param_value;
	struct fake *fake = resize_device(test, format->features);

	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	/* When its second queue is enabled the first one is a ring already. */
	put_early = -EINVAL;
	fake->act_at = 1;
	fake->in_enable = put_one;
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	expect_one_kick_in_time(test, fake);
}

static void new_device_is_kicked_after_driver_ok(struct kunit *test)
{
	const struct ring_kind *format = test->param_value;
	struct fake *fake = parley_fake_make(test);

	put_early = -EINVAL;
	fake->offered |= format->features;
	fake->act_at = 1;
	fake->in_enable = put_one;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_ASSERT_TRUE(test, parley_fake_bound(fake));
	expect_one_kick_in_time(test, fake);
}

static void resized_queue_is_kicked_once_it_is_enabled(struct kunit *test)
{
	const struct ring_kind *format = test->param_value;
	struct fake *fake = resize_device(test, format->features);

	put_early = -EINVAL;
	fake->act_at = 0;
	fake->in_enable = put_one;
	KUNIT_EXPECT_EQ(test, 0, parley_queue_resize(&fake->v.pd.queues[0], 32));
	expect_one_kick_in_time(test, fake);
}

/* A queue of the transport's */

static unsigned int own_done, own_repeated;

static void own_complete(struct parley_queue *queue,
			 const struct parley_done *done, unsigned int nr,
			 void *ctx)
{
	own_done += nr;
}

static void own_give_back(struct parley_queue *queue, void *cookie,
			  enum parley_fate fate)
{
	own_repeated += fate == PARLEY_REPEAT;
}

static struct fake *own_device(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	own_done = 0;
	own_repeated = 0;
	fake->has_own = true;
	fake->own = (struct parley_queue_spec) {
		.name = "own", .index = FAKE_QUEUES - 1,
		.complete = own_complete, .give_back = own_give_back,
	};
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_ASSERT_TRUE(test, parley_fake_bound(fake));
	return fake;
}

static int own_put(struct fake *fake, struct parley_queue *own)
{
	struct parley_seg seg = { virt_to_phys(fake), sizeof(*fake) };
	struct parley_buf buf = { .segs = &seg, .cookie = fake, .n_out = 1 };
	int err;

	scoped_guard(parley_qlock_irq, &own->lock)
		err = parley_drvq_submit(own->vq, &buf, GFP_ATOMIC);
	return err;
}

static void transport_has_a_queue_of_its_own(struct kunit *test)
{
	struct fake *fake = own_device(test);
	struct parley_queue *own = parley_own_queue(&fake->v, 0);

	KUNIT_ASSERT_NOT_NULL(test, own);
	KUNIT_EXPECT_NULL(test, parley_own_queue(&fake->v, 1));
	/* The front-end does not see it. */
	KUNIT_EXPECT_EQ(test, 2, fake->v.pd.nr_queues);
	KUNIT_EXPECT_EQ(test, BIT(0) | BIT(1) | BIT(FAKE_QUEUES - 1),
			fake->enabled);
	KUNIT_ASSERT_EQ(test, 0, own_put(fake, own));
	parley_fake_use(fake, FAKE_QUEUES - 1, 0);
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED,
			parley_vector_interrupt(&fake->v, own->vector));
	KUNIT_EXPECT_EQ(test, 1, own_done);
	KUNIT_EXPECT_EQ(test, 0, front->done);
}

static void own_queue_survives_a_reset(struct kunit *test)
{
	struct fake *fake = own_device(test);
	struct parley_queue *own = parley_own_queue(&fake->v, 0);

	KUNIT_ASSERT_EQ(test, 0, own_put(fake, own));
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 1, own_repeated);
	KUNIT_EXPECT_EQ(test, -EIO, own_put(fake, own));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_PTR_EQ(test, own, parley_own_queue(&fake->v, 0));
	KUNIT_EXPECT_EQ(test, 0, own_put(fake, own));
	parley_device_surprise(&fake->v);
	KUNIT_EXPECT_EQ(test, -EIO, own_put(fake, own));
}

/* Memory of the transport's */

#define OWN_BUS		BIT_ULL(60)

static unsigned int own_areas, own_maps;

static void *own_alloc(const struct parley_mem *mem, size_t size, u64 *addr, gfp_t gfp)
{
	void *virt = alloc_pages_exact(PAGE_ALIGN(size), gfp | __GFP_ZERO);

	own_areas += !!virt;
	*addr = OWN_BUS + virt_to_phys(virt);
	return virt;
}

static void own_free(const struct parley_mem *mem, size_t size, void *virt, u64 addr)
{
	own_areas--;
	free_pages_exact(virt, PAGE_ALIGN(size));
}

static int own_map(const struct parley_mem *mem, u64 phys, u32 len, bool write,
		   u64 *addr)
{
	own_maps++;
	*addr = OWN_BUS + phys;
	return 0;
}

static void own_unmap(const struct parley_mem *mem, u64 addr, u32 len, bool write)
{
	own_maps--;
}

static const struct parley_mem_ops own_mem_ops = {
	.alloc = own_alloc, .free = own_free, .map = own_map, .unmap = own_unmap,
};

static void queues_lie_in_the_transports_memory(struct kunit *test)
{
	const struct parley_mem mem = { .ops = &own_mem_ops };
	struct fake *fake = parley_fake_make(test);

	own_areas = 0;
	own_maps = 0;
	fake->mem = &mem;
	fake->max_mapping = PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_ASSERT_TRUE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_GT(test, own_areas, 0);
	KUNIT_EXPECT_GE(test, fake->addr[0].desc, OWN_BUS);
	KUNIT_EXPECT_GE(test, fake->addr[0].device, OWN_BUS);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, parley_max_mapping(&fake->v.pd));
	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	KUNIT_EXPECT_EQ(test, 1, own_maps);
	/* It is taken back when the device is removed. */
	device_release_driver(&fake->v.pd.dev);
	KUNIT_EXPECT_EQ(test, 0, own_maps);
	KUNIT_EXPECT_EQ(test, 0, own_areas);
}

static struct kunit_case queue_cases[] = {
	KUNIT_CASE_PARAM(interrupt_asks_the_owner_to_poll, ring_kind_gen_params),
	KUNIT_CASE_PARAM(poll_that_used_its_budget_stays_disarmed,
			 ring_kind_gen_params),
	KUNIT_CASE_PARAM(poll_for_nothing_changes_nothing, ring_kind_gen_params),
	KUNIT_CASE_PARAM(arm_tells_of_what_came_meanwhile, ring_kind_gen_params),
	KUNIT_CASE(unlocked_queue_takes_no_lock),
	KUNIT_CASE(unlocked_queue_is_recovered),
	KUNIT_CASE(lock_is_of_its_kind),
	KUNIT_CASE_PARAM(polled_queue_never_interrupts, ring_kind_gen_params),
	KUNIT_CASE(group_shares_an_interrupt),
	KUNIT_CASE(front_end_learns_its_interrupt),
	KUNIT_CASE_PARAM(live_queue_is_resized, format_gen_params),
	KUNIT_CASE(what_was_completed_before_a_resize_counts),
	KUNIT_CASE(bad_sizes_are_refused),
	KUNIT_CASE(resize_needs_its_feature),
	KUNIT_CASE(failed_resize_starts_the_device_anew),
	KUNIT_CASE_PARAM(restarted_device_is_kicked_after_driver_ok,
			 format_gen_params),
	KUNIT_CASE_PARAM(new_device_is_kicked_after_driver_ok,
			 format_gen_params),
	KUNIT_CASE_PARAM(resized_queue_is_kicked_once_it_is_enabled,
			 format_gen_params),
	KUNIT_CASE(transport_has_a_queue_of_its_own),
	KUNIT_CASE(own_queue_survives_a_reset),
	KUNIT_CASE(queues_lie_in_the_transports_memory),
	{}
};

static struct kunit_suite queue_suite = {
	.name = "parley_guest_queues",
	.suite_init = parley_fake_suite_init,
	.suite_exit = parley_fake_suite_exit,
	.init = parley_fake_case_init,
	.test_cases = queue_cases,
};

kunit_test_suite(queue_suite);
