// SPDX-License-Identifier: GPL-2.0-only
/* The command line and the configuration file. */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../child.h"
#include "../options.h"
#include "test.h"

static bool one_of(struct options *o, enum kind_id kind, const char *text)
{
	bool good;

	memset(o, 0, sizeof(*o));
	good = options_disk(o, kind, text, "test");
	if (!good)
		options_free(o);
	return good;
}

static bool one(struct options *o, const char *text)
{
	return one_of(o, KIND_BLK, text);
}

static void a_disk_and_its_options(void)
{
	const struct disk_options *d;
	struct options o;

	EXPECT(one(&o, "socket=/a,path=/b,readonly,queues=4,workers=2,poll"));
	d = &o.disk[0].options;
	EXPECT(!strcmp(d->socket, "/a") && !strcmp(d->path, "/b"));
	EXPECT(d->read_only && d->poll && d->queues == 4 && d->workers == 2);
	EXPECT(d->gid == (gid_t)-1 && !d->rescan && !*d->serial);
	options_free(&o);
	EXPECT(one(&o, "socket=/a,path=/b,serial=disk 1,mode=600,rescan=5"));
	d = &o.disk[0].options;
	EXPECT(!strcmp(d->serial, "disk 1") && d->mode == 0600);
	EXPECT(d->rescan == 5 && !d->block_size);
	options_free(&o);
	EXPECT(one(&o, "socket=/a,path=/b,block-size=4096"));
	EXPECT(o.disk[0].options.block_size == 4096);
	options_free(&o);
	EXPECT(one(&o, "socket=/a,path=/b,group=root,user=root,memlock=7,share,clients=64"));
	d = &o.disk[0].options;
	EXPECT(d->confine.uid == 0 && d->confine.gid == 0);
	EXPECT(d->confine.memlock == 7 && d->share && d->clients == 64);
	EXPECT(o.disk[0].confined && o.disk[0].options.gid == 0 && o.disk[0].options.queues >= 1);
	EXPECT(o.disk[0].options.mode == 0660 && !o.disk[0].options.read_only);
	options_free(&o);
}

static void a_scheduling_device_and_its_options(void)
{
	static const char *const bad[] = {
		"socket=/a", "vcpus=4", "socket=/a,vcpus=0", "socket=/a,vcpus=1025",
		"socket=/a,vcpus=4,path=/b", "socket=/a,vcpus=4,readonly",
		"socket=/a,vcpus=4,queues=3", "socket=/a,vcpus=4,ops=5",
		"socket=/a,vcpus=4,clients=2", "socket=/a,vcpus=4,ivshmem=6",
		"socket=/a,vcpus=4,budget=250001", "socket=/a,vcpus=4,period=9999",
		"socket=/a,vcpus=4,budget=6000,period=10000", "socket=/a,vcpus=4,steps-down=11",
		"socket=/a,vcpus=4,steps-up=-1", "socket=/a,vcpus=4,",
	};
	const struct disk_options *d;
	struct options o;
	unsigned int i;

	EXPECT(one_of(&o, KIND_SCHED, "socket=/a,vcpus=4"));
	d = &o.disk[0].options;
	EXPECT(d->vcpus == 4 && d->queues == 2 && d->workers == 1 && d->ivshmem == 4);
	EXPECT(d->budget_us == 2000 && d->period_us == 500000);
	EXPECT(!d->steps_down && !d->steps_up && !strcmp(d->path, "4 vCPUs"));
	options_free(&o);
	EXPECT(one_of(&o, KIND_SCHED, "socket=/a,vcpus=9,ivshmem=16,mode=600,memlock=7,user=root"));
	d = &o.disk[0].options;
	EXPECT(d->mode == 0600 && d->confine.memlock == 7 && d->ivshmem == 16);
	EXPECT(!d->confine.uid);
	options_free(&o);
	EXPECT(one_of(&o, KIND_SCHED,
		      "socket=/a,vcpus=1024,budget=0,period=10000,steps-up=10,steps-down=2"));
	d = &o.disk[0].options;
	EXPECT(d->vcpus == 1024 && !d->budget_us && d->period_us == 10000);
	EXPECT(d->steps_up == 10 && d->steps_down == 2);
	options_free(&o);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT(!one_of(&o, KIND_SCHED, bad[i]));
	EXPECT(!one(&o, "socket=/a,path=/b,vcpus=4"));
}

