// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <Eigen/Core>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/selection/split.hpp>

/// \file
/// The UCI data sets as Fernandez-Delgado et al. 2014 prepared them ("Do we Need Hundreds of Classifiers to
/// Solve Real World Classification Problems?", JMLR 15): a folder with a folder of four files for each set.

namespace program {

/// A classification task, with the splits that go with it.
struct UciSet {
  std::string name;
  Eigen::MatrixXd x;                ///< n x d, as the file has it: standardised
  std::vector<int> labels;          ///< n, from 0 to classes - 1
  int classes = 0;                  ///< 2 at least
  sst::Split halves;                ///< rows to train, and to validate choices on: conxuntos.dat
  std::array<sst::Split, 4> folds;  ///< conxuntos_kfold.dat
};

namespace uci_detail {

/// A file as lines of words between blanks; knows where it is, for messages.
class Words {
 public:
  explicit Words(const std::filesystem::path& file)
      : file_(file.string()), text_(sst::detail::read_all(file)) {}

  /// The next line that has words; false at the end.
  bool next(std::vector<std::string_view>& words) {
    for (words.clear(); words.empty() && at_ < text_.size(); ++line_) {
      const std::string_view all = text_;
      const std::string_view line = all.substr(at_, all.find('\n', at_) - at_);
      at_ += line.size() + 1;
      for (std::size_t begin = 0, end = 0; begin < line.size(); begin = end) {
        begin = std::min(line.find_first_not_of(blanks, begin), line.size());
        end = std::min(line.find_first_of(blanks, begin), line.size());
        if (begin < end) words.push_back(line.substr(begin, end - begin));
      }
    }
    return !words.empty();
  }
  [[noreturn]] void refuse(const std::string& problem) const {
    throw sst::DataError("cannot use '" + file_ + "' (" + problem + "); give the file as it was published");
  }
  /// Of the line that was read last.
  [[noreturn]] void refuse_line(const std::string& problem) const {
    refuse("line " + std::to_string(line_) + " " + problem);
  }
  int integer(std::string_view word) const {
    int value = 0;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value);
    if (error != std::errc() || stop != end)
      refuse_line("has " + sst::detail::quote(word) + ", which is no integer");
    return value;
  }
  double number(std::string_view word) const {
    double value = 0;
    if (sst::detail::parse_csv_field(word, value) != sst::detail::CsvField::number)
      refuse_line("has " + sst::detail::quote(word) + ", which is no finite number");
    return value;
  }

 private:
  static constexpr std::string_view blanks = " \t\r";
  std::string file_, text_;
  std::size_t at_ = 0, line_ = 0;
};

/// Pairs of lines with the numbers of rows, counted from 0.
template <std::size_t Pairs>
std::array<sst::Split, Pairs> read_splits(const std::filesystem::path& file, Eigen::Index rows) {
  Words lines(file);
  std::vector<std::string_view> words;
  std::array<sst::Split, Pairs> out;
  for (sst::Split& split : out) {
    std::vector<bool> seen(static_cast<std::size_t>(rows));
    for (std::vector<Eigen::Index>* list : {&split.train, &split.test}) {
      if (!lines.next(words))
        lines.refuse("it has fewer than " + std::to_string(2 * Pairs) + " lists of rows");
      for (const std::string_view word : words) {
        const int row = lines.integer(word);
        if (row < 0 || row >= rows)
          lines.refuse_line("has row " + std::to_string(row) + " of " + std::to_string(rows) +
                            ", counted from 0");
        if (seen[static_cast<std::size_t>(row)])
          lines.refuse_line("has row " + std::to_string(row) + ", which this split has already");
        seen[static_cast<std::size_t>(row)] = true;
        list->push_back(row);
      }
    }
  }
  if (lines.next(words))
    lines.refuse_line("is one more than " + std::to_string(2 * Pairs) + " lists of rows");
  return out;
}

}  // namespace uci_detail

/// The sets in a folder, in alphabetical order: NAME of every NAME/NAME.txt. Throws DataError where there is
/// none.
inline std::vector<std::string> uci_names(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (std::filesystem::is_regular_file(entry.path() / (name + ".txt"))) names.push_back(name);
  }
  if (error)
    throw sst::DataError("cannot read the folder '" + folder.string() + "' (" + error.message() +
                         "); check the path");
  if (names.empty())
    throw sst::DataError(
        "the folder '" + folder.string() +
        "' has no data sets (a folder NAME with NAME.txt is one); name the folder that holds "
        "theirs");
  std::sort(names.begin(), names.end());
  return names;
}

/// The set NAME of a folder: NAME/NAME.txt, the file of rows that it names (number, d features, class),
/// conxuntos.dat and conxuntos_kfold.dat. Throws DataError with the file and line for what does not fit, and
/// for sets with a test file of their own, which have no folds.
inline UciSet read_uci_set(const std::filesystem::path& folder, const std::string& name) {
  using uci_detail::Words;
  const std::filesystem::path here = folder / name;
  std::vector<std::string_view> words;

  Words about(here / (name + ".txt"));
  std::map<std::string, int, std::less<>> facts;
  std::string data;
  while (about.next(words)) {
    if (words.size() != 2 || !words[0].ends_with('=')) about.refuse_line("is not of the form 'name= value'");
    if (words[0] == "fich2=")
      throw sst::DataError("the data set " + sst::detail::quote(name) +
                           " has test rows of its own (the others have four folds); leave it out");
    if (words[0] == "fich1=")
      data = words[1];
    else
      facts[std::string(words[0])] = about.integer(words[1]);
  }
  const auto count = [&](const char* key, int least) {
    if (!facts.contains(key)) about.refuse("it has no '" + std::string(key) + "'");
    if (facts[key] < least)
      about.refuse("'" + std::string(key) + "' is " + std::to_string(facts[key]) + ", less than " +
                   std::to_string(least));
    return facts[key];
  };
  if (data.empty()) about.refuse("it has no 'fich1='");

  UciSet set;
  set.name = name;
  set.classes = count("n_clases=", 2);
  const int rows = count("n_patrons1=", 2), features = count("n_entradas=", 1);
  Words table(here / data);
  set.x.resize(rows, features);
  table.next(words);  // the names of the columns
  while (table.next(words)) {
    const auto row = static_cast<Eigen::Index>(set.labels.size());
    if (row == rows) table.refuse_line("is row " + std::to_string(row + 1) + " of " + std::to_string(rows));
    if (words.size() != static_cast<std::size_t>(features) + 2)
      table.refuse_line("has " + std::to_string(words.size()) + " fields, not a number of the row, " +
                        std::to_string(features) + " features and a class");
    for (Eigen::Index k = 0; k < features; ++k)
      set.x(row, k) = table.number(words[static_cast<std::size_t>(k) + 1]);
    const int label = table.integer(words.back());
    if (label < 0 || label >= set.classes)
      table.refuse_line("has class " + std::to_string(label) + " of " + std::to_string(set.classes) +
                        ", counted from 0");
    set.labels.push_back(label);
  }
  if (set.labels.size() != static_cast<std::size_t>(rows))
    table.refuse("it has " + std::to_string(set.labels.size()) + " rows of " + std::to_string(rows));
  set.halves = uci_detail::read_splits<1>(here / "conxuntos.dat", rows)[0];
  set.folds = uci_detail::read_splits<4>(here / "conxuntos_kfold.dat", rows);
  return set;
}

}  // namespace program
