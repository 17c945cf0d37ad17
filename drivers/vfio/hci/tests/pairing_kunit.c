// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairing over BR/EDR: every model of it, from both sides; and what a key is worth.
 */
#include <linux/unaligned.h>
#include "bench.h"

#define IO(what)	HCI_IO_##what
#define MITM		1

/* [Vol 3] Part C, table 5.7, in words of its own: who can show, say yes, and type. */
static enum parley_hci_worth by_hand(u8 a, u8 b)
{
	bool types_a = a == IO(KEYBOARD_ONLY), types_b = b == IO(KEYBOARD_ONLY);

	if (a == IO(NO_INPUT_OUTPUT) || b == IO(NO_INPUT_OUTPUT))
		return PARLEY_HCI_JUST_WORKS;
	if (a == PARLEY_HCI_IO_BOTH || b == PARLEY_HCI_IO_BOTH) {
		if (a == IO(DISPLAY_YESNO) || b == IO(DISPLAY_YESNO) || a == b)
			return PARLEY_HCI_NUMERIC;
		return PARLEY_HCI_PASSKEY;
	}
	if (types_a || types_b)
		return PARLEY_HCI_PASSKEY;
	return a == IO(DISPLAY_YESNO) && a == b ? PARLEY_HCI_NUMERIC :
						  PARLEY_HCI_JUST_WORKS;
}

static void the_models_are_those_of_the_table(struct kunit *test)
{
	struct parley_hci_party a = { .known = true }, b = { .known = true };
	unsigned int mitm;

	for (a.io = 0; a.io <= PARLEY_HCI_IO_BOTH; a.io++) {
		for (b.io = 0; b.io <= PARLEY_HCI_IO_BOTH; b.io++) {
			for (mitm = 0; mitm < 4; mitm++) {
				a.mitm = mitm & 1;
				b.mitm = mitm & 2;
				KUNIT_EXPECT_EQ(test, parley_hci_model(&a, &b),
						mitm ? by_hand(a.io, b.io) :
						       PARLEY_HCI_JUST_WORKS);
			}
		}
	}
}

static void what_is_not_known_is_worth_nothing(struct kunit *test)
{
	struct parley_hci_party yes = { .known = true, .mitm = true, .io = 1 };
	struct parley_hci_party no = { .mitm = true, .io = 1 };
	struct parley_hci_party odd = { .known = true, .mitm = true, .io = PARLEY_HCI_IOS };
	struct parley_hci_party oob = { .known = true, .oob = true, .io = 3 };

	KUNIT_EXPECT_EQ(test, parley_hci_model(&yes, &yes), PARLEY_HCI_NUMERIC);
	KUNIT_EXPECT_EQ(test, parley_hci_model(&yes, &no), PARLEY_HCI_JUST_WORKS);
	KUNIT_EXPECT_EQ(test, parley_hci_model(&no, &yes), PARLEY_HCI_JUST_WORKS);
	KUNIT_EXPECT_EQ(test, parley_hci_model(&yes, &odd), PARLEY_HCI_JUST_WORKS);
	KUNIT_EXPECT_EQ(test, parley_hci_model(&odd, &yes), PARLEY_HCI_JUST_WORKS);
	odd.io = 255;
	KUNIT_EXPECT_EQ(test, parley_hci_model(&odd, &yes), PARLEY_HCI_JUST_WORKS);
	/* Data that came another way count if the guest has them. */
	KUNIT_EXPECT_EQ(test, parley_hci_model(&oob, &yes), PARLEY_HCI_OOB);
	KUNIT_EXPECT_EQ(test, parley_hci_model(&yes, &oob), PARLEY_HCI_JUST_WORKS);
	KUNIT_EXPECT_EQ(test, parley_hci_model(&oob, &no), PARLEY_HCI_JUST_WORKS);
}

/* ------------------------------------------------------------- pairings */

static void secure(struct bench *b)
{
	u8 on = 1;

	bench_command(b, HCI_OP_WRITE_SC_SUPPORT, &on, 1);
	bench_complete(b, HCI_OP_WRITE_SC_SUPPORT, 0, false);
	KUNIT_EXPECT_TRUE(b->test, b->h->sc);
	bench_clear(b);
}

static void local_says(struct bench *b, u8 io, u8 oob, u8 auth)
{
	u8 rest[] = { io, oob, auth };

	bench_of_addr(b, HCI_EV_IO_CAPA_REQUEST, NULL, 0);
	bench_clear(b);
	bench_reply(b, HCI_OP_IO_CAPABILITY_REPLY, rest, sizeof(rest));
}

