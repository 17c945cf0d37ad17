// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring that is pulled, under a VMM's calls: what it keeps for a successor, its dirty
 * log, a device IOMMU, memory that goes, and the end of its owner.
 */
#include <asm/byteorder.h>
#include <linux/virtio_byteorder.h>
#include "../devq.h"
#include "../serve.h"
#include "../vq.h"
#include "../worker.h"
#include "vmm.h"

#define AT(i)	(SZ_2M + (i) * SZ_4K)	/* the guest's buffers */

/* @nr buffers of eight bytes, each in a page of its own, from the @from-th on. */
static void events_post(struct vmm *v, unsigned int from, unsigned int nr)
{
	for (; nr--; from++)
		vmm_send_quietly(v, &(struct vmm_piece){ AT(from), 8, true }, 1);
}

static void events_start(struct vmm *v, u64 features)
{
	struct parley_vhost_keep keep = { .user_addr = v->user + VMM_KEEP };

	vmm_set_up(v, features);
	KUNIT_ASSERT_EQ(v->test, vmm_call(v, PARLEY_VHOST_SET_VRING_KEEP, &keep), 0);
	KUNIT_ASSERT_EQ(v->test, vmm_enable(v, 1), 0);
}

/* Buffers @first to @last were written, and none after it. */
static void events_expect(struct vmm *v, unsigned int first, unsigned int last)
{
	unsigned int i;

	KUNIT_EXPECT_TRUE(v->test, vh_until(vmm_used(v) == last + 1));
	for (i = first; i <= last; i++)
		KUNIT_EXPECT_TRUE_MSG(v->test, vmm_answered(v, AT(i)), "buffer %u", i);
	KUNIT_EXPECT_FALSE(v->test, vmm_answered(v, AT(last + 1)));
}

static void events_expect_kept(struct vmm *v, u32 state, u32 base)
{
	struct parley_vhost_kept kept = {};

	vmm_peek(v, VMM_KEEP, &kept, sizeof(kept));
	KUNIT_EXPECT_EQ(v->test, le32_to_cpu(kept.state), state);
	if (state == PARLEY_VHOST_KEPT_STOPPED)
		KUNIT_EXPECT_EQ(v->test, le32_to_cpu(kept.base), base);
}

/* Keep @nr of the buffers that there are. */
static void events_hold(struct vmm *v, unsigned int nr)
{
	v->hold = true;
	vmm_events(v, nr);
	KUNIT_ASSERT_TRUE(v->test, vh_until(READ_ONCE(v->nr_held) == nr));
}

/* A base that counts what was filled, whatever was taken; and it goes on from there. */
static void events_base(struct kunit *test)
{
	struct vmm *v = vmm_open_events(test);

	events_start(v, 0);
	events_post(v, 0, 6);
	vmm_events(v, 2);
	events_expect(v, 0, 1);
	/* None is taken before it is needed. */
	KUNIT_EXPECT_EQ(test, vmm_base(v), 2);
	events_hold(v, 3);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_base(v), 2);
	KUNIT_EXPECT_EQ(test, vmm_used(v), 2);
	events_expect_kept(v, PARLEY_VHOST_KEPT_STOPPED, 2);
	KUNIT_EXPECT_EQ(test, v->events, 3);
	v->hold = false;
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 1), 0);
	events_expect(v, 2, 4);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	events_expect_kept(v, PARLEY_VHOST_KEPT_STOPPED, 5);
}

/* Filled in order, and then the stop comes: some are told, some are not. */
static void events_some_filled(struct kunit *test)
{
	struct vmm *v = vmm_open_events(test);

	events_start(v, 0);
	events_post(v, 0, 6);
	v->late = true;
	events_hold(v, 5);
	vmm_release_one(v);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	events_expect(v, 0, 0);
	events_expect_kept(v, PARLEY_VHOST_KEPT_STOPPED, 1);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->stats.errors, 0);
}

/*
 * Buffers that hold no event, and events without end: the round ends all the same, so
 * that others have their turn, and goes on after it.
 */
static void bad_06_unfit(struct kunit *test)
{
	struct vmm *v = vmm_open_events(test);
	struct parley_vhost_vq *vq = vmm_vq(v);

	events_start(v, 0);
	vmm_send_quietly(v, &(struct vmm_piece){ AT(0), 7, true }, 1);
	vmm_events(v, 10 * VH_WEIGHT_REQS);
	KUNIT_ASSERT_TRUE(test, vh_until(!READ_ONCE(v->events)));
	KUNIT_EXPECT_GE(test, vq->stats.weight_yields, 9);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_base(v), 0);
	KUNIT_EXPECT_EQ(test, vq->stats.errors, 0);
}

