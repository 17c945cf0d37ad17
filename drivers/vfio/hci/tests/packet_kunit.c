// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets of every length; and the pieces that a PDU may come in.
 */
#include <linux/module.h>
#include <linux/unaligned.h>
#include <parley/export.h>
#include "bench.h"

struct length {
	const char *name;
	u8 pkt[5];
	u8 have;
	int len;
};

static const struct length lengths[] = {
	{ "nothing", { }, 0, 0 },
	{ "no type", { 0 }, 1, -EPROTO },
	{ "vendor's", { HCI_VENDOR_PKT }, 1, -EPROTO },
	{ "command, not yet", { HCI_COMMAND_PKT, 3, 0x0c }, 3, 0 },
	{ "command", { HCI_COMMAND_PKT, 3, 0x0c, 0 }, 4, 4 },
	{ "longest command", { HCI_COMMAND_PKT, 3, 0x0c, 255 }, 4, PARLEY_HCI_COMMAND },
	{ "event, not yet", { HCI_EVENT_PKT, 0x0e }, 2, 0 },
	{ "longest event", { HCI_EVENT_PKT, 0x0e, 255 }, 3, PARLEY_HCI_EVENT },
	{ "data, not yet", { HCI_ACLDATA_PKT, 1, 0, 9 }, 4, 0 },
	{ "data", { HCI_ACLDATA_PKT, 1, 0, 9, 0 }, 5, 14 },
	{ "longest data", { HCI_ACLDATA_PKT, 1, 0, 0xff, 3 }, 5, PARLEY_HCI_FRAME },
	{ "longer data", { HCI_ACLDATA_PKT, 1, 0, 0, 4 }, 5, -EPROTO },
	{ "endless data", { HCI_ACLDATA_PKT, 1, 0, 0xff, 0xff }, 5, -EPROTO },
	{ "voice", { HCI_SCODATA_PKT, 1, 0, 60 }, 4, 64 },
	{ "isochronous", { HCI_ISODATA_PKT, 1, 0, 60, 0xc0 }, 5, 65 },
	{ "longer isochronous", { HCI_ISODATA_PKT, 1, 0, 0, 4 }, 5, -EPROTO },
};

