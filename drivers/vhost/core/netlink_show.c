// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of the family "parley" about what there is and what it did: the
 * commands dev-get, queue-get and worker-get.  Locking: see netlink.c.
 *
 * Anybody may ask, as often as he likes.  So what takes a lock that a ring is
 * served under, and whose device it is, is told to administrators only
 * (CAP_NET_ADMIN); all else is read without.
 */
#include "netlink.h"
#include "req.h"
#include "runq.h"

static_assert((int)PARLEY_QUEUE_STATE_IDLE == VH_VQ_IDLE);
static_assert((int)PARLEY_QUEUE_STATE_RUNNING == VH_VQ_RUNNING);
static_assert((int)PARLEY_QUEUE_STATE_STOPPING == VH_VQ_STOPPING);
static_assert((int)PARLEY_QUEUE_STATE_BROKEN == VH_VQ_BROKEN);

/* -------------------------------------------------------------- numbers */

/**
 * struct counter - a row of a table of statistics
 * @attr: attribute that carries it
 * @offset: where it lies in the structure
 */
struct counter {
	u16 attr;
	u16 offset;
};

#define QUEUE_STAT(ATTR, member) \
	{ PARLEY_A_QUEUE_STATS_##ATTR, \
	  offsetof(typeof_member(struct parley_vhost_vq, stats), member) }
