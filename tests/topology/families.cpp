// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/topology/families.hpp>
#include <sst/topology/json.hpp>

namespace families_tests {

namespace {

using Catch::Matchers::Contains;

sst::Topology golden(const std::string& name) {
  std::ifstream file(SST_TEST_DIR "/golden/kernels.json");
  const auto all = nlohmann::json::parse(file);
  for (const auto& c : all.at("cases"))
    if (c.at("topology").at("name") == name) return sst::topology_from_json(c.at("topology"));
  throw std::runtime_error("no golden case " + name);
}

/// What a node computes, spelled out down to the input: the same for two graphs that differ only in
/// their names and the order of their nodes and of the terms of their sums.
std::string formula(const sst::Topology& net, std::size_t node, std::map<std::size_t, std::string>& known) {
  if (const auto it = known.find(node); it != known.end()) return it->second;
  const auto& spec = net.nodes()[node];
  std::vector<std::string> terms;
  for (std::size_t k = 0; k < spec.inputs.size(); ++k) {
    std::string term = formula(net, spec.inputs[k], known);
    if (const auto* sum = std::get_if<sst::SumOp>(&spec.operation))
      term = sst::detail::format_number(sum->coefficients[k]) + "*" + term;
    if (const auto* concat = std::get_if<sst::ConcatOp>(&spec.operation))
      term = sst::detail::format_number(concat->fractions[k]) + ":" + term;
    terms.push_back(term);
  }
  if (std::holds_alternative<sst::SumOp>(spec.operation)) std::sort(terms.begin(), terms.end());
  std::string text = sst::operation_name(spec.operation);
  if (const auto* dense = std::get_if<sst::DenseOp>(&spec.operation))
    text += " " + sst::detail::format_number(dense->weight_std) + " " +
            sst::detail::format_number(dense->bias_std) + " " + dense->weights;
  text += "(";
  for (const auto& term : terms) text += term + ",";
  return known[node] = text + ")";
}

std::string formula(const sst::Topology& net) {
  std::map<std::size_t, std::string> known;
  return formula(net, net.output(), known);
}

const sst::FamilyOptions relu{.weight_std = 1.5, .bias_std = 0.05};

std::vector<std::pair<std::string, sst::Topology>> one_of_each() {
  return {{"chain-5", sst::chain(5)},
          {"residual-5", sst::residual(5)},
          {"sparse-shortcut-5", sst::sparse_shortcut(5)},
          {"densely-connected-5", sst::densely_connected(5)},
          {"identity-connected-5", sst::identity_connected(5)},
          {"recurrent-5", sst::recurrent(5)},
          {"randomly-wired-5", sst::randomly_wired(5, {.k = 2})}};
}

/// The edges of a randomly wired network among its numbered nodes, from its list of nodes.
std::set<std::pair<std::string, std::string>> wires(const sst::Topology& net) {
  std::set<std::pair<std::string, std::string>> edges;
  const auto& nodes = net.nodes();
  for (const auto& spec : nodes) {
    if (spec.name[0] != 'a') continue;
    const auto& feed = nodes[spec.inputs[0]];
    if (!std::holds_alternative<sst::SumOp>(feed.operation))
      edges.emplace(feed.name, "h" + spec.name.substr(1));
    else
      for (const auto from : feed.inputs) edges.emplace(nodes[from].name, "h" + spec.name.substr(1));
  }
  return edges;
}

}  // namespace

TEST_CASE("families are the golden graphs; those count taps, families count depth", "[topology]") {
  const sst::FamilyOptions chain{.weight_std = 1.3, .bias_std = 0.2},
      dense{.weight_std = 1.4, .bias_std = 0.1};
  CHECK(formula(sst::chain(2, chain)) == formula(golden("chain-relu-1")));
  const sst::FamilyOptions leaky{1.3, 0.2, std::make_shared<sst::LeakyRelu>(0.2)};
  CHECK(formula(sst::chain(4, leaky)) == formula(golden("chain-leaky_relu-3")));
  CHECK(formula(sst::residual(5, relu)) == formula(golden("residual-3")));
  CHECK(formula(sst::sparse_shortcut(5, relu)) == formula(golden("sparse-shortcut-3")));
  CHECK(formula(sst::sparse_shortcut(6, relu, {.first_layer = sst::FirstLayer::in_sum})) ==
        formula(golden("sparse-shortcut-4")));
  CHECK(formula(sst::sparse_shortcut(10, relu)) == formula(golden("sparse-shortcut-8")));
  CHECK(formula(sst::densely_connected(5, dense)) == formula(golden("densely-connected-3")));
  CHECK(formula(sst::identity_connected(3, {}, sst::DenseReadout::all_layers)) ==
        formula(golden("dense-shortcut")));
  CHECK(formula(sst::residual(4, relu)) != formula(golden("residual-3")));  // the comparison can fail
}

TEST_CASE("depth is the number of dense layers, and names are unique and readable", "[topology]") {
  for (int depth = 1; depth < 12; ++depth)
    CHECK(sst::chain(depth).depth() == static_cast<std::size_t>(depth));
  for (int depth = 2; depth < 12; ++depth) {
    const auto k = static_cast<std::size_t>(depth);
    CHECK(sst::residual(depth).depth() == k);
    CHECK(sst::residual(depth, {}, {.order = sst::BranchOrder::dense_first}).depth() == k);
    CHECK(sst::densely_connected(depth).depth() == k);
    CHECK(sst::identity_connected(depth).depth() == k);
    CHECK(sst::sparse_shortcut(depth, {}, {.first_layer = sst::FirstLayer::in_sum}).depth() == k);
    if (depth > 2) CHECK(sst::sparse_shortcut(depth).depth() == k);
    CHECK(sst::recurrent(depth).depth() == k + 2);
  }
  for (const auto& [name, net] : one_of_each()) {
    CHECK(net.name() == name);
    CHECK(net.nodes().front().name == "x");
    CHECK(net.nodes()[net.output()].name == "y");
    for (const auto& spec : net.nodes())
      CHECK(spec.name.find('_') == std::string::npos);  // none left unnamed
  }
  CHECK(formula(sst::chain(3, relu)) ==
        "dense 1.5 0.05 (relu(dense 1.5 0.05 (relu(dense 1.5 0.05 (input(),),),),),)");
}

TEST_CASE("options of the families change what they say", "[topology]") {
  using enum sst::FirstLayer;
  const std::string h0 = "dense 1 0 (input(),)", h1 = "dense 1 0 (relu(" + h0 + ",),)";
  const auto shortcut = [](int depth, const sst::SparseShortcutOptions& options) {
    return formula(sst::sparse_shortcut(depth, {}, options));
  };
  CHECK(shortcut(3, {}) == "dense 1 0 (relu(sum(1*" + h1 + ",),),)");
  CHECK(shortcut(3, {.before_readout = sst::BeforeReadout::nothing}) == "dense 1 0 (sum(1*" + h1 + ",),)");
  CHECK(shortcut(3, {.first_layer = in_sum}) == "dense 1 0 (relu(sum(1*" + h0 + ",1*" + h1 + ",),),)");
  CHECK(shortcut(3, {.first_layer = in_sum, .aggregation = sst::Aggregation::concat}) ==
        "dense 1 0 (relu(concat(0.5:" + h0 + ",0.5:" + h1 + ",),),)");
  CHECK(shortcut(3, {.first_layer = in_sum, .tap = sst::Tap::after_activation}) ==
        "dense 1 0 (sum(1*relu(" + h0 + ",),1*relu(" + h1 + ",),),)");
  CHECK(shortcut(3, {.tap = sst::Tap::after_activation}) == "dense 1 0 (sum(1*relu(" + h1 + ",),),)");
  CHECK(formula(sst::residual(3, {}, {.skip = {0.5}, .branch = {2}})) ==
        "dense 1 0 (relu(sum(0.5*" + h0 + ",2*" + h1 + ",),),)");
  CHECK(formula(sst::residual(4, {}, {.skip = {0.5, 0.25}})) !=
        formula(sst::residual(4, {}, {.skip = {0.25, 0.5}})));
  CHECK(formula(sst::residual(3, {}, {.before_readout = sst::BeforeReadout::nothing})) ==
        "dense 1 0 (sum(1*" + h0 + ",1*" + h1 + ",),)");
  const sst::ResidualOptions dense_first{
      .skip = {0.5}, .branch = {2}, .order = sst::BranchOrder::dense_first};
  CHECK(formula(sst::residual(3, {}, dense_first)) ==
        "dense 1 0 (sum(0.5*" + h0 + ",2*relu(dense 1 0 (" + h0 + ",),),),)");
  CHECK(formula(sst::densely_connected(3, {}, sst::DenseReadout::last_layer)) ==
        "dense 1 0 (relu(dense 1 0 (relu(concat(1:" + h0 + ",),),),),)");
  CHECK(formula(sst::identity_connected(3)) == "dense 1 0 (relu(sum(1*" + h0 + ",1*" + h1 + ",),),)");
  const std::string u = h0, w = "dense 1 0 W(relu(" + u + ",),)", first = "sum(1*" + u + ",1*" + w + ",)";
  CHECK(formula(sst::recurrent(2)) ==
        "dense 1 0 (relu(sum(1*" + u + ",1*dense 1 0 W(relu(" + first + ",),),),),)");
}

TEST_CASE("families refuse what they cannot be", "[topology]") {
  CHECK_THROWS_WITH(sst::chain(0), Contains("chain of depth 0") && Contains("at least 1"));
  CHECK_THROWS_WITH(sst::residual(1), Contains("residual of depth 1") && Contains("at least 2"));
  CHECK_THROWS_WITH(sst::sparse_shortcut(2),
                    Contains("sparse_shortcut of depth 2") && Contains("at least 3"));
  CHECK_THROWS_WITH(sst::sparse_shortcut(1, {}, {.first_layer = sst::FirstLayer::in_sum}),
                    Contains("at least 2"));
  CHECK_THROWS_WITH(sst::densely_connected(-3), Contains("densely_connected of depth -3"));
  CHECK_THROWS_WITH(sst::identity_connected(1), Contains("identity_connected of depth 1"));
  CHECK_THROWS_WITH(sst::recurrent(0), Contains("recurrent of") && Contains("at least 1"));
  CHECK_THROWS_WITH(sst::randomly_wired(0, {}), Contains("randomly_wired of 0 nodes"));
  CHECK_THROWS_WITH(sst::randomly_wired(9, {.p = 1.5}), Contains("p is 1.5"));
  CHECK_THROWS_WITH(sst::randomly_wired(9, {.p = std::nan("")}), Contains("p is nan"));
  CHECK_THROWS_WITH(sst::randomly_wired(9, {.k = 3}), Contains("k is 3 for 9 nodes"));
  CHECK_THROWS_WITH(sst::randomly_wired(4, {.k = 4}), Contains("k is 4 for 4 nodes"));
  using enum sst::Wiring::Model;
  CHECK_THROWS_WITH(sst::randomly_wired(3, {.model = barabasi_albert, .m = 3}),
                    Contains("m is 3 for 3 nodes"));
  CHECK_THROWS_WITH(sst::randomly_wired(3, {.model = barabasi_albert, .m = 0}), Contains("m is 0"));
  CHECK_THROWS_WITH(sst::chain(3, {.weight_std = -1}),
                    Contains("node 'h0' (dense)") && Contains("weight_std"));
  CHECK_THROWS_WITH(sst::chain(3, {.bias_std = std::numeric_limits<double>::infinity()}),
                    Contains("bias_std"));
  CHECK_THROWS_WITH(sst::chain(3, {.activation = nullptr}), Contains("activation is missing"));
  CHECK_THROWS_WITH(sst::residual(3, {}, {.skip = {std::nan("")}}), Contains("node 's0' (sum)"));
  CHECK_THROWS_WITH(sst::residual(6, {}, {.branch = {0.5, 0.8}}),
                    Contains("branch has 2 numbers") && Contains("4 shortcuts"));
  CHECK_THROWS_WITH(sst::residual(2, {}, {.skip = {1, 2, 3}}), Contains("skip has 3 numbers"));
  CHECK_THROWS_WITH(sst::residual(3, {}, {.skip = {}}), Contains("skip has 0 numbers"));
}

TEST_CASE("randomly wired networks: the same for a seed, another for another, all nodes in use",
          "[topology]") {
  using enum sst::Wiring::Model;
  for (const auto model : {erdos_renyi, watts_strogatz, barabasi_albert})
    for (const double p : {0.0, 0.3, 1.0}) {
      const sst::Wiring wiring{.model = model, .p = p, .seed = 7};
      const auto net = sst::randomly_wired(20, wiring);
      CHECK(net == sst::randomly_wired(20, wiring));
      // Every node reaches the output, and the input reaches every node.
      const auto& nodes = net.nodes();
      std::vector<bool> useful(nodes.size(), false);
      useful[net.output()] = true;
      for (std::size_t i = nodes.size(); i-- > 0;)
        if (useful[i])
          for (const auto in : nodes[i].inputs) useful[in] = true;
      CHECK(std::count(useful.begin(), useful.end(), true) == static_cast<std::ptrdiff_t>(nodes.size()));
      for (std::size_t i = 1; i < nodes.size(); ++i) CHECK(!nodes[i].inputs.empty());
    }
  CHECK(wires(sst::randomly_wired(20, {.seed = 1})) != wires(sst::randomly_wired(20, {.seed = 2})));

  const auto count = [](const sst::Topology& net) {
    std::size_t edges = 0;
    for (const auto& [from, to] : wires(net)) edges += from != "stem" ? 1 : 0;
    return edges;
  };
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    CHECK(count(sst::randomly_wired(20, {.p = 0.5, .k = 6, .seed = seed})) ==
          20 * 6 / 2);  // rewiring keeps edges
    CHECK(count(sst::randomly_wired(20, {.model = barabasi_albert, .m = 4, .seed = seed})) == (20 - 4) * 4);
  }
  CHECK(count(sst::randomly_wired(20, {.model = erdos_renyi, .p = 0})) == 0);
  CHECK(count(sst::randomly_wired(20, {.model = erdos_renyi, .p = 1})) == 190);
  CHECK(count(sst::randomly_wired(7, {.p = 1, .k = 6})) == 21);  // complete: nowhere to rewire to
  CHECK(sst::randomly_wired(1, {.model = erdos_renyi}).depth() == 3);
}

