// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loopback transport end to end: the front-end of tester.c, the guest
 * model, the core in both roles, and the mock engine.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <parley/export.h>
#include <uapi/linux/virtio_config.h>
#include "../loopback_priv.h"
#include "mock_priv.h"
#include "tester.h"

#define RING_RESET	BIT_ULL(VIRTIO_F_RING_RESET)
#define BURST		32

static struct parley_device *pd_of(struct parley_mock *mock)
{
	return parley_loopback_device(mock->lb);
}

static const struct parley_transport_ops *ops_of(struct parley_device *pd)
{
	return to_parley_vdev(pd)->ops;
}

/* Data */

static void echo_one_by_one(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 1);
	struct tester *t = tester_of(mock);
	unsigned int pieces;

	for (pieces = 1; pieces <= TESTER_PIECES_MAX; pieces *= 2)
		KUNIT_EXPECT_EQ(test, 0, tester_echo(t, 0, pieces, 100));
	/* Real contexts: whoever holds a lock in complete() relies on it. */
	KUNIT_EXPECT_GT(test, atomic_read(&t->calls), 0);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&t->soft));
	KUNIT_EXPECT_EQ(test, 300, atomic_read(&mock->served));
}

static void echo_bursts_out_of_order(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 1);
	struct tester *t = tester_of(mock);
	struct tester_req *reqs[BURST / 4];
	unsigned int round, i;

	WRITE_ONCE(mock->shuffle, true);
	for (round = 0; round < 5; round++) {
		WRITE_ONCE(mock->hold, true);
		for (i = 0; i < ARRAY_SIZE(reqs); i++)
			reqs[i] = tester_flying(test, t, 0, 16 * round + i);
		WRITE_ONCE(mock->hold, false);
		parley_mock_release(mock);
		for (i = 0; i < ARRAY_SIZE(reqs); i++) {
			KUNIT_ASSERT_EQ(test, 0, tester_wait(reqs[i]));
			KUNIT_EXPECT_TRUE(test, tester_answer_right(reqs[i]));
		}
	}
}

/* Nobody is interrupted; whoever polls finds it. */
static void polled_queue_waits_for_its_poll(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_queue *queue;
	struct parley_mock *mock;
	struct tester_req *req;
	struct tester *t;
	unsigned int i;

	tester_options.flags = PARLEY_QUEUE_POLLED;
	mock = tester_mock_of(test, ring->features, 1);
	t = tester_of(mock);
	queue = &t->pd->queues[0];
	KUNIT_EXPECT_EQ(test, -1, queue->vector);
	req = tester_flying(test, t, 0, 1);
	for (i = 0; i < 2000 && !parley_drvq_pending(queue->vq); i++)
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&t->calls));
	KUNIT_EXPECT_EQ(test, 1, parley_queue_poll(queue, UINT_MAX, NULL));
	KUNIT_EXPECT_EQ(test, 0, tester_wait(req));
	KUNIT_EXPECT_TRUE(test, tester_answer_right(req));
}

struct echo_thread {
	struct tester *t;
	unsigned int queue;
	int err;
	struct completion done;
};

static int echo_thread(void *arg)
{
	struct echo_thread *e = arg;

	e->err = tester_echo(e->t, e->queue, 1 + e->queue % 2, 200);
	complete(&e->done);
	return 0;
}

static void echo_on_four_queues_at_once(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 4);
	struct echo_thread e[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct task_struct *task;

		e[i] = (struct echo_thread) { tester_of(mock), i, -EINTR };
		init_completion(&e[i].done);
		task = kthread_run(echo_thread, &e[i], "parley-echo%u", i);
		if (IS_ERR(task))
			complete(&e[i].done);
	}
	for (i = 0; i < 4; i++)
		wait_for_completion(&e[i].done);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, 0, e[i].err);
	KUNIT_EXPECT_EQ(test, 800, atomic_read(&mock->served));
}

/* With PREEMPT_RT a spinlock sleeps, which nobody may in a hard interrupt. */
static void interrupts_may_take_spinlocks(struct kunit *test)
{
	struct parley_mock *mock = tester_mock_of(test, 0, 1);

	KUNIT_EXPECT_FALSE(test, irq_work_is_hard(&mock->lb->config_call));
	KUNIT_EXPECT_FALSE(test, irq_work_is_hard(&to_lb_queue(mock->queues[0]->lq)->call));
}

/* Start and stop */

static void nothing_is_served_before_driver_ok(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock;
	struct tester *t;

	tester_options.early = true;
	mock = tester_mock_of(test, ring->features, 1);
	t = tester_of(mock);
	/* Its kick came too early; it is served all the same, once allowed. */
	KUNIT_ASSERT_EQ(test, 0, tester_wait(t->early));
	KUNIT_EXPECT_TRUE(test, tester_answer_right(t->early));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&tester_echo_state.too_early));
}

