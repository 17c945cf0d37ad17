// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk whose other end goes away, under load.  Who serves it waits as long as the
 * disk's own driver does; who asks and sets does not.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "disk.h"
#include "groups.h"
#include "heir.h"
#include "nl.h"
#include "remote.h"

#define DEPTH		24
#define OUTAGE_MS	4000
#define STILL_MS	500	/* without a completion */
#define DOWN_MS		20000	/* until requests stop, or fail */
#define ANSWER_MS	1000	/* of netlink, and of calls that wait for nobody */
#define RESUME_MS	10000	/* the initiator tries again every second */
#define AGE_MS		1500	/* between the last answer and the oldest question */
#define LATE_MS		4000	/* than its time-out, an error may come */
#define KILL_MS		2000	/* once nothing is in flight any more */
#define PATIENT_MS	60000

static const u64 rings[] = { EVENT, PACKED | EVENT | INDIRECT };

/* --------------------------------------------------------------- helpers */

static u64 slowest;	/* answer of this test */

static void timed(u64 start, const char *what)
{
	u64 took = now_ms() - start;

	slowest = max(slowest, took);
	expect(took < ANSWER_MS, "%s took %llu ms", what, (unsigned long long)took);
}

#define answers(call) ({						\
	u64 __start = now_ms();						\
	want(call, 0);							\
	timed(__start, #call);						\
})

/* What an operator asks and sets; the age of the oldest request, or NL_NONE. */
static u32 ask(u32 dev, unsigned int queues)
{
	static bool limited;
	struct nl_queue q;
	u32 running, oldest = NL_NONE;
	unsigned int i;

	answers(nl_dev_get(dev, &running));
	for (i = 0; i < queues; i++) {
		answers(nl_queue_get(dev, i, &q));
		if (q.oldest_ms != NL_NONE)
			oldest = oldest == NL_NONE ? q.oldest_ms : max(oldest, q.oldest_ms);
	}
	limited = !limited;
	answers(nl_limit_set(dev, limited ? 1000000 : 0));
	return oldest;
}

static u32 id_of(struct vmm *v)
{
	u32 id;

	need(vio(v->fd, PARLEY_VHOST_GET_ID, &id));
	return id;
}

static struct vmm_cfg cfg_of(u64 ring, const char *disk)
{
	return (struct vmm_cfg){ .ring = ring, .queues = 2, .workers = 2, .disk = disk };
}

static void patient(struct load *l)
{
	unsigned int i;

	for (i = 0; i < l->v->cfg.queues; i++)
		l[i].lost_ms = PATIENT_MS;
}

static struct load *loaded(struct vmm *v)
{
	struct load *l = load_new(v, DEPTH);

	patient(l);
	load_start(l);
	load_for(l, 300);
	return l;
}

/* Take the other end away; returns once nothing ends any more, and since when. */
static u64 go_down(struct load *l)
{
	u64 start = now_ms(), done = load_done(l), since;

	remote_down();
	since = now_ms();
	while (now_ms() - since < STILL_MS) {
		if (load_done(l) != done) {
			done = load_done(l);
			since = now_ms();
		}
		must(now_ms() - start < DOWN_MS * patience, "requests go on without the other end");
		sleep_ms(10);
	}
	return since;
}

static void come_back(struct load *l)
{
	u64 done = load_done(l), start;

	remote_up();
	start = now_ms();
	must(wait_until(load_done(l) != done, RESUME_MS), "the load does not go on");
	note("it went on %llu ms after the other end was back",
	     (unsigned long long)(now_ms() - start));
}

static void tell_slowest(void)
{
	note("the slowest answer took %llu ms", (unsigned long long)slowest);
}

/* --------------------------------------------------------- and comes back */

