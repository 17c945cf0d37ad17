// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps of the gate, noted.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <parley/compat.h>
#include "gate_fake.h"

static struct fake_gate *of(struct parley_gate *g)
{
	return container_of(g, struct fake_gate, g);
}

static struct fake_page *fake_page(struct fake_gate *f, u64 address)
{
	u64 nr = address / PARLEY_GATE_PAGE;

	return nr < FAKE_PAGES ? &f->page[nr] : &f->last;
}

/* Which page, which memory, which way: what the function is given. */
static dma_addr_t fake_dma(struct fake_gate *f, u64 address, enum parley_gate_way way)
{
	return (u64)fake_page(f, address)->memory << 48 | (address & GENMASK_ULL(46, 0)) | way;
}

static u64 fake_address(dma_addr_t dma)
{
	return dma & GENMASK_ULL(46, 12);
}

static int fake_step(struct fake_gate *f, enum step step)
{
	lockdep_assert_held(&f->lock);
	/* From before the first until after the last the page is noted. */
	KUNIT_EXPECT_NE(f->test, 0, READ_ONCE(f->g.nr));
	if (f->nr < ARRAY_SIZE(f->step))
		f->step[f->nr++] = step;
	if (step >= UNMAP || !f->fails_in)
		return 0;
	return --f->fails_in ? 0 : f->err;
}

static int fake_pin(struct parley_gate *g, u64 address, enum parley_gate_way way,
		    struct page **page)
{
	struct fake_gate *f = of(g);
	int err;

	guard(mutex)(&f->container);
	guard(mutex)(&f->lock);
	if (f->most && f->pins >= f->most) {
		f->refused++;
		return -ENOMEM;
	}
	err = fake_step(f, PIN);
	if (err)
		return err;
	*page = (struct page *)(unsigned long)address;
	fake_page(f, address)->pins++;
	fake_page(f, address)->told = false;
	f->pins++;
	return 0;
}

static void fake_unpin(struct parley_gate *g, u64 address)
{
	struct fake_gate *f = of(g);
	struct fake_page *page = fake_page(f, address);

	guard(mutex)(&f->container);
	guard(mutex)(&f->lock);
	fake_step(f, UNPIN);
	/* Rule 8. */
	KUNIT_EXPECT_PTR_NE(f->test, current, f->leaver);
	f->pins--;
	page->pins--;
	/* Rule 1: what is mapped is pinned. */
	KUNIT_EXPECT_LE(f->test, page->maps[PARLEY_GATE_OUT] + page->maps[PARLEY_GATE_IN],
			page->pins);
}

static int fake_map(struct parley_gate *g, struct page *memory, unsigned int offset,
		    enum parley_gate_way way, dma_addr_t *dma)
{
	struct fake_gate *f = of(g);
	u64 address = (unsigned long)memory + offset;
	struct fake_page *page = fake_page(f, address);
	int err;

	guard(mutex)(&f->lock);
	KUNIT_EXPECT_NE(f->test, way, PARLEY_GATE_SHARED);
	KUNIT_EXPECT_NE(f->test, page->pins, 0);
	err = fake_step(f, MAP);
	if (err)
		return err;
	*dma = fake_dma(f, address, way);
	/* Rule 2: once, in each direction. */
	KUNIT_EXPECT_EQ(f->test, 1, ++page->maps[way]);
	f->maps++;
	return 0;
}

static void fake_unmap(struct parley_gate *g, dma_addr_t dma, enum parley_gate_way way)
{
	struct fake_gate *f = of(g);

	guard(mutex)(&f->lock);
	fake_step(f, UNMAP);
	KUNIT_EXPECT_EQ(f->test, way, dma % PARLEY_GATE_WAYS);
	KUNIT_EXPECT_EQ(f->test, 0, --fake_page(f, fake_address(dma))->maps[way]);
	f->maps--;
}

