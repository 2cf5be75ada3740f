#!/bin/sh
# Compiles every C++ program of the README and the docs with the command the README gives, and runs it.
# Usage: compile.sh SOURCE_DIR
set -eu
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command=$(sed -n '/^g++ .*example.cpp$/p' README.md | head -n 1 | sed 's/ example\.cpp$//')
[ -n "$command" ] || { echo "README.md does not say how to compile its program"; exit 1; }
programs=0
for page in README.md docs/*.md; do
  # Each ```cpp block is a program; number them across all pages.
  awk -v work="$work" -v start="$programs" '
    /^```cpp$/ { file = sprintf("%s/%d.cpp", work, start++); next }
    /^```$/ { file = "" }
    file { print > file }' "$page"
  while [ -f "$work/$programs.cpp" ]; do
    echo "$page: program $programs"
    $command "$work/$programs.cpp" -o "$work/program"
    "$work/program" > "$work/out"
    [ "$(wc -l < "$work/out")" -ge 3 ] || { echo "$page: program $programs printed too little"; exit 1; }
    programs=$((programs + 1))
  done
done
[ "$programs" -ge 2 ] || { echo "only $programs programs found in README.md and docs"; exit 1; }
