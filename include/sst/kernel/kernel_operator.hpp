// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/parallel.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/operator.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The kernel matrix K(X, X) of a kernel function, never held: its tiles are computed anew for every product,
/// each once for itself and its mirror image.
///
/// A product takes n^2/2 kernel values and 2 n^2 multiplications and additions for each column of X, and
/// n x (columns of X) numbers of memory beside a tile for each thread. Tiles, and products within one, are in
/// Scalar; sums over tiles are in double. With float, K X is off by about 6e-8 sqrt(n) |X|, which limits
/// the residual of a regression with ridge lambda to 6e-8 sqrt(n) |y| / lambda where y is not smooth.
template <class Scalar = double>
class KernelOperator final : public SymmetricOperator {
 public:
  /// tiles: of K(X, X). threads: 0 means as many as OpenMP gives.
  explicit KernelOperator(std::shared_ptr<const KernelTiles<Scalar>> tiles, int threads = 0)
      : tiles_(std::move(tiles)), threads_(threads) {}

  Index rows() const override { return tiles_->rows(); }

  Eigen::VectorXd diagonal() const override {
    Eigen::VectorXd out(rows());
    over_strips(rows(), [&](Index first, Index size, Workspace& workspace) {
      for (Index i = first; i < first + size; ++i) {
        Scalar value = 0;
        tiles_->evaluate(i, 1, i, 1, {&value, nullptr, 1}, workspace);
        out[i] = static_cast<double>(value);
      }
    });
    return out;
  }

  Eigen::MatrixXd columns(const std::vector<Index>& indices) const override {
    for (const Index i : indices) operator_detail::require_index(i, rows());
    Eigen::MatrixXd out(rows(), static_cast<Index>(indices.size()));
    over_strips(rows(), [&](Index first, Index size, Workspace& workspace) {
      Eigen::Matrix<Scalar, Eigen::Dynamic, 1> strip(size);
      for (Index c = 0; c < out.cols(); ++c) {
        tiles_->evaluate(first, size, indices[static_cast<std::size_t>(c)], 1, {strip.data(), nullptr, size},
                         workspace);
        out.col(c).segment(first, size) = strip.template cast<double>();
      }
    });
    return out;
  }

  /// K X. Throws DataError (wrong rows, kernel values that overflow).
  Eigen::MatrixXd apply(const Eigen::MatrixXd& x) const override {
    operator_detail::require_rows(x.rows(), rows());
    const Matrix right = x.template cast<Scalar>();
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(rows(), x.cols());
    const Index count = (rows() + tile - 1) / tile, players = count + count % 2;
    detail::Failure failure;
    const int team = detail::team_size(threads_, std::max<Index>(1, players / 2));
    const cholesky_detail::SerialEigen serial;
    struct Player {
      std::unique_ptr<Workspace> workspace;
      Matrix values, product;
    };
    const Index rounds = std::max<Index>(1, players);
    // A round-robin tournament: in each round every block of rows is in one tile at most, so that it gets
    // what the tiles add to it in the order of the rounds, whoever computes them. Round 0: the diagonal.
    const auto games = [&](Index round) { return round == 0 ? count : players / 2; };
    const auto play = [&](Player& player, Index round, Index game) {
      failure.guard([&] {
        if (!player.workspace) player.workspace = tiles_->workspace();
        const auto [row, column] = round == 0 ? std::pair{game, game} : pairing(players, round - 1, game);
        if (row < count) add_tile(row, column, right, out, player.values, player.product, *player.workspace);
      });
    };
    if (team == 1) {  // without OpenMP, whose threads a process that was forked does not have
      Player player;
      for (Index round = 0; round < rounds; ++round)
        for (Index game = 0; game < games(round); ++game) play(player, round, game);
    } else {
#ifdef _OPENMP
#pragma omp parallel num_threads(team)
#endif
      {
        Player player;
        for (Index round = 0; round < rounds; ++round) {
          const Index last = games(round);
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
          for (Index game = 0; game < last; ++game) play(player, round, game);
        }
      }
    }
    failure.rethrow();
    return out;
  }

 private:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  using Workspace = typename KernelTiles<Scalar>::Workspace;
  /// Fastest of 256 to 1024 where a level-2 cache holds 1 MiB.
  static constexpr Index tile = 512;

  /// The pair of a game, larger first, by the circle method: the last player stays, the others rotate.
  static std::pair<Index, Index> pairing(Index players, Index round, Index game) {
    const Index circle = players - 1;
    const Index a = game == 0 ? circle : (round + game) % circle;
    const Index b = (round - game + circle) % circle;
    return {std::max(a, b), std::min(a, b)};
  }

  void add_tile(Index row, Index column, const Matrix& x, Eigen::MatrixXd& out, Matrix& values,
                Matrix& product, Workspace& workspace) const {
    const Index i = row * tile, j = column * tile;
    const Index height = std::min(tile, rows() - i), width = std::min(tile, rows() - j);
    values.resize(height, width);
    tiles_->evaluate(i, height, j, width, {values.data(), nullptr, height}, workspace);
    product.noalias() = values * x.middleRows(j, width);
    out.middleRows(i, height) += product.template cast<double>();
    if (row == column) return;
    product.noalias() = values.transpose() * x.middleRows(i, height);
    out.middleRows(j, width) += product.template cast<double>();
  }

  /// Calls work(first, size, workspace) for strips of rows, in parallel.
  template <class Work>
  void over_strips(Index n, Work&& work) const {
    constexpr Index size = 4096;
    operator_detail::in_parallel((n + size - 1) / size, threads_, [&](Index s) {
      const auto workspace = tiles_->workspace();
      work(s * size, std::min(size, n - s * size), *workspace);
    });
  }

  std::shared_ptr<const KernelTiles<Scalar>> tiles_;
  int threads_;
};

}  // namespace SST_ABI
}  // namespace sst