struct slow_leave {
	struct completion entered;
	struct completion leave;
	bool left;
};

static int slow_leave_thread(void *arg)
{
	struct slow_leave *s = arg;

	wait_for_completion(&s->entered);
	msleep(100);
	WRITE_ONCE(s->left, true);
	complete_all(&s->leave);
	return 0;
}

static void stop_waits_for_the_device(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 1);
	struct tester *t = tester_of(mock);
	struct parley_device *pd = pd_of(mock);
	struct slow_leave s = { .left = false };
	struct task_struct *task;
	struct tester_req *req;
	int served;

	init_completion(&s.entered);
	init_completion(&s.leave);
	tester_echo_state.leave = &s.leave;
	tester_echo_state.entered = &s.entered;
	task = kthread_run(slow_leave_thread, &s, "parley-leave");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	req = tester_flying(test, t, 0, 1);
	while (!completion_done(&s.entered) && !READ_ONCE(s.left))
		fsleep(1000);
	device_lock(&pd->dev);
	parley_device_close(pd);
	/* The device was in the middle of it; now it is not. */
	KUNIT_EXPECT_TRUE(test, READ_ONCE(s.left));
	tester_echo_state.entered = NULL;
	/* A kick that comes too late is lost. */
	served = atomic_read(&mock->served);
	KUNIT_EXPECT_TRUE(test, ops_of(pd)->notify(&pd->queues[0], 0));
	msleep(20);
	KUNIT_EXPECT_EQ(test, served, atomic_read(&mock->served));
	device_unlock(&pd->dev);
	tester_mock_end(test, mock);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&req->acks));
}

struct late_call {
	struct parley_loopback_queue *lq;
	struct completion called;
	bool released;
};

/* Raises an interrupt where it cannot be taken for a while. */
static int late_call_thread(void *arg)
{
	struct late_call *c = arg;
	unsigned long flags;

	local_irq_save(flags);
	parley_loopback_call(c->lq);
	complete(&c->called);
	mdelay(100);
	WRITE_ONCE(c->released, true);
	local_irq_restore(flags);
	return 0;
}

static void stop_waits_for_the_interrupt(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 1);
	struct parley_device *pd = pd_of(mock);
	struct late_call c = { .lq = mock->queues[0]->lq };
	struct task_struct *task;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two processors");
	init_completion(&c.called);
	task = kthread_create(late_call_thread, &c, "parley-late");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	/* Not where we wait. */
	kthread_bind(task, cpumask_any_but(cpu_online_mask,
					   raw_smp_processor_id()));
	wake_up_process(task);
	while (!completion_done(&c.called))
		cpu_relax();
	device_lock(&pd->dev);
	parley_device_close(pd);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(c.released));
	device_unlock(&pd->dev);
	/* The thread's stack variable is ours. */
	while (!READ_ONCE(c.released))
		fsleep(1000);
}

static void one_queue_is_reset_alone(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock =
		tester_mock_of(test, ring->features | RING_RESET, 2);
	struct tester *t = tester_of(mock);
	struct parley_queue *queue = &t->pd->queues[0];
	struct tester_req *req[2];
	unsigned int i;

	WRITE_ONCE(mock->hold, true);
	req[0] = tester_flying(test, t, 0, 1);
	req[1] = tester_flying(test, t, 1, 2);
	KUNIT_ASSERT_EQ(test, 0,
			parley_queue_resize(queue, parley_drvq_size(queue->vq)));
	WRITE_ONCE(mock->hold, false);
	parley_mock_release(mock);
	/* What it had was put again; the other queue did not notice. */
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		KUNIT_EXPECT_EQ(test, 0, tester_wait(req[i]));
		KUNIT_EXPECT_TRUE(test, tester_answer_right(req[i]));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&req[i]->acks));
	}
	KUNIT_EXPECT_EQ(test, 0, tester_echo(t, 0, 2, 50));
	KUNIT_EXPECT_EQ(test, 0, tester_echo(t, 1, 2, 50));
}

/* The device object */

static void a_late_reference_keeps_the_object(struct kunit *test)
{
	struct parley_mock *mock = tester_mock_of(test, 0, 1);
	struct parley_device *pd = pd_of(mock);

	get_device(&pd->dev);
	tester_mock_end(test, mock);
	/* KASAN watches these. */
	KUNIT_EXPECT_EQ(test, TESTER_TYPE, pd->id.device);
	KUNIT_EXPECT_EQ(test, -ENODEV, ops_of(pd)->reset(pd));
	put_device(&pd->dev);
}

