// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much may be under way to the controller; voice, and isochronous links.
 */
#include <linux/unaligned.h>
#include "bench.h"

#define VOICE	0x0050
#define ISO	0x0060

/* Of a link that is none of the Security Manager's. */
static void data(struct bench *b, u16 handle)
{
	u8 pkt[] = { HCI_ACLDATA_PKT, handle & 0xff, handle >> 8, 5, 0, 1, 0, 4, 0, 7 };

	KUNIT_EXPECT_EQ(b->test, 0, bench_send(b, true, pkt, sizeof(pkt)));
}

static void iso(struct bench *b, u16 handle)
{
	u8 pkt[] = { HCI_ISODATA_PKT, handle & 0xff, handle >> 8, 1, 0, 7 };

	KUNIT_EXPECT_EQ(b->test, 0, bench_send(b, true, pkt, sizeof(pkt)));
}

/* What the guest sent without room, it gets back at once. */
static void expect_sent(struct bench *b, unsigned int sent, unsigned int back)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(b->test, sent, b->down.got);
	KUNIT_EXPECT_EQ(b->test, back, b->up.got);
	for (i = 0; i < b->up.got; i++)
		KUNIT_EXPECT_EQ(b->test, HCI_EV_NUM_COMP_PKTS, b->up.pkt[i][1]);
	bench_clear(b);
}

static void done(struct bench *b, u16 handle, u16 packets)
{
	u8 param[] = { 1, handle & 0xff, handle >> 8, packets & 0xff, packets >> 8 };

	bench_event(b, HCI_EV_NUM_COMP_PKTS, param, sizeof(param));
	KUNIT_EXPECT_EQ(b->test, 1, b->up.got);
	bench_clear(b);
}

static void has_room(struct bench *b, u8 acl, u8 le, u8 isos)
{
	u8 buffers[] = { 1, 0x05, 0x10, 0, 0xff, 0, 64, acl, 0, 8, 0 };
	u8 le_buffers[] = { 1, 0x60, 0x20, 0, 251, 0, le, 251, 0, isos };

	bench_event(b, HCI_EV_CMD_COMPLETE, buffers, sizeof(buffers));
	bench_event(b, HCI_EV_CMD_COMPLETE, le_buffers, sizeof(le_buffers));
	bench_clear(b);
}

static void more(struct bench *b, u16 handle, unsigned int packets)
{
	while (packets--)
		data(b, handle);
}

static void no_more_is_under_way_than_there_is_room_for(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);

	has_room(b, 3, 2, 0);
	more(b, BENCH_BREDR, 5);
	expect_sent(b, 3, 2);
	more(b, BENCH_LE, 5);
	expect_sent(b, 2, 3);
	done(b, BENCH_BREDR, 2);
	more(b, BENCH_BREDR, 5);
	expect_sent(b, 2, 3);
	/* More than there are do not make more. */
	done(b, BENCH_BREDR, 100);
	done(b, 0x99, 100);
	more(b, BENCH_BREDR, 5);
	expect_sent(b, 3, 2);
	KUNIT_EXPECT_EQ(test, 10ULL, b->h->count[PARLEY_HCI_NO_ROOM]);
}

static void what_a_link_had_is_free_when_it_ends(struct kunit *test)
{
	u8 gone[] = { 0, BENCH_LE, 0, 0x13 }, le[19] = { HCI_EV_LE_CONN_COMPLETE, 0, BENCH_LE };
	struct bench *b = bench_new(test, NULL);

	has_room(b, 3, 2, 0);
	more(b, BENCH_LE, 2);
	bench_event(b, HCI_EV_DISCONN_COMPLETE, gone, sizeof(gone));
	bench_event(b, HCI_EV_LE_META, le, sizeof(le));
	bench_clear(b);
	more(b, BENCH_LE, 3);
	expect_sent(b, 2, 1);
	/* One that comes again without having gone is new as well. */
	bench_event(b, HCI_EV_LE_META, le, sizeof(le));
	bench_clear(b);
	more(b, BENCH_LE, 3);
	expect_sent(b, 2, 1);
	/* A reset ends all; what room there is, it does not change. */
	bench_command(b, HCI_OP_RESET, NULL, 0);
	bench_event(b, HCI_EV_LE_META, le, sizeof(le));
	bench_clear(b);
	more(b, BENCH_LE, 3);
	expect_sent(b, 2, 1);
}

