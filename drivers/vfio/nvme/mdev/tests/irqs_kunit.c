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
#define PIN	VFIO_PCI_INTX_IRQ_INDEX
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
	{ "the pin", PIN, FDS | TELL, 0, 1, 4, 0, 4 },
	{ "the pin is told", PIN, NONE | TELL, 0, 1, 0, 0, 0 },
	{ "the pin is told by a byte", PIN, BOOL | TELL, 0, 1, 1, 0, 1 },
	{ "nobody is told of the pin", PIN, NONE | TELL, 0, 0, 0, 0, 0 },
	{ "the pin is masked", PIN, NONE | MASK, 0, 1, 0, 0, 0 },
	{ "the pin is masked by a byte", PIN, BOOL | MASK, 0, 1, 1, 0, 1 },
	{ "the pin is unmasked", PIN, NONE | UNMASK, 0, 1, 0, 0, 0 },
	{ "the pin by an eventfd", PIN, FDS | UNMASK, 0, 1, 4, 0, 4 },
	{ "a second pin", PIN, FDS | TELL, 1, 1, 4, -EINVAL },
	{ "two pins", PIN, NONE | UNMASK, 0, 2, 0, -EINVAL },
	{ "the largest pin", PIN, NONE | MASK, U32_MAX, 1, 0, -EINVAL },
	{ "the pin without bytes", PIN, BOOL | MASK, 0, 1, 0, -EINVAL },
	{ "the pin, eventfd cut", PIN, FDS | UNMASK, 0, 1, 3, -EINVAL },
	{ "no pin is masked", PIN, NONE | MASK, 0, 0, 0, -EINVAL },
	{ "no pin is unmasked", PIN, NONE | UNMASK, 0, 0, 0, -EINVAL },
	{ "the pin masked by an eventfd", PIN, FDS | MASK, 0, 1, 4, -ENOTTY },
	{ "the pin masked and unmasked", PIN, NONE | MASK | UNMASK, 0, 1, 0, -EINVAL },
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
	{ "masked", MSIX, NONE | MASK, 0, VECTORS, 0, 0, 0 },
	{ "some are masked", MSIX, BOOL | MASK, 1, 2, 2, 0, 2 },
	{ "the last is unmasked", MSIX, NONE | UNMASK, VECTORS - 1, 1, 0, 0, 0 },
	{ "masked over the end", MSIX, NONE | MASK, 1, VECTORS, 0, -EINVAL },
	{ "masked by an eventfd", MSIX, FDS | MASK, 0, 1, 4, -ENOTTY },
	{ "unmasked by an eventfd", MSIX, FDS | UNMASK, 0, 1, 4, -ENOTTY },
	{ "the request is masked", REQ, NONE | MASK, 0, 1, 0, -ENOTTY },
	{ "the request is unmasked", REQ, FDS | UNMASK, 0, 1, 4, -ENOTTY },
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
	parley_mdev_irqs_init(irqs);
	parley_mdev_irqs_begin(irqs, VECTORS);
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

/* ---------------------------------------------------- who is told of what */

/* Stand for eventfds: how often each was told. */
static unsigned int told[VECTORS + 1];

#define WHO(i)	((struct eventfd_ctx *)&told[i])

static void count(struct eventfd_ctx *to)
{
	++*(unsigned int *)to;
}

static void nobody(void *data)
{
	struct parley_mdev_irqs *irqs = data;

	memset(irqs->msix, 0, sizeof(irqs->msix));
	irqs->pin.to = NULL;
	parley_mdev_irqs_free(irqs);
}

/* Of the pin, or of each vector. */
static struct parley_mdev_irqs *irqs_told(struct kunit *test, bool pin)
{
	struct parley_mdev_irqs *irqs = irqs_new(test);
	unsigned int i;

	memset(told, 0, sizeof(told));
	irqs->signal = count;
	for (i = 0; i < VECTORS && !pin; i++)
		irqs->msix[i] = WHO(i);
	irqs->pin.to = pin ? WHO(VECTORS) : NULL;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, nobody, irqs));
	return irqs;
}

