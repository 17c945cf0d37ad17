// SPDX-License-Identifier: GPL-2.0-only
/* A device in shared memory, with a guest made of functions, on a fake kernel. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/virtio_config.h>
#include "../sched.h"
#include "../shm.h"
#include "served.h"

#define MIB		4
#define QUEUES		2
#define DRIVER		(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define AGREED		(DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define LIVE		(AGREED | VIRTIO_CONFIG_S_DRIVER_OK)
#define NEEDS_RESET	0x40
#define VERSION_1	(1ull << VIRTIO_F_VERSION_1)
#define PACKED		(1ull << VIRTIO_F_RING_PACKED)
#define WCE		32
#define RING		0x2000	/* where a ring lies in the memory */

/**
 * struct guest - a guest, its device, and what they share
 * @h: the guest's mapping
 * @number: of its last request
 */
struct guest {
	struct fake fake;
	struct disk disk;
	struct who who;
	struct conn c;
	struct ivshmem *iv;
	struct shm s;
	struct parley_shm_header *h;
	uint32_t number;
};

static struct parley_shm_header *map(int fd)
{
	void *at = mmap(NULL, MIB << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		abort();
	return at;
}

static void begin(struct guest *g)
{
	g->who.disk = "test";
	EXPECT(!conn_open(&g->c, &g->disk, &g->who, -1));
	EXPECT(!shm_open_device(&g->s, &g->c, g->iv));
}

static void end(struct guest *g)
{
	conn_close(&g->c);
	shm_close(&g->s);
}

static struct guest *guest_new_of(enum kind_id kind)
{
	struct guest *g = calloc(1, sizeof(*g));

