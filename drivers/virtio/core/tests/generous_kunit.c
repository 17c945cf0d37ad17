// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the specification tells the device to ignore, a driver may write as it
 * likes: nothing of it breaks a queue or changes a request.
 */
#include "prey.h"

/* All that a descriptor's flags have besides those that say something. */
#define D_RESERVED	((u16)~(D_NEXT | D_WRITE | D_TABLE))
#define D_PACKED	(1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED)

/* One chain of two pieces, the second to be written. */
static void is_whole(struct kunit *test, struct prey *v)
{
	struct raw *r = v->r;

	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 1), 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_out, 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_in, 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].len_out, 8u);
	KUNIT_EXPECT_EQ(test, v->chains[0].len_in, 16u);
	KUNIT_EXPECT_PTR_EQ(test, v->iov[0][0].kern, (void *)r->arena);
	KUNIT_EXPECT_PTR_EQ(test, v->iov[0][1].kern, (void *)(r->arena + 64));
	KUNIT_EXPECT_FALSE(test, parley_devq_broken(r->dev));
	parley_prey_complete(test, v, 0);
	parley_devq_publish(r->dev);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 0u);
}

/*
 * Spec 2.8.7: in a table of the packed format WRITE is the only valid flag, the
 * others and the buffer id are ignored.  Spec 2.7.5.3 has NEXT and the link.
 */
static void good_table_reserved(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, PAIR_INDIRECT);
	struct raw *r = v->r;
	unsigned int i;

	parley_prey_table(v, 4096, 0, PAIR_BUS, 8, D_NEXT, 1);
	parley_prey_table(v, 4096, 1, PAIR_BUS + 64, 16, D_WRITE, 99);
	for (i = 0; i < 2; i++) {
		if (r->packed) {
			struct vring_packed_desc *d = (void *)(r->arena + 4096);

			d[i].flags |= cpu_to_le16(~D_WRITE & 0xffff);
			d[i].id = cpu_to_le16(0xabcd);
		} else {
			struct vring_desc *d = (void *)(r->arena + 4096);

			d[i].flags |= cpu_to_vr16(D_RESERVED);
		}
	}
	parley_raw_desc(r, 0, PAIR_BUS + 4096, 32, D_TABLE, 99);
	parley_raw_avail(r, 1);
	is_whole(test, v);
}

/* Spec 2.7.5.3.2, 2.8.7: WRITE says nothing where a table is referred to. */
static void good_table_write(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, PAIR_INDIRECT);

	parley_prey_table(v, 4096, 0, PAIR_BUS, 8, D_NEXT, 1);
	parley_prey_table(v, 4096, 1, PAIR_BUS + 64, 16, D_WRITE, 0);
	parley_raw_desc(v->r, 0, PAIR_BUS + 4096, 32, D_TABLE | D_WRITE, 0);
	parley_raw_avail(v->r, 1);
	is_whole(test, v);
}

/*
 * Reserved bits of flags; the link of a chain's last descriptor; in the packed
 * format the id of all but the last, and AVAIL and USED of all but the first.
 */
static void good_chain_reserved(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;
	u16 more = r->packed ? D_RESERVED & ~D_PACKED : D_RESERVED;

	parley_raw_desc(r, 0, PAIR_BUS, 8, more | D_NEXT, 1);
	parley_raw_desc(r, 1, PAIR_BUS + 64, 16, more | D_WRITE, 0xfff0);
	if (r->packed) {
		r->pdesc[0].id = cpu_to_le16(0xfff1);
		r->pdesc[1].flags ^= cpu_to_le16(1 << VRING_PACKED_DESC_F_AVAIL);
	}
	parley_raw_avail(r, 1);
	is_whole(test, v);
	parley_prey_used(test, v, 0, r->packed ? 1 : 0, 16);
}

/*
 * Reserved bits of the driver's event fields.  Spec 2.7.7.2: flags count only
 * without the event index.  Spec 2.8.10: two bits of flags, of which the last
 * value is reserved; who asks for that is told of everything.
 */
static void good_event_reserved(struct kunit *test)
{
	bool event = hostile_features(test) & PAIR_EVENT;
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;
	unsigned int asked;

	for (asked = 0; asked < 4; asked++) {
		bool want = asked != VRING_PACKED_EVENT_FLAG_DISABLE;

		/* An event that is not the first completion's. */
		if (asked == VRING_PACKED_EVENT_FLAG_DESC && !event)
			continue;
		parley_raw_reset(r);
		parley_raw_desc(r, 0, PAIR_BUS, 8, D_WRITE, 0);
		parley_raw_avail(r, 1);
		if (r->packed) {
			r->drv_event->flags = cpu_to_le16(0xfffc | asked);
			r->drv_event->off_wrap = cpu_to_le16(0x8003);
			want &= asked != VRING_PACKED_EVENT_FLAG_DESC;
		} else {
			r->avail->flags = cpu_to_vr16(0xfffe | (asked & 1));
			r->avail->ring[SIZE] = cpu_to_vr16(3);
			want = !event && !(asked & 1);
		}
		KUNIT_ASSERT_EQ(test, parley_prey_take(v, 1), 1);
		parley_prey_complete(test, v, 0);
		KUNIT_EXPECT_EQ(test, parley_devq_publish(r->dev), want);
		KUNIT_EXPECT_FALSE(test, parley_devq_broken(r->dev));
	}
}

HOSTILE_CASES(generous_cases);
KUNIT_ARRAY_PARAM(generous, generous_cases, hostile_desc);

#define GOOD(fn)	KUNIT_CASE_PARAM(fn, generous_gen_params)

static struct kunit_case generous_device_cases[] = {
	GOOD(good_table_reserved),
	GOOD(good_table_write),
	GOOD(good_chain_reserved),
	GOOD(good_event_reserved),
	{}
};

static struct kunit_suite generous_device_suite = {
	.name = "parley_generous_device",
	.test_cases = generous_device_cases,
};

kunit_test_suites(&generous_device_suite);
