// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include <sst/activation/angular.hpp>
#include <sst/activation/erf.hpp>
#include <sst/activation/exponential.hpp>
#include <sst/activation/gelu.hpp>
#include <sst/activation/polynomial.hpp>
#include <sst/activation/smooth.hpp>
#include <sst/activation/trigonometric.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// An activation that files can name: its parameters in order, and how to make it from them.
struct ActivationEntry {
  std::vector<std::string> parameters;  ///< their names, in the order that `make` takes
  /// From one value for each parameter. Throws Error where one is out of range.
  std::function<ActivationPtr(const std::vector<double>&)> make;
};

/// Every activation by the name that files and messages use.
inline const std::map<std::string, ActivationEntry>& activation_registry() {
  using Values = const std::vector<double>&;
  const auto plain = [](auto tag) {
    using Function = typename decltype(tag)::type;
    return ActivationEntry{{}, [](Values) { return std::make_shared<Function>(); }};
  };
  static const std::map<std::string, ActivationEntry> all{
      {"identity", plain(std::type_identity<Identity>{})},
      {"relu", plain(std::type_identity<Relu>{})},
      {"abs", plain(std::type_identity<Abs>{})},
      {"sign", plain(std::type_identity<Sign>{})},
      {"step", plain(std::type_identity<Step>{})},
      {"leaky_relu", {{"slope"}, [](Values v) { return std::make_shared<LeakyRelu>(v[0]); }}},
      {"piecewise_linear",
       {{"positive", "negative"}, [](Values v) { return std::make_shared<PiecewiseLinear>(v[0], v[1]); }}},
      {"erf", plain(std::type_identity<Erf>{})},
      {"gelu", plain(std::type_identity<Gelu>{})},
      {"sin", plain(std::type_identity<Sin>{})},
      {"cos", plain(std::type_identity<Cos>{})},
      {"rbf", {{"gamma"}, [](Values v) { return std::make_shared<Rbf>(v[0]); }}},
      {"sinusoid",
       {{"frequency", "sine", "cosine"},
        [](Values v) { return std::make_shared<Sinusoid>(v[0], v[1], v[2]); }}},
      {"gaussian", {{"rate"}, [](Values v) { return std::make_shared<GaussianBump>(v[0]); }}},
      {"exp", {{"rate"}, [](Values v) { return std::make_shared<Exp>(v[0]); }}},
      {"monomial", {{"degree"}, [](Values v) { return std::make_shared<Monomial>(v[0]); }}},
      {"hermite", {{"degree"}, [](Values v) { return std::make_shared<Hermite>(v[0]); }}},
      {"tanh", plain(std::type_identity<Tanh>{})},
      {"sigmoid", plain(std::type_identity<Sigmoid>{})},
      {"swish", plain(std::type_identity<Swish>{})},
      {"softplus", plain(std::type_identity<Softplus>{})},
      {"elu", {{"alpha"}, [](Values v) { return std::make_shared<Elu>(v[0]); }}},
  };
  return all;
}

/// The activation that files call `name`, with its parameters in the order of the registry, for example
/// make_activation("leaky_relu", {0.1}). Throws Error for an unknown name, and for parameters that are
/// too few, too many or out of range.
inline ActivationPtr make_activation(const std::string& name, const std::vector<double>& parameters = {}) {
  const auto entry = activation_registry().find(name);
  if (entry == activation_registry().end()) {
    std::string known;
    for (const auto& [each, ignored] : activation_registry()) known += (known.empty() ? "" : ", ") + each;
    throw Error("the activation '" + name + "' is unknown; use one of " + known);
  }
  const auto& names = entry->second.parameters;
  if (parameters.size() != names.size()) {
    std::string wanted;
    for (const auto& each : names) wanted += (wanted.empty() ? "" : ",") + each;
    throw Error("the activation '" + name + "' has " + std::to_string(names.size()) +
                (names.size() == 1 ? " parameter" : " parameters") + ", and " +
                std::to_string(parameters.size()) + " are given; give " +
                (wanted.empty() ? "none" : "it as " + name + ":" + wanted));
  }
  return entry->second.make(parameters);
}

/// The activation of a text: its name, and its parameters behind a colon, "leaky_relu:0.1" or
/// "piecewise_linear:1,-0.5". Throws Error as `make_activation` does, and for a parameter that is not a
/// number.
inline ActivationPtr parse_activation(const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  std::vector<double> parameters;
  for (std::size_t at = colon + 1; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    double value = 0;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, value);
    if (error != std::errc() || stop != text.data() + end || !std::isfinite(value))
      throw Error("'" + text.substr(at, end - at) + "' in the activation '" + text +
                  "' is not a finite number; give parameters as in leaky_relu:0.1");
    parameters.push_back(value);
    at = end + 1;
  }
  return make_activation(text.substr(0, colon), parameters);
}

}  // namespace SST_ABI
}  // namespace sst
