/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What netlink.c (settings, events), netlink_show.c (messages about what there
 * is), netlink_limit.c (limits and back ends) and netlink_pool.c (pools) share.
 */
#ifndef _PARLEY_VHOST_NETLINK_H
#define _PARLEY_VHOST_NETLINK_H

#include "dev.h"
#include "limit.h"
#include "netlink_gen.h"
#include "state.h"

int vh_netlink_init(void);
void vh_netlink_exit(void);

DEFINE_FREE(vh_dev, struct parley_vhost *, if (!IS_ERR_OR_NULL(_T)) vh_dev_put(_T))
DEFINE_FREE(nl_msg, struct sk_buff *, nlmsg_free(_T))

/* What @find has for the number, or an error that info->extack explains. */
void *vh_nl_find(const struct genl_info *info, int attr, const char *what, const char *list,
		 void *(*find)(u32 id));
/* With a reference, or such an error. */
struct parley_vhost *vh_nl_find_dev(const struct genl_info *info, int attr);
/* The ring that PARLEY_A_QUEUE_INDEX names, or such an error. */
struct parley_vhost_vq *vh_nl_find_vq(struct parley_vhost *dev,
				      const struct genl_info *info);
/* The attributes of a nest, of which there has to be one. */
int vh_nl_parse_nest(const struct genl_info *info, int attr, struct nlattr **tb,
		     int max, const struct nla_policy *policy);
/* One message of a dump; what did not fit is taken back. */
void *vh_nl_begin(struct sk_buff *skb, struct netlink_callback *cb);
int vh_nl_end(struct sk_buff *skb, void *head, int err);
/* Of a device, and of a ring under its mutex; zeroes once the device is closed. */
int vh_nl_put_dev_limits(struct sk_buff *skb, struct parley_vhost *dev);
int vh_nl_put_vq_limits(struct sk_buff *skb, struct parley_vhost_vq *vq);
/* The pool that it belongs to, if any. */
int vh_nl_put_dev_pool(struct sk_buff *skb, struct parley_vhost *dev);
/* Number and kind. */
int vh_nl_put_name(struct sk_buff *skb, const struct parley_vhost *dev);

#endif /* _PARLEY_VHOST_NETLINK_H */
