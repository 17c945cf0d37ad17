// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random packets of both sides, of which most begin as real ones do: nothing of what must
 * never pass does, and nothing is lost or made of nothing, whatever else happens.
 */
#include <linux/prandom.h>
#include <linux/unaligned.h>
#include "bench.h"

#define PACKETS		20000

static const u16 opcodes[] = {
	0x0401, 0x0406, 0x040d, 0x042b, 0x042c, 0x042e, 0x0430, 0x0433, 0x0445, 0x0c01, 0x0c56,
	0x0c7a, 0x1804, 0x2026, 0x205e, 0xfc01,
};

static const u8 events[] = {
	0x03, 0x05, 0x06, 0x08, 0x0e, 0x0f, 0x18, 0x31, 0x32, 0x36, 0x3e,
};

/* A packet's head; its rest is random, with an address or a handle now and then. */
static size_t make(struct rnd_state *rnd, u8 *pkt, bool down)
{
	u32 dice = prandom_u32_state(rnd);
	size_t len;

	prandom_bytes_state(rnd, pkt, 300);
	if (dice % 16 == 0)
		return 1 + (dice >> 8) % 299;
	if (dice % 16 < 8) {
		pkt[0] = HCI_ACLDATA_PKT;
		put_unaligned_le16(hci_handle_pack(dice & 16 ? BENCH_LE : BENCH_BREDR,
						   dice >> 5 & 3), pkt + 1);
		len = (dice >> 8) % 80;
		put_unaligned_le16(len, pkt + 3);
		put_unaligned_le16(dice & 128 ? len - 4 : (dice >> 16) % 70, pkt + 5);
		put_unaligned_le16(6 + (dice >> 24) / 250, pkt + 7);
		pkt[9] %= 16;
		return 5 + len;
	}
	if (down) {
		pkt[0] = HCI_COMMAND_PKT;
		put_unaligned_le16(opcodes[(dice >> 8) % ARRAY_SIZE(opcodes)], pkt + 1);
		pkt[3] = "\x17\x09\x06\x0a\x26\x46\x08\x01\x40\x41"[(dice >> 16) % 10];
		memcpy(pkt + 4, bench_addr, 6);
		return 4 + pkt[3];
	}
	pkt[0] = HCI_EVENT_PKT;
	pkt[1] = events[(dice >> 8) % ARRAY_SIZE(events)];
	pkt[2] = 4 + (dice >> 16) % 20;
	if (dice >> 30)
		memcpy(pkt + 3, bench_addr, 6);
	return 3 + pkt[2];
}

static bool must_never_pass(const u8 *pkt)
{
	u16 opcode = get_unaligned_le16(pkt + 1);

	if (pkt[0] == HCI_EVENT_PKT)
		return true;
	if (pkt[0] != HCI_COMMAND_PKT)
		return false;
	return hci_opcode_ogf(opcode) == 0x3f || opcode == HCI_OP_PIN_CODE_REPLY ||
	       opcode == HCI_OP_REMOTE_OOB_DATA_REPLY ||
	       (opcode == HCI_OP_WRITE_SSP_MODE && pkt[4] != 1) ||
	       (opcode == HCI_OP_WRITE_SC_SUPPORT && pkt[4] != 1) ||
	       (opcode == HCI_OP_WRITE_SSP_DEBUG_MODE && pkt[4]);
}

/* How many packets of a kind a side got. */
static unsigned int got(const struct bench_side *side, u8 kind)
{
	unsigned int i, n = 0;

	for (i = 0; i < min(side->got, BENCH_PACKETS); i++)
		n += side->pkt[i][0] == kind;
	return n;
}

/* Packets that are held, of all links; and how many the guest was given back. */
static unsigned int held(const struct bench *b)
{
	unsigned int i, n = 0;

	for (i = 0; i < PARLEY_HCI_LINKS; i++)
		n += b->h->link[i].used ? b->h->link[i].pieces : 0;
	return n;
}

static unsigned int given_back(const struct bench *b)
{
	unsigned int i, n = 0;

	for (i = 0; i < min(b->up.got, BENCH_PACKETS); i++)
		if (b->up.pkt[i][0] == HCI_EVENT_PKT &&
		    b->up.pkt[i][1] == HCI_EV_NUM_COMP_PKTS)
			n += get_unaligned_le16(b->up.pkt[i] + 6);
	return n;
}

/* The guest's packet passes, waits or is given back; its command passes or is answered. */
static void look_at_down(struct bench *b, const u8 *pkt, unsigned int held_before)
{
	if (pkt[0] == HCI_ACLDATA_PKT)
		KUNIT_ASSERT_EQ(b->test, held_before + 1,
				got(&b->down, HCI_ACLDATA_PKT) + given_back(b) + held(b));
	if (pkt[0] == HCI_COMMAND_PKT)
		KUNIT_ASSERT_EQ(b->test, 1, b->down.got + b->up.got);
}

/* The controller's passes or does not; of our own there are only links that are cut. */
static void look_at_up(struct bench *b)
{
	unsigned int i;

	KUNIT_ASSERT_LE(b->test, b->up.got, 1);
	for (i = 0; i < b->down.got; i++)
		KUNIT_ASSERT_EQ(b->test, HCI_OP_DISCONNECT,
				get_unaligned_le16(b->down.pkt[i] + 1));
}

static void look_at(struct bench *b, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < min(b->down.got, BENCH_PACKETS); i++)
		KUNIT_ASSERT_FALSE_MSG(b->test, must_never_pass(b->down.pkt[i]),
				       "packet %u", nr);
	for (i = 0; i < min(b->up.got, BENCH_PACKETS); i++)
		KUNIT_ASSERT_NE_MSG(b->test, HCI_COMMAND_PKT, b->up.pkt[i][0],
				    "packet %u", nr);
	bench_clear(b);
}

static void fuzz(struct kunit *test, u64 seed)
{
	struct bench *b = bench_new(test, NULL);
	unsigned int nr, before;
	struct rnd_state rnd;
	u8 pkt[304];
	size_t len;
	bool down;
	int err;

	prandom_seed_state(&rnd, seed);
	for (nr = 0; nr < PACKETS; nr++) {
		down = prandom_u32_state(&rnd) & 1;
		len = make(&rnd, pkt, down);
		before = held(b);
		err = bench_send(b, down, pkt, len);
		if (down && !err)
			look_at_down(b, pkt, before);
		if (!down)
			look_at_up(b);
		/* One packet makes at most so many: what is held, and a word to each. */
		KUNIT_ASSERT_LE(test, b->down.got + b->up.got, PARLEY_HCI_PIECES + 4);
		KUNIT_ASSERT_LE(test, b->h->swaps, PARLEY_HCI_SWAPS);
		look_at(b, nr);
	}
}

static void random_packets_break_nothing(struct kunit *test)
{
	fuzz(test, 1);
	fuzz(test, 20261130);
}

static struct kunit_case fuzz_cases[] = {
	KUNIT_CASE_SLOW(random_packets_break_nothing),
	{}
};

static struct kunit_suite fuzz_suite = {
	.name = "parley_hci_fuzz",
	.test_cases = fuzz_cases,
};

kunit_test_suite(fuzz_suite);
