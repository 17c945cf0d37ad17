// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest model between a fake transport and a fake front-end: how a device
 * comes to life and what it may say meanwhile.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/io.h>
#include <linux/virtio_anchor.h>
#include <parley/compat.h>
#include <parley/export.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>
#include "fake.h"

#define V1		BIT_ULL(VIRTIO_F_VERSION_1)
#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define EVENT		BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define PLATFORM	BIT_ULL(VIRTIO_F_ORDER_PLATFORM)

#define STATUS_GREETED	0x03	/* ACKNOWLEDGE, DRIVER */
#define STATUS_RUNS	0x0f	/* ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK */

static struct fake_front *const front = &parley_fake_front;

/* Negotiation */

static void features_are_what_both_know(struct kunit *test)
{
	u64 nobody_knows = BIT_ULL(7) | BIT_ULL(50);
	struct fake *fake = parley_fake_run(test, FAKE_F_ONE | PACKED | EVENT |
					    PLATFORM | nobody_knows);

	KUNIT_EXPECT_EQ(test, V1 | FAKE_F_ONE | PACKED | EVENT | PLATFORM,
			fake->accepted);
	KUNIT_EXPECT_EQ(test, fake->accepted,
			parley_features_low(&fake->v.pd.features));
	KUNIT_EXPECT_EQ(test, fake->offered,
			parley_features_low(&fake->v.m.offered));
	KUNIT_EXPECT_EQ(test, STATUS_RUNS, fake->status);
}

/* What sysfs says, without the newline. */
static size_t features_shown(struct fake *fake, char *buf, size_t size)
{
	struct file *file;
	char path[64];
	loff_t pos = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/parley/devices/%s/features",
		 dev_name(&fake->v.pd.dev));
	scoped_with_init_fs()
		file = filp_open(path, O_RDONLY, 0);
	if (IS_ERR(file))
		return 0;
	n = kernel_read(file, buf, size, &pos);
	fput(file);
	return n > 0 ? n - 1 : 0;
}

static void features_above_63_are_negotiated(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);
	struct parley_device *pd = &fake->v.pd;
	char shown[256];

	fake->offered |= FAKE_F_ONE;
	/* Ours, and one that nobody knows. */
	fake->offered_high = BIT_ULL(FAKE_HIGH - 64) | BIT_ULL(63);
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_EQ(test, V1 | FAKE_F_ONE, fake->accepted);
	KUNIT_EXPECT_EQ(test, BIT_ULL(FAKE_HIGH - 64), fake->accepted_high);
	KUNIT_EXPECT_TRUE(test, parley_has_feature(pd, FAKE_HIGH));
	KUNIT_EXPECT_FALSE(test, parley_has_feature(pd, 127));
	KUNIT_EXPECT_FALSE(test, parley_has_feature(pd, PARLEY_FEATURE_BITS));
	KUNIT_EXPECT_FALSE(test, parley_has_feature(pd, UINT_MAX));
	KUNIT_EXPECT_EQ(test, 128, features_shown(fake, shown, sizeof(shown)));
	KUNIT_EXPECT_EQ(test, '1', shown[3]);
	KUNIT_EXPECT_EQ(test, '1', shown[FAKE_HIGH]);
	KUNIT_EXPECT_EQ(test, '0', shown[127]);

	/* It came back with less. */
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	fake->offered_high = 0;
	KUNIT_EXPECT_EQ(test, -ENODEV,
			parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
}

static void features_are_shown_as_ever(struct kunit *test)
{
	char shown[256];

	KUNIT_EXPECT_EQ(test, 64, features_shown(parley_fake_run(test, 0), shown,
						 sizeof(shown)));
	KUNIT_EXPECT_EQ(test, '1', shown[VIRTIO_F_VERSION_1]);
}

static void check_drops_features(struct kunit *test)
{
	struct fake *fake;

	front->dropped = FAKE_F_TWO | V1;
	fake = parley_fake_run(test, FAKE_F_ONE | FAKE_F_TWO);
	/* What the ring needs is not the front-end's to drop. */
	KUNIT_EXPECT_EQ(test, V1 | FAKE_F_ONE, fake->accepted);
}

static void legacy_device_is_refused(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	fake->offered = FAKE_F_ONE;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_EQ(test, 0, front->probes);
	KUNIT_EXPECT_EQ(test, STATUS_GREETED | VIRTIO_CONFIG_S_FAILED,
			fake->status);
}

#ifdef CONFIG_VIRTIO_ANCHOR

static bool (*really_hidden)(struct virtio_device *vdev);

static void memory_as_before(void *unused)
{
	virtio_set_mem_acc_cb(really_hidden);
}

