// SPDX-License-Identifier: GPL-2.0-only
/* Rings, features, configuration space, and the handshake. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "test.h"

static void the_handshake_offers_what_we_serve(void)
{
	struct vmm *v = vmm_new();

	EXPECT(!v->why);
	EXPECT(!vmm_u64(v, MSG_GET_FEATURES, 0));
	EXPECT(v->reply.u64 >> MSG_F_PROTOCOL & 1);
	EXPECT(v->reply.u64 >> 34 & 1);		/* packed */
	EXPECT(v->reply.u64 >> 12 & 1);		/* several queues */
	EXPECT(!(v->reply.u64 >> 33 & 1));	/* no device IOMMU */
	EXPECT(!(v->reply.u64 >> 40 & 1));	/* no reset of a ring */
	EXPECT(!vmm_u64(v, MSG_GET_PROTOCOL_FEATURES, 0));
	EXPECT(v->reply.u64 == PROTOCOL_OFFERED);
	EXPECT(vmm_u64(v, MSG_GET_QUEUE_NUM, 0));	/* not yet */
	EXPECT(!vmm_u64(v, MSG_SET_PROTOCOL_FEATURES, PROTOCOL_OFFERED));
	EXPECT(!vmm_u64(v, MSG_GET_QUEUE_NUM, 0));
	EXPECT(v->reply.u64 == 8);
	EXPECT(!vmm_u64(v, MSG_GET_MAX_MEM_SLOTS, 0));
	EXPECT(v->reply.u64 == MEM_REGIONS);
	EXPECT(!vmm_u64(v, MSG_SET_OWNER, 0));
	vmm_free(v);
}

static void one_queue_has_no_mq(void)
{
	struct vmm *v = vmm_new();

	v->disk.options.queues = 1;
	vmm_restart(v);
	EXPECT(!vmm_u64(v, MSG_GET_FEATURES, 0));
	EXPECT(!(v->reply.u64 >> 12 & 1));
	vmm_free(v);
}

static void queues_are_at_most_the_kernels(void)
{
	struct vmm *v = vmm_new();

	v->disk.options.queues = 256;
	vmm_restart(v);
	EXPECT(v->c.d.nr_rings == FAKE_QUEUES);
	vmm_free(v);
}

static void workers_share_the_rings(void)
{
	struct vmm *v = vmm_new();
	unsigned int i;

	v->disk.options.workers = 3;
	v->fake.workers = 0;
	vmm_restart(v);
	EXPECT(v->fake.workers == 2);
	for (i = 0; i < 8; i++)
		EXPECT(v->fake.ring[i].worker == i % 3);
	vmm_free(v);
}

static void unknown_features_are_refused(void)
{
	struct vmm *v = vmm_new();

	EXPECT(vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT | 1ull << 33));
	EXPECT(vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT | 1ull << 63));
	EXPECT(vmm_u64(v, MSG_SET_PROTOCOL_FEATURES, 1ull << 8));
	/* What legacy drivers acknowledge anyway means nothing. */
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT | 1 << 27 | 1 << 24));
	EXPECT(v->fake.features == 1ull << 32);
	vmm_free(v);
}

/* As old guests do, and firmware with a transitional device. */
static void a_driver_older_than_virtio_1_is_served(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, 1ull << MSG_F_PROTOCOL | 1 << 9);
	EXPECT(v->fake.features == (1ull << 32 | 1 << 9));
	EXPECT(v->c.d.legacy && !v->c.d.legacy_said);
	EXPECT(!vmm_ring(v, 0, 128, 0) && v->fake.ring[0].on);
	EXPECT(v->c.d.legacy_said);
	/* A younger one comes after it. */
	EXPECT(!vmm_u64(v, MSG_RESET_DEVICE, 0));
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_PACKED));
	EXPECT(!v->c.d.legacy);
	vmm_free(v);
}

