// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairing over LE: every way that is sure passes to its end, every other one ends with
 * the guest's next PDU.
 */
#include "bench.h"

#define REQUEST		1
#define RESPONSE	2
#define CONFIRM		3
#define RANDOM		4
#define FAILED		5
#define SECURITY	0x0b
#define PUBLIC_KEY	0x0c
#define DHKEY_CHECK	0x0d

#define MITM		0x04
#define SC		0x08
#define BONDING		0x01

#define REQUIREMENTS	3
#define KEY_SIZE	6
#define UNSPECIFIED	8
#define PARAMETERS	0x0a

/**
 * struct side - what one says in a Pairing Request or Response
 * @io: what it can show, and read
 * @oob: it has data of the other's
 * @auth: what it asks for
 * @key: bytes of the key
 */
struct side {
	u8 io;
	u8 oob;
	u8 auth;
	u8 key;
};

struct pairing {
	const char *name;
	struct side guest;
	struct side other;
	u8 why;
};

static const struct pairing pairings[] = {
	{ "numbers compared", { 1, 0, MITM | SC, 16 }, { 1, 0, MITM | SC, 16 }, 0 },
	{ "numbers, keyboards", { 4, 0, MITM | SC | BONDING, 16 }, { 4, 0, SC, 16 }, 0 },
	{ "the other asks for it", { 1, 0, SC, 16 }, { 4, 0, MITM | SC, 16 }, 0 },
	{ "passkey typed here", { 2, 0, MITM | SC, 16 }, { 0, 0, SC, 16 }, 0 },
	{ "passkey typed there", { 0, 0, MITM | SC, 16 }, { 2, 0, SC, 16 }, 0 },
	{ "data of another way", { 3, 1, SC, 16 }, { 3, 0, SC, 16 }, 0 },
	{ "bits that are reserved", { 1, 0, 0xe0 | MITM | SC, 16 }, { 1, 0, SC, 16 }, 0 },
	{ "nobody asks for it", { 1, 0, SC, 16 }, { 1, 0, SC, 16 }, REQUIREMENTS },
	{ "the guest has nothing", { 3, 0, MITM | SC, 16 }, { 1, 0, SC, 16 }, REQUIREMENTS },
	{ "the other has nothing", { 1, 0, MITM | SC, 16 }, { 3, 0, SC, 16 }, REQUIREMENTS },
	{ "both only show", { 0, 0, MITM | SC, 16 }, { 0, 0, SC, 16 }, REQUIREMENTS },
	{ "one cannot say no", { 1, 0, MITM | SC, 16 }, { 0, 0, SC, 16 }, REQUIREMENTS },
	{ "the guest is old", { 1, 0, MITM, 16 }, { 1, 0, MITM | SC, 16 }, REQUIREMENTS },
	{ "the other is old", { 1, 0, MITM | SC, 16 }, { 1, 0, MITM, 16 }, REQUIREMENTS },
	{ "old, with a passkey", { 2, 0, MITM, 16 }, { 0, 0, MITM, 16 }, REQUIREMENTS },
	{ "only the other has data", { 1, 0, SC, 16 }, { 1, 1, SC, 16 }, REQUIREMENTS },
	{ "data that are reserved", { 3, 2, SC, 16 }, { 3, 0, SC, 16 }, REQUIREMENTS },
	{ "a short key here", { 1, 0, MITM | SC, 15 }, { 1, 0, SC, 16 }, KEY_SIZE },
	{ "a short key there", { 1, 0, MITM | SC, 16 }, { 1, 0, SC, 7 }, KEY_SIZE },
	{ "a thing that there is not", { 1, 0, MITM | SC, 16 }, { 5, 0, SC, 16 },
	  REQUIREMENTS },
};

