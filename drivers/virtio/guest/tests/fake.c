// SPDX-License-Identifier: GPL-2.0-only
/* See fake.h. */
#include <kunit/device.h>
#include <kunit/resource.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>
#include "fake.h"

struct fake_front parley_fake_front;

/* The transport */

static struct fake *to_fake(struct parley_device *pd)
{
	return container_of(pd, struct fake, v.pd);
}

static void fake_once(struct fake *fake, void (**act)(struct fake *fake))
{
	void (*now)(struct fake *fake) = *act;

	*act = NULL;
	if (now)
		now(fake);
}

static u8 fake_get_status(struct parley_device *pd)
{
	struct fake *fake = to_fake(pd);
	u8 status = (READ_ONCE(fake->status) & ~fake->no_status) |
		    fake->stuck_status;

	fake_once(fake, &fake->in_status);
	return status;
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

static void fake_get_features(struct parley_device *pd,
			      struct parley_features *offered)
{
	struct fake *fake = to_fake(pd);

	parley_features_set(offered, fake->offered, fake->offered_high);
}

static int fake_set_features(struct parley_device *pd,
			     const struct parley_features *accepted)
{
	struct fake *fake = to_fake(pd);

	fake->accepted = parley_features_low(accepted);
	fake->accepted_high = parley_features_high(accepted);
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

/* As an administration queue would be. */
static unsigned int fake_own_queues(struct parley_device *pd,
				    const struct parley_queue_spec **specs)
{
	struct fake *fake = to_fake(pd);

	*specs = &fake->own;
	return fake->has_own;
}

/* The number of a vector is that of the group; else far from these. */
static int fake_vectors_alloc(struct parley_device *pd,
			      struct irq_affinity *affd)
{
	struct fake *fake = to_fake(pd);
	struct parley_queue *queue;

	parley_for_each_queue(&fake->v, queue)
		if (parley_queue_interrupts(queue))
			queue->vector = queue->spec.group ? :
					FAKE_VECTOR + queue->index;
	fake->vectors = !fake->vectors_err;
	return fake->vectors_err;
}

static void fake_vectors_free(struct parley_device *pd)
{
	struct fake *fake = to_fake(pd);

	fake->vectors = false;
	fake->vectors_early |= fake->enabled;
}

static int fake_vectors_again(struct parley_device *pd)
{
	struct fake *fake = to_fake(pd);

	fake->agains++;
	return fake->again_err;
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
	if (queue->index == fake->act_at)
		fake_once(fake, &fake->in_enable);
	fake->addr[queue->index] = *addr;
	fake->num[queue->index] = size;
	__set_bit(queue->index, &fake->enabled);
	return 0;
}

static int fake_queue_disable(struct parley_queue *queue)
{
	struct fake *fake = to_fake(queue->dev);

	fake->disables++;
	if (fake->disable_err)
		return fake->disable_err;
	__clear_bit(queue->index, &fake->enabled);
	return 0;
}

static bool fake_notify(struct parley_queue *queue, u32 data)
{
	struct fake *fake = to_fake(queue->dev);

	fake->kicks++;
	if (!(READ_ONCE(fake->status) & VIRTIO_CONFIG_S_DRIVER_OK) ||
	    !test_bit(queue->index, &fake->enabled))
		fake->early_kicks++;
	return true;
}

static int fake_queue_irq(struct parley_queue *queue)
{
	return queue->vector;
}

static int fake_set_affinity(struct parley_queue *queue,
			     const struct cpumask *mask)
{
	cpumask_copy(&to_fake(queue->dev)->affinity, mask);
	return 0;
}

static int fake_shm(struct parley_device *pd, u8 id, struct parley_shm *shm)
{
	struct fake *fake = to_fake(pd);

	if (id != FAKE_SHM)
		return -ENOENT;
	*shm = fake->shm;
	return 0;
}

static struct device *fake_dma_dev(struct parley_device *pd)
{
	return pd->dev.parent;
}

static const struct parley_mem *fake_mem(struct parley_device *pd)
{
	return to_fake(pd)->mem;
}

static size_t fake_max_mapping(struct parley_device *pd)
{
	return to_fake(pd)->max_mapping;
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
	.own_queues = fake_own_queues,
	.vectors_alloc = fake_vectors_alloc,
	.vectors_free = fake_vectors_free,
	.vectors_again = fake_vectors_again,
	.queue_size = fake_queue_size,
	.queue_enable = fake_queue_enable,
	.queue_disable = fake_queue_disable,
	.notify = fake_notify,
	.queue_set_affinity = fake_set_affinity,
	.queue_irq = fake_queue_irq,
	.shm = fake_shm,
	.dma_dev = fake_dma_dev,
	.mem = fake_mem,
	.max_mapping = fake_max_mapping,
};

/* The front-end */

static void front_complete(struct parley_queue *queue,
			   const struct parley_done *done, unsigned int nr,
			   void *ctx)
{
	parley_fake_front.done += nr;
	complete(&parley_fake_front.back);
}

static void front_give_back(struct parley_queue *queue, void *cookie,
			    enum parley_fate fate)
{
	if (fate == PARLEY_REPEAT)
		parley_fake_front.repeated++;
	else
		parley_fake_front.failed++;
	complete(&parley_fake_front.back);
}

static int front_make(struct parley_device *pd)
{
	struct fake_front *f = &parley_fake_front;
	struct parley_queue_spec specs[FAKE_QUEUES + 1];
	unsigned int i;
	int err;

	for (i = 0; i < f->nr_queues; i++) {
		specs[i] = f->spec;
		specs[i].index = f->first + i;
	}
	err = parley_device_make_queues(pd, specs, f->nr_queues, NULL);
	if (err)
		return err;
	if (f->interrupt_in_probe)
		parley_device_config_interrupt(to_parley_vdev(pd));
	if (f->own_ready)
		parley_device_ready(pd);
	return 0;
}

/* One that adds what nobody offered as well: the model knows better. */
static void front_check(struct parley_device *pd,
			struct parley_features *features)
{
	u64 kept = parley_features_low(features) & ~parley_fake_front.dropped;

	parley_features_set(features, kept | BIT_ULL(7), U64_MAX);
}

static int front_probe(struct parley_device *pd)
{
	struct fake_front *f = &parley_fake_front;
	int err;

	f->probes++;
	err = front_make(pd);
	if (!err && f->wait_in_probe) {
		parley_fake_put(to_fake(pd), 0);
		complete(&f->waiting);
		if (!wait_for_completion_timeout(&f->back, 10 * HZ))
			err = -ETIMEDOUT;
	}
	if (!err)
		err = f->probe_err;
	if (err)
		parley_device_close(pd);
	return err;
}

static void front_remove(struct parley_device *pd)
{
	parley_fake_front.removes++;
	parley_fake_front.queues_at_remove = pd->nr_queues;
	if (parley_fake_front.break_in_remove) {
		struct parley_model *m = &to_parley_vdev(pd)->m;

		parley_drvq_break(pd->queues[0].vq, "test");
		flush_work(&m->recover_work);
		flush_work(&m->config_work);
	}
	parley_device_close(pd);
}

static void front_config_changed(struct parley_device *pd)
{
	struct fake_front *f = &parley_fake_front;

	atomic_inc(&f->changes);
	if (!f->wait_in_change)
		return;
	complete(&f->waiting);
	if (!wait_for_completion_timeout(&f->go_on, 10 * HZ))
		f->wrong++;
}

/* stop() and start() come in turn, and nothing is stopped twice. */
static void front_stop(struct parley_device *pd)
{
	struct fake_front *f = &parley_fake_front;

	f->stops++;
	f->wrong += f->stopped;
	f->stopped = true;
}

static int front_reapply(struct parley_device *pd)
{
	struct fake_front *f = &parley_fake_front;

	f->reapplies++;
	f->wrong += !f->stopped;
	return f->reapply ? f->reapply(pd) : f->reapply_err;
}

static void front_start(struct parley_device *pd)
{
	struct fake_front *f = &parley_fake_front;

	f->starts++;
	f->wrong += !f->stopped;
	f->stopped = false;
}

static const struct virtio_device_id front_ids[] = {
	{ FAKE_TYPE, VIRTIO_DEV_ANY_ID },
	{ }
};

static const unsigned int front_features[] = { 3, 4, FAKE_HIGH };

static struct parley_driver front_driver = {
	.driver.name = "parley_fake_front",
	.ids = front_ids,
	.features = front_features,
	.nr_features = ARRAY_SIZE(front_features),
	.check = front_check,
	.probe = front_probe,
	.remove = front_remove,
	.config_changed = front_config_changed,
	.stop = front_stop,
	.reapply = front_reapply,
	.start = front_start,
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
	parley_fake_front = (struct fake_front) {
		.nr_queues = 2,
		.spec = {
			.name = "fake",
			.complete = front_complete,
			.give_back = front_give_back,
		},
	};
	init_completion(&parley_fake_front.waiting);
	init_completion(&parley_fake_front.go_on);
	init_completion(&parley_fake_front.back);
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
	fake->v.pd.id.device = FAKE_TYPE;
	fake->v.ops = &fake_ops;
	fake->v.pd.dev.release = parley_device_free;
	return fake;
}

static void fake_unplug(void *v)
{
	parley_device_unregister(v);
}

/* Put it on the bus until the end of the test case. */
int parley_fake_plug(struct kunit *test, struct fake *fake)
{
	struct device *parent = kunit_device_register(test, "parley-fake");
	int err;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, parent);
	err = parley_device_register(&fake->v, parent);
	if (err) {
		put_device(&fake->v.pd.dev);
		return err;
	}
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_unplug,
							   &fake->v));
	return 0;
}

