// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a message may look like.  Pure: nothing here knows a device, so that the
 * fuzzer and the tests can ask the same questions as a connection.
 */
#define _GNU_SOURCE
#include <unistd.h>
#include "msg.h"

#define ANY		-1
#define REGION		sizeof(struct msg_region)
#define TABLE_HEAD	offsetof(struct msg_mem_table, region)

/**
 * struct msg_kind - what one kind of message carries
 * @name: for people; NULL for a request that is not served
 * @min: bytes of payload, at least
 * @max: bytes of payload, at most
 * @fds_min: file descriptors, at least
 * @fds_max: file descriptors, at most
 * @reply: it has a reply of its own
 * @feature: bit of the protocol features that allows it, or ANY
 */
struct msg_kind {
	const char *name;
	uint32_t min;
	uint32_t max;
	uint8_t fds_min;
	uint8_t fds_max;
	bool reply;
	int8_t feature;
};

/*
 * A number has 8 bytes, the state of a ring has 8 bytes; where the protocol asks
 * for nothing, some VMMs send a number.
 */
static const struct msg_kind kinds[MSG_REQUESTS] = {
	[MSG_GET_FEATURES] = { "GET_FEATURES", 0, 8, 0, 0, true, ANY },
	[MSG_SET_FEATURES] = { "SET_FEATURES", 8, 8, 0, 0, false, ANY },
	[MSG_SET_OWNER] = { "SET_OWNER", 0, 8, 0, 0, false, ANY },
	[MSG_RESET_OWNER] = { "RESET_OWNER", 0, 8, 0, 0, false, ANY },
	[MSG_SET_MEM_TABLE] = { "SET_MEM_TABLE", TABLE_HEAD,
		sizeof(struct msg_mem_table), 0, MSG_TABLE_REGIONS, false, ANY },
	[MSG_SET_LOG_BASE] = { "SET_LOG_BASE", sizeof(struct msg_log),
		sizeof(struct msg_log), 1, 1, true, PROTOCOL_LOG_SHMFD },
	[MSG_SET_LOG_FD] = { "SET_LOG_FD", 0, 8, 1, 1, false, ANY },
	[MSG_SET_VRING_NUM] = { "SET_VRING_NUM", 8, 8, 0, 0, false, ANY },
	[MSG_SET_VRING_ADDR] = { "SET_VRING_ADDR",
		sizeof(struct vhost_vring_addr), sizeof(struct vhost_vring_addr),
		0, 0, false, ANY },
	[MSG_SET_VRING_BASE] = { "SET_VRING_BASE", 8, 8, 0, 0, false, ANY },
	[MSG_GET_VRING_BASE] = { "GET_VRING_BASE", 8, 8, 0, 0, true, ANY },
	[MSG_SET_VRING_KICK] = { "SET_VRING_KICK", 8, 8, 0, 1, false, ANY },
	[MSG_SET_VRING_CALL] = { "SET_VRING_CALL", 8, 8, 0, 1, false, ANY },
	[MSG_SET_VRING_ERR] = { "SET_VRING_ERR", 8, 8, 0, 1, false, ANY },
	[MSG_GET_PROTOCOL_FEATURES] = { "GET_PROTOCOL_FEATURES", 0, 8, 0, 0,
		true, ANY },
	[MSG_SET_PROTOCOL_FEATURES] = { "SET_PROTOCOL_FEATURES", 8, 8, 0, 0,
		false, ANY },
	[MSG_GET_QUEUE_NUM] = { "GET_QUEUE_NUM", 0, 8, 0, 0, true, PROTOCOL_MQ },
	[MSG_SET_VRING_ENABLE] = { "SET_VRING_ENABLE", 8, 8, 0, 0, false, ANY },
	[MSG_SET_BACKEND_REQ_FD] = { "SET_BACKEND_REQ_FD", 0, 8, 1, 1, false,
		PROTOCOL_BACKEND_REQ },
	[MSG_GET_CONFIG] = { "GET_CONFIG", MSG_CONFIG_HEAD,
		sizeof(struct msg_config), 0, 0, true, PROTOCOL_CONFIG },
	[MSG_SET_CONFIG] = { "SET_CONFIG", MSG_CONFIG_HEAD,
		sizeof(struct msg_config), 0, 0, false, PROTOCOL_CONFIG },
	/* Its last numbers are of 16 bits: some pad the end, some do not. */
	[MSG_GET_INFLIGHT_FD] = { "GET_INFLIGHT_FD", 20,
		sizeof(struct msg_inflight), 0, 0, true, PROTOCOL_INFLIGHT_SHMFD },
	[MSG_SET_INFLIGHT_FD] = { "SET_INFLIGHT_FD", 20,
		sizeof(struct msg_inflight), 1, 1, false, PROTOCOL_INFLIGHT_SHMFD },
	[MSG_RESET_DEVICE] = { "RESET_DEVICE", 0, 8, 0, 0, false,
		PROTOCOL_RESET_DEVICE },
	[MSG_GET_MAX_MEM_SLOTS] = { "GET_MAX_MEM_SLOTS", 0, 8, 0, 0, true,
		PROTOCOL_MEM_SLOTS },
	[MSG_ADD_MEM_REG] = { "ADD_MEM_REG", sizeof(struct msg_mem_reg),
		sizeof(struct msg_mem_reg), 1, 1, false, PROTOCOL_MEM_SLOTS },
	/* A file descriptor is no use here, but some VMMs send one. */
	[MSG_REM_MEM_REG] = { "REM_MEM_REG", sizeof(struct msg_mem_reg),
		sizeof(struct msg_mem_reg), 0, 1, false, PROTOCOL_MEM_SLOTS },
};

