// SPDX-License-Identifier: GPL-2.0-only
/*
 * load serve
 *	In the host: the other end of every load, on port 5000.
 * load WORK ADDRESS COUNT [JOBS [INTERFACE]]
 *	In the guest: the load, against the one who serves at ADDRESS, marked for the
 *	plugin, so that the window holds the work from first to last. JOBS processes do so
 *	at once, the n-th on processor n, each for a connection of its own.
 *
 * WORK and what COUNT counts:
 *	tcp-send, tcp-recv	a stream from the guest, to the guest: MSS bytes of it
 *	tcp-rr			a byte goes, and one comes back; how long that took is told
 *	udp-send, udp-recv	frames of 64 bytes (18 of data) from the guest, to the guest
 *	xdp-drop		as udp-recv, but that a program at INTERFACE drops them
 *
 * UDP has no windows, and what is sent faster than it is taken is lost, which is work of
 * another kind. So the last of each BURST frames is answered, and AHEAD bursts may be
 * under way. The program lets these last ones pass.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT		5000
#define MSS		1448
#define PIECE		(128 * 1024)
#define DATA		18	/* and 42 of headers, and 4 that nobody here sees */
#define BURST		64
#define AHEAD		4
#define WARM_UP		(4 * BURST)
#define ROOM		(4 << 20)
#define TRIES		20

enum work { TCP_SEND, TCP_RECV, TCP_RR, UDP_SEND, UDP_RECV, DROP, WORKS };
static const char * const names[WORKS] = {
	"tcp-send", "tcp-recv", "tcp-rr", "udp-send", "udp-recv", "xdp-drop",
};

/* What the guest asks for, before each run on its connection. */
struct request {
	uint32_t work;
	uint32_t port;		/* of the guest's UDP socket */
	uint64_t count;
};

/* A datagram; the last of a burst has the letter L and its number. */
struct datagram {
	char letter;
	char pad[DATA - 5];
	uint32_t number;
} __attribute__((packed));

struct peer {
	int stream, dgram;
	uint64_t *took;		/* of the single round trips */
};

static void fail(const char *what)
{
	printf("# load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ul + t.tv_nsec;
}

/* ------------------------------------------------------------- streams */

static void put(int fd, const void *data, size_t size)
{
	for (ssize_t n; size; data = (const char *)data + n, size -= n) {
		n = send(fd, data, size, MSG_NOSIGNAL);
		if (n <= 0)
			fail("send");
	}
}

/* Returns 0 at the end of the stream, if that is where a record would begin. */
static int get(int fd, void *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	for (; done < size; done += n) {
		n = recv(fd, (char *)data + done, size - done, MSG_WAITALL);
		if (!n && !done)
			return 0;
		if (n <= 0)
			fail("recv");
	}
	return 1;
}

static char piece[PIECE];

static void stream_out(int fd, uint64_t bytes)
{
	char byte;

	for (uint64_t n; bytes; bytes -= n) {
		n = bytes < PIECE ? bytes : PIECE;
		put(fd, piece, n);
	}
	if (!get(fd, &byte, 1))
		fail("an answer");
}

static void stream_in(int fd, uint64_t bytes)
{
	ssize_t n;

	for (; bytes; bytes -= n) {
		n = recv(fd, piece, bytes < PIECE ? bytes : PIECE, 0);
		if (n <= 0)
			fail("recv");
	}
	put(fd, piece, 1);
}

static void ask(struct peer *peer, uint64_t count)
{
	uint64_t i, begin;
	char byte = 0;

	for (i = 0; i < count; i++) {
		begin = now_ns();
		put(peer->stream, &byte, 1);
		if (!get(peer->stream, &byte, 1))
			fail("an answer");
		if (peer->took)
			peer->took[i] = now_ns() - begin;
	}
}

static void answer(int fd, uint64_t count)
{
	char byte;

	for (; count; count--) {
		if (!get(fd, &byte, 1))
			fail("a question");
		put(fd, &byte, 1);
	}
}

/* ----------------------------------------------------------- datagrams */

static void put_datagram(int fd, char letter, uint32_t number)
{
	struct datagram d = { .letter = letter, .number = number };

	while (send(fd, &d, sizeof(d), 0) < 0)
		if (errno != ENOBUFS && errno != EINTR)
			fail("send");
}

/* The number of a burst that has arrived; those before have as well. */
static uint32_t answered(int fd, uint32_t before, uint32_t sent)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct datagram d;
	int tries;

	for (tries = 0; poll(&wait, 1, 1000) <= 0; tries++) {
		if (tries == TRIES)
			fail("no answer to a burst");
		put_datagram(fd, 'L', sent);
	}
	if (recv(fd, &d, sizeof(d), 0) != sizeof(d))
		fail("an answer");
	return d.number > before ? d.number : before;
}

