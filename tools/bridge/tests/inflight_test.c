// SPDX-License-Identifier: GPL-2.0-only
/* What survives us: the in-flight region, and a process that is killed. */
#define _GNU_SOURCE
#include <endian.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "test.h"

#define BASE	0x8007800au	/* of a packed ring of 16 or more */

/* Ask for a region and hand it over, as QEMU does; returns our copy of it. */
static int adopt(struct vmm *v)
{
	int fd;

	EXPECT(!vmm_inflight(v, MSG_GET_INFLIGHT_FD, -1, 4, 0, 0));
	fd = v->reply_fd;
	v->reply_fd = -1;
	EXPECT(fd >= 0 && v->reply.inflight.size == inflight_size(4));
	EXPECT(!vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(fd), 4,
			     v->reply.inflight.size, 0));
	return fd;
}

static int readopt(struct vmm *v, int fd)
{
	return vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(fd), 4,
			    inflight_size(4), 0);
}

/* After vmm_restart(): the VMM goes on with the region and starts the ring. */
static void succeed(struct vmm *v, int fd, unsigned int ring)
{
	/* QEMU cannot know the base of a packed ring and sends an old one. */
	vmm_handshake(v, VMM_PACKED);
	EXPECT(!readopt(v, fd));
	EXPECT(!vmm_ring(v, ring, 100, 0x80008000));
}

static struct inflight_ring look(int fd, unsigned int ring)
{
	struct inflight_ring r;

	EXPECT(pread(fd, &r, sizeof(r), (off_t)inflight_size(ring)) ==
	       sizeof(r));
	return r;
}

static void change(int fd, unsigned int ring, const struct inflight_ring *r)
{
	EXPECT(pwrite(fd, r, sizeof(*r), (off_t)inflight_size(ring)) ==
	       sizeof(*r));
}

static void a_killed_process_is_succeeded(void)
{
	struct vmm *v = vmm_new();
	struct inflight_ring r;
	int fd;

	v->fake.advance = 3;
	vmm_handshake(v, VMM_PACKED);
	fd = adopt(v);
	EXPECT(!vmm_ring(v, 1, 100, 0x80008000));
	r = look(fd, 1);
	EXPECT(le32toh(r.kept.state) == PARLEY_VHOST_KEPT_RUNNING);
	EXPECT(le32toh(r.num) == 100 && le32toh(r.packed) == 1 && !r.told);
	EXPECT(!look(fd, 0).kept.state);

	vmm_restart(v);
	r = look(fd, 1);
	EXPECT(le32toh(r.kept.state) == PARLEY_VHOST_KEPT_STOPPED);
	succeed(v, fd, 1);
	EXPECT(v->fake.ring[1].base == 0x80008003);
	EXPECT(le32toh(look(fd, 1).kept.state) == PARLEY_VHOST_KEPT_RUNNING);
	close(fd);
	vmm_free(v);
}

static void a_process_that_ends_is_succeeded_too(void)
{
	struct vmm *v = vmm_new();
	int fd;

	v->fake.advance = 3;
	vmm_handshake(v, VMM_PACKED);
	fd = adopt(v);
	EXPECT(!vmm_ring(v, 0, 100, 0x80008000));
	conn_close(&v->c);
	EXPECT(le32toh(look(fd, 0).kept.base) == 0x80008003);
	vmm_restart(v);
	succeed(v, fd, 0);
	EXPECT(v->fake.ring[0].base == 0x80008003);
	close(fd);
	vmm_free(v);
}

/* Killed before it ran at all: the region says where it was to begin. */
static void killed_between_words_and_deeds(void)
{
	struct vmm *v = vmm_new();
	int fd;

	vmm_handshake(v, VMM_PACKED);
	fd = adopt(v);
	v->fake.fail_at = v->fake.calls + 5;	/* after inflight_start() */
	EXPECT(vmm_ring(v, 0, 100, 0x80058005));
	EXPECT(!v->fake.ring[0].starts);
	EXPECT(le32toh(look(fd, 0).kept.base) == 0x80058005);
	vmm_restart(v);
	succeed(v, fd, 0);
	EXPECT(v->fake.ring[0].base == 0x80058005);
	close(fd);
	vmm_free(v);
}

