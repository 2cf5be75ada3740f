#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Kills image_classification with SIGKILL at random moments while it fills a store, lets the next run go
# on, and compares the kernel matrix with an undisturbed one. Usage: store_kill.sh PROGRAM [ROUNDS]
set -u
program=$1 rounds=${2:-4}
source "$(dirname "$0")/helper/expect.sh"
kills=0

# Some hundred tiles, each flushed to the disk.
job=(--data digits --limit 200 --family sparse_shortcut --depth 4 --tile 8)
run() { "$program" "${job[@]}" --store "$1" --gram "$2" >out 2>err; }
now() { date +%s%N; }
# What cannot stay the same for a tile that is computed again.
tiles() { (cd "$1" && find . -name '*.tile' -printf '%p %i %T@\n' | sort); }

"$program" "${job[@]}" --gram expected.npy >expected.txt 2>err || fail "without a store: $(cat err)"
start=$(now)
run undisturbed undisturbed.npy || fail "undisturbed: $(cat err)"
took=$((($(now) - start) / 1000))
cmp -s undisturbed.npy expected.npy || fail "a store changes the matrix"

# kill_run: a run on the store that is killed at a random moment; fails where it ends before that.
kill_run() {
  tiles store >before
  "$program" "${job[@]}" --store store --gram gram.npy >out 2>err &
  local pid=$! moment=$((took * RANDOM / 32768))
  sleep "$(printf '%d.%06d' $((moment / 1000000)) $((moment % 1000000)))"
  kill -9 $pid 2>/dev/null
  { wait $pid; } 2>/dev/null
  local status=$?
  tiles store >after
  [ -z "$(comm -23 before after)" ] || fail "round $round: a finished tile was computed again"
  [ $status -eq 137 ] && kills=$((kills + 1)) && finished=$((finished + $(wc -l <after)))
}

finished=0
for ((round = 1; round <= rounds; ++round)); do
  rm -rf store
  mkdir store
  until kill_run; do
    took=$((took * 3 / 4 + 1000))
    rm -rf store
    mkdir store
  done
  [ $((RANDOM % 2)) -eq 0 ] && kill_run # once more, where the run goes on
  tiles store >before
  run store gram.npy || fail "round $round: $(cat err)"
  tiles store >after
  [ -z "$(comm -23 before after)" ] || fail "round $round: a finished tile was computed again"
  cmp -s gram.npy expected.npy || fail "round $round: the matrix is another"
  [ -z "$(find store -name '*.part')" ] || fail "round $round: temporary files are left"
done
[ "$kills" -ge "$rounds" ] || fail "not every round had its kill"

# Torn tiles, as a machine that loses power may leave them, are computed again.
mapfile -t all < <(find store -name '*.tile' | sort)
truncate -s 40 "${all[3]}"
truncate -s 0 "${all[5]}"
printf 'x' | dd of="${all[7]}" bs=1 seek=100 conv=notrunc 2>/dev/null
run store gram.npy || fail "torn tiles: $(cat err)"
cmp -s gram.npy expected.npy || fail "torn tiles were believed"

# refuse TEXT ARGUMENTS...: one line with the text, status 1, and the store stays as it is.
refuse() {
  local text=$1
  shift
  tiles store >before
  "$program" "${job[@]}" --store store "$@" >out 2>err
  [ $? -eq 1 ] || fail "not refused: $*"
  [ "$(wc -l <err)" -eq 1 ] || fail "not one line on standard error: $*"
  grep -qF -- "$text" err || fail "'$text' is not in: $(cat err)"
  tiles store >after
  cmp -s before after || fail "the store was touched: $*"
}
refuse "belongs to another data set" --preprocess none
refuse "belongs to another topology" --weight-std 1
refuse "belongs to another scalar type ('float32', not 'float64')" --precision double
if command -v flock >/dev/null; then
  exec 9>"$(find store -name lock | head -1)"
  flock -n 9 || fail "a lock is left"
  refuse "is in use"
  exec 9>&-
fi

[ $failures -eq 0 ] && echo "$rounds rounds, $kills kills with $((finished / kills)) tiles on average: the same to the bit"
exit $((failures > 0))
