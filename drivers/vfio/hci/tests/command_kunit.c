// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands: all that there can be, against what a list here says of each; refusals, and
 * what is changed.
 */
#include <linux/unaligned.h>
#include "bench.h"

#define DENIED_DELETION	"deny baseband delete-stored-link-key status=command-disallowed"

/* What the first policy lets through, whatever its parameters: first and last. */
static const u16 passing[][2] = {
	{ 0x0401, 0x0405 }, { 0x0407, 0x040c }, { 0x040e, 0x0414 }, { 0x0419, 0x042a },
	{ 0x042d, 0x042d }, { 0x042f, 0x042f }, { 0x043d, 0x0444 }, { 0x0801, 0x0811 },
	{ 0x0c05, 0x0c0d }, { 0x0c13, 0x0c30 }, { 0x0c33, 0x0c33 }, { 0x0c36, 0x0c55 },
	{ 0x0c57, 0x0c79 }, { 0x0c7b, 0x0c84 }, { 0x1001, 0x100f }, { 0x1401, 0x140d },
	{ 0x2001, 0x201c }, { 0x2020, 0x2025 }, { 0x2027, 0x2032 }, { 0x2035, 0x204e },
	{ 0x2051, 0x205d }, { 0x205f, 0x207a }, { 0x207c, 0x2094 }, { 0x2097, 0x209d },
};

/* Those whose parameters are looked at: without any they are malformed. */
static const u16 looked_at[] = {
	0x0406, 0x040d, 0x042b, 0x042c, 0x042e, 0x0430, 0x0433, 0x0434, 0x0445, 0x0c01, 0x0c56,
	0x0c7a, 0x1804, 0x2026, 0x205e,
};

static u8 wanted(u16 opcode)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(passing); i++)
		if (opcode >= passing[i][0] && opcode <= passing[i][1])
			return 0;
	for (i = 0; i < ARRAY_SIZE(looked_at); i++)
		if (opcode == looked_at[i])
			return HCI_ERROR_INVALID_PARAMETERS;
	if (opcode == HCI_OP_RESET)
		return 0;
	if (opcode == 0x0c11 || opcode == 0x0c12)
		return HCI_ERROR_COMMAND_DISALLOWED;
	return PARLEY_HCI_UNKNOWN_COMMAND;
}

/* Of groups that there are not, the ends: all are 65536, which takes a minute. */
static bool is_tried(unsigned int opcode)
{
	u16 ogf = hci_opcode_ogf(opcode), ocf = hci_opcode_ocf(opcode);

	return ogf <= 8 || ogf == 0x3f || ocf <= 1 || ocf == 0x3ff;
}

static void every_opcode_has_its_verdict(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	unsigned int opcode, passed = 0;
	u8 status;

	for (opcode = 0; opcode <= U16_MAX; opcode++) {
		if (!is_tried(opcode))
			continue;
		status = wanted(opcode);
		b->h->credits = 1;
		KUNIT_ASSERT_EQ(test, 0, bench_command(b, opcode, NULL, 0));
		passed += b->down.got;
		if (status) {
			bench_expect_status(b, opcode, status);
		} else {
			KUNIT_EXPECT_EQ(test, 1, b->down.got);
			KUNIT_EXPECT_EQ(test, 0, b->up.got);
			bench_clear(b);
		}
	}
	KUNIT_EXPECT_EQ(test, 354, passed);
}

/* Whatever is tried, none of these passes. */
static void no_policy_permits_what_must_never_be(struct kunit *test)
{
	static const char *const never[] = {
		"allow vendor all", "allow vendor 0x0-0x3ff", "rewrite vendor all",
		"allow testing loopback-and-test-mode",
		"allow testing write-simple-pairing-debug-mode",
		"allow testing write-simple-pairing-debug-mode mode=on",
		"allow testing write-secure-connections-test-mode",
		"allow le radio-tests", "allow le radio-tests-of-5.2",
		"allow le generate-dhkey-v2 key=debug", "allow pairing debug-key",
		"allow baseband flow-control-to-host", "allow baseband set-event-mask",
		"allow le 0x0-0x3ff", "allow pairing 0x0-0x7",
	};
	struct parley_policy_error error;
	struct parley_policy *p;
	char text[160];
	unsigned int i;
	int len;

	for (i = 0; i < ARRAY_SIZE(never); i++) {
		len = scnprintf(text, sizeof(text), "language hci\n%s\nend\n", never[i]);
		p = parley_policy_load(&parley_hci_language, text, len, &error);
		KUNIT_EXPECT_TRUE_MSG(test, IS_ERR(p), "%s", never[i]);
		KUNIT_EXPECT_EQ(test, 2, error.line);
		if (!IS_ERR(p))
			parley_policy_put(p);
	}
}

