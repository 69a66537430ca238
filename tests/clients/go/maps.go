// SPDX-License-Identifier: BSD-2-Clause

// Maps of every kind that people fill by hand.
package main

import (
	"errors"
	"fmt"
	"net/netip"
	"sort"
	"syscall"

	"github.com/cilium/ebpf"
)

func maps() {
	objects := load()
	defer objects.Close()
	m := objects.GoHash
	var out objectsPair

	say("map", m.Type(), m.KeySize(), m.ValueSize(), m.MaxEntries(), m.Flags(), m.IsPinned())
	say("by name is pinned", objects.GoByName.IsPinned())
	pair := objectsPair{Left: 5, Right: -3, Tag: [6]int8{'a', 'b'}}
	say("put", m.Put(uint32(1), pair))
	say("lookup", m.Lookup(uint32(1), &out), out == pair)
	say("lookup of nothing", m.Lookup(uint32(2), &out))
	raw, err := m.LookupBytes(uint32(1))
	say("bytes", raw, err)
	raw, err = m.LookupBytes(uint32(2))
	say("bytes of nothing", raw == nil, err)
	say("update, no exist", m.Update(uint32(1), pair, ebpf.UpdateNoExist))
	say("update, exist", m.Update(uint32(2), pair, ebpf.UpdateExist))
	pair.Left = 6
	say("update, exist", m.Update(uint32(1), pair, ebpf.UpdateExist))
	say("update, no exist", m.Update(uint32(2), pair, ebpf.UpdateNoExist))
	say("update, bad flags", m.Update(uint32(2), pair, 1<<20))
	say("wrong key size", m.Put(uint64(1), pair))
	say("wrong value size", m.Put(uint32(1), uint16(2)))
	say("lookup and delete", m.LookupAndDelete(uint32(1), &out), out.Left, out.Right)
	say("lookup and delete of nothing", m.LookupAndDelete(uint32(1), &out))
	say("delete", m.Delete(uint32(2)))
	say("delete of nothing", m.Delete(uint32(2)))
	say("next key of an empty map", m.NextKey(nil, new(uint32)))

	for key := uint32(0); key < 64; key++ {
		check(m.Put(key, objectsPair{Left: key * key}))
	}
	say("one too many", m.Put(uint32(64), pair))
	say("an old one in a full map", m.Put(uint32(63), objectsPair{Left: 63 * 63}))
	var key, sum, n uint32
	it := m.Iterate()
	for it.Next(&key, &out) {
		if out.Left == key*key {
			sum += key
		}
		n++
	}
	say("iterate", n, sum, it.Err())
	n, sum = 0, 0
	var from any
	for m.NextKey(from, &key) == nil {
		n, sum = n+1, sum+key
		from = key
	}
	say("next key", n, sum, m.NextKey(from, &key))
	next, err := m.NextKeyBytes(from)
	say("next key bytes at the end", next == nil, err)
	next, err = m.NextKeyBytes(nil)
	say("next key bytes at the start", len(next), err)
	it = m.Iterate()
	n = 0
	for it.Next(&key, &out) {
		check(m.Delete(key))
		n++
	}
	say("iterate and delete", n == 64 || it.Err() != nil, m.NextKey(nil, &key) != nil || n < 64)

	array := objects.GoArray
	var value uint64
	say("array", array.Put(uint32(3), uint64(9)), array.Lookup(uint32(3), &value), value)
	say("array, beyond", array.Put(uint32(8), uint64(9)), array.Lookup(uint32(8), &value))
	say("array, no exist", array.Update(uint32(3), uint64(1), ebpf.UpdateNoExist))
	say("array, delete", array.Delete(uint32(3)))
	n = 0
	it = array.Iterate()
	for it.Next(&key, &value) {
		n++
	}
	say("array, iterate", n, it.Err())
	say("array, lookup and delete", array.LookupAndDelete(uint32(3), &value))

	lru := newMap("lru", ebpf.LRUHash, 4, 4, 16)
	for key := uint32(0); key < 100; key++ {
		check(lru.Put(key, key))
	}
	say("lru, the last is there", lru.Lookup(uint32(99), &key), key)
	clone := must(lru.Clone())
	lru.Close()
	say("a clone of a closed map", clone.Lookup(uint32(99), &key), key)
	say("a closed map", lru.Lookup(uint32(99), &key))
	clone.Close()

	for _, spec := range []*ebpf.MapSpec{
		{Type: ebpf.Hash, KeySize: 0, ValueSize: 4, MaxEntries: 1},
		{Type: ebpf.Hash, KeySize: 4, ValueSize: 4},
		{Type: ebpf.Array, KeySize: 8, ValueSize: 4, MaxEntries: 1},
		{Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1, Flags: 1 << 30},
		{Type: ebpf.RingBuf, MaxEntries: 100},
		{Type: ebpf.LPMTrie, KeySize: 8, ValueSize: 4, MaxEntries: 1},
		{Type: ebpf.MapType(77), KeySize: 4, ValueSize: 4, MaxEntries: 1},
		{Type: ebpf.Hash, KeySize: 4, ValueSize: 1 << 30, MaxEntries: 1},
		{Type: ebpf.StructOpsMap, KeySize: 4, ValueSize: 4, MaxEntries: 1},
		{Name: "a name that is too long for it", Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1},
		{Name: "bad-name", Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	} {
		m, err := ebpf.NewMap(spec)
		say(fmt.Sprint("new ", spec.Type, " ", spec.Name, spec.KeySize, spec.ValueSize, spec.MaxEntries, spec.Flags), err)
		if err == nil {
			say("its name", must(m.Info()).Name)
			m.Close()
		}
	}
	contents := must(ebpf.NewMap(&ebpf.MapSpec{Name: "go_contents", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 3,
		Contents: []ebpf.MapKV{{Key: uint32(0), Value: uint32(4)}, {Key: uint32(2), Value: uint32(6)}}}))
	say("contents", contents.Lookup(uint32(2), &key), key)
	say("freeze", contents.Freeze(), contents.Put(uint32(0), uint32(1)), contents.Lookup(uint32(0), &key), key)
	say("frozen", must(contents.Info()).Frozen())
	say("freeze again", contents.Freeze())
}

func batch() {
	var keys, values []uint32

	for i := uint32(0); i < 1000; i++ {
		keys, values = append(keys, i), append(values, i*3)
	}
	for _, kind := range []ebpf.MapType{ebpf.Hash, ebpf.Array, ebpf.LRUHash, ebpf.LPMTrie, ebpf.Queue, ebpf.HashOfMaps} {
		key, inner := uint32(4), (*ebpf.MapSpec)(nil)
		spec := &ebpf.MapSpec{Name: "go_batch", Type: kind, KeySize: key, ValueSize: 4, MaxEntries: 1000, InnerMap: inner}
		switch kind {
		case ebpf.LPMTrie:
			spec.KeySize, spec.Flags = 8, 1
		case ebpf.Queue:
			spec.KeySize = 0
		case ebpf.HashOfMaps:
			spec.InnerMap = &ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}
		case ebpf.LRUHash:
			spec.MaxEntries = 4000
		}
		m := must(ebpf.NewMap(spec))
		what := kind.String()
		if kind != ebpf.Hash && kind != ebpf.Array && kind != ebpf.LRUHash {
			n, err := m.BatchUpdate(keys[:2], values[:2], nil)
			say(what+", update", n, err)
			m.Close()
			continue
		}
		n, err := m.BatchUpdate(keys, values, nil)
		say(what+", update", n, err)
		n, err = m.BatchUpdate(keys, values[:999], nil)
		say(what+", update, lengths differ", n, err)
		n, err = m.BatchUpdate(keys[:3], values[:3], &ebpf.BatchOptions{ElemFlags: uint64(ebpf.UpdateNoExist)})
		say(what+", update, no exist", n, err)
		n, err = m.BatchUpdate(keys[:3], values[:3], &ebpf.BatchOptions{Flags: 8})
		say(what+", update, bad flags", n, err)

		var cursor ebpf.MapBatchCursor
		gotKeys, gotValues := make([]uint32, 300), make([]uint32, 300)
		got := map[uint32]uint32{}
		ended := false
		for calls := 0; calls < 20 && !ended; calls++ {
			n, err = m.BatchLookup(&cursor, gotKeys, gotValues, nil)
			for i := range n {
				got[gotKeys[i]] = gotValues[i]
			}
			if ended = errors.Is(err, ebpf.ErrKeyNotExist); err != nil && !ended {
				break
			}
		}
		right := 0
		for key, value := range got {
			if value == key*3 {
				right++
			}
		}
		say(what+", lookup", len(got), right, ended, err)
		n, err = m.BatchLookup(&cursor, make([]uint32, 100), make([]uint32, 100), nil)
		say(what+", a cursor with another length", n, err)
		cursor = ebpf.MapBatchCursor{}
		if kind != ebpf.Array {
			n, err = m.BatchLookup(&cursor, make([]uint32, 1), make([]uint32, 1), nil)
			say(what+", lookup of one", n <= 1, err == nil || errors.Is(err, syscall.ENOSPC))
		}
		n, err = m.BatchDelete(keys[:100], nil)
		say(what+", delete", n, err)
		n, err = m.BatchDelete(keys[90:110], nil)
		say(what+", delete, some gone", n, err)
		cursor = ebpf.MapBatchCursor{}
		allKeys, allValues := make([]uint32, 2000), make([]uint32, 2000)
		n, err = m.BatchLookupAndDelete(&cursor, allKeys, allValues, nil)
		say(what+", lookup and delete", n, err)
		cursor = ebpf.MapBatchCursor{}
		n, err = m.BatchLookup(&cursor, allKeys, allValues, nil)
		say(what+", what is left", n, err)
		m.Close()
	}

	cpus := ebpf.MustPossibleCPU()
	m := newMap("batch_cpu", ebpf.PerCPUHash, 4, 8, 100)
	some := make([]uint64, 10*cpus)
	for i := range some {
		some[i] = uint64(i)
	}
	n, err := m.BatchUpdate(keys[:10], some, nil)
	say("per CPU, update", n, err)
	var cursor ebpf.MapBatchCursor
	gotKeys, got := make([]uint32, 100), make([]uint64, 100*cpus)
	n, err = m.BatchLookup(&cursor, gotKeys, got, nil)
	say("per CPU, lookup", n, err)
	right := 0
	for i := range n {
		if got[i*cpus+cpus-1] == uint64(int(gotKeys[i])*cpus+cpus-1) {
			right++
		}
	}
	say("per CPU, right", right)
}

