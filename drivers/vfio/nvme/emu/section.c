// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a state is made of: a head and sections, see state.h.
 *
 * Nothing is known here of what a section means, but how long it may be.  What was
 * read and accepted is a head of this version, sections of known types, each at most
 * once and in their order, all that have to be there, an end, and nothing behind it.
 */
#include <linux/crc32.h>
#include <linux/string.h>
#include <parley/export.h>
#include "rooms.h"
#include "state.h"

/* Bytes of a section's head that its checksum covers. */
#define PNE_COVERED	offsetof(struct parley_state_section, crc)

/* Bytes of an entry, and how many there are at least and at most. */
struct pne_kind {
	u32 entry;
	u32 least;
	u32 most;
};

static const struct pne_kind pne_kinds[PARLEY_STATE_TYPES] = {
	[PARLEY_STATE_DEVICE] = { sizeof(struct parley_state_device), 1, 1 },
	[PARLEY_STATE_DISK] = { sizeof(struct parley_state_disk), 1, 1 },
	[PARLEY_STATE_CONFIG] = { PARLEY_STATE_CONFIG_LEN, 1, 1 },
	[PARLEY_STATE_NAME] = { PARLEY_STATE_NAME_LEN, 1, 1 },
	[PARLEY_STATE_REGS] = { sizeof(struct parley_state_regs), 1, 1 },
	[PARLEY_STATE_FEATURES] = { sizeof(struct parley_state_feature), 0,
				    PARLEY_EMU_FEATURES },
	[PARLEY_STATE_EVENTS] = { sizeof(struct parley_state_event), 0, PARLEY_EMU_EVENTS },
	[PARLEY_STATE_CQS] = { sizeof(struct parley_state_cq), 0, PARLEY_EMU_QUEUES },
	[PARLEY_STATE_SQS] = { sizeof(struct parley_state_sq), 0, PARLEY_EMU_QUEUES },
	[PARLEY_STATE_SHADOW] = { sizeof(struct parley_state_shadow), 0, 1 },
};

/**
 * parley_state_begin() - begin to write a state
 * @out: the state
 * @data: where it goes, PARLEY_STATE_MAX bytes
 *
 * Context: any.
 */
void parley_state_begin(struct parley_state_out *out, u8 *data)
{
	struct parley_state_head head = {
		.magic = PARLEY_STATE_MAGIC,
		.version = cpu_to_le32(PARLEY_STATE_VERSION),
	};

	memcpy(data, &head, sizeof(head));
	out->data = data;
	out->len = sizeof(head);
	out->crc = crc32_le(~0, data, sizeof(head));
}
PARLEY_EXPORT(parley_state_begin);

/**
 * parley_state_put() - one more section
 * @out: the state
 * @type: of the section
 * @data: what is in it
 * @len: bytes of that
 *
 * Context: any.
 * Return: 0, or -ENOSPC and nothing was written.
 */
int parley_state_put(struct parley_state_out *out, u16 type, const void *data, u32 len)
{
	struct parley_state_section head = {
		.type = cpu_to_le16(type),
		.len = cpu_to_le32(len),
	};
	u8 *at = out->data + out->len;

	if (len > PARLEY_STATE_MAX || sizeof(head) + len > PARLEY_STATE_MAX - out->len)
		return -ENOSPC;
	out->crc = crc32_le(out->crc, (u8 *)&head, PNE_COVERED);
	out->crc = crc32_le(out->crc, data, len);
	head.crc = cpu_to_le32(out->crc);
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), data, len);
	out->len += sizeof(head) + len;
	return 0;
}
PARLEY_EXPORT(parley_state_put);

static int pne_head(const struct parley_state_head *head, const char **why)
{
	if (memcmp(head->magic, PARLEY_STATE_MAGIC, sizeof(head->magic)))
		return parley_state_no(why, "is no state of such a device");
	if (le32_to_cpu(head->version) != PARLEY_STATE_VERSION)
		return parley_state_no(why, "is of a version that is not known here");
	return head->zero ? parley_state_no(why, "has something in a field that is kept free") : 0;
}

static int pne_fits(u16 type, u32 len, const char **why)
{
	const struct pne_kind *kind = pne_kinds + type;

	if (!type || type >= PARLEY_STATE_TYPES)
		return parley_state_no(why, "has a section of a type that is not known here");
	if (len % kind->entry || len < kind->least * kind->entry ||
	    len > kind->most * kind->entry)
		return parley_state_no(why, "has a section of a length that cannot be");
	return 0;
}

static int pne_complete(const struct parley_state_part *part, const char **why)
{
	unsigned int type;

	for (type = 1; type < PARLEY_STATE_TYPES; type++)
		if (!part[type].data)
			return parley_state_no(why, "lacks a section");
	return 0;
}

/* One section, whole or not; *@len is how long it is. */
static int pne_section(const u8 *data, size_t left, u32 *crc, u16 last, u16 *type,
		       u32 *len, const char **why)
{
	const struct parley_state_section *head = (const void *)data;
	int err = 0;

	if (left < sizeof(*head))
		return -EAGAIN;
	*type = le16_to_cpu(head->type);
	*len = le32_to_cpu(head->len);
	if (head->zero)
		return parley_state_no(why, "has something in a field that is kept free");
	if (*type != PARLEY_STATE_END)
		err = pne_fits(*type, *len, why);
	else if (*len)
		err = parley_state_no(why, "has something in its end");
	if (!err && *type <= last)
		err = parley_state_no(why, "has sections in another order, or twice");
	if (err)
		return err;
	if (left - sizeof(*head) < *len)
		return -EAGAIN;
	*crc = crc32_le(*crc, data, PNE_COVERED);
	*crc = crc32_le(*crc, data + sizeof(*head), *len);
	return le32_to_cpu(head->crc) == *crc ? 0 : parley_state_no(why, "was altered on its way");
}

/**
 * parley_state_parse() - which sections a state has
 * @data: it, as far as it has come, in memory that nobody else writes
 * @len: bytes of that
 * @part: where the sections are, by type, PARLEY_STATE_TYPES of them
 * @why: what is wrong with it
 *
 * Context: any.
 * Return: 0; -EAGAIN: so far it is right, and there must be more of it; -EINVAL: it
 *	is wrong, whatever comes.
 */
int parley_state_parse(const u8 *data, size_t len, struct parley_state_part *part,
		       const char **why)
{
	size_t at = sizeof(struct parley_state_head);
	u16 type = 0, last = 0;
	u32 crc, size;
	int err;

	memset(part, 0, PARLEY_STATE_TYPES * sizeof(*part));
	*why = "has not come as a whole";
	if (len < at)
		return -EAGAIN;
	err = pne_head((const void *)data, why);
	for (crc = crc32_le(~0, data, at); !err; at += size) {
		err = pne_section(data + at, len - at, &crc, last, &type, &size, why);
		if (err)
			break;
		at += sizeof(struct parley_state_section);
		if (type == PARLEY_STATE_END)
			return at == len ? pne_complete(part, why) :
					   parley_state_no(why, "has something behind its end");
		part[type].data = data + at;
		part[type].len = size;
		last = type;
	}
	return err;
}
PARLEY_EXPORT(parley_state_parse);