static void kick_nothing(struct parley_loopback_queue *queue)
{
}

static void nonsense_is_not_created(struct kunit *test)
{
	static const struct parley_loopback_ops ops = { .kick = kick_nothing };
	static const struct parley_loopback_ops no_kick;
	static const struct parley_loopback_config good = {
		.id = { .device = TESTER_TYPE + 1 },
		.nr_queues = 1,
		.queue_size = 8,
		.ops = &ops,
	};
	struct parley_loopback_config bad[8];
	struct parley_loopback *lb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].ops = NULL;
	bad[1].ops = &no_kick;
	bad[2].id.device = 0;
	bad[3].nr_queues = 0;
	bad[4].queue_size = 0;
	bad[5].queue_size = PARLEY_VQ_SIZE_MAX + 1;
	bad[6].features = BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	bad[7].config_len = 4;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    PTR_ERR_OR_ZERO(parley_loopback_create(&bad[i])),
				    "configuration %u", i);
	/* Alone on the bus, without a front-end. */
	lb = parley_loopback_create(&good);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, lb);
	parley_loopback_config_changed(lb);
	parley_loopback_needs_reset(lb);
	parley_loopback_destroy(lb);
}

/* Configuration */

static void config_change_is_one_generation(struct kunit *test)
{
	struct parley_mock *mock = tester_mock_of(test, 0, 1);
	struct parley_device *pd = pd_of(mock);
	u32 before = ops_of(pd)->generation(pd);
	u8 bytes[40], got[32];

	memset(bytes, 0x11, sizeof(bytes));
	parley_loopback_config_update(mock->lb, 28, bytes, 40);
	KUNIT_EXPECT_EQ(test, before + 1, ops_of(pd)->generation(pd));
	/* Beyond the end there is nothing to change. */
	parley_loopback_config_update(mock->lb, 32, bytes, 1);
	KUNIT_EXPECT_EQ(test, before + 1, ops_of(pd)->generation(pd));
	KUNIT_ASSERT_EQ(test, 0, parley_config_read(pd, 0, got, 32));
	KUNIT_EXPECT_EQ(test, 0, got[27]);
	KUNIT_EXPECT_EQ(test, 0x11, got[28]);
	KUNIT_EXPECT_EQ(test, 0x11, got[31]);
	/* Read-only, as this device has no config_write(). */
	KUNIT_EXPECT_EQ(test, 0, parley_config_write(pd, 0, bytes, 4));
	KUNIT_ASSERT_EQ(test, 0, parley_config_read(pd, 0, got, 4));
	KUNIT_EXPECT_EQ(test, 0, got[0]);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_config_read(pd, 30, got, 4));
}

static int config_writer(void *arg)
{
	struct parley_mock *mock = arg;
	u8 bytes[32], n = 0;

	while (!kthread_should_stop()) {
		memset(bytes, n++, sizeof(bytes));
		parley_loopback_config_update(mock->lb, 0, bytes, 32);
		udelay(1);
	}
	return 0;
}

static void config_reads_are_not_torn(struct kunit *test)
{
	struct parley_mock *mock = tester_mock_of(test, 0, 1);
	struct parley_device *pd = pd_of(mock);
	struct task_struct *task;
	unsigned int i, torn = 0;
	u8 got[32];

	task = kthread_run(config_writer, mock, "parley-config");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (i = 0; i < 20000; i++) {
		ops_of(pd)->config_read(pd, 0, got, sizeof(got));
		torn += !!memchr_inv(got, got[0], sizeof(got));
	}
	kthread_stop(task);
	KUNIT_EXPECT_EQ(test, 0u, torn);
}

static void config_interrupt_reaches_the_front_end(struct kunit *test)
{
	struct parley_mock *mock = tester_mock_of(test, 0, 1);
	struct tester *t = tester_of(mock);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, atomic_read(&t->config_changes));
	parley_loopback_config_changed(mock->lb);
	for (i = 0; i < 2000 && !atomic_read(&t->config_changes); i++)
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&t->config_changes));
}

/* Addresses */

/* Where a stretch of RAM ends and nothing follows. */
static u64 ram_end(struct parley_mock *mock)
{
	struct parley_memmap *map = to_lb_queue(mock->queues[0]->lq)->map;
	struct parley_region *last = &map->regions[map->nr - 1];

	return last->start + last->size;
}

