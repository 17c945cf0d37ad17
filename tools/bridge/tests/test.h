/* SPDX-License-Identifier: GPL-2.0-only */
/* Unit tests: a VMM made of functions, on a fake kernel. */
#ifndef BRIDGE_TEST_H
#define BRIDGE_TEST_H

#include "../conn.h"
#include "fake.h"

/**
 * struct test - one test
 * @name: bad_NN_... for a number of the catalogue of bad inputs
 * @run: the test
 */
struct test {
	const char *name;
	void (*run)(void);
};

extern const struct test msg_tests[], mem_tests[], ring_tests[],
	inflight_tests[], cache_tests[], image_tests[], supervise_tests[],
	listen_tests[], options_tests[], client_tests[],
	limit_tests[], operator_tests[], recovery_tests[], shm_tests[];

const char *test_image(void);

void test_fail(const char *file, int line, const char *what);

#define EXPECT(x) \
	do { \
		if (!(x)) \
			test_fail(__FILE__, __LINE__, #x); \
	} while (0)

/**
 * struct vmm - a connection without a socket, and what it answered
 * @reply: the last answer's payload
 * @reply_size: its bytes
 * @replies: answers so far
 * @reply_fd: file descriptor that came with the last one, or -1
 * @memory: of the handshake, or -1
 */
struct vmm {
	struct fake fake;
	struct disk disk;
	struct conn c;
	struct who who;
	const char *why;
	union msg_payload reply;
	uint32_t reply_size;
	unsigned int replies;
	int reply_fd;
	int memory;
};

extern struct vmm *vmm_current;

struct vmm *vmm_new(void);
void vmm_free(struct vmm *v);
/* The process is killed and another one begins, with the same VMM. */
void vmm_restart(struct vmm *v);

struct msg *vmm_msg(uint32_t request, uint32_t size);
void vmm_fd(struct msg *m, int fd);
int vmm_send(struct vmm *v, struct msg *m);
int vmm_u64(struct vmm *v, uint32_t request, uint64_t value);
int vmm_state(struct vmm *v, uint32_t request, uint32_t index, uint32_t num);
int vmm_ring_fd(struct vmm *v, uint32_t request, uint64_t bits, int fd);
int vmm_inflight(struct vmm *v, uint32_t request, int fd, uint16_t queues,
		 uint64_t size, uint64_t offset);
int vmm_add(struct vmm *v, uint64_t guest, uint64_t size, uint64_t user,
	    uint64_t offset, int fd);
int vmm_addr(struct vmm *v, uint32_t index, uint64_t at, uint32_t flags,
	     uint64_t log);
int vmm_log(struct vmm *v, uint64_t size, uint64_t offset, int fd);
int vmm_memfd(uint64_t size);
int vmm_eventfd(void);

/* A handshake, 16 MiB of memory at user address VMM_USER, ring 0 not set up. */
#define VMM_USER	0x7f0000000000ull
#define VMM_SIZE	(16ull << 20)
#define VMM_SPLIT	(1ull << 32 | 1ull << MSG_F_PROTOCOL)
#define VMM_PACKED	(VMM_SPLIT | 1ull << 34)
void vmm_handshake(struct vmm *v, uint64_t features);
int vmm_ring(struct vmm *v, uint32_t index, uint32_t num, uint32_t base);
bool vmm_event(int fd);

#endif
