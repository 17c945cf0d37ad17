// SPDX-License-Identifier: GPL-2.0-only
/* The life of a ring, its pinned pages, and what the VMM's calls refuse. */
#include <linux/uio.h>
#include "vmm.h"

static long enable(struct vmm *v, u32 on)
{
	return vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, on);
}

static void send_one(struct vmm *v, u64 at)
{
	vmm_send(v, &(struct vmm_piece){ at, 8, true }, 1);
}

static bool answered(struct vmm *v, u64 at)
{
	u8 buf[8];

	vmm_peek(v, at, buf, sizeof(buf));
	return !memchr_inv(buf, VMM_BYTE, sizeof(buf));
}

static u32 base_of(struct vmm *v)
{
	struct vhost_vring_state s = {};

	KUNIT_EXPECT_EQ(v->test, vmm_call(v, VHOST_GET_VRING_BASE, &s), 0);
	return s.num;
}

/* Every word of the VMM is needed; nothing stays pinned after a refusal. */
static void vq_needs_everything(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_vq *vq = vmm_vq(v);
	struct vh_mem *mem;
	u64 none = 0;

	KUNIT_EXPECT_EQ(test, enable(v, 1), -EINVAL);
	vmm_set_up(v, 0);
	vq->num = 0;
	KUNIT_EXPECT_EQ(test, enable(v, 1), -EINVAL);
	vq->num = VMM_NUM;
	vq->addr_set = false;
	KUNIT_EXPECT_EQ(test, enable(v, 1), -EINVAL);
	vq->addr_set = true;
	vq->poll.max_us = 0;
	KUNIT_EXPECT_EQ(test, enable(v, 1), -EINVAL);
	vq->poll.max_us = 1;
	mem = v->dev->mem;
	v->dev->mem = NULL;
	KUNIT_EXPECT_EQ(test, enable(v, 1), -EINVAL);
	v->dev->mem = mem;
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &none), 0);
	KUNIT_EXPECT_EQ(test, enable(v, 1), -EINVAL);
	none = BIT_ULL(VIRTIO_F_VERSION_1);
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &none), 0);
	/* The used ring says that nothing was used yet. */
	KUNIT_ASSERT_EQ(test, vmm_state(v, VHOST_SET_VRING_BASE, 0, 1000), 0);
	KUNIT_EXPECT_EQ(test, enable(v, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
	KUNIT_ASSERT_EQ(test, vmm_state(v, VHOST_SET_VRING_BASE, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, enable(v, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, enable(v, 1), 0);
	KUNIT_EXPECT_EQ(test, enable(v, 1), 0);
	KUNIT_EXPECT_EQ(test, enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, enable(v, 0), 0);
}

/* What a running ring stands on does not change under it. */
static void vq_running_is_busy(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_keep keep = {};
	u64 none = 0;

	vmm_start(v, 0);
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_SET_VRING_NUM, 0, 8), -EBUSY);
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_SET_VRING_BASE, 0, 8), -EBUSY);
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_SET_VRING_ENDIAN, 0, 0),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, vmm_addr(v, v->user + SZ_64K, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, vmm_call(v, PARLEY_VHOST_SET_VRING_KEEP, &keep),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &none), -EBUSY);
	KUNIT_EXPECT_EQ(test, vmm_call_at(v, VHOST_SET_OWNER, 0), -EBUSY);
}

/* In both ways to reach a ring: requests are served, pages accounted. */
static void vq_serves(struct kunit *test, int access, unsigned long pinned)
{
	struct vmm *v = vmm_open(test);
	unsigned int i;

	vh_ring_access = access;
	vmm_start(v, 0);
	vh_ring_access = VH_RING_PIN;
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, pinned);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->space, pinned ? PARLEY_SPACE_KERNEL :
			PARLEY_SPACE_USER);
	for (i = 0; i < 3 * VMM_NUM; i++) {
		send_one(v, SZ_2M + i * SZ_4K);
		KUNIT_ASSERT_TRUE(test, vmm_wait(v));
		KUNIT_ASSERT_TRUE(test, answered(v, SZ_2M + i * SZ_4K));
	}
	KUNIT_ASSERT_EQ(test, enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, base_of(v), 3 * VMM_NUM);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
}

