// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/parley.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/parley_netlink.h>

/* Integer value ranges */
static const struct netlink_range_validation parley_a_limits_ops_rate_range = {
	.max	= PARLEY_LIMIT_MAX,
};

static const struct netlink_range_validation parley_a_limits_ops_burst_range = {
	.max	= PARLEY_LIMIT_MAX,
};

static const struct netlink_range_validation parley_a_limits_bytes_rate_range = {
	.max	= PARLEY_LIMIT_MAX,
};

static const struct netlink_range_validation parley_a_limits_bytes_burst_range = {
	.max	= PARLEY_LIMIT_MAX,
};

static const struct netlink_range_validation parley_a_limits_ops_guaranteed_range = {
	.max	= PARLEY_LIMIT_MAX,
};

static const struct netlink_range_validation parley_a_limits_bytes_guaranteed_range = {
	.max	= PARLEY_LIMIT_MAX,
};

static const struct netlink_range_validation parley_a_moderation_max_reqs_range = {
	.max	= PARLEY_MODERATION_MAX_REQS,
};

static const struct netlink_range_validation parley_a_moderation_max_us_range = {
	.max	= PARLEY_MODERATION_MAX_US,
};

/* Common nested types */
const struct nla_policy parley_limits_nl_policy[PARLEY_A_LIMITS_BYTES_GUARANTEED + 1] = {
	[PARLEY_A_LIMITS_OPS_RATE] = NLA_POLICY_FULL_RANGE(NLA_U64, &parley_a_limits_ops_rate_range),
	[PARLEY_A_LIMITS_OPS_BURST] = NLA_POLICY_FULL_RANGE(NLA_U64, &parley_a_limits_ops_burst_range),
	[PARLEY_A_LIMITS_BYTES_RATE] = NLA_POLICY_FULL_RANGE(NLA_U64, &parley_a_limits_bytes_rate_range),
	[PARLEY_A_LIMITS_BYTES_BURST] = NLA_POLICY_FULL_RANGE(NLA_U64, &parley_a_limits_bytes_burst_range),
	[PARLEY_A_LIMITS_OPS_GUARANTEED] = NLA_POLICY_FULL_RANGE(NLA_U64, &parley_a_limits_ops_guaranteed_range),
	[PARLEY_A_LIMITS_BYTES_GUARANTEED] = NLA_POLICY_FULL_RANGE(NLA_U64, &parley_a_limits_bytes_guaranteed_range),
};

const struct nla_policy parley_moderation_nl_policy[PARLEY_A_MODERATION_ADAPTIVE + 1] = {
	[PARLEY_A_MODERATION_MAX_REQS] = NLA_POLICY_FULL_RANGE(NLA_U32, &parley_a_moderation_max_reqs_range),
	[PARLEY_A_MODERATION_MAX_US] = NLA_POLICY_FULL_RANGE(NLA_U32, &parley_a_moderation_max_us_range),
	[PARLEY_A_MODERATION_ADAPTIVE] = NLA_POLICY_MAX(NLA_U32, 1),
};

const struct nla_policy parley_polling_nl_policy[PARLEY_A_POLLING_BUDGET + 1] = {
	[PARLEY_A_POLLING_MAX_US] = NLA_POLICY_MAX(NLA_U32, PARLEY_POLLING_MAX_US),
	[PARLEY_A_POLLING_BUDGET] = NLA_POLICY_MAX(NLA_U32, PARLEY_POLLING_MAX_BUDGET),
};

/* PARLEY_CMD_DEV_GET - do */
static const struct nla_policy parley_dev_get_nl_policy[PARLEY_A_DEVICE_ID + 1] = {
	[PARLEY_A_DEVICE_ID] = { .type = NLA_U32, },
};

/* PARLEY_CMD_QUEUE_GET - do */
static const struct nla_policy parley_queue_get_do_nl_policy[PARLEY_A_QUEUE_INDEX + 1] = {
	[PARLEY_A_QUEUE_DEV_ID] = { .type = NLA_U32, },
	[PARLEY_A_QUEUE_INDEX] = { .type = NLA_U32, },
};

/* PARLEY_CMD_QUEUE_GET - dump */
static const struct nla_policy parley_queue_get_dump_nl_policy[PARLEY_A_QUEUE_DEV_ID + 1] = {
	[PARLEY_A_QUEUE_DEV_ID] = { .type = NLA_U32, },
};

/* PARLEY_CMD_WORKER_GET - dump */
static const struct nla_policy parley_worker_get_nl_policy[PARLEY_A_WORKER_DEV_ID + 1] = {
	[PARLEY_A_WORKER_DEV_ID] = { .type = NLA_U32, },
};

