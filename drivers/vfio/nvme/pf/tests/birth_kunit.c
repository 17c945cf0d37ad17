// SPDX-License-Identifier: GPL-2.0-only
/*
 * One virtual function at a time: born, dead, each step of either gone wrong, and the
 * driver gone in between; and events, of which the controller tells by itself.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include "fake_pf.h"

/* A function whose virtual functions have nothing yet. */
static struct fake_pf *bare(struct kunit *test, unsigned int nr)
{
	struct fake_pf *f = fake_pf_live(test);

	f->pf.on_demand = true;
	KUNIT_ASSERT_EQ(test, 0, parley_pf_vfs_up(&f->pf, nr));
	return f;
}

static int birth(struct fake_pf *f, unsigned int number, u64 blocks, u32 *nsid)
{
	guard(mutex)(&f->pf.n.mutex);
	return parley_pf_birth(&f->pf, number, blocks, 0, nsid);
}

static int death(struct fake_pf *f, unsigned int number, u32 nsid, bool delete)
{
	guard(mutex)(&f->pf.n.mutex);
	return parley_pf_death(&f->pf, number, nsid, delete);
}

static unsigned int namespaces(struct fake_pf *f)
{
	unsigned int i, nr = 0;

	for (i = 0; i < FAKE_NAMESPACES; i++)
		nr += !!f->c.ns[i].blocks;
	return nr;
}

static void expect_nothing(struct fake_pf *f, unsigned int number)
{
	struct kunit *test = f->c.test;

	KUNIT_EXPECT_FALSE(test, f->vf[number - 1].online);
	KUNIT_EXPECT_EQ(test, 0, f->vf[number - 1].have[PARLEY_NVME_QUEUES]);
	KUNIT_EXPECT_EQ(test, 0, f->vf[number - 1].have[PARLEY_NVME_INTERRUPTS]);
	KUNIT_EXPECT_EQ(test, 1, namespaces(f));
	KUNIT_EXPECT_EQ(test, 0, f->c.ns[0].attached_to);
}

static void a_guest_is_born_and_dies(struct kunit *test)
{
	struct fake_pf *f = bare(test, 3);
	u32 made = 0, there = 1;

	expect_nothing(f, 2);
	KUNIT_EXPECT_EQ(test, 0, birth(f, 2, 5000, &made));
	KUNIT_EXPECT_EQ(test, 2, made);
	KUNIT_EXPECT_TRUE(test, f->vf[1].online);
	KUNIT_EXPECT_EQ(test, 3, f->vf[1].have[PARLEY_NVME_QUEUES]);
	KUNIT_EXPECT_EQ(test, f->pf.vf[1].cntlid, f->c.ns[1].attached_to);
	KUNIT_EXPECT_FALSE(test, f->vf[0].online);
	/* Once; of what is not, or is used, nothing is born. */
	KUNIT_EXPECT_EQ(test, -EEXIST, birth(f, 2, 0, &there));
	KUNIT_EXPECT_EQ(test, -EINVAL, birth(f, 4, 0, &there));
	KUNIT_EXPECT_EQ(test, -EINVAL, birth(f, 0, 0, &there));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, birth(f, 1, 0, &made));
	KUNIT_EXPECT_EQ(test, 2, made);
	KUNIT_EXPECT_EQ(test, 0, birth(f, 1, 0, &there));
	KUNIT_EXPECT_TRUE(test, f->vf[0].online);
	KUNIT_EXPECT_EQ(test, 0, death(f, 1, 1, false));
	KUNIT_EXPECT_EQ(test, 1000, f->c.ns[0].blocks);
	KUNIT_EXPECT_EQ(test, 0, death(f, 2, made, true));
	expect_nothing(f, 1);
	expect_nothing(f, 2);
	parley_pf_vfs_down(&f->pf);
	fake_pf_expect_clean(f);
}

static void a_driver_is_not_robbed(struct kunit *test)
{
	struct fake_pf *f = bare(test, 2);
	u32 nsid = 0;

	KUNIT_ASSERT_EQ(test, 0, birth(f, 1, 5000, &nsid));
	f->bound = 1;
	KUNIT_EXPECT_EQ(test, -EBUSY, death(f, 1, nsid, true));
	scoped_guard(mutex, &f->pf.n.mutex) {
		KUNIT_EXPECT_EQ(test, -EBUSY, parley_pf_ns_attach(&f->pf, nsid, 1, false));
		KUNIT_EXPECT_EQ(test, -EBUSY, parley_pf_ns_attach(&f->pf, 1, 1, true));
		KUNIT_EXPECT_EQ(test, -EBUSY, parley_pf_ns_delete(&f->pf, nsid));
	}
	KUNIT_EXPECT_TRUE(test, f->vf[0].online);
	KUNIT_EXPECT_EQ(test, 2, namespaces(f));
	f->bound = 2;
	KUNIT_EXPECT_EQ(test, 0, death(f, 1, nsid, true));
	nsid = 1;
	KUNIT_EXPECT_EQ(test, -EBUSY, birth(f, 2, 0, &nsid));
	expect_nothing(f, 2);
}

