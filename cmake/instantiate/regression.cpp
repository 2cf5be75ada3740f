// SPDX-License-Identifier: MIT
#include <sst/instantiate/regression.hpp>
