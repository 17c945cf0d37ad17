// SPDX-License-Identifier: GPL-2.0-only
/* Polling: of rings, as far as the vhost ABI has it, and of the back end. */
#include "disk.h"
#include "groups.h"
#include "load.h"

static long set_poll(struct vmm *v, unsigned int i, u32 us)
{
	struct vhost_vring_state s = { i, us };

	return vio(v->fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &s);
}

static u32 get_poll(struct vmm *v, unsigned int i)
{
	struct vhost_vring_state s = { i };

	need(vio(v->fd, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, &s));
	return s.num;
}

static void values(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_start_new(&cfg);

	expect(!get_poll(v, 0), "%u us at first", get_poll(v, 0));
	need(set_poll(v, 0, 50));
	expect(get_poll(v, 0) == 50, "%u us", get_poll(v, 0));
	/* No guest may keep the host busy for seconds. */
	if (!set_poll(v, 0, ~0u))
		expect(get_poll(v, 0) <= 100000, "%u us", get_poll(v, 0));
	need(set_poll(v, 0, 0));
	load_run(v, 8, 50);
	vmm_free(v);
}

static void under_load(void)
{
	const struct ring_kind *k;
	struct rng rng = rng_for("poll", 0);

	for_each_kind(k) {
		struct vmm_cfg cfg = { .ring = k->features, .queues = 2 };
		struct vmm *v = vmm_start_new(&cfg);
		struct load *l = load_new(v, 8);
		unsigned int i;

		load_start(l);
		for (i = 0; i < 20; i++) {
			need(set_poll(v, i % 2, rng_chance(&rng, 30) ? 0 :
				      rng_below(&rng, 500)));
			sleep_ms(8);
		}
		load_for(l, 20);
		load_end(l);
		load_free(l);
		vmm_free(v);
	}
}

/* Slow enough that the poller gives up and arms, again and again. */
static void gives_up(void)
{
	static const u64 rings[] = { EVENT, PACKED | EVENT, 0, PACKED };
	struct rng rng = rng_for("gives-up", 0);
	unsigned int n, i;

	for (n = 0; n < 4; n++) {
		struct vmm_cfg cfg = { .ring = rings[n] };
		struct vmm *v = vmm_start_new(&cfg);
		struct breq *r = breq_new(v->g);

		need(set_poll(v, 0, 200));
		r->type = VIRTIO_BLK_T_GET_ID;
		r->bytes = 20;
		for (i = 0; i < 60; i++) {
			want(breq_run(v->q[0], r, SHAPE_PLAIN, &rng), 0);
			if (i % 2)
				sleep_ms(rng_below(&rng, 4));
		}
		vmm_free(v);
	}
}

/* Of so many reads, those that were done before the disk's timer can have rung. */
static unsigned int polled_reads(const char *disk, u64 ring, u32 flags,
				 unsigned int nr)
{
	struct vmm_cfg cfg = { .ring = ring, .disk = disk, .backend_flags = flags };
	struct rng rng = rng_for("polled", ring);
	struct vmm *v = vmm_start_new(&cfg);
	struct breq *r = breq_new(v->g);
	unsigned int i, soon = 0;
	u64 start;

	r->type = VIRTIO_BLK_T_IN;
	r->bytes = 4096;
	for (i = 0; i < nr; i++) {
		r->sector = 8 * i;
		start = now_ms();
		want(breq_run(v->q[0], r, SHAPE_PLAIN, &rng), VIRTIO_BLK_S_OK);
		soon += now_ms() - start < DISK_LATE_MS;
	}
	breq_free(r);
	vmm_free(v);
	return soon;
}

/* Who polls does not wait for the disk's interrupt: that can be counted. */
static void polled_back_end_counted(void)
{
	static const u64 rings[] = { EVENT, PACKED | EVENT };
	const char *disk = disk_polled();
	unsigned int i, n;

	for (i = 0; i < 2; i++) {
		n = polled_reads(disk, rings[i], 0, 3);
		expect(!n, "%u of 3 reads were polled for, unasked", n);
		n = polled_reads(disk, rings[i], PARLEY_BLK_POLL, 50);
		/* A busy machine may be late now and then. */
		expect(n >= 40, "%u of 50 reads were polled for", n);
	}
}

static void polled_back_end(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .queues = 2,
			       .backend_flags = PARLEY_BLK_POLL };
	struct vmm *v = vmm_start_new(&cfg);

	load_run(v, 8, 200);
	vmm_bounce(v, 0);
	load_run(v, 8, 50);
	vmm_free(v);
}

static const struct test tests[] = {
	{ "busy-loop-values", values, 20 },
	{ "busy-loop-under-load", under_load, 60 },
	{ "busy-loop-gives-up", gives_up, 30 },
	{ "polled-back-end", polled_back_end, 30 },
	{ "polled-back-end-counted", polled_back_end_counted, 30 },
	{ NULL },
};

const struct group group_limits = { "limits", "polling", tests };
