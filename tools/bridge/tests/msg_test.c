// SPDX-License-Identifier: GPL-2.0-only
/* What a message may look like, alone and on a socket. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "test.h"

#define ALL	PROTOCOL_OFFERED

static const char *check_size(uint32_t request, uint32_t size)
{
	struct msg_header h = { request, MSG_VERSION, size };

	return msg_check_header(&h);
}

static void sizes_are_bounded(void)
{
	EXPECT(!check_size(MSG_SET_FEATURES, 8));
	EXPECT(check_size(MSG_SET_FEATURES, 7));
	EXPECT(check_size(MSG_SET_FEATURES, 9));
	EXPECT(check_size(MSG_SET_FEATURES, UINT32_MAX));
	EXPECT(!check_size(MSG_SET_MEM_TABLE, 8 + 32 * 32));
	EXPECT(check_size(MSG_SET_MEM_TABLE, 8 + 32 * 32 + 1));
	EXPECT(!check_size(MSG_SET_CONFIG, 12 + 256));
	EXPECT(check_size(MSG_SET_CONFIG, 12 + 257));
	EXPECT(check_size(MSG_SET_CONFIG, 11));
	EXPECT(!check_size(MSG_GET_INFLIGHT_FD, 20));
	EXPECT(!check_size(MSG_GET_INFLIGHT_FD, 24));
}

static void unknown_requests_are_refused(void)
{
	EXPECT(check_size(0, 0));
	EXPECT(check_size(19, 8));	/* SEND_RARP: not for a disk */
	EXPECT(check_size(MSG_REQUESTS, 0));
	EXPECT(check_size(UINT32_MAX, 0));
	EXPECT(!strcmp(msg_name(UINT32_MAX), "unknown request"));
}

static void version_and_reply_bits(void)
{
	struct msg_header h = { MSG_GET_FEATURES, MSG_VERSION, 0 };

	EXPECT(!msg_check_header(&h));
	h.flags = 2;
	EXPECT(msg_check_header(&h));
	h.flags = MSG_VERSION | MSG_REPLY;
	EXPECT(msg_check_header(&h));
}

static void features_gate_messages(void)
{
	struct msg *m = vmm_msg(MSG_GET_MAX_MEM_SLOTS, 0);

	EXPECT(!msg_check(m, ALL));
	EXPECT(msg_check(m, ALL & ~(1ull << PROTOCOL_MEM_SLOTS)));
	free(m);
}

static void config_stays_within_256_bytes(void)
{
	struct msg *m = vmm_msg(MSG_GET_CONFIG, MSG_CONFIG_HEAD + 16);

	m->p.config.size = 16;
	m->p.config.offset = 240;
	EXPECT(!msg_check(m, ALL));
	m->p.config.offset = 241;
	EXPECT(msg_check(m, ALL));
	m->p.config.offset = UINT32_MAX;
	EXPECT(msg_check(m, ALL));
	m->p.config.offset = 0;
	m->p.config.size = UINT32_MAX;
	EXPECT(msg_check(m, ALL));
	m->p.config.size = 15;
	EXPECT(!msg_check(m, ALL));
	m->p.config.size = 17;
	EXPECT(!msg_check(m, ALL));
	m->header.request = MSG_SET_CONFIG;
	EXPECT(msg_check(m, ALL));
	m->p.config.size = 16;
	EXPECT(!msg_check(m, ALL));
	free(m);
}

static void bad_32_ring_index_of_a_descriptor_message(void)
{
	struct msg *m = vmm_msg(MSG_SET_VRING_CALL, 8);

	m->p.u64 = MSG_RING_NOFD | 3;
	EXPECT(!msg_check(m, ALL));
	m->p.u64 = MSG_RING_NOFD | 0x10003;
	EXPECT(msg_check(m, ALL));
	m->p.u64 = MSG_RING_NOFD | 1ull << 63;
	EXPECT(msg_check(m, ALL));
	free(m);
}

static void bad_34_surplus_descriptors(void)
{
	struct msg *m = vmm_msg(MSG_GET_FEATURES, 0);

	vmm_fd(m, vmm_eventfd());
	EXPECT(msg_check(m, ALL));
	m->header.request = MSG_SET_VRING_KICK;
	m->p.u64 = 1;
	EXPECT(!msg_check(m, ALL));
	m->p.u64 = MSG_RING_NOFD | 1;	/* none, it says, and here is one: not used */
	EXPECT(!msg_check(m, ALL));
	vmm_fd(m, vmm_eventfd());
	m->p.u64 = 1;
	EXPECT(msg_check(m, ALL));
	m->header.request = MSG_SET_MEM_TABLE;
	m->header.size = 8 + 32;
	m->p.table.nr = 1;		/* one region, two files */
	EXPECT(msg_check(m, ALL));
	m->header.size = 8 + 2 * 32;
	m->p.table.nr = 2;
	EXPECT(!msg_check(m, ALL));
	m->p.table.nr = 0x80000002;
	EXPECT(msg_check(m, ALL));
	m->p.table.nr = 3;		/* more than the payload holds */
	EXPECT(msg_check(m, ALL));
	msg_close_fds(m);
	free(m);
}

