// SPDX-License-Identifier: GPL-2.0-only
/* A connection: each message of the protocol, one function. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include "conn.h"

#define BATCH	64	/* messages before the other descriptors are looked at */

#ifndef VIRTIO_F_RING_RESET
#define VIRTIO_F_RING_RESET	40
#endif

/*
 * Not for VMMs: translations would have to pass through here, and a ring that is
 * reset alone would have to be forgotten in the in-flight region.
 */
#define NOT_OFFERED	(1ull << VIRTIO_F_ACCESS_PLATFORM | \
			 1ull << VIRTIO_F_RING_RESET)

static const char *reply(struct conn *c, struct msg *msg, uint32_t size, int fd)
{
	/* Header and payload are not neighbours: send a copy. */
	char out[sizeof(msg->header) + sizeof(msg->p)];

	msg->header.flags = MSG_VERSION | MSG_REPLY;
	msg->header.size = size;
	memcpy(out, &msg->header, sizeof(msg->header));
	memcpy(out + sizeof(msg->header), &msg->p, size);
	if (c->send(c->sock, out, sizeof(msg->header) + size, fd))
		return "the VMM does not take our answer";
	return NULL;
}

static const char *reply_u64(struct conn *c, struct msg *msg, uint64_t value)
{
	msg->p.u64 = value;
	return reply(c, msg, sizeof(msg->p.u64), -1);
}

static const char *check_ring(const struct conn *c, uint32_t index)
{
	return index < c->d.nr_rings ? NULL :
	       "there is no such ring; see the queues option of the disk";
}

static const char *get_features(struct conn *c, struct msg *msg)
{
	return reply_u64(c, msg, c->offered);
}

static const char *set_features(struct conn *c, struct msg *msg)
{
	return device_set_features(&c->d, msg->p.u64, c->offered);
}

static const char *get_protocol(struct conn *c, struct msg *msg)
{
	return reply_u64(c, msg, PROTOCOL_OFFERED);
}

static const char *set_protocol(struct conn *c, struct msg *msg)
{
	if (msg->p.u64 & ~PROTOCOL_OFFERED)
		return "protocol features that were not offered";
	c->protocol = msg->p.u64;
	return NULL;
}

/* The connection owns the device from its first moment. */
static const char *set_owner(struct conn *c, struct msg *msg)
{
	(void)c;
	(void)msg;
	return NULL;
}

/* Deprecated: what is left of it is that all rings are disabled. */
static const char *reset_owner(struct conn *c, struct msg *msg)
{
	unsigned int i;

	(void)msg;
	for (i = 0; i < c->d.nr_rings; i++) {
		c->d.ring[i].enabled = false;
		ring_stop(&c->d, i);
	}
	return NULL;
}

static const char *reset_device(struct conn *c, struct msg *msg)
{
	(void)msg;
	device_reset(&c->d);
	return NULL;
}

static const char *get_queue_num(struct conn *c, struct msg *msg)
{
	return reply_u64(c, msg, c->d.nr_rings);
}

static const char *set_mem_table(struct conn *c, struct msg *msg)
{
	return device_set_mem(&c->d, &msg->p.table, msg->fds);
}

static const char *get_mem_slots(struct conn *c, struct msg *msg)
{
	return reply_u64(c, msg, MEM_REGIONS);
}

static const char *add_mem(struct conn *c, struct msg *msg)
{
	return device_add_mem(&c->d, &msg->p.reg.region, msg->fds[0]);
}

static const char *rem_mem(struct conn *c, struct msg *msg)
{
	return device_rem_mem(&c->d, &msg->p.reg.region);
}

/* QEMU looks at the header of the answer only, rust-vmm waits for what it sent. */
static const char *set_log_base(struct conn *c, struct msg *msg)
{
	const char *why = device_set_log(&c->d, &msg->p.log, msg->fds[0]);

	return why ? why : reply(c, msg, sizeof(msg->p.log), -1);
}

static const char *set_log_fd(struct conn *c, struct msg *msg)
{
	int ret = kernel_set_log_fd(&c->d.kernel, msg->fds[0]);

	return ret ? device_error(&c->d, "the log eventfd", ret) : NULL;
}

static const char *set_num(struct conn *c, struct msg *msg)
{
	const char *why = check_ring(c, msg->p.state.index);

	return why ? why : ring_set_num(&c->d, msg->p.state.index,
					 msg->p.state.num);
}

static const char *set_addr(struct conn *c, struct msg *msg)
{
	const char *why = check_ring(c, msg->p.addr.index);

	return why ? why : ring_set_addr(&c->d, &msg->p.addr);
}