/* Its worker is killed: buffers that are out come back without it. */
static void events_killed(struct kunit *test)
{
	struct vmm *v = vmm_open_events(test);

	events_start(v, 0);
	events_post(v, 0, 6);
	vmm_events(v, 1);
	events_expect(v, 0, 0);
	events_hold(v, 4);
	scoped_guard(mutex, &v->dev->mutex)
		vh_worker_attach(vmm_vq(v), NULL);
	vh_vq_kill(vmm_vq(v));
	KUNIT_EXPECT_EQ(test, v->nr_held, 0);
	KUNIT_EXPECT_EQ(test, vmm_used(v), 1);
	events_expect_kept(v, PARLEY_VHOST_KEPT_STOPPED, 1);
}

/* A ring that breaks keeps nothing, and its stop waits for nobody. */
static void events_broken(struct kunit *test)
{
	struct vmm *v = vmm_open_events(test);

	events_start(v, 0);
	events_post(v, 0, 6);
	events_hold(v, 2);
	scoped_guard(mutex, &vmm_vq(v)->mutex)
		vh_vq_break(vmm_vq(v), "a test");
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, v->nr_held, 0);
	KUNIT_EXPECT_EQ(test, vmm_used(v), 0);
	events_expect_kept(v, PARLEY_VHOST_KEPT_BROKEN, 0);
	v->hold = false;
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 1), 0);
	events_expect(v, 0, 1);
}

/* What was filled is logged whole; what nobody touched is not. */
static void events_logged(struct kunit *test)
{
	struct vmm *v = vmm_open_events(test);
	u64 base = v->user + VMM_LOG;
	u8 bits[2];

	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_LOG_BASE, &base), 0);
	events_start(v, BIT_ULL(VHOST_F_LOG_ALL));
	events_post(v, 0, 6);
	vmm_events(v, 3);
	events_expect(v, 0, 2);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	vmm_peek(v, VMM_LOG + AT(0) / VHOST_PAGE_SIZE / 8, bits, 1);
	KUNIT_EXPECT_EQ(test, bits[0], 0x07);
	vmm_peek(v, VMM_LOG + VMM_USED / VHOST_PAGE_SIZE / 8, bits, 1);
	KUNIT_EXPECT_TRUE(test, bits[0] & BIT(VMM_USED / VHOST_PAGE_SIZE % 8));
	KUNIT_EXPECT_EQ(test, v->dev->log.errors, 0);
}

/* The memory of buffers that are out goes: they come back first, and fill other memory. */
static void events_memory_goes(struct kunit *test)
{
	struct vmm *v = vmm_open_events(test);
	struct vhost_memory_region moved[] = {
		{ .guest_phys_addr = 0, .memory_size = SZ_2M,
		  .userspace_addr = v->user + VMM_GUEST },
		{ .guest_phys_addr = SZ_2M, .memory_size = SZ_1M,
		  .userspace_addr = v->user + VMM_GUEST + SZ_2M + SZ_1M },
	};
	u8 buf[8];

	events_start(v, 0);
	events_post(v, 0, 4);
	events_hold(v, 3);
	KUNIT_EXPECT_EQ(test, vmm_mem(v, moved, 2), 0);
	/* The ring goes on: the events are told again, and kept again. */
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 3));
	v->late = true;
	vmm_release(v);
	KUNIT_ASSERT_TRUE(test, vh_until(vmm_used(v) == 3));
	KUNIT_EXPECT_TRUE(test, vmm_answered(v, AT(2) + SZ_1M));
	vmm_peek(v, AT(2), buf, sizeof(buf));
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(buf, 0, sizeof(buf)), NULL);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_base(v), 3);
}

/* --------------------------------------------------------- device IOMMU */

