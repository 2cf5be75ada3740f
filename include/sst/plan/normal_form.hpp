// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sst/error.hpp>
#include <sst/plan/plan.hpp>
#include <sst/plan/variables.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// Step 1 of compiling: every node that reaches the output as variables, in normal form.
///
/// On images every source has its fan-in as a variable.
class NormalForm : public Variables {
 public:
  /// What the samples are: `rows` of a table, or `images`, whose variables have positions.
  enum class Samples { rows, images };

  /// Finds the variables of all nodes that the output needs and adds them to `plan`. Throws TopologyError,
  /// with the node's name, where there is no closed form.
  NormalForm(const Topology& topology, Plan& plan, Samples samples = Samples::rows)
      : Variables(topology, plan), images_(samples == Samples::images) {
    values_.resize(topology.nodes().size());
    for (const Index node : reachable()) values_[node] = evaluate(node);
  }

  /// What a node is, one value for each of its channel blocks.
  const std::vector<Value>& value(Index node) const { return values_[node]; }
  /// What a source multiplies, one value for each channel block.
  const std::vector<Value>& fan_in(Index source) const { return sources_.at(source).fan_in; }
  /// The sources that have this one's weights, itself among them.
  const std::vector<Index>& group(Index source) const { return groups_.at(sources_.at(source).group); }
  /// Whether other sources have this one's weights.
  bool tied(Index source) const { return group_of(source) != none && group(source).size() > 1; }
  /// Whether two sources have the same weights.
  bool same_group(Index a, Index b) const { return group_of(a) != none && group_of(a) == group_of(b); }

  /// The output as one variable.
  Index output() {
    const Index node = topology_.output();
    std::vector<Value> blocks = values_[node];
    if (images_) flatten(node, blocks);
    if (blocks.size() == 1 && blocks[0].constant.zero() && blocks[0].factor == 1) return blocks[0].variable;
    const Index readout = add(VariableKind::readout, node);
    plan_.variables[readout].expansions.push_back(blockwise(blocks, topology_.blocks(node), 1.0, 0.0));
    inherit(readout, blocks);
    return readout;
  }

  /// The gradient independence that the NTK's closed form rests on asks for a read-out of its own. Throws
  /// NoClosedForm, with the node, where the variable `output` is made of a source with shared weights.
  void refuse_tied_readout(Index output) const {
    std::vector<Index> stack{output};
    std::set<Index> seen;
    while (!stack.empty()) {
      const Index v = stack.back();
      stack.pop_back();
      if (!seen.insert(v).second) continue;
      const Variable& variable = plan_.variables[v];
      if (variable.kind == VariableKind::source) {
        if (!tied(v)) continue;
        const NodeSpec& node = topology_.nodes()[variable.node];
        const auto* dense = std::get_if<DenseOp>(&node.operation);
        throw NoClosedForm(
            "node '" + node.name + "' (" + operation_name(node.operation) +
            ") is part of the output and shares weights '" +
            (dense ? dense->weights : std::get<ConvOp>(node.operation).weights) +
            "' with another node, so the NTK has no closed form (its NNGP has); give the read-out "
            "weights of its own");
      }
      if (!variable.expansions.empty())
        for (const Term& term : variable.expansions.front().terms) stack.push_back(term.variable);
      else if (variable.argument != none)
        stack.push_back(variable.argument);
    }
  }

  /// Throws NoClosedForm, with the node, where an activation has no NTK.
  void refuse_ntk_obstacle(Index activated) const {
    const Variable& v = plan_.variables[activated];
    const std::string why = v.activation->ntk_obstacle();
    if (!why.empty())
      throw NoClosedForm("node '" + topology_.nodes()[v.node].name + "' (" + v.activation->name() +
                         ") has no NTK: " + why + "; ask for the NNGP");
  }

 private:
  struct Source {
    Index group = none;         // of those that share its weights
    std::vector<Value> fan_in;  // what it multiplies
  };
  Index group_of(Index variable) const {
    const auto known = sources_.find(variable);
    return known == sources_.end() ? none : known->second.group;
  }

