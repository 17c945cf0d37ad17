/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/parley.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_PARLEY_GEN_H
#define _LINUX_PARLEY_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/parley_netlink.h>

/* Common nested types */
extern const struct nla_policy parley_limits_nl_policy[PARLEY_A_LIMITS_BYTES_GUARANTEED + 1];
extern const struct nla_policy parley_moderation_nl_policy[PARLEY_A_MODERATION_ADAPTIVE + 1];
extern const struct nla_policy parley_polling_nl_policy[PARLEY_A_POLLING_BUDGET + 1];

int parley_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int parley_nl_queue_get_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_queue_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int parley_nl_worker_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int parley_nl_limit_set_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_moderation_set_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_polling_set_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_lane_set_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_backend_get_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_backend_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int parley_nl_kept_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int parley_nl_backend_forget_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_pool_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int parley_nl_pool_add_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_pool_set_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_pool_remove_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_pool_attach_doit(struct sk_buff *skb, struct genl_info *info);
int parley_nl_pool_detach_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	PARLEY_NLGRP_MONITOR,
};

extern struct genl_family parley_nl_family;

#endif /* _LINUX_PARLEY_GEN_H */
