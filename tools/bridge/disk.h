/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk, or a device of another kind: what is served on a socket, as the user asked
 * for it, and how that goes.
 */
#ifndef BRIDGE_DISK_H
#define BRIDGE_DISK_H

#include <stdbool.h>
#include <sys/types.h>
#include "confine.h"
#include "ivshmem.h"
#include "kernel.h"
#include "kind.h"
#include "limit.h"
#include "say.h"

#define DISK_SERIAL	20
#define DISK_CLIENTS	64	/* at most, of one disk */

/**
 * struct disk_options - what the user asked for
 * @kind: of device
 * @socket: path to listen on; NULL with @fd
 * @path: block device or file; of other kinds a name for people
 * @serial: what the guest sees; empty for none
 * @queues: rings, 1 to 256; the kernel may have fewer
 * @workers: threads in the kernel, at least 1
 * @clients: VMMs at a time, 1 to DISK_CLIENTS
 * @read_only: the guest cannot write
 * @share: nobody is kept from the back end
 * @poll: poll for completions
 * @ivshmem: MiB that a guest shares with its device, whose driver is not virtio's
 *	of PCI then but Parley's; 0: the VMM speaks vhost-user
 * @block_size: bytes of a block that the guest sees, 512 or 4096; 0 for the back
 *	end's own
 * @mode: permissions of the socket
 * @gid: its group; -1 for ours
 * @rescan: seconds between looks at the size; 0 for never
 * @vcpus: of a scheduling device's guest
 * @budget_us: time that it may ask for
 * @period_us: in each period of this length
 * @steps_down: how far its hints may move nice values down
 * @steps_up: and up
 * @fd: inherited socket, listening or connected; -1 for none
 * @limits: that it has from its beginning on, whatever was set before
 * @confine: how far the processes that serve it are confined
 */
struct disk_options {
	enum kind_id kind;
	char *socket;
	char *path;
	char serial[DISK_SERIAL + 1];
	unsigned int queues;
	unsigned int workers;
	unsigned int clients;
	bool read_only;
	bool share;
	bool poll;
	unsigned int ivshmem;
	unsigned int block_size;
	mode_t mode;
	gid_t gid;
	unsigned int rescan;
	unsigned int vcpus;
	unsigned int budget_us;
	unsigned int period_us;
	unsigned int steps_down;
	unsigned int steps_up;
	int fd;
	struct limits limits;
	struct confinement confine;
};

/**
 * struct disk - a disk
 * @options: see above
 * @ops: the way to the kernel
 * @ops_priv: for @ops
 * @limit: how a device gets its limits: limit_set(), but for tests
 * @who: for messages
 * @confined: the processes that serve it are; false in tests only
 * @iv: what the guest shares with its device, as long as its VMM lives
 * @control: in such a process, its socket to the supervisor; -1 elsewhere
 * @listen_fd: socket; -1 if nobody can connect any more
 * @ours: the socket was made by us, and goes with us
 * @clients: processes that serve it
 * @conns: connections so far
 * @waiting: a VMM that waits until the process before has ended; -1 for none
 * @wait_until: then it is refused, in milliseconds of the monotonic clock
 * @pause_until: nobody is accepted before
 * @starved: that descriptors ran out was said
 * @started: connections accepted in the second that ends at @second
 * @second: see above
 * @failed_pid: VMM whose connections had to be closed
 * @failures: how often in a row
 * @quiet_until: it is turned away until then
 */
struct disk {
	struct disk_options options;
	const struct kernel_ops *ops;
	void *ops_priv;
	int (*limit)(uint32_t device, const struct limits *l);
	struct who who;
	bool confined;
	struct ivshmem *iv;
	int control;
	int listen_fd;
	bool ours;
	unsigned int clients;
	unsigned int conns;
	int waiting;
	long wait_until;
	long pause_until;
	bool starved;
	unsigned int started;
	long second;
	int failed_pid;
	unsigned int failures;
	long quiet_until;
};

#endif
