// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that were written, against an oracle: none is missed, none is told of that was
 * not, and each is told of once.
 */
#include <linux/bitmap.h>
#include <linux/prandom.h>
#include "../../emu/tests/guest.h"
#include "../mdev.h"

#define PAGE(nr)	((u64)(nr) * PARLEY_NVME_PAGE)
/* Over several pieces. */
#define PAGES		(3 * PARLEY_MDEV_DIRTY_PAGES)
/* Where they begin: not where a piece does. */
#define FIRST		0x12345ULL

struct marks {
	struct parley_mdev_dirty d;
	struct kunit *test;
	unsigned long *told;
	u64 bytes;
};

static void marks_end(void *data)
{
	struct marks *m = data;

	parley_mdev_dirty_exit(&m->d);
	bitmap_free(m->told);
}

static struct marks *marks_new(struct kunit *test)
{
	struct marks *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	parley_mdev_dirty_init(&m->d);
	m->told = bitmap_zalloc(PAGES, GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, marks_end, m));
	KUNIT_ASSERT_NOT_NULL(test, m->told);
	return m;
}

static void tell(void *arg, u64 address, u64 len)
{
	struct marks *m = arg;
	u64 page = address / PARLEY_NVME_PAGE - FIRST;

	m->bytes += len;
	/* User space's memory may be slow. */
	KUNIT_EXPECT_FALSE(m->test, mutex_is_locked(&m->d.lock));
	for (; page <= (address + len - 1) / PARLEY_NVME_PAGE - FIRST && page < PAGES; page++)
		__set_bit(page, m->told);
}

static int report(struct marks *m, u64 first, u64 nr)
{
	bitmap_zero(m->told, PAGES);
	m->bytes = 0;
	return parley_mdev_dirty_report(&m->d, PAGE(FIRST + first),
					PAGE(FIRST + first + nr) - 1, tell, m);
}

static void what_was_written_is_told_of_once(struct kunit *test)
{
	unsigned long *oracle = bitmap_zalloc(PAGES, GFP_KERNEL);
	struct marks *m = marks_new(test);
	struct rnd_state rnd;
	u32 i, at, nr;
	u64 address;

	KUNIT_ASSERT_NOT_NULL(test, oracle);
	KUNIT_ASSERT_EQ(test, 0, parley_mdev_dirty_start(&m->d, PAGE(FIRST),
							 PAGE(FIRST + PAGES) - 1));
	prandom_seed_state(&rnd, 3);
	for (i = 0; i < 4000; i++) {
		at = prandom_u32_state(&rnd) % (PAGES - 2);
		address = PAGE(FIRST + at) + prandom_u32_state(&rnd) % PARLEY_NVME_PAGE;
		nr = 1 + prandom_u32_state(&rnd) % PARLEY_NVME_PAGE;
		parley_mdev_dirty_mark(&m->d, address, nr);
		bitmap_set(oracle, at, (address + nr - 1) / PARLEY_NVME_PAGE - FIRST - at + 1);
		if (i % 20)
			continue;
		at = prandom_u32_state(&rnd) % PAGES;
		nr = 1 + prandom_u32_state(&rnd) % (PAGES - at);
		KUNIT_ASSERT_EQ(test, 0, report(m, at, nr));
		KUNIT_ASSERT_EQ(test, m->bytes, PAGE(bitmap_weight(m->told, PAGES)));
		/* All that it told of was written, and nothing of that is left there. */
		KUNIT_ASSERT_TRUE(test, bitmap_subset(m->told, oracle, PAGES));
		bitmap_andnot(oracle, oracle, m->told, PAGES);
		KUNIT_ASSERT_GE(test, find_next_bit(oracle, PAGES, at), min(at + nr, PAGES));
	}
	KUNIT_EXPECT_EQ(test, 0, report(m, 0, PAGES));
	KUNIT_EXPECT_TRUE(test, bitmap_equal(m->told, oracle, PAGES));
	KUNIT_EXPECT_EQ(test, 0, report(m, 0, PAGES));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(m->told, PAGES));
	bitmap_free(oracle);
}

