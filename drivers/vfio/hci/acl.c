// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data: which of it is the Security Manager's.
 *
 * A PDU may come in pieces.  Those from the controller pass at once, and are read as
 * they pass; those of the guest's are held until the PDU is whole, which is three pieces
 * of the smallest size that there is, and then pass as they came.  Everything else passes
 * untouched.  For what does not pass, the guest gets back its room in the controller.
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "hci.h"

#define PH_HEAD		(1 + HCI_ACL_HDR_SIZE)

/**
 * parley_hci_read() - one more piece of a PDU
 * @r: the PDU
 * @cid: the Security Manager's channel
 * @start: it begins with this piece
 * @data: the piece
 * @len: how long it is
 *
 * Context: any.
 * Return: what is known now.
 */
enum parley_hci_read parley_hci_read(struct parley_hci_reader *r, u16 cid, bool start,
				     const u8 *data, size_t len)
{
	size_t take, whole;

	if (start) {
		r->state = PARLEY_HCI_MORE;
		r->have = 0;
	}
	if (r->state == PARLEY_HCI_WHOLE)
		r->state = PARLEY_HCI_BAD;
	if (r->state != PARLEY_HCI_MORE)
		return r->state;
	if (r->have < PARLEY_HCI_L2CAP) {
		take = min(len, PARLEY_HCI_L2CAP - r->have);
		memcpy(r->data + r->have, data, take);
		r->have += take;
		data += take;
		len -= take;
	}
	if (r->have < PARLEY_HCI_L2CAP)
		return r->state;
	if (get_unaligned_le16(r->data + 2) != cid)
		return r->state = PARLEY_HCI_OTHER;
	whole = get_unaligned_le16(r->data);
	if (!whole || whole > PARLEY_HCI_SMP || len > PARLEY_HCI_L2CAP + whole - r->have)
		return r->state = PARLEY_HCI_BAD;
	memcpy(r->data + r->have, data, len);
	r->have += len;
	if (r->have == PARLEY_HCI_L2CAP + whole)
		r->state = PARLEY_HCI_WHOLE;
	return r->state;
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_read);

static u16 ph_cid(const struct parley_hci_link *link)
{
	return link->kind == PARLEY_HCI_LINK_LE ? PARLEY_HCI_CID_SMP : PARLEY_HCI_CID_BREDR;
}

static bool ph_has_data(const struct parley_hci_link *link)
{
	return link && !link->cut &&
	       (link->kind == PARLEY_HCI_LINK_BREDR || link->kind == PARLEY_HCI_LINK_LE);
}

static bool ph_is_start(u16 handle)
{
	return (handle >> 12 & 3) != ACL_CONT;
}

/* ------------------------------------------------------------ the guest's */

static int ph_give_back(struct parley_hci *h, u16 handle, unsigned int packets)
{
	struct parley_hci_made m;

	if (!packets)
		return 0;
	parley_hci_make_credit(&m, hci_handle(handle), packets);
	return parley_hci_send_up(h, &m);
}

static int ph_drop_held(struct parley_hci *h, struct parley_hci_link *link)
{
	unsigned int pieces = link->pieces;

	link->pieces = 0;
	return ph_give_back(h, link->handle, pieces);
}

/* What was held passes, cut where it was. */
static int ph_pass_held(struct parley_hci *h, struct parley_hci_link *link)
{
	u8 pkt[PH_HEAD + sizeof(link->out.data)];
	unsigned int i, at = 0;
	u16 handle = link->first;
	int err = 0;

	for (i = 0; i < link->pieces && !err; i++) {
		pkt[0] = HCI_ACLDATA_PKT;
		put_unaligned_le16(handle, pkt + 1);
		put_unaligned_le16(link->piece[i], pkt + 3);
		memcpy(pkt + PH_HEAD, link->out.data + at, link->piece[i]);
		err = parley_hci_flow_down(h, link, pkt, PH_HEAD + link->piece[i]);
		at += link->piece[i];
		handle = hci_handle_pack(link->handle, ACL_CONT);
	}
	link->pieces = 0;
	return err;
}

/* As if the other side had said so. */
static int ph_tell(struct parley_hci *h, struct parley_hci_link *link, u8 why)
{
	struct parley_hci_made m;

	parley_hci_make_failed(&m, hci_handle_pack(link->handle, ACL_START), ph_cid(link), why);
	return parley_hci_send_up(h, &m);
}

static int ph_refuse(struct parley_hci *h, struct parley_hci_link *link, u8 why, bool quiet)
{
	struct parley_hci_made m;
	int err;

	if (!quiet) {
		parley_hci_make_failed(&m, link->first, ph_cid(link), why);
		err = parley_hci_flow_down(h, link, m.data, m.len);
		if (err)
			return err;
		link->pieces--;
	}
	err = ph_drop_held(h, link);
	if (err)
		return err;
	return ph_tell(h, link, why);
}

