// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairing over LE: the Security Manager's PDUs, [Vol 3] Part H, 3.
 *
 * A table says what is looked at, in which step, and where it leads.  What has no row is
 * out of turn.
 *
 * Packets wait for the guest to read them, and it may have begun anew by then.  So no
 * answer to a question of the guest's passes but one that is good for it, and nothing bad
 * that follows: the guest reads Pairing Failed in its place.  Of a pairing that the other
 * side began, all that it says passes: the guest has to say something after that, which is
 * refused, and takes the refusal to the other side.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/minmax.h>
#include "hci.h"

#define PH_REQUEST	0x01
#define PH_RESPONSE	0x02
#define PH_CONFIRM	0x03
#define PH_RANDOM	0x04
#define PH_FAILED	0x05
#define PH_SECURITY	0x0b
#define PH_PUBLIC_KEY	0x0c
#define PH_KEYPRESS	0x0e

#define PH_PARTY	7
#define PH_AUTH_MITM	0x04
#define PH_AUTH_SC	0x08
#define PH_KEY		16

/* Who sends it. */
enum ph_way { PH_DOWN = 1, PH_UP = 2, PH_BOTH = 3 };

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

/* By older pairing, data count if both sides have them, and numbers are not compared. */
static enum parley_hci_worth ph_legacy_model(const struct parley_hci_link *link)
{
	struct parley_hci_party local = link->local, remote = link->remote;
	enum parley_hci_worth model;

	local.oob = local.oob && remote.oob;
	remote.oob = false;
	model = parley_hci_model(&local, &remote);
	return model == PARLEY_HCI_NUMERIC ? PARLEY_HCI_JUST_WORKS : model;
}

/* Both have spoken: how it goes on, if it may. */
static u8 ph_both(struct parley_hci *h, struct parley_hci_link *link)
{
	enum parley_hci_worth model = parley_hci_model(&link->local, &link->remote);
	bool sc = link->local.sc && link->remote.sc;

	if (!sc && parley_hci_ask_worth(h, PARLEY_HCI_LE_LEGACY))
		return PH_WHY_REQUIREMENTS;
	if (!sc)
		model = ph_legacy_model(link);
	if (min(link->local.key, link->remote.key) < PH_KEY &&
	    parley_hci_ask_worth(h, PARLEY_HCI_SHORT_KEY))
		return PH_WHY_KEY_SIZE;
	if (parley_hci_ask_worth(h, model))
		return PH_WHY_REQUIREMENTS;
	link->oob = sc && model == PARLEY_HCI_OOB;
	link->keys = 0;
	link->step = sc ? PARLEY_HCI_KEYS : PARLEY_HCI_AGREED;
	return 0;
}

/* ---------------------------------------------------------------- judges */

/* What the guest said before is what an answer may be for that it has not read. */
static u8 ph_request_down(struct parley_hci *h, struct parley_hci_link *link, enum ph_way way,
			  const u8 *pdu, size_t len)
{
	struct parley_hci_party local;
	u8 why;

	link->ours = true;
	link->read = false;
	if (!ph_party(&local, pdu, len))
		return PH_WHY_PARAMETERS;
	why = ph_alone(h, &local);
	if (why)
		return why;
	if (link->untold || (link->unread && memcmp(&local, &link->local, sizeof(local))))
		return PH_WHY_UNSPECIFIED;
	link->local = local;
	link->wrong = 0;
	link->remote.known = false;
	link->step = PARLEY_HCI_OURS;
	return 0;
}

static u8 ph_response_down(struct parley_hci *h, struct parley_hci_link *link, enum ph_way way,
			   const u8 *pdu, size_t len)
{
	if (link->unread)
		return PH_WHY_UNSPECIFIED;
	if (!ph_party(&link->local, pdu, len))
		return PH_WHY_PARAMETERS;
	return ph_both(h, link);
}

