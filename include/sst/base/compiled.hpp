// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Bodies that instantiate.hpp compiles once for a program of many files, and that every file compiles for
/// itself otherwise.

#ifdef SST_EXTERN_TEMPLATES
/// Before the definition of a function whose body is compiled once.
#define SST_COMPILED
#else
/// Before the definition of a function whose body is compiled once.
#define SST_COMPILED inline
#endif
