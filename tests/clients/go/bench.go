// SPDX-License-Identifier: BSD-2-Clause

// What the calls of the library cost a static program: lines of NAME NANOSECONDS, of the least disturbed round.
package main

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Short ones: on a busy machine some are not disturbed.
const rounds = 50

func measure(name string, times int, f func()) {
	best := time.Duration(1 << 62)

	f()
	for range rounds {
		start := time.Now()
		for range times {
			f()
		}
		best = min(best, time.Since(start))
	}
	fmt.Printf("go_%s %.1f\n", name, float64(best.Nanoseconds())/float64(times))
}

func bench() {
	objects := load()
	defer clean()
	defer objects.Close()
	keys, values := make([]uint32, 1000), make([]uint64, 1000)
	m := newMap("bench", ebpf.Hash, 4, 8, 2000)
	var key uint32
	var value uint64
	packet := make([]byte, 64)

	for i := range keys {
		keys[i] = uint32(i)
	}
	check(m.Pin(at("bench")))
	check(objects.GoPass.Pin(at("prog")))
	measure("put", 250, func() { check(m.Put(uint32(1), uint64(2))) })
	measure("lookup", 250, func() { check(m.Lookup(uint32(1), &value)) })
	measure("batch_update_1000", 2, func() { must(m.BatchUpdate(keys, values, nil)) })
	measure("batch_lookup_1000", 2, func() {
		var cursor ebpf.MapBatchCursor
		got, _ := m.BatchLookup(&cursor, make([]uint32, 2000), make([]uint64, 2000), nil)
		if got != 1000 {
			check(ebpf.ErrKeyNotExist)
		}
	})
	measure("iterate_1000", 1, func() {
		for it := m.Iterate(); it.Next(&key, &value); {
		}
	})
	measure("map_info", 25, func() { must(m.Info()) })
	measure("map_create_close", 25, func() { newMap("one", ebpf.Array, 4, 8, 1).Close() })
	measure("map_load_pinned", 25, func() { must(ebpf.LoadPinnedMap(at("bench"), nil)).Close() })
	measure("map_by_id", 25, func() {
		id, err := ebpf.MapGetNextID(0)
		check(err)
		if other, err := ebpf.NewMapFromID(id); err == nil {
			other.Close()
		}
	})
	measure("prog_info", 10, func() { must(objects.GoPass.Info()) })
	measure("prog_load_pinned", 25, func() { must(ebpf.LoadPinnedProgram(at("prog"), nil)).Close() })
	measure("prog_run", 50, func() { objects.GoPass.Test(packet) })
	measure("prog_load", 5, func() {
		must(ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, License: "GPL", Instructions: one()})).Close()
	})
	measure("link_create_close", 10, func() {
		must(link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_enter", Program: objects.GoRawTp})).Close()
	})
	measure("collection", 1, func() {
		coll := must(ebpf.NewCollectionWithOptions(must(loadObjects()), *options()))
		coll.Close()
	})
}
