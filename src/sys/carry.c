// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which programs can carry the preload library: see carry.h.
 *
 * Only what is read from the file decides, by pread on an fd of our own; every
 * count and offset in it is bounded or merely makes a read fail.
 */
#include "sys/carry.h"
#include <elf.h>
#include <limits.h>
#include <unistd.h>
#include "util/raw.h"
#include "util/str.h"

/* Is there a dynamic entry that names AddressSanitizer's runtime? */
static bool needs_asan(int fd, const Elf64_Phdr *dyn, const Elf64_Phdr *load, int loads)
{
	u64 strtab = 0, at = 0;
	char name[16];
	Elf64_Dyn d;

	for (u64 i = 0; i < dyn->p_filesz / sizeof(d) && i < 512; i++) {
		if (raw_pread(fd, &d, sizeof(d), (off_t)(dyn->p_offset + i * sizeof(d))) != sizeof(d) ||
		    d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_STRTAB)
			strtab = d.d_un.d_val;
	}
	for (int i = 0; i < loads; i++)
		if (strtab >= load[i].p_vaddr && strtab - load[i].p_vaddr < load[i].p_filesz)
			at = strtab - load[i].p_vaddr + load[i].p_offset;
	for (u64 i = 0; at && i < dyn->p_filesz / sizeof(d) && i < 512; i++) {
		if (raw_pread(fd, &d, sizeof(d), (off_t)(dyn->p_offset + i * sizeof(d))) != sizeof(d) ||
		    d.d_tag == DT_NULL)
			break;
		if (d.d_tag != DT_NEEDED)
			continue;
		name[0] = 0;
		raw_pread(fd, name, sizeof(name), (off_t)(at + d.d_un.d_val));
		name[sizeof(name) - 1] = 0;
		if (str_starts(name, "libasan.so"))
			return true;
	}
	return false;
}

static bool glibc_loader(int fd, const Elf64_Phdr *interp)
{
	char path[256];
	const char *base = path;
	long n;

	n = raw_pread(fd, path, MIN(interp->p_filesz, sizeof(path) - 1), (off_t)interp->p_offset);
	path[n > 0 ? n : 0] = 0;
	for (const char *p = path; *p; p++)
		if (*p == '/')
			base = p + 1;
	return str_starts(base, "ld-linux");
}

static enum carry judge_elf(int fd, const Elf64_Ehdr *e)
{
	Elf64_Phdr ph, dyn = { 0 }, load[8];
	bool loader = false, dynamic = false;
	int loads = 0;

	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_machine != EM_X86_64)
		return CARRY_NO;
	for (int i = 0; i < e->e_phnum && i < 64; i++) {
		if (raw_pread(fd, &ph, sizeof(ph), (off_t)(e->e_phoff + (u64)i * e->e_phentsize)) !=
		    sizeof(ph))
			break;
		if (ph.p_type == PT_INTERP) {
			if (!glibc_loader(fd, &ph))
				return CARRY_NO;
			loader = true;
		}
		if (ph.p_type == PT_DYNAMIC) {
			dyn = ph;
			dynamic = true;
		}
		if (ph.p_type == PT_LOAD && loads < (int)ARRAY_SIZE(load))
			load[loads++] = ph;
	}
	return loader && dynamic && needs_asan(fd, &dyn, load, loads) ? CARRY_NO : CARRY_YES;
}

static enum carry judge(int fd, int depth);

static enum carry judge_script(const char *line, int depth)
{
	char interp[128];
	enum carry v;
	int n = 0, fd;

	for (line += 2; *line == ' ' || *line == '\t'; line++)
		;
	while (line[n] && line[n] != ' ' && line[n] != '\t' && line[n] != '\n') {
		interp[n] = line[n];
		n++;
	}
	interp[n] = 0;
	fd = raw_openat(AT_FDCWD, interp, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		return CARRY_YES;
	v = judge(fd, depth + 1);
	raw_close(fd);
	return v;
}

static enum carry judge(int fd, int depth)
{
	union {
		Elf64_Ehdr elf;
		char text[128];
	} head;
	long n;

	n = raw_pread(fd, &head, sizeof(head) - 1, 0);
	if (n < 4)
		return CARRY_YES;
	head.text[n] = 0;
	if (head.text[0] == '#' && head.text[1] == '!')
		return depth < 4 ? judge_script(head.text, depth) : CARRY_YES;
	if (n < (long)sizeof(Elf64_Ehdr) || memcmp(head.elf.e_ident, ELFMAG, SELFMAG))
		return CARRY_YES;
	return judge_elf(fd, &head.elf);
}

enum carry carry_judge(int dirfd, const char *path, int flags)
{
	enum carry v;
	int fd;

	if (flags & AT_EMPTY_PATH && !*path)
		return judge(dirfd, 0);
	fd = raw_openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		return CARRY_YES;
	v = judge(fd, 0);
	raw_close(fd);
	return v;
}

/* The first file of that name in search that could be run. */
static bool find(const char *file, const char *search, char buf[PATH_MAX])
{
	size_t len = strlen(file), n;

	for (;; search += n + 1) {
		for (n = 0; search[n] && search[n] != ':'; n++)
			;
		if (n + 1 + len < PATH_MAX) {
			memcpy(buf, search, n);
			str_put(str_put(buf + n, n ? "/" : ""), file);
			if (!raw3(SYS_faccessat, AT_FDCWD, buf, X_OK))
				return true;
		}
		if (!search[n])
			return false;
	}
}

enum carry carry_judge_search(const char *file, const char *search)
{
	char buf[PATH_MAX];

	for (const char *p = file; *p; p++)
		if (*p == '/')
			return carry_judge(AT_FDCWD, file, 0);
	if (!*search)
		return carry_judge(AT_FDCWD, file, 0);
	return *file && find(file, search, buf) ? carry_judge(AT_FDCWD, buf, 0) : CARRY_YES;
}
