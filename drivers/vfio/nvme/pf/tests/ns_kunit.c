// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces, with controllers that manage them, that say so and do not, and that
 * list what cannot be.
 */
#include <linux/module.h>
#include "../../../gate/tests/doomed.h"
#include "fake_pf.h"

static void they_are_made_attached_and_deleted(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	struct parley_nvme_pf *pf = &f->pf;
	struct parley_nvme_ns ns;
	u32 list[FAKE_NAMESPACES], nsid = 0;

	KUNIT_ASSERT_EQ(test, 0, parley_pf_vfs_up(pf, 2));
	guard(mutex)(&pf->n.mutex);
	/* With the mutex held nothing is asserted: the fake's end takes it. */
	KUNIT_EXPECT_EQ(test, 0, parley_pf_ns_create(pf, 5000, 1, &nsid));
	KUNIT_EXPECT_EQ(test, 2, nsid);
	KUNIT_EXPECT_EQ(test, 2, parley_pf_ns_list(pf, list, ARRAY_SIZE(list)));
	KUNIT_EXPECT_EQ(test, 2, list[1]);
	KUNIT_EXPECT_EQ(test, 0, parley_pf_ns_identify(pf, 2, &ns));
	KUNIT_EXPECT_EQ(test, 5000, ns.blocks);
	KUNIT_EXPECT_EQ(test, 4096, ns.block_size);
	KUNIT_EXPECT_EQ(test, 0, parley_pf_ns_attach(pf, 2, 2, true));
	KUNIT_EXPECT_EQ(test, pf->vf[1].cntlid, f->c.ns[1].attached_to);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, parley_pf_ns_attach(pf, 2, 1, true));
	KUNIT_EXPECT_EQ(test, 0, parley_pf_ns_attach(pf, 2, 2, false));
	KUNIT_EXPECT_EQ(test, 0, parley_pf_ns_attach(pf, 2, 0, true));
	KUNIT_EXPECT_EQ(test, FAKE_CNTLID, f->c.ns[1].attached_to);
	KUNIT_EXPECT_EQ(test, 0, parley_pf_ns_delete(pf, 2));
	KUNIT_EXPECT_EQ(test, 1, parley_pf_ns_list(pf, list, ARRAY_SIZE(list)));
	KUNIT_EXPECT_EQ(test, 0, parley_pf_ns_list(pf, list, 0));
}

static void numbers_that_are_none_do_not_get_there(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	struct parley_nvme_pf *pf = &f->pf;
	u32 nsid;

	guard(mutex)(&pf->n.mutex);
	fake_arm(&f->c, FAKE_HONEST, 0);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pf_ns_delete(pf, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pf_ns_delete(pf, PARLEY_NVME_NSID_ALL));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pf_ns_delete(pf, FAKE_NAMESPACES + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pf_ns_attach(pf, 0, 0, true));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pf_ns_attach(pf, 1, FAKE_VFS + 1, true));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pf_ns_create(pf, 0, 0, &nsid));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pf_ns_create(pf, 1, 64, &nsid));
	KUNIT_EXPECT_EQ(test, 0, f->c.commands);
	/* Even if there may be that many: this number means all of them. */
	pf->n.id.nn = U32_MAX;
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pf_ns_delete(pf, PARLEY_NVME_NSID_ALL));
	KUNIT_EXPECT_EQ(test, 0, f->c.commands);
}

static void who_cannot_is_not_asked(struct kunit *test)
{
	struct fake_pf *f = fake_pf_new(test);
	struct parley_nvme_pf *pf = &f->pf;
	u32 nsid, list[FAKE_NAMESPACES];

	f->c.oacs = 0;
	KUNIT_ASSERT_EQ(test, 0, fake_pf_start(f));
	guard(mutex)(&pf->n.mutex);
	fake_arm(&f->c, FAKE_HONEST, 0);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, parley_pf_ns_create(pf, 1, 0, &nsid));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, parley_pf_ns_delete(pf, 1));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, parley_pf_ns_attach(pf, 1, 0, true));
	KUNIT_EXPECT_EQ(test, 0, f->c.commands);
	/* It still has namespaces. */
	KUNIT_EXPECT_EQ(test, 1, parley_pf_ns_list(pf, list, ARRAY_SIZE(list)));
}

