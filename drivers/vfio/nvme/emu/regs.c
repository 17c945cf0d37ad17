// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers, and the controller's life.
 *
 *	state		CSTS		left by
 *	disabled	0		CC.EN set: ready, or failed if what was asked
 *					for cannot be
 *	ready		RDY		CC.EN cleared: disabled;
 *					CC.SHN written: shut down;
 *					a rule broken, or the disk lost: failed
 *	shut down	SHST (and RDY)	CC.EN cleared: disabled
 *	failed		CFS		CC.EN cleared: disabled
 *
 * One that is enabled and finds the function lost has it made anew, see again.c.
 *
 * Commands are fetched when it is ready.  Leaving that state waits for those that the
 * function has: each is answered, or the function is taken from memory, within the
 * time-out of a command.  A disabled controller holds none of the guest's memory.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <parley/export.h>
#include <parley/version.h>
#include "rooms.h"

/*
 * Most entries less one, contiguous queues, a time-out of so many half seconds, one
 * command set, pages of 4 KiB; doorbells are four bytes apart.
 */
#define PNE_CAP		((PARLEY_EMU_ENTRIES - 1) | 1ULL << 16 | 120ULL << 24 | \
			 (u64)NVME_CAP_CSS_NVM << 37)
/* What may be written to CC: sizes of entries, the command set, rounds, pages. */
#define PNE_CC		(NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES)

static void pne_work(struct kthread_work *work)
{
	parley_emu_run(container_of(work, struct parley_emu, work));
}

/* Maybe it can begin now. */
static void pne_wait_over(struct work_struct *work)
{
	parley_emu_kick(container_of(to_delayed_work(work), struct parley_emu, wait_over));
}

/* The function is back, or lost: whatever waits for that goes on. */
static void pne_back(void *data)
{
	struct parley_emu *e = data;

	parley_emu_kick(e);
}

static void pne_free(struct parley_emu *e)
{
	parley_emu_lanes_free(e);
	parley_emu_mediate_exit(e);
	free_page((unsigned long)e->doorbell);
}

/**
 * parley_emu_init() - a disabled controller
 * @e: zeroed
 * @vf: whose disk it has: handed out until parley_emu_exit()
 * @ops: how the guest is reached
 * @config: what is wanted of it
 *
 * Context: process context; may sleep.
 * Return: 0, -ENOMEM, -ERANGE if the policy is for a larger namespace, or -EINTR if
 *	whoever asks is being killed.
 */
int parley_emu_init(struct parley_emu *e, struct parley_nvme_vf *vf,
		    const struct parley_emu_ops *ops,
		    const struct parley_emu_config *config)
{
	int err;

	e->vf = vf;
	e->ops = ops;
	e->config = *config;
	e->nr_queues = min(config->queues, vf->nr_queues);
	mutex_init(&e->mutex);
	init_llist_head(&e->ended);
	init_waitqueue_head(&e->wait);
	kthread_init_work(&e->work, pne_work);
	INIT_DELAYED_WORK(&e->wait_over, pne_wait_over);
	spin_lock_init(&e->share_lock);
	INIT_LIST_HEAD(&e->shares);
	parley_emu_grid_init(e);
	parley_emu_linger_init(e);
	parley_emu_keep_init(e);
	e->doorbell = (u32 *)get_zeroed_page(GFP_KERNEL);
	err = e->doorbell ? parley_emu_mediate_init(e) : -ENOMEM;
	if (!err)
		err = parley_emu_lanes_make(e);
	if (err)
		goto fail;
	parley_emu_limits_on(e);
	err = parley_emu_poll_start(e);
	if (err)
		goto fail_limits;
	parley_nvme_vf_tell(vf, pne_back, e);
	return 0;

fail_limits:
	parley_emu_limits_off(e);
fail:
	pne_free(e);
	return err;
}
PARLEY_EXPORT(parley_emu_init);

static void pne_disable(struct parley_emu *e)
{
	bool flew = false;
	u16 id;

	lockdep_assert_held(&e->mutex);
	for (id = 0; id < PARLEY_EMU_QUEUES; id++)
		flew |= parley_emu_drain(e, id);
	if (flew)
		parley_emu_grid_wait(e);
	for (id = 0; id < PARLEY_EMU_QUEUES; id++) {
		parley_emu_sq_no_pages(e, id);
		parley_emu_cq_no_page(e, id);
	}
	memset(e->doorbell, 0, PAGE_SIZE);
	memset(e->sq, 0, sizeof(e->sq));
	memset(e->cq, 0, sizeof(e->cq));
	memset(e->feature, 0, sizeof(e->feature));
	e->nr_events = 0;
	e->masked = 0;
	e->events_due = 0;
	e->events_told = 0;
	parley_emu_keep_set(e, 0);
	parley_emu_shadow_off(e);
	e->cc = 0;
	parley_emu_line(e);
	WRITE_ONCE(e->csts, 0);
	WRITE_ONCE(e->gone, false);
	if (e->ops->rest)
		e->ops->rest(e);
}

