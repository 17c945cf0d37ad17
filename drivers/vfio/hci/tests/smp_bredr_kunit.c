// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys for LE that are made over BR/EDR.
 */
#include "bench.h"

#define REQUEST		1
#define RESPONSE	2
#define FAILED		5
#define KEY_SIZE	6

static size_t bredr(u8 *pkt, bool down, const u8 *pdu, size_t len)
{
	return bench_l2cap(pkt, down, BENCH_BREDR, 7, pdu, len);
}

/* The key is there, and those for LE are made of it: they may be cut short. */
static void keys_of_le_are_long_however_they_are_made(struct kunit *test)
{
	u8 pdu[] = { REQUEST, 3, 0, 0x09, 16, 3, 3 }, failed[] = { FAILED, KEY_SIZE };
	u8 pkt[32], told[32];
	unsigned int i, len;
	struct bench *b;
	bool down;

	for (i = 0; i < 8; i++) {
		down = i & 1;
		pdu[0] = i & 2 ? REQUEST : RESPONSE;
		pdu[4] = i & 4 ? 16 : 15;
		b = bench_new(test, NULL);
		len = bredr(pkt, down, pdu, sizeof(pdu));
		bench_send(b, down, pkt, len);
		if (i & 4) {
			bench_expect(b, down, pkt, len);
			continue;
		}
		KUNIT_EXPECT_EQ(test, 1, b->up.got);
		len = bredr(told, false, failed, sizeof(failed));
		KUNIT_EXPECT_MEMEQ(test, told, b->up.pkt[0], len);
		KUNIT_EXPECT_EQ(test, down, b->down.got);
		len = bredr(told, true, failed, sizeof(failed));
		if (down)
			KUNIT_EXPECT_MEMEQ(test, told, b->down.pkt[0], len);
	}
	/* The rest is not looked at, nor is any of it where a policy permits it. */
	b = bench_new(test, NULL);
	pdu[0] = 6;
	pdu[4] = 7;
	len = bredr(pkt, true, pdu, sizeof(pdu));
	bench_send(b, true, pkt, len);
	bench_expect(b, true, pkt, len);
	b = bench_new(test, bench_policy(test, "deny pairing short-key",
					 "allow pairing short-key"));
	pdu[0] = REQUEST;
	len = bredr(pkt, false, pdu, sizeof(pdu));
	bench_send(b, false, pkt, len);
	bench_expect(b, false, pkt, len);
}

static struct kunit_case smp_bredr_cases[] = {
	KUNIT_CASE(keys_of_le_are_long_however_they_are_made),
	{}
};

static struct kunit_suite smp_bredr_suite = {
	.name = "parley_hci_smp_bredr",
	.test_cases = smp_bredr_cases,
};

kunit_test_suite(smp_bredr_suite);
