// SPDX-License-Identifier: GPL-2.0-only
/*
 * What clients in wide use send, byte for byte as long and in their order.  The page
 * Documentation/vhost-user.rst has the list.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "test.h"

#define MB		(1ull << 20)
#define WCE		32	/* its place in the configuration space */
#define CONFIG_WHOLE	(MSG_CONFIG_HEAD + MSG_CONFIG_MAX)
#define SPDK_FEATURES	(1ull << PROTOCOL_MQ | 1ull << PROTOCOL_CONFIG)

static int config(struct vmm *v, uint32_t request, uint32_t payload, uint32_t offset,
		  uint32_t size, uint32_t flags, uint8_t first)
{
	struct msg *m = vmm_msg(request, payload);

	m->p.config.offset = offset;
	m->p.config.size = size;
	m->p.config.flags = flags;
	m->p.config.data[0] = first;
	return vmm_send(v, m);
}

static int table(struct vmm *v, unsigned int nr, uint64_t size, int fd)
{
	struct msg *m = vmm_msg(MSG_SET_MEM_TABLE,
				8 + nr * (uint32_t)sizeof(struct msg_region));
	unsigned int i;

	m->p.table.nr = nr;
	for (i = 0; i < nr; i++) {
		m->p.table.region[i] = (struct msg_region){
			i * size, size, VMM_USER + i * size, i * size };
		vmm_fd(m, dup(fd));
	}
	return vmm_send(v, m);
}

/* Header and answer have all 256 bytes, whatever is written or read of them. */
static void spdk_sends_the_configuration_whole(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!config(v, MSG_GET_CONFIG, CONFIG_WHOLE, 0, MSG_CONFIG_MAX, 0, 0));
	EXPECT(v->reply_size == CONFIG_WHOLE);
	EXPECT(v->reply.config.data[1] == v->fake.config[1]);
	EXPECT(!config(v, MSG_SET_CONFIG, CONFIG_WHOLE, WCE, 1, 0, 1));
	EXPECT(v->fake.config[WCE] == 1);
	vmm_free(v);
}

/* Features first, rings enabled before anything is known of them. */
static void spdk_in_its_order(void)
{
	struct vmm *v = vmm_new();
	int fd = vmm_memfd(VMM_SIZE);
	unsigned int i;

	EXPECT(!vmm_u64(v, MSG_GET_FEATURES, 0));
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT));
	EXPECT(!vmm_u64(v, MSG_GET_PROTOCOL_FEATURES, 0));
	EXPECT(!vmm_u64(v, MSG_SET_PROTOCOL_FEATURES, SPDK_FEATURES));
	EXPECT(!vmm_state(v, MSG_SET_VRING_ENABLE, 0, 1));
	EXPECT(!vmm_u64(v, MSG_GET_QUEUE_NUM, 0));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_CALL, 0, vmm_eventfd()));
	for (i = 0; i < 3; i++) {
		EXPECT(!table(v, 8, VMM_SIZE / 8, fd));
		EXPECT(!vmm_u64(v, MSG_GET_FEATURES, 0));
	}
	EXPECT(!vmm_state(v, MSG_SET_VRING_NUM, 0, 64));
	EXPECT(!vmm_state(v, MSG_SET_VRING_BASE, 0, 0));
	EXPECT(!vmm_addr(v, 0, 0, 0, 0) && !v->fake.ring[0].on);
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_KICK, 0, vmm_eventfd()));
	EXPECT(v->fake.ring[0].on);
	EXPECT(!vmm_state(v, MSG_GET_VRING_BASE, 0, 0) && !v->fake.ring[0].on);
	EXPECT(!table(v, 8, VMM_SIZE / 8, fd));
	close(fd);
	vmm_free(v);
}

/* It waits for an answer as long as what it sent, with what it sent. */
static void rust_vmm_reads_its_log_back(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_log(v, MB, 4096, vmm_memfd(2 * MB)));
	EXPECT(v->reply_size == sizeof(struct msg_log));
	EXPECT(v->reply.log.size == MB && v->reply.log.offset == 4096);
	vmm_free(v);
}

/* What a guest writes has a flag that is a migration's elsewhere. */
static void rust_vmm_says_that_the_guest_wrote(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!config(v, MSG_GET_CONFIG, MSG_CONFIG_HEAD + 60, 0, 60, 1, 0));
	EXPECT(v->reply_size == MSG_CONFIG_HEAD + 60);
	EXPECT(!config(v, MSG_SET_CONFIG, MSG_CONFIG_HEAD + 1, WCE, 1, 1, 1));
	EXPECT(v->fake.config[WCE] == 1);
	EXPECT(!config(v, MSG_SET_CONFIG, MSG_CONFIG_HEAD + 1, WCE, 1, 2, 0));
	EXPECT(v->fake.config[WCE] == 0);
	vmm_free(v);
}