/* Take it off the bus before that. */
void parley_fake_unplug(struct kunit *test, struct fake *fake)
{
	struct device *parent = fake->v.pd.dev.parent;

	kunit_release_action(test, fake_unplug, &fake->v);
	kunit_device_unregister(test, parent);
}

/* The usual beginning: a device that offers this, bound and live. */
struct fake *parley_fake_run(struct kunit *test, u64 offered)
{
	struct fake *fake = parley_fake_make(test);

	fake->offered |= offered;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_ASSERT_TRUE(test, parley_fake_bound(fake));
	KUNIT_ASSERT_EQ(test, PARLEY_LIVE, fake->v.m.phase);
	return fake;
}

/* Put a buffer into a queue, with the fake as its cookie. */
int parley_fake_put(struct fake *fake, unsigned int index)
{
	struct parley_queue *queue = &fake->v.pd.queues[index];
	struct parley_seg seg = { virt_to_phys(fake), sizeof(*fake) };
	struct parley_buf buf = { .segs = &seg, .cookie = fake, .n_out = 1 };
	int err;

	parley_qlock_lock_irq(&queue->lock);
	err = parley_drvq_submit(queue->vq, &buf, GFP_ATOMIC);
	parley_qlock_unlock_irq(&queue->lock);
	return err;
}

