/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the PCI transport share: pci.c is the driver, pci_ops.c the
 * device's registers, pci_cap.c its capabilities, pci_irq.c its interrupts.
 */
#ifndef _PARLEY_PCI_H
#define _PARLEY_PCI_H

#include <linux/pci.h>
#include <linux/virtio_pci_modern.h>
#include <parley/transport.h>

/**
 * enum parley_pci_irq_mode - how interrupts are delivered
 * @PARLEY_PCI_NONE: not at all
 * @PARLEY_PCI_EACH: MSI-X: 0 for the configuration, one for each queue or group
 * @PARLEY_PCI_SHARED: MSI-X: 0 for the configuration, 1 for all queues
 * @PARLEY_PCI_INTX: one for all
 */
enum parley_pci_irq_mode {
	PARLEY_PCI_NONE,
	PARLEY_PCI_EACH,
	PARLEY_PCI_SHARED,
	PARLEY_PCI_INTX,
};

/**
 * struct parley_pci_vector - an interrupt that is requested
 * @pp: the function
 * @cookie: what request_irq() was given
 * @mask: the processors that it shall go to, if a front-end said so
 * @name: in /proc/interrupts
 */
struct parley_pci_vector {
	struct parley_pci *pp;
	void *cookie;
	struct cpumask *mask;
	char name[32];
};

/**
 * struct parley_pci - a PCI function that is ours
 * @vdev: the device on the bus; first, see parley_device_free()
 * @pdev: the function
 * @mdev: for the vp_modern library; filled by pci_cap.c
 * @mode: see there
 * @vectors: @nr_vectors interrupts that are requested
 * @nr_vectors: see @vectors
 * @spread: the vectors of queues have an affinity of their own
 * @on: we have enabled the function
 * @quiet: by enum parley_hold, why nobody reads a register outside the model
 */
struct parley_pci {
	struct parley_vdev vdev;
	struct pci_dev *pdev;
	struct virtio_pci_modern_device mdev;
	enum parley_pci_irq_mode mode;
	struct parley_pci_vector *vectors;
	unsigned int nr_vectors;
	bool spread;
	bool on;
	unsigned long quiet;
};

static inline struct parley_pci *to_parley_pci(struct parley_device *pd)
{
	return container_of(pd, struct parley_pci, vdev.pd);
}

/* pci_ops.c */
extern const struct parley_transport_ops parley_pci_ops;

/* pci_cap.c */
int parley_pci_map(struct parley_pci *pp);
void parley_pci_unmap(struct parley_pci *pp);
int parley_pci_shm(struct parley_device *pd, u8 id, struct parley_shm *shm);

/* pci_irq.c */
int parley_pci_vectors_alloc(struct parley_device *pd,
			     struct irq_affinity *affd);
void parley_pci_vectors_free(struct parley_device *pd);
int parley_pci_vectors_again(struct parley_device *pd);
int parley_pci_queue_vector(struct parley_queue *queue);
void parley_pci_synchronize(struct parley_pci *pp);
const struct cpumask *parley_pci_affinity(struct parley_queue *queue);
int parley_pci_set_affinity(struct parley_queue *queue,
			    const struct cpumask *mask);
int parley_pci_irq(struct parley_queue *queue);

#endif /* _PARLEY_PCI_H */
