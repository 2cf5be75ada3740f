// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The version of the library, in one place (CMake reads it from here).

/// Counts changes that break programs; 0 while the interface may still change.
#define SST_VERSION_MAJOR 0
/// Counts additions.
#define SST_VERSION_MINOR 1
/// Counts corrections.
#define SST_VERSION_PATCH 0

/// v1_2_3 of 1, 2, 3, as they stand.
#define SST_ABI_PASTE(major, minor, patch) v##major##_##minor##_##patch
/// v1_2_3 of macros that mean 1, 2, 3.
#define SST_ABI_NAME(major, minor, patch) SST_ABI_PASTE(major, minor, patch)
/// The inline namespace of every name, v0_1_0 in version 0.1.0: parts of a program that were built with
/// different versions do not get each other's functions. Nobody has to write it: sst::gram is
/// sst::v0_1_0::gram.
#define SST_ABI SST_ABI_NAME(SST_VERSION_MAJOR, SST_VERSION_MINOR, SST_VERSION_PATCH)
