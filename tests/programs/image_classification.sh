#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs image_classification as a user does. Usage: image_classification.sh PROGRAM
set -u
program=$1
source "$(dirname "$0")/helper/expect.sh"

# bytes COUNT VALUE: so many bytes of one value (octal).
bytes() { head -c "$1" /dev/zero | tr '\0' "\\$2"; }
# big_endian NUMBERS...: 32 bits each.
big_endian() {
  local n
  for n in "$@"; do
    printf "\\x$(printf %02x $((n >> 24 & 255)))\\x$(printf %02x $((n >> 16 & 255)))"
    printf "\\x$(printf %02x $((n >> 8 & 255)))\\x$(printf %02x $((n & 255)))"
  done
}
# accuracy: of the first topology in `out`, in per cent.
accuracy() { awk '/^-/ {getline; print $3; exit}' out; }
at_least() { awk -v a="$(accuracy)" -v b="$1" 'BEGIN {exit !(a >= b)}' || fail "accuracy $(accuracy) < $1: $2"; }

# Digits in folds, all topologies side by side.
run 0 --limit 120 --depth 3 4 --svg p.svg --json r.json
[ -s err ] && fail "noise on standard error: $(cat err)"
for family in plain residual densely_connected sparse_shortcut; do
  [ "$(grep -c "^$family  *[34] " out)" -eq 2 ] || fail "no row of $family: $(cat out)"
done
grep -q '^Confusion of ' out || fail "no confusion matrix"
grep -q 'digits, 8 x 8 x 1: 120 images in 5 folds' out || fail "no heading: $(head -1 out)"
at_least 85 "digits"
grep -q '</svg>' p.svg || fail "--svg"
[ "$(grep -c '"confusion"' r.json)" -eq 8 ] || fail "--json"

# The same numbers with one thread, other tiles and a store.
job=(--limit 80 --depth 3 --family sparse_shortcut --precision double)
run 0 "${job[@]}" --gram k.npy
accuracy >expected
for more in "--threads 1" "--threads 2" "--store here"; do
  run 0 "${job[@]}" --gram other.npy $more
  same k.npy other.npy "$more"
  [ "$(accuracy)" = "$(cat expected)" ] || fail "accuracy with $more"
done
run 0 "${job[@]}" --store here --ridge relative:0.1
grep -q 'from the store' out || fail "the store is not used: $(cat out)"
for more in "--kernel nngp" "--pool none" "--size 4" "--preprocess none" "--folds 3 --seed 1" "--bias-std 0"; do
  run 0 "${job[@]}" $more
done
run 0 --limit 60 --family s3_net dense_net --depth 6
run 0 --limit 60 --family sparse_shortcut sparse_shortcut_concat --depth 3 --store both
run 0 --limit 60 --family myrtle --depth 5 --pool none
run 0 --limit 60 --family sparse_shortcut_concat randomly_wired --depth 6 --seed 3 --pool none
for family in sparse_shortcut_concat randomly_wired; do
  grep -q "^$family  *6 " out || fail "no row of $family: $(cat out)"
done

# Networks of files, alone or beside families: the plain chain of three convolutions, written down.
cat >net.json <<'END'
{"sst_topology": 1, "name": "written", "output": "y", "nodes": [
  {"name": "x", "op": "input"},
  {"name": "h0", "op": "conv", "inputs": ["x"], "window": [3, 3], "weight_std": 1.5},
  {"name": "a0", "op": "relu", "inputs": ["h0"]},
  {"name": "h1", "op": "conv", "inputs": ["a0"], "window": [3, 3], "weight_std": 1.5},
  {"name": "a1", "op": "relu", "inputs": ["h1"]},
  {"name": "h2", "op": "conv", "inputs": ["a1"], "window": [3, 3], "weight_std": 1.5},
  {"name": "a2", "op": "relu", "inputs": ["h2"]},
  {"name": "p", "op": "global_avg_pool", "inputs": ["a2"]},
  {"name": "y", "op": "dense", "inputs": ["p"], "weight_std": 1.5}]}
END
run 0 --limit 60 --topology net.json --json file.json
grep -q '^net  *3 ' out || fail "no row of the file: $(cat out)"
grep -q pooling out && fail "pooling of a file: $(cat out)"
accuracy >"accuracy file"
run 0 --limit 60 --family plain --depth 3 --weight-std 1.5 --bias-std 0 --topology net.json
accuracy >"accuracy family"
same "accuracy file" "accuracy family" "a file and the family that it writes down"
[ "$(grep -c '^plain  *3 \|^net  *3 ' out)" -eq 2 ] || fail "not side by side: $(cat out)"
usage "--depth belongs to families" --limit 60 --topology net.json --depth 3
usage "net.json" --limit 60 --topology net.json --json net.json
refuse "nowhere.json" --limit 60 --topology nowhere.json

