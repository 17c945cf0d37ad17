// SPDX-License-Identifier: GPL-2.0-only
/* A device IOMMU: misses, translations, and what is taken away. */
#include <linux/uio.h>
#include "../iotlb.h"
#include "../vq.h"
#include "vmm.h"

static ssize_t iotlb_receive(struct vmm *v, struct vhost_msg_v2 *m)
{
	struct kvec vec = { .iov_base = m, .iov_len = sizeof(*m) };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, sizeof(*m));
	return vh_iotlb_read(&v->dev->iotlb, &iter, true);
}

static bool iotlb_asks(struct vmm *v)
{
	unsigned int n;

	for (n = 0; n < 200 && !READ_ONCE(v->dev->iotlb.nr_messages); n++)
		usleep_range(1000, 2000);
	return n < 200;
}

/* Answer misses like a VMM, @shift bytes away, until the ring has none. */
static unsigned int iotlb_serve(struct vmm *v, u64 shift)
{
	struct vhost_msg_v2 m;
	unsigned int n;

	for (n = 0; n < 100 && iotlb_asks(v); n++) {
		u64 page;

		KUNIT_EXPECT_EQ(v->test, iotlb_receive(v, &m), sizeof(m));
		page = m.iotlb.iova & PAGE_MASK;
		KUNIT_EXPECT_EQ(v->test, m.iotlb.type, VHOST_IOTLB_MISS);
		KUNIT_EXPECT_PTR_EQ(v->test, memchr_inv(&m.padding[sizeof(m.iotlb)],
							0, 64 - sizeof(m.iotlb)),
				    NULL);
		KUNIT_EXPECT_EQ(v->test,
				vmm_iotlb(v, VHOST_IOTLB_UPDATE, page,
					  PAGE_SIZE, page - VMM_IOVA + shift),
				sizeof(m));
	}
	KUNIT_EXPECT_EQ(v->test, iotlb_receive(v, &m), -EAGAIN);
	return n;
}

static void iotlb_start(struct vmm *v)
{
	u64 features = BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2);

	KUNIT_ASSERT_EQ(v->test, vmm_call(v, VHOST_SET_BACKEND_FEATURES,
					  &features), 0);
	vmm_set_up(v, BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));
	KUNIT_ASSERT_EQ(v->test, vmm_addr(v, VMM_IOVA, 0), 0);
	KUNIT_ASSERT_EQ(v->test, vmm_enable(v, 1), 0);
}

/* Ring and buffers are found by asking; what was taken back is asked again. */
static void bad_08_iotlb_miss_and_update(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vhost_msg_v2 m;

	iotlb_start(v);
	KUNIT_EXPECT_PTR_EQ(test, vmm_vq(v)->devq, NULL);
	/* Three pages; one may be asked for again before its answer came. */
	KUNIT_EXPECT_GE(test, iotlb_serve(v, 0), 3);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(vmm_vq(v)->devq)));
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 3);
	vmm_send_one(v, VMM_IOVA + SZ_2M);
	KUNIT_EXPECT_GE(test, iotlb_serve(v, 0), 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, vmm_answered(v, SZ_2M));

	KUNIT_EXPECT_EQ(test, vmm_iotlb(v, VHOST_IOTLB_INVALIDATE, VMM_IOVA + SZ_2M,
					SZ_4K, 0), sizeof(m));
	vmm_send_one(v, VMM_IOVA + SZ_2M);
	KUNIT_EXPECT_GE(test, iotlb_serve(v, SZ_1M), 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, vmm_answered(v, SZ_2M + SZ_1M));
}

/* The ring's own pages are taken back and come again elsewhere. */
static void iotlb_hides_ring(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vhost_msg_v2 m;
	u8 *copy = kunit_kmalloc(test, 3 * SZ_4K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	iotlb_start(v);
	iotlb_serve(v, 0);
	vmm_send_one(v, VMM_IOVA + SZ_2M);
	iotlb_serve(v, 0);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_EQ(test, vmm_iotlb(v, VHOST_IOTLB_INVALIDATE, 0, 0, 0),
			sizeof(m));
	/* Unpinned when the call returns; the worker may ask at once. */
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_RUNNING);
	/* The driver moves its ring in memory, at the same I/O address. */
	vmm_peek(v, VMM_DESC, copy, 3 * SZ_4K);
	vmm_poke(v, VMM_DESC + SZ_1M, copy, 3 * SZ_4K);
	KUNIT_EXPECT_GE(test, iotlb_serve(v, SZ_1M), 3);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(vmm_vq(v)->devq)));
	KUNIT_EXPECT_EQ(test, vmm_base(v), 1);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
}