  /// The nodes that the output needs, inputs first, in an order that does not depend on how the nodes
  /// are listed (so neither does any bit of the result).
  std::vector<Index> reachable() const {
    const auto& nodes = topology_.nodes();
    std::vector<Index> order;
    std::vector<std::pair<Index, Index>> stack{{topology_.output(), 0}};
    std::vector<bool> seen(nodes.size(), false);
    seen[topology_.output()] = true;
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next == nodes[node].inputs.size()) {
        order.push_back(node);
        stack.pop_back();
        continue;
      }
      const Index input = nodes[node].inputs[next++];
      if (!seen[input]) {
        seen[input] = true;
        stack.emplace_back(input, 0);
      }
    }
    return order;
  }

  [[noreturn]] void fail(Index node, const std::string& problem) const {
    const auto& spec = topology_.nodes()[node];
    throw NoClosedForm("node '" + spec.name + "' (" + operation_name(spec.operation) +
                       ") has no closed form: " + problem);
  }

  std::vector<Value> evaluate(Index node) {
    const NodeSpec& spec = topology_.nodes()[node];
    return std::visit(detail::Overloaded{
                          [&](const InputOp&) { return std::vector<Value>{{input(node)}}; },
                          [&](const DenseOp& op) { return std::vector<Value>{source(node, op)}; },
                          [&](const ConvOp& op) {
                            refuse_flat(node);
                            return std::vector<Value>{source(node, op)};
                          },
                          [&](const AvgPoolOp&) { return pool(node); },
                          [&](const GlobalAvgPoolOp&) { return pool(node); },
                          [&](const FlattenOp&) {
                            std::vector<Value> blocks = values_[spec.inputs[0]];
                            for (Value& block : blocks) block.flat = true;
                            return blocks;
                          },
                          [&](const LayerNormOp&) { return normalise(node); },
                          [&](const ActivationOp& op) { return activate(node, op.activation); },
                          [&](const SumOp& op) { return add_up(node, op.coefficients); },
                          [&](const ConcatOp&) {
                            std::vector<Value> blocks;
                            for (const Index in : spec.inputs)
                              blocks.insert(blocks.end(), values_[in].begin(), values_[in].end());
                            return blocks;
                          },
                      },
                      spec.operation);
  }

  template <class Op>
  Value source(Index node, const Op& op) {
    const Index in = topology_.nodes()[node].inputs[0];
    std::vector<Value> blocks = values_[in];
    if (images_) flatten(node, blocks);
    Index group = none;
    if (!op.weights.empty()) {
      group = group_ids_.emplace(op.weights, group_ids_.size()).first->second;
      // The same weights on the same input are the same random function, on a multiple of it a multiple.
      for (const Index member : groups_[group])
        if (const auto ratio = quotient(blocks, fan_in(member));
            ratio && (*ratio == 1 || op.bias_std == 0) && shares_of(member) == topology_.blocks(in))
          return {member, {}, *ratio};
      for (const Value& block : blocks) split(block);  // its parts must stand before it
    }
    const Index argument = images_ ? side_by_side(node, blocks, topology_.blocks(in), group != none) : none;
    const Index id = add_source(node, argument, group);
    plan_.variables[id].weight_rate = op.weight_std != 0 ? op.weight_rate : op.bias_rate;
    plan_.variables[id].bias_rate = op.bias_std != 0 ? op.bias_rate : op.weight_rate;
    if (!images_)
      plan_.variables[id].expansions.push_back(
          blockwise(blocks, topology_.blocks(in), op.weight_std, op.bias_std));
    sources_[id] = {group, blocks};
    if (group != none) groups_[group].push_back(id);
    return {id};
  }

  const std::vector<double>& shares_of(Index source) const {
    return topology_.blocks(topology_.nodes()[plan_.variables[source].node].inputs[0]);
  }

  /// c where a = c b.
  static std::optional<Number> quotient(const std::vector<Value>& a, const std::vector<Value>& b) {
    const Number ratio = a.front().factor / b.front().factor;
    const auto same = [ratio](const Value& x, const Value& y) {
      return x.variable == y.variable && x.constant == y.constant && x.factor == ratio * y.factor;
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), same) ? std::optional(ratio) : std::nullopt;
  }

  std::vector<Value> activate(Index node, const ActivationPtr& activation) {
    const Index in = topology_.nodes()[node].inputs[0];
    if (const auto form = activation->angular(); form && form->degree == 1 && form->even == 0) {
      if (form->odd == 1) return values_[in];  // the identity
      std::vector<Value> blocks = values_[in];
      for (Value& block : blocks) block = combine(node, {{form->odd, block}});
      return blocks;
    }
    std::vector<Value> blocks;
    for (const Value& block : values_[in]) {
      if (!gaussian(block))
        fail(node, "its input '" + topology_.nodes()[in].name + "' is not Gaussian (" + why_not_gaussian(in) +
                       "); put a dense node before the activation");
      blocks.push_back(activated(node, activation, block));
      blocks.back().flat = block.flat;
    }
    return blocks;
  }

  std::string why_not_gaussian(Index node) const {
    const NodeSpec& spec = topology_.nodes()[node];
    if (std::holds_alternative<InputOp>(spec.operation)) return "it is the input";
    if (const auto* op = std::get_if<ActivationOp>(&spec.operation)) {
      const auto form = op->activation->angular();
      if (!(form && form->degree == 1 && form->even == 0)) return "it is an activation";
    }
    for (const Index in : spec.inputs) {
      bool all = true;
      for (const Value& block : values_[in]) all = all && gaussian(block);
      if (!all) return "'" + topology_.nodes()[in].name + "' in it is not: " + why_not_gaussian(in);
    }
    return "it is not a combination of dense outputs";
  }

  std::vector<Value> add_up(Index node, const std::vector<double>& coefficients) {
    const auto& inputs = topology_.nodes()[node].inputs;
    std::vector<Value> blocks;
    for (Index b = 0; b < values_[inputs[0]].size(); ++b) {
      const bool flat = values_[inputs[0]][b].flat;
      std::vector<std::pair<Number, Value>> terms;
      for (Index k = 0; k < inputs.size(); ++k) terms.emplace_back(coefficients[k], values_[inputs[k]][b]);
      blocks.push_back(combine(node, terms));
      blocks.back().flat = flat;
    }
    return blocks;
  }

  void refuse_flat(Index node) const {
    const Index in = topology_.nodes()[node].inputs[0];
    for (const Value& block : values_[in])
      if (block.flat)
        throw TopologyError("node '" + topology_.nodes()[node].name + "' (" +
                            operation_name(topology_.nodes()[node].operation) + "): its input '" +
                            topology_.nodes()[in].name +
                            "' is flattened and has no positions; put it before");
  }

  std::vector<Value> pool(Index node) {
    refuse_flat(node);
    std::vector<Value> blocks = values_[topology_.nodes()[node].inputs[0]];
    for (Value& block : blocks) {
      if (block.variable != none) block.variable = pooled(node, block.variable, {node});
      if (!block.constant.zero()) block.constant = pooled(std::move(block.constant), {node});
    }
    return blocks;
  }

  /// Centred and divided by the standard deviation over all channels of a position.
  std::vector<Value> normalise(Index node) {
    refuse_flat(node);
    const Index in = topology_.nodes()[node].inputs[0];
    std::vector<Value> centred;
    for (const Value& block : values_[in]) {
      Constant mean;
      const auto parts = pieces(block, mean);
      if (!mean.zero() && values_[in].size() > 1)
        fail(node, "its input '" + topology_.nodes()[in].name +
                       "' has channel blocks of different means; normalise them before the concatenation");
      if (parts.empty())
        centred.push_back({});
      else if (parts.size() == 1 && parts[0].second.slopes.empty())
        centred.push_back({parts[0].first, {}, parts[0].second.fixed});
      else
        centred.push_back(linear(node, parts, {}));
    }
    if (centred.size() == 1)  // a multiple is divided by its own size
      centred[0].factor = centred[0].factor < 0 ? -1 : 1;
    std::vector<Value> divided = centred;
    if (centred.size() == 1) divided[0].factor = 1;
    if (std::all_of(centred.begin(), centred.end(), [](const Value& v) { return v.variable == none; }))
      return centred;
    const Index divisor = exact(node, side_by_side(node, divided, topology_.blocks(in)));
    std::vector<Value> blocks;
    for (const Value& block : centred) {
      blocks.emplace_back();
      if (block.variable == none) continue;
      blocks.back().variable = normalised(node, block.variable, divisor);
      blocks.back().factor = block.factor;
    }
    return blocks;
  }

  bool images_;
  std::vector<std::vector<Value>> values_;  // by node, block
  std::map<Index, Source> sources_;         // by variable
  std::map<std::string, Index> group_ids_;  // of the names of shared weights
  std::map<Index, std::vector<Index>> groups_;
};

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
