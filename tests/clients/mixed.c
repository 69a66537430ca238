// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many clients at once, of mixed kinds, some of which are stopped and killed at random instants.
 *
 *     mixed alone TABLE REFS                             each kind once, by itself: its output becomes
 * REFS/KIND mixed check TABLE REFS                             the same, and it must be REFS/KIND mixed drive
 * TABLE REFS SLOTS SECONDS SEED BASE     SLOTS of them at once, for so long
 *
 * TABLE has lines "KIND WEIGHT COMMAND". A command runs in a process group of its own, with DIR (a fresh
 * directory of the bpffs, its own), SHARED (a directory for all) and WHO (a number, from BASE on) in its
 * environment. One that nobody killed must end with status 0 and say what it says alone, whatever is going on
 * beside it. REFS/KIND of kinds called share* is not compared: their output is the line that mixed_share ends
 * with, and is added up.
 *
 * With BASE 0 the driver is the one reader of the shared ring: all records that clients have told must come,
 * in order.
 *
 * The seed gives who comes when, and what is done to whom and when after it began; not what the machine makes
 * of it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include "abi/preload_client.h"

#define ROOT      "/sys/fs/bpf/mixed"
#define KINDS     64
#define SLOTS     256
#define WHOS      (1 << 16)
#define RING_SIZE (1 << 18)
#define OWN_KEYS  8 /* as in mixed_share.c */

struct kind {
	char name[40], command[600];
	unsigned weight, began, ended, killed, stops;
	char *want;
	size_t len;
};

/* One client. What comes next to it, and when: stops (with their ends), then perhaps the kill. */
struct slot {
	struct kind *kind;
	pid_t pid;
	uint64_t who;
	unsigned stops;
	int stopped, kill, killed, reported;
	double began, next; /* ms; next 0: nothing more */
};

struct ring {
	volatile uint64_t *consumer, *producer;
	unsigned char *data;
};

static struct kind kinds[KINDS];
static struct slot slots[SLOTS];
static unsigned nkinds, nslots;
static const char *refs, *work;
static uint64_t base, next_who, seed;
static unsigned wrong;
static double stuck = 240e3; /* ms, $MIXED_STUCK; a loaded machine has time */
/* Of the clients from BASE on. */
static uint64_t told[WHOS], got[WHOS], last_seq[WHOS];
static uint64_t sum_ran, disorder;
static struct ring ring;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static uint64_t rnd(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

/* Half a ms doubled up to n times: short ones are as likely as long ones. */
static double some_time(unsigned n)
{
	return 0.5 * (double)(1u << rnd(n + 1)) * (1 + (double)rnd(1000) / 1e3);
}

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *slurp(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY);
	char *text = malloc(1 << 20);
	ssize_t n = fd < 0 ? 0 : read(fd, text, (1 << 20) - 1);

	if (fd >= 0)
		close(fd);
	*len = n > 0 ? (size_t)n : 0;
	text[*len] = 0;
	return text;
}

/* What is wrong, told when the checks are. */
static FILE *notes;
static char *notes_text;
static size_t notes_len;

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	va_list ap;

	if (!notes)
		notes = open_memstream(&notes_text, &notes_len);
	fputs("# ", notes);
	va_start(ap, fmt);
	vfprintf(notes, fmt, ap);
	va_end(ap);
	fputc('\n', notes);
}

static void tell_notes(void)
{
	if (notes) {
		fclose(notes);
		fputs(notes_text, stdout);
		free(notes_text);
	}
	notes = NULL;
}

static void read_table(const char *path)
{
	FILE *f = fopen(path, "r");
	struct kind *k = kinds;

	if (!f)
		die(path);
	while (nkinds < KINDS && fscanf(f, "%39s %u %599[^\n]", k->name, &k->weight, k->command) == 3) {
		k++;
		nkinds++;
	}
	fclose(f);
}

static int is_share(const struct kind *k)
{
	return !strncmp(k->name, "share", 5);
}

static const char *dir_of(uint64_t who)
{
	static char path[64];

	snprintf(path, sizeof(path), ROOT "/c%08" PRIu64, who);
	return path;
}

static const char *ref_of(const struct kind *k)
{
	static char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", refs, k->name) >= (int)sizeof(path))
		die("a long name");
	return path;
}

