// SPDX-License-Identifier: GPL-2.0-only
/* A disk with its socket and its thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "test.h"

/**
 * struct served - a disk being served by a thread
 * @stop: eventfd that ends it
 */
struct served {
	struct fake fake;
	struct disk disk;
	char path[64];
	int stop;
};

static void serve(struct served *s)
{
	memset(s, 0, sizeof(*s));
	fake_init(&s->fake);
	snprintf(s->path, sizeof(s->path), "/tmp/parley-bridge-test.%d",
		 getpid());
	s->disk.ops = &fake_ops;
	s->disk.ops_priv = &s->fake;
	s->disk.options = (struct disk_options){
		.socket = s->path, .path = "/dev/null", .queues = 2,
		.workers = 1, .mode = 0600, .gid = (gid_t)-1, .fd = -1,
	};
	s->disk.who.disk = s->path;
	s->stop = vmm_eventfd();
	EXPECT(!disk_probe(&s->disk));
	EXPECT(!disk_start(&s->disk, s->stop));
}

static void end(struct served *s)
{
	uint64_t one = 1;

	EXPECT(write(s->stop, &one, sizeof(one)) == sizeof(one));
	disk_stop(&s->disk);
	close(s->stop);
	EXPECT(access(s->path, F_OK));
	fake_release(&s->fake);
}

static int dial(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	EXPECT(!connect(s, (struct sockaddr *)&addr, sizeof(addr)));
	return s;
}

/* Ask for the features; 0 if the disk closes the connection instead. */
static uint64_t features(int s)
{
	struct msg_header h = { MSG_GET_FEATURES, MSG_VERSION, 0 };
	struct {
		struct msg_header h;
		uint32_t low, high;
	} answer = { 0 };

	if (send(s, &h, sizeof(h), MSG_NOSIGNAL) != sizeof(h) ||
	    recv(s, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
		return 0;
	return answer.low | (uint64_t)answer.high << 32;
}

static void connections_follow_each_other(void)
{
	struct served s;
	struct stat st;
	int a, b, i;

	serve(&s);
	EXPECT(!stat(s.path, &st) && (st.st_mode & 0777) == 0600);
	a = dial(s.path);
	EXPECT(features(a));
	b = dial(s.path);
	EXPECT(!features(b));		/* in use */
	close(b);
	EXPECT(features(a));
	for (i = 0; i < 20; i++) {
		close(a);
		a = dial(s.path);
		EXPECT(features(a));
	}
	close(a);
	end(&s);
}

static void a_bad_message_closes_one_connection(void)
{
	struct msg_header h = { 99, MSG_VERSION, 0 };
	struct served s;
	char c;
	int a;

	serve(&s);
	a = dial(s.path);
	EXPECT(send(a, &h, sizeof(h), 0) == sizeof(h));
	EXPECT(recv(a, &c, 1, 0) <= 0);
	close(a);
	a = dial(s.path);
	EXPECT(features(a));
	close(a);
	end(&s);
}

static void a_new_size_is_looked_for(void)
{
	struct served s;
	int a, i;

	serve(&s);
	disk_resize(&s.disk);		/* nobody is connected */
	a = dial(s.path);
	EXPECT(features(a));
	disk_resize(&s.disk);
	for (i = 0; i < 200 && !__atomic_load_n(&s.fake.sizes_updated,
						__ATOMIC_RELAXED); i++)
		usleep(10000);
	EXPECT(s.fake.sizes_updated == 1);
	close(a);
	end(&s);
}

static void it_ends_while_a_vmm_is_connected(void)
{
	struct served s;
	char c;
	int a;

	serve(&s);
	a = dial(s.path);
	EXPECT(features(a));
	end(&s);
	EXPECT(recv(a, &c, 1, 0) <= 0);
	close(a);
}

static void a_left_over_socket_is_replaced(void)
{
	const char *why = NULL, *path = "/tmp/parley-bridge-test.sock";
	char name[128] = "";
	int a, b;

	unlink(path);
	a = sock_listen(path, &why);
	EXPECT(a >= 0);
	b = sock_listen(path, &why);
	EXPECT(b < 0 && errno == EADDRINUSE);
	close(a);
	a = sock_listen(path, &why);
	EXPECT(a >= 0);
	close(a);
	unlink(path);
	EXPECT(!mkdir(path, 0700));
	EXPECT(sock_listen(path, &why) < 0 && errno == EEXIST);
	rmdir(path);
	EXPECT(sock_listen("/nonexistent/x", &why) < 0);
	memset(name, 'x', sizeof(name) - 1);
	EXPECT(sock_listen(name, &why) < 0 && errno == ENAMETOOLONG);
}

static void what_cannot_be_served_is_said_at_once(void)
{
	struct served s;

	serve(&s);
	s.disk.options.path = "/nonexistent";
	EXPECT(disk_open_file(&s.disk.options) == -ENOENT);
	s.disk.options.path = "/dev/null";
	end(&s);
}

const struct test disk_tests[] = {
	{ "connections_follow_each_other", connections_follow_each_other },
	{ "a_bad_message_closes_one_connection",
	  a_bad_message_closes_one_connection },
	{ "a_new_size_is_looked_for", a_new_size_is_looked_for },
	{ "it_ends_while_a_vmm_is_connected", it_ends_while_a_vmm_is_connected },
	{ "a_left_over_socket_is_replaced", a_left_over_socket_is_replaced },
	{ "what_cannot_be_served_is_said_at_once",
	  what_cannot_be_served_is_said_at_once },
	{ NULL, NULL },
};
