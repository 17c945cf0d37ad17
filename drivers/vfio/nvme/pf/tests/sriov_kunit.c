// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual functions: their shares, every step of provisioning killed, refused and
 * left unanswered, and what becomes of them when the function is reset.
 */
#include <linux/module.h>
#include <parley/export.h>
#include "fake_pf.h"

static void expect_online(struct fake_pf *f, unsigned int nr, unsigned int queues,
			  unsigned int interrupts)
{
	struct kunit *test = f->c.test;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, nr, f->nr_vfs);
	KUNIT_EXPECT_EQ(test, nr, f->pf.nr_vfs);
	for (i = 0; i < FAKE_VFS; i++) {
		KUNIT_EXPECT_EQ(test, i < nr, f->vf[i].online);
		KUNIT_EXPECT_EQ(test, i < nr ? queues : 0,
				f->vf[i].have[PARLEY_NVME_QUEUES]);
		KUNIT_EXPECT_EQ(test, i < nr ? interrupts : 0,
				f->vf[i].have[PARLEY_NVME_INTERRUPTS]);
		KUNIT_EXPECT_EQ(test, i < nr, f->pf.vf[i].online);
	}
}

static void they_come_and_go(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);

	KUNIT_ASSERT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 2));
	expect_online(f, 2, 4, 2);
	KUNIT_EXPECT_EQ(test, 0, f->primary[PARLEY_NVME_QUEUES]);
	KUNIT_EXPECT_EQ(test, 1, f->c.resets);
	/* bad_58: never a number written over another. */
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_pf_vfs_up(&f->pf, 3));
	expect_online(f, 2, 4, 2);
	parley_pf_vfs_down(&f->pf);
	KUNIT_EXPECT_EQ(test, 1, f->released);
	KUNIT_EXPECT_EQ(test, 2, f->c.resets);
	fake_pf_expect_clean(f);
	KUNIT_ASSERT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 4));
	expect_online(f, 4, 2, 1);
	parley_pf_down(&f->pf);
	fake_pf_expect_clean(f);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->pf.n.state);
}

#if defined(MODULE) && defined(CONFIG_MODULE_UNLOAD)
static void nobody_removes_the_driver_under_them(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	int before = module_refcount(THIS_MODULE);

	f->no_vfs = true;
	KUNIT_EXPECT_EQ(test, -ENOMEM, parley_pf_vfs_up(&f->pf, 2));
	KUNIT_EXPECT_EQ(test, before, module_refcount(THIS_MODULE));
	f->no_vfs = false;
	KUNIT_ASSERT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 2));
	KUNIT_EXPECT_EQ(test, before + 1, module_refcount(THIS_MODULE));
	parley_pf_vfs_down(&f->pf);
	parley_pf_vfs_down(&f->pf);
	KUNIT_EXPECT_EQ(test, before, module_refcount(THIS_MODULE));
}
#endif

struct share {
	const char *name;
	unsigned int nr;
	u32 queues;
	u32 interrupts;
	u16 fixed;
	u16 most;
	u16 grain;
	int err;
	u16 share[PARLEY_NVME_KINDS];
};

static const struct share shares[] = {
	{ "divided", 2, 8, 8, 1, 16, 1, 0, { 4, 4 } },
	{ "rounded down", 3, 8, 8, 1, 16, 1, 0, { 2, 2 } },
	{ "no more than allowed", 1, 8, 8, 1, 3, 1, 0, { 3, 3 } },
	{ "in whole grains", 2, 16, 16, 1, 7, 3, 0, { 6, 6 } },
	{ "one stays if it has no other", 2, 5, 3, 0, 16, 1, 0, { 2, 1 } },
	{ "a grain stays", 1, 8, 8, 0, 16, 4, 0, { 4, 4 } },
	{ "a queue short", 2, 3, 8, 1, 16, 1, -ENOSPC },
	{ "an interrupt short", 4, 8, 3, 1, 16, 1, -ENOSPC },
	{ "more than there are", 5, 64, 64, 1, 16, 1, -ENOSPC },
	{ "far more", 255, 64, 64, 1, 16, 1, -ENOSPC },
	{ "grain too coarse", 2, 8, 8, 1, 16, 5, -ENOSPC },
	{ "largest numbers", 4, U16_MAX, U16_MAX, 1, U16_MAX, 1, 0, { 16383, 16383 } },
};

