// SPDX-License-Identifier: GPL-2.0-only
/* Files that are watched, polling that sees them, kinds of queues, and what they cost. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include "net.h"

/* ------------------------------------------------------- a file of our own */

/**
 * struct bell - what a file tells of
 * @queues: its wait queues
 * @nr: how many of them it shows
 * @ready: EPOLL*
 * @released: it is gone
 */
struct bell {
	wait_queue_head_t queues[3];
	unsigned int nr;
	__poll_t ready;
	bool released;
};

/* A file may outlive its test by a moment. */
static struct bell bells[3];

static __poll_t bell_poll(struct file *file, poll_table *table)
{
	struct bell *b = file->private_data;
	unsigned int i;

	for (i = 0; i < b->nr; i++)
		poll_wait(file, &b->queues[i], table);
	return READ_ONCE(b->ready);
}

static int bell_release(struct inode *inode, struct file *file)
{
	struct bell *b = file->private_data;

	WRITE_ONCE(b->released, true);
	return 0;
}

static const struct file_operations bell_fops = {
	.owner = THIS_MODULE,
	.poll = bell_poll,
	.release = bell_release,
};

static const struct file_operations mute_fops = {
	.owner = THIS_MODULE,
	.release = bell_release,
};

static struct file *bell_file(struct kunit *test, struct bell *b, unsigned int nr)
{
	struct file *file;
	unsigned int i;

	*b = (struct bell){ .nr = nr };
	for (i = 0; i < ARRAY_SIZE(b->queues); i++)
		init_waitqueue_head(&b->queues[i]);
	file = anon_inode_getfile("bell", nr ? &bell_fops : &mute_fops, b, O_RDWR);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	return file;
}

/* Does anybody wait there? */
static bool bell_is_hooked(wait_queue_head_t *queue)
{
	bool hooked;

	scoped_guard(spinlock_irqsave, &queue->lock)
		hooked = !list_empty(&queue->head);
	return hooked;
}

static struct parley_vhost_vq *watch_vq(struct nic *net)
{
	return parley_vhost_get_vq(net->dev, NET_RX);
}

/* One round more is begun because of what was just said, or none. */
static bool watch_hears(struct nic *net, unsigned int works)
{
	if (!net_rests(net))
		return false;
	msleep(20);
	return READ_ONCE(net->works) > works;
}

/* It is held while it is watched, heard by what was asked for, and let go. */
static void watch_holds_and_hears(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, TOY_EVENT, 16, 128);
	struct bell *b = bells;
	struct file *file;
	unsigned int i, works;

	file = bell_file(test, b, 2);
	KUNIT_ASSERT_EQ(test, parley_vhost_vq_watch(watch_vq(net), file, EPOLLIN), 0);
	fput(file);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(b->released));
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_TRUE(test, net_rests(net));
		works = READ_ONCE(net->works);
		wake_up_poll(&b->queues[i], EPOLLOUT);
		KUNIT_EXPECT_FALSE(test, watch_hears(net, works));
		wake_up_poll(&b->queues[i], EPOLLIN);
		KUNIT_EXPECT_TRUE(test, watch_hears(net, works));
		works = READ_ONCE(net->works);
		wake_up_poll(&b->queues[i], EPOLLHUP);
		KUNIT_EXPECT_TRUE(test, watch_hears(net, works));
		works = READ_ONCE(net->works);
		wake_up(&b->queues[i]);
		KUNIT_EXPECT_TRUE(test, watch_hears(net, works));
	}
	/* Not while the ring is stopped; then it counts when the ring starts. */
	toy_ring_leave(&rx->r);
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	works = READ_ONCE(net->works);
	wake_up_poll(&b->queues[0], EPOLLIN);
	KUNIT_EXPECT_FALSE(test, watch_hears(net, works));
	toy_ring_join(&rx->r);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(net->works) > works));
	parley_vhost_vq_unwatch(watch_vq(net));
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(b->released)));
	KUNIT_EXPECT_FALSE(test, bell_is_hooked(&b->queues[0]));
	KUNIT_EXPECT_FALSE(test, bell_is_hooked(&b->queues[1]));
	parley_vhost_vq_unwatch(watch_vq(net));
}

