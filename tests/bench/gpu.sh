#!/usr/bin/env bash
# Builds, checks and measures the CUDA backend on a machine with a GPU, in under 8 minutes; JSON on stdout or into a file.
#   tests/bench/gpu.sh [--out FILE] [--build FOLDER] [--bundle FOLDER] [--no-peers]
#   tests/bench/gpu.sh --host-only      the parts that need no GPU: kernels compiled by g++ and, where it is, nvcc; hashes of the emulation; a small chunk on it
# Checks and kernels need nvcc (CUDA 12 or newer), a C++20 compiler and nothing else. A whole chunk from page cache to stem and its print, on the GPU and on all CPU cores,
# needs the program whole_chunk and CMake: from a bundle (tests/bench/gpu_bundle.sh makes one where dubfarm builds; default build/gpu-bundle), or from
# build/release; without either the JSON says so. What it finds besides it uses: compute-sanitizer, torchaudio, CuPy, JAX (python3).
# Exit status: 0 all checks passed, 1 one failed, 2 wrong usage, 3 this machine cannot (no nvcc, no GPU, does not compile).
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$2" >&2; exit "$1"; }

out=/dev/stdout build=$root/build/gpu bundle=$root/build/gpu-bundle peers=yes host_only=no
while [ $# -gt 0 ]; do
  case $1 in
    --out) [ $# -ge 2 ] || die 2 "--out needs a file"; out=$2; shift 2 ;;
    --build) [ $# -ge 2 ] || die 2 "--build needs a folder"; build=$2; shift 2 ;;
    --bundle) [ $# -ge 2 ] || die 2 "--bundle needs a folder"; bundle=$2; shift 2 ;;
    --no-peers) peers=no; shift ;;
    --host-only) host_only=yes; shift ;;
    *) die 2 "unknown argument \"$1\"; see the head of tests/bench/gpu.sh" ;;
  esac
done
began=$SECONDS
nvcc=${NVCC:-$(command -v nvcc || ls /usr/local/cuda/bin/nvcc /opt/cuda/bin/nvcc 2>/dev/null | head -n 1 || true)}
smi=${NVIDIA_SMI:-nvidia-smi}
cxx=${CXX:-g++}
command -v "$cxx" >/dev/null || die 3 "no C++ compiler: \"$cxx\" is not there; set CXX"

architecture=90 gpu=''
if [ "$host_only" = no ]; then
  command -v "$smi" >/dev/null || die 3 "no GPU here: there is no $smi, so no NVIDIA driver; --host-only checks what needs none"
  gpu=$("$smi" --query-gpu=name,driver_version,compute_cap,memory.total,pcie.link.gen.max,pcie.link.width.max --format=csv,noheader -i 0 2>/dev/null | head -n 1) || true
  [ -n "$gpu" ] || die 3 "no GPU here: $smi shows none; --host-only checks what needs none"
  [ -n "$nvcc" ] || die 3 "no nvcc: install the CUDA toolkit (12 or newer), or set NVCC"
  architecture=$(cut -d, -f3 <<<"$gpu" | tr -d ' .')
  [[ $architecture =~ ^[0-9]+$ ]] || die 3 "$smi does not say the compute capability of the GPU: \"$gpu\""
fi

