// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration: the states of VFIO's second protocol, and what leads from one to another.
 *
 *	RUNNING, PRE_COPY		the controller works
 *	RUNNING_P2P, PRE_COPY_P2P	it is stopped (emu/state.c): nothing is fetched,
 *					nothing in flight, nobody interrupted; registers
 *					and doorbells are as ever
 *	STOP				the same
 *	STOP_COPY			the same, and its state can be read
 *	RESUMING			the same, and a state can be written
 *	ERROR				the same.  A state was refused, or could not be
 *					written down: VFIO_DEVICE_RESET leads out
 *
 * The function only reaches memory of the guest's, so there are no peers that it would
 * have to be kept from, and what one may reach of it are doorbells in memory.  P2P is
 * there for guests with other devices, whose VMM asks for it, and is the state in which
 * all that others see of the device has come to rest.  Who leaves it for STOP or comes
 * from there has nothing to do.
 *
 * PRE_COPY sends who the device is, and no more: the destination refuses a foreign
 * state while the source still works.  The rest is small, and sent when it has stopped.
 *
 * Each arc, in prose; they are in one table below.
 *
 *	quiet	RUNNING, PRE_COPY to P2P.  Waits until what is in flight with the
 *		function is over.
 *	run	P2P to RUNNING, PRE_COPY.  What was rung for meanwhile is seen to, and the
 *		guest interrupted if there are answers that it has not taken.
 *	begin	RUNNING to PRE_COPY, RUNNING_P2P to PRE_COPY_P2P.  A stream is made, with
 *		who the device is.
 *	rest	PRE_COPY_P2P to STOP_COPY.  All else is put into the same stream.
 *	save	STOP to STOP_COPY.  A stream is made with all of it.
 *	close	PRE_COPY, PRE_COPY_P2P and STOP_COPY to where they came from.  The stream is
 *		of no use any more.
 *	open	STOP to RESUMING.  The controller is reset, and a stream made to be
 *		written.
 *	load	RESUMING to STOP.  What came is checked, and the device becomes what it
 *		says; or it is refused, which leads to ERROR.
 *	-	RUNNING_P2P to STOP and back.  Nothing.
 *
 * Every other pair of states is either a sequence of these, which VFIO knows
 * (vfio_mig_get_next_state()), or refused: into and out of ERROR, and from STOP_COPY to
 * pre-copying.  An arc that fails leaves the device in the state before it; but after
 * load, and after rest, whose stream is spoilt, that is ERROR.
 *
 * VFIO_DEVICE_RESET leads to RUNNING from any of them, as it must.  A reset by the
 * guest (FLR, D3hot to D0) is one of the controller, and the state stays: it is part
 * of what is migrated.
 *
 * Whoever writes a state that is refused is told so at once, and mostly ends then: so
 * what was wrong is told of when the stream is left, however that comes about.
 *
 * A namespace that is a copy, as root says (../vf/space.c), takes the state of a device
 * on the original, and no other.  So guests move between disks.
 *
 * So two devices that share a namespace, one of them on each side, never both write:
 * the source does nothing from RUNNING_P2P on, and the destination nothing until its
 * VMM asks for RUNNING, which it does when the source's has stopped.
 */
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include "mdev.h"

/* What an arc does; *@file is set if there is one to be handed out. */
typedef int parley_mdev_arc_fn(struct parley_mdev_migration *g, struct file **file);

static struct parley_mdev_stream *parley_mdev_stream_of(struct parley_mdev_migration *g)
{
	return g->file->private_data;
}

static int parley_mdev_who(struct parley_mdev_migration *g, struct parley_mdev_who *who)
{
	const struct parley_mdev_ids *ids = &g->config->ids;

	who->device = (struct parley_state_device) {
		.vendor = cpu_to_le16(ids->vendor),
		.device = cpu_to_le16(ids->device),
		.subvendor = cpu_to_le16(ids->subvendor),
		.subdevice = cpu_to_le16(ids->subdevice),
		.vectors = cpu_to_le16(g->config->vectors),
	};
	return parley_state_disk_of(g->emu, &who->disk);
}

/* ------------------------------------------------------------- the arcs */

static int parley_mdev_arc_none(struct parley_mdev_migration *g, struct file **file)
{
	return 0;
}

static int parley_mdev_arc_quiet(struct parley_mdev_migration *g, struct file **file)
{
	parley_emu_stop(g->emu);
	return 0;
}

