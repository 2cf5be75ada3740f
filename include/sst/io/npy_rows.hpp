// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>

#include <Eigen/Core>

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

}  // namespace SST_ABI
}  // namespace sst
