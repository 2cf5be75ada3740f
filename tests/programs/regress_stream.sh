#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tables of any length to predict: regress in little memory, from pipes and packed files.
# Usage: regress_stream.sh PROGRAM
set -u
program=$1
source "$(dirname "$0")/helper/expect.sh"

# rows COUNT SEED: a table of five numbers, "a,b,c,d,e".
rows() {
  awk -v n="$1" -v seed="$2" 'BEGIN { srand(seed); print "a,b,c,d,e"
    for (i = 0; i < n; ++i) print rand() "," rand() "," rand() "," rand() "," rand() }'
}
# with_target: the same with y, a function of them.
with_target() {
  awk -F, -v OFS=, 'NR == 1 { print $0, "y"; next } { print $0, sin(5 * $1) * $2 + $3 }'
}
rows 60 1 | with_target >train.csv
run 0 --train train.csv --target y --choose no --save model

# The same digits whatever they come from.
rows 9000 2 | with_target >test.csv
run 0 --load model --test test.csv --std --output whole.csv --json whole.json
[ "$(wc -l <whole.csv)" -eq 9001 ] || fail "not one prediction a row"
gzip -c test.csv >test.csv.gz
for input in test.csv.gz -; do
  run 0 --load model --test $input --std --output again.csv --json again.json <test.csv
  same again.csv whole.csv "$input"
  grep -A99 '"errors"' again.json | sed -E "s#standard input|test.csv.gz#test.csv#" | grep -vE 'seconds|peak' >again.errors
  grep -A99 '"errors"' whole.json | grep -vE 'seconds|peak' >whole.errors
  same again.errors whole.errors "the errors of $input"
done
run 0 --load model --test <(cat test.csv) --std --output again.csv
same again.csv whole.csv "a pipe"
run 0 --load model --test - --std --output - <test.csv
same out whole.csv "standard input to standard output"
grep -q '^test  *standard input: 9000 rows, 9000 with the target' err || fail "no report on standard error: $(cat err)"
(head -1 test.csv; tail -n 1000 test.csv) >last.csv
run 0 --load model --test last.csv --std --output last.out
# Rows of another place in a batch: the same but for the last digits.
paste -d, <(tail -n 1000 whole.csv) <(tail -n +2 last.out) |
  awk -F, '($2 - $6) ^ 2 > 1e-24 || ($3 - $7) ^ 2 > 1e-16 { exit 1 }' || fail "rows of another batch"

# NPY: the columns of the CSV as a matrix; and its rows are read, whose order is that of the training columns.
run 0 --load model --test test.csv --std --output p.npy
[ "$(wc -c <p.npy)" -eq $((128 + 9000 * 4 * 8)) ] || fail "NPY of $(wc -c <p.npy) bytes"
head -c 128 p.npy | grep -aq "'shape': (9000, 4)" || fail "the header: $(head -c 128 p.npy)"
tail -c $((9000 * 32)) p.npy | od -An -v -w32 -t f8 | awk '{ printf "%d,%.12g,%.12g,%.12g\n", $1, $2, $3, $4 }' >numbers
awk -F, 'NR > 1 { printf "%d,%.12g,%.12g,%.12g\n", $1, $2, $3, $4 }' whole.csv >expected
same numbers expected "numbers of NPY"
head -200 whole.csv >learn.csv
run 0 --train learn.csv --target target --ignore row --choose no --save second
run 0 --load second --test whole.csv --output from_csv.csv
run 0 --load second --test p.npy --output from_npy.csv
cut -d, -f2- from_csv.csv >expected
cut -d, -f2- from_npy.csv >numbers
same numbers expected "rows of NPY"
[ "$(sed -n 2p from_npy.csv | cut -d, -f1)" = 1 ] || fail "rows of NPY are counted from 1"
refuse "has 4 columns and the training table 6 (5 that the model takes)" --load model --test p.npy
refuse "it is an NPY file" --load second --test <(cat p.npy)

# Much more than the process may have, and no more for more rows.
peak() { grep -o '"peak_memory_mib": [0-9]*' "$1" | grep -o '[0-9]*$'; }
many() { echo a,b,c,d,e && yes 0.125,0.25,0.5,0.75,0.875 | head -n "$1"; }
(ulimit -v 120000 && run 0 --load model --test <(many 500000) --output many.csv --json many.json && exit $failures) ||
  fail "memory grows with the rows: $(cat err)"
[ "$(wc -l <many.csv)" -eq 500001 ] || fail "not one prediction a row of many"
[ "$(tail -n +2 many.csv | cut -d, -f2 | sort -u | wc -l)" -eq 1 ] || fail "equal rows have other predictions"
[ "$(peak many.json)" -lt 64 ] || fail "$(peak many.json) MiB for rows that are read in pieces"

# What is wrong behind many rows leaves the output as it was.
echo before >output.csv
untouched() {
  [ "$(cat output.csv)" = before ] || fail "an output was changed: $1"
  [ -z "$(find . -name '*.part')" ] || fail "temporary files stay: $1"
}
refuse "row 20002, column 3 ('c')" --load model --test <(many 20000 && echo 1,2,x,4,5) --output output.csv
refuse "row 20002, column 5 ('e'): the row ends here with 4 of 5 fields" --load model --test <(many 20000 && echo 1,2,3,4) --output output.csv
refuse "row 20001, column 6 ('y'): 'much'" --load model --output output.csv \
  --test <(many 19999 | sed '1s/$/,y/;2,$s/$/,1/' && echo 1,2,3,4,5,much)
refuse "is not UTF-8" --load model --test <(many 20000 && printf '1,2,\351,4,5\n') --output output.csv
head -c 100000 test.csv.gz >cut.csv.gz
refuse "it ends before its compressed data do" --load model --test cut.csv.gz --output output.csv
interrupt INT --load model --test <(echo a,b,c,d,e && yes 1,2,3,4,5) --output output.csv
untouched "Ctrl-C"
interrupt TERM --load model --test <(echo a,b,c,d,e && yes 1,2,3,4,5) --output output.npy
[ ! -e output.npy ] || fail "half a file of NPY"
untouched "SIGTERM"
if [ -w /dev/full ]; then run 1 --load model --test test.csv --output /dev/full; fi

# Rows of nothing at the end are none; a target that comes late has no column, and is told.
run 0 --load model --test <(many 5000 && yes ,,,, | head -n 9000) --output output.csv
grep -q 'rows left out: 9000 with nothing in the row' out || fail "rows of nothing: $(cat out)"
[ "$(wc -l <output.csv)" -eq 5001 ] || fail "rows of nothing are predicted"
run 0 --load model --test <(many 9000 | sed '1s/$/,y/;2,$s/$/,/' && echo 1,2,3,4,5,6 && echo 2,2,3,4,5,6) --output output.csv
grep -q '^note  *none of the first 4096 rows has a target' out || fail "a late target: $(cat out)"
grep -q '9002 rows, 2 with the target' out || fail "a late target: $(cat out)"
[ "$(head -1 output.csv)" = row,prediction ] || fail "a late target: $(head -1 output.csv)"

[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
