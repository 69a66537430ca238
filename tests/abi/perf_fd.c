// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a perf event's descriptor answers to file calls. A static program's go to the file (docs/ABI.md).
 */
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "rows.h"

#define PAGE 4096u

static int event(uint64_t format)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .size = sizeof(a),
				     .config = PERF_COUNT_SW_BPF_OUTPUT,
				     .sample_type = PERF_SAMPLE_RAW,
				     .read_format = format };

	return (int)syscall(SYS_perf_event_open, &a, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

static void *volatile bad = (void *)8;

static void reads(void)
{
	uint64_t v[8];

	for (unsigned f = 0; f < 32; f++) {
		int fd = event(f);
		ssize_t n;

		must(fd >= 0, "an event");
		memset(v, 0, sizeof(v));
		n = read(fd, v, sizeof(v));
		say("read with format %u gives %d, the first %d", f, (int)n, (int)v[0]);
		result((int)n);
		if (f & PERF_FORMAT_TOTAL_TIME_ENABLED)
			say("  a time %d\n", v[1] > 0);
		say("  read of less");
		result((int)read(fd, v, (size_t)n - 1));
		say("  read, a bad pointer");
		result((int)read(fd, bad, sizeof(v)));
		close(fd);
	}
}

static void mmap_row(const char *text, int fd, size_t len, int prot, int flags, off_t off)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);

	say("mmap, %s", text);
	result(p == MAP_FAILED ? -1 : 0);
	if (p != MAP_FAILED)
		munmap(p, len);
}

int main(void)
{
	int fd = event(0), copy, child;
	unsigned char vec[1];
	char text[64];
	struct stat st;
	uint64_t v = 0;
	void *p;

	must(fd >= 0, "an event");
	say("getfl %#x\n", fcntl(fd, F_GETFL));
	say("fstat");
	result(fstat(fd, &st));
	say("  mode %o size %ld nlink %d\n", st.st_mode, (long)st.st_size, (int)st.st_nlink);
	say("write");
	result((int)write(fd, &v, 8));
	say("lseek");
	result((int)lseek(fd, 0, SEEK_SET));
	say("pread");
	result((int)pread(fd, &v, 8, 0));
	say("ftruncate");
	result(ftruncate(fd, 0));
	say("fsync");
	result(fsync(fd));
	copy = dup(fd);
	close(fd);
	say("read of a copy");
	result((int)read(copy, &v, 8));
	say("ioctl of a copy");
	result(ioctl(copy, PERF_EVENT_IOC_ENABLE, 0));
	say("ioctl by syscall()");
	result((int)syscall(SYS_ioctl, copy, PERF_EVENT_IOC_DISABLE, 0));
	snprintf(text, sizeof(text), "/proc/self/fd/%d", copy);
	say("FIONREAD");
	result(ioctl(copy, FIONREAD, &v));
	say("open of its link");
	result_fd(open(text, O_RDWR));
	mmap_row("private", copy, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	mmap_row("private, reading", copy, 3 * PAGE, PROT_READ, MAP_PRIVATE, 0);
	mmap_row("offset of a page", copy, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE);
	mmap_row("offset no page", copy, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 8);
	mmap_row("three pages", copy, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	mmap_row("five pages, when nothing is mapped", copy, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	p = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, copy, 0);
	fflush(stdout);
	child = fork();
	if (!child) {
		say("a child can read the ring");
		result(write(1, p, 0) < 0 || mincore(p, PAGE, vec) ? -1 : 0);
		exit(0);
	}
	waitpid(child, NULL, 0);
	close(copy);
	reads();
	return 0;
}
