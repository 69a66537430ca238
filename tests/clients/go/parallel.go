// SPDX-License-Identifier: BSD-2-Clause

// What Go's runtime brings with it: many goroutines and threads, signals that preempt them, finalizers that close, exec.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

func parallel() {
	m := newMap("parallel", ebpf.Hash, 4, 8, 4096)
	var wg sync.WaitGroup
	var failed, wrong atomic.Int64

	for g := range uint32(16) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range uint32(200) {
				key, value := g*256+i, uint64(0)
				if m.Put(key, uint64(key)*3) != nil || m.Lookup(key, &value) != nil {
					failed.Add(1)
				}
				if value != uint64(key)*3 {
					wrong.Add(1)
				}
				if i%2 == 1 && m.Delete(key) != nil {
					failed.Add(1)
				}
			}
		}()
	}
	wg.Wait()
	n, key, value := 0, uint32(0), uint64(0)
	it := m.Iterate()
	for it.Next(&key, &value) {
		if value != uint64(key)*3 {
			wrong.Add(1)
		}
		n++
	}
	say("16 goroutines", n, failed.Load(), wrong.Load(), it.Err())

	objects := load()
	defer clean()
	defer objects.Close()
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 50 {
				if ret, _, err := objects.GoCount.Test(make([]byte, 14)); err != nil || ret != 14 {
					failed.Add(1)
				}
				l, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "go_par", Type: ebpf.SocketFilter, License: "GPL", Instructions: one()})
				if err != nil {
					failed.Add(1)
					continue
				}
				l.Close()
				inner, err := ebpf.NewMap(&ebpf.MapSpec{Name: "go_par", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1})
				if err != nil {
					failed.Add(1)
					continue
				}
				inner.Close()
			}
		}()
	}
	wg.Wait()
	check(objects.GoArray.Lookup(uint32(0), &value))
	say("8 goroutines that run and load", value, failed.Load())

	// A call that takes long does not keep others waiting.
	done := make(chan error)
	go func() {
		_, err := objects.GoSum.Run(&ebpf.RunOptions{Data: make([]byte, 64), Repeat: 50000000})
		done <- err
	}()
	calls, long := 0, error(nil)
	for ended := false; !ended; {
		select {
		case long = <-done:
			ended = true
		default:
			check(m.Put(uint32(1), uint64(1)))
			calls++
		}
	}
	say("calls beside a long run", calls >= 10, long)
}

// The runtime preempts a goroutine that does not yield by SIGURG to its thread; here is much of it.
func signals() {
	m := newMap("signals", ebpf.Hash, 4, 8, 64)
	stop := make(chan bool)
	var wg sync.WaitGroup
	tids := make(chan int, 4)

	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread()
			tids <- unix.Gettid()
			value, n := uint64(0), 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				n++
				if err := m.Put(uint32(n%64), uint64(n)); err != nil {
					say("put", err)
					return
				}
				if err := m.Lookup(uint32(n%64), &value); err != nil {
					say("lookup", err)
					return
				}
				other, err := ebpf.NewMap(&ebpf.MapSpec{Name: "go_sig", Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 4})
				if err != nil {
					say("new", err)
					return
				}
				other.Close()
			}
		}()
	}
	sent := 0
	for range 4 {
		tid := <-tids
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 500 {
				unix.Tgkill(os.Getpid(), tid, syscall.SIGURG)
				time.Sleep(100 * time.Microsecond)
			}
		}()
		sent += 500
	}
	time.Sleep(200 * time.Millisecond)
	close(stop)
	wg.Wait()
	say("signals", sent)

	p := must(ebpf.NewProgram(&ebpf.ProgramSpec{Name: "go_sig", Type: ebpf.SocketFilter, License: "GPL", Instructions: one()}))
	ret, took, err := p.Benchmark(make([]byte, 14), 1000000, nil)
	say("a run of a million", ret, took >= 0, err)
	failed := 0
	for range 200 {
		q, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "go_sig", Type: ebpf.SocketFilter, License: "GPL", Instructions: one()})
		if err != nil {
			failed++
			continue
		}
		q.Close()
	}
	say("loads", failed)
}

// Maps that nobody has closed go when the collector finds them.
func finalizers() {
	made := make([]ebpf.MapID, 0, 50)
	func() {
		for range 50 {
			m := newMap("forgotten", ebpf.Hash, 4, 4, 1)
			made = append(made, first(must(m.Info()).ID()))
		}
	}()
	alive := func() int {
		n := 0
		for _, id := range made {
			if m, err := ebpf.NewMapFromID(id); err == nil {
				m.Close()
				n++
			} else if !errors.Is(err, os.ErrNotExist) {
				say("by id", err)
			}
		}
		return n
	}
	left := 50
	for range 100 {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
		if left = alive(); left == 0 {
			break
		}
	}
	say("left after collections", left)
	fds := 0
	for range 3 {
		entries := must(os.ReadDir("/proc/self/fd"))
		fds = len(entries)
	}
	say("descriptors", fds < 30)
}

// A map's descriptor in another program, by exec and by a socket.
func children() {
	m := newMap("child", ebpf.Array, 4, 4, 1)
	check(m.Put(uint32(0), uint32(5)))
	if len(os.Args) > 4 {
		inherited := must(ebpf.NewMapFromFD(3))
		var value uint32
		say("in the child", inherited.Type(), inherited.Lookup(uint32(0), &value), value, inherited.Put(uint32(0), uint32(6)))
		return
	}
	f := os.NewFile(uintptr(must(unix.Dup(m.FD()))), "map")
	cmd := exec.Command("/proc/self/exe", "children", dir, "-", "child")
	cmd.ExtraFiles = []*os.File{f}
	out, err := cmd.CombinedOutput()
	fmt.Print(string(out))
	var value uint32
	say("child", err, m.Lookup(uint32(0), &value), value)
	f.Close()

	pair := must(unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	check(unix.Sendmsg(pair[0], []byte{1}, unix.UnixRights(m.FD()), nil, 0))
	m.Close()
	oob := make([]byte, 64)
	_, n, _, _, err := unix.Recvmsg(pair[1], make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	check(err)
	messages := must(unix.ParseSocketControlMessage(oob[:n]))
	fds := must(unix.ParseUnixRights(&messages[0]))
	got, err := ebpf.NewMapFromFD(fds[0])
	say("by a socket", err, got.Lookup(uint32(0), &value), value)
	got.Close()
	raw := os.NewFile(uintptr(must(unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0))), "null")
	io.ReadAll(raw)
	raw.Close()
}
