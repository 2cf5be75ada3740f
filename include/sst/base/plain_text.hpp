// SPDX-License-Identifier: MIT
#pragma once

#include <locale>
#include <sstream>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// A stream for messages and for what is in files: numbers look the same whatever the program's locale is.
class PlainText : public std::ostringstream {
 public:
  PlainText() { imbue(std::locale::classic()); }
};

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
