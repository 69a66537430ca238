# SPDX-License-Identifier: BSD-2-Clause
"""Objects by bcc's own library, and what becomes of a program in C.

    bcc_objects.py PATH      a map, pinned at PATH; a program that reads it, by its instructions
    bcc_objects.py text      BPF(text=...), which wants the kernel's headers
"""
import ctypes
import errno
import struct
import sys

from bcc import BPF, lib

SOCKET_FILTER, ARRAY = 1, 2


def word(n):
    return ctypes.byref(ctypes.c_uint32(n))


def objects(path):
    fd = lib.bcc_create_map(ARRAY, b"from_bcc", 4, 4, 2, 0)
    print("map", fd > 2)
    print("update", lib.bpf_update_elem(fd, word(1), word(7), 0))
    print("pin", lib.bpf_obj_pin(fd, path.encode()))
    print("again", lib.bpf_obj_pin(fd, path.encode()), errno.errorcode[ctypes.get_errno()])
    again = lib.bpf_obj_get(path.encode())
    value = ctypes.c_uint32()
    print("lookup", lib.bpf_lookup_elem(again, word(1), ctypes.byref(value)), value.value)
    key = ctypes.c_uint32()
    print("first key", lib.bpf_get_first_key(again, ctypes.byref(key), 4), key.value)
    code = struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)
    prog = lib.bcc_prog_load(SOCKET_FILTER, b"from_bcc", code, len(code), b"GPL", 0, 0, None, 0, None, -1)
    print("program", prog > 2)


def text():
    table = BPF(text="BPF_HASH(t, u32, u64, 16);")["t"]
    table[table.Key(1)] = table.Leaf(5)
    print([(k.value, v.value) for k, v in table.items()])


if sys.argv[1] == "text":
    text()
else:
    objects(sys.argv[1])
