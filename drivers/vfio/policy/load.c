// SPDX-License-Identifier: GPL-2.0-only
/*
 * From text to a policy, and its end.
 */
#include <linux/err.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "policy.h"

static void pp_free(struct parley_policy *p)
{
	unsigned int i;

	for (i = 0; i < PARLEY_POLICY_SETS; i++)
		kvfree(p->place[i]);
	kvfree(p->cell);
	kvfree(p->rule);
	free_percpu(p->counts);
	kfree(p);
}

/* The language as it was made is ours to trust; here only what the tables need. */
static struct parley_policy *pp_alloc(const struct parley_policy_language *l)
{
	struct parley_policy *p = kzalloc(sizeof(*p), GFP_KERNEL);
	unsigned int i;

	if (!p)
		return NULL;
	p->language = l;
	p->sets = parley_policy_sets(l);
	p->scopes = parley_policy_scopes(l);
	kref_init(&p->ref);
	ratelimit_state_init(&p->limit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	for (i = 0; l->setting && l->setting[i].name; i++)
		p->setting[i] = l->setting[i].otherwise;
	return p;
}

/**
 * parley_policy_load() - a policy of a text
 * @language: its words, which stay as long as the policy
 * @text: the text, of which nothing is kept
 * @len: how long it is
 * @error: filled in if it is no policy
 *
 * Context: process context; may sleep.
 * Return: the policy, with one reference; or an ERR_PTR(): -EINVAL, and @error says
 *	why; -ENOMEM.
 */
struct parley_policy *parley_policy_load(const struct parley_policy_language *language,
					 const char *text, size_t len,
					 struct parley_policy_error *error)
{
	struct parley_policy *p = pp_alloc(language);
	int err;

	memset(error, 0, sizeof(*error));
	if (!p)
		return ERR_PTR(-ENOMEM);
	err = parley_policy_parse(p, text, len, error);
	if (!err)
		err = parley_policy_build(p, error);
	if (!err)
		return p;
	pp_free(p);
	return ERR_PTR(err);
}
PARLEY_EXPORT(parley_policy_load);

/**
 * parley_policy_get() - one reference more
 * @p: the policy
 *
 * Context: any.
 * Return: @p.
 */
struct parley_policy *parley_policy_get(struct parley_policy *p)
{
	kref_get(&p->ref);
	return p;
}
PARLEY_EXPORT(parley_policy_get);

static void pp_release(struct kref *ref)
{
	pp_free(container_of(ref, struct parley_policy, ref));
}

/**
 * parley_policy_put() - one reference less
 * @p: the policy, or NULL
 *
 * Context: process context; may sleep.
 */
void parley_policy_put(struct parley_policy *p)
{
	if (p)
		kref_put(&p->ref, pp_release);
}
PARLEY_EXPORT(parley_policy_put);
