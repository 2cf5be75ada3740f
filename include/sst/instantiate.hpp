// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// For programs of many translation units: most of what the compiler does for this library, done once.
///
/// One .cpp file of the program includes this header and nothing else; everything is compiled with
/// -DSST_EXTERN_TEMPLATES. Kernels, Cholesky factorizations and models in double and float are then compiled
/// in that file alone. Five files that include one of the five headers below each do the same, side by side.
/// They have to be compiled with the same options as the others. Nothing else changes.

#include <sst/instantiate/images.hpp>
#include <sst/instantiate/kernels.hpp>
#include <sst/instantiate/linalg.hpp>
#include <sst/instantiate/regression.hpp>
#include <sst/instantiate/selection.hpp>
