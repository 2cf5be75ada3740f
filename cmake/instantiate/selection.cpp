// SPDX-License-Identifier: MIT
#include <sst/instantiate/selection.hpp>
