// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../error_message.hpp"
#include "../folder.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/topology/families.hpp>
#include <sst/topology/json.hpp>

namespace json_tests {

namespace {

namespace fs = std::filesystem;

using sst_test::content;

std::string text_of(const sst::Topology& net) { return sst::to_json(net).dump(); }

std::string error_of(const std::string& text) {
  return sst_test::error_message<sst::TopologyError>([&] { (void)sst::topology_from_text(text); });
}

void check_round_trip(const sst::Topology& net) {
  INFO(net.name());
  const std::string text = text_of(net);
  const sst::Topology again = sst::topology_from_text(text);
  CHECK(again == net);
  CHECK(text_of(again) == text);
}

std::vector<sst::Topology> golden() {
  std::ifstream file(SST_TEST_DIR "/golden/kernels.json");
  std::vector<sst::Topology> nets;
  const auto all = nlohmann::json::parse(file);
  for (const auto& c : all.at("cases")) {
    nets.push_back(sst::topology_from_json(c.at("topology")));
  }
  return nets;
}

/// File (without .json) and what its message has to say.
const std::map<std::string, std::vector<std::string>>& malformed() {
  static const std::map<std::string, std::vector<std::string>> all{
      {"bias_std_negative", {"node 'h' (dense): bias_std is negative"}},
      {"bias_rate_not_number", {"node 'h' (dense): the key 'bias_rate' has null, which is not a number"}},
      {"coefficient_not_number", {"node 's' (sum): the key 'coefficients' has true, which is not a number"}},
      {"coefficients_count", {"node 's' (sum): has 1 coefficients for 2 inputs"}},
      {"coefficients_not_a_list", {"node 's' (sum): the key 'coefficients' is 2, which is not a list"}},
      {"cycle", {"node 'h' (dense): its input 'a' is not defined before it"}},
      {"degree_fraction", {"node 'a' (monomial): the degree"}},
      {"gamma_negative", {"node 'a' (rbf): the gamma"}},
      {"empty_inputs", {"node 'h' (dense): the key 'inputs' is empty"}},
      {"empty_name", {"node 1: the key 'name' is empty"}},
      {"empty_nodes", {"the key 'nodes' is empty"}},
      {"fraction_zero", {"node 'c' (concat): a fraction is not positive"}},
      {"fractions_count", {"node 'c' (concat): has 1 fractions for 2 inputs"}},
      {"fractions_sum", {"node 'c' (concat): fractions add up to 0.9"}},
      {"input_not_text", {"node 'h' (dense): the key 'inputs' has 0, which is not a text"}},
      {"input_of_input", {"node 'x' (input) has the unknown key 'inputs'"}},
      {"inputs_not_a_list", {R"(node 'h' (dense): the key 'inputs' is "x", which is not a list)"}},
      {"itself", {"node 'h' (dense): its input 'h' is not defined before it"}},
      {"key_of_another_op", {"node 'a' (relu) has the unknown key 'slope'"}},
      {"later_version", {"sst_topology is 2", "version 1"}},
      {"later_version_keys", {"sst_topology is 3", "version 1"}},
      {"name_not_text", {"the key 'name' of the topology"}},
      {"name_with_line_break", {R"(node 'h\x0ah' (dense): weight_std is negative)"}},
      {"nan", {"not valid at line 5", "node 'h', key 'weight_std'"}},
      {"no_inputs", {"node 'h' (dense): the key 'inputs' is missing"}},
      {"no_name", {"node 1: the key 'name' is missing"}},
      {"no_nodes", {"'nodes' is missing"}},
      {"no_op", {"node 'h': the key 'op' is missing"}},
      {"no_output", {"'output' is missing"}},
      {"no_slope", {"node 'a' (leaky_relu): the key 'slope' is missing"}},
      {"no_version", {"'sst_topology' is missing"}},
      {"no_weight_std", {"node 'h' (dense): the key 'weight_std' is missing"}},
      {"node_not_an_object", {"node 1: it is not a JSON object"}},
      {"not_an_object", {"not a JSON object"}},
      {"not_json", {"not valid at line 1, column 2", "the topology"}},
      {"repeated_key", {"node 'h', key 'weight_std': the key stands twice"}},
      {"repeated_name", {"node 'h' (dense): the name is used twice"}},
      {"second_input", {"node 'h' (input): a second input"}},
      {"slope_null", {"node 'a' (leaky_relu): the key 'slope' has null"}},
      {"conv_rate_negative", {"node 'h' (conv): weight_rate is negative; it is a learning rate"}},
      {"conv_no_window", {"node 'h' (conv): the key 'window' is missing"}},
      {"conv_padding_unknown", {"node 'h' (conv): the key 'padding' is 'full'", "'circular'"}},
      {"conv_strides_count", {"node 'h' (conv): the key 'strides' has 1 numbers"}},
      {"conv_window_zero", {"node 'h' (conv): the key 'window' has 0"}},
      {"flatten_with_window", {"node 'h' (flatten) has the unknown key 'window'"}},
      {"pool_window_fraction", {"node 'h' (avg_pool): the key 'window' has 2.5"}},
      {"tied_windows_differ", {"node 'g' (conv): shares weights 'W' with node 'h'", "window"}},
      {"sum_of_other_blocks", {"node 's' (sum): adds 'h' and 'c'"}},
      {"tied_weights_differ", {"node 'g' (dense): shares weights 'W' with node 'h'"}},
      {"too_deep", {"nested deeper"}},
      {"trailing_comma", {"not valid at line 9"}},
      {"truncated", {"not valid at line 5", "node 'h', key 'op'"}},
      {"two_inputs_of_dense", {"node 'h' (dense): has 2 inputs but takes exactly one"}},
      {"two_inputs_of_relu", {"node 'a' (relu): has 2 inputs but takes exactly one"}},
      {"unknown_input", {"node 'h' (dense): its input 'z' is not a node"}},
      {"unknown_key", {"node 'h' (dense) has the unknown key 'weight_sdt'", "'weight_std'"}},
      {"unknown_op", {"node 'h' (rleu): the op is unknown", "relu"}},
      {"unknown_output", {"the output 'y' is not a node"}},
      {"unknown_top_key", {"unknown key 'outputs'"}},
      {"weight_std_negative", {"node 'h' (dense): weight_std is negative"}},
      {"weight_std_overflow", {"node 'h', key 'weight_std': the number is beyond the range of double"}},
      {"weight_std_text", {R"(node 'h' (dense): the key 'weight_std' has "1.5", which is not a number)"}},
      {"weights_empty", {"node 'h' (dense): the key 'weights' is empty"}},
      {"weights_number", {"node 'h' (dense): the key 'weights' is 7, which is not a text"}},
  };
  return all;
}

}  // namespace

TEST_CASE("the golden topologies read, write and read to the same", "[topology]") {
  const auto nets = golden();
  REQUIRE(nets.size() == 20);
  for (const auto& net : nets) check_round_trip(net);
}

TEST_CASE("every family reads, writes and reads to the same", "[topology]") {
  const sst::FamilyOptions options{1.1, 0.3, std::make_shared<sst::LeakyRelu>(0.1)};
  for (int depth = 3; depth < 8; ++depth) {
    check_round_trip(sst::chain(depth, options));
    check_round_trip(sst::residual(depth, options, {.skip = {1.0 / 3}, .branch = {std::sqrt(0.1)}}));
    check_round_trip(sst::residual(depth, options, {.order = sst::BranchOrder::dense_first}));
    check_round_trip(sst::sparse_shortcut(depth, options));
    check_round_trip(sst::sparse_shortcut(depth, options, {.aggregation = sst::Aggregation::concat}));
    check_round_trip(sst::densely_connected(depth, options));
    check_round_trip(sst::identity_connected(depth, options));
    check_round_trip(sst::recurrent(depth, options));
    check_round_trip(sst::randomly_wired(2 * depth, {}, options));
  }
}

TEST_CASE("numbers round-trip to the bit and names to the byte", "[topology]") {
  for (const double value :
       {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 0.0, std::nextafter(1.0, 2.0), 1e22})
    check_round_trip(sst::trace([&](sst::Node x) { return dense(x, {value, value}).named("y"); }));
  const auto minus_zero = sst::trace([](sst::Node x) { return -0.0 * dense(x); });
  const auto again = sst::topology_from_text(text_of(minus_zero));
  CHECK(std::signbit(std::get<sst::SumOp>(again.nodes()[2].operation).coefficients[0]));
  for (const std::string name :
       {"a \"quoted\" one", "back\\slash", "line\nbreak", "\u00e9t\u00e9", "  ", "&amp;<b>"})
    check_round_trip(sst::trace([&](sst::Node x) { return relu(dense(x, {1, 0, name}).named(name)); }, name));
  const std::string with_zero("a\0b", 3);
  check_round_trip(sst::trace([&](sst::Node x) { return dense(x).named(with_zero); }));
}

TEST_CASE("every activation of the registry reads and writes", "[topology]") {
  for (const auto& [name, entry] : sst::activation_registry()) {
    INFO(name);
    nlohmann::json node{{"name", "a"}, {"op", name}, {"inputs", {"h"}}};
    for (const auto& key : entry.parameters)
      node[key] = key == "degree" ? nlohmann::json(2) : nlohmann::json(0.5);
    const nlohmann::json document{{"sst_topology", 1},
                                  {"nodes",
                                   {{{"name", "x"}, {"op", "input"}},
                                    {{"name", "h"}, {"op", "dense"}, {"inputs", {"x"}}, {"weight_std", 1}},
                                    node}},
                                  {"output", "a"}};
    const auto net = sst::topology_from_json(document);
    CHECK(sst::operation_name(net.nodes()[2].operation) == name);
    check_round_trip(net);
    for (const auto& key : entry.parameters) {
      auto less = document;
      less["nodes"][2].erase(key);
      CHECK_THAT(error_of(less.dump()),
                 Catch::Matchers::Contains("node 'a' (" + name + "): the key '" + key));
    }
  }
}

TEST_CASE("activations are made by name", "[topology]") {
  using Catch::Matchers::Contains;
  CHECK(*sst::make_activation("relu") == sst::Relu());
  CHECK(*sst::make_activation("leaky_relu", {0.1}) == sst::LeakyRelu(0.1));
  CHECK_THROWS_WITH(sst::make_activation("rleu"), Contains("'rleu' is unknown") && Contains("relu, "));
  CHECK_THROWS_WITH(sst::make_activation("relu", {1}),
                    Contains("'relu' has 0 parameters, and 1 are given") && Contains("give none"));
  CHECK_THROWS_WITH(sst::make_activation("piecewise_linear", {1}), Contains("positive,negative"));
  CHECK_THROWS_WITH(sst::make_activation("rbf", {-1}), Contains("gamma"));
  CHECK_THROWS_AS(sst::make_activation(""), sst::Error);
}

TEST_CASE("defaults: no bias, coefficients 1, equal shares, a name", "[topology]") {
  const auto net = sst::topology_from_text(R"({"output": "c", "sst_topology": 1, "nodes": [
    {"op": "input", "name": "x"},
    {"op": "dense", "name": "h", "inputs": ["x"], "weight_std": 2},
    {"op": "sum", "name": "s", "inputs": ["h", "h", "x"]},
    {"op": "concat", "name": "c", "inputs": ["s", "h", "x", "s"]}]})");
  CHECK(net.name() == "network");
  CHECK(std::get<sst::DenseOp>(net.nodes()[1].operation) == sst::DenseOp{2, 0, ""});
  CHECK(std::get<sst::SumOp>(net.nodes()[2].operation).coefficients == std::vector<double>{1, 1, 1});
  CHECK(net.nodes()[2].inputs == std::vector<std::size_t>{1, 1, 0});
  CHECK(std::get<sst::ConcatOp>(net.nodes()[3].operation).fractions == std::vector<double>(4, 0.25));
}

