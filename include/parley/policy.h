/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Policies: what becomes of what somebody asks a mediated device for.
 *
 * The engine knows no device.  Its user brings a language, which is constant tables:
 *
 *	sets		kinds of questions that have numbers of their own, such as
 *			"admin" and "io"
 *	operations	of a set, by name and number; some have a field that is looked
 *			at as well, such as the feature of Get Features
 *	scopes		whose thing an operation is about, such as "own" and "other"
 *	verdicts	for each operation, or value of its field, those that the user's
 *			code can carry out.  To deny it always can
 *	statuses	what a denial can say, by name
 *	settings	numbers that a policy can choose
 *
 * A policy is text in words of that language:
 *
 *	language nvme
 *	set slice-blocks 4096
 *	emulate admin identify cns=controller
 *	rewrite io read scope=own
 *	deny io write scope=own status=write-protected
 *	deny admin 0xc0-0xff
 *	end
 *
 * What a rule leaves out (field, scope) means each; what no rule names is denied.  Two
 * rules never say something of the same: there is no order among them.  A verdict that
 * the language does not permit is refused, whoever asks for it: so what the device must
 * never do is not in a policy's hands.
 *
 * Text is hostile input: it is bounded by the numbers below and checked completely
 * before any of it counts.  "#" begins a comment.
 *
 * A policy never changes.  Whoever goes by it has a reference, so nothing is locked
 * where a verdict is asked for; who loads another one gives it to those that come later.
 */
#ifndef _PARLEY_POLICY_H
#define _PARLEY_POLICY_H

#include <linux/types.h>

/* Bytes of text; characters of a line; its words; rules. */
#define PARLEY_POLICY_TEXT	32768
#define PARLEY_POLICY_LINE	200
#define PARLEY_POLICY_WORDS	8
#define PARLEY_POLICY_RULES	512
/* Of a language: sets, operations of each, values of a field, scopes, settings. */
#define PARLEY_POLICY_SETS	16
#define PARLEY_POLICY_OPS	1024
#define PARLEY_POLICY_VALUES	256
#define PARLEY_POLICY_SCOPES	4
#define PARLEY_POLICY_SETTINGS	16
/* Of what is said of a fault. */
#define PARLEY_POLICY_REASON	96

/**
 * enum parley_verdict - what becomes of it
 * @PARLEY_DENY: nothing; it is answered with a status
 * @PARLEY_EMULATE: the mediator answers; the hardware never sees it
 * @PARLEY_REWRITE: the hardware gets it, with some of it changed
 * @PARLEY_ALLOW: the hardware gets it as it is
 * @PARLEY_VERDICTS: how many there are
 */
enum parley_verdict {
	PARLEY_DENY,
	PARLEY_EMULATE,
	PARLEY_REWRITE,
	PARLEY_ALLOW,
	PARLEY_VERDICTS
};

/* In masks of what can be carried out; denying is in each, said or not. */
#define PARLEY_CAN(verdict)	(1U << PARLEY_##verdict)

/**
 * struct parley_policy_value - a value of a field
 * @name: in a policy; NULL ends the table
 * @number: on the wire
 * @can: verdicts, PARLEY_CAN()
 * @scopes: a bit for each scope in which @can holds; in others it is denied
 */
struct parley_policy_value {
	const char *name;
	u16 number;
	u8 can;
	u8 scopes;
};

/**
 * struct parley_policy_field - what is looked at beside the operation
 * @name: in a policy
 * @value: those that have names; others can be denied by number
 * @status: of a value that no rule names
 */
struct parley_policy_field {
	const char *name;
	const struct parley_policy_value *value;
	u16 status;
};

/**
 * struct parley_policy_op - an operation, or several
 * @name: in a policy; NULL ends the table
 * @number: the first
 * @last: the last, if it is more than one; those have no field
 * @can: verdicts; of one with a field, its values say it
 * @scopes: a bit for each scope in which @can holds; the same
 * @dangerous: whoever is denied it is written about in the log
 * @field: or NULL
 */
struct parley_policy_op {
	const char *name;
	u16 number;
	u16 last;
	u8 can;
	u8 scopes;
	bool dangerous;
	const struct parley_policy_field *field;
};

/**
 * struct parley_policy_set - a kind of operations
 * @name: in a policy; NULL ends the table
 * @ops: how many numbers there are, up to PARLEY_POLICY_OPS
 * @op: those that have names; others can be denied by number
 * @status: of an operation that no rule names
 * @scope_status: of a scope that no rule names, of an operation that one does
 */
