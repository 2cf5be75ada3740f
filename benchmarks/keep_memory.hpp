// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

/// Memory that was freed stays in the process from here on, so that what is timed later does not wait for the
/// system to give it: the host of a virtual machine may take as long for it as a fit takes. glibc alone.
inline void keep_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
}
