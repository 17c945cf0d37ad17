// SPDX-License-Identifier: GPL-2.0-only
/* See nl.h.  One socket for each thread that asks, made when it first does. */
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>
#include "nl.h"

#define ROOM	8192

struct message {
	struct nlmsghdr head;
	struct genlmsghdr genl;
	u8 attrs[ROOM];
};

static __thread struct message msg;

static void begin(u16 family, u8 command)
{
	memset(&msg, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	msg.head.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	msg.head.nlmsg_type = family;
	msg.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	msg.genl.cmd = command;
	msg.genl.version = 1;
}

static struct nlattr *put(u16 type, const void *data, size_t len)
{
	struct nlattr *a = (void *)((u8 *)&msg + msg.head.nlmsg_len);

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((u8 *)a + NLA_HDRLEN, data, len);
	msg.head.nlmsg_len += NLA_ALIGN(a->nla_len);
	return a;
}

static const struct nlattr *find(const void *from, size_t len, u16 type)
{
	while (len >= NLA_HDRLEN) {
		const struct nlattr *a = from;

		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		if (NLA_ALIGN(a->nla_len) >= len || !a->nla_len)
			break;
		len -= NLA_ALIGN(a->nla_len);
		from += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static const struct nlattr *answer(u16 type)
{
	return find(msg.attrs, msg.head.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, type);
}

/* One in a nest. */
static u64 answer_stat(u16 nest, u16 type)
{
	const struct nlattr *a = answer(nest);
	u64 value = 0;

	if (a)
		a = find((const u8 *)a + NLA_HDRLEN, a->nla_len - NLA_HDRLEN, type);
	if (a)
		memcpy(&value, (const u8 *)a + NLA_HDRLEN, sizeof(value));
	return value;
}

static u32 answer_u32(u16 type, u32 otherwise)
{
	const struct nlattr *a = answer(type);
	u32 value = otherwise;

	if (a)
		memcpy(&value, (const u8 *)a + NLA_HDRLEN, sizeof(value));
	return value;
}

/* Send what is in msg; the answer, if there is one, is in msg then. */
static long ask(void)
{
	static __thread u64 buf[ROOM / sizeof(u64)];
	static __thread int fd = -1;
	static __thread pid_t whose;
	long ret = 1;

	if (whose != getpid()) {
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
		whose = getpid();
	}
	if (fd < 0 || send(fd, &msg, msg.head.nlmsg_len, 0) < 0)
		return -errno;
	while (ret > 0) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *h = (void *)buf;

		if (len < 0)
			return -errno;
		for (; ret > 0 && NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				ret = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			else if (h->nlmsg_type == NLMSG_DONE)
				ret = 0;
			else
				memcpy(&msg, h, min((size_t)h->nlmsg_len, sizeof(msg)));
		}
	}
	return ret;
}

static u16 family_id(void)
{
	static u16 id;
	const struct nlattr *a;

	if (id)
		return id;
	begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	put(CTRL_ATTR_FAMILY_NAME, PARLEY_FAMILY_NAME, sizeof(PARLEY_FAMILY_NAME));
	need(ask());
	a = answer(CTRL_ATTR_FAMILY_ID);
	must(a, "the family has no number");
	memcpy(&id, (const u8 *)a + NLA_HDRLEN, sizeof(id));
	return id;
}

long nl_dev_get(u32 dev, u32 *running)
{
	long ret;

	begin(family_id(), PARLEY_CMD_DEV_GET);
	put(PARLEY_A_DEVICE_ID, &dev, sizeof(dev));
	ret = ask();
	if (!ret)
		*running = answer_u32(PARLEY_A_DEVICE_QUEUES_RUNNING, 0);
	return ret;
}

long nl_queue_get(u32 dev, u32 index, struct nl_queue *q)
{
	long ret;

	begin(family_id(), PARLEY_CMD_QUEUE_GET);
	put(PARLEY_A_QUEUE_DEV_ID, &dev, sizeof(dev));
	put(PARLEY_A_QUEUE_INDEX, &index, sizeof(index));
	ret = ask();
	if (ret)
		return ret;
	q->state = answer_u32(PARLEY_A_QUEUE_STATE, ~0u);
	q->in_flight = answer_u32(PARLEY_A_QUEUE_IN_FLIGHT, ~0u);
	q->oldest_ms = answer_u32(PARLEY_A_QUEUE_OLDEST_MS, NL_NONE);
	return 0;
}

long nl_limit_set(u32 dev, u64 ops)
{
	struct nlattr *nest;

	begin(family_id(), PARLEY_CMD_LIMIT_SET);
	put(PARLEY_A_QUEUE_DEV_ID, &dev, sizeof(dev));
	nest = put(PARLEY_A_QUEUE_LIMITS | NLA_F_NESTED, NULL, 0);
	put(PARLEY_A_LIMITS_OPS_RATE, &ops, sizeof(ops));
	nest->nla_len = (u8 *)&msg + msg.head.nlmsg_len - (u8 *)nest;
	return ask();
}

long nl_stats_get(u32 dev, u32 index, struct nl_stats *s)
{
	const u16 nest = PARLEY_A_QUEUE_STATS;
	struct nl_queue q;
	long ret = nl_queue_get(dev, index, &q);

	if (ret)
		return ret;
	s->kicks = answer_stat(nest, PARLEY_A_QUEUE_STATS_KICKS);
	s->rounds = answer_stat(nest, PARLEY_A_QUEUE_STATS_ROUNDS);
	s->requests = answer_stat(nest, PARLEY_A_QUEUE_STATS_REQUESTS);
	s->calls = answer_stat(nest, PARLEY_A_QUEUE_STATS_CALLS);
	return 0;
}

static void begin_pool(u8 command, const char *name)
{
	begin(family_id(), command);
	put(PARLEY_A_POOL_NAME, name, strlen(name) + 1);
}

long nl_pool_add(const char *name, u32 threads, bool one_vm)
{
	begin_pool(PARLEY_CMD_POOL_ADD, name);
	put(PARLEY_A_POOL_THREADS, &threads, sizeof(threads));
	if (one_vm)
		put(PARLEY_A_POOL_ONE_VM, NULL, 0);
	return ask();
}

long nl_pool_set(const char *name, u32 threads)
{
	begin_pool(PARLEY_CMD_POOL_SET, name);
	put(PARLEY_A_POOL_THREADS, &threads, sizeof(threads));
	return ask();
}

long nl_pool_detach(u32 dev)
{
	begin(family_id(), PARLEY_CMD_POOL_DETACH);
	put(PARLEY_A_POOL_DEV_ID, &dev, sizeof(dev));
	return ask();
}

long nl_pool_remove(const char *name)
{
	begin_pool(PARLEY_CMD_POOL_REMOVE, name);
	return ask();
}

long nl_pool_attach(const char *name, u32 dev, u32 class)
{
	begin_pool(PARLEY_CMD_POOL_ATTACH, name);
	put(PARLEY_A_POOL_DEV_ID, &dev, sizeof(dev));
	put(PARLEY_A_POOL_CLASS, &class, sizeof(class));
	return ask();
}

long nl_pool_get(struct nl_pool_stats *s)
{
	const u16 nest = PARLEY_A_POOL_STATS;
	long ret;

	begin(family_id(), PARLEY_CMD_POOL_GET);
	msg.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	ret = ask();
	if (ret)
		return ret;
	s->turns = answer_stat(nest, PARLEY_A_POOL_STATS_TURNS);
	s->wakeups = answer_stat(nest, PARLEY_A_POOL_STATS_WAKEUPS);
	s->stalls = answer_stat(nest, PARLEY_A_POOL_STATS_STALLS);
	s->hurries = answer_stat(nest, PARLEY_A_POOL_STATS_HURRIES);
	return 0;
}
