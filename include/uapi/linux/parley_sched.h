/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The paravirtual scheduling device: what a guest and its host tell each other about
 * virtual processors (vCPUs), and what a VMM tells /dev/parley-sched.
 *
 * It is a virtio device of our own.  Documentation/sched-abi.rst is its specification;
 * everything is little-endian, and reserved fields are zero and ignored.
 */
#ifndef _UAPI_LINUX_PARLEY_SCHED_H
#define _UAPI_LINUX_PARLEY_SCHED_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/vhost.h>

/*
 * Of no virtio device: those are given out from 1 on and have come to a few dozens.  It
 * does not fit the numbers of PCI functions (0x1040 to 0x107f), where none may be
 * invented: a transport that is to carry it names it in its own way.
 */
#define PARLEY_SCHED_DEVICE_ID		0x5053

/* Feature bits. */
#define PARLEY_SCHED_F_YIELD		0	/* requests YIELD and BOOST */
#define PARLEY_SCHED_F_HINTS		1	/* the guest's records are read */
#define PARLEY_SCHED_F_CLOCK		2	/* there is an area with the host's clock */
#define PARLEY_SCHED_F_COUNT		3	/* request COUNT */

#define PARLEY_SCHED_VERSION		1	/* of the areas below */
#define PARLEY_SCHED_VCPUS_MAX		1024

/**
 * struct parley_sched_config - configuration space
 * @version_min: oldest version of areas that the host knows
 * @version_max: newest
 * @nr_vcpus: vCPUs of the guest; they are numbered from 0 on
 * @budget_us: time that may go to vCPUs by request
 * @period_us: in any period of this length
 * @reserved: for what comes
 */
struct parley_sched_config {
	__le16 version_min;
	__le16 version_max;
	__le32 nr_vcpus;
	__le32 budget_us;
	__le32 period_us;
	__le32 reserved[4];
};

#define PARLEY_SCHED_QUEUE_REQUESTS	0
#define PARLEY_SCHED_QUEUE_AREAS	1

/* ------------------------------------------------- queue 0: requests */

#define PARLEY_SCHED_OP_YIELD		1	/* run @target rather than @vcpu */
#define PARLEY_SCHED_OP_BOOST		2	/* run @target */
#define PARLEY_SCHED_OP_COUNT		3	/* what was counted of @target */

/**
 * struct parley_sched_request - what the device reads
 * @op: PARLEY_SCHED_OP_*
 * @flags: zero
 * @vcpu: which asks
 * @target: which is meant
 * @reserved: zero
 */
struct parley_sched_request {
	__le16 op;
	__le16 flags;
	__le32 vcpu;
	__le32 target;
	__le32 reserved;
};

#define PARLEY_SCHED_S_OK		0
#define PARLEY_SCHED_S_NEEDLESS		1	/* it runs, or it waits for nothing */
#define PARLEY_SCHED_S_BUDGET		2	/* this period's time is spent */
#define PARLEY_SCHED_S_INVAL		3	/* no such vCPU, field or size */
#define PARLEY_SCHED_S_UNSUPP		4	/* no such request */

/**
 * struct parley_sched_reply - what the device writes
 * @status: PARLEY_SCHED_S_*
 */
struct parley_sched_reply {
	__le32 status;
};

#define PARLEY_SCHED_PMCS		4	/* of a vCPU, at most */

/* What is counted, while the vCPU runs the guest's own instructions. */
#define PARLEY_SCHED_PMC_NONE		0
#define PARLEY_SCHED_PMC_CYCLES		1
#define PARLEY_SCHED_PMC_INSTRUCTIONS	2
#define PARLEY_SCHED_PMC_CACHE_REFS	3
#define PARLEY_SCHED_PMC_CACHE_MISSES	4
#define PARLEY_SCHED_PMC_BRANCHES		5
#define PARLEY_SCHED_PMC_BRANCH_MISSES	6

/**
 * struct parley_sched_pmc - one of them
 * @what: PARLEY_SCHED_PMC_*
 * @reserved: zero
 * @value: so many
 * @enabled_ns: time for which it was to count
 * @running_ns: and did; less where others want the same hardware
 */