static void share_name(const struct share *share, char *name)
{
	strscpy(name, share->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(share, shares, share_name);

static void resources_are_shared(struct kunit *test)
{
	const struct share *share = test->param_value;
	struct fake_pf *f = fake_pf_new(test);
	u16 got[PARLEY_NVME_KINDS] = {};

	f->total[PARLEY_NVME_QUEUES] = share->queues;
	f->total[PARLEY_NVME_INTERRUPTS] = share->interrupts;
	f->primary[PARLEY_NVME_QUEUES] = share->queues;
	f->primary[PARLEY_NVME_INTERRUPTS] = share->interrupts;
	memcpy(f->pending, f->primary, sizeof(f->pending));
	f->fixed = share->fixed;
	f->most = share->most;
	f->grain = share->grain;
	KUNIT_ASSERT_EQ(test, 0, fake_pf_start(f));
	scoped_guard(mutex, &f->pf.n.mutex)
		KUNIT_EXPECT_EQ(test, share->err,
				parley_pf_share(&f->pf, share->nr, got));
	if (!share->err) {
		KUNIT_EXPECT_EQ(test, share->share[0], got[0]);
		KUNIT_EXPECT_EQ(test, share->share[1], got[1]);
	}
	KUNIT_EXPECT_EQ(test, share->err, parley_pf_vfs_up(&f->pf, share->nr));
	if (!share->err)
		expect_online(f, share->nr, got[0], got[1]);
	parley_pf_vfs_down(&f->pf);
	fake_pf_expect_clean(f);
}

/* ---------------------------------- every step: killed, refused, late */

struct step {
	const char *name;
	enum fake_lie lie;
	bool going_down;
};

static const struct step steps[] = {
	{ "up, dies", FAKE_DIES },
	{ "up, vanishes", FAKE_VANISHES },
	{ "up, lies", FAKE_WRONG_CID },
	{ "up, refuses", FAKE_REFUSES },
	{ "up, does not know it", FAKE_UNKNOWN },
	{ "up, late", FAKE_SILENT },
	{ "up, no interrupt", FAKE_NO_INTERRUPT },
	{ "down, dies", FAKE_DIES, true },
	{ "down, vanishes", FAKE_VANISHES, true },
	{ "down, refuses", FAKE_REFUSES, true },
	{ "down, late", FAKE_SILENT, true },
};

static void step_name(const struct step *step, char *name)
{
	strscpy(name, step->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(step, steps, step_name);

/* One try, with the n-th command gone wrong: whether there was such a command. */
static bool one_step(struct fake_pf *f, const struct step *step, unsigned int nth)
{
	struct kunit *test = f->c.test;
	bool reached;
	int err;

	if (step->going_down)
		KUNIT_ASSERT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 2));
	fake_arm(&f->c, step->lie, nth);
	if (step->lie == FAKE_SILENT || step->lie == FAKE_NO_INTERRUPT)
		f->pf.n.command_ms = FAKE_SHORT_MS;
	err = step->going_down ? 0 : parley_pf_vfs_up(&f->pf, 2);
	if (!err && step->lie != FAKE_NO_INTERRUPT)
		parley_pf_vfs_down(&f->pf);
	reached = f->c.commands >= nth;
	/* Whatever happened, as far as the bus is concerned there are none. */
	if (step->lie == FAKE_NO_INTERRUPT) {
		KUNIT_EXPECT_EQ(test, 0, err);
		expect_online(f, 2, 4, 2);
		fake_truth(&f->c);
		parley_pf_vfs_down(&f->pf);
	}
	KUNIT_EXPECT_EQ(test, 0, f->nr_vfs);
	KUNIT_EXPECT_EQ(test, 0, f->pf.nr_vfs);
	fake_truth(&f->c);
	f->c.gone = false;
	/* A controller that can still be talked to has nothing left, as it is. */
	if (f->pf.n.state == PARLEY_NVME_LIVE && !step->going_down && !f->pf.took)
		fake_pf_expect_clean(f);
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	fake_pf_expect_clean(f);
	return reached;
}

static void nothing_is_left_half_done(struct kunit *test)
{
	const struct step *step = test->param_value;
	struct fake_pf *f = fake_pf_live(test);
	unsigned int nth = 0;

	do
		nth++;
	while (one_step(f, step, nth) && nth < 200);
	/* It was tried at every command of the way, and the way was a long one. */
	KUNIT_EXPECT_GT(test, nth, 8);
	KUNIT_EXPECT_LT(test, nth, 200);
	KUNIT_ASSERT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 2));
	expect_online(f, 2, 4, 2);
}

