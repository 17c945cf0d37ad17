// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "bench.h"

const u8 bench_addr[6] = { 0x10, 0x11, 0x12, 0x13, 0x14, 0x15 };

const u8 bench_debug_x[32] = {
	0xe6, 0x9d, 0x35, 0x0e, 0x48, 0x01, 0x03, 0xcc, 0xdb, 0xfd, 0xf4, 0xac, 0x11, 0x91,
	0xf4, 0xef, 0xb9, 0xa5, 0xf9, 0xe9, 0xa7, 0x83, 0x2c, 0x5e, 0x2c, 0xbe, 0x97, 0xf2,
	0xd2, 0x03, 0xb0, 0x20,
};

static int bench_note(struct bench *b, struct bench_side *side, const u8 *pkt, size_t len)
{
	KUNIT_EXPECT_EQ(b->test, parley_hci_length(pkt, len), (int)len);
	if (b->fail && b->down.got + b->up.got >= b->fail)
		return -ENOBUFS;
	if (side->got < BENCH_PACKETS) {
		side->len[side->got] = len;
		memcpy(side->pkt[side->got], pkt, len);
	}
	side->got++;
	return 0;
}

static int bench_down(void *data, const u8 *pkt, size_t len)
{
	struct bench *b = data;

	return bench_note(b, &b->down, pkt, len);
}

static int bench_up(void *data, const u8 *pkt, size_t len)
{
	struct bench *b = data;

	return bench_note(b, &b->up, pkt, len);
}

static const struct parley_hci_ways bench_ways = { bench_down, bench_up };

void bench_clear(struct bench *b)
{
	b->down.got = 0;
	b->up.got = 0;
}

