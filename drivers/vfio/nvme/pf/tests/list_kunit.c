// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists of namespaces as text: how long they can be, and what a controller says of what
 * can be made.
 */
#include <linux/module.h>
#include <linux/string.h>
#include "fake_pf.h"

/* Attributes have a page; what sysfs gives is aligned. */
static char *page(struct kunit *test)
{
	char *buf = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	return buf;
}

static unsigned int lines(const char *text)
{
	unsigned int nr = 0;

	while ((text = strchr(text, '\n'))) {
		nr++;
		text++;
	}
	return nr;
}

static unsigned int many;

/* More namespaces than the fake has, each as large as can be. */
static void mangle_many(struct fake *f, u8 cns, void *data)
{
	struct nvme_id_ns *id = data;
	__le32 *list = data;
	unsigned int i;

	switch (cns) {
	case NVME_ID_CNS_NS_PRESENT_LIST:
		for (i = 0; i < many; i++)
			list[i] = cpu_to_le32(i + 1);
		break;
	case NVME_ID_CNS_NS_PRESENT:
		id->nsze = cpu_to_le64(1ULL << 43);
		id->lbaf[0].ds = 12;
		id->flbas = 0;
		break;
	}
}

static void as_many_as_there_can_be_functions(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	char *buf = page(test);

	f->c.mangle = mangle_many;
	f->pf.n.id.nn = U32_MAX;
	guard(mutex)(&f->pf.n.mutex);
	/* Each with one, and the primary. */
	many = PARLEY_NVME_SECONDARIES_MAX + 1;
	KUNIT_EXPECT_GT(test, parley_pf_list_sizes(&f->pf, buf), 0);
	KUNIT_EXPECT_EQ(test, many, lines(buf));
	KUNIT_EXPECT_NOT_NULL(test, strstr(buf, "\n128 8796093022208 4096\n"));
	memset(buf, 0, PAGE_SIZE);
	KUNIT_EXPECT_GT(test, parley_pf_list_holders(&f->pf, buf), 0);
	KUNIT_EXPECT_EQ(test, many, lines(buf));
}

static void what_there_is_no_room_for_is_told(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	char *buf = page(test);
	ssize_t len;

	f->c.mangle = mangle_many;
	f->pf.n.id.nn = U32_MAX;
	guard(mutex)(&f->pf.n.mutex);
	many = NVME_IDENTIFY_DATA_SIZE / sizeof(u32);
	len = parley_pf_list_sizes(&f->pf, buf);
	KUNIT_EXPECT_GT(test, len, 0);
	KUNIT_EXPECT_LT(test, len, PAGE_SIZE);
	KUNIT_EXPECT_STREQ(test, "\nmore\n", buf + len - 6);
	/* None is cut. */
	KUNIT_EXPECT_STREQ(test, " 8796093022208 4096\nmore\n", buf + len - 25);
}

static void those_there_are_and_who_has_them(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	char *buf = page(test);

	f->c.ns[0].attached_to = f->pf.vf[2].cntlid;
	f->c.ns[3] = (struct fake_ns) { .blocks = 16, .attached_to = FAKE_CNTLID };
	guard(mutex)(&f->pf.n.mutex);
	KUNIT_EXPECT_GT(test, parley_pf_list_holders(&f->pf, buf), 0);
	KUNIT_EXPECT_STREQ(test, "1 3\n4 0\n", buf);
	memset(buf, 0, PAGE_SIZE);
	f->c.ns[0].blocks = 0;
	KUNIT_EXPECT_GT(test, parley_pf_list_sizes(&f->pf, buf), 0);
	KUNIT_EXPECT_STREQ(test, "4 16 512\n", buf);
	f->c.ns[3].blocks = 0;
	KUNIT_EXPECT_EQ(test, 0, parley_pf_list_sizes(&f->pf, buf));
}

/* Formats of all namespaces; those that cannot be are left out. */
static void mangle_formats(struct fake *f, u8 cns, void *data)
{
	struct nvme_id_ns *id = data;

	if (cns != NVME_ID_CNS_NS)
		return;
	id->nlbaf = 255;
	id->lbaf[0].ds = 9;
	id->lbaf[0].ms = cpu_to_le16(8);
	id->lbaf[1].ds = 8;
	id->lbaf[2].ds = 17;
	id->lbaf[63].ds = 16;
}

