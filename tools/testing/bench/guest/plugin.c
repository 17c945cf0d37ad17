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
 * "window USER KICKS INNER" and lines "ADDRESS COUNT".
 *
 * With "levels=2" the guest is a host, too. INNER is what its guests executed in user
 * space; the lines of their kernels end in " inner", since those may have the same
 * addresses. A line "ADDRESS COUNT reach" is of a module of the host's:
 * all that was executed from there on until other code of a module's was, so with what
 * the kernel itself did for it.
 *
 * The emulator executes a string instruction once for each of its repeats, a page
 * that is cleared 4096 times. With "once=on" it is counted once, as a processor does;
 * the line of a window then ends in "REPEATS INNER", how many more there were.
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
#define MODULES		0xffffffffc0000000ULL	/* and above */
#define INNER		(1ULL << 63)		/* in a key: of an inner guest's */

struct bucket {
	uint64_t key;		/* address >> BUCKET_SHIFT; 0 is free */
	uint64_t count;
	uint64_t at_open;	/* what it was when the window opened */
	uint64_t reach;
	uint64_t reach_at_open;
};

static struct bucket *buckets;
static unsigned int used;
static uint64_t user, user_at_open;
static uint64_t kicks, kicks_at_open;
static FILE *out;

/* The rest is for two levels. */
static bool levels;
static bool inner;		/* an inner guest runs */
static uint64_t inner_user, inner_user_at_open;
static uint64_t total;		/* executed, by whole blocks */
static uint64_t reached;	/* of these, until the last code of a module began */
static struct bucket *last;	/* that code */
static struct {			/* where a host goes on after its guest */
	uint64_t vaddr;
	char *haddr;
} after;

/* And this for string instructions. */
static bool once;
static uint64_t *repeated;	/* the counter of the last one */
static uint64_t repeated_at;	/* total, then */
static uint64_t repeats[2], repeats_at_open[2];		/* host's, inner's */

static struct bucket *bucket_of(uint64_t vaddr)
{
	uint64_t key = vaddr >> BUCKET_SHIFT | (inner ? INNER : 0);
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

/* What was executed up to now belongs to @last; from now on to @next. */
static void reach(struct bucket *next)
{
	if (last)
		last->reach += total - reached;
	last = next;
	reached = total;
}

static void open_window(void)
{
	unsigned int i;

	reach(NULL);
	for (i = 0; i < SLOTS; i++) {
		buckets[i].at_open = buckets[i].count;
		buckets[i].reach_at_open = buckets[i].reach;
	}
	user_at_open = user;
	inner_user_at_open = inner_user;
	kicks_at_open = kicks;
	memcpy(repeats_at_open, repeats, sizeof(repeats));
}

static void close_window(void)
{
	const struct bucket *b;

	reach(NULL);
	fprintf(out, "window %lu %lu %lu", user - user_at_open,
		kicks - kicks_at_open, inner_user - inner_user_at_open);
	if (once)
		fprintf(out, " %lu %lu", repeats[0] - repeats_at_open[0],
			repeats[1] - repeats_at_open[1]);
	fprintf(out, "\n");
	for (b = buckets; b < buckets + SLOTS; b++) {
		if (b->count != b->at_open)
			fprintf(out, "%lx %lu%s\n", b->key << BUCKET_SHIFT,
				b->count - b->at_open, b->key & INNER ? " inner" : "");
		if (b->reach != b->reach_at_open)
			fprintf(out, "%lx %lu reach\n", b->key << BUCKET_SHIFT,
				b->reach - b->reach_at_open);
	}
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

/* ------------------------------------------------------- two levels */

static void enter_guest(unsigned int cpu, void *data)
{
	reach(NULL);
	inner = true;
}

static void leave_guest(unsigned int cpu, void *data)
{
	inner = false;
}

static void enter_module(unsigned int cpu, void *data)
{
	reach(data);
}

/* vmrun %rax */
static bool is_entry(const uint8_t *code, size_t size)
{
	static const uint8_t vmrun[] = { 0x0f, 0x01, 0xd8 };

	return size == sizeof(vmrun) && !memcmp(code, vmrun, sizeof(vmrun));
}

/*
 * What is translated is executed next, so it is known whose it is. The instruction
 * behind the entry is the host's, and the first of its block.
 */
static void two_levels(struct qemu_plugin_tb *tb, size_t n)
{
	struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, 0);
	uint64_t vaddr = qemu_plugin_insn_vaddr(insn);
	size_t i;

	if (vaddr == after.vaddr && qemu_plugin_insn_haddr(insn) == after.haddr) {
		inner = false;
		plugin_on_exec(insn, leave_guest, NULL);
	}
	if (!inner && vaddr >= MODULES)
		plugin_on_block(tb, enter_module, bucket_of(vaddr));
	plugin_count_block(tb, &total, n);
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		if (!is_entry(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn)))
			continue;
		plugin_on_exec(insn, enter_guest, NULL);
		after.vaddr = qemu_plugin_insn_vaddr(insn) + qemu_plugin_insn_size(insn);
		after.haddr = (char *)qemu_plugin_insn_haddr(insn) +
			      qemu_plugin_insn_size(insn);
	}
}

/* ---------------------------------------------------- string instructions */

/* MOVS, CMPS, STOS, LODS, SCAS, INS or OUTS with a repeat before it. */
static bool is_repeat(const uint8_t *code, size_t size)
{
	bool repeat = false;

	for (; size; code++, size--) {
		if (*code == 0xf2 || *code == 0xf3)
			repeat = true;
		else if (*code != 0x66 && *code != 0x67 && *code >> 4 != 4)
			break;
	}
	return repeat && size == 1 &&
	       ((*code & ~3) == 0x6c || (*code & ~3) == 0xa4 ||
		(*code >= 0xaa && *code <= 0xaf));
}

/* Each repeat but the first is a block of its own, of this instruction only. */
static void repeat(unsigned int cpu, void *data)
{
	if (data == repeated && total == repeated_at + 1)
		repeats[inner]++;
	else
		++*(uint64_t *)data;
	repeated = data;
	repeated_at = total;
}

/* ---------------------------------------------------- what is translated */

static uint64_t *counter_of(uint64_t vaddr)
{
	if (vaddr & KERNEL_HALF)
		return &bucket_of(vaddr)->count;
	return inner ? &inner_user : &user;
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

	if (levels)
		two_levels(tb, n);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const uint8_t *code = qemu_plugin_insn_data(insn);
		size_t size = qemu_plugin_insn_size(insn);
		uint64_t vaddr = qemu_plugin_insn_vaddr(insn);

		if (once && is_repeat(code, size))
			plugin_on_exec(insn, repeat, counter_of(vaddr));
		else
			plugin_count(insn, counter_of(vaddr));
		if (is_mark(code, size))
			plugin_on_exec(insn, mark, (void *)(uintptr_t)code[3]);
		if (vaddr & KERNEL_HALF && is_short_store(code, size))
			plugin_on_store(insn, store);
	}
}

EXPORTED int qemu_plugin_install(uint64_t id, const void *info,
				 int argc, char **argv)
{
	levels = argc >= 2 && !strcmp(argv[1], "levels=2");
	once = argc == 3 && !strcmp(argv[2], "once=on");
	if (argc != 1 + levels + once || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "plugin: needs out=FILE, takes levels=2 and then once=on\n");
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
