// SPDX-License-Identifier: GPL-2.0-only
/*
 * The capability walker of the PCI transport, over a configuration space that a
 * test writes: what a lying function can make it read and map.
 */
#include <kunit/test.h>
#include <linux/unaligned.h>
#include <parley/export.h>

/* Its functions are private: a copy of them is built here, under other names. */
#define parley_pci_map		parley_pci_test_map
#define parley_pci_unmap	parley_pci_test_unmap
#define parley_pci_shm		parley_pci_test_shm
#include "../pci_cap.c"

#define BAR_START	0xfe000000ULL
#define BAR_SIZE	0x4000

/**
 * struct fake_function - a PCI function without hardware
 * @pp: what the transport has of it
 * @pdev: what the kernel has of it
 * @bus: where @ops hang
 * @ops: read @space
 * @space: its configuration space
 * @reads: accesses to it
 */
struct fake_function {
	struct parley_pci pp;
	struct pci_dev pdev;
	struct pci_bus bus;
	struct pci_ops ops;
	u8 space[PCI_CFG_SPACE_SIZE];
	unsigned int reads;
};

static int fake_config_read(struct pci_bus *bus, unsigned int devfn, int where,
			    int size, u32 *val)
{
	struct fake_function *f = container_of(bus, struct fake_function, bus);

	f->reads++;
	if (where + size > PCI_CFG_SPACE_SIZE)
		return PCIBIOS_BAD_REGISTER_NUMBER;
	*val = size == 1 ? f->space[where] :
	       size == 2 ? get_unaligned_le16(f->space + where) :
			   get_unaligned_le32(f->space + where);
	return PCIBIOS_SUCCESSFUL;
}

static struct fake_function *make_function(struct kunit *test)
{
	struct fake_function *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->ops.read = fake_config_read;
	f->bus.ops = &f->ops;
	f->pdev.bus = &f->bus;
	f->pdev.dev.init_name = "fake-function";
	f->pdev.error_state = pci_channel_io_normal;
	f->pdev.resource[4].start = BAR_START;
	f->pdev.resource[4].end = BAR_START + BAR_SIZE - 1;
	f->pdev.resource[4].flags = IORESOURCE_MEM;
	f->pp.pdev = &f->pdev;
	return f;
}

/* A virtio capability in BAR 4; @next is where the list goes on. */
static u8 *put_cap(struct fake_function *f, u8 pos, u8 next, u8 type,
		   u32 offset, u32 length)
{
	u8 *cap = f->space + pos;

	cap[0] = PCI_CAP_ID_VNDR;
	cap[1] = next;
	cap[2] = sizeof(struct virtio_pci_cap64);
	cap[3] = type;
	cap[VIRTIO_PCI_CAP_BAR] = 4;
	put_unaligned_le32(offset, cap + VIRTIO_PCI_CAP_OFFSET);
	put_unaligned_le32(length, cap + VIRTIO_PCI_CAP_LENGTH);
	return cap;
}

static void capability_is_found_behind_others(struct kunit *test)
{
	struct fake_function *f = make_function(test);
	struct parley_pci_cap cap;

	f->space[PCI_CAPABILITY_LIST] = 0x40;
	f->space[0x40] = PCI_CAP_ID_MSIX;
	f->space[0x41] = 0x50;
	put_cap(f, 0x50, 0x70, VIRTIO_PCI_CAP_COMMON_CFG, 0, 0x1000);
	put_cap(f, 0x70, 0, VIRTIO_PCI_CAP_NOTIFY_CFG, 0x3000, 0x800);
	KUNIT_EXPECT_EQ(test, 0,
			parley_pci_cap_find(&f->pdev, VIRTIO_PCI_CAP_NOTIFY_CFG,
					    -1, &cap));
	KUNIT_EXPECT_EQ(test, 0x70, cap.pos);
	KUNIT_EXPECT_EQ(test, 4, cap.bar);
	KUNIT_EXPECT_EQ(test, 0x3000, cap.offset);
	KUNIT_EXPECT_EQ(test, 0x800, cap.length);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			parley_pci_cap_find(&f->pdev, VIRTIO_PCI_CAP_DEVICE_CFG,
					    -1, &cap));
}

static void list_that_loops_is_refused(struct kunit *test)
{
	struct fake_function *f = make_function(test);
	struct parley_pci_cap cap;

	f->space[PCI_CAPABILITY_LIST] = 0x40;
	put_cap(f, 0x40, 0x60, VIRTIO_PCI_CAP_COMMON_CFG, 0, 0x1000);
	put_cap(f, 0x60, 0x40, VIRTIO_PCI_CAP_ISR_CFG, 0x1000, 0x1000);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			parley_pci_cap_find(&f->pdev, VIRTIO_PCI_CAP_NOTIFY_CFG,
					    -1, &cap));
	KUNIT_EXPECT_LE(test, f->reads, 1 + 7 * PARLEY_PCI_CAPS_MAX);
}

