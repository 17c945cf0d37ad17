/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of the vhost-user protocol: layout and what each may carry.  The
 * authority is docs/interop/vhost-user.rst of QEMU; numbers are in the byte
 * order of the machine.
 */
#ifndef BRIDGE_MSG_H
#define BRIDGE_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/vhost.h>

enum msg_request {
	MSG_GET_FEATURES = 1,
	MSG_SET_FEATURES = 2,
	MSG_SET_OWNER = 3,
	MSG_RESET_OWNER = 4,
	MSG_SET_MEM_TABLE = 5,
	MSG_SET_LOG_BASE = 6,
	MSG_SET_LOG_FD = 7,
	MSG_SET_VRING_NUM = 8,
	MSG_SET_VRING_ADDR = 9,
	MSG_SET_VRING_BASE = 10,
	MSG_GET_VRING_BASE = 11,
	MSG_SET_VRING_KICK = 12,
	MSG_SET_VRING_CALL = 13,
	MSG_SET_VRING_ERR = 14,
	MSG_GET_PROTOCOL_FEATURES = 15,
	MSG_SET_PROTOCOL_FEATURES = 16,
	MSG_GET_QUEUE_NUM = 17,
	MSG_SET_VRING_ENABLE = 18,
	MSG_SET_BACKEND_REQ_FD = 21,
	MSG_GET_CONFIG = 24,
	MSG_SET_CONFIG = 25,
	MSG_GET_INFLIGHT_FD = 31,
	MSG_SET_INFLIGHT_FD = 32,
	MSG_RESET_DEVICE = 34,
	MSG_GET_MAX_MEM_SLOTS = 36,
	MSG_ADD_MEM_REG = 37,
	MSG_REM_MEM_REG = 38,
	MSG_REQUESTS,
};

/* From us to the VMM, on the socket of SET_BACKEND_REQ_FD. */
#define MSG_BACKEND_CONFIG_CHANGE	2

#define MSG_VERSION		0x1
#define MSG_VERSION_MASK	0x3
#define MSG_REPLY		0x4
#define MSG_NEED_REPLY		0x8

/* Feature bit that stands for the protocol's own features. */
#define MSG_F_PROTOCOL		30

enum msg_protocol {
	PROTOCOL_MQ = 0,
	PROTOCOL_LOG_SHMFD = 1,
	PROTOCOL_REPLY_ACK = 3,
	PROTOCOL_BACKEND_REQ = 5,
	PROTOCOL_CONFIG = 9,
	PROTOCOL_INFLIGHT_SHMFD = 12,
	PROTOCOL_RESET_DEVICE = 13,
	PROTOCOL_MEM_SLOTS = 15,
};

#define PROTOCOL_OFFERED (1ull << PROTOCOL_MQ | \
			  1ull << PROTOCOL_LOG_SHMFD | \
			  1ull << PROTOCOL_REPLY_ACK | \
			  1ull << PROTOCOL_BACKEND_REQ | \
			  1ull << PROTOCOL_CONFIG | \
			  1ull << PROTOCOL_INFLIGHT_SHMFD | \
			  1ull << PROTOCOL_RESET_DEVICE | \
			  1ull << PROTOCOL_MEM_SLOTS)

#define MSG_TABLE_REGIONS	32	/* of SET_MEM_TABLE; as many as rust-vmm sends */
#define MSG_FDS			MSG_TABLE_REGIONS
#define MSG_CONFIG_MAX		256

#define MSG_RING_MASK		0xffu	/* of SET_VRING_KICK, _CALL, _ERR */
#define MSG_RING_NOFD		0x100u

struct msg_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

struct msg_region {
	uint64_t guest;
	uint64_t size;
	uint64_t user;
	uint64_t offset;
};

struct msg_mem_table {
	uint32_t nr;
	uint32_t pad;
	struct msg_region region[MSG_TABLE_REGIONS];
};

struct msg_mem_reg {
	uint64_t pad;
	struct msg_region region;
};

struct msg_log {
	uint64_t size;
	uint64_t offset;
};

struct msg_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[MSG_CONFIG_MAX];
};

struct msg_inflight {
	uint64_t size;
	uint64_t offset;
	uint16_t nr_queues;
	uint16_t queue_size;
};

#define MSG_CONFIG_HEAD		offsetof(struct msg_config, data)
/*
 * Of @flags.  In QEMU the first says that a migration sends the space, and 0 that the
 * guest wrote it; in rust-vmm the first says that the guest did, and the second a
 * migration.  With any of them, all but what the guest may write is left alone.
 */
#define MSG_CONFIG_MIGRATION	1
#define MSG_CONFIG_FLAGS	3

union msg_payload {
	uint64_t u64;
	struct vhost_vring_state state;
	struct vhost_vring_addr addr;
	struct msg_mem_table table;
	struct msg_mem_reg reg;
	struct msg_log log;
	struct msg_config config;
	struct msg_inflight inflight;
};

/**
 * struct msg - a message and the file descriptors that came with it
 * @header: as received
 * @p: payload; zeroes beyond header.size
 * @fds: file descriptors; -1 where one was taken
 * @nr_fds: how many came
 *
 * Whoever wants one takes it with msg_take_fd(); the others are closed after the
 * message was served, whatever came of it, so none can leak.
 */
struct msg {
	struct msg_header header;
	union msg_payload p;
	int fds[MSG_FDS];
	unsigned int nr_fds;
};

const char *msg_name(uint32_t request);
const char *msg_check_header(const struct msg_header *header);
const char *msg_check(const struct msg *msg, uint64_t protocol);
bool msg_has_reply(uint32_t request);

int msg_take_fd(struct msg *msg, unsigned int i);
void msg_close_fds(struct msg *msg);

#endif