TEST_CASE("rates are written where they are not 1, and read back", "[topology]") {
  const auto net = sst::trace([](sst::Node x) {
    const auto h = conv(x, {.weight_rate = 0, .bias_rate = 0.1});
    return dense(flatten(relu(dense(h))), {.weights = "W", .bias_rate = 1e300});
  });
  check_round_trip(net);
  const auto nodes = sst::to_json(net).at("nodes");
  CHECK(nodes[1].at("weight_rate") == 0);
  CHECK(nodes[1].at("bias_rate") == 0.1);
  CHECK(!nodes[2].contains("weight_rate"));
  CHECK(!nodes[2].contains("bias_rate"));
  CHECK(!nodes[5].contains("weight_rate"));
  CHECK(nodes[5].at("bias_rate") == 1e300);
}

TEST_CASE("every malformed file says what is wrong and where, on one line", "[topology]") {
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(SST_TEST_DIR "/topology/malformed")) {
    const std::string name = entry.path().stem().string();
    files.insert(name);
    INFO(name);
    REQUIRE(malformed().contains(name));
    const std::string message = error_of(content(entry.path()));
    for (const auto& fragment : malformed().at(name))
      CHECK_THAT(message, Catch::Matchers::Contains(fragment));
    CHECK(message.find_first_of("\r\n") == std::string::npos);
    // The file's name comes first when it is read from one.
    CHECK_THROWS_WITH(sst::read_topology(entry.path()), entry.path().string() + ": " + message);
  }
  CHECK(files.size() == malformed().size());
  CHECK(files.size() >= 25);
}

