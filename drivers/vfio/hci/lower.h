/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A real controller that nobody else uses.
 */
#ifndef _PARLEY_HCI_LOWER_H
#define _PARLEY_HCI_LOWER_H

#include <linux/types.h>

struct parley_hci_lower;
struct sock;

/**
 * struct parley_hci_lower_ops - what can be done with it
 * @make: before it is had, so that who hears of it knows which it is; @ready is called in
 *	any context, when there is something to receive, or an error
 * @bind: have it
 * @close: let go of it; @ready is not called any more
 * @send: a packet
 * @receive: a packet that it sent: its length, 0 if there is none, or an error
 */
struct parley_hci_lower_ops {
	struct parley_hci_lower *(*make)(void (*ready)(void *data), void *data);
	int (*bind)(struct parley_hci_lower *l, u16 index);
	void (*close)(struct parley_hci_lower *l);
	int (*send)(struct parley_hci_lower *l, const u8 *pkt, size_t len);
	int (*receive)(struct parley_hci_lower *l, u8 *pkt, size_t size);
};

extern const struct parley_hci_lower_ops parley_hci_lower_ops;

bool parley_hci_lower_missed(struct sock *sk, unsigned int *drops);

#endif /* _PARLEY_HCI_LOWER_H */