TEST_CASE("pinned random graphs: the same on every platform and in every version", "[topology]") {
  using Edges = std::set<std::pair<std::string, std::string>>;
  using enum sst::Wiring::Model;
  CHECK(wires(sst::randomly_wired(6, {.p = 0, .k = 2})) == Edges{{"stem", "h0"},
                                                                 {"h0", "h1"},
                                                                 {"h1", "h2"},
                                                                 {"h2", "h3"},
                                                                 {"h3", "h4"},
                                                                 {"h4", "h5"},
                                                                 {"h0", "h5"}});
  const auto show = [](const Edges& edges) {
    std::string text;
    for (const auto& [from, to] : edges)
      if (from != "stem") text += from.substr(1) + "-" + to.substr(1) + " ";
    return text;
  };
  CHECK(show(wires(sst::randomly_wired(8, {.p = 0.5, .k = 4, .seed = 3}))) ==
        "0-1 0-2 0-3 1-2 1-5 2-3 2-5 2-6 3-4 3-5 3-7 4-5 4-6 5-6 5-7 6-7 ");
  CHECK(show(wires(sst::randomly_wired(8, {.model = erdos_renyi, .p = 0.3, .seed = 3}))) ==
        "0-2 0-5 0-6 1-6 1-7 2-3 2-4 2-5 2-6 2-7 3-6 3-7 5-6 5-7 ");
  CHECK(show(wires(sst::randomly_wired(8, {.model = barabasi_albert, .m = 2, .seed = 3}))) ==
        "0-2 0-3 0-7 1-2 1-6 2-3 2-4 2-5 2-6 3-4 3-7 4-5 ");
}

}  // namespace families_tests