/* One that is ready before it is watched counts; one after the other is let go. */
static void watch_is_ready(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, TOY_PACKED, 16, 128);
	struct bell *b = bells;
	struct file *one, *two;
	unsigned int works;

	one = bell_file(test, &b[0], 1);
	two = bell_file(test, &b[1], 1);
	b[0].ready = EPOLLIN;
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	works = READ_ONCE(net->works);
	KUNIT_ASSERT_EQ(test, parley_vhost_vq_watch(watch_vq(net), one, EPOLLIN), 0);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(net->works) > works));
	KUNIT_ASSERT_EQ(test, parley_vhost_vq_watch(watch_vq(net), two, EPOLLIN), 0);
	fput(one);
	fput(two);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(b[0].released)));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(b[1].released));
	/* The end of the device is the end of the watch, whoever forgets it. */
	net_ring_close(rx);
	net_close(net);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(b[1].released)));
}

/* A wait queue that goes before its file is left in time. */
static void watch_queue_goes(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, 0, 16, 128);
	struct bell *b = bells;
	struct file *file;
	unsigned int works;

	file = bell_file(test, b, 1);
	KUNIT_ASSERT_EQ(test, parley_vhost_vq_watch(watch_vq(net), file, EPOLLIN), 0);
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	works = READ_ONCE(net->works);
	/* As wake_up_pollfree() does, which modules cannot call everywhere. */
	__wake_up(&b->queues[0], TASK_NORMAL, 0, poll_to_key(EPOLLHUP | POLLFREE));
	KUNIT_EXPECT_FALSE(test, bell_is_hooked(&b->queues[0]));
	KUNIT_EXPECT_TRUE(test, watch_hears(net, works));
	/* As freed memory is. */
	memset(&b->queues[0], 0x6b, sizeof(b->queues[0]));
	parley_vhost_vq_unwatch(watch_vq(net));
	fput(file);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(b->released)));
	toy_ring_leave(&rx->r);
}

static void watch_refuses(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct toy *toy = toy_open(test);
	struct bell *b = bells;
	struct file *mute, *many, *two;
	unsigned int i;

	mute = bell_file(test, &b[0], 0);
	two = bell_file(test, &b[1], VH_WATCH_QUEUES);
	many = bell_file(test, &b[2], VH_WATCH_QUEUES + 1);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_watch(watch_vq(net), mute, EPOLLIN), -EPERM);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_watch(watch_vq(net), two, EPOLLIN), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_watch(watch_vq(net), many, EPOLLIN),
			-EOPNOTSUPP);
	/* Of a kind without work(). */
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_watch(parley_vhost_get_vq(toy->dev, 0), two,
						    EPOLLIN), -EINVAL);
	fput(mute);
	fput(two);
	fput(many);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(b[i].released)));
		KUNIT_EXPECT_FALSE(test, bell_is_hooked(&b[i].queues[0]));
	}
}

/* ---------------------------------------------------------------- polling */

/* A file that is ready and wakes nobody: who polls before he sleeps sees it. */
static void poll_sees_the_back_end(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, TOY_EVENT, 16, 128);
	struct bell *b = bells;
	struct parley_vhost_vq *vq = watch_vq(net);
	struct vh_worker *w = net_worker(net);
	struct file *file;
	unsigned int i;
	u64 hits;

	file = bell_file(test, b, 1);
	net_post(rx, 8);
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	KUNIT_ASSERT_EQ(test, parley_vhost_vq_watch(vq, file, EPOLLIN), 0);
	/* Not ready: polling is in vain, however often. */
	hits = w->stats.poll_hits;
	vq->poll = (struct vh_poll_policy){ VH_POLL_MAX_US, 100, VH_POLL_MAX_US };
	parley_vhost_vq_wake(vq);
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	KUNIT_EXPECT_EQ(test, w->stats.poll_hits, hits);
	/* Ready: found, if the worker still looks by then. */
	for (i = 0; i < 100 && w->stats.poll_hits == hits; i++) {
		vq->poll.now_us = VH_POLL_MAX_US;
		parley_vhost_vq_wake(vq);
		usleep_range(1000, 2000);
		WRITE_ONCE(b->ready, EPOLLIN);
		usleep_range(1000, 2000);
		WRITE_ONCE(b->ready, 0);
		KUNIT_ASSERT_TRUE(test, net_rests(net));
	}
	KUNIT_EXPECT_GT(test, w->stats.poll_hits, hits);
	parley_vhost_vq_unwatch(vq);
	fput(file);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(b->released)));
	toy_ring_leave(&rx->r);
}

