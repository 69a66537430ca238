// SPDX-License-Identifier: BSD-2-Clause

// cilium/ebpf's ringbuf.Reader, as it comes, in a program without cgo.
//
//	ring OBJECT DIR PUT
//
// Loads the object, pins its program in DIR, has PUT run it in other processes, and prints what it saw.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
)

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	return v
}

type seen struct {
	n, wrong int
	next     uint64
}

func (s *seen) take(raw []byte) {
	var number uint64

	for i := 7; i >= 0; i-- {
		number = number<<8 | uint64(raw[i])
	}
	if len(raw) != 16 || number != s.next {
		s.wrong++
	}
	s.next = number + 1
	s.n++
}

func why(err error) string {
	switch {
	case err == nil:
		return "no error"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "deadline"
	case errors.Is(err, ringbuf.ErrClosed):
		return "closed"
	case errors.Is(err, ringbuf.ErrFlushed):
		return "flushed"
	}
	return err.Error()
}

// Reads until n records are there or an error comes.
func (s *seen) read(rd *ringbuf.Reader, n int) error {
	for s.n < n {
		rec, err := rd.Read()
		if err != nil {
			return err
		}
		s.take(rec.RawSample)
	}
	return nil
}

func main() {
	object, dir, put := os.Args[1], os.Args[2], os.Args[3]
	pin := filepath.Join(dir, "tell")
	coll := must(ebpf.LoadCollection(object))
	prog, ring := coll.Programs["tell"], coll.Maps["events"]
	var s seen

	if err := prog.Pin(pin); err != nil {
		fmt.Println("pin:", err)
		os.Exit(1)
	}
	rd := must(ringbuf.NewReader(ring))
	tell := func(args ...string) *exec.Cmd {
		cmd := exec.Command(put, append([]string{pin}, args...)...)
		if err := cmd.Start(); err != nil {
			fmt.Println("start:", err)
			os.Exit(1)
		}
		return cmd
	}

	rd.SetDeadline(time.Now().Add(50 * time.Millisecond))
	err := s.read(rd, 1)
	fmt.Println("nothing:", s.n, why(err))
	rd.SetDeadline(time.Now())
	fmt.Println("a deadline that is over:", why(s.read(rd, 1)))

	rd.SetDeadline(time.Now().Add(20 * time.Second))
	cmd := tell("1000")
	err = s.read(rd, 1000)
	fmt.Println("of another process:", s.n, s.wrong, why(err), cmd.Wait())
	cmd = tell("100", "0", "2000")
	err = s.read(rd, 1100)
	fmt.Println("one by one:", s.n, s.wrong, why(err), cmd.Wait())

	tell("5", "1").Wait()
	rd.SetDeadline(time.Now().Add(100 * time.Millisecond))
	err = s.read(rd, 2000)
	fmt.Println("quiet ones are there, sooner or later:", s.n == 1100 || s.n == 1105, why(err))
	rd.SetDeadline(time.Now().Add(20 * time.Second))
	cmd = tell("1", "2")
	err = s.read(rd, 1106)
	fmt.Println("then a forced one:", s.n, s.wrong, why(err), cmd.Wait())

	rd.SetDeadline(time.Time{})
	flushed := make(chan error)
	go func() { _, err := rd.Read(); flushed <- err }()
	time.Sleep(50 * time.Millisecond)
	rd.Flush()
	fmt.Println("flush in another goroutine:", why(<-flushed))

	done := make(chan error)
	go func() { done <- s.read(rd, 1<<30) }()
	cmd = tell("500")
	cmd.Wait()
	time.Sleep(200 * time.Millisecond)
	rd.Close()
	fmt.Println("closed in another goroutine:", why(<-done), s.n, s.wrong)

	// A second reader of the same ring, and one that leaves the map to its mapping.
	s.n, s.wrong = 0, 0
	rd = must(ringbuf.NewReader(ring))
	copied := must(ring.Clone())
	coll.Close()
	rd.SetDeadline(time.Now().Add(20 * time.Second))
	cmd = tell("300")
	err = s.read(rd, 300)
	fmt.Println("the map closed:", s.n, s.wrong, why(err), cmd.Wait())
	fmt.Println("size:", rd.BufferSize(), "left:", rd.AvailableBytes())
	rd.Close()
	copied.Close()
	_, err = rd.Read()
	fmt.Println("after close:", why(err))
	fmt.Println(strconv.Itoa(len(os.Args)-1), "arguments, done")
}
