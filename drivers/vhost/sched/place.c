// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs near the memory that they use.
 *
 * A guest says of each vCPU on which of its nodes the memory lies that it uses most, and its
 * owner has said on which node of the host that is.  A vCPU that has said the same for a
 * second runs on that node's processors from then on, as far as it was allowed to run there:
 * its thread's affinity is what it was, and in the node.  It is never empty, and never more
 * than it was, so a guest that lies, or changes its mind, makes its own vCPUs slow and
 * nobody else's.  One vCPU of a guest is moved at a time, ten in a second.
 *
 * A vCPU that says nothing any more stays where it is.  What its thread was allowed before is
 * put back when its owner takes the nodes away, when the thread is no vCPU any more, and when
 * the device is closed.  What somebody else has set in the meantime stays, and is what the
 * next move starts from.
 */
#include <kunit/static_stub.h>
#include <linux/cpumask.h>
#include <linux/nodemask.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "sched.h"

/* So often in a row a guest says the same, ten times a second. */
#define VHS_PLACE_LOOKS		10

/**
 * struct vhs_place - where a vCPU is
 * @node: of the host, on which it was put; NUMA_NO_NODE: it was not
 * @wish: where it would be
 * @looks: how often it said so, up to VHS_PLACE_LOOKS
 * @had: where its thread could run before
 * @set: where we let it run
 * @masks: room for these two
 */
struct vhs_place {
	int node;
	int wish;
	unsigned int looks;
	struct cpumask *had;
	struct cpumask *set;
	unsigned long masks[];
};

/**
 * vhs_place_cpus() - the processors of a node
 * @node: any number
 *
 * Return: these, or NULL if there is no such node.
 */
VISIBLE_IF_KUNIT const struct cpumask *vhs_place_cpus(int node)
{
	KUNIT_STATIC_STUB_REDIRECT(vhs_place_cpus, node);
	if (node < 0 || node >= nr_node_ids)
		return NULL;
	node = array_index_nospec(node, nr_node_ids);
	return node_online(node) ? cpumask_of_node(node) : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vhs_place_cpus);

static struct vhs_place *vhs_place_of(struct vhs_vcpu *vcpu)
{
	const size_t words = BITS_TO_LONGS(nr_cpumask_bits);
	struct vhs_place *p = vcpu->place;

	if (p)
		return p;
	p = kzalloc(struct_size(p, masks, 2 * words), GFP_KERNEL_ACCOUNT);
	if (!p)
		return NULL;
	p->node = NUMA_NO_NODE;
	p->wish = NUMA_NO_NODE;
	p->had = to_cpumask(p->masks);
	p->set = to_cpumask(p->masks + words);
	vcpu->place = p;
	return p;
}

static void vhs_place_mask(struct task_struct *task, struct cpumask *mask)
{
	guard(raw_spinlock_irqsave)(&task->pi_lock);
	cpumask_copy(mask, task->cpus_ptr);
}

/* Did nobody but us say where it may run? */
static bool vhs_place_is_ours(const struct vhs_place *p, struct task_struct *task)
{
	guard(raw_spinlock_irqsave)(&task->pi_lock);
	return p->node != NUMA_NO_NODE && cpumask_equal(p->set, task->cpus_ptr);
}

static void vhs_place_move(struct vhs_place *p, struct task_struct *task, int node)
{
	const struct cpumask *cpus = vhs_place_cpus(node);

	/* Of the kernel's own threads there may be some that have to stay. */
	if (!cpus || task->flags & PF_NO_SETAFFINITY)
		return;
	if (!vhs_place_is_ours(p, task))
		vhs_place_mask(task, p->had);
	p->node = NUMA_NO_NODE;
	if (cpumask_and(p->set, p->had, cpus) && !set_cpus_allowed_ptr(task, p->set))
		p->node = node;
}

static void vhs_place_undo(struct vhs_place *p, struct task_struct *task)
{
	if (vhs_place_is_ours(p, task))
		set_cpus_allowed_ptr(task, p->had);
	p->node = NUMA_NO_NODE;
	p->looks = 0;
}

/* Where would it be, by its owner's table? */
static int vhs_place_wish(const struct vhs *vm, u64 hints)
{
	u32 node = (u16)(hints >> PARLEY_SCHED_H_NODE);

	if (!node || node > vm->nodes.nr)
		return NUMA_NO_NODE;
	return vm->nodes.node[array_index_nospec(node - 1, vm->nodes.nr)];
}