static void fake_unshared(struct parley_gate *g, u64 first, u64 last)
{
	struct fake_gate *f = of(g);
	u64 at;

	msleep(f->slow_ms);
	guard(mutex)(&f->lock);
	for (at = first; at < last && at < AT(FAKE_PAGES); at += PARLEY_GATE_PAGE) {
		fake_page(f, at)->told = true;
		fake_page(f, at)->told_pins = fake_page(f, at)->pins;
	}
}

static int fake_watch(struct parley_gate *g, struct parley_gate_leaving *l)
{
	struct fake_gate *f = of(g);
	unsigned int i;

	guard(mutex)(&f->lock);
	for (i = 0; i < FAKE_LEAVERS && f->left[i]; i++)
		;
	if (i == FAKE_LEAVERS)
		return -ESRCH;
	f->left[i] = l;
	return 0;
}

static void fake_abandon(struct parley_gate *g)
{
	WRITE_ONCE(of(g)->abandoned, true);
}

static const struct parley_gate_ops fake_ops = {
	.pin = fake_pin,
	.unpin = fake_unpin,
	.map = fake_map,
	.unmap = fake_unmap,
	.watch = fake_watch,
};

static const struct parley_gate_user fake_user = {
	.unshared = fake_unshared,
	.abandon = fake_abandon,
};

static void fake_end(void *data)
{
	struct fake_gate *f = data;
	unsigned int i;

	for (i = 0; i < FAKE_LEAVERS; i++)
		if (f->left[i])
			parley_gate_left(f->left[i]);
	parley_gate_end(&f->g);
	KUNIT_EXPECT_EQ(f->test, 0, f->pins);
	KUNIT_EXPECT_EQ(f->test, 0, f->maps);
	KUNIT_EXPECT_EQ(f->test, 0, f->g.nr);
	KUNIT_EXPECT_TRUE(f->test, xa_empty(&f->g.pages));
	parley_gate_exit(&f->g);
	mutex_destroy(&f->devices);
	mutex_destroy(&f->container);
	mutex_destroy(&f->lock);
	kvfree(f);
}

struct fake_gate *gate_new(struct kunit *test)
{
	struct fake_gate *f = kvzalloc(sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->err = -EIO;
	mutex_init(&f->lock);
	mutex_init(&f->container);
	mutex_init(&f->devices);
	KUNIT_ASSERT_EQ(test, 0, parley_gate_init(&f->g, &fake_ops, &fake_user));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_end, f));
	return f;
}

int pin_way(struct fake_gate *f, unsigned int nr, bool in, dma_addr_t *dma)
{
	int err = parley_gate_pin(&f->g, AT(nr), in, dma);

	if (err)
		return err;
	/* What it is given it reaches, in this direction, and it is the guest's. */
	KUNIT_EXPECT_EQ(f->test, (u64)in, *dma % PARLEY_GATE_WAYS);
	KUNIT_EXPECT_EQ(f->test, AT(nr), fake_address(*dma));
	KUNIT_EXPECT_TRUE(f->test, fake_reaches(f, *dma));
	return 0;
}

int pin(struct fake_gate *f, unsigned int nr)
{
	dma_addr_t dma;

	return pin_way(f, nr, false, &dma);
}

void unpin(struct fake_gate *f, unsigned int nr)
{
	parley_gate_unpin(&f->g, AT(nr), false);
}

bool fake_reaches(struct fake_gate *f, dma_addr_t dma)
{
	struct fake_page *page = fake_page(f, fake_address(dma));

	guard(mutex)(&f->lock);
	return page->maps[dma % PARLEY_GATE_WAYS] && page->memory == dma >> 48;
}

bool ask(struct fake_gate *f, unsigned int first, unsigned int nr)
{
	bool gone;

	WRITE_ONCE(f->leaver, current);
	gone = parley_gate_leave(&f->g, AT(first), AT(nr));
	WRITE_ONCE(f->leaver, NULL);
	return gone;
}

static struct parley_gate_leaving *fake_left(struct fake_gate *f)
{
	struct parley_gate_leaving *l;
	unsigned int i;

