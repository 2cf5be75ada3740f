#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs regress as a user does. Usage: regress.sh PROGRAM DATA_FOLDER
set -u
program=$1 data=$(cd "$2" && pwd) || exit 1
source "$(dirname "$0")/helper/expect.sh"

# fine ARGUMENTS...: status 0, a report, nothing on standard error (it is no terminal).
fine() {
  run 0 "$@"
  [ -s err ] && fail "noise on standard error: $* ($(head -c 300 err))"
  grep -q '^took ' out || fail "no report: $*"
}

# After a refusal output.csv, report.json and the model `kept` are as they were, with nothing beside them.
untouched() {
  [ "$(cat output.csv report.json kept/* | cksum)" = "$before" ] || fail "an output was changed: $1"
  [ -z "$(find . -name '*.part' -o -name '*.old')" ] || fail "temporary files stay: $1"
}

# value REPORT WHERE MEASURE: a number of a JSON report.
value() {
  awk -v where="\"$2\"" -v measure="\"$3\"" '
    index($0, where) { here = 1 } here && index($0, measure) { found = 1 }
    found && /"value"/ { gsub(/[ ,]/, ""); sub(/.*:/, ""); print; exit }' "$1"
}
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a < b) }' || fail "$3: $1 is not below $2"; }

# Three quarters of the cars to learn from, the others to test on.
(head -1 "$data/auto_mpg.csv"; awk 'NR > 1 && NR % 4' "$data/auto_mpg.csv") >train.csv
(head -1 "$data/auto_mpg.csv"; awk 'NR > 1 && NR % 4 == 0' "$data/auto_mpg.csv") >test.csv
cars=(--train train.csv --target mpg --ignore name --choose no)
penguins=(--train "$data/palmer_penguins.csv" --target species --classify --choose no --ignore year)
all=(--test test.csv --std --output output.csv --json report.json --save kept)

