// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools in the family "parley": the commands pool-get, pool-add, pool-set,
 * pool-remove, pool-attach and pool-detach.  Locking: vh_pools_lock, whose holder may
 * make threads, but waits for no back end.
 */
#include "netlink.h"
#include "pool.h"

static_assert(PARLEY_POOL_NAME_MAX == VH_POOL_NAME_MAX);
static_assert(PARLEY_POOL_THREADS_MAX == VH_POOL_THREADS_MAX);
static_assert(PARLEY_POOL_WEIGHT_MAX == VH_WEIGHT_MAX);

/* --------------------------------------------------------------- showing */

int vh_nl_put_dev_pool(struct sk_buff *skb, struct parley_vhost *dev)
{
	const struct vh_membership *m = &dev->membership;

	guard(mutex)(&vh_pools_lock);
	if (!m->pool)
		return 0;
	if (nla_put_string(skb, PARLEY_A_DEVICE_POOL, m->pool->name) ||
	    nla_put_u32(skb, PARLEY_A_DEVICE_POOL_CLASS, m->account.class) ||
	    nla_put_u32(skb, PARLEY_A_DEVICE_POOL_WEIGHT, m->account.weight))
		return -EMSGSIZE;
	return 0;
}

static int vh_nl_put_pool_stats(struct sk_buff *skb, struct vh_pool *pool)
{
	struct nlattr *start = nla_nest_start(skb, PARLEY_A_POOL_STATS);
	const int pad = PARLEY_A_POOL_STATS_PAD;
	typeof(pool->stats) now;

	scoped_guard(spinlock_irqsave, &pool->lock)
		now = pool->stats;
	if (!start ||
	    nla_put_u64_64bit(skb, PARLEY_A_POOL_STATS_TURNS, now.turns, pad) ||
	    nla_put_u64_64bit(skb, PARLEY_A_POOL_STATS_WAKEUPS, now.wakeups, pad) ||
	    nla_put_u64_64bit(skb, PARLEY_A_POOL_STATS_STALLS, now.stalls, pad) ||
	    nla_put_u64_64bit(skb, PARLEY_A_POOL_STATS_HURRIES, now.hurries, pad))
		return -EMSGSIZE;
	nla_nest_end(skb, start);
	return 0;
}

static int vh_nl_put_pool(struct sk_buff *skb, struct vh_pool *pool)
{
	if (nla_put_string(skb, PARLEY_A_POOL_NAME, pool->name) ||
	    nla_put_u32(skb, PARLEY_A_POOL_THREADS, pool->threads) ||
	    (pool->one_vm && nla_put_flag(skb, PARLEY_A_POOL_ONE_VM)) ||
	    nla_put_u32(skb, PARLEY_A_POOL_DEVICES, pool->devices) ||
	    nla_put_u32(skb, PARLEY_A_POOL_WORKERS, pool->members) ||
	    nla_put_u32(skb, PARLEY_A_POOL_SEATS, pool->nr_seats) ||
	    nla_put_u32(skb, PARLEY_A_POOL_ACTIVE, READ_ONCE(pool->active)) ||
	    nla_put_u32(skb, PARLEY_A_POOL_WAITING, READ_ONCE(pool->order.nr_ready)))
		return -EMSGSIZE;
	return vh_nl_put_pool_stats(skb, pool);
}

/* Where a dump goes on. */
struct position {
	u64 id;
};

int parley_nl_pool_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct position *pos = (struct position *)cb->ctx;
	struct vh_pool *pool;

	guard(mutex)(&vh_pools_lock);
	list_for_each_entry(pool, &vh_pools, entry) {
		void *head;
		int err;

		if (pool->id <= pos->id)
			continue;
		head = vh_nl_begin(skb, cb);
		if (!head)
			return skb->len ?: -EMSGSIZE;
		err = vh_nl_end(skb, head, vh_nl_put_pool(skb, pool));
		if (err)
			return skb->len ?: err;
		pos->id = pool->id;
	}
	return skb->len;
}

