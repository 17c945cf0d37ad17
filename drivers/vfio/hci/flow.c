// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data that are under way to the controller: never more than it has room for, whatever the
 * guest sends, as below us there is no bound.
 *
 * Packets over ACL and isochronous links come back by Number Of Completed Packets, [Vol 4]
 * Part E, 4.1; those of a link that ends, with it.  Voice does not come back: there, what
 * may be sent is what was received, as both ways are equally fast.
 */
#include <linux/minmax.h>
#include <linux/unaligned.h>
#include "hci.h"

/* Packets, until the controller has said how many. */
#define PH_AT_FIRST	8
/* Bytes of voice that may be ahead, and how short a packet counts. */
#define PH_VOICE	4096
#define PH_VOICE_LEAST	16

static struct parley_hci_pool *ph_pool(struct parley_hci *h, const struct parley_hci_link *link)
{
	struct parley_hci_pool *le = &h->pool[PARLEY_HCI_POOL_LE];

	switch (link->kind) {
	case PARLEY_HCI_LINK_ISO:
		return &h->pool[PARLEY_HCI_POOL_ISO];
	case PARLEY_HCI_LINK_LE:
		/* One that has none of its own shares the others'. */
		return le->known && !le->total ? &h->pool[PARLEY_HCI_POOL_ACL] : le;
	default:
		return &h->pool[PARLEY_HCI_POOL_ACL];
	}
}

static void ph_learn(struct parley_hci *h, enum parley_hci_pools which, unsigned int total)
{
	h->pool[which].known = true;
	h->pool[which].total = total;
}

/**
 * parley_hci_flow_learn() - a controller may have said what room it has
 * @h: the filter
 * @opcode: the command that it did
 * @at: what it returns, after the status
 * @len: how long that is
 *
 * Context: any, with what guards the filter.
 */
void parley_hci_flow_learn(struct parley_hci *h, u16 opcode, const u8 *at, size_t len)
{
	if (opcode == HCI_OP_READ_BUFFER_SIZE && len >= 7)
		ph_learn(h, PARLEY_HCI_POOL_ACL, get_unaligned_le16(at + 3));
	if ((opcode == HCI_OP_LE_READ_BUFFER_SIZE ||
	     opcode == HCI_OP_LE_READ_BUFFER_SIZE_V2) && len >= 3)
		ph_learn(h, PARLEY_HCI_POOL_LE, at[2]);
	if (opcode == HCI_OP_LE_READ_BUFFER_SIZE_V2 && len >= 6)
		ph_learn(h, PARLEY_HCI_POOL_ISO, at[5]);
}

/**
 * parley_hci_flow_begin() - a link is new
 * @link: the link
 *
 * Context: any, with what guards the filter.
 */
void parley_hci_flow_begin(struct parley_hci_link *link)
{
	link->under_way = 0;
	link->voice = PH_VOICE;
}

/**
 * parley_hci_flow_back() - the controller has room again
 * @h: the filter
 * @link: whose packets are done
 * @packets: how many
 *
 * Context: any, with what guards the filter.
 */
void parley_hci_flow_back(struct parley_hci *h, struct parley_hci_link *link,
			  unsigned int packets)
{
	packets = min(packets, link->under_way);
	link->under_way -= packets;
	ph_pool(h, link)->under_way -= min(packets, ph_pool(h, link)->under_way);
}

/**
 * parley_hci_flow_room() - whether the guest may send one more, over ACL or isochronous
 * @h: the filter
 * @link: over which link
 *
 * Context: any, with what guards the filter.
 * Return: true if it may.
 */
bool parley_hci_flow_room(struct parley_hci *h, const struct parley_hci_link *link)
{
	const struct parley_hci_pool *pool = ph_pool(h, link);

	return pool->under_way < (pool->known ? pool->total : PH_AT_FIRST);
}

/**
 * parley_hci_flow_down() - a packet to the controller, over ACL or isochronous
 * @h: the filter
 * @link: over which link
 * @pkt: the packet
 * @len: how long it is
 *
 * Context: process context, with what guards the filter.
 * Return: 0; or as the ways return.
 */
int parley_hci_flow_down(struct parley_hci *h, struct parley_hci_link *link, const u8 *pkt,
			 size_t len)
{
	link->under_way++;
	ph_pool(h, link)->under_way++;
	return h->ways->down(h->data, pkt, len);
}

/* --------------------------------------------------- voice, and isochronous */

/* The link that a packet of this kind is for, if it may have data. */
static struct parley_hci_link *ph_link(struct parley_hci *h, const u8 *pkt)
{
	u16 handle = hci_handle(get_unaligned_le16(pkt + 1));
	struct parley_hci_link *link = parley_hci_by_handle(h, handle), *below;
	enum parley_hci_kind kind = PARLEY_HCI_LINK_SCO;

	if (pkt[0] == HCI_ISODATA_PKT)
		kind = PARLEY_HCI_LINK_ISO;
	if (!link || link->kind != kind)
		return NULL;
	if (kind == PARLEY_HCI_LINK_ISO)
		return link;
	below = parley_hci_by_addr(h, link->addr);
	return below && !below->cut ? link : NULL;
}

static int ph_voice_down(struct parley_hci *h, struct parley_hci_link *link, const u8 *pkt,
			 size_t len)
{
	unsigned int cost = max_t(size_t, len, PH_VOICE_LEAST);

	if (cost > link->voice) {
		h->count[PARLEY_HCI_NO_ROOM]++;
		return 0;
	}
	link->voice -= cost;
	return h->ways->down(h->data, pkt, len);
}

/**
 * parley_hci_sync_down() - voice or isochronous data of the guest's
 * @h: the filter
 * @pkt: the packet
 * @len: how long it is
 *
 * What does not pass is lost, as it may be on such a link.
 *
 * Context: process context, with what guards the filter.
 * Return: 0; or as the ways return.
 */
int parley_hci_sync_down(struct parley_hci *h, const u8 *pkt, size_t len)
{
	struct parley_hci_link *link = ph_link(h, pkt);
	bool iso = pkt[0] == HCI_ISODATA_PKT;
	struct parley_hci_made m;

	if (link && !iso)
		return ph_voice_down(h, link, pkt, len);
	if (link && parley_hci_flow_room(h, link))
		return parley_hci_flow_down(h, link, pkt, len);
	h->count[link ? PARLEY_HCI_NO_ROOM : PARLEY_HCI_STRAY]++;
	if (!iso)
		return 0;
	parley_hci_make_credit(&m, hci_handle(get_unaligned_le16(pkt + 1)), 1);
	return parley_hci_send_up(h, &m);
}

/**
 * parley_hci_sync_up() - the same from the controller
 * @h: the filter
 * @pkt: the packet
 * @len: how long it is
 *
 * Context: process context, with what guards the filter.
 * Return: 0; or as the ways return.
 */
int parley_hci_sync_up(struct parley_hci *h, const u8 *pkt, size_t len)
{
	struct parley_hci_link *link = ph_link(h, pkt);

	if (!link) {
		h->count[PARLEY_HCI_STRAY]++;
		return 0;
	}
	link->voice = min(link->voice + len, (size_t)PH_VOICE);
	return h->ways->up(h->data, pkt, len);
}
