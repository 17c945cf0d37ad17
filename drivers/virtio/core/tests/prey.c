// SPDX-License-Identifier: GPL-2.0-only
/* A device queue to be attacked, and what must hold when it was. */
#include "prey.h"

struct prey *parley_prey_open(struct kunit *test, u64 more)
{
	struct prey *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	v->r = parley_raw_open(test, hostile_features(test) | more, SIZE);
	return v;
}

int parley_prey_take(struct prey *v, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i <= SIZE; i++) {
		v->chains[i] = (struct parley_chain){ .iov = v->iov[i], .max = PIECES };
		v->iov[i][PIECES].len = CANARY;
	}
	v->chains[nr].id = 0xbeef;
	return parley_devq_take(v->r->dev, v->chains, nr);
}

void parley_prey_complete(struct kunit *test, struct prey *v, unsigned int i)
{
	v->chains[i].written = v->chains[i].len_in;
	KUNIT_EXPECT_EQ(test, parley_devq_complete(v->r->dev, &v->chains[i], 1), 0);
}

/* The queue is broken by what take is about to see, and stays so. */
void parley_prey_is_broken(struct kunit *test, struct prey *v)
{
	struct parley_devq *q = v->r->dev;
	u64 buffers = parley_devq_stats(q)->buffers;
	u64 errors = parley_devq_stats(q)->errors;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, parley_prey_take(v, 1), -EIO);
	KUNIT_EXPECT_TRUE(test, parley_devq_broken(q));
	KUNIT_EXPECT_EQ(test, parley_devq_stats(q)->buffers, buffers);
	KUNIT_EXPECT_NE(test, parley_devq_stats(q)->errors, errors);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(q), 0u);
	for (i = 0; i <= SIZE; i++)
		KUNIT_EXPECT_EQ(test, v->iov[i][PIECES].len, (size_t)CANARY);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, 1), -EIO);
}

/* Used entry @i, whose chain is @id. */
void parley_prey_used(struct kunit *test, struct prey *v, unsigned int i,
		      unsigned int id, u32 len)
{
	struct raw *r = v->r;

	if (r->packed) {
		KUNIT_EXPECT_EQ(test, le16_to_cpu(r->pdesc[i].id), id);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(r->pdesc[i].len), len);
	} else {
		KUNIT_EXPECT_EQ(test, vr32_to_cpu(r->used->ring[i].id), id);
		KUNIT_EXPECT_EQ(test, vr32_to_cpu(r->used->ring[i].len), len);
	}
}

/* Write entry @at of an indirect table at arena offset @off. */
void parley_prey_table(struct prey *v, u32 off, unsigned int at, u64 addr,
		       u32 len, u16 flags, u16 next)
{
	if (v->r->packed) {
		struct vring_packed_desc *d = (void *)(v->r->arena + off);

		d[at] = (struct vring_packed_desc){
			.addr = cpu_to_le64(addr), .len = cpu_to_le32(len),
			.flags = cpu_to_le16(flags & ~D_NEXT) };
	} else {
		struct vring_desc *d = (void *)(v->r->arena + off);

		d[at] = (struct vring_desc){
			.addr = cpu_to_vr64(addr), .len = cpu_to_vr32(len),
			.flags = cpu_to_vr16(flags), .next = cpu_to_vr16(next) };
	}
}