struct step {
	const char *name;
	enum fake_lie lie;
	bool dying;
};

static const struct step steps[] = {
	{ "birth, refused", FAKE_REFUSES },
	{ "birth, not known", FAKE_UNKNOWN },
	{ "birth, late", FAKE_SILENT },
	{ "birth, dies", FAKE_DIES },
	{ "birth, vanishes", FAKE_VANISHES },
	{ "death, refused", FAKE_REFUSES, true },
	{ "death, late", FAKE_SILENT, true },
	{ "death, dies", FAKE_DIES, true },
};

static void step_name(const struct step *step, char *name)
{
	strscpy(name, step->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(step, steps, step_name);

/* The controller came back, or a new driver found it: a namespace may be left over. */
static void tidy(struct fake_pf *f)
{
	struct kunit *test = f->c.test;
	unsigned int i;

	f->c.gone = false;
	parley_pf_vfs_down(&f->pf);
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	fake_pf_expect_clean(f);
	/* What root does who sees in the list that nobody has it. */
	for (i = 1; i < FAKE_NAMESPACES; i++)
		f->c.ns[i] = (struct fake_ns) {};
	f->c.ns[0].attached_to = 0;
	KUNIT_EXPECT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 2));
}

static void nothing_is_left_half_born(struct kunit *test)
{
	const struct step *step = test->param_value;
	struct fake_pf *f = bare(test, 2);
	unsigned int nth;
	u32 nsid;
	int err;

	for (nth = 1; nth < 50; nth++) {
		nsid = 0;
		if (step->dying)
			KUNIT_ASSERT_EQ(test, 0, birth(f, 1, 5000, &nsid));
		fake_arm(&f->c, step->lie, nth);
		if (step->lie == FAKE_SILENT)
			f->pf.n.command_ms = FAKE_SHORT_MS;
		err = step->dying ? death(f, 1, nsid, true) : birth(f, 1, 5000, &nsid);
		if (f->c.commands < nth)
			break;
		fake_truth(&f->c);
		if (f->pf.n.state != PARLEY_NVME_LIVE) {
			tidy(f);
			continue;
		}
		/* A death that failed is tried again, and then it is over. */
		if (step->dying && err)
			err = death(f, 1, nsid, true);
		if (!step->dying && !err)
			err = death(f, 1, nsid, true);
		if (namespaces(f) == 1)
			expect_nothing(f, 1);
		else
			tidy(f);
	}
	KUNIT_EXPECT_GE(test, nth, step->dying ? 6 : 8);
	KUNIT_EXPECT_LT(test, nth, 50);
}

/* All twenty-four of them are four here, each born and dead, again and again. */
static void birth_and_death_leave_no_trace(struct kunit *test)
{
	struct fake_pf *f = bare(test, FAKE_VFS);
	s64 before = atomic64_read(&f->pf.n.commands);
	unsigned int i, round;
	u32 nsid = 0;

	for (round = 0; round < 6; round++) {
		for (i = 1; i <= FAKE_VFS; i++) {
			nsid = 0;
			KUNIT_ASSERT_EQ(test, 0, birth(f, i, 100, &nsid));
			KUNIT_ASSERT_EQ(test, 0, death(f, i, nsid, true));
		}
	}
	expect_nothing(f, 1);
	/* Seven for a birth, six for a death. */
	KUNIT_EXPECT_EQ(test, 24 * 13, atomic64_read(&f->pf.n.commands) - before);
	parley_pf_vfs_down(&f->pf);
	fake_pf_expect_clean(f);
}

static void they_outlive_a_reset_one_by_one(struct kunit *test)
{
	struct fake_pf *f = bare(test, 3);
	u32 nsid = 1;

	KUNIT_ASSERT_EQ(test, 0, birth(f, 2, 0, &nsid));
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	KUNIT_EXPECT_TRUE(test, f->vf[1].online);
	KUNIT_EXPECT_FALSE(test, f->vf[0].online);
	KUNIT_EXPECT_FALSE(test, f->vf[2].online);
	parley_pf_pause(&f->pf, false);
	KUNIT_EXPECT_EQ(test, -ENETDOWN, death(f, 2, nsid, false));
	KUNIT_EXPECT_EQ(test, 0, parley_pf_go_on(&f->pf));
}

/* ------------------------------------------------------------ events */

/* Whether it may tell of one; it learns of that in its own time. */
static bool asked(struct fake_pf *f, unsigned int commands)
{
	unsigned int i;

	for (i = 0; i < FAKE_LONG_MS / 20 && !READ_ONCE(f->c.asked) &&
	     READ_ONCE(f->c.commands) < commands; i++)
		msleep(20);
	return READ_ONCE(f->c.asked);
}

