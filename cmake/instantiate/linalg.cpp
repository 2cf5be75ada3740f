// SPDX-License-Identifier: MIT
#include <sst/instantiate/linalg.hpp>
