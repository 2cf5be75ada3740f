#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs pictures as a user does; the guides show what it draws. Usage: pictures.sh PROGRAM DOCS_PICTURES
set -u
program=$1 shown=$2
source "$(dirname "$0")/helper/expect.sh"

names="calibration infinite_depth kernel_profiles one_neuron one_neuron_error parameters posterior slopes topology_chain topology_densely_connected topology_residual topology_sparse_shortcut"
mkdir first second
run 0 --output first
[ -s err ] && fail "noise on standard error: $(cat err)"
[ "$(ls first | tr '\n' ' ')" = "$(printf '%s.svg ' $names)" ] || fail "other files: $(ls first)"
for name in $names; do
  head -c 5 first/$name.svg | grep -q '^<svg ' || fail "$name is no SVG"
  [ "$(wc -c <first/$name.svg)" -lt 60000 ] || fail "$name is too large"
  grep -qE 'nan|inf[^e]' first/$name.svg && fail "$name has a number that is not finite"
  # Coordinates may round differently between compilers; what is drawn may not.
  words() { grep -o '>[^<>]*</text>' "$1"; }
  [ "$(words first/$name.svg)" = "$(words "$shown/$name.svg")" ] || fail "docs show another $name"
done
OMP_NUM_THREADS=1 run 0 --output second
for name in $names; do same first/$name.svg second/$name.svg "one thread"; done

run 0 --help
refuse "cannot write 'nowhere/topology_chain.svg' (there is no folder" --output nowhere
refuse "nowhere.csv" --data nowhere.csv --output first
usage "--colour" --colour red

[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