static void outage_of(u64 ring)
{
	struct vmm_cfg cfg = cfg_of(ring, remote_disk("wait", 0));
	struct vmm *v = vmm_start_new(&cfg);
	struct load *l = loaded(v);
	u32 id = id_of(v), oldest = 0;
	u64 start, done, age;

	start = go_down(l);
	done = load_done(l);
	while (now_ms() - start < OUTAGE_MS && !failed()) {
		ask(id, 2);
		sleep_ms(100);
	}
	age = now_ms() - start;
	oldest = ask(id, 2);
	expect(load_done(l) == done, "requests ended without the other end");
	expect(oldest != NL_NONE && oldest + AGE_MS >= age && oldest <= age + AGE_MS,
	       "after %llu ms the oldest request is %u ms old",
	       (unsigned long long)age, oldest);
	come_back(l);
	load_for(l, 500);
	load_end(l);
	oldest = ask(id, 2);
	expect(oldest == NL_NONE, "with nothing in flight, the oldest is %u ms old", oldest);
	note("%llu requests", (unsigned long long)load_done(l));
	load_free(l);
	vmm_free(v);
}

/* Nothing is lost, nothing fails, and everything is as it was written. */
static void outage(void)
{
	unsigned int i;

	for (i = 0; i < 2 && !failed(); i++)
		outage_of(rings[i]);
	tell_slowest();
}

/* -------------------------------------------------------- and errors come */

/* No error for a while, though requests end. */
static bool recovers(struct load *l)
{
	u64 end = now_ms() + RESUME_MS * patience, errors, done;

	do {
		errors = load_errors(l);
		done = load_done(l);
		sleep_ms(STILL_MS);
		if (load_errors(l) == errors && load_done(l) > done + DEPTH)
			return true;
	} while (now_ms() < end && !failed());
	return false;
}

/* The first error comes when the disk's driver says, and neither sooner nor later. */
static void expect_errors(struct load *l, u64 start, unsigned int seconds)
{
	u64 took;

	must(wait_until(load_errors(l), seconds * 1000 + LATE_MS), "there is no error");
	took = now_ms() - start;
	note("the first error came after %llu ms, of %u s", (unsigned long long)took,
	     seconds);
	expect(took >= seconds * 1000 - 1000 &&
	       took <= seconds * 1000 + LATE_MS * patience,
	       "the first error came after %llu ms", (unsigned long long)took);
}

/* A driver that has given up ends what comes at once; and when it can, goes on. */
static void fails(void)
{
	struct vmm_cfg cfg = cfg_of(EVENT, remote_disk("fail", 3));
	struct vmm *v = vmm_start_new(&cfg);
	struct load *l = loaded(v);
	u64 start, errors;
	u32 id = id_of(v);

	load_may_fail(l, true);
	start = go_down(l);
	expect_errors(l, start, 3);
	errors = load_errors(l);
	expect(wait_until(load_errors(l) > errors + 4 * DEPTH, 5000),
	       "what is sent now does not fail at once");
	ask(id, 2);
	/* With nothing that waits, a stop is one. */
	start = now_ms();
	vmm_bounce(v, 0);
	timed(start, "a stop and a start");
	remote_up();
	must(recovers(l), "it does not recover");
	load_may_fail(l, false);
	load_for(l, 500);
	load_end(l);
	note("%llu requests, %llu errors", (unsigned long long)load_done(l),
	     (unsigned long long)load_errors(l));
	load_free(l);
	vmm_free(v);
	tell_slowest();
}

/* The disk itself goes: every request comes back, and the device can be closed. */
static void gone(void)
{
	struct vmm_cfg cfg = cfg_of(PACKED | EVENT, remote_disk("gone", 3));
	struct vmm *v = vmm_start_new(&cfg);
	struct load *l = loaded(v);
	u32 id = id_of(v);
	u64 start;

	load_may_fail(l, true);
	start = go_down(l);
	while (!load_errors(l) && now_ms() - start < DOWN_MS * patience) {
		ask(id, 2);
		sleep_ms(100);
	}
	expect_errors(l, start, 3);
	load_stop(l);
	must(!failed(), "not all came back");
	ask(id, 2);
	start = now_ms();
	vmm_bounce(v, 0);
	vmm_bounce(v, 1);
	timed(start, "two stops and starts");
	start = now_ms();
	vmm_detach(v);
	timed(start, "closing it");
	note("%llu requests, %llu errors", (unsigned long long)load_done(l),
	     (unsigned long long)load_errors(l));
	load_free(l);
	vmm_free(v);
	tell_slowest();
}

