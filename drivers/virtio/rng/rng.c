// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entropy device (spec 5.4): the smallest complete front-end, the one to copy.
 *
 * A reader asks, the device fills the buffer, complete() says so, the reader
 * takes.  Suspend, reset and loss of the device are the model's: it says stop and
 * start, and a device that is gone takes no request.
 */
#include <linux/hw_random.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <parley/device.h>
#include <parley/export.h>
#include <parley/version.h>
#include <uapi/linux/virtio_ids.h>

struct parley_rng {
	struct hwrng hwrng;
	struct parley_device *pd;
	struct parley_queue *queue;
	struct mutex lock;	/* of what follows; outside the queue's lock */
	bool stopped;		/* from stop to start: start submits */
	bool gone;		/* removed or lost: nobody asks any more */
	bool asked;		/* a request is under way, or data is left */
	bool failed;		/* the device broke the rules over it */
	struct completion answered;	/* it came back, or never will */
	unsigned int left;	/* bytes that came and were not read */
	u8 data[256] ____cacheline_aligned;
};

static void parley_rng_complete(struct parley_queue *queue,
				const struct parley_done *done, unsigned int nr,
				void *ctx)
{
	struct parley_rng *rng = queue->priv;

	/* There is one request at a time. */
	rng->left = min_t(u32, done->len, sizeof(rng->data));
	complete_all(&rng->answered);
}

/* What can be repeated stays asked: start() submits it again. */
static void parley_rng_give_back(struct parley_queue *queue, void *cookie,
				 enum parley_fate fate)
{
	struct parley_rng *rng = queue->priv;

	if (fate == PARLEY_REPEAT)
		return;
	guard(mutex)(&rng->lock);
	rng->failed = true;
	complete_all(&rng->answered);
}

static int parley_rng_submit(struct parley_rng *rng)
{
	struct parley_seg seg = { virt_to_phys(rng->data), sizeof(rng->data) };
	struct parley_buf buf = { .segs = &seg, .cookie = rng, .n_in = 1 };
	int err;

	spin_lock_irq(&rng->queue->lock);
	err = parley_drvq_submit(rng->queue->vq, &buf, GFP_ATOMIC);
	spin_unlock_irq(&rng->queue->lock);
	return err;
}

/* Make sure that data is there, or comes. */
static int parley_rng_ask(struct parley_rng *rng)
{
	int err = 0;

	guard(mutex)(&rng->lock);
	if (rng->asked || rng->gone)
		return rng->gone ? -ENODEV : 0;
	reinit_completion(&rng->answered);
	if (!rng->stopped)
		err = parley_rng_submit(rng);
	/* A queue that just broke is as good as stopped: start() will come. */
	if (err == -EIO)
		err = 0;
	rng->asked = !err;
	return err;
}

static int parley_rng_take(struct parley_rng *rng, void *buf, size_t max)
{
	unsigned int n;

	guard(mutex)(&rng->lock);
	if (!completion_done(&rng->answered))
		return 0;
	if (rng->failed) {
		rng->failed = false;
		rng->asked = false;
		return -EIO;
	}
	n = min_t(size_t, max, rng->left);
	rng->left -= n;
	memcpy(buf, rng->data + rng->left, n);
	/* Nobody shall find later what somebody's key was made of. */
	memzero_explicit(rng->data + rng->left, n);
	rng->asked = rng->left;
	return n;
}

static int parley_rng_read(struct hwrng *hwrng, void *buf, size_t max,
			   bool wait)
{
	struct parley_rng *rng = container_of(hwrng, struct parley_rng, hwrng);
	int err = parley_rng_ask(rng);

	if (!err && wait)
		err = wait_for_completion_killable(&rng->answered);
	return err ? err : parley_rng_take(rng, buf, max);
}

static void parley_rng_stop(struct parley_device *pd)
{
	struct parley_rng *rng = pd->priv;

	guard(mutex)(&rng->lock);
	rng->stopped = true;
}

/* Nobody waits any more, and nobody asks again. */
static void parley_rng_end(struct parley_rng *rng)
{
	guard(mutex)(&rng->lock);
	rng->gone = true;
	complete_all(&rng->answered);
}

static void parley_rng_start(struct parley_device *pd)
{
	struct parley_rng *rng = pd->priv;

	if (parley_device_gone(pd)) {
		parley_rng_end(rng);
		return;
	}
	guard(mutex)(&rng->lock);
	rng->stopped = false;
	/* If the queue breaks again, so will start() come again. */
	if (rng->asked && !completion_done(&rng->answered))
		parley_rng_submit(rng);
}

static int parley_rng_probe(struct parley_device *pd)
{
	static const struct parley_queue_spec spec = {
		.name = "requests", .size_max = 8,
		.complete = parley_rng_complete,
		.give_back = parley_rng_give_back,
	};
	struct parley_rng *rng = kzalloc(sizeof(*rng), GFP_KERNEL);
	int err;

	if (!rng)
		return -ENOMEM;
	mutex_init(&rng->lock);
	init_completion(&rng->answered);
	rng->pd = pd;
	pd->priv = rng;
	rng->hwrng.name = dev_name(&pd->dev);
	rng->hwrng.read = parley_rng_read;
	rng->hwrng.quality = 1000;
	err = parley_device_make_queues(pd, &spec, 1, NULL);
	if (err)
		goto free;
	rng->queue = &pd->queues[0];
	rng->queue->priv = rng;
	parley_device_ready(pd);
	err = hwrng_register(&rng->hwrng);
	if (err)
		goto close;
	return 0;

close:
	parley_device_close(pd);
free:
	kfree(rng);
	return err;
}

static void parley_rng_remove(struct parley_device *pd)
{
	struct parley_rng *rng = pd->priv;

	/* A reader gives up, and then the layer waits for it. */
	parley_rng_end(rng);
	hwrng_unregister(&rng->hwrng);
	parley_device_close(pd);
	kfree(rng);
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
