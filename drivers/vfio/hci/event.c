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

#define PH_EV_ENCRYPT_CHANGE_V2		0x59

/* Of LE. */
#define PH_LE_CIS_ESTABLISHED		0x19
#define PH_LE_BIG_CREATED		0x1b
#define PH_LE_BIG_TERMINATED		0x1c
#define PH_LE_BIG_SYNC_ESTABLISHED	0x1d
#define PH_LE_BIG_SYNC_LOST		0x1e
#define PH_LE_CONN_COMPLETE_V2		0x29
#define PH_LE_CIS_ESTABLISHED_V2	0x2a

/* Deletes keys that the controller keeps, and where it says that it can. */
#define PH_OCF_DELETE_KEYS	0x12
#define PH_DELETE_KEYS_AT	6
#define PH_DELETE_KEYS_BIT	0x80

/* How often a link is told to end that would not. */
#define PH_TRIES	8

/* Whether the guest shall have it. */
enum ph_pass { PH_DROP, PH_PASS };

/* ---------------------------------------------------------------- links */

static struct parley_hci_link *ph_link_at(struct parley_hci *h, const u8 *at)
{
	return parley_hci_by_handle(h, hci_handle(get_unaligned_le16(at)));
}

static void ph_end_link(struct parley_hci *h, struct parley_hci_link *link)
{
	parley_hci_flow_back(h, link, link->under_way);
	link->used = false;
}

static struct parley_hci_link *ph_new_link(struct parley_hci *h, enum parley_hci_kind kind,
					   u16 handle)
{
	struct parley_hci_link *link = parley_hci_by_handle(h, handle);
	unsigned int i;

	if (link)
		ph_end_link(h, link);
	for (i = 0; !link && i < PARLEY_HCI_LINKS; i++)
		if (!h->link[i].used)
			link = &h->link[i];
	if (!link) {
		h->count[PARLEY_HCI_TOO_MANY]++;
		return NULL;
	}
	memset(link, 0, sizeof(*link));
	link->used = true;
	link->kind = kind;
	link->handle = handle;
	link->group = PARLEY_HCI_NO_GROUP;
	parley_hci_flow_begin(link);
	return link;
}

/* As several events have it: a status, a handle, an address. */
static enum ph_pass ph_new_of(struct parley_hci *h, enum parley_hci_kind kind, const u8 *at,
			      const u8 *addr)
{
	struct parley_hci_link *link = NULL;

	if (!at[0])
		link = ph_new_link(h, kind, hci_handle(get_unaligned_le16(at + 1)));
	if (link && addr)
		memcpy(link->addr, addr, sizeof(link->addr));
	return PH_PASS;
}

static enum ph_pass ph_connected(struct parley_hci *h, u8 *at, size_t len)
{
	const struct hci_ev_conn_complete *ev = (void *)at;

	if (ev->link_type != ACL_LINK && ev->link_type != SCO_LINK)
		return PH_PASS;
	return ph_new_of(h, ev->link_type == ACL_LINK ? PARLEY_HCI_LINK_BREDR :
			 PARLEY_HCI_LINK_SCO, at, ev->bdaddr.b);
}

static enum ph_pass ph_sync_connected(struct parley_hci *h, u8 *at, size_t len)
{
	return ph_new_of(h, PARLEY_HCI_LINK_SCO, at, at + 3);
}

static enum ph_pass ph_disconnected(struct parley_hci *h, u8 *at, size_t len)
{
	struct hci_ev_disconn_complete *ev = (void *)at;
	struct parley_hci_link *link = ph_link_at(h, at + 1);

	if (!link)
		return PH_PASS;
	if (ev->status) {
		link->cutting = false;
		return PH_PASS;
	}
	if (link->cut)
		ev->reason = HCI_ERROR_AUTH_FAILURE;
	ph_end_link(h, link);
	return PH_PASS;
}

/* A link must not be used any more. */
static void ph_condemn(struct parley_hci *h, struct parley_hci_link *link)
{
	if (!link->cut)
		h->count[PARLEY_HCI_CUTS]++;
	link->cut = true;
}

