// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy of those that come next: one for each type of device that a parent can be,
 * and the files in sysfs through which it is chosen.
 *
 * Who opens a device takes the policy that there is then, and keeps it.  Text arrives in
 * pieces of a page, as sysfs has it: it counts as soon as its line "end" is there.
 */
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <parley/compat.h>
#include <parley/export.h>
#include "home.h"

/* Of a file: rules are twice as long in normal form as they can be, and have counts. */
#define PP_SHOWN	(256 * 1024)
/* Of its name. */
#define PP_NAME		32

static const char pp_end[] = "end";

/* ---------------------------------------------------------- policies */

static void pp_forget_text(struct parley_policy_home *home)
{
	lockdep_assert_held(&home->lock);
	kvfree(home->text);
	home->text = NULL;
	home->len = 0;
	home->writer = NULL;
}

/* Another policy for those that come next; it has the caller's reference. */
static void pp_replace(struct parley_policy_home *home, struct parley_policy *p)
{
	lockdep_assert_held(&home->lock);
	parley_policy_put(home->next);
	home->next = p;
}

VISIBLE_IF_KUNIT int parley_policy_home_init(struct parley_policy_home *home,
					     const struct parley_policy_language *language,
					     const char *otherwise)
{
	mutex_init(&home->lock);
	home->language = language;
	home->next = parley_policy_load(language, otherwise, strlen(otherwise),
					&home->error);
	if (IS_ERR(home->next)) {
		mutex_destroy(&home->lock);
		return PTR_ERR(home->next);
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_policy_home_init);

VISIBLE_IF_KUNIT void parley_policy_home_exit(struct parley_policy_home *home)
{
	scoped_guard(mutex, &home->lock) {
		pp_forget_text(home);
		parley_policy_put(home->used);
		pp_replace(home, NULL);
	}
	mutex_destroy(&home->lock);
}
EXPORT_SYMBOL_IF_KUNIT(parley_policy_home_exit);

VISIBLE_IF_KUNIT struct parley_policy *
parley_policy_home_take(struct parley_policy_home *home)
{
	guard(mutex)(&home->lock);
	if (home->used != home->next) {
		parley_policy_put(home->used);
		home->used = parley_policy_get(home->next);
	}
	return parley_policy_get(home->next);
}
EXPORT_SYMBOL_IF_KUNIT(parley_policy_home_take);

/* Whether the last line of the text is the end, and was written to its own. */
static bool pp_is_whole(const struct parley_policy_home *home)
{
	size_t len = home->len, end = strlen(pp_end);

	while (len && (home->text[len - 1] == '\n' || home->text[len - 1] == ' '))
		len--;
	return len < home->len && len >= end && !memcmp(home->text + len - end, pp_end, end) &&
	       (len == end || home->text[len - end - 1] == '\n');
}

static int pp_take_text(struct parley_policy_home *home)
{
	struct parley_policy *p = parley_policy_load(home->language, home->text, home->len,
						     &home->error);

	lockdep_assert_held(&home->lock);
	pp_forget_text(home);
	if (IS_ERR(p))
		return PTR_ERR(p);
	pp_replace(home, p);
	return 0;
}

/*
 * A piece of a text: from 0 on it is a new one, else it goes on where the last piece
 * ended, and is of the same writer.  Once it is whole it counts, or all of it does not.
 * Two who write at a time do not make one of both: whose text was begun anew by the other
 * is refused with all that follows.
 */
VISIBLE_IF_KUNIT int parley_policy_home_write(struct parley_policy_home *home,
					      const void *writer, size_t at,
					      const char *piece, size_t len)
{
	guard(mutex)(&home->lock);
	if (at && home->text && home->writer != writer)
		return -EBUSY;
	if (!at)
		pp_forget_text(home);
	if (at != home->len || len > PARLEY_POLICY_TEXT - at) {
		pp_forget_text(home);
		return at + len > PARLEY_POLICY_TEXT ? -EFBIG : -EINVAL;
	}
	if (!home->text)
		home->text = kvmalloc(PARLEY_POLICY_TEXT, GFP_KERNEL);
	if (!home->text)
		return -ENOMEM;
	memcpy(home->text + at, piece, len);
	home->len += len;
	home->writer = writer;
	return pp_is_whole(home) ? pp_take_text(home) : 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_policy_home_write);

VISIBLE_IF_KUNIT size_t parley_policy_home_read(struct parley_policy_home *home,
						enum parley_policy_file file, char *buf,
						size_t size)
{
	struct parley_policy *used;
	size_t len;

	guard(mutex)(&home->lock);
	switch (file) {
	case PARLEY_POLICY_RULES_FILE:
		return parley_policy_show(home->next, buf, size);
	case PARLEY_POLICY_ERROR_FILE:
		return home->error.reason[0] ?
		       scnprintf(buf, size, "line %u: %s\n", home->error.line,
				 home->error.reason) : 0;
	case PARLEY_POLICY_AUDIT_FILE:
		break;
	}
	used = home->used;
	len = scnprintf(buf, size, "%s\n", used ? "used" : "next");
	len += parley_policy_audit(used ?: home->next, buf + len, size - len);
	if (!used || used == home->next)
		return len;
	len += scnprintf(buf + len, size - len, "next\n");
	return len + parley_policy_audit(home->next, buf + len, size - len);
}
EXPORT_SYMBOL_IF_KUNIT(parley_policy_home_read);

/* ------------------------------------------------------------- files */

/**
 * struct pp_file - a file
 * @attr: what sysfs has of it
 * @home: whose it is
 * @kind: what is in it
 * @name: its name
 */
struct pp_file {
	struct bin_attribute attr;
	struct parley_policy_home *home;
	enum parley_policy_file kind;
	char name[PP_NAME];
};

/**
 * struct pp_type - what a type has
 * @home: its policies
 * @file: its files
 */
struct pp_type {
	struct parley_policy_home home;
	struct pp_file file[PARLEY_POLICY_FILES];
};

/**
 * struct parley_policy_folder - the folder
 * @kobj: itself
 * @language: what the file of that name tells
 * @tell: that file
 * @types: how many there are that have policies
 * @type: these
 */
struct parley_policy_folder {
	struct kobject *kobj;
	const struct parley_policy_language *language;
	struct bin_attribute tell;
	unsigned int types;
	struct pp_type type[];
};

/* What sysfs hands to whoever reads or writes a file may not be changed. */
#ifdef PARLEY_COMPAT_BIN_ATTRIBUTE
#define PP_CONST
#else
#define PP_CONST	const
#endif

static ssize_t pp_read_file(struct file *file, struct kobject *kobj,
			    PP_CONST struct bin_attribute *attr, char *buf, loff_t at,
			    size_t count)
{
	const struct pp_file *f = container_of_const(attr, struct pp_file, attr);
	char *text __free(kvfree) = kvmalloc(PP_SHOWN, GFP_KERNEL);
	size_t len;

	if (!text)
		return -ENOMEM;
	len = parley_policy_home_read(f->home, f->kind, text, PP_SHOWN);
	return memory_read_from_buffer(buf, count, &at, text, len);
}

static ssize_t pp_write_file(struct file *file, struct kobject *kobj,
			     PP_CONST struct bin_attribute *attr, char *buf, loff_t at,
			     size_t count)
{
	const struct pp_file *f = container_of_const(attr, struct pp_file, attr);
	int err;

	if (at > PARLEY_POLICY_TEXT)
		return -EFBIG;
	err = parley_policy_home_write(f->home, file, at, buf, count);
	return err ?: count;
}

static ssize_t pp_read_language(struct file *file, struct kobject *kobj,
				PP_CONST struct bin_attribute *attr, char *buf, loff_t at,
				size_t count)
{
	const struct parley_policy_folder *folder = attr->private;
	char *text __free(kvfree) = kvmalloc(PP_SHOWN, GFP_KERNEL);
	size_t len;

	if (!text)
		return -ENOMEM;
	len = parley_policy_tell(folder->language, text, PP_SHOWN);
	return memory_read_from_buffer(buf, count, &at, text, len);
}

static int pp_add_file(struct parley_policy_folder *folder, struct pp_type *type,
		       enum parley_policy_file kind, const char *name)
{
	static const char *const behind[PARLEY_POLICY_FILES] = { "", ".audit", ".error" };
	struct pp_file *file = &type->file[kind];

	file->home = &type->home;
	file->kind = kind;
	snprintf(file->name, sizeof(file->name), "%s%s", name, behind[kind]);
	sysfs_bin_attr_init(&file->attr);
	file->attr.attr.name = file->name;
	/* Who reads has the home's lock, which who opens a device takes. */
	file->attr.attr.mode = kind == PARLEY_POLICY_RULES_FILE ? 0600 : 0400;
	file->attr.read = pp_read_file;
	if (kind == PARLEY_POLICY_RULES_FILE)
		file->attr.write = pp_write_file;
	return sysfs_create_bin_file(folder->kobj, &file->attr);
}

static int pp_add_type(struct parley_policy_folder *folder, const char *name,
		       const char *otherwise)
{
	struct pp_type *type = &folder->type[folder->types];
	int err = parley_policy_home_init(&type->home, folder->language, otherwise);
	unsigned int i;

	if (err)
		return err;
	folder->types++;
	for (i = 0; i < PARLEY_POLICY_FILES && !err; i++)
		err = pp_add_file(folder, type, i, name);
	return err;
}

static int pp_add_language(struct parley_policy_folder *folder)
{
	sysfs_bin_attr_init(&folder->tell);
	folder->tell.attr.name = "language";
	folder->tell.attr.mode = 0444;
	folder->tell.private = folder;
	folder->tell.read = pp_read_language;
	return sysfs_create_bin_file(folder->kobj, &folder->tell);
}

/**
 * parley_policy_folder_remove() - the mirror of parley_policy_folder_add()
 * @folder: the folder, or NULL
 *
 * Those that have a policy keep it.
 *
 * Context: process context; waits for who reads or writes one of the files.
 */
void parley_policy_folder_remove(struct parley_policy_folder *folder)
{
	unsigned int i;

	if (!folder)
		return;
	if (folder->kobj) {
		/* The files go with it. */
		kobject_del(folder->kobj);
		kobject_put(folder->kobj);
	}
	for (i = 0; i < folder->types; i++)
		parley_policy_home_exit(&folder->type[i].home);
	kfree(folder);
}
PARLEY_EXPORT(parley_policy_folder_remove);

/**
 * parley_policy_folder_add() - a folder for the policies of a parent's devices
 * @parent: where it is
 * @language: of all
 * @otherwise: the text of the policy that each type has at first
 * @type: their names, up to 24 characters
 * @types: how many
 *
 * Context: process context; may sleep.
 * Return: the folder; or an ERR_PTR(): -EINVAL if @otherwise is no policy, -ENOMEM, or
 *	as sysfs_create_bin_file().
 */
struct parley_policy_folder *
parley_policy_folder_add(struct kobject *parent,
			 const struct parley_policy_language *language,
			 const char *otherwise, const char *const *type, unsigned int types)
{
	struct parley_policy_folder *folder;
	unsigned int i;
	int err;

	folder = kzalloc(struct_size(folder, type, types), GFP_KERNEL);
	if (!folder)
		return ERR_PTR(-ENOMEM);
	folder->language = language;
	folder->kobj = kobject_create_and_add("parley_policy", parent);
	err = folder->kobj ? pp_add_language(folder) : -ENOMEM;
	for (i = 0; i < types && !err; i++)
		err = pp_add_type(folder, type[i], otherwise);
	if (!err)
		return folder;
	parley_policy_folder_remove(folder);
	return ERR_PTR(err);
}
PARLEY_EXPORT(parley_policy_folder_add);

/**
 * parley_policy_folder_take() - the policy of one that comes now
 * @folder: the folder
 * @type: of which type
 *
 * Context: process context; may sleep.
 * Return: the policy, with a reference.
 */
struct parley_policy *parley_policy_folder_take(struct parley_policy_folder *folder,
						unsigned int type)
{
	return parley_policy_home_take(&folder->type[type].home);
}
PARLEY_EXPORT(parley_policy_folder_take);
