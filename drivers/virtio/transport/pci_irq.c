// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of the PCI transport: a vector for each queue or group of queues
 * where the device has them, one shared by all where it has two, the pin
 * otherwise.
 *
 * The handlers take ordinary spinlocks.  None is requested with IRQF_NO_THREAD, so
 * with PREEMPT_RT all of them run in threads, where these may sleep.
 */
#include <linux/interrupt.h>
#include <linux/slab.h>
#include "pci.h"

#define PARLEY_PCI_VECTOR_CONFIG	0
#define PARLEY_PCI_VECTOR_SHARED	1

/* Spec 4.1.4.5: the other bit, VIRTIO_PCI_ISR_CONFIG, has a name already. */
#define PARLEY_PCI_ISR_QUEUE		0x1

static irqreturn_t parley_pci_config_irq(int irq, void *cookie)
{
	struct parley_pci *pp = cookie;

	parley_device_config_interrupt(&pp->vdev);
	return IRQ_HANDLED;
}

/*
 * A message interrupt is nobody else's, so it is always handled: a poller that
 * was faster leaves nothing to reap, and IRQ_NONE would make the kernel turn the
 * vector off after enough of them.
 */
static irqreturn_t parley_pci_queue_irq(int irq, void *cookie)
{
	parley_queue_interrupt(cookie);
	return IRQ_HANDLED;
}

static irqreturn_t parley_pci_group_irq(int irq, void *cookie)
{
	struct parley_pci_vector *vector = cookie;
	struct parley_pci *pp = vector->pp;

	parley_vector_interrupt(&pp->vdev, vector - pp->vectors);
	return IRQ_HANDLED;
}

static irqreturn_t parley_pci_shared_irq(int irq, void *cookie)
{
	struct parley_pci *pp = cookie;

	parley_device_interrupt(&pp->vdev);
	return IRQ_HANDLED;
}

static irqreturn_t parley_pci_pin_irq(int irq, void *cookie)
{
	struct parley_pci *pp = cookie;
	u8 isr;

	/* It is of somebody else, and the register may not be there. */
	if (READ_ONCE(pp->quiet))
		return IRQ_NONE;
	/* Reading it takes the interrupt back (spec 4.1.5.3). */
	isr = vp_ioread8(pp->mdev.isr);
	/* The function is gone, and somebody else shares the pin. */
	if (!isr || isr == PARLEY_STATUS_GONE)
		return IRQ_NONE;
	if (isr & VIRTIO_PCI_ISR_CONFIG)
		parley_device_config_interrupt(&pp->vdev);
	if (isr & PARLEY_PCI_ISR_QUEUE)
		parley_device_interrupt(&pp->vdev);
	return IRQ_HANDLED;
}

/*
 * The next vector; @what is what /proc/interrupts calls it, @cookie is the
 * vector itself if NULL.
 */
static int parley_pci_request(struct parley_pci *pp, irq_handler_t handler,
			      unsigned long flags, const char *what,
			      void *cookie)
{
	unsigned int n = pp->nr_vectors;
	struct parley_pci_vector *v = &pp->vectors[n];
	int err;

	snprintf(v->name, sizeof(v->name), "%s-%s", dev_name(&pp->vdev.pd.dev),
		 what);
	v->pp = pp;
	v->cookie = cookie ?: v;
	err = request_irq(pci_irq_vector(pp->pdev, n), handler, flags, v->name,
			  v->cookie);
	if (!err)
		pp->nr_vectors++;
	return err;
}

/* The first of a queue's group, whose interrupt is that of all; or itself. */
static struct parley_queue *parley_pci_first(struct parley_queue *queue)
{
	struct parley_queue *first;

	if (queue->spec.group)
		parley_for_each_queue(to_parley_vdev(queue->dev), first)
			if (first->spec.group == queue->spec.group &&
			    parley_queue_interrupts(first))
				return first;
	return queue;
}

