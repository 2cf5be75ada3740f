#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails with a list "file:line: name: what is missing" unless every public name has its docstring (check.awk says
# what counts). Usage: check.sh SOURCE_DIR OUTPUT_DIR DOXYGEN
set -eu
cd "$1"
rm -rf "$2"
mkdir -p "$2"
{
  cat tests/docstrings/Doxyfile
  echo "OUTPUT_DIRECTORY = \"$2\""
} | "$3" - > "$2/doxygen.log" 2>&1 || { cat "$2/doxygen.log"; exit 1; }
awk -f tests/docstrings/check.awk "$2"/xml/*.xml > "$2/unsorted"
sort -t : -k 1,1 -k 2,2n "$2/unsorted" > "$2/missing"
cat "$2/missing"
test ! -s "$2/missing"

# A list that is empty because nothing was looked at proves nothing: the faults of faults.hpp have to be found.
mkdir "$2/faults"
{
  cat tests/docstrings/Doxyfile
  echo "INPUT = tests/docstrings/faults.hpp"
  echo "OUTPUT_DIRECTORY = \"$2/faults\""
} | "$3" - > "$2/faults/doxygen.log" 2>&1
awk -f tests/docstrings/check.awk "$2"/faults/xml/*.xml 2> /dev/null | sort -t : -k 2,2n > "$2/faults/found"
diff tests/docstrings/faults.txt "$2/faults/found"
