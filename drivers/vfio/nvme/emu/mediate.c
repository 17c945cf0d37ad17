// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every command is asked for here before anything else becomes of it, and what is denied
 * goes no further.  The rest of the emulator does what the policy permits and no more;
 * what it says of itself is what it does.
 *
 * A guest has one namespace, whose number and part of the function's the policy chooses:
 * its blocks are those from the slice's first on, and no others can be named.
 */
#include <linux/err.h>
#include "rooms.h"

/* Places in the language; a test holds them against it. */
enum {
	PNE_ADMIN,
	PNE_IO,
};

enum {
	PNE_NONE,
	PNE_OWN,
	PNE_ALL,
	PNE_OTHER,
};

enum {
	PNE_NAMESPACE,
	PNE_CONTROLLER,
	PNE_SLICE_FIRST,
	PNE_SLICE_BLOCKS,
};

static unsigned int pne_scope(struct parley_emu *e, u32 nsid)
{
	if (!nsid)
		return PNE_NONE;
	if (nsid == e->nsid)
		return PNE_OWN;
	return nsid == PARLEY_NVME_NSID_ALL ? PNE_ALL : PNE_OTHER;
}

/* It was asked for when it could not begin: that counts, and is traced, once. */
static bool pne_asked(const struct parley_emu_sq *sq, const struct nvme_command *cmd)
{
	return sq->waits && !memcmp(&sq->waiting, cmd, sizeof(*cmd));
}

/**
 * parley_emu_mediate() - ask whether a command may be
 * @e: the controller
 * @sq: the queue that it was in
 * @cmd: the command, a copy
 *
 * Context: process context; @e->mutex held.
 * Return: 0, or the status with which it is denied.
 */
u16 parley_emu_mediate(struct parley_emu *e, u16 sq, const struct nvme_command *cmd)
{
	struct parley_policy_key key = {
		.set = sq ? PNE_IO : PNE_ADMIN,
		.scope = pne_scope(e, le32_to_cpu(cmd->common.nsid)),
		.op = cmd->common.opcode,
		/* The feature, the log page or the structure: all are in the same place. */
		.field = le32_to_cpu(cmd->common.cdw10) & 0xff,
	};
	struct parley_policy_answer answer;

	lockdep_assert_held(&e->mutex);
	if (pne_asked(&e->sq[sq], cmd))
		answer = parley_policy_look(e->policy, &key);
	else
		answer = parley_policy_ask(e->policy, e->config.serial, &key);
	return answer.verdict == PARLEY_DENY ? answer.status : 0;
}

static bool pne_permits(struct parley_emu *e, unsigned int set, unsigned int scope, u8 opcode,
			u8 field)
{
	struct parley_policy_key key = {
		.set = set,
		.scope = scope,
		.op = opcode,
		.field = field,
	};

	return parley_policy_look(e->policy, &key).verdict != PARLEY_DENY;
}

/**
 * parley_emu_offers() - whether the policy permits a command of an I/O queue
 * @e: the controller
 * @opcode: of the command, for the guest's namespace
 *
 * Nothing is counted: this is for what the controller says of itself.
 *
 * Context: any.
 * Return: true if the guest can have it.
 */
bool parley_emu_offers(struct parley_emu *e, u8 opcode)
{
	return pne_permits(e, PNE_IO, PNE_OWN, opcode, 0);
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_offers);

/**
 * parley_emu_offers_admin() - whether the policy permits an admin command
 * @e: the controller
 * @opcode: of the command, about no namespace
 * @field: the feature, the log page or the structure, for a command that has one
 *
 * Nothing is counted, as above.
 *
 * Context: any.
 * Return: true if the guest can have it.
 */
bool parley_emu_offers_admin(struct parley_emu *e, u8 opcode, u8 field)
{
	return pne_permits(e, PNE_ADMIN, PNE_NONE, opcode, field);
}

/**
 * parley_emu_could() - whether a guest could have been given an admin command
 * @e: the controller
 * @opcode: of the command, about any namespace
 * @field: as above
 *
 * Nothing is counted: this is for a state that says that it was.
 *
 * Context: any.
 * Return: true if the policy permits it in any case.
 */
bool parley_emu_could(struct parley_emu *e, u8 opcode, u8 field)
{
	unsigned int scope;

	for (scope = PNE_NONE; scope <= PNE_OTHER; scope++)
		if (pne_permits(e, PNE_ADMIN, scope, opcode, field))
			return true;
	return false;
}

/**
 * parley_emu_oncs() - which optional commands the guest can have
 * @e: the controller
 *
 * Context: any.
 * Return: bits of ONCS: those that the function has and the policy permits.
 */
u16 parley_emu_oncs(struct parley_emu *e)
{
	const struct parley_nvme_verb *verb;
	unsigned int opcode;
	u16 oncs = 0;

	for (opcode = 0; opcode <= U8_MAX; opcode++) {
		verb = parley_nvme_verb(e->vf, opcode);
		if (verb && parley_emu_offers(e, opcode))
			oncs |= verb->oncs;
	}
	return oncs;
}

/* Which blocks of the function's namespace are the guest's. */
static int pne_slice(struct parley_emu *e)
{
	u64 first = parley_policy_setting(e->policy, PNE_SLICE_FIRST), all = e->vf->ns.blocks;
	u64 blocks = parley_policy_setting(e->policy, PNE_SLICE_BLOCKS);

	if (first >= all || blocks > all - first) {
		dev_err(e->vf->n.dev, "%s: its policy gives it blocks that the namespace does not have: it has %llu\n",
			e->config.serial, all);
		return -ERANGE;
	}
	e->first = first;
	e->blocks = blocks ?: all - first;
	return 0;
}

/**
 * parley_emu_mediate_init() - choose what the guest may do
 * @e: the controller
 *
 * Context: process context; may sleep.
 * Return: 0, -ENOMEM, or -ERANGE if the policy is for a larger namespace; then
 *	parley_emu_mediate_exit() is to be called as well.
 */
int parley_emu_mediate_init(struct parley_emu *e)
{
	struct parley_policy_error error;
	struct parley_policy *p = e->config.policy;

	if (p)
		parley_policy_get(p);
	else
		p = parley_policy_load(&parley_emu_language, parley_emu_default_policy,
				       strlen(parley_emu_default_policy), &error);
	if (IS_ERR(p))
		return PTR_ERR(p);
	e->policy = p;
	e->nsid = parley_policy_setting(p, PNE_NAMESPACE);
	e->cntlid = parley_policy_setting(p, PNE_CONTROLLER);
	return pne_slice(e);
}

/**
 * parley_emu_mediate_exit() - the mirror of parley_emu_mediate_init()
 * @e: the controller
 *
 * Context: process context; may sleep.
 */
void parley_emu_mediate_exit(struct parley_emu *e)
{
	parley_policy_put(e->policy);
	e->policy = NULL;
}
