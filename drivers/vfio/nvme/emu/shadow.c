// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow doorbells (NVMe 5.7 and annex B.5): the guest writes its doorbells into a page of
 * its memory, and rings the register only if that passes the index that we wrote into
 * another page.  So a guest that is seen to anyway never leaves.
 *
 * Which index is published:
 *
 *	behind	one less than what we have seen: nobody comes past it.  That is so while
 *		a queue is seen to, and while a timer looks at it (linger.c)
 *	armed	what we have seen: the next write rings.  Before we sleep.  Then the
 *		doorbell is read again, since the guest may not have seen that in time
 *
 * A completion queue is of interest only if there was no room in it.
 *
 * Not every guest has a shadow for each of its queues (Linux has none for admin
 * commands), and not every one writes what the register says before it begins.  So the
 * register counts until the shadow moves, and from then on the shadow does.
 *
 * What is read there is checked as the register's, where it is used (queue.c).
 *
 * Both pages are used directly (share.c).  While they cannot be, since they are taken away
 * and given again, they are copied like the rest of the guest's memory.
 */
#include <linux/rcupdate.h>
#include <asm/barrier.h>
#include "rooms.h"

#define PNE_BELL(id, cq)	(2 * (id) + (cq))
/* Who takes answers while we look at that, so often, has a line that stays up too long. */
#define PNE_TRIES		4

/* What the guest wrote, read once. */
static bool pne_load(struct parley_emu *e, unsigned int bell, u32 *value)
{
	const __le32 *at;
	__le32 raw;

	scoped_guard(rcu) {
		at = parley_emu_shared(&e->pages.bells);
		if (at)
			raw = READ_ONCE(at[bell]);
	}
	if (!at && e->ops->read(e, e->shadow.bells + bell * sizeof(raw), &raw, sizeof(raw))) {
		parley_emu_fault(e, "has doorbells where it has no memory");
		return false;
	}
	*value = le32_to_cpu(raw);
	WRITE_ONCE(e->shadow.seen[bell], *value);
	return true;
}

/* Where it is, if that can be; it is told of, since nobody else saw it. */
static bool pne_put(struct parley_emu *e, unsigned int bell, __le32 raw)
{
	__le32 *at;

	scoped_guard(rcu) {
		at = parley_emu_shared(&e->pages.events);
		if (!at)
			return false;
		WRITE_ONCE(at[bell], raw);
	}
	if (e->ops->wrote)
		e->ops->wrote(e, e->shadow.events + bell * sizeof(raw), sizeof(raw));
	return true;
}

static void pne_publish(struct parley_emu *e, unsigned int bell, u32 value)
{
	__le32 raw = cpu_to_le32(value);

	if (e->shadow.event[bell] == value)
		return;
	e->shadow.event[bell] = value;
	if (pne_put(e, bell, raw))
		return;
	if (e->ops->write(e, e->shadow.events + bell * sizeof(raw), &raw, sizeof(raw)))
		parley_emu_fault(e, "has indexes of doorbells where it has no memory");
}

/* From when on it has moved once. */
static bool pne_counts(struct parley_emu_shadow *s, unsigned int bell, u32 value)
{
	if (value != s->first[bell])
		s->moved |= BIT(bell);
	return s->moved & BIT(bell);
}

/**
 * parley_emu_bell() - a doorbell
 * @e: the controller
 * @id: of which queue
 * @cq: of completions
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: what the guest wrote last, not checked.
 */
u32 parley_emu_bell(struct parley_emu *e, u16 id, bool cq)
{
	struct parley_emu_shadow *s = &e->shadow;
	unsigned int bell = PNE_BELL(id, cq);
	u32 value;

	lockdep_assert_held(&e->mutex);
	if (!s->on || !pne_load(e, bell, &value) || !pne_counts(s, bell, value))
		value = READ_ONCE(e->doorbell[bell]);
	/* Before what it tells of; the guest's barrier before its write. */
	virt_rmb();
	return value;
}

