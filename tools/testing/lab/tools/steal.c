// SPDX-License-Identifier: GPL-2.0-only
/*
 * steal: what time that the host steals does to those who wait for an answer.
 *
 *   steal abi                              tests the device, see there
 *   steal serve PORT DELAY_MS DROP         answers datagrams, but the first try of each
 *                                          DROP-th is lost; 0: none is
 *   steal send HOST PORT SECONDS RTO_MS ordinary|effective
 *                                          one datagram after the other, each sent again
 *                                          when its time-out is over
 *   steal sink PORT                        reads what comes by TCP
 *   steal flow HOST PORT SECONDS CONGESTION
 *                                          sends a little by TCP all the time
 *   steal hog BUSY_MS IDLE_MS PRIORITY     steals: runs before all that is not so urgent
 *
 * The time-out of an ordinary sender is a timerfd, that of an effective one is that of
 * /dev/parley-steal.  If its time is over and the answer is there as well, the time-out
 * counts: so it is in loops that look at their timers first, and in kernels.  A time-out
 * was spurious if the very datagram that was given up is answered after all.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../../../../include/uapi/linux/parley_steal.h"

#define DEVICE	"/dev/parley-steal"
#define MS	1000000ull
#define SECOND	(1000 * MS)
#define TRIES	16	/* of a datagram */
#define WINDOW	64	/* datagrams whose late answers are recognised */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static int open_device(int flags)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC | flags);

	if (fd < 0)
		err(1, DEVICE);
	return fd;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };

	if (!inet_aton(host, &to.sin_addr))
		errx(1, "%s is no address", host);
	return to;
}

static int socket_at(int type, const char *port)
{
	struct sockaddr_in at = address("0.0.0.0", port);
	int fd = socket(AF_INET, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		err(1, "port %s", port);
	return fd;
}

static int socket_to(int type, const char *host, const char *port, const char *congestion)
{
	struct sockaddr_in to = address(host, port);
	int fd = socket(AF_INET, type, 0);

	if (congestion && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion,
				     strlen(congestion)))
		err(1, "%s", congestion);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err(1, "%s port %s", host, port);
	return fd;
}

/* --------------------------------------------------------------------- abi */

static int tests;

static void test(bool good, const char *what)
{
	printf("%s %d - %s%s%s\n", good ? "ok" : "not ok", ++tests, what,
	       good ? "" : ": ", good ? "" : strerror(errno));
}

static bool fails(int got, int wanted)
{
	return got < 0 && errno == wanted;
}

static int get(int fd, int cpu, struct parley_steal_times *times)
{
	*times = (struct parley_steal_times){ .cpu = cpu };
	return ioctl(fd, PARLEY_STEAL_GET_TIMES, times);
}

static int arm(int fd, uint64_t ns, uint64_t most)
{
	struct parley_steal_arm arm = { .ns = ns, .most = most };

	return ioctl(fd, PARLEY_STEAL_ARM, &arm);
}

static int readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms);
}

static void abi_clocks(int fd)
{
	struct parley_steal_times a, b;
	int i, backwards = 0;

	test(!get(fd, PARLEY_STEAL_CPU_HERE, &a) && a.cpu >= 0, "the clock here");
	test(a.mono <= now() && a.clock <= a.mono, "which is not ahead");
	for (i = 0; i < 10000; i++) {
		if (get(fd, a.cpu, &b))
			break;
		backwards += b.clock < a.clock || b.stolen < a.stolen;
		a = b;
	}
	test(i == 10000 && !backwards, "it never goes backwards");
	test(!get(fd, PARLEY_STEAL_CPU_MEAN, &a), "the mean of all");
	test(fails(get(fd, 1 << 20, &a), EINVAL), "no such processor");
	test(fails(get(fd, -3, &a), EINVAL), "nor such a one");
	a = (struct parley_steal_times){ .pad = 1 };
	test(fails(ioctl(fd, PARLEY_STEAL_GET_TIMES, &a), EINVAL), "padding is zero");
	test(fails(ioctl(fd, PARLEY_STEAL_GET_TIMES, NULL), EFAULT), "no memory");
	test(fails(ioctl(fd, _IO(0xAF, 0xC7)), ENOTTY), "no such call");
}

