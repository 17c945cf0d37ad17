/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtqueue core: one library for both ring formats and both roles.
 *
 * A *driver queue* (struct parley_drvq) belongs to the side that owns the
 * memory: it puts buffers, publishes them, and reaps completions.  A *device
 * queue* (struct parley_devq) belongs to the side that serves them: it takes
 * chains, completes them, and publishes that.
 *
 *	driver role				device role
 *	put      write descriptors		take      fetch, check, translate
 *	publish  one barrier, one index		complete  write used entries
 *	reap     collect completions		publish   one barrier, one index
 *	arm      ask for an interrupt		arm       ask for a kick
 *
 * Batches are the native unit.  Nothing that was put (or completed) is visible
 * to the peer before publish; a caller publishes once at the end of a burst,
 * because each publication costs a barrier and moves the index's cache line
 * between two processors.
 *
 * Trust: the peer may write anything, at any time, into memory that it shares
 * with us.  Whatever decides something is read once, checked, and kept in
 * private memory.  A violation marks the queue *broken*: the reason is said
 * once, every later verb returns -EIO (or nothing), and the owner may recover
 * it with detach and reset.
 *
 * Locking: the core takes no lock.  The owner serialises all verbs of one
 * queue; a queue that is told of its owner's lock (config.lock) asserts with
 * lockdep that it is held.  No verb sleeps, except those that say so.
 */
#ifndef _PARLEY_VIRTQUEUE_H
#define _PARLEY_VIRTQUEUE_H

#include <parley/memory.h>
#include <parley/types.h>

struct device;
struct lockdep_map;

/* Largest ring of either format (spec 2.7, 2.8.10.1). */
#define PARLEY_VQ_SIZE_MAX	32768

/**
 * struct parley_seg - one piece of a driver's buffer
 * @addr: physical address, or the bus address where the buffer is premapped
 * @len: bytes; zero is refused
 */
struct parley_seg {
	u64 addr;
	u32 len;
};

/* The segments of this buffer are bus addresses already; do not map them. */
#define PARLEY_BUF_PREMAPPED	0x1

/**
 * struct parley_buf - one request of the driver role
 * @segs: @n_out segments that the device reads, then @n_in that it writes;
 *	needed only during the call
 * @cookie: what reap hands back; must not be NULL, and is never shown to the
 *	device
 * @n_out: number of device-readable segments
 * @n_in: number of device-writable segments
 * @flags: PARLEY_BUF_*
 */
struct parley_buf {
	const struct parley_seg *segs;
	void *cookie;
	u16 n_out;
	u16 n_in;
	u32 flags;
};

/**
 * struct parley_done - one completion of the driver role
 * @cookie: that of the buffer
 * @len: bytes the device says it wrote, never more than @len_in
 * @len_in: the buffer's device-writable bytes
 */
struct parley_done {
	void *cookie;
	u32 len;
	u32 len_in;
};

/**
 * struct parley_vq_stats - what a queue did since it was made
 * @buffers: buffers put (driver) or chains taken (device)
 * @completed: buffers reaped (driver) or chains completed (device)
 * @publishes: publications, that is barriers and index writes
 * @notified: kicks (driver) or calls (device) that the peer wanted
 * @suppressed: publications for which the peer wanted no notification
 * @interrupts: notifications received from the peer, as told by the owner
 * @errors: violations by the peer, the first of which breaks the queue; and
 *	breaks with a reason of the owner's, of a device that is removed say
 */
struct parley_vq_stats {
	u64 buffers;
	u64 completed;
	u64 publishes;
	u64 notified;
	u64 suppressed;
	u64 interrupts;
	u64 errors;
};

/**
 * struct parley_vq_addr - where the three areas of a ring lie
 * @desc: descriptor table (split) or descriptor ring (packed)
 * @driver: available ring (split) or driver event suppression (packed)
 * @device: used ring (split) or device event suppression (packed)
 *
 * Bus addresses in the driver role, host addresses in the device role.
 */
struct parley_vq_addr {
	u64 desc;
	u64 driver;
	u64 device;
};

/**
 * parley_vq_sizes() - how large the three areas of a ring are (spec 2.7, 2.8.10)
 * @size: descriptors
 * @packed: of the packed format
 * @bytes: filled with those of descriptor, driver and device area
 */
static inline void parley_vq_sizes(size_t size, bool packed, size_t bytes[3])
{
	bytes[0] = size * sizeof(struct vring_desc);
	if (packed) {
		bytes[1] = sizeof(struct vring_packed_desc_event);
		bytes[2] = sizeof(struct vring_packed_desc_event);
	} else {
		bytes[1] = sizeof(struct vring_avail) + sizeof(__virtio16) * (size + 1);
		bytes[2] = sizeof(struct vring_used) + sizeof(__virtio16) +
			   size * sizeof(struct vring_used_elem);
	}
}

/* The lockdep map of a lock, for a queue's configuration. */
#ifdef CONFIG_DEBUG_LOCK_ALLOC
#define PARLEY_LOCK_MAP(lock)	(&(lock)->dep_map)
#else
#define PARLEY_LOCK_MAP(lock)	NULL
#endif

