# SPDX-License-Identifier: MIT
#
# What the tests of the programs share; sourced once `program` is set. They run in a folder of their own.
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

# usage TEXT ARGUMENTS...: status 2, and one line on standard error that has the text and points to --help.
usage() {
  local text=$1
  shift
  run 2 "$@"
  [ -s out ] && fail "wrote to standard output: $*"
  [ "$(wc -l <err)" -eq 1 ] || fail "not one line on standard error: $* ($(head -c 300 err))"
  grep -qF -- "$text" err || fail "'$text' is not in: $(cat err)"
  grep -q -- '--help' err || fail "no way to the options: $(cat err)"
  untouched "$*"
}

same() { cmp -s "$1" "$2" || fail "$1 and $2 differ: $3"; }

# interrupt SIGNAL ARGUMENTS...: a signal, a second after the start, or as soon as the command `ready` succeeds where there
# is one; the program has to end soon, with the sentence.
interrupt() {
  local signal=$1 expected=$((128 + $(kill -l "$1")))
  shift
  "$program" "$@" >out 2>err &
  local pid=$! waits=0
  if [ -z "${ready:-}" ]; then sleep 1; fi
  while [ -n "${ready:-}" ] && ! eval "$ready" && [ $((waits++)) -lt 300 ]; do sleep 0.1; done
  kill -"$signal" $pid 2>/dev/null
  # No subshell that waits and is killed: one killed at its birth runs the trap above.
  local tries=0
  while kill -0 $pid 2>/dev/null && [ $((tries++)) -lt 200 ]; do sleep 0.1; done
  [ $tries -lt 200 ] || kill -KILL $pid
  wait $pid
  local status=$?
  [ $status -eq $expected ] || fail "status $status, not $expected, after SIG$signal: $* ($(cat err))"
  [ "$(cat err)" = "${program##*/}: interrupted; every file is as it was, or complete" ] ||
    fail "after SIG$signal: $(cat err)"
}
