/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VMM and its guest in a KUnit test: the test's thread gets an address space
 * of its own, in which the guest's memory and the arguments of the calls lie,
 * and makes the very calls that a VMM makes.
 *
 *	user + VMM_GUEST	the guest's memory, VMM_MEM bytes
 *	user + VMM_LOG		room for a dirty log
 *	user + VMM_ARGS		arguments of calls, and the keep area
 *
 * The accelerator writes VMM_BYTE over all that a request lets it write.
 */
#ifndef _PARLEY_VHOST_TESTS_VMM_H
#define _PARLEY_VHOST_TESTS_VMM_H

#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>
#include "../state.h"
#include "until.h"

#define VMM_GUEST	0ul
#define VMM_MEM		SZ_4M
#define VMM_LOG		(VMM_GUEST + VMM_MEM)
#define VMM_ARGS	(VMM_LOG + SZ_64K)
#define VMM_KEEP	(VMM_ARGS + SZ_32K)
#define VMM_SIZE	(VMM_ARGS + SZ_64K)

#define VMM_QUEUES	2
#define VMM_IOVA	0x7000000000ull		/* where the ring is for the driver */
#define VMM_SOMEBODY	KUIDT_INIT(4711)	/* and not the kernel */
#define VMM_FEATURE	3u	/* two of the device type */
#define VMM_FEATURE_HIGH 66u
#define VMM_FEATURES	BIT_ULL(VMM_FEATURE)
#define VMM_FEATURES_HIGH BIT_ULL(VMM_FEATURE_HIGH - 64)
#define VMM_NUM		16u	/* descriptors of a ring */
#define VMM_BYTE	0xA5

/* Where the ring lies in the guest's memory, unless a test moves it. */
#define VMM_DESC	0x100000ul
#define VMM_AVAIL	(VMM_DESC + 0x1000)
#define VMM_USED	(VMM_DESC + 0x2000)

/**
 * struct vmm - one device, its VMM and its guest
 * @test: the test
 * @dev: device
 * @user: where the VMM's memory begins
 * @avail: chains made available so far
 * @hold: requests wait for vmm_release()
 * @late: they are answered when they are finished, not when they are submitted
 * @quits: the ring is to stop when a request comes
 * @fsuid: as whom the last request was submitted
 * @pid: and by which thread
 * @was_new: what parley_vhost_vq_is_new() said when a ring last started
 * @events: still to be told to the guest, where the ring is one for events
 * @masked: feature that this device does not offer; 0 for none
 * @changes: how often features were changed
 * @has: bits 0 to 63 of them
 * @has_high: VMM_FEATURE_HIGH is one of them
 * @lock: protects @held
 * @held: such requests
 * @nr_held: how many
 */
struct vmm {
	struct kunit *test;
	struct parley_vhost *dev;
	unsigned long user;
	u16 avail;
	bool hold;
	bool late;
	bool quits;
	kuid_t fsuid;
	pid_t pid;
	bool was_new;
	unsigned int events;
	unsigned int masked;
	unsigned int changes;
	u64 has;
	bool has_high;
	spinlock_t lock;
	struct list_head held;
	int nr_held;
};

/* A piece of a chain: guest memory that the device reads, or writes. */
struct vmm_piece {
	u64 addr;
	u32 len;
	bool write;
};

struct vmm *vmm_open(struct kunit *test);	/* with an owner */
struct vmm *vmm_open_somebody(struct kunit *test);	/* who is VMM_SOMEBODY */
struct vmm *vmm_open_events(struct kunit *test);	/* its rings are pulled */
/* So many events for the guest; the worker is not at it. */
void vmm_events(struct vmm *v, unsigned int nr);
void vmm_close(struct vmm *v);	/* the test's end does it as well */
/* With requests that wait for vmm_release(), by somebody else. */
void vmm_close_held(struct vmm *v);
void vmm_poke(struct vmm *v, unsigned long at, const void *buf, size_t len);
void vmm_peek(struct vmm *v, unsigned long at, void *buf, size_t len);

/* The calls; an argument of the VMM's memory for those without @arg. */
long vmm_call(struct vmm *v, unsigned int cmd, void *arg);
long vmm_call_at(struct vmm *v, unsigned int cmd, unsigned long at);
long vmm_state(struct vmm *v, unsigned int cmd, u32 index, u32 num);
long vmm_mem(struct vmm *v, const struct vhost_memory_region *r, u32 nr);
long vmm_addr(struct vmm *v, u64 base, u32 flags);
long vmm_enable(struct vmm *v, u32 on);
u32 vmm_base(struct vmm *v);
/* To the device IOMMU: VHOST_IOTLB_*, for reads and writes. */
ssize_t vmm_iotlb(struct vmm *v, u8 type, u64 iova, u64 size, u64 at);

/* Features, all memory in one region, and the ring where it usually lies. */
void vmm_set_up(struct vmm *v, u64 features);
/* The same, and the ring runs. */
void vmm_start(struct vmm *v, u64 features);

void vmm_send(struct vmm *v, const struct vmm_piece *p, unsigned int nr);
/* The same without a word to the device. */
void vmm_send_quietly(struct vmm *v, const struct vmm_piece *p, unsigned int nr);
/* Eight bytes for the device to write; has it? */
void vmm_send_one(struct vmm *v, u64 at);
bool vmm_answered(struct vmm *v, unsigned long at);
u16 vmm_used(struct vmm *v);	/* entries of the used ring */
bool vmm_wait(struct vmm *v);	/* until all that was sent is used */
void vmm_release(struct vmm *v);
void vmm_release_one(struct vmm *v);
struct parley_vhost_req *vmm_held(struct vmm *v);	/* the first one */

/* The release, some time later and by another thread. */
struct vmm_later {
	struct delayed_work work;
	struct vmm *v;
};

void vmm_release_in(struct vmm *v, struct vmm_later *later, unsigned int ms);
void vmm_release_later(struct vmm *v, struct vmm_later *later);	/* soon */
void vmm_release_wait(struct vmm_later *later);	/* now; after it, @later may go */
struct parley_vhost_vq *vmm_vq(struct vmm *v);

#endif /* _PARLEY_VHOST_TESTS_VMM_H */
