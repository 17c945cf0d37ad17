// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a pairing will be worth: whom the two sides can be sure of, and whether somebody
 * who listens can compute the key.
 */
#include <linux/string.h>
#include "hci.h"

/* Only these two can be asked of a key that changes or has no pairing of ours. */
#define PH_OCF_PIN_REPLY	(HCI_OP_PIN_CODE_REPLY & 0x3ff)
#define PH_OCF_CHANGE_KEY	0x15

/* What the policy says: 0, or the status of its denial. */
u8 parley_hci_ask(struct parley_hci *h, unsigned int set, u32 op, u32 field)
{
	struct parley_policy_key key = { .set = set, .op = op, .field = field };
	struct parley_policy_answer answer = parley_policy_ask(h->policy, h->name, &key);

	return answer.verdict == PARLEY_DENY ? answer.status : 0;
}

u8 parley_hci_ask_worth(struct parley_hci *h, enum parley_hci_worth worth)
{
	return parley_hci_ask(h, PARLEY_HCI_PAIRING, worth, 0);
}

#define JW	PARLEY_HCI_JUST_WORKS
#define NC	PARLEY_HCI_NUMERIC
#define PK	PARLEY_HCI_PASSKEY

/*
 * [Vol 3] Part H, table 2.8, for Secure Connections; Part C, table 5.7, says the same
 * of BR/EDR.  Where numbers are shown, and one side cannot say no, it is Just Works.
 */
static const u8 ph_model[PARLEY_HCI_IOS][PARLEY_HCI_IOS] = {
	[HCI_IO_DISPLAY_ONLY]	 = { JW, JW, PK, JW, PK },
	[HCI_IO_DISPLAY_YESNO]	 = { JW, NC, PK, JW, NC },
	[HCI_IO_KEYBOARD_ONLY]	 = { PK, PK, PK, JW, PK },
	[HCI_IO_NO_INPUT_OUTPUT] = { JW, JW, JW, JW, JW },
	[PARLEY_HCI_IO_BOTH]	 = { PK, NC, PK, JW, NC },
};

/**
 * parley_hci_model() - how two sides make sure of each other
 * @local: the guest's
 * @remote: the other
 *
 * What came another way counts if the guest has it: that only the other has some, only
 * the other can know.
 *
 * Context: any.
 * Return: Just Works, if a side has not said what it is.
 */
enum parley_hci_worth parley_hci_model(const struct parley_hci_party *local,
				       const struct parley_hci_party *remote)
{
	if (!local->known || !remote->known)
		return PARLEY_HCI_JUST_WORKS;
	if (local->oob)
		return PARLEY_HCI_OOB;
	if (remote->oob || (!local->mitm && !remote->mitm) ||
	    local->io >= PARLEY_HCI_IOS || remote->io >= PARLEY_HCI_IOS)
		return PARLEY_HCI_JUST_WORKS;
	return ph_model[local->io][remote->io];
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_model);

/**
 * parley_hci_key() - whether a key may be used that a controller made
 * @h: the filter
 * @link: for which link
 * @type: what the controller says of it, [Vol 4] Part E, 7.7.24
 *
 * Context: any.
 * Return: 0, or why not.
 */
u8 parley_hci_key(struct parley_hci *h, const struct parley_hci_link *link, u8 type)
{
	enum parley_hci_worth model = parley_hci_model(&link->local, &link->remote);

	switch (type) {
	case HCI_LK_COMBINATION:
	case HCI_LK_LOCAL_UNIT:
	case HCI_LK_REMOTE_UNIT:
		return parley_hci_ask(h, PARLEY_HCI_LINK_CONTROL, PH_OCF_PIN_REPLY, 0);
	case HCI_LK_CHANGED_COMBINATION:
		return parley_hci_ask(h, PARLEY_HCI_LINK_CONTROL, PH_OCF_CHANGE_KEY, 0);
	case HCI_LK_DEBUG_COMBINATION:
		return parley_hci_ask_worth(h, PARLEY_HCI_DEBUG_KEY);
	case HCI_LK_UNAUTH_COMBINATION_P192:
		return parley_hci_ask_worth(h, PARLEY_HCI_P192) ?:
		       parley_hci_ask_worth(h, PARLEY_HCI_JUST_WORKS);
	case HCI_LK_AUTH_COMBINATION_P192:
		return parley_hci_ask_worth(h, PARLEY_HCI_P192) ?:
		       parley_hci_ask_worth(h, model);
	case HCI_LK_UNAUTH_COMBINATION_P256:
		return parley_hci_ask_worth(h, PARLEY_HCI_JUST_WORKS);
	case HCI_LK_AUTH_COMBINATION_P256:
		return parley_hci_ask_worth(h, model);
	default:
		return HCI_ERROR_PAIRING_NOT_ALLOWED;
	}
}

/*
 * [Vol 3] Part H, 2.3.5.6.1, least byte first: everybody knows the other half of this
 * one.  The second coordinate is not looked at: that of either sign is as well known.
 */
static const u8 ph_debug_x[32] = {
	0xe6, 0x9d, 0x35, 0x0e, 0x48, 0x01, 0x03, 0xcc, 0xdb, 0xfd, 0xf4, 0xac, 0x11, 0x91,
	0xf4, 0xef, 0xb9, 0xa5, 0xf9, 0xe9, 0xa7, 0x83, 0x2c, 0x5e, 0x2c, 0xbe, 0x97, 0xf2,
	0xd2, 0x03, 0xb0, 0x20,
};

bool parley_hci_is_debug_key(const u8 *x)
{
	return !memcmp(x, ph_debug_x, sizeof(ph_debug_x));
}
