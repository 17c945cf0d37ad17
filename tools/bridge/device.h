/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device as one VMM set it up: memory, dirty log, rings, what survives us.
 *
 * Functions that may fail return NULL, or what is wrong, for people.
 */
#ifndef BRIDGE_DEVICE_H
#define BRIDGE_DEVICE_H

#include <stdbool.h>
#include "image.h"
#include "inflight.h"
#include "kernel.h"
#include "kind.h"
#include "log.h"
#include "mem.h"
#include "msg.h"
#include "say.h"

#define DEVICE_RINGS	256	/* what the protocol can number */
#define LOOK_MS		10	/* who waits for somebody else looks so often */

/**
 * struct ring - one ring
 * @num: descriptors; 0 if not set
 * @base: where the VMM wants it to start
 * @addr: with the VMM's addresses
 * @addr_set: it is set
 * @kick: eventfd of the guest's notifications; -1 for none
 * @call: eventfd of ours to the guest; -1 for none
 * @err: eventfd that tells the VMM of a broken ring; -1 for none
 * @own_kick: @kick is ours, because the VMM has none: device_tick() writes it
 * @started: SET_VRING_KICK came, GET_VRING_BASE did not
 * @enabled: SET_VRING_ENABLE
 * @running: the kernel serves it
 * @held: it would run, but the memory table is being changed
 * @ran: it ran since the in-flight region was set, so @base is the truth
 */
struct ring {
	uint32_t num;
	uint32_t base;
	struct vhost_vring_addr addr;
	bool addr_set;
	int kick;
	int call;
	int err;
	bool own_kick;
	bool started;
	bool enabled;
	bool running;
	bool held;
	bool ran;
};

/**
 * struct device - see above
 * @who: for messages
 * @kind: of device
 * @kernel: its device
 * @image: a disk's back end; claimed while a ring runs
 * @stop_fd: its other end closes when the process is to end; waits give up then
 * @wait_ms: how long to wait for a predecessor to finish a ring
 * @claim_ms: how long to wait for somebody else to let go of the back end
 * @legacy: the guest's driver knows no virtio 1
 * @legacy_said: the operator knows
 * @chain: descriptors of the longest request that a guest may send
 * @small_said: the operator knows that its rings have fewer
 * @lost: a ring could not be stopped: nothing may be unmapped any more until the
 *	device is closed
 * @features: acknowledged, with MSG_F_PROTOCOL
 * @mem: guest memory
 * @log: dirty log
 * @inflight: what survives us
 * @nr_rings: rings that the VMM may use
 * @ring: they
 * @error: room for the text of an error
 */
struct device {
	struct who *who;
	const struct kind *kind;
	struct kernel kernel;
	struct image image;
	int stop_fd;
	int wait_ms;
	int claim_ms;
	bool legacy;
	bool legacy_said;
	uint32_t chain;
	bool small_said;
	bool lost;
	uint64_t features;
	struct mem mem;
	struct dirty_log log;
	struct inflight inflight;
	unsigned int nr_rings;
	struct ring ring[DEVICE_RINGS];
	char error[400];
};

void device_init(struct device *d, struct who *who, unsigned int nr_rings);
void device_release(struct device *d);
void device_reset(struct device *d);
const char *device_fail(struct device *d, const char *what, const char *why);
const char *device_error(struct device *d, const char *what, int ret);

const char *device_set_features(struct device *d, uint64_t features,
				uint64_t offered);
const char *device_set_mem(struct device *d, const struct msg_mem_table *table,
			   const int *fds);
const char *device_add_mem(struct device *d, const struct msg_region *r,
			   int fd);
const char *device_rem_mem(struct device *d, const struct msg_region *r);
const char *device_set_log(struct device *d, const struct msg_log *m, int fd);
const char *device_set_inflight(struct device *d, const struct msg_inflight *m,
				int fd);
const char *device_log_fits(struct device *d);

bool device_packed(const struct device *d);
bool device_told_to_stop(const struct device *d, int ms);
const char *device_claim(struct device *d);
void device_unclaim(struct device *d);
bool device_held(const struct device *d);
const char *device_hold(struct device *d);
void device_resume(struct device *d);
bool device_ticks(const struct device *d);
void device_tick(struct device *d);

/* ring.c; the number of the ring was checked */
void ring_init(struct ring *v);
bool ring_tell(int fd);
void ring_reset(struct device *d, unsigned int i);
void ring_release(struct ring *v);
const char *ring_update(struct device *d, unsigned int i);
const char *ring_resume(struct device *d, unsigned int i);
void ring_hold(struct device *d, unsigned int i);
void ring_stop(struct device *d, unsigned int i);
const char *ring_set_num(struct device *d, unsigned int i, uint32_t num);
const char *ring_set_addr(struct device *d,
			  const struct vhost_vring_addr *addr);
const char *ring_set_kick(struct device *d, unsigned int i, int fd);
const char *ring_set_call(struct device *d, unsigned int i, int fd);
const char *ring_set_err(struct device *d, unsigned int i, int fd);
const char *ring_get_base(struct device *d, unsigned int i, uint32_t *base);
uint64_t ring_used_len(const struct device *d, unsigned int i);
bool ring_moved(struct device *d, unsigned int i, const struct mem *new);

#endif
