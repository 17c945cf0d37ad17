// SPDX-License-Identifier: GPL-2.0-only
/* The supervisor and its processes. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../supervise.h"
#include "served.h"

/* The VMM of a disk, which is served. */
static int vmm_of(const struct served *s, unsigned int disk)
{
	int vmm = served_dial(s->path[disk]);

	EXPECT(served_features(vmm));
	return vmm;
}

static void connections_follow_each_other(void)
{
	struct served *s = served_start(1);
	struct stat st;
	int a, b, i;

	EXPECT(!stat(s->path[0], &st) && (st.st_mode & 0777) == 0600);
	a = vmm_of(s, 0);
	b = served_dial(s->path[0]);
	EXPECT(!served_features(b));		/* in use */
	close(b);
	EXPECT(served_features(a));
	for (i = 0; i < 15; i++) {
		close(a);
		a = vmm_of(s, 0);
	}
	close(a);
	served_end(s);
}

static void several_at_a_time_if_asked_for(void)
{
	struct served *s = served_new(1);
	int a, b, c;

	s->disk[0].options.clients = 2;
	served_launch(s);
	EXPECT(served_there(s->path[0]));
	a = vmm_of(s, 0);
	b = served_dial(s->path[0]);
	EXPECT(served_features(b) && served_features(a));
	c = served_dial(s->path[0]);
	EXPECT(!served_features(c));
	close(a);
	close(b);
	close(c);
	served_end(s);
}

static void a_bad_message_closes_one_connection(void)
{
	struct msg_header h = { 99, MSG_VERSION, 0 };
	struct served *s = served_start(1);
	int a;

	a = served_dial(s->path[0]);
	EXPECT(send(a, &h, sizeof(h), 0) == sizeof(h));
	EXPECT(served_closed(a));
	a = vmm_of(s, 0);
	close(a);
	served_end(s);
}

static bool becomes(const unsigned int *what, unsigned int value)
{
	unsigned int i;

	for (i = 0; i < CALL_S * 100; i++) {
		if (__atomic_load_n(what, __ATOMIC_RELAXED) == value)
			return true;
		usleep(10000);
	}
	return false;
}

static void a_new_size_is_looked_for(void)
{
	struct served *s = served_start(2);
	int a, b;

	kill(s->pid, SIGHUP);		/* nobody is connected */
	a = served_dial(s->path[0]);
	b = served_dial(s->path[1]);
	EXPECT(served_features(a) && served_features(b));
	kill(s->pid, SIGHUP);
	EXPECT(becomes(&s->seen->rescans, 2));
	close(a);
	close(b);
	served_end(s);
}

static void it_ends_while_a_vmm_is_connected(void)
{
	struct served *s = served_start(1);
	int a;

	a = vmm_of(s, 0);
	served_end(s);
	EXPECT(served_closed(a));
}

/* The rest of a line of /proc/PID/status or another such file. */
static void line_of(pid_t pid, const char *file, const char *key, char *out,
		    size_t size)
{
	char path[64], line[256];
	FILE *f;

	*out = '\0';
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			snprintf(out, size, "%s", line + strlen(key));
	if (f)
		fclose(f);
}

static unsigned int open_files(pid_t pid)
{
	unsigned int n = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* Nobody's memory is another's: that is what processes are for. */
static void each_vmm_has_a_process(void)
{
	struct served *s = served_start(2);
	int a, b, first;
	char name[32];

	a = vmm_of(s, 0);
	first = s->seen->pid;
	b = vmm_of(s, 1);
	EXPECT(first != s->pid && first != s->seen->pid);
	EXPECT(s->seen->pid != s->pid && s->seen->opens == 4);	/* two probes */
	/* Nor has it anything open of the other's, or of the first process. */
	EXPECT(open_files(s->seen->pid) == open_files(first));
	/* It is called after its socket: "parley status" shows that. */
	line_of(s->seen->pid, "comm", "", name, sizeof(name));
	EXPECT(!strncmp(name, strrchr(s->path[1], '/') + 1, 15));
	close(a);
	close(b);
	served_end(s);
}

static void a_process_that_dies_hurts_nobody(void)
{
	struct served *s = served_start(2);
	int a, b;

	a = vmm_of(s, 0);
	EXPECT(!kill(s->seen->pid, SIGKILL));
	EXPECT(served_closed(a));
	b = vmm_of(s, 1);
	a = served_dial(s->path[0]);
	EXPECT(served_features(a) && served_features(b));
	close(a);
	close(b);
	served_end(s);
}

/* Neither the other disk nor the end of all waits for it. */
static void a_process_that_hangs_hurts_nobody(void)
{
	struct served *s = served_start(2);
	int a, b, c;

	a = vmm_of(s, 0);
	s->seen->hang = true;
	kill(s->pid, SIGHUP);
	EXPECT(becomes(&s->seen->rescans, 1));
	b = vmm_of(s, 1);
	close(a);
	c = served_dial(s->path[0]);		/* waits for it, but not for ever */
	EXPECT(!served_features(c));
	EXPECT(served_features(b));
	close(b);
	close(c);
	served_end(s);
}

/* When the supervisor is killed, its processes end by themselves. */
static void a_supervisor_that_dies_leaves_nobody_behind(void)
{
	struct served *s = served_start(1);
	int a;

	a = vmm_of(s, 0);
	kill(s->pid, SIGKILL);
	EXPECT(served_ended(s) == -1);
	EXPECT(served_closed(a));
	unlink(s->path[0]);
	served_free(s);
}

static void one_bad_back_end_of_two_takes_nobody_down(void)
{
	struct served *s = served_new(2);
	int a, b;

	s->disk[0].options.path = (char *)"/nonexistent";
	served_launch(s);
	EXPECT(served_there(s->path[0]) && served_there(s->path[1]));
	a = served_dial(s->path[0]);
	EXPECT(served_closed(a));
	b = vmm_of(s, 1);
	close(b);
	served_end(s);

	s = served_new(1);
	s->disk[0].options.path = (char *)"/nonexistent";
	served_launch(s);
	EXPECT(served_ended(s) == 1);
	served_free(s);
}

static unsigned long cpu_ms(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			&user, &system) != 2)
		EXPECT(false);
	if (f)
		fclose(f);
	return (user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK);
}

