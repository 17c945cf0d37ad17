// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's words in shared memory: what the guest model asks of the transport.
 *
 * The device writes them whenever it likes.  What it is was read once, by
 * parley_shm_learn(), and is ours from then on; of the rest each word is read once
 * for each use.
 *
 * The memory is shared with another machine, so to speak: barriers are needed also
 * where this kernel has one processor (virt_*).
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_pci.h>
#include "shm.h"

/* A device that takes longer than this does not answer at all. */
#define PARLEY_SHM_ANSWER_MS	10000
/* Requests that are in flight end first. */
#define PARLEY_SHM_RESET_MS	30000

/* Somebody has to write the header after the function is there. */
#define PARLEY_SHM_APPEAR_MS	3000

/*
 * Addresses are offsets in this memory, which nothing translates; a ring that is
 * reset alone is none of the requests, and a kick carries no data.
 */
#define PARLEY_SHM_REFUSED	(BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) | \
				 BIT_ULL(VIRTIO_F_ORDER_PLATFORM) | \
				 BIT_ULL(VIRTIO_F_SR_IOV) | \
				 BIT_ULL(VIRTIO_F_NOTIFICATION_DATA) | \
				 BIT_ULL(VIRTIO_F_RING_RESET))

static u32 parley_shm_get(const __le32 *word)
{
	return le32_to_cpu(READ_ONCE(*word));
}

static void parley_shm_put(__le32 *word, u32 value)
{
	WRITE_ONCE(*word, cpu_to_le32(value));
}

static void parley_shm_put64(__le64 *word, u64 value)
{
	WRITE_ONCE(*word, cpu_to_le64(value));
}

static void parley_shm_ring(struct parley_shmem *sh, unsigned int vector)
{
	iowrite32(sh->peer << 16 | vector, sh->regs + PARLEY_SHM_DOORBELL);
}

static bool parley_shm_status_gone(const struct parley_shmem *sh)
{
	return (u8)parley_shm_get(&sh->h->state.status) == PARLEY_SHM_GONE;
}

/* Wait until the request is carried out; -ENODEV, -ETIMEDOUT. */
static int parley_shm_wait(struct parley_shmem *sh, unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms), us = 20;
	bool late;

	for (;;) {
		late = time_after(jiffies, end);
		/* Pairs with the device's release of @done, after @result. */
		if (le32_to_cpu(virt_load_acquire(&sh->h->state.done)) == sh->number)
			return 0;
		if (parley_shm_status_gone(sh))
			return -ENODEV;
		if (late)
			return -ETIMEDOUT;
		fsleep(us);
		us = min(2 * us, 2000UL);
	}
}

/*
 * The request's words are written.  A device that does not answer is not asked again:
 * each question would take as long.
 */
static int parley_shm_request(struct parley_shmem *sh, u32 what, unsigned int ms)
{
	struct parley_shm_ask *ask = &sh->h->ask;
	int err;

	lockdep_assert_held(&sh->mutex);
	if (READ_ONCE(sh->gone))
		return -ENODEV;
	parley_shm_put(&ask->what, what);
	/* Pairs with the device's acquire: the words before the number. */
	virt_store_release(&ask->number, cpu_to_le32(++sh->number));
	parley_shm_ring(sh, 0);
	err = parley_shm_wait(sh, ms);
	if (err) {
		WRITE_ONCE(sh->gone, true);
		return err;
	}
	return parley_shm_get(&sh->h->state.result) ? -EPROTO : 0;
}

/* While it runs a device may die without a word: only an answer tells. */
static u8 parley_shm_get_status(struct parley_device *pd)
{
	struct parley_shmem *sh = to_parley_shmem(pd);

	guard(mutex)(&sh->mutex);
	if (sh->live)
		parley_shm_request(sh, PARLEY_SHM_NOTHING, PARLEY_SHM_ANSWER_MS);
	return READ_ONCE(sh->gone) ? PARLEY_STATUS_GONE :
	       (u8)parley_shm_get(&sh->h->state.status);
}

static void parley_shm_set_status(struct parley_device *pd, u8 status)
{
	struct parley_shmem *sh = to_parley_shmem(pd);

	guard(mutex)(&sh->mutex);
	parley_shm_put(&sh->h->ask.status, status);
	parley_shm_request(sh, PARLEY_SHM_STATUS, PARLEY_SHM_ANSWER_MS);
	sh->live = status & VIRTIO_CONFIG_S_DRIVER_OK;
}