/* A round that comes late does not bring back a ring that was stopped. */
static void iotlb_stopped_stays_closed(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_vq *vq = vmm_vq(v);

	iotlb_start(v);
	iotlb_serve(v, 0);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(vq->devq)));
	/* As a stop, up to where its worker may still look at the ring. */
	vh_vq_kill(vq);
	KUNIT_ASSERT_PTR_EQ(test, vq->devq, NULL);
	parley_vhost_vq_wake(vq);
	msleep(1000);
	KUNIT_EXPECT_PTR_EQ(test, READ_ONCE(vq->devq), NULL);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_PTR_EQ(test, vq->devq, NULL);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
}

/* Translations are the VMM's, and a lent ring's addresses are the kernel's. */
static void iotlb_and_no_lent_ring(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u8 *area = kunit_kzalloc(test, 3 * SZ_4K, GFP_KERNEL);
	u64 features = BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	struct parley_devq_config cfg = {
		.name = "lent", .size = VMM_NUM, .features = BIT_ULL(VIRTIO_F_VERSION_1),
		.addr = {
			.desc = (unsigned long)area,
			.driver = (unsigned long)area + SZ_4K,
			.device = (unsigned long)area + SZ_8K,
		},
	};
	struct parley_vhost_ring ring = {};

	KUNIT_ASSERT_NOT_NULL(test, area);
	ring.vq = parley_devq_create(&cfg);
	KUNIT_ASSERT_FALSE(test, IS_ERR(ring.vq));
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &features), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_join(vmm_vq(v), &ring), -EINVAL);
	KUNIT_EXPECT_FALSE(test, vmm_vq(v)->joined);
	features = BIT_ULL(VIRTIO_F_VERSION_1);
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &features), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_join(vmm_vq(v), &ring), 0);
	/* And none comes while it is lent. */
	features |= BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &features), -EBUSY);
	parley_vhost_vq_leave(vmm_vq(v));
	parley_devq_destroy(ring.vq);
}

/* A ring behind a device IOMMU; of @nr pages from SZ_2M on it knows. */
static struct vmm *iotlb_open(struct kunit *test, unsigned int nr)
{
	struct vmm *v = vmm_open(test);
	unsigned int i;

	iotlb_start(v);
	iotlb_serve(v, 0);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(vmm_vq(v)->devq)));
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_GT(test, vmm_iotlb(v, VHOST_IOTLB_UPDATE,
						VMM_IOVA + SZ_2M + i * SZ_4K, SZ_4K,
						SZ_2M + i * SZ_4K), 0);
	v->late = true;
	v->hold = true;
	return v;
}

/*
 * Each row takes a page away that a request in flight writes to, or another page:
 * when it is over, the first may be somebody else's.
 */
static void iotlb_takes_away_in_flight(struct kunit *test)
{
	static const struct {
		const char *what;
		unsigned int pages;	/* with a translation */
		u8 type;
		u64 iova, size, at;
		bool waits;
	} row[] = {
		{ "its page", 2, VHOST_IOTLB_INVALIDATE, SZ_2M, SZ_4K, 0, true },
		{ "all", 2, VHOST_IOTLB_INVALIDATE, SZ_2M, SZ_1M, 0, true },
		{ "too many to tell apart", 20, VHOST_IOTLB_INVALIDATE, SZ_2M, SZ_1M,
		  0, true },
		{ "the page has moved", 2, VHOST_IOTLB_UPDATE, SZ_2M, SZ_4K,
		  SZ_2M + SZ_1M, true },
		{ "another page", 2, VHOST_IOTLB_INVALIDATE, SZ_2M + SZ_4K, SZ_4K, 0,
		  false },
		{ "nothing", 2, VHOST_IOTLB_INVALIDATE, SZ_2M + SZ_1M, SZ_4K, 0, false },
		{ "said again", 2, VHOST_IOTLB_UPDATE, SZ_2M, SZ_4K, SZ_2M, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct vmm *v = iotlb_open(test, row[i].pages);
		struct vmm_later later;

		vmm_send_one(v, VMM_IOVA + SZ_2M);
		KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
		/* Where nobody waits, it is not to end before we have looked. */
		vmm_release_in(v, &later, row[i].waits ? 100 : 60 * MSEC_PER_SEC);
		KUNIT_EXPECT_GT(test, vmm_iotlb(v, row[i].type, VMM_IOVA + row[i].iova,
						row[i].size, row[i].at), 0);
		KUNIT_EXPECT_EQ_MSG(test, vmm_answered(v, SZ_2M), row[i].waits, "%s",
				    row[i].what);
		vmm_release_wait(&later);
		KUNIT_EXPECT_TRUE(test, vmm_wait(v));
		KUNIT_EXPECT_EQ(test, vmm_vq(v)->nr_awaited, 0);
		KUNIT_EXPECT_EQ(test, vmm_vq(v)->waiters, 0);
		vmm_close(v);
	}
}

/* Memory goes from the table: no translation leads there any more. */
static void iotlb_forgets_what_is_unmapped(struct kunit *test)
{
	struct vmm *v = iotlb_open(test, 1);
	struct vhost_memory_region low = {
		.memory_size = SZ_2M, .userspace_addr = v->user + VMM_GUEST,
	};
	struct vhost_msg_v2 m;

	v->hold = false;
	vmm_send_one(v, VMM_IOVA + SZ_2M);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_ASSERT_EQ(test, vmm_mem(v, &low, 1), 0);
	vmm_poke(v, SZ_2M, (const u8[8]) {}, 8);
	vmm_send_one(v, VMM_IOVA + SZ_2M);
	KUNIT_ASSERT_TRUE(test, iotlb_asks(v));
	KUNIT_EXPECT_EQ(test, iotlb_receive(v, &m), sizeof(m));
	KUNIT_EXPECT_EQ(test, m.iotlb.iova & PAGE_MASK, VMM_IOVA + SZ_2M);
	KUNIT_EXPECT_FALSE(test, vmm_answered(v, SZ_2M));
	/* The ring's own pages were found again by what is left. */
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_RUNNING);
}

