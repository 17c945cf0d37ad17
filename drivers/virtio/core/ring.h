/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private state of the core's queues.
 *
 * Ownership: everything here is private memory; the peer sees only the three
 * areas that struct vq_ring points to.  All of it is serialised by the queue's
 * owner, except the two fields that anybody may read at any time: `broken` and
 * the statistics.
 *
 * A format is one header, split.h or packed.h, of inline primitives with the
 * same names and signatures; split.c and packed.c compile the role bodies
 * (driver_body.h, device_body.h) over it.  The primitives:
 *
 *  driver role
 *   fmt_drv_init		forget everything; ring memory is zeroed
 *   fmt_put_begin, _end	a burst's state into registers, and back
 *   fmt_put_one		write one descriptor for free_id, not yet visible
 *   fmt_put_chain		write n linked descriptors, not yet visible
 *   fmt_table_set, _end	write an entry of an indirect table; it is complete
 *   fmt_drv_publish		make what was put visible (barrier D1)
 *   fmt_kick_wanted		does the device want to know?  (barrier F1)
 *   fmt_ids_out		are all ids in use?
 *   fmt_reap_begin, _end	a burst's state into registers, and back
 *   fmt_used_count		how many used entries may be there?  (barrier U2)
 *   fmt_used			read the next one, if it is there
 *   fmt_used_pending		look whether there is one
 *   fmt_used_left		may one more chain of an in-order batch be used?
 *   fmt_used_advance		step over a chain
 *   fmt_drv_arm, _disarm	event fields (barrier F2)
 *   fmt_notify_data		spec 2.9
 *
 *  device role
 *   fmt_dev_init		forget everything
 *   fmt_take_begin, _end	a burst's state into registers, and back
 *   fmt_avail, fmt_peek	how many heads may be there?  is there one?
 *   fmt_head, fmt_follow	fetch a chain's first (barrier D2) and next descriptor
 *   fmt_at, fmt_room		where a chain begins, and how many slots it may take
 *   fmt_table_get, _last, _next	walk an indirect table
 *   fmt_take_advance		step over a chain
 *   fmt_take_rewind		... and back
 *   fmt_use_begin, _end	a burst's state into registers, and back
 *   fmt_used_write		write a used entry, not yet visible
 *   fmt_used_step		step over used chains
 *   fmt_dev_publish		make what was completed visible (barrier U1)
 *   fmt_call_wanted		does the driver want to know?  (barrier F3)
 *   fmt_dev_arm, _disarm	event fields (barrier F4)
 *   fmt_save, fmt_load		VHOST_GET/SET_VRING_BASE
 *
 * A verb works on a burst: it copies the state that it needs into a local
 * structure (struct vq_put, vq_reap, vq_take, vq_use), which the compiler keeps
 * in registers because every primitive is inlined, and writes it back at the
 * end and around calls that are out of line.
 */
#ifndef _PARLEY_CORE_RING_H
#define _PARLEY_CORE_RING_H

#include "os.h"

/*
 * A place in a ring.  Split: idx runs freely over 16 bits, bits is unused.
 * Packed: idx is below num, and bits are the two flag bits that a descriptor
 * has there in this round, available or used as the cursor is for; its
 * VRING_PACKED_DESC_F_AVAIL bit is the wrap counter in either case.
 */
struct vq_cursor {
	union {
		struct {
			u16 idx;
			u16 bits;
		};
		u32 word;	/* both, for who looks without a lock */
	};
};

/* What both roles keep of a ring; set when the queue is made. */
struct vq_ring {
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *pdesc;
	};
	union {
		struct vring_avail *avail;
		struct vring_packed_desc_event *drv_event;
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *dev_event;
	};
	u16 num;
	bool packed;
	bool event;
	bool indirect;
	bool in_order;
	bool weak;		/* peer is a processor: SMP barriers do */
	bool broken;
	struct parley_vq_stats stats;
	char name[24];
	unsigned int index;
	u64 features;
	struct device *dev;
	struct lockdep_map *lock;
	void (*on_break)(struct vq_ring *r);	/* tells the owner, or NULL */
	struct dentry *dentry;
};

/*
 * Per buffer id, driver role.  cookie is NULL unless the id heads a chain.  A
 * chain of one descriptor with nothing to release is of kind 0, and so is an id
 * that is free: what else is kept depends on the kind.
 */
struct vq_shadow {
	void *cookie;
	union {
		u64 bus;	/* VQ_ONE: what to unmap ... */
		struct {
			u16 tail;	/* VQ_CHAIN: last id of the chain ... */
			u16 ndesc;	/* ... and the ring slots that it takes */
		};
	};
	u32 len;		/* VQ_ONE: ... and its bytes */
	u32 len_in;
	u32 seq;		/* of the chain, to tell published ones */
	u16 next;		/* id after this one: free list, chain, ring order */
	u8 kind;
};

