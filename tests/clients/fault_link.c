// SPDX-License-Identifier: BSD-2-Clause
/*
 * Clients killed or stopped at random instants while they make, update, detach, pin and close links, and
 * attach and detach programs.
 *
 * Children work on the same hooks in an endless loop. What a killed one had by its fds alone must be gone at
 * the parent's next look, what it had pinned or attached is there whole, and after the parent has removed
 * that, nothing stands anywhere and no link is left. While a child is stopped, the parent's own calls end at
 * once.
 *
 *     fault_link kill|stop
 */
#include "abi/link_world.h"
#include "clients/worker.h"
#include "lib/tap.h"

#define PINS "/sys/fs/bpf/fault_link"

static const struct hook {
	const char *name;
	int prog, target; /* the first of three programs */
	uint32_t at, mode;
} hooks[] = {
	{ "xdp", P_XDP, IF_LO, BPF_XDP, 0 },
	{ "tcx", P_CLS, IF_LO, AT_TCX_IN, 0 },
	{ "cgroup", P_CGSKB, FD_CG, 0, 2 },
	{ "sk_lookup", P_SKLOOKUP, FD_NETNS, BPF_SK_LOOKUP, 0 },
};
#define NPROGS(h) ((h)->prog == P_CLS || (h)->prog == P_CGSKB ? 3 : 2)

/* What may come of several processes at one hook. */
static void expect(int r)
{
	static const int fine[] = { EBUSY, EEXIST, EINVAL, ENOENT, ENOLINK, EPERM, ERANGE, E2BIG };

	if (r >= 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(fine); i++)
		if (errno == fine[i])
			return;
	progress->bad = errno;
}

static int make_link(const struct hook *h, int prog)
{
	union row_attr a = { .w = { (uint32_t)prog, (uint32_t)h->target, h->at, h->at == BPF_XDP ? 2 : 0 } };

	return raw_bpf(BPF_LINK_CREATE, &a, 64);
}

static int update_link(int fd, int prog)
{
	union row_attr a = { .w = { (uint32_t)fd, (uint32_t)prog } };

	return raw_bpf(BPF_LINK_UPDATE, &a, 16);
}

static int attach(int cmd, const struct hook *h, int prog)
{
	union row_attr a = { .w = { (uint32_t)h->target, (uint32_t)prog, h->at,
				    cmd == BPF_PROG_ATTACH ? h->mode : 0 } };

	return raw_bpf(cmd, &a, 32);
}

static int pin(int fd, const char *path)
{
	union row_attr a = { .w = { 0, 0, (uint32_t)fd } };
	uint64_t v = ptr(path);

	memcpy(&a, &v, 8);
	return raw_bpf(BPF_OBJ_PIN, &a, 16);
}

static void once(void *arg, uint32_t r)
{
	const struct hook *h = &hooks[r % ARRAY_SIZE(hooks)];
	int prog = h->prog + (int)(r >> 4) % NPROGS(h);
	union row_attr a = { .w = { 0 } };
	char path[64];
	int fd;

	if ((r >> 8) % 4 == 0 && (h->prog == P_CLS || h->prog == P_CGSKB)) {
		expect(attach(r & 0x10000 ? BPF_PROG_ATTACH : BPF_PROG_DETACH, h, prog));
		return;
	}
	fd = make_link(h, prog);
	expect(fd);
	if (fd < 0)
		return;
	snprintf(path, sizeof(path), PINS "/%u", (r >> 12) % 4);
	if (r & 0x100000)
		expect(pin(fd, path));
	if (r & 0x200000)
		expect(update_link(fd, h->prog + (int)(r >> 5) % NPROGS(h)));
	a.w[0] = (uint32_t)fd;
	if (r & 0x400000)
		expect(raw_bpf(BPF_LINK_DETACH, &a, 4));
	if (r & 0x800000)
		unlink(path);
	close(fd);
}

static int count(const struct hook *h)
{
	union row_attr a = { .w = { (uint32_t)h->target, h->at } };

	/* XDP has no query: another link can be made, or not. */
	if (h->at == BPF_XDP) {
		int fd = make_link(h, h->prog);

		close(fd);
		return fd < 0;
	}
	return raw_bpf(BPF_PROG_QUERY, &a, 64) ? -1 : (int)a.w[6];
}

