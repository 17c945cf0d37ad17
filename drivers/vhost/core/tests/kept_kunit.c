// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a successor goes on: numbers 65 to 67 of the catalogue of bad input, which are
 * faults of others' recovery that were reported in public.  The bridge's half of it is
 * in tools/bridge/tests/recovery_test.c.
 */
#include <asm/byteorder.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_ring.h>
#include "../devq.h"
#include "../vq.h"
#include "vmm.h"

#define KEPT_AT		(VMM_SIZE - sizeof(struct parley_vhost_kept))
#define OLD_BASE	0x1234
#define DATA(n)		(SZ_2M + (n) * 64ul)

static void kept_poke(struct vmm *v, u32 base, u32 state)
{
	struct parley_vhost_kept kept = { cpu_to_le32(base), cpu_to_le32(state) };

	vmm_poke(v, KEPT_AT, &kept, sizeof(kept));
}

static void kept_is(struct vmm *v, u32 base, u32 state)
{
	struct parley_vhost_kept kept;

	vmm_peek(v, KEPT_AT, &kept, sizeof(kept));
	KUNIT_EXPECT_EQ(v->test, le32_to_cpu(kept.base), base);
	KUNIT_EXPECT_EQ(v->test, le32_to_cpu(kept.state), state);
}

/* All set up but the place where to begin; the last bytes of the VMM's are the word. */
static struct vmm *kept_open(struct kunit *test, u64 features)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_keep keep = { .user_addr = v->user + KEPT_AT };

	vmm_set_up(v, features);
	KUNIT_ASSERT_EQ(test, vmm_call(v, PARLEY_VHOST_SET_VRING_KEEP, &keep), 0);
	return v;
}

static long kept_go_on(struct vmm *v, u32 base)
{
	KUNIT_ASSERT_EQ(v->test, vmm_enable(v, 0), 0);
	KUNIT_ASSERT_EQ(v->test, vmm_state(v, VHOST_SET_VRING_BASE, 0, base), 0);
	return vmm_enable(v, 1);
}

/* As the worker of a process that is killed, with requests that end a little later. */
static void kept_kill(struct vmm *v)
{
	struct vmm_later later;

	vmm_release_later(v, &later);
	vh_vq_kill(vmm_vq(v));
	vmm_release_wait(&later);
}

/* Is each of these requests done, and is each forgotten then? */
static void kept_done(struct vmm *v, unsigned int from, unsigned int to)
{
	static const u8 none[8];
	unsigned int i;

	for (i = from; i < to; i++) {
		KUNIT_EXPECT_TRUE_MSG(v->test, vmm_answered(v, DATA(i)), "request %u", i);
		vmm_poke(v, DATA(i), none, sizeof(none));
	}
}

/* Nobody did these again. */
static void kept_once(struct vmm *v, unsigned int from, unsigned int to)
{
	unsigned int i;

	for (i = from; i < to; i++)
		KUNIT_EXPECT_FALSE_MSG(v->test, vmm_answered(v, DATA(i)), "request %u again", i);
}

/*
 * SPDK 3766: the word that says how the rest of an entry is to be read was never
 * written.  Here it is written first when a ring starts and last when it stops, so what
 * lay there before is no place to go on from, nor is what a ring leaves that broke.
 */
static void bad_65_the_last_word_is_written(struct kunit *test)
{
	struct vmm *v = kept_open(test, 0);

	kept_poke(v, OLD_BASE, PARLEY_VHOST_KEPT_STOPPED);
	/* Who does not get as far as serving changes nothing. */
	KUNIT_EXPECT_EQ(test, kept_go_on(v, OLD_BASE), -EINVAL);
	kept_is(v, OLD_BASE, PARLEY_VHOST_KEPT_STOPPED);
	KUNIT_ASSERT_EQ(test, kept_go_on(v, 0), 0);
	kept_is(v, OLD_BASE, PARLEY_VHOST_KEPT_RUNNING);
	v->hold = true;
	vmm_send_one(v, DATA(0));
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	kept_is(v, OLD_BASE, PARLEY_VHOST_KEPT_RUNNING);
	kept_kill(v);
	kept_is(v, 1, PARLEY_VHOST_KEPT_STOPPED);
	KUNIT_ASSERT_EQ(test, kept_go_on(v, 1), 0);
	kept_poke(v, OLD_BASE, PARLEY_VHOST_KEPT_RUNNING);
	scoped_guard(mutex, &vmm_vq(v)->mutex)
		vh_vq_break(vmm_vq(v), "the test says so");
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	kept_is(v, OLD_BASE, PARLEY_VHOST_KEPT_BROKEN);
}

