#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs interpretability as a user does. Usage: interpretability.sh PROGRAM
set -u
program=$1
source "$(dirname "$0")/helper/expect.sh"

bytes() { head -c "$1" /dev/zero | tr '\0' "\\$2"; }
# npy: the header as numpy writes it, padded to 128 bytes.
npy() { # npy SHAPE
  printf '\x93NUMPY\x01\x00\x76\x00' && printf '%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': $1, }"
}
# complete FILE: every topology's maps add up to its scores.
complete() {
  [ "$(grep -c '"completeness"' "$1")" -gt 0 ] || fail "no completeness in $1"
  awk '/"completeness"/ {gsub(",", ""); if (!($2 <= 1e-11)) exit 1}' "$1" || fail "incomplete: $(grep '"completeness"' "$1")"
}
# numbers FILE: all but times.
numbers() { grep -v '"seconds"' "$1"; }

# Digits on clutter, topologies with and without taps.
job=(--limit 24 8 --classes 0 1 --size 8 --depth 3)
run 0 "${job[@]}" --json r.json --svg c.svg --pictures p.svg --rows 3
[ -s err ] && fail "noise on standard error: $(cat err)"
grep -q '^digits, 8 x 8 x 1: 24 images to train on, 8 to explain' out || fail "no heading: $(head -1 out)"
grep -q '^For each topology: 300 pairs of images to train, 192 with derivatives' out || fail "no plan: $(sed -n 2p out)"
for family in plain residual densely_connected sparse_shortcut sparse_shortcut_concat; do
  for map in 'full gradients' 'input gradient' occlusion; do
    grep -q "^$map  *$family  *[0-9]" out || fail "no row of $map, $family: $(cat out)"
  done
  grep -q "^$family: input [0-9.]*, " out || fail "no shares of $family"
done
for map in contrast 'centred Gaussian' 'best possible'; do grep -q "^$map  *-  *[0-9]" out || fail "no row of $map"; done
grep -q '^sparse_shortcut_concat: h1 [0-9.]*, h2 [0-9.]*$' out || fail "no taps: $(tail -3 out)"
[ "$(grep -c '^plain  *residual  ' out)" -eq 3 ] || fail "no pairs of topologies"
complete r.json
[ "$(grep -c '"percentiles"' r.json)" -eq 19 ] || fail "--json: $(grep -c '"percentiles"' r.json)"
grep -q '</svg>' c.svg || fail "--svg"
[ "$(grep -c 'crispEdges' p.svg)" -eq 21 ] || fail "--pictures: $(grep -c crispEdges p.svg)"

# The same numbers with other threads and from the store, which a run with other maps shares.
job+=(--family sparse_shortcut)
run 0 "${job[@]}" --json one.json --threads 1
for more in "--threads 2" "--store kept" "--store kept" "--store kept --threads 1"; do
  run 0 "${job[@]}" --json other.json $more
  same <(numbers one.json) <(numbers other.json) "$more"
