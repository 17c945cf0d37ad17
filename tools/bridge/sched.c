// SPDX-License-Identifier: GPL-2.0-only
/* Scheduling devices. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include "conn.h"
#include "sched.h"

/* More than they have has a reason; the kernel knows it as well, and has the last word. */
static const char *sched_complete(struct disk_options *o)
{
	if (!o->vcpus)
		return "a scheduling device needs vcpus=";
	if (o->budget_us > o->period_us / 2)
		return "budget= is at most half of period=";
	if (!o->ivshmem)
		o->ivshmem = SCHED_MIB;
	o->queues = SCHED_QUEUES;
	/* What is served, for people, as it is a file of a disk. */
	free(o->path);
	return asprintf(&o->path, "%u vCPUs", o->vcpus) < 0 ? "no memory" : NULL;
}

/*
 * With our first privileges, since large budgets take one.  It is about nobody's memory,
 * so there need be no owner.
 */
static const char *sched_open(struct conn *c)
{
	const struct disk_options *o = &c->disk->options;
	int ret = kernel_sched_vcpus(&c->d.kernel, o->vcpus);

	if (ret)
		return device_error(&c->d, "its number of vCPUs", ret);
	ret = kernel_sched_budget(&c->d.kernel, o->budget_us, o->period_us);
	if (ret)
		return device_error(&c->d, "its budget", ret);
	ret = kernel_sched_steps(&c->d.kernel, o->steps_down, o->steps_up);
	return ret ? device_error(&c->d, "its steps", ret) : NULL;
}

static const char *sched_nothing(struct conn *c)
{
	(void)c;
	return NULL;
}

const struct kind sched_kind = {
	.word = "sched",
	.name = "a scheduling device",
	.node = "/dev/parley-sched",
	.missing = "/dev/parley-sched is missing: modprobe parley_vhost_sched",
	.type = PARLEY_SCHED_DEVICE_ID,
	.complete = sched_complete,
	.open = sched_open,
	.set_up = sched_nothing,
	.features = sched_nothing,
};