static void who_only_says_so_is_found_out(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	struct parley_nvme_pf *pf = &f->pf;
	u32 nsid;

	guard(mutex)(&pf->n.mutex);
	fake_arm(&f->c, FAKE_UNKNOWN, 0);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, parley_pf_ns_create(pf, 1, 0, &nsid));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, parley_pf_ns_attach(pf, 1, 0, true));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_LIVE, pf->n.state);
}

static void mangle_list(struct fake *f, u8 cns, void *data)
{
	__le32 *list = data;

	if (cns != NVME_ID_CNS_NS_PRESENT_LIST)
		return;
	list[0] = cpu_to_le32(2);
	list[1] = cpu_to_le32(f->commands % 2 ? 2 : FAKE_NAMESPACES + 1);
}

static void mangle_ns(struct fake *f, u8 cns, void *data)
{
	struct nvme_id_ns *id = data;

	if (cns != NVME_ID_CNS_NS_PRESENT)
		return;
	switch (f->commands) {
	case 1:
		id->lbaf[0].ds = 255;
		break;
	case 2:
		id->lbaf[0].ds = 0;
		break;
	case 3:
		id->flbas = 0x6f;
		break;
	case 4:
		id->flbas = 0x6f;
		id->nlbaf = 255;
		break;
	default:
		id->flbas = 2;
	}
}

static void what_cannot_be_is_not_used(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	struct parley_nvme_pf *pf = &f->pf;
	struct parley_nvme_ns ns;
	u32 list[FAKE_NAMESPACES];
	unsigned int i;

	guard(mutex)(&pf->n.mutex);
	fake_arm(&f->c, FAKE_HONEST, 0);
	f->c.mangle = mangle_list;
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, -EPROTO,
				parley_pf_ns_list(pf, list, ARRAY_SIZE(list)));
	fake_arm(&f->c, FAKE_HONEST, 0);
	f->c.mangle = mangle_ns;
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, -EPROTO, parley_pf_ns_identify(pf, 1, &ns));
	KUNIT_EXPECT_EQ(test, 5, f->c.commands);
}

/* ------------------------------------------------------------ format */

static struct fake_pf *formats(struct kunit *test)
{
	struct fake_pf *f = fake_pf_new(test);

	f->c.oacs |= PARLEY_NVME_OACS_FORMAT;
	f->c.ns[0].format = 1;
	KUNIT_ASSERT_EQ(test, 0, fake_pf_start(f));
	return f;
}

static void one_that_nobody_has_is_formatted(struct kunit *test)
{
	struct fake_pf *f = formats(test);

	KUNIT_EXPECT_EQ(test, 0, parley_pf_ns_format(&f->pf, 1));
	KUNIT_EXPECT_EQ(test, 1, f->c.ns[0].formats);
	KUNIT_EXPECT_EQ(test, 0, f->c.ns[0].attached_to);
	KUNIT_EXPECT_EQ(test, 0, f->pf.formatting);
	/* One that the primary has stays there. */
	f->c.ns[0].attached_to = FAKE_CNTLID;
	KUNIT_EXPECT_EQ(test, 0, parley_pf_ns_format(&f->pf, 1));
	KUNIT_EXPECT_EQ(test, FAKE_CNTLID, f->c.ns[0].attached_to);
	/* One that a virtual function has is a guest's. */
	f->c.ns[0].attached_to = f->pf.vf[2].cntlid;
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_pf_ns_format(&f->pf, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pf_ns_format(&f->pf, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			parley_pf_ns_format(&f->pf, PARLEY_NVME_NSID_ALL));
	KUNIT_EXPECT_EQ(test, 2, f->c.ns[0].formats);
}

static void all_at_once_is_refused(struct kunit *test)
{
	struct fake_pf *f = formats(test);
	unsigned int bit;

	for (bit = 0; bit < 2; bit++) {
		f->c.fna = BIT(bit);
		KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
		KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, parley_pf_ns_format(&f->pf, 1));
	}
	f->c.fna = BIT(2);
	f->c.oacs &= ~PARLEY_NVME_OACS_FORMAT;
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, parley_pf_ns_format(&f->pf, 1));
	KUNIT_EXPECT_EQ(test, 0, f->c.ns[0].formats);
}