static const char *out_of(uint64_t who)
{
	static char path[4096];

	if (snprintf(path, sizeof(path), "%s/out.%" PRIu64, work, who) >= (int)sizeof(path))
		die("a long name");
	return path;
}

/* ------------------------------------------------------------ a client's beginning and end */

static pid_t start(const struct kind *k, uint64_t who)
{
	char number[24];
	pid_t pid;
	int out;

	if (mkdir(dir_of(who), 0755))
		die(dir_of(who));
	pid = fork();
	if (pid) {
		setpgid(pid, pid);
		return pid;
	}
	setpgid(0, 0);
	snprintf(number, sizeof(number), "%" PRIu64, who);
	setenv("DIR", dir_of(who), 1);
	setenv("SHARED", ROOT "/shared", 1);
	setenv("WHO", number, 1);
	out = open(out_of(who), O_WRONLY | O_CREAT | O_EXCL, 0600);
	dup2(out, 1);
	dup2(out, 2);
	close(out);
	out = open("/dev/null", O_RDONLY);
	dup2(out, 0);
	close(out);
	execl("/bin/sh", "sh", "-c", k->command, (char *)NULL);
	_exit(127);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path) && errno != ENOENT;
}

/* Processes of a killed group may still be about to die, and to pin. */
static int remove_tree(const char *path)
{
	for (int i = 0; i < 200; i++) {
		nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
		if (access(path, F_OK))
			return 1;
		usleep(10000);
	}
	return 0;
}

/* The output, with the directory called DIR, as it is in whatever place. */
static char *output_of(uint64_t who, size_t *len)
{
	char *text = slurp(out_of(who), len), *p = text;
	const char *dir = dir_of(who);
	size_t n = strlen(dir);

	while ((p = strstr(p, dir))) {
		memcpy(p, "DIR", 3);
		memmove(p + 3, p + n, *len - (size_t)(p - text) - n + 1);
		*len -= n - 3;
	}
	unlink(out_of(who));
	return text;
}

static void show_difference(const char *got_text, const char *want)
{
	int line = 1;

	while (*got_text && *got_text == *want) {
		line += *got_text == '\n';
		got_text++;
		want++;
	}
	while (line > 1 && got_text[-1] != '\n') {
		got_text--;
		want--;
	}
	note("line %d is: %.*s", line, (int)strcspn(got_text, "\n"), got_text);
	note("alone it is: %.*s", (int)strcspn(want, "\n"), want);
}

/* What a client that nobody killed has left. */
static void judge(struct kind *k, uint64_t who, int status)
{
	uint64_t ran = 0, n = 0;
	int end = 0, good = WIFEXITED(status) && !WEXITSTATUS(status);
	size_t len;
	char *text = output_of(who, &len);

	if (good && is_share(k)) {
		good = sscanf(text, "ran %" SCNu64 " told %" SCNu64 "\n%n", &ran, &n, &end) == 2 &&
		       (size_t)end == len;
		sum_ran += ran;
		if (who - base < WHOS)
			told[who - base] = n;
	} else if (good) {
		good = len == k->len && !memcmp(text, k->want, len);
	}
	if (!good) {
		note("%s (number %" PRIu64 "): status %#x", k->name, who, status);
		if (!is_share(k) && k->want)
			show_difference(text, k->want);
		else
			note("says: %.*s", (int)strcspn(text, "\n"), text);
		wrong++;
	}
	free(text);
}

/* Elements that a killed client has left in the shared table. */
static void remove_elements(uint64_t who)
{
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.pathname = (uintptr_t)ROOT "/shared/table";
	fd = (int)bpf(BPF_OBJ_GET, &a, 16);
	if (fd < 0)
		return;
	for (uint64_t i = 0; i < OWN_KEYS; i++) {
		uint64_t key = who << 8 | i;

		if (elem(BPF_MAP_DELETE_ELEM, fd, &key, NULL, 0) && errno != ENOENT) {
			note("an element of a killed client: %s", strerror(errno));
			wrong++;
		}
	}
	close(fd);
}

static void ended(struct slot *s, int status)
{
	kill(-s->pid, SIGKILL); /* what it has left running */
	s->kind->ended++;
	if (s->killed) {
		unlink(out_of(s->who));
		if (is_share(s->kind))
			remove_elements(s->who);
	} else {
		judge(s->kind, s->who, status);
	}
	if (!remove_tree(dir_of(s->who))) {
		note("%s: cannot be removed", dir_of(s->who));
		wrong++;
	}
	s->pid = 0;
}

