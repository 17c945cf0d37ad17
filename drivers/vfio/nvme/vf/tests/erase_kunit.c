// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose data a namespace has, and that nobody else gets them: looked for after every
 * way to erase them, and after every way in which that can go wrong.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <parley/compat.h>
#include "fake_vf.h"

#define FAKE_ONCS	(NVME_CTRL_ONCS_WRITE_ZEROES | NVME_CTRL_ONCS_DSM)

/* Commands of the way up: who it is, list, namespace, limits, queues and their number. */
#define FAKE_WAY_UP	(5 + 2 * (FAKE_QUEUES - 1))

/* A function that is bound, with data of the first tenant's. */
static struct fake_vf *full(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	f->c.oncs = FAKE_ONCS;
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_hand_out(&f->vf));
	parley_nvme_vf_take_back(&f->vf);
	KUNIT_ASSERT_EQ(test, -EPERM, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_space_say(&f->vf,
						       "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01\n"));
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	fake_vf_fill(f, 0xa5);
	parley_nvme_vf_give_back(&f->vf);
	return f;
}

static int erased(struct fake_vf *f, enum parley_nvme_way way)
{
	return parley_nvme_erase_start(&f->vf, way) ?: parley_nvme_erase_wait(&f->vf);
}

static enum parley_nvme_owner owner(struct fake_vf *f)
{
	uuid_t tenant;

	return parley_nvme_space_owner(&f->vf, &tenant);
}

/* A tenant comes and goes: what taking it said. */
static int visit(struct fake_vf *f, unsigned int who)
{
	int err = parley_nvme_vf_take(&f->vf, &fake_tenant[who]);

	if (!err)
		parley_nvme_vf_give_back(&f->vf);
	return err;
}

static void data_are_for_him_whose_they_are(struct kunit *test)
{
	struct fake_vf *f = full(test);

	KUNIT_EXPECT_EQ(test, PARLEY_NVME_TENANT, owner(f));
	KUNIT_EXPECT_EQ(test, 0, visit(f, 0));
	KUNIT_EXPECT_EQ(test, -EPERM, visit(f, 1));
	KUNIT_EXPECT_EQ(test, 0, visit(f, 0));
	KUNIT_EXPECT_EQ(test, 0xa5, f->disk[0]);
	/* He is refused before he has the function, and it is nobody's after that. */
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->vf.n.state);
	KUNIT_EXPECT_FALSE(test, f->vf.busy);
	KUNIT_EXPECT_EQ(test, 0, f->vf.space->users);
	KUNIT_EXPECT_EQ(test, 0, f->zeroed);
}

struct way {
	const char *name;
	enum parley_nvme_way way;
	u16 oncs;		/* what it says */
	bool boasts;		/* which is not so */
	u8 dlfeat;
	bool keeps_ranges;
	u64 mended;
};

static const struct way ways[] = {
	{ "zeroes", PARLEY_NVME_ZERO, FAKE_ONCS },
	{ "zeroes that deallocate", PARLEY_NVME_ZERO, FAKE_ONCS, false, 9 },
	{ "written", PARLEY_NVME_ZERO },
	{ "zeroes that it only says to know", PARLEY_NVME_ZERO, FAKE_ONCS, true },
	{ "deallocated", PARLEY_NVME_DEALLOCATE, FAKE_ONCS, false, 1 },
	{ "not deallocated", PARLEY_NVME_DEALLOCATE, FAKE_ONCS, false, 1, true, FAKE_BLOCKS },
	{ "cannot deallocate", PARLEY_NVME_DEALLOCATE, NVME_CTRL_ONCS_WRITE_ZEROES },
	{ "can do nothing", PARLEY_NVME_DEALLOCATE },
	{ "says to do everything", PARLEY_NVME_DEALLOCATE, FAKE_ONCS, true, 9 },
};

