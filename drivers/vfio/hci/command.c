// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands, [Vol 4] Part E, 7.1 to 7.8: each is asked of the policy, and those by which
 * a pairing goes on are judged by what is known of it.
 *
 * Who is refused is answered in the way in which the command is answered.  If the
 * controller waits for it, the negative reply is sent in its stead, and the answer to
 * that is made the answer to what the guest asked for.
 */
#include <linux/array_size.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "hci.h"

#define PH_HEAD		(1 + HCI_COMMAND_HDR_SIZE)

#define PH_OP_ENHANCED_ACCEPT_SYNC	0x043e
#define PH_OP_LE_GENERATE_DHKEY		0x2026
#define PH_OP_LE_GENERATE_DHKEY_V2	0x205e

/* Of the data that came another way: those of P-256 are the second half. */
#define PH_OOB_P256	0x02
#define PH_OOB_C256	(6 + 32)

/**
 * struct ph_command - one that is looked at
 * @opcode: which
 * @params: bytes of its parameters
 * @field: which of them the policy looks at, or -1
 * @complete: it is answered by Command Complete
 * @instead: the negative reply, or 0; both begin with an address
 * @judge: 0, or the status with which it is refused; or NULL
 * @change: what is done to it before it passes; or NULL
 * @waits: whether the controller waits for it, so that it needs @instead; NULL: it does
 */
struct ph_command {
	u16 opcode;
	u8 params;
	s8 field;
	bool complete;
	u16 instead;
	u8 (*judge)(struct parley_hci *h, const u8 *param);
	void (*change)(struct parley_hci *h, u8 *param);
	bool (*waits)(struct parley_hci *h, const u8 *param);
};

/* ---------------------------------------------------------------- judges */

/* The controller asked: what it got before is what it goes by. */
static bool ph_io_is_asked(struct parley_hci *h, const u8 *param)
{
	struct parley_hci_link *link = parley_hci_by_addr(h, param);

	return !link || link->asked;
}

static u8 ph_judge_io(struct parley_hci *h, const u8 *param)
{
	const struct hci_cp_io_capability_reply *cp = (const void *)param;
	struct parley_hci_link *link = parley_hci_by_addr(h, param);
	struct parley_hci_party local = {
		.known = true,
		.io = cp->capability,
		.oob = cp->oob_data & PH_OOB_P256,
		.mitm = cp->authentication & 1,
	};
	u8 status;

	if (!link)
		return HCI_ERROR_UNKNOWN_CONN_ID;
	if (!link->asked)
		return HCI_ERROR_COMMAND_DISALLOWED;
	status = h->sc ? 0 : parley_hci_ask_worth(h, PARLEY_HCI_P192);
	if (!status && link->remote.known)
		status = parley_hci_ask_worth(h, parley_hci_model(&local, &link->remote));
	else if (!status && local.io == HCI_IO_NO_INPUT_OUTPUT && !local.oob)
		status = parley_hci_ask_worth(h, PARLEY_HCI_JUST_WORKS);
	if (!status)
		link->local = local;
	return status;
}

/* What the controller asks for shows what it does, whatever the two have said. */
static u8 ph_judge_model(struct parley_hci *h, const u8 *addr, enum parley_hci_worth shown)
{
	struct parley_hci_link *link = parley_hci_by_addr(h, addr);
	enum parley_hci_worth model;

	if (!link)
		return HCI_ERROR_UNKNOWN_CONN_ID;
	model = parley_hci_model(&link->local, &link->remote);
	return parley_hci_ask_worth(h, model == shown ? model : PARLEY_HCI_JUST_WORKS);
}

static u8 ph_judge_confirm(struct parley_hci *h, const u8 *param)
{
	return ph_judge_model(h, param, PARLEY_HCI_NUMERIC);
}

static u8 ph_judge_passkey(struct parley_hci *h, const u8 *param)
{
	return ph_judge_model(h, param, PARLEY_HCI_PASSKEY);
}

static u8 ph_judge_oob_p192(struct parley_hci *h, const u8 *param)
{
	return parley_hci_ask_worth(h, PARLEY_HCI_P192);
}

static u8 ph_judge_oob(struct parley_hci *h, const u8 *param)
{
	if (!memchr_inv(param + PH_OOB_C256, 0, 16))
		return parley_hci_ask_worth(h, PARLEY_HCI_P192);
	return ph_judge_model(h, param, PARLEY_HCI_OOB);
}

/* Who has no data after all did not get any. */
static void ph_forget_oob(struct parley_hci *h, const u8 *addr)
{
	struct parley_hci_link *link = parley_hci_by_addr(h, addr);

	if (link)
		link->local.oob = false;
}

static u8 ph_judge_dhkey(struct parley_hci *h, const u8 *param)
{
	return parley_hci_is_debug_key(param) ?
	       parley_hci_ask_worth(h, PARLEY_HCI_DEBUG_KEY) : 0;
}

