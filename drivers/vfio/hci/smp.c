// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairing over LE: the Security Manager's PDUs, [Vol 3] Part H, 3.
 *
 * What the other side says is written down and passes; only what the guest sends can be
 * refused.  There is no pairing in which the guest would not have to send something after
 * all that can be wrong with it is known, so that is enough; and the refusal takes the
 * place of the guest's packet, for which the controller has room.
 *
 * Packets wait for the guest to read them.  So each doubt is the guest's loss: who asks
 * twice before he has an answer is refused, whichever of his questions the guest means.
 */
#include <linux/minmax.h>
#include "hci.h"

#define PH_REQUEST	0x01
#define PH_RESPONSE	0x02
#define PH_CONFIRM	0x03
#define PH_FAILED	0x05
#define PH_SIGNING	0x0a
#define PH_SECURITY	0x0b
#define PH_PUBLIC_KEY	0x0c
#define PH_KEYPRESS	0x0e

#define PH_PARTY	7
#define PH_AUTH_MITM	0x04
#define PH_AUTH_SC	0x08
#define PH_KEY		16

#define PH_WHY_REQUIREMENTS	0x03
#define PH_WHY_KEY_SIZE		0x06
#define PH_WHY_UNSPECIFIED	0x08
#define PH_WHY_PARAMETERS	0x0a

static bool ph_party(struct parley_hci_party *p, const u8 *pdu, size_t len)
{
	*p = (struct parley_hci_party) { };
	if (len != PH_PARTY)
		return false;
	p->known = true;
	p->io = pdu[1];
	p->oob = pdu[2] == 1;
	p->mitm = pdu[3] & PH_AUTH_MITM;
	p->sc = pdu[3] & PH_AUTH_SC;
	p->key = pdu[4];
	return true;
}

/* What holds whatever the other side says. */
static u8 ph_alone(struct parley_hci *h, const struct parley_hci_party *p)
{
	if (!p->sc && parley_hci_ask_worth(h, PARLEY_HCI_LE_LEGACY))
		return PH_WHY_REQUIREMENTS;
	if (p->key < PH_KEY && parley_hci_ask_worth(h, PARLEY_HCI_SHORT_KEY))
		return PH_WHY_KEY_SIZE;
	if (p->io == HCI_IO_NO_INPUT_OUTPUT && !p->oob &&
	    parley_hci_ask_worth(h, PARLEY_HCI_JUST_WORKS))
		return PH_WHY_REQUIREMENTS;
	return 0;
}

static u8 ph_both(struct parley_hci *h, const struct parley_hci_link *link)
{
	enum parley_hci_worth model = parley_hci_model(&link->local, &link->remote);

	if (!link->local.sc || !link->remote.sc) {
		if (parley_hci_ask_worth(h, PARLEY_HCI_LE_LEGACY))
			return PH_WHY_REQUIREMENTS;
		/* There, nobody is asked to compare. */
		if (model == PARLEY_HCI_NUMERIC)
			model = PARLEY_HCI_JUST_WORKS;
	}
	if (min(link->local.key, link->remote.key) < PH_KEY &&
	    parley_hci_ask_worth(h, PARLEY_HCI_SHORT_KEY))
		return PH_WHY_KEY_SIZE;
	return parley_hci_ask_worth(h, model) ? PH_WHY_REQUIREMENTS : 0;
}

static u8 ph_public_key(struct parley_hci *h, const u8 *pdu, size_t len)
{
	if (len != PARLEY_HCI_SMP)
		return PH_WHY_PARAMETERS;
	if (!parley_hci_is_debug_key(pdu + 1))
		return 0;
	return parley_hci_ask_worth(h, PARLEY_HCI_DEBUG_KEY) ? PH_WHY_REQUIREMENTS : 0;
}

/* ------------------------------------------------------------ the guest's */

static u8 ph_request_down(struct parley_hci *h, struct parley_hci_link *link, const u8 *pdu,
			  size_t len)
{
	u8 why = PH_WHY_PARAMETERS;

	link->ours = true;
	link->wrong = 0;
	link->remote.known = false;
	if (ph_party(&link->local, pdu, len))
		why = ph_alone(h, &link->local);
	link->step = why ? PARLEY_HCI_IDLE : PARLEY_HCI_ASKED;
	return why;
}

