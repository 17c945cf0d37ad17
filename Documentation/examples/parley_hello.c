// SPDX-License-Identifier: GPL-2.0-only
/*
 * The smallest front-end that does something: asks an entropy device for eight
 * bytes each time it comes up, and says how many came.  See ../frontend.rst.
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <parley/device.h>
#include <parley/export.h>
#include <uapi/linux/virtio_ids.h>

struct hello {
	struct parley_queue *queue;
	/* Alone on its cache lines: the device writes it. */
	u8 data[8] __aligned(ARCH_DMA_MINALIGN);
};

/* Hard interrupt context, without the queue's lock. */
static void hello_done(struct parley_queue *queue)
{
	struct parley_done done;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	do {
		while (parley_drvq_reap(queue->vq, &done, 1))
			dev_info(&queue->dev->dev, "%u bytes came\n", done.len);
	} while (!parley_drvq_arm(queue->vq, 0) &&
		 !parley_drvq_broken(queue->vq));
	spin_unlock_irqrestore(&queue->lock, flags);
}

static int hello_start(struct parley_device *pd)
{
	static const struct parley_queue_spec spec = {
		.name = "hello", .done = hello_done,
	};
	struct hello *hello = pd->priv;
	struct parley_seg seg = {
		.addr = virt_to_phys(hello->data), .len = sizeof(hello->data),
	};
	struct parley_buf buf = { .segs = &seg, .cookie = hello, .n_in = 1 };
	int err;

	err = parley_device_make_queues(pd, &spec, 1, NULL);
	if (err)
		return err;
	hello->queue = &pd->queues[0];
	/* Nothing may be kicked before. */
	parley_device_ready(pd);
	spin_lock_irq(&hello->queue->lock);
	err = parley_drvq_submit(hello->queue->vq, &buf, GFP_ATOMIC);
	spin_unlock_irq(&hello->queue->lock);
	if (err)
		parley_device_quiesce(pd);
	return err;
}

static int hello_freeze(struct parley_device *pd)
{
	struct hello *hello = pd->priv;

	/* From here on no done() runs and the device writes nothing. */
	parley_device_quiesce(pd);
	if (!hello->queue)
		return 0;
	spin_lock_irq(&hello->queue->lock);
	while (parley_drvq_detach(hello->queue->vq))
		;
	spin_unlock_irq(&hello->queue->lock);
	hello->queue = NULL;
	return 0;
}

static int hello_probe(struct parley_device *pd)
{
	struct hello *hello = kzalloc(sizeof(*hello), GFP_KERNEL);
	int err;

	if (!hello)
		return -ENOMEM;
	pd->priv = hello;
	err = hello_start(pd);
	if (err)
		kfree(hello);
	return err;
}

static void hello_remove(struct parley_device *pd)
{
	hello_freeze(pd);
	kfree(pd->priv);
}

static const struct virtio_device_id hello_ids[] = {
	{ VIRTIO_ID_RNG, VIRTIO_DEV_ANY_ID },
	{ }
};

static struct parley_driver hello_driver = {
	.driver.name = "parley_hello",
	.ids = hello_ids,
	.probe = hello_probe,
	.remove = hello_remove,
	.freeze = hello_freeze,
	.restore = hello_start,
};
module_parley_driver(hello_driver);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: a front-end to begin with");
MODULE_LICENSE("GPL");
