// SPDX-License-Identifier: GPL-2.0-only
/* The command line and the configuration file. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../include/parley/version.h"
#include "options.h"

static const char usage[] =
"parley-bridge: vhost-user disks whose requests the kernel serves\n"
"\n"
"  parley-bridge --disk socket=PATH,path=PATH[,OPTION]... [--disk ...]\n"
"  parley-bridge --sched socket=PATH,vcpus=N[,OPTION]... [--sched ...]\n"
"  parley-bridge --config FILE\n"
"\n"
"  --disk LIST     serve a disk; LIST is of these, with commas between\n"
"      socket=PATH     listen here for a VMM\n"
"      path=PATH       a block device or an image; a comma in it is written ,,\n"
"      readonly        the guest cannot write; several may read\n"
"      share           do not keep others from it (see the manual page)\n"
"      clients=N       serve N VMMs at a time (1)\n"
"      queues=N        offer N queues (1 to 256; one for each CPU)\n"
"      workers=N       serve them by N kernel threads (1)\n"
"      serial=TEXT     what the guest sees, up to 20 characters\n"
"      poll            poll the device for completions\n"
"      ivshmem=MIB     share so much memory with the guest, see parley_shm (no\n"
"                      vhost-user then)\n"
"      block-size=N    show blocks of 512 or 4096 bytes (512; a disk's own)\n"
"      ops=RATE, bytes=RATE, ops-guaranteed=RATE, bytes-guaranteed=RATE,\n"
"      ops-burst=N, bytes-burst=N   limits and guarantees, as of parley limit\n"
"      mode=OCTAL      permissions of the socket (0660)\n"
"      group=NAME      its group\n"
"      rescan=SECONDS  look for a new size so often (SIGHUP does so at once)\n"
"      user=NAME       the processes that serve it become this user\n"
"      memlock=MIB     memory that each of them may pin (256)\n"
"  --sched LIST    serve a scheduling device; LIST has socket, ivshmem (4 MiB), mode,\n"
"                  group, user and memlock as above, and\n"
"      vcpus=N         of the guest, 1 to 1024; parley sched register says which\n"
"                      threads they are\n"
"      budget=US       microseconds that the guest may ask for (2000) in\n"
"      period=US       so many (500000)\n"
"      steps-down=N, steps-up=N   how far its hints move nice values, 0 to 10 (0)\n"
"  --config FILE   a LIST on each line after the word disk or sched; # comments\n"
"  --version       print the version\n"
"  --help          print this\n"
"\n"
"As QEMU's conventions for back ends ask, for one disk:\n"
"  --socket-path=PATH or --fd=NUMBER, --blk-file=PATH, --read-only,\n"
"  --print-capabilities\n";

static const char capabilities[] =
"{\n"
"  \"type\": \"block\",\n"
"  \"features\": [ \"read-only\", \"blk-file\" ]\n"
"}\n";

/* A number in an option, within bounds. */
static bool number(const char *text, int base, unsigned long min,
		   unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, base);
	return isdigit((unsigned char)*text) && !*end && !errno &&
	       *out >= min && *out <= max;
}

static const char *set_group(struct disk_options *d, const char *name)
{
	struct group *g = getgrnam(name);

	if (g)
		d->gid = g->gr_gid;
	return g ? NULL : "there is no such group; getent group lists them";
}

static const char *set_user(struct disk_options *d, const char *name)
{
	struct passwd *p = getpwnam(name);

	if (!p)
		return "there is no such user; useradd --system makes one";
	d->confine.uid = p->pw_uid;
	d->confine.gid = p->pw_gid;
	return NULL;
}

static const char *set_string(char **out, const char *value)
{
	if (!*value)
		return "it is empty";
	free(*out);
	*out = strdup(value);
	return *out ? NULL : "no memory";
}

static const char *set_serial(struct disk_options *d, const char *value)
{
	if (strlen(value) > DISK_SERIAL)
		return "a serial number has at most 20 characters";
	memcpy(d->serial, value, strlen(value) + 1);
	return NULL;
}

static const char *set_block_size(struct disk_options *d, const char *value)
{
	if (strcmp(value, "512") && strcmp(value, "4096"))
		return "a block has 512 or 4096 bytes";
	d->block_size = (unsigned int)atoi(value);
	return NULL;
}