# Regression; the values that a person would expect of these data.
fine "${cars[@]}" "${all[@]}"
below "$(value report.json test.csv 'root mean squared error')" 3 "cars"
below 0.85 "$(value report.json test.csv 'R^2')" "cars"
[ "$(head -1 output.csv)" = "row,prediction,std,target" ] || fail "header: $(head -1 output.csv)"
[ "$(wc -l <output.csv)" -eq "$(wc -l <test.csv)" ] || fail "not one prediction a row"
[ "$(sed -n 2p output.csv | cut -d, -f1)" = 2 ] || fail "rows are lines of the file"
before=$(cat output.csv report.json kept/* | cksum)

# Several targets: one model, each with its own errors, columns and intervals.
fine --train train.csv --target mpg,acceleration --ignore name --test test.csv --interval 0.9 --std \
  --output two.csv --json two.json --save two
[ "$(head -1 two.csv)" = "row,prediction mpg,std mpg,lower mpg,upper mpg,target mpg,prediction acceleration,std acceleration,lower acceleration,upper acceleration,target acceleration" ] ||
  fail "header: $(head -1 two.csv)"
below "$(value two.json 'test.csv, mpg' 'root mean squared error')" 3 "two targets: mpg"
below 0.5 "$(value two.json 'test.csv, acceleration' 'R^2')" "two targets: acceleration"
below 0.8 "$(value two.json 'leave-one-out, acceleration' 'inside 95 % intervals')" "two targets: intervals"
grep -q 'targets mpg, acceleration' out || fail "two targets: $(grep training out)"
cut -d, -f1-8 test.csv >no_mpg.csv  # one of the two is there
fine --load two --test no_mpg.csv --std --output one.csv
grep -q '^no_mpg.csv, acceleration' out || fail "the target that is there"
grep -q '^no_mpg.csv, mpg' out && fail "errors of a target that is not there"
cut -d, -f1-3 one.csv >expected.csv
cut -d, -f1-3 two.csv >again.csv
same again.csv expected.csv "a loaded model of two targets"
refuse "the target 'mpg' is named twice" --train train.csv --target mpg,acceleration,mpg --ignore name
refuse "--classify takes one --target" --train "$data/palmer_penguins.csv" --target species,island --classify

# A saved model predicts the same, to the last digit; so do one thread and a test file without the target.
fine --load kept --test test.csv --std --output again.csv
same again.csv output.csv "a loaded model"
OMP_NUM_THREADS=1 fine "${cars[@]}" --test test.csv --std --output again.csv
same again.csv output.csv "one thread in the environment"
fine "${cars[@]}" --threads 1 --test test.csv --std --output again.csv
same again.csv output.csv "one thread by option"
cut -d, -f1-8 test.csv >unlabelled.csv
fine --load kept --test unlabelled.csv --std --output again.csv
cut -d, -f1-3 output.csv >expected.csv
same again.csv expected.csv "no target"
grep -q '^unlabelled.csv' out && fail "errors without a target"
fine --load kept --save again --save-factor
[ -f again/factor.npy ] || fail "--save-factor"
[ -f kept/factor.npy ] && fail "a factor that nobody asked for"

# Learning in two parts comes to what learning at once does (with scalings of the first part, so without them).
plain=(--target mpg --ignore name --standardize none --choose no --ridge absolute:1e6)
head -200 train.csv >first.csv
(head -1 train.csv; tail -n +201 train.csv) >second.csv
fine --train first.csv "${plain[@]}" --save parts
fine --load parts --train second.csv --test test.csv --output parts.csv
fine --train train.csv "${plain[@]}" --test test.csv --output whole.csv
paste -d, parts.csv whole.csv | awk -F, 'NR > 1 && ($2 - $5) ^ 2 > 1e-12 * $5 ^ 2 { exit 1 }' || fail "adding rows"

# Classification, with missing values and text.
fine "${penguins[@]}" --missing mean --text onehot --json p.json
below 0.97 "$(value p.json leave-one-out accuracy)" "penguins"
fine "${penguins[@]}" --missing drop --text onehot --test "$data/palmer_penguins.csv" --std --output p.csv
[ "$(grep -o 'rows left out: .*' out | grep -oE '[0-9]+ with no value' | awk '{ n += $1 } END { print n }')" = 22 ] || fail "dropped rows are not told"
[ "$(wc -l <p.csv)" -eq 334 ] || fail "rows with missing values"
[ "$(head -1 p.csv)" = "row,prediction,p Adelie,p Chinstrap,p Gentoo,std,target" ] || fail "header: $(head -1 p.csv)"
awk -F, 'NR > 1 && ($3 + $4 + $5 - 1) ^ 2 > 1e-20 { exit 1 }' p.csv || fail "probabilities do not add up to 1"
grep -q '^Chinstrap  *0  *[0-9]*  *0$' out || fail "confusion: $(cat out)"

# Other networks and kernels.
for family in chain residual densely_connected identity_connected recurrent; do
  fine "${cars[@]}" --family $family --depth 3 --kernel nngp --ridge absolute:0.1 --precision float
  grep -q "nngp of $(echo $family | tr _ -)-3" out || fail "$family is not named"
done
fine --train train.csv --target -1 --ignore name,0 --choose no
grep -q 'target mpg' out && grep -q 'cylinders (ignored), name (ignored)' out || fail "indices of columns: $(cat out)"
fine "${cars[@]}" --family chain --activation erf --weight-std 1.1 --bias-std 0
fine "${cars[@]}" --ridge auto --json auto.json
grep -q '^chosen .* 1 kernel x 45 ridges on up to 294 rows' out || fail "what was chosen: $(cat out)"
below "$(value auto.json leave-one-out 'root mean squared error')" "$(value report.json leave-one-out 'root mean squared error')" "auto"

# Without options everything is chosen, and features are standardised; what an option fixes stays.
free=(--train train.csv --target mpg --ignore name)
fine "${free[@]}" --test test.csv --save chosen --json chosen.json
grep -q '^scaling  *features and target' out || fail "not standardised: $(cat out)"
[ "$(grep -c 'relative:' out)" -ge 12 ] || fail "no leaderboard: $(cat out)"
[ "$(grep -c '"kernel": ".* w' chosen.json)" -ge 162 ] || fail "not all that was tried is in the JSON"
below "$(value chosen.json leave-one-out 'root mean squared error')" "$(value auto.json leave-one-out 'root mean squared error')" "chosen"
grep '^test.csv.*root mean' out | tr -s ' ' >chosen.out
fine --load chosen --test test.csv
tr -s ' ' <out | grep -qxFf chosen.out || fail "a chosen model that is loaded"
fine "${free[@]}" --kernel nngp --activation erf --bias-std 0.25 --depth 2 --choice-rows 100 --ridge relative:0.05 --json fixed.json
grep -q '"kernel": "nngp chain-2 erf w2 b0.25"' fixed.json || fail "what is fixed: $(cat fixed.json)"
grep '"kernel": ".* w' fixed.json | grep -qv '"nngp chain-2 erf w[0-9.]* b0.25"' && fail "what is fixed was varied: $(cat fixed.json)"
grep -q 'x 1 ridge on up to 100 rows' out || fail "the rows that decide: $(cat out)"
grep -q '"out_of_time": false' fixed.json || fail "no limit of time: $(cat fixed.json)"
fine "${free[@]}" --seconds 0.001 --json hurried.json
grep -q '^chosen .* on up to 256 rows; --seconds ended it before all was tried$' out || fail "a limit of time: $(cat out)"
grep -q '^tuned .* in 0 steps (more would go on)' out || fail "a limit of time for tuning: $(cat out)"
grep -q '"out_of_time": true' hurried.json || fail "a limit of time: $(cat hurried.json)"
fine "${free[@]}" --family residual --weight-std 1 --bias-std 0.1 --activation relu
grep -q '^chosen .* 6 kernels' out || fail "a family of one's own: $(cat out)"
fine "${free[@]}" --topology kept/topology.json
grep -q '^chosen .* 2 kernels' out || fail "a topology of one's own: $(cat out)"
fine "${free[@]}" --standardize none --choose no
grep -q '^scaling' out && fail "standardised though it was refused"
fine "${free[@]}" --standardize --choose no
grep -q '^scaling' out || fail "--standardize alone"

# Scales of the features are tuned where that helps; what an option fixes stays.
grep -q '^tuned  *scales of 7 features and the ridge, by leave-one-out on 294 rows' out && fail "tuned though nothing is chosen"
fine "${free[@]}" --test test.csv --json tuned.json --save tuned
grep -q '^tuned  *scales of 7 features and the ridge, by leave-one-out on 294 rows' out || fail "not tuned: $(cat out)"
grep -q '"weight": [0-9.]*[,]*$' tuned.json || fail "no scales in the JSON: $(cat tuned.json)"
fine "${free[@]}" --test test.csv --json untuned.json --tune no
grep -q '^tuned' out && fail "tuned though it was refused"
below "$(value tuned.json leave-one-out 'root mean squared error')" "$(value untuned.json leave-one-out 'root mean squared error')" "tuned"
fine "${cars[@]}" --tune yes --ridge relative:0.2 --json held.json
grep -q '"ridge": "relative:0.2"' held.json || fail "a fixed ridge was tuned: $(cat held.json)"
usage "--tune yes takes features of std 1" "${cars[@]}" --tune yes --standardize none

# Directions by gradients: two of ten features matter, and a saved model knows them.
awk 'BEGIN { srand(3); print "a,b,c,d,e,f,g,h,i,y"; for (r = 0; r < 400; ++r) {
  for (j = 0; j < 9; ++j) { v[j] = 2 * rand() - 1; printf "%.6f,", v[j] }
  printf "%.6f\n", sin(3 * v[1] * v[6]) } }' >made.csv
{ head -1 made.csv && tail -100 made.csv; } >made_test.csv
head -301 made.csv >made_train.csv
made=(--train made_train.csv --target y --choose no --depth 3 --test made_test.csv)
fine "${made[@]}" --json as_given.json
fine "${made[@]}" --feature-learning 4 --json learned.json --output learned.csv --save learned
grep -q '^learned  *features by [2-4] rounds of gradients on 300 rows: leave-one-out error .* -> ' out || fail "not learned: $(cat out)"
grep -A1 '^learned' out | grep -qE '^ +(b|g) 0\.[4-6][0-9]*, (g|b) 0\.[4-6]' || fail "other features: $(cat out)"
below "$(value learned.json made_test.csv 'root mean squared error')" "$(awk -v e="$(value as_given.json made_test.csv 'root mean squared error')" 'BEGIN { print e / 1.5 }')" "learned features"
fine --load learned --test made_test.csv --output again.csv
cmp -s learned.csv again.csv || fail "a saved model of learned features"
fine "${made[@]}" --feature-learning 4 --seconds 0.001 --json hurried.json
grep -q '^learned .*, and so left as they were; --seconds ended it$' out || fail "a limit of time for directions: $(cat out)"
grep -q '"out_of_time": true' hurried.json || fail "a limit of time for directions: $(cat hurried.json)"

# What each column is worth: those that make the target, all categories of one together, and after directions too.
fine "${made[@]}" --importance --json worth.json
grep -qE '^importance  *leave-one-out error [0-9.]+ on 300 rows; with one column shuffled: (b|g) [0-9.]+, (g|b) ' out ||
  fail "not the columns that matter: $(grep importance out)"
grep -q '"importance"' worth.json || fail "no importance in JSON"
grep -A2 '"importance"' worth.json | grep -q '"repeats": 5' || fail "repeats: $(grep -A3 '"importance"' worth.json)"
fine "${made[@]}" --importance --seconds 0.001 --json worth.json
grep -q '; --seconds ended it after 1 shuffle$' out || fail "not ended in time: $(grep -A2 importance out)"
grep -A3 '"importance"' worth.json | grep -q '"out_of_time": true' || fail "out of time: $(grep -A3 '"importance"' worth.json)"
fine "${made[@]}" --feature-learning 4 --importance --svg worth.svg
[ "$(grep -c '<rect x=' worth.svg)" -eq 18 ] || fail "not nine bars of shares and nine of importance"
grep -q '>As it is: 0' worth.svg || fail "no error to compare with"
grep -qE '^importance .*shuffled: (b|g) [0-9.]+, (g|b) ' out || fail "importance of learned features: $(grep importance out)"
fine "${penguins[@]}" --text onehot --missing drop --importance
grep '^importance' out | grep -q 'island [0-9]' || fail "importance of a category: $(grep importance out)"
grep '^importance' out | grep -q 'island=' && fail "a category by itself: $(grep importance out)"
usage "--importance" --load learned --importance --test made_test.csv
usage "--svg has nothing to draw" "${made[@]}" --svg worth.svg
usage "--feature-learning takes features of std 1" "${made[@]}" --feature-learning 4 --standardize none
usage "--feature-learning finds scales with the directions" "${made[@]}" --feature-learning 4 --tune yes

# Intervals hold what they say, and the saved model remembers how wide they are.
fine "${free[@]}" --test test.csv --interval 0.9 --std --output i.csv --json i.json --save sure
[ "$(head -1 i.csv)" = "row,prediction,std,lower,upper,target" ] || fail "header: $(head -1 i.csv)"
awk -F, 'NR > 1 { n += 1; hit += $4 <= $6 && $6 <= $5; if (!($4 < $2 && $2 < $5 && $5 - $4 > 3.2 * $3)) exit 1 }
  END { exit !(n == 98 && hit > 0.8 * n && hit < 0.97 * n) }' i.csv || fail "intervals of 90 %"
for where in leave-one-out test.csv; do
  below 0.88 "$(value i.json $where 'inside 95 % intervals')" "coverage of $where"
  below -2.8 "$(value i.json $where 'mean log density')" "log density of $where"
done
fine --load sure --test test.csv --interval 0.9 --std --output j.csv
same j.csv i.csv "intervals of a loaded model"

# What says little is said.
awk -F, -v OFS=, 'NR == 3 { $4 = 99999 } { print }' test.csv >far.csv
fine "${cars[@]}" --test far.csv --json far.json
grep -q "^note  *1 row further outside .*row 3, 'weight'" out || fail "a row far away: $(cat out)"
grep -q '"far_outside": 1' far.json || fail "a row far away: $(cat far.json)"
awk 'BEGIN { srand(2); print "a,b,y"; for (i = 0; i < 80; ++i) print rand() "," rand() "," rand() + (i == 7) * 50 }' >noise.csv
fine --train noise.csv --target y --choose no --ridge relative:1e-6
grep -q '^note  *leave-one-out: worse than the mean' out || fail "worse than the mean: $(cat out)"

fine "${cars[@]}" --topology kept/topology.json --test test.csv --output again.csv
# Other solvers predict the same, and say what they did.
fine "${cars[@]}" --test test.csv --output direct.csv
for solver in cholesky mixed conjugate_gradients; do
  fine "${cars[@]}" --test test.csv --output other.csv --solver $solver --json s.json
  grep -q '^solver .*because' out || fail "$solver says nothing: $(cat out)"
  # The errors take the factor.
  [ "$(grep -c '^leave-one-out' out)" -eq "$([ $solver = cholesky ] && echo 5 || echo 0)" ] || fail "leave-one-out errors of $solver"
  paste -d, direct.csv other.csv | awk -F, 'NR > 1 && ($2 - $5) ^ 2 > 1e-8 * $2 ^ 2 { exit 1 }' || fail "$solver"
done
[ "$(grep -c '"converged": true' s.json)" -eq 1 ] || fail "a solver's report: $(cat s.json)"
# Targets without noise want ridges that conjugate gradients cannot take.
awk 'BEGIN { srand(2); print "a,b,y"; for (i = 0; i < 1500; ++i) { a = rand(); b = rand(); print a "," b "," a * b + b } }' >exact.csv
fine --train exact.csv --target y --choice-rows 200 --solver conjugate_gradients
grep -q '^note .*ridges from relative:1e-06' out || fail "ridges for conjugate gradients: $(cat out)"

# Where the process may have little, as under ulimit or in a container, the solver is one that fits.
awk 'BEGIN { srand(1); print "a,b,y"; for (i = 0; i < 2500; ++i) print rand() "," rand() "," rand() }' >many.csv
for limit in 50000 60000 70000; do
  (ulimit -v $limit && fine --train many.csv --target y --choose no && exit $failures) || fail "little memory: $(cat out err)"
  grep -q '^solver  *conjugate_gradients' out || fail "little memory: $(cat out)"
done
run 0 --help
grep -q -- '--standardize' out || fail "--help"

# Treatments that were asked for.
awk -F, -v OFS=, 'NR == 1 { print "k", $0, "twice" } NR > 1 { print 5, $0, $2 }' train.csv >odd.csv
odd=(--train odd.csv --target mpg --ignore name --choose no)
fine "${odd[@]}" --constant drop --duplicate drop
grep -q 'k (constant), name (ignored), twice (equals ' out || fail "what is left out: $(cat out)"

# Everything is in proportion to the target, whatever its size.
for scale in 1 1e-170 1e200; do
  awk -F, -v OFS=, -v s="${scale#1}" 'NR > 1 { $NF = $NF s } { print }' train.csv >scaled.csv
  fine --train scaled.csv --target mpg --ignore name --standardize none --choose no --ridge auto --json scaled.json
  grep -E '^(chosen|ridge)|R\^2' out | sed 's/adds .*//' | tr -s ' ' >scaled.out
  [ $scale != 1 ] || cp scaled.out one.out
  diff one.out scaled.out || fail "a target of $scale: $(cat out)"
  value scaled.json leave-one-out 'root mean squared error' | awk -v s=$scale '{ print $1 / s }' >error.$scale
  awk 'NR == FNR { one = $1; next } ($1 - one) ^ 2 > 1e-12 * one ^ 2 { exit 1 }' error.1 error.$scale || fail "errors of $scale"
done

# Wrong options.
usage "--train"
usage "--target" --train train.csv
usage "--ridge" "${cars[@]}" --ridge big
usage "--ridge" "${cars[@]}" --ridge absolute:-1
usage "--ridge" "${cars[@]}" --ridge relative:nan
usage "--kernel" "${cars[@]}" --kernel gauss
usage "--family" "${cars[@]}" --family tree
usage "--depth" "${cars[@]}" --depth deep
usage "--missing" "${cars[@]}" --missing guess
usage "--threads" "${cars[@]}" --threads -1
usage "--test" "${cars[@]}" --output output.csv
usage "--topology" "${cars[@]}" --topology kept/topology.json --depth 3
usage "--choose" "${cars[@]}" --choose maybe
usage "--standardize" "${cars[@]}" --standardize some
usage "--choice-rows" "${free[@]}" --choice-rows 1
usage "--interval" "${cars[@]}" --test test.csv --interval 95
usage "--interval" "${cars[@]}" --interval 0.9
usage "--interval has no effect" "${penguins[@]}" --missing drop --text onehot --test test.csv --interval 0.9
usage "--seconds has no effect" "${cars[@]}" --seconds 9
usage "--load" --load kept --target mpg
usage "--solver" "${cars[@]}" --solver magic
fine "${cars[@]}" --solver mixed --ridge auto --test test.csv --std
fine "${cars[@]}" --solver conjugate_gradients --test test.csv --std
usage "--bogus" "${cars[@]}" --bogus

# Outputs that would be lost, or lose something else.
cp train.csv copy.csv && ln copy.csv hard.csv && ln -s copy.csv soft.csv
copy=(--train copy.csv --target mpg --ignore name --choose no --test test.csv)
for name in copy.csv ./copy.csv hard.csv soft.csv "$PWD/copy.csv"; do
  usage "is the file that --train reads" "${copy[@]}" --output "$name"
  usage "is the file that --train reads" "${copy[@]}" --json "$name"
done
usage "is the file that --test reads" "${cars[@]}" --test test.csv --output test.csv
usage "is the file that --output writes" "${cars[@]}" --test test.csv --output both --json ./both
usage "lies in the folder that --save writes" "${cars[@]}" --test test.csv --json kept/report.json --save kept
usage "lies in the folder that --save writes" "${cars[@]}" --test test.csv --output kept --save kept
cmp -s copy.csv train.csv || fail "an input was changed"
fine "${cars[@]}" --test test.csv --output /dev/null --json /dev/null

# Bad input: each is one line, and the outputs stay.
edit() { sed "$1" train.csv >bad.csv; }
bad=(--train bad.csv --target mpg --ignore name --choose no "${all[@]}")
good=("${cars[@]}" "${all[@]}") rest=(--std --output output.csv --json report.json --save kept)
refuse "none.csv" --train none.csv --target mpg "${all[@]}"
refuse "no\x1b[2J\x07" --train "$(printf 'no\033[2J\a')" --target mpg "${all[@]}"
refuse "directory" --train . --target mpg "${all[@]}"
: >bad.csv && refuse "bad.csv has no rows" "${bad[@]}"
head -1 train.csv >bad.csv && refuse "only a header" "${bad[@]}"
edit '5s/,[^,]*$//' && refuse "bad.csv, row 5, column 9 ('mpg')" "${bad[@]}"
edit '5s/$/,1/' && refuse "bad.csv, row 5, column 10" "${bad[@]}"
edit '7d;6s/.*//' && refuse "bad.csv, row 6, column 1" "${bad[@]}"
edit '3s/^[0-9]*,/eight,/' && refuse "bad.csv, row 3, column 1 ('cylinders'): 'eight'" "${bad[@]}"
edit '3s/^[0-9]*,/,/' && refuse "row 3, column 1 ('cylinders'): the field is empty" "${bad[@]}"
edit '3s/^[0-9]*,/NA,/' && refuse "'NA' stands for a missing value" "${bad[@]}"
edit '3s/^[0-9]*,/inf,/' && refuse "'inf' is not a finite number" "${bad[@]}"
edit '3s/^[0-9]*,/1e999,/' && refuse "'1e999' is out of the range" "${bad[@]}"
edit '4s/[^,]*$/much/' && refuse "row 4, column 9 ('mpg'): 'much' is not a number" "${bad[@]}"
edit '4s/[^,]*$//' && refuse "in the target" "${bad[@]}"
edit '1s/horsepower/weight/' && refuse "has the same name" "${bad[@]}"
edit '1s/horsepower//' && refuse "has no name in the header" "${bad[@]}"
edit '2s/"*chev/"chev/' && refuse "a quote is opened" "${bad[@]}"
edit '2,$s/[^,]*$/7/' && refuse "the target 'mpg' is '7' in all" "${bad[@]}"
edit '2,$s/^[0-9]*,/8,/' && refuse "column 1 ('cylinders') is constant" "${bad[@]}"
refuse "column 10 ('twice') equals" --train <(cut -d, -f2- odd.csv) --target mpg --ignore name "${all[@]}"
refuse "'chevrolet chevelle malibu' is not a number" --train train.csv --target mpg "${all[@]}"
refuse "different texts" --train train.csv --target mpg --text onehot "${all[@]}"
refuse "no column 'price'" --train train.csv --target price "${all[@]}"
refuse "no column 'colour'" --train train.csv --target mpg --ignore colour "${all[@]}"
refuse "no column 'weight'" "${cars[@]}" "${rest[@]}" --test <(cut -d, -f1-3,5- test.csv)
refuse "has the column 'extra'" "${cars[@]}" "${rest[@]}" --test <(sed '1s/$/,extra/;2,$s/$/,1/' test.csv)
refuse "has no header" "${cars[@]}" "${rest[@]}" --test <(tail -n +2 test.csv | cut -d, -f1-7,9)
refuse "row 9, column 4 ('weight')" "${cars[@]}" "${rest[@]}" --test <(sed '9s/\([^,]*,[^,]*,[^,]*\),[^,]*/\1,heavy/' test.csv)
sed 's/Gentoo/Emperor/' "$data/palmer_penguins.csv" >emperor.csv
refuse "the class 'Emperor' was not there" "${penguins[@]}" --missing drop --text onehot --test emperor.csv --output output.csv
sed 's/Dream/Deception/' "$data/palmer_penguins.csv" >island.csv
refuse "the category 'Deception' was not there" "${penguins[@]}" --missing drop --text onehot --test island.csv --output output.csv
refuse "none.json" "${good[@]}" --topology none.json
echo '{"sst_topology": 1,' >bad.json && refuse "bad.json" "${good[@]}" --topology bad.json
refuse "sparse_shortcut of depth 1" "${good[@]}" --depth 1
refuse "weight_std" "${good[@]}" --weight-std -1
refuse "the activation 'sine' is unknown" "${good[@]}" --activation sine
refuse "no folder" "${cars[@]}" --test test.csv --output nowhere/p.csv
refuse "no folder" "${cars[@]}" --json nowhere/r.json
mkdir mine && touch mine/diary && refuse "it holds 'diary', which is not ours" "${cars[@]}" --save mine
awk -F, -v OFS=, 'NR > 1 { $2 = $2 "e200" } { print }' train.csv >huge.csv
refuse "overflow" --train huge.csv --target mpg --ignore name --standardize none --choose no "${all[@]}"
(cat train.csv; tail -n +2 train.csv) >double.csv
refuse "rows 0 and 294 of the training samples" --train double.csv --target mpg --ignore name --choose no --ridge absolute:0 "${all[@]}"

# Damaged models.
cp -r kept broken && printf x | dd of=broken/weights.npy bs=1 seek=200 conv=notrunc 2>/dev/null
refuse "weights.npy is damaged" --load broken "${all[@]}"
rm -r broken && cp -r kept broken && truncate -s 500 broken/x.npy
refuse "x.npy has 500 bytes" --load broken "${all[@]}"
rm -r broken && cp -r kept broken && rm broken/topology.json
refuse "topology.json is missing" --load broken "${all[@]}"
rm -r broken && cp -r kept broken && sed -i 's/"sst_model": 1/"sst_model": 2/' broken/model.json
refuse "of version 2" --load broken "${all[@]}"
rm -r broken && cp -r kept broken && ln -sf /dev/zero broken/x.npy
refuse "not a regular file" --load broken "${all[@]}"
refuse "not a folder" --load nothing "${all[@]}"
refuse "no column 'weight'" --load kept --train <(cut -d, -f1-3,5- train.csv) "${all[@]}"
[ $refusals -ge 20 ] || fail "only $refusals kinds of bad input"

# Nothing can be written where there is no room.
if [ -w /dev/full ]; then
  run 1 "${cars[@]}" --test test.csv --output /dev/full
  "$program" "${cars[@]}" >/dev/full 2>err && fail "a full disk is not noticed"
fi

# Ctrl-C: a larger table, so that it comes in the middle.
awk 'BEGIN { srand(1); print "a,b,c,y"; for (i = 0; i < 9000; ++i) print rand() "," rand() "," rand() "," rand() }' >large.csv
interrupt INT --train large.csv --target y --family chain --depth 60 --activation erf --save kept --json report.json
untouched "Ctrl-C"
# In the middle of a step of many seconds; of reads that never end.
interrupt TERM --train large.csv --target y --choice-rows 9000 --save kept --json report.json
mkfifo silent
sleep 60 >silent & writer=$!
interrupt INT --train silent --target y "${all[@]}"
kill $writer
untouched "signals"

[ $failures -eq 0 ] && echo "all passed: $refusals kinds of bad input"
exit $((failures > 0))
