/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A real controller that nobody else uses.
 */
#ifndef _PARLEY_HCI_LOWER_H
#define _PARLEY_HCI_LOWER_H

#include <linux/types.h>

struct parley_hci_lower;

/* @ready is called in any context, when there is something to receive, or an error. */
struct parley_hci_lower *parley_hci_lower_open(u16 index, void (*ready)(void *data),
					       void *data);
void parley_hci_lower_close(struct parley_hci_lower *l);
int parley_hci_lower_send(struct parley_hci_lower *l, const u8 *pkt, size_t len);
int parley_hci_lower_receive(struct parley_hci_lower *l, u8 *pkt, size_t size);

#endif /* _PARLEY_HCI_LOWER_H */
