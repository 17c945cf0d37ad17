/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands: one request at a time, put into a control queue and waited for.
 *
 * A front-end with a control queue names two functions of this header in its
 * struct parley_queue_spec and needs nothing else for it:
 *
 *	.complete = parley_command_complete,
 *	.give_back = parley_command_give_back,
 *
 * and for each command:
 *
 *	struct parley_command *cmd __free(parley_command) =
 *		parley_command_alloc(sizeof(*hdr), sizeof(*ack), GFP_KERNEL);
 *
 *	if (!cmd)
 *		return -ENOMEM;
 *	hdr = cmd->out;
 *	...
 *	err = parley_command_run(queue, cmd, 5 * HZ, 0);
 *	ack = cmd->in;
 *
 * The memory of a command is its own and has two owners: whoever waits, and the
 * device from submit until it completes the command or is reset.  So whoever
 * waits may give up at any time, and a device that answers late writes into
 * memory that is still there.
 */
#ifndef _PARLEY_COMMAND_H
#define _PARLEY_COMMAND_H

#include <linux/cleanup.h>
#include <linux/refcount.h>
#include <parley/device.h>

/* Whoever waits may be killed. */
#define PARLEY_COMMAND_KILLABLE	0x1
/*
 * A reset of the device is waited through: the front-end's start() submits the
 * command again.
 */
#define PARLEY_COMMAND_PATIENT	0x2

/**
 * enum parley_command_state - what became of a command
 * @PARLEY_COMMAND_NEW: nothing yet
 * @PARLEY_COMMAND_FLIGHT: the device has it
 * @PARLEY_COMMAND_DONE: completed
 * @PARLEY_COMMAND_RESET: not completed, and nobody was told anything: the device
 *	was reset
 * @PARLEY_COMMAND_FAILED: not completed; the device broke the rules or is gone, or
 *	it could not be submitted again after a reset
 */
enum parley_command_state {
	PARLEY_COMMAND_NEW,
	PARLEY_COMMAND_FLIGHT,
	PARLEY_COMMAND_DONE,
	PARLEY_COMMAND_RESET,
	PARLEY_COMMAND_FAILED,
};

/**
 * struct parley_command - a command and its memory
 * @out: what the device reads, @out_len bytes; zeroed when it is made
 * @in: what the device writes, @in_len bytes; zeroed when it is made
 * @out_len: see @out; may be 0 if @in_len is not
 * @in_len: see @in; may be 0 if @out_len is not
 * @len: bytes that the device says it wrote, once it is done; at most @in_len
 * @state: written by the helper; read it with parley_command_state()
 * @breaks: of the queue when it was submitted
 * @users: who waits, and the device
 * @queue: where it was submitted
 *
 * However many parts a command has, the device reads one piece of memory and
 * writes another: it must not care how a buffer is cut (spec 2.7.4.1, 2.8.6).
 */
struct parley_command {
	void *out;
	void *in;
	u32 out_len;
	u32 in_len;
	u32 len;
	enum parley_command_state state;
	int breaks;
	refcount_t users;
	struct parley_queue *queue;
};

struct parley_command *parley_command_alloc(u32 out_len, u32 in_len, gfp_t gfp);
void parley_command_put(struct parley_command *cmd);
DEFINE_FREE(parley_command, struct parley_command *, parley_command_put(_T))

int parley_command_submit(struct parley_queue *queue,
			  struct parley_command *cmd);
int parley_command_wait(struct parley_command *cmd, long timeout,
			unsigned int flags);
int parley_command_run(struct parley_queue *queue, struct parley_command *cmd,
		       long timeout, unsigned int flags);
void parley_command_complete(struct parley_queue *queue,
			     const struct parley_done *done, unsigned int nr,
			     void *ctx);
void parley_command_give_back(struct parley_queue *queue, void *cookie,
			      enum parley_fate fate);

/* What became of it; with DONE, @in and @len are what the device wrote. */
static inline enum parley_command_state
parley_command_state(const struct parley_command *cmd)
{
	/* Pairs with the releases in command_end() and parley_command_submit(). */
	return smp_load_acquire(&cmd->state);
}

#endif /* _PARLEY_COMMAND_H */