/* ------------------------------------------------------------ alone */

static int each_alone(int check)
{
	for (struct kind *k = kinds; k < kinds + nkinds; k++) {
		uint64_t who = next_who++;
		int status, fd;
		size_t len;
		pid_t pid = start(k, who);
		unsigned before = wrong;

		waitpid(pid, &status, 0);
		kill(-pid, SIGKILL);
		if (check) {
			k->want = slurp(ref_of(k), &k->len);
			judge(k, who, status);
			ok(before == wrong, "%s, alone", k->name);
			tell_notes();
		} else {
			char *text = output_of(who, &len);

			fd = open(ref_of(k), O_WRONLY | O_CREAT | O_TRUNC, 0644);
			if (fd < 0 || write(fd, text, len) != (ssize_t)len)
				die(ref_of(k));
			close(fd);
			ok(WIFEXITED(status) && !WEXITSTATUS(status), "%s, alone: %zu bytes", k->name, len);
			if (status)
				note("says: %s", text);
			free(text);
		}
		remove_tree(dir_of(who));
	}
	return done();
}

/* ------------------------------------------------------------ the shared ring */

static void open_ring(void)
{
	union bpf_attr a;
	unsigned char *p;
	int fd;

	memset(&a, 0, sizeof(a));
	a.pathname = (uintptr_t)ROOT "/shared/ring";
	fd = (int)bpf(BPF_OBJ_GET, &a, 16);
	if (fd < 0)
		return;
	ring.consumer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p = mmap(NULL, 4096 + 2 * RING_SIZE, PROT_READ, MAP_SHARED, fd, 4096);
	if (ring.consumer == MAP_FAILED || p == MAP_FAILED)
		die("mmap of the ring");
	ring.producer = (void *)p;
	ring.data = p + 4096;
	close(fd);
}

static void take_record(const uint64_t *rec)
{
	uint64_t n = rec[0] - base;

	if (n >= WHOS)
		return;
	got[n]++;
	if (rec[1] <= last_seq[n])
		disorder++;
	last_seq[n] = rec[1];
}

static void drain(void)
{
	if (base)
		return;
	if (!ring.data) {
		open_ring();
		return;
	}
	for (;;) {
		uint64_t at = *ring.consumer;
		uint32_t *head, len;

		if (at >= __atomic_load_n(ring.producer, __ATOMIC_ACQUIRE))
			return;
		head = (uint32_t *)(ring.data + (at & (RING_SIZE - 1)));
		len = __atomic_load_n(head, __ATOMIC_ACQUIRE);
		if (len & BPF_RINGBUF_BUSY_BIT)
			return;
		if (!(len & BPF_RINGBUF_DISCARD_BIT))
			take_record((uint64_t *)(head + 2));
		len &= ~BPF_RINGBUF_DISCARD_BIT;
		__atomic_store_n(ring.consumer, at + ((len + 8 + 7) & ~7u), __ATOMIC_RELEASE);
	}
}

/* Records that are not there. */
static uint64_t missing(void)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < WHOS; i++)
		n += told[i] > got[i] ? told[i] - got[i] : 0;
	return n;
}

/* ------------------------------------------------------------ the supervisor */

/*
 * What a supervisor keeps of clients that are gone, in tables that are bounded: descriptors that stand for
 * processes, texts of fdinfo, and two a registration of a static program with epoll, which are looked through
 * when there are twice as many as there were, from 64 on.
 */
#define KEPT_MAX(n) (256 + 16 + 2 * (64 + 2 * (n)))

struct facts {
	unsigned fds, kept, threads;
	long rss; /* kB */
};

static int is_kept(const char *text)
{
	return !strcmp(text, "anon_inode:[pidfd]") || strstr(text, "/fdinfo/") ||
	       (strstr(text, "/wake/") && strstr(text, "(deleted)"));
}

static struct facts facts_of(pid_t pid)
{
	struct facts f = { 0, 0, 0, 0 };
	char path[64], line[128];
	struct dirent *e;
	DIR *d;
	FILE *s;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, line, sizeof(line) - 1);

		line[n > 0 ? n : 0] = 0;
		f.fds++;
		f.kept += is_kept(line);
	}
	f.fds -= f.kept;
	if (d)
		closedir(d);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	s = fopen(path, "r");
	while (s && fgets(line, sizeof(line), s)) {
		sscanf(line, "VmRSS: %ld", &f.rss);
		sscanf(line, "Threads: %u", &f.threads);
	}
	if (s)
		fclose(s);
	return f;
}