	fake_init(&g->fake);
	g->disk.ops = &fake_ops;
	g->disk.ops_priv = &g->fake;
	g->disk.control = -1;
	g->disk.options.kind = kind;
	g->disk.options.path = (char *)test_image();
	g->disk.options.share = true;
	g->disk.options.vcpus = 3;
	g->disk.options.budget_us = 1000;
	g->disk.options.period_us = 20000;
	g->disk.options.steps_up = 5;
	g->disk.options.queues = QUEUES;
	g->disk.options.workers = 1;
	g->iv = ivshmem_new(MIB, QUEUES);
	if (!g->iv)
		abort();
	g->h = map(g->iv->memory);
	begin(g);
	return g;
}

static struct guest *guest_new(void)
{
	return guest_new_of(KIND_BLK);
}

static void guest_free(struct guest *g)
{
	end(g);
	munmap(g->h, MIB << 20);
	ivshmem_free(g->iv);
	fake_release(&g->fake);
	free(g);
}

/* It is killed, with requests in flight, and another one begins. */
static void guest_restart(struct guest *g)
{
	unsigned int i;

	kernel_close(&g->c.d.kernel);
	for (i = 0; i < g->c.d.nr_rings; i++)
		g->c.d.ring[i].running = false;
	end(g);
	begin(g);
}

static uint32_t status(const struct guest *g)
{
	return le32toh(g->h->state.status);
}

/* Ring, and have it carried out: the result. */
static uint32_t asked(struct guest *g, uint32_t what)
{
	g->h->ask.what = htole32(what);
	g->h->ask.number = htole32(++g->number);
	vmm_event(g->iv->call[0]);
	EXPECT(ring_tell(g->iv->ring[0]));
	shm_serve(&g->s);
	EXPECT(le32toh(g->h->state.done) == g->number);
	EXPECT(vmm_event(g->iv->call[0]));
	return le32toh(g->h->state.result);
}

static uint32_t ask_status(struct guest *g, uint32_t value)
{
	g->h->ask.status = htole32(value);
	return asked(g, PARLEY_SHM_STATUS);
}

static uint32_t ask_features(struct guest *g, uint64_t low, uint64_t high)
{
	g->h->ask.arg[0] = htole64(low);
	g->h->ask.arg[1] = htole64(high);
	return asked(g, PARLEY_SHM_FEATURES);
}

static uint32_t ask_queue(struct guest *g, uint32_t queue, uint32_t size,
			  uint64_t at)
{
	g->h->ask.queue = htole32(queue);
	g->h->ask.size = htole32(size);
	g->h->ask.arg[0] = htole64(at);
	g->h->ask.arg[1] = htole64(at + 0x2000);
	g->h->ask.arg[2] = htole64(at + 0x3000);
	return asked(g, PARLEY_SHM_QUEUE);
}

static uint32_t ask_write(struct guest *g, uint32_t offset, uint32_t size,
			  uint8_t byte)
{
	g->h->ask.offset = htole32(offset);
	g->h->ask.size = htole32(size);
	g->h->data[0] = byte;
	return asked(g, PARLEY_SHM_WRITE);
}

static void agree(struct guest *g, uint64_t features)
{
	EXPECT(!asked(g, PARLEY_SHM_RESET) && !status(g));
	EXPECT(!ask_status(g, DRIVER));
	EXPECT(!ask_features(g, features, 0));
	EXPECT(!ask_status(g, AGREED) && status(g) == AGREED);
}

static void go_live(struct guest *g, uint64_t features)
{
	agree(g, features);
	EXPECT(!ask_queue(g, 0, 128, RING));
	EXPECT(!ask_queue(g, 1, 64, RING + 0x8000));
	EXPECT(!g->fake.ring[0].on);
	EXPECT(!ask_status(g, LIVE) && status(g) == LIVE);
	EXPECT(g->fake.ring[0].on && g->fake.ring[1].on);
}

/* ---------------------------------------------------------- what QEMU gets */

/* One message: a number, and a descriptor or -1. */
static int64_t hear(int sock, int *fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	int64_t number = -99;
	struct iovec iov = { &number, sizeof(number) };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf, .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c;

	*fd = -1;
	EXPECT(recvmsg(sock, &mh, MSG_CMSG_CLOEXEC) == sizeof(number));
	c = CMSG_FIRSTHDR(&mh);
	if (c)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return (int64_t)le64toh((uint64_t)number);
}

/**
 * struct heard - what QEMU makes of it
 * @memory: mapped
 * @ring: eventfds of the device's
 * @call: its own
 */
struct heard {
	struct parley_shm_header *h;
	int ring[QUEUES + 1];
	int call[QUEUES + 1];
};

static void hear_all(int sock, struct heard *q)
{
	unsigned int i;
	int fd;

	EXPECT(hear(sock, &fd) == 0 && fd < 0);
	EXPECT(hear(sock, &fd) == IVSHMEM_GUEST && fd < 0);
	EXPECT(hear(sock, &fd) == -1 && fd >= 0);
	q->h = map(fd);
	EXPECT(ftruncate(fd, 4096) && errno == EPERM);
	EXPECT(ftruncate(fd, 8 << 20) && errno == EPERM);
	close(fd);
	for (i = 0; i <= QUEUES; i++)
		EXPECT(hear(sock, &q->ring[i]) == IVSHMEM_DEVICE && q->ring[i] >= 0);
	for (i = 0; i <= QUEUES; i++)
		EXPECT(hear(sock, &q->call[i]) == IVSHMEM_GUEST && q->call[i] >= 0);
}

static void hear_no_more(struct heard *q)
{
	unsigned int i;

	for (i = 0; i <= QUEUES; i++) {
		close(q->ring[i]);
		close(q->call[i]);
	}
	munmap(q->h, MIB << 20);
}

static void shm_tells_qemu_in_its_order(void)
{
	struct ivshmem *iv = ivshmem_new(MIB, QUEUES);
	struct heard q;
	int pair[2];
	char more;

	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	EXPECT(!ivshmem_introduce(iv, pair[0]));
	hear_all(pair[1], &q);
	EXPECT(recv(pair[1], &more, 1, MSG_DONTWAIT) < 0);
	EXPECT(ring_tell(q.ring[2]) && vmm_event(iv->ring[2]));
	EXPECT(ring_tell(iv->call[1]) && vmm_event(q.call[1]));
	hear_no_more(&q);
	close(pair[0]);
	close(pair[1]);
	ivshmem_free(iv);
}

/* A VMM that does not read what it asked for. */
static void shm_does_not_wait_for_qemu(void)
{
	struct ivshmem *iv = ivshmem_new(MIB, IVSHMEM_QUEUES);
	int pair[2], small = 1, ret = 0, i;

	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	/* All of it fits into a socket as they are, */
	EXPECT(!ivshmem_introduce(iv, pair[0]));
	/* and where there is no room nobody waits. */
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	for (i = 0; i < 100 && !ret; i++)
		ret = ivshmem_introduce(iv, pair[0]);
	EXPECT(ret == -EAGAIN);
	close(pair[0]);
	close(pair[1]);
	ivshmem_free(iv);
}

/* ------------------------------------------------------------- the device */

static void shm_says_what_it_is(void)
{
	struct guest *g = guest_new();
	const struct parley_shm_about *about = &g->h->about;
	uint64_t features = le64toh(about->features[0]);

	EXPECT(le64toh(about->magic) == PARLEY_SHM_MAGIC);
	EXPECT(!memcmp(&about->magic, "PRLY_SHM", 8));
	EXPECT(le32toh(about->version) == 1 && le32toh(about->header) == 4096);
	EXPECT(le64toh(about->size) == MIB << 20);
	EXPECT(le32toh(about->device) == 2);
	EXPECT(le32toh(about->nr_queues) == QUEUES);
	EXPECT(le32toh(about->config_len) == FAKE_CONFIG);
	EXPECT(le32toh(about->peer) == IVSHMEM_DEVICE);
	EXPECT(features & VERSION_1 && features & PACKED);
	EXPECT(!(features & (1ull << MSG_F_PROTOCOL | 1ull << VHOST_F_LOG_ALL |
			     1ull << VIRTIO_F_ACCESS_PLATFORM | 1ull << 40)));
	EXPECT(g->h->config[1] == g->fake.config[1]);
	EXPECT(g->h->config[34] == QUEUES);
	EXPECT(le32toh(g->h->state.lives) == 1);
	EXPECT(!(le32toh(g->h->state.generation) & 1));
	/* The kernel sees all of it, where the guest's addresses begin with 0. */
	EXPECT(g->fake.mem->nregions == 1);
	EXPECT(!g->fake.mem->regions[0].guest_phys_addr);
	EXPECT(g->fake.mem->regions[0].memory_size == MIB << 20);
	guest_free(g);
}

static void shm_lives_and_is_reset(void)
{
	struct guest *g = guest_new();
	const uint64_t at = g->fake.mem->regions[0].userspace_addr;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		go_live(g, VERSION_1);
		EXPECT(g->fake.ring[0].addr.desc_user_addr == at + RING);
		EXPECT(g->fake.ring[0].num == 128 && !g->fake.ring[0].base);
		/* The guest's doorbell is the kernel's eventfd, and back. */
		vmm_event(g->fake.ring[1].kick);
		EXPECT(ring_tell(g->iv->ring[2]) && vmm_event(g->fake.ring[1].kick));
		vmm_event(g->iv->call[1]);
		EXPECT(ring_tell(g->fake.ring[0].call) && vmm_event(g->iv->call[1]));
	}
	EXPECT(!asked(g, PARLEY_SHM_NOTHING));
	EXPECT(!asked(g, PARLEY_SHM_RESET) && !status(g));
	EXPECT(!g->fake.ring[0].on && !g->fake.ring[1].on);
	go_live(g, VERSION_1 | PACKED);
	EXPECT(g->fake.ring[0].base == 0x80008000 && g->fake.ring[0].starts == 3);
	guest_free(g);
}

