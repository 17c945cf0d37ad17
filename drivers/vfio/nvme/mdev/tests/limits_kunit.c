// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of devices, as a text, and what devices of a disk have in common.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include "../mdev.h"

#define NONE	"ops=0 ops_burst=0 ops_guaranteed=0 bytes=0 bytes_burst=0 bytes_guaranteed=0\n"

struct limits_test {
	struct device disk[2];		/* only their addresses */
	struct parley_mdev_drive *drive;
	struct parley_mdev_limits l;
};

static void limits_end(void *data)
{
	struct limits_test *t = data;

	parley_mdev_limits_free(&t->l);
	parley_mdev_drive_put(t->drive);
}

static struct limits_test *limits_new(struct kunit *test, unsigned int queues)
{
	struct limits_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->drive = parley_mdev_drive_get(&t->disk[0]);
	KUNIT_ASSERT_NOT_NULL(test, t->drive);
	KUNIT_ASSERT_EQ(test, 0, parley_mdev_limits_make(&t->l, t->drive, queues));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, limits_end, t));
	return t;
}

static void expect_text(struct kunit *test, struct limits_test *t, const char *text)
{
	char *buf = (char *)__get_free_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_EXPECT_EQ(test, strlen(text), parley_mdev_limits_show(&t->l, buf));
	KUNIT_EXPECT_STREQ(test, text, buf);
	free_page((unsigned long)buf);
}

static int set(struct limits_test *t, const char *text)
{
	return parley_mdev_limits_set(&t->l, text);
}

static void what_is_set_is_shown(struct kunit *test)
{
	struct limits_test *t = limits_new(test, 1);

	expect_text(test, t, "drive " NONE "device " NONE "queue 1 " NONE);
	KUNIT_EXPECT_EQ(test, 0, set(t, "drive bytes=1000000\n\n"
				     " device ops=2000 ops_burst=7\tbytes_guaranteed=300\n"
				     "queue 1 ops_burst=3 ops=30\n"));
	expect_text(test, t,
		    "drive ops=0 ops_burst=0 ops_guaranteed=0 bytes=1000000 bytes_burst=100000 bytes_guaranteed=0\n"
		    "device ops=2000 ops_burst=7 ops_guaranteed=0 bytes=0 bytes_burst=0 bytes_guaranteed=300\n"
		    "queue 1 ops=30 ops_burst=3 ops_guaranteed=0 bytes=0 bytes_burst=0 bytes_guaranteed=0\n");
	/* The others stay as they are; a burst is chosen again with its rate. */
	KUNIT_EXPECT_EQ(test, 0, set(t, "device ops=1000"));
	KUNIT_EXPECT_EQ(test, 0, set(t, "queue 1 off"));
	expect_text(test, t,
		    "drive ops=0 ops_burst=0 ops_guaranteed=0 bytes=1000000 bytes_burst=100000 bytes_guaranteed=0\n"
		    "device ops=1000 ops_burst=100 ops_guaranteed=0 bytes=0 bytes_burst=0 bytes_guaranteed=300\n"
		    "queue 1 " NONE);
}

static void what_is_no_limit_is_refused(struct kunit *test)
{
	static const char * const bad[] = {
		"ops=5", "disk ops=5", "queue", "queue 0 ops=5", "queue 3 ops=5", "queue x ops=5",
		"device ops", "device ops=", "device ops=-1", "device ops=x", "device ops=5x",
		"device speed=5", "device =5", "device ops=4398046511105", "device on",
		"device ops=99999999999999999999",
	};
	struct limits_test *t = limits_new(test, 2);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_NE_MSG(test, 0, set(t, bad[i]), "%s", bad[i]);
	/* What nobody limits cannot be guaranteed, nor more than there is. */
	KUNIT_EXPECT_EQ(test, -ENOENT, set(t, "device bytes_guaranteed=5"));
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			set(t, "drive bytes=1000\ndevice bytes_guaranteed=960"));
	KUNIT_EXPECT_EQ(test, -ERANGE, set(t, "device bytes=100 bytes_guaranteed=101"));
	KUNIT_EXPECT_EQ(test, 0, set(t, "drive off\n"));
	expect_text(test, t, "drive " NONE "device " NONE "queue 1 " NONE "queue 2 " NONE);
}

static void devices_of_a_disk_share_its_limits(struct kunit *test)
{
	struct limits_test *t = limits_new(test, 1);
	struct parley_mdev_drive *drive = parley_mdev_drive_get(&t->disk[0]);
	struct parley_mdev_drive *other = parley_mdev_drive_get(&t->disk[1]);
	struct parley_mdev_limits l = {};
	const u64 much[] = { 1000 };
	u64 now = ktime_get_ns();

	KUNIT_EXPECT_PTR_EQ(test, drive, t->drive);
	KUNIT_EXPECT_PTR_NE(test, drive, other);
	KUNIT_ASSERT_EQ(test, 0, parley_mdev_limits_make(&l, drive, 1));
	KUNIT_EXPECT_EQ(test, 0, set(t, "drive bytes=1000 bytes_burst=1000"));
	KUNIT_EXPECT_TRUE(test, parley_limit_active(l.queue[0]));
	KUNIT_EXPECT_EQ(test, 1, parley_limit_admit(t->l.queue[0], now, much, 1));
	KUNIT_EXPECT_EQ(test, 0, parley_limit_admit(l.queue[0], now, much, 1));
	parley_limit_idle(l.queue[0], now);
	parley_mdev_limits_free(&l);
	/* One that comes again finds what the disk has. */
	l = (struct parley_mdev_limits) {};
	KUNIT_ASSERT_EQ(test, 0, parley_mdev_limits_make(&l, drive, 1));
	KUNIT_EXPECT_TRUE(test, parley_limit_active(l.queue[0]));
	parley_mdev_limits_free(&l);
	parley_mdev_drive_put(other);
	parley_mdev_drive_put(drive);
}

static struct kunit_case limits_cases[] = {
	KUNIT_CASE(what_is_set_is_shown),
	KUNIT_CASE(what_is_no_limit_is_refused),
	KUNIT_CASE(devices_of_a_disk_share_its_limits),
	{}
};

static struct kunit_suite limits_suite = {
	.name = "parley_nvme_mdev_limits",
	.test_cases = limits_cases,
};

kunit_test_suite(limits_suite);