/* ------------------------------------------------------------ driver role */

struct parley_drvq;

/**
 * struct parley_drvq_config - how to make a driver queue
 * @name: for messages and debugfs
 * @index: number of the queue in its device
 * @size: descriptors; a power of two unless VIRTIO_F_RING_PACKED is in
 *	@features
 * @size_max: largest size that parley_drvq_resize() may be asked for; 0: @size
 * @features: negotiated feature bits; the core looks at RING_PACKED,
 *	EVENT_IDX, INDIRECT_DESC, IN_ORDER, NOTIFICATION_DATA,
 *	ACCESS_PLATFORM and ORDER_PLATFORM and ignores the rest
 * @indirect_segs: segments of an indirect table that is kept ready for each
 *	descriptor; longer chains allocate theirs
 * @dev: named in messages; with VIRTIO_F_ACCESS_PLATFORM and no @mem, the
 *	device that does the DMA
 * @mem: how the device reaches memory; copied.  NULL: by the DMA API for @dev
 *	with VIRTIO_F_ACCESS_PLATFORM, directly without
 * @notify: tells the device that buffers were published; returns false if the
 *	device is gone.  Called by parley_drvq_kick() in its context.
 * @broken: optional: the peer broke the rules, or @why was given to
 *	parley_drvq_break(); called once until the next reset, in any context,
 *	also under the owner's lock
 * @priv: for @notify and @broken, see parley_drvq_priv()
 * @lock: optional: lockdep map of the lock that serialises the verbs, see
 *	PARLEY_LOCK_MAP()
 */
struct parley_drvq_config {
	const char *name;
	unsigned int index;
	unsigned int size;
	unsigned int size_max;
	u64 features;
	unsigned int indirect_segs;
	struct device *dev;
	const struct parley_mem *mem;
	bool (*notify)(struct parley_drvq *q, u32 data);
	void (*broken)(struct parley_drvq *q);
	void *priv;
	struct lockdep_map *lock;
};

struct parley_drvq *parley_drvq_create(const struct parley_drvq_config *cfg);
void parley_drvq_destroy(struct parley_drvq *q);

int parley_drvq_put(struct parley_drvq *q, const struct parley_buf *bufs,
		    unsigned int nr, gfp_t gfp);
bool parley_drvq_publish(struct parley_drvq *q);
bool parley_drvq_kick(struct parley_drvq *q);
int parley_drvq_submit(struct parley_drvq *q, const struct parley_buf *buf,
		       gfp_t gfp);
unsigned int parley_drvq_reap(struct parley_drvq *q, struct parley_done *done,
			      unsigned int max);
bool parley_drvq_arm(struct parley_drvq *q, unsigned int after);
void parley_drvq_disarm(struct parley_drvq *q);
bool parley_drvq_pending(const struct parley_drvq *q);

void *parley_drvq_detach(struct parley_drvq *q);
int parley_drvq_reset(struct parley_drvq *q);
int parley_drvq_resize(struct parley_drvq *q, unsigned int size);

void parley_drvq_break(struct parley_drvq *q, const char *why);
bool parley_drvq_broken(const struct parley_drvq *q);
unsigned int parley_drvq_size(const struct parley_drvq *q);
unsigned int parley_drvq_size_max(const struct parley_drvq *q);
unsigned int parley_drvq_free(const struct parley_drvq *q);
u32 parley_drvq_notify_data(const struct parley_drvq *q);
void *parley_drvq_priv(const struct parley_drvq *q);
const struct parley_mem *parley_drvq_mem(const struct parley_drvq *q);
void parley_drvq_addr(const struct parley_drvq *q, struct parley_vq_addr *addr);
void parley_drvq_count_interrupt(struct parley_drvq *q);
const struct parley_vq_stats *parley_drvq_stats(const struct parley_drvq *q);

/* ------------------------------------------------------------ device role */

struct parley_devq;

/**
 * enum parley_space - where the ring's memory is reached by the device role
 * @PARLEY_SPACE_KERNEL: at kernel addresses (loopback, pinned and mapped pages)
 * @PARLEY_SPACE_USER: at user addresses of the current (borrowed) mm
 */
enum parley_space {
	PARLEY_SPACE_KERNEL,
	PARLEY_SPACE_USER,
};

#define PARLEY_MEM_READ		0x1
#define PARLEY_MEM_WRITE	0x2

/**
 * struct parley_region - one contiguous piece of the driver's memory
 * @start: first address as the driver names it
 * @size: bytes, at least 1; @start + @size does not wrap
 * @host: where it begins for us, in the space of the queue's buffers
 * @perm: PARLEY_MEM_*, from the driver's view of what the device may do
 */
struct parley_region {
	u64 start;
	u64 size;
	u64 host;
	u32 perm;
};