/* It was ringing for a request that had been carried out. */
static void shm_does_nothing_twice(void)
{
	struct guest *g = guest_new();

	go_live(g, VERSION_1);
	vmm_event(g->iv->call[0]);
	shm_serve(&g->s);
	EXPECT(!vmm_event(g->iv->call[0]) && g->fake.ring[0].starts == 1);
	guest_free(g);
}

static void shm_refuses_what_comes_too_early(void)
{
	struct guest *g = guest_new();

	EXPECT(ask_status(g, 0) == EINVAL);
	EXPECT(ask_status(g, 0x100) == EINVAL);
	EXPECT(ask_status(g, AGREED) == EINVAL);
	EXPECT(ask_features(g, PACKED, 0) == EINVAL);
	EXPECT(ask_features(g, VERSION_1 | 1ull << 63, 0) == EINVAL);
	EXPECT(ask_features(g, VERSION_1, 1) == EINVAL);
	EXPECT(ask_queue(g, 0, 128, RING) == EINVAL);
	EXPECT(!ask_features(g, VERSION_1, 0));
	EXPECT(ask_queue(g, 0, 128, RING) == EINVAL);
	EXPECT(ask_status(g, DRIVER | VIRTIO_CONFIG_S_DRIVER_OK) == EINVAL);
	EXPECT(!ask_status(g, AGREED));
	EXPECT(ask_status(g, DRIVER) == EINVAL);
	EXPECT(ask_features(g, VERSION_1, 0) == EINVAL);
	EXPECT(asked(g, 99) == EINVAL && status(g) == AGREED);
	EXPECT(!ask_queue(g, 0, 128, RING) && ask_queue(g, 0, 128, RING) == EINVAL);
	EXPECT(!ask_status(g, LIVE));
	EXPECT(ask_queue(g, 1, 128, RING) == EINVAL);
	EXPECT(g->fake.ring[0].on && !g->fake.ring[1].on);
	guest_free(g);
}