static const struct msg_kind *kind_of(uint32_t request)
{
	if (request >= MSG_REQUESTS || !kinds[request].name)
		return NULL;
	return &kinds[request];
}

/**
 * msg_name - what a request is called
 * @request: number, checked or not
 *
 * Return: a name, for people.
 */
const char *msg_name(uint32_t request)
{
	const struct msg_kind *kind = kind_of(request);

	return kind ? kind->name : "unknown request";
}

/**
 * msg_has_reply - does this request have a reply of its own?
 * @request: a checked number
 *
 * Return: true if so; it then needs no further acknowledgment.
 */
bool msg_has_reply(uint32_t request)
{
	const struct msg_kind *kind = kind_of(request);

	return kind && kind->reply;
}

/**
 * msg_check_header - may a message begin so?
 * @header: what the VMM sent
 *
 * To be asked before the payload is read: its size is bounded by the answer.
 *
 * Return: NULL, or what is wrong.
 */
const char *msg_check_header(const struct msg_header *header)
{
	const struct msg_kind *kind = kind_of(header->request);

	if (!kind)
		return "no such request here; was it negotiated?";
	if ((header->flags & MSG_VERSION_MASK) != MSG_VERSION)
		return "not version 1 of the protocol";
	if (header->flags & MSG_REPLY)
		return "a reply, and nothing was asked";
	if (header->size < kind->min)
		return "the payload is too short";
	if (header->size > kind->max)
		return "the payload is too long";
	return NULL;
}

/* The length that a message's own counter asks for. */
static const char *check_length(const struct msg *msg)
{
	uint32_t size = msg->header.size;

	switch (msg->header.request) {
	case MSG_SET_MEM_TABLE:
		if (msg->p.table.nr > MSG_TABLE_REGIONS)
			return "more than 32 regions";
		if (size < TABLE_HEAD + msg->p.table.nr * REGION)
			return "fewer regions than announced";
		if (msg->nr_fds != msg->p.table.nr)
			return "not one file descriptor for each region";
		return NULL;
	case MSG_GET_CONFIG:
	case MSG_SET_CONFIG:
		if (msg->p.config.size > MSG_CONFIG_MAX)
			return "more than 256 bytes of configuration";
		if (msg->p.config.offset > MSG_CONFIG_MAX - msg->p.config.size)
			return "it ends beyond byte 256";
		/* SPDK sends all 256 bytes; who asks need not bring any. */
		if (msg->header.request == MSG_SET_CONFIG &&
		    size < MSG_CONFIG_HEAD + msg->p.config.size)
			return "fewer bytes than announced";
		return NULL;
	default:
		return NULL;
	}
}

/* SET_VRING_KICK, _CALL, _ERR: a ring, and a file descriptor or none. */
static const char *check_ring_fd(const struct msg *msg)
{
	uint64_t bits = msg->p.u64;

	if (bits & ~(uint64_t)(MSG_RING_MASK | MSG_RING_NOFD))
		return "unknown bits are set";
	if (!(bits & MSG_RING_NOFD) && !msg->nr_fds)
		return "a file descriptor is missing, and the bit that says so";
	return NULL;
}

/**
 * msg_check - is a whole message what it should be?
 * @msg: header was checked with msg_check_header(), all of the payload is there
 * @protocol: protocol features that were acknowledged
 *
 * Return: NULL, or what is wrong.
 */
const char *msg_check(const struct msg *msg, uint64_t protocol)
{
	const struct msg_kind *kind = kind_of(msg->header.request);

	if (kind->feature != ANY && !(protocol >> kind->feature & 1))
		return "its protocol feature was not acknowledged";
	if (msg->nr_fds < kind->fds_min)
		return "a file descriptor is missing";
	if (msg->nr_fds > kind->fds_max)
		return "more file descriptors than it may carry";
	switch (msg->header.request) {
	case MSG_SET_VRING_KICK:
	case MSG_SET_VRING_CALL:
	case MSG_SET_VRING_ERR:
		return check_ring_fd(msg);
	default:
		return check_length(msg);
	}
}

/**
 * msg_take_fd - take a file descriptor out of a message
 * @msg: message
 * @i: which
 *
 * Return: the descriptor, the caller's from now on, or -1.
 */
int msg_take_fd(struct msg *msg, unsigned int i)
{
	int fd = i < msg->nr_fds ? msg->fds[i] : -1;

	if (fd >= 0)
		msg->fds[i] = -1;
	return fd;
}

/**
 * msg_close_fds - close the file descriptors that nobody took
 * @msg: message
 */
void msg_close_fds(struct msg *msg)
{
	unsigned int i;

	for (i = 0; i < msg->nr_fds; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
	msg->nr_fds = 0;
}