static void remote_says(struct bench *b, u8 io, u8 oob, u8 auth)
{
	u8 rest[] = { io, oob, auth };

	bench_of_addr(b, HCI_EV_IO_CAPA_REPLY, rest, sizeof(rest));
	KUNIT_EXPECT_EQ(b->test, 1, b->up.got);
	bench_clear(b);
}

static void expect_passed(struct bench *b)
{
	KUNIT_EXPECT_EQ(b->test, 1, b->down.got);
	KUNIT_EXPECT_EQ(b->test, 0, b->up.got);
	bench_clear(b);
}

static void expect_refused(struct bench *b, u16 asked, u16 sent)
{
	bench_expect_swap(b, asked, sent, HCI_ERROR_PAIRING_NOT_ALLOWED);
}

struct pairing {
	const char *name;
	u8 local;
	u8 local_auth;
	u8 remote;
	u8 remote_auth;
	u16 reply;
	bool good;
};

static const struct pairing pairings[] = {
	{ "numbers compared", IO(DISPLAY_YESNO), MITM, IO(DISPLAY_YESNO), MITM,
	  HCI_OP_USER_CONFIRM_REPLY, true },
	{ "numbers, if the other asks for it", IO(DISPLAY_YESNO), 2, IO(DISPLAY_YESNO), 3,
	  HCI_OP_USER_CONFIRM_REPLY, true },
	{ "passkey typed here", IO(KEYBOARD_ONLY), MITM, IO(DISPLAY_ONLY), 0,
	  HCI_OP_USER_PASSKEY_REPLY, true },
	{ "passkey typed on both", IO(KEYBOARD_ONLY), MITM, IO(KEYBOARD_ONLY), MITM,
	  HCI_OP_USER_PASSKEY_REPLY, true },
	{ "nobody asks for it", IO(DISPLAY_YESNO), 0, IO(DISPLAY_YESNO), 0,
	  HCI_OP_USER_CONFIRM_REPLY, false },
	{ "the other has nothing", IO(DISPLAY_YESNO), MITM, IO(NO_INPUT_OUTPUT), MITM,
	  HCI_OP_USER_CONFIRM_REPLY, false },
	{ "the other only shows", IO(DISPLAY_YESNO), MITM, IO(DISPLAY_ONLY), MITM,
	  HCI_OP_USER_CONFIRM_REPLY, false },
	{ "both only show", IO(DISPLAY_ONLY), MITM, IO(DISPLAY_ONLY), MITM,
	  HCI_OP_USER_CONFIRM_REPLY, false },
	{ "passkey without anybody asking", IO(KEYBOARD_ONLY), 0, IO(DISPLAY_ONLY), 0,
	  HCI_OP_USER_PASSKEY_REPLY, false },
};

static void pairing_name(const struct pairing *p, char *name)
{
	strscpy(name, p->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pairing, pairings, pairing_name);

static u16 negative(u16 reply)
{
	return reply == HCI_OP_USER_CONFIRM_REPLY ? HCI_OP_USER_CONFIRM_NEG_REPLY :
						    HCI_OP_USER_PASSKEY_NEG_REPLY;
}

/* The guest began: it hears of the other side when it has spoken. */
static void a_pairing_that_the_guest_begins(struct kunit *test)
{
	const struct pairing *p = test->param_value;
	struct bench *b = bench_new(test, NULL);
	u8 passkey[4] = { 1, 2, 3 };

	secure(b);
	local_says(b, p->local, 0, p->local_auth);
	expect_passed(b);
	remote_says(b, p->remote, 0, p->remote_auth);
	bench_reply(b, p->reply, passkey, p->reply == HCI_OP_USER_PASSKEY_REPLY ? 4 : 0);
	if (p->good)
		expect_passed(b);
	else
		expect_refused(b, p->reply, negative(p->reply));
}

/* The other one did: then all is known when the guest speaks. */
static void a_pairing_that_the_other_begins(struct kunit *test)
{
	const struct pairing *p = test->param_value;
	struct bench *b = bench_new(test, NULL);

	secure(b);
	remote_says(b, p->remote, 0, p->remote_auth);
	local_says(b, p->local, 0, p->local_auth);
	if (p->good)
		expect_passed(b);
	else
		expect_refused(b, HCI_OP_IO_CAPABILITY_REPLY,
			       HCI_OP_IO_CAPABILITY_NEG_REPLY);
}

static void who_has_nothing_need_not_begin(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);

	secure(b);
	local_says(b, IO(NO_INPUT_OUTPUT), 0, MITM);
	KUNIT_EXPECT_EQ(test, HCI_ERROR_PAIRING_NOT_ALLOWED, b->down.pkt[0][10]);
	expect_refused(b, HCI_OP_IO_CAPABILITY_REPLY, HCI_OP_IO_CAPABILITY_NEG_REPLY);
	KUNIT_EXPECT_EQ(test, 1, bench_audit(b, "deny pairing just-works"));
}

