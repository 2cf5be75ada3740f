#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs cluster_regression as several processes. Usage: cluster_regression.sh PROGRAM MPIEXEC REGRESS DATA_FOLDER
set -u
program=$1 mpiexec=$2 regress=$3 data=$(cd "$4" && pwd) || exit 1
source "$(dirname "$0")/helper/expect.sh"

# ranks COUNT STATUS ARGUMENTS...: leaves `out` and `err`.
ranks() {
  local count=$1 expected=$2
  shift 2
  "$mpiexec" -n "$count" "$program" "$@" >out 2>err
  local status=$?
  [ "$status" -eq "$expected" ] || fail "status $status, not $expected, of $count ranks: $* ($(head -c 500 err))"
}
# alike A B DIGITS: the same tables, numbers to so many digits.
alike() {
  paste -d, "$1" "$2" | awk -F, -v digits="$3" '
    NR > 1 { for (i = 1; i <= NF / 2; ++i) { a = $i; b = $(i + NF / 2); d = a - b; if (d < 0) d = -d; if (a < 0) a = -a
             if (d > 10 ^ -digits * (a + 1)) bad = 1 } }
    END { exit bad || NR < 5 }' || fail "$1 and $2 differ: $4"
}

(head -1 "$data/auto_mpg.csv"; awk 'NR > 1 && NR % 4' "$data/auto_mpg.csv") >train.csv
(head -1 "$data/auto_mpg.csv"; awk 'NR > 1 && NR % 4 == 0' "$data/auto_mpg.csv") >test.csv
cars=(--train train.csv --target mpg --ignore name --choose no --ridge relative:1e-2 --test test.csv)

# Conjugate gradients: the same model for any number of ranks, and that of regress.
"$regress" "${cars[@]}" --solver conjugate_gradients --output alone.csv --json alone.json >alone || fail "regress"
for count in 1 2 3 4; do
  ranks $count 0 "${cars[@]}" --solver conjugate_gradients --output "$count.csv" --json "$count.json" --save "model$count"
  [ "$(grep -c '^took ' out)" -eq 1 ] || fail "$count ranks tell $(grep -c '^took ' out) reports"
  [ -s err ] && fail "noise of $count ranks: $(head -c 300 err)"
  alike "$count.csv" alone.csv 4 "$count ranks"
  "$regress" --load "model$count" --test test.csv --output loaded.csv >loaded || fail "the model of $count ranks"
  alike loaded.csv "$count.csv" 12 "loaded, of $count ranks"
  [ "$count" -eq 1 ] || diff -r model1 "model$count" >/dev/null || fail "the models of 1 and $count ranks differ"
done
grep -q '"conjugate_gradients' 3.json || fail "no solver in the report"

# A factor over ranks, and its leave-one-out errors.
"$regress" "${cars[@]}" --solver cholesky --output alone.csv >alone || fail "regress"
for count in 1 3; do
  ranks $count 0 "${cars[@]}" --solver cholesky --output "$count.csv"
  alike "$count.csv" alone.csv 9 "a factor over $count ranks"
  [ "$(grep -A3 'leave-one-out' out | grep -m1 'root mean')" = "$(grep -A3 'leave-one-out' alone | grep -m1 'root mean')" ] ||
    fail "leave-one-out over $count ranks: $(grep -m1 'root mean' out) and not $(grep -m1 'root mean' alone)"
done

# What one process alone can do, and what all of them find wrong: one sentence.
sentence() {
  local text=$1
  shift
  ranks 2 1 "$@"
  [ "$(grep -c '^cluster_regression: ' err)" -eq 1 ] || fail "not one sentence: $(grep '^cluster_regression' err)"
  grep -qF -- "$text" err || fail "'$text' is not in: $(head -c 500 err)"
  [ -s out ] && fail "wrote to standard output: $*"
}
sentence '--std is not for several processes' "${cars[@]}" --std
sentence '--classify' --train train.csv --target origin --ignore name --classify
sentence '--seconds is not for several processes' --train train.csv --target mpg --ignore name --seconds 9
sentence 'standard input' --train - --target mpg
sentence 'none.csv' --train none.csv --target mpg
sentence 'no column' --train train.csv --target horsepower_of_none

# A rank that is killed ends all of them.
awk 'BEGIN { srand(5); print "a,b,c,y"; for (i = 0; i < 9000; ++i) { a = rand(); b = rand(); c = rand(); print a "," b "," c "," a * b + sin(9 * c) } }' >large.csv
"$mpiexec" -n 2 "$program" --train large.csv --target y --choose no --ridge relative:1e-7 --solver conjugate_gradients \
  --save never >out 2>err &
job=$!
for tries in $(seq 100); do
  victim=$(pgrep -f "^$program --train large.csv" | tail -n 1)
  [ -n "$victim" ] && break
  sleep 0.1
done
sleep 1
kill -KILL "$victim" || fail "no rank to kill"
for tries in $(seq 300); do
  kill -0 $job 2>/dev/null || break
  sleep 0.1
done
kill -0 $job 2>/dev/null && fail "the others wait for a rank that was killed"
wait $job && fail "a run of which a rank was killed succeeded"
[ -e never ] && fail "a model of a run that was killed"
grep -qi 'killed' err || fail "nobody says that a rank was killed: $(head -c 500 err)"

[ "$failures" -eq 0 ] || exit 1
echo "cluster_regression is regress over ranks"