static void pairing_name(const struct pairing *p, char *name)
{
	strscpy(name, p->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pairing, pairings, pairing_name);

static void says(struct bench *b, bool down, u8 code, const struct side *s)
{
	u8 pdu[] = { code, s->io, s->oob, s->auth, s->key, 3, 3 };

	bench_smp(b, down, pdu, sizeof(pdu));
}

static void expect_said(struct bench *b, bool down, u8 code, const struct side *s)
{
	u8 pdu[] = { code, s->io, s->oob, s->auth, s->key, 3, 3 };

	bench_expect_smp(b, down, pdu, sizeof(pdu));
}

/* In the place of what the other side said. */
static void expect_told(struct bench *b, u8 why)
{
	u8 failed[] = { FAILED, why };

	bench_expect_smp(b, false, failed, sizeof(failed));
}

/* The rest of a pairing, as far as it can be told from here. */
static void goes_on(struct bench *b, bool guest_first)
{
	u8 key[65] = { PUBLIC_KEY, 1, 2, 3 }, check[17] = { DHKEY_CHECK };
	unsigned int i;
	bool down;

	for (i = 0; i < 4; i++) {
		down = guest_first == !(i & 1);
		bench_smp(b, down, i < 2 ? key : check, i < 2 ? sizeof(key) : sizeof(check));
		bench_expect_smp(b, down, i < 2 ? key : check,
				 i < 2 ? sizeof(key) : sizeof(check));
	}
}

static void a_pairing_that_the_guest_begins(struct kunit *test)
{
	const struct pairing *p = test->param_value;
	struct bench *b = bench_new(test, NULL);
	u8 key[65] = { PUBLIC_KEY, 1, 2, 3 };

	says(b, true, REQUEST, &p->guest);
	if (p->why && !b->down.got) {
		/* It was enough to hear the guest: the other never does. */
		bench_expect_failed(b, p->why, true);
		return;
	}
	expect_said(b, true, REQUEST, &p->guest);
	says(b, false, RESPONSE, &p->other);
	if (!p->why) {
		expect_said(b, false, RESPONSE, &p->other);
		goes_on(b, true);
		return;
	}
	expect_told(b, p->why);
	/* And it stays so, until there is another one. */
	bench_smp(b, true, key, sizeof(key));
	bench_expect_failed(b, UNSPECIFIED, false);
	bench_smp(b, true, key, sizeof(key));
	bench_expect_failed(b, UNSPECIFIED, false);
}

static void a_pairing_that_the_other_begins(struct kunit *test)
{
	const struct pairing *p = test->param_value;
	struct bench *b = bench_new(test, NULL);

	says(b, false, REQUEST, &p->other);
	expect_said(b, false, REQUEST, &p->other);
	says(b, true, RESPONSE, &p->guest);
	if (p->why) {
		bench_expect_failed(b, p->why, false);
		return;
	}
	expect_said(b, true, RESPONSE, &p->guest);
	goes_on(b, false);
}

static const struct side good = { 1, 0, MITM | SC, 16 };
static const struct side bad = { 3, 0, SC, 16 };

static void the_debug_key_ends_it(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	u8 key[65] = { PUBLIC_KEY }, confirm[17] = { CONFIRM };

	/* The guest's. */
	memcpy(key + 1, bench_debug_x, sizeof(bench_debug_x));
	says(b, true, REQUEST, &good);
	says(b, false, RESPONSE, &good);
	bench_clear(b);
	bench_smp(b, true, key, sizeof(key));
	bench_expect_failed(b, REQUIREMENTS, false);
	/* The other's, which the guest has to answer. */
	says(b, false, REQUEST, &good);
	says(b, true, RESPONSE, &good);
	bench_clear(b);
	bench_smp(b, false, key, sizeof(key));
	bench_expect_smp(b, false, key, sizeof(key));
	bench_smp(b, true, confirm, sizeof(confirm));
	bench_expect_failed(b, REQUIREMENTS, false);
	KUNIT_EXPECT_EQ(test, 2, bench_audit(b, "deny pairing debug-key"));
	/* A key of another length is none. */
	says(b, false, REQUEST, &good);
	says(b, true, RESPONSE, &good);
	bench_clear(b);
	bench_smp(b, false, key, 64);
	bench_clear(b);
	bench_smp(b, true, confirm, sizeof(confirm));
	bench_expect_failed(b, PARAMETERS, false);
}

/* Whichever of the two the guest means, it may be the bad one. */
static void who_asks_twice_is_refused(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);

	says(b, false, REQUEST, &bad);
	says(b, false, REQUEST, &good);
	bench_clear(b);
	says(b, true, RESPONSE, &good);
	bench_expect_failed(b, UNSPECIFIED, false);
	/* After that he may ask again. */
	says(b, false, REQUEST, &good);
	bench_clear(b);
	says(b, true, RESPONSE, &good);
	expect_said(b, true, RESPONSE, &good);
}

static void who_answers_twice_said_the_first(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	u8 confirm[17] = { CONFIRM };

	says(b, true, REQUEST, &good);
	bench_clear(b);
	says(b, false, RESPONSE, &bad);
	expect_told(b, REQUIREMENTS);
	says(b, false, RESPONSE, &good);
	bench_expect_none(b);
	bench_smp(b, true, confirm, sizeof(confirm));
	bench_expect_failed(b, UNSPECIFIED, false);
	/* Nor does a question in the middle make it good. */
	says(b, true, REQUEST, &good);
	says(b, false, RESPONSE, &bad);
	says(b, false, REQUEST, &good);
	bench_clear(b);
	bench_smp(b, true, confirm, sizeof(confirm));
	bench_expect_failed(b, UNSPECIFIED, false);
}

