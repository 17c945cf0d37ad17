// SPDX-License-Identifier: GPL-2.0-only
/* The dirty log: every page that changed has its bit, and few others have. */
#include <linux/kthread.h>
#include <linux/prandom.h>
#include "../dirty.h"
#include "vmm.h"

#define PAGES	(VMM_MEM / VHOST_PAGE_SIZE)
#define LOGGED	BIT_ULL(VHOST_F_LOG_ALL)

static long log_base(struct vmm *v, u64 base)
{
	return vmm_call(v, VHOST_SET_LOG_BASE, &base);
}

/* A log that begins inside a page, so that its bits do as well. */
static u8 *log_begin(struct vmm *v, unsigned int off)
{
	u8 *log = kunit_kzalloc(v->test, PAGES / 8, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(v->test, log);
	KUNIT_ASSERT_EQ(v->test, log_base(v, v->user + VMM_LOG + off), 0);
	return log;
}

static void log_get(struct vmm *v, unsigned int off, u8 *log)
{
	struct parley_vhost_vq *vq = vmm_vq(v);

	/* A ring is logged after it was published, before the mutex is free. */
	mutex_lock(&vq->mutex);
	mutex_unlock(&vq->mutex);
	vmm_peek(v, VMM_LOG + off, log, PAGES / 8);
}

static bool log_has(const u8 *log, u64 guest)
{
	u64 page = guest / VHOST_PAGE_SIZE;

	return log[page / 8] >> page % 8 & 1;
}

static unsigned int log_count(const u8 *log)
{
	return memweight(log, PAGES / 8);
}

/*
 * Random requests; then each page whose bytes changed must be in the log, the
 * used ring's among them.  The accelerator says that it wrote half of what it
 * wrote.
 */
static void bad_17_all_that_changed_is_logged(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u8 *page = kunit_kmalloc(test, VHOST_PAGE_SIZE, GFP_KERNEL);
	u8 *log = log_begin(v, 0);
	unsigned int i, n, changed = 0;
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, page);
	prandom_seed_state(&rnd, 5);
	vmm_start(v, LOGGED);
	for (i = 0; i < 100; i++) {
		struct vmm_piece p[4];

		for (n = 0; n < 4; n++) {
			/* Not over the ring, which is in the middle. */
			u32 at = prandom_u32_state(&rnd) % (SZ_1M - SZ_16K);

			p[n] = (struct vmm_piece){
				at + (n > 1 ? SZ_2M : 0),
				1 + prandom_u32_state(&rnd) % SZ_16K, n > 0 };
		}
		vmm_send(v, p, 4);
		KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	}
	log_get(v, 0, log);
	for (i = 0; i < PAGES; i++) {
		vmm_peek(v, VMM_GUEST + i * VHOST_PAGE_SIZE, page,
			 VHOST_PAGE_SIZE);
		/* The guest itself wrote descriptors and the available ring. */
		if (i == VMM_DESC / VHOST_PAGE_SIZE ||
		    i == VMM_AVAIL / VHOST_PAGE_SIZE)
			continue;
		if (!memchr_inv(page, 0, VHOST_PAGE_SIZE))
			continue;
		changed++;
		KUNIT_EXPECT_TRUE_MSG(test, log_has(log, i * VHOST_PAGE_SIZE),
				      "page %u", i);
	}
	KUNIT_EXPECT_GT(test, changed, 100);
	/* And not simply everything. */
	KUNIT_EXPECT_EQ(test, log_count(log), changed);
	KUNIT_EXPECT_EQ(test, v->dev->log.errors, 0);
}

/* As many pieces as a chain can have, at page borders: the exact bits. */
static void bad_01_bits_of_every_piece(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vmm_piece p[VMM_NUM];
	u8 *log = log_begin(v, 0);
	unsigned int i;

	vmm_start(v, LOGGED);
	for (i = 0; i < VMM_NUM; i++)	/* the last byte of a page, the first of the next */
		p[i] = (struct vmm_piece){ SZ_2M + i * 4 * SZ_4K - 1, 2, true };
	vmm_send(v, p, VMM_NUM);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	log_get(v, 0, log);
	KUNIT_EXPECT_EQ(test, log_count(log), 2 * VMM_NUM + 1);
	for (i = 0; i < VMM_NUM; i++) {
		KUNIT_EXPECT_TRUE(test, log_has(log, p[i].addr));
		KUNIT_EXPECT_TRUE(test, log_has(log, p[i].addr + 1));
	}
	KUNIT_EXPECT_TRUE(test, log_has(log, VMM_USED));
}