/**
 * parley_emu_clear() - as after power-on
 * @e: the controller
 *
 * Context: process context; @e->mutex held; sleeps up to the time-out of a command.
 */
void parley_emu_clear(struct parley_emu *e)
{
	pne_disable(e);
	e->aqa = 0;
	e->asq = 0;
	e->acq = 0;
}

/**
 * parley_emu_reset() - the same, for who runs the guest
 * @e: the controller
 *
 * Context: process context; @e->mutex not held; sleeps up to the time-out of a
 *	command.
 */
void parley_emu_reset(struct parley_emu *e)
{
	guard(parley_emu)(e);
	parley_emu_clear(e);
}
PARLEY_EXPORT(parley_emu_reset);

/**
 * parley_emu_wire() - whether anybody looks at the interrupt line
 * @e: the controller
 * @wired: whether somebody does
 *
 * Context: process context; @e->mutex not held; may sleep.
 */
void parley_emu_wire(struct parley_emu *e, bool wired)
{
	guard(parley_emu)(e);
	e->wired = wired;
	parley_emu_line(e);
}
PARLEY_EXPORT(parley_emu_wire);

/**
 * parley_emu_exit() - the mirror of parley_emu_init()
 * @e: the controller, which nobody reaches any more
 *
 * If the function is at work for it, that is ended: nobody is left to be told of it.
 *
 * Context: process context; sleeps.
 */
void parley_emu_exit(struct parley_emu *e)
{
	parley_nvme_vf_tell(e->vf, NULL, NULL);
	WRITE_ONCE(e->left, true);
	wake_up(&e->wait);
	parley_emu_reset(e);
	parley_emu_limits_off(e);
	/* Who told of a command that ended may be about to wake somebody. */
	synchronize_rcu();
	/* Nothing is fetched any more that would have to wait. */
	cancel_delayed_work_sync(&e->wait_over);
	parley_emu_grid_exit(e);
	parley_emu_poll_stop(e);
	cancel_delayed_work_sync(&e->keep);
	pne_free(e);
	mutex_destroy(&e->mutex);
}
PARLEY_EXPORT(parley_emu_exit);

/* -------------------------------------------------------- registers */

/**
 * parley_emu_can() - whether the controller can be enabled
 * @e: the controller
 * @cc: how the guest wants it
 *
 * Context: process context; @e->mutex held.
 * Return: whether it can, and has its disk.
 */
bool parley_emu_can(struct parley_emu *e, u32 cc)
{
	return cc == (PNE_CC | (cc & NVME_CC_SHN_MASK)) && parley_emu_disk(e);
}

static void pne_enable(struct parley_emu *e, u32 cc)
{
	u32 sq = (e->aqa & 0xfff) + 1, cq = (e->aqa >> 16 & 0xfff) + 1;

	e->cc = cc;
	if (!parley_emu_can(e, cc) || parley_emu_cq_make(e, 0, e->acq, cq, 0, true) ||
	    parley_emu_sq_make(e, 0, e->asq, sq, 0)) {
		parley_emu_fault(e, "enables its controller as it cannot be, or without a disk");
		return;
	}
	WRITE_ONCE(e->csts, NVME_CSTS_RDY);
}

static void pne_shut_down(struct parley_emu *e)
{
	bool flew = false;
	u16 id;

	for (id = 1; id < PARLEY_EMU_QUEUES; id++) {
		flew |= parley_emu_drain(e, id);
		/* Nothing is fetched any more. */
		e->sq[id].there = false;
	}
	if (flew)
		parley_emu_grid_wait(e);
	WRITE_ONCE(e->csts, e->csts | NVME_CSTS_SHST_CMPLT);
}

static void pne_configure(struct parley_emu *e, u32 cc)
{
	bool was = e->cc & NVME_CC_ENABLE, is = cc & NVME_CC_ENABLE;

	if (was && !is) {
		pne_disable(e);
		e->cc = cc;
		return;
	}
	if ((cc & NVME_CC_SHN_MASK) && !(e->cc & NVME_CC_SHN_MASK) &&
	    !(e->csts & NVME_CSTS_CFS))
		pne_shut_down(e);
	if (is && !was)
		pne_enable(e, cc);
	else if (is)
		/* What is enabled can be shut down, and stays what it is otherwise. */
		e->cc = (e->cc & ~NVME_CC_SHN_MASK) | (cc & NVME_CC_SHN_MASK);
	else
		e->cc = cc;
}

