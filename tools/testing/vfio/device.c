// SPDX-License-Identifier: GPL-2.0-only
/* The device and its guest. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "device.h"

/* Registers of NVMe. */
enum { CC = 0x14, CSTS = 0x1c, AQA = 0x24, ASQ = 0x28, ACQ = 0x30, DOORBELLS = 0x1000 };
#define ENABLE		0x460001u
#define READY		1u
/* Commands. */
enum { CREATE_SQ = 1, CREATE_CQ = 5, STORE = 1, LOAD = 2 };

static void pause_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

static int open_group(const char *folder)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "%s/iommu_group", folder);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return -1;
	link[len] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%s", basename(link));
	return open(path, O_RDWR);
}

const char *device_open(struct device *d, const char *folder)
{
	char *name = strdup(folder);

	memset(d, 0, sizeof(*d));
	d->data_fd = -1;
	d->container = open("/dev/vfio/vfio", O_RDWR);
	d->group = open_group(folder);
	if (d->container < 0 || d->group < 0)
		return "no VFIO";
	if (ioctl(d->group, VFIO_GROUP_SET_CONTAINER, &d->container))
		return "the group has a user";
	if (ioctl(d->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return "no type 1";
	d->fd = ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, basename(name));
	free(name);
	if (d->fd < 0)
		return "it is not handed out";
	d->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (d->memory == MAP_FAILED)
		return "no memory";
	return device_map(d, 0, BASE, SIZE, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE) ?
		"its memory is refused" : NULL;
}

int device_map(struct device *d, uint64_t at, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)d->memory + at,
		.iova = iova,
		.size = size,
	};

	return ioctl(d->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int device_unmap(struct device *d, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return ioctl(d->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

int device_reset(struct device *d)
{
	return ioctl(d->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

void device_write(struct device *d, unsigned int region, uint64_t at, uint64_t value,
		  unsigned int size)
{
	if (pwrite(d->fd, &value, size, REGION(region) + at) < 0)
		return;
}

uint64_t device_read(struct device *d, unsigned int region, uint64_t at, unsigned int size)
{
	uint64_t value = 0;

	if (pread(d->fd, &value, size, REGION(region) + at) < 0)
		return ~0ull;
	return value;
}

static uint32_t sq_at(unsigned int queue)
{
	return 2 * queue * PAGE;
}

static uint32_t cq_at(unsigned int queue)
{
	return (2 * queue + 1) * PAGE;
}

void device_enable(struct device *d)
{
	memset(d->memory, 0, 2 * QUEUES * PAGE);
	memset(d->tail, 0, sizeof(d->tail));
	device_write(d, 0, AQA, (DEPTH - 1) * 0x10001, 4);
	device_write(d, 0, ASQ, BASE + sq_at(0), 8);
	device_write(d, 0, ACQ, BASE + cq_at(0), 8);
	device_write(d, 0, CC, ENABLE, 4);
}

void device_command(struct device *d, unsigned int queue, const void *command)
{
	memcpy(d->memory + sq_at(queue) + d->tail[queue] * 64, command, 64);
	d->tail[queue] = (d->tail[queue] + 1) % DEPTH;
	device_write(d, 0, DOORBELLS + 8 * queue, d->tail[queue], 4);
}

/* A command as 16 words. */
static void command(struct device *d, unsigned int queue, uint8_t opcode, uint16_t cid,
		    uint64_t prp1, uint32_t dw10, uint32_t dw11, uint32_t dw12)
{
	uint32_t words[16] = {
		opcode | cid << 16, queue ? 1 : 0, [6] = prp1, prp1 >> 32,
		[10] = dw10, dw11, dw12,
	};

	device_command(d, queue, words);
}

void device_queues(struct device *d)
{
	command(d, 0, CREATE_CQ, 1, BASE + cq_at(1), (DEPTH - 1) << 16 | 1, 1 << 16 | 3, 0);
	command(d, 0, CREATE_SQ, 2, BASE + sq_at(1), (DEPTH - 1) << 16 | 1, 1 << 16 | 1, 0);
}

/* The status of the next answer; -1 if there is none. */
static int answer(struct device *d, unsigned int queue, unsigned int nr)
{
	const uint16_t *at = (uint16_t *)(d->memory + cq_at(queue) + nr * 16 + 14);
	unsigned int ms;
	uint16_t status;

	for (ms = 0; ms < 20000; ms++) {
		status = __atomic_load_n(at, __ATOMIC_ACQUIRE);
		if (status & 1)
			return status >> 1;
		pause_ms(1);
	}
	return -1;
}

static const char *transfers(struct device *d)
{
	uint8_t *out = d->memory + DATA * PAGE, *in = out + PAGE;
	unsigned int i;

	for (i = 0; i < PAGE; i++) {
		out[i] = i * 7 + i / 256;
		in[i] = ~out[i];
	}
	command(d, 1, STORE, 3, BASE + DATA * PAGE, 0, 0, 7);
	if (answer(d, 1, 0))
		return "a write fails";
	command(d, 1, LOAD, 4, BASE + (DATA + 1) * PAGE, 0, 0, 7);
	if (answer(d, 1, 1))
		return "a read fails";
	return memcmp(in, out, PAGE) ? "a read gives other data" : NULL;
}

const char *device_works(struct device *d)
{
	/* Memory that was taken away may be held anew only after a while. */
	if (device_reset(d))
		return "it cannot be reset";
	device_enable(d);
	if (device_read(d, 0, CSTS, 4) != READY)
		return "it is not ready";
	device_queues(d);
	if (answer(d, 0, 0) || answer(d, 0, 1))
		return "it makes no queues";
	return transfers(d);
}