/* ------------------------------------------------- what waits, and what not */

/* A call in a thread: who calls may have to wait. */
struct call {
	long (*fn)(struct vmm *v);
	struct vmm *v;
	pthread_t thread;
	long ret;
	bool done;
};

static void *run_call(void *arg)
{
	struct call *c = arg;

	c->ret = c->fn(c->v);
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void begin_call(struct call *c)
{
	must(!pthread_create(&c->thread, NULL, run_call, c), "no thread");
}

static bool call_done(const struct call *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_ACQUIRE);
}

/* The guest's memory, and some of it once more where there was none. */
static long table_with_more(struct vmm *v)
{
	struct vhost_memory *t = guest_table(v->g);
	long ret;

	t = realloc(t, sizeof(*t) + (t->nregions + 1) * sizeof(t->regions[0]));
	t->regions[t->nregions++] = (struct vhost_memory_region){
		.guest_phys_addr = 1ull << 40, .memory_size = 1 << 20,
		.userspace_addr = (uintptr_t)v->g->r[0].hva,
	};
	ret = vio(v->fd, VHOST_SET_MEM_TABLE, t);
	free(t);
	return ret;
}

static long stop_all(struct vmm *v)
{
	return vmm_enable(v, 0, false) ?: vmm_enable(v, 1, false);
}

/* It waits for what is in flight; meanwhile whoever asks has an answer. */
static void waits(struct vmm *v, struct load *l, long (*fn)(struct vmm *v), u32 state)
{
	struct call c = { .fn = fn, .v = v };
	u32 id = id_of(v);
	struct nl_queue q;
	u64 start;

	go_down(l);
	begin_call(&c);
	start = now_ms();
	while (now_ms() - start < 1500 && !failed()) {
		ask(id, 2);
		sleep_ms(100);
	}
	expect(!call_done(&c), "it did not wait: %ld", c.ret);
	answers(nl_queue_get(id, 0, &q));
	expect(q.state == state, "state %u", q.state);
	come_back(l);
	must(wait_until(call_done(&c), KILL_MS), "it did not end");
	pthread_join(c.thread, NULL);
	want(c.ret, 0);
}

static void calls(void)
{
	struct vmm_cfg cfg = cfg_of(EVENT, remote_disk("wait", 0));
	struct vmm *v = vmm_start_new(&cfg), *other;
	struct load *l = loaded(v);
	struct guest *g = guest_current;
	u64 start, features;
	u32 base;

	go_down(l);
	start = now_ms();
	want(vmm_base(v, 0, &base), -EBUSY);
	timed(start, "VHOST_GET_VRING_BASE");
	answers(table_with_more(v));
	answers(vio(v->fd, VHOST_GET_FEATURES, &features));
	answers(vio(v->fd, PARLEY_BLK_UPDATE_SIZE, NULL));
	answers(vmm_eventfd(v, VHOST_SET_VRING_CALL, 0, v->q[0]->call));
	/* Another disk has its own rings and its own driver. */
	start = now_ms();
	other = vmm_start_new(&(struct vmm_cfg){ .ring = EVENT });
	load_run(other, 8, 100);
	vmm_free(other);
	guest_current = g;
	note("another disk: %llu ms for a load of 100 ms",
	     (unsigned long long)(now_ms() - start));
	come_back(l);
	load_for(l, 300);
	/* The region that is more goes again. */
	waits(v, l, vmm_table, PARLEY_QUEUE_STATE_STOPPING);
	load_for(l, 300);
	waits(v, l, stop_all, PARLEY_QUEUE_STATE_STOPPING);
	vmm_enable_all(v, true);
	load_for(l, 300);
	load_end(l);
	load_free(l);
	vmm_free(v);
	tell_slowest();
}

/* ---------------------------------------------------------- and a kill -9 */

static bool ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == pid;
}

/* Where its threads are in the kernel. */
static void tell_where(pid_t pid)
{
	char command[200], line[300];
	FILE *f;

	snprintf(command, sizeof(command),
		 "for t in /proc/%d/task/*; do echo $(cat $t/comm $t/stack); done 2>/dev/null",
		 pid);
	f = popen(command, "re");
	while (f && fgets(line, sizeof(line), f))
		note("%.*s", (int)strcspn(line, "\n"), line);
	if (f)
		pclose(f);
}