/* One whole page, and not the next. */
static void log_ends_at_page_border(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vmm_piece p = { SZ_2M, VHOST_PAGE_SIZE, true };
	u8 *log = log_begin(v, 0);

	vmm_start(v, LOGGED);
	vmm_send(v, &p, 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	log_get(v, 0, log);
	KUNIT_EXPECT_TRUE(test, log_has(log, SZ_2M));
	KUNIT_EXPECT_FALSE(test, log_has(log, SZ_2M - 1));
	KUNIT_EXPECT_FALSE(test, log_has(log, SZ_2M + VHOST_PAGE_SIZE));
}

/* A bitmap that begins and ends inside a page. */
static void log_over_two_pages(struct kunit *test)
{
	const unsigned int off = PAGE_SIZE - PAGES / 16 - 3;
	struct vmm *v = vmm_open(test);
	struct vmm_piece p[] = {
		{ 0, 1, true },
		{ VMM_MEM / 2 - 0x20000, 0x40000, true },	/* both pages */
		{ VMM_MEM - 1, 1, true },
	};
	u8 *log = log_begin(v, off), around[2];
	u64 at;

	vmm_start(v, LOGGED);
	vmm_send(v, p, 3);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	log_get(v, off, log);
	KUNIT_EXPECT_EQ(test, log_count(log), 1 + 64 + 1 + 1);
	KUNIT_EXPECT_TRUE(test, log_has(log, 0));
	KUNIT_EXPECT_TRUE(test, log_has(log, VMM_MEM - 1));
	for (at = p[1].addr; at < p[1].addr + p[1].len; at += SZ_4K)
		KUNIT_EXPECT_TRUE(test, log_has(log, at));
	vmm_peek(v, VMM_LOG + off - 1, around, 1);
	vmm_peek(v, VMM_LOG + off + PAGES / 8, around + 1, 1);
	KUNIT_EXPECT_EQ(test, around[0] | around[1], 0);
}

/* The same guest memory at two places: both are dirty. */
static void log_knows_aliases(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vhost_memory_region r[] = {
		{ .memory_size = SZ_2M, .userspace_addr = v->user + VMM_GUEST },
		{ .guest_phys_addr = SZ_2M, .memory_size = SZ_2M,
		  .userspace_addr = v->user + VMM_GUEST },
	};
	struct vmm_piece p = { 0x3000, 8, true };
	u8 *log = log_begin(v, 0);

	vmm_start(v, LOGGED);
	KUNIT_ASSERT_EQ(test, vmm_mem(v, r, 2), 0);
	vmm_send(v, &p, 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	log_get(v, 0, log);
	KUNIT_EXPECT_EQ(test, log_count(log), 4);
	KUNIT_EXPECT_TRUE(test, log_has(log, 0x3000));
	KUNIT_EXPECT_TRUE(test, log_has(log, SZ_2M + 0x3000));
	KUNIT_EXPECT_TRUE(test, log_has(log, SZ_2M + VMM_USED));
}

/* Logging goes on and off while the ring runs, and takes effect at once. */
static void bad_18_log_follows_features(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u8 *log = log_begin(v, 0);
	u64 features;
	unsigned int i;

	vmm_start(v, 0);
	for (i = 0; i < 8; i++) {
		struct vmm_piece p = { SZ_2M + i * SZ_4K, 8, true };
		bool on = i % 2;

		features = BIT_ULL(VIRTIO_F_VERSION_1) | (on ? LOGGED : 0);
		KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &features),
				0);
		vmm_send(v, &p, 1);
		KUNIT_ASSERT_TRUE(test, vmm_wait(v));
		log_get(v, 0, log);
		KUNIT_EXPECT_EQ(test, log_has(log, p.addr), on);
	}
	/* Nothing else may change while it runs. */
	features = BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_IN_ORDER);
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &features), -EBUSY);
}

/* Only the ring's own flag: the used ring is logged at its address. */
static void log_of_ring_only(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vmm_piece p = { SZ_2M, 8, true };
	u8 *log = log_begin(v, 0);

	vmm_start(v, 0);
	/* The same addresses, so allowed while it runs. */
	KUNIT_ASSERT_EQ(test, vmm_addr(v, v->user + VMM_GUEST,
				       BIT(VHOST_VRING_F_LOG)), 0);
	KUNIT_EXPECT_EQ(test, vmm_addr(v, v->user + VMM_GUEST + SZ_4K, 0),
			-EBUSY);
	vmm_send(v, &p, 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_ASSERT_EQ(test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, 0),
			0);
	log_get(v, 0, log);
	KUNIT_EXPECT_EQ(test, log_count(log), 1);
	KUNIT_EXPECT_TRUE(test, log_has(log, VMM_USED));
}