static void show_fds(pid_t pid)
{
	char path[64], to[256];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);

		to[n > 0 ? n : 0] = 0;
		if (!is_kept(to))
			diag("%s: %s", e->d_name, to);
	}
	if (d)
		closedir(d);
}

/* ------------------------------------------------------------ many at once */

static struct kind *some_kind(void)
{
	uint64_t sum = 0, at;

	for (unsigned i = 0; i < nkinds; i++)
		sum += kinds[i].weight;
	at = rnd(sum);
	for (unsigned i = 0; i < nkinds; i++) {
		if (at < kinds[i].weight)
			return &kinds[i];
		at -= kinds[i].weight;
	}
	return kinds;
}

/* 45 of 100 are left alone, 25 stopped, 20 killed, 10 stopped and killed. */
static void fill(struct slot *s)
{
	uint64_t fate = rnd(100);

	memset(s, 0, sizeof(*s));
	s->kind = some_kind();
	s->who = next_who++;
	s->stops = fate < 45 || (fate >= 70 && fate < 90) ? 0 : 1 + (unsigned)rnd(3);
	s->kill = fate >= 70;
	s->began = now();
	s->next = s->stops || s->kill ? s->began + some_time(13) : 0;
	s->pid = start(s->kind, s->who);
	s->kind->began++;
	if (s->pid < 0)
		die("fork");
}

/* A group, or what began it alone. */
static void signal_to(struct slot *s, int sig)
{
	kill(rnd(3) || sig != SIGKILL ? -s->pid : s->pid, sig);
}

static void act(struct slot *s, double t)
{
	if (s->stops && !s->stopped) {
		signal_to(s, SIGSTOP);
		s->stopped = 1;
		s->kind->stops++;
		s->next = t + some_time(10);
	} else if (s->kill && s->stops <= 1) {
		/* The last stop has no end but this. */
		s->killed = 1;
		s->kind->killed++;
		signal_to(s, SIGKILL);
		s->next = 0;
	} else {
		signal_to(s, SIGCONT);
		s->stopped = 0;
		s->stops--;
		s->next = s->stops || s->kill ? t + some_time(12) : 0;
	}
}

/* Where a process is. */
static void show_process(int pid)
{
	static const char *const files[] = { "comm", "wchan", "syscall", "stack" };
	char path[64];
	size_t len;

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *text, *line;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		text = slurp(path, &len);
		for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			note("  %d %s: %s", pid, files[i], line);
		free(text);
	}
}

/* A client that does not come to an end: its group, then no more of it. */
static void report_stuck(struct slot *s)
{
	struct dirent *e;
	DIR *d = opendir("/proc");

	s->reported = 1;
	note("%s (number %" PRIu64 ", pid %d) does not end", s->kind->name, s->who, s->pid);
	while (d && (e = readdir(d)))
		if (atoi(e->d_name) > 0 && getpgid(atoi(e->d_name)) == s->pid)
			show_process(atoi(e->d_name));
	if (d)
		closedir(d);
	wrong++;
	s->killed = 1;
	kill(-s->pid, SIGKILL);
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < nslots; i++)
			if (slots[i].pid == pid)
				ended(&slots[i], status);
}

/* Until end slots are filled again; then until all are empty. */
static void drive(double end)
{
	sigset_t child;
	unsigned live;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	do {
		double t = now(), next = t + 20;
		struct timespec wait;

		live = 0;
		for (unsigned i = 0; i < nslots; i++) {
			struct slot *s = &slots[i];

			if (!s->pid && t < end)
				fill(s);
			if (!s->pid)
				continue;
			live++;
			if (s->next && s->next <= t)
				act(s, t);
			/* While others make objects, one that walks all of them may be behind for ever. */
			if (t - (s->began > end ? s->began : end) > stuck && !s->reported)
				report_stuck(s);
			if (s->next && s->next < next)
				next = s->next;
		}
		drain();
		t = now();
		wait = (struct timespec){ 0, next > t ? (long)((next - t) * 1e6) : 0 };
		sigtimedwait(&child, NULL, &wait);
		reap();
	} while (live);
}

