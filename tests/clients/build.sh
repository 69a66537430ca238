#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds a client in another language, from its lock file:
#
#     build.sh go-ring OUT
#     build.sh go OUT
#     build.sh rust TARGET OUT...     of the workspace; all at once, so that what two of them use is compiled once
#     build.sh libbpf-new OUT         a directory: the C clients with the libbpf that the workspace's lock file names
#
# One that cannot be built here is no error: OUT.skip has the reason, which the tests print. What is built gets its
# name at the end: a name that is there is whole, however a build before was ended.
cd "$(dirname "$0")" || exit 1

# into PATH: where a build goes, and its log
into() {
	out=$1
	case $out in /*) ;; *) out=$OLDPWD/$out ;; esac
	log=$out.log new=$out.new
	rm -f "$out.skip"
}

give_up() {
	echo "$*" >"$out.skip"
	rm -rf "$out" "$new"
	exit 0
}

go_build() {
	go=$(command -v go || echo /usr/local/go/bin/go)
	[ -x "$go" ] || give_up "no go"
	export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly
	"$@" >"$log" 2>&1 || give_up "$1: $(tail -n 1 "$log")"
	"$go" build -trimpath -o "$new" . >>"$log" 2>&1 || give_up "go build: $(tail -n 1 "$log")"
	mv "$new" "$out"
}

# The library's own generator compiles the object and writes the code that embeds it, beside a copy of the sources.
bpf2go() {
	local src=$PWD gen=${out%.static}.src

	rm -rf "$gen"
	mkdir -p "$gen" && cp ./*.go go.mod go.sum "$gen" && cd "$gen" &&
		"$go" tool bpf2go -cc clang -no-strip -go-package main -target bpfel objects "$src/../bpf/go.c" -- \
			-Wall -Werror "-I/usr/include/$(gcc -print-multiarch)"
}

# rust TARGET OUT...: each OUT has its program's name, and a suffix. One that fails does not keep the others.
rust() {
	local target=$1 tree built name bins=() why=
	shift
	into "$1"
	tree=$(dirname "$out")/rust.target
	built=$tree/$target/release
	for name; do
		name=$(basename "${name%.*}")
		rm -f "$built/$name"
		bins+=(--bin "$name")
	done
	if ! command -v cargo >/dev/null; then
		why="no cargo"
	elif ! cargo build --locked --release --keep-going --target "$target" --target-dir "$tree" "${bins[@]}" >"$log" 2>&1; then
		why="cargo build for $target: $(grep -m1 '^error' "$log" || tail -n 1 "$log")"
	fi
	for name; do
		into "$name"
		(cp "$built/$(basename "${out%.*}")" "$new" 2>/dev/null && mv "$new" "$out" || give_up "$why")
	done
}

# The C sources of a libbpf newer than Debian's come with a crate; built by their own Makefile.
libbpf_new() {
	local crate libs prog kind src=$PWD inst=$new/inst

	command -v cargo >/dev/null || give_up "no cargo"
	crate=$(cargo metadata --locked --format-version 1 2>"$log" |
		grep -o '"manifest_path":"[^"]*/libbpf-sys-[^"]*/Cargo.toml"' | cut -d'"' -f4)
	[ -n "$crate" ] || give_up "cargo metadata: $(tail -n 1 "$log")"
	rm -rf "$new" && mkdir -p "$new/obj" || exit 1
	make -s -j"$(nproc)" -C "$(dirname "$crate")/libbpf/src" OBJDIR="$new/obj" DESTDIR="$inst" PREFIX=/ LIBSUBDIR=lib \
		install install_uapi_headers >"$log" 2>&1 || give_up "libbpf: $(tail -n 1 "$log")"
	sed -n 's/^Version: //p' "$inst/lib/pkgconfig/libbpf.pc" >"$new/version"
	cd ../.. || exit 1
	for prog in libbpf_maps libbpf_progs libbpf_links libbpf_iters libbpf_tc; do
		for kind in archive shared static; do
			case $kind in
			archive) libs="$inst/lib/libbpf.a -lelf -lz" ;;
			shared) libs="-L$inst/lib -Wl,-rpath,$out/inst/lib -lbpf" ;;
			static) libs="-static-pie $inst/lib/libbpf.a -lelf -lz" ;;
			esac
			# shellcheck disable=SC2086
			${CC:-cc} -std=gnu11 -O1 -g -D_GNU_SOURCE -Itests -I"$new/.." -I"$(dirname "$out")/bpf" -isystem "$inst/include" \
				-o "$new/$prog.$kind" "$src/$prog.c" $libs -lpthread >>"$log" 2>&1 ||
				give_up "$prog, $kind: $(grep -m 1 -E 'error|undefined' "$log")"
		done
	done
	rm -rf "$out" && mv "$new" "$out"
}

case $1 in
go*)
	into "$2"
	cd "$1" || exit 1
	if [ "$1" = go ]; then go_build bpf2go; else go_build true; fi
	;;
rust) rust "${@:2}" ;;
libbpf-new)
	into "$2"
	libbpf_new
	;;
esac
