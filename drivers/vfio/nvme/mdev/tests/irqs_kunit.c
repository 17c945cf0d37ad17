// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_SET_IRQS: what can be asked for, and what not.
 */
#include <kunit/test.h>
#include "../mdev.h"

#define VECTORS	3
#define MINSZ	offsetofend(struct vfio_irq_set, count)
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define REQ	VFIO_PCI_REQ_IRQ_INDEX
#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define FDS	VFIO_IRQ_SET_DATA_EVENTFD
#define TELL	VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK

struct ask {
	const char *name;
	u32 index;
	u32 flags;
	u32 start;
	u32 count;
	u32 data;		/* bytes behind the header */
	int err;
	size_t size;
};

static const struct ask asks[] = {
	{ "nobody is told", MSIX, NONE | TELL, 0, 0, 0, 0, 0 },
	{ "all are told", MSIX, NONE | TELL, 0, VECTORS, 0, 0, 0 },
	{ "the last is told", MSIX, NONE | TELL, VECTORS - 1, 1, 0, 0, 0 },
	{ "some are told", MSIX, BOOL | TELL, 1, 2, 2, 0, 2 },
	{ "all have eventfds", MSIX, FDS | TELL, 0, VECTORS, 4 * VECTORS, 0, 4 * VECTORS },
	{ "more data than needed", MSIX, FDS | TELL, 2, 1, 64, 0, 4 },
	{ "the request", REQ, FDS | TELL, 0, 1, 4, 0, 4 },
	{ "the request is told", REQ, NONE | TELL, 0, 1, 0, 0, 0 },
	{ "a short header", MSIX, NONE | TELL, 0, 0, -1, -EINVAL },
	{ "no INTx", VFIO_PCI_INTX_IRQ_INDEX, FDS | TELL, 0, 1, 4, -EINVAL },
	{ "no INTx to end", VFIO_PCI_INTX_IRQ_INDEX, NONE | TELL, 0, 0, 0, -EINVAL },
	{ "no MSI", VFIO_PCI_MSI_IRQ_INDEX, FDS | TELL, 0, 1, 4, -EINVAL },
	{ "no errors", VFIO_PCI_ERR_IRQ_INDEX, FDS | TELL, 0, 1, 4, -EINVAL },
	{ "no such kind", VFIO_PCI_NUM_IRQS, NONE | TELL, 0, 0, 0, -EINVAL },
	{ "the largest kind", U32_MAX, NONE | TELL, 0, 0, 0, -EINVAL },
	{ "one too many", MSIX, FDS | TELL, 0, VECTORS + 1, 4 * VECTORS + 4, -EINVAL },
	{ "beyond the end", MSIX, FDS | TELL, VECTORS, 1, 4, -EINVAL },
	{ "over the end", MSIX, NONE | TELL, 2, 2, 0, -EINVAL },
	{ "a second request", REQ, FDS | TELL, 1, 1, 4, -EINVAL },
	{ "two requests", REQ, FDS | TELL, 0, 2, 8, -EINVAL },
	{ "wraps", MSIX, NONE | TELL, 1, U32_MAX, 0, -EINVAL },
	{ "wraps from the end", MSIX, FDS | TELL, U32_MAX, 2, 8, -EINVAL },
	{ "no data", MSIX, FDS | TELL, 0, 1, 0, -EINVAL },
	{ "too little data", MSIX, FDS | TELL, 0, 2, 7, -EINVAL },
	{ "too few bytes", MSIX, BOOL | TELL, 0, 3, 2, -EINVAL },
	{ "no bytes for none", MSIX, BOOL | TELL, 0, 0, 4, -EINVAL },
	{ "eventfds for none", MSIX, FDS | TELL, 0, 0, 4, -EINVAL },
	{ "an end from the middle", MSIX, NONE | TELL, 1, 0, 0, -EINVAL },
	{ "no kind of data", MSIX, TELL, 0, 1, 4, -EINVAL },
	{ "two kinds of data", MSIX, NONE | BOOL | TELL, 0, 1, 4, -EINVAL },
	{ "all kinds of data", MSIX, NONE | BOOL | FDS | TELL, 0, 1, 4, -EINVAL },
	{ "nothing to do", MSIX, NONE, 0, 1, 0, -EINVAL },
	{ "two things to do", MSIX, NONE | TELL | MASK, 0, 1, 0, -EINVAL },
	{ "all things to do", MSIX, NONE | TELL | MASK | UNMASK, 0, 1, 0, -EINVAL },
	{ "unknown flags", MSIX, NONE | TELL | 1U << 6, 0, 1, 0, -EINVAL },
	{ "the largest flag", MSIX, NONE | TELL | 1U << 31, 0, 1, 0, -EINVAL },
	{ "masked", MSIX, NONE | MASK, 0, 1, 0, -ENOTTY },
	{ "unmasked", MSIX, NONE | UNMASK, 0, 1, 0, -ENOTTY },
	{ "unmasked by an eventfd", MSIX, FDS | UNMASK, 0, 1, 4, -ENOTTY },
};

