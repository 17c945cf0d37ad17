// SPDX-License-Identifier: GPL-2.0-only
/* The life of a ring, its pinned pages, and what the VMM's calls refuse. */
#include <linux/uio.h>
#include "../dev.h"
#include "../devq.h"
#include "../req.h"
#include "../ring.h"
#include "../vq.h"
#include "vmm.h"

/* Every word of the VMM is needed; nothing stays pinned after a refusal. */
static void vq_needs_everything(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_vq *vq = vmm_vq(v);
	struct vh_mem *mem;
	u64 none = 0;

	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), -EINVAL);
	vmm_set_up(v, 0);
	vq->num = 0;
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), -EINVAL);
	vq->num = VMM_NUM;
	vq->addr_set = false;
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), -EINVAL);
	vq->addr_set = true;
	vq->poll.max_us = 0;
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), -EINVAL);
	vq->poll.max_us = 1;
	mem = v->dev->mem;
	v->dev->mem = NULL;
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), -EINVAL);
	v->dev->mem = mem;
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &none), 0);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), -EINVAL);
	none = BIT_ULL(VIRTIO_F_VERSION_1);
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &none), 0);
	/* The used ring says that nothing was used yet. */
	KUNIT_ASSERT_EQ(test, vmm_state(v, VHOST_SET_VRING_BASE, 0, 1000), 0);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
	KUNIT_ASSERT_EQ(test, vmm_state(v, VHOST_SET_VRING_BASE, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), 0);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), 0);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 0), 0);
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
		vmm_send_one(v, SZ_2M + i * SZ_4K);
		KUNIT_ASSERT_TRUE(test, vmm_wait(v));
		KUNIT_ASSERT_TRUE(test, vmm_answered(v, SZ_2M + i * SZ_4K));
	}
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_base(v), 3 * VMM_NUM);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
}

static void restart(struct vmm *v)
{
	KUNIT_ASSERT_EQ(v->test, vmm_enable(v, 0), 0);
	KUNIT_ASSERT_EQ(v->test, vmm_enable(v, 1), 0);
}

/* A ring that was served is told from one that was not, wherever it has got to. */
static void vq_is_new(struct kunit *test, int access)
{
	struct vmm *v = vmm_open(test);
	u8 none[8 * VMM_NUM] = {};

	vh_ring_access = access;
	vmm_start(v, 0);
	KUNIT_EXPECT_TRUE(test, v->was_new);
	restart(v);
	KUNIT_EXPECT_TRUE(test, v->was_new);
	vmm_send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	restart(v);
	KUNIT_EXPECT_FALSE(test, v->was_new);
	/* As it is after 65536 requests. */
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	vmm_poke(v, VMM_AVAIL + 2, none, 2);
	vmm_poke(v, VMM_USED + 2, none, 2);
	KUNIT_ASSERT_EQ(test, vmm_state(v, VHOST_SET_VRING_BASE, 0, 0), 0);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 1), 0);
	KUNIT_EXPECT_FALSE(test, v->was_new);
	/* And after a driver has cleared it. */
	vmm_poke(v, VMM_USED + 4, none, sizeof(none));
	restart(v);
	KUNIT_EXPECT_TRUE(test, v->was_new);
	vh_ring_access = VH_RING_PIN;
}

static void vq_is_new_pinned(struct kunit *test)
{
	vq_is_new(test, VH_RING_PIN);
}

static void vq_is_new_user(struct kunit *test)
{
	vq_is_new(test, VH_RING_USER);
}

static void vq_is_new_packed(struct kunit *test)
{
	const u16 avail = BIT(VRING_PACKED_DESC_F_AVAIL), used = BIT(VRING_PACKED_DESC_F_USED);
	/* What it finds in the last slot, at the position where a ring begins. */
	const struct {
		u16 flags;
		u64 addr;
		bool is_new;
	} row[] = {
		{ 0, 0, true },			/* cleared */
		{ avail, SZ_2M, true },		/* available, in the first lap */
		{ avail | used, SZ_2M, false },	/* used in the first lap */
		{ used, SZ_2M, false },		/* available in the second */
		{ 0, SZ_2M, false },		/* used in the second */
	};
	struct vmm *v = vmm_open(test);
	unsigned int i;

	vmm_start(v, BIT_ULL(VIRTIO_F_RING_PACKED));
	KUNIT_EXPECT_TRUE(test, v->was_new);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct vring_packed_desc desc = {
			.addr = cpu_to_le64(row[i].addr),
			.flags = cpu_to_le16(row[i].flags),
		};

		vmm_poke(v, VMM_DESC + (VMM_NUM - 1) * sizeof(desc), &desc, sizeof(desc));
		restart(v);
		KUNIT_EXPECT_EQ_MSG(test, v->was_new, row[i].is_new, "row %u", i);
	}
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
	vmm_send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	/* A position now would lose the request. */
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_GET_VRING_BASE, &s), -EBUSY);
	vmm_release(v);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_EQ(test, vmm_base(v), 1);
	KUNIT_EXPECT_EQ(test, vq->state, VH_VQ_IDLE);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 1), 0);
	vmm_send_one(v, SZ_2M + SZ_4K);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, vmm_answered(v, SZ_2M + SZ_4K));
	KUNIT_EXPECT_EQ(test, vmm_base(v), 2);
}