int bench_send(struct bench *b, bool down, const void *pkt, size_t len)
{
	/* So that KASAN sees who reads more. */
	u8 *copy = kmemdup(pkt, len, GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(b->test, copy);
	err = down ? parley_hci_down(b->h, copy, len) : parley_hci_up(b->h, copy, len);
	kfree(copy);
	return err;
}

int bench_command(struct bench *b, u16 opcode, const void *param, size_t len)
{
	u8 pkt[PARLEY_HCI_COMMAND] = { HCI_COMMAND_PKT };

	put_unaligned_le16(opcode, pkt + 1);
	pkt[3] = len;
	memcpy(pkt + 4, param, len);
	return bench_send(b, true, pkt, 4 + len);
}

/* What begins with the other side's address; how long it is. */
static size_t bench_addressed(u8 *param, const void *rest, size_t len)
{
	memcpy(param, bench_addr, 6);
	memcpy(param + 6, rest, len);
	return 6 + len;
}

int bench_reply(struct bench *b, u16 opcode, const void *rest, size_t len)
{
	u8 param[255];

	return bench_command(b, opcode, param, bench_addressed(param, rest, len));
}

int bench_event(struct bench *b, u8 event, const void *param, size_t len)
{
	u8 pkt[PARLEY_HCI_EVENT] = { HCI_EVENT_PKT, event, len };

	memcpy(pkt + 3, param, len);
	return bench_send(b, false, pkt, 3 + len);
}

int bench_of_addr(struct bench *b, u8 event, const void *rest, size_t len)
{
	u8 param[255];

	return bench_event(b, event, param, bench_addressed(param, rest, len));
}

int bench_complete(struct bench *b, u16 opcode, u8 status, bool addr)
{
	u8 param[10] = { 1, opcode & 0xff, opcode >> 8, status };

	memcpy(param + 4, bench_addr, 6);
	return bench_event(b, HCI_EV_CMD_COMPLETE, param, addr ? 10 : 4);
}

int bench_key(struct bench *b, u8 type)
{
	u8 rest[17] = { };

	rest[16] = type;
	return bench_of_addr(b, HCI_EV_LINK_KEY_NOTIFY, rest, sizeof(rest));
}

size_t bench_l2cap(u8 *pkt, bool down, u16 handle, u16 cid, const void *pdu, size_t len)
{
	pkt[0] = HCI_ACLDATA_PKT;
	put_unaligned_le16(hci_handle_pack(handle, down ? ACL_START_NO_FLUSH : ACL_START),
			   pkt + 1);
	put_unaligned_le16(4 + len, pkt + 3);
	put_unaligned_le16(len, pkt + 5);
	put_unaligned_le16(cid, pkt + 7);
	memcpy(pkt + 9, pdu, len);
	return 9 + len;
}

static size_t bench_le(u8 *pkt, bool down, const void *pdu, size_t len)
{
	return bench_l2cap(pkt, down, BENCH_LE, 6, pdu, len);
}

int bench_smp(struct bench *b, bool down, const void *pdu, size_t len)
{
	u8 pkt[128];

	return bench_send(b, down, pkt, bench_le(pkt, down, pdu, len));
}

static void bench_connect(struct bench *b)
{
	u8 bredr[11] = { 0, BENCH_BREDR, 0 };
	u8 le[19] = { HCI_EV_LE_CONN_COMPLETE, 0, BENCH_LE };

	memcpy(bredr + 3, bench_addr, 6);
	bredr[9] = ACL_LINK;
	memcpy(le + 6, bench_addr, 6);
	bench_event(b, HCI_EV_CONN_COMPLETE, bredr, sizeof(bredr));
	bench_event(b, HCI_EV_LE_META, le, sizeof(le));
}

static void bench_free_filter(void *h)
{
	kvfree(h);
}

static void bench_free_policy(void *p)
{
	parley_policy_put(p);
}

struct bench *bench_new(struct kunit *test, const char *policy)
{
	struct bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct parley_policy_error error;
	struct parley_policy *p;
	unsigned int pool;

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->test = test;
	policy = policy ?: parley_hci_policy;
	p = parley_policy_load(&parley_hci_language, policy, strlen(policy), &error);
	if (IS_ERR(p))
		KUNIT_FAIL_AND_ABORT(test, "line %u: %s\n", error.line, error.reason);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, bench_free_policy, p));
	b->h = kvzalloc(sizeof(*b->h), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->h);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, bench_free_filter, b->h));
	b->h->policy = p;
	b->h->name = "test";
	b->h->ways = &bench_ways;
	b->h->data = b;
	parley_hci_start(b->h);
	/* Room is what flow_kunit.c is about. */
	for (pool = 0; pool < PARLEY_HCI_POOLS; pool++)
		b->h->pool[pool] = (struct parley_hci_pool) { true, UINT_MAX };
	bench_connect(b);
	bench_clear(b);
	return b;
}