static bool parley_pci_spreads(struct parley_queue *queue)
{
	return !(parley_pci_first(queue)->spec.flags & PARLEY_QUEUE_ADMIN);
}

/* Does it need a vector of its own, in this half of them? */
static bool parley_pci_needs(struct parley_queue *queue, bool spread)
{
	return parley_queue_interrupts(queue) &&
	       parley_pci_first(queue) == queue &&
	       parley_pci_spreads(queue) == spread;
}

static unsigned int parley_pci_count(struct parley_pci *pp, bool spread)
{
	struct parley_queue *queue;
	unsigned int n = 0;

	parley_for_each_queue(&pp->vdev, queue)
		n += parley_pci_needs(queue, spread);
	return n;
}

static int parley_pci_alloc_msix(struct parley_pci *pp, unsigned int nr,
				 unsigned int nr_admin,
				 const struct irq_affinity *affd)
{
	unsigned int flags = PCI_IRQ_MSIX;
	struct irq_affinity desc = {};
	int got;

	/* The vectors before the spread ones: configuration, admin queues. */
	if (affd) {
		desc = *affd;
		desc.pre_vectors += 1 + nr_admin;
		flags |= PCI_IRQ_AFFINITY;
	}
	got = pci_alloc_irq_vectors_affinity(pp->pdev, nr, nr, flags,
					     affd ? &desc : NULL);
	return got < 0 ? got : 0;
}

/* Vectors for the queues that spread, or for those that do not. */
static int parley_pci_request_queues(struct parley_pci *pp, bool spread)
{
	struct parley_queue *queue;
	char what[16];
	int err;

	parley_for_each_queue(&pp->vdev, queue) {
		if (!parley_pci_needs(queue, spread))
			continue;
		queue->vector = pp->nr_vectors;
		if (queue->spec.group)
			snprintf(what, sizeof(what), "group.%u",
				 queue->spec.group);
		else
			snprintf(what, sizeof(what), "%s.%u", queue->spec.name,
				 queue->index);
		err = queue->spec.group ?
		      parley_pci_request(pp, parley_pci_group_irq, 0, what, NULL) :
		      parley_pci_request(pp, parley_pci_queue_irq, 0, what, queue);
		if (err)
			return err;
	}
	return 0;
}

static int parley_pci_request_each(struct parley_pci *pp)
{
	struct parley_queue *queue;
	int err;

	err = parley_pci_request_queues(pp, false);
	if (!err)
		err = parley_pci_request_queues(pp, true);
	if (err)
		return err;
	parley_for_each_queue(&pp->vdev, queue)
		if (parley_queue_interrupts(queue))
			queue->vector = parley_pci_first(queue)->vector;
	return 0;
}

static int parley_pci_request_shared(struct parley_pci *pp)
{
	struct parley_queue *queue;

	parley_for_each_queue(&pp->vdev, queue)
		if (parley_queue_interrupts(queue))
			queue->vector = PARLEY_PCI_VECTOR_SHARED;
	return parley_pci_request(pp, parley_pci_shared_irq, 0, "queues", pp);
}

/* The device has the last word: it may have no resources for a vector. */
static int parley_pci_tell_config(struct parley_pci *pp)
{
	return vp_modern_config_vector(&pp->mdev, PARLEY_PCI_VECTOR_CONFIG) ==
	       PARLEY_PCI_VECTOR_CONFIG ? 0 : -EBUSY;
}

static int parley_pci_tell_vectors(struct parley_pci *pp)
{
	struct parley_queue *queue;
	int err;

	err = parley_pci_tell_config(pp);
	if (err)
		return err;
	parley_for_each_queue(&pp->vdev, queue) {
		err = parley_pci_queue_vector(queue);
		if (err)
			return err;
	}
	return 0;
}