static void a_page_of_which_a_part_is_asked_for_stays_marked(struct kunit *test)
{
	struct marks *m = marks_new(test);

	KUNIT_ASSERT_EQ(test, 0, parley_mdev_dirty_start(&m->d, 0, U64_MAX));
	parley_mdev_dirty_mark(&m->d, PAGE(FIRST) + 5, 1);
	KUNIT_EXPECT_EQ(test, 0, parley_mdev_dirty_report(&m->d, PAGE(FIRST) + 512,
							  PAGE(FIRST) + 1023, tell, m));
	KUNIT_EXPECT_EQ(test, 512, m->bytes);
	KUNIT_EXPECT_EQ(test, 0, report(m, 0, 1));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_PAGE, m->bytes);
}

static void what_nobody_asked_for_is_not_marked(struct kunit *test)
{
	struct marks *m = marks_new(test);

	parley_mdev_dirty_mark(&m->d, PAGE(FIRST), 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, report(m, 0, PAGES));
	KUNIT_ASSERT_EQ(test, 0, parley_mdev_dirty_start(&m->d, PAGE(FIRST + 1),
							 PAGE(FIRST + 3) - 1));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_mdev_dirty_start(&m->d, 0, U64_MAX));
	parley_mdev_dirty_mark(&m->d, PAGE(FIRST), 5 * PARLEY_NVME_PAGE);
	KUNIT_EXPECT_EQ(test, 0, report(m, 0, PAGES));
	KUNIT_EXPECT_EQ(test, 1, find_first_bit(m->told, PAGES));
	KUNIT_EXPECT_EQ(test, 2, bitmap_weight(m->told, PAGES));
	parley_mdev_dirty_mark(&m->d, PAGE(FIRST + 1), 1);
	parley_mdev_dirty_stop(&m->d);
	/* Another one begins with nothing. */
	KUNIT_ASSERT_EQ(test, 0, parley_mdev_dirty_start(&m->d, 0, U64_MAX));
	KUNIT_EXPECT_EQ(test, 0, report(m, 0, PAGES));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(m->told, PAGES));
}

static void without_room_for_marks_all_pages_are_told_of(struct kunit *test)
{
	struct marks *m = marks_new(test);

	m->d.most = 2;
	KUNIT_ASSERT_EQ(test, 0, parley_mdev_dirty_start(&m->d, 0, U64_MAX));
	parley_mdev_dirty_mark(&m->d, PAGE(FIRST), 1);
	parley_mdev_dirty_mark(&m->d, PAGE(FIRST + PARLEY_MDEV_DIRTY_PAGES), 1);
	KUNIT_EXPECT_EQ(test, 0, report(m, 0, PAGES));
	KUNIT_EXPECT_EQ(test, 2, bitmap_weight(m->told, PAGES));
	parley_mdev_dirty_mark(&m->d, PAGE(FIRST + 2 * PARLEY_MDEV_DIRTY_PAGES), 1);
	/* Each time: which it was, nobody knows any more. */
	KUNIT_EXPECT_EQ(test, 0, report(m, 0, PAGES));
	KUNIT_EXPECT_TRUE(test, bitmap_full(m->told, PAGES));
	KUNIT_EXPECT_EQ(test, 0, report(m, 0, PAGES));
	KUNIT_EXPECT_TRUE(test, bitmap_full(m->told, PAGES));
}

static void the_last_page_of_all_is_one(struct kunit *test)
{
	struct marks *m = marks_new(test);

	KUNIT_ASSERT_EQ(test, 0, parley_mdev_dirty_start(&m->d, 0, U64_MAX));
	parley_mdev_dirty_mark(&m->d, U64_MAX, 1);
	KUNIT_EXPECT_EQ(test, 0, parley_mdev_dirty_report(&m->d, 0, U64_MAX, tell, m));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_PAGE, m->bytes);
}

/* ------------------------------------------------ pages that it wrote */

struct watched {
	struct parley_mdev_dirty d;
	struct guest *g;
	const struct parley_emu_ops *ops;
	struct parley_emu_ops with;
	unsigned long told;
};

static struct watched *watched;

static int watched_write(struct parley_emu *e, u64 address, const void *data, size_t len)
{
	int err = watched->ops->write(e, address, data, len);

	parley_mdev_dirty_mark(&watched->d, address, len);
	return err;
}

static void watched_unpin(struct parley_emu *e, u64 address, bool in, dma_addr_t dma)
{
	if (in)
		parley_mdev_dirty_mark(&watched->d, address, PARLEY_NVME_PAGE);
	watched->ops->unpin(e, address, in, dma);
}

