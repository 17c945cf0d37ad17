// SPDX-License-Identifier: GPL-2.0-only
/* See guest.h. */
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include "guest.h"

#define GUEST_RING	16
#define GUEST_TIMEOUT	(10 * HZ)
#define GUEST_REPLY	SZ_1K	/* where the answer lies in the page of a command */

static bool guest_notify(struct parley_drvq *q, u32 data)
{
	struct guest_queue *gq = parley_drvq_priv(q);

	parley_vhost_vq_wake(gq->vq);
	return true;
}

static void guest_called(void *priv)
{
	struct guest_queue *gq = priv;

	complete(&gq->called);
}

static int guest_make_queue(struct guest *g, struct guest_queue *gq)
{
	struct parley_drvq_config drv = {
		.name = "test-sched",
		.size = GUEST_RING,
		.features = BIT_ULL(VIRTIO_F_VERSION_1),
		.notify = guest_notify,
		.priv = gq,
	};
	struct parley_devq_config dev = {
		.name = "test-sched-dev",
		.size = GUEST_RING,
		.features = BIT_ULL(VIRTIO_F_VERSION_1),
		.map = &g->map,
	};

	gq->drv = parley_drvq_create(&drv);
	if (IS_ERR(gq->drv))
		return PTR_ERR(no_free_ptr(gq->drv));
	parley_drvq_addr(gq->drv, &dev.addr);
	dev.addr.desc = (unsigned long)phys_to_virt(dev.addr.desc);
	dev.addr.driver = (unsigned long)phys_to_virt(dev.addr.driver);
	dev.addr.device = (unsigned long)phys_to_virt(dev.addr.device);
	gq->devq = parley_devq_create(&dev);
	return IS_ERR(gq->devq) ? PTR_ERR(no_free_ptr(gq->devq)) : 0;
}

int guest_run(struct guest *g, unsigned int index)
{
	struct guest_queue *gq = &g->q[index];
	struct parley_vhost_ring ring = { .call = guest_called, .priv = gq };
	int err = guest_make_queue(g, gq);

	if (err)
		return err;
	ring.vq = gq->devq;
	err = parley_vhost_vq_join(gq->vq, &ring);
	gq->joined = !err;
	return err;
}

void guest_stop(struct guest *g, unsigned int index)
{
	struct guest_queue *gq = &g->q[index];

	if (gq->joined)
		parley_vhost_vq_leave(gq->vq);
	gq->joined = false;
	parley_devq_destroy(gq->devq);
	gq->devq = NULL;
	if (!gq->drv)
		return;
	while (parley_drvq_detach(gq->drv))
		;
	parley_drvq_destroy(gq->drv);
	gq->drv = NULL;
}

void guest_close(struct guest *g)
{
	if (IS_ERR_OR_NULL(g->dev))
		return;
	guest_stop(g, PARLEY_SCHED_QUEUE_REQUESTS);
	guest_stop(g, PARLEY_SCHED_QUEUE_AREAS);
	parley_vhost_close(g->dev);
	g->dev = NULL;
	g->vm = NULL;
}

static void guest_free(void *arg)
{
	struct guest *g = arg;
	unsigned int i;

	guest_close(g);
	for (i = 0; i < GUEST_VCPUS_MAX; i++)
		guest_thread_end(g, i);
	free_page((unsigned long)g->says);
	free_page((unsigned long)g->reads);
	free_page((unsigned long)g->command);
	kfree(g);
}

struct guest *guest_open(struct kunit *test, unsigned int nr, u64 features)
{
	struct guest *g = kzalloc(sizeof(*g), GFP_KERNEL);
	struct parley_features set;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, guest_free, g));
	g->test = test;
	g->nr = nr;
	g->says = (void *)get_zeroed_page(GFP_KERNEL);
	g->reads = (void *)get_zeroed_page(GFP_KERNEL);
	g->command = (void *)get_zeroed_page(GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, g->says && g->reads && g->command);
	g->region = (struct parley_region) {
		.size = 1ull << 46,
		.host = (unsigned long)phys_to_virt(0),
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE,
	};
	g->map = (struct parley_memmap) { .nr = 1, .regions = &g->region };
	g->dev = parley_vhost_open("sched");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, g->dev);
	g->vm = parley_vhost_priv(g->dev);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_set_owner(g->dev));
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_sched_set_nr(g->dev, nr));
	parley_features_set(&set, features | BIT_ULL(VIRTIO_F_VERSION_1), 0);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_set_features(g->dev, &set));
	for (i = 0; i < 2; i++) {
		init_completion(&g->q[i].called);
		g->q[i].vq = parley_vhost_get_vq(g->dev, i);
		KUNIT_ASSERT_EQ(test, 0, guest_run(g, i));
	}
	return g;
}

/* ----------------------------------------------------------------- threads */

