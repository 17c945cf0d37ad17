// SPDX-License-Identifier: GPL-2.0-only
/* Which time-outs are the host's fault, and which answers prove it. */
#include <kunit/test.h>
#include <linux/module.h>
#include <net/tcp.h>
#include "../tcp.h"

#define MS	((u64)NSEC_PER_MSEC)
#define RTO	(200 * MS)

static void judge_stolen(struct kunit *test)
{
	/* Nothing was stolen, however late it came. */
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_stolen(RTO, 0, RTO));
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_stolen(50 * RTO, 0, RTO));
	/* It would have happened anyway. */
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_stolen(3 * RTO, RTO, RTO));
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_stolen(RTO + MS, MS, RTO));
	/* It would not. */
	KUNIT_EXPECT_TRUE(test, parley_tcp_is_stolen(RTO, 1, RTO));
	KUNIT_EXPECT_TRUE(test, parley_tcp_is_stolen(2 * RTO, 2 * RTO, RTO));
	/* It was not a time-out. */
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_stolen(RTO - 1, RTO - 1, RTO));
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_stolen(0, 0, RTO));
	/* What the host says makes no difference to sums. */
	KUNIT_EXPECT_TRUE(test, parley_tcp_is_stolen(RTO, U64_MAX, RTO));
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_stolen(0, U64_MAX, RTO));
}

static void judge_proved(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, parley_tcp_is_proved(0, 1));
	KUNIT_EXPECT_TRUE(test, parley_tcp_is_proved(49 * MS, 50000));
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_proved(50 * MS, 50000));
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_proved(0, 0));
	/* Nobody knows how soon an answer may come. */
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_proved(0, ~0U));
}

static void judge_alone(struct kunit *test)
{
	/* It reduced the window itself, for what was sent once. */
	KUNIT_EXPECT_TRUE(test, parley_tcp_is_alone(true, false, false));
	KUNIT_EXPECT_TRUE(test, parley_tcp_is_alone(true, false, true));
	/* For what had been sent again: an answer proves nothing. */
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_alone(true, true, false));
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_alone(true, true, true));
	/* In a recovery from a real loss, or after a time-out that was one. */
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_alone(false, false, false));
	KUNIT_EXPECT_FALSE(test, parley_tcp_is_alone(false, true, false));
	/* The next of several that all were stolen. */
	KUNIT_EXPECT_TRUE(test, parley_tcp_is_alone(false, true, true));
}

/* A socket of the kernel's can have it, and gets rid of it. */
static void judge_registered(struct kunit *test)
{
	char name[TCP_CA_NAME_MAX] = "parley";
	struct socket *sock;
	int err;

	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP,
					       &sock), 0);
	err = sock->ops->setsockopt(sock, SOL_TCP, TCP_CONGESTION, KERNEL_SOCKPTR(name),
				    strlen(name));
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_STREQ(test, inet_csk(sock->sk)->icsk_ca_ops->name, "parley");
	sock_release(sock);
}

static struct kunit_case judge_cases[] = {
	KUNIT_CASE(judge_stolen),
	KUNIT_CASE(judge_proved),
	KUNIT_CASE(judge_alone),
	KUNIT_CASE(judge_registered),
	{}
};

static struct kunit_suite judge_suite = {
	.name = "parley_tcp_judge",
	.test_cases = judge_cases,
};
kunit_test_suite(judge_suite);

MODULE_SOFTDEP("pre: parley_tcp");
MODULE_DESCRIPTION("KUnit tests of Parley's congestion control");
MODULE_LICENSE("GPL");
