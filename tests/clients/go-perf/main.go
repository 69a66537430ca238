// SPDX-License-Identifier: BSD-2-Clause

// The perf.Reader of cilium/ebpf, in a static program: samples, losses, waiting, pausing.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/perf"
	"golang.org/x/sys/unix"
)

var checks, failed int

func ok(good bool, format string, args ...any) {
	checks++
	word := "ok"
	if !good {
		word = "not ok"
		failed++
	}
	fmt.Printf("%s %d - %s\n", word, checks, fmt.Sprintf(format, args...))
}

func must(err error, what string) {
	if err != nil {
		fmt.Printf("Bail out! %s: %v\n", what, err)
		os.Exit(1)
	}
}

// Puts 12 bytes out: a word, and the first 8 of the packet.
func program(events *ebpf.Map) *ebpf.Program {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:    ebpf.XDP,
		License: "GPL",
		Instructions: asm.Instructions{
			asm.StoreImm(asm.R10, -8, 0x1234, asm.Word),
			asm.LoadMapPtr(asm.R2, events.FD()),
			asm.LoadImm(asm.R3, 8<<32|0xffffffff, asm.DWord),
			asm.Mov.Reg(asm.R4, asm.R10),
			asm.Add.Imm(asm.R4, -8),
			asm.Mov.Imm(asm.R5, 4),
			asm.FnPerfEventOutput.Call(),
			asm.Return(),
		},
	})
	must(err, "program")
	return p
}

func run(p *ebpf.Program, n uint64) uint32 {
	packet := make([]byte, 64)
	binary.LittleEndian.PutUint64(packet, n)
	ret, err := p.Run(&ebpf.RunOptions{Data: packet})
	must(err, "run")
	return ret
}

func whole(r *perf.Record, n uint64) bool {
	return len(r.RawSample) >= 12 && binary.LittleEndian.Uint32(r.RawSample) == 0x1234 &&
		binary.LittleEndian.Uint64(r.RawSample[4:]) == n
}

func plain(events *ebpf.Map, p *ebpf.Program) {
	rd, err := perf.NewReader(events, 4096)
	must(err, "reader")
	ok(rd.BufferSize() == 4096, "a buffer of %d bytes", rd.BufferSize())
	good := 0
	for n := uint64(0); n < 500; n++ {
		ret := run(p, n)
		rec, err := rd.Read()
		must(err, "read")
		if ret == 0 && whole(&rec, n) && rec.LostSamples == 0 && rec.CPU == 0 {
			good++
		}
	}
	ok(good == 500, "%d records, one after the other", good)

	fits := uint64(0)
	for n := uint64(0); n < 300; n++ {
		if run(p, n) == 0 {
			fits++
		}
	}
	read := uint64(0)
	for ; read < fits; read++ {
		rec, err := rd.Read()
		must(err, "read")
		if !whole(&rec, read) {
			break
		}
	}
	ok(fits > 0 && fits < 300 && read == fits, "%d of 300 had room, and came", fits)
	run(p, 7)
	rec, err := rd.Read()
	must(err, "read")
	ok(rec.LostSamples == 300-fits, "%d are told lost", rec.LostSamples)
	rec, err = rd.Read()
	must(err, "read")
	ok(whole(&rec, 7), "and the next comes")

	rd.SetDeadline(time.Now().Add(50 * time.Millisecond))
	_, err = rd.Read()
	ok(errors.Is(err, os.ErrDeadlineExceeded), "nothing more: %v", err)
	rd.SetDeadline(time.Time{})

	go func() {
		time.Sleep(100 * time.Millisecond)
		runtime.LockOSThread()
		stay()
		run(p, 99)
	}()
	rec, err = rd.Read()
	must(err, "read")
	ok(whole(&rec, 99), "a reader that waits is woken")

	must(rd.Pause(), "pause")
	ok(int32(run(p, 1)) == -int32(unix.ENOENT), "paused, there is no event")
	must(rd.Resume(), "resume")
	ok(run(p, 2) == 0, "resumed")
	rec, err = rd.Read()
	must(err, "read")
	ok(whole(&rec, 2), "and the record comes")

	go func() {
		time.Sleep(50 * time.Millisecond)
		rd.Close()
	}()
	_, err = rd.Read()
	ok(errors.Is(err, perf.ErrClosed), "closed under a reader: %v", err)
	time.Sleep(100 * time.Millisecond)
	ok(int32(run(p, 1)) == -int32(unix.ENOSPC), "then there is no ring")
}

func watermark(events *ebpf.Map, p *ebpf.Program) {
	rd, err := perf.NewReaderWithOptions(events, 4096, perf.ReaderOptions{Watermark: 1000})
	must(err, "reader")
	for n := uint64(0); n < 10; n++ {
		run(p, n)
	}
	rd.SetDeadline(time.Now().Add(50 * time.Millisecond))
	n := uint64(0)
	for ; ; n++ {
		rec, err := rd.Read()
		if err != nil || !whole(&rec, n) {
			break
		}
	}
	ok(n == 10 || n == 0, "below the watermark: read at the deadline or not at all")
	rd.SetDeadline(time.Now().Add(5 * time.Second))
	for i := uint64(10); i < 60; i++ {
		run(p, i)
	}
	for ; n < 60; n++ {
		rec, err := rd.Read()
		if err != nil || !whole(&rec, n) {
			break
		}
	}
	ok(n >= 31, "above it, it is woken")
	rd.Close()
}

func overwritable(events *ebpf.Map, p *ebpf.Program) {
	rd, err := perf.NewReaderWithOptions(events, 4096, perf.ReaderOptions{Overwritable: true})
	must(err, "reader")
	for n := uint64(0); n < 1000; n++ {
		run(p, n)
	}
	must(rd.Pause(), "pause")
	rd.SetDeadline(time.Now())
	n, good := 0, 0
	for {
		rec, err := rd.Read()
		if err != nil {
			break
		}
		if whole(&rec, uint64(999-n)) {
			good++
		}
		n++
	}
	ok(n > 100 && good == n, "of 1000 the newest %d are there, newest first", n)
	rd.Close()
}

func stay() {
	var set unix.CPUSet
	set.Set(0)
	must(unix.SchedSetaffinity(0, &set), "affinity")
}

func main() {
	runtime.LockOSThread()
	stay()
	events, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerfEventArray, Name: "events"})
	must(err, "map")
	p := program(events)
	plain(events, p)
	watermark(events, p)
	overwritable(events, p)
	fmt.Printf("1..%d\n", checks)
	if failed > 0 {
		os.Exit(1)
	}
}
