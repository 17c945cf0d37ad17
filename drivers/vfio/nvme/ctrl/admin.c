// SPDX-License-Identifier: GPL-2.0-only
/*
 * The admin queue.
 *
 * Every slot has a page of its own for data.  So no memory that a controller was
 * told of is used for something else before it has answered or can no longer
 * reach memory at all.
 *
 * A command that is late is first looked for, since an interrupt may have been
 * lost, and then aborted.  If it does not come back from that either, the
 * controller is DEAD: what it would still write goes nowhere.
 */
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "ctrl.h"

/* The number of a command: three bits of slot, twelve of count; never 0xffff. */
#define PNC_CID(round, slot)	((((round) << 3) | (slot)) & 0x7fff)
#define PNC_CID_SLOT(cid)	((cid) & (PARLEY_NVME_SLOTS - 1))
#define PNC_ABORT_SLOT		(PARLEY_NVME_SLOTS - 1)
#define PNC_EVENT_SLOT		(PARLEY_NVME_SLOTS - 2)

static_assert(PARLEY_NVME_SLOTS == 8);

/**
 * parley_nvme_admin_alloc() - memory for the queue and the data of its commands
 * @n: the controller
 *
 * Context: process context; may sleep.
 * Return: 0 or -ENOMEM.
 */
int parley_nvme_admin_alloc(struct parley_nvme *n)
{
	struct parley_nvme_admin *a = &n->admin;
	struct parley_nvme_slot *slot;

	if (parley_nvme_queue_alloc(n, &a->queue, 0, PARLEY_NVME_DEPTH))
		goto fail;
	for (slot = a->slot; slot < a->slot + PARLEY_NVME_SLOTS; slot++) {
		init_completion(&slot->done);
		slot->page = n->ops->alloc(n, PARLEY_NVME_PAGE, &slot->dma);
		if (!slot->page)
			goto fail;
	}
	return 0;
fail:
	parley_nvme_admin_free(n);
	return -ENOMEM;
}

/**
 * parley_nvme_admin_free() - give all of it back
 * @n: the controller, which reaches no memory any more
 *
 * Context: process context; may sleep.
 */
void parley_nvme_admin_free(struct parley_nvme *n)
{
	struct parley_nvme_admin *a = &n->admin;
	struct parley_nvme_slot *slot;

	for (slot = a->slot; slot < a->slot + PARLEY_NVME_SLOTS; slot++)
		if (slot->page)
			n->ops->free(n, PARLEY_NVME_PAGE, slot->page, slot->dma);
	parley_nvme_queue_free(n, &a->queue);
	memset(a, 0, sizeof(*a));
}

/**
 * parley_nvme_admin_clear() - an empty queue, as a reset controller expects it
 * @n: the controller, disabled
 *
 * Context: process context.
 */
void parley_nvme_admin_clear(struct parley_nvme *n)
{
	scoped_guard(spinlock_irqsave, &n->lock)
		parley_nvme_queue_clear(&n->admin.queue);
}

static void pnc_end_all(struct parley_nvme *n, int err)
{
	struct parley_nvme_slot *slot;

	lockdep_assert_held(&n->lock);
	for (slot = n->admin.slot; slot < n->admin.slot + PARLEY_NVME_SLOTS; slot++) {
		if (!slot->sent)
			continue;
		slot->sent = false;
		slot->err = err;
		complete(&slot->done);
	}
}

/**
 * parley_nvme_state_error() - why a controller in this state takes no command
 * @state: the state
 *
 * Context: any.
 * Return: 0 if it does.
 */
int parley_nvme_state_error(enum parley_nvme_state state)
{
	switch (state) {
	case PARLEY_NVME_LIVE:
		return 0;
	case PARLEY_NVME_OFF:
		return -ENETDOWN;
	case PARLEY_NVME_GONE:
		return -ENODEV;
	default:
		return -EIO;
	}
}
PARLEY_EXPORT(parley_nvme_state_error);

/**
 * parley_nvme_set_state() - the controller changes its state as it should
 * @n: the controller
 * @state: the new state; unless it is LIVE, every waiter is ended
 *
 * Context: any.
 */
