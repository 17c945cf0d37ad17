// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space, as PCI wants it of an NVMe controller (class 010802).
 *
 * It is a table of fields, each with what it reads as after a reset and what of it
 * may be written; what is not in the table reads as 0.  Much of it is of no
 * consequence here: whether the guest reaches the registers, and where, its VMM
 * sees to.  Three writes have one:
 *
 *	Initiate FLR	all is as after power-on
 *	D3hot to D0	the controller is, this space stays
 *	D1, D2		are not written: there are none
 */
#include <linux/bits.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "mdev.h"

#define PARLEY_MDEV_BAR_MASK	((u32)~(PARLEY_MDEV_BAR - 1))

/* A field: where it is, how many bytes, what it reads as, what may be written. */
struct parley_mdev_field {
	u8 at;
	u8 size;
	u32 value;
	u32 mask;
};

static const struct parley_mdev_field parley_mdev_fields[] = {
	{ PCI_COMMAND, 2, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
	  PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE },
	{ PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0 },
	{ PCI_CLASS_PROG, 1, PCI_CLASS_STORAGE_EXPRESS & 0xff, 0 },
	{ PCI_CLASS_DEVICE, 2, PCI_CLASS_STORAGE_EXPRESS >> 8, 0 },
	{ PCI_CACHE_LINE_SIZE, 1, 0, 0xff },
	{ PCI_BASE_ADDRESS_0, 4, PCI_BASE_ADDRESS_MEM_TYPE_64, PARLEY_MDEV_BAR_MASK },
	{ PCI_BASE_ADDRESS_1, 4, 0, U32_MAX },
	{ PCI_CAPABILITY_LIST, 1, PARLEY_MDEV_PM, 0 },
	{ PCI_INTERRUPT_LINE, 1, 0, 0xff },
	{ PCI_INTERRUPT_PIN, 1, 1, 0 },

	{ PARLEY_MDEV_PM + PCI_CAP_LIST_ID, 1, PCI_CAP_ID_PM, 0 },
	{ PARLEY_MDEV_PM + PCI_CAP_LIST_NEXT, 1, PARLEY_MDEV_MSIX, 0 },
	{ PARLEY_MDEV_PM + PCI_PM_PMC, 2, 3, 0 },
	{ PARLEY_MDEV_PM + PCI_PM_CTRL, 2, 0, PCI_PM_CTRL_STATE_MASK },

	/* With the number of vectors, see parley_mdev_config_reset(). */
	{ PARLEY_MDEV_MSIX + PCI_CAP_LIST_ID, 1, PCI_CAP_ID_MSIX, 0 },
	{ PARLEY_MDEV_MSIX + PCI_CAP_LIST_NEXT, 1, PARLEY_MDEV_EXP, 0 },
	{ PARLEY_MDEV_MSIX + PCI_MSIX_FLAGS, 2, 0,
	  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL },
	{ PARLEY_MDEV_MSIX + PCI_MSIX_TABLE, 4, PARLEY_MDEV_TABLE, 0 },
	{ PARLEY_MDEV_MSIX + PCI_MSIX_PBA, 4, PARLEY_MDEV_PBA, 0 },

	{ PARLEY_MDEV_EXP + PCI_CAP_LIST_ID, 1, PCI_CAP_ID_EXP, 0 },
	{ PARLEY_MDEV_EXP + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_ENDPOINT << 4, 0 },
	{ PARLEY_MDEV_EXP + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR, 0 },
	{ PARLEY_MDEV_EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_RELAX_EN |
	  PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B,
	  PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
	  PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN |
	  PCI_EXP_DEVCTL_READRQ },
	{ PARLEY_MDEV_EXP + PCI_EXP_LNKCAP, 4, PCI_EXP_LNKCAP_SLS_2_5GB |
	  1 << PCI_EXP_LNKSTA_NLW_SHIFT, 0 },
	{ PARLEY_MDEV_EXP + PCI_EXP_LNKCTL, 2, 0, PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC },
	{ PARLEY_MDEV_EXP + PCI_EXP_LNKSTA, 2, PCI_EXP_LNKSTA_CLS_2_5GB |
	  PCI_EXP_LNKSTA_NLW_X1, 0 },
	{ PARLEY_MDEV_EXP + PCI_EXP_LNKCAP2, 4, PCI_EXP_LNKCAP2_SLS_2_5GB, 0 },
	{ PARLEY_MDEV_EXP + PCI_EXP_LNKCTL2, 2, PCI_EXP_LNKCTL2_TLS_2_5GT, 0 },
};

static void parley_mdev_put(u8 *to, u8 size, u32 value)
{
	for (; size; size--, value >>= 8)
		*to++ = value;
}

/**
 * parley_mdev_config_reset() - as after power-on
 * @c: the space
 *
 * Context: any; the caller serialises.
 */
void parley_mdev_config_reset(struct parley_mdev_config *c)
{
	const struct parley_mdev_field *f;

	memset(c->byte, 0, sizeof(c->byte));
	memset(c->mask, 0, sizeof(c->mask));
	for (f = parley_mdev_fields;
	     f < parley_mdev_fields + ARRAY_SIZE(parley_mdev_fields); f++) {
		parley_mdev_put(c->byte + f->at, f->size, f->value);
		parley_mdev_put(c->mask + f->at, f->size, f->mask);
	}
	put_unaligned_le16(c->ids.vendor, c->byte + PCI_VENDOR_ID);
	put_unaligned_le16(c->ids.device, c->byte + PCI_DEVICE_ID);
	put_unaligned_le16(c->ids.subvendor, c->byte + PCI_SUBSYSTEM_VENDOR_ID);
	put_unaligned_le16(c->ids.subdevice, c->byte + PCI_SUBSYSTEM_ID);
	put_unaligned_le16(c->vectors - 1, c->byte + PARLEY_MDEV_MSIX + PCI_MSIX_FLAGS);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_config_reset);