/* One whose answer could not be told from that to ours must wait. */
static u8 ph_judge_end(struct parley_hci *h, const u8 *param)
{
	return h->ending == PARLEY_HCI_ENDS ? HCI_ERROR_COMMAND_DISALLOWED : 0;
}

/* Those that make use of a link: they begin with its handle, or with its address. */
static const struct ph_use {
	u16 opcode;
	bool addr;
} ph_uses[] = {
	{ HCI_OP_ADD_SCO },
	{ HCI_OP_AUTH_REQUESTED },
	{ HCI_OP_SET_CONN_ENCRYPT },
	{ HCI_OP_CHANGE_CONN_LINK_KEY },
	{ HCI_OP_SETUP_SYNC_CONN },
	{ HCI_OP_ENHANCED_SETUP_SYNC_CONN },
	{ HCI_OP_ACCEPT_SYNC_CONN_REQ, true },
	{ PH_OP_ENHANCED_ACCEPT_SYNC, true },
};

static bool ph_is_of_cut(struct parley_hci *h, u16 opcode, const u8 *param, size_t len)
{
	struct parley_hci_link *link = NULL;
	const struct ph_use *use;

	for (use = ph_uses; use < ph_uses + ARRAY_SIZE(ph_uses); use++)
		if (use->opcode == opcode && len >= (use->addr ? 6 : 2))
			link = use->addr ? parley_hci_by_addr(h, param) :
				parley_hci_by_handle(h, hci_handle(get_unaligned_le16(param)));
	return link && link->cut;
}

/* --------------------------------------------------------------- changes */

static void ph_sc(struct parley_hci *h, u8 *param)
{
	h->sc_asked = param[0] == 1;
	/* Until the controller has agreed, it does not count. */
	h->sc = false;
}

static void ph_io_said(struct parley_hci *h, u8 *param)
{
	struct parley_hci_link *link = parley_hci_by_addr(h, param);

	if (link)
		link->asked = false;
}

static void ph_end(struct parley_hci *h, u8 *param)
{
	h->ends[h->ending++] = PARLEY_HCI_GUESTS;
}

static void ph_no_oob(struct parley_hci *h, u8 *param)
{
	ph_forget_oob(h, param);
}

/* Those that the filter has to see, whether or not the guest wants them. */
static void ph_event_mask(struct parley_hci *h, u8 *param)
{
	static const u8 events[] = {
		HCI_EV_CONN_COMPLETE, HCI_EV_DISCONN_COMPLETE, HCI_EV_ENCRYPT_CHANGE,
		HCI_EV_LINK_KEY_NOTIFY, HCI_EV_KEY_REFRESH_COMPLETE, HCI_EV_IO_CAPA_REQUEST,
		HCI_EV_IO_CAPA_REPLY, HCI_EV_SIMPLE_PAIR_COMPLETE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		param[(events[i] - 1) / 8] |= 1 << (events[i] - 1) % 8;
}

/* What was known is over now; what still comes of it, until it is done, is strange. */
static void ph_reset(struct parley_hci *h, u8 *param)
{
	parley_hci_forget(h);
	h->resets++;
}

static const struct ph_command ph_commands[] = {
	{ HCI_OP_DISCONNECT, 3, -1, .judge = ph_judge_end, .change = ph_end },
	{ HCI_OP_PIN_CODE_REPLY, 23, -1, true, HCI_OP_PIN_CODE_NEG_REPLY },
	{ HCI_OP_IO_CAPABILITY_REPLY, 9, -1, true, HCI_OP_IO_CAPABILITY_NEG_REPLY,
	  ph_judge_io, ph_io_said, ph_io_is_asked },
	{ HCI_OP_IO_CAPABILITY_NEG_REPLY, 7, -1, true, .change = ph_io_said },
	{ HCI_OP_USER_CONFIRM_REPLY, 6, -1, true, HCI_OP_USER_CONFIRM_NEG_REPLY,
	  ph_judge_confirm },
	{ HCI_OP_USER_PASSKEY_REPLY, 10, -1, true, HCI_OP_USER_PASSKEY_NEG_REPLY,
	  ph_judge_passkey },
	{ HCI_OP_REMOTE_OOB_DATA_REPLY, 38, -1, true, HCI_OP_REMOTE_OOB_DATA_NEG_REPLY,
	  ph_judge_oob_p192 },
	{ HCI_OP_REMOTE_OOB_DATA_NEG_REPLY, 6, -1, true, .change = ph_no_oob },
	{ HCI_OP_REMOTE_OOB_EXT_DATA_REPLY, 70, -1, true, HCI_OP_REMOTE_OOB_DATA_NEG_REPLY,
	  ph_judge_oob },
	{ HCI_OP_SET_EVENT_MASK, 8, -1, true, .change = ph_event_mask },
	{ HCI_OP_RESET, 0, -1, true, .change = ph_reset },
	{ HCI_OP_WRITE_SSP_MODE, 1, 0, true },
	{ HCI_OP_WRITE_SC_SUPPORT, 1, 0, true, .change = ph_sc },
	{ HCI_OP_WRITE_SSP_DEBUG_MODE, 1, 0, true },
	{ PH_OP_LE_GENERATE_DHKEY, 64, -1, .judge = ph_judge_dhkey },
	{ PH_OP_LE_GENERATE_DHKEY_V2, 65, 64, .judge = ph_judge_dhkey },
};

static const struct ph_command *ph_find(u16 opcode)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ph_commands); i++)
		if (ph_commands[i].opcode == opcode)
			return &ph_commands[i];
	return NULL;
}

