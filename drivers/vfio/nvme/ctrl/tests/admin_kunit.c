// SPDX-License-Identifier: GPL-2.0-only
/*
 * The admin queue against a controller that lies, is late, dies or goes away.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "bare.h"

static int ask(struct fake *f, struct parley_nvme_req *req)
{
	*req = (struct parley_nvme_req) {
		.cmd.identify = {
			.opcode = nvme_admin_identify,
			.cns = NVME_ID_CNS_NS_PRESENT_LIST,
		},
		.data = kunit_kzalloc(f->test, NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL),
		.len = NVME_IDENTIFY_DATA_SIZE,
	};
	KUNIT_ASSERT_NOT_NULL(f->test, req->data);
	return parley_nvme_admin(f->n, req);
}

static int ask_simply(struct fake *f)
{
	struct parley_nvme_req req;

	return ask(f, &req);
}

struct lie {
	const char *name;
	enum fake_lie lie;
	bool never_aborts;
	int err;
	enum parley_nvme_state state;
};

static const struct lie lies[] = {
	{ "honest", FAKE_HONEST, false, 0, PARLEY_NVME_LIVE },
	{ "refuses", FAKE_REFUSES, false, -EREMOTEIO, PARLEY_NVME_LIVE },
	{ "does not know it", FAKE_UNKNOWN, false, -EOPNOTSUPP, PARLEY_NVME_LIVE },
	{ "no interrupt", FAKE_NO_INTERRUPT, false, 0, PARLEY_NVME_LIVE },
	{ "late, aborted", FAKE_SILENT, false, -ETIMEDOUT, PARLEY_NVME_LIVE },
	{ "late for good", FAKE_SILENT, true, -EIO, PARLEY_NVME_DEAD },
	{ "wrong number", FAKE_WRONG_CID, false, -EIO, PARLEY_NVME_DEAD },
	{ "foreign queue", FAKE_FOREIGN_QUEUE, false, -EIO, PARLEY_NVME_DEAD },
	{ "head beyond the queue", FAKE_BAD_HEAD, false, -EIO, PARLEY_NVME_DEAD },
	{ "stale phase", FAKE_STALE_PHASE, false, -EIO, PARLEY_NVME_DEAD },
	{ "fatal fault", FAKE_DIES, false, -EIO, PARLEY_NVME_DEAD },
	{ "stops", FAKE_STOPS, false, -EIO, PARLEY_NVME_DEAD },
	{ "vanishes", FAKE_VANISHES, false, -ENODEV, PARLEY_NVME_GONE },
};

static void lie_name(const struct lie *lie, char *name)
{
	strscpy(name, lie->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(lie, lies, lie_name);

static void a_lie_is_seen(struct kunit *test)
{
	const struct lie *lie = test->param_value;
	struct fake *f = bare_live(test);
	bool late = lie->lie == FAKE_SILENT || lie->lie == FAKE_STALE_PHASE;

	fake_arm(f, lie->lie, 1);
	f->never_aborts = lie->never_aborts;
	if (late || lie->lie == FAKE_NO_INTERRUPT)
		f->n->command_ms = FAKE_SHORT_MS;
	if (late && lie->state == PARLEY_NVME_DEAD)
		f->n->abort_ms = FAKE_SHORT_MS;
	KUNIT_EXPECT_EQ(test, lie->err, ask_simply(f));
	KUNIT_EXPECT_EQ(test, lie->state, f->n->state);
	KUNIT_EXPECT_EQ(test, lie->state == PARLEY_NVME_LIVE, f->master);
	fake_truth(f);
	/* The next command goes as the state says; then a reset mends all. */
	KUNIT_EXPECT_EQ(test, lie->state == PARLEY_NVME_LIVE ? 0 :
			lie->state == PARLEY_NVME_GONE ? -ENODEV : -EIO, ask_simply(f));
	f->gone = false;
	KUNIT_EXPECT_EQ(test, 0, bare_recover(f));
	KUNIT_EXPECT_EQ(test, 0, ask_simply(f));
}

static bool over(struct fake *f, enum parley_nvme_state state)
{
	unsigned int i;

	for (i = 0; i < FAKE_LONG_MS / 20 && READ_ONCE(f->n->state) != state; i++)
		msleep(20);
	return READ_ONCE(f->n->state) == state;
}

/* The second answer to a command is to one that nobody gave. */
static void two_answers_are_one_too_many(struct kunit *test)
{
	struct fake *f = bare_live(test);

	fake_arm(f, FAKE_TWICE, 1);
	KUNIT_EXPECT_EQ(test, 0, ask_simply(f));
	KUNIT_EXPECT_TRUE(test, over(f, PARLEY_NVME_DEAD));
	KUNIT_EXPECT_FALSE(test, f->master);
}

static void the_queue_goes_round(struct kunit *test)
{
	struct parley_nvme_req req;
	struct fake *f = bare_live(test);
	unsigned int i;

	for (i = 0; i < 5 * PARLEY_NVME_DEPTH; i++) {
		KUNIT_ASSERT_EQ(test, 0, ask(f, &req));
		KUNIT_ASSERT_EQ(test, 1, le32_to_cpu(*(__le32 *)req.data));
		KUNIT_ASSERT_EQ(test, 0, le32_to_cpu(((__le32 *)req.data)[1]));
	}
}

/* What a refused command left in memory is not for its caller. */
static void data_of_a_refused_command_are_not_used(struct kunit *test)
{
	struct parley_nvme_req req;
	struct fake *f = bare_live(test);

	fake_arm(f, FAKE_REFUSES, 1);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, ask(f, &req));
	KUNIT_EXPECT_EQ(test, NVME_SC_INVALID_FIELD, req.status);
	KUNIT_EXPECT_NULL(test, memchr_inv(req.data, 0, req.len));
	req.len = PARLEY_NVME_PAGE + 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_nvme_admin(f->n, &req));
}