# ---- build ----------------------------------------------------------------------------------------------------------------------
mkdir -p "$build/cuda" "$build/host"
jobs=$(nproc)
flags="-std=c++20 -O2 -I$root -I$build"
cuda_flags="-diag-suppress 1675 -fmad=false --ftz=false --prec-div=true --prec-sqrt=true --expt-relaxed-constexpr -gencode=arch=compute_$architecture,code=sm_$architecture"
# compile COMMAND OBJECTS SOURCE...: objects are named by their sources; one command line a source, as many side by side as there are processors.
compile() {
  local command=$1 folder=$2; shift 2
  # A file of one instruction set is compiled for it, and called only after a check at run time.
  printf '%s\n' "$@" | xargs -P "$jobs" -I{} bash -c 'o=$2/$(tr / _ <<<"${3#$4/}").o; isa=
    case $3 in *_avx2.cpp) isa="-mavx2 -mfma -mf16c -O3" ;; *_avx512.cpp) isa="-mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -O3" ;; esac
    { [ "$o" -nt "$3" ] && [ "$o" -nt "$2/.headers" ]; } || $1 $isa -c "$3" -o "$o"' _ "$command" "$folder" {} "$root" ||
    die 3 "a source did not compile (see above)"
}
newest=$(find "$root/kernels" "$root/common" "$root/tests/bench/gpu" "$root/tests/emulated" "$root/tests/golden" "$root/tests/bench/gpu.sh" \( -name '*.h*' -o -name gpu.sh \) -newer "$build/.headers" 2>/dev/null | head -n 1 || true)
if [ ! -e "$build/.headers" ] || [ -n "$newest" ]; then touch "$build/.headers" "$build/cuda/.headers" "$build/host/.headers"; fi
mapfile -t kernels < <(find "$root/kernels" -name '*.cu' | LC_ALL=C sort)
[ ${#kernels[@]} -gt 0 ] || die 3 "no kernels below $root/kernels"
cases=("$root/tests/bench/gpu/main.cpp" "$root/tests/bench/gpu/cases.cpp" "$root/tests/golden/cases.cpp" "$root/common/layout.cpp" "$root/kernels/pan/pan_tables.cpp"
       "$root/kernels/limit/limit_constants.cpp")
emulation=("$root"/tests/emulated/*.cpp "$root"/kernels/fft/*.cpp "$root/kernels/device/isa.cpp")  # its transforms are the CPU's

say "building the emulation (${#kernels[@]} kernel files)"
compile "$cxx $flags -fPIC -ffp-contract=off -x c++" "$build/host" "${kernels[@]}" "${cases[@]}" "${emulation[@]}"
"$cxx" "$build"/host/*.o -o "$build/bench_emulated" -pthread || die 3 "the emulation did not link"
# The program that renders a whole chunk, and why there is none. It takes a module of its own sources alone: by their build id, which CMake makes.
whole='' why_not=''
for candidate in "$bundle/whole_chunk" "$root/build/release/tests/whole_chunk" "$root/build/dev/tests/whole_chunk"; do
  [ -z "$whole" ] && [ -x "$candidate" ] && whole=$candidate
done
[ "$host_only" = yes ] || [ "$whole" != "$root/build/dev/tests/whole_chunk" ] || whole=''  # not what is measured
if [ -z "$whole" ]; then why_not="there is no whole_chunk: tests/bench/gpu_bundle.sh makes one where dubfarm builds"
elif ! command -v cmake >/dev/null; then whole='' why_not="there is no cmake, for the module's build id"
else cmake -DFOLDER="$root" -DOUTPUT="$build/kernels_build_id.hpp" -P "$root/cmake/BuildId.cmake"; fi
if [ -n "$whole" ] && [ -n "$nvcc" ]; then
  mapfile -t objects < <(find "$build/cuda" -name '*.o' ! -name '*bench*' ! -name '*golden*' ! -name 'common_layout*' ! -name '*pan_tables*' ! -name '*limit_constants*')
  "$nvcc" $flags $cuda_flags -Xcompiler=-fPIC -shared "$root/kernels/device/cuda_module/main.cpp" "${objects[@]}" -lcufft -o "$build/libdubfarm_cuda.so" ||
    die 3 "the module did not link"
fi
# whole_chunk MODULE ARGUMENTS...: JSON.
whole_chunk() {
  local module=$1; shift
  local libraries; libraries=$(dirname "$whole")/lib:${nvcc:+$(dirname "$(readlink -f "$nvcc")")/../lib64:}${LD_LIBRARY_PATH:-}
  LD_LIBRARY_PATH=$libraries DUBFARM_CUDA_MODULE=$module "$whole" --folder "$build/material" "$@"
}
if [ -n "$nvcc" ]; then
  say "building for sm_$architecture"
  compile "$nvcc $flags $cuda_flags -DDUBFARM_BENCH_CUDA -Xcompiler=-ffp-contract=off,-fPIC -x cu" "$build/cuda" "${kernels[@]}" "$root/tests/bench/gpu/ceilings.cu" "${cases[@]}" "$root"/kernels/device/cuda_module/fft.cpp
  "$nvcc" "$build"/cuda/*.o -o "$build/bench_cuda" -lcufft || die 3 "the benchmark did not link"
fi

# ---- check ----------------------------------------------------------------------------------------------------------------------
say "hashes of the emulation"
"$build/bench_emulated" hashes >"$build/emulated.txt"
count=$(wc -l <"$build/emulated.txt")
[ "$count" -gt 0 ] || die 1 "the emulation ran no case"
# golden PROGRAM: do its results have the hashes, and are they within the tolerances, that are written down? Says which are not.
golden() {
  local folder wrong=0 checked=0 operation sha256 tolerance got
  folder=$build/golden.$(basename "$1")
  rm -rf "$folder"; mkdir -p "$folder"
  "$1" golden "$folder" >"$folder.errors" || return 1
  while IFS='|' read -r operation sha256 tolerance; do
    checked=$((checked + 1))
    if [ -n "$sha256" ]; then
      got=$(sha256sum "$folder/$operation" | cut -d' ' -f1)
      [ "$got" = "$sha256" ] || { say "golden: $operation gives $got, $sha256 was recorded"; wrong=1; }
    else
      got=$(sed -n "s/^\([-0-9.inf]*\) $operation\$/\1/p" "$folder.errors")
      awk -v got="$got" -v most="$tolerance" 'BEGIN { exit !(got != "" && got !~ /inf/ && got + 0 < most + 0) }' || { say "golden: $operation is off by ${got:-nothing} dBFS, $tolerance is allowed"; wrong=1; }
    fi
  done < <(sed -n 's/.*"operation": "\([^"]*\)", "sha256": "\([^"]*\)".*/\1|\2|/p; s/.*"operation": "\([^"]*\)", "tolerance_db": \([-0-9.]*\).*/\1||\2/p' "$root/tests/golden/golden.json")
  [ "$checked" = "$(find "$folder" -type f | wc -l)" ] || { say "golden: $checked operations are written down, others ran"; wrong=1; }
  return $wrong
}
say "golden hashes of the emulation"
golden "$build/bench_emulated" || die 1 "the emulation does not give what tests/golden/golden.json says"
if [ "$host_only" = yes ]; then
  if [ -n "$whole" ]; then
    say "a small chunk on the emulated device ($whole)"
    module=$build/libdubfarm_cuda_emulated.so
    mapfile -t objects < <(find "$build/host" -name '*.o' ! -name '*bench*' ! -name '*golden*')
    "$cxx" $flags -fPIC -shared -ffp-contract=off "$root/tests/emulated/module/main.cpp" "${objects[@]}" -o "$module" || die 3 "the emulated module did not link"
    whole_chunk "$module" --tracks 5 --seconds 1 --chunks 4 --reverbs 2 --ir-seconds 0.3 >"$build/whole_chunk.json" || die 1 "the emulated device's chunk or print is not the CPU's"
    rm -rf "$build/material"
  else
    say "no chunk was rendered: $why_not"
  fi
  say "$count cases ran in the emulation${nvcc:+; nvcc built them for sm_$architecture}; nothing was measured: that needs a GPU"
  exit 0
