// SPDX-License-Identifier: GPL-2.0-only
/* Areas: shared, refused, given back; and allocations that fail on the way there. */
#include <linux/io.h>
#include "../../../virtio/transport/tests/inject.h"
#include "guest.h"

#define VERSION	PARLEY_SCHED_VERSION
#define VCPUS	PARLEY_SCHED_AREA_VCPUS

static u64 refused(struct guest *g)
{
	struct parley_sched_counts c;

	parley_vhost_sched_counts(g->dev, &c);
	return c.areas_refused;
}

static void headers_that_say_something_else(struct kunit *test)
{
	static const struct { u16 version, kind; u32 nr, status; } tries[] = {
		{ 0, VCPUS, 3, PARLEY_SCHED_AREA_VERSION },
		{ VERSION + 1, VCPUS, 3, PARLEY_SCHED_AREA_VERSION },
		{ VERSION, 0, 3, PARLEY_SCHED_AREA_VERSION },
		{ VERSION, VCPUS + 1, 3, PARLEY_SCHED_AREA_VERSION },
		{ 0xffff, 0xffff, 3, PARLEY_SCHED_AREA_VERSION },
		{ VERSION, VCPUS, 2, PARLEY_SCHED_AREA_INVAL },
		{ VERSION, VCPUS, 0, PARLEY_SCHED_AREA_INVAL },
	};
	struct guest *g = guest_open(test, 3, GUEST_ALL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		KUNIT_EXPECT_EQ(test, guest_offer(g, tries[i].version, tries[i].kind,
						  tries[i].nr), tries[i].status);
		KUNIT_EXPECT_TRUE(test, guest_area_back(g));
		KUNIT_EXPECT_EQ(test, refused(g), i + 1);
	}
	KUNIT_EXPECT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_SHARED);
}

static void pieces_that_are_none(struct kunit *test)
{
	struct guest *g = guest_open(test, 3, GUEST_ALL);
	u64 says = virt_to_phys(g->says), reads = virt_to_phys(g->reads);
	struct parley_sched_guest_header *h = g->says;
	const struct {
		struct parley_seg segs[4];
		unsigned int n_out, n_in;
	} tries[] = {
		/* Too short, by a byte and by a lot; too long. */
		{ { { says, 255 }, { reads, 256 } }, 1, 1 },
		{ { { says, 256 }, { reads, 255 } }, 1, 1 },
		{ { { says, 64 }, { reads, 64 } }, 1, 1 },
		{ { { says, 1 }, { reads, 64 } }, 1, 1 },
		{ { { says, SZ_4K + 1 }, { reads, SZ_4K } }, 1, 1 },
		/* In two pieces. */
		{ { { says, 64 }, { says + 64, 192 }, { reads, 256 } }, 2, 1 },
		{ { { says, 256 }, { reads, 64 }, { reads + 64, 192 } }, 1, 2 },
		/* One direction only. */
		{ { { reads, 256 } }, 0, 1 },
	};
	struct parley_seg skewed[] = { { says + 64, 256 }, { reads, 256 } };
	unsigned int i;

	*h = (struct parley_sched_guest_header){
		.version = cpu_to_le16(VERSION), .kind = cpu_to_le16(VCPUS),
		.nr = cpu_to_le32(3),
	};
	/* Not at the beginning of a page. */
	h[1] = h[0];
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		KUNIT_EXPECT_EQ_MSG(test, guest_offer_pieces(g, tries[i].segs, tries[i].n_out,
							     tries[i].n_in),
				    PARLEY_SCHED_AREA_INVAL, "%u", i);
		KUNIT_EXPECT_TRUE(test, guest_area_back(g));
	}
	KUNIT_EXPECT_EQ(test, guest_offer_pieces(g, skewed, 1, 1), PARLEY_SCHED_AREA_INVAL);
	KUNIT_EXPECT_TRUE(test, guest_area_back(g));
	KUNIT_EXPECT_NULL(test, g->vm->areas[VCPUS - 1].req);
	KUNIT_EXPECT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_SHARED);
}

