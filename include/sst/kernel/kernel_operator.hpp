// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/fingerprint.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/base/progress.hpp>
#include <sst/base/ranks.hpp>
#include <sst/error.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/fixed_point_sums.hpp>
#include <sst/linalg/one_pass.hpp>
#include <sst/linalg/operator.hpp>
#include <sst/linalg/split_array.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Where the tiles of a kernel operator are, and who computes them.
struct KernelOperatorOptions {
  int threads = 0;  ///< 0: as many as OpenMP gives
  /// Bytes of tiles that are kept, computed once; the others are computed anew for every product.
  double memory = 0;
  /// The processes that tiles are spread over, each with this memory; none: this one has all.
  std::shared_ptr<const Ranks> ranks = {};
  ProgressFunction progress = {};  ///< of the tiles to be kept, on this rank
};

class RoundedKernelOperator;

/// The kernel matrix K(X, X) of a kernel function by its tiles, each once for itself and its mirror image:
/// kept in memory, or computed anew for every product.
///
/// A product takes 2 n^2 multiplications and additions for each column of X and, of tiles that are not kept,
/// their n^2/2 kernel values; n x (columns of X) numbers of 16 bytes beside a tile for each thread. Tiles,
/// and products within one, are in Scalar; sums over tiles are FixedPointSums, so that results have the same
/// bits for any number of threads and ranks and however many tiles are kept. With float, K X is off by about
/// 6e-8 sqrt(n) |X|, which limits the residual of a regression with ridge lambda to
/// 6e-8 sqrt(n) |y| / lambda where y is not smooth. With double, entries below 2^-126 of the largest diagonal
/// one are 0.
///
/// With several ranks, each calls the same functions in the same order.
template <class Scalar = double>
class KernelOperator final : public SymmetricOperator {
 public:
  /// tiles: of K(X, X). Computes the diagonal, and the tiles to be kept. Throws DataError (numbers that
  /// overflow), NotPositiveDefinite (an entry that is larger than the diagonal allows), Cancelled.
  explicit KernelOperator(std::shared_ptr<const KernelTiles<Scalar>> tiles,
                          KernelOperatorOptions options = {})
      : tiles_(std::move(tiles)),
        options_(std::move(options)),
        diagonal_(make_diagonal()),
        largest_(rows() ? diagonal_.maxCoeff() : 0.0),
        exponent_(is_double && std::isnormal(largest_) ? std::max(-1000, std::ilogb(largest_)) : 0) {
    const Index blocks = (rows() + tile - 1) / tile;
    std::size_t number = 0;
    for (Index column = 0; column < blocks; ++column)
      for (Index row = column; row < blocks; ++row, ++number)
        if (!options_.ranks || options_.ranks->takes(number)) own_.emplace_back(row, column);
    keep();
  }

  Index rows() const override { return tiles_->rows(); }
  Eigen::VectorXd diagonal() const override { return diagonal_; }

  /// Bytes of all tiles of a kernel of n rows; over several ranks of as many tiles as one has at the most.
  static double bytes(Index n, double ranks = 1) {
    const auto rows = static_cast<double>(n), side = static_cast<double>(tile),
               blocks = std::ceil(rows / side);
    const double all = rows * (rows + std::min(side, rows)) / 2;
    return sizeof(Scalar) * std::min(all, std::ceil(blocks * (blocks + 1) / 2 / ranks) * side * side);
  }
  /// Bytes of the tiles that are kept, of this rank.
  double kept_bytes() const { return sizeof(Scalar) * static_cast<double>(kept_.size()); }
  /// The part of its tiles that this rank keeps, 0 to 1.
  double kept_fraction() const {
    return own_.empty() ? 1 : static_cast<double>(firsts_.size()) / static_cast<double>(own_.size());
  }

  // Computed anew, by this rank alone.
  void columns(const std::vector<Index>& indices, Index first,
               Eigen::Ref<Eigen::MatrixXd> out) const override {
    for (const Index i : indices) operator_detail::require_index(i, rows());
    operator_detail::over_panels(out.rows(), tile, options_.threads, [&](Index begin, Index size) {
      const auto workspace = tiles_->workspace();
      Eigen::Matrix<Scalar, Eigen::Dynamic, 1> strip(size);
      for (Index c = 0; c < out.cols(); ++c) {
        tiles_->evaluate(first + begin, size, indices[static_cast<std::size_t>(c)], 1,
                         {strip.data(), nullptr, size}, *workspace);
        out.col(c).segment(begin, size) = strip.template cast<double>();
      }
    });
  }

