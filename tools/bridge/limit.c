// SPDX-License-Identifier: GPL-2.0-only
/* Limits and guarantees of a disk: read, put into a message, sent. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "limit.h"

#define ANSWER_S	2	/* the kernel answers at once, or never */

static const struct {
	const char *key;
	unsigned int attr;
} keys[] = {
	{ "ops", PARLEY_A_LIMITS_OPS_RATE },
	{ "ops-burst", PARLEY_A_LIMITS_OPS_BURST },
	{ "ops-guaranteed", PARLEY_A_LIMITS_OPS_GUARANTEED },
	{ "bytes", PARLEY_A_LIMITS_BYTES_RATE },
	{ "bytes-burst", PARLEY_A_LIMITS_BYTES_BURST },
	{ "bytes-guaranteed", PARLEY_A_LIMITS_BYTES_GUARANTEED },
};

/* 1, 10, ... of k, M, G, T, or with an i behind: of 1024. */
static bool unit(const char *text, uint64_t *times)
{
	static const char units[] = "kMGT";
	const char *found;
	uint64_t base;

	*times = 1;
	if (!*text)
		return true;
	found = strchr(units, *text == 'K' ? 'k' : *text);
	base = text[1] == 'i' ? 1024 : 1000;
	if (!found || text[base == 1024 ? 2 : 1])
		return false;
	for (; found >= units; found--)
		*times *= base;
	return true;
}

/**
 * limit_parse - one key of a disk's options, if it is about a limit
 * @l: filled in
 * @key: its name
 * @value: a number, with a unit or without: 500, 10k, 64Ki
 *
 * Return: NULL, or what is wrong; an empty text if the key is another one's.
 */
const char *limit_parse(struct limits *l, const char *key, const char *value)
{
	uint64_t number, times;
	unsigned int i;
	char *end;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(key, keys[i].key))
			break;
	if (i == sizeof(keys) / sizeof(keys[0]))
		return "";
	errno = 0;
	number = strtoull(value, &end, 10);
	if (!isdigit((unsigned char)*value) || errno || !unit(end, &times))
		return "a number, with k, M, G, T or Ki ... behind it";
	if (number > PARLEY_LIMIT_MAX / times)
		return "at most 4398046511104 (4Ti)";
	l->given |= 1u << keys[i].attr;
	l->value[keys[i].attr] = number * times;
	return NULL;
}

/* An attribute at the end of a message; NULL only begins one, as a nest does. */
static struct nlattr *put(struct nlmsghdr *h, uint16_t type, const void *data,
			  uint16_t len)
{
	struct nlattr *a = (struct nlattr *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));

	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memset(a + 1, 0, NLA_ALIGN(len));
	if (data)
		memcpy(a + 1, data, len);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + NLA_HDRLEN + NLA_ALIGN(len);
	return a;
}

static void begin(struct nlmsghdr *h, uint16_t type, uint8_t command, uint16_t flags)
{
	struct genlmsghdr *g = NLMSG_DATA(h);

	memset(h, 0, NLMSG_LENGTH(GENL_HDRLEN));
	h->nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = 1;
	g->cmd = command;
	g->version = 1;
}

/**
 * limit_message - what the kernel is asked for
 * @buf: LIMIT_MESSAGE bytes, aligned for a header
 * @family: number of the family "parley"
 * @device: number of the device
 * @l: its limits
 *
 * Return: bytes of the message.
 */
size_t limit_message(void *buf, uint16_t family, uint32_t device,
		     const struct limits *l)
{
	struct nlmsghdr *h = buf;
	struct nlattr *nest;
	uint16_t attr;

	begin(h, family, PARLEY_CMD_LIMIT_SET, NLM_F_ACK);
	put(h, PARLEY_A_QUEUE_DEV_ID, &device, sizeof(device));
	nest = put(h, PARLEY_A_QUEUE_LIMITS | NLA_F_NESTED, NULL, 0);
	for (attr = 1; attr <= PARLEY_A_LIMITS_MAX; attr++)
		if (l->given >> attr & 1)
			put(h, attr, &l->value[attr], sizeof(l->value[attr]));
	nest->nla_len = (uint16_t)((char *)h + h->nlmsg_len - (char *)nest);
	return h->nlmsg_len;
}

/* Send and wait for an answer in its place: its bytes, or -errno. */
static int ask(int fd, void *buf, size_t len, size_t size)
{
	const struct nlmsghdr *h = buf;
	const struct nlmsgerr *e;
	ssize_t n;

	if (send(fd, buf, len, 0) < 0)
		return -errno;
	n = recv(fd, buf, size, 0);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(h, (size_t)n))
		return -EBADMSG;
	if (h->nlmsg_type != NLMSG_ERROR)
		return (int)n;
	e = NLMSG_DATA(h);
	return h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) ? -EBADMSG : e->error;
}

/* The number of the family, or -errno. */
static int resolve(int fd, void *buf, size_t size)
{
	struct nlmsghdr *h = buf;
	const struct nlattr *a;
	uint16_t number;
	int n;

	begin(h, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	put(h, CTRL_ATTR_FAMILY_NAME, PARLEY_FAMILY_NAME, sizeof(PARLEY_FAMILY_NAME));
	n = ask(fd, buf, h->nlmsg_len, size);
	if (n <= 0)
		return n ? n : -ENOENT;
	a = (const struct nlattr *)((char *)NLMSG_DATA(h) + GENL_HDRLEN);
	while ((const char *)(a + 1) <= (char *)h + h->nlmsg_len && a->nla_len >= NLA_HDRLEN) {
		if (a->nla_type == CTRL_ATTR_FAMILY_ID &&
		    a->nla_len == NLA_HDRLEN + sizeof(number)) {
			memcpy(&number, a + 1, sizeof(number));
			return number;
		}
		a = (const struct nlattr *)((const char *)a + NLA_ALIGN(a->nla_len));
	}
	return -ENOENT;
}

/**
 * limit_set - limit a device
 * @device: its number
 * @l: limits
 *
 * Needs CAP_NET_ADMIN and the first network namespace.
 *
 * Return: 0 or -errno.
 */
int limit_set(uint32_t device, const struct limits *l)
{
	struct timeval patience = { .tv_sec = ANSWER_S };
	struct nlmsghdr buf[8192 / sizeof(struct nlmsghdr)];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int ret;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ret = resolve(fd, buf, sizeof(buf));
	if (ret > 0)
		ret = ask(fd, buf, limit_message(buf, (uint16_t)ret, device, l),
			  sizeof(buf));
	close(fd);
	return ret;
}
