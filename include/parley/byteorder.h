/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modern devices are little-endian whatever the processor is.  UAPI types the
 * fields of the split ring and of configurations __virtioNN, for legacy devices
 * whose order is the guest's; these are for the modern ones only.
 */
#ifndef _PARLEY_BYTEORDER_H
#define _PARLEY_BYTEORDER_H

#include <parley/types.h>

static __always_inline u16 vr16_to_cpu(__virtio16 v)
{
	return le16_to_cpu((__force __le16)v);
}

static __always_inline u32 vr32_to_cpu(__virtio32 v)
{
	return le32_to_cpu((__force __le32)v);
}

static __always_inline u64 vr64_to_cpu(__virtio64 v)
{
	return le64_to_cpu((__force __le64)v);
}

static __always_inline __virtio16 cpu_to_vr16(u16 v)
{
	return (__force __virtio16)cpu_to_le16(v);
}

static __always_inline __virtio32 cpu_to_vr32(u32 v)
{
	return (__force __virtio32)cpu_to_le32(v);
}

static __always_inline __virtio64 cpu_to_vr64(u64 v)
{
	return (__force __virtio64)cpu_to_le64(v);
}

#endif /* _PARLEY_BYTEORDER_H */