static u8 ph_response_down(struct parley_hci *h, struct parley_hci_link *link,
			   const u8 *pdu, size_t len)
{
	u8 why = link->wrong;

	if (link->step != PARLEY_HCI_ASKED || link->ours)
		why = PH_WHY_UNSPECIFIED;
	else if (!ph_party(&link->local, pdu, len))
		why = PH_WHY_PARAMETERS;
	else if (!why)
		why = ph_both(h, link);
	link->step = why ? PARLEY_HCI_IDLE : PARLEY_HCI_ANSWERED;
	return why;
}

static u8 ph_further_down(struct parley_hci *h, struct parley_hci_link *link, const u8 *pdu,
			  size_t len)
{
	u8 why = link->wrong;

	if (link->step != PARLEY_HCI_ANSWERED)
		why = PH_WHY_UNSPECIFIED;
	else if (!why && pdu[0] == PH_PUBLIC_KEY)
		why = ph_public_key(h, pdu, len);
	if (why)
		link->step = PARLEY_HCI_IDLE;
	return why;
}

/**
 * parley_hci_smp_down() - a PDU of the guest's
 * @h: the filter
 * @link: whose it is
 * @pdu: the PDU
 * @len: how long it is, at least 1
 * @quiet: set to whether the other side need not be told of a refusal
 *
 * Context: any, with what guards the filter.
 * Return: 0 if it may pass, or the reason for which the pairing failed.
 */
u8 parley_hci_smp_down(struct parley_hci *h, struct parley_hci_link *link, const u8 *pdu,
		       size_t len, bool *quiet)
{
	*quiet = pdu[0] == PH_REQUEST;
	switch (pdu[0]) {
	case PH_REQUEST:
		return ph_request_down(h, link, pdu, len);
	case PH_RESPONSE:
		return ph_response_down(h, link, pdu, len);
	case PH_FAILED:
		link->step = PARLEY_HCI_IDLE;
		return 0;
	case PH_CONFIRM ... PH_FAILED - 1:
	case PH_FAILED + 1 ... PH_SIGNING:
	case PH_PUBLIC_KEY ... PH_KEYPRESS:
		return ph_further_down(h, link, pdu, len);
	default:
		/* Security Request; and what receivers have to ignore. */
		return 0;
	}
}

/* -------------------------------------------------------- the other side's */

static void ph_request_up(struct parley_hci_link *link, const u8 *pdu, size_t len)
{
	bool twice = link->step == PARLEY_HCI_ASKED && !link->ours;

	link->wrong = twice ? PH_WHY_UNSPECIFIED : 0;
	link->step = PARLEY_HCI_ASKED;
	link->ours = false;
	if (!ph_party(&link->remote, pdu, len))
		link->wrong = PH_WHY_PARAMETERS;
}

static void ph_response_up(struct parley_hci *h, struct parley_hci_link *link,
			   const u8 *pdu, size_t len)
{
	if (link->step != PARLEY_HCI_ASKED || !link->ours)
		return;
	link->step = PARLEY_HCI_ANSWERED;
	link->wrong = ph_party(&link->remote, pdu, len) ? ph_both(h, link) :
							  PH_WHY_PARAMETERS;
}

/**
 * parley_hci_smp_up() - a PDU of the other side's, which passes
 * @h: the filter
 * @link: whose it is
 * @pdu: the PDU
 * @len: how long it is, at least 1
 *
 * Context: any, with what guards the filter.
 */
void parley_hci_smp_up(struct parley_hci *h, struct parley_hci_link *link, const u8 *pdu,
		       size_t len)
{
	u8 why;

	switch (pdu[0]) {
	case PH_REQUEST:
		ph_request_up(link, pdu, len);
		break;
	case PH_RESPONSE:
		ph_response_up(h, link, pdu, len);
		break;
	case PH_FAILED:
		link->step = PARLEY_HCI_IDLE;
		break;
	case PH_PUBLIC_KEY:
		why = ph_public_key(h, pdu, len);
		link->wrong = link->wrong ?: why;
		break;
	}
}
