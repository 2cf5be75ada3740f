#!/bin/sh
# Compiles the README's program with the command the README gives, and runs it.
# Usage: compile.sh SOURCE_DIR
set -eu
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n '/^```cpp$/,/^```$/p' README.md | sed '1d;/^```$/,$d' > "$work/example.cpp"
lines=$(wc -l < "$work/example.cpp")
[ "$lines" -ge 10 ] || { echo "README.md has no program"; exit 1; }
command=$(sed -n '/^g++ .*example.cpp$/p' README.md | head -n 1 | sed 's/ example\.cpp$//')
[ -n "$command" ] || { echo "README.md does not say how to compile its program"; exit 1; }
$command "$work/example.cpp" -o "$work/example"
"$work/example" > "$work/out"
[ "$(wc -l < "$work/out")" -eq 5 ] || { echo "the README's program did not print five predictions"; exit 1; }
