// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function is handed out and taken back, whatever goes wrong on the way.
 */
#include <linux/module.h>
#include "fake_vf.h"

static void it_is_made_from_nothing_each_time(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 1, f->c.resets);
	KUNIT_EXPECT_EQ(test, FAKE_QUEUES - 1, f->vf.nr_queues);
	KUNIT_EXPECT_EQ(test, 1, f->vf.nsid);
	KUNIT_EXPECT_EQ(test, FAKE_BLOCKS, f->vf.ns.blocks);
	KUNIT_EXPECT_EQ(test, FAKE_BLOCK, f->vf.ns.block_size);
	/* With two interrupts, the second queue has the first's again. */
	for (i = 1; i < FAKE_QUEUES; i++)
		KUNIT_EXPECT_EQ(test, i % 2, f->c.queue[i].vector);
	parley_nvme_vf_down(&f->vf);
	KUNIT_EXPECT_EQ(test, 2, f->c.resets);
	KUNIT_EXPECT_EQ(test, 1, f->c.shutdowns);
	KUNIT_EXPECT_FALSE(test, f->c.master);
	KUNIT_EXPECT_EQ(test, FAKE_ADMIN_LENT, fake_lent(&f->c));
	/* What somebody left in its registers is gone by then. */
	f->c.cc = NVME_CC_ENABLE;
	f->c.dead = true;
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	KUNIT_EXPECT_EQ(test, 3, f->c.resets);
}

static void one_that_cannot_be_reset_is_not_handed_out(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	f->c.no_flr = true;
	KUNIT_EXPECT_EQ(test, -ENOTTY, parley_nvme_vf_up(&f->vf));
	f->c.no_flr = false;
	f->c.reset_fails = true;
	KUNIT_EXPECT_EQ(test, -EIO, parley_nvme_vf_up(&f->vf));
	KUNIT_EXPECT_FALSE(test, f->c.master);
	fake_truth(&f->c);
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
}

struct step {
	const char *name;
	enum fake_lie lie;
	int err;
};

static const struct step steps[] = {
	{ "dies", FAKE_DIES, -EIO },
	{ "vanishes", FAKE_VANISHES, -ENODEV },
	{ "lies", FAKE_WRONG_CID, -EIO },
	{ "refuses", FAKE_REFUSES, -EREMOTEIO },
	{ "does not know it", FAKE_UNKNOWN, -EOPNOTSUPP },
	{ "late", FAKE_SILENT, -ETIMEDOUT },
};

static void step_name(const struct step *step, char *name)
{
	strscpy(name, step->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(step, steps, step_name);

/* Each command of the way up killed, refused and left without answer. */
static void nothing_is_left_half_done(struct kunit *test)
{
	const struct step *step = test->param_value;
	struct fake_vf *f = fake_vf_init(test);
	unsigned int nth;
	int err;

	for (nth = 1; nth < 100; nth++) {
		fake_arm(&f->c, step->lie, nth);
		if (step->lie == FAKE_SILENT)
			f->vf.n.command_ms = FAKE_SHORT_MS;
		err = parley_nvme_vf_up(&f->vf);
		fake_truth(&f->c);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, step->err, err);
		KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->vf.n.state);
		KUNIT_EXPECT_EQ(test, FAKE_LIFE, f->vf.life.there);
		KUNIT_EXPECT_FALSE(test, f->c.master);
		KUNIT_EXPECT_EQ(test, 0, f->vf.nr_queues);
		KUNIT_EXPECT_EQ(test, FAKE_ADMIN_LENT, fake_lent(&f->c));
		f->c.gone = false;
	}
	/* Identify, list, namespace, number of queues, two for each pair. */
	KUNIT_EXPECT_EQ(test, 4 + 2 * (FAKE_QUEUES - 1) + 1, nth);
}

/* And each of the way down. */
static void it_goes_down_whatever_happens(struct kunit *test)
{
	const struct step *step = test->param_value;
	struct fake_vf *f = fake_vf_init(test);
	unsigned int nth;

	for (nth = 1; nth <= 2 * (FAKE_QUEUES - 1); nth++) {
		KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
		fake_arm(&f->c, step->lie, nth);
		if (step->lie == FAKE_SILENT)
			f->vf.n.command_ms = FAKE_SHORT_MS;
		parley_nvme_vf_down(&f->vf);
		KUNIT_EXPECT_LE(test, nth, f->c.commands);
		fake_truth(&f->c);
		KUNIT_EXPECT_EQ(test, FAKE_LIFE, f->vf.life.there);
		KUNIT_EXPECT_FALSE(test, f->c.master);
		KUNIT_EXPECT_EQ(test, FAKE_ADMIN_LENT, fake_lent(&f->c));
		f->c.gone = false;
	}
}