static u8 ph_request_up(struct parley_hci *h, struct parley_hci_link *link, enum ph_way way,
			const u8 *pdu, size_t len)
{
	bool twice = link->step == PARLEY_HCI_THEIRS;

	link->ours = false;
	link->step = PARLEY_HCI_THEIRS;
	link->wrong = 0;
	if (!ph_party(&link->remote, pdu, len))
		return PH_WHY_PARAMETERS;
	/* Whichever of his questions the guest answers, it may be the bad one. */
	return twice ? PH_WHY_UNSPECIFIED : 0;
}

static u8 ph_response_up(struct parley_hci *h, struct parley_hci_link *link, enum ph_way way,
			 const u8 *pdu, size_t len)
{
	u8 why = PH_WHY_PARAMETERS;

	if (ph_party(&link->remote, pdu, len))
		why = ph_both(h, link);
	if (!why)
		link->unread += link->unread < U8_MAX;
	return why;
}

/* The first thing that a guest says after an answer shows that it has read one. */
static void ph_has_read(struct parley_hci_link *link, enum ph_way way)
{
	if (way == PH_UP || !link->ours || link->read)
		return;
	link->read = true;
	link->unread -= !!link->unread;
}

static u8 ph_public_key(struct parley_hci *h, struct parley_hci_link *link, enum ph_way way,
			const u8 *pdu, size_t len)
{
	ph_has_read(link, way);
	if (len != PARLEY_HCI_SMP)
		return PH_WHY_PARAMETERS;
	if (parley_hci_is_debug_key(pdu + 1) && parley_hci_ask_worth(h, PARLEY_HCI_DEBUG_KEY))
		return PH_WHY_REQUIREMENTS;
	link->keys |= way;
	if (link->keys == PH_BOTH)
		link->step = PARLEY_HCI_AGREED;
	return 0;
}

/* [Vol 3] Part H, 2.3.5.6.4: with data of another way there is none. */
static u8 ph_confirm(struct parley_hci *h, struct parley_hci_link *link, enum ph_way way,
		     const u8 *pdu, size_t len)
{
	ph_has_read(link, way);
	return link->oob ? PH_WHY_REQUIREMENTS : 0;
}

/* One of another length may end it, or not. */
static u8 ph_failed(struct parley_hci *h, struct parley_hci_link *link, enum ph_way way,
		    const u8 *pdu, size_t len)
{
	if (len != 2)
		return PH_WHY_PARAMETERS;
	link->step = PARLEY_HCI_IDLE;
	link->untold = false;
	return 0;
}

/* ----------------------------------------------------------------- table */

#define PH_ANY		U8_MAX
#define PH_IN(step)	BIT(PARLEY_HCI_##step)

/**
 * struct ph_row - a PDU in its turn
 * @way: who sends it
 * @first: the first of its codes
 * @last: the last
 * @steps: in which it may come
 * @judge: 0, and then the step may be another one; or why it fails.  None: it is good
 */
struct ph_row {
	enum ph_way way;
	u8 first;
	u8 last;
	u8 steps;
	u8 (*judge)(struct parley_hci *h, struct parley_hci_link *link, enum ph_way way,
		    const u8 *pdu, size_t len);
};

static const struct ph_row ph_rows[] = {
	{ PH_DOWN, PH_REQUEST, PH_REQUEST, PH_ANY, ph_request_down },
	{ PH_UP, PH_REQUEST, PH_REQUEST, PH_ANY, ph_request_up },
	{ PH_DOWN, PH_RESPONSE, PH_RESPONSE, PH_IN(THEIRS), ph_response_down },
	{ PH_UP, PH_RESPONSE, PH_RESPONSE, PH_IN(OURS), ph_response_up },
	{ PH_BOTH, PH_FAILED, PH_FAILED, PH_ANY, ph_failed },
	/* Receivers ignore it, or answer by a Request; and what they have to ignore. */
	{ PH_BOTH, PH_SECURITY, PH_SECURITY, PH_ANY },
	{ PH_BOTH, 0, 0, PH_ANY },
	{ PH_BOTH, PH_KEYPRESS + 1, U8_MAX, PH_ANY },
	/* Each key once, and nothing else before both are there. */
	{ PH_BOTH, PH_PUBLIC_KEY, PH_PUBLIC_KEY, PH_IN(KEYS), ph_public_key },
	{ PH_BOTH, PH_CONFIRM, PH_CONFIRM, PH_IN(AGREED), ph_confirm },
	{ PH_BOTH, PH_RANDOM, PH_SECURITY - 1, PH_IN(AGREED) },
	{ PH_BOTH, PH_PUBLIC_KEY + 1, PH_KEYPRESS, PH_IN(AGREED) },
};