/* ------------------------------------------------------------------ limits */

static void limit_to(struct kunit *test, struct parley_limit *l, struct parley_rate ops,
		     struct parley_rate bytes)
{
	struct parley_limits cfg = { .ops = ops, .bytes = bytes };

	KUNIT_ASSERT_EQ(test, parley_limit_set(l, &cfg, ktime_get_ns()), 0);
}

static bool receive_small(struct net_ring *rx)
{
	u8 *got = kunit_kzalloc(rx->r.test, NET_PACKET, GFP_KERNEL);
	int len = got ? net_receive(rx, got) : -ENOMEM;

	kunit_kfree(rx->r.test, got);
	return len > 0;
}

/* A receive costs what was received, not what its buffers could hold. */
static void limit_by_what_is_received(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, TOY_EVENT, 32, 1024);
	u8 data[10] = {};
	unsigned int i;

	/* Ten packets of ten bytes; that of one buffer would be a hundred of them. */
	limit_to(test, rx->r.vq->limit, (struct parley_rate){},
		 (struct parley_rate){ 1, 100 });
	net_post(rx, 32);
	for (i = 0; i < 11; i++) {
		net_wire_put(net, data, sizeof(data));
		KUNIT_ASSERT_TRUE(test, receive_small(rx));
	}
	/* The last one was received, and is owed: what comes in one turn is paid after it. */
	net_wire_put(net, data, sizeof(data));
	net_wire_put(net, data, sizeof(data));
	msleep(50);
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	KUNIT_EXPECT_EQ(test, rx->r.vq->stats.requests, 11);
	KUNIT_EXPECT_GT(test, rx->r.vq->stats.throttled, 0);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(rx->r.vq), 0);
	limit_to(test, rx->r.vq->limit, (struct parley_rate){}, (struct parley_rate){});
	KUNIT_EXPECT_TRUE(test, receive_small(rx) && receive_small(rx));
	toy_ring_leave(&rx->r);
}

/* A packet is one operation, in however many buffers; one that waits costs none. */
static void limit_by_packets(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, TOY_PACKED | TOY_EVENT, 32, 64);
	u8 data[150] = {};
	unsigned int i;

	limit_to(test, rx->r.vq->limit, (struct parley_rate){ 1, 4 }, (struct parley_rate){});
	/* It waits for its third buffer for some rounds. */
	net_wire_put(net, data, sizeof(data));
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_TRUE(test, net_rests(net));
		parley_vhost_vq_wake(rx->r.vq);
		KUNIT_ASSERT_TRUE(test, net_rests(net));
		net_post(rx, 1);
	}
	KUNIT_ASSERT_TRUE(test, receive_small(rx));
	net_post(rx, 15);
	for (i = 0; i < 3; i++) {
		net_wire_put(net, data, sizeof(data));
		KUNIT_ASSERT_TRUE(test, receive_small(rx));
	}
	net_wire_put(net, data, sizeof(data));
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	KUNIT_EXPECT_EQ(test, rx->r.vq->stats.requests, 12);
	KUNIT_EXPECT_TRUE(test, receive_small(rx));
	toy_ring_leave(&rx->r);
}

/* ------------------------------------------------------------------- kinds */

