// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/engine/rows/profile.hpp>
#include <sst/engine/rows/sides.hpp>
#include <sst/engine/rows/strip.hpp>
#include <sst/engine/rows/tile_engine.hpp>
#include <sst/error.hpp>
#include <sst/kernel/tiles.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of tiles.hpp: columns that are tabulated once, and tiles by the plan's steps or by its profile.

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// By the plan's steps. `extended`: the same sides for the pairs that double leaves unsure; empty where the
/// plan has none.
template <class Strip, class Scalar>
class PlanTiles final : public TileEngine<Scalar> {
  using Base = TileEngine<Scalar>;

 public:
  PlanTiles(std::shared_ptr<const Plan> plan, Sides<Strip, Scalar> sides,
            Sides<long double, long double> extended)
      : plan_(std::move(plan)), sides_(std::move(sides)), extended_(std::move(extended)) {}

  std::unique_ptr<typename Base::Workspace> workspace() const override {
    return std::make_unique<Machines>(*plan_, sides_, extended_);
  }

  void evaluate(Index row0, Index rows, Index col0, Index cols, TileView<Scalar> out, bool lower,
                typename Base::Workspace& workspace) const override {
    auto& machines = static_cast<Machines&>(workspace);
    auto& machine = machines.strips;
    const bool refines = plan_->needs_extended;
    unsigned char unsure[StripMachine<Strip>::length];
    machine.tile(col0, cols, row0, rows);
    for_each_strip(sides_, row0, rows, col0, cols, lower, [&](Index i, Index j, Index count, Index same) {
      if (refines) std::fill_n(unsure, count, static_cast<unsigned char>(0));
      machine.run(i, j, count, same, refines ? unsure : nullptr);
      const auto at = static_cast<Eigen::Index>(i - col0) * out.stride + static_cast<Eigen::Index>(j - row0);
      const TileView<Scalar> to{out.nngp ? out.nngp + at : nullptr, out.ntk ? out.ntk + at : nullptr, 0};
      const bool finite = store(i, j, count, machine, to);
      if (refines)
        for (Index l = 0; l < count; ++l)
          if (unsure[l]) refine(i, j + l, *machines.extended, to, l);
      require_no_overflow(finite, j, i);
    });
  }

  Eigen::VectorXd row_variances() const override { return variances(sides_.rows->samples); }

 private:
  struct Machines final : Base::Workspace {
    StripMachine<Strip> strips;
    std::optional<StripMachine<long double>> extended;
    Machines(const Plan& plan, const Sides<Strip, Scalar>& sides, const Sides<long double, long double>& more)
        : strips(plan, sides.columns->samples, sides.rows->samples) {
      if (more.columns) extended.emplace(plan, more.columns->samples, more.rows->samples);
    }
  };

  bool store(Index i, Index j, Index count, const StripMachine<Strip>& machine, TileView<Scalar> to) const {
    using P = Pack<Strip>;
    const Strip *half = machine.half(plan_->result), *tangent = machine.tangent(plan_->result);
    const auto one = P::all(Strip(1));
    const auto correlation = [&](Index l) {
      const auto h = P::load(half + l);
      return one - (h + h);
    };
    bool finite = true;
    if (to.nngp) finite = write(sides_, i, j, count, Scalar(1), correlation, to.nngp);
    if (!to.ntk) return finite;
    if (plan_->pairs[plan_->result].tangent)
      return write(
                 sides_, i, j, count, Scalar(1), [&](Index l) { return P::load(tangent + l); }, to.ntk) &&
             finite;
    std::fill_n(to.ntk, count, Scalar(0));
    return finite;
  }

  void refine(Index i, Index j, StripMachine<long double>& machine, TileView<Scalar> to, Index l) const {
    machine.run(i, j, 1, sides_.symmetric() && i == j ? 0 : none);
    const long double scale = extended_.columns->scale[static_cast<Eigen::Index>(i)] *
                              extended_.rows->scale[static_cast<Eigen::Index>(j)];
    if (to.nngp) to.nngp[l] = static_cast<Scalar>(scale * (1 - 2 * machine.half(plan_->result)[0]));
    if (to.ntk && plan_->pairs[plan_->result].tangent)
      to.ntk[l] = static_cast<Scalar>(scale * machine.tangent(plan_->result)[0]);
  }

