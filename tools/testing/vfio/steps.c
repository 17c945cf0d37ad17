// SPDX-License-Identifier: GPL-2.0-only
/* What each step does.  What the device says to it does not matter: the kernel judges. */
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "script.h"

enum { BAR = VFIO_PCI_BAR0_REGION_INDEX, CONFIG = VFIO_PCI_CONFIG_REGION_INDEX };

/* Of 1, 2, 4 and 8, whatever a changed script says. */
static unsigned int width(uint64_t number)
{
	return 1u << (number ? __builtin_ctzll(number) % 4 : 0);
}

/* Inside of our memory, with room for so many bytes. */
static uint8_t *mine(struct device *d, uint64_t address, size_t len)
{
	return d->memory + (address - BASE) % (SIZE - len + 1);
}

/* ---------------------------------------------------- as a guest does */

static void do_write(struct device *d, const uint64_t *n)
{
	device_write(d, BAR, n[0], n[2], width(n[1]));
}

static void do_read(struct device *d, const uint64_t *n)
{
	device_read(d, BAR, n[0], width(n[1]));
}

static void do_config(struct device *d, const uint64_t *n)
{
	device_write(d, CONFIG, n[0], n[2], width(n[1]));
}

static void do_look(struct device *d, const uint64_t *n)
{
	device_read(d, CONFIG, n[0], width(n[1]));
}

static void do_ring(struct device *d, const uint64_t *n)
{
	device_write(d, BAR, 0x1000 + 4 * (n[0] % 64), n[1], 4);
}

static void do_poke(struct device *d, const uint64_t *n)
{
	memcpy(mine(d, n[0], 8), &n[1], 8);
}

static void put(struct device *d, unsigned int queue, uint8_t opcode, uint32_t nsid,
		const uint64_t *n)
{
	uint32_t words[16] = {
		opcode, nsid, [6] = n[0], n[0] >> 32, n[1], n[1] >> 32, n[2], n[2] >> 32, n[3],
	};

	device_command(d, queue, words);
}

static void do_admin(struct device *d, const uint64_t *n)
{
	put(d, 0, n[0], n[1], n + 2);
}

static void do_io(struct device *d, const uint64_t *n)
{
	put(d, 1, n[0], 1, n + 1);
}

/* Any 64 bytes. */
static void do_any(struct device *d, const uint64_t *n)
{
	uint8_t command[64];
	struct rng r = { n[1] };
	unsigned int i;

	for (i = 0; i < sizeof(command); i++)
		command[i] = rng_next(&r);
	device_command(d, n[0] % QUEUES, command);
}

/* A list of pages: at, its first entry, how many, how far one from the next. */
static void do_list(struct device *d, const uint64_t *n)
{
	unsigned int nr = n[2] % 512, i;
	uint8_t *to = mine(d, n[0], 8 * 512);
	uint64_t entry;

	for (i = 0; i < nr; i++) {
		entry = n[1] + i * n[3] * PAGE;
		memcpy(to + 8 * i, &entry, 8);
	}
}

static void do_enable(struct device *d, const uint64_t *n)
{
	device_enable(d);
}

static void do_queues(struct device *d, const uint64_t *n)
{
	device_queues(d);
}

static void do_disable(struct device *d, const uint64_t *n)
{
	device_write(d, BAR, 0x14, 0, 4);
}

static void do_flr(struct device *d, const uint64_t *n)
{
	device_write(d, CONFIG, 0x68, 0x8000, 2);
}

static void do_power(struct device *d, const uint64_t *n)
{
	device_write(d, CONFIG, 0x44, n[0], 2);
}

static void do_rest(struct device *d, const uint64_t *n)
{
	nanosleep(&(struct timespec){ .tv_nsec = n[0] % 4 * 1000000L }, NULL);
}

/* ------------------------------------------------------ as a VMM does */

static void do_reset(struct device *d, const uint64_t *n)
{
	device_reset(d);
}

/* A structure with other sizes, flags and indexes than it should have. */
static void do_info(struct device *d, const uint64_t *n)
{
	static const unsigned long calls[] = {
		VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO,
		VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_QUERY_GFX_PLANE,
		VFIO_DEVICE_IOEVENTFD,
	};
	uint32_t words[64] = { n[1], n[2], n[3] };

	ioctl(d->fd, calls[n[0] % (sizeof(calls) / sizeof(calls[0]))], words);
}

/* Index, flags, first, how many, whose descriptors. */
static void do_irqs(struct device *d, const uint64_t *n)
{
	struct {
		struct vfio_irq_set set;
		int32_t data[32];
	} call = {
		.set = {
			.argsz = sizeof(call.set) + 4 * (n[3] % 33),
			.flags = n[1],
			.index = n[0],
			.start = n[2],
			.count = n[3],
		},
	};
	int fds[2] = { eventfd(0, EFD_NONBLOCK), -1 };
	struct rng r = { n[4] };
	unsigned int i;

	for (i = 0; i < 32; i++)
		call.data[i] = rng_below(&r, 8) ? fds[rng_below(&r, 2)] : (int)rng_next(&r);
	ioctl(d->fd, VFIO_DEVICE_SET_IRQS, &call);
	close(fds[0]);
}

/* A doorbell that an eventfd writes, told at once; it may go again. */
static void do_bell(struct device *d, const uint64_t *n)
{
	struct vfio_device_ioeventfd call = {
		.argsz = sizeof(call),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = REGION(BAR) + 0x1000 + 4 * (n[0] % 64),
		.data = n[1],
		.fd = eventfd(1, EFD_NONBLOCK),
	};
	int fd = call.fd;

	ioctl(d->fd, VFIO_DEVICE_IOEVENTFD, &call);
	call.fd = -1;
	if (n[2] & 1)
		ioctl(d->fd, VFIO_DEVICE_IOEVENTFD, &call);
	close(fd);
}