/* A refusal on the way up is undone at once, without anybody's reset. */
static void a_refusal_is_undone_at_once(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	unsigned int nth, done = 0;

	for (nth = 1; nth < 200; nth++) {
		fake_arm(&f->c, FAKE_REFUSES, nth);
		if (!parley_pf_vfs_up(&f->pf, 2)) {
			if (f->c.commands < nth)
				break;
			/* Which events it tells of is a wish. */
			fake_truth(&f->c);
			parley_pf_vfs_down(&f->pf);
			continue;
		}
		done++;
		fake_truth(&f->c);
		if (f->pf.n.state == PARLEY_NVME_LIVE) {
			fake_pf_expect_clean(f);
		} else {
			/* It would not say who it is after the reset: see one_step(). */
			KUNIT_EXPECT_EQ(test, 0, f->nr_vfs);
			KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
		}
	}
	KUNIT_EXPECT_GT(test, done, 8);
}

static void the_bus_may_refuse_them(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);

	f->no_vfs = true;
	KUNIT_EXPECT_EQ(test, -ENOMEM, parley_pf_vfs_up(&f->pf, 2));
	fake_pf_expect_clean(f);
	f->no_vfs = false;
	f->c.reset_fails = true;
	KUNIT_EXPECT_EQ(test, -EIO, parley_pf_vfs_up(&f->pf, 2));
	KUNIT_EXPECT_EQ(test, 0, f->nr_vfs);
	KUNIT_EXPECT_EQ(test, -ENETDOWN, parley_pf_vfs_up(&f->pf, 2));
	fake_truth(&f->c);
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	fake_pf_expect_clean(f);
}

static void a_reset_of_the_controller_will_do(struct kunit *test)
{
	struct fake_pf *f = fake_pf_new(test);

	f->c.no_flr = true;
	KUNIT_ASSERT_EQ(test, 0, fake_pf_start(f));
	KUNIT_ASSERT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 2));
	expect_online(f, 2, 4, 2);
	parley_pf_vfs_down(&f->pf);
	fake_pf_expect_clean(f);
	KUNIT_EXPECT_EQ(test, 0, f->c.resets);
}

static void a_yes_is_not_believed(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);

	f->forgets_online = true;
	KUNIT_EXPECT_EQ(test, -EPROTO, parley_pf_vfs_up(&f->pf, 2));
	fake_pf_expect_clean(f);
	f->forgets_online = false;
	f->keeps_primary = true;
	KUNIT_EXPECT_EQ(test, -EPROTO, parley_pf_vfs_up(&f->pf, 2));
	f->keeps_primary = false;
	KUNIT_EXPECT_EQ(test, 0, f->nr_vfs);
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	fake_pf_expect_clean(f);
}

static void they_outlive_a_reset(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);

	KUNIT_ASSERT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 3));
	expect_online(f, 3, 3, 1);
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	expect_online(f, 3, 3, 1);
	/* And a suspend, which has nothing but a shutdown beside it. */
	parley_pf_pause(&f->pf, true);
	fake_reset(&f->c);
	KUNIT_EXPECT_EQ(test, 0, parley_pf_go_on(&f->pf));
	expect_online(f, 3, 3, 1);
	parley_pf_vfs_down(&f->pf);
	fake_pf_expect_clean(f);
}