func perCPU() {
	cpus := ebpf.MustPossibleCPU()

	say("possible CPUs", cpus > 0)
	for _, kind := range []ebpf.MapType{ebpf.PerCPUHash, ebpf.PerCPUArray, ebpf.LRUCPUHash} {
		m := newMap("percpu", kind, 4, 3, 4)
		in, out := make([][]byte, cpus), [][]byte{}
		for i := range in {
			in[i] = []byte{byte(i), 7, byte(2 * i)}
		}
		say(kind.String()+", put", m.Put(uint32(1), in))
		say(kind.String()+", lookup", m.Lookup(uint32(1), &out), fmt.Sprint(out) == fmt.Sprint(in))
		say(kind.String()+", too few values", m.Put(uint32(1), in[1:]))
		say(kind.String()+", one value", m.Put(uint32(1), in[0]))
		raw, err := m.LookupBytes(uint32(1))
		say(kind.String()+", bytes", len(raw) == 8*cpus, err)
		it, key, n := m.Iterate(), uint32(0), 0
		for it.Next(&key, &out) {
			n++
		}
		say(kind.String()+", iterate", n, it.Err())
		say(kind.String()+", delete", m.Delete(uint32(1)))
		if kind != ebpf.PerCPUArray {
			check(m.Put(uint32(2), in))
			say(kind.String()+", lookup and delete", m.LookupAndDelete(uint32(2), &out), out[cpus-1][1])
		}
		m.Close()
	}
}

