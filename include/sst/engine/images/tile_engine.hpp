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
#include <sst/engine/images/table.hpp>
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
        maps_(plan_) {
    if (plan_.own_covariances) own_program_ = Programmer(plan_, false).write();
    // The right images' weights stream through the caches once for all left ones whose planes stay in there.
    const auto each = static_cast<double>(program_.planes * program_.plane_size * 2 * L * sizeof(Scalar));
    batch_ = static_cast<Index>(std::clamp(double{1 << 17} / std::max(each, 1.0), 1.0, 8.0));
  }
  TileEngine(const TileEngine&) = delete;
  TileEngine& operator=(const TileEngine&) = delete;

  const SpatialPlan& plan() const override { return plan_; }
  double bytes(Index images, Index threads) const override {
    double total = static_cast<double>(images) *
                   (table_bytes(plan_, sizeof(double)) + 2 * table_bytes(plan_, sizeof(Scalar)));
    double machine = Machine<Scalar, Left::one>::bytes(program_, batch_);
    if (plan_.own_covariances)
      machine = std::max(machine, Machine<double, Left::own>::bytes(own_program_, 1));
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
    const Tables left_tables = tables(left, threads);
    const bool one = left.x == right.x && left.first == right.first && left.count == right.count;
    const Tables right_tables = one ? Tables{} : tables(right, threads);
    const Tables& lanes_from = one ? left_tables : right_tables;

    std::vector<ImageTable<Scalar>> singles(left.count), blocks((right.count + L - 1) / L);
    detail::parallel(left_tables.size(), threads, [&](Index k) {
      const Index first = k * lanes<double>;
      spread(left_tables[k], singles.data() + first, std::min(lanes<double>, left.count - first));
    });
    detail::parallel(blocks.size(), threads,
                     [&](Index b) { blocks[b] = join(lanes_from, b * L, right.count); });

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
              same[b * L + j - part.block * L] = equal(left, part.left[b], right, j);
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
  using Tables = std::vector<ImageTable<double>>;

  static bool equal(const ImageRange& a, Index i, const ImageRange& b, Index j) {
    const auto p = static_cast<Eigen::Index>(a.first + i), q = static_cast<Eigen::Index>(b.first + j);
    if (a.x == b.x && p == q) return true;
    for (Eigen::Index k = 0; k < a.x->cols(); ++k)
      if ((*a.x)(p, k) != (*b.x)(q, k)) return false;
    return true;
  }

  /// The tables of a range, lanes<double> images each.
  Tables tables(const ImageRange& range, int threads) const {
    constexpr Index width = lanes<double>;
    Tables all((range.count + width - 1) / width);
    detail::workers<Own>(
        all.size(), threads, [&] { return std::make_unique<Own>(); },
        [&](Own& own, Index k) {
          TableFiller filler(topology_, plan_, all[k]);
          filler.start(*range.x, range.first + k * width, std::min(width, range.count - k * width));
          if (plan_.own_covariances)
            fill_with_own(filler, all[k], own);
          else
            for (Index v = 0; v < plan_.base.variables.size(); ++v) filler.fill(v, {});
        });
    return all;
  }

  using Own = std::optional<Machine<double, Left::own>>;

  /// Variances that take covariances of an image with itself come as soon as these are there.
  void fill_with_own(TableFiller& filler, ImageTable<double>& table, Own& own) const {
    if (!own) own.emplace(plan_, own_program_, maps_, 1);
    const std::vector<unsigned char> same(lanes<double>, 1);
    const ImageTable<double>* left = &table;
    own->begin(&left, 1, table, same.data());
    constexpr Index L2 = lanes<double>;
    std::vector<double> half;
    const auto plane = [&](Index u, Index v) {
      for (Index i = 0; i < plan_.pairs.size(); ++i)
        if (plan_.pairs[i].left == u && plan_.pairs[i].right == v) {
          const double* from = own->half(i, 0);
          half.resize(plan_.pairs[i].grid.size() * L2);
          for (Index p = 0; p < plan_.pairs[i].grid.size(); ++p)
            std::copy_n(from + p * Machine<double, Left::own>::pitch, L2,
                        half.begin() + static_cast<std::ptrdiff_t>(p * L2));
          return static_cast<const double*>(half.data());
        }
      throw Error("internal: no covariance of '" + plan_.variable(u).name + "' and '" +
                  plan_.variable(v).name + "'");
    };
    std::vector<bool> filled(plan_.base.variables.size(), false);
    const auto fill = [&](auto&& which) {
      for (Index v = 0; v < filled.size(); ++v)
        if (!filled[v] && which(v)) {
          filler.fill(v, plane);
          filled[v] = true;
        }
    };
    for (const Pass& pass : own_program_.passes) {
      fill([&](Index v) { return plan_.stages[v] < pass.stage; });
      const auto here = [&](Index v) { return plan_.stages[v] == pass.stage && plan_.grids[v] == pass.grid; };
      for (const Item& item : pass.items) {
        const Pair& pair = plan_.pairs[item.pair];
        if (item.scatter)  // flattened variables bring the weights of their sums
          fill([&](Index v) { return v == pair.left || v == pair.right; });
        else
          fill([&](Index v) { return v <= std::max(pair.left, pair.right) && here(v); });
        own->run(pass, item, 0);
      }
      fill(here);
      for (const Index d : pass.displacements)
        if (d != 0) own->run(pass, d);
    }
    fill([](Index) { return true; });
  }

  /// The images of a table one by one, in the arithmetic's scalar.
  void spread(const ImageTable<double>& from, ImageTable<Scalar>* to, Index count) const {
    for (Index l = 0; l < count; ++l) {
      to[l].shape(plan_, 1);
      to[l].scale[0] = from.scale[l];
    }
    const auto copy = [&](auto member) {
      const double* a = (from.*member.first).data();
      for (Index i = 0; i < (to[0].*member.second).size(); ++i)
        for (Index l = 0; l < count; ++l)
          (to[l].*member.second)[i] = static_cast<Scalar>(a[i * lanes<double> + l]);
    };
    for_members(copy);
  }

  /// The images from `first` on side by side; lanes beyond `end` are black.
  ImageTable<Scalar> join(const Tables& from, Index first, Index end) const {
    constexpr Index per = lanes<double>;
    ImageTable<Scalar> to;
    to.shape(plan_, L);
    for (Index start = 0; start < L && first + start < end; start += per) {
      const ImageTable<double>& table = from[(first + start) / per];
      const Index lane = (first + start) % per,
                  count = std::min({per - lane, L - start, end - first - start});
      std::copy_n(table.scale.begin() + static_cast<std::ptrdiff_t>(lane), count,
                  to.scale.begin() + static_cast<std::ptrdiff_t>(start));
      for_members([&](auto member) {
        const Index numbers = (to.*member.second).size() / L;
        if (numbers == 0) return;  // no layer norm, nothing centred: no memory to point into
        const double* a = (table.*member.first).data() + lane;
        Scalar* b = (to.*member.second).data() + start;
        for (Index i = 0; i < numbers; ++i)
          for (Index l = 0; l < count; ++l) b[i * L + l] = static_cast<Scalar>(a[i * per + l]);
      });
    }
    return to;
  }

  /// f of what a table is made of: of that of doubles, and of that of the arithmetic.
  template <class F>
  static void for_members(F&& f) {
    using From = ImageTable<double>;
    using To = ImageTable<Scalar>;
    f(std::pair{&From::columns, &To::columns});
    f(std::pair{&From::unit, &To::unit});
    f(std::pair{&From::centred, &To::centred});
  }

  Topology topology_;
  SpatialPlan plan_;
  Program program_, own_program_;
  PoolMaps maps_;
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
