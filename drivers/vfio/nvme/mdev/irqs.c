// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: who is told of each, and what may be asked of VFIO_DEVICE_SET_IRQS.
 *
 * There are three kinds: the pin (pin.c), MSI-X, and the request to leave the device.
 * All are told by eventfds.  The pin and MSI-X exclude each other, as in hardware: who
 * is told of one has to be told no more before anybody is told of the other.
 *
 *	action	data	count	what it does
 *	TRIGGER	NONE	0	from the first on: nobody is told any more
 *		NONE	n	these are told now
 *		BOOL	n	those of them whose byte is not 0 are
 *		EVENTFD	n	these are told to from now on; -1: nobody is.  All or
 *				none of them
 *	MASK	NONE	n	these are not told; MSI-X keeps one that is pending
 *		BOOL	n	the same for those whose byte is not 0
 *	UNMASK	the same	they are told again, and of what is pending
 *		EVENTFD	1	the pin is unmasked whenever this is told; -1: it is not
 *
 * The hardware tells of no errors (VFIO_PCI_ERR_IRQ_INDEX): a VMM stops its guest for
 * one, and a guest is told by its controller what became of it, and can go on.
 */
#include <linux/eventfd.h>
#include <linux/cleanup.h>
#include "mdev.h"

static_assert(PARLEY_MDEV_VECTORS <= BITS_PER_LONG);

/* Of each kind: what VFIO is told of it. */
static const u32 parley_mdev_irq_flags[VFIO_PCI_NUM_IRQS] = {
	[VFIO_PCI_INTX_IRQ_INDEX] = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
				    VFIO_IRQ_INFO_AUTOMASKED,
	[VFIO_PCI_MSIX_IRQ_INDEX] = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE,
	[VFIO_PCI_REQ_IRQ_INDEX] = VFIO_IRQ_INFO_EVENTFD,
};

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
	if (index == VFIO_PCI_MSIX_IRQ_INDEX)
		return vectors;
	return !!parley_mdev_irqs_flags(index);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_count);

/**
 * parley_mdev_irqs_flags() - what can be done with interrupts of a kind
 * @index: the kind
 *
 * Context: any.
 * Return: VFIO_IRQ_INFO_EVENTFD and so on; 0 if there are none.
 */
u32 parley_mdev_irqs_flags(unsigned int index)
{
	return index < VFIO_PCI_NUM_IRQS ? parley_mdev_irq_flags[index] : 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_flags);

static int parley_mdev_irqs_check_mask(const struct vfio_irq_set *set, bool unmask)
{
	if (!(parley_mdev_irqs_flags(set->index) & VFIO_IRQ_INFO_MASKABLE))
		return -ENOTTY;
	if (!set->count)
		return -EINVAL;
	if ((set->flags & VFIO_IRQ_SET_DATA_EVENTFD) &&
	    !(unmask && set->index == VFIO_PCI_INTX_IRQ_INDEX))
		return -ENOTTY;
	return 0;
}

/**
 * parley_mdev_irqs_check() - whether it can be asked for
 * @set: what is asked for, a copy
 * @vectors: of MSI-X
 * @size: bytes of data that go with it
 *
 * Context: any.
 * Return: 0, -ENOTTY: that cannot be masked, or not so, or -EINVAL.
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
		return parley_mdev_irqs_check_mask(set, action == VFIO_IRQ_SET_ACTION_UNMASK);
	default:
		return -EINVAL;
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_check);

/* ------------------------------------------------------ who is told */

static void parley_mdev_irq_forget(struct eventfd_ctx **to)
{
	if (*to)
		eventfd_ctx_put(*to);
	*to = NULL;
}

static struct eventfd_ctx **parley_mdev_irqs_to(struct parley_mdev_irqs *irqs, u32 index)
{
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return &irqs->pin.to;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return irqs->msix;
	default:
		return &irqs->request;
	}
}

static bool parley_mdev_irqs_used(struct parley_mdev_irqs *irqs, u32 index)
{
	struct eventfd_ctx **to = parley_mdev_irqs_to(irqs, index);
	unsigned int i, nr = parley_mdev_irqs_count(index, irqs->vectors);

	for (i = 0; i < nr; i++)
		if (to[i])
			return true;
	return false;
}