void parley_nvme_set_state(struct parley_nvme *n, enum parley_nvme_state state)
{
	scoped_guard(spinlock_irqsave, &n->lock) {
		WRITE_ONCE(n->state, state);
		if (state != PARLEY_NVME_LIVE)
			pnc_end_all(n, parley_nvme_state_error(state));
	}
}

/* A live controller is one no longer; whether it was one. */
static bool pnc_end_live(struct parley_nvme *n, enum parley_nvme_state state)
{
	bool was = false;

	scoped_guard(spinlock_irqsave, &n->lock) {
		was = n->state == PARLEY_NVME_LIVE;
		if (was) {
			/* Before anybody hears of it and uses that memory again. */
			n->ops->master(n, false);
			WRITE_ONCE(n->state, state);
			pnc_end_all(n, parley_nvme_state_error(state));
		}
	}
	return was;
}

static void pnc_tell_ended(struct parley_nvme *n, enum parley_nvme_state state)
{
	if (n->ended)
		n->ended(n, parley_nvme_state_error(state));
}

/**
 * parley_nvme_fail() - a live controller is one no longer
 * @n: the controller
 * @state: DEAD or GONE
 * @why: for the log
 *
 * Takes memory from it, ends every waiter, and says so once.
 *
 * Context: any.
 */
void parley_nvme_fail(struct parley_nvme *n, enum parley_nvme_state state,
		      const char *why)
{
	if (!pnc_end_live(n, state))
		return;
	dev_err_ratelimited(n->dev, "controller %s; %s\n", why,
			    state == PARLEY_NVME_GONE ? "look for it on the bus" :
			    "write 1 to its file reset, or bind it anew");
	pnc_tell_ended(n, state);
}
PARLEY_EXPORT(parley_nvme_fail);

/* Somebody is stopping it, which takes as long as it likes; whether that was so. */
static bool pnc_cut_short(struct parley_nvme *n)
{
	bool was = false;

	scoped_guard(spinlock_irqsave, &n->lock) {
		was = n->stopping;
		if (was) {
			n->ops->master(n, false);
			n->stopping = false;
		}
	}
	return was;
}

/**
 * parley_nvme_abandon() - nobody is left who waits for what it does
 * @n: the controller
 *
 * As parley_nvme_fail(), to DEAD, but the controller is not to blame for it.  One that
 * is just being stopped loses memory now, and not when it obeys.
 *
 * Context: any.
 */
void parley_nvme_abandon(struct parley_nvme *n)
{
	bool live = pnc_end_live(n, PARLEY_NVME_DEAD);

	if (live)
		dev_notice_ratelimited(n->dev, "controller is left in the midst of its work: who used it is gone\n");
	if (live || pnc_cut_short(n))
		pnc_tell_ended(n, PARLEY_NVME_DEAD);
	if (n->abandoned)
		n->abandoned(n);
}
PARLEY_EXPORT(parley_nvme_abandon);

/* One answer, if there is one. */
static bool pnc_take_answer(struct parley_nvme *n, const char **fault)
{
	struct parley_nvme_admin *a = &n->admin;
	struct parley_nvme_answer answer;
	struct parley_nvme_slot *slot;

	if (!parley_nvme_queue_look(&a->queue, &answer, fault))
		return false;
	slot = &a->slot[PNC_CID_SLOT(answer.cid)];
	if (!slot->sent || slot->cid != answer.cid) {
		*fault = "answered a command that it was not given";
		return false;
	}
	slot->result = answer.result;
	slot->status = answer.status;
	slot->sent = false;
	complete(&slot->done);
	parley_nvme_queue_next(&a->queue);
	if (slot == a->slot + PNC_EVENT_SLOT && !slot->status)
		n->event(n, slot->result);
	return true;
}

/**
 * parley_nvme_reap() - take what the controller has answered
 * @n: the controller
 *
 * Each answer ends a slot, and there are few of those: a controller that writes
 * answers without end is DEAD at the first that nobody waits for.
 *
 * Context: any; this is what the interrupt does.
 * Return: whether there was an answer.
 */
