// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <nlohmann/json.hpp>

#include <sst/base/plain_text.hpp>
#include <sst/base/text_table.hpp>

#include "pair_table.hpp"
#include "uci_results.hpp"

/// \file
/// What the results on all sets say of the methods.

namespace program {

/// Accuracies of methods, a column each, on the same sets, a row each.
class Comparison {
 public:
  /// `all`: every method on each of the sets, by both protocols or one; of which one is compared.
  Comparison(const std::vector<Result>& all, Protocol protocol) : protocol_(protocol) {
    std::vector<double> found;  // set by set
    for (const Result& result : all) {
      if (result.protocol != protocol) continue;
      if (result.set == all[0].set) methods_.push_back(result.method);
      found.push_back(std::round(1e9 * result.outcome.accuracy()) / 1e9);  // equal counts are equal numbers
    }
    const auto methods = static_cast<Eigen::Index>(methods_.size());
    accuracies_ = Eigen::Map<const Eigen::MatrixXd>(found.data(), methods,
                                                    static_cast<Eigen::Index>(found.size()) / methods)
                      .transpose();
  }

  friend std::ostream& operator<<(std::ostream& out, const Comparison& found) {
    out << "\nMean over the four folds and " << found.accuracies_.rows() << " sets, "
        << protocol_name(found.protocol_) << " protocol\n\n"
        << found.averages();
    if (found.accuracies_.rows() > 1 && found.accuracies_.cols() > 1)
      out << "\nBy how much the first is better, on how many sets, and Wilcoxon's signed ranks\n\n"
          << pair_table(found.methods_, compare_pairs(found.accuracies_));
    return out;
  }

 private:
  /// P90, P95: the share of sets with that share of the best accuracy there; PMA: the mean share of it (both
  /// of Fernandez-Delgado et al. 2014).
  sst::TextTable averages() const {
    using enum sst::TextTable::Align;
    sst::TextTable out({{"method"},
                        {"accuracy %", right, 2},
                        {"P90 %", right, 1},
                        {"P95 %", right, 1},
                        {"PMA %", right, 2},
                        {"best or tied", right}});
    const Eigen::ArrayXd best = accuracies_.rowwise().maxCoeff();
    for (Eigen::Index j = 0; j < accuracies_.cols(); ++j) {
      const Eigen::ArrayXd accuracy = accuracies_.col(j);
      const auto share_within = [&](double share) {
        return 100 * (accuracy >= share * best).cast<double>().mean();
      };
      out.add_row({name(j), 100 * accuracy.mean(), share_within(0.9), share_within(0.95),
                   100 * (accuracy / best).mean(), (accuracy == best).count()});
    }
    return out;
  }
  const std::string& name(Eigen::Index j) const { return methods_[static_cast<std::size_t>(j)]; }

  Protocol protocol_;
  std::vector<std::string> methods_;
  Eigen::MatrixXd accuracies_;
};

inline void write_csv(std::ostream& out, const std::vector<Result>& results) {
  out << "set,rows,features,classes,method,protocol,accuracy,fold_1,fold_2,fold_3,fold_4,chosen\n";
  for (const Result& result : results) {
    sst::detail::PlainText line;
    line.precision(17);
    line << result.set << ',' << result.rows << ',' << result.features << ',' << result.classes << ','
         << result.method << ',' << protocol_name(result.protocol) << ',' << result.outcome.accuracy();
    for (const double fold : result.outcome.folds) line << ',' << fold;
    line.precision(6);
    const char* before = ",";
    for (const Choice& choice : result.outcome.chosen)
      line << std::exchange(before, "; ") << choice.kernel << " at " << choice.setting;
    out << line.str() << '\n';
  }
}

inline void write_json(std::ostream& out, const std::vector<Result>& results) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Result& result : results) all.push_back(to_json(result));
  out << nlohmann::ordered_json{{"results", all}}.dump(1) << '\n';
}

}  // namespace program
