// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time for a vCPU by request.
 *
 * What a module can do for a thread that waits for a processor is to raise its weight
 * (set_user_nice()) and to name it as the next one (yield_to(), of who serves the
 * request).  Neither takes a processor away at once: the scheduler decides, and so no
 * request can do more than a high nice value does.  A boost is this:
 *
 *	given	for up to VHS_GRANT_NS of the budget, if the thread waits: its nice value
 *		is lowered by VHS_BOOST_STEPS
 *	ends	when it has run for what was given, or after VHS_BOOST_NS.  A timer looks;
 *		a thread ends it, since a timer may not change nice values: one of
 *		real-time priority, which runs at once
 *	charged	for the time that it ran in between, however late the end came
 *
 * So who is told that he may ask for two milliseconds gets no more of others' time, with
 * any number of requests.
 */
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>

#include "sched.h"
#include "trace.h"

/* Between two wishes of a guest. */
#define VHS_WISH_NS	NSEC_PER_MSEC
/* Between two looks, at least. */
#define VHS_LOOK_NS	(50 * NSEC_PER_USEC)

/* Would it run, and does not?  Woken threads count as asleep until they run. */
static bool vhs_vcpu_waits(struct vhs_vcpu *vcpu)
{
	const struct task_struct *task = vcpu->task;
	u32 state = READ_ONCE(vcpu->state);

	if (state == PARLEY_SCHED_ASLEEP)
		return task_is_running(task) && !READ_ONCE(task->on_cpu);
	return state == PARLEY_SCHED_PREEMPTED;
}

/* Under vm->boost. */
static void vhs_boost_end(struct vhs_vcpu *vcpu)
{
	struct vhs *vm = vcpu->vm;
	u64 used;

	lockdep_assert_held(&vm->boost);
	if (!vcpu->boosted)
		return;
	hrtimer_cancel(&vcpu->timer);
	used = vhs_record_ran(vcpu) - vcpu->ran_before;
	vhs_record_boosted(vcpu, false, used);
	vhs_nice_apply(vcpu);
	vhs_budget_spend(&vm->budget, ktime_get_ns(), vcpu->grant, used);
	atomic64_add(used, &vm->counts.boosted_ns);
	trace_parley_sched_boosted(parley_vhost_id(vm->dev), vcpu->index, vcpu->grant, used);
}

static enum hrtimer_restart vhs_boost_look(struct hrtimer *timer)
{
	struct vhs_vcpu *vcpu = container_of(timer, struct vhs_vcpu, timer);
	u64 used = vhs_record_ran(vcpu) - vcpu->ran_before;

	if (used < vcpu->grant && ktime_get_ns() < vcpu->until) {
		hrtimer_forward_now(timer, max(vcpu->grant - used, VHS_LOOK_NS));
		return HRTIMER_RESTART;
	}
	kthread_queue_work(vhs_ender, &vcpu->end);
	return HRTIMER_NORESTART;
}

static void vhs_boost_end_work(struct kthread_work *work)
{
	struct vhs_vcpu *vcpu = container_of(work, struct vhs_vcpu, end);

	guard(vhs_boost)(&vcpu->vm->boost);
	/* It may be another boost by now, whose own end comes. */
	if (ktime_get_ns() >= vcpu->until ||
	    vhs_record_ran(vcpu) - vcpu->ran_before >= vcpu->grant)
		vhs_boost_end(vcpu);
	/* The timer saw another clock. */
	else if (vcpu->boosted && !hrtimer_active(&vcpu->timer))
		hrtimer_start(&vcpu->timer, VHS_LOOK_NS, HRTIMER_MODE_REL);
}

static void vhs_boost_begin(struct vhs_vcpu *vcpu, u64 grant)
{
	vcpu->grant = grant;
	vcpu->ran_before = vhs_record_ran(vcpu);
	vcpu->until = ktime_get_ns() + VHS_BOOST_NS;
	vhs_record_boosted(vcpu, true, 0);
	vhs_nice_apply(vcpu);
	hrtimer_start(&vcpu->timer, grant, HRTIMER_MODE_REL);
	atomic64_inc(&vcpu->vm->counts.boosts);
}

