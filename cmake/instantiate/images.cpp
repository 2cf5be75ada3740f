// SPDX-License-Identifier: MIT
#include <sst/instantiate/images.hpp>