  /// K X. Throws DataError (wrong rows, kernel values that overflow), NotPositiveDefinite (an entry that is
  /// larger than the diagonal allows), Error (ranks that hold different numbers).
  Eigen::MatrixXd apply(const Eigen::MatrixXd& x) const override {
    return multiply<Scalar>(x, [&](Player& player, std::size_t k) -> const Scalar* {
      Matrix& values = player.values;
      values.resize(height(own_[k]), width(own_[k]));
      if (k >= firsts_.size()) {
        evaluate(own_[k], values.data(), *player.workspace);
        if constexpr (is_double) {  // as if it were kept
          const double scale = std::ldexp(1.0, -exponent_);
          for (double& value : values.reshaped()) value = SplitArray::representable(value * scale);
        }
      } else if constexpr (is_double) {
        kept_.join(firsts_[k], values);
      } else {
        return kept_.data() + firsts_[k];
      }
      return values.data();
    });
  }

 private:
  friend class RoundedKernelOperator;
  static constexpr bool is_double = std::is_same_v<Scalar, double>;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  using Workspace = typename KernelTiles<Scalar>::Workspace;
  using Place = std::pair<Index, Index>;  ///< of a tile: row and column, in tiles
  /// What a thread needs.
  struct Player {
    std::unique_ptr<Workspace> workspace;
    Matrix values;
  };
  /// Fastest of 256 to 1024 where a level-2 cache holds 1 MiB.
  static constexpr Index tile = 512;

  void evaluate(const Place& place, Scalar* values, Workspace& workspace) const {
    const Index m = height(place);
    tiles_->evaluate(place.first * tile, m, place.second * tile, width(place), {values, nullptr, m},
                     workspace);
  }

  Index height(const Place& place) const { return std::min(tile, rows() - place.first * tile); }
  Index width(const Place& place) const { return std::min(tile, rows() - place.second * tile); }

  /// As many tiles as memory has room for, the first ones.
  void keep() {
    Index total = 0;
    for (const Place& place : own_) {
      const Index next = total + height(place) * width(place);
      if (sizeof(Scalar) * static_cast<double>(next) > options_.memory) break;
      firsts_.push_back(total);
      total = next;
    }
    kept_ = Kept(total);
    detail::Counter progress(options_.progress, static_cast<double>(firsts_.size()), "keeping kernel values");
    over_tiles(firsts_.size(), tiles_->parallel(), [&](Player& player, std::size_t k) {
      if constexpr (is_double) {
        Matrix& values = player.values;
        values.resize(height(own_[k]), width(own_[k]));
        evaluate(own_[k], values.data(), *player.workspace);
        if (!kept_.set(firsts_[k], values, std::ldexp(1.0, -exponent_), 4)) throw_too_large();
      } else {
        evaluate(own_[k], kept_.data() + firsts_[k], *player.workspace);
      }
      progress.add();
    });
  }

  /// K X by tiles in S: tile_of(player, k) is where the k-th own one is, over 2^exponent_.
  template <class S, class TileOf>
  Eigen::MatrixXd multiply(const Eigen::MatrixXd& x, const TileOf& tile_of) const {
    using Values = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
    operator_detail::require_rows(x.rows(), rows());
    require_alike(x);
    // Columns of any size are within the range of S as well.
    Eigen::RowVectorXi exponents(x.cols());
    Values right(x.rows(), x.cols());
    for (Index c = 0; c < x.cols(); ++c) {
      const double largest = x.rows() ? x.col(c).cwiseAbs().maxCoeff() : 0;
      exponents[c] = largest > 0 && std::isfinite(largest) ? std::ilogb(largest) : 0;
      right.col(c) =
          x.col(c).unaryExpr([&](double v) { return static_cast<S>(std::ldexp(v, -exponents[c])); });
    }
    // |K_ij| <= max K_ii; twice that leaves room for rounding.
    const double bound = 2.0 * tile * std::ldexp(largest_, -exponent_);
    FixedPointSums sums(rows(), bound * (rows() ? right.cwiseAbs().colwise().maxCoeff().eval()
                                                : Eigen::Matrix<S, 1, Eigen::Dynamic>(x.cols()))
                                            .template cast<double>());
    std::vector<std::mutex> blocks(static_cast<std::size_t>((rows() + tile - 1) / tile));
    const auto add = [&](Index block, const Values& product) {
      const std::lock_guard lock(blocks[static_cast<std::size_t>(block)]);
      if (!sums.add(block * tile, product)) throw_too_large();
    };
    const bool alone = tiles_->parallel() && firsts_.size() < own_.size();
    over_tiles(own_.size(), alone, [&](Player& player, std::size_t k) {
      const auto [row, column] = own_[k];
      const Eigen::Map<const Values> values(tile_of(player, k), height(own_[k]), width(own_[k]));
      const auto across = right.middleRows(column * tile, values.cols()),
                 down = right.middleRows(row * tile, values.rows());
      if (row == column) {
        add(row, detail::streamed_product<S>(values, across));
      } else {
        Values product, mirrored;
        detail::mirrored_product<S>(values, across, down, product, mirrored);
        add(row, product);
        add(column, mirrored);
      }
    });
    if (options_.ranks) sums.sum(*options_.ranks);
    Eigen::MatrixXd out = sums.values();
    for (Index c = 0; c < out.cols(); ++c)
      out.col(c) = out.col(c).unaryExpr([&](double v) { return std::ldexp(v, exponents[c] + exponent_); });
    return out;
  }

