// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads, one for each role, over one ring: order, data and notifications
 * of many requests, busy polling and asleep between notifications.
 *
 *	threads [REQUESTS]	for each kind of ring and way of waiting
 *
 * A lost notification leaves both threads asleep; the time limit finds it.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>
#include <parley/virtqueue.h>

int parley_user_fail_nth;
uintptr_t parley_user_fault_start, parley_user_fault_end;
bool parley_user_verbose = true;

#define SIZE	64u
#define BATCH	8u
#define LIMIT	400	/* seconds for everything */
#define SPINS	64u	/* empty polls before the processor is given away */

#define EVENT		BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define IN_ORDER	BIT_ULL(VIRTIO_F_IN_ORDER)

static const struct {
	const char *name;
	u64 features;
} rings[] = {
	{ "split", 0 },
	{ "packed", PACKED },
	{ "split-event", EVENT },
	{ "packed-event", PACKED | EVENT },
	{ "split-event-indirect", EVENT | INDIRECT },
	{ "packed-event-indirect", PACKED | EVENT | INDIRECT },
	{ "split-event-inorder", EVENT | IN_ORDER },
	{ "packed-event-inorder", PACKED | EVENT | IN_ORDER },
};

/* One buffer: a question that the device reads, an answer that it writes. */
struct slot {
	u64 question;
	u64 answer;
	bool busy;
};

struct run {
	struct parley_drvq *drv;
	struct parley_devq *dev;
	unsigned long requests;
	bool asleep;		/* wait for notifications; else poll */
	sem_t kick, call;
	unsigned long kicks, calls, faults;
	struct slot slots[SIZE];
};

static void fault(struct run *r, const char *what, unsigned long n)
{
	if (__atomic_fetch_add(&r->faults, 1, __ATOMIC_RELAXED) < 10)
		printf("# %s at request %lu\n", what, n);
}

static void breathe(unsigned int *empty)
{
	if (++*empty % SPINS == 0)
		sched_yield();
}

/* ---------------------------------------------------------------- driver */

static bool notify(struct parley_drvq *q, u32 data)
{
	struct run *r = parley_drvq_priv(q);

	(void)data;
	r->kicks++;
	sem_post(&r->kick);
	return true;
}

static unsigned int put_batch(struct run *r, unsigned long *next, unsigned int most)
{
	struct parley_seg segs[BATCH][2];
	struct parley_buf bufs[BATCH];
	unsigned int n = 0, i;
	int put;

	for (i = 0; i < SIZE && n < most; i++) {
		struct slot *s = &r->slots[i];

		if (s->busy)
			continue;
		s->question = *next + n;
		s->answer = 0;
		segs[n][0] = (struct parley_seg){ (uintptr_t)&s->question, 8 };
		segs[n][1] = (struct parley_seg){ (uintptr_t)&s->answer, 8 };
		bufs[n] = (struct parley_buf){ .segs = segs[n], .n_out = 1,
					       .n_in = 1, .cookie = s };
		n++;
	}
	put = parley_drvq_put(r->drv, bufs, n, GFP_ATOMIC);
	if (put < 0)
		put = 0;
	for (i = 0; i < (unsigned int)put; i++)
		((struct slot *)bufs[i].cookie)->busy = true;
	*next += put;
	return put;
}

static unsigned int reap_batch(struct run *r, unsigned long reaped)
{
	struct parley_done done[BATCH];
	unsigned int n = parley_drvq_reap(r->drv, done, BATCH), i;

	for (i = 0; i < n; i++) {
		struct slot *s = done[i].cookie;

		if (!s->busy || done[i].len != 8 || s->answer != ~s->question)
			fault(r, "wrong answer", reaped + i);
		s->busy = false;
	}
	return n;
}

static void *drive(void *priv)
{
	struct run *r = priv;
	unsigned long put = 0, reaped = 0;
	unsigned int n, turn = 0, empty = 0;

	while (reaped < r->requests) {
		n = 1 + turn++ % BATCH;
		if (n > r->requests - put)
			n = r->requests - put;
		if (n)
			n = put_batch(r, &put, n);
		if (n && parley_drvq_publish(r->drv))
			parley_drvq_kick(r->drv);
		n = reap_batch(r, reaped);
		reaped += n;
		if (n || (put < r->requests && parley_drvq_free(r->drv) > 1))
			continue;
		if (!r->asleep)
			breathe(&empty);
		else if (reaped < put && parley_drvq_arm(r->drv, turn % 4))
			sem_wait(&r->call);
	}
	return NULL;
}

