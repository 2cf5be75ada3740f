// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/compiled.hpp>
#include <sst/base/differences.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/kernel/fill.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of kernel_function.hpp, and sums of kernels.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED std::optional<KernelFunction> KernelInterface::prior() const { return std::nullopt; }
SST_COMPILED double KernelInterface::epsilon() const { return std::numeric_limits<double>::epsilon(); }

SST_COMPILED Eigen::MatrixXd KernelInterface::gradients(const DataRef&, const DataRef&,
                                                        const Eigen::MatrixXd&, const Execution&) const {
  throw Error("the kernel '" + description() +
              "' has no derivatives by its samples (networks of finite depth have, their sums, and functions "
              "with a gradient); use one of these");
}

SST_COMPILED FullGradients KernelInterface::full_gradients(const DataRef&, const DataRef&,
                                                           const Eigen::MatrixXd&, const Execution&) const {
  throw Error("the kernel '" + description() +
              "' has no full gradients (it has no layers; positively homogeneous networks and their sums "
              "have); ask for gradients by its samples, or use one of these");
}

SST_COMPILED std::vector<Eigen::MatrixXd> KernelInterface::derivatives(const std::vector<KernelLine>& lines,
                                                                       const DataRef* a, const DataRef& x,
                                                                       const Execution& execution) const {
  std::vector<Eigen::MatrixXd> out;
  constexpr double step = detail::difference_step;
  std::size_t done = 0;
  for (const KernelLine& line : lines) {
    Eigen::MatrixXd sum;
    for (const auto& [steps, weight] : detail::central_differences) {
      const Execution part = detail::pieces_of(execution, done, 1, 4 * lines.size());
      const KernelFunction there = line(steps * step);
      Eigen::MatrixXd k = a ? there.matrix(*a, x, part) : there.matrix(x, part);
      k *= weight / (12 * step);
      if (sum.size() == 0)
        sum = std::move(k);
      else
        sum += k;
      ++done;
    }
    out.push_back(std::move(sum));
  }
  return out;
}

template <class Scalar>
void KernelTiles<Scalar>::fill(KernelView<Scalar> out, const Execution& execution) const {
  kernel_detail::over_tiles(
      *this, execution, [&](Index row0, Index rows, Index col0, Index cols, auto& workspace) {
        const bool diagonal = symmetric_ && row0 == col0;
        const auto tile = out.from(row0, col0), mirrored = out.from(col0, row0);
        evaluate(row0, rows, col0, cols, tile, workspace, diagonal);
        if (!symmetric_) return;
        if (tile.kernel)
          kernel_detail::mirror(tile.kernel, mirrored.kernel, out.stride, rows, cols, diagonal);
        if (tile.prior) kernel_detail::mirror(tile.prior, mirrored.prior, out.stride, rows, cols, diagonal);
      });
}

SST_COMPILED KernelColumns::KernelColumns(const KernelFunction& kernel, const DataRef& x)
    : columns_(kernel.interface().in_double(x)), rows_(x.rows()), own_prior_(kernel.is_its_own_prior()) {}

#ifdef SST_EXTERN_TEMPLATES
template class KernelTiles<double>;
template class KernelTiles<float>;
#endif

namespace kernel_detail {

/// A matrix of rows x cols doubles; `count` of them are about to be made.
SST_COMPILED Eigen::MatrixXd new_matrix(Eigen::Index rows, Eigen::Index cols, int count = 1) {
  require_memory(static_cast<double>(rows) * static_cast<double>(cols) * sizeof(double) * count,
                 "a kernel matrix of " + std::to_string(rows) + " x " + std::to_string(cols));
  return Eigen::MatrixXd(rows, cols);
}

/// One term of a sum of kernels.
struct WeightedKernel {
  double weight;
  KernelFunction kernel;
};

template <class Scalar>
class SumTiles final : public KernelTiles<Scalar> {
  using Base = KernelTiles<Scalar>;
  using Part = std::shared_ptr<const KernelTiles<Scalar>>;

