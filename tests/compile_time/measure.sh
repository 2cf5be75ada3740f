#!/usr/bin/env bash
# The compile time of a program with one include and one fit, in units of Eigen's Cholesky alone: with all of the
# library in it, and with its large templates in a file of their own (sst/instantiate.hpp). CPU time of compilations
# side by side, so that it holds on a busy machine; above a budget it fails.
# Usage: measure.sh INCLUDE_DIR EIGEN_INCLUDE_DIR CXX BUDGET_ALONE BUDGET_SHARED
set -euo pipefail
include=$1 eigen=$2 cxx=$3 alone_budget=$4 shared_budget=$5
here=$(dirname "$0")
TIMEFORMAT='%U'
seconds() {
  { time "$cxx" -std=c++20 -O2 -fopenmp -I "$include" -isystem "$eigen" "${@:2}" -c "$here/$1.cpp" -o /dev/null >&2; } 2>&1 |
    tail -n 1
}
unit=$(seconds llt)
alone=$(seconds fit)
shared=$(seconds fit -DSST_EXTERN_TEMPLATES)
awk -v unit="$unit" -v alone="$alone" -v shared="$shared" -v alone_budget="$alone_budget" -v shared_budget="$shared_budget" 'BEGIN {
  if (unit <= 0 || alone <= 0 || shared <= 0) { print "the compiler failed"; exit 1 }
  printf "Eigen alone: %.1f s\none include, one fit: %.1f s, ratio %.1f, budget %.1f\n", unit, alone, alone / unit, alone_budget
  printf "the same with shared templates: %.1f s, ratio %.1f, budget %.1f\n", shared, shared / unit, shared_budget
  exit alone / unit > alone_budget || shared / unit > shared_budget
}'
