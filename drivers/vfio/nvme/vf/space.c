// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces, and whose data they have.
 *
 * A tenant is known by a UUID, that of his mediated device.  What is noted here is
 * about a namespace and not about a function: several functions may have the same.
 *
 *	from		event				to
 *	-		first seen since the boot	UNKNOWN
 *	any		its size or name changed	UNKNOWN
 *	NOBODY		a tenant takes it		TENANT
 *	TENANT		the same takes it again		TENANT
 *	any		taken, and data are kept	TENANT
 *	any		erasing begins			UNKNOWN
 *	UNKNOWN		erasing ended well		NOBODY
 *	any		root says so			what he says
 *
 * Root may also say what a namespace is a copy of, for a guest that moves to it (migration).
 * That holds for the next who gets it, and is forgotten when he leaves: he may have
 * written.
 *
 * Everybody else is refused.  So a crash, of this machine or in the midst of erasing,
 * loses what was known and with it the right to hand the namespace out; it never
 * leads to data of one tenant in the hands of another.
 */
#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <parley/export.h>
#include "vf.h"

/* Of all spaces, and of @space and @busy of functions; nothing is waited for with it. */
static DEFINE_MUTEX(pvf_spaces_lock);
static LIST_HEAD(pvf_spaces);

static bool pvf_same(const struct parley_nvme_ns *a, const struct parley_nvme_ns *b)
{
	return a->blocks == b->blocks && a->block_size == b->block_size &&
	       !memcmp(a->nguid, b->nguid, sizeof(a->nguid)) &&
	       !memcmp(a->eui64, b->eui64, sizeof(a->eui64));
}

static struct parley_nvme_space *pvf_find(struct parley_nvme_vf *vf)
{
	struct parley_nvme_space *space;

	list_for_each_entry(space, &pvf_spaces, list)
		if (space->family == vf->family && space->nsid == vf->nsid)
			return space;
	return NULL;
}

static void pvf_let_go(struct parley_nvme_vf *vf)
{
	struct parley_nvme_space *space = vf->space;

	lockdep_assert_held(&pvf_spaces_lock);
	vf->space = NULL;
	if (!space || --space->functions)
		return;
	list_del(&space->list);
	kfree(space);
}

/* Whatever was said of what is there. */
static void pvf_is_another(struct parley_nvme_space *space)
{
	lockdep_assert_held(&pvf_spaces_lock);
	space->owner = PARLEY_NVME_UNKNOWN;
	space->original.nsid = 0;
}

static int pvf_hold(struct parley_nvme_vf *vf)
{
	struct parley_nvme_space *space = pvf_find(vf);

	lockdep_assert_held(&pvf_spaces_lock);
	if (!space) {
		space = kzalloc(sizeof(*space), GFP_KERNEL);
		if (!space)
			return -ENOMEM;
		space->family = vf->family;
		space->nsid = vf->nsid;
		space->ns = vf->ns;
		list_add_tail(&space->list, &pvf_spaces);
	}
	/* One that was made anew, with the same number. */
	if (!pvf_same(&space->ns, &vf->ns)) {
		space->ns = vf->ns;
		pvf_is_another(space);
	}
	space->functions++;
	vf->space = space;
	return 0;
}

/* A tenant has it, and it is not what he was given. */
static bool pvf_swapped(struct parley_nvme_vf *vf)
{
	return vf->entered && (vf->space->nsid != vf->nsid ||
			       !pvf_same(&vf->space->ns, &vf->ns));
}

/**
 * parley_nvme_space_learn() - which namespace a function has
 * @vf: the function, with its number and size just learned
 *
 * Context: process context; the controller's mutex held; may sleep.
 * Return: 0; -ESTALE if it is not the one that the tenant was given who has the
 *	function; -ENOMEM.
 */
int parley_nvme_space_learn(struct parley_nvme_vf *vf)
{
	struct parley_nvme_space *old;
	int err;

	lockdep_assert_held(&vf->n.mutex);
	guard(mutex)(&pvf_spaces_lock);
	if (pvf_swapped(vf))
		return -ESTALE;
	old = vf->space;
	/* Held before the old one is let go: what is known must not get lost between. */
	err = pvf_hold(vf);
	if (!err && old) {
		swap(vf->space, old);
		pvf_let_go(vf);
		vf->space = old;
	}
	return err;
}