static void a_vmm_that_was_told_knows_better(void)
{
	struct vmm *v = vmm_new();
	int fd;

	v->fake.advance = 3;
	vmm_handshake(v, VMM_PACKED);
	fd = adopt(v);
	EXPECT(!vmm_ring(v, 0, 100, 0x80008000));
	EXPECT(!vmm_state(v, MSG_GET_VRING_BASE, 0, 0));
	EXPECT(le32toh(look(fd, 0).told) == 1);
	/* It reset the guest's device since, say. */
	EXPECT(!readopt(v, fd));
	EXPECT(!vmm_ring(v, 0, 100, 0x80008000));
	EXPECT(v->fake.ring[0].base == 0x80008000);
	EXPECT(!look(fd, 0).told);
	close(fd);
	vmm_free(v);
}

static void what_makes_no_sense_is_not_believed(void)
{
	struct inflight_ring good = {
		.kept = { htole32(BASE), htole32(PARLEY_VHOST_KEPT_STOPPED) },
		.num = htole32(100),
		.packed = htole32(1),
	}, bad;
	struct vmm *v = vmm_new();
	uint32_t base = 0;
	int fd;

	vmm_handshake(v, VMM_PACKED);
	fd = adopt(v);
#define ASK(num, packed) inflight_ask(&v->c.d.inflight, 0, num, packed, &base)
	change(fd, 0, &good);
	EXPECT(ASK(100, true) == INFLIGHT_BASE && base == BASE);
	EXPECT(ASK(101, true) == INFLIGHT_NOTHING);
	EXPECT(ASK(100, false) == INFLIGHT_NOTHING);
	bad = good;
	bad.kept.base = htole32(0x80008064);	/* index 100 of 100 */
	change(fd, 0, &bad);
	EXPECT(ASK(100, true) == INFLIGHT_NOTHING);
	bad.kept.base = htole32(0x80648000);
	change(fd, 0, &bad);
	EXPECT(ASK(100, true) == INFLIGHT_NOTHING);
	bad.packed = 0;
	bad.kept.base = htole32(0x10000);
	change(fd, 0, &bad);
	EXPECT(ASK(100, false) == INFLIGHT_NOTHING);
	bad.kept.base = htole32(0xffff);
	change(fd, 0, &bad);
	EXPECT(ASK(100, false) == INFLIGHT_BASE && base == 0xffff);
	bad = good;
	bad.kept.state = htole32(77);
	change(fd, 0, &bad);
	EXPECT(ASK(100, true) == INFLIGHT_NOTHING);
#undef ASK
	close(fd);
	vmm_free(v);
}

static void a_predecessor_is_waited_for(void)
{
	struct inflight_ring r = {
		.kept = { htole32(BASE), htole32(PARLEY_VHOST_KEPT_RUNNING) },
		.num = htole32(100),
		.packed = htole32(1),
	};
	struct vmm *v = vmm_new();
	int fd;

	vmm_handshake(v, VMM_PACKED);
	fd = adopt(v);
	change(fd, 0, &r);
	/* Not for ever, and it is no reason to start from somewhere. */
	EXPECT(vmm_ring(v, 0, 100, 0x80008000));
	EXPECT(!v->fake.ring[0].starts);
	r.kept.state = htole32(PARLEY_VHOST_KEPT_STOPPED);
	change(fd, 0, &r);
	EXPECT(!vmm_ring(v, 0, 100, 0x80008000));
	EXPECT(v->fake.ring[0].base == BASE);
	close(fd);
	vmm_free(v);
}