  std::shared_ptr<const Plan> plan_;
  Sides<Strip, Scalar> sides_;
  Sides<long double, long double> extended_;
};

/// By the radial profile.
template <class Strip, class Scalar>
class ProfileTiles final : public TileEngine<Scalar> {
  using Base = TileEngine<Scalar>;
  using P = Pack<Strip>;

 public:
  ProfileTiles(std::shared_ptr<const Profile<Strip>> profile, Sides<Strip, Scalar> sides)
      : profile_(std::move(profile)), sides_(std::move(sides)) {}

  std::unique_ptr<typename Base::Workspace> workspace() const override {
    return std::make_unique<Inputs>(sides_);
  }

  void evaluate(Index row0, Index rows, Index col0, Index cols, TileView<Scalar> out, bool lower,
                typename Base::Workspace& workspace) const override {
    auto& inputs = static_cast<Inputs&>(workspace);
    inputs.pairs.tile(col0, cols, row0, rows);
    constexpr auto width = static_cast<Index>(P::size);
    alignas(64) Strip half[length], complement[length], value[length];
    for_each_strip(sides_, row0, rows, col0, cols, lower, [&](Index i, Index j, Index count, Index same) {
      const Index lanes = (count + width - 1) / width * width;
      inputs.pairs.strip(i, j, lanes, half, complement);
      const auto at = static_cast<Eigen::Index>(i - col0) * out.stride + static_cast<Eigen::Index>(j - row0);
      bool finite = true;
      for (const auto& [kernel, to] : {std::pair{Kernel::nngp, out.nngp}, std::pair{Kernel::ntk, out.ntk}}) {
        if (!to) continue;
        const auto& curve = profile_->curve(kernel);
        curve.evaluate(half, complement, value, lanes);
        if (same != none) value[same] = 1;  // the diagonal, by definition
        const auto factor = static_cast<Scalar>(curve.scale() / variance_);
        const auto load = [&](Index l) { return P::load(value + l); };
        finite = write(sides_, i, j, count, factor, load, to + at) && finite;
      }
      require_no_overflow(finite, j, i);
    });
  }

  Eigen::VectorXd row_variances() const override { return variances(sides_.rows->samples); }

 private:
  static constexpr Index length = StripMachine<Strip>::length;
  struct Inputs final : Base::Workspace {
    InputPairs<Strip> pairs;
    explicit Inputs(const Sides<Strip, Scalar>& sides)
        : pairs(sides.columns->samples.unit, sides.rows->samples.unit) {}
  };

  std::shared_ptr<const Profile<Strip>> profile_;
  Sides<Strip, Scalar> sides_;
  double variance_ = profile_->curve(Kernel::nngp).scale();  // of the output, at the norm of reference
};

/// The norms of a data set's rows.
struct NormRange {
  double least = std::numeric_limits<double>::infinity(), most = 0;

  explicit NormRange(const DataRef& data) {
    for (Eigen::Index i = 0; i < data.rows(); ++i) {
      double largest = 0, total = 0;
      data.for_each(i, [&](Eigen::Index, double v) { largest = std::max(largest, std::abs(v)); });
      if (largest > 0)
        data.for_each(i, [&](Eigen::Index, double v) { total += v / largest * (v / largest); });
      const double norm = largest * std::sqrt(total);
      least = std::min(least, norm);
      most = std::max(most, norm);
    }
  }
  /// Whether all rows of both share one norm, to rounding.
  bool common(const NormRange& other) const {
    const double low = std::min(least, other.least), high = std::max(most, other.most);
    return low > 0 && high - low <= 4 * std::numeric_limits<double>::epsilon() * high;
  }
};

