// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/parley_clock/compare: the clock beside the kernel's raw one, both read
 * without a pause for some time, as over a migration.
 *
 *	echo 60000 >compare &		for so many milliseconds, or until it is killed
 *	cat compare
 *
 * A row for each clock: readings, how often it was less than before, the largest
 * difference of two readings in nanoseconds, and how long after the begin that was.  Then
 * both clocks, four times in a second: whoever wants a rate of some part has it from there.
 */
#include <linux/array_size.h>
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include "clock.h"

#define COMPARE_MARKS	1024
#define COMPARE_PAUSE	(NSEC_PER_SEC / 4)
#define COMPARE_MOST	(240 * MSEC_PER_SEC)

static const char *const compare_names[] = { "parley", "raw" };

/**
 * struct compare_track - a clock, as it was seen
 * @begin: first reading
 * @last: last one
 * @back: readings that were less than the one before
 * @jump: largest difference
 * @at: and the reading after it
 */
struct compare_track {
	u64 begin;
	u64 last;
	u64 back;
	u64 jump;
	u64 at;
};

static struct {
	struct mutex lock;	/* of all */
	struct compare_track track[2];
	u64 readings;
	u64 marks[COMPARE_MARKS][2];
	unsigned int nr;
} compare = { .lock = __MUTEX_INITIALIZER(compare.lock) };

static void compare_note(struct compare_track *t, u64 now)
{
	if (now < t->last) {
		t->back++;
	} else if (now - t->last > t->jump) {
		t->jump = now - t->last;
		t->at = now;
	}
	t->last = now;
}

static void compare_mark(void)
{
	u64 *mark;

	if (compare.nr == COMPARE_MARKS)
		return;
	mark = compare.marks[compare.nr++];
	mark[0] = compare.track[0].last;
	mark[1] = compare.track[1].last;
}

static void compare_begin(void)
{
	unsigned int i;

	compare.readings = 0;
	compare.nr = 0;
	compare.track[0] = (struct compare_track){ .begin = parley_pclk_read(&parley_pclk) };
	compare.track[1] = (struct compare_track){ .begin = ktime_get_raw_ns() };
	for (i = 0; i < ARRAY_SIZE(compare.track); i++)
		compare.track[i].last = compare.track[i].begin;
	compare_mark();
}

static void compare_run(u64 most)
{
	u64 *raw = &compare.track[1].last, end, next;

	compare_begin();
	end = *raw + most;
	next = *raw + COMPARE_PAUSE;
	while (*raw < end && !fatal_signal_pending(current)) {
		compare_note(&compare.track[0], parley_pclk_read(&parley_pclk));
		compare_note(&compare.track[1], ktime_get_raw_ns());
		compare.readings++;
		if (*raw >= next) {
			compare_mark();
			next = *raw + COMPARE_PAUSE;
		}
		cond_resched();
	}
}

static ssize_t compare_write(struct file *file, const char __user *from, size_t count,
			     loff_t *pos)
{
	unsigned int ms;
	int err = kstrtouint_from_user(from, count, 0, &ms);

	if (err)
		return err;
	if (ms > COMPARE_MOST)
		return -EINVAL;
	if (mutex_lock_interruptible(&compare.lock))
		return -EINTR;
	compare_run(ms * (u64)NSEC_PER_MSEC);
	mutex_unlock(&compare.lock);
	return count;
}

static int compare_show(struct seq_file *s, void *unused)
{
	const struct compare_track *t = compare.track;
	unsigned int i;

	guard(mutex)(&compare.lock);
	for (i = 0; i < ARRAY_SIZE(compare.track); i++, t++)
		seq_printf(s, "%s readings %llu back %llu jump %llu at %llu\n", compare_names[i],
			   compare.readings, t->back, t->jump, t->at - t->begin);
	for (i = 0; i < compare.nr; i++)
		seq_printf(s, "%llu %llu\n", compare.marks[i][0], compare.marks[i][1]);
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(compare);

/** parley_pclk_compare_init() - one more file in @dir, which takes it away */
void parley_pclk_compare_init(struct dentry *dir)
{
	debugfs_create_file("compare", 0600, dir, NULL, &compare_fops);
}