/**
 * parley_nvme_space_forget() - the mirror of parley_nvme_space_learn()
 * @vf: the function, which is not handed out
 *
 * Context: process context; may sleep.
 */
void parley_nvme_space_forget(struct parley_nvme_vf *vf)
{
	guard(mutex)(&pvf_spaces_lock);
	pvf_let_go(vf);
}

/**
 * parley_nvme_space_claim() - somebody wants the function for himself
 * @vf: the function
 *
 * Context: process context; may sleep.
 * Return: 0, -EBUSY if somebody has it, -ENODEV if it goes.
 */
int parley_nvme_space_claim(struct parley_nvme_vf *vf)
{
	guard(mutex)(&pvf_spaces_lock);
	if (vf->leaving)
		return -ENODEV;
	if (vf->busy)
		return -EBUSY;
	vf->busy = true;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_space_claim);

/**
 * parley_nvme_space_unclaim() - the mirror of parley_nvme_space_claim()
 * @vf: the function
 *
 * Context: process context; may sleep.
 */
void parley_nvme_space_unclaim(struct parley_nvme_vf *vf)
{
	guard(mutex)(&pvf_spaces_lock);
	vf->busy = false;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_space_unclaim);

/**
 * parley_nvme_space_ended() - the same, of who has erased
 * @vf: the function
 * @how: what came of it
 *
 * Whoever claims it next may begin anew, and finds this one at its end.
 *
 * Context: process context; may sleep.
 */
void parley_nvme_space_ended(struct parley_nvme_vf *vf, enum parley_nvme_erasing how)
{
	guard(mutex)(&pvf_spaces_lock);
	/* With the error; pairs with parley_nvme_erase_wait(). */
	smp_store_release(&vf->erase.state, how);
	vf->busy = false;
}

/**
 * parley_nvme_space_go() - nobody can claim the function any more
 * @vf: the function
 *
 * Context: process context; may sleep.
 */
void parley_nvme_space_go(struct parley_nvme_vf *vf)
{
	guard(mutex)(&pvf_spaces_lock);
	WRITE_ONCE(vf->leaving, true);
}

/**
 * parley_nvme_space_enter() - a tenant gets a namespace, if it may be his
 * @vf: the function, LIVE
 * @tenant: who
 *
 * Context: process context; may sleep.
 * Return: 0; -EPERM if data of somebody else may be there, -EBUSY if they are being
 *	erased.
 */
int parley_nvme_space_enter(struct parley_nvme_vf *vf, const uuid_t *tenant)
{
	struct parley_nvme_space *space;

	guard(mutex)(&pvf_spaces_lock);
	space = vf->space;
	if (space->erasing)
		return -EBUSY;
	if (space->owner != PARLEY_NVME_NOBODY && vf->next_tenant != PARLEY_NVME_KEEP &&
	    !(space->owner == PARLEY_NVME_TENANT && uuid_equal(&space->tenant, tenant)))
		return -EPERM;
	/*
	 * Before his first command.  Who may have it although it is another's, who is at
	 * work, takes it from nobody: a guest that was to move may stay.
	 */
	if (!space->users || space->owner != PARLEY_NVME_TENANT) {
		space->owner = PARLEY_NVME_TENANT;
		space->tenant = *tenant;
	}
	space->users++;
	vf->entered = true;
	return 0;
}

/**
 * parley_nvme_space_leave() - the mirror of parley_nvme_space_enter()
 * @vf: the function, taken back
 *
 * Context: process context; may sleep.
 */
void parley_nvme_space_leave(struct parley_nvme_vf *vf)
{
	guard(mutex)(&pvf_spaces_lock);
	vf->space->users--;
	vf->space->original.nsid = 0;
	vf->entered = false;
}

/**
 * parley_nvme_space_erase() - a namespace will be erased
 * @vf: the function that does it, LIVE
 *
 * Context: process context; may sleep.
 * Return: 0, or -EBUSY if a function has it that is handed out, or it is being erased.
 */
int parley_nvme_space_erase(struct parley_nvme_vf *vf)
{
	struct parley_nvme_space *space;

	guard(mutex)(&pvf_spaces_lock);
	space = vf->space;
	if (space->users || space->erasing)
		return -EBUSY;
	space->erasing = true;
	/* What is half erased is of no use to him whose data they were, either. */
	pvf_is_another(space);
	return 0;
}

/**
 * parley_nvme_space_erased() - the mirror of parley_nvme_space_erase()
 * @vf: the function that did it
 * @clean: nothing is left
 *
 * Context: process context; may sleep.
 */
