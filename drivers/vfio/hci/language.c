// SPDX-License-Identifier: GPL-2.0-only
/*
 * The words of the policy of a Bluetooth controller, and the policy that there is at
 * first.
 *
 * A set for each group of commands ([Vol 4] Part E, 5.4.1), where an operation's number
 * is that of the command within it; and one for what a pairing is worth.  Commands that
 * are alike to a policy have one name.  What has no name, or no verdict, no policy can
 * permit: radio tests, loops, flow control towards the host (the filter sends data of its
 * own there), and all that is the vendor's, where firmware is.
 *
 * These are the commands of version 6.1: each of a later one has no name until somebody
 * has read what it does.
 */
#include "hci.h"

#define PH_ALLOW	.can = PARLEY_CAN(ALLOW), .scopes = 1
#define PH_NEVER	.can = 0, .scopes = 1, .dangerous = true
#define PH_OGF_LE	0x08
#define PH_OGF_VENDOR	0x3f

static const struct parley_policy_value ph_on_off[] = {
	{ "off", 0, PH_ALLOW },
	{ "on", 1, PH_ALLOW },
	{ }
};

static const struct parley_policy_value ph_off_only[] = {
	{ "off", 0, PH_ALLOW },
	{ "on", 1, .scopes = 1 },
	{ }
};

static const struct parley_policy_value ph_own_key[] = {
	{ "generated", 0, PH_ALLOW },
	{ "debug", 1, .scopes = 1 },
	{ }
};

static const struct parley_policy_field ph_mode = {
	"mode", ph_on_off, HCI_ERROR_COMMAND_DISALLOWED
};

static const struct parley_policy_field ph_debug_mode = {
	"mode", ph_off_only, HCI_ERROR_COMMAND_DISALLOWED
};

static const struct parley_policy_field ph_key = {
	"key", ph_own_key, HCI_ERROR_COMMAND_DISALLOWED
};

static const struct parley_policy_op ph_link_control[] = {
	{ "inquiry-and-connections", 0x01, 0x0a, PH_ALLOW },
	{ "link-key-request-reply", 0x0b, PH_ALLOW },
	{ "link-key-request-negative-reply", 0x0c, PH_ALLOW },
	{ "pin-code-request-reply", 0x0d, PH_ALLOW },
	{ "pin-code-request-negative-reply", 0x0e, PH_ALLOW },
	{ "authentication-and-encryption", 0x0f, 0x14, PH_ALLOW },
	{ "change-connection-link-key", 0x15, PH_ALLOW },
	{ "link-key-selection", 0x17, PH_ALLOW },
	{ "remote-and-voice", 0x19, 0x2a, PH_ALLOW },
	{ "io-capability-request-reply", 0x2b, PH_ALLOW },
	{ "user-confirmation-request-reply", 0x2c, PH_ALLOW },
	{ "user-confirmation-request-negative-reply", 0x2d, PH_ALLOW },
	{ "user-passkey-request-reply", 0x2e, PH_ALLOW },
	{ "user-passkey-request-negative-reply", 0x2f, PH_ALLOW },
	{ "remote-oob-data-request-reply", 0x30, PH_ALLOW },
	{ "remote-oob-data-request-negative-reply", 0x33, PH_ALLOW },
	{ "io-capability-request-negative-reply", 0x34, PH_ALLOW },
	{ "synchronous-and-broadcast", 0x3d, 0x44, PH_ALLOW },
	{ "remote-oob-extended-data-request-reply", 0x45, PH_ALLOW },
	{ }
};

static const struct parley_policy_op ph_link_policy[] = {
	{ "all", 0x01, 0x11, PH_ALLOW },
	{ }
};

static const struct parley_policy_op ph_baseband[] = {
	{ "set-event-mask", 0x01, .can = PARLEY_CAN(REWRITE), .scopes = 1 },
	{ "reset", 0x03, PH_ALLOW },
	{ "filters-and-pin-type", 0x05, 0x0d, PH_ALLOW },
	{ "write-stored-link-key", 0x11, PH_ALLOW },
	{ "delete-stored-link-key", 0x12, PH_ALLOW },
	{ "names-and-scans", 0x13, 0x30, PH_ALLOW },
	{ "flow-control-to-host", 0x31, PH_NEVER },
	{ "host-buffer-size", 0x33, PH_ALLOW },
	{ "host-completed-packets", 0x35, PH_NEVER },
	{ "links-and-inquiry", 0x36, 0x55, PH_ALLOW },
	{ "write-simple-pairing-mode", 0x56, .scopes = 1, .field = &ph_mode },
	{ "oob-data-and-power", 0x57, 0x79, PH_ALLOW },
	{ "write-secure-connections-host-support", 0x7a, .scopes = 1, .field = &ph_mode },
	{ "timeouts-and-key-size", 0x7b, 0x84, PH_ALLOW },
	{ }
};

