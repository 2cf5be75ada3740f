#!/bin/sh
# The programs of docs/cluster.md that take several processes (```c++) compile, run as two, and print something.
# Usage: cluster.sh SOURCE_DIR MPIEXEC MPICXX LIBRARY_OF_TEMPLATES [FLAGS AND LIBRARIES...]
set -eu
cd "$1"
mpiexec=$2 mpicxx=$3 templates=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -v work="$work" '/^```c\+\+$/ { inside = 1; ++count; next }
  /^```$/ { inside = 0 }
  inside { print > (work "/" count ".cpp") }' docs/cluster.md
count=0
for program in "$work"/*.cpp; do
  "$mpicxx" -std=c++20 -O1 -fopenmp -Wall -Wextra -Werror -D SST_EXTERN_TEMPLATES -I include -isystem "${EIGEN:-/usr/include/eigen3}" \
            "$program" "$templates" "$@" -o "${program%.cpp}"
  lines=$("$mpiexec" -n 2 "${program%.cpp}" | wc -l)
  [ "$lines" -ge 2 ] || { echo "program $program of docs/cluster.md printed $lines lines"; exit 1; }
  count=$((count + 1))
done
[ "$count" -ge 2 ] || { echo "docs/cluster.md has $count programs for several processes"; exit 1; }
echo "$count programs of docs/cluster.md ran as two processes"