#define VQ_CHAIN	0x1	/* more than one slot */
#define VQ_ONE		0x2	/* a single mapping, kept here */
#define VQ_MAPS		0x4	/* mappings, noted where there is always room */
#define VQ_EXTRA	0x8	/* whatever struct vq_extra has to release */

/* Cold part of the shadow: made only for indirect tables and mappings. */
struct vq_extra {
	struct {
		void *mem;
		u64 bus;
	} ready;		/* table that is kept ready, if any are */
	void *table;		/* allocated for this chain, or NULL */
	struct parley_seg table_map;
	struct parley_seg *maps;	/* what to unmap ... */
	struct parley_seg *home;	/* ... is there, unless it was allocated */
	u16 nmaps;
	u16 n_out;
};

/* Memory that both sides see. */
struct vq_area {
	void *mem;
	u64 bus;
	size_t size;
};

struct parley_drvq {
	struct vq_ring ring;

	/* put side */
	struct vq_shadow *shadow;
	struct vq_shadow *tail;	/* end of the free list ... */
	struct vq_shadow empty;	/* ... which begins here while it is empty */
	u16 free_id;		/* next id to use, if any is free */
	u16 free;		/* ring slots free */
	u32 seq_put;		/* chains put; low half: split available index */
	u32 seq_pub;		/* chains published */
	struct vq_cursor put;	/* packed: next slot to fill */
	struct vq_cursor pub;	/* packed: first slot not yet visible */
	__le16 pub_flags;	/* packed: its flags, held back */
	u16 pub_desc;		/* packed: slots not yet visible */
	bool map;		/* buffers that are not premapped are mapped */

	/* reap side */
	u16 seq_done;		/* chains reaped; the split ring's used index */
	u16 used_seen;		/* split: used index as last read and checked */
	struct vq_cursor next_used; /* packed: next used descriptor */
	u16 event_flags;	/* what disarm knows that the device was told */
	u16 oldest;		/* in-order: id of the oldest chain */
	u16 batch_id;		/* in-order: last chain of the current batch */
	bool in_batch;
	u32 batch_len;

	/* mappings and tables */
	struct vq_extra *extra;	/* NULL: no indirect, no mappings */
	struct parley_mem mem;	/* where rings and tables lie; what maps buffers */
	u16 map_segs;		/* segments that may be mapped without allocation */
	u16 table_segs;		/* entries of a ready table, 0 for none */
	u16 table_max;		/* ... of which a chain may take so many */

	/* cold */
	u16 detached;		/* ids below were looked at by detach */
	u16 num_max;		/* ring.num may be made so large */
	struct parley_seg *maps;	/* map_segs for each id, or NULL */
	struct vq_area *blocks;	/* of ready tables */
	unsigned int nr_blocks;
	struct vq_area area[3];
	bool notify_data;	/* kicks say where the ring stands */
	atomic_t kicks;		/* of those, asked for and not yet made */
	bool (*notify)(struct parley_drvq *q, u32 data);
	void (*broken)(struct parley_drvq *q);
	void *priv;
};

/* In-order: a chain that is complete before its turn to be used. */
struct vq_order {
	u32 written;
	u16 id;
	u16 ndesc;
	bool done;
	bool full;		/* written completely: its entry may be skipped */
};

struct parley_devq {
	struct vq_ring ring;

	const struct parley_region *hit;	/* last one found, if read-write */
	struct parley_memmap *map;

	/*
	 * take side.  Counters are of 32 bits, which cost less than 16; those of
	 * one verb stand apart, or the compiler puts them together in registers.
	 */
	struct vq_cursor take;	/* packed: next slot to look at */
	u32 in_flight;		/* chains taken and not yet in the used ring */
	u16 seq;		/* of the next chain; split: the available index */
	u16 avail_seen;		/* split: available index as last read, checked */
	u32 busy;		/* packed: ring slots that chains in flight take */

	/* complete side */
	struct vq_cursor done;	/* next used entry to write */
	u32 fresh;		/* chains taken after the last complete one */
	struct vq_cursor pub;	/* first used entry not yet visible */
	u32 pub_count;		/* ring slots not yet visible */
	u16 pub_flags;		/* packed: its flags, held back */
	u16 event_flags;	/* what we last told the driver */

	/* in order only */
	struct vq_order *order;	/* by seq, below order_mask */
	u32 order_mask;
	u32 waiting;		/* chains complete before their turn */
	u16 oldest;		/* seq of the oldest chain in flight */

	/* cold */
	int (*again)(int (*access)(void *arg), void *arg);
	enum parley_space space;	/* of the ring */
	enum parley_space map_space;	/* of buffers and tables */
};

/* One descriptor, fetched once. */
struct vq_desc {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;		/* split: the link */
};

/* The bodies, once for each format. */
#define VQ_DECLARE(fmt)							\
void fmt##_drv_init(struct parley_drvq *q);				\
int fmt##_drv_put(struct parley_drvq *q, const struct parley_buf *bufs,	\
		  unsigned int nr, gfp_t gfp);				\
