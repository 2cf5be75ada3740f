// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <sst/engine/images/image_table.hpp>
#include <sst/engine/images/machine.hpp>
#include <sst/engine/images/pool_map.hpp>
#include <sst/engine/images/table.hpp>
#include <sst/error.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/images/program.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Fills tables where variances are made of covariances of an image with itself. Those are found by a machine
/// for the same images left and right, which in turn reads the variances before: table and machine take steps
/// in turn, and a variable comes as soon as what it is made of is there.
class OwnCovariances {
 public:
  /// program: of the plan, without tangents. Keeps references to all.
  OwnCovariances(const SpatialPlan& plan, const Program& program, const PoolMaps& maps)
      : plan_(plan), program_(program), machine_(plan, program, maps, 1) {}

  /// Bytes that this takes.
  static double bytes(const Program& program) { return Machine<double, Left::own>::bytes(program, 1); }

  /// All variables of a table that `filler` has started.
  void fill(TableFiller& filler, const ImageTable<double>& table) {
    const std::vector<unsigned char> same(lanes<double>, 1);
    const ImageTable<double>* left = &table;
    machine_.begin(&left, 1, table, same.data());
    filled_.assign(plan_.base.variables.size(), false);
    for (const Pass& pass : program_.passes) {
      fill_those(filler, [&](Index v) { return plan_.stages[v] < pass.stage; });
      const auto of_pass = [&](Index v) {
        return plan_.stages[v] == pass.stage && plan_.grids[v] == pass.grid;
      };
      for (const Item& item : pass.items) {
        const auto [first, last] = std::minmax(plan_.pairs[item.pair].left, plan_.pairs[item.pair].right);
        if (item.scatter)  // flattened variables bring the weights of their sums
          fill_those(filler, [&](Index v) { return v == first || v == last; });
        else
          fill_those(filler, [&](Index v) { return v <= last && of_pass(v); });
        machine_.run(pass, item, 0);
      }
      fill_those(filler, of_pass);
      for (const Index d : pass.displacements)
        if (d != 0) machine_.run(pass, d);
    }
    fill_those(filler, [](Index) { return true; });
  }

 private:
  /// Those that are not there yet, of which those before them are.
  template <class Which>
  void fill_those(TableFiller& filler, Which&& which) {
    for (Index v = 0; v < filled_.size(); ++v)
      if (!filled_[v] && which(v)) {
        filler.fill(v, [this](Index left, Index right) { return plane(left, right); });
        filled_[v] = true;
      }
  }

  /// (1 - c)/2 of two variables at p = p', positions x lanes; valid until the next one.
  const double* plane(Index left, Index right) {
    constexpr Index width = lanes<double>;
    const auto& pairs = plan_.pairs;
    const auto pair = std::find_if(pairs.begin(), pairs.end(),
                                   [&](const Pair& p) { return p.left == left && p.right == right; });
    if (pair == pairs.end())
      throw Error("internal: no covariance of '" + plan_.variable(left).name + "' and '" +
                  plan_.variable(right).name + "'");
    const double* from = machine_.half(static_cast<Index>(pair - pairs.begin()), 0);
    plane_.resize(pair->grid.size() * width);
    for (Index p = 0; p < pair->grid.size(); ++p)
      std::copy_n(from + p * Machine<double, Left::own>::pitch, width,
                  plane_.begin() + static_cast<std::ptrdiff_t>(p * width));
    return plane_.data();
  }

  const SpatialPlan& plan_;
  const Program& program_;
  Machine<double, Left::own> machine_;
  std::vector<bool> filled_;   ///< of each variable
  std::vector<double> plane_;  ///< the last one asked for
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
