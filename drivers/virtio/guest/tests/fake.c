// SPDX-License-Identifier: GPL-2.0-only
/* See fake.h. */
#include <kunit/device.h>
#include <kunit/resource.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/virtio_ring.h>
#include "fake.h"

struct fake_front parley_fake_front;

/* The transport */

static struct fake *to_fake(struct parley_device *pd)
{
	return container_of(pd, struct fake, pd);
}

static u8 fake_get_status(struct parley_device *pd)
{
	struct fake *fake = to_fake(pd);

	return (READ_ONCE(fake->status) & ~fake->no_status) |
	       fake->stuck_status;
}

static void fake_set_status(struct parley_device *pd, u8 status)
{
	WRITE_ONCE(to_fake(pd)->status, status);
}

static int fake_reset(struct parley_device *pd)
{
	struct fake *fake = to_fake(pd);

	WRITE_ONCE(fake->status, 0);
	fake->enabled = 0;
	fake->resets++;
	return fake->reset_err;
}

static u64 fake_get_features(struct parley_device *pd)
{
	return to_fake(pd)->offered;
}

static int fake_set_features(struct parley_device *pd, u64 features)
{
	to_fake(pd)->accepted = features;
	return 0;
}

static void fake_config_read(struct parley_device *pd, unsigned int offset,
			     void *buf, unsigned int len)
{
	struct fake *fake = to_fake(pd);

	fake->reads++;
	memcpy(buf, fake->config + offset, len);
	if (!fake->restless)
		return;
	fake->generation++;
	fake->config[0]++;
	if (fake->restless > 0)
		fake->restless--;
}

static void fake_config_write(struct parley_device *pd, unsigned int offset,
			      const void *buf, unsigned int len)
{
	memcpy(to_fake(pd)->config + offset, buf, len);
}

static unsigned int fake_config_len(struct parley_device *pd)
{
	return to_fake(pd)->config_len;
}

static u32 fake_generation(struct parley_device *pd)
{
	return to_fake(pd)->generation;
}

static int fake_vectors_alloc(struct parley_device *pd, unsigned int nr,
			      struct irq_affinity *affd)
{
	struct fake *fake = to_fake(pd);

	fake->vectors = !fake->vectors_err;
	return fake->vectors_err;
}

static void fake_vectors_free(struct parley_device *pd)
{
	struct fake *fake = to_fake(pd);

	fake->vectors = false;
	fake->vectors_early |= fake->enabled;
}

static unsigned int fake_queue_size(struct parley_device *pd,
				    unsigned int index)
{
	return index < FAKE_QUEUES ? to_fake(pd)->size : 0;
}

static int fake_queue_enable(struct parley_queue *queue,
			     const struct parley_vq_addr *addr,
			     unsigned int size)
{
	struct fake *fake = to_fake(queue->dev);

	if (queue->index == 1 && fake->enable_err)
		return fake->enable_err;
	fake->addr[queue->index] = *addr;
	fake->num[queue->index] = size;
	__set_bit(queue->index, &fake->enabled);
	return 0;
}

static int fake_queue_disable(struct parley_queue *queue)
{
	struct fake *fake = to_fake(queue->dev);

	fake->disables++;
	__clear_bit(queue->index, &fake->enabled);
	return 0;
}

static bool fake_notify(struct parley_queue *queue, u32 data)
{
	to_fake(queue->dev)->kicks++;
	return true;
}

static struct device *fake_dma_dev(struct parley_device *pd)
{
	return pd->dev.parent;
}

static const struct parley_transport_ops fake_ops = {
	.name = "fake",
	.get_status = fake_get_status,
	.set_status = fake_set_status,
	.reset = fake_reset,
	.get_features = fake_get_features,
	.set_features = fake_set_features,
	.config_read = fake_config_read,
	.config_write = fake_config_write,
	.config_len = fake_config_len,
	.generation = fake_generation,
	.vectors_alloc = fake_vectors_alloc,
	.vectors_free = fake_vectors_free,
	.queue_size = fake_queue_size,
	.queue_enable = fake_queue_enable,
	.queue_disable = fake_queue_disable,
	.notify = fake_notify,
	.dma_dev = fake_dma_dev,
};

/* The front-end */

static void front_done(struct parley_queue *queue)
{
	struct parley_done done;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	while (parley_drvq_reap(queue->vq, &done, 1))
		;
	spin_unlock_irqrestore(&queue->lock, flags);
	parley_fake_front.dones++;
	complete(&parley_fake_front.done);
}

static int front_start(struct parley_device *pd)
{
	struct fake_front *f = &parley_fake_front;
	struct parley_queue_spec specs[FAKE_QUEUES + 1];
	unsigned int i;
	int err;

	for (i = 0; i < f->nr_queues; i++)
		specs[i] = (struct parley_queue_spec) {
			.name = "fake", .done = front_done,
		};
	err = parley_device_make_queues(pd, specs, f->nr_queues, NULL);
	if (err)
		return err;
	if (f->interrupt_in_probe)
		parley_device_config_interrupt(pd);
	if (f->own_ready)
		parley_device_ready(pd);
	return 0;
}

