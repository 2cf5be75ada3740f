// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <numbers>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/data_ref.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/engine/angular_maps.hpp>
#include <sst/engine/rows/profile.hpp>
#include <sst/engine/rows/sides.hpp>
#include <sst/error.hpp>
#include <sst/kernel/infinite_depth.hpp>
#include <sst/kernel/network_kernel_impl.hpp>
#include <sst/kernel/tiles_impl.hpp>
#include <sst/plan/compile.hpp>
#include <sst/topology/node.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of infinite_depth.hpp.

namespace sst {
inline namespace SST_ABI {
namespace infinite_detail {

/// A pair of samples by h = (1 - c) / 2 and m = (1 + c) / 2 of their correlation c: each to full relative
/// accuracy.
struct Pair {
  long double h, m;
  long double cosine() const { return m - h; }
};

/// theta / pi.
inline long double angle(const Pair& at) {
  const bool acute = at.h <= at.m;
  const long double root = std::sqrt(acute ? at.h : at.m);
  const long double share = root * gram_detail::angle_map(gram_detail::Pack<long double>{acute ? at.h : at.m},
                                                          gram_detail::Pack<long double>{root})
                                       .p;
  return acute ? share : 1 - share;
}

/// The pair behind a ReLU: (1 -+ kappa) / 2. relu(z) = (z + |z|) / 2, and |z| sees h as it sees m.
inline Pair behind_relu(const Pair& at) {
  const long double least = std::min(at.h, at.m);
  const long double bend =
      least * std::sqrt(least) * gram_detail::abs_map(gram_detail::Pack<long double>{least}).p;
  const long double h = (at.h + least + bend) / 2;
  return {h, 1 - h};
}

/// NNGP and NTK in units of the variance.
struct Values {
  long double nngp, ntk;
};

inline Values sparse_shortcut(Pair at, long double ratio) {
  Values sum{0, 0};
  long double tangent = 0;
  // The rest is below (l + 2) ratio^l / (1 - ratio).
  for (long double share = 1 - ratio, l = 0; share * (l + 2) > 1e-20L * (1 - ratio) * (1 - ratio);
       share *= ratio, ++l) {
    const long double c = at.cosine();
    tangent = c + tangent;  // T_l, whose last term was multiplied by kappa0 below
    sum.nngp += share * c;
    sum.ntk += share * tangent;
    tangent *= 1 - angle(at);
    at = behind_relu(at);
  }
  return sum;
}

/// The state of a residual network at depth s: by theta where it is acute, by m elsewhere: in these variables
/// nothing is singular on the way.
struct Flow {
  bool acute;
  std::array<long double, 2> state;  // theta or m, and T

  std::array<long double, 2> slope(const std::array<long double, 2>& y) const {
    const long double pi = std::numbers::pi_v<long double>;
    const long double theta =
        acute ? y[0] : pi - 2 * std::asin(std::sqrt(std::min(1.0L, std::max(0.0L, y[0]))));
    const long double sine = std::sin(theta), cosine = std::cos(theta);
    // sin theta - theta cos theta, whose terms cancel near 0.
    long double lag = sine - theta * cosine;
    if (theta < 0.25L) {
      lag = 0;
      long double term = theta * theta * theta / 2;  // sum_k (-1)^(k+1) 2k theta^(2k+1) / (2k+1)!
      for (int k = 1; k <= 12; ++k) {
        lag += term * 2 * k / (2 * k + 1) * (k % 2 == 1 ? 1 : -1);
        term *= theta * theta / static_cast<long double>((2 * k + 1) * (2 * k + 2));
      }
    }
    const long double kappa = cosine + lag / pi;
    const long double growth = kappa - theta / pi * y[1];
    if (!acute) return {lag / (2 * pi), growth};
    return {theta > 0 ? -lag / (pi * sine) : 0, growth};
  }
};

/// One step of the extrapolated midpoint rule; the difference of the last two columns.
inline std::array<long double, 2> extrapolated(const Flow& flow, long double step, long double& error) {
  constexpr std::size_t columns = 8;
  std::array<std::array<std::array<long double, 2>, columns>, columns> table{};
  const auto axpy = [](const auto& x, long double a, const auto& y) {
    return std::array<long double, 2>{x[0] + a * y[0], x[1] + a * y[1]};
  };
  for (std::size_t k = 0; k < columns; ++k) {
    const auto n = static_cast<long double>(2 * (k + 1));
    const long double h = step / n;
    std::array<long double, 2> before = flow.state, now = axpy(before, h, flow.slope(before));
    for (std::size_t i = 1; i < 2 * (k + 1); ++i) {
      const auto next = axpy(before, 2 * h, flow.slope(now));
      before = now;
      now = next;
    }
    const auto last = axpy(before, h, flow.slope(now));
    table[k][0] = {(now[0] + last[0]) / 2, (now[1] + last[1]) / 2};
    for (std::size_t j = 1; j <= k; ++j) {
      const long double ratio = n / static_cast<long double>(2 * (k - j + 1));
      for (std::size_t v = 0; v < 2; ++v)
        table[k][j][v] =
            table[k][j - 1][v] + (table[k][j - 1][v] - table[k - 1][j - 1][v]) / (ratio * ratio - 1);
    }
  }
  const auto &best = table[columns - 1][columns - 1], &other = table[columns - 1][columns - 2];
  error = std::max(std::abs(best[0] - other[0]), std::abs(best[1] - other[1]));
  return best;
}

inline Values residual(const Pair& at, long double depth) {
  const long double pi = std::numbers::pi_v<long double>;
  Flow flow{at.h <= at.m, {at.h <= at.m ? pi * angle(at) : at.m, at.cosine()}};
  constexpr long double tolerance = 2e-17L;  // some roundings of extended precision
  for (long double s = 0, step = std::min(depth, 0.25L); s < depth;) {
    step = std::min(step, depth - s);
    long double error = 0;
    const auto next = extrapolated(flow, step, error);
    if (error > tolerance && step > 1e-12L) {
      step /= 2;
      continue;
    }
    s += step;
    flow.state = next;
    if (!flow.acute && flow.state[0] >= 0.5L) {
      flow.acute = true;
      flow.state[0] = pi - 2 * std::asin(std::sqrt(flow.state[0]));
    }
    if (error < tolerance / 100) step *= 2;
  }
  return {flow.acute ? std::cos(flow.state[0]) : 2 * flow.state[0] - 1, flow.state[1]};
}

inline Values equilibrium(const Pair& at, long double alpha) {
  // Newton's steps for h - alpha (1 - kappa) / 2 = (1 - alpha) h_0, whose slope is 1 - alpha kappa0 > 0.
  Pair now = at;
  for (int step = 0; step < 100; ++step) {
    const Pair behind = behind_relu(now);
    const long double miss = now.h - alpha * behind.h - (1 - alpha) * at.h;
    const long double by = miss / (1 - alpha * (1 - angle(now)));
    now.h = std::min(1.0L, std::max(0.0L, now.h - by));
    now.m = 1 - now.h;
    if (std::abs(by) <= 1e-19L * now.h) break;
  }
  return {now.cosine(), now.cosine() / (1 - alpha * (1 - angle(now)))};
}

/// Both kernels at a pair.
using AngularFunction = std::function<Values(const Pair&)>;

/// Samples by their norms and directions: those of a network that does nothing.
inline const Plan& inputs() {
  static const Plan plan = compile(trace([](Node x) { return x; }), sst::Kernel::nngp);
  return plan;
}

template <class Scalar>
class RadialColumns final : public TabulatedColumns<Scalar> {
  using Table = gram_detail::Tabulated<Scalar, Scalar>;

 public:
  RadialColumns(std::shared_ptr<const Profile<Scalar>> profile, Kernel kernel, const DataRef& x)
      : profile_(std::move(profile)),
        kernel_(kernel),
        features_(x.cols()),
        sparse_(x.sparse()),
        table_(table(x)) {}
  std::shared_ptr<const KernelTiles<Scalar>> tiles(const DataRef* rows) const override {
    if (rows && rows->sparse() != sparse_) {  // angles are taken between rows that are stored alike
      const DataRef alike = rows->stored(sparse_);
      return tiles(&alike);
    }
    if (rows) kernel_detail::require_features(rows->cols(), features_);
    gram_detail::Sides<Scalar, Scalar> sides{table_, rows ? table(*rows) : table_};
    gram_detail::require_no_underflow(sides);
    const auto count = [](const Table& side) { return static_cast<Eigen::Index>(side.samples.count); };
    const Eigen::Index n = count(*sides.rows), m = count(*sides.columns);
    return std::make_shared<kernel_detail::RowTiles<Scalar>>(
        kernel_, std::make_shared<gram_detail::ProfileTiles<Scalar, Scalar>>(profile_, std::move(sides)), n,
        m, rows == nullptr);
  }

 private:
  static std::shared_ptr<const Table> table(const DataRef& x) {
    x.require_finite("the data set");
    return std::make_shared<const Table>(inputs(), x);
  }
  std::shared_ptr<const Profile<Scalar>> profile_;
  Kernel kernel_;
  Eigen::Index features_;
  bool sparse_;
  std::shared_ptr<const Table> table_;
};

/// The two kernels of a network: their function, and profiles that are compiled when they are first asked
/// for.
class RadialNetwork {
 public:
  RadialNetwork(std::string name, AngularFunction f) : name_(std::move(name)), f_(std::move(f)) {}
  const std::string& name() const { return name_; }

  template <class Scalar>
  std::shared_ptr<const Profile<Scalar>> profile() const {
    const std::lock_guard guard(lock_);
    auto& known = std::get<std::shared_ptr<const Profile<Scalar>>>(known_);
    if (known) return known;
    const auto values = [this](long double Values::*which) {
      return [this, which](const auto& half, const auto& complement) {
        Eigen::ArrayXd out(half.size());
        for (Eigen::Index k = 0; k < out.size(); ++k)
          out[k] = static_cast<double>(f_({half[k], complement[k]}).*which);
        return out;
      };
    };
    known = std::make_shared<const Profile<Scalar>>(name_, values(&Values::nngp), values(&Values::ntk));
    return known;
  }

 private:
  std::string name_;
  AngularFunction f_;
  mutable std::mutex lock_;
  mutable std::tuple<std::shared_ptr<const Profile<double>>, std::shared_ptr<const Profile<float>>> known_;
};

class RadialKernel final : public KernelInterface {
 public:
  RadialKernel(std::shared_ptr<const RadialNetwork> network, Kernel kernel)
      : network_(std::move(network)), kernel_(kernel) {}
  std::shared_ptr<const TabulatedColumns<double>> in_double(const DataRef& x) const override {
    return std::make_shared<RadialColumns<double>>(network_->profile<double>(), kernel_, x);
  }
  std::shared_ptr<const TabulatedColumns<float>> in_float(const DataRef& x) const override {
    return std::make_shared<RadialColumns<float>>(network_->profile<float>(), kernel_, x);
  }
  std::optional<KernelFunction> prior() const override {
    if (kernel_ == Kernel::nngp) return std::nullopt;
    return KernelFunction(std::make_shared<RadialKernel>(network_, Kernel::nngp));
  }
  std::string description() const override {
    return (kernel_ == Kernel::ntk ? "ntk of " : "nngp of ") + network_->name();
  }

 private:
  std::shared_ptr<const RadialNetwork> network_;
  Kernel kernel_;
};

/// Throws Error unless 0 < value <= most.
inline void require_range(const char* what, double value, double most) {
  if (value > 0 && value <= most) return;
  detail::PlainText text;
  text << what << " is " << value << "; choose one above 0, up to " << most;
  throw Error(text.str());
}

inline KernelFunction make(const std::string& name, const char* what, double value, double most,
                           Kernel kernel, AngularFunction f) {
  require_range(what, value, most);
  detail::PlainText text;
  text << name << ", " << what << " " << value;
  return KernelFunction(std::make_shared<RadialKernel>(
      std::make_shared<const RadialNetwork>(text.str(), std::move(f)), kernel));
}

}  // namespace infinite_detail

SST_COMPILED KernelFunction infinite_sparse_shortcut(Kernel kernel, double ratio) {
  return infinite_detail::make(
      "an infinite sparse shortcut", "ratio", ratio, 0.98, kernel,
      [ratio](const infinite_detail::Pair& at) { return infinite_detail::sparse_shortcut(at, ratio); });
}

SST_COMPILED KernelFunction infinite_residual(Kernel kernel, double branch_std) {
  return infinite_detail::make(
      "an infinite residual network", "branch_std", branch_std, 8, kernel,
      [depth = static_cast<long double>(branch_std) * branch_std / 2](const infinite_detail::Pair& at) {
        return infinite_detail::residual(at, depth);
      });
}

SST_COMPILED KernelFunction equilibrium(Kernel kernel, double weight_std) {
  return infinite_detail::make(
      "an equilibrium", "weight_std", weight_std, 1.4, kernel,
      [alpha = static_cast<long double>(weight_std) * weight_std / 2](const infinite_detail::Pair& at) {
        return infinite_detail::equilibrium(at, alpha);
      });
}

}  // namespace SST_ABI
}  // namespace sst