static void way_name(const struct way *way, char *name)
{
	strscpy(name, way->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_name);

static void nothing_reaches_the_next(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct fake_vf *f = full(test);
	unsigned int flushes = f->flushes;

	f->c.oncs = way->oncs;
	f->c.dlfeat = way->dlfeat;
	f->keeps_ranges = way->keeps_ranges;
	f->boasts = way->boasts;
	KUNIT_EXPECT_EQ(test, 0, erased(f, way->way));
	KUNIT_EXPECT_TRUE(test, fake_vf_is_zero(f));
	KUNIT_EXPECT_EQ(test, way->mended, f->vf.erase.mended);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_ERASE_DONE, f->vf.erase.state);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_NOBODY, owner(f));
	KUNIT_EXPECT_EQ(test, flushes + 1, f->flushes);
	KUNIT_EXPECT_EQ(test, 0, visit(f, 1));
	KUNIT_EXPECT_EQ(test, -EPERM, visit(f, 0));
	KUNIT_EXPECT_EQ(test, FAKE_ADMIN_LENT, fake_lent(&f->c));
}

static void the_next_may_be_what_erases(struct kunit *test)
{
	struct fake_vf *f = full(test);

	f->vf.next_tenant = PARLEY_NVME_ZERO;
	KUNIT_EXPECT_EQ(test, 0, visit(f, 0));
	KUNIT_EXPECT_EQ(test, 0xa5, f->disk[0]);
	KUNIT_EXPECT_EQ(test, 0, visit(f, 1));
	KUNIT_EXPECT_TRUE(test, fake_vf_is_zero(f));
	fake_vf_fill(f, 0xa5);
	f->vf.next_tenant = PARLEY_NVME_DEALLOCATE;
	KUNIT_EXPECT_EQ(test, 0, visit(f, 2));
	KUNIT_EXPECT_TRUE(test, fake_vf_is_zero(f));
	/* If it cannot be done, he gets nothing. */
	fake_vf_fill(f, 0xa5);
	f->keeps_data = true;
	f->keeps_ranges = true;
	KUNIT_EXPECT_EQ(test, -EPROTO, visit(f, 0));
	KUNIT_EXPECT_EQ(test, -EPROTO, visit(f, 2));
	f->vf.next_tenant = PARLEY_NVME_REFUSE;
	KUNIT_EXPECT_EQ(test, -EPERM, visit(f, 2));
	/* Unless root takes it upon himself. */
	f->vf.next_tenant = PARLEY_NVME_KEEP;
	KUNIT_EXPECT_EQ(test, 0, visit(f, 1));
	KUNIT_EXPECT_EQ(test, 0xa5, f->disk[0]);
}

/* Who gets the function next, at once. */
static int next_comes(void *data)
{
	struct fake_vf *f = data;

	while (parley_nvme_space_claim(&f->vf))
		cond_resched();
	KUNIT_EXPECT_EQ(f->c.test, PARLEY_NVME_ERASE_DONE, READ_ONCE(f->vf.erase.state));
	parley_nvme_space_unclaim(&f->vf);
	while (!kthread_should_stop())
		usleep_range(100, 200);
	return 0;
}

static void who_comes_next_finds_it_at_its_end(struct kunit *test)
{
	struct fake_vf *f = full(test);
	struct task_struct *next;
	unsigned int i;

	for (i = 0; i < 30; i++) {
		KUNIT_ASSERT_EQ(test, 0, parley_nvme_erase_start(&f->vf, PARLEY_NVME_ZERO));
		next = kthread_run(next_comes, f, "parley-next");
		KUNIT_ASSERT_FALSE(test, IS_ERR(next));
		KUNIT_EXPECT_EQ(test, 0, parley_nvme_erase_wait(&f->vf));
		kthread_stop(next);
	}
}

struct step {
	const char *name;
	enum parley_nvme_way way;
	enum fake_lie lie;
};

static const struct step steps[] = {
	{ "zeroes, dies", PARLEY_NVME_ZERO, FAKE_DIES },
	{ "zeroes, lies", PARLEY_NVME_ZERO, FAKE_WRONG_CID },
	{ "zeroes, refuses", PARLEY_NVME_ZERO, FAKE_REFUSES },
	{ "zeroes, late", PARLEY_NVME_ZERO, FAKE_SILENT },
	{ "deallocated, vanishes", PARLEY_NVME_DEALLOCATE, FAKE_VANISHES },
	{ "deallocated, refuses", PARLEY_NVME_DEALLOCATE, FAKE_REFUSES },
	{ "deallocated, late", PARLEY_NVME_DEALLOCATE, FAKE_SILENT },
};

