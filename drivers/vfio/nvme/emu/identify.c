// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the controller says of itself: made here, with nothing in it that the
 * function said but the size of its namespace, whether it has a write cache, and which
 * optional I/O commands it has, with their limits.
 * What the policy denies, it does not say that it has.
 */
#include <linux/cleanup.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include "emu.h"

/* Padded with blanks, as the specification has it. */
static void pne_text(char *to, size_t len, const char *text)
{
	memset(to, ' ', len);
	memcpy(to, text, min(len, strlen(text)));
}

static void pne_ctrl(struct parley_emu *e, struct nvme_id_ctrl *id)
{
	pne_text(id->sn, sizeof(id->sn), e->config.serial);
	pne_text(id->mn, sizeof(id->mn), "Parley");
	pne_text(id->fr, sizeof(id->fr), "1");
	id->mdts = ilog2(parley_emu_most(e) / PARLEY_NVME_PAGE);
	id->ver = cpu_to_le32(PARLEY_EMU_VERSION);
	id->aerl = PARLEY_EMU_EVENTS - 1;
	id->acl = 3;
	id->frmw = 0x3;		/* one slot of firmware, which is read only */
	id->wctemp = cpu_to_le16(343);
	id->cctemp = cpu_to_le16(353);
	id->sqes = 0x66;
	id->cqes = 0x44;
	id->cntlid = cpu_to_le16(e->cntlid);
	id->nn = cpu_to_le32(e->nsid);
	id->oncs = cpu_to_le16(parley_emu_oncs(e));
	if (e->vf->n.id.vwc && parley_emu_offers(e, nvme_cmd_flush))
		id->vwc = NVME_CTRL_VWC_PRESENT;
}

/* The function's, of what is offered of it. */
static u8 pne_dlfeat(struct parley_emu *e)
{
	u16 oncs = parley_emu_oncs(e);
	u8 dlfeat = 0;

	if (oncs & (NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES))
		dlfeat |= PARLEY_NVME_DLFEAT_READ;
	if (oncs & NVME_CTRL_ONCS_WRITE_ZEROES)
		dlfeat |= PARLEY_NVME_DLFEAT_DEAC;
	return dlfeat & e->vf->ns.dlfeat;
}

static void pne_ns(struct parley_emu *e, struct nvme_id_ns *id)
{
	id->nsze = cpu_to_le64(e->blocks);
	id->ncap = id->nsze;
	id->nuse = id->nsze;
	id->lbaf[0].ds = ilog2(e->vf->ns.block_size);
	id->dlfeat = pne_dlfeat(e);
	if (!parley_emu_offers(e, nvme_cmd_write))
		id->nsattr = NVME_NS_ATTR_RO;
}

/*
 * Limits of optional commands, in pages as a power of two (NVMe 2.0).  More blocks than
 * a command has a number for are never told of: Linux would count them.
 */
static void pne_limits(struct parley_emu *e, struct nvme_id_ctrl_nvm *id)
{
	const struct parley_nvme_id *of = &e->vf->n.id;
	u16 oncs = parley_emu_oncs(e);
	u64 most = (U16_MAX + 1ULL) * e->vf->ns.block_size;

	if (oncs & PARLEY_NVME_ONCS_VERIFY)
		id->vsl = ilog2(min_t(u64, of->verify, most) / PARLEY_NVME_PAGE);
	if (oncs & NVME_CTRL_ONCS_WRITE_ZEROES)
		id->wzsl = ilog2(min_t(u64, of->zeroes, most) / PARLEY_NVME_PAGE);
	if (!(oncs & NVME_CTRL_ONCS_DSM))
		return;
	/* As many ranges as a command has: the function is given them in pieces. */
	if (of->range_blocks != U32_MAX)
		id->dmrsl = cpu_to_le32(of->range_blocks);
	if (of->ranges_blocks != U64_MAX)
		id->dmsl = cpu_to_le64(of->ranges_blocks);
}

static u16 pne_list_ns(struct parley_emu *e, u32 after, __le32 *list)
{
	if (after >= U32_MAX - 1)
		return PARLEY_EMU_NO(NVME_SC_INVALID_NS);
	if (after < e->nsid)
		list[0] = cpu_to_le32(e->nsid);
	return 0;
}

/**
 * parley_emu_identify() - Identify
 * @e: the controller
 * @cmd: the command, a copy
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: its status.
 */
u16 parley_emu_identify(struct parley_emu *e, const struct nvme_command *cmd)
{
	void *data __free(kfree) = kzalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	u32 nsid = le32_to_cpu(cmd->identify.nsid);
	u16 status = 0;

	lockdep_assert_held(&e->mutex);
	if (!data)
		return NVME_SC_INTERNAL;
	switch (cmd->identify.cns) {
	case NVME_ID_CNS_NS:
		pne_ns(e, data);
		break;
	case NVME_ID_CNS_CTRL:
		pne_ctrl(e, data);
		break;
	case NVME_ID_CNS_NS_ACTIVE_LIST:
		status = pne_list_ns(e, nsid, data);
		break;
	case NVME_ID_CNS_CS_CTRL:
		if (cmd->identify.csi != NVME_CSI_NVM)
			return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
		pne_limits(e, data);
		break;
	default:
		return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
	}
	return status ?: parley_emu_give(e, cmd, data, NVME_IDENTIFY_DATA_SIZE);
}

static void pne_smart(struct nvme_smart_log *log)
{
	/* Of a disk that is as well as a virtual one can be: 300 K, all spares left. */
	log->temperature[0] = 300 & 0xff;
	log->temperature[1] = 300 >> 8;
	log->avail_spare = 100;
	log->spare_thresh = 10;
}

static void pne_firmware(struct nvme_fw_slot_info_log *log)
{
	log->afi = 1;
	pne_text((char *)&log->frs[0], sizeof(log->frs[0]), "1");
}

/**
 * parley_emu_log() - Get Log Page
 * @e: the controller
 * @cmd: the command, a copy
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: its status.
 */
u16 parley_emu_log(struct parley_emu *e, const struct nvme_command *cmd)
{
	void *data __free(kfree) = kzalloc(PARLEY_NVME_PAGE, GFP_KERNEL);
	u32 words = le16_to_cpu(cmd->get_log_page.numdl) & 0xfff;
	u32 len = (words + 1) * sizeof(u32);

	BUILD_BUG_ON(sizeof(struct nvme_smart_log) > PARLEY_NVME_PAGE);
	lockdep_assert_held(&e->mutex);
	if (!data)
		return NVME_SC_INTERNAL;
	if (len > PARLEY_NVME_PAGE)
		return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
	switch (cmd->get_log_page.lid) {
	case NVME_LOG_ERROR:
		break;
	case NVME_LOG_SMART:
		pne_smart(data);
		break;
	case NVME_LOG_FW_SLOT:
		pne_firmware(data);
		break;
	default:
		return PARLEY_EMU_NO(NVME_SC_INVALID_LOG_PAGE);
	}
	return parley_emu_give(e, cmd, data, len);
}
