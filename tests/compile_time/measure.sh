#!/usr/bin/env bash
# What a program with one include and one fit makes the compiler do, in units of Eigen's Cholesky alone: with all of the
# library in it, and with its large templates in a file of their own (sst/instantiate.hpp). Counted in functions compiled,
# which are the same on any machine; above a budget it fails. With `time` the seconds of an optimised compilation as well.
# Usage: measure.sh INCLUDE_DIR EIGEN_INCLUDE_DIR CXX BUDGET_ALONE BUDGET_SHARED [time]
set -euo pipefail
include=$1 eigen=$2 cxx=$3 alone_budget=$4 shared_budget=$5 with_time=${6:-}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile() {  # PROGRAM LEVEL [FLAGS...]
  "$cxx" -std=c++20 "$2" -fopenmp -I "$include" -isystem "$eigen" "${@:3}" -c "$here/$1.cpp" -o "$work/object.o"
}
functions() {
  compile "$1" -O0 "${@:2}" || return 1  # the object of the last program is still there
  nm --defined-only "$work/object.o" | grep -c ' [tTwW] '
}
TIMEFORMAT='%U'
seconds() { { time compile "$1" -O2 "${@:2}" >&2; } 2>&1 | tail -n 1; }
report() {  # WHAT_IS_COUNTED UNIT ALONE SHARED
  awk -v what="$1" -v unit="$2" -v alone="$3" -v shared="$4" 'BEGIN {
    printf "%s: Eigen alone %s\none include, one fit: %s, ratio %.2f\nthe same with shared templates: %s, ratio %.2f\n",
           what, unit, alone, alone / unit, shared, shared / unit }'
}
unit=$(functions llt)
alone=$(functions fit)
shared=$(functions fit -DSST_EXTERN_TEMPLATES)
report "functions compiled" "$unit" "$alone" "$shared"
[ "$with_time" != time ] || report "seconds" "$(seconds llt)" "$(seconds fit)" "$(seconds fit -DSST_EXTERN_TEMPLATES)"
awk -v unit="$unit" -v alone="$alone" -v shared="$shared" -v alone_budget="$alone_budget" -v shared_budget="$shared_budget" 'BEGIN {
  printf "budgets: %.2f and %.2f\n", alone_budget, shared_budget
  exit alone > alone_budget * unit || shared > shared_budget * unit
}'