/* ---------------------------------------------------------------- device */

static void answer(struct run *r, struct parley_chain *c, unsigned long expect)
{
	u64 question;

	if (c->n_out != 1 || c->n_in != 1 || c->len_out != 8 || c->len_in != 8) {
		fault(r, "wrong chain", expect);
		return;
	}
	memcpy(&question, c->iov[0].kern, 8);
	if (question != expect)
		fault(r, "out of order", expect);
	question = ~question;
	memcpy(c->iov[1].kern, &question, 8);
	c->written = 8;
}

static void *serve(void *priv)
{
	struct run *r = priv;
	struct parley_chain chains[BATCH];
	struct parley_iov iov[BATCH][2];
	unsigned long taken = 0;
	unsigned int empty = 0;
	int n, i;

	while (taken < r->requests) {
		for (i = 0; i < (int)BATCH; i++)
			chains[i] = (struct parley_chain){ .iov = iov[i], .max = 2 };
		n = parley_devq_take(r->dev, chains, BATCH);
		if (n < 0) {
			fault(r, "device queue broken", taken);
			return NULL;
		}
		for (i = 0; i < n; i++)
			answer(r, &chains[i], taken + i);
		/* Backwards, so that the driver sees them out of order. */
		for (i = n - 1; i >= 0; i--)
			if (parley_devq_complete(r->dev, &chains[i], 1))
				fault(r, "not completed", taken + i);
		taken += n;
		if (n && parley_devq_publish(r->dev)) {
			/* The driver's interrupt handler, beside its verbs. */
			r->calls++;
			parley_drvq_disarm(r->drv);
			sem_post(&r->call);
		}
		if (n)
			continue;
		if (!r->asleep) {
			breathe(&empty);
		} else if (parley_devq_arm(r->dev)) {
			sem_wait(&r->kick);
			parley_devq_disarm(r->dev);
		}
	}
	return NULL;
}

/* ------------------------------------------------------------------- runs */

static void run(struct run *r, u64 features)
{
	struct parley_region all = { .size = 1ull << 47,
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE };
	struct parley_memmap map = { .nr = 1, .regions = &all };
	struct parley_drvq_config drv = {
		.name = "threads", .size = SIZE, .indirect_segs = 2,
		.features = features | BIT_ULL(VIRTIO_F_VERSION_1),
		.notify = notify, .priv = r,
	};
	struct parley_devq_config dev = {
		.name = "threads", .size = SIZE, .features = drv.features,
		.map = &map,
	};
	pthread_t a, b;

	sem_init(&r->kick, 0, 0);
	sem_init(&r->call, 0, 0);
	r->drv = parley_drvq_create(&drv);
	parley_drvq_addr(r->drv, &dev.addr);
	r->dev = parley_devq_create(&dev);
	if (!r->asleep) {
		parley_drvq_disarm(r->drv);
		parley_devq_disarm(r->dev);
	}
	pthread_create(&a, NULL, serve, r);
	pthread_create(&b, NULL, drive, r);
	pthread_join(b, NULL);
	pthread_join(a, NULL);
	parley_devq_destroy(r->dev);
	parley_drvq_destroy(r->drv);
}

int main(int argc, char **argv)
{
	unsigned long requests = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000000;
	unsigned int i, n = 0, failed = 0, count = sizeof(rings) / sizeof(rings[0]);
	int asleep;

	alarm(LIMIT);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%u\n", 2 * count);
	for (i = 0; i < count; i++) {
		for (asleep = 0; asleep < 2; asleep++) {
			struct run *r = calloc(1, sizeof(*r));

			r->requests = requests;
			r->asleep = asleep;
			run(r, rings[i].features);
			failed += !!r->faults;
			printf("%sok %u %s %s # %lu requests, %lu kicks, %lu calls\n",
			       r->faults ? "not " : "", ++n, rings[i].name,
			       asleep ? "asleep" : "polling", requests, r->kicks,
			       r->calls);
			free(r);
		}
	}
	printf("%u passed, %u failed\n", n - failed, failed);
	return !!failed;
}
