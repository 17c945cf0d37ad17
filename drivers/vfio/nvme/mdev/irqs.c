// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: who is told of each, and what may be asked of VFIO_DEVICE_SET_IRQS.
 *
 * There are two kinds: MSI-X, and the request to leave the device.  Both are told by
 * eventfds.  Neither can be masked here: the VMM does that by taking its eventfd
 * away, and keeps what is pending itself.
 *
 *	data		count	what it does
 *	NONE		0	from the first on: nobody is told any more
 *	NONE		n	these are told now
 *	BOOL		n	those of them whose byte is not 0 are
 *	EVENTFD		n	these are told to from now on; -1: nobody is.  All or
 *				none of them
 */
#include <linux/eventfd.h>
#include <linux/cleanup.h>
#include "mdev.h"

/**
 * parley_mdev_irqs_count() - how many interrupts there are of a kind
 * @index: the kind, VFIO_PCI_MSIX_IRQ_INDEX and so on
 * @vectors: of MSI-X
 *
 * Context: any.
 * Return: how many.
 */
unsigned int parley_mdev_irqs_count(unsigned int index, unsigned int vectors)
{
	switch (index) {
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return vectors;
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_count);

/**
 * parley_mdev_irqs_check() - whether it can be asked for
 * @set: what is asked for, a copy
 * @vectors: of MSI-X
 * @size: bytes of data that go with it
 *
 * Context: any.
 * Return: 0, -ENOTTY: nothing can be masked here, or -EINVAL.
 */
int parley_mdev_irqs_check(const struct vfio_irq_set *set, unsigned int vectors,
			   size_t *size)
{
	u32 action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	struct vfio_irq_set copy = *set;
	int err;

	/* VFIO's own: index, range, kind of data and room for it. */
	err = vfio_set_irqs_validate_and_prepare(&copy,
						 parley_mdev_irqs_count(set->index, vectors),
						 VFIO_PCI_NUM_IRQS, size);
	if (err)
		return err;
	if (!set->count && (set->start || !(set->flags & VFIO_IRQ_SET_DATA_NONE)))
		return -EINVAL;
	switch (action) {
	case VFIO_IRQ_SET_ACTION_TRIGGER:
		return 0;
	case VFIO_IRQ_SET_ACTION_MASK:
	case VFIO_IRQ_SET_ACTION_UNMASK:
		return -ENOTTY;
	default:
		return -EINVAL;
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_check);

static void parley_mdev_irq_forget(struct eventfd_ctx **to)
{
	if (*to)
		eventfd_ctx_put(*to);
	*to = NULL;
}

/* Nobody is told of those from @to on any more; or those of @to are told now. */
static void parley_mdev_none(struct eventfd_ctx **to, unsigned int nr,
			     const struct vfio_irq_set *set, const u8 *yes)
{
	unsigned int i;

	for (i = 0; !set->count && i < nr; i++)
		parley_mdev_irq_forget(&to[i]);
	for (i = set->start; i < set->start + set->count; i++)
		if (to[i] && (!yes || yes[i - set->start]))
			eventfd_signal(to[i]);
}

static int parley_mdev_irq_find(s32 fd, struct eventfd_ctx **found)
{
	*found = NULL;
	if (fd == -1)
		return 0;
	*found = eventfd_ctx_fdget(fd);
	return PTR_ERR_OR_ZERO(*found);
}

static int parley_mdev_eventfds(struct eventfd_ctx **to, unsigned int nr, const s32 *fd)
{
	struct eventfd_ctx *found[PARLEY_MDEV_VECTORS];
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr && !err; i++)
		err = parley_mdev_irq_find(fd[i], &found[i]);
	if (err) {
		/* The last that was looked for is none. */
		for (i--; i; i--)
			parley_mdev_irq_forget(&found[i - 1]);
		return err;
	}
	for (i = 0; i < nr; i++) {
		parley_mdev_irq_forget(&to[i]);
		to[i] = found[i];
	}
	return 0;
}

/**
 * parley_mdev_irqs_set() - do what is asked for
 * @irqs: the interrupts
 * @set: what is asked for; parley_mdev_irqs_check() said that it can be
 * @data: what goes with it, a copy
 *
 * Context: process context; may sleep.
 * Return: 0, or an error of eventfd_ctx_fdget(), and nothing changed.
 */
int parley_mdev_irqs_set(struct parley_mdev_irqs *irqs, const struct vfio_irq_set *set,
			 const void *data)
{
	bool msix = set->index == VFIO_PCI_MSIX_IRQ_INDEX;
	struct eventfd_ctx **to = msix ? irqs->msix : &irqs->request;

	guard(mutex)(&irqs->lock);
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return parley_mdev_eventfds(to + set->start, set->count, data);
	parley_mdev_none(to, msix ? irqs->vectors : 1, set,
			 set->flags & VFIO_IRQ_SET_DATA_BOOL ? data : NULL);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_set);

/**
 * parley_mdev_irqs_free() - nobody is told of anything any more
 * @irqs: the interrupts
 *
 * Context: process context; may sleep.
 */
void parley_mdev_irqs_free(struct parley_mdev_irqs *irqs)
{
	unsigned int i;

	guard(mutex)(&irqs->lock);
	for (i = 0; i < PARLEY_MDEV_VECTORS; i++)
		parley_mdev_irq_forget(&irqs->msix[i]);
	parley_mdev_irq_forget(&irqs->request);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_free);

/**
 * parley_mdev_irqs_tell() - interrupt the guest
 * @irqs: the interrupts
 * @vector: which; one that there is none of is nobody's
 *
 * Context: process context; may sleep.
 */
void parley_mdev_irqs_tell(struct parley_mdev_irqs *irqs, unsigned int vector)
{
	guard(mutex)(&irqs->lock);
	if (vector < irqs->vectors && irqs->msix[vector])
		eventfd_signal(irqs->msix[vector]);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_tell);

/**
 * parley_mdev_irqs_request() - ask the user to leave the device
 * @irqs: the interrupts
 *
 * Context: process context; may sleep.
 * Return: whether there was somebody to ask.
 */
bool parley_mdev_irqs_request(struct parley_mdev_irqs *irqs)
{
	guard(mutex)(&irqs->lock);
	if (irqs->request)
		eventfd_signal(irqs->request);
	return irqs->request;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_request);