/* The ring and @nr buffers can be reached. */
static void events_start_iommu(struct vmm *v, unsigned int nr)
{
	u64 features = BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2);

	KUNIT_ASSERT_EQ(v->test, vmm_call(v, VHOST_SET_BACKEND_FEATURES, &features), 0);
	vmm_set_up(v, BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));
	KUNIT_ASSERT_EQ(v->test, vmm_addr(v, VMM_IOVA, 0), 0);
	KUNIT_ASSERT_GT(v->test, vmm_iotlb(v, VHOST_IOTLB_UPDATE, VMM_IOVA, SZ_2M, 0), 0);
	KUNIT_ASSERT_GT(v->test, vmm_iotlb(v, VHOST_IOTLB_UPDATE, VMM_IOVA + SZ_2M,
					   nr * SZ_4K, SZ_2M), 0);
	KUNIT_ASSERT_EQ(v->test, vmm_enable(v, 1), 0);
	KUNIT_ASSERT_TRUE(v->test, vh_until(READ_ONCE(vmm_vq(v)->devq)));
}

static void events_post_iommu(struct vmm *v, unsigned int from, unsigned int nr)
{
	for (; nr--; from++)
		vmm_send_quietly(v, &(struct vmm_piece){ VMM_IOVA + AT(from), 8, true }, 1);
}

/* A buffer that is not known yet is no end of the ring: the answer goes on with it. */
static void events_iommu_misses(struct kunit *test)
{
	struct vmm *v = vmm_open_events(test);

	events_start_iommu(v, 2);
	events_post_iommu(v, 0, 4);
	vmm_events(v, 3);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->dev->iotlb.nr_messages)));
	events_expect(v, 0, 1);
	KUNIT_EXPECT_EQ(test, v->events, 1);
	KUNIT_ASSERT_GT(test, vmm_iotlb(v, VHOST_IOTLB_UPDATE, VMM_IOVA + AT(2), SZ_4K,
					AT(2)), 0);
	events_expect(v, 2, 2);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_base(v), 3);
}

/*
 * A translation is taken away under a buffer that is out: the message returns when it
 * has come back, and it is filled where the next translation leads.
 */
static void events_iommu_takes_away(struct kunit *test)
{
	struct vmm *v = vmm_open_events(test);

	events_start_iommu(v, 4);
	events_post_iommu(v, 0, 4);
	events_hold(v, 3);
	KUNIT_EXPECT_GT(test, vmm_iotlb(v, VHOST_IOTLB_INVALIDATE, VMM_IOVA + AT(1), SZ_4K,
					0), 0);
	/* The first of them again; the second is not known now. */
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	KUNIT_ASSERT_GT(test, vmm_iotlb(v, VHOST_IOTLB_UPDATE, VMM_IOVA + AT(1), SZ_4K,
					AT(1) + SZ_1M), 0);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 3));
	v->late = true;
	vmm_release(v);
	KUNIT_ASSERT_TRUE(test, vh_until(vmm_used(v) == 3));
	KUNIT_EXPECT_TRUE(test, vmm_answered(v, AT(1) + SZ_1M));
	KUNIT_EXPECT_FALSE(test, vmm_answered(v, AT(1)));
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_base(v), 3);
}

/* And the ring's own pages: it stands still, with its buffers given back. */
static void events_iommu_hides_ring(struct kunit *test)
{
	struct vmm *v = vmm_open_events(test);

	events_start_iommu(v, 4);
	events_post_iommu(v, 0, 4);
	events_hold(v, 2);
	KUNIT_EXPECT_GT(test, vmm_iotlb(v, VHOST_IOTLB_INVALIDATE, VMM_IOVA, SZ_2M, 0), 0);
	KUNIT_EXPECT_EQ(test, v->nr_held, 0);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_RUNNING);
	v->hold = false;
	KUNIT_ASSERT_GT(test, vmm_iotlb(v, VHOST_IOTLB_UPDATE, VMM_IOVA, SZ_2M, 0), 0);
	events_expect(v, 0, 1);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_base(v), 2);
}

static struct kunit_case events_cases[] = {
	KUNIT_CASE(events_base),
	KUNIT_CASE(events_some_filled),
	KUNIT_CASE(bad_06_unfit),
	KUNIT_CASE(events_killed),
	KUNIT_CASE(events_broken),
	KUNIT_CASE(events_logged),
	KUNIT_CASE(events_memory_goes),
	KUNIT_CASE(events_iommu_misses),
	KUNIT_CASE(events_iommu_takes_away),
	KUNIT_CASE(events_iommu_hides_ring),
	{}
};

static struct kunit_suite events_suite = {
	.name = "parley_vhost_events",
	.test_cases = events_cases,
};

kunit_test_suite(events_suite);
