// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <sst/activation/registry.hpp>
#include <sst/plan/kernel.hpp>

namespace sst_test {

/// Calls check(name, phi, kernel) for every activation of the registry, with each kernel that it has.
template <class Check>
void for_every_activation(Check&& check) {
  for (const auto& [name, entry] : sst::activation_registry()) {
    const sst::ActivationPtr phi = entry.make(
        std::vector<double>(entry.parameters.size(), name == "hermite" || name == "monomial" ? 3 : 0.4));
    for (const sst::Kernel kernel : {sst::Kernel::nngp, sst::Kernel::ntk})
      if (kernel == sst::Kernel::nngp || phi->ntk_obstacle().empty()) check(name, phi, kernel);
  }
}

}  // namespace sst_test