/**
 * parley_emu_bell_taken() - what the guest has taken of its answers, and will say so
 * @e: the controller
 * @id: of which completion queue
 *
 * For its interrupt line, which is lowered when it has taken all: whatever it takes after
 * this, it rings for.
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: as parley_emu_bell().
 */
u32 parley_emu_bell_taken(struct parley_emu *e, u16 id)
{
	u32 taken = parley_emu_bell(e, id, true), was;
	unsigned int i;

	if (!e->shadow.on)
		return taken;
	for (i = 0; i < PNE_TRIES; i++) {
		was = taken;
		pne_publish(e, PNE_BELL(id, true), was);
		/* The index before the look, as when it is armed. */
		virt_mb();
		taken = parley_emu_bell(e, id, true);
		if (taken == was)
			break;
	}
	return taken;
}

/* The queue is new to the shadow: the register counts, and each write rings. */
static void pne_begin(struct parley_emu *e, unsigned int bell, u32 seen)
{
	struct parley_emu_shadow *s = &e->shadow;

	s->moved &= ~BIT(bell);
	if (!pne_load(e, bell, &s->first[bell]))
		return;
	/* What is there now is not known. */
	s->event[bell] = U32_MAX;
	pne_publish(e, bell, seen);
}

/**
 * parley_emu_shadow_queue() - there is a new queue
 * @e: the controller
 * @id: its number
 * @cq: it is for completions
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_shadow_queue(struct parley_emu *e, u16 id, bool cq)
{
	lockdep_assert_held(&e->mutex);
	if (e->shadow.on)
		pne_begin(e, PNE_BELL(id, cq), 0);
}

/**
 * parley_emu_shadow_set() - Doorbell Buffer Config
 * @e: the controller
 * @cmd: the command, a copy
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: its status.
 */
u16 parley_emu_shadow_set(struct parley_emu *e, const struct nvme_dbbuf *cmd)
{
	u64 bells = le64_to_cpu(cmd->prp1), events = le64_to_cpu(cmd->prp2);
	u32 all[PARLEY_EMU_BELLS];
	u16 id;

	lockdep_assert_held(&e->mutex);
	BUILD_BUG_ON(sizeof(all) > PARLEY_NVME_PAGE);
	BUILD_BUG_ON(BITS_PER_TYPE(e->shadow.moved) < PARLEY_EMU_BELLS);
	if (bells % PARLEY_NVME_PAGE || events % PARLEY_NVME_PAGE || bells == events)
		return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
	/* Each of the two is memory, and may be used so. */
	if (e->ops->read(e, bells, all, sizeof(all)) ||
	    e->ops->read(e, events, all, sizeof(all)) ||
	    e->ops->write(e, events, all, sizeof(all)))
		return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
	parley_emu_shadow_off(e);
	e->shadow.bells = bells;
	e->shadow.events = events;
	e->shadow.on = true;
	parley_emu_want(e, &e->pages.bells, bells);
	parley_emu_want(e, &e->pages.events, events);
	for (id = 0; id < PARLEY_EMU_QUEUES; id++) {
		if (e->sq[id].there)
			pne_begin(e, PNE_BELL(id, false), e->sq[id].head);
		if (e->cq[id].there)
			pne_begin(e, PNE_BELL(id, true), e->cq[id].seen);
	}
	return 0;
}

