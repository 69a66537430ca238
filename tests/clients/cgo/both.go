// SPDX-License-Identifier: BSD-2-Clause

// Two ways to one object in one process: C makes its calls by syscall(3), which
// a preloaded library sees; Go makes them raw, which it does not.
package main

/*
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int c_create(void)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_HASH;
	a.key_size = 4;
	a.value_size = 8;
	a.max_entries = 64;
	return syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
}

static int c_elem(int cmd, int fd, unsigned key, unsigned long *value)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = fd;
	a.key = (unsigned long)&key;
	a.value = (unsigned long)value;
	return syscall(SYS_bpf, cmd, &a, sizeof(a));
}
*/
import "C"

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

const (
	sysBPF = 321
	lookup = 1
	update = 2
)

var tests, failed int

func ok(cond bool, format string, args ...any) {
	tests++
	word := "ok"
	if !cond {
		word = "not ok"
		failed++
	}
	fmt.Printf("%s %d - %s\n", word, tests, fmt.Sprintf(format, args...))
}

func goElem(cmd uintptr, fd int, key uint32, value *uint64) bool {
	k := &key
	attr := struct {
		fd, pad uint32
		key     unsafe.Pointer
		value   unsafe.Pointer
		flags   uint64
	}{uint32(fd), 0, unsafe.Pointer(k), unsafe.Pointer(value), 0}
	_, _, e := syscall.Syscall(sysBPF, cmd, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	return e == 0
}

func goCreate() int {
	attr := struct{ mapType, key, value, max, flags uint32 }{1, 4, 8, 64, 0}
	fd, _, _ := syscall.Syscall(sysBPF, 0, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	return int(fd)
}

func cElem(cmd C.int, fd int, key uint32, value *uint64) bool {
	v := C.ulong(*value)
	r := C.c_elem(cmd, C.int(fd), C.uint(key), &v)
	*value = uint64(v)
	return r == 0
}

func main() {
	var v uint64

	byC, byGo := int(C.c_create()), goCreate()
	ok(byC > 2 && byGo > 2 && byC != byGo, "a map each")
	v = 11
	ok(cElem(update, byC, 1, &v), "C updates its own")
	v = 0
	ok(goElem(lookup, byC, 1, &v) && v == 11, "Go reads it: %d", v)
	v = 22
	ok(goElem(update, byGo, 2, &v), "Go updates its own")
	v = 0
	ok(cElem(lookup, byGo, 2, &v) && v == 22, "C reads it: %d", v)

	var wg sync.WaitGroup
	bad := make([]int, 8)
	for w := range bad {
		w := w
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := uint64(0); i < 300; i++ {
				var got uint64
				key := uint32(100 + w)
				if w%2 == 0 {
					if !goElem(update, byC, key, &i) || !cElem(lookup, byC, key, &got) || got != i {
						bad[w]++
					}
				} else if !cElem(update, byC, key, &i) || !goElem(lookup, byC, key, &got) || got != i {
					bad[w]++
				}
			}
		}()
	}
	wg.Wait()
	ok(fmt.Sprint(bad) == "[0 0 0 0 0 0 0 0]", "both ways at once: %v went wrong", bad)

	fmt.Printf("1..%d\n", tests)
	if failed > 0 {
		os.Exit(1)
	}
}