/* A VM of many memory zones, in one message. */
static void rust_vmm_has_32_regions(void)
{
	struct vmm *v = vmm_new();
	int fd = vmm_memfd(33 * 4096);

	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT));
	EXPECT(!table(v, 32, 4096, fd));
	EXPECT(v->fake.mem && v->fake.mem->nregions == 32);
	close(fd);
	vmm_free(v);
}

/* The kick comes before the ring is enabled, the socket of our requests last. */
static void cloud_hypervisor_in_its_order(void)
{
	struct vmm *v = vmm_new();
	int fd = vmm_memfd(VMM_SIZE);

	EXPECT(!vmm_u64(v, MSG_SET_PROTOCOL_FEATURES, PROTOCOL_OFFERED &
			~(1ull << PROTOCOL_BACKEND_REQ)));
	EXPECT(!vmm_u64(v, MSG_GET_QUEUE_NUM, 0));
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT));
	EXPECT(!table(v, 1, VMM_SIZE, fd));
	EXPECT(!vmm_state(v, MSG_SET_VRING_NUM, 0, 128));
	EXPECT(!vmm_inflight(v, MSG_GET_INFLIGHT_FD, -1, 1, 0, 0));
	EXPECT(!vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(v->reply_fd), 1,
			     v->reply.inflight.size, v->reply.inflight.offset));
	EXPECT(!vmm_addr(v, 0, 0, 0, 0));
	EXPECT(!vmm_state(v, MSG_SET_VRING_BASE, 0, 0));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_CALL, 0, vmm_eventfd()));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_KICK, 0, vmm_eventfd()));
	EXPECT(!vmm_state(v, MSG_SET_VRING_ENABLE, 0, 1) && v->fake.ring[0].on);
	/* A reset of the guest, and the whole again on the same connection. */
	EXPECT(!vmm_state(v, MSG_SET_VRING_ENABLE, 0, 0));
	EXPECT(!vmm_state(v, MSG_GET_VRING_BASE, 0, 0));
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT));
	EXPECT(!table(v, 1, VMM_SIZE, fd));
	EXPECT(!vmm_state(v, MSG_SET_VRING_BASE, 0, 0));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_KICK, 0, vmm_eventfd()));
	EXPECT(!vmm_state(v, MSG_SET_VRING_ENABLE, 0, 1) && v->fake.ring[0].on);
	close(fd);
	vmm_free(v);
}

/* Descriptors that say that they are none are closed, and others are used. */
static void no_descriptor_with_a_descriptor(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_ring(v, 0, 64, 0));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_CALL, MSG_RING_NOFD, vmm_eventfd()));
	EXPECT(v->fake.ring[0].call == -1);
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_KICK, MSG_RING_NOFD, vmm_eventfd()));
	EXPECT(v->c.d.ring[0].own_kick);
	vmm_free(v);
}

/* Who asks need not send the bytes that he will get. */
static void a_question_without_room(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!config(v, MSG_GET_CONFIG, MSG_CONFIG_HEAD, 8, 16, 0, 0));
	EXPECT(v->reply_size == MSG_CONFIG_HEAD + 16);
	EXPECT(v->reply.config.data[0] == v->fake.config[8]);
	vmm_free(v);
}

/*
 * What completed while nobody listened is not called again by the kernel: the guest
 * is called when its ring starts, and when the eventfd comes later.
 */
static void a_ring_that_starts_calls_the_guest(void)
{
	struct vmm *v = vmm_new();
	int call = vmm_eventfd(), late = vmm_eventfd();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_state(v, MSG_SET_VRING_NUM, 0, 64));
	EXPECT(!vmm_state(v, MSG_SET_VRING_BASE, 0, 5));
	EXPECT(!vmm_addr(v, 0, 0, 0, 0));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_CALL, 0, dup(call)));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_KICK, 0, vmm_eventfd()));
	EXPECT(!vmm_event(call));
	EXPECT(!vmm_state(v, MSG_SET_VRING_ENABLE, 0, 1));
	EXPECT(vmm_event(call) && !vmm_event(call));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_CALL, 0, dup(late)));
	EXPECT(vmm_event(late) && !vmm_event(call));
	close(call);
	close(late);
	vmm_free(v);
}

const struct test client_tests[] = {
	{ "spdk_sends_the_configuration_whole", spdk_sends_the_configuration_whole },
	{ "spdk_in_its_order", spdk_in_its_order },
	{ "rust_vmm_reads_its_log_back", rust_vmm_reads_its_log_back },
	{ "rust_vmm_says_that_the_guest_wrote", rust_vmm_says_that_the_guest_wrote },
	{ "rust_vmm_has_32_regions", rust_vmm_has_32_regions },
	{ "cloud_hypervisor_in_its_order", cloud_hypervisor_in_its_order },
	{ "no_descriptor_with_a_descriptor", no_descriptor_with_a_descriptor },
	{ "a_question_without_room", a_question_without_room },
	{ "a_ring_that_starts_calls_the_guest", a_ring_that_starts_calls_the_guest },
	{ NULL, NULL },
};