static void the_pin_is_told_until_it_is_lowered(struct kunit *test)
{
	struct parley_mdev_irqs *irqs = irqs_told(test, true);
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, parley_mdev_irqs_wired(irqs));
	parley_mdev_pin_raise(irqs, true);
	KUNIT_EXPECT_EQ(test, 1, told[VECTORS]);
	KUNIT_EXPECT_TRUE(test, parley_mdev_pin_raised(irqs));
	/* It is masked by that, and told of again as long as it is raised. */
	parley_mdev_pin_raise(irqs, true);
	KUNIT_EXPECT_EQ(test, 1, told[VECTORS]);
	for (i = 2; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, PIN, NONE | UNMASK, 1, NULL));
		KUNIT_EXPECT_EQ(test, i, told[VECTORS]);
	}
	parley_mdev_pin_raise(irqs, false);
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, PIN, NONE | UNMASK, 1, NULL));
	KUNIT_EXPECT_EQ(test, 4, told[VECTORS]);
	/* Unmasked, it is told of at once. */
	parley_mdev_pin_raise(irqs, true);
	KUNIT_EXPECT_EQ(test, 5, told[VECTORS]);
}

static void the_pin_is_masked_and_disabled(struct kunit *test)
{
	struct parley_mdev_irqs *irqs = irqs_told(test, true);
	static const u8 no[] = { 0 }, yes[] = { 1 };

	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, PIN, BOOL | MASK, 1, no));
	KUNIT_EXPECT_FALSE(test, irqs->pin.masked);
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, PIN, BOOL | MASK, 1, yes));
	parley_mdev_pin_raise(irqs, true);
	parley_mdev_pin_disable(irqs, true);
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, PIN, BOOL | UNMASK, 1, yes));
	KUNIT_EXPECT_EQ(test, 0, told[VECTORS]);
	parley_mdev_pin_disable(irqs, false);
	KUNIT_EXPECT_EQ(test, 1, told[VECTORS]);
	/* By hand it is told whatever its state is. */
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, PIN, NONE | TELL, 1, NULL));
	KUNIT_EXPECT_EQ(test, 2, told[VECTORS]);
}

static void a_pin_that_is_not_used_is_not_masked(struct kunit *test)
{
	struct parley_mdev_irqs *irqs = irqs_told(test, false);
	static const s32 none[] = { -1 };

	KUNIT_EXPECT_EQ(test, -EINVAL, ask_for(irqs, PIN, NONE | MASK, 1, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL, ask_for(irqs, PIN, NONE | UNMASK, 1, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL, ask_for(irqs, PIN, FDS | UNMASK, 1, none));
	parley_mdev_pin_raise(irqs, true);
	parley_mdev_pin_disable(irqs, true);
	parley_mdev_pin_disable(irqs, false);
}

static void an_eventfd_that_is_none_unmasks_nothing(struct kunit *test)
{
	struct parley_mdev_irqs *irqs = irqs_told(test, true);
	static const s32 fds[] = { -1, -2, S32_MAX, S32_MIN };
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, PIN, FDS | UNMASK, 1, fds));
	for (i = 1; i < ARRAY_SIZE(fds); i++)
		KUNIT_EXPECT_EQ(test, -EBADF, ask_for(irqs, PIN, FDS | UNMASK, 1, &fds[i]));
	KUNIT_EXPECT_NULL(test, irqs->pin.unmask.file);
}