done
[ "$(ls kept | wc -l)" -eq 1 ] || fail "the store holds $(ls kept)"
run 0 "${job[@]}" --store kept --patch 3
[ "$(ls kept | wc -l)" -eq 1 ] || fail "another patch is another file: $(ls kept)"
for more in "--kernel nngp" "--seed 1" "--ridge relative:0.1"; do run 0 "${job[@]}" --store kept $more --json r.json && complete r.json; done
[ "$(ls kept | wc -l)" -eq 4 ] || fail "other machines are other files: $(ls kept)"
for torn in kept/*nngp*; do head -c 200 "$torn" >short && mv short "$torn"; done
run 1 "${job[@]}" --store kept --kernel nngp
grep -q '^interpretability: .*kept/.*does not match' err || fail "a torn file: $(cat err)"
for more in "--pool none" "--pool global" "--precision double" "--bias-std 0" "--noise 0 --pieces 0" "--shuffle-labels" "--item 6"; do
  run 0 "${job[@]}" $more --json r.json && complete r.json
done
run 0 --limit 20 4 --classes 0 1 --size 8 --family s3_net --depth 6
grep -q '^s3_net: b1_pool ' out || fail "no taps of s3_net: $(tail -1 out)"
run 0 --help
grep -q -- '--test-masks' out || fail "--help"

# Images of one's own: 12 of two classes, a bright square above or below.
image() { if [ $(($1 % 2)) -eq 0 ]; then bytes 14 200 && bytes 14 1 && bytes 8 "$2"; else bytes 8 "$2" && bytes 14 1 && bytes 14 200; fi; }
mask() { if [ $(($1 % 2)) -eq 0 ]; then bytes 14 1 && bytes 22 0; else bytes 22 0 && bytes 14 1; fi; }
(npy '(12, 6, 6)' && for ((i = 0; i < 12; ++i)); do image $i "0$((i % 7))"; done) >x.npy
(npy '(12, 6, 6)' && for ((i = 0; i < 12; ++i)); do mask $i; done) >m.npy
(npy '(12,)' && for ((i = 0; i < 12; ++i)); do bytes 1 "$((i % 2))"; done) >y.npy
own=(--data npy --labels y.npy --test x.npy --depth 2 --family plain residual)
run 0 "${own[@]}" --path x.npy --test-masks m.npy --test-labels y.npy --json r.json
grep -q '^npy, 6 x 6 x 1: 12 images to train on, 12 to explain' out || fail "npy: $(head -1 out)"
grep -q '^plain  *100.00 ' out || fail "npy: no accuracy"
complete r.json
# The seed wires at random, and changes nothing that is not: shares of the parts of the score.
for seed in 0 1; do
  run 0 "${own[@]:0:6}" --depth 9 --family plain randomly_wired --path x.npy --test-masks m.npy --seed $seed --json r.json
  complete r.json
  grep -E '^(plain|randomly_wired): input ' out >shares$seed
done
diff shares0 shares1 | grep -q '^< randomly_wired' || fail "--seed has no effect: $(cat shares0)"
grep -q '^plain: input ' shares0 || fail "no shares of the plain chain: $(cat out)"
diff shares0 shares1 | grep -q '^< plain' && fail "--seed has an effect on the plain chain: $(cat shares0 shares1)"
run 0 "${own[@]}" --path x.npy --test-masks m.npy --size 4 --limit 8 5
grep -q '^npy, 4 x 4 x 1: 8 images to train on, 5 to explain' out || fail "npy, smaller: $(head -1 out)"
grep -q '^plain  *- ' out || fail "an accuracy without labels"
(npy '(12, 6, 6)' && bytes 432 2) >two.npy
(npy '(12, 6, 6)' && bytes 432 0) >none.npy
(npy '(11, 6, 6)' && bytes 396 1) >few.npy
refuse "numbers other than 0 and 1" "${own[@]}" --path x.npy --test-masks two.npy
refuse "mask 0, counted from 0, has no foreground" "${own[@]}" --path x.npy --test-masks none.npy
refuse "has 11 masks of 6 x 6 x 1 for 12 images" "${own[@]}" --path x.npy --test-masks few.npy
refuse "it has 12 labels for the 11 images" "${own[@]}" --test-masks m.npy --path few.npy
refuse "images of the chosen classes" --limit 2000 10
refuse "randomly_wired of depth 5 does not exist" --limit 24 8 --family randomly_wired --depth 5
refuse "s3_net of depth 7 does not exist" --limit 24 8 --family plain s3_net --depth 7
refuse "cannot make the folder" "${job[@]}" --store /dev/null/store
run 1 "${job[@]}" --json no/such/folder.json
grep -q "^interpretability: cannot write 'no/such/folder.json'" err || fail "--json: $(cat err)"

# Wrong options.
usage "--family" --family transformer
usage "--path is needed" --data mnist
usage "needs --path, --labels, --test and --test-masks" --data npy --path x.npy
usage "belong to --data npy" --labels y.npy
usage "--data npy has images of its own" "${own[@]}" --path x.npy --test-masks m.npy --pieces 3
usage "does not fit into --size" --size 8 --item 9
usage "--rows has no effect" --rows 3
usage "--limit" --limit 1
usage "lies in the folder that --store writes" --store kept --json kept/r.json
usage "cannot both go to standard output" --json - --pictures -

interrupt INT --limit 300 300 --size 16 --pool global

[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