static s64 oldest_ms(struct vmm *v)
{
	guard(mutex)(&vmm_vq(v)->mutex);
	return vh_reqs_oldest_ms(vmm_vq(v));
}

/* How long a back end has kept what it was given; younger ones do not matter. */
static void vq_tells_the_oldest(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u64 start;

	KUNIT_EXPECT_EQ(test, oldest_ms(v), -1);
	v->hold = true;
	vmm_start(v, 0);
	KUNIT_EXPECT_EQ(test, oldest_ms(v), -1);
	start = get_jiffies_64();
	vmm_send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	msleep(300);
	vmm_send_one(v, SZ_2M + SZ_4K);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 2));
	KUNIT_EXPECT_GE(test, oldest_ms(v), 300);
	KUNIT_EXPECT_LE(test, oldest_ms(v), jiffies64_to_msecs(get_jiffies_64() - start));
	vmm_release(v);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_EQ(test, oldest_ms(v), -1);
	/* The next one begins anew, in the same place. */
	v->hold = true;
	start = get_jiffies_64();
	vmm_send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	KUNIT_EXPECT_LE(test, oldest_ms(v), jiffies64_to_msecs(get_jiffies_64() - start));
	vmm_release(v);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, oldest_ms(v), -1);
}

/**
 * struct look - somebody looks for a device by its number
 * @work: who does
 * @v: whose requests end after that
 * @id: number
 * @found: it was there
 * @state: of its first ring then
 * @in_flight: requests of it
 */
struct look {
	struct work_struct work;
	struct vmm *v;
	u32 id;
	bool found;
	enum vh_vq_state state;
	unsigned int in_flight;
};

static void look_work(struct work_struct *work)
{
	struct look *look = container_of(work, struct look, work);
	struct parley_vhost *dev = vh_dev_get(look->id);

	look->found = dev;
	if (dev) {
		vh_until(READ_ONCE(dev->vqs[0]->state) != VH_VQ_RUNNING);
		look->state = READ_ONCE(dev->vqs[0]->state);
		look->in_flight = vh_vq_in_flight(dev->vqs[0]);
		vh_dev_put(dev);
	}
	vmm_release(look->v);
}

/* While it waits for its requests, a device that is closed can be looked at. */
static void vq_closing_is_seen(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct look look = { .v = v, .id = v->dev->id };
	struct parley_vhost *dev;

	v->hold = true;
	vmm_start(v, 0);
	vmm_send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	INIT_WORK_ONSTACK(&look.work, look_work);
	queue_work(system_dfl_wq, &look.work);
	vmm_close_held(v);
	flush_work(&look.work);
	destroy_work_on_stack(&look.work);
	KUNIT_EXPECT_TRUE(test, look.found);
	KUNIT_EXPECT_EQ(test, look.state, VH_VQ_STOPPING);
	KUNIT_EXPECT_EQ(test, look.in_flight, 1);
	dev = vh_dev_get(look.id);
	KUNIT_EXPECT_NULL(test, dev);
	if (dev)
		vh_dev_put(dev);
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
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 1), 0);
	vmm_peek(v, VMM_KEEP, &kept, sizeof(kept));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(kept.state),
			PARLEY_VHOST_KEPT_RUNNING);
	vmm_send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	/* As the worker of a process that is killed does. */
	vh_vq_kill(vmm_vq(v));
	vmm_peek(v, VMM_KEEP, &kept, sizeof(kept));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(kept.state),
			PARLEY_VHOST_KEPT_STOPPED);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(kept.base), 1);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_STOPPING);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_IDLE);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 1), 0);
	scoped_guard(mutex, &vmm_vq(v)->mutex)
		vh_vq_break(vmm_vq(v), "the test says so");
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
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
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), -EPERM);
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

/* An owner that polls gives no kick: it is served also when polling does not pay. */
static void nobody_kicks(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	unsigned int i;

	vmm_start(v, 0);
	for (i = 0; i < 5; i++) {
		msleep(20);
		KUNIT_EXPECT_EQ(test, READ_ONCE(vmm_vq(v)->poll.now_us), 0);
		vmm_send_quietly(v, &(struct vmm_piece){ SZ_2M, 8, true }, 1);
		KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	}
}

static struct kunit_case vq_cases[] = {
	KUNIT_CASE(vq_needs_everything),
	KUNIT_CASE(vq_running_is_busy),
	KUNIT_CASE(vq_is_new_pinned),
	KUNIT_CASE(vq_is_new_user),
	KUNIT_CASE(vq_is_new_packed),
	KUNIT_CASE(vq_serves_pinned),
	KUNIT_CASE(vq_serves_user),
	KUNIT_CASE(vq_stop_finishes),
	KUNIT_CASE(vq_tells_the_oldest),
	KUNIT_CASE(vq_closing_is_seen),
	KUNIT_CASE(vq_keeps_state),
	KUNIT_CASE(bad_16_release_in_any_phase),
	KUNIT_CASE(bad_19_ring_numbers),
	KUNIT_CASE(bad_27_config_range),
	KUNIT_CASE(nobody_kicks),
	{}
};

static struct kunit_suite vq_suite = {
	.name = "parley_vhost_vq",
	.test_cases = vq_cases,
};
kunit_test_suite(vq_suite);
