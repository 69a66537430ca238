#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds a client in another language, from its lock file:
#
#     build.sh go-ring OUT
#     build.sh go OUT
#     build.sh aya-ring OUT TARGET
#
# One that cannot be built here is no error: OUT.skip has the reason, which the tests print.
#
# All Rust clients build in one directory, so that a library that two of them use in the same way is compiled once.
cd "$(dirname "$0")" || exit 1
name=$1 out=$2 target=${3:-}
case $out in /*) ;; *) out=$OLDPWD/$out ;; esac
log=$out.log

give_up() {
	echo "$*" >"$out.skip"
	rm -f "$out"
	exit 0
}

go_build() {
	go=$(command -v go || echo /usr/local/go/bin/go)
	[ -x "$go" ] || give_up "no go"
	export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly
	"$@" >"$log" 2>&1 || give_up "$1: $(tail -n 1 "$log")"
	"$go" build -trimpath -o "$out" . >>"$log" 2>&1 || give_up "go build: $(tail -n 1 "$log")"
}

# The library's own generator compiles the object and writes the code that embeds it, beside a copy of the sources.
bpf2go() {
	local src=$PWD gen=${out%.static}.src

	rm -rf "$gen"
	mkdir -p "$gen" && cp ./*.go go.mod go.sum "$gen" && cd "$gen" &&
		"$go" tool bpf2go -cc clang -no-strip -go-package main -target bpfel objects "$src/../bpf/go.c" -- \
			-Wall -Werror "-I/usr/include/$(gcc -print-multiarch)"
}

rm -f "$out.skip"
cd "$name" || exit 1
case $name in
go) go_build bpf2go ;;
go-*) go_build true ;;
*)
	command -v cargo >/dev/null || give_up "no cargo"
	into=$(dirname "$out")/rust.target
	cargo build --locked --release --target "$target" --target-dir "$into" >"$log" 2>&1 ||
		give_up "cargo build for $target: $(grep -m1 '^error' "$log" || tail -n 1 "$log")"
	cp "$into/$target/release/$name" "$out"
	;;
esac