fi
failed=0
say "50 runs of every case on the GPU, one hash each"
repeats=true
"$build/bench_cuda" hashes 50 >"$build/gpu.txt" || { repeats=false; failed=1; }
equal=true
diff "$build/emulated.txt" "$build/gpu.txt" >&2 || { equal=false; failed=1; say "the GPU and the emulation differ in the cases above"; }
say "golden hashes on the GPU"
golden_equal=true
golden "$build/bench_cuda" || { golden_equal=false; failed=1; }
sanitizer() { # sanitizer TOOL: true, false or null
  local tool; tool=$(command -v compute-sanitizer || ls "$(dirname "$nvcc")/compute-sanitizer" 2>/dev/null || true)
  [ -n "$tool" ] || { echo null; return; }
  if timeout 120 "$tool" --tool "$1" --error-exitcode 9 "$build/bench_cuda" hashes >"$build/$1.txt" 2>&1; then echo true
  elif grep -qiE "not supported|failed to (initialize|attach)|Unable to" "$build/$1.txt"; then echo null
  else tail -n 20 "$build/$1.txt" >&2; echo false; fi
}
say "compute-sanitizer"
memcheck=$(sanitizer memcheck); racecheck=$(sanitizer racecheck)
[ "$memcheck" != false ] && [ "$racecheck" != false ] || failed=1

# ---- measure --------------------------------------------------------------------------------------------------------------------
say "measuring"
measured=$("$build/bench_cuda" measure) || die 1 "the measurement failed"
chunk="{\"skipped\": \"$why_not\"}"
if [ -n "$whole" ]; then
  say "a whole chunk ($whole)"
  chunks=$(awk '/^MemAvailable/ { n = int($2 / 4 / 2211840); print (n < 3 ? 3 : n > 10 ? 10 : n) }' /proc/meminfo)  # of 2.2 GB: in a quarter of the memory
  if ! chunk=$(timeout 200 bash -c "$(declare -p whole nvcc build); $(declare -f whole_chunk); whole_chunk \"\$@\"" _ "$build/libdubfarm_cuda.so" --threads "$jobs" --chunks "$chunks" 2>"$build/whole_chunk.txt"); then
    tail -n 20 "$build/whole_chunk.txt" >&2
    chunk="{\"failed\": \"$(grep -m 1 '^error' "$build/whole_chunk.txt" | tr -d '"\\' || echo it took too long)\", \"measured\": ${chunk:-null}}"; failed=1
  fi
  rm -rf "$build/material"
fi
beside=null
if [ "$peers" = yes ] && command -v python3 >/dev/null; then
  say "peers"
  beside=$(timeout 150 python3 "$root/tests/bench/gpu/peers.py" 2>"$build/peers.txt") || { say "peers: $(tail -n 1 "$build/peers.txt")"; beside=null; }
fi
cat >"$out" <<JSON
{
  "dubfarm_gpu_bench": 1, "date": "$(date -u +%FT%TZ)", "gpu": "${gpu//\"/}", "processors": $jobs, "nvcc": "$("$nvcc" --version | tail -n 1)",
  "cases": $count, "fifty_runs_one_hash": $repeats, "equal_to_emulation": $equal, "golden": $golden_equal, "memcheck": $memcheck, "racecheck": $racecheck,
  "measured": $measured,
  "whole_chunk": $chunk,
  "peers": $beside,
  "seconds": $((SECONDS - began))
}
JSON
[ "$failed" = 0 ] && say "all checks passed, $((SECONDS - began)) s" || say "A CHECK FAILED, $((SECONDS - began)) s"
exit "$failed"
