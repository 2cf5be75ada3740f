// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <sst/activation/activation.hpp>
#include <sst/error.hpp>

namespace sst {

/// The dual map of (phi, psi). Throws NoClosedForm when neither knows the other.
inline std::shared_ptr<const DualMap> dual_map(const ActivationPtr& phi, const ActivationPtr& psi) {
  if (auto map = phi->closed_form_with(*psi)) return map;
  throw NoClosedForm("activations '" + phi->name() + "' and '" + psi->name() +
                     "' on correlated inputs have no closed form");
}

}  // namespace sst
