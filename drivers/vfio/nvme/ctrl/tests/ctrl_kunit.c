// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller's life: what is served and what is refused, how long is waited,
 * and that memory is out of its reach whenever it is not LIVE.
 */
#include <linux/module.h>
#include <linux/jiffies.h>
#include "bare.h"

static void it_is_started_and_stopped(struct kunit *test)
{
	struct fake *f = bare_live(test);

	KUNIT_EXPECT_TRUE(test, f->master);
	KUNIT_EXPECT_EQ(test, FAKE_CNTLID, f->n->id.cntlid);
	KUNIT_EXPECT_STREQ(test, "a fake", f->n->id.model);
	KUNIT_EXPECT_STREQ(test, "FAKE-1  ?", f->n->id.serial);
	KUNIT_EXPECT_STREQ(test, "0.2", f->n->id.firmware);
	KUNIT_EXPECT_EQ(test, FAKE_ENTRIES, f->n->entries);
	bare_pause(f, true);
	KUNIT_EXPECT_EQ(test, 1, f->shutdowns);
	KUNIT_EXPECT_FALSE(test, f->cc & NVME_CC_ENABLE);
	KUNIT_EXPECT_FALSE(test, f->master);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->n->state);
	KUNIT_EXPECT_EQ(test, 0, bare_go_on(f));
}

static void one_that_is_at_work_is_disabled_first(struct kunit *test)
{
	struct fake *f = bare_new(test);

	/* Another driver's queue: the fake complains if it gets memory as it is. */
	f->cc = NVME_CC_ENABLE;
	KUNIT_EXPECT_EQ(test, 0, bare_start(f));
}

struct oddity {
	const char *name;
	u64 cap;
	u32 version;
	size_t bar;
	int err;
};

#define CAP(to, stride, css, min)	((u64)(to) << 24 | (u64)(stride) << 32 | \
					 (u64)(css) << 37 | (u64)(min) << 48)

static const struct oddity oddities[] = {
	{ "stride of the last doorbell fits", CAP(4, 9, 1, 0), 0x10400, 0x2000, 0 },
	{ "stride beyond the registers", CAP(4, 10, 1, 0), 0x10400, 0x2000, -ENODEV },
	{ "largest stride", CAP(4, 15, 1, 0), 0x10400, 0x2000, -ENODEV },
	{ "large pages", CAP(4, 0, 1, 1), 0x10400, 0x2000, -ENODEV },
	{ "no command set", CAP(4, 0, 0, 0), 0x10400, 0x2000, -ENODEV },
	{ "other command sets", CAP(4, 0, 64, 0), 0x20000, 0x2000, 0 },
	{ "no version", CAP(4, 0, 1, 0), 0, 0x2000, -ENODEV },
	{ "old version", CAP(4, 0, 1, 0), 0x10000, 0x2000, 0 },
	{ "no time", CAP(0, 0, 1, 0), 0x10400, 0x2000, 0 },
	{ "all ones", U64_MAX, 0x10400, 0x2000, -ENODEV },
	{ "version of ones", CAP(4, 0, 1, 0), U32_MAX, 0x2000, -ENODEV },
	{ "few registers", CAP(4, 0, 1, 0), 0x10400, 0x1004, -ENODEV },
	{ "just enough registers", CAP(4, 0, 1, 0), 0x10400, 0x1008, 0 },
};

static void oddity_name(const struct oddity *odd, char *name)
{
	strscpy(name, odd->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(oddity, oddities, oddity_name);

static void capabilities_are_checked(struct kunit *test)
{
	const struct oddity *odd = test->param_value;
	struct fake *f = bare_new(test);

	f->cap = odd->cap;
	f->version = odd->version;
	f->bar = odd->bar;
	KUNIT_EXPECT_EQ(test, odd->err, bare_start(f));
	KUNIT_EXPECT_EQ(test, !odd->err, f->master);
	KUNIT_EXPECT_EQ(test, odd->err ? PARLEY_NVME_OFF : PARLEY_NVME_LIVE, f->n->state);
}

static void it_has_the_time_that_it_asked_for(struct kunit *test)
{
	struct fake *f = bare_new(test);

	f->enable_ms = 700;
	KUNIT_EXPECT_EQ(test, 0, bare_start(f));
	bare_pause(f, false);
	/* The longer time of newer ones has a register of its own. */
	f->cap = CAP(1, 0, 1, 0) | NVME_CAP_CRMS_CRWMS;
	f->crto = 4;
	KUNIT_EXPECT_EQ(test, 0, bare_go_on(f));
}

static void and_no_more(struct kunit *test)
{
	unsigned long begin = jiffies;
	struct fake *f = bare_new(test);

	f->cap = CAP(1, 0, 1, 0);
	f->enable_ms = 60 * MSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, bare_start(f));
	KUNIT_EXPECT_FALSE(test, f->master);
	/* It is tried to be disabled as well, which has its own time. */
	KUNIT_EXPECT_TRUE(test, time_after_eq(jiffies, begin + msecs_to_jiffies(500)));
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, begin + 30 * HZ));
}

