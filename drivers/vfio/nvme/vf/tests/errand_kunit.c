// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is killed waits for no hardware, and the function is whole for the next one.
 */
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <parley/compat.h>
#include "../../../gate/tests/doomed.h"
#include "fake_vf.h"

#define ROUNDS	20

/* Who asks, and what he is told. */
struct job {
	struct fake_vf *f;
	int err;
};

static void take(void *data)
{
	struct job *j = data;

	j->err = parley_nvme_vf_take(&j->f->vf, &fake_tenant[0]);
}

static void memory(void *data)
{
	struct job *j = data;

	j->err = parley_nvme_vf_memory(&j->f->vf);
}

static void renew(void *data)
{
	struct job *j = data;

	j->err = parley_nvme_vf_renew(&j->f->vf);
}

static void give_back(void *data)
{
	struct job *j = data;

	parley_nvme_vf_give_back(&j->f->vf);
}

/* What somebody is told who is killed meanwhile. */
static int killed(struct fake_vf *f, void (*fn)(void *data))
{
	struct job j = { .f = f };
	struct doomed d;

	doomed_begin(f->c.test, &d, fn, &j);
	doomed_end(f->c.test, &d);
	return j.err;
}

/* ------------------------------------------- hardware that takes its time */

static struct fake_vf *disk(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	f->vf.next_tenant = PARLEY_NVME_KEEP;
	return f;
}

static struct fake_vf *taken(struct kunit *test)
{
	struct fake_vf *f = disk(test);

	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	return f;
}

/* It says that it needs 40 s to be ready, and does; until it is told not to. */
static void slow(struct fake_vf *f)
{
	guard(spinlock_irqsave)(&f->c.lock);
	f->c.cap |= 80ULL << 24;
	f->c.enable_ms = 40 * MSEC_PER_SEC;
}

static void quick(struct fake_vf *f)
{
	guard(spinlock_irqsave)(&f->c.lock);
	f->c.enable_ms = 0;
	f->c.ready_at = jiffies;
}

/* It keeps commands, until it is told to answer them. */
static void mute(struct fake_vf *f)
{
	fake_arm(&f->c, FAKE_SILENT, 0);
}

static void speak(struct fake_vf *f)
{
	fake_truth(&f->c);
	fake_release(&f->c);
}

static void expect_home(struct fake_vf *f)
{
	struct kunit *test = f->c.test;

	KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->vf.n.state);
	KUNIT_EXPECT_EQ(test, FAKE_LIFE, f->vf.life.there & ~BIT(PARLEY_LIFE_PRESENT));
	KUNIT_EXPECT_FALSE(test, f->vf.busy);
	KUNIT_EXPECT_FALSE(test, f->vf.entered);
	KUNIT_EXPECT_FALSE(test, f->vf.out);
	KUNIT_EXPECT_FALSE(test, f->c.master);
	KUNIT_EXPECT_EQ(test, FAKE_ADMIN_LENT, fake_lent(&f->c));
	if (f->vf.space)
		KUNIT_EXPECT_EQ(test, 0, f->vf.space->users);
}

/* The next one waits for it, and finds it as it should be. */
static void expect_whole(struct fake_vf *f)
{
	struct kunit *test = f->c.test;
	struct try t;

	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[1]));
	KUNIT_EXPECT_EQ(test, FAKE_QUEUES - 1, f->vf.nr_queues);
	try_init(&t, nvme_cmd_flush, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, try_do(f, &t, 0));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	parley_nvme_vf_give_back(&f->vf);
	expect_home(f);
}

/* --------------------------------------------------------- who is killed */

static void who_opens_it_does_not_wait_until_it_is_ready(struct kunit *test)
{
	struct fake_vf *f = disk(test);

	slow(f);
	KUNIT_EXPECT_EQ(test, -EINTR, killed(f, take));
	/* Nor who comes next, and waits for it to come back. */
	KUNIT_EXPECT_EQ(test, -EINTR, killed(f, take));
	quick(f);
	expect_whole(f);
}

static void nor_whether_it_will_be(struct kunit *test)
{
	struct fake_vf *f = disk(test);

	slow(f);
	KUNIT_EXPECT_EQ(test, -EINTR, killed(f, take));
	scoped_guard(spinlock_irqsave, &f->c.lock) {
		f->c.enable_ms = 0;
		f->c.dead = true;
	}
	expect_whole(f);
}

static void nor_until_it_answers(struct kunit *test)
{
	struct fake_vf *f = disk(test);

	mute(f);
	KUNIT_EXPECT_EQ(test, -EINTR, killed(f, take));
	speak(f);
	expect_whole(f);
}

