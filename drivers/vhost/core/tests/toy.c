// SPDX-License-Identifier: GPL-2.0-only
/* A toy accelerator and its guest; see toy.h. */
#include <linux/delay.h>
#include <linux/slab.h>
#include <parley/compat.h>
#include "toy.h"

/* ---------------------------------------------------------- accelerator */

struct toy_req {
	struct parley_vhost_req req;
	struct list_head entry;
	unsigned int step;
};

static struct toy *toy_of(struct parley_vhost *dev)
{
	return *(struct toy **)parley_vhost_priv(dev);
}

static void toy_answer(struct toy_req *r)
{
	__le64 word = 0;

	if (parley_vhost_req_read(&r->req, 0, &word, sizeof(word)) == sizeof(word)) {
		word = ~word;
		r->req.chain.written =
			parley_vhost_req_write(&r->req, 0, &word, sizeof(word));
	}
}

struct parley_vhost_req *toy_held(struct toy *toy)
{
	struct parley_vhost_req *req = NULL;

	scoped_guard(spinlock_irqsave, &toy->lock)
		req = &list_first_entry(&toy->held, struct toy_req, entry)->req;
	return req;
}

/* End the first ones that are held, so many at a time, as one. */
unsigned int toy_release_as_one(struct toy *toy, unsigned int group)
{
	struct parley_vhost_req *reqs[16];
	struct toy_req *r;
	unsigned int i;

	scoped_guard(spinlock_irqsave, &toy->lock) {
		if (toy->nr_held < group || group > ARRAY_SIZE(reqs))
			return 0;
		for (i = 0; i < group; i++) {
			r = list_first_entry(&toy->held, struct toy_req, entry);
			list_del(&r->entry);
			reqs[i] = &r->req;
		}
		toy->nr_held -= group;
	}
	parley_vhost_reqs_done(reqs, group);
	return group;
}

/* End up to @max requests that are held; the first ones or any. */
static unsigned int toy_end(struct toy *toy, unsigned int max, bool any)
{
	struct toy_req *r;
	unsigned long flags;
	unsigned int n = 0;

	while (n < max) {
		spin_lock_irqsave(&toy->lock, flags);
		if (any && prandom_u32_state(&toy->rnd) % 2)
			r = list_last_entry(&toy->held, struct toy_req, entry);
		else
			r = list_first_entry(&toy->held, struct toy_req, entry);
		if (list_empty(&toy->held)) {
			spin_unlock_irqrestore(&toy->lock, flags);
			break;
		}
		list_del(&r->entry);
		toy->nr_held--;
		spin_unlock_irqrestore(&toy->lock, flags);
		parley_vhost_req_done(&r->req);
		n++;
	}
	return n;
}

unsigned int toy_release(struct toy *toy, unsigned int max)
{
	return toy_end(toy, max, false);
}

static void toy_work(struct work_struct *work)
{
	struct toy *toy = container_of(work, struct toy, work);

	toy_end(toy, 1 + get_random_u32_below(8), true);
	if (READ_ONCE(toy->nr_held))
		hrtimer_start(&toy->timer, ns_to_ktime(get_random_u32_below(20000)),
			      HRTIMER_MODE_REL_SOFT);
}

static enum hrtimer_restart toy_timer(struct hrtimer *timer)
{
	struct toy *toy = container_of(timer, struct toy, timer);

	toy_end(toy, 1 + get_random_u32_below(8), true);
	if (READ_ONCE(toy->nr_held))
		schedule_work(&toy->work);
	return HRTIMER_NORESTART;
}

static void toy_hold(struct toy *toy, struct toy_req *r)
{
	unsigned long flags;

	spin_lock_irqsave(&toy->lock, flags);
	list_add_tail(&r->entry, &toy->held);
	toy->most_held = max(toy->most_held, ++toy->nr_held);
	spin_unlock_irqrestore(&toy->lock, flags);
}

/* One at a time is in here for a ring, without its mutex. */
static void toy_enter(struct toy *toy, struct parley_vhost_vq *vq)
{
	unsigned int index = parley_vhost_vq_index(vq);

	lockdep_assert_not_held(&vq->mutex);
	if (atomic_inc_return(&toy->busy[index]) > 1)
		atomic_inc(&toy->overlaps);
	if (toy->gate == index) {
		toy->gate = -1;
		complete(&toy->entered);
		wait_for_completion(&toy->open);
	}
}