static void one_without_room_for_le_shares_it(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);

	has_room(b, 3, 0, 0);
	more(b, BENCH_BREDR, 2);
	more(b, BENCH_LE, 2);
	expect_sent(b, 3, 1);
	done(b, BENCH_LE, 1);
	more(b, BENCH_BREDR, 2);
	expect_sent(b, 1, 1);
}

static void before_it_is_known_there_is_little(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);

	memset(b->h->pool, 0, sizeof(b->h->pool));
	more(b, BENCH_BREDR, 20);
	expect_sent(b, 8, 12);
	more(b, BENCH_LE, 20);
	expect_sent(b, 8, 12);
}

/* The list is cut off, or empty. */
static void what_is_done_is_read_to_its_end_only(struct kunit *test)
{
	u8 two[] = { 2, BENCH_BREDR, 0, 1, 0, BENCH_LE, 0, 1 }, none[] = { 0 };
	struct bench *b = bench_new(test, NULL);

	bench_event(b, HCI_EV_NUM_COMP_PKTS, two, sizeof(two));
	bench_expect_none(b);
	bench_event(b, HCI_EV_NUM_COMP_PKTS, none, sizeof(none));
	KUNIT_EXPECT_EQ(test, 1, b->up.got);
}

/* ------------------------------------------------------------------ voice */

static void voice_link(struct bench *b)
{
	u8 rest[8] = { 2 }, param[17] = { 0, VOICE };

	memcpy(param + 3, bench_addr, 6);
	memcpy(param + 9, rest, sizeof(rest));
	bench_event(b, HCI_EV_SYNC_CONN_COMPLETE, param, sizeof(param));
	bench_clear(b);
}

static void voice(struct bench *b, bool down, u16 handle, u8 len)
{
	u8 pkt[4 + 255] = { HCI_SCODATA_PKT, handle & 0xff, handle >> 8, len };

	KUNIT_EXPECT_EQ(b->test, 0, bench_send(b, down, pkt, 4 + len));
}

static void voice_has_a_link(struct kunit *test)
{
	u8 gone[] = { 0, VOICE, 0, 0x13 };
	struct bench *b = bench_new(test, NULL);

	voice(b, true, VOICE, 60);
	voice(b, false, VOICE, 60);
	voice(b, true, BENCH_BREDR, 60);
	bench_expect_none(b);
	voice_link(b);
	voice(b, true, VOICE, 60);
	voice(b, false, VOICE, 60);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	KUNIT_EXPECT_EQ(test, 1, b->up.got);
	bench_clear(b);
	/* It is not for other data, nor is it the link of its address. */
	data(b, VOICE);
	expect_sent(b, 0, 1);
	KUNIT_EXPECT_EQ(test, BENCH_BREDR, parley_hci_by_addr(b->h, bench_addr)->handle);
	bench_event(b, HCI_EV_DISCONN_COMPLETE, gone, sizeof(gone));
	bench_clear(b);
	voice(b, true, VOICE, 60);
	bench_expect_none(b);
}

static void voice_goes_as_fast_as_it_comes(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);
	unsigned int i;

	voice_link(b);
	for (i = 0; i < 1000; i++)
		voice(b, true, VOICE, 60);
	KUNIT_EXPECT_EQ(test, 4096 / 64, b->down.got);
	bench_clear(b);
	for (i = 0; i < 1000; i++) {
		voice(b, false, VOICE, 60);
		voice(b, true, VOICE, 60);
	}
	KUNIT_EXPECT_EQ(test, 1000, b->down.got);
	bench_clear(b);
	/* Nor can much be saved, nor short packets be sent without end. */
	for (i = 0; i < 1000; i++)
		voice(b, false, VOICE, 60);
	bench_clear(b);
	for (i = 0; i < 1000; i++)
		voice(b, true, VOICE, 0);
	KUNIT_EXPECT_EQ(test, 4096 / 16, b->down.got);
}