static int parley_mdev_arc_run(struct parley_mdev_migration *g, struct file **file)
{
	parley_emu_go(g->emu);
	return 0;
}

/* Its user may have the device closed, or reset, as soon as he is refused. */
static void parley_mdev_leave(struct parley_mdev_migration *g)
{
	struct parley_mdev_stream *s = parley_mdev_stream_of(g);
	const char *why;

	scoped_guard(mutex, &s->lock)
		why = s->refused;
	if (why)
		dev_warn_ratelimited(g->vdev->dev, "a state that was to be resumed on %s %s: refused\n",
				     dev_name(g->emu->vf->n.dev), why);
	if (why || g->state == VFIO_DEVICE_STATE_RESUMING)
		WRITE_ONCE(g->refused, why);
	parley_mdev_stream_close(g->file);
	g->file = NULL;
}

static int parley_mdev_arc_close(struct parley_mdev_migration *g, struct file **file)
{
	parley_mdev_leave(g);
	return 0;
}

/* On a copy, what is expected is a state of the original's. */
static void parley_mdev_expect(struct parley_mdev_migration *g, struct parley_state_disk *disk)
{
	struct parley_nvme_original original;

	parley_nvme_space_original(g->emu->vf, &original);
	if (!original.nsid)
		return;
	BUILD_BUG_ON(sizeof(original.serial) != sizeof(disk->serial) + 1);
	disk->nsid = cpu_to_le32(original.nsid);
	memcpy(disk->serial, original.serial, sizeof(disk->serial));
}

/* A stream, of which the device has a reference and the user gets one. */
static int parley_mdev_make(struct parley_mdev_migration *g, bool in, struct file **file)
{
	struct parley_mdev_who who;
	struct file *made;
	int err = parley_mdev_who(g, &who);

	if (err)
		return err;
	if (in)
		parley_mdev_expect(g, &who.disk);
	made = parley_mdev_stream_open(&who, in);
	if (IS_ERR(made))
		return PTR_ERR(made);
	g->file = made;
	*file = get_file(made);
	return 0;
}

/* Nobody has the file yet: it is given back as if it had not been made. */
static void parley_mdev_unmake(struct parley_mdev_migration *g, struct file **file)
{
	parley_mdev_arc_close(g, file);
	fput(*file);
	*file = NULL;
}

static int parley_mdev_put_who(struct parley_mdev_stream *s)
{
	int err;

	lockdep_assert_held(&s->lock);
	parley_state_begin(&s->out, s->data);
	err = parley_state_put(&s->out, PARLEY_STATE_DEVICE, &s->who.device,
			       sizeof(s->who.device));
	return err ?: parley_state_put(&s->out, PARLEY_STATE_DISK, &s->who.disk,
				       sizeof(s->who.disk));
}

static int parley_mdev_arc_begin(struct parley_mdev_migration *g, struct file **file)
{
	struct parley_mdev_stream *s;
	int err = parley_mdev_make(g, false, file);

	if (err)
		return err;
	s = parley_mdev_stream_of(g);
	scoped_guard(mutex, &s->lock) {
		err = parley_mdev_put_who(s);
		s->more = true;
	}
	if (err)
		parley_mdev_unmake(g, file);
	return err;
}

/* All but who it is. */
static int parley_mdev_put_rest(struct parley_mdev_migration *g, struct parley_state_out *out)
{
	char name[PARLEY_STATE_NAME_LEN] = "";
	int err;

	BUILD_BUG_ON(sizeof(g->config->byte) != PARLEY_STATE_CONFIG_LEN);
	/* That depends on the queues, and is told anew on the other side. */
	parley_mdev_config_raise(g->config, false);
	memcpy(name, g->serial, min(strlen(g->serial), sizeof(name)));
	err = parley_state_put(out, PARLEY_STATE_CONFIG, g->config->byte,
			       sizeof(g->config->byte));
	if (!err)
		err = parley_state_put(out, PARLEY_STATE_NAME, name, sizeof(name));
	if (!err)
		err = parley_emu_save(g->emu, out);
	return err ?: parley_state_put(out, PARLEY_STATE_END, NULL, 0);
}

/*
 * It is put where nobody reads yet, and without the lock, which who reads waits for: the
 * guest's memory may be reached on the way.
 */
