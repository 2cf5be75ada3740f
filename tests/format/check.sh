#!/bin/sh
# All sources are as clang-format lays them out, with the list in .clang-format.
# Usage: check.sh SOURCE_DIR CLANG_FORMAT
set -eu
cd "$1"
sources=$(find include tests examples benchmarks cmake -name '*.hpp' -o -name '*.cpp')
[ "$(echo "$sources" | wc -l)" -ge 100 ] || { echo "only a few sources found in $1"; exit 1; }
echo "$sources" | xargs "$2" --style=file --dry-run -Werror