static void asks(struct bench *b, const struct side *s)
{
	says(b, true, REQUEST, s);
	expect_said(b, true, REQUEST, s);
}

/*
 * The guest may ask anew before it has read what is there for it: so no answer that is not
 * good for what it asked is there, nor one that nobody asked for.
 */
static void no_bad_answer_waits_for_the_next_question(struct kunit *test)
{
	u8 failed[] = { FAILED, 8, 0 }, key[65] = { PUBLIC_KEY };
	struct bench *b = bench_new(test, NULL);

	says(b, false, RESPONSE, &bad);
	bench_expect_none(b);
	says(b, false, RESPONSE, &good);
	bench_expect_none(b);
	asks(b, &good);
	/* Which does not end it in every receiver: in this one neither. */
	bench_smp(b, false, failed, 3);
	bench_expect_none(b);
	bench_smp(b, false, failed, 1);
	bench_expect_none(b);
	says(b, false, RESPONSE, &bad);
	expect_told(b, REQUIREMENTS);
	/* The other side, which waits for more, is told instead of being asked again. */
	says(b, true, REQUEST, &good);
	bench_expect_failed(b, UNSPECIFIED, false);
	asks(b, &good);
	says(b, false, RESPONSE, &good);
	expect_said(b, false, RESPONSE, &good);
	says(b, false, RESPONSE, &bad);
	bench_expect_none(b);
	/* What follows an answer is the same. */
	memcpy(key + 1, bench_debug_x, sizeof(bench_debug_x));
	bench_smp(b, false, key, sizeof(key));
	expect_told(b, REQUIREMENTS);
	bench_smp(b, true, failed, 2);
	bench_clear(b);
	asks(b, &good);
}

/* An answer that is good for one question may not be for the next. */
static void who_asks_differently_may_read_an_old_answer(struct kunit *test)
{
	static const struct side shows = { 0, 0, MITM | SC, 16 }, types = { 2, 0, MITM | SC, 16 };
	struct bench *b = bench_new(test, NULL);
	u8 key[65] = { PUBLIC_KEY, 1 };

	asks(b, &good);
	says(b, false, RESPONSE, &good);
	expect_said(b, false, RESPONSE, &good);
	says(b, true, REQUEST, &shows);
	bench_expect_failed(b, UNSPECIFIED, true);
	asks(b, &good);
	says(b, false, RESPONSE, &types);
	expect_said(b, false, RESPONSE, &types);
	/* It has read one of the two. */
	bench_smp(b, true, key, sizeof(key));
	bench_expect_smp(b, true, key, sizeof(key));
	says(b, true, REQUEST, &shows);
	bench_expect_failed(b, UNSPECIFIED, true);
	/* Who has read all may ask what he likes. */
	b = bench_new(test, NULL);
	asks(b, &good);
	says(b, false, RESPONSE, &good);
	bench_clear(b);
	bench_smp(b, true, key, sizeof(key));
	bench_expect_smp(b, true, key, sizeof(key));
	asks(b, &shows);
}

/* ------------------------------------------------------------------ order */

static struct bench *agreed(struct kunit *test, bool guest_first, const struct side *guest,
			    const char *policy)
{
	static const struct side other = { 1, 0, MITM | SC, 16 };
	struct bench *b = bench_new(test, policy);

	says(b, guest_first, REQUEST, guest_first ? guest : &other);
	says(b, !guest_first, RESPONSE, guest_first ? &other : guest);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	KUNIT_EXPECT_EQ(test, 1, b->up.got);
	bench_clear(b);
	return b;
}

static void passes(struct bench *b, bool down, u8 code)
{
	u8 pdu[65] = { code, 9 };
	size_t len = code == PUBLIC_KEY ? 65 : 17;

	bench_smp(b, down, pdu, len);
	bench_expect_smp(b, down, pdu, len);
}

