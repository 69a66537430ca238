// SPDX-License-Identifier: BSD-2-Clause

// A Go program without cgo: raw system calls from many threads, which Go's
// scheduler interrupts by SIGURG all the time. Speaks TAP.
//
//	raw [DIR]
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

const (
	sysBPF     = 321
	mapCreate  = 0
	lookupElem = 1
	updateElem = 2
	nextKey    = 4
	objPin     = 6
	objGet     = 7
	noExist    = 1
	mapHash    = 1
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

func bpf(cmd uintptr, attr unsafe.Pointer, size uintptr) (int, syscall.Errno) {
	r, _, e := syscall.Syscall(sysBPF, cmd, uintptr(attr), size)
	return int(r), e
}

func create(entries uint32) (int, syscall.Errno) {
	attr := struct{ mapType, key, value, max, flags uint32 }{mapHash, 4, 8, entries, 0}
	return bpf(mapCreate, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
}

func elem(cmd uintptr, fd int, key *uint32, value *uint64, flags uint64) syscall.Errno {
	attr := struct {
		fd, pad uint32
		key     unsafe.Pointer
		value   unsafe.Pointer
		flags   uint64
	}{uint32(fd), 0, unsafe.Pointer(key), unsafe.Pointer(value), flags}
	_, e := bpf(cmd, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	return e
}

func path(cmd uintptr, fd int, name string) (int, syscall.Errno) {
	p, _ := syscall.BytePtrFromString(name)
	attr := struct {
		path  unsafe.Pointer
		fd    uint32
		flags uint32
	}{unsafe.Pointer(p), uint32(fd), 0}
	return bpf(cmd, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
}

func main() {
	const workers, keys = 16, 500
	var bad atomic.Int64
	var wg sync.WaitGroup

	fd, e := create(workers * keys)
	ok(e == 0, "a map: %v", e)
	for w := 0; w < workers; w++ {
		wg.Add(1)
		go func(w int) {
			defer wg.Done()
			for i := 0; i < keys; i++ {
				key, value, got := uint32(w*keys+i), uint64(i), uint64(0)
				if elem(updateElem, fd, &key, &value, noExist) != 0 {
					bad.Add(1)
				}
				if i%32 == 0 {
					runtime.GC() /* stops the world by signals */
				}
				if elem(lookupElem, fd, &key, &got, 0) != 0 || got != value {
					bad.Add(1)
				}
			}
		}(w)
	}
	wg.Wait()
	ok(bad.Load() == 0, "%d goroutines, %d calls: %d went wrong", workers, 2*workers*keys, bad.Load())

	dir := "/sys/fs/bpf"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	pin := dir + "/go_raw"
	_, e = path(objPin, fd, pin)
	ok(e == 0, "pin: %v", e)
	_, e = path(objPin, fd, pin)
	ok(e == syscall.EEXIST, "pin again: %v", e)
	st, err := os.Lstat(pin)
	ok(err == nil && st.Mode() == 0600 && st.Size() == 0, "stat: %v", err)
	_, err = os.Open(pin)
	ok(errors.Is(err, syscall.EIO), "open: %v", err)
	again, e := path(objGet, 0, pin)
	var first uint32
	ok(e == 0 && elem(nextKey, again, nil, (*uint64)(unsafe.Pointer(&first)), 0) == 0, "get: %v", e)
	var fs syscall.Statfs_t
	err = syscall.Statfs(dir, &fs)
	ok(err == nil && uint32(fs.Type) == 0xcafe4a11, "statfs: %#x %v", fs.Type, err)
	ok(os.Mkdir(pin+"_dir", 0755) == nil, "mkdir")
	ok(os.Remove(pin+"_dir") == nil, "rmdir")
	ok(os.Remove(pin) == nil, "unlink")
	_, err = os.Lstat(pin)
	ok(os.IsNotExist(err), "gone: %v", err)

	fmt.Printf("1..%d\n", tests)
	if failed > 0 {
		os.Exit(1)
	}
}
