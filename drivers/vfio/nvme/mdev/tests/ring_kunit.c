// SPDX-License-Identifier: GPL-2.0-only
/* Doorbells that eventfds write: what can be asked for.  The lab has the eventfds. */
#include <kunit/test.h>
#include "../mdev.h"

#define BAR	PARLEY_MDEV_OFFSET(VFIO_PCI_BAR0_REGION_INDEX)
#define WORD	VFIO_DEVICE_IOEVENTFD_32

struct case_of {
	const char *what;
	struct vfio_device_ioeventfd io;
	int err;
	u32 at;
};

static const struct case_of cases[] = {
	{ "the first", { .flags = WORD, .offset = BAR + 0x1000, .fd = 3 }, 0, 0x1000 },
	{ "the last", { .flags = WORD, .offset = BAR + PARLEY_EMU_BAR - 4, .fd = 0 }, 0,
	  PARLEY_EMU_BAR - 4 },
	{ "any value", { .flags = WORD, .offset = BAR + 0x1008, .data = U32_MAX, .fd = 3 }, 0,
	  0x1008 },
	{ "no more", { .flags = WORD, .offset = BAR + 0x1000, .fd = -1 }, 0, 0x1000 },
	{ "no descriptor", { .flags = WORD, .offset = BAR + 0x1000, .fd = -2 }, -EINVAL },
	{ "a register before", { .flags = WORD, .offset = BAR + 0xffc, .fd = 3 }, -EINVAL },
	{ "the table behind", { .flags = WORD, .offset = BAR + PARLEY_EMU_BAR, .fd = 3 },
	  -EINVAL },
	{ "in the middle", { .flags = WORD, .offset = BAR + 0x1002, .fd = 3 }, -EINVAL },
	{ "another region", { .flags = WORD,
	  .offset = PARLEY_MDEV_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX) + 0x1000, .fd = 3 },
	  -EINVAL },
	{ "beyond all", { .flags = WORD, .offset = U64_MAX - 3, .fd = 3 }, -EINVAL },
	{ "too large a value", { .flags = WORD, .offset = BAR + 0x1000, .data = 1ULL << 32,
	  .fd = 3 }, -EINVAL },
	{ "a byte", { .flags = VFIO_DEVICE_IOEVENTFD_8, .offset = BAR + 0x1000, .fd = 3 },
	  -EINVAL },
	{ "two words", { .flags = VFIO_DEVICE_IOEVENTFD_64, .offset = BAR + 0x1000, .fd = 3 },
	  -EINVAL },
	{ "two sizes", { .flags = WORD | VFIO_DEVICE_IOEVENTFD_8, .offset = BAR + 0x1000,
	  .fd = 3 }, -EINVAL },
	{ "no size", { .offset = BAR + 0x1000, .fd = 3 }, -EINVAL },
	{ "another flag", { .flags = WORD | BIT(4), .offset = BAR + 0x1000, .fd = 3 },
	  -EINVAL },
};

static void doorbells_and_nothing_else(struct kunit *test)
{
	const struct case_of *c = test->param_value;
	u32 at = 0;

	KUNIT_EXPECT_EQ(test, c->err, parley_mdev_rings_check(&c->io, &at));
	KUNIT_EXPECT_EQ(test, c->at, at);
}

static void describe(const struct case_of *c, char *to)
{
	strscpy(to, c->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(ring, cases, describe);

static struct kunit_case ring_cases[] = {
	KUNIT_CASE_PARAM(doorbells_and_nothing_else, ring_gen_params),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "parley_nvme_mdev_ring",
	.test_cases = ring_cases,
};
kunit_test_suite(ring_suite);