static void abi_timer(int fd)
{
	struct parley_steal_event event;
	uint64_t before = now();

	test(!readable(fd, 0), "not armed, it is not readable");
	test(fails(read(fd, &event, sizeof(event)), EAGAIN), "nor read");
	test(fails(arm(fd, 2, 1), EINVAL), "the second limit is below the first");
	test(fails(arm(fd, 1, UINT64_MAX), EINVAL), "or never");
	test(fails(ioctl(fd, PARLEY_STEAL_ARM, NULL), EFAULT), "no memory");
	test(!arm(fd, 20 * MS, SECOND), "it is armed");
	test(readable(fd, 5000) == 1, "it fires");
	test(now() - before >= 20 * MS, "not too early");
	test(fails(read(fd, &event, sizeof(event) - 1), EINVAL), "the room is too small");
	test(read(fd, &event, sizeof(event)) == sizeof(event), "it is read");
	test(event.elapsed >= 20 * MS && event.rounds && event.stolen <= event.elapsed,
	     "and tells of itself");
	test(!readable(fd, 0), "once");
	test(!arm(fd, 10 * MS, SECOND) && readable(fd, 5000) == 1 &&
	     !arm(fd, SECOND, SECOND) && !readable(fd, 50), "armed anew it has not fired");
	test(!arm(fd, 0, 0) && !readable(fd, 1200), "disarmed it does not fire");
}

static void *blocked(void *fd)
{
	struct parley_steal_event event;

	return read(*(int *)fd, &event, sizeof(event)) == sizeof(event) ? fd : NULL;
}

static void abi_blocking(void)
{
	int fd = open_device(0), status;
	pthread_t thread;
	void *got = NULL;
	pid_t child;

	pthread_create(&thread, NULL, blocked, &fd);
	usleep(20000);
	arm(fd, 10 * MS, SECOND);
	pthread_join(thread, &got);
	test(got, "who waits is woken");
	child = fork();
	if (!child) {
		arm(fd, 20 * SECOND, 20 * SECOND);
		blocked(&fd);
		_exit(1);
	}
	usleep(50000);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	test(WIFSIGNALED(status), "who waits can be killed");
	arm(fd, 20 * MS, 20 * MS);
	test(!close(fd), "closed while it is armed");
	usleep(50000);
}

static int abi(void)
{
	int fd = open_device(O_NONBLOCK);

	abi_clocks(fd);
	abi_timer(fd);
	abi_blocking();
	printf("1..%d\n", tests);
	return 0;
}

/* --------------------------------------------------------------------- udp */

struct datagram {
	uint32_t number;
	uint32_t try;
};

/* One after the other: the delay is that of the way, and only one is on it. */
static int serve(const char *port, unsigned int delay, unsigned int drop)
{
	int fd = socket_at(SOCK_DGRAM, port);
	struct sockaddr_in from;
	struct datagram d;
	socklen_t len = sizeof(from);

	while (recvfrom(fd, &d, sizeof(d), 0, (struct sockaddr *)&from, &len) >= 0) {
		if (drop && !d.try && ntohl(d.number) % drop == drop - 1)
			continue;
		usleep(1000 * delay);
		sendto(fd, &d, sizeof(d), 0, (struct sockaddr *)&from, len);
	}
	err(1, "port %s", port);
}

/*
 * struct sender - stop and wait
 * @timer: a timerfd, or the device
 * @given_up: the bits of those tries that timed out, of the last datagrams
 */
struct sender {
	int fd;
	int timer;
	bool effective;
	uint64_t rto;
	uint32_t given_up[WINDOW];
	unsigned int sent, answered, timeouts, spurious;
};

static void set_timer(struct sender *s)
{
	struct itimerspec at = { .it_value = { s->rto / SECOND, s->rto % SECOND } };

	if (s->effective ? arm(s->timer, s->rto, 100 * s->rto) :
	    timerfd_settime(s->timer, 0, &at, NULL))
		err(1, "cannot set the timer");
}

/* Take an answer; is it that of the datagram that is under way? */
static bool take(struct sender *s, uint32_t number)
{
	uint32_t *bits;
	struct datagram d;

	if (recv(s->fd, &d, sizeof(d), MSG_DONTWAIT) != sizeof(d))
		return false;
	d.number = ntohl(d.number);
	d.try = ntohl(d.try);
	if (number - d.number >= WINDOW || d.try >= TRIES)
		return false;
	bits = &s->given_up[d.number % WINDOW];
	if (*bits & 1u << d.try) {
		s->spurious++;
		*bits &= ~(1u << d.try);
	}
	return d.number == number;
}