static const struct parley_policy_op ph_information[] = {
	{ "all", 0x01, 0x0f, PH_ALLOW },
	{ }
};

static const struct parley_policy_op ph_status[] = {
	{ "all", 0x01, 0x0d, PH_ALLOW },
	{ }
};

static const struct parley_policy_op ph_testing[] = {
	{ "loopback-and-test-mode", 0x01, 0x03, PH_NEVER },
	{ "write-simple-pairing-debug-mode", 0x04, .scopes = 1, .dangerous = true,
	  .field = &ph_debug_mode },
	{ "write-secure-connections-test-mode", 0x0a, PH_NEVER },
	{ }
};

static const struct parley_policy_op ph_le[] = {
	{ "advertising-scans-and-links", 0x01, 0x1c, PH_ALLOW },
	{ "radio-tests", 0x1d, 0x1f, PH_NEVER },
	{ "parameters-and-public-key", 0x20, 0x25, PH_ALLOW },
	{ "generate-dhkey", 0x26, PH_ALLOW },
	{ "lists-privacy-and-phy", 0x27, 0x32, PH_ALLOW },
	{ "radio-tests-of-5.0", 0x33, 0x34, PH_NEVER },
	{ "extended-advertising-and-scans", 0x35, 0x4e, PH_ALLOW },
	{ "radio-tests-of-5.1", 0x4f, 0x50, PH_NEVER },
	{ "direction-finding-and-sync", 0x51, 0x5d, PH_ALLOW },
	{ "generate-dhkey-v2", 0x5e, .scopes = 1, .field = &ph_key },
	{ "isochronous-and-power", 0x5f, 0x7a, PH_ALLOW },
	{ "radio-tests-of-5.2", 0x7b, PH_NEVER },
	{ "subrates-responses-and-ranging", 0x7c, 0x94, PH_ALLOW },
	{ "radio-tests-of-6.0", 0x95, 0x96, PH_NEVER },
	{ "monitoring-and-frame-space", 0x97, 0x9d, PH_ALLOW },
	{ }
};

static const struct parley_policy_op ph_vendor[] = {
	{ "all", 0x00, 0x3ff, PH_NEVER },
	{ }
};

static const struct parley_policy_op ph_pairing[] = {
	{ "just-works", PARLEY_HCI_JUST_WORKS, PH_ALLOW },
	{ "numeric-comparison", PARLEY_HCI_NUMERIC, PH_ALLOW },
	{ "passkey", PARLEY_HCI_PASSKEY, PH_ALLOW },
	{ "out-of-band", PARLEY_HCI_OOB, PH_ALLOW },
	{ "p-192", PARLEY_HCI_P192, PH_ALLOW },
	{ "le-legacy", PARLEY_HCI_LE_LEGACY, PH_ALLOW },
	{ "short-key", PARLEY_HCI_SHORT_KEY, PH_ALLOW },
	{ "debug-key", PARLEY_HCI_DEBUG_KEY, PH_NEVER },
	{ }
};

#define PH_GROUP(title, table, otherwise)					\
	{ .name = title, .ops = 1024, .op = table, .status = otherwise,	\
	  .scope_status = otherwise }

static const struct parley_policy_set ph_sets[] = {
	[PARLEY_HCI_LINK_CONTROL] = PH_GROUP("link-control", ph_link_control,
					     PARLEY_HCI_UNKNOWN_COMMAND),
	[PARLEY_HCI_LINK_POLICY] = PH_GROUP("link-policy", ph_link_policy,
					    PARLEY_HCI_UNKNOWN_COMMAND),
	[PARLEY_HCI_BASEBAND] = PH_GROUP("baseband", ph_baseband,
					 PARLEY_HCI_UNKNOWN_COMMAND),
	[PARLEY_HCI_INFORMATION] = PH_GROUP("information", ph_information,
					    PARLEY_HCI_UNKNOWN_COMMAND),
	[PARLEY_HCI_STATUS] = PH_GROUP("status", ph_status, PARLEY_HCI_UNKNOWN_COMMAND),
	[PARLEY_HCI_TESTING] = PH_GROUP("testing", ph_testing, PARLEY_HCI_UNKNOWN_COMMAND),
	[PARLEY_HCI_LE] = PH_GROUP("le", ph_le, PARLEY_HCI_UNKNOWN_COMMAND),
	[PARLEY_HCI_VENDOR] = PH_GROUP("vendor", ph_vendor, PARLEY_HCI_UNKNOWN_COMMAND),
	[PARLEY_HCI_PAIRING] = {
		.name = "pairing",
		.ops = PARLEY_HCI_WORTHS,
		.op = ph_pairing,
		.status = HCI_ERROR_PAIRING_NOT_ALLOWED,
		.scope_status = HCI_ERROR_PAIRING_NOT_ALLOWED,
	},
	{ }
};

