/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the newest kernel that Parley serves has and older ones lack, down to
 * 6.12: the code is written for the newest, and in a tree of that version this
 * file can go, together with what is inside #ifdef PARLEY_COMPAT_*.
 *
 * One difference, one macro or inline function, oldest last.  The versions are
 * those of the kernel's history; `make check` compiles both ends.
 */
#ifndef _PARLEY_COMPAT_H
#define _PARLEY_COMPAT_H

#include <linux/fs_struct.h>
#include <linux/mm_types.h>
#include <linux/version.h>

/* Not told apart by version, because stable kernels may take it over. */
#ifdef CONFIG_BLOCK
#include <linux/blk-mq.h>

/* The node of blk_mq_ops.init_request became signed. */
#define PARLEY_COMPAT_INIT_REQUEST \
	int (*)(struct blk_mq_tag_set *, struct request *, unsigned int, unsigned int)
#define parley_blk_init_request(set, rq, hctx, node)				\
	parley_blk_init_request(set, rq, hctx, typeof(__builtin_choose_expr(	\
		__same_type(((struct blk_mq_ops *)NULL)->init_request,		\
			    PARLEY_COMPAT_INIT_REQUEST), 0u, 0)) numa)
#endif

/* What limits a device's own appends to zones got a name of its own (6.13). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define max_hw_zone_append_sectors	max_zone_append_sectors
#endif

/* A kernel thread does not see the initial process' files by itself (7.x). */
#ifndef scoped_with_init_fs
#define scoped_with_init_fs()
#endif

/* The flags of a mapping became a structure (7.0). */
#ifndef EMPTY_VMA_FLAGS
#define EMPTY_VMA_FLAGS	0
#endif

#ifdef CONFIG_BLOCK

/* A report of zones was a callback and its data. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0) && defined(CONFIG_BLK_DEV_ZONED)
#define PARLEY_COMPAT_REPORT_ZONES

struct blk_report_zones_args {
	report_zones_cb cb;
	void *data;
};

static inline int disk_report_zone(struct gendisk *disk, struct blk_zone *zone,
				   unsigned int idx,
				   struct blk_report_zones_args *args)
{
	return args ? args->cb(zone, idx, args->data) : 0;
}
#endif

/* A disk's geometry was asked of a block device. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define PARLEY_COMPAT_GETGEO
#endif

/* A request's queue was named beside it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
static inline int parley_compat_map_kern(struct request *rq, void *buf,
					 unsigned int len, gfp_t gfp)
{
	return blk_rq_map_kern(rq->q, rq, buf, len, gfp);
}

#define blk_rq_map_kern		parley_compat_map_kern
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#include <linux/sched/mm.h>

/* Allocations while a queue is frozen were the caller's own affair. */
static inline void parley_compat_unfreeze(struct request_queue *q,
					  unsigned int memflags)
{
	blk_mq_unfreeze_queue(q);
	memalloc_noio_restore(memflags);
}

#define blk_mq_unfreeze_queue	parley_compat_unfreeze

/* To merge requests had to be asked for. */
static inline int parley_compat_alloc_tag_set(struct blk_mq_tag_set *set)
{
	set->flags |= BLK_MQ_F_SHOULD_MERGE;
	return blk_mq_alloc_tag_set(set);
}

#define blk_mq_alloc_tag_set	parley_compat_alloc_tag_set
#endif

#endif /* CONFIG_BLOCK */

/* KUnit's generators of parameters were not told the test. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define PARLEY_COMPAT_KUNIT_GEN
#endif

/* What a region of a device of VFIO is, the driver's ioctl had to say. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#define PARLEY_COMPAT_REGION_INFO

static inline long
parley_compat_region_info(struct vfio_device *vdev, struct vfio_region_info __user *arg,
			  int (*get)(struct vfio_device *, struct vfio_region_info *,
				     struct vfio_info_cap *))
{
	size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_info_cap caps = {};
	struct vfio_region_info info = {};
	size_t size;
	int err;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	err = get(vdev, &info, &caps);
	size = sizeof(info) + caps.size;
	if (!err && caps.size) {
		info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		if (info.argsz >= size) {
			vfio_info_cap_shift(&caps, sizeof(info));
			info.cap_offset = sizeof(info);
			if (copy_to_user((void __user *)arg + sizeof(info), caps.buf, caps.size))
				err = -EFAULT;
		}
		info.argsz = size;
	}
	kfree(caps.buf);
	if (err)
		return err;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}
#endif

/* Whoever reads or writes a binary file of sysfs could have changed what it is. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define PARLEY_COMPAT_BIN_ATTRIBUTE
#endif

/* Who names an address did not say that its size comes with it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define sockaddr_unsized	sockaddr
#endif

/* To map memory as it is, or else not at all, could not be asked for. */
#include <linux/dma-mapping.h>
#ifndef DMA_ATTR_REQUIRE_COHERENT
#define DMA_ATTR_REQUIRE_COHERENT	DMA_ATTR_SKIP_CPU_SYNC

static inline dma_addr_t
parley_compat_map_page(struct device *dev, struct page *page, size_t offset, size_t size,
		       enum dma_data_direction dir, unsigned long attrs)
{
	dma_addr_t dma = dma_map_page_attrs(dev, page, offset, size, dir, attrs);

	if (dma_mapping_error(dev, dma))
		return dma;
#ifdef CONFIG_DMA_NEED_SYNC
	/* Set for a device that is coherent, until a copy is made for it. */
	if (!dev->dma_skip_sync) {
		dma_unmap_page_attrs(dev, dma, size, dir, attrs);
		return DMA_MAPPING_ERROR;
	}
#endif
	return dma;
}

#define dma_map_page_attrs	parley_compat_map_page
#endif

/* That a work queue is bound to processors went without saying. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/workqueue.h>

#define WQ_PERCPU		0
#define system_percpu_wq	system_wq
#define system_dfl_wq		system_unbound_wq
#endif

/* What makes a worker and lets it run had the name of what only makes one now. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#include <linux/kthread.h>

#define kthread_run_worker	kthread_create_worker
#endif

/* The leaves of a hypervisor were found by a function of another name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define cpuid_base_hypervisor	hypervisor_cpuid_base
#endif

/* Features above 63 had no call of their own; the number is the same everywhere. */
#include <linux/vhost.h>
#ifndef VHOST_GET_FEATURES_ARRAY
struct vhost_features_array {
	__u64 count;
	__u64 features[];
};

#define VHOST_GET_FEATURES_ARRAY _IOR(VHOST_VIRTIO, 0x83, struct vhost_features_array)
#define VHOST_SET_FEATURES_ARRAY _IOW(VHOST_VIRTIO, 0x83, struct vhost_features_array)
#endif

/* What a sample says was passed by value. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#include <linux/dim.h>
#define net_dim(dim, sample)	net_dim(dim, *(sample))
#endif

/* How many rings receive was asked among the rules that say where packets go. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define PARLEY_COMPAT_RX_RINGS
#endif

/*
 * So were the fields of which a packet's hash is. Later updates of 6.12 have the new way as
 * well; the old one works in all of them.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define PARLEY_COMPAT_RXFH_FIELDS
#endif

/* A timer's function was set after it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#include <linux/hrtimer.h>

static inline void
hrtimer_setup(struct hrtimer *timer,
	      enum hrtimer_restart (*function)(struct hrtimer *),
	      clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#endif /* _PARLEY_COMPAT_H */
