/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vhost library: what every host accelerator stands on.
 *
 * An accelerator (vhost blk, say) knows what its requests mean and nothing
 * else.  The library gives it a character device /dev/parley-NAME that speaks
 * the kernel's vhost ABI, the guest's memory, workers, kicks and calls, polling
 * and moderation, limits, the dirty log and statistics:
 *
 *	VMM --ioctl--> library --open/release/ioctl/config--> accelerator
 *	guest --kick--> worker: take a burst --submit(reqs)--> accelerator;
 *	accelerator --parley_vhost_req_done()--> worker: log, complete, publish,
 *						 call --> guest
 *
 * and for what begins in the back end (a queue that is pulled):
 *
 *	socket --wake--> worker --work()--> accelerator: parley_vhost_pull(), fill,
 *					    parley_vhost_reqs_done() --> as above
 *
 * Phases of a device:
 *
 *	open	   private data is made
 *	owner	   VHOST_SET_OWNER: bound to the memory of the caller; the first
 *		   worker exists
 *	set up	   features, memory table, rings, the accelerator's back end
 *	running	   any ring started, by VHOST_VDPA_SET_VRING_ENABLE or by the
 *		   accelerator: in a call of the VMM with parley_vhost_vq_start(),
 *		   else with parley_vhost_vq_switch() or parley_vhost_vq_ask()
 *	release	   rings stopped, requests finished, workers gone, memory let go
 *
 * Phases of a ring (see the table in drivers/vhost/core/vq.c):
 *
 *	idle -> running	  parley_vhost_vq_start(): the ring's pages are pinned, the
 *			  requests allocated, vq_start() called
 *	running -> idle	  parley_vhost_vq_stop(): nothing more is taken, every
 *			  request in flight is finished and published, then
 *			  vq_stop() is called
 *	running -> broken the guest violated the ring, or its memory went away:
 *			  said once, the VMM told through the error eventfd;
 *			  requests in flight finish but are not published.  Stop
 *			  and start again to recover.  That its owner is being
 *			  killed breaks no ring: it is stopped, and its state kept.
 *
 * A request belongs to the accelerator from submit(), or from parley_vhost_pull(),
 * until it calls parley_vhost_req_done(), exactly once, in any context.
 *
 * What may be in flight is bounded, by number and by bytes, and an accelerator says
 * how (struct parley_vhost_queue_ops): a guest may ask for terabytes in one ring.  What
 * would be too much stays in the ring until something has ended.  One request that
 * is larger than its ring's bound is alone there; it is to be served in steps, and
 * between them the accelerator asks whether it is to stop
 * (parley_vhost_req_leave()).
 *
 * Memory: the pieces of a request (req->chain.iov) are addresses of the guest's
 * memory in the space of the queue: user addresses under the owner's mm, which
 * is current in submit(), or kernel addresses with the loopback transport.  Use
 * the helpers below, which hide which it is.
 *
 * Locking: dev->mutex serialises the VMM's calls; it is held in open, release,
 * ioctl, config and vq_start/vq_stop.  vq->mutex serialises one ring; it is held
 * in finish(), poll(), pending() and recall(), but not in submit(), go_on() and work(),
 * which may wait for a back end: the library sees to it that of all these only one at a
 * time is called for a ring.  Order: dev->mutex, vq->mutex.  parley_vhost_req_done()
 * takes no lock.
 */
#ifndef _PARLEY_VHOST_H
#define _PARLEY_VHOST_H

#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <parley/features.h>
#include <parley/limits.h>
#include <parley/virtqueue.h>

struct bio_vec;
struct cred;
struct file;
struct mem_cgroup;
struct mm_struct;
struct parley_vhost;
struct parley_vhost_vq;
struct pid;
struct sg_table;

/* Most pieces of one request: more than any driver sends that keeps to 254 segments. */
#define PARLEY_VHOST_PIECES	272
/* Most bytes of one request that a scatterlist holds: a guest may ask for 4 GiB. */
#define PARLEY_VHOST_STEP	SZ_4M

