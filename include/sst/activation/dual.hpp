// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <sst/activation/activation.hpp>
#include <sst/activation/quadrature.hpp>

namespace sst {

/// The dual map of (phi, psi): in closed form where one of the two knows it (closed forms of the library
/// are symmetric in their functions up to the order of the Gaussians), else by quadrature to 1e-13.
inline std::shared_ptr<const DualMap> dual_map(const ActivationPtr& phi, const ActivationPtr& psi) {
  if (auto map = phi->closed_form_with(*psi)) return map;
  return quadrature_map(phi, psi);
}

}  // namespace sst
