// SPDX-License-Identifier: BSD-2-Clause

// Pins: made, moved, found again by the next run, and refused where they do not fit.
package main

import (
	"fmt"
	"os"
	"slices"
	"sort"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/pin"
)

func pins() {
	objects := load()
	say("in the directory", list())
	say("by name", objects.GoByName.Put(uint32(1), uint64(11)))
	say("pin", objects.GoHash.Pin(at("hash")), objects.GoHash.IsPinned())
	say("pin again", objects.GoHash.Pin(at("hash")))
	say("pin elsewhere", objects.GoHash.Pin(at("moved")), list())
	say("over another pin", objects.GoArray.Pin(at("moved")), objects.GoArray.IsPinned())
	say("move over another pin", objects.GoByName.Pin(at("moved")))
	say("pin where there is no directory", objects.GoArray.Pin(at("no/where")))
	say("pin in a directory that is none", objects.GoArray.Pin(at("moved/where")))
	say("pin outside", objects.GoArray.Pin("/tmp/pinfs-go-outside"))
	say("pin with a dot", objects.GoArray.Pin(at("a.b")))
	check(os.Mkdir(at("sub"), 0700))
	say("pin in a new directory", objects.GoArray.Pin(at("sub/array")))
	say("rename by hand", os.Rename(at("sub/array"), at("sub/other")))
	say("pin of one that was renamed", objects.GoArray.Pin(at("sub/third")))
	say("unpin", objects.GoHash.Unpin(), objects.GoHash.IsPinned(), list())
	say("unpin again", objects.GoHash.Unpin())
	say("remove by hand, then unpin", os.Remove(at("sub/third")), objects.GoArray.Unpin())

	say("program", objects.GoPass.Pin(at("pass")), objects.GoPass.IsPinned())
	say("program, again by another", objects.GoSum.Pin(at("pass")))
	clone := must(objects.GoPass.Clone())
	say("a clone", clone.IsPinned(), clone.Pin(at("clone")))
	clone.Close()
	check(objects.GoCount.Pin(at("count")))
	say("at the end", list())
	objects.Close()
}

// What the run before has left.
func pinsAgain() {
	var value uint64

	say("there", list())
	objects := load()
	say("by name", objects.GoByName.Lookup(uint32(1), &value), value)
	say("program, as in the first run", objects.GoPass.Pin(at("pass")))
	m, err := ebpf.LoadPinnedMap(at("go_by_name"), nil)
	say("map", err)
	say("the same", first(must(m.Info()).ID()) == first(must(objects.GoByName.Info()).ID()), m.IsPinned())
	objects.Close()

	for _, opts := range []*ebpf.LoadPinOptions{{ReadOnly: true}, {WriteOnly: true}, {ReadOnly: true, WriteOnly: true}, {Flags: 1 << 12}} {
		m, err := ebpf.LoadPinnedMap(at("go_by_name"), opts)
		say(fmt.Sprintf("map with %v", *opts), err)
		if err != nil {
			continue
		}
		say("put", m.Put(uint32(2), uint64(2)))
		say("lookup", m.Lookup(uint32(1), &value))
		say("next key", m.NextKey(nil, new(uint32)))
		say("freeze", m.Freeze())
		_, err = m.Info()
		say("info", err)
		_, err = m.Clone()
		say("clone", err)
		m.Close()
	}
	prog, err := ebpf.LoadPinnedProgram(at("count"), nil)
	say("program", err, prog.Type(), prog.IsPinned())
	ret, _, err := prog.Test(make([]byte, 20))
	say("run", ret, err)
	_, err = ebpf.LoadPinnedProgram(at("count"), &ebpf.LoadPinOptions{ReadOnly: true})
	say("program, read only", err)
	_, err = ebpf.LoadPinnedProgram(at("go_by_name"), nil)
	say("a map as program", err)
	_, err = ebpf.LoadPinnedMap(at("pass"), nil)
	say("a program as map", err)
	_, err = link.LoadPinnedLink(at("pass"), nil)
	say("a program as link", err)
	_, err = ebpf.LoadPinnedMap(at("nothing"), nil)
	say("nothing", err)
	_, err = ebpf.LoadPinnedMap(at("sub"), nil)
	say("a directory", err)
	_, err = ebpf.LoadPinnedMap("/etc/passwd", nil)
	say("a file", err)
	_, err = ebpf.LoadPinnedMap(at("a.b"), nil)
	say("a dot", err)

	say("unpin", m.Unpin(), list())
	say("use of it still", m.Lookup(uint32(1), &value), value)
	objects = load()
	say("a new one", objects.GoByName.Lookup(uint32(1), &value))
	objects.Close()
	info, err := os.Stat(at("go_by_name"))
	say("stat", err, info.Mode(), info.Size(), info.IsDir())
	clean()
	say("clean", list())
}

