// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock that a guest is fed: this host's CLOCK_MONOTONIC plus what makes it the
 * guest's, as a line over the guest's counter.
 *
 * CLOCK_MONOTONIC is what the host's NTP keeps at the rate of real seconds, so that all
 * hosts agree on the rate, however well each one knows its own counter.  The line follows
 * it as a phase-locked loop does, once in a second: it never jumps, the next one begins
 * where the last one is, a little steeper or flatter.  Only what cannot be followed, and
 * what the VMM has set, begins anew, with another epoch.
 */
#include <linux/bits.h>
#include <linux/irqflags.h>
#include <linux/math64.h>
#include <linux/random.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <parley/counter.h>

#include "sched.h"

#define VHS_CLOCK_PERIOD	HZ
#define VHS_CLOCK_TRIES		5	/* the quickest look is the best one */
#define VHS_CLOCK_FAR		(10 * NSEC_PER_MSEC)	/* it cannot be followed */
#define VHS_CLOCK_MULT_MAX	(U32_MAX / 4)	/* as written; the guest bends it */
#define VHS_CLOCK_PULL		1000	/* from the counter's own rate: one part in so many */
#define VHS_CLOCK_RATIO		16	/* of the guest's counter and ours */
#define VHS_CLOCK_NS_MAX	BIT_ULL(62)
#define VHS_CLOCK_AWAY_MAX	(86400ull * NSEC_PER_SEC)

/* One moment, by both clocks. */
struct vhs_moment {
	u64 counter;	/* the guest's */
	u64 mono;
	u64 width;	/* so many turns of it were between */
};

static u64 vhs_counter_of(const struct vhs_clock *clk, u64 counter)
{
	return mul_u64_u64_shr(counter, clk->of.mult, clk->of.shift) + clk->of.offset;
}

static struct vhs_moment vhs_clock_look_once(const struct vhs_clock *clk)
{
	struct vhs_moment m;
	unsigned long flags;
	u64 after;

	local_irq_save(flags);
	m.counter = vhs_counter_of(clk, parley_counter_read());
	m.mono = ktime_get_ns();
	after = vhs_counter_of(clk, parley_counter_read());
	local_irq_restore(flags);
	m.width = after - m.counter;
	m.counter += m.width / 2;
	return m;
}

static struct vhs_moment vhs_clock_look(const struct vhs_clock *clk)
{
	struct vhs_moment best = vhs_clock_look_once(clk), m;
	unsigned int i;

	for (i = 1; i < VHS_CLOCK_TRIES; i++) {
		m = vhs_clock_look_once(clk);
		if (m.width < best.width)
			best = m;
	}
	return best;
}

/* ------------------------------------------------------------------- lines */

static u64 vhs_line_ns(const struct vhs_line *line, u64 turns)
{
	return mul_u64_u32_shr(turns, line->mult, line->shift);
}

/**
 * vhs_line_begin() - a line of a counter's own rate
 * @line: filled
 * @counter: from here on
 * @ns: it shows this there
 * @hz: turns in a second
 *
 * Return: false for a counter that is too slow or too fast.
 */
bool vhs_line_begin(struct vhs_line *line, u64 counter, u64 ns, u64 hz)
{
	u32 shift = 32;
	u64 mult;

	if (hz < 1000000 || hz > 16000000000ull)
		return false;
	mult = div64_u64((u64)NSEC_PER_SEC << 32, hz);
	for (; mult > VHS_CLOCK_MULT_MAX; mult >>= 1)
		shift--;
	*line = (struct vhs_line){
		.counter = counter, .ns = ns, .mult = mult, .shift = shift,
		.own = mult, .rate = mult,
	};
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vhs_line_begin);

static s64 vhs_line_bound(const struct vhs_line *line, s64 mult)
{
	s64 pull = line->own / VHS_CLOCK_PULL;

	return clamp_t(s64, mult, line->own - pull, line->own + pull);
}

/**
 * vhs_line_follow() - the next line, which begins where this one is
 * @line: line
 * @counter: it shows this now
 * @ns: and should be here
 *
 * Proportional and integral, with the gains that are common for clocks.
 *
 * Return: false if it cannot be followed; then nothing is changed.
 */
bool vhs_line_follow(struct vhs_line *line, u64 counter, u64 ns)
{
	u64 turns = counter - line->counter, passed;
	s64 by, error;

	if ((s64)turns <= 0 || turns >> 44)
		return false;
	passed = vhs_line_ns(line, turns);
	error = ns - (line->ns + passed);
	if (!passed || error > (s64)VHS_CLOCK_FAR || error < -(s64)VHS_CLOCK_FAR)
		return false;
	line->counter = counter;
	line->ns += passed;
	line->error = abs(error);
	/* What would make up for it in as long as passed, or in a second. */
	by = div64_s64((s64)line->own * error, max_t(u64, passed, NSEC_PER_SEC));
	line->rate = vhs_line_bound(line, line->rate + by * 3 / 10);
	line->mult = vhs_line_bound(line, line->rate + by * 7 / 10);
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vhs_line_follow);