static void vq_serves_pinned(struct kunit *test)
{
	vq_serves(test, VH_RING_PIN, 3);
}

static void vq_serves_user(struct kunit *test)
{
	vq_serves(test, VH_RING_USER, 0);
}

/* A stop waits for what is in flight and says where to go on. */
static void vq_stop_finishes(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_vq *vq = vmm_vq(v);
	struct vhost_vring_state s = {};

	v->hold = true;
	vmm_start(v, 0);
	send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	/* A position now would lose the request. */
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_GET_VRING_BASE, &s), -EBUSY);
	vmm_release(v);
	KUNIT_ASSERT_EQ(test, enable(v, 0), 0);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_EQ(test, base_of(v), 1);
	KUNIT_EXPECT_EQ(test, vq->state, VH_VQ_IDLE);
	KUNIT_ASSERT_EQ(test, enable(v, 1), 0);
	send_one(v, SZ_2M + SZ_4K);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, answered(v, SZ_2M + SZ_4K));
	KUNIT_EXPECT_EQ(test, base_of(v), 2);
}

/* The state for a successor, in each phase; also after a kill. */
static void vq_keeps_state(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_keep keep = { .user_addr = v->user + VMM_KEEP };
	struct parley_vhost_kept kept = {};

	vmm_set_up(v, 0);
	keep.user_addr += 4;
	KUNIT_EXPECT_EQ(test, vmm_call(v, PARLEY_VHOST_SET_VRING_KEEP, &keep),
			-EINVAL);
	keep.user_addr = v->user + VMM_SIZE + SZ_1G;
	KUNIT_EXPECT_EQ(test, vmm_call(v, PARLEY_VHOST_SET_VRING_KEEP, &keep),
			-EFAULT);
	keep.user_addr = v->user + VMM_KEEP;
	KUNIT_ASSERT_EQ(test, vmm_call(v, PARLEY_VHOST_SET_VRING_KEEP, &keep),
			0);
	vmm_peek(v, VMM_KEEP, &kept, sizeof(kept));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(kept.state), PARLEY_VHOST_KEPT_NEVER);
	KUNIT_ASSERT_EQ(test, enable(v, 1), 0);
	vmm_peek(v, VMM_KEEP, &kept, sizeof(kept));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(kept.state),
			PARLEY_VHOST_KEPT_RUNNING);
	send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	/* As the worker of a process that is killed does. */
	vh_vq_kill(vmm_vq(v));
	vmm_peek(v, VMM_KEEP, &kept, sizeof(kept));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(kept.state),
			PARLEY_VHOST_KEPT_STOPPED);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(kept.base), 1);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_STOPPING);
	KUNIT_EXPECT_EQ(test, enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_IDLE);
	KUNIT_ASSERT_EQ(test, enable(v, 1), 0);
	scoped_guard(mutex, &vmm_vq(v)->mutex)
		vh_vq_break(vmm_vq(v), "the test says so");
	KUNIT_ASSERT_EQ(test, enable(v, 0), 0);
	vmm_peek(v, VMM_KEEP, &kept, sizeof(kept));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(kept.state), PARLEY_VHOST_KEPT_BROKEN);
}

/* A device that never had an owner, or whose owner left, goes quietly. */
static void bad_16_release_in_any_phase(struct kunit *test)
{
	struct vmm *v = vmm_open(test);

	vmm_start(v, 0);
	KUNIT_EXPECT_EQ(test, vmm_call_at(v, VHOST_RESET_OWNER, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_IDLE);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
	KUNIT_EXPECT_EQ(test, enable(v, 1), -EPERM);
	KUNIT_EXPECT_EQ(test, vmm_call_at(v, VHOST_RESET_OWNER, 0), -EPERM);
	vmm_close(v);
}

/* A ring number is checked as what it is: unsigned. */
static void bad_19_ring_numbers(struct kunit *test)
{
	static const u32 bad[] = { VMM_QUEUES, 0x7fffffff, 0x80000000, U32_MAX };
	struct vmm *v = vmm_open(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_SET_VRING_NUM, bad[i],
						VMM_NUM), -ENOBUFS);
		KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE,
						bad[i], 1), -ENOBUFS);
	}
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_SET_VRING_NUM, 1, VMM_NUM), 0);
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_SET_VRING_NUM, 1, 12), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_SET_VRING_NUM, 1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_SET_VRING_NUM, 1, 65536),
			-EINVAL);
}

