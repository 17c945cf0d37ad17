// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which part of the device an access is about, and the registers.
 *
 * An access of any length is cut into pieces of 1, 2, 4 or 8 bytes, each aligned to
 * its size.  Registers have 4 bytes: a piece of 8 is two of them, the lower first;
 * a shorter one reads its part of a register, and writes nothing, as NVMe has no
 * such access.
 *
 * The table of interrupts and its pending bits are the VMM's, which says what is in
 * them by VFIO_DEVICE_SET_IRQS: here they read as zeroes.
 */
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/unaligned.h>
#include "mdev.h"

/**
 * parley_mdev_region_size() - how large a region is
 * @region: its number, VFIO_PCI_BAR0_REGION_INDEX and so on
 *
 * Context: any.
 * Return: bytes, 0 if there is none.
 */
u64 parley_mdev_region_size(unsigned int region)
{
	switch (region) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		return PARLEY_MDEV_BAR;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return PARLEY_MDEV_CONFIG;
	default:
		return 0;
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_region_size);

/**
 * parley_mdev_access() - what a read or a write of the device's file is about
 * @pos: where in the file
 * @count: bytes
 * @region: the region
 * @at: where in the region
 *
 * Context: any.
 * Return: how many bytes of it there are; 0: none.
 */
size_t parley_mdev_access(u64 pos, size_t count, unsigned int *region, u64 *at)
{
	u64 nr = pos >> PARLEY_MDEV_SHIFT, size;

	*at = pos & (PARLEY_MDEV_OFFSET(1) - 1);
	if (nr >= VFIO_PCI_NUM_REGIONS)
		return 0;
	*region = nr;
	size = parley_mdev_region_size(nr);
	return *at < size ? min_t(u64, count, size - *at) : 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_access);

/**
 * parley_mdev_piece() - how many bytes of an access are dealt with next
 * @at: where
 * @left: bytes of it, not 0
 *
 * Context: any.
 * Return: 1, 2, 4 or 8.
 */
unsigned int parley_mdev_piece(u64 at, size_t left)
{
	unsigned int size = min_t(size_t, rounddown_pow_of_two(left), sizeof(u64));

	while (at % size)
		size /= 2;
	return size;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_piece);

static u32 parley_mdev_reg(struct parley_emu *e, u32 at)
{
	return at < PARLEY_EMU_BAR ? parley_emu_read32(e, at) : 0;
}

/**
 * parley_mdev_bar_read() - the guest reads registers
 * @e: the controller
 * @at: where in BAR 0, in bounds
 * @data: what is there
 * @size: bytes, as parley_mdev_piece() has it
 *
 * Context: process context; may sleep.
 */
void parley_mdev_bar_read(struct parley_emu *e, u32 at, u8 *data, unsigned int size)
{
	u8 reg[sizeof(u32)];

	if (size == sizeof(u64)) {
		parley_mdev_bar_read(e, at, data, sizeof(u32));
		at += sizeof(u32);
		data += sizeof(u32);
		size = sizeof(u32);
	}
	put_unaligned_le32(parley_mdev_reg(e, at & ~3), reg);
	memcpy(data, reg + at % sizeof(u32), size);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_bar_read);

/**
 * parley_mdev_bar_write() - the guest writes registers
 * @e: the controller
 * @at: where in BAR 0, in bounds
 * @data: what
 * @size: bytes, as parley_mdev_piece() has it
 *
 * Context: process context; may sleep, until what the controller has under way is
 *	over.
 */
void parley_mdev_bar_write(struct parley_emu *e, u32 at, const u8 *data,
			   unsigned int size)
{
	for (; size >= sizeof(u32); size -= sizeof(u32)) {
		if (at < PARLEY_EMU_BAR)
			parley_emu_write32(e, at, get_unaligned_le32(data));
		at += sizeof(u32);
		data += sizeof(u32);
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_bar_write);