static int parley_mdev_arc_rest(struct parley_mdev_migration *g, struct file **file)
{
	struct parley_mdev_stream *s = parley_mdev_stream_of(g);
	struct parley_state_out out;
	int err;

	scoped_guard(mutex, &s->lock)
		out = s->out;
	err = parley_mdev_put_rest(g, &out);
	guard(mutex)(&s->lock);
	if (!err)
		s->out = out;
	s->more = false;
	return err;
}

static int parley_mdev_arc_save(struct parley_mdev_migration *g, struct file **file)
{
	int err = parley_mdev_arc_begin(g, file);

	if (err)
		return err;
	err = parley_mdev_arc_rest(g, file);
	if (err)
		parley_mdev_unmake(g, file);
	return err;
}

static int parley_mdev_arc_open(struct parley_mdev_migration *g, struct file **file)
{
	int err = parley_mdev_make(g, true, file);

	if (!err)
		parley_emu_reset(g->emu);
	return err;
}

/* A name is what can be printed, and then zeroes. */
static bool parley_mdev_is_name(const char *name)
{
	size_t i, len = strnlen(name, PARLEY_STATE_NAME_LEN);

	for (i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~')
			return false;
	return len && !memchr_inv(name + len, 0, PARLEY_STATE_NAME_LEN - len);
}

static int parley_mdev_become(struct parley_mdev_migration *g, struct parley_mdev_stream *s,
			      const char **why)
{
	struct parley_state_part part[PARLEY_STATE_TYPES];
	const char *name;
	int err;

	lockdep_assert_held(&s->lock);
	err = parley_state_parse(s->data, s->out.len, part, why);
	if (!err)
		err = parley_mdev_who_check(&s->who, part, why);
	if (err)
		return err;
	parley_mdev_config_raise(g->config, false);
	name = part[PARLEY_STATE_NAME].data;
	if (!parley_mdev_is_name(name) ||
	    !parley_mdev_config_fits(g->config, part[PARLEY_STATE_CONFIG].data))
		return parley_state_no(why, "has a name or a configuration space that cannot be");
	err = parley_emu_load(g->emu, part, why);
	if (err)
		return err;
	parley_mdev_config_load(g->config, part[PARLEY_STATE_CONFIG].data);
	memcpy(g->serial, name, PARLEY_STATE_NAME_LEN);
	g->serial[PARLEY_STATE_NAME_LEN] = '\0';
	return 0;
}

static int parley_mdev_arc_load(struct parley_mdev_migration *g, struct file **file)
{
	struct parley_mdev_stream *s = parley_mdev_stream_of(g);
	const char *why;
	int err;

	scoped_guard(mutex, &s->lock) {
		if (!s->refused && parley_mdev_become(g, s, &why))
			s->refused = why;
		/* Not that there must be more of it. */
		err = s->refused ? -EINVAL : 0;
	}
	parley_mdev_leave(g);
	return err;
}

#define STATE(name)	VFIO_DEVICE_STATE_##name

/**
 * struct parley_mdev_arc - a step
 * @from: the state before
 * @to: the state after
 * @go: what it does
 * @spoils: if that fails, the state before is not what it was
 */
struct parley_mdev_arc {
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
	parley_mdev_arc_fn *go;
	bool spoils;
};

static const struct parley_mdev_arc parley_mdev_arcs[] = {
	{ STATE(RUNNING), STATE(RUNNING_P2P), parley_mdev_arc_quiet },
	{ STATE(RUNNING), STATE(PRE_COPY), parley_mdev_arc_begin },
	{ STATE(RUNNING_P2P), STATE(RUNNING), parley_mdev_arc_run },
	{ STATE(RUNNING_P2P), STATE(STOP), parley_mdev_arc_none },
	{ STATE(RUNNING_P2P), STATE(PRE_COPY_P2P), parley_mdev_arc_begin },
	{ STATE(PRE_COPY), STATE(RUNNING), parley_mdev_arc_close },
	{ STATE(PRE_COPY), STATE(PRE_COPY_P2P), parley_mdev_arc_quiet },
	{ STATE(PRE_COPY_P2P), STATE(PRE_COPY), parley_mdev_arc_run },
	{ STATE(PRE_COPY_P2P), STATE(RUNNING_P2P), parley_mdev_arc_close },
	{ STATE(PRE_COPY_P2P), STATE(STOP_COPY), parley_mdev_arc_rest, true },
	{ STATE(STOP), STATE(RUNNING_P2P), parley_mdev_arc_none },
	{ STATE(STOP), STATE(STOP_COPY), parley_mdev_arc_save },
	{ STATE(STOP), STATE(RESUMING), parley_mdev_arc_open },
	{ STATE(STOP_COPY), STATE(STOP), parley_mdev_arc_close },
	{ STATE(RESUMING), STATE(STOP), parley_mdev_arc_load, true },
};

static int parley_mdev_step(struct parley_mdev_migration *g, enum vfio_device_mig_state to,
			    struct file **file)
{
	const struct parley_mdev_arc *arc;
	int err;

	lockdep_assert_held(g->mutex);
	for (arc = parley_mdev_arcs; arc < parley_mdev_arcs + ARRAY_SIZE(parley_mdev_arcs);
	     arc++) {
		if (arc->from != g->state || arc->to != to)
			continue;
		err = arc->go(g, file);
		if (!err)
			WRITE_ONCE(g->state, to);
		else if (arc->spoils)
			WRITE_ONCE(g->state, STATE(ERROR));
		return err;
	}
	return -EINVAL;
}

/**
 * parley_mdev_migration_set() - go to a state, by the arcs that lead there
 * @g: the migration
 * @state: which, as user space asks for it
 *
 * Context: process context; @g->mutex not held; sleeps up to the time-out of a command.
 * Return: a file for user space, or NULL if there is none; or an error, and the state is
 *	the last that was got to, or ERROR.
 */
struct file *parley_mdev_migration_set(struct parley_mdev_migration *g,
				       enum vfio_device_mig_state state)
{
	enum vfio_device_mig_state next;
	struct file *file = NULL;
	int err = 0;

	guard(mutex)(g->mutex);
	while (!err && g->state != state) {
		/* There VFIO knows no way, and is not to be asked for one. */
		if (g->state == STATE(ERROR))
			return ERR_PTR(-EINVAL);
		err = vfio_mig_get_next_state(g->vdev, g->state, state, &next);
		if (!err)
			err = parley_mdev_step(g, next, &file);
	}
	return err ? ERR_PTR(err) : file;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_migration_set);

/**
 * parley_mdev_migration_reset() - whatever it was: it runs
 * @g: the migration, whose controller was reset
 *
 * Context: process context; @g->mutex held; may sleep.
 */
void parley_mdev_migration_reset(struct parley_mdev_migration *g)
{
	struct file *none;

	lockdep_assert_held(g->mutex);
	if (g->file)
		parley_mdev_arc_close(g, &none);
	WRITE_ONCE(g->state, STATE(RUNNING));
	parley_emu_go(g->emu);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_migration_reset);

/**
 * parley_mdev_migration_end() - the device is closed
 * @g: the migration
 *
 * Context: process context; @g->mutex held; may sleep.
 */
void parley_mdev_migration_end(struct parley_mdev_migration *g)
{
	struct file *none;

	lockdep_assert_held(g->mutex);
	if (g->file)
		parley_mdev_arc_close(g, &none);
	WRITE_ONCE(g->state, STATE(RUNNING));
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_migration_end);

static const char *const parley_mdev_state_names[VFIO_DEVICE_STATE_NR] = {
	[STATE(ERROR)] = "error",
	[STATE(STOP)] = "stop",
	[STATE(RUNNING)] = "running",
	[STATE(STOP_COPY)] = "stop-copy",
	[STATE(RESUMING)] = "resuming",
	[STATE(RUNNING_P2P)] = "running-p2p",
	[STATE(PRE_COPY)] = "pre-copy",
	[STATE(PRE_COPY_P2P)] = "pre-copy-p2p",
};

/**
 * parley_mdev_migration_show() - what there is to tell of it
 * @g: the migration
 * @buf: a page, for sysfs
 *
 * Whoever asks does not wait for the device, which its user can make take its time.
 *
 * Context: any.
 * Return: bytes.
 */
ssize_t parley_mdev_migration_show(struct parley_mdev_migration *g, char *buf)
{
	const char *refused = READ_ONCE(g->refused);

	return sysfs_emit(buf, "%s\nrefused %s\n",
			  parley_mdev_state_names[READ_ONCE(g->state)], refused ?: "none");
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_migration_show);