func nested() {
	objects := load()
	defer objects.Close()
	outer := objects.GoOuter
	var id uint32
	var got *ebpf.Map

	inner := newMap("inner", ebpf.Array, 4, 4, 3)
	say("put", outer.Put(uint32(1), inner))
	say("id", outer.Lookup(uint32(1), &id), id == uint32(first(must(inner.Info()).ID())))
	say("map", outer.Lookup(uint32(1), &got))
	check(inner.Put(uint32(2), uint32(77)))
	inner.Close()
	say("the inner map, by the outer one", got.Lookup(uint32(2), &id), id)
	bigger := newMap("bigger", ebpf.Array, 4, 4, 4)
	say("other entries", outer.Put(uint32(2), bigger))
	hash := newMap("hash", ebpf.Hash, 4, 4, 3)
	say("other type", outer.Put(uint32(2), hash))
	say("itself", outer.Put(uint32(2), outer))
	say("not a map", outer.Put(uint32(2), objects.GoCount.FD()))
	say("no fd", outer.Put(uint32(2), uint32(9999)))
	it := outer.Iterate()
	var key, n uint32
	for it.Next(&key, &got) {
		n++
	}
	say("iterate", n, it.Err())
	say("delete", outer.Delete(uint32(1)), outer.Lookup(uint32(1), &got))

	for _, kind := range []ebpf.MapType{ebpf.ArrayOfMaps, ebpf.HashOfMaps} {
		m, err := ebpf.NewMap(&ebpf.MapSpec{Name: "go_made", Type: kind, KeySize: 4, ValueSize: 4, MaxEntries: 2,
			InnerMap: &ebpf.MapSpec{Type: ebpf.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 5},
			Contents: []ebpf.MapKV{}})
		say("new "+kind.String(), err)
		say("lookup of an empty one", m.Lookup(uint32(0), &got))
		_, err = ebpf.NewMap(&ebpf.MapSpec{Type: kind, KeySize: 4, ValueSize: 4, MaxEntries: 2,
			InnerMap: &ebpf.MapSpec{Type: kind, KeySize: 4, ValueSize: 4, MaxEntries: 2,
				InnerMap: &ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}}})
		say("three deep", err)
		m.Close()
	}

	calls := objects.GoCalls
	say("program array", calls.Put(uint32(1), objects.GoPass))
	say("another type", calls.Put(uint32(2), objects.GoTc))
	ret, _, err := objects.GoJump.Test(make([]byte, 14))
	say("tail call", ret, err)
	say("program id", calls.Lookup(uint32(1), &id), id == uint32(first(must(objects.GoPass.Info()).ID())))
	var prog *ebpf.Program
	say("program", calls.Lookup(uint32(1), &prog), prog.Type())
	say("delete", calls.Delete(uint32(1)), calls.Delete(uint32(1)))
	ret, _, err = objects.GoJump.Test(make([]byte, 14))
	say("tail call to nothing", ret, err)
}