static const char *no_option(const struct disk_options *d)
{
	return d->kind == KIND_BLK ? "no option of a disk; see --help" :
	       "no option of a scheduling device; see --help";
}

/* A key that stands alone. */
static const char *set_flag(struct disk_options *d, const char *key)
{
	if (!*key)
		return "an option is missing; a comma in a path is written ,,";
	if (d->kind != KIND_BLK)
		return no_option(d);
	if (!strcmp(key, "readonly"))
		d->read_only = true;
	else if (!strcmp(key, "share"))
		d->share = true;
	else if (!strcmp(key, "poll"))
		d->poll = true;
	else
		return no_option(d);
	return NULL;
}

/**
 * struct numeric - an option that is a number
 * @kinds: that have it, a bit for each
 * @key: its name
 * @base: of the number
 * @min: at least
 * @max: at most
 * @where: of an unsigned int in struct disk_options
 * @why: what is wrong with any other value
 */
struct numeric {
	unsigned int kinds;
	const char *key;
	int base;
	unsigned long min;
	unsigned long max;
	size_t where;
	const char *why;
};

#define AT(member)	offsetof(struct disk_options, member)

#define BLK	(1u << KIND_BLK)
#define SCHED	(1u << KIND_SCHED)
#define ANY	(BLK | SCHED)

static const struct numeric numerics[] = {
	{ BLK, "queues", 10, 1, 256, AT(queues), "a number from 1 to 256" },
	{ BLK, "workers", 10, 1, 64, AT(workers), "a number from 1 to 64" },
	{ BLK, "clients", 10, 1, DISK_CLIENTS, AT(clients), "a number from 1 to 64" },
	{ BLK, "rescan", 10, 1, 86400, AT(rescan), "seconds, from 1 to 86400" },
	{ ANY, "ivshmem", 10, 4, 1 << 16, AT(ivshmem),
	  "MiB, a power of two from 4 to 65536" },
	{ ANY, "memlock", 10, 1, 1 << 20, AT(confine.memlock),
	  "MiB, from 1 to 1048576" },
	{ ANY, "mode", 8, 0, 0777, AT(mode), "permissions in octal, 0 to 0777" },
	{ SCHED, "vcpus", 10, 1, PARLEY_SCHED_VCPUS_MAX, AT(vcpus),
	  "a number from 1 to 1024" },
	{ SCHED, "budget", 10, 0, 5000000, AT(budget_us),
	  "microseconds, at most half of period=" },
	{ SCHED, "period", 10, 10000, 10000000, AT(period_us),
	  "microseconds, from 10000 to 10000000" },
	{ SCHED, "steps-down", 10, 0, 10, AT(steps_down), "a number from 0 to 10" },
	{ SCHED, "steps-up", 10, 0, 10, AT(steps_up), "a number from 0 to 10" },
};

static const char *set_number(struct disk_options *d, const char *key,
			      const char *value)
{
	const struct numeric *n;
	unsigned long got;
	unsigned int out;

	for (n = numerics; n < numerics + sizeof(numerics) / sizeof(*n); n++) {
		if (strcmp(key, n->key) || !(n->kinds >> d->kind & 1))
			continue;
		if (!number(value, n->base, n->min, n->max, &got))
			return n->why;
		out = (unsigned int)got;
		memcpy((char *)d + n->where, &out, sizeof(out));
		return NULL;
	}
	return no_option(d);
}

/* One KEY=VALUE, or a KEY alone, whose value is NULL. */
static const char *set_key(struct disk_options *d, const char *key,
			   const char *value)
{
	const char *why;

	if (!value)
		return set_flag(d, key);
	if (!strcmp(key, "socket"))
		return set_string(&d->socket, value);
	if (!strcmp(key, "group"))
		return set_group(d, value);
	if (!strcmp(key, "user"))
		return set_user(d, value);
	if (d->kind != KIND_BLK)
		return set_number(d, key, value);
	if (!strcmp(key, "path"))
		return set_string(&d->path, value);
	if (!strcmp(key, "serial"))
		return set_serial(d, value);
	if (!strcmp(key, "block-size"))
		return set_block_size(d, value);
	why = limit_parse(&d->limits, key, value);
	return why && !*why ? set_number(d, key, value) : why;
}