/* One life of a ring in order that has got to @start. */
static void in_order_from(struct kunit *test, u16 start)
{
	struct vmm *v = kept_open(test, BIT_ULL(VIRTIO_F_IN_ORDER));
	__virtio16 word = __cpu_to_virtio16(true, start);
	u16 used = start + 3;
	unsigned int i;

	vmm_poke(v, VMM_AVAIL + 2, &word, sizeof(word));
	vmm_poke(v, VMM_USED + 2, &word, sizeof(word));
	v->avail = start;
	KUNIT_ASSERT_EQ(test, kept_go_on(v, start), 0);
	v->hold = true;
	for (i = 0; i < 3; i++)
		vmm_send_one(v, DATA(i));
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 3));
	kept_kill(v);
	kept_is(v, used, PARLEY_VHOST_KEPT_STOPPED);
	kept_done(v, 0, 3);
	/* What a VMM read before that, and what no driver can have made available. */
	KUNIT_EXPECT_EQ(test, kept_go_on(v, start), -EINVAL);
	KUNIT_EXPECT_EQ(test, kept_go_on(v, (u16)(used - 1)), -EINVAL);
	KUNIT_EXPECT_EQ(test, kept_go_on(v, (u16)(used + VMM_NUM + 1)), -EINVAL);
	KUNIT_EXPECT_EQ(test, kept_go_on(v, used), 0);
	for (i = 3; i < 5; i++)
		vmm_send_one(v, DATA(i));
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	kept_done(v, 3, 5);
	kept_once(v, 0, 3);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 0), 0);
	kept_is(v, (u16)(used + 2), PARLEY_VHOST_KEPT_STOPPED);
	vmm_close(v);
}

/*
 * A VMM that replays a ring in order from the used index it read has requests done
 * twice that completed since: no base behind the ring's own index is taken.
 */
static void bad_66_in_order_replayed_from_the_used_index(struct kunit *test)
{
	in_order_from(test, 0);
	in_order_from(test, 0xfffe);
}

#define LIVE_ROUNDS	6u
#define LIVE_SENT	12u	/* more than the accelerator takes at a time */
#define LIVE_TAKEN	8u

/* The flags of a slot in its lap: as the driver leaves it, or the device. */
static u16 packed_flags(unsigned int at, bool used)
{
	bool odd = at / VMM_NUM & 1;

	return (odd ? 0 : BIT(VRING_PACKED_DESC_F_AVAIL)) |
	       (odd == used ? 0 : BIT(VRING_PACKED_DESC_F_USED));
}

static unsigned long packed_slot(unsigned int at)
{
	return VMM_DESC + at % VMM_NUM * sizeof(struct vring_packed_desc);
}

static void packed_send(struct vmm *v, unsigned int at)
{
	struct vring_packed_desc desc = {
		.addr = cpu_to_le64(DATA(at)),
		.len = cpu_to_le32(8),
		.id = cpu_to_le16(at % VMM_NUM),
		.flags = cpu_to_le16(VRING_DESC_F_WRITE | packed_flags(at, false)),
	};

	vmm_poke(v, packed_slot(at), &desc, offsetof(struct vring_packed_desc, flags));
	smp_wmb();	/* pairs with the core's read of the flags */
	vmm_poke(v, packed_slot(at) + offsetof(struct vring_packed_desc, flags), &desc.flags,
		 sizeof(desc.flags));
}

static bool packed_is_used(struct vmm *v, unsigned int at)
{
	const u16 mask = BIT(VRING_PACKED_DESC_F_AVAIL) | BIT(VRING_PACKED_DESC_F_USED);
	struct vring_packed_desc desc;

	vmm_peek(v, packed_slot(at), &desc, sizeof(desc));
	return (le16_to_cpu(desc.flags) & mask) == packed_flags(at, true);
}

/* Nothing in flight: both halves are the same. */
static u32 packed_base(unsigned int at)
{
	return (at % VMM_NUM | (at / VMM_NUM & 1 ? 0 : 1u << 15)) * 0x10001u;
}

/*
 * A packed ring has its positions nowhere in shared memory, so what is kept is all that
 * there is: killed again and again, with requests in flight and more that nobody took
 * yet, in every lap, each request is done once.
 */
static void bad_67_packed_rings_are_recovered_live(struct kunit *test)
{
	struct vmm *v = kept_open(test, BIT_ULL(VIRTIO_F_RING_PACKED));
	unsigned int round, i, at = 0;

	KUNIT_ASSERT_EQ(test, vmm_enable(v, 1), 0);
	for (round = 0; round < LIVE_ROUNDS; round++, at += LIVE_SENT) {
		v->hold = true;
		for (i = 0; i < LIVE_SENT; i++)
			packed_send(v, at + i);
		parley_vhost_vq_wake(vmm_vq(v));
		KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == LIVE_TAKEN));
		kept_kill(v);
		kept_is(v, packed_base(at + LIVE_TAKEN), PARLEY_VHOST_KEPT_STOPPED);
		KUNIT_EXPECT_TRUE(test, packed_is_used(v, at + LIVE_TAKEN - 1));
		KUNIT_EXPECT_FALSE(test, packed_is_used(v, at + LIVE_TAKEN));
		kept_done(v, at, at + LIVE_TAKEN);
		KUNIT_ASSERT_EQ(test, kept_go_on(v, packed_base(at + LIVE_TAKEN)), 0);
		KUNIT_ASSERT_TRUE(test, vh_until(packed_is_used(v, at + LIVE_SENT - 1)));
		kept_done(v, at + LIVE_TAKEN, at + LIVE_SENT);
		kept_once(v, at, at + LIVE_TAKEN);
	}
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 0), 0);
	kept_is(v, packed_base(at), PARLEY_VHOST_KEPT_STOPPED);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->stats.errors, 0);
}

static struct kunit_case kept_cases[] = {
	KUNIT_CASE(bad_65_the_last_word_is_written),
	KUNIT_CASE(bad_66_in_order_replayed_from_the_used_index),
	KUNIT_CASE(bad_67_packed_rings_are_recovered_live),
	{}
};

static struct kunit_suite kept_suite = {
	.name = "parley_vhost_kept",
	.test_cases = kept_cases,
};
kunit_test_suite(kept_suite);