/**
 * struct parley_vhost_req - one request of a guest
 * @chain: pieces to read, then pieces to write; see struct parley_chain.  Set
 *	chain.written before parley_vhost_req_done() or in finish().  A device
 *	may have written beyond it (a read that failed half-way), so the dirty
 *	log covers all @chain.len_in bytes.
 * @vq: its ring
 * @done: the library's
 * @next: the library's
 * @busy: the library's: in flight
 * @awaited: the library's: somebody waits for its end
 * @spare: the library's: pulled, and put by
 * @how: the library's
 * @bytes: the library's: what it counts as, see drivers/vhost/core/bound.c
 * @paid: the library's: bytes that limits were paid for it, and one for itself; 0 if
 *	they were not asked
 * @since: the library's: when it was taken, in jiffies
 * @taken: the library's: pulled, among all others that are
 *
 * An accelerator's own part follows: it embeds this as its first member and
 * says so in struct parley_vhost_queue_ops.req_size.
 */
struct parley_vhost_req {
	struct parley_chain chain;
	struct parley_vhost_vq *vq;
	struct llist_node done;
	struct parley_vhost_req *next;
	bool busy;
	bool awaited;
	bool spare;
	u8 how;
	u32 bytes;
	u32 since;
	u64 paid;
	struct list_head taken;
};

/**
 * struct parley_vhost_queue_ops - a kind of queue
 *
 * Of two sorts.  Requests of the guest are *submitted* when it makes them available.
 * Buffers for what comes from elsewhere (packets, events) are *pulled*, in work(),
 * when there is something to put into them: a kind without @submit.  It has work(), and
 * neither @go_on, @poll nor @max_bytes; what it takes it says itself.
 *
 * @req_size: bytes of a request, at least sizeof(struct parley_vhost_req)
 * @pieces: most pieces of a request, at most PARLEY_VHOST_PIECES; more breaks the
 *	ring
 * @max_in_flight: most requests of one ring that are in flight; the ring's size
 *	if that is smaller
 * @max_bytes: most bytes of payload of one ring that are in flight, 0 for any
 *	number
 * @own_bytes: of these, what a ring may have whatever other rings have; at least
 *	one step of a request
 * @framing: bytes of each request that are no payload, and so are not what a limit
 *	or a bound of bytes counts; see also parley_vhost_req_charge()
 * @submit: optional: serve @nr requests: in the ring's worker, which serves nobody else
 *	while it waits here.  Returns how many it took, the first ones, which must
 *	all end in parley_vhost_req_done(); the others go back to the ring.  If it
 *	took any, they may come again at once; if it took none, when a request of
 *	this ring has ended.  So it must take one if nothing of the ring is in
 *	flight; but for a kind with @work, where they come again, too, when the ring
 *	is queued: by what is watched, or by parley_vhost_vq_wake().
 * @finish: optional: a request that was done, before it is logged, completed and
 *	published (or dropped, if the ring broke): under vq->mutex, in the
 *	worker or in who drains the ring.  The place to write to the guest what
 *	no interrupt handler can, a status byte say, to set chain.written, and
 *	to let go of what belongs to the request.  False: the request has
 *	another step, see @go_on.  Called for each request that was submitted;
 *	where the owner's memory is out of reach, the helpers below move 0 bytes.
 * @go_on: with @finish: the next step of a request, as @submit, in the worker or
 *	in who drains the ring; ends in one more parley_vhost_req_done()
 * @poll: optional: look for completions of this ring without waiting; true if
 *	there may be some later (requests are in flight).  Where @finish is
 *	called, under vq->mutex.
 * @work: optional: do what the back end has to be done, and take what it has to say:
 *	in the worker, where @submit is called, in each round: when a ring starts,
 *	when the guest kicked, when a file that is watched became ready
 *	(parley_vhost_vq_watch()), on parley_vhost_vq_wake().  Returns true if
 *	there may be more to do at once, false if whoever brings more will say so.
 * @pending: optional: would @work find something?  For who polls before he sleeps,
 *	often, so it must be cheap: where @finish is called, under vq->mutex.  Without
 *	it, of a kind that is pulled the file that is watched is asked.
 * @recall: optional: somebody waits for the ring: end, now or soon, each request that
 *	was pulled, with parley_vhost_req_untake() if nothing is to be filled in.
 *	Where @finish is called, under vq->mutex; not beside @work.  Called again
 *	until none is out.  Not needed where work() leaves none unfinished.
 * @cost: optional: bytes that a request costs, for the limits, asked for when it has
 *	ended, after @finish and under the same mutex.  Without it, what is pulled
 *	costs what was written less @framing, and what is submitted costs its
 *	payload, which is asked for before.
 */