/* Tests of the radio, loops, the vendor's: one by one, in the hands of any policy. */
static void no_policy_permits_a_command_that_must_never_be(struct kunit *test)
{
	static const struct never {
		const char *set;
		u16 ocf;
	} never[] = {
		{ "baseband", 0x31 }, { "baseband", 0x35 }, { "testing", 1 }, { "testing", 2 },
		{ "testing", 3 }, { "testing", 0x0a }, { "le", 0x1d }, { "le", 0x1e },
		{ "le", 0x1f }, { "le", 0x33 }, { "le", 0x34 }, { "le", 0x4f }, { "le", 0x50 },
		{ "le", 0x7b }, { "le", 0x95 }, { "le", 0x96 }, { "vendor", 0 },
		{ "vendor", 0x3ff },
	};
	struct parley_policy_error error;
	struct parley_policy *p;
	unsigned int i;
	char text[160];
	int len;

	for (i = 0; i < ARRAY_SIZE(never); i++) {
		len = scnprintf(text, sizeof(text), "language hci\nallow %s 0x%x\nend\n",
				never[i].set, never[i].ocf);
		p = parley_policy_load(&parley_hci_language, text, len, &error);
		KUNIT_EXPECT_TRUE_MSG(test, IS_ERR(p), "%s", text);
		if (!IS_ERR(p))
			parley_policy_put(p);
	}
	/* So that it is not for the form that they are refused. */
	p = parley_policy_load(&parley_hci_language, "language hci\nallow le 0x94\nend\n",
			       strlen("language hci\nallow le 0x94\nend\n"), &error);
	KUNIT_ASSERT_FALSE(test, IS_ERR(p));
	parley_policy_put(p);
}

/* A host that finds that there is such a command may insist on it. */
static void keys_that_others_keep_are_not_deleted(struct kunit *test)
{
	u8 commands[4 + 64] = { 1, 0x02, 0x10, 0 };
	struct bench *b = bench_new(test, NULL);

	memset(commands + 4, 0xff, 64);
	bench_event(b, HCI_EV_CMD_COMPLETE, commands, sizeof(commands));
	KUNIT_EXPECT_EQ(test, 0x7f, b->up.pkt[0][3 + 4 + 6]);
	KUNIT_EXPECT_EQ(test, 0xff, b->up.pkt[0][3 + 4 + 5]);
	KUNIT_EXPECT_EQ(test, 0xff, b->up.pkt[0][3 + 4 + 7]);
	b = bench_new(test, bench_policy(test, DENIED_DELETION,
					 "allow baseband delete-stored-link-key"));
	bench_event(b, HCI_EV_CMD_COMPLETE, commands, sizeof(commands));
	KUNIT_EXPECT_EQ(test, 0xff, b->up.pkt[0][3 + 4 + 6]);
}

/* Some, as after a time-out; each answer makes good for one, and a credit for all. */
static void who_does_not_wait_for_a_credit_is_refused(struct kunit *test)
{
	u8 busy[] = { 0, 0, 0x01, 0x04 };
	struct bench *b = bench_new(test, NULL);
	unsigned int i;

	for (i = 0; i < PARLEY_HCI_OVER + 1; i++)
		bench_command(b, i & 1 ? 0x0401 : HCI_OP_RESET, NULL, 0);
	KUNIT_EXPECT_EQ(test, PARLEY_HCI_OVER + 1, b->down.got);
	KUNIT_EXPECT_EQ(test, 0, b->up.got);
	bench_clear(b);
	bench_command(b, 0x0401, NULL, 0);
	bench_expect_status(b, 0x0401, HCI_ERROR_COMMAND_DISALLOWED);
	bench_command(b, HCI_OP_RESET, NULL, 0);
	bench_expect_status(b, HCI_OP_RESET, HCI_ERROR_COMMAND_DISALLOWED);
	KUNIT_EXPECT_EQ(test, 2ULL, b->h->count[PARLEY_HCI_NO_ROOM]);
	bench_event(b, HCI_EV_CMD_STATUS, busy, sizeof(busy));
	bench_clear(b);
	for (i = 0; i < 2; i++)
		bench_command(b, 0x0401, NULL, 0);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	bench_clear(b);
	busy[1] = 1;
	bench_event(b, HCI_EV_CMD_STATUS, busy, sizeof(busy));
	bench_clear(b);
	for (i = 0; i < PARLEY_HCI_OVER + 2; i++)
		bench_command(b, 0x0401, NULL, 0);
	KUNIT_EXPECT_EQ(test, PARLEY_HCI_OVER + 1, b->down.got);
}

