/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the guest model share among themselves: bus.c (who meets
 * whom), negotiate.c (features), config.c, queue.c (making queues), serve.c
 * (completions), command.c (whoever waits for one), recover.c (stopping and starting),
 * qlock.c (kinds of locks), sysfs.c.
 */
#ifndef _PARLEY_GUEST_H
#define _PARLEY_GUEST_H

#include <kunit/visibility.h>
#include <parley/transport.h>

/* bus.c */
extern const struct bus_type parley_bus;

/* negotiate.c */
int parley_negotiate(struct parley_vdev *v);
int parley_negotiate_again(struct parley_vdev *v);
void parley_give_up(struct parley_vdev *v);
void parley_go_live(struct parley_vdev *v);
int parley_status_reset(struct parley_vdev *v);
int parley_ring_off_set(const char *val, u64 *off);

/* config.c */
void parley_config_arm(struct parley_vdev *v);
void parley_config_disarm(struct parley_vdev *v);
void parley_config_end(struct parley_vdev *v);
void parley_config_work(struct work_struct *work);

/* queue.c */
void parley_queues_drop(struct parley_vdev *v);
int parley_queues_enable_again(struct parley_vdev *v);
void parley_kicks_off(struct parley_vdev *v);
void parley_kicks_on(struct parley_vdev *v);

/* serve.c */
void parley_queue_take_back(struct parley_queue *queue, enum parley_fate fate);

/* command.c */
void parley_queue_wake(struct parley_queue *queue);

/* recover.c */
void parley_model_init(struct parley_vdev *v);
void parley_model_exit(struct parley_vdev *v);
void parley_model_open(struct parley_vdev *v);
void parley_model_look(struct parley_vdev *v);
bool parley_model_awake(struct parley_vdev *v, u32 *epoch);
void parley_model_listen(struct parley_vdev *v);
void parley_model_abandon(struct parley_vdev *v);
int parley_recover_init(void);
void parley_recover_exit(void);
void parley_phase_set(struct parley_vdev *v, enum parley_phase phase);
void parley_fault(struct parley_vdev *v, enum parley_fault fault);

/* qlock.c */
#if IS_ENABLED(CONFIG_KUNIT)
extern bool parley_qlock_wanted;
#endif

/* sysfs.c */
extern const struct attribute_group *parley_device_groups[];
int parley_queue_sysfs_add(struct parley_queue *queue);
void parley_queue_sysfs_del(struct parley_queue *queue);

static inline struct parley_driver *parley_driver_of(struct parley_vdev *v)
{
	return v->pd.dev.driver ? to_parley_driver(v->pd.dev.driver) : NULL;
}

static inline struct parley_vdev *parley_vdev_of(struct parley_queue *queue)
{
	return to_parley_vdev(queue->dev);
}

/*
 * Around every verb of the model's.  An owner who serialises his queue himself is
 * in the call, or was stopped.
 */
static inline unsigned long parley_queue_lock(struct parley_queue *queue)
	__acquires(&queue->lock)
{
	unsigned long flags = 0;

	if (queue->spec.flags & PARLEY_QUEUE_UNLOCKED)
		__acquire(&queue->lock);
	else
		flags = parley_qlock_lock_irqsave(&queue->lock);
	return flags;
}

static inline void parley_queue_unlock(struct parley_queue *queue,
				       unsigned long flags)
	__releases(&queue->lock)
{
	if (queue->spec.flags & PARLEY_QUEUE_UNLOCKED)
		__release(&queue->lock);
	else
		parley_qlock_unlock_irqrestore(&queue->lock, flags);
}

#endif /* _PARLEY_GUEST_H */
