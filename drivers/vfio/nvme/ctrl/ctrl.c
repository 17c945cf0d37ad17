// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller's life.
 *
 * It is OFF until it is started: whoever had it before may have left it at work,
 * so it is disabled first, and reaches memory only from then on.  It is LIVE when
 * it says that it is ready, and takes commands.  A stop makes it OFF, whatever it
 * was, and takes memory from it, also if it does not obey.  DEAD is a live one
 * that broke the rules, failed, or kept a command; GONE one whose registers read
 * as all ones.  Only a start leads out of the two, after somebody reset the
 * function or plugged it in again.
 *
 *	from	event				to
 *	any	start, all went well		LIVE
 *	any	start, something did not	OFF
 *	any	stop				OFF
 *	LIVE	a fault, a lie, no answer	DEAD
 *	LIVE	registers read all ones		GONE
 *
 * Commands fail in all states but LIVE, and who waits when LIVE ends is ended.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <parley/export.h>
#include <parley/version.h>
#include "ctrl.h"

static u32 pnc_read(struct parley_nvme *n, u32 reg)
{
	return n->ops->read32(n, reg);
}

static u64 pnc_read64(struct parley_nvme *n, u32 reg)
{
	u32 low = pnc_read(n, reg);

	return low | (u64)pnc_read(n, reg + 4) << 32;
}

static void pnc_write64(struct parley_nvme *n, u32 reg, u64 value)
{
	n->ops->write32(n, reg, lower_32_bits(value));
	n->ops->write32(n, reg + 4, upper_32_bits(value));
}

/**
 * parley_nvme_init() - a controller that is OFF, with memory for its queue
 * @n: zeroed
 * @dev: the device, for messages
 * @ops: how it is reached
 * @bar: bytes of registers
 *
 * Context: process context; may sleep.
 * Return: 0, -ENOMEM, or -ENODEV if there are too few registers for a controller.
 */
int parley_nvme_init(struct parley_nvme *n, struct device *dev,
		     const struct parley_nvme_ops *ops, size_t bar)
{
	n->dev = dev;
	n->ops = ops;
	n->bar = bar;
	n->command_ms = PARLEY_NVME_COMMAND_MS;
	n->abort_ms = PARLEY_NVME_ABORT_MS;
	n->look_ms = PARLEY_NVME_LOOK_MS;
	mutex_init(&n->mutex);
	spin_lock_init(&n->lock);
	if (bar < NVME_REG_DBS + 2 * sizeof(u32)) {
		dev_err(dev, "has only %zu bytes of registers: no NVMe controller\n", bar);
		return -ENODEV;
	}
	return parley_nvme_admin_alloc(n);
}
PARLEY_EXPORT(parley_nvme_init);

/**
 * parley_nvme_exit() - the mirror of parley_nvme_init()
 * @n: the controller, stopped
 *
 * Context: process context; may sleep.
 */
void parley_nvme_exit(struct parley_nvme *n)
{
	parley_nvme_admin_free(n);
	mutex_destroy(&n->mutex);
}
PARLEY_EXPORT(parley_nvme_exit);

