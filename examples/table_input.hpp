// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/bytes.hpp>
#include <sst/io/npy_rows.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/selection/split.hpp>
#include <sst/tables/raw_table.hpp>
#include <sst/tables/raw_table_reader.hpp>
#ifdef SST_WITH_ZLIB
#include <sst/io/gzip.hpp>
#endif

#include "table_options.hpp"

/// \file
/// Tables of any length, some rows at a time.

namespace program {

/// The names of the columns of the training table; none without a header.
inline std::vector<std::string> column_names(const sst::TableEncoding& encoding) {
  std::vector<std::string> out;
  for (const sst::ColumnEncoding& column : encoding.columns)
    if (!column.name.empty()) out.push_back(column.name);
  return out;
}

/// A table that goes with a training table: CSV from a file, a packed one, a pipe or standard input ("-"), or
/// a file that is NPY.
class TableInput {
 public:
  TableInput(const std::string& file, const TableOptions& o, const sst::TableEncoding& encoding)
      : encoding_(encoding), format_(csv_format(o, column_names(encoding))) {
    if (file != "-") opened_ = sst::detail::open_for_reading(file);
    bytes_.emplace(file == "-" ? std::cin : static_cast<std::istream&>(*opened_), input_name(file));
    std::error_code unknown;  // of a pipe
    if (const std::uintmax_t size = std::filesystem::file_size(file, unknown); file != "-" && !unknown)
      size_ = static_cast<double>(size);
    if (sst::is_npy(bytes_->start()) && size_ > 0) {
      matrix_.emplace(file);
      matrix_rows_.emplace(*matrix_);
      return;
    }
#ifdef SST_WITH_ZLIB
    if (sst::is_gzip(bytes_->start())) {
      unpacked_.emplace(*bytes_);
      text_.emplace(*unpacked_, format_);
      return;
    }
#endif
    text_.emplace(*bytes_, format_);
  }

  /// The next rows, none behind the last one; see RawTableReader.
  sst::RawTable next(std::size_t count) {
    return matrix_rows_ ? matrix_rows(static_cast<Eigen::Index>(count)) : text_->next(count);
  }
  /// Of the file the share that has become rows; NaN where nobody knows how long it is.
  double fraction() const {
    if (matrix_rows_) return static_cast<double>(first_) / static_cast<double>(matrix_rows_->rows());
    if (!(size_ > 0)) return std::numeric_limits<double>::quiet_NaN();
    return std::min(1.0, static_cast<double>(bytes_->taken()) / size_ * text_->consumed());
  }

 private:
  /// A matrix has no names. Its columns are those of the training table in their order: all, or all but the
  /// targets, or those alone that the model takes.
  std::vector<std::string> matrix_names() const {
    const auto columns = static_cast<std::size_t>(matrix_rows_->cols());
    std::vector<std::string> all, inputs, taken;
    for (std::size_t c = 0; c < encoding_.columns.size(); ++c) {
      const sst::ColumnEncoding& column = encoding_.columns[c];
      all.push_back(column.name);
      if (!encoding_.is_target(c)) inputs.push_back(column.name);
      if (column.kind != sst::ColumnEncoding::Kind::left_out) taken.push_back(column.name);
    }
    for (const auto& names : {all, inputs, taken})
      if (names.size() == columns) return names;
    throw sst::DataError("'" + bytes_->name() + "' has " + std::to_string(columns) +
                         " columns and the training table " + std::to_string(all.size()) + " (" +
                         std::to_string(taken.size()) +
                         " that the model takes); give the same columns, in their order");
  }
  sst::RawTable matrix_rows(Eigen::Index count) {
    const Eigen::MatrixXd rows = matrix_rows_->next(count);
    sst::RawTable table{{}, {}, {}, bytes_->name(), format_};
    if (!column_names(encoding_).empty()) table.columns = matrix_names();
    table.format.separator = ',';
    table.format.decimal = '.';
    table.format.header = sst::CsvHeader::no;
    for (Eigen::Index i = 0; i < rows.rows(); ++i) {
      table.lines.push_back(static_cast<std::size_t>(++first_));
      auto& fields = table.rows.emplace_back();
      for (Eigen::Index j = 0; j < rows.cols(); ++j) fields.push_back(sst::detail::shortest(rows(i, j)));
    }
    return table;
  }

  const sst::TableEncoding& encoding_;
  sst::CsvFormat format_;
  std::optional<std::ifstream> opened_;
  std::optional<sst::StreamSource> bytes_;
  double size_ = 0;
#ifdef SST_WITH_ZLIB
  std::optional<sst::UnpackedSource> unpacked_;
#endif
  std::optional<sst::RawTableReader> text_;
  std::optional<sst::FileSource> matrix_;
  std::optional<sst::NpyRows> matrix_rows_;
  Eigen::Index first_ = 0;
};

}  // namespace program