#define RING_STAT(ATTR, member) \
	{ PARLEY_A_RING_STATS_##ATTR, offsetof(struct parley_vq_stats, member) }
#define WORKER_STAT(ATTR, member) \
	{ PARLEY_A_WORKER_STATS_##ATTR, offsetof(struct vh_worker, stats.member) }

static const struct counter queue_counters[] = {
	QUEUE_STAT(KICKS, kicks),
	QUEUE_STAT(ROUNDS, rounds),
	QUEUE_STAT(REQUESTS, requests),
	QUEUE_STAT(BYTES_READ, bytes_read),
	QUEUE_STAT(BYTES_WRITTEN, bytes_written),
	QUEUE_STAT(CALLS, calls),
	QUEUE_STAT(CALLS_SUPPRESSED, calls_suppressed),
	QUEUE_STAT(CALLS_MODERATED, calls_moderated),
	QUEUE_STAT(THROTTLED, throttled),
	QUEUE_STAT(WEIGHT_YIELDS, weight_yields),
	QUEUE_STAT(ERRORS, errors),
};

static const struct counter ring_counters[] = {
	RING_STAT(TAKEN, buffers),
	RING_STAT(COMPLETED, completed),
	RING_STAT(PUBLISHES, publishes),
	RING_STAT(NOTIFIED, notified),
	RING_STAT(SUPPRESSED, suppressed),
	RING_STAT(ERRORS, errors),
};

static const struct counter worker_counters[] = {
	WORKER_STAT(ROUNDS, rounds),
	WORKER_STAT(SLEEPS, sleeps),
	WORKER_STAT(WAKEUPS, wakeups),
	WORKER_STAT(POLLS, polls),
	WORKER_STAT(POLL_HITS, poll_hits),
	WORKER_STAT(POLL_NS, poll_ns),
	WORKER_STAT(BUSY_NS, busy_ns),
};

/* Every counter is aligned; who counts may do so meanwhile. */
static int vh_nl_put_counters(struct sk_buff *skb, int nest, int pad, const void *from,
			      const struct counter *rows, unsigned int nr)
{
	struct nlattr *start = nla_nest_start(skb, nest);

	if (!start)
		return -EMSGSIZE;
	for (; nr; nr--, rows++) {
		const u64 *value = from + rows->offset;

		if (nla_put_u64_64bit(skb, rows->attr, READ_ONCE(*value), pad))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, start);
	return 0;
}

static int vh_nl_put_pair(struct sk_buff *skb, int nest, int attr_a, u32 a, int attr_b, u32 b)
{
	struct nlattr *start = nla_nest_start(skb, nest);

	if (!start || nla_put_u32(skb, attr_a, a) || nla_put_u32(skb, attr_b, b))
		return -EMSGSIZE;
	nla_nest_end(skb, start);
	return 0;
}

/* -------------------------------------------------- devices, rings, workers */

static unsigned int vh_nl_count_running(const struct parley_vhost *dev)
{
	unsigned int i, there = vh_dev_nr_vqs(dev), nr = 0;

	for (i = 0; i < there; i++)
		nr += READ_ONCE(dev->vqs[i]->state) == VH_VQ_RUNNING;
	return nr;
}

static unsigned int vh_nl_count_workers(struct parley_vhost *dev)
{
	struct vh_worker *worker;
	unsigned long id;
	unsigned int nr = 0;

	guard(rcu)();
	xa_for_each(&dev->workers, id, worker)
		nr++;
	return nr;
}

int vh_nl_put_name(struct sk_buff *skb, const struct parley_vhost *dev)
{
	if (nla_put_u32(skb, PARLEY_A_DEVICE_ID, dev->id) ||
	    nla_put_string(skb, PARLEY_A_DEVICE_NAME, dev->drv->name))
		return -EMSGSIZE;
	return 0;
}

static int vh_nl_put_features(struct sk_buff *skb, const struct parley_vhost *dev)
{
	const struct parley_features features = dev->features;
	u64 high = parley_features_high(&features);

	if (nla_put_u64_64bit(skb, PARLEY_A_DEVICE_FEATURES,
			      parley_features_low(&features), PARLEY_A_DEVICE_PAD))
		return -EMSGSIZE;
	return high ? nla_put_u64_64bit(skb, PARLEY_A_DEVICE_FEATURES_HIGH, high,
					PARLEY_A_DEVICE_PAD) : 0;
}

static int vh_nl_put_dev(struct sk_buff *skb, struct parley_vhost *dev, bool admin)
{
	const int pad = PARLEY_A_DEVICE_PAD;

	if (vh_nl_put_name(skb, dev) ||
	    nla_put_u32(skb, PARLEY_A_DEVICE_VIRTIO_ID, dev->drv->device_id) ||
	    (admin && READ_ONCE(dev->owned) && !dev->in_kernel &&
	     nla_put_u32(skb, PARLEY_A_DEVICE_OWNER_PID, READ_ONCE(dev->owner_pid))) ||
	    (dev->in_kernel && nla_put_flag(skb, PARLEY_A_DEVICE_IN_KERNEL)) ||
	    vh_nl_put_features(skb, dev) ||
	    nla_put_u64_64bit(skb, PARLEY_A_DEVICE_BACKEND_FEATURES,
			      READ_ONCE(dev->backend_features), pad) ||
	    nla_put_u32(skb, PARLEY_A_DEVICE_QUEUES, vh_dev_max_vqs(dev)) ||
	    nla_put_u32(skb, PARLEY_A_DEVICE_QUEUES_RUNNING, vh_nl_count_running(dev)) ||
	    nla_put_u32(skb, PARLEY_A_DEVICE_WORKERS, vh_nl_count_workers(dev)) ||
	    nla_put_u32(skb, PARLEY_A_DEVICE_MEMORY_REGIONS, READ_ONCE(dev->nr_regions)) ||
	    (READ_ONCE(dev->iotlb.on) && nla_put_flag(skb, PARLEY_A_DEVICE_IOTLB)) ||
	    (READ_ONCE(dev->log.base) && nla_put_flag(skb, PARLEY_A_DEVICE_LOGGING)) ||
	    nla_put_u64_64bit(skb, PARLEY_A_DEVICE_LOG_ERRORS,
			      READ_ONCE(dev->log.errors), pad) ||
	    vh_nl_put_dev_limits(skb, dev) ||
	    (admin && vh_nl_put_dev_pool(skb, dev)))
		return -EMSGSIZE;
	return 0;
}

static int vh_nl_put_worker_id(struct sk_buff *skb, struct parley_vhost_vq *vq)
{
	struct vh_worker *worker;

	guard(rcu)();
	worker = rcu_dereference(vq->worker);
	return worker ? nla_put_u32(skb, PARLEY_A_QUEUE_WORKER_ID, worker->id) : 0;
}

/* The mutex keeps the core's queue where it is, and requests in flight or free. */
static int vh_nl_put_ring(struct sk_buff *skb, struct parley_vhost_vq *vq)
{
	int err = 0;
	s64 oldest;

	if (mutex_lock_killable(&vq->mutex))
		return -EINTR;
	oldest = vh_reqs_oldest_ms(vq);
	if (oldest >= 0)
		err = nla_put_u32(skb, PARLEY_A_QUEUE_OLDEST_MS, oldest);
	if (!err && vq->devq)
		err = vh_nl_put_counters(skb, PARLEY_A_QUEUE_RING_STATS,
					 PARLEY_A_RING_STATS_PAD,
					 parley_devq_stats(vq->devq),
					 ring_counters, ARRAY_SIZE(ring_counters));
	mutex_unlock(&vq->mutex);
	return err;
}

/* Calls are counted where they are made, which for some is the timer. */
static int vh_nl_put_queue_stats(struct sk_buff *skb, struct parley_vhost_vq *vq)
{
	typeof(vq->stats) now = vq->stats;

	now.kicks = READ_ONCE(vq->kick.count);
	now.calls += READ_ONCE(vq->moderation.fired);
	return vh_nl_put_counters(skb, PARLEY_A_QUEUE_STATS, PARLEY_A_QUEUE_STATS_PAD, &now,
				  queue_counters, ARRAY_SIZE(queue_counters));
}

static int vh_nl_put_moderation(struct sk_buff *skb, const struct vh_moderation *m)
{
	struct nlattr *start = nla_nest_start(skb, PARLEY_A_QUEUE_MODERATION);

	if (!start ||
	    nla_put_u32(skb, PARLEY_A_MODERATION_MAX_REQS, READ_ONCE(m->max_reqs)) ||
	    nla_put_u32(skb, PARLEY_A_MODERATION_MAX_US, READ_ONCE(m->max_us)) ||
	    nla_put_u32(skb, PARLEY_A_MODERATION_ADAPTIVE, READ_ONCE(m->adaptive)))
		return -EMSGSIZE;
	nla_nest_end(skb, start);
	return 0;
}

static int vh_nl_put_queue(struct sk_buff *skb, struct parley_vhost_vq *vq, bool admin)
{
	if (nla_put_u32(skb, PARLEY_A_QUEUE_DEV_ID, vq->dev->id) ||
	    nla_put_u32(skb, PARLEY_A_QUEUE_INDEX, vq->index) ||
	    nla_put_u32(skb, PARLEY_A_QUEUE_STATE, READ_ONCE(vq->state)) ||
	    nla_put_u32(skb, PARLEY_A_QUEUE_SIZE, READ_ONCE(vq->num)) ||
	    (READ_ONCE(vq->joined) && nla_put_flag(skb, PARLEY_A_QUEUE_JOINED)) ||
	    nla_put_u32(skb, PARLEY_A_QUEUE_IN_FLIGHT, vh_vq_in_flight(vq)) ||
	    vh_nl_put_worker_id(skb, vq) ||
	    nla_put_u32(skb, PARLEY_A_QUEUE_LANE, READ_ONCE(vq->lane)) ||
	    vh_nl_put_vq_limits(skb, vq) ||
	    vh_nl_put_moderation(skb, &vq->moderation) ||
	    vh_nl_put_pair(skb, PARLEY_A_QUEUE_POLLING, PARLEY_A_POLLING_MAX_US,
			   READ_ONCE(vq->poll.max_us), PARLEY_A_POLLING_BUDGET,
			   READ_ONCE(vq->poll.budget)) ||
	    nla_put_u32(skb, PARLEY_A_QUEUE_POLLING_NOW_US, READ_ONCE(vq->poll.now_us)) ||
	    vh_nl_put_queue_stats(skb, vq))
		return -EMSGSIZE;
	return admin ? vh_nl_put_ring(skb, vq) : 0;
}

static int vh_nl_put_worker(struct sk_buff *skb, const struct vh_worker *worker)
{
	if (nla_put_u32(skb, PARLEY_A_WORKER_DEV_ID, worker->dev->id) ||
	    nla_put_u32(skb, PARLEY_A_WORKER_ID, worker->id) ||
	    (worker->node != NUMA_NO_NODE &&
	     nla_put_u32(skb, PARLEY_A_WORKER_NODE, worker->node)) ||
	    (READ_ONCE(worker->killed) && nla_put_flag(skb, PARLEY_A_WORKER_KILLED)) ||
	    nla_put_u32(skb, PARLEY_A_WORKER_QUEUES, READ_ONCE(worker->attached)) ||
	    vh_nl_put_counters(skb, PARLEY_A_WORKER_STATS, PARLEY_A_WORKER_STATS_PAD, worker,
			       worker_counters, ARRAY_SIZE(worker_counters)))
		return -EMSGSIZE;
	return 0;
}

/* ------------------------------------------------------------------- do */

int parley_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct parley_vhost *dev __free(vh_dev) = vh_nl_find_dev(info, PARLEY_A_DEVICE_ID);
	struct sk_buff *reply __free(nl_msg) = NULL;
	void *head;
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	head = reply ? genlmsg_iput(reply, info) : NULL;
	if (!head)
		return -ENOMEM;
	err = vh_nl_put_dev(reply, dev, netlink_capable(skb, CAP_NET_ADMIN));
	if (err)
		return err;
	genlmsg_end(reply, head);
	return genlmsg_reply(no_free_ptr(reply), info);
}

int parley_nl_queue_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct parley_vhost *dev __free(vh_dev) = vh_nl_find_dev(info, PARLEY_A_QUEUE_DEV_ID);
	struct sk_buff *reply __free(nl_msg) = NULL;
	struct parley_vhost_vq *vq;
	void *head;
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	vq = vh_nl_find_vq(dev, info);
	if (IS_ERR(vq))
		return PTR_ERR(vq);
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	head = reply ? genlmsg_iput(reply, info) : NULL;
	if (!head)
		return -ENOMEM;
	err = vh_nl_put_queue(reply, vq, netlink_capable(skb, CAP_NET_ADMIN));
	if (err)
		return err;
	genlmsg_end(reply, head);
	return genlmsg_reply(no_free_ptr(reply), info);
}