const char *bench_policy(struct kunit *test, const char *line, const char *into)
{
	const char *at = strstr(parley_hci_policy, line);
	char *text;
	size_t len;

	KUNIT_ASSERT_NOT_NULL(test, at);
	len = strlen(parley_hci_policy) + strlen(into) + 1;
	text = kunit_kzalloc(test, len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	scnprintf(text, len, "%.*s%s%s", (int)(at - parley_hci_policy), parley_hci_policy,
		  into, at + strlen(line));
	return text;
}

/* ---------------------------------------------------------- expectations */

void bench_expect(struct bench *b, bool down, const void *pkt, size_t len)
{
	struct bench_side *side = down ? &b->down : &b->up;

	KUNIT_EXPECT_EQ(b->test, 1, side->got);
	KUNIT_EXPECT_EQ(b->test, 0, down ? b->up.got : b->down.got);
	if (side->got) {
		KUNIT_EXPECT_EQ(b->test, len, (size_t)side->len[0]);
		KUNIT_EXPECT_MEMEQ(b->test, side->pkt[0], pkt, len);
	}
	bench_clear(b);
}

void bench_expect_none(struct bench *b)
{
	KUNIT_EXPECT_EQ(b->test, 0, b->down.got);
	KUNIT_EXPECT_EQ(b->test, 0, b->up.got);
	bench_clear(b);
}

void bench_expect_status(struct bench *b, u16 opcode, u8 status)
{
	u8 *pkt = b->up.pkt[0];

	KUNIT_EXPECT_EQ(b->test, 0, b->down.got);
	KUNIT_EXPECT_EQ(b->test, 1, b->up.got);
	if (pkt[1] == HCI_EV_CMD_STATUS) {
		KUNIT_EXPECT_EQ(b->test, status, pkt[3]);
		KUNIT_EXPECT_EQ(b->test, opcode, get_unaligned_le16(pkt + 5));
	} else {
		KUNIT_EXPECT_EQ(b->test, HCI_EV_CMD_COMPLETE, pkt[1]);
		KUNIT_EXPECT_EQ(b->test, opcode, get_unaligned_le16(pkt + 4));
		KUNIT_EXPECT_EQ(b->test, status, pkt[6]);
	}
	bench_clear(b);
}

void bench_expect_swap(struct bench *b, u16 asked, u16 sent, u8 status)
{
	u8 *pkt = b->down.pkt[0];

	KUNIT_EXPECT_EQ(b->test, 1, b->down.got);
	KUNIT_EXPECT_EQ(b->test, 0, b->up.got);
	KUNIT_EXPECT_EQ(b->test, HCI_COMMAND_PKT, pkt[0]);
	KUNIT_EXPECT_EQ(b->test, sent, get_unaligned_le16(pkt + 1));
	KUNIT_EXPECT_MEMEQ(b->test, pkt + 4, bench_addr, 6);
	bench_clear(b);
	bench_complete(b, sent, 0, true);
	KUNIT_EXPECT_EQ(b->test, 10 + 3, b->up.len[0]);
	bench_expect_status(b, asked, status);
}

void bench_expect_cut(struct bench *b)
{
	static const u8 disconnect[] = { HCI_COMMAND_PKT, 0x06, 0x04, 3, BENCH_BREDR, 0,
					 HCI_ERROR_AUTH_FAILURE };

	bench_expect(b, true, disconnect, sizeof(disconnect));
	KUNIT_EXPECT_EQ(b->test, 1ULL, b->h->count[PARLEY_HCI_CUTS]);
}

void bench_expect_smp(struct bench *b, bool down, const void *pdu, size_t len)
{
	u8 pkt[128];

	bench_expect(b, down, pkt, bench_le(pkt, down, pdu, len));
}

void bench_expect_failed(struct bench *b, u8 why, bool quiet)
{
	u8 failed[] = { 0x05, why }, pkt[16];
	size_t len;

	/* Room that was not used is given back. */
	KUNIT_EXPECT_EQ(b->test, quiet ? 0 : 1, b->down.got);
	KUNIT_EXPECT_EQ(b->test, quiet ? 2 : 1, b->up.got);
	len = bench_le(pkt, true, failed, sizeof(failed));
	if (!quiet)
		KUNIT_EXPECT_MEMEQ(b->test, b->down.pkt[0], pkt, len);
	else
		KUNIT_EXPECT_EQ(b->test, HCI_EV_NUM_COMP_PKTS, b->up.pkt[0][1]);
	bench_le(pkt, false, failed, sizeof(failed));
	KUNIT_EXPECT_MEMEQ(b->test, b->up.pkt[quiet], pkt, len);
	bench_clear(b);
}

/* A line of the audit is a count, a line and a rule; see parley_policy_audit(). */
unsigned long bench_audit(struct bench *b, const char *rule)
{
	size_t size = 16384;
	char *text = kunit_kzalloc(b->test, size, GFP_KERNEL), *line;
	unsigned long count = 0;
	unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(b->test, text);
	parley_policy_audit(b->h->policy, text, size);
	line = strstr(text, rule);
	while (line && line > text && line[-1] != '\n')
		line--;
	if (!line || sscanf(line, "%lu %u", &count, &nr) != 2)
		KUNIT_FAIL(b->test, "no count of %s\n", rule);
	return count;
}