 public:
  SumTiles(std::vector<double> weights, std::vector<Part> parts)
      : Base(parts.front()->rows(), parts.front()->cols(), parts.front()->symmetric()),
        weights_(std::move(weights)),
        parts_(std::move(parts)) {}
  bool parallel() const override {
    return std::any_of(parts_.begin(), parts_.end(), [](const Part& part) { return part->parallel(); });
  }
  std::unique_ptr<typename Base::Workspace> workspace() const override {
    auto out = std::make_unique<Workspaces>();
    for (const Part& part : parts_) out->parts.push_back(part->workspace());
    return out;
  }
  void evaluate(Eigen::Index row0, Eigen::Index rows, Eigen::Index col0, Eigen::Index cols,
                KernelView<Scalar> out, typename Base::Workspace& workspace, bool lower) const override {
    auto& own = static_cast<Workspaces&>(workspace);
    // Zeros where a part leaves what is above the diagonal, so that nothing uninitialised is added.
    own.kernel.setZero(rows, cols);
    if (out.prior) own.prior.setZero(rows, cols);
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      parts_[p]->evaluate(
          row0, rows, col0, cols,
          {out.kernel ? own.kernel.data() : nullptr, out.prior ? own.prior.data() : nullptr, rows},
          *own.parts[p], lower);
      if (out.kernel) add(own.kernel, p, out.kernel, out.stride);
      if (out.prior) add(own.prior, p, out.prior, out.stride);
    }
  }
  Eigen::VectorXd row_variances() const override {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(this->rows());
    for (std::size_t p = 0; p < parts_.size(); ++p) out += weights_[p] * parts_[p]->row_variances();
    return out;
  }

 private:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  struct Workspaces final : Base::Workspace {
    std::vector<std::unique_ptr<typename Base::Workspace>> parts;
    Matrix kernel, prior;
  };
  void add(const Matrix& values, std::size_t p, Scalar* to, Eigen::Index stride) const {
    Eigen::Map<Matrix, 0, Eigen::OuterStride<>> sum(to, values.rows(), values.cols(),
                                                    Eigen::OuterStride<>(stride));
    const auto weight = static_cast<Scalar>(weights_[p]);
    if (p == 0)
      sum = weight * values;
    else
      sum += weight * values;
  }
  std::vector<double> weights_;
  std::vector<Part> parts_;
};

template <class Scalar>
class SumColumns final : public TabulatedColumns<Scalar> {
 public:
  SumColumns(const std::vector<WeightedKernel>& terms, const DataRef& x) {
    for (const WeightedKernel& term : terms) {
      weights_.push_back(term.weight);
      if constexpr (std::is_same_v<Scalar, double>)
        parts_.push_back(term.kernel.interface().in_double(x));
      else
        parts_.push_back(term.kernel.interface().in_float(x));
    }
  }
  std::shared_ptr<const KernelTiles<Scalar>> tiles(const DataRef* rows) const override {
    std::vector<std::shared_ptr<const KernelTiles<Scalar>>> parts;
    for (const auto& part : parts_) parts.push_back(part->tiles(rows));
    return std::make_shared<SumTiles<Scalar>>(weights_, std::move(parts));
  }

 private:
  std::vector<double> weights_;
  std::vector<std::shared_ptr<const TabulatedColumns<Scalar>>> parts_;
};

/// The terms of a kernel, each times `factor`: its own where it is a sum.
inline void append_terms(std::vector<WeightedKernel>& to, double factor, const KernelFunction& kernel);

