// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost sched as a VMM drives it: by its calls, with areas in user memory.
 *
 *	user + 0	the guest's memory: the ring of areas
 *	user + SHARED	the guest's memory, in a region of its own: two pages
 *	user + ARGS	arguments of calls
 *	user + SIZE	nothing, of which the guest has some all the same
 */
#include <linux/mman.h>
#include <linux/uaccess.h>
#include <parley/byteorder.h>
#include "../../core/dev.h"
#include "../../core/ioctl.h"
#include "guest.h"

#define NUM	16u	/* descriptors */
#define AVAIL	SZ_4K
#define USED	SZ_8K
#define SHARED	SZ_64K
#define ARGS	SZ_128K
#define SIZE	SZ_256K
#define NOWHERE	SZ_1M	/* where the guest has what is not there */
#define RING	PARLEY_SCHED_QUEUE_AREAS
#define VCPUS	2u
#define BYTES	((VCPUS + 1) * PARLEY_SCHED_RECORD)

/**
 * struct vmm - a device, its VMM and its guest
 * @test: the test
 * @dev: device
 * @user: the VMM's memory
 * @next: descriptor
 * @avail: chains made available
 */
struct vmm {
	struct kunit *test;
	struct parley_vhost *dev;
	unsigned long user;
	u16 next;
	u16 avail;
};

static void vmm_poke(struct vmm *v, unsigned long at, const void *buf, size_t len)
{
	KUNIT_ASSERT_EQ(v->test, copy_to_user((void __user *)(v->user + at), buf, len), 0);
}

static void vmm_peek(struct vmm *v, unsigned long at, void *buf, size_t len)
{
	KUNIT_ASSERT_EQ(v->test, copy_from_user(buf, (void __user *)(v->user + at), len), 0);
}

static long vmm_call(struct vmm *v, unsigned int cmd, const void *arg, size_t len)
{
	vmm_poke(v, ARGS, arg, len);
	return vh_ioctl(v->dev, cmd, v->user + ARGS);
}

/* All memory, or all but what is shared. */
static long vmm_memory(struct vmm *v, bool all)
{
	struct {
		struct vhost_memory head;
		struct vhost_memory_region regions[3];
	} mem = {
		.head.nregions = all ? 3 : 2,
		.regions[0].memory_size = SHARED,
		.regions[0].userspace_addr = v->user,
		.regions[1].guest_phys_addr = NOWHERE,
		.regions[1].memory_size = SZ_64K,
		.regions[1].userspace_addr = v->user + SIZE,
		.regions[2].guest_phys_addr = SHARED,
		.regions[2].memory_size = SZ_8K,
		.regions[2].userspace_addr = v->user + SHARED,
	};

	return vmm_call(v, VHOST_SET_MEM_TABLE, &mem, sizeof(mem));
}

static long vmm_enable(struct vmm *v, u32 on)
{
	struct vhost_vring_state s = { .index = RING, .num = on };

	return vmm_call(v, VHOST_VDPA_SET_VRING_ENABLE, &s, sizeof(s));
}

static void vmm_set_up(struct vmm *v)
{
	struct kunit *test = v->test;
	u64 features = BIT_ULL(VIRTIO_F_VERSION_1) | GUEST_ALL;
	struct vhost_vring_state num = { .index = RING, .num = NUM };
	struct vhost_vring_state poll = { .index = RING, .num = 1 };
	struct vhost_vring_addr addr = {
		.index = RING, .desc_user_addr = v->user,
		.avail_user_addr = v->user + AVAIL, .used_user_addr = v->user + USED,
	};
	u32 nr = VCPUS;

	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &features, sizeof(features)), 0);
	KUNIT_ASSERT_EQ(test, vmm_memory(v, true), 0);
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_VRING_NUM, &num, sizeof(num)), 0);
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_VRING_ADDR, &addr, sizeof(addr)), 0);
	/* No eventfd in here: the ring is polled, and woken by hand. */
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &poll,
				       sizeof(poll)), 0);
	/* vCPUs come first. */
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), -ENODEV);
	KUNIT_ASSERT_EQ(test, vmm_call(v, PARLEY_SCHED_SET_NR_VCPUS, &nr, sizeof(nr)), 0);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 1), 0);
}

static void vmm_release(void *priv)
{
	struct vmm *v = priv;

	vh_dev_release(v->dev);
}

