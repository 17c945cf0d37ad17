// SPDX-License-Identifier: GPL-2.0-only
#include "load.h"

void load_init(struct load *load, const struct bench_driver *driver,
	       const struct bench_device *device, const struct bench_conf *conf,
	       unsigned int batch)
{
	uint64_t area[3];

	*load = (struct load){
		.driver = driver, .device = device, .conf = *conf,
		.batch = batch,
	};
	load->ring = driver->create(conf);
	driver->where(load->ring, area);
	load->served = device->create(conf, area);
}

/* Which notifications either end asks for, from now on. */
void load_notify(struct load *load, bool kick, bool irq)
{
	load->kick = kick;
	load->irq = irq;
	if (kick)
		load->device->listen(load->served);
	if (irq)
		load->driver->arm(load->ring);
}

void load_exit(struct load *load)
{
	load->device->destroy(load->served);
	load->driver->destroy(load->ring);
}

/* The completions of a round are those of its requests. Move on. */
void load_check(struct load *load)
{
	uint32_t len = bench_written(&load->conf);
	unsigned int i;

	for (i = 0; i < load->batch; i++)
		if (load->done[i].token != bench_token(load->slot + i) ||
		    load->done[i].len != len)
			bench_fail("a completion is not that of its request");
	load->slot = (load->slot + load->batch) % load->conf.size;
}