struct parley_vhost_queue_ops {
	size_t req_size;
	unsigned int pieces;
	unsigned int max_in_flight;
	u32 max_bytes;
	u32 own_bytes;
	unsigned int framing;
	unsigned int (*submit)(struct parley_vhost_vq *vq,
			       struct parley_vhost_req **reqs, unsigned int nr);
	bool (*finish)(struct parley_vhost_req *req);
	void (*go_on)(struct parley_vhost_req *req);
	bool (*poll)(struct parley_vhost_vq *vq);
	bool (*work)(struct parley_vhost_vq *vq);
	bool (*pending)(struct parley_vhost_vq *vq);
	void (*recall)(struct parley_vhost_vq *vq);
	u64 (*cost)(const struct parley_vhost_req *req);
};

/**
 * struct parley_vhost_driver - an accelerator
 * @name: "blk" makes /dev/parley-blk
 * @owner: THIS_MODULE
 * @device_id: virtio device type
 * @features: feature bits of the type, 0 to 63, that any device of this kind may
 *	have; the library adds those of the ring and of vhost
 * @features_high: likewise, bits 64 to 127
 * @priv_size: bytes of private data of a device, see parley_vhost_priv()
 * @max_queues: most queues of a device
 * @usual_queues: how many it has if its VMM says nothing (PARLEY_VHOST_SET_QUEUES), since
 *	each takes memory; 0 for @max_queues
 * @queue: of which kind the ring of this index is; always the same one
 * @shared_bytes: bytes of payload that all rings of a device may have in flight
 *	beyond their own_bytes; a ring with nothing in flight may have one request
 *	all the same, which is alone there
 * @config_size: bytes of configuration space
 * @open: optional: private data is zeroed
 * @release: optional: its mirror; no ring runs
 * @device_features: optional: drop from @offered what this very device does not
 *	offer now (its back end decides, or whoever made it)
 * @features_changed: optional: VMM and driver agreed upon others, or upon none when an
 *	owner goes; under dev->mutex, no ring runs.  VHOST_F_LOG_ALL alone, which comes
 *	and goes with a migration, is the library's affair.
 * @ready: may rings start?  0, or an error for the VMM
 * @ioctl: optional: calls that are the accelerator's own; -ENOIOCTLCMD for
 *	unknown ones
 * @ioctl_anybody: these are about no memory of a process, so whoever has the file may
 *	make them, also before there is an owner
 * @config_read: fill @config_size bytes, little-endian
 * @config_write: optional: the guest wrote @len bytes at @off
 * @config_queues: optional: say in a copy of the configuration space that there are
 *	so many queues; for who makes a device of it without a VMM.  No lock is held
 * @vq_start: optional: the ring is about to run; may fail
 * @vq_stop: optional: its mirror; nothing is in flight
 */
struct parley_vhost_driver {
	const char *name;
	struct module *owner;
	u32 device_id;
	u64 features;
	u64 features_high;
	size_t priv_size;
	unsigned int max_queues;
	unsigned int usual_queues;
	const struct parley_vhost_queue_ops *(*queue)(unsigned int index);
	u64 shared_bytes;
	unsigned int config_size;
	int (*open)(struct parley_vhost *dev);
	void (*release)(struct parley_vhost *dev);
	void (*device_features)(struct parley_vhost *dev, struct parley_features *offered);
	void (*features_changed)(struct parley_vhost *dev);
	int (*ready)(struct parley_vhost *dev);
	long (*ioctl)(struct parley_vhost *dev, unsigned int cmd,
		      void __user *arg);
	bool ioctl_anybody;
	void (*config_read)(struct parley_vhost *dev, void *config);
	int (*config_write)(struct parley_vhost *dev, unsigned int off,
			    const void *buf, unsigned int len);
	void (*config_queues)(void *config, unsigned int nr);
	int (*vq_start)(struct parley_vhost_vq *vq);
	void (*vq_stop)(struct parley_vhost_vq *vq);
};

/**
 * struct parley_vhost_backend - what a device serves, for its limits
 * @dev: device number, of a disk or of the file system
 * @ino: inode number of a file; 0 for a disk
 * @generation: and its generation
 * @path: how to show it to people
 * @name: name of the device among those that serve it, such as its serial number;
 *	may be empty
 */