/* One that wants nine hours is a liar. */
static void nobody_has_all_the_time_that_he_asks_for(struct kunit *test)
{
	struct fake *f = bare_new(test);

	f->cap = CAP(1, 0, 1, 0) | NVME_CAP_CRMS_CRWMS;
	f->crto = U32_MAX;
	KUNIT_EXPECT_EQ(test, 0, bare_start(f));
	KUNIT_EXPECT_EQ(test, 255 * 500, f->n->ready_ms);
}

static void a_fault_ends_the_wait(struct kunit *test)
{
	struct fake *f = bare_new(test);

	f->enable_ms = 60 * MSEC_PER_SEC;
	f->fails_enabled = true;
	f->cap = CAP(255, 0, 1, 0);
	KUNIT_EXPECT_EQ(test, -EIO, bare_start(f));
	KUNIT_EXPECT_FALSE(test, f->master);
	/* And a reset mends it. */
	f->fails_enabled = false;
	f->enable_ms = 0;
	KUNIT_EXPECT_EQ(test, 0, bare_recover(f));
}

static void so_does_its_absence(struct kunit *test)
{
	struct fake *f = bare_new(test);

	f->gone = true;
	KUNIT_EXPECT_EQ(test, -ENODEV, bare_start(f));
	f->gone = false;
	KUNIT_EXPECT_EQ(test, 0, bare_go_on(f));
	f->gone = true;
	bare_pause(f, true);
	KUNIT_EXPECT_FALSE(test, f->master);
	KUNIT_EXPECT_EQ(test, -ENODEV, bare_go_on(f));
}

static void one_that_does_not_obey_loses_memory(struct kunit *test)
{
	struct fake *f = bare_live(test);

	f->n->ready_ms = FAKE_SHORT_MS;
	f->n->id.shutdown_ms = FAKE_SHORT_MS;
	f->no_shutdown = true;
	f->stays_ready = true;
	bare_pause(f, true);
	KUNIT_EXPECT_FALSE(test, f->master);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->n->state);
	f->cap = CAP(1, 0, 1, 0);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, bare_go_on(f));
	KUNIT_EXPECT_FALSE(test, f->master);
}

static void without_memory_there_is_nothing(struct kunit *test)
{
	struct fake *f = bare_new(test);
	unsigned int nr;
	int err;

	for (nr = 0; nr < FAKE_ADMIN_LENT + 1; nr++) {
		f->alloc_left = nr;
		err = bare_start(f);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, -ENOMEM, err);
		KUNIT_EXPECT_EQ(test, 0, fake_lent(f));
	}
	KUNIT_EXPECT_EQ(test, FAKE_ADMIN_LENT, nr);
}

static void one_that_says_nothing_of_itself_is_not_used(struct kunit *test)
{
	struct fake *f = bare_new(test);

	fake_arm(f, FAKE_REFUSES, 1);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, bare_start(f));
	KUNIT_EXPECT_FALSE(test, f->master);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->n->state);
}

static struct kunit_case ctrl_cases[] = {
	KUNIT_CASE(it_is_started_and_stopped),
	KUNIT_CASE(one_that_is_at_work_is_disabled_first),
	KUNIT_CASE_PARAM(capabilities_are_checked, oddity_gen_params),
	KUNIT_CASE(it_has_the_time_that_it_asked_for),
	KUNIT_CASE(and_no_more),
	KUNIT_CASE(nobody_has_all_the_time_that_he_asks_for),
	KUNIT_CASE(a_fault_ends_the_wait),
	KUNIT_CASE(so_does_its_absence),
	KUNIT_CASE(one_that_does_not_obey_loses_memory),
	KUNIT_CASE(without_memory_there_is_nothing),
	KUNIT_CASE(one_that_says_nothing_of_itself_is_not_used),
	{}
};

static struct kunit_suite ctrl_suite = {
	.name = "parley_nvme_ctrl",
	.test_cases = ctrl_cases,
};

kunit_test_suite(ctrl_suite);