static void a_ring_starts_when_all_is_known(void)
{
	struct vmm *v = vmm_new();
	struct fake_ring *r = &v->fake.ring[2];

	vmm_handshake(v, VMM_PACKED);
	EXPECT(!vmm_ring(v, 2, 100, 0x80058005));
	EXPECT(r->on && r->num == 100 && r->base == 0x80058005);
	EXPECT(r->kick >= 0 && r->call >= 0 && r->err < 0);
	EXPECT(r->addr.index == 2);
	EXPECT(r->addr.used_user_addr ==
	       v->fake.mem->regions[0].userspace_addr + 0xa0000);
	EXPECT(!vmm_state(v, MSG_SET_VRING_ENABLE, 2, 0) && !r->on);
	EXPECT(!vmm_state(v, MSG_SET_VRING_ENABLE, 2, 1) && r->on);
	EXPECT(vmm_state(v, MSG_SET_VRING_ENABLE, 2, 2));
	vmm_free(v);
}

static void a_ring_outside_memory_does_not_start(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_state(v, MSG_SET_VRING_NUM, 0, 128));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_KICK, 0, vmm_eventfd()));
	EXPECT(vmm_state(v, MSG_SET_VRING_ENABLE, 0, 1));	/* no address */
	EXPECT(!vmm_addr(v, 0, VMM_SIZE - 0x20000, 0, 0));
	EXPECT(vmm_state(v, MSG_SET_VRING_ENABLE, 0, 1));
	/* The last area ends a byte behind the region. */
	EXPECT(!vmm_addr(v, 0, VMM_SIZE - 0x20000 - (6 + 8 * 128) + 1, 0, 0));
	EXPECT(vmm_state(v, MSG_SET_VRING_ENABLE, 0, 1));
	EXPECT(!vmm_addr(v, 0, VMM_SIZE - 0x20000 - (6 + 8 * 128), 0, 0));
	EXPECT(!vmm_state(v, MSG_SET_VRING_ENABLE, 0, 1));
	EXPECT(v->fake.ring[0].on);
	vmm_free(v);
}

static void without_protocol_features_the_kick_starts(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, 1ull << 32);
	EXPECT(!vmm_state(v, MSG_SET_VRING_NUM, 0, 64));
	EXPECT(!vmm_addr(v, 0, 0, 0, 0));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_KICK, 0, vmm_eventfd()));
	EXPECT(v->fake.ring[0].on);
	vmm_free(v);
}

static void a_ring_without_kick_is_looked_at(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_ring(v, 0, 64, 0));
	EXPECT(!device_ticks(&v->c.d));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_KICK, MSG_RING_NOFD, -1));
	EXPECT(device_ticks(&v->c.d));
	EXPECT(!vmm_event(v->fake.ring[0].kick));
	device_tick(&v->c.d);
	EXPECT(vmm_event(v->fake.ring[0].kick));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_CALL, MSG_RING_NOFD, -1));
	EXPECT(v->fake.ring[0].call == -1);
	vmm_free(v);
}

static void eventfds_change_while_a_ring_runs(void)
{
	struct vmm *v = vmm_new();
	int call;

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_ring(v, 0, 64, 0));
	call = v->fake.ring[0].call;
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_CALL, 0, vmm_eventfd()));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_KICK, 0, vmm_eventfd()));
	EXPECT(!vmm_ring_fd(v, MSG_SET_VRING_ERR, 0, vmm_eventfd()));
	EXPECT(v->fake.ring[0].call >= 0 && v->fake.ring[0].err >= 0);
	EXPECT(call >= 0 && v->fake.ring[0].on);
	/* The kernel takes no file for an eventfd. */
	EXPECT(vmm_ring_fd(v, MSG_SET_VRING_CALL, 0, vmm_memfd(4096)));
	vmm_free(v);
}

static void get_base_stops_and_tells(void)
{
	struct vmm *v = vmm_new();

	v->fake.advance = 40;
	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_ring(v, 1, 64, 2));
	EXPECT(!vmm_state(v, MSG_GET_VRING_BASE, 1, 0));
	EXPECT(v->reply.state.index == 1 && v->reply.state.num == 42);
	EXPECT(!v->fake.ring[1].on);
	/* It needs a kick again. */
	EXPECT(!vmm_state(v, MSG_SET_VRING_ENABLE, 1, 1));
	EXPECT(!v->fake.ring[1].on);
	EXPECT(!vmm_ring(v, 1, 64, 42) && v->fake.ring[1].base == 42);
	vmm_free(v);
}