/**
 * parley_emu_shadow_off() - the registers are the doorbells again
 * @e: the controller
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_shadow_off(struct parley_emu *e)
{
	lockdep_assert_held(&e->mutex);
	parley_emu_linger_end(e);
	parley_emu_unshare(e, &e->pages.bells);
	parley_emu_unshare(e, &e->pages.events);
	memset(&e->shadow, 0, sizeof(e->shadow));
}

static u32 pne_before(u32 at, u32 size)
{
	return at ? at - 1 : size - 1;
}

/**
 * parley_emu_shadow_seen() - a queue was seen to: who writes its doorbell need not ring
 * @e: the controller
 * @id: the queue of commands
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_shadow_seen(struct parley_emu *e, u16 id)
{
	struct parley_emu_sq *sq = &e->sq[id];
	struct parley_emu_cq *cq = &e->cq[sq->cq];

	lockdep_assert_held(&e->mutex);
	if (!e->shadow.on || !sq->there || e->csts != NVME_CSTS_RDY)
		return;
	pne_publish(e, PNE_BELL(id, false), pne_before(sq->head, sq->size));
	/* With a line, each answer that is taken is of interest. */
	if (!e->wired)
		pne_publish(e, PNE_BELL(sq->cq, true), pne_before(cq->seen, cq->size));
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_shadow_seen);

/* Whether what is there has to wait, for something after which it is looked at again. */
static bool pne_blocked(struct parley_emu *e, u16 id)
{
	return e->cq[e->sq[id].cq].full || parley_emu_waits(e, id) || parley_emu_barred(e, id);
}

/* Who writes to a queue that we have seen all of rings; whether he may not have known. */
static bool pne_arm(struct parley_emu *e, u16 id)
{
	struct parley_emu_sq *sq = &e->sq[id];
	struct parley_emu_cq *cq = &e->cq[sq->cq];
	bool late = false;

	if (cq->full) {
		pne_publish(e, PNE_BELL(sq->cq, true), cq->seen);
		/* The index before the look; the guest's barrier is between its two. */
		virt_mb();
		late = parley_emu_bell(e, sq->cq, true) != cq->seen;
	}
	/* Either it waits, or it came after it was looked at. */
	if (parley_emu_bell(e, id, false) != sq->head)
		return late || !pne_blocked(e, id);
	/* It was before that look. */
	if (e->shadow.event[PNE_BELL(id, false)] == sq->head)
		return late;
	pne_publish(e, PNE_BELL(id, false), sq->head);
	/* The same. */
	virt_mb();
	return late || parley_emu_bell(e, id, false) != sq->head;
}

/**
 * parley_emu_shadow_arm() - nobody will look any more: the guest is to ring
 * @e: the controller
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: whether it wrote something for which it did not: look again.
 */
bool parley_emu_shadow_arm(struct parley_emu *e)
{
	bool late = false;
	u16 id;

	lockdep_assert_held(&e->mutex);
	if (!e->shadow.on || e->stopped)
		return false;
	for (id = 0; id <= e->nr_queues; id++)
		if (e->sq[id].there && e->csts == NVME_CSTS_RDY)
			late |= pne_arm(e, id);
	return late && e->csts == NVME_CSTS_RDY;
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_shadow_arm);

static bool pne_moved(struct parley_emu *e, const __le32 *bells, unsigned int bell)
{
	return le32_to_cpu(READ_ONCE(bells[bell])) != READ_ONCE(e->shadow.seen[bell]);
}

/**
 * parley_emu_shadow_moved() - whether a look at the queues is worth it
 * @e: the controller
 *
 * Context: any; no lock held.  So it may be wrong, and is asked again.
 * Return: true if the guest wrote a doorbell since that was read last; false if it did not,
 *	or its page was taken away: who reads it then has to know that it is there.
 */
bool parley_emu_shadow_moved(struct parley_emu *e)
{
	const __le32 *bells;
	u16 id;

	guard(rcu)();
	bells = parley_emu_shared(&e->pages.bells);
	if (!bells)
		return false;
	for (id = 0; id <= e->nr_queues; id++) {
		/*
		 * Who is barred is not looked at: something else will say when.  A data_race()
		 * with who has the mutex: what is missed is seen at the next look.
		 */
		if (!data_race(e->sq[id].there) || data_race(parley_emu_barred(e, id)))
			continue;
		if (pne_moved(e, bells, PNE_BELL(id, false)))
			return true;
		/* The same data_race(). */
		if (data_race(e->cq[id].full) && pne_moved(e, bells, PNE_BELL(id, true)))
			return true;
	}
	return false;
}