static void without_secure_connections_there_is_no_pairing(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	u8 on = 1;

	local_says(b, IO(DISPLAY_YESNO), 0, MITM);
	expect_refused(b, HCI_OP_IO_CAPABILITY_REPLY, HCI_OP_IO_CAPABILITY_NEG_REPLY);
	/* That it was asked for does not do, if the controller did not agree. */
	bench_command(b, HCI_OP_WRITE_SC_SUPPORT, &on, 1);
	bench_complete(b, HCI_OP_WRITE_SC_SUPPORT, HCI_ERROR_COMMAND_DISALLOWED, false);
	bench_clear(b);
	local_says(b, IO(DISPLAY_YESNO), 0, MITM);
	expect_refused(b, HCI_OP_IO_CAPABILITY_REPLY, HCI_OP_IO_CAPABILITY_NEG_REPLY);
	secure(b);
	local_says(b, IO(DISPLAY_YESNO), 0, MITM);
	expect_passed(b);
	KUNIT_EXPECT_EQ(test, 2, bench_audit(b, "deny pairing p-192"));
}

static void what_was_said_before_does_not_count(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	u8 failed[7] = { HCI_ERROR_AUTH_FAILURE };

	secure(b);
	remote_says(b, IO(DISPLAY_YESNO), 0, MITM);
	local_says(b, IO(DISPLAY_YESNO), 0, MITM);
	expect_passed(b);
	memcpy(failed + 1, bench_addr, 6);
	bench_event(b, HCI_EV_SIMPLE_PAIR_COMPLETE, failed, sizeof(failed));
	bench_of_addr(b, HCI_EV_IO_CAPA_REQUEST, NULL, 0);
	bench_clear(b);
	bench_reply(b, HCI_OP_USER_CONFIRM_REPLY, NULL, 0);
	expect_refused(b, HCI_OP_USER_CONFIRM_REPLY, HCI_OP_USER_CONFIRM_NEG_REPLY);
}

static void nobody_pairs_without_a_link(struct kunit *test)
{
	static const u8 gone[] = { 0, BENCH_BREDR, 0, 0x13 };
	struct bench *b = bench_new(test, NULL);

	secure(b);
	bench_event(b, HCI_EV_DISCONN_COMPLETE, gone, sizeof(gone));
	bench_clear(b);
	local_says(b, IO(DISPLAY_YESNO), 0, MITM);
	bench_expect_swap(b, HCI_OP_IO_CAPABILITY_REPLY, HCI_OP_IO_CAPABILITY_NEG_REPLY,
			  HCI_ERROR_UNKNOWN_CONN_ID);
}

static void data_of_another_way_count_if_they_come(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	u8 data[64] = { };

	secure(b);
	/* Of P-192 only. */
	local_says(b, IO(NO_INPUT_OUTPUT), 1, MITM);
	expect_refused(b, HCI_OP_IO_CAPABILITY_REPLY, HCI_OP_IO_CAPABILITY_NEG_REPLY);
	local_says(b, IO(NO_INPUT_OUTPUT), 2, MITM);
	expect_passed(b);
	remote_says(b, IO(NO_INPUT_OUTPUT), 0, 0);
	bench_reply(b, HCI_OP_REMOTE_OOB_DATA_REPLY, data, 32);
	expect_refused(b, HCI_OP_REMOTE_OOB_DATA_REPLY, HCI_OP_REMOTE_OOB_DATA_NEG_REPLY);
	/* Since then it has none, and what is left is nothing. */
	bench_reply(b, HCI_OP_USER_CONFIRM_REPLY, NULL, 0);
	expect_refused(b, HCI_OP_USER_CONFIRM_REPLY, HCI_OP_USER_CONFIRM_NEG_REPLY);

	local_says(b, IO(NO_INPUT_OUTPUT), 3, MITM);
	expect_passed(b);
	data[0] = 1;
	bench_reply(b, HCI_OP_REMOTE_OOB_EXT_DATA_REPLY, data, 64);
	expect_refused(b, HCI_OP_REMOTE_OOB_EXT_DATA_REPLY,
		       HCI_OP_REMOTE_OOB_DATA_NEG_REPLY);
	local_says(b, IO(NO_INPUT_OUTPUT), 3, MITM);
	expect_passed(b);
	data[32] = 1;
	bench_reply(b, HCI_OP_REMOTE_OOB_EXT_DATA_REPLY, data, 64);
	expect_passed(b);
	/* Who says in the end that he has none is not believed any more. */
	bench_reply(b, HCI_OP_REMOTE_OOB_DATA_NEG_REPLY, NULL, 0);
	expect_passed(b);
	bench_reply(b, HCI_OP_USER_CONFIRM_REPLY, NULL, 0);
	expect_refused(b, HCI_OP_USER_CONFIRM_REPLY, HCI_OP_USER_CONFIRM_NEG_REPLY);
}

