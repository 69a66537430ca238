// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client that debuggers can be tried on: beats MS [THREADS] [signals] [fork] [births]
 *
 * Each thread updates and looks up elements of one map until the time is over, and any wrong answer ends
 * the process with status 1. `signals`: a timer's signal every millisecond, too; `fork`: a child does the
 * same, and is waited for; `births`: each thread makes short threads that do one beat, all the time. At the
 * end a line says how it went.
 */
#include <linux/bpf.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int map, births;
static double end;
static _Atomic int signals;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void alarmed(int sig)
{
	(void)sig;
	signals++;
}

static int element(int cmd, uint32_t key, uint64_t *value)
{
	union bpf_attr attr = { .map_fd = (uint32_t)map, .key = (uintptr_t)&key, .value = (uintptr_t)value };

	return (int)syscall(SYS_bpf, cmd, &attr, sizeof(attr));
}

static void beat(uint32_t key, uint64_t n)
{
	uint64_t got = 0;

	if (element(BPF_MAP_UPDATE_ELEM, key, &n) || element(BPF_MAP_LOOKUP_ELEM, key, &got) || got != n) {
		perror("beats");
		exit(1);
	}
}

static void *one(void *arg)
{
	beat(32 + (uint32_t)(uintptr_t)arg, 1);
	return NULL;
}

static void *beating(void *arg)
{
	uint32_t key = (uint32_t)(uintptr_t)arg;
	pthread_t t;

	for (uint64_t n = 1; now() < end; n++) {
		beat(key, n);
		if (births && !pthread_create(&t, NULL, one, arg))
			pthread_join(t, NULL);
	}
	return NULL;
}

static void run(int threads, uint32_t base)
{
	pthread_t t[16];

	for (int i = 1; i < threads; i++)
		if (pthread_create(&t[i], NULL, beating, (void *)(uintptr_t)(base + (uint32_t)i)))
			exit(2);
	beating((void *)(uintptr_t)base);
	for (int i = 1; i < threads; i++)
		pthread_join(t[i], NULL);
}

int main(int argc, char **argv)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8, .max_entries = 64
	};
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } };
	int threads = 1, status = 0, timed = 0;
	pid_t child = -1;

	if (argc < 2)
		return 2;
	end = now() + atof(argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	map = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (map < 0) {
		perror("beats: map");
		return 1;
	}
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "births"))
			births = 1;
		else if (!strcmp(argv[i], "fork"))
			child = fork();
		else if (!strcmp(argv[i], "signals"))
			timed = 1;
		else
			threads = atoi(argv[i]) > 16 ? 16 : atoi(argv[i]);
	}
	if (timed) {
		sigaction(SIGALRM, &(struct sigaction){ .sa_handler = alarmed, .sa_flags = SA_RESTART },
			  NULL);
		setitimer(ITIMER_REAL, &every, NULL);
	}
	run(threads, child ? 0 : 16);
	if (child > 0 && (waitpid(child, &status, 0) != child || status))
		return 1;
	if (child)
		printf("beats: well%s\n", timed && !signals ? ", without a signal" : "");
	return 0;
}
