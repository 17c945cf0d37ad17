// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits and back ends in the family "parley": the command limit-set, and
 * backend-get, kept-get and backend-forget.  Locking: vh_limit_lock, which nobody
 * holds while he waits for requests.
 */
#include "netlink.h"

static_assert(PARLEY_LIMIT_MAX == PARLEY_RATE_MAX);
static_assert(PARLEY_A_LIMITS_MAX == PARLEY_A_LIMITS_BYTES_GUARANTEED);

/* ---------------------------------------------------------------- showing */

static int vh_nl_put_limits(struct sk_buff *skb, int nest, struct parley_limit *limit)
{
	const int pad = PARLEY_A_LIMITS_PAD;
	struct nlattr *start = nla_nest_start(skb, nest);
	struct parley_limits now = {};

	if (!start)
		return -EMSGSIZE;
	if (limit)
		parley_limit_get(limit, &now);
	if (nla_put_u64_64bit(skb, PARLEY_A_LIMITS_OPS_RATE, now.ops.rate, pad) ||
	    nla_put_u64_64bit(skb, PARLEY_A_LIMITS_OPS_BURST, now.ops.burst, pad) ||
	    nla_put_u64_64bit(skb, PARLEY_A_LIMITS_BYTES_RATE, now.bytes.rate, pad) ||
	    nla_put_u64_64bit(skb, PARLEY_A_LIMITS_BYTES_BURST, now.bytes.burst, pad) ||
	    nla_put_u64_64bit(skb, PARLEY_A_LIMITS_OPS_GUARANTEED, now.ops_guaranteed,
			      pad) ||
	    nla_put_u64_64bit(skb, PARLEY_A_LIMITS_BYTES_GUARANTEED,
			      now.bytes_guaranteed, pad))
		return -EMSGSIZE;
	nla_nest_end(skb, start);
	return 0;
}

int vh_nl_put_dev_limits(struct sk_buff *skb, struct parley_vhost *dev)
{
	struct vh_limits *l;

	guard(mutex)(&vh_limit_lock);
	l = dev->limits;
	if (vh_nl_put_limits(skb, PARLEY_A_DEVICE_LIMITS, l ? l->device : NULL) ||
	    nla_put_u64_64bit(skb, PARLEY_A_DEVICE_THROTTLED,
			      l ? READ_ONCE(l->device->throttled) : 0,
			      PARLEY_A_DEVICE_PAD) ||
	    (l && l->backend &&
	     nla_put_u32(skb, PARLEY_A_DEVICE_BACKEND_ID, l->backend->id)))
		return -EMSGSIZE;
	return 0;
}

int vh_nl_put_vq_limits(struct sk_buff *skb, struct parley_vhost_vq *vq)
{
	guard(mutex)(&vh_limit_lock);
	return vh_nl_put_limits(skb, PARLEY_A_QUEUE_LIMITS, vq->limit);
}

static int vh_nl_put_backend(struct sk_buff *skb, const struct vh_backend *b)
{
	unsigned int open = 0, kept = 0;
	const struct vh_limits *l;

	list_for_each_entry(l, &b->devices, entry) {
		if (l->dev)
			open++;
		else
			kept++;
	}
	if (nla_put_u32(skb, PARLEY_A_BACKEND_ID, b->id) ||
	    nla_put_string(skb, PARLEY_A_BACKEND_PATH, b->path) ||
	    nla_put_u32(skb, PARLEY_A_BACKEND_DEVICES, open) ||
	    nla_put_u32(skb, PARLEY_A_BACKEND_KEPT, kept) ||
	    vh_nl_put_limits(skb, PARLEY_A_BACKEND_LIMITS, b->root) ||
	    nla_put_u64_64bit(skb, PARLEY_A_BACKEND_THROTTLED,
			      READ_ONCE(b->root->throttled), PARLEY_A_BACKEND_PAD))
		return -EMSGSIZE;
	return 0;
}

static int vh_nl_put_kept(struct sk_buff *skb, const struct vh_limits *l)
{
	unsigned int i, limited = 0;

	for (i = 0; i < l->nr_queues; i++)
		limited += vh_limit_is_set(l->queue[i]);
	if (nla_put_u32(skb, PARLEY_A_KEPT_BACKEND_ID, l->backend->id) ||
	    nla_put_string(skb, PARLEY_A_KEPT_NAME, l->name) ||
	    (l->dev && nla_put_u32(skb, PARLEY_A_KEPT_DEV_ID, l->dev->id)) ||
	    vh_nl_put_limits(skb, PARLEY_A_KEPT_LIMITS, l->device) ||
	    nla_put_u32(skb, PARLEY_A_KEPT_QUEUES_LIMITED, limited))
		return -EMSGSIZE;
	return 0;
}

