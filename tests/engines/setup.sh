#!/bin/sh
# Installs the engines that tests read our tables with, by exact version, below BUILD_FOLDER/engines.
#   tests/engines/setup.sh BUILD_FOLDER [--spark]
# Needs node and npm, python3 with venv; with --spark also Java 11 or 17 and mvn. Quiet; does nothing when all is there.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: setup.sh BUILD_FOLDER [--spark]" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/engines"
engines=$(cd "$1/engines" && pwd)

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
  cp "$here/package.json" "$engines/package.json"
  (cd "$engines" && npm install --silent --no-audit --no-fund --no-package-lock)
  # The script is found beside its packages: node looks for them from where the script lies.
}

install_python() {
  [ -x "$engines/venv/bin/python" ] || python3 -m venv "$engines/venv"
  "$engines/venv/bin/pip" install --quiet --disable-pip-version-check -r "$1"
}

install_jar() {
  mvn --quiet dependency:copy -Dartifact="$(cat "$here/spark-runtime.txt")" -DoutputDirectory="$engines/jars"
}

once npm "$here/package.json" install_npm
once python "$here/requirements.txt" install_python "$here/requirements.txt"
if [ "${2:-}" = --spark ]; then
  once pyspark "$here/requirements-spark.txt" install_python "$here/requirements-spark.txt"
  once jar "$here/spark-runtime.txt" install_jar
fi