/**
 * parley_mdev_config_init() - a space as after power-on
 * @c: the space
 * @ids: what the device says it is
 * @vectors: of its MSI-X table, not 0
 *
 * Context: any; the caller serialises.
 */
void parley_mdev_config_init(struct parley_mdev_config *c,
			     const struct parley_mdev_ids *ids, unsigned int vectors)
{
	BUILD_BUG_ON(PARLEY_MDEV_BAR & (PARLEY_MDEV_BAR - 1));
	BUILD_BUG_ON(PARLEY_MDEV_VECTORS * PCI_MSIX_ENTRY_SIZE >
		     PARLEY_MDEV_PBA - PARLEY_MDEV_TABLE);
	c->ids = *ids;
	c->vectors = vectors;
	parley_mdev_config_reset(c);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_config_init);

/**
 * parley_mdev_config_read() - the guest reads it
 * @c: the space
 * @at: where, in bounds
 * @data: what is there
 * @len: bytes
 *
 * Context: any; the caller serialises.
 */
void parley_mdev_config_read(const struct parley_mdev_config *c, unsigned int at,
			     u8 *data, size_t len)
{
	for (; len; len--, at++)
		*data++ = at < PARLEY_MDEV_HEADER ? c->byte[at] : 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_config_read);

/**
 * parley_mdev_config_raise() - whether the pin is raised is in the status
 * @c: the space
 * @raised: whether it is
 *
 * Context: any; the caller serialises.
 */
void parley_mdev_config_raise(struct parley_mdev_config *c, bool raised)
{
	c->byte[PCI_STATUS] &= ~PCI_STATUS_INTERRUPT;
	if (raised)
		c->byte[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_config_raise);

/**
 * parley_mdev_config_no_pin() - whether the guest has disabled the pin
 * @c: the space
 *
 * Context: any; the caller serialises.
 * Return: true if so; one that uses MSI-X uses no pin either.
 */
bool parley_mdev_config_no_pin(const struct parley_mdev_config *c)
{
	return (get_unaligned_le16(c->byte + PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE) ||
	       (get_unaligned_le16(c->byte + PARLEY_MDEV_MSIX + PCI_MSIX_FLAGS) &
		PCI_MSIX_FLAGS_ENABLE);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_config_no_pin);

/**
 * parley_mdev_config_fits() - whether it could be another device's space
 * @c: the space
 * @byte: the other one's, PARLEY_MDEV_HEADER bytes
 *
 * Context: any; the caller serialises.
 * Return: whether what cannot be written is the same in both, and what can be is one of
 *	its values.
 */
bool parley_mdev_config_fits(const struct parley_mdev_config *c, const u8 *byte)
{
	u8 power = byte[PARLEY_MDEV_PM + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK;
	unsigned int at;

	for (at = 0; at < PARLEY_MDEV_HEADER; at++)
		if ((byte[at] ^ c->byte[at]) & ~c->mask[at])
			return false;
	return power == (__force u8)PCI_D0 || power == (__force u8)PCI_D3hot;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_config_fits);

/**
 * parley_mdev_config_load() - become what another device's space was
 * @c: the space
 * @byte: the other one's, which fits
 *
 * Context: any; the caller serialises.
 */
void parley_mdev_config_load(struct parley_mdev_config *c, const u8 *byte)
{
	memcpy(c->byte, byte, sizeof(c->byte));
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_config_load);

/* The byte with the power state was written: whether that is the way back to D0. */
static bool parley_mdev_power(u8 *state, u8 was)
{
	u8 is = *state & PCI_PM_CTRL_STATE_MASK;

	was &= PCI_PM_CTRL_STATE_MASK;
	if (is == (__force u8)PCI_D1 || is == (__force u8)PCI_D2)
		*state = (*state & ~PCI_PM_CTRL_STATE_MASK) | was;
	return was == (__force u8)PCI_D3hot && is == (__force u8)PCI_D0;
}

/**
 * parley_mdev_config_write() - the guest writes it
 * @c: the space
 * @at: where, in bounds
 * @data: what
 * @len: bytes
 *
 * Context: any; the caller serialises.
 * Return: whether the controller is to be reset.
 */
bool parley_mdev_config_write(struct parley_mdev_config *c, unsigned int at,
			      const u8 *data, size_t len)
{
	bool reset = false, flr = false;
	u8 was;

	for (; len && at < PARLEY_MDEV_HEADER; len--, at++, data++) {
		was = c->byte[at];
		c->byte[at] = (was & ~c->mask[at]) | (*data & c->mask[at]);
		if (at == PARLEY_MDEV_PM + PCI_PM_CTRL)
			reset |= parley_mdev_power(&c->byte[at], was);
		if (at == PARLEY_MDEV_EXP + PCI_EXP_DEVCTL + 1)
			flr = *data & (PCI_EXP_DEVCTL_BCR_FLR >> 8);
	}
	if (flr)
		parley_mdev_config_reset(c);
	return reset || flr;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_config_write);