struct parley_sched_pmc {
	__le32 what;
	__le32 reserved;
	__le64 value;
	__le64 enabled_ns;
	__le64 running_ns;
};

/**
 * struct parley_sched_counted - what the device writes in reply to COUNT
 * @status: PARLEY_SCHED_S_*; if it is not OK, nothing follows
 * @nr: counters that the vCPU has
 * @reserved: zero
 * @counter: these
 */
struct parley_sched_counted {
	__le32 status;
	__le32 nr;
	__le32 reserved[2];
	struct parley_sched_pmc counter[PARLEY_SCHED_PMCS];
};

/* ---------------------------------------------------- queue 1: areas */

/*
 * An area is a buffer that the device keeps: one readable piece, then one writable piece,
 * each beginning a page of 4096 bytes.  Both begin with a header and go on with records.
 */
#define PARLEY_SCHED_AREA_ALIGN		4096
#define PARLEY_SCHED_RECORD		64

#define PARLEY_SCHED_AREA_VCPUS		1	/* a record for each vCPU, both ways */
#define PARLEY_SCHED_AREA_CLOCK		2	/* one record: the host's clock */

/**
 * struct parley_sched_guest_header - the first bytes of the readable piece
 * @version: of the records
 * @kind: PARLEY_SCHED_AREA_*
 * @nr: records that follow, in this piece and in the other one
 * @reserved: zero
 *
 * It is read once, when the device takes the buffer.
 */
struct parley_sched_guest_header {
	__le16 version;
	__le16 kind;
	__le32 nr;
	__le32 reserved[14];
};

#define PARLEY_SCHED_AREA_NONE		0	/* the device has not looked at it */
#define PARLEY_SCHED_AREA_SHARED	1	/* records are valid */
#define PARLEY_SCHED_AREA_AGAIN		2	/* given back; make it available again */
#define PARLEY_SCHED_AREA_VERSION	3	/* refused: version or kind unknown */
#define PARLEY_SCHED_AREA_INVAL		4	/* refused: size, alignment, number */
#define PARLEY_SCHED_AREA_EXISTS	5	/* refused: there is one of this kind */
#define PARLEY_SCHED_AREA_FAILED	6	/* refused: the host cannot hold it */

/**
 * struct parley_sched_host_header - the first bytes of the writable piece
 * @status: PARLEY_SCHED_AREA_*
 * @reserved: zero
 */
struct parley_sched_host_header {
	__le32 status;
	__le32 reserved[15];
};

/* Bits of @word of a host's record. */
#define PARLEY_SCHED_W_STATE		0x7ull
#define PARLEY_SCHED_W_BOOSTED		0x8ull	/* it has time of the budget */
#define PARLEY_SCHED_W_CHANGES		32	/* changes of the state: bits 32 to 63 */

#define PARLEY_SCHED_UNKNOWN		0	/* no thread is known for it */
#define PARLEY_SCHED_RUNNING		1
#define PARLEY_SCHED_PREEMPTED		2	/* would run, and another one does */
#define PARLEY_SCHED_ASLEEP		3	/* halted, or the host works for it */
#define PARLEY_SCHED_GONE		4	/* its thread has ended */

/**
 * struct parley_sched_host_record - what the host says of a vCPU
 * @word: state and number of changes, in one word: valid by itself
 * @seq: of what follows: odd while it is written
 * @reserved0: zero
 * @stolen_ns: time that it would have run and did not; never less than before
 * @ran_ns: time that it ran
 * @boosted_ns: time that it ran by request, as charged to the budget
 * @stamp_ns: the host's monotonic clock when this was written
 * @reserved: zero
 */
struct parley_sched_host_record {
	__le64 word;
	__le32 seq;
	__le32 reserved0;
	__le64 stolen_ns;
	__le64 ran_ns;
	__le64 boosted_ns;
	__le64 stamp_ns;
	__le64 reserved[2];
};

