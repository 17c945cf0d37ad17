/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the supervisor and a process that serves a VMM tell each other, over a
 * socket pair.  When the supervisor's end closes, whatever the reason, the process
 * stops its rings and ends.
 */
#ifndef BRIDGE_NOTE_H
#define BRIDGE_NOTE_H

#include <stdint.h>

enum note_kind {
	NOTE_NOTHING,	/* nothing has come */
	NOTE_CLOSED,	/* nothing will come any more */
	NOTE_SERVING,	/* to the supervisor: a device is set up, with this number */
	NOTE_AGREED,	/* from it: the device is limited as it shall be */
	NOTE_RESCAN,	/* from it: look for a new size of the back end */
};

/**
 * struct note - one
 * @kind: enum note_kind
 * @value: the device's number
 */
struct note {
	uint32_t kind;
	uint32_t value;
};

int note_pair(int fd[2]);
void note_send(int fd, enum note_kind kind, uint32_t value);
struct note note_receive(int fd);

#endif
