/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mock devices: peers for a front-end's tests, without a virtual machine.
 *
 * A mock is a loopback device with an engine that takes requests, serves them
 * through the type's serve(), and completes them.  It is honest unless told
 * otherwise, and can be told otherwise at any time:
 *
 *	hold	requests are taken and kept until parley_mock_release()
 *	delay	requests are served so many microseconds later
 *	shuffle	requests of a burst are completed in reverse order, unless
 *		VIRTIO_F_IN_ORDER was negotiated
 *	lose	so many interrupts are lost, from now on
 *	lie	one of enum parley_mock_lie
 *
 * A held request is served when it is released: what was not acknowledged was
 * not done either.  Requests that are held when a queue stops are forgotten.
 *
 * parley_mock_rng_create() and parley_mock_blk_create() make mocks of the two
 * types; a test with a front-end of its own calls parley_mock_create().
 */
#ifndef _PARLEY_MOCK_H
#define _PARLEY_MOCK_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <parley/loopback.h>

struct parley_mock;
struct parley_mock_queue;

/**
 * enum parley_mock_lie - how a hostile device completes requests
 * @PARLEY_MOCK_HONEST: as the specification says
 * @PARLEY_MOCK_LEN: the used length is larger than what was writable
 * @PARLEY_MOCK_ID_RANGE: the id is no descriptor of the ring
 * @PARLEY_MOCK_ID_FREE: the id is a descriptor, of no request in flight
 * @PARLEY_MOCK_TWICE: each request is completed a second time
 * @PARLEY_MOCK_JUMP: more completions are announced than the ring has entries
 * @PARLEY_MOCK_STORM: an honest answer, among interrupts without a reason
 */
enum parley_mock_lie {
	PARLEY_MOCK_HONEST,
	PARLEY_MOCK_LEN,
	PARLEY_MOCK_ID_RANGE,
	PARLEY_MOCK_ID_FREE,
	PARLEY_MOCK_TWICE,
	PARLEY_MOCK_JUMP,
	PARLEY_MOCK_STORM,
};

/* Interrupts for each completion under PARLEY_MOCK_STORM. */
#define PARLEY_MOCK_STORM_CALLS	200

/**
 * struct parley_mock_req - one request that a mock has taken
 * @chain: of the core; serve() sets its @written
 * @mq: its queue
 * @node: in the queue's list
 * @iov: the translated pieces, as many as struct parley_mock_config said
 */
struct parley_mock_req {
	struct parley_chain chain;
	struct parley_mock_queue *mq;
	struct list_head node;
	struct parley_iov iov[];
};

/**
 * struct parley_mock_ops - what makes a type of device
 * @serve: do what the request says and set req->chain.written; process
 *	context, serialised per queue
 * @config_write: as in struct parley_loopback_ops
 * @status: likewise
 * @reset: likewise
 */
struct parley_mock_ops {
	void (*serve)(struct parley_mock *mock, struct parley_mock_req *req);
	void (*config_write)(struct parley_mock *mock, unsigned int offset,
			     const void *buf, unsigned int len);
	u8 (*status)(struct parley_mock *mock, u8 status);
	int (*reset)(struct parley_mock *mock);
};

/**
 * struct parley_mock_config - how to make a mock
 * @type: virtio device type
 * @features: on offer
 * @config: device configuration
 * @config_len: its bytes
 * @nr_queues: number of queues
 * @queue_size: largest size of each
 * @segs_max: pieces of a request, at most
 * @ops: the type
 * @priv: the type's
 */
struct parley_mock_config {
	u32 type;
	u64 features;
	const void *config;
	unsigned int config_len;
	unsigned int nr_queues;
	unsigned int queue_size;
	unsigned int segs_max;
	const struct parley_mock_ops *ops;
	void *priv;
};

/**
 * struct parley_mock - a mock device
 * @lb: its loopback device, from its first operation on
 * @ops: its type
 * @priv: the type's
 * @segs_max: see struct parley_mock_config
 * @hold: see above; written with WRITE_ONCE() by whoever likes
 * @shuffle: likewise
 * @lie: likewise
 * @delay_us: likewise
 * @lose: see above; counts down
 * @dirty: a ring was handed over with bytes that are not zero where the
 *	driver had nothing to write (catalogue 49)
 * @served: requests served
 * @taken: requests taken
 * @held: requests held now
 * @resets: resets seen
 * @nr_queues: number of @queues
 * @queues: the engine's
 */