class SumKernel final : public KernelInterface {
 public:
  explicit SumKernel(std::vector<WeightedKernel> terms) : terms_(std::move(terms)) {}
  const std::vector<WeightedKernel>& terms() const { return terms_; }
  std::shared_ptr<const TabulatedColumns<double>> in_double(const DataRef& x) const override {
    return std::make_shared<SumColumns<double>>(terms_, x);
  }
  std::shared_ptr<const TabulatedColumns<float>> in_float(const DataRef& x) const override {
    return std::make_shared<SumColumns<float>>(terms_, x);
  }
  std::optional<KernelFunction> prior() const override {
    if (std::all_of(terms_.begin(), terms_.end(), [](const auto& t) { return t.kernel.is_its_own_prior(); }))
      return std::nullopt;
    std::vector<WeightedKernel> priors;
    for (const WeightedKernel& term : terms_) priors.push_back({term.weight, term.kernel.prior()});
    return KernelFunction(std::make_shared<SumKernel>(std::move(priors)));
  }
  Eigen::MatrixXd gradients(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights,
                            const Execution& execution) const override {
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(a.rows(), a.cols());
    for (const WeightedKernel& term : terms_)
      out += term.weight * term.kernel.interface().gradients(a, x, weights, share_of(term, execution));
    return out;
  }
  FullGradients full_gradients(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights,
                               const Execution& execution) const override {
    FullGradients out{Eigen::MatrixXd::Zero(a.rows(), a.cols()), Eigen::MatrixXd(a.rows(), 0), {}};
    for (const WeightedKernel& term : terms_) {
      const FullGradients part =
          term.kernel.interface().full_gradients(a, x, weights, share_of(term, execution));
      out.input += term.weight * part.input;
      const Eigen::Index before = out.layers.cols();
      out.layers.conservativeResize(Eigen::NoChange, before + part.layers.cols());
      out.layers.rightCols(part.layers.cols()) = term.weight * part.layers;
      for (BiasedLayer layer : part.biased) {
        layer.first += before;
        if (terms_.size() > 1) layer.name = term.kernel.description() + ": " + layer.name;
        out.biased.push_back(std::move(layer));
      }
    }
    return out;
  }
  /// Term by term, where the kernels along the line are sums of as many; the factors change too.
  std::vector<Eigen::MatrixXd> derivatives(const std::vector<KernelLine>& lines, const DataRef* a,
                                           const DataRef& x, const Execution& execution) const override {
    const auto terms_at = [](const KernelLine& line, double t) {
      std::vector<WeightedKernel> terms;
      append_terms(terms, 1, line(t));
      return terms;
    };
    constexpr double step = detail::difference_step;
    std::vector<std::vector<double>> changes(lines.size(), std::vector<double>(terms_.size()));  // of factors
    for (std::size_t l = 0; l < lines.size(); ++l)
      for (const auto& [steps, weight] : detail::central_differences) {
        const auto there = terms_at(lines[l], steps * step);
        if (there.size() != terms_.size()) return KernelInterface::derivatives(lines, a, x, execution);
        for (std::size_t k = 0; k < terms_.size(); ++k)
          changes[l][k] += weight / (12 * step) * (there[k].weight - terms_[k].weight);
      }
    std::vector<Eigen::MatrixXd> out(lines.size(), Eigen::MatrixXd::Zero(a ? a->rows() : x.rows(), x.rows()));
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      const auto& [factor, kernel] = terms_[k];
      std::vector<KernelLine> own;
      for (const KernelLine& line : lines)
        own.push_back([&line, &terms_at, k](double t) { return terms_at(line, t)[k].kernel; });
      const auto slopes = kernel.interface().derivatives(own, a, x, share_of(terms_[k], execution));
      Eigen::MatrixXd value;  // of the term itself, where its factor changes
      for (std::size_t l = 0; l < lines.size(); ++l) {
        out[l] += factor * slopes[l];
        if (changes[l][k] == 0) continue;
        const Execution threads{execution.threads, {}};
        if (value.size() == 0) value = a ? kernel.matrix(*a, x, threads) : kernel.matrix(x, threads);
        out[l] += changes[l][k] * value;
      }
    }
    return out;
  }
  std::string description() const override {
    std::ostringstream text;
    for (const WeightedKernel& term : terms_) {
      if (&term != &terms_.front()) text << " + ";
      if (term.weight != 1) text << term.weight << " ";
      text << term.kernel.description();
    }
    return text.str();
  }
  double epsilon() const override {
    double out = 0;
    for (const WeightedKernel& term : terms_) out = std::max(out, term.kernel.interface().epsilon());
    return out;
  }

 private:
  /// Of the work, what one of the terms is.
  Execution share_of(const WeightedKernel& term, const Execution& execution) const {
    return detail::pieces_of(execution, &term - terms_.data(), 1, terms_.size());
  }

  std::vector<WeightedKernel> terms_;
};

