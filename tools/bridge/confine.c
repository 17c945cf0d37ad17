// SPDX-License-Identifier: GPL-2.0-only
/* Limits, user and privileges of a process that serves a VMM. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>
#include "confine.h"

/* Both limits; where we may not raise the hard one, as much as it allows. */
static bool limit(__rlimit_resource_t which, rlim_t value)
{
	struct rlimit r = { value, value };

	if (!setrlimit(which, &r))
		return true;
	if (errno != EPERM || getrlimit(which, &r))
		return false;
	if (r.rlim_max < value)
		value = r.rlim_max;
	r = (struct rlimit){ value, value };
	return !setrlimit(which, &r);
}

/**
 * confine_memlock - how much a process may pin
 * @c: what is asked for
 *
 * Sets the limit, so that the answer is what confine() gets.
 *
 * Return: MiB.
 */
unsigned long confine_memlock(const struct confinement *c)
{
	struct rlimit r;

	limit(RLIMIT_MEMLOCK, (rlim_t)c->memlock << 20);
	return getrlimit(RLIMIT_MEMLOCK, &r) ? 0 : (unsigned long)(r.rlim_cur >> 20);
}

static bool become(const struct confinement *c)
{
	return c->uid == (uid_t)-1 ||
	       (!setgroups(0, NULL) && !setresgid(c->gid, c->gid, c->gid) &&
		!setresuid(c->uid, c->uid, c->uid));
}

/* The bounding set first: it takes a privilege to make it smaller. */
static void bound(void)
{
	unsigned long cap;

	for (cap = 0; !prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); cap++)
		continue;
}

static bool drop_privileges(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return !syscall(SYS_capset, &head, none);
}

/**
 * confine - give up all that is not needed any more
 * @c: how far
 *
 * For a process of one thread.
 *
 * Return: NULL, or what could not be done.
 */
const char *confine(const struct confinement *c)
{
	if (!limit(RLIMIT_MEMLOCK, (rlim_t)c->memlock << 20) ||
	    !limit(RLIMIT_NOFILE, CONFINE_FILES) || !limit(RLIMIT_CORE, 0))
		return "cannot limit this process";
	bound();
	if (!become(c))
		return "cannot become the user that the disk's option names";
	if (!drop_privileges())
		return "cannot drop privileges";
	/* Neither traced nor dumped by others of the same user. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return "cannot renounce new privileges";
	return confine_calls();
}