/* The device answers while its process dies, and is gone when it has died. */
static void ask_dying(u32 dev)
{
	struct nl_queue q;
	u64 start = now_ms();
	long ret = nl_queue_get(dev, 0, &q);

	timed(start, "queue-get of a device that is being closed");
	expect(!ret || ret == -ENODEV, "queue-get: %s", name_of(ret));
}

/* Returns when the process has ended: so long after the kill. */
static u64 killed(pid_t pid, u32 dev, u64 until)
{
	u64 start = now_ms();
	bool told = false;

	kill(pid, SIGKILL);
	while (!ended(pid)) {
		ask_dying(dev);
		if (!told && now_ms() - start > 1000) {
			tell_where(pid);
			told = true;
		}
		if (now_ms() - start >= until)
			return 0;
		sleep_ms(50);
	}
	return now_ms() - start;
}

/* Nothing keeps a killed process but its requests: when the last is back, it ends. */
static void ends_with(struct load *l, pid_t pid)
{
	u64 start = now_ms(), done = load_done(l), last = 0;

	while (!ended(pid)) {
		must(now_ms() - start < RESUME_MS * patience, "it does not end");
		if (load_done(l) != done) {
			done = load_done(l);
			last = now_ms();
		}
		sleep_ms(5);
	}
	note("%llu ms after the other end was back, it had ended",
	     (unsigned long long)(now_ms() - start));
	expect(!last || now_ms() - last < KILL_MS, "%llu ms after its last request",
	       (unsigned long long)(now_ms() - last));
}

static void kill_of(u64 ring, const char *disk, unsigned int seconds)
{
	struct vmm_cfg cfg = cfg_of(ring, disk);
	struct vmm *v = vmm_guest_new(&cfg);
	struct shared *s = shared_new();
	struct load *l = heir_load(v, DEPTH);
	pid_t pid = vmm_fork(v, s);
	u64 took;

	patient(l);
	load_start(l);
	load_for(l, 300);
	load_may_fail(l, seconds);
	go_down(l);
	took = killed(pid, s->id, seconds ? PATIENT_MS : OUTAGE_MS);
	if (seconds) {
		expect(took && took <= seconds * 1000 + LATE_MS * patience,
		       "it ended after %llu ms", (unsigned long long)took);
		note("killed in %llu ms, with errors after %u s", (unsigned long long)took,
		     seconds);
	} else {
		expect(!took, "it ended after %llu ms with requests in flight",
		       (unsigned long long)took);
	}
	remote_up();
	if (!seconds)
		ends_with(l, pid);
	must(wait_until(all_stopped(v, s), KILL_MS), "its rings were not finished");
	if (seconds)
		sleep_ms(3000);	/* until the initiator is connected again */
	pid = vmm_fork(v, s);
	load_for(l, 500);
	load_may_fail(l, false);
	load_for(l, 500);
	load_end(l);
	note("%llu requests, %llu errors", (unsigned long long)load_done(l),
	     (unsigned long long)load_errors(l));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	load_free(l);
	vmm_free(v);
}

/* It lasts until the disk's driver gives back what it has: the successor loses nothing. */
static void kill_waiting(void)
{
	unsigned int i;

	for (i = 0; i < 2 && !failed(); i++)
		kill_of(rings[i], remote_disk("wait", 0), 0);
	tell_slowest();
}

/* And no longer than that driver's time-out. */
static void kill_failing(void)
{
	kill_of(EVENT, remote_disk("fail", 3), 3);
	tell_slowest();
}

static const struct test tests[] = {
	{ "outage", outage, 60 },
	{ "fails", fails, 60 },
	{ "gone", gone, 60 },
	{ "calls", calls, 60 },
	{ "kill-waiting", kill_waiting, 60 },
	{ "kill-failing", kill_failing, 60 },
	{ NULL },
};

const struct group group_remote = {
	"remote", "a disk whose other end goes away", tests
};