func first[T any](v T, ok bool) T { return v }

func queues() {
	for _, kind := range []ebpf.MapType{ebpf.Queue, ebpf.Stack} {
		m := newMap("queue", kind, 0, 4, 3)
		var out uint32
		say(kind.String()+", empty", m.Lookup(nil, &out), m.LookupAndDelete(nil, &out))
		for i := uint32(1); i <= 4; i++ {
			say(kind.String()+", put", m.Put(nil, i))
		}
		say(kind.String()+", put over the oldest", m.Update(nil, uint32(5), ebpf.UpdateExist))
		say(kind.String()+", peek", m.Lookup(nil, &out), out)
		for range 3 {
			say(kind.String()+", pop", m.LookupAndDelete(nil, &out), out)
		}
		say(kind.String()+", pop of nothing", m.LookupAndDelete(nil, &out))
		say(kind.String()+", delete", m.Delete(nil))
		say(kind.String()+", next key", m.NextKey(nil, &out))
		m.Close()
	}
	bloom := must(ebpf.NewMap(&ebpf.MapSpec{Name: "go_bloom", Type: ebpf.BloomFilter, ValueSize: 4, MaxEntries: 100, MapExtra: 3}))
	say("bloom, put", bloom.Put(nil, uint32(42)))
	say("bloom, lookup", bloom.Lookup(nil, uint32(42)))
	info := must(bloom.Info())
	extra, has := info.MapExtra()
	say("bloom, extra", extra, has)
}

type prefix struct {
	Len  uint32
	Addr [4]byte
}