static void a_reset_that_loses_them_says_so(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);

	KUNIT_ASSERT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 2));
	parley_pf_pause(&f->pf, false);
	fake_reset(&f->c);
	f->forgets_online = true;
	KUNIT_EXPECT_EQ(test, -EPROTO, parley_pf_go_on(&f->pf));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_LIVE, f->pf.n.state);
	f->forgets_online = false;
	parley_pf_vfs_down(&f->pf);
	fake_pf_expect_clean(f);
}

/* Of another driver, or of a life before. */
static void what_others_left_is_tidied_up(struct kunit *test)
{
	struct fake_pf *f = fake_pf_new(test);

	f->primary[PARLEY_NVME_QUEUES] = 3;
	f->primary[PARLEY_NVME_INTERRUPTS] = 1;
	f->vf[1].have[PARLEY_NVME_QUEUES] = 2;
	f->vf[3].have[PARLEY_NVME_INTERRUPTS] = 1;
	f->vf[3].online = true;
	KUNIT_ASSERT_EQ(test, 0, fake_pf_start(f));
	KUNIT_EXPECT_EQ(test, 0, f->vf[1].have[PARLEY_NVME_QUEUES]);
	KUNIT_EXPECT_EQ(test, 0, f->vf[3].have[PARLEY_NVME_INTERRUPTS]);
	KUNIT_EXPECT_FALSE(test, f->vf[3].online);
}

/* ------------------------------------------------ odd identify data */

static struct parley_nvme_primary_wire *odd_primary(u8 cns, void *data)
{
	return cns == PARLEY_NVME_CNS_PRIMARY ? data : NULL;
}

static struct parley_nvme_secondaries_wire *odd_list(u8 cns, void *data)
{
	return cns == NVME_ID_CNS_SCNDRY_CTRL_LIST ? data : NULL;
}

#define ODD_PRIMARY(name, what)							\
static void name(struct fake *f, u8 cns, void *data)				\
{										\
	struct parley_nvme_primary_wire *p = odd_primary(cns, data);		\
										\
	if (p)									\
		what;								\
}

#define ODD_LIST(name, what)							\
static void name(struct fake *f, u8 cns, void *data)				\
{										\
	struct parley_nvme_secondaries_wire *l = odd_list(cns, data);		\
										\
	if (l)									\
		what;								\
}

ODD_PRIMARY(odd_other, p->cntlid = cpu_to_le16(FAKE_CNTLID + 1))
ODD_PRIMARY(odd_kinds, p->kinds = 1)
ODD_PRIMARY(odd_none, p->kind[0].total = 0)
ODD_PRIMARY(odd_many, p->kind[1].total = cpu_to_le32(U16_MAX + 1))
ODD_PRIMARY(odd_mine, p->kind[0].primary = cpu_to_le16(10))
ODD_PRIMARY(odd_most, p->kind[1].most = 0)
ODD_PRIMARY(odd_ones, memset(p, 0xff, sizeof(*p)))
ODD_PRIMARY(odd_zeroes, memset(p, 0, sizeof(*p)))
ODD_LIST(odd_empty, l->nr = 0)
ODD_LIST(odd_long, l->nr = 128)
ODD_LIST(odd_longest, l->nr = 255)
ODD_LIST(odd_beyond, l->nr = 127)
ODD_LIST(odd_list_ones, memset(l, 0xff, sizeof(*l)))
ODD_LIST(odd_self, l->entry[2].scid = cpu_to_le16(FAKE_CNTLID))
ODD_LIST(odd_parent, l->entry[3].pcid = cpu_to_le16(1))
ODD_LIST(odd_twice, l->entry[2].vfn = l->entry[1].vfn)
ODD_LIST(odd_same, l->entry[2].scid = l->entry[1].scid)
ODD_LIST(odd_rich, l->entry[0].queues = cpu_to_le16(10))

struct odd {
	const char *name;
	void (*mangle)(struct fake *f, u8 cns, void *data);
};

