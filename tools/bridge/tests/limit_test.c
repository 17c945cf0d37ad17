// SPDX-License-Identifier: GPL-2.0-only
/* Limits that a configuration has. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "served.h"

static bool parses(const char *key, const char *value, unsigned int attr, uint64_t want)
{
	struct limits l = { 0 };

	return !limit_parse(&l, key, value) && l.given == 1u << attr &&
	       l.value[attr] == want;
}

static void numbers_and_units(void)
{
	static const char *const bad[] = {
		"", "k", "-1", "1.5k", "10q", "10kk", "10kib", "0x10", "5T", "4398046511105",
		"99999999999999999999",
	};
	struct limits l = { 0 };
	unsigned int i;

	EXPECT(parses("ops", "500", PARLEY_A_LIMITS_OPS_RATE, 500));
	EXPECT(parses("ops", "0", PARLEY_A_LIMITS_OPS_RATE, 0));
	EXPECT(parses("bytes", "100M", PARLEY_A_LIMITS_BYTES_RATE, 100000000));
	EXPECT(parses("bytes-burst", "64Ki", PARLEY_A_LIMITS_BYTES_BURST, 65536));
	EXPECT(parses("ops-burst", "10k", PARLEY_A_LIMITS_OPS_BURST, 10000));
	EXPECT(parses("ops-burst", "10K", PARLEY_A_LIMITS_OPS_BURST, 10000));
	EXPECT(parses("bytes-guaranteed", "4Ti", PARLEY_A_LIMITS_BYTES_GUARANTEED,
		      PARLEY_LIMIT_MAX));
	EXPECT(parses("ops-guaranteed", "2G", PARLEY_A_LIMITS_OPS_GUARANTEED, 2000000000));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = limit_parse(&l, "ops", bad[i]);

		EXPECT(why && *why && !l.given);
	}
	EXPECT(!*limit_parse(&l, "op", "5"));	/* somebody else's */
}

/* The attribute at @at, whose payload is to be as long as @len. */
static const void *attr(const void *at, uint16_t type, uint16_t len)
{
	const struct nlattr *a = at;

	EXPECT(a->nla_type == type && a->nla_len == NLA_HDRLEN + len);
	return a + 1;
}

static void a_message_has_what_was_given(void)
{
	struct limits l = { 1 << PARLEY_A_LIMITS_OPS_RATE |
			    1 << PARLEY_A_LIMITS_BYTES_GUARANTEED, { 0 } };
	struct nlmsghdr buf[LIMIT_MESSAGE / sizeof(struct nlmsghdr)];
	const char *at = (char *)NLMSG_DATA(buf) + GENL_HDRLEN;
	size_t n;

	l.value[PARLEY_A_LIMITS_OPS_RATE] = 7;
	l.value[PARLEY_A_LIMITS_BYTES_RATE] = 9;
	l.value[PARLEY_A_LIMITS_BYTES_GUARANTEED] = 1ull << 40;
	n = limit_message(buf, 77, 3, &l);
	EXPECT(n == buf->nlmsg_len && n == NLMSG_LENGTH(GENL_HDRLEN) + 8 + 4 + 2 * 12);
	EXPECT(buf->nlmsg_type == 77 && buf->nlmsg_flags == (NLM_F_REQUEST | NLM_F_ACK));
	EXPECT(((struct genlmsghdr *)NLMSG_DATA(buf))->cmd == PARLEY_CMD_LIMIT_SET);
	EXPECT(*(const uint32_t *)attr(at, PARLEY_A_QUEUE_DEV_ID, 4) == 3);
	at = attr(at + 8, PARLEY_A_QUEUE_LIMITS | NLA_F_NESTED, 24);
	EXPECT(*(const uint32_t *)attr(at, PARLEY_A_LIMITS_OPS_RATE, 8) == 7);
	EXPECT(((const uint32_t *)attr(at + 12, PARLEY_A_LIMITS_BYTES_GUARANTEED, 8))[1] ==
	       1 << 8);
	/* All of them fit. */
	l.given = ~0u;
	EXPECT(limit_message(buf, 77, 3, &l) <= LIMIT_MESSAGE);
}

static void a_disk_is_limited_before_it_is_served(void)
{
	struct served *s = served_new(1);
	int a;

	limit_parse(&s->disk[0].options.limits, "ops", "500");
	served_launch(s);
	EXPECT(served_there(s->path[0]));
	EXPECT(s->seen->limited == 1);		/* the probe */
	a = served_dial(s->path[0]);
	EXPECT(served_features(a));
	EXPECT(s->seen->limited == 2);
	/* What cannot be limited any more is not served. */
	close(a);
	s->seen->unlimited = true;
	a = served_dial(s->path[0]);
	EXPECT(!served_features(a));
	EXPECT(s->seen->limited == 3);
	close(a);
	s->seen->unlimited = false;
	a = served_dial(s->path[0]);
	EXPECT(served_features(a));
	close(a);
	served_end(s);
}

/* The operator sees it when the bridge starts, and not when a guest does. */
static void limits_that_cannot_be_set_are_seen_at_once(void)
{
	struct served *s = served_new(1);

	limit_parse(&s->disk[0].options.limits, "ops", "500");
	s->seen->unlimited = true;
	served_launch(s);
	EXPECT(served_ended(s) == 1);
	served_free(s);
}

const struct test limit_tests[] = {
	{ "numbers_and_units", numbers_and_units },
	{ "a_message_has_what_was_given", a_message_has_what_was_given },
	{ "a_disk_is_limited_before_it_is_served", a_disk_is_limited_before_it_is_served },
	{ "limits_that_cannot_be_set_are_seen_at_once",
	  limits_that_cannot_be_set_are_seen_at_once },
	{ NULL, NULL },
};