/* Bits of @word of a guest's record. */
#define PARLEY_SCHED_H_RUNNABLE		0xffffull	/* threads that would run */
#define PARLEY_SCHED_H_HOLDER		0x10000ull	/* of a lock that others wait for */
#define PARLEY_SCHED_H_URGENCY		20	/* PARLEY_SCHED_U_*: bits 20 to 23 */
#define PARLEY_SCHED_H_NODE		32	/* wanted NUMA node + 1, or 0: bits 32 to 47 */
#define PARLEY_SCHED_H_CHANGES		48	/* changes: bits 48 to 63 */

#define PARLEY_SCHED_U_NONE		0	/* nothing is said */
#define PARLEY_SCHED_U_IDLE		1	/* may wait for everybody */
#define PARLEY_SCHED_U_NORMAL		2
#define PARLEY_SCHED_U_URGENT		3	/* somebody waits for it */

/**
 * struct parley_sched_guest_record - what the guest says of a vCPU
 * @word: all of it, in one word; bits that have no name are zero, and ignored
 * @reserved: zero
 */
struct parley_sched_guest_record {
	__le64 word;
	__le64 reserved[7];
};

/* Parts of @word of the host's clock. */
#define PARLEY_SCHED_C_SEQ		0xffffffffull	/* odd: nothing is said now */
#define PARLEY_SCHED_C_EPOCH		32	/* of which line: bits 32 to 63 */

/**
 * struct parley_sched_host_clock - the host's record of an area of clocks
 * @word: sequence number and epoch, in one word: 0 is nothing yet
 * @counter: what the guest's counter showed, when
 * @ns: the clock showed this
 * @mult: nanoseconds of one turn of the counter,
 * @shift: times two to the power of this
 * @error_ns: the clock was so far at most from the host's when this was written
 * @reserved: zero
 *
 * The clock is @ns + ((counter now - @counter) * @mult >> @shift).
 */
struct parley_sched_host_clock {
	__le64 word;
	__le64 counter;
	__le64 ns;
	__le32 mult;
	__le32 shift;
	__le64 error_ns;
	__le64 reserved[3];
};

/* -------------- calls on /dev/parley-sched, by whoever has the file, owner or not */

/* How many vCPUs there are: before rings run, and once. */
#define PARLEY_SCHED_SET_NR_VCPUS _IOW(VHOST_VIRTIO, 0xC0, __u32)

/**
 * struct parley_sched_vcpu - the thread of a vCPU
 * @index: vCPU
 * @tid: thread as the caller sees it; 0: none any more
 *
 * A thread of the caller's process, or of one over which the caller has CAP_SYS_NICE:
 * else -EPERM.  -EBUSY for a thread that is a vCPU already, -ESRCH for one that there is
 * not, -EINVAL for a vCPU that there is not.
 */
struct parley_sched_vcpu {
	__u32 index;
	__s32 tid;
};

#define PARLEY_SCHED_SET_VCPU _IOW(VHOST_VIRTIO, 0xC1, struct parley_sched_vcpu)

/**
 * struct parley_sched_budget - time for requests of this guest
 * @budget_us: so much, in
 * @period_us: any period of this length
 *
 * 2000 in 500000 unless this was said.  A larger part than that wants CAP_SYS_NICE, and
 * no more than half is given.  0 refuses all requests.
 */
struct parley_sched_budget {
	__u32 budget_us;
	__u32 period_us;
};

#define PARLEY_SCHED_SET_BUDGET _IOW(VHOST_VIRTIO, 0xC2, struct parley_sched_budget)

/**
 * struct parley_sched_steps - how far hints may move a vCPU's nice value
 * @down: by so many below what it was, for many threads; more than 0 wants CAP_SYS_NICE
 * @up: by so many above, for few
 *
 * Both at most 10, and 0 unless this was said: hints have no effect.
 */
struct parley_sched_steps {
	__u32 down;
	__u32 up;
};

#define PARLEY_SCHED_SET_STEPS _IOW(VHOST_VIRTIO, 0xC3, struct parley_sched_steps)

/**
 * struct parley_sched_counts - what was asked for and what came of it
 * @requests: all requests
 * @boosts: that gave a vCPU time
 * @needless: whose target ran, or waited for nothing
 * @refused: for which the budget had nothing left
 * @bad: that made no sense
 * @boosted_ns: time that was charged
 * @areas: areas that were taken
 * @areas_refused: and that were refused
 */
