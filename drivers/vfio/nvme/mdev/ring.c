// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doorbells that are written whenever an eventfd is told (VFIO_DEVICE_IOEVENTFD), so that
 * KVM, which can tell one when a guest writes, need not ask its VMM.
 *
 * There is one for each doorbell and each value, as VFIO has it; a doorbell says how far
 * its queue is filled, so who uses them has many, and they are bounded.
 */
#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/slab.h>
#include "mdev.h"

/**
 * struct parley_mdev_ringer - a doorbell, and who rings it
 * @node: in the list of all
 * @listener: hears the eventfd
 * @emu: the controller
 * @at: where its register is
 * @value: what is written there
 */
struct parley_mdev_ringer {
	struct list_head node;
	struct parley_mdev_listener listener;
	struct parley_emu *emu;
	u32 at;
	u32 value;
};

/* At once: there may be many, and what waits for the controller would keep others waiting. */
static void parley_mdev_ringer_rings(struct parley_mdev_listener *l)
{
	struct parley_mdev_ringer *b = container_of(l, struct parley_mdev_ringer, listener);

	parley_emu_ring(b->emu, b->at, b->value);
}

/**
 * parley_mdev_rings_check() - whether it can be asked for
 * @io: what is asked for, a copy
 * @at: where the register of the doorbell is
 *
 * Only doorbells are written again and again; and only as a whole.
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int parley_mdev_rings_check(const struct vfio_device_ioeventfd *io, u32 *at)
{
	u64 base = PARLEY_MDEV_OFFSET(VFIO_PCI_BAR0_REGION_INDEX) + NVME_REG_DBS;

	if (io->flags != VFIO_DEVICE_IOEVENTFD_32 || io->fd < -1 || io->data > U32_MAX)
		return -EINVAL;
	if (io->offset < base || io->offset - base >= PARLEY_EMU_BAR - NVME_REG_DBS ||
	    io->offset % sizeof(u32))
		return -EINVAL;
	*at = io->offset - PARLEY_MDEV_OFFSET(VFIO_PCI_BAR0_REGION_INDEX);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_rings_check);

static struct parley_mdev_ringer *parley_mdev_ringer_find(struct parley_mdev_rings *r,
							  u32 at, u32 value)
{
	struct parley_mdev_ringer *b;

	lockdep_assert_held(&r->lock);
	list_for_each_entry(b, &r->ringers, node)
		if (b->at == at && b->value == value)
			return b;
	return NULL;
}

static void parley_mdev_ringer_free(struct parley_mdev_rings *r, struct parley_mdev_ringer *b)
{
	lockdep_assert_held(&r->lock);
	list_del(&b->node);
	r->nr--;
	parley_mdev_deafen(&b->listener);
	kfree(b);
}

static int parley_mdev_ringer_make(struct parley_mdev_rings *r, struct parley_emu *e, u32 at,
				   u32 value, s32 fd)
{
	struct parley_mdev_ringer *b __free(kfree) = NULL;
	int err;

	lockdep_assert_held(&r->lock);
	if (r->nr == PARLEY_MDEV_RINGERS)
		return -ENOSPC;
	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (!b)
		return -ENOMEM;
	b->emu = e;
	b->at = at;
	b->value = value;
	err = parley_mdev_listen(&b->listener, fd, parley_mdev_ringer_rings);
	if (err)
		return err;
	list_add_tail(&no_free_ptr(b)->node, &r->ringers);
	r->nr++;
	return 0;
}

/**
 * parley_mdev_rings_set() - a doorbell is written whenever an eventfd is told, or is not
 * @r: the doorbells
 * @e: the controller, which goes after parley_mdev_rings_free()
 * @io: what is asked for, a copy; its fd is -1: it is not any more
 *
 * Context: process context; may sleep.
 * Return: 0, or
 *	-EINVAL		there is no such doorbell, or no eventfd
 *	-EEXIST		there is one for this doorbell and value
 *	-ENODEV		there is none to be taken away
 *	-ENOSPC		there are PARLEY_MDEV_RINGERS
 *	-ENOMEM, -EBADF
 */
int parley_mdev_rings_set(struct parley_mdev_rings *r, struct parley_emu *e,
			  const struct vfio_device_ioeventfd *io)
{
	struct parley_mdev_ringer *b;
	u32 at;
	int err = parley_mdev_rings_check(io, &at);

	if (err)
		return err;
	guard(mutex)(&r->lock);
	b = parley_mdev_ringer_find(r, at, io->data);
	if (io->fd >= 0)
		return b ? -EEXIST : parley_mdev_ringer_make(r, e, at, io->data, io->fd);
	if (!b)
		return -ENODEV;
	parley_mdev_ringer_free(r, b);
	return 0;
}

/**
 * parley_mdev_rings_init() - none is written
 * @r: zeroed
 *
 * Context: process context.
 */
void parley_mdev_rings_init(struct parley_mdev_rings *r)
{
	mutex_init(&r->lock);
	INIT_LIST_HEAD(&r->ringers);
}

/**
 * parley_mdev_rings_free() - none is written any more
 * @r: the doorbells
 *
 * Context: process context; may sleep.
 */
void parley_mdev_rings_free(struct parley_mdev_rings *r)
{
	struct parley_mdev_ringer *b, *next;

	guard(mutex)(&r->lock);
	list_for_each_entry_safe(b, next, &r->ringers, node)
		parley_mdev_ringer_free(r, b);
}

/**
 * parley_mdev_rings_exit() - the mirror of parley_mdev_rings_init()
 * @r: the doorbells, after parley_mdev_rings_free()
 *
 * Context: process context.
 */
void parley_mdev_rings_exit(struct parley_mdev_rings *r)
{
	mutex_destroy(&r->lock);
}
