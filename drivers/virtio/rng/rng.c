// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entropy device (spec 5.4): the smallest complete front-end, the one to copy.
 *
 * A reader asks, the device fills the buffer, done() says so, the reader takes.
 * Every path by which a device goes away is here, and each leaves nobody waiting.
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
	struct mutex lock;	/* of what follows; outside the queue's lock */
	struct parley_queue *queue;	/* NULL from freeze to restore */
	bool gone;		/* removed: nobody asks any more */
	bool asked;		/* a request is under way, or data is left */
	struct completion answered;	/* it came back, or never will */
	unsigned int left;	/* bytes that came and were not read */
	u8 data[256] ____cacheline_aligned;
};

static void parley_rng_done(struct parley_queue *queue)
{
	struct parley_rng *rng = queue->priv;
	struct parley_done done;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	do {
		while (parley_drvq_reap(queue->vq, &done, 1)) {
			rng->left = min_t(u32, done.len, sizeof(rng->data));
			complete_all(&rng->answered);
		}
	} while (!parley_drvq_arm(queue->vq, 0) && !parley_drvq_broken(queue->vq));
	if (parley_drvq_broken(queue->vq))
		complete_all(&rng->answered);
	spin_unlock_irqrestore(&queue->lock, flags);
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
	/* Frozen: restore() submits what was asked. */
	if (rng->queue)
		err = parley_rng_submit(rng);
	rng->asked = !err;
	return err;
}

static int parley_rng_take(struct parley_rng *rng, void *buf, size_t max)
{
	unsigned int n;

	guard(mutex)(&rng->lock);
	if (!completion_done(&rng->answered))
		return 0;
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

static int parley_rng_make_queue(struct parley_rng *rng)
{
	static const struct parley_queue_spec spec = {
		.name = "requests", .done = parley_rng_done, .size_max = 8,
	};
	int err = parley_device_make_queues(rng->pd, &spec, 1, NULL);

	if (err)
		return err;
	rng->queue = &rng->pd->queues[0];
	rng->queue->priv = rng;
	parley_device_ready(rng->pd);
	/* What was in flight when the device was frozen. */
	if (rng->asked && !completion_done(&rng->answered))
		err = parley_rng_submit(rng);
	return err;
}

/* The device stops; a request that was in flight stays asked. */
static int parley_rng_freeze(struct parley_device *pd)
{
	struct parley_rng *rng = pd->priv;

	guard(mutex)(&rng->lock);
	parley_device_quiesce(pd);
	if (!rng->queue)
		return 0;
	scoped_guard(spinlock_irq, &rng->queue->lock)
		while (parley_drvq_detach(rng->queue->vq))
			;
	rng->queue = NULL;
	return 0;
}

static int parley_rng_restore(struct parley_device *pd)
{
	struct parley_rng *rng = pd->priv;

	guard(mutex)(&rng->lock);
	return parley_rng_make_queue(rng);
}

static int parley_rng_probe(struct parley_device *pd)
{
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
	err = parley_rng_make_queue(rng);
	if (!err)
		err = hwrng_register(&rng->hwrng);
	if (err) {
		parley_device_quiesce(pd);
		kfree(rng);
	}
	return err;
}

static void parley_rng_remove(struct parley_device *pd)
{
	struct parley_rng *rng = pd->priv;

	scoped_guard(mutex, &rng->lock)
		rng->gone = true;
	parley_rng_freeze(pd);
	complete_all(&rng->answered);
	/* Waits for a reader that is in the middle of it. */
	hwrng_unregister(&rng->hwrng);
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
	.freeze = parley_rng_freeze,
	.restore = parley_rng_restore,
};
module_parley_driver(parley_rng_driver);

MODULE_ALIAS_PARLEY("00000004");
PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: virtio entropy device");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