/* Send bytes and descriptors as one piece. */
static void piece(int sock, const void *buf, size_t len, unsigned int fds)
{
	char control[CMSG_SPACE(64 * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)buf, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	unsigned int i;
	int fd[64];

	for (i = 0; i < fds; i++)
		fd[i] = vmm_eventfd();
	if (fds) {
		mh.msg_control = control;
		mh.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(c), fd, fds * sizeof(int));
	}
	EXPECT(sendmsg(sock, &mh, 0) == (ssize_t)len);
	for (i = 0; i < fds; i++)
		close(fd[i]);
}

struct line {
	int s[2];
	struct reader r;
	const char *why;
};

static void line_open(struct line *l)
{
	memset(l, 0, sizeof(*l));
	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, l->s));
}

static void line_close(struct line *l)
{
	reader_next(&l->r);
	close(l->s[0]);
	close(l->s[1]);
}

static enum reader_result line_read(struct line *l)
{
	return reader_read(&l->r, l->s[1], &l->why);
}

static void pieces_become_messages(void)
{
	struct {
		struct msg_header h;
		uint32_t low, high;
	} m = { { MSG_SET_VRING_KICK, MSG_VERSION, 8 }, 5, 0 };
	struct line l;
	size_t i;

	line_open(&l);
	for (i = 0; i < sizeof(m); i++) {
		EXPECT(line_read(&l) == READER_AGAIN);
		piece(l.s[0], (char *)&m + i, 1, i == 13);
	}
	EXPECT(line_read(&l) == READER_MESSAGE);
	EXPECT(l.r.msg.p.u64 == 5 && l.r.msg.nr_fds == 1);
	reader_next(&l.r);
	EXPECT(line_read(&l) == READER_AGAIN);
	/* Two at once. */
	piece(l.s[0], &m, sizeof(m), 0);
	piece(l.s[0], &m, sizeof(m), 0);
	EXPECT(line_read(&l) == READER_MESSAGE);
	reader_next(&l.r);
	EXPECT(line_read(&l) == READER_MESSAGE);
	line_close(&l);
}

static void a_half_message_ends_with_the_vmm(void)
{
	struct msg_header h = { MSG_SET_VRING_KICK, MSG_VERSION, 8 };
	struct line l;

	line_open(&l);
	piece(l.s[0], &h, sizeof(h), 1);
	EXPECT(line_read(&l) == READER_AGAIN);
	shutdown(l.s[0], SHUT_RDWR);
	EXPECT(line_read(&l) == READER_CLOSED);
	line_close(&l);
}

static void bad_34_descriptors_beyond_any_message(void)
{
	struct msg_header h = { MSG_GET_FEATURES, MSG_VERSION, 0 };
	struct line l;

	line_open(&l);
	piece(l.s[0], &h, 6, MSG_FDS);
	piece(l.s[0], (char *)&h + 6, 6, 1);
	EXPECT(line_read(&l) == READER_BAD && l.why);
	line_close(&l);
	line_open(&l);
	piece(l.s[0], &h, sizeof(h), 64);
	EXPECT(line_read(&l) == READER_BAD && l.why);
	line_close(&l);
}

static void bad_34_huge_size_is_not_read(void)
{
	struct msg_header h = { MSG_SET_CONFIG, MSG_VERSION, 1u << 30 };
	struct line l;

	line_open(&l);
	piece(l.s[0], &h, sizeof(h), 0);
	EXPECT(line_read(&l) == READER_BAD && l.why);
	line_close(&l);
}

const struct test msg_tests[] = {
	{ "sizes_are_bounded", sizes_are_bounded },
	{ "unknown_requests_are_refused", unknown_requests_are_refused },
	{ "version_and_reply_bits", version_and_reply_bits },
	{ "features_gate_messages", features_gate_messages },
	{ "config_stays_within_256_bytes", config_stays_within_256_bytes },
	{ "bad_32_ring_index_of_a_descriptor_message",
	  bad_32_ring_index_of_a_descriptor_message },
	{ "bad_34_surplus_descriptors", bad_34_surplus_descriptors },
	{ "pieces_become_messages", pieces_become_messages },
	{ "a_half_message_ends_with_the_vmm", a_half_message_ends_with_the_vmm },
	{ "bad_34_descriptors_beyond_any_message",
	  bad_34_descriptors_beyond_any_message },
	{ "bad_34_huge_size_is_not_read", bad_34_huge_size_is_not_read },
	{ NULL, NULL },
};
