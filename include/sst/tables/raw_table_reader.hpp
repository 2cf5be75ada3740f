// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <sst/io/bytes.hpp>
#include <sst/io/csv_format.hpp>
#include <sst/io/text_window.hpp>
#include <sst/tables/raw_table.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A CSV file that is read some rows at a time, in memory that does not depend on how many it has: the rows
/// of `read_raw_table`, by the same evidence, with the same errors, the first of which comes when its row
/// does.
///
/// \code
/// sst::FileSource file("large.csv");  // or GzipSource, or StreamSource for a pipe
/// sst::RawTableReader reader(file);
/// for (sst::RawTable rows = reader.next(1024); !rows.rows.empty(); rows = reader.next(1024)) use(rows);
/// \endcode
///
/// What is evidence for the format is in the first rows (docs/data.md); later ones that contradict it are
/// errors. A row of more than 32 MiB is one too: a quote may be open.
class RawTableReader {
 public:
  /// Reads the first rows. Keeps a reference: `source` has to outlive it. `piece`: bytes that are read at
  /// once. Throws DataError as `read_raw_table` does for what is no table of text.
  explicit RawTableReader(ByteSource& source, const CsvFormat& format = {},
                          std::size_t piece = std::size_t{1} << 18U)
      : window_(source, format.encoding, piece), rows_(window_, format) {}
  RawTableReader(const RawTableReader&) = delete;
  RawTableReader& operator=(const RawTableReader&) = delete;

  /// The next rows, `count` of them (1 or more) where there are so many, and none behind the last one. A row
  /// that has nothing in it brings the next one along: whether it is one of those that end a file and are no
  /// samples, what follows tells. Throws DataError with the row and column of what is wrong.
  RawTable next(std::size_t count) { return rows_.take(count); }
  /// Of what was read from the source, the share in (0, 1] that has become rows; the rest waits in memory.
  double consumed() const { return rows_.consumed(); }

 private:
  detail::TextWindow window_;
  detail::RawRows rows_;
};

}  // namespace SST_ABI
}  // namespace sst
