/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages on a socket: read piece by piece, written whole. */
#ifndef BRIDGE_SOCK_H
#define BRIDGE_SOCK_H

#include "msg.h"

/**
 * struct reader - a message on its way in
 * @msg: what has come of it, file descriptors too
 * @have: bytes
 */
struct reader {
	struct msg msg;
	size_t have;
};

enum reader_result {
	READER_MESSAGE,		/* a whole message; call reader_next() after it */
	READER_AGAIN,		/* nothing more for now */
	READER_CLOSED,		/* the VMM is gone */
	READER_BAD,		/* what it sent is wrong */
};

enum reader_result reader_read(struct reader *r, int sock, const char **why);
void reader_next(struct reader *r);

int sock_send(int sock, const void *buf, size_t len, int fd);
int sock_listen(const char *path, const char **why);

#endif