/* Offset and length of the configuration, at the edges and beyond them. */
static void bad_27_config_range(struct kunit *test)
{
	static const struct {
		u32 off;
		u32 len;
		long err;
	} row[] = {
		{ 0, 8, 0 }, { 7, 1, 0 }, { 0, 9, -E2BIG }, { 8, 1, -E2BIG },
		{ 9, 1, -EINVAL }, { 0, 0, -EINVAL }, { 4, U32_MAX, -E2BIG },
		{ U32_MAX, 2, -EINVAL }, { 1, U32_MAX, -E2BIG },
	};
	struct vmm *v = vmm_open(test);
	unsigned int i;
	struct vhost_vdpa_config mark = { 6, 1 };
	char byte;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct vhost_vdpa_config c = { row[i].off, row[i].len };

		vmm_poke(v, VMM_ARGS, &c, sizeof(c));
		KUNIT_EXPECT_EQ_MSG(test, vmm_call_at(v, VHOST_VDPA_GET_CONFIG,
						      VMM_ARGS), row[i].err,
				    "row %u", i);
		KUNIT_EXPECT_EQ(test, vmm_call_at(v, VHOST_VDPA_SET_CONFIG,
						  VMM_ARGS),
				row[i].err ?: -EOPNOTSUPP);
	}
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_VDPA_GET_CONFIG, &mark), 0);
	vmm_peek(v, VMM_ARGS + sizeof(mark), &byte, 1);
	KUNIT_EXPECT_EQ(test, byte, '!');
}

/* --------------------------------------------------------- device IOMMU */

#define IOVA	0x7000000000ull		/* where the ring is for the driver */

static ssize_t iotlb_send(struct vmm *v, u8 type, u64 iova, u64 size, u64 at)
{
	struct vhost_msg_v2 m = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.iova = iova, .size = size, .uaddr = v->user + at,
			.perm = VHOST_ACCESS_RW, .type = type,
		},
	};
	struct kvec vec = { .iov_base = &m, .iov_len = sizeof(m) };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, sizeof(m));
	return vh_iotlb_write(v->dev, &iter);
}

static ssize_t iotlb_receive(struct vmm *v, struct vhost_msg_v2 *m)
{
	struct kvec vec = { .iov_base = m, .iov_len = sizeof(*m) };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, sizeof(*m));
	return vh_iotlb_read(v->dev, &iter, true);
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
				iotlb_send(v, VHOST_IOTLB_UPDATE, page,
					   PAGE_SIZE, page - IOVA + shift),
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
	KUNIT_ASSERT_EQ(v->test, vmm_addr(v, IOVA, 0), 0);
	KUNIT_ASSERT_EQ(v->test, enable(v, 1), 0);
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
	send_one(v, IOVA + SZ_2M);
	KUNIT_EXPECT_GE(test, iotlb_serve(v, 0), 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, answered(v, SZ_2M));

	KUNIT_EXPECT_EQ(test, iotlb_send(v, VHOST_IOTLB_INVALIDATE, IOVA + SZ_2M,
					 SZ_4K, 0), sizeof(m));
	send_one(v, IOVA + SZ_2M);
	KUNIT_EXPECT_GE(test, iotlb_serve(v, SZ_1M), 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, answered(v, SZ_2M + SZ_1M));
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
	send_one(v, IOVA + SZ_2M);
	iotlb_serve(v, 0);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_EQ(test, iotlb_send(v, VHOST_IOTLB_INVALIDATE, 0, 0, 0),
			sizeof(m));
	/* Unpinned when the call returns; the worker may ask at once. */
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_RUNNING);
	/* The driver moves its ring in memory, at the same I/O address. */
	vmm_peek(v, VMM_DESC, copy, 3 * SZ_4K);
	vmm_poke(v, VMM_DESC + SZ_1M, copy, 3 * SZ_4K);
	KUNIT_EXPECT_GE(test, iotlb_serve(v, SZ_1M), 3);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(vmm_vq(v)->devq)));
	KUNIT_EXPECT_EQ(test, base_of(v), 1);
	KUNIT_ASSERT_EQ(test, enable(v, 0), 0);
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
	KUNIT_EXPECT_FALSE(test, vh_until(READ_ONCE(vq->devq)));
	KUNIT_ASSERT_EQ(test, enable(v, 0), 0);
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