bool parley_nvme_reap(struct parley_nvme *n)
{
	const char *fault = NULL;
	bool found = false;

	scoped_guard(spinlock_irqsave, &n->lock) {
		if (n->state == PARLEY_NVME_LIVE) {
			while (pnc_take_answer(n, &fault))
				found = true;
			if (found)
				parley_nvme_queue_taken(n, &n->admin.queue);
		}
	}
	if (fault)
		parley_nvme_fail(n, PARLEY_NVME_DEAD, fault);
	return found;
}
PARLEY_EXPORT(parley_nvme_reap);

/* A slot for a command; @from is where to look for one. */
static struct parley_nvme_slot *pnc_claim(struct parley_nvme *n, unsigned int from)
{
	unsigned int end = from == PNC_ABORT_SLOT ? PARLEY_NVME_SLOTS : PNC_EVENT_SLOT;
	struct parley_nvme_slot *slot, *found = NULL;

	scoped_guard(spinlock_irqsave, &n->lock) {
		for (slot = n->admin.slot + from; slot < n->admin.slot + end; slot++) {
			if (slot->busy)
				continue;
			slot->busy = true;
			found = slot;
			break;
		}
	}
	return found;
}

static void pnc_unclaim(struct parley_nvme *n, struct parley_nvme_slot *slot)
{
	scoped_guard(spinlock_irqsave, &n->lock)
		slot->busy = false;
}

static int pnc_send(struct parley_nvme *n, struct parley_nvme_slot *slot,
		    struct nvme_command *cmd)
{
	struct parley_nvme_admin *a = &n->admin;
	int err = 0;

	reinit_completion(&slot->done);
	scoped_guard(spinlock_irqsave, &n->lock) {
		err = parley_nvme_state_error(n->state);
		if (!err) {
			slot->cid = PNC_CID(a->round++, slot - a->slot);
			slot->err = 0;
			slot->sent = true;
			cmd->common.command_id = slot->cid;
			parley_nvme_queue_put(&a->queue, cmd);
			parley_nvme_queue_ring(n, &a->queue);
		}
	}
	return err;
}

/**
 * parley_nvme_look() - see whether a controller is still at work
 * @n: the controller
 *
 * One that failed or went away says nothing of it by itself, so whoever waits for
 * one looks now and then.
 *
 * Context: any.
 */
void parley_nvme_look(struct parley_nvme *n)
{
	u32 csts = n->ops->read32(n, NVME_REG_CSTS);

	if (csts == PARLEY_NVME_ALL_ONES)
		parley_nvme_fail(n, PARLEY_NVME_GONE, "is gone");
	else if (csts & NVME_CSTS_CFS)
		parley_nvme_fail(n, PARLEY_NVME_DEAD, "reports a fatal fault");
	else if (!(csts & NVME_CSTS_RDY))
		parley_nvme_fail(n, PARLEY_NVME_DEAD, "stopped by itself");
}
PARLEY_EXPORT(parley_nvme_look);

/* Until it was answered or will not be: 0, or -ETIMEDOUT. */
static int pnc_wait(struct parley_nvme *n, struct parley_nvme_slot *slot,
		    unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);
	unsigned int look = min(ms, n->look_ms);
	bool late = false;

	for (;;) {
		if (wait_for_completion_timeout(&slot->done, msecs_to_jiffies(look)))
			return 0;
		late = time_after_eq(jiffies, end);
		/* May only be faster than its interrupt; when it is late, it is not. */
		if (parley_nvme_reap(n) && late)
			dev_warn_ratelimited(n->dev, "an answer came without its interrupt\n");
		parley_nvme_look(n);
		if (late)
			return try_wait_for_completion(&slot->done) ? 0 : -ETIMEDOUT;
	}
}

/*
 * The controller is asked for the command back.  Whatever it says to that, what
 * counts is whether the command comes, with an answer of its own.  In the end it
 * has come or the controller is DEAD.
 */