struct parley_mock {
	struct parley_loopback *lb;
	const struct parley_mock_ops *ops;
	void *priv;
	unsigned int segs_max;
	bool hold;
	bool shuffle;
	enum parley_mock_lie lie;
	unsigned int delay_us;
	atomic_t lose;
	atomic_t dirty;
	atomic_t served;
	atomic_t taken;
	atomic_t held;
	atomic_t resets;
	unsigned int nr_queues;
	struct parley_mock_queue *queues[];
};

struct parley_mock *parley_mock_create(const struct parley_mock_config *cfg);
void parley_mock_destroy(struct parley_mock *mock);
void parley_mock_release(struct parley_mock *mock);
unsigned int parley_mock_req_queue(const struct parley_mock_req *req);

/* Copy from what the device reads, and to what it writes, at an offset. */
size_t parley_mock_pull(const struct parley_mock_req *req, size_t offset,
			void *buf, size_t len);
size_t parley_mock_push(struct parley_mock_req *req, size_t offset,
			const void *buf, size_t len);

/* -------------------------------------------------------------- entropy */

/* Bytes that the mock gives for one request, however much is asked for. */
#define PARLEY_MOCK_RNG_MAX	4096

struct parley_mock *parley_mock_rng_create(u64 features);
void parley_mock_rng_destroy(struct parley_mock *mock);
u64 parley_mock_rng_given(const struct parley_mock *mock);
u8 parley_mock_rng_byte(u64 n);

/* ---------------------------------------------------------------- block */

struct virtio_blk_config;
struct parley_mock_zone_config;

/**
 * struct parley_mock_blk_config - how to make a mock disk
 * @sectors: capacity in sectors of 512 bytes
 * @queues: number of request queues, at least 1
 * @queue_size: of each
 * @features: ring features and block features to offer; those that need a
 *	configuration field get a sensible one
 * @zoned: optional: the disk is zoned, see mock_zone.h
 * @tweak: optional: spoil the configuration before the driver sees it
 */
struct parley_mock_blk_config {
	u64 sectors;
	unsigned int queues;
	unsigned int queue_size;
	u64 features;
	const struct parley_mock_zone_config *zoned;
	void (*tweak)(struct virtio_blk_config *config);
};

/* What the mock disk knows to do. */
#define PARLEY_MOCK_BLK_FEATURES					\
	(BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) | BIT_ULL(VIRTIO_BLK_F_SEG_MAX) |\
	 BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | BIT_ULL(VIRTIO_BLK_F_FLUSH) |	\
	 BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) |				\
	 BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE) | BIT_ULL(VIRTIO_BLK_F_MQ) |	\
	 BIT_ULL(VIRTIO_BLK_F_DISCARD) |				\
	 BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) |				\
	 BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE))

/* The same with zones: a range of cleared sectors has no place there. */
#define PARLEY_MOCK_ZONED_FEATURES					\
	(BIT_ULL(VIRTIO_BLK_F_ZONED) |					\
	 (PARLEY_MOCK_BLK_FEATURES & ~(BIT_ULL(VIRTIO_BLK_F_DISCARD) |	\
				       BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) | \
				       BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE))))

struct parley_mock_blk;

struct parley_mock_blk *
parley_mock_blk_create(const struct parley_mock_blk_config *cfg);
void parley_mock_blk_destroy(struct parley_mock_blk *blk);
struct parley_mock *parley_mock_blk_mock(struct parley_mock_blk *blk);
void *parley_mock_blk_data(struct parley_mock_blk *blk);
unsigned int parley_mock_blk_count(struct parley_mock_blk *blk, u32 type);
void parley_mock_blk_fail(struct parley_mock_blk *blk, u64 sector, u64 sectors,
			  u8 status);
void parley_mock_blk_resize(struct parley_mock_blk *blk, u64 sectors);

#endif /* _PARLEY_MOCK_H */
