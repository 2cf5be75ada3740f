// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <ios>
#include <ostream>
#include <string>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/io/bytes.hpp>
#include <sst/io/npy.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The matrix of an NPY file, some rows at a time, in memory that does not depend on how many it has. A
/// vector is a column.
class NpyRows {
 public:
  /// Reads the header. Keeps a reference: `source` has to outlive it; in Fortran order, a FileSource. Throws
  /// DataError as `read_npy_matrix` does.
  explicit NpyRows(ByteSource& source) : reader_(source) { reader_.require_matrix(); }

  Eigen::Index rows() const { return reader_.rows(); }  ///< of the file
  Eigen::Index cols() const { return reader_.cols(); }  ///< of the file

  /// The next rows, m x cols: m = `count` where there are so many, 0 behind the last one. Values are exact;
  /// infinities and NaN stay as they are. Throws DataError as `read_npy` does, and where the numbers of a row
  /// do not lie together (Fortran order) in a source that is compressed or a pipe.
  Eigen::MatrixXd next(Eigen::Index count) {
    Eigen::MatrixXd out(std::min(count, rows() - first_), cols());
    if (!reader_.fortran_order()) {
      Eigen::Index at = 0;
      reader_.take(static_cast<std::size_t>(out.size()), [&](double value) {
        out(at / out.cols(), at % out.cols()) = value;
        ++at;
      });
    } else {
      for (Eigen::Index column = 0; column < out.cols() && out.rows() > 0; ++column) {
        if (!reader_.seek(static_cast<std::size_t>(column * rows() + first_)))
          reader_.fail("it is in Fortran order, and rows cannot be gathered from here",
                       "give it as a file that is not compressed, or save it in C order");
        reader_.take(static_cast<std::size_t>(out.rows()),
                     [at = out.col(column).data()](double value) mutable { *at++ = value; });
      }
    }
    first_ += out.rows();
    return out;
  }

 private:
  detail::NpyReader reader_;
  Eigen::Index first_ = 0;  // that was not read yet
};

/// Writes an NPY file of double, rows x cols in C order, of which nobody knows beforehand how many rows it
/// will have.
class NpyRowWriter {
 public:
  /// Keeps a reference: `out` has to outlive it. cols: 1 or more.
  NpyRowWriter(std::ostream& out, Eigen::Index cols) : out_(out), cols_(cols), start_(out.tellp()) {
    write_header();
  }
  /// Appends rows, m x cols. Throws DataError for another number of columns.
  void write(const Eigen::MatrixXd& rows) {
    if (rows.cols() != cols_)
      throw DataError("rows of " + std::to_string(rows.cols()) + " columns for an NPY file of " +
                      std::to_string(cols_) + "; give as many");
    const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> values = rows;
    out_.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(static_cast<std::size_t>(values.size()) * sizeof(double)));
    rows_ += rows.rows();
  }
  /// Writes how many rows there are into the header, whose length does not depend on it. Throws DataError
  /// where the stream has no way back, as a pipe.
  void finish() {
    if (!out_.seekp(start_))
      throw DataError(
          "cannot write NPY of rows that are not counted before (the output has no way back to its header, "
          "as "
          "a pipe); name a file");
    write_header();
    out_.seekp(0, std::ios::end);
  }

 private:
  void write_header() { out_ << detail::npy_header<double>(rows_, cols_, true); }

  std::ostream& out_;
  Eigen::Index cols_, rows_ = 0;
  std::ostream::pos_type start_;
};

}  // namespace SST_ABI
}  // namespace sst