TEST_CASE("where JSON is wrong is told as an editor counts: in letters", "[topology]") {
  CHECK_THROWS_WITH(sst::topology_from_text("{\"sst_topology\": 1,\n\"name\": \"\u00e9\",, }"),
                    Catch::Matchers::Contains("line 2, column 13"));
}

TEST_CASE("files that cannot be read or written", "[topology]") {
  const sst_test::Folder temporary;
  const fs::path& folder = temporary.path;
  const auto net = sst::chain(3);
  sst::write_topology(folder / "net.json", net);
  CHECK(sst::read_topology(folder / "net.json") == net);
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(sst::read_topology(folder / "none.json"), Contains("none.json"));
  CHECK_THROWS_WITH(sst::read_topology(folder), Contains("it is a directory"));
  std::ofstream(folder / "empty.json").close();
  CHECK_THROWS_WITH(sst::read_topology(folder / "empty.json"), Contains("empty.json"));
  CHECK_THROWS_WITH(sst::write_topology(folder / "no" / "net.json", net), Contains("cannot write"));
  const auto latin = sst::trace([](sst::Node x) { return dense(x).named("\xe9"); });
  CHECK_THROWS_WITH(sst::write_topology(folder / "net.json", latin), Contains("not UTF-8"));
  CHECK(sst::read_topology(folder / "net.json") == net);  // untouched
}