static void a_ring_outside_ram_is_refused(struct kunit *test)
{
	struct parley_mock *mock = tester_mock_of(test, 0, 1);
	struct parley_device *pd = pd_of(mock);
	struct parley_vq_addr good, bad;
	struct parley_queue *queue = &pd->queues[0];
	u64 end = ram_end(mock);

	parley_drvq_addr(queue->vq, &good);
	device_lock(&pd->dev);
	parley_device_close(pd);
	KUNIT_EXPECT_EQ(test, 0, ops_of(pd)->set_features(pd, &pd->features));
	bad = good;
	bad.desc = BIT_ULL(50);
	KUNIT_EXPECT_EQ(test, -EFAULT, ops_of(pd)->queue_enable(queue, &bad, 64));
	bad = good;
	bad.device = end - 16;
	KUNIT_EXPECT_EQ(test, -EFAULT, ops_of(pd)->queue_enable(queue, &bad, 64));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			ops_of(pd)->queue_enable(queue, &good,
						 2 * TESTER_QUEUE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, ops_of(pd)->queue_enable(queue, &good, 64));
	KUNIT_EXPECT_EQ(test, -EBUSY, ops_of(pd)->queue_enable(queue, &good, 64));
	ops_of(pd)->reset(pd);
	device_unlock(&pd->dev);
}

/* Catalogue 5: a buffer may begin in memory and end in nowhere. */
static void bad_05_buffer_leaves_ram(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	static const u64 last = 64;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct parley_mock *mock =
			tester_mock_of(test, ring->features, 1);
		struct tester *t = tester_of(mock);
		struct parley_queue *queue = &t->pd->queues[0];
		struct parley_seg seg = {
			.addr = i ? ram_end(mock) - last : BIT_ULL(50),
			.len = 2 * last,
		};
		struct tester_req *req = tester_flying(test, t, 0, 1);
		struct parley_buf buf = {
			.segs = &seg,
			.n_out = 1,
			.cookie = req,
		};
		unsigned int ms;

		KUNIT_ASSERT_EQ(test, 0, tester_wait(req));
		parley_qlock_lock_irq(&queue->lock);
		KUNIT_EXPECT_EQ(test, 0,
				parley_drvq_submit(queue->vq, &buf, GFP_ATOMIC));
		parley_qlock_unlock_irq(&queue->lock);
		for (ms = 0; ms < 5000; ms++) {
			if (parley_devq_broken(mock->queues[0]->lq->vq))
				break;
			fsleep(1000);
		}
		KUNIT_EXPECT_TRUE(test,
				  parley_devq_broken(mock->queues[0]->lq->vq));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&mock->served));
		tester_mock_end(test, mock);
	}
}

static struct kunit_case loopback_cases[] = {
	KUNIT_CASE_PARAM(echo_one_by_one, tester_ring_gen),
	KUNIT_CASE_PARAM(echo_bursts_out_of_order, tester_ring_gen),
	KUNIT_CASE_PARAM(polled_queue_waits_for_its_poll, tester_ring_gen),
	KUNIT_CASE_PARAM(echo_on_four_queues_at_once, tester_format_gen),
	KUNIT_CASE(interrupts_may_take_spinlocks),
	KUNIT_CASE_PARAM(nothing_is_served_before_driver_ok, tester_format_gen),
	KUNIT_CASE_PARAM(stop_waits_for_the_device, tester_format_gen),
	KUNIT_CASE_PARAM(stop_waits_for_the_interrupt, tester_format_gen),
	KUNIT_CASE_PARAM(one_queue_is_reset_alone, tester_format_gen),
	KUNIT_CASE(a_late_reference_keeps_the_object),
	KUNIT_CASE(nonsense_is_not_created),
	KUNIT_CASE(config_change_is_one_generation),
	KUNIT_CASE(config_reads_are_not_torn),
	KUNIT_CASE(config_interrupt_reaches_the_front_end),
	KUNIT_CASE(a_ring_outside_ram_is_refused),
	KUNIT_CASE_PARAM(bad_05_buffer_leaves_ram, tester_format_gen),
	{}
};

static struct kunit_suite loopback_suite = {
	.name = "parley_loopback",
	.suite_init = tester_suite_init,
	.suite_exit = tester_suite_exit,
	.init = tester_case_init,
	.test_cases = loopback_cases,
};

kunit_test_suite(loopback_suite);

PARLEY_IMPORT;
/* Front-ends are found through the bus, not through symbols. */
#ifdef CONFIG_PAGE_POOL
MODULE_SOFTDEP("pre: parley_sched parley_blk parley_rng parley_net");
#else
MODULE_SOFTDEP("pre: parley_sched parley_blk parley_rng");
#endif
MODULE_DESCRIPTION("Parley: KUnit tests of the loopback transport, end to end");
MODULE_LICENSE("GPL");