static void who_closes_it_does_not_wait_until_it_answers(struct kunit *test)
{
	struct fake_vf *f = taken(test);

	mute(f);
	killed(f, give_back);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(f->vf.busy));
	KUNIT_EXPECT_EQ(test, -EINTR, killed(f, take));
	speak(f);
	expect_whole(f);
}

/* At its end a task gets no signal any more. */
static void nor_does_who_is_at_his_end(struct kunit *test)
{
	struct fake_vf *f = taken(test);
	unsigned long begun = jiffies;

	mute(f);
	current->flags |= PF_EXITING;
	parley_nvme_vf_give_back(&f->vf);
	current->flags &= ~PF_EXITING;
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - begun), DOOMED_MS);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(f->vf.busy));
	speak(f);
	expect_whole(f);
}

struct closer {
	struct work_struct work;
	struct job j;
};

static void close_files(struct work_struct *work)
{
	give_back(&container_of(work, struct closer, work)->j);
}

static void nor_does_a_worker(struct kunit *test)
{
	struct closer c = { .j.f = taken(test) };
	unsigned long begun = jiffies;

	mute(c.j.f);
	INIT_WORK_ONSTACK(&c.work, close_files);
	queue_work(system_dfl_wq, &c.work);
	flush_work(&c.work);
	destroy_work_on_stack(&c.work);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - begun), DOOMED_MS);
	speak(c.j.f);
	expect_whole(c.j.f);
}

static void who_lives_waits_until_it_is_home(struct kunit *test)
{
	struct fake_vf *f = taken(test);

	parley_nvme_vf_give_back(&f->vf);
	expect_home(f);
}

static void who_has_it_made_anew_does_not_wait_until_it_is_ready(struct kunit *test)
{
	struct fake_vf *f = taken(test);

	parley_nvme_fail(&f->vf.n, PARLEY_NVME_DEAD, "fails in a test");
	slow(f);
	KUNIT_EXPECT_EQ(test, -EINTR, killed(f, renew));
	killed(f, give_back);
	quick(f);
	expect_whole(f);
}

/* Whoever else has it goes on with it. */
static void and_it_is_made_anew_all_the_same(struct kunit *test)
{
	struct fake_vf *f = taken(test);

	parley_nvme_fail(&f->vf.n, PARLEY_NVME_DEAD, "fails in a test");
	slow(f);
	KUNIT_EXPECT_EQ(test, -EINTR, killed(f, renew));
	quick(f);
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_renew(&f->vf));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_LIVE, f->vf.n.state);
	KUNIT_EXPECT_EQ(test, FAKE_QUEUES - 1, f->vf.nr_queues);
	parley_nvme_vf_give_back(&f->vf);
	expect_whole(f);
}

static void nobody_waits_who_need_not(struct kunit *test)
{
	struct fake_vf *f = taken(test);
	unsigned int resets = f->c.resets;

	KUNIT_EXPECT_EQ(test, 0, killed(f, renew));
	KUNIT_EXPECT_EQ(test, resets, f->c.resets);
	parley_nvme_vf_give_back(&f->vf);
	expect_whole(f);
}

/* ------------------------------------------ somebody else is at work with it */

static void who_resets_it_is_not_waited_for(struct kunit *test)
{
	struct fake_vf *f = disk(test);

	fake_vf_bound(f);
	device_lock(f->c.dev);
	KUNIT_EXPECT_EQ(test, -EINTR, killed(f, take));
	device_unlock(f->c.dev);
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	device_lock(f->c.dev);
	KUNIT_EXPECT_EQ(test, -EINTR, killed(f, memory));
	killed(f, give_back);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_LIVE, f->vf.n.state);
	device_unlock(f->c.dev);
	expect_whole(f);
	fake_vf_unbound(f);
}

static void asks(void *data)
{
	struct job *j = data;

	j->err = parley_nvme_vf_lost(&j->f->vf);
	parley_nvme_vf_tell(&j->f->vf, NULL, NULL);
}

/* The controller asks so with its guest's lock held. */
static void nor_is_he_by_who_asks_how_it_is(struct kunit *test)
{
	struct fake_vf *f = taken(test);
	struct job j = { .f = f, .err = -1 };
	struct doomed d;

	mutex_lock(&f->vf.n.mutex);
	doomed_begin(test, &d, asks, &j);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&d.done,
							    msecs_to_jiffies(DOOMED_MS)));
	mutex_unlock(&f->vf.n.mutex);
	if (j.err < 0)
		wait_for_completion(&d.done);
	KUNIT_EXPECT_EQ(test, 0, j.err);
	parley_nvme_vf_give_back(&f->vf);
}

