#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs gram_store as a user does: alone, by shards at once that are killed, in job arrays, and what becomes of
# the matrix. Usage: gram_store.sh PROGRAM DATA_FOLDER
set -u
program=$1 data=$2
source "$(dirname "$0")/helper/expect.sh"
kills=0

# numbers ROWS COLUMNS SEED: a CSV.
numbers() {
  awk -v n="$1" -v m="$2" -v s="$3" 'BEGIN { srand(s); for (i = 0; i < n; ++i) for (j = 1; j <= m; ++j)
    printf "%.6f%s", rand() - 0.5, j < m ? "," : "\n" }'
}
# What cannot stay the same for a tile that is computed again.
tiles() { (cd "$1" && find . -name '*.tile' -printf '%p %i %T@\n' | sort); }
# hashes FOLDER: of the header and the tiles.
hashes() { (cd "$1" && cksum header.txt ./*.tile); }
# close_to A B TOLERANCE: CSVs of as many numbers.
close_to() {
  paste -d, "$1" "$2" | awk -F, -v t="$3" '{ for (i = 1; i <= NF / 2; ++i) { d = $i - $(i + NF / 2)
    if (d > t || d < -t) bad = 1 } } END { exit bad || NR == 0 }' || fail "$1 and $2 are not within $3: $4"
}
numbers 200 3 1 >x.csv
numbers 30 3 2 >new.csv
awk -F, '{ print $1 * $1 - $2 "," $3 }' x.csv >y.csv
cat >net.json <<'END'
{"sst_topology": 1, "name": "two layers", "output": "y", "nodes": [
  {"name": "x", "op": "input"},
  {"name": "h", "op": "dense", "inputs": ["x"], "weight_std": 1.4, "bias_std": 0.1},
  {"name": "a", "op": "relu", "inputs": ["h"]},
  {"name": "y", "op": "dense", "inputs": ["a"], "weight_std": 1}]}
END
job=(--rows x.csv --topology net.json --tile 8) # 325 tiles, each flushed to the disk

# Alone.
run 0 fill alone "${job[@]}"
grep -qxF "325 tiles computed, 0 were there; all 325 tiles are in 'alone'; see gram_store assemble and gram_store fit" out ||
  fail "alone: $(cat out)"
[ -s err ] && fail "noise on standard error: $(cat err)"
run 0 assemble alone --output alone.npy
hashes alone >expected

# By four shards at once, killed at random moments and started again; nothing that is finished is done twice.
mkdir shards
declare -a pids
launch() {
  "$program" fill shards "${job[@]}" --shard "$1/4" --threads 1 >"out $1" 2>"err $1" &
  pids[$1]=$!
}
for i in 1 2 3 4; do launch $i; done
for ((round = 1; kills < 12 && round <= 200; ++round)); do
  sleep "0.0$((RANDOM % 6))$((RANDOM % 10))"
  tiles shards >before
  i=$((RANDOM % 4 + 1))
  kill -9 "${pids[$i]}" 2>/dev/null
  { wait "${pids[$i]}"; } 2>/dev/null
  [ $? -eq 137 ] && kills=$((kills + 1))
  tiles shards >after
  [ -z "$(comm -23 before after)" ] || fail "round $round: a finished tile was computed again"
  if [ "$(wc -l <after)" -eq 325 ] && [ $kills -lt 12 ]; then # too fast: once more
    wait
    rm -r shards && mkdir shards
    for k in 1 2 3 4; do launch $k; done
  else
    launch $i
  fi
done
for i in 1 2 3 4; do
  wait "${pids[$i]}" || fail "shard $i: $(cat "err $i")"
done
hashes shards >found
same found expected "shards that are killed"
[ $kills -eq 12 ] || fail "$kills kills of 12"
run 0 assemble shards --output shards.npy
same shards.npy alone.npy "assemble"
tiles shards >before
run 0 fill shards "${job[@]}"
grep -q '^0 tiles computed, 325 were there' out || fail "a run alone does not use what shards did: $(cat out)"
tiles shards >after
same before after "a run alone touches finished tiles"
[ -z "$(find shards -name '*.part')" ] || fail "temporary files are left"

# Many processes that begin at the same moment make one store; half of them see the folder elsewhere.
mkdir here
ln -s here there
for i in 1 2 3 4 5 6 7 8; do
  [ $((i % 2)) -eq 0 ] && path=here || path=there
  "$program" fill $path/race "${job[@]}" --shard $i/8 --threads 1 >"out $i" 2>"err $i" &
  pids[$i]=$!
done
for i in 1 2 3 4 5 6 7 8; do
  wait "${pids[$i]}" || fail "shard $i of 8: $(cat "err $i")"
done
hashes here/race >found
same found expected "eight shards at once"
[ "$(grep -l 'all 325 tiles' out\ ? | wc -l)" -ge 1 ] || fail "nobody says that all is there"

# Who may fill it at the same time: here we hold the locks of a shard.
run 0 fill locked "${job[@]}" --shard 2/4
grep -qF "shard 2/4: 81 tiles computed, 0 were there; 81 of 325 tiles are in 'locked'; gram_store status" out ||
  fail "shard: $(cat out)"
if command -v flock >/dev/null; then
  exec 8<locked/lock 9<locked/shard-2.lock
  flock -n -s 8 && flock -n 9 || fail "a lock is left"
  refuse "shard 2/4 of the store 'locked' runs already" fill locked "${job[@]}" --shard 2/4
  refuse "is in use (it is being filled by shards of 4)" fill locked "${job[@]}" --shard 2/8
  refuse "is in use (it is being filled by shards of 4)" fill locked "${job[@]}"
  run 0 fill locked "${job[@]}" --shard 1/4
  run 0 status locked
  exec 8<&- 9<&-
fi
run 0 fill locked "${job[@]}" --shard 1/4
run 0 status locked
grep -q '^ntk of two layers, 200 x 200, symmetric, in double, by version ' out || fail "status: $(cat out)"
grep -q '^163 of 325 tiles of 8 x 8 are there, ' out || fail "status, tiles: $(cat out)"
grep -qx 'missing in shards of 4: 3 (81 of 81), 4 (81 of 81)' out || fail "status, shards: $(cat out)"
refuse "the store 'locked' has 163 of 325 tiles" assemble locked --output locked.npy
refuse "the store 'locked' has 163 of 325 tiles" fit locked --targets y.csv
[ -e locked.npy ] && fail "half a matrix"

# Job arrays: numbers from 0, with a step, and what is none.
array() { # ID COUNT MIN MAX STEP, TEXT
  SLURM_ARRAY_TASK_ID=$1 SLURM_ARRAY_TASK_COUNT=$2 SLURM_ARRAY_TASK_MIN=$3 SLURM_ARRAY_TASK_MAX=$4 \
    SLURM_ARRAY_TASK_STEP=$5 run 0 fill array "${job[@]}" --shard slurm
  grep -q "^shard $6: " out || fail "array $*: $(cat out)"
}
array 0 3 0 2 1 1/3
array 2 3 0 2 1 3/3
array 7 3 5 9 2 2/3
hashes array >found
same found expected "a job array"
refuse "--shard slurm is not in a job array" fill array "${job[@]}" --shard slurm
SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_MAX=7 \
  refuse "the numbers of the job array have gaps" fill array "${job[@]}" --shard slurm

# Ctrl-C keeps what is finished.
ready='[ -n "$(find stopped -name "*.tile" 2>/dev/null)" ]' interrupt INT fill stopped --rows x.csv --topology net.json --tile 1
stopped=$(tiles stopped | wc -l)
[ "$stopped" -gt 0 ] || fail "nothing was kept"
[ -z "$(find stopped -name '*.part')" ] || fail "temporary files are left by Ctrl-C"
run 0 status stopped
grep -q "^$stopped of 20100 tiles of 1 x 1" out || fail "after Ctrl-C: $(cat out)"

# Torn tiles are found, and computed again.
printf 'x' | dd of=array/5-2.tile bs=1 seek=100 conv=notrunc 2>/dev/null
refuse "the store 'array' has 1 damaged tile, the first at row 40, column 16" status array --verify
refuse "no valid tile at row 40, column 16" assemble array --output torn.npy
run 0 fill array "${job[@]}"
grep -q '^1 tile computed, 324 were there' out || fail "a torn tile: $(cat out)"
run 0 status array --verify
grep -q '^all 325 tiles of 8 x 8 are there, every hash fits' out || fail "--verify: $(cat out)"

# What it would take: pairs and bytes are exact, and nothing is made.
run 0 fill planned "${job[@]}" --plan
grep -q '^20,100 pairs, .* in the store; some ' out || fail "--plan: $(cat out)"
[ -e planned ] && fail "a plan makes a store"
run 0 fill planned "${job[@]}" --plan --shard 2/4
grep -q 'in the store; a shard of 4: some ' out || fail "--plan of a shard: $(cat out)"

# Regression: leave-one-out is what a fit without the row predicts; the last row, in another store.
run 0 fit alone --targets y.csv --ridge absolute:1e-3 --leave-one-out loo.csv
head -199 x.csv >less.csv
head -199 y.csv >less_y.csv
tail -1 x.csv >last.csv
run 0 fill less --rows less.csv --topology net.json
run 0 fill last --rows last.csv --columns less.csv --topology net.json
run 0 fit less --targets less_y.csv --ridge absolute:1e-3 --cross last --predictions last_p.csv
[ -s out ] && fail "a fit that only predicts prints: $(cat out)"
close_to last_p.csv <(tail -1 loo.csv) 1e-9 "leave-one-out"
# Weights are those of the equations: with the training samples as new ones, K w = y - lambda w.
run 0 fill self --rows x.csv --columns x.csv --topology net.json
run 0 fit alone --targets y.csv --ridge absolute:0.01 --weights w.csv --cross self --predictions p.csv
paste -d, y.csv w.csv | awk -F, '{ print $1 - 0.01 * $3 "," $2 - 0.01 * $4 }' >exact.csv
close_to p.csv exact.csv 1e-5 "weights"
# The same by reading tiles for every product.
run 0 fit alone --targets y.csv --ridge absolute:0.01 --solver conjugate_gradients --weights w.csv --cross self --predictions p.csv
grep -q '^solver conjugate_gradients.* kernel values kept in double and in float, all of them' out || fail "no solver: $(cat out)"
paste -d, y.csv w.csv | awk -F, '{ print $1 - 0.01 * $3 "," $2 - 0.01 * $4 }' >exact.csv
close_to p.csv exact.csv 2e-5 "weights by conjugate gradients"
run 0 fit alone --targets y.csv
[ "$(grep -c '^relative:' out)" -eq 23 ] || fail "no path of ridges: $(cat out)"
grep -Eq '^ridge relative:[0-9.e-]+ by leave_one_out$' out || fail "no choice: $(cat out)"
run 0 fit alone --targets y.csv --criterion gcv --weights w.npy
grep -q 'by gcv$' out || fail "--criterion: $(cat out)"
refuse "is against other samples than those of the fit" fit alone --targets y.csv --cross last --predictions q.csv
refuse "is of samples with themselves" fit alone --targets y.csv --cross less --predictions q.csv
refuse "is of samples against others" fit last --targets y.csv
refuse "'less_y.csv' has 199 rows and the store 'alone' 200 samples" fit alone --targets less_y.csv
run 0 fill nngp --rows new.csv --columns x.csv --topology net.json --kernel nngp
refuse "is of another network or kernel" fit alone --targets y.csv --cross nngp --predictions q.csv

# Images: of a data set, of an NPY file, and rows that are images are the same matrix.
images=(--family sparse_shortcut --depth 3 --pool none)
run 0 fill digits --data digits --limit 40 --preprocess none "${images[@]}"
gzip -cd "$data/digits.csv.gz" | head -40 | cut -d, -f1-64 >digits.csv
run 0 fill shaped --rows digits.csv --shape 8,8,1 "${images[@]}"
hashes digits >expected
hashes shaped >found
same found expected "rows that are images"
for precision in float double; do
  run 0 fill "in $precision" --data digits --limit 40 "${images[@]}" --precision $precision
  run 0 assemble "in $precision" --output $precision.npy
done
grep -q '<f4' float.npy || fail "float is not stored as float"
grep -q '<f8' double.npy || fail "double is not stored as double"

# Rows by a family, packed and from a pipe.
gzip -k x.csv
run 0 fill one --rows x.csv --family chain --depth 3 --activation gelu --kernel nngp
hashes one >expected
run 0 fill packed --rows x.csv.gz --family chain --depth 3 --activation gelu --kernel nngp
run 0 fill pipe --rows - --family chain --depth 3 --activation gelu --kernel nngp <x.csv
for store in packed pipe; do
  hashes $store >found
  same found expected $store
done

# Wrong options and bad input.
usage "A subcommand is required"
usage "--rows, or --data for images, is needed" fill none --topology net.json
usage "--rows, or --data for images, is needed" fill none --rows x.csv --data digits --topology net.json
usage "--topology or --family is needed" fill none --rows x.csv
usage "--depth has no effect without --family" fill none "${job[@]}" --depth 3
usage "--family plain is none on rows (chain, " fill none --rows x.csv --family plain
usage "--family chain is none on images (plain, " fill none --data digits --family chain
usage "--shard: '5/4' is no shard" fill none "${job[@]}" --shard 5/4
usage "--preprocess has no effect without --data" fill none "${job[@]}" --preprocess none
usage "--cross and --predictions belong together" fit alone --targets y.csv --cross self
usage "does not end in .npy" assemble alone --output k.csv
usage "gram_store fit --help lists the options" fit alone
usage "lies in the folder that the store writes" assemble alone --output alone/k.npy
refuse "belongs to another kernel ('ntk', not 'nngp')" fill alone "${job[@]}" --kernel nngp
numbers 200 3 4 >other.csv
refuse "belongs to another data set" fill alone --rows other.csv --topology net.json --tile 8 --shard 1/2
refuse "'new.csv' is no tile store" status new.csv
refuse "'nowhere' is no tile store" status nowhere
refuse "nowhere.csv" fill none --rows nowhere.csv --columns x.csv --topology net.json
run 0 --help
grep -q 'assemble' out || fail "--help"
run 0 fill --help
grep -q -- '--shard' out || fail "fill --help"

[ $failures -eq 0 ] && echo "all passed; $kills kills, $refusals refusals"
exit $((failures > 0))
