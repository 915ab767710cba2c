#!/usr/bin/env bash
# dubfarm beside other programs on the same work: peers.sh BUILD [WORKLOAD...]
#   DUBFARM_PEERS  the script that makes the material, runs the others and compares: SCRIPT W1 --reuse -n N --only a,b --add NAME='COMMAND'
#   PEERS          where it keeps its material; PEERS_OUT: where outputs go (memory); PEERS_ONLY: which others (default ffmpeg);
#   BENCH_RUNS     runs of each (default 3)
# Every run of ours starts from an empty store, a new one: throwing the last one away is not the render's time. The others' time includes
# reading, writing and measuring loudness, as ours does.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd); shift
[ $# -gt 0 ] || set -- W1 W2 W4
: "${DUBFARM_PEERS:?set it to the script that runs the other programs}"
export PEERS=${PEERS:-/tmp/peers} PEERS_OUT=${PEERS_OUT:-/dev/shm/peers_out}
for workload in "$@"; do
  # Our mixes are written from the material; where that is not there yet, a run that times nothing of note makes it.
  write_mix() { "$here/workloads.py" "$build/bench/peers" "$PEERS" "$workload"; }
  write_mix 2>/dev/null || { "$DUBFARM_PEERS" "$workload" --reuse -n 1 --only nothing --add nothing=true >/dev/null; write_mix; }
  mkdir -p "$PEERS_OUT"; store=$PEERS_OUT/dubfarm_store
  ours="sh -c 'exec \"$build/dubfarm\" render \"$build/bench/peers/$workload.mix.json\" --out \"$PEERS_OUT\" --store \"$store\".\$\$'"
  "$DUBFARM_PEERS" "$workload" --reuse -n "${BENCH_RUNS:-3}" --only "${PEERS_ONLY:-ffmpeg}" --add dubfarm="$ours"
  rm -rf "$store".*
done
