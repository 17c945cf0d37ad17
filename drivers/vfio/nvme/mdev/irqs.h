/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts: messages (irqs.c), and the pin (pin.c).
 */
#ifndef _PARLEY_NVME_MDEV_IRQS_H
#define _PARLEY_NVME_MDEV_IRQS_H

#include <linux/mutex.h>
#include <linux/vfio.h>
#include "listen.h"
#include "places.h"

struct eventfd_ctx;

/**
 * struct parley_mdev_pin - the interrupt pin
 * @to: who is told, or NULL
 * @raised: the controller has something to tell
 * @masked: he was told, or does not want to be
 * @disabled: the guest does not
 * @unmask: an eventfd that unmasks it; guarded by the setup lock
 * @unmasking: does so
 */
struct parley_mdev_pin {
	struct eventfd_ctx *to;
	bool raised;
	bool masked;
	bool disabled;
	struct parley_mdev_listener unmask;
	struct work_struct unmasking;
};

/**
 * struct parley_mdev_irqs - who is told of interrupts
 * @signal: how somebody is told
 * @setup: see above
 * @lock: guards the rest
 * @vectors: how many there are of MSI-X
 * @msix: of each, or NULL
 * @masked: a bit for each that is not told of
 * @pending: a bit for each that would have been told of meanwhile
 * @pin: the pin
 * @request: who is told that the device should be left, or NULL
 */
struct parley_mdev_irqs {
	void (*signal)(struct eventfd_ctx *to);
	struct mutex setup;
	struct mutex lock;
	unsigned int vectors;
	struct eventfd_ctx *msix[PARLEY_MDEV_VECTORS];
	unsigned long masked;
	unsigned long pending;
	struct parley_mdev_pin pin;
	struct eventfd_ctx *request;
};

/* irqs.c */
u32 parley_mdev_irqs_flags(unsigned int index);
unsigned int parley_mdev_irqs_count(unsigned int index, unsigned int vectors);
int parley_mdev_irqs_check(const struct vfio_irq_set *set, unsigned int vectors,
			   size_t *size);
int parley_mdev_irqs_set(struct parley_mdev_irqs *irqs, const struct vfio_irq_set *set,
			 const void *data);
void parley_mdev_irqs_init(struct parley_mdev_irqs *irqs);
void parley_mdev_irqs_begin(struct parley_mdev_irqs *irqs, unsigned int vectors);
void parley_mdev_irqs_exit(struct parley_mdev_irqs *irqs);
void parley_mdev_irqs_free(struct parley_mdev_irqs *irqs);
void parley_mdev_irqs_tell(struct parley_mdev_irqs *irqs, unsigned int vector);
bool parley_mdev_irqs_wired(struct parley_mdev_irqs *irqs);
bool parley_mdev_irqs_request(struct parley_mdev_irqs *irqs);

/* pin.c */
void parley_mdev_pin_init(struct parley_mdev_pin *pin);
void parley_mdev_pin_raise(struct parley_mdev_irqs *irqs, bool raised);
bool parley_mdev_pin_raised(struct parley_mdev_irqs *irqs);
void parley_mdev_pin_disable(struct parley_mdev_irqs *irqs, bool disabled);
void parley_mdev_pin_mask(struct parley_mdev_irqs *irqs, bool masked);
void parley_mdev_pin_forget(struct parley_mdev_irqs *irqs);
int parley_mdev_pin_heed(struct parley_mdev_irqs *irqs, s32 fd);

#endif /* _PARLEY_NVME_MDEV_IRQS_H */
