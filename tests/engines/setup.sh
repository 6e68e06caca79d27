#!/bin/sh
# Installs the engines that tests read our tables with, by exact version, below BUILD_FOLDER/engines.
#   tests/engines/setup.sh BUILD_FOLDER [--spark]
# Needs node and npm, python3 with venv; with --spark also Java 11 or 17 and mvn. Quiet; does nothing when all is there.
# Ends with 77, and says why, when one of these is missing or a package registry can't be reached.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: setup.sh BUILD_FOLDER [--spark]" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/engines"
engines=$(cd "$1/engines" && pwd)

skip() {
  echo "skipped: $*" >&2
  exit 77
}

needs() {
  for program in "$@"; do
    command -v "$program" > /dev/null || skip "there is no $program"
  done
}

# Runs the command. Where it fails for want of a network, that is no fault of ours.
reaching() {
  status=0
  "$@" > "$engines/setup.log" 2>&1 || status=$?
  if [ $status -eq 0 ]; then return 0; fi
  cat "$engines/setup.log" >&2
  if grep -qiE "$unreachable" "$engines/setup.log"; then skip "a package registry can't be reached"; fi
  echo "setup.sh: $1 failed" >&2
  exit 1
}
unreachable='ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT'
unreachable="$unreachable|name resolution|unknown host|no route to host|network is unreachable|connection (refused|reset)"
unreachable="$unreachable|failed to establish a new connection|timed out|cannot connect to proxy|no plugin found for prefix"
unreachable="$unreachable|status code:? (403|407|50[234])"

# Installs by `command...` unless the files named before it are as they were the last time.
#   once NAME FILE command...
once() {
  stamp=$engines/.$1
  file=$2
  shift 2
  if [ -f "$stamp" ] && cmp -s "$file" "$stamp"; then return 0; fi
  "$@"
  cp "$file" "$stamp"
}

install_npm() {
  needs node npm
  cp "$here/package.json" "$engines/package.json"
  # The scripts look for the packages in this folder.
  reaching npm install --prefix "$engines" --loglevel error --no-audit --no-fund --no-package-lock
}

install_python() {
  needs python3
  if [ ! -x "$engines/venv/bin/pip" ]; then
    python3 -m venv "$engines/venv" > /dev/null || skip "python3 has no venv"
  fi
  reaching "$engines/venv/bin/pip" install --quiet --disable-pip-version-check --retries 2 -r "$1"
}

install_jar() {
  needs java mvn
  artifact=$(cat "$here/spark-runtime.txt")
  reaching mvn --quiet --batch-mode dependency:copy -Dartifact="$artifact" -DoutputDirectory="$engines/jars"
}

once npm "$here/package.json" install_npm
once python "$here/requirements.txt" install_python "$here/requirements.txt"
if [ "${2:-}" = --spark ]; then
  needs java
  once pyspark "$here/requirements-spark.txt" install_python "$here/requirements-spark.txt"
  once jar "$here/spark-runtime.txt" install_jar
fi
