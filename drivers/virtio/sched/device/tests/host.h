/* SPDX-License-Identifier: GPL-2.0-only */
/* A host in a KUnit test, which does as it pleases. */
#ifndef _PARLEY_SCHED_DEVICE_TESTS_HOST_H
#define _PARLEY_SCHED_DEVICE_TESTS_HOST_H

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <parley/loopback.h>
#include "../device.h"

#define VCPUS	4
#define PIECES	4
#define ALL	(BIT_ULL(PARLEY_SCHED_F_YIELD) | BIT_ULL(PARLEY_SCHED_F_HINTS) | \
		 BIT_ULL(PARLEY_SCHED_F_COUNT))

/* Wait until @cond, for at most thirty seconds. */
#define until(cond)							\
({									\
	unsigned long __end = jiffies + 30 * HZ;			\
	bool __true;							\
	while (!(__true = (cond)) && time_before(jiffies, __end))	\
		usleep_range(50, 100);					\
	__true;								\
})

/**
 * struct host - it
 * @lb: device
 * @answer: what becomes of areas: a status
 * @back: and the area is given back with it
 * @reply: to requests
 * @mute: requests are kept
 * @counted: the answer to COUNT
 * @written: so much of it
 * @areas: that came
 * @asked: requests that came
 * @last: the last one
 * @held: the area
 * @iov: its pieces
 * @waits: a request that is kept
 * @waits_iov: its pieces
 */
struct host {
	struct parley_loopback *lb;
	u32 answer;
	bool back;
	u32 reply;
	bool mute;
	struct parley_sched_counted counted;
	u32 written;
	atomic_t areas;
	atomic_t asked;
	struct parley_sched_request last;
	struct parley_chain held;
	struct parley_iov iov[PIECES];
	struct parley_chain waits;
	struct parley_iov waits_iov[PIECES];
};

/* With a configuration space that says this; the driver may refuse it. */
struct host *host_new(struct kunit *test, u16 min, u16 max, u32 nr);
/* One that the driver took, with the area that it was given. */
struct host *host_open(struct kunit *test);
void host_close(struct kunit *test, struct host *h);

#endif /* _PARLEY_SCHED_DEVICE_TESTS_HOST_H */