static int ph_judge(struct parley_hci *h, struct parley_hci_link *link)
{
	const u8 *pdu = link->out.data + PARLEY_HCI_L2CAP;
	size_t len = link->out.have - PARLEY_HCI_L2CAP;
	bool quiet = false;
	u8 why;

	why = link->kind == PARLEY_HCI_LINK_LE ? parley_hci_smp_down(h, link, pdu, len, &quiet) :
					    parley_hci_smp_bredr(h, pdu, len);
	return why ? ph_refuse(h, link, why, quiet) : ph_pass_held(h, link);
}

/* One piece more is held; false if there are too many. */
static bool ph_hold(struct parley_hci_link *link, u16 handle, size_t len)
{
	if (link->pieces == PARLEY_HCI_PIECES)
		return false;
	if (!link->pieces)
		link->first = handle;
	link->piece[link->pieces++] = len;
	return true;
}

static int ph_bad(struct parley_hci *h, struct parley_hci_link *link,
		  enum parley_hci_count why)
{
	h->count[why]++;
	link->out.state = PARLEY_HCI_BAD;
	return ph_drop_held(h, link) ?: ph_give_back(h, link->handle, 1);
}

/**
 * parley_hci_acl_down() - data of the guest's
 * @h: the filter
 * @pkt: the packet
 * @len: how long it is
 *
 * Context: process context, with what guards the filter.
 * Return: 0; or as the ways return.
 */
int parley_hci_acl_down(struct parley_hci *h, const u8 *pkt, size_t len)
{
	u16 handle = get_unaligned_le16(pkt + 1);
	struct parley_hci_link *link = parley_hci_by_handle(h, hci_handle(handle));
	int err;

	if (!ph_has_data(link)) {
		h->count[PARLEY_HCI_STRAY]++;
		return ph_give_back(h, handle, 1);
	}
	/* A guest that counts what is held as well is never short of it here. */
	if (!parley_hci_flow_room(h, link))
		return ph_bad(h, link, PARLEY_HCI_NO_ROOM);
	/* Who begins another one does not end the one before. */
	if (ph_is_start(handle) && link->pieces) {
		err = ph_drop_held(h, link);
		if (err)
			return err;
	}
	switch (parley_hci_read(&link->out, ph_cid(link), ph_is_start(handle), pkt + PH_HEAD,
				len - PH_HEAD)) {
	case PARLEY_HCI_OTHER:
		return ph_pass_held(h, link) ?: parley_hci_flow_down(h, link, pkt, len);
	case PARLEY_HCI_MORE:
		return ph_hold(link, handle, len - PH_HEAD) ? 0 :
			ph_bad(h, link, PARLEY_HCI_MALFORMED_DOWN);
	case PARLEY_HCI_WHOLE:
		return ph_hold(link, handle, len - PH_HEAD) ? ph_judge(h, link) :
			ph_bad(h, link, PARLEY_HCI_MALFORMED_DOWN);
	default:
		return ph_bad(h, link, PARLEY_HCI_MALFORMED_DOWN);
	}
}

/* -------------------------------------------------------- the controller's */

/* What passed of it before can wait for its end as long as it likes. */
static int ph_judge_up(struct parley_hci *h, struct parley_hci_link *link, const u8 *pkt,
		       size_t size)
{
	const u8 *pdu = link->in.data + PARLEY_HCI_L2CAP;
	size_t len = link->in.have - PARLEY_HCI_L2CAP;
	int why;

	why = link->kind == PARLEY_HCI_LINK_LE ? parley_hci_smp_up(h, link, pdu, len) :
					    parley_hci_smp_bredr(h, pdu, len);
	if (!why)
		return h->ways->up(h->data, pkt, size);
	return why == PARLEY_HCI_SMP_DROP ? 0 : ph_tell(h, link, why);
}

/**
 * parley_hci_acl_up() - data from the controller
 * @h: the filter
 * @pkt: the packet
 * @len: how long it is
 *
 * Context: process context, with what guards the filter.
 * Return: 0; or as the ways return.
 */
int parley_hci_acl_up(struct parley_hci *h, const u8 *pkt, size_t len)
{
	u16 handle = get_unaligned_le16(pkt + 1);
	struct parley_hci_link *link = parley_hci_by_handle(h, hci_handle(handle));

	if (!ph_has_data(link)) {
		h->count[PARLEY_HCI_STRAY]++;
		return 0;
	}
	switch (parley_hci_read(&link->in, ph_cid(link), ph_is_start(handle), pkt + PH_HEAD,
				len - PH_HEAD)) {
	case PARLEY_HCI_BAD:
		h->count[PARLEY_HCI_MALFORMED_UP]++;
		return 0;
	case PARLEY_HCI_WHOLE:
		return ph_judge_up(h, link, pkt, len);
	default:
		return h->ways->up(h->data, pkt, len);
	}
}