bool fmt##_drv_publish(struct parley_drvq *q);				\
bool fmt##_drv_kick(struct parley_drvq *q);				\
int fmt##_drv_submit(struct parley_drvq *q, const struct parley_buf *buf, \
		     gfp_t gfp);						\
unsigned int fmt##_drv_reap(struct parley_drvq *q,			\
			    struct parley_done *done, unsigned int max);	\
bool fmt##_drv_arm(struct parley_drvq *q, unsigned int after);		\
void fmt##_drv_disarm(struct parley_drvq *q);				\
bool fmt##_drv_pending(const struct parley_drvq *q);			\
u32 fmt##_drv_notify_data(const struct parley_drvq *q);			\
void fmt##_dev_init(struct parley_devq *q);				\
bool fmt##_dev_peek(struct parley_devq *q);				\
int fmt##_dev_take(struct parley_devq *q, struct parley_chain *chains,	\
		   unsigned int nr);					\
int fmt##_dev_untake(struct parley_devq *q,				\
		     const struct parley_chain *chains, unsigned int nr);	\
int fmt##_dev_complete(struct parley_devq *q,				\
		       const struct parley_chain *chains, unsigned int nr);	\
bool fmt##_dev_publish(struct parley_devq *q);				\
bool fmt##_dev_arm(struct parley_devq *q);				\
void fmt##_dev_disarm(struct parley_devq *q);				\
int fmt##_dev_save(const struct parley_devq *q, u32 *base);		\
int fmt##_dev_load(struct parley_devq *q, u32 base)

VQ_DECLARE(parley_split);
VQ_DECLARE(parley_packed);

/* A predicted branch instead of an indirect call. */
#define vq_by_format(q, verb, ...)					\
	((q)->ring.packed ? parley_packed_##verb((q), ##__VA_ARGS__)	\
			  : parley_split_##verb((q), ##__VA_ARGS__))

/* ring.c */
struct vq_ring_desc {
	const char *name;
	unsigned int index;
	unsigned int size;
	u64 features;
	struct device *dev;
	struct lockdep_map *lock;
};

bool parley_ring_size_ok(unsigned int size, bool packed);
int parley_ring_init(struct vq_ring *r, const struct vq_ring_desc *d);
void parley_ring_break(struct vq_ring *r, const char *fmt, ...) __printf(2, 3) __cold;
void parley_ring_stop(struct vq_ring *r, const char *why);

/* shadow.c: ids, indirect tables and mappings of the driver role */
int parley_shadow_create(struct parley_drvq *q, unsigned int segs);
void parley_shadow_destroy(struct parley_drvq *q);
void parley_shadow_init(struct parley_drvq *q);
void parley_shadow_release(struct parley_drvq *q, struct vq_extra *x);
int parley_shadow_map(struct parley_drvq *q, const struct parley_buf *buf,
		      struct vq_extra *x, gfp_t gfp);
void parley_shadow_unmap(struct parley_drvq *q, struct vq_extra *x);
void *parley_shadow_table(struct parley_drvq *q, unsigned int id,
			  unsigned int n, gfp_t gfp);
bool parley_shadow_show(struct parley_drvq *q, unsigned int id, unsigned int n,
			struct parley_seg *seg);

/* translate.c: addresses of the driver to addresses of ours */
extern const struct parley_region parley_region_none;

int parley_translate_slow(struct parley_devq *q, struct parley_chain *c,
			  unsigned int at, u64 addr, u32 len, u32 perm);

/* access.c: again, after an access to user memory failed */
int parley_user_load(const struct parley_devq *q, u64 *value, unsigned long at,
		     size_t size) __cold;
int parley_user_store(const struct parley_devq *q, u64 value, unsigned long at,
		      size_t size) __cold;

/* debugfs.c */
#ifdef __KERNEL__
void parley_debugfs_init(void);
void parley_debugfs_exit(void);
void parley_debugfs_add_drvq(struct parley_drvq *q);
void parley_debugfs_add_devq(struct parley_devq *q);
void parley_debugfs_remove(struct vq_ring *r);
#else
#define parley_debugfs_add_drvq(q)	((void)(q))
#define parley_debugfs_add_devq(q)	((void)(q))
#define parley_debugfs_remove(r)	((void)(r))
#endif

/* One publication more, and whether the peer wanted to know. */
static __always_inline void vq_count_publish(struct vq_ring *r, bool notify)
{
	r->stats.publishes++;
	if (notify)
		r->stats.notified++;
	else
		r->stats.suppressed++;
}

/* Chains that the device may complete: published and not reaped. */
static __always_inline u16 vq_published(const struct parley_drvq *q)
{
	return q->seq_pub - q->seq_done;
}

/* Chains put and not reaped. */
static __always_inline u16 vq_in_flight(const struct parley_drvq *q)
{
	return q->seq_put - q->seq_done;
}

#endif /* _PARLEY_CORE_RING_H */
