// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps of the gate as VFIO has them, as far as they depend on who makes them.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <parley/compat.h>
#include "gate_fake.h"

#define OVER_MS	2000

/* A device of which there is what the steps look at. */
struct fake_device {
	struct vfio_device vdev;
	struct device_driver driver;
	struct device parent;
	struct parley_gate g;
	struct completion released;
	struct completion done;
	void (*fn)(struct fake_device *d);
	struct kunit *test;
	int before;
};

static void fake_released(struct device *dev)
{
	complete(&container_of(dev, struct fake_device, vdev.device)->released);
}

static const struct parley_gate_user no_user = {};

static void device_end(void *gate)
{
	parley_gate_exit(gate);
}

static struct fake_device *device_new(struct kunit *test)
{
	struct fake_device *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->test = test;
	d->driver.owner = THIS_MODULE;
	d->parent.driver = &d->driver;
	d->vdev.dev = &d->parent;
	d->vdev.device.release = fake_released;
	device_initialize(&d->vdev.device);
	init_completion(&d->released);
	init_completion(&d->done);
	d->g.vdev = &d->vdev;
	KUNIT_ASSERT_EQ(test, 0, parley_gate_init(&d->g, &parley_gate_vfio, &no_user));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, device_end, &d->g));
	return d;
}

/* A thread of a program's, which has put its memory, as on its way to its end. */
static int program(void *data)
{
	struct fake_device *d = data;

	current->flags &= ~PF_KTHREAD;
	d->fn(d);
	current->flags |= PF_KTHREAD;
	complete(&d->done);
	return 0;
}

static void as_a_program(struct fake_device *d, void (*fn)(struct fake_device *d))
{
	struct task_struct *task;

	d->fn = fn;
	task = kthread_run(program, d, "parley-program");
	KUNIT_ASSERT_FALSE(d->test, IS_ERR(task));
	wait_for_completion(&d->done);
}

static int watch(struct fake_device *d)
{
	struct parley_gate_leaving *l = kzalloc(sizeof(*l), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(d->test, l);
	parley_gate_mark(l, &d->g);
	err = parley_gate_vfio.watch(&d->g, l);
	if (err)
		kfree(l);
	return err;
}

/* What is built in has no count that could be read. */
#if defined(MODULE) && defined(CONFIG_MODULE_UNLOAD)
static void is_watched(struct fake_device *d)
{
	KUNIT_EXPECT_EQ(d->test, 0, watch(d));
	/* For the device's code, and for the gate's, which is another's. */
	KUNIT_EXPECT_EQ(d->test, d->before + 1, module_refcount(THIS_MODULE));
	put_device(&d->vdev.device);
	KUNIT_EXPECT_FALSE(d->test, completion_done(&d->released));
}

static void who_comes_back_finds_device_and_driver(struct kunit *test)
{
	struct fake_device *d = device_new(test);
	unsigned int i;

	d->before = module_refcount(THIS_MODULE);
	as_a_program(d, is_watched);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&d->released,
							    msecs_to_jiffies(OVER_MS)));
	for (i = 0; i < OVER_MS / BEGUN_MS && module_refcount(THIS_MODULE) != d->before; i++)
		msleep(BEGUN_MS);
	KUNIT_EXPECT_EQ(test, d->before, module_refcount(THIS_MODULE));
}
#endif

/* It would be watched until it ends, which may be never. */
static void a_thread_of_the_kernel_does_not_come_back(struct kunit *test)
{
	struct fake_device *d = device_new(test);

	KUNIT_EXPECT_EQ(test, -ESRCH, watch(d));
	put_device(&d->vdev.device);
	KUNIT_EXPECT_TRUE(test, completion_done(&d->released));
}

static void copies_nothing(struct fake_device *d)
{
	u32 data;

	KUNIT_EXPECT_EQ(d->test, -EFAULT,
			parley_gate_vfio.rw(&d->g, 0, &data, sizeof(data), true));
}

/* VFIO would lend him memory, as it does to threads of the kernel's, and say that he is none. */
static void who_is_at_his_end_copies_nothing(struct kunit *test)
{
	struct fake_device *d = device_new(test);

	as_a_program(d, copies_nothing);
	put_device(&d->vdev.device);
}

static struct kunit_case vfio_cases[] = {
#if defined(MODULE) && defined(CONFIG_MODULE_UNLOAD)
	KUNIT_CASE(who_comes_back_finds_device_and_driver),
#endif
	KUNIT_CASE(a_thread_of_the_kernel_does_not_come_back),
	KUNIT_CASE(who_is_at_his_end_copies_nothing),
	{}
};

static struct kunit_suite vfio_suite = {
	.name = "parley_gate_vfio",
	.test_cases = vfio_cases,
};

kunit_test_suite(vfio_suite);