static void step_name(const struct step *step, char *name)
{
	strscpy(name, step->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(step, steps, step_name);

/* Each command, of the way up, of erasing and of the way down, goes wrong. */
static void half_erased_is_not_handed_out(struct kunit *test)
{
	const struct step *step = test->param_value;
	struct fake_vf *f = full(test);
	unsigned int nth, failed = 0;
	int err;

	for (nth = 1; nth < 100; nth++) {
		fake_vf_fill(f, 0xa5);
		KUNIT_ASSERT_EQ(test, 0, parley_nvme_space_say(&f->vf, "unknown"));
		fake_arm(&f->c, step->lie, nth);
		if (step->lie == FAKE_SILENT) {
			f->vf.n.command_ms = FAKE_SHORT_MS;
			f->vf.io_ms = FAKE_SHORT_MS;
		}
		err = erased(f, step->way);
		if (f->c.commands < nth)
			break;
		fake_truth(&f->c);
		f->vf.io_ms = FAKE_LONG_MS;
		f->c.gone = false;
		KUNIT_EXPECT_FALSE(test, f->c.master);
		KUNIT_EXPECT_EQ(test, FAKE_ADMIN_LENT, fake_lent(&f->c));
		KUNIT_EXPECT_FALSE(test, f->vf.space->erasing);
		failed += !!err;
		if (err)
			KUNIT_EXPECT_EQ(test, PARLEY_NVME_UNKNOWN, owner(f));
		else
			KUNIT_EXPECT_TRUE(test, fake_vf_is_zero(f));
		KUNIT_EXPECT_EQ(test, err ? -EPERM : 0, visit(f, 1));
		KUNIT_EXPECT_EQ(test, err ? -EPERM : 0, visit(f, 1));
	}
	KUNIT_EXPECT_LT(test, nth, 100);
	/* Those of the way up, the blocks and the flush at the least. */
	KUNIT_EXPECT_GE(test, failed, FAKE_WAY_UP + 1);
	fake_truth(&f->c);
	KUNIT_EXPECT_EQ(test, 0, erased(f, step->way));
	KUNIT_EXPECT_TRUE(test, fake_vf_is_zero(f));
}

/* ------------------------------------------------ who wants it meanwhile */

/* It is being erased, and does not get on. */
static void begin(struct fake_vf *f)
{
	unsigned int i;

	fake_arm(&f->c, FAKE_SILENT, FAKE_WAY_UP + 1);
	KUNIT_ASSERT_EQ(f->c.test, 0, parley_nvme_erase_start(&f->vf, PARLEY_NVME_ZERO));
	for (i = 0; i < FAKE_LONG_MS / 20 && !READ_ONCE(f->c.nr_kept); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(f->c.test, 1, f->c.nr_kept);
}

static void it_is_for_one_at_a_time(struct kunit *test)
{
	struct fake_vf *f = full(test);

	begin(f);
	KUNIT_EXPECT_EQ(test, -EBUSY, visit(f, 0));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_nvme_erase_start(&f->vf, PARLEY_NVME_ZERO));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_nvme_space_say(&f->vf, "none"));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_UNKNOWN, owner(f));
	fake_truth(&f->c);
	fake_release(&f->c);
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_erase_wait(&f->vf));
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[1]));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_nvme_vf_take(&f->vf, &fake_tenant[1]));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_nvme_erase_start(&f->vf, PARLEY_NVME_ZERO));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_nvme_space_say(&f->vf, "unknown"));
	parley_nvme_vf_give_back(&f->vf);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_nvme_erase_start(&f->vf, PARLEY_NVME_KEEP));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_nvme_erase_start(&f->vf, PARLEY_NVME_REFUSE));
}

static void it_ends_when_it_is_told_to(struct kunit *test)
{
	struct fake_vf *f = full(test);

	begin(f);
	parley_nvme_erase_stop(&f->vf);
	fake_truth(&f->c);
	/* What was under way is not taken for all of it. */
	f->keeps_data = true;
	f->vf.ns.blocks += FAKE_BLOCKS;
	fake_release(&f->c);
	KUNIT_EXPECT_EQ(test, -ECANCELED, parley_nvme_erase_wait(&f->vf));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_UNKNOWN, owner(f));
	KUNIT_EXPECT_EQ(test, -EPERM, visit(f, 0));
}

