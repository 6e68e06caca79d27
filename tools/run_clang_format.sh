#!/usr/bin/env bash
# Tells which tracked C++ files are not as .clang-format wants them; changes nothing. Ends with 1 when there are any.
# Usage: run_clang_format.sh [FILE...]
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
format=$(command -v clang-format-14 || command -v clang-format) || { echo "clang-format is not installed" >&2; exit 1; }
cd "$root"
if (($#)); then files=("$@"); else mapfile -t files < <(git ls-files '*.cc' '*.h' | grep -v dictionary_data); fi
faults=0
for file in "${files[@]}"; do
  [[ -f $file ]] || continue
  lines=$("$format" "$file" | diff - "$file" | grep -c '^>' || true)
  ((lines == 0)) && continue
  echo "$file: $lines lines are not formatted; run: $(basename "$format") -i $file"
  faults=$((faults + 1))
done
if ((faults)); then exit 1; fi
echo "clang-format: ${#files[@]} files, all formatted"
