#!/bin/sh
# Installs the clients of others that tests run against a server, by exact version, below BUILD_FOLDER/wire.
#   tests/wire/setup.sh BUILD_FOLDER
# Needs node and npm, python3 with venv. Quiet; does nothing when all is there. Ends with 77, and says why, when one of these is
# missing or an installation fails.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: setup.sh BUILD_FOLDER" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/install.sh"
install_into "$1/wire"
patience='timeout 240'
forgiving=yes  # whatever an installation fails for here is no fault of the server: its log says what

needs node npm python3
once npm "$here/package.json" install_npm
once python "$here/requirements.txt" install_python "$here/requirements.txt"
