// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine behind a recovery, exhausted: every sequence of events up to a
 * length, from a live device with a buffer in flight, beside a naive model of
 * what must come of it.  See Documentation/recovery.rst.
 */
#include <linux/module.h>
#include <uapi/linux/virtio_config.h>
#include "fake.h"

static struct fake_front *const front = &parley_fake_front;

/* Longer ones take minutes, ten times as many for each event more. */
static unsigned int events_long = 3;
module_param(events_long, uint, 0444);
MODULE_PARM_DESC(events_long, "length of the sequences of events; default 3, at most 5");

#define LONGEST	5u

enum event {
	SLEEP, WAKE,		/* of the system */
	PREPARE, DONE,		/* of a function-level reset */
	BREAK,			/* the device broke the rules of a queue */
	WISH,			/* ... or asks for a reset */
	FORGET,			/* ... or forgot its driver */
	FAIL,			/* it does not come back from now on */
	VANISH,			/* ... or is gone */
	SHUTDOWN,
	EVENTS
};

static const char * const names[EVENTS] = {
	"sleep", "wake", "prepare", "done", "break", "wish", "forget", "fail",
	"vanish", "shutdown",
};

/* What a reader of the table expects; knows nothing of how it is done. */
struct naive {
	bool sleeps, reset, dead, fails;
	bool lost;		/* dead, and its front-end is unbound */
};

static bool naive_held(const struct naive *n)
{
	return n->sleeps || n->reset;
}

/* A device that is to run again, but does not. */
static void naive_come_back(struct naive *n)
{
	if (!naive_held(n) && n->fails) {
		n->dead = true;
		n->lost = true;
	}
}

static void naive_fault(struct naive *n)
{
	if (!n->dead)
		naive_come_back(n);
}

static void naive_step(struct naive *n, enum event e)
{
	bool held = naive_held(n);

	switch (e) {
	case SLEEP:
		n->sleeps = true;
		break;
	case WAKE:
		n->sleeps = false;
		if (held && !n->dead)
			naive_come_back(n);
		break;
	case PREPARE:
		n->reset = true;
		break;
	case DONE:
		n->reset = false;
		if (held && !n->dead)
			naive_come_back(n);
		break;
	case BREAK:
	case WISH:
	case FORGET:
		naive_fault(n);
		break;
	case FAIL:
		n->fails = true;
		break;
	case VANISH:
	case SHUTDOWN:
		n->dead = true;
		break;
	case EVENTS:
		break;
	}
}

static void act(struct fake *fake, enum event e)
{
	struct parley_vdev *v = &fake->v;

	switch (e) {
	case SLEEP:
		parley_device_freeze(v, PARLEY_HOLD_SLEEP);
		break;
	case WAKE:
		parley_device_restore(v, PARLEY_HOLD_SLEEP);
		break;
	case PREPARE:
		parley_device_freeze(v, PARLEY_HOLD_RESET);
		break;
	case DONE:
		parley_device_restore(v, PARLEY_HOLD_RESET);
		break;
	case BREAK:
		if (!parley_device_gone(&v->pd))
			parley_drvq_break(v->pd.queues[0].vq, "test");
		break;
	case WISH:
		parley_fake_ask_for_reset(fake);
		break;
	case FORGET:
		WRITE_ONCE(fake->status, 0);
		parley_device_check(&v->pd);
		break;
	case FAIL:
		fake->again_err = -EBUSY;
		break;
	case VANISH:
		parley_device_surprise(v);
		break;
	case SHUTDOWN:
		parley_device_shutdown(v);
		break;
	case EVENTS:
		break;
	}
	flush_work(&v->m.config_work);
	flush_work(&v->m.recover_work);
	flush_work(&v->m.unbind_work);
}

static enum parley_phase naive_phase(const struct naive *n)
{
	if (n->lost)
		return PARLEY_IDLE;
	if (n->dead)
		return PARLEY_DEAD;
	return naive_held(n) ? PARLEY_STOPPED : PARLEY_LIVE;
}

static void say(struct kunit *test, const enum event *events, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		kunit_info(test, "after %s\n", names[events[i]]);
}

/* Put one, if the device takes any; returns whether it did. */
static bool put(struct fake *fake)
{
	return !parley_fake_put(fake, 0);
}

static void run(struct kunit *test, const enum event *events, unsigned int nr)
{
	struct fake *fake;
	struct naive naive = {};
	unsigned int i, came, puts = 0;

	parley_fake_case_init(test);
	front->own_ready = true;
	fake = parley_fake_run(test, 0);
	ratelimit_set_flags(&fake->v.m.recover_limit, RATELIMIT_MSG_ON_RELEASE);
	fake->v.m.recover_limit.burst = LONGEST + 1;
	for (i = 0; i < nr; i++) {
		/* There is always one in flight, where there can be one. */
		if (fake->v.m.phase == PARLEY_LIVE)
			puts += put(fake);
		naive_step(&naive, events[i]);
		act(fake, events[i]);
		if (fake->v.m.phase != naive_phase(&naive) || front->wrong ||
		    front->stopped != (naive_phase(&naive) == PARLEY_STOPPED)) {
			say(test, events, i + 1);
			KUNIT_FAIL(test, "phase %u, should be %u; wrong %u, stopped %u",
				   fake->v.m.phase, naive_phase(&naive),
				   front->wrong, front->stopped);
			break;
		}
		if (fake->v.m.phase != PARLEY_LIVE && fake->enabled)
			KUNIT_FAIL(test, "the device has queues in phase %u",
				   fake->v.m.phase);
	}
	device_release_driver(&fake->v.pd.dev);
	came = front->done + front->repeated + front->failed;
	if (came != puts) {
		say(test, events, nr);
		KUNIT_FAIL(test, "%u buffers put, %u came back", puts, came);
	}
	parley_fake_unplug(test, fake);
}

/* All that begin with one event: a case that is silent for long looks hung. */
static void every_sequence_that_begins_with(struct kunit *test)
{
	unsigned int i, n, all = 1, length = clamp(events_long, 1u, LONGEST);
	const char * const *first = test->param_value;
	enum event events[LONGEST];

	for (i = 1; i < length; i++)
		all *= EVENTS;
	events[0] = first - names;
	for (n = 0; n < all; n++) {
		unsigned int rest = n;

		for (i = 1; i < length; i++) {
			events[i] = rest % EVENTS;
			rest /= EVENTS;
		}
		run(test, events, length);
		if (test->status == KUNIT_FAILURE)
			return;
		cond_resched();
	}
}

static void first_event_desc(const char * const *first, char *desc)
{
	strscpy(desc, *first, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(first_event, names, first_event_desc);

static struct kunit_case phase_cases[] = {
	KUNIT_CASE_PARAM_ATTR(every_sequence_that_begins_with, first_event_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite phase_suite = {
	.name = "parley_guest_phases",
	.suite_init = parley_fake_suite_init,
	.suite_exit = parley_fake_suite_exit,
	.init = parley_fake_case_init,
	.test_cases = phase_cases,
};

kunit_test_suite(phase_suite);
