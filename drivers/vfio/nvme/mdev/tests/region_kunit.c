// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which part of the device an access is about, at each edge and of each size.
 */
#include <linux/unaligned.h>
#include "../../emu/tests/guest.h"
#include "../mdev.h"

#define BAR	PARLEY_MDEV_OFFSET(VFIO_PCI_BAR0_REGION_INDEX)
#define CONFIG	PARLEY_MDEV_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX)

struct edge {
	const char *name;
	u64 pos;
	size_t count;
	size_t there;
	unsigned int region;
	u64 at;
};

static const struct edge edges[] = {
	{ "the first register", BAR, 8, 8, VFIO_PCI_BAR0_REGION_INDEX, 0 },
	{ "the last byte", BAR + PARLEY_MDEV_BAR - 1, 1, 1, VFIO_PCI_BAR0_REGION_INDEX,
	  PARLEY_MDEV_BAR - 1 },
	{ "over the end", BAR + PARLEY_MDEV_BAR - 4, 8, 4, VFIO_PCI_BAR0_REGION_INDEX,
	  PARLEY_MDEV_BAR - 4 },
	{ "all and more", BAR, SIZE_MAX, PARLEY_MDEV_BAR, VFIO_PCI_BAR0_REGION_INDEX, 0 },
	{ "at the end", BAR + PARLEY_MDEV_BAR, 1, 0 },
	{ "before the next region", BAR + PARLEY_MDEV_OFFSET(1) - 1, 1, 0 },
	{ "no such BAR", PARLEY_MDEV_OFFSET(1), 4, 0 },
	{ "no ROM", PARLEY_MDEV_OFFSET(VFIO_PCI_ROM_REGION_INDEX), 4, 0 },
	{ "no VGA", PARLEY_MDEV_OFFSET(VFIO_PCI_VGA_REGION_INDEX), 4, 0 },
	{ "configuration space", CONFIG, 256, 256, VFIO_PCI_CONFIG_REGION_INDEX, 0 },
	{ "all of it and more", CONFIG, SIZE_MAX, PARLEY_MDEV_CONFIG,
	  VFIO_PCI_CONFIG_REGION_INDEX, 0 },
	{ "its last byte", CONFIG + PARLEY_MDEV_CONFIG - 1, 4, 1,
	  VFIO_PCI_CONFIG_REGION_INDEX, PARLEY_MDEV_CONFIG - 1 },
	{ "its end", CONFIG + PARLEY_MDEV_CONFIG, 1, 0 },
	{ "nothing", BAR, 0, 0 },
	{ "no such region", PARLEY_MDEV_OFFSET(VFIO_PCI_NUM_REGIONS), 4, 0 },
	{ "the last position", U64_MAX, SIZE_MAX, 0 },
	{ "the last signed one", S64_MAX, 1, 0 },
};

static void edge_name(const struct edge *edge, char *name)
{
	strscpy(name, edge->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(edge, edges, edge_name);

static void an_access_ends_where_its_region_does(struct kunit *test)
{
	const struct edge *edge = test->param_value;
	unsigned int region = 0;
	u64 at = 0;

	KUNIT_EXPECT_EQ(test, edge->there,
			parley_mdev_access(edge->pos, edge->count, &region, &at));
	if (edge->there) {
		KUNIT_EXPECT_EQ(test, edge->region, region);
		KUNIT_EXPECT_EQ(test, edge->at, at);
	}
}

/* From anywhere, of any length: the pieces are aligned, and are all of it. */
static void pieces_are_aligned(struct kunit *test)
{
	unsigned int at, left, size, done;

	for (at = 0; at < 16; at++)
		for (left = 1; left < 32; left++)
			for (done = 0; done < left; done += size) {
				size = parley_mdev_piece(at + done, left - done);
				KUNIT_ASSERT_TRUE(test, size == 1 || size == 2 ||
						  size == 4 || size == 8);
				KUNIT_ASSERT_EQ(test, 0, (at + done) % size);
				KUNIT_ASSERT_LE(test, done + size, left);
			}
	KUNIT_EXPECT_EQ(test, 8, parley_mdev_piece(0, SIZE_MAX));
}

static void a_register_has_four_bytes(struct kunit *test)
{
	struct guest *g = guest_new(test);
	u8 all[8], part[8];
	unsigned int at, size;

	parley_mdev_bar_read(&g->e, NVME_REG_CAP, all, 8);
	KUNIT_EXPECT_EQ(test, parley_emu_read32(&g->e, NVME_REG_CAP), get_unaligned_le32(all));
	KUNIT_EXPECT_EQ(test, parley_emu_read32(&g->e, NVME_REG_CAP + 4),
			get_unaligned_le32(all + 4));
	for (size = 1; size <= 4; size *= 2)
		for (at = 0; at < 8; at += size) {
			memset(part, 0xee, sizeof(part));
			parley_mdev_bar_read(&g->e, NVME_REG_CAP + at, part, size);
			KUNIT_EXPECT_MEMEQ(test, part, all + at, size);
			KUNIT_EXPECT_EQ(test, 0xee, part[size]);
		}
	put_unaligned_le64(0x123456789abcd000, all);
	parley_mdev_bar_write(&g->e, NVME_REG_ASQ, all, 8);
	KUNIT_EXPECT_EQ(test, 0x9abcd000, parley_emu_read32(&g->e, NVME_REG_ASQ));
	KUNIT_EXPECT_EQ(test, 0x12345678, parley_emu_read32(&g->e, NVME_REG_ASQ + 4));
	parley_mdev_bar_write(&g->e, NVME_REG_AQA, all, 4);
	KUNIT_EXPECT_EQ(test, 0x9abcd000, parley_emu_read32(&g->e, NVME_REG_AQA));
	/* Less than a register is not written. */
	memset(all, 0xff, sizeof(all));
	parley_mdev_bar_write(&g->e, NVME_REG_AQA, all, 1);
	parley_mdev_bar_write(&g->e, NVME_REG_AQA + 2, all, 2);
	KUNIT_EXPECT_EQ(test, 0x9abcd000, parley_emu_read32(&g->e, NVME_REG_AQA));
}

static void behind_the_registers_there_are_zeroes(struct kunit *test)
{
	struct guest *g = guest_new(test);
	u8 data[8];
	u32 at;

	for (at = PARLEY_EMU_BAR; at < PARLEY_MDEV_BAR; at += sizeof(data)) {
		memset(data, 0xff, sizeof(data));
		parley_mdev_bar_write(&g->e, at, data, sizeof(data));
		parley_mdev_bar_read(&g->e, at, data, sizeof(data));
		KUNIT_EXPECT_NULL(test, memchr_inv(data, 0, sizeof(data)));
	}
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
}

static struct kunit_case region_cases[] = {
	KUNIT_CASE_PARAM(an_access_ends_where_its_region_does, edge_gen_params),
	KUNIT_CASE(pieces_are_aligned),
	KUNIT_CASE(a_register_has_four_bytes),
	KUNIT_CASE(behind_the_registers_there_are_zeroes),
	{}
};

static struct kunit_suite region_suite = {
	.name = "parley_nvme_mdev_region",
	.test_cases = region_cases,
};

kunit_test_suite(region_suite);