static const struct parley_policy_status ph_statuses[] = {
	{ "unknown-command", PARLEY_HCI_UNKNOWN_COMMAND },
	{ "authentication-failure", HCI_ERROR_AUTH_FAILURE },
	{ "command-disallowed", HCI_ERROR_COMMAND_DISALLOWED },
	{ "invalid-parameters", HCI_ERROR_INVALID_PARAMETERS },
	{ "pairing-not-allowed", HCI_ERROR_PAIRING_NOT_ALLOWED },
	{ }
};

const struct parley_policy_language parley_hci_language = {
	.name = "hci",
	.set = ph_sets,
	.status = ph_statuses,
};
EXPORT_SYMBOL_IF_KUNIT(parley_hci_language);

/* What is denied in words is what somebody will look for in the audit. */
const char parley_hci_policy[] =
	"language hci\n"
	"# Commands\n"
	"allow link-control inquiry-and-connections\n"
	"allow link-control link-key-request-reply\n"
	"allow link-control link-key-request-negative-reply\n"
	"deny link-control pin-code-request-reply status=pairing-not-allowed\n"
	"allow link-control pin-code-request-negative-reply\n"
	"allow link-control authentication-and-encryption\n"
	"allow link-control remote-and-voice\n"
	"allow link-control io-capability-request-reply\n"
	"allow link-control user-confirmation-request-reply\n"
	"allow link-control user-confirmation-request-negative-reply\n"
	"allow link-control user-passkey-request-reply\n"
	"allow link-control user-passkey-request-negative-reply\n"
	"allow link-control remote-oob-data-request-reply\n"
	"allow link-control remote-oob-data-request-negative-reply\n"
	"allow link-control io-capability-request-negative-reply\n"
	"allow link-control synchronous-and-broadcast\n"
	"allow link-control remote-oob-extended-data-request-reply\n"
	"allow link-policy all\n"
	"rewrite baseband set-event-mask\n"
	"allow baseband reset\n"
	"allow baseband filters-and-pin-type\n"
	"deny baseband write-stored-link-key status=command-disallowed\n"
	"deny baseband delete-stored-link-key status=command-disallowed\n"
	"allow baseband names-and-scans\n"
	"allow baseband host-buffer-size\n"
	"allow baseband links-and-inquiry\n"
	"allow baseband write-simple-pairing-mode mode=on\n"
	"deny baseband write-simple-pairing-mode mode=off\n"
	"allow baseband oob-data-and-power\n"
	"allow baseband write-secure-connections-host-support mode=on\n"
	"deny baseband write-secure-connections-host-support mode=off\n"
	"allow baseband timeouts-and-key-size\n"
	"allow information all\n"
	"allow status all\n"
	"allow testing write-simple-pairing-debug-mode mode=off\n"
	"deny testing write-simple-pairing-debug-mode mode=on\n"
	"allow le advertising-scans-and-links\n"
	"allow le parameters-and-public-key\n"
	"allow le generate-dhkey\n"
	"allow le lists-privacy-and-phy\n"
	"allow le extended-advertising-and-scans\n"
	"allow le direction-finding-and-sync\n"
	"allow le generate-dhkey-v2 key=generated\n"
	"deny le generate-dhkey-v2 key=debug\n"
	"allow le isochronous-and-power\n"
	"allow le subrates-responses-and-ranging\n"
	"allow le monitoring-and-frame-space\n"
	"deny vendor all\n"
	"# What a pairing is worth\n"
	"deny pairing just-works\n"
	"allow pairing numeric-comparison\n"
	"allow pairing passkey\n"
	"allow pairing out-of-band\n"
	"deny pairing p-192\n"
	"deny pairing le-legacy\n"
	"deny pairing short-key\n"
	"deny pairing debug-key\n"
	"end\n";
EXPORT_SYMBOL_IF_KUNIT(parley_hci_policy);

/* The set of a command, or -1 if there is no such group. */
int parley_hci_set_of(u16 opcode)
{
	u16 ogf = hci_opcode_ogf(opcode);

	if (ogf >= 1 && ogf <= 6)
		return PARLEY_HCI_LINK_CONTROL + ogf - 1;
	if (ogf == PH_OGF_LE)
		return PARLEY_HCI_LE;
	return ogf == PH_OGF_VENDOR ? PARLEY_HCI_VENDOR : -1;
}
