// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI transport's operations over registers that are plain memory, and for
 * a queue's reset over a thread that is the device: what no device of QEMU's
 * asks for, or no front-end of ours.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <uapi/linux/virtio_config.h>

/* Private as they are, they are built here under other names. */
#define parley_pci_ops			parley_pci_test_ops
#define parley_pci_shm			parley_pci_test_shm
#define parley_pci_vectors_alloc	parley_pci_test_vectors_alloc
#define parley_pci_vectors_free		parley_pci_test_vectors_free
#define parley_pci_queue_vector		parley_pci_test_queue_vector
#define parley_pci_synchronize		parley_pci_test_synchronize
#define parley_pci_affinity		parley_pci_test_affinity
#define parley_pci_set_affinity		parley_pci_test_set_affinity
#define parley_pci_irq			parley_pci_test_irq
#include "../pci_ops.c"
#include "../pci_irq.c"

#define NOTIFY_BYTES	64
#define MULTIPLIER	4
#define NOTIFY_OFF	2
#define INDEX		3
#define UNTOUCHED	0xa5

/**
 * struct fake - a device whose registers are memory
 * @pp: what the transport has of it
 * @queue: a queue of it, without interrupt
 * @common: its common configuration; all queues share their registers
 * @notify: its notification area
 * @resets: queues reset by @thread
 * @thread: serves resets of queues
 */
struct fake {
	struct parley_pci pp;
	struct parley_queue queue;
	struct virtio_pci_modern_common_cfg common;
	u8 notify[NOTIFY_BYTES] __aligned(8);
	atomic_t resets;
	struct task_struct *thread;
};

static struct fake *fake_new(struct kunit *test, u64 features)
{
	struct fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct virtio_pci_modern_device *mdev;

	KUNIT_ASSERT_NOT_NULL(test, f);
	mdev = &f->pp.mdev;
	mdev->common = (void __iomem *)&f->common;
	mdev->common_len = sizeof(f->common);
	mdev->notify_base = (void __iomem *)f->notify;
	mdev->notify_len = NOTIFY_BYTES;
	mdev->notify_offset_multiplier = MULTIPLIER;
	f->common.cfg.queue_notify_off = cpu_to_le16(NOTIFY_OFF);
	memset(f->notify, UNTOUCHED, NOTIFY_BYTES);
	f->pp.vdev.ops = &parley_pci_ops;
	parley_features_set(&f->pp.vdev.pd.features, features, 0);
	f->pp.vdev.pd.dev.init_name = "fake-pci";
	f->queue.dev = &f->pp.vdev.pd;
	f->queue.index = INDEX;
	f->queue.vector = -1;
	f->queue.spec.name = "fake";
	return f;
}

static int enable(struct fake *f)
{
	static const struct parley_vq_addr addr = {
		.desc = 0x123456000, .driver = 0x234567000, .device = 0x345678000,
	};

	return parley_pci_ops.queue_enable(&f->queue, &addr, 64);
}

static void a_queue_is_handed_over(struct kunit *test)
{
	struct fake *f = fake_new(test, 0);

	KUNIT_ASSERT_EQ(test, 0, enable(f));
	KUNIT_EXPECT_EQ(test, INDEX, le16_to_cpu(f->common.cfg.queue_select));
	KUNIT_EXPECT_EQ(test, 64, le16_to_cpu(f->common.cfg.queue_size));
	KUNIT_EXPECT_EQ(test, 0x23456000,
			le32_to_cpu(f->common.cfg.queue_desc_lo));
	KUNIT_EXPECT_EQ(test, 1, le32_to_cpu(f->common.cfg.queue_desc_hi));
	KUNIT_EXPECT_EQ(test, 1, le16_to_cpu(f->common.cfg.queue_enable));
	/* Nobody enables a queue twice. */
	KUNIT_EXPECT_EQ(test, -EBUSY, enable(f));
}

