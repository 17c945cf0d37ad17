// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entropy device (spec 5.4): the smallest complete front-end, the one to copy.
 *
 * A reader asks, which is a command that the device only writes; the device
 * fills it, the reader takes.  Suspend, reset and loss of the device are the
 * model's: start() asks again for what a reset took, and whoever waits is told if
 * nothing will come.
 */
#include <linux/hw_random.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <parley/command.h>
#include <parley/device.h>
#include <parley/export.h>
#include <parley/version.h>
#include <uapi/linux/virtio_ids.h>

#define PARLEY_RNG_BYTES	256

struct parley_rng {
	struct hwrng hwrng;
	struct parley_queue *queue;
	struct mutex lock;	/* of what follows */
	bool asked;		/* it is under way, or data is left */
	struct parley_command *cmd;	/* its len is what is left */
};

/* Make sure that data is there, or comes. */
static int parley_rng_ask(struct parley_rng *rng)
{
	int err;

	guard(mutex)(&rng->lock);
	if (rng->asked &&
	    parley_command_state(rng->cmd) != PARLEY_COMMAND_FAILED)
		return 0;
	err = parley_command_submit(rng->queue, rng->cmd);
	/* Of a device that is stopped start() asks. */
	if (err == -EAGAIN)
		err = 0;
	rng->asked = !err;
	return err;
}

static int parley_rng_take(struct parley_rng *rng, void *buf, size_t max)
{
	struct parley_command *cmd = rng->cmd;
	unsigned int n;

	guard(mutex)(&rng->lock);
	if (!rng->asked || parley_command_state(cmd) != PARLEY_COMMAND_DONE)
		return 0;
	n = min_t(size_t, max, cmd->len);
	cmd->len -= n;
	memcpy(buf, cmd->in + cmd->len, n);
	/* Nobody shall find later what somebody's key was made of. */
	memzero_explicit(cmd->in + cmd->len, n);
	rng->asked = cmd->len;
	return n;
}

static int parley_rng_read(struct hwrng *hwrng, void *buf, size_t max,
			   bool wait)
{
	struct parley_rng *rng = container_of(hwrng, struct parley_rng, hwrng);
	int err = parley_rng_ask(rng);

	if (!err && wait)
		err = parley_command_wait(rng->cmd, MAX_SCHEDULE_TIMEOUT,
					  PARLEY_COMMAND_KILLABLE |
					  PARLEY_COMMAND_PATIENT);
	return err ? err : parley_rng_take(rng, buf, max);
}

/* Nothing to hold back: a queue that is stopped takes nothing. */
static void parley_rng_stop(struct parley_device *pd)
{
}

static void parley_rng_start(struct parley_device *pd)
{
	struct parley_rng *rng = pd->priv;

	guard(mutex)(&rng->lock);
	/* If that fails, the command has: whoever waits is told, and may ask. */
	if (rng->asked && parley_command_state(rng->cmd) == PARLEY_COMMAND_RESET)
		parley_command_submit(rng->queue, rng->cmd);
}

static void parley_rng_free(struct parley_rng *rng)
{
	parley_command_put(rng->cmd);
	kfree(rng);
}

static int parley_rng_probe(struct parley_device *pd)
{
	static const struct parley_queue_spec spec = {
		.name = "requests", .size_max = 8,
		.complete = parley_command_complete,
		.give_back = parley_command_give_back,
	};
	struct parley_rng *rng = kzalloc(sizeof(*rng), GFP_KERNEL);
	int err;

	if (!rng)
		return -ENOMEM;
	mutex_init(&rng->lock);
	pd->priv = rng;
	rng->hwrng.name = dev_name(&pd->dev);
	rng->hwrng.read = parley_rng_read;
	rng->hwrng.quality = 1000;
	rng->cmd = parley_command_alloc(0, PARLEY_RNG_BYTES, GFP_KERNEL);
	err = rng->cmd ? parley_device_make_queues(pd, &spec, 1, NULL) : -ENOMEM;
	if (err)
		goto free;
	rng->queue = &pd->queues[0];
	parley_device_ready(pd);
	err = hwrng_register(&rng->hwrng);
	if (err)
		goto close;
	return 0;

close:
	parley_device_close(pd);
free:
	parley_rng_free(rng);
	return err;
}

static void parley_rng_remove(struct parley_device *pd)
{
	struct parley_rng *rng = pd->priv;

	/* A reader is told, and then the layer waits for it. */
	parley_device_close(pd);
	hwrng_unregister(&rng->hwrng);
	parley_rng_free(rng);
}

static const struct virtio_device_id parley_rng_ids[] = {
	{ VIRTIO_ID_RNG, VIRTIO_DEV_ANY_ID },
	{ }
};

static struct parley_driver parley_rng_driver = {
	.driver.name = "parley_rng",
	.ids = parley_rng_ids,
	.probe = parley_rng_probe,
	.remove = parley_rng_remove,
	.stop = parley_rng_stop,
	.start = parley_rng_start,
};
module_parley_driver(parley_rng_driver);

MODULE_ALIAS_PARLEY("00000004");
PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: virtio entropy device");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
