#!/usr/bin/env bash
# clang-tidy over the sources of src/ (or over the files named), with .clang-tidy. Ends with 1 when it finds anything.
# Usage: run_clang_tidy.sh [FILE...]      needs clang-tidy-14 and a configured build (BUILD, else build/release)
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
build=${BUILD:-$root/build/release}
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) || { echo "clang-tidy is not installed" >&2; exit 1; }
[[ -f $build/compile_commands.json ]] || { echo "$build is not configured; run ./dicomhouse build first" >&2; exit 1; }
cd "$root"
if (($#)); then files=("$@"); else mapfile -t files < <(git ls-files 'src/*.cc' | grep -v dictionary_data); fi
printf '%s\0' "${files[@]}" |
  xargs -0 -n 4 -P "$(nproc)" "$tidy" -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option \
    2> >(grep -v 'warnings\? generated\|^Suppressed\|^Use -header' >&2)
echo "clang-tidy: ${#files[@]} files, nothing found"
