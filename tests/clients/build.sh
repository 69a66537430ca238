#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds a client in another language, from its lock file:
#
#     build.sh go-ring OUT
#     build.sh go OUT
#     build.sh aya-ring OUT TARGET
#     build.sh libbpf-new OUT         a directory: the C clients with the libbpf that libbpf-rs's lock file names
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
	rm -rf "$out"
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

# The C sources of a libbpf newer than Debian's come with a crate; built by their own Makefile.
libbpf_new() {
	local crate libs prog src=$PWD inst=$out/inst

	command -v cargo >/dev/null || give_up "no cargo"
	crate=$(cargo metadata --locked --format-version 1 --manifest-path libbpf-rs/Cargo.toml 2>"$log" |
		grep -o '"manifest_path":"[^"]*/libbpf-sys-[^"]*/Cargo.toml"' | cut -d'"' -f4)
	[ -n "$crate" ] || give_up "cargo metadata: $(tail -n 1 "$log")"
	rm -rf "$out" && mkdir -p "$out/obj" || exit 1
	make -s -C "$(dirname "$crate")/libbpf/src" OBJDIR="$out/obj" DESTDIR="$inst" PREFIX=/ LIBSUBDIR=lib \
		install install_uapi_headers >"$log" 2>&1 || give_up "libbpf: $(tail -n 1 "$log")"
	sed -n 's/^Version: //p' "$inst/lib/pkgconfig/libbpf.pc" >"$out/version"
	cd ../.. || exit 1
	for prog in libbpf_maps libbpf_progs libbpf_links libbpf_iters libbpf_tc; do
		for kind in archive shared static; do
			case $kind in
			archive) libs="$inst/lib/libbpf.a -lelf -lz" ;;
			shared) libs="-L$inst/lib -Wl,-rpath,$inst/lib -lbpf" ;;
			static) libs="-static-pie $inst/lib/libbpf.a -lelf -lz" ;;
			esac
			# shellcheck disable=SC2086
			${CC:-cc} -std=gnu11 -O1 -g -D_GNU_SOURCE -Itests -I"$out/.." -I"$(dirname "$out")/bpf" -isystem "$inst/include" \
				-o "$out/$prog.$kind" "$src/$prog.c" $libs -lpthread >>"$log" 2>&1 ||
				give_up "$prog, $kind: $(grep -m 1 -E 'error|undefined' "$log")"
		done
	done
	exit 0
}

rm -f "$out.skip"
[ "$name" != libbpf-new ] || libbpf_new
cd "$name" || exit 1
case $name in
go) go_build bpf2go ;;
go-*) go_build true ;;
*)
	command -v cargo >/dev/null || give_up "no cargo"
	into=$(dirname "$out")/rust.target
	cargo build --locked --release --target "$target" --target-dir "$into" >"$log" 2>&1 ||
		give_up "cargo build for $target: $(grep -m1 '^error' "$log" || tail -n 1 "$log")"
	built=$into/$target/release/$name
	cp "$built" "$out" 2>/dev/null || cp "$built-client" "$out"
	;;
esac