void parley_nvme_space_erased(struct parley_nvme_vf *vf, bool clean)
{
	guard(mutex)(&pvf_spaces_lock);
	vf->space->erasing = false;
	if (clean)
		vf->space->owner = PARLEY_NVME_NOBODY;
}

/* Whether root may say anything of it now. */
static int pvf_may_say(struct parley_nvme_vf *vf)
{
	lockdep_assert_held(&pvf_spaces_lock);
	if (!vf->space)
		return -ENXIO;
	return vf->busy || vf->space->users || vf->space->erasing ? -EBUSY : 0;
}

/**
 * parley_nvme_space_say() - root says whose data a namespace has
 * @vf: a function that has it
 * @text: a UUID, "none" or "unknown"
 *
 * Context: process context; may sleep.
 * Return: 0; -EINVAL if it is something else; -EBUSY if the namespace is in use or is
 *	being erased; -ENXIO if the function has none.
 */
int parley_nvme_space_say(struct parley_nvme_vf *vf, const char *text)
{
	enum parley_nvme_owner owner = PARLEY_NVME_TENANT;
	uuid_t tenant = uuid_null;
	int err;

	if (sysfs_streq(text, "none"))
		owner = PARLEY_NVME_NOBODY;
	else if (sysfs_streq(text, "unknown"))
		owner = PARLEY_NVME_UNKNOWN;
	else if (uuid_parse(text, &tenant) || (text[UUID_STRING_LEN] &&
					       text[UUID_STRING_LEN] != '\n'))
		return -EINVAL;
	guard(mutex)(&pvf_spaces_lock);
	err = pvf_may_say(vf);
	if (err)
		return err;
	vf->space->owner = owner;
	vf->space->tenant = tenant;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_space_say);

/**
 * parley_nvme_space_owner() - whose data a namespace has
 * @vf: a function that has it
 * @tenant: the tenant, if there is one
 *
 * Context: process context; may sleep.
 * Return: the owner.
 */
enum parley_nvme_owner parley_nvme_space_owner(struct parley_nvme_vf *vf, uuid_t *tenant)
{
	guard(mutex)(&pvf_spaces_lock);
	if (!vf->space)
		return PARLEY_NVME_UNKNOWN;
	*tenant = vf->space->tenant;
	return vf->space->owner;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_space_owner);

/* A number, a blank, and a serial number that can be printed and ends with neither. */
static int pvf_read_original(const char *text, struct parley_nvme_original *original)
{
	size_t i, len = strcspn(text, "\n");
	char number[sizeof("4294967295")];
	size_t digits = strcspn(text, "\n ");

	if (digits >= sizeof(number) || text[digits] != ' ' || (text[len] && text[len + 1]))
		return -EINVAL;
	strscpy(number, text, digits + 1);
	text += digits + 1;
	len -= digits + 1;
	if (!len || len >= sizeof(original->serial) || text[0] == ' ' || text[len - 1] == ' ')
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (!isascii(text[i]) || !isprint(text[i]))
			return -EINVAL;
	strscpy(original->serial, text, len + 1);
	return kstrtou32(number, 10, &original->nsid) || !original->nsid ? -EINVAL : 0;
}

/**
 * parley_nvme_space_copied() - root says what a namespace is a copy of
 * @vf: a function that has it
 * @text: the number of the original and the serial number of its drive, or "none"
 *
 * Context: process context; may sleep.
 * Return: as parley_nvme_space_say().
 */
int parley_nvme_space_copied(struct parley_nvme_vf *vf, const char *text)
{
	struct parley_nvme_original original = {};
	int err;

	if (!sysfs_streq(text, "none") && pvf_read_original(text, &original))
		return -EINVAL;
	guard(mutex)(&pvf_spaces_lock);
	err = pvf_may_say(vf);
	if (!err)
		vf->space->original = original;
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_space_copied);

/**
 * parley_nvme_space_original() - what a namespace is a copy of
 * @vf: a function that has it
 * @original: that
 *
 * Context: process context; may sleep.
 */
void parley_nvme_space_original(struct parley_nvme_vf *vf,
				struct parley_nvme_original *original)
{
	guard(mutex)(&pvf_spaces_lock);
	*original = vf->space ? vf->space->original : (struct parley_nvme_original) {};
}
PARLEY_EXPORT(parley_nvme_space_original);
