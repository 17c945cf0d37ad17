// SPDX-License-Identifier: GPL-2.0-only
/*
 * The language: what can be asked of it.
 *
 * Made by tools/policy-tables of tools/parley/policies/nvme.language: edit that.
 */
#include <parley/export.h>
#include "emu.h"

static const struct parley_policy_value pne_words_admin_get_log_values[] = {
	{ "errors", 0x1, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "health", 0x2, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "firmware", 0x3, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "changed-namespaces", 0x4, PARLEY_CAN(DENY), 0x0 },
	{ "effects", 0x5, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "self-test", 0x6, PARLEY_CAN(DENY), 0x0 },
	{ "host-telemetry", 0x7, PARLEY_CAN(DENY), 0x0 },
	{ "controller-telemetry", 0x8, PARLEY_CAN(DENY), 0x0 },
	{ "endurance", 0x9, PARLEY_CAN(DENY), 0x0 },
	{ "persistent-events", 0xd, PARLEY_CAN(DENY), 0x0 },
	{ "lba-status", 0xe, PARLEY_CAN(DENY), 0x0 },
	{ "reservation", 0x80, PARLEY_CAN(DENY), 0x0 },
	{ "sanitize", 0x81, PARLEY_CAN(DENY), 0x0 },
	{}
};

static const struct parley_policy_field pne_words_admin_get_log = {
	.name = "log",
	.value = pne_words_admin_get_log_values,
	.status = 0x4109,
};

static const struct parley_policy_value pne_words_admin_identify_values[] = {
	{ "namespace", 0x0, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0x2 },
	{ "controller", 0x1, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "active-namespaces", 0x2, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "descriptors", 0x3, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0x2 },
	{ "nvm-sets", 0x4, PARLEY_CAN(DENY), 0x0 },
	{ "command-set-namespace", 0x5, PARLEY_CAN(DENY), 0x0 },
	{ "command-set-controller", 0x6, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "command-set-active", 0x7, PARLEY_CAN(DENY), 0x0 },
	{ "allocated-namespaces", 0x10, PARLEY_CAN(DENY), 0x0 },
	{ "allocated-namespace", 0x11, PARLEY_CAN(DENY), 0x0 },
	{ "attached-controllers", 0x12, PARLEY_CAN(DENY), 0x0 },
	{ "controllers", 0x13, PARLEY_CAN(DENY), 0x0 },
	{ "primary", 0x14, PARLEY_CAN(DENY), 0x0 },
	{ "secondaries", 0x15, PARLEY_CAN(DENY), 0x0 },
	{ "granularity", 0x16, PARLEY_CAN(DENY), 0x0 },
	{ "uuids", 0x17, PARLEY_CAN(DENY), 0x0 },
	{}
};

static const struct parley_policy_field pne_words_admin_identify = {
	.name = "cns",
	.value = pne_words_admin_identify_values,
	.status = 0x4002,
};

static const struct parley_policy_value pne_words_admin_set_features_values[] = {
	{ "arbitration", 0x1, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "power", 0x2, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "lba-ranges", 0x3, PARLEY_CAN(DENY), 0x0 },
	{ "temperature", 0x4, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "error-recovery", 0x5, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "write-cache", 0x6, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "queues", 0x7, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "coalescing", 0x8, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "vector", 0x9, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "write-atomicity", 0xa, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "async-events", 0xb, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "autonomous-power", 0xc, PARLEY_CAN(DENY), 0x0 },
	{ "host-memory", 0xd, PARLEY_CAN(DENY), 0x0 },
	{ "timestamp", 0xe, PARLEY_CAN(DENY), 0x0 },
	{ "keep-alive", 0xf, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf },
	{ "thermal", 0x10, PARLEY_CAN(DENY), 0x0 },
	{ "idle-power", 0x11, PARLEY_CAN(DENY), 0x0 },
	{ "host-behavior", 0x16, PARLEY_CAN(DENY), 0x0 },
	{ "sanitize-config", 0x17, PARLEY_CAN(DENY), 0x0 },
	{ "progress", 0x80, PARLEY_CAN(DENY), 0x0 },
	{ "host-identifier", 0x81, PARLEY_CAN(DENY), 0x0 },
	{ "reservation-mask", 0x82, PARLEY_CAN(DENY), 0x0 },
	{ "reservation-persistence", 0x83, PARLEY_CAN(DENY), 0x0 },
	{ "write-protection", 0x84, PARLEY_CAN(DENY), 0x0 },
	{}
};

static const struct parley_policy_field pne_words_admin_set_features = {
	.name = "feature",
	.value = pne_words_admin_set_features_values,
	.status = 0x4002,
};

