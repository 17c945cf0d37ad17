// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's commands are fetched and what became of them is posted.
 *
 * Each queue has its turn, of a bounded number of commands; as long as there was
 * something to do anywhere, there is another round.  Who keeps all rounds busy keeps
 * a worker busy and nobody else.  With a grid of time there is one round at each point,
 * and what is over within that round is told of at the next.
 */
#include "rooms.h"

/* What no command may be: fused with another, or with a list of another kind. */
static u16 pne_flags(const struct nvme_command *cmd)
{
	return cmd->common.flags ? PARLEY_EMU_NO(NVME_SC_INVALID_FIELD) : 0;
}

static u16 pne_do(struct parley_emu *e, u16 id, const struct nvme_command *cmd,
		  u32 *result)
{
	u16 status = parley_emu_mediate(e, id, cmd);

	if (!status)
		status = pne_flags(cmd);
	if (status)
		return status;
	return id ? parley_emu_io(e, id, cmd) : parley_emu_admin(e, cmd, result);
}

/* One command of a queue, if there is one and what it needs. */
static bool pne_one(struct parley_emu *e, u16 id)
{
	struct nvme_command cmd;
	u32 result = 0;
	u16 status;

	if (parley_emu_barred(e, id) || !parley_emu_fetch(e, id, &cmd))
		return false;
	status = pne_do(e, id, &cmd, &result);
	if (status == PARLEY_EMU_WAIT) {
		parley_emu_unfetch(e, id, &cmd);
		return false;
	}
	e->sq[id].waits = false;
	if (status != PARLEY_EMU_LATER) {
		parley_emu_refund(e, id);
		parley_emu_post(e, id, cmd.common.command_id, status, result);
	} else if (!id) {
		/* An event owes nothing until there is one, or nobody could wait. */
		e->cq[0].owed--;
	}
	return true;
}

static void pne_tell(struct parley_emu *e, u16 id)
{
	if (id)
		parley_nvme_io_ring(e->vf, id - 1);
}

/* A queue's turn: how many commands were fetched. */
static unsigned int pne_turn(struct parley_emu *e, u16 id)
{
	unsigned int nr = 0;

	while (nr < PARLEY_EMU_TURN && pne_one(e, id))
		if (!(++nr % PARLEY_EMU_TOLD))
			pne_tell(e, id);
	if (nr) {
		pne_tell(e, id);
		parley_emu_shadow_seen(e, id);
	}
	return nr;
}

/**
 * parley_emu_round() - see to all queues once
 * @e: the controller
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: whether there was anything to do.
 */
bool parley_emu_round(struct parley_emu *e)
{
	unsigned int fetched = 0;
	bool did;
	u16 id;

	lockdep_assert_held(&e->mutex);
	if (e->stopped)
		return false;
	did = parley_emu_reap(e);
	parley_emu_share_wanted(e);
	did |= parley_emu_again(e);
	for (id = 0; id <= e->nr_queues; id++)
		fetched += pne_turn(e, id);
	did |= fetched;
	if (did)
		parley_emu_linger_did(e, fetched);
	parley_emu_events(e);
	parley_emu_interrupts(e);
	return did;
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_round);

/* Nothing to do: the guest is to ring, unless it is looked at; whether it is late for that. */
static bool pne_rest(struct parley_emu *e)
{
	return !parley_emu_lingers(e) && parley_emu_shadow_arm(e);
}

/**
 * parley_emu_run() - see to all queues, until there is nothing to do
 * @e: the controller
 *
 * Context: process context; @e->mutex not held; may sleep.
 */
void parley_emu_run(struct parley_emu *e)
{
	bool did = false;

	if (!parley_emu_grid_due(e))
		return;
	do {
		scoped_guard(mutex, &e->mutex)
			did = parley_emu_round(e) || pne_rest(e);
		cond_resched();
	} while (did && !e->grid.period);
	/* There may be more of the same. */
	if (did)
		parley_emu_grid_arm(e);
}
