// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <sst/kernel/own_kernel.hpp>
#include <sst/testing/kernel.hpp>

#include "../catch.hpp"
#include "../matrices.hpp"

namespace testing_kernel_tests {

using Eigen::Index;
using Eigen::MatrixXd;
using sst::testing::violations;

namespace {

/// What may be wrong with a kernel of one's own.
enum class Fault {
  none,
  asymmetric,
  indefinite,
  variances,
  floats,
  frame,
  prior,
  features,
  nan,
  description
};

/// The linear kernel a.b/d, with a fault.
template <class Scalar>
class Tiles final : public sst::KernelTiles<Scalar> {
 public:
  using typename sst::KernelTiles<Scalar>::Workspace;
  Tiles(MatrixXd a, MatrixXd b, bool symmetric, Fault fault)
      : sst::KernelTiles<Scalar>(a.rows(), b.rows(), symmetric),
        a_(std::move(a)),
        b_(std::move(b)),
        fault_(fault) {}
  void evaluate(Index row0, Index rows, Index col0, Index cols, sst::KernelView<Scalar> out, Workspace&,
                bool) const override {
    for (Index j = 0; j < cols; ++j)
      for (Index i = 0; i < rows; ++i) {
        const Index at = j * out.stride + i;
        const double value = entry(row0 + i, col0 + j);
        if (out.kernel) out.kernel[at] = static_cast<Scalar>(value);
        if (out.prior) out.prior[at] = static_cast<Scalar>(fault_ == Fault::prior ? value / 2 : value);
      }
    if (fault_ == Fault::frame && out.kernel) out.kernel[rows] = 0;
  }
  Eigen::VectorXd row_variances() const override {
    const auto d = static_cast<double>(a_.cols());
    return a_.rowwise().squaredNorm() / (fault_ == Fault::variances ? 1 : d);
  }
  /// Each pair by itself, so that fill does not meet the faults of tiles.
  double entry(Index i, Index j) const {
    const double value = a_.row(i).dot(b_.row(j)) / static_cast<double>(a_.cols());
    if (fault_ == Fault::asymmetric && this->symmetric() && i < j) return value * 1.01;
    if (fault_ == Fault::floats && std::is_same_v<Scalar, float>) return value * 1.01;
    return fault_ == Fault::indefinite ? -value : value;
  }
  void fill(sst::KernelView<Scalar> out, const sst::Execution&) const override {
    for (Index j = 0; j < this->cols(); ++j)
      for (Index i = 0; i < this->rows(); ++i) {
        if (out.kernel) out.kernel[j * out.stride + i] = static_cast<Scalar>(entry(i, j));
        if (out.prior) out.prior[j * out.stride + i] = static_cast<Scalar>(entry(i, j));
      }
  }

 private:
  MatrixXd a_, b_;
  Fault fault_;
};

template <class Scalar>
class Columns final : public sst::TabulatedColumns<Scalar> {
 public:
  Columns(const sst::DataRef& x, Fault fault) : x_(dense(x, fault)), fault_(fault) {}
  std::shared_ptr<const sst::KernelTiles<Scalar>> tiles(const sst::DataRef* rows) const override {
    MatrixXd a = rows ? dense(*rows, fault_) : x_;
    if (fault_ == Fault::features)
      a = a.leftCols(x_.cols()).eval();
    else if (a.cols() != x_.cols())
      throw sst::DataError("other features; give the same");
    return std::make_shared<Tiles<Scalar>>(std::move(a), x_, !rows, fault_);
  }

 private:
  static MatrixXd dense(const sst::DataRef& x, Fault fault) {
    if (fault != Fault::nan) x.require_finite("x");
    return x.stored(false).dense();
  }
  MatrixXd x_;
  Fault fault_;
};

class Linear final : public sst::KernelInterface {
 public:
  explicit Linear(Fault fault) : fault_(fault) {}
  std::shared_ptr<const sst::TabulatedColumns<double>> in_double(const sst::DataRef& x) const override {
    return std::make_shared<Columns<double>>(x, fault_);
  }
  std::shared_ptr<const sst::TabulatedColumns<float>> in_float(const sst::DataRef& x) const override {
    return std::make_shared<Columns<float>>(x, fault_);
  }
  std::string description() const override { return fault_ == Fault::description ? "" : "linear"; }

 private:
  Fault fault_;
};

std::string found(Fault fault) {
  std::string all;
  const sst::KernelFunction kernel(std::make_shared<Linear>(fault));
  for (const auto& sentence : violations(kernel, sst_test::uniform(30, 4, 1))) all += sentence + '\n';
  return all;
}

}  // namespace

TEST_CASE("a right kernel of one's own breaks no law", "[testing]") {
  CHECK(found(Fault::none) == "");
  CHECK(violations(sst::precomputed_kernel(MatrixXd::Identity(9, 9)), Eigen::VectorXd::LinSpaced(9, 0, 8)) ==
        std::vector<std::string>{});
}

TEST_CASE("each fault of a kernel is named in a sentence", "[testing]") {
  using Catch::Matchers::Contains;
  CHECK_THAT(found(Fault::asymmetric),
             Contains("not so: K(X, X) is symmetric to the last bit (entry (1, 0)"));
  CHECK_THAT(found(Fault::indefinite), Contains("K(a, b)^2 <= K(a, a) K(b, b)"));
  CHECK_THAT(found(Fault::variances), Contains("the diagonal is that of the matrix") &&
                                          Contains("row_variances are the prior's diagonal"));
  CHECK_THAT(found(Fault::floats), Contains("in_float: tiles are the matrix's"));
  CHECK_THAT(found(Fault::frame), Contains("nothing is written beside them"));
  CHECK_THAT(found(Fault::prior), Contains("tiles of the prior are its matrix's"));
  CHECK_THAT(found(Fault::features),
             Contains("samples of other features are a DataError (nothing is thrown)"));
  CHECK_THAT(found(Fault::nan), Contains("a number that is not finite is a DataError"));
  CHECK_THAT(found(Fault::description), Contains("the description is one line"));
}

TEST_CASE("functions that are no kernels are found out", "[testing]") {
  using Catch::Matchers::Contains;
  const auto distance =
      sst::kernel_function("distance", [](const auto& a, const auto& b) { return (a - b).norm() + 1; });
  CHECK_THAT(violations(distance, sst_test::uniform(30, 4, 1)).front(), Contains("K(a, b)^2"));
  // Cauchy and Schwarz hold of any two, positive semidefinite it is not.
  const auto box = sst::kernel_function(
      "box", [](const auto& a, const auto& b) { return (a - b).cwiseAbs().maxCoeff() < 0.7 ? 1.0 : 0.0; });
  CHECK_THAT(violations(box, sst_test::uniform(30, 2, 1)).front(), Contains("positive semidefinite"));
  const auto one_sided =
      sst::kernel_function("one-sided", [](const auto& a, const auto& b) { return a.dot(b) + a[0] / 1000; });
  CHECK_FALSE(violations(one_sided, sst_test::uniform(30, 4, 1)).empty());
  CHECK_THROWS_WITH(violations(distance, sst_test::uniform(3, 4, 1)), Contains("give 4 or more"));
}

}  // namespace testing_kernel_tests
