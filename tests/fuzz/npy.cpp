// SPDX-License-Identifier: MIT
// An NPY file: as an array, as a matrix, and back.
#include "fuzz.hpp"

#include <cmath>

#include <sst/io/npy.hpp>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Stopwatch stopwatch;
  const auto file = fuzz::write(fuzz::folder() / "a.npy", {reinterpret_cast<const char*>(data), size});
  sst::NpyArray array;
  const bool is_array = fuzz::succeeds([&] { array = sst::read_npy(file); });
  if (is_array) {
    bool empty = false;
    std::size_t count = 1;
    for (const std::size_t extent : array.shape) empty = empty || extent == 0;
    for (const std::size_t extent : array.shape) count *= empty ? 0 : extent;
    fuzz::require(array.values.size() == count, "an array has as many values as its shape says");
  }
  Eigen::MatrixXd matrix;
  if (!fuzz::succeeds([&] { matrix = sst::read_npy_matrix(file); })) return 0;
  fuzz::require(is_array, "what is a matrix is an array");
  fuzz::require(matrix.allFinite(), "a matrix of samples is finite");
  for (Eigen::Index i = 0; i < matrix.size(); ++i)
    fuzz::require(matrix(i / matrix.cols(), i % matrix.cols()) == array.values[static_cast<std::size_t>(i)],
                  "the array has the matrix's numbers, row by row");
  const auto copy = fuzz::folder() / "b.npy";
  sst::write_npy(copy, matrix);
  fuzz::require(fuzz::same_bits(sst::read_npy_matrix(copy), matrix), "a matrix reads back as it was written");
  return 0;
}
