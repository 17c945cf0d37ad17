// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of the shared-memory transport.  Which is whose is the layout's to say:
 * the first is about requests and configuration, the others are the queues', in their
 * order.  So a queue has one of its own or does not exist, and the device is told
 * nothing of them.
 */
#include <linux/interrupt.h>
#include "shm.h"

static irqreturn_t parley_shm_config_irq(int irq, void *cookie)
{
	parley_shm_look(cookie);
	return IRQ_HANDLED;
}

/* Nobody else's, so always handled: see parley_pci_queue_irq(). */
static irqreturn_t parley_shm_queue_irq(int irq, void *cookie)
{
	parley_queue_interrupt(cookie);
	return IRQ_HANDLED;
}

/* One past the last vector that is needed. */
static unsigned int parley_shm_needed(struct parley_shmem *sh)
{
	struct parley_queue *queue;
	unsigned int nr = 1;

	parley_for_each_queue(&sh->vdev, queue)
		if (parley_queue_interrupts(queue))
			nr = max(nr, PARLEY_SHM_VECTOR(queue->index) + 1);
	return nr;
}

/* Those of admin queues that come last are not spread. */
static unsigned int parley_shm_behind(struct parley_shmem *sh, unsigned int needed)
{
	unsigned int last = 0;
	struct parley_queue *queue;

	parley_for_each_queue(&sh->vdev, queue)
		if (parley_queue_interrupts(queue) &&
		    !(queue->spec.flags & PARLEY_QUEUE_ADMIN))
			last = max(last, PARLEY_SHM_VECTOR(queue->index));
	return needed - 1 - last;
}

static int parley_shm_alloc_vectors(struct parley_shmem *sh,
				    const struct irq_affinity *affd)
{
	unsigned int nr = parley_shm_needed(sh), behind = parley_shm_behind(sh, nr);
	unsigned int flags = PCI_IRQ_MSIX;
	struct irq_affinity desc = {};
	int got;

	sh->spread = affd && nr > 1 + behind;
	if (sh->spread) {
		desc = *affd;
		desc.pre_vectors += 1;
		desc.post_vectors += behind;
		flags |= PCI_IRQ_AFFINITY;
	}
	got = pci_alloc_irq_vectors_affinity(sh->pdev, nr, nr, flags,
					     sh->spread ? &desc : NULL);
	if (got < 0)
		return got;
	sh->allocated = nr;
	return 0;
}

static int parley_shm_request_queue(struct parley_shmem *sh,
				    struct parley_queue *queue)
{
	int vector = PARLEY_SHM_VECTOR(queue->index);
	int err;

	err = request_irq(pci_irq_vector(sh->pdev, vector), parley_shm_queue_irq, 0,
			  dev_name(&queue->dev->dev), queue);
	if (!err)
		queue->vector = vector;
	return err;
}

/**
 * parley_shm_vectors_alloc() - see struct parley_transport_ops
 * @pd: the device
 * @affd: spreading or NULL
 *
 * Return: 0 or an error.
 */
int parley_shm_vectors_alloc(struct parley_device *pd, struct irq_affinity *affd)
{
	struct parley_shmem *sh = to_parley_shmem(pd);
	struct parley_queue *queue;
	int err;

	err = parley_shm_alloc_vectors(sh, affd);
	if (err)
		goto fail;
	err = request_irq(pci_irq_vector(sh->pdev, 0), parley_shm_config_irq, 0,
			  dev_name(&pd->dev), sh);
	if (err) {
		pci_free_irq_vectors(sh->pdev);
		sh->allocated = 0;
		goto fail;
	}
	parley_for_each_queue(&sh->vdev, queue) {
		if (!parley_queue_interrupts(queue))
			continue;
		err = parley_shm_request_queue(sh, queue);
		if (err) {
			parley_shm_vectors_free(pd);
			goto fail;
		}
	}
	/* What changed since the reset interrupted nobody. */
	parley_shm_look(sh);
	return 0;
fail:
	pci_err(sh->pdev, "no interrupts to be had (%d)\n", err);
	return err;
}

/**
 * parley_shm_vectors_free() - the mirror of alloc
 * @pd: the device
 */
void parley_shm_vectors_free(struct parley_device *pd)
{
	struct parley_shmem *sh = to_parley_shmem(pd);
	struct parley_queue *queue;

	if (!sh->allocated)
		return;
	parley_for_each_queue(&sh->vdev, queue) {
		if (queue->vector >= 0)
			free_irq(pci_irq_vector(sh->pdev, queue->vector), queue);
		queue->vector = -1;
	}
	free_irq(pci_irq_vector(sh->pdev, 0), sh);
	pci_free_irq_vectors(sh->pdev);
	sh->allocated = 0;
	sh->spread = false;
}

/**
 * parley_shm_synchronize() - wait for the interrupt handlers that are running
 * @sh: the device
 */
void parley_shm_synchronize(struct parley_shmem *sh)
{
	unsigned int i;

	for (i = 0; i < sh->allocated; i++)
		synchronize_irq(pci_irq_vector(sh->pdev, i));
}

/**
 * parley_shm_affinity() - see struct parley_transport_ops
 * @queue: the queue
 *
 * Return: the processors, or NULL if its vector was not spread.
 */
const struct cpumask *parley_shm_affinity(struct parley_queue *queue)
{
	struct parley_shmem *sh = to_parley_shmem(queue->dev);

	if (!sh->spread || queue->vector < 0 || queue->spec.flags & PARLEY_QUEUE_ADMIN)
		return NULL;
	return pci_irq_get_affinity(sh->pdev, queue->vector);
}

/**
 * parley_shm_irq() - see struct parley_transport_ops
 * @queue: the queue, not a polled one
 *
 * Return: the number.
 */
int parley_shm_irq(struct parley_queue *queue)
{
	if (queue->vector < 0)
		return -ENXIO;
	return pci_irq_vector(to_parley_shmem(queue->dev)->pdev, queue->vector);
}
