// SPDX-License-Identifier: MIT
#include <sst/io/npy_rows.hpp>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <limits>
#include <ostream>
#include <string>

#include "../catch.hpp"
#include "../folder.hpp"

namespace npy_rows_tests {

using Catch::Matchers::Contains;

namespace {

/// The rows of a file, put together from batches.
Eigen::MatrixXd in_batches(sst::ByteSource& source, Eigen::Index count) {
  sst::NpyRows file(source);
  Eigen::MatrixXd all(file.rows(), file.cols());
  Eigen::Index first = 0;
  for (Eigen::MatrixXd rows = file.next(count); rows.rows() > 0; rows = file.next(count)) {
    CHECK(rows.rows() == std::min(count, file.rows() - first));
    all.middleRows(first, rows.rows()) = rows;
    first += rows.rows();
  }
  CHECK(first == file.rows());
  return all;
}

}  // namespace

TEST_CASE("The rows of an NPY file in batches are its matrix, in either order", "[io][npy]") {
  const sst_test::Folder folder;
  const auto path = folder.path / "a.npy";
  const Eigen::MatrixXd matrix = Eigen::MatrixXd::Random(3001, 5);
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> by_rows = matrix;
  const auto check = [&](const Eigen::MatrixXd& expected) {
    for (const Eigen::Index count : {1, 2, 7, 1000, 5000}) {
      sst::FileSource file(path);
      CHECK(in_batches(file, count) == expected);
    }
  };
  sst::write_npy(path, matrix);
  check(matrix);
  sst::write_npy(path, by_rows);
  check(matrix);
  sst::write_npy(path, matrix.cast<float>());
  check(matrix.cast<float>().cast<double>());
  sst::write_npy(path, Eigen::VectorXd(matrix.col(0)));
  check(matrix.col(0));
  folder.write("a.npy", std::string("\x93NUMPY\x01\x00", 8) + '\x37' + '\0' +
                            "{'descr': '>i2', 'fortran_order': True, 'shape': (2,2)}" +
                            std::string("\0\1\0\2\0\3\xFF\xFF", 8));
  check(Eigen::MatrixXd{{1, 3}, {2, -1}});
}

TEST_CASE("An NPY file that grows by rows is the file of the matrix", "[io][npy]") {
  const sst_test::Folder folder;
  const auto path = folder.path / "a.npy", whole = folder.path / "b.npy";
  for (const Eigen::Index rows : {0, 1, 9, 99999}) {
    const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> matrix =
        Eigen::MatrixXd::Random(rows, 3);
    std::ofstream out(path, std::ios::binary);
    sst::NpyRowWriter writer(out, 3);
    for (Eigen::Index first = 0; first < rows; first += 7)
      writer.write(matrix.middleRows(first, std::min<Eigen::Index>(7, rows - first)));
    writer.finish();
    out.close();
    sst::write_npy(whole, matrix);
    CHECK(sst_test::content(path) == sst_test::content(whole));
  }
}

TEST_CASE("What cannot be written as rows of NPY is an error", "[io][npy][error]") {
  std::ostream none(nullptr);
  sst::NpyRowWriter writer(none, 3);
  CHECK_THROWS_WITH(writer.write(Eigen::MatrixXd::Random(2, 4)), Contains("rows of 4 columns"));
  CHECK_THROWS_WITH(writer.finish(), Contains("no way back to its header") && Contains("name a file"));
}

TEST_CASE("Values of rows stay as they are, and what is no matrix is an error", "[io][npy][error]") {
  const sst_test::Folder folder;
  const auto path = folder.path / "a.npy";
  sst::write_npy(path, Eigen::RowVector2d(std::numeric_limits<double>::infinity(), NAN));
  sst::FileSource file(path);
  const Eigen::MatrixXd row = sst::NpyRows(file).next(1);
  CHECK((std::isinf(row(0, 0)) && std::isnan(row(0, 1))));

  sst::write_npy(path, Eigen::MatrixXd::Random(3, 2).eval());
  const std::string bytes = sst_test::content(path);
  sst::MemorySource memory(bytes, "pipe");
  sst::NpyRows rows(memory);
  CHECK_THROWS_WITH(rows.next(1), Contains("cannot read 'pipe' as NPY (it is in Fortran order") &&
                                      Contains("save it in C order"));
  folder.write("a.npy", bytes.substr(0, bytes.size() - 1));
  CHECK_THROWS_WITH(
      [&] {
        sst::FileSource cut(path);
        sst::NpyRows{cut};
      }(),
      Contains("does not match the 47 bytes of data"));
}

}  // namespace npy_rows_tests
