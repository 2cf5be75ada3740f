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
