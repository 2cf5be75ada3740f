#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What programs do to files when they are stopped, starved or cut off: every output is the old file or the
# complete new one, and nothing else stays. Attacks: a kill at each write, flush and rename; Ctrl-C and SIGTERM
# at such moments and at random ones; a full disk (where this user may mount one); limits of memory and of the
# size of files; streams that are closed. Usage: run.sh FOLDER_OF_THE_PROGRAMS SHIM DATA_FOLDER [SECONDS]
set -u
programs=$(cd "$1" && pwd) shim=$(realpath "$2") data=$(cd "$3" && pwd) seconds=${4:-80}
program=attack
source "$(dirname "$0")/../programs/helper/expect.sh"
export OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive # a test of files, not of speed: threads that wait leave the cores alone
# Programs that count their lines do so elsewhere, and say nothing of counts that find no room.
export GCOV_PREFIX=$PWD/counts GCOV_ERROR_FILE=/dev/null
declare -A count
deadline=$((SECONDS + seconds))
over() { [ $SECONDS -ge $deadline ]; }
tried() { count[$1]=$((${count[$1]:-0} + 1)); }

# Small jobs with all kinds of outputs. OUT stands for the folder of the outputs, SIZE for what makes old and new
# differ.
printf '%s' '{"sst_topology": 1, "name": "two layers", "nodes": [{"name": "x", "op": "input"},
  {"name": "a", "op": "dense", "inputs": ["x"], "weight_std": 1.4}, {"name": "r", "op": "relu", "inputs": ["a"]},
  {"name": "o", "op": "dense", "inputs": ["r"], "weight_std": 1}], "output": "o"}' >net.json
head -81 "$data/auto_mpg.csv" >cars.csv
cut -d, -f2-5 cars.csv >x.csv
names=(regress kernel_matrix image_classification expressibility)
regress="regress --train cars.csv --target mpg --ignore name --test cars.csv --choose no --depth SIZE
  --output OUT/p.csv --json OUT/r.json --save OUT/model"
kernel_matrix="kernel_matrix --topology net.json --x x.csv --kernel KIND --output OUT/k.npy --dot OUT/net.dot
  --svg OUT/net.svg"
image_classification="image_classification --limit 20 --size 4 --family plain --depth SIZE --folds 2
  --gram OUT/g.npy --svg OUT/i.svg --json OUT/i.json"
expressibility="expressibility --precision PRECISION --svg OUT/e.svg --json OUT/e.json"

# command NAME old|new FOLDER: the words of a job, in `job`.
command() {
  local text=${!1}
  if [ "$2" = old ]; then
    text=${text//SIZE/3} text=${text//KIND/nngp} text=${text//PRECISION/float}
  else
    text=${text//SIZE/4} text=${text//KIND/ntk} text=${text//PRECISION/double}
  fi
  # shellcheck disable=SC2206
  job=(${text//OUT/$3})
  job[0]=$programs/${job[0]}
}

# The times of a run are not the same twice.
sums() {
  (cd "$1" && find . -type f | sort | while read -r file; do
    case $file in
      *.json) sed -E '/"(took|seconds|peak|memory|files|fnv1a64|bytes)[a-z_]*":/d' "$file" | cksum | sed "s|$|$file|" ;;
      *) cksum "$file" ;;
    esac
  done)
}

for name in "${names[@]}"; do
  [ -x "$programs/${name}" ] || continue
  for state in old new; do
    mkdir -p "$name.$state"
    command "$name" $state "$name.$state"
    "${job[@]}" >out 2>err || fail "$name alone: $(cat err)"
  done
  jobs+=("$name")
  sums "$name.old" >"$name.old.sums"
  sums "$name.new" >"$name.new.sums"
  cmp -s "$name.old.sums" "$name.new.sums" && fail "$name: old and new are the same"
done

fresh() { rm -rf now && cp -r "$1.old" now; }

# intact NAME WHAT [leftovers]: each file is the old or the new one, the model a whole one.
intact() {
  local name=$1 what=$2 left
  [ $# -gt 2 ] && find now \( -name '.sst-*' -o -name '*.part' \) -prune -exec rm -rf {} + # a kill leaves them
  left=$(find now \( -name '.sst-*' -o -name '*.part' \))
  [ -z "$left" ] || fail "$what: $left stays"
  sums now | while read -r line; do
    grep -qxF -- "$line" "$name.old.sums" "$name.new.sums" || echo "$line"
  done >torn
  [ -s torn ] && fail "$what: neither old nor new: $(head -3 torn)"
  [ "$(find now -type f | wc -l)" -eq "$(wc -l <"$name.old.sums")" ] || fail "$what: files are missing"
  if [ "$name" = regress ]; then
    "$programs/regress" --load now/model --test cars.csv --output loaded.csv >loaded 2>&1 ||
      fail "$what: the model: $(cat loaded)"
    cmp -s loaded.csv old.csv || cmp -s loaded.csv new.csv || fail "$what: a mixture of models"
  fi
}
for state in old new; do
  "$programs/regress" --load regress.$state/model --test cars.csv --output $state.csv >out 2>err || fail "$(cat err)"
done

# A kill at each call, until a run has fewer; another signal at some of them. Later ones are told apart less.
declare -A calls
at_calls() { # at_calls NAME SIGNAL
  local name=$1 signal=$2 at=0 status step=1
  command "$name" new now
  [ "$signal" = KILL ] || step=3
  while ! over && [ $at -lt "${calls[$name]:-1000000}" ]; do
    at=$((at + step + (at > 30 ? RANDOM % 5 : 0)))
    fresh "$name"
    { KILL_AT=$at KILL_SIGNAL=$(kill -l "$signal") LD_PRELOAD=$shim "${job[@]}" >out 2>err; } 2>/dev/null
    status=$?
    case $signal:$status in
      KILL:0) calls[$name]=$at && return ;;
      KILL:137) intact "$name" "$name killed at call $at" leftovers ;;
      TERM:143 | TERM:0) intact "$name" "$name, SIG$signal at call $at" ;;
      *) fail "$name, SIG$signal at call $at: status $status ($(cat err))" ;;
    esac
    tried "SIG$signal at a write, flush or rename"
  done
}
at_random() { # at_random NAME SIGNAL ROUNDS
  local name=$1 signal=$2 round status
  command "$name" new now
  for ((round = 0; round < $3; ++round)); do
    over && return
    fresh "$name"
    "${job[@]}" >out 2>err &
    sleep "0.$(printf %03d $((RANDOM % 700)))"
    kill -"$signal" $! 2>/dev/null
    wait $! 2>/dev/null
    status=$?
    tried "$signal at a random moment"
    case $signal:$status in
      INT:130 | TERM:143 | *:0) intact "$name" "$name, SIG$signal at a random moment" ;;
      *) fail "$name, SIG$signal at a random moment: status $status ($(cat err))" ;;
    esac
  done
}