static void a_broken_ring_stays_idle(void)
{
	struct inflight_ring r = {
		.kept = { 0, htole32(PARLEY_VHOST_KEPT_BROKEN) },
	};
	struct vmm *v = vmm_new();
	int fd, err = vmm_eventfd();

	vmm_handshake(v, VMM_PACKED);
	fd = adopt(v);
	change(fd, 0, &r);
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_ERR, 0, dup(err)));
	EXPECT(!vmm_ring(v, 0, 100, 0x80008000));
	EXPECT(!v->fake.ring[0].starts && vmm_event(err));
	EXPECT(!vmm_ring(v, 1, 100, 0x80008000) && v->fake.ring[1].on);
	/* A fresh region, after the guest's reset. */
	close(fd);
	fd = -1;
	EXPECT(!vmm_state(v, MSG_GET_VRING_BASE, 1, 0));
	EXPECT(!vmm_state(v, MSG_GET_VRING_BASE, 0, 0));
	fd = adopt(v);
	EXPECT(!vmm_ring(v, 0, 100, 0x80008000) && v->fake.ring[0].on);
	close(fd);
	close(err);
	vmm_free(v);
}

static int waited;

static void woken(int sig)
{
	(void)sig;
	waited = 1;
}

/* An eventfd, or a pipe, that takes no more: nobody waits until it does. */
static void a_full_error_eventfd_is_not_waited_for(void)
{
	const uint64_t most = UINT64_MAX - 1;
	struct inflight_ring r = {
		.kept = { 0, htole32(PARLEY_VHOST_KEPT_BROKEN) },
	};
	struct sigaction act = { .sa_handler = woken };
	int full[2], ends[2] = { -1, -1 }, i, fd;
	struct vmm *v;

	full[0] = eventfd(0, EFD_CLOEXEC);
	EXPECT(write(full[0], &most, sizeof(most)) == sizeof(most));
	EXPECT(!pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	while (write(ends[1], &most, sizeof(most)) > 0)
		continue;
	EXPECT(!fcntl(ends[1], F_SETFL, 0));
	full[1] = ends[1];
	waited = 0;
	sigaction(SIGALRM, &act, NULL);
	for (i = 0; i < 2; i++) {
		v = vmm_new();
		vmm_handshake(v, VMM_PACKED);
		fd = adopt(v);
		change(fd, 0, &r);
		EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_ERR, 0, dup(full[i])));
		alarm(2);
		EXPECT(!vmm_ring(v, 0, 100, 0x80008000));
		alarm(0);
		EXPECT(!waited);
		/* The VMM's own end waits as before. */
		EXPECT(!(fcntl(full[i], F_GETFL) & O_NONBLOCK));
		close(fd);
		vmm_free(v);
	}
	signal(SIGALRM, SIG_DFL);
	close(full[0]);
	close(ends[0]);
	close(ends[1]);
}

static void foreign_regions_are_refused(void)
{
	const uint64_t size = inflight_size(4);
	struct inflight_header h = { .magic = htole64(INFLIGHT_MAGIC) };
	struct vmm *v = vmm_new();
	uint64_t other = 1;
	int fd = vmm_memfd(size);

	vmm_handshake(v, VMM_PACKED);
	EXPECT(!readopt(v, fd));		/* all zeroes: a fresh one */
	EXPECT(pread(fd, &h, sizeof(h), 0) == sizeof(h));
	EXPECT(le64toh(h.magic) == INFLIGHT_MAGIC && le32toh(h.nr_queues) == 4);
	h.version = htole32(2);
	EXPECT(pwrite(fd, &h, sizeof(h), 0) == sizeof(h));
	EXPECT(readopt(v, fd));
	h.version = htole32(1);
	h.nr_queues = htole32(3);
	EXPECT(pwrite(fd, &h, sizeof(h), 0) == sizeof(h));
	EXPECT(readopt(v, fd));
	EXPECT(pwrite(fd, &other, sizeof(other), 0) == sizeof(other));
	EXPECT(readopt(v, fd));
	/* The one in use is not lost by that. */
	EXPECT(v->c.d.inflight.lent.map && v->c.d.inflight.nr_queues == 4);
	close(fd);
	vmm_free(v);
}