/* PARLEY_CMD_LIMIT_SET - do */
static const struct nla_policy parley_limit_set_nl_policy[PARLEY_A_QUEUE_BACKEND_ID + 1] = {
	[PARLEY_A_QUEUE_DEV_ID] = { .type = NLA_U32, },
	[PARLEY_A_QUEUE_INDEX] = { .type = NLA_U32, },
	[PARLEY_A_QUEUE_LIMITS] = NLA_POLICY_NESTED(parley_limits_nl_policy),
	[PARLEY_A_QUEUE_BACKEND_ID] = { .type = NLA_U32, },
};

/* PARLEY_CMD_MODERATION_SET - do */
static const struct nla_policy parley_moderation_set_nl_policy[PARLEY_A_QUEUE_MODERATION + 1] = {
	[PARLEY_A_QUEUE_DEV_ID] = { .type = NLA_U32, },
	[PARLEY_A_QUEUE_INDEX] = { .type = NLA_U32, },
	[PARLEY_A_QUEUE_MODERATION] = NLA_POLICY_NESTED(parley_moderation_nl_policy),
};

/* PARLEY_CMD_POLLING_SET - do */
static const struct nla_policy parley_polling_set_nl_policy[PARLEY_A_QUEUE_POLLING + 1] = {
	[PARLEY_A_QUEUE_DEV_ID] = { .type = NLA_U32, },
	[PARLEY_A_QUEUE_INDEX] = { .type = NLA_U32, },
	[PARLEY_A_QUEUE_POLLING] = NLA_POLICY_NESTED(parley_polling_nl_policy),
};

/* PARLEY_CMD_LANE_SET - do */
static const struct nla_policy parley_lane_set_nl_policy[PARLEY_A_QUEUE_LANE + 1] = {
	[PARLEY_A_QUEUE_DEV_ID] = { .type = NLA_U32, },
	[PARLEY_A_QUEUE_INDEX] = { .type = NLA_U32, },
	[PARLEY_A_QUEUE_LANE] = NLA_POLICY_MAX(NLA_U32, 2),
};

/* PARLEY_CMD_BACKEND_GET - do */
static const struct nla_policy parley_backend_get_nl_policy[PARLEY_A_BACKEND_ID + 1] = {
	[PARLEY_A_BACKEND_ID] = { .type = NLA_U32, },
};