struct parley_vhost_backend {
	dev_t dev;
	u64 ino;
	u32 generation;
	const char *path;
	const char *name;
};

int parley_vhost_register(const struct parley_vhost_driver *drv);
void parley_vhost_unregister(const struct parley_vhost_driver *drv);

/* ------------------------------------------------------ for accelerators */

void *parley_vhost_priv(const struct parley_vhost *dev);
u32 parley_vhost_id(const struct parley_vhost *dev);
u64 parley_vhost_features(const struct parley_vhost *dev);
bool parley_vhost_has(const struct parley_vhost *dev, unsigned int bit);
bool parley_vhost_running(const struct parley_vhost *dev);
struct mm_struct *parley_vhost_mm_get(const struct parley_vhost *dev);
void parley_vhost_mm_put(struct mm_struct *mm);
void parley_vhost_config_changed(struct parley_vhost *dev);
int parley_vhost_set_backend(struct parley_vhost *dev,
			     const struct parley_vhost_backend *what);

struct pid *parley_vhost_vq_worker(const struct parley_vhost_vq *vq);
struct parley_vhost *parley_vhost_vq_dev(const struct parley_vhost_vq *vq);
unsigned int parley_vhost_vq_index(const struct parley_vhost_vq *vq);
bool parley_vhost_vq_is_new(const struct parley_vhost_vq *vq);
void *parley_vhost_vq_priv(const struct parley_vhost_vq *vq);
void parley_vhost_vq_set_priv(struct parley_vhost_vq *vq, void *priv);
unsigned int parley_vhost_nr_queues(const struct parley_vhost *dev);
struct parley_vhost_vq *parley_vhost_get_vq(struct parley_vhost *dev,
					    unsigned int index);

/**
 * struct parley_vhost_as - what a thread was before it worked in an owner's place
 * @cred: its credentials
 * @memory: its memory control group, if it had chosen one
 * @now: credentials that it has instead; NULL if nothing was changed
 * @group: memory control group that it has instead
 * @io: its I/O control group is the owner's
 */
struct parley_vhost_as {
	const struct cred *cred;
	struct mem_cgroup *memory;
	const struct cred *now;
	struct mem_cgroup *group;
	bool io;
};

void parley_vhost_as_owner(struct parley_vhost *dev, struct parley_vhost_as *was);
void parley_vhost_as_before(const struct parley_vhost_as *was);
u16 parley_vhost_ioprio(const struct parley_vhost *dev);

int parley_vhost_vq_start(struct parley_vhost_vq *vq);
void parley_vhost_vq_stop(struct parley_vhost_vq *vq);
int parley_vhost_vq_switch(struct parley_vhost_vq *vq, bool on);
void parley_vhost_vq_ask(struct parley_vhost_vq *vq, bool on);
void parley_vhost_hold(struct parley_vhost *dev);
void parley_vhost_drop(struct parley_vhost *dev);
void parley_vhost_vq_wake(struct parley_vhost_vq *vq);
void parley_vhost_vq_error(struct parley_vhost_vq *vq, const char *why);

int parley_vhost_vq_watch(struct parley_vhost_vq *vq, struct file *file, __poll_t events);
void parley_vhost_vq_unwatch(struct parley_vhost_vq *vq);

int parley_vhost_pull(struct parley_vhost_vq *vq, struct parley_vhost_req **reqs,
		      unsigned int nr, u64 bytes);
void parley_vhost_req_untake(struct parley_vhost_req *req);
void parley_vhost_req_done(struct parley_vhost_req *req);
void parley_vhost_reqs_done(struct parley_vhost_req **reqs, unsigned int nr);
void parley_vhost_req_charge(struct parley_vhost_req *req, u64 bytes);
size_t parley_vhost_req_read(struct parley_vhost_req *req, size_t off, void *buf,
			     size_t len);
size_t parley_vhost_req_write(struct parley_vhost_req *req, size_t off,
			      const void *buf, size_t len);
void parley_vhost_req_iter(struct parley_vhost_req *req, unsigned int direction,
			   size_t off, size_t len, struct iov_iter *iter);
bool parley_vhost_reqs_iter(struct parley_vhost_req **reqs, unsigned int nr, size_t len,
			    struct parley_iov *room, unsigned int max,
			    struct iov_iter *iter);
