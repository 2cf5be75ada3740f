// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <list>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/error.hpp>
#include <sst/io/store/stored_matrix.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace stored_kernel_detail {

using Eigen::Index;

/// The samples that rows of data name: places in the stored matrix.
inline std::vector<Index> places(const DataRef& x, Index n) {
  x.require_finite("the data set");
  std::vector<Index> out;
  for (Index i = 0; i < x.rows(); ++i) {
    double place = 0;
    x.for_each(i, [&](Index, double value) { place = value; });
    if (x.cols() != 1 || !(place >= 0 && place < static_cast<double>(n)) || place != std::floor(place))
      throw DataError("sample " + std::to_string(i) + " of a stored kernel is no index from 0 to " +
                      std::to_string(n - 1) + "; give one index a row");
    out.push_back(static_cast<Index>(place));
  }
  return out;
}

/// Rectangles of a stored matrix. A thread keeps the tiles that it read last.
template <class Stored, class Scalar>
class Tiles final : public KernelTiles<Scalar> {
  using Base = KernelTiles<Scalar>;
  using Store = StoredMatrix<Stored>;
  using Places = std::shared_ptr<const std::vector<Index>>;

 public:
  Tiles(std::shared_ptr<const Store> store, Places rows, Places columns)
      : Base(static_cast<Index>(rows->size()), static_cast<Index>(columns->size()), rows == columns),
        store_(std::move(store)),
        rows_(std::move(rows)),
        columns_(std::move(columns)) {}

  std::unique_ptr<typename Base::Workspace> workspace() const override { return std::make_unique<Cache>(); }

  void evaluate(Index row0, Index rows, Index col0, Index cols, KernelView<Scalar> out,
                typename Base::Workspace& workspace, bool) const override {
    auto& cache = static_cast<Cache&>(workspace);
    const Index side = store_->header().tile;
    for_each_run(*columns_, col0, cols, [&](Index column, Index width) {
      for_each_run(*rows_, row0, rows, [&](Index row, Index height) {
        const Index tile_row = (*rows_)[at(row)] / side, tile_column = (*columns_)[at(column)] / side;
        const auto& tile = get(std::max(tile_row, tile_column), std::min(tile_row, tile_column), cache);
        const Index row_start = std::max(tile_row, tile_column) * side,
                    column_start = std::min(tile_row, tile_column) * side;
        for (Index c = column; c < column + width; ++c)
          for (Index r = row; r < row + height; ++r) {
            const Index a = (*rows_)[at(r)], b = (*columns_)[at(c)];
            const auto value =
                static_cast<Scalar>(tile(std::max(a, b) - row_start, std::min(a, b) - column_start));
            if (!std::isfinite(value))
              throw DataError("the stored kernel of samples " + std::to_string(a) + " and " +
                              std::to_string(b) + " is not finite, or overflows float; fill the store anew");
            const Index to = (c - col0) * out.stride + r - row0;
            if (out.kernel) out.kernel[to] = value;
            if (out.prior) out.prior[to] = value;
          }
      });
    });
  }

  Eigen::VectorXd row_variances() const override {
    Cache cache;
    Eigen::VectorXd out(this->rows());
    const Index side = store_->header().tile;
    for (Index i = 0; i < out.size(); ++i) {
      const Index a = (*rows_)[at(i)];
      out[i] = static_cast<double>(get(a / side, a / side, cache)(a % side, a % side));
    }
    return out;
  }

 private:
  using Matrix = typename Store::Matrix;
  /// The tiles that were read last, the very last first.
  struct Cache final : Base::Workspace {
    std::list<std::pair<Index, Matrix>> tiles;
  };

  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  /// Calls work(first, count) for stretches of samples that lie in one row of tiles.
  template <class Work>
  void for_each_run(const std::vector<Index>& places, Index first, Index count, Work&& work) const {
    const Index side = store_->header().tile;
    for (Index i = first, next = first; i < first + count; i = next) {
      for (next = i + 1; next < first + count && places[at(next)] / side == places[at(i)] / side;) ++next;
      work(i, next - i);
    }
  }