TEST_CASE("an activation of one's own cannot be written", "[topology]") {
  struct Cube final : sst::AngularActivation {
    Cube() : AngularActivation({1, 1, 2}) {}
    std::string name() const override { return "cube"; }
  };
  const auto net =
      sst::trace([](sst::Node x) { return activate(dense(x), std::make_shared<Cube>()).named("a"); });
  CHECK_THROWS_WITH(sst::to_json(net), Catch::Matchers::Contains("node 'a' has the activation 'cube'"));
}

TEST_CASE("damaged files parse or throw sst::Error, nothing else", "[topology]") {
  std::string valid = content(SST_TEST_DIR "/topology/valid.json");
  REQUIRE(valid.size() > 300);
  const auto try_it = [](const std::string& text) {
    try {
      check_round_trip(sst::topology_from_text(text));
      return true;
    } catch (const sst::Error& error) {
      return std::string(error.what()).find('\n') != std::string::npos;
    }
  };
  const std::string trimmed = valid.substr(0, valid.find_last_of('}') + 1);
  for (std::size_t length = 0; length < trimmed.size(); ++length) {
    INFO(length);
    REQUIRE(!try_it(trimmed.substr(0, length)));
  }
  REQUIRE(try_it(trimmed));
  std::mt19937 words(1);
  const std::string likely = "\"{}[]:,0123456789.eE-+ntrue\\xhW\n\0\x80\xff";
  for (int round = 0; round < 4000; ++round) {
    std::string text = trimmed;
    for (auto change = words() % 3; change < 3; ++change) {
      const std::size_t at = words() % text.size();
      const char byte = words() % 2 ? likely[words() % likely.size()] : static_cast<char>(words() % 256);
      switch (words() % 3) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text.erase(at, 1 + words() % 8);
      }
    }
    INFO(round << ": " << text);
    (void)try_it(text);  // another exception fails the test
  }
}

}  // namespace json_tests
