/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest device model's own state of a device.  It lies in the transport's
 * object, hence this header; nobody but drivers/virtio/guest looks inside.
 */
#ifndef _PARLEY_MODEL_H
#define _PARLEY_MODEL_H

#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <parley/features.h>

/**
 * enum parley_phase - how far a device has come; see recovery.rst
 * @PARLEY_IDLE: nobody drives it.  Reset: it uses no memory and interrupts of it
 *	go nowhere
 * @PARLEY_AGREED: FEATURES_OK; its front-end makes its queues
 * @PARLEY_LIVE: DRIVER_OK; interrupts reach the front-end
 * @PARLEY_STOPPED: reset; its front-end holds work back, queues are kept
 * @PARLEY_DEAD: reset or gone for good; its front-end goes on, and work fails
 */
enum parley_phase {
	PARLEY_IDLE,
	PARLEY_AGREED,
	PARLEY_LIVE,
	PARLEY_STOPPED,
	PARLEY_DEAD,
};

/**
 * enum parley_hold - why a device has to stay stopped; several may hold it
 * @PARLEY_HOLD_SLEEP: the system sleeps
 * @PARLEY_HOLD_RESET: its function is reset by somebody else
 */
enum parley_hold {
	PARLEY_HOLD_SLEEP,
	PARLEY_HOLD_RESET,
};

/**
 * enum parley_fault - why a device has to be started anew
 * @PARLEY_FAULT_BROKEN: it broke the rules of a queue
 * @PARLEY_FAULT_WISH: it asks for a reset (DEVICE_NEEDS_RESET)
 * @PARLEY_FAULT_FORGOT: it was reset behind its driver's back
 */
enum parley_fault {
	PARLEY_FAULT_BROKEN,
	PARLEY_FAULT_WISH,
	PARLEY_FAULT_FORGOT,
};

/**
 * struct parley_model - see the top of this file
 * @lock: who stops and starts the device; outermost but for the device lock
 * @holds: bits of enum parley_hold; under @lock
 * @faults: bits of enum parley_fault; atomic, set in any context
 * @status: the bits of the device status that were written
 * @offered: feature bits that the device offers
 * @nr_all: queues in pd.queues: the front-end's, then the transport's own
 * @irq_lock: protects the fields that follow, and the pointer to the queues
 * @phase: changed under @irq_lock, and under @lock too from ready to the end;
 *	read under either
 * @epoch: counts stops, so that what was read across one is known to be void
 * @config_armed: configuration interrupts are passed on
 * @config_missed: one came while they were not
 * @config_over: the front-end is leaving: they stay unarmed until the next
 * @config_work: runs the front-end's config_changed()
 * @recover_work: lets faults and removal have their effect
 * @unbind_work: unbinds the front-end of a lost device
 * @recover_limit: no more recoveries from faults than this
 * @spurious: interrupts on a shared vector that found nothing to reap
 */
struct parley_model {
	struct mutex lock;	/* see above */
	unsigned long holds;
	unsigned long faults;
	u8 status;
	struct parley_features offered;
	unsigned int nr_all;
	spinlock_t irq_lock;	/* see above */
	enum parley_phase phase;
	u32 epoch;
	bool config_armed;
	bool config_missed;
	bool config_over;
	struct work_struct config_work;
	struct work_struct recover_work;
	struct work_struct unbind_work;
	struct ratelimit_state recover_limit;
	u64 spurious;
};

#endif /* _PARLEY_MODEL_H */
