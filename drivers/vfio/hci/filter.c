// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of a packet, by its kind; and the links.
 */
#include <linux/string.h>
#include "hci.h"

/**
 * parley_hci_forget() - the controller is reset by the guest
 * @h: the filter
 *
 * Commands that are not answered stay: it may be long until the answers are here.
 *
 * Context: any, with what guards the filter.
 */
void parley_hci_forget(struct parley_hci *h)
{
	unsigned int i;

	h->ending = 0;
	h->sc_asked = false;
	h->sc = false;
	h->swaps = 0;
	memset(h->link, 0, sizeof(h->link));
	for (i = 0; i < PARLEY_HCI_POOLS; i++)
		h->pool[i].under_way = 0;
}

/**
 * parley_hci_start() - somebody comes; nothing is known of the controller, which is reset
 * @h: the filter, of which policy, name and ways stay
 *
 * Context: any, with what guards the filter.
 */
void parley_hci_start(struct parley_hci *h)
{
	parley_hci_forget(h);
	memset(h->pool, 0, sizeof(h->pool));
	h->credits = 1;
	h->over = 0;
	h->resets = 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_start);

struct parley_hci_link *parley_hci_by_handle(struct parley_hci *h, u16 handle)
{
	unsigned int i;

	for (i = 0; i < PARLEY_HCI_LINKS; i++)
		if (h->link[i].used && h->link[i].handle == handle)
			return &h->link[i];
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_by_handle);

/* Over BR/EDR: there an address has one link at most. */
struct parley_hci_link *parley_hci_by_addr(struct parley_hci *h, const u8 *addr)
{
	unsigned int i;

	for (i = 0; i < PARLEY_HCI_LINKS; i++)
		if (h->link[i].used && h->link[i].kind == PARLEY_HCI_LINK_BREDR &&
		    !memcmp(h->link[i].addr, addr, 6))
			return &h->link[i];
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_by_addr);

int parley_hci_send_down(struct parley_hci *h, const struct parley_hci_made *m)
{
	return h->ways->down(h->data, m->data, m->len);
}

int parley_hci_send_up(struct parley_hci *h, const struct parley_hci_made *m)
{
	return h->ways->up(h->data, m->data, m->len);
}

/**
 * parley_hci_down() - a packet of the guest's
 * @h: the filter
 * @pkt: the packet, which may be changed
 * @len: how long it is
 *
 * Context: process context, with what guards the filter.
 * Return: 0; -EPROTO if that is no packet that a host sends, after which there is no
 *	telling where the next one begins; or as the ways return.
 */
int parley_hci_down(struct parley_hci *h, u8 *pkt, size_t len)
{
	int whole = parley_hci_length(pkt, len);

	if (whole <= 0 || whole != len || pkt[0] == HCI_EVENT_PKT) {
		h->count[PARLEY_HCI_MALFORMED_DOWN]++;
		return -EPROTO;
	}
	switch (pkt[0]) {
	case HCI_COMMAND_PKT:
		return parley_hci_command(h, pkt, len);
	case HCI_ACLDATA_PKT:
		return parley_hci_acl_down(h, pkt, len);
	default:
		return parley_hci_sync_down(h, pkt, len);
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_down);

/**
 * parley_hci_up() - a packet from the controller
 * @h: the filter
 * @pkt: the packet, which may be changed
 * @len: how long it is
 *
 * One that is none is dropped.
 *
 * Context: process context, with what guards the filter.
 * Return: 0; or as the ways return.
 */
int parley_hci_up(struct parley_hci *h, u8 *pkt, size_t len)
{
	int whole = parley_hci_length(pkt, len);

	if (whole <= 0 || whole != len || pkt[0] == HCI_COMMAND_PKT) {
		h->count[PARLEY_HCI_MALFORMED_UP]++;
		return 0;
	}
	switch (pkt[0]) {
	case HCI_EVENT_PKT:
		return parley_hci_event(h, pkt, len);
	case HCI_ACLDATA_PKT:
		return parley_hci_acl_up(h, pkt, len);
	default:
		return parley_hci_sync_up(h, pkt, len);
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_up);
