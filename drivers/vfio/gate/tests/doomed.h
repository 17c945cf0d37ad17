/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread that is being killed, and what it does until then.
 */
#ifndef _PARLEY_GATE_DOOMED_H
#define _PARLEY_GATE_DOOMED_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>

/* A kill is to be over within these. */
#define DOOMED_MS	2000

struct doomed {
	void (*fn)(void *data);
	void *data;
	struct completion done;
};

static inline int doomed_thread(void *data)
{
	struct doomed *d = data;

	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	d->fn(d->data);
	complete(&d->done);
	return 0;
}

static inline void doomed_begin(struct kunit *test, struct doomed *d, void (*fn)(void *data),
				void *data)
{
	struct task_struct *task;

	d->fn = fn;
	d->data = data;
	init_completion(&d->done);
	task = kthread_run(doomed_thread, d, "parley-doomed");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
}

/* It comes to its end, and in time. */
static inline void doomed_end(struct kunit *test, struct doomed *d)
{
	bool over = wait_for_completion_timeout(&d->done, msecs_to_jiffies(DOOMED_MS));

	KUNIT_EXPECT_TRUE(test, over);
	/* Without end if it fails: it uses what the test frees. */
	if (!over)
		wait_for_completion(&d->done);
}

#endif /* _PARLEY_GATE_DOOMED_H */
