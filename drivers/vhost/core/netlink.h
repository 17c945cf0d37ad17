/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What netlink.c (settings, events) and netlink_show.c (messages about what
 * there is) share.
 */
#ifndef _PARLEY_VHOST_NETLINK_H
#define _PARLEY_VHOST_NETLINK_H

#include "netlink_gen.h"
#include "priv.h"

DEFINE_FREE(vh_dev, struct parley_vhost *, if (!IS_ERR_OR_NULL(_T)) vh_dev_put(_T))
DEFINE_FREE(nl_msg, struct sk_buff *, nlmsg_free(_T))

/* With a reference, or an error that info->extack explains. */
struct parley_vhost *vh_nl_find_dev(const struct genl_info *info, int attr);
/* The ring that PARLEY_A_QUEUE_INDEX names, or such an error. */
struct parley_vhost_vq *vh_nl_find_vq(struct parley_vhost *dev,
				      const struct genl_info *info);
/* Number and kind. */
int vh_nl_put_name(struct sk_buff *skb, const struct parley_vhost *dev);

#endif /* _PARLEY_VHOST_NETLINK_H */