/* A log whose end lies beyond user space, or beyond all addresses. */
static void bad_33_log_beyond_user_space(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vhost_memory_region high = {
		.guest_phys_addr = BIT_ULL(40),
		.memory_size = SZ_4K,
		.userspace_addr = v->user + VMM_GUEST,
	};

	vmm_set_up(v, LOGGED);
	KUNIT_EXPECT_EQ(test, log_base(v, U64_MAX), -EFAULT);
	KUNIT_EXPECT_EQ(test, log_base(v, U64_MAX - PAGES / 8 + 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, log_base(v, PAGE_OFFSET), -EFAULT);
	KUNIT_EXPECT_EQ(test, log_base(v, TASK_SIZE_MAX - 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, v->dev->log.base, 0);
	/* Nor may memory grow beyond what the log can reach. */
	KUNIT_ASSERT_EQ(test, log_base(v, TASK_SIZE_MAX - SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, vmm_mem(v, &high, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, v->dev->log.base, TASK_SIZE_MAX - SZ_4K);
	KUNIT_ASSERT_EQ(test, log_base(v, v->user + VMM_LOG), 0);
	/* A ring's own address is the VMM's word, too. */
	vmm_vq(v)->log_addr = U64_MAX - 3;
	vmm_vq(v)->log_ring = true;
	KUNIT_ASSERT_EQ(test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, 1),
			0);
	vmm_send(v, &(struct vmm_piece){ SZ_2M, 8, true }, 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_ASSERT_EQ(test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, 0),
			0);
	KUNIT_EXPECT_GT(test, v->dev->log.errors, 0);
}

/* What is written beside publications is in the log when the ring stops. */
static void log_covers_the_stop(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u8 *log = log_begin(v, 0);

	vmm_start(v, LOGGED);
	vmm_send(v, &(struct vmm_piece){ SZ_2M, 8, true }, 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	/* The VMM takes the bits away, and copies what they say. */
	scoped_guard(mutex, &vmm_vq(v)->mutex)
		vmm_poke(v, VMM_LOG, memset(log, 0, PAGES / 8), PAGES / 8);
	KUNIT_ASSERT_EQ(test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, 0),
			0);
	log_get(v, 0, log);
	KUNIT_EXPECT_EQ(test, log_count(log), 1);
	KUNIT_EXPECT_TRUE(test, log_has(log, VMM_USED));
}

/* Somebody without the owner's memory logs, too; he keeps no page of it. */
static void log_from_elsewhere(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct mm_struct *mm = current->mm;
	u8 *log = log_begin(v, 0);

	vmm_start(v, LOGGED);
	kthread_unuse_mm(mm);
	scoped_guard(mutex, &vmm_vq(v)->mutex)
		vh_log_ring(vmm_vq(v));
	kthread_use_mm(mm);
	KUNIT_EXPECT_EQ(test, v->dev->log.nr_pages, 0);
	KUNIT_EXPECT_EQ(test, v->dev->log.errors, 0);
	log_get(v, 0, log);
	KUNIT_EXPECT_EQ(test, log_count(log), 1);
	KUNIT_EXPECT_TRUE(test, log_has(log, VMM_USED));
}

/* A log that is taken away lets go of its pages. */
static void log_lets_go(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	unsigned long before;

	log_begin(v, 0);
	vmm_start(v, LOGGED);
	before = current->mm->locked_vm;
	vmm_send(v, &(struct vmm_piece){ SZ_2M, 8, true }, 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_EQ(test, v->dev->log.nr_pages, 1);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, before + 1);
	KUNIT_EXPECT_EQ(test, log_base(v, 0), 0);
	KUNIT_EXPECT_EQ(test, v->dev->log.nr_pages, 0);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, before);
}

static struct kunit_case log_cases[] = {
	KUNIT_CASE(bad_17_all_that_changed_is_logged),
	KUNIT_CASE(bad_01_bits_of_every_piece),
	KUNIT_CASE(log_ends_at_page_border),
	KUNIT_CASE(log_over_two_pages),
	KUNIT_CASE(log_knows_aliases),
	KUNIT_CASE(bad_18_log_follows_features),
	KUNIT_CASE(log_of_ring_only),
	KUNIT_CASE(bad_33_log_beyond_user_space),
	KUNIT_CASE(log_covers_the_stop),
	KUNIT_CASE(log_from_elsewhere),
	KUNIT_CASE(log_lets_go),
	{}
};

static struct kunit_suite log_suite = {
	.name = "parley_vhost_log",
	.test_cases = log_cases,
};
kunit_test_suite(log_suite);