static void shm_refuses_queues_that_cannot_be(void)
{
	const uint64_t size = MIB << 20;
	struct guest *g = guest_new();

	agree(g, VERSION_1);
	EXPECT(ask_queue(g, QUEUES, 128, RING) == EINVAL);
	EXPECT(ask_queue(g, UINT32_MAX, 128, RING) == EINVAL);
	EXPECT(ask_queue(g, 0, 0, RING) == EINVAL);
	EXPECT(ask_queue(g, 0, SHM_QUEUE_SIZE + 1, RING) == EINVAL);
	EXPECT(ask_queue(g, 0, 128, 0) == EINVAL);
	EXPECT(ask_queue(g, 0, 128, PARLEY_SHM_HEADER - 16) == EINVAL);
	EXPECT(ask_queue(g, 0, 128, size) == EINVAL);
	EXPECT(ask_queue(g, 0, 128, UINT64_MAX - 0x3000) == EINVAL);
	/* It begins within the memory, and ends beyond: seen when it starts. */
	EXPECT(!ask_queue(g, 0, 256, size - 0x3010));
	EXPECT(ask_status(g, LIVE) == EINVAL && status(g) == AGREED);
	EXPECT(!g->fake.ring[0].on);
	/* After a reset all is well. */
	go_live(g, VERSION_1);
	guest_free(g);
}

static void shm_believes_nothing_that_it_wrote(void)
{
	struct guest *g = guest_new();

	go_live(g, VERSION_1);
	memset(&g->h->about, 0xff, sizeof(g->h->about));
	memset(&g->h->state, 0xff, sizeof(g->h->state));
	EXPECT(!ask_status(g, LIVE) && status(g) == LIVE);
	EXPECT(ask_queue(g, 3, 128, RING) == EINVAL);
	/* A request whose number is that of the last one is none. */
	g->h->ask.what = htole32(PARLEY_SHM_RESET);
	shm_serve(&g->s);
	EXPECT(status(g) == LIVE && g->fake.ring[0].on);
	EXPECT(!asked(g, PARLEY_SHM_RESET));
	guest_free(g);
}

static void shm_writes_one_field(void)
{
	struct guest *g = guest_new();
	uint32_t before = le32toh(g->h->state.generation);

	agree(g, VERSION_1);
	EXPECT(!ask_write(g, WCE, 1, 1) && g->fake.config[WCE] == 1);
	EXPECT(g->h->config[WCE] == 1);
	EXPECT(le32toh(g->h->state.generation) == before + 2);
	EXPECT(!ask_write(g, WCE, 1, 0) && !g->fake.config[WCE]);
	EXPECT(ask_write(g, 0, 1, 7) == EINVAL && g->fake.config[0] == 0);
	EXPECT(ask_write(g, FAKE_CONFIG, 1, 7) == EINVAL);
	EXPECT(ask_write(g, 1, UINT32_MAX, 7) == EINVAL);
	EXPECT(ask_write(g, UINT32_MAX, 2, 7) == EINVAL);
	guest_free(g);
}

static void shm_tells_of_another_configuration(void)
{
	struct guest *g = guest_new();
	uint32_t changes;

	go_live(g, VERSION_1);
	changes = le32toh(g->h->state.changes);
	vmm_event(g->iv->call[0]);
	g->fake.config[0] = 0x77;
	EXPECT(ring_tell(g->c.config_fd));
	shm_config_changed(&g->s);
	EXPECT(g->h->config[0] == 0x77 && vmm_event(g->iv->call[0]));
	EXPECT(le32toh(g->h->state.changes) == changes + 1);
	guest_free(g);
}

