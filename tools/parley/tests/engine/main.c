// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's policy engine as a program: texts go in, each behind its length in 32
 * bits; what becomes of one comes out, and then a line with a NUL.
 */
#include <parley/policy.h>
#include "words.h"

#define MOST	(2 * PARLEY_POLICY_TEXT)

static char shown[256 * 1024];

static void tell(const char *text, size_t len)
{
	struct parley_policy_error error;
	struct parley_policy *p = parley_policy_load(&words_language, text, len, &error);

	if (IS_ERR(p)) {
		printf("line %u: %s\n", error.line, error.reason);
		return;
	}
	parley_policy_show(p, shown, sizeof(shown));
	printf("%s", shown);
	parley_policy_put(p);
}

int main(void)
{
	uint32_t len;
	char *text;

	while (fread(&len, sizeof(len), 1, stdin) == 1) {
		/* Of exactly that length, for who looks behind it. */
		text = malloc(len ? len : 1);
		if (!text || len > MOST || (len && fread(text, len, 1, stdin) != 1))
			return 1;
		tell(text, len);
		free(text);
		fwrite("\0\n", 2, 1, stdout);
		fflush(stdout);
	}
	return 0;
}