/* Messages that make no sense. */
static void iotlb_refuses(struct kunit *test)
{
	struct vmm *v = vmm_open(test);

	KUNIT_EXPECT_EQ(test, vmm_iotlb(v, VHOST_IOTLB_UPDATE, VMM_IOVA, SZ_4K, 0),
			-EFAULT);
	iotlb_start(v);
	KUNIT_EXPECT_EQ(test, vmm_iotlb(v, VHOST_IOTLB_UPDATE, VMM_IOVA, 0, 0),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, vmm_iotlb(v, VHOST_IOTLB_UPDATE, -SZ_4K, SZ_8K,
					0), -EFAULT);
	KUNIT_EXPECT_EQ(test, vmm_iotlb(v, VHOST_IOTLB_UPDATE, VMM_IOVA, SZ_4K,
					PAGE_OFFSET - v->user), -EFAULT);
	KUNIT_EXPECT_EQ(test, vmm_iotlb(v, VHOST_IOTLB_INVALIDATE, VMM_IOVA, 0, 0),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, vmm_iotlb(v, 77, VMM_IOVA, SZ_4K, 0), -EFAULT);
}

/* More translations than a ring keeps: old ones go, all are found again. */
static void iotlb_is_bounded(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u64 i;

	iotlb_start(v);
	iotlb_serve(v, 0);
	for (i = 0; i < 3000; i++)	/* every second page, so they stay apart */
		KUNIT_ASSERT_GT(test, vmm_iotlb(v, VHOST_IOTLB_UPDATE,
						2 * VMM_IOVA + 2 * i * SZ_4K, SZ_4K,
						SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->tlb->map.nr, VH_TLB_MAX);
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&vmm_vq(v)->tlb->map), 0);
	vmm_send_one(v, 2 * VMM_IOVA);
	/* Evicted, so it is asked for. */
	KUNIT_EXPECT_TRUE(test, iotlb_asks(v));
	KUNIT_EXPECT_GT(test, vmm_iotlb(v, VHOST_IOTLB_UPDATE, 2 * VMM_IOVA, SZ_4K,
					SZ_2M), 0);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, vmm_answered(v, SZ_2M));
}

static struct kunit_case iotlb_cases[] = {
	KUNIT_CASE(bad_08_iotlb_miss_and_update),
	KUNIT_CASE(iotlb_hides_ring),
	KUNIT_CASE_SLOW(iotlb_stopped_stays_closed),
	KUNIT_CASE(iotlb_and_no_lent_ring),
	KUNIT_CASE(iotlb_takes_away_in_flight),
	KUNIT_CASE(iotlb_forgets_what_is_unmapped),
	KUNIT_CASE(iotlb_refuses),
	KUNIT_CASE_SLOW(iotlb_is_bounded),
	{}
};

static struct kunit_suite iotlb_suite = {
	.name = "parley_vhost_iotlb",
	.test_cases = iotlb_cases,
};
kunit_test_suite(iotlb_suite);
