// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space: what is read, what can be written, and what that does.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/unaligned.h>
#include <parley/export.h>
#include "../mdev.h"

static const struct parley_mdev_ids ids = { 0x1b36, 0x0010, 0x1af4, 0x1100 };

#define VECTORS		5

static struct parley_mdev_config *config_new(struct kunit *test)
{
	struct parley_mdev_config *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	parley_mdev_config_init(c, &ids, VECTORS);
	return c;
}

static u32 get(struct parley_mdev_config *c, unsigned int at, size_t size)
{
	u8 data[4] = {};

	parley_mdev_config_read(c, at, data, size);
	return get_unaligned_le32(data);
}

static bool put(struct parley_mdev_config *c, unsigned int at, size_t size, u32 value)
{
	u8 data[4];

	put_unaligned_le32(value, data);
	return parley_mdev_config_write(c, at, data, size);
}

static void it_says_what_it_is(struct kunit *test)
{
	struct parley_mdev_config *c = config_new(test);

	KUNIT_EXPECT_EQ(test, 0x00101b36, get(c, PCI_VENDOR_ID, 4));
	KUNIT_EXPECT_EQ(test, 0x11001af4, get(c, PCI_SUBSYSTEM_VENDOR_ID, 4));
	KUNIT_EXPECT_EQ(test, PCI_CLASS_STORAGE_EXPRESS, get(c, PCI_CLASS_REVISION, 4) >> 8);
	KUNIT_EXPECT_EQ(test, PCI_HEADER_TYPE_NORMAL, get(c, PCI_HEADER_TYPE, 1));
	/* A pin, for who knows no messages, and no ROM. */
	KUNIT_EXPECT_EQ(test, 1, get(c, PCI_INTERRUPT_PIN, 1));
	KUNIT_EXPECT_FALSE(test, put(c, PCI_ROM_ADDRESS, 4, U32_MAX));
	KUNIT_EXPECT_EQ(test, 0, get(c, PCI_ROM_ADDRESS, 4));
}

/* Where each byte is written with all ones and all zeroes, only its mask moves. */
static void each_byte_keeps_what_is_not_to_be_written(struct kunit *test)
{
	struct parley_mdev_config *c = config_new(test);
	unsigned int at;
	u8 is, mask;

	for (at = 0; at < PARLEY_MDEV_CONFIG; at++) {
		parley_mdev_config_reset(c);
		is = get(c, at, 1);
		mask = at < PARLEY_MDEV_HEADER ? c->mask[at] : 0;
		/* A function level reset undoes what was written. */
		if (at == PARLEY_MDEV_EXP + PCI_EXP_DEVCTL + 1)
			KUNIT_EXPECT_FALSE(test, put(c, at, 1, 0x7f));
		else
			KUNIT_EXPECT_FALSE(test, put(c, at, 1, 0xff));
		KUNIT_EXPECT_EQ_MSG(test, is | mask, get(c, at, 1), "at %u", at);
		/* From D3hot to D0, which is nothing that is kept or not. */
		KUNIT_EXPECT_EQ(test, at == PARLEY_MDEV_PM + PCI_PM_CTRL,
				put(c, at, 1, 0));
		KUNIT_EXPECT_EQ_MSG(test, is & ~mask, get(c, at, 1), "at %u", at);
	}
}

/* Status bits that are cleared by writing ones are never set. */
static void what_cannot_be_written_reads_as_it_should(struct kunit *test)
{
	struct parley_mdev_config *c = config_new(test);
	static const unsigned int fixed[] = {
		PCI_VENDOR_ID, PCI_DEVICE_ID, PCI_STATUS, PCI_REVISION_ID, PCI_CLASS_DEVICE,
		PCI_HEADER_TYPE, PCI_BASE_ADDRESS_2, PCI_BASE_ADDRESS_3, PCI_BASE_ADDRESS_4,
		PCI_BASE_ADDRESS_5, PCI_SUBSYSTEM_VENDOR_ID, PCI_CAPABILITY_LIST,
		PARLEY_MDEV_MSIX + PCI_MSIX_TABLE, PARLEY_MDEV_MSIX + PCI_MSIX_PBA,
		PARLEY_MDEV_EXP + PCI_EXP_DEVCAP, PARLEY_MDEV_EXP + PCI_EXP_DEVSTA,
	};
	unsigned int i;
	u32 was;

	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		was = get(c, fixed[i], 2);
		put(c, fixed[i], 2, U32_MAX);
		KUNIT_EXPECT_EQ_MSG(test, was, get(c, fixed[i], 2), "at %u", fixed[i]);
	}
}