/* Each command goes wrong: never is one said to be formatted that is not. */
static void a_format_that_fails_says_so(struct kunit *test)
{
	static const enum fake_lie lies[] = { FAKE_REFUSES, FAKE_SILENT, FAKE_DIES };
	struct fake_pf *f = formats(test);
	unsigned int i, nth, before;
	int err;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		/* Its holders, its format, attached, formatted, detached. */
		for (nth = 1; nth <= 5; nth++) {
			before = f->c.ns[0].formats;
			fake_arm(&f->c, lies[i], nth);
			/* A format has a time of its own, which is not waited for here. */
			if (lies[i] == FAKE_SILENT && nth == 4)
				continue;
			if (lies[i] == FAKE_SILENT)
				f->pf.n.command_ms = FAKE_SHORT_MS;
			err = parley_pf_ns_format(&f->pf, 1);
			KUNIT_EXPECT_EQ(test, f->c.ns[0].formats == before, err && nth < 5);
			KUNIT_EXPECT_NE(test, 0, err);
			KUNIT_EXPECT_EQ(test, 0, f->pf.formatting);
			fake_truth(&f->c);
			KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
			KUNIT_EXPECT_EQ(test, 0, f->c.ns[0].attached_to);
		}
	}
}

static void format(void *data)
{
	struct fake_pf *f = data;

	KUNIT_EXPECT_EQ(f->c.test, -EINTR, parley_pf_ns_format(&f->pf, 1));
}

/* It takes as long as it takes, and is nobody's but the controller's. */
static void who_asked_for_it_may_be_killed(struct kunit *test)
{
	struct fake_pf *f = formats(test);
	struct doomed d;

	fake_arm(&f->c, FAKE_SILENT, 4);
	doomed_begin(test, &d, format, f);
	doomed_end(test, &d);
	KUNIT_EXPECT_EQ(test, 1, f->pf.formatting);
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_pf_ns_format(&f->pf, 1));
	/* Nor for who unbinds it. */
	parley_pf_down(&f->pf);
	KUNIT_EXPECT_EQ(test, 0, f->pf.formatting);
	KUNIT_EXPECT_NE(test, 0, f->pf.format_err);
	KUNIT_EXPECT_EQ(test, 1, f->pf.lent);
}

/* The function is reset in the midst of it: the host must not keep a tenant's disk. */
static void what_was_lent_is_taken_back_after_a_reset(struct kunit *test)
{
	struct fake_pf *f = formats(test);

	fake_arm(&f->c, FAKE_DIES, 4);
	KUNIT_EXPECT_NE(test, 0, parley_pf_ns_format(&f->pf, 1));
	KUNIT_EXPECT_EQ(test, 0, f->c.ns[0].formats);
	KUNIT_EXPECT_EQ(test, FAKE_CNTLID, f->c.ns[0].attached_to);
	fake_truth(&f->c);
	KUNIT_EXPECT_EQ(test, 0, fake_pf_recover(f));
	KUNIT_EXPECT_EQ(test, 0, f->c.ns[0].attached_to);
	KUNIT_EXPECT_EQ(test, 0, f->pf.lent);
	KUNIT_EXPECT_EQ(test, 0, parley_pf_ns_format(&f->pf, 1));
}

static void one_that_is_formatted_is_left_alone(struct kunit *test)
{
	struct fake_pf *f = formats(test);
	struct parley_nvme_pf *pf = &f->pf;

	pf->formatting = 1;
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_pf_ns_format(pf, 1));
	guard(mutex)(&pf->n.mutex);
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_pf_ns_attach(pf, 1, 1, true));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_pf_ns_delete(pf, 1));
	pf->formatting = 0;
}

static struct kunit_case ns_cases[] = {
	KUNIT_CASE(they_are_made_attached_and_deleted),
	KUNIT_CASE(numbers_that_are_none_do_not_get_there),
	KUNIT_CASE(who_cannot_is_not_asked),
	KUNIT_CASE(who_only_says_so_is_found_out),
	KUNIT_CASE(what_cannot_be_is_not_used),
	KUNIT_CASE(one_that_nobody_has_is_formatted),
	KUNIT_CASE(all_at_once_is_refused),
	KUNIT_CASE(a_format_that_fails_says_so),
	KUNIT_CASE(who_asked_for_it_may_be_killed),
	KUNIT_CASE(what_was_lent_is_taken_back_after_a_reset),
	KUNIT_CASE(one_that_is_formatted_is_left_alone),
	{}
};

static struct kunit_suite ns_suite = {
	.name = "parley_nvme_pf_ns",
	.test_cases = ns_cases,
};

kunit_test_suite(ns_suite);