static void wait_for_logs(struct fake_pf *f, unsigned int logs)
{
	unsigned int i;

	for (i = 0; i < FAKE_LONG_MS / 20 && (READ_ONCE(f->logs) < logs ||
					      !READ_ONCE(f->c.asked)); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(f->c.test, logs, f->logs);
}

static void events_are_seen_to(struct kunit *test)
{
	struct fake_pf *f = fake_pf_new(test);

	f->c.oaes = NVME_AEN_CFG_NS_ATTR | NVME_AEN_CFG_ANA_CHANGE;
	KUNIT_ASSERT_EQ(test, 0, fake_pf_start(f));
	KUNIT_EXPECT_TRUE(test, asked(f, UINT_MAX));
	KUNIT_EXPECT_EQ(test, 0x1f | NVME_AEN_CFG_NS_ATTR, f->c.told_of);
	KUNIT_EXPECT_TRUE(test, fake_event(&f->c, NVME_LOG_CHANGED_NS << 16 |
						  NVME_AER_NOTICE_NS_CHANGED << 8 |
						  NVME_AER_NOTICE));
	wait_for_logs(f, 1);
	KUNIT_EXPECT_EQ(test, NVME_LOG_CHANGED_NS, f->log);
	KUNIT_EXPECT_TRUE(test, fake_event(&f->c, NVME_LOG_SMART << 16 | NVME_AER_SMART));
	wait_for_logs(f, 2);
	KUNIT_EXPECT_EQ(test, NVME_LOG_SMART, f->log);
	KUNIT_EXPECT_EQ(test, 2, f->pf.events);
	KUNIT_EXPECT_TRUE(test, fake_event(&f->c, U32_MAX));
	wait_for_logs(f, 3);
	/* They come again after a reset, and before a stop none is left over. */
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	KUNIT_EXPECT_TRUE(test, asked(f, UINT_MAX));
	KUNIT_EXPECT_TRUE(test, fake_event(&f->c, NVME_LOG_ERROR << 16));
	parley_pf_pause(&f->pf, false);
	KUNIT_EXPECT_EQ(test, 3, f->logs);
	KUNIT_EXPECT_EQ(test, 0, parley_pf_go_on(&f->pf));
	KUNIT_EXPECT_TRUE(test, asked(f, UINT_MAX));
}

/* One that has no end of them is heard now and then. */
static void a_storm_of_events_is_calm_here(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	unsigned long end = jiffies + msecs_to_jiffies(5 * PARLEY_NVME_EVENT_MS);
	unsigned int told = 0;

	while (time_before(jiffies, end)) {
		told += fake_event(&f->c, NVME_LOG_SMART << 16 | NVME_AER_SMART);
		usleep_range(500, 1000);
	}
	KUNIT_EXPECT_GE(test, told, 1);
	KUNIT_EXPECT_LE(test, told, 6);
	KUNIT_EXPECT_EQ(test, told, f->pf.events);
	KUNIT_EXPECT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 2));
}

static void who_tells_nothing_works_all_the_same(struct kunit *test)
{
	struct fake_pf *f = fake_pf_new(test);
	unsigned int nth;

	f->c.counts_events = true;
	/* The fourth command chooses events, the fifth asks for one. */
	for (nth = 4; nth <= 5; nth++) {
		fake_arm(&f->c, FAKE_REFUSES, nth);
		KUNIT_EXPECT_EQ(test, 0, nth == 4 ? fake_pf_start(f) : fake_pf_recover(f));
		KUNIT_EXPECT_EQ(test, nth == 4, asked(f, nth == 4 ? UINT_MAX : nth));
		fake_truth(&f->c);
	}
	msleep(2 * PARLEY_NVME_EVENT_MS);
	KUNIT_EXPECT_FALSE(test, f->c.asked);
	KUNIT_EXPECT_EQ(test, 0, f->pf.events);
	KUNIT_EXPECT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 2));
}

static struct kunit_case birth_cases[] = {
	KUNIT_CASE(a_guest_is_born_and_dies),
	KUNIT_CASE(a_driver_is_not_robbed),
	KUNIT_CASE_PARAM(nothing_is_left_half_born, step_gen_params),
	KUNIT_CASE(birth_and_death_leave_no_trace),
	KUNIT_CASE(they_outlive_a_reset_one_by_one),
	KUNIT_CASE(events_are_seen_to),
	KUNIT_CASE(a_storm_of_events_is_calm_here),
	KUNIT_CASE(who_tells_nothing_works_all_the_same),
	{}
};

static struct kunit_suite birth_suite = {
	.name = "parley_nvme_pf_birth",
	.test_cases = birth_cases,
};

kunit_test_suite(birth_suite);
