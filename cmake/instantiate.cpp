// SPDX-License-Identifier: MIT
#include <sst/instantiate.hpp>
