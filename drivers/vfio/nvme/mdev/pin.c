// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupt pin, for guests that know no MSI-X.
 *
 * The controller raises it as long as there are answers that the guest has not taken
 * and has not masked (INTMS), see ../emu/queue.c.  Who is told of that is told once,
 * and the pin is masked then (AUTOMASKED): he unmasks it when the guest has seen to it,
 * by VFIO_DEVICE_SET_IRQS or by an eventfd, and is told again if it is still raised.
 *
 *	told	if it is raised, and neither masked nor disabled by the guest
 *		(PCI_COMMAND_INTX_DISABLE), and somebody wants to be told
 */
#include <linux/cleanup.h>
#include "mdev.h"

static void parley_mdev_pin_look(struct parley_mdev_irqs *irqs)
{
	struct parley_mdev_pin *pin = &irqs->pin;

	lockdep_assert_held(&irqs->lock);
	if (!pin->to || !pin->raised || pin->masked || pin->disabled)
		return;
	pin->masked = true;
	irqs->signal(pin->to);
}

/**
 * parley_mdev_pin_raise() - the controller has something to tell, or has not
 * @irqs: the interrupts
 * @raised: whether it has
 *
 * Context: process context; may sleep.
 */
void parley_mdev_pin_raise(struct parley_mdev_irqs *irqs, bool raised)
{
	guard(mutex)(&irqs->lock);
	irqs->pin.raised = raised;
	parley_mdev_pin_look(irqs);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_pin_raise);

/**
 * parley_mdev_pin_raised() - whether it has
 * @irqs: the interrupts
 *
 * Context: process context; may sleep.
 * Return: what is in the status of PCI.
 */
bool parley_mdev_pin_raised(struct parley_mdev_irqs *irqs)
{
	guard(mutex)(&irqs->lock);
	return irqs->pin.raised;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_pin_raised);

/**
 * parley_mdev_pin_disable() - the guest wants it, or does not
 * @irqs: the interrupts
 * @disabled: it does not
 *
 * Context: process context; may sleep.
 */
void parley_mdev_pin_disable(struct parley_mdev_irqs *irqs, bool disabled)
{
	guard(mutex)(&irqs->lock);
	irqs->pin.disabled = disabled;
	parley_mdev_pin_look(irqs);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_pin_disable);

/**
 * parley_mdev_pin_mask() - its user masks or unmasks it, or another is told
 * @irqs: the interrupts
 * @masked: whether it is masked
 *
 * Context: process context; @irqs->lock held; may sleep.
 */
void parley_mdev_pin_mask(struct parley_mdev_irqs *irqs, bool masked)
{
	lockdep_assert_held(&irqs->lock);
	irqs->pin.masked = masked;
	parley_mdev_pin_look(irqs);
}

/* --------------------------------------------- unmasked by an eventfd */

static void parley_mdev_pin_work(struct work_struct *work)
{
	struct parley_mdev_irqs *irqs = container_of(work, struct parley_mdev_irqs,
						     pin.unmasking);

	guard(mutex)(&irqs->lock);
	parley_mdev_pin_mask(irqs, false);
}

static void parley_mdev_pin_heard(struct parley_mdev_listener *l)
{
	schedule_work(&container_of(l, struct parley_mdev_pin, unmask)->unmasking);
}

/**
 * parley_mdev_pin_init() - nobody is told of it, and nobody unmasks it
 * @pin: the pin, zeroed
 *
 * Context: process context.
 */
void parley_mdev_pin_init(struct parley_mdev_pin *pin)
{
	INIT_WORK(&pin->unmasking, parley_mdev_pin_work);
}

/**
 * parley_mdev_pin_forget() - no eventfd unmasks it any more
 * @irqs: the interrupts
 *
 * Context: process context; @irqs->setup held, and not @irqs->lock; sleeps.
 */
void parley_mdev_pin_forget(struct parley_mdev_irqs *irqs)
{
	lockdep_assert_held(&irqs->setup);
	parley_mdev_deafen(&irqs->pin.unmask);
	/* Nobody wakes it any more. */
	cancel_work_sync(&irqs->pin.unmasking);
}

/**
 * parley_mdev_pin_heed() - an eventfd unmasks it from now on, and no other does
 * @irqs: the interrupts
 * @fd: of the eventfd; -1: none does
 *
 * Context: process context; @irqs->setup held, and not @irqs->lock; sleeps.
 * Return: 0, or an error, and nothing changed.
 */
int parley_mdev_pin_heed(struct parley_mdev_irqs *irqs, s32 fd)
{
	lockdep_assert_held(&irqs->setup);
	if (fd != -1)
		return parley_mdev_listen(&irqs->pin.unmask, fd, parley_mdev_pin_heard);
	parley_mdev_pin_forget(irqs);
	return 0;
}
