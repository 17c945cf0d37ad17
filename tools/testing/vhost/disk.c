// SPDX-License-Identifier: GPL-2.0-only
/* Disks to serve. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "disk.h"

#define CONFIGFS	"/sys/kernel/config/nullb"
#define FAST		"vmm-fast"
#define SLOW		"vmm-slow"
#define DOOMED		"vmm-doomed"
#define POLLED		"vmm-polled"
#define LIMITED		"vmm-limited"
#define LATE		"vmm-late"
#define STEADY		"vmm-steady"
#define LARGE_MIB	4096
#define ZEROES		"/sys/module/parley_vhost_blk/parameters/zero_by_writing"
#define FILE_PATH	"/tmp/vmm-disk"
#define LARGE_PATH	"/tmp/vmm-large"
#define SLOW_NS		"4000000"
#define LATE_NS		"100000000"	/* DISK_LATE_MS */

static bool set(const char *disk, const char *name, const char *value)
{
	char path[200];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), CONFIGFS "/%s/%s", disk, name);
	fd = open(path, O_WRONLY);
	n = fd < 0 ? -1 : write(fd, value, strlen(value));
	if (n < 0)
		printf("# %s: cannot write %s: %s\n", path, value, strerror(errno));
	if (fd >= 0)
		close(fd);
	return n > 0;
}

static void drop(const char *disk)
{
	char path[200];

	snprintf(path, sizeof(path), CONFIGFS "/%s", disk);
	if (access(path, F_OK))
		return;
	set(disk, "power", "0");
	rmdir(path);
}

static bool make(const char *disk, const char *nsec)
{
	char path[200], mib[20];

	drop(disk);
	snprintf(path, sizeof(path), CONFIGFS "/%s", disk);
	if (mkdir(path, 0755)) {
		printf("# %s: %s (modprobe null_blk nr_devices=0?)\n", path,
		       strerror(errno));
		return false;
	}
	snprintf(mib, sizeof(mib), "%u", DISK_MIB);
	if (!set(disk, "size", mib) || !set(disk, "memory_backed", "1") ||
	    !set(disk, "blocksize", "512") || !set(disk, "discard", "1") ||
	    !set(disk, "submit_queues", "2") || !set(disk, "poll_queues", "1"))
		return false;
	if (nsec && (!set(disk, "irqmode", "2") ||
		     !set(disk, "completion_nsec", nsec)))
		return false;
	return set(disk, "power", "1");
}

bool disk_make_all(void)
{
	int fd = open(FILE_PATH, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, DISK_MIB << 20)) {
		printf("# %s: %s\n", FILE_PATH, strerror(errno));
		return false;
	}
	close(fd);
	return make(FAST, NULL) && make(SLOW, SLOW_NS);
}

void disk_drop_all(void)
{
	drop(FAST);
	drop(SLOW);
	drop(DOOMED);
	drop(POLLED);
	drop(LIMITED);
	drop(LATE);
	drop(STEADY);
	unlink(LARGE_PATH);
	unlink(FILE_PATH);
}

const char *disk_fast(void)
{
	return "/dev/" FAST;
}

const char *disk_slow(void)
{
	return "/dev/" SLOW;
}

const char *disk_file(void)
{
	return FILE_PATH;
}

const char *disk_polled(void)
{
	must(make(POLLED, LATE_NS), "no disk to poll");
	return "/dev/" POLLED;
}

/* It keeps nothing, and so may be large. */
static void make_endless(const char *disk, const char *name, const char *value)
{
	char path[200], mib[20];

	drop(disk);
	snprintf(path, sizeof(path), CONFIGFS "/%s", disk);
	snprintf(mib, sizeof(mib), "%u", LARGE_MIB);
	must(!mkdir(path, 0755) && set(disk, "size", mib) &&
	     set(disk, "blocksize", "512") && set(disk, name, value), "no disk %s", disk);
}

const char *disk_limited(void)
{
	make_endless(LIMITED, "mbps", "100");
	must(set(LIMITED, "power", "1"), "no disk of 100 MB a second");
	return "/dev/" LIMITED;
}

const char *disk_late(void)
{
	make_endless(LATE, "irqmode", "2");
	must(set(LATE, "completion_nsec", LATE_NS) && set(LATE, "hw_queue_depth", "1024") &&
	     set(LATE, "power", "1"), "no disk that is late");
	return "/dev/" LATE;
}

const char *disk_steady(void)
{
	make_endless(STEADY, "irqmode", "2");
	must(set(STEADY, "completion_nsec", DISK_STEADY_NS) &&
	     set(STEADY, "hw_queue_depth", "256") && set(STEADY, "power", "1"),
	     "no disk that is steady");
	return "/dev/" STEADY;
}

const char *disk_large_file(void)
{
	int fd = open(LARGE_PATH, O_RDWR | O_CREAT, 0600);

	must(fd >= 0 && !ftruncate(fd, (off_t)LARGE_MIB << 20), "%s: %s", LARGE_PATH,
	     strerror(errno));
	close(fd);
	return LARGE_PATH;
}

void disk_zeroes(bool on)
{
	int fd = open(ZEROES, O_WRONLY);

	must(fd >= 0 && write(fd, on ? "Y" : "N", 1) == 1, "%s: %s", ZEROES,
	     strerror(errno));
	close(fd);
}

const char *disk_doomed(void)
{
	must(make(DOOMED, SLOW_NS), "no disk to remove");
	return "/dev/" DOOMED;
}

bool disk_remove(void)
{
	return set(DOOMED, "power", "0");
}

u64 disk_sectors_written(const char *disk)
{
	unsigned long long written = 0;
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", disk + strlen("/dev/"));
	f = fopen(path, "r");
	must(f && fscanf(f, "%*u %*u %*u %*u %*u %*u %llu", &written) == 1,
	     "no %s", path);
	fclose(f);
	return written;
}

bool disk_bad(u64 first, u64 last)
{
	char text[60];

	snprintf(text, sizeof(text), "+%llu-%llu", (unsigned long long)first,
		 (unsigned long long)last);
	return set(FAST, "badblocks", last ? text : "-0-32767");
}
