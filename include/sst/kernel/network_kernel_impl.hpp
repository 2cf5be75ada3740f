// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/differences.hpp>
#include <sst/base/parallel.hpp>
#include <sst/engine/images/gradients.hpp>
#include <sst/engine/rows/gradients.hpp>
#include <sst/engine/rows/layer_gradients.hpp>
#include <sst/engine/rows/parameter_derivatives.hpp>
#include <sst/error.hpp>
#include <sst/kernel/fill.hpp>
#include <sst/kernel/image_gram.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/tiles_impl.hpp>
#include <sst/plan/compile.hpp>
#include <sst/plan/same_steps.hpp>
#include <sst/topology/homogeneous.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of network_kernel.hpp: what joins kernel functions and the engines.

namespace sst {
inline namespace SST_ABI {

namespace kernel_detail {

/// One kernel of the two that the engines compute together.
template <class View, class Scalar, class Stride>
View engine_view(Kernel kernel, KernelView<Scalar> out, Stride stride) {
  return kernel == Kernel::ntk ? View{out.prior, out.kernel, stride}
                               : View{out.kernel ? out.kernel : out.prior, nullptr, stride};
}
/// The NNGP is its own prior: who asks for both gets it twice.
template <class Scalar>
void copy_prior(Kernel kernel, KernelView<Scalar> out, Eigen::Index rows, Eigen::Index cols) {
  if (kernel == Kernel::ntk || !out.kernel || !out.prior) return;
  for (Eigen::Index c = 0; c < cols; ++c)
    std::copy_n(out.kernel + c * out.stride, rows, out.prior + c * out.stride);
}

/// Rows by the engine of rows.
template <class Scalar>
class RowTiles final : public KernelTiles<Scalar> {
  using Base = KernelTiles<Scalar>;
  using Engine = gram_detail::TileEngine<Scalar>;

 public:
  RowTiles(Kernel kernel, std::shared_ptr<const Engine> engine, Eigen::Index rows, Eigen::Index cols,
           bool symmetric)
      : Base(rows, cols, symmetric), kernel_(kernel), engine_(std::move(engine)) {}
  std::unique_ptr<typename Base::Workspace> workspace() const override {
    auto out = std::make_unique<Own>();
    out->engine = engine_->workspace();
    return out;
  }
  void evaluate(Eigen::Index row0, Eigen::Index rows, Eigen::Index col0, Eigen::Index cols,
                KernelView<Scalar> out, typename Base::Workspace& workspace, bool lower) const override {
    using gram_detail::Index;
    engine_->evaluate(static_cast<Index>(row0), static_cast<Index>(rows), static_cast<Index>(col0),
                      static_cast<Index>(cols), engine_view<TileView<Scalar>>(kernel_, out, out.stride),
                      lower, *static_cast<Own&>(workspace).engine);
    copy_prior(kernel_, out, rows, cols);
  }
  Eigen::VectorXd row_variances() const override { return engine_->row_variances(); }

 private:
  struct Own final : Base::Workspace {
    std::unique_ptr<typename Engine::Workspace> engine;
  };
  Kernel kernel_;
  std::shared_ptr<const Engine> engine_;
};

template <class Strip, class Scalar>
class RowColumns final : public TabulatedColumns<Scalar> {
 public:
  RowColumns(std::shared_ptr<const Plan> plan, Kernel kernel, const DataRef& x, Path path)
      : kernel_(kernel),
        samples_(x.rows()),
        features_(x.cols()),
        columns_(std::move(plan), finite(x), path,
                 static_cast<double>(x.rows()) * static_cast<double>(x.rows())) {}
  std::shared_ptr<const KernelTiles<Scalar>> tiles(const DataRef* rows) const override {
    if (rows) require_features(finite(*rows).cols(), features_);
    Path taken{};
    return std::make_shared<RowTiles<Scalar>>(kernel_, columns_.engine(rows, taken),
                                              rows ? rows->rows() : samples_, samples_, rows == nullptr);
  }

 private:
  static const DataRef& finite(const DataRef& x) {
    x.require_finite("the data set");
    return x;
  }
  Kernel kernel_;
  Eigen::Index samples_, features_;
  gram_detail::Columns<Strip, Scalar> columns_;
};

/// Images as they are held.
inline std::shared_ptr<const Eigen::MatrixXd> dense_images(const DataRef& x) {
  if (x.sparse())
    throw DataError("the images are sparse rows (their kernel reads every pixel); give a dense matrix");
  return std::make_shared<const Eigen::MatrixXd>(x.dense());
}

/// Images by the engine of images, which runs in parallel itself.
template <class Scalar>
class ImageKernelTiles final : public KernelTiles<Scalar> {
  using Base = KernelTiles<Scalar>;
  using Images = std::shared_ptr<const Eigen::MatrixXd>;

 public:
  ImageKernelTiles(const NetworkKernel& network, const ImageShape& shape, Images columns, Images rows)
      : Base(rows->rows(), columns->rows(), rows == columns),
        kernel_(network.kernel),
        columns_(std::move(columns)),
        rows_(std::move(rows)),
        tiles_(this->symmetric() ? ImageTiles<Scalar>(network.topology, kernel_, shape, *columns_)
                                 : ImageTiles<Scalar>(network.topology, kernel_, shape, *rows_, *columns_)) {}
  bool parallel() const override { return tiles_.parallel(); }
  void evaluate(Eigen::Index row0, Eigen::Index rows, Eigen::Index col0, Eigen::Index cols,
                KernelView<Scalar> out, typename Base::Workspace&, bool) const override {
    tiles_.evaluate(size(row0), size(rows), size(col0), size(cols), target(out));
    copy_prior(kernel_, out, rows, cols);
  }
  void fill(KernelView<Scalar> out, const Execution& execution) const override {
    spatial::fill(tiles_, execution, target(out));
    copy_prior(kernel_, out, this->rows(), this->cols());
  }
  Eigen::VectorXd row_variances() const override { return tiles_.row_variances(); }

 private:
  static std::size_t size(Eigen::Index i) { return static_cast<std::size_t>(i); }
  spatial::TileTarget<Scalar> target(KernelView<Scalar> out) const {
    return engine_view<spatial::TileTarget<Scalar>>(kernel_, out, size(out.stride));
  }
  Kernel kernel_;
  Images columns_, rows_;
  ImageTiles<Scalar> tiles_;
};

template <class Scalar>
class ImageColumns final : public TabulatedColumns<Scalar> {
 public:
  ImageColumns(NetworkKernel network, const ImageShape& shape, const DataRef& x)
      : network_(std::move(network)), shape_(shape), columns_(dense_images(x)) {}
  std::shared_ptr<const KernelTiles<Scalar>> tiles(const DataRef* rows) const override {
    return std::make_shared<ImageKernelTiles<Scalar>>(network_, shape_, columns_,
                                                      rows ? dense_images(*rows) : columns_);
  }

 private:
  NetworkKernel network_;
  ImageShape shape_;
  std::shared_ptr<const Eigen::MatrixXd> columns_;
};

/// Tiles in double of those in float.
class WidenedTiles final : public KernelTiles<double> {
  using Base = KernelTiles<double>;

 public:
  explicit WidenedTiles(std::shared_ptr<const KernelTiles<float>> narrow)
      : Base(narrow->rows(), narrow->cols(), narrow->symmetric()), narrow_(std::move(narrow)) {}
  std::unique_ptr<Base::Workspace> workspace() const override {
    auto out = std::make_unique<Own>();
    out->narrow = narrow_->workspace();
    return out;
  }
  void evaluate(Eigen::Index row0, Eigen::Index rows, Eigen::Index col0, Eigen::Index cols,
                KernelView<double> out, Base::Workspace& workspace, bool lower) const override {
    auto& own = static_cast<Own&>(workspace);
    if (out.kernel) own.kernel.setZero(rows, cols);
    if (out.prior) own.prior.setZero(rows, cols);
    narrow_->evaluate(
        row0, rows, col0, cols,
        {out.kernel ? own.kernel.data() : nullptr, out.prior ? own.prior.data() : nullptr, rows}, *own.narrow,
        lower);
    widen(own.kernel, out.kernel, out.stride);
    widen(own.prior, out.prior, out.stride);
  }
  Eigen::VectorXd row_variances() const override { return narrow_->row_variances(); }

 private:
  struct Own final : Base::Workspace {
    std::unique_ptr<KernelTiles<float>::Workspace> narrow;
    Eigen::MatrixXf kernel, prior;
  };
  static void widen(const Eigen::MatrixXf& from, double* to, Eigen::Index stride) {
    if (to)
      Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>(
          to, from.rows(), from.cols(), Eigen::OuterStride<>(stride)) = from.cast<double>();
  }
  std::shared_ptr<const KernelTiles<float>> narrow_;
};

class WidenedColumns final : public TabulatedColumns<double> {
 public:
  explicit WidenedColumns(std::shared_ptr<const TabulatedColumns<float>> narrow)
      : narrow_(std::move(narrow)) {}
  std::shared_ptr<const KernelTiles<double>> tiles(const DataRef* rows) const override {
    return std::make_shared<WidenedTiles>(narrow_->tiles(rows));
  }

 private:
  std::shared_ptr<const TabulatedColumns<float>> narrow_;
};

/// The kernel of a network as an interface.
class NetworkFunction final : public KernelInterface {
 public:
  explicit NetworkFunction(NetworkKernel network) : network_(std::move(network)) {
    const auto& nodes = network_.topology.nodes();
    // Where nodes look at positions or norms, a row is an image of one position.
    positions_ = network_.shape || std::any_of(nodes.begin(), nodes.end(),
                                               [](const auto& n) { return is_spatial(n.operation); });
    if (!positions_) plan_ = std::make_shared<const Plan>(compile(network_.topology, network_.kernel));
  }
  const NetworkKernel& network() const { return network_; }

  std::shared_ptr<const TabulatedColumns<double>> in_double(const DataRef& x) const override {
    if (network_.options.precision == Precision::in_float)
      return std::make_shared<WidenedColumns>(in_float(x));
    if (positions_) return std::make_shared<ImageColumns<double>>(network_, shape(x), x);
    return std::make_shared<RowColumns<double, double>>(plan_, network_.kernel, x, network_.options.path);
  }
  std::shared_ptr<const TabulatedColumns<float>> in_float(const DataRef& x) const override {
    if (positions_) return std::make_shared<ImageColumns<float>>(network_, shape(x), x);
    // Where something cancels or is not angular, float strips would not keep float's own accuracy.
    if (plan_->angular_only)
      return std::make_shared<RowColumns<float, float>>(plan_, network_.kernel, x, network_.options.path);
    return std::make_shared<RowColumns<double, float>>(plan_, network_.kernel, x, network_.options.path);
  }
  std::optional<KernelFunction> prior() const override {
    if (network_.kernel == Kernel::nngp) return std::nullopt;
    NetworkKernel prior = network_;
    prior.kernel = Kernel::nngp;
    return KernelFunction(std::make_shared<NetworkFunction>(std::move(prior)));
  }
  Eigen::MatrixXd gradients(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights,
                            const Execution& execution) const override {
    if (positions_) return of_images(a, x, weights, execution).input;
    return gram_detail::row_gradients(*plan_, network_.kernel, a, x, weights, execution);
  }
  FullGradients full_gradients(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights,
                               const Execution& execution) const override {
    require_positively_homogeneous(network_.topology);
    if (positions_) return of_images(a, x, weights, execution);
    FullGradients out{gram_detail::row_gradients(*plan_, network_.kernel, a, x, weights,
                                                 detail::part_of(execution, 0, 0.5)),
                      gram_detail::row_layer_gradients(*plan_, network_.kernel, a, x, weights,
                                                       detail::part_of(execution, 0.5, 1)),
                      {}};
    for (const auto layer : gram_detail::biased_layers(*plan_))
      out.biased.push_back(
          {plan_->variables[layer].name, static_cast<Eigen::Index>(out.biased.size()), 1, 1});
    return out;
  }
  /// Where all that changes along a line are weights and biases, by the plan's steps.
  std::vector<Eigen::MatrixXd> derivatives(const std::vector<KernelLine>& lines, const DataRef* a,
                                           const DataRef& x, const Execution& execution) const override {
    const bool by_steps = std::all_of(lines.begin(), lines.end(),
                                      [this](const KernelLine& line) { return takes_these_steps(line); });
    std::vector<Eigen::MatrixXd> out;
    if (by_steps) {
      std::vector<gram_detail::PlanLine> plans;
      for (const KernelLine& line : lines) plans.push_back([&line](double t) { return plan_of(line(t)); });
      out.assign(lines.size(), Eigen::MatrixXd(a ? a->rows() : x.rows(), x.rows()));
      const DataRef rows = a ? a->stored(x.sparse()) : x;  // pairs are of two dense or two sparse rows
      gram_detail::parameter_derivatives(*plan_, network_.kernel, a ? &rows : nullptr, x, plans, out.data(),
                                         execution);
      if (!a)
        detail::parallel(out.size(), execution.threads, [&](std::size_t l) {
          const Eigen::Index n = out[l].rows();
          mirror(out[l].data(), out[l].data(), n, n, n, true);
        });
    } else if (lines.size() == 1) {
      return KernelInterface::derivatives(lines, a, x, execution);
    } else {
      for (const KernelLine& line : lines)
        out.push_back(
            derivatives({line}, a, x, detail::pieces_of(execution, out.size(), 1, lines.size())).front());
    }
    return out;
  }
  std::string description() const override {
    std::string text =
        std::string(network_.kernel == Kernel::ntk ? "ntk of " : "nngp of ") + network_.topology.name();
    if (network_.shape) text += " on images of " + to_string(*network_.shape);
    if (network_.options.precision == Precision::in_float) text += ", in float";
    return text;
  }
  double epsilon() const override {
    return network_.options.precision == Precision::in_float ? std::numeric_limits<float>::epsilon()
                                                             : std::numeric_limits<double>::epsilon();
  }

 private:
  /// The plan of a network's kernel of rows; null of any other.
  static std::shared_ptr<const Plan> plan_of(const KernelFunction& kernel) {
    const auto* network = dynamic_cast<const NetworkFunction*>(&kernel.interface());
    return network ? network->plan_ : nullptr;
  }
  bool takes_these_steps(const KernelLine& line) const {
    constexpr auto& places = detail::central_differences;
    return plan_ && std::all_of(places.begin(), places.end(), [&](const auto& place) {
             const auto there = plan_of(line(place.steps * gram_detail::SampleDerivatives::step));
             return there && same_steps(*plan_, *there);
           });
  }
  ImageShape shape(const DataRef& x) const {
    return network_.shape.value_or(
        ImageShape{.height = 1, .width = 1, .channels = static_cast<std::size_t>(x.cols())});
  }
  FullGradients of_images(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights,
                          const Execution& execution) const {
    const auto left = dense_images(a), right = dense_images(x);
    const spatial::ImageGradients gradients(network_.topology, network_.kernel, shape(x));
    const SpatialPlan& plan = gradients.plan();
    spatial::require_images(*left, plan.image, "the first data set");
    spatial::require_images(*right, plan.image, "the second data set");
    auto sums = gradients.sum(*left, *right, weights, execution);
    FullGradients out{std::move(sums.input), std::move(sums.layers), {}};
    Eigen::Index first = 0;
    for (const auto layer : spatial::biased_layers(plan)) {
      const auto& grid = plan.grids[layer];
      out.biased.push_back({plan.variable(layer).name, first, static_cast<Eigen::Index>(grid.height),
                            static_cast<Eigen::Index>(grid.width)});
      first += out.biased.back().size();
    }
    return out;
  }
  NetworkKernel network_;
  bool positions_ = false;
  std::shared_ptr<const Plan> plan_;
};

}  // namespace kernel_detail

SST_COMPILED std::shared_ptr<const NetworkKernel> network_of(const KernelFunction& kernel) {
  const auto function = std::dynamic_pointer_cast<const kernel_detail::NetworkFunction>(kernel.shared());
  return function ? std::shared_ptr<const NetworkKernel>(function, &function->network()) : nullptr;
}

SST_COMPILED KernelFunction network_kernel(NetworkKernel network) {
  return KernelFunction(std::make_shared<kernel_detail::NetworkFunction>(std::move(network)));
}

}  // namespace SST_ABI
}  // namespace sst
