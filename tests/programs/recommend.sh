#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs recommend as a user does. Usage: recommend.sh PROGRAM
set -u
program=$1
source "$(dirname "$0")/helper/expect.sh"

# Two tastes: even users take to even items and odd users to odd ones, of 20 items each all but those that
# test and validate: one of each, its own for each user.
made() {
  awk -v header="$1" 'BEGIN {
    if (header) print "user,item,rating,split"
    for (u = 0; u < 30; ++u) for (i = u % 2; i < 40; i += 2) {
      k = (i - u % 2) / 2
      print "u" u ",i" i "," 1 + (u + i) % 5 "," (k == u % 20 ? "test" : k == (u + 7) % 20 ? "val" : "train")
    }
  }'
}
made 1 >ratings.csv
run 0 --ratings ratings.csv --output lists.csv --json report.json
[ -s err ] && fail "noise on standard error: $(head -c 300 err)"
grep -q '^ratings *ratings.csv: 600 rows, 30 users, 40 items$' out || fail "what was read: $(cat out)"
grep -q '^split *by the file: 540 interactions to train on, 30 to validate, 30 to test$' out || fail "the split: $(cat out)"
grep -q '^memory .* GiB for the regression, beside the ratings$' out || fail "no memory: $(cat out)"
[ "$(grep -o '^relative:[0-9]*' out | tr '\n' ' ')" = "relative:1 relative:5 relative:20 " ] || fail "the ridges that were tried: $(cat out)"
grep -q '^model *10 *100.00 *100.00 ' out || fail "the one unseen item of the own taste is not first: $(cat out)"
grep -q '^most_popular *10 ' out || fail "no popular items beside: $(cat out)"
[ "$(head -1 lists.csv)" = "user,rank,item,score" ] || fail "header: $(head -1 lists.csv)"
[ "$(wc -l <lists.csv)" -eq 301 ] || fail "not 10 items for each of 30 users: $(wc -l <lists.csv)"
awk -F, 'NR > 1 && $2 == 1 && (substr($1, 2) - substr($3, 2)) % 2 { print "taste: " $0; bad = 1 } END { exit bad }' lists.csv || fail "the wrong taste is first"
awk -F, 'NR == FNR { if ($4 != "test") known[$1, $2] = 1; next } FNR > 1 && ($1, $3) in known { exit 1 }' ratings.csv lists.csv || fail "a list has what was known"

# The same numbers, whatever the threads and the way in.
OMP_NUM_THREADS=1 run 0 --ratings ratings.csv --output one.csv --json one.json
same one.csv lists.csv "one thread"
same one.json report.json "one thread"
run 0 --ratings ratings.csv --threads 3 --output three.csv
same three.csv lists.csv "three threads"
made 0 >bare.csv
run 0 --ratings bare.csv --header no --output bare_lists.csv
same bare_lists.csv lists.csv "no header"
gzip -k ratings.csv
run 0 --ratings ratings.csv.gz --output packed.csv
same packed.csv lists.csv "gzip"
run 0 --ratings - --output - <ratings.csv
same out lists.csv "from standard input to standard output"
grep -q '^model' err || fail "the report is not on standard error: $(cat err)"
awk -F, '{ print $4 ";" $2 ";" $1 }' ratings.csv | sed '1s/.*/part;film;who/' >other.csv
run 0 --ratings other.csv --user who --item 1 --split part --output other_lists.csv
same other_lists.csv lists.csv "columns by name and index"

# By chance: of each user a tenth of the items tests and a tenth validates.
cut -d, -f1,2 ratings.csv >pairs.csv
run 0 --ratings pairs.csv --json random.json
grep -q '^split *at random, seed 0: 480 interactions to train on, 60 to validate, 60 to test$' out || fail "at random: $(cat out)"
run 0 --ratings ratings.csv --split random --json asked.json
grep -q '"split": "random"' asked.json || fail "--split random: $(cat asked.json)"
run 0 --ratings pairs.csv --seed 1 --json seed.json
cmp -s random.json seed.json && fail "--seed has no effect"