static void watched_wrote(struct parley_emu *e, u64 address, size_t len)
{
	parley_mdev_dirty_mark(&watched->d, address, len);
}

static void watched_tell(void *arg, u64 address, u64 len)
{
	struct watched *w = arg;

	__set_bit((address - GUEST_BASE) / PARLEY_NVME_PAGE, &w->told);
}

static void watched_end(void *data)
{
	watched->g->e.ops = watched->ops;
	parley_mdev_dirty_exit(&watched->d);
}

/* Memory as it was and as it is: each page that differs was told of, and no other one. */
static void all_that_changes_in_memory_is_told_of(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	u8 *was = kunit_kzalloc(test, GUEST_PAGES * PARLEY_NVME_PAGE, GFP_KERNEL);
	unsigned int i, page, changed = 0;

	BUILD_BUG_ON(GUEST_PAGES > BITS_PER_LONG);
	watched = kunit_kzalloc(test, sizeof(*watched), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, was);
	KUNIT_ASSERT_NOT_NULL(test, watched);
	parley_mdev_dirty_init(&watched->d);
	watched->g = g;
	watched->ops = g->e.ops;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, watched_end, NULL));
	watched->with = *g->e.ops;
	watched->with.write = watched_write;
	watched->with.unpin = watched_unpin;
	watched->with.wrote = watched_wrote;
	g->e.ops = &watched->with;
	KUNIT_ASSERT_EQ(test, 0, parley_mdev_dirty_start(&watched->d, 0, U64_MAX));
	for (i = 0; i < 40; i++) {
		memset(g->f->disk, i + 1, sizeof(g->f->disk));
		memcpy(was, g->memory, GUEST_PAGES * PARLEY_NVME_PAGE);
		/* The lists and the queue of commands are the guest's own writes. */
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, i % 3 ? nvme_cmd_read : nvme_cmd_write, i,
						  1 + i % 24, GUEST_AT(GUEST_DATA + i % 9) +
						  i % 5 * 512));
		parley_emu_stop(&g->e);
		watched->told = 0;
		KUNIT_ASSERT_EQ(test, 0, parley_mdev_dirty_report(&watched->d, 0, U64_MAX,
								  watched_tell, watched));
		for (page = 0; page < GUEST_PAGES; page++) {
			if (page == GUEST_SQ || page == GUEST_LIST)
				continue;
			KUNIT_ASSERT_EQ_MSG(test, test_bit(page, &watched->told),
					    !!memcmp(was + page * PARLEY_NVME_PAGE,
						     g->memory + page * PARLEY_NVME_PAGE,
						     PARLEY_NVME_PAGE), "page %u", page);
			changed += test_bit(page, &watched->told);
		}
		parley_emu_go(&g->e);
	}
	KUNIT_EXPECT_GT(test, changed, 40);
}

/* A guest that has it write where nothing is fills no marks. */
static void only_what_may_have_been_written_is_marked(struct kunit *test)
{
	static const int nothing[] = { -EINVAL, -EPERM, -ENOENT, -ENODEV };
	struct parley_mdev_dirty *d = &marks_new(test)->d;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, parley_mdev_dirty_start(d, 0, U64_MAX));
	for (i = 0; i < ARRAY_SIZE(nothing); i++)
		parley_mdev_dirty_wrote(d, i * SZ_16M, 16, nothing[i]);
	KUNIT_EXPECT_EQ(test, 0, d->nr);
	parley_mdev_dirty_wrote(d, 0, 16, -EFAULT);
	parley_mdev_dirty_wrote(d, SZ_16M, 16, 0);
	KUNIT_EXPECT_EQ(test, 2, d->nr);
}

static struct kunit_case dirty_cases[] = {
	KUNIT_CASE(what_was_written_is_told_of_once),
	KUNIT_CASE(a_page_of_which_a_part_is_asked_for_stays_marked),
	KUNIT_CASE(what_nobody_asked_for_is_not_marked),
	KUNIT_CASE(only_what_may_have_been_written_is_marked),
	KUNIT_CASE(without_room_for_marks_all_pages_are_told_of),
	KUNIT_CASE(the_last_page_of_all_is_one),
	KUNIT_CASE(all_that_changes_in_memory_is_told_of),
	{}
};

static struct kunit_suite dirty_suite = {
	.name = "parley_nvme_mdev_dirty",
	.test_cases = dirty_cases,
};

kunit_test_suite(dirty_suite);