/* A ring of another kind has bounds of its own: requests, and their pieces. */
static void bad_20_kinds(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 64);
	struct toy_ring *small = toy_ring_open(test, toy, TOY_SMALL, TOY_EVENT, 64);

	toy->mode = TOY_HOLD;
	toy_send(small, 5);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(toy->nr_held) == TOY_SMALL_IN_FLIGHT));
	toy_send(r, 5);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(toy->nr_held) ==
					 TOY_SMALL_IN_FLIGHT + 5));
	KUNIT_EXPECT_EQ(test, small->vq->nr_reqs, TOY_SMALL_IN_FLIGHT);
	toy->mode = TOY_SYNC;
	toy_release(toy, 64);
	KUNIT_ASSERT_TRUE(test, toy_wait(small, 5));
	KUNIT_ASSERT_TRUE(test, toy_wait(r, 5));
	small->more = TOY_SMALL_PIECES - 2;
	toy_send(small, 1);
	KUNIT_EXPECT_TRUE(test, toy_wait(small, 6));
	small->more++;
	r->more = small->more;
	toy_send(r, 1);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 6));
	toy_send(small, 1);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(small->vq->state) == VH_VQ_BROKEN));
	KUNIT_EXPECT_EQ(test, r->vq->state, VH_VQ_RUNNING);
}

/* A lent ring is its lender's to start and to stop. */
static void lent_is_not_switched(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 64);

	KUNIT_EXPECT_EQ(test, parley_vhost_vq_switch(r->vq, false), -EBUSY);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_switch(r->vq, true), -EBUSY);
	toy_send(r, 3);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 3));
}

static struct parley_vhost_queue_ops kind;

static const struct parley_vhost_queue_ops *kind_queue(unsigned int index)
{
	return &kind;
}

static int kind_register(struct parley_vhost_queue_ops ops)
{
	static const struct parley_vhost_driver drv = {
		.name = "kunit-kind", .owner = THIS_MODULE, .queue = kind_queue,
		.max_queues = 1,
	};
	int err;

	kind = ops;
	err = parley_vhost_register(&drv);
	if (!err)
		parley_vhost_unregister(&drv);
	return err;
}

static bool kind_work(struct parley_vhost_vq *vq)
{
	return false;
}

static void kind_go_on(struct parley_vhost_req *req)
{
}

/* A kind that makes no sense is refused, at each of its edges. */
static void kinds_are_checked(struct kunit *test)
{
	const struct parley_vhost_queue_ops good = {
		.req_size = sizeof(struct parley_vhost_req),
		.pieces = PARLEY_VHOST_PIECES,
		.max_in_flight = 1,
		.work = kind_work,
	};
	struct parley_vhost_queue_ops bad = good;

	KUNIT_EXPECT_EQ(test, kind_register(good), 0);
	bad.req_size--;
	KUNIT_EXPECT_EQ(test, kind_register(bad), -EINVAL);
	bad = good;
	bad.pieces++;
	KUNIT_EXPECT_EQ(test, kind_register(bad), -EINVAL);
	bad.pieces = 0;
	KUNIT_EXPECT_EQ(test, kind_register(bad), -EINVAL);
	bad = good;
	bad.max_in_flight = 0;
	KUNIT_EXPECT_EQ(test, kind_register(bad), -EINVAL);
	bad = good;
	bad.work = NULL;
	KUNIT_EXPECT_EQ(test, kind_register(bad), -EINVAL);
	bad = good;
	bad.go_on = kind_go_on;
	KUNIT_EXPECT_EQ(test, kind_register(bad), -EINVAL);
	bad = good;
	bad.max_bytes = 1;
	KUNIT_EXPECT_EQ(test, kind_register(bad), -EINVAL);
}

static struct kunit_case watch_cases[] = {
	KUNIT_CASE(watch_holds_and_hears),
	KUNIT_CASE(watch_is_ready),
	KUNIT_CASE(watch_queue_goes),
	KUNIT_CASE(watch_refuses),
	KUNIT_CASE(poll_sees_the_back_end),
	KUNIT_CASE(limit_by_what_is_received),
	KUNIT_CASE(limit_by_packets),
	KUNIT_CASE(bad_20_kinds),
	KUNIT_CASE(kinds_are_checked),
	KUNIT_CASE(lent_is_not_switched),
	{}
};

static struct kunit_suite watch_suite = {
	.name = "parley_vhost_watch",
	.test_cases = watch_cases,
};

kunit_test_suite(watch_suite);
