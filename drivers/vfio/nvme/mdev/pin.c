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
#include <linux/eventfd.h>
#include <linux/file.h>
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
						     pin.unmask.work);

	guard(mutex)(&irqs->lock);
	parley_mdev_pin_mask(irqs, false);
}

/* With the lock of the eventfd held: the rest has to wait. */
static int parley_mdev_pin_wake(struct wait_queue_entry *wait, unsigned int mode, int sync,
				void *key)
{
	struct parley_mdev_unmask *u = container_of(wait, struct parley_mdev_unmask, wait);
	u64 count;

	if (key_to_poll(key) & EPOLLIN) {
		eventfd_ctx_do_read(u->ctx, &count);
		schedule_work(&u->work);
	}
	return 0;
}

static void parley_mdev_pin_queue(struct file *file, wait_queue_head_t *head,
				  poll_table *table)
{
	struct parley_mdev_unmask *u = container_of(table, struct parley_mdev_unmask, table);

	add_wait_queue(head, &u->wait);
}

/**
 * parley_mdev_pin_forget() - no eventfd unmasks it any more
 * @irqs: the interrupts
 *
 * Context: process context; @irqs->setup held, and not @irqs->lock; sleeps.
 */
void parley_mdev_pin_forget(struct parley_mdev_irqs *irqs)
{
	struct parley_mdev_unmask *u = &irqs->pin.unmask;
	u64 count;

	lockdep_assert_held(&irqs->setup);
	if (!u->file)
		return;
	eventfd_ctx_remove_wait_queue(u->ctx, &u->wait, &count);
	/* Nobody wakes it any more. */
	cancel_work_sync(&u->work);
	eventfd_ctx_put(u->ctx);
	fput(u->file);
	u->file = NULL;
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
	struct parley_mdev_unmask *u = &irqs->pin.unmask;
	struct eventfd_ctx *ctx;
	struct file *file;

	lockdep_assert_held(&irqs->setup);
	if (fd == -1) {
		parley_mdev_pin_forget(irqs);
		return 0;
	}
	file = fget(fd);
	if (!file)
		return -EBADF;
	ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(ctx)) {
		fput(file);
		return PTR_ERR(ctx);
	}
	parley_mdev_pin_forget(irqs);
	u->file = file;
	u->ctx = ctx;
	INIT_WORK(&u->work, parley_mdev_pin_work);
	init_waitqueue_func_entry(&u->wait, parley_mdev_pin_wake);
	init_poll_funcptr(&u->table, parley_mdev_pin_queue);
	/* It may have been told before we listened. */
	if (vfs_poll(file, &u->table) & EPOLLIN)
		schedule_work(&u->work);
	return 0;
}