/* One more than the highest descriptor that is open. */
static unsigned int top_file(pid_t pid)
{
	unsigned int top = 0, n;
	struct dirent *e;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		n = (unsigned int)strtoul(e->d_name, NULL, 10) + 1;
		if (*e->d_name != '.' && n > top)
			top = n;
	}
	if (dir)
		closedir(dir);
	return top;
}

/* Room for @more descriptors: none, and the VMM is not even accepted. */
static void starve(unsigned int more)
{
	struct served *s = served_start(1);
	struct rlimit before, none;
	unsigned long cpu;
	struct pollfd p;
	int a;

	EXPECT(!prlimit(s->pid, RLIMIT_NOFILE, NULL, &before));
	none = before;
	none.rlim_cur = top_file(s->pid) + more;
	EXPECT(!prlimit(s->pid, RLIMIT_NOFILE, &none, NULL));
	a = served_dial(s->path[0]);
	cpu = cpu_ms(s->pid);
	p = (struct pollfd){ a, POLLIN, 0 };
	EXPECT(!poll(&p, 1, 1500));	/* neither served nor sent away */
	EXPECT(cpu_ms(s->pid) - cpu < 500);
	EXPECT(!prlimit(s->pid, RLIMIT_NOFILE, &before, NULL));
	EXPECT(served_features(a));
	close(a);
	served_end(s);
}

static void descriptors_that_run_out_are_waited_for(void)
{
	starve(0);
	starve(1);
}

static void who_fails_in_a_row_is_turned_away(void)
{
	struct msg_header h = { 99, MSG_VERSION, 0 };
	struct served *s = served_start(2);
	unsigned int i, served;
	int a, b;

	for (i = 0; i < 8; i++) {
		a = served_dial(s->path[0]);
		send(a, &h, sizeof(h), MSG_NOSIGNAL);
		EXPECT(served_closed(a));
	}
	served = s->seen->opens - 2;	/* two probes */
	EXPECT(served == 3);
	/* It is about that VMM and that disk only. */
	b = vmm_of(s, 1);
	close(b);
	/* After a while it may try again. */
	usleep(1100000);
	a = vmm_of(s, 0);
	close(a);
	served_end(s);
}

/* What an operator is told of a device: its number, back end and process. */
static void a_report_names_devices(void)
{
	struct served *s = served_new(1);
	char text[4096] = "", want[128];
	int log[2], a, i;
	ssize_t n;

	EXPECT(!pipe2(log, O_CLOEXEC | O_NONBLOCK));
	memcpy(s->disk[0].options.serial, "disk 1", sizeof("disk 1"));
	s->pid = fork();
	if (!s->pid) {
		dup2(log[1], STDERR_FILENO);
		say_quiet = 0;
		_exit(supervise(&s->o));
	}
	EXPECT(served_there(s->path[0]));
	a = vmm_of(s, 0);
	kill(s->pid, SIGUSR1);
	snprintf(want, sizeof(want),
		 "serial disk 1: device %u, connection 1 of pid %d, process %d\n",
		 FAKE_ID, getpid(), s->seen->pid);
	for (i = 0; i < 500 && !strstr(text, want); i++) {
		n = read(log[0], text + strlen(text), sizeof(text) - strlen(text) - 1);
		if (n < 0)
			usleep(10000);
	}
	EXPECT(strstr(text, want) && strstr(text, "as device 7 with 2 queues"));
	close(a);
	served_end(s);
	close(log[0]);
	close(log[1]);
}

