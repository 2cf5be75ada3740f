#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs topology_study as a user does, and kills it with SIGKILL at random moments: the finished table has to
# be the undisturbed one. Usage: topology_study.sh PROGRAM [KILLS]
set -u
program=$1 kills=${2:-10}
source "$(dirname "$0")/helper/expect.sh"

# class_set NAME ROWS: two classes about a circle, in the layout of the UCI sets.
class_set() {
  mkdir -p "sets/$1"
  printf 'n_entradas= 2\nn_clases= 2\nfich1= %s_R.dat\nn_patrons1= %d\n' "$1" "$2" >"sets/$1/$1.txt"
  awk -v n="$2" -v seed="${#1}" 'BEGIN {
    srand(seed); print "\tf1\tf2\tclase"
    for (i = 0; i < n; ++i) { a = 3 * rand() - 1.5; b = 3 * rand() - 1.5; print i "\t" a "\t" b "\t" (a * a + b * b < 1.4 + rand()) }
  }' >"sets/$1/$1_R.dat"
  awk -v n="$2" 'BEGIN { for (k = 0; k < 2; ++k) { for (i = k; i < n; i += 2) printf "%d ", i; print "" } }' >"sets/$1/conxuntos.dat"
  awk -v n="$2" 'BEGIN { for (f = 0; f < 4; ++f) {
    for (i = 0; i < n; ++i) if (i % 4 != f) printf "%d ", i; print ""
    for (i = f; i < n; i += 4) printf "%d ", i; print "" } }' >"sets/$1/conxuntos_kfold.dat"
}
class_set ring 80
class_set circle 60
class_set disc 40
class_set large 300
awk 'BEGIN { srand(4); print "a,b,y"; for (i = 0; i < 90; ++i) { a = rand(); b = rand(); print a "," b "," a * b + 0.1 * rand() } }' >table.csv
data=(--uci sets --max-rows 200 --csv table.csv --target y)
job=("${data[@]}" --families chain,taps,spans --depth 4)
tables() { cat "$1"/{leaderboard.csv,outcomes.csv,study.json,critical_difference.svg,effective_depth.svg}; }

# A plan says what there is to do, and leaves nothing behind.
run 0 --plan "${job[@]}"
grep -q '; 4 data sets, 10 ridges: ' out || fail "the plan: $(cat out)"
run 0 --plan "${job[@]}" --study nowhere
[ -e nowhere ] && fail "a plan made a folder"

run 0 "${job[@]}" --study whole
tables whole >expected || fail "files are missing"
grep -q '^Against the plain chain' out || fail "no comparison with chains: $(cat out)"
sed 1,3d out >expected.txt # without the plan, which says what is left to do
count=$(wc -l <whole/records)
grep -q "different; 4 data sets, 10 ridges: $count outcomes" out || fail "$count records, not what was planned: $(cat out)"
# The sparse shortcut of depth 3 with its first layer in the sum is a residual network, and taps-3-0.
grep '"ntk sparse-shortcut-3-first (w 1 b 0.5); ntk taps-3-0 (w 1 b 0.5); ntk residual-3' whole/leaderboard.csv >/dev/null ||
  fail "identical topologies are not recognised"
# What is there is not computed again, and threads change nothing.
run 0 "${job[@]}" --study whole
[ "$(wc -l <whole/records)" -eq "$count" ] || fail "outcomes were computed again"
sed 1,3d out | cmp -s - expected.txt || fail "a second run finds something else"
run 0 "${job[@]}" --study single --threads 1
tables single | cmp -s - expected || fail "one thread finds something else"

start=$(date +%s%N)
run 0 "${job[@]}" --study timed
took=$((($(date +%s%N) - start) / 1000))
killed=0
for ((tries = 0; killed < kills && tries < 10 * kills; ++tries)); do
  "$program" "${job[@]}" --study killed >out 2>err &
  pid=$! moment=$((took * RANDOM / 32768 / 2))
  sleep "$(printf '%d.%06d' $((moment / 1000000)) $((moment % 1000000)))"
  kill -9 $pid 2>/dev/null
  { wait $pid; } 2>/dev/null
  [ $? -eq 137 ] && killed=$((killed + 1))
  # A study that is nearly done begins again.
  [ -e killed/records ] && [ "$(wc -l <killed/records)" -gt $((count * 3 / 4)) ] && rm -rf killed
done
[ "$killed" -ge "$kills" ] || fail "only $killed kills"
before=0
[ -e killed/records ] && before=$(wc -l <killed/records)
run 0 "${job[@]}" --study killed
tables killed | cmp -s - expected || fail "after $killed kills the tables are others"
[ "$(wc -l <killed/records)" -le $((count + 10)) ] || fail "finished outcomes were computed again ($before before)"

# Torn and damaged records are computed again. In a store of its own: a kill can tear a record of the other.
cp -r whole damaged
head -c -40 damaged/records >torn && mv torn damaged/records
sed -i '3s/nan$/nax/; 5s/ 0/ 1/' damaged/records
run 0 "${job[@]}" --study damaged
grep -q '^3 torn records in the store are left out' err || fail "torn records: $(cat err)"
tables damaged | cmp -s - expected || fail "torn records were believed"
count_damaged=$(wc -l <damaged/records)
[ "$count_damaged" -eq $((count + 3)) ] || fail "$count_damaged records, not $((count + 3)), after 3 were torn"

# Another protocol takes outcomes of its own; the old ones stay.
run 0 "${data[@]}" --families chain --depth 3 --study whole --measures
grep -q "^Kendall's tau" out || fail "no measures: $(cat out)"
head -1 whole/outcomes.csv | grep -q 'leave_one_out,gcv' || fail "measures are not in outcomes.csv"
run 0 "${job[@]}" --study whole
tables whole | cmp -s - expected || fail "another protocol changed the results"

# Kernels of infinite depth have no chain as deep.
run 0 --uci sets --sets disc,ring --families chain,infinite --depth 3 --kernels ntk --init 1.5:0.05 --study deep
grep -q '^ntk,infinite-residual,infinite,branch 1,0,' deep/leaderboard.csv || fail "no infinite depth"

usage '--uci, or --csv' --study s
usage '--study, or --plan' --uci sets
usage 'not of the form 1.5:0.05' --uci sets --plan --init 1.5
usage '2 columns for 1 files' --csv table.csv --target y --target a --plan
refuse 'no column' --csv table.csv --target z --plan
refuse 'allow more with --max-rows' --uci sets --max-rows 20 --plan
touch file
refuse 'choose another --study' "${job[@]}" --study file/study

interrupt INT "${data[@]}" --study stopped --depth 7 --threads 1

[ $failures -eq 0 ] && echo "$killed kills of a study of $count outcomes: the same to the bit"
exit $((failures > 0))
