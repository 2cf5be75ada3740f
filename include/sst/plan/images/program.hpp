// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include <sst/plan/images/plan.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// One thing to do with a row of a plane: compute a pair's, or add it to the sums of a pair of a later pass.
struct Item {
  Index pair;            ///< which one
  bool scatter = false;  ///< its row is added to the sums
};

/// All that happens to the planes of one grid between two changes of grid: each displacement passes through
/// all groups, each group row by row.
struct Pass {
  Index stage;                            ///< its number in the order of passes; several grids can have one
  Grid grid;                              ///< the positions of its planes
  std::vector<Index> displacements;       ///< those that are needed by some pair
  std::vector<Item> items;                ///< in the order in which they run
  std::vector<std::vector<Item>> groups;  ///< the items, cut where whole planes have to be ready
};

/// Where a pair's numbers are while a pass runs.
struct Storage {
  /// A `row` that is used at once, a `plane` that lives for one displacement, or `kept` planes of all needed
  /// displacements.
  enum class Kind { row, plane, kept } kind = Kind::row;  ///< where
  Index slot = none;  ///< of rows or planes; of kept pairs: the first plane
};

/// A plan in the order in which it runs, and the memory it takes. All sizes are in positions.
struct Program {
  std::vector<Pass> passes;                  ///< in order
  std::vector<Storage> storage;              ///< of each pair
  std::vector<std::vector<Index>> plane_of;  ///< of kept pairs and of sums: displacement -> which plane
  std::vector<Index> sums;                   ///< where a pair's sums begin; none
  Index rows = 0, row_size = 0;              ///< row slots, and the longest row
  Index planes = 0, plane_size = 0;          ///< plane slots, and the largest plane
  Index kept = 0, summed = 0;                ///< positions that are kept and that are summed into
};

/// The pairs whose planes a step reads.
inline std::vector<Index> inputs_of(const Step& step) {
  if (const auto* linear = std::get_if<LinearStep>(&step)) {
    std::vector<Index> all;
    for (const auto& t : linear->terms)
      if (t.in != none) all.push_back(t.in);
    return all;
  }
  if (const auto* angular = std::get_if<AngularStep>(&step)) return {angular->map.in};
  if (const auto* dual = std::get_if<DualStep>(&step)) return {dual->map.in};
  if (const auto* window = std::get_if<WindowStep>(&step)) return {window->in};
  if (const auto* pool = std::get_if<PoolStep>(&step)) return {pool->in};
  if (const auto* flat = std::get_if<FlattenStep>(&step)) return {flat->in};
  if (const auto* exact = std::get_if<ExactStep>(&step)) return {exact->in};
  return {};
}

/// Whether a step sums over positions, and so takes all displacements before it is done.
inline bool is_sum(const Step& step) {
  return std::holds_alternative<PoolStep>(step) || std::holds_alternative<FlattenStep>(step);
}

/// Orders a plan's steps. `shared`: pairs share memory where their lives do not overlap.
class Programmer {
 public:
  /// Keeps a reference to the plan.
  Programmer(const SpatialPlan& plan, bool shared) : plan_(plan), shared_(shared) {}

  /// The program; to be called once.
  Program write() {
    order();
    for (Pass& pass : program_.passes) group(pass);
    store();
    return std::move(program_);
  }

 private:
  bool planar_window(Index pair) const {
    return std::holds_alternative<WindowStep>(plan_.pairs[pair].step) &&
           plan_.windows[plan_.pairs[pair].left].planar();
  }

  void order() {
    std::map<std::pair<Index, std::pair<Index, Index>>, Index> index;
    for (const Pair& p : plan_.pairs) index[{p.stage, {p.grid.height, p.grid.width}}] = 0;
    for (auto& [key, number] : index) {
      number = program_.passes.size();
      program_.passes.push_back({key.first, {key.second.first, key.second.second}, {}, {}, {}});
    }
    pass_of_.resize(plan_.pairs.size());
    for (Index i = 0; i < plan_.pairs.size(); ++i) {
      const Pair& p = plan_.pairs[i];
      pass_of_[i] = index.at({p.stage, {p.grid.height, p.grid.width}});
      program_.passes[pass_of_[i]].items.push_back({i});
    }
    // Sums take a plane as soon as it is there.
    for (Index i = plan_.pairs.size(); i-- > 0;) {
      if (!is_sum(plan_.pairs[i].step)) continue;
      const Index in = inputs_of(plan_.pairs[i].step)[0];
      auto& items = program_.passes[pass_of_[in]].items;
      const auto at =
          std::find_if(items.begin(), items.end(), [&](const Item& x) { return x.pair == in && !x.scatter; });
      items.insert(std::next(at), {i, true});
    }
    for (Pass& pass : program_.passes)
      for (Index d = 0; d < pass.grid.size(); ++d)
        if (std::any_of(pass.items.begin(), pass.items.end(), [&](const Item& x) { return needs(x, d); }))
          pass.displacements.push_back(d);
  }