static void one_that_is_off_takes_no_command(struct kunit *test)
{
	struct fake *f = bare_live(test);

	bare_pause(f, false);
	KUNIT_EXPECT_EQ(test, -ENETDOWN, ask_simply(f));
	KUNIT_EXPECT_FALSE(test, parley_nvme_reap(f->n));
}

#define WAITERS	(PARLEY_NVME_SLOTS - 2)

struct waiter {
	struct fake *f;
	struct completion done;
	int err;
};

static int wait_for_it(void *data)
{
	struct waiter *w = data;
	struct parley_nvme_req req = {
		.cmd.identify.opcode = nvme_admin_identify,
	};

	w->err = parley_nvme_admin(w->f->n, &req);
	/* Nothing of this module may be left to run when the test is over. */
	kthread_complete_and_exit(&w->done, 0);
}

/* So many, none of whom is answered. */
static void let_wait(struct fake *f, struct waiter *w, unsigned int nr)
{
	struct task_struct *task;
	unsigned int i;

	fake_arm(f, FAKE_SILENT, 0);
	for (i = 0; i < nr; i++) {
		w[i].f = f;
		init_completion(&w[i].done);
		task = kthread_run(wait_for_it, &w[i], "parley-nvme-%u", i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(f->test, task);
	}
	for (i = 0; i < FAKE_LONG_MS / 20 && READ_ONCE(f->nr_kept) < nr; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(f->test, nr, f->nr_kept);
}

static void let_end(struct fake *f, struct waiter *w, unsigned int nr, int err)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		/* Without end if it fails: the threads use what the test frees. */
		wait_for_completion(&w[i].done);
		KUNIT_EXPECT_EQ(f->test, err, w[i].err);
	}
}

static struct waiter *waiters(struct kunit *test)
{
	struct waiter *w = kunit_kcalloc(test, WAITERS, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	return w;
}

/* An answer of long ago, when its slot has another command. */
static void an_old_answer_is_not_taken_for_a_new_one(struct kunit *test)
{
	struct waiter *w = waiters(test);
	struct fake *f = bare_live(test);
	struct nvme_completion *cq = f->n->admin.queue.cq, old = cq[0];

	let_wait(f, w, 1);
	KUNIT_EXPECT_EQ(test, 0, old.command_id % PARLEY_NVME_SLOTS);
	KUNIT_EXPECT_TRUE(test, f->n->admin.slot[0].sent);
	old.status = cpu_to_le16(f->n->admin.queue.phase);
	cq[f->n->admin.queue.cq_head] = old;
	parley_nvme_reap(f->n);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_DEAD, f->n->state);
	let_end(f, w, 1, -EIO);
}

static void a_dead_one_ends_every_waiter(struct kunit *test)
{
	struct waiter *w = waiters(test);
	struct fake *f = bare_live(test);

	let_wait(f, w, WAITERS);
	KUNIT_EXPECT_EQ(test, -EBUSY, ask_simply(f));
	f->dead = true;
	let_end(f, w, WAITERS, -EIO);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_DEAD, f->n->state);
	fake_truth(f);
	KUNIT_EXPECT_EQ(test, 0, bare_recover(f));
	KUNIT_EXPECT_EQ(test, 0, ask_simply(f));
}

static void so_does_one_that_is_pulled_out(struct kunit *test)
{
	struct waiter *w = waiters(test);
	struct fake *f = bare_live(test);

	let_wait(f, w, WAITERS);
	f->gone = true;
	parley_nvme_fail(f->n, PARLEY_NVME_GONE, "was pulled out");
	let_end(f, w, WAITERS, -ENODEV);
	KUNIT_EXPECT_FALSE(test, f->master);
}

static void so_does_a_stop(struct kunit *test)
{
	struct waiter *w = waiters(test);
	struct fake *f = bare_live(test);

	let_wait(f, w, WAITERS);
	bare_pause(f, false);
	let_end(f, w, WAITERS, -ENETDOWN);
}

/* One aborts at a time; the others wait as long, and nobody is forgotten. */
static void late_ones_are_many(struct kunit *test)
{
	struct waiter *w = waiters(test);
	struct fake *f = bare_live(test);

	f->n->command_ms = 2000;
	f->n->abort_ms = 300;
	f->never_aborts = true;
	let_wait(f, w, WAITERS);
	let_end(f, w, WAITERS, -EIO);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_DEAD, f->n->state);
}

static struct kunit_case admin_cases[] = {
	KUNIT_CASE_PARAM(a_lie_is_seen, lie_gen_params),
	KUNIT_CASE(two_answers_are_one_too_many),
	KUNIT_CASE(an_old_answer_is_not_taken_for_a_new_one),
	KUNIT_CASE(the_queue_goes_round),
	KUNIT_CASE(data_of_a_refused_command_are_not_used),
	KUNIT_CASE(one_that_is_off_takes_no_command),
	KUNIT_CASE(a_dead_one_ends_every_waiter),
	KUNIT_CASE(so_does_one_that_is_pulled_out),
	KUNIT_CASE(so_does_a_stop),
	KUNIT_CASE(late_ones_are_many),
	{}
};

static struct kunit_suite admin_suite = {
	.name = "parley_nvme_admin",
	.test_cases = admin_cases,
};

kunit_test_suite(admin_suite);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: KUnit tests of NVMe controllers");
MODULE_LICENSE("GPL");
