# SPDX-License-Identifier: MIT
#
# What the tests of the programs share; sourced once `program` is set. They run in a folder of their own, and set
# `option`, one of the options that the usage has to name.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0 refusals=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# run STATUS ARGUMENTS...: the program has to end with that status; leaves `out` and `err`.
run() {
  local expected=$1
  shift
  "$program" "$@" >out 2>err
  local status=$?
  [ $status -eq "$expected" ] || fail "status $status, not $expected: $* ($(head -c 300 err))"
}

# untouched WHAT: what must be as it was after a refusal; a test may define its own.
untouched() { :; }

# refuse TEXT ARGUMENTS...: status 1, nothing on standard output, one line with the text on standard error.
refuse() {
  local text=$1
  shift
  run 1 "$@"
  refusals=$((refusals + 1))
  [ -s out ] && fail "wrote to standard output: $*"
  [ "$(wc -l <err)" -eq 1 ] || fail "not one line on standard error: $* ($(head -c 300 err))"
  grep -q "^$(basename "$program"): " err || fail "no program name: $(cat err)"
  grep -qF -- "$text" err || fail "'$text' is not in: $(cat err)"
  untouched "$*"
}

# usage TEXT ARGUMENTS...: status 2 and the usage on standard error.
usage() {
  local text=$1
  shift
  run 2 "$@"
  [ -s out ] && fail "wrote to standard output: $*"
  grep -qF -- "$text" err || fail "'$text' is not in: $(head -1 err)"
  grep -q -- "$option" err || fail "no usage on standard error: $*"
  untouched "$*"
}

same() { cmp -s "$1" "$2" || fail "$1 and $2 differ: $3"; }

# interrupt ARGUMENTS...: Ctrl-C, a second after the start.
interrupt() {
  "$program" "$@" >out 2>err &
  local pid=$!
  sleep 1
  kill -INT $pid 2>/dev/null
  wait $pid
  local status=$?
  [ $status -eq 130 ] || fail "status $status after Ctrl-C ($(cat err))"
  [ "$(cat err)" = "${program##*/}: interrupted; no result was written" ] || fail "after Ctrl-C: $(cat err)"
}