/* As in QEMU's options: two commas are one. */
static void a_comma_in_a_path(void)
{
	struct options o;

	EXPECT(one(&o, "socket=/a,path=/b,,c.img,readonly"));
	EXPECT(!strcmp(o.disk[0].options.path, "/b,c.img"));
	EXPECT(o.disk[0].options.read_only);
	options_free(&o);
	EXPECT(one(&o, "path=,,,,b,,,socket=/a,,"));
	EXPECT(!strcmp(o.disk[0].options.path, ",,b,"));
	EXPECT(!strcmp(o.disk[0].options.socket, "/a,"));
	options_free(&o);
	EXPECT(!one(&o, "socket=/a,path=/b,"));
	EXPECT(!one(&o, "socket=/a,,path=/b"));	/* a socket of that name, and no path */
}

/* What was said of it, on a standard error of ours. */
static void said(const char *text, char *out, size_t size)
{
	int pipefd[2], err = dup(STDERR_FILENO);
	struct options o;
	ssize_t n;

	EXPECT(!pipe(pipefd) && dup2(pipefd[1], STDERR_FILENO) >= 0);
	say_quiet = 0;
	EXPECT(!one(&o, text));
	say_quiet = 1;
	dup2(err, STDERR_FILENO);
	close(pipefd[1]);
	n = read(pipefd[0], out, size - 1);
	out[n > 0 ? n : 0] = '\0';
	close(pipefd[0]);
	close(err);
}

static void each_refusal_has_its_reason(void)
{
	static const struct {
		const char *text, *reason;
	} bad[] = {
		{ "group=no such group", "there is no such group; getent group" },
		{ "user=no such user", "there is no such user; useradd" },
		{ "queues=0", "'queues=0': a number from 1 to 256" },
		{ "serial=123456789012345678901", "at most 20 characters" },
		{ "mode=888", "permissions in octal" },
		{ "memlock=0", "MiB, from 1" },
		{ "block-size=1024", "a block has 512 or 4096 bytes" },
		{ "block-size=0512", "a block has 512 or 4096 bytes" },
		{ "ivshmem=2", "MiB, a power of two from 4" },
		{ "socket=/a,path=/b,ivshmem=6", "ivshmem= is a power of two" },
		{ "socket=/a,path=/b,readonly,clients=2,ivshmem=4", "do not go together" },
		{ "colour=red", "no option of a disk; see --help" },
		{ "path=", "it is empty" },
		{ "socket=/a,", "a comma in a path is written ,," },
		{ "socket=/a,path=/b,clients=2", "readonly, or share" },
		{ "socket=/a", "a disk needs path=" },
	};
	char text[256];
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		said(bad[i].text, text, sizeof(text));
		EXPECT(strstr(text, bad[i].reason));
	}
}

/* Processes that follow each other share it; a second later there is a new one. */
static void a_disk_says_so_much_and_no_more(void)
{
	struct say_budget budget = { 0 };
	struct who a = { .disk = "x", .budget = &budget }, b = a;
	int pipefd[2], err = dup(STDERR_FILENO), i;
	unsigned int lines = 0;
	char text[8192] = "";

	EXPECT(!pipe(pipefd) && dup2(pipefd[1], STDERR_FILENO) >= 0);
	while (!budget.second || child_now() % 1000 > 500)	/* a young second */
		budget.second = child_now() / 1000;
	say_quiet = 0;
	for (i = 0; i < 2 * SAY_PER_SECOND; i++)
		say(i & 1 ? &a : &b, "again");
	usleep(1000000);
	say(&a, "later");
	say_quiet = 1;
	dup2(err, STDERR_FILENO);
	close(err);
	close(pipefd[1]);
	EXPECT(read(pipefd[0], text, sizeof(text) - 1) > 0);
	close(pipefd[0]);
	EXPECT(strstr(text, "x: later (") && strstr(text, " messages left out)"));
	for (i = 0; text[i]; i++)
		lines += text[i] == '\n';
	EXPECT(lines <= SAY_PER_SECOND + 1);
}

static void nonsense_is_refused(void)
{
	static const char *const bad[] = {
		"", "socket=/a", "path=/b", "socket=/a,path=", "socket=,path=/b",
		"socket=/a,path=/b,queues=0", "socket=/a,path=/b,queues=257",
		"socket=/a,path=/b,queues=-1", "socket=/a,path=/b,queues=4x",
		"socket=/a,path=/b,queues=", "socket=/a,path=/b,queues",
		"socket=/a,path=/b,workers=65", "socket=/a,path=/b,mode=888",
		"socket=/a,path=/b,readonly=1", "socket=/a,path=/b,colour=red",
		"socket=/a,path=/b,serial=123456789012345678901",
		"socket=/a,path=/b,group=no such group", "socket=/a,,path=/b",
		"socket=/a,path=/b,queues=99999999999999999999",
	};
	struct options o;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT(!one(&o, bad[i]));
}