/* That of the one before, if the controller was slow. */
static void an_answer_to_nobodys_reset_is_not_the_guests(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);

	bench_complete(b, HCI_OP_RESET, 0, false);
	bench_expect_none(b);
	KUNIT_EXPECT_NOT_NULL(test, parley_hci_by_handle(b->h, BENCH_LE));
	bench_command(b, HCI_OP_RESET, NULL, 0);
	KUNIT_EXPECT_EQ(test, 1, b->h->resets);
	bench_clear(b);
	bench_complete(b, HCI_OP_RESET, 0, false);
	KUNIT_EXPECT_EQ(test, 1, b->up.got);
	KUNIT_EXPECT_EQ(test, 0, b->h->resets);
}

struct setting {
	const char *name;
	u16 opcode;
	u8 value;
	u8 status;
};

static const struct setting settings[] = {
	{ "simple pairing on", HCI_OP_WRITE_SSP_MODE, 1, 0 },
	{ "simple pairing off", HCI_OP_WRITE_SSP_MODE, 0, HCI_ERROR_COMMAND_DISALLOWED },
	{ "simple pairing odd", HCI_OP_WRITE_SSP_MODE, 2, HCI_ERROR_COMMAND_DISALLOWED },
	{ "secure connections on", HCI_OP_WRITE_SC_SUPPORT, 1, 0 },
	{ "secure connections off", HCI_OP_WRITE_SC_SUPPORT, 0,
	  HCI_ERROR_COMMAND_DISALLOWED },
	{ "secure connections odd", HCI_OP_WRITE_SC_SUPPORT, 255,
	  HCI_ERROR_COMMAND_DISALLOWED },
	{ "debug mode off", HCI_OP_WRITE_SSP_DEBUG_MODE, 0, 0 },
	{ "debug mode on", HCI_OP_WRITE_SSP_DEBUG_MODE, 1, HCI_ERROR_COMMAND_DISALLOWED },
};

