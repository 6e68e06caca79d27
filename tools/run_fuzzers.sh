#!/usr/bin/env bash
# Builds the fuzz targets with the preset `fuzz` and runs each for some seconds, beginning with fuzz/corpus.
# What it finds is left in build/fuzz/found; a fixed finding goes to fuzz/corpus/NAME.
# Usage: run_fuzzers.sh [SECONDS]      60 when not said
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
seconds=${1:-60}
cd "$root"
command -v clang++-14 > /dev/null || { echo "clang-14 is not installed" >&2; exit 1; }
cmake --preset fuzz > /dev/null
cmake --build --preset fuzz --target fuzzers
failed=()
for source in fuzz/*_fuzz.cc; do
  name=$(basename "$source" .cc)
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus" build/fuzz/found "fuzz/corpus/${name%_fuzz}"
  echo "$name: $seconds s"
  "build/fuzz/fuzz/$name" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=20 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="build/fuzz/found/$name-" "$corpus" "fuzz/corpus/${name%_fuzz}" || failed+=("$name")
done
if ((${#failed[@]})); then
  echo "found something: ${failed[*]} (build/fuzz/found)" >&2
  exit 1
fi
