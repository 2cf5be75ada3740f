#!/bin/sh
# Every benchmark still compiles, without a warning; two at a time. What they time is for quiet machines.
# Usage: compile.sh SOURCE_DIR EIGEN_INCLUDE_DIR CXX [MPI_INCLUDE_DIRS, with ; between: else without time_cluster]
set -eu
cd "$1"
EIGEN=$2
CXX=$3
MPI=${4:+-isystem $(printf %s "$4" | sed 's/;/ -isystem /g')}
export EIGEN CXX MPI
ls benchmarks/*.cpp | if [ "$MPI" ]; then cat; else grep -v time_cluster; fi | xargs -P 2 -n 1 sh -c '
  "$CXX" -std=c++20 -D SST_EXTERN_TEMPLATES -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
         -I include -isystem "$EIGEN" $MPI "$1" || { echo "$1 does not compile"; exit 1; }' sh