inline void append_terms(std::vector<WeightedKernel>& to, double factor, const KernelFunction& kernel) {
  if (const auto* sum = dynamic_cast<const SumKernel*>(&kernel.interface())) {
    for (const WeightedKernel& term : sum->terms()) to.push_back({factor * term.weight, term.kernel});
  } else {
    to.push_back({factor, kernel});
  }
}

}  // namespace kernel_detail

SST_COMPILED KernelFunction operator+(const KernelFunction& a, const KernelFunction& b) {
  std::vector<kernel_detail::WeightedKernel> terms;
  kernel_detail::append_terms(terms, 1, a);
  kernel_detail::append_terms(terms, 1, b);
  return KernelFunction(std::make_shared<kernel_detail::SumKernel>(std::move(terms)));
}

SST_COMPILED KernelFunction operator*(double factor, const KernelFunction& kernel) {
  if (!(factor > 0) || !std::isfinite(factor)) {
    std::ostringstream text;
    text << "a kernel was multiplied by " << factor
         << " (the product is a kernel for positive numbers alone); give one";
    throw Error(text.str());
  }
  std::vector<kernel_detail::WeightedKernel> terms;
  kernel_detail::append_terms(terms, factor, kernel);
  return KernelFunction(std::make_shared<kernel_detail::SumKernel>(std::move(terms)));
}

SST_COMPILED Eigen::MatrixXd KernelColumns::matrix(const Execution& execution) const {
  Eigen::MatrixXd out = kernel_detail::new_matrix(rows_, rows_);
  columns_->tiles()->fill({out.data(), nullptr, rows_}, execution);
  return out;
}

SST_COMPILED Eigen::MatrixXd KernelColumns::matrix(const DataRef& a, const Execution& execution) const {
  Eigen::MatrixXd out = kernel_detail::new_matrix(a.rows(), rows_);
  columns_->tiles(&a)->fill({out.data(), nullptr, a.rows()}, execution);
  return out;
}

SST_COMPILED KernelColumns::WithPrior KernelColumns::with_prior(const DataRef& a,
                                                                const Execution& execution) const {
  const auto tiles = columns_->tiles(&a);
  WithPrior out{kernel_detail::new_matrix(a.rows(), rows_, own_prior_ ? 1 : 2), {}, tiles->row_variances()};
  if (!own_prior_) out.prior.resize(a.rows(), rows_);
  tiles->fill({out.kernel.data(), own_prior_ ? nullptr : out.prior.data(), a.rows()}, execution);
  return out;
}

SST_COMPILED Eigen::MatrixXd KernelColumns::prior_matrix(const Execution& execution) const {
  Eigen::MatrixXd out = kernel_detail::new_matrix(rows_, rows_);
  columns_->tiles()->fill({nullptr, out.data(), rows_}, execution);
  return out;
}

