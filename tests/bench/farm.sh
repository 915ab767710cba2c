#!/usr/bin/env bash
# The farm's figures: farm.sh BUILD. Null tasks a second with 200 simulated workers over real sockets and keys, each task committed and acknowledged.
set -euo pipefail
build=$(cd "$1" && pwd)
echo "machine: $(awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo), $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg)"
work=$(mktemp -d -p "$build"); trap 'rm -rf "$work"' EXIT
for tasks in 20000 20000; do "$build/tests/bench/farm_dispatch" "$work/dispatch" 200 "$tasks"; done