	guard(mutex)(&f->lock);
	for (i = 0; i < FAKE_LEAVERS; i++) {
		l = f->left[i];
		if (!l || l->who != current)
			continue;
		f->left[i] = NULL;
		return l;
	}
	return NULL;
}

void back(struct fake_gate *f)
{
	struct parley_gate_leaving *l = fake_left(f);

	if (l)
		parley_gate_left(l);
}

bool leave(struct fake_gate *f, unsigned int first, unsigned int nr)
{
	bool gone = ask(f, first, nr);

	back(f);
	return gone;
}

void passes(struct fake_gate *f, unsigned int ms)
{
	f->g.refused_at -= msecs_to_jiffies(ms);
}

void replace(struct fake_gate *f, unsigned int first, unsigned int nr)
{
	unsigned int i;

	KUNIT_EXPECT_TRUE(f->test, ask(f, first, nr));
	for (i = first; i < first + nr; i++) {
		/* Rule 6: VFIO gives it back to whom it belongs. */
		KUNIT_EXPECT_EQ(f->test, 0, f->page[i].pins);
		f->page[i].memory++;
	}
	/* Not before that: it is all one call. */
	back(f);
}

static void leaver_work(struct work_struct *work)
{
	struct leaver *l = container_of(work, struct leaver, work);

	l->gone = leave(l->f, l->first, l->nr);
	complete(&l->done);
}

void leaver_begin(struct leaver *l, struct fake_gate *f, unsigned int first,
		  unsigned int nr)
{
	INIT_WORK_ONSTACK(&l->work, leaver_work);
	init_completion(&l->done);
	l->f = f;
	l->first = first;
	l->nr = nr;
	queue_work(system_dfl_wq, &l->work);
	msleep(BEGUN_MS);
}

void leaver_end(struct leaver *l)
{
	wait_for_completion(&l->done);
	flush_work(&l->work);
	destroy_work_on_stack(&l->work);
}

#define STUBBORN_MS	5000

static bool stubborn_pinned(struct stubborn *s, struct fake_gate *f)
{
	unsigned int i;
	int pins = 0;

	guard(mutex)(&f->lock);
	for (i = 0; i < s->nr; i++)
		pins += f->page[s->first + i].pins;
	return pins;
}

static bool stubborn_waits(struct stubborn *s)
{
	u64 end = get_jiffies_64() + msecs_to_jiffies(STUBBORN_MS);

	while (!mutex_trylock(&s->f->devices)) {
		s->gave_up = time_after64(get_jiffies_64(), end);
		if (s->gave_up)
			return false;
		usleep_range(500, 1000);
	}
	return true;
}

static bool stubborn_asks(struct stubborn *s)
{
	bool both = READ_ONCE(s->both);

	scoped_guard(mutex, &s->f->container) {
		if (!stubborn_pinned(s, s->f) && !(both && stubborn_pinned(s, s->other)))
			return false;
		if (!stubborn_waits(s))
			return false;
	}
	s->asked++;
	parley_gate_leave(&s->f->g, AT(s->first), AT(s->nr));
	if (both)
		parley_gate_leave(&s->other->g, AT(s->first), AT(s->nr));
	mutex_unlock(&s->f->devices);
	return true;
}

static void stubborn_work(struct work_struct *work)
{
	struct stubborn *s = container_of(work, struct stubborn, work);

	while (stubborn_asks(s))
		;
	back(s->f);
	if (s->other)
		back(s->other);
	complete(&s->done);
}

void stubborn_begin(struct stubborn *s, struct fake_gate *f, struct fake_gate *other,
		    unsigned int first, unsigned int nr)
{
	*s = (struct stubborn) { .f = f, .other = other, .first = first, .nr = nr };
	INIT_WORK_ONSTACK(&s->work, stubborn_work);
	init_completion(&s->done);
	queue_work(system_dfl_wq, &s->work);
	msleep(BEGUN_MS);
}

void stubborn_end(struct stubborn *s)
{
	wait_for_completion(&s->done);
	flush_work(&s->work);
	destroy_work_on_stack(&s->work);
}