static int parley_shm_reset(struct parley_device *pd)
{
	struct parley_shmem *sh = to_parley_shmem(pd);
	int err;

	scoped_guard(mutex, &sh->mutex) {
		sh->live = false;
		err = parley_shm_request(sh, PARLEY_SHM_RESET, PARLEY_SHM_RESET_MS);
	}
	parley_shm_synchronize(sh);
	return err;
}

static void parley_shm_get_features(struct parley_device *pd,
				    struct parley_features *offered)
{
	struct parley_shmem *sh = to_parley_shmem(pd);

	parley_features_set(offered, sh->offered[0] & ~PARLEY_SHM_REFUSED,
			    sh->offered[1]);
}

static int parley_shm_set_features(struct parley_device *pd,
				   const struct parley_features *accepted)
{
	struct parley_shmem *sh = to_parley_shmem(pd);

	guard(mutex)(&sh->mutex);
	parley_shm_put64(&sh->h->ask.arg[0], parley_features_low(accepted));
	parley_shm_put64(&sh->h->ask.arg[1], parley_features_high(accepted));
	return parley_shm_request(sh, PARLEY_SHM_FEATURES, PARLEY_SHM_ANSWER_MS);
}

static void parley_shm_config_read(struct parley_device *pd, unsigned int offset,
				   void *buf, unsigned int len)
{
	const u8 *from = to_parley_shmem(pd)->h->config + offset;
	unsigned int i;
	u8 *to = buf;

	for (i = 0; i < len; i++)
		to[i] = READ_ONCE(from[i]);
}

static void parley_shm_config_write(struct parley_device *pd, unsigned int offset,
				    const void *buf, unsigned int len)
{
	struct parley_shmem *sh = to_parley_shmem(pd);
	const u8 *from = buf;
	unsigned int i;

	guard(mutex)(&sh->mutex);
	for (i = 0; i < len; i++)
		WRITE_ONCE(sh->h->data[i], from[i]);
	parley_shm_put(&sh->h->ask.offset, offset);
	parley_shm_put(&sh->h->ask.size, len);
	parley_shm_request(sh, PARLEY_SHM_WRITE, PARLEY_SHM_ANSWER_MS);
}

static unsigned int parley_shm_config_len(struct parley_device *pd)
{
	return to_parley_shmem(pd)->config_len;
}

/* Odd while the device writes: then no two looks agree. */
static u32 parley_shm_generation(struct parley_device *pd)
{
	struct parley_shmem *sh = to_parley_shmem(pd);
	u32 generation;

	/* The second look comes after the bytes: pairs with the device's fence. */
	virt_rmb();
	generation = parley_shm_get(&sh->h->state.generation);
	/* And the first before them: pairs with the device's release. */
	virt_rmb();
	return generation & 1 ? generation + 2 * atomic_inc_return(&sh->odd) :
				generation;
}

static unsigned int parley_shm_queue_size(struct parley_device *pd,
					  unsigned int index)
{
	struct parley_shmem *sh = to_parley_shmem(pd);

	if (index >= sh->nr_queues || PARLEY_SHM_VECTOR(index) >= sh->nr_vectors)
		return 0;
	return sh->queue_size;
}

static int parley_shm_queue_enable(struct parley_queue *queue,
				   const struct parley_vq_addr *addr,
				   unsigned int size)
{
	struct parley_shmem *sh = to_parley_shmem(queue->dev);
	struct parley_shm_ask *ask = &sh->h->ask;

	guard(mutex)(&sh->mutex);
	parley_shm_put(&ask->queue, queue->index);
	parley_shm_put(&ask->size, size);
	parley_shm_put64(&ask->arg[0], addr->desc);
	parley_shm_put64(&ask->arg[1], addr->driver);
	parley_shm_put64(&ask->arg[2], addr->device);
	return parley_shm_request(sh, PARLEY_SHM_QUEUE, PARLEY_SHM_ANSWER_MS);
}

static bool parley_shm_notify(struct parley_queue *queue, u32 data)
{
	struct parley_shmem *sh = to_parley_shmem(queue->dev);

	parley_shm_ring(sh, PARLEY_SHM_VECTOR(queue->index));
	return !READ_ONCE(sh->gone);
}

static struct device *parley_shm_dma_dev(struct parley_device *pd)
{
	return &to_parley_shmem(pd)->pdev->dev;
}

static const struct parley_mem *parley_shm_memory(struct parley_device *pd)
{
	return &to_parley_shmem(pd)->mem;
}