static void toy_exit(struct toy *toy, struct parley_vhost_vq *vq)
{
	atomic_dec(&toy->busy[parley_vhost_vq_index(vq)]);
}

static void toy_step(struct toy *toy, struct toy_req *r)
{
	if (toy->mode == TOY_SYNC)
		parley_vhost_req_done(&r->req);
	else
		toy_hold(toy, r);
}

static unsigned int toy_submit(struct parley_vhost_vq *vq,
			       struct parley_vhost_req **reqs, unsigned int nr)
{
	struct toy *toy = toy_of(parley_vhost_vq_dev(vq));
	unsigned int i;

	toy_enter(toy, vq);
	for (i = 0; i < nr; i++) {
		struct toy_req *r = container_of(reqs[i], struct toy_req, req);

		if (toy->grow && !parley_vhost_req_grow(&r->req, toy->grow))
			break;
		if (toy->room && READ_ONCE(toy->nr_held) >= toy->room)
			break;
		if (toy->nr_log < TOY_LOG)
			toy->log[toy->nr_log++] = parley_vhost_vq_index(vq);
		r->step = 1;
		toy_answer(r);
		if (toy->charge)
			parley_vhost_req_charge(&r->req, toy->charge);
		toy_step(toy, r);
		if (toy->grow) {
			i++;
			break;
		}
	}
	if (toy->mode == TOY_LATER)
		schedule_work(&toy->work);
	toy_exit(toy, vq);
	return i;
}

/* A request that the test wants to leave, and that may, is not finished. */
static bool toy_finish(struct parley_vhost_req *req)
{
	struct toy_req *r = container_of(req, struct toy_req, req);
	struct parley_vhost_vq *vq = req->vq;
	struct toy *toy = toy_of(parley_vhost_vq_dev(vq));
	bool leave = toy->leave && parley_vhost_req_leave(req, toy->rest);

	lockdep_assert_held(&vq->mutex);
	toy->left += leave;
	return leave || r->step >= toy->steps;
}

static void toy_go_on(struct parley_vhost_req *req)
{
	struct toy_req *r = container_of(req, struct toy_req, req);
	struct toy *toy = toy_of(parley_vhost_vq_dev(req->vq));

	toy_enter(toy, req->vq);
	r->step++;
	toy_step(toy, r);
	if (toy->mode == TOY_LATER)
		schedule_work(&toy->work);
	toy_exit(toy, req->vq);
}

static bool toy_poll(struct parley_vhost_vq *vq)
{
	struct toy *toy = toy_of(parley_vhost_vq_dev(vq));

	if (toy->mode != TOY_POLL)
		return false;
	if (toy->late && vq->state == VH_VQ_RUNNING)
		return true;
	toy->looks++;
	if (toy->looks % 4 == 0)
		toy_end(toy, 3, true);
	return READ_ONCE(toy->nr_held);
}

static void toy_config_read(struct parley_vhost *dev, void *config)
{
	memset(config, 0, 8);
}

static struct parley_vhost_queue_ops toy_ops = {
	.req_size	= sizeof(struct toy_req),
	.pieces		= PARLEY_VHOST_PIECES,
	.max_in_flight	= TOY_IN_FLIGHT,
	.framing	= 6,
	.submit		= toy_submit,
	.finish		= toy_finish,
	.go_on		= toy_go_on,
	.poll		= toy_poll,
};

/* What else has to be done is nothing, but it may come up at any time. */
static bool toy_no_work(struct parley_vhost_vq *vq)
{
	return false;
}

/* The last ring is of another kind: of few requests, and those of few pieces. */
static const struct parley_vhost_queue_ops toy_small_ops = {
	.req_size	= sizeof(struct toy_req),
	.pieces		= TOY_SMALL_PIECES,
	.max_in_flight	= TOY_SMALL_IN_FLIGHT,
	.framing	= 6,
	.submit		= toy_submit,
	.work		= toy_no_work,
};

static const struct parley_vhost_queue_ops *toy_queue(unsigned int index)
{
	return index == TOY_SMALL ? &toy_small_ops : &toy_ops;
}

static struct parley_vhost_driver toy_driver = {
	.name		= "kunit-toy",
	.owner		= THIS_MODULE,
	.device_id	= 42,
	.priv_size	= sizeof(struct toy *),
	.queue		= toy_queue,
	.max_queues	= TOY_QUEUES,
	.config_size	= 8,
	.config_read	= toy_config_read,
};

