/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Both neighbours of the guest model, as small as they can be: a transport with
 * no device behind it, which does what a test tells it, and a front-end that
 * counts its calls.
 */
#ifndef _PARLEY_GUEST_FAKE_H
#define _PARLEY_GUEST_FAKE_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <parley/compat.h>
#include <parley/transport.h>

#define FAKE_TYPE	0x7f01	/* nobody's */
#define FAKE_CONFIG	32
#define FAKE_QUEUES	4
#define FAKE_VECTOR	100
#define FAKE_SHM	5

/* What our front-end understands; the rest is the ring's. */
#define FAKE_F_ONE	BIT_ULL(3)
#define FAKE_F_TWO	BIT_ULL(4)
#define FAKE_HIGH	70

/**
 * struct fake - a device on the bus
 * @v: see parley_device_free()
 * @offered: feature bits
 * @offered_high: likewise, from bit 64 on
 * @accepted: what the driver wrote
 * @accepted_high: likewise, from bit 64 on
 * @status: device status
 * @in_status: optional: once, in the middle of a read of it, which sees the bits
 *	of before
 * @in_enable: optional: once, before queue @act_at is enabled
 * @act_at: see @in_enable
 * @stuck_status: bits of it that always read as 1
 * @no_status: bits of it that always read as 0
 * @config: configuration
 * @config_len: bytes of it
 * @generation: of the configuration
 * @restless: so many reads change configuration and generation; negative: all
 * @reset_err: what a reset returns; it is done nevertheless
 * @size: of every queue
 * @enable_err: what enabling queue 1 returns
 * @vectors_err: what asking for interrupts returns
 * @addr: of the rings, as enabled
 * @num: of the rings, as enabled
 * @enabled: queues that the device knows
 * @vectors: interrupts are allocated
 * @vectors_early: they were freed while a queue was enabled
 * @resets: calls
 * @reads: calls of config_read
 * @kicks: calls of notify
 * @early_kicks: of them before DRIVER_OK, or of a queue that is not enabled
 * @disables: calls of queue_disable
 * @disable_err: what that returns
 * @agains: calls of vectors_again
 * @again_err: what that returns
 * @has_own: the transport has a queue of its own ...
 * @own: ... which is this
 * @shm: shared-memory region FAKE_SHM
 * @affinity: of the queue for which it was last set
 * @mem: memory of its own, or NULL
 * @max_mapping: of that
 */
struct fake {
	struct parley_vdev v;
	u64 offered;
	u64 offered_high;
	u64 accepted;
	u64 accepted_high;
	u8 status;
	void (*in_status)(struct fake *fake);
	void (*in_enable)(struct fake *fake);
	unsigned int act_at;
	u8 stuck_status;
	u8 no_status;
	u8 config[FAKE_CONFIG];
	unsigned int config_len;
	u32 generation;
	int restless;
	int reset_err;
	unsigned int size;
	int enable_err;
	int vectors_err;
	struct parley_vq_addr addr[FAKE_QUEUES];
	unsigned int num[FAKE_QUEUES];
	unsigned long enabled;
	bool vectors;
	bool vectors_early;
	unsigned int resets;
	unsigned int reads;
	unsigned int kicks;
	unsigned int early_kicks;
	unsigned int disables;
	int disable_err;
	unsigned int agains;
	int again_err;
	bool has_own;
	struct parley_queue_spec own;
	struct parley_shm shm;
	struct cpumask affinity;
	const struct parley_mem *mem;
	size_t max_mapping;
};

/**
 * struct fake_front - what the front-end shall do, and what it did
 * @nr_queues: queues that probe makes
 * @spec: what they are like
 * @first: number of the first of them in the device
 * @dropped: features that check() drops
 * @probe_err: result of probe, after everything is made
 * @reapply_err: result of reapply
 * @reapply: optional: what reapply does instead
 * @own_ready: probe calls parley_device_ready() itself
 * @interrupt_in_probe: a configuration interrupt comes before ready
 * @wait_in_probe: probe waits for a buffer
 * @wait_in_change: config_changed() waits for @go_on
 * @break_in_remove: a queue breaks in remove(), and the recovery is waited for
 * @waiting: one of them does
 * @go_on: see @wait_in_change
 * @back: a buffer came back, one way or the other
 * @probes: calls, and so on
 * @removes: see @probes
 * @stops: see @probes
 * @reapplies: see @probes
 * @starts: see @probes
 * @changes: calls of config_changed()
 * @done: buffers that were completed
 * @repeated: buffers that were given back, to be put again
 * @failed: buffers that were given back, and failed
 * @queues_at_remove: the model's number of queues at the last remove
 * @stopped: between stop and start
 * @wrong: something was called that must not be, at this time
 */
struct fake_front {
	unsigned int nr_queues;
	struct parley_queue_spec spec;
	unsigned int first;
	u64 dropped;
	int probe_err;
	int reapply_err;
	int (*reapply)(struct parley_device *pd);
	bool own_ready;
	bool interrupt_in_probe;
	bool wait_in_probe;
	bool wait_in_change;
	bool break_in_remove;
	struct completion waiting;
	struct completion go_on;
	struct completion back;
	unsigned int probes;
	unsigned int removes;
	unsigned int stops;
	unsigned int reapplies;
	unsigned int starts;
	atomic_t changes;
	unsigned int done;
	unsigned int repeated;
	unsigned int failed;
	unsigned int queues_at_remove;
	bool stopped;
	unsigned int wrong;
};

extern struct fake_front parley_fake_front;

int parley_fake_suite_init(struct kunit_suite *suite);
void parley_fake_suite_exit(struct kunit_suite *suite);
int parley_fake_case_init(struct kunit *test);
struct fake *parley_fake_make(struct kunit *test);
int parley_fake_plug(struct kunit *test, struct fake *fake);
void parley_fake_unplug(struct kunit *test, struct fake *fake);
struct fake *parley_fake_run(struct kunit *test, u64 offered);
int parley_fake_put(struct fake *fake, unsigned int index);
void parley_fake_use(struct fake *fake, unsigned int index, u32 len);
bool parley_fake_wants_interrupt(struct fake *fake, unsigned int index);
void parley_fake_complete(struct fake *fake, unsigned int index);
void parley_fake_ask_for_reset(struct fake *fake);
bool parley_fake_until(bool (*is)(struct fake *fake), struct fake *fake);

static inline bool parley_fake_bound(struct fake *fake)
{
	return READ_ONCE(fake->v.pd.dev.driver);
}

#endif /* _PARLEY_GUEST_FAKE_H */
