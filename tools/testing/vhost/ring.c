// SPDX-License-Identifier: GPL-2.0-only
/* The guest's side of a ring. */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "guest.h"
#include "ring.h"

const struct ring_kind ring_kinds[] = {
	{ "split", 0 },
	{ "split-event-indirect", EVENT | INDIRECT },
	{ "split-event-inorder", EVENT | IN_ORDER },
	{ "split-indirect-inorder", INDIRECT | IN_ORDER },
	{ "packed", PACKED },
	{ "packed-event-indirect", PACKED | EVENT | INDIRECT },
	{ "packed-event-inorder", PACKED | EVENT | IN_ORDER },
	{ "packed-indirect-inorder", PACKED | INDIRECT | IN_ORDER },
	{ NULL },
};

int event_new(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	must(fd >= 0, "no eventfd: %s", strerror(errno));
	return fd;
}

bool event_wait(int fd, unsigned int ms)
{
	struct pollfd p = { fd, POLLIN };
	u64 count;

	return poll(&p, 1, ms * patience) == 1 &&
	       read(fd, &count, sizeof(count)) == sizeof(count);
}

void queue_kick(struct queue *q)
{
	u64 one = 1;

	if (!q->muted && write(q->kick, &one, sizeof(one)) != sizeof(one))
		fault(__FILE__, __LINE__, "cannot kick: %s", strerror(errno));
}

static bool notify(struct parley_drvq *drv, u32 data)
{
	queue_kick(parley_drvq_priv(drv));
	return true;
}

struct queue *queue_new(unsigned int index, unsigned int size,
			unsigned int segs, u64 features)
{
	struct queue *q = calloc(1, sizeof(*q));
	struct parley_drvq_config cfg = {
		.name = "guest", .index = index, .size = size,
		.indirect_segs = segs, .notify = notify, .priv = q,
		.features = features, .mem = &guest_mem,
	};

	q->index = index;
	q->size = size;
	q->segs = segs;
	q->features = features;
	q->kick = event_new();
	q->call = event_new();
	q->err = event_new();
	q->drv = parley_drvq_create(&cfg);
	must(!IS_ERR(q->drv), "no queue: %s", name_of(PTR_ERR(q->drv)));
	return q;
}

void queue_free(struct queue *q)
{
	while (parley_drvq_detach(q->drv))
		;
	parley_drvq_destroy(q->drv);
	close(q->kick);
	close(q->call);
	close(q->err);
	free(q);
}

void queue_addr(const struct queue *q, struct parley_vq_addr *addr)
{
	parley_drvq_addr(q->drv, addr);
}

/* Both wrap counters of a fresh packed ring are 1 (spec 2.8.1). */
u32 queue_first_base(const struct queue *q)
{
	return q->features & PACKED ? 0x80008000 : 0;
}

unsigned int queue_longest(const struct queue *q)
{
	return q->features & INDIRECT ? min(q->segs, q->size) : q->size;
}

bool queue_wait(struct queue *q, unsigned int ms)
{
	bool called = true;

	if (parley_drvq_arm(q->drv, 0))
		called = event_wait(q->call, ms);
	parley_drvq_disarm(q->drv);
	return called;
}