/* --------------------------------------------------------------- back ends */

static void *vh_nl_backend_by_id(u32 id)
{
	struct vh_backend *b = vh_backend_next(id);

	return b && b->id == id ? b : NULL;
}

/* Under vh_limit_lock; or an error that info->extack explains. */
static struct vh_backend *vh_nl_find_backend(const struct genl_info *info, int attr)
{
	return vh_nl_find(info, attr, "back end", "backend", vh_nl_backend_by_id);
}

int parley_nl_backend_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply __free(nl_msg) = NULL;
	struct vh_backend *b;
	void *head;
	int err;

	guard(mutex)(&vh_limit_lock);
	b = vh_nl_find_backend(info, PARLEY_A_BACKEND_ID);
	if (IS_ERR(b))
		return PTR_ERR(b);
	/* A path may be as long as a page. */
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE + PATH_MAX, GFP_KERNEL);
	head = reply ? genlmsg_iput(reply, info) : NULL;
	if (!head)
		return -ENOMEM;
	err = vh_nl_put_backend(reply, b);
	if (err)
		return err;
	genlmsg_end(reply, head);
	return genlmsg_reply(no_free_ptr(reply), info);
}

int parley_nl_backend_forget_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *name = info->attrs[PARLEY_A_BACKEND_NAME];
	struct vh_backend *b;

	guard(mutex)(&vh_limit_lock);
	b = vh_nl_find_backend(info, PARLEY_A_BACKEND_ID);
	if (IS_ERR(b))
		return PTR_ERR(b);
	if (vh_backend_forget(b, name ? nla_data(name) : NULL) || !name)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, name,
			    "nothing is kept for a closed device of that name; kept-get lists them");
	return -ENOENT;
}

/**
 * struct vh_nl_place - where a dump goes on, in the callback's context
 * @backend: number of the back end
 * @place: of its device
 */
struct vh_nl_place {
	u32 backend;
	u32 place;
};

static_assert(sizeof(struct vh_nl_place) <= sizeof_field(struct netlink_callback, ctx));

int parley_nl_backend_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vh_nl_place *at = (struct vh_nl_place *)cb->ctx;
	struct vh_backend *b;

	guard(mutex)(&vh_limit_lock);
	while ((b = vh_backend_next(at->backend))) {
		void *head = vh_nl_begin(skb, cb);

		if (!head || vh_nl_end(skb, head, vh_nl_put_backend(skb, b)))
			return skb->len ?: -EMSGSIZE;
		at->backend = b->id + 1;
	}
	return skb->len;
}

static int vh_nl_dump_kept(struct sk_buff *skb, struct netlink_callback *cb,
			   const struct vh_backend *b, struct vh_nl_place *at)
{
	const struct vh_limits *l;

	list_for_each_entry(l, &b->devices, entry) {
		void *head;

		if (l->place < at->place)
			continue;
		head = vh_nl_begin(skb, cb);
		if (!head || vh_nl_end(skb, head, vh_nl_put_kept(skb, l)))
			return -EMSGSIZE;
		at->place = l->place + 1;
	}
	return 0;
}

int parley_nl_kept_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vh_nl_place *at = (struct vh_nl_place *)cb->ctx;
	struct vh_backend *b;

	guard(mutex)(&vh_limit_lock);
	while ((b = vh_backend_next(at->backend))) {
		if (b->id != at->backend)
			at->place = 0;
		at->backend = b->id;
		if (vh_nl_dump_kept(skb, cb, b, at))
			return skb->len ?: -EMSGSIZE;
		at->backend++;
		at->place = 0;
	}
	return skb->len;
}

/* ---------------------------------------------------------------- setting */

/* A new rate forgets the burst that was made for the old one. */
static void vh_nl_merge_rate(struct parley_rate *now, const struct nlattr *rate,
			     const struct nlattr *burst)
{
	if (rate) {
		now->rate = nla_get_u64(rate);
		now->burst = 0;
	}
	if (burst)
		now->burst = nla_get_u64(burst);
}

