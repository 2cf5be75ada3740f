// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/base/file.hpp>
#include <sst/error.hpp>

#include "checked_line.hpp"
#include "uci_protocol.hpp"

/// \file
/// What has been found so far, in a file that outlives the program.

namespace program {

/// One method on one set.
struct Result {
  std::string set, method;
  Protocol protocol = Protocol::published;
  Eigen::Index rows = 0, features = 0;
  int classes = 0;
  Outcome outcome;
};

inline nlohmann::ordered_json to_json(const Result& result) {
  nlohmann::ordered_json out{{"set", result.set},
                             {"rows", result.rows},
                             {"features", result.features},
                             {"classes", result.classes},
                             {"method", result.method},
                             {"protocol", protocol_name(result.protocol)},
                             {"accuracy", result.outcome.accuracy()},
                             {"folds", result.outcome.folds}};
  for (const Choice& choice : result.outcome.chosen)
    out["chosen"].push_back(
        {{"kernel", choice.kernel}, {"setting", choice.setting}, {"validation", choice.validation}});
  return out;
}

inline Result result_from(const nlohmann::json& json) {
  const bool nested = json.at("protocol") == protocol_name(Protocol::nested);
  Result out{json.at("set"),
             json.at("method"),
             nested ? Protocol::nested : Protocol::published,
             json.at("rows"),
             json.at("features"),
             json.at("classes"),
             {}};
  out.outcome.folds = json.at("folds");
  for (const auto& choice : json.at("chosen"))
    out.outcome.chosen.push_back({choice.at("kernel"), choice.at("setting"), choice.at("validation")});
  return out;
}

/// Results as lines "CHECKSUM JSON", appended one by one; without a file they are kept in memory alone.
class ResultFile {
 public:
  /// Reads what is there. What a run that was killed has half written at the end is not: it is done again.
  /// Throws DataError, with the line, for other damage.
  explicit ResultFile(std::filesystem::path file) : file_(std::move(file)) {
    if (file_.empty() || !std::filesystem::exists(file_)) return;
    const std::string text = sst::detail::read_all(file_);
    const std::size_t complete = text.rfind('\n') + 1;  // 0 where there is none
    for (std::size_t begin = 0, line = 1, end = 0; begin < complete; begin = end + 1, ++line) {
      end = text.find('\n', begin);
      add(text.substr(begin, end - begin), line);
    }
    if (complete < text.size()) std::filesystem::resize_file(file_, complete);
  }

  /// The result that is there; null where there is none. Throws DataError where it is of other data.
  const Result* find(const UciSet& set, const Method& method, Protocol protocol) const {
    const auto at = results_.find({set.name, method.name, protocol});
    if (at == results_.end()) return nullptr;
    if (at->second.first != fingerprint(set, method))
      throw sst::DataError("the results in '" + file_.string() + "' for '" + set.name + "' and " +
                           method.name + " are of other data or settings; give another file");
    return &at->second.second;
  }

  /// Notes one more; called by several threads. Throws DataError where the file cannot be written.
  void append(const Result& result, const std::string& fingerprint, double seconds) {
    const std::lock_guard lock(mutex_);
    results_.insert({{result.set, result.method, result.protocol}, {fingerprint, result}});
    if (file_.empty()) return;
    nlohmann::ordered_json json = to_json(result);
    json["fingerprint"] = fingerprint;
    json["seconds"] = seconds;
    std::ofstream out(file_, std::ios::app | std::ios::binary);
    out << checked_line(json.dump());
    if (!out.flush())
      throw sst::DataError("cannot write '" + file_.string() + "' (" + sst::detail::last_system_error() +
                           "); choose a place that exists, is writable and has room");
  }

 private:
  using Key = std::tuple<std::string, std::string, Protocol>;

  void add(const std::string& line, std::size_t number) {
    const auto text = checked_text(line);
    if (!text)
      throw sst::DataError("cannot use '" + file_.string() + "' (line " + std::to_string(number) +
                           " is damaged, or no result of this program); give another file");
    const auto json = nlohmann::json::parse(*text);
    const Result result = result_from(json);
    results_.insert({{result.set, result.method, result.protocol}, {json.at("fingerprint"), result}});
  }

  std::filesystem::path file_;
  std::map<Key, std::pair<std::string, Result>> results_;
  std::mutex mutex_;
};

}  // namespace program
