# SPDX-License-Identifier: BSD-2-Clause
"""What Python does with libbpf: ctypes on the shared library, no module.

    libbpf_ctypes.py PATH    makes a hash, fills it, pins it at PATH, finds it again

Prints no ids, so it says the same on a kernel and under pinfs.
"""
import ctypes
import errno
import os
import sys

bpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
path = sys.argv[1].encode()
HASH = 1


def said(what, ret):
    """libbpf gives -errno and sets errno."""
    print(what, errno.errorcode[-ret] if ret < 0 else "fd" if ret > 2 else ret)
    return ret


def word(n):
    return ctypes.byref(ctypes.c_uint32(n))


def main():
    fd = said("create", bpf.bpf_map_create(HASH, b"from_python", 4, 4, 2, None))
    said("pin", bpf.bpf_obj_pin(fd, path))
    said("pin again", bpf.bpf_obj_pin(fd, path))
    for key in range(3):
        said("update %d" % key, bpf.bpf_map_update_elem(fd, word(key), word(key * 11), ctypes.c_uint64(0)))
    os.close(fd)
    fd = said("get", bpf.bpf_obj_get(path))
    value = ctypes.c_uint32()
    for key in range(3):
        if said("lookup %d" % key, bpf.bpf_map_lookup_elem(fd, word(key), ctypes.byref(value))) == 0:
            print("value", value.value)
    said("delete", bpf.bpf_map_delete_elem(fd, word(1)))
    key, seen = ctypes.c_uint32(), []
    ret = bpf.bpf_map_get_next_key(fd, None, ctypes.byref(key))
    while ret == 0:
        seen.append(key.value)
        ret = bpf.bpf_map_get_next_key(fd, ctypes.byref(ctypes.c_uint32(key.value)), ctypes.byref(key))
    print("keys", seen, errno.errorcode[-ret])
    print("link", os.readlink("/proc/self/fd/%d" % fd))
    info = [line for line in open("/proc/self/fdinfo/%d" % fd) if line.split(":")[0] in ("map_type", "max_entries", "frozen")]
    print("".join(info), end="")
    said("none", bpf.bpf_obj_get(path + b".none"))


main()