/* --------------------------------------------------------------- setting */

/* Its name, or NULL, which info->extack explains. */
static const char *vh_nl_pool_name(const struct genl_info *info)
{
	struct nlattr *name = info->attrs[PARLEY_A_POOL_NAME];

	if (name && nla_len(name) > 1)
		return nla_data(name);
	NL_SET_ERR_ATTR_MISS(info->extack, NULL, PARLEY_A_POOL_NAME);
	NL_SET_ERR_MSG(info->extack, "say which pool; pool-get lists them");
	return NULL;
}

static int vh_nl_explain(const struct genl_info *info, int err)
{
	switch (err) {
	case -ENOENT:
		NL_SET_ERR_MSG(info->extack, "there is no such pool; pool-get lists them");
		break;
	case -EEXIST:
		NL_SET_ERR_MSG(info->extack, "there is a pool of that name");
		break;
	case -EBUSY:
		NL_SET_ERR_MSG(info->extack, "devices belong to it: detach them first");
		break;
	case -ENODEV:
		NL_SET_ERR_MSG(info->extack, "the device was closed");
		break;
	case -EXDEV:
		NL_SET_ERR_MSG(info->extack,
			       "the pool is for one VM, and the device is not, or not yet, its");
		break;
	}
	return err;
}

/* The number of threads, or 0, which info->extack explains. */
static u32 vh_nl_pool_threads(const struct genl_info *info)
{
	struct nlattr *threads = info->attrs[PARLEY_A_POOL_THREADS];

	if (threads)
		return nla_get_u32(threads);
	NL_SET_ERR_ATTR_MISS(info->extack, NULL, PARLEY_A_POOL_THREADS);
	NL_SET_ERR_MSG(info->extack, "say how many threads serve at a time");
	return 0;
}

int parley_nl_pool_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = vh_nl_pool_name(info);
	u32 threads = name ? vh_nl_pool_threads(info) : 0;
	int err;

	if (!threads)
		return -EINVAL;
	err = vh_pool_create(name, threads, info->attrs[PARLEY_A_POOL_ONE_VM]);
	if (err == -ENOSPC)
		NL_SET_ERR_MSG_FMT(info->extack, "there are %u pools, the most that can be",
				   VH_POOLS_MAX);
	return vh_nl_explain(info, err);
}

int parley_nl_pool_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = vh_nl_pool_name(info);
	u32 threads = name ? vh_nl_pool_threads(info) : 0;

	if (!threads)
		return -EINVAL;
	return vh_nl_explain(info, vh_pool_resize(name, threads));
}

int parley_nl_pool_remove_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = vh_nl_pool_name(info);

	return name ? vh_nl_explain(info, vh_pool_remove(name)) : -EINVAL;
}

int parley_nl_pool_attach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct parley_vhost *dev __free(vh_dev) = vh_nl_find_dev(info, PARLEY_A_POOL_DEV_ID);
	struct nlattr *class = info->attrs[PARLEY_A_POOL_CLASS];
	struct nlattr *weight = info->attrs[PARLEY_A_POOL_WEIGHT];
	const char *name;
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	name = vh_nl_pool_name(info);
	if (!name)
		return -EINVAL;
	err = vh_pool_attach(dev, name, class ? nla_get_u32(class) : VH_LANE_NORMAL,
			     weight ? nla_get_u32(weight) : VH_WEIGHT);
	if (err == -ENOSPC)
		NL_SET_ERR_MSG_FMT(info->extack,
				   "a pool has at most %u devices, and %u workers if they have several",
				   VH_POOL_DEVICES_MAX, VH_POOL_MEMBERS_MAX);
	return vh_nl_explain(info, err);
}

int parley_nl_pool_detach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct parley_vhost *dev __free(vh_dev) = vh_nl_find_dev(info, PARLEY_A_POOL_DEV_ID);
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = vh_pool_detach(dev);
	if (err)
		NL_SET_ERR_MSG(info->extack, "the device belongs to no pool");
	return err;
}
