/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A front-end for tests and its echoing device: what the loopback tests drive.
 *
 * The device answers each request with its bytes, each XORed with
 * TESTER_ECHO, so that an answer cannot be mistaken for the question or for
 * memory that nobody touched.
 */
#ifndef _PARLEY_TESTER_H
#define _PARLEY_TESTER_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <parley/compat.h>
#include <parley/transport.h>
#include "inject.h"
#include "mock.h"

/* No type of the specification; nobody else binds to it. */
#define TESTER_TYPE		0xfff0
#define TESTER_ECHO		0x5a
#define TESTER_QUEUES_MAX	4
#define TESTER_QUEUE_SIZE	64
#define TESTER_BYTES		256
#define TESTER_PIECES_MAX	4

/**
 * struct tester_config - the device configuration of the echo device
 * @bytes: all equal at any time
 */
struct tester_config {
	u8 bytes[32];
};

/**
 * struct tester_options - how the front-end behaves, read in probe
 * @nr_queues: queues to make
 * @flags: of them, PARLEY_QUEUE_*
 * @early: put one request into queue 0, and kick, before DRIVER_OK
 */
struct tester_options {
	unsigned int nr_queues;
	u32 flags;
	bool early;
};

extern struct tester_options tester_options;

/**
 * struct tester_req - a request of the front-end
 * @node: in the list of those that wait for a restore
 * @owned: in the list of those that the harness frees
 * @answered: see @status
 * @status: 0 answered, -EIO failed; valid when @answered
 * @len: bytes the device says it wrote
 * @acks: how often it was handed back
 * @pieces: descriptors for each direction
 * @out: question
 * @in: answer
 */
struct tester_req {
	struct list_head node;
	struct list_head owned;
	struct completion answered;
	int status;
	u32 len;
	atomic_t acks;
	unsigned int pieces;
	u8 out[TESTER_BYTES];
	u8 in[TESTER_BYTES];
};

/**
 * struct tester - the front-end of one device
 * @pd: its device
 * @kept: requests given back to be put again, one list for each queue
 * @early: request published before DRIVER_OK
 * @stopped: between stop() and start()
 * @calls: complete() ran so often
 * @soft: of those, not in hard interrupt context
 * @late: of those, after the device was closed
 * @closed: complete() has no business to run
 * @gone: started without a device
 * @config_changes: config_changed() ran so often
 */
struct tester {
	struct parley_device *pd;
	struct list_head kept[TESTER_QUEUES_MAX];
	struct tester_req *early;
	bool stopped;
	atomic_t calls;
	atomic_t soft;
	atomic_t late;
	bool closed;
	struct completion gone;
	atomic_t config_changes;
};

int tester_suite_init(struct kunit_suite *suite);
void tester_suite_exit(struct kunit_suite *suite);
int tester_case_init(struct kunit *test);

/* The ring features that matter to a test, as a parameter. */
struct tester_ring {
	unsigned int index;
	u64 features;
};

#ifdef PARLEY_COMPAT_KUNIT_GEN
#define tester_ring_gen(test, prev, desc)	tester_ring_gen(prev, desc)
#define tester_format_gen(test, prev, desc)	tester_format_gen(prev, desc)
#define tester_slice_gen(test, prev, desc)	tester_slice_gen(prev, desc)
#endif
const void *tester_ring_gen(struct kunit *test, const void *prev, char *desc);
const void *tester_format_gen(struct kunit *test, const void *prev, char *desc);

/* What the echo device saw and does, beside what every mock does. */
struct tester_echo {
	bool driver_ok;
	atomic_t too_early;	/* served before DRIVER_OK */
	struct completion *entered;	/* if set: serve() is in there ... */
	struct completion *leave;	/* ... and waits for this */
};

extern struct tester_echo tester_echo_state;

struct parley_mock *tester_mock(u64 features, unsigned int queues);
struct parley_mock *tester_mock_of(struct kunit *test, u64 features,
				   unsigned int queues);
void tester_mock_end(struct kunit *test, struct parley_mock *mock);
struct tester *tester_of(struct parley_mock *mock);

struct tester_req *tester_req_alloc(unsigned int pieces, u8 seed);
int tester_submit(struct tester *t, unsigned int queue, struct tester_req *req);
int tester_wait(struct tester_req *req);
bool tester_answer_right(const struct tester_req *req);
struct tester_req *tester_flying(struct kunit *test, struct tester *t,
				 unsigned int queue, u8 seed);
int tester_echo(struct tester *t, unsigned int queue, unsigned int pieces,
		unsigned int times);

/* fault.c: a body once for each of its allocations, which then fails. */
void tester_fault_sweep(struct kunit *test,
			void (*body)(struct kunit *test, void *arg), void *arg,
			unsigned int least);
const void *tester_slice_gen(struct kunit *test, const void *prev, char *desc);
void tester_fault_slice(struct kunit *test,
			void (*body)(struct kunit *test, void *arg), void *arg,
			unsigned int least);

#endif /* _PARLEY_TESTER_H */
