// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least that a VMM does to have a disk served by /dev/parley-blk:
 *
 *	cc -I include/uapi -o parley_vmm Documentation/examples/parley_vmm.c
 *	./parley_vmm IMAGE
 *
 * There is no guest here, so the second half plays one: it asks for the disk's serial
 * number with a split ring of four descriptors.  A VMM has its guest's memory in the
 * place of memory, and KVM's irqfd and ioeventfd in the place of call and kick.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/parley_vhost.h>
#include <linux/vhost.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#define MEMORY	(1 << 20)
#define SIZE	4	/* of the ring */

/* Guest memory: a physical address is an offset in it. */
struct memory {
	struct vring_desc desc[SIZE];
	struct vring_avail avail;
	__virtio16 avail_ring[SIZE];
	struct vring_used used __attribute__((aligned(4)));
	struct vring_used_elem used_ring[SIZE];
	struct virtio_blk_outhdr header;
	char serial[VIRTIO_BLK_ID_BYTES];
	uint8_t status;
};

static int vhost;

static void call(unsigned long request, void *argument, const char *what)
{
	if (ioctl(vhost, request, argument) >= 0)
		return;
	perror(what);
	exit(1);
}

/* What a device needs, in this order. */
static void set_up_device(int image, struct memory *memory)
{
	struct parley_blk_backend backend = { .fd = image, .serial = "example" };
	uint64_t features = 1ull << VIRTIO_F_VERSION_1;
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region;
	} table = { { .nregions = 1 }, { 0, MEMORY, (uintptr_t)memory, 0 } };

	/* The workers are threads of ours from now on, and see our memory. */
	call(VHOST_SET_OWNER, NULL, "owner");
	call(PARLEY_BLK_SET_BACKEND, &backend, "back end; see dmesg");
	/* Those that the guest's driver accepted, of VHOST_GET_FEATURES. */
	call(VHOST_SET_FEATURES, &features, "features");
	call(VHOST_SET_MEM_TABLE, &table, "memory");
}

/* What a ring needs, when the guest's driver has set it up. */
static void start_ring(struct memory *memory, int kick, int notify)
{
	struct vhost_vring_state state = { .num = SIZE };
	struct vhost_vring_file file = { .fd = kick };
	struct vhost_vring_addr addr = {
		.desc_user_addr = (uintptr_t)memory->desc,
		.avail_user_addr = (uintptr_t)&memory->avail,
		.used_user_addr = (uintptr_t)&memory->used,
	};

	call(VHOST_SET_VRING_NUM, &state, "size");
	state.num = 0;
	call(VHOST_SET_VRING_BASE, &state, "base");
	call(VHOST_SET_VRING_ADDR, &addr, "addresses");
	call(VHOST_SET_VRING_KICK, &file, "kick");
	file.fd = notify;
	call(VHOST_SET_VRING_CALL, &file, "call");
	state.num = 1;
	call(VHOST_VDPA_SET_VRING_ENABLE, &state, "start");
}

/* It returns when nothing is in flight; then the base is where to go on. */
static void stop_ring(void)
{
	struct vhost_vring_state state = { .num = 0 };

	call(VHOST_VDPA_SET_VRING_ENABLE, &state, "stop");
	call(VHOST_GET_VRING_BASE, &state, "base");
	printf("stopped at %u\n", state.num);
}

/* ------------------------------------------------------------- the guest */

static void describe(struct memory *m, unsigned int i, void *at, uint32_t len,
		     uint16_t flags)
{
	m->desc[i] = (struct vring_desc){
		.addr = (uint64_t)((char *)at - (char *)m), .len = len,
		.flags = (uint16_t)(flags | (i < 2 ? VRING_DESC_F_NEXT : 0)),
		.next = (uint16_t)(i + 1),
	};
}

static int ask(struct memory *m, int kick, int notify)
{
	struct pollfd p = { .fd = notify, .events = POLLIN };
	uint64_t one = 1;

	m->header.type = VIRTIO_BLK_T_GET_ID;
	m->status = 0xff;
	describe(m, 0, &m->header, sizeof(m->header), 0);
	describe(m, 1, m->serial, sizeof(m->serial), VRING_DESC_F_WRITE);
	describe(m, 2, &m->status, 1, VRING_DESC_F_WRITE);
	m->avail_ring[0] = 0;
	__atomic_store_n(&m->avail.idx, 1, __ATOMIC_RELEASE);
	if (write(kick, &one, sizeof(one)) < 0)
		return -1;
	while (!__atomic_load_n(&m->used.idx, __ATOMIC_ACQUIRE))
		if (poll(&p, 1, 10000) <= 0)
			return -1;
	return m->status;
}

int main(int argc, char **argv)
{
	int image = open(argc > 1 ? argv[1] : "", O_RDWR | O_CLOEXEC);
	int kick = eventfd(0, EFD_CLOEXEC), notify = eventfd(0, EFD_CLOEXEC);
	struct memory *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	vhost = open("/dev/parley-blk", O_RDWR | O_CLOEXEC);
	if (image < 0 || vhost < 0 || memory == MAP_FAILED) {
		perror(image < 0 ? "IMAGE" : "/dev/parley-blk");
		return 1;
	}
	set_up_device(image, memory);
	start_ring(memory, kick, notify);
	if (ask(memory, kick, notify)) {
		fprintf(stderr, "no answer\n");
		return 1;
	}
	printf("the disk is called %.20s\n", memory->serial);
	stop_ring();
	return 0;
}
