// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/parallel.hpp>
#include <sst/engine/images/image_engine.hpp>
#include <sst/engine/images/machine.hpp>
#include <sst/engine/images/pool_map.hpp>
#include <sst/engine/images/tables.hpp>
#include <sst/error.hpp>
#include <sst/plan/images/compile.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/images/program.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// One range of images against another: the tables of their numbers, and machines that run over these.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Computes tiles of kernels of images in the arithmetic of Scalar. Immutable: threads can share one.
template <class Scalar>
class TileEngine final : public ImageEngine {
 public:
  /// Compiles the topology. Throws NoClosedForm and TopologyError as `compile` does.
  TileEngine(const Topology& topology, Kernel kernel, const ImageShape& shape)
      : topology_(topology),
        plan_(compile(topology, kernel, shape)),
        program_(Programmer(plan_, true).write()),
        maps_(plan_),
        tabulator_(topology_, plan_, maps_) {
    // The right images' weights stream through the caches once for all left ones whose planes stay in there.
    const auto each = static_cast<double>(program_.planes * program_.plane_size * 2 * L * sizeof(Scalar));
    batch_ = static_cast<Index>(std::clamp(double{1 << 17} / std::max(each, 1.0), 1.0, 8.0));
  }
  TileEngine(const TileEngine&) = delete;
  TileEngine& operator=(const TileEngine&) = delete;

  const SpatialPlan& plan() const override { return plan_; }
  double bytes(Index left, Index right, Index threads) const override {
    // Of each image on its side of the tile, and of one side as it is tabulated.
    const double total = static_cast<double>(left + right) * table_bytes(plan_, sizeof(Scalar)) +
                         static_cast<double>(std::max(left, right)) * table_bytes(plan_, sizeof(double));
    const double machine =
        std::max(Machine<Scalar, Left::one>::bytes(program_, batch_), tabulator_.machine_bytes());
    return total + static_cast<double>(threads) * machine;
  }

  Eigen::VectorXd variances(const ImageRange& range, int threads) const override {
    Eigen::VectorXd out(static_cast<Eigen::Index>(range.count));
    constexpr Index some = 64 * lanes<double>;  // tables are large
    for (Index first = 0; first < range.count; first += some) {
      const ImageRange part{range.x, range.first + first, std::min(some, range.count - first)};
      evaluate(
          part, part, [](Index i, Index j) { return i == j; },
          [&](Index i, Index, double k, double) { out[static_cast<Eigen::Index>(i - range.first)] = k; },
          threads);
    }
    return out;
  }

  void evaluate(const ImageRange& left, const ImageRange& right, const Wanted& wanted, const Store& store,
                int threads, const Report& report = {}) const override {
    const bool one = left.x == right.x && left.first == right.first && left.count == right.count;
    std::vector<ImageTable<Scalar>> singles(left.count), blocks((right.count + L - 1) / L);
    {
      Tables tables = tabulator_.tables(left, threads);
      detail::parallel(tables.size(), threads, [&](Index k) {
        const Index first = k * lanes<double>;
        spread(plan_, tables[k], singles.data() + first, std::min(lanes<double>, left.count - first));
      });
      if (!one) {
        tables.clear();  // they are large
        tables = tabulator_.tables(right, threads);
      }
      detail::parallel(blocks.size(), threads,
                       [&](Index b) { blocks[b] = join<Scalar>(plan_, tables, b * L, right.count); });
    }

    struct Part {
      std::vector<Index> left;
      Index block;
    };
    std::vector<Part> parts;
    for (Index block = 0; block < blocks.size(); ++block) {
      const Index end = std::min(right.count, (block + 1) * L);
      std::vector<Index> some;
      for (Index i = 0; i < left.count; ++i) {
        bool any = false;
        for (Index j = block * L; j < end && !any; ++j) any = wanted(left.first + i, right.first + j);
        if (any) some.push_back(i);
        if (!some.empty() && (some.size() == batch_ || i + 1 == left.count)) {
          parts.push_back({some, block});
          some.clear();
        }
      }
    }
    detail::workers<Machine<Scalar, Left::one>>(
        parts.size(), threads,
        [&] { return std::make_unique<Machine<Scalar, Left::one>>(plan_, program_, maps_, batch_); },
        [&](Machine<Scalar, Left::one>& machine, Index k) {
          const Part& part = parts[k];
          std::vector<const ImageTable<Scalar>*> images;
          std::vector<unsigned char> same(part.left.size() * L, 0);
          const Index end = std::min(right.count, (part.block + 1) * L);
          for (Index b = 0; b < part.left.size(); ++b) {
            images.push_back(&singles[part.left[b]]);
            for (Index j = part.block * L; j < end; ++j)
              same[b * L + j - part.block * L] = same_image(left, part.left[b], right, j);
          }
          machine.begin(images.data(), images.size(), blocks[part.block], same.data());
          machine.run();
          Index entries = 0;
          for (Index b = 0; b < part.left.size(); ++b) {
            const auto [half, tangent] = machine.result(b);
            for (Index j = part.block * L; j < end; ++j) {
              const Index i = left.first + part.left[b], l = j - part.block * L;
              if (!wanted(i, right.first + j)) continue;
              const double scale = singles[part.left[b]].scale[0] * blocks[part.block].scale[l];
              store(i, right.first + j, scale * (1 - 2 * static_cast<double>(half[l])),
                    tangent ? scale * static_cast<double>(tangent[l]) : 0.0);
              ++entries;
            }
          }
          if (report) report(entries);
        });
  }

 private:
  static constexpr Index L = lanes<Scalar>;

  Topology topology_;
  SpatialPlan plan_;
  Program program_;
  PoolMaps maps_;
  Tabulator tabulator_;
  Index batch_ = 1;
};

template <class Scalar>
std::unique_ptr<const ImageEngine> image_engine(const Topology& topology, Kernel kernel,
                                                const ImageShape& shape) {
  auto engine = std::make_unique<const TileEngine<Scalar>>(topology, kernel, shape);
  if (std::is_same_v<Scalar, float> && !engine->plan().angular_only)
    return std::make_unique<const TileEngine<double>>(topology, kernel, shape);
  return engine;
}

/// What instantiate.hpp compiles of this header, for the other files of a program.
#define SST_IMAGE_TEMPLATES(Scalar)                                                         \
  template std::unique_ptr<const ImageEngine> image_engine<Scalar>(const Topology&, Kernel, \
                                                                   const ImageShape&);

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
