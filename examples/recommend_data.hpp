// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sst/error.hpp>
#include <sst/io/csv.hpp>
#include <sst/io/table_problems.hpp>
#include <sst/selection/split.hpp>
#include <sst/tables/raw_table.hpp>

#include "recommend_ranking.hpp"

/// \file
/// From a table of (user, item[, rating][, split]) to three sparse matrices.

namespace program {

/// Which columns of a table are what; empty: by its name, else by its place.
struct RatingColumns {
  std::string user, item, rating;
  std::string split;                 ///< "random": by chance; "none": all is to train on
  std::optional<double> min_rating;  ///< rows below it do not count
  std::uint32_t seed = 0;            ///< of a random split
};

/// Who took to what. Users and items are in the order of their first rows.
struct Ratings {
  std::vector<std::string> users, items;
  Interactions train, validation, test;  ///< users x items; no two have an entry in one place
  std::string split;                     ///< where the parts come from: "file", "random" or "none"
  std::size_t rows = 0;                  ///< of the table
  std::size_t below = 0;                 ///< rows whose rating is too low
  std::size_t repeated = 0;              ///< rows whose user and item an earlier row has; that one counts
  std::size_t left_out = 0;              ///< users with nothing to train on
};

namespace rating_detail {

using Eigen::Index;

/// Parts in the order of Ratings.
inline constexpr std::array<const char*, 3> parts{"train", "val", "test"};

struct Interaction {
  Index user, item;
  std::size_t row, part;
  auto operator<=>(const Interaction&) const = default;
};

/// Numbers for names, in the order of their first appearance.
class Names {
 public:
  Index operator()(const std::string& name) {
    const auto [at, fresh] = numbers_.emplace(name, static_cast<Index>(names_.size()));
    if (fresh) names_.push_back(name);
    return at->second;
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::unordered_map<std::string, Index> numbers_;
  std::vector<std::string> names_;
};

/// A column by what an option says, else by its name, else by its place; none where there is no such place.
inline std::optional<std::size_t> column(const sst::RawTable& table, const std::string& wanted,
                                         const std::string& name, std::size_t place) {
  const std::size_t columns = table.rows.front().size();
  if (!wanted.empty())
    return static_cast<std::size_t>(
        sst::detail::find_column(table.columns, static_cast<Index>(columns), wanted, table.source));
  const auto named = std::find(table.columns.begin(), table.columns.end(), name);
  if (named != table.columns.end()) return static_cast<std::size_t>(named - table.columns.begin());
  return place < columns ? std::optional(place) : std::nullopt;
}

/// The column of the parts: of a table without a header the last one, where its first field is one of them.
inline std::optional<std::size_t> split_column(const sst::RawTable& table, const std::string& wanted) {
  if (wanted == "random" || wanted == "none") return std::nullopt;
  const std::size_t none = table.rows.front().size();
  if (!wanted.empty() || !table.columns.empty()) return column(table, wanted, "split", none);
  const bool has = std::find(parts.begin(), parts.end(), table.rows.front().back()) != parts.end();
  return has ? std::optional(none - 1) : std::nullopt;
}

/// Of each user a tenth of the items, rounded up, tests and a tenth, rounded down, validates; of a user with
/// less than three all are to train on. all: in the order of users.
inline void split_at_random(std::vector<Interaction>& all, std::uint32_t seed) {
  for (std::size_t first = 0, end = 0; first < all.size(); first = end) {
    while (end < all.size() && all[end].user == all[first].user) ++end;
    const std::size_t count = end - first;
    if (count < 3) continue;
    const std::size_t tests = (count + 9) / 10, held = tests + count / 10;
    const auto order =
        sst::permutation(static_cast<Index>(count), seed + static_cast<std::uint32_t>(all[first].user));
    for (std::size_t i = 0; i < held; ++i)
      all[first + static_cast<std::size_t>(order[i])].part = i < tests ? 2 : 1;
  }
}

/// The rows of the table that count, with numbers for names; throws DataError for all fields that are wrong.
inline std::vector<Interaction> read_rows(const sst::RawTable& table, const RatingColumns& columns,
                                          Ratings& out) {
  const auto user = column(table, columns.user, "user", 0), item = column(table, columns.item, "item", 1);
  if (!user || !item)
    throw sst::DataError(table.source + " has one column (a user and an item take two); add the other");
  if (*user == *item)
    throw sst::DataError("users and items are the same column of " + table.source +
                         "; name another by --user or --item");
  const auto split = split_column(table, columns.split);
  const auto rating = columns.min_rating ? column(table, columns.rating, "rating", 2) : std::nullopt;
  if (columns.min_rating && !rating)
    throw sst::DataError(table.source + " has no column of ratings (--min-rating needs one); add it");
  sst::detail::TableProblems problems(table.source);
  Names users, items;
  std::vector<Interaction> all;
  double value = 0;
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const auto& row = table.rows[r];
    const auto wrong = [&](std::size_t c, sst::detail::CsvField kind, auto&& describe) {
      problems.add_field(table.lines[r], c, table.columns.empty() ? "" : table.columns[c], kind, describe);
    };
    for (const std::size_t c : {*user, *item})
      if (const auto kind = sst::detail::parse_csv_field(row[c], value, table.format);
          kind == sst::detail::CsvField::empty || kind == sst::detail::CsvField::missing)
        wrong(c, kind, [&] { return sst::detail::csv_field_problem(row[c], kind); });
    std::size_t part = 0;
    if (split) {
      while (part < parts.size() && row[*split] != parts[part]) ++part;
      if (part == parts.size())
        wrong(*split, sst::detail::CsvField::text, [&] {
          return sst::detail::FieldProblem{sst::detail::quote(row[*split]) + " is no part of a split",
                                           "write train, val or test, or split at random (--split random)"};
        });
    }
    if (rating) {
      const auto kind = sst::detail::parse_csv_field(row[*rating], value, table.format);
      if (kind != sst::detail::CsvField::number)
        wrong(*rating, kind, [&] { return sst::detail::csv_field_problem(row[*rating], kind); });
      if (value < *columns.min_rating) {
        ++out.below;
        continue;
      }
    }
    all.push_back({users(row[*user]), items(row[*item]), r, part});
  }
  problems.raise();
  out.rows = table.rows.size();
  out.users = users.take();
  out.items = items.take();
  out.split = split ? "file" : columns.split == "none" ? "none" : "random";
  return all;
}

}  // namespace rating_detail

/// Reads the interactions of a table. A pair that comes again counts once, in the part of its first row;
/// users with nothing to train on are left out. Throws DataError with the place of what is wrong, and where
/// nothing is left.
inline Ratings read_ratings(const sst::RawTable& table, const RatingColumns& columns) {
  using namespace rating_detail;
  Ratings out;
  std::vector<Interaction> all = read_rows(table, columns, out);
  std::sort(all.begin(), all.end());
  const auto last = std::unique(all.begin(), all.end(), [](const Interaction& a, const Interaction& b) {
    return a.user == b.user && a.item == b.item;
  });
  out.repeated = static_cast<std::size_t>(all.end() - last);
  all.erase(last, all.end());
  if (out.split == "random") split_at_random(all, columns.seed);

  std::vector<char> trains(out.users.size(), 0);
  for (const Interaction& i : all)
    if (i.part == 0) trains[static_cast<std::size_t>(i.user)] = 1;
  std::vector<Index> row(out.users.size());
  std::vector<std::string> users;
  for (std::size_t u = 0; u < trains.size(); ++u) {
    row[u] = static_cast<Index>(users.size());
    if (trains[u]) users.push_back(out.users[u]);
  }
  out.left_out = out.users.size() - users.size();
  out.users = std::move(users);
  if (out.users.empty())
    throw sst::DataError(table.source +
                         " has nothing to train on (no row that counts is in the part train); add such rows");
  std::array<std::vector<Eigen::Triplet<double>>, 3> entries;
  for (const Interaction& i : all)
    if (trains[static_cast<std::size_t>(i.user)])
      entries[i.part].emplace_back(row[static_cast<std::size_t>(i.user)], i.item, 1);
  for (const auto& [part, matrix] :
       {std::pair(0, &out.train), std::pair(1, &out.validation), std::pair(2, &out.test)}) {
    matrix->resize(static_cast<Index>(out.users.size()), static_cast<Index>(out.items.size()));
    matrix->setFromTriplets(entries[static_cast<std::size_t>(part)].begin(),
                            entries[static_cast<std::size_t>(part)].end());
  }
  return out;
}

}  // namespace program