/* What comes of a link that is being cut is a failure. */
static enum ph_pass ph_of_link(struct parley_hci *h, u8 *at, size_t len)
{
	struct parley_hci_link *link = ph_link_at(h, at + 1);

	if (link && link->cut)
		at[0] = HCI_ERROR_AUTH_FAILURE;
	return PH_PASS;
}

/* A key is used; one that was not seen may be any. */
static enum ph_pass ph_encrypted(struct parley_hci *h, u8 *at, size_t len)
{
	struct parley_hci_link *link = ph_link_at(h, at + 1);

	if (link && link->keyless && !at[0] && (len < 4 || at[3]))
		ph_condemn(h, link);
	return ph_of_link(h, at, len);
}

/* Handle and number, of each link. */
static enum ph_pass ph_completed(struct parley_hci *h, u8 *at, size_t len)
{
	struct parley_hci_link *link;
	unsigned int i;

	if (len < 1 + 4 * at[0]) {
		h->count[PARLEY_HCI_MALFORMED_UP]++;
		return PH_DROP;
	}
	for (i = 0; i < at[0]; i++) {
		link = ph_link_at(h, at + 1 + 4 * i);
		if (link)
			parley_hci_flow_back(h, link, get_unaligned_le16(at + 3 + 4 * i));
	}
	return PH_PASS;
}

/* ------------------------------------------------------------- links of LE */

/* What the several kinds of it begin with is the same. */
static enum ph_pass ph_le_connected(struct parley_hci *h, u8 *at, size_t len)
{
	const struct hci_ev_le_conn_complete *ev = (void *)(at + 1);

	return ph_new_of(h, PARLEY_HCI_LINK_LE, at + 1, ev->bdaddr.b);
}

static enum ph_pass ph_cis(struct parley_hci *h, u8 *at, size_t len)
{
	return ph_new_of(h, PARLEY_HCI_LINK_ISO, at + 1, NULL);
}

/* Their number is the last thing before them. */
static enum ph_pass ph_group(struct parley_hci *h, const u8 *at, size_t len, unsigned int head)
{
	struct parley_hci_link *link;
	unsigned int i, number = at[head - 1];

	if (at[1])
		return PH_PASS;
	if (len < head + 2 * number) {
		h->count[PARLEY_HCI_MALFORMED_UP]++;
		return PH_DROP;
	}
	for (i = 0; i < number; i++) {
		link = ph_new_link(h, PARLEY_HCI_LINK_ISO,
				   hci_handle(get_unaligned_le16(at + head + 2 * i)));
		if (link)
			link->group = at[2];
	}
	return PH_PASS;
}

static enum ph_pass ph_big(struct parley_hci *h, u8 *at, size_t len)
{
	return ph_group(h, at, len, 19);
}

static enum ph_pass ph_big_sync(struct parley_hci *h, u8 *at, size_t len)
{
	return ph_group(h, at, len, 15);
}

static void ph_end_group(struct parley_hci *h, u8 group)
{
	struct parley_hci_link *link;

	for (link = h->link; link < h->link + PARLEY_HCI_LINKS; link++)
		if (link->used && link->kind == PARLEY_HCI_LINK_ISO && link->group == group)
			ph_end_link(h, link);
}

static enum ph_pass ph_big_over(struct parley_hci *h, u8 *at, size_t len)
{
	ph_end_group(h, at[1]);
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

static enum ph_pass ph_io_asked(struct parley_hci *h, u8 *at, size_t len)
{
	struct parley_hci_link *link = ph_pairing(h, at);

	if (link) {
		link->asked = true;
		link->local.known = false;
	}
	return PH_PASS;
}

static enum ph_pass ph_io_of_other(struct parley_hci *h, u8 *at, size_t len)
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

static enum ph_pass ph_paired(struct parley_hci *h, u8 *at, size_t len)
{
	struct hci_ev_simple_pair_complete *ev = (void *)at;
	struct parley_hci_link *link = parley_hci_by_addr(h, ev->bdaddr.b);