static void shm_tells_of_a_broken_ring(void)
{
	struct guest *g = guest_new();

	go_live(g, VERSION_1);
	EXPECT(ring_tell(g->fake.ring[1].err) && vmm_event(g->s.err));
	EXPECT(ring_tell(g->fake.ring[1].err));
	shm_ring_broken(&g->s);
	EXPECT(status(g) == (LIVE | NEEDS_RESET));
	/* Only a reset helps. */
	EXPECT(!ask_status(g, LIVE) && status(g) == (LIVE | NEEDS_RESET));
	go_live(g, VERSION_1);
	guest_free(g);
}

/* ------------------------------------------------ processes come and go */

static void shm_starts_anew_after_a_kill(void)
{
	struct guest *g = guest_new();
	uint32_t changes;

	go_live(g, VERSION_1);
	changes = le32toh(g->h->state.changes);
	vmm_event(g->iv->call[0]);
	guest_restart(g);
	EXPECT(status(g) == (LIVE | NEEDS_RESET) && vmm_event(g->iv->call[0]));
	EXPECT(le32toh(g->h->state.changes) == changes + 1);
	EXPECT(le32toh(g->h->state.lives) == 2 && !g->fake.ring[0].on);
	go_live(g, VERSION_1);
	/* One that drives nothing is not disturbed. */
	EXPECT(!asked(g, PARLEY_SHM_RESET));
	vmm_event(g->iv->call[0]);
	guest_restart(g);
	EXPECT(!status(g) && !vmm_event(g->iv->call[0]));
	guest_free(g);
}

/* The guest waits for an answer that the process before did not give. */
static void shm_answers_for_who_was_killed(void)
{
	struct guest *g = guest_new();

	go_live(g, VERSION_1);
	g->h->ask.what = htole32(PARLEY_SHM_RESET);
	g->h->ask.number = htole32(++g->number);
	guest_restart(g);
	EXPECT(le32toh(g->h->state.done) == g->number && !status(g));
	go_live(g, VERSION_1);
	guest_free(g);
}

/* What it finds in the memory is whatever the guest wrote. */
static void shm_begins_anywhere(void)
{
	struct guest *g = guest_new();

	go_live(g, VERSION_1);
	memset(g->h, 0xff, sizeof(*g->h));
	guest_restart(g);
	EXPECT(le64toh(g->h->about.magic) == PARLEY_SHM_MAGIC);
	g->number = le32toh(g->h->ask.number);
	go_live(g, VERSION_1);
	guest_free(g);
}

/* A ring that cannot be stopped: the next process answers. */
static void shm_leaves_a_reset_to_the_next(void)
{
	struct guest *g = guest_new();

	go_live(g, VERSION_1);
	g->fake.stuck = true;
	g->h->ask.what = htole32(PARLEY_SHM_RESET);
	g->h->ask.number = htole32(++g->number);
	shm_serve(&g->s);
	EXPECT(g->c.d.lost && le32toh(g->h->state.done) != g->number);
	guest_restart(g);
	EXPECT(le32toh(g->h->state.done) == g->number && !status(g));
	guest_free(g);
}

/* Of another kind: what is a disk's is not asked of it, and all else is the same. */
static void shm_serves_a_scheduling_device(void)
{
	struct guest *g = guest_new_of(KIND_SCHED);
	unsigned int i;

	EXPECT(!strcmp(g->fake.node, "/dev/parley-sched") && g->fake.owned);
	EXPECT(le32toh(g->h->about.device) == PARLEY_SCHED_DEVICE_ID);
	EXPECT(le32toh(g->h->about.nr_queues) == SCHED_QUEUES);
	EXPECT(g->fake.vcpus == 3 && g->fake.steps.up == 5 && !g->fake.steps.down);
	EXPECT(g->fake.budget.budget_us == 1000 && g->fake.budget.period_us == 20000);
	for (i = 0; i < FAKE_CONFIG; i++)
		EXPECT(g->h->config[i] == g->fake.config[i]);
	go_live(g, VERSION_1 | PACKED);
	EXPECT(g->fake.ring[0].on && g->fake.ring[1].on);
	EXPECT(ask_write(g, 4, 4, 7) == EINVAL);
	guest_restart(g);
	EXPECT(g->fake.vcpus == 3 && status(g) == (LIVE | NEEDS_RESET));
	go_live(g, VERSION_1);
	guest_free(g);
}