static const struct odd odds[] = {
	{ "another primary", odd_other },
	{ "one kind only", odd_kinds },
	{ "no resources", odd_none },
	{ "too many resources", odd_many },
	{ "primary has more than all", odd_mine },
	{ "nothing for anybody", odd_most },
	{ "all ones", odd_ones },
	{ "all zeroes", odd_zeroes },
	{ "0 virtual functions", odd_empty },
	{ "longer than a list can be", odd_long },
	{ "longest", odd_longest },
	{ "entries that are none", odd_beyond },
	{ "a list of ones", odd_list_ones },
	{ "itself", odd_self },
	{ "another's", odd_parent },
	{ "a number twice", odd_twice },
	{ "a controller twice", odd_same },
	{ "more than all", odd_rich },
};

static void odd_name(const struct odd *odd, char *name)
{
	strscpy(name, odd->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(odd, odds, odd_name);

static void odd_data_cost_virtual_functions_only(struct kunit *test)
{
	const struct odd *odd = test->param_value;
	struct fake_pf *f = fake_pf_new(test);

	f->c.mangle = odd->mangle;
	KUNIT_ASSERT_EQ(test, 0, fake_pf_start(f));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_LIVE, f->pf.n.state);
	KUNIT_EXPECT_NOT_NULL(test, f->pf.virt);
	KUNIT_EXPECT_EQ(test, 0, f->pf.nr_secondaries);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, parley_pf_vfs_up(&f->pf, 1));
	KUNIT_EXPECT_EQ(test, 0, f->nr_vfs);
	fake_truth(&f->c);
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	KUNIT_EXPECT_NULL(test, f->pf.virt);
}

/* Data that become odd when they are read the second time, after the reset. */
static void data_may_change(struct kunit *test)
{
	const struct odd *odd = test->param_value;
	struct fake_pf *f = fake_pf_live(test);

	f->c.mangle = odd->mangle;
	KUNIT_EXPECT_NE(test, 0, parley_pf_vfs_up(&f->pf, 2));
	KUNIT_EXPECT_EQ(test, 0, f->nr_vfs);
	fake_truth(&f->c);
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	fake_pf_expect_clean(f);
}

static void lists_may_be_missing(struct kunit *test)
{
	struct fake_pf *f = fake_pf_new(test);
	unsigned int nth;

	/* One that does not say that it can has them as well. */
	f->c.oacs = 0;
	KUNIT_ASSERT_EQ(test, 0, fake_pf_start(f));
	KUNIT_EXPECT_NULL(test, f->pf.virt);
	for (nth = 2; nth <= 3; nth++) {
		fake_arm(&f->c, FAKE_REFUSES, nth);
		KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
		KUNIT_EXPECT_NOT_NULL(test, f->pf.virt);
		KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, parley_pf_vfs_up(&f->pf, 1));
	}
	fake_truth(&f->c);
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	KUNIT_EXPECT_EQ(test, 0, parley_pf_vfs_up(&f->pf, 1));
}

static struct kunit_case sriov_cases[] = {
	KUNIT_CASE(they_come_and_go),
#if defined(MODULE) && defined(CONFIG_MODULE_UNLOAD)
	KUNIT_CASE(nobody_removes_the_driver_under_them),
#endif
	KUNIT_CASE_PARAM(resources_are_shared, share_gen_params),
	KUNIT_CASE_PARAM(nothing_is_left_half_done, step_gen_params),
	KUNIT_CASE(a_refusal_is_undone_at_once),
	KUNIT_CASE(the_bus_may_refuse_them),
	KUNIT_CASE(a_reset_of_the_controller_will_do),
	KUNIT_CASE(a_yes_is_not_believed),
	KUNIT_CASE(they_outlive_a_reset),
	KUNIT_CASE(a_reset_that_loses_them_says_so),
	KUNIT_CASE(what_others_left_is_tidied_up),
	KUNIT_CASE_PARAM(odd_data_cost_virtual_functions_only, odd_gen_params),
	KUNIT_CASE_PARAM(data_may_change, odd_gen_params),
	KUNIT_CASE(lists_may_be_missing),
	{}
};

static struct kunit_suite sriov_suite = {
	.name = "parley_nvme_pf_sriov",
	.test_cases = sriov_cases,
};

kunit_test_suite(sriov_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley: KUnit tests of NVMe physical functions");
MODULE_LICENSE("GPL");