/* Who unbinds it holds the device lock, and waits no longer than for a few commands. */
static void it_ends_when_the_function_goes(struct kunit *test)
{
	struct fake_vf *f = full(test);
	const struct parley_nvme_vf_user *other = parley_nvme_vf_user_swap(NULL);

	scoped_guard(device, f->c.dev)
		parley_nvme_vf_bound(&f->vf);
	begin(f);
	f->vf.ns.blocks += FAKE_BLOCKS;
	fake_truth(&f->c);
	scoped_guard(device, f->c.dev) {
		WRITE_ONCE(f->vf.leaving, true);
		fake_release(&f->c);
		parley_nvme_vf_unbound(&f->vf);
	}
	KUNIT_EXPECT_EQ(test, -ECANCELED, f->vf.erase.err);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_ERASE_FAILED, f->vf.erase.state);
	KUNIT_EXPECT_FALSE(test, f->c.master);
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_nvme_erase_start(&f->vf, PARLEY_NVME_ZERO));
	KUNIT_EXPECT_EQ(test, -ENODEV, visit(f, 0));
	parley_nvme_vf_user_swap(other);
}

/* ------------------------------------------- namespaces and functions */

static void functions_of_one_namespace_know_of_each_other(struct kunit *test)
{
	struct fake_vf *f = full(test), *other = fake_vf_init(test);

	other->vf.family = f->vf.family;
	other->c.oncs = FAKE_ONCS;
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_hand_out(&other->vf));
	parley_nvme_vf_take_back(&other->vf);
	KUNIT_EXPECT_PTR_EQ(test, f->vf.space, other->vf.space);
	/* Whose data there are does not depend on which of them is asked. */
	KUNIT_EXPECT_EQ(test, -EPERM, visit(other, 1));
	KUNIT_EXPECT_EQ(test, 0, visit(other, 0));
	/* What one of them uses the other does not erase; nor the other way. */
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	KUNIT_EXPECT_EQ(test, -EBUSY, erased(other, PARLEY_NVME_ZERO));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_nvme_space_say(&other->vf, "none"));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_TENANT, owner(f));
	/* A guest that was to move to the other one, and stays. */
	other->vf.next_tenant = PARLEY_NVME_KEEP;
	KUNIT_EXPECT_EQ(test, 0, visit(other, 1));
	other->vf.next_tenant = PARLEY_NVME_REFUSE;
	parley_nvme_vf_give_back(&f->vf);
	KUNIT_EXPECT_EQ(test, 0, visit(f, 0));
	begin(f);
	KUNIT_EXPECT_EQ(test, -EBUSY, visit(other, 0));
	KUNIT_EXPECT_EQ(test, -EBUSY, erased(other, PARLEY_NVME_ZERO));
	fake_truth(&f->c);
	fake_release(&f->c);
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_erase_wait(&f->vf));
	KUNIT_EXPECT_EQ(test, 0, visit(other, 1));
	KUNIT_EXPECT_EQ(test, -EPERM, visit(f, 0));
}

static void a_new_namespace_is_not_the_old_one(struct kunit *test)
{
	struct fake_vf *f = full(test);

	f->c.ns[0].name = 1;
	KUNIT_EXPECT_EQ(test, -EPERM, visit(f, 0));
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_space_say(&f->vf, "none"));
	KUNIT_EXPECT_EQ(test, 0, visit(f, 0));
	f->c.ns[0].blocks = FAKE_BLOCKS / 2;
	KUNIT_EXPECT_EQ(test, -EPERM, visit(f, 0));
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_space_say(&f->vf, "none"));
	/* He who has it does not get another. */
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	parley_nvme_vf_down(&f->vf);
	f->c.ns[0].name = 2;
	KUNIT_EXPECT_EQ(test, -ESTALE, parley_nvme_vf_up(&f->vf));
	f->c.ns[0].name = 1;
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	parley_nvme_vf_give_back(&f->vf);
}

static void what_is_said_of_it_is_read_exactly(struct kunit *test)
{
	static const char *const bad[] = {
		"", "\n", "nobody", "none of them", "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e0",
		"4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e011", "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01 ",
		"4b0c7a5259a24d0c9a806f2c1a8d3e01", "{4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01}",
	};
	struct fake_vf *f = fake_vf_init(test);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, -ENXIO, parley_nvme_space_say(&f->vf, "none"));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_UNKNOWN, owner(f));
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_hand_out(&f->vf));
	parley_nvme_vf_take_back(&f->vf);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, -EINVAL, parley_nvme_space_say(&f->vf, bad[i]));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_UNKNOWN, owner(f));
}