static int guest_vcpu_fn(void *arg)
{
	bool *busy = arg;

	while (!kthread_should_stop()) {
		if (READ_ONCE(*busy)) {
			cond_resched();
			continue;
		}
		set_current_state(TASK_IDLE);
		if (!READ_ONCE(*busy) && !kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

void guest_thread(struct guest *g, unsigned int vcpu, unsigned int cpu, bool busy)
{
	struct task_struct *task;

	g->busy[vcpu] = busy;
	task = kthread_create(guest_vcpu_fn, &g->busy[vcpu], "parley-vcpu-%u", vcpu);
	KUNIT_ASSERT_FALSE(g->test, IS_ERR(task));
	g->threads[vcpu] = get_task_struct(task);
	kthread_bind(task, cpu);
	KUNIT_ASSERT_EQ(g->test, 0, parley_vhost_sched_set_task(g->dev, vcpu, task));
	wake_up_process(task);
}

void guest_thread_end(struct guest *g, unsigned int vcpu)
{
	if (!g->threads[vcpu])
		return;
	kthread_stop(g->threads[vcpu]);
	put_task_struct(g->threads[vcpu]);
	g->threads[vcpu] = NULL;
}

void guest_busy(struct guest *g, unsigned int vcpu, bool busy)
{
	WRITE_ONCE(g->busy[vcpu], busy);
	wake_up_process(g->threads[vcpu]);
}

/* ------------------------------------------------------------------- areas */

/* What was put comes back; the bytes that were written, or -ETIMEDOUT. */
static int guest_wait(struct guest_queue *gq)
{
	struct parley_done done;

	for (;;) {
		parley_drvq_disarm(gq->drv);
		if (parley_drvq_reap(gq->drv, &done, 1))
			return done.len;
		if (!parley_drvq_arm(gq->drv, 0))
			continue;
		if (!wait_for_completion_timeout(&gq->called, GUEST_TIMEOUT))
			return -ETIMEDOUT;
	}
}

static u32 guest_status(struct guest *g)
{
	struct parley_sched_host_header *h = g->reads;

	/* Pairs with the release of the device. */
	return le32_to_cpu(virt_load_acquire(&h->status));
}

u32 guest_offer_pieces(struct guest *g, const struct parley_seg *segs, unsigned int n_out,
		       unsigned int n_in)
{
	struct guest_queue *gq = &g->q[PARLEY_SCHED_QUEUE_AREAS];
	struct parley_buf buf = {
		.segs = segs, .n_out = n_out, .n_in = n_in, .cookie = g,
	};
	struct parley_sched_host_header *h = g->reads;

	h->status = 0;
	KUNIT_ASSERT_EQ(g->test, 0, parley_drvq_submit(gq->drv, &buf, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(g->test, vh_until(guest_status(g)));
	return guest_status(g);
}

u32 guest_offer(struct guest *g, u16 version, u16 kind, u32 nr)
{
	u32 len = (nr + 1) * PARLEY_SCHED_RECORD;
	struct parley_seg segs[] = {
		{ virt_to_phys(g->says), len }, { virt_to_phys(g->reads), len },
	};
	struct parley_sched_guest_header *h = g->says;

	h->version = cpu_to_le16(version);
	h->kind = cpu_to_le16(kind);
	h->nr = cpu_to_le32(nr);
	return guest_offer_pieces(g, segs, 1, 1);
}

u32 guest_share(struct guest *g)
{
	return guest_offer(g, PARLEY_SCHED_VERSION, PARLEY_SCHED_AREA_VCPUS, g->nr);
}

bool guest_area_back(struct guest *g)
{
	return guest_wait(&g->q[PARLEY_SCHED_QUEUE_AREAS]) >= 0;
}

/* ---------------------------------------------------------------- requests */

/* Sends it; the bytes that were written. */
static u32 guest_send(struct guest *g, const void *bytes, u32 len, u32 room)
{
	struct guest_queue *gq = &g->q[PARLEY_SCHED_QUEUE_REQUESTS];
	struct parley_seg segs[] = {
		{ virt_to_phys(g->command), len },
		{ virt_to_phys(g->command + GUEST_REPLY), room },
	};
	struct parley_buf buf = { .segs = segs, .n_out = 1, .n_in = !!room, .cookie = g };
	struct parley_sched_reply *reply = g->command + GUEST_REPLY;
	int written;

	memcpy(g->command, bytes, len);
	reply->status = cpu_to_le32(~0);
	KUNIT_ASSERT_EQ(g->test, 0, parley_drvq_submit(gq->drv, &buf, GFP_KERNEL));
	written = guest_wait(gq);
	KUNIT_ASSERT_GE(g->test, written, 0);
	return written;
}

u32 guest_ask_bytes(struct guest *g, const void *bytes, u32 len, u32 room)
{
	struct parley_sched_reply *reply = g->command + GUEST_REPLY;
	u32 written = guest_send(g, bytes, len, room);

	KUNIT_EXPECT_EQ(g->test, written, room >= sizeof(*reply) ? sizeof(*reply) : 0);
	return le32_to_cpu(reply->status);
}

struct parley_sched_counted guest_count(struct guest *g, u32 target)
{
	struct parley_sched_request r = {
		.op = cpu_to_le16(PARLEY_SCHED_OP_COUNT),
		.target = cpu_to_le32(target),
	};
	struct parley_sched_counted c;
	u32 written = guest_send(g, &r, sizeof(r), sizeof(c));

	memcpy(&c, g->command + GUEST_REPLY, sizeof(c));
	KUNIT_EXPECT_EQ(g->test, written, c.status ? sizeof(c.status) : sizeof(c));
	return c;
}

u32 guest_ask(struct guest *g, u16 op, u32 vcpu, u32 target)
{
	struct parley_sched_request r = {
		.op = cpu_to_le16(op),
		.vcpu = cpu_to_le32(vcpu),
		.target = cpu_to_le32(target),
	};

	return guest_ask_bytes(g, &r, sizeof(r), sizeof(struct parley_sched_reply));
}

/* ----------------------------------------------------------------- records */

struct parley_sched_view guest_view(struct guest *g, unsigned int vcpu)
{
	struct parley_sched_view v = {};

	KUNIT_EXPECT_TRUE(g->test, parley_sched_read(guest_record(g, vcpu), &v));
	return v;
}

void guest_hint(struct guest *g, unsigned int vcpu, u64 word)
{
	struct parley_sched_guest_record *r = g->says;

	WRITE_ONCE(r[1 + vcpu].word, cpu_to_le64(word));
}