static const struct ph_row *ph_row(const struct parley_hci_link *link, enum ph_way way, u8 code)
{
	const struct ph_row *row;

	for (row = ph_rows; row < ph_rows + ARRAY_SIZE(ph_rows); row++)
		if (row->way & way && code >= row->first && code <= row->last &&
		    row->steps & BIT(link->step))
			return row;
	return NULL;
}

static u8 ph_judge(struct parley_hci *h, struct parley_hci_link *link, enum ph_way way,
		   const u8 *pdu, size_t len)
{
	const struct ph_row *row = ph_row(link, way, pdu[0]);

	if (way == PH_DOWN && link->wrong && (!row || row->steps != PH_ANY))
		return link->wrong;
	if (!row)
		return PH_WHY_UNSPECIFIED;
	return row->judge ? row->judge(h, link, way, pdu, len) : 0;
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
	u8 why = ph_judge(h, link, PH_DOWN, pdu, len);

	*quiet = pdu[0] == PH_REQUEST && !link->untold;
	if (why) {
		link->step = PARLEY_HCI_IDLE;
		link->wrong = 0;
		link->untold = false;
	}
	return why;
}

/**
 * parley_hci_smp_up() - a PDU of the other side's
 * @h: the filter
 * @link: whose it is
 * @pdu: the PDU
 * @len: how long it is, at least 1
 *
 * Context: any, with what guards the filter.
 * Return: 0 if it passes; PARLEY_HCI_SMP_DROP; or the reason for which the pairing failed,
 *	of which the guest is told instead.
 */
int parley_hci_smp_up(struct parley_hci *h, struct parley_hci_link *link, const u8 *pdu,
		      size_t len)
{
	bool turn = ph_row(link, PH_UP, pdu[0]);
	u8 why = ph_judge(h, link, PH_UP, pdu, len);

	if (!why)
		return 0;
	if (!turn || pdu[0] == PH_FAILED)
		return PARLEY_HCI_SMP_DROP;
	if (!link->ours) {
		link->wrong = link->wrong ?: why;
		return 0;
	}
	/* The other side hears of it when the guest asks again. */
	link->step = PARLEY_HCI_IDLE;
	link->untold = true;
	return why;
}

/* ---------------------------------------------------------------- BR/EDR */

/**
 * parley_hci_smp_bredr() - a PDU on the channel of BR/EDR, where keys for LE are made
 * @h: the filter
 * @pdu: the PDU
 * @len: how long it is, at least 1
 *
 * The link has a key, and that was judged: what is new is how long those for LE will be.
 *
 * Context: any, with what guards the filter.
 * Return: 0 if it may pass, or the reason for which the pairing failed.
 */
u8 parley_hci_smp_bredr(struct parley_hci *h, const u8 *pdu, size_t len)
{
	struct parley_hci_party party;

	if (pdu[0] != PH_REQUEST && pdu[0] != PH_RESPONSE)
		return 0;
	if (ph_party(&party, pdu, len) && party.key >= PH_KEY)
		return 0;
	return parley_hci_ask_worth(h, PARLEY_HCI_SHORT_KEY) ? PH_WHY_KEY_SIZE : 0;
}