static void the_pin_and_messages_exclude_each_other(struct kunit *test)
{
	struct parley_mdev_irqs *irqs = irqs_told(test, true);
	static const s32 none[] = { -1, -1, -1 }, some[] = { -1, -2, -1 };

	KUNIT_EXPECT_EQ(test, -EINVAL, ask_for(irqs, MSIX, FDS | TELL, VECTORS, some));
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, MSIX, FDS | TELL, VECTORS, none));
	KUNIT_EXPECT_EQ(test, -EBADF, ask_for(irqs, PIN, FDS | TELL, 1, &some[1]));
	irqs->pin.to = NULL;
	KUNIT_EXPECT_EQ(test, -EBADF, ask_for(irqs, MSIX, FDS | TELL, VECTORS, some));
	irqs->msix[VECTORS - 1] = WHO(0);
	KUNIT_EXPECT_EQ(test, -EINVAL, ask_for(irqs, PIN, FDS | TELL, 1, &some[1]));
	/* The request is no interrupt of the guest's. */
	KUNIT_EXPECT_EQ(test, -EBADF, ask_for(irqs, REQ, FDS | TELL, 1, &some[1]));
}

static void a_masked_message_is_told_once_it_is_unmasked(struct kunit *test)
{
	struct parley_mdev_irqs *irqs = irqs_told(test, false);
	static const u8 last[] = { 0, 0, 1 };
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, MSIX, BOOL | MASK, VECTORS, last));
	for (i = 0; i < 2 * VECTORS; i++)
		parley_mdev_irqs_tell(irqs, i % VECTORS);
	KUNIT_EXPECT_EQ(test, 2, told[0]);
	KUNIT_EXPECT_EQ(test, 0, told[VECTORS - 1]);
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, MSIX, NONE | UNMASK, VECTORS, NULL));
	KUNIT_EXPECT_EQ(test, 2, told[0]);
	KUNIT_EXPECT_EQ(test, 1, told[VECTORS - 1]);
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, MSIX, NONE | UNMASK, VECTORS, NULL));
	KUNIT_EXPECT_EQ(test, 1, told[VECTORS - 1]);
}

/* Who is told of one vector changes; what is known of the others stays. */
static void bad_60_one_that_is_taken_away_leaves_the_others(struct kunit *test)
{
	struct parley_mdev_irqs *irqs = irqs_told(test, false);
	static const s32 fds[] = { -1, -2 };
	static const u8 first[] = { 1, 0, 0 };
	struct vfio_irq_set set = {
		.argsz = MINSZ + sizeof(fds[0]),
		.flags = FDS | TELL,
		.index = MSIX,
		.start = 1,
		.count = 1,
	};
	unsigned int i;

	irqs->msix[1] = NULL;
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, MSIX, BOOL | MASK, VECTORS, first));
	parley_mdev_irqs_tell(irqs, 0);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		KUNIT_EXPECT_EQ(test, i ? -EBADF : 0, parley_mdev_irqs_set(irqs, &set, &fds[i]));
		KUNIT_EXPECT_PTR_EQ(test, WHO(0), irqs->msix[0]);
		KUNIT_EXPECT_NULL(test, irqs->msix[1]);
		KUNIT_EXPECT_PTR_EQ(test, WHO(2), irqs->msix[2]);
		parley_mdev_irqs_tell(irqs, 1);
		parley_mdev_irqs_tell(irqs, 2);
		KUNIT_EXPECT_EQ(test, i + 1, told[2]);
	}
	KUNIT_EXPECT_EQ(test, 0, told[0]);
	KUNIT_EXPECT_EQ(test, 0, ask_for(irqs, MSIX, NONE | UNMASK, VECTORS, NULL));
	KUNIT_EXPECT_EQ(test, 1, told[0]);
	KUNIT_EXPECT_EQ(test, 0, told[1]);
}

static struct kunit_case irqs_cases[] = {
	KUNIT_CASE(the_pin_is_told_until_it_is_lowered),
	KUNIT_CASE(the_pin_is_masked_and_disabled),
	KUNIT_CASE(a_pin_that_is_not_used_is_not_masked),
	KUNIT_CASE(an_eventfd_that_is_none_unmasks_nothing),
	KUNIT_CASE(the_pin_and_messages_exclude_each_other),
	KUNIT_CASE(a_masked_message_is_told_once_it_is_unmasked),
	KUNIT_CASE(bad_60_one_that_is_taken_away_leaves_the_others),
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