struct later {
	struct delayed_work work;
	struct fake_vf *f;
};

static void speak_later(struct work_struct *work)
{
	speak(container_of(to_delayed_work(work), struct later, work)->f);
}

static void who_unbinds_it_waits_until_it_is_home(struct kunit *test)
{
	struct later *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	struct fake_vf *f = taken(test);

	KUNIT_ASSERT_NOT_NULL(test, l);
	fake_vf_bound(f);
	mute(f);
	killed(f, give_back);
	l->f = f;
	INIT_DELAYED_WORK(&l->work, speak_later);
	schedule_delayed_work(&l->work, msecs_to_jiffies(200));
	fake_vf_unbound(f);
	KUNIT_EXPECT_EQ(test, FAKE_LIFE, f->vf.life.there);
	expect_home(f);
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	flush_delayed_work(&l->work);
}

/* The lock that bringing it back wants is his. */
static void also_if_it_has_not_set_out(struct kunit *test)
{
	struct fake_vf *f = taken(test);

	fake_vf_bound(f);
	scoped_guard(device, f->c.dev) {
		killed(f, give_back);
		KUNIT_EXPECT_EQ(test, PARLEY_NVME_LIVE, f->vf.n.state);
		parley_nvme_vf_unbound(&f->vf);
	}
	KUNIT_EXPECT_EQ(test, FAKE_LIFE, f->vf.life.there);
	expect_home(f);
}

static void or_is_to_be_handed_out(struct kunit *test)
{
	struct fake_vf *f = disk(test);

	fake_vf_bound(f);
	scoped_guard(device, f->c.dev) {
		KUNIT_EXPECT_EQ(test, -EINTR, killed(f, take));
		parley_nvme_vf_unbound(&f->vf);
	}
	KUNIT_EXPECT_EQ(test, 0, f->c.resets);
	KUNIT_EXPECT_EQ(test, FAKE_LIFE, f->vf.life.there);
	expect_home(f);
}

/* --------------------------------------------------------------- many */

/* Some are killed, some live, and it is reset in between. */
static void it_is_whole_after_many(struct kunit *test)
{
	struct fake_vf *f = disk(test);
	unsigned int i;
	int err;

	for (i = 0; i < ROUNDS; i++) {
		err = killed(f, take);
		if (!err)
			killed(f, give_back);
		else
			KUNIT_EXPECT_EQ(test, -EINTR, err);
		if (i % 3)
			continue;
		scoped_guard(device, f->c.dev) {
			parley_nvme_vf_pause(&f->vf, true);
			fake_reset(&f->c);
			parley_nvme_vf_resume(&f->vf);
		}
		KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[2]));
		killed(f, give_back);
	}
	expect_whole(f);
}

/* Whoever else is loaded has no function meanwhile. */
static const struct parley_nvme_vf_user *other;

static int errand_init(struct kunit *test)
{
	other = parley_nvme_vf_user_swap(NULL);
	return 0;
}

static void errand_exit(struct kunit *test)
{
	parley_nvme_vf_user_swap(other);
}

static struct kunit_case errand_cases[] = {
	KUNIT_CASE(who_opens_it_does_not_wait_until_it_is_ready),
	KUNIT_CASE(nor_whether_it_will_be),
	KUNIT_CASE(nor_until_it_answers),
	KUNIT_CASE(who_closes_it_does_not_wait_until_it_answers),
	KUNIT_CASE(nor_does_who_is_at_his_end),
	KUNIT_CASE(nor_does_a_worker),
	KUNIT_CASE(who_lives_waits_until_it_is_home),
	KUNIT_CASE(who_has_it_made_anew_does_not_wait_until_it_is_ready),
	KUNIT_CASE(and_it_is_made_anew_all_the_same),
	KUNIT_CASE(nobody_waits_who_need_not),
	KUNIT_CASE(who_resets_it_is_not_waited_for),
	KUNIT_CASE(nor_is_he_by_who_asks_how_it_is),
	KUNIT_CASE(who_unbinds_it_waits_until_it_is_home),
	KUNIT_CASE(also_if_it_has_not_set_out),
	KUNIT_CASE(or_is_to_be_handed_out),
	KUNIT_CASE(it_is_whole_after_many),
	{}
};

static struct kunit_suite errand_suite = {
	.name = "parley_nvme_vf_errand",
	.init = errand_init,
	.exit = errand_exit,
	.test_cases = errand_cases,
};

kunit_test_suite(errand_suite);
