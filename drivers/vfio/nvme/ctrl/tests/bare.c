// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake with a driver that does nothing but start and stop it.
 */
#include <linux/slab.h>
#include "bare.h"

struct bare {
	struct fake f;
	struct parley_nvme n;
	bool inited;
};

static struct bare *to_bare(struct fake *f)
{
	return container_of(f, struct bare, f);
}

static void bare_interrupt(struct fake *f)
{
	parley_nvme_reap(f->n);
}

static const struct fake_more bare_more = {
	.interrupt = bare_interrupt,
};

int bare_go_on(struct fake *f)
{
	guard(mutex)(&f->n->mutex);
	return parley_nvme_start(f->n);
}

void bare_pause(struct fake *f, bool shutdown)
{
	guard(mutex)(&f->n->mutex);
	parley_nvme_stop(f->n, shutdown);
}

static void bare_end(void *data)
{
	struct bare *b = data;

	if (b->inited) {
		fake_truth(&b->f);
		bare_pause(&b->f, true);
		cancel_work_sync(&b->f.work);
		parley_nvme_exit(&b->n);
	}
	fake_end(&b->f);
	KUNIT_EXPECT_EQ(b->f.test, 0, fake_lent(&b->f));
}

struct fake *bare_new(struct kunit *test)
{
	struct bare *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	fake_init(&b->f, test, &b->n, &bare_more);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, bare_end, b));
	return &b->f;
}

int bare_start(struct fake *f)
{
	int err = parley_nvme_init(f->n, f->dev, &fake_ops, f->bar);

	if (err)
		return err;
	to_bare(f)->inited = true;
	f->n->command_ms = FAKE_LONG_MS;
	f->n->look_ms = FAKE_LOOK_MS;
	f->n->abort_ms = FAKE_LONG_MS;
	return bare_go_on(f);
}

struct fake *bare_live(struct kunit *test)
{
	struct fake *f = bare_new(test);

	KUNIT_ASSERT_EQ(test, 0, bare_start(f));
	KUNIT_ASSERT_EQ(test, PARLEY_NVME_LIVE, f->n->state);
	return f;
}

int bare_recover(struct fake *f)
{
	bare_pause(f, false);
	fake_reset(f);
	return bare_go_on(f);
}
