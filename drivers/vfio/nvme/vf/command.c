// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a function may be sent: a row for each command.  What has no row, or is not what
 * its row says, goes nowhere.
 */
#include <linux/minmax.h>
#include <parley/export.h>
#include "vf.h"

#define PVF_MOST(member)	offsetof(struct parley_nvme_id, member)

static const struct parley_nvme_verb pvf_verbs[] = {
	{
		.opcode = nvme_cmd_flush,
		.about = PARLEY_NVME_ALL,
	}, {
		.opcode = nvme_cmd_write,
		.about = PARLEY_NVME_BLOCKS,
		.data = true,
		.control = NVME_RW_FUA,
		.most = PVF_MOST(transfer),
	}, {
		.opcode = nvme_cmd_read,
		.about = PARLEY_NVME_BLOCKS,
		.data = true,
		.in = true,
		.control = NVME_RW_FUA,
		.most = PVF_MOST(transfer),
	}, {
		.opcode = nvme_cmd_compare,
		.oncs = NVME_CTRL_ONCS_COMPARE,
		.about = PARLEY_NVME_BLOCKS,
		.data = true,
		.control = NVME_RW_FUA,
		.most = PVF_MOST(transfer),
	}, {
		.opcode = nvme_cmd_write_zeroes,
		.oncs = NVME_CTRL_ONCS_WRITE_ZEROES,
		.about = PARLEY_NVME_BLOCKS,
		.control = NVME_RW_FUA | NVME_WZ_DEAC,
		.most = PVF_MOST(zeroes),
	}, {
		.opcode = nvme_cmd_verify,
		.oncs = PARLEY_NVME_ONCS_VERIFY,
		.about = PARLEY_NVME_BLOCKS,
		.control = NVME_RW_FUA,
		.most = PVF_MOST(verify),
	}, {
		.opcode = nvme_cmd_dsm,
		.oncs = NVME_CTRL_ONCS_DSM,
		.about = PARLEY_NVME_RANGES,
	},
};

/**
 * parley_nvme_verb() - what is known of a command
 * @vf: the function, which was handed out at least once
 * @opcode: the command
 *
 * Context: any.
 * Return: its row; NULL: the function may not be sent such a command, or has none.
 */
const struct parley_nvme_verb *parley_nvme_verb(struct parley_nvme_vf *vf, u8 opcode)
{
	const struct parley_nvme_verb *v;

	for (v = pvf_verbs; v < pvf_verbs + ARRAY_SIZE(pvf_verbs); v++)
		if (v->opcode == opcode)
			return (v->oncs & ~vf->n.id.oncs) ? NULL : v;
	return NULL;
}
PARLEY_EXPORT(parley_nvme_verb);

/**
 * parley_nvme_verb_control() - which bits may be set beside a command
 * @vf: the function
 * @verb: the command
 *
 * Context: any.
 * Return: bits of its control word.
 */
u16 parley_nvme_verb_control(struct parley_nvme_vf *vf, const struct parley_nvme_verb *verb)
{
	u16 deac = vf->ns.dlfeat & PARLEY_NVME_DLFEAT_DEAC ? NVME_WZ_DEAC : 0;

	return verb->control & (NVME_RW_FUA | deac);
}
PARLEY_EXPORT(parley_nvme_verb_control);

static bool pvf_inside(struct parley_nvme_vf *vf, u64 block, u32 blocks)
{
	return blocks && blocks <= vf->ns.blocks && block <= vf->ns.blocks - blocks;
}

static bool pvf_blocks(struct parley_nvme_vf *vf, const struct parley_nvme_verb *verb,
		       const struct parley_nvme_io *io)
{
	return !io->nr_ranges && io->blocks <= U16_MAX + 1u &&
	       pvf_inside(vf, io->block, io->blocks) &&
	       (u64)io->blocks * vf->ns.block_size <= parley_nvme_verb_most(vf, verb);
}

/* In one page, each inside of the namespace, and all of what the controller takes. */
static bool pvf_ranges(struct parley_nvme_vf *vf, const struct parley_nvme_io *io)
{
	u64 all = 0;
	unsigned int i;
	u32 blocks;

	if (io->blocks || !io->nr_ranges || io->nr_ranges > vf->n.id.ranges ||
	    io->nr_ranges * sizeof(*io->range) >
	    PARLEY_NVME_PAGE - io->prp1 % PARLEY_NVME_PAGE)
		return false;
	for (i = 0; i < io->nr_ranges; i++) {
		blocks = le32_to_cpu(io->range[i].nlb);
		if (io->range[i].cattr || blocks > vf->n.id.range_blocks ||
		    !pvf_inside(vf, le64_to_cpu(io->range[i].slba), blocks))
			return false;
		all += blocks;
	}
	return all <= vf->n.id.ranges_blocks;
}

/**
 * parley_nvme_verb_fits() - whether a command is as its row says
 * @vf: the function
 * @io: the command
 *
 * Context: any.
 * Return: true if it may be sent.
 */
bool parley_nvme_verb_fits(struct parley_nvme_vf *vf, const struct parley_nvme_io *io)
{
	const struct parley_nvme_verb *verb = parley_nvme_verb(vf, io->opcode);

	if (!verb || io->control & ~parley_nvme_verb_control(vf, verb))
		return false;
	switch (verb->about) {
	case PARLEY_NVME_ALL:
		return !io->blocks && !io->nr_ranges;
	case PARLEY_NVME_BLOCKS:
		return pvf_blocks(vf, verb, io);
	case PARLEY_NVME_RANGES:
		return pvf_ranges(vf, io);
	}
	return false;
}
