// SPDX-License-Identifier: BSD-2-Clause
/*
 * The driver of packets while something happens: programs fault, runs are
 * counted, and lists change; then each frame is seen by exactly one version.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/store.h"
#include "tests/lib/drivetest.h"
#include "tests/lib/selfcall.h"
#include "tests/lib/tap.h"
#include "util/err.h"
#include "util/uapi.h"

/* Somebody cuts off the file of a map: the program faults, the frame is over, the next one is driven. */
static void faults(void)
{
	int map = dt_map_new(BPF_MAP_TYPE_ARRAY, 8192, 1, BPF_F_MMAPABLE), prog, link;
	const struct drive_count *c;
	char path[600];
	u32 n;

	dt_ld_imm64(1, BPF_PSEUDO_MAP_VALUE, map, 8000);
	MOVI(0, XDP_DROP);
	MOVI(2, 1);
	dt_emit(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_ADD);
	EXIT();
	prog = dt_xdp();
	link = dt_link_at(BPF_XDP, prog, 0);
	dt_ends("before the damage", DRIVE_END_DROP);
	snprintf(path, sizeof(path), "%s/bpf-map/%u", the_store.path, dt_id_of(map));
	ok(!truncate(path, 0), "%s is cut off", path);
	ok(!dt_feed(60, 1000) && dt_ended(DRIVE_END_ABORTED) == 1000, "each frame is aborted: %llu",
	   (unsigned long long)dt_ended(DRIVE_END_ABORTED));
	c = drive_counts(dt, &n);
	for (u32 i = 0; i < n; i++)
		if (c[i].prog_id == dt_id_of(prog))
			ok(c[i].faults == 1000 && c[i].runs == 1001, "and counted: %llu",
			   (unsigned long long)c[i].faults);
	dt_link_end(link);
	dt_ends("without it all is well again", DRIVE_END_STACK);
	close(prog);
	close(map);
}

static void counted_runs(void)
{
	union bpf_attr a;
	u8 info[256] = { 0 };
	int prog = dt_xdp_says(XDP_PASS), link = dt_link_at(BPF_XDP, prog, 0), stats;
	u64 runs;

	dt_feed(60, 10);
	memset(&a, 0, sizeof(a));
	stats = (int)self_bpf(BPF_ENABLE_STATS, &a, sizeof(a));
	dt_feed(60, 77);
	close(stats);
	dt_feed(60, 10);
	a.info.bpf_fd = (u32)prog;
	a.info.info_len = sizeof(info);
	a.info.info = ptr_to_u64(info);
	self_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a));
	memcpy(&runs, info + 200, 8);
	ok(stats >= 0 && runs == 77, "runs are counted while somebody wants it: %llu",
	   (unsigned long long)runs);
	dt_link_end(link);
	close(prog);
}

/* ---- changes meanwhile ---- */

static volatile sig_atomic_t over;

static void stop(int sig)
{
	over = 1;
}

/* What a process does until it is told to stop, over and over. */
static pid_t meanwhile(void (*fn)(const int *fd), const int *fd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	signal(SIGTERM, stop);
	while (!over)
		fn(fd);
	_exit(0);
}

static void swap(const int *fd)
{
	static int n;

	if (dt_link_update(fd[0], fd[1 + ++n % 2]))
		_exit(1);
}

static void come_and_go(const int *fd)
{
	int link = dt_link_at(BPF_TCX_INGRESS, fd[0], BPF_F_BEFORE);

	if (link < 0)
		_exit(-link);
	dt_link_end(link);
}

static void come_and_go_out(const int *fd)
{
	int link = dt_link_at(BPF_TCX_EGRESS, fd[0], BPF_F_BEFORE);

	if (link < 0)
		_exit(-link);
	dt_link_end(link);
}