static u32 vhs_boost_locked(struct vhs_vcpu *vcpu)
{
	struct vhs *vm = vcpu->vm;
	u64 grant;

	lockdep_assert_held(&vm->boost);
	if (!vcpu->task || vcpu->leaves || vm->closing || !vhs_vcpu_waits(vcpu))
		return PARLEY_SCHED_S_NEEDLESS;
	/* It has what it can get. */
	if (vcpu->boosted)
		return PARLEY_SCHED_S_OK;
	grant = vhs_budget_hold(&vm->budget, ktime_get_ns(), VHS_GRANT_MIN_NS, VHS_GRANT_NS);
	if (!grant) {
		WRITE_ONCE(vm->dry_until, ktime_get_ns() + vm->budget.slot_ns);
		return PARLEY_SCHED_S_BUDGET;
	}
	vhs_boost_begin(vcpu, grant);
	return PARLEY_SCHED_S_OK;
}

/**
 * vhs_boost() - have a vCPU run, within its guest's budget
 * @vcpu: it
 * @task: its thread if it was boosted, for put_task_struct(); NULL if it was not, or for
 *	who does not want it
 *
 * Context: sleeps; takes vm->boost.
 * Return: PARLEY_SCHED_S_*.
 */
u32 vhs_boost(struct vhs_vcpu *vcpu, struct task_struct **task)
{
	struct vhs *vm = vcpu->vm;
	u32 status;

	scoped_guard(vhs_boost, &vm->boost) {
		status = vhs_boost_locked(vcpu);
		if (task)
			*task = status == PARLEY_SCHED_S_OK ?
				get_task_struct(vcpu->task) : NULL;
	}
	if (status == PARLEY_SCHED_S_NEEDLESS)
		atomic64_inc(&vm->counts.needless);
	else if (status == PARLEY_SCHED_S_BUDGET)
		atomic64_inc(&vm->counts.refused);
	return status;
}

static void vhs_boost_help(struct work_struct *work)
{
	vhs_boost(container_of(work, struct vhs_vcpu, help), NULL);
}

static void vhs_boost_wished(struct irq_work *wish)
{
	struct vhs_vcpu *vcpu = container_of(wish, struct vhs_vcpu, wish);

	queue_work(vhs_wq, &vcpu->help);
}

/**
 * vhs_boost_wish() - the holder of a lock was preempted: it would be good if it ran
 * @vcpu: it
 *
 * A guest may say of all its vCPUs that they hold locks, always, and have them preempted
 * as often as can be.  What a wish costs is on nobody's account, so there is one in a
 * millisecond, and none when the budget has nothing left.
 *
 * Context: any, under the scheduler's locks.
 */
void vhs_boost_wish(struct vhs_vcpu *vcpu)
{
	struct vhs *vm = vcpu->vm;
	u64 now = ktime_get_mono_fast_ns(), until = READ_ONCE(vm->dry_until);

	/* Of several at a time, one. */
	if (now >= until && cmpxchg64(&vm->dry_until, until, now + VHS_WISH_NS) == until)
		irq_work_queue(&vcpu->wish);
}
EXPORT_SYMBOL_IF_KUNIT(vhs_boost_wish);

/** vhs_boost_init() - for a new vCPU; vhs_boost_close() is the mirror, for all */
void vhs_boost_init(struct vhs_vcpu *vcpu)
{
	hrtimer_setup(&vcpu->timer, vhs_boost_look, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	kthread_init_work(&vcpu->end, vhs_boost_end_work);
	INIT_WORK(&vcpu->help, vhs_boost_help);
	init_irq_work(&vcpu->wish, vhs_boost_wished);
}

/**
 * vhs_boost_stop() - the thread of a vCPU goes: its nice value is as it was
 * @vcpu: has a thread still
 *
 * Context: sleeps; vm->boost held.
 */
void vhs_boost_stop(struct vhs_vcpu *vcpu)
{
	vhs_boost_end(vcpu);
	vcpu->step = 0;
	vhs_nice_apply(vcpu);
}

/**
 * vhs_boost_close() - nothing of what boosts vCPUs runs any more
 * @vm: whose vCPUs have no threads any more
 *
 * Context: sleeps.
 */
void vhs_boost_close(struct vhs *vm)
{
	struct vhs_vcpu *vcpu;

	for (vcpu = vm->vcpus; vcpu < vm->vcpus + vm->nr; vcpu++) {
		irq_work_sync(&vcpu->wish);
		cancel_work_sync(&vcpu->help);
		kthread_cancel_work_sync(&vcpu->end);
	}
}
