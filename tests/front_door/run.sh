#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs of this folder compile without a warning, as a user compiles them, and print first what their last
# comments say. Compiled as one that shares the large templates, each in a namespace of its own: a fraction of the time.
# Usage: run.sh SOURCE_DIR EIGEN_INCLUDE CXX LIBRARY_OF_THE_TEMPLATES FLAGS...
set -eu
cd "$1/tests/front_door"
include=$1/include eigen=$2 cxx=$3 templates=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -h '^#include' ./*.cpp | sort -u > "$work/all.cpp"
programs=$(ls ./*.cpp | sed 's|^\./||; s|\.cpp$||')
for program in $programs; do
  { echo "namespace program_$program {"
    sed '/^#include/d; s/^}$/  return 0;\n}/' "$program.cpp"
    echo "}"; } >> "$work/all.cpp"
done
{ echo 'int main(int, char** which) {'
  for program in $programs; do echo "  if (std::string(which[1]) == \"$program\") return program_$program::main();"; done
  echo '  return 1;'; echo '}'; } >> "$work/all.cpp"
"$cxx" -std=c++20 -O2 -fopenmp -Wall -Wextra -Werror -D SST_EXTERN_TEMPLATES "$@" -I "$include" -isystem "$eigen" \
  "$work/all.cpp" "$templates" -o "$work/all"
for program in $programs; do
  "$work/all" "$program" > "$work/out"
  sed -n '/^}$/,$p' "$program.cpp" | sed -n 's|^// ||p' > "$work/expected"
  [ -s "$work/expected" ] || { echo "$program.cpp does not say what it prints"; exit 1; }
  head -n "$(wc -l < "$work/expected")" "$work/out" | diff "$work/expected" - || { echo "$program.cpp prints something else"; exit 1; }
done
