// SPDX-License-Identifier: GPL-2.0-only
/* A supervisor in a process of its own, and VMMs with real sockets. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../child.h"
#include "../supervise.h"
#include "served.h"

static int spy_open(void *priv, const char *node)
{
	struct served *s = priv;

	s->seen->opens++;
	s->seen->pid = getpid();
	return fake_ops.open(&s->fake, node);
}

static bool denied(long ret)
{
	return ret < 0 && errno == EPERM;
}

static unsigned int try_what_is_forbidden(void)
{
	unsigned int n = 0;

	n += denied(open("/dev/null", O_RDONLY));
	n += denied(socket(AF_UNIX, SOCK_STREAM, 0));
	n += denied(kill(getppid(), 0));
	n += denied(unlink("/nonexistent"));
	n += denied(ioctl(0, FIONREAD, &n));
	n += denied(fcntl(STDERR_FILENO, F_SETOWN, getppid()));
	n += denied(fcntl(STDERR_FILENO, F_SETSIG, SIGKILL));
	n += fcntl(STDERR_FILENO, F_GETFL) >= 0;	/* which it needs */
	n += mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		  -1, 0) == MAP_FAILED;
	n += fork() < 0;
	return n;
}

static int spy_ioctl(void *priv, int fd, unsigned long cmd, void *arg)
{
	struct served *s = priv;

	if (cmd == PARLEY_BLK_UPDATE_SIZE) {
		s->seen->rescans++;
		if (s->seen->try)
			s->seen->forbidden = try_what_is_forbidden();
		while (s->seen->hang)
			pause();
	}
	return fake_ops.ioctl(&s->fake, fd, cmd, arg);
}

static void spy_close(void *priv, int fd)
{
	struct served *s = priv;

	fake_ops.close(&s->fake, fd);
}

/* Who may be limited; tests are in processes of one parent. */
static struct seen *limited;

static int spy_limit(uint32_t device, const struct limits *l)
{
	limited->limited++;
	if (limited->unlimited)
		return -EPERM;
	return device == FAKE_ID && l->value[PARLEY_A_LIMITS_OPS_RATE] == 500 ? 0 : -EINVAL;
}

static const struct kernel_ops spy_ops = {
	.open = spy_open,
	.ioctl = spy_ioctl,
	.close = spy_close,
};

struct served *served_new(unsigned int disks)
{
	struct served *s = calloc(1, sizeof(*s));
	unsigned int i;

	s->seen = mmap(NULL, sizeof(*s->seen), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	limited = s->seen;
	fake_init(&s->fake);
	s->o.disk = s->disk;
	s->o.nr = disks;
	for (i = 0; i < disks; i++) {
		snprintf(s->path[i], sizeof(s->path[i]),
			 "/tmp/parley-bridge-test.%d.%u", getpid(), i);
		s->disk[i] = (struct disk){
			.ops = &spy_ops, .ops_priv = s, .limit = spy_limit,
			.control = -1,
			.listen_fd = -1, .waiting = -1,
			.options = {
				.socket = s->path[i],
				.path = (char *)test_image(), .share = true,
				.queues = 2, .workers = 1, .clients = 1,
				.mode = 0600, .gid = (gid_t)-1, .fd = -1,
				.confine = { (uid_t)-1, (gid_t)-1, 64 },
			},
		};
	}
	return s;
}

bool served_there(const char *path)
{
	unsigned int i;

	for (i = 0; i < CALL_S * 100 && access(path, F_OK); i++)
		usleep(10000);
	return !access(path, F_OK);
}

void served_launch(struct served *s)
{
	s->pid = fork();
	if (!s->pid)
		_exit(supervise(&s->o));
}

struct served *served_start(unsigned int disks)
{
	struct served *s = served_new(disks);
	unsigned int i;

	served_launch(s);
	for (i = 0; i < disks; i++)
		EXPECT(served_there(s->path[i]));
	return s;
}

/* Return: its exit status, -1 if it took longer than it may. */
int served_ended(struct served *s)
{
	long until = child_now() + 2000;
	int status = 0;

	while (!waitpid(s->pid, &status, WNOHANG) && child_now() < until)
		usleep(5000);
	if (child_now() < until && WIFEXITED(status))
		return WEXITSTATUS(status);
	kill(s->pid, SIGKILL);
	waitpid(s->pid, &status, 0);
	return -1;
}

void served_free(struct served *s)
{
	unsigned int i;

	for (i = 0; i < s->o.nr; i++)
		EXPECT(access(s->path[i], F_OK));
	munmap(s->seen, sizeof(*s->seen));
	free(s);
}

void served_end(struct served *s)
{
	kill(s->pid, SIGTERM);
	EXPECT(served_ended(s) == 0);
	served_free(s);
}

int served_dial(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = CALL_S };
	unsigned int i;
	int failed = 0;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* It is there before anybody listens on it. */
	for (i = 0; i < CALL_S * 100; i++) {
		failed = connect(s, (struct sockaddr *)&addr, sizeof(addr));
		if (!failed || errno != ECONNREFUSED)
			break;
		usleep(10000);
	}
	EXPECT(!failed);
	return s;
}

/* Ask for the features; 0 if the disk closes the connection instead. */
uint64_t served_features(int s)
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

bool served_closed(int s)
{
	char c;
	bool is = recv(s, &c, 1, 0) <= 0 && errno != EAGAIN;

	close(s);
	return is;
}