struct parley_sched_counts {
	__u64 requests;
	__u64 boosts;
	__u64 needless;
	__u64 refused;
	__u64 bad;
	__u64 boosted_ns;
	__u64 areas;
	__u64 areas_refused;
};

#define PARLEY_SCHED_GET_COUNTS _IOR(VHOST_VIRTIO, 0xC4, struct parley_sched_counts)

#define PARLEY_SCHED_CLOCK_REALTIME	0x1	/* add what passed since @realtime_ns */

/**
 * struct parley_sched_clock - the guest's clock, for a hand-over
 * @flags: PARLEY_SCHED_CLOCK_*; as read, zero
 * @reserved: zero
 * @ns: what it shows; at most 2^62
 * @realtime_ns: CLOCK_REALTIME of the host at that moment
 * @counter: the guest's counter at that moment; ignored when it is set
 *
 * Reading fails with -ENODATA until the guest or PARLEY_SCHED_SET_CLOCK has started it.
 * When it is set with PARLEY_SCHED_CLOCK_REALTIME, what passed is at most a day, else
 * -ERANGE; time that went backwards is none.
 */
struct parley_sched_clock {
	__u32 flags;
	__u32 reserved;
	__u64 ns;
	__u64 realtime_ns;
	__u64 counter;
};

#define PARLEY_SCHED_GET_CLOCK _IOR(VHOST_VIRTIO, 0xC5, struct parley_sched_clock)
#define PARLEY_SCHED_SET_CLOCK _IOW(VHOST_VIRTIO, 0xC6, struct parley_sched_clock)

#define PARLEY_SCHED_COUNTER_NOW	0x1	/* @offset is what it is now */

/**
 * struct parley_sched_counter - what the guest's counter shows, by the host's
 * @mult: the host's counter times this,
 * @shift: divided by two to the power of this, 0 to 63,
 * @flags: PARLEY_SCHED_COUNTER_*
 * @offset: plus this, modulo 2^64
 *
 * As KVM has it: mult is the vCPU's tsc-scaling-ratio, shift its fraction bits.  1, 0
 * and 0 unless this was said.  -EINVAL for a ratio of less than 1/16 or more than 16.
 *
 * With PARLEY_SCHED_COUNTER_NOW, @offset is by how much the guest's counter differs from
 * the host's at this moment: of one that goes at the host's rate, and is set forward again
 * and again to keep up with another rate, as KVM does without scaling.
 */
struct parley_sched_counter {
	__u64 mult;
	__u32 shift;
	__u32 flags;
	__u64 offset;
};

#define PARLEY_SCHED_SET_COUNTER _IOW(VHOST_VIRTIO, 0xC7, struct parley_sched_counter)

/**
 * struct parley_sched_pmcs - what is to be counted of each vCPU
 * @nr: counters; 0: none any more
 * @what: PARLEY_SCHED_PMC_* of each
 *
 * Of threads that are registered and of those to come, from 0 on.  Fails as
 * perf_event_open() does where the processor cannot count the guest alone; the kernel's
 * log says so, and then there are none.
 */
struct parley_sched_pmcs {
	__u32 nr;
	__u32 what[PARLEY_SCHED_PMCS];
};

#define PARLEY_SCHED_SET_PMCS _IOW(VHOST_VIRTIO, 0xC8, struct parley_sched_pmcs)

#define PARLEY_SCHED_NODES		64	/* of a guest, at most */

/**
 * struct parley_sched_nodes - where a guest's memory is
 * @nr: nodes of the guest; 0: hints move no vCPU to another node
 * @node: the host's node on which each has its memory; -1: on none in particular
 *
 * -EINVAL for more than PARLEY_SCHED_NODES, and for a node that the host does not have.
 */
struct parley_sched_nodes {
	__u32 nr;
	__s32 node[PARLEY_SCHED_NODES];
};

#define PARLEY_SCHED_SET_NODES _IOW(VHOST_VIRTIO, 0xC9, struct parley_sched_nodes)

#endif /* _UAPI_LINUX_PARLEY_SCHED_H */
