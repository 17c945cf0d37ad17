// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "parley": what there is, what it did, and what it
 * may do.  Messages are described in Documentation/netlink/specs/parley.yaml, of
 * which netlink_gen.c is made; the policies there bound every number before it
 * gets here.
 *
 * Locking: no command takes dev->mutex.  Its holder may wait for a back end that
 * hangs, and this is when people want to know most.  A device is held by a
 * reference; what is shown of it and its rings is read word by word, each of them
 * true at some time.  A ring is changed under vq->mutex, which nobody holds while
 * he waits for a back end or for requests.  Workers are read under RCU, limits
 * under vh_limit_lock, pools under vh_pools_lock.
 *
 * What is shown is in netlink_show.c, back ends and limits in netlink_limit.c, pools
 * in netlink_pool.c.
 *
 * The family exists in the initial network namespace only: devices belong to no
 * other.
 */
#include <linux/nospec.h>
#include "netlink.h"
#include "notify.h"

static_assert(PARLEY_POLLING_MAX_US == VH_POLL_MAX_US);
static_assert((int)PARLEY_LANE_LATENCY == VH_LANE_LATENCY);
static_assert((int)PARLEY_LANE_NORMAL == VH_LANE_NORMAL);
static_assert((int)PARLEY_LANE_BULK == VH_LANE_BULK && VH_LANES == PARLEY_LANE_BULK + 1);

EXPORT_SYMBOL_IF_KUNIT(parley_nl_family);

/* ------------------------------------------------------ what is asked for */

/* What @attr numbers, a @what of @list-get: see netlink.h. */
void *vh_nl_find(const struct genl_info *info, int attr, const char *what, const char *list,
		 void *(*find)(u32 id))
{
	struct nlattr *id = info->attrs[attr];
	void *found;

	if (!id) {
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, attr);
		NL_SET_ERR_MSG_FMT(info->extack, "say which %s; %s-get lists them", what, list);
		return ERR_PTR(-EINVAL);
	}
	found = find(nla_get_u32(id));
	if (!found) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, id,
					"there is no such %s; %s-get lists them", what, list);
		return ERR_PTR(-ENODEV);
	}
	return found;
}

static void *vh_nl_dev_by_id(u32 id)
{
	return vh_dev_get(id);
}

struct parley_vhost *vh_nl_find_dev(const struct genl_info *info, int attr)
{
	return vh_nl_find(info, attr, "device", "dev", vh_nl_dev_by_id);
}

struct parley_vhost_vq *vh_nl_find_vq(struct parley_vhost *dev,
				      const struct genl_info *info)
{
	struct nlattr *attr = info->attrs[PARLEY_A_QUEUE_INDEX];
	unsigned int nr = vh_dev_nr_vqs(dev);
	u32 index;

	if (!attr) {
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, PARLEY_A_QUEUE_INDEX);
		NL_SET_ERR_MSG(info->extack, "say which queue; queue-get lists them");
		return ERR_PTR(-EINVAL);
	}
	if (!nr) {
		NL_SET_ERR_MSG(info->extack, "the device has no queues before somebody uses it");
		return ERR_PTR(-ENOENT);
	}
	index = nla_get_u32(attr);
	if (index >= nr) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, attr,
					"the device's last queue is %u", nr - 1);
		return ERR_PTR(-ENOENT);
	}
	/* Anybody may ask, so no guess beyond the array either. */
	return dev->vqs[array_index_nospec(index, nr)];
}

/* The attributes of one nest; they were checked with the rest. */
int vh_nl_parse_nest(const struct genl_info *info, int attr, struct nlattr **tb,
		     int max, const struct nla_policy *policy)
{
	struct nlattr *nest = info->attrs[attr];
	int i, err;

	if (!nest) {
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, attr);
		NL_SET_ERR_MSG(info->extack, "there is nothing to set");
		return -EINVAL;
	}
	err = nla_parse_nested(tb, max, nest, policy, info->extack);
	if (err)
		return err;
	for (i = 1; i <= max; i++)
		if (tb[i])
			return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, nest, "there is nothing to set");
	return -EINVAL;
}

static void vh_nl_set_u32(u32 *value, const struct nlattr *attr)
{
	if (attr)
		*value = nla_get_u32(attr);
}

/* ------------------------------------------------------------- settings */

static int vh_nl_set_adaptive(struct parley_vhost_vq *vq, struct nlattr **tb,
			      const struct genl_info *info)
{
	int err;

	if (tb[PARLEY_A_MODERATION_MAX_REQS] || tb[PARLEY_A_MODERATION_MAX_US]) {
		NL_SET_ERR_MSG(info->extack,
			       "adaptive moderation learns these by itself: give it alone");
		return -EINVAL;
	}
	vh_call_flush(vq);
	err = vh_adapt_set(vq, true);
	if (err)
		NL_SET_ERR_MSG(info->extack,
			       "this kernel cannot learn it: it is built without CONFIG_DIMLIB");
	return err;
}