/* The registers that say what it can do: read once, at each start. */
static int pnc_check_cap(struct parley_nvme *n)
{
	u64 cap = pnc_read64(n, NVME_REG_CAP);
	u32 version = pnc_read(n, NVME_REG_VS);
	u32 units = NVME_CAP_TIMEOUT(cap);

	if (cap == U64_MAX || version == PARLEY_NVME_ALL_ONES) {
		dev_err(n->dev, "does not answer: look for it on the bus\n");
		return -ENODEV;
	}
	if (version < NVME_VS(1, 0, 0)) {
		dev_err(n->dev, "says that it follows NVMe %#x: not served\n", version);
		return -ENODEV;
	}
	if (NVME_CAP_MPSMIN(cap)) {
		dev_err(n->dev, "wants memory pages larger than 4 KiB: not served\n");
		return -ENODEV;
	}
	if (!(NVME_CAP_CSS(cap) & (NVME_CAP_CSS_NVM | NVME_CAP_CSS_CSI))) {
		dev_err(n->dev, "has no command set of NVMe disks (CAP %#llx): not served\n",
			cap);
		return -ENODEV;
	}
	n->entries = NVME_CAP_MQES(cap) + 1;
	n->stride = 4 << NVME_CAP_STRIDE(cap);
	if (!parley_nvme_queue_fits(n, 0)) {
		dev_err(n->dev, "has doorbells beyond its %zu bytes of registers: not served\n",
			n->bar);
		return -ENODEV;
	}
	/* Newer ones have a longer time in a register of its own (NVMe 2.0): up to nine hours. */
	if (cap & NVME_CAP_CRMS_CRWMS)
		units = max(units, pnc_read(n, NVME_REG_CRTO) & 0xffff);
	n->ready_ms = clamp(units * PARLEY_NVME_UNIT_MS, PARLEY_NVME_UNIT_MS,
			    PARLEY_NVME_READY_MAX_MS);
	n->version = version;
	n->cc = NVME_CC_ENABLE | NVME_CC_AMS_RR | NVME_CC_SHN_NONE | NVME_CC_IOSQES |
		NVME_CC_IOCQES | (NVME_CAP_CSS(cap) & NVME_CAP_CSS_CSI ?
				  NVME_CC_CSS_CSI : NVME_CC_CSS_NVM);
	return 0;
}

/*
 * Wait until the status has @want in @mask.  A fatal fault ends it, unless that is
 * what is being left.
 */
static int pnc_wait_status(struct parley_nvme *n, u32 mask, u32 want, bool fault_ends,
			   unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);
	bool late = false;
	u32 csts;

	for (;;) {
		csts = pnc_read(n, NVME_REG_CSTS);
		if (csts == PARLEY_NVME_ALL_ONES)
			return -ENODEV;
		if ((csts & mask) == want)
			return 0;
		if (fault_ends && (csts & NVME_CSTS_CFS))
			return -EIO;
		if (late)
			return -ETIMEDOUT;
		/* Once more after the end: we may have slept for long. */
		late = time_after_eq(jiffies, end);
		usleep_range(500, 2000);
	}
}

static int pnc_disable(struct parley_nvme *n)
{
	u32 cc = pnc_read(n, NVME_REG_CC);
	int err;

	if (cc == PARLEY_NVME_ALL_ONES)
		return -ENODEV;
	if (cc & NVME_CC_ENABLE) {
		/* One that is still on its way up must arrive first (NVMe 3.1.5). */
		pnc_wait_status(n, NVME_CSTS_RDY, NVME_CSTS_RDY, true, n->ready_ms);
		cc &= ~(NVME_CC_ENABLE | NVME_CC_SHN_MASK);
		n->ops->write32(n, NVME_REG_CC, cc);
	}
	err = pnc_wait_status(n, NVME_CSTS_RDY, 0, false, n->ready_ms);
	if (err)
		dev_err_ratelimited(n->dev, "controller cannot be disabled within %u ms (%d): reset the function, or the machine\n",
				    n->ready_ms, err);
	return err;
}

static int pnc_enable(struct parley_nvme *n)
{
	u32 depth = PARLEY_NVME_DEPTH - 1;
	int err;

	parley_nvme_admin_clear(n);
	n->ops->write32(n, NVME_REG_AQA, depth << 16 | depth);
	pnc_write64(n, NVME_REG_ASQ, n->admin.queue.sq_dma);
	pnc_write64(n, NVME_REG_ACQ, n->admin.queue.cq_dma);
	n->ops->master(n, true);
	/* What was set beside EN must be there before EN is (NVMe 3.1.5). */
	n->ops->write32(n, NVME_REG_CC, n->cc & ~NVME_CC_ENABLE);
	n->ops->write32(n, NVME_REG_CC, n->cc);
	err = pnc_wait_status(n, NVME_CSTS_RDY, NVME_CSTS_RDY, true, n->ready_ms);
	if (err == -ETIMEDOUT)
		dev_err_ratelimited(n->dev, "controller is not ready after %u ms, the time that it asked for: reset the function\n",
				    n->ready_ms);
	else if (err)
		dev_err_ratelimited(n->dev, "controller fails when it is enabled (%d): reset the function\n",
				    err);
	return err;
}

