// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TCG plugin for QEMU that counts what a guest executes between two marks.
 *
 * Instructions are counted in buckets of 16 bytes of kernel text, all of user
 * space in one more; so a table of symbols can say afterwards which code they
 * belong to. Kicks are counted as stores to a virtio-pci notification region,
 * whether or not an eventfd serves it.
 *
 * A mark is the no-op 0f 1f 80 TT 4d 52 4b (nopl disp32(%rax)); TT is 0 to open
 * a window and 1 to close it. A closed window goes to the output as the line
 * "window USER KICKS" and lines "ADDRESS COUNT".
 *
 * The counters are global: one vCPU only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qemu_plugin.h"

EXPORTED int qemu_plugin_version = 1;

#define BUCKET_SHIFT	4
#define SLOTS		(1u << 20)	/* of the hash table, by bucket */
#define KERNEL_HALF	(1ULL << 63)

struct bucket {
	uint64_t key;		/* address >> BUCKET_SHIFT; 0 is free */
	uint64_t count;
	uint64_t at_open;	/* what it was when the window opened */
};

static struct bucket *buckets;
static unsigned int used;
static uint64_t user, user_at_open;
static uint64_t kicks, kicks_at_open;
static FILE *out;

static struct bucket *bucket_of(uint64_t vaddr)
{
	uint64_t key = vaddr >> BUCKET_SHIFT;
	unsigned int i = key * 0x9e3779b97f4a7c15ULL >> 44;

	for (; buckets[i].key != key; i = (i + 1) % SLOTS) {
		if (buckets[i].key)
			continue;
		if (++used == SLOTS / 2) {
			fprintf(stderr, "plugin: too much code was executed\n");
			abort();
		}
		buckets[i].key = key;
		break;
	}
	return &buckets[i];
}

static void open_window(void)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		buckets[i].at_open = buckets[i].count;
	user_at_open = user;
	kicks_at_open = kicks;
}

static void close_window(void)
{
	unsigned int i;

	fprintf(out, "window %lu %lu\n", user - user_at_open,
		kicks - kicks_at_open);
	for (i = 0; i < SLOTS; i++)
		if (buckets[i].count != buckets[i].at_open)
			fprintf(out, "%lx %lu\n",
				buckets[i].key << BUCKET_SHIFT,
				buckets[i].count - buckets[i].at_open);
	fflush(out);
}

static void mark(unsigned int cpu, void *data)
{
	if (data)
		close_window();
	else
		open_window();
}

static void store(unsigned int cpu, uint32_t info, uint64_t vaddr,
		  void *data)
{
	struct qemu_plugin_hwaddr *at = qemu_plugin_get_hwaddr(info, vaddr);
	const char *name;

	if (!at || !qemu_plugin_hwaddr_is_io(at))
		return;
	name = qemu_plugin_hwaddr_device_name(at);
	if (name && !strncmp(name, "virtio-pci-notify", 17))
		kicks++;
}

static bool is_mark(const uint8_t *code, size_t size)
{
	static const uint8_t head[] = { 0x0f, 0x1f, 0x80 };

	return size == 7 && !memcmp(code, head, 3) &&
	       !memcmp(code + 4, "MRK", 3);
}

/* A 16-bit store from a register: what iowrite16() is made of. */
static bool is_short_store(const uint8_t *code, size_t size)
{
	return size >= 3 && code[0] == 0x66 && code[1] == 0x89 &&
	       code[2] >> 6 != 3;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;

	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const uint8_t *code = qemu_plugin_insn_data(insn);
		size_t size = qemu_plugin_insn_size(insn);
		uint64_t vaddr = qemu_plugin_insn_vaddr(insn);
		bool kernel = vaddr & KERNEL_HALF;

		plugin_count(insn, kernel ? &bucket_of(vaddr)->count : &user);
		if (is_mark(code, size))
			plugin_on_exec(insn, mark, (void *)(uintptr_t)code[3]);
		if (kernel && is_short_store(code, size))
			plugin_on_store(insn, store);
	}
}

EXPORTED int qemu_plugin_install(uint64_t id, const void *info,
				 int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "plugin: needs out=FILE\n");
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	buckets = calloc(SLOTS, sizeof(*buckets));
	if (!out || !buckets) {
		perror("plugin");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
