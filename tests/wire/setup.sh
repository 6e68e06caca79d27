#!/bin/sh
# Installs the clients of others that tests run against a server, by exact version, below BUILD_FOLDER/wire.
#   tests/wire/setup.sh BUILD_FOLDER
# Needs node and npm, python3 with venv. Quiet; does nothing when all is there. Ends with 77, and says why, when one of these is
# missing or a package registry can't be reached.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: setup.sh BUILD_FOLDER" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/wire"
wire=$(cd "$1/wire" && pwd)

skip() {
  echo "skipped: $*" >&2
  exit 77
}

# Whatever an installation fails for here is no fault of the server: its log says what.
reaching() {
  "$@" > "$wire/setup.log" 2>&1 || { cat "$wire/setup.log" >&2; skip "$1 could not install the clients"; }
}

for program in node npm python3; do
  command -v "$program" > /dev/null || skip "there is no $program"
done
if ! cmp -s "$here/package.json" "$wire/.npm"; then
  cp "$here/package.json" "$wire/package.json"
  reaching timeout 240 npm install --prefix "$wire" --loglevel error --no-audit --no-fund --no-package-lock
  cp "$here/package.json" "$wire/.npm"
fi
if ! cmp -s "$here/requirements.txt" "$wire/.python"; then
  [ -x "$wire/venv/bin/pip" ] || python3 -m venv "$wire/venv" > /dev/null || skip "python3 has no venv"
  reaching timeout 240 "$wire/venv/bin/pip" install --quiet --disable-pip-version-check --retries 2 -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$wire/.python"
fi
