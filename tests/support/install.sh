# What the setup.sh of tests have in common that install programs of others, by exact version, below a build folder. To be
# sourced by a script that has called "set -eu" and whose `here` has the lists of what to install:
#   install_into BUILD_FOLDER/NAME    first of all
#   once NAME FILE command...         runs an installation when FILE is not as it was the last time
# Ends the script with 77, and says why, when a program is missing or a package registry can't be reached; with 1 when an
# installation fails for another reason. A script may set `patience` (a command that ends another, as "timeout 240") and
# `forgiving` (not empty: any failure is a reason to skip).
patience=
forgiving=

install_into() {
  mkdir -p "$1"
  into=$(cd "$1" && pwd)
}

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
  $patience "$@" > "$into/setup.log" 2>&1 || status=$?
  if [ $status -eq 0 ]; then return 0; fi
  cat "$into/setup.log" >&2
  if [ -n "$forgiving" ]; then skip "$1 could not install what it should"; fi
  if grep -qiE "$unreachable" "$into/setup.log"; then skip "a package registry can't be reached"; fi
  echo "setup.sh: $1 failed" >&2
  exit 1
}
unreachable='ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT'
unreachable="$unreachable|name resolution|unknown host|no route to host|network is unreachable|connection (refused|reset)"
unreachable="$unreachable|failed to establish a new connection|timed out|cannot connect to proxy|no plugin found for prefix"
unreachable="$unreachable|status code:? (403|407|50[234])"

once() {
  stamp=$into/.$1
  file=$2
  shift 2
  if [ -f "$stamp" ] && cmp -s "$file" "$stamp"; then return 0; fi
  "$@"
  cp "$file" "$stamp"
}

install_npm() {
  needs node npm
  cp "$here/package.json" "$into/package.json"
  # Scripts look for the packages in this folder.
  reaching npm install --prefix "$into" --loglevel error --no-audit --no-fund --no-package-lock
}

# install_python REQUIREMENTS_FILE
install_python() {
  needs python3
  if [ ! -x "$into/venv/bin/pip" ]; then
    python3 -m venv "$into/venv" > /dev/null || skip "python3 has no venv"
  fi
  reaching "$into/venv/bin/pip" install --quiet --disable-pip-version-check --retries 2 -r "$1"
}