/* Somebody is told of the pin, if this is about MSI-X, or the other way round. */
static bool parley_mdev_irqs_excluded(struct parley_mdev_irqs *irqs, u32 index)
{
	lockdep_assert_held(&irqs->lock);
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		return parley_mdev_irqs_used(irqs, VFIO_PCI_MSIX_IRQ_INDEX);
	return index == VFIO_PCI_MSIX_IRQ_INDEX && irqs->pin.to;
}

static void parley_mdev_msix(struct parley_mdev_irqs *irqs, unsigned int vector)
{
	lockdep_assert_held(&irqs->lock);
	if (!irqs->msix[vector])
		return;
	if (irqs->masked & BIT(vector))
		irqs->pending |= BIT(vector);
	else
		irqs->signal(irqs->msix[vector]);
}

/* What is asked for by number, and maybe by a byte for each. */
static bool parley_mdev_irqs_meant(const struct vfio_irq_set *set, const void *data,
				   unsigned int i)
{
	return !(set->flags & VFIO_IRQ_SET_DATA_BOOL) || ((const u8 *)data)[i - set->start];
}

static void parley_mdev_irqs_end(struct parley_mdev_irqs *irqs, u32 index)
{
	unsigned int i, nr = parley_mdev_irqs_count(index, irqs->vectors);

	for (i = 0; i < nr; i++)
		parley_mdev_irq_forget(&parley_mdev_irqs_to(irqs, index)[i]);
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		irqs->pin.masked = false;
	if (index == VFIO_PCI_MSIX_IRQ_INDEX) {
		irqs->masked = 0;
		irqs->pending = 0;
	}
}

static void parley_mdev_irqs_now(struct parley_mdev_irqs *irqs,
				 const struct vfio_irq_set *set, const void *data)
{
	struct eventfd_ctx **to = parley_mdev_irqs_to(irqs, set->index);
	unsigned int i;

	for (i = set->start; i < set->start + set->count; i++) {
		if (!parley_mdev_irqs_meant(set, data, i))
			continue;
		if (set->index == VFIO_PCI_MSIX_IRQ_INDEX)
			parley_mdev_msix(irqs, i);
		else if (to[i])
			irqs->signal(to[i]);
	}
}

static int parley_mdev_irq_find(s32 fd, struct eventfd_ctx **found)
{
	*found = NULL;
	if (fd == -1)
		return 0;
	*found = eventfd_ctx_fdget(fd);
	return PTR_ERR_OR_ZERO(*found);
}

static int parley_mdev_eventfds(struct parley_mdev_irqs *irqs,
				const struct vfio_irq_set *set, const s32 *fd)
{
	struct eventfd_ctx **to = parley_mdev_irqs_to(irqs, set->index) + set->start;
	struct eventfd_ctx *found[PARLEY_MDEV_VECTORS];
	bool excluded = parley_mdev_irqs_excluded(irqs, set->index);
	unsigned int i;
	int err = 0;

	for (i = 0; i < set->count && !err; i++)
		err = fd[i] != -1 && excluded ? -EINVAL : parley_mdev_irq_find(fd[i], &found[i]);
	if (err) {
		/* The last that was looked for is none. */
		for (i--; i; i--)
			parley_mdev_irq_forget(&found[i - 1]);
		return err;
	}
	for (i = 0; i < set->count; i++) {
		parley_mdev_irq_forget(&to[i]);
		to[i] = found[i];
	}
	/* Whoever is told now has heard of nothing yet. */
	if (set->index == VFIO_PCI_INTX_IRQ_INDEX)
		parley_mdev_pin_mask(irqs, false);
	return 0;
}

static int parley_mdev_irqs_trigger(struct parley_mdev_irqs *irqs,
				    const struct vfio_irq_set *set, const void *data)
{
	guard(mutex)(&irqs->lock);
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return parley_mdev_eventfds(irqs, set, data);
	if (!set->count)
		parley_mdev_irqs_end(irqs, set->index);
	parley_mdev_irqs_now(irqs, set, data);
	return 0;
}

/* ------------------------------------------------------------- masks */

static void parley_mdev_msix_mask(struct parley_mdev_irqs *irqs, unsigned int vector,
				  bool masked)
{
	lockdep_assert_held(&irqs->lock);
	__assign_bit(vector, &irqs->masked, masked);
	if (!masked && __test_and_clear_bit(vector, &irqs->pending))
		parley_mdev_msix(irqs, vector);
}