/* An honest side that sees one before may take it for older pairing. */
static void nothing_comes_before_both_keys(struct kunit *test)
{
	static const u8 codes[] = { CONFIRM, RANDOM, 6, 7, 8, 9, 10, DHKEY_CHECK, 0x0e };
	unsigned int i, first;
	struct bench *b;
	u8 pdu[17] = { };

	for (i = 0; i < 2 * ARRAY_SIZE(codes); i++) {
		first = i & 1;
		pdu[0] = codes[i / 2];
		b = agreed(test, first, &good, NULL);
		bench_smp(b, true, pdu, sizeof(pdu));
		bench_expect_failed(b, UNSPECIFIED, false);
		b = agreed(test, first, &good, NULL);
		passes(b, true, PUBLIC_KEY);
		bench_smp(b, true, pdu, sizeof(pdu));
		bench_expect_failed(b, UNSPECIFIED, false);
		b = agreed(test, first, &good, NULL);
		passes(b, false, PUBLIC_KEY);
		bench_smp(b, false, pdu, sizeof(pdu));
		bench_expect_none(b);
		passes(b, true, PUBLIC_KEY);
		bench_smp(b, false, pdu, sizeof(pdu));
		bench_expect_smp(b, false, pdu, sizeof(pdu));
	}
}

/*
 * The guest says that it has data of the other's.  An honest side that does not know of any
 * does without, and so could the guest: but with data, there is no Confirm.
 */
static void with_data_of_another_way_there_is_no_confirm(struct kunit *test)
{
	static const struct side has = { 3, 1, SC, 16 };
	u8 confirm[17] = { CONFIRM };
	struct bench *b;
	bool first;

	for (first = false; ; first = true) {
		b = agreed(test, first, &has, NULL);
		passes(b, first, PUBLIC_KEY);
		passes(b, !first, PUBLIC_KEY);
		bench_smp(b, true, confirm, sizeof(confirm));
		bench_expect_failed(b, REQUIREMENTS, false);
		b = agreed(test, first, &has, NULL);
		passes(b, first, PUBLIC_KEY);
		passes(b, !first, PUBLIC_KEY);
		bench_smp(b, false, confirm, sizeof(confirm));
		if (first) {
			expect_told(b, REQUIREMENTS);
			bench_smp(b, true, (u8 [17]) { RANDOM }, 17);
			bench_expect_failed(b, UNSPECIFIED, false);
			break;
		}
		bench_expect_smp(b, false, confirm, sizeof(confirm));
		bench_smp(b, true, (u8 [17]) { RANDOM }, 17);
		bench_expect_failed(b, REQUIREMENTS, false);
	}
	/* As it is with numbers. */
	b = agreed(test, true, &good, NULL);
	passes(b, true, PUBLIC_KEY);
	passes(b, false, PUBLIC_KEY);
	passes(b, false, CONFIRM);
	passes(b, true, RANDOM);
	passes(b, false, RANDOM);
}

/* There, both sides have to have them; and there are no keys before. */
static void older_pairing_counts_data_of_both(struct kunit *test)
{
	static const struct side guest = { 3, 1, MITM, 16 }, none = { 1, 0, MITM, 16 };
	static const struct side has = { 1, 1, MITM, 16 };
	struct bench *b = bench_new(test, bench_policy(test, "deny pairing le-legacy",
						       "allow pairing le-legacy"));

	asks(b, &guest);
	says(b, false, RESPONSE, &none);
	expect_told(b, REQUIREMENTS);
	bench_smp(b, true, (u8 []) { FAILED, 8 }, 2);
	bench_clear(b);
	asks(b, &guest);
	says(b, false, RESPONSE, &has);
	expect_said(b, false, RESPONSE, &has);
	passes(b, true, CONFIRM);
	passes(b, false, CONFIRM);
	bench_smp(b, false, (u8 [65]) { PUBLIC_KEY }, 65);
	bench_expect_none(b);
}

/* ------------------------------------------------------------ turns, lengths */

static void what_is_out_of_turn_is_refused(struct kunit *test)
{
	static const u8 codes[] = { 3, 4, 6, 7, 8, 9, 10, 12, 13, 14 };
	struct bench *b = bench_new(test, NULL);
	u8 pdu[65] = { };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		pdu[0] = codes[i];
		bench_smp(b, true, pdu, sizeof(pdu));
		bench_expect_failed(b, UNSPECIFIED, false);
	}
	says(b, true, RESPONSE, &good);
	bench_expect_failed(b, UNSPECIFIED, false);
	/* An answer to one's own question. */
	says(b, true, REQUEST, &good);
	bench_clear(b);
	says(b, true, RESPONSE, &good);
	bench_expect_failed(b, UNSPECIFIED, false);
	/* A failure ends it, whoever says so. */
	says(b, true, REQUEST, &good);
	says(b, false, RESPONSE, &good);
	bench_smp(b, false, (u8 []) { FAILED, 8 }, 2);
	bench_clear(b);
	pdu[0] = CONFIRM;
	bench_smp(b, true, pdu, 17);
	bench_expect_failed(b, UNSPECIFIED, false);
}