/* ----------------------------------------------------------------- dump */

/**
 * struct position - where a dump goes on, in the callback's context
 * @dev: number of the device
 * @sub: number of its queue or worker
 * @done: nothing is left
 */
struct position {
	u32 dev;
	u32 sub;
	bool done;
};

static_assert(sizeof(struct position) <= sizeof_field(struct netlink_callback, ctx));

static void vh_nl_next_device(struct position *pos)
{
	pos->sub = 0;
	pos->done = pos->dev == U32_MAX;
	pos->dev++;
}

/* One of many: some libraries believe a message without that flag to be all. */
void *vh_nl_begin(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);

	return genlmsg_put(skb, info->snd_portid, info->snd_seq, &parley_nl_family,
			   NLM_F_MULTI, info->genlhdr->cmd);
}

/* Finish one message of a dump, or take back what did not fit. */
int vh_nl_end(struct sk_buff *skb, void *head, int err)
{
	if (err)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return err;
}

static int vh_nl_dump_dev(struct sk_buff *skb, struct netlink_callback *cb,
			  struct parley_vhost *dev, struct position *pos)
{
	bool admin = netlink_capable(cb->skb, CAP_NET_ADMIN);
	void *head = vh_nl_begin(skb, cb);

	return head ? vh_nl_end(skb, head, vh_nl_put_dev(skb, dev, admin)) : -EMSGSIZE;
}

