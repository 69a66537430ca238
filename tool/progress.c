// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bar: see progress.h.
 */
#include "tool/progress.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "tool/out.h"

#define WIDTH 30
#define EVERY 0.1 /* seconds */

double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void progress_begin(struct progress *p)
{
	*p = (struct progress){ .on = !out_json && isatty(STDERR_FILENO), .began = seconds_now() };
}

bool progress_due(struct progress *p)
{
	double t;

	if (!p->on)
		return false;
	t = seconds_now();
	if (t - p->shown < EVERY)
		return false;
	p->shown = t;
	return true;
}

void progress_show(struct progress *p, double done, s64 packets)
{
	char bar[WIDTH + 1];
	int n = (int)(done * WIDTH);
	double t = seconds_now() - p->began;

	if (done < 0) {
		fprintf(stderr, "\r");
	} else {
		n = MIN(n, WIDTH);
		memset(bar, ' ', WIDTH);
		memset(bar, '=', (size_t)n);
		if (n < WIDTH)
			bar[n] = '>';
		bar[WIDTH] = 0;
		fprintf(stderr, "\r[%s] %3d%%  ", bar, (int)(done * 100));
	}
	fprintf(stderr, "%lld packets  %.0f/s ", (long long)packets, t > 0 ? (double)packets / t : 0);
	fflush(stderr);
}

void progress_clear(const struct progress *p)
{
	if (p->on)
		fprintf(stderr, "\r%*s\r", 78, "");
}