/* A log that nobody reads. */
static void a_full_log_stops_nobody(void)
{
	struct served *s = served_new(1);
	char junk[4096] = { 0 };
	int log[2], a, i;

	EXPECT(!pipe2(log, O_CLOEXEC));
	EXPECT(!fcntl(log[1], F_SETFL, O_NONBLOCK));
	while (write(log[1], junk, sizeof(junk)) > 0)
		continue;
	EXPECT(!fcntl(log[1], F_SETFL, 0));
	s->pid = fork();
	if (!s->pid) {
		dup2(log[1], STDERR_FILENO);
		say_quiet = 0;
		_exit(supervise(&s->o));
	}
	EXPECT(served_there(s->path[0]));
	for (i = 0; i < 3; i++) {
		a = vmm_of(s, 0);
		close(a);
	}
	served_end(s);
	close(log[0]);
	close(log[1]);
}

static unsigned long hex_of(pid_t pid, const char *key)
{
	char text[64];

	line_of(pid, "status", key, text, sizeof(text));
	return strtoul(text, NULL, 16);
}

/* A hard limit; that of another user cannot be asked for with prlimit(). */
static unsigned long limit_of(pid_t pid, const char *key)
{
	unsigned long soft = ULONG_MAX, hard = ULONG_MAX;
	char text[128];

	line_of(pid, "limits", key, text, sizeof(text));
	return sscanf(text, "%lu %lu", &soft, &hard) == 2 ? hard : ULONG_MAX;
}

static void a_process_is_confined(void)
{
	struct served *s = served_new(1);
	char ids[64];
	int a;

	s->disk[0].confined = true;
	if (!getuid()) {
		s->disk[0].options.confine.uid = 65534;
		s->disk[0].options.confine.gid = 65534;
	}
	s->seen->try = true;
	served_launch(s);
	EXPECT(served_there(s->path[0]));
	a = vmm_of(s, 0);
	EXPECT(!hex_of(s->seen->pid, "CapEff:") && !hex_of(s->seen->pid, "CapPrm:"));
	EXPECT(!hex_of(s->seen->pid, "CapInh:") && !hex_of(s->seen->pid, "CapAmb:"));
	EXPECT(hex_of(s->seen->pid, "NoNewPrivs:") == 1);
	EXPECT(hex_of(s->seen->pid, "Seccomp:") == 2);
	if (!getuid()) {
		EXPECT(!hex_of(s->seen->pid, "CapBnd:"));
		line_of(s->seen->pid, "status", "Uid:", ids, sizeof(ids));
		EXPECT(!strcmp(ids, "\t65534\t65534\t65534\t65534\n"));
		line_of(s->seen->pid, "status", "Groups:", ids, sizeof(ids));
		EXPECT(!strtoul(ids, NULL, 10));
	}
	EXPECT(limit_of(s->seen->pid, "Max locked memory") <= 64 << 20);
	EXPECT(!limit_of(s->seen->pid, "Max core file size"));
	EXPECT(limit_of(s->seen->pid, "Max open files") <= CONFINE_FILES);
	kill(s->pid, SIGHUP);
	EXPECT(becomes(&s->seen->rescans, 1));
	EXPECT(served_features(a));		/* it is still alive, and served */
	EXPECT(s->seen->forbidden == 10);
	close(a);
	served_end(s);
}

const struct test supervise_tests[] = {
	{ "connections_follow_each_other", connections_follow_each_other },
	{ "several_at_a_time_if_asked_for", several_at_a_time_if_asked_for },
	{ "a_bad_message_closes_one_connection",
	  a_bad_message_closes_one_connection },
	{ "a_new_size_is_looked_for", a_new_size_is_looked_for },
	{ "it_ends_while_a_vmm_is_connected", it_ends_while_a_vmm_is_connected },
	{ "each_vmm_has_a_process", each_vmm_has_a_process },
	{ "a_process_that_dies_hurts_nobody", a_process_that_dies_hurts_nobody },
	{ "a_process_that_hangs_hurts_nobody",
	  a_process_that_hangs_hurts_nobody },
	{ "a_supervisor_that_dies_leaves_nobody_behind",
	  a_supervisor_that_dies_leaves_nobody_behind },
	{ "one_bad_back_end_of_two_takes_nobody_down",
	  one_bad_back_end_of_two_takes_nobody_down },
	{ "descriptors_that_run_out_are_waited_for",
	  descriptors_that_run_out_are_waited_for },
	{ "who_fails_in_a_row_is_turned_away",
	  who_fails_in_a_row_is_turned_away },
	{ "a_report_names_devices", a_report_names_devices },
	{ "a_full_log_stops_nobody", a_full_log_stops_nobody },
	{ "a_process_is_confined", a_process_is_confined },
	{ NULL, NULL },
};