/* The controller goes by what it got when it asked. */
static void what_is_said_again_does_not_count(struct kunit *test)
{
	u8 better[] = { IO(NO_INPUT_OUTPUT), 2, MITM };
	struct bench *b = bench_new(test, NULL);

	secure(b);
	local_says(b, IO(DISPLAY_YESNO), 0, MITM);
	expect_passed(b);
	remote_says(b, IO(NO_INPUT_OUTPUT), 0, 0);
	bench_reply(b, HCI_OP_IO_CAPABILITY_REPLY, better, sizeof(better));
	bench_expect_status(b, HCI_OP_IO_CAPABILITY_REPLY, HCI_ERROR_COMMAND_DISALLOWED);
	bench_reply(b, HCI_OP_USER_CONFIRM_REPLY, NULL, 0);
	expect_refused(b, HCI_OP_USER_CONFIRM_REPLY, HCI_OP_USER_CONFIRM_NEG_REPLY);
	/* Nor does what the controller did not get. */
	local_says(b, IO(DISPLAY_YESNO), 0, MITM);
	expect_refused(b, HCI_OP_IO_CAPABILITY_REPLY, HCI_OP_IO_CAPABILITY_NEG_REPLY);
	remote_says(b, IO(DISPLAY_YESNO), 0, MITM);
	bench_reply(b, HCI_OP_USER_CONFIRM_REPLY, NULL, 0);
	expect_refused(b, HCI_OP_USER_CONFIRM_REPLY, HCI_OP_USER_CONFIRM_NEG_REPLY);
	bench_reply(b, HCI_OP_IO_CAPABILITY_REPLY, better, sizeof(better));
	bench_expect_status(b, HCI_OP_IO_CAPABILITY_REPLY, HCI_ERROR_COMMAND_DISALLOWED);
}

/* Where only data of another way are permitted, a guest that has some compares nothing. */
static void what_is_asked_for_shows_what_it_is(struct kunit *test)
{
	struct bench *b = bench_new(test, bench_policy(test, "allow pairing numeric-comparison",
						       "deny pairing numeric-comparison"));
	u8 passkey[4] = { };

	secure(b);
	local_says(b, IO(DISPLAY_YESNO), 2, MITM);
	expect_passed(b);
	remote_says(b, IO(DISPLAY_YESNO), 0, MITM);
	bench_reply(b, HCI_OP_USER_CONFIRM_REPLY, NULL, 0);
	expect_refused(b, HCI_OP_USER_CONFIRM_REPLY, HCI_OP_USER_CONFIRM_NEG_REPLY);
	bench_reply(b, HCI_OP_USER_PASSKEY_REPLY, passkey, sizeof(passkey));
	expect_refused(b, HCI_OP_USER_PASSKEY_REPLY, HCI_OP_USER_PASSKEY_NEG_REPLY);
}

static void another_policy_lets_it_pass(struct kunit *test)
{
	struct bench *b = bench_new(test, bench_policy(test, "deny pairing just-works",
						       "allow pairing just-works"));

	secure(b);
	local_says(b, IO(NO_INPUT_OUTPUT), 0, 0);
	expect_passed(b);
	remote_says(b, IO(NO_INPUT_OUTPUT), 0, 0);
	bench_reply(b, HCI_OP_USER_CONFIRM_REPLY, NULL, 0);
	expect_passed(b);
}

/* ----------------------------------------------------------------- keys */