static int parley_pci_try_msix(struct parley_pci *pp,
			       enum parley_pci_irq_mode mode,
			       const struct irq_affinity *affd)
{
	unsigned int admin = parley_pci_count(pp, false);
	unsigned int spread = parley_pci_count(pp, true);
	unsigned int nr = mode == PARLEY_PCI_EACH ? 1 + admin + spread : 2;
	int err;

	if (mode == PARLEY_PCI_SHARED || !spread)
		affd = NULL;
	pp->vectors = kcalloc(nr, sizeof(*pp->vectors), GFP_KERNEL);
	if (!pp->vectors)
		return -ENOMEM;
	err = parley_pci_alloc_msix(pp, nr, admin, affd);
	if (err) {
		kfree(pp->vectors);
		pp->vectors = NULL;
		return err;
	}
	pp->mode = mode;
	pp->spread = affd;
	err = parley_pci_request(pp, parley_pci_config_irq, 0, "config", pp);
	if (!err && mode == PARLEY_PCI_SHARED)
		err = parley_pci_request_shared(pp);
	if (!err && mode == PARLEY_PCI_EACH)
		err = parley_pci_request_each(pp);
	if (!err)
		err = parley_pci_tell_vectors(pp);
	if (err)
		parley_pci_vectors_free(&pp->vdev.pd);
	return err;
}

static int parley_pci_try_pin(struct parley_pci *pp)
{
	int err;

	pp->vectors = kcalloc(1, sizeof(*pp->vectors), GFP_KERNEL);
	if (!pp->vectors)
		return -ENOMEM;
	err = pci_alloc_irq_vectors(pp->pdev, 1, 1, PCI_IRQ_INTX);
	if (err < 0) {
		kfree(pp->vectors);
		pp->vectors = NULL;
		return err;
	}
	pp->mode = PARLEY_PCI_INTX;
	err = parley_pci_request(pp, parley_pci_pin_irq, IRQF_SHARED, "intx",
				 pp);
	if (err)
		parley_pci_vectors_free(&pp->vdev.pd);
	return err;
}

/**
 * parley_pci_vectors_alloc() - see struct parley_transport_ops
 * @pd: the device
 * @affd: spreading or NULL
 *
 * Return: 0 or an error, when not even the pin can be had.
 */
int parley_pci_vectors_alloc(struct parley_device *pd,
			     struct irq_affinity *affd)
{
	struct parley_pci *pp = to_parley_pci(pd);
	int err;

	err = parley_pci_try_msix(pp, PARLEY_PCI_EACH, affd);
	if (err)
		err = parley_pci_try_msix(pp, PARLEY_PCI_SHARED, NULL);
	if (err)
		err = parley_pci_try_pin(pp);
	if (err)
		pci_err(pp->pdev, "no interrupts to be had (%d)\n", err);
	return err;
}

/* A hint outlives nothing, least of all the mask that it points to. */
static void parley_pci_release(struct parley_pci *pp, unsigned int n)
{
	unsigned int irq = pci_irq_vector(pp->pdev, n);
	struct parley_pci_vector *v = &pp->vectors[n];

	if (v->mask)
		irq_update_affinity_hint(irq, NULL);
	free_irq(irq, v->cookie);
	kfree(v->mask);
}

/**
 * parley_pci_vectors_free() - the mirror of alloc
 * @pd: the device
 */
void parley_pci_vectors_free(struct parley_device *pd)
{
	struct parley_pci *pp = to_parley_pci(pd);
	struct parley_queue *queue;
	unsigned int i;

	if (pp->mode == PARLEY_PCI_NONE)
		return;
	for (i = 0; i < pp->nr_vectors; i++)
		parley_pci_release(pp, i);
	if (pp->mode != PARLEY_PCI_INTX)
		vp_modern_config_vector(&pp->mdev, VIRTIO_MSI_NO_VECTOR);
	pci_free_irq_vectors(pp->pdev);
	parley_for_each_queue(&pp->vdev, queue)
		queue->vector = -1;
	kfree(pp->vectors);
	pp->vectors = NULL;
	pp->nr_vectors = 0;
	pp->spread = false;
	pp->mode = PARLEY_PCI_NONE;
}