static void the_status_of_a_quiet_function_is_known(struct kunit *test)
{
	struct fake *f = fake_new(test, 0);

	f->common.cfg.device_status = VIRTIO_CONFIG_S_NEEDS_RESET;
	KUNIT_EXPECT_EQ(test, VIRTIO_CONFIG_S_NEEDS_RESET,
			parley_pci_ops.get_status(&f->pp.vdev.pd));
	f->pp.quiet = BIT(PARLEY_HOLD_SLEEP);
	KUNIT_EXPECT_EQ(test, 0, parley_pci_ops.get_status(&f->pp.vdev.pd));
}

/* Only these bytes of the notification area were written. */
static void expect_kick(struct kunit *test, struct fake *f, const void *bytes,
			size_t len)
{
	size_t at = NOTIFY_OFF * MULTIPLIER;

	KUNIT_EXPECT_MEMEQ(test, f->notify + at, bytes, len);
	KUNIT_EXPECT_NULL(test, memchr_inv(f->notify, UNTOUCHED, at));
	KUNIT_EXPECT_NULL(test, memchr_inv(f->notify + at + len, UNTOUCHED,
					   NOTIFY_BYTES - at - len));
}

static void a_kick_names_the_queue(struct kunit *test)
{
	struct fake *f = fake_new(test, 0);
	__le16 want = cpu_to_le16(INDEX);

	KUNIT_ASSERT_EQ(test, 0, enable(f));
	KUNIT_EXPECT_TRUE(test, parley_pci_ops.notify(&f->queue, 0xbeef0003));
	expect_kick(test, f, &want, sizeof(want));
}

/* Spec 4.1.5.2: 32 bits, with the position in the upper half. */
static void a_kick_carries_data_if_so_agreed(struct kunit *test)
{
	struct fake *f = fake_new(test, BIT_ULL(VIRTIO_F_NOTIFICATION_DATA));
	__le32 want = cpu_to_le32(0xbeef0003);

	KUNIT_ASSERT_EQ(test, 0, enable(f));
	KUNIT_EXPECT_TRUE(test, parley_pci_ops.notify(&f->queue, 0xbeef0003));
	expect_kick(test, f, &want, sizeof(want));
}

static void a_notification_stays_in_its_area(struct kunit *test)
{
	size_t at = NOTIFY_OFF * MULTIPLIER;
	struct fake *f = fake_new(test, 0);

	f->pp.mdev.notify_len = at + 2;
	KUNIT_EXPECT_EQ(test, 0, enable(f));
	f = fake_new(test, 0);
	f->pp.mdev.notify_len = at + 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, enable(f));
	/* With data it is twice as long. */
	f = fake_new(test, BIT_ULL(VIRTIO_F_NOTIFICATION_DATA));
	f->pp.mdev.notify_len = at + 2;
	KUNIT_EXPECT_EQ(test, -EINVAL, enable(f));
	f->pp.mdev.notify_len = at + 4;
	f->pp.mdev.notify_pa = 2;
	KUNIT_EXPECT_EQ(test, -EINVAL, enable(f));
	f = fake_new(test, 0);
	f->common.cfg.queue_notify_off = cpu_to_le16(U16_MAX);
	f->pp.mdev.notify_offset_multiplier = U32_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, enable(f));
}

static int serve_resets(void *arg)
{
	struct fake *f = arg;

	while (!kthread_should_stop()) {
		if (READ_ONCE(f->common.queue_reset)) {
			/* It takes its time (spec 2.6.1). */
			fsleep(5000);
			WRITE_ONCE(f->common.cfg.queue_enable, 0);
			atomic_inc(&f->resets);
			/* Whoever waits for it reads the register, and looks at the count next. */
			smp_store_release(&f->common.queue_reset, 0);
		}
		fsleep(500);
	}
	return 0;
}

static void stop_thread(void *thread)
{
	kthread_stop(thread);
}

