// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that sees packets before the stack does: two instructions, which call a
 * function in C that does what a test wants, and end.
 */
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include "peer.h"

u32 (*peer_judge)(struct xdp_buff *xdp);
atomic_t peer_judged;

static u64 verdict(u64 ctx, u64 r2, u64 r3, u64 r4, u64 r5)
{
	atomic_inc(&peer_judged);
	return READ_ONCE(peer_judge)((struct xdp_buff *)(unsigned long)ctx);
}

static void free_prog(void *prog)
{
	bpf_prog_free(prog);
}

struct bpf_prog *peer_prog(struct kunit *test, bool frags)
{
	const struct bpf_insn insns[] = { BPF_EMIT_CALL(verdict), BPF_EXIT_INSN() };
	struct bpf_prog *prog = bpf_prog_alloc(bpf_prog_size(ARRAY_SIZE(insns)), 0);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, prog);
	prog->len = ARRAY_SIZE(insns);
	prog->type = BPF_PROG_TYPE_XDP;
	prog->aux->xdp_has_frags = frags;
	prog->aux->stack_depth = MAX_BPF_STACK;
	memcpy(prog->insnsi, insns, sizeof(insns));
	/* Ours; what the driver puts is never the last. */
	atomic64_set(&prog->aux->refcnt, 1);
	prog = bpf_prog_select_runtime(prog, &err);
	KUNIT_ASSERT_EQ(test, 0, err);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_prog, prog));
	return prog;
}

/* As the stack does. */
int peer_attach(struct peer *p, struct bpf_prog *prog)
{
	struct netdev_bpf bpf = { .command = XDP_SETUP_PROG, .prog = prog };
	int err;

	if (prog)
		bpf_prog_inc(prog);
	rtnl_lock();
	err = p->dev->netdev_ops->ndo_bpf(p->dev, &bpf);
	rtnl_unlock();
	if (prog && err)
		bpf_prog_put(prog);
	return err;
}

/*
 * Programs outlive the device, whose end puts the last one: so they are made first.
 */
struct peer *peer_with(struct kunit *test, u64 features, u32 (*judges)(struct xdp_buff *),
		       struct bpf_prog **prog)
{
	struct peer *p;

	WRITE_ONCE(peer_judge, judges);
	atomic_set(&peer_judged, 0);
	*prog = peer_prog(test, true);
	p = peer_new(test, features, 1);
	KUNIT_ASSERT_EQ(test, 0, peer_attach(p, *prog));
	return p;
}
