/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy of those that come next, of one type of device.
 */
#ifndef _PARLEY_POLICY_HOME_H
#define _PARLEY_POLICY_HOME_H

#include <kunit/visibility.h>
#include <linux/mutex.h>
#include "policy.h"

/**
 * struct parley_policy_home - the policy of those that come next
 * @language: of all of them
 * @lock: guards the rest
 * @next: the policy
 * @used: that of the one that came last, or NULL
 * @text: of the one that is being written, or NULL
 * @len: how much of it is there
 * @writer: who wrote its beginning; it is only compared
 * @error: why the last one was none; no reason if it was one
 */
struct parley_policy_home {
	const struct parley_policy_language *language;
	struct mutex lock;
	struct parley_policy *next;
	struct parley_policy *used;
	char *text;
	size_t len;
	const void *writer;
	struct parley_policy_error error;
};

/**
 * enum parley_policy_file - the files of a type
 * @PARLEY_POLICY_RULES_FILE: the rules
 * @PARLEY_POLICY_AUDIT_FILE: how often they held
 * @PARLEY_POLICY_ERROR_FILE: why the last text was no policy
 */
enum parley_policy_file {
	PARLEY_POLICY_RULES_FILE,
	PARLEY_POLICY_AUDIT_FILE,
	PARLEY_POLICY_ERROR_FILE,
};

#define PARLEY_POLICY_FILES	(PARLEY_POLICY_ERROR_FILE + 1)

#if IS_ENABLED(CONFIG_KUNIT)
int parley_policy_home_init(struct parley_policy_home *home,
			    const struct parley_policy_language *language,
			    const char *otherwise);
void parley_policy_home_exit(struct parley_policy_home *home);
struct parley_policy *parley_policy_home_take(struct parley_policy_home *home);
int parley_policy_home_write(struct parley_policy_home *home, const void *writer, size_t at,
			     const char *piece, size_t len);
size_t parley_policy_home_read(struct parley_policy_home *home, enum parley_policy_file file,
			       char *buf, size_t size);
#endif

#endif /* _PARLEY_POLICY_HOME_H */