static size_t parley_shm_max_mapping(struct parley_device *pd)
{
	return parley_shm_pool_max(&to_parley_shmem(pd)->pool);
}

const struct parley_transport_ops parley_shm_ops = {
	.name = "shm",
	.get_status = parley_shm_get_status,
	.set_status = parley_shm_set_status,
	.reset = parley_shm_reset,
	.get_features = parley_shm_get_features,
	.set_features = parley_shm_set_features,
	.config_read = parley_shm_config_read,
	.config_write = parley_shm_config_write,
	.config_len = parley_shm_config_len,
	.generation = parley_shm_generation,
	.vectors_alloc = parley_shm_vectors_alloc,
	.vectors_free = parley_shm_vectors_free,
	.queue_size = parley_shm_queue_size,
	.queue_enable = parley_shm_queue_enable,
	.notify = parley_shm_notify,
	.queue_affinity = parley_shm_affinity,
	.queue_irq = parley_shm_irq,
	.dma_dev = parley_shm_dma_dev,
	.mem = parley_shm_memory,
	.max_mapping = parley_shm_max_mapping,
};

/**
 * parley_shm_look() - an interrupt that is about requests, configuration or status
 * @sh: the device
 *
 * Answers are waited for by whoever asked; this is about the rest.
 *
 * Context: any.
 */
void parley_shm_look(struct parley_shmem *sh)
{
	/* Pairs with the device's release, after configuration and status. */
	u32 changes = le32_to_cpu(virt_load_acquire(&sh->h->state.changes));

	if (xchg(&sh->changes, changes) != changes)
		parley_device_config_interrupt(&sh->vdev);
}

/* The device may be younger than the function. */
static int parley_shm_appears(struct parley_shmem *sh)
{
	unsigned long end = jiffies + msecs_to_jiffies(PARLEY_SHM_APPEAR_MS);

	/* Pairs with the device's release of @magic, after the rest. */
	while (le64_to_cpu(virt_load_acquire(&sh->h->about.magic)) !=
	       PARLEY_SHM_MAGIC) {
		if (time_after(jiffies, end))
			return -ENODEV;
		fsleep(1000);
	}
	return 0;
}

static bool parley_shm_sane(const struct parley_shmem *sh, u64 size, u32 device)
{
	return size <= sh->len && sh->header >= PARLEY_SHM_HEADER &&
	       sh->header < size && IS_ALIGNED(sh->header, 4096) &&
	       device && device <= U16_MAX && sh->nr_queues &&
	       sh->nr_queues <= U16_MAX && sh->queue_size &&
	       sh->queue_size <= PARLEY_VQ_SIZE_MAX &&
	       sh->config_len <= PARLEY_SHM_CONFIG && sh->peer <= U16_MAX;
}

/**
 * parley_shm_learn() - what the device says that it is
 * @sh: the device; its memory is mapped
 *
 * Context: may sleep.
 * Return: 0; -ENODEV if there is none, or one of another version; -EINVAL if what it
 * says cannot be.
 */
int parley_shm_learn(struct parley_shmem *sh)
{
	const struct parley_shm_about *about = &sh->h->about;
	u32 version, device;
	u64 size;
	int err;

	mutex_init(&sh->mutex);
	err = parley_shm_appears(sh);
	if (err)
		return err;
	version = parley_shm_get(&about->version);
	if (version != PARLEY_SHM_VERSION)
		return -ENODEV;
	size = le64_to_cpu(READ_ONCE(about->size));
	device = parley_shm_get(&about->device);
	sh->header = parley_shm_get(&about->header);
	sh->nr_queues = parley_shm_get(&about->nr_queues);
	sh->queue_size = parley_shm_get(&about->queue_size);
	sh->config_len = parley_shm_get(&about->config_len);
	sh->peer = parley_shm_get(&about->peer);
	sh->offered[0] = le64_to_cpu(READ_ONCE(about->features[0]));
	sh->offered[1] = le64_to_cpu(READ_ONCE(about->features[1]));
	if (!parley_shm_sane(sh, size, device))
		return -EINVAL;
	sh->len = size;
	sh->vdev.pd.id.device = device;
	sh->vdev.pd.id.vendor = parley_shm_get(&about->vendor);
	/* A driver before us may have asked last. */
	sh->number = parley_shm_get(&sh->h->ask.number);
	sh->changes = parley_shm_get(&sh->h->state.changes);
	return 0;
}
