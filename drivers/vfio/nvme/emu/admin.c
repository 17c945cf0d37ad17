// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands: all are answered here, none reaches the function.  What is not
 * named here does not exist for the guest, format, sanitize, firmware, security,
 * namespace and virtualization management among it.
 */
#include "rooms.h"

static bool pne_is_io(struct parley_emu *e, u16 id)
{
	return id && id <= e->nr_queues;
}

static u16 pne_create_cq(struct parley_emu *e, const struct nvme_create_cq *cmd)
{
	u16 id = le16_to_cpu(cmd->cqid), flags = le16_to_cpu(cmd->cq_flags);
	u16 vector = le16_to_cpu(cmd->irq_vector);

	if (!pne_is_io(e, id) || e->cq[id].there)
		return PARLEY_EMU_NO(NVME_SC_QID_INVALID);
	if (!(flags & NVME_QUEUE_PHYS_CONTIG))
		return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
	if (vector > e->nr_queues)
		return PARLEY_EMU_NO(NVME_SC_INVALID_VECTOR);
	return parley_emu_cq_make(e, id, le64_to_cpu(cmd->prp1),
				  le16_to_cpu(cmd->qsize) + 1, vector,
				  flags & NVME_CQ_IRQ_ENABLED);
}

static u16 pne_create_sq(struct parley_emu *e, const struct nvme_create_sq *cmd)
{
	u16 id = le16_to_cpu(cmd->sqid), cq = le16_to_cpu(cmd->cqid);

	/* Nothing would be fetched there. */
	if (e->csts & NVME_CSTS_SHST_CMPLT)
		return PARLEY_EMU_NO(NVME_SC_CMD_SEQ_ERROR);
	if (!pne_is_io(e, id) || e->sq[id].there)
		return PARLEY_EMU_NO(NVME_SC_QID_INVALID);
	if (!pne_is_io(e, cq) || !e->cq[cq].there)
		return PARLEY_EMU_NO(NVME_SC_CQ_INVALID);
	if (!(le16_to_cpu(cmd->sq_flags) & NVME_QUEUE_PHYS_CONTIG))
		return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
	return parley_emu_sq_make(e, id, le64_to_cpu(cmd->prp1),
				  le16_to_cpu(cmd->qsize) + 1, cq);
}

static u16 pne_delete_sq(struct parley_emu *e, u16 id)
{
	if (!pne_is_io(e, id) || !e->sq[id].there)
		return PARLEY_EMU_NO(NVME_SC_QID_INVALID);
	/* Its answers still go where they should. */
	if (parley_emu_drain(e, id))
		parley_emu_grid_wait(e);
	e->sq[id].there = false;
	e->cq[e->sq[id].cq].users--;
	parley_emu_sq_no_pages(e, id);
	return 0;
}

static u16 pne_delete_cq(struct parley_emu *e, u16 id)
{
	if (!pne_is_io(e, id) || !e->cq[id].there)
		return PARLEY_EMU_NO(NVME_SC_QID_INVALID);
	if (e->cq[id].users)
		return PARLEY_EMU_NO(NVME_SC_INVALID_QUEUE);
	e->cq[id].there = false;
	parley_emu_cq_no_page(e, id);
	return 0;
}

/**
 * parley_emu_is_kept() - whether a feature is kept as it is written
 * @fid: its number
 *
 * They are those that every controller has; what they say has no effect here.
 *
 * Context: any.
 * Return: true if it is.
 */
bool parley_emu_is_kept(u32 fid)
{
	switch (fid) {
	case NVME_FEAT_ARBITRATION:
	case NVME_FEAT_TEMP_THRESH:
	case NVME_FEAT_ERR_RECOVERY:
	case NVME_FEAT_IRQ_COALESCE:
	case NVME_FEAT_IRQ_CONFIG:
	case NVME_FEAT_WRITE_ATOMIC:
	case NVME_FEAT_ASYNC_EVENT:
		return true;
	default:
		return false;
	}
}

static u16 pne_feature(struct parley_emu *e, const struct nvme_features *cmd, bool set,
		       u32 *result)
{
	u32 fid = le32_to_cpu(cmd->fid), value = le32_to_cpu(cmd->dword11);

	BUILD_BUG_ON(PARLEY_EMU_FEATURES <= NVME_FEAT_ASYNC_EVENT);
	/* To save one, or to ask for another than the current: there is no such thing. */
	if (fid & ~0xffu)
		return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
	if (parley_emu_is_kept(fid)) {
		if (set) {
			e->feature[fid] = value;
			parley_emu_warn(e);
		}
		*result = set ? 0 : e->feature[fid];
		return 0;
	}
	switch (fid) {
	case NVME_FEAT_NUM_QUEUES:
		*result = (e->nr_queues - 1) * 0x10001;
		return 0;
	case NVME_FEAT_KATO:
		if (set)
			parley_emu_keep_set(e, value);
		*result = set ? 0 : e->kato;
		return 0;
	case NVME_FEAT_POWER_MGMT:
		/* There is one state. */
		return set && value & 0x1f ? PARLEY_EMU_NO(NVME_SC_INVALID_FIELD) : 0;
	case NVME_FEAT_VOLATILE_WC:
		/* It is what the function has, on. */
		if (!e->vf->n.id.vwc)
			return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
		if (set && !(value & 1))
			return PARLEY_EMU_NO(NVME_SC_FEATURE_NOT_CHANGEABLE);
		*result = !set;
		return 0;
	default:
		return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
	}
}

/**
 * parley_emu_admin() - an admin command
 * @e: the controller
 * @cmd: the command, a copy
 * @result: for the guest
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: PARLEY_EMU_LATER, or its status.
 */
u16 parley_emu_admin(struct parley_emu *e, const struct nvme_command *cmd, u32 *result)
{
	lockdep_assert_held(&e->mutex);
	switch (cmd->common.opcode) {
	case nvme_admin_identify:
		return parley_emu_identify(e, cmd);
	case nvme_admin_get_log_page:
		return parley_emu_log(e, cmd);
	case nvme_admin_create_cq:
		return pne_create_cq(e, &cmd->create_cq);
	case nvme_admin_create_sq:
		return pne_create_sq(e, &cmd->create_sq);
	case nvme_admin_delete_sq:
		return pne_delete_sq(e, le16_to_cpu(cmd->delete_queue.qid));
	case nvme_admin_delete_cq:
		return pne_delete_cq(e, le16_to_cpu(cmd->delete_queue.qid));
	case nvme_admin_set_features:
	case nvme_admin_get_features:
		return pne_feature(e, &cmd->features,
				   cmd->common.opcode == nvme_admin_set_features, result);
	case nvme_admin_async_event:
		return parley_emu_event(e, cmd->common.command_id);
	case nvme_admin_abort_cmd:
		*result = parley_emu_abort(e, &cmd->abort);
		return 0;
	case nvme_admin_dbbuf:
		return parley_emu_shadow_set(e, &cmd->dbbuf);
	case nvme_admin_keep_alive:
		parley_emu_keep(e);
		return 0;
	default:
		return PARLEY_EMU_NO(NVME_SC_INVALID_OPCODE);
	}
}