static struct vmm *vmm_open(struct kunit *test)
{
	struct vmm *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);
	struct parley_vhost *like = parley_vhost_open("sched");
	const struct parley_vhost_driver *drv;

	KUNIT_ASSERT_NOT_NULL(test, v);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, like);
	drv = parley_vhost_driver(like);
	parley_vhost_close(like);
	v->test = test;
	v->user = kunit_vm_mmap(test, NULL, 0, SIZE, PROT_READ | PROT_WRITE,
				MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, v->user, 0);
	v->dev = vh_dev_create(drv, false);
	KUNIT_ASSERT_FALSE(test, IS_ERR(v->dev));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vmm_release, v), 0);
	/* The test's thread is no process that could have a thread of its own. */
	v->dev->fork_owner = VHOST_FORK_OWNER_KTHREAD;
	KUNIT_ASSERT_EQ(test, vh_ioctl(v->dev, VHOST_SET_OWNER, 0), 0);
	vmm_set_up(v);
	return v;
}

/* ------------------------------------------------------------------ guest */

static void vmm_desc(struct vmm *v, u64 addr, u16 flags)
{
	u16 at = v->next++ % NUM;
	struct vring_desc desc = {
		.addr = cpu_to_vr64(addr), .len = cpu_to_vr32(BYTES),
		.flags = cpu_to_vr16(flags), .next = cpu_to_vr16((at + 1) % NUM),
	};

	vmm_poke(v, at * sizeof(desc), &desc, sizeof(desc));
}

/* An area at these addresses, whose header is right. */
static void vmm_offer(struct vmm *v, u64 says, u64 reads)
{
	struct parley_sched_guest_header h = {
		.version = cpu_to_le16(PARLEY_SCHED_VERSION),
		.kind = cpu_to_le16(PARLEY_SCHED_AREA_VCPUS), .nr = cpu_to_le32(VCPUS),
	};
	__virtio16 word = cpu_to_vr16(v->next % NUM);

	vmm_poke(v, SHARED, &h, sizeof(h));
	vmm_desc(v, says, VRING_DESC_F_NEXT);
	vmm_desc(v, reads, VRING_DESC_F_WRITE);
	vmm_poke(v, AVAIL + 4 + 2 * (v->avail % NUM), &word, sizeof(word));
	smp_wmb();	/* pairs with the core's read of the index */
	word = cpu_to_vr16(++v->avail);
	vmm_poke(v, AVAIL + 2, &word, sizeof(word));
	parley_vhost_vq_wake(parley_vhost_get_vq(v->dev, RING));
}

static u16 vmm_used(struct vmm *v)
{
	__virtio16 word;

	vmm_peek(v, USED + 2, &word, sizeof(word));
	return vr16_to_cpu(word);
}

static u32 vmm_used_len(struct vmm *v, u16 at)
{
	struct vring_used_elem elem;

	vmm_peek(v, USED + 4 + at * sizeof(elem), &elem, sizeof(elem));
	return vr32_to_cpu(elem.len);
}

static u32 vmm_status(struct vmm *v)
{
	struct parley_sched_host_header h;

	vmm_peek(v, SHARED + SZ_4K, &h, sizeof(h));
	return le32_to_cpu(h.status);
}

static u32 vmm_state(struct vmm *v, unsigned int vcpu)
{
	struct parley_sched_host_record r;

	vmm_peek(v, SHARED + SZ_4K + (1 + vcpu) * sizeof(r), &r, sizeof(r));
	return parley_sched_state(&r);
}

/* ------------------------------------------------------------------ tests */

static void what_is_shared_is_pinned_and_written(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	unsigned long before = current->mm->locked_vm;
	struct parley_sched_vcpu vcpu = { .index = 1, .tid = 1 };

	vmm_offer(v, SHARED, SHARED + SZ_4K);
	KUNIT_EXPECT_TRUE(test, vh_until(vmm_status(v) == PARLEY_SCHED_AREA_SHARED));
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, before + 2);
	KUNIT_EXPECT_EQ(test, vmm_used(v), 0);
	KUNIT_EXPECT_EQ(test, vmm_call(v, PARLEY_SCHED_SET_VCPU, &vcpu, sizeof(vcpu)), 0);
	KUNIT_EXPECT_TRUE(test, vh_until(vmm_state(v, 1) != PARLEY_SCHED_UNKNOWN));
	KUNIT_EXPECT_EQ(test, vmm_state(v, 0), PARLEY_SCHED_UNKNOWN);
	vcpu.index = VCPUS;
	KUNIT_EXPECT_EQ(test, vmm_call(v, PARLEY_SCHED_SET_VCPU, &vcpu, sizeof(vcpu)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_status(v), PARLEY_SCHED_AREA_AGAIN);
	KUNIT_EXPECT_EQ(test, vmm_used(v), 1);
	KUNIT_EXPECT_EQ(test, vmm_used_len(v, 0), PARLEY_SCHED_RECORD);
	KUNIT_EXPECT_LE(test, current->mm->locked_vm, before);
}

