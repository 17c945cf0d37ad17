/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages for people: which disk, which connection, what was being done.
 */
#ifndef BRIDGE_SAY_H
#define BRIDGE_SAY_H

#include <time.h>

#define SAY_PER_SECOND	10

/**
 * struct say_budget - how much was said of a disk
 * @second: of @said
 * @said: messages in that second
 * @dropped: messages not said, because there were too many or nobody read them
 *
 * A VMM that misbehaves in a loop must not fill the log, so each disk may say
 * SAY_PER_SECOND messages a second.  The processes that serve it one after the
 * other share this.
 */
struct say_budget {
	time_t second;
	unsigned int said;
	unsigned int dropped;
};

/**
 * struct who - whom a message is about
 * @disk: path of its socket; NULL for the whole process
 * @conn: number of the connection; 0 for none
 * @pid: of the VMM
 * @doing: the message being served; NULL for none
 * @budget: of the disk
 */
struct who {
	const char *disk;
	unsigned int conn;
	int pid;
	const char *doing;
	struct say_budget *budget;
};

extern int say_quiet;	/* tests hush what they provoke */

void say(struct who *who, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
