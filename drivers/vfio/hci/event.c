// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events, [Vol 4] Part E, 7.7: what the filter learns of them, and the few that it
 * changes.  Those that it does not look at pass.
 */
#include <linux/array_size.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "hci.h"

#define PH_HEAD		(1 + HCI_EVENT_HDR_SIZE)
#define PH_LE_CONN_COMPLETE_V2	0x29

/* Whether the guest shall have it. */
enum ph_pass { PH_DROP, PH_PASS };

/* ---------------------------------------------------------------- links */

static void ph_new_link(struct parley_hci *h, bool le, u16 handle, const u8 *addr)
{
	struct parley_hci_link *link = parley_hci_by_handle(h, handle);
	unsigned int i;

	for (i = 0; !link && i < PARLEY_HCI_LINKS; i++)
		if (!h->link[i].used)
			link = &h->link[i];
	if (!link) {
		h->count[PARLEY_HCI_TOO_MANY]++;
		return;
	}
	memset(link, 0, sizeof(*link));
	link->used = true;
	link->le = le;
	link->handle = handle;
	memcpy(link->addr, addr, sizeof(link->addr));
}

static enum ph_pass ph_connected(struct parley_hci *h, u8 *at)
{
	struct hci_ev_conn_complete *ev = (void *)at;

	if (!ev->status && ev->link_type == ACL_LINK)
		ph_new_link(h, false, hci_handle(le16_to_cpu(ev->handle)), ev->bdaddr.b);
	return PH_PASS;
}

/* What the several kinds of it begin with is the same. */
static enum ph_pass ph_le_connected(struct parley_hci *h, u8 *at, size_t len)
{
	struct hci_ev_le_conn_complete *ev = (void *)(at + 1);

	if (at[0] != HCI_EV_LE_CONN_COMPLETE && at[0] != HCI_EV_LE_ENHANCED_CONN_COMPLETE &&
	    at[0] != PH_LE_CONN_COMPLETE_V2)
		return PH_PASS;
	if (len < 1 + offsetofend(struct hci_ev_le_conn_complete, bdaddr)) {
		h->count[PARLEY_HCI_MALFORMED_UP]++;
		return PH_DROP;
	}
	if (!ev->status)
		ph_new_link(h, true, hci_handle(le16_to_cpu(ev->handle)), ev->bdaddr.b);
	return PH_PASS;
}

static enum ph_pass ph_disconnected(struct parley_hci *h, u8 *at)
{
	struct hci_ev_disconn_complete *ev = (void *)at;
	struct parley_hci_link *link;

	link = parley_hci_by_handle(h, hci_handle(le16_to_cpu(ev->handle)));
	if (!link || ev->status)
		return PH_PASS;
	if (link->cut)
		ev->reason = HCI_ERROR_AUTH_FAILURE;
	link->used = false;
	return PH_PASS;
}

/* What comes of a link that is being cut is a failure. */
static enum ph_pass ph_of_link(struct parley_hci *h, u8 *at)
{
	struct parley_hci_link *link;

	link = parley_hci_by_handle(h, hci_handle(get_unaligned_le16(at + 1)));
	if (link && link->cut)
		at[0] = HCI_ERROR_AUTH_FAILURE;
	return PH_PASS;
}

/* -------------------------------------------------------------- pairing */

/* What was said in a pairing that is over does not count in the next one. */
static struct parley_hci_link *ph_pairing(struct parley_hci *h, const u8 *addr)
{
	struct parley_hci_link *link = parley_hci_by_addr(h, addr);

	if (link && link->done) {
		link->done = false;
		link->local.known = false;
		link->remote.known = false;
	}
	return link;
}

static enum ph_pass ph_io_asked(struct parley_hci *h, u8 *at)
{
	ph_pairing(h, at);
	return PH_PASS;
}

static enum ph_pass ph_io_of_other(struct parley_hci *h, u8 *at)
{
	struct hci_ev_io_capa_reply *ev = (void *)at;
	struct parley_hci_link *link = ph_pairing(h, ev->bdaddr.b);

	if (link)
		link->remote = (struct parley_hci_party) {
			.known = true,
			.io = ev->capability,
			.oob = ev->oob_data,
			.mitm = ev->authentication & 1,
		};
	return PH_PASS;
}

static enum ph_pass ph_paired(struct parley_hci *h, u8 *at)
{
	struct hci_ev_simple_pair_complete *ev = (void *)at;
	struct parley_hci_link *link = parley_hci_by_addr(h, ev->bdaddr.b);

	if (link)
		link->done = true;
	return PH_PASS;
}

/* A key that is worth nothing is not for the guest, and its link ends. */
static enum ph_pass ph_link_key(struct parley_hci *h, u8 *at)
{
	struct hci_ev_link_key_notify *ev = (void *)at;
	struct parley_hci_link *link = parley_hci_by_addr(h, ev->bdaddr.b);

	if (!link) {
		h->count[PARLEY_HCI_STRAY]++;
		return PH_DROP;
	}
	if (!parley_hci_key(h, link, ev->key_type))
		return PH_PASS;
	if (!link->cut)
		h->count[PARLEY_HCI_CUTS]++;
	link->cut = true;
	return PH_DROP;
}

/* ------------------------------------------------------------- commands */

/* A command of ours, for a link that has to end, once there is a credit. */
static int ph_cut(struct parley_hci *h)
{
	struct parley_hci_link *link;
	struct parley_hci_made m;
	int err;

	for (link = h->link; link < h->link + PARLEY_HCI_LINKS && h->credits; link++) {
		if (!link->used || !link->cut || link->cutting)
			continue;
		parley_hci_make_disconnect(&m, link->handle);
		err = parley_hci_send_down(h, &m);
		if (err)
			return err;
		link->cutting = true;
		h->cuts++;
		h->credits--;
	}
	return 0;
}