  const Matrix& get(Index tile_row, Index tile_column, Cache& cache) const {
    const Index side = store_->header().tile, number = store_->number(tile_row, tile_column);
    const auto found = std::find_if(cache.tiles.begin(), cache.tiles.end(),
                                    [&](const auto& entry) { return entry.first == number; });
    if (found != cache.tiles.end()) {
      cache.tiles.splice(cache.tiles.begin(), cache.tiles, found);
      return cache.tiles.front().second;
    }
    // A strip of 4,096 rows comes column by column; of tiles of 512 it takes eight.
    constexpr double room = 1 << 24;
    const auto most = static_cast<std::size_t>(
        std::max(4.0, room / (sizeof(Stored) * static_cast<double>(side) * static_cast<double>(side))));
    Matrix tile;
    if (cache.tiles.size() >= most) {
      tile.swap(cache.tiles.back().second);
      cache.tiles.pop_back();
    }
    store_->read(number, tile);
    cache.tiles.emplace_front(number, std::move(tile));
    return cache.tiles.front().second;
  }

  std::shared_ptr<const Store> store_;
  Places rows_, columns_;
};

template <class Stored, class Scalar>
class Columns final : public TabulatedColumns<Scalar> {
 public:
  Columns(std::shared_ptr<const StoredMatrix<Stored>> store, const DataRef& x)
      : store_(std::move(store)), columns_(of(x)) {}
  std::shared_ptr<const KernelTiles<Scalar>> tiles(const DataRef* rows) const override {
    return std::make_shared<Tiles<Stored, Scalar>>(store_, rows ? of(*rows) : columns_, columns_);
  }

 private:
  std::shared_ptr<const std::vector<Index>> of(const DataRef& x) const {
    return std::make_shared<const std::vector<Index>>(places(x, store_->header().rows));
  }
  std::shared_ptr<const StoredMatrix<Stored>> store_;
  std::shared_ptr<const std::vector<Index>> columns_;
};

template <class Stored>
class Kernel final : public KernelInterface {
 public:
  explicit Kernel(const std::filesystem::path& directory)
      : store_(std::make_shared<const StoredMatrix<Stored>>(directory)) {
    if (store_->header().symmetry != TileSymmetry::symmetric)
      throw DataError("the store '" + directory.string() +
                      "' is not of one data set with itself; fill one of all samples, training and new ones");
  }
  std::shared_ptr<const TabulatedColumns<double>> in_double(const DataRef& x) const override {
    return std::make_shared<Columns<Stored, double>>(store_, x);
  }
  std::shared_ptr<const TabulatedColumns<float>> in_float(const DataRef& x) const override {
    return std::make_shared<Columns<Stored, float>>(store_, x);
  }
  std::string description() const override {
    return store_->header().kernel + " in the store '" + store_->directory().string() + "'";
  }
  double epsilon() const override {
    return std::is_same_v<Stored, float> || store_->header().arithmetic == "float"
               ? static_cast<double>(std::numeric_limits<float>::epsilon())
               : std::numeric_limits<double>::epsilon();
  }

 private:
  std::shared_ptr<const StoredMatrix<Stored>> store_;
};

}  // namespace stored_kernel_detail

/// The symmetric kernel matrix in a tile store as a kernel on its indices, read tile by tile when values are
/// asked for: kernels that no memory holds, and those that took days. A sample is a row with one number, 0 to
/// n - 1, its place in the matrix. Each tile is checked whenever it is read.
///
/// \code
/// const auto k = sst::stored_kernel("gram");   // filled by a TileStore, or gram_store
/// auto model = sst::fit(k, Eigen::VectorXd::LinSpaced(30000, 0, 29999), y, sst::Ridge::relative(1e-3),
///                       {.solver = sst::Solver::conjugate_gradients, .memory = 2e9});
/// \endcode
/// It is its own prior. Conjugate gradients keep what memory has room for and read the rest anew for every
/// product: fastest where the store's tiles have 512 rows, or a half, a quarter of that. A thread holds 16
/// MiB of tiles, or four tiles. Throws DataError for a directory that holds no such store; what reads it
/// throws DataError for tiles that are missing or damaged.
inline KernelFunction stored_kernel(const std::filesystem::path& directory) {
  if (read_store_header(directory).scalar == store_detail::scalar_name<float>())
    return KernelFunction(std::make_shared<const stored_kernel_detail::Kernel<float>>(directory));
  return KernelFunction(std::make_shared<const stored_kernel_detail::Kernel<double>>(directory));
}

}  // namespace SST_ABI
}  // namespace sst