static const char *set_base(struct conn *c, struct msg *msg)
{
	const char *why = check_ring(c, msg->p.state.index);

	if (why)
		return why;
	if (c->d.ring[msg->p.state.index].running)
		return "the base of a running ring cannot change";
	c->d.ring[msg->p.state.index].base = msg->p.state.num;
	return NULL;
}

static const char *get_base(struct conn *c, struct msg *msg)
{
	const char *why = check_ring(c, msg->p.state.index);
	uint32_t index = msg->p.state.index;

	if (!why)
		why = ring_get_base(&c->d, index, &msg->p.state.num);
	if (!why)
		why = reply(c, msg, sizeof(msg->p.state), -1);
	if (!why)
		inflight_told(&c->d.inflight, index);
	return why;
}

static const char *set_enable(struct conn *c, struct msg *msg)
{
	const char *why = check_ring(c, msg->p.state.index);

	if (why)
		return why;
	if (msg->p.state.num > 1)
		return "neither on nor off";
	c->d.ring[msg->p.state.index].enabled = msg->p.state.num;
	return ring_update(&c->d, msg->p.state.index);
}

/*
 * SET_VRING_KICK, _CALL, _ERR differ in what is done with the descriptor.  One that
 * comes although the message says that there is none is not used.
 */
static const char *set_ring_fd(struct conn *c, struct msg *msg,
			       const char *(*set)(struct device *d,
						  unsigned int i, int fd))
{
	uint32_t ring = msg->p.u64 & MSG_RING_MASK;
	const char *why = check_ring(c, ring);

	if (why)
		return why;
	return set(&c->d, ring, msg->p.u64 & MSG_RING_NOFD ? -1 :
				msg_take_fd(msg, 0));
}

static const char *set_kick(struct conn *c, struct msg *msg)
{
	return set_ring_fd(c, msg, ring_set_kick);
}

static const char *set_call(struct conn *c, struct msg *msg)
{
	return set_ring_fd(c, msg, ring_set_call);
}

static const char *set_err(struct conn *c, struct msg *msg)
{
	return set_ring_fd(c, msg, ring_set_err);
}

/**
 * conn_config - the configuration space as the guest sees it
 * @c: connection
 * @buf: room for MSG_CONFIG_MAX bytes, all of them set
 * @size: bytes that there are
 *
 * Return: 0 or -errno.
 */
int conn_config(struct conn *c, void *buf, uint32_t *size)
{
	int ret;

	memset(buf, 0, MSG_CONFIG_MAX);
	*size = 0;
	ret = kernel_config_size(&c->d.kernel, size);
	if (!ret && *size > MSG_CONFIG_MAX)
		*size = MSG_CONFIG_MAX;
	if (!ret)
		ret = kernel_get_config(&c->d.kernel, buf, 0, *size);
	if (c->d.kind->config)
		c->d.kind->config(c, buf);
	return ret;
}

/* The guest writes to it; 0 or -errno. */
int conn_write_config(struct conn *c, const uint8_t *bytes, uint32_t off, uint32_t len)
{
	return c->d.kind->write ? c->d.kind->write(c, bytes, off, len) :
	       kernel_set_config(&c->d.kernel, bytes, off, len);
}

static const char *get_config(struct conn *c, struct msg *msg)
{
	struct msg_config *m = &msg->p.config;
	uint8_t buf[MSG_CONFIG_MAX];
	uint32_t size;
	int ret = conn_config(c, buf, &size);

	if (ret) {
		say(c->d.who, "%s",
		    device_error(&c->d, "the configuration space", ret));
		return reply(c, msg, 0, -1);
	}
	memcpy(m->data, buf + m->offset, m->size);
	return reply(c, msg, MSG_CONFIG_HEAD + m->size, -1);
}

/*
 * The guest may write one field only, so a refusal must not cost it the disk.
 * A migration sends the whole space, of which that field alone is taken.
 */
static const char *set_config(struct conn *c, struct msg *msg)
{
	const uint32_t wce = offsetof(struct virtio_blk_config, wce);
	struct msg_config *m = &msg->p.config;
	uint32_t off = m->offset, len = m->size;
	int ret;

	if (m->flags & ~MSG_CONFIG_FLAGS)
		return "unknown flags";
	if (m->flags) {
		if (wce < m->offset || wce >= m->offset + m->size)
			return NULL;
		off = wce;
		len = 1;
	}
	ret = conn_write_config(c, m->data + (off - m->offset), off, len);
	if (ret) {
		say(c->d.who, "%s", device_error(&c->d, "refused", ret));
		c->failed = true;
	}
	return NULL;
}

