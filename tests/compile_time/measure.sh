#!/usr/bin/env bash
# The compile time of a program with one include and one fit, in units of Eigen's Cholesky alone. CPU time of two
# compilations side by side, so that it holds on a busy machine; above the budget it fails.
# Usage: measure.sh INCLUDE_DIR EIGEN_INCLUDE_DIR CXX BUDGET
set -euo pipefail
include=$1 eigen=$2 cxx=$3 budget=$4
here=$(dirname "$0")
TIMEFORMAT='%U'
seconds() { { time "$cxx" -std=c++20 -O2 -fopenmp -I "$include" -isystem "$eigen" -c "$here/$1.cpp" -o /dev/null >&2; } 2>&1 | tail -n 1; }
unit=$(seconds llt)
fit=$(seconds fit)
awk -v unit="$unit" -v fit="$fit" -v budget="$budget" 'BEGIN {
  if (unit <= 0 || fit <= 0) { print "the compiler failed"; exit 1 }
  ratio = fit / unit
  printf "one include, one fit: %.1f s; Eigen alone: %.1f s; ratio %.1f, budget %.1f\n", fit, unit, ratio, budget
  exit ratio > budget
}'