static void reset_device_forgets_all_but_memory(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_ring(v, 0, 64, 5));
	EXPECT(!vmm_u64(v, MSG_RESET_DEVICE, 0));
	EXPECT(!v->fake.ring[0].on && v->fake.mem->nregions == 1);
	EXPECT(!v->c.d.ring[0].num && v->c.d.ring[0].call >= 0);
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_PACKED));
	EXPECT(!vmm_ring(v, 0, 60, 0x80008000) && v->fake.ring[0].on);
	EXPECT(!vmm_u64(v, MSG_RESET_OWNER, 0) && !v->fake.ring[0].on);
	vmm_free(v);
}

static void bad_32_ring_index(void)
{
	static const uint32_t bad[] = { 8, 16, 255, 256, 0x10000, 0x10001,
					0x80000000, UINT32_MAX };
	struct vmm *v = vmm_new();
	unsigned int i;

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_ring(v, 0, 64, 0));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT(vmm_state(v, MSG_SET_VRING_NUM, bad[i], 64));
		EXPECT(vmm_state(v, MSG_SET_VRING_BASE, bad[i], 0));
		EXPECT(vmm_state(v, MSG_GET_VRING_BASE, bad[i], 0));
		EXPECT(vmm_state(v, MSG_SET_VRING_ENABLE, bad[i], 0));
		EXPECT(vmm_addr(v, bad[i], 0, 0, 0));
		/* This very bit says that there is no descriptor. */
		if (bad[i] != MSG_RING_NOFD)
			EXPECT(vmm_ring_fd(v, MSG_SET_VRING_CALL,
					   bad[i] | MSG_RING_NOFD, -1));
	}
	EXPECT(v->fake.ring[0].on && v->fake.ring[0].call >= 0);
	vmm_free(v);
}

static void bad_34_size_set_twice(void)
{
	struct vmm *v = vmm_new();
	unsigned int i;

	vmm_handshake(v, VMM_SPLIT);
	for (i = 0; i < 1000; i++)
		EXPECT(!vmm_state(v, MSG_SET_VRING_NUM, 0, 1 + i % 128));
	EXPECT(vmm_state(v, MSG_SET_VRING_NUM, 0, 0));
	EXPECT(vmm_state(v, MSG_SET_VRING_NUM, 0, 32769));
	EXPECT(!vmm_ring(v, 0, 32, 0));
	/* Not while the ring runs. */
	EXPECT(vmm_state(v, MSG_SET_VRING_NUM, 0, 64));
	EXPECT(vmm_state(v, MSG_SET_VRING_BASE, 0, 64));
	EXPECT(v->fake.ring[0].on && v->fake.ring[0].num == 32);
	vmm_free(v);
}

static int send_config(struct vmm *v, uint32_t request, uint32_t off,
		       uint32_t size, uint32_t flags)
{
	struct msg *m = vmm_msg(request, MSG_CONFIG_HEAD + size);

	m->p.config.offset = off;
	m->p.config.size = size;
	m->p.config.flags = flags;
	memset(m->p.config.data, 0xaa, size);
	return vmm_send(v, m);
}

static void configuration_space(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!send_config(v, MSG_GET_CONFIG, 0, 256, 0));
	EXPECT(v->reply_size == MSG_CONFIG_HEAD + 256);
	EXPECT(v->reply.config.data[20] == 20 && !v->reply.config.data[200]);
	EXPECT(v->reply.config.data[34] == 8 && !v->reply.config.data[35]);
	EXPECT(!send_config(v, MSG_GET_CONFIG, 32, 3, 0));
	EXPECT(v->reply.config.data[0] == 32 && v->reply.config.data[2] == 8);
	EXPECT(!send_config(v, MSG_SET_CONFIG, 32, 1, 0));
	EXPECT(v->fake.config[32] == 0xaa && v->reply.u64 == 0);
	/* What the kernel refuses is refused, and the disk stays. */
	EXPECT(!send_config(v, MSG_SET_CONFIG, 0, 8, 0));
	EXPECT(v->reply.u64 == 1 && v->fake.config[0] == 0);
	v->fake.config[32] = 0;
	EXPECT(!send_config(v, MSG_SET_CONFIG, 0, 60, MSG_CONFIG_MIGRATION));
	EXPECT(v->fake.config[32] == 0xaa && v->fake.config[0] == 0);
	EXPECT(send_config(v, MSG_SET_CONFIG, 32, 1, 4));
	vmm_free(v);
}