static void bursts_out(int fd, uint32_t bursts)
{
	uint32_t sent, seen = 0;
	int i;

	for (sent = 1; sent <= bursts; sent++) {
		while (sent > seen + AHEAD)
			seen = answered(fd, seen, sent - 1);
		for (i = 0; i < BURST - 1; i++)
			put_datagram(fd, 'D', 0);
		put_datagram(fd, 'L', sent);
	}
	while (seen < bursts)
		seen = answered(fd, seen, bursts);
}

static void bursts_in(int fd, uint32_t bursts)
{
	struct datagram d;

	do {
		if (recv(fd, &d, sizeof(d), 0) != sizeof(d))
			fail("recv");
		if (d.letter == 'L')
			put_datagram(fd, 'A', d.number);
	} while (d.letter != 'L' || d.number != bursts);
}

static int datagram_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = ROOM;
	struct sockaddr_in any = { .sin_family = AF_INET };

	if (fd < 0 || bind(fd, (void *)&any, sizeof(any)))
		fail("a socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in own;
	socklen_t size = sizeof(own);

	if (getsockname(fd, (void *)&own, &size))
		fail("getsockname");
	return own.sin_port;
}

/* To the other end of the connection, at that port. */
static void aim(struct peer *peer, uint16_t port)
{
	struct sockaddr_in other;
	socklen_t size = sizeof(other);

	if (getpeername(peer->stream, (void *)&other, &size))
		fail("getpeername");
	other.sin_port = port;
	if (connect(peer->dgram, (void *)&other, sizeof(other)))
		fail("connect");
}

/* ------------------------------------------------------------ the host */

static void serve_one(int stream)
{
	struct peer peer = { .stream = stream, .dgram = datagram_socket() };
	uint32_t port = port_of(peer.dgram);
	struct request r;

	put(stream, &port, sizeof(port));
	while (get(stream, &r, sizeof(r))) {
		aim(&peer, r.port);
		if (r.work == TCP_SEND)
			stream_in(stream, r.count * MSS);
		else if (r.work == TCP_RECV)
			stream_out(stream, r.count * MSS);
		else if (r.work == TCP_RR)
			answer(stream, r.count);
		else if (r.work == UDP_SEND)
			bursts_in(peer.dgram, r.count / BURST);
		else
			bursts_out(peer.dgram, r.count / BURST);
	}
	exit(0);
}

static int serve(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, stream;

	signal(SIGCHLD, SIG_IGN);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (void *)&any, sizeof(any)) || listen(fd, 16))
		fail("listen");
	printf("ready\n");
	fflush(stdout);
	while ((stream = accept(fd, NULL, NULL)) >= 0) {
		setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (!fork())
			serve_one(stream);
		close(stream);
	}
	return 1;
}

/* ------------------------------------------------------ a program (XDP) */

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

#define INSN(op, dst, src, to, value) \
	{ .code = op, .dst_reg = dst, .src_reg = src, .off = to, .imm = value }

/* IPv4, UDP and the letter D is dropped. */
static int load_program(void)
{
	const struct bpf_insn text[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 3, 1, 4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, 60),
		INSN(BPF_JMP | BPF_JGT | BPF_X, 4, 3, 8, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_H, 4, 2, 12, 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 6, 0x0008),
		INSN(BPF_LDX | BPF_MEM | BPF_B, 4, 2, 23, 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 4, IPPROTO_UDP),
		INSN(BPF_LDX | BPF_MEM | BPF_B, 4, 2, 42, 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 2, 'D'),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_DROP),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP, .insns = (uintptr_t)text,
		.insn_cnt = sizeof(text) / sizeof(*text), .license = (uintptr_t)"GPL",
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		fail("a program");
	return fd;
}

/* In the driver if it can, else in the stack; for as long as this process lives. */
static void attach(const char *interface)
{
	union bpf_attr attr = { .link_create = {
		.prog_fd = load_program(), .target_ifindex = if_nametoindex(interface),
		.attach_type = BPF_XDP, .flags = XDP_FLAGS_DRV_MODE,
	} };

	if (bpf(BPF_LINK_CREATE, &attr) >= 0) {
		printf("# program driver\n");
		return;
	}
	attr.link_create.flags = XDP_FLAGS_SKB_MODE;
	if (bpf(BPF_LINK_CREATE, &attr) < 0)
		fail("attaching a program");
	printf("# program stack\n");
}

/* ----------------------------------------------------------- the guest */