static const struct parley_policy_op pne_words_admin[] = {
	{ "delete-sq", 0x0, 0x0, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf,
	  false, NULL },
	{ "create-sq", 0x1, 0x1, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf,
	  false, NULL },
	{ "get-log", 0x2, 0x2, 0, 0,
	  false, &pne_words_admin_get_log },
	{ "delete-cq", 0x4, 0x4, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf,
	  false, NULL },
	{ "create-cq", 0x5, 0x5, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf,
	  false, NULL },
	{ "identify", 0x6, 0x6, 0, 0,
	  false, &pne_words_admin_identify },
	{ "abort", 0x8, 0x8, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf,
	  false, NULL },
	{ "set-features", 0x9, 0x9, 0, 0,
	  false, &pne_words_admin_set_features },
	{ "get-features", 0xa, 0xa, 0, 0,
	  false, &pne_words_admin_set_features },
	{ "async-event", 0xc, 0xc, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf,
	  false, NULL },
	{ "namespace-management", 0xd, 0xd, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "firmware-commit", 0x10, 0x10, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "firmware-download", 0x11, 0x11, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "self-test", 0x14, 0x14, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "namespace-attachment", 0x15, 0x15, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "keep-alive", 0x18, 0x18, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf,
	  false, NULL },
	{ "directive-send", 0x19, 0x19, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "directive-receive", 0x1a, 0x1a, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "virtualization", 0x1c, 0x1c, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "mi-send", 0x1d, 0x1d, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "mi-receive", 0x1e, 0x1e, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "capacity", 0x20, 0x20, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "lockdown", 0x24, 0x24, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "doorbell-buffer", 0x7c, 0x7c, PARLEY_CAN(DENY) | PARLEY_CAN(EMULATE), 0xf,
	  false, NULL },
	{ "fabrics", 0x7f, 0x7f, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "format", 0x80, 0x80, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "security-send", 0x81, 0x81, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "security-receive", 0x82, 0x82, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "sanitize", 0x84, 0x84, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "lba-status", 0x86, 0x86, PARLEY_CAN(DENY), 0x0,
	  false, NULL },
	{ "vendor", 0xc0, 0xff, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{}
};

static const struct parley_policy_op pne_words_io[] = {
	{ "flush", 0x0, 0x0, PARLEY_CAN(DENY) | PARLEY_CAN(REWRITE), 0x2,
	  false, NULL },
	{ "write", 0x1, 0x1, PARLEY_CAN(DENY) | PARLEY_CAN(REWRITE), 0x2,
	  false, NULL },
	{ "read", 0x2, 0x2, PARLEY_CAN(DENY) | PARLEY_CAN(REWRITE), 0x2,
	  false, NULL },
	{ "write-uncorrectable", 0x4, 0x4, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "compare", 0x5, 0x5, PARLEY_CAN(DENY) | PARLEY_CAN(REWRITE), 0x2,
	  false, NULL },
	{ "write-zeroes", 0x8, 0x8, PARLEY_CAN(DENY) | PARLEY_CAN(REWRITE), 0x2,
	  false, NULL },
	{ "deallocate", 0x9, 0x9, PARLEY_CAN(DENY) | PARLEY_CAN(REWRITE), 0x2,
	  false, NULL },
	{ "verify", 0xc, 0xc, PARLEY_CAN(DENY) | PARLEY_CAN(REWRITE), 0x2,
	  false, NULL },
	{ "reservation-register", 0xd, 0xd, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "reservation-report", 0xe, 0xe, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "reservation-acquire", 0x11, 0x11, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "reservation-release", 0x15, 0x15, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{ "cancel", 0x18, 0x18, PARLEY_CAN(DENY), 0x0,
	  false, NULL },
	{ "copy", 0x19, 0x19, PARLEY_CAN(DENY), 0x0,
	  false, NULL },
	{ "zone-send", 0x79, 0x79, PARLEY_CAN(DENY), 0x0,
	  false, NULL },
	{ "zone-receive", 0x7a, 0x7a, PARLEY_CAN(DENY), 0x0,
	  false, NULL },
	{ "zone-append", 0x7d, 0x7d, PARLEY_CAN(DENY), 0x0,
	  false, NULL },
	{ "vendor", 0x80, 0xff, PARLEY_CAN(DENY), 0x0,
	  true, NULL },
	{}
};

static const struct parley_policy_set pne_words_sets[] = {
	{ "admin", 256, pne_words_admin, 0x4001, 0x400b },
	{ "io", 256, pne_words_io, 0x4001, 0x400b },
	{}
};

static const char *const pne_words_scopes[] = {
	"none", "own", "all", "other", NULL
};

static const struct parley_policy_status pne_words_statuses[] = {
	{ "invalid-opcode", 0x4001 },
	{ "invalid-field", 0x4002 },
	{ "invalid-namespace", 0x400b },
	{ "write-protected", 0x4020 },
	{ "invalid-log-page", 0x4109 },
	{ "not-changeable", 0x410e },
	{ "access-denied", 0x4286 },
	{}
};

static const struct parley_policy_setting pne_words_settings[] = {
	{ "namespace", 1ULL, 1024ULL, 1ULL },
	{ "controller", 0ULL, 65519ULL, 0ULL },
	{ "slice-first", 0ULL, 9223372036854775807ULL, 0ULL },
	{ "slice-blocks", 0ULL, 9223372036854775807ULL, 0ULL },
	{}
};

const struct parley_policy_language parley_emu_language = {
	.name = "nvme",
	.set = pne_words_sets,
	.scope = pne_words_scopes,
	.status = pne_words_statuses,
	.setting = pne_words_settings,
};
PARLEY_EXPORT(parley_emu_language);