static void without_memory_there_is_nothing(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);
	unsigned int nr;

	for (nr = 0; nr < 2 * (FAKE_QUEUES - 1); nr++) {
		f->c.alloc_left = nr;
		KUNIT_EXPECT_EQ(test, -ENOMEM, parley_nvme_vf_up(&f->vf));
		KUNIT_EXPECT_EQ(test, FAKE_ADMIN_LENT, fake_lent(&f->c));
	}
	f->c.alloc_left = nr;
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
}

static void queues_are_as_many_as_there_can_be(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	f->c.allowed = 1;
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	KUNIT_EXPECT_EQ(test, 1, f->vf.nr_queues);
	parley_nvme_vf_down(&f->vf);
	KUNIT_EXPECT_EQ(test, 1, f->vf.most_queues);
	/* Doorbells four bytes apart, and registers that end early. */
	f->c.allowed = 3;
	f->c.cap &= ~(0xfULL << 32);
	f->vf.n.bar = NVME_REG_DBS + 6 * sizeof(u32);
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	KUNIT_EXPECT_EQ(test, 2, f->vf.nr_queues);
	parley_nvme_vf_down(&f->vf);
	f->vf.n.bar = NVME_REG_DBS + 2 * sizeof(u32);
	KUNIT_EXPECT_EQ(test, -ENOSPC, parley_nvme_vf_up(&f->vf));
}

static void short_queues_have_few_commands(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);
	unsigned int i;
	struct try t;

	f->c.cap &= ~0xffffULL;
	KUNIT_EXPECT_EQ(test, -ENOSPC, parley_nvme_vf_up(&f->vf));
	f->c.cap |= 3;
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	KUNIT_EXPECT_EQ(test, 3, f->vf.queue[0].slots);
	for (i = 0; i < 10; i++) {
		try_init(&t, nvme_cmd_flush, 0, 0, 0);
		KUNIT_EXPECT_EQ(test, 0, try_do(f, &t, 0));
	}
}

/* Several, none, one with metadata: mangled where the fake has no such thing. */
static void mangle_two(struct fake *f, u8 cns, void *data)
{
	if (cns == NVME_ID_CNS_NS_ACTIVE_LIST)
		((__le32 *)data)[1] = cpu_to_le32(2);
}

static void mangle_none(struct fake *f, u8 cns, void *data)
{
	if (cns == NVME_ID_CNS_NS_ACTIVE_LIST)
		*(__le32 *)data = 0;
}

static void mangle_metadata(struct fake *f, u8 cns, void *data)
{
	if (cns == NVME_ID_CNS_NS)
		((struct nvme_id_ns *)data)->lbaf[0].ms = cpu_to_le16(8);
}

static void mangle_size(struct fake *f, u8 cns, void *data)
{
	if (cns == NVME_ID_CNS_NS)
		((struct nvme_id_ns *)data)->lbaf[0].ds = 30;
}

static void its_namespace_is_one_that_can_be_served(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	f->c.mangle = mangle_two;
	KUNIT_EXPECT_EQ(test, -ENXIO, parley_nvme_vf_up(&f->vf));
	f->c.mangle = mangle_none;
	KUNIT_EXPECT_EQ(test, -ENXIO, parley_nvme_vf_up(&f->vf));
	f->c.mangle = mangle_metadata;
	KUNIT_EXPECT_EQ(test, -ENXIO, parley_nvme_vf_up(&f->vf));
	f->c.mangle = mangle_size;
	KUNIT_EXPECT_EQ(test, -EPROTO, parley_nvme_vf_up(&f->vf));
	KUNIT_EXPECT_FALSE(test, f->c.master);
	f->c.mangle = NULL;
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
}

static int resume(struct fake_vf *f)
{
	guard(device)(f->c.dev);
	return parley_nvme_vf_resume(&f->vf);
}

static void pause(struct fake_vf *f)
{
	guard(device)(f->c.dev);
	parley_nvme_vf_pause(&f->vf, true);
}

static void tell(void *data)
{
	++*(unsigned int *)data;
}

static void it_is_handed_out_anew(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);
	unsigned int told = 0;

	parley_nvme_vf_tell(&f->vf, tell, &told);
	KUNIT_EXPECT_EQ(test, 0, resume(f));
	KUNIT_EXPECT_EQ(test, 0, told);
	pause(f);
	KUNIT_EXPECT_EQ(test, 1, f->c.shutdowns);
	KUNIT_EXPECT_FALSE(test, f->c.master);
	KUNIT_EXPECT_FALSE(test, parley_nvme_vf_lost(&f->vf));
	/* Whoever else is told is so once. */
	pause(f);
	fake_reset(&f->c);
	KUNIT_EXPECT_EQ(test, 0, resume(f));
	KUNIT_EXPECT_EQ(test, 1, told);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_LIVE, f->vf.n.state);
	KUNIT_EXPECT_EQ(test, FAKE_QUEUES - 1, f->vf.nr_queues);
	KUNIT_EXPECT_EQ(test, 0, resume(f));
	KUNIT_EXPECT_EQ(test, 1, told);
	parley_nvme_vf_tell(&f->vf, NULL, NULL);
}