static int parley_mdev_irqs_mask(struct parley_mdev_irqs *irqs,
				 const struct vfio_irq_set *set, const void *data, bool masked)
{
	unsigned int i;

	guard(mutex)(&irqs->lock);
	if (set->index == VFIO_PCI_INTX_IRQ_INDEX && !irqs->pin.to)
		return -EINVAL;
	for (i = set->start; i < set->start + set->count; i++) {
		if (!parley_mdev_irqs_meant(set, data, i))
			continue;
		if (set->index == VFIO_PCI_INTX_IRQ_INDEX)
			parley_mdev_pin_mask(irqs, masked);
		else
			parley_mdev_msix_mask(irqs, i, masked);
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
 * Return: 0; or -EINVAL: the other kind is used, or the pin is not; or an error of an
 *	eventfd; and nothing changed.
 */
int parley_mdev_irqs_set(struct parley_mdev_irqs *irqs, const struct vfio_irq_set *set,
			 const void *data)
{
	u32 action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	int err;

	guard(mutex)(&irqs->setup);
	if (action == VFIO_IRQ_SET_ACTION_TRIGGER)
		err = parley_mdev_irqs_trigger(irqs, set, data);
	else if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		err = irqs->pin.to ? parley_mdev_pin_heed(irqs, *(const s32 *)data) : -EINVAL;
	else
		err = parley_mdev_irqs_mask(irqs, set, data,
					    action == VFIO_IRQ_SET_ACTION_MASK);
	/* Who is not told of the pin does not unmask it either. */
	if (!irqs->pin.to)
		parley_mdev_pin_forget(irqs);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_set);

/* ---------------------------------------------------------- their life */

static void parley_mdev_irq_signal(struct eventfd_ctx *to)
{
	eventfd_signal(to);
}

/**
 * parley_mdev_irqs_init() - nobody is told of anything
 * @irqs: zeroed
 *
 * Context: process context.
 */
void parley_mdev_irqs_init(struct parley_mdev_irqs *irqs)
{
	irqs->signal = parley_mdev_irq_signal;
	mutex_init(&irqs->setup);
	mutex_init(&irqs->lock);
	parley_mdev_pin_init(&irqs->pin);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_init);

/**
 * parley_mdev_irqs_begin() - another user
 * @irqs: the interrupts, of which nobody is told
 * @vectors: of MSI-X
 *
 * Context: process context; may sleep.
 */
void parley_mdev_irqs_begin(struct parley_mdev_irqs *irqs, unsigned int vectors)
{
	guard(mutex)(&irqs->lock);
	irqs->vectors = vectors;
	irqs->pin.raised = false;
	irqs->pin.disabled = false;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_begin);

/**
 * parley_mdev_irqs_free() - nobody is told of anything any more
 * @irqs: the interrupts
 *
 * Context: process context; may sleep.
 */
void parley_mdev_irqs_free(struct parley_mdev_irqs *irqs)
{
	u32 index;

	guard(mutex)(&irqs->setup);
	parley_mdev_pin_forget(irqs);
	guard(mutex)(&irqs->lock);
	for (index = 0; index < VFIO_PCI_NUM_IRQS; index++)
		parley_mdev_irqs_end(irqs, index);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_free);

/**
 * parley_mdev_irqs_exit() - the mirror of parley_mdev_irqs_init()
 * @irqs: the interrupts, of which nobody is told
 *
 * Context: process context.
 */
void parley_mdev_irqs_exit(struct parley_mdev_irqs *irqs)
{
	mutex_destroy(&irqs->lock);
	mutex_destroy(&irqs->setup);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_exit);

/* -------------------------------------------------------------- telling */

/**
 * parley_mdev_irqs_tell() - interrupt the guest by a message
 * @irqs: the interrupts
 * @vector: which; one that there is none of is nobody's
 *
 * Context: process context; may sleep.
 */
void parley_mdev_irqs_tell(struct parley_mdev_irqs *irqs, unsigned int vector)
{
	guard(mutex)(&irqs->lock);
	if (vector < irqs->vectors)
		parley_mdev_msix(irqs, vector);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_tell);

/**
 * parley_mdev_irqs_wired() - whether the pin is used
 * @irqs: the interrupts
 *
 * Context: process context; may sleep.
 * Return: whether somebody is told of it.
 */
bool parley_mdev_irqs_wired(struct parley_mdev_irqs *irqs)
{
	guard(mutex)(&irqs->lock);
	return irqs->pin.to;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_wired);

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
		irqs->signal(irqs->request);
	return irqs->request;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_irqs_request);
