#!/bin/sh
# Every public header compiles alone, without OpenMP, included twice, without a warning; two at a time. Bodies, in
# headers of their own, are left out of the others: they would be compiled again with each; and the parts of
# sst/instantiate.hpp are compiled with it, and alone by every build.
# Usage: compile.sh INCLUDE_DIR EIGEN_INCLUDE_DIR CXX [MPI_INCLUDE_DIRS, with ; between: else without cluster/]
set -eu
cd "$1"
EIGEN=$2
CXX=$3
MPI=${4:+-isystem $(printf %s "$4" | sed 's/;/ -isystem /g')}
export EIGEN CXX MPI
[ -f sst/ntk.hpp ] || { echo "no sst/ntk.hpp in $1"; exit 1; }
# What is generated is one line a header, so that the header is not the main file.
find sst -name '*.hpp' | grep -v '^sst/instantiate/' | if [ "$MPI" ]; then cat; else grep -v '^sst/cluster/'; fi | sort | xargs -P 2 -n 1 sh -c '
  printf "#include <%s>\n#include <%s>\n" "$1" "$1" |
    "$CXX" -std=c++20 -D SST_EXTERN_TEMPLATES -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I . -isystem "$EIGEN" $MPI -x c++ - ||
    { echo "$1 does not compile alone"; exit 1; }' sh
