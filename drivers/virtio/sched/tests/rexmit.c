// SPDX-License-Identifier: GPL-2.0-only
/*
 * A retransmission timer over UDP, and what it does while the host takes its processor
 * away; for the lab, and built for nobody else.
 *
 * A client on one processor sends a datagram to a server on another, over loopback, and
 * waits for the answer, which takes delay_ms.  For each transmission it starts two
 * timers of timeout_ms, an ordinary one and an effective one.  If the effective one
 * fires, it sends again; the other one is only counted.
 *
 * The network loses nothing.  It is the server that drops the first transmission of
 * each drop-th datagram, so whether a time-out was rightful is known: a time-out of any
 * other transmission is spurious.
 *
 * Loading it takes as long as this; what came of it is in its parameters.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/in.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/wait.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <parley/compat.h>
#include <parley/efftime.h>
#include <parley/export.h>
#include <parley/version.h>

static unsigned int rounds = 100, timeout_ms = 100, delay_ms = 30, drop = 20, client_cpu,
	server_cpu = 1;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "datagrams");
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "after which one is sent again");
module_param(delay_ms, uint, 0444);
MODULE_PARM_DESC(delay_ms, "that the server takes to answer");
module_param(drop, uint, 0444);
MODULE_PARM_DESC(drop, "of so many datagrams one is lost; 0: none");
module_param(client_cpu, uint, 0444);
MODULE_PARM_DESC(client_cpu, "processor of the client and its timers");
module_param(server_cpu, uint, 0444);
MODULE_PARM_DESC(server_cpu, "processor of the server");

/* Results; [0] of ordinary timers, [1] of effective ones. */
static unsigned int answered, lost, rightful[2], spurious[2];
static unsigned long stolen_ms;
module_param(answered, uint, 0444);
MODULE_PARM_DESC(answered, "result: datagrams that were answered");
module_param(lost, uint, 0444);
MODULE_PARM_DESC(lost, "result: transmissions that the server dropped");
module_param_array(rightful, uint, NULL, 0444);
MODULE_PARM_DESC(rightful, "result: time-outs of dropped ones, by the ordinary and the effective timer");
module_param_array(spurious, uint, NULL, 0444);
MODULE_PARM_DESC(spurious, "result: time-outs of others");
module_param(stolen_ms, ulong, 0444);
MODULE_PARM_DESC(stolen_ms, "result: stolen from the client's processor meanwhile");

#define REXMIT_PORT	47112
/* No datagram is given up before; the test fails if it is. */
#define REXMIT_MOST	(60ull * NSEC_PER_SEC)

enum rexmit_timer { REXMIT_ORDINARY, REXMIT_EFFECTIVE };

struct rexmit_datagram {
	u32 round;
	u32 transmission;
};

/*
 * struct rexmit - the client
 * @wait: it waits here, for what the timers and @receiver find
 * @out: bits of the timers that fired for this transmission
 * @last: round that was answered last, plus 1
 */
struct rexmit {
	struct socket *client, *server;
	struct task_struct *receiver, *responder;
	wait_queue_head_t wait;
	struct hrtimer ordinary;
	struct parley_efftimer effective;
	unsigned long out;
	u32 last;
	struct completion done;
};

static struct rexmit rexmit;

static enum hrtimer_restart rexmit_ordinary(struct hrtimer *timer)
{
	set_bit(REXMIT_ORDINARY, &rexmit.out);
	return HRTIMER_NORESTART;
}

static void rexmit_effective(struct parley_efftimer *timer)
{
	set_bit(REXMIT_EFFECTIVE, &rexmit.out);
	wake_up(&rexmit.wait);
}

static bool rexmit_dropped(struct rexmit_datagram d)
{
	return drop && d.round % drop == drop - 1 && !d.transmission;
}

static int rexmit_send(struct socket *from, u16 port, struct rexmit_datagram d)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to) };
	struct kvec vec = { .iov_base = &d, .iov_len = sizeof(d) };

	return kernel_sendmsg(from, &msg, &vec, 1, sizeof(d));
}

/* The next datagram of a socket; false if none came for a while. */
static bool rexmit_receive(struct socket *at, struct rexmit_datagram *d)
{
	struct msghdr msg = {};
	struct kvec vec = { .iov_base = d, .iov_len = sizeof(*d) };

	return kernel_recvmsg(at, &msg, &vec, 1, sizeof(*d), 0) == sizeof(*d);
}

static int rexmit_respond(void *unused)
{
	struct rexmit_datagram d;

	while (!kthread_should_stop()) {
		if (!rexmit_receive(rexmit.server, &d))
			continue;
		if (rexmit_dropped(d)) {
			lost++;
			continue;
		}
		msleep(delay_ms);
		rexmit_send(rexmit.server, REXMIT_PORT, d);
	}
	return 0;
}

