// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iomanip>
#include <map>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <nlohmann/json.hpp>

#include <sst/base/every.hpp>
#include <sst/base/progress.hpp>
#include <sst/base/text_table.hpp>
#include <sst/io/csv.hpp>
#include <sst/ntk.hpp>
#include <sst/pipeline/scaling.hpp>
#include <sst/selection/effective_depth.hpp>
#include <sst/selection/paired_tests.hpp>
#include <sst/selection/split.hpp>

/// \file
/// The paper's comparison over many random splits: by how much a topology is better, how surely, how often.

/// A topology's name, and what makes it at each depth.
using NamedFamily = std::pair<std::string, std::function<sst::Topology(int)>>;

/// Test errors of every topology, depth and kernel on the same splits.
class SplitStudy {
 public:
  /// Runs it on `count` splits with a tenth of the rows to test on, by the seeds 0, 1, ...; features and
  /// target as they are, or to mean 0 and standard deviation 1 over the training rows. Errors are in the
  /// target's units.
  SplitStudy(const sst::Dataset& data, std::vector<NamedFamily> families, std::vector<int> depths, int count,
             bool standardize, const sst::NetworkOptions& options, const sst::ProgressFunction& progress)
      : families_(std::move(families)),
        depths_(std::move(depths)),
        count_(count),
        standardized_(standardize) {
    for (int split = 0; split < count; ++split) {
      const sst::Split rows =
          sst::train_test_split(data.x.rows(), test_share, static_cast<std::uint32_t>(split));
      train_rows_ = static_cast<Eigen::Index>(rows.train.size());
      test_rows_ = static_cast<Eigen::Index>(rows.test.size());
      Eigen::MatrixXd x = data.x, y = data.y;
      double unit = 1;
      if (standardize) {
        x = sst::Scaling::standard(x(rows.train, sst::every)).apply(x);
        const sst::Scaling target = sst::Scaling::standard(y(rows.train, sst::every));
        y = target.apply(y);
        unit = target.scale[0];
      }
      const Eigen::MatrixXd train = x(rows.train, sst::every), train_y = y(rows.train, sst::every);
      const Eigen::MatrixXd test = x(rows.test, sst::every), test_y = y(rows.test, sst::every);
      const auto error = [&](const sst::KernelFunction& kernel) {
        const sst::Model model = sst::fit(kernel, train, train_y, sst::Ridge::relative(0.1));
        return unit * unit * (model.predict(test) - test_y).squaredNorm() / static_cast<double>(test_rows_);
      };
      for (const auto& [name, family] : families_)
        for (const int depth : depths_) {
          const sst::Topology topology = family(depth);
          Result& result = results_[{name, depth}];
          result.errors[0].push_back(error(sst::ntk(topology, options)));
          result.errors[1].push_back(error(sst::nngp(topology, options)));
          if (split == 0) result.effective_depth = sst::effective_depth(topology, train);
        }
      if (progress && !progress((split + 1.0) / count)) return;
    }
  }

  friend std::ostream& operator<<(std::ostream& out, const SplitStudy& study) {
    using enum sst::TextTable::Align;
    std::vector<sst::TextTable::Column> columns{{"topology"}};
    for (const int depth : study.depths_) columns.push_back({"K=" + std::to_string(depth), right, 2});
    sst::TextTable depths(columns);
    for (const auto& [name, family] : study.families_) {
      std::vector<sst::TextTable::Cell> row{name};
      for (const int depth : study.depths_)
        row.emplace_back(study.results_.at({name, depth}).effective_depth);
      depths.add_row(row);
    }
    out << "\nEffective depth: how many layers a signal passes, in the mean, by depth K\n\n" << depths;
    for (std::size_t kernel = 0; kernel < kernels.size(); ++kernel) {
      sst::TextTable table(columns);
      for (const auto& [name, family] : study.families_) {
        std::vector<sst::TextTable::Cell> row{name};
        for (const int depth : study.depths_) row.emplace_back(study.errors(name, depth, kernel).mean());
        table.add_row(row);
      }
      out << "\nMean squared error, mean of " << study.count_ << " splits, "
          << (study.standardized_ ? "standardised" : "raw") << ", " << kernels[kernel]
          << " regression, by depth K\n\n"
          << table;
      for (const auto& [first, second] : pairs) {
        sst::TextTable against({{"K", right},
                                {"difference", right, 2},
                                {"95 % from", right, 2},
                                {"to", right, 2},
                                {"wins %", right, 0}});
        for (const int depth : study.depths_) {
          const sst::SplitComparison found = study.compare(first, second, depth, kernel);
          against.add_row(
              {depth, found.difference.value, found.difference.low, found.difference.high, 100 * found.wins});
        }
        out << "\n" << first << " less " << second << ", " << kernels[kernel] << "\n\n" << against;
      }
    }
    return out << "\nIntervals allow for training sets that overlap (Nadeau and Bengio 2003).\n";
  }

  /// Every error, and what is told of it.
  nlohmann::ordered_json json() const {
    nlohmann::ordered_json out{{"splits", count_}, {"standardized", standardized_}};
    for (const auto& [name, family] : families_)
      for (const int depth : depths_) {
        const std::string k = std::to_string(depth);
        out["effective_depth"][name][k] = results_.at({name, depth}).effective_depth;
        for (std::size_t kernel = 0; kernel < kernels.size(); ++kernel)
          out["mse"][name][kernels[kernel]][k] = results_.at({name, depth}).errors[kernel];
      }
    for (const auto& [first, second] : pairs)
      for (std::size_t kernel = 0; kernel < kernels.size(); ++kernel)
        for (const int depth : depths_) {
          const sst::SplitComparison found = compare(first, second, depth, kernel);
          out["comparisons"].push_back({{"first", first},
                                        {"second", second},
                                        {"kernel", kernels[kernel]},
                                        {"K", depth},
                                        {"difference", found.difference.value},
                                        {"low", found.difference.low},
                                        {"high", found.difference.high},
                                        {"wins", found.wins}});
        }
    return out;
  }

 private:
  static constexpr double test_share = 0.1;
  static constexpr std::array<const char*, 2> kernels{"ntk", "nngp"};
  static constexpr std::array<std::pair<const char*, const char*>, 3> pairs{
      {{"sparse_shortcut", "residual"}, {"sparse_shortcut", "chain"}, {"residual", "chain"}}};

  struct Result {
    std::array<std::vector<double>, 2> errors;  // by the kernel, then by the split
    double effective_depth = 0;
  };

  Eigen::VectorXd errors(const std::string& name, int depth, std::size_t kernel) const {
    const std::vector<double>& found = results_.at({name, depth}).errors[kernel];
    return Eigen::Map<const Eigen::VectorXd>(found.data(), static_cast<Eigen::Index>(found.size()));
  }
  sst::SplitComparison compare(const char* first, const char* second, int depth, std::size_t kernel) const {
    return sst::compare_on_splits(errors(first, depth, kernel), errors(second, depth, kernel), train_rows_,
                                  test_rows_, sst::Better::smaller);
  }

  std::vector<NamedFamily> families_;
  std::vector<int> depths_;
  int count_;
  bool standardized_;
  Eigen::Index train_rows_ = 0, test_rows_ = 0;
  std::map<std::pair<std::string, int>, Result> results_;
};
