// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stopping a device and starting it from scratch: suspend, function-level
 * reset, a device that asks for a reset, shutdown.
 *
 * All four are the same: the front-end stops, the device is reset and forgets
 * its rings, and later everything is negotiated and made anew.  Nothing that
 * the device remembered is relied upon.
 */
#include <linux/module.h>
#include <parley/export.h>
#include "guest.h"

/**
 * parley_device_quiesce() - stop the device, keep the queues
 * @pd: the device
 *
 * When this returns, the device is reset and touches no memory, no done() and
 * no config_changed() runs or will run, and what was in flight can be taken
 * back with parley_drvq_detach().  Calling it twice does no harm.
 *
 * Context: may sleep; not from config_changed().
 * Return: 0; -ETIMEDOUT or -ENODEV if the device did not answer, which a caller
 * may ignore: all of the above holds.
 */
int parley_device_quiesce(struct parley_device *pd)
{
	bool idle;
	int err;

	parley_config_disarm(pd);
	spin_lock_irq(&pd->config_lock);
	idle = pd->state == PARLEY_IDLE;
	WRITE_ONCE(pd->state, PARLEY_IDLE);
	pd->config_missed = false;
	spin_unlock_irq(&pd->config_lock);
	if (idle)
		return 0;
	pd->status = 0;
	err = pd->ops->reset(pd);
	if (err && !parley_device_gone(pd))
		dev_err(&pd->dev, "device does not finish a reset (%d)\n", err);
	return err;
}
PARLEY_EXPORT(parley_device_quiesce);

/**
 * parley_device_recover() - agree with a stopped device again
 * @pd: the device; quiesced, its queues dropped
 *
 * For a front-end that resets its device on its own account.  It makes its
 * queues next, and then calls parley_device_ready().
 *
 * Context: may sleep; under the device lock.
 * Return: 0, or an error of the negotiation: the device is unusable.
 */
int parley_device_recover(struct parley_device *pd)
{
	if (pd->state != PARLEY_IDLE || pd->nr_queues)
		return -EBUSY;
	return parley_negotiate_again(pd);
}
PARLEY_EXPORT(parley_device_recover);

static int parley_freeze_locked(struct parley_device *pd)
{
	struct parley_driver *drv = parley_driver_of(pd);
	int err;

	device_lock_assert(&pd->dev);
	if (!drv || pd->frozen)
		return 0;
	if (!drv->freeze || !drv->restore) {
		dev_err(&pd->dev, "front-end %s cannot be suspended or reset; unbind it first\n",
			drv->driver.name);
		return -EOPNOTSUPP;
	}
	parley_config_disarm(pd);
	err = drv->freeze(pd);
	if (err) {
		if (pd->state == PARLEY_LIVE)
			parley_config_arm(pd);
		return err;
	}
	parley_device_drop_queues(pd);
	parley_device_quiesce(pd);
	pd->frozen = true;
	return 0;
}

/*
 * The front-end holds back requests that nobody will serve.  Unbinding it fails
 * them; that cannot be done here, where the caller may be suspending.
 */
static void parley_lose(struct parley_device *pd, int err)
{
	dev_err(&pd->dev, "device did not come back from a reset (%d): its requests fail, unbind and bind the transport's device to try again\n",
		err);
	parley_device_surprise(pd);
	pd->lost = true;
	parley_recover_schedule(pd);
}

static int parley_restore_locked(struct parley_device *pd)
{
	struct parley_driver *drv = parley_driver_of(pd);
	int err;

	device_lock_assert(&pd->dev);
	if (!drv || !pd->frozen)
		return 0;
	err = parley_device_recover(pd);
	if (!err)
		err = drv->restore(pd);
	if (err) {
		parley_lose(pd, err);
		return err;
	}
	pd->frozen = false;
	parley_device_ready(pd);
	return 0;
}

/**
 * parley_device_freeze() - before a suspend or a function-level reset
 * @pd: the device
 *
 * Context: may sleep; takes the device lock of @pd.
 * Return: 0 if the device may lose its state now; an error of the front-end,
 * which goes on as before then.
 */
int parley_device_freeze(struct parley_device *pd)
{
	int err;

	device_lock(&pd->dev);
	err = parley_freeze_locked(pd);
	device_unlock(&pd->dev);
	return err;
}
PARLEY_EXPORT(parley_device_freeze);

/**
 * parley_device_restore() - after a suspend or a function-level reset
 * @pd: the device
 *
 * If the device does not come back, its front-end is unbound, so that nothing
 * waits for it forever.
 *
 * Context: may sleep; takes the device lock of @pd.
 * Return: 0 or an error.
 */
int parley_device_restore(struct parley_device *pd)
{
	int err;

	device_lock(&pd->dev);
	err = parley_restore_locked(pd);
	device_unlock(&pd->dev);
	return err;
}
PARLEY_EXPORT(parley_device_restore);

/**
 * parley_device_shutdown() - the machine goes down or into another kernel
 * @pd: the device
 *
 * The device must not write into memory that is somebody else's afterwards.
 * What is still in flight fails.
 *
 * Context: may sleep.
 */
void parley_device_shutdown(struct parley_device *pd)
{
	parley_device_cut_off(pd, NULL);
	parley_device_quiesce(pd);
}
PARLEY_EXPORT(parley_device_shutdown);

/**
 * parley_recover_schedule() - reset the device, or unbind a lost one, soon
 * @pd: the device
 */
void parley_recover_schedule(struct parley_device *pd)
{
	/* The work's reference; unregistering drops it if the work is caught. */
	get_device(&pd->dev);
	if (!queue_work(system_freezable_wq, &pd->recover_work))
		put_device(&pd->dev);
}

static void parley_recover_locked(struct parley_device *pd)
{
	int err;

	device_lock_assert(&pd->dev);
	if (pd->lost || pd->state != PARLEY_LIVE || parley_device_gone(pd))
		return;
	if (!__ratelimit(&pd->recover_limit)) {
		parley_lose(pd, -ELOOP);
		return;
	}
	dev_err(&pd->dev, "device asks for a reset\n");
	err = parley_freeze_locked(pd);
	if (err) {
		parley_lose(pd, err);
		return;
	}
	if (!parley_restore_locked(pd))
		dev_info(&pd->dev, "device runs again\n");
}

void parley_recover_work(struct work_struct *work)
{
	struct parley_device *pd =
		container_of(work, struct parley_device, recover_work);
	bool lost;

	device_lock(&pd->dev);
	if (parley_driver_of(pd))
		parley_recover_locked(pd);
	lost = pd->lost;
	device_unlock(&pd->dev);
	/* Does nothing if somebody else was faster. */
	if (lost)
		device_release_driver(&pd->dev);
	put_device(&pd->dev);
}