/* Of what a namespace is said to be a copy, by its number and serial number. */
static void a_copy_is_one_until_somebody_had_it(struct kunit *test)
{
	struct fake_vf *f = full(test), *other = fake_vf_init(test);
	struct parley_nvme_original of;

	other->vf.family = f->vf.family;
	KUNIT_EXPECT_EQ(test, -ENXIO, parley_nvme_space_copied(&other->vf, "7 A drive"));
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_hand_out(&other->vf));
	parley_nvme_vf_take_back(&other->vf);
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_space_copied(&f->vf, "7 A drive\n"));
	parley_nvme_space_original(&other->vf, &of);
	KUNIT_EXPECT_EQ(test, 7, of.nsid);
	KUNIT_EXPECT_STREQ(test, of.serial, "A drive");
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_nvme_space_copied(&other->vf, "8 A drive"));
	parley_nvme_space_original(&f->vf, &of);
	KUNIT_EXPECT_EQ(test, 7, of.nsid);
	parley_nvme_vf_give_back(&f->vf);
	parley_nvme_space_original(&f->vf, &of);
	KUNIT_EXPECT_EQ(test, 0, of.nsid);
	/* Nor is what was erased, or made anew. */
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_space_copied(&f->vf, "7 A drive"));
	KUNIT_ASSERT_EQ(test, 0, erased(f, PARLEY_NVME_ZERO));
	parley_nvme_space_original(&f->vf, &of);
	KUNIT_EXPECT_EQ(test, 0, of.nsid);
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_space_copied(&f->vf, "7 A drive"));
	f->c.ns[0].name = 1;
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_hand_out(&f->vf));
	parley_nvme_vf_take_back(&f->vf);
	parley_nvme_space_original(&f->vf, &of);
	KUNIT_EXPECT_EQ(test, 0, of.nsid);
}

static void what_it_is_a_copy_of_is_read_exactly(struct kunit *test)
{
	static const char *const bad[] = {
		"", "\n", "1", "1 ", "0 drive", "-1 drive", "4294967296 drive",
		"12345678901 drive", "1  drive", "1 drive ", "x drive", "1 dri\tve", "1 drive\n\n",
		"1 a serial that is long", " 1 drive", "1 dr\xffve",
	};
	struct fake_vf *f = full(test);
	struct parley_nvme_original of;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, parley_nvme_space_copied(&f->vf,
							  "4294967295 12345678901234567890"));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, parley_nvme_space_copied(&f->vf, bad[i]),
				    "%s", bad[i]);
	parley_nvme_space_original(&f->vf, &of);
	KUNIT_EXPECT_EQ(test, U32_MAX, of.nsid);
	KUNIT_EXPECT_STREQ(test, of.serial, "12345678901234567890");
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_space_copied(&f->vf, "none\n"));
	parley_nvme_space_original(&f->vf, &of);
	KUNIT_EXPECT_EQ(test, 0, of.nsid);
}

static struct kunit_case erase_cases[] = {
	KUNIT_CASE(data_are_for_him_whose_they_are),
	KUNIT_CASE_PARAM(nothing_reaches_the_next, way_gen_params),
	KUNIT_CASE(the_next_may_be_what_erases),
	KUNIT_CASE(who_comes_next_finds_it_at_its_end),
	KUNIT_CASE_PARAM(half_erased_is_not_handed_out, step_gen_params),
	KUNIT_CASE(it_is_for_one_at_a_time),
	KUNIT_CASE(it_ends_when_it_is_told_to),
	KUNIT_CASE(it_ends_when_the_function_goes),
	KUNIT_CASE(functions_of_one_namespace_know_of_each_other),
	KUNIT_CASE(a_new_namespace_is_not_the_old_one),
	KUNIT_CASE(what_is_said_of_it_is_read_exactly),
	KUNIT_CASE(a_copy_is_one_until_somebody_had_it),
	KUNIT_CASE(what_it_is_a_copy_of_is_read_exactly),
	{}
};

static struct kunit_suite erase_suite = {
	.name = "parley_nvme_vf_erase",
	.test_cases = erase_cases,
};

kunit_test_suite(erase_suite);
