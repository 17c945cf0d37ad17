// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile VMM at parley-bridge.  The kernel is a table of functions that
 * aborts where the real one would be led astray (tools/bridge/tests/fake.c);
 * here, file descriptors are counted besides.
 *
 * The first byte of an input chooses: bit 0, bytes on a socket as they are, in
 * pieces; or whole messages with descriptors, after a handshake if bit 1 is set,
 * and with a second VMM in turns if bit 6 is.  Every ring that runs has requests
 * in flight in each region of the guest's memory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/fake.h"
#include "conn.h"
#include "input.h"

#define USER	0x7f0000000000ull
#define MEMORY	(4u << 20)

/* The in-flight region that was last given away. */
static int region = -1;

static int hear(int sock, const void *buf, size_t len, int fd)
{
	(void)sock;
	(void)buf;
	if (len > sizeof(struct msg_header) + sizeof(union msg_payload))
		abort();
	if (fd >= 0) {
		if (region >= 0)
			close(region);
		region = dup(fd);
	}
	return 0;
}

static int memory(off_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, size))
		abort();
	return fd;
}

static int some_fd(uint8_t kind)
{
	switch (kind & 7) {
	case 0:
		return memory(MEMORY);
	case 1:
		return memory(8192);
	case 2:
		return region < 0 ? memory(0) : dup(region);
	case 3:
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	case 4:
		return open("/dev/zero", O_RDWR | O_CLOEXEC);
	default:
		return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
}

static void cook_region(struct msg_region *r)
{
	r->guest = r->guest % 64 << 16;
	r->size = r->size % 65 << 16;
	r->user = USER + (r->user % 64 << 16);
	r->offset = r->offset % 16 << 12;
}

/* Make it likelier that a payload is nearly right. */
static void cook(struct msg *m)
{
	unsigned int i;

	switch (m->header.request) {
	case MSG_SET_MEM_TABLE:
		m->p.table.nr %= MSG_TABLE_REGIONS + 2;
		for (i = 0; i < MSG_TABLE_REGIONS; i++)
			cook_region(&m->p.table.region[i]);
		m->header.size = 8 + m->p.table.nr * sizeof(struct msg_region);
		break;
	case MSG_ADD_MEM_REG:
	case MSG_REM_MEM_REG:
		cook_region(&m->p.reg.region);
		m->header.size = sizeof(m->p.reg);
		break;
	case MSG_SET_VRING_ADDR:
		m->p.addr.index %= 9;
		m->p.addr.desc_user_addr = USER + m->p.addr.desc_user_addr % MEMORY;
		m->p.addr.avail_user_addr = USER + m->p.addr.avail_user_addr % MEMORY;
		m->p.addr.used_user_addr = USER + m->p.addr.used_user_addr % MEMORY;
		m->p.addr.log_guest_addr %= 2 * MEMORY;
		m->header.size = sizeof(m->p.addr);
		break;
	case MSG_SET_LOG_BASE:
		m->p.log.size %= 2 * MEMORY;
		m->p.log.offset %= 16384;
		m->header.size = sizeof(m->p.log);
		break;
	case MSG_GET_INFLIGHT_FD:
	case MSG_SET_INFLIGHT_FD:
		m->p.inflight.nr_queues %= 10;
		m->p.inflight.size %= 8192;
		m->p.inflight.offset = m->p.inflight.offset % 64 * 8;
		m->header.size = sizeof(m->p.inflight);
		break;
	case MSG_GET_CONFIG:
	case MSG_SET_CONFIG:
		m->p.config.offset %= 300;
		m->p.config.size %= 300;
		m->header.size = MSG_CONFIG_HEAD + m->p.config.size;
		break;
	case MSG_SET_FEATURES:
		m->p.u64 &= FAKE_FEATURES | 1ull << MSG_F_PROTOCOL;
		m->header.size = 8;
		break;
	default:
		m->p.state.index %= 9;
		m->header.size = 8;
	}
}

/* To the second connection, if there is one, when bit 2 of the second byte says. */
static int message(struct conn *c, struct input *in, bool two)
{
	struct msg m = { 0 };
	uint8_t how, fds;
	int ret = 0;

	m.header.request = byte(in) % (MSG_REQUESTS + 1);
	how = byte(in);
	if (two && how & 4)
		c++;
	fds = byte(in);
	m.header.flags = MSG_VERSION | (how & MSG_NEED_REPLY);
	m.header.size = how & 0x10 ? byte(in) + (how & 3) * 256 : how >> 5 << 3;
	if (how & 0x20)
		take(in, &m.p, sizeof(m.p));
	else
		take(in, &m.p, 40);
	if (!(how & 0x10))
		cook(&m);
	while (m.nr_fds < (fds & 15) && m.nr_fds < MSG_FDS)
		m.fds[m.nr_fds++] = some_fd(fds >> 4 ? fds >> 4 : byte(in));
	if (!msg_check_header(&m.header))
		ret = conn_message(c, &m);
	msg_close_fds(&m);
	return ret;
}

static void plain(struct conn *c, uint32_t request, const void *payload,
		  uint32_t size, int fd)
{
	struct msg m = { { request, MSG_VERSION, size }, .nr_fds = fd >= 0 };

	memcpy(&m.p, payload, size);
	m.fds[0] = fd;
	if (conn_message(c, &m))
		abort();
	msg_close_fds(&m);
}

static void handshake(struct conn *c, bool packed)
{
	struct msg_mem_reg reg = { 0, { 0, MEMORY, USER, 0 } };
	uint64_t protocol = PROTOCOL_OFFERED;
	uint64_t features = 1ull << 32 | 1ull << MSG_F_PROTOCOL |
			    (uint64_t)packed << 34;

	plain(c, MSG_SET_PROTOCOL_FEATURES, &protocol, 8, -1);
	plain(c, MSG_SET_FEATURES, &features, 8, -1);
	plain(c, MSG_ADD_MEM_REG, &reg, sizeof(reg), memory(MEMORY));
}

static void messages(struct conn *c, const struct fake *f, struct input *in,
		     uint8_t mode)
{
	bool two = mode & 0x40;

	if (mode & 2)
		handshake(c, mode & 4);
	if (two)
		handshake(c + 1, mode & 4);
	/* A connection that went wrong is closed; another one never sees it. */
	while (in->left && !message(c, in, two)) {
		fake_check(&f[0]);
		fake_check(&f[1]);
		if (device_ticks(&c->d))
			device_tick(&c->d);
	}
	fake_check(&f[0]);
	fake_check(&f[1]);
}

static void stream(struct conn *c, struct input *in)
{
	uint8_t buf[256];
	size_t len;
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s))
		abort();
	c->sock = s[0];
	while (in->left) {
		len = 1 + byte(in);
		if (len > in->left)
			len = in->left;
		if (!len)
			break;
		take(in, buf, len);
		if (sock_send(s[1], buf, len, len & 1 ? region : -1) ||
		    conn_input(c))
			break;
	}
	close(s[1]);
}

