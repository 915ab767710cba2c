#!/usr/bin/env bash
# The farm's figures with their aims beside them: farm.sh BUILD (./dev bench farm builds first). Exit status 1 where an aim is missed.
#   null tasks a second: 200 simulated workers over real sockets and keys; each task assigned, reported, committed and acknowledged
#   a million queued chunks: the memory they take, and a start of the scheduler with them
#   a film on a farm of this machine beside `dubfarm render`, by one worker with all threads and by one for each of two
# FARM_MINUTES, FARM_LANGUAGES, FARM_RUNS: how long the film is (10 min), in how many languages (6), runs of each (9: of fewer, the least is luck).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
echo "machine: $(awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo), $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg)"
mkdir -p "$build/bench"
work=$(mktemp -d -p "$build"); trap 'rm -rf "$work"' EXIT
status=0
measure() { "$@" || { [ $? = 1 ] || exit 3; status=1; }; }

for run in 1 2; do mkdir "$work/dispatch-$run"; measure "$build/tests/bench/farm_dispatch" "$work/dispatch-$run" 200 20000; done
echo; mkdir "$work/million"; measure "$build/tests/bench/dispatch" "$work/million" million
echo
for workers in 1 2; do
  measure "$here/farm_overhead.py" "$build/dubfarm" "$build/bench" --minutes "${FARM_MINUTES:-10}" --languages "${FARM_LANGUAGES:-6}" --runs "${FARM_RUNS:-9}" \
          --rest 5 --threads "$(nproc)" --workers "$workers"
done
[ $status = 0 ] && echo "all aims are met" || echo "NOT all aims are met"
exit $status
