// SPDX-License-Identifier: BSD-2-Clause
/*
 * The short integer names and the few macros that every layer uses.
 *
 * Nothing here has state. PAGE is the page size of the store format, which is
 * that of the only architecture served so far (x86-64).
 */
#ifndef PINFS_UTIL_TYPES_H
#define PINFS_UTIL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define PAGE 4096u

#define ARRAY_SIZE(a)                 (sizeof(a) / sizeof((a)[0]))
#define ROUND_UP(x, to)               ((((x) + (to)-1) / (to)) * (to))
#define MIN(a, b)                     ((a) < (b) ? (a) : (b))
#define MAX(a, b)                     ((a) > (b) ? (a) : (b))
#define likely(x)                     __builtin_expect(!!(x), 1)
#define unlikely(x)                   __builtin_expect(!!(x), 0)
#define noinline                      __attribute__((noinline))
#define PRINTF(f, a)                  __attribute__((format(printf, f, a)))
#define barrier()                     __asm__ volatile("" ::: "memory")
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

/* A pointer that a client passed as a u64 of union bpf_attr, and back. */
static inline void *u64_to_ptr(u64 v)
{
	return (void *)(uintptr_t)v;
}

static inline u64 ptr_to_u64(const void *p)
{
	return (u64)(uintptr_t)p;
}

#endif