/**
 * parley_nvme_start() - make the controller LIVE and ask it who it is
 * @n: the controller, in any state
 *
 * Context: process context; @n->mutex held; sleeps as long as the controller says
 *	that it needs, four times at most, and for a few commands.
 * Return: 0 and LIVE; or OFF and
 *	-ENODEV		it does not answer, or is none that we serve
 *	-EIO		it reports a fatal fault
 *	-ETIMEDOUT	it does not obey in time
 *	or what parley_nvme_admin() returns.
 */
int parley_nvme_start(struct parley_nvme *n)
{
	int err;

	lockdep_assert_held(&n->mutex);
	err = pnc_check_cap(n);
	if (!err)
		err = pnc_disable(n);
	if (!err)
		err = pnc_enable(n);
	if (!err) {
		parley_nvme_set_state(n, PARLEY_NVME_LIVE);
		err = parley_nvme_learn(n);
	}
	if (err)
		parley_nvme_stop(n, false);
	return err;
}
PARLEY_EXPORT(parley_nvme_start);

static void pnc_shut_down(struct parley_nvme *n)
{
	u32 cc = n->cc | NVME_CC_SHN_NORMAL;
	int err;

	n->ops->write32(n, NVME_REG_CC, cc);
	err = pnc_wait_status(n, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_CMPLT, true,
			      n->id.shutdown_ms);
	if (err)
		dev_warn_ratelimited(n->dev, "controller does not shut down within %u ms (%d): it may have to recover when it is used next\n",
				     n->id.shutdown_ms, err);
}

/* It may reach memory a while longer; parley_nvme_abandon() may end that before. */
static void pnc_reaches(struct parley_nvme *n, bool reaches)
{
	scoped_guard(spinlock_irqsave, &n->lock) {
		n->stopping = reaches;
		if (!reaches)
			n->ops->master(n, false);
	}
}

/**
 * parley_nvme_stop() - make the controller OFF and take memory from it
 * @n: the controller, in any state
 * @shutdown: let it bring its data to rest first; if it is LIVE
 *
 * Context: process context; @n->mutex held; sleeps.
 */
void parley_nvme_stop(struct parley_nvme *n, bool shutdown)
{
	enum parley_nvme_state was = READ_ONCE(n->state);

	lockdep_assert_held(&n->mutex);
	pnc_reaches(n, true);
	parley_nvme_set_state(n, PARLEY_NVME_OFF);
	/* One that was never asked for its times was never started either. */
	if (was != PARLEY_NVME_GONE && n->ready_ms) {
		if (shutdown && was == PARLEY_NVME_LIVE)
			pnc_shut_down(n);
		pnc_disable(n);
	}
	pnc_reaches(n, false);
	/* Now, since what they wait for may have used memory of somebody else's. */
	if (n->ended)
		n->ended(n, -ENETDOWN);
}
PARLEY_EXPORT(parley_nvme_stop);

static const char *const pnc_names[] = {
	[PARLEY_NVME_OFF] = "off",
	[PARLEY_NVME_LIVE] = "live",
	[PARLEY_NVME_DEAD] = "dead",
	[PARLEY_NVME_GONE] = "gone",
};

/**
 * parley_nvme_state_name() - what the state is called
 * @n: the controller
 *
 * Context: any.
 * Return: a word, for people.
 */
const char *parley_nvme_state_name(struct parley_nvme *n)
{
	return pnc_names[READ_ONCE(n->state)];
}
PARLEY_EXPORT(parley_nvme_state_name);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: NVMe controllers, for their drivers");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