/**
 * parley_pci_vectors_again() - see struct parley_transport_ops
 * @pd: the device
 *
 * The kernel's half is as it was; the queues' come with parley_pci_queue_vector().
 *
 * Return: 0 or -EBUSY.
 */
int parley_pci_vectors_again(struct parley_device *pd)
{
	struct parley_pci *pp = to_parley_pci(pd);

	if (pp->mode == PARLEY_PCI_NONE || pp->mode == PARLEY_PCI_INTX)
		return 0;
	return parley_pci_tell_config(pp);
}

/**
 * parley_pci_queue_vector() - tell the device which vector a queue has
 * @queue: the queue
 *
 * A reset of the queue makes the device forget it.
 *
 * Return: 0, or -EBUSY if the device has no resources for it.
 */
int parley_pci_queue_vector(struct parley_queue *queue)
{
	struct parley_pci *pp = to_parley_pci(queue->dev);
	u16 vector = queue->vector;

	if (queue->vector < 0 || pp->mode == PARLEY_PCI_INTX)
		return 0;
	if (vp_modern_queue_vector(&pp->mdev, queue->index, vector) != vector)
		return -EBUSY;
	return 0;
}

/**
 * parley_pci_synchronize() - wait for the interrupt handlers that are running
 * @pp: the function
 */
void parley_pci_synchronize(struct parley_pci *pp)
{
	unsigned int i;

	for (i = 0; i < pp->nr_vectors; i++)
		synchronize_irq(pci_irq_vector(pp->pdev, i));
}

/**
 * parley_pci_affinity() - see struct parley_transport_ops
 * @queue: the queue
 *
 * Return: the processors, or NULL if the vector was neither spread nor set.
 */
const struct cpumask *parley_pci_affinity(struct parley_queue *queue)
{
	struct parley_pci *pp = to_parley_pci(queue->dev);

	if (queue->vector < 0)
		return NULL;
	if (pp->spread && parley_pci_spreads(queue))
		return pci_irq_get_affinity(pp->pdev, queue->vector);
	return pp->vectors[queue->vector].mask;
}

/**
 * parley_pci_set_affinity() - see struct parley_transport_ops
 * @queue: the queue
 * @mask: the processors, or NULL
 *
 * Return: 0 or an error, see parley_queue_set_affinity().
 */
int parley_pci_set_affinity(struct parley_queue *queue,
			    const struct cpumask *mask)
{
	struct parley_pci *pp = to_parley_pci(queue->dev);
	struct parley_pci_vector *v;
	unsigned int irq;

	if (pp->mode != PARLEY_PCI_EACH || queue->vector < 0 ||
	    (pp->spread && parley_pci_spreads(queue)))
		return -EOPNOTSUPP;
	v = &pp->vectors[queue->vector];
	irq = pci_irq_vector(pp->pdev, queue->vector);
	if (!mask) {
		irq_update_affinity_hint(irq, NULL);
		kfree(v->mask);
		v->mask = NULL;
		return 0;
	}
	if (!v->mask)
		v->mask = kmalloc(cpumask_size(), GFP_KERNEL);
	if (!v->mask)
		return -ENOMEM;
	cpumask_copy(v->mask, mask);
	return irq_set_affinity_and_hint(irq, v->mask);
}

/**
 * parley_pci_irq() - see struct parley_transport_ops
 * @queue: the queue, not a polled one
 *
 * Return: the number, of the pin if that is all there is.
 */
int parley_pci_irq(struct parley_queue *queue)
{
	struct parley_pci *pp = to_parley_pci(queue->dev);

	if (pp->mode == PARLEY_PCI_NONE)
		return -ENXIO;
	return pci_irq_vector(pp->pdev, max(queue->vector, 0));
}