static void reserved_bars_are_skipped(struct kunit *test)
{
	struct fake_function *f = make_function(test);
	struct parley_pci_cap cap;

	f->space[PCI_CAPABILITY_LIST] = 0x40;
	put_cap(f, 0x40, 0x60, VIRTIO_PCI_CAP_COMMON_CFG, 0, 0x1000)
		[VIRTIO_PCI_CAP_BAR] = PCI_STD_NUM_BARS;
	put_cap(f, 0x60, 0, VIRTIO_PCI_CAP_COMMON_CFG, 0x1000, 0x1000);
	KUNIT_EXPECT_EQ(test, 0,
			parley_pci_cap_find(&f->pdev, VIRTIO_PCI_CAP_COMMON_CFG,
					    -1, &cap));
	KUNIT_EXPECT_EQ(test, 0x60, cap.pos);
}

static void capability_past_the_end_is_skipped(struct kunit *test)
{
	struct fake_function *f = make_function(test);
	struct parley_pci_cap cap;

	f->space[PCI_CAPABILITY_LIST] = 0xf8;
	f->space[0xf8] = PCI_CAP_ID_VNDR;
	f->space[0xfb] = VIRTIO_PCI_CAP_COMMON_CFG;
	KUNIT_EXPECT_EQ(test, -ENOENT,
			parley_pci_cap_find(&f->pdev, VIRTIO_PCI_CAP_COMMON_CFG,
					    -1, &cap));
}

static void silent_function_has_no_capabilities(struct kunit *test)
{
	struct fake_function *f = make_function(test);

	memset(f->space, 0xff, sizeof(f->space));
	KUNIT_EXPECT_EQ(test, -ENOENT, parley_pci_map(&f->pp));
	KUNIT_EXPECT_EQ(test, 0, f->pp.mdev.modern_bars);
}

struct lie {
	const char *name;
	u32 offset;
	u32 length;
};

static const struct lie lies[] = {
	{ "begins after the BAR", BAR_SIZE + 4, 0x100 },
	{ "ends after the BAR", BAR_SIZE - 0x40, 0x44 },
	{ "wraps in 32 bits", 0xffffff00, 0x1000 },
	{ "is shorter than its structure", 0, 8 },
	{ "is not aligned", 2, 0x100 },
	{ "is empty", 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(lie, lies, name);

static void structure_outside_its_bar_is_refused(struct kunit *test)
{
	const struct lie *lie = test->param_value;
	struct fake_function *f = make_function(test);

	f->space[PCI_CAPABILITY_LIST] = 0x40;
	put_cap(f, 0x40, 0, VIRTIO_PCI_CAP_COMMON_CFG, lie->offset,
		lie->length);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pci_map(&f->pp));
	/* Nothing was requested or mapped before the check. */
	KUNIT_EXPECT_EQ(test, 0, f->pp.mdev.modern_bars);
	KUNIT_EXPECT_TRUE(test, !f->pp.mdev.common);
}

static void shared_memory_is_found_by_id(struct kunit *test)
{
	struct fake_function *f = make_function(test);
	struct parley_shm shm;
	u8 *cap;

	f->space[PCI_CAPABILITY_LIST] = 0x40;
	cap = put_cap(f, 0x40, 0x60, VIRTIO_PCI_CAP_SHARED_MEMORY_CFG, 0, 0x800);
	cap[5] = 1;
	cap = put_cap(f, 0x60, 0x80, VIRTIO_PCI_CAP_SHARED_MEMORY_CFG,
		      0x1000, 0x2000);
	cap[5] = 2;
	/* The upper halves count: this one is past every BAR. */
	cap = put_cap(f, 0x80, 0, VIRTIO_PCI_CAP_SHARED_MEMORY_CFG, 0, 0x1000);
	cap[5] = 3;
	put_unaligned_le32(1, cap + offsetof(struct virtio_pci_cap64,
					     offset_hi));
	KUNIT_EXPECT_EQ(test, 0, parley_pci_shm(&f->pp.vdev.pd, 2, &shm));
	KUNIT_EXPECT_EQ(test, BAR_START + 0x1000, shm.addr);
	KUNIT_EXPECT_EQ(test, 0x2000, shm.len);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_pci_shm(&f->pp.vdev.pd, 3, &shm));
	KUNIT_EXPECT_EQ(test, -ENOENT, parley_pci_shm(&f->pp.vdev.pd, 4, &shm));
}

static struct kunit_case pci_cases[] = {
	KUNIT_CASE(capability_is_found_behind_others),
	KUNIT_CASE(list_that_loops_is_refused),
	KUNIT_CASE(reserved_bars_are_skipped),
	KUNIT_CASE(capability_past_the_end_is_skipped),
	KUNIT_CASE(silent_function_has_no_capabilities),
	KUNIT_CASE_PARAM(structure_outside_its_bar_is_refused, lie_gen_params),
	KUNIT_CASE(shared_memory_is_found_by_id),
	{}
};

static struct kunit_suite pci_suite = {
	.name = "parley_pci",
	.test_cases = pci_cases,
};

kunit_test_suite(pci_suite);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: KUnit tests of the PCI transport's capability walker");
MODULE_LICENSE("GPL");