static void which_blocks_a_new_one_can_have(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	char *buf = page(test);

	guard(mutex)(&f->pf.n.mutex);
	/* It does not say it of all: then of the first. */
	KUNIT_EXPECT_GT(test, parley_pf_list_formats(&f->pf, buf), 0);
	KUNIT_EXPECT_STREQ(test, "0 512 0\n1 4096 0\n", buf);
	memset(buf, 0, PAGE_SIZE);
	fake_arm(&f->c, FAKE_REFUSES, 1);
	KUNIT_EXPECT_GT(test, parley_pf_list_formats(&f->pf, buf), 0);
	KUNIT_EXPECT_STREQ(test, "0 512 0\n1 4096 0\n", buf);
	/* There is none. */
	f->c.ns[0].blocks = 0;
	fake_arm(&f->c, FAKE_HONEST, 0);
	KUNIT_EXPECT_EQ(test, -ENODATA, parley_pf_list_formats(&f->pf, buf));
	memset(buf, 0, PAGE_SIZE);
	f->c.mangle = mangle_formats;
	KUNIT_EXPECT_GT(test, parley_pf_list_formats(&f->pf, buf), 0);
	KUNIT_EXPECT_STREQ(test, "0 512 8\n63 65536 0\n", buf);
}

static void mangle_capacity(struct fake *f, u8 cns, void *data)
{
	struct nvme_id_ctrl *id = data;

	if (cns != NVME_ID_CNS_CTRL)
		return;
	/* 3 TiB, of which somebody has all but a byte; or more than bytes can be. */
	id->tnvmcap[5] = 3;
	id->unvmcap[0] = 1;
	id->tnvmcap[8] = f->commands > 1;
}

static void how_much_room_there_is(struct kunit *test)
{
	struct fake_pf *f = fake_pf_live(test);
	char *buf = page(test);

	guard(mutex)(&f->pf.n.mutex);
	KUNIT_EXPECT_GT(test, parley_pf_list_capacity(&f->pf, buf), 0);
	KUNIT_EXPECT_STREQ(test, "0 0\n", buf);
	fake_arm(&f->c, FAKE_HONEST, 0);
	f->c.mangle = mangle_capacity;
	KUNIT_EXPECT_GT(test, parley_pf_list_capacity(&f->pf, buf), 0);
	KUNIT_EXPECT_STREQ(test, "3298534883328 1\n", buf);
	KUNIT_EXPECT_GT(test, parley_pf_list_capacity(&f->pf, buf), 0);
	KUNIT_EXPECT_STREQ(test, "18446744073709551615 1\n", buf);
}

static void a_command_that_fails_is_an_error(struct kunit *test)
{
	ssize_t (*const list[])(struct parley_nvme_pf *pf, char *buf) = {
		parley_pf_list_sizes, parley_pf_list_holders,
		parley_pf_list_formats, parley_pf_list_capacity,
	};
	struct fake_pf *f = fake_pf_live(test);
	char *buf = page(test);
	unsigned int i;

	guard(mutex)(&f->pf.n.mutex);
	for (i = 0; i < ARRAY_SIZE(list); i++) {
		fake_arm(&f->c, FAKE_REFUSES, 0);
		KUNIT_EXPECT_EQ(test, -EREMOTEIO, list[i](&f->pf, buf));
		/* The list itself comes, and then no more. */
		fake_arm(&f->c, FAKE_REFUSES, 2);
		if (i < 2)
			KUNIT_EXPECT_EQ(test, -EREMOTEIO, list[i](&f->pf, buf));
	}
}

static struct kunit_case list_cases[] = {
	KUNIT_CASE(as_many_as_there_can_be_functions),
	KUNIT_CASE(what_there_is_no_room_for_is_told),
	KUNIT_CASE(those_there_are_and_who_has_them),
	KUNIT_CASE(which_blocks_a_new_one_can_have),
	KUNIT_CASE(how_much_room_there_is),
	KUNIT_CASE(a_command_that_fails_is_an_error),
	{}
};

static struct kunit_suite list_suite = {
	.name = "parley_nvme_pf_list",
	.test_cases = list_cases,
};

kunit_test_suite(list_suite);