/* Bounds of toys that are opened from now on. */
void toy_bound(u32 max, u32 own, u64 shared)
{
	toy_ops.max_bytes = max;
	toy_ops.own_bytes = own;
	toy_driver.shared_bytes = shared;
}

/* The rings have left. */
static void toy_end_device(void *priv)
{
	struct toy *toy = priv;

	if (toy->dev)
		parley_vhost_close(toy->dev);
	cancel_work_sync(&toy->work);
	hrtimer_cancel(&toy->timer);
	cancel_work_sync(&toy->work);
	if (toy->registered)
		parley_vhost_unregister(&toy_driver);
	toy_bound(0, 0, 0);
}

void toy_close(struct toy *toy)
{
	kunit_release_action(toy->test, toy_end_device, toy);
}

struct toy *toy_open(struct kunit *test)
{
	struct toy *toy = kunit_kzalloc(test, sizeof(*toy), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, toy);
	toy->test = test;
	toy->rest = U64_MAX;
	spin_lock_init(&toy->lock);
	INIT_LIST_HEAD(&toy->held);
	INIT_WORK(&toy->work, toy_work);
	hrtimer_setup(&toy->timer, toy_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	prandom_seed_state(&toy->rnd, 7);
	init_completion(&toy->entered);
	init_completion(&toy->open);
	toy->gate = -1;
	/* The second of two finds it registered. */
	err = parley_vhost_register(&toy_driver);
	toy->registered = !err;
	if (err != -EEXIST)
		KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, toy_end_device, toy), 0);
	toy->dev = parley_vhost_open("kunit-toy");
	if (IS_ERR(toy->dev)) {
		err = PTR_ERR(toy->dev);
		toy->dev = NULL;
		KUNIT_ASSERT_EQ(test, err, 0);
	}
	*(struct toy **)parley_vhost_priv(toy->dev) = toy;
	KUNIT_ASSERT_EQ(test, parley_vhost_set_owner(toy->dev), 0);
	return toy;
}

/* ---------------------------------------------------------------- guest */

static bool toy_notify(struct parley_drvq *q, u32 data)
{
	struct toy_ring *r = parley_drvq_priv(q);

	r->kicks++;
	parley_vhost_vq_wake(r->vq);
	return true;
}

static void toy_call(void *priv)
{
	struct toy_ring *r = priv;

	atomic_inc(&r->calls);
	wake_up_all(&r->wait);
}

void toy_ring_join(struct toy_ring *r)
{
	struct parley_vhost_ring ring = { .vq = r->dev, .call = toy_call, .priv = r };

	KUNIT_ASSERT_EQ(r->test, parley_vhost_vq_join(r->vq, &ring), 0);
	r->joined = true;
}

void toy_ring_leave(struct toy_ring *r)
{
	if (r->joined)
		parley_vhost_vq_leave(r->vq);
	r->joined = false;
}

void toy_ring_unpair(struct toy_ring *r)
{
	toy_ring_leave(r);
	parley_devq_destroy(r->dev);
	while (parley_drvq_detach(r->drv))
		;
	parley_drvq_destroy(r->drv);
}

static void toy_end_ring(void *priv)
{
	struct toy_ring *r = priv;

	/* Whoever still waits is a test that failed. */
	r->toy->gate = -1;
	complete_all(&r->toy->open);
	r->toy->mode = TOY_SYNC;
	while (toy_release(r->toy, 64))
		;
	toy_ring_unpair(r);
}

void toy_ring_close(struct toy_ring *r)
{
	kunit_release_action(r->test, toy_end_ring, r);
}