static void a_queue_is_reset_alone(struct kunit *test)
{
	struct fake *f = fake_new(test, BIT_ULL(VIRTIO_F_RING_RESET));
	unsigned int i;

	f->thread = kthread_run(serve_resets, f, "fake-pci");
	KUNIT_ASSERT_FALSE(test, IS_ERR(f->thread));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, stop_thread, f->thread));
	for (i = 1; i <= 3; i++) {
		KUNIT_ASSERT_EQ(test, 0, enable(f));
		KUNIT_ASSERT_EQ(test, 0, parley_pci_ops.queue_disable(&f->queue));
		KUNIT_EXPECT_EQ(test, i, atomic_read(&f->resets));
		KUNIT_EXPECT_EQ(test, 0, le16_to_cpu(f->common.cfg.queue_enable));
	}
}

static void a_reset_that_never_ends_is_given_up(struct kunit *test)
{
	struct fake *f = fake_new(test, BIT_ULL(VIRTIO_F_RING_RESET));

	KUNIT_ASSERT_EQ(test, 0, enable(f));
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			parley_pci_ops.queue_disable(&f->queue));
}

static void a_reset_needs_its_register(struct kunit *test)
{
	struct parley_features offered;
	struct fake *f = fake_new(test, 0);

	/* Bit 40; without a device behind it, bit 8 as well. */
	f->common.cfg.device_feature = cpu_to_le32(BIT(VIRTIO_F_RING_RESET - 32));
	parley_pci_ops.get_features(&f->pp.vdev.pd, &offered);
	KUNIT_EXPECT_TRUE(test, parley_features_has(&offered,
						    VIRTIO_F_RING_RESET));
	f->pp.mdev.common_len = offsetof(struct virtio_pci_modern_common_cfg,
					 queue_reset);
	parley_pci_ops.get_features(&f->pp.vdev.pd, &offered);
	KUNIT_EXPECT_FALSE(test, parley_features_has(&offered,
						     VIRTIO_F_RING_RESET));
}

/* Four times the same register, without a device behind it; never a fifth. */
static void features_are_four_words(struct kunit *test)
{
	struct fake *f = fake_new(test, 0);
	struct parley_features set;

	f->common.cfg.device_feature = cpu_to_le32(BIT(8) | BIT(31));
	parley_pci_ops.get_features(&f->pp.vdev.pd, &set);
	KUNIT_EXPECT_EQ(test, 3,
			le32_to_cpu(f->common.cfg.device_feature_select));
	KUNIT_EXPECT_EQ(test, 0x8000010080000100ULL, parley_features_low(&set));
	KUNIT_EXPECT_EQ(test, 0x8000010080000100ULL, parley_features_high(&set));

	parley_features_set(&set, BIT_ULL(32), BIT_ULL(63) | 5);
	KUNIT_EXPECT_EQ(test, 0, parley_pci_ops.set_features(&f->pp.vdev.pd, &set));
	KUNIT_EXPECT_EQ(test, 3, le32_to_cpu(f->common.cfg.guest_feature_select));
	KUNIT_EXPECT_EQ(test, BIT(31), le32_to_cpu(f->common.cfg.guest_feature));
	/* Of a device that has no more than 64 the rest is left alone. */
	parley_features_set(&set, BIT_ULL(32), 0);
	KUNIT_EXPECT_EQ(test, 0, parley_pci_ops.set_features(&f->pp.vdev.pd, &set));
	KUNIT_EXPECT_EQ(test, 1, le32_to_cpu(f->common.cfg.guest_feature_select));
	KUNIT_EXPECT_EQ(test, 1, le32_to_cpu(f->common.cfg.guest_feature));
}

static struct kunit_case ops_cases[] = {
	KUNIT_CASE(a_queue_is_handed_over),
	KUNIT_CASE(the_status_of_a_quiet_function_is_known),
	KUNIT_CASE(a_kick_names_the_queue),
	KUNIT_CASE(a_kick_carries_data_if_so_agreed),
	KUNIT_CASE(a_notification_stays_in_its_area),
	KUNIT_CASE(a_queue_is_reset_alone),
	KUNIT_CASE_SLOW(a_reset_that_never_ends_is_given_up),
	KUNIT_CASE(a_reset_needs_its_register),
	KUNIT_CASE(features_are_four_words),
	{}
};

static struct kunit_suite ops_suite = {
	.name = "parley_pci_registers",
	.test_cases = ops_cases,
};

kunit_test_suite(ops_suite);