/* The answer to what was sent in the stead of a command of the guest's: the opcode that
 * the guest knows, and the status of the refusal; 0 if it is not such an answer.
 */
static u16 ph_swapped(struct parley_hci *h, u16 opcode, const u8 *addr, u8 *status)
{
	unsigned int i;
	u16 asked;

	for (i = 0; i < h->swaps; i++)
		if (h->swap[i].sent == opcode && (!addr || !memcmp(h->swap[i].addr, addr, 6)))
			break;
	if (i == h->swaps)
		return 0;
	asked = h->swap[i].asked;
	*status = h->swap[i].status;
	h->swaps--;
	memmove(&h->swap[i], &h->swap[i + 1], (h->swaps - i) * sizeof(h->swap[0]));
	return asked;
}

/* False if the guest has not asked for it: then it is not the guest's. */
static bool ph_reset_answered(struct parley_hci *h)
{
	if (!h->resets)
		return false;
	h->resets--;
	return true;
}

/* Credits, a command, and what it returns. */
static enum ph_pass ph_complete(struct parley_hci *h, u8 *at, size_t len)
{
	u16 opcode = get_unaligned_le16(at + 1), asked;
	bool done = len > 3 && !at[3];

	h->credits = at[0];
	if (opcode == HCI_OP_RESET && !ph_reset_answered(h))
		return PH_DROP;
	if (opcode == HCI_OP_RESET && done)
		parley_hci_forget(h);
	if (opcode == HCI_OP_WRITE_SC_SUPPORT && done)
		h->sc = h->sc_asked;
	if (len < 10)
		return PH_PASS;
	asked = ph_swapped(h, opcode, at + 4, &at[3]);
	if (asked)
		put_unaligned_le16(asked, at + 1);
	return PH_PASS;
}

/* Status, credits, a command. */
static enum ph_pass ph_status(struct parley_hci *h, u8 *at)
{
	u16 opcode = get_unaligned_le16(at + 2), asked;

	h->credits = at[1];
	if (opcode == HCI_OP_RESET && !ph_reset_answered(h))
		return PH_DROP;
	if (opcode == HCI_OP_DISCONNECT && h->cuts) {
		/* Ours: only the credits are for the guest. */
		h->cuts--;
		at[0] = 0;
		put_unaligned_le16(HCI_OP_NOP, at + 2);
		return PH_PASS;
	}
	asked = ph_swapped(h, opcode, NULL, &at[0]);
	if (asked)
		put_unaligned_le16(asked, at + 2);
	return PH_PASS;
}

/* ------------------------------------------------------------------ all */

static const struct ph_kind {
	u8 event;
	u8 least;
	enum ph_pass (*look)(struct parley_hci *h, u8 *at);
	enum ph_pass (*look_len)(struct parley_hci *h, u8 *at, size_t len);
} ph_kinds[] = {
	{ HCI_EV_CONN_COMPLETE, sizeof(struct hci_ev_conn_complete), ph_connected },
	{ HCI_EV_DISCONN_COMPLETE, sizeof(struct hci_ev_disconn_complete), ph_disconnected },
	{ HCI_EV_AUTH_COMPLETE, 3, ph_of_link },
	{ HCI_EV_ENCRYPT_CHANGE, 4, ph_of_link },
	{ HCI_EV_CMD_COMPLETE, sizeof(struct hci_ev_cmd_complete), .look_len = ph_complete },
	{ HCI_EV_CMD_STATUS, sizeof(struct hci_ev_cmd_status), ph_status },
	{ HCI_EV_LINK_KEY_NOTIFY, sizeof(struct hci_ev_link_key_notify), ph_link_key },
	{ HCI_EV_IO_CAPA_REQUEST, 6, ph_io_asked },
	{ HCI_EV_IO_CAPA_REPLY, sizeof(struct hci_ev_io_capa_reply), ph_io_of_other },
	{ HCI_EV_SIMPLE_PAIR_COMPLETE, sizeof(struct hci_ev_simple_pair_complete), ph_paired },
	{ HCI_EV_LE_META, 1, .look_len = ph_le_connected },
};

/* The credits of an answer are those that are left when it is sent. */
static void ph_tell_credits(struct parley_hci *h, u8 *pkt)
{
	if (pkt[1] == HCI_EV_CMD_COMPLETE)
		pkt[PH_HEAD] = h->credits;
	if (pkt[1] == HCI_EV_CMD_STATUS)
		pkt[PH_HEAD + 1] = h->credits;
}

/**
 * parley_hci_event() - an event
 * @h: the filter
 * @pkt: the packet, which may be changed
 * @len: how long it is
 *
 * Context: process context, with what guards the filter.
 * Return: 0; or as the ways return.
 */
int parley_hci_event(struct parley_hci *h, u8 *pkt, size_t len)
{
	enum ph_pass pass = PH_PASS;
	const struct ph_kind *kind;
	u8 *at = pkt + PH_HEAD;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(ph_kinds); i++) {
		kind = &ph_kinds[i];
		if (kind->event != pkt[1])
			continue;
		if (len - PH_HEAD < kind->least) {
			h->count[PARLEY_HCI_MALFORMED_UP]++;
			return 0;
		}
		pass = kind->look ? kind->look(h, at) :
				    kind->look_len(h, at, len - PH_HEAD);
		err = ph_cut(h);
		if (err)
			return err;
		ph_tell_credits(h, pkt);
		break;
	}
	return pass == PH_PASS ? h->ways->up(h->data, pkt, len) : 0;
}
