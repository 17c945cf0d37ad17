// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile guest at a device that parley-bridge serves in shared memory.  The kernel is
 * that of fuzz_bridge.c.
 *
 * An input is a row of steps: a request, nearly right or as it comes; bytes anywhere in
 * the header; another process in the place of the one that serves; a ring that the kernel
 * takes for broken, another configuration.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/virtio_config.h>
#include "tests/fake.h"
#include "shm.h"
#include "input.h"

#define MIB	4
#define QUEUES	3

/**
 * struct guest - a guest and its device
 * @h: the guest's mapping of the header
 */
struct guest {
	struct fake fake;
	struct disk disk;
	struct who who;
	struct conn c;
	struct ivshmem *iv;
	struct shm s;
	struct parley_shm_header *h;
};

static void begin(struct guest *g)
{
	if (conn_open(&g->c, &g->disk, &g->who, -1) ||
	    shm_open_device(&g->s, &g->c, g->iv))
		abort();
}

static void end(struct guest *g)
{
	conn_close(&g->c);
	shm_close(&g->s);
}

/* A process is killed: its rings stop with the device, not one by one. */
static void succeed(struct guest *g)
{
	unsigned int i;

	kernel_close(&g->c.d.kernel);
	for (i = 0; i < g->c.d.nr_rings; i++)
		g->c.d.ring[i].running = false;
	end(g);
	begin(g);
}

/* Nearly right: each word is one that may be, if its bit of @how is set. */
static void cook(struct parley_shm_ask *ask, uint8_t how)
{
	static const uint32_t status[] = { 1, 3, 11, 15, 0x80, 0x4f };
	const uint64_t some = htole64(1ull << VIRTIO_F_VERSION_1);
	unsigned int i;

	if (how & 1)
		ask->queue = htole32(le32toh(ask->queue) % (QUEUES + 1));
	if (how & 2)
		ask->size = htole32(le32toh(ask->size) % (SHM_QUEUE_SIZE + 2));
	if (how & 4)
		ask->status = htole32(status[le32toh(ask->status) % 6]);
	if (how & 8)
		ask->offset = htole32(le32toh(ask->offset) % 64);
	for (i = 0; i < 3 && how & 16; i++)
		ask->arg[i] = htole64(le64toh(ask->arg[i]) % (MIB << 20));
	if (how & 32)
		ask->arg[0] = (ask->arg[0] & htole64(1ull << VIRTIO_F_RING_PACKED)) | some;
	if (how & 32)
		ask->arg[1] = 0;
}

static void request(struct guest *g, struct input *in, uint8_t what)
{
	struct parley_shm_ask ask;
	uint8_t how = byte(in);
	unsigned int i;

	memset(&ask, 0, sizeof(ask));
	if (how & 64) {
		take(in, &ask.queue, 40);
	} else {
		take(in, &ask.queue, 8);
		ask.status = ask.queue;
		ask.offset = ask.queue;
	}
	if (how & 128)
		for (i = 0; i < 3; i++)
			ask.arg[i] = htole64(0x4000);
	cook(&ask, how);
	ask.what = htole32(what);
	ask.number = htole32(le32toh(g->h->ask.number) + 1);
	memcpy(&g->h->ask, &ask, sizeof(ask));
}

static void scribble(struct guest *g, struct input *in)
{
	uint16_t at;

	take(in, &at, sizeof(at));
	at %= sizeof(*g->h) - 8;
	take(in, (uint8_t *)g->h + at, 1 + byte(in) % 8);
}

static void step(struct guest *g, struct input *in)
{
	uint8_t what = byte(in) % 10;

	if (what <= 6)
		request(g, in, what);
	else if (what == 7)
		scribble(g, in);
	else if (what == 8)
		succeed(g);
	else if (ring_tell(g->s.err) && ring_tell(g->c.config_fd))
		shm_ring_broken(&g->s);
	shm_config_changed(&g->s);
	shm_serve(&g->s);
	fake_check(&g->fake);
}

static int next_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guest guest;
	struct guest *g = &guest;
	struct input in = { data, size };
	int fd = next_fd();

	say_quiet = 1;
	memset(g, 0, sizeof(*g));
	fake_init(&g->fake);
	g->fake.advance = 5;
	g->fake.busy = true;
	g->who.disk = "fuzz";
	g->disk = (struct disk){
		.ops = &fake_ops, .ops_priv = &g->fake, .control = -1,
		.options = { .path = "/proc/self/exe", .queues = QUEUES, .workers = 1,
			     .read_only = true, .share = true, .fd = -1 },
	};
	g->iv = ivshmem_new(MIB, QUEUES);
	if (!g->iv)
		abort();
	g->h = mmap(NULL, PARLEY_SHM_HEADER, PROT_READ | PROT_WRITE, MAP_SHARED,
		    g->iv->memory, 0);
	if (g->h == MAP_FAILED)
		abort();
	begin(g);
	while (in.left && !g->c.d.lost)
		step(g, &in);
	end(g);
	munmap(g->h, PARLEY_SHM_HEADER);
	ivshmem_free(g->iv);
	fake_release(&g->fake);
	if (next_fd() != fd)
		abort();	/* a file descriptor leaked */
	return 0;
}