static void what_receivers_ignore_passes(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	unsigned int code;
	u8 pdu[2] = { };
	bool down;

	for (code = 0; code < 256; code++) {
		if (code && code <= 0x0e && code != SECURITY && code != FAILED)
			continue;
		pdu[0] = code;
		for (down = false; ; down = true) {
			bench_smp(b, down, pdu, sizeof(pdu));
			bench_expect_smp(b, down, pdu, sizeof(pdu));
			if (down)
				break;
		}
	}
}

static void requests_of_other_lengths_are_none(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	u8 request[65] = { REQUEST, 1, 0, MITM | SC, 16, 3, 3 };
	u8 confirm[17] = { CONFIRM };
	unsigned int len;

	for (len = 1; len <= sizeof(request); len++) {
		if (len == 7)
			continue;
		request[0] = REQUEST;
		bench_smp(b, true, request, len);
		bench_expect_failed(b, PARAMETERS, true);
		bench_smp(b, false, request, len);
		bench_clear(b);
		says(b, true, RESPONSE, &good);
		bench_expect_failed(b, PARAMETERS, false);
		says(b, true, REQUEST, &good);
		bench_clear(b);
		request[0] = RESPONSE;
		bench_smp(b, false, request, len);
		expect_told(b, PARAMETERS);
		bench_smp(b, true, confirm, sizeof(confirm));
		bench_expect_failed(b, UNSPECIFIED, false);
		says(b, false, REQUEST, &good);
		bench_clear(b);
		bench_smp(b, true, request, len);
		bench_expect_failed(b, PARAMETERS, false);
	}
}

static void another_policy_lets_it_pass(struct kunit *test)
{
	struct bench *b = bench_new(test, bench_policy(test, "deny pairing just-works",
						       "allow pairing just-works"));

	says(b, true, REQUEST, &bad);
	expect_said(b, true, REQUEST, &bad);
	says(b, false, RESPONSE, &bad);
	expect_said(b, false, RESPONSE, &bad);
	goes_on(b, true);
}

/* There, who could compare numbers is not asked to. */
static void old_pairing_with_numbers_is_just_works(struct kunit *test)
{
	static const struct side old = { 1, 0, MITM, 16 }, typed = { 2, 0, MITM, 16 };
	struct bench *b = bench_new(test, bench_policy(test, "deny pairing le-legacy",
						       "allow pairing le-legacy"));
	u8 confirm[17] = { CONFIRM };

	says(b, true, REQUEST, &old);
	bench_clear(b);
	says(b, false, RESPONSE, &old);
	expect_told(b, REQUIREMENTS);
	bench_smp(b, true, confirm, sizeof(confirm));
	bench_expect_failed(b, UNSPECIFIED, false);
	says(b, true, REQUEST, &typed);
	says(b, false, RESPONSE, &old);
	bench_clear(b);
	bench_smp(b, true, confirm, sizeof(confirm));
	bench_expect_smp(b, true, confirm, sizeof(confirm));
}

static struct kunit_case smp_cases[] = {
	KUNIT_CASE_PARAM(a_pairing_that_the_guest_begins, pairing_gen_params),
	KUNIT_CASE_PARAM(a_pairing_that_the_other_begins, pairing_gen_params),
	KUNIT_CASE(the_debug_key_ends_it),
	KUNIT_CASE(who_asks_twice_is_refused),
	KUNIT_CASE(who_answers_twice_said_the_first),
	KUNIT_CASE(no_bad_answer_waits_for_the_next_question),
	KUNIT_CASE(who_asks_differently_may_read_an_old_answer),
	KUNIT_CASE(nothing_comes_before_both_keys),
	KUNIT_CASE(with_data_of_another_way_there_is_no_confirm),
	KUNIT_CASE(older_pairing_counts_data_of_both),
	KUNIT_CASE(what_is_out_of_turn_is_refused),
	KUNIT_CASE(what_receivers_ignore_passes),
	KUNIT_CASE(requests_of_other_lengths_are_none),
	KUNIT_CASE(another_policy_lets_it_pass),
	KUNIT_CASE(old_pairing_with_numbers_is_just_works),
	{}
};

static struct kunit_suite smp_suite = {
	.name = "parley_hci_smp",
	.test_cases = smp_cases,
};

kunit_test_suite(smp_suite);
