#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Other people's files: runs the `cmd` of every folder of tests/cases in a copy of it, and holds what it says
# against `expected`: the status, and on each further line an extended regular expression that some line of
# its output has to match, or "=N " and one that so many lines have to match.
# Usage: cases.sh REGRESS KERNEL_MATRIX IMAGE_CLASSIFICATION CASES_FOLDER
set -u
export REGRESS=$1 KERNEL_MATRIX=$2 IMAGES=$3
cases=$(cd "$4" && pwd) || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0 count=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

for folder in "$cases"/*/; do
  name=$(basename "$folder")
  cp -r "$folder" "$work/$name" && cd "$work/$name" || exit 1
  grep -q IMAGES cmd && [ -z "$IMAGES" ] && continue
  bash cmd >"$work/said" 2>&1
  status=$?
  count=$((count + 1))
  before=$failures
  while IFS= read -r line; do
    case $line in
      "status "*) [ "status $status" = "$line" ] || fail "$name: status $status, not ${line#status }" ;;
      =[0-9]*" "*)
        wanted=${line%% *} found=$(grep -cE -- "${line#* }" "$work/said")
        [ "=$found" = "$wanted" ] || fail "$name: $found lines, not $wanted: ${line#* }"
        ;;
      *) grep -qE -- "$line" "$work/said" || fail "$name: no line has: $line" ;;
    esac
  done <expected
  [ $failures -eq $before ] || head -c 2000 "$work/said"
  # Whatever happens, nothing is said that cannot be seen or read.
  LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$work/said" && fail "$name: control characters"
done
[ $count -gt 0 ] || fail "no cases"
[ $failures -eq 0 ] && echo "all $count cases are as expected"
exit $((failures > 0))