/* Both sides of a ring of r->size descriptors, for that ring of the device. */
void toy_ring_pair(struct toy_ring *r, struct parley_vhost *vhost, unsigned int index,
		   u64 features)
{
	struct parley_drvq_config drv = {
		.name = "toy", .index = index, .size = r->size,
		.features = features, .notify = toy_notify, .priv = r,
	};
	struct parley_devq_config dev = {
		.name = "toy", .index = index, .size = r->size,
		.features = features, .map = &r->map,
	};
	struct parley_features set;

	init_waitqueue_head(&r->wait);
	r->drv = parley_drvq_create(&drv);
	KUNIT_ASSERT_FALSE(r->test, IS_ERR(r->drv));
	r->region = (struct parley_region){
		.size = 1ull << 46, .host = (unsigned long)phys_to_virt(0),
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE,
	};
	r->map = (struct parley_memmap){ .nr = 1, .regions = &r->region };
	parley_drvq_addr(r->drv, &dev.addr);
	dev.addr.desc = (unsigned long)phys_to_virt(dev.addr.desc);
	dev.addr.driver = (unsigned long)phys_to_virt(dev.addr.driver);
	dev.addr.device = (unsigned long)phys_to_virt(dev.addr.device);
	r->dev = parley_devq_create(&dev);
	KUNIT_ASSERT_FALSE(r->test, IS_ERR(r->dev));
	r->vq = parley_vhost_get_vq(vhost, index);
	KUNIT_ASSERT_NOT_NULL(r->test, r->vq);
	parley_features_set(&set, features, 0);
	if (parley_vhost_features(vhost) != features)
		KUNIT_ASSERT_EQ(r->test, parley_vhost_set_features(vhost, &set), 0);
}

struct toy_ring *toy_ring_open(struct kunit *test, struct toy *toy,
			       unsigned int index, u64 features, unsigned int size)
{
	struct toy_ring *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	unsigned int i;

	features |= BIT_ULL(VIRTIO_F_VERSION_1);
	KUNIT_ASSERT_NOT_NULL(test, r);
	r->test = test;
	r->toy = toy;
	r->size = size;
	r->slots = kunit_kcalloc(test, size, sizeof(*r->slots), GFP_KERNEL);
	r->free = kunit_kcalloc(test, size, sizeof(*r->free), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r->slots);
	KUNIT_ASSERT_NOT_NULL(test, r->free);
	for (i = 0; i < size / 2; i++)
		r->free[r->nr_free++] = i;
	toy_ring_pair(r, toy->dev, index, features);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, toy_end_ring, r), 0);
	toy_ring_join(r);
	return r;
}

/* @nr more requests, not published. */
void toy_put(struct toy_ring *r, unsigned int nr)
{
	while (nr--) {
		struct parley_seg *segs = r->segs;
		struct parley_buf buf = { .segs = segs, .n_out = 1, .n_in = 1 + r->more };
		unsigned int i;
		__le64 *slot;

		KUNIT_ASSERT_GT(r->test, r->nr_free, 0);
		slot = r->slots[r->free[--r->nr_free]];
		slot[0] = cpu_to_le64(r->seq++);
		slot[1] = 0;
		segs[0] = (struct parley_seg){ virt_to_phys(&slot[0]), 8 };
		for (i = 1; i < 2 + r->more; i++)
			segs[i] = (struct parley_seg){ virt_to_phys(&slot[1]), 8 };
		buf.cookie = slot;
		KUNIT_ASSERT_EQ(r->test, parley_drvq_put(r->drv, &buf, 1, GFP_KERNEL), 1);
		r->put++;
	}
}

/* True if the device wanted a kick, which it got. */
bool toy_publish(struct toy_ring *r)
{
	bool wanted = parley_drvq_publish(r->drv);

	if (wanted)
		parley_drvq_kick(r->drv);
	return wanted;
}

void toy_send(struct toy_ring *r, unsigned int nr)
{
	toy_put(r, nr);
	toy_publish(r);
}

/* Take what is done, and check it. */
unsigned int toy_reap(struct toy_ring *r)
{
	struct parley_done done[16];
	unsigned int n, i, all = 0;

	while ((n = parley_drvq_reap(r->drv, done, ARRAY_SIZE(done)))) {
		for (i = 0; i < n; i++) {
			__le64 *slot = done[i].cookie;

			KUNIT_EXPECT_EQ(r->test, done[i].len, 8);
			KUNIT_EXPECT_EQ(r->test, le64_to_cpu(slot[1]),
					~le64_to_cpu(slot[0]));
			r->free[r->nr_free++] = (slot - r->slots[0]) / 2;
		}
		all += n;
	}
	r->reaped += all;
	return all;
}

/* Reap until that many were, asleep in between; false if it took too long. */
bool toy_wait(struct toy_ring *r, u64 reaped)
{
	unsigned long end = jiffies + 30 * HZ;

	while (toy_reap(r), r->reaped < reaped) {
		int seen = atomic_read(&r->calls);

		if (!parley_drvq_arm(r->drv, 0))
			continue;
		if (time_after(jiffies, end))
			return false;
		wait_event_timeout(r->wait, atomic_read(&r->calls) != seen, HZ);
	}
	parley_drvq_disarm(r->drv);
	return true;
}
