#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds a client in another language, from its lock file:
#
#     build.sh go-ring OUT
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

rm -f "$out.skip"
cd "$name" || exit 1
case $name in
go-*)
	go=$(command -v go || echo /usr/local/go/bin/go)
	[ -x "$go" ] || give_up "no go"
	CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly "$go" build -trimpath -o "$out" . >"$log" 2>&1 ||
		give_up "go build: $(tail -n 1 "$log")"
	;;
*)
	command -v cargo >/dev/null || give_up "no cargo"
	into=$(dirname "$out")/rust.target
	cargo build --locked --release --target "$target" --target-dir "$into" >"$log" 2>&1 ||
		give_up "cargo build for $target: $(grep -m1 '^error' "$log" || tail -n 1 "$log")"
	cp "$into/$target/release/$name" "$out"
	;;
esac
