// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace sst_test {

/// What the `Error` that `call` throws says; "no error" if it throws none.
template <class Error, class Call>
std::string error_message(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace sst_test
