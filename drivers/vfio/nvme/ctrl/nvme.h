/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an NVMe controller and its driver say to each other and <linux/nvme.h> has
 * no name for: virtualization management, and the bits of the namespace commands.
 * "NVMe" and a number, here and in the sources, is a section of the NVM Express
 * Base Specification 1.4.
 */
#ifndef _PARLEY_NVME_WIRE_H
#define _PARLEY_NVME_WIRE_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/nvme.h>
#include <linux/types.h>

/* What a register of a function that is no longer there reads as. */
#define PARLEY_NVME_ALL_ONES		U32_MAX

/* Optional admin commands beside those that have names (NVMe 5.15.2.2). */
#define PARLEY_NVME_OACS_FORMAT		BIT(1)
#define PARLEY_NVME_OACS_VIRT		BIT(7)

/* Format NVM: of all namespaces at once, whichever is named (NVMe 5.15.2.2, FNA). */
#define PARLEY_NVME_FNA_ALL		(BIT(0) | BIT(1))
/* Secure Erase Settings, in CDW10 (NVMe 5.23): user data. */
#define PARLEY_NVME_FORMAT_ERASE	BIT(9)

/* Optional commands beside those that have names (NVMe 5.15.2.2). */
#define PARLEY_NVME_ONCS_VERIFY		BIT(7)

/* Of a namespace: what deallocated blocks read as, and whether zeroing may do that. */
#define PARLEY_NVME_DLFEAT_READ		0x7
#define PARLEY_NVME_DLFEAT_ZEROES	0x1
#define PARLEY_NVME_DLFEAT_DEAC		BIT(3)

/* Ranges of a Dataset Management command. */
#define PARLEY_NVME_RANGES_MAX		256

/* Commands take addresses in pages of this size (CC.MPS is 0). */
#define PARLEY_NVME_PAGE		4096

/* Identify: what the kernel has no number for (NVMe 5.15.1). */
#define PARLEY_NVME_CNS_HOLDERS		0x12
#define PARLEY_NVME_CNS_PRIMARY		0x14

/* Virtualization Management (NVMe 5.22): CDW10 is action, kind, controller. */
enum parley_nvme_act {
	PARLEY_NVME_ACT_PRIMARY	= 1,	/* flexible resources of the primary */
	PARLEY_NVME_ACT_OFFLINE	= 7,
	PARLEY_NVME_ACT_ASSIGN	= 8,
	PARLEY_NVME_ACT_ONLINE	= 9,
};

enum parley_nvme_kind {
	PARLEY_NVME_QUEUES,		/* pairs of a submission and a completion queue */
	PARLEY_NVME_INTERRUPTS,
	PARLEY_NVME_KINDS
};

#define PARLEY_NVME_VIRT_CDW10(act, kind, cntlid) \
	((u32)(act) | (u32)(kind) << 8 | (u32)(cntlid) << 16)

/* Namespace Management and Attachment (NVMe 5.20, 5.19): CDW10. */
#define PARLEY_NVME_NS_CREATE		0
#define PARLEY_NVME_NS_DELETE		1
#define PARLEY_NVME_NS_ATTACH		0
#define PARLEY_NVME_NS_DETACH		1

/* Blocks of these sizes are served, as powers of two: what the kernel's disks can have. */
#define PARLEY_NVME_BLOCK_SHIFT_MIN	9
#define PARLEY_NVME_BLOCK_SHIFT_MAX	16

/* All namespaces at once: never meant by anybody who names one. */
#define PARLEY_NVME_NSID_ALL		U32_MAX

/**
 * struct parley_nvme_resources - one kind in the primary's capabilities
 * @total: flexible ones, of all controllers
 * @assigned: of these, to secondaries
 * @primary: of these, to the primary
 * @fixed: of the primary, beside them
 * @most: most that a secondary may have
 * @grain: they are given in multiples of this
 * @rsvd: reserved
 */
struct parley_nvme_resources {
	__le32 total;
	__le32 assigned;
	__le16 primary;
	__le16 fixed;
	__le16 most;
	__le16 grain;
	__u8 rsvd[16];
};

/**
 * struct parley_nvme_primary_wire - Identify, CNS 14h (NVMe 5.15.2.9)
 * @cntlid: the primary
 * @portid: its port
 * @kinds: a bit for each kind that is flexible
 * @rsvd5: reserved
 * @kind: of each enum parley_nvme_kind
 * @rsvd96: reserved
 */
struct parley_nvme_primary_wire {
	__le16 cntlid;
	__le16 portid;
	__u8 kinds;
	__u8 rsvd5[27];
	struct parley_nvme_resources kind[PARLEY_NVME_KINDS];
	__u8 rsvd96[4000];
};

static_assert(sizeof(struct parley_nvme_primary_wire) == NVME_IDENTIFY_DATA_SIZE);

/**
 * struct parley_nvme_secondary_wire - one entry of Identify, CNS 15h
 * @scid: the secondary
 * @pcid: whose it is
 * @state: bit 0: online
 * @rsvd5: reserved
 * @vfn: number of its virtual function; the first is 1
 * @queues: what it has
 * @interrupts: what it has
 * @rsvd14: reserved
 */
struct parley_nvme_secondary_wire {
	__le16 scid;
	__le16 pcid;
	__u8 state;
	__u8 rsvd5[3];
	__le16 vfn;
	__le16 queues;
	__le16 interrupts;
	__u8 rsvd14[18];
};

#define PARLEY_NVME_SECONDARY_ONLINE	BIT(0)
#define PARLEY_NVME_SECONDARIES_MAX	127

/**
 * struct parley_nvme_secondaries_wire - Identify, CNS 15h (NVMe 5.15.2.10)
 * @nr: entries
 * @rsvd1: reserved
 * @entry: in ascending order of @scid
 */
struct parley_nvme_secondaries_wire {
	__u8 nr;
	__u8 rsvd1[31];
	struct parley_nvme_secondary_wire entry[PARLEY_NVME_SECONDARIES_MAX];
};

static_assert(sizeof(struct parley_nvme_secondaries_wire) == NVME_IDENTIFY_DATA_SIZE);

/**
 * struct parley_nvme_ctrl_list - whom a namespace is attached to or taken from
 * @nr: entries
 * @cntlid: the controllers
 */
struct parley_nvme_ctrl_list {
	__le16 nr;
	__le16 cntlid[2047];
};

static_assert(sizeof(struct parley_nvme_ctrl_list) == NVME_IDENTIFY_DATA_SIZE);

#endif /* _PARLEY_NVME_WIRE_H */
