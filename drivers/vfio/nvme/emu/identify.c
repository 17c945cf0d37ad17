// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the controller says of itself: made here, with nothing in it that the
 * function said but the size of its namespace, whether it has a write cache, and which
 * optional I/O commands it has, with their limits.
 * What the policy denies, it does not say that it has.
 */
#include <linux/cleanup.h>
#include <linux/crc32.h>
#include <linux/hex.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include "rooms.h"

/* Padded with blanks, as the specification has it. */
static void pne_text(char *to, size_t len, const char *text)
{
	memset(to, ' ', len);
	memcpy(to, text, min(len, strlen(text)));
}

/*
 * What the disk is called wherever it goes: a UUID made of the serial number, which goes
 * with it (vfio-controller.rst).  Digits are what they say; else each byte is one.
 */
static void pne_uuid(struct parley_emu *e, uuid_t *uuid)
{
	const size_t len = sizeof(*uuid) - (sizeof("Parley") - 1);
	const char *serial = e->config.serial;

	memset(uuid, 0, sizeof(*uuid));
	if (strlen(serial) < 2 * len || hex2bin(uuid->b, serial, len))
		memcpy(uuid, serial, min(len, strlen(serial)));
	memcpy(uuid->b + len, "Parley", sizeof(*uuid) - len);
}

static void pne_ctrl(struct parley_emu *e, struct nvme_id_ctrl *id)
{
	uuid_t uuid;

	pne_text(id->sn, sizeof(id->sn), e->config.serial);
	pne_text(id->mn, sizeof(id->mn), "Parley");
	pne_text(id->fr, sizeof(id->fr), "1");
	id->mdts = ilog2(parley_emu_most(e) / PARLEY_NVME_PAGE);
	id->ver = cpu_to_le32(PARLEY_EMU_VERSION);
	id->aerl = PARLEY_EMU_EVENTS - 1;
	if (parley_emu_offers_admin(e, nvme_admin_dbbuf, 0))
		id->oacs = cpu_to_le16(NVME_CTRL_OACS_DBBUF_SUPP);
	id->acl = 3;
	id->cntrltype = NVME_CTRL_IO;
	if (parley_emu_offers_admin(e, nvme_admin_keep_alive, 0))
		id->kas = cpu_to_le16(PARLEY_EMU_KAS);
	if (parley_emu_offers_admin(e, nvme_admin_get_log_page, NVME_LOG_CMD_EFFECTS))
		id->lpa = NVME_CTRL_LPA_CMD_EFFECTS_LOG;
	id->frmw = 0x3;		/* one slot of firmware, which is read only */
	id->wctemp = cpu_to_le16(343);
	id->cctemp = cpu_to_le16(353);
	id->sqes = 0x66;
	id->cqes = 0x44;
	pne_uuid(e, &uuid);
	snprintf(id->subnqn, sizeof(id->subnqn), "nqn.2014-08.org.nvmexpress:uuid:%pUb",
		 &uuid);
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

/* By what name it can be found again. */
static void pne_names(struct parley_emu *e, struct nvme_ns_id_desc *desc)
{
	desc->nidt = NVME_NIDT_UUID;
	desc->nidl = NVME_NIDT_UUID_LEN;
	pne_uuid(e, (uuid_t *)(desc + 1));
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
	case NVME_ID_CNS_NS_DESC_LIST:
		pne_names(e, data);
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

/**
 * parley_emu_says() - what the guest may have been told by Identify
 * @e: the controller
 * @says: a checksum of it, without the serial number and what is made of that
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: 0 or -ENOMEM.
 */
int parley_emu_says(struct parley_emu *e, u32 *says)
{
	struct nvme_id_ctrl *ctrl __free(kfree) = kzalloc(sizeof(*ctrl), GFP_KERNEL);
	struct nvme_id_ns *ns __free(kfree) = kzalloc(sizeof(*ns), GFP_KERNEL);
	struct nvme_id_ctrl_nvm *limits __free(kfree) = kzalloc(sizeof(*limits), GFP_KERNEL);

	lockdep_assert_held(&e->mutex);
	*says = 0;
	if (!ctrl || !ns || !limits)
		return -ENOMEM;
	pne_ctrl(e, ctrl);
	memset(ctrl->sn, 0, sizeof(ctrl->sn));
	memset(ctrl->subnqn, 0, sizeof(ctrl->subnqn));
	pne_ns(e, ns);
	pne_limits(e, limits);
	*says = crc32_le(~0, (u8 *)ctrl, sizeof(*ctrl));
	*says = crc32_le(*says, (u8 *)ns, sizeof(*ns));
	*says = crc32_le(*says, (u8 *)limits, sizeof(*limits));
	return 0;
}
