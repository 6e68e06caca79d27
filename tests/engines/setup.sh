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
. "$here/../support/install.sh"
install_into "$1/engines"

install_jar() {
  needs java mvn
  artifact=$(cat "$here/spark-runtime.txt")
  reaching mvn --quiet --batch-mode dependency:copy -Dartifact="$artifact" -DoutputDirectory="$into/jars"
}

once npm "$here/package.json" install_npm
once python "$here/requirements.txt" install_python "$here/requirements.txt"
if [ "${2:-}" = --spark ]; then
  needs java
  once pyspark "$here/requirements-spark.txt" install_python "$here/requirements-spark.txt"
  once jar "$here/spark-runtime.txt" install_jar
fi