static int next_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	close(fd);
	return fd;
}

static struct conn conns[2];
static struct fake fakes[2];

/* A connection to a disk of its own; false if the kernel did not want to. */
static bool begin(struct disk *disk, struct who *who, unsigned int i)
{
	*disk = (struct disk){
		.ops = &fake_ops, .ops_priv = &fakes[i], .control = -1,
		/* Any file that is there; the kernel of functions reads none. */
		.options = { .path = "/proc/self/exe", .queues = 8, .workers = 2,
			     .read_only = true, .share = true, .fd = -1 },
	};
	*who = (struct who){ .disk = "fuzz" };
	if (conn_open(&conns[i], disk, who, -1))
		return false;
	conns[i].send = hear;
	conns[i].d.wait_ms = 0;
	conns[i].d.claim_ms = 0;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct disk disks[2];
	struct who who[2];
	int fd = next_fd();
	unsigned int i;
	uint8_t mode;

	say_quiet = 1;
	for (i = 0; i < 2; i++) {
		fake_init(&fakes[i]);
		fakes[i].advance = 5;
		fakes[i].busy = true;
	}
	mode = byte(&in);
	if (mode & 0x80)
		fakes[0].fail_at = 8 + byte(&in);
	/* The second one first: that one is not refused by its kernel. */
	if (begin(&disks[1], &who[1], 1) && begin(&disks[0], &who[0], 0)) {
		if (mode & 1)
			stream(conns, &in);
		else
			messages(conns, fakes, &in, mode & 0x80 ? mode & ~2 : mode);
	}
	for (i = 0; i < 2; i++) {
		conn_close(&conns[i]);
		fake_release(&fakes[i]);
	}
	if (region >= 0)
		close(region);
	region = -1;
	if (next_fd() != fd)
		abort();	/* a file descriptor leaked */
	return 0;
}