# Both kernels in one run are those of two runs.
for kernel in ntk nngp "ntk nngp"; do
  run 0 --limit 60 --family plain --depth 3 --kernel $kernel
  awk '/^plain/ {print $NF == "" ? "" : $(NF - 6)}' out >"accuracy $kernel"
done
cat "accuracy ntk" "accuracy nngp" >expected
grep -q '^plain nngp ' out || fail "no name of the kernel: $(cat out)"

# Shards fill the stores, side by side, and a run without goes on from them.
shards=(--limit 80 --depth 3 --family sparse_shortcut plain --kernel ntk nngp --precision double --tile 16 --store parts)
for i in 1 2 3; do "$program" "${shards[@]}" --shard $i/3 >"part $i" 2>&1 & done
wait
for i in 1 2 3; do
  grep -q "^shard $i/3: 20 tiles computed, 0 were there; .* of 60 tiles are in 'parts'; .* without --shard" "part $i" ||
    grep -q "^shard $i/3: 20 tiles computed, 0 were there; all 60 tiles are in 'parts'; " "part $i" ||
    fail "shard $i: $(cat "part $i")"
done
find parts -name '*.tile' -printf '%p %i %T@\n' | sort >before
run 0 "${shards[@]}"
[ "$(grep -c 'from the store' out)" -eq 4 ] || fail "shards are not used: $(cat out)"
find parts -name '*.tile' -printf '%p %i %T@\n' | sort >after
same before after "a tile of a shard was computed again"
run 0 "${job[@]}" --gram parts.npy --store parts --tile 16
run 0 "${job[@]}" --gram alone.npy --tile 16
same parts.npy alone.npy "shards"
refuse "--shard slurm is not in a job array" "${shards[@]}" --shard slurm

# Small training sets: draws from one kernel matrix, tested on the images that are not drawn.
draws=(--limit 120 --balanced --shuffle --depth 3 --family plain sparse_shortcut --train-size 40 10 --draws 6)
run 0 "${draws[@]}" --svg d.svg --json d.json --store drawn
[ -s err ] && fail "noise on standard error: $(cat err)"
grep -q '^digits, 8 x 8 x 1: 6 balanced draws from 120 images; ntk' out || fail "heading of draws: $(head -1 out)"
grep -q 'n = 10 .*n = 40' out || fail "sizes: $(cat out)"
awk '/^plain/ {exit !($3 < $6 && $3 > 30 && $6 > 70)}' out || fail "more images, more accuracy: $(cat out)"
[ "$(grep -Ec '^ *(10|40)  plain  sparse_shortcut  ' out)" -eq 2 ] || fail "pairs: $(cat out)"
grep -q '</svg>' d.svg || fail "--svg of draws"
[ "$(grep -Ec '^      0\.[0-9]+' d.json)" -eq 24 ] || fail "every draw in --json"
run 0 "${draws[@]}" --json again.json --store drawn --threads 1
grep -q 'from the store' out || fail "draws do not share the store: $(cat out)"
same <(grep -v '"pairs"\|"seconds"' d.json) <(grep -v '"pairs"\|"seconds"' again.json) "draws from the store"
run 0 --limit 120 --depth 3 --family plain --train-size 40 --seed 1
grep -q '±' out && fail "a standard error of one draw: $(cat out)"
refuse "there are 120 images to draw 130 from" --limit 120 --train-size 130
refuse "none is left to test on" --limit 120 --train-size 120
refuse "choose a multiple of 10" --limit 120 --balanced --train-size 15
run 0 --help
grep -q -- '--store' out || fail "--help"

# What a run would take: pairs and bytes are exact, and nothing starts.
plan=(--limit 100 --depth 3 --family plain --store planned)
run 0 "${plan[@]}" --plan
grep -q '^5,050 pairs of images, some ' out || fail "pairs: $(cat out)"
grep -q '^ImageNet: .* on 10000 cores like these' out || fail "ImageNet: $(cat out)"
[ -e planned ] && fail "a plan makes a store"
grep '^plain' out | tr -d , >planned.txt
run 0 "${plan[@]}"
grep -q " $(cat planned/*/* | wc -c) " planned.txt || fail "$(cat planned/*/* | wc -c) bytes, not as planned: $(cat planned.txt)"
run 0 --limit 100 --depth 3 --family plain residual --kernel ntk nngp --plan --cores 64
grep -q '^20,200 pairs of images, some ' out || fail "pairs of four: $(cat out)"

