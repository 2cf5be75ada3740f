// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <string>
#include <vector>

#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A shift and a scale for each column, learnt from training data and applied to whatever comes later:
/// z = (x - shift) / scale.
///
/// \code
/// const auto scaling = sst::Scaling::standard(train);
/// fit(..., scaling.apply(train), ...).predict(scaling.apply(test));
/// \endcode
struct Scaling {
  Eigen::RowVectorXd shift;  ///< what is taken off each column
  Eigen::RowVectorXd scale;  ///< positive

  /// To mean 0 and standard deviation 1 over the rows of x (divided by n, as in scikit-learn's
  /// StandardScaler).
  ///
  /// Right for columns of any magnitude: deviations are divided by the largest before they are squared.
  /// `names` are for messages. Throws DataError when x is empty, and for a column that is constant, as far as
  /// double can tell, or not finite.
  static Scaling standard(const Eigen::MatrixXd& x, const std::vector<std::string>& names = {}) {
    if (x.size() == 0) throw DataError("there is nothing to standardise; give rows and columns");
    Scaling scaling{Eigen::RowVectorXd(x.cols()), Eigen::RowVectorXd(x.cols())};
    const auto rows = static_cast<double>(x.rows());
    for (Eigen::Index j = 0; j < x.cols(); ++j) {
      const auto at = static_cast<std::size_t>(j);
      const std::string name = at < names.size() ? "column '" + names[at] + "'"
                                                 : "column " + std::to_string(j) + ", counted from 0,";
      if (!x.col(j).allFinite())
        throw DataError(name + " has entries that are not finite; remove or replace their rows");
      // Dividing first keeps sums in range, and the second pass takes up what the first one rounded away.
      double mean = (x.col(j) / rows).sum();
      mean += ((x.col(j).array() - mean) / rows).sum();
      const double widest = (x.col(j).array() - mean).abs().maxCoeff();
      const double largest = x.col(j).cwiseAbs().maxCoeff();
      constexpr double rounding = 1e-15;
      if (!(widest > rounding * largest))
        throw DataError(name + " is constant (it has no scale to divide by); remove it");
      if (!std::isfinite(widest)) throw DataError(name + " spans more than a double holds; rescale it");
      scaling.shift[j] = mean;
      scaling.scale[j] = widest * std::sqrt(((x.col(j).array() - mean) / widest).square().sum() / rows);
    }
    return scaling;
  }

  /// (x - shift) / scale, row by row. Throws DataError for another number of columns.
  Eigen::MatrixXd apply(const Eigen::MatrixXd& x) const {
    require_columns(x);
    return (x.rowwise() - shift).array().rowwise() / scale.array();
  }

  /// The inverse, row by row: z scale + shift. Throws DataError for another number of columns.
  Eigen::MatrixXd undo(const Eigen::MatrixXd& z) const {
    require_columns(z);
    return (z.array().rowwise() * scale.array()).matrix().rowwise() + shift;
  }

  /// The same shift and scale, to the last bit.
  friend bool operator==(const Scaling& a, const Scaling& b) {
    return a.shift.size() == b.shift.size() && a.shift == b.shift && a.scale == b.scale;
  }

 private:
  void require_columns(const Eigen::MatrixXd& x) const {
    if (x.cols() != shift.size())
      throw DataError("the data has " + std::to_string(x.cols()) + " columns and the scaling was learnt on " +
                      std::to_string(shift.size()) + "; give the same features");
  }
};

}  // namespace SST_ABI
}  // namespace sst
