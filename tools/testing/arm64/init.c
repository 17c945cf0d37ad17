// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole user space of the arm64 guest: load every module of /lib in the
 * order of its name, print what the KUnit suites found, switch off.
 *
 * Linked without a C library's shared objects, because the machine that builds
 * it has none for arm64; busybox would have to come from a foreign architecture.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESULTS "/sys/kernel/debug/kunit"

static void load(const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "/lib/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		printf("not ok load %s # %s\n", name, strerror(errno));
	else
		printf("# loaded %s\n", name);
	if (fd >= 0)
		close(fd);
}

/* A suite's KTAP, indented below one result line of ours. */
static void report(const char *suite)
{
	char path[512], line[1024];
	int failed = 0;
	FILE *f;

	snprintf(path, sizeof(path), RESULTS "/%s/results", suite);
	f = fopen(path, "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		failed |= !strncmp(line, "not ok", 6);
		printf("    %s", line);
	}
	fclose(f);
	printf("%sok - %s\n", failed ? "not " : "", suite);
}

static void each(const char *folder, void (*call)(const char *name))
{
	struct dirent **entry;
	int i, n = scandir(folder, &entry, NULL, alphasort);

	if (n < 0)
		printf("not ok %s # %s\n", folder, strerror(errno));
	for (i = 0; i < n; i++) {
		if (entry[i]->d_name[0] != '.')
			call(entry[i]->d_name);
		free(entry[i]);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (mount("proc", "/proc", "proc", 0, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) ||
	    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) ||
	    mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL))
		printf("not ok mount # %s\n", strerror(errno));
	each("/lib", load);
	each(RESULTS, report);
	printf("@END\n");
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
