// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shared by the files of pinfs feed: the job, where frames come from and where they go.
 */
#ifndef PINFS_TOOL_FEED_H
#define PINFS_TOOL_FEED_H

#define PCAP_DONT_INCLUDE_PCAP_BPF_H /* its struct bpf_insn is another one */
#include <pcap/pcap.h>
#include <sys/types.h>
#include "sys/drive.h"
#include "tool/progress.h"

/*
 * A capture that is read frame by frame. A damaged one ends in an error that tells
 * where; the frames before it were good.
 */
struct feed_in {
	const char *path;
	pcap_t *p;
	bool regular;          /* reading it does not wait */
	off_t size;            /* 0: not known */
	u64 frames;            /* read in this round */
	struct pcap_pkthdr *h; /* of the last one */
	u64 cut;               /* frames of which the capture has only the beginning, in all rounds */
	char error[PCAP_ERRBUF_SIZE + 128]; /* "": none */
};

/* From the start: 0, or 1 with the error set. */
int feed_in_open(struct feed_in *in);
void feed_in_close(struct feed_in *in);
/* The next frame; false: the end, or an error. Does not wait where the file is regular. */
bool feed_in_next(struct feed_in *in, const u8 **data, u32 *len);
/* How much of the file has been read, 0 to 1; negative: not known. */
double feed_in_done(const struct feed_in *in);

/*
 * Captures of what comes out. In a directory: one file an interface and way
 * (veth0.stack.pcap, veth0.tx.pcap, veth1.redirect.pcap, veth1.peer.pcap), made when the first frame comes.
 * Else one file of all. Each frame has the time of the one that was fed.
 */
struct feed_out;

/* path: an existing directory, or one to be made when it ends with '/'; else a file. NULL: an error was
 * printed. */
struct feed_out *feed_out_open(const char *path);
void feed_out_frame(struct feed_out *o, enum drive_way way, u32 ifindex, const u8 *data, u32 len,
		    const struct timeval *when);
/* Writes all out and frees it: 0, or 1: an error was printed. */
int feed_out_close(struct feed_out *o);

struct feed_job {
	const char *device;
	u32 ifindex;
	u64 loop;    /* 0: until interrupted */
	double rate; /* packets a second, 0: as fast as it goes */
	struct drive *d;
	struct feed_in in;
	struct feed_out *out;
	struct progress bar;
	u64 round;
	bool interrupted;
	char error[sizeof(((struct feed_in *)0)->error) + 64];
};

/* The summary, on standard output. */
void feed_show(const struct feed_job *j);

#endif
