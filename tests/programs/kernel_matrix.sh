#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs kernel_matrix as a user does. Usage: kernel_matrix.sh PROGRAM HELPER TESTS_FOLDER
# HELPER (helper/golden.cpp) turns the golden cases into files and compares matrices.
set -u
program=$1 helper=$2 tests=$3
source "$(dirname "$0")/helper/expect.sh"

# The golden cases: CASE.json CASE.csv CASE.x2.csv (where there is one) CASE.ntk.csv CASE.nngp.csv
"$helper" write "$tests/golden/kernels.json" . >cases || fail "cannot write the golden cases"
[ "$(wc -l <cases)" -ge 20 ] || fail "too few golden cases"
while read -r name; do
  x2=()
  [ -f "$name.x2.csv" ] && x2=(--x2 "$name.x2.csv")
  for kernel in ntk nngp; do
    for precision in double float; do
      run 0 --topology "$name.json" --x "$name.csv" "${x2[@]}" --kernel $kernel --precision $precision
      [ -s err ] && fail "noise on standard error: $name"
      tolerance=$([ $precision = double ] && echo 1e-13 || echo 2e-6)
      "$helper" compare out "$name.$kernel.csv" $tolerance || fail "$name $kernel $precision"
    done
  done
done <cases

# Ways in and out give the same numbers to the last bit.
net=(--topology sparse-shortcut-4.json --kernel ntk) x=sparse-shortcut-4.csv
run 0 "${net[@]}" --x $x
cp out expected.csv
run 0 "${net[@]}" --x $x --output k.csv
[ -s out ] && fail "wrote to standard output beside --output"
same k.csv expected.csv "--output"
run 0 "${net[@]}" --x $x --output k.npy
"$helper" compare k.npy expected.csv 0 || fail "NPY out"
"$helper" npy $x x.npy
run 0 "${net[@]}" --x x.npy
same out expected.csv "NPY in"
run 0 "${net[@]}" --x - <x.npy
same out expected.csv "NPY from standard input"
run 0 "${net[@]}" --x <(cat x.npy)
same out expected.csv "NPY from a pipe"
gzip -k x.npy
run 0 "${net[@]}" --x x.npy.gz
same out expected.csv "packed NPY"
(echo "a,b,c,d,e,f" && cat $x) >header.csv
run 0 "${net[@]}" --x header.csv
same out expected.csv "CSV with a header"
run 0 "${net[@]}" --x $x --x2 $x
"$helper" compare out expected.csv 1e-14 || fail "x2"
head -1 $x >first.csv
run 0 "${net[@]}" --x first.csv --x2 $x
[ "$(wc -l <out)" -eq 1 ] || fail "one row of x is not one row of the matrix"
"$helper" compare out <(head -1 expected.csv) 1e-14 || fail "one row"
OMP_NUM_THREADS=1 run 0 "${net[@]}" --x $x
same out expected.csv "one thread"
run 0 "${net[@]}" --x $x --plan --dot net.dot --svg net.svg
same out expected.csv "--plan"
grep -q '^plan of ' err || fail "--plan prints no plan"
grep -q '^digraph' net.dot || fail "--dot writes no graph"
grep -q '^<svg ' net.svg || fail "--svg draws nothing"
run 0 --help
grep -q -- '--precision' out || fail "--help"

# Values beyond the range of float survive --precision float.
echo "1e30,1e30" >huge.csv
run 0 --topology chain-relu-1.json --x huge.csv --kernel ntk --precision float
grep -q 'e+' out || fail "the range of float: $(cat out)"

# The NNGP of shared weights that are the output has no NTK.
cat >tied.json <<'END'
{"sst_topology": 1, "output": "y", "nodes": [
  {"name": "x", "op": "input"},
  {"name": "h", "op": "dense", "inputs": ["x"], "weight_std": 1, "weights": "W"},
  {"name": "a", "op": "relu", "inputs": ["h"]},
  {"name": "y", "op": "dense", "inputs": ["a"], "weight_std": 1, "weights": "W"}]}
END
run 0 --topology tied.json --x $x --kernel nngp
refuse "node 'y'" --topology tied.json --x $x --kernel ntk

# Wrong options.
usage "--topology" --x $x --kernel ntk
usage "--x" --topology tied.json --kernel ntk
usage "--kernel" --topology tied.json --x $x
usage "--kernel" --topology tied.json --x $x --kernel gauss
usage "--precision" "${net[@]}" --x $x --precision half
usage "--output" "${net[@]}" --x $x --output k.txt
usage "--shape" "${net[@]}" --x $x --shape 3,2
usage "is the file that --dot writes" "${net[@]}" --x $x --output k.csv --dot same.svg --svg same.svg
usage "is the file that --topology reads" "${net[@]}" --x $x --dot "${net[1]}"
usage "--depth" "${net[@]}" --x $x --depth 3