  bool needs(const Item& item, Index d) const {
    const Pair& p = plan_.pairs[item.pair];
    if (!item.scatter) return p.needed[d] != 0;
    return plan_.pairs[inputs_of(p.step)[0]].needed[d] != 0;
  }

  /// A window needs whole planes, so it starts a group where its input is made in the one before.
  void group(Pass& pass) {
    group_of_.resize(plan_.pairs.size(), none);
    pass.groups.emplace_back();
    for (const Item& item : pass.items) {
      const Index current = pass.groups.size() - 1;
      if (!item.scatter && planar_window(item.pair) &&
          group_of_[std::get<WindowStep>(plan_.pairs[item.pair].step).in] == current &&
          pass_of_[std::get<WindowStep>(plan_.pairs[item.pair].step).in] == pass_of_[item.pair])
        pass.groups.emplace_back();
      pass.groups.back().push_back(item);
      if (!item.scatter) group_of_[item.pair] = pass.groups.size() - 1;
    }
  }

  void store() {
    const Index count = plan_.pairs.size();
    program_.storage.resize(count);
    program_.plane_of.resize(count);
    program_.sums.assign(count, none);
    std::vector<Index> last(count, 0);
    std::vector<Index> uses(count, 0);
    std::vector<bool> whole(count, false), circular(count, false), kept(count, false);
    for (Index i = 0; i < count; ++i) {
      last[i] = group_of_[i];
      for (const Index in : inputs_of(plan_.pairs[i].step)) {
        ++uses[in];
        if (is_sum(plan_.pairs[i].step)) continue;  // summed where it is made
        if (pass_of_[in] != pass_of_[i]) {
          kept[in] = true;
        } else {
          last[in] = std::max(last[in], group_of_[i]);
          whole[in] = whole[in] || group_of_[i] != group_of_[in] || planar_window(i);
          if (planar_window(i)) {
            const Window& w = plan_.windows[plan_.pairs[i].left].window;
            circular[in] = circular[in] || w[0].wrap;
          }
        }
      }
      if (is_sum(plan_.pairs[i].step)) {
        program_.sums[i] = program_.summed;
        program_.summed += number_planes(i) * plan_.pairs[i].grid.size();
      }
    }
    kept[plan_.result] = true;
    for (Index i = 0; i < count; ++i) {
      if (!kept[i]) continue;
      const Index first = program_.kept;
      const Index planes = number_planes(i);
      program_.storage[i] = {Storage::Kind::kept, first};
      program_.kept += planes * plan_.pairs[i].grid.size();
    }
    for (const Pass& pass : program_.passes) {
      program_.row_size = std::max(program_.row_size, pass.grid.width);
      program_.plane_size = std::max(program_.plane_size, pass.grid.size());
      std::vector<Index> free_planes, free_rows;
      Index planes = 0, rows = 0;
      std::vector<std::pair<Index, Index>> living;  // (last group, slot)
      const auto take = [](std::vector<Index>& free, Index& total) {
        if (free.empty()) return total++;
        const Index slot = free.back();
        free.pop_back();
        return slot;
      };
      for (Index g = 0; g < pass.groups.size(); ++g) {
        // A plane that one window alone reads, ahead of the row that is written, can be written over.
        const auto release = [&](auto&& over) {
          for (auto it = living.begin(); shared_ && it != living.end();) {
            if (!over(*it)) {
              ++it;
              continue;
            }
            free_planes.push_back(program_.storage[it->second].slot);
            it = living.erase(it);
          }
        };
        release([&](const auto& l) {
          return l.first < g || (l.first == g && uses[l.second] == 1 && !circular[l.second] &&
                                 group_of_[l.second] < g && consumed_by_window(l.second, pass.groups[g]));
        });
        Index in_group = 0;
        for (const Item& item : pass.groups[g]) {
          if (item.scatter || program_.storage[item.pair].kind == Storage::Kind::kept) continue;
          if (whole[item.pair] || !shared_) {
            program_.storage[item.pair] = {Storage::Kind::plane, take(free_planes, planes)};
            living.emplace_back(last[item.pair], item.pair);
          } else {
            program_.storage[item.pair] = {Storage::Kind::row, in_group++};
          }
        }
        rows = std::max(rows, in_group);
      }
      program_.planes = std::max(program_.planes, planes);
      program_.rows = std::max(program_.rows, rows);
    }
  }

  bool consumed_by_window(Index pair, const std::vector<Item>& items) const {
    return std::any_of(items.begin(), items.end(), [&](const Item& x) {
      return !x.scatter && planar_window(x.pair) && std::get<WindowStep>(plan_.pairs[x.pair].step).in == pair;
    });
  }

  Index number_planes(Index pair) {
    auto& number = program_.plane_of[pair];
    number.assign(plan_.pairs[pair].grid.size(), none);
    Index next = 0;
    for (Index d = 0; d < number.size(); ++d)
      if (plan_.pairs[pair].needed[d]) number[d] = next++;
    return next;
  }

  const SpatialPlan& plan_;
  bool shared_;
  Program program_;
  std::vector<Index> pass_of_, group_of_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
