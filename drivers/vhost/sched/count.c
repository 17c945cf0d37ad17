// SPDX-License-Identifier: GPL-2.0-only
/*
 * Performance counters of the guest alone.
 *
 * A counter is a perf event of the vCPU's thread, with exclude_host: it counts while the
 * processor executes the guest, and not what the host does for it.  It goes with the
 * thread and no other, so nothing of a neighbour is in it, wherever both run.  Where the
 * processor cannot leave out the host, perf refuses it, and so do we: a number in which
 * the host's work is hidden would tell the guest about its neighbours.  There are drivers of
 * counters that neither refuse nor leave it out, so each kind is tried before.
 *
 * When a vCPU gets another thread, what was counted stays.
 */
#include <kunit/static_stub.h>
#include <linux/capability.h>
#include <linux/delay.h>
#include <linux/nospec.h>
#include <linux/perf_event.h>
#include <linux/sched.h>

#include "sched.h"

/* For so long a counter is tried. */
#define VHS_TRY_US	50

/* By PARLEY_SCHED_PMC_*, of PERF_TYPE_HARDWARE. */
static const u64 vhs_count_configs[] = {
	[PARLEY_SCHED_PMC_CYCLES] = PERF_COUNT_HW_CPU_CYCLES,
	[PARLEY_SCHED_PMC_INSTRUCTIONS] = PERF_COUNT_HW_INSTRUCTIONS,
	[PARLEY_SCHED_PMC_CACHE_REFS] = PERF_COUNT_HW_CACHE_REFERENCES,
	[PARLEY_SCHED_PMC_CACHE_MISSES] = PERF_COUNT_HW_CACHE_MISSES,
	[PARLEY_SCHED_PMC_BRANCHES] = PERF_COUNT_HW_BRANCH_INSTRUCTIONS,
	[PARLEY_SCHED_PMC_BRANCH_MISSES] = PERF_COUNT_HW_BRANCH_MISSES,
};

/**
 * vhs_count_attr() - the event that counts something
 * @what: PARLEY_SCHED_PMC_*
 * @attr: filled
 *
 * Context: any.
 * Return: 0, or -EINVAL if there is no such thing.
 */
VISIBLE_IF_KUNIT int vhs_count_attr(u32 what, struct perf_event_attr *attr)
{
	KUNIT_STATIC_STUB_REDIRECT(vhs_count_attr, what, attr);
	if (what == PARLEY_SCHED_PMC_NONE || what >= ARRAY_SIZE(vhs_count_configs))
		return -EINVAL;
	what = array_index_nospec(what, ARRAY_SIZE(vhs_count_configs));
	*attr = (struct perf_event_attr){
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(*attr),
		.config = vhs_count_configs[what],
		.exclude_host = 1,
	};
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vhs_count_attr);

/**
 * vhs_count_try() - can this be counted of a guest alone?
 * @what: PARLEY_SCHED_PMC_*
 *
 * All that the caller does here is the host's, so the counter has to stand still.
 *
 * Context: sleeps.
 * Return: 0; -EOPNOTSUPP if it counts the host as well; -EBUSY if it did not get to count;
 * or what perf says.
 */
VISIBLE_IF_KUNIT int vhs_count_try(u32 what)
{
	u64 value, enabled, running;
	struct perf_event_attr attr;
	struct perf_event *event;
	int err;

	KUNIT_STATIC_STUB_REDIRECT(vhs_count_try, what);
	err = vhs_count_attr(what, &attr);
	if (err)
		return err;
	event = perf_event_create_kernel_counter(&attr, -1, current, NULL, NULL);
	if (IS_ERR(event))
		return PTR_ERR(event);
	udelay(VHS_TRY_US);
	value = perf_event_read_value(event, &enabled, &running);
	perf_event_release_kernel(event);
	if (value)
		return -EOPNOTSUPP;
	return running ? 0 : -EBUSY;
}
EXPORT_SYMBOL_IF_KUNIT(vhs_count_try);

static struct vhs_counted vhs_count_look(struct vhs_vcpu *vcpu, unsigned int i)
{
	struct vhs_counted c = vcpu->past[i];
	u64 enabled, running;

	lockdep_assert_held(&vcpu->vm->counting);
	if (!vcpu->event[i])
		return c;
	c.value += perf_event_read_value(vcpu->event[i], &enabled, &running);
	c.enabled += enabled;
	c.running += running;
	return c;
}

static void vhs_count_drop(struct vhs_vcpu *vcpu)
{
	unsigned int i;

	lockdep_assert_held(&vcpu->vm->counting);
	for (i = 0; i < PARLEY_SCHED_PMCS; i++) {
		if (!vcpu->event[i])
			continue;
		vcpu->past[i] = vhs_count_look(vcpu, i);
		perf_event_release_kernel(vcpu->event[i]);
		vcpu->event[i] = NULL;
	}
}

