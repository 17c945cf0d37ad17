// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM and a virtio-blk driver in one program, to test /dev/parley-blk.
 *
 *	parley-vmm [OPTIONS] GROUP[.TEST]...
 *
 * Needs root, the module parley_vhost_blk, configfs and null_blk.
 */
#include <getopt.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>
#include "disk.h"
#include "fuzz.h"
#include "groups.h"
#include "remote.h"

static const struct group * const groups[] = {
	&group_abi, &group_device, &group_data, &group_log, &group_iotlb,
	&group_hostile, &group_life, &group_limits, &group_place,
	&group_tenants, &group_remote,
	&group_latency, &group_lanes, &group_fuzz,
};

#define NR_GROUPS	(sizeof(groups) / sizeof(groups[0]))

static int usage(int status)
{
	unsigned int i;

	printf("usage: parley-vmm [OPTIONS] GROUP[.TEST]...\n"
	       "  --seed N|random    random numbers begin with N (1)\n"
	       "  --seconds N        how long a fuzzer runs (10)\n"
	       "  --patience N       multiplies every time limit (1)\n"
	       "  --brief            does less of what repeats\n"
	       "  --remote COMMAND   what makes a remote disk, for group remote\n"
	       "  --list             shows the tests\n"
	       "groups:\n");
	for (i = 0; i < NR_GROUPS; i++)
		printf("  %-10s %s\n", groups[i]->name, groups[i]->what);
	return status;
}

static int list(void)
{
	const struct test *t;
	unsigned int i;

	for (i = 0; i < NR_GROUPS; i++)
		for (t = groups[i]->tests; t->name; t++)
			printf("%s.%s\n", groups[i]->name, t->name);
	return 0;
}

static void set_seed(const char *text)
{
	if (!strcmp(text, "random")) {
		if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
			seed = now_ms();
		seed &= 0xffffffff;	/* easier to type */
	} else {
		seed = strtoull(text, NULL, 0);
	}
}

/* Failures of what "GROUP" or "GROUP.TEST" names; -1 if there is none. */
static int run(char *name)
{
	char *dot = strchr(name, '.');
	unsigned int i;

	if (dot)
		*dot++ = 0;
	for (i = 0; i < NR_GROUPS; i++)
		if (!strcmp(groups[i]->name, name))
			return harness_run(groups[i], dot);
	return -1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "patience", required_argument, NULL, 'p' },
		{ "brief", no_argument, NULL, 'b' },
		{ "remote", required_argument, NULL, 'r' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c, ret, failures = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			set_seed(optarg);
			break;
		case 't':
			fuzz_seconds = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			patience = strtoul(optarg, NULL, 0);
			break;
		case 'b':
			brief = true;
			break;
		case 'r':
			remote_command = optarg;
			break;
		case 'l':
			return list();
		default:
			return usage(c == 'h' ? 0 : 2);
		}
	}
	if (optind == argc || !patience)
		return usage(2);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (access("/dev/parley-blk", R_OK | W_OK)) {
		printf("Bail out! /dev/parley-blk: %s\n", strerror(errno));
		return 1;
	}
	if (!disk_make_all()) {
		printf("Bail out! no disks to serve\n");
		return 1;
	}
	printf("# seed %llu\n", (unsigned long long)seed);
	for (; optind < argc; optind++) {
		ret = run(argv[optind]);
		if (ret < 0)
			printf("Bail out! no group %s\n", argv[optind]);
		failures += ret < 0 ? 1 : ret;
	}
	disk_drop_all();
	return failures ? 1 : 0;
}