/* --------------------------------------------------------------- credits */

/* A host may send without, after it waited long; one that does not wait has a limit. */
static bool ph_may_send(const struct parley_hci *h)
{
	return h->credits || h->over < PARLEY_HCI_OVER;
}

static void ph_spend(struct parley_hci *h)
{
	if (h->credits)
		h->credits--;
	else
		h->over++;
}

/* -------------------------------------------------------------- refusals */

/* The negative reply, and a note of what it stands for; false if there is none. */
static bool ph_swap(struct parley_hci *h, const struct ph_command *c, const u8 *param,
		    u8 status)
{
	struct parley_hci_swap *swap = &h->swap[h->swaps];

	if (!c->instead || (c->waits && !c->waits(h, param)) || h->swaps == PARLEY_HCI_SWAPS)
		return false;
	h->swaps++;
	swap->asked = c->opcode;
	swap->sent = c->instead;
	swap->status = status;
	memcpy(swap->addr, param, sizeof(swap->addr));
	return true;
}

static int ph_refuse(struct parley_hci *h, const struct ph_command *c, u16 opcode,
		     const u8 *param, u8 status)
{
	struct parley_hci_made m;

	if (!c || !c->complete) {
		parley_hci_make_status(&m, opcode, status, h->credits);
		return parley_hci_send_up(h, &m);
	}
	if (!ph_swap(h, c, param, status)) {
		parley_hci_make_complete(&m, opcode, status, h->credits,
					 c->instead ? param : NULL);
		return parley_hci_send_up(h, &m);
	}
	if (c->instead == HCI_OP_REMOTE_OOB_DATA_NEG_REPLY)
		ph_forget_oob(h, param);
	if (c->instead == HCI_OP_IO_CAPABILITY_NEG_REPLY)
		ph_io_said(h, (u8 *)param);
	ph_spend(h);
	parley_hci_make_negative(&m, c->instead, param, HCI_ERROR_PAIRING_NOT_ALLOWED);
	return parley_hci_send_down(h, &m);
}

/* 0, or the status with which it is refused. */
static u8 ph_judge(struct parley_hci *h, const struct ph_command *c, u16 opcode,
		   const u8 *param, size_t len)
{
	int set = parley_hci_set_of(opcode);
	u8 status;

	if (set < 0)
		return PARLEY_HCI_UNKNOWN_COMMAND;
	status = parley_hci_ask(h, set, opcode & 0x3ff,
				c && c->field >= 0 ? param[c->field] : 0);
	if (!status && ph_is_of_cut(h, opcode, param, len))
		status = HCI_ERROR_UNKNOWN_CONN_ID;
	if (!status && c && c->judge)
		status = c->judge(h, param);
	return status;
}

/**
 * parley_hci_command() - a command of the guest's
 * @h: the filter
 * @pkt: the packet, which may be changed
 * @len: how long it is
 *
 * Context: process context, with what guards the filter.
 * Return: 0; or as the ways return.
 */
int parley_hci_command(struct parley_hci *h, u8 *pkt, size_t len)
{
	u16 opcode = get_unaligned_le16(pkt + 1);
	const struct ph_command *c = ph_find(opcode);
	u8 *param = pkt + PH_HEAD;
	u8 status;

	if (!ph_may_send(h)) {
		h->count[PARLEY_HCI_NO_ROOM]++;
		return ph_refuse(h, NULL, opcode, NULL, HCI_ERROR_COMMAND_DISALLOWED);
	}
	if (c && len - PH_HEAD != c->params) {
		/* Nor is there an address that an answer could name. */
		h->count[PARLEY_HCI_MALFORMED_DOWN]++;
		return ph_refuse(h, NULL, opcode, NULL, HCI_ERROR_INVALID_PARAMETERS);
	}
	status = ph_judge(h, c, opcode, param, len - PH_HEAD);
	if (status)
		return ph_refuse(h, c, opcode, param, status);
	if (c && c->change)
		c->change(h, param);
	ph_spend(h);
	return h->ways->down(h->data, pkt, len);
}
