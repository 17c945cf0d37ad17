// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the controller of a device asks for: its guest's memory, through the gate, and that
 * its guest is told; and what the gate asks of the controller in turn.
 */
#include <linux/container_of.h>
#include <linux/mm.h>
#include "mdev.h"

/* What is used directly: queues, and two pages of doorbells. */
#define PARLEY_MDEV_SHARED	(PARLEY_EMU_QUEUES * (PARLEY_EMU_SQ_PAGES + 1) + 2)

/* All commands together can hold no more pages, so none is refused for want of room. */
static_assert(PARLEY_NVME_IO_QUEUES * PARLEY_NVME_IO_SLOTS * PARLEY_EMU_PAGES +
	      PARLEY_MDEV_SHARED < PARLEY_GATE_PAGES);
static_assert(PARLEY_GATE_PAGE == PARLEY_NVME_PAGE);

/* ------------------------------------------------------ the controller */

static struct parley_mdev *parley_mdev_of(struct parley_emu *e)
{
	return container_of(e, struct parley_mdev, emu);
}

static int parley_mdev_emu_read(struct parley_emu *e, u64 address, void *data, size_t len)
{
	struct parley_gate *g = &parley_mdev_of(e)->gate;

	return g->ops->rw(g, address, data, len, false);
}

/* VFIO's function does both, and leaves what is to be written as it is. */
static int parley_mdev_emu_write(struct parley_emu *e, u64 address, const void *data,
				 size_t len)
{
	struct parley_mdev *m = parley_mdev_of(e);
	int err = m->gate.ops->rw(&m->gate, address, (void *)data, len, true);

	parley_mdev_dirty_wrote(&m->dirty, address, len, err);
	return err;
}

static int parley_mdev_emu_pin(struct parley_emu *e, u64 address, bool in,
			       dma_addr_t *dma)
{
	return parley_gate_pin(&parley_mdev_of(e)->gate, address, in, dma);
}

static void parley_mdev_emu_unpin(struct parley_emu *e, u64 address, bool in,
				  dma_addr_t dma)
{
	struct parley_mdev *m = parley_mdev_of(e);

	/* The function has done with it: with what was to be, or with nothing. */
	if (in)
		parley_mdev_dirty_mark(&m->dirty, address, PARLEY_NVME_PAGE);
	parley_gate_unpin(&m->gate, address, in);
}

static int parley_mdev_emu_share(struct parley_emu *e, u64 address, void **at)
{
	struct parley_gate *g = &parley_mdev_of(e)->gate;
	struct page *memory;
	int err = parley_gate_share(g, address, &memory);

	if (err)
		return err;
	*at = page_address(memory);
	if (*at) {
		*at += offset_in_page(address);
		return 0;
	}
	/* It is not mapped for us (highmem). */
	parley_gate_unshare(g, address);
	return -EFAULT;
}

static void parley_mdev_emu_unshare(struct parley_emu *e, u64 address)
{
	parley_gate_unshare(&parley_mdev_of(e)->gate, address);
}

static void parley_mdev_emu_wrote(struct parley_emu *e, u64 address, size_t len)
{
	parley_mdev_dirty_mark(&parley_mdev_of(e)->dirty, address, len);
}

static void parley_mdev_emu_rest(struct parley_emu *e)
{
	parley_gate_empty(&parley_mdev_of(e)->gate);
}

static void parley_mdev_emu_interrupt(struct parley_emu *e, unsigned int vector)
{
	parley_mdev_irqs_tell(&parley_mdev_of(e)->irqs, vector);
}

static void parley_mdev_emu_line(struct parley_emu *e, bool raised)
{
	parley_mdev_pin_raise(&parley_mdev_of(e)->irqs, raised);
}

static void parley_mdev_emu_unmap(struct parley_emu *e)
{
	parley_mdev_bells_unmap(parley_mdev_of(e));
}

const struct parley_emu_ops parley_mdev_emu_ops = {
	.read = parley_mdev_emu_read,
	.write = parley_mdev_emu_write,
	.pin = parley_mdev_emu_pin,
	.unpin = parley_mdev_emu_unpin,
	.share = parley_mdev_emu_share,
	.unshare = parley_mdev_emu_unshare,
	.wrote = parley_mdev_emu_wrote,
	.rest = parley_mdev_emu_rest,
	.interrupt = parley_mdev_emu_interrupt,
	.line = parley_mdev_emu_line,
	.unmap = parley_mdev_emu_unmap,
};

/* ------------------------------------------------------------ the gate */

static struct parley_mdev *parley_mdev_behind(struct parley_gate *g)
{
	return container_of(g, struct parley_mdev, gate);
}

static void parley_mdev_gate_unshared(struct parley_gate *g, u64 first, u64 last)
{
	parley_emu_unshared(&parley_mdev_behind(g)->emu, first, last);
}

static void parley_mdev_gate_abandon(struct parley_gate *g)
{
	parley_nvme_abandon(&parley_mdev_behind(g)->vf->n);
}

const struct parley_gate_user parley_mdev_gate_user = {
	.unshared = parley_mdev_gate_unshared,
	.abandon = parley_mdev_gate_abandon,
};