/* A budget that only somebody else may give: said, and nothing is served. */
static void shm_does_not_serve_with_less(void)
{
	struct guest *g = guest_new_of(KIND_SCHED);
	const char *why;

	end(g);
	g->fake.poor = true;
	why = conn_open(&g->c, &g->disk, &g->who, -1);
	EXPECT(why && strstr(why, "its budget: Operation not permitted"));
	EXPECT(!g->fake.owned);
	conn_close(&g->c);
	g->fake.poor = false;
	begin(g);
	guest_free(g);
}

static bool becomes(const __le32 *word, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < CALL_S * 100; i++) {
		if (le32toh(__atomic_load_n(word, __ATOMIC_ACQUIRE)) == value)
			return true;
		usleep(10000);
	}
	return false;
}

/* Ask a process that really serves. */
static bool answers(struct heard *q, uint32_t what, uint32_t value)
{
	uint32_t number = le32toh(q->h->ask.number) + 1;

	q->h->ask.what = htole32(what);
	q->h->ask.status = htole32(value);
	__atomic_store_n(&q->h->ask.number, htole32(number), __ATOMIC_RELEASE);
	ring_tell(q->ring[0]);
	return becomes(&q->h->state.done, number);
}

static void shm_processes_come_and_go(void)
{
	struct served *s = served_new(1);
	struct heard q;
	int vmm;

	s->disk[0].options.ivshmem = MIB;
	served_launch(s);
	EXPECT(served_there(s->path[0]));
	vmm = served_dial(s->path[0]);
	hear_all(vmm, &q);
	EXPECT(becomes(&q.h->state.lives, 1));
	EXPECT(answers(&q, PARLEY_SHM_RESET, 0));
	EXPECT(answers(&q, PARLEY_SHM_STATUS, DRIVER));
	vmm_event(q.call[0]);
	/* The process that serves it is killed, not the one that listens. */
	EXPECT(!kill(s->seen->pid, SIGKILL));
	EXPECT(becomes(&q.h->state.lives, 2));
	EXPECT(becomes(&q.h->state.status, DRIVER | NEEDS_RESET));
	EXPECT(answers(&q, PARLEY_SHM_RESET, 0));
	EXPECT(le32toh(q.h->state.status) == 0 && vmm_event(q.call[0]));
	/* Bytes of a VMM that has nothing to say. */
	EXPECT(send(vmm, "hello", 5, 0) == 5);
	EXPECT(answers(&q, PARLEY_SHM_NOTHING, 0));
	/* Another VMM has other memory. */
	close(vmm);
	hear_no_more(&q);
	vmm = served_dial(s->path[0]);
	hear_all(vmm, &q);
	EXPECT(becomes(&q.h->state.lives, 1));
	EXPECT(answers(&q, PARLEY_SHM_RESET, 0));
	served_end(s);
	/* The guest hears that nobody is there any more. */
	EXPECT(becomes(&q.h->state.status, PARLEY_SHM_GONE));
	close(vmm);
	hear_no_more(&q);
}

#define T(name) { #name, name }

const struct test shm_tests[] = {
	T(shm_tells_qemu_in_its_order),
	T(shm_does_not_wait_for_qemu),
	T(shm_says_what_it_is),
	T(shm_lives_and_is_reset),
	T(shm_does_nothing_twice),
	T(shm_refuses_what_comes_too_early),
	T(shm_refuses_queues_that_cannot_be),
	T(shm_believes_nothing_that_it_wrote),
	T(shm_writes_one_field),
	T(shm_tells_of_another_configuration),
	T(shm_tells_of_a_broken_ring),
	T(shm_starts_anew_after_a_kill),
	T(shm_answers_for_who_was_killed),
	T(shm_begins_anywhere),
	T(shm_leaves_a_reset_to_the_next),
	T(shm_serves_a_scheduling_device),
	T(shm_does_not_serve_with_less),
	T(shm_processes_come_and_go),
	{ NULL, NULL },
};
