#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs uci_classification as a user does, on sets that are made here. Usage: uci_classification.sh PROGRAM
set -u
program=$1
source "$(dirname "$0")/helper/expect.sh"

# make_set NAME ROWS CLASSES: two features, which say the class by their distance from the origin.
make_set() {
  mkdir -p "sets/$1"
  awk -v name="$1" -v n="$2" -v classes="$3" '
    function random() { seed = (16807 * seed) % 2147483647; return seed / 2147483647 }
    BEGIN {
      seed = 20 + n; here = "sets/" name "/"
      printf "n_entradas= 2\nn_clases= %d\nn_arquivos= 1\nfich1= %s_R.dat\nn_patrons1= %d\n", classes, name, n >(here name ".txt")
      print "\tf1\tf2\tclase" >(here name "_R.dat")
      for (i = 0; i < n; ++i) {
        angle = 6.283185 * random(); c = int(classes * random()); r = c + 0.3 + 0.4 * random()
        printf "%d\t%.5f\t%.5f\t%d\n", i + 1, r * cos(angle), r * sin(angle), c >(here name "_R.dat")
      }
      for (half = 0; half < 2; ++half) {
        for (i = half; i < n; i += 2) printf "%d ", i >(here "conxuntos.dat")
        print "" >(here "conxuntos.dat")
      }
      for (fold = 0; fold < 4; ++fold)
        for (test = 0; test < 2; ++test) {
          for (i = 0; i < n; ++i) if ((i % 4 == fold) == test) printf "%d ", i >(here "conxuntos_kfold.dat")
          print "" >(here "conxuntos_kfold.dat")
        }
    }'
}
make_set rings 80 2
make_set more 60 3
make_set few 40 2

# All methods, on a small set: libsvm takes its time where C is large, and says so. Kernel regression has no intercept, so
# that with the kernel of a network without biases what it says of x and 2 x is the same: it cannot tell rings apart.
run 0 --folder sets --sets few --threads 1 --csv all.csv --json all.json
grep -v -e '^$' -e '^WARNING: reaching max number of iterations$' err && fail "noise, and not libsvm's: $(head -c 300 err)"
if "$program" --help | grep -q ntk_svm; then methods=6; else methods=3; fi
[ $methods -eq 6 ] || grep -q 'without libsvm' out || fail "no word on libsvm: $(cat out)"
[ "$(wc -l <all.csv)" -eq $((1 + methods)) ] || fail "not a row for each method: $(cat all.csv)"
[ "$(grep -c '"method"' all.json)" -eq $methods ] || fail "not an entry for each method"
awk -F, 'NR > 1 && $7 < 0.8 && $5 != "ntk_regression" { exit 1 }' all.csv || fail "rings: $(cat all.csv)"

# The smallest set comes first. The results do not depend on the threads, nor on what else is done.
regressions=(--methods laplace_regression,ntk_regression,gaussian_regression)
run 0 --folder sets "${regressions[@]}" --protocols nested,published --csv all.csv --json all.json
[ -s err ] && fail "noise on standard error: $(head -c 300 err)"
cp out all.txt
[ "$(cut -d, -f1 all.csv | uniq | paste -sd' ')" = "set few more rings" ] || fail "order: $(cut -d, -f1 all.csv | uniq)"
[ "$(awk -F'at ' '/,nested,/ { print NF }' all.csv | sort -u)" = 5 ] || fail "not a choice for each fold: $(cat all.csv)"
grep -q '3 sets, published protocol' out && grep -q '3 sets, nested protocol' out || fail "no tables: $(cat out)"
for threads in 1 2; do
  run 0 --folder sets "${regressions[@]}" --protocols published,nested --threads $threads --csv some.csv --json some.json
  same some.csv all.csv "$threads threads"
  same some.json all.json "$threads threads"
  same out all.txt "$threads threads"
done
run 0 --folder sets --sets rings,few --methods laplace_regression,ntk_regression --csv some.csv
grep -E '^set|^(few|rings),.*,(ntk|laplace)_regression,published' all.csv | cmp -s - some.csv || fail "a part: $(cat some.csv)"
grep -q nested out && fail "a protocol that nobody asked for: $(cat out)"

# What was done is not done again, and not believed blindly.
job=(--folder sets --methods ntk_regression --sets few,more --resume kept --csv some.csv)
run 0 "${job[@]}"
cp kept before
cp some.csv expected.csv
run 0 "${job[@]}"
same kept before "a complete run goes on"
same some.csv expected.csv "a complete run goes on"
head -c $(($(wc -c <before) - 5)) before >kept # a line that a kill has cut off
run 0 "${job[@]}"
same some.csv expected.csv "a torn line"
[ "$(wc -l <kept)" -eq 2 ] && head -1 before | cmp -s - <(head -1 kept) || fail "a torn line: $(cat kept)"
untouched() { same some.csv expected.csv "a refusal: $*"; }
sed '1s/accuracy":0/accuracy":1/' before >kept
refuse "'kept' (line 1 is damaged" "${job[@]}"
cp before kept
sed -i '3s/0$/1/; 3t; 3s/1$/0/' sets/few/few_R.dat
refuse "'kept' for 'few' and ntk_regression are of other data" "${job[@]}"
make_set few 40 2

# Killed at any moment, a run goes on and ends as if nothing had been.
make_set many 200 3
job=(--folder sets --methods ntk_regression,gaussian_regression --protocols published,nested --threads 1)
run 0 "${job[@]}" --csv expected.csv
cp expected.csv some.csv
rm -f kept
kills=0
for moment in 0.02 0.05 0.1 0.2 0.4; do
  "$program" "${job[@]}" --resume kept --csv killed.csv >out 2>err &
  pid=$!
  sleep $moment
  kill -9 $pid 2>/dev/null
  { wait $pid; } 2>/dev/null
  [ $? -eq 137 ] && kills=$((kills + 1))
done
[ $kills -ge 1 ] || fail "no run was killed"
run 0 "${job[@]}" --resume kept --csv killed.csv
same killed.csv expected.csv "after $kills kills"
make_set huge 2000 3
for signal in INT TERM; do interrupt $signal --folder sets --sets huge --methods ntk_regression --csv some.csv; done
rm -r sets/huge sets/many

# What is wrong is said in one line, before the work.
refuse "cannot read the folder 'none'" --folder none
refuse "has no data sets" --folder sets/few
refuse "sets/none/none.txt'" --folder sets --sets none
refuse "there is no folder" --folder sets --csv none/some.csv
refuse "there is no folder" --folder sets --resume none/kept
sed -i '3s/\t/\tx/2' sets/more/more_R.dat
refuse "more_R.dat' (line 3 has 'x" --folder sets
sed -i '2s/^1 /1 2 /' sets/few/conxuntos.dat
refuse "few/conxuntos.dat' (line 2" --folder sets --sets few
usage '--folder'
usage '--methods' --folder sets --methods forest
usage '--protocols' --folder sets --protocols none
usage '--json' --folder sets --csv some.csv --json some.csv
usage '--csv and --json cannot both go to standard output' --folder sets --csv - --json -

exit $((failures > 0))