/* The VMM unmaps it when the call is over, so it is not used any more then. */
static void bad_63_memory_that_is_taken_away(struct kunit *test)
{
	struct vmm *v = vmm_open(test);

	vmm_offer(v, SHARED, SHARED + SZ_4K);
	KUNIT_ASSERT_TRUE(test, vh_until(vmm_status(v) == PARLEY_SCHED_AREA_SHARED));
	KUNIT_EXPECT_EQ(test, vmm_memory(v, false), 0);
	KUNIT_EXPECT_EQ(test, vmm_status(v), PARLEY_SCHED_AREA_AGAIN);
	KUNIT_EXPECT_TRUE(test, vh_until(vmm_used(v) == 1));
	/* It comes again, and so does the area. */
	KUNIT_EXPECT_EQ(test, vmm_memory(v, true), 0);
	vmm_offer(v, SHARED, SHARED + SZ_4K);
	KUNIT_EXPECT_TRUE(test, vh_until(vmm_status(v) == PARLEY_SCHED_AREA_SHARED));
	KUNIT_EXPECT_EQ(test, vmm_used(v), 1);
}

/* The guest has it, and the VMM does not: it cannot be pinned, nor anything said there. */
static void bad_63_memory_that_is_not_there(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	unsigned long before = current->mm->locked_vm;

	vmm_offer(v, SHARED, NOWHERE);
	KUNIT_EXPECT_TRUE(test, vh_until(vmm_used(v) == 1));
	KUNIT_EXPECT_EQ(test, vmm_used_len(v, 0), 0);
	vmm_offer(v, NOWHERE, SHARED + SZ_4K);
	KUNIT_EXPECT_TRUE(test, vh_until(vmm_used(v) == 2));
	KUNIT_EXPECT_EQ(test, vmm_status(v), PARLEY_SCHED_AREA_INVAL);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, before);
	/* And not at the beginning of a page. */
	vmm_offer(v, SHARED, SHARED + SZ_4K + 64);
	KUNIT_EXPECT_TRUE(test, vh_until(vmm_used(v) == 3));
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, before);
	vmm_offer(v, SHARED, SHARED + SZ_4K);
	KUNIT_EXPECT_TRUE(test, vh_until(vmm_status(v) == PARLEY_SCHED_AREA_SHARED));
}

/* An address that is nobody's breaks the ring, as in any ring; the device goes on. */
static void memory_of_nobody(struct kunit *test)
{
	struct vmm *v = vmm_open(test);

	vmm_offer(v, SHARED, 1ull << 40);
	KUNIT_EXPECT_TRUE(test, vh_until(parley_vhost_get_vq(v->dev, RING)->state ==
					 VH_VQ_BROKEN));
	KUNIT_EXPECT_EQ(test, vmm_used(v), 0);
	KUNIT_EXPECT_EQ(test, vmm_status(v), PARLEY_SCHED_AREA_NONE);
}

/*
 * Whoever has the file may say who the vCPUs are, before there is an owner and beside him:
 * who may schedule others is mostly not who has the guest's memory.  Memory stays the
 * owner's.
 */
static void calls_of_who_is_not_the_owner(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_sched_vcpu init = { .index = 1, .tid = 1 };
	struct parley_sched_vcpu none = { .index = 1 };
	struct parley_sched_budget budget = { .budget_us = 100, .period_us = 20000 };
	struct parley_vhost *other = vh_dev_create(v->dev->drv, false);
	struct vmm second = { .test = test, .dev = other, .user = v->user };
	u32 nr = VCPUS;

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, vmm_call(&second, PARLEY_SCHED_SET_NR_VCPUS, &nr, sizeof(nr)), 0);
	KUNIT_EXPECT_EQ(test, vmm_call(&second, PARLEY_SCHED_SET_BUDGET, &budget,
				       sizeof(budget)), 0);
	KUNIT_EXPECT_EQ(test, vmm_call(&second, PARLEY_SCHED_SET_VCPU, &init, sizeof(init)), 0);
	/* It is a vCPU of this guest's now, and nobody else's. */
	KUNIT_EXPECT_EQ(test, vmm_call(v, PARLEY_SCHED_SET_VCPU, &init, sizeof(init)), -EBUSY);
	KUNIT_EXPECT_EQ(test, vmm_call(&second, PARLEY_SCHED_SET_VCPU, &none, sizeof(none)), 0);
	KUNIT_EXPECT_EQ(test, vmm_memory(&second, true), -EPERM);
	vh_dev_release(other);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(what_is_shared_is_pinned_and_written),
	KUNIT_CASE(bad_63_memory_that_is_taken_away),
	KUNIT_CASE(bad_63_memory_that_is_not_there),
	KUNIT_CASE(memory_of_nobody),
	KUNIT_CASE(calls_of_who_is_not_the_owner),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_sched_vmm",
	.test_cases = cases,
};

kunit_test_suite(suite);