/* On a machine of SEV, TDX ... the kernel's own drivers ask for that, too. */
static void hidden_memory_needs_access_platform(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	really_hidden = virtio_check_mem_acc_cb;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, memory_as_before,
							   NULL));
	virtio_set_mem_acc_cb(virtio_require_restricted_mem_acc);
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_EQ(test, 0, front->probes);
	KUNIT_EXPECT_EQ(test, STATUS_GREETED | VIRTIO_CONFIG_S_FAILED,
			fake->status);

	/* Another one; its probe would make rings for DMA, of which it has none. */
	parley_fake_unplug(test, fake);
	fake = parley_fake_make(test);
	fake->offered |= BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	front->nr_queues = 0;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_EQ(test, 1, front->probes);
	KUNIT_EXPECT_TRUE(test, fake->accepted & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));
}

#endif

static void features_taken_back_are_refused(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	fake->no_status = VIRTIO_CONFIG_S_FEATURES_OK;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_EQ(test, 0, front->probes);
	KUNIT_EXPECT_EQ(test, STATUS_GREETED | VIRTIO_CONFIG_S_FEATURES_OK |
			VIRTIO_CONFIG_S_FAILED, fake->status);
}

static void silent_device_is_refused(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	fake->stuck_status = 0xff;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_EQ(test, 0, front->probes);
}

static void reset_without_end_is_refused(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	fake->reset_err = -ETIMEDOUT;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, parley_fake_plug(test, fake));
	KUNIT_EXPECT_EQ(test, 0, front->probes);
}

static void half_refused(struct kunit *test, struct parley_driver *drv)
{
	int err = parley_driver_register(drv);

	KUNIT_EXPECT_EQ(test, -EINVAL, err);
	if (!err)
		parley_driver_unregister(drv);
}

static int never_probe(struct parley_device *pd)
{
	return -ENODEV;
}

static void never(struct parley_device *pd)
{
}

/* They are called in turn, so there are both or neither. */
static void stop_without_start_is_refused(struct kunit *test)
{
	static const struct virtio_device_id none[] = { { } };
	static struct parley_driver drv;

	drv = (struct parley_driver) {
		.driver.name = "parley_half", .ids = none,
		.probe = never_probe, .remove = never, .stop = never,
	};
	half_refused(test, &drv);
	drv = (struct parley_driver) {
		.driver.name = "parley_half", .ids = none,
		.probe = never_probe, .remove = never, .start = never,
	};
	half_refused(test, &drv);
}

static void failed_probe_leaves_nothing(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	front->probe_err = -EINVAL;
	front->own_ready = true;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_EQ(test, 1, front->probes);
	KUNIT_EXPECT_EQ(test, 0, fake->v.pd.nr_queues);
	KUNIT_EXPECT_EQ(test, 0, fake->enabled);
	KUNIT_EXPECT_FALSE(test, fake->vectors);
	KUNIT_EXPECT_FALSE(test, fake->vectors_early);
	/* It was reset: there is nothing else to keep. */
	KUNIT_EXPECT_EQ(test, VIRTIO_CONFIG_S_FAILED, fake->status);
}

/* Configuration */

static void bad_27_config_bounds(struct kunit *test)
{
	static const struct {
		unsigned int offset, len;
	} bad[] = {
		{ FAKE_CONFIG, 1 }, { FAKE_CONFIG - 1, 2 },
		{ 0, FAKE_CONFIG + 1 }, { UINT_MAX, 1 }, { UINT_MAX - 3, 8 },
	};
	struct fake *fake = parley_fake_run(test, 0);
	u8 buf[FAKE_CONFIG + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(buf, 0xaa, sizeof(buf));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				parley_config_read(&fake->v.pd, bad[i].offset,
						   buf, bad[i].len));
		/* Nothing old may look like configuration. */
		KUNIT_EXPECT_EQ(test, 0, buf[0]);
		KUNIT_EXPECT_EQ(test, -EINVAL,
				parley_config_write(&fake->v.pd, bad[i].offset,
						    buf, bad[i].len));
	}
	KUNIT_EXPECT_EQ(test, -EINVAL,
			parley_config_write(&fake->v.pd, 4, buf, UINT_MAX - 3));
	KUNIT_EXPECT_EQ(test, 0, fake->reads);
	KUNIT_EXPECT_EQ(test, 0,
			parley_config_read(&fake->v.pd, 0, buf, FAKE_CONFIG));
	KUNIT_EXPECT_EQ(test, 0,
			parley_config_read(&fake->v.pd, FAKE_CONFIG, buf, 0));
}

