#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs expressibility as a user does. Usage: expressibility.sh PROGRAM
set -u
program=$1
source "$(dirname "$0")/helper/expect.sh"

run 0
cp out paper.txt
grep -q '^sparse_shortcut .* 35\.' out || fail "the paper's comparison: $(grep '^sparse_shortcut' out)"
grep -q 'splits' out && fail "splits that nobody asked for"

# Many splits come after it, with a comparison for each pair, kernel and depth.
run 0 --splits 3 --json splits.json
[ -s err ] && fail "noise on standard error: $(head -c 300 err)"
head -"$(wc -l <paper.txt)" out | cmp -s - paper.txt || fail "the paper's comparison is another beside --splits"
[ "$(grep -c '"wins"' splits.json)" -eq 42 ] || fail "not 3 pairs x 2 kernels x 7 depths"
grep -q '^sparse_shortcut less residual, nngp' out || fail "no comparison: $(cat out)"
# A chain of K layers between the first and the last has depth K, but for its small biases.
grep -A9 '^Effective depth' out | grep '^chain ' | awk '{ for (k = 4; k <= 10; ++k) if (($(k - 2) - k) ^ 2 > 9) exit 1 }' ||
  fail "effective depth: $(grep -A9 '^Effective depth' out)"
OMP_NUM_THREADS=1 run 0 --splits 3 --json one.json
same one.json splits.json "one thread"
run 0 --splits 3 --standardize --json standard.json
cmp -s standard.json splits.json && fail "--standardize has no effect"
usage '--standardize' --standardize
usage '--splits' --splits 1

exit $((failures > 0))
