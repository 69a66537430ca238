// SPDX-License-Identifier: BSD-2-Clause

// What users of cilium/ebpf do, in a program without cgo: with the code that bpf2go writes, and the object in the binary.
//
//	go STORY DIR [CGROUP]
//
// One story a run; stories are the functions of the table below. Each line says what was seen, in words that are the
// same on every machine: of ids and addresses only what they have in common with others is told.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/cilium/ebpf"
)

var dir, cgroup string

var stories = map[string]func(){
	"maps": maps, "batch": batch, "percpu": perCPU, "nested": nested, "queues": queues, "tries": tries,
	"flags": flags, "variables": variables, "memory": memory,
	"pins": pins, "pins-again": pinsAgain, "names": names, "reuse": reuse, "walk": walk,
	"programs": programs, "runs": runs, "info": info, "ids": ids, "verifier": verifier, "stats": stats,
	"links": links, "tcx": tcx, "cgroups": cgroups, "iterators": iterators, "netns": netns, "refused": refused,
	"bench": bench,
	"ring":  ring, "perf": perfEvents,
	"types": types, "helpers": helpers, "btf": kernelBTF,
	"parallel": parallel, "signals": signals, "finalizers": finalizers, "children": children,
}

func say(what string, args ...any) {
	fmt.Print(what, ":")
	for _, arg := range args {
		if err, is := arg.(error); is {
			arg = why(err)
		} else if arg == nil {
			arg = "ok"
		}
		fmt.Print(" ", arg)
	}
	fmt.Println()
}

// The error's text, and which of the library's own errors it is.
func why(err error) string {
	var kinds []string

	if err == nil {
		return "ok"
	}
	for name, kind := range map[string]error{
		"ErrKeyNotExist": ebpf.ErrKeyNotExist, "ErrKeyExist": ebpf.ErrKeyExist, "ErrMapIncompatible": ebpf.ErrMapIncompatible,
		"ErrNotSupported": ebpf.ErrNotSupported, "ErrIterationAborted": ebpf.ErrIterationAborted, "ErrNotExist": os.ErrNotExist,
		"ErrExist": os.ErrExist, "ErrPermission": os.ErrPermission, "ErrDeadlineExceeded": os.ErrDeadlineExceeded, "ErrClosed": os.ErrClosed,
	} {
		if errors.Is(err, kind) {
			kinds = append(kinds, name)
		}
	}
	sort.Strings(kinds)
	text := strings.ReplaceAll(err.Error(), dir, "DIR")
	if len(kinds) > 0 {
		text += " (" + strings.Join(kinds, ", ") + ")"
	}
	return "[" + text + "]"
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err == nil {
		return
	}
	fmt.Println("failed:", why(err))
	os.Exit(1)
}

func at(name string) string { return filepath.Join(dir, name) }

// The object's maps that are pinned by their names are pinned in DIR.
func options() *ebpf.CollectionOptions {
	return &ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: dir}}
}

func load() *objectsObjects {
	objects := new(objectsObjects)
	spec := must(loadObjects())
	oldest = lastMap() + 1
	check(spec.Variables["oldest"].Set(uint32(oldest)))
	check(spec.LoadAndAssign(objects, options()))
	return objects
}

// What a kernel has of clients that were killed is not theirs who look now.
var oldest ebpf.MapID

func lastMap() ebpf.MapID {
	last := ebpf.MapID(0)
	for {
		id, err := ebpf.MapGetNextID(last)
		if err != nil {
			return last
		}
		last = id
	}
}

func newMap(name string, kind ebpf.MapType, key, value, entries uint32) *ebpf.Map {
	return must(ebpf.NewMap(&ebpf.MapSpec{Name: "go_" + name, Type: kind, KeySize: key, ValueSize: value, MaxEntries: entries}))
}

func clean() {
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if !strings.Contains(entry.Name(), ".") {
			os.RemoveAll(at(entry.Name()))
		}
	}
}

func list() []string {
	var names []string

	entries := must(os.ReadDir(dir))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	sort.Strings(names)
	return names
}

func main() {
	story := stories[os.Args[1]]
	if story == nil || len(os.Args) < 3 {
		fmt.Println("go STORY DIR [CGROUP]")
		os.Exit(2)
	}
	dir = os.Args[2]
	if len(os.Args) > 3 {
		cgroup = os.Args[3]
	}
	story()
}
