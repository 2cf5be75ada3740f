// SPDX-License-Identifier: MIT
#pragma once

// Debian 12 has Catch2 version 2; newer systems have version 3. The tests use what both share.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
