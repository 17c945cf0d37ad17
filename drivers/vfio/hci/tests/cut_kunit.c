// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links that are cut, as their key is worth nothing.
 */
#include <linux/unaligned.h>
#include "bench.h"

static void nothing_passes_over_a_link_that_is_cut(struct kunit *test)
{
	u8 data[] = { HCI_ACLDATA_PKT, BENCH_BREDR, 0x20, 5, 0, 1, 0, 4, 0, 7 };
	u8 authenticated[] = { 0, BENCH_BREDR, 0 }, encrypted[] = { 0, BENCH_BREDR, 0, 1 };
	u8 status[] = { 0, 1, 0x06, 0x04 }, gone[] = { 0, BENCH_BREDR, 0, 0x16 };
	struct bench *b = bench_new(test, NULL);

	/* No credit: it has to wait, but what passes does not. */
	bench_command(b, 0x0401, NULL, 0);
	bench_clear(b);
	bench_key(b, HCI_LK_UNAUTH_COMBINATION_P256);
	bench_expect_none(b);
	bench_send(b, false, data, sizeof(data));
	bench_expect_none(b);
	bench_send(b, true, data, sizeof(data));
	KUNIT_EXPECT_EQ(test, 0, b->down.got);
	KUNIT_EXPECT_EQ(test, HCI_EV_NUM_COMP_PKTS, b->up.pkt[0][1]);
	bench_clear(b);
	bench_event(b, HCI_EV_AUTH_COMPLETE, authenticated, sizeof(authenticated));
	KUNIT_EXPECT_EQ(test, HCI_ERROR_AUTH_FAILURE, b->up.pkt[0][3]);
	bench_clear(b);
	bench_event(b, HCI_EV_ENCRYPT_CHANGE, encrypted, sizeof(encrypted));
	KUNIT_EXPECT_EQ(test, HCI_ERROR_AUTH_FAILURE, b->up.pkt[0][3]);
	bench_clear(b);
	/* The credit that comes is ours. */
	bench_complete(b, 0x0401, 0, false);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	KUNIT_EXPECT_EQ(test, HCI_OP_DISCONNECT, get_unaligned_le16(b->down.pkt[0] + 1));
	KUNIT_EXPECT_EQ(test, 0, b->up.pkt[0][3]);
	bench_clear(b);
	/* And its answer tells the guest of nothing but a credit. */
	bench_event(b, HCI_EV_CMD_STATUS, status, sizeof(status));
	KUNIT_EXPECT_EQ(test, 0, b->down.got);
	KUNIT_EXPECT_EQ(test, 1, b->up.pkt[0][4]);
	KUNIT_EXPECT_EQ(test, HCI_OP_NOP, get_unaligned_le16(b->up.pkt[0] + 5));
	bench_clear(b);
	bench_event(b, HCI_EV_DISCONN_COMPLETE, gone, sizeof(gone));
	KUNIT_EXPECT_EQ(test, HCI_ERROR_AUTH_FAILURE, b->up.pkt[0][6]);
	KUNIT_EXPECT_NULL(test, parley_hci_by_handle(b->h, BENCH_BREDR));
	/* The guest's own ones are its own. */
	bench_clear(b);
	bench_event(b, HCI_EV_CMD_STATUS, status, sizeof(status));
	KUNIT_EXPECT_EQ(test, HCI_OP_DISCONNECT, get_unaligned_le16(b->up.pkt[0] + 5));
}

static struct bench *cut(struct kunit *test)
{
	struct bench *b = bench_new(test, NULL);

	bench_key(b, HCI_LK_UNAUTH_COMBINATION_P256);
	bench_expect_cut(b);
	return b;
}

static int answers(struct bench *b, u8 status, u8 credits)
{
	u8 param[] = { status, credits, 0x06, 0x04 };

	bench_clear(b);
	return bench_event(b, HCI_EV_CMD_STATUS, param, sizeof(param));
}

