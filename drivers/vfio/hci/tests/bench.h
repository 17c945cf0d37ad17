/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A filter between a guest and a controller that only note what they get.
 */
#ifndef _PARLEY_HCI_BENCH_H
#define _PARLEY_HCI_BENCH_H

#include <kunit/test.h>
#include "../hci.h"

#define BENCH_PACKETS	160
#define BENCH_BREDR	0x0042
#define BENCH_LE	0x0043

/**
 * struct bench_side - what one of them got
 * @got: how many packets, of which the first BENCH_PACKETS are kept
 * @len: how long each is
 * @pkt: these
 */
struct bench_side {
	unsigned int got;
	u16 len[BENCH_PACKETS];
	u8 pkt[BENCH_PACKETS][PARLEY_HCI_FRAME];
};

/**
 * struct bench - a filter and its two sides
 * @test: whose it is
 * @h: the filter
 * @down: what the controller got
 * @up: what the guest got
 * @fail: the number of packets after which nobody takes more
 */
struct bench {
	struct kunit *test;
	struct parley_hci *h;
	struct bench_side down;
	struct bench_side up;
	unsigned int fail;
};

extern const u8 bench_addr[6];
extern const u8 bench_debug_x[32];

/* One that goes by @policy, or the first one if it is NULL, and knows two links. */
struct bench *bench_new(struct kunit *test, const char *policy);
/* The first policy, with one of its lines changed. */
const char *bench_policy(struct kunit *test, const char *line, const char *into);
void bench_clear(struct bench *b);
int bench_send(struct bench *b, bool down, const void *pkt, size_t len);
/* A command of the guest's. */
int bench_command(struct bench *b, u16 opcode, const void *param, size_t len);
/* One that begins with the address, and then has @len bytes. */
int bench_reply(struct bench *b, u16 opcode, const void *rest, size_t len);
/* An event of the controller's. */
int bench_event(struct bench *b, u8 event, const void *param, size_t len);
int bench_of_addr(struct bench *b, u8 event, const void *rest, size_t len);
int bench_complete(struct bench *b, u16 opcode, u8 status, bool addr);
/* A key of that type, for the link over BR/EDR. */
int bench_key(struct bench *b, u8 type);
/* A PDU over L2CAP, whole: of which link, and over which channel; its length. */
size_t bench_l2cap(u8 *pkt, bool down, u16 handle, u16 cid, const void *pdu, size_t len);
/* A PDU on the Security Manager's channel, whole. */
int bench_smp(struct bench *b, bool down, const void *pdu, size_t len);
/* The only packet that a side got is as given; both are empty after it. */
void bench_expect(struct bench *b, bool down, const void *pkt, size_t len);
void bench_expect_none(struct bench *b);
/* The guest is told that a command is refused; the controller hears nothing of it. */
void bench_expect_status(struct bench *b, u16 opcode, u8 status);
/* The controller gets the one instead of the other, and the guest the right answer. */
void bench_expect_swap(struct bench *b, u16 asked, u16 sent, u8 status);
/* The controller is told to end that link, and the guest of nothing. */
void bench_expect_cut(struct bench *b);
/* That PDU passes; or the pairing fails, for both or only for the guest. */
void bench_expect_smp(struct bench *b, bool down, const void *pdu, size_t len);
void bench_expect_failed(struct bench *b, u8 why, bool quiet);
/* How often a rule held that begins so. */
unsigned long bench_audit(struct bench *b, const char *rule);

#endif /* _PARLEY_HCI_BENCH_H */
