// SPDX-License-Identifier: BSD-2-Clause

// Readers of rings; others of these tests have producers in other processes.
package main

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
	"github.com/cilium/ebpf/ringbuf"
)

func ring() {
	objects := load()
	defer clean()
	defer objects.Close()
	rd, err := ringbuf.NewReader(objects.GoRing)
	say("reader", err)
	check(err)
	say("size", rd.BufferSize(), rd.AvailableBytes())
	rd.SetDeadline(time.Now().Add(20 * time.Millisecond))
	_, err = rd.Read()
	say("nothing", err)
	rd.SetDeadline(time.Now().Add(20 * time.Second))
	for _, size := range []int{14, 100, 1000} {
		ret, _, err := objects.GoTell.Test(make([]byte, size))
		say("run", ret, err)
	}
	for range 3 {
		rec, err := rd.Read()
		check(err)
		say("record", len(rec.RawSample), binary.LittleEndian.Uint32(rec.RawSample), rec.Remaining)
	}
	done := make(chan error)
	go func() {
		for {
			if _, err := rd.Read(); err != nil {
				done <- err
				return
			}
		}
	}()
	ret, err := objects.GoTell.Run(&ebpf.RunOptions{Data: make([]byte, 20), Repeat: 1000})
	say("many", ret <= 1, err)
	time.Sleep(20 * time.Millisecond)
	say("close", rd.Close(), rd.Close())
	say("the other goroutine", errors.Is(<-done, ringbuf.ErrClosed))
	_, err = ringbuf.NewReader(objects.GoHash)
	say("a hash", err)
}

func perfEvents() {
	objects := load()
	defer clean()
	defer objects.Close()
	rd, err := perf.NewReader(objects.GoPerf, 4096)
	say("reader", err)
	check(err)
	say("size", rd.BufferSize() > 0)
	rd.SetDeadline(time.Now().Add(20 * time.Millisecond))
	_, err = rd.Read()
	say("nothing", err)
	rd.SetDeadline(time.Now().Add(20 * time.Second))
	for _, size := range []int{14, 100, 1000} {
		ret, _, err := objects.GoPut.Test(make([]byte, size))
		say("run", ret, err)
	}
	sum := uint32(0)
	for range 3 {
		rec, err := rd.Read()
		check(err)
		sum += binary.LittleEndian.Uint32(rec.RawSample)
	}
	say("sum", sum)
	say("pause", rd.Pause())
	ret, _, err := objects.GoPut.Test(make([]byte, 50))
	say("run while paused", ret, err)
	say("resume", rd.Resume())
	ret, _, err = objects.GoPut.Test(make([]byte, 51))
	say("run", ret, err)
	rec, err := rd.Read()
	check(err)
	say("record", binary.LittleEndian.Uint32(rec.RawSample), rec.LostSamples, rec.Remaining)
	done := make(chan error)
	go func() {
		rd.SetDeadline(time.Time{})
		_, err := rd.Read()
		done <- err
	}()
	time.Sleep(20 * time.Millisecond)
	say("close", rd.Close())
	say("the other goroutine", <-done)
	ret, _, err = objects.GoPut.Test(make([]byte, 50))
	say("run after close", ret, err)
	_, err = perf.NewReader(objects.GoHash, 4096)
	say("a hash", err)
}
