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
#include <sst/engine/rows/samples.hpp>
#include <sst/engine/rows/strip.hpp>
#include <sst/engine/rows/tile_engine.hpp>
#include <sst/error.hpp>
#include <sst/kernel/path.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

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

/// What instantiate.hpp compiles of this header, for the other files of a program.
#define SST_TILES_TEMPLATES(prefix)              \
  prefix template class Columns<double, double>; \
  prefix template class Columns<float, float>;   \
  prefix template class Columns<double, float>;
#ifdef SST_EXTERN_TEMPLATES
SST_TILES_TEMPLATES(extern)
#endif

}  // namespace gram_detail

/// Tiles of the kernel matrix of one or two data sets, computed when asked for.
///
/// Immutable and shared by threads; each brings a Workspace of its own. Any tile has the same bits as
/// the same entries of a whole matrix cut into the same tiles; other cuts round differently in the last
/// digits.
template <class Scalar = double, class Arithmetic = Scalar>
class GramTiles {
 public:
  /// Of samples.
  using Index = Eigen::Index;
  /// What a thread needs while it computes a tile.
  using Workspace = typename gram_detail::TileEngine<Scalar>::Workspace;

  /// K(X, X). Throws DataError, Error.
  GramTiles(const Plan& plan, const DataRef& x, Path path = Path::automatic)
      : GramTiles(plan, x, nullptr, path) {}
  /// K(A, B): rows of the result are samples of a, columns of b.
  GramTiles(const Plan& plan, const DataRef& a, const DataRef& b, Path path = Path::automatic)
      : GramTiles(plan, b, &a, path) {}
  /// K(X, X), x with a sample per row, of which evaluate(..., out, stride) writes this kernel.
  GramTiles(const Plan& plan, Kernel kernel, const DataRef& x, Path path = Path::automatic)
      : GramTiles(plan, x, nullptr, path) {
    choose(plan, kernel);
  }
  /// The same of K(A, B): rows of the result are samples of a, columns of b.
  GramTiles(const Plan& plan, Kernel kernel, const DataRef& a, const DataRef& b, Path path = Path::automatic)
      : GramTiles(plan, b, &a, path) {
    choose(plan, kernel);
  }

  /// Rows of the kernel matrix.
  Index rows() const { return rows_; }
  /// Columns of the kernel matrix.
  Index cols() const { return cols_; }
  /// Whether it is K(X, X).
  bool symmetric() const { return symmetric_; }
  /// Path::direct or Path::profile, as it was chosen.
  Path path() const { return path_; }
  /// Rows and columns of tiles that suit the caches.
  static constexpr Index tile() { return tile_; }

  /// A workspace; each thread needs one of its own.
  std::unique_ptr<Workspace> workspace() const { return engine_->workspace(); }

  /// Writes a tile. With `lower` (tiles with row0 == col0 of a symmetric matrix) entries above the
  /// diagonal may be left as they are.
  void evaluate(Index row0, Index rows, Index col0, Index cols, TileView<Scalar> out, Workspace& workspace,
                bool lower = false) const {
    using gram_detail::Index;
    engine_->evaluate(static_cast<Index>(row0), static_cast<Index>(rows), static_cast<Index>(col0),
                      static_cast<Index>(cols), out, lower, workspace);
  }
  /// The same of the chosen kernel alone, `stride` scalars from column to column of `out`.
  void evaluate(Index row0, Index rows, Index col0, Index cols, Scalar* out, Index stride,
                Workspace& workspace) const {
    evaluate(row0, rows, col0, cols, view(out, stride), workspace);
  }
  /// The same with a workspace for this call.
  void evaluate(Index row0, Index rows, Index col0, Index cols, Scalar* out, Index stride) const {
    const auto own = workspace();
    evaluate(row0, rows, col0, cols, view(out, stride), *own);
  }

 private:
  static constexpr Index tile_ = 256;

  GramTiles(const Plan& plan, const DataRef& columns, const DataRef* rows, Path path)
      : rows_(rows ? rows->rows() : columns.rows()), cols_(columns.rows()), symmetric_(rows == nullptr) {
    columns.require_finite(rows ? "the second data set" : "the data set");
    if (rows) {
      rows->require_finite("the first data set");
      if (rows->cols() != columns.cols())
        throw DataError("the data sets have " + std::to_string(rows->cols()) + " and " +
                        std::to_string(columns.cols()) + " columns; give them the same features");
    }
    const auto shared = std::make_shared<const Plan>(plan);
    const double entries = static_cast<double>(rows_) * static_cast<double>(cols_);
    // Where something cancels or is not angular, float strips would not keep float's own accuracy.
    if (std::is_same_v<Arithmetic, float> && !plan.angular_only)
      engine_ = gram_detail::Columns<double, Scalar>(shared, columns, path, entries).engine(rows, path_);
    else
      engine_ = gram_detail::Columns<Arithmetic, Scalar>(shared, columns, path, entries).engine(rows, path_);
  }

  void choose(const Plan& plan, Kernel kernel) {
    if (kernel == Kernel::ntk && !plan.ntk)
      throw Error("the plan was compiled for the NNGP and cannot give the NTK; compile it for Kernel::ntk");
    kernel_ = kernel;
  }
  TileView<Scalar> view(Scalar* out, Index stride) const {
    return kernel_ == Kernel::nngp ? TileView<Scalar>{out, nullptr, stride}
                                   : TileView<Scalar>{nullptr, out, stride};
  }

  Index rows_, cols_;
  bool symmetric_;
  Kernel kernel_ = Kernel::ntk;
  Path path_ = Path::direct;
  std::shared_ptr<const gram_detail::TileEngine<Scalar>> engine_;
};

}  // namespace SST_ABI
}  // namespace sst