void __user *parley_vhost_req_user(const struct parley_vhost_req *req,
				   unsigned int direction, size_t off, size_t len);

int parley_vhost_req_vecs(const struct parley_vhost_req *req, struct iov_iter *iter,
			  struct bio_vec *vecs, unsigned int room);
void parley_vhost_vecs_put(const struct parley_vhost_req *req, const struct bio_vec *vecs,
			   unsigned int nr, bool dirty);
int parley_vhost_req_sg(struct parley_vhost_req *req, unsigned int direction, size_t off,
			size_t len, struct sg_table *sgt);
void parley_vhost_req_sg_put(const struct parley_vhost_req *req, struct sg_table *sgt,
			     bool dirty);

struct vh_area;

/**
 * struct parley_vhost_area - one direction of a request, kept for long
 * @kern: where it lies, for any context; the guest may change it at any time
 * @len: bytes
 * @pinned: the library's
 */
struct parley_vhost_area {
	void *kern;
	size_t len;
	struct vh_area *pinned;
};

int parley_vhost_area_get(struct parley_vhost_req *req, unsigned int direction,
			  struct parley_vhost_area *area);
void parley_vhost_area_put(struct parley_vhost_area *area);

/**
 * parley_vhost_user_page() - the one page of what parley_vhost_req_user() found
 * @at: first byte
 * @len: bytes
 * @write: they are to be written
 * @page: the page, pinned; where it lies until it is let go of, rather not on the stack
 *
 * Most requests of a disk are one page, so this is short.  The mirror is
 * parley_vhost_user_page_put(), and what is said of parley_vhost_req_vecs() holds.
 *
 * Context: where the address was found; may sleep.
 * Return: false, with @page NULL, if there are more, or it cannot be had so: use
 * parley_vhost_req_vecs(), which knows of more kinds and says what is wrong.
 */
static inline bool parley_vhost_user_page(void __user *at, size_t len, bool write,
					  struct page **page)
{
	if (len > PAGE_SIZE - offset_in_page(at) ||
	    unlikely(pin_user_pages_fast((unsigned long)at & PAGE_MASK, 1,
					 write ? FOLL_WRITE : 0, page) != 1)) {
		*page = NULL;
		return false;
	}
	return true;
}

/* In finish(), say: a page that may have been written (@dirty) is locked to be marked. */
static inline void parley_vhost_user_page_put(struct page **page, bool dirty)
{
	unpin_user_pages_dirty_lock(page, 1, dirty);
	*page = NULL;
}

bool parley_vhost_req_grow(struct parley_vhost_req *req, u64 bytes);
bool parley_vhost_req_alone(const struct parley_vhost_req *req);
bool parley_vhost_req_stopping(const struct parley_vhost_req *req);
bool parley_vhost_req_leave(struct parley_vhost_req *req, u64 rest);

/* ----------------------------- for what brings its own rings (loopback) */

/**
 * struct parley_vhost_ring - a ring that is somebody else's
 * @vq: the device queue, in kernel space; the lender keeps it until
 *	parley_vhost_vq_leave() returns
 * @call: the driver wants a call; any context
 * @priv: for @call
 */
struct parley_vhost_ring {
	struct parley_devq *vq;
	void (*call)(void *priv);
	void *priv;
};

struct parley_vhost *parley_vhost_open(const char *name);
void parley_vhost_close(struct parley_vhost *dev);
struct parley_vhost *parley_vhost_from_file(struct file *file);
const struct parley_vhost_driver *
parley_vhost_driver(const struct parley_vhost *dev);
void parley_vhost_offered(struct parley_vhost *dev, struct parley_features *offered);
int parley_vhost_set_features(struct parley_vhost *dev,
			      const struct parley_features *features);
int parley_vhost_set_owner(struct parley_vhost *dev);
int parley_vhost_config(struct parley_vhost *dev, void *config);
int parley_vhost_config_set(struct parley_vhost *dev, unsigned int off,
			    const void *buf, unsigned int len);
int parley_vhost_on_config_change(struct parley_vhost *dev,
				  void (*changed)(void *priv), void *priv);
int parley_vhost_vq_join(struct parley_vhost_vq *vq,
			 const struct parley_vhost_ring *ring);
void parley_vhost_vq_leave(struct parley_vhost_vq *vq);

#endif /* _PARLEY_VHOST_H */