/* Messages that make no sense. */
static void iotlb_refuses(struct kunit *test)
{
	struct vmm *v = vmm_open(test);

	KUNIT_EXPECT_EQ(test, iotlb_send(v, VHOST_IOTLB_UPDATE, IOVA, SZ_4K, 0),
			-EFAULT);
	iotlb_start(v);
	KUNIT_EXPECT_EQ(test, iotlb_send(v, VHOST_IOTLB_UPDATE, IOVA, 0, 0),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, iotlb_send(v, VHOST_IOTLB_UPDATE, -SZ_4K, SZ_8K,
					 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, iotlb_send(v, VHOST_IOTLB_UPDATE, IOVA, SZ_4K,
					 PAGE_OFFSET - v->user), -EFAULT);
	KUNIT_EXPECT_EQ(test, iotlb_send(v, VHOST_IOTLB_INVALIDATE, IOVA, 0, 0),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, iotlb_send(v, 77, IOVA, SZ_4K, 0), -EFAULT);
}

/* More translations than a ring keeps: old ones go, all are found again. */
static void iotlb_is_bounded(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u64 i;

	iotlb_start(v);
	iotlb_serve(v, 0);
	for (i = 0; i < 3000; i++)	/* every second page, so they stay apart */
		KUNIT_ASSERT_GT(test, iotlb_send(v, VHOST_IOTLB_UPDATE,
						 2 * IOVA + 2 * i * SZ_4K, SZ_4K,
						 SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, vh_iotlb_map(vmm_vq(v))->nr, 2048);
	KUNIT_EXPECT_EQ(test, parley_memmap_check(vh_iotlb_map(vmm_vq(v))), 0);
	send_one(v, 2 * IOVA);
	/* Evicted, so it is asked for. */
	KUNIT_EXPECT_TRUE(test, iotlb_asks(v));
	KUNIT_EXPECT_GT(test, iotlb_send(v, VHOST_IOTLB_UPDATE, 2 * IOVA, SZ_4K,
					 SZ_2M), 0);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, answered(v, SZ_2M));
}

static struct kunit_case vq_cases[] = {
	KUNIT_CASE(vq_needs_everything),
	KUNIT_CASE(vq_running_is_busy),
	KUNIT_CASE(vq_serves_pinned),
	KUNIT_CASE(vq_serves_user),
	KUNIT_CASE(vq_stop_finishes),
	KUNIT_CASE(vq_keeps_state),
	KUNIT_CASE(bad_16_release_in_any_phase),
	KUNIT_CASE(bad_19_ring_numbers),
	KUNIT_CASE(bad_27_config_range),
	KUNIT_CASE(bad_08_iotlb_miss_and_update),
	KUNIT_CASE(iotlb_hides_ring),
	KUNIT_CASE_SLOW(iotlb_stopped_stays_closed),
	KUNIT_CASE(iotlb_and_no_lent_ring),
	KUNIT_CASE(iotlb_refuses),
	KUNIT_CASE_SLOW(iotlb_is_bounded),
	{}
};

static struct kunit_suite vq_suite = {
	.name = "parley_vhost_vq",
	.test_cases = vq_cases,
};
kunit_test_suite(vq_suite);