/* The shared program once more: who runs it also meets what the dead have left in the ring. */
static uint64_t counted(void)
{
	union bpf_attr a;
	unsigned char packet[64] = { 0 };
	uint32_t zero = 0;
	uint64_t value[8] = { 0 };
	int prog, counts;

	memset(&a, 0, sizeof(a));
	a.pathname = (uintptr_t)ROOT "/shared/counts";
	counts = (int)bpf(BPF_OBJ_GET, &a, 16);
	elem(BPF_MAP_LOOKUP_ELEM, counts, &zero, value, 0);
	a.pathname = (uintptr_t)ROOT "/shared/put";
	prog = (int)bpf(BPF_OBJ_GET, &a, 16);
	memset(packet, 0xff, sizeof(packet));
	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (uint32_t)prog;
	a.test.data_in = (uintptr_t)packet;
	a.test.data_size_in = sizeof(packet);
	if (counts < 0 || prog < 0 || bpf(BPF_PROG_TEST_RUN, &a, sizeof(a)))
		diag("the shared program: %s", strerror(errno));
	close(counts);
	close(prog);
	return value[0];
}

static void say_kinds(void)
{
	unsigned killed = 0, ended_n = 0, stops = 0;

	for (struct kind *k = kinds; k < kinds + nkinds; k++) {
		ok(k->ended == k->began, "%s: %u, %u of them killed, %u stops", k->name, k->began, k->killed,
		   k->stops);
		killed += k->killed;
		ended_n += k->ended;
		stops += k->stops;
	}
	diag("figure: %u clients, %u at once, %u killed, %u stops", ended_n, nslots, killed, stops);
}

static int many(unsigned seconds)
{
	pid_t sup = getenv("PINFS_RUN") ? getppid() : 0;
	struct facts before = facts_of(sup), after = before;
	uint64_t runs;
	double end;

	for (struct kind *k = kinds; k < kinds + nkinds; k++)
		k->want = slurp(ref_of(k), &k->len);
	drive(now() + seconds * 1e3);
	say_kinds();
	ok(wrong == 0, "all that were not killed said what they say alone, %u did not", wrong);
	tell_notes();
	runs = counted();
	ok(runs >= sum_ran, "the shared program has counted %" PRIu64 " runs, clients speak of %" PRIu64,
	   runs, sum_ran);
	if (!base) {
		for (end = now() + 20000; missing() && now() < end; usleep(1000))
			drain();
		ok(!missing() && !disorder,
		   "the shared ring: %" PRIu64 " records missing, %" PRIu64 " out of order", missing(),
		   disorder);
	}
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no process is left");
	if (!sup)
		return done();
	/* Threads that have nothing to do leave after a while. */
	for (end = now() + 20000; now() < end; usleep(100000)) {
		after = facts_of(sup);
		if (after.fds <= before.fds)
			break;
	}
	ok(getppid() == sup && after.fds, "the supervisor is there");
	diag("figure: supervisor: %u descriptors before, %u after, beside %u and %u kept; %ld and "
	     "%ld kB; %u and %u threads",
	     before.fds, after.fds, before.kept, after.kept, before.rss, after.rss, before.threads,
	     after.threads);
	if (!ok(after.fds <= before.fds + 8, "the supervisor has no more descriptors: %u, %u before",
		after.fds, before.fds))
		show_fds(sup);
	ok(after.kept <= KEPT_MAX(nslots), "and keeps %u", after.kept);
	ok(after.rss <= before.rss + 32768, "nor memory: %ld kB, %ld before", after.rss, before.rss);
	return done();
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 4)
		return 2;
	work = getenv("MIXED_OUT") ? getenv("MIXED_OUT") : "/tmp";
	if (getenv("MIXED_STUCK"))
		stuck = atof(getenv("MIXED_STUCK"));
	refs = argv[3];
	read_table(argv[2]);
	base = argc > 7 ? strtoull(argv[7], NULL, 0) : 0;
	next_who = base + 1;
	if (argc == 4) {
		next_who = 90000000;
		return each_alone(!strcmp(argv[1], "check"));
	}
	nslots = (unsigned)atoi(argv[4]);
	seed = strtoull(argv[6], NULL, 0) * 0x9e3779b97f4a7c15ull | 1;
	if (nslots > SLOTS || argc < 8)
		return 2;
	return many((unsigned)atoi(argv[5]));
}
