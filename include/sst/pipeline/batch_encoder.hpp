// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include <sst/error.hpp>
#include <sst/io/table_problems.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/target.hpp>
#include <sst/tables/raw_table.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// TableEncoding::apply of a table that comes in batches (RawTableReader): the same samples, in batches of
/// any other length, and at the end the same sentence about all that is wrong.
///
/// \code
/// sst::BatchEncoder encoder(encoding, sst::Purpose::predict);
/// for (sst::RawTable rows = reader.next(4096); !rows.rows.empty(); rows = reader.next(4096)) {
///   encoder.add(rows);
///   predict(encoder.take(1024));
/// }
/// encoder.finish();
/// \endcode
class BatchEncoder {
 public:
  /// Keeps a reference: `encoding` has to outlive it.
  BatchEncoder(const TableEncoding& encoding, Purpose purpose) : encoding_(encoding), purpose_(purpose) {}

  /// Encodes the next rows of the table. Throws DataError for its columns.
  void add(const RawTable& rows) {
    if (!problems_) problems_.emplace(rows.source);
    EncodedTable more = encoding_.apply(rows, purpose_, *problems_);
    counts_.source = rows.source;
    for (const auto& [why, count] : more.dropped) counts_.dropped[why] += count;
    for (const auto& [what, count] : more.unknown) counts_.unknown[what] += count;
    rows_ += more.x.rows();
    if (sound()) append(std::move(more));
  }
  /// Whether nothing was wrong so far. Once something is, no more samples come, and what else is wrong is
  /// collected.
  bool sound() const { return !problems_ || problems_->empty(); }
  /// Samples that were encoded and not taken.
  Eigen::Index waiting() const { return waiting_.x.rows(); }
  /// The first `count` of those that wait, or all where they are fewer. A target without a value in them may
  /// be empty.
  EncodedTable take(Eigen::Index count) {
    if (count >= waiting()) return std::exchange(waiting_, {});
    std::vector<Eigen::Index> order(static_cast<std::size_t>(waiting()));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    EncodedTable out = select_rows(waiting_, {order.begin(), order.begin() + count});
    waiting_ = select_rows(waiting_, {order.begin() + count, order.end()});
    return out;
  }
  /// Behind the last rows: throws DataError for all that was wrong with any, and where none is complete.
  void finish() const {
    if (problems_) problems_->raise();
    if (rows_ == 0) detail::fail_without_rows(counts_.source);
  }

  /// Samples in all rows so far.
  Eigen::Index rows() const { return rows_; }
  /// What was left out of all rows so far, and their unknown categories; no samples.
  const EncodedTable& counts() const { return counts_; }

 private:
  void append(EncodedTable more) {
    if (waiting() == 0) {
      waiting_ = std::move(more);
      return;
    }
    const Eigen::Index before = waiting();
    waiting_.x.conservativeResize(before + more.x.rows(), Eigen::NoChange);
    waiting_.x.bottomRows(more.x.rows()) = more.x;
    for (std::size_t t = 0; t < more.targets.size(); ++t) {
      std::vector<std::string>& all = waiting_.targets[t];
      if (all.empty() && more.targets[t].empty()) continue;  // as if the table had none
      all.resize(waiting_.lines.size());
      more.targets[t].resize(more.lines.size());
      all.insert(all.end(), more.targets[t].begin(), more.targets[t].end());
    }
    waiting_.lines.insert(waiting_.lines.end(), more.lines.begin(), more.lines.end());
  }

  const TableEncoding& encoding_;
  Purpose purpose_;
  std::optional<detail::TableProblems> problems_;
  EncodedTable waiting_, counts_;
  Eigen::Index rows_ = 0;
};

}  // namespace SST_ABI
}  // namespace sst
