#!/usr/bin/env bash
# Meters on one core, beside ffmpeg's on the same file in the same run: meters.sh DUBFARM FOLDER [SECONDS]
# 5.1, 24 bits; ours with everything on (loudness, range, true peak of every channel, DC offset, clipped samples, Leq(m)), ffmpeg with
# "ebur128=peak=true". Each is run three times in turn, the fastest counts: wall and processor seconds. Without ffmpeg only ours is shown.
set -euo pipefail
dubfarm=$1 folder=$2 seconds=${3:-180}
mkdir -p "$folder"; file=$folder/meters_51.wav
python3 - "$file" "$seconds" <<'PY'
import random, sys, wave
random.seed(1)
rate, channels, seconds = 48000, 6, int(sys.argv[2])
def second(bits):  # noise of 24 bits whose upper bits are its sign
    out = bytearray()
    for _ in range(rate * channels):
        out += (random.getrandbits(bits) - (1 << (bits - 1))).to_bytes(3, "little", signed=True)
    return bytes(out)
blocks = [second(bits) for bits in (22, 18, 20, 14, 23)]
with wave.open(sys.argv[1], "wb") as f:
    f.setparams((channels, 3, rate, 0, "NONE", ""))
    for i in range(seconds): f.writeframes(blocks[(i // 3) % len(blocks)])
PY
trap 'rm -f "$file" "$folder"/meters.*' EXIT
timed() { # timed NAME COMMAND...: appends "wall processor" to meters.NAME
  local name=$1; shift
  TIMEFORMAT='%R %U %S'
  { time taskset -c "${BENCH_CORE:-0}" "$@" >"$folder/meters.log" 2>&1; } 2>"$folder/meters.time" || { cat "$folder/meters.log" >&2; exit 1; }
  awk '{ printf "%.3f %.3f\n", $1, $2 + $3 }' "$folder/meters.time" >>"$folder/meters.$name"
}
best() { awk 'NR == 1 { w = $1; c = $2 } { if ($1 < w) w = $1; if ($2 < c) c = $2 } END { print w, c }' "$folder/meters.$1"; }
for _ in 1 2 3; do
  timed ours "$dubfarm" measure --threads 1 --leqm --json "$file"
  command -v ffmpeg >/dev/null && timed theirs ffmpeg -hide_banner -nostats -threads 1 -i "$file" -af ebur128=peak=true -f null -
done
read -r wall cpu <<<"$(best ours)"
printf 'meters, 5.1, %d s, one core: dubfarm %s s (processor %s s)' "$seconds" "$wall" "$cpu"
if [ -f "$folder/meters.theirs" ]; then
  read -r their_wall their_cpu <<<"$(best theirs)"
  printf '; ffmpeg %s s (processor %s s); %s times as fast (processor time: %s)' "$their_wall" "$their_cpu" \
    "$(awk -v a="$their_wall" -v b="$wall" 'BEGIN { printf "%.1f", a / b }')" "$(awk -v a="$their_cpu" -v b="$cpu" 'BEGIN { printf "%.1f", a / b }')"
else
  printf '; no ffmpeg here to stand beside'
fi
printf '\n'