  /// Calls work(player, k) for k = 0 ... count - 1, in parallel; alone: one after the other.
  template <class Work>
  void over_tiles(std::size_t count, bool alone, Work&& work) const {
    const int team = alone ? 1 : detail::team_size(options_.threads, static_cast<std::ptrdiff_t>(count));
    const cholesky_detail::SerialEigen serial;
    detail::workers<Player>(
        count, team,
        [&] {
          return std::make_unique<Player>(Player{tiles_->workspace(), {}});
        },
        work);
  }

  Eigen::VectorXd make_diagonal() const {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(rows());
    operator_detail::over_panels(rows(), tile, options_.threads, [&](Index first, Index size) {
      if (options_.ranks && !options_.ranks->takes(static_cast<std::size_t>(first / tile))) return;
      const auto workspace = tiles_->workspace();
      for (Index i = first; i < first + size; ++i) {
        Scalar value = 0;
        tiles_->evaluate(i, 1, i, 1, {&value, nullptr, 1}, *workspace);
        out[i] = static_cast<double>(value);
      }
    });
    if (options_.ranks) options_.ranks->collect(out.data(), static_cast<std::size_t>(out.size()));
    return out;
  }

  /// Ranks that no longer hold the same numbers would wait for each other for ever, or agree on nonsense.
  void require_alike(const Eigen::MatrixXd& x) const {
    if (!options_.ranks) return;
    constexpr int kept_bits = 40;  // the sum over ranks does not overflow
    const auto own = static_cast<std::int64_t>(
        Fingerprint().add(x.data(), sizeof(double) * static_cast<std::size_t>(x.size())).value() >>
        (64 - kept_bits));
    std::int64_t sum = own;
    options_.ranks->sum(&sum, 1);
    if (sum != own * options_.ranks->count())
      throw Error(
          "the ranks no longer hold the same numbers (their processors round differently, or their data "
          "differ); use nodes of one kind, or compile without -march=native");
  }

  [[noreturn]] void throw_too_large() const {
    detail::PlainText text;
    text << "an entry of the kernel is larger than its largest diagonal entry, " << largest_
         << " (such a matrix is not positive semidefinite), or the vector to multiply is not finite; check "
            "the "
            "kernel";
    throw NotPositiveDefinite(text.str(), 0, largest_);
  }

  std::shared_ptr<const KernelTiles<Scalar>> tiles_;
  KernelOperatorOptions options_;
  Eigen::VectorXd diagonal_;
  double largest_;          ///< on it
  int exponent_;            ///< tiles are divided by 2^exponent_, so that float has their range
  std::vector<Place> own_;  ///< of the tiles of this rank, column after column
  using Kept = std::conditional_t<is_double, SplitArray, Eigen::VectorXf>;
  Kept kept_;                  ///< the values of the first of them, tile after tile
  std::vector<Index> firsts_;  ///< in it, of each tile
};

/// The same matrix by what float holds of the values that an operator in double keeps: half the bytes are
/// read, and results are as accurate as those of KernelOperator<float>.
class RoundedKernelOperator final : public SymmetricOperator {
 public:
  /// exact: keeps all of its tiles, and outlives this. Throws Error where it does not keep all.
  explicit RoundedKernelOperator(const KernelOperator<double>& exact) : exact_(exact) {
    if (exact.kept_fraction() < 1)
      throw Error("kernel values that are not kept cannot be rounded; give the operator more memory");
  }

  Index rows() const override { return exact_.rows(); }
  Eigen::VectorXd diagonal() const override { return exact_.diagonal(); }
  void columns(const std::vector<Index>& indices, Index first,
               Eigen::Ref<Eigen::MatrixXd> out) const override {
    exact_.columns(indices, first, out);
  }
  /// K X. Throws as the operator's does.
  Eigen::MatrixXd apply(const Eigen::MatrixXd& x) const override {
    return exact_.multiply<float>(
        x, [&](auto&, std::size_t k) { return exact_.kept_.heads() + exact_.firsts_[k]; });
  }

 private:
  const KernelOperator<double>& exact_;
};

}  // namespace SST_ABI
}  // namespace sst