static bool file(struct options *o, const char *text)
{
	const char *path = "/tmp/parley-bridge-test.conf";
	FILE *f = fopen(path, "we");
	bool good;

	fputs(text, f);
	fclose(f);
	memset(o, 0, sizeof(*o));
	good = options_file(o, path);
	unlink(path);
	return good;
}

static void a_configuration_file(void)
{
	struct options o;

	EXPECT(file(&o, "# disks\n\ndisk socket=/a,path=/b\n"
		    "  disk\tsocket=/c,path=/d,serial=last\t\n"));
	EXPECT(o.nr == 2 && !strcmp(o.disk[1].options.serial, "last"));
	options_free(&o);
	EXPECT(file(&o, "disk socket=/a,path=/b\nsched\tsocket=/c,vcpus=2\n"));
	EXPECT(o.nr == 2 && o.disk[1].options.kind == KIND_SCHED);
	EXPECT(o.disk[0].options.kind == KIND_BLK && o.disk[1].options.vcpus == 2);
	options_free(&o);
	EXPECT(!file(&o, "scheduler socket=/c,vcpus=2\n"));
	options_free(&o);
	EXPECT(!file(&o, "disk socket=/a,path=/b\ndisk socket=/a,path=/c\n"));
	options_free(&o);
	EXPECT(!file(&o, "socket=/a,path=/b\n"));
	options_free(&o);
	EXPECT(!file(&o, "disks socket=/a,path=/b\n"));
	options_free(&o);
	EXPECT(!options_file(&o, "/nonexistent"));
}

/* The words are parted by spaces; nothing is kept. */
static enum options_result parse(const char *words, struct disk_options *last,
				 unsigned int *nr)
{
	char name[] = "parley-bridge", *copy = strdup(words), *rest = copy;
	enum options_result result;
	struct options o;
	char *argv[16];
	int argc = 0;

	argv[argc++] = name;
	while (rest && *rest)
		argv[argc++] = strsep(&rest, " ");
	argv[argc] = NULL;
	optind = 0;
	opterr = 0;
	result = options_parse(&o, argc, argv);
	*nr = o.nr;
	if (o.nr)
		*last = o.disk[o.nr - 1].options;
	options_free(&o);
	free(copy);
	return result;
}

static void the_command_line(void)
{
	struct disk_options d;
	unsigned int nr;

	EXPECT(parse("--disk socket=/a,path=/b --disk socket=/c,path=/d", &d,
		     &nr) == OPTIONS_RUN && nr == 2);
	EXPECT(parse("--socket-path=/a --blk-file=/b --read-only", &d,
		     &nr) == OPTIONS_RUN && nr == 1);
	EXPECT(d.read_only && d.fd == -1);
	EXPECT(parse("--fd=7 --blk-file=/b", &d, &nr) == OPTIONS_RUN);
	EXPECT(nr == 1 && d.fd == 7 && !d.read_only);
	EXPECT(parse("", &d, &nr) == OPTIONS_BAD);
	EXPECT(parse("--fd=3", &d, &nr) == OPTIONS_BAD);
	EXPECT(parse("--fd=x --blk-file=/b", &d, &nr) == OPTIONS_BAD);
	EXPECT(parse("--disk socket=/a,path=/b word", &d, &nr) == OPTIONS_BAD);
	EXPECT(parse("--sched socket=/a,vcpus=3 --disk socket=/c,path=/d", &d,
		     &nr) == OPTIONS_RUN && nr == 2 && d.kind == KIND_BLK);
	EXPECT(parse("--sched vcpus=3,socket=/a", &d, &nr) == OPTIONS_RUN);
	EXPECT(d.kind == KIND_SCHED && d.vcpus == 3);
	EXPECT(parse("--what", &d, &nr) == OPTIONS_BAD);
}

const struct test options_tests[] = {
	{ "a_disk_and_its_options", a_disk_and_its_options },
	{ "a_scheduling_device_and_its_options", a_scheduling_device_and_its_options },
	{ "a_comma_in_a_path", a_comma_in_a_path },
	{ "each_refusal_has_its_reason", each_refusal_has_its_reason },
	{ "a_disk_says_so_much_and_no_more", a_disk_says_so_much_and_no_more },
	{ "nonsense_is_refused", nonsense_is_refused },
	{ "a_configuration_file", a_configuration_file },
	{ "the_command_line", the_command_line },
	{ NULL, NULL },
};
