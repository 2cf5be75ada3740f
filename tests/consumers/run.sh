#!/bin/sh
# Installs the library into a scratch prefix and builds and runs a project for every way in.
# Usage: run.sh SOURCE_DIR SCRATCH_DIR CMAKE CXX
set -eu
source=$(cd "$1" && pwd)
rm -rf "$2"
mkdir -p "$2"
scratch=$(cd "$2" && pwd)
cmake=$3
CXX=$4
export CXX CMAKE_BUILD_PARALLEL_LEVEL=2 OMP_NUM_THREADS=2

"$cmake" -S "$source" -B "$scratch/sst" -D SST_BUILD_TESTS=OFF -D SST_BUILD_EXAMPLES=OFF \
  -D CMAKE_INSTALL_PREFIX="$scratch/unmoved" > "$scratch/log"
"$cmake" --build "$scratch/sst" --target sst_single_header >> "$scratch/log"
"$cmake" --install "$scratch/sst" >> "$scratch/log"
# An installed copy may be moved.
mv "$scratch/unmoved" "$scratch/prefix"
PKG_CONFIG_PATH=$scratch/prefix/share/pkgconfig
export PKG_CONFIG_PATH

for way in find_package fetch_content add_subdirectory pkg_config single_header; do
  echo "$way"
  "$cmake" -S "$source/tests/consumers/$way" -B "$scratch/$way" -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_FLAGS_DEBUG=-O0 \
    -D CMAKE_PREFIX_PATH="$scratch/prefix" -D SST_CHECKOUT="$source" \
    -D SST_SINGLE_INCLUDE="$scratch/sst/single_include" --no-warn-unused-cli > "$scratch/log" 2>&1 &&
    "$cmake" --build "$scratch/$way" >> "$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
  "$scratch/$way/consumer"
  if [ -x "$scratch/$way/sharing_consumer" ]; then "$scratch/$way/sharing_consumer"; fi
done
