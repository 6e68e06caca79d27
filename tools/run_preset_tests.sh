#!/usr/bin/env bash
# Builds everything with a preset of CMakePresets.json and runs its tests, the long ones left out.
# Usage: run_preset_tests.sh PRESET      e.g. sanitize, thread, debug
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
preset=${1:?which preset? See CMakePresets.json}
cd "$root"
cmake --preset "$preset" > /dev/null
cmake --build --preset "$preset"
ctest --test-dir "build/$preset" --output-on-failure --label-exclude long --parallel "$(nproc)"