static const char *set_backend_fd(struct conn *c, struct msg *msg)
{
	socklen_t len = sizeof(int);
	int type;

	if (getsockopt(msg->fds[0], SOL_SOCKET, SO_TYPE, &type, &len))
		return "not a socket";
	if (c->backend_fd >= 0)
		close(c->backend_fd);
	c->backend_fd = msg_take_fd(msg, 0);
	return NULL;
}

static const char *get_inflight(struct conn *c, struct msg *msg)
{
	struct msg_inflight *m = &msg->p.inflight;
	const char *why;
	int fd;

	if (!m->nr_queues || m->nr_queues > c->d.nr_rings)
		return "the disk has not that many queues";
	fd = inflight_create(m->nr_queues, m->queue_size);
	if (fd < 0)
		return device_error(&c->d, "an in-flight region", fd);
	m->size = inflight_size(m->nr_queues);
	m->offset = 0;
	why = reply(c, msg, sizeof(*m), fd);
	close(fd);
	return why;
}

static const char *set_inflight(struct conn *c, struct msg *msg)
{
	const char *why;

	why = device_set_inflight(&c->d, &msg->p.inflight, msg->fds[0]);
	if (!why)
		msg_take_fd(msg, 0);
	return why;
}

static const char *(*const serve[MSG_REQUESTS])(struct conn *c,
						struct msg *msg) = {
	[MSG_GET_FEATURES] = get_features,
	[MSG_SET_FEATURES] = set_features,
	[MSG_SET_OWNER] = set_owner,
	[MSG_RESET_OWNER] = reset_owner,
	[MSG_SET_MEM_TABLE] = set_mem_table,
	[MSG_SET_LOG_BASE] = set_log_base,
	[MSG_SET_LOG_FD] = set_log_fd,
	[MSG_SET_VRING_NUM] = set_num,
	[MSG_SET_VRING_ADDR] = set_addr,
	[MSG_SET_VRING_BASE] = set_base,
	[MSG_GET_VRING_BASE] = get_base,
	[MSG_SET_VRING_KICK] = set_kick,
	[MSG_SET_VRING_CALL] = set_call,
	[MSG_SET_VRING_ERR] = set_err,
	[MSG_GET_PROTOCOL_FEATURES] = get_protocol,
	[MSG_SET_PROTOCOL_FEATURES] = set_protocol,
	[MSG_GET_QUEUE_NUM] = get_queue_num,
	[MSG_SET_VRING_ENABLE] = set_enable,
	[MSG_SET_BACKEND_REQ_FD] = set_backend_fd,
	[MSG_GET_CONFIG] = get_config,
	[MSG_SET_CONFIG] = set_config,
	[MSG_GET_INFLIGHT_FD] = get_inflight,
	[MSG_SET_INFLIGHT_FD] = set_inflight,
	[MSG_RESET_DEVICE] = reset_device,
	[MSG_GET_MAX_MEM_SLOTS] = get_mem_slots,
	[MSG_ADD_MEM_REG] = add_mem,
	[MSG_REM_MEM_REG] = rem_mem,
};

static bool about_memory(uint32_t request)
{
	return request == MSG_ADD_MEM_REG || request == MSG_REM_MEM_REG;
}

/**
 * conn_message - serve one message
 * @c: connection
 * @msg: its header was checked; whatever descriptors are left in it are the
 *	caller's to close
 *
 * Return: 0, or -1 if the connection is to be closed.
 */
int conn_message(struct conn *c, struct msg *msg)
{
	uint32_t request = msg->header.request;
	bool acknowledge = msg->header.flags & MSG_NEED_REPLY &&
			   c->protocol >> PROTOCOL_REPLY_ACK & 1 &&
			   !msg_has_reply(request);
	const char *why;

	c->d.who->doing = msg_name(request);
	c->failed = false;
	if (!about_memory(request))
		device_resume(&c->d);
	why = c->d.lost ? "a ring could not be stopped" :
	      msg_check(msg, c->protocol);
	if (!why)
		why = serve[request](c, msg);
	if (why)
		say(c->d.who, "%s; the connection is closed", why);
	if (acknowledge && reply_u64(c, msg, why || c->failed) && !why)
		why = "the VMM does not take our answer";
	c->d.who->doing = NULL;
	c->refused = why || c->d.lost;
	return c->refused ? -1 : 0;
}

/**
 * conn_input - serve what the VMM sent
 * @c: connection
 *
 * Return: 0, or -1 if the connection is to be closed.
 */
