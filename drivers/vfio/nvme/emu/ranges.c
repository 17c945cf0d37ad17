// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dataset Management: the guest's ranges are copied once, and each is checked in the copy.
 * The function is given a list of ours, in memory that the guest cannot reach: as many
 * ranges at a time as that has room for, one command after the other.  That they are
 * deallocated is a wish which a controller need not fulfil, so a controller that is
 * reset leaves what is left as it is.
 */
#include <linux/minmax.h>
#include <linux/slab.h>
#include "rooms.h"

/* Ranges of a command of the function. */
#define PNE_AT_A_TIME	(PARLEY_EMU_LIST / sizeof(struct nvme_dsm_range))

/* The ranges that are any, with nothing of the guest's beside them; how many. */
static u16 pne_check(struct parley_emu *e, struct nvme_dsm_range *range, unsigned int nr,
		     unsigned int *found)
{
	u64 all = e->blocks, block, sum = 0;
	unsigned int i;
	u32 blocks;

	for (i = 0; i < nr; i++) {
		block = le64_to_cpu(range[i].slba);
		blocks = le32_to_cpu(range[i].nlb);
		if (!blocks)
			continue;
		if (blocks > all || block > all - blocks)
			return PARLEY_EMU_NO(NVME_SC_LBA_RANGE);
		sum += blocks;
		if (blocks > e->vf->n.id.range_blocks || sum > e->vf->n.id.ranges_blocks)
			return PARLEY_EMU_NO(NVME_SC_CMD_SIZE_LIM_EXCEEDED);
		/* Attributes of its context are advice, and not passed on. */
		range[(*found)++] = (struct nvme_dsm_range) {
			.nlb = range[i].nlb,
			.slba = cpu_to_le64(e->first + block),
		};
	}
	return 0;
}

/**
 * parley_emu_ranges() - copy the ranges of a command
 * @e: the controller
 * @req: where they go; parley_emu_ranges_free() gives them back
 * @cmd: the command, a copy
 *
 * Attributes but that to deallocate are advice, and what this controller does not know
 * it ignores (NVMe 6.7): a command without it has no ranges for the function.
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: 0 or the status of the command.
 */
u16 parley_emu_ranges(struct parley_emu *e, struct parley_emu_req *req,
		      const struct nvme_command *cmd)
{
	unsigned int nr = (le32_to_cpu(cmd->dsm.nr) & 0xff) + 1;
	u16 status;

	BUILD_BUG_ON(PARLEY_NVME_RANGES_MAX * sizeof(*req->range) > PARLEY_NVME_PAGE);
	lockdep_assert_held(&e->mutex);
	req->range = kcalloc(nr, sizeof(*req->range), GFP_KERNEL);
	if (!req->range)
		return NVME_SC_INTERNAL;
	status = parley_emu_get(e, cmd, req->range, nr * sizeof(*req->range));
	if (!status)
		status = pne_check(e, req->range, nr, &req->ranges_left);
	if (!(le32_to_cpu(cmd->dsm.attributes) & NVME_DSMGMT_AD))
		req->ranges_left = 0;
	return status;
}

/**
 * parley_emu_ranges_next() - the next command of the function
 * @e: the controller
 * @req: whose ranges they are; the function does not have it
 *
 * Context: process context; @e->mutex held.
 * Return: whether there is one.
 */
bool parley_emu_ranges_next(struct parley_emu *e, struct parley_emu_req *req)
{
	unsigned int nr = min3(req->ranges_left, (unsigned int)PNE_AT_A_TIME,
			       e->vf->n.id.ranges);
	u64 blocks = 0;
	unsigned int i;

	lockdep_assert_held(&e->mutex);
	if (!nr)
		return false;
	for (i = 0; i < nr; i++)
		blocks += le32_to_cpu(req->range[req->ranges_done + i].nlb);
	parley_emu_charge(e, req->sq, blocks * e->vf->ns.block_size);
	memcpy(req->list, req->range + req->ranges_done, nr * sizeof(*req->range));
	req->ranges_done += nr;
	req->ranges_left -= nr;
	req->io.nr_ranges = nr;
	req->io.range = (const void *)req->list;
	req->io.prp1 = req->list_dma;
	return true;
}

/**
 * parley_emu_ranges_free() - give them back
 * @req: whose they are, if it has any
 *
 * Context: any.
 */
void parley_emu_ranges_free(struct parley_emu_req *req)
{
	kfree(req->range);
	req->range = NULL;
	req->ranges_done = 0;
	req->ranges_left = 0;
}