/* As a device would that used the next buffer of a split ring: @len bytes. */
void parley_fake_use(struct fake *fake, unsigned int index, u32 len)
{
	struct vring_avail *avail = phys_to_virt(fake->addr[index].driver);
	struct vring_used *used = phys_to_virt(fake->addr[index].device);
	u16 next = le16_to_cpu((__force __le16)used->idx);
	unsigned int at = next % fake->num[index];
	u16 head = le16_to_cpu((__force __le16)avail->ring[at]);

	used->ring[at].id = (__force __virtio32)cpu_to_le32(head);
	used->ring[at].len = (__force __virtio32)cpu_to_le32(len);
	/* Barrier U1: pairs with the read of the index in the driver. */
	smp_store_release(&used->idx, (__force __virtio16)cpu_to_le16(next + 1));
}

/* Would a device interrupt for the next buffer of a split ring? */
bool parley_fake_wants_interrupt(struct fake *fake, unsigned int index)
{
	struct vring_avail *avail = phys_to_virt(fake->addr[index].driver);
	struct vring_used *used = phys_to_virt(fake->addr[index].device);
	u16 idx = le16_to_cpu((__force __le16)used->idx);
	__virtio16 event = READ_ONCE(avail->ring[fake->num[index]]);

	if (parley_has_feature(&fake->v.pd, VIRTIO_RING_F_EVENT_IDX))
		return vring_need_event(le16_to_cpu((__force __le16)event),
					idx + 1, idx);
	return !(le16_to_cpu((__force __le16)READ_ONCE(avail->flags)) &
		 VRING_AVAIL_F_NO_INTERRUPT);
}

void parley_fake_complete(struct fake *fake, unsigned int index)
{
	parley_fake_use(fake, index, 0);
}

/* The device sets DEVICE_NEEDS_RESET and says so (spec 2.1.2). */
void parley_fake_ask_for_reset(struct fake *fake)
{
	WRITE_ONCE(fake->status, fake->status | VIRTIO_CONFIG_S_NEEDS_RESET);
	parley_device_config_interrupt(&fake->v);
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
