// SPDX-License-Identifier: MIT
#pragma once

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Which kernels are wanted.
///
/// `nngp`: K = E[f(x) f(x')], the covariance of the outputs of random networks; `ntk`: T, the scalar
/// product of their gradients by all parameters, which governs training by gradient descent.
/// NTK implies the covariances on the way, but not the NNGP's output.
enum class Kernel { nngp, ntk };

}  // namespace SST_ABI
}  // namespace sst