static void set_defaults(struct disk *disk)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	memset(disk, 0, sizeof(*disk));
	disk->ops = &kernel_real;
	disk->limit = limit_set;
	disk->options.queues = cpus < 1 ? 1 : cpus > 256 ? 256 : cpus;
	disk->options.workers = 1;
	disk->options.clients = 1;
	disk->options.budget_us = 2000;
	disk->options.period_us = 500000;
	disk->options.mode = 0660;
	disk->options.gid = (gid_t)-1;
	disk->options.fd = -1;
	disk->options.confine.uid = (uid_t)-1;
	disk->options.confine.gid = (gid_t)-1;
	disk->options.confine.memlock = CONFINE_MEMLOCK;
	disk->confined = true;
	disk->control = -1;
	disk->listen_fd = -1;
	disk->waiting = -1;
}

static struct disk *add(struct options *o)
{
	struct disk *more = realloc(o->disk, (o->nr + 1) * sizeof(*more));

	if (!more)
		return NULL;
	o->disk = more;
	set_defaults(&o->disk[o->nr]);
	return &o->disk[o->nr++];
}

/* What goes with memory that is shared with the guest, and what does not. */
static const char *fits_ivshmem(const struct disk_options *d)
{
	if (!d->ivshmem)
		return NULL;
	if (d->ivshmem & (d->ivshmem - 1))
		return "ivshmem= is a power of two";
	return d->clients > 1 ? "ivshmem= and clients= do not go together" : NULL;
}

static bool complete(const struct options *o, struct disk_options *d,
		     const char *where)
{
	const char *why = kind_table[d->kind]->complete(d);
	unsigned int i;

	if (!why)
		why = fits_ivshmem(d);
	if (why) {
		say(NULL, "%s: %s", where, why);
		return false;
	}
	if (!d->socket && d->fd < 0) {
		say(NULL, "%s: %s needs socket=", where, kind_table[d->kind]->name);
		return false;
	}
	for (i = 0; i + 1 < o->nr && d->socket; i++)
		if (o->disk[i].options.socket &&
		    !strcmp(o->disk[i].options.socket, d->socket)) {
			say(NULL, "%s: two disks listen on %s", where, d->socket);
			return false;
		}
	return true;
}

/*
 * Cut off the first item of a list: up to a single comma.  Two commas mean one, as
 * in QEMU's options.
 */
static char *cut(char **rest)
{
	char *item = *rest, *from = item, *to = item;

	if (!item)
		return NULL;
	while (*from && (*from != ',' || from[1] == ',')) {
		from += *from == ',';
		*to++ = *from++;
	}
	*rest = *from ? from + 1 : NULL;
	*to = '\0';
	return item;
}

/**
 * options_disk - one device of a comma-separated list
 * @o: added to
 * @kind: of device
 * @text: the list
 * @where: it comes from, for messages
 *
 * Return: false after the reason was said.
 */
bool options_disk(struct options *o, enum kind_id kind, const char *text,
		  const char *where)
{
	char *copy = strdup(text), *rest = copy, *key, *value;
	struct disk *disk = add(o);
	const char *why = NULL;

	if (!copy || !disk)
		say(NULL, "%s: no memory", where);
	else
		disk->options.kind = kind;
	while (copy && disk && !why && (key = cut(&rest))) {
		value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		why = set_key(&disk->options, key, value);
		if (why)
			say(NULL, "%s: '%s%s%s': %s", where, key,
			    value ? "=" : "", value ? value : "", why);
	}
	disk = copy ? disk : NULL;
	free(copy);
	return disk && !why && complete(o, &disk->options, where);
}

/* What stands behind the word of a kind, which is found out; NULL if there is none. */
static const char *behind_word(const char *line, enum kind_id *kind)
{
	size_t len;
	int i;

	for (i = 0; i < KINDS; i++) {
		len = strlen(kind_table[i]->word);
		if (strncmp(line, kind_table[i]->word, len) ||
		    (line[len] != ' ' && line[len] != '\t'))
			continue;
		*kind = (enum kind_id)i;
		return line + len + strspn(line + len, " \t");
	}
	return NULL;
}

/**
 * options_file - the devices of a configuration file
 * @o: added to
 * @path: of the file
 *
 * Return: false after the reason was said.
 */