static void a_new_size_is_told(void)
{
	struct vmm *v = vmm_new();
	uint64_t one = 1;
	int s[2];

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(vmm_ring_fd(v, MSG_SET_BACKEND_REQ_FD, 0, vmm_eventfd()));
	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
	EXPECT(!vmm_ring_fd(v, MSG_SET_BACKEND_REQ_FD, 0, s[1]));
	EXPECT(v->fake.config_call == v->c.config_fd);
	v->replies = 0;
	conn_config_changed(&v->c);	/* nothing happened */
	EXPECT(!v->replies);
	EXPECT(write(v->c.config_fd, &one, sizeof(one)) == sizeof(one));
	conn_config_changed(&v->c);
	EXPECT(v->replies == 1 && v->reply_size == 0);
	close(s[0]);
	vmm_free(v);
}

static void a_reply_is_sent_if_asked_for(void)
{
	struct vmm *v = vmm_new();
	struct msg *m;

	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT));
	EXPECT(!v->replies);		/* REPLY_ACK not acknowledged */
	EXPECT(!vmm_u64(v, MSG_SET_PROTOCOL_FEATURES, PROTOCOL_OFFERED));
	v->replies = 0;
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT));
	EXPECT(v->replies == 1 && v->reply.u64 == 0);
	EXPECT(vmm_u64(v, MSG_SET_FEATURES, 1ull << 63));
	EXPECT(v->replies == 2 && v->reply.u64 == 1);
	EXPECT(!vmm_u64(v, MSG_GET_FEATURES, 0));
	EXPECT(v->replies == 3);	/* one, not two */
	m = vmm_msg(MSG_SET_OWNER, 0);
	m->header.flags = MSG_VERSION;
	EXPECT(!vmm_send(v, m) && v->replies == 3);
	vmm_free(v);
}

const struct test ring_tests[] = {
	{ "the_handshake_offers_what_we_serve",
	  the_handshake_offers_what_we_serve },
	{ "one_queue_has_no_mq", one_queue_has_no_mq },
	{ "queues_are_at_most_the_kernels", queues_are_at_most_the_kernels },
	{ "workers_share_the_rings", workers_share_the_rings },
	{ "unknown_features_are_refused", unknown_features_are_refused },
	{ "a_driver_older_than_virtio_1_is_served",
	  a_driver_older_than_virtio_1_is_served },
	{ "a_ring_starts_when_all_is_known", a_ring_starts_when_all_is_known },
	{ "a_ring_outside_memory_does_not_start",
	  a_ring_outside_memory_does_not_start },
	{ "without_protocol_features_the_kick_starts",
	  without_protocol_features_the_kick_starts },
	{ "a_ring_without_kick_is_looked_at", a_ring_without_kick_is_looked_at },
	{ "eventfds_change_while_a_ring_runs",
	  eventfds_change_while_a_ring_runs },
	{ "get_base_stops_and_tells", get_base_stops_and_tells },
	{ "reset_device_forgets_all_but_memory",
	  reset_device_forgets_all_but_memory },
	{ "bad_32_ring_index", bad_32_ring_index },
	{ "bad_34_size_set_twice", bad_34_size_set_twice },
	{ "configuration_space", configuration_space },
	{ "a_new_size_is_told", a_new_size_is_told },
	{ "a_reply_is_sent_if_asked_for", a_reply_is_sent_if_asked_for },
	{ NULL, NULL },
};
