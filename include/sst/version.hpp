// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The version of the library, in one place (CMake reads it from here).

#define SST_VERSION_MAJOR 0
#define SST_VERSION_MINOR 1
#define SST_VERSION_PATCH 0