/* See guest/plugin.c: the tag says which of the two it is. */
#define MARK_OPEN	0
#define MARK_CLOSE	1

static inline __attribute__((always_inline)) void mark(const unsigned char tag)
{
	asm volatile(".byte 0x0f, 0x1f, 0x80, %c0, 'M', 'R', 'K'"
		     : : "i" (tag) : "memory");
}

static void run(struct peer *peer, enum work work, uint64_t count)
{
	struct request r = { .work = work, .port = port_of(peer->dgram), .count = count };

	put(peer->stream, &r, sizeof(r));
	if (work == TCP_SEND)
		stream_out(peer->stream, count * MSS);
	else if (work == TCP_RECV)
		stream_in(peer->stream, count * MSS);
	else if (work == TCP_RR)
		ask(peer, count);
	else if (work == UDP_SEND)
		bursts_out(peer->dgram, count / BURST);
	else
		bursts_in(peer->dgram, count / BURST);
}

static void reach(struct peer *peer, const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	uint32_t port;
	int on = 1;

	peer->stream = socket(AF_INET, SOCK_STREAM, 0);
	peer->dgram = datagram_socket();
	if (!inet_aton(address, &to.sin_addr) ||
	    connect(peer->stream, (void *)&to, sizeof(to)))
		fail(address);
	setsockopt(peer->stream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!get(peer->stream, &port, sizeof(port)))
		fail("an answer");
	aim(peer, port);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Jitter is how much one differs from the one before, in the mean. */
static void tell(uint64_t *took, uint64_t count)
{
	uint64_t i, jitter = 0;

	for (i = 1; i < count; i++)
		jitter += llabs((long long)took[i] - (long long)took[i - 1]);
	qsort(took, count, sizeof(*took), by_size);
	printf("# p50 %lu p99 %lu jitter %lu\n", took[count / 2], took[count * 99 / 100],
	       jitter / (count - 1));
}

/* What a process does: get ready, say so, wait for the word, run. */
struct gate {
	int ready[2];
	int go[2];
};

static void worker(const char *address, enum work work, uint64_t count, int cpu,
		   struct gate *gate)
{
	struct peer peer = { 0 };
	cpu_set_t set;
	char byte = 0;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity");
	reach(&peer, address);
	run(&peer, work, WARM_UP);
	if (work == TCP_RR) {
		peer.took = mmap(NULL, count * sizeof(*peer.took), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (peer.took == MAP_FAILED)
			fail("mmap");
	}
	if (write(gate->ready[1], &byte, 1) != 1 || read(gate->go[0], &byte, 1) != 1)
		fail("a pipe");
	run(&peer, work, count);
	if (write(gate->ready[1], &byte, 1) != 1 || read(gate->go[0], &byte, 1) != 1)
		fail("a pipe");
	if (work == TCP_RR && !cpu)
		tell(peer.took, count);
	exit(0);
}

/* All processes have come so far when this returns; then they may go on. */
static void gather(struct gate *gate, int jobs)
{
	char byte;

	for (int i = 0; i < jobs; i++)
		if (read(gate->ready[0], &byte, 1) != 1)
			fail("a process");
}

static void let_go(struct gate *gate, int jobs)
{
	static const char bytes[64];

	if (write(gate->go[1], bytes, jobs) != jobs)
		fail("a pipe");
}

int main(int argc, char **argv)
{
	uint64_t count, begin, end;
	int work = 0, jobs, status;
	struct gate gate;

	if (argc == 2 && !strcmp(argv[1], "serve"))
		return serve();
	while (argc > 1 && work < WORKS && strcmp(argv[1], names[work]))
		work++;
	if (argc < 4 || work == WORKS) {
		fprintf(stderr, "load serve | WORK ADDRESS COUNT [JOBS [INTERFACE]]\n");
		return 2;
	}
	count = strtoul(argv[3], NULL, 10) / BURST * BURST;
	jobs = argc > 4 ? atoi(argv[4]) : 1;
	if (argc > 5 && work == DROP)
		attach(argv[5]);
	fflush(stdout);
	if (pipe(gate.ready) || pipe(gate.go))
		fail("pipe");
	for (int i = 0; i < jobs; i++)
		if (!fork())
			worker(argv[2], work, count, i, &gate);
	close(gate.ready[1]);
	gather(&gate, jobs);
	begin = now_ns();
	mark(MARK_OPEN);
	let_go(&gate, jobs);
	gather(&gate, jobs);
	mark(MARK_CLOSE);
	end = now_ns();
	let_go(&gate, jobs);
	for (int i = 0; i < jobs; i++)
		if (wait(&status) < 0 || status)
			return 1;
	printf("# took %lu\n", end - begin);
	return 0;
}