static void bad_33_region_offset_and_size(void)
{
	const uint64_t size = inflight_size(4);
	struct vmm *v = vmm_new();
	int fd = vmm_memfd(8192);

	vmm_handshake(v, VMM_PACKED);
#define SET(queues, size, offset) \
	vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(fd), queues, size, offset)
	EXPECT(SET(4, size - 1, 0));
	EXPECT(SET(4, 8193, 0));
	EXPECT(SET(4, size, 8192));
	EXPECT(SET(4, size, -8ull));
	EXPECT(SET(4, UINT64_MAX, 8));
	EXPECT(SET(4, size, 4));
	EXPECT(SET(9, 8192, 0));
	EXPECT(SET(65535, UINT64_MAX, 0));
	EXPECT(!v->c.d.inflight.lent.map);
	EXPECT(!SET(4, size, 4096 + 8));
	EXPECT(inflight_kept(&v->c.d.inflight, 0) && !vmm_ring(v, 0, 64, 0));
	EXPECT(SET(4, size, 0));	/* not while a ring runs */
#undef SET
	close(fd);
	vmm_free(v);
}

static void bad_35_regions_do_not_leak(void)
{
	struct vmm *v = vmm_new();
	unsigned int i;
	int fd;

	vmm_handshake(v, VMM_PACKED);
	fd = adopt(v);
	for (i = 0; i < 2000; i++) {
		EXPECT(!vmm_inflight(v, MSG_GET_INFLIGHT_FD, -1, 4, 0, 0));
		EXPECT(!readopt(v, fd));
		EXPECT(vmm_inflight(v, MSG_SET_INFLIGHT_FD, vmm_eventfd(), 4,
				    inflight_size(4), 0));
		EXPECT(vmm_inflight(v, MSG_GET_INFLIGHT_FD, vmm_eventfd(), 4,
				    0, 0));
	}
	close(fd);
	vmm_free(v);
}

static void bad_35_no_message_leaks_its_descriptors(void)
{
	struct vmm *v = vmm_new();
	unsigned int i, request;
	struct msg *m;
	int first = vmm_eventfd(), last;

	close(first);
	vmm_handshake(v, VMM_SPLIT);
	for (request = 0; request < MSG_REQUESTS; request++)
		for (i = 0; i <= MSG_FDS; i++) {
			m = vmm_msg(request, 8);
			while (m->nr_fds < i)
				vmm_fd(m, vmm_eventfd());
			vmm_send(v, m);
		}
	last = vmm_eventfd();
	EXPECT(last < first + 32);
	close(last);
	vmm_free(v);
}

static void a_truncated_region_hurts_nobody(void)
{
	struct vmm *v = vmm_new();
	int fd = vmm_memfd(8192);

	vmm_handshake(v, VMM_PACKED);
	EXPECT(!readopt(v, fd));
	EXPECT(!ftruncate(fd, 0));
	EXPECT(vmm_ring(v, 0, 64, 0) == 0 || v->fake.ring[0].starts == 0);
	vmm_state(v, MSG_GET_VRING_BASE, 0, 0);
	close(fd);
	vmm_free(v);
}

static void our_region_cannot_be_truncated(void)
{
	struct vmm *v = vmm_new();
	int fd;

	vmm_handshake(v, VMM_PACKED);
	fd = adopt(v);
	EXPECT(ftruncate(fd, 0) && ftruncate(fd, 1 << 20));
	EXPECT(vmm_inflight(v, MSG_GET_INFLIGHT_FD, -1, 0, 0, 0));
	EXPECT(vmm_inflight(v, MSG_GET_INFLIGHT_FD, -1, 9, 0, 0));
	close(fd);
	vmm_free(v);
}

