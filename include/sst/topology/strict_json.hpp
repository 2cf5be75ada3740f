// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/error.hpp>

/// \file
/// From the text of a topology to a JSON document, with errors that say where.

namespace sst::detail {

/// Parses text, refusing what nlohmann::json lets pass: a key twice in one object, and nesting deeper
/// than any topology. Remembers where it is, so that these errors name node and key as well.
inline nlohmann::json parse_strictly(const std::string& text) {
  using Json = nlohmann::json;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::string last_key, name;
  std::size_t nodes = 0;
  const auto where = [&] {
    std::string place = keys.size() < 2 ? "the topology" : "node " + std::to_string(nodes);
    if (keys.size() >= 2 && !name.empty()) place = "node '" + name + "'";
    return place + (last_key.empty() ? "" : ", key '" + last_key + "'");
  };
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    using enum Json::parse_event_t;
    if (depth > 32)
      throw TopologyError(where() +
                          ": the JSON is nested deeper than a topology can be; see docs/topology-format.md");
    if (event == object_start) {
      keys.emplace_back();
      last_key.clear();
      if (keys.size() == 2) name.clear();
    } else if (event == object_end) {
      keys.pop_back();
      last_key.clear();
      if (keys.size() == 1) ++nodes;
    } else if (event == key) {
      last_key = parsed.get<std::string>();
      if (!keys.back().insert(last_key).second)
        throw TopologyError(where() + ": the key stands twice; remove one");
    } else if (event == value && keys.size() == 2 && last_key == "name" && parsed.is_string()) {
      name = parsed.get<std::string>();
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::parse_error& error) {
    const auto at = static_cast<std::ptrdiff_t>(std::min(error.byte > 0 ? error.byte - 1 : 0, text.size()));
    const auto line = std::count(text.begin(), text.begin() + at, '\n') + 1;
    const auto start = std::find(text.rend() - at, text.rend(), '\n');
    throw TopologyError("the JSON is not valid at line " + std::to_string(line) + ", column " +
                        std::to_string(start - (text.rend() - at) + 1) + " (" + where() +
                        "); correct it there");
  } catch (const Json::out_of_range&) {
    throw TopologyError(where() + ": the number is beyond the range of double; correct it");
  }
}

}  // namespace sst::detail
