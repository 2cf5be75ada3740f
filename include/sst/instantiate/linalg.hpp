// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Factors and spectra. See instantiate.hpp.

#include <sst/linalg/band_form_impl.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/spectrum_impl.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

SST_CHOLESKY_TEMPLATES(, double)
SST_CHOLESKY_TEMPLATES(, float)

}  // namespace SST_ABI
}  // namespace sst
