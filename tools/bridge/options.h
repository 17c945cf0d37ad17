/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line and the configuration file. */
#ifndef BRIDGE_OPTIONS_H
#define BRIDGE_OPTIONS_H

#include <stdbool.h>
#include "disk.h"

/**
 * struct options - all that was asked for
 * @disk: disks
 * @nr: how many
 */
struct options {
	struct disk *disk;
	unsigned int nr;
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE,	/* a question was answered: exit with success */
	OPTIONS_BAD,	/* the reason was said */
};

enum options_result options_parse(struct options *o, int argc, char **argv);
bool options_disk(struct options *o, enum kind_id kind, const char *text,
		  const char *where);
bool options_file(struct options *o, const char *path);
void options_free(struct options *o);

#endif
