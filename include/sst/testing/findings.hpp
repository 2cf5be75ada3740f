// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <exception>
#include <set>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/plain_text.hpp>
#include <sst/version.hpp>

/// \file
/// What the laws of this room are collected in.

namespace sst {
inline namespace SST_ABI {
namespace testing {

/// Laws that do not hold, as sentences: each once, with the first place where it does not.
class Findings {
 public:
  /// Unless it holds: the law, and in brackets the parts of `place`, one after the other.
  template <class... Place>
  void require(bool holds, const std::string& law, const Place&... place) {
    if (holds || !broken_.insert(law).second) return;
    sst::detail::PlainText text;
    text.precision(17);
    text << "not so: " << law << " (";
    (text << ... << place);
    text << ')';
    sentences_.push_back(text.str());
  }
  /// |found - expected| is `bound` at the most; what is not a number is never near.
  template <class... Place>
  void near(double found, double expected, double bound, const std::string& law, const Place&... place) {
    require(std::abs(found - expected) <= bound, law, place..., found, " and ", expected);
  }
  /// The same of every entry of two matrices, m x n both.
  void near(const Eigen::MatrixXd& found, const Eigen::MatrixXd& expected, double bound,
            const std::string& law) {
    const bool same_size = found.rows() == expected.rows() && found.cols() == expected.cols();
    require(same_size, law, found.rows(), " x ", found.cols(), " and ", expected.rows(), " x ",
            expected.cols());
    if (!same_size) return;
    for (Eigen::Index j = 0; j < found.cols(); ++j)
      for (Eigen::Index i = 0; i < found.rows(); ++i)
        near(found(i, j), expected(i, j), bound, law, "entry (", i, ", ", j, "): ");
  }
  /// `work` throws nothing.
  template <class Work>
  void runs(const std::string& law, Work&& work) {
    try {
      work();
    } catch (const std::exception& error) {
      require(false, law, error.what());
    }
  }
  /// `work` throws a Wanted and nothing else.
  template <class Wanted, class Work>
  void refuses(const std::string& law, Work&& work) {
    try {
      work();
      require(false, law, "nothing is thrown");
    } catch (const Wanted&) {
    } catch (const std::exception& error) {
      require(false, law, "another error is thrown: ", error.what());
    }
  }
  /// Those found so far.
  const std::vector<std::string>& sentences() const { return sentences_; }

 private:
  std::set<std::string> broken_;
  std::vector<std::string> sentences_;
};

}  // namespace testing
}  // namespace SST_ABI
}  // namespace sst