static void one_of_a_kind(struct kunit *test)
{
	struct guest *g = guest_open(test, 1, GUEST_ALL);

	KUNIT_EXPECT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_SHARED);
	KUNIT_EXPECT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_EXISTS);
	KUNIT_EXPECT_TRUE(test, guest_area_back(g));
	KUNIT_EXPECT_EQ(test, refused(g), 1);
	/* The first one is as good as before. */
	guest_thread(g, 0, 0, false);
	KUNIT_EXPECT_TRUE(test, vh_until(parley_sched_state(guest_record(g, 0)) ==
					 PARLEY_SCHED_ASLEEP));
}

/* When a queue stops, what was shared is given back, and nobody writes there again. */
static void bad_64_a_queue_that_stops_gives_back(struct kunit *test)
{
	struct guest *g = guest_open(test, 2, GUEST_ALL);
	struct parley_sched_host_header *h = g->reads;
	unsigned int round;

	guest_thread(g, 0, 0, true);
	for (round = 0; round < 5; round++) {
		KUNIT_EXPECT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_SHARED);
		KUNIT_EXPECT_TRUE(test, vh_until(guest_view(g, 0).ran_ns > 0));
		parley_vhost_vq_leave(g->q[PARLEY_SCHED_QUEUE_AREAS].vq);
		g->q[PARLEY_SCHED_QUEUE_AREAS].joined = false;
		KUNIT_EXPECT_EQ(test, le32_to_cpu(h->status), PARLEY_SCHED_AREA_AGAIN);
		KUNIT_EXPECT_TRUE(test, guest_area_back(g));
		memset(g->reads, 0x5a, PAGE_SIZE);
		guest_busy(g, 0, false);
		usleep_range(1000, 2000);
		guest_busy(g, 0, true);
		usleep_range(1000, 2000);
		KUNIT_EXPECT_NULL(test, memchr_inv(g->reads, 0x5a, PAGE_SIZE));
		guest_stop(g, PARLEY_SCHED_QUEUE_AREAS);
		KUNIT_ASSERT_EQ(test, 0, guest_run(g, PARLEY_SCHED_QUEUE_AREAS));
	}
}

static void hints_without_their_feature(struct kunit *test)
{
	struct guest *g = guest_open(test, 1, BIT_ULL(PARLEY_SCHED_F_YIELD));

	KUNIT_EXPECT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_SHARED);
	guest_hint(g, 0, ~0ull);
	KUNIT_EXPECT_PTR_EQ(test, guest_vcpu(g, 0)->in,
			    (const struct parley_sched_guest_record *)NULL);
}

/* --------------------------------------------------------- failing allocations */

/* From the device to its first thread; what it was that failed. */
static int whole_life(struct guest *spare)
{
	struct parley_vhost *dev = parley_vhost_open("sched");
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = parley_vhost_set_owner(dev);
	err = err ?: parley_vhost_sched_set_nr(dev, 2);
	err = err ?: parley_vhost_sched_set_task(dev, 1, spare->threads[0]);
	parley_vhost_close(dev);
	return err;
}

static void allocations_that_fail(struct kunit *test)
{
	struct guest *g = guest_open(test, 1, GUEST_ALL);
	unsigned int nth, failed = 0;
	bool injected = true;
	int err;

	if (!tester_faults_ready())
		kunit_skip(test, "this kernel has no fault injection");
	guest_thread(g, 0, 0, false);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_sched_set_task(g->dev, 0, NULL));
	for (nth = 1; injected && nth < 2000; nth++) {
		tester_fault_set(nth);
		err = whole_life(g);
		injected = !tester_fault_pause();
		failed += !!err;
		/* Nothing of it is left. */
		KUNIT_ASSERT_EQ(test, 0, parley_vhost_sched_set_task(g->dev, 0, g->threads[0]));
		KUNIT_ASSERT_EQ(test, 0, parley_vhost_sched_set_task(g->dev, 0, NULL));
	}
	KUNIT_EXPECT_FALSE(test, injected);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, failed, 5);
	kunit_info(test, "%u allocations, %u of them needed\n", nth - 2, failed);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(headers_that_say_something_else),
	KUNIT_CASE(pieces_that_are_none),
	KUNIT_CASE(one_of_a_kind),
	KUNIT_CASE(bad_64_a_queue_that_stops_gives_back),
	KUNIT_CASE(hints_without_their_feature),
	KUNIT_CASE_SLOW(allocations_that_fail),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_sched_area",
	.test_cases = cases,
};

kunit_test_suite(suite);
