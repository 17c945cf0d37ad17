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

/* Mostly hard interrupt context; without the queue's lock. */
static void hello_complete(struct parley_queue *queue,
			   const struct parley_done *done, unsigned int nr,
			   void *ctx)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		dev_info(&queue->dev->dev, "%u bytes came\n", done[i].len);
}

/* The device was reset or is gone, and start() asks again: nothing to keep. */
static void hello_give_back(struct parley_queue *queue, void *cookie,
			    enum parley_fate fate)
{
}

static int hello_ask(struct hello *hello)
{
	struct parley_seg seg = {
		.addr = virt_to_phys(hello->data), .len = sizeof(hello->data),
	};
	struct parley_buf buf = { .segs = &seg, .cookie = hello, .n_in = 1 };

	guard(parley_qlock_irq)(&hello->queue->lock);
	return parley_drvq_submit(hello->queue->vq, &buf, GFP_ATOMIC);
}

/* Nothing is asked for but in start(), so there is nothing to hold back. */
static void hello_stop(struct parley_device *pd)
{
}

static void hello_start(struct parley_device *pd)
{
	/* Of a device that is gone nothing can be asked: -EIO. */
	hello_ask(pd->priv);
}

static int hello_probe(struct parley_device *pd)
{
	static const struct parley_queue_spec spec = {
		.name = "hello",
		.complete = hello_complete,
		.give_back = hello_give_back,
	};
	struct hello *hello = kzalloc(sizeof(*hello), GFP_KERNEL);
	int err;

	if (!hello)
		return -ENOMEM;
	pd->priv = hello;
	err = parley_device_make_queues(pd, &spec, 1, NULL);
	if (err)
		goto free;
	hello->queue = &pd->queues[0];
	/* Nothing may be kicked before; stop() and start() may come after. */
	parley_device_ready(pd);
	err = hello_ask(hello);
	if (err)
		goto close;
	return 0;

close:
	parley_device_close(pd);
free:
	kfree(hello);
	return err;
}

static void hello_remove(struct parley_device *pd)
{
	/* From here on nothing is called, and the device writes nothing. */
	parley_device_close(pd);
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
	.stop = hello_stop,
	.start = hello_start,
};
module_parley_driver(hello_driver);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: a front-end to begin with");
MODULE_LICENSE("GPL");