bool options_file(struct options *o, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, where[256];
	enum kind_id kind;
	const char *list;
	unsigned int n = 0;
	bool good = true;
	size_t size = 0;

	if (!f) {
		say(NULL, "%s: %s", path, strerror(errno));
		return false;
	}
	while (good && getline(&line, &size, f) >= 0) {
		char *at = line + strspn(line, " \t");
		char *end = at + strlen(at);

		n++;
		while (end > at && isspace((unsigned char)end[-1]))
			*--end = '\0';
		if (!*at || *at == '#')
			continue;
		snprintf(where, sizeof(where), "%s:%u", path, n);
		list = behind_word(at, &kind);
		good = list && options_disk(o, kind, list, where);
		if (!list)
			say(NULL, "%s: a line begins with the word disk, or sched", where);
	}
	if (ferror(f)) {
		say(NULL, "%s: %s", path, strerror(errno));
		good = false;
	}
	free(line);
	fclose(f);
	return good;
}

enum {
	O_DISK = 256,
	O_SCHED,
	O_CONFIG,
	O_VERSION,
	O_HELP,
	O_SOCKET,
	O_FD,
	O_FILE,
	O_READ_ONLY,
	O_CAPABILITIES,
};

static const struct option long_options[] = {
	{ "disk", required_argument, NULL, O_DISK },
	{ "sched", required_argument, NULL, O_SCHED },
	{ "config", required_argument, NULL, O_CONFIG },
	{ "version", no_argument, NULL, O_VERSION },
	{ "help", no_argument, NULL, O_HELP },
	{ "socket-path", required_argument, NULL, O_SOCKET },
	{ "fd", required_argument, NULL, O_FD },
	{ "blk-file", required_argument, NULL, O_FILE },
	{ "read-only", no_argument, NULL, O_READ_ONLY },
	{ "print-capabilities", no_argument, NULL, O_CAPABILITIES },
	{ NULL, 0, NULL, 0 },
};

/* The one disk that QEMU's conventions know of. */
static bool conventional(struct disk_options *d, int option, const char *value)
{
	unsigned long n;

	switch (option) {
	case O_SOCKET:
		return !set_string(&d->socket, value);
	case O_FILE:
		return !set_string(&d->path, value);
	case O_READ_ONLY:
		return d->read_only = true;
	default:
		if (!number(value, 10, 0, 1 << 20, &n))
			return false;
		d->fd = (int)n;
		return true;
	}
}

/**
 * options_parse - the command line
 * @o: filled in; call options_free() in any case
 * @argc: as main() got it
 * @argv: as main() got it
 *
 * Return: what to do.
 */
enum options_result options_parse(struct options *o, int argc, char **argv)
{
	int option, one = -1;
	bool good = true;

	memset(o, 0, sizeof(*o));
	while (good && (option = getopt_long(argc, argv, "h", long_options,
					     NULL)) >= 0) {
		switch (option) {
		case O_DISK:
			good = options_disk(o, KIND_BLK, optarg, "--disk");
			break;
		case O_SCHED:
			good = options_disk(o, KIND_SCHED, optarg, "--sched");
			break;
		case O_CONFIG:
			good = options_file(o, optarg);
			break;
		case O_VERSION:
			puts("parley-bridge " PARLEY_VERSION);
			return OPTIONS_DONE;
		case O_HELP:
		case 'h':
			fputs(usage, stdout);
			return OPTIONS_DONE;
		case O_CAPABILITIES:
			fputs(capabilities, stdout);
			return OPTIONS_DONE;
		case '?':
			good = false;
			break;
		default:
			if (one < 0 && add(o))
				one = (int)o->nr - 1;
			good = one >= 0 && conventional(&o->disk[one].options,
							option, optarg);
			if (!good)
				say(NULL, "'%s': a path, or the number of a file descriptor",
				    optarg);
		}
	}
	if (good && optind < argc) {
		say(NULL, "'%s' is no option; see --help", argv[optind]);
		good = false;
	}
	if (good && one >= 0)
		good = complete(o, &o->disk[one].options, "command line");
	if (good && !o->nr) {
		say(NULL, "nothing to serve; see --help");
		good = false;
	}
	return good ? OPTIONS_RUN : OPTIONS_BAD;
}

void options_free(struct options *o)
{
	unsigned int i;

	for (i = 0; i < o->nr; i++) {
		free(o->disk[i].options.socket);
		free(o->disk[i].options.path);
	}
	free(o->disk);
	o->disk = NULL;
	o->nr = 0;
}