int conn_input(struct conn *c)
{
	const char *why = NULL;
	unsigned int i;
	int ret;

	for (i = 0; i < BATCH; i++) {
		switch (reader_read(&c->reader, c->sock, &why)) {
		case READER_AGAIN:
			return 0;
		case READER_CLOSED:
			return -1;
		case READER_BAD:
			say(c->d.who, "message %u (%s): %s; the connection is closed",
			    c->reader.msg.header.request,
			    msg_name(c->reader.msg.header.request), why);
			c->refused = true;
			return -1;
		case READER_MESSAGE:
			ret = conn_message(c, &c->reader.msg);
			reader_next(&c->reader);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/**
 * conn_config_changed - tell the VMM that the configuration space changed
 * @c: connection
 *
 * To be called when @config_fd is readable.
 */
void conn_config_changed(struct conn *c)
{
	struct msg_header h = {
		.request = MSG_BACKEND_CONFIG_CHANGE,
		.flags = MSG_VERSION,
	};
	uint64_t count;

	if (read(c->config_fd, &count, sizeof(count)) < 0)
		return;
	if (c->backend_fd < 0) {
		say(c->d.who, "the size changed, but the VMM cannot be told");
		return;
	}
	if (c->send(c->backend_fd, &h, sizeof(h), -1))
		say(c->d.who, "the disk's size changed, but the VMM does not listen");
}

/* What is offered through this device. */
static const char *take_features(struct conn *c)
{
	int ret = kernel_get_features(&c->d.kernel, &c->offered);

	if (ret)
		return device_error(&c->d, "its features", ret);
	c->offered &= ~NOT_OFFERED;
	c->offered |= 1ull << MSG_F_PROTOCOL;
	return c->d.kind->features(c);
}

static const char *set_up(struct conn *c)
{
	const char *why;
	int ret;

	ret = kernel_want_queues(&c->d.kernel, &c->d.nr_rings);
	if (ret)
		return device_error(&c->d, "its queues", ret);
	ret = kernel_own(&c->d.kernel);
	if (ret)
		return device_error(&c->d, c->d.kind->node, ret);
	why = c->d.kind->set_up(c);
	if (why)
		return why;
	ret = kernel_set_config_call(&c->d.kernel, c->config_fd);
	if (ret)
		return device_error(&c->d, "the configuration eventfd", ret);
	ret = kernel_get_id(&c->d.kernel, &c->id);
	return ret ? device_error(&c->d, "its number", ret) : NULL;
}

/*
 * What may only be opened with our first privileges comes before they are
 * dropped; what the kernel does on our behalf, its workers above all, after.
 */
static const char *open_device(struct conn *c)
{
	const struct kind *kind = c->d.kind;
	const char *why;
	int ret;

	ret = kernel_open(&c->d.kernel, c->disk->ops, c->disk->ops_priv, kind->node);
	if (ret == -ENOENT || ret == -ENODEV)
		return kind->missing;
	if (ret)
		return device_error(&c->d, kind->node, ret);
	why = kind->open(c);
	if (!why && c->disk->confined)
		why = confine(&c->disk->options.confine);
	if (!why)
		why = set_up(c);
	return why ? why : take_features(c);
}

/**
 * conn_open - begin to serve a VMM
 * @c: filled in
 * @disk: which disk
 * @who: for messages
 * @sock: of the VMM; closed by conn_close()
 *
 * Return: NULL, or what is wrong; call conn_close() in any case.
 */
const char *conn_open(struct conn *c, const struct disk *disk, struct who *who,
		      int sock)
{
	const char *why;
	int ret;

	memset(&c->reader, 0, sizeof(c->reader));
	device_init(&c->d, who, disk->options.queues);
	c->d.kind = kind_table[disk->options.kind];
	c->d.stop_fd = disk->control;
	c->disk = disk;
	c->sock = sock;
	c->send = sock_send;
	c->backend_fd = -1;
	c->offered = 0;
	c->protocol = 0;
	c->refused = false;
	c->failed = false;
	c->id = 0;
	c->config_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->config_fd < 0)
		return device_error(&c->d, "an eventfd", -errno);
	why = open_device(c);
	if (why)
		return why;
	ret = kernel_spread(&c->d.kernel, disk->options.workers, c->d.nr_rings);
	return ret ? device_error(&c->d, "its workers", ret) : NULL;
}

void conn_close(struct conn *c)
{
	device_release(&c->d);
	reader_next(&c->reader);
	if (c->config_fd >= 0)
		close(c->config_fd);
	if (c->backend_fd >= 0)
		close(c->backend_fd);
	if (c->sock >= 0)
		close(c->sock);
	c->config_fd = -1;
	c->backend_fd = -1;
	c->sock = -1;
}