static u64 front_check(struct parley_device *pd, u64 features)
{
	return features & ~parley_fake_front.dropped;
}

static int front_probe(struct parley_device *pd)
{
	struct fake_front *f = &parley_fake_front;
	int err;

	f->probes++;
	err = front_start(pd);
	if (!err && f->wait_in_probe) {
		complete(&f->waiting);
		if (!wait_for_completion_timeout(&f->done, 10 * HZ))
			err = -ETIMEDOUT;
	}
	return err ? err : f->probe_err;
}

/* What is in flight fails: nobody waits for it. */
static void front_stop(struct parley_device *pd)
{
	unsigned int i;

	parley_device_quiesce(pd);
	for (i = 0; i < pd->nr_queues; i++) {
		spin_lock_irq(&pd->queues[i].lock);
		while (parley_drvq_detach(pd->queues[i].vq))
			;
		spin_unlock_irq(&pd->queues[i].lock);
	}
}

static void front_remove(struct parley_device *pd)
{
	parley_fake_front.removes++;
	parley_fake_front.queues_at_remove = pd->nr_queues;
	front_stop(pd);
}

static void front_config_changed(struct parley_device *pd)
{
	atomic_inc(&parley_fake_front.changes);
}

static int front_freeze(struct parley_device *pd)
{
	parley_fake_front.freezes++;
	if (!parley_fake_front.freeze_err)
		front_stop(pd);
	return parley_fake_front.freeze_err;
}

static int front_restore(struct parley_device *pd)
{
	parley_fake_front.restores++;
	return front_start(pd);
}

static const struct virtio_device_id front_ids[] = {
	{ FAKE_TYPE, VIRTIO_DEV_ANY_ID },
	{ }
};

static struct parley_driver front_driver = {
	.driver.name = "parley_fake_front",
	.ids = front_ids,
	.features = FAKE_F_ONE | FAKE_F_TWO,
	.check = front_check,
	.probe = front_probe,
	.remove = front_remove,
	.config_changed = front_config_changed,
	.freeze = front_freeze,
	.restore = front_restore,
};

/* For the tests */

int parley_fake_suite_init(struct kunit_suite *suite)
{
	return parley_driver_register(&front_driver);
}

void parley_fake_suite_exit(struct kunit_suite *suite)
{
	if (!suite->suite_init_err)
		parley_driver_unregister(&front_driver);
}

int parley_fake_case_init(struct kunit *test)
{
	parley_fake_front = (struct fake_front) { .nr_queues = 2 };
	init_completion(&parley_fake_front.waiting);
	init_completion(&parley_fake_front.done);
	return 0;
}

/* A device that is well; not on the bus yet. */
struct fake *parley_fake_make(struct kunit *test)
{
	struct fake *fake = kzalloc(sizeof(*fake), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->offered = BIT_ULL(VIRTIO_F_VERSION_1);
	fake->config_len = FAKE_CONFIG;
	fake->size = 16;
	fake->pd.id.device = FAKE_TYPE;
	fake->pd.ops = &fake_ops;
	fake->pd.dev.release = parley_device_free;
	return fake;
}

static void fake_unplug(void *pd)
{
	parley_device_unregister(pd);
}

/* Put it on the bus until the end of the test case. */
int parley_fake_plug(struct kunit *test, struct fake *fake)
{
	struct device *parent = kunit_device_register(test, "parley-fake");
	int err;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, parent);
	err = parley_device_register(&fake->pd, parent);
	if (err) {
		put_device(&fake->pd.dev);
		return err;
	}
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_unplug,
							   &fake->pd));
	return 0;
}

/* The usual beginning: a device that offers this, bound and live. */
struct fake *parley_fake_run(struct kunit *test, u64 offered)
{
	struct fake *fake = parley_fake_make(test);

	fake->offered |= offered;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_ASSERT_TRUE(test, parley_fake_bound(fake));
	KUNIT_ASSERT_EQ(test, PARLEY_LIVE, fake->pd.state);
	return fake;
}

/* Put a buffer into a queue, with the fake as its cookie. */
int parley_fake_put(struct fake *fake, unsigned int index)
{
	struct parley_queue *queue = &fake->pd.queues[index];
	struct parley_seg seg = { virt_to_phys(fake), sizeof(*fake) };
	struct parley_buf buf = { .segs = &seg, .cookie = fake, .n_out = 1 };
	int err;

	spin_lock_irq(&queue->lock);
	err = parley_drvq_submit(queue->vq, &buf, GFP_ATOMIC);
	spin_unlock_irq(&queue->lock);
	return err;
}

/* As a device would that used the first buffer of a split ring. */
void parley_fake_complete(struct fake *fake, unsigned int index)
{
	struct vring_used *used = phys_to_virt(fake->addr[index].device);

	/* The entry is all zeroes: id 0, nothing written. */
	WRITE_ONCE(used->idx, (__force __virtio16)cpu_to_le16(1));
}

/* Work items take a while: does it become true? */
bool parley_fake_until(bool (*is)(struct fake *fake), struct fake *fake)
{
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		if (is(fake))
			return true;
		fsleep(5000);
	}
	return false;
}
