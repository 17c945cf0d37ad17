// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduling device's front-end: what the host knows of our processors, and what it
 * does for them.  See Documentation/sched.rst; the parts are in device.h.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <kunit/visibility.h>
#include <parley/export.h>
#include <parley/version.h>

#include "device.h"

/* Requests that are under way; as many as most guests have processors. */
#define PSD_REQUESTS	256
#define PSD_AREAS	4

struct psd *parley_psd_one;
EXPORT_SYMBOL_IF_KUNIT(parley_psd_one);
DEFINE_MUTEX(parley_psd_one_lock);

static int psd_read_config(struct psd *psd)
{
	struct parley_device *pd = psd->pd;
	u16 min, max;
	u32 nr;
	int err;

	err = parley_config_get(pd, struct parley_sched_config, version_min, &min) ?:
	      parley_config_get(pd, struct parley_sched_config, version_max, &max) ?:
	      parley_config_get(pd, struct parley_sched_config, nr_vcpus, &nr);
	if (err)
		return err;
	if (min > PARLEY_SCHED_VERSION || max < PARLEY_SCHED_VERSION) {
		dev_err(&pd->dev, "the host speaks versions %u to %u, and we speak %u\n", min,
			max, PARLEY_SCHED_VERSION);
		return -EOPNOTSUPP;
	}
	if (!nr || nr > PARLEY_SCHED_VCPUS_MAX) {
		dev_err(&pd->dev, "the host says that there are %u vCPUs\n", nr);
		return -EINVAL;
	}
	psd->nr = nr;
	return 0;
}

static int psd_make_queues(struct psd *psd)
{
	static const struct parley_queue_spec specs[] = {
		{
			.name = "requests", .index = PARLEY_SCHED_QUEUE_REQUESTS,
			.size_max = PSD_REQUESTS,
			.complete = parley_psd_request_complete,
			.give_back = parley_psd_request_give_back,
		}, {
			.name = "areas", .index = PARLEY_SCHED_QUEUE_AREAS,
			.size_max = PSD_AREAS, .flags = PARLEY_QUEUE_ADMIN,
			.complete = parley_psd_area_complete,
			.give_back = parley_psd_area_give_back,
		},
	};
	int err = parley_device_make_queues(psd->pd, specs, ARRAY_SIZE(specs), NULL);

	if (err)
		return err;
	psd->requests = &psd->pd->queues[0];
	psd->areas = &psd->pd->queues[1];
	return parley_psd_area_init(&psd->vcpus, psd, PARLEY_SCHED_AREA_VCPUS, psd->nr) ?:
	       parley_psd_clock_init(psd);
}

static void psd_free(struct psd *psd)
{
	parley_psd_hint_exit(psd);
	parley_psd_area_exit(&psd->clock);
	parley_psd_area_exit(&psd->vcpus);
	parley_psd_count_exit(psd);
	parley_psd_yield_exit(psd);
	kfree(psd);
}

/* There is one; who looks has preemption off. */
static int psd_show_up(struct psd *psd)
{
	guard(mutex)(&parley_psd_one_lock);
	if (parley_psd_one)
		return -EBUSY;
	WRITE_ONCE(parley_psd_one, psd);
	return 0;
}

static void psd_hide(struct psd *psd)
{
	scoped_guard(mutex, &parley_psd_one_lock) {
		if (parley_psd_one != psd)
			return;
		WRITE_ONCE(parley_psd_one, NULL);
	}
	synchronize_rcu();
}

static void psd_stop(struct parley_device *pd)
{
}

static void psd_start(struct parley_device *pd)
{
	struct psd *psd = pd->priv;

	parley_psd_area_put(&psd->vcpus);
	parley_psd_area_put(&psd->clock);
}

static int psd_probe(struct parley_device *pd)
{
	struct psd *psd = kzalloc(sizeof(*psd), GFP_KERNEL);
	int err;

	if (!psd)
		return -ENOMEM;
	psd->pd = pd;
	pd->priv = psd;
	err = psd_read_config(psd) ?: parley_psd_yield_init(psd) ?:
	      parley_psd_count_init(psd) ?: parley_psd_hint_init(psd) ?:
	      psd_make_queues(psd);
	if (err)
		goto free;
	err = psd_show_up(psd);
	if (err)
		goto free;
	parley_device_ready(pd);
	parley_psd_area_put(&psd->vcpus);
	parley_psd_area_put(&psd->clock);
	parley_psd_clock_show_up(psd);
	parley_psd_hint_start(psd);
	parley_psd_hv_lend(psd);
	return 0;

free:
	psd_free(psd);
	return err;
}

static void psd_remove(struct parley_device *pd)
{
	struct psd *psd = pd->priv;

	parley_psd_hv_withdraw(psd);
	parley_psd_clock_hide(psd);
	psd_hide(psd);
	/* Of what the device has, all comes back. */
	parley_device_close(pd);
	psd_free(psd);
}

static const struct virtio_device_id psd_ids[] = {
	{ PARLEY_SCHED_DEVICE_ID, VIRTIO_DEV_ANY_ID },
	{ }
};

static const unsigned int psd_features[] = {
	PARLEY_SCHED_F_YIELD,
	PARLEY_SCHED_F_HINTS,
	PARLEY_SCHED_F_CLOCK,
	PARLEY_SCHED_F_COUNT,
};

static struct parley_driver psd_driver = {
	.driver.name = "parley_sched_device",
	.ids = psd_ids,
	.features = psd_features,
	.nr_features = ARRAY_SIZE(psd_features),
	.probe = psd_probe,
	.remove = psd_remove,
	.stop = psd_stop,
	.start = psd_start,
};

/**
 * parley_sched_view() - what the host says of a processor
 * @cpu: it
 * @v: filled
 *
 * Context: any.
 * Return: 0; -ENODEV if there is no device, or it says nothing of this processor;
 * -EAGAIN if the record could not be read.
 */
int parley_sched_view(int cpu, struct parley_sched_view *v)
{
	const struct psd *psd;

	guard(preempt)();
	psd = READ_ONCE(parley_psd_one);
	if (!psd || cpu >= psd->nr ||
	    parley_psd_area_status(&psd->vcpus) != PARLEY_SCHED_AREA_SHARED)
		return -ENODEV;
	return parley_sched_read(psd_record(psd, cpu), v) ? 0 : -EAGAIN;
}
PARLEY_EXPORT(parley_sched_view);

static int __init psd_init(void)
{
	int err = parley_psd_wake_init();

	if (err)
		return err;
	err = parley_driver_register(&psd_driver);
	if (err)
		parley_psd_wake_exit();
	else
		parley_psd_show_init();
	return err;
}

static void __exit psd_exit(void)
{
	parley_psd_show_exit();
	parley_driver_unregister(&psd_driver);
	parley_psd_wake_exit();
}

module_init(psd_init);
module_exit(psd_exit);

MODULE_ALIAS_PARLEY("00005053");
PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: front-end of the scheduling device");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