struct parley_policy_set {
	const char *name;
	u16 ops;
	const struct parley_policy_op *op;
	u16 status;
	u16 scope_status;
};

/**
 * struct parley_policy_status - what a denial can say
 * @name: in a policy; NULL ends the table
 * @status: for the user
 */
struct parley_policy_status {
	const char *name;
	u16 status;
};

/**
 * struct parley_policy_setting - a number that a policy can choose
 * @name: in a policy; NULL ends the table
 * @least: bounds
 * @most: the same
 * @otherwise: what it is if the policy does not say
 */
struct parley_policy_setting {
	const char *name;
	u64 least;
	u64 most;
	u64 otherwise;
};

/**
 * struct parley_policy_language - what can be asked of a device
 * @name: in a policy
 * @set: sets, up to PARLEY_POLICY_SETS; a set's number is its place here
 * @scope: names of scopes, up to PARLEY_POLICY_SCOPES, ended by NULL; NULL: none, and
 *	then 0 is the scope of all
 * @status: what denials can say; or NULL
 * @setting: numbers, up to PARLEY_POLICY_SETTINGS; or NULL
 */
struct parley_policy_language {
	const char *name;
	const struct parley_policy_set *set;
	const char *const *scope;
	const struct parley_policy_status *status;
	const struct parley_policy_setting *setting;
};

/**
 * struct parley_policy_key - what is asked for
 * @set: place in the language
 * @scope: the same
 * @op: its number
 * @field: what it says there; of no meaning if it has none
 *
 * All are checked: a set, a scope or a number that there is not is denied.
 */
struct parley_policy_key {
	unsigned int set;
	unsigned int scope;
	u32 op;
	u32 field;
};

/**
 * struct parley_policy_answer - the verdict
 * @verdict: what becomes of it
 * @status: of a denial
 */
struct parley_policy_answer {
	enum parley_verdict verdict;
	u16 status;
};

/**
 * struct parley_policy_error - why a text is no policy
 * @line: from 1; 0: the text as a whole
 * @reason: a sentence
 */
struct parley_policy_error {
	unsigned int line;
	char reason[PARLEY_POLICY_REASON];
};

struct parley_policy;
struct parley_policy_folder;
struct kobject;

/* A policy of a text, with one reference; an ERR_PTR(), of which @error tells. */
struct parley_policy *parley_policy_load(const struct parley_policy_language *language,
					 const char *text, size_t len,
					 struct parley_policy_error *error);
struct parley_policy *parley_policy_get(struct parley_policy *p);
void parley_policy_put(struct parley_policy *p);

/*
 * Ask, in any context and without a lock.  The one counts, traces, and logs in @who's
 * name; the other only looks, for who wants to know what will be possible.
 */
struct parley_policy_answer parley_policy_ask(struct parley_policy *p, const char *who,
					      const struct parley_policy_key *key);
struct parley_policy_answer parley_policy_look(const struct parley_policy *p,
					       const struct parley_policy_key *key);
/* A setting, by its place in the language. */
u64 parley_policy_setting(const struct parley_policy *p, unsigned int i);

/*
 * In words.  Each writes up to @size bytes, a NUL among them, and returns how many
 * there are without it: the rules in normal form, which can be loaded again; each rule
 * with how often it held; the language.
 */
size_t parley_policy_show(const struct parley_policy *p, char *buf, size_t size);
size_t parley_policy_audit(const struct parley_policy *p, char *buf, size_t size);
size_t parley_policy_tell(const struct parley_policy_language *language, char *buf,
			  size_t size);

/*
 * A folder "parley_policy" in sysfs, with the policies of those that come next: for each
 * type the file of that name, which is read and written, TYPE.audit and TYPE.error; and
 * the file "language".
 */
struct parley_policy_folder *
parley_policy_folder_add(struct kobject *parent,
			 const struct parley_policy_language *language,
			 const char *otherwise, const char *const *type, unsigned int types);
void parley_policy_folder_remove(struct parley_policy_folder *folder);
/* The policy of one that comes now, with a reference for it. */
struct parley_policy *parley_policy_folder_take(struct parley_policy_folder *folder,
						unsigned int type);

#endif /* _PARLEY_POLICY_H */