static void pnc_abort(struct parley_nvme *n, struct parley_nvme_slot *late)
{
	struct nvme_command cmd = {
		.abort.opcode = nvme_admin_abort_cmd,
		.abort.cid = late->cid,
	};
	struct parley_nvme_slot *slot = pnc_claim(n, PNC_ABORT_SLOT);
	int err = slot ? pnc_send(n, slot, &cmd) : -EBUSY;

	if (!err)
		err = pnc_wait(n, slot, n->abort_ms);
	/* Also if another one is being aborted: this one has the same time. */
	if (!err || err == -EBUSY)
		err = pnc_wait(n, late, n->abort_ms);
	if (err == -ETIMEDOUT)
		parley_nvme_fail(n, PARLEY_NVME_DEAD,
				 "neither finished a command nor aborted it");
	if (slot)
		pnc_unclaim(n, slot);
}

/* What the answer means to the caller. */
static int pnc_judge(const struct parley_nvme_req *req)
{
	switch (req->status & 0x7ff) {
	case NVME_SC_SUCCESS:
		return 0;
	case NVME_SC_INVALID_OPCODE:
		return -EOPNOTSUPP;
	case NVME_SC_ABORT_REQ:
		return -ETIMEDOUT;
	default:
		return -EREMOTEIO;
	}
}

static int pnc_execute(struct parley_nvme *n, struct parley_nvme_slot *slot,
		       struct parley_nvme_req *req)
{
	int err;

	/* Zeroed: what the controller leaves out must not be somebody else's. */
	memset(slot->page, 0, PARLEY_NVME_PAGE);
	if (req->out)
		memcpy(slot->page, req->data, req->len);
	if (req->data)
		req->cmd.common.dptr.prp1 = cpu_to_le64(slot->dma);
	err = pnc_send(n, slot, &req->cmd);
	if (err)
		return err;
	err = pnc_wait(n, slot, req->ms ?: n->command_ms);
	if (err) {
		dev_warn_ratelimited(n->dev, "admin command %#x is late and is aborted\n",
				     req->cmd.common.opcode);
		pnc_abort(n, slot);
	}
	if (slot->err)
		return slot->err;
	req->status = slot->status;
	req->result = slot->result;
	err = pnc_judge(req);
	if (!err && req->data && !req->out)
		memcpy(req->data, slot->page, req->len);
	return err;
}

/**
 * parley_nvme_admin() - a command, from beginning to end
 * @n: the controller
 * @req: the command; @req->status and @req->result are set if it was answered
 *
 * Several may do so at a time.
 *
 * Context: process context; sleeps up to @req->ms or @n->command_ms, and twice
 *	@n->abort_ms.
 * Return: 0, or
 *	-EREMOTEIO	the controller refused, see @req->status
 *	-EOPNOTSUPP	it does not know the command
 *	-ETIMEDOUT	it was late and came back when it was aborted
 *	-EBUSY		too many commands are under way
 *	-ENETDOWN	the controller is not enabled
 *	-EIO		it is DEAD, maybe since this command
 *	-ENODEV		it is GONE
 */
int parley_nvme_admin(struct parley_nvme *n, struct parley_nvme_req *req)
{
	struct parley_nvme_slot *slot;
	u64 start = ktime_get_ns();
	int err;

	if (req->len > PARLEY_NVME_PAGE)
		return -EINVAL;
	slot = pnc_claim(n, 0);
	if (!slot)
		return -EBUSY;
	err = pnc_execute(n, slot, req);
	pnc_unclaim(n, slot);
	atomic64_inc(&n->commands);
	atomic64_add(ktime_get_ns() - start, &n->spent_ns);
	return err;
}
PARLEY_EXPORT(parley_nvme_admin);

/**
 * parley_nvme_ask_event() - have the controller tell of its next event
 * @n: the controller, with @n->event
 *
 * It tells by an answer, in its own time; until then, and after one that is an error,
 * it is not asked again.
 *
 * Context: any; nobody else asks meanwhile.
 * Return: 0, also if it is asked already; or why it is not LIVE.
 */
int parley_nvme_ask_event(struct parley_nvme *n)
{
	struct parley_nvme_slot *slot = &n->admin.slot[PNC_EVENT_SLOT];
	struct nvme_command cmd = { .common.opcode = nvme_admin_async_event };

	return READ_ONCE(slot->sent) ? 0 : pnc_send(n, slot, &cmd);
}
PARLEY_EXPORT(parley_nvme_ask_event);
