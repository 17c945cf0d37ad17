// SPDX-License-Identifier: GPL-2.0-only
/* What an operator sees of things that go wrong without an error. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>
#include "../listen.h"
#include "../note.h"
#include "../server.h"
#include "../sock.h"
#include "../supervise.h"
#include "served.h"

#define SEG_MAX	12	/* its place in the configuration space */

/* Standard error is a pipe of ours between these two. */
struct ear {
	int pipe[2];
	int err;
};

static void listen_to(struct ear *ear)
{
	ear->err = dup(STDERR_FILENO);
	EXPECT(!pipe(ear->pipe) && dup2(ear->pipe[1], STDERR_FILENO) >= 0);
	close(ear->pipe[1]);
	say_quiet = 0;
}

static void hear(struct ear *ear, char *text, size_t size)
{
	ssize_t n;

	say_quiet = 1;
	dup2(ear->err, STDERR_FILENO);
	close(ear->err);
	n = read(ear->pipe[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(ear->pipe[0]);
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* A ring of @num descriptors, with these features: what is said of it. */
static void ring_of(uint32_t num, uint64_t features, char *text, size_t size)
{
	static const uint8_t seg_max[4] = { 126 };
	struct vmm *v = vmm_new();
	struct ear ear;

	memcpy(v->fake.config + SEG_MAX, seg_max, sizeof(seg_max));
	vmm_restart(v);
	listen_to(&ear);
	vmm_handshake(v, features);
	EXPECT(!vmm_ring(v, 0, num, 0) && !vmm_ring(v, 1, num, 0));
	hear(&ear, text, size);
	vmm_free(v);
}

static void a_ring_that_is_too_small(void)
{
	char text[2048];

	ring_of(127, VMM_SPLIT, text, sizeof(text));
	EXPECT(count(text, "see queue-size=128") == 1);
	ring_of(128, VMM_SPLIT, text, sizeof(text));
	EXPECT(!count(text, "queue-size"));
	ring_of(2, VMM_PACKED | 1 << 28, text, sizeof(text));
	EXPECT(!count(text, "queue-size"));
}

/* What is said of a disk when the bridge starts. */
static void probe(struct disk *disk, char *text, size_t size)
{
	struct ear ear;
	int pair[2];

	EXPECT(!note_pair(pair));
	note_send(pair[1], NOTE_AGREED, 0);
	disk->control = pair[0];
	listen_to(&ear);
	EXPECT(server_probe(disk) == SERVER_LEFT);
	hear(&ear, text, size);
	disk->control = -1;
	close(pair[0]);
	close(pair[1]);
}

static void options_that_do_nothing(void)
{
	struct vmm *v = vmm_new();
	char text[2048];

	v->disk.options.poll = true;
	v->disk.options.workers = 9;
	probe(&v->disk, text, sizeof(text));
	EXPECT(count(text, "'poll' does nothing"));
	EXPECT(count(text, "only 8 workers, not 9"));
	v->disk.options.poll = false;
	v->disk.options.workers = 8;
	probe(&v->disk, text, sizeof(text));
	EXPECT(!count(text, "nothing") && !count(text, "workers"));
	vmm_free(v);
}

/* In a process of its own, which may not raise its limits. */
static void less_memory_than_was_asked_for(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	const struct confinement c = { (uid_t)-1, (gid_t)-1, 64 };
	struct rlimit low = { 1 << 20, 1 << 20 };
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setrlimit(RLIMIT_MEMLOCK, &low) || syscall(SYS_capset, &head, none))
			_exit(9);
		_exit(confine_memlock(&c) != 1);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && !status);
}

static void a_folder_is_no_configuration(void)
{
	struct options o = { 0 };
	struct ear ear;
	char text[512];

	listen_to(&ear);
	EXPECT(!options_file(&o, "/tmp"));
	hear(&ear, text, sizeof(text));
	EXPECT(count(text, "/tmp: Is a directory"));
	options_free(&o);
}

/* A unit of one name, whose configuration has another socket. */
static void a_socket_of_systemd_that_no_disk_has(void)
{
	struct served *s = served_new(2);
	char text[2048], pid[16];
	const char *why;
	struct ear ear;
	int fd;

	s->o.nr = 1;
	fd = sock_listen(s->path[1], &why);
	listen_to(&ear);
	s->pid = fork();
	if (!s->pid) {
		dup2(fd, 3);
		snprintf(pid, sizeof(pid), "%d", getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
		systemd_begin();
		_exit(supervise(&s->o));
	}
	close(fd);
	EXPECT(served_there(s->path[0]));
	usleep(100000);
	kill(s->pid, SIGHUP);
	usleep(100000);
	kill(s->pid, SIGTERM);
	EXPECT(served_ended(s) == 0);
	hear(&ear, text, sizeof(text));
	EXPECT(count(text, "no disk has that socket=") == 1 && count(text, s->path[1]) == 1);
	EXPECT(count(text, "waiting for a VMM of") == 1);
	EXPECT(count(text, "a new configuration takes a restart") == 1);
	unlink(s->path[1]);
	served_free(s);
}

const struct test operator_tests[] = {
	{ "a_ring_that_is_too_small", a_ring_that_is_too_small },
	{ "options_that_do_nothing", options_that_do_nothing },
	{ "less_memory_than_was_asked_for", less_memory_than_was_asked_for },
	{ "a_folder_is_no_configuration", a_folder_is_no_configuration },
	{ "a_socket_of_systemd_that_no_disk_has", a_socket_of_systemd_that_no_disk_has },
	{ NULL, NULL },
};