static int vhs_count_open(struct vhs_vcpu *vcpu, unsigned int i)
{
	u32 what = vcpu->vm->counters.what[i];
	struct perf_event_attr attr;
	struct perf_event *event;
	int err = vhs_count_attr(what, &attr);

	if (err)
		return err;
	event = perf_event_create_kernel_counter(&attr, -1, vcpu->task, NULL, NULL);
	if (!IS_ERR(event)) {
		vcpu->event[i] = event;
		return 0;
	}
	return PTR_ERR(event);
}

static void vhs_count_say(const struct vhs *vm, u32 what, int err)
{
	pr_err_ratelimited("parley-sched %u: counter %u cannot count the guest alone on this processor (%d)\n",
			   parley_vhost_id(vm->dev), what, err);
}

/* All that there are to be, or none. */
static int vhs_count_take(struct vhs_vcpu *vcpu)
{
	unsigned int i;
	int err = 0;

	lockdep_assert_held(&vcpu->vm->counting);
	for (i = 0; i < vcpu->vm->counters.nr && !err; i++) {
		err = vhs_count_open(vcpu, i);
		if (err)
			vhs_count_say(vcpu->vm, vcpu->vm->counters.what[i], err);
	}
	if (err)
		vhs_count_drop(vcpu);
	return err;
}

/**
 * vhs_count_begin() - a vCPU has a thread, which is counted from now on
 * @vcpu: it
 *
 * Context: sleeps; dev->mutex held, so that the thread stays.
 * Return: 0, or what perf says.
 */
int vhs_count_begin(struct vhs_vcpu *vcpu)
{
	guard(mutex)(&vcpu->vm->counting);
	return vhs_count_take(vcpu);
}

/**
 * vhs_count_end() - its thread goes
 * @vcpu: it; may have none
 *
 * Context: sleeps; dev->mutex held.
 */
void vhs_count_end(struct vhs_vcpu *vcpu)
{
	guard(mutex)(&vcpu->vm->counting);
	vhs_count_drop(vcpu);
}

static void vhs_count_none(struct vhs *vm)
{
	struct vhs_vcpu *vcpu;

	for (vcpu = vm->vcpus; vcpu < vm->vcpus + vm->nr; vcpu++) {
		vhs_count_drop(vcpu);
		memset(vcpu->past, 0, sizeof(vcpu->past));
	}
	vm->counters.nr = 0;
}

/**
 * vhs_count_set() - say what is counted of each vCPU
 * @vm: the guest
 * @c: that
 *
 * Context: sleeps; dev->mutex held.
 * Return: 0; -EINVAL for what there is not; -EPERM for who may not count others; or as
 * vhs_count_try(): then there are none.
 */
int vhs_count_set(struct vhs *vm, const struct parley_sched_pmcs *c)
{
	struct perf_event_attr attr;
	struct vhs_vcpu *vcpu;
	unsigned int i;
	int err = 0;

	if (c->nr > PARLEY_SCHED_PMCS)
		return -EINVAL;
	for (i = 0; i < c->nr; i++)
		if (vhs_count_attr(c->what[i], &attr))
			return -EINVAL;
	/* What perf itself asks of who counts what is not his own. */
	if (c->nr && !perfmon_capable())
		return -EPERM;
	guard(mutex)(&vm->counting);
	vhs_count_none(vm);
	for (i = 0; i < c->nr; i++) {
		err = vhs_count_try(c->what[i]);
		if (err) {
			vhs_count_say(vm, c->what[i], err);
			return err;
		}
	}
	vm->counters = *c;
	for (vcpu = vm->vcpus; vcpu < vm->vcpus + vm->nr && !err; vcpu++)
		if (vcpu->task)
			err = vhs_count_take(vcpu);
	if (err)
		vhs_count_none(vm);
	return err;
}

/**
 * vhs_count_read() - what was counted of a vCPU, for its guest
 * @vm: the guest
 * @index: vCPU
 * @reply: filled, but for its status
 *
 * Where the vCPU runs it is interrupted for that: its own guest's time.
 *
 * Context: sleeps.
 * Return: PARLEY_SCHED_S_*.
 */
u32 vhs_count_read(struct vhs *vm, u32 index, struct parley_sched_counted *reply)
{
	struct vhs_counted c;
	unsigned int i;

	if (index >= vm->nr)
		return PARLEY_SCHED_S_INVAL;
	index = array_index_nospec(index, vm->nr);
	guard(mutex)(&vm->counting);
	reply->nr = cpu_to_le32(vm->counters.nr);
	for (i = 0; i < vm->counters.nr; i++) {
		c = vhs_count_look(&vm->vcpus[index], i);
		reply->counter[i] = (struct parley_sched_pmc){
			.what = cpu_to_le32(vm->counters.what[i]),
			.value = cpu_to_le64(c.value),
			.enabled_ns = cpu_to_le64(c.enabled),
			.running_ns = cpu_to_le64(c.running),
		};
	}
	return PARLEY_SCHED_S_OK;
}
