/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the shared-memory transport share: shm.c is the driver of the
 * PCI function, shm_ops.c the device's words in the memory, shm_mem.c the pool for
 * rings and copies of buffers, shm_irq.c interrupts.
 */
#ifndef _PARLEY_SHM_H
#define _PARLEY_SHM_H

#include <linux/mutex.h>
#include <linux/pci.h>
#include <parley/memory.h>
#include <parley/transport.h>
#include <uapi/linux/parley_shm.h>

/* Registers of ivshmem, in BAR 0. */
#define PARLEY_SHM_DOORBELL	12
#define PARLEY_SHM_REGISTERS	16

/* A copy begins a slot, so that the device may do direct I/O with it. */
#define PARLEY_SHM_SLOT		512

/**
 * struct parley_shm_pool - the memory behind the header
 * @base: its first byte for us
 * @addr: its first byte for the device
 * @nr: slots
 * @areas: slots of rings and tables, which leave half of them to buffers
 * @next: where to look first
 * @lock: protects @busy, @areas and @next
 * @busy: a bit for each slot
 * @phys: by the first slot of a copy: whose copy it is
 */
struct parley_shm_pool {
	u8 *base;
	u64 addr;
	unsigned int nr;
	unsigned int areas;
	unsigned int next;
	struct parley_qlock lock;
	unsigned long *busy;
	u64 *phys;
};

/**
 * struct parley_shmem - a device in shared memory
 * @vdev: the device on the bus; first, see parley_device_free()
 * @pdev: the function of ivshmem
 * @regs: its registers
 * @h: the beginning of the memory, which the device writes at any time
 * @len: bytes that are mapped
 * @header: bytes before the pool
 * @offered: features
 * @nr_queues: of the device
 * @queue_size: of its queues
 * @config_len: of its configuration
 * @peer: whom to ring
 * @nr_vectors: that the function has
 * @mutex: one request at a time
 * @number: of the last one
 * @live: DRIVER_OK was written, and no reset since
 * @gone: it did not answer, and will not be asked again
 * @changes: that were passed on
 * @odd: makes each look at a configuration that is being written another one
 * @pool: see there
 * @mem: @pool for the queues
 * @allocated: vectors that are
 * @spread: they have affinities of their own
 */
struct parley_shmem {
	struct parley_vdev vdev;
	struct pci_dev *pdev;
	void __iomem *regs;
	struct parley_shm_header *h;
	u64 len;
	u32 header;
	u64 offered[2];
	u32 nr_queues;
	u32 queue_size;
	u32 config_len;
	u32 peer;
	unsigned int nr_vectors;
	struct mutex mutex;	/* see above */
	u32 number;
	bool live;
	bool gone;
	u32 changes;
	atomic_t odd;
	struct parley_shm_pool pool;
	struct parley_mem mem;
	unsigned int allocated;
	bool spread;
};

static inline struct parley_shmem *to_parley_shmem(struct parley_device *pd)
{
	return container_of(pd, struct parley_shmem, vdev.pd);
}

/* shm_ops.c */
extern const struct parley_transport_ops parley_shm_ops;
int parley_shm_learn(struct parley_shmem *sh);
void parley_shm_look(struct parley_shmem *sh);

/* shm_mem.c */
extern const struct parley_mem_ops parley_shm_mem_ops;
int parley_shm_pool_init(struct parley_shm_pool *pool, u8 *base, u64 addr, u64 len);
void parley_shm_pool_exit(struct parley_shm_pool *pool);
size_t parley_shm_pool_max(const struct parley_shm_pool *pool);

/* shm_irq.c */
int parley_shm_vectors_alloc(struct parley_device *pd, struct irq_affinity *affd);
void parley_shm_vectors_free(struct parley_device *pd);
void parley_shm_synchronize(struct parley_shmem *sh);
const struct cpumask *parley_shm_affinity(struct parley_queue *queue);
int parley_shm_irq(struct parley_queue *queue);

#endif /* _PARLEY_SHM_H */