// Pins that a loader finds by their names, by a spec that fits or does not.
func reuse() {
	spec := ebpf.MapSpec{Name: "go_shared", Type: ebpf.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 16, Pinning: ebpf.PinByName}
	opts := ebpf.MapOptions{PinPath: dir}

	m, err := ebpf.NewMapWithOptions(&spec, opts)
	say("first", err, m.IsPinned())
	again, err := ebpf.NewMapWithOptions(&spec, opts)
	say("second", err, first(must(m.Info()).ID()) == first(must(again.Info()).ID()))
	again.Close()
	for _, change := range []func(*ebpf.MapSpec) string{
		func(s *ebpf.MapSpec) string { s.Type = ebpf.LRUHash; return "type" },
		func(s *ebpf.MapSpec) string { s.KeySize = 8; return "key" },
		func(s *ebpf.MapSpec) string { s.ValueSize = 4; return "value" },
		func(s *ebpf.MapSpec) string { s.MaxEntries = 17; return "number" },
		func(s *ebpf.MapSpec) string { s.Flags = 1; return "flags" },
		func(s *ebpf.MapSpec) string { s.Type, s.KeySize, s.MaxEntries = ebpf.PerCPUArray, 2, 3; return "all" },
	} {
		other := spec.Copy()
		what := change(other)
		_, err := ebpf.NewMapWithOptions(other, opts)
		say("another "+what, err)
		say("compatible", other.Compatible(m))
	}
	other := spec.Copy()
	other.Contents = []ebpf.MapKV{{Key: uint32(1), Value: uint64(5)}}
	again, err = ebpf.NewMapWithOptions(other, opts)
	say("with contents", err)
	if err == nil {
		var value uint64
		say("its contents", again.Lookup(uint32(1), &value), value)
		again.Close()
	}
	opts.LoadPinOptions.ReadOnly = true
	again, err = ebpf.NewMapWithOptions(&spec, opts)
	say("read only", err)
	if err == nil {
		say("put", again.Put(uint32(1), uint64(1)))
		again.Close()
	}
	_, err = ebpf.NewMap(&spec)
	say("without a path", err)
	_, err = ebpf.NewMapWithOptions(&spec, ebpf.MapOptions{PinPath: at("nowhere")})
	say("a path that is not there", err)
	_, err = ebpf.NewMapWithOptions(&spec, ebpf.MapOptions{PinPath: "/tmp"})
	say("a path outside", err)

	collection := must(loadObjects())
	collection.Maps["go_hash"].MaxEntries = 9
	collection.Maps["go_hash"].Name = "go_shared"
	collection.Maps["go_hash"].Pinning = ebpf.PinByName
	_, err = ebpf.NewCollectionWithOptions(collection, *options())
	say("a collection with one that does not fit", err)
	say("what it has left", slices.Contains(list(), "go_shared"))
	collection = must(loadObjects())
	coll, err := ebpf.NewCollectionWithOptions(collection, ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: dir},
		MapReplacements: map[string]*ebpf.Map{"go_hash": m}})
	say("a replacement that does not fit", err, coll == nil)
	array := newMap("replacement", ebpf.Array, 4, 8, 8)
	coll, err = ebpf.NewCollectionWithOptions(must(loadObjects()), ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: dir},
		MapReplacements: map[string]*ebpf.Map{"go_array": array}})
	say("a replacement", err)
	if err == nil {
		var value uint64
		ret, _, err := coll.Programs["go_count"].Test(make([]byte, 14))
		say("counted there", ret, err, array.Lookup(uint32(0), &value), value)
		coll.Close()
	}
	m.Close()
	clean()
}

func names() {
	for _, name := range []string{"", "go", "go_dot.rodata", "go 1", "go-1", "a_name_of_fifteen", "\xff"} {
		m, err := ebpf.NewMap(&ebpf.MapSpec{Name: name, Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1})
		say(fmt.Sprintf("map %q", name), err)
		if err == nil {
			say("is called", fmt.Sprintf("%q", must(m.Info()).Name), m)
			m.Close()
		}
	}
}

func walk() {
	objects := load()
	defer objects.Close()

	check(os.MkdirAll(at("one/two"), 0700))
	check(objects.GoHash.Pin(at("one/hash")))
	check(objects.GoPass.Pin(at("one/two/pass")))
	tp, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_enter", Program: objects.GoRawTp})
	check(err)
	check(tp.Pin(at("one/link")))
	var seen []string
	for p, err := range pin.WalkDir(dir, nil) {
		check(err)
		seen = append(seen, fmt.Sprintf("%s %T", p.Path[len(dir):], p.Object))
	}
	sort.Strings(seen)
	say("walk", seen)
	for p, err := range pin.WalkDir("/etc", nil) {
		say("walk elsewhere", p == nil, err)
		break
	}
	for _, name := range []string{"one/hash", "one/two/pass", "one/link", "one", "one/none"} {
		object, err := pin.Load(at(name), nil)
		say("load "+name, fmt.Sprintf("%T", object), err)
		if err == nil {
			object.Close()
		}
	}
	_, err = pin.Load(at("one/hash"), &ebpf.LoadPinOptions{ReadOnly: true})
	say("load, read only", err)
	say("symbolic link", os.Symlink(at("one/hash"), at("two")))
	_, err = pin.Load(at("two"), nil)
	say("through it", err)
	say("hard link", os.Link(at("one/hash"), at("three")))
	m, err := ebpf.LoadPinnedMap(at("three"), nil)
	say("by it", err, first(must(m.Info()).ID()) == first(must(objects.GoHash.Info()).ID()))
	say("read", readable(at("one/two/pass")), readable(at("one/link")))
	tp.Close()
	clean()
}

func readable(path string) error {
	_, err := os.ReadFile(path)
	return err
}