/* ---------------------------------------------------------- under clk->lock */

static void vhs_clock_publish(struct vhs_clock *clk, const struct vhs_moment *m)
{
	struct parley_sched_host_clock *out = clk->out;
	u64 epoch = (u64)clk->epoch << PARLEY_SCHED_C_EPOCH;

	lockdep_assert_held(&clk->lock);
	if (!out)
		return;
	WRITE_ONCE(out->word, cpu_to_le64(epoch | (clk->seq | 1)));
	/* Pairs with the second virt_rmb() of the reader, pclk_look(). */
	virt_wmb();
	WRITE_ONCE(out->counter, cpu_to_le64(clk->line.counter));
	WRITE_ONCE(out->ns, cpu_to_le64(clk->line.ns));
	WRITE_ONCE(out->mult, cpu_to_le32(clk->line.mult));
	WRITE_ONCE(out->shift, cpu_to_le32(clk->line.shift));
	WRITE_ONCE(out->error_ns, cpu_to_le64(clk->line.error + vhs_line_ns(&clk->line, m->width)));
	/* Pairs with the first virt_rmb() of the reader. */
	virt_wmb();
	clk->seq += 2;
	WRITE_ONCE(out->word, cpu_to_le64(epoch | clk->seq));
}

/* Nothing is said until it is published again. */
static void vhs_clock_silence(struct vhs_clock *clk)
{
	if (clk->out)
		WRITE_ONCE(clk->out->word, cpu_to_le64((u64)clk->epoch << PARLEY_SCHED_C_EPOCH |
						       (clk->seq | 1)));
}

static void vhs_clock_begin(struct vhs_clock *clk, const struct vhs_moment *m)
{
	u64 hz = mul_u64_u64_shr(parley_counter_hz(), clk->of.mult, clk->of.shift);

	if (!clk->started)
		clk->offset = -m->mono;
	clk->started = true;
	if (!++clk->epoch)
		clk->epoch = 1;
	if (!vhs_line_begin(&clk->line, m->counter, m->mono + clk->offset, hz)) {
		vhs_clock_silence(clk);
		pr_err_ratelimited("parley-sched: a guest's counter cannot turn %llu times in a second\n",
				   hz);
		return;
	}
	vhs_clock_publish(clk, m);
}

static void vhs_clock_again(struct work_struct *work)
{
	struct vhs_clock *clk = container_of(to_delayed_work(work), struct vhs_clock, again);
	struct vhs_moment m;

	guard(mutex)(&clk->lock);
	if (!clk->out)
		return;
	m = vhs_clock_look(clk);
	if (vhs_line_follow(&clk->line, m.counter, m.mono + clk->offset))
		vhs_clock_publish(clk, &m);
	else
		vhs_clock_begin(clk, &m);
	queue_delayed_work(vhs_wq, &clk->again, VHS_CLOCK_PERIOD);
}

/* -------------------------------------------------------------------- area */

/**
 * vhs_clock_share() - the guest shares a record, or does not any more
 * @vm: guest
 * @out: what it reads; NULL for none
 *
 * When this returns, nobody uses what was shared before.
 *
 * Return: false if there is no clock here.
 */
bool vhs_clock_share(struct vhs *vm, struct parley_sched_host_clock *out)
{
	struct vhs_clock *clk = &vm->clock;
	struct vhs_moment m;

	if (out && (parley_counter_missing() || !parley_counter_hz()))
		return false;
	guard(mutex)(&clk->lock);
	if (!out)
		vhs_clock_silence(clk);
	clk->out = out;
	if (!out)
		return true;
	m = vhs_clock_look(clk);
	vhs_clock_begin(clk, &m);
	queue_delayed_work(vhs_wq, &clk->again, VHS_CLOCK_PERIOD);
	return true;
}

/* ------------------------------------------------------------ the VMM's calls */

/**
 * parley_vhost_sched_get_clock() - what the guest's clock shows now
 * @dev: device
 * @c: filled
 *
 * Context: as parley_vhost_sched_set_nr().
 * Return: 0; -ENODATA before it was started.
 */
