// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/base/plain_text.hpp>
#include <sst/base/text_table.hpp>
#include <sst/linalg/ridge.hpp>

#include "duration.hpp"
#include "program.hpp"
#include "recommend_data.hpp"
#include "recommend_ranking.hpp"

/// \file
/// What recommend says, as soon as it knows it: to a person, and for JSON.

namespace program {

/// A ridge that was tried, and what it came to on the validation part.
struct RidgeTrial {
  sst::Ridge ridge;
  RankingScore score;
};

class RecommendReport {
 public:
  explicit RecommendReport(std::ostream& out) : out_(out) {}

  void ratings(const std::string& file, const Ratings& r, std::uint32_t seed) {
    say("ratings", file + ": " + std::to_string(r.rows) + " rows, " + std::to_string(r.users.size()) +
                       " users, " + std::to_string(r.items.size()) + " items");
    const std::string from = r.split == "random" ? "at random, seed " + std::to_string(seed)
                             : r.split == "file" ? "by the file"
                                                 : "none";
    say("split", from + ": " + std::to_string(r.train.nonZeros()) + " interactions to train on, " +
                     std::to_string(r.validation.nonZeros()) + " to validate, " +
                     std::to_string(r.test.nonZeros()) + " to test");
    note(r.repeated, "rows repeat a user and an item, whose first row counts");
    note(r.below, "rows have a rating below --min-rating and are left out");
    note(r.left_out, "users have nothing to train on and are left out");
    json_["ratings"] = {{"file", file},
                        {"rows", r.rows},
                        {"users", r.users.size()},
                        {"items", r.items.size()},
                        {"split", r.split},
                        {"train", r.train.nonZeros()},
                        {"validation", r.validation.nonZeros()},
                        {"test", r.test.nonZeros()},
                        {"repeated", r.repeated},
                        {"below_min_rating", r.below},
                        {"users_left_out", r.left_out}};
    if (r.split == "random") json_["ratings"]["seed"] = seed;
  }

  void memory(double bytes) {
    sst::detail::PlainText text;
    text.precision(3);
    text << bytes / (1024.0 * 1024 * 1024) << " GiB for the regression, beside the ratings";
    say("memory", text.str());
  }

  /// The ridges that were tried, by their hit rates.
  void trials(const std::vector<RidgeTrial>& trials) {
    using enum sst::TextTable::Align;
    const std::string at = "@" + std::to_string(trials.front().score.at);
    sst::TextTable table({{"ridge"}, {"HR" + at + " %", right, 2}, {"nDCG" + at + " %", right, 2}});
    for (const RidgeTrial& t : trials) {
      table.add_row({t.ridge.to_string(), 100 * t.score.hit_rate, 100 * t.score.ndcg});
      json_["validation"].push_back({{"ridge", t.ridge.to_string()}, {"score", to_json(t.score)}});
    }
    out_ << "\nOn the validation part\n\n" << table << '\n';
  }

  void model(const std::string& kernel, const sst::Ridge& ridge, double lambda) {
    say("model", kernel + ", ridge " + ridge.to_string());
    json_["model"] = {{"kernel", kernel}, {"ridge", ridge.to_string()}, {"lambda", lambda}};
  }

  /// On the test part: of what the model lists, and of the most popular items.
  void scores(const std::vector<RankingScore>& model, const std::vector<RankingScore>& popular) {
    using enum sst::TextTable::Align;
    sst::TextTable table(
        {{"list"}, {"k", right}, {"HR@k %", right, 2}, {"nDCG@k %", right, 2}, {"items listed %", right, 1}});
    const auto add = [&](const char* name, const std::vector<RankingScore>& scores) {
      for (const RankingScore& s : scores) {
        table.add_row({name, s.at, 100 * s.hit_rate, 100 * s.ndcg, 100 * s.coverage});
        json_["test"][name].push_back(to_json(s));
      }
    };
    add("model", model);
    add("most_popular", popular);
    out_ << "\nOn the test part, " << model.front().users << " users\n\n" << table;
  }

  void finish() {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began_;
    out_ << '\n';
    say("took",
        format_duration(took.count()) + ", at most " + std::to_string(std::lround(peak_memory())) + " MiB");
  }

  const nlohmann::ordered_json& json() const { return json_; }

 private:
  static nlohmann::ordered_json to_json(const RankingScore& s) {
    return {{"at", s.at},
            {"users", s.users},
            {"hit_rate", s.hit_rate},
            {"ndcg", s.ndcg},
            {"coverage", s.coverage}};
  }
  void say(const std::string& what, const std::string& text) {
    out_ << what << std::string(10 - what.size(), ' ') << text << '\n' << std::flush;
  }
  void note(std::size_t count, const std::string& what) {
    if (count > 0) say("note", std::to_string(count) + " " + what);
  }

  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::ostream& out_;
  nlohmann::ordered_json json_;
};

}  // namespace program