# ends NAME WHAT STATUS ALLOWED: the status of a run is allowed, one line says why it failed, its files are intact.
ends() {
  case " $4 " in *" $3 "*) ;; *) fail "$1, $2: status $3 ($(head -c 300 err))" ;; esac
  [ "$3" -ne 1 ] || [ "$(wc -l <err)" -eq 1 ] || fail "$1, $2: not one line: $(head -c 300 err)"
  intact "$1" "$1, $2"
}

starved() { # starved NAME
  local name=$1 limit status
  command "$name" new now
  for limit in "-f 0" "-f 1" "-f 8" "-v 100000" "-v 200000" "-v 400000" "-n 3" "-n 6" "-u 1"; do
    over && return
    fresh "$name"
    # shellcheck disable=SC2086
    (ulimit $limit 2>/dev/null && exec "${job[@]}") 2>&1 >/dev/null | cat >err # a file has the limit too
    status=${PIPESTATUS[0]}
    tried "a limit"
    ends "$name" "ulimit $limit" "$status" "0 1 127 134"
  done
}

cut_off() { # cut_off NAME
  local name=$1 status silent=1 # status without standard output; kernel_matrix writes to files alone
  [ "$name" != kernel_matrix ] || silent=0
  command "$name" new now
  after() { # after WHAT STATUSES: the run that has just ended with `status`
    tried "streams that are closed or full"
    ends "$name" "$1" "$status" "$2"
  }
  fresh "$name" && "${job[@]}" >&- 2>err
  status=$? && after "no standard output" $silent
  fresh "$name" && "${job[@]}" 2>&- >out
  status=$? && : >err && after "no standard error" 0
  fresh "$name" && "${job[@]}" <&- >out 2>err
  status=$? && after "no standard input" 0
  fresh "$name" && "${job[@]}" <&- >&- 2>&-
  status=$? && tried "streams that are closed or full"
  [ $status -eq $silent ] || fail "$name, no streams: status $status"
  intact "$name" "$name, no streams"
  fresh "$name" && "${job[@]}" 2>err | true
  status=${PIPESTATUS[0]} && after "a reader that goes" "0 1 141"
  [ -w /dev/full ] || return
  fresh "$name" && "${job[@]}" >/dev/full 2>err
  status=$? && after "no room for standard output" $silent
}

full_disk() { # full_disk NAME
  local name=$1 room
  command "$name" new now
  for room in 8k 16k 48k; do
    over && return
    rm -rf now && mkdir now
    mount -t tmpfs -o size=4m tmpfs now 2>/dev/null || return
    cp -r "$name.old/." now
    mount -o "remount,size=$(($(du -sk now | cut -f1) + ${room%k}))k" now 2>/dev/null || true
    "${job[@]}" >out 2>err
    ends "$name" "a disk with $room left" $? "0 1"
    tried "a full disk"
    umount now
  done
}

for name in "${jobs[@]}"; do
  cut_off "$name"
  full_disk "$name"
  starved "$name"
done
for signal in KILL TERM; do
  for name in "${jobs[@]}"; do at_calls "$name" $signal; done
done
while ! over; do
  for name in "${jobs[@]}"; do
    at_random "$name" INT 3
    at_random "$name" TERM 3
  done
  [ "$seconds" -le 120 ] && break
done

[ "${count[SIGKILL at a write, flush or rename]:-0}" -gt 0 ] || fail "no program was killed"
for what in "${!count[@]}"; do echo "${count[$what]} x $what"; done | sort -k3
[ $failures -eq 0 ] && echo "nothing lost"
exit $((failures > 0))