# Kernels averaged over mirror images.
run 0 "${job[@]}" --augment flips --gram flips.npy --store here
grep -q 'global pooling, averaged over flips, ridge' out || fail "flips: $(head -1 out)"
cmp -s flips.npy k.npy && fail "flips change nothing"
run 0 "${job[@]}" --augment flips --gram other.npy
same flips.npy other.npy "flips from a store"
refuse "sees mirror images of 7 x 7 x 1 in another way" --limit 20 --size 7 --pool local --augment flips --family plain

# IDX: 40 images of two classes, bright above or below.
mkdir idx cifar
image() { if [ $(($1 % 2)) -eq 0 ]; then bytes 32 200 && bytes 32 "$2"; else bytes 32 "$2" && bytes 32 200; fi; }
images() { for ((i = 0; i < 40; ++i)); do image $i "0$((i % 7))"; done; }
labels() { for ((i = 0; i < 40; ++i)); do bytes 1 "$((i % 2))"; done; }
(printf '\0\0\x08\x03' && big_endian 40 8 8 && images) >images
(printf '\0\0\x08\x01' && big_endian 40 && labels) >labels
for part in train t10k; do
  cp images idx/$part-images-idx3-ubyte
  cp labels idx/$part-labels-idx1-ubyte
done
mnist=(--data mnist --path idx --family plain --depth 3)
run 0 "${mnist[@]}"
grep -q 'mnist, 8 x 8 x 1: 40 images to train on, 40 to test on' out || fail "heading: $(head -1 out)"
[ "$(accuracy)" = 100.00 ] || fail "mnist: accuracy $(accuracy)"
for transform in channel zca; do
  run 0 "${mnist[@]}" --preprocess $transform
  [ "$(accuracy)" = 100.00 ] || fail "$transform: accuracy $(accuracy)"
done
run 0 "${mnist[@]}" --train-size 2 8 --balanced --draws 3
grep -q '3 balanced draws from 40 images, 40 to test on' out || fail "draws: $(head -1 out)"
grep -q '^plain .* 100.00 ± 0.00' out || fail "draws of mnist: $(cat out)"
run 0 "${mnist[@]}" --limit 30 10
grep -q '30 images to train on, 10 to test on' out || fail "--limit: $(head -1 out)"
cp out expected
gzip idx/*
run 0 "${mnist[@]}" --limit 30 10
same <(sed -n 's/^plain *\(.*100.00\).*/\1/p' out) <(sed -n 's/^plain *\(.*100.00\).*/\1/p' expected) "gzip"

