// SPDX-License-Identifier: MIT
#include <sst/instantiate/kernels.hpp>