static int rexmit_listen(void *unused)
{
	struct rexmit_datagram d;

	while (!kthread_should_stop()) {
		if (!rexmit_receive(rexmit.client, &d))
			continue;
		WRITE_ONCE(rexmit.last, max(rexmit.last, d.round + 1));
		wake_up(&rexmit.wait);
	}
	return 0;
}

/* One transmission.  What fired is counted when all is over with it. */
static void rexmit_transmit(struct rexmit_datagram d)
{
	u64 ns = timeout_ms * (u64)NSEC_PER_MSEC;
	unsigned int *counts = rexmit_dropped(d) ? rightful : spurious;

	rexmit.out = 0;
	rexmit_send(rexmit.client, REXMIT_PORT + 1, d);
	hrtimer_start(&rexmit.ordinary, ns_to_ktime(ns), HRTIMER_MODE_REL_PINNED_HARD);
	parley_efftimer_start(&rexmit.effective, ns, REXMIT_MOST);
	wait_event(rexmit.wait, READ_ONCE(rexmit.last) > d.round ||
		   test_bit(REXMIT_EFFECTIVE, &rexmit.out));
	parley_efftimer_cancel(&rexmit.effective);
	hrtimer_cancel(&rexmit.ordinary);
	counts[REXMIT_ORDINARY] += test_bit(REXMIT_ORDINARY, &rexmit.out);
	counts[REXMIT_EFFECTIVE] += test_bit(REXMIT_EFFECTIVE, &rexmit.out);
}

static int rexmit_client(void *unused)
{
	struct rexmit_datagram d = {};
	u64 before = parley_stolen_ns(client_cpu);

	for (d.round = 0; d.round < rounds; d.round++) {
		for (d.transmission = 0; READ_ONCE(rexmit.last) <= d.round; d.transmission++)
			rexmit_transmit(d);
		answered++;
	}
	stolen_ms = (parley_stolen_ns(client_cpu) - before) / NSEC_PER_MSEC;
	complete(&rexmit.done);
	return 0;
}

static struct socket *rexmit_socket(u16 port)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, AF_INET, SOCK_DGRAM, IPPROTO_UDP, &sock);
	if (err)
		return ERR_PTR(err);
	/* Who waits for a datagram looks whether it is to end. */
	sock->sk->sk_rcvtimeo = HZ / 5;
	/* Its type has another name on newer kernels. */
	err = kernel_bind(sock, (void *)&here, sizeof(here));
	if (err) {
		sock_release(sock);
		return ERR_PTR(err);
	}
	return sock;
}

static int rexmit_run(void)
{
	struct task_struct *client;

	rexmit.responder = kthread_run_on_cpu(rexmit_respond, NULL, server_cpu, "rexmit-s/%u");
	if (IS_ERR(rexmit.responder))
		return PTR_ERR(rexmit.responder);
	rexmit.receiver = kthread_run_on_cpu(rexmit_listen, NULL, client_cpu, "rexmit-r/%u");
	if (IS_ERR(rexmit.receiver)) {
		kthread_stop(rexmit.responder);
		return PTR_ERR(rexmit.receiver);
	}
	client = kthread_run_on_cpu(rexmit_client, NULL, client_cpu, "rexmit-c/%u");
	if (!IS_ERR(client))
		while (wait_for_completion_timeout(&rexmit.done, 10 * HZ) == 0)
			;
	kthread_stop(rexmit.receiver);
	kthread_stop(rexmit.responder);
	return PTR_ERR_OR_ZERO(client);
}

static int __init rexmit_init(void)
{
	int err;

	if (!cpu_online(client_cpu) || !cpu_online(server_cpu))
		return -EINVAL;
	init_waitqueue_head(&rexmit.wait);
	init_completion(&rexmit.done);
	hrtimer_setup(&rexmit.ordinary, rexmit_ordinary, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	parley_efftimer_init(&rexmit.effective, rexmit_effective);
	rexmit.client = rexmit_socket(REXMIT_PORT);
	if (IS_ERR(rexmit.client))
		return PTR_ERR(rexmit.client);
	rexmit.server = rexmit_socket(REXMIT_PORT + 1);
	err = PTR_ERR_OR_ZERO(rexmit.server);
	if (!err) {
		err = rexmit_run();
		sock_release(rexmit.server);
	}
	sock_release(rexmit.client);
	return err;
}

static void __exit rexmit_exit(void)
{
}

module_init(rexmit_init);
module_exit(rexmit_exit);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: a retransmission timer in a guest whose processor is taken away");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