static void ask_name(const struct ask *ask, char *name)
{
	strscpy(name, ask->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(ask, asks, ask_name);

static void what_is_asked_for_is_checked(struct kunit *test)
{
	const struct ask *ask = test->param_value;
	struct vfio_irq_set set = {
		.argsz = MINSZ + ask->data,
		.flags = ask->flags,
		.index = ask->index,
		.start = ask->start,
		.count = ask->count,
	};
	size_t size = 0;

	KUNIT_EXPECT_EQ(test, ask->err, parley_mdev_irqs_check(&set, VECTORS, &size));
	if (!ask->err)
		KUNIT_EXPECT_EQ(test, ask->size, size);
}

static struct parley_mdev_irqs *irqs_new(struct kunit *test)
{
	struct parley_mdev_irqs *irqs = kunit_kzalloc(test, sizeof(*irqs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, irqs);
	mutex_init(&irqs->lock);
	irqs->vectors = VECTORS;
	return irqs;
}

static int ask_for(struct parley_mdev_irqs *irqs, u32 index, u32 flags, u32 count,
		   const void *data)
{
	struct vfio_irq_set set = {
		.argsz = MINSZ + 64,
		.flags = flags,
		.index = index,
		.count = count,
	};

	return parley_mdev_irqs_set(irqs, &set, data);
}

/* Nobody is told: that is no mistake. */
static void those_without_anybody_are_told_to_nobody(struct kunit *test)
{
	struct parley_mdev_irqs *irqs = irqs_new(test);
	static const u8 yes[] = { 1, 0, 1 };
	static const s32 none[] = { -1, -1, -1 };
	unsigned int vector;

	for (vector = 0; vector <= PARLEY_MDEV_VECTORS; vector++)
		parley_mdev_irqs_tell(irqs, vector);
	parley_mdev_irqs_tell(irqs, UINT_MAX);
	KUNIT_EXPECT_FALSE(test, parley_mdev_irqs_request(irqs));
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, MSIX, NONE | TELL, VECTORS, NULL));
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, MSIX, BOOL | TELL, VECTORS, yes));
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, MSIX, FDS | TELL, VECTORS, none));
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, MSIX, NONE | TELL, 0, NULL));
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, REQ, NONE | TELL, 1, NULL));
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, REQ, NONE | TELL, 0, NULL));
	parley_mdev_irqs_free(irqs);
}

/* Wherever among them one is that is no eventfd. */
static void one_bad_eventfd_changes_nothing(struct kunit *test)
{
	struct parley_mdev_irqs *irqs = irqs_new(test);
	static const s32 bad[] = { -2, S32_MIN, S32_MAX };
	unsigned int i, where;
	s32 fd[VECTORS];

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		for (where = 0; where < VECTORS; where++) {
			memset(fd, 0xff, sizeof(fd));
			fd[where] = bad[i];
			KUNIT_EXPECT_LT(test, ask_for(irqs, MSIX, FDS | TELL, VECTORS, fd), 0);
			KUNIT_EXPECT_NULL(test, irqs->msix[where]);
		}
	KUNIT_EXPECT_LT(test, ask_for(irqs, REQ, FDS | TELL, 1, bad), 0);
	KUNIT_EXPECT_NULL(test, irqs->request);
}

static struct kunit_case irqs_cases[] = {
	KUNIT_CASE_PARAM(what_is_asked_for_is_checked, ask_gen_params),
	KUNIT_CASE(those_without_anybody_are_told_to_nobody),
	KUNIT_CASE(one_bad_eventfd_changes_nothing),
	{}
};

static struct kunit_suite irqs_suite = {
	.name = "parley_nvme_mdev_irqs",
	.test_cases = irqs_cases,
};

kunit_test_suite(irqs_suite);
