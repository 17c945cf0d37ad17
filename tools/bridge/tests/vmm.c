// SPDX-License-Identifier: GPL-2.0-only
/* A VMM made of functions. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include "test.h"

struct vmm *vmm_current;

/* What the connection answers, with a descriptor of our own. */
static int take_reply(int sock, const void *buf, size_t len, int fd)
{
	struct vmm *v = vmm_current;

	(void)sock;
	v->replies++;
	v->reply_size = (uint32_t)(len - sizeof(struct msg_header));
	memset(&v->reply, 0, sizeof(v->reply));
	memcpy(&v->reply, (const char *)buf + sizeof(struct msg_header),
	       v->reply_size);
	if (v->reply_fd >= 0)
		close(v->reply_fd);
	v->reply_fd = fd < 0 ? -1 : dup(fd);
	return 0;
}

static void connect_vmm(struct vmm *v)
{
	v->who.disk = "test";
	v->who.conn = 1;
	v->why = conn_open(&v->c, &v->disk, &v->who, -1);
	v->c.send = take_reply;
	v->c.d.wait_ms = 20;
	v->c.d.claim_ms = 20;
}

static char image[64];

static void remove_image(void)
{
	unlink(image);
}

/* A file that may be a back end: 1 MiB, all that a fake kernel needs. */
const char *test_image(void)
{
	int fd;

	if (*image)
		return image;
	snprintf(image, sizeof(image), "/tmp/parley-bridge-test.%d.img", getpid());
	fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 1 << 20))
		abort();
	close(fd);
	atexit(remove_image);
	return image;
}

struct vmm *vmm_new(void)
{
	struct vmm *v = calloc(1, sizeof(*v));

	fake_init(&v->fake);
	v->reply_fd = -1;
	v->memory = -1;
	v->disk.ops = &fake_ops;
	v->disk.ops_priv = &v->fake;
	v->disk.control = -1;
	v->disk.options.path = (char *)test_image();
	v->disk.options.share = true;
	v->disk.options.queues = 8;
	v->disk.options.workers = 2;
	v->disk.options.fd = -1;
	vmm_current = v;
	connect_vmm(v);
	return v;
}

void vmm_free(struct vmm *v)
{
	conn_close(&v->c);
	if (v->reply_fd >= 0)
		close(v->reply_fd);
	if (v->memory >= 0)
		close(v->memory);
	fake_release(&v->fake);
	free(v);
}

void vmm_restart(struct vmm *v)
{
	unsigned int i;

	/* The kernel stops the rings; nothing of ours runs any more. */
	v->fake.fail_at = 0;
	kernel_close(&v->c.d.kernel);
	for (i = 0; i < v->c.d.nr_rings; i++)
		v->c.d.ring[i].running = false;
	conn_close(&v->c);
	connect_vmm(v);
}

struct msg *vmm_msg(uint32_t request, uint32_t size)
{
	struct msg *m = calloc(1, sizeof(*m));

	m->header.request = request;
	m->header.flags = MSG_VERSION | MSG_NEED_REPLY;
	m->header.size = size;
	return m;
}

/* The descriptor is the message's from now on. */
void vmm_fd(struct msg *m, int fd)
{
	m->fds[m->nr_fds++] = fd;
}

/* As conn_input() does; frees the message. */
int vmm_send(struct vmm *v, struct msg *m)
{
	int ret = -1;

	vmm_current = v;
	if (!msg_check_header(&m->header))
		ret = conn_message(&v->c, m);
	msg_close_fds(m);
	free(m);
	fake_check(&v->fake);
	return ret;
}

int vmm_u64(struct vmm *v, uint32_t request, uint64_t value)
{
	struct msg *m = vmm_msg(request, sizeof(uint64_t));

	m->p.u64 = value;
	return vmm_send(v, m);
}

int vmm_state(struct vmm *v, uint32_t request, uint32_t index, uint32_t num)
{
	struct msg *m = vmm_msg(request, sizeof(m->p.state));

	m->p.state.index = index;
	m->p.state.num = num;
	return vmm_send(v, m);
}

int vmm_ring_fd(struct vmm *v, uint32_t request, uint64_t bits, int fd)
{
	struct msg *m = vmm_msg(request, sizeof(uint64_t));

	m->p.u64 = bits;
	if (fd >= 0)
		vmm_fd(m, fd);
	return vmm_send(v, m);
}

int vmm_inflight(struct vmm *v, uint32_t request, int fd, uint16_t queues,
		 uint64_t size, uint64_t offset)
{
	struct msg *m = vmm_msg(request, sizeof(m->p.inflight));

	m->p.inflight.nr_queues = queues;
	m->p.inflight.queue_size = 128;
	m->p.inflight.size = size;
	m->p.inflight.offset = offset;
	if (fd >= 0)
		vmm_fd(m, fd);
	return vmm_send(v, m);
}

int vmm_add(struct vmm *v, uint64_t guest, uint64_t size, uint64_t user,
	    uint64_t offset, int fd)
{
	struct msg *m = vmm_msg(MSG_ADD_MEM_REG, sizeof(m->p.reg));

	m->p.reg.region = (struct msg_region){ guest, size, user, offset };
	if (fd >= 0)
		vmm_fd(m, fd);
	return vmm_send(v, m);
}

/* The three areas of a ring, well apart, from VMM_USER + at. */
int vmm_addr(struct vmm *v, uint32_t index, uint64_t at, uint32_t flags,
	     uint64_t log)
{
	struct msg *m = vmm_msg(MSG_SET_VRING_ADDR, sizeof(m->p.addr));

	m->p.addr.index = index;
	m->p.addr.flags = flags;
	m->p.addr.desc_user_addr = VMM_USER + at;
	m->p.addr.avail_user_addr = VMM_USER + at + 0x10000;
	m->p.addr.used_user_addr = VMM_USER + at + 0x20000;
	m->p.addr.log_guest_addr = log;
	return vmm_send(v, m);
}

int vmm_log(struct vmm *v, uint64_t size, uint64_t offset, int fd)
{
	struct msg *m = vmm_msg(MSG_SET_LOG_BASE, sizeof(m->p.log));

	m->p.log.size = size;
	m->p.log.offset = offset;
	if (fd >= 0)
		vmm_fd(m, fd);
	return vmm_send(v, m);
}

int vmm_memfd(uint64_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size))
		abort();
	return fd;
}

int vmm_eventfd(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void vmm_handshake(struct vmm *v, uint64_t features)
{
	EXPECT(!v->why);
	EXPECT(!vmm_u64(v, MSG_SET_PROTOCOL_FEATURES, PROTOCOL_OFFERED));
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, features));
	if (v->memory < 0)
		v->memory = vmm_memfd(VMM_SIZE);
	EXPECT(!vmm_add(v, 0, VMM_SIZE, VMM_USER, 0, dup(v->memory)));
}

/* All that starts a ring; 0 if it runs. */
int vmm_ring(struct vmm *v, uint32_t index, uint32_t num, uint32_t base)
{
	if (vmm_state(v, MSG_SET_VRING_NUM, index, num) ||
	    vmm_state(v, MSG_SET_VRING_BASE, index, base) ||
	    vmm_addr(v, index, index * 0x40000ull, 0, 0) ||
	    vmm_ring_fd(v, MSG_SET_VRING_KICK, index, vmm_eventfd()) ||
	    vmm_ring_fd(v, MSG_SET_VRING_CALL, index, vmm_eventfd()))
		return -1;
	return vmm_state(v, MSG_SET_VRING_ENABLE, index, 1);
}

/* Was the eventfd signalled? */
bool vmm_event(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}