/* PARLEY_CMD_BACKEND_FORGET - do */
static const struct nla_policy parley_backend_forget_nl_policy[PARLEY_A_BACKEND_NAME + 1] = {
	[PARLEY_A_BACKEND_ID] = { .type = NLA_U32, },
	[PARLEY_A_BACKEND_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
};

/* PARLEY_CMD_POOL_ADD - do */
static const struct nla_policy parley_pool_add_nl_policy[PARLEY_A_POOL_ONE_VM + 1] = {
	[PARLEY_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = PARLEY_POOL_NAME_MAX, },
	[PARLEY_A_POOL_THREADS] = NLA_POLICY_RANGE(NLA_U32, 1, PARLEY_POOL_THREADS_MAX),
	[PARLEY_A_POOL_ONE_VM] = { .type = NLA_FLAG, },
};

/* PARLEY_CMD_POOL_SET - do */
static const struct nla_policy parley_pool_set_nl_policy[PARLEY_A_POOL_THREADS + 1] = {
	[PARLEY_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = PARLEY_POOL_NAME_MAX, },
	[PARLEY_A_POOL_THREADS] = NLA_POLICY_RANGE(NLA_U32, 1, PARLEY_POOL_THREADS_MAX),
};

/* PARLEY_CMD_POOL_REMOVE - do */
static const struct nla_policy parley_pool_remove_nl_policy[PARLEY_A_POOL_NAME + 1] = {
	[PARLEY_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = PARLEY_POOL_NAME_MAX, },
};

/* PARLEY_CMD_POOL_ATTACH - do */
static const struct nla_policy parley_pool_attach_nl_policy[PARLEY_A_POOL_WEIGHT + 1] = {
	[PARLEY_A_POOL_DEV_ID] = { .type = NLA_U32, },
	[PARLEY_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = PARLEY_POOL_NAME_MAX, },
	[PARLEY_A_POOL_CLASS] = NLA_POLICY_MAX(NLA_U32, 2),
	[PARLEY_A_POOL_WEIGHT] = NLA_POLICY_RANGE(NLA_U32, 1, PARLEY_POOL_WEIGHT_MAX),
};

/* PARLEY_CMD_POOL_DETACH - do */
static const struct nla_policy parley_pool_detach_nl_policy[PARLEY_A_POOL_DEV_ID + 1] = {
	[PARLEY_A_POOL_DEV_ID] = { .type = NLA_U32, },
};

/* Ops table for parley */
static const struct genl_split_ops parley_nl_ops[] = {
	{
		.cmd		= PARLEY_CMD_DEV_GET,
		.doit		= parley_nl_dev_get_doit,
		.policy		= parley_dev_get_nl_policy,
		.maxattr	= PARLEY_A_DEVICE_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= PARLEY_CMD_DEV_GET,
		.dumpit	= parley_nl_dev_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= PARLEY_CMD_QUEUE_GET,
		.doit		= parley_nl_queue_get_doit,
		.policy		= parley_queue_get_do_nl_policy,
		.maxattr	= PARLEY_A_QUEUE_INDEX,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PARLEY_CMD_QUEUE_GET,
		.dumpit		= parley_nl_queue_get_dumpit,
		.policy		= parley_queue_get_dump_nl_policy,
		.maxattr	= PARLEY_A_QUEUE_DEV_ID,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= PARLEY_CMD_WORKER_GET,
		.dumpit		= parley_nl_worker_get_dumpit,
		.policy		= parley_worker_get_nl_policy,
		.maxattr	= PARLEY_A_WORKER_DEV_ID,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= PARLEY_CMD_LIMIT_SET,
		.doit		= parley_nl_limit_set_doit,
		.policy		= parley_limit_set_nl_policy,
		.maxattr	= PARLEY_A_QUEUE_BACKEND_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PARLEY_CMD_MODERATION_SET,
		.doit		= parley_nl_moderation_set_doit,
		.policy		= parley_moderation_set_nl_policy,
		.maxattr	= PARLEY_A_QUEUE_MODERATION,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PARLEY_CMD_POLLING_SET,
		.doit		= parley_nl_polling_set_doit,
		.policy		= parley_polling_set_nl_policy,
		.maxattr	= PARLEY_A_QUEUE_POLLING,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PARLEY_CMD_LANE_SET,
		.doit		= parley_nl_lane_set_doit,
		.policy		= parley_lane_set_nl_policy,
		.maxattr	= PARLEY_A_QUEUE_LANE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PARLEY_CMD_BACKEND_GET,
		.doit		= parley_nl_backend_get_doit,
		.policy		= parley_backend_get_nl_policy,
		.maxattr	= PARLEY_A_BACKEND_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= PARLEY_CMD_BACKEND_GET,
		.dumpit	= parley_nl_backend_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= PARLEY_CMD_KEPT_GET,
		.dumpit	= parley_nl_kept_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= PARLEY_CMD_BACKEND_FORGET,
		.doit		= parley_nl_backend_forget_doit,
		.policy		= parley_backend_forget_nl_policy,
		.maxattr	= PARLEY_A_BACKEND_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= PARLEY_CMD_POOL_GET,
		.dumpit	= parley_nl_pool_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= PARLEY_CMD_POOL_ADD,
		.doit		= parley_nl_pool_add_doit,
		.policy		= parley_pool_add_nl_policy,
		.maxattr	= PARLEY_A_POOL_ONE_VM,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PARLEY_CMD_POOL_SET,
		.doit		= parley_nl_pool_set_doit,
		.policy		= parley_pool_set_nl_policy,
		.maxattr	= PARLEY_A_POOL_THREADS,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PARLEY_CMD_POOL_REMOVE,
		.doit		= parley_nl_pool_remove_doit,
		.policy		= parley_pool_remove_nl_policy,
		.maxattr	= PARLEY_A_POOL_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PARLEY_CMD_POOL_ATTACH,
		.doit		= parley_nl_pool_attach_doit,
		.policy		= parley_pool_attach_nl_policy,
		.maxattr	= PARLEY_A_POOL_WEIGHT,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PARLEY_CMD_POOL_DETACH,
		.doit		= parley_nl_pool_detach_doit,
		.policy		= parley_pool_detach_nl_policy,
		.maxattr	= PARLEY_A_POOL_DEV_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group parley_nl_mcgrps[] = {
	[PARLEY_NLGRP_MONITOR] = { "monitor", },
};

struct genl_family parley_nl_family __ro_after_init = {
	.name		= PARLEY_FAMILY_NAME,
	.version	= PARLEY_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= parley_nl_ops,
	.n_split_ops	= ARRAY_SIZE(parley_nl_ops),
	.mcgrps		= parley_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(parley_nl_mcgrps),
};
