// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's lists of pages (NVMe 4.3), and data that are copied.  What a list says is
 * read once, into memory that the guest cannot reach; how long it is follows from the
 * command's length, so that a list that leads to itself ends like any other.
 */
#include <linux/minmax.h>
#include "rooms.h"

#define PNE_PER_PAGE	(PARLEY_NVME_PAGE / sizeof(__le64))

static u16 pne_copy(struct parley_emu *e, u64 address, u64 *page, unsigned int nr)
{
	unsigned int i;

	if (nr && e->ops->read(e, address, page, nr * sizeof(*page)))
		return NVME_SC_DATA_XFER_ERROR;
	for (i = 0; i < nr; i++)
		page[i] = le64_to_cpu((__force __le64)page[i]);
	return 0;
}

/*
 * So many pages, of a list: where it fills a page, the last entry is the address of
 * its next page.  It may begin anywhere in a page, but only at a whole entry, and
 * goes on at the beginning of one.
 */
static u16 pne_list(struct parley_emu *e, u64 list, u64 *page, unsigned int nr)
{
	unsigned int room = (PARLEY_NVME_PAGE - list % PARLEY_NVME_PAGE) / sizeof(__le64);
	u16 status;
	u64 next;

	if (list % sizeof(__le64))
		return PARLEY_EMU_NO(NVME_SC_PRP_INVALID_OFFSET);
	if (nr <= room)
		return pne_copy(e, list, page, nr);
	status = pne_copy(e, list, page, room - 1);
	if (!status)
		status = pne_copy(e, list + (room - 1) * sizeof(__le64), &next, 1);
	if (!status && next % PARLEY_NVME_PAGE)
		status = PARLEY_EMU_NO(NVME_SC_PRP_INVALID_OFFSET);
	if (status)
		return status;
	/* Shorter than a page of them. */
	return pne_copy(e, next, page + room - 1, nr - (room - 1));
}

static u16 pne_aligned(const u64 *page, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (page[i] % PARLEY_NVME_PAGE)
			return PARLEY_EMU_NO(NVME_SC_PRP_INVALID_OFFSET);
	return 0;
}

/**
 * parley_emu_prp() - where a command's data is
 * @e: the controller
 * @cmd: the command, a copy
 * @len: bytes of data, not 0 and at most PARLEY_EMU_PAGES - 1 pages
 * @page: where the guest's addresses go, PARLEY_EMU_PAGES of them; the first may be
 *	inside of a page, the others begin one
 * @nr: how many there are
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: 0 or the status of the command.
 */
u16 parley_emu_prp(struct parley_emu *e, const struct nvme_command *cmd, u32 len,
		   u64 *page, unsigned int *nr)
{
	u64 prp1 = le64_to_cpu(cmd->common.dptr.prp1);
	u64 prp2 = le64_to_cpu(cmd->common.dptr.prp2);
	u16 status = 0;

	BUILD_BUG_ON(PARLEY_EMU_PAGES > PNE_PER_PAGE);
	lockdep_assert_held(&e->mutex);
	if (prp1 % sizeof(u32))
		return PARLEY_EMU_NO(NVME_SC_PRP_INVALID_OFFSET);
	*nr = DIV_ROUND_UP(prp1 % PARLEY_NVME_PAGE + len, PARLEY_NVME_PAGE);
	page[0] = prp1;
	if (*nr == 2)
		page[1] = prp2;
	else if (*nr > 2)
		status = pne_list(e, prp2, page + 1, *nr - 1);
	return status ?: pne_aligned(page + 1, *nr - 1);
}

static int pne_piece(struct parley_emu *e, u64 address, void *data, u32 len, bool give)
{
	return give ? e->ops->write(e, address, data, len) :
		      e->ops->read(e, address, data, len);
}

/* A command's data, of a page at most, which may lie in two. */
static u16 pne_move(struct parley_emu *e, const struct nvme_command *cmd, void *data,
		    u32 len, bool give)
{
	u64 page[PARLEY_EMU_PAGES];
	unsigned int nr;
	u16 status = parley_emu_prp(e, cmd, len, page, &nr);
	u32 first;

	if (status)
		return status;
	first = min_t(u32, len, PARLEY_NVME_PAGE - page[0] % PARLEY_NVME_PAGE);
	if (pne_piece(e, page[0], data, first, give))
		return NVME_SC_DATA_XFER_ERROR;
	if (nr > 1 && pne_piece(e, page[1], data + first, len - first, give))
		return NVME_SC_DATA_XFER_ERROR;
	return 0;
}

/**
 * parley_emu_give() - a command's data go to the guest
 * @e: the controller
 * @cmd: the command, a copy
 * @data: what
 * @len: bytes, not 0 and at most a page
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: 0 or the status of the command.
 */
u16 parley_emu_give(struct parley_emu *e, const struct nvme_command *cmd,
		    const void *data, u32 len)
{
	/* What is given is only read. */
	return pne_move(e, cmd, (void *)data, len, true);
}

/**
 * parley_emu_get() - a command's data come from the guest, once
 * @e: the controller
 * @cmd: the command, a copy
 * @data: where they go
 * @len: bytes, not 0 and at most a page
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: 0 or the status of the command.
 */
u16 parley_emu_get(struct parley_emu *e, const struct nvme_command *cmd, void *data,
		   u32 len)
{
	return pne_move(e, cmd, data, len, false);
}
