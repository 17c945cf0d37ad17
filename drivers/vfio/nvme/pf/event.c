// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the controller tells by itself (NVMe 5.2).
 *
 * It is asked to tell of one event at a time.  What it told is said in the log, its log
 * page is read, without which it does not tell of the same again, and it is asked
 * anew.  One that has events without end is heard ten times a second.
 *
 * Nothing depends on events: what the lists say is asked for when it is needed.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include "pf.h"

/* Critical warnings of the health log. */
#define PNV_EVENT_HEALTH	0x1f
/* Of the answer: its kind, what it is about, and where more is said. */
#define PNV_EVENT_KIND(event)	((event) & 0x7)
#define PNV_EVENT_WHAT(event)	((event) >> 8 & 0xff)
#define PNV_EVENT_LOG(event)	((event) >> 16 & 0xff)
/* How much is read of the page: the beginning of any. */
#define PNV_EVENT_BYTES		512

static const char *pnv_event_name(u32 event)
{
	switch (PNV_EVENT_KIND(event)) {
	case NVME_AER_ERROR:
		return "an error";
	case NVME_AER_SMART:
		return "its health: look at it before it fails";
	case NVME_AER_NOTICE:
		return PNV_EVENT_WHAT(event) == NVME_AER_NOTICE_NS_CHANGED ?
		       "namespaces that changed" : "something to notice";
	default:
		return "something";
	}
}

/* Read with the mutex, since nobody stops the controller then. */
static void pnv_event_see(struct parley_nvme_pf *pf, u32 event)
{
	void *data __free(kfree) = kzalloc(PNV_EVENT_BYTES, GFP_KERNEL);
	int err = data ? parley_nvme_log(&pf->n, PNV_EVENT_LOG(event), data, PNV_EVENT_BYTES) :
			 -ENOMEM;

	lockdep_assert_held(&pf->n.mutex);
	if (err)
		dev_warn_ratelimited(pf->n.dev, "log page %u of an event cannot be read (%d)\n",
				     PNV_EVENT_LOG(event), err);
}

static void pnv_event_work(struct work_struct *work)
{
	struct parley_nvme_pf *pf = container_of(to_delayed_work(work), struct parley_nvme_pf,
						 event_work);
	u32 event = READ_ONCE(pf->event);

	guard(mutex)(&pf->n.mutex);
	dev_warn_ratelimited(pf->n.dev, "controller tells of %s (event %#x)\n",
			     pnv_event_name(event), event);
	if (READ_ONCE(pf->n.state) != PARLEY_NVME_LIVE)
		return;
	pnv_event_see(pf, event);
	parley_nvme_ask_event(&pf->n);
}

/* In the interrupt: no more than to see to it. */
static void pnv_event(struct parley_nvme *n, u32 event)
{
	struct parley_nvme_pf *pf = container_of(n, struct parley_nvme_pf, n);

	WRITE_ONCE(pf->event, event);
	WRITE_ONCE(pf->events, pf->events + 1);
	schedule_delayed_work(&pf->event_work, msecs_to_jiffies(PARLEY_NVME_EVENT_MS));
}

/**
 * parley_pf_event_init() - the controller is asked for nothing yet
 * @pf: the function, zeroed
 *
 * Context: process context.
 */
void parley_pf_event_init(struct parley_nvme_pf *pf)
{
	INIT_DELAYED_WORK(&pf->event_work, pnv_event_work);
	pf->n.event = pnv_event;
}

/**
 * parley_pf_event_on() - ask it to tell of events
 * @pf: the function, LIVE
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0, also if it does not tell; or why it is not LIVE any more.
 */
int parley_pf_event_on(struct parley_nvme_pf *pf)
{
	u32 which = PNV_EVENT_HEALTH | (pf->n.id.oaes & NVME_AEN_CFG_NS_ATTR);
	struct parley_nvme_req req = {
		.cmd.features = {
			.opcode = nvme_admin_set_features,
			.fid = cpu_to_le32(NVME_FEAT_ASYNC_EVENT),
			.dword11 = cpu_to_le32(which),
		},
	};
	int err = parley_nvme_admin(&pf->n, &req);

	lockdep_assert_held(&pf->n.mutex);
	if (err)
		dev_warn_ratelimited(pf->n.dev, "controller does not let it be chosen of which events it tells (%d, status %#x)\n",
				     err, req.status);
	/* What it tells of by itself it does all the same. */
	return parley_nvme_ask_event(&pf->n);
}

/**
 * parley_pf_event_off() - what it told of is not seen to any more
 * @pf: the function, stopped
 *
 * Context: process context; @pf->n.mutex not held; may sleep.
 */
void parley_pf_event_off(struct parley_nvme_pf *pf)
{
	cancel_delayed_work_sync(&pf->event_work);
}