static void its_bar_tells_how_large_it_is(struct kunit *test)
{
	struct parley_mdev_config *c = config_new(test);
	u32 low;
	u64 size;

	KUNIT_EXPECT_EQ(test, PCI_BASE_ADDRESS_MEM_TYPE_64, get(c, PCI_BASE_ADDRESS_0, 4));
	put(c, PCI_BASE_ADDRESS_0, 4, U32_MAX);
	put(c, PCI_BASE_ADDRESS_1, 4, U32_MAX);
	low = get(c, PCI_BASE_ADDRESS_0, 4);
	KUNIT_EXPECT_EQ(test, PCI_BASE_ADDRESS_MEM_TYPE_64, low & ~PCI_BASE_ADDRESS_MEM_MASK);
	size = (u64)get(c, PCI_BASE_ADDRESS_1, 4) << 32 | (low & PCI_BASE_ADDRESS_MEM_MASK);
	KUNIT_EXPECT_EQ(test, PARLEY_MDEV_BAR, ~size + 1);
	put(c, PCI_BASE_ADDRESS_0, 4, 0xfebd1234);
	KUNIT_EXPECT_EQ(test, 0xfebd0004, get(c, PCI_BASE_ADDRESS_0, 4));
}

static void its_capabilities_are_a_list_that_ends(struct kunit *test)
{
	struct parley_mdev_config *c = config_new(test);
	unsigned int at = get(c, PCI_CAPABILITY_LIST, 1), nr = 0, seen = 0;

	KUNIT_EXPECT_TRUE(test, get(c, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	for (; at && nr < 8; nr++) {
		KUNIT_EXPECT_GE(test, at, PCI_STD_HEADER_SIZEOF);
		KUNIT_EXPECT_EQ(test, 0, at % 4);
		KUNIT_EXPECT_LT(test, at, PARLEY_MDEV_HEADER);
		seen |= BIT(get(c, at + PCI_CAP_LIST_ID, 1));
		at = get(c, at + PCI_CAP_LIST_NEXT, 1);
	}
	KUNIT_EXPECT_EQ(test, 3, nr);
	KUNIT_EXPECT_EQ(test, BIT(PCI_CAP_ID_PM) | BIT(PCI_CAP_ID_MSIX) | BIT(PCI_CAP_ID_EXP),
			seen);
	/* They do not lie over each other. */
	KUNIT_EXPECT_LE(test, PARLEY_MDEV_PM + PCI_PM_SIZEOF, PARLEY_MDEV_MSIX);
	KUNIT_EXPECT_LE(test, PARLEY_MDEV_MSIX + PCI_CAP_MSIX_SIZEOF, PARLEY_MDEV_EXP);
	KUNIT_EXPECT_LE(test, PARLEY_MDEV_EXP + PCI_CAP_EXP_ENDPOINT_SIZEOF_V2,
			PARLEY_MDEV_HEADER);
	/* And none of the extended ones. */
	KUNIT_EXPECT_EQ(test, 0, get(c, PCI_CFG_SPACE_SIZE, 4));
}

static void its_table_of_interrupts_is_in_its_bar(struct kunit *test)
{
	struct parley_mdev_config *c = config_new(test);
	unsigned int nr, vectors;
	u32 table, pending;

	for (nr = 1; nr <= PARLEY_MDEV_VECTORS; nr++) {
		parley_mdev_config_init(c, &ids, nr);
		vectors = (get(c, PARLEY_MDEV_MSIX + PCI_MSIX_FLAGS, 2) &
			   PCI_MSIX_FLAGS_QSIZE) + 1;
		KUNIT_EXPECT_EQ(test, nr, vectors);
		table = get(c, PARLEY_MDEV_MSIX + PCI_MSIX_TABLE, 4);
		pending = get(c, PARLEY_MDEV_MSIX + PCI_MSIX_PBA, 4);
		KUNIT_EXPECT_EQ(test, 0, table & PCI_MSIX_TABLE_BIR);
		KUNIT_EXPECT_EQ(test, 0, pending & PCI_MSIX_PBA_BIR);
		/* Behind the registers, in pages of their own. */
		KUNIT_EXPECT_GE(test, table, PARLEY_EMU_BAR);
		KUNIT_EXPECT_LE(test, table + vectors * PCI_MSIX_ENTRY_SIZE, pending);
		KUNIT_EXPECT_LE(test, pending + DIV_ROUND_UP(vectors, 64) * 8,
				PARLEY_MDEV_BAR);
		KUNIT_EXPECT_EQ(test, 0, table % 4096);
		KUNIT_EXPECT_EQ(test, 0, pending % 4096);
	}
}

static void a_function_level_reset_begins_anew(struct kunit *test)
{
	struct parley_mdev_config *c = config_new(test);
	u32 control = get(c, PARLEY_MDEV_EXP + PCI_EXP_DEVCTL, 2);

	KUNIT_EXPECT_TRUE(test, get(c, PARLEY_MDEV_EXP + PCI_EXP_DEVCAP, 4) &
			  PCI_EXP_DEVCAP_FLR);
	put(c, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	put(c, PARLEY_MDEV_MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	KUNIT_EXPECT_FALSE(test, put(c, PARLEY_MDEV_EXP + PCI_EXP_DEVCTL, 2, 0));
	KUNIT_EXPECT_TRUE(test, put(c, PARLEY_MDEV_EXP + PCI_EXP_DEVCTL, 2,
				    PCI_EXP_DEVCTL_BCR_FLR));
	KUNIT_EXPECT_EQ(test, 0, get(c, PCI_COMMAND, 2));
	KUNIT_EXPECT_EQ(test, VECTORS - 1, get(c, PARLEY_MDEV_MSIX + PCI_MSIX_FLAGS, 2));
	KUNIT_EXPECT_EQ(test, control, get(c, PARLEY_MDEV_EXP + PCI_EXP_DEVCTL, 2));
	/* Its byte alone, and among others. */
	KUNIT_EXPECT_TRUE(test, put(c, PARLEY_MDEV_EXP + PCI_EXP_DEVCTL + 1, 1, 0x80));
	KUNIT_EXPECT_TRUE(test, put(c, PARLEY_MDEV_EXP + PCI_EXP_DEVCTL, 4,
				    PCI_EXP_DEVCTL_BCR_FLR));
}

static void it_sleeps_and_wakes(struct kunit *test)
{
	struct parley_mdev_config *c = config_new(test);
	const unsigned int at = PARLEY_MDEV_PM + PCI_PM_CTRL;
	u32 state;

	KUNIT_EXPECT_FALSE(test, put(c, at, 2, 0));
	for (state = 1; state <= 2; state++) {
		KUNIT_EXPECT_FALSE(test, put(c, at, 2, state));
		KUNIT_EXPECT_EQ(test, 0, get(c, at, 2));
	}
	put(c, PCI_BASE_ADDRESS_0, 4, 0xfebd0000);
	KUNIT_EXPECT_FALSE(test, put(c, at, 2, 3));
	KUNIT_EXPECT_EQ(test, 3, get(c, at, 2));
	for (state = 1; state <= 3; state++) {
		KUNIT_EXPECT_FALSE(test, put(c, at, 2, state));
		KUNIT_EXPECT_EQ(test, 3, get(c, at, 2));
	}
	KUNIT_EXPECT_TRUE(test, put(c, at, 2, 0));
	KUNIT_EXPECT_FALSE(test, put(c, at, 2, 0));
	/* The rest of the space is as it was. */
	KUNIT_EXPECT_EQ(test, 0xfebd0004, get(c, PCI_BASE_ADDRESS_0, 4));
}

static void its_pin_can_be_disabled_and_is_seen(struct kunit *test)
{
	struct parley_mdev_config *c = config_new(test);

	KUNIT_EXPECT_FALSE(test, parley_mdev_config_no_pin(c));
	KUNIT_EXPECT_EQ(test, PCI_STATUS_CAP_LIST, get(c, PCI_STATUS, 2));
	parley_mdev_config_raise(c, true);
	KUNIT_EXPECT_EQ(test, PCI_STATUS_CAP_LIST | PCI_STATUS_INTERRUPT,
			get(c, PCI_STATUS, 2));
	put(c, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	KUNIT_EXPECT_TRUE(test, parley_mdev_config_no_pin(c));
	/* That it is disabled does not hide it. */
	KUNIT_EXPECT_TRUE(test, get(c, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	parley_mdev_config_raise(c, false);
	KUNIT_EXPECT_EQ(test, PCI_STATUS_CAP_LIST, get(c, PCI_STATUS, 2));
	put(c, PCI_COMMAND, 2, 0);
	put(c, PARLEY_MDEV_MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	KUNIT_EXPECT_TRUE(test, parley_mdev_config_no_pin(c));
	parley_mdev_config_reset(c);
	KUNIT_EXPECT_FALSE(test, parley_mdev_config_no_pin(c));
}

static struct kunit_case config_cases[] = {
	KUNIT_CASE(its_pin_can_be_disabled_and_is_seen),
	KUNIT_CASE(it_says_what_it_is),
	KUNIT_CASE(each_byte_keeps_what_is_not_to_be_written),
	KUNIT_CASE(what_cannot_be_written_reads_as_it_should),
	KUNIT_CASE(its_bar_tells_how_large_it_is),
	KUNIT_CASE(its_capabilities_are_a_list_that_ends),
	KUNIT_CASE(its_table_of_interrupts_is_in_its_bar),
	KUNIT_CASE(a_function_level_reset_begins_anew),
	KUNIT_CASE(it_sleeps_and_wakes),
	{}
};

static struct kunit_suite config_suite = {
	.name = "parley_nvme_mdev_config",
	.test_cases = config_cases,
};

kunit_test_suite(config_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley: KUnit tests of NVMe virtual functions as mediated devices");
MODULE_LICENSE("GPL");
