/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection: a VMM that sets up a device by messages.
 *
 * A message that is wrong closes the connection, after its reason was said; the
 * process and the other disks never notice.
 */
#ifndef BRIDGE_CONN_H
#define BRIDGE_CONN_H

#include "confine.h"
#include "device.h"
#include "disk.h"
#include "sock.h"

/**
 * struct conn - a connection
 * @disk: which disk it is about
 * @d: the device
 * @sock: of the VMM
 * @send: how answers leave: sock_send(), but for tests
 * @reader: the message on its way in
 * @backend_fd: socket for requests of ours; -1 for none
 * @config_fd: eventfd that the kernel signals when the configuration changed
 * @offered: feature bits, with MSG_F_PROTOCOL
 * @protocol: protocol features that were acknowledged
 * @refused: it is to be closed because of what the VMM sent, not because it left
 * @failed: status to acknowledge although the connection stays
 * @id: the device's number, as the kernel's log and the command parley know it
 */
struct conn {
	const struct disk *disk;
	struct device d;
	int sock;
	int (*send)(int sock, const void *buf, size_t len, int fd);
	struct reader reader;
	int backend_fd;
	int config_fd;
	uint64_t offered;
	uint64_t protocol;
	bool refused;
	bool failed;
	uint32_t id;
};

int conn_config(struct conn *c, void *buf, uint32_t *size);
int conn_write_config(struct conn *c, const uint8_t *bytes, uint32_t off, uint32_t len);
const char *conn_open(struct conn *c, const struct disk *disk, struct who *who,
		      int sock);
void conn_close(struct conn *c);
int conn_input(struct conn *c);
int conn_message(struct conn *c, struct msg *msg);
void conn_config_changed(struct conn *c);

#endif