/* Both sides have shown what makes it sure: only the controller's word is different. */
static void a_key_of_any_other_kind_is_withheld(struct kunit *test)
{
	unsigned int type;
	struct bench *b;

	for (type = 0; type < 256; type += type < 16 ? 1 : 24) {
		b = bench_new(test, NULL);
		secure(b);
		remote_says(b, IO(DISPLAY_YESNO), 0, MITM);
		local_says(b, IO(DISPLAY_YESNO), 0, MITM);
		bench_clear(b);
		b->h->credits = 1;
		bench_key(b, type);
		if (type == HCI_LK_AUTH_COMBINATION_P256)
			KUNIT_EXPECT_EQ(test, 1, b->up.got);
		else
			bench_expect_cut(b);
	}
}

static void a_key_without_a_pairing_is_withheld(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);

	bench_key(b, HCI_LK_AUTH_COMBINATION_P256);
	bench_expect_cut(b);
}

static const struct used {
	const char *name;
	u8 event;
	u8 len;
} useds[] = {
	{ "encryption", HCI_EV_ENCRYPT_CHANGE, 4 },
	{ "encryption, with its size", 0x59, 5 },
	{ "key refreshed", HCI_EV_KEY_REFRESH_COMPLETE, 3 },
};

static void used_name(const struct used *used, char *name)
{
	strscpy(name, used->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(used, useds, used_name);

static struct bench *paired(struct kunit *test, u8 status)
{
	struct bench *b = bench_new(test, NULL);
	u8 over[7] = { status };

	secure(b);
	remote_says(b, IO(DISPLAY_YESNO), 0, MITM);
	local_says(b, IO(DISPLAY_YESNO), 0, MITM);
	memcpy(over + 1, bench_addr, 6);
	bench_event(b, HCI_EV_SIMPLE_PAIR_COMPLETE, over, sizeof(over));
	b->h->credits = 1;
	bench_clear(b);
	return b;
}

/* The event that has the key was lost: it may be any. */
static void a_key_that_was_not_seen_is_not_used(struct kunit *test)
{
	const struct used *used = test->param_value;
	u8 on[] = { 0, BENCH_BREDR, 0, 1, 16 };
	struct bench *b = paired(test, 0);

	bench_event(b, used->event, on, used->len);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	KUNIT_EXPECT_EQ(test, HCI_OP_DISCONNECT, get_unaligned_le16(b->down.pkt[0] + 1));
	KUNIT_EXPECT_EQ(test, HCI_ERROR_AUTH_FAILURE, b->up.pkt[0][3]);
	KUNIT_EXPECT_EQ(test, 1ULL, b->h->count[PARLEY_HCI_CUTS]);
	b = paired(test, 0);
	bench_key(b, HCI_LK_AUTH_COMBINATION_P256);
	bench_clear(b);
	bench_event(b, used->event, on, used->len);
	KUNIT_EXPECT_EQ(test, 0, b->down.got);
	KUNIT_EXPECT_EQ(test, 0, b->up.pkt[0][3]);
	/* One that failed leaves the key that there was. */
	b = paired(test, HCI_ERROR_AUTH_FAILURE);
	bench_event(b, used->event, on, used->len);
	KUNIT_EXPECT_EQ(test, 0, b->down.got);
	KUNIT_EXPECT_EQ(test, 0, b->up.pkt[0][3]);
}

static struct kunit_case pairing_cases[] = {
	KUNIT_CASE(the_models_are_those_of_the_table),
	KUNIT_CASE(what_is_not_known_is_worth_nothing),
	KUNIT_CASE_PARAM(a_pairing_that_the_guest_begins, pairing_gen_params),
	KUNIT_CASE_PARAM(a_pairing_that_the_other_begins, pairing_gen_params),
	KUNIT_CASE(who_has_nothing_need_not_begin),
	KUNIT_CASE(without_secure_connections_there_is_no_pairing),
	KUNIT_CASE(what_was_said_before_does_not_count),
	KUNIT_CASE(nobody_pairs_without_a_link),
	KUNIT_CASE(data_of_another_way_count_if_they_come),
	KUNIT_CASE(what_is_said_again_does_not_count),
	KUNIT_CASE(what_is_asked_for_shows_what_it_is),
	KUNIT_CASE(another_policy_lets_it_pass),
	KUNIT_CASE(a_key_of_any_other_kind_is_withheld),
	KUNIT_CASE(a_key_without_a_pairing_is_withheld),
	KUNIT_CASE_PARAM(a_key_that_was_not_seen_is_not_used, used_gen_params),
	{}
};

static struct kunit_suite pairing_suite = {
	.name = "parley_hci_pairing",
	.test_cases = pairing_cases,
};

kunit_test_suite(pairing_suite);
