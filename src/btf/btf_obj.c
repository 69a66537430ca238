// SPDX-License-Identifier: BSD-2-Clause
/*
 * BTF objects: see btf_obj.h.
 */
#include "btf/btf_obj.h"
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include "store/ref.h"
#include "store/store.h"
#include "util/raw.h"

static const char vmlinux_path[] = "/sys/kernel/btf/vmlinux";

int btf_blob_alloc(struct btf_blob *b, u32 size)
{
	*b = (struct btf_blob){ .size = size };
	if (!size)
		return 0;
	b->raw = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(b->raw)) {
		b->raw = NULL;
		return -ENOMEM;
	}
	b->read = size;
	return 0;
}

void btf_blob_drop(struct btf_blob *b)
{
	if (b->raw)
		raw_munmap(b->raw, b->read);
	b->raw = NULL;
}

int btf_obj_make(const void *raw, u32 size, u32 uid, u32 *id, struct stat *st)
{
	struct obj_new n;
	int err;

	err = obj_create(OBJ_BTF, size, size, false, &n);
	if (err)
		return err;
	obj_fill_header(&n, 0, uid, "", 0);
	((struct btf_hdr *)n.view.hdr)->size = size;
	memcpy(n.view.data, raw, size);
	err = obj_publish(&n, O_RDONLY);
	*id = n.id;
	*st = n.st;
	return err;
}

/* Fills buf from fd at off; -EIO when there is less. */
static int read_whole(int fd, u8 *buf, u32 n, off_t off)
{
	while (n) {
		long got = raw_pread(fd, buf, n, off);

		if (got <= 0 && got != -EINTR)
			return got < 0 ? (int)got : -EIO;
		got = MAX(got, 0);
		buf += got;
		off += got;
		n -= (u32)got;
	}
	return 0;
}

/* Reads the first of b->size bytes that lie in fd at off. */
static int read_from(int fd, off_t off, u32 want, struct btf_blob *b)
{
	struct btf_blob part;
	int err = btf_blob_alloc(&part, MIN(want, b->size));

	if (err)
		return err;
	b->raw = part.raw;
	b->read = part.read;
	err = read_whole(fd, b->raw, b->read, off);
	if (err)
		btf_blob_drop(b);
	return err;
}

static int read_vmlinux(u32 want, struct btf_blob *b)
{
	int fd = raw_openat(AT_FDCWD, vmlinux_path, O_RDONLY | O_CLOEXEC, 0), err;
	struct stat st;

	if (fd < 0)
		return want ? -EIO : 0; /* the size is known without it */
	err = raw_fstat(fd, &st);
	if (!err) {
		b->size = (u32)st.st_size;
		err = read_from(fd, 0, want, b);
	}
	raw_close(fd);
	return err;
}

int btf_vmlinux_read(struct btf_blob *b)
{
	*b = (struct btf_blob){ .kernel = 1 };
	return read_vmlinux(BTF_SIZE_MAX, b);
}

static int read_header(int fd, u32 id, struct btf_hdr *h)
{
	struct stat st;

	if (raw_pread(fd, h, sizeof(*h), 0) != sizeof(*h) || raw_fstat(fd, &st))
		return -EIO;
	if (h->o.magic != OBJ_MAGIC || h->o.stamp != STORE_STAMP || h->o.type != OBJ_BTF || h->o.id != id)
		return -EIO;
	if (h->size > BTF_SIZE_MAX || (!h->kernel && (u64)h->size + OBJ_HDR_SIZE > (u64)st.st_size))
		return -EIO;
	return 0;
}

static int open_id(u32 id)
{
	char name[32];

	return raw_openat(the_store.dirfd, store_id_name(name, OBJ_BTF, id),
			  O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
}

int btf_obj_read(u32 id, u32 want, struct btf_blob *b)
{
	struct btf_hdr h;
	int fd, err;

	*b = (struct btf_blob){ 0 };
	fd = open_id(id);
	if (fd < 0)
		return fd;
	err = read_header(fd, id, &h);
	if (!err) {
		b->size = h.size;
		b->kernel = h.kernel == 1;
		err = b->kernel ? read_vmlinux(want, b) : read_from(fd, OBJ_HDR_SIZE, want, b);
	}
	raw_close(fd);
	return err;
}

static int hold_itself(void)
{
	int err = ref_set(OBJ_BTF, BTF_ID_VMLINUX, REF_SLOT_KEEP, OBJ_BTF, BTF_ID_VMLINUX);

	return err == -EEXIST ? 0 : err;
}

/* Is object 1 there? Then, if it is vmlinux, it must hold itself: who made it may have been killed. */
static bool have_vmlinux(void)
{
	int fd = open_id(BTF_ID_VMLINUX), err;
	struct btf_hdr h;
	bool have;

	if (fd < 0)
		return false;
	err = read_header(fd, BTF_ID_VMLINUX, &h);
	/* With a lock, if it can be had, so that nobody takes it for dead meanwhile. */
	raw_flock(fd, LOCK_SH | LOCK_NB);
	have = err || h.kernel != 1 || !hold_itself();
	raw_close(fd);
	return have;
}

int btf_vmlinux_ensure(void)
{
	struct obj_new n;
	struct btf_hdr *h;
	struct stat st;
	int fd, err;

	if (have_vmlinux())
		return 0;
	err = raw_fstatat(AT_FDCWD, vmlinux_path, &st, 0);
	if (!err)
		err = obj_create(OBJ_BTF, 0, 0, false, &n);
	if (err)
		return err;
	obj_fill_header(&n, 0, 0, "vmlinux", OBJ_F_HOLDS);
	h = (struct btf_hdr *)n.view.hdr;
	h->size = (u32)MIN((u64)st.st_size, (u64)BTF_SIZE_MAX);
	h->kernel = 1;
	if (obj_take_id(&n) != BTF_ID_VMLINUX) {
		obj_discard(&n);
		return -EEXIST;
	}
	fd = obj_publish(&n, O_RDONLY);
	if (fd < 0)
		return fd;
	/* As long as fd is open nobody takes the object for dead. */
	err = hold_itself();
	raw_close(fd);
	return err;
}

void btf_each_ref(const struct obj_hdr *hdr, size_t file_size,
		  void (*each)(void *arg, u64 slot, enum obj_type type, u32 id), void *arg)
{
	if (((const struct btf_hdr *)hdr)->kernel)
		each(arg, REF_SLOT_KEEP, OBJ_BTF, hdr->id);
}
