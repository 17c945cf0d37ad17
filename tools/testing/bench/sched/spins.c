// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plugin for QEMU's TCG: counts PAUSEs of kernels, which are the turns of their spinning
 * waiters whatever their locks are, and all instructions, of a host and its guests
 * together, in windows that a program opens and closes, see ../guest/plugin.c. It counts
 * whole blocks, so that what it measures goes on almost as fast as without it.
 *
 * A closed window is a line "INSTRUCTIONS PAUSES" of the output.
 *
 * The counters are global: one vCPU only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "../guest/qemu_plugin.h"

EXPORTED int qemu_plugin_version = 1;

#define KERNEL_HALF	(1ULL << 63)

static uint64_t total, total_at_open;
static uint64_t pauses, pauses_at_open;
static FILE *out;

static void mark(unsigned int cpu, void *closes)
{
	if (closes) {
		fprintf(out, "%lu %lu\n", total - total_at_open, pauses - pauses_at_open);
		fflush(out);
	}
	total_at_open = total;
	pauses_at_open = pauses;
}

static bool is_mark(const uint8_t *code, size_t size)
{
	static const uint8_t head[] = { 0x0f, 0x1f, 0x80 };

	return size == 7 && !memcmp(code, head, 3) && !memcmp(code + 4, "MRK", 3);
}

static bool is_pause(const uint8_t *code, size_t size)
{
	return size == 2 && code[0] == 0xf3 && code[1] == 0x90;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;

	plugin_count_block(tb, &total, n);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const uint8_t *code = qemu_plugin_insn_data(insn);
		size_t size = qemu_plugin_insn_size(insn);

		if (is_pause(code, size) && qemu_plugin_insn_vaddr(insn) & KERNEL_HALF)
			plugin_count(insn, &pauses);
		if (is_mark(code, size))
			plugin_on_exec(insn, mark, (void *)(uintptr_t)code[3]);
	}
}

EXPORTED int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "plugin: needs out=FILE\n");
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror("plugin");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