func tries() {
	m := must(ebpf.NewMap(&ebpf.MapSpec{Name: "go_trie", Type: ebpf.LPMTrie, KeySize: 8, ValueSize: 4, MaxEntries: 10, Flags: 1}))
	var out uint32
	for i, text := range []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "192.168.0.0/16", "0.0.0.0/0"} {
		p := netip.MustParsePrefix(text)
		say("put "+text, m.Put(prefix{uint32(p.Bits()), p.Addr().As4()}, uint32(i)))
	}
	for _, text := range []string{"10.1.2.3", "10.1.3.3", "10.2.0.1", "192.168.1.1", "8.8.8.8"} {
		say("lookup "+text, m.Lookup(prefix{32, netip.MustParseAddr(text).As4()}, &out), out)
	}
	say("too long", m.Put(prefix{33, [4]byte{}}, uint32(0)), m.Lookup(prefix{33, [4]byte{}}, &out))
	var keys []string
	var key prefix
	it := m.Iterate()
	for it.Next(&key, &out) {
		keys = append(keys, fmt.Sprintf("%v/%d", key.Addr, key.Len))
	}
	say("iterate, in this order", keys, it.Err())
	say("delete", m.Delete(prefix{16, [4]byte{10, 1, 0, 0}}), m.Delete(prefix{16, [4]byte{10, 1, 0, 0}}))
	say("lookup 10.1.3.3", m.Lookup(prefix{32, [4]byte{10, 1, 3, 3}}, &out), out)
}

func flags() {
	spec := ebpf.MapSpec{Name: "go_flags", Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 2}
	for _, flag := range []uint32{0x1, 0x4, 0x8, 0x10, 0x18, 0x80, 0x100, 0x180, 0x400, 0x800, 0x1000, 0x2000} {
		spec.Flags = flag
		m, err := ebpf.NewMap(&spec)
		say(fmt.Sprintf("hash, flags %#x", flag), err)
		if err != nil {
			continue
		}
		say("flags", m.Flags(), must(m.Info()).Flags)
		say("put", m.Put(uint32(1), uint32(1)), m.Lookup(uint32(1), new(uint32)))
		m.Close()
	}
	var kept []string
	for kind := ebpf.Hash; kind <= ebpf.Arena; kind++ {
		m, err := ebpf.NewMap(&ebpf.MapSpec{Type: kind, KeySize: 4, ValueSize: 4, MaxEntries: 1})
		if err == nil {
			kept = append(kept, kind.String())
			m.Close()
		}
	}
	sort.Strings(kept)
	say("types that 4, 4, 1 makes", kept)
}

func variables() {
	spec := must(loadObjects())
	say("constants", spec.Variables["limit"].Constant(), spec.Variables["total"].Constant(), spec.Variables["limit"])
	check(spec.Variables["limit"].Set(uint32(20)))
	say("too big a value", spec.Variables["limit"].Set(uint64(20)))
	var objects objectsObjects
	check(spec.LoadAndAssign(&objects, options()))
	defer objects.Close()
	var limit uint32
	var total uint64
	var verdict objectsVerdict
	var greeting [16]byte
	say("limit", objects.Limit.Get(&limit), limit, objects.Limit.ReadOnly(), objects.Limit.Set(uint32(1)))
	say("greeting", objects.Greeting.Get(&greeting), string(greeting[:5]), objects.Greeting.Size(), objects.Greeting.Type())
	copy(greeting[:], "good bye")
	say("set", objects.Greeting.Set(greeting), objects.Greeting.Get(&greeting), string(greeting[:8]))
	for _, size := range []int{14, 30, 20} {
		ret, _, err := objects.GoCount.Test(make([]byte, size))
		say("run", ret, err)
	}
	say("total", objects.Total.Get(&total), total, objects.Total.Set(uint64(0)))
	say("verdict", objects.LastVerdict.Get(&verdict), verdict == objectsVerdictVERDICT_SEEN)
}

func memory() {
	m := must(ebpf.NewMap(&ebpf.MapSpec{Name: "go_memory", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 4, Flags: 0x400}))
	mm, err := m.Memory()
	say("memory", err)
	check(err)
	say("size", mm.Size(), mm.ReadOnly())
	n, err := mm.WriteAt([]byte{1, 2, 3, 4, 5, 6, 7, 8}, 8)
	say("write", n, err)
	raw, err := m.LookupBytes(uint32(1))
	say("seen by lookup", raw, err)
	check(m.Put(uint32(2), uint64(0x0102)))
	buf := make([]byte, 8)
	n, err = mm.ReadAt(buf, 16)
	say("read", n, err, buf)
	n, err = mm.ReadAt(buf, 4092)
	say("read beyond", n, err)
	n, err = mm.WriteAt(buf, 4096)
	say("write beyond", n, err)
	plain := newMap("plain", ebpf.Array, 4, 8, 4)
	_, err = plain.Memory()
	say("a map without", err)
	hash := newMap("plain", ebpf.Hash, 4, 8, 4)
	_, err = hash.Memory()
	say("a hash", err)
}