	if (link) {
		link->done = true;
		link->asked = false;
		link->keyless = !ev->status;
	}
	return PH_PASS;
}

/* A key that is worth nothing is not for the guest, and its link ends. */
static enum ph_pass ph_link_key(struct parley_hci *h, u8 *at, size_t len)
{
	struct hci_ev_link_key_notify *ev = (void *)at;
	struct parley_hci_link *link = parley_hci_by_addr(h, ev->bdaddr.b);

	if (!link) {
		h->count[PARLEY_HCI_STRAY]++;
		return PH_DROP;
	}
	link->keyless = false;
	if (!parley_hci_key(h, link, ev->key_type))
		return PH_PASS;
	ph_condemn(h, link);
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
		if (!link->used || !link->cut || link->cutting ||
		    h->ending == PARLEY_HCI_ENDS)
			continue;
		if (link->tries == PH_TRIES)
			return -EIO;
		parley_hci_make_disconnect(&m, link->handle);
		err = parley_hci_send_down(h, &m);
		if (err)
			return err;
		link->cutting = true;
		link->tries++;
		h->ends[h->ending++] = link->handle;
		h->credits--;
	}
	return 0;
}

/* Those who end links are answered in turn; true if it is ours that is. */
static bool ph_cut_answered(struct parley_hci *h, u8 status)
{
	struct parley_hci_link *link;
	u16 handle;

	if (!h->ending)
		return false;
	handle = h->ends[0];
	h->ending--;
	memmove(&h->ends[0], &h->ends[1], h->ending * sizeof(h->ends[0]));
	if (handle == PARLEY_HCI_GUESTS)
		return false;
	link = parley_hci_by_handle(h, handle);
	if (link && status)
		link->cutting = false;
	return true;
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

/* Each answer makes good for one that was sent without a credit. */
static void ph_credits(struct parley_hci *h, u8 credits)
{
	h->credits = credits;
	h->over = credits ? 0 : h->over - !!h->over;
}

/* Linux gives a controller up that can delete keys, and then would not. */
static void ph_hide(struct parley_hci *h, u8 *commands, size_t len)
{
	struct parley_policy_key key = { PARLEY_HCI_BASEBAND, .op = PH_OCF_DELETE_KEYS };

	if (len > PH_DELETE_KEYS_AT &&
	    parley_policy_look(h->policy, &key).verdict == PARLEY_DENY)
		commands[PH_DELETE_KEYS_AT] &= ~PH_DELETE_KEYS_BIT;
}

/* What the filter learns of a command that was done; and what is changed in its answer. */
static void ph_done(struct parley_hci *h, u16 opcode, u8 *at, size_t len)
{
	if (opcode == HCI_OP_READ_LOCAL_COMMANDS)
		ph_hide(h, at, len);
	if (opcode == HCI_OP_RESET)
		parley_hci_forget(h);
	if (opcode == HCI_OP_WRITE_SC_SUPPORT)
		h->sc = h->sc_asked;
	if (opcode == HCI_OP_LE_BIG_TERM_SYNC && len)
		ph_end_group(h, at[0]);
	parley_hci_flow_learn(h, opcode, at, len);
}

/* Credits, a command, and what it returns. */
static enum ph_pass ph_complete(struct parley_hci *h, u8 *at, size_t len)
{
	u16 opcode = get_unaligned_le16(at + 1), asked;

	ph_credits(h, at[0]);
	if (opcode == HCI_OP_RESET && !ph_reset_answered(h))
		return PH_DROP;
	if (len > 3 && !at[3])
		ph_done(h, opcode, at + 4, len - 4);
	if (len < 10)
		return PH_PASS;
	asked = ph_swapped(h, opcode, at + 4, &at[3]);
	if (asked)
		put_unaligned_le16(asked, at + 1);
	return PH_PASS;
}

/* Status, credits, a command. */
static enum ph_pass ph_status(struct parley_hci *h, u8 *at, size_t len)
{
	u16 opcode = get_unaligned_le16(at + 2), asked;

	ph_credits(h, at[1]);
	if (opcode == HCI_OP_RESET && !ph_reset_answered(h))
		return PH_DROP;
	if (opcode == HCI_OP_DISCONNECT && ph_cut_answered(h, at[0])) {
		/* Only the credits are for the guest. */
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

struct ph_kind {
	u8 event;
	u8 least;
	enum ph_pass (*look)(struct parley_hci *h, u8 *at, size_t len);
};

static enum ph_pass ph_look(struct parley_hci *h, const struct ph_kind *kinds, u8 event, u8 *at,
			    size_t len)
{
	const struct ph_kind *kind = kinds;

	while (kind->look && kind->event != event)
		kind++;
	if (!kind->look)
		return PH_PASS;
	if (len >= kind->least)
		return kind->look(h, at, len);
	h->count[PARLEY_HCI_MALFORMED_UP]++;
	return PH_DROP;
}

/* Those of LE, by the code within; the lengths have that among them. */
static const struct ph_kind ph_le_kinds[] = {
	{ HCI_EV_LE_CONN_COMPLETE, 12, ph_le_connected },
	{ HCI_EV_LE_ENHANCED_CONN_COMPLETE, 12, ph_le_connected },
	{ PH_LE_CONN_COMPLETE_V2, 12, ph_le_connected },
	{ PH_LE_CIS_ESTABLISHED, 4, ph_cis },
	{ PH_LE_CIS_ESTABLISHED_V2, 4, ph_cis },
	{ PH_LE_BIG_CREATED, 19, ph_big },
	{ PH_LE_BIG_TERMINATED, 3, ph_big_over },
	{ PH_LE_BIG_SYNC_ESTABLISHED, 15, ph_big_sync },
	{ PH_LE_BIG_SYNC_LOST, 3, ph_big_over },
	{ }
};

static enum ph_pass ph_le(struct parley_hci *h, u8 *at, size_t len)
{
	return ph_look(h, ph_le_kinds, at[0], at, len);
}

static const struct ph_kind ph_kinds[] = {
	{ HCI_EV_CONN_COMPLETE, sizeof(struct hci_ev_conn_complete), ph_connected },
	{ HCI_EV_DISCONN_COMPLETE, sizeof(struct hci_ev_disconn_complete), ph_disconnected },
	{ HCI_EV_AUTH_COMPLETE, 3, ph_of_link },
	{ HCI_EV_ENCRYPT_CHANGE, 4, ph_encrypted },
	{ HCI_EV_CMD_COMPLETE, sizeof(struct hci_ev_cmd_complete), ph_complete },
	{ HCI_EV_CMD_STATUS, sizeof(struct hci_ev_cmd_status), ph_status },
	{ HCI_EV_NUM_COMP_PKTS, 1, ph_completed },
	{ HCI_EV_LINK_KEY_NOTIFY, sizeof(struct hci_ev_link_key_notify), ph_link_key },
	{ HCI_EV_SYNC_CONN_COMPLETE, 9, ph_sync_connected },
	{ HCI_EV_KEY_REFRESH_COMPLETE, 3, ph_encrypted },
	{ HCI_EV_IO_CAPA_REQUEST, 6, ph_io_asked },
	{ HCI_EV_IO_CAPA_REPLY, sizeof(struct hci_ev_io_capa_reply), ph_io_of_other },
	{ HCI_EV_SIMPLE_PAIR_COMPLETE, sizeof(struct hci_ev_simple_pair_complete), ph_paired },
	{ HCI_EV_LE_META, 1, ph_le },
	{ PH_EV_ENCRYPT_CHANGE_V2, 4, ph_encrypted },
	{ }
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
	enum ph_pass pass = ph_look(h, ph_kinds, pkt[1], pkt + PH_HEAD, len - PH_HEAD);
	int err = ph_cut(h);

	if (err || pass == PH_DROP)
		return err;
	ph_tell_credits(h, pkt);
	return h->ways->up(h->data, pkt, len);
}
