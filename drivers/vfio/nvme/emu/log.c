// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log pages: of errors, of which there are none to tell, of health, of firmware, and of
 * which commands there are.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include "rooms.h"

/* Of Get Log Page: the event that led here is not over (NVMe 5.14). */
#define PNE_RETAIN	BIT(7)

/* Admin commands, see admin.c; of those with fields some are always there. */
static const struct {
	u8 opcode;
	bool fields;
} pne_known[] = {
	{ nvme_admin_delete_sq }, { nvme_admin_create_sq }, { nvme_admin_get_log_page, true },
	{ nvme_admin_delete_cq }, { nvme_admin_create_cq }, { nvme_admin_identify, true },
	{ nvme_admin_abort_cmd }, { nvme_admin_set_features, true },
	{ nvme_admin_get_features, true }, { nvme_admin_async_event },
	{ nvme_admin_keep_alive }, { nvme_admin_dbbuf },
};

static u16 pne_error(struct parley_emu *e, void *log)
{
	return 0;
}

/* Of a disk that is as well as a virtual one can be: all spares left. */
static u16 pne_smart(struct parley_emu *e, void *data)
{
	struct nvme_smart_log *log = data;

	log->critical_warning = parley_emu_warnings(e);
	log->temperature[0] = PARLEY_EMU_KELVIN & 0xff;
	log->temperature[1] = PARLEY_EMU_KELVIN >> 8;
	log->avail_spare = 100;
	log->spare_thresh = 10;
	return 0;
}

static u16 pne_firmware(struct parley_emu *e, void *data)
{
	struct nvme_fw_slot_info_log *log = data;

	log->afi = 1;
	memset(&log->frs[0], ' ', sizeof(log->frs[0]));
	*(char *)&log->frs[0] = '1';
	return 0;
}

static u32 pne_effect(const struct parley_nvme_verb *verb)
{
	bool changes = (verb->data && !verb->in) || verb->about == PARLEY_NVME_RANGES ||
		       verb->opcode == nvme_cmd_write_zeroes;

	if (verb->opcode == nvme_cmd_compare)
		changes = false;
	return NVME_CMD_EFFECTS_CSUPP | (changes ? NVME_CMD_EFFECTS_LBCC : 0);
}

static u16 pne_effects(struct parley_emu *e, void *data)
{
	const struct parley_nvme_verb *verb;
	struct nvme_effects_log *log = data;
	unsigned int i;

	BUILD_BUG_ON(sizeof(*log) > PARLEY_NVME_PAGE);
	for (i = 0; i < ARRAY_SIZE(pne_known); i++)
		if (pne_known[i].fields || parley_emu_offers_admin(e, pne_known[i].opcode, 0))
			log->acs[pne_known[i].opcode] = cpu_to_le32(NVME_CMD_EFFECTS_CSUPP);
	for (i = 0; i < ARRAY_SIZE(log->iocs); i++) {
		verb = parley_nvme_verb(e->vf, i);
		if (verb && parley_emu_offers(e, i))
			log->iocs[i] = cpu_to_le32(pne_effect(verb));
	}
	return 0;
}

static const struct {
	u8 lid;
	u16 (*fill)(struct parley_emu *e, void *log);
} pne_logs[] = {
	{ NVME_LOG_ERROR, pne_error },
	{ NVME_LOG_SMART, pne_smart },
	{ NVME_LOG_FW_SLOT, pne_firmware },
	{ NVME_LOG_CMD_EFFECTS, pne_effects },
};

static u16 pne_fill(struct parley_emu *e, u8 lid, void *data)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pne_logs); i++)
		if (pne_logs[i].lid == lid)
			return pne_logs[i].fill(e, data);
	return PARLEY_EMU_NO(NVME_SC_INVALID_LOG_PAGE);
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
	u16 status;

	BUILD_BUG_ON(sizeof(struct nvme_smart_log) > PARLEY_NVME_PAGE);
	lockdep_assert_held(&e->mutex);
	if (!data)
		return NVME_SC_INTERNAL;
	if (len > PARLEY_NVME_PAGE)
		return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
	status = pne_fill(e, cmd->get_log_page.lid, data);
	if (!status)
		status = parley_emu_give(e, cmd, data, len);
	/* Who has read it is told of the next one. */
	if (!status && !(cmd->get_log_page.lsp & PNE_RETAIN))
		parley_emu_events_read(e, cmd->get_log_page.lid);
	return status;
}