static void length_name(const struct length *l, char *name)
{
	strscpy(name, l->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(length, lengths, length_name);

static void a_packet_is_as_long_as_it_says(struct kunit *test)
{
	const struct length *l = test->param_value;

	KUNIT_EXPECT_EQ(test, l->len, parley_hci_length(l->pkt, l->have));
}

/* A command, an event and data, cut off everywhere. */
static void what_is_cut_off_goes_nowhere(struct kunit *test)
{
	static const u8 pkt[3][16] = {
		{ HCI_COMMAND_PKT, 0x0b, 0x04, 12 },
		{ HCI_EVENT_PKT, HCI_EV_CMD_COMPLETE, 13, 1, 0x2c, 0x04 },
		{ HCI_ACLDATA_PKT, BENCH_LE, 0, 11, 0, 7, 0, 6, 0, 1 },
	};
	struct bench *b = bench_new(test, NULL);
	unsigned int kind, len;

	for (kind = 0; kind < ARRAY_SIZE(pkt); kind++) {
		for (len = 0; len < sizeof(pkt[0]); len++) {
			KUNIT_EXPECT_EQ(test, -EPROTO, bench_send(b, true, pkt[kind], len));
			KUNIT_EXPECT_EQ(test, 0, bench_send(b, false, pkt[kind], len));
		}
	}
	bench_expect_none(b);
	KUNIT_EXPECT_EQ(test, b->h->count[PARLEY_HCI_MALFORMED_DOWN], 3ULL * 16);
	KUNIT_EXPECT_EQ(test, b->h->count[PARLEY_HCI_MALFORMED_UP], 3ULL * 16);
}

static void each_side_sends_its_own_kinds(struct kunit *test)
{
	static const u8 reset[] = { HCI_COMMAND_PKT, 0x03, 0x0c, 0 };
	static const u8 event[] = { HCI_EVENT_PKT, 0xff, 0 };
	static const u8 voice[] = { HCI_SCODATA_PKT, 1, 0, 1, 7 };
	u8 link[17] = { 0, 1 };
	struct bench *b = bench_new(test, NULL);

	KUNIT_EXPECT_EQ(test, 0, bench_send(b, false, reset, sizeof(reset)));
	KUNIT_EXPECT_EQ(test, -EPROTO, bench_send(b, true, event, sizeof(event)));
	bench_expect_none(b);
	memcpy(link + 3, bench_addr, 6);
	bench_event(b, HCI_EV_SYNC_CONN_COMPLETE, link, sizeof(link));
	bench_clear(b);
	bench_send(b, true, voice, sizeof(voice));
	bench_expect(b, true, voice, sizeof(voice));
	bench_send(b, false, voice, sizeof(voice));
	bench_expect(b, false, voice, sizeof(voice));
}

/* ---------------------------------------------------------------- pieces */

static void acl(struct bench *b, bool down, u16 handle, u8 flags, const u8 *data, u8 len)
{
	u8 pkt[128] = { HCI_ACLDATA_PKT };

	put_unaligned_le16(hci_handle_pack(handle, flags), pkt + 1);
	pkt[3] = len;
	memcpy(pkt + 5, data, len);
	KUNIT_EXPECT_EQ(b->test, 0, bench_send(b, down, pkt, 5 + len));
}

/* A key of Secure Connections, where there is a pairing: 69 bytes. */
static const u8 public_key[69] = { 65, 0, 6, 0, 0x0c, 1, 2, 3 };

static struct bench *in_pairing(struct kunit *test)
{
	static const u8 request[] = { 1, 1, 0, 0x0d, 16, 0, 0 };
	static const u8 response[] = { 2, 1, 0, 0x0d, 16, 0, 0 };
	struct bench *b = bench_new(test, NULL);

	bench_smp(b, true, request, sizeof(request));
	bench_smp(b, false, response, sizeof(response));
	KUNIT_ASSERT_EQ(test, 1, b->down.got);
	KUNIT_ASSERT_EQ(test, 1, b->up.got);
	bench_clear(b);
	return b;
}

/* Cut in two anywhere, also within the header; a piece may be empty. */
static void a_pdu_in_two_pieces_passes_as_it_came(struct kunit *test)
{
	struct bench *b = in_pairing(test);
	unsigned int cut, i;

	for (cut = 0; cut <= sizeof(public_key); cut++) {
		acl(b, true, BENCH_LE, ACL_START_NO_FLUSH, public_key, cut);
		if (cut < sizeof(public_key)) {
			bench_expect_none(b);
			acl(b, true, BENCH_LE, ACL_CONT, public_key + cut,
			    sizeof(public_key) - cut);
			KUNIT_ASSERT_EQ(test, 2, b->down.got);
		}
		KUNIT_EXPECT_EQ(test, 0, b->up.got);
		for (i = 0; i < b->down.got; i++)
			KUNIT_EXPECT_EQ(test, i ? ACL_CONT : ACL_START_NO_FLUSH,
					get_unaligned_le16(b->down.pkt[i] + 1) >> 12);
		KUNIT_EXPECT_EQ(test, 5 + cut, b->down.len[0]);
		KUNIT_EXPECT_MEMEQ(test, b->down.pkt[0] + 5, public_key, cut);
		KUNIT_EXPECT_MEMEQ(test, b->down.pkt[1] + 5, public_key + cut,
				   b->down.got == 2 ? sizeof(public_key) - cut : 0);
		bench_clear(b);
	}
}

static void a_refused_pdu_of_three_pieces_gives_two_back(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	u8 *credit = b->up.pkt[0];

	/* Nobody asked for a pairing. */
	acl(b, true, BENCH_LE, ACL_START, public_key, 27);
	acl(b, true, BENCH_LE, ACL_CONT, public_key + 27, 27);
	acl(b, true, BENCH_LE, ACL_CONT, public_key + 54, 15);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	KUNIT_EXPECT_EQ(test, 11, b->down.len[0]);
	KUNIT_EXPECT_EQ(test, hci_handle_pack(BENCH_LE, ACL_START),
			get_unaligned_le16(b->down.pkt[0] + 1));
	KUNIT_EXPECT_EQ(test, 2, b->up.got);
	KUNIT_EXPECT_EQ(test, HCI_EV_NUM_COMP_PKTS, credit[1]);
	KUNIT_EXPECT_EQ(test, BENCH_LE, get_unaligned_le16(credit + 4));
	KUNIT_EXPECT_EQ(test, 2, get_unaligned_le16(credit + 6));
}

static void expect_given_back(struct bench *b, unsigned int packets)
{
	unsigned int i, sum = 0;

	KUNIT_EXPECT_EQ(b->test, 0, b->down.got);
	for (i = 0; i < b->up.got; i++) {
		KUNIT_EXPECT_EQ(b->test, HCI_EV_NUM_COMP_PKTS, b->up.pkt[i][1]);
		sum += get_unaligned_le16(b->up.pkt[i] + 6);
	}
	KUNIT_EXPECT_EQ(b->test, packets, sum);
	bench_clear(b);
}

static void there_are_only_so_many_pieces(struct kunit *test)
{
	struct bench *b = in_pairing(test);
	unsigned int i, at;

	/* As many as there may be. */
	for (i = 0, at = 0; i < PARLEY_HCI_PIECES - 1; i++, at++)
		acl(b, true, BENCH_LE, i ? ACL_CONT : ACL_START, public_key + at, 1);
	bench_expect_none(b);
	acl(b, true, BENCH_LE, ACL_CONT, public_key + at, sizeof(public_key) - at);
	KUNIT_EXPECT_EQ(test, PARLEY_HCI_PIECES, b->down.got);
	bench_clear(b);
	/* And one more. */
	for (i = 0; i <= PARLEY_HCI_PIECES; i++)
		acl(b, true, BENCH_LE, i ? ACL_CONT : ACL_START, public_key + i, 1);
	expect_given_back(b, PARLEY_HCI_PIECES + 1);
	/* What belongs to it goes nowhere; what comes next does. */
	acl(b, true, BENCH_LE, ACL_CONT, public_key + i, 20);
	expect_given_back(b, 1);
	bench_smp(b, true, public_key + 4, 65);
	bench_expect_smp(b, true, public_key + 4, 65);
	/* Empty ones count as well. */
	for (i = 0; i <= PARLEY_HCI_PIECES; i++)
		acl(b, true, BENCH_LE, i ? ACL_CONT : ACL_START, public_key, 0);
	expect_given_back(b, PARLEY_HCI_PIECES + 1);
}

static void what_is_begun_anew_is_given_back(struct kunit *test)
{
	struct bench *b = in_pairing(test);

	acl(b, true, BENCH_LE, ACL_START, public_key, 27);
	acl(b, true, BENCH_LE, ACL_CONT, public_key + 27, 1);
	bench_expect_none(b);
	acl(b, true, BENCH_LE, ACL_START, public_key, 27);
	expect_given_back(b, 2);
}

struct odd {
	const char *name;
	u8 flags;
	u8 data[8];
	u8 len;
};

static const struct odd odds[] = {
	{ "continues nothing", ACL_CONT, { 2, 0, 6, 0, 5, 3 }, 6 },
	{ "empty pdu", ACL_START, { 0, 0, 6, 0 }, 4 },
	{ "longer than any", ACL_START, { 66, 0, 6, 0, 12 }, 5 },
	{ "longer than it says", ACL_START, { 2, 0, 6, 0, 5, 3, 0 }, 7 },
	{ "endless", ACL_START, { 0xff, 0xff, 6, 0, 1 }, 5 },
};

static void odd_name(const struct odd *odd, char *name)
{
	strscpy(name, odd->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(odd, odds, odd_name);

static void odd_pdus_pass_in_no_direction(struct kunit *test)
{
	const struct odd *odd = test->param_value;
	struct bench *b = bench_new(test, NULL);

	acl(b, true, BENCH_LE, odd->flags, odd->data, odd->len);
	expect_given_back(b, 1);
	acl(b, false, BENCH_LE, odd->flags, odd->data, odd->len);
	bench_expect_none(b);
	KUNIT_EXPECT_EQ(test, 1ULL, b->h->count[PARLEY_HCI_MALFORMED_DOWN]);
	KUNIT_EXPECT_EQ(test, 1ULL, b->h->count[PARLEY_HCI_MALFORMED_UP]);
}

static void other_channels_are_not_touched(struct kunit *test)
{
	static const u8 first[] = { 40, 0, 4, 0, 1, 2, 3 };
	static const u8 more[] = { 0, 0, 6, 0, 1, 3, 0, 1 };
	struct bench *b = bench_new(test, NULL);
	unsigned int cut;
	bool down;

	for (down = false; ; down = true) {
		for (cut = 0; cut < sizeof(first); cut++) {
			acl(b, down, BENCH_BREDR, ACL_START, first, cut);
			acl(b, down, BENCH_BREDR, ACL_CONT, first + cut, sizeof(first) - cut);
			acl(b, down, BENCH_BREDR, ACL_CONT, more, sizeof(more));
			KUNIT_EXPECT_EQ(test, down ? 3 : 0, b->down.got);
			KUNIT_EXPECT_EQ(test, down ? 0 : 3, b->up.got);
			bench_clear(b);
		}
		if (down)
			return;
	}
}

static void data_without_a_link_goes_nowhere(struct kunit *test)
{
	static const u8 gone[] = { 0, BENCH_LE, 0, 0x13 };
	static const u8 data[] = { 1, 0, 4, 0, 7 };
	struct bench *b = bench_new(test, NULL);

	acl(b, true, 0x99, ACL_START, data, sizeof(data));
	expect_given_back(b, 1);
	acl(b, false, 0x99, ACL_START, data, sizeof(data));
	bench_expect_none(b);
	bench_event(b, HCI_EV_DISCONN_COMPLETE, gone, sizeof(gone));
	KUNIT_EXPECT_EQ(test, 0x13, b->up.pkt[0][6]);
	bench_clear(b);
	acl(b, false, BENCH_LE, ACL_START, data, sizeof(data));
	bench_expect_none(b);
	KUNIT_EXPECT_EQ(test, 3ULL, b->h->count[PARLEY_HCI_STRAY]);
}

static void one_link_more_than_there_can_be_has_no_data(struct kunit *test)
{
	static const u8 data[] = { 1, 0, 4, 0, 7 };
	u8 le[19] = { HCI_EV_LE_CONN_COMPLETE, 0 };
	struct bench *b = bench_new(test, NULL);
	unsigned int i;

	for (i = 2; i <= PARLEY_HCI_LINKS; i++) {
		put_unaligned_le16(0x100 + i, le + 2);
		bench_event(b, HCI_EV_LE_META, le, sizeof(le));
	}
	KUNIT_EXPECT_EQ(test, 1ULL, b->h->count[PARLEY_HCI_TOO_MANY]);
	bench_clear(b);
	acl(b, false, 0x100 + PARLEY_HCI_LINKS - 1, ACL_START, data, sizeof(data));
	KUNIT_EXPECT_EQ(test, 1, b->up.got);
	acl(b, false, 0x100 + PARLEY_HCI_LINKS, ACL_START, data, sizeof(data));
	KUNIT_EXPECT_EQ(test, 1, b->up.got);
}

static struct kunit_case packet_cases[] = {
	KUNIT_CASE_PARAM(a_packet_is_as_long_as_it_says, length_gen_params),
	KUNIT_CASE(what_is_cut_off_goes_nowhere),
	KUNIT_CASE(each_side_sends_its_own_kinds),
	KUNIT_CASE(a_pdu_in_two_pieces_passes_as_it_came),
	KUNIT_CASE(a_refused_pdu_of_three_pieces_gives_two_back),
	KUNIT_CASE(there_are_only_so_many_pieces),
	KUNIT_CASE(what_is_begun_anew_is_given_back),
	KUNIT_CASE_PARAM(odd_pdus_pass_in_no_direction, odd_gen_params),
	KUNIT_CASE(other_channels_are_not_touched),
	KUNIT_CASE(data_without_a_link_goes_nowhere),
	KUNIT_CASE(one_link_more_than_there_can_be_has_no_data),
	{}
};

static struct kunit_suite packet_suite = {
	.name = "parley_hci_packet",
	.test_cases = packet_cases,
};

kunit_test_suite(packet_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley: KUnit tests of Bluetooth controllers for guests");
MODULE_LICENSE("GPL");