# Broken IDX files: one line that names the file.
broken() { # broken TEXT FILE
  rm -f idx/train-images-idx3-ubyte*
  cp "$2" idx/train-images-idx3-ubyte"${3:-}"
  refuse "$1" "${mnist[@]}"
  grep -qF "idx/train-images-idx3-ubyte" err || fail "no file name: $(cat err)"
}
broken "announces 40 x 8 x 8 values, more than" <(head -c 1000 images)
broken "it ends after" <(head -c 1000 images | gzip) .gz
broken "it ends before its compressed data do" <(gzip <images | head -c 90) .gz
broken "it ends within the header" <(head -c 9 images)
broken "it does not start with two zero bytes" <(printf 'GIF89a and more')
broken "it goes on after" <(cat images labels)
broken "more than a file of its size holds" <(printf '\0\0\x08\x03' && big_endian 4294967295 65535 65535)
broken "more than a file of its size holds" <((printf '\0\0\x08\x03' && big_endian 4294967295 65535 65535) | gzip) .gz
rm idx/*images* && cp images idx/train-images-idx3-ubyte && cp images idx/t10k-images-idx3-ubyte
rm idx/train-labels* && (printf '\0\0\x08\x01' && big_endian 39 && labels | head -c 39) >idx/train-labels-idx1-ubyte
refuse "it has 39 labels for the 40 images of 'idx/train-images-idx3-ubyte'" "${mnist[@]}"
refuse "nowhere/train-images-idx3-ubyte' (No such file" --data mnist --path nowhere

# CIFAR: records of 1 + 3072 and 2 + 3072 bytes.
record() { printf "$1" && bytes 1024 "$2" && bytes 1024 "$3" && head -c 1024 /dev/urandom; }
# records BYTES BYTES: images of two classes by turns, with those labels.
records() { for ((i = 0; i < 4; ++i)); do record "$1" 10 200 && record "$2" 200 10; done; }
for i in 1 2 3 4 5; do records '\x03' '\x08' >cifar/data_batch_$i.bin; done
records '\x03' '\x08' >cifar/test_batch.bin
records '\x02\x03' '\x05\x08' >cifar/train.bin
records '\x02\x03' '\x05\x08' >cifar/test.bin
for name in cifar10 cifar100 cifar100_coarse; do
  run 0 --data $name --path cifar --family plain --depth 3 --size 8
  grep -q "$name, 8 x 8 x 3: $([ $name = cifar10 ] && echo 40 || echo 8) images to train on, 8 to" out ||
    fail "$name: $(head -1 out)"
  [ "$(accuracy)" = 100.00 ] || fail "$name: accuracy $(accuracy)"
done
cifar=(--data cifar10 --path cifar --family plain --depth 3 --size 4)
truncate -s 3072 cifar/data_batch_3.bin
refuse "cannot read 'cifar/data_batch_3.bin' as CIFAR-10 (its 3072 bytes are not records of 3073)" "${cifar[@]}"
record '\x0a' 1 2 >cifar/data_batch_3.bin
refuse "(record 0, counted from 0, has the label 10, and there are 10 classes)" "${cifar[@]}"
rm cifar/data_batch_3.bin
refuse "cifar/data_batch_3.bin' (No such file" "${cifar[@]}"

# Tiny ImageNet, where the program is built with libjpeg: in colour bright above, in grey bright on the left.
above=/9j/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/2wBD\
AQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCj/wAARCAAIAAgD\
ASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAP/xAAYEAEAAwEAAAAAAAAAAAAAAAAAF2Wk4v/EABQBAQAAAAAAAAAAAAAA\
AAAAAAX/xAAYEQADAQEAAAAAAAAAAAAAAAAAA1ETFP/aAAwDAQACEQMRAD8AtMVFr4AHbsoV0tp//9k=
left=/9j/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/wAAL\
CAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABf/EABgQAAIDAAAAAAAAAAAAAAAAAAAIRoTD/9oACAEBAAA/ADmajdnI/9k=
tall=/9j/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/wAAL\
CAAQAAgBAREA/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/xAAYEAACAwAAAAAAAAAAAAAAAAAACEaEw//aAAgBAQAAPwCczUbs5Bmo\
3ZyP/9k=
mkdir -p tiny/train/n01/images tiny/train/n02/images tiny/val/images
for i in 0 1 2 3; do
  base64 -d <<<"$above" | tee tiny/train/n01/images/n01_$i.JPEG >tiny/val/images/val_$i.JPEG
  base64 -d <<<"$left" | tee tiny/train/n02/images/n02_$i.JPEG >tiny/val/images/val_$((i + 4)).JPEG
  printf 'val_%d.JPEG\tn0%d\t0\t0\t7\t7\n' $i 1 $((i + 4)) 2 >>tiny/val/val_annotations.txt
done
tiny=(--data tiny_imagenet --path tiny --family plain --depth 3)
if "$program" "${tiny[@]}" 2>&1 | grep -q 'built without libjpeg'; then
  refuse "install libjpeg62-turbo-dev" "${tiny[@]}"
else
  run 0 "${tiny[@]}"
  grep -q 'tiny_imagenet, 8 x 8 x 3: 8 images to train on, 8 to test on' out || fail "tiny: $(head -1 out)"
  [ "$(accuracy)" = 100.00 ] || fail "tiny: accuracy $(accuracy)"
  run 0 "${tiny[@]}" --limit 4 2
  grep -q '4 images to train on, 2 to test on' out || fail "tiny: $(head -1 out)"
  grep -q 'to train on hold' out && fail "not all classes by turns: $(cat out)"
  base64 -d <<<"$tall" >tiny/train/n02/images/n02_1.JPEG
  refuse "n02_1.JPEG' is 16 x 8 x 3 and the images before it are 8 x 8 x 3" "${tiny[@]}"
  base64 -d <<<"$above" | head -c 250 >tiny/train/n02/images/n02_1.JPEG
  refuse "n02_1.JPEG' as JPEG (" "${tiny[@]}"
  echo "no picture" >tiny/train/n02/images/n02_1.JPEG
  refuse "n02_1.JPEG' as JPEG (Not a JPEG file" "${tiny[@]}"
  rm tiny/train/n02/images/n02_1.JPEG tiny/val/images/val_6.JPEG
  refuse "cannot read 'tiny/val/images/val_6.JPEG'" "${tiny[@]}"
  printf 'val_0.JPEG\tn09\n' >tiny/val/val_annotations.txt
  refuse "val_annotations.txt' (line 1 is not a file, a tab and a folder of train/)" "${tiny[@]}"
  rm tiny/val/val_annotations.txt
  refuse "val_annotations.txt' (it is missing or empty)" "${tiny[@]}"
  refuse "cannot read 'nowhere/train' (No such file" --data tiny_imagenet --path nowhere
fi

# NPY: the header as numpy writes it, padded to 128 bytes.
npy() { # npy DTYPE SHAPE
  printf '\x93NUMPY\x01\x00\x76\x00' && printf '%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': $2, }"
}
(npy '|u1' '(40, 8, 8)' && images) >x.npy
(npy '|u1' '(40,)' && labels) >y.npy
run 0 --data npy --path x.npy --labels y.npy --folds 4 --family plain --depth 3
grep -q 'npy, 8 x 8 x 1: 40 images in 4 folds' out || fail "npy: $(head -1 out)"
[ "$(accuracy)" = 100.00 ] || fail "npy: accuracy $(accuracy)"
run 0 --data npy --path x.npy --labels y.npy --test x.npy --test-labels y.npy --family plain --depth 3
grep -q '40 images to train on, 40 to test on' out || fail "npy: $(head -1 out)"
(npy '|u1' '(20, 16, 8)' && images) >other.npy
(npy '|u1' '(20,)' && labels | head -c 20) >z.npy
refuse "give one shape" --data npy --path x.npy --labels y.npy --test other.npy --test-labels z.npy
head -c 999 x.npy >short.npy
refuse "does not match" --data npy --path short.npy --labels y.npy
refuse "it has 20 labels for the 40 images of 'x.npy'" --data npy --path x.npy --labels z.npy
(npy '|u1' '(40, 8, 8)' && bytes 2560 7) >constant.npy
refuse "image 0, counted from 0, is constant" --data npy --path constant.npy --labels y.npy
refuse "s3_net of depth 7 does not exist" --limit 20 --family s3_net --depth 7
refuse "choose 5, 7 or 10" --limit 20 --family myrtle --depth 6
refuse "only down-sampling is possible" --limit 20 --size 9
refuse "there are 4 images for 5 folds" --limit 4

# Wrong options.
usage "--data" --data imagenet
usage "--family" --family transformer
usage "--path is needed" --data cifar10
usage "--shard has no effect without --store" --shard 1/2
usage "--svg has no effect with --shard" --shard 1/2 --store here --svg p.svg
usage "is no shard" --shard 3/2 --store here
usage "--labels is needed" --data npy --path x.npy
usage "belong to --data npy" --labels y.npy
usage "belong together" --data npy --path x.npy --labels y.npy --test x.npy
usage "--folds 1" --folds 1
usage "would learn from the images it is tested on" --preprocess zca
usage "give one --family, one --depth and one --kernel" --gram k.npy
usage "give one --family, one --depth and one --kernel" --gram k.npy --family plain --kernel ntk nngp
usage "--cores has no effect" --cores 3
usage "--draws has no effect" --draws 3
usage "--balanced has no effect" --balanced
usage "--train-size draws images" --train-size 10 --folds 3
usage "--train-size has a number twice" --train-size 10 20 10
usage "would learn from the images it is tested on" --train-size 10 --preprocess channel
usage "--seed has no effect" --data fashion_mnist --seed 3
usage "--limit" --limit 1
usage "--depth" --depth 1
usage "--ridge" --ridge -1
usage "relative:R" --ridge 0.1
usage "lies in the folder that --store writes" --store kept --json kept/report.json
usage "lies in the folder that --store writes" --store kept --svg kept
run 1 --limit 20 --family plain --depth 3 --json no/such/folder.json
grep -q "^image_classification: cannot write 'no/such/folder.json'" err || fail "--json: $(cat err)"
refuse "cannot make the folder" --limit 20 --family plain --depth 3 --store /dev/null/store

# Fashion-MNIST, where Debian's package dataset-fashion-mnist is installed.
if [ -d /usr/share/datasets/fashion-mnist ]; then
  run 0 --data fashion_mnist --limit 200 100 --pool none --family plain sparse_shortcut --depth 4
  grep -q 'fashion_mnist, 28 x 28 x 1: 200 images to train on, 100 to test on' out || fail "$(head -1 out)"
  at_least 70 "fashion_mnist"
fi

[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