namespace kernel_detail {

/// What gradients are of: samples of the same features, and a weight for each pair of them, or each of x.
inline void require_weighted(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights) {
  require_features(a.cols(), x.cols());
  if ((weights.rows() != 1 && weights.rows() != a.rows()) || weights.cols() != x.rows())
    throw DataError("the weights of gradients are " + std::to_string(weights.rows()) + " x " +
                    std::to_string(weights.cols()) + " for " + std::to_string(a.rows()) + " and " +
                    std::to_string(x.rows()) +
                    " samples; give one row, or one for each of the first, and a column "
                    "for each of the others");
  a.require_finite("the data set");
  x.require_finite("the data set");
}

}  // namespace kernel_detail

SST_COMPILED Eigen::MatrixXd KernelFunction::gradients(const DataRef& a, const DataRef& x,
                                                       const Eigen::MatrixXd& weights,
                                                       const Execution& execution) const {
  kernel_detail::require_weighted(a, x, weights);
  return kernel_->gradients(a, x, weights, execution);
}

SST_COMPILED FullGradients KernelFunction::full_gradients(const DataRef& a, const DataRef& x,
                                                          const Eigen::MatrixXd& weights,
                                                          const Execution& execution) const {
  kernel_detail::require_weighted(a, x, weights);
  return kernel_->full_gradients(a, x, weights, execution);
}

SST_COMPILED Eigen::MatrixXd KernelFunction::diagonal_gradients(const DataRef& x,
                                                                const Execution& execution) const {
  x.require_finite("the data set");
  Eigen::MatrixXd out(x.rows(), x.cols());
  const Eigen::MatrixXd twice = Eigen::MatrixXd::Constant(1, 1, 2);  // K is symmetric
  detail::Counter progress(execution.progress, static_cast<double>(x.rows()), "the gradients of a kernel");
  detail::parallel(static_cast<std::size_t>(x.rows()), execution.threads, [&](std::size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    const DataRef sample = x.middle_rows(row, 1);
    out.row(row) = kernel_->gradients(sample, sample, twice, {.threads = 1, .progress = {}});
    progress.add();
  });
  return out;
}

namespace kernel_detail {

/// `derivatives` of samples that are fit for it, with memory for the matrices.
inline std::vector<Eigen::MatrixXd> derivatives(const KernelInterface& kernel,
                                                const std::vector<KernelLine>& lines, const DataRef* a,
                                                const DataRef& x, const Execution& execution) {
  const Eigen::Index rows = a ? a->rows() : x.rows();
  if (a) {
    require_features(a->cols(), x.cols());
    a->require_finite("the data set");
  }
  x.require_finite("the data set");
  require_memory(
      8.0 * static_cast<double>(rows) * static_cast<double>(x.rows()) * static_cast<double>(lines.size() + 2),
      std::to_string(lines.size()) + " derivatives of a kernel matrix of " + std::to_string(rows) + " x " +
          std::to_string(x.rows()));
  return kernel.derivatives(lines, a, x, execution);
}

}  // namespace kernel_detail

SST_COMPILED std::vector<Eigen::MatrixXd> KernelFunction::derivatives(const std::vector<KernelLine>& lines,
                                                                      const DataRef& a, const DataRef& x,
                                                                      const Execution& execution) const {
  return kernel_detail::derivatives(*kernel_, lines, &a, x, execution);
}
SST_COMPILED std::vector<Eigen::MatrixXd> KernelFunction::derivatives(const std::vector<KernelLine>& lines,
                                                                      const DataRef& x,
                                                                      const Execution& execution) const {
  return kernel_detail::derivatives(*kernel_, lines, nullptr, x, execution);
}

SST_COMPILED Eigen::VectorXd KernelFunction::diagonal(const DataRef& x) const {
  const auto tiles = kernel_->in_double(x)->tiles();
  if (is_its_own_prior()) return tiles->row_variances();
  Eigen::VectorXd out(x.rows());
  const auto workspace = tiles->workspace();
  for (Eigen::Index i = 0; i < x.rows(); ++i) tiles->evaluate(i, 1, i, 1, {&out[i], nullptr, 1}, *workspace);
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
