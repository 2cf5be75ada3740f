#!/bin/sh
# Installs the library into a scratch prefix and builds and runs a project for every way in. All of the library is
# compiled twice: shared by two files of find_package, and from the single header.
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

# Packages of Eigen accept their own major alone: 3.4 and 5 are taken, older ones refused, here and by the installed copy.
eigen() {  # DIR PREFIX VERSION: whether the project in DIR is configured with an Eigen of that version
  mkdir -p "$scratch/eigen"
  echo "set(PACKAGE_VERSION $3)
string(REGEX MATCH ^[0-9]+ major $3)
if(NOT PACKAGE_FIND_VERSION OR (PACKAGE_FIND_VERSION_MAJOR EQUAL major AND NOT PACKAGE_FIND_VERSION VERSION_GREATER $3))
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()" > "$scratch/eigen/Eigen3ConfigVersion.cmake"
  echo "if(NOT TARGET Eigen3::Eigen)
  add_library(Eigen3::Eigen INTERFACE IMPORTED)
endif()" > "$scratch/eigen/Eigen3Config.cmake"
  rm -rf "$scratch/configured"
  "$cmake" -S "$1" -B "$scratch/configured" -D SST_BUILD_TESTS=OFF -D SST_BUILD_EXAMPLES=OFF \
    -D Eigen3_DIR="$scratch/eigen" -D CMAKE_PREFIX_PATH="$2" --no-warn-unused-cli > "$scratch/log" 2>&1
}
for project in "$source" "$source/tests/consumers/find_package"; do
  for version in 3.4.0 5.0.1; do
    eigen "$project" "$scratch/prefix" $version || { cat "$scratch/log"; echo "Eigen $version is refused"; exit 1; }
  done
  ! eigen "$project" "$scratch/prefix" 3.3.9 || { echo "Eigen 3.3.9 is accepted"; exit 1; }
  grep -q "Eigen 3.3.9 is too old" "$scratch/log" || { cat "$scratch/log"; exit 1; }
done

for way in find_package fetch_content add_subdirectory pkg_config single_header; do
  echo "$way"
  "$cmake" -S "$source/tests/consumers/$way" -B "$scratch/$way" -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_FLAGS_DEBUG=-O0 \
    -D CMAKE_PREFIX_PATH="$scratch/prefix" -D SST_CHECKOUT="$source" \
    -D SST_SINGLE_INCLUDE="$scratch/sst/single_include" --no-warn-unused-cli > "$scratch/log" 2>&1 &&
    "$cmake" --build "$scratch/$way" >> "$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
  "$scratch/$way/consumer"
  if [ -x "$scratch/$way/found" ]; then "$scratch/$way/found"; fi
done