static void config_without_rest_is_an_error(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);
	u32 val = 0xaaaaaaaa;

	fake->restless = -1;
	KUNIT_EXPECT_EQ(test, -EIO, parley_config_read(&fake->v.pd, 0, &val, 4));
	KUNIT_EXPECT_EQ(test, 0, val);
	KUNIT_EXPECT_GT(test, fake->reads, 1);
	KUNIT_EXPECT_LE(test, fake->reads, 100);
}

static void config_is_read_until_it_rests(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);
	u8 val;

	fake->restless = 3;
	KUNIT_EXPECT_EQ(test, 0, parley_config_read(&fake->v.pd, 0, &val, 1));
	KUNIT_EXPECT_EQ(test, 4, fake->reads);
	KUNIT_EXPECT_EQ(test, 3, val);
}

struct fake_config {
	u8 a;
	u8 b;
	__le16 c;
	__le32 d;
	__le64 e;
};

static void config_fields_are_little_endian(struct kunit *test)
{
	static const u8 raw[sizeof(struct fake_config)] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	};
	struct fake *fake = parley_fake_run(test, 0);
	struct parley_device *pd = &fake->v.pd;
	u8 b;
	u16 c;
	u32 d;
	u64 e;

	KUNIT_EXPECT_EQ(test, 0, parley_config_write(pd, 0, raw, sizeof(raw)));
	KUNIT_EXPECT_EQ(test, 0, parley_config_get(pd, struct fake_config, b, &b));
	KUNIT_EXPECT_EQ(test, 0, parley_config_get(pd, struct fake_config, c, &c));
	KUNIT_EXPECT_EQ(test, 0, parley_config_get(pd, struct fake_config, d, &d));
	KUNIT_EXPECT_EQ(test, 0, parley_config_get(pd, struct fake_config, e, &e));
	KUNIT_EXPECT_EQ(test, 2, b);
	KUNIT_EXPECT_EQ(test, 0x0403, c);
	KUNIT_EXPECT_EQ(test, 0x08070605, d);
	KUNIT_EXPECT_EQ(test, 0x100f0e0d0c0b0a09ULL, e);
}

static const struct shm_case {
	const char *name;
	struct parley_shm says;
	u8 id;
	int err;
} shm_cases[] = {
	{ "there", { 0x100000000, 0x2000 }, FAKE_SHM, 0 },
	{ "another", { 0x100000000, 0x2000 }, FAKE_SHM + 1, -ENOENT },
	{ "empty", { 0x100000000, 0 }, FAKE_SHM, -EINVAL },
	{ "up to the end", { U64_MAX - 0xfff, 0x1000 }, FAKE_SHM, 0 },
	{ "beyond it", { U64_MAX - 0xfff, 0x1001 }, FAKE_SHM, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(shm_case, shm_cases, name);

static void shared_memory_is_found(struct kunit *test)
{
	const struct shm_case *c = test->param_value;
	struct fake *fake = parley_fake_run(test, 0);
	struct parley_shm shm = { 1, 2 };

	fake->shm = c->says;
	KUNIT_EXPECT_EQ(test, c->err,
			parley_device_shm(&fake->v.pd, c->id, &shm));
	KUNIT_EXPECT_EQ(test, c->err ? 1 : c->says.addr, shm.addr);
	KUNIT_EXPECT_EQ(test, c->err ? 2 : c->says.len, shm.len);
	parley_device_surprise(&fake->v);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			parley_device_shm(&fake->v.pd, FAKE_SHM, &shm));
}

static bool changed_once(struct fake *fake)
{
	return atomic_read(&front->changes) == 1;
}

static void config_interrupt_is_passed_on(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	parley_device_config_interrupt(&fake->v);
	KUNIT_EXPECT_TRUE(test, parley_fake_until(changed_once, fake));
	device_release_driver(&fake->v.pd.dev);
	parley_device_config_interrupt(&fake->v);
	flush_work(&fake->v.m.config_work);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&front->changes));
}

static void config_interrupt_before_ready_is_not_lost(struct kunit *test)
{
	front->interrupt_in_probe = true;
	KUNIT_EXPECT_TRUE(test, parley_fake_until(changed_once,
						  parley_fake_run(test, 0)));
}

/* Queues */

struct ring_size {
	const char *name;
	u64 features;
	unsigned int offered;
	unsigned int used;
};

static const struct ring_size ring_sizes[] = {
	{ "split 1", 0, 1, 1 },
	{ "split 16", 0, 16, 16 },
	{ "split 17", 0, 17, 16 },
	{ "split 255", 0, 255, 128 },
	{ "split 65535", 0, 65535, 32768 },
	{ "packed 17", PACKED, 17, 17 },
	{ "packed 65535", PACKED, 65535, 32768 },
};

