// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring.  What the VMM says of it is collected here and given to the kernel when
 * the ring starts: the protocol leaves the order of its messages open, and while
 * the memory table changes a ring is started again with the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include "device.h"

#define RING_MAX	32768

void ring_init(struct ring *v)
{
	*v = (struct ring){ .kick = -1, .call = -1, .err = -1 };
}

static void replace(int *fd, int with)
{
	if (*fd >= 0)
		close(*fd);
	*fd = with;
}

void ring_release(struct ring *v)
{
	replace(&v->kick, -1);
	replace(&v->call, -1);
	replace(&v->err, -1);
}

/**
 * ring_reset - as it was before the VMM said anything
 * @d: device
 * @i: ring
 *
 * Its call and error eventfds stay: a VMM sends the latter only once.
 */
void ring_reset(struct device *d, unsigned int i)
{
	struct ring *v = &d->ring[i];
	int call = v->call, err = v->err;

	ring_stop(d, i);
	if (v->running)
		return;
	replace(&v->kick, -1);
	ring_init(v);
	v->call = call;
	v->err = err;
}

/* Bytes of the three areas: descriptors, driver's, device's. */
static void area_lengths(const struct device *d, uint32_t num, uint64_t len[3])
{
	bool packed = device_packed(d);

	len[0] = (uint64_t)num * sizeof(struct vring_desc);
	len[1] = packed ? sizeof(struct vring_packed_desc_event) :
		 sizeof(struct vring_avail) + (num + 1) * sizeof(__virtio16);
	len[2] = packed ? sizeof(struct vring_packed_desc_event) :
		 sizeof(struct vring_used) + sizeof(__virtio16) +
		 num * sizeof(struct vring_used_elem);
}

/* Bytes of the area that the device writes. */
uint64_t ring_used_len(const struct device *d, unsigned int i)
{
	uint64_t len[3];

	area_lengths(d, d->ring[i].num, len);
	return len[2];
}

/* The ring's addresses as the kernel wants them: ours. */
static bool translate(const struct device *d, unsigned int i,
		      const struct mem *mem, struct vhost_vring_addr *out)
{
	const struct ring *v = &d->ring[i];
	uint64_t len[3];

	area_lengths(d, v->num, len);
	*out = v->addr;
	out->desc_user_addr = mem_translate(mem, v->addr.desc_user_addr, len[0]);
	out->avail_user_addr = mem_translate(mem, v->addr.avail_user_addr,
					     len[1]);
	out->used_user_addr = mem_translate(mem, v->addr.used_user_addr, len[2]);
	return out->desc_user_addr && out->avail_user_addr &&
	       out->used_user_addr;
}

/* Would another memory table put the ring elsewhere, or nowhere? */
bool ring_moved(struct device *d, unsigned int i, const struct mem *new)
{
	struct vhost_vring_addr a, b;

	return !translate(d, i, &d->mem, &a) || !translate(d, i, new, &b) ||
	       a.desc_user_addr != b.desc_user_addr ||
	       a.avail_user_addr != b.avail_user_addr ||
	       a.used_user_addr != b.used_user_addr;
}

/*
 * Ask the in-flight region where to go on, and wait while a predecessor that was
 * killed still finishes its requests.
 */
static const char *find_base(struct device *d, unsigned int i, bool *broken)
{
	struct ring *v = &d->ring[i];
	uint32_t base = v->base;
	int waited = 0;

	for (;;) {
		switch (inflight_ask(&d->inflight, i, v->num, device_packed(d),
				     &base)) {
		case INFLIGHT_BASE:
			if (base != v->base)
				say(d->who, "ring %u goes on where it stopped: %#x (the VMM: %#x)",
				    i, base, v->base);
			v->base = base;
			return NULL;
		case INFLIGHT_BROKEN:
			*broken = true;
			return NULL;
		case INFLIGHT_WAIT:
			break;
		default:
			return NULL;
		}
		if (waited >= d->wait_ms || device_told_to_stop(d, LOOK_MS))
			return "the process before us has not finished; does its back end hang?";
		waited += LOOK_MS;
	}
}

/**
 * ring_tell - signal an eventfd of the VMM's without ever waiting
 * @fd: it may be full, or a pipe; the flag is the VMM's too, so it stays as it was
 *
 * Return: true if it was told.
 */