static void a_link_that_does_not_end_is_told_again(struct kunit *test)
{
	u8 failed[] = { HCI_ERROR_COMMAND_DISALLOWED, BENCH_BREDR, 0, 0 };
	struct bench *b = cut(test);
	unsigned int i;

	/* Not before there is a credit. */
	KUNIT_EXPECT_EQ(test, 0, answers(b, HCI_ERROR_COMMAND_DISALLOWED, 0));
	KUNIT_EXPECT_EQ(test, 0, b->down.got);
	KUNIT_EXPECT_EQ(test, HCI_OP_NOP, get_unaligned_le16(b->up.pkt[0] + 5));
	b->h->credits = 1;
	bench_clear(b);
	bench_event(b, HCI_EV_INQUIRY_COMPLETE, failed, 1);
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	/* It was begun, and came to nothing. */
	answers(b, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, b->down.got);
	bench_event(b, HCI_EV_DISCONN_COMPLETE, failed, sizeof(failed));
	KUNIT_EXPECT_EQ(test, 1, b->down.got);
	for (i = 3; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, 0, answers(b, HCI_ERROR_COMMAND_DISALLOWED, 1));
		KUNIT_EXPECT_EQ(test, 1, b->down.got);
	}
	/* Then nothing helps but a reset. */
	KUNIT_EXPECT_EQ(test, -EIO, answers(b, HCI_ERROR_COMMAND_DISALLOWED, 1));
}

static void each_is_told_of_his_own_disconnect(struct kunit *test)
{
	u8 end[] = { BENCH_LE, 0, 0x13 };
	struct bench *b = bench_new(test, NULL);
	unsigned int i;

	bench_command(b, HCI_OP_DISCONNECT, end, sizeof(end));
	b->h->credits = 1;
	bench_clear(b);
	bench_key(b, HCI_LK_UNAUTH_COMBINATION_P256);
	bench_expect_cut(b);
	answers(b, HCI_ERROR_COMMAND_DISALLOWED, 0);
	KUNIT_EXPECT_EQ(test, HCI_OP_DISCONNECT, get_unaligned_le16(b->up.pkt[0] + 5));
	KUNIT_EXPECT_EQ(test, HCI_ERROR_COMMAND_DISALLOWED, b->up.pkt[0][3]);
	answers(b, 0, 0);
	KUNIT_EXPECT_EQ(test, HCI_OP_NOP, get_unaligned_le16(b->up.pkt[0] + 5));
	bench_clear(b);
	/* There are only so many whose answers can be told apart. */
	for (i = 0; i < PARLEY_HCI_ENDS; i++) {
		b->h->credits = 1;
		bench_command(b, HCI_OP_DISCONNECT, end, sizeof(end));
	}
	KUNIT_EXPECT_EQ(test, PARLEY_HCI_ENDS, b->down.got);
	bench_clear(b);
	bench_command(b, HCI_OP_DISCONNECT, end, sizeof(end));
	bench_expect_status(b, HCI_OP_DISCONNECT, HCI_ERROR_COMMAND_DISALLOWED);
}

static void a_link_that_is_cut_cannot_be_made_use_of(struct kunit *test)
{
	static const u16 by_handle[] = { 0x0407, 0x0411, 0x0413, 0x0415, 0x0428, 0x043d };
	static const u16 by_addr[] = { 0x0429, 0x043e };
	u8 param[17] = { BENCH_BREDR, 0xf0 }, other[17] = { BENCH_LE };
	struct bench *b = cut(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(by_handle); i++) {
		b->h->credits = 1;
		bench_command(b, by_handle[i], param, sizeof(param));
		bench_expect_status(b, by_handle[i], by_handle[i] == 0x0415 ?
				    PARLEY_HCI_UNKNOWN_COMMAND : HCI_ERROR_UNKNOWN_CONN_ID);
		bench_command(b, by_handle[i], other, sizeof(other));
		KUNIT_EXPECT_EQ(test, by_handle[i] != 0x0415, b->down.got);
		bench_clear(b);
	}
	for (i = 0; i < ARRAY_SIZE(by_addr); i++) {
		b->h->credits = 1;
		bench_reply(b, by_addr[i], param, 10);
		bench_expect_status(b, by_addr[i], HCI_ERROR_UNKNOWN_CONN_ID);
	}
}

static struct kunit_case cut_cases[] = {
	KUNIT_CASE(nothing_passes_over_a_link_that_is_cut),
	KUNIT_CASE(a_link_that_does_not_end_is_told_again),
	KUNIT_CASE(each_is_told_of_his_own_disconnect),
	KUNIT_CASE(a_link_that_is_cut_cannot_be_made_use_of),
	{}
};

static struct kunit_suite cut_suite = {
	.name = "parley_hci_cut",
	.test_cases = cut_cases,
};

kunit_test_suite(cut_suite);
