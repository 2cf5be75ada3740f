// SPDX-License-Identifier: MIT
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#endif
#include "catch.hpp"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
// LLVM's OpenMP runtime keeps what it knows of threads that it no longer needs.
extern "C" const char* __lsan_default_suppressions() { return "leak:libomp"; }
#endif
#endif