static int vh_nl_dump_queues(struct sk_buff *skb, struct netlink_callback *cb,
			     struct parley_vhost *dev, struct position *pos)
{
	bool admin = netlink_capable(cb->skb, CAP_NET_ADMIN);

	for (; pos->sub < vh_dev_nr_vqs(dev); pos->sub++) {
		void *head = vh_nl_begin(skb, cb);
		int err;

		if (!head)
			return -EMSGSIZE;
		err = vh_nl_end(skb, head, vh_nl_put_queue(skb, dev->vqs[pos->sub], admin));
		if (err)
			return err;
	}
	return 0;
}

static int vh_nl_dump_workers(struct sk_buff *skb, struct netlink_callback *cb,
			      struct parley_vhost *dev, struct position *pos)
{
	struct vh_worker *worker;
	unsigned long id;

	guard(rcu)();
	xa_for_each_start(&dev->workers, id, worker, pos->sub) {
		void *head = vh_nl_begin(skb, cb);
		int err;

		pos->sub = id;
		if (!head)
			return -EMSGSIZE;
		err = vh_nl_end(skb, head, vh_nl_put_worker(skb, worker));
		if (err)
			return err;
	}
	return 0;
}

typedef int (*dump_fn)(struct sk_buff *skb, struct netlink_callback *cb,
		       struct parley_vhost *dev, struct position *pos);

/* What fits into one buffer; the kernel calls again until nothing is added. */
static int vh_nl_dump_all(struct sk_buff *skb, struct netlink_callback *cb, dump_fn dump)
{
	struct position *pos = (struct position *)cb->ctx;

	while (!pos->done) {
		u32 wanted = pos->dev;
		struct parley_vhost *dev __free(vh_dev) = vh_dev_next(&pos->dev);
		int err;

		if (!dev)
			break;
		if (pos->dev != wanted)	/* closed meanwhile */
			pos->sub = 0;
		err = dump(skb, cb, dev, pos);
		if (err)
			return err == -EMSGSIZE && skb->len ? skb->len : err;
		vh_nl_next_device(pos);
	}
	return skb->len;
}

/* The same for one device, if @attr names one. */
static int vh_nl_dump_some(struct sk_buff *skb, struct netlink_callback *cb, int attr,
			   dump_fn dump)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct position *pos = (struct position *)cb->ctx;
	int err;

	if (!info->attrs[attr])
		return vh_nl_dump_all(skb, cb, dump);
	if (pos->done)
		return 0;

	struct parley_vhost *dev __free(vh_dev) = vh_nl_find_dev(info, attr);

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = dump(skb, cb, dev, pos);
	if (err)
		return err == -EMSGSIZE && skb->len ? skb->len : err;
	pos->done = true;
	return skb->len;
}

int parley_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return vh_nl_dump_all(skb, cb, vh_nl_dump_dev);
}

int parley_nl_queue_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return vh_nl_dump_some(skb, cb, PARLEY_A_QUEUE_DEV_ID, vh_nl_dump_queues);
}

int parley_nl_worker_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return vh_nl_dump_some(skb, cb, PARLEY_A_WORKER_DEV_ID, vh_nl_dump_workers);
}