static int next_link(uint32_t from)
{
	union row_attr a = { .w = { from } };

	return raw_bpf(BPF_LINK_GET_NEXT_ID, &a, 8) ? 0 : (int)a.w[1];
}

static int links(void)
{
	int n = 0;

	for (uint32_t id = 0; (id = (uint32_t)next_link(id)) != 0;)
		n++;
	return n;
}

/* Removes what was pinned and attached; is there anything else? */
static int left(int quiet)
{
	int bad = 0, found;

	for (int i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), PINS "/%d", i);
		unlink(path);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(hooks); i++)
		for (int p = 0; hooks[i].at != BPF_XDP && p < NPROGS(&hooks[i]); p++)
			attach(BPF_PROG_DETACH, &hooks[i], hooks[i].prog + p);
	for (unsigned i = 0; i < ARRAY_SIZE(hooks); i++) {
		found = count(&hooks[i]);
		if (found && !quiet)
			printf("# %s: %d left\n", hooks[i].name, found);
		bad += found != 0;
	}
	found = links();
	if (found && !quiet)
		printf("# %d links left\n", found);
	return bad + found;
}

/* A supervisor sees a killed process's fds go a moment later. */
static int settled(void)
{
	for (int i = 0; i < 500; i++) {
		if (!left(1))
			return 0;
		usleep(2000);
	}
	return left(0);
}

static void kills(long n)
{
	int bad = 0;

	for (long i = 0; i < n && !bad; i++) {
		pid_t a = worker_start(once, NULL), b = i % 3 ? 0 : worker_start(once, NULL);

		usleep(rnd(400));
		worker_end(a);
		if (b)
			worker_end(b);
		if (i % 20 == 19)
			bad = settled();
	}
	bad += settled();
	ok(!progress->bad, "no call fails unexpectedly beside %ld kills (%s)", n,
	   progress->bad ? errno_name(progress->bad) : "none");
	ok(!bad, "after %ld kills nothing is left but what was pinned or attached", n);
}

static void stops(long n)
{
	uint64_t slowest = 0;
	int bad = 0;

	for (long i = 0; i < n; i++) {
		pid_t pid = worker_start(once, NULL);

		usleep(rnd(400));
		kill(pid, SIGSTOP);
		for (unsigned k = 0; k < 8; k++) {
			uint64_t t = now_us();

			once(NULL, rnd(0x7fffffff) & ~0x100000u);
			t = now_us() - t;
			slowest = t > slowest ? t : slowest;
		}
		worker_end(pid);
		if (i % 20 == 19)
			bad += settled();
	}
	bad += settled();
	ok(slowest < SLOW_US, "nobody waits for one of %ld stopped clients (slowest call %lu us)", n,
	   (unsigned long)slowest);
	ok(!progress->bad, "no call fails unexpectedly beside them (%s)",
	   progress->bad ? errno_name(progress->bad) : "none");
	ok(!bad, "nothing is left of them");
}

/* Pinned links outlive who made them; the last name's end detaches. */
static void lifetimes(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(hooks); i++) {
		const struct hook *h = &hooks[i];
		pid_t pid = fork();
		int n, status;

		if (!pid) {
			int fd = make_link(h, h->prog);

			_exit(fd < 0 || pin(fd, PINS "/0"));
		}
		waitpid(pid, &status, 0);
		ok(!status, "%s: a child pins a link", h->name);
		n = count(h);
		ok(n == 1, "%s: it is attached when the child is gone (%d)", h->name, n);
		unlink(PINS "/0");
		for (int t = 0; (n = count(h)) && t < 500; t++)
			usleep(2000);
		ok(n == 0, "%s: unlink detaches it (%d)", h->name, n);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "kill";

	world_make();
	worker_setup();
	must(!mkdir(PINS, 0700), "a place for pins");
	if (!strcmp(what, "stop")) {
		stops(test_scale(100));
	} else {
		lifetimes();
		kills(test_scale(200));
	}
	rmdir(PINS);
	return done();
}