VISIBLE_IF_KUNIT
int parley_vhost_sched_get_clock(struct parley_vhost *dev, struct parley_sched_clock *c)
{
	struct vhs *vm = parley_vhost_priv(dev);
	struct vhs_clock *clk = &vm->clock;
	struct vhs_moment m;

	guard(mutex)(&clk->lock);
	if (!clk->started)
		return -ENODATA;
	m = vhs_clock_look(clk);
	*c = (struct parley_sched_clock){
		.ns = m.mono + clk->offset,
		.realtime_ns = ktime_to_ns(ktime_mono_to_real(m.mono)),
		.counter = m.counter,
	};
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_get_clock);

/**
 * parley_vhost_sched_set_clock() - say what the guest's clock shows now
 * @dev: device
 * @c: as another host has read it
 *
 * Context: as parley_vhost_sched_set_nr().
 * Return: 0; -EINVAL for what there is not; -ERANGE if it was away for too long.
 */
VISIBLE_IF_KUNIT int parley_vhost_sched_set_clock(struct parley_vhost *dev,
						  const struct parley_sched_clock *c)
{
	struct vhs *vm = parley_vhost_priv(dev);
	struct vhs_clock *clk = &vm->clock;
	struct vhs_moment m;
	s64 away = 0;

	if (c->flags & ~PARLEY_SCHED_CLOCK_REALTIME || c->reserved ||
	    c->ns > VHS_CLOCK_NS_MAX)
		return -EINVAL;
	guard(mutex)(&clk->lock);
	m = vhs_clock_look(clk);
	if (c->flags & PARLEY_SCHED_CLOCK_REALTIME)
		away = max_t(s64, ktime_to_ns(ktime_mono_to_real(m.mono)) - c->realtime_ns, 0);
	if (away > (s64)VHS_CLOCK_AWAY_MAX)
		return -ERANGE;
	clk->offset = c->ns + away - m.mono;
	clk->started = true;
	vhs_clock_begin(clk, &m);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_set_clock);

/* The offset at this moment becomes that of the line on which the guest's counter is now. */
static void vhs_counter_now(struct parley_sched_counter *of)
{
	u64 now = parley_counter_read();

	of->offset += now - mul_u64_u64_shr(now, of->mult, of->shift);
	of->flags = 0;
}

/**
 * parley_vhost_sched_set_counter() - say what the guest's counter shows
 * @dev: device
 * @of: by the host's
 *
 * Context: as parley_vhost_sched_set_nr().
 * Return: 0; -EINVAL for a ratio that no VMM needs.
 */
VISIBLE_IF_KUNIT int parley_vhost_sched_set_counter(struct parley_vhost *dev,
						    const struct parley_sched_counter *of)
{
	struct vhs *vm = parley_vhost_priv(dev);
	struct vhs_clock *clk = &vm->clock;
	struct vhs_moment m;

	if (of->flags & ~PARLEY_SCHED_COUNTER_NOW || of->shift > 63 ||
	    of->mult < (1ull << of->shift) / VHS_CLOCK_RATIO || !of->mult ||
	    of->mult >> of->shift > VHS_CLOCK_RATIO)
		return -EINVAL;
	guard(mutex)(&clk->lock);
	clk->of = *of;
	if (of->flags & PARLEY_SCHED_COUNTER_NOW)
		vhs_counter_now(&clk->of);
	if (!clk->started)
		return 0;
	m = vhs_clock_look(clk);
	vhs_clock_begin(clk, &m);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_set_counter);

/** vhs_clock_ioctl() - those of the VMM's calls that are about the clock */
long vhs_clock_ioctl(struct parley_vhost *dev, unsigned int cmd, void __user *arg)
{
	struct parley_sched_counter of;
	struct parley_sched_clock c;
	int err;

	switch (cmd) {
	case PARLEY_SCHED_GET_CLOCK:
		err = parley_vhost_sched_get_clock(dev, &c);
		return err ?: copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
	case PARLEY_SCHED_SET_CLOCK:
		if (copy_from_user(&c, arg, sizeof(c)))
			return -EFAULT;
		return parley_vhost_sched_set_clock(dev, &c);
	case PARLEY_SCHED_SET_COUNTER:
		if (copy_from_user(&of, arg, sizeof(of)))
			return -EFAULT;
		return parley_vhost_sched_set_counter(dev, &of);
	default:
		return -ENOIOCTLCMD;
	}
}

/* -------------------------------------------------------------------- life */

/** vhs_clock_init() - a clock that is not started, of a counter that is ours */
void vhs_clock_init(struct vhs *vm)
{
	struct vhs_clock *clk = &vm->clock;

	mutex_init(&clk->lock);
	clk->of.mult = 1;
	clk->epoch = get_random_u32();
	INIT_DELAYED_WORK(&clk->again, vhs_clock_again);
}

/** vhs_clock_exit() - the mirror; nothing is shared */
void vhs_clock_exit(struct vhs *vm)
{
	cancel_delayed_work_sync(&vm->clock.again);
}