KUNIT_ARRAY_PARAM_DESC(ring_size, ring_sizes, name);

static void ring_sizes_are_bounded(struct kunit *test)
{
	const struct ring_size *size = test->param_value;
	struct fake *fake = parley_fake_make(test);

	fake->offered |= size->features;
	fake->size = size->offered;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_EQ(test, size->used, fake->num[0]);
}

static void missing_queue_fails_the_probe(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	front->nr_queues = FAKE_QUEUES + 1;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_EQ(test, 0, fake->enabled);
	KUNIT_EXPECT_EQ(test, 0, fake->v.pd.nr_queues);
}

static void queue_that_cannot_be_enabled_undoes_all(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	fake->enable_err = -EBUSY;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_EQ(test, 0, fake->enabled);
	KUNIT_EXPECT_FALSE(test, fake->vectors);
	KUNIT_EXPECT_FALSE(test, fake->vectors_early);
}

static void without_interrupts_no_device(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	fake->vectors_err = -ENOSPC;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_EQ(test, 0, fake->enabled);
	KUNIT_EXPECT_EQ(test, 0, fake->v.pd.nr_queues);
}

static void bad_50_event_storm(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);
	struct parley_queue *queue = &fake->v.pd.queues[0];
	unsigned int i;

	for (i = 0; i < 100000; i++) {
		parley_queue_interrupt(queue);
		parley_device_interrupt(&fake->v);
	}
	KUNIT_EXPECT_EQ(test, 0, front->done);
	KUNIT_EXPECT_EQ(test, 100000, queue->spurious);
	KUNIT_EXPECT_EQ(test, 100000, fake->v.m.spurious);

	/* It still works. */
	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	parley_fake_complete(fake, 0);
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, parley_queue_interrupt(queue));
	KUNIT_EXPECT_EQ(test, 1, front->done);
	KUNIT_EXPECT_EQ(test, 1, parley_drvq_stats(queue->vq)->interrupts);
	KUNIT_EXPECT_EQ(test, 1, parley_drvq_stats(queue->vq)->completed);
}

static void shared_interrupt_finds_its_queue(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 1));
	parley_fake_complete(fake, 1);
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, parley_device_interrupt(&fake->v));
	KUNIT_EXPECT_EQ(test, 1, front->done);
	KUNIT_EXPECT_EQ(test, 0, fake->v.m.spurious);
	KUNIT_EXPECT_EQ(test, 0, fake->v.pd.queues[0].spurious);
}

static struct kunit_case guest_cases[] = {
	KUNIT_CASE(features_are_what_both_know),
	KUNIT_CASE(features_above_63_are_negotiated),
	KUNIT_CASE(features_are_shown_as_ever),
	KUNIT_CASE(check_drops_features),
	KUNIT_CASE(legacy_device_is_refused),
#ifdef CONFIG_VIRTIO_ANCHOR
	KUNIT_CASE(hidden_memory_needs_access_platform),
#endif
	KUNIT_CASE(features_taken_back_are_refused),
	KUNIT_CASE(silent_device_is_refused),
	KUNIT_CASE(reset_without_end_is_refused),
	KUNIT_CASE(stop_without_start_is_refused),
	KUNIT_CASE(failed_probe_leaves_nothing),
	KUNIT_CASE(bad_27_config_bounds),
	KUNIT_CASE(config_without_rest_is_an_error),
	KUNIT_CASE(config_is_read_until_it_rests),
	KUNIT_CASE(config_fields_are_little_endian),
	KUNIT_CASE_PARAM(shared_memory_is_found, shm_case_gen_params),
	KUNIT_CASE(config_interrupt_is_passed_on),
	KUNIT_CASE(config_interrupt_before_ready_is_not_lost),
	KUNIT_CASE_PARAM(ring_sizes_are_bounded, ring_size_gen_params),
	KUNIT_CASE(missing_queue_fails_the_probe),
	KUNIT_CASE(queue_that_cannot_be_enabled_undoes_all),
	KUNIT_CASE(without_interrupts_no_device),
	KUNIT_CASE(bad_50_event_storm),
	KUNIT_CASE(shared_interrupt_finds_its_queue),
	{}
};

static struct kunit_suite guest_suite = {
	.name = "parley_guest",
	.suite_init = parley_fake_suite_init,
	.suite_exit = parley_fake_suite_exit,
	.init = parley_fake_case_init,
	.test_cases = guest_cases,
};

kunit_test_suite(guest_suite);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: KUnit tests of the guest device model");
MODULE_LICENSE("GPL");