static bool ended_well(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		diag("it ended with status %x", status);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static int counter(int map, int at, int (*kind)(void), int verdict)
{
	dt_count_in(map, at);
	MOVI(0, verdict);
	EXIT();
	return kind();
}

/* Frames until both versions have seen some, but no fewer than n. */
static u64 feed_both(int map, u64 n)
{
	u64 fed = 0, seen[2];

	for (int i = 0; i < 2000; i++) {
		if (dt_feed(60, n))
			return 0;
		fed += n;
		dt_map_get(map, seen);
		if (seen[0] && seen[1])
			break;
	}
	return fed;
}

static void updates(void)
{
	int map = dt_map_new(BPF_MAP_TYPE_ARRAY, 16, 1, 0);
	int fd[3] = { -1, counter(map, 0, dt_xdp, XDP_DROP), counter(map, 1, dt_xdp, XDP_DROP) };
	u64 seen[2], lists = drive_totals(dt)->lists, fed;
	pid_t pid;

	fd[0] = dt_link_at(BPF_XDP, fd[1], 0);
	pid = meanwhile(swap, fd);
	fed = feed_both(map, (u64)test_scale(2000000));
	ok(ended_well(pid), "LINK_UPDATE worked all the while");
	dt_map_get(map, seen);
	ok(fed && seen[0] + seen[1] == fed, "each of %llu frames was seen by one version: %llu + %llu",
	   (unsigned long long)fed, (unsigned long long)seen[0], (unsigned long long)seen[1]);
	ok(seen[0] && seen[1], "by both versions");
	diag("%llu lists were taken", (unsigned long long)(drive_totals(dt)->lists - lists));
	dt_link_end(fd[0]);
	for (int i = 1; i < 3; i++)
		close(fd[i]);
	close(map);
}

/* One stays, one comes and goes: the one that stays sees every frame. */
static void attaches(void)
{
	int map = dt_map_new(BPF_MAP_TYPE_ARRAY, 16, 1, 0);
	int fd[2] = { counter(map, 1, dt_tc, -1), counter(map, 0, dt_tc, 0) };
	int link = dt_link_at(BPF_TCX_INGRESS, fd[1], 0);
	pid_t pid = meanwhile(come_and_go, fd);
	u64 seen[2], fed = feed_both(map, (u64)test_scale(2000000));

	ok(ended_well(pid), "links came and went all the while");
	dt_map_get(map, seen);
	ok(fed && seen[0] == fed, "the one that stays has seen all %llu: %llu", (unsigned long long)fed,
	   (unsigned long long)seen[0]);
	ok(seen[1] && seen[1] < fed, "the other one some: %llu", (unsigned long long)seen[1]);
	dt_link_end(link);
	close(fd[0]);
	close(fd[1]);
	dt_ends("when all are gone", DRIVE_END_STACK);
	close(map);
}

/*
 * Copies to the same device, whose own egress program makes copies again, while another
 * program comes and goes there: none that runs may be taken away.
 */
static void copies(void)
{
	int map = dt_map_new(BPF_MAP_TYPE_ARRAY, 16, 1, 0), fd[2], in, eg, ip, ep;
	u64 seen[2], n = (u64)test_scale(200000), fed = 0;
	pid_t pid;

	fd[0] = counter(map, 1, dt_tc, -1);
	MOV(6, 1);
	dt_count_in(map, 0);
	MOV(1, 6);
	MOVI(2, LO);
	MOVI(3, 0);
	CALL(BPF_FUNC_clone_redirect);
	MOVI(0, -1);
	EXIT();
	ep = dt_tc();
	eg = dt_link_at(BPF_TCX_EGRESS, ep, 0);
	MOVI(2, LO);
	MOVI(3, 0);
	CALL(BPF_FUNC_clone_redirect);
	MOVI(0, 2);
	EXIT();
	ip = dt_tc();
	in = dt_link_at(BPF_TCX_INGRESS, ip, 0);
	pid = meanwhile(come_and_go_out, fd);
	for (int i = 0; i < 2000; i++) {
		if (dt_feed(60, n) || dt_ended(DRIVE_END_DROP) != n)
			break;
		fed += n;
		dt_map_get(map, seen);
		if (seen[1])
			break;
	}
	ok(ended_well(pid), "links came and went at egress");
	dt_map_get(map, seen);
	ok(fed && seen[0] == 9 * fed, "a copy of a copy, nine deep: %llu of %llu frames",
	   (unsigned long long)seen[0], (unsigned long long)fed);
	ok(seen[1] && drive_totals(dt)->out[DRIVE_BY_TC] - dt_was.out[DRIVE_BY_TC] == 8 * n,
	   "all but the last one are sent");
	dt_link_end(in);
	dt_link_end(eg);
	close(ip);
	close(ep);
	close(fd[0]);
	close(map);
}

int main(void)
{
	if (!ok(!self_open("drive-live"), "a store"))
		return done();
	dt_frame_reset();
	if (!ok(!dt_start(true), "a driver"))
		return done();
	faults();
	counted_runs();
	drive_close(dt);
	if (!ok(!dt_start(false), "a driver that hands nothing out"))
		return done();
	updates();
	attaches();
	copies();
	drive_close(dt);
	return done();
}
