// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous events (NVMe 5.2): the guest leaves commands here, which are answered
 * when there is something to tell.  An event of a kind is told once; the next one
 * of it when the guest has read the log page that the first one named.
 */
#include "rooms.h"

/* What is told of each kind. */
static const struct {
	u8 type;
	u8 info;
	u8 log;
} pne_events[] = {
	[PARLEY_EMU_LOST] = { NVME_AER_ERROR, NVME_AER_ERROR_PERSIST_INT_ERR,
			      NVME_LOG_ERROR },
	[PARLEY_EMU_WARM] = { NVME_AER_SMART, 1 /* a temperature threshold */,
			      NVME_LOG_SMART },
};

static_assert(ARRAY_SIZE(pne_events) == PARLEY_EMU_EVENT_KINDS);

/* One of the commands that wait, the oldest, is answered. */
static bool pne_tell(struct parley_emu *e, unsigned int kind)
{
	u32 result = pne_events[kind].type | pne_events[kind].info << 8 |
		     pne_events[kind].log << 16;
	u16 cid;

	if (!e->nr_events || !parley_emu_room(e, 0))
		return false;
	cid = e->event[0];
	e->nr_events--;
	memmove(e->event, e->event + 1, e->nr_events * sizeof(*e->event));
	e->cq[0].owed++;
	parley_emu_post(e, 0, cid, 0, result);
	return true;
}

/**
 * parley_emu_events() - tell the guest of what there is to tell
 * @e: the controller
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_events(struct parley_emu *e)
{
	unsigned int kind;

	lockdep_assert_held(&e->mutex);
	if (e->stopped || e->csts != NVME_CSTS_RDY)
		return;
	for (kind = 0; kind < PARLEY_EMU_EVENT_KINDS; kind++) {
		if (!(e->events_due & ~e->events_told & BIT(kind)) || !pne_tell(e, kind))
			continue;
		e->events_due &= ~BIT(kind);
		e->events_told |= BIT(kind);
	}
}

/**
 * parley_emu_happens() - there is something to tell
 * @e: the controller
 * @kind: what
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_happens(struct parley_emu *e, enum parley_emu_event kind)
{
	lockdep_assert_held(&e->mutex);
	e->events_due |= BIT(kind);
	parley_emu_events(e);
}

/**
 * parley_emu_events_read() - the guest has read a log page
 * @e: the controller
 * @log: which
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_events_read(struct parley_emu *e, u8 log)
{
	unsigned int kind;

	lockdep_assert_held(&e->mutex);
	for (kind = 0; kind < PARLEY_EMU_EVENT_KINDS; kind++)
		if (pne_events[kind].log == log)
			e->events_told &= ~BIT(kind);
}

/**
 * parley_emu_event() - Asynchronous Event Request
 * @e: the controller
 * @cid: the guest's number of the command
 *
 * Context: process context; @e->mutex held.
 * Return: PARLEY_EMU_LATER, or the status of the command.
 */
u16 parley_emu_event(struct parley_emu *e, u16 cid)
{
	lockdep_assert_held(&e->mutex);
	if (e->nr_events == PARLEY_EMU_EVENTS)
		return PARLEY_EMU_NO(NVME_SC_ASYNC_LIMIT);
	e->event[e->nr_events++] = cid;
	return PARLEY_EMU_LATER;
}

/**
 * parley_emu_abort() - Abort
 * @e: the controller
 * @cmd: the command, a copy
 *
 * What is here to be aborted is what waits for an event.  What the function has will be
 * over in its time, and what the guest has not had fetched nobody knows.
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: the result: 0 if it was aborted, 1 if not.
 */
u32 parley_emu_abort(struct parley_emu *e, const struct nvme_abort_cmd *cmd)
{
	unsigned int i;

	lockdep_assert_held(&e->mutex);
	if (cmd->sqid || !parley_emu_room(e, 0))
		return 1;
	for (i = 0; i < e->nr_events && e->event[i] != cmd->cid; i++)
		;
	if (i == e->nr_events)
		return 1;
	e->nr_events--;
	memmove(e->event + i, e->event + i + 1, (e->nr_events - i) * sizeof(*e->event));
	e->cq[0].owed++;
	parley_emu_post(e, 0, cmd->cid, NVME_SC_ABORT_REQ, 0);
	return 0;
}

/* -------------------------------------------------------- temperature */

/**
 * parley_emu_warnings() - what is critical of the disk's health
 * @e: the controller
 *
 * Its temperature never changes; the guest's threshold does (NVMe 5.21.1.4).
 *
 * Context: process context; @e->mutex held.
 * Return: bits of the warning in the log page.
 */
u8 parley_emu_warnings(struct parley_emu *e)
{
	u32 value = e->feature[NVME_FEAT_TEMP_THRESH];
	unsigned int at = value & 0xffff, under = value >> 20 & 3, sensor = value >> 16 & 0xf;
	bool is = under ? at >= PARLEY_EMU_KELVIN : at <= PARLEY_EMU_KELVIN;

	lockdep_assert_held(&e->mutex);
	/* There is the composite one, which is meant by all of them too. */
	return at && under < 2 && is && (!sensor || sensor == 0xf) ?
	       NVME_SMART_CRIT_TEMPERATURE : 0;
}

/**
 * parley_emu_warn() - the threshold, or what the guest wants to know, has changed
 * @e: the controller
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_warn(struct parley_emu *e)
{
	lockdep_assert_held(&e->mutex);
	/* It is told after the command that changed it. */
	if (parley_emu_warnings(e) & e->feature[NVME_FEAT_ASYNC_EVENT])
		e->events_due |= BIT(PARLEY_EMU_WARM);
}
