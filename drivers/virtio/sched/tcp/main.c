// SPDX-License-Identifier: GPL-2.0-only
/*
 * Congestion control "parley": Reno, which takes back what a retransmission time-out did
 * if the time-out is the host's fault.
 *
 * A processor that comes back finds the retransmission timer expired and the answers
 * waiting, and looks at the timer first.  TCP then takes all that is under way for lost,
 * and begins anew with a window of one segment.  Where there are time stamps the kernel
 * finds out by them that nothing was lost; without them it does so rarely.
 *
 * A time-out is undone if two things are true.  Without what was stolen since the segment
 * was sent, it would not have happened.  And the next answer comes sooner after the
 * retransmission than any answer ever came, so it is one to the original.  The undoing is
 * the kernel's own: it is told that of its retransmissions none is in doubt.  It would undo
 * a reduction of an earlier loss as well, so a time-out in the middle of a recovery stands.
 */
#include <linux/build_bug.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/timekeeping.h>
#include <net/tcp.h>
#include <parley/export.h>
#include <parley/steal.h>
#include <parley/version.h>

#include "tcp.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * struct tcp_priv - of a socket
 * @since: the last answer, or the first segment after a pause
 * @at: when a time-out happened that was the host's fault, and may be undone
 * @una: what was not answered then
 * @suspect: there is one
 * @reduced: the window was just reduced, and where to go back to was noted
 * @undoing: and the kernel is told so
 */
struct tcp_priv {
	struct parley_steal_wait since;
	u64 at;
	u32 una;
	bool suspect;
	bool reduced;
	bool undoing;
};

struct tcp_counts parley_tcp_counts;

static void parley_tcp_init_sock(struct sock *sk)
{
	struct tcp_priv *priv = inet_csk_ca(sk);

	BUILD_BUG_ON(sizeof(*priv) > ICSK_CA_PRIV_SIZE);
	*priv = (struct tcp_priv){};
	parley_steal_wait_begin(&priv->since);
}

/* Called before segments are sent, and a good place to see that a pause ends. */
static u32 parley_tcp_min_tso_segs(struct sock *sk)
{
	struct tcp_priv *priv = inet_csk_ca(sk);

	if (!tcp_sk(sk)->packets_out)
		parley_steal_wait_begin(&priv->since);
	return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_min_tso_segs);
}

/* All was just taken for lost.  Is the host to blame? */
static void parley_tcp_timed_out(struct sock *sk)
{
	u64 rto = jiffies_to_nsecs(inet_csk(sk)->icsk_rto), now, elapsed;
	struct sk_buff *head = tcp_rtx_queue_head(sk);
	struct tcp_priv *priv = inet_csk_ca(sk);
	bool alone, stolen;

	if (!head)
		return;
	alone = parley_tcp_is_alone(priv->reduced, TCP_SKB_CB(head)->sacked & TCPCB_EVER_RETRANS,
				    priv->suspect);
	parley_steal_wait_ran(&priv->since);
	now = ktime_get_ns();
	elapsed = now - min(now, head->skb_mstamp_ns);
	atomic64_inc(&parley_tcp_counts.timeouts);
	stolen = parley_tcp_is_stolen(elapsed, priv->since.stolen, rto);
	priv->suspect = alone && stolen;
	priv->at = now;
	priv->una = tcp_sk(sk)->snd_una;
	if (stolen)
		atomic64_inc(&parley_tcp_counts.stolen);
	trace_parley_tcp_timeout(sk, elapsed, priv->since.stolen, rto, priv->suspect);
	/* The next one, if the retransmission is not answered either. */
	parley_steal_wait_begin(&priv->since);
}

/* A time-out reduces the window, unless something else has done that before. */
static void parley_tcp_cwnd_event(struct sock *sk, enum tcp_ca_event event)
{
	struct tcp_priv *priv = inet_csk_ca(sk);

	if (event == CA_EVENT_LOSS)
		priv->reduced = true;
}

static void parley_tcp_set_state(struct sock *sk, u8 state)
{
	struct tcp_priv *priv = inet_csk_ca(sk);

	if (state == TCP_CA_Loss)
		parley_tcp_timed_out(sk);
	else
		priv->suspect = false;
	priv->reduced = false;
}

/* The first answer to something new after a time-out of the host's. */
static void parley_tcp_answered(struct sock *sk, struct tcp_priv *priv)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u64 since = ktime_get_ns() - priv->at;

	priv->suspect = false;
	if (parley_tcp_is_proved(since, tcp_min_rtt(tp))) {
		/* Then tcp_may_undo() is true, and tcp_process_loss() undoes it. */
		tp->undo_retrans = 0;
		priv->undoing = true;
	} else {
		atomic64_inc(&parley_tcp_counts.unproved);
	}
	trace_parley_tcp_answer(sk, since, tcp_min_rtt(tp), priv->undoing);
}

static void parley_tcp_in_ack_event(struct sock *sk, u32 flags)
{
	struct tcp_priv *priv = inet_csk_ca(sk);
	struct tcp_sock *tp = tcp_sk(sk);

	priv->undoing = false;
	/* The kernel marked where it would go back to when it took all for lost. */
	if (priv->suspect && inet_csk(sk)->icsk_ca_state == TCP_CA_Loss &&
	    tp->undo_marker && after(tp->snd_una, priv->una))
		parley_tcp_answered(sk, priv);
	parley_steal_wait_begin(&priv->since);
}

/* The kernel has found it right to undo. */
static u32 parley_tcp_undo_cwnd(struct sock *sk)
{
	struct tcp_priv *priv = inet_csk_ca(sk);

	if (priv->undoing)
		atomic64_inc(&parley_tcp_counts.undone);
	priv->undoing = false;
	return tcp_reno_undo_cwnd(sk);
}

static struct tcp_congestion_ops parley_tcp_ops __read_mostly = {
	.name		= "parley",
	.owner		= THIS_MODULE,
	.flags		= TCP_CONG_NON_RESTRICTED,
	.init		= parley_tcp_init_sock,
	.ssthresh	= tcp_reno_ssthresh,
	.cong_avoid	= tcp_reno_cong_avoid,
	.undo_cwnd	= parley_tcp_undo_cwnd,
	.cwnd_event	= parley_tcp_cwnd_event,
	.set_state	= parley_tcp_set_state,
	.in_ack_event	= parley_tcp_in_ack_event,
	.min_tso_segs	= parley_tcp_min_tso_segs,
};

static int __init parley_tcp_init(void)
{
	int err = tcp_register_congestion_control(&parley_tcp_ops);

	if (err)
		return err;
	parley_tcp_view_init();
	return 0;
}

static void __exit parley_tcp_exit(void)
{
	parley_tcp_view_exit();
	tcp_unregister_congestion_control(&parley_tcp_ops);
}

module_init(parley_tcp_init);
module_exit(parley_tcp_exit);

/* How the kernel asks for a congestion control by its name. */
MODULE_ALIAS("tcp_parley");
PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: TCP that undoes time-outs which the host caused");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
