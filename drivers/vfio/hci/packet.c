// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets: where one ends in a stream of bytes, as a UART carries them ([Vol 4] Part A),
 * and those that we make ourselves ([Vol 4] Part E).
 */
#include <linux/string.h>
#include <linux/unaligned.h>
#include "hci.h"

/* The Security Manager's PDU that says no. */
#define PH_SMP_FAILED	0x05

/**
 * parley_hci_length() - how long a packet is
 * @pkt: its beginning
 * @have: how much of it is there
 *
 * Context: any.
 * Return: its length; 0 if more of it has to be there to know; -EPROTO if there is no
 *	such packet, or it would be longer than PARLEY_HCI_FRAME.
 */
int parley_hci_length(const u8 *pkt, size_t have)
{
	size_t head, len;

	if (!have)
		return 0;
	switch (pkt[0]) {
	case HCI_COMMAND_PKT:
		head = 1 + HCI_COMMAND_HDR_SIZE;
		break;
	case HCI_ACLDATA_PKT:
	case HCI_ISODATA_PKT:
		head = 1 + HCI_ACL_HDR_SIZE;
		break;
	case HCI_SCODATA_PKT:
		head = 1 + HCI_SCO_HDR_SIZE;
		break;
	case HCI_EVENT_PKT:
		head = 1 + HCI_EVENT_HDR_SIZE;
		break;
	default:
		return -EPROTO;
	}
	if (have < head)
		return 0;
	len = head;
	if (pkt[0] == HCI_ACLDATA_PKT)
		len += get_unaligned_le16(pkt + 3);
	else if (pkt[0] == HCI_ISODATA_PKT)
		len += get_unaligned_le16(pkt + 3) & 0x3fff;
	else
		len += pkt[head - 1];
	return len <= PARLEY_HCI_FRAME ? len : -EPROTO;
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_length);

static u8 *ph_event(struct parley_hci_made *m, u8 event, u8 len)
{
	m->len = 1 + HCI_EVENT_HDR_SIZE + len;
	m->data[0] = HCI_EVENT_PKT;
	m->data[1] = event;
	m->data[2] = len;
	return m->data + 3;
}

static u8 *ph_command(struct parley_hci_made *m, u16 opcode, u8 len)
{
	m->len = 1 + HCI_COMMAND_HDR_SIZE + len;
	m->data[0] = HCI_COMMAND_PKT;
	put_unaligned_le16(opcode, m->data + 1);
	m->data[3] = len;
	return m->data + 4;
}

/* Command Status, 7.7.15: for each command it can say that it was not begun. */
void parley_hci_make_status(struct parley_hci_made *m, u16 opcode, u8 status, u8 credits)
{
	u8 *at = ph_event(m, HCI_EV_CMD_STATUS, 4);

	at[0] = status;
	at[1] = credits;
	put_unaligned_le16(opcode, at + 2);
}

/* Command Complete, 7.7.14, of a command that returns a status, and @addr if there is one. */
void parley_hci_make_complete(struct parley_hci_made *m, u16 opcode, u8 status, u8 credits,
			      const u8 *addr)
{
	u8 *at = ph_event(m, HCI_EV_CMD_COMPLETE, addr ? 10 : 4);

	at[0] = credits;
	put_unaligned_le16(opcode, at + 1);
	at[3] = status;
	if (addr)
		memcpy(at + 4, addr, 6);
}

/* Number Of Completed Packets, 7.7.19. */
void parley_hci_make_credit(struct parley_hci_made *m, u16 handle, u16 packets)
{
	u8 *at = ph_event(m, HCI_EV_NUM_COMP_PKTS, 5);

	at[0] = 1;
	put_unaligned_le16(handle, at + 1);
	put_unaligned_le16(packets, at + 3);
}

/* What a controller that waits for a reply gets instead; one of them says why. */
void parley_hci_make_negative(struct parley_hci_made *m, u16 opcode, const u8 *addr,
			      u8 reason)
{
	bool why = opcode == HCI_OP_IO_CAPABILITY_NEG_REPLY;
	u8 *at = ph_command(m, opcode, 6 + why);

	memcpy(at, addr, 6);
	if (why)
		at[6] = reason;
}

void parley_hci_make_disconnect(struct parley_hci_made *m, u16 handle)
{
	u8 *at = ph_command(m, HCI_OP_DISCONNECT, 3);

	put_unaligned_le16(handle, at);
	at[2] = HCI_ERROR_AUTH_FAILURE;
}

/* Pairing Failed, [Vol 3] Part H, 3.5.5; @handle has its flags. */
void parley_hci_make_failed(struct parley_hci_made *m, u16 handle, u16 cid, u8 reason)
{
	u8 *at = m->data;

	m->len = 1 + HCI_ACL_HDR_SIZE + PARLEY_HCI_L2CAP + 2;
	at[0] = HCI_ACLDATA_PKT;
	put_unaligned_le16(handle, at + 1);
	put_unaligned_le16(PARLEY_HCI_L2CAP + 2, at + 3);
	put_unaligned_le16(2, at + 5);
	put_unaligned_le16(cid, at + 7);
	at[9] = PH_SMP_FAILED;
	at[10] = reason;
}