/* Is it to move now, and whereto?  NUMA_NO_NODE: it stays. */
static int vhs_place_decide(struct vhs_place *p, int wish)
{
	if (wish != p->wish) {
		p->wish = wish;
		p->looks = 0;
	}
	if (p->looks < VHS_PLACE_LOOKS)
		p->looks++;
	return p->looks == VHS_PLACE_LOOKS && wish != p->node ? wish : NUMA_NO_NODE;
}

static struct task_struct *vhs_place_task(struct vhs_vcpu *vcpu)
{
	guard(vhs_boost)(&vcpu->vm->boost);
	if (!vcpu->task || vcpu->leaves || READ_ONCE(vcpu->task->exit_state))
		return NULL;
	return get_task_struct(vcpu->task);
}

/* Was it moved? */
static bool vhs_place_vcpu(struct vhs_vcpu *vcpu, bool may_move)
{
	struct vhs_place *p = vhs_place_of(vcpu);
	struct task_struct *task;
	int node;

	if (!p)
		return false;
	node = vhs_place_decide(p, vhs_place_wish(vcpu->vm, vhs_record_hints(vcpu)));
	if (node == NUMA_NO_NODE || !may_move)
		return false;
	task = vhs_place_task(vcpu);
	if (!task)
		return false;
	vhs_place_move(p, task, node);
	put_task_struct(task);
	return true;
}

/**
 * vhs_place_look() - ten times a second: one vCPU of a guest may be moved
 * @vm: the guest
 *
 * Context: sleeps; vhs_all_lock held, so that the guest stays.
 * Return: whether it makes sense to look again.
 */
bool vhs_place_look(struct vhs *vm)
{
	unsigned int i, at;
	bool moved = false;

	guard(mutex)(&vm->placing);
	if (!vm->nodes.nr)
		return false;
	for (i = 0; i < vm->nr; i++) {
		at = (vm->place_next + i) % vm->nr;
		if (vhs_place_vcpu(&vm->vcpus[at], !moved) && !moved) {
			moved = true;
			/* The next look begins behind it, so that each has its turn. */
			vm->place_next = at + 1;
		}
	}
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vhs_place_look);

/**
 * vhs_place_set() - say where a guest's memory is
 * @vm: the guest
 * @n: that
 *
 * Context: sleeps; dev->mutex held.
 * Return: 0, or -EINVAL.
 */
int vhs_place_set(struct vhs *vm, const struct parley_sched_nodes *n)
{
	struct vhs_vcpu *vcpu;
	unsigned int i;

	if (n->nr > PARLEY_SCHED_NODES)
		return -EINVAL;
	for (i = 0; i < n->nr; i++)
		if (n->node[i] != NUMA_NO_NODE && !vhs_place_cpus(n->node[i]))
			return -EINVAL;
	guard(mutex)(&vm->placing);
	vm->nodes = *n;
	for (vcpu = vm->vcpus; vcpu < vm->vcpus + vm->nr; vcpu++)
		if (vcpu->place && vcpu->task)
			vhs_place_undo(vcpu->place, vcpu->task);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vhs_place_set);

/**
 * vhs_place_end() - a thread is about to be no vCPU any more
 * @vcpu: whose; it leaves
 *
 * Context: sleeps; dev->mutex held.
 */
void vhs_place_end(struct vhs_vcpu *vcpu)
{
	guard(mutex)(&vcpu->vm->placing);
	if (vcpu->place && vcpu->task)
		vhs_place_undo(vcpu->place, vcpu->task);
}

/** vhs_place_node() - on which node was it put? -1: on none; for a view */
int vhs_place_node(const struct vhs_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->vm->placing);
	return vcpu->place ? vcpu->place->node : NUMA_NO_NODE;
}

/**
 * vhs_place_free() - of vCPUs that have no threads any more
 * @vm: theirs; in no list
 */
void vhs_place_free(struct vhs *vm)
{
	struct vhs_vcpu *vcpu;

	for (vcpu = vm->vcpus; vcpu < vm->vcpus + vm->nr; vcpu++) {
		kfree(vcpu->place);
		vcpu->place = NULL;
	}
}
