#!/bin/sh
# Compiles the README's C++ program with the command the README gives, and those of the docs as one program that shares
# the large templates (each in a namespace of its own: a fraction of the time); runs them all.
# Usage: compile.sh SOURCE_DIR LIBRARY_OF_THE_TEMPLATES FLAGS...
set -eu
cd "$1"
templates=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command=$(sed -n '/^g++ .*example.cpp$/p' README.md | head -n 1 | sed 's/ example\.cpp$//')
[ -n "$command" ] || { echo "README.md does not say how to compile its program"; exit 1; }

sed -n '/^```cpp$/,/^```$/p' README.md | grep -v '^```' > "$work/readme.cpp"
awk -v work="$work" '
  /^```cpp$/ { inside = 1; printf "namespace program_%d {  // %s\n", ++count, FILENAME > work "/bodies"; next }
  /^```$/ { if (inside) print "return 0; }\n}" > work "/bodies"; inside = 0; last = "" }  # no main() to end without
  !inside { next }
  /^#include/ { print > work "/includes"; next }
  { if (last != "") print last > work "/bodies"; last = $0 == "" ? " " : $0 }
  END {
    print "int main(int, char** which) {" > work "/bodies"
    print "  switch (std::stoi(which[1])) {" > work "/bodies"
    for (i = 1; i <= count; ++i) printf "    case %d: return program_%d::main();\n", i, i > work "/bodies"
    print "  }\n  return 1;\n}" > work "/bodies"
    print count > work "/count"
  }' docs/*.md
{ sort -u "$work/includes"; echo '#include <string>'; cat "$work/bodies"; } > "$work/docs.cpp"
programs=$(cat "$work/count")
[ "$programs" -ge 9 ] || { echo "only $programs programs found in docs"; exit 1; }

run() {  # NAME PROGRAM [NUMBER]
  "$work/$2" ${3:-} > "$work/out" || { echo "$1 fails"; exit 1; }
  [ "$(wc -l < "$work/out")" -ge 3 ] || { echo "$1 printed too little"; exit 1; }
}
${command%-O2*}-O1${command#*-O2} -D SST_EXTERN_TEMPLATES "$@" "$work/docs.cpp" "$templates" -lz -o "$work/docs" & docs=$!
$command "$work/readme.cpp" -o "$work/readme" || { echo "the program of README.md does not compile"; exit 1; }
wait $docs || { echo "the programs of docs do not compile"; exit 1; }
run README.md readme
for n in $(seq "$programs"); do run "program $n of docs" docs "$n"; done
