// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/fingerprint.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/selection/split.hpp>
#include <sst/topology/families.hpp>

#include "uci_learners.hpp"
#include "uci_sets.hpp"

/// \file
/// The protocol of Arora, Du, Li, Salakhutdinov, Wang and Yu 2020, "Harnessing the Power of Infinitely Wide
/// Deep Nets on Small-data Tasks" (ICLR), and one in which no row that is tested has been chosen by.

namespace program {

struct NamedKernel {
  std::string name;
  sst::KernelFunction kernel;
};

/// Kernels to choose from, for rows of so many features, and a learner with settings to choose from.
struct Method {
  std::string name;
  std::function<std::vector<NamedKernel>(Eigen::Index features)> kernels;
  std::function<std::unique_ptr<Learner>(Eigen::MatrixXd kernel, const UciSet& set)> learner;
  std::vector<double> settings;
};

/// first, first ratio, ..., of `count` numbers.
inline std::vector<double> geometric(double first, double ratio, int count) {
  std::vector<double> out;
  for (int i = 0; i < count; ++i) out.push_back(first * std::pow(ratio, i));
  return out;
}

/// ReLU chains of L = 1..5 layers of which the first L' = 0..L-1 do not learn. The paper's inner product of
/// two inputs is not divided by their length, ours is.
inline std::vector<NamedKernel> ntk_kernels(Eigen::Index features) {
  std::vector<NamedKernel> out;
  for (int depth = 1; depth <= 5; ++depth)
    for (int frozen = 0; frozen < depth; ++frozen)
      out.push_back({"L=" + std::to_string(depth) + " L'=" + std::to_string(frozen),
                     static_cast<double>(features) * sst::ntk(sst::chain(depth, {.frozen_layers = frozen}))});
  return out;
}

/// exp(-g |a - b|^power), for each g.
inline std::vector<NamedKernel> radial_kernels(const char* name, int power, const std::vector<double>& gs) {
  std::vector<NamedKernel> out;
  for (const double g : gs) {
    sst::detail::PlainText text;
    text << "g=" << g;
    out.push_back({text.str(), sst::kernel_function(name, [g, power](const auto& a, const auto& b) {
                     const double squared = (a - b).squaredNorm();
                     return std::exp(-g * (power == 2 ? squared : std::sqrt(squared)));
                   })});
  }
  return out;
}

/// All that this program has; those with a support vector machine where it is built with libsvm.
inline std::vector<Method> uci_methods() {
  const auto gaussian = [](Eigen::Index) {
    return radial_kernels("gaussian", 2, geometric(std::exp2(-16), 4, 13));
  };
  const auto laplace = [](Eigen::Index) {
    return radial_kernels("laplace", 1, geometric(std::exp2(-8), 2, 13));
  };
  std::vector<Method> out;
  for (const auto& [name, kernels] : std::vector<std::pair<std::string, decltype(Method::kernels)>>{
           {"ntk", ntk_kernels}, {"gaussian", gaussian}, {"laplace", laplace}}) {
#ifdef SST_WITH_LIBSVM
    out.push_back({name + "_svm", kernels,
                   [](Eigen::MatrixXd kernel, const UciSet& set) -> std::unique_ptr<Learner> {
                     return std::make_unique<SupportVectors>(std::move(kernel), set);
                   },
                   geometric(1e-2, 10, 7)});
#endif
    out.push_back({name + "_regression", kernels,
                   [](Eigen::MatrixXd kernel, const UciSet& set) -> std::unique_ptr<Learner> {
                     return std::make_unique<Regression>(std::move(kernel), set);
                   },
                   geometric(1e-6, 10, 7)});
  }
  return out;
}

/// What kernel and setting are chosen by: once for all folds, on the validation half, whose rows are test
/// rows of the folds as well (`published`), or within the training rows of each fold (`nested`).
enum class Protocol { published, nested };

inline const char* protocol_name(Protocol protocol) {
  return protocol == Protocol::published ? "published" : "nested";
}

struct Choice {
  std::string kernel;
  double setting = 0, validation = -1;  ///< the accuracy that it was chosen by
};

/// How a method does on a set.
struct Outcome {
  std::array<double, 4> folds{};  ///< accuracies
  std::vector<Choice> chosen;     ///< one, or one a fold
  double accuracy() const { return std::accumulate(folds.begin(), folds.end(), 0.0) / 4; }
};

/// Its first, third, ... row to train, the others to validate.
inline sst::Split every_other(const std::vector<Eigen::Index>& rows) {
  sst::Split out;
  for (std::size_t i = 0; i < rows.size(); ++i) (i % 2 == 0 ? out.train : out.test).push_back(rows[i]);
  return out;
}

/// Of equal choices the first one counts: few layers, few of them frozen, a small C. `step` is called once
/// for each kernel.
template <class Step>
Outcome evaluate(const UciSet& set, const Method& method, Protocol protocol, Step&& step) {
  std::vector<sst::Split> choose_on{set.halves};
  if (protocol == Protocol::nested) {
    choose_on.clear();
    for (const sst::Split& fold : set.folds) choose_on.push_back(every_other(fold.train));
  }
  const std::vector<NamedKernel> kernels = method.kernels(set.x.cols());
  const auto learner = [&](const NamedKernel& kernel) {
    return method.learner(kernel.kernel.matrix(set.x, {.threads = 1}), set);
  };
  Outcome out;
  out.chosen.resize(choose_on.size());
  for (const NamedKernel& kernel : kernels) {
    const auto candidate = learner(kernel);
    for (std::size_t i = 0; i < choose_on.size(); ++i) {
      const std::vector<double> found = candidate->accuracies(choose_on[i], method.settings);
      const auto best = std::max_element(found.begin(), found.end());
      if (*best > out.chosen[i].validation)
        out.chosen[i] = {kernel.name, method.settings[static_cast<std::size_t>(best - found.begin())], *best};
    }
    step();
  }
  for (const NamedKernel& kernel : kernels) {
    std::unique_ptr<Learner> chosen;
    for (std::size_t f = 0; f < set.folds.size(); ++f) {
      const Choice& choice = out.chosen[std::min(f, out.chosen.size() - 1)];
      if (choice.kernel != kernel.name) continue;
      if (!chosen) chosen = learner(kernel);
      out.folds[f] = chosen->accuracies(set.folds[f], {choice.setting})[0];
    }
  }
  return out;
}

/// Of all that an outcome follows from.
inline std::string fingerprint(const UciSet& set, const Method& method) {
  sst::Fingerprint out;
  out.add(set.x).add(set.labels.data(), set.labels.size() * sizeof(int));
  const auto add = [&](const sst::Split& split) {
    for (const auto* rows : {&split.train, &split.test})
      out.add(rows->data(), rows->size() * sizeof(Eigen::Index));
  };
  add(set.halves);
  for (const sst::Split& fold : set.folds) add(fold);
  for (const NamedKernel& kernel : method.kernels(set.x.cols())) out.add(kernel.name);
  return out.add(method.settings.data(), method.settings.size() * sizeof(double)).text();
}

}  // namespace program