static void setting_name(const struct setting *s, char *name)
{
	strscpy(name, s->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(setting, settings, setting_name);

static void what_makes_pairing_weaker_is_refused(struct kunit *test)
{
	const struct setting *s = test->param_value;
	struct bench *b = bench_new(test, NULL);
	u8 pkt[5] = { HCI_COMMAND_PKT, s->opcode & 0xff, s->opcode >> 8, 1, s->value };

	bench_command(b, s->opcode, &s->value, 1);
	if (s->status)
		bench_expect_status(b, s->opcode, s->status);
	else
		bench_expect(b, true, pkt, sizeof(pkt));
}

static void a_looked_at_command_of_any_other_length_is_malformed(struct kunit *test)
{
	static const u8 right[] = { 3, 23, 9, 6, 10, 38, 6, 7, 70, 8, 1, 1, 1, 64, 65 };
	struct bench *b = bench_new(test, NULL);
	unsigned int i, len;
	u8 param[255] = { };

	for (i = 0; i < ARRAY_SIZE(looked_at); i++) {
		for (len = 0; len <= sizeof(param); len++) {
			if (len == right[i])
				continue;
			bench_command(b, looked_at[i], param, len);
			bench_expect_status(b, looked_at[i], HCI_ERROR_INVALID_PARAMETERS);
		}
	}
}

static void the_debug_key_is_refused(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	u8 key[65] = { 1, 2, 3 };

	bench_command(b, 0x2026, key, 64);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	bench_clear(b);
	bench_command(b, 0x205e, key, 65);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	bench_clear(b);
	key[64] = 1;
	bench_command(b, 0x205e, key, 65);
	bench_expect_status(b, 0x205e, HCI_ERROR_COMMAND_DISALLOWED);
	key[64] = 0;
	memcpy(key, bench_debug_x, sizeof(bench_debug_x));
	bench_command(b, 0x2026, key, 64);
	bench_expect_status(b, 0x2026, HCI_ERROR_PAIRING_NOT_ALLOWED);
	bench_command(b, 0x205e, key, 65);
	bench_expect_status(b, 0x205e, HCI_ERROR_PAIRING_NOT_ALLOWED);
	KUNIT_EXPECT_EQ(test, 2, bench_audit(b, "deny pairing debug-key"));
	KUNIT_EXPECT_EQ(test, 1, bench_audit(b, "deny le generate-dhkey-v2 key=debug"));
}

static void a_pin_is_answered_by_the_negative_reply(struct kunit *test)
{
	static const u8 pin[17] = { 4, '0', '0', '0', '0' };
	struct bench *b = bench_new(test, NULL);

	bench_reply(b, HCI_OP_PIN_CODE_REPLY, pin, sizeof(pin));
	bench_expect_swap(b, HCI_OP_PIN_CODE_REPLY, HCI_OP_PIN_CODE_NEG_REPLY,
			  HCI_ERROR_PAIRING_NOT_ALLOWED);
	/* One that the guest sends itself is its own. */
	bench_reply(b, HCI_OP_PIN_CODE_NEG_REPLY, NULL, 0);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	bench_clear(b);
	bench_complete(b, HCI_OP_PIN_CODE_NEG_REPLY, 0, true);
	bench_expect_status(b, HCI_OP_PIN_CODE_NEG_REPLY, 0);
	KUNIT_EXPECT_EQ(test, 1, bench_audit(b, "deny link-control pin-code-request-reply"));
}

static void a_swap_that_fails_is_a_refusal_as_well(struct kunit *test)
{
	u8 status[] = { PARLEY_HCI_UNKNOWN_COMMAND, 1, 0x0e, 0x04 };
	struct bench *b = bench_new(test, NULL);
	u8 pin[17] = { 4 };

	bench_reply(b, HCI_OP_PIN_CODE_REPLY, pin, sizeof(pin));
	bench_clear(b);
	bench_event(b, HCI_EV_CMD_STATUS, status, sizeof(status));
	bench_expect_status(b, HCI_OP_PIN_CODE_REPLY, HCI_ERROR_PAIRING_NOT_ALLOWED);
	KUNIT_EXPECT_EQ(test, 0, b->h->swaps);
}

static void without_room_for_a_swap_the_guest_is_refused(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	u8 pin[17] = { 4 };
	unsigned int i;

	b->h->credits = PARLEY_HCI_SWAPS;
	for (i = 0; i < PARLEY_HCI_SWAPS; i++)
		bench_reply(b, HCI_OP_PIN_CODE_REPLY, pin, sizeof(pin));
	KUNIT_EXPECT_EQ(test, PARLEY_HCI_SWAPS, b->down.got);
	bench_clear(b);
	bench_reply(b, HCI_OP_PIN_CODE_REPLY, pin, sizeof(pin));
	bench_expect_status(b, HCI_OP_PIN_CODE_REPLY, HCI_ERROR_PAIRING_NOT_ALLOWED);
	for (i = 0; i < PARLEY_HCI_SWAPS; i++) {
		bench_complete(b, HCI_OP_PIN_CODE_NEG_REPLY, 0, true);
		bench_expect_status(b, HCI_OP_PIN_CODE_REPLY,
				    HCI_ERROR_PAIRING_NOT_ALLOWED);
	}
	bench_complete(b, HCI_OP_PIN_CODE_NEG_REPLY, 0, true);
	bench_expect_status(b, HCI_OP_PIN_CODE_NEG_REPLY, 0);
}

/* Credits are told as often as they change, and never more than there are. */
static void a_refusal_costs_no_credit(struct kunit *test)
{
	u8 two[] = { 0, 2, 0x01, 0x04 }, *pkt;
	struct bench *b = bench_new(test, NULL);

	pkt = b->up.pkt[0];
	bench_event(b, HCI_EV_CMD_STATUS, two, sizeof(two));
	bench_clear(b);
	bench_command(b, 0xfc01, NULL, 0);
	KUNIT_EXPECT_EQ(test, 2, pkt[4]);
	bench_clear(b);
	bench_command(b, 0x0401, NULL, 0);
	bench_clear(b);
	bench_command(b, 0xfc01, NULL, 0);
	KUNIT_EXPECT_EQ(test, 1, pkt[4]);
	bench_command(b, 0x0401, NULL, 0);
	bench_command(b, 0x0401, NULL, 0);
	bench_clear(b);
	bench_command(b, 0xfc01, NULL, 0);
	KUNIT_EXPECT_EQ(test, 0, pkt[4]);
}

static void the_events_that_are_needed_cannot_be_masked(struct kunit *test)
{
	static const u8 wanted_mask[8] = { 0x94, 0, 0x80, 0, 0, 0x80, 0x23, 0 };
	struct bench *b = bench_new(test, NULL);
	u8 mask[8] = { };

	bench_command(b, HCI_OP_SET_EVENT_MASK, mask, sizeof(mask));
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	KUNIT_EXPECT_MEMEQ(test, b->down.pkt[0] + 4, wanted_mask, 8);
	bench_clear(b);
	memset(mask, 0xff, sizeof(mask));
	bench_command(b, HCI_OP_SET_EVENT_MASK, mask, sizeof(mask));
	KUNIT_EXPECT_MEMEQ(test, b->down.pkt[0] + 4, mask, 8);
}

static void a_reset_forgets(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);

	b->h->sc = true;
	bench_command(b, HCI_OP_RESET, NULL, 0);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	KUNIT_EXPECT_FALSE(test, b->h->sc);
	KUNIT_EXPECT_NULL(test, parley_hci_by_handle(b->h, BENCH_LE));
}

static void an_event_that_is_too_short_is_dropped(struct kunit *test)
{
	static const u8 least[][2] = {
		{ HCI_EV_CONN_COMPLETE, 11 }, { HCI_EV_DISCONN_COMPLETE, 4 },
		{ HCI_EV_AUTH_COMPLETE, 3 }, { HCI_EV_ENCRYPT_CHANGE, 4 },
		{ HCI_EV_CMD_COMPLETE, 3 }, { HCI_EV_CMD_STATUS, 4 },
		{ HCI_EV_LINK_KEY_NOTIFY, 23 }, { HCI_EV_IO_CAPA_REQUEST, 6 },
		{ HCI_EV_IO_CAPA_REPLY, 9 }, { HCI_EV_SIMPLE_PAIR_COMPLETE, 7 },
		{ HCI_EV_LE_META, 1 },
	};
	struct bench *b = bench_new(test, NULL);
	unsigned int i, len;
	u8 param[255] = { };

	for (i = 0; i < ARRAY_SIZE(least); i++) {
		for (len = 0; len < least[i][1]; len++) {
			bench_event(b, least[i][0], param, len);
			bench_expect_none(b);
		}
	}
	/* Of the kinds of LE, those that make links. */
	param[0] = HCI_EV_LE_ENHANCED_CONN_COMPLETE;
	for (len = 1; len < 12; len++) {
		bench_event(b, HCI_EV_LE_META, param, len);
		bench_expect_none(b);
	}
	bench_event(b, HCI_EV_LE_META, param, 12);
	KUNIT_EXPECT_EQ(test, 1, b->up.got);
	/* What is not looked at may be of any length. */
	bench_event(b, 0x01, param, 0);
	KUNIT_EXPECT_EQ(test, 2, b->up.got);
}

static void who_takes_nothing_is_told_so(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	u8 pin[17] = { 4 };

	b->fail = 1;
	bench_command(b, 0x0401, NULL, 0);
	KUNIT_EXPECT_EQ(test, -ENOBUFS, bench_command(b, 0x0401, NULL, 0));
	KUNIT_EXPECT_EQ(test, -ENOBUFS, bench_command(b, 0xfc00, NULL, 0));
	KUNIT_EXPECT_EQ(test, -ENOBUFS, bench_reply(b, HCI_OP_PIN_CODE_REPLY, pin, 17));
	KUNIT_EXPECT_EQ(test, -ENOBUFS, bench_event(b, 0x01, NULL, 0));
}

static struct kunit_case command_cases[] = {
	KUNIT_CASE_SLOW(every_opcode_has_its_verdict),
	KUNIT_CASE(no_policy_permits_what_must_never_be),
	KUNIT_CASE(no_policy_permits_a_command_that_must_never_be),
	KUNIT_CASE(keys_that_others_keep_are_not_deleted),
	KUNIT_CASE(who_does_not_wait_for_a_credit_is_refused),
	KUNIT_CASE(an_answer_to_nobodys_reset_is_not_the_guests),
	KUNIT_CASE_PARAM(what_makes_pairing_weaker_is_refused, setting_gen_params),
	KUNIT_CASE(a_looked_at_command_of_any_other_length_is_malformed),
	KUNIT_CASE(the_debug_key_is_refused),
	KUNIT_CASE(a_pin_is_answered_by_the_negative_reply),
	KUNIT_CASE(a_swap_that_fails_is_a_refusal_as_well),
	KUNIT_CASE(without_room_for_a_swap_the_guest_is_refused),
	KUNIT_CASE(a_refusal_costs_no_credit),
	KUNIT_CASE(the_events_that_are_needed_cannot_be_masked),
	KUNIT_CASE(a_reset_forgets),
	KUNIT_CASE(an_event_that_is_too_short_is_dropped),
	KUNIT_CASE(who_takes_nothing_is_told_so),
	{}
};

static struct kunit_suite command_suite = {
	.name = "parley_hci_command",
	.test_cases = command_cases,
};

kunit_test_suite(command_suite);
