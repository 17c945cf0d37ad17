// SPDX-License-Identifier: GPL-2.0-only
/*
 * Around the data: commands of the driver's own, the name, the serial number,
 * the cache mode, geometry.
 */
#include <linux/hdreg.h>
#include "blk.h"

/**
 * parley_blk_command() - have the device fill a buffer
 * @blk: disk
 * @type: VIRTIO_BLK_T_*
 * @sector: what it is about
 * @buf: from kzalloc() or vzalloc(), so that what the device leaves out is zero
 * @len: of @buf
 *
 * Context: may sleep.
 * Return: 0 or an error.
 */
int parley_blk_command(struct parley_blk *blk, u32 type, u64 sector,
		       void *buf, unsigned int len)
{
	struct request_queue *q = blk->disk->queue;
	struct parley_blk_req *req;
	struct request *rq;
	int err;

	rq = blk_mq_alloc_request(q, REQ_OP_DRV_IN, 0);
	if (IS_ERR(rq))
		return PTR_ERR(rq);
	req = blk_mq_rq_to_pdu(rq);
	req->hdr.type = cpu_to_vr32(type);
	req->hdr.ioprio = 0;
	req->hdr.sector = cpu_to_vr64(sector);
	err = blk_rq_map_kern(rq, buf, len, GFP_KERNEL);
	if (!err)
		err = blk_status_to_errno(blk_execute_rq(rq, false));
	blk_mq_free_request(rq);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_command);

static ssize_t serial_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct parley_blk *blk = dev_to_disk(dev)->private_data;
	char *id;
	int ret;

	/* Not from the stack: the device writes into it. */
	id = kzalloc(VIRTIO_BLK_ID_BYTES + 1, GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	ret = parley_blk_command(blk, VIRTIO_BLK_T_GET_ID, 0, id,
				 VIRTIO_BLK_ID_BYTES);
	/* A device without a serial number does not know the command. */
	if (ret == -EOPNOTSUPP || ret == -EIO)
		ret = 0;
	else if (!ret)
		ret = sysfs_emit(buf, "%s\n", id);
	kfree(id);
	return ret;
}
static DEVICE_ATTR_RO(serial);

static const char * const cache_types[] = { "write through", "write back" };

static ssize_t cache_type_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct parley_blk *blk = dev_to_disk(dev)->private_data;

	return sysfs_emit(buf, "%s\n",
			  cache_types[parley_blk_writeback(blk->pd)]);
}

/* How often a reset may come between before a cache mode is given up. */
#define CACHE_TRIES	3

/* Tell the block layer: from now on it flushes, or not. */
static int parley_blk_cache_tell(struct parley_blk *blk, bool writeback)
{
	struct request_queue *q = blk->disk->queue;
	struct queue_limits lim = queue_limits_start_update(q);

	if (writeback)
		lim.features |= BLK_FEAT_WRITE_CACHE;
	else
		lim.features &= ~BLK_FEAT_WRITE_CACHE;
	return queue_limits_commit_update_frozen(q, &lim);
}

/*
 * The device has the last word.  The block layer knows of a cache as long as there
 * may be one: whoever was told that a write is durable relies on it.
 */
static int parley_blk_cache_set(struct parley_blk *blk, u8 wce, bool *writeback)
{
	int err = wce ? parley_blk_cache_tell(blk, true) : 0;

	if (!err)
		err = parley_config_write(blk->pd,
					  offsetof(struct virtio_blk_config, wce),
					  &wce, sizeof(wce));
	if (err)
		return err;
	*writeback = parley_blk_writeback(blk->pd);
	return parley_blk_cache_tell(blk, *writeback);
}

static ssize_t cache_type_store(struct device *dev,
				struct device_attribute *attr,
				const char *buf, size_t count)
{
	struct parley_blk *blk = dev_to_disk(dev)->private_data;
	int type, err, i;
	bool writeback;

	type = sysfs_match_string(cache_types, buf);
	if (type < 0)
		return type;
	for (i = 0; i < CACHE_TRIES; i++) {
		err = parley_blk_cache_set(blk, type, &writeback);
		if (err)
			return err;
		/* Unless the device was reset before the block layer knew. */
		if (parley_blk_writeback(blk->pd) == writeback)
			return count;
	}
	return -EBUSY;
}
static DEVICE_ATTR_RW(cache_type);

static struct attribute *parley_blk_attrs[] = {
	&dev_attr_serial.attr,
	&dev_attr_cache_type.attr,
	NULL
};

static umode_t parley_blk_visible(struct kobject *kobj, struct attribute *attr,
				  int n)
{
	struct device *dev = kobj_to_dev(kobj);
	struct parley_blk *blk = dev_to_disk(dev)->private_data;

	if (attr == &dev_attr_cache_type.attr &&
	    !parley_has_feature(blk->pd, VIRTIO_BLK_F_CONFIG_WCE))
		return 0444;
	return attr->mode;
}

static const struct attribute_group parley_blk_group = {
	.attrs = parley_blk_attrs,
	.is_visible = parley_blk_visible,
};

const struct attribute_group *parley_blk_groups[] = {
	&parley_blk_group,
	NULL
};

/**
 * parley_blk_reapply() - a device that was reset has the cache mode it likes
 * @pd: device, live; its disk is stopped
 *
 * It gets the one back that the block layer counts on.  Writes that are durable
 * once they are acknowledged must not become volatile: a device that refuses
 * that is not usable.
 *
 * Context: may sleep.
 * Return: 0 or an error.
 */
int parley_blk_reapply(struct parley_device *pd)
{
	struct parley_blk *blk = pd->priv;
	u8 wce = blk_queue_write_cache(blk->disk->queue);
	int err;

	if (!parley_has_feature(pd, VIRTIO_BLK_F_CONFIG_WCE))
		return 0;
	err = parley_config_write(pd, offsetof(struct virtio_blk_config, wce),
				  &wce, sizeof(wce));
	if (err || wce || !parley_blk_writeback(pd))
		return err;
	dev_err(&pd->dev, "%s: came back with a volatile cache and keeps it, where none was\n",
		blk->disk->disk_name);
	return -EPROTO;
}

/* Old partitioning tools ask for it; without an answer, what SCSI disks say. */
int parley_blk_getgeo(struct gendisk *disk, struct hd_geometry *geo)
{
	struct parley_blk *blk = disk->private_data;

	if (blk->geo.cylinders && blk->geo.heads && blk->geo.sectors) {
		geo->cylinders = blk->geo.cylinders;
		geo->heads = blk->geo.heads;
		geo->sectors = blk->geo.sectors;
	} else {
		geo->heads = 64;
		geo->sectors = 32;
		geo->cylinders = min(get_capacity(disk) >> 11,
				     (sector_t)U16_MAX);
	}
	return 0;
}

/**
 * parley_blk_name() - the name of a disk
 * @index: which disk, from 0
 * @name: where it goes
 *
 * vdpara to vdparz, vdparaa and so on.  Tools know disks by the beginning of a
 * name, and the disk of a partition by cutting the digits off; so ours begin as
 * virtio disks do and end in letters.  They never meet a name of mainline's
 * driver, which counts to 65,536 disks: vdpara would be its 282,361st.
 */
void parley_blk_name(unsigned int index, char name[DISK_NAME_LEN])
{
	char letters[8];	/* enough for 26^7 disks and more */
	char *first = letters + sizeof(letters) - 1;

	*first = '\0';
	do {
		*--first = 'a' + index % 26;
		index /= 26;
	} while (index--);
	snprintf(name, DISK_NAME_LEN, "vdpar%s", first);
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_name);