# One ridge, one network.
run 0 --ratings ratings.csv --ridge relative:2 --kernel nngp --depth 3 --top 1 --metrics-at 1,5 --output top.csv
grep -q '^model *nngp of chain-3, ridge relative:2$' out || fail "model: $(cat out)"
grep -q '^relative:' out && fail "ridges were tried though one was given"
grep -q '^model *5 ' out || fail "--metrics-at: $(cat out)"
[ "$(wc -l <top.csv)" -eq 31 ] || fail "--top 1: $(wc -l <top.csv)"
cat >net.json <<'END'
{"sst_topology": 1, "name": "mine", "output": "y", "nodes": [
  {"name": "x", "op": "input"},
  {"name": "h", "op": "dense", "inputs": ["x"], "weight_std": 1},
  {"name": "a", "op": "erf", "inputs": ["h"]},
  {"name": "y", "op": "dense", "inputs": ["a"], "weight_std": 1}]}
END
run 0 --ratings ratings.csv --topology net.json
grep -q '^model *ntk of mine, ridge ' out || fail "--topology: $(cat out)"

# All is to train on: lists, and nothing to measure.
run 0 --ratings pairs.csv --split none --ridge absolute:0.01 --output all.csv
grep -q 'test part' out && fail "measured what is not there: $(cat out)"
awk -F, 'NR > 1 && (substr($1, 2) - substr($3, 2)) % 2 == 0 { exit 1 }' all.csv || fail "a list has what was trained on"

# What is left out is said.
(cat ratings.csv && printf 'u0,i0,1,test\nu0,i0,1,train\nlate,i3,5,test\nlate,i5,5,val\n') >notes.csv
run 0 --ratings notes.csv
grep -q '^note *2 rows repeat a user and an item, whose first row counts$' out || fail "repeated rows: $(cat out)"
grep -q '^note *1 users have nothing to train on and are left out$' out || fail "users left out: $(cat out)"
run 0 --ratings ratings.csv --min-rating 3
grep -q '^note *240 rows have a rating below --min-rating and are left out$' out || fail "low ratings: $(cat out)"

# Bad input.
bad() {
  printf "$2" >bad.csv
  refuse "$1" --ratings bad.csv --header yes "${@:3}"
}
bad "has one column" 'user\na\nb\n'
bad "bad.csv, row 3, column 1 ('user'): the field is empty" 'user,item\na,b\n,c\n'
bad "bad.csv, row 2, column 2 ('item'): 'NA' stands for a missing value" 'user,item\na,NA\nb,c\n'
bad "row 3, column 3 ('split'): 'dev' is no part of a split (and 1 more such); write train, val or test" \
  'user,item,split\na,b,train\na,c,dev\na,d,dev\n'
bad "row 2, column 3 ('rating'): 'good' is not a number" 'user,item,rating\na,b,good\n' --min-rating 2
bad "has no column of ratings" 'user,item\na,b\n' --min-rating 2
bad "has nothing to train on" 'user,item,split\na,b,test\n'
bad "nothing to choose a ridge by" 'user,item\na,b\na,c\nb,c\n'
bad "row 3, column 2 ('item'): the row ends here" 'user,item\na,b\nc\n'
bad "are the same column" 'user,item\na,b\n' --user item
bad "has no column 'who'" 'user,item\na,b\n' --user who
refuse "none.csv" --ratings none.csv
refuse "nowhere" --ratings ratings.csv --output nowhere/lists.csv
refuse "none.json" --ratings ratings.csv --topology none.json

# Wrong options.
usage "--ratings"
usage "--ridge" --ratings ratings.csv --ridge 5
usage "--split none leaves nothing to choose a ridge by" --ratings ratings.csv --split none
usage "--metrics-at" --ratings ratings.csv --metrics-at 0
usage "--depth" --ratings ratings.csv --depth 2 --topology net.json
usage "is the file that --ratings reads" --ratings ratings.csv --output ratings.csv
usage "cannot both go to standard output" --ratings ratings.csv --output - --json -

# Ctrl-C stops it; what was there before stays.
awk 'BEGIN { srand(1); for (u = 0; u < 6000; ++u) for (k = 0; k < 40; ++k) print u "," int(3000 * rand()) }' >many.csv
echo kept >kept.csv
interrupt INT --ratings many.csv --output kept.csv
[ "$(cat kept.csv)" = kept ] || fail "Ctrl-C left half a file"

[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