/* One VMM's life with the n-th call to the kernel failing, for every n. */
static bool life(unsigned int n)
{
	struct vmm *v = vmm_new();
	bool failed;
	int fd = -1;

	v->fake.fail_at = n;
	v->fake.calls = 0;
	vmm_restart(v);
	v->fake.fail_at = v->fake.calls + n;
	vmm_u64(v, MSG_SET_PROTOCOL_FEATURES, PROTOCOL_OFFERED);
	vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT);
	vmm_add(v, 0, VMM_SIZE, VMM_USER, 0, vmm_memfd(VMM_SIZE));
	vmm_add(v, VMM_SIZE, 8192, 4096, 0, vmm_memfd(8192));
	if (!vmm_inflight(v, MSG_GET_INFLIGHT_FD, -1, 4, 0, 0)) {
		fd = v->reply_fd;
		v->reply_fd = -1;
		readopt(v, fd);
	}
	vmm_ring(v, 0, 64, 0);
	vmm_log(v, 1 << 20, 0, vmm_memfd(1 << 20));
	vmm_addr(v, 0, 0, 1, 0x1000);
	vmm_u64(v, MSG_GET_CONFIG, 0);
	vmm_state(v, MSG_GET_VRING_BASE, 0, 0);
	vmm_u64(v, MSG_RESET_DEVICE, 0);
	failed = v->fake.calls >= v->fake.fail_at;
	if (fd >= 0)
		close(fd);
	vmm_free(v);
	return failed;
}

static void every_call_may_fail(void)
{
	unsigned int n = 1;

	while (life(n))
		n++;
	EXPECT(n > 20);
}

/* The same for what happens when a connection begins. */
static void every_call_of_the_beginning_may_fail(void)
{
	unsigned int n, refused = 0;
	struct vmm *v;

	for (n = 1; n < 20; n++) {
		v = vmm_new();
		conn_close(&v->c);
		v->fake.calls = 0;
		v->fake.fail_at = n;
		v->why = conn_open(&v->c, &v->disk, &v->who, -1);
		refused += !!v->why;
		EXPECT(!!v->why == (v->fake.calls >= n));
		vmm_free(v);
	}
	EXPECT(refused >= 6);
}

const struct test inflight_tests[] = {
	{ "a_killed_process_is_succeeded", a_killed_process_is_succeeded },
	{ "a_process_that_ends_is_succeeded_too",
	  a_process_that_ends_is_succeeded_too },
	{ "killed_between_words_and_deeds", killed_between_words_and_deeds },
	{ "a_vmm_that_was_told_knows_better", a_vmm_that_was_told_knows_better },
	{ "what_makes_no_sense_is_not_believed",
	  what_makes_no_sense_is_not_believed },
	{ "a_predecessor_is_waited_for", a_predecessor_is_waited_for },
	{ "a_broken_ring_stays_idle", a_broken_ring_stays_idle },
	{ "a_full_error_eventfd_is_not_waited_for",
	  a_full_error_eventfd_is_not_waited_for },
	{ "foreign_regions_are_refused", foreign_regions_are_refused },
	{ "bad_33_region_offset_and_size", bad_33_region_offset_and_size },
	{ "bad_35_regions_do_not_leak", bad_35_regions_do_not_leak },
	{ "bad_35_no_message_leaks_its_descriptors",
	  bad_35_no_message_leaks_its_descriptors },
	{ "a_truncated_region_hurts_nobody", a_truncated_region_hurts_nobody },
	{ "our_region_cannot_be_truncated", our_region_cannot_be_truncated },
	{ "every_call_may_fail", every_call_may_fail },
	{ "every_call_of_the_beginning_may_fail",
	  every_call_of_the_beginning_may_fail },
	{ NULL, NULL },
};