# Images.
cat >image.json <<'END'
{"sst_topology": 1, "output": "y", "nodes": [
  {"name": "x", "op": "input"},
  {"name": "h", "op": "conv", "inputs": ["x"], "weight_std": 1.4, "bias_std": 0.1, "window": [3, 3]},
  {"name": "a", "op": "relu", "inputs": ["h"]},
  {"name": "p", "op": "avg_pool", "inputs": ["a"], "window": [2, 1]},
  {"name": "g", "op": "conv", "inputs": ["p"], "weight_std": 1.4, "window": [1, 2], "padding": "circular"},
  {"name": "b", "op": "relu", "inputs": ["g"]},
  {"name": "f", "op": "flatten", "inputs": ["b"]},
  {"name": "y", "op": "dense", "inputs": ["f"], "weight_std": 1}]}
END
for kernel in ntk nngp; do
  image=(--topology image.json --kernel $kernel --shape 2,3,1)
  run 0 "${image[@]}" --x $x
  cp out image.csv
  run 0 "${image[@]}" --x $x --precision float
  "$helper" compare out image.csv 2e-6 || fail "images in float, $kernel"
  run 0 "${image[@]}" --x $x --x2 $x
  "$helper" compare out image.csv 1e-13 || fail "images, x2, $kernel"
done
# Rows are images of one position, on the engine for images as well.
run 0 "${net[@]}" --x $x --shape 1,1,6
"$helper" compare out expected.csv 1e-13 || fail "images of one position"
run 0 "${image[@]}" --x $x --plan
grep -q 'displacements' err || fail "--plan prints no plan of images"
usage "--shape" "${image[@]:0:4}" --x $x --shape 0,3,1
refuse "node 'h' (conv)" --topology image.json --x $x --kernel ntk
refuse "$x" --topology image.json --x $x --kernel ntk --shape 2,3,2

# Bad input.
refuse "node 'y' (dense) is the output and has 1 x 2 positions" "${net[@]}" --x $x --shape 1,2,3
refuse "none.json" --topology none.json --x $x --kernel ntk
refuse "none.csv" "${net[@]}" --x none.csv
refuse "none.npy" "${net[@]}" --x none.npy
refuse "nowhere" "${net[@]}" --x $x --output nowhere/k.csv
printf '1,2\n3,4\n' >two.csv
refuse "two.csv" "${net[@]}" --x $x --x2 two.csv
printf '1,2\n3,x\n' >text.csv
refuse "text.csv, row 2, column 2" "${net[@]}" --x text.csv
printf '1,2\n3\n' >ragged.csv
refuse "ragged.csv, row 2, column 2" "${net[@]}" --x ragged.csv
printf '1,nan\n' >nan.csv
refuse "nan.csv, row 1, column 2" "${net[@]}" --x nan.csv
: >empty.csv
refuse "empty.csv" "${net[@]}" --x empty.csv
echo "1e200,1e200" >overflow.csv
refuse "scale" "${net[@]}" --x overflow.csv
sed 's/"op": "dense", "inputs": \["a"\], "weight_std": 1/"op": "relu", "inputs": ["a"]/; s/, "weights": "W"//g' tied.json >relu.json
refuse "node 'y' (relu)" --topology relu.json --x $x --kernel nngp
for file in "$tests"/topology/malformed/*.json; do
  refuse "$file: " --topology "$file" --x $x --kernel ntk
done
# Ctrl-C, in the middle of many images, stops it; what was there before stays.
sed 's/flatten/global_avg_pool/' image.json >pooled.json
awk 'BEGIN { srand(1); for (i = 0; i < 1500; ++i) { for (j = 1; j < 256; ++j) printf "%.3f,", rand(); print rand() } }' >many.csv
echo kept >kept.npy
interrupt INT --topology pooled.json --kernel ntk --shape 16,16,1 --x many.csv --output kept.npy
[ "$(cat kept.npy)" = kept ] || fail "Ctrl-C left half a file"
if [ -w /dev/full ]; then
  "$program" "${net[@]}" --x $x >/dev/full 2>err && fail "a full disk is not noticed"
  "$program" --help >/dev/full 2>err && fail "a full disk is not noticed by --help"
fi

[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
