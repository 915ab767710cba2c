#!/usr/bin/env bash
# Packs what tests/bench/gpu.sh measures a whole chunk with, for a machine that has a GPU, CUDA and a compiler but none of dubfarm's libraries: the program
# whole_chunk and every shared library that it needs, but for the C library's own.
#   tests/bench/gpu_bundle.sh [--build FOLDER] [--out FOLDER]      build/release, made if it is not there; out: build/gpu-bundle
# The CUDA module is not in it: gpu.sh builds that from the sources beside it, which must be the ones that the bundle was made of (a build id sees to it).
# Exit status: 0 done, 2 wrong usage, 3 it cannot be built.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$2" >&2; exit "$1"; }

build=$root/build/release out=$root/build/gpu-bundle
while [ $# -gt 0 ]; do
  case $1 in
    --build) [ $# -ge 2 ] || die 2 "--build needs a folder"; build=$2; shift 2 ;;
    --out) [ $# -ge 2 ] || die 2 "--out needs a folder"; out=$2; shift 2 ;;
    *) die 2 "unknown argument \"$1\"; see the head of tests/bench/gpu_bundle.sh" ;;
  esac
done
if [ ! -e "$build/build.ninja" ]; then
  say "configuring (release)"
  (cd "$root" && cmake --preset release -B "$build" >/dev/null) || die 3 "cmake does not configure: see ./dev setup"
fi
say "building whole_chunk"
ninja -C "$build" whole_chunk >/dev/null || die 3 "whole_chunk does not compile"
program=$build/tests/whole_chunk
rm -rf "$out"; mkdir -p "$out/lib"
cp "$program" "$out/whole_chunk"
strip "$out/whole_chunk"
ldd "$program" | awk '/=> \// { print $3 }' | while read -r library; do
  case $(basename "$library") in libc.so.* | libm.so.* | libpthread.so.* | libdl.so.* | librt.so.* | ld-linux*) continue ;; esac
  cp -L "$library" "$out/lib/"
done
say "$(du -sh "$out" | cut -f1) in $out: $(find "$out/lib" -type f | wc -l) libraries"