static void pne_half(u64 *to, bool upper, u32 value)
{
	*to = upper ? (*to & U32_MAX) | (u64)value << 32 : (*to & ~(u64)U32_MAX) | value;
}

/* Where the admin queues are is of interest when the controller is enabled. */
static void pne_write(struct parley_emu *e, u32 reg, u32 value)
{
	guard(parley_emu)(e);
	switch (reg) {
	case NVME_REG_CC:
		pne_configure(e, value);
		break;
	case NVME_REG_INTMS:
		e->masked |= value;
		parley_emu_line(e);
		break;
	case NVME_REG_INTMC:
		e->masked &= ~value;
		parley_emu_line(e);
		break;
	case NVME_REG_AQA:
		e->aqa = value;
		break;
	case NVME_REG_ASQ:
	case NVME_REG_ASQ + 4:
		pne_half(&e->asq, reg != NVME_REG_ASQ, value);
		break;
	case NVME_REG_ACQ:
	case NVME_REG_ACQ + 4:
		pne_half(&e->acq, reg != NVME_REG_ACQ, value);
		break;
	}
}

/**
 * parley_emu_ring() - a doorbell is written
 * @e: the controller
 * @reg: which; a multiple of 4
 * @value: what
 *
 * If the interrupt line is raised, it may stay so until the queues are seen to.
 *
 * Context: any.
 */
void parley_emu_ring(struct parley_emu *e, u32 reg, u32 value)
{
	u32 bell = (reg - NVME_REG_DBS) / sizeof(u32);

	if (reg < NVME_REG_DBS || bell >= PARLEY_EMU_BELLS)
		return;
	WRITE_ONCE(e->doorbell[bell], value);
	parley_emu_kick(e);
}
PARLEY_EXPORT(parley_emu_ring);

/**
 * parley_emu_write32() - the guest writes a register, or rings a doorbell
 * @e: the controller
 * @reg: which; a multiple of 4
 * @value: what
 *
 * What is no register is not written.
 *
 * Context: process context; @e->mutex not held; sleeps, for a doorbell not, unless the
 *	interrupt line is raised.
 */
void parley_emu_write32(struct parley_emu *e, u32 reg, u32 value)
{
	if (reg < NVME_REG_DBS) {
		pne_write(e, reg, value);
		return;
	}
	parley_emu_ring(e, reg, value);
	/* Before the guest is through with its interrupt, or it has another for nothing. */
	if (READ_ONCE(e->raised)) {
		guard(parley_emu)(e);
		parley_emu_line(e);
	}
}
PARLEY_EXPORT(parley_emu_write32);

/**
 * parley_emu_bells() - the page of doorbells, to be mapped where the registers say
 * @e: the controller
 *
 * What the guest writes there is seen as long as somebody polls.
 *
 * Context: any.
 * Return: the page, at NVME_REG_DBS; NULL if this machine's pages are larger, or nobody
 *	polls.
 */
struct page *parley_emu_bells(struct parley_emu *e)
{
	if (!e->poll.task || PAGE_SIZE != PARLEY_EMU_BAR - NVME_REG_DBS)
		return NULL;
	return virt_to_page(e->doorbell);
}
PARLEY_EXPORT(parley_emu_bells);

/**
 * parley_emu_read32() - the guest reads a register
 * @e: the controller
 * @reg: which; a multiple of 4
 *
 * Context: process context; @e->mutex not held; may sleep.
 * Return: its value; 0 if there is none; all ones if there is no function any more.
 */
u32 parley_emu_read32(struct parley_emu *e, u32 reg)
{
	/* A guest that looks for more waits as long as CAP.TO says. */
	if (READ_ONCE(e->gone))
		return U32_MAX;
	/* Alone, as a guest asks for it in a loop. */
	if (reg == NVME_REG_CSTS)
		return READ_ONCE(e->csts);
	guard(parley_emu)(e);
	switch (reg) {
	case NVME_REG_CAP:
		return lower_32_bits(PNE_CAP);
	case NVME_REG_CAP + 4:
		return upper_32_bits(PNE_CAP);
	case NVME_REG_VS:
		return PARLEY_EMU_VERSION;
	case NVME_REG_CC:
		return e->cc;
	case NVME_REG_INTMS:
	case NVME_REG_INTMC:
		return e->masked;
	case NVME_REG_AQA:
		return e->aqa;
	case NVME_REG_ASQ:
		return lower_32_bits(e->asq);
	case NVME_REG_ASQ + 4:
		return upper_32_bits(e->asq);
	case NVME_REG_ACQ:
		return lower_32_bits(e->acq);
	case NVME_REG_ACQ + 4:
		return upper_32_bits(e->acq);
	default:
		return 0;
	}
}
PARLEY_EXPORT(parley_emu_read32);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: an emulated NVMe controller for guests");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
