// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// From the text of a topology to a JSON document, with errors that say where.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// Goes through a text and refuses what nlohmann::json lets pass: a key twice in one object, and nesting
/// deeper than any topology. Remembers where it is, so that errors name node and key.
class StrictJson final : public nlohmann::json::json_sax_t {
 public:
  using Json = nlohmann::json;

  explicit StrictJson(const std::string& text) : text_(text) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(Json::number_integer_t) override { return value(); }
  bool number_unsigned(Json::number_unsigned_t) override { return value(); }
  bool number_float(Json::number_float_t, const std::string&) override { return value(); }
  bool binary(Json::binary_t&) override { return value(); }
  bool string(std::string& text) override {
    if (keys_.size() == 2 && last_key_ == "name") name_ = text;
    return value();
  }
  bool start_array(std::size_t) override {
    value();
    ++open_;
    return true;
  }
  bool end_array() override {
    --open_;
    return true;
  }
  bool start_object(std::size_t) override {
    value();
    ++open_;
    keys_.emplace_back();
    last_key_.clear();
    if (keys_.size() == 2) name_.clear();
    return true;
  }
  bool key(std::string& text) override {
    last_key_ = text;
    if (!keys_.back().insert(text).second)
      throw TopologyError(where() + ": the key stands twice; remove one");
    return true;
  }
  bool end_object() override {
    --open_;
    keys_.pop_back();
    last_key_.clear();
    if (keys_.size() == 1) ++nodes_;
    return true;
  }
  bool parse_error(std::size_t byte, const std::string&, const Json::exception& error) override {
    if (dynamic_cast<const Json::out_of_range*>(&error))
      throw TopologyError(where() + ": the number is beyond the range of double; correct it");
    const auto at = static_cast<std::ptrdiff_t>(std::min(byte > 0 ? byte - 1 : 0, text_.size()));
    const auto line = std::count(text_.begin(), text_.begin() + at, '\n') + 1;
    // Columns as an editor counts them: in letters.
    const auto start = std::find(text_.rend() - at, text_.rend(), '\n');
    const auto column = 1 + std::count_if(start.base(), text_.begin() + at, [](char c) {
                          return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
                        });
    throw TopologyError("the JSON is not valid at line " + std::to_string(line) + ", column " +
                        std::to_string(column) + " (" + where() + "); correct it there");
  }

 private:
  bool value() const {
    constexpr int deepest = 32;
    if (open_ > deepest)
      throw TopologyError(where() +
                          ": the JSON is nested deeper than a topology can be; see docs/topology-format.md");
    return true;
  }
  std::string where() const {
    std::string place = keys_.size() < 2 ? "the topology" : "node " + std::to_string(nodes_);
    if (keys_.size() >= 2 && !name_.empty()) place = "node '" + name_ + "'";
    return place + (last_key_.empty() ? "" : ", key '" + last_key_ + "'");
  }

  const std::string& text_;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
  std::string last_key_, name_;
  std::size_t nodes_ = 0;
  int open_ = 0;  // objects and arrays
};

/// Parses text; strict as above. Once for the checks and once for the document: with a callback, the library
/// would go through a parent's children again at each of them.
inline nlohmann::json parse_strictly(const std::string& text) {
  StrictJson strict(text);
  nlohmann::json::sax_parse(text, &strict);
  return nlohmann::json::parse(text);
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