/* One try; true if it is answered, or an earlier one. */
static bool try_once(struct sender *s, uint32_t number, uint32_t try)
{
	struct datagram d = { htonl(number), htonl(try) };
	struct pollfd p[] = { { s->timer, POLLIN, 0 }, { s->fd, POLLIN, 0 } };

	set_timer(s);
	if (send(s->fd, &d, sizeof(d), 0) != sizeof(d))
		err(1, "send");
	s->sent++;
	for (;;) {
		if (poll(p, 2, -1) < 0)
			err(1, "poll");
		if (p[0].revents)
			break;
		if (take(s, number))
			return true;
	}
	s->timeouts++;
	s->given_up[number % WINDOW] |= 1u << try;
	return false;
}

static int sender(const char *host, const char *port, unsigned int seconds,
		  unsigned int rto, const char *kind)
{
	struct sender s = { .rto = rto * MS, .effective = !strcmp(kind, "effective") };
	uint64_t end = now() + seconds * SECOND;
	uint32_t number, try;

	s.fd = socket_to(SOCK_DGRAM, host, port, NULL);
	s.timer = s.effective ? open_device(O_NONBLOCK) :
				timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	for (number = 0; now() < end; number++) {
		s.given_up[number % WINDOW] = 0;
		for (try = 0; try < TRIES && !try_once(&s, number, try); try++)
			;
		s.answered += try < TRIES;
	}
	/* What is late may still come. */
	while (readable(s.fd, 1000) == 1)
		take(&s, number);
	printf("%s datagrams=%u answered=%u sent=%u timeouts=%u spurious=%u\n", kind, number,
	       s.answered, s.sent, s.timeouts, s.spurious);
	return 0;
}

/* --------------------------------------------------------------------- tcp */

static void *drain(void *arg)
{
	static char buf[1 << 16];
	int fd = (long)arg;

	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
	return NULL;
}

static int sink(const char *port)
{
	int fd = socket_at(SOCK_STREAM, port), one;
	pthread_t thread;

	listen(fd, 8);
	while ((one = accept(fd, NULL, NULL)) >= 0)
		pthread_create(&thread, NULL, drain, (void *)(long)one);
	err(1, "accept");
}

static int flow(const char *host, const char *port, unsigned int seconds,
		const char *congestion)
{
	int fd = socket_to(SOCK_STREAM, host, port, congestion);
	static char buf[4096];
	uint64_t begin = now(), end = begin + seconds * SECOND, t, sent = 0;
	uint32_t cwnd = 0, ssthresh = UINT32_MAX;
	struct tcp_info info;
	socklen_t len;
	ssize_t n;

	while ((t = now()) < end) {
		n = send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? n : 0;
		len = sizeof(info);
		getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
		/* From when the window has grown. */
		if (t > begin + 2 * SECOND && (!cwnd || info.tcpi_snd_cwnd < cwnd))
			cwnd = info.tcpi_snd_cwnd;
		if (info.tcpi_snd_ssthresh < ssthresh)
			ssthresh = info.tcpi_snd_ssthresh;
		usleep(4000);
	}
	printf("%s bytes=%llu retransmitted=%u rtt_ms=%u least_cwnd=%u least_ssthresh=%u\n",
	       congestion, (unsigned long long)sent, info.tcpi_total_retrans,
	       info.tcpi_rtt / 1000, cwnd, ssthresh);
	return 0;
}

/* -------------------------------------------------------------------- host */

static void hog(unsigned int busy, unsigned int idle, int priority)
{
	struct sched_param param = { .sched_priority = priority };
	uint64_t end;

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		err(1, "SCHED_FIFO");
	for (;;) {
		end = now() + busy * MS;
		while (now() < end)
			;
		usleep(1000 * idle);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 2 && !strcmp(what, "abi"))
		return abi();
	if (argc == 5 && !strcmp(what, "serve"))
		return serve(argv[2], atoi(argv[3]), atoi(argv[4]));
	if (argc == 7 && !strcmp(what, "send"))
		return sender(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), argv[6]);
	if (argc == 3 && !strcmp(what, "sink"))
		return sink(argv[2]);
	if (argc == 6 && !strcmp(what, "flow"))
		return flow(argv[2], argv[3], atoi(argv[4]), argv[5]);
	if (argc == 5 && !strcmp(what, "hog"))
		hog(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	errx(1, "usage: see the beginning of steal.c");
}
