/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a controller as bytes, to be carried to another machine.
 *
 * This is an ABI: Documentation/vfio-migration.rst has it in words, and how it may be
 * changed.  All numbers are little endian.  A head, and then sections: each has a type,
 * a length and a checksum of all bytes so far (CRC-32, seeded with ones, of everything
 * but the checksums themselves).  The types ascend, and the last one is
 * PARLEY_STATE_END.
 *
 * Who receives it takes it as hostile: it is copied first, and what is used of the copy
 * is checked as if the guest had asked for it.
 */
#ifndef _PARLEY_EMU_STATE_H
#define _PARLEY_EMU_STATE_H

#include <linux/errno.h>
#include <linux/types.h>

struct parley_emu;

#define PARLEY_STATE_MAGIC	"ParlNVMe"
#define PARLEY_STATE_VERSION	1
/* There is no longer one. */
#define PARLEY_STATE_MAX	4096

/* Types of sections.  Those above PARLEY_STATE_DISK are the controller's. */
enum {
	PARLEY_STATE_DEVICE = 1,
	PARLEY_STATE_DISK,
	PARLEY_STATE_CONFIG,
	PARLEY_STATE_NAME,
	PARLEY_STATE_REGS,
	PARLEY_STATE_FEATURES,
	PARLEY_STATE_EVENTS,
	PARLEY_STATE_CQS,
	PARLEY_STATE_SQS,
	PARLEY_STATE_SHADOW,
	PARLEY_STATE_TYPES,
	PARLEY_STATE_END = 0xffff
};

struct parley_state_head {
	u8 magic[8];
	__le32 version;
	__le32 zero;
} __packed;

struct parley_state_section {
	__le16 type;
	__le16 zero;
	__le32 len;
	__le32 crc;
} __packed;

/* PARLEY_STATE_DEVICE: which device it is on its bus. */
struct parley_state_device {
	__le16 vendor;
	__le16 device;
	__le16 subvendor;
	__le16 subdevice;
	__le16 vectors;
	__le16 zero;
} __packed;

/* PARLEY_STATE_DISK: what there is behind the controller, and what it says of itself. */
struct parley_state_disk {
	__le64 first;
	__le64 blocks;
	__le32 block_size;
	__le32 nsid;
	__le32 queues;
	__le32 most;
	__le32 says;
	u8 serial[20];
} __packed;

#define PARLEY_STATE_CONFIG_LEN	256
#define PARLEY_STATE_NAME_LEN	20

/* PARLEY_STATE_REGS */
struct parley_state_regs {
	__le64 asq;
	__le64 acq;
	__le32 cc;
	__le32 csts;
	__le32 aqa;
	__le32 masked;
	__le32 kato;
	__le16 events_due;
	__le16 events_told;
} __packed;

/* PARLEY_STATE_FEATURES: any number of these, in ascending order. */
struct parley_state_feature {
	__le32 fid;
	__le32 value;
} __packed;

/* PARLEY_STATE_EVENTS: numbers of commands that wait for one, as the guest wrote them. */
struct parley_state_event {
	u8 cid[2];
} __packed;

/* PARLEY_STATE_CQS: completion queues, in ascending order. */
struct parley_state_cq {
	__le64 base;
	__le16 id;
	__le16 size;
	__le16 tail;
	__le16 phase;
	__le16 vector;
	__le16 interrupts;
	__le32 head;
} __packed;

/* PARLEY_STATE_SQS: submission queues, in ascending order. */
struct parley_state_sq {
	__le64 base;
	__le16 id;
	__le16 size;
	__le16 head;
	__le16 cq;
	__le32 tail;
	__le32 zero;
} __packed;

/* PARLEY_STATE_SHADOW: where the guest has doorbells in its memory, if it has. */
struct parley_state_shadow {
	__le64 bells;
	__le64 events;
} __packed;

/**
 * struct parley_state_out - a state that is being written
 * @data: where it goes, PARLEY_STATE_MAX bytes
 * @len: bytes that there are
 * @crc: checksum of them
 */
struct parley_state_out {
	u8 *data;
	size_t len;
	u32 crc;
};

/**
 * struct parley_state_part - a section of a state that is read
 * @data: what is in it, or NULL if it is not there
 * @len: bytes of it
 */
struct parley_state_part {
	const void *data;
	u32 len;
};

/* A state is wrong: for a caller that returns what this does. */
static inline int parley_state_no(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

/* section.c */
void parley_state_begin(struct parley_state_out *out, u8 *data);
int parley_state_put(struct parley_state_out *out, u16 type, const void *data, u32 len);
int parley_state_parse(const u8 *data, size_t len, struct parley_state_part *part,
		       const char **why);

/* state.c */
void parley_emu_stop(struct parley_emu *e);
void parley_emu_go(struct parley_emu *e);
int parley_state_disk_of(struct parley_emu *e, struct parley_state_disk *disk);
int parley_state_disk_check(const struct parley_state_disk *own,
			  const struct parley_state_disk *other, const char **why);
int parley_emu_save(struct parley_emu *e, struct parley_state_out *out);
int parley_emu_load(struct parley_emu *e, const struct parley_state_part *part,
		    const char **why);

#endif /* _PARLEY_EMU_STATE_H */