static void do_map(struct device *d, const uint64_t *n)
{
	uint64_t page = n[0] % 16;

	device_map(d, page * PAGE, OTHER + page * PAGE, (1 + n[1] % 16) * PAGE, n[2] & 3);
}

static void do_unmap(struct device *d, const uint64_t *n)
{
	device_unmap(d, OTHER + n[0] % 16 * PAGE, (1 + n[1] % 32) * PAGE);
}

/* Even the memory with the queues. */
static void do_take(struct device *d, const uint64_t *n)
{
	if (!device_unmap(d, BASE, SIZE))
		device_map(d, 0, BASE, SIZE, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

static void do_mmap(struct device *d, const uint64_t *n)
{
	size_t len = (1 + n[1] % 8) * PAGE;
	uint8_t *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd,
			   REGION(n[0] % 10) + n[2] % 8 * PAGE);

	if (at == MAP_FAILED)
		return;
	__atomic_store_n((uint32_t *)(at + n[3] % (len / 4) * 4), (uint32_t)n[3],
			 __ATOMIC_RELAXED);
	munmap(at, len);
}

static void do_feature(struct device *d, const uint64_t *n)
{
	uint64_t words[32] = { (uint32_t)n[1] | n[0] << 32, n[2], n[3] };

	ioctl(d->fd, VFIO_DEVICE_FEATURE, words);
}

/* ------------------------------------------------------- as it moves */

static void do_state(struct device *d, const uint64_t *n)
{
	struct {
		struct vfio_device_feature f;
		struct vfio_device_feature_mig_state state;
	} call = {
		.f = {
			.argsz = sizeof(call),
			.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
		},
		.state.device_state = n[0],
	};

	if (ioctl(d->fd, VFIO_DEVICE_FEATURE, &call) || call.state.data_fd < 0)
		return;
	if (d->data_fd >= 0)
		close(d->data_fd);
	d->data_fd = call.state.data_fd;
}

static void do_save(struct device *d, const uint64_t *n)
{
	ssize_t len = read(d->data_fd, d->saved, sizeof(d->saved));

	if (len > 0)
		d->saved_len = len;
}

/* What was saved last, maybe shorter, maybe with another byte. */
static void do_load(struct device *d, const uint64_t *n)
{
	size_t len = d->saved_len, at;

	if (!len || d->data_fd < 0)
		return;
	if (n[0] & 1)
		len = 1 + n[1] % len;
	at = n[2] % len;
	if (n[0] & 2)
		d->saved[at] ^= n[3];
	if (write(d->data_fd, d->saved, len) < 0)
		return;
}

/* Which pages of an area are written: from when on, and which were. */
static void do_log(struct device *d, const uint64_t *n)
{
	struct vfio_device_feature_dma_logging_range range = {
		.iova = n[1], .length = n[2],
	};
	struct {
		struct vfio_device_feature f;
		struct vfio_device_feature_dma_logging_control control;
	} call = {
		.f = {
			.argsz = sizeof(call),
			.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
		},
		.control = { .page_size = n[0], .num_ranges = n[3], .ranges = (uintptr_t)&range },
	};

	ioctl(d->fd, VFIO_DEVICE_FEATURE, &call);
}

static void do_report(struct device *d, const uint64_t *n)
{
	uint64_t bitmap[64];
	struct {
		struct vfio_device_feature f;
		struct vfio_device_feature_dma_logging_report report;
	} call = {
		.f = {
			.argsz = sizeof(call),
			.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT,
		},
		.report = {
			.iova = n[0], .length = n[1] % (sizeof(bitmap) * 8 + 2) * PAGE,
			.page_size = n[2], .bitmap = (uintptr_t)bitmap,
		},
	};

	ioctl(d->fd, VFIO_DEVICE_FEATURE, &call);
}

const struct kind kinds[] = {
	{ "write", "rwv", 6, do_write },
	{ "read", "rw", 2, do_read },
	{ "config", "cwv", 4, do_config },
	{ "look", "cw", 1, do_look },
	{ "ring", "sv", 4, do_ring },
	{ "poke", "av", 3, do_poke },
	{ "admin", "bsaavv", 14, do_admin },
	{ "io", "baavv", 24, do_io },
	{ "any", "qv", 2, do_any },
	{ "list", "aabs", 4, do_list },
	{ "enable", "", 5, do_enable },
	{ "queues", "", 5, do_queues },
	{ "disable", "", 2, do_disable },
	{ "flr", "", 1, do_flr },
	{ "power", "s", 1, do_power },
	{ "rest", "s", 2, do_rest },
	{ "reset", "", 1, do_reset },
	{ "info", "svvv", 2, do_info },
	{ "irqs", "sssss", 6, do_irqs },
	{ "bell", "sss", 2, do_bell },
	{ "map", "sss", 3, do_map },
	{ "unmap", "ss", 3, do_unmap },
	{ "take", "", 1, do_take },
	{ "mmap", "svsv", 1, do_mmap },
	{ "feature", "vvvv", 2, do_feature },
	{ "state", "s", 3, do_state },
	{ "save", "", 2, do_save },
	{ "load", "svvb", 2, do_load },
	{ "log", "vavs", 1, do_log },
	{ "report", "avv", 1, do_report },
};

const unsigned int nr_kinds = sizeof(kinds) / sizeof(kinds[0]);