/**
 * struct parley_memmap - the driver's memory, handed in by the owner
 * @miss: called when no region covers @addr with @perm.  Returns 0 when the
 *	map now covers it (the look-up is tried again, once), -EAGAIN when it
 *	will later (take stops before that chain), or another error (the queue
 *	breaks).  NULL: every miss breaks the queue.
 * @nr: number of regions
 * @regions: sorted by start, not overlapping
 *
 * The owner keeps the map alive and unchanged while a verb of a queue that
 * uses it runs; @miss may change it.
 */
struct parley_memmap {
	int (*miss)(struct parley_memmap *map, u64 addr, u64 len, u32 perm);
	unsigned int nr;
	struct parley_region *regions;
};

int parley_memmap_check(const struct parley_memmap *map);

/**
 * struct parley_iov - one translated piece of a chain
 * @kern: where it lies, in kernel space
 * @user: where it lies, in user space
 * @addr: the same, as a number
 * @len: bytes, never zero
 *
 * Laid out as struct kvec and struct iovec are, so that an iov_iter can be
 * made over an array of these without a copy.
 */
struct parley_iov {
	union {
		void *kern;
		void __user *user;
		unsigned long addr;
	};
	size_t len;
};

/**
 * struct parley_chain - one request of the device role
 * @iov: set by the caller before take: room for @max pieces.  After it:
 *	@n_out pieces to read, then @n_in to write.
 * @len_out: bytes in the former
 * @len_in: bytes in the latter
 * @len: both
 * @written: set by the caller before complete: bytes written, from the start
 *	of the writable pieces; at most @len_in
 * @max: set by the caller before take, at least 1; a chain of more pieces, or of
 *	more descriptors without a byte, breaks the queue
 * @id: the core's
 * @ndesc: the core's
 * @reads: descriptors that were read for it, empty ones and those of a table
 *	included: what it cost, to be weighed
 * @n_out: pieces that the device reads
 * @n_in: pieces that the device writes
 * @n: both
 * @seq: the core's
 */
struct parley_chain {
	struct parley_iov *iov;
	union {
		struct {
			u32 len_out;
			u32 len_in;
		};
		u32 len[2];
	};
	u32 written;
	u16 max;
	u16 id;
	u16 ndesc;
	u16 reads;
	union {
		struct {
			u16 n_out;
			u16 n_in;
		};
		u16 n[2];
	};
	u16 seq;
};

/**
 * struct parley_devq_config - how to make a device queue
 * @name: for messages and debugfs
 * @index: number of the queue in its device
 * @size: descriptors; a power of two unless packed
 * @features: negotiated feature bits, as for the driver role
 * @space: where @addr lies
 * @map_space: where the map's regions lie: buffers and indirect tables
 * @addr: host addresses of the three areas; alignment as in spec 2.7, 2.8
 * @map: translation of buffer addresses
 * @dev: named in messages; may be NULL
 * @again: optional: called when an access to user memory failed; does it in a
 *	thread's stead that may reach what the current one does not, and returns
 *	what @access returns, or -EFAULT.  May sleep.
 * @lock: optional: lockdep map of the lock that serialises the verbs
 */
struct parley_devq_config {
	const char *name;
	unsigned int index;
	unsigned int size;
	u64 features;
	enum parley_space space;
	enum parley_space map_space;
	struct parley_vq_addr addr;
	struct parley_memmap *map;
	struct device *dev;
	int (*again)(int (*access)(void *arg), void *arg);
	struct lockdep_map *lock;
};

struct parley_devq *parley_devq_create(const struct parley_devq_config *cfg);
void parley_devq_destroy(struct parley_devq *q);

bool parley_devq_peek(struct parley_devq *q);
int parley_devq_take(struct parley_devq *q, struct parley_chain *chains,
		     unsigned int nr);
int parley_devq_untake(struct parley_devq *q, const struct parley_chain *chains,
		       unsigned int nr);
int parley_devq_complete(struct parley_devq *q,
			 const struct parley_chain *chains, unsigned int nr);
bool parley_devq_publish(struct parley_devq *q);
bool parley_devq_arm(struct parley_devq *q);
void parley_devq_disarm(struct parley_devq *q);

int parley_devq_save(const struct parley_devq *q, u32 *base);
int parley_devq_load(struct parley_devq *q, u32 base);
int parley_devq_reset(struct parley_devq *q);
void parley_devq_set_map(struct parley_devq *q, struct parley_memmap *map);

void parley_devq_break(struct parley_devq *q, const char *why);
bool parley_devq_broken(const struct parley_devq *q);
unsigned int parley_devq_size(const struct parley_devq *q);
unsigned int parley_devq_in_flight(const struct parley_devq *q);
void parley_devq_count_kick(struct parley_devq *q);
const struct parley_vq_stats *parley_devq_stats(const struct parley_devq *q);

#ifdef __KERNEL__
/**
 * parley_iov_kvec() - see translated pieces as kernel vectors
 * @iov: pieces of a queue whose buffers lie in kernel space
 *
 * Return: the same array, for iov_iter_kvec().
 */
static inline struct kvec *parley_iov_kvec(struct parley_iov *iov)
{
	return (struct kvec *)iov;
}
#endif

#endif /* _PARLEY_VIRTQUEUE_H */
