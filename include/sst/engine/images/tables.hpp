// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/parallel.hpp>
#include <sst/engine/images/image_range.hpp>
#include <sst/engine/images/image_table.hpp>
#include <sst/engine/images/own_covariances.hpp>
#include <sst/engine/images/pool_map.hpp>
#include <sst/engine/images/table.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/images/program.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// The tables of ranges of images, and how one side of a kernel takes images from them.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Tables of lanes<double> images each.
using Tables = std::vector<ImageTable<double>>;

/// Whether image i of one range and image j of the other have the same numbers.
inline bool same_image(const ImageRange& a, Index i, const ImageRange& b, Index j) {
  const auto p = static_cast<Eigen::Index>(a.first + i), q = static_cast<Eigen::Index>(b.first + j);
  if (a.x == b.x && p == q) return true;
  for (Eigen::Index k = 0; k < a.x->cols(); ++k)
    if ((*a.x)(p, k) != (*b.x)(q, k)) return false;
  return true;
}

/// Makes tables for a plan.
class Tabulator {
 public:
  /// Keeps references to all.
  Tabulator(const Topology& topology, const SpatialPlan& plan, const PoolMaps& maps)
      : topology_(topology), plan_(plan), maps_(maps) {
    if (plan.own_covariances) own_program_ = Programmer(plan, false).write();
  }
  Tabulator(const Tabulator&) = delete;
  Tabulator& operator=(const Tabulator&) = delete;

  /// Bytes that a thread takes beside the tables.
  double machine_bytes() const { return plan_.own_covariances ? OwnCovariances::bytes(own_program_) : 0; }

  /// The tables of a range, lanes<double> images each. Pixels of norm 0 get the norm `least`. Throws
  /// DataError, with image and node, for a variance that overflows.
  Tables tables(const ImageRange& range, int threads, double least = 0) const {
    constexpr Index width = lanes<double>;
    Tables all((range.count + width - 1) / width);
    using Own = std::optional<OwnCovariances>;
    detail::workers<Own>(
        all.size(), threads,
        [&] {
          return plan_.own_covariances ? std::make_unique<Own>(std::in_place, plan_, own_program_, maps_)
                                       : std::make_unique<Own>();
        },
        [&](Own& own, Index k) {
          TableFiller filler(topology_, plan_, all[k]);
          filler.start(*range.x, range.first + k * width, std::min(width, range.count - k * width), least);
          if (own)
            own->fill(filler, all[k]);
          else
            for (Index v = 0; v < plan_.base.variables.size(); ++v) filler.fill(v, {});
        });
    return all;
  }

 private:
  const Topology& topology_;
  const SpatialPlan& plan_;
  const PoolMaps& maps_;
  Program own_program_;
};

/// f of what a table is made of: of that of doubles, and of that of the arithmetic.
template <class Scalar, class F>
void for_members(F&& f) {
  using From = ImageTable<double>;
  using To = ImageTable<Scalar>;
  f(std::pair{&From::columns, &To::columns});
  f(std::pair{&From::unit, &To::unit});
  f(std::pair{&From::centred, &To::centred});
}

/// The images of a table one by one, in the arithmetic's scalar.
template <class Scalar>
void spread(const SpatialPlan& plan, const ImageTable<double>& from, ImageTable<Scalar>* to, Index count) {
  for (Index l = 0; l < count; ++l) {
    to[l].shape(plan, 1);
    to[l].scale[0] = from.scale[l];
  }
  const auto copy = [&](auto member) {
    const double* a = (from.*member.first).data();
    for (Index i = 0; i < (to[0].*member.second).size(); ++i)
      for (Index l = 0; l < count; ++l)
        (to[l].*member.second)[i] = static_cast<Scalar>(a[i * lanes<double> + l]);
  };
  for_members<Scalar>(copy);
}

/// The images from `first` on side by side; lanes beyond `end` are black.
template <class Scalar>
ImageTable<Scalar> join(const SpatialPlan& plan, const Tables& from, Index first, Index end) {
  constexpr Index per = lanes<double>, L = lanes<Scalar>;
  ImageTable<Scalar> to;
  to.shape(plan, L);
  for (Index start = 0; start < L && first + start < end; start += per) {
    const ImageTable<double>& table = from[(first + start) / per];
    const Index lane = (first + start) % per, count = std::min({per - lane, L - start, end - first - start});
    std::copy_n(table.scale.begin() + static_cast<std::ptrdiff_t>(lane), count,
                to.scale.begin() + static_cast<std::ptrdiff_t>(start));
    for_members<Scalar>([&](auto member) {
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

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