static int vh_nl_set_moderation(struct parley_vhost_vq *vq, struct nlattr **tb,
				const struct genl_info *info)
{
	u32 max_reqs, max_us;

	lockdep_assert_held(&vq->mutex);

	if (tb[PARLEY_A_MODERATION_ADAPTIVE] && nla_get_u32(tb[PARLEY_A_MODERATION_ADAPTIVE]))
		return vh_nl_set_adaptive(vq, tb, info);
	/* What was learnt is no rule of anybody's. */
	max_reqs = vq->moderation.adaptive ? 0 : vq->moderation.max_reqs;
	max_us = vq->moderation.adaptive ? 0 : vq->moderation.max_us;
	vh_nl_set_u32(&max_reqs, tb[PARLEY_A_MODERATION_MAX_REQS]);
	vh_nl_set_u32(&max_us, tb[PARLEY_A_MODERATION_MAX_US]);
	if (max_reqs > 1 && !max_us) {
		NL_SET_ERR_MSG(info->extack,
			       "calls would be held back for ever: give max-us");
		return -EINVAL;
	}
	/* What was held back by the old rule is let go now. */
	vh_call_flush(vq);
	vh_adapt_set(vq, false);
	WRITE_ONCE(vq->moderation.max_reqs, max_reqs);
	WRITE_ONCE(vq->moderation.max_us, max_us);
	return 0;
}

static int vh_nl_set_polling(struct parley_vhost_vq *vq, struct nlattr **tb,
			     const struct genl_info *info)
{
	u32 max_us, budget;

	lockdep_assert_held(&vq->mutex);

	max_us = vq->poll.max_us;
	budget = vq->poll.budget;
	vh_nl_set_u32(&max_us, tb[PARLEY_A_POLLING_MAX_US]);
	vh_nl_set_u32(&budget, tb[PARLEY_A_POLLING_BUDGET]);
	if (max_us && !budget) {
		NL_SET_ERR_MSG(info->extack,
			       "a budget of 0 never polls: give a budget, or max-us 0");
		return -EINVAL;
	}
	/* The worker looks at these without the mutex. */
	WRITE_ONCE(vq->poll.max_us, max_us);
	WRITE_ONCE(vq->poll.budget, budget);
	WRITE_ONCE(vq->poll.now_us, min(vq->poll.now_us, max_us));
	return 0;
}

/* One setting of one ring: find it, take its mutex, set. */
static int vh_nl_set_queue(struct genl_info *info, int nest, struct nlattr **tb, int max,
			   const struct nla_policy *policy,
			   int (*set)(struct parley_vhost_vq *vq, struct nlattr **tb,
				      const struct genl_info *info))
{
	struct parley_vhost *dev __free(vh_dev) = vh_nl_find_dev(info, PARLEY_A_QUEUE_DEV_ID);
	struct parley_vhost_vq *vq;
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	vq = vh_nl_find_vq(dev, info);
	if (IS_ERR(vq))
		return PTR_ERR(vq);
	err = vh_nl_parse_nest(info, nest, tb, max, policy);
	if (err)
		return err;
	if (mutex_lock_killable(&vq->mutex))
		return -EINTR;
	err = set(vq, tb, info);
	mutex_unlock(&vq->mutex);
	return err;
}

int parley_nl_moderation_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PARLEY_A_MODERATION_MAX + 1];

	return vh_nl_set_queue(info, PARLEY_A_QUEUE_MODERATION, tb, PARLEY_A_MODERATION_MAX,
			       parley_moderation_nl_policy, vh_nl_set_moderation);
}

int parley_nl_polling_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PARLEY_A_POLLING_MAX + 1];

	return vh_nl_set_queue(info, PARLEY_A_QUEUE_POLLING, tb, PARLEY_A_POLLING_MAX,
			       parley_polling_nl_policy, vh_nl_set_polling);
}

int parley_nl_lane_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct parley_vhost *dev __free(vh_dev) = vh_nl_find_dev(info, PARLEY_A_QUEUE_DEV_ID);
	struct nlattr *lane = info->attrs[PARLEY_A_QUEUE_LANE];
	struct parley_vhost_vq *vq;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	vq = vh_nl_find_vq(dev, info);
	if (IS_ERR(vq))
		return PTR_ERR(vq);
	if (!lane) {
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, PARLEY_A_QUEUE_LANE);
		NL_SET_ERR_MSG(info->extack, "say which lane");
		return -EINVAL;
	}
	if (mutex_lock_killable(&vq->mutex))
		return -EINTR;
	/* A ring that is queued moves to the new lane next time. */
	WRITE_ONCE(vq->lane, nla_get_u32(lane));
	mutex_unlock(&vq->mutex);
	return 0;
}

/* --------------------------------------------------------------- events */

/* A device came or went: told to who listens; nobody may, and a lost event is no error of ours. */
static void vh_nl_notify(const struct parley_vhost *dev, bool there)
{
	u8 cmd = there ? PARLEY_CMD_DEV_ADD_NTF : PARLEY_CMD_DEV_DEL_NTF;
	struct sk_buff *skb __free(nl_msg) = NULL;
	void *head;

	if (!genl_has_listeners(&parley_nl_family, &init_net, PARLEY_NLGRP_MONITOR))
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	head = skb ? genlmsg_put(skb, 0, 0, &parley_nl_family, 0, cmd) : NULL;
	if (!head || vh_nl_put_name(skb, dev))
		return;
	genlmsg_end(skb, head);
	genlmsg_multicast(&parley_nl_family, no_free_ptr(skb), 0,
			  PARLEY_NLGRP_MONITOR, GFP_KERNEL);
}

int vh_netlink_init(void)
{
	/* The generator believes that every family is for all namespaces. */
	parley_nl_family.netnsok = false;
	vh_dev_moved = vh_nl_notify;
	return genl_register_family(&parley_nl_family);
}

void vh_netlink_exit(void)
{
	genl_unregister_family(&parley_nl_family);
}