static void voice_ends_with_the_link_that_is_cut(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);

	voice_link(b);
	parley_hci_by_handle(b->h, BENCH_BREDR)->cut = true;
	voice(b, true, VOICE, 60);
	voice(b, false, VOICE, 60);
	KUNIT_EXPECT_EQ(test, 0, b->down.got);
	KUNIT_EXPECT_EQ(test, 2ULL, b->h->count[PARLEY_HCI_STRAY]);
}

/* ------------------------------------------------------------ isochronous */

struct iso_link {
	const char *name;
	u8 param[24];
	u8 len;
	u8 end_event;
	u8 end[8];
	u8 end_len;
};

static const struct iso_link iso_links[] = {
	{ "of two", { 0x19, 0, ISO }, 24, HCI_EV_DISCONN_COMPLETE, { 0, ISO, 0, 0x13 }, 4 },
	{ "of two, newer", { 0x2a, 0, ISO }, 24, HCI_EV_DISCONN_COMPLETE, { 0, ISO, 0, 0x13 },
	  4 },
	{ "of a group", { 0x1b, 0, 3, [18] = 2, ISO + 1, 0, ISO, 0 }, 23, HCI_EV_LE_META,
	  { 0x1c, 3, 0x16 }, 3 },
	{ "of a group that is heard", { 0x1d, 0, 3, [14] = 1, ISO, 0 }, 17, HCI_EV_LE_META,
	  { 0x1e, 3, 0x16 }, 3 },
	{ "of a group, not heard any more", { 0x1d, 0, 3, [14] = 1, ISO, 0 }, 17,
	  HCI_EV_CMD_COMPLETE, { 1, 0x6c, 0x20, 0, 3 }, 5 },
};

static void iso_link_name(const struct iso_link *link, char *name)
{
	strscpy(name, link->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(iso_link, iso_links, iso_link_name);

static void isochronous_data_have_a_link(struct kunit *test)
{
	const struct iso_link *link = test->param_value;
	struct bench *b = bench_new(test, NULL);
	unsigned int len;

	has_room(b, 1, 1, 2);
	iso(b, ISO);
	expect_sent(b, 0, 1);
	/* Whatever is cut off is none. */
	for (len = 1; len < 4; len++) {
		bench_event(b, HCI_EV_LE_META, link->param, len);
		bench_expect_none(b);
	}
	bench_event(b, HCI_EV_LE_META, link->param, link->len);
	KUNIT_EXPECT_EQ(test, 1, b->up.got);
	bench_clear(b);
	iso(b, ISO);
	iso(b, ISO);
	iso(b, ISO);
	expect_sent(b, 2, 1);
	done(b, ISO, 1);
	iso(b, ISO);
	expect_sent(b, 1, 0);
	bench_event(b, link->end_event, link->end, link->end_len);
	bench_clear(b);
	KUNIT_EXPECT_NULL(test, parley_hci_by_handle(b->h, ISO));
	KUNIT_EXPECT_EQ(test, 0, b->h->pool[PARLEY_HCI_POOL_ISO].under_way);
	iso(b, ISO);
	expect_sent(b, 0, 1);
}

static struct kunit_case flow_cases[] = {
	KUNIT_CASE(no_more_is_under_way_than_there_is_room_for),
	KUNIT_CASE(what_a_link_had_is_free_when_it_ends),
	KUNIT_CASE(one_without_room_for_le_shares_it),
	KUNIT_CASE(before_it_is_known_there_is_little),
	KUNIT_CASE(what_is_done_is_read_to_its_end_only),
	KUNIT_CASE(voice_has_a_link),
	KUNIT_CASE(voice_goes_as_fast_as_it_comes),
	KUNIT_CASE(voice_ends_with_the_link_that_is_cut),
	KUNIT_CASE_PARAM(isochronous_data_have_a_link, iso_link_gen_params),
	{}
};

static struct kunit_suite flow_suite = {
	.name = "parley_hci_flow",
	.test_cases = flow_cases,
};

kunit_test_suite(flow_suite);