static void vh_nl_merge(struct parley_limits *now, struct nlattr **tb)
{
	vh_nl_merge_rate(&now->ops, tb[PARLEY_A_LIMITS_OPS_RATE],
			 tb[PARLEY_A_LIMITS_OPS_BURST]);
	vh_nl_merge_rate(&now->bytes, tb[PARLEY_A_LIMITS_BYTES_RATE],
			 tb[PARLEY_A_LIMITS_BYTES_BURST]);
	if (tb[PARLEY_A_LIMITS_OPS_GUARANTEED])
		now->ops_guaranteed = nla_get_u64(tb[PARLEY_A_LIMITS_OPS_GUARANTEED]);
	if (tb[PARLEY_A_LIMITS_BYTES_GUARANTEED])
		now->bytes_guaranteed = nla_get_u64(tb[PARLEY_A_LIMITS_BYTES_GUARANTEED]);
}

static void vh_nl_explain(const struct genl_info *info, int err)
{
	switch (err) {
	case -ERANGE:
		NL_SET_ERR_MSG(info->extack,
			       "more would be guaranteed than its own limit lets pass");
		break;
	case -ENOSPC:
		NL_SET_ERR_MSG(info->extack,
			       "at most 95 percent of a limit can be guaranteed to those below it, and no more than is guaranteed to the one above");
		break;
	case -ENOENT:
		NL_SET_ERR_MSG(info->extack,
			       "a guarantee needs a limit of its kind above it: limit the back end or the device first, and take guarantees away before");
		break;
	case -EINVAL:
		NL_SET_ERR_MSG(info->extack, "the limit is out of range");
	}
}

static int vh_nl_set_limits(struct parley_limit *limit, struct nlattr **tb,
			    const struct genl_info *info)
{
	struct parley_limits now;
	int err;

	lockdep_assert_held(&vh_limit_lock);
	parley_limit_get(limit, &now);
	vh_nl_merge(&now, tb);
	if ((tb[PARLEY_A_LIMITS_OPS_BURST] && now.ops.burst && !now.ops.rate) ||
	    (tb[PARLEY_A_LIMITS_BYTES_BURST] && now.bytes.burst && !now.bytes.rate)) {
		NL_SET_ERR_MSG(info->extack, "a burst needs a rate: give that as well");
		return -EINVAL;
	}
	err = parley_limit_set(limit, &now, ktime_get_ns());
	if (err)
		vh_nl_explain(info, err);
	return err;
}

static int vh_nl_parse_limits(const struct genl_info *info, struct nlattr **tb)
{
	return vh_nl_parse_nest(info, PARLEY_A_QUEUE_LIMITS, tb, PARLEY_A_LIMITS_MAX,
				parley_limits_nl_policy);
}

static int vh_nl_limit_backend(const struct genl_info *info, struct nlattr **tb)
{
	struct vh_backend *b;
	int err;

	if (info->attrs[PARLEY_A_QUEUE_DEV_ID] || info->attrs[PARLEY_A_QUEUE_INDEX]) {
		NL_SET_ERR_MSG(info->extack, "a back end or a device: give one of them");
		return -EINVAL;
	}
	guard(mutex)(&vh_limit_lock);
	b = vh_nl_find_backend(info, PARLEY_A_QUEUE_BACKEND_ID);
	if (IS_ERR(b))
		return PTR_ERR(b);
	err = vh_nl_parse_limits(info, tb);
	if (!err)
		err = vh_nl_set_limits(b->root, tb, info);
	/* Its limits may have been all that kept it. */
	if (!err)
		vh_backend_put(b);
	return err;
}

static int vh_nl_limit_device(const struct genl_info *info, struct nlattr **tb)
{
	struct parley_vhost *dev __free(vh_dev) = vh_nl_find_dev(info, PARLEY_A_QUEUE_DEV_ID);
	struct parley_vhost_vq *vq = NULL;
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (info->attrs[PARLEY_A_QUEUE_INDEX])
		vq = vh_nl_find_vq(dev, info);
	if (IS_ERR(vq))
		return PTR_ERR(vq);
	err = vh_nl_parse_limits(info, tb);
	if (err)
		return err;
	guard(mutex)(&vh_limit_lock);
	if (!dev->limits) {
		NL_SET_ERR_MSG(info->extack, "the device was just closed");
		return -ENODEV;
	}
	return vh_nl_set_limits(vq ? vq->limit : dev->limits->device, tb, info);
}

int parley_nl_limit_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PARLEY_A_LIMITS_MAX + 1];

	return info->attrs[PARLEY_A_QUEUE_BACKEND_ID] ? vh_nl_limit_backend(info, tb) :
							vh_nl_limit_device(info, tb);
}