/* Its user has not heard of it yet, and must. */
static void one_that_failed_before_is_not_brought_back(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);

	parley_nvme_fail(&f->vf.n, PARLEY_NVME_DEAD, "fails in a test");
	pause(f);
	fake_reset(&f->c);
	KUNIT_EXPECT_EQ(test, 0, resume(f));
	KUNIT_EXPECT_TRUE(test, parley_nvme_vf_lost(&f->vf));
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_renew(&f->vf));
	KUNIT_EXPECT_FALSE(test, parley_nvme_vf_lost(&f->vf));
}

static void lose(struct fake_vf *f)
{
	f->c.gone = true;
	parley_nvme_look(&f->vf.n);
	KUNIT_ASSERT_EQ(f->c.test, PARLEY_NVME_GONE, f->vf.n.state);
}

/* A guest asks for that, again and again; the bus would wait for a minute each time. */
static void who_is_gone_is_not_reset(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);
	unsigned int resets = f->c.resets;

	lose(f);
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_nvme_vf_renew(&f->vf));
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_nvme_vf_renew(&f->vf));
	parley_nvme_vf_down(&f->vf);
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_nvme_vf_up(&f->vf));
	KUNIT_EXPECT_EQ(test, resets, f->c.resets);
	f->c.gone = false;
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
}

static void one_that_is_asleep_is_woken(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);

	lose(f);
	f->c.asleep = true;
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_renew(&f->vf));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_LIVE, f->vf.n.state);
}

/* Nobody has it: it stays as it is. */
static void one_that_is_not_handed_out_stays_so(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	pause(f);
	KUNIT_EXPECT_EQ(test, 0, resume(f));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->vf.n.state);
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	pause(f);
	parley_nvme_vf_down(&f->vf);
	KUNIT_EXPECT_EQ(test, 0, resume(f));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->vf.n.state);
	KUNIT_EXPECT_EQ(test, FAKE_ADMIN_LENT, fake_lent(&f->c));
}

/* Each command of the way up, the second time. */
static void what_fails_when_it_comes_back_is_undone(struct kunit *test)
{
	const struct step *step = test->param_value;
	struct fake_vf *f = fake_vf_up(test);
	unsigned int nth, told = 0;
	int err;

	parley_nvme_vf_tell(&f->vf, tell, &told);
	for (nth = 1; nth < 100; nth++) {
		pause(f);
		fake_arm(&f->c, step->lie, nth);
		if (step->lie == FAKE_SILENT)
			f->vf.n.command_ms = FAKE_SHORT_MS;
		err = resume(f);
		fake_truth(&f->c);
		KUNIT_EXPECT_EQ(test, nth, told);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, step->err, err);
		KUNIT_EXPECT_TRUE(test, parley_nvme_vf_lost(&f->vf));
		KUNIT_EXPECT_EQ(test, FAKE_LIFE, f->vf.life.there);
		KUNIT_EXPECT_FALSE(test, f->c.master);
		KUNIT_EXPECT_EQ(test, 0, f->vf.nr_queues);
		KUNIT_EXPECT_EQ(test, FAKE_ADMIN_LENT, fake_lent(&f->c));
		f->c.gone = false;
		KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_renew(&f->vf));
		KUNIT_EXPECT_FALSE(test, parley_nvme_vf_lost(&f->vf));
	}
	KUNIT_EXPECT_EQ(test, 4 + 2 * (FAKE_QUEUES - 1) + 1, nth);
	parley_nvme_vf_tell(&f->vf, NULL, NULL);
}

static struct kunit_case vf_cases[] = {
	KUNIT_CASE(it_is_handed_out_anew),
	KUNIT_CASE(one_that_failed_before_is_not_brought_back),
	KUNIT_CASE(who_is_gone_is_not_reset),
	KUNIT_CASE(one_that_is_asleep_is_woken),
	KUNIT_CASE(one_that_is_not_handed_out_stays_so),
	KUNIT_CASE_PARAM(what_fails_when_it_comes_back_is_undone, step_gen_params),
	KUNIT_CASE(it_is_made_from_nothing_each_time),
	KUNIT_CASE(one_that_cannot_be_reset_is_not_handed_out),
	KUNIT_CASE_PARAM(nothing_is_left_half_done, step_gen_params),
	KUNIT_CASE_PARAM(it_goes_down_whatever_happens, step_gen_params),
	KUNIT_CASE(without_memory_there_is_nothing),
	KUNIT_CASE(queues_are_as_many_as_there_can_be),
	KUNIT_CASE(short_queues_have_few_commands),
	KUNIT_CASE(its_namespace_is_one_that_can_be_served),
	{}
};

static struct kunit_suite vf_suite = {
	.name = "parley_nvme_vf",
	.test_cases = vf_cases,
};

kunit_test_suite(vf_suite);