/// The columns of kernel matrices, tabulated once: what computes K(X, X), or K(A, X) for any rows A.
template <class Strip, class Scalar>
class Columns {
 public:
  /// `entries`: of the matrices to come; few do not pay for a profile.
  Columns(std::shared_ptr<const Plan> plan, const DataRef& x, Path path, double entries)
      : plan_(std::move(plan)),
        path_(path),
        features_(x.cols()),
        sparse_(x.sparse()),
        table_(std::make_shared<Tabulated<Strip, Scalar>>(*plan_, x)) {
    constexpr double many = 1 << 16;
    if (path == Path::profile || (path == Path::automatic && entries >= many)) make_profile(x);
    if (plan_->needs_extended && !(profile_ && !norms_))
      extended_ = std::make_shared<Tabulated<long double, long double>>(*plan_, x);
  }

  /// `rows`: null for K(X, X).
  std::shared_ptr<const TileEngine<Scalar>> engine(const DataRef* rows, Path& taken) const {
    if (rows && rows->sparse() != sparse_) {  // angles are taken between rows that are stored alike
      const DataRef alike = rows->stored(sparse_);
      return engine(&alike, taken);
    }
    const bool by_profile = profile_ && (!rows || !norms_ || norms_->common(NormRange(*rows)));
    if (!by_profile && path_ == Path::profile) throw_no_profile();
    taken = by_profile ? Path::profile : Path::direct;
    Sides<Strip, Scalar> sides{
        table_, rows ? std::make_shared<const Tabulated<Strip, Scalar>>(*plan_, *rows) : table_};
    require_no_underflow(sides);
    if (by_profile) return std::make_shared<ProfileTiles<Strip, Scalar>>(profile_, std::move(sides));
    Sides<long double, long double> extended{extended_, extended_};
    if (extended_ && rows)
      extended.rows = std::make_shared<const Tabulated<long double, long double>>(*plan_, *rows);
    return std::make_shared<PlanTiles<Strip, Scalar>>(plan_, std::move(sides), std::move(extended));
  }

 private:
  [[noreturn]] void throw_no_profile() const {
    throw Error("topology '" + plan_->topology + "' has no radial profile here: " + radial_obstacle(*plan_) +
                "; compute it directly");
  }

  /// Leaves none where it does not apply, unless it is a must: then an error says why.
  void make_profile(const DataRef& x) {
    const Radial kind = radial(*plan_);
    const bool must = path_ == Path::profile;
    if (kind == Radial::one_norm) norms_.emplace(x);
    if (kind == Radial::no || (norms_ && !norms_->common(*norms_))) {
      if (must) throw_no_profile();
      norms_.reset();
      return;
    }
    const double norm = norms_ ? norms_->most / std::sqrt(static_cast<double>(features_)) : 1;
    try {
      profile_ = std::make_shared<const Profile<Strip>>(*plan_, norm);
    } catch (const Error&) {  // not accurate enough, or the kernel is zero: the steps have no such limits
      if (must) throw;
    }
  }

  std::shared_ptr<const Plan> plan_;
  Path path_;
  Eigen::Index features_;
  bool sparse_;
  std::shared_ptr<const Tabulated<Strip, Scalar>> table_;
  std::shared_ptr<const Tabulated<long double, long double>> extended_;
  std::optional<NormRange> norms_;  ///< of a profile that holds for rows of one norm only
  std::shared_ptr<const Profile<Strip>> profile_;
};

template <class Scalar, class Arithmetic>
std::shared_ptr<const TileEngine<Scalar>> row_engine(const Plan& plan, const DataRef& x, const DataRef* rows,
                                                     Path path, Path& taken) {
  const auto shared = std::make_shared<const Plan>(plan);
  const double entries = static_cast<double>(rows ? rows->rows() : x.rows()) * static_cast<double>(x.rows());
  // Where something cancels or is not angular, float strips would not keep float's own accuracy.
  if (std::is_same_v<Arithmetic, float> && !plan.angular_only)
    return Columns<double, Scalar>(shared, x, path, entries).engine(rows, taken);
  return Columns<Arithmetic, Scalar>(shared, x, path, entries).engine(rows, taken);
}

/// What instantiate.hpp compiles of this header, for the other files of a program.
#define SST_TILES_TEMPLATES(Scalar, Arithmetic)                                      \
  template std::shared_ptr<const TileEngine<Scalar>> row_engine<Scalar, Arithmetic>( \
      const Plan&, const DataRef&, const DataRef*, Path, Path&);

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