bool ring_tell(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	uint64_t one = 1;
	bool told;

	if (flags < 0)
		return false;
	if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return false;
	told = write(fd, &one, sizeof(one)) == sizeof(one);
	if (!(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags);
	return told;
}

/*
 * A process that was killed may have completed requests when the VMM, who saw its
 * socket close, listened to its eventfd no longer; the guest would wait for ever.
 * One call too many does no harm.
 */
static void call_guest(struct ring *v)
{
	if (v->call >= 0)
		ring_tell(v->call);
}

static void signal_broken(struct device *d, unsigned int i)
{
	say(d->who, "ring %u was broken by the guest's driver and stays idle until a reset",
	    i);
	if (d->ring[i].err >= 0 && !ring_tell(d->ring[i].err))
		say(d->who, "ring %u: nobody can be told that it is broken", i);
}

/* Addresses, eventfds and the switch: what a start and a resumption share. */
static const char *run(struct device *d, unsigned int i)
{
	struct ring *v = &d->ring[i];
	struct vhost_vring_addr addr;
	int ret;

	if (!translate(d, i, &d->mem, &addr))
		return "the ring lies outside the guest's memory";
	addr.index = i;
	ret = kernel_ring_addr(&d->kernel, &addr);
	if (ret)
		return device_error(d, "the ring's addresses", ret);
	ret = kernel_ring_kick(&d->kernel, i, v->kick);
	if (ret)
		return device_error(d, "the kick eventfd", ret);
	ret = kernel_ring_call(&d->kernel, i, v->call);
	if (ret)
		return device_error(d, "the call eventfd", ret);
	ret = kernel_ring_err(&d->kernel, i, v->err);
	if (ret)
		return device_error(d, "the error eventfd", ret);
	ret = kernel_ring_enable(&d->kernel, i, 1);
	if (ret)
		return device_error(d, "the start of the ring", ret);
	v->running = true;
	return NULL;
}

/* Size, base, and where the kernel keeps the state: what a start needs besides. */
static const char *prepare(struct device *d, unsigned int i)
{
	struct ring *v = &d->ring[i];
	int ret;

	ret = kernel_ring_num(&d->kernel, i, v->num);
	if (ret)
		return device_error(d, "the ring's size", ret);
	ret = kernel_ring_set_base(&d->kernel, i, v->base);
	if (ret)
		return device_error(d, "the ring's base", ret);
	ret = inflight_start(&d->inflight, i, v->num, device_packed(d), v->base);
	if (ret)
		return device_error(d, "the in-flight region", ret);
	ret = kernel_ring_keep(&d->kernel, i, inflight_kept(&d->inflight, i));
	if (ret)
		return device_error(d, "keeping the ring's state", ret);
	return NULL;
}

static void say_legacy(struct device *d)
{
	if (d->legacy && !d->legacy_said)
		say(d->who,
		    "the driver is older than virtio 1: served; see disable-legacy=on");
	d->legacy_said = d->legacy;
}

/*
 * A request that has more descriptors than the ring, from a driver that knows no
 * tables of them, can never be sent: it waits in the guest, and nobody says why.
 */
static void say_small(struct device *d, const struct ring *v)
{
	if (d->small_said || v->num >= d->chain ||
	    d->features >> VIRTIO_RING_F_INDIRECT_DESC & 1)
		return;
	d->small_said = true;
	say(d->who, "a ring has %u descriptors, and a request may take %u; see queue-size=%u",
	    v->num, d->chain, d->chain);
}

static const char *start(struct device *d, unsigned int i)
{
	struct ring *v = &d->ring[i];
	bool broken = false;
	const char *why;

	if (!v->num || !v->addr_set)
		return "the ring starts before its size and addresses are known";
	if (!v->ran) {
		why = find_base(d, i, &broken);
		if (why)
			return why;
	}
	if (broken) {
		signal_broken(d, i);
		return NULL;
	}
	why = device_claim(d);
	if (!why)
		why = prepare(d, i);
	if (!why)
		why = run(d, i);
	if (why) {
		device_unclaim(d);
		return why;
	}
	v->ran = true;
	call_guest(v);
	if (d->kind->started)
		d->kind->started(d);
	say_legacy(d);
	say_small(d, v);
	return NULL;
}

/* Have the kernel serve the ring no more; waits for its requests in flight. */
static void halt(struct device *d, unsigned int i)
{
	struct ring *v = &d->ring[i];
	int ret;

	if (!v->running)
		return;
	ret = kernel_ring_enable(&d->kernel, i, 0);
	if (ret) {
		say(d->who, "%s", device_error(d, "the stop of a ring", ret));
		d->lost = true;
		return;
	}
	v->running = false;
	/* If it is to start again without a new base, then where it stopped. */
	kernel_ring_get_base(&d->kernel, i, &v->base);
}

/* Stop for a while: ring_resume() goes on, and the back end stays ours. */
void ring_hold(struct device *d, unsigned int i)
{
	halt(d, i);
	d->ring[i].held = !d->ring[i].running;
}

/**
 * ring_stop - have the kernel serve the ring no more
 * @d: device
 * @i: ring
 *
 * Waits for its requests in flight.  Should the kernel refuse, the ring may still
 * be served; only closing the device helps then (@d->lost).
 */
void ring_stop(struct device *d, unsigned int i)
{
	d->ring[i].held = false;
	halt(d, i);
	device_unclaim(d);
}

/**
 * ring_update - start or stop the ring, as what is known of it demands
 * @d: device
 * @i: ring
 *
 * Return: NULL, or why it cannot start.
 */
const char *ring_update(struct device *d, unsigned int i)
{
	bool always = !(d->features >> MSG_F_PROTOCOL & 1);
	struct ring *v = &d->ring[i];
	bool run = v->started && (v->enabled || always);

	if (run == v->running)
		return NULL;
	if (run)
		return start(d, i);
	ring_stop(d, i);
	return NULL;
}

/* Go on after device_hold(); the kernel knows the base. */
const char *ring_resume(struct device *d, unsigned int i)
{
	d->ring[i].held = false;
	return run(d, i);
}

const char *ring_set_num(struct device *d, unsigned int i, uint32_t num)
{
	struct ring *v = &d->ring[i];
	uint32_t old = v->num;
	const char *why;

	if (v->running)
		return "the size of a running ring cannot change";
	if (!num || num > RING_MAX)
		return "a ring has 1 to 32768 descriptors";
	v->num = num;
	/* A larger ring has more to log. */
	why = device_log_fits(d);
	if (why)
		v->num = old;
	return why;
}

/**
 * ring_set_addr - addresses of a ring
 * @d: device
 * @addr: as the VMM sent it, number checked
 *
 * While the ring runs only whether it is logged may change.
 *
 * Return: NULL, or what is wrong.
 */
const char *ring_set_addr(struct device *d,
			  const struct vhost_vring_addr *addr)
{
	struct ring *v = &d->ring[addr->index];
	struct vhost_vring_addr old = v->addr, ours;
	const char *why;
	int ret = 0;

	v->addr = *addr;
	why = device_log_fits(d);
	if (!why && v->running) {
		if (old.desc_user_addr != addr->desc_user_addr ||
		    old.avail_user_addr != addr->avail_user_addr ||
		    old.used_user_addr != addr->used_user_addr)
			why = "a running ring cannot move";
		else if (!translate(d, addr->index, &d->mem, &ours))
			why = "the ring lies outside the guest's memory";
		else
			ret = kernel_ring_addr(&d->kernel, &ours);
	}
	if (ret)
		why = device_error(d, "logging the ring", ret);
	if (why)
		v->addr = old;
	else
		v->addr_set = true;
	return why;
}

/**
 * ring_set_kick - the guest's notifications; the ring is started by it
 * @d: device
 * @i: ring
 * @fd: eventfd, ours from now on; -1 if the VMM has none, which means that we
 *	shall look by ourselves
 *
 * Return: NULL, or what is wrong.
 */
const char *ring_set_kick(struct device *d, unsigned int i, int fd)
{
	struct ring *v = &d->ring[i];
	int ret;

	v->own_kick = fd < 0;
	if (fd < 0)
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return device_error(d, "an eventfd", -errno);
	replace(&v->kick, fd);
	v->started = true;
	if (!v->running)
		return ring_update(d, i);
	ret = kernel_ring_kick(&d->kernel, i, fd);
	return ret ? device_error(d, "the kick eventfd", ret) : NULL;
}

const char *ring_set_call(struct device *d, unsigned int i, int fd)
{
	struct ring *v = &d->ring[i];
	int ret;

	replace(&v->call, fd);
	if (!v->running)
		return NULL;
	ret = kernel_ring_call(&d->kernel, i, fd);
	if (ret)
		return device_error(d, "the call eventfd", ret);
	call_guest(v);
	return NULL;
}

const char *ring_set_err(struct device *d, unsigned int i, int fd)
{
	struct ring *v = &d->ring[i];
	int ret;

	replace(&v->err, fd);
	ret = v->running ? kernel_ring_err(&d->kernel, i, fd) : 0;
	return ret ? device_error(d, "the error eventfd", ret) : NULL;
}

/**
 * ring_get_base - stop the ring, for good
 * @d: device
 * @i: ring
 * @base: where it stopped, or where it would start if it never ran
 *
 * Return: NULL, or what is wrong.
 */
const char *ring_get_base(struct device *d, unsigned int i, uint32_t *base)
{
	struct ring *v = &d->ring[i];

	ring_stop(d, i);
	if (v->running)
		return "the ring cannot be stopped";
	v->started = false;
	*base = v->base;
	return NULL;
}
