#!/bin/sh
# SPDX-License-Identifier: MIT
# Every file of a folder compiles alone, without OpenMP, without a warning, headers included twice; two at a time. In
# include/ bodies, in headers of their own, are left out of the others: they would be compiled again with each; and the
# parts of sst/instantiate.hpp are compiled with it, and alone by every build. Benchmarks are built for quiet machines.
# Usage: compile.sh SOURCE_DIR include|benchmarks EIGEN_INCLUDE_DIR CXX [MPI_INCLUDE_DIRS, with ; between: else without cluster/]
set -eu
cd "$1"
EIGEN=$3
CXX=$4
MPI=${5:+-isystem $(printf %s "$5" | sed 's/;/ -isystem /g')}
export EIGEN CXX MPI
[ -f include/sst/ntk.hpp ] || { echo "no include/sst/ntk.hpp in $1"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work
# Eigen is read once, for files that reach it, themselves or by other files of ours (half of the time).
echo '#include <Eigen/Core>' > "$work/eigen.hpp"
"$CXX" -std=c++20 -isystem "$EIGEN" -x c++-header "$work/eigen.hpp" -o "$work/eigen.hpp.gch"
grep -rl '^#include <Eigen/' include "$2" | sort -u > "$work/reach"
known=0
while [ "$(wc -l < "$work/reach")" -gt "$known" ]; do
  known=$(wc -l < "$work/reach")
  sed 's|^include/|#include <|; s|$|>|' "$work/reach" > "$work/lines"
  grep -rlFf "$work/lines" include "$2" | sort -u - "$work/reach" > "$work/more"
  mv "$work/more" "$work/reach"
done
# What is generated is one line a header, so that the header is not the main file.
find "$2" -name '*.[ch]pp' | grep -v /instantiate/ | if [ "$MPI" ]; then cat; else grep -v -e /cluster/ -e /time_cluster; fi | sort | xargs -P 2 -n 1 sh -c '
  eigen=$(! grep -qxF "$1" "$work/reach" || echo -include "$work/eigen.hpp")
  { printf "#include \"%s\"\n" "$1"; case $1 in *.hpp) printf "#include \"%s\"\n" "$1" ;; esac; } |
    "$CXX" -std=c++20 -D SST_EXTERN_TEMPLATES -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
           $eigen -iquote . -I include -isystem "$EIGEN" $MPI -x c++ - || { echo "$1 does not compile alone"; exit 1; }' sh
